//! A service without disk, time or threads: its real decider on its real fold, and around it the least that a host does
//! (services/runtime/src/host.rs): a log, what was heard, keys, jobs that tell one thing at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use ledger::digest::digest_of;
use ledger::report::Receipt;
use ledger::{
    Command, Context, Event, EventId, FileId, Hash, HostId, Ledger, Moment, Rejection, Role, Scope, ServiceName,
    Subject,
};
use runtime::decider::{Facts, Next, Stale};
use runtime::hearing::{Hearing, is_kept};

use super::fault::Fault;
use super::jobs::Play;
use super::library::Library;

/// Decisions in a row about one file without a job: more is a loop.
const STEPS_MAX: usize = 64;
const JOBS_MAX: usize = 2;

/// Somebody wants something.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) command: Command,
    pub(super) scope: Scope,
    /// The idempotency key.
    pub(super) key: Option<Hash>,
    pub(super) now: Moment,
}

impl Ask {
    /// What makes it recognisable when it comes again. Reported records are the same whichever file collects them by
    /// then (services/gateway/src/reported).
    fn content(&self) -> Hash {
        let who = (self.scope.account.as_ref(), self.scope.actor.id());
        match &self.command {
            Command::ReportRecords(call) => digest_of(&(call.content, who)),
            command => digest_of(&(command, who)),
        }
    }
}

/// What somebody is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) events: Vec<Event>,
    /// What became of each reported record.
    pub(super) receipts: Vec<Receipt>,
}

/// What was said, in the bytes that were written.
pub(super) type Said = Rc<Vec<u8>>;

/// A line of a host's log.
#[derive(Clone, Debug)]
struct Entry {
    source: HostId,
    sequence: u64,
    /// None for what carries records, of which only the header is noted.
    said: Option<Said>,
}

/// A service as the network and the checks see it.
pub(super) trait Node {
    fn id(&self) -> HostId;
    fn ledger(&self) -> &Ledger;
    /// Everything that it has said.
    fn said(&self) -> &[Said];
    /// Whom it hears, and how much of it it has heard.
    fn heard(&self) -> &BTreeMap<HostId, u64>;
    /// Hears the fact of a sequence, and takes it in if it is the next one.
    fn hear(&mut self, source: HostId, sequence: u64, said: &Said, library: &Library);
    /// Decides what is asked.
    fn ask(&mut self, ask: &Ask, library: &Library) -> Result<Answer, Rejection>;
    /// Files that a job runs about.
    fn running(&self) -> Vec<FileId>;
    /// Lets a job tell the next thing, or end.
    fn work(&mut self, file: FileId, library: &Library);
    /// Ends it and starts it again, unless a third attempt runs: that would end in a failure.
    fn restart(&mut self, library: &Library);
    /// What its log says, folded anew.
    fn replayed(&self) -> Ledger;
}

/// A running service.
pub(super) struct Host<D: Play> {
    id: HostId,
    make: fn() -> D,
    decider: D,
    ledger: Ledger,
    log: Vec<Entry>,
    said: Vec<Said>,
    heard: BTreeMap<HostId, u64>,
    running: BTreeMap<FileId, VecDeque<D::Own>>,
    waiting: BTreeSet<FileId>,
    last_at: Moment,
    /// What its clock is off by.
    skew: i64,
    fault: Fault,
}

impl<D: Play> Host<D> {
    pub(super) fn new(make: fn() -> D, skew: i64, fault: Fault) -> Self {
        let id = HostId::new(D::SERVICE, 0);
        let hears = |service: &ServiceName| Hearing::of::<D>().hears(id.partition, HostId::new(*service, 0));
        let heard = ServiceName::WRITERS.into_iter().filter(|it| *it != D::SERVICE && hears(it));
        Self {
            id,
            make,
            decider: make(),
            ledger: Ledger::default(),
            log: Vec::new(),
            said: Vec::new(),
            heard: heard.map(|service| (HostId::new(service, 0), 0)).collect(),
            running: BTreeMap::new(),
            waiting: BTreeSet::new(),
            last_at: Moment::default(),
            skew,
            fault,
        }
    }

    fn fold(&mut self, source: HostId, sequence: u64, event: &Event, touched: &mut BTreeSet<FileId>) {
        self.last_at = self.last_at.max(event.recorded_at);
        self.ledger.evolve(sequence, event);
        self.decider.heard(&self.ledger, source, sequence, event);
        match &event.subject {
            Subject::File(file) => drop(touched.insert(*file)),
            Subject::Object(_) => touched.extend(self.waiting.iter().copied()),
        }
    }

    fn now(&mut self, now: Moment) -> Moment {
        let told = Moment(now.0 + self.skew);
        let behind = told < self.last_at && !self.fault.happens(Fault::ClockGoesBack, self.id);
        self.last_at = if behind { Moment(self.last_at.0 + 1) } else { told };
        self.last_at
    }

    fn record(&mut self, facts: Facts, seed: &Hash, cause: Hash, context: &Context) -> (Vec<Event>, BTreeSet<FileId>) {
        let (mut events, mut touched) = (Vec::new(), BTreeSet::new());
        for (index, (subject, fact)) in (0..).zip(facts) {
            let id = EventId::derive(seed, self.id.service, index);
            let actor = context.scope.actor.clone();
            let surface = context.scope.surface;
            let event = Event { id, subject, cause, actor, surface, recorded_at: context.now, fact };
            let said = Rc::new(proto::encode_event(&event));
            self.said.push(Rc::clone(&said));
            let sequence = self.said.len() as u64;
            self.log.push(Entry { source: self.id, sequence, said: Some(said) });
            self.fold(self.id, sequence, &event, &mut touched);
            events.push(event);
        }
        (events, touched)
    }

    fn conclude(&mut self, own: D::Own) -> Result<(usize, BTreeSet<FileId>), Stale> {
        let context = Context { now: self.now(self.last_at), scope: Scope::service(self.id.service) };
        let facts = self.decider.conclude(&self.ledger, own, &context)?;
        let seed = Hash::of_parts(&[b"own", self.id.to_string().as_bytes(), &self.said.len().to_le_bytes()]);
        let (events, touched) = self.record(facts, &seed, seed, &context);
        Ok((events.len(), touched))
    }

    fn advance_all(&mut self, files: impl IntoIterator<Item = FileId>, library: &Library) {
        files.into_iter().for_each(|file| self.advance(file, library));
    }

    fn advance(&mut self, file: FileId, library: &Library) {
        for _ in 0..STEPS_MAX {
            if self.running.contains_key(&file) {
                return;
            }
            let running = self.running.keys().copied().collect();
            let next = self.decider.next(&self.ledger, file, &running);
            self.waiting.remove(&file);
            match next {
                Next::Nothing => return,
                Next::Conclude(own) => match self.conclude(own) {
                    Ok((recorded, _)) if recorded > 0 => {}
                    _ => return,
                },
                Next::Begin(own) if running.len() < JOBS_MAX => {
                    if self.conclude(own).is_err() {
                        return;
                    }
                    let told = self.decider.play(&self.ledger, file, library);
                    if !told.is_empty() {
                        self.running.insert(file, told.into());
                    }
                }
                Next::Later | Next::Begin(_) => {
                    self.waiting.insert(file);
                    return;
                }
            }
        }
        panic!("{}: the same decision about {file} comes back again and again", self.id);
    }

    /// Attempts at what a job does now.
    fn attempts(&self, file: FileId) -> u32 {
        let Some(known) = self.ledger.file(file) else { return 0 };
        let extraction = &known.extraction;
        let chunks = extraction.chunks.values().filter(|it| it.workbook.is_none()).map(|it| it.attempt);
        let reconciliations = extraction.reconciliations.values().filter(|it| it.end.is_none()).map(|it| it.attempt);
        let others = [known.reading.attempt, known.checking.attempt, known.checking.writing, extraction.attempt];
        chunks.chain(reconciliations).chain(others).max().unwrap_or(0)
    }
}

impl<D: Play> Node for Host<D> {
    fn id(&self) -> HostId {
        self.id
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn said(&self) -> &[Said] {
        &self.said
    }

    fn heard(&self) -> &BTreeMap<HostId, u64> {
        &self.heard
    }

    fn hear(&mut self, source: HostId, sequence: u64, said: &Said, library: &Library) {
        let heard = self.heard.get_mut(&source).expect("it is heard");
        if sequence != *heard + 1 {
            return;
        }
        *heard = sequence;
        let mut event = proto::decode_event(said).expect("what was written is read");
        let kept = is_kept(self.id, &event);
        self.log.push(Entry { source, sequence, said: kept.then(|| Rc::clone(said)) });
        if !kept || self.fault.loses(&event, self.id) {
            return;
        }
        self.fault.distorts(&mut event, self.id);
        let mut touched = BTreeSet::new();
        self.fold(source, sequence, &event, &mut touched);
        self.advance_all(touched, library);
    }

    fn ask(&mut self, ask: &Ask, library: &Library) -> Result<Answer, Rejection> {
        let Ask { command, scope, key, now } = ask;
        let cause = ask.content();
        let fresh = Hash::of_parts(&[b"once", self.id.to_string().as_bytes(), &self.said.len().to_le_bytes()]);
        let seed = key.unwrap_or(fresh);
        let first = EventId::derive(&seed, self.id.service, 0);
        let events = || self.said.iter().map(|said| proto::decode_event(said).expect("it was written"));
        if key.is_some() && !self.fault.happens(Fault::KeyForgotten, self.id) {
            let known: Vec<Event> = events().skip_while(|event| event.id != first).collect();
            let of_key = |(index, event): &(u32, &Event)| event.id == EventId::derive(&seed, self.id.service, *index);
            let answered: Vec<Event> = (0..).zip(&known).take_while(of_key).map(|(_, event)| event.clone()).collect();
            match answered.first() {
                Some(first) if first.cause != cause => return Err(Rejection::KeyReused),
                Some(_) => {
                    let receipts = self.decider.receipts(command, &answered);
                    return Ok(Answer { events: answered, receipts });
                }
                None => {}
            }
        }
        let role = if self.fault.happens(Fault::AnybodyAsks, self.id) { Role::Operator } else { scope.role };
        let context = Context { now: self.now(*now), scope: Scope { role, ..scope.clone() } };
        match self.decider.decide(&self.ledger, command, &context) {
            Ok(facts) => {
                let receipts = self.decider.receipts(command, &[]);
                let (events, touched) = self.record(facts, &seed, cause, &context);
                self.advance_all(touched, library);
                Ok(Answer { events, receipts })
            }
            Err(rejection) => {
                let noted = self.decider.refused(command, &rejection, 1).into_iter().collect();
                let (_, touched) = self.record(noted, &fresh, fresh, &context);
                self.advance_all(touched, library);
                Err(rejection)
            }
        }
    }

    fn running(&self) -> Vec<FileId> {
        self.running.keys().copied().collect()
    }

    fn work(&mut self, file: FileId, library: &Library) {
        let told = self.running.get_mut(&file).and_then(VecDeque::pop_front);
        // A proposal that comes too late ends the job.
        let goes_on = match told.map(|own| self.conclude(own)) {
            Some(Ok((_, touched))) => {
                self.advance_all(touched, library);
                self.running.get(&file).is_some_and(|rest| !rest.is_empty())
            }
            Some(Err(Stale)) | None => false,
        };
        if !goes_on {
            self.running.remove(&file);
            self.advance(file, library);
            let waiting = std::mem::take(&mut self.waiting);
            self.advance_all(waiting, library);
        }
    }

    fn restart(&mut self, library: &Library) {
        if self.running.keys().any(|file| self.attempts(*file) >= ledger::file::ATTEMPTS_MAX) {
            return;
        }
        self.running.clear();
        self.waiting.clear();
        if self.fault.happens(Fault::EndForgotten, self.id) {
            self.log.pop();
        }
        self.decider = (self.make)();
        self.ledger = Ledger::default();
        for Entry { source, sequence, said } in self.log.clone() {
            let Some(said) = said else { continue };
            let event = proto::decode_event(&said).expect("what was written is read");
            self.fold(source, sequence, &event, &mut BTreeSet::new());
        }
        let all: Vec<FileId> = self.ledger.files.keys().copied().collect();
        self.advance_all(all, library);
    }

    fn replayed(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for Entry { sequence, said, .. } in &self.log {
            let event = said.as_ref().map(|said| proto::decode_event(said).expect("what was written is read"));
            event.iter().for_each(|event| ledger.evolve(*sequence, event));
        }
        ledger
    }
}
