//! A tree that proofs are made from: the root of every full block of leaves in memory, the leaves of a block asked for
//! where a proof cuts through it.

use serde::{Deserialize, Serialize};

use super::{Growing, node, root, split};
use crate::id::Hash;

/// Leaves of a block: a million of them take half a MiB, and a proof cuts through two blocks at most.
pub const BLOCK: u64 = 64;

/// The tree.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Blocks {
    full: Vec<Hash>,
    open: Growing,
}

impl Blocks {
    /// Adds a leaf's hash at the end.
    pub fn push(&mut self, leaf: Hash) {
        self.open.push(leaf);
        if self.open.size() == BLOCK {
            self.full.push(std::mem::take(&mut self.open).root());
        }
    }

    /// How many leaves it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.full.len() as u64 * BLOCK + self.open.size()
    }

    /// The root over some leaves that stand together, as a proof divides them. `leaves` gives the hashes of so many
    /// from a first one, within one block.
    ///
    /// # Errors
    /// Those of `leaves`.
    pub fn subtree<E>(
        &self,
        first: u64,
        count: u64,
        leaves: &mut impl FnMut(u64, u64) -> Result<Vec<Hash>, E>,
    ) -> Result<Hash, E> {
        if count > BLOCK {
            let half = split(count);
            let left = self.subtree(first, half, leaves)?;
            return Ok(node(left, self.subtree(first + half, count - half, leaves)?));
        }
        let block = usize::try_from(first / BLOCK).unwrap_or(usize::MAX);
        match self.full.get(block) {
            Some(full) if count == BLOCK => Ok(*full),
            _ => Ok(root(leaves(first, count)?)),
        }
    }
}
