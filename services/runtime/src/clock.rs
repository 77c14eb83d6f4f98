//! The only place that reads the time, so that a test can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger::Moment;

/// A source of the present instant.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's.
    #[default]
    Machine,
    /// One that a test moves, in microseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Moment {
        match self {
            Self::Machine => {
                let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
                Moment(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
            }
            Self::Fixed(micros) => Moment(micros.load(Ordering::Relaxed)),
        }
    }
}
