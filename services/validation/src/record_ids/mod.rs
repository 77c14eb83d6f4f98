//! Which record ids are taken: what makes an id count once for ever, for each contract and product (design §4).
//!
//! An entry is a key of 96 bits and the ordinal of the upload that used it. Entries rest in sorted runs on disk that
//! never change; runs of similar size are merged, so that there are few however many files came. Only an index of each
//! run is in memory: one key and one check sum per 4 KiB and a small filter, about 1.4 bytes per entry and at most
//! 64 MiB of filter per run.
//!
//! Everything here is derived from validation's log. A run that is damaged or missing is a
//! [`RecordIdsError::Damaged`]: the caller deletes the folder, opens it again and adds what its log says from the start.
//! Whether an ordinal still holds its ids (its file may have been rejected, deleted or replaced) is the caller's to
//! decide.

mod error;
mod filter;
mod folder;
mod lookup;
mod repeats;
mod run;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::RecordIdsError;
pub use repeats::{Repeat, Repeats, SortedKeys};
use run::{Entry, Run, RunWriter, Span};

#[cfg(test)]
mod tests;

/// First 96 bits of SHA-256(contract, product, record id).
pub type Key = [u8; 12];

/// Runs of one size are merged when there are this many: a search asks at most three of each size, and an entry is
/// copied once for each time that the number of entries grows fourfold.
const MERGED_RUNS: usize = 4;
/// Runs up to this many entries (64 KiB) are of one size: below it a file costs more than what is in it.
const SMALL_RUN_ENTRIES: u64 = 4096;

/// The index of one writer of validation. It blocks on the disk: keep it off the loop.
#[derive(Debug)]
pub struct RecordIds {
    dir: PathBuf,
    /// In the order in which their entries were added.
    runs: Vec<Arc<Run>>,
    covered: u64,
}

impl RecordIds {
    /// Opens the index in a folder, which is made where there is none. What a crash left half done is removed.
    ///
    /// # Errors
    /// [`RecordIdsError::Damaged`] when the folder must be deleted and rebuilt, else what the disk said.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, RecordIdsError> {
        let dir = dir.into();
        let runs = folder::open(&dir)?;
        let covered = runs.iter().map(|run| run.covered()).max().unwrap_or(0);
        Ok(Self { dir, runs, covered })
    }

    /// The position in validation's log up to which entries are in runs.
    #[must_use]
    pub fn covered(&self) -> u64 {
        self.covered
    }

    /// How many entries there are.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.runs.iter().map(|run| run.count()).sum()
    }

    /// What the index holds in memory, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.runs.iter().map(|run| run.memory_bytes()).sum()
    }

    /// Adds the keys of an upload, in any order. When this returns they are on stable storage together with `covered`,
    /// up to which nothing may be missing then: after a crash the caller goes on from there. Without keys only the
    /// position moves, and only in memory, because going over a log that holds nothing again costs nothing.
    ///
    /// # Errors
    /// What the disk said, or that a run which was to be merged is damaged. Adding the same again is harmless: a key
    /// is then found twice with the same ordinal at most.
    pub fn add(&mut self, ordinal: u32, mut keys: Vec<Key>, covered: u64) -> Result<(), RecordIdsError> {
        if !keys.is_empty() {
            keys.sort_unstable();
            keys.dedup();
            let number = self.runs.last().map_or(1, |run| run.span().last + 1);
            let span = Span { first: number, last: number };
            let mut writer = RunWriter::create(&self.dir, span, keys.len() as u64)?;
            for key in keys {
                writer.push(Entry { key, ordinal })?;
            }
            self.runs.push(Arc::new(writer.finish(covered.max(self.covered))?));
        }
        self.covered = self.covered.max(covered);
        while let Some(from) = self.merge_from() {
            self.merge(from, |_| true)?;
        }
        Ok(())
    }

    /// Merges everything into one run without the entries of ordinals that hold no ids any more.
    ///
    /// # Errors
    /// See [`Self::add`]; the index is then as it was.
    pub fn compact(&mut self, alive: impl Fn(u32) -> bool) -> Result<(), RecordIdsError> {
        if self.runs.is_empty() { Ok(()) } else { self.merge(0, alive) }
    }

    /// A view of the index as it is now, for jobs. It stays as it is whatever is added or merged later.
    #[must_use]
    pub fn reader(&self) -> RecordIdsReader {
        RecordIdsReader { runs: self.runs.clone().into(), covered: self.covered }
    }

    /// Where the newest runs begin that are to be merged: all that are no larger than the size of the last.
    fn merge_from(&self) -> Option<usize> {
        let level = level_of(self.runs.last()?.count());
        let alike = self.runs.iter().rev().take_while(|run| level_of(run.count()) <= level).count();
        (alike >= MERGED_RUNS).then(|| self.runs.len() - alike)
    }

    /// Only neighbours are merged, so that a run's span says which runs it stands for: after a crash between writing it
    /// and removing those, they are known to be in it.
    fn merge(&mut self, from: usize, alive: impl Fn(u32) -> bool) -> Result<(), RecordIdsError> {
        let Some(old) = self.runs.get(from..) else { return Ok(()) };
        let (Some(first), Some(last)) = (old.first(), old.last()) else { return Ok(()) };
        // A single run that is compacted keeps its span: it replaces its own file.
        let span = Span { first: first.span().first, last: last.span().last };
        let covered = old.iter().map(|run| run.covered()).max().unwrap_or(0);
        let mut writer = RunWriter::create(&self.dir, span, old.iter().map(|run| run.count()).sum())?;
        run::merge(old, |entry| if alive(entry.ordinal) { writer.push(entry) } else { Ok(()) })?;
        let merged = Arc::new(writer.finish(covered)?);
        for run in self.runs.drain(from..).filter(|run| run.span() != span) {
            folder::remove_replaced(&self.dir, run.span());
        }
        self.runs.push(merged);
        Ok(())
    }

    /// The folder that the caller deletes to rebuild the index.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Sizes in steps of four.
fn level_of(entries: u64) -> u32 {
    (entries / SMALL_RUN_ENTRIES).max(1).ilog2() / 2
}

/// The index as it was at one moment.
#[derive(Clone, Debug)]
pub struct RecordIdsReader {
    runs: Arc<[Arc<Run>]>,
    covered: u64,
}

impl RecordIdsReader {
    /// The position in validation's log up to which this view knows entries.
    #[must_use]
    pub fn covered(&self) -> u64 {
        self.covered
    }

    /// Calls `found` with the index of a key and an ordinal that has it, for every such pair: run by run, and within
    /// a run in the order of keys. A key may stand in `keys` more than once. Many keys read a run from one end to the
    /// other, few read a block each, and keys that are nowhere mostly read nothing.
    ///
    /// # Errors
    /// [`RecordIdsError::KeysNotSorted`], [`RecordIdsError::Damaged`], or what the disk said.
    pub fn lookup_sorted(&self, keys: &[Key], mut found: impl FnMut(usize, u32)) -> Result<(), RecordIdsError> {
        if !keys.is_sorted() {
            return Err(RecordIdsError::KeysNotSorted);
        }
        self.runs.iter().try_for_each(|run| lookup::lookup(run, keys, &mut found))
    }
}
