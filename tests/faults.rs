//! Faults between services that run apart: processes killed and held up, NATS stopped, wiped and robbed of a stream,
//! members of a cluster lost. All of it under load; in the end every file is closed once with the generator's totals,
//! every log verifies, and every process knows what the logs say.
//!
//! `ROUNDS=n` goes through the faults n times, and keeps NATS away for 30 s instead of 3. `FAULTS_SEED=n` moves the
//! faults to other moments; a run prints the line that repeats it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ledger::{Decimal, FileId, ServiceName};
use serde_json::Value;

use crate::kills::binary;
use crate::life::{Life, PATIENCE, Step, check_logs};
use crate::nats::{Cluster, Server, free_port};
use crate::tree::root;

/// Two batches.
const RECORDS: u32 = 1_500;
/// Files that are on their way at a time.
const LOADERS: usize = 2;
/// Small enough for rotations within one file's life.
const ROTATE_BYTES: &str = "262144";
/// Faults come at random moments within this time of a step.
const MOMENTS_MILLIS: u64 = 400;
const PAUSE: Duration = Duration::from_millis(20);
/// Of each process, when a test failed.
const LINES_OF_A_FAILURE: usize = 40;

pub(crate) const SERVICES: [ServiceName; 6] = [
    ServiceName::Catalog,
    ServiceName::Approval,
    ServiceName::Ingestion,
    ServiceName::Validation,
    ServiceName::Extraction,
    ServiceName::Gateway,
];

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// A service's process is killed, and started again.
    Kill(ServiceName),
    /// A service's process stands still for a while.
    Freeze(ServiceName),
    /// The server is killed, and started again at once or after a while.
    Stop { hold: bool },
    /// The server is killed and loses its store.
    Wipe,
    /// A service's stream is deleted while it runs.
    Delete(ServiceName),
    /// One member of the cluster is away for a while.
    Lose(usize),
    /// The member is killed that leads a service's stream.
    KillLeader(ServiceName),
}

/// What the services meet on.
pub(crate) enum Meeting {
    Server(Server),
    Cluster(Cluster),
}

impl Meeting {
    fn server(&mut self) -> &mut Server {
        match self {
            Self::Server(server) => server,
            Self::Cluster(_) => panic!("one server is meant"),
        }
    }

    fn cluster(&mut self) -> &mut Cluster {
        match self {
            Self::Cluster(cluster) => cluster,
            Self::Server(_) => panic!("a cluster is meant"),
        }
    }
}

/// Six processes or more, by their names, and what they meet on.
pub(crate) struct Fleet {
    pub(crate) running: BTreeMap<String, Child>,
    meeting: Meeting,
    port: u16,
    hold: Duration,
    dir: tempfile::TempDir,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.explain();
        }
        self.kill_all();
    }
}

impl Fleet {
    fn start(meeting: impl FnOnce(&Path) -> Meeting, hold: Duration) -> Self {
        let mut fleet = Self::empty(meeting, hold);
        SERVICES.into_iter().for_each(|service| fleet.launch(service));
        fleet
    }

    /// No processes yet.
    pub(crate) fn empty(meeting: impl FnOnce(&Path) -> Meeting, hold: Duration) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let meeting = meeting(&dir.path().join("nats"));
        Self { running: BTreeMap::new(), meeting, port: free_port(), hold, dir }
    }

    /// The data directory of a process.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn data_of(&self, service: ServiceName) -> PathBuf {
        self.data(service.name())
    }

    /// What a process has said.
    pub(crate) fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.data(&format!("{name}.log"))).unwrap_or_default()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn launch(&mut self, service: ServiceName) {
        let port = if service == ServiceName::Gateway { self.port } else { 0 };
        self.launch_as(service.name(), service, port, &[]);
    }

    /// Starts a process of a service under a name of its own.
    pub(crate) fn launch_as(&mut self, name: &str, service: ServiceName, port: u16, options: &[&str]) {
        let (servers, replicas) = match &self.meeting {
            Meeting::Server(server) => (server.url(), 1),
            Meeting::Cluster(cluster) => (cluster.url(), cluster.members.len()),
        };
        let log = File::options().create(true).append(true).open(self.data(&format!("{name}.log")));
        let mut command = Command::new(binary());
        command.args(["run", "--only", service.name(), "--listen", &format!("127.0.0.1:{port}")]);
        command.args(["--nats", &servers, "--nats-replicas", &replicas.to_string(), "--rotate-bytes", ROTATE_BYTES]);
        let secrets = self.dir.path().join("secrets");
        command.arg("--data").arg(self.data(name)).arg("--secrets").arg(&secrets).args(options);
        if service == ServiceName::Catalog {
            command.arg("--catalog").arg(root().join("schemas/demo-catalog.json"));
        }
        command.env("USAGE_LEDGER_LOG", "warn").stdout(Stdio::null()).stderr(log.expect("a log"));
        self.running.insert(name.to_owned(), command.spawn().expect("the binary starts"));
        // Who comes first makes the secrets that the others share.
        wait_for("the secrets", || secrets.exists());
    }

    pub(crate) fn kill(&mut self, name: &str) {
        let Some(mut child) = self.running.remove(name) else { return };
        let ended = child.try_wait().expect("its state is known");
        assert!(ended.is_none() || std::thread::panicking(), "{name} has ended by itself: {}", self.said(name));
        // One that is ending is as dead.
        let _ = child.kill();
        child.wait().expect("it ends");
    }

    pub(crate) fn kill_all(&mut self) {
        let names: Vec<String> = self.running.keys().cloned().collect();
        names.iter().for_each(|name| self.kill(name));
    }

    pub(crate) fn signal(&self, name: &str, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.running[name].id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Prints what a failure is understood from: what each process said last, and what it doesn't know of the logs.
    fn explain(&self) {
        let expected = self.state(ServiceName::Gateway.name(), true);
        for name in self.running.keys() {
            let (known, said) = (self.state(name, false), self.said(name));
            let lines: Vec<_> = said.lines().rev().take(LINES_OF_A_FAILURE).collect();
            let said = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
            eprintln!("--- {name} knows {known:?} and said:\n{said}");
        }
        eprintln!("--- the logs say {expected:?}");
    }

    /// Does it, and mends it.
    fn inflict(&mut self, fault: Fault) {
        let hold = self.hold;
        match fault {
            Fault::Kill(service) => {
                self.kill(service.name());
                self.launch(service);
            }
            Fault::Freeze(service) => {
                self.signal(service.name(), "-STOP");
                std::thread::sleep(hold);
                self.signal(service.name(), "-CONT");
            }
            Fault::Stop { hold: held } => {
                self.meeting.server().stop();
                std::thread::sleep(if held { hold } else { Duration::ZERO });
                self.meeting.server().go_on();
            }
            Fault::Wipe => {
                self.meeting.server().stop();
                self.meeting.server().wipe();
                self.meeting.server().go_on();
            }
            Fault::Delete(service) => self.meeting.server().delete(service),
            Fault::Lose(member) => {
                self.meeting.cluster().members[member].stop();
                std::thread::sleep(hold);
                self.meeting.cluster().members[member].go_on();
            }
            Fault::KillLeader(service) => {
                let cluster = self.meeting.cluster();
                let mut leader = None;
                wait_for("a leader", || {
                    leader = cluster.leader(service);
                    leader.is_some()
                });
                let killed = leader.expect("it was waited for");
                cluster.members[killed].stop();
                wait_for("another leader", || cluster.leader(service).is_some_and(|leader| leader != killed));
                cluster.members[killed].go_on();
            }
        }
    }

    /// Digests of what a process knows, or of what all logs say; none while it can't be asked.
    fn state(&self, name: &str, of_logs: bool) -> Option<BTreeMap<String, Value>> {
        let mut command = Command::new(binary());
        command.arg("state").arg("--data").arg(self.data(name)).args(of_logs.then_some("--logs"));
        let output = command.stderr(Stdio::null()).output().expect("the binary starts");
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Waits until these processes know what the logs say.
    pub(crate) fn check_states<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) {
        wait_for("equal states", || {
            let Some(expected) = self.state(ServiceName::Gateway.name(), true) else { return false };
            names.clone().all(|name| {
                let known = self.state(name, false).unwrap_or_default();
                !known.is_empty() && known.iter().all(|(name, digests)| expected.get(name) == Some(digests))
            })
        });
    }
}

pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < PATIENCE, "waiting for {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Takes one file after the other through its life until told to end, whatever happens.
pub(crate) fn load(
    url: &str,
    folder: &Path,
    name: &str,
    end: &AtomicBool,
    steps: &AtomicU64,
) -> BTreeMap<FileId, (Decimal, u32)> {
    let mut files = BTreeMap::new();
    for number in 0.. {
        if end.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("{name}-{number}");
        let Some(mut life) = Life::begin(url, folder, &name, number, RECORDS) else {
            std::thread::sleep(PAUSE);
            continue;
        };
        life.reads_may_be_late = true;
        loop {
            match life.next_step(url, || false).expect("the ledger comes back") {
                Step::Closed => break,
                step if life.perform(url, step) => drop(steps.fetch_add(1, Ordering::Relaxed)),
                _ => std::thread::sleep(PAUSE),
            }
        }
        files.insert(life.id, (life.total, life.records));
    }
    files
}

/// Inflicts faults under load, each once the one before it is overcome, and checks what is left.
fn check(name: &str, faults: &[Fault], meeting: impl FnOnce(&Path) -> Meeting) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (rounds, seed) = (number("ROUNDS"), number("FAULTS_SEED").unwrap_or(1));
    let again = rounds.map_or(String::new(), |rounds| format!("ROUNDS={rounds} "));
    eprintln!("{again}FAULTS_SEED={seed} cargo test -p tests --test it -- --nocapture {name} repeats this");
    let hold = Duration::from_secs(if rounds.is_some() { 30 } else { 3 });
    let mut fleet = Fleet::start(meeting, hold);
    let (url, folder) = (fleet.url(), tempfile::tempdir().expect("a folder"));
    let (end, steps) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let files = std::thread::scope(|scope| {
        let (url, folder, end, steps) = (&url, folder.path(), &end, &steps);
        let loaders: Vec<_> = (0..LOADERS)
            .map(|loader| scope.spawn(move || load(url, folder, &format!("load-{loader}"), end, steps)))
            .collect();
        let progress = |from: u64| {
            let lives = || loaders.iter().any(std::thread::ScopedJoinHandle::is_finished);
            wait_for("a step of a file", || lives() || steps.load(Ordering::Relaxed) > from);
        };
        progress(0);
        for fault in faults.iter().cycle().take(faults.len() * usize::try_from(rounds.unwrap_or(1)).expect("few")) {
            let before = steps.load(Ordering::Relaxed);
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            std::thread::sleep(Duration::from_millis(random % MOMENTS_MILLIS));
            eprintln!("{fault:?} after {before} steps");
            fleet.inflict(*fault);
            progress(before);
        }
        end.store(true, Ordering::Relaxed);
        let files = loaders.into_iter().map(|loader| loader.join().expect("its files are closed"));
        files.flatten().collect::<BTreeMap<_, _>>()
    });
    fleet.check_states(SERVICES.iter().map(|service| service.name()));
    fleet.kill_all();
    check_logs(|service| fleet.data_of(service), &files);
    eprintln!("{} files closed once each", files.len());
}

#[test]
fn faults_of_services() {
    check("faults_of_services", &SERVICES.map(Fault::Kill), |dir| Meeting::Server(Server::start(dir)));
}

#[test]
fn faults_of_a_server() {
    let faults = [
        Fault::Stop { hold: false },
        Fault::Wipe,
        Fault::Delete(ServiceName::Approval),
        Fault::Stop { hold: true },
        Fault::Delete(ServiceName::Ingestion),
        Fault::Freeze(ServiceName::Validation),
    ];
    check("faults_of_a_server", &faults, |dir| Meeting::Server(Server::start(dir)));
}

#[test]
fn faults_of_a_cluster() {
    let faults = [Fault::KillLeader(ServiceName::Approval), Fault::Lose(0), Fault::KillLeader(ServiceName::Validation)];
    check("faults_of_a_cluster", &faults, |dir| Meeting::Cluster(Cluster::start(dir)));
}
