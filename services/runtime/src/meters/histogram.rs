//! How often something was how large or took how long: counts in fixed steps, of whole numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Kind;

/// Steps of what takes time, in microseconds: from a look-up in memory to a workbook of a million records.
const MICROS: [u64; 16] = [
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    10_000_000,
    60_000_000,
    600_000_000,
];
/// Steps of what has a size.
const SIZES: [u64; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// See the module.
#[derive(Debug)]
pub struct Histogram {
    steps: &'static [u64],
    /// How many values are in each step and not in the one before; the last are above them all.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// One of times, counted in microseconds.
    #[must_use]
    pub fn times() -> Self {
        Self::with(&MICROS)
    }

    /// One of sizes.
    #[must_use]
    pub fn sizes() -> Self {
        Self::with(&SIZES)
    }

    pub(super) fn of(kind: Kind) -> Self {
        if kind == Kind::Sizes { Self::sizes() } else { Self::times() }
    }

    fn with(steps: &'static [u64]) -> Self {
        let counts = (0..=steps.len()).map(|_| AtomicU64::new(0)).collect();
        Self { steps, counts, sum: AtomicU64::new(0) }
    }

    /// Notes a value.
    pub fn note(&self, value: u64) {
        let step = self.steps.partition_point(|step| *step < value);
        if let Some(count) = self.counts.get(step) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Notes how long something took.
    pub fn took(&self, time: Duration) {
        self.note(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// The sum of all values.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// For each step how many values are not above it, then how many there are.
    pub(super) fn cumulated(&self) -> (impl Iterator<Item = (u64, u64)>, u64) {
        let mut total = 0;
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let all = counts.iter().sum();
        let steps = self.steps.iter().zip(counts).map(move |(step, count)| {
            total += count;
            (*step, total)
        });
        (steps, all)
    }
}
