//! Going through all that a data directory or a backup holds: every frame, header, payload, chain and segment, what the
//! anchor vouches for, and the workbooks that facts name. Nothing is opened or changed, and a process may work meanwhile.
//! Snapshots are looked at too, but they are caches: a wrong one is noted, and no fault.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ledger::{Event, Fact, Hash, HostId, Ledger, Moment, ServiceName};
use proto::decode_event;
use runtime::blobs;
use runtime::log::{Entry, FRAME_BYTES_FIXED, HostReport, LogError, Logs};
use runtime::snapshot::{self, SnapshotError};
use serde_json::{Value, json};

use super::fold::shown;
use super::vouched::Vouched;
use crate::snapshots;

/// Where an error of the log sends to: here.
pub(super) const SAYS_MORE: &str = "; `usage-ledger audit verify` says more";

/// Something that doesn't hold, or is worth a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it must not be.
    pub is_fault: bool,
    /// Whose log, where it is one host's.
    pub host: Option<HostId>,
    /// The file or folder.
    pub path: PathBuf,
    /// The position in the host's log, or 0.
    pub position: u64,
    /// What.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

/// What is known of one host.
#[derive(Clone, Debug, Default)]
pub struct HostVerified {
    /// What the log says.
    pub log: HostReport,
    /// When its last own fact was recorded.
    pub recorded_at: Option<Moment>,
    /// The state that follows from its log.
    pub state: Option<Value>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Whether a process worked on the directory.
    pub running: bool,
    /// By host.
    pub hosts: BTreeMap<HostId, HostVerified>,
    /// Entries that were read.
    pub entries: u64,
    /// Workbooks that were read.
    pub workbooks: u64,
    /// Workbooks that facts name, and whether they were sent.
    pub named: BTreeMap<(ServiceName, Hash), bool>,
    /// Faults first.
    pub findings: Vec<Finding>,
}

impl Verified {
    /// Whether everything holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.findings.iter().any(|finding| finding.is_fault)
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let hosts = self.hosts.iter().map(|(host, one)| {
            let shown = json!({ "position": one.log.position, "sequence": one.log.sequence, "head": one.log.head.to_string(),
                "epoch": one.log.epoch, "segments": one.log.segments, "archived": one.log.archived,
                "recorded_at": one.recorded_at.map(Moment::iso), "state": one.state });
            (host.to_string(), shown)
        });
        let findings = self.findings.iter().map(|finding| {
            json!({ "fault": finding.is_fault, "host": finding.host.map(|host| host.to_string()),
                "path": finding.path, "position": finding.position, "what": finding.what, "advice": finding.advice })
        });
        json!({ "holds": self.holds(), "running": self.running, "entries": self.entries, "workbooks": self.workbooks,
            "hosts": hosts.collect::<serde_json::Map<_, _>>(), "findings": findings.collect::<Vec<_>>() })
    }
}

/// What to go through.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// A data directory or a backup.
    pub path: &'a Path,
    /// Whether it is a backup, which has no database.
    pub is_backup: bool,
    /// Whether to fold what was read, too.
    pub folds: bool,
}

impl Target<'_> {
    /// The bytes of its segments and workbooks, for a bar.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let log = files(&self.path.join("log").join("segments"));
        let all = log.into_iter().chain(files(&self.path.join("blobs")));
        all.filter_map(|path| Some(path.metadata().ok()?.len())).sum()
    }

    /// Goes through it; `done` counts bytes.
    ///
    /// # Errors
    /// When there is nothing to read.
    pub fn verify(&self, done: &AtomicU64) -> Result<Verified, LogError> {
        let reading = Reading { folds: self.folds, done, read: Mutex::default() };
        let see = |host: HostId, entry: &Entry| reading.see(host, entry);
        let dir = self.path.join("log");
        let report = if self.is_backup { Logs::audit_backup(&dir, &see) } else { Logs::audit(&dir, &see) }?;
        let mut verified = Verified { running: report.running, ..Verified::default() };
        for fault in &report.faults {
            verified.findings.push(of_fault(fault.host, &fault.error, &dir, self.is_backup));
        }
        for note in report.notes {
            let (host, path, what) = (note.host, note.path, note.what);
            let advice = "nothing: it mends itself";
            verified.findings.push(Finding { is_fault: false, host, path, position: 0, what, advice });
        }
        let read = reading.read.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (host, log) in report.hosts {
            let seen = read.hosts.get(&host);
            let state = seen.filter(|_| self.folds).map(|seen| shown(&seen.ledger));
            let recorded_at = seen.and_then(|seen| seen.recorded_at);
            verified.hosts.insert(host, HostVerified { log, recorded_at, state });
        }
        verified.entries = read.hosts.values().map(|seen| seen.entries).sum();
        verified.findings.extend(read.findings);
        verified.named = read.named;
        self.workbooks(done, &mut verified);
        self.snapshots(&mut verified);
        verified.findings.sort_by_key(|finding| !finding.is_fault);
        Ok(verified)
    }

    /// Notes the snapshots that a start would pass over; what another version wrote is not wrong.
    fn snapshots(&self, verified: &mut Verified) {
        let folder = snapshots::folder(self.path);
        let found = snapshot::found(&folder).unwrap_or_else(|error| {
            verified.findings.push(of_snapshot(None, folder, &error));
            Vec::new()
        });
        for one in found {
            let host = verified.hosts.iter().find(|(host, _)| host.to_string() == one.of);
            // What is read of a directory on which a process works may be a little behind.
            let end = host.filter(|_| !verified.running).map_or(u64::MAX, |(_, known)| known.log.position);
            let ahead = if one.entries > end { Err(SnapshotError::Ahead) } else { Ok(()) };
            if let Err(error) = one.outcome.and(ahead) {
                verified.findings.push(of_snapshot(host.map(|(host, _)| *host), one.path, &error));
            }
        }
    }

    /// Reads every workbook that is there, on several threads, and misses those that aren't.
    fn workbooks(&self, done: &AtomicU64, verified: &mut Verified) {
        // One whose log doesn't hold is here as well.
        let damaged = verified.findings.iter().filter_map(|finding| finding.host.as_ref());
        let here: BTreeSet<ServiceName> = verified.hosts.keys().chain(damaged).map(|host| host.service).collect();
        let dir = |service: ServiceName| self.path.join("blobs").join(service.name());
        let mut findings = Vec::new();
        for ((service, hash), is_original) in verified.named.iter().filter(|((service, _), _)| here.contains(service)) {
            let path = dir(*service).join(hash.to_string());
            if !path.exists() {
                let (what, advice) = if *is_original {
                    ("a workbook that was sent isn't there", "copy it back from a backup; it can't be made again")
                } else {
                    let advice = "`usage-ledger audit replay --workbooks --put-back` makes it again";
                    ("a workbook that the ledger made isn't there", advice)
                };
                findings.push(Finding {
                    is_fault: *is_original,
                    host: None,
                    path,
                    position: 0,
                    what: what.to_owned(),
                    advice,
                });
            }
        }
        let there: Vec<PathBuf> = ServiceName::WRITERS.into_iter().flat_map(|service| kept(&dir(service))).collect();
        let (next, changed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while let Some(path) = there.get(next.fetch_add(1, Ordering::Relaxed)) {
                        changed.lock().unwrap_or_else(PoisonError::into_inner).extend(workbook(path, done));
                    }
                });
            }
        });
        verified.workbooks = there.len() as u64;
        findings.extend(changed.into_inner().unwrap_or_else(PoisonError::into_inner));
        verified.findings.extend(findings);
    }
}

/// Reads a workbook, whose name is its digest.
fn workbook(path: &Path, done: &AtomicU64) -> Option<Finding> {
    let what = match blobs::digest(path) {
        Ok((hash, bytes)) => {
            done.fetch_add(bytes, Ordering::Relaxed);
            let is_named = path.file_name().is_some_and(|name| name.to_string_lossy() == hash.to_string());
            (!is_named).then(|| "the workbook isn't what was kept under its name".to_owned())
        }
        Err(error) => Some(runtime::nats::reasons(&error)),
    };
    let advice = "delete it and copy it back from a backup, or make it again with `usage-ledger audit replay --workbooks \
                  --put-back` if the ledger made it";
    what.map(|what| Finding { is_fault: true, host: None, path: path.to_owned(), position: 0, what, advice })
}

/// What one host's entries said.
#[derive(Default)]
struct Seen {
    entries: u64,
    recorded_at: Option<Moment>,
    ledger: Ledger,
    vouched: Vouched,
}

#[derive(Default)]
struct Read {
    hosts: BTreeMap<HostId, Seen>,
    /// Workbooks that facts name, and whether they were sent.
    named: BTreeMap<(ServiceName, Hash), bool>,
    findings: Vec<Finding>,
}

/// What is learned while entries go by.
struct Reading<'a> {
    folds: bool,
    done: &'a AtomicU64,
    read: Mutex<Read>,
}

impl Reading<'_> {
    fn see(&self, host: HostId, entry: &Entry) {
        let bytes = 4 + FRAME_BYTES_FIXED + entry.payload.as_ref().map_or(0, Vec::len);
        self.done.fetch_add(bytes as u64, Ordering::Relaxed);
        // The long part of the work is done before the lock is taken.
        let event = entry.payload.as_deref().map(decode_event);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let read = &mut *read;
        let seen = read.hosts.entry(host).or_default();
        seen.entries += 1;
        match event {
            Some(Ok(event)) => {
                if entry.own {
                    seen.recorded_at = Some(event.recorded_at);
                    let broken = seen.vouched.see(&entry.header, &event.fact);
                    read.findings.extend(broken.map(|what| Finding {
                        is_fault: true,
                        host: Some(host),
                        path: PathBuf::new(),
                        position: entry.position,
                        what,
                        advice: "compare the log with a backup, and with the checkpoints that others were given",
                    }));
                }
                read.named.extend(workbooks_of(&event));
                if self.folds {
                    seen.ledger.evolve(entry.header.sequence, &event);
                }
            }
            Some(Err(error)) => read.findings.push(Finding {
                is_fault: true,
                host: Some(host),
                path: PathBuf::new(),
                position: entry.position,
                what: format!("the fact can't be read: {error}"),
                advice: "use the version of usage-ledger that wrote it, or a newer one",
            }),
            None => {}
        }
    }
}

/// The workbooks that a fact names, and whether each was sent.
fn workbooks_of(event: &Event) -> BTreeSet<((ServiceName, Hash), bool)> {
    let made = |service: ServiceName, hashes: &[Option<Hash>]| {
        hashes.iter().flatten().map(|hash| ((service, *hash), false)).collect()
    };
    match &event.fact {
        Fact::UploadOpened(upload) => [((ServiceName::Ingestion, upload.blob), true)].into(),
        Fact::ReconciliationReceived { blob, .. } => [((ServiceName::Extraction, *blob), true)].into(),
        Fact::ProcessedWritten { vendor, provider, rejects, .. } => {
            made(ServiceName::Validation, &[Some(*vendor), *provider, *rejects])
        }
        Fact::ChunkWritten { blob, .. } => made(ServiceName::Extraction, &[Some(*blob)]),
        Fact::ReconciliationProcessed { processed, .. } => made(ServiceName::Extraction, &[*processed]),
        _ => BTreeSet::new(),
    }
}

fn of_snapshot(host: Option<HostId>, path: PathBuf, error: &SnapshotError) -> Finding {
    let what = format!("the snapshot can't be used: {error}");
    let advice = "delete it if it stays; a start passes it over and reads more of the log instead";
    Finding { is_fault: false, host, path, position: 0, what, advice }
}

fn of_fault(host: Option<HostId>, error: &LogError, dir: &Path, is_backup: bool) -> Finding {
    let (path, position) = error.place();
    let advice = match error {
        LogError::HeardMore { .. } => "facts are missing at its end: look for a newer copy of that log",
        LogError::ArchiveBehind { .. } => {
            "see whether the disk is full; the process writes it again when there is room"
        }
        LogError::Damaged { path, .. }
            if !is_backup && path.extension().is_some_and(|extension| extension == "open") =>
        {
            "find out what changed it; where the database holds, the next start writes it again"
        }
        _ if is_backup => "copy the file again from where the backup was made, or use another backup",
        LogError::Io { .. } => "see whether the directory is right and may be read",
        _ => {
            "keep the directory as it is; `usage-ledger audit restore` makes a new one from a backup or from its segments"
        }
    };
    let path = path.unwrap_or(dir).to_owned();
    let what = runtime::nats::reasons(error).replace(SAYS_MORE, "");
    Finding { is_fault: true, host, path, position, what, advice }
}

/// Every file below a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] }).collect()
}

/// The workbooks in a folder; what is being written isn't one yet.
pub(super) fn kept(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut kept: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    kept.sort();
    kept
}
