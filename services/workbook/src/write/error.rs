//! What can go wrong while a workbook is written.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use rust_xlsxwriter::XlsxError;

use super::{COLUMNS_MAX, RECORDS_MAX};

/// Why a workbook was not written; reads after "could not".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The sheet is full.
    #[error("write more than {RECORDS_MAX} records into one sheet")]
    TooManyRecords,
    /// A sheet can't be that wide.
    #[error("write {columns} columns into one sheet, which holds {COLUMNS_MAX}")]
    TooManyColumns {
        /// How many were asked for.
        columns: usize,
    },
    /// A row has cells that no header stands over.
    #[error("write {cells} cells under {headers} headers")]
    TooManyCells {
        /// Cells of the row.
        cells: usize,
        /// Columns of the sheet.
        headers: usize,
    },
    /// An earlier row failed, so the workbook has a hole.
    #[error("go on with a workbook after a row of it was not written")]
    Unfinished,
    /// The directory for temporary files can't be used.
    #[error("use {dir} for temporary files")]
    TemporaryFile {
        /// The directory.
        dir: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The workbook itself can't be written.
    #[error("write the workbook {path}")]
    Output {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The library refused something.
    #[error("{attempted}")]
    Library {
        /// What was attempted.
        attempted: &'static str,
        /// What the library says.
        source: XlsxError,
    },
    /// The library gave up: it does so when the disk of the temporary files is full.
    #[error("{attempted}: {reason}")]
    GaveUp {
        /// What was attempted.
        attempted: &'static str,
        /// Its last words.
        reason: String,
    },
}

/// Does something with the library. It panics where a temporary file can't be written, and a full disk must not end a
/// service, so panics become errors here. What it worked on is not used again ([`WriteError::Unfinished`]).
pub(super) fn guarded<T>(
    attempted: &'static str,
    work: impl FnOnce() -> Result<T, XlsxError>,
) -> Result<T, WriteError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(XlsxError::TempFileError(dir, source))) => Err(WriteError::TemporaryFile { dir, source }),
        Ok(Err(source)) => Err(WriteError::Library { attempted, source }),
        Err(payload) => Err(WriteError::GaveUp { attempted, reason: last_words(&*payload) }),
    }
}

fn last_words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_gives_up_is_an_error_with_its_last_words() {
        let error = guarded::<()>("write", || panic!("disk {}", "full")).unwrap_err();
        assert_eq!(error.to_string(), "write: disk full");
        let error = guarded::<()>("write", || panic!("full")).unwrap_err();
        assert!(matches!(error, WriteError::GaveUp { reason, .. } if reason == "full"));
    }
}
