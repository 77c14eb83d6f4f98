//! The full walk: every byte of every log read, every hash checked, nothing changed. Hosts are read by several threads.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ledger::{Hash, HostId};

use super::anchor::{self, Anchor, Head, NAME};
use super::archive::{self, See, Walk, Walked};
use super::chain::Chain;
use super::error::{LogError, io_error};
use super::open::hold;
use super::recover::{self, Found, Generations};
use super::segment;
use super::store::{self, Generation};
use super::tail::{self, Rest};

/// What a host's log holds, all of it verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostReport {
    /// The last position.
    pub position: u64,
    /// The last own sequence.
    pub sequence: u64,
    /// Its header hash.
    pub head: Hash,
    /// The last own fact's epoch.
    pub epoch: u32,
    /// Segment files.
    pub segments: usize,
    /// The last position that segments hold, sealed or open.
    pub archived: u64,
    /// The latest sequence and hash heard per emitter.
    pub heard: BTreeMap<HostId, (u64, Hash)>,
}

/// Something that must not be.
#[derive(Debug)]
pub struct Fault {
    /// Whose log, where it is one host's.
    pub host: Option<HostId>,
    /// What.
    pub error: LogError,
}

/// Something that may be, and is worth a look.
#[derive(Debug)]
pub struct Note {
    /// Whose log, where it is one host's.
    pub host: Option<HostId>,
    /// The file.
    pub path: PathBuf,
    /// What.
    pub what: String,
}

/// What a full walk found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// Whether a process held the directory: then the database wasn't read.
    pub running: bool,
    /// The slot of the anchor that isn't whole.
    pub torn_slot: Option<usize>,
    /// Every host that the anchor names or that has segments.
    pub hosts: BTreeMap<HostId, HostReport>,
    /// What doesn't hold.
    pub faults: Vec<Fault>,
    /// What is worth a look.
    pub notes: Vec<Note>,
}

/// sled writes when it opens: it gets a copy.
const CACHE_BYTES: u64 = 8 << 20;
/// How long a running process may take to write what it has acknowledged into its open segments.
const TAIL_WAIT: Duration = Duration::from_secs(5);

/// Goes through a directory that nobody holds; with a `see` every byte of it, without only what opening checks.
pub(crate) fn verify(dir: &Path, see: Option<See<'_>>) -> Result<VerifyReport, LogError> {
    let _lock = hold(dir, false)?;
    let mut report = VerifyReport::default();
    if let Err(error) = database(dir, see, &mut report) {
        report.faults.push(Fault { host: None, error });
        // What the database can't say the segments may.
        if let Some(see) = see {
            segments(dir, see, false, &mut report)?;
        }
    }
    Ok(report)
}

/// Goes through a directory whether a process holds it or not; a held one by its segments.
pub(crate) fn audit(dir: &Path, see: See<'_>) -> Result<VerifyReport, LogError> {
    match verify(dir, Some(see)) {
        Err(LogError::Locked { .. }) => {
            let mut report = VerifyReport { running: true, ..VerifyReport::default() };
            segments(dir, see, true, &mut report)?;
            Ok(report)
        }
        outcome => outcome,
    }
}

/// Goes through a backup.
pub(crate) fn backup(dir: &Path, see: See<'_>) -> Result<VerifyReport, LogError> {
    let mut report = VerifyReport::default();
    segments(dir, see, false, &mut report)?;
    Ok(report)
}

fn database(dir: &Path, see: Option<See<'_>>, report: &mut VerifyReport) -> Result<(), LogError> {
    let anchor = find_anchor(dir, report)?.ok_or_else(|| LogError::AnchorMissing { path: dir.join(NAME) })?;
    let Copied { hosts, generations, anchor, .. } = &Copied::open(dir, anchor)?;
    let logs = each(hosts, |host| {
        let found = recover::host(dir, host, generations, anchor, see)?;
        let opens = open_segments(dir, host, &found, generations)?;
        Ok::<_, LogError>((found, opens))
    });
    let mut founds = BTreeMap::new();
    for (host, outcome) in logs {
        match outcome {
            Ok((found, (archived, notes, faults))) => {
                report.hosts.insert(host, HostReport::new(&found.chain, found.segments.len(), archived));
                report.notes.extend(notes);
                report.faults.extend(faults.into_iter().map(|error| Fault { host: Some(host), error }));
                founds.insert(host, found);
            }
            Err(error) => report.faults.push(Fault { host: Some(host), error }),
        }
    }
    heard(report, None, None, |host, sequence| founds.get(&host)?.hash_at(host, sequence, generations).transpose());
    Ok(())
}

/// Compares the open segments of a host with its database: how far they reach, and what is odd about them.
fn open_segments(
    dir: &Path,
    host: HostId,
    found: &Found,
    generations: &Generations,
) -> Result<(u64, Vec<Note>, Vec<LogError>), LogError> {
    let (mut archived, mut notes, mut faults) = (found.sealing_base.position, Vec::new(), Vec::new());
    for (first, path) in tail::names(&segment::folder(dir, host))? {
        let log = |from, to| found.frames(host, from, to, generations);
        let compared = tail::compare(&path, host, first.max(1), found.chain.position, log)?;
        match compared.rest {
            Rest::Nothing => {}
            Rest::Torn(bytes) => {
                let what = format!("its last {bytes} bytes weren't written whole; the next start writes them again");
                notes.push(Note { host: Some(host), path, what });
            }
            Rest::Different => {
                let what = "the open segment isn't what the database holds";
                faults.push(LogError::Damaged { path, position: compared.last + 1, what });
            }
        }
        archived = archived.max(compared.last);
    }
    if archived < found.chain.position {
        let what = format!(
            "positions {} to {} are in the database only; the next start writes them",
            archived + 1,
            found.chain.position
        );
        notes.push(Note { host: Some(host), path: segment::folder(dir, host), what });
    }
    Ok((archived, notes, faults))
}

fn segments(dir: &Path, see: See<'_>, running: bool, report: &mut VerifyReport) -> Result<(), LogError> {
    let found = find_anchor(dir, report).unwrap_or_else(|error| {
        report.faults.push(Fault { host: None, error });
        None
    });
    let is_backup = found.as_ref().is_some_and(|anchor| anchor.live == anchor::BACKUP);
    let anchor = found.unwrap_or_default();
    let mut hosts = archive::hosts(dir)?;
    hosts.extend(anchor.heads.iter().filter(|(_, head)| head.position > 0).map(|(host, _)| *host));
    hosts.sort_unstable();
    hosts.dedup();
    let until = Instant::now() + if running { TAIL_WAIT } else { Duration::ZERO };
    let logs = each(&hosts, |host| {
        let reach = anchor.heads.get(&host).map_or(0, |head| head.position);
        let mut walk = Walk { dir, host, see, shown: 0, shows_sealed: true, reach, until, walked: Walked::default() };
        let outcome = walk.run();
        (walk.walked, outcome)
    });
    for (host, (walked, outcome)) in &logs {
        let chain = &walked.chain;
        report.hosts.insert(*host, HostReport::new(chain, walked.segments.len(), chain.position));
        if let Some((path, bytes)) = walked.torn.as_ref().filter(|_| !running) {
            let what = format!("its last {bytes} bytes aren't a whole frame; they are cut off when it goes on");
            report.notes.push(Note { host: Some(*host), path: path.clone(), what });
        }
        if let (Ok(()), Some(head)) = (outcome, anchor.heads.get(host)) {
            let anchored = is_there(*host, head, walked, running);
            report.faults.extend(anchored.err().map(|error| Fault { host: Some(*host), error }));
        }
    }
    let now = if running { anchor::read(dir).ok().flatten().map(|found| found.anchor) } else { None };
    let backup = is_backup.then_some((dir, &anchor));
    heard(report, now.as_ref(), backup, |host, sequence| logs.get(&host)?.0.hash_at(sequence).transpose());
    for (host, (_, outcome)) in logs {
        report.faults.extend(outcome.err().map(|error| Fault { host: Some(host), error }));
    }
    Ok(())
}

fn find_anchor(dir: &Path, report: &mut VerifyReport) -> Result<Option<Anchor>, LogError> {
    let Some(found) = anchor::read(dir)? else { return Ok(None) };
    report.torn_slot = found.torn;
    if let Some(slot) = found.torn {
        let what = format!("slot {slot} of two isn't whole; the other one counts, and the next start makes both whole");
        report.notes.push(Note { host: None, path: dir.join(NAME), what });
    }
    Ok(Some(found.anchor))
}

/// What the anchor vouches for must be in the segments.
fn is_there(host: HostId, head: &Head, walked: &Walked, running: bool) -> Result<(), LogError> {
    let (anchored, found) = (head.position, walked.chain.position);
    if found < anchored {
        let error = if running {
            LogError::ArchiveBehind { host, anchored, found }
        } else {
            LogError::HeadMissing { host, anchored, found }
        };
        return Err(error);
    }
    let found = if head.sequence == 0 { Some(Hash::ZERO) } else { walked.hash_at(head.sequence)? };
    match found.filter(|found| *found != head.hash) {
        Some(found) => Err(LogError::HeadDifferent { host, sequence: head.sequence, anchored: head.hash, found }),
        None => Ok(()),
    }
}

/// What a host has heard of another must be in the other one's log, where that is here. A running process goes on while
/// it is read: `now` is how far it has come. Of a backup all is there that its anchor vouches for; what is beyond may have
/// been copied ahead of its neighbours.
fn heard(
    report: &mut VerifyReport,
    now: Option<&Anchor>,
    backup: Option<(&Path, &Anchor)>,
    hash_at: impl Fn(HostId, u64) -> Option<Result<Hash, LogError>>,
) {
    let mut faults = Vec::new();
    for (by, hearer) in &report.hosts {
        for (emitter, (sequence, hash)) in &hearer.heard {
            let Some(log) = report.hosts.get(emitter) else { continue };
            let recorded = now.and_then(|anchor| anchor.heads.get(emitter)).map_or(0, |head| head.sequence);
            let (emitter, sequence) = (*emitter, *sequence);
            let vouched = |anchor: &Anchor| anchor.heads.get(&emitter).map_or(0, |head| head.sequence);
            let ahead = backup.filter(|(_, anchor)| sequence > log.sequence && log.sequence >= vouched(anchor));
            let error = match hash_at(emitter, sequence) {
                _ if let Some((dir, _)) = ahead => {
                    let what = format!(
                        "it was copied ahead of {emitter}, of which it has heard event {sequence}, and that ends at {}; \
                         a restore leaves out what rests on what isn't there",
                        log.sequence
                    );
                    report.notes.push(Note { host: Some(*by), path: dir.to_owned(), what });
                    None
                }
                _ if sequence > log.sequence.max(recorded) => {
                    Some(LogError::HeardMore { emitter, by: *by, heard: sequence, found: log.sequence })
                }
                Some(Ok(found)) if found != *hash => {
                    Some(LogError::HeardFork { emitter, sequence, expected: found, got: *hash })
                }
                Some(Err(error)) => Some(error),
                _ => None,
            };
            faults.extend(error.map(|error| Fault { host: Some(*by), error }));
        }
    }
    report.faults.extend(faults);
}

impl HostReport {
    pub(crate) fn new(chain: &Chain, segments: usize, archived: u64) -> Self {
        Self {
            position: chain.position,
            sequence: chain.sequence,
            head: chain.head,
            epoch: chain.epoch,
            segments,
            archived,
            heard: chain.heard.clone(),
        }
    }
}

/// Does something for every host, on as many threads as there are processors.
pub(crate) fn each<T: Send>(hosts: &[HostId], work: impl Fn(HostId) -> T + Sync) -> BTreeMap<HostId, T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(hosts.len());
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(host) = hosts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = work(*host);
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(*host, outcome);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The database of a directory that nobody holds, in a copy.
pub(crate) struct Copied {
    pub(crate) anchor: Anchor,
    pub(crate) hosts: Vec<HostId>,
    pub(crate) generations: Generations,
    copies: Copies,
}

impl Copied {
    pub(crate) fn open(dir: &Path, anchor: Anchor) -> Result<Self, LogError> {
        anchor.check_live(dir)?;
        let copies = Copies::new()?;
        let hosts = anchor.heads.keys().copied().collect::<Vec<_>>();
        let open = |number: u64| {
            let path = store::path(dir, number);
            if !path.is_dir() {
                return Err(LogError::GenerationMissing { path });
            }
            copy(&path, &store::path(&copies.0, number))?;
            Generation::open(&copies.0, number, &hosts, CACHE_BYTES)
        };
        let live = open(anchor.live)?;
        let generations = Generations { live, sealing: anchor.sealing.map(open).transpose()? };
        Ok(Self { anchor, hosts, generations, copies })
    }

    /// A folder that goes with the value.
    pub(crate) fn folder(&self) -> &Path {
        &self.copies.0
    }
}

/// A folder for copies, removed with the value.
struct Copies(PathBuf);

impl Copies {
    fn new() -> Result<Self, LogError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("usage-ledger-verify-{}-{number}", std::process::id()));
        // What is copied is nobody else's business.
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(io_error("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "could not remove the copy that was verified");
        }
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), LogError> {
    std::fs::create_dir(to).map_err(io_error("create", to))?;
    for entry in std::fs::read_dir(from).map_err(io_error("list", from))? {
        let entry = entry.map_err(io_error("list", from))?;
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copied)?;
        } else {
            std::fs::copy(&path, &copied).map_err(io_error("copy", &path))?;
        }
    }
    Ok(())
}
