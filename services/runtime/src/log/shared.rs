//! What writers, readers, the committer and the sealer share: where every part of every host's log is.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ledger::{EventId, HostId};
use tokio::sync::watch;

use super::LogSettings;
use super::chain::Chain;
use super::error::LogError;
use super::queue::Queue;
use super::segment::Segment;
use super::store::Generation;
use super::tail;
use super::writer::WriterState;
use crate::meters::Histogram;

/// How far a host's log is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// The last durable position.
    pub position: u64,
    /// The last durable own sequence.
    pub sequence: u64,
}

/// One generation and the chains on which it begins.
pub(crate) struct Part {
    pub(crate) generation: Generation,
    pub(crate) bases: BTreeMap<HostId, Chain>,
}

impl Part {
    /// The position before the first that this part holds of a host.
    pub(crate) fn base_position(&self, host: HostId) -> u64 {
        self.bases.get(&host).map_or(0, |base| base.position)
    }
}

/// The part that is written and the one that becomes segments. Cloned for the length of one read, never longer.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) live: Arc<Part>,
    pub(crate) sealing: Option<Arc<Part>>,
}

/// Where the own events are that no segment holds: the positions of a gapless run of sequences.
#[derive(Default)]
pub(crate) struct OwnIndex {
    /// The sequence before the first one here.
    pub(crate) before: u64,
    pub(crate) positions: VecDeque<u64>,
}

impl OwnIndex {
    pub(crate) fn position_of(&self, sequence: u64) -> Option<u64> {
        let index = sequence.checked_sub(self.before)?.checked_sub(1)?;
        self.positions.get(usize::try_from(index).ok()?).copied()
    }

    /// Forgets what segments hold.
    pub(crate) fn forget_to(&mut self, sequence: u64) {
        while self.before < sequence && self.positions.pop_front().is_some() {
            self.before += 1;
        }
    }
}

/// What is shared about one host.
pub(crate) struct HostShared {
    pub(crate) segments: RwLock<Arc<Vec<Arc<Segment>>>>,
    pub(crate) owns: RwLock<OwnIndex>,
    /// The durable state.
    pub(crate) chain: RwLock<Chain>,
    pub(crate) synced: watch::Sender<Synced>,
    /// The position up to which everything is in segments, sealed or open.
    pub(crate) archived: AtomicU64,
    /// Bytes handed over that aren't durable yet.
    pub(crate) queued_bytes: AtomicU64,
    /// The state after what was handed over, while nobody writes.
    pub(crate) writer: Mutex<Option<WriterState>>,
}

impl HostShared {
    pub(crate) fn new(chain: Chain, owns: OwnIndex, segments: Vec<Arc<Segment>>) -> Self {
        let archived = segments.last().map_or(0, |segment| segment.summary.last_position).into();
        let synced = Synced { position: chain.position, sequence: chain.sequence };
        Self {
            segments: RwLock::new(Arc::new(segments)),
            owns: RwLock::new(owns),
            synced: watch::Sender::new(synced),
            archived,
            queued_bytes: AtomicU64::new(0),
            writer: Mutex::new(Some(WriterState::new(chain.clone()))),
            chain: RwLock::new(chain),
        }
    }

    pub(crate) fn segments(&self) -> Arc<Vec<Arc<Segment>>> {
        Arc::clone(&read(&self.segments))
    }
}

/// Counters for whoever shows them.
pub(crate) struct Meters {
    pub(crate) rotations: AtomicU64,
    pub(crate) live_bytes: AtomicU64,
    pub(crate) sealing: AtomicBool,
    pub(crate) commits: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) commit_last_us: AtomicU64,
    pub(crate) seal_failures: AtomicU64,
    pub(crate) archive_failures: AtomicU64,
    /// When everything durable was in segments, in microseconds since the start.
    archived_us: AtomicU64,
    started: Instant,
    pub(crate) commit_time: Histogram,
    pub(crate) commit_entries: Histogram,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            rotations: AtomicU64::default(),
            live_bytes: AtomicU64::default(),
            sealing: AtomicBool::default(),
            commits: AtomicU64::default(),
            events: AtomicU64::default(),
            commit_last_us: AtomicU64::default(),
            seal_failures: AtomicU64::default(),
            archive_failures: AtomicU64::default(),
            archived_us: AtomicU64::default(),
            started: Instant::now(),
            commit_time: Histogram::times(),
            commit_entries: Histogram::sizes(),
        }
    }
}

impl Meters {
    /// Everything durable was in segments a moment ago.
    pub(crate) fn archived(&self) {
        let now = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.archived_us.store(now, Ordering::Relaxed);
    }
}

/// The state of the log in numbers, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Rotations since the start.
    pub rotations: u64,
    /// Bytes of frames in the live generation.
    pub live_bytes: u64,
    /// Whether an older generation is being sealed.
    pub sealing: bool,
    /// Group commits since the start.
    pub commits: u64,
    /// Entries committed since the start.
    pub events: u64,
    /// How long the last group took from the first write to the answer.
    pub commit_last: Duration,
    /// Attempts to seal that failed and are tried again.
    pub seal_failures: u64,
    /// How long there has been something durable that the open segments don't have.
    pub archive_behind: Duration,
    /// Attempts to write an open segment that failed and are made again.
    pub archive_failures: u64,
    /// Bytes handed over that aren't durable yet.
    pub queued_bytes: u64,
    /// Segment files.
    pub segments: usize,
    /// Their bytes.
    pub segment_bytes: u64,
}

pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) settings: LogSettings,
    pub(crate) epoch: u32,
    pub(crate) hosts: BTreeMap<HostId, HostShared>,
    /// `None` after closing.
    pub(crate) parts: RwLock<Option<Parts>>,
    pub(crate) queue: Queue,
    pub(crate) meters: Meters,
    /// Why nothing more is written, if that is so.
    pub(crate) failure: watch::Sender<Option<Arc<str>>>,
    /// Asks the sealer to give up between two attempts.
    pub(crate) stopping: AtomicBool,
}

impl Shared {
    /// Takes nothing more, after something went wrong with the disk: what was acknowledged can still be read, and what
    /// wasn't is for the next start. The kernel may have dropped pages, so that trying again could only seem to help.
    pub(crate) fn fail(&self, error: &(dyn Error + 'static)) {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            reason = format!("{reason}: {inner}");
            source = inner.source();
        }
        tracing::error!(reason, "the log takes nothing more until the process is started again");
        self.failure.send_if_modified(|failure| {
            let is_first = failure.is_none();
            failure.get_or_insert_with(|| reason.into());
            is_first
        });
        self.queue.abandon();
    }

    /// Why nothing can be handed over.
    pub(crate) fn closed(&self) -> LogError {
        let failure = self.failure.borrow().as_ref().map(ToString::to_string);
        failure.map_or(LogError::Closed, |reason| LogError::ReadOnly { reason })
    }

    pub(crate) fn host(&self, host: HostId) -> Result<&HostShared, LogError> {
        self.hosts.get(&host).ok_or(LogError::UnknownHost { host })
    }

    pub(crate) fn parts(&self) -> Result<Parts, LogError> {
        read(&self.parts).clone().ok_or(LogError::Closed)
    }

    /// The frames of a host from one position to another, up to about `bytes_max`, from wherever they are; at least
    /// one unless the log is damaged.
    pub(crate) fn frames(&self, host: HostId, from: u64, to: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        // The parts first: a part that is removed after this line is still held, and one that was removed before
        // it has its segments listed.
        let parts = self.parts()?;
        let segments = self.host(host)?.segments();
        let index = segments.partition_point(|segment| segment.summary.last_position < from);
        if let Some(segment) = segments.get(index) {
            return segment.frames(from, to, bytes_max);
        }
        let live_base = parts.live.base_position(host);
        let (part, to) = match &parts.sealing {
            Some(sealing) if from <= live_base => (sealing, to.min(live_base)),
            _ => (&parts.live, to),
        };
        let frames = part.generation.frames(host, from, to, bytes_max).or_else(|error| {
            // After a write that failed sled may give nothing back; the open segments have all but the newest.
            let archived = if self.failure.borrow().is_some() {
                tail::frames(&self.dir, host, from, to, bytes_max)
            } else {
                Ok(Vec::new())
            };
            archived.and_then(|frames| if frames.is_empty() { Err(error) } else { Ok(frames) })
        })?;
        if frames.is_empty() && from <= to {
            return Err(part.generation.damaged(from, "an entry is missing"));
        }
        Ok(frames)
    }

    /// The position of an own event, whether durable or not.
    pub(crate) fn position_of(&self, host: HostId, sequence: u64) -> Result<Option<u64>, LogError> {
        let shared = self.host(host)?;
        if let Some(position) = read(&shared.owns).position_of(sequence) {
            return Ok(Some(position));
        }
        let segments = shared.segments();
        let index = segments.partition_point(|segment| segment.summary.last_sequence < sequence);
        segments.get(index).map_or(Ok(None), |segment| segment.position_of(sequence))
    }

    /// The position of an id, whether durable or not, as far as it was applied.
    pub(crate) fn find(&self, host: HostId, id: EventId) -> Result<Option<u64>, LogError> {
        let parts = self.parts()?;
        let segments = self.host(host)?.segments();
        for part in [Some(&parts.live), parts.sealing.as_ref()].into_iter().flatten() {
            if let Some(position) = part.generation.find(host, id)? {
                return Ok(Some(position));
            }
        }
        for segment in segments.iter().rev() {
            if let Some(position) = segment.find(id)? {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    fn archive_behind(&self) -> Duration {
        let is_behind = |host: &HostShared| host.archived.load(Ordering::Relaxed) < host.synced.borrow().position;
        if !self.hosts.values().any(is_behind) {
            return Duration::ZERO;
        }
        let archived = Duration::from_micros(self.meters.archived_us.load(Ordering::Relaxed));
        self.meters.started.elapsed().saturating_sub(archived)
    }

    pub(crate) fn health(&self) -> Health {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let segments = self.hosts.values().map(HostShared::segments).collect::<Vec<_>>();
        Health {
            rotations: number(&self.meters.rotations),
            live_bytes: number(&self.meters.live_bytes),
            sealing: self.meters.sealing.load(Ordering::Relaxed),
            commits: number(&self.meters.commits),
            events: number(&self.meters.events),
            commit_last: Duration::from_micros(number(&self.meters.commit_last_us)),
            seal_failures: number(&self.meters.seal_failures),
            archive_behind: self.archive_behind(),
            archive_failures: number(&self.meters.archive_failures),
            queued_bytes: self.hosts.values().map(|host| number(&host.queued_bytes)).sum(),
            segments: segments.iter().map(|segments| segments.len()).sum(),
            segment_bytes: segments.iter().flat_map(|segments| segments.iter()).map(|one| one.bytes()).sum(),
        }
    }
}

// A panic elsewhere leaves these values whole, since each is replaced in one step.

pub(crate) fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
