//! Goal: whatever happens to a file while nobody works on the directory is noticed, at open or by the full walk, or changes
//! nothing that can be asked. Method: damage one file of a copy in one way, go through it, open and read it, and compare all
//! of that with the whole one. Where the anchor isn't kept, the same cases must leave something unnoticed.
//!
//! `CASES=n` makes n cases instead of a few; `LOG_TEST_SEED` and `CASE` repeat one.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ledger::{EventId, Hash, HostId};
use runtime::log::{Entry, Header, LogError, LogSettings, Logs, Mark, NewEntry, Planted};

use crate::support::*;

/// How often each kind of file is damaged in each way in a usual run.
const TIMES: u64 = 2;
const HOSTS: [HostId; 3] = [CATALOG, VALIDATION, APPROVAL];
const PAGE: usize = 4096;
const SLOT_BYTES: usize = 64 * 1024;
/// Where a frame has the hash of its payload, and its check.
const PAYLOAD_HASH: std::ops::Range<usize> = 61..93;
const CHECKED: usize = 113;

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Anchor,
    Database,
    /// What sled keeps beside it.
    Settings,
    Sealed,
    Open,
    /// Not one file but all of the database.
    Generation,
    /// Everything but the anchor.
    AllButAnchor,
}

const FILES: [Of; 7] = [Of::Anchor, Of::Database, Of::Settings, Of::Sealed, Of::Open, Of::Generation, Of::AllButAnchor];

/// How.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Flipped,
    Zeroed,
    CutOff,
    Swapped,
    Older,
    /// A record says something else, and every checksum that covers it alone is made again.
    Edited,
}

const WAYS: [Way; 6] = [Way::Flipped, Way::Zeroed, Way::CutOff, Way::Swapped, Way::Older, Way::Edited];

/// Who noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Noticed {
    AtOpen,
    ByVerify,
    WhileRead,
    /// It is told of, and everything is there.
    TolerableAndTold,
    /// Nothing is told and nothing is different.
    Harmless,
    /// Something is different, and nothing is told.
    Not,
}

/// Everything that can be asked of a log.
#[derive(Debug, Default, PartialEq)]
struct Content {
    entries: BTreeMap<HostId, Vec<Entry>>,
    heads: BTreeMap<HostId, (u64, Hash)>,
    heard: Vec<(u64, Hash)>,
    marks: Vec<u64>,
    ids: Vec<Option<u64>>,
}

/// A ledger at rest, as it was before, and another one.
struct Ledgers {
    folder: Folder,
    content: Content,
    ids: Vec<EventId>,
}

impl Ledgers {
    fn new(name: &str, planted: Planted) -> Self {
        let folder = Folder::new(name);
        let mut ledgers = Self { folder, content: Content::default(), ids: Vec::new() };
        let (whole, other) = (ledgers.path("whole"), ledgers.path("other"));
        for (dir, name) in [(&whole, "one"), (&other, "other")] {
            session(dir, name, 0..30, LogSettings { planted, ..settings(48 << 10) });
            session(dir, name, 30..40, LogSettings { planted, ..LogSettings::default() });
            if *dir == whole {
                copy(dir, &ledgers.path("older"));
            }
            session(dir, name, 40..50, LogSettings { planted, ..LogSettings::default() });
        }
        ledgers.ids = (0..50).flat_map(|round| HOSTS.map(|host| id(&text("one", host, round)))).collect();
        let copied = ledgers.path("copied");
        copy(&whole, &copied);
        let content = content(&copied, &ledgers.ids).unwrap();
        std::fs::remove_dir_all(copied).unwrap();
        assert!(content.entries.values().all(|entries| entries.len() == 150));
        assert_eq!(content.ids.iter().flatten().count(), 150);
        Self { content, ..ledgers }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    /// The files of a kind below a folder.
    fn files(dir: &Path, of: Of) -> Vec<PathBuf> {
        let is_meant = |path: &PathBuf| {
            let name = path.strip_prefix(dir).unwrap().to_string_lossy().into_owned();
            match of {
                Of::Anchor => name == "anchor",
                Of::Database => name.starts_with("live-") && name.ends_with("/db"),
                Of::Settings => name.starts_with("live-") && !name.ends_with("/db"),
                Of::Sealed => name.ends_with(".seg"),
                Of::Open => name.ends_with(".open"),
                Of::Generation => name.starts_with("live-"),
                Of::AllButAnchor => name.starts_with("live-") || name.starts_with("segments"),
            }
        };
        snapshot(dir).into_iter().map(|(path, _)| path).filter(is_meant).collect()
    }

    /// Damages one thing of a copy; none where that changes no byte.
    fn damage(&self, copied: &Path, of: Of, way: Way, random: &mut Random) -> Option<String> {
        match (of, way) {
            (Of::Generation | Of::AllButAnchor, Way::Swapped | Way::Older) => {
                let from = self.path(if way == Way::Older { "older" } else { "other" });
                Self::files(copied, of).iter().for_each(|path| std::fs::remove_file(path).unwrap());
                for path in Self::files(&from, of) {
                    let target = copied.join(path.strip_prefix(&from).unwrap());
                    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
                    std::fs::copy(path, target).unwrap();
                }
                Some(format!("{of:?}"))
            }
            (Of::Generation | Of::AllButAnchor, _) => None,
            (Of::Database, Way::Edited) => Some(edit_database(copied, random)),
            _ => self.damage_file(copied, of, way, random),
        }
    }

    fn damage_file(&self, copied: &Path, of: Of, way: Way, random: &mut Random) -> Option<String> {
        let files = Self::files(copied, of);
        let path = one_of(&files, random);
        let below = path.strip_prefix(copied).unwrap();
        let before = std::fs::read(path).unwrap();
        let mut bytes = before.clone();
        match way {
            Way::Flipped => bytes[place(&before, random)] ^= 1 << random.below(8),
            Way::Zeroed => {
                let page = place(&before, random) / PAGE * PAGE;
                let end = (page + PAGE).min(bytes.len());
                bytes[page..end].fill(0);
            }
            Way::CutOff => bytes.truncate(place(&before, random)),
            Way::Swapped => {
                let others = [files.clone(), Self::files(&self.path("other"), of)].concat();
                bytes = std::fs::read(one_of(&others, random)).unwrap();
            }
            Way::Older => bytes = std::fs::read(self.path("older").join(below)).unwrap_or(before.clone()),
            Way::Edited => edit(&mut bytes, of, random),
        }
        std::fs::write(path, &bytes).unwrap();
        (bytes != before).then(|| below.display().to_string())
    }

    fn judge(&self, copied: &Path) -> Noticed {
        let untouched = snapshot(copied);
        let verified = Logs::audit(copied, &|_, _| ());
        let (fault, told) = match &verified {
            Ok(report) => (!report.faults.is_empty(), !report.notes.is_empty()),
            Err(_) => (true, true),
        };
        assert!(untouched == snapshot(copied), "verifying changes something");
        let torn = match Logs::open(copied, &HOSTS, LogSettings::default()) {
            Ok(logs) => logs.open_report().torn_slot.is_some(),
            Err(_) => return Noticed::AtOpen,
        };
        match content(copied, &self.ids) {
            _ if fault => Noticed::ByVerify,
            Err(_) => Noticed::WhileRead,
            Ok(content) if content != self.content => Noticed::Not,
            Ok(_) if told || torn => Noticed::TolerableAndTold,
            Ok(_) => Noticed::Harmless,
        }
    }
}

fn below_of(end: usize, random: &mut Random) -> usize {
    usize::try_from(random.below(end as u64)).unwrap()
}

fn one_of<'a, T>(list: &'a [T], random: &mut Random) -> &'a T {
    &list[below_of(list.len(), random)]
}

/// Any place, or more often one that isn't blank: the anchor is mostly reserve and the database mostly its unused end.
fn place(bytes: &[u8], random: &mut Random) -> usize {
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    if random.below(4) == 0 || used.is_empty() { below_of(bytes.len(), random) } else { *one_of(&used, random) }
}

fn text(name: &str, host: HostId, round: u64) -> String {
    format!("{name} {host} {round} ")
}

/// Every host writes in every round, and hears the others: some facts with what they say and some without.
fn session(dir: &Path, name: &str, rounds: std::ops::Range<u64>, settings: LogSettings) {
    let logs = Logs::open(dir, &HOSTS, settings).unwrap();
    let mut writers = HOSTS.map(|host| logs.writer(host).unwrap());
    for round in rounds {
        let mut said = Vec::<(Header, Vec<u8>)>::new();
        for writer in &mut writers {
            let NewEntry::Own { id, payload } = own(&text(name, writer.host(), round), 300) else {
                panic!("an own one")
            };
            let marks = [(Mark::Reacted, writer.position()), (Mark::Published, writer.head().0)];
            let entry = NewEntry::Own { id, payload: payload.clone() };
            let appended = writer.append_and_mark(vec![entry], &marks).unwrap();
            said.push((appended.headers[0], payload));
            appended.ticket.wait().unwrap();
        }
        for writer in &mut writers {
            let heard = said.iter().filter(|(header, _)| header.host != writer.host()).map(|(header, payload)| {
                let payload = (!(round + header.host.service as u64).is_multiple_of(3)).then(|| payload.clone());
                NewEntry::Heard { header: *header, payload }
            });
            writer.append(heard.collect()).unwrap().ticket.wait().unwrap();
        }
    }
    drop(writers);
    logs.close();
}

fn content(dir: &Path, ids: &[EventId]) -> Result<Content, LogError> {
    let logs = Logs::open(dir, &HOSTS, LogSettings::default())?;
    let mut content = Content::default();
    for host in logs.hosts() {
        let reader = logs.reader(host)?;
        content.heads.insert(host, reader.head()?);
        content.entries.insert(host, reader.entries(1).collect::<Result<_, _>>()?);
        for emitter in HOSTS {
            content.heard.push(reader.heard(emitter)?);
        }
        for mark in Mark::ALL {
            content.marks.push(reader.mark(mark)?);
        }
        for id in ids {
            content.ids.push(reader.find(*id)?);
        }
    }
    Ok(content)
}

/// Changes one record of a file, and makes the checksums again that don't need the rest of the log.
fn edit(bytes: &mut [u8], of: Of, random: &mut Random) {
    match of {
        Of::Anchor => {
            let newest = usize::from(bytes[12..20] < bytes[SLOT_BYTES + 12..SLOT_BYTES + 20]);
            let slot = &mut bytes[newest * SLOT_BYTES..];
            let end = 12 + usize::try_from(u32::from_le_bytes(slot[8..12].try_into().unwrap())).unwrap();
            // Behind counter, epoch and generations: what a host must have.
            slot[40 + below_of(end - 40, random)] ^= 1 << random.below(8);
            let hash = Hash::of(&slot[..end]);
            slot[end..end + 32].copy_from_slice(&hash.0);
        }
        Of::Sealed => {
            let hashes = bytes.len() - 80;
            let length = u64::from_le_bytes(bytes[bytes.len() - 16..][..8].try_into().unwrap());
            let footer = bytes.len() - usize::try_from(length).unwrap();
            edit_frame_in(&mut bytes[..footer], random);
            let body = Hash::of(&bytes[..footer]);
            bytes[hashes..hashes + 32].copy_from_slice(&body.0);
            let end = Hash::of(&bytes[footer..hashes + 32]);
            bytes[hashes + 32..hashes + 64].copy_from_slice(&end.0);
        }
        Of::Open => edit_frame_in(bytes, random),
        _ => bytes[0] ^= 1,
    }
}

fn edit_frame_in(bytes: &mut [u8], random: &mut Random) {
    let (mut frames, mut at) = (Vec::new(), 16);
    while at < bytes.len() {
        let length = usize::try_from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap();
        frames.push(at + 4..at + 4 + length);
        at += 4 + length;
    }
    edit_frame(&mut bytes[one_of(&frames, random).clone()]);
}

/// Another payload, or of a fact without one another hash of it, with a check that fits.
fn edit_frame(frame: &mut [u8]) {
    let (head, payload) = frame.split_at_mut(121);
    if let Some(last) = payload.last_mut() {
        *last ^= 1;
        head[PAYLOAD_HASH].copy_from_slice(&Hash::of(payload).0);
    } else {
        head[PAYLOAD_HASH.start] ^= 1;
    }
    let check = Hash::of(&head[..CHECKED]);
    head[CHECKED..].copy_from_slice(&check.0[..8]);
}

/// The database itself takes the changed record, so that all of its checksums fit.
fn edit_database(dir: &Path, random: &mut Random) -> String {
    let database = Ledgers::files(dir, Of::Database).remove(0);
    let config = sled::Config::new().path(database.parent().unwrap()).mode(sled::Mode::LowSpace);
    let opened = config.segment_size(8 << 20).flush_every_ms(None).open().unwrap();
    let host = *one_of(&HOSTS, random);
    let tree = opened.open_tree(host.to_string()).unwrap();
    let frames: Vec<_> = tree.scan_prefix(b"e").map(Result::unwrap).collect();
    let (key, frame) = one_of(&frames, random);
    let mut frame = frame.to_vec();
    edit_frame(&mut frame);
    tree.insert(key, frame).unwrap();
    opened.flush().unwrap();
    format!("the record {:?} of {host} in the database", &key[1..])
}

/// What noticed the cases of some kinds, by kind and way.
fn cases(name: &str, planted: Planted, filter: fn(Of, Way) -> bool) -> BTreeMap<Noticed, u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (ledgers, seed) = (Ledgers::new(name, planted), Random::new(name).below(u64::MAX));
    let kinds: Vec<(Of, Way)> =
        FILES.iter().flat_map(|of| WAYS.map(|way| (*of, way))).filter(|(of, way)| filter(*of, *way)).collect();
    let (mut by_kind, mut sums) = (BTreeMap::<String, BTreeMap<Noticed, u64>>::new(), BTreeMap::new());
    let count = number("CASES").unwrap_or(TIMES * kinds.len() as u64);
    let (first, last) = number("CASE").map_or((0, count), |case| (case, case + 1));
    for case in first..last {
        let (of, way) = kinds[usize::try_from(case).unwrap() % kinds.len()];
        let mut random = Random::seeded(seed ^ (case + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let copied = ledgers.path("damaged");
        copy(&ledgers.path("whole"), &copied);
        if let Some(what) = ledgers.damage(&copied, of, way, &mut random) {
            let noticed = catch_unwind(AssertUnwindSafe(|| ledgers.judge(&copied))).unwrap_or(Noticed::Not);
            if noticed == Noticed::Not {
                println!("{name}: CASE={case} repeats it: {way:?} {what} wasn't noticed");
            }
            *sums.entry(noticed).or_default() += 1;
            *by_kind.entry(format!("{of:?} {way:?}")).or_default().entry(noticed).or_default() += 1;
        }
        std::fs::remove_dir_all(&copied).unwrap();
    }
    by_kind.iter().for_each(|(kind, counts)| println!("{kind:24} {counts:?}"));
    println!("{name}: {} cases, {sums:?}", sums.values().sum::<u64>());
    sums
}

#[test]
fn damage_at_rest_is_noticed_or_changes_nothing() {
    let sums = cases("rest", Planted::Nothing, |_, _| true);
    assert_eq!(sums.get(&Noticed::Not), None);
    assert!(sums[&Noticed::AtOpen] + sums[&Noticed::ByVerify] > sums.values().sum::<u64>() / 2, "{sums:?}");
}

/// Goal: the cases see what the anchor is there for.
#[test]
fn a_ledger_without_an_anchor_is_caught() {
    let sums = cases("no-anchor", Planted::NoAnchor, |of, way| of == Of::AllButAnchor && way == Way::Older);
    assert!(sums.contains_key(&Noticed::Not), "{sums:?}");
}
