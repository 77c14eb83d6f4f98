//! An emitter and a receiver that meet on a bus, each in a process of its own or both in one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use ledger::{Command, Context, Event, Fact, FileId, HostId, Ledger, Rejection, Scope, ServiceName, Subject};
use runtime::blobs::Blobs;
use runtime::bus::{Answer, AskKey, Bus, Neighbour};
use runtime::clock::Clock;
use runtime::decider::{Decider, Facts, Next, Stale, Tools};
use runtime::host::{Host, HostParts};
use runtime::log::{LogReader, LogSettings, Logs};
use runtime::meters::Meters;
use runtime::nats::{Desk, Link, LinkSettings, Outbox, OutboxError};
use runtime::records::Records;
use runtime::shelf::CatalogShelf;
use runtime::source::{Published, Source};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::nats::{Cluster, Server};

pub(super) const EMITTER: HostId = HostId { service: ServiceName::Approval, partition: ledger::Partition(0) };
const RECEIVER: HostId = HostId { service: ServiceName::Extraction, partition: ledger::Partition(0) };
/// How long anything may take on a loaded machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Records one fact for each line that it is told; refuses what begins with "refuse".
struct Emitter;

impl Decider for Emitter {
    const SERVICE: ServiceName = ServiceName::Approval;
    const HEARS: &'static [ServiceName] = &[];
    type Own = ();
    type Job = ();

    fn decide(&self, _: &Ledger, command: &Command, _: &Context) -> Result<Facts, Rejection> {
        let Command::RejectFile { file, note } = command else { return Err(Rejection::NotFound) };
        if note.starts_with("refuse") {
            return Err(refusal(note));
        }
        let fact = |line: &str| (Subject::File(*file), Fact::FileRejected { upload: 1, note: line.to_owned() });
        Ok(note.lines().map(fact).collect())
    }

    fn conclude(&self, _: &Ledger, (): (), _: &Context) -> Result<Facts, Stale> {
        Err(Stale)
    }

    fn next(&self, _: &Ledger, _: FileId, _: &BTreeSet<FileId>) -> Next<()> {
        Next::Nothing
    }

    fn job(&self, _: &Ledger, _: FileId) -> Option<()> {
        None
    }

    fn perform(&self, (): (), _: &Tools<()>) {}
}

/// Hears the emitter, and records nothing of its own. Whoever holds the gate for writing holds it up.
struct Receiver {
    gate: Arc<RwLock<()>>,
}

impl Decider for Receiver {
    const SERVICE: ServiceName = ServiceName::Extraction;
    const HEARS: &'static [ServiceName] = &[ServiceName::Approval];
    type Own = ();
    type Job = ();

    fn decide(&self, _: &Ledger, _: &Command, _: &Context) -> Result<Facts, Rejection> {
        Err(Rejection::NotFound)
    }

    fn conclude(&self, _: &Ledger, (): (), _: &Context) -> Result<Facts, Stale> {
        Err(Stale)
    }

    fn next(&self, _: &Ledger, _: FileId, _: &BTreeSet<FileId>) -> Next<()> {
        Next::Nothing
    }

    fn job(&self, _: &Ledger, _: FileId) -> Option<()> {
        None
    }

    fn perform(&self, (): (), _: &Tools<()>) {}

    fn heard(&self, _: &Ledger, _: HostId, _: u64, _: &Event) {
        drop(self.gate.read().expect("nobody panics at the gate"));
    }
}

pub(super) fn refusal(note: &str) -> Rejection {
    Rejection::FieldInvalid { field: "note".to_owned(), message: note.to_owned() }
}

/// What one process has: its logs, and what runs in it.
pub(super) struct Process {
    pub(super) runtime: Runtime,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    pub(super) bus: Bus,
    logs: Logs,
}

impl Process {
    fn start(dir: &Path, here: &[HostId], link: Option<LinkSettings>, gate: &Arc<RwLock<()>>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let entered = runtime.enter();
        let logs = Logs::open(&dir.join("log"), here, LogSettings::default()).expect("the log opens");
        let link = link.map(|link| runtime.block_on(Link::connect(&link, Clock::Machine)).expect("a connection"));
        let (mut neighbours, mut asks) = (BTreeMap::new(), BTreeMap::new());
        for host in [EMITTER, RECEIVER] {
            let neighbour = if here.contains(&host) {
                let (neighbour, queue) = Neighbour::open(logs.reader(host).expect("a log"));
                asks.insert(host, queue);
                neighbour
            } else {
                Neighbour::far(link.clone().expect("they meet over NATS"), host)
            };
            neighbours.insert(host, neighbour);
        }
        let (bus, (stop, stopped)) = (Bus::new(neighbours.clone(), CatalogShelf::default()), watch::channel(false));
        let mut tasks = JoinSet::new();
        for (host, asks) in asks {
            let reader = logs.reader(host).expect("a log");
            let blobs = Arc::new(Blobs::open(&dir.join("blobs")).expect("a folder"));
            let parts = HostParts {
                id: host,
                writer: logs.writer(host).expect("a log"),
                reader: reader.clone(),
                asks,
                bus: bus.clone(),
                published: None,
                blobs: blobs.clone(),
                records: Records::default(),
                clock: Clock::Machine,
                cache: dir.join("cache"),
                snapshots: None,
                meters: Meters::default(),
                checkpoints: None,
            };
            let published = link.clone().map(|link| {
                let outbox = Outbox::new(link.clone(), reader.clone());
                let asks = neighbours[&host].asks().expect("it is here");
                (outbox.clone(), Desk { link, log: reader, asks, blobs, published: outbox.progress() })
            });
            if host == EMITTER {
                tasks.spawn(run(Host::open(Emitter, parts).expect("its log folds"), published, stopped.clone()));
            } else {
                let host = Host::open(Receiver { gate: gate.clone() }, parts).expect("its log folds");
                tasks.spawn(run(host, published, stopped.clone()));
            }
        }
        drop(entered);
        Self { runtime, tasks, stop, bus, logs }
    }

    /// Ends in order, or at once.
    fn end(mut self, at_once: bool) {
        if !at_once {
            self.stop.send_replace(true);
            self.runtime.block_on(async { while self.tasks.join_next().await.is_some_and(|ended| ended.is_ok()) {} });
        }
        self.tasks.abort_all();
        self.runtime.shutdown_timeout(Duration::from_secs(10));
        self.logs.close();
    }

    fn reader(&self, host: HostId) -> LogReader {
        self.logs.reader(host).expect("its log is here")
    }
}

async fn run<D: Decider>(host: Host<D>, published: Option<(Outbox, Desk)>, stop: watch::Receiver<bool>) {
    let ran = async { host.run(stop.clone()).await.expect("the host goes on") };
    let Some((outbox, desk)) = published else { return ran.await };
    outbox.open().await.expect("it is the writer");
    let publish = async { outbox.run(stop.clone()).await.expect("it is the writer") };
    let answer = async { desk.run(stop.clone()).await.expect("it is asked") };
    tokio::join!(ran, publish, answer);
}

/// What an emitter and a receiver meet on.
pub(super) enum Meeting {
    Log,
    Server(Server),
    Cluster(Cluster),
}

impl Meeting {
    pub(super) fn server(&self) -> &Server {
        match self {
            Self::Server(server) => server,
            Self::Log | Self::Cluster(_) => panic!("one server is meant"),
        }
    }

    pub(super) fn cluster(&mut self) -> &mut Cluster {
        match self {
            Self::Cluster(cluster) => cluster,
            Self::Log | Self::Server(_) => panic!("a cluster is meant"),
        }
    }
}

/// An emitter and a receiver that meet on a bus.
pub(super) struct Pair {
    emitter: Option<Process>,
    /// None where both are in one process.
    receiver: Option<Process>,
    pub(super) meeting: Meeting,
    pub(super) gate: Arc<RwLock<()>>,
    dir: tempfile::TempDir,
    /// Facts that were recorded.
    pub(super) told: u64,
}

impl Drop for Pair {
    fn drop(&mut self) {
        for process in [self.receiver.take(), self.emitter.take()].into_iter().flatten() {
            process.end(true);
        }
    }
}

impl Pair {
    pub(super) fn new(meeting: impl FnOnce(&Path) -> Meeting) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let meeting = meeting(&dir.path().join("nats"));
        let mut pair = Self { emitter: None, receiver: None, meeting, gate: Arc::default(), dir, told: 0 };
        pair.start_emitter();
        pair.start_receiver();
        pair
    }

    fn link(&self, name: &str) -> Option<LinkSettings> {
        let (servers, replicas) = match &self.meeting {
            Meeting::Log => return None,
            Meeting::Server(server) => (server.url(), 1),
            Meeting::Cluster(cluster) => (cluster.url(), cluster.members.len()),
        };
        Some(LinkSettings { servers, user: name.to_owned(), credentials: None, root_certificate: None, replicas })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn stop_emitter(&mut self) {
        self.emitter.take().expect("it runs").end(false);
    }

    /// Why the emitter, which is stopped, may not publish.
    pub(super) fn emitter_is_refused(&self) -> OutboxError {
        let runtime = Builder::new_multi_thread().enable_all().build().expect("threads");
        let logs = Logs::open(&self.path("emitter").join("log"), &[EMITTER], LogSettings::default());
        let logs = logs.expect("the log opens");
        let reader = logs.reader(EMITTER).expect("a log");
        let refused = runtime.block_on(async {
            let link = Link::connect(&self.link("emitter").expect("NATS"), Clock::Machine).await.expect("a connection");
            Outbox::new(link, reader).open().await.expect_err("it may not publish")
        });
        logs.close();
        refused
    }

    pub(super) fn start_emitter(&mut self) {
        let link = self.link("emitter");
        let here: &[HostId] = if link.is_none() { &[EMITTER, RECEIVER] } else { &[EMITTER] };
        self.emitter = Some(Process::start(&self.path("emitter"), here, link, &self.gate));
    }

    fn start_receiver(&mut self) {
        if let Some(link) = self.link("receiver") {
            self.receiver = Some(Process::start(&self.path("receiver"), &[RECEIVER], Some(link), &self.gate));
        }
    }

    /// Restarts the emitter, and what is in its process.
    pub(super) fn restart_emitter(&mut self, at_once: bool) {
        self.emitter.take().expect("it runs").end(at_once);
        self.start_emitter();
    }

    /// Stops the receiver, has the emitter record something, and starts it again; where both are in one process, both.
    pub(super) fn without_receiver(&mut self, work: impl FnOnce(&mut Self)) {
        if let Some(receiver) = self.receiver.take() {
            receiver.end(true);
            work(self);
            self.start_receiver();
        } else {
            work(self);
            self.restart_emitter(false);
        }
    }

    fn emitter(&self) -> &Process {
        self.emitter.as_ref().expect("it runs")
    }

    /// The process that the bus is seen from.
    pub(super) fn seen_from(&self) -> &Process {
        self.receiver.as_ref().unwrap_or(self.emitter())
    }

    pub(super) fn source(&self) -> Source {
        self.seen_from().bus.sources(&[EMITTER.service]).pop().expect("the emitter")
    }

    /// Asks the emitter across the bus.
    pub(super) fn ask(&self, note: &str, key: Option<AskKey>) -> Result<Answer, Rejection> {
        let from = self.seen_from();
        from.runtime.block_on(from.bus.ask(command(note), Scope::operator(), key))
    }

    /// Has the emitter record lines, whether the receiver is there or not.
    pub(super) fn tell(&mut self, lines: usize, bytes: usize) {
        let note: Vec<String> = (0..lines).map(|line| text(self.told + line as u64, bytes)).collect();
        let from = self.emitter();
        let told = from.runtime.block_on(from.bus.ask(command(&note.join("\n")), Scope::operator(), None));
        self.told += lines as u64;
        assert_eq!(told.expect("it is recorded").sequence, self.told);
    }

    /// What the emitter recorded, from its own log.
    pub(super) fn recorded(&self) -> Vec<Published> {
        self.emitter()
            .reader(EMITTER)
            .own(1)
            .map(|entry| entry.expect("an entry").try_into().expect("a fact"))
            .collect()
    }

    /// Waits until everything was heard, and compares it with what was recorded.
    pub(super) fn check_heard(&self) {
        let (from, recorded) = (self.seen_from(), self.recorded());
        assert_eq!(recorded.len() as u64, self.told);
        let mut synced = from.reader(RECEIVER).synced().expect("it is open");
        let heard = synced.wait_for(|synced| synced.position >= self.told);
        let heard = async { tokio::time::timeout(PATIENCE, heard).await.map(drop) };
        from.runtime.block_on(heard).expect("everything is heard");
        let entries = from.reader(RECEIVER).entries(1).map(|entry| entry.expect("an entry"));
        let heard: Vec<Published> =
            entries.filter(|entry| !entry.own).map(|it| it.try_into().expect("a fact")).collect();
        assert_eq!(heard, recorded);
    }
}

pub(super) fn command(note: &str) -> Command {
    Command::RejectFile { file: FileId::parse("UF-2026-11-0000-0001").expect("an id"), note: note.to_owned() }
}

/// A line of so many bytes that no other line has.
pub(super) fn text(number: u64, bytes: usize) -> String {
    let number = number.to_string();
    "0".repeat(bytes.saturating_sub(number.len())) + &number
}
