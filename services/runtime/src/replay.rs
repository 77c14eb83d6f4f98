//! A host's log once more, off the disk: what a job was begun with is found again, the job is done again, and what comes of
//! it is compared with what was recorded. Nothing is recorded by it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ledger::fact::Work;
use ledger::{Context, Event, Fact, FileId, Hash, Ledger, Scope, Subject};
use tokio::sync::mpsc;

use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::decider::{Decider, Proposal, Stale, Tools};
use crate::log::{Entry, LogReader};
use crate::meters::Meters;
use crate::records::Records;
use crate::source::SourceError;

/// What jobs work with.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The service's workbooks.
    pub blobs: Arc<Blobs>,
    /// The records of all files.
    pub records: Records,
    /// The time.
    pub clock: Clock,
    /// A folder for caches.
    pub cache: PathBuf,
}

/// A job that was begun and came to an end.
pub struct Ended<D: Decider> {
    /// About which file.
    pub file: FileId,
    /// What was recorded at its end, each with its sequence, in order.
    pub recorded: Vec<(u64, Event)>,
    job: D::Job,
    /// What was known of the file when the job ended.
    view: Ledger,
}

/// What came of a job that was done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What was recorded then, to the last byte.
    Same,
    /// It failed then, for a reason that isn't there any more.
    FailedThen {
        /// What is there now.
        now: Vec<Fact>,
    },
    /// Something else.
    Differs {
        /// What is there now.
        now: Vec<Fact>,
    },
}

/// A job without its end yet.
struct Begun<D: Decider> {
    work: Work,
    job: D::Job,
    view: Ledger,
    /// What was recorded last, all of it for one cause: the end of a job is recorded in one go.
    last: Vec<(u64, Event)>,
}

impl<D: Decider> Begun<D> {
    /// Takes in an own fact about the file.
    fn take(&mut self, sequence: u64, event: &Event) {
        if self.last.first().is_some_and(|(_, first)| first.cause != event.cause) {
            for (sequence, event) in self.last.drain(..) {
                self.view.evolve(sequence, &event);
            }
        }
        self.last.push((sequence, event.clone()));
    }
}

/// Goes through a host's log and gives every job of some kinds that has an end, in the order of their ends. An attempt that
/// came to nothing has none. Blocks.
///
/// # Errors
/// When the log can't be read, or what `take` says.
pub fn ended<D: Decider, E: From<SourceError>>(
    decider: &D,
    log: &LogReader,
    works: &[Work],
    mut take: impl FnMut(Ended<D>) -> Result<(), E>,
) -> Result<(), E> {
    let (mut ledger, mut open) = (Ledger::default(), BTreeMap::<FileId, Begun<D>>::new());
    for entry in log.entries(1) {
        let entry = entry.map_err(SourceError::from)?;
        let Some((event, own)) = decoded(&entry)? else { continue };
        let sequence = entry.header.sequence;
        ledger.evolve(sequence, &event);
        let Subject::File(file) = event.subject else { continue };
        if let Some(begun) = open.get_mut(&file) {
            if own {
                begun.take(sequence, &event);
            } else {
                begun.view.evolve(sequence, &event);
            }
        }
        if !own {
            continue;
        }
        if open.get(&file).is_some_and(|begun| event.fact.ends(begun.work))
            && let Some(Begun { job, view, last: recorded, .. }) = open.remove(&file)
        {
            take(Ended { file, recorded, job, view })?;
        }
        if let Some(work) = event.fact.begins() {
            open.remove(&file);
            let job = works.contains(&work).then(|| decider.job(&ledger, file)).flatten();
            if let (Some(job), Some(known)) = (job, ledger.files.get(&file)) {
                let files = BTreeMap::from([(file, known.clone())]);
                let view = Ledger { catalog: ledger.catalog.clone(), files, ..Ledger::default() };
                open.insert(file, Begun { work, job, view, last: Vec::new() });
            }
        }
    }
    Ok(())
}

/// The last work of a kind about a file that came to an end: the position at which it was begun, and its end; none where
/// none did. Blocks.
///
/// # Errors
/// When the log can't be read.
pub fn last_ended(log: &LogReader, file: FileId, work: Work) -> Result<Option<(u64, Fact)>, SourceError> {
    let (mut begun, mut last) = (None, None);
    for entry in log.entries(1) {
        let entry = entry?;
        let Some((event, true)) = decoded(&entry)?.filter(|(event, _)| event.subject == Subject::File(file)) else {
            continue;
        };
        if event.fact.begins() == Some(work) {
            begun = Some(entry.position);
        } else if event.fact.ends(work) {
            last = begun.take().map(|begun| (begun, event.fact)).or(last);
        }
    }
    Ok(last)
}

/// What a service knew when its log went up to a position, with the caches that it derives from the log. Blocks.
///
/// # Errors
/// When the log can't be read.
pub fn known_at<D: Decider>(decider: &D, log: &LogReader, position: u64) -> Result<Ledger, SourceError> {
    let mut ledger = Ledger::default();
    for entry in log.entries(1) {
        let entry = entry?;
        if entry.position > position {
            break;
        }
        if let Some((event, _)) = decoded(&entry)? {
            let (host, sequence) = (entry.header.host, entry.header.sequence);
            ledger.evolve(sequence, &event);
            decider.heard(&ledger, host, sequence, &event);
        }
    }
    Ok(ledger)
}

/// What happened, and whether the log's own host said it; none where only the header was noted.
fn decoded(entry: &Entry) -> Result<Option<(Event, bool)>, SourceError> {
    let Some(payload) = &entry.payload else { return Ok(None) };
    let (host, sequence) = (entry.header.host, entry.header.sequence);
    let event = proto::decode_event(payload).map_err(|error| SourceError::Wire { host, sequence, error })?;
    Ok(Some((event, entry.own)))
}

impl<D: Decider> Ended<D> {
    /// Workbooks that it made then.
    #[must_use]
    pub fn workbooks(&self) -> Vec<Hash> {
        self.recorded.iter().flat_map(|(_, event)| event.fact.workbooks()).collect()
    }

    /// Does the job again, and compares. Blocks.
    #[must_use]
    pub fn again(self, decider: &D, bench: &Bench) -> Outcome {
        let Self { file, recorded, job, mut view } = self;
        let now = perform(decider, job, file, bench, |own| {
            let (sequence, event) = recorded.first().ok_or(Stale)?;
            let context = Context { now: event.recorded_at, scope: Scope::service(D::SERVICE) };
            let facts = decider.conclude(&view, own, &context)?;
            for (at, (_, fact)) in (*sequence..).zip(&facts) {
                view.evolve(at, &Event { fact: fact.clone(), ..event.clone() });
            }
            let sequences = (*sequence..).take(facts.len()).collect();
            Ok((facts.into_iter().map(|(_, fact)| fact).collect(), sequences))
        });
        let failed_then = |(_, event): &(u64, Event)| {
            matches!(
                event.fact,
                Fact::CheckFailed { .. } | Fact::ChunkFailed { .. } | Fact::ReconciliationFailed { .. }
            )
        };
        // What the host signs beside it isn't the job's.
        let is_signed = |fact: &&Fact| matches!(fact, Fact::StatementSigned { .. } | Fact::SigningKeyRecorded(_));
        if recorded.iter().map(|(_, event)| &event.fact).filter(|fact| !is_signed(fact)).eq(&now) {
            Outcome::Same
        } else if recorded.iter().any(failed_then) {
            Outcome::FailedThen { now }
        } else {
            Outcome::Differs { now }
        }
    }
}

/// Runs a job and asks what is concluded from each thing that it tells, and what sequences that gets; gives all of it. A
/// job that crashes ends early. Blocks.
pub fn perform<D: Decider>(
    decider: &D,
    job: D::Job,
    file: FileId,
    bench: &Bench,
    mut conclude: impl FnMut(D::Own) -> Result<(Vec<Fact>, Vec<u64>), Stale>,
) -> Vec<Fact> {
    let (results, mut proposals) = mpsc::channel(1);
    let Bench { blobs, records, clock, cache } = bench.clone();
    let tools =
        Tools { file, trace: None, results, meters: Meters::default(), what: "again", blobs, records, clock, cache };
    std::thread::scope(|scope| {
        // The tools go with the job: when it has ended, nothing more is proposed.
        let job = scope.spawn(move || decider.perform(job, &tools));
        let mut concluded = Vec::new();
        while let Some(Proposal { own, answer, .. }) = proposals.blocking_recv() {
            let told = conclude(own).map(|(facts, sequences)| {
                concluded.extend(facts);
                sequences
            });
            // A job that has ended meanwhile waits for nothing.
            drop(answer.send(told));
        }
        if job.join().is_err() {
            tracing::error!(%file, "a job crashed when it was done again");
        }
        concluded
    })
}
