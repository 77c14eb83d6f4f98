//! How far a backup is, for whoever watches the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ledger::{HostId, Moment};

use super::missing;
use crate::clock::Clock;
use crate::log::Copying;
use crate::meters::{BACKUP_BEHIND, BACKUP_BYTES, BACKUP_FAILURES, BACKUP_MISSING, Page};

/// A backup that is behind for less isn't worth a word: a large workbook takes as long.
const BEHIND_MAX: Duration = Duration::from_secs(10);

/// What the thread has told.
struct Told {
    held: BTreeMap<HostId, u64>,
    /// When the last step began after which it had everything, or the process started.
    whole: (Instant, Moment),
    bytes: u64,
    failures: u64,
    /// Why the last step failed, if it did.
    failing: Option<String>,
}

/// How far a backup is. Cheap to clone.
#[derive(Clone)]
pub struct Progress {
    told: Arc<Mutex<Told>>,
    copying: Copying,
    clock: Clock,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Progress({} entries missing)", self.missing())
    }
}

impl Progress {
    pub(super) fn new(copying: Copying, clock: Clock) -> Self {
        let whole = (Instant::now(), clock.now());
        let told = Told { held: BTreeMap::new(), whole, bytes: 0, failures: 0, failing: None };
        Self { told: Arc::new(Mutex::new(told)), copying, clock }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // A panic elsewhere leaves whole values.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts bytes.
    pub(super) fn copied(&self, bytes: u64) {
        self.told().bytes += bytes;
    }

    /// The backup has everything up to these positions, which were the ends when the step began; says whether it had failed
    /// before.
    pub(super) fn confirmed(&self, held: BTreeMap<HostId, u64>, begun: Instant) -> bool {
        let mut told = self.told();
        let micros = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        (told.held, told.whole) = (held, (begun, Moment(self.clock.now().0.saturating_sub(micros))));
        told.failing.take().is_some()
    }

    /// A step has failed; says whether that is news.
    pub(super) fn failed(&self, why: String) -> bool {
        let mut told = self.told();
        told.failures += 1;
        told.failing.replace(why.clone()) != Some(why)
    }

    /// Durable entries that the backup lacks.
    #[must_use]
    pub fn missing(&self) -> u64 {
        missing(&self.copying.ends(), &self.told().held)
    }

    /// For how long it has not had everything.
    #[must_use]
    pub fn behind(&self) -> Duration {
        let is_whole = self.missing() == 0;
        let told = self.told();
        if is_whole && told.failing.is_none() { Duration::ZERO } else { told.whole.0.elapsed() }
    }

    /// What somebody should look at, if there is something.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let behind = self.behind();
        let told = self.told();
        let since = told.whole.1.iso();
        match &told.failing {
            Some(why) => Some(format!("The backup is behind since {since}: {why}.")),
            None if behind > BEHIND_MAX => Some(format!("The backup is behind since {since}.")),
            None => None,
        }
    }

    /// Writes its numbers.
    pub fn write(&self, page: &mut Page) {
        page.one(&BACKUP_BEHIND, u64::try_from(self.behind().as_millis()).unwrap_or(u64::MAX));
        page.one(&BACKUP_MISSING, self.missing());
        let told = self.told();
        page.one(&BACKUP_BYTES, told.bytes);
        page.one(&BACKUP_FAILURES, told.failures);
    }
}
