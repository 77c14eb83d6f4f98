//! Goal: a power cut at any moment loses nothing that was acknowledged. A kill can't show that, since what wasn't synced
//! is still in the kernel. Method: trace the system calls of `log_writer` with their bytes, and build the disk as it may be
//! found after a cut between any two of them: what was synced is there; of the rest nothing, all, or each sector as it was at
//! some moment and any beginning of what happened to the names in a folder. Then open it, and compare with what was acknowledged by then.
//! A disk that ignores syncs, a log that makes none, and both wrong orders of a commit have to be caught.
//!
//! `POWER_CUTS=n` makes n cuts of each kind instead of a few; `LOG_TEST_SEED` repeats those of a test.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use runtime::log::Logs;

use crate::crashes::{arguments, check_opened};
use crate::support::*;

/// What a disk writes whole.
const SECTOR: usize = 512;
/// Cuts of each kind in a usual run.
const CUTS: u64 = 20;
const CALLS: &str = "trace=openat,pwrite64,write,fdatasync,fsync,ftruncate,rename,unlink,unlinkat,mkdir";

/// What a cut leaves of that which wasn't synced.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leaves {
    Nothing,
    Everything,
    Anything,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    Folder,
    File(usize),
}

/// A change of names in a folder.
#[derive(Clone, Debug)]
enum Naming {
    Link(PathBuf, Node),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl Naming {
    fn folder(&self) -> &Path {
        let (Self::Link(path, _) | Self::Unlink(path) | Self::Rename(path, _)) = self;
        path.parent().unwrap()
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Link(path, node) => drop(names.insert(path.clone(), *node)),
            Self::Unlink(path) => drop(names.remove(path)),
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

/// A change of a file that isn't synced.
#[derive(Clone, Debug)]
struct Change {
    call: usize,
    at: usize,
    /// None cuts the file off there.
    bytes: Option<Vec<u8>>,
    /// Whether the call has returned: a sync that begins before that says nothing of it.
    done: bool,
}

#[derive(Clone, Debug, Default)]
struct File {
    durable: Vec<u8>,
    changes: Vec<Change>,
    /// How long it is for who reads it.
    length: usize,
}

fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    content.resize(content.len().max(at + bytes.len()), 0);
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

impl File {
    fn sync(&mut self, covered: &[usize]) {
        for change in self.changes.extract_if(.., |change| covered.contains(&change.call)) {
            match &change.bytes {
                Some(bytes) => write(&mut self.durable, change.at, bytes),
                None => self.durable.truncate(change.at),
            }
        }
    }

    /// What a cut leaves. The kernel writes a sector as it is at some moment: with the changes of it up to one, and none
    /// after that.
    fn left(&self, leaves: Leaves, random: &mut Random) -> Vec<u8> {
        let mut content = self.durable.clone();
        if leaves == Leaves::Nothing {
            return content;
        }
        let mut stopped = BTreeSet::new();
        for change in &self.changes {
            let Some(bytes) = &change.bytes else {
                content.truncate(change.at);
                continue;
            };
            let mut at = change.at;
            while at < change.at + bytes.len() {
                let end = (at - at % SECTOR + SECTOR).min(change.at + bytes.len());
                if leaves == Leaves::Anything && random.below(3) == 0 {
                    stopped.insert(at / SECTOR);
                }
                if !stopped.contains(&(at / SECTOR)) {
                    write(&mut content, at, &bytes[at - change.at..end - change.at]);
                }
                at = end;
            }
        }
        content
    }
}

/// The disk, and the kernel before it.
#[derive(Clone, Default)]
struct Machine {
    files: Vec<File>,
    names: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    namings: Vec<Naming>,
    /// Where plain writes to an open file go.
    positions: BTreeMap<u64, usize>,
    /// What each sync that has begun covers.
    covered: BTreeMap<usize, Vec<usize>>,
    acks: BTreeMap<String, u64>,
    /// Whether the disk says that it has synced, and hasn't.
    lies: bool,
}

impl Machine {
    fn file(&mut self, path: &Path) -> Option<&mut File> {
        match self.names.get(path) {
            Some(Node::File(number)) => self.files.get_mut(*number),
            _ => None,
        }
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.namings.push(naming);
    }

    /// What a call does as soon as it has begun.
    fn begin(&mut self, number: usize, call: &Call) {
        match call.name.as_str() {
            "openat" => self.open(call),
            "mkdir" => self.name(Naming::Link(call.path(0), Node::Folder)),
            "rename" => self.name(Naming::Rename(call.path(0), call.path(1))),
            "unlink" | "unlinkat" => self.name(Naming::Unlink(call.path(0))),
            "write" if call.texts[0].starts_with(b"ack ") => {
                let text = String::from_utf8(call.texts[0].clone()).unwrap();
                let mut words = text.split_whitespace().skip(1);
                let last = self.acks.entry(words.next().unwrap().to_owned()).or_default();
                *last = words.next().unwrap().parse::<u64>().unwrap().max(*last);
            }
            "write" => {
                let at = self.positions.entry(call.fd).or_default();
                let begins = *at;
                *at += call.texts[0].len();
                self.change(number, call, begins, Some(call.texts[0].clone()));
            }
            "pwrite64" => self.change(number, call, call.last_number, Some(call.texts[0].clone())),
            "ftruncate" => self.change(number, call, call.last_number, None),
            _ => {
                let done = self
                    .file(&call.of)
                    .map(|file| file.changes.iter().filter(|change| change.done).map(|change| change.call).collect());
                self.covered.insert(number, done.unwrap_or_default());
            }
        }
    }

    fn open(&mut self, call: &Call) {
        let path = call.path(0);
        self.positions.insert(call.result, 0);
        if call.text.contains("O_CREAT") && !self.names.contains_key(&path) {
            self.files.push(File::default());
            self.name(Naming::Link(path.clone(), Node::File(self.files.len() - 1)));
        }
        assert!(!call.text.contains("O_APPEND"), "where it writes isn't in the trace: {}", call.text);
        if call.text.contains("O_TRUNC") {
            let file = self.file(&path).unwrap();
            assert_eq!(file.length, 0, "{path:?} is written again from its beginning");
        }
    }

    fn change(&mut self, number: usize, call: &Call, at: usize, bytes: Option<Vec<u8>>) {
        let Some(file) = self.file(&call.of) else { return };
        file.length = bytes.as_ref().map_or(at, |bytes| file.length.max(at + bytes.len()));
        file.changes.push(Change { call: number, at, bytes, done: false });
    }

    /// What it has done when it returns.
    fn end(&mut self, number: usize, call: &Call) {
        if let Some(covered) = self.covered.remove(&number) {
            if self.lies {
                return;
            }
            if let Some(file) = self.file(&call.of) {
                file.sync(&covered);
            } else {
                for naming in self.namings.extract_if(.., |naming| naming.folder() == call.of) {
                    naming.apply(&mut self.durable);
                }
            }
        } else if let Some(file) = self.file(&call.of) {
            let own = file.changes.iter_mut().filter(|change| change.call == number);
            own.for_each(|change| change.done = true);
        }
    }

    /// Lays what a cut leaves of a folder into another one.
    fn cut(&self, of: &Path, leaves: Leaves, random: &mut Random, to: &Path) {
        let mut names = self.durable.clone();
        let mut stopped = Vec::new();
        for naming in &self.namings {
            let folder = naming.folder().to_owned();
            let survives = match leaves {
                Leaves::Nothing => false,
                Leaves::Everything => true,
                // A journal keeps the order of what happened in a folder.
                Leaves::Anything => !stopped.contains(&folder) && random.below(3) > 0,
            };
            if survives {
                naming.apply(&mut names);
            } else {
                stopped.push(folder);
            }
        }
        std::fs::create_dir_all(to).unwrap();
        for (path, node) in names {
            let Ok(below) = path.strip_prefix(of) else { continue };
            let target = to.join(below);
            // A name in a folder that isn't there is lost with it.
            if target.parent().is_some_and(Path::is_dir) {
                match node {
                    Node::Folder => drop(std::fs::create_dir(&target)),
                    Node::File(number) => {
                        std::fs::write(&target, self.files[number].left(leaves, random)).unwrap();
                    }
                }
            }
        }
    }
}

/// A system call.
#[derive(Debug, Default)]
struct Call {
    name: String,
    text: String,
    /// The descriptor it is about, and what that stands for; of a call that opens, what it gives.
    fd: u64,
    of: PathBuf,
    texts: Vec<Vec<u8>>,
    /// An offset or a length, where it ends with one.
    last_number: usize,
    result: u64,
}

impl Call {
    /// Reads one; none for a call that failed.
    fn read(text: &str) -> Option<Self> {
        let (arguments, result) = text.rsplit_once(") ")?;
        let result = result.trim_start().trim_start_matches('=').trim();
        let (name, arguments) = arguments.split_once('(')?;
        let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
        let of = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path);
        let quoted = arguments.split('"').skip(1).step_by(2);
        let (name, text) = (name.to_owned(), text.to_owned());
        Some(Self {
            name,
            text,
            fd: number(arguments).unwrap_or_default(),
            of: PathBuf::from(String::from_utf8(bytes(of)).unwrap()),
            texts: quoted.map(bytes).collect(),
            last_number: arguments.rsplit(", ").next().and_then(|last| last.parse().ok()).unwrap_or_default(),
            result: number(result)?,
        })
    }

    /// A path that it names; one that isn't absolute begins where its first descriptor is.
    fn path(&self, at: usize) -> PathBuf {
        self.of.join(String::from_utf8(self.texts[at].clone()).unwrap())
    }
}

/// Bytes as strace writes them with `-xx`.
fn bytes(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

/// The beginnings (true) and ends of every call that succeeded, in order.
fn moments(trace: &str) -> (Vec<Call>, Vec<(usize, bool)>) {
    let (mut texts, mut open) = (Vec::<String>::new(), BTreeMap::<&str, usize>::new());
    let mut moments = Vec::new();
    for line in trace.lines() {
        let Some((thread, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some((_, rest)) = text.strip_prefix("<... ").and_then(|text| text.split_once(" resumed>")) {
            let Some(number) = open.remove(thread) else { continue };
            texts[number].push_str(rest);
            moments.push((number, false));
        } else if let Some(begun) = text.strip_suffix(" <unfinished ...>") {
            open.insert(thread, texts.len());
            moments.push((texts.len(), true));
            texts.push(begun.to_owned());
        } else if text.contains('(') {
            moments.extend([(texts.len(), true), (texts.len(), false)]);
            texts.push(text.to_owned());
        }
    }
    let calls: Vec<Option<Call>> = texts.iter().map(|text| Call::read(text)).collect();
    moments.retain(|(number, _)| calls[*number].is_some());
    (calls.into_iter().map(Option::unwrap_or_default).collect(), moments)
}

/// Traces `log_writer` on an empty folder; none where there is no strace.
fn traced(folder: &Folder, order: &str, seed: u64) -> Option<String> {
    let Some(strace) = strace() else {
        eprintln!("POWER CUTS WERE NOT TRIED: there is no strace on this machine");
        return None;
    };
    let out = folder.0.join("trace");
    let status = Command::new(strace)
        .args(["-f", "-y", "-xx", "-qq", "-s", "100000000", "-e", CALLS, "-o"])
        .arg(&out)
        .arg(example("log_writer"))
        .args(arguments(&folder.log(), 60, seed, order))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    Some(std::fs::read_to_string(out).unwrap())
}

/// Cuts the power again and again, at some moments of some calls; gives the number of cuts, and of those after which
/// something was missing that was acknowledged.
fn cuts(name: &str, order: &str, lies: bool, kinds: &[Leaves], within: fn(&Call) -> bool) -> Option<(u64, u64)> {
    let (folder, mut random) = (Folder::new(name), Random::new(name));
    let trace = traced(&folder, order, random.below(u64::MAX))?;
    let (calls, moments) = moments(&trace);
    let each = std::env::var("POWER_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(CUTS);
    let places: Vec<usize> = (0..moments.len()).filter(|at| within(&calls[moments[*at].0])).collect();
    let mut wanted = BTreeMap::<usize, Vec<Leaves>>::new();
    for leaves in kinds {
        let place = |random: &mut Random| places[usize::try_from(random.below(places.len() as u64)).unwrap()];
        (0..each).for_each(|_| wanted.entry(place(&mut random)).or_default().push(*leaves));
    }
    let mut machine = Machine { lies, ..Machine::default() };
    machine.names.insert(folder.0.clone(), Node::Folder);
    machine.durable.clone_from(&machine.names);
    let (mut tried, mut lost): (u64, u64) = (0, 0);
    for (at, (number, begins)) in moments.into_iter().enumerate() {
        for leaves in wanted.remove(&at).unwrap_or_default() {
            let left = folder.0.join("left");
            machine.cut(&folder.log(), leaves, &mut random, &left);
            let what = format!("{name}: a cut before call {number} that leaves {leaves:?}");
            let opened = || {
                check_opened(&left, &machine.acks, &what);
                let verified = Logs::verify(&left).unwrap_or_else(|error| panic!("{what}: could not {error}"));
                assert!(verified.faults.is_empty(), "{what}: {:?}", verified.faults);
            };
            let outcome = catch_unwind(AssertUnwindSafe(opened));
            tried += 1;
            lost += u64::from(outcome.is_err());
            drop(std::fs::remove_dir_all(&left));
        }
        if begins { machine.begin(number, &calls[number]) } else { machine.end(number, &calls[number]) }
    }
    assert!(machine.acks.values().sum::<u64>() > 100, "{:?}", machine.acks);
    println!("{name}: {tried} cuts, something was missing after {lost}");
    Some((tried, lost))
}

const KINDS: [Leaves; 3] = [Leaves::Nothing, Leaves::Everything, Leaves::Anything];

#[test]
fn a_power_cut_at_any_moment_loses_nothing_acknowledged() {
    let Some((tried, lost)) = cuts("cut", "stated", false, &KINDS, |_| true) else { return };
    assert!(tried >= 60 && lost == 0, "{lost} of {tried}");
}

/// Goal: the test above sees what it is there for.
#[test]
fn a_disk_that_lies_and_the_wrong_orders_are_caught() {
    for (order, lies) in
        [("stated", true), ("no-sync", false), ("anchor-before-sync", false), ("answer-before-sync", false)]
    {
        let name = format!("{order}-{lies}");
        // The moments at which a wrong order shows are those before the sync that comes too late.
        let found = cuts(&name, order, lies, &[Leaves::Nothing], |call| call.name == "fdatasync");
        let Some((_, lost)) = found else { return };
        assert!(lost > 0, "{order} wasn't caught");
    }
}
