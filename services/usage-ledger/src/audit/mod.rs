//! What an auditor asks of data directories: whether everything in them holds, to be folded again, to have their workbooks
//! made again, to be written out; and to be made again themselves. And what anybody asks of a proof.

pub mod export;
pub mod fold;
pub mod place;
pub mod proof;
pub mod repair;
pub mod replay;
pub mod restore;
pub mod revalidate;
pub mod verify;
mod vouched;

use std::path::PathBuf;

use ledger::{FileId, HostId};
use runtime::blobs::BlobError;
use runtime::log::LogError;
use runtime::records::RecordsError;
use runtime::source::SourceError;
use thiserror::Error;
use validation::IdsError;

/// An auditor's question has no answer.
#[derive(Debug, Error)]
pub enum AuditError {
    /// A process works on the directory.
    #[error(
        "a process works on {path}: stop it, or copy its directory once it has stopped, and ask the copy. `usage-ledger \
         state` asks a running process"
    )]
    Runs {
        /// The directory.
        path: PathBuf,
    },
    /// There is none.
    #[error("there is no ledger in {path}: name a data directory with --data, or USAGE_LEDGER_DATA")]
    NoLedger {
        /// The directory.
        path: PathBuf,
    },
    /// A log can't be opened.
    #[error("could not open the log in {path}")]
    Open {
        /// The directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: LogError,
    },
    /// Two directories have the same log.
    #[error("{first} and {second} both have the log of {host}: name each log once")]
    Twice {
        /// Whose log.
        host: HostId,
        /// One of them.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
    },
    /// Something is recorded elsewhere.
    #[error("the log of {host} is in none of the directories: name all that the ledger has, with --data for each")]
    Absent {
        /// Whose log.
        host: HostId,
    },
    /// There is nothing to compare with.
    #[error("{file} has no verdict in the log of validation: it was never checked to its end")]
    NeverChecked {
        /// Which file.
        file: FileId,
    },
    /// Records can't be read.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A log can't be read.
    #[error("could not read what was recorded")]
    Log(#[from] SourceError),
    /// Workbooks can't be read or written.
    #[error("could not work with workbooks")]
    Blobs(#[from] BlobError),
    /// The service can't be made.
    #[error("could not make a service")]
    Ids(#[from] IdsError),
    /// A folder can't be made.
    #[error("could not make a folder for work in progress")]
    Temp(#[source] std::io::Error),
    /// What was read can't be written.
    #[error("could not write what was recorded")]
    Write(#[source] std::io::Error),
    /// A thread ended without a result: a defect of ours.
    #[error("a thread ended without a result")]
    Crashed,
}
