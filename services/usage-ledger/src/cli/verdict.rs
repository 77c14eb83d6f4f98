//! What was found in a workbook, as people read it in a terminal: the first faults as a table, then counts and sums.
//! Made from the JSON that the API answers, so that a dry run and an offline check read alike.

use std::io::{self, Write};

use serde_json::Value;

/// Characters of the columns before the sentence.
const INDENT: usize = 29;
/// Characters of a line of the table, where the terminal doesn't say otherwise.
const LINE_CHARS: usize = 110;

/// Writes faults as a table.
pub(super) fn table(out: &mut impl Write, faults: &[Value]) -> io::Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    writeln!(out, "{:>7}  {:<6}  {:<12}  what is wrong, and what would be right", "row", "cell", "code")?;
    for fault in faults {
        let text = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
        let row = fault.get("row").map_or_else(|| "—".to_owned(), Value::to_string);
        let cell = if text("cell").is_empty() { "—" } else { text("cell") };
        let warning = if text("severity") == "warning" { "Warning: " } else { "" };
        let message = format!("{warning}{}.", text("message").trim_end_matches('.'));
        let mut lines = wrapped(&message, LINE_CHARS - INDENT - 4).into_iter();
        let first = lines.next().unwrap_or_default();
        writeln!(out, "{row:>7}  {cell:<6}  {:<12}  {first}", text("code"))?;
        for line in lines {
            writeln!(out, "{:INDENT$}  {line}", "")?;
        }
        if !text("fix").is_empty() {
            for (at, line) in wrapped(text("fix"), LINE_CHARS - INDENT - 4).iter().enumerate() {
                writeln!(out, "{:INDENT$}  {} {line}", "", if at == 0 { "→" } else { " " })?;
            }
        }
    }
    Ok(())
}

/// Writes the verdict on a workbook; `hint` says how to see the faults that are not shown.
pub(super) fn whole(out: &mut impl Write, verdict: &Value, shown: usize, hint: &str) -> io::Result<()> {
    let empty = Vec::new();
    let faults = verdict.get("errors").and_then(Value::as_array).unwrap_or(&empty);
    let first = faults.get(..shown.min(faults.len())).unwrap_or_default();
    table(out, first)?;
    let is_cut = verdict.get("truncated").and_then(Value::as_bool).unwrap_or(false) || first.len() < faults.len();
    if is_cut {
        writeln!(out, "{:>7}  {hint}", "…")?;
    }
    if !first.is_empty() {
        writeln!(out)?;
    }
    let count = |pointer: &str| verdict.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let counts = format!(
        "{} records: {} valid, {} invalid, {}",
        count("/stats/uploaded"),
        count("/stats/validated"),
        count("/stats/invalid"),
        plural(count("/warnings"), "warning")
    );
    writeln!(out, "{}: {counts}", verdict.get("status").and_then(Value::as_str).unwrap_or_default())?;
    for (name, title) in [("totals", "total"), ("exempt", "not billed")] {
        let totals = verdict.get(name).and_then(Value::as_array).into_iter().flatten();
        for total in totals {
            writeln!(out, "  {title}: {}", sums(total))?;
        }
    }
    let codes = verdict.get("codes").and_then(Value::as_object).into_iter().flatten();
    let codes: Vec<String> = codes.map(|(code, count)| format!("{code} × {count}")).collect();
    if !codes.is_empty() {
        writeln!(out, "  errors: {}", codes.join(", "))?;
    }
    let ignored = verdict.get("ignored_columns").and_then(Value::as_array).into_iter().flatten();
    let ignored: Vec<&str> = ignored.filter_map(Value::as_str).collect();
    if !ignored.is_empty() {
        writeln!(out, "  columns that were left out: {}", ignored.join(", "))?;
    }
    Ok(())
}

fn sums(total: &Value) -> String {
    let text = |name: &str| total.get(name).map(Value::to_string).unwrap_or_default();
    let records = total.get("records").and_then(Value::as_u64).unwrap_or(0);
    let tier = total.get("tier").map(|tier| format!(", tier {tier}")).unwrap_or_default();
    let amount = total.get("currency").and_then(Value::as_str);
    let amount = amount.map(|currency| format!(", amount {} {currency}", text("amount"))).unwrap_or_default();
    format!("{}{tier}, quantity {}{amount}", plural(records, "record"), text("quantity"))
}

fn plural(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// A text in lines of at most so many characters, cut between words.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= most {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_verdict_reads_as_a_table_with_counts_and_sums() {
        let long =
            "Column amount holds a formula whose value was never computed, so that nobody knows what it would be";
        let verdict = json!({
            "status": "invalid",
            "stats": {"uploaded": 5, "validated": 3, "invalid": 2},
            "totals": [{"currency": "USD", "tier": 0, "records": 1, "quantity": 2.5, "amount": -3}],
            "exempt": [{"records": 2, "quantity": 7}],
            "codes": {"USG_FILE_006": 1, "USG_FILE_110": 1},
            "warnings": 1,
            "ignored_columns": ["Remark"],
            "errors": [
                {"row": 4, "cell": "E4", "code": "USG_FILE_006", "severity": "error", "message": "No number",
                 "fix": "Write 7."},
                {"row": 9, "code": "USG_FILE_118", "severity": "warning", "message": "Tiers 1 are missing."},
                {"row": 10, "cell": "AA10", "code": "USG_FILE_110", "severity": "error", "message": long},
            ],
            "truncated": false,
        });
        let mut out = Vec::new();
        whole(&mut out, &verdict, 3, "more: --limit 0").unwrap();
        let want = [
            "    row  cell    code          what is wrong, and what would be right",
            "      4  E4      USG_FILE_006  No number.",
            "                               → Write 7.",
            "      9  —       USG_FILE_118  Warning: Tiers 1 are missing.",
            "     10  AA10    USG_FILE_110  Column amount holds a formula whose value was never computed, so that nobody",
            "                               knows what it would be.",
            "",
            "invalid: 5 records: 3 valid, 2 invalid, 1 warning",
            "  total: 1 record, tier 0, quantity 2.5, amount -3 USD",
            "  not billed: 2 records, quantity 7",
            "  errors: USG_FILE_006 × 1, USG_FILE_110 × 1",
            "  columns that were left out: Remark",
            "",
        ]
        .join("\n");
        assert_eq!(String::from_utf8(out).unwrap(), want);
        let mut out = Vec::new();
        whole(&mut out, &verdict, 1, "more: --limit 0").unwrap();
        assert!(String::from_utf8(out).unwrap().contains("→ Write 7.\n      …  more: --limit 0\n\ninvalid"));
    }
}
