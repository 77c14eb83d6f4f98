//! The way from the writers to the committer: batches in, groups out.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use ledger::{Hash, HostId};
use tokio::sync::oneshot;

use super::LogSettings;
use super::error::LogError;
use super::segment::Segment;
use super::shared::lock;
use super::store::HostWrite;

/// One append of one host, with where its log stands after it.
pub(crate) struct Batch {
    pub(crate) host: HostId,
    pub(crate) write: HostWrite,
    pub(crate) bytes: u64,
    pub(crate) end: BatchEnd,
    pub(crate) answer: oneshot::Sender<()>,
}

/// What a batch changes of its host's chain.
pub(crate) struct BatchEnd {
    pub(crate) position: u64,
    pub(crate) sequence: u64,
    pub(crate) head: Hash,
    pub(crate) epoch: u32,
    pub(crate) marks: [u64; 2],
    pub(crate) heard: Vec<(HostId, (u64, Hash))>,
    /// The positions of the batch's own events.
    pub(crate) owns: Vec<u64>,
}

/// What the sealer reports.
pub(crate) enum Notice {
    /// The generation stands in verified segments.
    Sealed(Vec<(HostId, Segment)>),
    /// It couldn't be written, and is tried again.
    NotSealed(LogError),
    /// The generation is gone; another may be sealed.
    Removed,
    /// The log is closing and the generation is left to the next start.
    GaveUp,
}

/// What the committer does next.
pub(crate) enum Work {
    Group(Vec<Batch>),
    Notice(Notice),
    Closed,
}

#[derive(Default)]
struct State {
    batches: VecDeque<Batch>,
    bytes: u64,
    events: usize,
    /// Batches of the last group: as many are likely to come again, so the next group waits a moment for them.
    last_group: usize,
    notices: VecDeque<Notice>,
    closed: bool,
}

impl State {
    fn is_full(&self, settings: &LogSettings) -> bool {
        self.events >= settings.group_events_max || self.bytes >= settings.group_bytes_max
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

impl Queue {
    /// Takes a batch, unless the log is closed.
    pub(crate) fn push(&self, batch: Batch) -> bool {
        let mut state = lock(&self.state);
        if state.closed {
            return false;
        }
        state.bytes += batch.bytes;
        state.events += batch.write.frames.len();
        state.batches.push_back(batch);
        drop(state);
        self.changed.notify_one();
        true
    }

    pub(crate) fn notice(&self, notice: Notice) {
        lock(&self.state).notices.push_back(notice);
        self.changed.notify_one();
    }

    /// Takes nothing more, and forgets what it has: nobody who waits for it is answered.
    pub(crate) fn abandon(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.batches.clear();
        drop(state);
        self.changed.notify_one();
    }

    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_one();
    }

    /// Waits for work: a notice before a group, since sealing bounds memory.
    pub(crate) fn work(&self, settings: &LogSettings) -> Work {
        let mut state = lock(&self.state);
        loop {
            if let Some(notice) = state.notices.pop_front() {
                return Work::Notice(notice);
            }
            if !state.batches.is_empty() {
                break;
            }
            if state.closed {
                return Work::Closed;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let deadline = Instant::now() + settings.group_wait_max;
        while state.batches.len() < state.last_group && !state.is_full(settings) && !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let group = take_group(&mut state, settings);
        state.last_group = group.len();
        Work::Group(group)
    }

    /// Waits for the sealer alone.
    pub(crate) fn wait_notice(&self) -> Notice {
        let mut state = lock(&self.state);
        loop {
            if let Some(notice) = state.notices.pop_front() {
                return notice;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn take_group(state: &mut State, settings: &LogSettings) -> Vec<Batch> {
    let (mut group, mut bytes, mut events) = (Vec::new(), 0, 0);
    while let Some(batch) = state.batches.front() {
        bytes += batch.bytes;
        events += batch.write.frames.len();
        // A batch above the limits alone is a group of its own: it is atomic.
        if !group.is_empty() && (bytes > settings.group_bytes_max || events > settings.group_events_max) {
            break;
        }
        let Some(batch) = state.batches.pop_front() else { break };
        state.bytes = state.bytes.saturating_sub(batch.bytes);
        state.events = state.events.saturating_sub(batch.write.frames.len());
        group.push(batch);
    }
    group
}
