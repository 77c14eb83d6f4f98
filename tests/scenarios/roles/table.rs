//! The two tables of expected answers as they are read, and the one place that says what their cells mean.

use std::collections::BTreeMap;

use crate::scenarios::http::Answer;

/// What stands in front of a path that doesn't begin with a slash.
const BASE: &str = "/public/v1/";

/// What an answer tells of having been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// This status.
    Status(u16),
    /// A list, which may have nothing.
    List,
    /// A stream of events, which is not read to its end.
    Stream,
    /// An entry for each object, with the status of the whole being 206.
    Each,
}

/// What goes along with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Nothing,
    Json(String),
    /// A workbook in this field, and texts in others.
    Form(String, Vec<(String, String)>),
}

/// An operation and its expected cells: a row of columns for each name.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) method: String,
    /// From the root, with `{file}` and the like where ids come.
    pub(super) path: String,
    pub(super) payload: Payload,
    pub(super) done: Done,
    pub(super) rows: BTreeMap<String, Vec<String>>,
}

impl Operation {
    /// `POST usage/files/{file}/accept {"acceptance_note": "x"} -> 201`
    fn parse(line: &str) -> Option<Self> {
        let (asked, done) = line.split_once(" -> ")?;
        let (method, rest) = asked.split_once(' ')?;
        let (path, payload) = rest.split_once(' ').unwrap_or((rest, ""));
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{BASE}{path}") };
        let done = match done {
            "list" => Done::List,
            "stream" => Done::Stream,
            "each" => Done::Each,
            status => Done::Status(status.parse().expect("a status")),
        };
        Some(Self { method: method.to_owned(), path, payload: Payload::parse(payload), done, rows: BTreeMap::new() })
    }

    /// A cell, where the row has one.
    pub(super) fn cell(&self, row: &str, column: usize) -> Option<&str> {
        self.rows.get(row).map(|cells| cells[column].as_str())
    }
}

impl Payload {
    fn parse(text: &str) -> Self {
        let Some(form) = text.strip_prefix('<') else {
            return if text.is_empty() { Self::Nothing } else { Self::Json(text.to_owned()) };
        };
        let (field, others) = form.split_once('>').expect("the field of the workbook");
        let pairs = others.split_whitespace().filter_map(|pair| pair.split_once('='));
        Self::Form(field.to_owned(), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// Reads a table. A row begins with its name where the table has several rows for an operation.
pub(super) fn parse(text: &str, columns: usize, named: bool) -> Vec<Operation> {
    let (_, body) = text.split_once("\n# ").expect("a heading");
    let mut operations: Vec<Operation> = Vec::new();
    for line in body.lines() {
        if let Some(row) = line.strip_prefix("    ") {
            let mut cells: Vec<String> = row.split_whitespace().map(str::to_owned).collect();
            let name = if named { cells.remove(0) } else { String::new() };
            assert_eq!(cells.len(), columns, "{line}");
            let operation = operations.last_mut().expect("a row stands below its operation");
            assert!(operation.rows.insert(name, cells).is_none(), "a row stands twice: {line}");
        } else if let Some(operation) = Operation::parse(line) {
            operations.push(operation);
        }
    }
    operations
}

/// What an answer is, as a cell says it; an answer that no cell means is told whole.
pub(super) fn cell_of(answer: &Answer, done: Done) -> String {
    match (done, answer.status) {
        (Done::List, 200) => answer.total().to_string(),
        (Done::Each, 206) => {
            let entry = &answer.json()[0];
            match entry["status"].as_str() {
                Some("closed") => "+".to_owned(),
                _ => refusal(entry["error_codes"].as_str().unwrap_or_default()).unwrap_or("?").to_owned(),
            }
        }
        (Done::Stream, 200) => "+".to_owned(),
        (Done::Status(expected), status) if expected == status => "+".to_owned(),
        (_, status) if status >= 400 => {
            let (status, code) = answer.refusal();
            let known = refusal(&code).filter(|_| status == status_of(&code));
            known.map_or_else(|| format!("{answer:?}"), str::to_owned)
        }
        _ => format!("{answer:?}"),
    }
}

/// Whether an answer is what a cell expects.
pub(super) fn agrees(cell: &str, found: &str, named: bool) -> bool {
    let some = found.parse::<u64>().is_ok_and(|count| count > 0);
    match cell {
        "n" => some,
        // Where the table is about one file, what matters is whether it is there.
        "1" if named => some,
        _ => cell == found,
    }
}

/// Whether a cell is one of something that is refused.
pub(super) fn is_refused(cell: &str) -> bool {
    refusal_codes().iter().any(|(known, ..)| *known == cell)
}

fn refusal(code: &str) -> Option<&'static str> {
    refusal_codes().into_iter().find(|(_, known, _)| *known == code).map(|(cell, ..)| cell)
}

fn status_of(code: &str) -> u16 {
    refusal_codes().into_iter().find(|(_, known, _)| *known == code).map_or(0, |(_, _, status)| status)
}

/// Cell, error code and HTTP status (connect-api §2.1, U16).
fn refusal_codes() -> [(&'static str, &'static str, u16); 8] {
    [
        ("-", "NFND_000", 404),
        ("r", "AUTH_003", 403),
        ("k", "AUTH_001", 401),
        ("s", "USG_003", 400),
        ("u", "USG_004", 400),
        ("e", "USG_035", 400),
        ("o", "USG_032", 400),
        ("v", "VAL_001", 400),
    ]
}
