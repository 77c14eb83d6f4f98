//! What became of each row of a reconciliation workbook, and the workbook that says so.
//!
//! What was found of a row is kept in a few bytes, and the workbook is read a second time to be written with it: so
//! nothing of its text is held.

use std::collections::HashMap;
use std::path::Path;

use ledger::rows::RowSet;
use ledger::{Moment, ReconciliationId, UsageFile};
use runtime::blobs::BlobError;
use workbook::read::ReadError;
use workbook::read::table::{RowSource, Table};
use workbook::reconciled::{ReconciledWriter, RowResult};
use workbook::write::WriteError;

use crate::reconcile::TEXT_CHARS_MAX;

/// By row of the file: the row of the workbook, and the place of its billing.
pub(crate) type Seen = HashMap<u32, (u32, u32)>;

/// What was read of a row of the workbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowRead {
    /// Its billing data can't be used.
    Unreadable,
    /// No record of the file has its id.
    NotFound,
    /// It has no billing data for this row of the file.
    Blank(u32),
    /// It bills this row of the file, as the first one that does or as the first one does.
    Bills(u32),
    /// An earlier row of the workbook bills the record otherwise.
    Contradicts(u32),
}

/// What the rows of the file were when the workbook was read.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Those that are never billed.
    pub(crate) exempt: RowSet,
    /// Those that are closed.
    pub(crate) closed: RowSet,
    /// Of these, those that the workbook bills otherwise.
    pub(crate) otherwise: RowSet,
}

/// What became of a row, and why where that is not plain.
pub(crate) fn outcome(read: RowRead, seen: &Seen, before: &Before) -> (RowResult, String) {
    match read {
        RowRead::Unreadable => {
            let why = format!("The billing data can't be read or is longer than {TEXT_CHARS_MAX} characters.");
            (RowResult::Unreadable, why)
        }
        RowRead::NotFound => (RowResult::NotFound, "No accepted record of this file has that id.".to_owned()),
        RowRead::Contradicts(first) => {
            let why = format!("The record is billed otherwise in row {first}, which counts.");
            (RowResult::BilledOtherwise, why)
        }
        RowRead::Blank(row) | RowRead::Bills(row) if before.exempt.contains(row) => {
            let why = "The record tells how a reservation is used, which is never billed.".to_owned();
            (RowResult::WasClosed, why)
        }
        RowRead::Bills(row) if before.otherwise.contains(row) => {
            let why = "The record was closed before with other billing data, which stay.".to_owned();
            (RowResult::BilledOtherwise, why)
        }
        RowRead::Blank(row) | RowRead::Bills(row) if before.closed.contains(row) => {
            (RowResult::WasClosed, String::new())
        }
        RowRead::Bills(_) => (RowResult::Closed, String::new()),
        RowRead::Blank(row) => match seen.get(&row) {
            Some((billing, _)) => (RowResult::Closed, format!("Row {billing} bills the record.")),
            None => (RowResult::LeftOpen, "The row has no billing data.".to_owned()),
        },
    }
}

/// The result of a reconciliation in the making.
#[derive(Debug)]
pub(crate) struct ResultSheet<'a> {
    pub(crate) id: ReconciliationId,
    pub(crate) file: &'a UsageFile,
    pub(crate) created: Moment,
    pub(crate) temp: &'a Path,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResultError {
    #[error("could not read the reconciliation again")]
    Read(#[from] ReadError),
    #[error("could not write the result")]
    Write(#[from] WriteError),
    #[error("could not keep the result")]
    Blob(#[from] BlobError),
    #[error("the reconciliation has other rows than before")]
    Rows,
}

impl ResultSheet<'_> {
    /// Writes the rows of the workbook with what became of each; false where it is none that a result can be made of.
    pub(crate) fn write<S: RowSource>(
        &self,
        mut table: Table<S>,
        rows: &[RowRead],
        seen: &Seen,
        before: &Before,
        path: &Path,
    ) -> Result<bool, ResultError> {
        let columns = table.columns().to_vec();
        let made = ReconciledWriter::create(self.id, self.file, &columns, self.created, path, self.temp)?;
        let Some(mut writer) = made else { return Ok(false) };
        let mut rows = rows.iter();
        while let Some(record) = table.next_record()? {
            let read = rows.next().ok_or(ResultError::Rows)?;
            let (result, details) = outcome(*read, seen, before);
            writer.row(&record, result, &details)?;
        }
        if rows.next().is_some() {
            return Err(ResultError::Rows);
        }
        writer.finish()?;
        Ok(true)
    }
}
