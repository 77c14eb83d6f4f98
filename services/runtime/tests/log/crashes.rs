//! Goal: whatever kills the process, every acknowledged event is there afterwards, byte for byte, and none twice.
//! Method: run `log_writer`, kill it at random times and at every crash point, open, compare with what it printed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use ledger::{EventId, Hash, HostId, ServiceName};
use runtime::crash::{LOG_POINTS, VARIABLE};
use runtime::log::Logs;

use crate::support::*;

pub(crate) const HOSTS: u16 = 3;
const ROTATE_BYTES: u64 = 192 << 10;

/// What `log_writer` is told.
pub(crate) fn arguments(dir: &Path, appends: u64, seed: u64, order: &str) -> Vec<OsString> {
    let numbers = [u64::from(HOSTS), appends, ROTATE_BYTES, seed].map(|number| number.to_string());
    [dir.as_os_str()]
        .into_iter()
        .chain(numbers.iter().map(OsStr::new))
        .chain([order, "4"].map(OsStr::new))
        .map(Into::into)
        .collect()
}

pub(crate) fn writer(dir: &Path, appends: u64, seed: u64) -> Command {
    planted(dir, appends, seed, "stated")
}

/// The same with something done wrong.
fn planted(dir: &Path, appends: u64, seed: u64, order: &str) -> Command {
    let mut command = Command::new(example("log_writer"));
    command.args(arguments(dir, appends, seed, order)).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// The last acknowledged sequence per host, from what the process printed until its end.
pub(crate) fn acknowledged(child: &mut Child, acks: &mut BTreeMap<String, u64>) -> ExitStatus {
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if let Some((host, sequence)) = line.strip_prefix("ack ").and_then(|rest| rest.split_once(' ')) {
            let last = acks.entry(host.to_owned()).or_default();
            *last = sequence.parse::<u64>().unwrap().max(*last);
        }
    }
    child.wait().unwrap()
}

/// What `log_writer` puts into the event of a sequence.
fn payload(host: HostId, sequence: u64) -> Vec<u8> {
    let repeats = if sequence.is_multiple_of(50) { 4_000 } else { 1 + sequence % 20 };
    (0..repeats).flat_map(|index| format!("{host} {sequence} {index};").into_bytes()).collect()
}

/// Goes through a log that may have ended anyhow, opens it, and compares it with what was acknowledged.
pub(crate) fn check(dir: &Path, acks: &BTreeMap<String, u64>, what: &str) {
    let verified = Logs::verify(dir).unwrap_or_else(|error| panic!("{what}: could not {error}"));
    let heads = check_opened(dir, acks, what);
    for (host, report) in verified.hosts {
        assert_eq!(heads.get(&host), Some(&(report.sequence, report.head)), "{what}");
    }
}

/// Opens a log that may have ended anyhow, and compares all of it with what was written and with what was acknowledged;
/// gives the heads.
pub(crate) fn check_opened(dir: &Path, acks: &BTreeMap<String, u64>, what: &str) -> BTreeMap<HostId, (u64, Hash)> {
    let hosts = (0..HOSTS).map(|partition| HostId::new(ServiceName::Approval, partition)).collect::<Vec<_>>();
    let logs =
        Logs::open(dir, &hosts, settings(ROTATE_BYTES)).unwrap_or_else(|error| panic!("{what}: could not {error}"));
    let (mut found, mut heads) = (BTreeMap::new(), BTreeMap::new());
    for host in hosts {
        let reader = logs.reader(host).unwrap();
        let (sequence, head) = reader.head().unwrap();
        let acknowledged = acks.get(&host.to_string()).copied().unwrap_or(0);
        assert!(sequence >= acknowledged, "{what}: {host} ends at {sequence}, {acknowledged} was acknowledged");
        let mut previous = Hash::ZERO;
        let (mut next, mut heard) = (1, 0);
        for (entry, position) in reader.entries(1).zip(1..) {
            let entry = entry.unwrap();
            assert_eq!(entry.position, position, "{what}");
            if entry.own {
                assert_eq!((entry.header.sequence, entry.header.previous), (next, previous), "{what}");
                assert!(entry.payload == Some(payload(host, next)), "{what}: {host} {next} isn't what was written");
                let seed = Hash::of(format!("{host} {next}").as_bytes());
                let found = reader.find(EventId::derive(&seed, host.service, 0)).unwrap();
                assert_eq!(found, Some(position), "{what}");
                previous = entry.header.hash();
                next += 1;
            } else {
                heard += 1;
                assert_eq!(entry.header.sequence, heard, "{what}: {host} has heard something twice, or not");
            }
        }
        found.insert(host, entries(&reader));
        heads.insert(host, (sequence, head));
        assert_eq!((next - 1, previous), (sequence, head), "{what}");
    }
    logs.close();
    for (host, entries) in found {
        assert!(archived(dir, host) == bytes_of(&entries), "{what}: {host}: the segments aren't the log");
    }
    heads
}

#[test]
fn a_killed_process_loses_nothing_acknowledged() {
    let folder = Folder::new("kills");
    let mut random = Random::new("kills");
    let mut acks = BTreeMap::new();
    for kill in 0..12 {
        let mut child = writer(&folder.log(), 0, random.below(u64::MAX)).spawn().unwrap();
        let pause = Duration::from_millis(30 + random.below(350));
        let pid = child.id();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(pause);
            Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        });
        acknowledged(&mut child, &mut acks);
        killer.join().unwrap();
        check(&folder.log(), &acks, &format!("kill {kill} after {pause:?}"));
    }
    println!("12 kills, acknowledged {acks:?}");
    assert!(acks.values().sum::<u64>() > 100);
}

#[test]
fn a_crash_at_any_point_loses_nothing_acknowledged() {
    let folder = Folder::new("points");
    let mut random = Random::new("points");
    let mut acks = BTreeMap::new();
    for point in LOG_POINTS {
        let passage = if point.starts_with("commit.") { 1 + random.below(20) } else { 1 + random.below(2) };
        // A start has one recovery to die in.
        let passage = if point.starts_with("open.") { 1 } else { passage };
        let what = format!("{point}:{passage}");
        let mut child = writer(&folder.log(), 2_000, random.below(u64::MAX)).env(VARIABLE, &what).spawn().unwrap();
        let status = acknowledged(&mut child, &mut acks);
        assert!(!status.success(), "{what} was never passed");
        if point == "rotate.anchored" || point == "rotate.segment_half" || point == "rotate.segment_synced" {
            // Dying while it finishes what the crash interrupted, too.
            let mut child = writer(&folder.log(), 1, 1).env(VARIABLE, "open.recovering:1").spawn().unwrap();
            assert!(!acknowledged(&mut child, &mut acks).success());
            let mut child = writer(&folder.log(), 1, 1).env(VARIABLE, "rotate.segment_synced:2").spawn().unwrap();
            acknowledged(&mut child, &mut acks);
        }
        check(&folder.log(), &acks, &what);
    }
    println!("acknowledged {acks:?}");
}

/// Goal: the very first start may die anywhere, too.
#[test]
fn a_crash_of_the_first_commit_leaves_a_log_that_opens() {
    for point in LOG_POINTS.iter().filter(|point| !point.starts_with("rotate.") && **point != "archive.sealed") {
        let folder = Folder::new("first");
        let mut acks = BTreeMap::new();
        let mut child = writer(&folder.log(), 3, 9).env(VARIABLE, format!("{point}:1")).spawn().unwrap();
        assert!(!acknowledged(&mut child, &mut acks).success(), "{point}");
        check(&folder.log(), &acks, point);
    }
}

/// Goal: the same checks see what they are there for. Method: each fault, and a kill after which it shows.
#[test]
fn answers_before_the_commit_and_forgotten_cursors_are_caught() {
    for (fault, kill) in
        [("answer-before-commit", "commit.before_apply:60"), ("forgotten-cursors", "open.recovering:1")]
    {
        let (folder, mut acks) = (Folder::new(fault), BTreeMap::new());
        let mut caught = false;
        // The second process goes on where the first one ended.
        for crash in ["rotate.removed_old:1", kill, "commit.after_anchor:20"] {
            let mut child = planted(&folder.log(), 2_000, 7, fault).env(VARIABLE, crash).spawn().unwrap();
            assert!(!acknowledged(&mut child, &mut acks).success(), "{fault}: {crash} was never passed");
            caught |= catch_unwind(AssertUnwindSafe(|| check(&folder.log(), &acks, fault))).is_err();
        }
        assert!(caught, "{fault} wasn't caught");
    }
}
