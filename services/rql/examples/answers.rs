//! Answers queries over rows, for `tests/clients/rql_oracle.py`, which compares the answers with those of Connect's own
//! libraries. The first line of the input is `{"list": "files", "rows": […]}`, each other one a query as it stands in
//! an address; the answer to each is a line: the ids of the page and its `Content-Range`, or the kind of the error.

use std::io::{self, BufRead, Write};

use rql::{Compiled, FILES, Field, Page, Query, RECORDS, RqlError, content_range};
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let mut lines = io::stdin().lock().lines();
    let world: Value = serde_json::from_str(&lines.next().unwrap_or(Ok(String::new()))?)?;
    let fields = if world["list"] == "records" { RECORDS } else { FILES };
    let rows = world["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in lines {
        let answer = answer(&line?, fields, rows).unwrap_or_else(|error| json!({ "error": kind(&error) }));
        writeln!(out, "{answer}")?;
    }
    out.flush()
}

fn answer(raw: &str, fields: &'static [Field], rows: &[Value]) -> Result<Value, RqlError> {
    let query = Query::parse(raw)?;
    let page = Page::of(&query);
    let compiled = Compiled::new(query, fields, |_| true)?;
    let mut found: Vec<Value> = rows.iter().filter(|row| compiled.matches(*row)).cloned().collect();
    compiled.sort(&mut found);
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let ids: Vec<&Value> = found.iter().skip(size(page.offset)).take(size(page.limit)).map(|row| &row["id"]).collect();
    Ok(json!({ "ids": ids, "range": content_range(page.offset, ids.len() as u64, found.len() as u64) }))
}

/// `Parsing`, `Lookup` or `Value`, as clients see it.
fn kind(error: &RqlError) -> String {
    error.to_string().split(' ').nth(1).unwrap_or_default().to_owned()
}
