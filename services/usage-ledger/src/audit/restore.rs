//! A working ledger made from segments and workbooks alone: from a backup, or from a data directory whose database is lost.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::ServiceName;
use runtime::blobs::{BlobError, Blobs};
use runtime::crash;
use runtime::log::{LogError, Logs, Restored};
use thiserror::Error;

use super::verify::kept;

/// Stands in a directory until everything is there that is made in it.
const UNFINISHED: &str = "restoring";

/// A ledger can't be made.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// Something is where it should be made.
    #[error("{path} isn't empty: name a folder that isn't there, so that nothing is lost")]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// Another process is at it.
    #[error("another process restores into {path} now: wait for it")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// What is to be used was never finished.
    #[error("{path} lacks a part: `usage-ledger audit restore` ended while it was made; do it again")]
    Unfinished {
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
    #[error("could not make the log in {path}; mend that and restore again")]
    Log {
        /// What was begun.
        path: PathBuf,
        /// Why not.
        #[source]
        source: LogError,
    },
    /// Workbooks can't be copied.
    #[error("could not copy workbooks into {path}; mend that and restore again")]
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

/// Makes a ledger in an empty folder, or in one where that was begun; `done` counts the bytes of workbooks.
///
/// # Errors
/// See [`RestoreError`]. What was begun stays, is refused at a start, and is made anew by the next attempt.
pub fn restore(from: &Path, to: &Path, done: &AtomicU64) -> Result<Made, RestoreError> {
    let _held = begin(to)?;
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
    crash::point("restore.whole");
    end(to).map_err(|source| RestoreError::Folder { path: to.to_owned(), source })?;
    Ok(made)
}

/// Refuses a directory in which a ledger was begun and never finished.
///
/// # Errors
/// When it is one.
pub fn check(data: &Path) -> Result<(), RestoreError> {
    if data.join(UNFINISHED).exists() { Err(RestoreError::Unfinished { path: data.to_owned() }) } else { Ok(()) }
}

/// Says in an empty folder that it isn't finished, or empties one that says so; nobody else begins while this is held.
fn begin(to: &Path) -> Result<File, RestoreError> {
    let failed = |source| RestoreError::Folder { path: to.to_owned(), source };
    fs::create_dir_all(to).map_err(failed)?;
    let mark = to.join(UNFINISHED);
    let is_begun = mark.exists();
    if !is_begun && fs::read_dir(to).map_err(failed)?.next().is_some() {
        return Err(RestoreError::Occupied { path: to.to_owned() });
    }
    let held = OpenOptions::new().write(true).create_new(!is_begun).open(&mark).map_err(failed)?;
    held.try_lock().map_err(|_| RestoreError::Busy { path: to.to_owned() })?;
    if !mark.exists() {
        // Whoever held it was just finished.
        return Err(RestoreError::Occupied { path: to.to_owned() });
    }
    for begun in ["log", "blobs"].map(|name| to.join(name)).iter().filter(|path| path.exists()) {
        fs::remove_dir_all(begun).map_err(failed)?;
    }
    sync(to).map_err(failed)?;
    Ok(held)
}

fn end(to: &Path) -> std::io::Result<()> {
    for made in ["log", "blobs"].map(|name| to.join(name)).iter().filter(|path| path.exists()) {
        sync(made)?;
    }
    sync(to)?;
    fs::remove_file(to.join(UNFINISHED))?;
    sync(to)
}

fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn workbooks(from: &Path, to: &Path, done: &AtomicU64, made: &mut Made) -> Result<(), BlobError> {
    let blobs = Blobs::open(to)?;
    for path in kept(from) {
        let draft = blobs.temp().join(runtime::blobs::unique());
        let io = |source| BlobError::Io { action: "copy", path: path.clone(), source };
        done.fetch_add(fs::copy(&path, &draft).map_err(io)?, Ordering::Relaxed);
        let (hash, _) = runtime::blobs::digest(&draft)?;
        if path.file_name().is_some_and(|name| name.to_string_lossy() == hash.to_string()) {
            blobs.adopt(&draft)?;
            crash::point("restore.workbook");
            made.workbooks += 1;
        } else {
            fs::remove_file(&draft).map_err(io)?;
            made.changed.push(path);
        }
    }
    Ok(())
}
