//! One decider, one log, one loop: hear, decide, hand over, go on. Answers wait for the disk, decisions don't.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use ledger::digest::digest_of;
use ledger::{
    Command, Context, Event, EventId, Fact, FileId, Hash, HostId, Ledger, Moment, Rejection, Scope, ServiceName,
    Subject,
};
use tokio::sync::{mpsc, watch};

use crate::again::first_outcome;
use crate::blobs::Blobs;
use crate::bus::{Answer, Ask, AskKey, Bus, DELIVERIES_MAX, Delivery, Errand, follow};
use crate::clock::Clock;
use crate::decider::{Decider, Facts, Proposal, Stale};
use crate::disk;
use crate::hearing::is_kept;
use crate::log::{LogReader, LogWriter, NewEntry};
use crate::meters::{Meters, RECORDS_CHECKED};
use crate::nats::Outgoing;
use crate::records::Records;
use crate::refusals::Refusals;
use crate::snapshot::{Snapshots, encoded};
use crate::trace::{FileTraces, Trace};

mod checkpoint;
mod error;
mod jobs;
mod pass;
mod refusing;
mod reply;
mod resume;
mod standby;
mod statement;

pub use checkpoint::Checkpoints;
use checkpoint::Signed;
pub use error::HostError;
use reply::Reply;
use resume::Taken;
use statement::Roots;

/// Deliveries that are taken in with one hand-over.
const DELIVERIES_AT_ONCE: usize = 32;
/// Jobs of one service at a time: the machine's two cores, and memory for two workbooks.
const JOBS_MAX: usize = 2;

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
    pub asks: mpsc::Receiver<Errand>,
    /// Its neighbours.
    pub bus: Bus,
    /// How far it is published, where another process may have to write on: nobody is told of anything beyond.
    pub published: Option<watch::Receiver<Outgoing>>,
    /// Its blobs.
    pub blobs: Arc<Blobs>,
    /// Where records rest.
    pub records: Records,
    /// The time.
    pub clock: Clock,
    /// A folder for caches.
    pub cache: PathBuf,
    /// Where what its log folds to is kept; without it every start reads the whole log.
    pub snapshots: Option<Snapshots>,
    /// Where it counts what it does.
    pub meters: Meters,
    /// How it signs what its log holds; without it nothing is signed.
    pub checkpoints: Option<Checkpoints>,
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
    /// What was asked by somebody who has heard more than this host: as many as there are callers, who wait.
    early: Vec<Ask>,
    last_at: Moment,
    /// The last time that its log has.
    recorded_at: Moment,
    position: u64,
    sequence: u64,
    /// The last position of each host in this log, its own among them.
    ends: BTreeMap<HostId, u64>,
    taken: Taken,
    refusals: Refusals,
    traces: FileTraces,
    signed: Signed,
    roots: Roots,
}

/// What is recorded, because of what.
struct Due<'a> {
    facts: Facts,
    /// What the ids of the events are made from.
    seed: Hash,
    /// Whether the first of them is found by its id.
    indexed: bool,
    cause: Hash,
    context: &'a Context,
    trace: Option<Trace>,
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
            early: Vec::new(),
            last_at: Moment::default(),
            recorded_at: Moment::default(),
            position: 0,
            sequence: 0,
            ends: BTreeMap::new(),
            taken: Taken::default(),
            refusals: Refusals::default(),
            traces: FileTraces::default(),
            signed: Signed::default(),
            roots: Roots::default(),
            parts,
        };
        host.replay()?;
        Ok(host)
    }

    /// The digest of what it knows by its log: equal for equal logs, from wherever they were read.
    #[must_use]
    pub fn digest(&self) -> Hash {
        Hash::of(&encoded(&self.known()))
    }

    fn replay(&mut self) -> Result<(), HostError> {
        let id = self.parts.id;
        let reader = self.parts.reader.clone();
        self.resume();
        for entry in reader.entries(self.position + 1) {
            let entry = entry.map_err(|source| HostError::Log { host: id, source })?;
            self.position = entry.position;
            self.ends.insert(entry.header.host, entry.position);
            if entry.own {
                self.sequence = entry.header.sequence;
            }
            let Some(bytes) = entry.payload.as_deref() else { continue };
            let position = entry.position;
            let decoded = proto::decode_traced(bytes);
            let (event, trace) = decoded.map_err(|source| HostError::Wire { host: id, position, source })?;
            self.traces.heard(&event, trace);
            self.roots.note(&event);
            if entry.own {
                self.signed.note(&entry.header, &event.fact);
            }
            self.recorded_at = self.recorded_at.max(event.recorded_at);
            self.evolve(entry.header.host, entry.header.sequence, &event);
            self.decider.heard(&self.ledger, entry.header.host, entry.header.sequence, &event);
        }
        self.last_at = self.recorded_at;
        for (contract, partition) in &self.ledger.catalog.placements {
            let placed = self.parts.bus.check_placed(contract, *partition);
            placed.map_err(|source| HostError::Misplaced { host: id, source })?;
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

    async fn work(&mut self, mut stop: watch::Receiver<bool>) -> Result<(), HostError> {
        let (deliver, mut deliveries) = mpsc::channel(DELIVERIES_MAX);
        let mut followers = tokio::task::JoinSet::new();
        for source in self.neighbours() {
            let heard = self.parts.writer.heard(source.host());
            followers.spawn(follow(self.parts.bus.clone(), source, heard, deliver.clone(), stop.clone()));
        }
        drop(deliver);
        let all: Vec<FileId> = self.ledger.files.keys().copied().collect();
        self.advance_all(all)?;
        self.change_key().await?;
        let mut batch = Vec::with_capacity(DELIVERIES_AT_ONCE);
        loop {
            // What is handed over and not yet on the disk is bounded: wait here, not in memory.
            let room = self.parts.writer.ready().await;
            room.map_err(|source| HostError::Log { host: self.parts.id, source })?;
            if self.sign_if_due()? {
                // That took of the room.
                continue;
            }
            self.snapshot_if_due();
            let due = self.until_due();
            tokio::select! {
                _ = stop.changed() => return Ok(()),
                () = due => {}
                Some(proposal) = self.results.1.recv() => self.take_proposal(proposal)?,
                Some(file) = self.ended.1.recv() => self.end_job(file)?,
                Some(errand) = self.parts.asks.recv() => self.take_errand(errand)?,
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

    /// Takes in what neighbours recorded, and does what is to be done about it.
    fn hear(&mut self, batch: &mut Vec<(HostId, Delivery)>) -> Result<(), HostError> {
        let touched = self.take_in(batch.drain(..))?;
        for ask in std::mem::take(&mut self.early) {
            self.take_ask(ask)?;
        }
        self.advance_all(touched)
    }

    /// Records and folds what neighbours recorded; gives the files that it may set in motion.
    fn take_in(
        &mut self,
        batch: impl ExactSizeIterator<Item = (HostId, Delivery)>,
    ) -> Result<BTreeSet<FileId>, HostError> {
        let host = self.parts.id;
        let mut events = Vec::with_capacity(batch.len());
        let mut entries = Vec::with_capacity(batch.len());
        let mut sources = Vec::with_capacity(batch.len());
        for (source, delivery) in batch {
            sources.push(source);
            let sequence = delivery.header.sequence;
            let kept = is_kept(host, &delivery.event);
            entries.push(NewEntry::Heard { header: delivery.header, payload: delivery.payload.filter(|_| kept) });
            if kept {
                events.push((source, sequence, delivery.event, delivery.trace));
            }
        }
        let appended = self.parts.writer.append(entries).map_err(|source| HostError::Log { host, source })?;
        self.position = appended.first_position + appended.headers.len() as u64 - 1;
        self.ends.extend(sources.into_iter().zip(appended.first_position..));
        let mut touched = BTreeSet::new();
        let of_catalog = events.iter().any(|(source, ..)| source.service == ServiceName::Catalog);
        for (source, sequence, event, trace) in events {
            self.traces.heard(&event, trace);
            self.last_at = self.last_at.max(event.recorded_at);
            self.fold(source, sequence, &event, &mut touched);
        }
        if of_catalog {
            self.lay_catalog();
        }
        Ok(touched)
    }

    /// Folds one event; the files that it may set in motion join `touched`.
    fn fold(&mut self, source: HostId, sequence: u64, event: &Event, touched: &mut BTreeSet<FileId>) {
        self.evolve(source, sequence, event);
        self.decider.heard(&self.ledger, source, sequence, event);
        self.roots.note(event);
        self.recorded_at = self.recorded_at.max(event.recorded_at);
        match &event.subject {
            Subject::File(file) => drop(touched.insert(*file)),
            Subject::Object(_) => touched.extend(self.waiting.iter().copied()),
        }
    }

    fn evolve(&mut self, source: HostId, sequence: u64, event: &Event) {
        let of_catalog = source.service == ServiceName::Catalog;
        let shared = self.parts.bus.shelf().take();
        if of_catalog && self.parts.id.service != ServiceName::Catalog && shared.position >= sequence {
            // The fold exists once in this process: take it instead of making another.
            self.ledger.catalog = shared;
        } else {
            drop(shared);
            self.ledger.evolve(sequence, event);
        }
    }

    fn take_ask(&mut self, ask: Ask) -> Result<(), HostError> {
        if ask.after > self.parts.writer.heard(HostId::new(D::SERVICE, 0)).0 {
            self.early.push(ask);
            return Ok(());
        }
        let Ask { command, scope, key, trace, reply, .. } = ask;
        let work = self.traces.decide(&command, trace, &self.parts.id);
        // What is logged while this is decided tells where it belongs.
        let span = work.span.clone();
        let _entered = span.enter();
        let reply = Reply::new(reply, work.span, [D::SERVICE.name(), command.action()], &self.parts);
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
        match decided.and_then(|facts| self.own(facts)) {
            Ok(facts) => {
                let seed = key.map_or_else(|| self.fresh_seed(cause), |key| key.seed);
                let receipts = self.decider.receipts(&command, &[]);
                let due = Due { facts, seed, indexed: key.is_some(), cause, context: &context, trace: work.trace };
                let (events, touched) = self.record(due)?;
                let (host, sequence, events) = (self.parts.id, self.sequence, Arc::new(events));
                let answer = Answer { host, sequence, events, repeated: false, receipts };
                self.answer(reply, Ok(answer));
                self.advance_all(touched)
            }
            Err(rejection) => {
                self.note_refusal(&command, &rejection, &context, work.trace)?;
                self.answer(reply, Err(rejection));
                Ok(())
            }
        }
    }

    /// Facts that are this host's to say: who asks and doesn't know yet where a contract is placed asks the wrong one.
    fn own(&self, facts: Facts) -> Result<Facts, Rejection> {
        let partition = self.parts.id.partition;
        let foreign = |subject: &Subject| matches!(subject, Subject::File(file) if file.partition() != partition);
        if facts.iter().any(|(subject, _)| foreign(subject)) { Err(Rejection::Unavailable) } else { Ok(facts) }
    }

    /// A seed that no other request has: what is recorded moves the head, and no head comes twice in a chain, whoever
    /// writes it.
    fn fresh_seed(&self, cause: Hash) -> Hash {
        let (_, head) = self.parts.writer.head();
        Hash::of_parts(&[b"once", self.parts.id.to_string().as_bytes(), &head.0, &cause.0])
    }

    /// Gives the first outcome of a key again, once all of it can be read: it may be on its way to the disk.
    fn answer_again(&self, position: u64, key: AskKey, command: Command, reply: Reply) {
        let (reader, decider, settled) = (self.parts.reader.clone(), self.decider.clone(), self.settled());
        tokio::spawn(async move {
            if !settled.await {
                return;
            }
            let outcome = first_outcome(&reader, position, key).unwrap_or_else(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "could not give an answer again");
                Err(disk::rejection(&error))
            });
            let outcome = outcome.map(|first| {
                let receipts = decider.receipts(&command, &first.events);
                Answer { receipts, ..first }
            });
            reply.give(outcome);
        });
    }

    /// Hands facts over to the log and folds them; whoever is told of them waits for the disk.
    fn record(&mut self, due: Due<'_>) -> Result<(Vec<Event>, BTreeSet<FileId>), HostError> {
        let Due { facts, seed, indexed, cause, context, trace } = due;
        let facts = self.with_checkpoint(self.with_statement(facts, context));
        let host = self.parts.id;
        let mut touched = BTreeSet::new();
        let mut events = Vec::with_capacity(facts.len());
        let mut entries = Vec::with_capacity(facts.len());
        for (index, (subject, fact)) in facts.into_iter().enumerate() {
            let id = EventId::derive(&seed, host.service, u32::try_from(index).unwrap_or(u32::MAX));
            let actor = context.scope.actor.clone();
            let surface = context.scope.surface;
            let event = Event { id, subject, cause, actor, surface, recorded_at: context.now, fact };
            let payload = proto::encode_traced(&event, trace);
            entries.push(NewEntry::Own { id: (indexed && index == 0).then_some(id), payload });
            events.push(event);
        }
        if events.is_empty() {
            return Ok((events, touched));
        }
        let appended = self.parts.writer.append(entries).map_err(|source| HostError::Log { host, source })?;
        self.position = appended.first_position + appended.headers.len() as u64 - 1;
        self.ends.insert(host, self.position);
        for (event, header) in events.iter().zip(&appended.headers) {
            self.sequence = header.sequence;
            self.traces.heard(event, trace);
            self.signed.note(header, &event.fact);
            if let Fact::RecordsChecked(checked) = &event.fact {
                let records = u64::from(checked.valid) + u64::from(checked.invalid);
                self.parts.meters.add(&RECORDS_CHECKED, &[host.service.name()], records);
            }
            self.fold(host, header.sequence, event, &mut touched);
        }
        if host.service == ServiceName::Catalog {
            self.lay_catalog();
        }
        Ok((events, touched))
    }

    /// Answers once everything handed over so far is on stable storage.
    fn answer(&self, reply: Reply, outcome: Result<Answer, Rejection>) {
        let settled = self.settled();
        tokio::spawn(async move {
            if settled.await {
                reply.give(outcome);
            }
        });
    }

    fn take_proposal(&mut self, proposal: Proposal<D::Own>) -> Result<(), HostError> {
        let Proposal { own, trace, answer } = proposal;
        let outcome = self.conclude(own, trace)?;
        let told = outcome.as_ref().map(|(sequences, _)| sequences.clone()).map_err(|stale| *stale);
        // A job that no longer waits was stopped with the process.
        drop(answer.send(told));
        match outcome {
            Ok((_, touched)) => self.advance_all(touched),
            Err(Stale) => Ok(()),
        }
    }

    #[expect(clippy::type_complexity, reason = "the two halves of an outcome, used by the two callers below only")]
    fn conclude(
        &mut self,
        own: D::Own,
        trace: Option<Trace>,
    ) -> Result<Result<(Vec<u64>, BTreeSet<FileId>), Stale>, HostError> {
        let context = Context { now: self.now(), scope: Scope::service(self.parts.id.service) };
        let facts = match self.decider.conclude(&self.ledger, own, &context) {
            Ok(facts) => facts,
            Err(stale) => return Ok(Err(stale)),
        };
        let first = self.sequence + 1;
        let seed = self.fresh_seed(Hash::ZERO);
        let due = Due { facts, seed, indexed: false, cause: seed, context: &context, trace };
        let (_, touched) = self.record(due)?;
        Ok(Ok(((first..=self.sequence).collect(), touched)))
    }

    /// Notes a refusal, unless one like it was just noted.
    fn note_refusal(
        &mut self,
        command: &Command,
        rejection: &Rejection,
        context: &Context,
        trace: Option<Trace>,
    ) -> Result<(), HostError> {
        let Some((key, count)) = self.refusals.count(command, rejection, context) else { return Ok(()) };
        if let Some(noted) = self.decider.refused(command, rejection, count) {
            let seed = self.fresh_seed(key);
            let due = Due { facts: vec![noted], seed, indexed: false, cause: seed, context, trace };
            self.record(due)?;
        }
        Ok(())
    }

    /// Later than everything that was heard, also while the clock is behind that: what follows from something is told
    /// from what came at the same time, and never made again and again for it.
    fn now(&mut self) -> Moment {
        let now = self.parts.clock.now();
        self.last_at = if now < self.last_at { Moment(self.last_at.0.saturating_add(1)) } else { now };
        self.last_at
    }
}
