//! Numbers that look random and depend on nothing but a seed (SplitMix64): a generator of our own, so that the same
//! seed gives the same workbook whatever version of whatever crate is in use.

/// The generator.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where there is none. The bias of the remainder doesn't matter here.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// True once in so many times.
    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One element; the slice must have one.
    pub(super) fn pick<'a, T>(&mut self, slice: &'a [T]) -> &'a T {
        let index = self.below(slice.len() as u64);
        &slice[usize::try_from(index).unwrap_or(0)]
    }
}
