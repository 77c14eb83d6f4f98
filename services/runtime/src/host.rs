//! One decider, one log, one loop: hear, decide, hand over, go on. Answers wait for the disk, decisions don't.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use ledger::digest::digest_of;
use ledger::{
    Command, Context, Event, EventId, FileId, Hash, HostId, Ledger, Moment, Rejection, Scope, ServiceName, Subject,
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::again::first_outcome;
use crate::blobs::Blobs;
use crate::bus::{Answer, Ask, AskKey, Bus, DELIVERIES_MAX, Delivery, FollowError, follow};
use crate::clock::Clock;
use crate::decider::{Decider, Facts, Next, Proposal, Stale, Tools};
use crate::log::{LogError, LogReader, LogWriter, NewEntry};
use crate::records::Records;

/// Deliveries that are taken in with one hand-over.
const DELIVERIES_AT_ONCE: usize = 32;
/// Decisions in a row about one file without a job: more is a loop in `next`, and is reported instead of run.
const STEPS_MAX: usize = 64;
/// Jobs of one service at a time: the machine's two cores, and memory for two workbooks.
const JOBS_MAX: usize = 2;
/// A refusal is noted once in this time, with a count (design §3).
const REFUSAL_MICROS: i64 = 60 * Moment::SECOND;
/// Refusals that are remembered for counting: beyond it the oldest minute is forgotten.
const REFUSALS_MAX: usize = 10_000;

/// A host can't go on; the process stops, since going on could skip a fact.
#[derive(Debug, Error)]
pub enum HostError {
    /// Its log refused.
    #[error("could not use the log of {host}")]
    Log {
        /// Whose.
        host: HostId,
        /// Why not.
        #[source]
        source: LogError,
    },
    /// Something recorded can't be decoded.
    #[error("could not decode position {position} of the log of {host}")]
    Wire {
        /// Whose.
        host: HostId,
        /// Where.
        position: u64,
        /// Why not.
        #[source]
        source: proto::WireError,
    },
    /// A neighbour's log can't be followed.
    #[error("{host} could not hear its neighbour")]
    Follow {
        /// Who.
        host: HostId,
        /// Why not.
        #[source]
        source: FollowError,
    },
}

/// What a host is made of.
#[derive(Debug)]
pub struct HostParts {
    /// Its name.
    pub id: HostId,
    /// Its log, to write.
    pub writer: LogWriter,
    /// Its log, to read.
    pub reader: LogReader,
    /// Where commands come in.
    pub asks: mpsc::Receiver<Ask>,
    /// Its neighbours.
    pub bus: Bus,
    /// Its blobs.
    pub blobs: Arc<Blobs>,
    /// Where records rest.
    pub records: Records,
    /// The time.
    pub clock: Clock,
    /// A folder for caches.
    pub cache: PathBuf,
}

/// Where jobs put their results, and where the loop takes them from.
type Results<Own> = (mpsc::Sender<Proposal<Own>>, mpsc::Receiver<Proposal<Own>>);

/// A running service for one partition.
#[derive(Debug)]
pub struct Host<D: Decider> {
    decider: Arc<D>,
    ledger: Ledger,
    parts: HostParts,
    results: Results<D::Own>,
    ended: (mpsc::UnboundedSender<FileId>, mpsc::UnboundedReceiver<FileId>),
    running: BTreeSet<FileId>,
    waiting: BTreeSet<FileId>,
    last_at: Moment,
    position: u64,
    sequence: u64,
    refusals: HashMap<Hash, (Moment, u32)>,
}

impl<D: Decider> Host<D> {
    /// Folds the host's log.
    ///
    /// # Errors
    /// When the log can't be read or holds what this version can't decode.
    pub fn open(decider: D, parts: HostParts) -> Result<Self, HostError> {
        let mut host = Self {
            decider: Arc::new(decider),
            ledger: Ledger::default(),
            results: mpsc::channel(JOBS_MAX * 2),
            ended: mpsc::unbounded_channel(),
            running: BTreeSet::new(),
            waiting: BTreeSet::new(),
            last_at: Moment::default(),
            position: 0,
            sequence: 0,
            refusals: HashMap::new(),
            parts,
        };
        host.replay()?;
        Ok(host)
    }

    fn replay(&mut self) -> Result<(), HostError> {
        let id = self.parts.id;
        let reader = self.parts.reader.clone();
        for entry in reader.entries(1) {
            let entry = entry.map_err(|source| HostError::Log { host: id, source })?;
            self.position = entry.position;
            if entry.own {
                self.sequence = entry.header.sequence;
            }
            let Some(bytes) = entry.payload.as_deref() else { continue };
            let position = entry.position;
            let event = proto::decode_event(bytes).map_err(|source| HostError::Wire { host: id, position, source })?;
            self.last_at = self.last_at.max(event.recorded_at);
            self.ledger.evolve(entry.header.sequence, &event);
            self.decider.heard(&self.ledger, entry.header.host, entry.header.sequence, &event);
        }
        let shared = self.parts.bus.shelf().take();
        if id.service == ServiceName::Catalog {
            self.lay_catalog();
        } else if shared.position >= self.ledger.catalog.position {
            self.ledger.catalog = shared;
        } else {
            self.lay_catalog();
        }
        Ok(())
    }

    fn lay_catalog(&self) {
        self.parts.bus.shelf().lay(self.ledger.catalog.clone());
    }

    /// Works until told to stop.
    ///
    /// # Errors
    /// See [`HostError`]: the process should stop then.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), HostError> {
        let (deliver, mut deliveries) = mpsc::channel(DELIVERIES_MAX);
        let mut followers = tokio::task::JoinSet::new();
        // The catalog is one for all partitions: it hears them all.
        let near = (D::SERVICE != ServiceName::Catalog).then_some(self.parts.id.partition);
        for source in self.parts.bus.sources(D::HEARS, near) {
            let heard = self.parts.writer.heard(source.host());
            followers.spawn(follow(source, heard, deliver.clone(), stop.clone()));
        }
        drop(deliver);
        let all: Vec<FileId> = self.ledger.files.keys().copied().collect();
        self.advance_all(all)?;
        let mut batch = Vec::with_capacity(DELIVERIES_AT_ONCE);
        loop {
            // What is handed over and not yet on the disk is bounded: wait here, not in memory.
            let room = self.parts.writer.ready().await;
            room.map_err(|source| HostError::Log { host: self.parts.id, source })?;
            tokio::select! {
                _ = stop.changed() => return Ok(()),
                Some(proposal) = self.results.1.recv() => self.take_proposal(proposal)?,
                Some(file) = self.ended.1.recv() => self.end_job(file)?,
                Some(ask) = self.parts.asks.recv() => self.take_ask(ask)?,
                taken = deliveries.recv_many(&mut batch, DELIVERIES_AT_ONCE), if !followers.is_empty() => {
                    if taken > 0 {
                        self.hear(&mut batch)?;
                    }
                }
                Some(ended) = followers.join_next() => match ended {
                    Ok(Err(source)) => return Err(HostError::Follow { host: self.parts.id, source }),
                    Ok(Ok(())) | Err(_) => return Ok(()),
                },
            }
        }
    }

    /// Takes in what neighbours recorded.
    fn hear(&mut self, batch: &mut Vec<(HostId, Delivery)>) -> Result<(), HostError> {
        let host = self.parts.id;
        let mut events = Vec::with_capacity(batch.len());
        let mut entries = Vec::with_capacity(batch.len());
        for (source, delivery) in batch.drain(..) {
            let sequence = delivery.header.sequence;
            let carries = delivery.payload.is_some();
            entries.push(NewEntry::Heard { header: delivery.header, payload: delivery.payload });
            if carries {
                events.push((source, sequence, delivery.event));
            }
        }
        let appended = self.parts.writer.append(entries).map_err(|source| HostError::Log { host, source })?;
        self.position = appended.first_position + appended.headers.len() as u64 - 1;
        let mut touched = BTreeSet::new();
        let of_catalog = events.iter().any(|(source, ..)| source.service == ServiceName::Catalog);
        for (source, sequence, event) in events {
            self.last_at = self.last_at.max(event.recorded_at);
            self.fold(source, sequence, &event, &mut touched);
        }
        if of_catalog {
            self.lay_catalog();
        }
        self.advance_all(touched)
    }

    /// Folds one event; the files that it may set in motion join `touched`.
    fn fold(&mut self, source: HostId, sequence: u64, event: &Event, touched: &mut BTreeSet<FileId>) {
        let of_catalog = source.service == ServiceName::Catalog;
        let shared = self.parts.bus.shelf().take();
        if of_catalog && self.parts.id.service != ServiceName::Catalog && shared.position >= sequence {
            // The fold exists once in this process: take it instead of making another.
            self.ledger.catalog = shared;
        } else {
            drop(shared);
            self.ledger.evolve(sequence, event);
        }
        self.decider.heard(&self.ledger, source, sequence, event);
        match &event.subject {
            Subject::File(file) => drop(touched.insert(*file)),
            Subject::Object(_) => touched.extend(self.waiting.iter().copied()),
        }
    }

    fn take_ask(&mut self, ask: Ask) -> Result<(), HostError> {
        let Ask { command, scope, key, reply } = ask;
        let cause = match key {
            Some(key) => key.content,
            None => digest_of(&(&command, scope.account.as_ref(), scope.actor.id())),
        };
        if let Some(key) = key {
            let first = self.parts.writer.find(EventId::derive(&key.seed, D::SERVICE, 0));
            if let Some(position) = first.map_err(|source| HostError::Log { host: self.parts.id, source })? {
                self.answer_again(position, key, command, reply);
                return Ok(());
            }
        }
        // Who has imported a catalog relies on it at once, be it heard here already or not (design §7).
        let shared = self.parts.bus.shelf().take();
        if shared.position > self.ledger.catalog.position {
            self.ledger.catalog = shared;
        }
        let context = Context { now: self.now(), scope };
        let decided = self.decider.decide(&self.ledger, &command, &context);
        match decided {
            Ok(facts) => {
                let seed = key.map_or_else(|| self.fresh_seed(cause), |key| key.seed);
                let receipts = self.decider.receipts(&command, &[]);
                let (events, touched) = self.record(facts, seed, key.is_some(), cause, &context)?;
                let (host, sequence, events) = (self.parts.id, self.sequence, Arc::new(events));
                let answer = Answer { host, sequence, events, repeated: false, receipts };
                self.answer(reply, Ok(answer));
                self.advance_all(touched)
            }
            Err(rejection) => {
                self.note_refusal(&command, &rejection, &context)?;
                self.answer(reply, Err(rejection));
                Ok(())
            }
        }
    }

    /// A seed that no other request has: the position is used once.
    fn fresh_seed(&self, cause: Hash) -> Hash {
        let id = self.parts.id;
        Hash::of_parts(&[b"once", id.to_string().as_bytes(), &self.position.to_le_bytes(), &cause.0])
    }

    /// Gives the first outcome of a key again, once all of it can be read: it may be on its way to the disk.
    fn answer_again(
        &self,
        position: u64,
        key: AskKey,
        command: Command,
        reply: oneshot::Sender<Result<Answer, Rejection>>,
    ) {
        let (reader, decider, end) = (self.parts.reader.clone(), self.decider.clone(), self.position);
        let Ok(mut synced) = reader.synced() else { return };
        tokio::spawn(async move {
            let durable = synced.wait_for(|synced| synced.position >= end).await.is_ok();
            let outcome = if durable { first_outcome(&reader, position, key) } else { Ok(Err(Rejection::Unavailable)) };
            let outcome = outcome.unwrap_or_else(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "could not give an answer again");
                Err(Rejection::Unavailable)
            });
            let outcome = outcome.map(|first| {
                let receipts = decider.receipts(&command, &first.events);
                Answer { receipts, ..first }
            });
            // Who asked may be gone.
            drop(reply.send(outcome));
        });
    }

    /// Hands facts over to the log and folds them; whoever is told of them waits for the disk.
    fn record(
        &mut self,
        facts: Facts,
        seed: Hash,
        indexed: bool,
        cause: Hash,
        context: &Context,
    ) -> Result<(Vec<Event>, BTreeSet<FileId>), HostError> {
        let host = self.parts.id;
        let mut touched = BTreeSet::new();
        let mut events = Vec::with_capacity(facts.len());
        let mut entries = Vec::with_capacity(facts.len());
        for (index, (subject, fact)) in facts.into_iter().enumerate() {
            let id = EventId::derive(&seed, host.service, u32::try_from(index).unwrap_or(u32::MAX));
            let actor = context.scope.actor.clone();
            let event = Event { id, subject, cause, actor, recorded_at: context.now, fact };
            let payload = proto::encode_event(&event);
            entries.push(NewEntry::Own { id: (indexed && index == 0).then_some(id), payload });
            events.push(event);
        }
        if events.is_empty() {
            return Ok((events, touched));
        }
        let appended = self.parts.writer.append(entries).map_err(|source| HostError::Log { host, source })?;
        self.position = appended.first_position + appended.headers.len() as u64 - 1;
        for (event, header) in events.iter().zip(&appended.headers) {
            self.sequence = header.sequence;
            self.fold(host, header.sequence, event, &mut touched);
        }
        if host.service == ServiceName::Catalog {
            self.lay_catalog();
        }
        Ok((events, touched))
    }

    /// Answers once everything handed over so far is on stable storage.
    fn answer(&self, reply: oneshot::Sender<Result<Answer, Rejection>>, outcome: Result<Answer, Rejection>) {
        let position = self.position;
        let Ok(mut synced) = self.parts.reader.synced() else { return };
        tokio::spawn(async move {
            let durable = synced.wait_for(|synced| synced.position >= position).await.is_ok();
            // Who asked may be gone; the outcome is recorded all the same.
            drop(reply.send(if durable { outcome } else { Err(Rejection::Unavailable) }));
        });
    }

    fn take_proposal(&mut self, proposal: Proposal<D::Own>) -> Result<(), HostError> {
        let Proposal { own, answer } = proposal;
        let outcome = self.conclude(own)?;
        let told = outcome.as_ref().map(|(sequences, _)| sequences.clone()).map_err(|stale| *stale);
        // A job that no longer waits was stopped with the process.
        drop(answer.send(told));
        match outcome {
            Ok((_, touched)) => self.advance_all(touched),
            Err(Stale) => Ok(()),
        }
    }

    #[expect(clippy::type_complexity, reason = "the two halves of an outcome, used by the two callers below only")]
    fn conclude(&mut self, own: D::Own) -> Result<Result<(Vec<u64>, BTreeSet<FileId>), Stale>, HostError> {
        let context = Context { now: self.now(), scope: Scope::service(self.parts.id.service) };
        let facts = match self.decider.conclude(&self.ledger, own, &context) {
            Ok(facts) => facts,
            Err(stale) => return Ok(Err(stale)),
        };
        let first = self.sequence + 1;
        let seed = self.fresh_seed(Hash::ZERO);
        let (_, touched) = self.record(facts, seed, false, seed, &context)?;
        Ok(Ok(((first..=self.sequence).collect(), touched)))
    }

    fn advance_all(&mut self, files: impl IntoIterator<Item = FileId>) -> Result<(), HostError> {
        files.into_iter().try_for_each(|file| self.advance(file))
    }

    /// Does what is to be done about a file until nothing is, or a job has to run.
    fn advance(&mut self, file: FileId) -> Result<(), HostError> {
        for _ in 0..STEPS_MAX {
            if self.running.contains(&file) {
                return Ok(());
            }
            let next = self.decider.next(&self.ledger, file, &self.running);
            self.waiting.remove(&file);
            match next {
                Next::Nothing => return Ok(()),
                Next::Later => {
                    self.waiting.insert(file);
                    return Ok(());
                }
                Next::Conclude(own) => match self.conclude(own)? {
                    Ok((sequences, _)) if !sequences.is_empty() => {}
                    _ => return Ok(()),
                },
                Next::Begin(_) if self.running.len() >= JOBS_MAX => {
                    self.waiting.insert(file);
                    return Ok(());
                }
                Next::Begin(own) => {
                    if self.conclude(own)?.is_err() {
                        return Ok(());
                    }
                    if let Some(job) = self.decider.job(&self.ledger, file) {
                        self.start_job(file, job);
                    }
                }
            }
        }
        tracing::error!(host = %self.parts.id, %file, "the same decision comes back again and again; the file waits");
        Ok(())
    }

    fn start_job(&mut self, file: FileId, job: D::Job) {
        self.running.insert(file);
        let tools = Tools {
            file,
            results: self.results.0.clone(),
            blobs: self.parts.blobs.clone(),
            records: self.parts.records.clone(),
            clock: self.parts.clock.clone(),
            cache: self.parts.cache.clone(),
        };
        let decider = self.decider.clone();
        let ended = self.ended.0.clone();
        let (host, position) = (self.parts.id, self.position);
        let Ok(mut synced) = self.parts.reader.synced() else { return };
        tokio::spawn(async move {
            // A job reads what was recorded, and readers see only what is on the disk.
            if synced.wait_for(|synced| synced.position >= position).await.is_err() {
                return;
            }
            let work = tokio::task::spawn_blocking(move || decider.perform(job, &tools)).await;
            if let Err(error) = work {
                tracing::error!(%host, %file, %error, "a job crashed; the ledger counts its attempts");
            }
            // A host that has stopped needs no news of its jobs.
            let _ = ended.send(file);
        });
    }

    fn end_job(&mut self, file: FileId) -> Result<(), HostError> {
        self.running.remove(&file);
        self.advance(file)?;
        let waiting: Vec<FileId> = self.waiting.iter().copied().collect();
        self.advance_all(waiting)
    }

    /// Notes a refusal, at most one for a key, object, action and reason in a minute.
    fn note_refusal(&mut self, command: &Command, rejection: &Rejection, context: &Context) -> Result<(), HostError> {
        let key = digest_of(&(context.scope.actor.id(), command.file(), command.action(), rejection.code()));
        if self.refusals.len() > REFUSALS_MAX {
            self.refusals.retain(|_, (at, _)| context.now.0 - at.0 < REFUSAL_MICROS);
        }
        let entry = self.refusals.entry(key).or_insert((Moment(i64::MIN / 2), 0));
        entry.1 += 1;
        if context.now.0 - entry.0.0 < REFUSAL_MICROS {
            return Ok(());
        }
        let count = entry.1;
        *entry = (context.now, 0);
        if let Some(noted) = self.decider.refused(command, rejection, count) {
            let seed = self.fresh_seed(key);
            self.record(vec![noted], seed, false, seed, context)?;
        }
        Ok(())
    }

    fn now(&mut self) -> Moment {
        self.last_at = self.last_at.max(self.parts.clock.now());
        self.last_at
    }
}
