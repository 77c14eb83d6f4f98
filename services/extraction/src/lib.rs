//! Extraction: what is billed of an accepted file becomes one chunk per hub; chunks, single records and reconciliations close records;
//! the last closed record closes the file.

mod chunk;
mod decide;
mod divide;
mod feed;
mod reconcile;
mod result;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ledger::fact::{ExemptReason, Total};
use ledger::file::ATTEMPTS_MAX;
use ledger::record::ClosedRows;
use ledger::rows::RowSet;
use ledger::{
    ChunkId, Command, Context, Fact, FileId, Hash, Ledger, Named, ReconciliationId, Rejection, ServiceName, Subject,
    UsageFile,
};
use runtime::decider::{Decider, Facts, Next, Stale, Tools};

pub use feed::Feed;

/// Records of one chunk: the rows of a sheet without its header.
pub const CHUNK_RECORDS_MAX: u32 = 1_048_575;

/// The extraction service.
#[derive(Clone, Copy, Debug)]
pub struct ExtractionService {
    /// A hub with more records gets several chunks.
    pub chunk_records_max: u32,
}

impl Default for ExtractionService {
    fn default() -> Self {
        Self { chunk_records_max: CHUNK_RECORDS_MAX }
    }
}

/// One hub's part of an accepted file, as the dividing job found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    /// The hub; none for subscriptions without one.
    pub hub: Option<Named>,
    /// What the hub calls the marketplace.
    pub hub_external_id: String,
    /// Its rows.
    pub rows: RowSet,
    /// Their control totals.
    pub totals: Vec<Total>,
}

/// Valid records of an accepted file that are in no chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// Why.
    pub reason: ExemptReason,
    /// Their rows.
    pub rows: RowSet,
    /// Their control totals.
    pub totals: Vec<Total>,
}

/// What was read of a reconciliation workbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// Which.
    pub id: ReconciliationId,
    /// The rows that it bills and that were open.
    pub rows: ClosedRows,
    /// How many closings of the file there were when it was read.
    pub closings: usize,
    /// Rows of the workbook that bill nothing, each with its reason; the first few.
    pub problems: Vec<String>,
    /// How many of these there are.
    pub problem_count: u32,
    /// The workbook that says what became of each row.
    pub processed: Option<Hash>,
}

/// What extraction tells itself.
#[derive(Clone, Debug)]
pub enum Own {
    /// Divide an accepted file.
    StartDividing {
        /// Which file.
        file: FileId,
    },
    /// The file was divided.
    Divided {
        /// Which file.
        file: FileId,
        /// Which upload.
        upload: u32,
        /// The parts, in the order of their chunks.
        divisions: Vec<Division>,
        /// What is in none of them.
        exempt: Vec<Exemption>,
    },
    /// The file can't be divided.
    NotDivided {
        /// Which file.
        file: FileId,
        /// Why, and what to do.
        detail: String,
    },
    /// Write the next chunk's workbook.
    StartChunk {
        /// Which file.
        file: FileId,
    },
    /// A chunk's workbook was written.
    ChunkWritten {
        /// Which chunk.
        chunk: ChunkId,
        /// The workbook.
        blob: Hash,
        /// Its size.
        bytes: u64,
    },
    /// A chunk's workbook can't be written.
    ChunkFailed {
        /// Which chunk.
        chunk: ChunkId,
        /// Why, and what to do.
        detail: String,
    },
    /// Read the next reconciliation workbook.
    StartReconciliation {
        /// Which.
        id: ReconciliationId,
    },
    /// A reconciliation workbook was read.
    Reconciled(Box<Reconciled>),
    /// A reconciliation workbook can't be used.
    NotReconciled {
        /// Which.
        id: ReconciliationId,
        /// Why, and what to do.
        detail: String,
    },
}

/// Extraction's long work.
#[derive(Clone, Debug)]
pub enum Job {
    /// Divide an accepted file into chunks.
    Divide(Box<divide::Divide>),
    /// Write a chunk's workbook.
    WriteChunk(Box<chunk::WriteChunk>),
    /// Read a reconciliation workbook.
    Reconcile(Box<reconcile::Reconcile>),
}

impl Decider for ExtractionService {
    const SERVICE: ServiceName = ServiceName::Extraction;
    const HEARS: &'static [ServiceName] =
        &[ServiceName::Catalog, ServiceName::Approval, ServiceName::Ingestion, ServiceName::Validation];
    type Own = Own;
    type Job = Job;

    fn decide(&self, ledger: &Ledger, command: &Command, context: &Context) -> Result<Facts, Rejection> {
        decide::decide(ledger, command, context)
    }

    fn conclude(&self, ledger: &Ledger, own: Own, _context: &Context) -> Result<Facts, Stale> {
        decide::conclude(ledger, own)
    }

    fn next(&self, ledger: &Ledger, file: FileId, _running: &BTreeSet<FileId>) -> Next<Own> {
        let Some(known) = ledger.file(file).filter(|known| known.is_accepted()) else { return Next::Nothing };
        let read = known.current_reading().is_some_and(|reading| reading.end.is_some());
        let checked = known.current_checking().is_some_and(|checking| checking.end.is_some());
        if !read || !checked {
            // The acceptance was heard before what it rests on: that comes, and the file is looked at again.
            return Next::Nothing;
        }
        match known.current_extraction() {
            None => Next::Begin(Own::StartDividing { file }),
            Some(extraction) if extraction.failed.is_some() => Next::Nothing,
            Some(extraction) if !extraction.extracted => Next::Begin(Own::StartDividing { file }),
            Some(_) if unwritten(known).is_some() => Next::Begin(Own::StartChunk { file }),
            Some(_) => match unread(known) {
                Some(index) => Next::Begin(Own::StartReconciliation { id: file.reconciliation(index) }),
                None => Next::Nothing,
            },
        }
    }

    fn work(own: &Self::Own) -> &'static str {
        match own {
            Own::StartChunk { .. } => "write-chunk",
            Own::StartReconciliation { .. } => "reconcile",
            _ => "divide",
        }
    }

    fn job(&self, ledger: &Ledger, file: FileId) -> Option<Job> {
        let known = ledger.file(file)?;
        let extraction = known.current_extraction()?;
        if extraction.failed.is_some() {
            return None;
        }
        if !extraction.extracted {
            return Some(Job::Divide(Box::new(divide::Divide::new(ledger, file, known, self.chunk_records_max)?)));
        }
        if let Some(index) = unwritten(known) {
            return Some(Job::WriteChunk(Box::new(chunk::WriteChunk::new(ledger, file, known, index)?)));
        }
        let index = unread(known)?;
        Some(Job::Reconcile(Box::new(reconcile::Reconcile::new(file, known, index)?)))
    }

    fn perform(&self, job: Job, tools: &Tools<Own>) {
        match job {
            Job::Divide(job) => job.run(tools),
            Job::WriteChunk(job) => job.run(tools),
            Job::Reconcile(job) => job.run(tools),
        }
    }

    fn refused(&self, command: &Command, rejection: &Rejection, count: u32) -> Option<(Subject, Fact)> {
        let file = command.file().filter(|_| rejection.is_noted())?;
        let (action, reason) = (command.action().to_owned(), rejection.code().to_owned());
        Some(on(file, Fact::BillingRefused { action, reason, count }))
    }
}

/// The first chunk whose workbook is neither written nor given up.
fn unwritten(file: &UsageFile) -> Option<u16> {
    let chunks = &file.current_extraction()?.chunks;
    chunks.iter().find(|(_, chunk)| chunk.workbook.is_none() && chunk.failed.is_none()).map(|(index, _)| *index)
}

/// The first reconciliation without an end.
fn unread(file: &UsageFile) -> Option<u16> {
    let reconciliations = &file.current_extraction()?.reconciliations;
    reconciliations.iter().find(|(_, it)| it.end.is_none()).map(|(index, _)| *index)
}

/// The number of the next attempt, or none when too many crashed.
fn next_attempt(last: u32) -> Option<u32> {
    (last < ATTEMPTS_MAX).then_some(last + 1)
}

fn on(file: FileId, fact: Fact) -> (Subject, Fact) {
    (Subject::File(file), fact)
}
