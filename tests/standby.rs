//! Two processes of one service: one writes, one stands by, and takes over when the writer is killed, held up or stopped.
//! All of it under load; in the end every file is closed once with the generator's totals, every log verifies, and every
//! process knows what the logs say.
//!
//! `ROUNDS=n` goes through each service in turn n times, and once through a cluster of three servers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use ledger::ServiceName;
use runtime::log::Logs;
use usage_ledger::cli::Client;
use usage_ledger::demo::VENDOR_KEY;

use crate::faults::{Fleet, Meeting, SERVICES, load, wait_for};
use crate::life::check_logs;
use crate::nats::{Cluster, Server, free_port};

/// What becomes of a writer.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It is killed.
    Kill,
    /// It stands still until it was relieved, and goes on then.
    Wake,
    /// It is told to stop.
    Stop,
}

/// Two processes of a service, and the other services.
struct Duo {
    fleet: Fleet,
    service: ServiceName,
    ports: BTreeMap<String, u16>,
}

impl Duo {
    fn start(service: ServiceName, meeting: impl FnOnce(&std::path::Path) -> Meeting) -> Self {
        let mut duo = Self {
            fleet: Fleet::empty(meeting, std::time::Duration::ZERO),
            service,
            ports: [duo_name(service, 0), duo_name(service, 1)].map(|name| (name, free_port())).into(),
        };
        for other in SERVICES {
            if other == service {
                duo.launch(0);
                wait_for("the first to write", || duo.status(0).as_deref() == Some("ready"));
                duo.launch(1);
            } else {
                duo.fleet.launch(other);
            }
        }
        duo
    }

    fn launch(&mut self, number: usize) {
        let name = duo_name(self.service, number);
        self.fleet.launch_as(&name, self.service, self.ports[&name], &["--standby"]);
    }

    /// What a process says of itself; none while it can't be asked.
    fn status(&self, number: usize) -> Option<String> {
        let url = format!("http://127.0.0.1:{}", self.ports[&duo_name(self.service, number)]);
        Some(Client::new(&url, VENDOR_KEY).get(&format!("{url}/readyz")).ok()?["status"].as_str()?.to_owned())
    }

    /// Whether a process stands by, and has found out for whom.
    fn stands_by(&self, number: usize) -> bool {
        let url = format!("http://127.0.0.1:{}", self.ports[&duo_name(self.service, number)]);
        let told = Client::new(&url, VENDOR_KEY).get(&format!("{url}/readyz"));
        told.is_ok_and(|told| told["reasons"][0].as_str().is_some_and(|reason| reason.ends_with(" writes.")))
    }

    /// Lets the one that writes end, and waits until the other one does; gives how long that took.
    fn relieve(&mut self, writer: usize, end: End) -> u128 {
        let (name, other) = (duo_name(self.service, writer), 1 - writer);
        wait_for("the other one to stand by", || self.stands_by(other));
        let since = Instant::now();
        match end {
            End::Kill => self.fleet.kill(&name),
            End::Wake => self.fleet.signal(&name, "-STOP"),
            End::Stop => self.fleet.signal(&name, "-TERM"),
        }
        wait_for("the other one to write", || self.status(other).as_deref() == Some("ready"));
        let took = since.elapsed().as_millis();
        if matches!(end, End::Wake) {
            self.fleet.signal(&name, "-CONT");
        }
        if let Some(mut child) = self.fleet.running.remove(&name) {
            wait_for("the relieved one to end", || child.try_wait().expect("its state is known").is_some());
        }
        self.come_back(writer);
        took
    }

    /// Starts a relieved process again, with an empty data directory where it had what reached nobody.
    fn come_back(&mut self, number: usize) {
        let name = duo_name(self.service, number);
        self.launch(number);
        let ended = |fleet: &mut Fleet| {
            let child = fleet.running.get_mut(&name).expect("it was started");
            child.try_wait().expect("its state is known").is_some()
        };
        let mut gone = false;
        wait_for("it to stand by, or to say why not", || {
            gone = ended(&mut self.fleet);
            gone || self.stands_by(number)
        });
        if gone {
            let said = self.fleet.said(&name);
            assert!(said.contains("reached nobody and was answered to nobody:"), "{said}");
            eprintln!(
                "{}",
                said.lines().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
            );
            self.fleet.running.remove(&name);
            std::fs::remove_dir_all(self.fleet.data(&name)).expect("its data directory");
            self.launch(number);
        }
    }
}

/// The first process has the name of its service.
fn duo_name(service: ServiceName, number: usize) -> String {
    if number == 0 { service.name().to_owned() } else { format!("{service}-{number}") }
}

/// Ends writers under load, each once the one before it is overcome, and checks what is left.
fn check(service: ServiceName, ends: &[End], meeting: impl FnOnce(&std::path::Path) -> Meeting) {
    let mut duo = Duo::start(service, meeting);
    let (url, folder) = (duo.fleet.url(), tempfile::tempdir().expect("a folder"));
    let (end, steps) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut writer = 0;
    let files = std::thread::scope(|scope| {
        let (url, folder, end, steps) = (&url, folder.path(), &end, &steps);
        let loader = scope.spawn(move || load(url, folder, "load", end, steps));
        let progress = |from: u64| {
            wait_for("a step of a file", || loader.is_finished() || steps.load(Ordering::Relaxed) > from);
        };
        progress(0);
        for one in ends {
            let before = steps.load(Ordering::Relaxed);
            let took = duo.relieve(writer, *one);
            eprintln!("{service} {one:?}: another process wrote after {took} ms, {before} steps done");
            writer = 1 - writer;
            progress(before);
        }
        end.store(true, Ordering::Relaxed);
        loader.join().expect("its files are closed")
    });
    let (last, other) = (duo_name(service, writer), duo_name(service, 1 - writer));
    let name = |it: ServiceName| if it == service { last.as_str() } else { it.name() };
    duo.fleet.check_states(SERVICES.iter().map(|it| name(*it)));
    duo.fleet.kill_all();
    check_logs(|it| duo.fleet.data(name(it)), &files);
    Logs::verify(&duo.fleet.data(&other).join("log")).expect("chain and anchor verify");
    eprintln!("{} files closed once each", files.len());
}

fn server(dir: &std::path::Path) -> Meeting {
    Meeting::Server(Server::start(dir))
}

fn rounds() -> Option<usize> {
    std::env::var("ROUNDS").ok()?.parse().ok()
}

#[test]
fn standby_of_approval() {
    check(ServiceName::Approval, &[End::Wake], server);
}

#[test]
fn standby_of_each_service_in_turn() {
    for _ in 0..rounds().unwrap_or(0) {
        for service in ServiceName::WRITERS {
            check(service, &[End::Kill, End::Wake, End::Stop, End::Kill], server);
        }
    }
}

#[test]
fn standby_in_a_cluster() {
    if rounds().is_some() {
        let cluster = |dir: &std::path::Path| Meeting::Cluster(Cluster::start(dir));
        check(ServiceName::Approval, &[End::Kill, End::Wake], cluster);
    }
}
