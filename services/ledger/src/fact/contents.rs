//! What the larger facts say.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::amount::Decimal;
use crate::catalog::{Environment, Named, Schema};
use crate::code::Code;
use crate::id::{Hash, HostId, ObjectId, ServiceName};
use crate::moment::Moment;
use crate::note::VerifierKey;

/// The period that a file is about, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    /// First instant.
    pub from: Moment,
    /// Last instant.
    pub to: Moment,
}

/// What a file was created as.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileCreated {
    /// At most 100 characters; by default the period.
    pub name: String,
    /// Seen by the vendor only.
    pub external_id: String,
    /// At most 200 characters, kept byte for byte.
    pub description: String,
    /// At most 200 characters.
    pub note: String,
    /// Optional (connect-api U18).
    pub period: Option<Period>,
    /// The IANA name of the zone whose days the period was given in; empty for UTC.
    pub time_zone: String,
    /// Whether it is an estimate of what an actual file will say (design §12).
    pub predictive: bool,
    /// Whether its records are reported one by one instead of in a workbook.
    pub reported: bool,
    /// ISO 4217; none for QT.
    pub currency: Option<String>,
    /// Test, preview or production.
    pub environment: Environment,
    /// The product's schema at creation.
    pub schema: Schema,
    /// What was used.
    pub product: Named,
    /// Under which distribution contract.
    pub contract: Named,
    /// Where it was sold.
    pub marketplace: Named,
    /// Who reports.
    pub vendor: Named,
    /// Who receives.
    pub provider: Named,
}

impl FileCreated {
    /// The published sentence about a workbook of the file that can't be read (connect-api §5.1), without its end.
    #[must_use]
    pub fn unreadable(&self) -> String {
        format!("Contract ID: {} and Product ID: {} can not be validated", self.contract.id, self.product.id)
    }
}

/// What a vendor changed in a file's texts; what is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileDescribed {
    /// Description.
    pub description: Option<String>,
    /// Note.
    pub note: Option<String>,
    /// External id.
    pub external_id: Option<String>,
    /// Period.
    pub period: Option<Period>,
    /// The zone of the period.
    pub time_zone: Option<String>,
    /// Currency.
    pub currency: Option<String>,
}

/// A workbook was taken for a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UploadOpened {
    /// Its number within the file, from 1.
    pub upload: u32,
    /// SHA-256 of the workbook, which rests in ingestion's blobs.
    pub blob: Hash,
    /// Its size.
    pub bytes: u64,
    /// What the vendor called it.
    pub filename: String,
    /// The catalog position at which it was opened: validation waits for at least that.
    pub catalog_position: u64,
}

/// A number of records of a file that stand together in ingestion's log, as `FileRead` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// Sequence in the emitter's chain of the fact that carries the records.
    pub sequence: u64,
    /// First sheet row.
    pub first_row: u32,
    /// Last sheet row.
    pub last_row: u32,
    /// How many records.
    pub records: u32,
}

/// A batch of records was read; its bytes rest here and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsRead {
    /// Of which upload.
    pub upload: u32,
    /// By which attempt at reading it.
    pub attempt: u32,
    /// Its number, from 0, without gaps.
    pub part: u32,
    /// First sheet row.
    pub first_row: u32,
    /// Last sheet row.
    pub last_row: u32,
    /// How many records.
    pub records: u32,
    /// Merkle root over the records (design §4).
    pub root: Hash,
    /// The encoded [`crate::record::ReadBatch`], compressed.
    pub payload: Vec<u8>,
}

/// The one root of all records of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsRooted {
    /// Which upload.
    pub upload: u32,
    /// Which attempt.
    pub attempt: u32,
    /// How many records.
    pub records: u32,
    /// How many batches they rest in.
    pub batches: u32,
    /// The root of the RFC 9162 tree over the batches' roots, in their order.
    pub root: Hash,
    /// The names of the columns, in the order in which records number them.
    pub columns: Vec<String>,
}

/// A category of the `categories` tab.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Category {
    /// What records refer to.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
}

/// A column of the vendor's `records` tab.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileColumn {
    /// Normalised name (`record_id`), or the name of a custom column byte for byte (`v.Region`).
    pub name: String,
    /// The header as the vendor wrote it.
    pub header: String,
    /// The column of the sheet, from 0.
    pub sheet_column: u16,
}

/// A workbook was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRead {
    /// Which upload.
    pub upload: u32,
    /// Which attempt.
    pub attempt: u32,
    /// The known and custom columns, in the vendor's order.
    pub columns: Vec<FileColumn>,
    /// Headers that mean nothing here and were left out.
    pub ignored: Vec<String>,
    /// The categories tab.
    pub categories: Vec<Category>,
    /// Where the records rest.
    pub parts: Vec<Part>,
    /// How many there are.
    pub records: u32,
}

/// A sum over records, for one currency and tier: a control total.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Total {
    /// ISO 4217; empty for QT.
    pub currency: String,
    /// The tier, where the schema has tiers.
    pub tier: Option<u8>,
    /// How many records.
    pub records: u32,
    /// Exact sum of quantities.
    pub quantity: Decimal,
    /// Exact sum of amounts.
    pub amount: Decimal,
}

/// A sum over one subscription, item and tier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SummaryLine {
    /// The subscription.
    pub subscription: ObjectId,
    /// The item.
    pub item: ObjectId,
    /// The tier, where the schema has tiers.
    pub tier: Option<u8>,
    /// How many records.
    pub records: u32,
    /// Exact sum of quantities.
    pub quantity: Decimal,
    /// Exact sum of amounts.
    pub amount: Decimal,
}

/// What validation adds to a batch of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsChecked {
    /// Of which upload.
    pub upload: u32,
    /// By which attempt at checking it.
    pub attempt: u32,
    /// Its number, from 0: the same as that of the batch as read.
    pub part: u32,
    /// First sheet row.
    pub first_row: u32,
    /// Last sheet row.
    pub last_row: u32,
    /// Records without an error.
    pub valid: u32,
    /// Records with errors.
    pub invalid: u32,
    /// The batch as read: its sequence in ingestion's chain,
    pub read_sequence: u64,
    /// and its header hash there.
    pub read_hash: Hash,
    /// The encoded [`crate::record::CheckedBatch`], compressed.
    pub payload: Vec<u8>,
}

/// The verdict on an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChecked {
    /// Which upload.
    pub upload: u32,
    /// Which attempt.
    pub attempt: u32,
    /// Where the checked batches rest.
    pub parts: Vec<Part>,
    /// Records without an error.
    pub valid: u32,
    /// Records with errors.
    pub invalid: u32,
    /// Control totals over the valid records that are billed.
    pub totals: Vec<Total>,
    /// Control totals over the valid records that are not: consumption of reservations, and estimates.
    pub exempt_totals: Vec<Total>,
    /// How often each code was raised.
    pub codes: Vec<(Code, u32)>,
    /// How often each code was raised as a warning.
    pub warnings: Vec<(Code, u32)>,
    /// From the earliest start to the latest end of the valid records.
    pub span: Option<Period>,
    /// How many `UsageSummarized` belong to this verdict.
    pub summary_parts: u32,
}

/// An item that records brought and that the catalog didn't have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DynamicItem {
    /// Global id ([`crate::catalog::dynamic_item_id`]) and name.
    pub named: Named,
    /// The vendor's part number: with the product its identity.
    pub mpn: String,
    /// What it is counted in.
    pub unit: String,
    /// Decimals that a quantity may have.
    pub places: u8,
    /// The sheet row that brought it first.
    pub row: u32,
}

/// Why valid records are never billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ExemptReason {
    /// They tell how a reservation, which was bought ahead, is used.
    Reservation,
    /// Their file is an estimate.
    Estimate,
}

impl ExemptReason {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::Estimate => "estimate",
        }
    }
}

/// What a provider says of single records before it answers for their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordMark {
    /// Nothing any more.
    Open,
    /// They are right.
    Approved,
    /// They are wrong: the file can't be accepted with them.
    Rejected,
}

/// Where a closing came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClosedBy {
    /// A chunk was closed; its number.
    Chunk(u16),
    /// A reconciliation workbook; its number.
    Reconciliation(u16),
    /// Single records, through the API.
    Records,
    /// The file itself.
    File,
}

/// What checkpoints and statements of a log are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRecorded {
    /// Whose log it is.
    pub service: ServiceName,
    /// The name under which it signs, which is the log's own, and the public key.
    pub key: VerifierKey,
}

/// How far a log went when it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointSigned {
    /// Whose log it is.
    pub service: ServiceName,
    /// How many own events it had.
    pub size: u64,
    /// The root of the tree over the hashes of their headers.
    pub root: Hash,
    /// Both, signed (c2sp.org/tlog-checkpoint).
    pub note: String,
}

/// What a checkpoint says of a log, without its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignedRoot {
    /// How many own events the log had.
    pub size: u64,
    /// The root of the tree over the hashes of their headers.
    pub root: Hash,
}

impl SignedRoot {
    /// As a member of a dictionary of RFC 9651, under the name of its log: `extraction-0=:XcnaeacG…=:;size=1024`. The
    /// header `Ledger-Checkpoint` and the general tab of workbooks have it so.
    #[must_use]
    pub fn member(&self, log: HostId) -> String {
        format!("{log}=:{}:;size={}", BASE64.encode(&self.root.0), self.size)
    }
}

impl CheckpointSigned {
    /// What it says, without the signature.
    #[must_use]
    pub fn signed(&self) -> SignedRoot {
        SignedRoot { size: self.size, root: self.root }
    }
}
