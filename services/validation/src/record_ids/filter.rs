//! A filter per run: most keys of a new file are nowhere, and shouldn't cost a read.
//!
//! The place of a key's block grows with the key, so that a sorted search goes through the filter from one end to the
//! other, and building it from sorted entries does too.

use super::Key;

/// Two keys in a hundred that are not in the run read a block for nothing.
const BITS_PER_KEY: u64 = 10;
/// A filter with fewer bits per key than this lets nearly everything through and is left out.
const BITS_PER_KEY_MIN: u64 = 4;
/// What a run's filter may take in memory: ten bits for 53 million keys.
const FILTER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// One cache line.
pub(super) const BLOCK_BYTES: u64 = 64;
const PROBES: u32 = 7;

/// Keys that may be in a run. A key is a hash already: its first half chooses the block, its second half the bits.
#[derive(Debug, Default)]
pub(super) struct Filter {
    blocks: Vec<[u64; 8]>,
}

impl Filter {
    pub(super) fn for_keys(keys: u64) -> Self {
        let most = FILTER_BYTES_MAX / BLOCK_BYTES;
        let wanted = keys.saturating_mul(BITS_PER_KEY).div_ceil(BLOCK_BYTES * 8);
        let useless = keys.saturating_mul(BITS_PER_KEY_MIN) > FILTER_BYTES_MAX * 8;
        let blocks = if useless { 0 } else { wanted.min(most) };
        Self { blocks: vec![[0; 8]; usize::try_from(blocks).unwrap_or(0)] }
    }

    pub(super) fn insert(&mut self, key: &Key) {
        let at = self.block_of(key);
        let Some(block) = self.blocks.get_mut(at) else { return };
        for (word, mask) in probes(key) {
            if let Some(word) = block.get_mut(word) {
                *word |= mask;
            }
        }
    }

    pub(super) fn may_contain(&self, key: &Key) -> bool {
        let Some(block) = self.blocks.get(self.block_of(key)) else { return true };
        probes(key).all(|(word, mask)| block.get(word).is_none_or(|word| word & mask != 0))
    }

    pub(super) fn blocks(&self) -> u64 {
        self.blocks.len() as u64
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.blocks.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let mut blocks = Vec::with_capacity(bytes.len() / 64);
        for bytes in bytes.as_chunks::<64>().0 {
            let mut block = [0; 8];
            for (word, bytes) in block.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            blocks.push(block);
        }
        Self { blocks }
    }

    fn block_of(&self, key: &Key) -> usize {
        let [a, b, c, d, e, f, g, h, ..] = *key;
        let first = u128::from(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        usize::try_from((first * self.blocks.len() as u128) >> 64).unwrap_or(0)
    }
}

fn probes(key: &Key) -> impl Iterator<Item = (usize, u64)> {
    let [.., a, b, c, d, e, f, g, h] = *key;
    let last = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    (0..PROBES).map(move |probe| {
        let bit = (last >> (probe * 9)) & 0x1ff;
        (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
    })
}
