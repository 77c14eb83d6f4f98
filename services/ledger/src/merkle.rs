//! Merkle trees as RFC 9162 has them: one over the records of a batch, one over the batches of a file, one over the
//! header hashes of a log. What is in one is proven with a logarithm of hashes, and so is that one only grew.

mod blocks;
mod proof;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::Hash;

pub use blocks::{BLOCK, Blocks};
pub use proof::{consistency, holds_consistency, inclusion, inclusion_root};

/// The hash of an entry: SHA-256(0x00 ‖ entry).
#[must_use]
pub fn leaf(entry: &[u8]) -> Hash {
    tagged(0, &[entry])
}

/// The hash of two subtrees: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node(left: Hash, right: Hash) -> Hash {
    tagged(1, &[&left.0, &right.0])
}

fn tagged(tag: u8, parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([tag]);
    parts.iter().for_each(|part| hasher.update(part));
    Hash(hasher.finalize().into())
}

/// The root over leaf hashes.
#[must_use]
pub fn root(mut level: Vec<Hash>) -> Hash {
    if level.is_empty() {
        return Hash::of(&[]);
    }
    // Pairing neighbours level by level, an odd last one rising as it is, gives RFC 9162's tree.
    while level.len() > 1 {
        let pairs = level.chunks(2).map(|pair| match pair {
            [left, right] => node(*left, *right),
            _ => pair.first().copied().unwrap_or_default(),
        });
        level = pairs.collect();
    }
    level.first().copied().unwrap_or_default()
}

/// A tree that only grows, as the roots of its full subtrees: a logarithm of hashes, whatever its size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growing {
    size: u64,
    /// From the left; each is half as large as the one before it at most.
    peaks: Vec<Hash>,
}

impl Growing {
    /// Adds a leaf's hash at the end.
    pub fn push(&mut self, leaf: Hash) {
        let (mut size, mut rising) = (self.size, leaf);
        while size & 1 == 1 {
            size >>= 1;
            rising = self.peaks.pop().map_or(rising, |left| node(left, rising));
        }
        self.peaks.push(rising);
        self.size += 1;
    }

    /// How many leaves it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of all that was added.
    #[must_use]
    pub fn root(&self) -> Hash {
        let rising = self.peaks.iter().copied().rev().reduce(|right, left| node(left, right));
        rising.unwrap_or_else(|| Hash::of(&[]))
    }
}

/// Where a tree of more than one leaf is divided: the largest power of two below its size.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

#[cfg(test)]
mod tests;
