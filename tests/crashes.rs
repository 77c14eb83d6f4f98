//! SIGKILL at every crash point that the code names, in the real process: while a file lives, while the log is written,
//! sealed, archived, backed up and signed, while a start looks at it, and while a ledger is restored, repaired and given
//! another key. Afterwards nothing acknowledged is missing and nothing is doubled, requests that come again get their first
//! answers, the state of before is the state of before, and `audit verify` finds nothing.
//!
//! A point that is never passed fails its test. `CRASHES=n` goes through all of them n times, at later passages.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use ledger::note::opened;
use ledger::{Fact, ServiceName};
use runtime::log::{LogSettings, Logs};
use serde_json::{Value, json};
use usage_ledger::demo::{DISTRIBUTOR_KEY, VENDOR_KEY};

use crate::backups::{audit, replayed, text};
use crate::kills::{Server, binary};
use crate::life::{Life, Step, check_logs};
use crate::repairs::{book, copy, flip, log, remove};
use crate::scenarios::http::{Answer, Body, Request, try_call};
use crate::tree::sources;

/// Two batches.
const RECORDS: u32 = 1_500;
/// A few drafts.
const ROTATE_BYTES: &str = "24576";
/// Within which every point is passed, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two drafts.
const PAUSE: Duration = Duration::from_millis(10);
const SIGKILL: i32 = 9;

/// In the order of a file's life: each start goes on with what the one before it died of.
const LIFE: [&str; 19] = [
    "blob.written:1",
    "blob.synced:1",
    "blob.kept:1",
    "read.begin:1",
    "read.batch:1",
    "read.before_end:1",
    "check.begin:1",
    "check.batch:1",
    "check.before_end:1",
    "processed.begin:1",
    "processed.half:1",
    "ruling.begin:1",
    "ruling.judged:1",
    "chunk.begin:1",
    "chunk.half:1",
    "chunk.written:1",
    "reconcile.begin:1",
    "reconcile.before_end:1",
    "checkpoint.signed:1",
];

/// Whatever is recorded, sooner or later.
const LOG: [&str; 23] = [
    "snapshot.half_written:1",
    "snapshot.synced:1",
    "snapshot.renamed:1",
    "open.recovering:1",
    "open.anchored:1",
    "commit.before_apply:5",
    "commit.after_apply:5",
    "commit.after_flush:5",
    "commit.after_sync:5",
    "commit.mid_anchor:5",
    "commit.after_anchor:5",
    "rotate.opened_new:1",
    "rotate.anchored:1",
    "rotate.segment_half:1",
    "rotate.segment_synced:1",
    "rotate.removed_old:1",
    "archive.created:1",
    "archive.half_written:2",
    "archive.written:2",
    "archive.synced:2",
    "archive.sealed:1",
    "backup.copied:2",
    "backup.mid_heads:2",
];

const RESTORE: [&str; 6] = [
    "restore.copied:1",
    "restore.sealed:1",
    "restore.before_anchor:1",
    "restore.anchored:1",
    "restore.workbook:1",
    "restore.whole:1",
];

const REPAIR: [&str; 3] = ["repair.put_aside:1", "repair.put_back:1", "repair.put_aside:2"];

const KEY: [&str; 3] = ["key.kept:1", "key.made:1", "key.recorded:1"];

fn rounds() -> u64 {
    std::env::var("CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// A ledger that is killed, and what it was asked and has answered.
pub(crate) struct Ledger {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) data: PathBuf,
    pub(crate) backup: PathBuf,
    /// The drafts by their keys; none where nobody answered.
    pub(crate) drafts: Vec<Option<Value>>,
    pub(crate) files: u64,
    kills: u64,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let [data, backup] = ["data", "backup"].map(|name| folder.path().join(name));
        std::fs::create_dir(&backup).expect("a folder");
        Self { folder, data, backup, drafts: Vec::new(), files: 0, kills: 0 }
    }

    pub(crate) fn start(&self, point: Option<&str>) -> Result<Server, ExitStatus> {
        let backup = text(&self.backup);
        let more = ["--backup", backup, "--rotate-bytes", ROTATE_BYTES, "--checkpoint-after", "1"];
        Server::start_with(&self.data, point, &more)
    }

    /// One more draft, with a key of its own.
    pub(crate) fn draft(&mut self, server: &Server) {
        self.drafts.push(drafted(server, self.drafts.len()));
    }

    /// Lets it die at a point while something is done with it, and looks at what is left.
    fn die(&mut self, point: &str, work: impl FnOnce(&mut Self, &mut Server)) {
        let (known, positions) = replayed(&self.data, None);
        let ended = match self.start(Some(point)) {
            Err(ended) => ended,
            Ok(mut server) => {
                work(self, &mut server);
                ended(&mut server, point)
            }
        };
        assert_eq!(ended.signal(), Some(SIGKILL), "{point}: {ended}");
        self.kills += 1;
        eprintln!("killed at {point}");
        audit(&["verify", "--data", text(&self.data)]);
        assert_eq!(replayed(&self.data, Some(&positions)).0, known, "{point}: what was known at {positions}");
    }

    /// Starts it again, for a look at what it says.
    pub(crate) fn start_over(&mut self, point: &str) -> Server {
        let server = self.start(None).expect("the product starts after a kill");
        self.check(&server, point);
        server
    }

    /// Everything that was asked is there, once, and its answer is what it was.
    pub(crate) fn check(&mut self, server: &Server, point: &str) {
        for (key, first) in self.drafts.iter_mut().enumerate() {
            let again = drafted(server, key).unwrap_or_else(|| panic!("{point}: draft {key} isn't answered"));
            let first = first.get_or_insert_with(|| again.clone());
            assert_eq!(again, *first, "{point}: draft {key}");
        }
        let all =
            asked(server, VENDOR_KEY, "GET", "/public/v1/usage/files?limit=1", &[], Body::Nothing).expect("an answer");
        assert_eq!(all.total(), self.drafts.len() as u64 + self.files, "{point}");
        audit(&["verify", "--data", text(&self.data)]);
    }

    /// Ends it in peace: its backup has everything then.
    pub(crate) fn stop(&self, mut server: Server) {
        let status = Command::new("kill").arg(server.child.id().to_string()).status().expect("it runs");
        assert!(status.success() && server.child.wait().expect("it ends").success());
        drop(std::fs::remove_file(self.data.join("admin.sock")));
    }
}

/// The answer to a draft that comes with a key.
fn drafted(server: &Server, key: usize) -> Option<Value> {
    draft(server, key).map(|answer| answer.expect(201))
}

/// Asks for a draft with a key.
pub(crate) fn draft(server: &Server, key: usize) -> Option<Answer> {
    let name = format!("Draft {key}");
    let body = json!({ "contract": { "id": "CRD-21674-67435-75488" }, "product": { "id": "PRD-404-832-779" },
        "name": name, "description": "so that a log is soon full ".repeat(6) });
    let headers = [("Idempotency-Key", name.as_str())];
    asked(server, VENDOR_KEY, "POST", "/public/v1/usage/files", &headers, Body::Json(&body))
}

pub(crate) fn asked(
    server: &Server,
    key: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Body<'_>,
) -> Option<Answer> {
    let address = server.url.strip_prefix("http://")?.parse().ok()?;
    try_call(address, &Request { method, path, key: Some(key), headers, body })
}

/// How a process ends that is to die at a point.
fn ended(server: &mut Server, point: &str) -> ExitStatus {
    let since = Instant::now();
    loop {
        if let Some(ended) = server.child.try_wait().expect("its state is known") {
            return ended;
        }
        if since.elapsed() > PATIENCE {
            drop(server.child.kill());
            panic!("{point} is never passed");
        }
        std::thread::sleep(PAUSE);
    }
}

/// Takes a file as far as it comes.
fn live(life: &mut Life, server: &mut Server) {
    let url = server.url.clone();
    while let Some(step) = life.next_step(&url, || server.died()) {
        match step {
            Step::Closed => return,
            // A rule does.
            Step::Accept => std::thread::sleep(PAUSE),
            step => drop(life.perform(&url, step)),
        }
    }
}

/// A rule under which every submitted file is accepted, once all of its records were looked at.
pub(crate) fn accept_all(server: &Server) {
    let rule = json!({ "action": "accept", "scope": "record", "rule": "" });
    let path = "/public/v1/products/PRD-404-832-779/usage/rules";
    asked(server, DISTRIBUTOR_KEY, "POST", path, &[], Body::Json(&rule)).expect("an answer").expect(201);
}

/// A ledger with drafts and a closed file, stopped.
fn closed() -> Ledger {
    let mut ledger = Ledger::new();
    let mut server = ledger.start(None).expect("the product starts");
    accept_all(&server);
    (0..3).for_each(|_| ledger.draft(&server));
    let mut life = Life::begin(&server.url, ledger.folder.path(), "closed", 3, RECORDS).expect("a draft");
    ledger.files += 1;
    live(&mut life, &mut server);
    let is_signed = |server: &Server| {
        let told =
            asked(server, DISTRIBUTOR_KEY, "GET", "/ledger/v1/checkpoints", &[], Body::Nothing).expect("an answer");
        told.expect(200)["checkpoints"].as_array().expect("checkpoints").len() == ServiceName::WRITERS.len()
    };
    while !is_signed(&server) {
        assert!(!server.died());
        std::thread::sleep(PAUSE);
    }
    ledger.stop(server);
    ledger
}

/// Every other point on a ledger of its own, at once: of one file a job that dies three times isn't begun again.
fn halves(points: &[&'static str], tried: impl Fn(&[&'static str]) + Sync) {
    std::thread::scope(|scope| {
        for half in 0..2 {
            let tried = &tried;
            scope.spawn(move || tried(&points.iter().skip(half).step_by(2).copied().collect::<Vec<_>>()));
        }
    });
}

#[test]
fn crashes_in_a_files_life() {
    halves(&LIFE, |points| {
        let mut ledger = Ledger::new();
        let server = ledger.start(None).expect("the product starts");
        accept_all(&server);
        server.kill();
        let mut files = BTreeMap::new();
        for round in 0..rounds() {
            let server = ledger.start(None).expect("the product starts");
            let name = format!("crashes-{round}");
            let mut life = Life::begin(&server.url, ledger.folder.path(), &name, round, RECORDS).expect("a draft");
            ledger.files += 1;
            server.kill();
            for point in points {
                ledger.die(point, |ledger, server| {
                    ledger.draft(server);
                    live(&mut life, server);
                });
            }
            let mut server = ledger.start_over("a life with all of them");
            live(&mut life, &mut server);
            ledger.check(&server, "a closed file");
            server.kill();
            files.insert(life.id, (life.total, life.records));
        }
        check_logs(|_| ledger.data.clone(), &files);
        eprintln!("{} kills, {} drafts, {} files closed once each", ledger.kills, ledger.drafts.len(), files.len());
    });
}

#[test]
fn crashes_of_the_log() {
    halves(&LOG, |points| {
        let mut ledger = Ledger::new();
        ledger.start(None).expect("the product starts").kill();
        for round in 0..rounds() {
            for point in points {
                let (name, passage) = point.split_once(':').expect("a passage");
                // A start passes its own once.
                let later = if name.starts_with("open.") { 0 } else { round % 7 };
                let passage = passage.parse::<u64>().expect("a number") + later;
                ledger.die(&format!("{name}:{passage}"), |ledger, server| {
                    let since = Instant::now();
                    while !server.died() && since.elapsed() < PATIENCE {
                        ledger.draft(server);
                        std::thread::sleep(PAUSE);
                    }
                });
                ledger.start_over(point).kill();
            }
        }
        let server = ledger.start_over("the end");
        ledger.stop(server);
        audit(&["verify", "--archive", text(&ledger.backup)]);
        eprintln!("{} kills, {} drafts", ledger.kills, ledger.drafts.len());
    });
}

/// Runs a command that is to die at a point, if one is named.
pub(crate) fn tool(words: &[&str], point: Option<&str>) -> Output {
    let mut command = Command::new(binary());
    command.env_remove("USAGE_LEDGER_CRASH").args(words).stdin(Stdio::null());
    let output = command.envs(point.map(|point| ("USAGE_LEDGER_CRASH", point))).output().expect("it runs");
    if let Some(point) = point {
        assert_eq!(output.status.signal(), Some(SIGKILL), "{point} is never passed: {output:?}");
    }
    output
}

/// The same in peace.
pub(crate) fn done(words: &[&str]) {
    let output = tool(words, None);
    assert!(output.status.success(), "{words:?}: {output:?}");
}

#[test]
fn a_restore_that_was_killed_is_done_again() {
    let mut ledger = closed();
    let known = replayed(&ledger.data, None);
    let restored = ledger.folder.path().join("restored");
    for point in RESTORE {
        drop(std::fs::remove_dir_all(&restored));
        let words = ["audit", "restore", "--from", text(&ledger.backup), "--data", text(&restored)];
        tool(&words, Some(point));
        let run = tool(&["run", "--listen", "127.0.0.1:0", "--data", text(&restored)], None);
        let told = String::from_utf8_lossy(&run.stderr);
        assert!(!run.status.success() && told.contains("do it again"), "{point}: {told}");
        done(&words);
        assert_eq!(replayed(&restored, None), known, "{point}");
    }
    for secret in ["secrets", "signing-key"] {
        std::fs::copy(ledger.data.join(secret), restored.join(secret)).expect("a copy");
    }
    // Its backup is of the epoch before.
    ledger.backup = ledger.folder.path().join("another-backup");
    std::fs::create_dir(&ledger.backup).expect("a folder");
    ledger.data = restored;
    ledger.start_over("restored").kill();
}

#[test]
fn a_repair_that_was_killed_is_done_again() {
    let ledger = closed();
    let known = replayed(&ledger.data, None);
    for point in REPAIR {
        let data = ledger.folder.path().join(point);
        copy(&ledger.data, &data);
        flip(&log(&data, "validation-0", "seg"));
        flip(&book(&data, "ingestion"));
        remove(&book(&data, "validation"));
        let words = ["audit", "repair", "--data", text(&data), "--from", text(&ledger.backup), "--yes"];
        tool(&words, Some(point));
        done(&words);
        audit(&["verify", "--data", text(&data)]);
        assert_eq!(replayed(&data, None), known, "{point}");
    }
}

#[test]
fn a_change_of_keys_that_was_killed_goes_on() {
    let mut ledger = closed();
    let data = text(&ledger.data).to_owned();
    let words = ["audit", "rotate-key", "--data", &data];
    let [kept, made, recorded] = KEY;
    tool(&words, Some(kept));
    // Nothing was changed yet: the same key is used, and the change can be done.
    let server = ledger.start_over(kept);
    ledger.stop(server);
    tool(&words, Some(made));
    let again = tool(&words, None);
    assert!(String::from_utf8_lossy(&again.stderr).contains("signing-key.old is kept"), "{again:?}");
    ledger.die(recorded, |_, _| ());
    let server = ledger.start_over(recorded);
    ledger.stop(server);
    check_keys(&ledger.data);
}

/// In each log the fact that names the new key stands under a checkpoint that the former one signed.
fn check_keys(data: &Path) {
    let dir = data.join("log");
    let hosts = Logs::named(&dir).expect("hosts");
    let logs = Logs::open(&dir, &hosts, LogSettings::default()).expect("the log opens");
    for host in hosts {
        let (mut keys, mut signed) = (Vec::new(), 0);
        for entry in logs.reader(host).expect("a reader").own(1) {
            let event = proto::decode_event(entry.expect("an entry").payload.as_deref().unwrap_or_default());
            match event.expect("an event").fact {
                Fact::SigningKeyRecorded(recorded) => (keys.push(recorded.key), signed = 0).1,
                Fact::CheckpointSigned(checkpoint) => {
                    let by = if keys.len() == 2 && signed == 0 { &keys[..1] } else { &keys[keys.len() - 1..] };
                    assert!(opened(&checkpoint.note, by).is_ok(), "{host}: {}", checkpoint.note);
                    signed += 1;
                }
                _ => {}
            }
        }
        assert!(keys.len() == 2 && signed > 0, "{host}: {signed} checkpoints under the last of {keys:?}");
    }
    logs.close();
}

#[test]
fn every_crash_point_is_died_at() {
    let points = [&LIFE[..], &LOG, &RESTORE, &REPAIR, &KEY].concat();
    let tried: BTreeSet<String> = points.iter().filter_map(|point| Some(point.split_once(':')?.0.to_owned())).collect();
    let sources = sources();
    let named = sources.iter().filter(|source| source.path.starts_with("services/")).flat_map(|source| {
        let calls = source.code.match_indices("crash::point(");
        calls.filter_map(|(place, call)| source.text[place + call.len()..].strip_prefix('"')?.split('"').next())
    });
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    assert_eq!(named, tried);
    eprintln!("{} crash points", tried.len());
}
