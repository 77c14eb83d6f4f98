//! Searching a run for sorted keys: one pass that only goes forward, over the blocks that may hold one.

use super::run::{BLOCK_BYTES, ENTRY_BYTES, Entry, READ_BLOCKS_MAX, Run};
use super::{Key, RecordIdsError};

/// Blocks between two that are needed which are read along: fetching 64 KiB costs about what going back to the disk
/// does.
const READ_ALONG_BLOCKS: usize = 16;

pub(super) fn lookup(run: &Run, keys: &[Key], found: &mut impl FnMut(usize, u32)) -> Result<(), RecordIdsError> {
    let mut window = Window { run, bytes: Vec::new(), first: 0, reads: 1, checked: None };
    let mut block = 0;
    for (index, key) in keys.iter().enumerate() {
        if !run.may_contain(key) {
            continue;
        }
        block = first_block(run, block, key);
        let mut at = block;
        // A key that many uploads used may fill several blocks.
        while run.fence(at).is_some_and(|fence| fence <= key) {
            search(window.block(at)?, key, |ordinal| found(index, ordinal));
            at += 1;
        }
    }
    Ok(())
}

/// The first block that may hold the key, from one that is not after it: the one before the first that begins with the
/// key or beyond it. Strides grow, because the next key is mostly near.
fn first_block(run: &Run, from: usize, key: &Key) -> usize {
    let before = |block: usize| run.fence(block).is_some_and(|fence| fence < key);
    let (mut low, mut stride) = (from, 1);
    while before(low + stride) {
        low += stride;
        stride *= 2;
    }
    let mut high = low + stride;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if before(middle) { low = middle } else { high = middle }
    }
    low
}

fn search(block: &[u8], key: &Key, found: impl FnMut(u32)) {
    let entries = block.as_chunks::<ENTRY_BYTES>().0;
    let first = entries.partition_point(|bytes| Entry::from_bytes(*bytes).key < *key);
    let rest = entries.iter().skip(first).map(|bytes| Entry::from_bytes(*bytes));
    rest.take_while(|entry| entry.key == *key).map(|entry| entry.ordinal).for_each(found);
}

/// Blocks in memory.
struct Window<'a> {
    run: &'a Run,
    bytes: Vec<u8>,
    first: usize,
    /// Blocks to read at once: grows while reading goes on from block to block.
    reads: usize,
    checked: Option<usize>,
}

impl Window<'_> {
    fn block(&mut self, block: usize) -> Result<&[u8], RecordIdsError> {
        let end = self.first + self.bytes.len().div_ceil(BLOCK_BYTES);
        if block < self.first || block >= end {
            let near = block >= end && block - end < READ_ALONG_BLOCKS && !self.bytes.is_empty();
            self.reads = if near { (self.reads * 2).min(READ_BLOCKS_MAX) } else { 1 };
            self.run.read(block, self.reads, &mut self.bytes)?;
            self.first = block;
            self.checked = None;
        }
        let from = (block - self.first) * BLOCK_BYTES;
        let to = self.bytes.len().min(from + BLOCK_BYTES);
        let bytes = self.bytes.get(from..to).unwrap_or_default();
        if self.checked != Some(block) {
            self.run.check(block, bytes)?;
            self.checked = Some(block);
        }
        Ok(bytes)
    }
}
