//! Ingestion: workbooks and reported records in. It stores an upload, reads it once, and lays its records down in
//! batches, which rest in its own log and nowhere else; records that are reported one by one it lays down as they come.

mod categories;
mod read;
mod report;
mod reported;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::fact::{FileRead, RecordsRead, RecordsRooted};
use ledger::file::{ATTEMPTS_MAX, ReadingEnd};
use ledger::report::Receipt;
use ledger::{Command, Context, Event, Fact, FileId, Hash, HostId, Ledger, Rejection, ServiceName, Subject, UsageFile};
use runtime::decider::{Decider, Facts, Next, Stale, Tools};
use workbook::foreign::Guard;

pub use read::{Laid, ReadJob, Reading, Source, Stopped, pieces, read_workbook};
use read::{PARTS_MAX, WEIGHT_MAX, weight};
use reported::Reported;

/// The largest workbook that is taken: what the product's own dialog says (seed 003).
pub const UPLOAD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The ingestion service.
#[derive(Debug, Default)]
pub struct IngestionService {
    guard: Option<Guard>,
    reported: Mutex<Reported>,
}

impl IngestionService {
    /// The guard starts the child process that reads formats other than XLSX and CSV; without it they are refused.
    #[must_use]
    pub fn new(guard: Option<Guard>) -> Self {
        Self { guard, reported: Mutex::default() }
    }

    fn reported(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What ends the reading of reported records that take no more: they rest where they were laid down. None where they
    /// rest in so many batches that they have to be gathered first.
    fn sealed(&self, id: FileId, known: &UsageFile) -> Option<Vec<Fact>> {
        let (upload, attempt) = (known.upload(), known.current_reading().map_or(1, |reading| reading.attempt));
        let last = &known.reading;
        if let Some(ReadingEnd::Read { columns, ignored, categories }) = &last.end {
            // An earlier upload of the same records was read to its end.
            let read = FileRead {
                upload,
                attempt,
                columns: columns.clone(),
                ignored: ignored.clone(),
                categories: categories.clone(),
                parts: last.parts.clone(),
                records: last.records,
            };
            return Some(ended(Box::new(read), self.reported().root(id)));
        }
        let reported = self.reported();
        let collected = reported.get(id).filter(|it| it.records > 0);
        let Some((read, root)) = collected.map(|it| (it.read(upload, attempt), it.tree.root())) else {
            let detail = "No record was reported into the usage file. Report records into another one.".to_owned();
            return Some(vec![Fact::FileUnreadable { upload, attempt, detail }]);
        };
        let fits = read.parts.len() <= PARTS_MAX && weight(&read) <= WEIGHT_MAX;
        fits.then(|| ended(Box::new(read), Some(root)))
    }
}

/// What ingestion tells itself.
#[derive(Clone, Debug)]
pub enum Own {
    /// Read the current upload of a file.
    Start {
        /// Which file.
        file: FileId,
    },
    /// Reported records take no more, and rest where they are.
    Sealed {
        /// Of which file.
        file: FileId,
    },
    /// A batch was read.
    Batch {
        /// Of which file.
        file: FileId,
        /// The batch.
        read: Box<RecordsRead>,
    },
    /// The workbook was read to its end.
    Done {
        /// Which file.
        file: FileId,
        /// The root over the batches' roots.
        root: Hash,
        /// What was read.
        read: Box<FileRead>,
    },
    /// The workbook can't be read.
    Unreadable {
        /// Which file.
        file: FileId,
        /// Which upload.
        upload: u32,
        /// Which attempt.
        attempt: u32,
        /// What is wrong and what to do.
        detail: String,
    },
}

impl Decider for IngestionService {
    const SERVICE: ServiceName = ServiceName::Ingestion;
    const HEARS: &'static [ServiceName] = &[ServiceName::Approval];
    type Own = Own;
    type Job = ReadJob;

    fn decide(&self, ledger: &Ledger, command: &Command, context: &Context) -> Result<Facts, Rejection> {
        // What opens and seals an upload is approval's to decide; nothing else is asked of ingestion.
        let Command::ReportRecords(call) = command else { return Err(Rejection::NotFound) };
        report::decide(&self.reported(), ledger, call, context)
    }

    fn receipts(&self, command: &Command, recorded: &[Event]) -> Vec<Receipt> {
        let Command::ReportRecords(call) = command else { return Vec::new() };
        self.reported().receipts_again(call, recorded)
    }

    fn heard(&self, ledger: &Ledger, _host: HostId, sequence: u64, event: &Event) {
        self.reported().heard(ledger, sequence, event);
    }

    fn keep(&self) -> Vec<u8> {
        self.reported().keep()
    }

    fn resume(&self, kept: &[u8], _ledger: &Ledger, log: &runtime::source::Source) -> bool {
        let again = Reported::again(kept, log);
        again.map(|again| *self.reported() = again).is_some()
    }

    fn conclude(&self, ledger: &Ledger, own: Own, _context: &Context) -> Result<Facts, Stale> {
        let (file, facts) = match own {
            Own::Start { file } => (file, vec![start(ledger, file)?]),
            Own::Sealed { file } => (file, self.sealed(file, ledger.file(file).ok_or(Stale)?).ok_or(Stale)?),
            Own::Batch { file, read } => {
                current(ledger, file, read.upload, read.attempt)?;
                (file, vec![Fact::RecordsRead(read)])
            }
            Own::Done { file, root, read } => {
                current(ledger, file, read.upload, read.attempt)?;
                (file, ended(read, Some(root)))
            }
            Own::Unreadable { file, upload, attempt, detail } => {
                current(ledger, file, upload, attempt)?;
                (file, vec![Fact::FileUnreadable { upload, attempt, detail }])
            }
        };
        Ok(facts.into_iter().map(|fact| (Subject::File(file), fact)).collect())
    }

    fn next(&self, ledger: &Ledger, file: FileId, _running: &BTreeSet<FileId>) -> Next<Own> {
        let Some(known) = ledger.file(file) else { return Next::Nothing };
        let gone = known.approval.deleted_at.is_some() || known.approval.upload.is_none();
        let read = known.current_reading().is_some_and(|reading| reading.end.is_some());
        if gone || read {
            return Next::Nothing;
        }
        if !known.approval.reported {
            return Next::Begin(Own::Start { file });
        }
        if known.approval.sealed_at.is_none() {
            return Next::Nothing;
        }
        match self.sealed(file, known) {
            Some(_) => Next::Conclude(Own::Sealed { file }),
            None => Next::Begin(Own::Start { file }),
        }
    }

    fn work(_own: &Own) -> &'static str {
        "read"
    }

    fn job(&self, ledger: &Ledger, file: FileId) -> Option<ReadJob> {
        let known = ledger.file(file)?;
        let reading = known.current_reading().filter(|reading| reading.end.is_none())?;
        let source = if known.approval.reported {
            Source::Reported(Box::new(self.reported().get(file)?.laid()))
        } else {
            Source::Workbook(known.approval.upload.as_ref()?.blob)
        };
        Some(ReadJob { file, upload: reading.upload, attempt: reading.attempt, source })
    }

    fn perform(&self, job: ReadJob, tools: &Tools<Own>) {
        job.run(tools, self.guard.as_ref());
    }
}

/// What ends a reading: the root of its records, where it is known, and where they rest.
fn ended(read: Box<FileRead>, root: Option<Hash>) -> Vec<Fact> {
    let rooted = root.map(|root| {
        Fact::RecordsRooted(Box::new(RecordsRooted {
            upload: read.upload,
            attempt: read.attempt,
            records: read.records,
            batches: u32::try_from(read.parts.len()).unwrap_or(u32::MAX),
            root,
            columns: read.columns.iter().map(|column| column.name.clone()).collect(),
        }))
    });
    rooted.into_iter().chain([Fact::FileRead(read)]).collect()
}

fn start(ledger: &Ledger, file: FileId) -> Result<Fact, Stale> {
    let known = ledger.file(file).ok_or(Stale)?;
    let upload = known.upload();
    let last = known.current_reading().map_or(0, |reading| reading.attempt);
    if last < ATTEMPTS_MAX {
        return Ok(Fact::ReadStarted { upload, attempt: last + 1 });
    }
    let detail = "The service stopped three times while reading this workbook. Save it anew and upload it again, \
                  or ask the operator to look at the log."
        .to_owned();
    Ok(Fact::FileUnreadable { upload, attempt: last, detail })
}

/// A result counts only for the upload and attempt that is current, and only until its end.
fn current(ledger: &Ledger, file: FileId, upload: u32, attempt: u32) -> Result<(), Stale> {
    let known = ledger.file(file).ok_or(Stale)?;
    let reading = known.current_reading().ok_or(Stale)?;
    let open = !matches!(reading.end, Some(ReadingEnd::Read { .. } | ReadingEnd::Unreadable { .. }));
    let wanted = (reading.upload, reading.attempt) == (upload, attempt);
    if open && wanted && known.approval.deleted_at.is_none() { Ok(()) } else { Err(Stale) }
}
