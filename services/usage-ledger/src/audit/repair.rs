//! What is missing or damaged in a data directory, in plain sentences, and what of it can be put right without losing
//! anything. The rest is refused, with what to do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use ledger::{Hash, HostId, ServiceName};
use runtime::blobs::{self, BlobError, Blobs};
use runtime::clock::Clock;
use runtime::log::{LogError, LogSettings, Logs, LostSegment};
use serde_json::{Value, json};

use super::AuditError;
use super::place::Place;
use super::replay::{Destination, Remaking};
use super::verify::{Finding, Target, Verified};

/// Where damaged originals are kept, in the data directory.
pub const ASIDE: &str = "damaged";

/// What becomes of something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It is put right like this, and loses nothing.
    Mended(String),
    /// It isn't; this is to be done.
    Refused(String),
}

/// Something that is missing or damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Whose log, where it is one host's.
    pub host: Option<HostId>,
    /// The file or folder.
    pub path: PathBuf,
    /// The position in the host's log, or 0.
    pub position: u64,
    /// What was found.
    pub what: String,
    /// What that means.
    pub means: &'static str,
    /// What becomes of it.
    pub remedy: Remedy,
}

impl Damage {
    /// Whether something remains to be done by somebody.
    #[must_use]
    pub fn remains(&self) -> bool {
        matches!(self.remedy, Remedy::Refused(_))
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let (mended, remedy) = match &self.remedy {
            Remedy::Mended(how) => (true, how),
            Remedy::Refused(advice) => (false, advice),
        };
        json!({ "host": self.host.map(|host| host.to_string()), "path": self.path, "position": self.position,
            "what": self.what, "means": self.means, "mended": mended, "remedy": remedy })
    }
}

/// A data directory to be looked at and, if wanted, put right.
#[derive(Clone, Copy, Debug)]
pub struct Repair<'a> {
    /// The data directory.
    pub data: &'a Path,
    /// A backup of it.
    pub from: Option<&'a Path>,
    /// Whether anything is changed.
    pub does: bool,
}

impl Repair<'_> {
    /// Looks for damage and, if wanted, puts right what can be; everything that was found, in the order of its repair.
    ///
    /// # Errors
    /// When a process works on the directory, or it can't be read or written.
    pub fn run(&self, done: &AtomicU64) -> Result<Vec<Damage>, AuditError> {
        let mut verified = self.verify(done)?;
        let mut found = self.log(&verified)?;
        if self.does && found.iter().all(|damage| !damage.remains()) && !found.is_empty() {
            self.start()?;
            verified = self.verify(done)?;
        }
        self.workbooks(&verified, &mut found)?;
        if self.does {
            verified = self.verify(done)?;
        }
        for finding in verified.findings.iter().filter(|finding| finding.is_fault) {
            // What was put right explains nothing any more.
            let mut causes = found.iter().filter(|damage| !self.does || damage.remains());
            if !causes.any(|damage| explains(damage, finding)) {
                found.push(refused(finding));
            }
        }
        Ok(found)
    }

    fn verify(&self, done: &AtomicU64) -> Result<Verified, AuditError> {
        let path = self.data;
        if !path.join("log").is_dir() {
            return Err(AuditError::NoLedger { path: path.to_owned() });
        }
        let verified =
            Target { path, is_backup: false, folds: false }.verify(done).map_err(|source| self.failed(source))?;
        if verified.running { Err(AuditError::Runs { path: path.to_owned() }) } else { Ok(verified) }
    }

    fn failed(&self, source: LogError) -> AuditError {
        AuditError::Open { path: self.data.to_owned(), source }
    }

    fn aside(&self) -> PathBuf {
        self.data.join(ASIDE)
    }

    /// Opens the log and closes it, as a start does: it checks everything that it relies on, and writes what a crash has
    /// left undone.
    fn start(&self) -> Result<(), AuditError> {
        let dir = self.data.join("log");
        let opened = Logs::named(&dir).and_then(|hosts| Logs::open(&dir, &hosts, LogSettings::default()));
        opened.map(Logs::close).map_err(|source| self.failed(source))
    }

    /// Sealed segments, from the backup; open ones and the anchor, from the database.
    fn log(&self, verified: &Verified) -> Result<Vec<Damage>, AuditError> {
        let (dir, aside) = (self.data.join("log"), self.does.then(|| self.aside()));
        let backup = self.from.map(|from| from.join("log"));
        // Without a database it can't be said which segments are the right ones: then the findings stay.
        let lost = Logs::lost_segments(&dir, backup.as_deref(), aside.as_deref()).unwrap_or_default();
        let mut found: Vec<Damage> = lost.iter().map(|lost| self.sealed(lost)).collect();
        for finding in verified.findings.iter().filter(|finding| finding.is_fault && is_open(finding)) {
            if let (Some(aside), Some(host)) = (&aside, finding.host) {
                Logs::put_aside(&finding.path, &aside.join(host.to_string())).map_err(|source| self.failed(source))?;
            }
            let how = format!("kept in {}, and written again from the database", self.aside().display());
            found.push(of(finding, "the copy of the newest part is worth nothing; the database has all of it", how));
        }
        for finding in verified.findings.iter().filter(|finding| !finding.is_fault && finding.path.starts_with(&dir)) {
            let how = "written as the next start would".to_owned();
            found.push(of(finding, "a crash or a power cut came in between; nothing acknowledged is concerned", how));
        }
        Ok(found)
    }

    fn sealed(&self, lost: &LostSegment) -> Damage {
        let (host, path, position) = (Some(lost.host), lost.path.clone(), lost.first);
        let what = match &lost.why {
            Some(why) => format!("positions {position} to {} are damaged: {why}", lost.last),
            None => format!("positions {position} to {} are missing: the sealed segment isn't there", lost.last),
        };
        let remedy = match (&lost.source, self.from) {
            (Some(source), _) if lost.why.is_some() => Remedy::Mended(format!(
                "kept in {}, and put back from {}, which leads to what the database begins with",
                self.aside().display(),
                source.display()
            )),
            (Some(source), _) => Remedy::Mended(format!(
                "put back from {}, which leads to what the database begins with",
                source.display()
            )),
            (None, Some(from)) => Remedy::Refused(format!(
                "{} doesn't have it, or not this ledger's: name another backup with --from, or make a ledger of a backup \
                 with `usage-ledger audit restore`",
                from.display()
            )),
            (None, None) => Remedy::Refused(
                "name a backup with --from; without one, `usage-ledger audit restore` can make a ledger of what comes \
                 before"
                    .to_owned(),
            ),
        };
        let means = "these facts can't be read, and the ledger doesn't start as long as they are not there";
        Damage { host, path, position, what: what.replace(super::verify::SAYS_MORE, ""), means, remedy }
    }

    /// Workbooks: from the backup, or made again.
    fn workbooks(&self, verified: &Verified, found: &mut Vec<Damage>) -> Result<(), AuditError> {
        let (folder, log) = (self.data.join("blobs"), self.data.join("log"));
        // Of a damaged open segment the database has everything.
        let hides_facts = |finding: &Finding| finding.is_fault && finding.path.starts_with(&log) && !is_open(finding);
        let is_log_read = !verified.findings.iter().any(hides_facts);
        let mut remade = BTreeSet::new();
        for finding in verified.findings.iter().filter(|finding| finding.path.starts_with(&folder)) {
            let name = |path: Option<&Path>| Some(path?.file_name()?.to_string_lossy().into_owned());
            let service = name(finding.path.parent())
                .and_then(|name| ServiceName::WRITERS.into_iter().find(|service| service.name() == name));
            let hash = name(Some(&finding.path)).and_then(|name| Hash::from_hex(&name));
            let Some((service, hash)) = service.zip(hash) else { continue };
            let is_original = verified.named.get(&(service, hash)).copied();
            let source = self.from.map(|from| from.join("blobs").join(service.name()).join(hash.to_string()));
            let source = source.filter(|source| blobs::digest(source).is_ok_and(|(found, _)| found == hash));
            let (means, how) = match (is_original, &source) {
                (Some(true), _) => (
                    "an upload can't be downloaded or read again; what was read of it is in the log",
                    Err("name a backup that has it with --from, or put the file that was sent there under this name"),
                ),
                (Some(false), _) => {
                    ("it can't be downloaded; the ledger made it, and can make it again", Ok("made again"))
                }
                (None, _) if !is_log_read => (
                    "it isn't known whether a fact names it: a part of the log can't be read",
                    Err("put the log right first, and look again; it stays where it is"),
                ),
                (None, _) => ("no fact names it", Ok("left out")),
            };
            let how = source
                .as_ref()
                .map_or(how.map(str::to_owned), |source| Ok(format!("put back from {}", source.display())));
            let how = match how {
                Ok(how) => how,
                Err(advice) => {
                    let remedy = Remedy::Refused(advice.to_owned());
                    found.push(Damage { remedy, ..of(finding, means, String::new()) });
                    continue;
                }
            };
            let kept =
                if finding.path.exists() { format!("kept in {}, and ", self.aside().display()) } else { String::new() };
            found.push(of(finding, means, format!("{kept}{how}")));
            if self.does {
                let aside = self.aside().join(service.name());
                Logs::put_aside(&finding.path, &aside).map_err(|source| self.failed(source))?;
                match source {
                    Some(source) => put_back(&source, &folder.join(service.name()))?,
                    None if is_original.is_some() => drop(remade.insert((service, hash))),
                    None => {}
                }
            }
        }
        if remade.is_empty() { Ok(()) } else { self.remake(found) }
    }

    /// Makes the workbooks again that are missing.
    fn remake(&self, found: &mut [Damage]) -> Result<(), AuditError> {
        let place = Place::open(&[self.data.to_owned()])?;
        if place.check_whole().is_err() {
            let advice = "its ledger runs apart: `usage-ledger audit replay --workbooks --put-back` makes it again, with a \
                          --data for the directory of each service";
            for damage in found.iter_mut().filter(|damage| !damage.path.exists()) {
                damage.remedy = Remedy::Refused(advice.to_owned());
            }
            return Ok(());
        }
        let temp = tempfile::tempdir().map_err(AuditError::Temp)?;
        let (into, threads) = (Destination::Place, std::thread::available_parallelism().map_or(1, usize::from));
        let (temp, clock, done) = (temp.path(), Clock::Machine, &AtomicU64::default());
        Remaking { place: &place, into, temp, clock, threads, done }.run().map(drop)
    }
}

/// Whether it is about an open segment.
fn is_open(finding: &Finding) -> bool {
    finding.path.extension().is_some_and(|extension| extension == "open")
}

/// Copies a workbook that was found whole.
fn put_back(source: &Path, folder: &Path) -> Result<(), AuditError> {
    let blobs = Blobs::open(folder)?;
    let draft = blobs.temp().join(blobs::unique());
    let copied = std::fs::copy(source, &draft);
    copied.map_err(|error| BlobError::Io { action: "copy", path: source.to_owned(), source: error })?;
    blobs.adopt(&draft)?;
    Ok(())
}

fn of(finding: &Finding, means: &'static str, how: String) -> Damage {
    let Finding { host, path, position, what, .. } = finding.clone();
    Damage { host, path, position, what, means, remedy: Remedy::Mended(how) }
}

fn refused(finding: &Finding) -> Damage {
    let means = "what is recorded can't be trusted as it is, and nothing here can be put right without a doubt";
    Damage { remedy: Remedy::Refused(finding.advice.to_owned()), ..of(finding, means, String::new()) }
}

/// Whether a fault is what a damage is about: the same file, or a log that can't be read because of it.
fn explains(damage: &Damage, finding: &Finding) -> bool {
    let is_segment = damage.path.extension().is_some_and(|extension| extension == "seg");
    damage.host == finding.host && (damage.path == finding.path || is_segment)
}
