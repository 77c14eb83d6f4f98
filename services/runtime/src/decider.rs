//! What a service is: pure decisions about a ledger, and jobs whose results come back as decisions.
//!
//! What is to be done next is read off the ledger (`next`), not off the event that just came: after a crash the same
//! question gives the same answer, so no cursor of reactions has to be kept (see docs/architecture.md).

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::report::Receipt;
use ledger::{Command, Context, Event, Fact, FileId, HostId, Ledger, Rejection, ServiceName, Subject};
use tokio::sync::{mpsc, oneshot};

use crate::blobs::{Blobs, Unfinished};
use crate::clock::Clock;
use crate::disk;
use crate::meters::Meters;
use crate::records::Records;
use crate::source::Source;
use crate::trace::Trace;

/// A disk that refused is tried again after this: room is made by people, and a workbook takes seconds to write.
const DISK_PAUSE: Duration = Duration::from_secs(3);
/// How often a job that waits looks whether the process stops.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Facts in the order in which they are to be recorded, each with what it is about.
pub type Facts = Vec<(Subject, Fact)>;

/// A job's proposal came too late: another upload or attempt counts now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

/// What a service has to do about a file.
#[derive(Debug)]
pub enum Next<Own> {
    /// Nothing.
    Nothing,
    /// Something, once another job has ended or the catalog has moved on.
    Later,
    /// Decide this now.
    Conclude(Own),
    /// Decide this now, then run the job that [`Decider::job`] names.
    Begin(Own),
}

/// A service's pure half, and the jobs that it runs.
pub trait Decider: Send + Sync + 'static {
    /// Its name.
    const SERVICE: ServiceName;
    /// Whose facts it hears.
    const HEARS: &'static [ServiceName];
    /// Whose objects it hears that are kept for all partitions, in partition 0 (docs/partitions.md).
    const HEARS_FIRST: &'static [ServiceName] = &[];
    /// What only the service tells itself: beginnings and results of jobs.
    type Own: Send + std::fmt::Debug + 'static;
    /// Long work.
    type Job: Send + 'static;

    /// Decides what somebody asked for. Pure.
    ///
    /// # Errors
    /// The first [`Rejection`] in order of precedence that applies.
    fn decide(&self, ledger: &Ledger, command: &Command, context: &Context) -> Result<Facts, Rejection>;

    /// Decides what the service told itself. Pure.
    ///
    /// # Errors
    /// [`Stale`] when the ledger has moved on; nothing is recorded then.
    fn conclude(&self, ledger: &Ledger, own: Self::Own, context: &Context) -> Result<Facts, Stale>;

    /// What is to be done about a file of which no job runs. Pure.
    fn next(&self, ledger: &Ledger, file: FileId, running: &BTreeSet<FileId>) -> Next<Self::Own>;

    /// The word for the work that a beginning begins, for whoever watches.
    fn work(_own: &Self::Own) -> &'static str {
        "work"
    }

    /// The job that the ledger asks for after a beginning was recorded; none when the beginning was an end.
    fn job(&self, ledger: &Ledger, file: FileId) -> Option<Self::Job>;

    /// Runs a job, off the loop. What it learns it tells through its tools.
    fn perform(&self, job: Self::Job, tools: &Tools<Self::Own>);

    /// Hears every event that was folded, own or heard: for caches that are derived from the log.
    fn heard(&self, _ledger: &Ledger, _host: HostId, _sequence: u64, _event: &Event) {}

    /// What was made of the events that it heard, as bytes for a snapshot.
    fn keep(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes up what it kept, before it hears what came after; `log` is the service's own. False where the bytes are
    /// not its own: nothing has changed then.
    fn resume(&self, kept: &[u8], _ledger: &Ledger, _log: &Source) -> bool {
        kept.is_empty()
    }

    /// What became of each record of a command that reports some, in its order. `recorded` is what was recorded for the
    /// command when it came before; it is empty where the command was decided just now and nothing is folded yet.
    fn receipts(&self, _command: &Command, _recorded: &[Event]) -> Vec<Receipt> {
        Vec::new()
    }

    /// The fact that notes a refusal, for the service that keeps them; `count` equal ones since the last.
    fn refused(&self, _command: &Command, _rejection: &Rejection, _count: u32) -> Option<(Subject, Fact)> {
        None
    }
}

/// What a job may use.
#[derive(Debug)]
pub struct Tools<Own> {
    pub(crate) file: FileId,
    pub(crate) trace: Option<Trace>,
    pub(crate) results: mpsc::Sender<Proposal<Own>>,
    pub(crate) meters: Meters,
    /// What the job does.
    pub(crate) what: &'static str,
    /// The service's own blobs.
    pub blobs: Arc<Blobs>,
    /// The records of all files.
    pub records: Records,
    /// The time, for names of files and the like.
    pub clock: Clock,
    /// A folder for caches that may be deleted.
    pub cache: PathBuf,
}

/// A job's result on its way to the loop.
#[derive(Debug)]
pub(crate) struct Proposal<Own> {
    pub(crate) own: Own,
    pub(crate) trace: Option<Trace>,
    pub(crate) answer: oneshot::Sender<Result<Vec<u64>, Stale>>,
}

impl<Own> Tools<Own> {
    /// The file that the job is about.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.file
    }

    /// Tells the service what was found; gives the sequences of the facts that came of it.
    ///
    /// # Errors
    /// [`Stale`] when nobody wants the result any more: the job ends then. So it is when the process stops: what a job
    /// couldn't reach any more says nothing about its file.
    pub fn tell(&self, own: Own) -> Result<Vec<u64>, Stale> {
        if self.records.is_stopping() {
            return Err(Stale);
        }
        let (answer, told) = oneshot::channel();
        self.results.blocking_send(Proposal { own, trace: self.trace, answer }).map_err(|_| Stale)?;
        told.blocking_recv().map_err(|_| Stale)?
    }

    /// Does something again and again for as long as the disk refuses it: nothing is wrong with the file then, and its job
    /// isn't one that crashed. None when the process stops meanwhile: the next one does it, and nothing is to be told.
    pub fn patiently<T, E: Error + 'static>(&self, mut work: impl FnMut() -> Result<T, E>) -> Option<Result<T, E>> {
        loop {
            let outcome = work();
            if !outcome.as_ref().is_err_and(|error| self.waits_for_disk(error)) {
                return Some(outcome);
            }
            if self.records.is_stopping() {
                return None;
            }
        }
    }

    /// Whether the disk refused, after a pause in which it may have been mended or the process told to stop; `/readyz`
    /// notes meanwhile what is waited for.
    #[must_use]
    pub fn waits_for_disk(&self, error: &(dyn Error + 'static)) -> bool {
        let Some(said) = disk::refusal(error).filter(|_| self.records.is_patient()) else { return false };
        let (what, file) = (self.what, self.file);
        tracing::warn!(%file, what, error, %said, "a job waits for the disk");
        self.meters.note(&self.about(), Some(format!("The job {what} of {file} waits for the disk: {error}: {said}.")));
        let begun = Instant::now();
        while begun.elapsed() < DISK_PAUSE && !self.records.is_stopping() {
            std::thread::sleep(LOOK_EVERY);
        }
        true
    }

    /// What is noted of the job, if anything.
    pub(crate) fn about(&self) -> String {
        format!("{} {}", self.what, self.file)
    }

    /// A path for a file in progress, next to the blobs. What isn't taken over as a blob is removed with it.
    #[must_use]
    pub fn temp_path(&self, name: &str) -> Unfinished {
        Unfinished(self.blobs.temp().join(format!("{name}-{}", crate::blobs::unique())))
    }

    /// The folder for work in progress.
    #[must_use]
    pub fn temp(&self) -> &Path {
        self.blobs.temp()
    }
}
