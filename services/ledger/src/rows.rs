//! Sets of sheet rows: which records a chunk holds, which are closed. One bit a row, in blocks that fit a fact.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Rows in one block: 65,536 bits are 8 KiB, so that any set of rows of a block fits a fact many times over.
pub const BLOCK_ROWS: u32 = 65_536;
const WORDS: usize = (BLOCK_ROWS / 64) as usize;

/// A set of rows of one sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowSet {
    blocks: BTreeMap<u32, Vec<u64>>,
    count: u32,
}

impl RowSet {
    /// Adds a row; true when it was not there.
    pub fn insert(&mut self, row: u32) -> bool {
        let block = self.blocks.entry(row / BLOCK_ROWS).or_insert_with(|| vec![0; WORDS]);
        let at = row % BLOCK_ROWS;
        let (word, bit) = ((at / 64) as usize, 1_u64 << (at % 64));
        let Some(word) = block.get_mut(word) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        self.count += u32::from(new);
        new
    }

    /// Whether a row is in the set.
    #[must_use]
    pub fn contains(&self, row: u32) -> bool {
        let at = row % BLOCK_ROWS;
        let word = self.blocks.get(&(row / BLOCK_ROWS)).and_then(|block| block.get((at / 64) as usize));
        word.is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    /// How many rows are in the set.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether no row is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The rows in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.blocks.iter().flat_map(|(block, words)| {
            words.iter().enumerate().flat_map(move |(index, &word)| {
                let base = block * BLOCK_ROWS + u32::try_from(index).unwrap_or(0) * 64;
                (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| base + bit)
            })
        })
    }

    /// The rows that are here and not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = Self::default();
        for row in self.iter().filter(|&row| !other.contains(row)) {
            left.insert(row);
        }
        left
    }

    /// Adds every row of `other`.
    pub fn absorb(&mut self, other: &Self) {
        for row in other.iter() {
            self.insert(row);
        }
    }

    /// The set in pieces of at most so many blocks each, ascending: for facts, which have a size.
    #[must_use]
    pub fn split(&self, blocks_max: usize) -> Vec<Self> {
        let blocks: Vec<_> = self.blocks.iter().collect();
        let piece = |cut: &[(&u32, &Vec<u64>)]| {
            let blocks: BTreeMap<u32, Vec<u64>> = cut.iter().map(|(at, words)| (**at, (*words).clone())).collect();
            let count = blocks.values().flatten().map(|word| word.count_ones()).sum();
            Self { blocks, count }
        };
        blocks.chunks(blocks_max.max(1)).map(piece).collect()
    }

    /// The set in runs of consecutive rows: `(first, length)`.
    #[must_use]
    pub fn runs(&self) -> Vec<(u32, u32)> {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for row in self.iter() {
            match runs.last_mut() {
                Some((first, length)) if *first + *length == row => *length += 1,
                _ => runs.push((row, 1)),
            }
        }
        runs
    }

    /// The set as blocks of little-endian words: `(block, bytes)`.
    pub fn to_blocks(&self) -> impl Iterator<Item = (u32, Vec<u8>)> + '_ {
        self.blocks.iter().map(|(&block, words)| (block, words.iter().flat_map(|word| word.to_le_bytes()).collect()))
    }

    /// Adds a block as [`RowSet::to_blocks`] gave it; what is longer than a block is left out.
    pub fn add_block(&mut self, block: u32, bytes: &[u8]) {
        for (index, byte) in bytes.iter().enumerate().take(WORDS * 8) {
            for bit in (0..8).filter(|bit| byte & (1 << bit) != 0) {
                let at = u32::try_from(index).unwrap_or(0) * 8 + bit;
                if let Some(row) = block.checked_mul(BLOCK_ROWS).and_then(|base| base.checked_add(at)) {
                    self.insert(row);
                }
            }
        }
    }
}

impl FromIterator<u32> for RowSet {
    fn from_iter<I: IntoIterator<Item = u32>>(rows: I) -> Self {
        let mut set = Self::default();
        for row in rows {
            set.insert(row);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_its_blocks() {
        let set: RowSet = [2, 3, 4, 70_000, 65_535, 1_048_576].into_iter().collect();
        let mut again = RowSet::default();
        for (block, bytes) in set.to_blocks() {
            again.add_block(block, &bytes);
        }
        assert_eq!(again, set);
        assert_eq!(set.runs(), [(2, 3), (65_535, 1), (70_000, 1), (1_048_576, 1)]);
        let pieces = set.split(1);
        assert_eq!(pieces.iter().map(RowSet::len).collect::<Vec<_>>(), [4, 1, 1]);
        assert_eq!(set.minus(&[3, 70_000].into_iter().collect()).len(), 4);
    }
}
