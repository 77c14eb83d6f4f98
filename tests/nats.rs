//! Servers of NATS of a test's own: on free ports of the loopback, one or a cluster of three, their stores in a folder
//! that goes with the test.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ledger::ServiceName;
use runtime::clock::Clock;
use runtime::nats::{Grants, LinkSettings, Subscriber};
use serde_json::{Value, json};
use usage_ledger::credentials::{self, Folder};
use usage_ledger::partitions::Partitions;

/// How long a server may take to listen on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);
/// How long a server may take to answer one request.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Where the server's program is: `NATS_SERVER`, or where `tests/install.sh` puts it.
fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("NATS_SERVER") {
        return path.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's root");
    let path = root.join(".cache/venv-nats/bin/nats-server");
    assert!(path.exists(), "{} is missing: run tests/install.sh, or name the program in NATS_SERVER", path.display());
    path
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its number").port()
}

/// The stream of a service's facts.
fn stream(service: ServiceName) -> String {
    format!("LEDGER_0_{}", service.name())
}

/// The subject of a service's facts.
pub(crate) fn facts(service: ServiceName) -> String {
    format!("fact.0.{}", service.name())
}

/// What a server is in a cluster.
#[derive(Clone, Copy)]
struct Member {
    number: usize,
    routes: [u16; MEMBERS],
}

const MEMBERS: usize = 3;

/// A running server. It can be stopped and started again on the same port and store.
pub(crate) struct Server {
    dir: PathBuf,
    port: u16,
    monitor: u16,
    member: Option<Member>,
    child: Option<Child>,
    /// Who may connect, if not everybody.
    credentials: Option<Folder>,
    lines: Lines,
}

/// Lines of a server's configuration that are otherwise than usual.
#[derive(Clone, Copy)]
pub(crate) struct Lines {
    /// Of JetStream; none switches it off.
    pub(crate) jetstream: Option<&'static str>,
    /// Of the server itself.
    pub(crate) server: &'static str,
}

impl Lines {
    const USUAL: Self = Self { jetstream: Some(""), server: "" };
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Server {
    /// Starts a server whose store is in a folder.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::begin(dir, None, None, Lines::USUAL)
    }

    /// The same with TLS and a user for each service.
    pub(crate) fn start_secured(dir: &Path) -> Self {
        Self::start_secured_with(dir, Lines::USUAL)
    }

    /// The same with other lines in its configuration.
    pub(crate) fn start_secured_with(dir: &Path, lines: Lines) -> Self {
        let folder = Folder::open(&dir.join("credentials")).expect("a folder");
        let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        credentials::make(&folder, &hosts, Clock::Machine.now()).expect("credentials");
        Self::begin(dir, None, Some(folder), lines)
    }

    fn begin(dir: &Path, member: Option<Member>, credentials: Option<Folder>, lines: Lines) -> Self {
        let (dir, port, monitor) = (dir.to_owned(), free_port(), free_port());
        let mut server = Self { dir, port, monitor, member, child: None, credentials, lines };
        server.go_on();
        server
    }

    /// How a process of one service reaches it.
    pub(crate) fn link(&self, service: ServiceName) -> LinkSettings {
        self.link_of_part(service, &Partitions::default())
    }

    /// How a process of some partitions of one service reaches it.
    pub(crate) fn link_of_part(&self, service: ServiceName, partitions: &Partitions) -> LinkSettings {
        let services = BTreeSet::from([service]);
        let grants = credentials::process_grants(&services, partitions);
        self.link_as(&credentials::process_user(&services, partitions), &grants)
    }

    /// How a billing system reaches it.
    pub(crate) fn link_of(&self, subscriber: &Subscriber) -> LinkSettings {
        self.link_as(&subscriber.user(), &Grants::subscriber(subscriber))
    }

    /// How a user reaches it who may do this.
    pub(crate) fn link_as(&self, user: &str, grants: &Grants) -> LinkSettings {
        let made = |folder| credentials::user(folder, user, grants, Clock::Machine.now()).expect("a user");
        let (user, credentials) = (user.to_owned(), self.credentials.as_ref().map(made));
        let root_certificate = self.credentials.as_ref().map(credentials::authority);
        LinkSettings { servers: self.url(), user, credentials, root_certificate, replicas: 1 }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("nats://localhost:{}", self.port)
    }

    /// Where it tells of itself.
    pub(crate) fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
    }

    /// The folder that says who may connect.
    pub(crate) fn trust(&self) -> &Folder {
        self.credentials.as_ref().expect("a secured server")
    }

    /// Has it read its configuration again.
    pub(crate) fn reload(&self) {
        let child = self.child.as_ref().expect("it runs");
        let told = Command::new("kill").args(["-HUP", &child.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
    }

    /// How somebody reaches it who makes the streams.
    pub(crate) fn link_of_setup(&self, partitions: u16) -> LinkSettings {
        let user = "setup".to_owned();
        self.link_as(&user, &Grants::setup(&user, partitions))
    }

    /// Starts it again.
    pub(crate) fn go_on(&mut self) {
        assert!(self.child.is_none(), "it runs");
        std::fs::create_dir_all(&self.dir).expect("a folder");
        let mut config = format!(
            "listen: \"127.0.0.1:{}\"\nhttp: \"127.0.0.1:{}\"\n{}\n",
            self.port, self.monitor, self.lines.server
        );
        if let Some(lines) = self.lines.jetstream {
            config += &format!("jetstream {{ store_dir: \"{}\"\n{lines} }}\n", self.dir.join("store").display());
        }
        if self.credentials.is_some() {
            config += "include \"credentials/nats.conf\"\n";
        }
        if let Some(Member { number, routes }) = self.member {
            let others: Vec<String> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
            config += &format!(
                "server_name: member-{number}\ncluster {{ name: ledger, listen: \"127.0.0.1:{}\", routes: {} }}\n",
                routes[number],
                json!(others)
            );
        }
        let path = self.dir.join("nats.conf");
        std::fs::write(&path, config).expect("a configuration");
        let log = std::fs::File::create(self.dir.join("log")).expect("a log");
        let mut command = Command::new(program());
        command.arg("-c").arg(&path).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("nats-server starts"));
        self.wait("listens", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let since = Instant::now();
        while !done() {
            let log = self.dir.join("log");
            assert!(since.elapsed() < PATIENCE, "no nats-server that {what}; see {}", log.display());
            std::thread::sleep(PAUSE);
        }
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it is ours");
            child.wait().expect("it ends");
        }
    }

    /// Removes everything that it stored; it must be stopped.
    pub(crate) fn wipe(&self) {
        assert!(self.child.is_none(), "it runs");
        std::fs::remove_dir_all(self.dir.join("store")).expect("its store");
    }

    /// What JetStream's own interface answers; none while it can't.
    fn api(&self, subject: &str) -> Option<Value> {
        serde_json::from_slice(&self.request(&format!("$JS.API.{subject}"), "", &[])?).ok()
    }

    /// A request as any client may send it, headers and all; none without an answer.
    fn request(&self, subject: &str, headers: &str, body: &[u8]) -> Option<Vec<u8>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(ANSWER_WAIT)).ok()?;
        let head = if headers.is_empty() { String::new() } else { format!("NATS/1.0\r\n{headers}\r\n\r\n") };
        let (head_bytes, bytes) = (head.len(), head.len() + body.len());
        let sizes = if head.is_empty() { bytes.to_string() } else { format!("{head_bytes} {bytes}") };
        let verb = if head.is_empty() { "PUB" } else { "HPUB" };
        let options = r#"CONNECT {"verbose":false,"headers":true,"no_responders":true}"#;
        let mut bytes = format!("{options}\r\nSUB answer 1\r\n{verb} {subject} answer {sizes}\r\n{head}").into_bytes();
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(b"\r\n");
        (&stream).write_all(&bytes).ok()?;
        let mut lines = BufReader::new(&stream);
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).ok().filter(|read| *read > 0)?;
            if let Some(message) = line.strip_prefix("MSG ") {
                let mut answer = vec![0; message.trim().rsplit(' ').next()?.parse().ok()?];
                lines.read_exact(&mut answer).ok()?;
                return Some(answer);
            }
            // A message with headers is the server's word that nobody takes the request.
            if line.starts_with("HMSG ") {
                return None;
            }
        }
    }

    /// Publishes onto a stream as anybody might who has the right to; what the stream answered.
    pub(crate) fn publish(&self, service: ServiceName, expected_last: Option<u64>, body: &[u8]) -> Value {
        let headers = expected_last.map(|last| format!("Nats-Expected-Last-Sequence: {last}")).unwrap_or_default();
        let answer = self.request(&facts(service), &headers, body).expect("the stream answers");
        serde_json::from_slice(&answer).expect("JSON")
    }

    /// How far a service's stream is.
    pub(crate) fn last(&self, service: ServiceName) -> u64 {
        let info = self.api(&format!("STREAM.INFO.{}", stream(service)));
        info.and_then(|info| info["state"]["last_seq"].as_u64()).unwrap_or(0)
    }

    /// Deletes a service's stream with everything in it; one that its writer is about to make is waited for.
    pub(crate) fn delete(&self, service: ServiceName) {
        let request = format!("STREAM.DELETE.{}", stream(service));
        self.wait("has a stream to delete", || self.api(&request).is_some_and(|answer| answer["success"] == true));
    }

    /// What the server has sent to the connections of a name.
    pub(crate) fn sent_to(&self, name: &str) -> u64 {
        let connections = self.monitor("connz?limit=1024");
        let connections = connections["connections"].as_array().expect("a list");
        let of_name = connections.iter().filter(|connection| connection["name"] == name);
        of_name.map(|connection| connection["out_bytes"].as_u64().expect("a count")).sum()
    }

    fn monitor(&self, what: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.monitor)).expect("the monitor listens");
        write!(stream, "GET /{what} HTTP/1.0\r\n\r\n").expect("it is asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).expect("JSON")
    }
}

/// Three servers that keep everything thrice.
pub(crate) struct Cluster {
    pub(crate) members: Vec<Server>,
}

impl Cluster {
    /// Starts a cluster whose stores are in a folder, and waits until JetStream has a leader.
    pub(crate) fn start(dir: &Path) -> Self {
        let routes = std::array::from_fn(|_| free_port());
        let member = |number: usize| {
            Server::begin(&dir.join(number.to_string()), Some(Member { number, routes }), None, Lines::USUAL)
        };
        let cluster = Self { members: (0..MEMBERS).map(member).collect() };
        let first = &cluster.members[0];
        first.wait("leads the others", || first.api("INFO").is_some_and(|info| info["error"].is_null()));
        cluster
    }

    /// Where they are.
    pub(crate) fn url(&self) -> String {
        self.members.iter().map(Server::url).collect::<Vec<_>>().join(",")
    }

    /// Which member leads a service's stream; none during an election.
    pub(crate) fn leader(&self, service: ServiceName) -> Option<usize> {
        let up = self.members.iter().find(|member| member.child.is_some()).expect("a member runs");
        let info = up.api(&format!("STREAM.INFO.{}", stream(service)))?;
        info["cluster"]["leader"].as_str()?.strip_prefix("member-")?.parse().ok()
    }
}
