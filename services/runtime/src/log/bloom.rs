//! A small filter per segment, so that looking for an id reads no file that doesn't hold it.

use ledger::EventId;

/// Ten bits and seven probes per id: one look in a hundred reads a file for nothing.
const BITS_PER_ID: u64 = 10;
const PROBES: u64 = 7;

/// Ids that may be in a segment. An id is a hash already, so its two halves are the two hash functions.
#[derive(Debug)]
pub(crate) struct Bloom {
    words: Vec<u64>,
    bits: u64,
}

impl Bloom {
    pub(crate) fn new(ids: u64) -> Self {
        let words = (ids * BITS_PER_ID).div_ceil(64).max(1);
        Self { words: vec![0; usize::try_from(words).unwrap_or(1)], bits: words * 64 }
    }

    pub(crate) fn insert(&mut self, id: EventId) {
        for (word, mask) in self.places(id) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= mask;
            }
        }
    }

    pub(crate) fn may_contain(&self, id: EventId) -> bool {
        self.places(id).into_iter().all(|(word, mask)| self.words.get(word).is_none_or(|word| word & mask != 0))
    }

    fn places(&self, id: EventId) -> [(usize, u64); PROBES as usize] {
        let whole = u128::from_le_bytes(id.0);
        let (first, second) = ((whole >> 64) as u64, whole as u64 | 1);
        std::array::from_fn(|probe| {
            let bit = first.wrapping_add(second.wrapping_mul(probe as u64)) % self.bits;
            (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
        })
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Hash, ServiceName};

    use super::*;

    #[test]
    fn every_id_is_found_and_few_others_are() {
        let id = |index| EventId::derive(&Hash::ZERO, ServiceName::Catalog, index);
        let mut bloom = Bloom::new(10_000);
        (0..10_000).for_each(|index| bloom.insert(id(index)));
        assert!((0..10_000).all(|index| bloom.may_contain(id(index))));
        let wrong = (10_000..20_000).filter(|index| bloom.may_contain(id(*index))).count();
        assert!(wrong < 200, "{wrong}");
        assert!(!Bloom::new(0).may_contain(id(1)));
    }
}
