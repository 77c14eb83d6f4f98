//! Goal: a disk that is full or fails loses nothing that was acknowledged. From the first write of a commit that fails the
//! log takes nothing more and says why, and what was acknowledged can be read. Method: `log_writer` on a file system of a few
//! MiB, under a limit on the size of a file, and with single system calls made to fail; then room again, and the same checks as
//! after a crash.
//!
//! `DISK_CASES=n` makes n cases of each kind instead of a few; `LOG_TEST_SEED` repeats those of a test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use runtime::log::Logs;

use crate::crashes::{arguments, check};
use crate::support::*;

/// How full a disk is when it is begun on.
const LEVELS: u64 = 12;
/// More than a writer writes until the smallest disk is full, and than it may leave of the largest.
const APPENDS: u64 = 3_000;
const CASES: u64 = 4;
/// Seconds that a writer may take.
const PATIENCE: &str = "60";

/// What a writer said.
#[derive(Debug, Default)]
struct Said {
    opened: bool,
    refused: Vec<String>,
    acknowledged: BTreeMap<String, u64>,
    read: BTreeMap<String, u64>,
}

impl Said {
    fn of(command: &Command) -> Self {
        let mut patient = Command::new("timeout");
        let output = patient.args(["-k", "1", PATIENCE]).arg(command.get_program()).args(command.get_args());
        let output = output.stdin(Stdio::null()).output().unwrap();
        assert!(![124, 137].contains(&output.status.code().unwrap_or(137)), "{command:?} doesn't end: {output:?}");
        let mut said = Self::default();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let number = || {
                let (host, sequence) = rest.split_once(' ').unwrap();
                (host.to_owned(), sequence.parse::<u64>().unwrap())
            };
            match word {
                "open" => said.opened = true,
                "refused" => said.refused.push(rest.to_owned()),
                "ack" => said.acknowledged.extend([number()]),
                "read" => said.read.extend([number()]),
                _ => panic!("{line}"),
            }
        }
        said
    }

    /// What it acknowledged it could read, however it ended.
    fn check_reads(&self, what: &str) {
        if !self.refused.is_empty() {
            let says_why = |refusal: &String| refusal.contains("takes nothing more") || refusal.contains("closed");
            assert!(self.refused.iter().all(says_why), "{what}: {:?}", self.refused);
            for (host, sequence) in &self.acknowledged {
                assert!(self.read.get(host) >= Some(sequence), "{what}: {host} {sequence}: {:?}", self.read);
            }
        }
    }
}

/// How a case ended, in numbers.
#[derive(Debug, Default)]
struct Counts {
    tried: u64,
    refused: u64,
    went_on: u64,
    not_opened: u64,
    acknowledged: u64,
}

impl Counts {
    fn count(&mut self, said: &Said) {
        self.tried += 1;
        self.acknowledged += said.acknowledged.values().sum::<u64>();
        match said {
            Said { opened: false, .. } => self.not_opened += 1,
            Said { refused, .. } if refused.is_empty() => self.went_on += 1,
            _ => self.refused += 1,
        }
    }
}

fn cases(usual: u64) -> u64 {
    std::env::var("DISK_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn plain(dir: &Path, appends: u64, seed: u64) -> Command {
    let mut command = Command::new(example("log_writer"));
    command.args(arguments(dir, appends, seed, "stated"));
    command
}

/// Fills a disk, tries to go on while it is full, makes room, and looks whether everything is there and can go on.
fn fill(dir: &Path, what: &str, counts: &mut Counts, full: impl Fn(u64) -> Command, make_room: impl FnOnce()) {
    let mut acks = BTreeMap::new();
    for attempt in 0..2 {
        let said = Said::of(&full(attempt));
        said.check_reads(what);
        acks.extend(said.acknowledged.clone());
        counts.count(&said);
    }
    make_room();
    check(dir, &acks, what);
    let said = Said::of(&plain(dir, 20, 5));
    assert!(said.opened && said.refused.is_empty(), "{what}: {said:?}");
    acks.extend(said.acknowledged);
    check(dir, &acks, what);
}

/// A file system in memory, taken away with the value.
struct Mounted(PathBuf);

impl Mounted {
    fn new(at: &Path, kib: u64) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"]).arg(at);
        let mounted = command.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then(|| Self(at.to_owned()))
    }

    fn grow(&self) {
        let mut command = Command::new("mount");
        assert!(command.args(["-o", "remount,size=512m"]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_loses_nothing_acknowledged() {
    let (folder, mut counts) = (Folder::new("full"), Counts::default());
    for level in 0..cases(LEVELS) {
        let at = folder.0.join(format!("disk-{level}"));
        let Some(mounted) = Mounted::new(&at, 1_500 + level % LEVELS * 350 + level / LEVELS * 10) else {
            eprintln!("A FULL FILE SYSTEM WAS NOT TRIED: none can be mounted here");
            return;
        };
        let dir = at.join("log");
        fill(&dir, &format!("level {level}"), &mut counts, |seed| plain(&dir, APPENDS, seed), || mounted.grow());
    }
    println!("{counts:?}");
    assert!(counts.refused >= cases(LEVELS) / 2 && counts.acknowledged > 100, "{counts:?}");
}

/// The same where nothing can be mounted: no file may be longer than so many blocks of 512 bytes.
#[test]
fn a_file_that_cannot_grow_loses_nothing_acknowledged() {
    let (folder, mut counts) = (Folder::new("limit"), Counts::default());
    for level in 0..cases(LEVELS) {
        let dir = folder.0.join(format!("limit-{level}"));
        let blocks = 512 + level % LEVELS * 200 + level / LEVELS * 7;
        let limited = |seed| {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
            command.arg(example("log_writer")).args(arguments(&dir, APPENDS, seed, "stated"));
            command
        };
        fill(&dir, &format!("{blocks} blocks"), &mut counts, limited, || ());
    }
    println!("{counts:?}");
    assert!(counts.refused >= cases(LEVELS) / 2 && counts.acknowledged > 100, "{counts:?}");
}

/// Calls that fail, with what, and how many of them a writer makes about.
const FAULTS: [(&str, &str, u64); 8] = [
    ("pwrite64", "EIO", 300),
    ("pwrite64", "ENOSPC", 300),
    ("fdatasync", "EIO", 120),
    ("fsync", "EIO", 60),
    ("sync_file_range", "EIO", 200),
    ("pread64", "EIO", 60),
    ("read", "EIO", 60),
    ("openat", "ENOSPC", 120),
];

/// A call that fails: which one, with what, and of which seed the writer is.
struct Failing {
    call: &'static str,
    inject: String,
    seed: u64,
}

/// What strace is to stop at: only the calls that are meant, where it can have the kernel choose them, which takes half as
/// long.
fn traced(strace: &str) -> &'static [&'static str] {
    let mut chosen = Command::new(strace);
    chosen.args(["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "true"]);
    let can = chosen.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if can { &["-f", "--seccomp-bpf"] } else { &["-f"] }
}

impl Failing {
    fn check(&self, strace: &str, traced: &[&str], counts: &mut Counts) {
        let Self { call, inject, seed } = self;
        let folder = Folder::new("failing");
        let mut command = Command::new(strace);
        command.args(traced).args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", inject]);
        let writer: Vec<OsString> = arguments(&folder.log(), 100, *seed, "stated");
        // What the dynamic linker reads isn't meant.
        command.arg(example("log_writer")).args(writer);
        let said = Said::of(&command);
        // A disk that can't be read is read no more.
        if !matches!(*call, "pread64" | "read" | "openat") {
            said.check_reads(inject);
        }
        counts.count(&said);
        let again = Said::of(&plain(&folder.log(), 5, 3));
        assert!(again.opened && again.refused.is_empty(), "{inject}: {again:?}");
        let mut acks = said.acknowledged;
        acks.extend(again.acknowledged);
        check(&folder.log(), &acks, inject);
        let verified = Logs::audit(&folder.log(), &|_, _| ()).unwrap();
        assert!(verified.faults.is_empty(), "{inject}: {:?}", verified.faults);
    }
}

#[test]
fn a_failing_disk_loses_nothing_acknowledged() {
    let Some(strace) = strace() else {
        eprintln!("A FAILING DISK WAS NOT TRIED: there is no strace on this machine");
        return;
    };
    let (mut random, traced) = (Random::new("failing"), traced(strace));
    for (call, error, calls) in FAULTS {
        let mut counts = Counts::default();
        for case in 0..cases(CASES) {
            // Once, so that a second try would succeed, or from then on.
            let when = format!("{}{}", 1 + random.below(calls), if case.is_multiple_of(2) { "" } else { "+" });
            let inject = format!("inject={call}:error={error}:when={when}");
            Failing { call, inject, seed: random.below(u64::MAX) }.check(strace, traced, &mut counts);
        }
        println!("{call} {error}: {counts:?}");
    }
}
