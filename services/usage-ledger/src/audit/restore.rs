//! A working ledger made from segments and workbooks alone: from a backup, or from a data directory whose database is lost.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::ServiceName;
use runtime::blobs::{BlobError, Blobs};
use runtime::log::{LogError, Logs, Restored};
use thiserror::Error;

use super::verify::kept;

/// A ledger can't be made.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// Something is where it should be made.
    #[error("{path} isn't empty: name a folder that isn't there, so that nothing is lost")]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// The folder can't be made.
    #[error("could not make {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The log can't be made.
    #[error("could not make the log; delete {path} before the next attempt")]
    Log {
        /// What was begun.
        path: PathBuf,
        /// Why not.
        #[source]
        source: LogError,
    },
    /// Workbooks can't be copied.
    #[error("could not copy workbooks; delete {path} before the next attempt")]
    Workbooks {
        /// What was begun.
        path: PathBuf,
        /// Why not.
        #[source]
        source: BlobError,
    },
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    /// The logs.
    pub log: Restored,
    /// Workbooks that were copied.
    pub workbooks: u64,
    /// Workbooks whose content isn't what their names say; they were left out.
    pub changed: Vec<PathBuf>,
}

/// Makes a ledger in an empty folder; `done` counts the bytes of workbooks.
///
/// # Errors
/// See [`RestoreError`]. What was begun stays, and is refused at a start.
pub fn restore(from: &Path, to: &Path, done: &AtomicU64) -> Result<Made, RestoreError> {
    let failed = |source| RestoreError::Folder { path: to.to_owned(), source };
    std::fs::create_dir_all(to).map_err(failed)?;
    if std::fs::read_dir(to).map_err(failed)?.next().is_some() {
        return Err(RestoreError::Occupied { path: to.to_owned() });
    }
    let log = Logs::restore(&from.join("log"), &to.join("log"));
    let log = log.map_err(|source| RestoreError::Log { path: to.to_owned(), source })?;
    let mut made = Made { log, workbooks: 0, changed: Vec::new() };
    for service in ServiceName::WRITERS {
        let source = from.join("blobs").join(service.name());
        if source.is_dir() {
            let target = to.join("blobs").join(service.name());
            let copied = workbooks(&source, &target, done, &mut made);
            copied.map_err(|source| RestoreError::Workbooks { path: to.to_owned(), source })?;
        }
    }
    Ok(made)
}

fn workbooks(from: &Path, to: &Path, done: &AtomicU64, made: &mut Made) -> Result<(), BlobError> {
    let blobs = Blobs::open(to)?;
    for path in kept(from) {
        let draft = blobs.temp().join(runtime::blobs::unique());
        let io = |source| BlobError::Io { action: "copy", path: path.clone(), source };
        done.fetch_add(std::fs::copy(&path, &draft).map_err(io)?, Ordering::Relaxed);
        let (hash, _) = runtime::blobs::digest(&draft)?;
        if path.file_name().is_some_and(|name| name.to_string_lossy() == hash.to_string()) {
            blobs.adopt(&draft)?;
            made.workbooks += 1;
        } else {
            std::fs::remove_file(&draft).map_err(io)?;
            made.changed.push(path);
        }
    }
    Ok(())
}
