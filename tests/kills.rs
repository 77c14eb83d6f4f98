//! SIGKILL in every phase of a file's life: what was acknowledged stays, every file ends closed exactly once with the
//! generator's totals, and the log verifies.
//!
//! `KILLS=n` kills n times in each phase (1 by default, so that the ordinary run takes a small round). Seeds are fixed;
//! a failing round prints its phase and number, and `KILLS_ONLY=phase:number` repeats it alone.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use ledger::{Decimal, FileId};
use serde_json::json;
use usage_ledger::cli::Client;
use usage_ledger::demo::VENDOR_KEY;

use crate::life::{Life, Step, check_logs};
use crate::tree::root;

/// Four batches.
const RECORDS: u32 = 3_500;
/// Small enough for rotations within one file's life.
const ROTATE_BYTES: &str = "262144";
/// Few enough entries that each start goes on from a snapshot.
const SNAPSHOT_AFTER: &str = "5";

/// Where a round kills: before which step, and how.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// The process dies at a named point, at its nth passage.
    Point(&'static str),
    /// From outside, so many microseconds after the request was sent.
    Outside(u64),
}

/// A phase: its name, the step before which the point is armed, and the ways to die in it.
struct Phase {
    name: &'static str,
    step: Step,
    kills: &'static [Kill],
}

const PHASES: [Phase; 11] = [
    // The first: of a short log the next snapshot is due soon.
    Phase {
        name: "snapshot",
        step: Step::Upload,
        kills: &[
            Kill::Point("snapshot.synced:1"),
            Kill::Point("snapshot.renamed:2"),
            Kill::Point("snapshot.half_written:1"),
            Kill::Point("snapshot.renamed:1"),
        ],
    },
    Phase {
        name: "upload",
        step: Step::Upload,
        kills: &[
            Kill::Point("blob.synced:1"),
            Kill::Point("blob.kept:1"),
            Kill::Outside(900),
            Kill::Point("blob.written:1"),
        ],
    },
    Phase {
        name: "reading",
        step: Step::Upload,
        kills: &[
            Kill::Point("read.batch:2"),
            Kill::Point("read.before_end:1"),
            Kill::Point("read.begin:1"),
            Kill::Point("read.batch:4"),
        ],
    },
    Phase {
        name: "checking",
        step: Step::Upload,
        kills: &[
            Kill::Point("check.batch:3"),
            Kill::Point("check.before_end:1"),
            Kill::Point("processed.half:5"),
            Kill::Point("check.begin:1"),
        ],
    },
    Phase {
        name: "submit",
        step: Step::Submit,
        kills: &[
            Kill::Point("commit.after_apply:1"),
            Kill::Outside(300),
            Kill::Point("commit.after_sync:1"),
            Kill::Outside(1_500),
        ],
    },
    Phase {
        name: "accept",
        step: Step::Accept,
        kills: &[
            Kill::Point("commit.mid_anchor:1"),
            Kill::Outside(500),
            Kill::Point("commit.after_flush:1"),
            Kill::Point("commit.before_apply:1"),
        ],
    },
    Phase {
        name: "chunk writing",
        step: Step::Accept,
        kills: &[
            Kill::Point("chunk.half:2"),
            Kill::Point("chunk.written:1"),
            Kill::Point("chunk.begin:2"),
            Kill::Point("chunk.begin:1"),
        ],
    },
    Phase {
        name: "reconciliation",
        step: Step::Reconcile,
        kills: &[
            Kill::Point("reconcile.before_end:1"),
            Kill::Point("reconcile.begin:1"),
            Kill::Outside(2_000),
            Kill::Point("commit.after_apply:3"),
        ],
    },
    Phase {
        name: "closing",
        step: Step::CloseChunk,
        kills: &[
            Kill::Point("commit.after_sync:1"),
            Kill::Outside(400),
            Kill::Point("commit.after_anchor:1"),
            Kill::Point("commit.after_apply:1"),
        ],
    },
    Phase {
        name: "rotation",
        step: Step::Upload,
        kills: &[
            Kill::Point("rotate.anchored:1"),
            Kill::Point("rotate.segment_half:1"),
            Kill::Point("rotate.opened_new:1"),
            Kill::Point("rotate.removed_old:1"),
        ],
    },
    Phase {
        name: "recovery",
        step: Step::Submit,
        kills: &[
            Kill::Point("open.recovering:1"),
            Kill::Point("open.recovering:1"),
            Kill::Point("open.recovering:1"),
            Kill::Point("open.recovering:1"),
        ],
    },
];

pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts the product; says how it ended when it did before it was ready.
    fn start(data: &Path, crash: Option<&str>) -> Result<Self, ExitStatus> {
        Self::start_with(data, crash, &[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(data: &Path, crash: Option<&str>, more: &[&str]) -> Result<Self, ExitStatus> {
        let mut command = Command::new(binary());
        command.args(["run", "--listen", "127.0.0.1:0", "--snapshot-after", SNAPSHOT_AFTER]).arg("--data").arg(data);
        command.env("USAGE_LEDGER_ROTATE_BYTES", ROTATE_BYTES);
        command.arg("--catalog").arg(root().join("schemas/demo-catalog.json")).args(more);
        command.env("USAGE_LEDGER_LOG", "error").env_remove("USAGE_LEDGER_CRASH");
        if let Some(point) = crash {
            command.env("USAGE_LEDGER_CRASH", point);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("its output is read");
        match line.trim().strip_prefix("usage-ledger is ready at ") {
            Some(url) => Ok(Self { url: url.to_owned(), child }),
            None => Err(child.wait().expect("it ends")),
        }
    }

    pub(crate) fn kill(self) {
        drop(self);
    }

    pub(crate) fn died(&mut self) -> bool {
        self.child.try_wait().expect("its state is known").is_some()
    }
}

/// Whatever becomes of a test, its processes end with it.
impl Drop for Server {
    fn drop(&mut self) {
        // A process that has died by itself is as dead.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary of the profile that this test was built with.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let path = test.parent().and_then(Path::parent).expect("target/profile").join("usage-ledger");
    assert!(path.exists(), "{} is missing: run `cargo build -p usage-ledger` first", path.display());
    path
}

/// Goes on until the wanted step is next (or past), on a server that stays up.
fn advance_to(life: &mut Life, server: &mut Server, wanted: Step) {
    let url = server.url.clone();
    loop {
        let step = life.next_step(&url, || server.died()).expect("the server stays up");
        if step >= wanted {
            return;
        }
        life.perform(&url, step);
    }
}

/// Kills during a step; afterwards the server is down. True when it died where it should.
fn die_at(life: &mut Life, data: &Path, step: Step, kill: Kill) -> bool {
    let point = match kill {
        Kill::Point(point) => Some(point),
        Kill::Outside(_) => None,
    };
    let Ok(mut server) = Server::start(data, point) else { return true };
    let url = server.url.clone();
    std::thread::scope(|scope| {
        let request = scope.spawn(|| life.perform(&url, step));
        if let Kill::Outside(micros) = kill {
            std::thread::sleep(Duration::from_micros(micros));
            let _ = server.child.kill();
        }
        request.join().expect("the request ends")
    });
    let since = Instant::now();
    while !server.died() && since.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let died = server.died();
    server.kill();
    died
}

/// One file with one kill in one phase, to its end.
fn round(data: &Path, folder: &Path, phase: &Phase, number: usize) -> (FileId, Decimal, bool) {
    let name = format!("{}-{number}", phase.name.replace(' ', "-"));
    let mut server = Server::start(data, None).expect("the product starts");
    let begun = Life::begin(&server.url, folder, &name, number as u64, RECORDS);
    let mut life = begun.expect("a draft");
    let id = life.id;
    advance_to(&mut life, &mut server, phase.step);
    server.kill();
    let kill = phase.kills[number % phase.kills.len()];
    let died = die_at(&mut life, data, phase.step, kill);
    let mut server = Server::start(data, None).expect("the product starts after a kill");
    advance_to(&mut life, &mut server, Step::Closed);
    let file = Client::new(&server.url, VENDOR_KEY).get(&format!("usage/files/{id}")).expect("the file");
    assert_eq!(file["stats"]["closed"], json!(RECORDS), "{file:#}");
    server.kill();
    (id, life.total, died)
}

#[test]
fn kills_in_every_phase_lose_nothing_and_double_nothing() {
    let kills: usize = std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let only = std::env::var("KILLS_ONLY").ok();
    let data = tempfile::tempdir().expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = BTreeMap::new();
    let mut histogram: BTreeMap<&str, usize> = BTreeMap::new();
    for phase in &PHASES {
        for number in 0..kills {
            let name = format!("{}:{number}", phase.name);
            if only.as_ref().is_some_and(|only| *only != name) {
                continue;
            }
            eprintln!("KILLS_ONLY='{name}' repeats this round");
            let (id, total, died) = round(data.path(), folder.path(), phase, number);
            files.insert(id, (total, RECORDS));
            *histogram.entry(phase.name).or_default() += usize::from(died);
        }
    }
    check_logs(|_| data.path().to_owned(), &files);
    eprintln!("kills by phase: {histogram:?}; {} files closed once each", files.len());
    let missed: Vec<_> = histogram.iter().filter(|(_, count)| only.is_none() && **count < kills).collect();
    assert!(missed.is_empty(), "nothing was killed in {missed:?}");
}
