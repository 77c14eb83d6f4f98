//! Making every workbook again that a ledger made, from its logs and from what was sent to it, and comparing their bytes.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use extraction::ExtractionService;
use ledger::fact::Work;
use ledger::{Fact, FileId, Hash, HostId, ServiceName};
use runtime::blobs::Blobs;
use runtime::clock::Clock;
use runtime::decider::Decider;
use runtime::replay::{Bench, Ended, Outcome, ended};
use validation::ValidationService;

use super::AuditError;
use super::place::Place;

/// Jobs that wait for a thread: each holds what is known of its file.
const WAITING_MAX: usize = 16;

/// What came of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remade {
    /// Whose log says that it was done.
    pub host: HostId,
    /// The sequence of the first fact that it ended with.
    pub sequence: u64,
    /// About which file.
    pub file: FileId,
    /// The workbooks that it made then.
    pub then: Vec<Hash>,
    /// The workbooks that it made now.
    pub now: Vec<Hash>,
    /// Whether it is the same as what was recorded.
    pub outcome: Outcome,
}

/// Where workbooks are made.
#[derive(Clone, Copy, Debug)]
pub enum Destination<'a> {
    /// In a folder of its own for each service.
    Folder(&'a Path),
    /// Among those that are there, so that missing ones are there again.
    Place,
}

/// What making workbooks again needs.
pub struct Remaking<'a> {
    /// Where the logs are.
    pub place: &'a Place,
    /// Where the workbooks go.
    pub into: Destination<'a>,
    /// For caches and files in progress.
    pub temp: &'a Path,
    /// The time, which must not matter.
    pub clock: Clock,
    /// On how many threads.
    pub threads: usize,
    /// Counts the jobs that were done.
    pub done: &'a AtomicU64,
}

impl Remaking<'_> {
    /// Does every job that made workbooks again; what came of each, in the order of the logs. Blocks.
    ///
    /// # Errors
    /// When a log can't be read, or workbooks can't be kept.
    pub fn run(&self) -> Result<Vec<Remade>, AuditError> {
        let mut all = Vec::new();
        for host in self.place.of(ServiceName::Validation) {
            let service = ValidationService::open(&self.temp.join(host.to_string()), 0)?;
            all.extend(self.of(&service, host)?);
        }
        for host in self.place.of(ServiceName::Extraction) {
            all.extend(self.of(&ExtractionService::default(), host)?);
        }
        Ok(all)
    }

    fn bench(&self, host: HostId) -> Result<Bench, AuditError> {
        let there = self.place.blobs(host)?;
        let blobs = match self.into {
            Destination::Place => Blobs::open(&there)?,
            Destination::Folder(folder) => Blobs::open(&folder.join(host.service.name()))?.above(there),
        };
        let (records, clock, cache) = (self.place.records(), self.clock.clone(), self.temp.to_owned());
        Ok(Bench { blobs: Arc::new(blobs), records, clock, cache })
    }

    fn of<D: Decider>(&self, service: &D, host: HostId) -> Result<Vec<Remade>, AuditError> {
        let (bench, log) = (self.bench(host)?, self.place.log(host)?);
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let receiver = Mutex::new(receiver);
        let mut all = std::thread::scope(|scope| {
            let working = (0..self.threads.max(1)).map(|_| scope.spawn(|| self.work(service, host, &bench, &receiver)));
            let working: Vec<_> = working.collect();
            let read = ended(service, log, &Work::WRITING, |job| sender.send(job).map_err(|_| AuditError::Crashed));
            // Whoever waits for another job learns that there will be none.
            drop(sender);
            let mut all = Vec::new();
            for one in working {
                all.extend(one.join().map_err(|_| AuditError::Crashed)?);
            }
            read.map(|()| all)
        })?;
        all.sort_unstable_by_key(|one| one.sequence);
        Ok(all)
    }

    fn work<D: Decider>(
        &self,
        service: &D,
        host: HostId,
        bench: &Bench,
        jobs: &Mutex<Receiver<Ended<D>>>,
    ) -> Vec<Remade> {
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let mut all = Vec::new();
        while let Ok(job) = next() {
            let sequence = job.recorded.first().map_or(0, |(sequence, _)| *sequence);
            let (file, then) = (job.file, job.workbooks());
            let outcome = job.again(service, bench);
            let of = |facts: &[Fact]| facts.iter().flat_map(Fact::workbooks).collect();
            let now = match &outcome {
                Outcome::Same => then.clone(),
                Outcome::FailedThen { now } | Outcome::Differs { now } => of(now),
            };
            self.done.fetch_add(1, Ordering::Relaxed);
            all.push(Remade { host, sequence, file, then, now, outcome });
        }
        all
    }
}
