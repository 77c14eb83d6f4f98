//! `usage-ledger doctor`: every check sees its own fault, alone, and is silent where nothing is wrong.
//!
//! A fault is made where a test can make it: modes, files, servers, grants, streams. What would need another machine (an
//! address elsewhere, a full disk, an old server) is put into what was seen, behind the looking.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use ledger::{HostId, Moment, ServiceName};
use runtime::clock::Clock;
use runtime::nats::{Grants, Link, LinkSettings};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use usage_ledger::admin::{self, Request};
use usage_ledger::credentials;
use usage_ledger::doctor::{CHECKS, Disk, Grade, Patient, Seen, judge, look, takes_demo_keys};
use usage_ledger::partitions::Partitions;
use usage_ledger::product::{Product, Settings};

use crate::kills::binary;
use crate::nats::{Cluster, Lines, Server};
use crate::tree::{root, text};

use Grade::{Refused, Warning};

const TMPFS: i64 = 0x0102_1994;
const SYNCED: Lines = Lines { jetstream: Some("sync_interval: always"), server: "" };

/// A process that nothing is wrong with, and what it stands on.
struct Ward {
    runtime: Runtime,
    patient: Patient,
    server: Option<Server>,
    running: Option<Product>,
    dir: tempfile::TempDir,
}

impl Ward {
    fn empty() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let dir = tempfile::tempdir().expect("a folder");
        let settings = Settings::new(&dir.path().join("data"), SocketAddr::from(([127, 0, 0, 1], 0)));
        let patient = Patient { settings, catalog: None, monitors: Vec::new() };
        Self { runtime, patient, server: None, running: None, dir }
    }

    /// The whole ledger, which ran once.
    fn whole() -> Self {
        let mut ward = Self::running();
        let product = ward.running.take().expect("it runs");
        ward.runtime.block_on(product.stop());
        ward.patient.settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        ward
    }

    /// The whole ledger while it runs.
    fn running() -> Self {
        let mut ward = Self::empty();
        let product = ward.runtime.block_on(Product::start(ward.patient.settings.clone())).expect("it starts");
        ward.runtime.block_on(product.caught_up());
        ward.patient.settings.listen = product.address;
        ward.running = Some(product);
        ward
    }

    /// The same behind a proxy with TLS, for other machines.
    fn serving() -> Self {
        let mut ward = Self::running();
        ward.patient.settings.listen.set_ip([0, 0, 0, 0].into());
        ward.patient.settings.public_url = Some("https://usage.example.com".to_owned());
        ward
    }

    /// A service that works over a NATS server with TLS and users.
    fn apart(lines: Lines) -> Self {
        let mut ward = Self::empty();
        let server = Server::start_secured_with(&ward.dir.path().join("nats"), lines);
        ward.patient.settings.services = [ServiceName::Approval].into();
        ward.patient.monitors = vec![server.monitor_url()];
        ward.server = Some(server);
        ward.user(&credentials::process_grants(&[ServiceName::Approval].into(), &Partitions::default()));
        ward
    }

    /// The same once it has made its stream.
    fn settled() -> Self {
        let ward = Self::apart(SYNCED);
        let nats = ward.patient.settings.nats.as_ref().expect("it uses NATS");
        ward.runtime.block_on(async {
            let link = Link::connect(nats, Clock::Machine).await.expect("a link");
            link.reached().await;
            runtime::nats::set_up(&link, HostId::new(ServiceName::Approval, 0)).await.expect("a stream");
        });
        ward
    }

    /// Gives the process a user that may do this, in a folder without seeds.
    fn user(&mut self, grants: &Grants) {
        let server = self.server.as_ref().expect("there is NATS");
        let file = server.trust().path("approval.creds");
        drop(std::fs::remove_file(&file));
        let mut link = server.link_as("approval", grants);
        let own = self.path("approval.creds");
        std::fs::copy(&file, &own).expect("a copy");
        link.credentials = Some(own);
        self.patient.settings.nats = Some(link);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn data(&self, name: &str) -> PathBuf {
        self.patient.settings.data.join(name)
    }

    fn look(&self) -> Seen {
        let mut seen = self.runtime.block_on(look(&self.patient));
        // The tests' own machine is not what is examined here.
        seen.disk = seen.disk.map(|disk| Disk { kind: 0xef53, free: disk.free.max(100 << 30) });
        seen.open_files = seen.open_files.map(|limit| limit.max(65_536));
        seen
    }

    fn import_demo(&self) {
        let catalog = text("schemas/demo-catalog.json");
        let product = self.running.as_ref().expect("it runs");
        self.runtime.block_on(admin::perform(product, Request::Import { catalog })).expect("a sound catalog");
    }

    /// A change to its stream that another one makes.
    fn change_stream(&self, change: impl FnOnce(&mut async_nats::jetstream::stream::Config)) {
        let link = self.server.as_ref().expect("there is NATS").link_of_setup(1);
        self.runtime.block_on(async {
            let options = async_nats::ConnectOptions::with_credentials_file(link.credentials.expect("a file")).await;
            let options = options.expect("it can be read").custom_inbox_prefix("_INBOX_setup");
            let options = options.add_root_certificates(link.root_certificate.expect("one"));
            let client = options.connect(link.servers).await.expect("it may");
            let jetstream = async_nats::jetstream::new(client);
            let stream = jetstream.get_stream("LEDGER_0_approval").await.expect("it is there");
            let mut config = stream.cached_info().config.clone();
            change(&mut config);
            jetstream.update_stream(config).await.expect("it may");
        });
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
}

/// What spoke, with its grade.
fn spoken(seen: &Seen) -> Vec<(&'static str, Grade, String)> {
    let (_, told) = judge(seen);
    let spoke = told.into_iter().filter(|(_, verdict)| verdict.grade > Grade::Ok);
    spoke.map(|(check, verdict)| (check.name, verdict.grade, verdict.found)).collect()
}

/// A check, its grade, and what brings it about: at the process, or behind the looking.
struct Fault {
    check: &'static str,
    grade: Grade,
    make: fn(&mut Ward),
    show: fn(&mut Seen),
}

const fn made(check: &'static str, grade: Grade, make: fn(&mut Ward)) -> Fault {
    Fault { check, grade, make, show: |_| {} }
}

const fn shown(check: &'static str, grade: Grade, show: fn(&mut Seen)) -> Fault {
    Fault { check, grade, make: |_| {}, show }
}

/// Everything is sound in each ward, and each fault wakes its own check only.
fn each(ward: fn() -> Ward, faults: &[Fault]) {
    assert_eq!(spoken(&ward().look()), [], "a sound process");
    for (number, fault) in faults.iter().enumerate() {
        let mut ward = ward();
        (fault.make)(&mut ward);
        let mut seen = ward.look();
        (fault.show)(&mut seen);
        let spoke = spoken(&seen);
        let heads: Vec<_> = spoke.iter().map(|(name, grade, _)| (*name, *grade)).collect();
        assert_eq!(heads, [(fault.check, fault.grade)], "fault {number} of {}: {spoke:#?}", fault.check);
    }
}

fn server_seen(seen: &mut Seen) -> &mut runtime::nats::ServerSeen {
    let examination = seen.nats.as_mut().expect("NATS").as_mut().expect("it is reached");
    &mut examination.servers[0]
}

const OF_DIRECTORY: &[Fault] = &[
    made("data-private", Refused, |ward| set_mode(&ward.patient.settings.data, 0o755)),
    made("data-private", Warning, |ward| set_mode(&ward.patient.settings.data, 0o750)),
    made("keys-private", Refused, |ward| set_mode(&ward.data("secrets"), 0o604)),
    made("keys-private", Warning, |ward| set_mode(&ward.data("secrets"), 0o640)),
    shown("owner", Warning, |seen| seen.user += 1),
    made("secrets", Refused, |ward| std::fs::write(ward.data("secrets"), [7; 64]).expect("a file")),
    made("secrets", Refused, |ward| std::fs::write(ward.data("secrets"), "correct horse").expect("a file")),
    made("secrets", Refused, |ward| {
        let typed: Vec<u8> = (b'!'..).take(64).collect();
        std::fs::write(ward.data("secrets"), typed).expect("a file");
    }),
    shown("disk-kind", Refused, |seen| seen.disk = Some(Disk { kind: TMPFS, free: 100 << 30 })),
    shown("disk-kind", Warning, |seen| seen.disk = Some(Disk { kind: 0x6969, free: 100 << 30 })),
    shown("disk-space", Refused, |seen| seen.disk = Some(Disk { kind: 0xef53, free: 100 << 20 })),
    shown("disk-space", Warning, |seen| seen.disk = Some(Disk { kind: 0xef53, free: 1 << 30 })),
    shown("open-files", Warning, |seen| seen.open_files = Some(1_024)),
    made("services", Refused, |ward| std::fs::write(ward.data("services"), "approval\n").expect("a file")),
    made("log", Refused, |ward| {
        let anchor = ward.data("log/anchor");
        let bytes = std::fs::read(&anchor).expect("an anchor").len();
        std::fs::write(anchor, vec![0; bytes]).expect("a damaged one");
    }),
];

#[test]
fn each_fault_of_a_data_directory_wakes_its_own_check() {
    each(Ward::whole, OF_DIRECTORY);
}

const OF_REACH: &[Fault] = &[
    made("http-encrypted", Warning, |ward| ward.patient.settings.public_url = None),
    made("http-encrypted", Refused, |ward| {
        ward.patient.settings.public_url = Some("http://usage.example.com".to_owned());
    }),
    made("demo-keys", Refused, |ward| ward.import_demo()),
    made("demo-keys", Refused, |ward| ward.patient.catalog = Some(root().join("schemas/demo-catalog.json"))),
    made("demo-keys", Warning, |ward| ward.patient.settings.listen.set_port(1)),
    made("webhooks", Warning, |ward| ward.patient.settings.webhooks_to_private = true),
];

#[test]
fn each_fault_of_what_others_reach_wakes_its_own_check() {
    each(Ward::serving, OF_REACH);
}

#[test]
fn a_ledger_that_serves_this_machine_only_may_have_the_demo_s_keys() {
    let ward = Ward::running();
    ward.import_demo();
    assert_eq!(spoken(&ward.look()), []);
    let product = ward.running.as_ref().expect("it runs");
    let known = || takes_demo_keys(&product.bus.shelf().take(), &product.secrets.pepper);
    assert_eq!(known().len(), 6);
    let key = "SU-000-000-001".to_owned();
    ward.runtime.block_on(admin::perform(product, Request::RevokeKey { key: key.clone() })).expect("it is revoked");
    assert!(known().len() == 5 && !known().contains(&key));
}

const OF_NATS: &[Fault] = &[
    made("seeds-apart", Warning, |ward| {
        std::fs::copy(ward.server.as_ref().expect("NATS").trust().path("account.seed"), ward.path("account.seed"))
            .expect("a copy");
    }),
    made("nats-reachable", Refused, |ward| {
        ward.patient.settings.nats.as_mut().expect("NATS").servers = "nats://localhost:1".to_owned();
    }),
    made("nats-reachable", Warning, |ward| {
        ward.patient.settings.nats.as_mut().expect("NATS").servers += ",nats://localhost:1";
    }),
    shown("nats-version", Refused, |seen| {
        server_seen(seen).reached.as_mut().expect("reached").version = "2.9.10".to_owned();
    }),
    shown("nats-version", Warning, |seen| {
        server_seen(seen).reached.as_mut().expect("reached").version = "2.14.0-beta.1".to_owned();
    }),
    shown("nats-authentication", Refused, |seen| {
        server_seen(seen).is_local = false;
        server_seen(seen).takes_anybody = true;
    }),
    shown("nats-encrypted", Refused, |seen| {
        server_seen(seen).is_local = false;
        server_seen(seen).reached.as_mut().expect("reached").is_encrypted = false;
    }),
    made("nats-grants", Refused, |ward| {
        let mut grants =
            credentials::process_grants(&ward.patient.settings.services, &ward.patient.settings.partitions);
        grants.publish.remove("fact.0.approval");
        ward.user(&grants);
    }),
    made("nats-grants", Warning, |ward| {
        let mut grants =
            credentials::process_grants(&ward.patient.settings.services, &ward.patient.settings.partitions);
        grants.publish.insert("$JS.API.STREAM.DELETE.LEDGER_0_approval".to_owned());
        ward.user(&grants);
    }),
    made("nats-grants", Warning, |ward| {
        let mut grants =
            credentials::process_grants(&ward.patient.settings.services, &ward.patient.settings.partitions);
        grants.subscribe.insert(">".to_owned());
        ward.user(&grants);
    }),
    shown("nats-grants", Refused, |seen| {
        seen.token.as_mut().expect("a token").as_mut().expect("claims").expires = Some(seen.now);
    }),
    shown("nats-grants", Warning, |seen| {
        let tomorrow = Moment(seen.now.0 + 86_400 * Moment::SECOND);
        seen.token.as_mut().expect("a token").as_mut().expect("claims").expires = Some(tomorrow);
    }),
    made("nats-streams", Refused, |ward| {
        ward.change_stream(|config| config.max_age = std::time::Duration::from_secs(3_600));
    }),
    made("nats-streams", Refused, |ward| ward.change_stream(|config| config.max_messages = 1_000_000)),
    made("nats-replicas", Refused, |ward| ward.patient.settings.nats.as_mut().expect("NATS").replicas = 3),
    shown("nats-replicas", Warning, |seen| server_seen(seen).reached.as_mut().expect("reached").members = 3),
    made("nats-sync", Warning, |ward| ward.patient.monitors.clear()),
    made("nats-sync", Warning, |ward| ward.patient.monitors = vec!["http://127.0.0.1:1".to_owned()]),
    made("clock", Warning, |ward| ward.patient.settings.clock = late(10)),
    made("clock", Refused, |ward| ward.patient.settings.clock = late(120)),
];

/// A clock that is behind.
fn late(seconds: i64) -> Clock {
    Clock::Fixed(Arc::new(AtomicI64::new(Clock::Machine.now().0 - seconds * Moment::SECOND)))
}

#[test]
fn each_fault_of_nats_wakes_its_own_check() {
    each(Ward::settled, OF_NATS);
}

/// Faults that a server has from its start.
const OF_SERVER: &[(&str, Grade, Lines)] = &[
    ("nats-jetstream", Refused, Lines { jetstream: None, server: "" }),
    ("nats-payload", Refused, Lines { jetstream: SYNCED.jetstream, server: "max_payload: 300000" }),
    ("nats-sync", Warning, Lines { jetstream: Some(""), server: "" }),
];

#[test]
fn each_fault_of_a_server_s_configuration_wakes_its_own_check() {
    for (check, grade, lines) in OF_SERVER {
        let spoke = spoken(&Ward::apart(*lines).look());
        let heads: Vec<_> = spoke.iter().map(|(name, grade, _)| (*name, *grade)).collect();
        assert_eq!(heads, [(*check, *grade)], "{spoke:#?}");
    }
}

/// Goal: that a server lets in whoever comes is tried, not believed. Method: one that does, as if it were elsewhere.
#[test]
fn a_server_without_users_is_found_out_by_trying() {
    let mut ward = Ward::empty();
    let server = Server::start(&ward.path("nats"));
    ward.patient.settings.services = [ServiceName::Approval].into();
    ward.patient.settings.nats = Some(server.link(ServiceName::Approval));
    ward.server = Some(server);
    let mut seen = ward.look();
    let names = |seen: &Seen| spoken(seen).into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
    assert_eq!(names(&seen), ["nats-sync"], "on this machine that is nobody else's business");
    server_seen(&mut seen).is_local = false;
    assert_eq!(names(&seen), ["nats-authentication", "nats-encrypted", "nats-sync"]);
}

/// Goal: the servers of a cluster are counted as they tell of each other.
#[test]
fn one_copy_in_a_cluster_of_three_is_told_and_three_are_not() {
    let mut ward = Ward::empty();
    let cluster = Cluster::start(&ward.path("nats"));
    ward.patient.settings.services = [ServiceName::Approval].into();
    for (replicas, expected) in [(1, Some(Warning)), (3, None), (5, Some(Refused))] {
        let link = cluster.members[0].link(ServiceName::Approval);
        ward.patient.settings.nats = Some(LinkSettings { servers: cluster.url(), replicas, ..link });
        let spoke = spoken(&ward.look());
        let found = spoke.iter().find(|(name, ..)| *name == "nats-replicas").map(|(_, grade, _)| *grade);
        assert_eq!(found, expected, "{replicas}: {spoke:#?}");
    }
}

#[test]
fn every_check_has_a_fault_here() {
    let of_faults = [OF_DIRECTORY, OF_REACH, OF_NATS].concat_names();
    let tried: BTreeSet<&str> = of_faults.into_iter().chain(OF_SERVER.iter().map(|(check, ..)| *check)).collect();
    let known: BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(tried, known);
}

trait Names {
    fn concat_names(&self) -> Vec<&'static str>;
}

impl Names for [&[Fault]; 3] {
    fn concat_names(&self) -> Vec<&'static str> {
        self.iter().flat_map(|faults| faults.iter().map(|fault| fault.check)).collect()
    }
}

#[test]
fn the_document_is_the_table_of_checks() {
    let document = text("docs/doctor.md");
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<String> =
        CHECKS.iter().map(|check| format!("| `{}` | {} | {} |", check.name, check.speaks, check.why)).collect();
    assert_eq!(rows, expected, "docs/doctor.md has the rows of doctor::CHECKS:\n{}", expected.join("\n"));
}

#[test]
fn the_command_tells_everything_and_ends_with_what_it_is_worth() {
    let ward = Ward::whole();
    let ask = || {
        let mut command = Command::new(binary());
        command.args(["doctor", "--json", "--data"]).arg(&ward.patient.settings.data);
        let answer = command.output().expect("it runs");
        let told: Value = serde_json::from_slice(&answer.stdout).expect("JSON");
        (answer.status.code(), told)
    };
    let found = |told: &Value, name: &str| {
        let checks = told["checks"].as_array().expect("a list");
        checks.iter().find(|check| check["name"] == name).expect("the check")["grade"].clone()
    };
    let (_, told) = ask();
    assert_eq!(found(&told, "data-private"), json!("ok"), "{told:#}");
    set_mode(&ward.patient.settings.data, 0o755);
    let (code, told) = ask();
    assert_eq!((code, &told["grade"], found(&told, "data-private")), (Some(1), &json!("refused"), json!("refused")));
}

#[test]
fn nats_elsewhere_without_credentials_is_not_started_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(binary());
    command.args(["run", "--only", "approval", "--nats", "nats://192.0.2.1:4222", "--listen", "127.0.0.1:0", "--data"]);
    let answer = command.arg(dir.path().join("data")).output().expect("it runs");
    let said = String::from_utf8_lossy(&answer.stderr);
    assert_eq!(answer.status.code(), Some(5), "{said}");
    assert!(said.contains("--nats-credentials") && said.contains("--insecure"), "{said}");
    assert!(!dir.path().join("data").exists(), "nothing was begun");
}
