//! Snapshots: what a log folds to, kept so that the next start reads only what came after it.
//!
//! A snapshot is a cache. It says which entries it was made of, and counts only where the log has them; only the build
//! that wrote it reads it, since another one may fold differently. Whatever is wrong with one is told in a line of the
//! log, and then the next older one counts, or the log from its first fact. Two of each fold are kept.

mod file;

use std::io;
use std::path::{Path, PathBuf};

use ledger::Hash;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::crash;
use crate::log::LogError;

/// So many are kept: the older one counts where the newer one can't be used.
const KEPT: usize = 2;
/// A snapshot is also this part of a log away from the one before, so that a large one is seldom written.
const PART: u64 = 8;
/// How a snapshot's name ends,
const SUFFIX: &str = ".snapshot";
/// and before it is whole.
const UNFINISHED: &str = ".tmp";

/// New entries that give reason for another snapshot: a thousand of them may carry a million records.
pub const SNAPSHOT_AFTER: u64 = 1_000;

/// A snapshot isn't used, or can't be written.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// An operation of the file system failed.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// The attempt, as a verb.
        action: &'static str,
        /// Its object.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Something else, or a layout of another version.
    #[error("it isn't a snapshot of this version")]
    Form,
    /// It may be of another fold.
    #[error("another build wrote it")]
    Build,
    /// The hash at its end is not that of what stands before.
    #[error("it isn't whole, or it was changed")]
    Changed,
    /// The bytes are no value.
    #[error("its content can't be read: {0}")]
    Content(#[from] postcard::Error),
    /// The log ends before it.
    #[error("it is ahead of the log")]
    Ahead,
    /// It was made of other facts.
    #[error("it is of another log")]
    Elsewhere,
    /// It was made beside the catalog's service, which isn't in this process any more, or lost facts.
    #[error("the catalog that it goes with isn't in this process")]
    Catalog,
    /// What was read isn't what was written.
    #[error("what it holds has another digest than what was written")]
    Digest,
    /// What a service keeps beside the ledger can't be made again.
    #[error("the service can't take up what it kept")]
    Own,
    /// The log that it belongs to can't be read.
    #[error("the log can't be read: {0}")]
    Log(#[from] LogError),
    /// The log of another process that it belongs to can't be read.
    #[error("the log can't be read: {0}")]
    Source(#[from] crate::source::SourceError),
}

/// Where the snapshots of a fold are, and when another one is due.
#[derive(Clone, Debug)]
pub struct Snapshots {
    /// Their folder.
    pub folder: PathBuf,
    /// What stands for the code that folds: no other build reads what this one writes.
    pub build: Hash,
    /// New entries that give reason for another one.
    pub after: u64,
}

impl Snapshots {
    /// The snapshots of one fold, in a folder of its own.
    #[must_use]
    pub fn of(&self, name: &str) -> Self {
        Self { folder: self.folder.join(name), ..self.clone() }
    }

    /// Whether so many entries give reason for a snapshot, after the last one of so many.
    pub(crate) fn is_due(&self, last: u64, now: u64) -> bool {
        now.saturating_sub(last) >= self.after.max(last / PART)
    }

    /// Gives the first of them that is right to whoever tries it, the newest first.
    pub(crate) fn first<T: DeserializeOwned>(&self, mut take: impl FnMut(T) -> Result<(), SnapshotError>) {
        let found = names(&self.folder).unwrap_or_else(|error| {
            tracing::warn!(%error, "snapshots can't be used");
            Vec::new()
        });
        for name in found.iter().rev().filter(|name| name.ends_with(SUFFIX)) {
            let path = self.folder.join(name);
            match file::read(&path, self.build).and_then(&mut take) {
                Ok(()) => return,
                Err(reason) => tracing::warn!(path = %path.display(), %reason, "a snapshot isn't used"),
            }
        }
    }

    /// Writes a snapshot of so many entries, and removes what it replaces. Blocks.
    pub(crate) fn write(&self, entries: u64, value: &impl Serialize) -> Result<(), SnapshotError> {
        std::fs::create_dir_all(&self.folder).map_err(io_error("create", &self.folder))?;
        let name = format!("{entries:020}");
        let unfinished = self.folder.join(format!("{name}{UNFINISHED}"));
        let path = self.folder.join(format!("{name}{SUFFIX}"));
        file::write(&unfinished, self.build, value)?;
        crash::point("snapshot.synced");
        std::fs::rename(&unfinished, &path).map_err(io_error("rename", &unfinished))?;
        let folder = std::fs::File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.map_err(io_error("sync", &self.folder))?;
        crash::point("snapshot.renamed");
        self.sweep(&format!("{name}{SUFFIX}"))
    }

    /// Removes all but the newest up to the one just written, and what was never finished. What is ahead of that one was
    /// made of a log that is shorter by now.
    fn sweep(&self, written: &str) -> Result<(), SnapshotError> {
        let names = names(&self.folder)?;
        let (whole, rest): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.ends_with(SUFFIX));
        let (right, ahead) = whole.split_at(whole.partition_point(|name| name.as_str() <= written));
        let old = right.len().saturating_sub(KEPT);
        let unfinished = rest.iter().filter(|name| name.ends_with(UNFINISHED));
        for name in right.iter().take(old).chain(ahead).chain(unfinished) {
            let path = self.folder.join(name);
            std::fs::remove_file(&path).map_err(io_error("remove", &path))?;
        }
        Ok(())
    }
}

/// A snapshot of any build, as it lies in its folder.
#[derive(Debug)]
pub struct Found {
    /// The fold that it is of: a host, or the gateway.
    pub of: String,
    /// The entries that it was made of, by its name.
    pub entries: u64,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is what was written.
    pub outcome: Result<(), SnapshotError>,
}

/// The snapshots of every fold below a folder, each read once; those that are replaced meanwhile are left out.
///
/// # Errors
/// When a folder can't be read.
pub fn found(folder: &Path) -> Result<Vec<Found>, SnapshotError> {
    let mut found = Vec::new();
    for of in names(folder)? {
        for name in names(&folder.join(&of))? {
            let Some(entries) = name.strip_suffix(SUFFIX).and_then(|entries| entries.parse().ok()) else { continue };
            let path = folder.join(&of).join(&name);
            let outcome = file::check(&path);
            if outcome.is_ok() || path.exists() {
                found.push(Found { of: of.clone(), entries, path, outcome });
            }
        }
    }
    Ok(found)
}

/// The bytes of something that is kept within a snapshot.
#[must_use]
pub fn encoded(value: &impl Serialize) -> Vec<u8> {
    // Writing to memory fails for no type that is kept; what is empty is refused where it is read.
    postcard::to_allocvec(value).unwrap_or_default()
}

/// What [`encoded`] made, and nothing else; none where it isn't that.
#[must_use]
pub fn decoded<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(value)
}

/// The names in a folder, in order; none where there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>, SnapshotError> {
    crate::log::names(folder).map_err(SnapshotError::from)
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SnapshotError + use<> {
    let path = path.to_owned();
    move |source| SnapshotError::Io { action, path, source }
}

#[cfg(test)]
mod tests;
