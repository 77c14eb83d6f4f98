//! A usage file: one part for each service that speaks of it, each part with one writer, and the status, which is
//! computed from the parts and never stored (design §3).

use std::collections::BTreeMap;

use crate::catalog::Named;
use crate::code::Code;
use crate::fact::{Actor, Category, ClosedBy, Fact, FileColumn, FileCreated, Part, SummaryLine, Total, UploadOpened};
use crate::id::{FileId, Hash};
use crate::moment::Moment;
use crate::rows::RowSet;

/// Attempts at one job before its failure is shown to the user (design §3).
pub const ATTEMPTS_MAX: u32 = 3;

/// Where a file stands (connect-api §1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Made, nothing uploaded.
    Draft,
    /// A workbook waits to be read.
    Uploaded,
    /// It is read or checked.
    Processing,
    /// It can't be read, or records have errors.
    Invalid,
    /// Every record is valid: it can be submitted.
    Ready,
    /// The provider has it.
    Pending,
    /// The provider sent it back.
    Rejected,
    /// The provider took it.
    Accepted,
    /// Every record is billed.
    Closed,
    /// The vendor withdrew it.
    Deleted,
}

impl Status {
    /// Every status, in the order of a file's life.
    pub const ALL: [Self; 10] = [
        Self::Draft,
        Self::Uploaded,
        Self::Processing,
        Self::Invalid,
        Self::Ready,
        Self::Pending,
        Self::Rejected,
        Self::Accepted,
        Self::Closed,
        Self::Deleted,
    ];

    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Uploaded => "uploaded",
            Self::Processing => "processing",
            Self::Invalid => "invalid",
            Self::Ready => "ready",
            Self::Pending => "pending",
            Self::Rejected => "rejected",
            Self::Accepted => "accepted",
            Self::Closed => "closed",
            Self::Deleted => "deleted",
        }
    }
}

/// When something happened and who wanted it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// When it was recorded.
    pub at: Moment,
    /// Who.
    pub by: Actor,
}

/// What the provider decided about an upload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Nothing yet.
    Open,
    /// It was taken.
    Accepted {
        /// The provider's note.
        note: String,
    },
    /// It was sent back.
    Rejected {
        /// The provider's note.
        note: String,
    },
}

/// What approval, the arbiter, says of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Approval {
    /// What it was created as.
    pub created: Option<Box<FileCreated>>,
    /// When and by whom.
    pub created_at: Option<Stamp>,
    /// The current upload; earlier ones no longer count.
    pub upload: Option<UploadOpened>,
    /// When and by whom.
    pub uploaded_at: Option<Stamp>,
    /// A submit that waits for the current upload to be ready.
    pub submit_remembered: Option<Stamp>,
    /// Why a remembered submit came to nothing.
    pub submit_dropped: Option<String>,
    /// When the current upload was submitted.
    pub submitted_at: Option<Stamp>,
    /// What was decided about the current upload.
    pub decision: Option<Decision>,
    /// When and by whom.
    pub decided_at: Option<Stamp>,
    /// When it was withdrawn.
    pub deleted_at: Option<Stamp>,
}

/// What ingestion says of the newest upload that it took up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reading {
    /// Which upload; 0 for none.
    pub upload: u32,
    /// The newest attempt.
    pub attempt: u32,
    /// Records read so far by this attempt.
    pub records: u32,
    /// Where they rest, so far.
    pub parts: Vec<Part>,
    /// How it ended.
    pub end: Option<ReadingEnd>,
}

/// How reading ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReadingEnd {
    /// To the end of the workbook.
    Read {
        /// The columns in the vendor's order.
        columns: Vec<FileColumn>,
        /// Headers that were left out.
        ignored: Vec<String>,
        /// The categories.
        categories: Vec<Category>,
    },
    /// It can't be read.
    Unreadable {
        /// What is wrong and what to do.
        detail: String,
    },
}

/// What validation says of the newest upload that it took up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Checking {
    /// Which upload; 0 for none.
    pub upload: u32,
    /// The newest attempt.
    pub attempt: u32,
    /// The catalog that it is checked against.
    pub catalog_position: u64,
    /// Records without an error, so far.
    pub valid: u32,
    /// Records with errors, so far.
    pub invalid: u32,
    /// Where the checked batches rest, so far.
    pub parts: Vec<Part>,
    /// Sums by subscription and item, so far.
    pub summary: Vec<SummaryLine>,
    /// How it ended.
    pub end: Option<CheckingEnd>,
    /// The processed workbooks: the vendor's and, for a valid file, the provider's.
    pub processed: Option<(Hash, Option<Hash>)>,
}

/// How checking ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CheckingEnd {
    /// Every record was checked.
    Checked {
        /// Control totals over the valid records.
        totals: Vec<Total>,
        /// How often each code was raised.
        codes: Vec<(Code, u32)>,
    },
    /// It failed for a reason that is not in the workbook.
    Failed {
        /// What happened and what to do.
        detail: String,
    },
}

/// The part of an accepted file that one hub extracts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chunk {
    /// The hub; none for subscriptions without one.
    pub hub: Option<Named>,
    /// What the hub calls the marketplace.
    pub hub_external_id: String,
    /// Its rows.
    pub rows: RowSet,
    /// How many records it was opened with.
    pub records: u32,
    /// Control totals.
    pub totals: Vec<Total>,
    /// Its workbook.
    pub workbook: Option<(Hash, u64)>,
    /// Why there is none.
    pub failed: Option<String>,
    /// The provider's id for it.
    pub external_id: String,
    /// How many of its records are closed.
    pub closed: u32,
    /// When it was closed.
    pub closed_at: Option<Stamp>,
    /// The provider's billing id.
    pub billing_id: String,
    /// The provider's billing note.
    pub billing_note: String,
    /// When it was opened.
    pub opened_at: Option<Stamp>,
    /// When its workbook was written.
    pub written_at: Option<Stamp>,
}

/// Where a chunk stands (connect-api §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChunkStatus {
    /// Its workbook is being written.
    Draft,
    /// It can be downloaded.
    Ready,
    /// It is billed.
    Closed,
    /// Its workbook can't be written.
    Failed,
}

impl ChunkStatus {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Ready => "ready",
            Self::Closed => "closed",
            Self::Failed => "failed",
        }
    }
}

impl Chunk {
    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> ChunkStatus {
        if self.closed_at.is_some() {
            ChunkStatus::Closed
        } else if self.workbook.is_some() {
            ChunkStatus::Ready
        } else if self.failed.is_some() {
            ChunkStatus::Failed
        } else {
            ChunkStatus::Draft
        }
    }
}

/// A reconciliation workbook of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reconciliation {
    /// The workbook as uploaded.
    pub blob: Hash,
    /// Its size.
    pub bytes: u64,
    /// The provider's note.
    pub note: String,
    /// Attempts at reading it.
    pub attempt: u32,
    /// When it was received.
    pub received_at: Option<Stamp>,
    /// How it ended.
    pub end: Option<ReconciliationEnd>,
}

/// How a reconciliation ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReconciliationEnd {
    /// It was applied.
    Processed {
        /// Records that it closed.
        closed: u32,
        /// Records that were still open after it.
        open: u32,
        /// What it did.
        summary: String,
        /// The processed workbook.
        processed: Option<Hash>,
    },
    /// It can't be used.
    Failed {
        /// What is wrong and what to do.
        detail: String,
    },
}

impl Reconciliation {
    /// The name of where it stands (connect-api §1.4).
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (&self.end, self.attempt) {
            (Some(ReconciliationEnd::Processed { .. }), _) => "processed",
            (Some(ReconciliationEnd::Failed { .. }), _) => "failed",
            (None, 0) => "uploaded",
            (None, _) => "processing",
        }
    }
}

/// A closing of records: where its rows and billings rest in extraction's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Closing {
    /// Sequence in extraction's chain.
    pub sequence: u64,
    /// First row.
    pub first_row: u32,
    /// Last row.
    pub last_row: u32,
    /// What closed them.
    pub by: ClosedBy,
    /// When and by whom.
    pub stamp: Stamp,
}

/// What extraction says of an accepted file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extraction {
    /// The accepted upload; 0 for none.
    pub upload: u32,
    /// Attempts at dividing it.
    pub attempt: u32,
    /// Chunks by number.
    pub chunks: BTreeMap<u16, Chunk>,
    /// Whether every record is in a chunk.
    pub extracted: bool,
    /// Why the file could not be divided.
    pub failed: Option<String>,
    /// Closed rows.
    pub closed: RowSet,
    /// Closed rows that have a billing id: the API's `billed`.
    pub billed: u32,
    /// Where their billings rest.
    pub closings: Vec<Closing>,
    /// Reconciliations by number.
    pub reconciliations: BTreeMap<u16, Reconciliation>,
    /// When the file was closed.
    pub closed_at: Option<Stamp>,
}

/// A usage file as a service knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UsageFile {
    /// Approval's part.
    pub approval: Approval,
    /// Ingestion's part.
    pub reading: Reading,
    /// Validation's part.
    pub checking: Checking,
    /// Extraction's part.
    pub extraction: Extraction,
}

/// Counts as the API's `stats` shows them (connect-api U12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stats {
    /// Records read.
    pub uploaded: u32,
    /// Records without an error.
    pub validated: u32,
    /// Records with errors.
    pub invalid: u32,
    /// Valid records that wait for the provider.
    pub pending: u32,
    /// Valid records that the provider took.
    pub accepted: u32,
    /// Records that are billed and done.
    pub closed: u32,
    /// Closed records that have a billing id.
    pub billed: u32,
}

impl UsageFile {
    /// The number of the current upload; 0 before the first.
    #[must_use]
    pub fn upload(&self) -> u32 {
        self.approval.upload.as_ref().map_or(0, |upload| upload.upload)
    }

    /// Reading of the current upload, if it began.
    #[must_use]
    pub fn current_reading(&self) -> Option<&Reading> {
        let upload = self.upload();
        (upload > 0 && self.reading.upload == upload).then_some(&self.reading)
    }

    /// Checking of the current upload, if it began.
    #[must_use]
    pub fn current_checking(&self) -> Option<&Checking> {
        let upload = self.upload();
        (upload > 0 && self.checking.upload == upload).then_some(&self.checking)
    }

    /// Extraction of the accepted upload, if it began.
    #[must_use]
    pub fn current_extraction(&self) -> Option<&Extraction> {
        let upload = self.upload();
        (upload > 0 && self.extraction.upload == upload).then_some(&self.extraction)
    }

    /// Whether the current upload was accepted.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self.approval.decision, Some(Decision::Accepted { .. }))
    }

    /// Where the file stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let approval = &self.approval;
        if approval.deleted_at.is_some() {
            return Status::Deleted;
        }
        match approval.decision {
            Some(Decision::Accepted { .. }) => {
                let closed = self.current_extraction().is_some_and(|extraction| extraction.closed_at.is_some());
                return if closed { Status::Closed } else { Status::Accepted };
            }
            Some(Decision::Rejected { .. }) => return Status::Rejected,
            Some(Decision::Open) => return Status::Pending,
            None => {}
        }
        if approval.upload.is_none() {
            return Status::Draft;
        }
        self.processing_status()
    }

    fn processing_status(&self) -> Status {
        match self.current_reading().map(|reading| &reading.end) {
            None => return Status::Uploaded,
            Some(None) => return Status::Processing,
            Some(Some(ReadingEnd::Unreadable { .. })) => return Status::Invalid,
            Some(Some(ReadingEnd::Read { .. })) => {}
        }
        let Some(checking) = self.current_checking() else { return Status::Processing };
        match &checking.end {
            None => Status::Processing,
            Some(CheckingEnd::Failed { .. }) => Status::Invalid,
            // The processed workbook belongs to the verdict: who sees the status can download it.
            Some(CheckingEnd::Checked { .. }) if checking.processed.is_none() => Status::Processing,
            Some(CheckingEnd::Checked { .. }) if checking.invalid > 0 => Status::Invalid,
            Some(CheckingEnd::Checked { .. }) => Status::Ready,
        }
    }

    /// What is wrong with the file as a whole, for `error_detail`.
    #[must_use]
    pub fn error_detail(&self) -> Option<String> {
        if let Some(ReadingEnd::Unreadable { detail }) = self.current_reading().and_then(|it| it.end.as_ref()) {
            return Some(detail.clone());
        }
        if let Some(CheckingEnd::Failed { detail }) = self.current_checking().and_then(|it| it.end.as_ref()) {
            return Some(detail.clone());
        }
        self.approval.submit_dropped.clone()
    }

    /// The counts that the API shows.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let checking = self.current_checking().filter(|checking| checking.end.is_some());
        let (valid, invalid) = checking.map_or((0, 0), |checking| (checking.valid, checking.invalid));
        let extraction = self.current_extraction();
        let accepted = self.is_accepted();
        Stats {
            uploaded: self.current_reading().map_or(0, |reading| reading.records),
            validated: valid,
            invalid,
            pending: if self.status() == Status::Pending { valid } else { 0 },
            accepted: if accepted { valid } else { 0 },
            closed: extraction.map_or(0, |extraction| extraction.closed.len()),
            billed: extraction.map_or(0, |extraction| extraction.billed),
        }
    }

    /// Control totals over the valid records of the current upload.
    #[must_use]
    pub fn totals(&self) -> &[Total] {
        match self.current_checking().and_then(|checking| checking.end.as_ref()) {
            Some(CheckingEnd::Checked { totals, .. }) => totals,
            _ => &[],
        }
    }

    /// The columns of the current upload.
    #[must_use]
    pub fn columns(&self) -> &[FileColumn] {
        match self.current_reading().and_then(|reading| reading.end.as_ref()) {
            Some(ReadingEnd::Read { columns, .. }) => columns,
            _ => &[],
        }
    }

    /// The categories of the current upload.
    #[must_use]
    pub fn categories(&self) -> &[Category] {
        match self.current_reading().and_then(|reading| reading.end.as_ref()) {
            Some(ReadingEnd::Read { categories, .. }) => categories,
            _ => &[],
        }
    }

    /// Takes in what happened. Total: whatever was recorded folds.
    pub fn evolve(&mut self, stamp: Stamp, sequence: u64, fact: &Fact) {
        match fact.emitter() {
            crate::id::ServiceName::Approval => evolve_approval(&mut self.approval, stamp, fact),
            crate::id::ServiceName::Ingestion => evolve_reading(&mut self.reading, sequence, fact),
            crate::id::ServiceName::Validation => evolve_checking(&mut self.checking, sequence, fact),
            crate::id::ServiceName::Extraction => evolve_extraction(&mut self.extraction, stamp, sequence, fact),
            crate::id::ServiceName::Catalog | crate::id::ServiceName::Gateway => {}
        }
    }
}

fn evolve_approval(part: &mut Approval, stamp: Stamp, fact: &Fact) {
    match fact {
        Fact::FileCreated(created) => {
            part.created = Some(created.clone());
            part.created_at = Some(stamp);
        }
        Fact::FileDescribed(described) => {
            let Some(created) = part.created.as_mut() else { return };
            described.description.clone_into_some(&mut created.description);
            described.note.clone_into_some(&mut created.note);
            described.external_id.clone_into_some(&mut created.external_id);
            created.period = described.period.or(created.period);
            created.currency = described.currency.clone().or(created.currency.take());
        }
        Fact::UploadOpened(upload) => {
            part.upload = Some(upload.clone());
            part.uploaded_at = Some(stamp);
            part.submit_remembered = None;
            part.submit_dropped = None;
            part.submitted_at = None;
            part.decision = None;
            part.decided_at = None;
        }
        Fact::FileDeleted => part.deleted_at = Some(stamp),
        Fact::SubmitRemembered { .. } => part.submit_remembered = Some(stamp),
        Fact::SubmitDropped { reason, .. } => {
            part.submit_remembered = None;
            part.submit_dropped = Some(reason.clone());
        }
        Fact::FileSubmitted { .. } => {
            // A remembered submit is the act of who asked for it, not of the service that carried it out.
            let by = part.submit_remembered.take().map_or(stamp.by, |remembered| remembered.by);
            part.submitted_at = Some(Stamp { at: stamp.at, by });
            part.decision = Some(Decision::Open);
        }
        Fact::FileAccepted { note, .. } => {
            part.decision = Some(Decision::Accepted { note: note.clone() });
            part.decided_at = Some(stamp);
        }
        Fact::FileRejected { note, .. } => {
            part.decision = Some(Decision::Rejected { note: note.clone() });
            part.decided_at = Some(stamp);
        }
        _ => {}
    }
}

trait CloneIntoSome {
    fn clone_into_some(&self, target: &mut String);
}

impl CloneIntoSome for Option<String> {
    fn clone_into_some(&self, target: &mut String) {
        if let Some(text) = self {
            target.clone_from(text);
        }
    }
}

fn evolve_reading(part: &mut Reading, sequence: u64, fact: &Fact) {
    match fact {
        Fact::ReadStarted { upload, attempt } => {
            *part = Reading { upload: *upload, attempt: *attempt, ..Reading::default() };
        }
        Fact::RecordsRead(read) if (read.upload, read.attempt) == (part.upload, part.attempt) => {
            part.records += read.records;
            let (first_row, last_row) = (read.first_row, read.last_row);
            part.parts.push(Part { sequence, first_row, last_row, records: read.records });
        }
        Fact::FileRead(read) => {
            // Who heard no batches learns here where they rest.
            part.upload = read.upload;
            part.attempt = read.attempt;
            part.records = read.records;
            part.parts.clone_from(&read.parts);
            part.end = Some(ReadingEnd::Read {
                columns: read.columns.clone(),
                ignored: read.ignored.clone(),
                categories: read.categories.clone(),
            });
        }
        Fact::FileUnreadable { upload, attempt, detail } => {
            let end = Some(ReadingEnd::Unreadable { detail: detail.clone() });
            *part = Reading { upload: *upload, attempt: *attempt, end, ..Reading::default() };
        }
        _ => {}
    }
}

fn evolve_checking(part: &mut Checking, sequence: u64, fact: &Fact) {
    match fact {
        Fact::CheckStarted { upload, attempt, catalog_position } => {
            *part = Checking {
                upload: *upload,
                attempt: *attempt,
                catalog_position: *catalog_position,
                ..Checking::default()
            };
        }
        Fact::RecordsChecked(checked) if (checked.upload, checked.attempt) == (part.upload, part.attempt) => {
            part.valid += checked.valid;
            part.invalid += checked.invalid;
            let (first_row, last_row) = (checked.first_row, checked.last_row);
            part.parts.push(Part { sequence, first_row, last_row, records: checked.valid + checked.invalid });
        }
        Fact::UsageSummarized { upload, attempt, lines, .. } if (*upload, *attempt) == (part.upload, part.attempt) => {
            part.summary.extend(lines.iter().cloned());
        }
        Fact::FileChecked(checked) if (checked.upload, checked.attempt) == (part.upload, part.attempt) => {
            part.valid = checked.valid;
            part.invalid = checked.invalid;
            part.parts.clone_from(&checked.parts);
            part.end = Some(CheckingEnd::Checked { totals: checked.totals.clone(), codes: checked.codes.clone() });
        }
        Fact::CheckFailed { upload, attempt, detail } => {
            let end = Some(CheckingEnd::Failed { detail: detail.clone() });
            *part = Checking { upload: *upload, attempt: *attempt, end, ..Checking::default() };
        }
        Fact::ProcessedWritten { upload, vendor, provider, .. } if *upload == part.upload => {
            part.processed = Some((*vendor, *provider));
        }
        _ => {}
    }
}

fn evolve_extraction(part: &mut Extraction, stamp: Stamp, sequence: u64, fact: &Fact) {
    match fact {
        Fact::ExtractionStarted { upload, attempt } => {
            // A new attempt divides the file anew; nothing was extracted yet, so nothing is lost.
            *part = Extraction { upload: *upload, attempt: *attempt, ..Extraction::default() };
        }
        Fact::FileExtracted { .. } => part.extracted = true,
        Fact::ChunkFailed { chunk: 0, detail } => part.failed = Some(detail.clone()),
        Fact::ChunkOpened { chunk, .. }
        | Fact::ChunkFilled { chunk, .. }
        | Fact::ChunkWritten { chunk, .. }
        | Fact::ChunkFailed { chunk, .. }
        | Fact::ChunkNamed { chunk, .. }
        | Fact::ChunkClosed { chunk, .. } => evolve_chunk(part.chunks.entry(*chunk).or_default(), stamp, fact),
        Fact::RecordsClosed { by, rows, .. } => {
            let first_row = rows.rows.iter().next().unwrap_or(0);
            let last_row = rows.rows.iter().last().unwrap_or(first_row);
            for (row, billing) in rows.each() {
                if part.closed.insert(row) {
                    part.billed += u32::from(!billing.id.is_empty());
                    if let Some(chunk) = part.chunks.values_mut().find(|chunk| chunk.rows.contains(row)) {
                        chunk.closed += 1;
                    }
                }
            }
            part.closings.push(Closing { sequence, first_row, last_row, by: *by, stamp });
        }
        Fact::ReconciliationReceived { reconciliation, .. }
        | Fact::ReconciliationStarted { reconciliation, .. }
        | Fact::ReconciliationProcessed { reconciliation, .. }
        | Fact::ReconciliationFailed { reconciliation, .. } => {
            evolve_reconciliation(part.reconciliations.entry(*reconciliation).or_default(), stamp, fact);
        }
        Fact::FileClosed { .. } => part.closed_at = Some(stamp),
        _ => {}
    }
}

fn evolve_chunk(chunk: &mut Chunk, stamp: Stamp, fact: &Fact) {
    match fact {
        Fact::ChunkOpened { hub, hub_external_id, totals, records, .. } => {
            chunk.hub.clone_from(hub);
            chunk.hub_external_id.clone_from(hub_external_id);
            chunk.totals.clone_from(totals);
            chunk.records = *records;
            chunk.opened_at = Some(stamp);
        }
        Fact::ChunkFilled { rows, .. } => chunk.rows.absorb(rows),
        Fact::ChunkWritten { blob, bytes, .. } => {
            chunk.workbook = Some((*blob, *bytes));
            chunk.failed = None;
            chunk.written_at = Some(stamp);
        }
        Fact::ChunkFailed { detail, .. } => chunk.failed = Some(detail.clone()),
        Fact::ChunkNamed { external_id, .. } => chunk.external_id.clone_from(external_id),
        Fact::ChunkClosed { billing_id, billing_note, .. } => {
            chunk.billing_id.clone_from(billing_id);
            chunk.billing_note.clone_from(billing_note);
            chunk.closed_at = Some(stamp);
        }
        _ => {}
    }
}

fn evolve_reconciliation(part: &mut Reconciliation, stamp: Stamp, fact: &Fact) {
    match fact {
        Fact::ReconciliationReceived { blob, bytes, note, .. } => {
            part.blob = *blob;
            part.bytes = *bytes;
            part.note.clone_from(note);
            part.received_at = Some(stamp);
        }
        Fact::ReconciliationStarted { attempt, .. } => part.attempt = *attempt,
        Fact::ReconciliationProcessed { closed, open, summary, processed, .. } => {
            part.end = Some(ReconciliationEnd::Processed {
                closed: *closed,
                open: *open,
                summary: summary.clone(),
                processed: *processed,
            });
        }
        Fact::ReconciliationFailed { detail, .. } => {
            part.end = Some(ReconciliationEnd::Failed { detail: detail.clone() });
        }
        _ => {}
    }
}

/// The name that a file gets when its vendor gives none (connect-api §3.1).
#[must_use]
pub fn default_name(id: FileId, period: Option<crate::fact::Period>) -> String {
    period.map_or_else(|| id.to_string(), |period| format!("{} - {}", period.from.us_date(), period.to.us_date()))
}
