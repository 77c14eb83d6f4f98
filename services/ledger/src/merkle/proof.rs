//! Proofs: which hashes they consist of, and how somebody without the tree checks them (RFC 9162, 2.1.3 and 2.1.4).

use super::{node, split};
use crate::id::Hash;

/// Some leaves that stand together: the first, and how many.
type Range = (u64, u64);

/// The path from a leaf to the root of a tree of so many leaves. `subtree` gives the root over some leaves that stand
/// together.
///
/// # Errors
/// Those of `subtree`.
pub fn inclusion<E>(index: u64, size: u64, subtree: impl FnMut(u64, u64) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let mut beside = Vec::new();
    let (mut first, mut count) = (0, size);
    while count > 1 {
        let half = split(count);
        if index < first + half {
            beside.push((first + half, count - half));
            count = half;
        } else {
            beside.push((first, half));
            (first, count) = (first + half, count - half);
        }
    }
    hashes(&beside, subtree)
}

/// The proof that a tree of `to` leaves begins with the tree of `from` leaves.
///
/// # Errors
/// Those of `subtree`.
pub fn consistency<E>(from: u64, to: u64, subtree: impl FnMut(u64, u64) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let mut beside = Vec::new();
    let (mut first, mut count) = (0, to);
    if from == 0 || from >= to {
        return Ok(Vec::new());
    }
    while first + count != from {
        let half = split(count);
        if from <= first + half {
            beside.push((first + half, count - half));
            count = half;
        } else {
            beside.push((first, half));
            (first, count) = (first + half, count - half);
        }
    }
    if first > 0 {
        beside.push((first, count));
    }
    hashes(&beside, subtree)
}

/// From the leaves upwards, as proofs are written.
fn hashes<E>(beside: &[Range], mut subtree: impl FnMut(u64, u64) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    beside.iter().rev().map(|&(first, count)| subtree(first, count)).collect()
}

/// The root of the tree in which a leaf stands at an index, if the path is one of that index and size.
#[must_use]
pub fn inclusion_root(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let mut climb = Climb { at: index, last: size.checked_sub(1).filter(|last| index <= *last)? };
    let mut root = leaf;
    for &beside in path {
        root = if climb.is_right()? { node(beside, root) } else { node(root, beside) };
        climb.rise();
    }
    (climb.last == 0).then_some(root)
}

/// Whether a proof shows that the tree of one root and size begins with the tree of another.
#[must_use]
pub fn holds_consistency(from: (u64, Hash), to: (u64, Hash), proof: &[Hash]) -> bool {
    if from.0 == to.0 {
        return proof.is_empty() && from.1 == to.1;
    }
    if from.0 == 0 {
        return proof.is_empty() && from.1 == Hash::of(&[]);
    }
    from.0 < to.0 && roots(from, to.0, proof) == Some((from.1, to.1))
}

/// The roots of both trees by a proof.
fn roots(from: (u64, Hash), to: u64, proof: &[Hash]) -> Option<(Hash, Hash)> {
    let (first, rest) =
        if from.0.is_power_of_two() { (from.1, proof) } else { proof.split_first().map(|(a, b)| (*a, b))? };
    let mut climb = Climb { at: from.0 - 1, last: to - 1 };
    while climb.at & 1 == 1 {
        climb.up();
    }
    let (mut old, mut new) = (first, first);
    for &beside in rest {
        if climb.is_right()? {
            (old, new) = (node(beside, old), node(beside, new));
        } else {
            new = node(new, beside);
        }
        climb.rise();
    }
    (climb.last == 0).then_some((old, new))
}

/// A node on its way to the root: its number in its level, and that of the level's last one.
struct Climb {
    at: u64,
    last: u64,
}

impl Climb {
    /// Whether the next hash stands to its left; none where the root is reached.
    fn is_right(&self) -> Option<bool> {
        (self.last != 0).then_some(self.at & 1 == 1 || self.at == self.last)
    }

    /// To the level of the node that was just made.
    fn rise(&mut self) {
        // The last of a level rises as it is until it has a neighbour on the left.
        while self.at & 1 == 0 && self.at == self.last && self.at != 0 {
            self.up();
        }
        self.up();
    }

    fn up(&mut self) {
        self.at >>= 1;
        self.last >>= 1;
    }
}
