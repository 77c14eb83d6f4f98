//! Why the index can't be used.

use std::io;
use std::path::{Path, PathBuf};

/// Reads after "could not".
#[derive(Debug, thiserror::Error)]
pub enum RecordIdsError {
    /// The disk refused.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// A run is not as it was written, is missing, or is of another version: delete the folder and rebuild it.
    #[error("use the record id index in {}: {what}; delete its folder, it is rebuilt from the log", path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The caller's keys are not in ascending order.
    #[error("look up record ids: the keys are not sorted")]
    KeysNotSorted,
}

impl RecordIdsError {
    pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }

    pub(super) fn damaged(path: &Path, what: &'static str) -> Self {
        Self::Damaged { path: path.to_owned(), what }
    }
}
