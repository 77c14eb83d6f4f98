//! Calling webhooks: for each, the changes of files' statuses that concern it, one by one and in order, until each was
//! taken or was tried for a day.
//!
//! The logs are the queue. How far a webhook was told rests in a small file of its own (`places`), which is written once
//! a call was taken: what is in memory may be lost at any time, and is found again. So a change is told at least once.

mod caller;
mod line;
mod places;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gateway::{Calls, Changes, Cursor};
use ledger::ObjectId;
use runtime::bus::FollowError;
use runtime::clock::Clock;
use runtime::meters::{Meters, WEBHOOK_BACKLOG, WEBHOOK_CALLS};
use runtime::projection::Projection;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use self::caller::Caller;
use self::line::Line;
use self::places::Places;
use crate::product::ProductError;

/// Calls at a time: each takes a thread while it waits.
const CALLS_AT_ONCE: usize = 8;
/// How long a change is told again and again to somebody who doesn't take it.
const TRIED_FOR: Duration = Duration::from_secs(24 * 3_600);
/// Where nothing is to be done, it is looked again after so long.
const IDLE: Duration = Duration::from_secs(600);
/// Facts that a webhook may have passed without a call before its place is written: as many are looked at again after a
/// start at most.
const UNWRITTEN_MAX: u64 = 10_000;

/// What it takes.
pub(crate) struct Webhooks {
    pub(crate) calls: Arc<Calls>,
    pub(crate) projection: Projection,
    pub(crate) clock: Clock,
    /// The folder of places.
    pub(crate) folder: PathBuf,
    /// Whether private addresses and this machine may be called.
    pub(crate) to_private: bool,
    /// Where calls are counted.
    pub(crate) meters: Meters,
}

/// What came of a call.
struct Done {
    webhook: ObjectId,
    /// Which line made it.
    line: u64,
    outcome: Result<(), String>,
}

/// The work under way.
struct Desk {
    parts: Webhooks,
    caller: Arc<Caller>,
    places: Arc<Places>,
    lines: BTreeMap<ObjectId, Line>,
    running: JoinSet<Done>,
    /// How far the logs could be read when the webhooks were last looked through: who is new since begins there.
    seen: Option<Cursor>,
    made: u64,
}

impl Webhooks {
    /// Calls until told to stop.
    ///
    /// # Errors
    /// When a log can't be read, or the folder of places can't be made.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), ProductError> {
        let places = Places::open(&self.folder).map_err(|source| {
            let path = self.folder.clone();
            ProductError::Data { path, source }
        })?;
        self.projection.catch_up().await;
        let mut changes = self.projection.changes();
        let caller = Arc::new(Caller::new(self.to_private));
        let (lines, running) = (BTreeMap::new(), JoinSet::new());
        let mut desk = Desk { parts: self, caller, places: Arc::new(places), lines, running, seen: None, made: 0 };
        while !*stop.borrow() {
            changes.mark_unchanged();
            desk.look_through().await;
            let more = desk.read().await?;
            desk.call();
            desk.parts.meters.set(&WEBHOOK_BACKLOG, &[], desk.lines.values().map(Line::waiting).sum());
            if more {
                tokio::task::yield_now().await;
                continue;
            }
            let due = desk.due();
            tokio::select! {
                // A sender that is gone is a reason to stop too.
                changed = stop.changed() => if changed.is_err() { break },
                changed = changes.changed() => if changed.is_err() { break },
                Some(done) = desk.running.join_next() => if let Ok(done) = done { desk.finish(done).await },
                () = sleep_until(due) => {}
            }
        }
        desk.keep_all().await;
        Ok(())
    }
}

impl Desk {
    /// Opens a line for each webhook that is to be called, and closes those of the others.
    async fn look_through(&mut self) {
        let end = self.parts.calls.end();
        let webhooks = self.parts.calls.webhooks();
        let gone: Vec<ObjectId> = self.lines.keys().filter(|id| !webhooks.contains_key(*id)).cloned().collect();
        for id in gone {
            self.lines.remove(&id);
            self.parts.calls.forget(&id);
            self.aside(move |places| places.forget(&id)).await;
        }
        for (id, webhook) in webhooks {
            if let Some(line) = self.lines.get_mut(&id) {
                line.renew(webhook);
                continue;
            }
            self.made += 1;
            let kept = self.places.place(&id);
            let new = kept.is_none();
            // A place beyond the logs is one of logs that were lost. Who was made between two looks is told of what happened since the first of them, as far as it was there.
            let from = kept.or_else(|| self.seen.clone()).unwrap_or_default();
            let line = Line::new(self.made, webhook, from.least(&end), new);
            let place = line.passed().clone();
            if new {
                let id = id.clone();
                self.aside(move |places| places.keep(&id, &place)).await;
            }
            self.lines.insert(id, line);
        }
        self.seen = Some(end);
    }

    /// Reads a page for the webhooks that have nothing left to be told; true if there may be more for them at once.
    async fn read(&mut self) -> Result<bool, FollowError> {
        let end = self.parts.calls.end();
        let idle = || self.lines.values().filter(|line| line.is_idle(&end));
        let Some(from) = idle().map(|line| line.passed().clone()).reduce(|one, other| one.least(&other)) else {
            return Ok(false);
        };
        let calls = self.parts.calls.clone();
        let page = tokio::task::spawn_blocking(move || calls.changes(from)).await;
        // The runtime ends.
        let Ok(page) = page else { return Ok(false) };
        let Changes { changes, cursor, more } = page?;
        let (mut unwritten, now) = (Vec::new(), self.parts.clock.now());
        for (id, line) in self.lines.iter_mut().filter(|(_, line)| line.is_idle(&end)) {
            let calls = &self.parts.calls;
            line.take(&changes, &cursor, now, |webhook, change| calls.concerns(webhook, change));
            if line.unwritten() > UNWRITTEN_MAX {
                unwritten.push(id.clone());
            }
        }
        for id in unwritten {
            self.keep(&id).await;
        }
        Ok(more)
    }

    /// Makes the calls whose time has come, those first that have waited longest.
    fn call(&mut self) {
        let now = Instant::now();
        let mut due: Vec<(Instant, ObjectId)> =
            self.lines.iter().filter_map(|(id, line)| Some((line.due()?, id.clone()))).collect();
        due.retain(|(due, _)| *due <= now);
        due.sort();
        for (_, id) in due {
            let Some(line) = self.lines.get_mut(&id) else { continue };
            while self.running.len() < CALLS_AT_ONCE
                && let Some(change) = line.next()
            {
                let Some(call) = self.parts.calls.call(&id, change) else {
                    line.pass();
                    continue;
                };
                let (caller, webhook, number) = (self.caller.clone(), id.clone(), line.begin());
                self.running.spawn_blocking(move || Done { webhook, line: number, outcome: caller.post(&call) });
                break;
            }
        }
    }

    /// When something is to be done next that nobody tells of.
    fn due(&self) -> Instant {
        let due = self.lines.values().filter_map(Line::due).min();
        // With all turns taken, the end of a call is what is waited for.
        let due = due.filter(|_| self.running.len() < CALLS_AT_ONCE);
        due.unwrap_or_else(|| Instant::now() + IDLE)
    }

    async fn finish(&mut self, done: Done) {
        let Done { webhook: id, line: number, outcome } = done;
        self.parts.meters.add(&WEBHOOK_CALLS, &[if outcome.is_ok() { "taken" } else { "failed" }], 1);
        // Whoever was switched off meanwhile has no line, or another one.
        let Some(line) = self.lines.get_mut(&id).filter(|line| line.number == number) else { return };
        match outcome {
            Ok(()) => {
                self.parts.calls.succeeded(&id);
                line.pass();
            }
            Err(reason) => {
                let given_up = line.age() > TRIED_FOR;
                self.parts.calls.failed(&id, &reason, given_up);
                tracing::warn!(webhook = %id, reason, given_up, "a webhook could not be called");
                if !given_up {
                    line.put_off();
                    return;
                }
                line.pass();
            }
        }
        self.keep(&id).await;
    }

    /// Writes down how far a webhook was told.
    async fn keep(&mut self, id: &ObjectId) {
        let Some(line) = self.lines.get_mut(id) else { return };
        let (id, place) = (id.clone(), line.written());
        self.aside(move |places| places.keep(&id, &place)).await;
    }

    async fn keep_all(&mut self) {
        let unwritten: Vec<ObjectId> =
            self.lines.iter().filter(|(_, line)| line.unwritten() > 0).map(|(id, _)| id.clone()).collect();
        for id in unwritten {
            self.keep(&id).await;
        }
    }

    /// Work on the disk, where it holds nobody up. What fails is told again after the next start, and no more.
    async fn aside(&self, work: impl FnOnce(&Places) -> std::io::Result<()> + Send + 'static) {
        let places = self.places.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || work(&places)).await {
            tracing::error!(%error, "could not write how far a webhook was told");
        }
    }
}
