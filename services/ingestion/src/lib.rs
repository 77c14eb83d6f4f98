//! Ingestion: workbooks in. It stores an upload, reads it once, and lays its records down in batches, which rest in
//! its own log and nowhere else.

mod batch;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ledger::fact::{FileRead, RecordsRead};
use ledger::file::{ATTEMPTS_MAX, ReadingEnd};
use ledger::{Command, Context, Fact, FileId, Ledger, Rejection, ServiceName, Subject};
use runtime::decider::{Decider, Facts, Next, Stale, Tools};
use workbook::foreign::Guard;

pub use batch::BatchBuilder;
pub use read::{ReadJob, Reading, Stopped, pieces, read_workbook};

/// The largest workbook that is taken: what the product's own dialog says (seed 003).
pub const UPLOAD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The ingestion service.
#[derive(Clone, Debug, Default)]
pub struct IngestionService {
    /// How the child process is started that reads formats other than XLSX and CSV; without it they are refused.
    pub guard: Option<Guard>,
}

/// What ingestion tells itself.
#[derive(Clone, Debug)]
pub enum Own {
    /// Read the current upload of a file.
    Start {
        /// Which file.
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

    fn decide(&self, _ledger: &Ledger, _command: &Command, _context: &Context) -> Result<Facts, Rejection> {
        // What opens an upload is approval's to decide; nothing else is asked of ingestion.
        Err(Rejection::NotFound)
    }

    fn conclude(&self, ledger: &Ledger, own: Own, _context: &Context) -> Result<Facts, Stale> {
        let (file, fact) = match own {
            Own::Start { file } => (file, start(ledger, file)?),
            Own::Batch { file, read } => {
                current(ledger, file, read.upload, read.attempt)?;
                (file, Fact::RecordsRead(read))
            }
            Own::Done { file, read } => {
                current(ledger, file, read.upload, read.attempt)?;
                (file, Fact::FileRead(read))
            }
            Own::Unreadable { file, upload, attempt, detail } => {
                current(ledger, file, upload, attempt)?;
                (file, Fact::FileUnreadable { upload, attempt, detail })
            }
        };
        Ok(vec![(Subject::File(file), fact)])
    }

    fn next(&self, ledger: &Ledger, file: FileId, _running: &BTreeSet<FileId>) -> Next<Own> {
        let Some(known) = ledger.file(file) else { return Next::Nothing };
        let gone = known.approval.deleted_at.is_some() || known.approval.upload.is_none();
        let read = known.current_reading().is_some_and(|reading| reading.end.is_some());
        if gone || read { Next::Nothing } else { Next::Begin(Own::Start { file }) }
    }

    fn job(&self, ledger: &Ledger, file: FileId) -> Option<ReadJob> {
        let known = ledger.file(file)?;
        let reading = known.current_reading().filter(|reading| reading.end.is_none())?;
        let upload = known.approval.upload.as_ref()?;
        Some(ReadJob { file, upload: reading.upload, attempt: reading.attempt, blob: upload.blob })
    }

    fn perform(&self, job: ReadJob, tools: &Tools<Own>) {
        job.run(tools, self.guard.as_ref());
    }
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
