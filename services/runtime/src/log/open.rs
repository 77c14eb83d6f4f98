//! Opening a data directory: hold it, check it, finish what a crash interrupted, and only then serve it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ledger::HostId;
use tokio::sync::watch;

use super::LogSettings;
use super::anchor::{self, Anchor, AnchorFile, Head};
use super::archive::See;
use super::backup::Copying;
use super::commit::Committer;
use super::durable;
use super::error::{LogError, io_error};
use super::queue::Queue;
use super::reader::LogReader;
use super::recover::{self, Found, Generations, OpenReport};
use super::repair::{self, LostSegment};
use super::restore::{self, Restored};
use super::seal;
use super::shared::{Health, HostShared, Meters, Part, Parts, Shared, write};
use super::store::{self, Generation};
use super::tail;
use super::verify::{self, VerifyReport};
use super::writer::LogWriter;
use crate::crash;

/// For how long a lock is waited for: a program that the holder is just starting holds it, too, for a moment.
const LOCK_PATIENCE: Duration = Duration::from_millis(250);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// The logs of this process.
pub struct Logs {
    shared: Arc<Shared>,
    report: OpenReport,
    threads: Vec<JoinHandle<()>>,
    /// The thread that writes the open segments, told to end by dropping its sender.
    archivist: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
    /// Released last.
    _lock: File,
}

impl Logs {
    /// Opens the logs of some hosts, creating what isn't there. Refuses a log that isn't what was acknowledged.
    pub fn open(dir: &Path, hosts: &[HostId], settings: LogSettings) -> Result<Self, LogError> {
        durable::create_dir(dir)?;
        let lock = hold(dir, true)?;
        let (anchor, torn_slot) = find_anchor(dir, hosts)?;
        let mut report = OpenReport { torn_slot, ..OpenReport::default() };
        if let Some(slot) = torn_slot {
            tracing::warn!(slot, dir = %dir.display(), "a slot of the head anchor isn't whole, used the other one");
        }
        let state = recover_all(dir, anchor, hosts, &settings, &mut report)?;
        if report.kept_after_anchor > 0 {
            tracing::info!(entries = report.kept_after_anchor, "kept entries after the anchored heads");
        }
        let (shared, threads) = start(dir, settings, state)?;
        let archivist = Some(start_archivist(&shared)?);
        Ok(Self { shared, report, threads, archivist, _lock: lock })
    }

    /// What opening found.
    #[must_use]
    pub fn open_report(&self) -> &OpenReport {
        &self.report
    }

    /// The hosts whose logs are in a directory, whoever holds it.
    ///
    /// # Errors
    /// When there is no anchor, or it can't be read.
    pub fn named(dir: &Path) -> Result<Vec<HostId>, LogError> {
        let found = anchor::read(dir)?.ok_or_else(|| LogError::AnchorMissing { path: dir.join(anchor::NAME) })?;
        Ok(found.anchor.heads.into_keys().collect())
    }

    /// Every host with a log here.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> {
        self.shared.hosts.keys().copied()
    }

    /// The writer of a host; there is one at a time.
    pub fn writer(&self, host: HostId) -> Result<LogWriter, LogError> {
        LogWriter::new(Arc::clone(&self.shared), host)
    }

    /// A reader of a host.
    pub fn reader(&self, host: HostId) -> Result<LogReader, LogError> {
        self.shared.host(host)?;
        Ok(LogReader::new(Arc::clone(&self.shared), host))
    }

    /// What copies of the logs are made from.
    #[must_use]
    pub fn copying(&self) -> Copying {
        Copying::new(Arc::clone(&self.shared))
    }

    /// The state in numbers.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Why nothing more is written, once that is so: then reads go on, and only another start helps.
    #[must_use]
    pub fn failure(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.shared.failure.subscribe()
    }

    /// Makes what was handed over durable and lets go of the directory. Dropping does the same.
    pub fn close(self) {
        drop(self);
    }

    /// Reads everything in a directory that no process holds and checks every hash, changing nothing.
    pub fn verify(dir: &Path) -> Result<VerifyReport, LogError> {
        verify::verify(dir, Some(&|_, _| ())).and_then(first_fault)
    }

    /// The same with every fault, whether a process holds the directory or not: one that is held is read from its
    /// segments, sealed and open, which are at most a second behind. Every entry is shown.
    pub fn audit(dir: &Path, see: See<'_>) -> Result<VerifyReport, LogError> {
        verify::audit(dir, see)
    }

    /// The same for a backup, which has no database.
    pub fn audit_backup(dir: &Path, see: See<'_>) -> Result<VerifyReport, LogError> {
        verify::backup(dir, see)
    }

    /// Makes a log in an empty folder from segments alone, with a raised epoch.
    pub fn restore(from: &Path, to: &Path) -> Result<Restored, LogError> {
        restore::restore(from, to)
    }

    /// The sealed segments that are missing or damaged in a directory that nobody holds. With a folder for damaged originals
    /// those are put back of which a backup has what leads to the database.
    pub fn lost_segments(dir: &Path, from: Option<&Path>, aside: Option<&Path>) -> Result<Vec<LostSegment>, LogError> {
        repair::segments(dir, from, aside)
    }

    /// Moves a file that is there into a folder of damaged ones.
    pub fn put_aside(path: &Path, folder: &Path) -> Result<(), LogError> {
        repair::put_aside(path, folder)
    }

    /// The same for what opening checks: the live part, and that the sealed ones are there.
    pub fn glance(dir: &Path) -> Result<VerifyReport, LogError> {
        verify::verify(dir, None).and_then(first_fault)
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.queue.close();
        for thread in self.threads.drain(..) {
            // A panic of either ends the process.
            let _ = thread.join();
        }
        // Nothing is committed any more: what this one writes now is everything.
        if let Some((closing, archivist)) = self.archivist.take() {
            drop(closing);
            let _ = archivist.join();
        }
        *write(&self.shared.parts) = None;
    }
}

fn first_fault(mut report: VerifyReport) -> Result<VerifyReport, LogError> {
    if report.faults.is_empty() { Ok(report) } else { Err(report.faults.remove(0).error) }
}

/// Takes the lock of a data directory, which the kernel releases with the process.
pub(crate) fn hold(dir: &Path, create: bool) -> Result<File, LogError> {
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    options.read(true).write(create).create(create).truncate(false);
    let file = options.open(&path).map_err(io_error("open", &path))?;
    let give_up = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < give_up => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&file).unwrap_or_else(|| "another process".to_owned());
                return Err(LogError::Locked { path, holder });
            }
            Err(TryLockError::Error(source)) => return Err(LogError::Io { action: "lock", path, source }),
        }
    }
}

/// Who holds a lock, as the kernel tells of those that can be seen from here: `1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF`.
fn holder(lock: &File) -> Option<String> {
    let inode = lock.metadata().ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, file, ..] = words[..] else { return None };
        (file.rsplit(':').next()?.parse() == Ok(inode)).then(|| pid.to_owned())
    })?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(format!("process {pid} ({})", name.trim()))
}

fn find_anchor(dir: &Path, hosts: &[HostId]) -> Result<(Anchor, Option<usize>), LogError> {
    if let Some(found) = anchor::read(dir)? {
        found.anchor.check_live(dir)?;
        return Ok((found.anchor, found.torn));
    }
    let is_log = |name: &String| name.starts_with("live-") || name == "segments";
    if durable::names(dir)?.iter().any(is_log) {
        return Err(LogError::AnchorMissing { path: dir.join(anchor::NAME) });
    }
    let heads = hosts.iter().map(|host| (*host, Head::default())).collect();
    Ok((Anchor { counter: 0, epoch: 1, live: 1, sealing: None, heads }, None))
}

/// A log that was checked and is ready to be written.
struct Ready {
    anchor: Anchor,
    anchor_file: AnchorFile,
    live: Part,
    found: BTreeMap<HostId, Found>,
}

fn recover_all(
    dir: &Path,
    mut anchor: Anchor,
    hosts: &[HostId],
    settings: &LogSettings,
    report: &mut OpenReport,
) -> Result<Ready, LogError> {
    let hosts = recover::all_hosts(&anchor, hosts).into_keys().collect::<Vec<_>>();
    if hosts.len() > anchor::HOSTS_MAX {
        return Err(LogError::TooManyHosts { count: hosts.len(), limit: anchor::HOSTS_MAX });
    }
    let anchor_file = AnchorFile::open(dir, &anchor)?;
    let generations = open_generations(dir, &anchor, &hosts, settings.cache_bytes)?;
    let mut found = BTreeMap::new();
    for host in &hosts {
        found.insert(*host, recover::host(dir, *host, &generations, &anchor, None)?);
    }
    // What comes after the anchored heads may only be in the kernel: it is made durable before it is served.
    for (host, one) in &found {
        if generations.live.base(*host)?.is_none() {
            generations.live.begin(*host, &one.live_base)?;
        }
    }
    for generation in [Some(&generations.live), generations.sealing.as_ref()].into_iter().flatten() {
        generation.flush()?;
        generation.sync_data()?;
    }
    for (host, one) in &found {
        let anchored = anchor.heads.get(host).map_or(0, |head| head.position);
        report.kept_after_anchor += one.chain.position - anchored;
        anchor.heads.insert(*host, Head::from(&one.chain));
    }
    crash::point("open.recovering");
    let Generations { live, sealing } = generations;
    finish_sealing(dir, sealing, &mut found, report)?;
    anchor.sealing = None;
    anchor_file.write_both(&mut anchor)?;
    crash::point("open.anchored");
    remove_unnamed(dir, anchor.live, &found, report)?;
    let bases = found.iter().map(|(host, one)| (*host, one.live_base.clone())).collect();
    Ok(Ready { anchor, anchor_file, live: Part { generation: live, bases }, found })
}

fn open_generations(dir: &Path, anchor: &Anchor, hosts: &[HostId], cache: u64) -> Result<Generations, LogError> {
    let is_blank = anchor.live == 1 && anchor.heads.values().all(|head| *head == Head::default());
    let open = |number: u64| {
        let path = store::path(dir, number);
        if !path.is_dir() && !is_blank {
            return Err(LogError::GenerationMissing { path });
        }
        match Generation::open(dir, number, hosts, cache) {
            // The power went while the first database was made: nobody was ever answered from it.
            Err(LogError::Store { .. }) if is_blank => {
                seal::remove_folder(dir, number)?;
                Generation::open(dir, number, hosts, cache)
            }
            outcome => outcome,
        }
    };
    Ok(Generations { live: open(anchor.live)?, sealing: anchor.sealing.map(open).transpose()? })
}

/// Writes what an interrupted sealing left in the older generation.
fn finish_sealing(
    dir: &Path,
    sealing: Option<Generation>,
    found: &mut BTreeMap<HostId, Found>,
    report: &mut OpenReport,
) -> Result<(), LogError> {
    let Some(generation) = sealing else { return Ok(()) };
    report.finished_sealing = Some(generation.number);
    let bases = found.iter().map(|(host, one)| (*host, one.sealing_base.clone())).collect();
    let ends = found.iter().map(|(host, one)| (*host, one.live_base.position)).collect();
    let part = Part { generation, bases };
    for (host, segment) in seal::seal(dir, &part, &ends)? {
        let Some(one) = found.get_mut(&host) else { continue };
        one.owns.forget_to(segment.summary.last_sequence);
        one.unfinished.retain(|path| *path != segment.path);
        one.segments.push(Arc::new(segment));
    }
    Ok(())
}

/// Removes what the anchor doesn't name, after everything that it names was found whole.
fn remove_unnamed(
    dir: &Path,
    live: u64,
    found: &BTreeMap<HostId, Found>,
    report: &mut OpenReport,
) -> Result<(), LogError> {
    let mut folders = BTreeSet::new();
    for path in found.values().flat_map(|one| &one.unfinished).filter(|path| path.exists()) {
        std::fs::remove_file(path).map_err(io_error("remove", path))?;
        folders.extend(path.parent().map(Path::to_owned));
        report.removed.push(path.clone());
    }
    folders.iter().try_for_each(|folder: &PathBuf| durable::sync_dir(folder))?;
    for name in durable::names(dir)? {
        let number = name.strip_prefix("live-").and_then(|digits| digits.parse::<u64>().ok());
        if let Some(number) = number.filter(|number| *number != live) {
            seal::remove_folder(dir, number)?;
            report.removed.push(dir.join(name));
        }
    }
    Ok(())
}

fn start(dir: &Path, settings: LogSettings, ready: Ready) -> Result<(Arc<Shared>, Vec<JoinHandle<()>>), LogError> {
    let Ready { anchor, anchor_file, live, found } = ready;
    let live = Arc::new(live);
    let meters = Meters::default();
    meters.live_bytes.store(found.values().map(|one| one.live_bytes).sum(), Ordering::Relaxed);
    let chains = found.iter().map(|(host, one)| (*host, one.chain.clone())).collect();
    let hosts = found.into_iter().map(|(host, one)| (host, HostShared::new(one.chain, one.owns, one.segments)));
    let shared = Arc::new(Shared {
        dir: dir.to_owned(),
        settings,
        epoch: anchor.epoch,
        hosts: hosts.collect(),
        parts: RwLock::new(Some(Parts { live: Arc::clone(&live), sealing: None })),
        queue: Queue::default(),
        meters,
        failure: watch::Sender::new(None),
        stopping: AtomicBool::new(false),
    });
    let (sealer, jobs) = mpsc::channel();
    let sealing = Arc::clone(&shared);
    let committer = Committer {
        shared: Arc::clone(&shared),
        anchor,
        anchor_file,
        live,
        sealing: None,
        sealer_busy: false,
        not_sealed: None,
        chains,
        sealer,
    };
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                // A defect: what is in memory isn't to be relied on.
                std::process::abort();
            }
        });
        thread.map_err(io_error("start a thread for", dir))
    };
    let sealer = spawn("log-sealer", Box::new(move || seal::run(&sealing, &jobs)))?;
    let committer = spawn("log-committer", Box::new(move || committer.run()))?;
    Ok((shared, vec![committer, sealer]))
}

fn start_archivist(shared: &Arc<Shared>) -> Result<(mpsc::Sender<()>, JoinHandle<()>), LogError> {
    let (closing, closed) = mpsc::channel();
    let archived = Arc::clone(shared);
    let thread =
        std::thread::Builder::new().name("log-archivist".to_owned()).spawn(move || tail::run(&archived, &closed));
    Ok((closing, thread.map_err(io_error("start a thread for", &shared.dir))?))
}
