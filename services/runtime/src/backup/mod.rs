//! A backup that is written while the process works: the logs and the workbooks of a data directory in another folder, from
//! which a ledger can be restored at any moment.
//!
//! One thread of its own does a step as often as the open segments are written: it notes where the logs end, copies the
//! workbooks that are there, then the logs up to what was noted, and in the end says in the folder how far it is. So
//! what the folder says that it has, it has. Nothing of the process waits for it; a folder that is full or away is told of
//! and tried again. It never makes the folder itself: where a disk isn't mounted, nothing is written in its place.

mod books;
mod progress;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ledger::HostId;
use thiserror::Error;

use crate::blobs::BlobError;
use crate::clock::Clock;
use crate::log::{Aim, Copying, LogBackup, LogError, Logs};
use books::Books;
pub use progress::Progress;

/// After a step that failed: whoever mounts a disk doesn't do so more often.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How long a process that ends waits for its last step: a folder on another machine may never answer.
const LAST_STEP_MAX: Duration = Duration::from_secs(5);
/// What a folder may have in it that is to become a backup.
const NAMES: [&str; 3] = ["log", "blobs", "lost+found"];

/// A backup can't be begun, or gone on with.
#[derive(Debug, Error)]
pub enum BackupError {
    /// What is lost with one would be lost with the other.
    #[error("{dir} can't be a backup of {data}: one is within the other; name a folder on another disk")]
    Within {
        /// The backup.
        dir: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// Only services record.
    #[error("a process of the gateway alone records nothing: start those of the services with --backup")]
    NoLog,
    /// The folder isn't there.
    #[error("{dir} isn't there: mount its disk, or make it")]
    Away {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder can't be looked at.
    #[error("could not look at {path}")]
    Look {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Logs can't be copied.
    #[error("could not copy the log")]
    Log(#[from] LogError),
    /// Workbooks can't be copied.
    #[error("could not copy workbooks")]
    Workbooks(#[from] BlobError),
    /// No thread can be made.
    #[error("could not start a thread")]
    Thread(#[source] std::io::Error),
}

impl BackupError {
    /// Whether it is the folder that is wrong, and not what may be well again in a while.
    fn is_wrong(&self) -> bool {
        match self {
            Self::Within { .. } | Self::NoLog | Self::Thread(_) => true,
            Self::Log(error) => !matches!(error, LogError::Io { .. } | LogError::BackupGone { .. }),
            Self::Away { .. } | Self::Look { .. } | Self::Workbooks(_) => false,
        }
    }
}

/// A backup that is written.
#[derive(Debug)]
pub struct Backup {
    progress: Progress,
    /// Dropped, it tells the thread to do a last step.
    closing: mpsc::Sender<()>,
    /// Told by dropping the sender.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Backup {
    /// Begins to copy a data directory into a folder, or goes on with it.
    ///
    /// # Errors
    /// When the folder is another ledger's, holds something else or is in use. One that is away is none: it is waited for.
    pub fn start(logs: &Logs, data: &Path, dir: &Path, clock: &Clock) -> Result<Self, BackupError> {
        let copying = logs.copying();
        if copying.ends().is_empty() {
            return Err(BackupError::NoLog);
        }
        let progress = Progress::new(copying.clone(), clock.clone());
        let (data, dir) = (data.to_owned(), dir.to_owned());
        let mut copier = Copier { copying, data, dir, progress: progress.clone(), copied: None };
        match copier.claim() {
            Ok(copied) => copier.copied = Some(copied),
            Err(error) if error.is_wrong() => return Err(error),
            Err(error) => copier.failed(&error),
        }
        let (closing, closed) = mpsc::channel();
        let (ending, ended) = mpsc::channel();
        let work = move || {
            copier.run(&closed);
            drop(ending);
        };
        std::thread::Builder::new().name("backup".to_owned()).spawn(work).map_err(BackupError::Thread)?;
        Ok(Self { progress, closing, ended: Mutex::new(ended) })
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Copies what is left; whoever has nothing more to record asks for it. Blocks.
    pub fn finish(self) {
        drop(self.closing);
        let ended = self.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(LAST_STEP_MAX) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the backup isn't whole yet and isn't waited for; the next start goes on with it");
        }
    }
}

/// What is in a folder that was claimed.
struct Copied {
    log: LogBackup,
    books: Books,
    /// What it says that it has, as far as this process knows.
    aim: Option<Aim>,
}

/// The thread's work.
struct Copier {
    copying: Copying,
    data: PathBuf,
    dir: PathBuf,
    progress: Progress,
    copied: Option<Copied>,
}

impl Copier {
    fn run(mut self, closed: &mpsc::Receiver<()>) {
        loop {
            let pause = if self.copied.is_some() { self.copying.every() } else { RETRY_AFTER };
            let is_last = closed.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected);
            match self.step() {
                Ok(()) => {}
                // Without a log there is nothing that could be missing in the backup.
                Err(BackupError::Log(LogError::Closed)) => return,
                Err(error) => self.failed(&error),
            }
            if is_last {
                return;
            }
        }
    }

    /// Whatever was known of the folder may not be so any more.
    fn failed(&mut self, error: &BackupError) {
        self.copied = None;
        if self.progress.failed(crate::nats::reasons(error)) {
            let error = error as &dyn std::error::Error;
            tracing::warn!(dir = %self.dir.display(), error, "the backup can't go on, trying again");
        }
    }

    fn step(&mut self) -> Result<(), BackupError> {
        if self.copied.is_none() {
            self.copied = Some(self.claim()?);
        }
        let Some(copied) = &mut self.copied else { return Ok(()) };
        copied.log.check_place()?;
        let (begun, aim) = (Instant::now(), copied.log.aim());
        if copied.aim.as_ref() != Some(&aim) {
            // Workbooks first: a fact is recorded after the workbook that it names was kept.
            let progress = self.progress.clone();
            copied.books.copy(|bytes| progress.copied(bytes))?;
            progress.copied(copied.log.copy(&aim)?);
            copied.log.confirm(&aim)?;
        }
        if self.progress.confirmed(aim.positions(), begun) {
            tracing::info!(dir = %self.dir.display(), "the backup has everything again");
        }
        copied.aim = Some(aim);
        Ok(())
    }

    /// Takes the folder, if it is there and is ours.
    fn claim(&self) -> Result<Copied, BackupError> {
        let looked =
            |path: &Path| path.canonicalize().map_err(|source| BackupError::Look { path: path.to_owned(), source });
        if !self.dir.is_dir() {
            return Err(BackupError::Away { dir: self.dir.clone() });
        }
        let (data, dir) = (looked(&self.data)?, looked(&self.dir)?);
        if dir.starts_with(&data) || data.starts_with(&dir) {
            return Err(BackupError::Within { dir, data });
        }
        let names = std::fs::read_dir(&dir).map_err(|source| BackupError::Look { path: dir.clone(), source })?;
        if names.flatten().any(|name| NAMES.iter().all(|known| name.file_name() != **known)) {
            return Err(LogError::NotBackup { path: dir }.into());
        }
        let log = self.copying.claim(&dir.join("log"))?;
        Ok(Copied { log, books: Books::new(&data.join("blobs"), &dir.join("blobs")), aim: None })
    }
}

/// Entries of each log that a backup lacks.
fn missing(ends: &BTreeMap<HostId, u64>, held: &BTreeMap<HostId, u64>) -> u64 {
    ends.iter().map(|(host, end)| end.saturating_sub(held.get(host).copied().unwrap_or_default())).sum()
}
