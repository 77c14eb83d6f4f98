//! A generator that needs nothing but its seed, and which seeds are tried.

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }
}

/// Runs a check for many seeds, or for the one that is asked for.
pub(crate) fn for_seeds(count: u64, check: impl Fn(u64)) {
    match std::env::var("FOLD_SEED") {
        Ok(seed) => check(seed.parse().unwrap()),
        Err(_) => (0..count).for_each(check),
    }
}

/// How to repeat a failure.
pub(crate) fn repeat(seed: u64) -> String {
    format!("repeat with: FOLD_SEED={seed} cargo test -p ledger --test fold")
}
