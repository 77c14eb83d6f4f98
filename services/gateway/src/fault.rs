//! One thing that is wrong or doubtful in a record, as the API, its streams and the command line show it.

use ledger::Code;
use ledger::fact::{FileColumn, FileCreated};
use ledger::file::capitalised;
use ledger::record::{CheckedRecord, ReadBatch, RecordError};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use workbook::read::address;

use crate::json::words;
use crate::json::{self, given};

/// Characters of a value that are shown: enough to find it by, and a page of them stays small.
const RAW_VALUE_CHARS_MAX: usize = 1_000;

/// The first line of a CSV of faults.
pub const CSV_HEADER: &str = "row,record_id,column,cell,code,severity,message,fix,raw_value\r\n";

/// Whether a fault keeps a record from being valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It does.
    Error,
    /// It doesn't: a rule that only warns.
    Warning,
}

impl Severity {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A fault without the cells of its record, which rest elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    record: &'a CheckedRecord,
    error: &'a RecordError,
    severity: Severity,
}

/// What was found in a record: what is about the row first, then cell by cell.
#[must_use]
pub fn findings(record: &CheckedRecord) -> Vec<Finding<'_>> {
    let of = |severity| move |error| Finding { record, error, severity };
    let errors = record.errors.iter().map(of(Severity::Error));
    let mut all: Vec<Finding<'_>> = errors.chain(record.warnings.iter().map(of(Severity::Warning))).collect();
    all.sort_by_key(|finding| (finding.error.column, finding.severity));
    all
}

impl Finding<'_> {
    /// What is known of it without the record's cells.
    pub(crate) fn outline(&self, columns: &[FileColumn]) -> Value {
        let column = self.column(columns).and_then(|column| given(column.name.clone()));
        json::value(&FaultShape {
            row: Some(self.record.row),
            column,
            code: self.error.code.to_string(),
            severity: self.severity.name(),
            ..FaultShape::default()
        })
    }

    /// The whole of it; `index` is the record's place in the batch as read.
    #[must_use]
    pub fn fault(&self, columns: &[FileColumn], read: &ReadBatch, index: usize) -> Fault {
        let text = |place: usize| read.cell(index, place).text;
        let record_id = columns.iter().position(|column| column.name == "record_id").map_or("", text);
        let column = self.column(columns);
        Fault {
            row: Some(self.record.row),
            record_id: record_id.to_owned(),
            column: column.map(|column| column.name.clone()).unwrap_or_default(),
            cell: column.map(|column| address(column.sheet_column, self.record.row)).unwrap_or_default(),
            code: self.error.code,
            severity: self.severity,
            message: self.error.message.clone(),
            fix: self.error.fix.clone(),
            raw_value: self.error.column.map(|place| cut(text(usize::from(place)))).unwrap_or_default(),
        }
    }

    fn column<'a>(&self, columns: &'a [FileColumn]) -> Option<&'a FileColumn> {
        columns.get(usize::from(self.error.column?))
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(RAW_VALUE_CHARS_MAX) {
        Some((end, _)) => text.get(..end).unwrap_or_default().chars().chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// One thing that is wrong or doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The row of the sheet; none where it is about the file as a whole.
    pub row: Option<u32>,
    /// The vendor's id of the record.
    pub record_id: String,
    /// The column's name; empty where it is about the whole row, or the column is missing.
    pub column: String,
    /// The address of the cell, likewise.
    pub cell: String,
    /// Which rule.
    pub code: Code,
    /// Whether the record is invalid for it.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What would be right; may be empty.
    pub fix: String,
    /// What the cell held, as it was sent.
    pub raw_value: String,
}

/// One thing that is wrong or doubtful in a workbook.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Fault)]
pub(crate) struct FaultShape {
    /// The row of the sheet; left out where it is about the file as a whole.
    #[schema(example = 17)]
    row: Option<u32>,
    /// The vendor's id of the record.
    #[schema(example = "2026-10-17/vm-1")]
    record_id: Option<String>,
    /// The column's name; left out where it is about the whole row.
    #[schema(example = "quantity")]
    column: Option<String>,
    /// The address of the cell.
    #[schema(example = "F17")]
    cell: Option<String>,
    /// The code of the rule.
    #[schema(example = "USG_FILE_101")]
    code: String,
    /// Whether the record is invalid for it.
    #[schema(value_type = words::Severity)]
    severity: &'static str,
    /// What is wrong.
    #[schema(example = "Quantity is not a number.")]
    message: Option<String>,
    /// What would be right.
    #[schema(example = "Write 1234.5: digits with a point before the decimals.")]
    fix: Option<String>,
    /// What the cell held.
    #[schema(example = "1.234,5")]
    raw_value: Option<String>,
}

impl Fault {
    /// A workbook of a file that can't be read at all, and why not.
    #[must_use]
    pub fn unreadable(created: &FileCreated, reason: &str) -> Self {
        Self {
            row: None,
            record_id: String::new(),
            column: String::new(),
            cell: String::new(),
            code: Code::Unreadable,
            severity: Severity::Error,
            message: created.unreadable(),
            fix: capitalised(reason),
            raw_value: String::new(),
        }
    }

    /// As the API writes it.
    pub(crate) fn shape(&self) -> FaultShape {
        FaultShape {
            row: self.row,
            record_id: given(self.record_id.clone()),
            column: given(self.column.clone()),
            cell: given(self.cell.clone()),
            code: self.code.to_string(),
            severity: self.severity.name(),
            message: given(self.message.clone()),
            fix: given(self.fix.clone()),
            raw_value: given(self.raw_value.clone()),
        }
    }

    /// As the API shows it.
    #[must_use]
    pub fn json(&self) -> Value {
        json::value(&self.shape())
    }

    /// A line of [`CSV_HEADER`]'s columns.
    #[must_use]
    pub fn csv(&self) -> String {
        let row = self.row.map(|row| row.to_string()).unwrap_or_default();
        let code = self.code.to_string();
        let cells: [&str; 9] = [
            &row,
            &self.record_id,
            &self.column,
            &self.cell,
            &code,
            self.severity.name(),
            &self.message,
            &self.fix,
            &self.raw_value,
        ];
        let mut line = cells.map(csv_cell).join(",");
        line.push_str("\r\n");
        line
    }
}

/// A cell of a CSV (RFC 4180). What a spreadsheet program would take for a formula gets an apostrophe in front, which
/// is not taken away again by who reads the CSV as data; plain numbers stay as they are.
#[must_use]
pub fn csv_cell(text: &str) -> String {
    let guarded = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_plain_number(text);
    let text = if guarded { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// An optional sign, digits, and perhaps a point with digits: nothing that a spreadsheet program computes.
fn is_plain_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_a_csv_is_quoted_where_it_must_be_and_never_a_formula() {
        for (text, want) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("-12.5", "-12.5"),
            ("+7", "+7"),
            ("-12.5.1", "'-12.5.1"),
            ("-1e5", "'-1e5"),
            ("-", "'-"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ] {
            assert_eq!(csv_cell(text), want, "{text:?}");
        }
    }
}
