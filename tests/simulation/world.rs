//! Five services, two gateways and a network that delays, repeats and mixes: who is told what next is chance. In between
//! everything comes to rest, and the ledger is compared with the model.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use approval::Approval;
use catalog::CatalogService;
use extraction::ExtractionService;
use ingestion::IngestionService;
use ledger::command::{CreateFile, OpenReport};
use ledger::fact::Period;
use ledger::record::Billing;
use ledger::report::{Receipt, ReportedRecords};
use ledger::{Command, Event, FileId, Hash, HostId, Ledger, Moment, Rejection, Scope, ServiceName};
use validation::ValidationService;

use super::catalog::{ACCOUNTS, CONTRACTS, PRODUCTS, contract, holder, id, objects};
use super::checks;
use super::fault::Fault;
use super::host::{Answer, Ask, Host, Node, Said};
use super::library::{Library, billing};
use super::model::{Model, Stage};
use super::reports::{MONTHS, Sent, call};
use crate::random::Random;

/// 2026-11-22 00:00:00.
const BEGIN: Moment = Moment(1_795_305_600 * Moment::SECOND);
/// How often everything comes to rest.
const RESTS: usize = 6;
const STEPS: usize = 90;
/// Wishes among which one that can be fulfilled is looked for.
const TRIES: usize = 12;
/// Files of a run.
const FILES: usize = 9;
const DAY: i64 = 86_400 * Moment::SECOND;

/// Somebody who only reads.
pub(super) struct Gateway {
    pub(super) ledger: Ledger,
    pub(super) heard: BTreeMap<HostId, u64>,
    /// Facts that a fault keeps for later.
    kept: Vec<(u64, Event)>,
    fault: Fault,
}

impl Gateway {
    fn new(fault: Fault) -> Self {
        let heard = ServiceName::WRITERS.map(|service| (HostId::new(service, 0), 0)).into();
        Self { ledger: Ledger::default(), heard, kept: Vec::new(), fault }
    }

    fn hear(&mut self, source: HostId, sequence: u64, said: &Said) {
        let own = HostId::new(ServiceName::Gateway, 0);
        let heard = self.heard.get_mut(&source).expect("it hears all");
        let again = sequence <= *heard && self.fault.happens(Fault::HeardTwice, own);
        if sequence != *heard + 1 && !again {
            return;
        }
        *heard = (*heard).max(sequence);
        let event = proto::decode_event(said).expect("what was written is read");
        if self.fault.loses(&event, own) {
            return;
        }
        let turned = self.fault.happens(Fault::OrderTurned, own) && source.service == ServiceName::Approval;
        if turned && self.kept.is_empty() {
            self.kept.push((sequence, event));
            return;
        }
        self.ledger.evolve(sequence, &event);
        self.kept.drain(..).for_each(|(sequence, event)| self.ledger.evolve(sequence, &event));
    }
}

/// What a run has seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) facts: u64,
    pub(super) commands: u64,
    pub(super) refused: u64,
    pub(super) repeated: u64,
    pub(super) restarts: u64,
    pub(super) closed: u64,
}

/// All of it.
pub(super) struct World {
    random: Random,
    pub(super) library: Library,
    pub(super) nodes: Vec<Box<dyn Node>>,
    pub(super) gateways: [Gateway; 2],
    pub(super) model: Model,
    asked: Vec<(Ask, Result<Answer, Rejection>)>,
    now: Moment,
    quiet: bool,
    counts: Counts,
}

/// Lives through a seed; gives what was seen, or which sentence didn't hold.
pub(super) fn live(seed: u64, fault: Fault) -> Result<Counts, String> {
    let mut world = World::new(seed, fault);
    for _ in 0..RESTS {
        world.stir();
        world.rest();
        checks::hold(&world)?;
    }
    world.counts.facts = world.nodes.iter().map(|node| node.said().len() as u64).sum();
    world.counts.closed = world.model.files.values().filter(|file| file.is_closed(&world.library)).count() as u64;
    Ok(world.counts)
}

/// The records that an answer says were added, each with its row.
fn added(answer: &Answer) -> Vec<(usize, u32)> {
    let row = |receipt: &Receipt| if let Receipt::Added { row } = receipt { Some(*row) } else { None };
    answer.receipts.iter().enumerate().filter_map(|(index, receipt)| Some((index, row(receipt)?))).collect()
}

/// Its index of record ids is for real checks, which aren't played.
fn validation() -> ValidationService {
    let folder = tempfile::tempdir().expect("a folder");
    ValidationService::open(folder.path(), 0).expect("a service")
}

impl World {
    fn new(seed: u64, fault: Fault) -> Self {
        let mut random = Random::new(seed);
        let mut skew = || i64::try_from(random.below(3)).expect("it is small") * DAY - DAY;
        let nodes: Vec<Box<dyn Node>> = vec![
            Box::new(Host::new(|| CatalogService { partitions: 1, webhooks_to_private: false }, skew(), fault)),
            Box::new(Host::new(|| Approval, skew(), fault)),
            Box::new(Host::new(IngestionService::default, skew(), fault)),
            Box::new(Host::new(validation, skew(), fault)),
            Box::new(Host::new(ExtractionService::default, skew(), fault)),
        ];
        let gateways = [Gateway::new(fault), Gateway::new(Fault::None)];
        let (library, model, asked) = (Library::default(), Model::default(), Vec::new());
        let (now, quiet, counts) = (BEGIN, true, Counts::default());
        let mut world = Self { random, library, nodes, gateways, model, asked, now, quiet, counts };
        world.import(objects());
        world.rest();
        world
    }

    fn import(&mut self, objects: Vec<ledger::catalog::CatalogObject>) {
        let ask =
            Ask { command: Command::ImportCatalog { objects }, scope: Scope::operator(), key: None, now: self.now };
        self.tell(&ask).expect("a sound catalog");
    }

    pub(super) fn node(&self, service: ServiceName) -> &dyn Node {
        let mut nodes = self.nodes.iter().map(AsRef::as_ref);
        nodes.find(|node: &&dyn Node| node.id().service == service).expect("a service")
    }

    fn tell(&mut self, ask: &Ask) -> Result<Answer, Rejection> {
        let service = ask.command.service();
        let node = self.nodes.iter_mut().find(|node| node.id().service == service).expect("a service");
        let before = node.said().len();
        let answer = node.ask(ask, &self.library);
        if matches!(ask.command, Command::ReportRecords(_)) {
            let new = (1..).zip(node.said()).skip(before);
            self.library.laid.extend(new.map(|(sequence, said)| ((node.id(), sequence), Rc::clone(said))));
        }
        answer
    }

    /// Chance goes on for a while.
    fn stir(&mut self) {
        if self.random.once_in(2) {
            // What the catalog says is known to all before somebody relies on it.
            let (name, provider) = CONTRACTS[self.random.below(CONTRACTS.len())];
            let active = self.random.below(3) > 0;
            self.import(vec![contract(name, provider, active)]);
            if active {
                self.model.inactive.remove(name);
            } else {
                self.model.inactive.insert(name.to_owned());
            }
            self.rest();
        }
        for _ in 0..STEPS {
            match self.random.below(20) {
                0..=4 => self.ask(),
                5 if !self.asked.is_empty() => self.ask_again(),
                6 if self.random.once_in(4) => self.restart(),
                7 => self.misdeliver(),
                8..=12 => {
                    self.work();
                }
                _ => {
                    self.deliver();
                }
            }
        }
    }

    /// Until nobody has anything to hear or to do.
    fn rest(&mut self) {
        loop {
            let heard = self.deliver();
            let worked = self.work();
            if !heard && !worked {
                break;
            }
        }
        self.model.settle(&self.library);
        self.quiet = true;
    }

    /// Everything that somebody hasn't heard yet: the listener (a service, or a gateway behind them) and the source.
    fn unheard(&self) -> Vec<(usize, HostId, u64)> {
        let all = self.nodes.iter().map(|node| node.heard()).chain(self.gateways.iter().map(|it| &it.heard));
        let of = |(listener, heard): (usize, &BTreeMap<HostId, u64>)| {
            heard.iter().map(|(source, last)| (listener, *source, *last)).collect::<Vec<_>>()
        };
        let all = all.enumerate().flat_map(of);
        all.filter(|(_, source, last)| *last < self.node(source.service).said().len() as u64).collect()
    }

    fn hand(&mut self, listener: usize, source: HostId, sequence: u64) {
        let said = self.node(source.service).said();
        let said = sequence.checked_sub(1).and_then(|at| said.get(usize::try_from(at).expect("it is small"))).cloned();
        let Some(said) = said else { return };
        self.quiet = false;
        match listener.checked_sub(self.nodes.len()) {
            None => self.nodes[listener].hear(source, sequence, &said, &self.library),
            Some(gateway) => self.gateways[gateway].hear(source, sequence, &said),
        }
    }

    fn deliver(&mut self) -> bool {
        let unheard = self.unheard();
        let Some((listener, source, last)) = self.random.one_of(&unheard).copied() else { return false };
        self.hand(listener, source, last + 1);
        true
    }

    /// Something comes again, or too early.
    fn misdeliver(&mut self) {
        let listener = self.random.below(self.nodes.len() + self.gateways.len());
        let gateway = listener.checked_sub(self.nodes.len()).map(|at| &self.gateways[at].heard);
        let heard = gateway.unwrap_or_else(|| self.nodes[listener].heard()).iter();
        let heard: Vec<(HostId, u64)> = heard.map(|(source, last)| (*source, *last)).collect();
        let Some((source, last)) = self.random.one_of(&heard).copied() else { return };
        let early = last + 2 + self.random.below(2) as u64;
        let again = 1 + self.random.below(usize::try_from(last).expect("it is small").max(1)) as u64;
        let sequence = if self.random.once_in(3) { early } else { again };
        self.hand(listener, source, sequence);
    }

    fn work(&mut self) -> bool {
        let of = |(at, node): (usize, &dyn Node)| node.running().into_iter().map(move |file| (at, file));
        let running: Vec<(usize, FileId)> = self.nodes.iter().map(AsRef::as_ref).enumerate().flat_map(of).collect();
        let Some((node, file)) = self.random.one_of(&running).copied() else { return false };
        self.quiet = false;
        self.nodes[node].work(file, &self.library);
        true
    }

    fn restart(&mut self) {
        let at = self.random.below(self.nodes.len());
        self.counts.restarts += 1;
        self.quiet = false;
        self.nodes[at].restart(&self.library);
    }

    fn ask(&mut self) {
        self.time_goes_by();
        let Some(mut ask) = self.wish() else { return };
        // Most of what is asked is possible by what was answered so far.
        for _ in 0..TRIES {
            if self.model.expects(&ask, &self.library) == Some(true) || self.random.once_in(4) {
                break;
            }
            ask = self.wish().unwrap_or(ask);
        }
        let expected = self.model.expects(&ask, &self.library).filter(|_| self.quiet);
        let answer = self.tell(&ask);
        self.counts.commands += 1;
        self.counts.refused += u64::from(answer.is_err());
        if expected.is_some_and(|expected| expected != answer.is_ok()) {
            let known = ask.command.file().and_then(|file| self.model.files.get(&file));
            self.model.wrong.push(format!("{ask:?} of {known:?} was answered {answer:?}"));
        }
        if let Ok(answer) = &answer {
            self.model.answered(&ask, answer, self.quiet, &self.library);
        }
        self.quiet = false;
        self.asked.push((ask, answer));
    }

    /// Somebody and something.
    fn wish(&mut self) -> Option<Ask> {
        let command = self.command()?;
        let account = ACCOUNTS[[0, 0, 0, 1, 2, 1, 2, 3, 4][self.random.below(9)]].0;
        let number = self.asked.len();
        let key = self.random.once_in(3).then(|| Hash::of(format!("key {number}").as_bytes()));
        Some(Ask { command, scope: holder(account), key, now: self.now })
    }

    /// A few seconds as a rule; now and then clocks are set back by a day, or ahead by more than a month.
    fn time_goes_by(&mut self) {
        let micros = match self.random.below(60) {
            0 => -DAY,
            1 => 35 * DAY,
            _ => i64::try_from(self.random.below(50_000_000)).expect("it is small"),
        };
        self.now = Moment(self.now.0 + micros);
    }

    /// A request that had a key comes again, as it was or with other content.
    fn ask_again(&mut self) {
        let keyed: Vec<usize> = (0..self.asked.len()).filter(|at| self.asked[*at].0.key.is_some()).collect();
        let Some(at) = self.random.one_of(&keyed).copied() else { return };
        let (mut ask, Ok(first)) = self.asked[at].clone() else { return };
        if first.events.is_empty() {
            // Nothing was recorded, so nothing binds the key.
            return;
        }
        self.counts.repeated += 1;
        let other = self.random.once_in(3);
        if other {
            ask.scope = holder("OP-1");
            if ask.scope == self.asked[at].0.scope {
                return;
            }
        }
        if let Command::ReportRecords(call) = &mut ask.command
            && let Some(file) = self.model.collecting_like(call.file)
        {
            // By now another file may collect them: a gateway asks about that one.
            *call = Arc::new(ReportedRecords { file, ..(**call).clone() });
        }
        let again = self.tell(&ask);
        let same = match (&again, other) {
            (Err(rejection), true) => *rejection == Rejection::KeyReused,
            (Ok(again), false) => again.events == first.events && added(again) == added(&first),
            _ => false,
        };
        if !same {
            self.model.wrong.push(format!("{:?} came again and was answered {again:?}, not {first:?}", ask.command));
        }
    }

    fn command(&mut self) -> Option<Command> {
        let known: Vec<FileId> = self.model.files.keys().copied().collect();
        let choice = self.random.below(32);
        if known.len() < 2 || (choice == 0 && known.len() < FILES) {
            return Some(self.create());
        }
        let file = *self.random.one_of(&known)?;
        let (note, bytes) = (String::new(), 8);
        Some(match choice {
            0..=4 => {
                let (blob, filename) = (self.library.usage(&mut self.random), "usage.xlsx".to_owned());
                Command::OpenUpload { file, blob, bytes, filename }
            }
            5..=8 => Command::SubmitFile { file },
            9..=12 => Command::AcceptFile { file, note },
            13 => Command::RejectFile { file, note },
            14 if self.random.once_in(3) => Command::DeleteFile { file },
            14 | 15 => Command::ReprocessFile { file },
            16..=18 => {
                let rows = self.rows(file).into_iter().filter(|_| self.random.below(3) > 0).collect::<Vec<_>>();
                let rows = rows.into_iter().map(|row| (row, billing(&mut self.random))).collect();
                Command::CloseRecords { file, rows }
            }
            19 | 20 => {
                let chunk = file.chunk(1 + u16::try_from(self.random.below(3)).expect("it is small"));
                let billing = Billing { note: String::new(), ..billing(&mut self.random) };
                Command::CloseChunk { chunk, billing }
            }
            21 => Command::CloseFile { file },
            24..=29 => self.report(file),
            30 if known.len() < FILES => self.open_report(),
            30 | 31 => Command::SealReport { file },
            _ => {
                let rows = self.rows(file);
                let blob = self.library.reconciliation(&mut self.random, &rows);
                Command::ReceiveReconciliation { file, blob, bytes, note }
            }
        })
    }

    /// Rows of a file, and one that it hasn't.
    fn rows(&self, file: FileId) -> Vec<u32> {
        let known = self.model.files.get(&file);
        let rows = known.into_iter().flat_map(|file| file.rows(&self.library)).map(|row| row.row);
        rows.chain([999_999]).collect()
    }

    fn open_report(&mut self) -> Command {
        let (contract, _) = CONTRACTS[self.random.below(CONTRACTS.len())];
        let product = self.random.below(PRODUCTS.len());
        let month = self.random.below(MONTHS);
        let from = Moment(BEGIN.0 - i64::try_from(month * 30).expect("it is small") * DAY);
        Command::OpenReport(Box::new(OpenReport {
            product: id(PRODUCTS[product].0),
            contract: id(contract),
            period: Period { from, to: Moment(from.0 + 5 * DAY) },
            currency: (product == 1).then(|| "EUR".to_owned()),
            environment: None,
        }))
    }

    /// Records for a file that collects some, if there is one, or for any.
    fn report(&mut self, file: FileId) -> Command {
        let collecting: Vec<FileId> = self.model.collecting().collect();
        let any = self.random.once_in(8);
        let file = self.random.one_of(&collecting).copied().filter(|_| !any).unwrap_or(file);
        let known = &self.model.files[&file];
        let trade = (known.contract.as_str(), known.product.as_str());
        let (sealed, number) = (self.model.sealed(trade), self.library.reports.len());
        let sent = (0..=self.random.below(4)).map(|_| {
            let one = Sent::draw(&mut self.random, sealed);
            let admitted = one.is_admitted(number) && !self.model.is_spent(trade, &one.record_id);
            (one, admitted)
        });
        let sent = sent.collect();
        Command::ReportRecords(Arc::new(call(file, trade, sent, &mut self.library)))
    }

    fn create(&mut self) -> Command {
        let (contract, _) = CONTRACTS[self.random.below(CONTRACTS.len())];
        let product = self.random.below(PRODUCTS.len());
        let text = String::new;
        Command::CreateFile(Box::new(CreateFile {
            product: id(PRODUCTS[product].0),
            contract: id(contract),
            name: text(),
            external_id: text(),
            description: text(),
            note: text(),
            period: None,
            time_zone: text(),
            predictive: false,
            currency: (product == 1).then(|| "EUR".to_owned()),
            environment: None,
        }))
    }

    /// Files that are accepted, by the model.
    pub(super) fn accepted(&self) -> impl Iterator<Item = &super::model::File> {
        self.model.files.values().filter(|file| file.stage == Stage::Accepted)
    }
}
