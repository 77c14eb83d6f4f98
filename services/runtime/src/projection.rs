//! What the gateway knows: the fold of every service's facts, kept in memory only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use ledger::{FileId, HostId, Ledger, ServiceName, Subject};
use tokio::sync::{mpsc, watch};

use crate::bus::{Bus, DELIVERIES_MAX, FollowError, follow};

/// A fold that many may read while one task keeps it fresh.
#[derive(Clone, Debug)]
pub struct Projection {
    ledger: Arc<RwLock<Ledger>>,
    /// The files that changed since somebody took them; a file stands in it once, so that it stays small by itself.
    changed: Arc<Mutex<BTreeSet<FileId>>>,
    positions: watch::Sender<BTreeMap<HostId, u64>>,
    bus: Bus,
}

impl Projection {
    /// A fold of everything that the hosts of a bus recorded; empty until [`Projection::run`] runs.
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        Self { ledger: Arc::default(), changed: Arc::default(), positions: watch::Sender::new(BTreeMap::new()), bus }
    }

    /// Follows every log until told to stop.
    ///
    /// # Errors
    /// When a log can't be followed.
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<(), FollowError> {
        let (deliver, mut deliveries) = mpsc::channel(DELIVERIES_MAX);
        let mut followers = tokio::task::JoinSet::new();
        for (source, log) in self.bus.sources(&ServiceName::WRITERS, None) {
            followers.spawn(follow(source, log, 1, deliver.clone(), stop.clone()));
        }
        drop(deliver);
        loop {
            tokio::select! {
                delivery = deliveries.recv() => {
                    let Some((source, delivery)) = delivery else { return Ok(()) };
                    let sequence = delivery.header.sequence;
                    self.take(source, sequence, &delivery.event);
                    self.positions.send_modify(|positions| {
                        positions.insert(source, sequence);
                    });
                }
                Some(ended) = followers.join_next() => {
                    if let Ok(Err(error)) = ended {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn take(&self, source: HostId, sequence: u64, event: &ledger::Event) {
        let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
        let shared = self.bus.shelf().take();
        if source.service == ServiceName::Catalog && shared.position >= sequence {
            ledger.catalog = shared;
        } else {
            ledger.evolve(sequence, event);
        }
        if let Subject::File(file) = event.subject {
            self.changes_of_files().insert(file);
        }
    }

    fn changes_of_files(&self) -> MutexGuard<'_, BTreeSet<FileId>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether files changed since [`Projection::take_changed`].
    #[must_use]
    pub fn has_changed(&self) -> bool {
        !self.changes_of_files().is_empty()
    }

    /// The files that changed since the last time, for the one who keeps an index of them. Whoever holds the fold
    /// meanwhile ([`Projection::read`]) misses none: a change is noted before the fold is let go.
    #[must_use]
    pub fn take_changed(&self) -> BTreeSet<FileId> {
        std::mem::take(&mut *self.changes_of_files())
    }

    /// The fold as it is now.
    pub fn read(&self) -> RwLockReadGuard<'_, Ledger> {
        self.ledger.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the fold has a sequence of a host; false when the process stops first.
    pub async fn reach(&self, host: HostId, sequence: u64) -> bool {
        let mut positions = self.positions.subscribe();
        positions.wait_for(|positions| positions.get(&host).copied().unwrap_or(0) >= sequence).await.is_ok()
    }

    /// Waits until the fold has everything that every host has synced by now.
    pub async fn catch_up(&self) -> bool {
        for (host, log) in self.bus.sources(&ServiceName::WRITERS, None) {
            let Ok(synced) = log.synced() else { return false };
            let sequence = synced.borrow().sequence;
            if !self.reach(host, sequence).await {
                return false;
            }
        }
        true
    }

    /// What wakes who waits for any change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<BTreeMap<HostId, u64>> {
        self.positions.subscribe()
    }
}
