//! What can have happened: one closed enum, past tense, each variant with one emitter (design §3).

use crate::catalog::{CatalogObject, Named};
use crate::id::{EventId, FileId, Hash, Partition, ServiceName};
use crate::moment::Moment;
use crate::record::ClosedRows;
use crate::rows::RowSet;
use crate::rule::{AskedRule, RuleRecorded, Ruling};
use crate::session::SessionOpened;
use crate::webhook::WebhookRecorded;

mod actor;
mod contents;
mod emitter;
mod subject;
mod work;

pub use actor::{Actor, Surface};
pub use contents::{
    Category, CheckpointSigned, ClosedBy, DynamicItem, ExemptReason, FileChecked, FileColumn, FileCreated,
    FileDescribed, FileRead, Part, Period, RecordMark, RecordsChecked, RecordsRead, RecordsRooted, SignedRoot,
    SigningKeyRecorded, SummaryLine, Total, UploadOpened,
};
pub use subject::Subject;
pub use work::Work;

/// One thing that happened, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Derived from its cause: deciding twice gives one id.
    pub id: EventId,
    /// What it is about.
    pub subject: Subject,
    /// The digest of the command that it was decided for: a key that comes again with other content shows here.
    pub cause: Hash,
    /// Who wanted it.
    pub actor: Actor,
    /// By which way they came, where it was the holder of a key.
    pub surface: Surface,
    /// When it was decided; never decreases within a log.
    pub recorded_at: Moment,
    /// What happened.
    pub fact: Fact,
}

/// One thing that happened. Variants stand in the order of their emitters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    // ── catalog ──
    /// A catalog object was recorded as it now is.
    ObjectRecorded(Box<CatalogObject>),
    /// A contract got its partition, for ever.
    ContractPlaced {
        /// Which partition.
        partition: Partition,
    },
    /// A webhook was made or changed.
    WebhookRecorded(Box<WebhookRecorded>),
    /// A webhook was deleted: it is kept for the history and never called again.
    WebhookDeleted,
    /// Somebody signed in at the portal.
    SessionOpened(Box<SessionOpened>),
    /// A session was ended: it opens nothing any more.
    SessionEnded,

    // ── approval ──
    /// A draft was made.
    FileCreated(Box<FileCreated>),
    /// Its texts were changed by the vendor.
    FileDescribed(Box<FileDescribed>),
    /// A workbook was taken.
    UploadOpened(UploadOpened),
    /// The vendor deleted it.
    FileDeleted,
    /// The vendor submitted before it was ready; carried out when it is (design §7).
    SubmitRemembered {
        /// For this upload only.
        upload: u32,
    },
    /// A remembered submit came to nothing.
    SubmitDropped {
        /// For which upload.
        upload: u32,
        /// Why, for the vendor to read.
        reason: String,
    },
    /// It went to the provider.
    FileSubmitted {
        /// Which upload.
        upload: u32,
    },
    /// The provider took it.
    FileAccepted {
        /// Which upload.
        upload: u32,
        /// The provider's note.
        note: String,
    },
    /// The provider sent it back.
    FileRejected {
        /// Which upload.
        upload: u32,
        /// The provider's note.
        note: String,
    },
    /// A command was refused; equal ones within a minute are counted together (design §3).
    CommandRefused {
        /// What was wanted: `accept`, `submit`, …
        action: String,
        /// The refusal's code, as the API shows it.
        reason: String,
        /// How many since the last one was recorded.
        count: u32,
    },
    /// The provider approved every valid record, before it answered for the file.
    RecordsApproved {
        /// Of which upload.
        upload: u32,
    },
    /// The provider marked some records of a file that waits for it: a mark decides nothing by itself, but a file isn't
    /// accepted while records of it are marked as rejected.
    RecordsMarked {
        /// Of which upload.
        upload: u32,
        /// Which rows.
        rows: RowSet,
        /// As what.
        mark: RecordMark,
    },
    /// A file was opened for records that are reported one by one; this is its upload.
    ReportOpened {
        /// Which upload.
        upload: u32,
        /// The catalog at that time.
        catalog_position: u64,
    },
    /// No more records are reported into a file: it is checked as a whole.
    ReportSealed {
        /// Which upload.
        upload: u32,
        /// The catalog at that time: validation waits for at least that.
        catalog_position: u64,
    },
    /// Asking usage rules about the records of a submitted file began.
    RulingStarted {
        /// Which upload.
        upload: u32,
        /// From 1; each restart is a new one.
        attempt: u32,
    },
    /// The usage rules were asked about a submitted file. What they decided follows at once.
    RulesApplied {
        /// Which upload.
        upload: u32,
        /// What they came to.
        ruling: Ruling,
    },
    /// Rules that are asked about a file that was just submitted, as they were then; those of a file follow one another.
    /// In partition 0 the log itself says which they were, since rules stand in it too.
    RulesAsked {
        /// Which upload.
        upload: u32,
        /// The rules, in the order in which they are asked.
        rules: Vec<AskedRule>,
    },
    /// A usage rule was made or changed.
    RuleRecorded(Box<RuleRecorded>),
    /// A usage rule was deleted: it is kept for the history and decides nothing any more.
    RuleDeleted,
    /// An estimate was followed by the actual file of its period: nothing more becomes of it.
    FileSuperseded {
        /// The actual file.
        by: FileId,
    },

    // ── ingestion ──
    /// Reading of an upload began.
    ReadStarted {
        /// Which upload.
        upload: u32,
        /// From 1; each restart is a new one.
        attempt: u32,
    },
    /// A batch of records was read.
    RecordsRead(Box<RecordsRead>),
    /// Columns that reported records have were settled; those of a file follow one another.
    ColumnsReported {
        /// Which upload.
        upload: u32,
        /// The columns that weren't there before.
        columns: Vec<FileColumn>,
    },
    /// Every record is under one root, from which each can be proven without the others; stands before `FileRead`.
    RecordsRooted(Box<RecordsRooted>),
    /// The workbook was read to its end.
    FileRead(Box<FileRead>),
    /// The workbook can't be read.
    FileUnreadable {
        /// Which upload.
        upload: u32,
        /// Which attempt.
        attempt: u32,
        /// What is wrong and what to do.
        detail: String,
    },

    // ── validation ──
    /// Checking of an upload began.
    CheckStarted {
        /// Which upload.
        upload: u32,
        /// From 1; each restart is a new one.
        attempt: u32,
        /// The catalog that it is checked against.
        catalog_position: u64,
    },
    /// A batch of records was checked.
    RecordsChecked(Box<RecordsChecked>),
    /// Sums of the upload by subscription and item, in parts.
    UsageSummarized {
        /// Which upload.
        upload: u32,
        /// Which attempt.
        attempt: u32,
        /// Its number, from 0.
        part: u32,
        /// Some of the sums, ordered by subscription, item and tier.
        lines: Vec<SummaryLine>,
    },
    /// Items that records brought and that the catalog didn't have, in parts.
    DynamicItemsFound {
        /// Which upload.
        upload: u32,
        /// Which attempt.
        attempt: u32,
        /// Its number, from 0.
        part: u32,
        /// Some of the items, in the order of their rows.
        items: Vec<DynamicItem>,
    },
    /// Every record was checked.
    FileChecked(Box<FileChecked>),
    /// Checking failed for a reason that is not in the workbook.
    CheckFailed {
        /// Which upload.
        upload: u32,
        /// Which attempt.
        attempt: u32,
        /// What happened and what to do.
        detail: String,
    },
    /// Writing of the processed workbooks began.
    ProcessedStarted {
        /// Which upload.
        upload: u32,
        /// From 1; each restart is a new one.
        attempt: u32,
        /// The newest checkpoint of the log when it was ordered: the workbook shows it.
        checkpoint: Option<SignedRoot>,
    },
    /// The processed workbooks were written.
    ProcessedWritten {
        /// Which upload.
        upload: u32,
        /// What the vendor gets.
        vendor: Hash,
        /// What the provider gets; none while records are invalid.
        provider: Option<Hash>,
        /// The invalid records alone, to be mended and sent again; none where every record is valid.
        rejects: Option<Hash>,
        /// The version of the writer: the same version writes the same bytes.
        writer: u32,
    },

    // ── extraction ──
    /// A closing, a name for a chunk or a reconciliation was refused; counted as [`Self::CommandRefused`] is.
    BillingRefused {
        /// What was wanted: `close-chunk`, `close-records`, …
        action: String,
        /// The refusal's code, as the API shows it.
        reason: String,
        /// How many since the last one was recorded.
        count: u32,
    },
    /// Dividing an accepted file into chunks began.
    ExtractionStarted {
        /// Which upload was accepted.
        upload: u32,
        /// From 1; each restart is a new one.
        attempt: u32,
    },
    /// A chunk was made for a hub.
    ChunkOpened {
        /// Which upload.
        upload: u32,
        /// Its number, from 1.
        chunk: u16,
        /// The hub; none for subscriptions without one.
        hub: Option<Named>,
        /// What the hub calls the marketplace.
        hub_external_id: String,
        /// Control totals.
        totals: Vec<Total>,
        /// How many records.
        records: u32,
    },
    /// Which rows are in a chunk, in parts.
    ChunkFilled {
        /// Which upload.
        upload: u32,
        /// Which chunk.
        chunk: u16,
        /// Some of its rows.
        rows: RowSet,
    },
    /// Every record is in a chunk: the file is extracted.
    FileExtracted {
        /// Which upload.
        upload: u32,
        /// How many chunks.
        chunks: u16,
        /// How many records.
        records: u32,
    },
    /// Valid records are in no chunk, because they are never billed; in pieces of rows.
    RecordsExempted {
        /// Which upload.
        upload: u32,
        /// Why.
        reason: ExemptReason,
        /// Some of the rows.
        rows: RowSet,
        /// How many.
        records: u32,
        /// Control totals over all rows of that reason, in the first piece; empty in the others.
        totals: Vec<Total>,
    },
    /// Writing of a chunk's workbook began.
    ChunkStarted {
        /// Which chunk.
        chunk: u16,
        /// From 1; each restart is a new one.
        attempt: u32,
        /// The newest checkpoint of the log when it was ordered: the workbook shows it.
        checkpoint: Option<SignedRoot>,
    },
    /// A chunk's workbook was written.
    ChunkWritten {
        /// Which chunk.
        chunk: u16,
        /// The workbook.
        blob: Hash,
        /// Its size.
        bytes: u64,
    },
    /// A chunk's workbook can't be written.
    ChunkFailed {
        /// Which chunk; 0 when dividing the file failed.
        chunk: u16,
        /// What happened and what to do.
        detail: String,
    },
    /// A chunk's workbook is to be written again, with what was closed of it since.
    ChunkRegenerated {
        /// Which chunk.
        chunk: u16,
    },
    /// The provider gave a chunk an id of its own.
    ChunkNamed {
        /// Which chunk.
        chunk: u16,
        /// The provider's id.
        external_id: String,
    },
    /// Records were closed: billed.
    RecordsClosed {
        /// What closed them.
        by: ClosedBy,
        /// The rows and how they were billed.
        rows: Box<ClosedRows>,
        /// How many.
        records: u32,
    },
    /// A chunk was closed.
    ChunkClosed {
        /// Which chunk.
        chunk: u16,
        /// The provider's billing id.
        billing_id: String,
        /// The provider's billing note.
        billing_note: String,
    },
    /// A reconciliation workbook was taken.
    ReconciliationReceived {
        /// Its number, from 1.
        reconciliation: u16,
        /// The workbook.
        blob: Hash,
        /// Its size.
        bytes: u64,
        /// The provider's note.
        note: String,
    },
    /// Reading of a reconciliation workbook began.
    ReconciliationStarted {
        /// Which one.
        reconciliation: u16,
        /// From 1; each restart is a new one.
        attempt: u32,
        /// The newest checkpoint of the log when it was ordered: the workbook shows it.
        checkpoint: Option<SignedRoot>,
    },
    /// A reconciliation workbook was applied.
    ReconciliationProcessed {
        /// Which one.
        reconciliation: u16,
        /// Records that it closed.
        closed: u32,
        /// Records that are still open.
        open: u32,
        /// What it did, for the provider to read.
        summary: String,
        /// The processed workbook.
        processed: Option<Hash>,
    },
    /// A reconciliation workbook can't be used.
    ReconciliationFailed {
        /// Which one.
        reconciliation: u16,
        /// What is wrong and what to do.
        detail: String,
    },
    /// Every record is closed: the file is.
    FileClosed {
        /// Which upload.
        upload: u32,
        /// How many records.
        records: u32,
        /// Control totals: equal to those accepted.
        totals: Vec<Total>,
    },
    /// What was billed of a file that is closed was signed; stands in the append of `FileClosed`.
    StatementSigned {
        /// The text, signed (c2sp.org/signed-note).
        note: String,
    },

    // ── each service, where several processes stand by for one another ──
    /// Another process writes for the service from here on; its facts have a higher epoch.
    WriterChanged {
        /// Whose log it is.
        service: ServiceName,
        /// The process, by a name that people know it by.
        writer: String,
    },

    // ── each service, about its own log ──
    /// Checkpoints and statements of the log are signed with another key from here on.
    SigningKeyRecorded(Box<SigningKeyRecorded>),
    /// What the log held was signed.
    CheckpointSigned(Box<CheckpointSigned>),
}
