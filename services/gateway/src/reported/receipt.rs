//! What a call of `POST /ledger/v1/records` is told: what became of each record, and of which file.

use std::collections::{BTreeMap, HashMap};

use ledger::fact::FileColumn;
use ledger::record::{CheckedRecord, RecordError};
use ledger::report::Receipt;
use ledger::{FileId, RecordId};
use runtime::records::Records;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::ApiError;
use crate::json::words::RecordResult;
use crate::json::{FileReference, given};

/// What became of the records of a call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Report)]
pub(crate) struct Reported {
    /// The file that collects them.
    pub(crate) file: FileReference,
    /// Records that are in the file since this call.
    #[schema(example = 1)]
    pub(crate) added: usize,
    /// Records that were there already, value by value.
    #[schema(example = 1)]
    pub(crate) identical: usize,
    /// Records of which the file has another one with the same id. Nothing changed.
    #[schema(example = 0)]
    pub(crate) conflicting: usize,
    /// Records that the rules refused. Nothing of them was kept.
    #[schema(example = 0)]
    pub(crate) refused: usize,
    /// What became of each, in the order of the call.
    pub(crate) records: Vec<RecordReceipt>,
}

/// What became of a record.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct RecordReceipt {
    /// The vendor's id of it.
    #[schema(example = "2026-10-17/vm-1")]
    pub(crate) record_id: Option<String>,
    /// What became of it.
    #[schema(value_type = RecordResult)]
    pub(crate) result: &'static str,
    /// The id of the record that is in the file.
    #[schema(example = "UR-2026-11-0000-0000-0000-0002")]
    pub(crate) id: Option<String>,
    /// The values of the record that is in the file, where this one is another.
    #[schema(example = json!({ "record_id": "2026-10-17/vm-1", "quantity": "4" }))]
    pub(crate) known: Option<BTreeMap<String, String>>,
    /// Why it was refused.
    pub(crate) errors: Option<Vec<Refusal>>,
}

/// One thing that is wrong with a record.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = RecordRefusal)]
pub(crate) struct Refusal {
    /// The code of the rule.
    #[schema(example = "USG_FILE_006")]
    pub(crate) code: String,
    /// The column that it is about.
    #[schema(example = "quantity")]
    pub(crate) column: Option<String>,
    /// What is wrong.
    #[schema(example = "Quantity is not a number")]
    pub(crate) message: String,
    /// What would be right.
    #[schema(example = "Write 1234.5: digits with a point before the decimals.")]
    pub(crate) fix: Option<String>,
}

pub(super) const ADDED: &str = "added";
pub(super) const IDENTICAL: &str = "identical";
pub(super) const CONFLICTING: &str = "conflicting";
pub(super) const REFUSED: &str = "refused";

impl RecordReceipt {
    /// Whether the file has the record as it was sent.
    pub(crate) fn is_kept(&self) -> bool {
        [ADDED, IDENTICAL].contains(&self.result)
    }
}

impl Refusal {
    pub(crate) fn new(error: &RecordError, columns: &[String]) -> Self {
        let column = error.column.and_then(|column| columns.get(usize::from(column)));
        Self {
            code: error.code.to_string(),
            column: column.cloned(),
            message: error.message.clone(),
            fix: given(error.fix.clone()),
        }
    }
}

/// A record's receipt; `checked` is what the rules said, `taken` what is said where another file has its id.
pub(crate) fn receipt(
    file: FileId,
    (record_id, receipt): (&str, Receipt),
    (checked, columns): (Option<&CheckedRecord>, &[String]),
    taken: impl Fn(FileId) -> RecordError,
) -> RecordReceipt {
    let id = |row| Some(RecordId { file, row }.to_string());
    let refusals = |errors: &[RecordError]| given(errors.iter().map(|it| Refusal::new(it, columns)).collect());
    let (result, id, errors) = match receipt {
        Receipt::Added { row } => (ADDED, id(row), None),
        Receipt::Identical { row } => (IDENTICAL, id(row), None),
        Receipt::Conflicting { row } => (CONFLICTING, id(row), None),
        Receipt::Taken { file } => (REFUSED, None, refusals(&[taken(file)])),
        Receipt::Refused => (REFUSED, None, checked.and_then(|checked| refusals(&checked.errors))),
    };
    RecordReceipt { record_id: given(record_id.to_owned()), result, id, errors, known: None }
}

impl Reported {
    pub(crate) fn new(file: FileReference, records: Vec<RecordReceipt>) -> Self {
        let count = |result| records.iter().filter(|record| record.result == result).count();
        let (added, identical) = (count(ADDED), count(IDENTICAL));
        let (conflicting, refused) = (count(CONFLICTING), count(REFUSED));
        Self { file, added, identical, conflicting, refused, records }
    }
}

/// The values of some rows of a file, each batch read once.
pub(crate) fn known(app: &App, file: FileId, rows: &[u32]) -> Result<HashMap<u32, BTreeMap<String, String>>, ApiError> {
    let mut wanted: Vec<u32> = rows.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let (columns, parts): (Vec<FileColumn>, Vec<_>) = {
        let ledger = app.projection.read();
        let Some(known) = ledger.file(file) else { return Ok(HashMap::new()) };
        let holds = |first: u32, last: u32| {
            let at = wanted.partition_point(|&row| row < first);
            wanted.get(at).is_some_and(|&row| row <= last)
        };
        let parts = Records::parts(known).iter().filter(|part| holds(part.first_row, part.last_row));
        (known.columns().to_vec(), parts.copied().collect())
    };
    let mut found = HashMap::new();
    for part in parts {
        let (batch, _) = app.records.read(file, part.sequence)?;
        for (index, row) in batch.rows.iter().enumerate().filter(|(_, row)| wanted.binary_search(row).is_ok()) {
            let cells = columns.iter().enumerate().map(|(at, column)| (&column.name, batch.cell(index, at).text));
            let cells = cells.filter(|(_, text)| !text.is_empty());
            found.insert(*row, cells.map(|(name, text)| (name.clone(), text.to_owned())).collect());
        }
    }
    Ok(found)
}
