//! Validation: every rule on every record, and the processed workbooks that say what was found.

mod check;
mod examine;
mod ids;
mod others;
mod processed;
pub mod record_ids;
mod reported;
pub mod rules;
#[cfg(test)]
mod tests;
mod windows;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::fact::{DynamicItem, FileChecked, RecordsChecked, SummaryLine};
use ledger::file::{ATTEMPTS_MAX, CheckingEnd, Processed, ReadingEnd};
use ledger::{Command, Context, Event, Fact, FileId, HostId, Ledger, Rejection, ServiceName, Subject, UsageFile};
use runtime::decider::{Decider, Facts, Next, Stale, Tools};
use runtime::source::Source;

pub use check::CheckJob;
pub use examine::{Draft, Examination, ExamineError, Examiner, Found};
pub use ids::{Ids, IdsError};
pub use others::CompareError;
pub use processed::WriteJob;
pub use reported::Reported;

/// Sums that one fact carries: about 100 bytes each, so that a fact stays well below a frame of the log.
const SUMMARY_LINES_MAX: usize = 500;

/// Items that one fact carries,
const DYNAMIC_ITEMS_MAX: usize = 200;
/// and the text of them: a fact stays well below a frame of the log whatever the alphabet.
const DYNAMIC_BYTES_MAX: usize = 48 * 1024;

/// The validation service and the index of record ids, which is derived from its log.
#[derive(Debug)]
pub struct ValidationService {
    ids: Arc<Ids>,
    /// For what a job doesn't keep in memory.
    temp: PathBuf,
}

impl ValidationService {
    /// A service whose index of record ids is cached in a folder; its log ends at the sequence `last`.
    ///
    /// # Errors
    /// When the folder can't be used.
    pub fn open(cache: &Path, last: u64) -> Result<Self, IdsError> {
        Ok(Self { ids: Arc::new(Ids::open(cache, last)?), temp: cache.to_owned() })
    }

    /// Examines records as a check does, for whoever wants to know what it would say.
    #[must_use]
    pub fn examiner(&self) -> Examiner {
        Examiner::new(Arc::clone(&self.ids), self.temp.clone())
    }
}

/// What validation tells itself.
#[derive(Clone, Debug)]
pub enum Own {
    /// Check the current upload of a file.
    StartCheck {
        /// Which file.
        file: FileId,
    },
    /// A batch was checked.
    Batch {
        /// Of which file.
        file: FileId,
        /// What was found.
        checked: Box<RecordsChecked>,
    },
    /// Every batch was checked.
    Done {
        /// Which file.
        file: FileId,
        /// The verdict.
        checked: Box<FileChecked>,
        /// Sums by subscription and item.
        lines: Vec<SummaryLine>,
        /// Items that records brought.
        items: Vec<DynamicItem>,
    },
    /// Checking failed for a reason that is not in the workbook.
    Failed {
        /// Which file.
        file: FileId,
        /// Which upload.
        upload: u32,
        /// Which attempt.
        attempt: u32,
        /// What happened and what to do.
        detail: String,
    },
    /// Write the processed workbooks.
    StartProcessed {
        /// Which file.
        file: FileId,
    },
    /// The processed workbooks were written.
    Processed {
        /// Which file.
        file: FileId,
        /// Which upload.
        upload: u32,
        /// The workbooks.
        written: Processed,
    },
}

/// Validation's long work.
#[derive(Debug)]
pub enum Job {
    /// Check a file.
    Check(Box<CheckJob>),
    /// Write its processed workbooks.
    Write(Box<WriteJob>),
}

impl Decider for ValidationService {
    const SERVICE: ServiceName = ServiceName::Validation;
    const HEARS: &'static [ServiceName] =
        &[ServiceName::Catalog, ServiceName::Approval, ServiceName::Ingestion, ServiceName::Extraction];
    type Own = Own;
    type Job = Job;

    fn decide(&self, _ledger: &Ledger, _command: &Command, _context: &Context) -> Result<Facts, Rejection> {
        // Nothing is asked of validation: what is to be checked it reads off the ledger.
        Err(Rejection::NotFound)
    }

    fn conclude(&self, ledger: &Ledger, own: Own, _context: &Context) -> Result<Facts, Stale> {
        match own {
            Own::StartCheck { file } => Ok(vec![(Subject::File(file), start(ledger, file)?)]),
            Own::Batch { file, checked } => {
                current(ledger, file, checked.upload, checked.attempt)?;
                Ok(vec![(Subject::File(file), Fact::RecordsChecked(checked))])
            }
            Own::Done { file, checked, lines, items } => done(ledger, file, checked, (&lines, &items)),
            Own::Failed { file, upload, attempt, detail } => {
                let known = ledger.file(file).and_then(UsageFile::current_checking).ok_or(Stale)?;
                let open = known.end.is_none() || known.processed.is_none();
                if (known.upload, known.attempt) != (upload, attempt) || !open {
                    return Err(Stale);
                }
                Ok(vec![(Subject::File(file), Fact::CheckFailed { upload, attempt, detail })])
            }
            Own::StartProcessed { file } => Ok(vec![(Subject::File(file), start_processed(ledger, file)?)]),
            Own::Processed { file, upload, written } => {
                let known = ledger.file(file).and_then(UsageFile::current_checking).ok_or(Stale)?;
                if known.upload != upload || known.processed.is_some() {
                    return Err(Stale);
                }
                let writer = workbook::usage::WRITER_VERSION;
                let Processed { vendor, provider, rejects } = written;
                Ok(vec![(Subject::File(file), Fact::ProcessedWritten { upload, vendor, provider, rejects, writer })])
            }
        }
    }

    fn next(&self, ledger: &Ledger, file: FileId, running: &BTreeSet<FileId>) -> Next<Own> {
        let Some(known) = ledger.file(file) else { return Next::Nothing };
        if known.approval.deleted_at.is_some() {
            return Next::Nothing;
        }
        let read = known.current_reading().and_then(|reading| reading.end.as_ref());
        if !matches!(read, Some(ReadingEnd::Read { .. })) {
            return Next::Nothing;
        }
        match known.current_checking().and_then(|checking| checking.end.as_ref().map(|end| (checking, end))) {
            None => {
                let position = known.approval.upload.as_ref().map_or(0, |upload| upload.catalog_position);
                // Files of one contract and product are checked one after the other, so that the ids of one are
                // known to the next.
                let scope = scope(known);
                let mut others = running.iter().filter_map(|other| ledger.file(*other));
                if ledger.catalog.position < position || others.any(|other| self::scope(other) == scope) {
                    return Next::Later;
                }
                Next::Begin(Own::StartCheck { file })
            }
            Some((checking, CheckingEnd::Checked { .. })) if checking.processed.is_none() => {
                Next::Begin(Own::StartProcessed { file })
            }
            Some(_) => Next::Nothing,
        }
    }

    fn work(own: &Self::Own) -> &'static str {
        match own {
            Own::StartProcessed { .. } => "write-processed",
            _ => "check",
        }
    }

    fn job(&self, ledger: &Ledger, file: FileId) -> Option<Job> {
        let known = ledger.file(file)?;
        let checking = known.current_checking()?;
        match checking.end {
            None => CheckJob::new(ledger, file, known, &self.examiner()).map(|job| Job::Check(Box::new(job))),
            Some(CheckingEnd::Checked { .. }) if checking.processed.is_none() => {
                Some(Job::Write(Box::new(WriteJob::new(file, known))))
            }
            Some(_) => None,
        }
    }

    fn perform(&self, job: Job, tools: &Tools<Own>) {
        match job {
            Job::Check(job) => job.run(tools, &self.ids),
            Job::Write(job) => job.run(tools),
        }
    }

    fn heard(&self, _ledger: &Ledger, host: HostId, sequence: u64, event: &Event) {
        if let (ServiceName::Validation, Subject::File(file), Fact::FileChecked(checked)) =
            (host.service, &event.subject, &event.fact)
        {
            self.ids.note(sequence, *file, checked);
        }
    }

    fn keep(&self) -> Vec<u8> {
        self.ids.keep()
    }

    fn resume(&self, kept: &[u8], ledger: &Ledger, log: &Source) -> bool {
        self.ids.resume(kept, ledger, log)
    }
}

/// What record ids are unique in.
fn scope(file: &UsageFile) -> Option<(&ledger::ObjectId, &ledger::ObjectId)> {
    file.approval.created.as_ref().map(|created| (&created.contract.id, &created.product.id))
}

fn start(ledger: &Ledger, file: FileId) -> Result<Fact, Stale> {
    let known = ledger.file(file).ok_or(Stale)?;
    let upload = known.upload();
    let last = known.current_checking().map_or(0, |checking| checking.attempt);
    if last < ATTEMPTS_MAX {
        let catalog_position = ledger.catalog.position;
        return Ok(Fact::CheckStarted { upload, attempt: last + 1, catalog_position });
    }
    let detail = "The service stopped three times while checking this file. Upload it again, or ask the operator to \
                  look at the log."
        .to_owned();
    Ok(Fact::CheckFailed { upload, attempt: last, detail })
}

fn start_processed(ledger: &Ledger, file: FileId) -> Result<Fact, Stale> {
    let checking = ledger.file(file).and_then(UsageFile::current_checking).ok_or(Stale)?;
    let (upload, attempt) = (checking.upload, checking.attempt);
    if checking.writing < ATTEMPTS_MAX {
        return Ok(Fact::ProcessedStarted { upload, attempt: checking.writing + 1, checkpoint: None });
    }
    let detail = "The service stopped three times while writing the processed workbook. Upload the file again, or ask \
                  the operator to look at the log."
        .to_owned();
    Ok(Fact::CheckFailed { upload, attempt, detail })
}

/// A result counts only for the upload and attempt that is current, and only until its end.
fn current(ledger: &Ledger, file: FileId, upload: u32, attempt: u32) -> Result<(), Stale> {
    let known = ledger.file(file).filter(|known| known.approval.deleted_at.is_none()).ok_or(Stale)?;
    let checking = known.current_checking().filter(|checking| checking.end.is_none()).ok_or(Stale)?;
    if (checking.upload, checking.attempt) == (upload, attempt) { Ok(()) } else { Err(Stale) }
}

fn done(
    ledger: &Ledger,
    file: FileId,
    mut checked: Box<FileChecked>,
    (lines, items): (&[SummaryLine], &[DynamicItem]),
) -> Result<Facts, Stale> {
    let (upload, attempt) = (checked.upload, checked.attempt);
    current(ledger, file, upload, attempt)?;
    let mut facts = Facts::new();
    for (part, lines) in (0..).zip(lines.chunks(SUMMARY_LINES_MAX)) {
        let lines = lines.to_vec();
        facts.push((Subject::File(file), Fact::UsageSummarized { upload, attempt, part, lines }));
    }
    checked.summary_parts = u32::try_from(facts.len()).unwrap_or(u32::MAX);
    for (part, items) in (0..).zip(parted(items)) {
        let items = items.to_vec();
        facts.push((Subject::File(file), Fact::DynamicItemsFound { upload, attempt, part, items }));
    }
    facts.push((Subject::File(file), Fact::FileChecked(checked)));
    Ok(facts)
}

/// Items in pieces that one fact can carry.
fn parted(mut items: &[DynamicItem]) -> Vec<&[DynamicItem]> {
    let mut parts = Vec::new();
    while !items.is_empty() {
        let mut bytes = 0;
        let fits = items.iter().take(DYNAMIC_ITEMS_MAX).take_while(|item| {
            bytes += item.named.id.as_str().len() + item.named.name.len() + item.mpn.len() + item.unit.len();
            bytes <= DYNAMIC_BYTES_MAX
        });
        let (part, rest) = items.split_at(fits.count().max(1));
        parts.push(part);
        items = rest;
    }
    parts
}
