//! `usage-ledger audit trace`: from the cell of a workbook to the line of a chunk and back, asked of a ledger that runs.

use std::fmt::Write;

use clap::Args;
use serde_json::Value;

use super::past::{asked, put, text};
use crate::cli::CliError;
use crate::cli::server::ServerArgs;

const EXAMPLES: &str = "\
Down: which cell of which workbook a line of a chunk was read from. Up: what became of a row that was uploaded.

Examples:
  usage-ledger audit trace UR-…               a record
  usage-ledger audit trace UFC-…:17           row 17 of a chunk's workbook
  usage-ledger audit trace \"$(sha256sum october.xlsx | cut -d' ' -f1):17\"   row 17 of a workbook that was uploaded
  usage-ledger audit trace UF-… --record-id 2026-10-17/vm-1     by the vendor's own id, in a usage file
  usage-ledger audit trace CRD-… --record-id 2026-10-17/vm-1    in all files of a contract that the key sees";

/// Arguments of `audit trace`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TraceArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// A record (UR-…), a row of a chunk (UFC-…:ROW) or of an uploaded workbook (SHA256:ROW); with --record-id a usage file
    /// (UF-…) or a contract (CRD-…).
    of: String,
    /// The id that the vendor gave the record.
    #[arg(long, value_name = "ID")]
    record_id: Option<String>,
    /// The product that the id is one of, where a contract has several.
    #[arg(long, value_name = "PRD-…", requires = "record_id")]
    product: Option<String>,
    /// As it was known then: an instant or positions.
    #[arg(long, value_name = "WHEN")]
    as_of: Option<String>,
}

/// Shows where something came from and where it went.
pub(crate) fn trace(args: &TraceArgs) -> Result<(), CliError> {
    checked(args)?;
    let path = format!("usage/provenance/{}", args.of);
    let given = [("record_id", &args.record_id), ("product", &args.product), ("as_of", &args.as_of)];
    let given: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
    let what = args.record_id.as_ref().map_or_else(|| args.of.clone(), |id| format!("{id} in {}", args.of));
    let (found, _) = asked(&what, args.server.client()?.get_ours_as_of(&path, &given))?;
    if args.server.json {
        put(&format!("{found:#}"));
        return Ok(());
    }
    let records: Vec<String> = found.as_array().into_iter().flatten().map(shown).collect();
    put(&records.join("\n"));
    Ok(())
}

/// Whether the id is one that can be asked about: what is nothing at all is said here, with the forms that there are.
fn checked(args: &TraceArgs) -> Result<(), CliError> {
    let of = args.of.as_str();
    let is_file = of.starts_with("UF-");
    let is_row = of.starts_with("UR-") || of.contains(':');
    let fits = of.chars().all(|c| c.is_ascii_alphanumeric() || "-_:".contains(c));
    let said = match (&args.record_id, is_file, is_row) {
        (Some(_), _, false) | (None, false, true) if fits => return Ok(()),
        (None, true, _) => "has many records: say which one with --record-id, or ask about UR-…",
        (Some(_), _, true) => {
            "is a record or a row by itself: leave --record-id out, or give it with UF-… or a contract"
        }
        _ => {
            "is no record (UR-…), row of a chunk (UFC-…:17) or row of a workbook (SHA256:17), nor, with --record-id, a \
             usage file or a contract"
        }
    };
    Err(CliError::Usage(format!("{of} {said}")))
}

/// One record, from the cell to the line.
fn shown(record: &Value) -> String {
    let mut lines = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a text can't fail.
        let _ = if value.is_empty() { Ok(()) } else { writeln!(lines, "  {name:<10} {value}") };
    };
    let row = number(record, "/row");
    let upload = number(record, "/workbook/upload");
    if record.get("workbook").is_some() {
        let name = [text(record, "/workbook/filename"), "a workbook"].into_iter().find(|name| !name.is_empty());
        line("workbook", &format!("{}, upload {upload}", name.unwrap_or_default()));
        line("sha-256", text(record, "/workbook/sha256"));
        line("row", &row);
    } else {
        line("reported", &format!("without a workbook, as record {row}"));
    }
    for cell in record.get("cells").and_then(Value::as_array).into_iter().flatten() {
        let value = format!("{:<24} {}", text(cell, "/column"), text(cell, "/raw"));
        line(&format!("  {}", text(cell, "/cell")), &value);
    }
    line("read", &place(record, "/read"));
    line("checked", &place(record, "/checked"));
    line("processed", &format!("row {} of the processed workbook", number(record, "/processed_row")));
    let chunk = text(record, "/chunk/id");
    line("chunk", &if chunk.is_empty() { String::new() } else { format!("{chunk}:{}", number(record, "/chunk/row")) });
    line("closed", &closed(record));
    let head = [text(record, "/record"), text(record, "/status")].join("  ");
    format!("{}, of {}\n{lines}", head.trim_end(), text(record, "/usagefile"))
}

fn closed(record: &Value) -> String {
    let parts = [
        ("", place(record, "/closed/position")),
        ("by ", text(record, "/closed/reconciliation").to_owned()),
        ("billed as ", text(record, "/closed/external_billing_id").to_owned()),
        ("note: ", text(record, "/closed/external_billing_note").to_owned()),
    ];
    let parts = parts.into_iter().filter(|(_, part)| !part.is_empty()).map(|(word, part)| format!("{word}{part}"));
    parts.collect::<Vec<_>>().join(", ")
}

/// Where a fact stands, as `--as-of` takes it.
fn place(record: &Value, pointer: &str) -> String {
    let host = text(record, &format!("{pointer}/host"));
    let sequence = number(record, &format!("{pointer}/sequence"));
    if host.is_empty() { String::new() } else { format!("{host}:{sequence}") }
}

fn number(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).map(Value::to_string).unwrap_or_default()
}
