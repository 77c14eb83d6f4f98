//! A nats-server of its own for a test: on a free port of the loopback, its store in a folder that goes with the test.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ledger::{HostId, ServiceName};
use runtime::clock::Clock;
use runtime::nats::{Grants, LinkSettings, Subscriber};
use usage_ledger::credentials::{self, Folder};

/// How long a server may take to listen on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

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
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its number").port()
}

/// A running server. It can be stopped and started again on the same port and store.
pub(crate) struct Server {
    dir: PathBuf,
    port: u16,
    child: Option<Child>,
    /// Who may connect, if not everybody.
    credentials: Option<Folder>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Server {
    /// Starts a server whose store is in a folder.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::begin(dir, None)
    }

    /// The same with TLS and a user for each service.
    pub(crate) fn start_secured(dir: &Path) -> Self {
        let folder = Folder::open(&dir.join("credentials")).expect("a folder");
        let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        credentials::make(&folder, &hosts, Clock::Machine.now()).expect("credentials");
        Self::begin(dir, Some(folder))
    }

    fn begin(dir: &Path, credentials: Option<Folder>) -> Self {
        let mut server = Self { dir: dir.to_owned(), port: free_port(), child: None, credentials };
        server.go_on();
        server
    }

    /// How a process of one service reaches it.
    pub(crate) fn link(&self, service: ServiceName) -> LinkSettings {
        let services = BTreeSet::from([service]);
        self.link_as(&credentials::process_user(&services), &credentials::process_grants(&services))
    }

    /// How a billing system reaches it.
    pub(crate) fn link_of(&self, subscriber: &Subscriber) -> LinkSettings {
        self.link_as(&subscriber.user(), &Grants::subscriber(subscriber))
    }

    fn link_as(&self, user: &str, grants: &Grants) -> LinkSettings {
        let made = |folder| credentials::user(folder, user, grants, Clock::Machine.now()).expect("a user");
        let (user, credentials) = (user.to_owned(), self.credentials.as_ref().map(made));
        let root_certificate = self.credentials.as_ref().map(credentials::authority);
        LinkSettings { servers: self.url(), user, credentials, root_certificate, replicas: 1 }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("nats://localhost:{}", self.port)
    }

    /// How somebody reaches it who makes the streams.
    pub(crate) fn link_of_setup(&self) -> LinkSettings {
        let hosts = ServiceName::WRITERS.map(|service| HostId::new(service, 0)).into();
        let user = "setup".to_owned();
        self.link_as(&user, &Grants::setup(&user, &hosts))
    }

    /// Starts it again.
    pub(crate) fn go_on(&mut self) {
        assert!(self.child.is_none(), "it runs");
        std::fs::create_dir_all(&self.dir).expect("a folder");
        let included = self.credentials.as_ref().map_or("", |_| "include \"credentials/nats.conf\"\n");
        let config = format!(
            "listen: \"127.0.0.1:{}\"\njetstream {{ store_dir: \"{}\" }}\n{included}",
            self.port,
            self.dir.join("store").display()
        );
        let path = self.dir.join("nats.conf");
        std::fs::write(&path, config).expect("a configuration");
        let log = std::fs::File::create(self.dir.join("log")).expect("a log");
        let mut command = Command::new(program());
        command.arg("-c").arg(&path).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("nats-server starts"));
        let since = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(since.elapsed() < PATIENCE, "nats-server doesn't listen; see {}", self.dir.join("log").display());
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
}
