//! Goal: what a real file system has on its disk at any moment is enough for everything that was acknowledged by then.
//! Method: `log_writer` on a file system in an image; again and again the image is held still, in the middle of whatever
//! is being written and synced, and copied. A copy is what a power cut would have left: what the kernel hadn't written yet
//! isn't in it. It is mounted, which replays its journal, and compared with what is acknowledged by then. What the kernel
//! chooses not to write is up to chance here; `power` chooses the worst of it.
//!
//! `POWER_IMAGES=n` writes n logs instead of a few; `LOG_TEST_SEED` repeats seeds, but not moments.

use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use runtime::log::Logs;

use crate::crashes::{arguments, check};
use crate::support::*;

/// Logs of a usual run, and how often the power of each is cut.
const LOGS: u64 = 2;
const CUTS: u64 = 5;
/// Milliseconds between two cuts, at most.
const APART: u64 = 200;
/// Logs that are written until one that doesn't sync is caught. What the kernel writes by itself, and how soon, depends
/// on what else the machine does.
const LOGS_UNTIL_CAUGHT: u64 = 12;
/// The image with the log, and the file system that the image is on, in bytes.
const INNER: u64 = 64 << 20;
const OUTER: u64 = 160 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

fn done(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A file system in a file, taken away with the value.
struct Mounted(PathBuf);

impl Mounted {
    /// A new one; none where this may not be done.
    fn new(image: &Path, bytes: u64, at: PathBuf) -> Option<Self> {
        File::create(image).unwrap().set_len(bytes).unwrap();
        let made = done(Command::new("mkfs.ext4").args(["-q", "-F", "-E", "nodiscard"]).arg(image));
        if made { Self::of(image, at) } else { None }
    }

    fn of(image: &Path, at: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        done(Command::new("mount").args(["-o", "loop"]).arg(image).arg(&at)).then_some(Self(at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if !done(Command::new("umount").arg(&self.0)) {
            done(Command::new("umount").arg("-l").arg(&self.0));
        }
    }
}

/// A file system to which nothing is written for as long as the value is there; who writes waits.
struct Frozen<'a>(&'a Path);

impl<'a> Frozen<'a> {
    fn new(at: &'a Path) -> Option<Self> {
        done(Command::new("fsfreeze").arg("-f").arg(at)).then_some(Self(at))
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        assert!(done(Command::new("fsfreeze").arg("-u").arg(self.0)), "{:?} goes on", self.0);
    }
}

/// A writer, ended with the value.
struct Writer {
    child: Child,
    says: PathBuf,
}

impl Writer {
    fn new(log: &Path, says: PathBuf, seed: u64, planted: &str) -> Self {
        let mut command = Command::new(example("log_writer"));
        command.args(arguments(log, 0, seed, planted)).stdin(Stdio::null()).stdout(File::create(&says).unwrap());
        Self { child: command.spawn().unwrap(), says }
    }

    /// What it has acknowledged by now, in whole lines.
    fn acknowledged(&self) -> BTreeMap<String, u64> {
        let said = std::fs::read_to_string(&self.says).unwrap();
        let whole = said.rfind('\n').map_or("", |end| &said[..end]);
        let ack = |line: &str| {
            let (host, sequence) = line.strip_prefix("ack ")?.split_once(' ')?;
            Some((host.to_owned(), sequence.parse().unwrap()))
        };
        whole.lines().filter_map(ack).collect()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Writes logs and cuts their power, until something is missing if that is enough; gives the number of cuts, of those
/// after which something was missing that was acknowledged, and what was acknowledged. None where file systems can't be
/// made, mounted and held still.
fn cuts(name: &str, planted: &str, logs: u64, is_one_enough: bool) -> Option<(u64, u64, u64)> {
    let mut random = Random::new(name);
    let (mut tried, mut lost, mut acknowledged) = (0, 0, 0);
    for log in 0..logs {
        let folder = Folder::new(name);
        let outer = Mounted::new(&folder.0.join("outer.image"), OUTER, folder.0.join("outer"))?;
        let image = outer.0.join("inner.image");
        let inner = Mounted::new(&image, INNER, folder.0.join("inner"))?;
        let writer = Writer::new(&inner.0.join("log"), folder.0.join("said"), random.below(u64::MAX), planted);
        let begun = Instant::now();
        while writer.acknowledged().is_empty() {
            assert!(begun.elapsed() < PATIENCE, "nothing is acknowledged");
            std::thread::sleep(Duration::from_millis(5));
        }
        for cut in 0..CUTS {
            std::thread::sleep(Duration::from_micros(random.below(APART * 1_000)));
            let left = folder.0.join("left.image");
            let frozen = Frozen::new(&outer.0)?;
            // Nothing reaches the disk any more, so nothing may be acknowledged but what is on it.
            let acks = writer.acknowledged();
            let is_copied = done(Command::new("cp").arg("--sparse=always").arg(&image).arg(&left));
            drop(frozen);
            assert!(is_copied, "{left:?} is copied");
            let disk = Mounted::of(&left, folder.0.join("left"))?;
            let what = format!("{name}: log {log}, cut {cut}");
            let outcome = catch_unwind(AssertUnwindSafe(|| compare(&disk.0.join("log"), &acks, &what)));
            tried += 1;
            lost += u64::from(outcome.is_err());
            acknowledged += acks.values().sum::<u64>();
        }
        if is_one_enough && lost > 0 {
            break;
        }
    }
    println!("{name}: {tried} cuts, something was missing after {lost}, {acknowledged} were acknowledged");
    Some((tried, lost, acknowledged))
}

fn compare(log: &Path, acks: &BTreeMap<String, u64>, what: &str) {
    check(log, acks, what);
    let audited = Logs::audit(log, &|_, _| ()).unwrap();
    assert!(audited.faults.is_empty(), "{what}: {:?}", audited.faults);
}

const UNTRIED: &str = "IMAGES OF A DISK WERE NOT TRIED: file systems can't be made, mounted and frozen here";

#[test]
fn an_image_of_the_disk_at_any_moment_has_what_was_acknowledged() {
    let logs = std::env::var("POWER_IMAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(LOGS);
    let Some((tried, lost, acknowledged)) = cuts("images", "stated", logs, false) else {
        eprintln!("{UNTRIED}");
        return;
    };
    assert!(tried == logs * CUTS && lost == 0 && acknowledged > 100, "{lost} of {tried}, {acknowledged}");
}

/// Goal: the test above sees what it is there for.
#[test]
fn images_show_that_nothing_is_synced() {
    let Some((_, lost, _)) = cuts("images-no-sync", "no-sync", LOGS_UNTIL_CAUGHT, true) else {
        eprintln!("{UNTRIED}");
        return;
    };
    assert!(lost > 0, "a log that doesn't sync wasn't caught");
}
