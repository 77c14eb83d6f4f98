//! When other files' usage was, by what it was of: an index that is made for one examination and answers which windows
//! a record overlaps.
//!
//! Windows rest in sorted runs. As many as fit stay in memory; beyond that they go to files that have no name any more,
//! so that nothing is left of them whatever happens, and only one entry per block of them is in memory: a million windows
//! take about 11 MiB, as the first quarter of them does.

mod run;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use ledger::{Hash, Moment, ObjectId};
use run::{Run, write};

/// Windows in memory before they go to a file: 40 bytes each, 10 MiB.
const WINDOWS_IN_MEMORY_MAX: usize = 262_144;
/// Windows of one run that one record is told of: it would overlap each of a million where all are alike.
pub(crate) const HITS_MAX: usize = 64;

/// What usage is of: the first 96 bits of SHA-256(subscription, item, tier).
pub(crate) type UsageKey = [u8; 12];

/// The key of a subscription, item and tier.
pub(crate) fn usage_key(subscription: &ObjectId, item: &ObjectId, tier: Option<u8>) -> UsageKey {
    let tier = tier.map_or([u8::MAX], |tier| [tier]);
    let full = Hash::of_parts(&[subscription.as_str().as_bytes(), item.as_str().as_bytes(), &tier]);
    let mut key = UsageKey::default();
    key.copy_from_slice(&full.0[..12]);
    key
}

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stretch {
    pub(crate) start: Moment,
    pub(crate) end: Moment,
}

impl Stretch {
    /// Whether both share more than an instant. A stretch without length shares what contains it strictly inside, or
    /// is the same.
    pub(crate) fn intersects(self, other: Self) -> bool {
        let (lasts, other_lasts) = (self.start < self.end, other.start < other.end);
        let shared = (self.start.max(other.start), self.end.min(other.end));
        match (lasts, other_lasts) {
            (true, true) => shared.0 < shared.1,
            (true, false) => self.start < other.start && other.start < self.end,
            (false, true) => other.start < self.start && self.start < other.end,
            (false, false) => self == other,
        }
    }

    /// Whether both share at least an instant.
    pub(crate) fn touches(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

/// When usage of one thing was, by rows of a file: several where they say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window {
    pub(crate) key: UsageKey,
    pub(crate) stretch: Stretch,
    /// A number that the caller gives each file.
    pub(crate) file: u32,
    pub(crate) first_row: u32,
    pub(crate) last_row: u32,
}

/// A record's question: its place in the caller's list, and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Question {
    pub(crate) key: UsageKey,
    pub(crate) stretch: Stretch,
    pub(crate) at: usize,
}

/// The index.
#[derive(Debug)]
pub(crate) struct Windows {
    temp: PathBuf,
    in_memory_max: usize,
    buffer: Vec<Window>,
    runs: Vec<Run>,
}

impl Windows {
    /// An empty index whose files go to a folder.
    pub(crate) fn new(temp: &Path) -> Self {
        Self::with_room(temp, WINDOWS_IN_MEMORY_MAX)
    }

    fn with_room(temp: &Path, in_memory_max: usize) -> Self {
        Self { temp: temp.to_owned(), in_memory_max, buffer: Vec::new(), runs: Vec::new() }
    }

    /// Adds a window.
    pub(crate) fn add(&mut self, window: Window) -> io::Result<()> {
        self.buffer.push(window);
        if self.buffer.len() < self.in_memory_max {
            return Ok(());
        }
        self.settle();
        // Where most were alike there is room again.
        if self.buffer.len() > self.in_memory_max / 2 {
            self.runs.push(write(&self.temp, &self.buffer)?);
            self.buffer.clear();
        }
        Ok(())
    }

    /// Ends adding: questions can be asked then.
    pub(crate) fn finish(&mut self) {
        self.settle();
        let rest = std::mem::take(&mut self.buffer);
        if !rest.is_empty() {
            self.runs.push(Run::in_memory(rest));
        }
    }

    /// Sorts, and makes one of windows that say the same.
    fn settle(&mut self) {
        self.buffer.sort_unstable();
        self.buffer.dedup_by(|next, kept| {
            let same = (next.key, next.stretch, next.file) == (kept.key, kept.stretch, kept.file);
            if same {
                kept.last_row = kept.last_row.max(next.last_row);
            }
            same
        });
    }

    /// Calls `found` with the place of each question and a window that it overlaps, or with none where a run has more
    /// of them than [`HITS_MAX`]. Questions must be sorted.
    pub(crate) fn overlaps(
        &mut self,
        questions: &[Question],
        mut found: impl FnMut(usize, Option<&Window>),
    ) -> io::Result<()> {
        self.runs.iter_mut().try_for_each(|run| run.overlaps(questions, &mut found))
    }
}
