//! What the gateway knows: the fold of every service's facts, kept in memory, and in snapshots for the next start.

mod resume;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use futures_util::future::join_all;
use ledger::{Event, FileId, HostId, Ledger, ServiceName, Subject};
use tokio::sync::{mpsc, watch};

use crate::bus::{Bus, DELIVERIES_MAX, Delivery, FollowError, follow};
use crate::evidence::Evidence;
use crate::log::Header;
use crate::meters::Meters;
use crate::past::{Trail, Trails};
use crate::snapshot::Snapshots;
use crate::source::{Source, SourceError};
use resume::{Heads, Keeping, Taken};

/// Facts that are folded in one step: readers wait for it, and a batch of records may be in each.
const FOLD_AT_ONCE: usize = 16;
/// A reader waits no longer for what may be new elsewhere: a host that hangs must not take the reads with it.
const REFRESH_TIME_MAX: Duration = Duration::from_secs(1);

/// A fold that many may read while one task keeps it fresh.
#[derive(Clone, Debug)]
pub struct Projection {
    ledger: Arc<RwLock<Ledger>>,
    /// The files that changed since somebody took them; a file stands in it once, so that it stays small by itself.
    changed: Arc<Mutex<BTreeSet<FileId>>>,
    /// Where the facts of each file stand.
    trails: Arc<RwLock<Trails>>,
    positions: watch::Sender<BTreeMap<HostId, u64>>,
    evidence: Arc<RwLock<Evidence>>,
    bus: Bus,
    listener: Option<Arc<Listener>>,
    keeping: Option<Keeping>,
    rounds: Arc<Rounds>,
}

/// Rounds in which the hosts of other processes are asked how far they are. One serves everybody who came before it.
#[derive(Debug, Default)]
struct Rounds {
    begun: AtomicU64,
    /// The last one that ended; held while one is under way.
    ended: tokio::sync::Mutex<u64>,
}

/// Somebody who is told every event that was folded.
pub struct Listener {
    /// Tells it an event, in its order, once it is folded.
    pub hear: Box<Hear>,
    /// What it made of them, for a snapshot.
    pub keep: Box<Keep>,
    /// Has it take that up before it hears what came after; false where it can't.
    pub resume: Box<Resume>,
}

impl Listener {
    /// One who makes nothing of what it hears.
    #[must_use]
    pub fn new(hear: impl Fn(&Ledger, HostId, u64, &Event) + Send + Sync + 'static) -> Self {
        Self { hear: Box::new(hear), keep: Box::new(Vec::new), resume: Box::new(|kept, _| kept.is_empty()) }
    }
}

type Hear = dyn Fn(&Ledger, HostId, u64, &Event) + Send + Sync;
type Keep = dyn Fn() -> Vec<u8> + Send + Sync;
type Resume = dyn Fn(&[u8], &Ledger) -> bool + Send + Sync;

/// What is folded, while it is written.
struct Folded<'a> {
    ledger: RwLockWriteGuard<'a, Ledger>,
    evidence: RwLockWriteGuard<'a, Evidence>,
    trails: RwLockWriteGuard<'a, Trails>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

impl Projection {
    /// A fold of everything that the hosts of a bus recorded; empty until [`Projection::run`] runs.
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        let (ledger, changed, positions) = (Arc::default(), Arc::default(), watch::Sender::new(BTreeMap::new()));
        let (evidence, trails, rounds) = (Arc::default(), Arc::default(), Arc::default());
        Self { ledger, changed, trails, positions, evidence, bus, listener: None, keeping: None, rounds }
    }

    /// The same, and somebody is told every event.
    #[must_use]
    pub fn heard_by(self, listener: Listener) -> Self {
        Self { listener: Some(Arc::new(listener)), ..self }
    }

    /// The same, begun with a snapshot where there is one, and kept in others.
    #[must_use]
    pub fn kept_in(self, snapshots: Snapshots, meters: Meters) -> Self {
        Self { keeping: Some(Keeping { snapshots, meters }), ..self }
    }

    /// Follows every log until told to stop.
    ///
    /// # Errors
    /// When a log can't be followed.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), FollowError> {
        let (deliver, mut deliveries) = mpsc::channel(DELIVERIES_MAX);
        let mut followers = tokio::task::JoinSet::new();
        let (resumed, stopped) = (self.clone(), stop.clone());
        let resumed = tokio::task::spawn_blocking(move || resumed.resume(&stopped)).await;
        let mut heads = resumed.unwrap_or_default();
        let mut kept = Taken::at(&heads);
        for source in self.bus.sources(&ServiceName::WRITERS) {
            let heard = heads.get(&source.host()).copied().unwrap_or_default();
            followers.spawn(follow(self.bus.clone(), source, heard, deliver.clone(), stop.clone()));
        }
        drop(deliver);
        if followers.is_empty() {
            // A process that keeps no fold: there is nothing to hear, and nothing wrong with that.
            drop(stop.changed().await);
            return Ok(());
        }
        let mut batch = Vec::with_capacity(FOLD_AT_ONCE);
        loop {
            tokio::select! {
                taken = deliveries.recv_many(&mut batch, FOLD_AT_ONCE) => {
                    if taken == 0 {
                        return Ok(());
                    }
                    self.take(&mut batch, &mut heads);
                    self.snapshot_if_due(&heads, &mut kept);
                }
                Some(ended) = followers.join_next() => {
                    if let Ok(Err(error)) = ended {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Folds what was heard, then says how far it goes: who waits for that finds the catalog on the shelf too.
    fn take(&self, batch: &mut Vec<(HostId, Delivery)>, heads: &mut Heads) {
        let Folded { mut ledger, mut evidence, mut trails } = self.folded();
        let mut reached = BTreeMap::<HostId, Header>::new();
        for (source, Delivery { header, event, .. }) in batch.drain(..) {
            let shared = self.bus.shelf().take();
            if source.service == ServiceName::Catalog && shared.position >= header.sequence {
                ledger.catalog = shared;
            } else {
                drop(shared);
                ledger.evolve(header.sequence, &event);
            }
            evidence.entry(source).or_default().hear(&header, &event);
            trails.note(source, header.sequence, &event);
            if let Subject::File(file) = event.subject {
                self.changes_of_files().insert(file);
            }
            if let Some(listener) = &self.listener {
                (listener.hear)(&ledger, source, header.sequence, &event);
            }
            reached.insert(source, header);
        }
        if reached.keys().any(|source| source.service == ServiceName::Catalog) {
            self.bus.shelf().lay(ledger.catalog.clone());
        }
        drop((ledger, evidence, trails));
        heads.extend(reached.iter().map(|(host, header)| (*host, (header.sequence, header.hash()))));
        let reached = reached.iter().map(|(host, header)| (*host, header.sequence));
        self.positions.send_modify(|positions| positions.extend(reached));
    }

    /// What is folded, for whoever changes it.
    fn folded(&self) -> Folded<'_> {
        Folded {
            ledger: self.ledger.write().unwrap_or_else(PoisonError::into_inner),
            evidence: self.evidence.write().unwrap_or_else(PoisonError::into_inner),
            trails: self.trails.write().unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn changes_of_files(&self) -> MutexGuard<'_, BTreeSet<FileId>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the facts of a file stand, as far as they are folded.
    #[must_use]
    pub fn trail(&self, file: FileId) -> Trail {
        self.trails.read().unwrap_or_else(PoisonError::into_inner).of(file)
    }

    /// Bytes of memory that the places of all files' facts take.
    #[must_use]
    pub fn trail_bytes(&self) -> usize {
        self.trails.read().unwrap_or_else(PoisonError::into_inner).bytes()
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

    /// What can be proven of the logs, as far as they are folded.
    pub fn evidence(&self) -> RwLockReadGuard<'_, Evidence> {
        self.evidence.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the fold has a sequence of a host; false when the process stops first.
    pub async fn reach(&self, host: HostId, sequence: u64) -> bool {
        let mut positions = self.positions.subscribe();
        positions.wait_for(|positions| positions.get(&host).copied().unwrap_or(0) >= sequence).await.is_ok()
    }

    /// Waits until the fold has everything that every host has synced by now; false when one can't be asked, or the
    /// process stops first.
    pub async fn catch_up(&self) -> bool {
        let sources = self.bus.sources(&ServiceName::WRITERS);
        let caught_up = sources.iter().map(|source| async {
            let caught_up = self.reach_position(source).await;
            caught_up.unwrap_or_else(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "can't tell whether the fold is late");
                false
            })
        });
        join_all(caught_up).await.into_iter().all(|caught_up| caught_up)
    }

    /// Waits until the fold has what other processes have recorded by now: whoever was answered by another gateway
    /// finds here what was answered. A host that can't be asked is not waited for.
    pub async fn refresh(&self) {
        let mut sources = self.bus.sources(&ServiceName::WRITERS);
        sources.retain(Source::is_reached_elsewhere);
        if sources.is_empty() {
            return;
        }
        // A round that is under way may have been answered before whatever the caller has heard of.
        let wanted = self.rounds.begun.load(Ordering::Acquire) + 1;
        let mut ended = self.rounds.ended.lock().await;
        if *ended >= wanted {
            return;
        }
        let round = self.rounds.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let reached = sources.iter().map(|source| async {
            let reached = tokio::time::timeout(REFRESH_TIME_MAX, self.reach_position(source)).await;
            if !matches!(reached, Ok(Ok(_))) {
                tracing::debug!(host = %source.host(), "reads may lack what it has just recorded");
            }
        });
        join_all(reached).await;
        *ended = round;
    }

    /// Waits until the fold is as far as a host is now; false when the process stops first.
    async fn reach_position(&self, source: &Source) -> Result<bool, SourceError> {
        let sequence = source.position().await?;
        Ok(self.reach(source.host(), sequence).await)
    }

    /// What wakes who waits for any change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<BTreeMap<HostId, u64>> {
        self.positions.subscribe()
    }
}
