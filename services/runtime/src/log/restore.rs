//! A log made from segments alone, sealed and open. What was open is sealed, the live database begins after it, and the
//! epoch is raised, so that what is written from here on is told from what the lost log may have written.
//!
//! The files of a copy end at different moments: a host may have heard what the copy of its neighbour doesn't hold any
//! more. Such an entry and those after it are left out, since the neighbour will write other facts in their place; where
//! it was sealed meanwhile, its segment is opened again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ledger::HostId;

use super::anchor::{self, Anchor, AnchorFile, Head};
use super::archive::{self, Walk, Walked};
use super::chain::Chain;
use super::durable;
use super::error::{LogError, io_error};
use super::frame::Entry;
use super::open::hold;
use super::segment::{self, HEADER_BYTES, Segment};
use super::store::Generation;
use super::tail;
use super::verify::{HostReport, each};
use crate::crash;

/// The database is empty but for the state of every chain.
const CACHE_BYTES: u64 = 8 << 20;
/// What one read of a segment takes.
const READ_BYTES: usize = 1 << 20;
/// Frames that are handed on at once.
const FRAMES_MAX: usize = 256;

/// What was made.
#[derive(Debug)]
pub struct Restored {
    /// The epoch of what will be written.
    pub epoch: u32,
    /// What each host's log holds.
    pub hosts: BTreeMap<HostId, HostReport>,
    /// Entries that were left out at the ends of logs.
    pub left_out: BTreeMap<HostId, u64>,
    /// Whether the source says how far it reaches: then what was left out comes after that.
    pub is_vouched: bool,
    /// Entries up to there that weren't in its segments.
    pub missing: BTreeMap<HostId, u64>,
    /// Hosts that were heard and have no segments here: of other directories, or lost.
    pub absent: BTreeSet<HostId>,
}

/// A host's files as they were read.
struct Held {
    walked: Walked,
    /// Position, writer and sequence of every entry that isn't sealed.
    unsealed: Vec<(u64, HostId, u64)>,
    /// The last position that is kept, and the last own sequence with it.
    keep: (u64, u64),
}

impl Held {
    /// The state with which its sealed part ends.
    fn sealed_end(&self) -> &Chain {
        self.walked.opens.first().map_or(&self.walked.chain, |(_, begin)| begin)
    }
}

pub(crate) fn restore(from: &Path, to: &Path) -> Result<Restored, LogError> {
    if !durable::names(to)?.is_empty() {
        return Err(LogError::Occupied { path: to.to_owned() });
    }
    durable::create_dir(to)?;
    let _lock = hold(to, true)?;
    let mut hosts = archive::hosts(from)?;
    if hosts.is_empty() {
        return Err(LogError::NoSegments { path: from.join("segments") });
    }
    // A host that is vouched for and has no segments has an empty log: nothing rests on what it may have said.
    let vouched = anchor::read(from).ok().flatten().map(|found| found.anchor.heads);
    hosts.extend(vouched.iter().flatten().map(|(host, _)| *host));
    hosts.sort_unstable();
    hosts.dedup();
    durable::create_dir(&to.join("segments"))?;
    let mut logs = BTreeMap::new();
    for (host, outcome) in each(&hosts, |host| copy(from, to, host).and_then(|()| read(to, host))) {
        logs.insert(host, outcome?);
    }
    crash::point("restore.copied");
    keep_what_rests(to, vouched.as_ref(), &mut logs)?;
    let left_out = logs.iter().map(|(host, read)| (*host, read.walked.chain.position - read.keep.0)).collect();
    let chains =
        each(&hosts, |host| logs.get(&host).map_or_else(|| Ok((Chain::default(), 0)), |read| seal(to, host, read)));
    let mut ends = BTreeMap::new();
    for (host, outcome) in chains {
        ends.insert(host, outcome?);
    }
    crash::point("restore.sealed");
    check(&ends)?;
    // A ledger begins with epoch 1, whether or not the copy holds a fact of it.
    let epoch = ends.values().map(|(chain, _)| chain.epoch).max().unwrap_or(0).max(1) + 1;
    let generation = Generation::open(to, 1, &hosts, CACHE_BYTES)?;
    for (host, (chain, _)) in &ends {
        generation.begin(*host, chain)?;
    }
    generation.flush()?;
    generation.sync_data()?;
    crash::point("restore.before_anchor");
    let heads = ends.iter().map(|(host, (chain, _))| (*host, Head::from(chain))).collect();
    // With the anchor it is a log; before, it is refused.
    AnchorFile::open(to, &Anchor { counter: 0, epoch, live: 1, sealing: None, heads })?;
    crash::point("restore.anchored");
    let hosts = ends.iter().map(|(host, (chain, segments))| (*host, HostReport::new(chain, *segments, chain.position)));
    let heard = ends.values().flat_map(|(chain, _)| chain.heard.keys().copied());
    let absent = heard.filter(|host| !ends.contains_key(host)).collect();
    let (is_vouched, missing) = (vouched.is_some(), missing(&vouched.unwrap_or_default(), &ends));
    Ok(Restored { epoch, hosts: hosts.collect(), left_out, is_vouched, missing, absent })
}

/// What an anchor says that there was, and isn't there.
fn missing(heads: &BTreeMap<HostId, Head>, ends: &BTreeMap<HostId, (Chain, usize)>) -> BTreeMap<HostId, u64> {
    let found = |host: &HostId| ends.get(host).map_or(0, |(chain, _)| chain.position);
    let missing = heads.iter().map(|(host, head)| (*host, head.position.saturating_sub(found(host))));
    missing.filter(|(_, missing)| *missing > 0).collect()
}

/// Copies a host's files, durably; of a sealed segment not its open one.
fn copy(from: &Path, to: &Path, host: HostId) -> Result<(), LogError> {
    let (source, target) = (segment::folder(from, host), segment::folder(to, host));
    durable::create_dir(&target)?;
    for name in durable::names(&source)? {
        let path = source.join(&name);
        let is_open = name.ends_with(tail::SUFFIX) && !path.with_extension("seg").exists();
        if name.ends_with(".seg") || is_open {
            let copied = target.join(&name);
            std::fs::copy(&path, &copied).map_err(io_error("copy", &path))?;
            durable::sync_all(&File::open(&copied).map_err(io_error("open", &copied))?, &copied)?;
        }
    }
    durable::sync_dir(&target)
}

/// Reads and checks the copies: it is they that will be used.
fn read(to: &Path, host: HostId) -> Result<Held, LogError> {
    let unsealed = Mutex::new(Vec::new());
    let see = |_: HostId, entry: &Entry| {
        let one = (entry.position, entry.header.host, entry.header.sequence);
        unsealed.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    };
    let (dir, until) = (to, Instant::now());
    let mut walk =
        Walk { dir, host, see: &see, shown: 0, shows_sealed: false, reach: 0, until, walked: Walked::default() };
    walk.run()?;
    let walked = walk.walked;
    let unsealed = unsealed.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Held { keep: (walked.chain.position, walked.chain.sequence), walked, unsealed })
}

/// Leaves out what rests on facts that aren't there, also of segments that were sealed and copied before their neighbours
/// were: those that nobody vouches for, or the last one of each log where nobody says how far the copy reaches.
fn keep_what_rests(
    to: &Path,
    vouched: Option<&BTreeMap<HostId, Head>>,
    logs: &mut BTreeMap<HostId, Held>,
) -> Result<(), LogError> {
    let mut unsealed = BTreeSet::new();
    loop {
        cut(logs);
        let ends: BTreeMap<HostId, u64> = logs.iter().map(|(host, read)| (*host, read.keep.1)).collect();
        let rests_on_nothing = |read: &Held| {
            let mut heard = read.sealed_end().heard.iter();
            heard.any(|(of, (sequence, _))| ends.get(of).is_some_and(|end| sequence > end))
        };
        let may_be_cut = |host: &HostId, last: &Segment| match vouched {
            Some(heads) => last.summary.last_position > heads.get(host).map_or(0, |head| head.position),
            None => !unsealed.contains(host),
        };
        let next = logs.iter().find_map(|(host, read)| {
            let last = read.walked.segments.last().filter(|last| rests_on_nothing(read) && may_be_cut(host, last))?;
            Some((*host, last.clone()))
        });
        let Some((host, last)) = next else { return Ok(()) };
        unseal(&last)?;
        unsealed.insert(host);
        logs.insert(host, read(to, host)?);
    }
}

/// Makes an open segment of a sealed one: it begins with the same bytes.
fn unseal(segment: &Segment) -> Result<(), LogError> {
    let path = &segment.path;
    let file = File::options().write(true).open(path).map_err(io_error("open", path))?;
    file.set_len(segment.footer_at).map_err(io_error("cut", path))?;
    durable::sync_all(&file, path)?;
    std::fs::rename(path, path.with_extension(tail::SUFFIX.trim_start_matches('.'))).map_err(io_error("rename", path))
}

/// Leaves out what rests on facts that aren't there, until nothing does.
fn cut(logs: &mut BTreeMap<HostId, Held>) {
    loop {
        let ends: BTreeMap<HostId, u64> = logs.iter().map(|(host, read)| (*host, read.keep.1)).collect();
        let mut changed = false;
        for (host, read) in logs.iter_mut() {
            let rests_on_nothing =
                |(_, of, sequence): &(u64, HostId, u64)| of != host && ends.get(of).is_some_and(|end| sequence > end);
            let kept = read.unsealed.partition_point(|(position, ..)| *position <= read.keep.0);
            let Some(first) = read.unsealed.iter().take(kept).position(rests_on_nothing) else { continue };
            read.unsealed.truncate(first);
            let own = read.unsealed.iter().rev().find(|(_, of, _)| of == host).map(|(.., sequence)| *sequence);
            let sealed = read.walked.segments.last().map(|segment| segment.summary);
            let position = read.unsealed.last().map(|(position, ..)| *position);
            read.keep = (
                position.unwrap_or_else(|| sealed.map_or(0, |sealed| sealed.last_position)),
                own.unwrap_or_else(|| sealed.map_or(0, |sealed| sealed.last_sequence)),
            );
            changed = true;
        }
        if !changed {
            return;
        }
    }
}

/// Seals what was open, as far as it is kept; where the log ends then, and how many segments it has.
fn seal(to: &Path, host: HostId, read: &Held) -> Result<(Chain, usize), LogError> {
    let mut segments = read.walked.segments.len();
    let mut end = read.sealed_end().clone();
    for (path, begin) in &read.walked.opens {
        let last = read.keep.0.min(last_of(read, begin));
        if last > begin.position {
            let file = File::open(path).map_err(io_error("open", path))?;
            let mut reader = BufReader::with_capacity(READ_BYTES, file);
            reader.read_exact(&mut [0; HEADER_BYTES]).map_err(io_error("read", path))?;
            (_, end) = Segment::write_from(|from, to| next(&mut reader, path, from, to), path, to, host, begin, last)?;
            segments += 1;
        }
        std::fs::remove_file(path).map_err(io_error("remove", path))?;
    }
    durable::sync_dir(&segment::folder(to, host))?;
    Ok((end, segments))
}

/// The last position of the open segment that begins after a chain.
fn last_of(read: &Held, begin: &Chain) -> u64 {
    let mut later = read.walked.opens.iter().map(|(_, chain)| chain.position);
    later.find(|position| *position > begin.position).unwrap_or(read.walked.chain.position)
}

/// The next frames of an open segment, which was read whole before.
pub(crate) fn next(reader: &mut impl Read, path: &Path, from: u64, to: u64) -> Result<Vec<Vec<u8>>, LogError> {
    let mut frames = Vec::new();
    for _ in (from..=to).take(FRAMES_MAX) {
        let mut prefix = [0; 4];
        reader.read_exact(&mut prefix).map_err(io_error("read", path))?;
        let mut bytes = vec![0; usize::try_from(u32::from_le_bytes(prefix)).unwrap_or(0)];
        reader.read_exact(&mut bytes).map_err(io_error("read", path))?;
        frames.push(bytes);
    }
    Ok(frames)
}

/// What rests on facts that aren't there and can't be cut: the copy lacks more than its end.
fn check(ends: &BTreeMap<HostId, (Chain, usize)>) -> Result<(), LogError> {
    for (by, (chain, _)) in ends {
        for (emitter, (heard, _)) in &chain.heard {
            if let Some((log, _)) = ends.get(emitter).filter(|(log, _)| log.sequence < *heard) {
                let (emitter, by, heard) = (*emitter, *by, *heard);
                return Err(LogError::HeardMore { emitter, by, heard, found: log.sequence });
            }
        }
    }
    Ok(())
}
