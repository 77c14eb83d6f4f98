//! Record ids that stand in a file more than once, and its keys in the order that looking them up needs.

use super::Key;
use crate::rules::NO_KEY;

/// The keys of a file: 16 bytes for each record, 16 MiB for a full sheet.
#[derive(Debug, Default)]
pub struct Repeats {
    entries: Vec<(Key, u32)>,
}

/// A record whose id stands further up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Its row.
    pub row: u32,
    /// The first row with the same id.
    pub first_row: u32,
}

/// The keys of a file in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SortedKeys {
    /// For [`super::RecordIdsReader::lookup_sorted`]; a key that repeats stands here as often as in the file.
    pub keys: Vec<Key>,
    /// The row of each key.
    pub rows: Vec<u32>,
    /// Ascending by row.
    pub repeats: Vec<Repeat>,
}

impl Repeats {
    /// Takes a record's key; one without a usable id is left out.
    pub fn push(&mut self, key: Key, row: u32) {
        if key != NO_KEY {
            self.entries.push((key, row));
        }
    }

    /// Sorts what was taken.
    #[must_use]
    pub fn finish(mut self) -> SortedKeys {
        self.entries.sort_unstable();
        let mut repeats = Vec::new();
        for same in self.entries.chunk_by(|(left, _), (right, _)| left == right) {
            if let [(_, first_row), rest @ ..] = same {
                repeats.extend(rest.iter().map(|&(_, row)| Repeat { row, first_row: *first_row }));
            }
        }
        repeats.sort_unstable_by_key(|repeat| repeat.row);
        let (keys, rows) = self.entries.into_iter().unzip();
        SortedKeys { keys, rows, repeats }
    }
}
