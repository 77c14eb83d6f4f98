//! A usage file: one part for each service that speaks of it, each part with one writer, and the status, which is
//! computed from the parts and never stored (design §3).

mod evolve;
mod extraction;
mod marks;
mod shown;

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::fact::{
    Actor, Category, DynamicItem, FileColumn, FileCreated, Part, Period, SummaryLine, Total, UploadOpened,
};
use crate::id::{FileId, Hash};
use crate::moment::Moment;
use crate::rule::{AskedRule, Ruling};

pub use extraction::{Chunk, ChunkStatus, Closing, Exempt, Extraction, Reconciliation, ReconciliationEnd};
pub use marks::Marks;
pub use shown::Shown;

/// Attempts at one job before its failure is shown to the user (design §3).
pub const ATTEMPTS_MAX: u32 = 3;
/// Characters of `error_detail` (connect-api §3.1).
const ERROR_DETAIL_CHARS_MAX: usize = 200;

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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// When it was recorded.
    pub at: Moment,
    /// Who.
    pub by: Actor,
}

/// What the provider decided about an upload.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// When its records were approved, before the file was answered.
    pub records_approved_at: Option<Stamp>,
    /// What the provider said of single records since.
    pub marks: Marks,
    /// Whether the current upload has no workbook: its records are reported one by one until it is sealed.
    pub reported: bool,
    /// When it was sealed.
    pub sealed_at: Option<Stamp>,
    /// The usage rules that were active when the current upload was submitted, until they were asked.
    pub asked: Vec<AskedRule>,
    /// Attempts at asking them.
    pub ruling_attempt: u32,
    /// What they came to.
    pub ruling: Option<Ruling>,
    /// What was decided about the current upload.
    pub decision: Option<Decision>,
    /// When and by whom.
    pub decided_at: Option<Stamp>,
    /// When it was withdrawn.
    pub deleted_at: Option<Stamp>,
    /// The actual file that took the place of this estimate, and when.
    pub superseded: Option<(FileId, Stamp)>,
}

/// What ingestion says of the newest upload that it took up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reading {
    /// Which upload; 0 for none.
    pub upload: u32,
    /// The newest attempt.
    pub attempt: u32,
    /// Records read so far by this attempt.
    pub records: u32,
    /// Where they rest, so far.
    pub parts: Vec<Part>,
    /// The columns of reported records, so far; none once it has ended.
    pub columns: Vec<FileColumn>,
    /// How it ended.
    pub end: Option<ReadingEnd>,
}

/// How reading ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checking {
    /// Which upload; 0 for none.
    pub upload: u32,
    /// The newest attempt.
    pub attempt: u32,
    /// The catalog that it is checked against.
    pub catalog_position: u64,
    /// When the attempt began: the time that usage must not lie after.
    pub started_at: Option<Moment>,
    /// Records without an error, so far.
    pub valid: u32,
    /// Records with errors, so far.
    pub invalid: u32,
    /// Where the checked batches rest, so far.
    pub parts: Vec<Part>,
    /// Sums by subscription and item, so far.
    pub summary: Vec<SummaryLine>,
    /// Items that records brought and that the catalog didn't have, so far.
    pub dynamic_items: Vec<DynamicItem>,
    /// How it ended.
    pub end: Option<CheckingEnd>,
    /// Attempts at writing the processed workbooks.
    pub writing: u32,
    /// The checkpoint that they show.
    pub checkpoint: Shown,
    /// The processed workbooks.
    pub processed: Option<Processed>,
}

/// What was written of a checked file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Processed {
    /// What the vendor gets.
    pub vendor: Hash,
    /// What the provider gets; none while records are invalid.
    pub provider: Option<Hash>,
    /// The invalid records alone.
    pub rejects: Option<Hash>,
}

/// What was found in an upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Verdict {
    /// Control totals over the valid records that are billed.
    pub totals: Vec<Total>,
    /// Control totals over the valid records that are not.
    pub exempt_totals: Vec<Total>,
    /// How often each code was raised.
    pub codes: Vec<(Code, u32)>,
    /// How often each code was raised as a warning.
    pub warnings: Vec<(Code, u32)>,
    /// From the earliest start to the latest end of the valid records.
    pub span: Option<Period>,
}

/// How checking ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CheckingEnd {
    /// Every record was checked.
    Checked(Box<Verdict>),
    /// It failed for a reason that is not in the workbook.
    Failed {
        /// What happened and what to do.
        detail: String,
    },
}

/// A usage file as a service knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
                return if closed || approval.superseded.is_some() { Status::Closed } else { Status::Accepted };
            }
            Some(Decision::Rejected { .. }) => return Status::Rejected,
            // Nothing more becomes of an estimate once the actual file is there.
            Some(Decision::Open) if approval.superseded.is_some() => return Status::Closed,
            Some(Decision::Open) => return Status::Pending,
            None => {}
        }
        if approval.upload.is_none() || self.collects() {
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
            return Some(self.unreadable(detail));
        }
        if let Some(CheckingEnd::Failed { detail }) = self.current_checking().and_then(|it| it.end.as_ref()) {
            return Some(detail.clone());
        }
        self.approval.submit_dropped.clone()
    }

    /// The published code and sentence (connect-api §5.1), and the reason, which says what to do.
    fn unreadable(&self, reason: &str) -> String {
        let sentence = self.approval.created.as_ref().map_or_else(String::new, |it| format!("{}. ", it.unreadable()));
        let text = format!("{}: {sentence}{}", Code::Unreadable, capitalised(reason));
        match text.char_indices().nth(ERROR_DETAIL_CHARS_MAX) {
            Some(_) => text.chars().take(ERROR_DETAIL_CHARS_MAX - 1).chain(['…']).collect(),
            None => text,
        }
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

    /// What was found in the current upload, once every record is checked.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        match self.current_checking()?.end.as_ref()? {
            CheckingEnd::Checked(verdict) => Some(verdict),
            CheckingEnd::Failed { .. } => None,
        }
    }

    /// Control totals over the billed records of the current upload.
    #[must_use]
    pub fn totals(&self) -> &[Total] {
        self.verdict().map_or(&[], |verdict| &verdict.totals)
    }

    /// Control totals over the valid records of the current upload that are not billed.
    #[must_use]
    pub fn exempt_totals(&self) -> &[Total] {
        self.verdict().map_or(&[], |verdict| &verdict.exempt_totals)
    }

    /// The file as it was when its current upload was submitted, before anything came of that.
    #[must_use]
    pub fn as_submitted(&self) -> Self {
        let approval = Approval {
            decision: self.approval.submitted_at.as_ref().map(|_| Decision::Open),
            decided_at: None,
            deleted_at: None,
            superseded: None,
            ..self.approval.clone()
        };
        let (reading, checking) = (self.reading.clone(), self.checking.clone());
        Self { approval, reading, checking, extraction: Extraction::default() }
    }

    /// Whether records can be reported into the file one by one. Another upload of them is sealed as it is opened.
    #[must_use]
    pub fn collects(&self) -> bool {
        let approval = &self.approval;
        approval.reported && self.upload() == 1 && approval.sealed_at.is_none() && approval.deleted_at.is_none()
    }

    /// Whether the file is an estimate.
    #[must_use]
    pub fn is_estimate(&self) -> bool {
        self.approval.created.as_ref().is_some_and(|created| created.predictive)
    }

    /// The columns of the current upload.
    #[must_use]
    pub fn columns(&self) -> &[FileColumn] {
        let Some(reading) = self.current_reading() else { return &[] };
        match &reading.end {
            Some(ReadingEnd::Read { columns, .. }) => columns,
            _ => &reading.columns,
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
}

/// A reason as a sentence.
#[must_use]
pub fn capitalised(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// The name that a file gets when its vendor gives none (connect-api §3.1).
#[must_use]
pub fn default_name(id: FileId, period: Option<crate::fact::Period>) -> String {
    period.map_or_else(|| id.to_string(), |period| format!("{} - {}", period.from.us_date(), period.to.us_date()))
}
