//! The shape of a usage file and of its parts.

use serde::Serialize;
use utoipa::ToSchema;

use super::rule::Ruling;
use super::totals::Totals;
use super::words::{Environment, FileStatus, Instant, SchemaName, SubStatus};
use super::{Event, Reference};

/// A usage file: what a vendor reports for a contract and a product, usually of one period.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = UsageFile)]
pub(crate) struct File {
    /// Its id.
    #[schema(example = "UF-2026-11-0000-0000")]
    pub(crate) id: String,
    /// Its name; one that was not given is made of the period.
    #[schema(example = "October 2026")]
    pub(crate) name: Option<String>,
    /// The vendor's own id of it, which a provider doesn't see.
    #[schema(example = "invoice-2026-10")]
    pub(crate) external_id: Option<String>,
    /// Where it stands.
    #[schema(value_type = FileStatus)]
    pub(crate) status: &'static str,
    /// Who reports.
    pub(crate) vendor: Reference,
    /// Who decides on it and bills it.
    pub(crate) provider: Reference,
    /// What it is for: only what is for production is billed.
    #[schema(value_type = Environment)]
    pub(crate) environment: &'static str,
    /// The marketplace of the contract.
    pub(crate) marketplace: Reference,
    /// The contract.
    pub(crate) contract: Reference,
    /// The product.
    pub(crate) product: Reference,
    /// Why it can't be read or checked.
    #[schema(example = "The workbook has no tab \"records\".")]
    pub(crate) error_detail: Option<String>,
    /// What the vendor wrote, byte for byte.
    #[schema(example = "Usage of October")]
    pub(crate) description: Option<String>,
    /// The vendor's note.
    #[schema(example = "With the corrections of September")]
    pub(crate) note: Option<String>,
    /// The provider's note on accepting it.
    #[schema(example = "Thank you")]
    pub(crate) acceptance_note: Option<String>,
    /// The provider's note on rejecting it.
    #[schema(example = "The period is not over yet")]
    pub(crate) rejection_note: Option<String>,
    /// Its reporting schema.
    #[schema(value_type = SchemaName)]
    pub(crate) schema: &'static str,
    /// The currency of its amounts.
    #[schema(example = "USD")]
    pub(crate) currency: Option<String>,
    /// Whether it is an estimate, which is never billed.
    #[schema(example = true)]
    pub(crate) predictive: Option<bool>,
    /// Whether its records are reported one by one instead of in a workbook.
    #[schema(example = true)]
    pub(crate) reported: Option<bool>,
    /// The file that took the place of this estimate.
    pub(crate) superseded_by: Option<Superseded>,
    /// What it is about.
    pub(crate) period: Option<Period>,
    /// The zone that its days are those of, where that isn't UTC.
    #[schema(example = "America/Los_Angeles")]
    pub(crate) time_zone: Option<String>,
    /// How many records stand where.
    pub(crate) stats: Option<Stats>,
    /// How often rules warned, which a provider doesn't see.
    #[schema(example = 2)]
    pub(crate) warnings: Option<u32>,
    /// What usage rules came to when it was submitted.
    pub(crate) ruling: Option<Ruling>,
    /// What happened to it.
    pub(crate) events: Option<Events>,
    /// What still runs behind an accepted file. From here on: only in the answer about one file.
    #[schema(value_type = Option<SubStatus>)]
    pub(crate) sub_status: Option<&'static str>,
    /// How many records stand where, in Connect's second form.
    pub(crate) records: Option<Records>,
    /// Control totals of the stages that it has reached.
    pub(crate) totals: Option<Totals>,
    /// When it was submitted while it was still checked: that counts once it is ready.
    pub(crate) submit_remembered: Option<Event>,
    /// How far reading and checking have come, while they run.
    pub(crate) progress: Option<Progress>,
    /// A link to the workbook as uploaded, which works without a key for ten minutes. A provider doesn't see it.
    #[schema(
        example = "http://127.0.0.1:8080/ledger/v1/links/uploaded/00/UF-2026-11-0000-0000.xlsx?expires=1&signature=0"
    )]
    pub(crate) usage_file_uri: Option<String>,
    /// A link to the workbook with what was found in it.
    #[schema(example = "http://127.0.0.1:8080/ledger/v1/links/processed/00/UF-2026-11-0000-0000-PROCESSED.xlsx")]
    pub(crate) processed_file_uri: Option<String>,
    /// A link to a workbook of the invalid records alone. A provider doesn't see it.
    #[schema(example = "http://127.0.0.1:8080/ledger/v1/links/processed/00/UF-2026-11-0000-0000-REJECTS.xlsx")]
    pub(crate) rejects_file_uri: Option<String>,
    /// A link to the newest reconciliation.
    #[schema(example = "http://127.0.0.1:8080/ledger/v1/links/reconciliation/00/RCF-2026-11-0000-0000-001.xlsx")]
    pub(crate) reconciliation_file_uri: Option<String>,
}

/// The file that took the place of an estimate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Superseded {
    /// Its id.
    #[schema(example = "UF-2026-11-0000-0001")]
    pub(crate) id: String,
    /// When.
    #[schema(value_type = Instant)]
    pub(crate) at: String,
}

/// A period, both ends included.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Period {
    /// Its first instant.
    #[schema(value_type = Instant)]
    pub(crate) from: String,
    /// Its last second.
    #[schema(value_type = Instant)]
    pub(crate) to: String,
}

/// Counts of records; what is zero is left out.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Stats {
    /// Rows.
    #[schema(example = 12)]
    pub(crate) uploaded: Option<u32>,
    /// Rows without an error.
    #[schema(example = 12)]
    pub(crate) validated: Option<u32>,
    /// Rows with errors.
    #[schema(example = 1)]
    pub(crate) invalid: Option<u32>,
    /// Records that wait for the provider.
    #[schema(example = 12)]
    pub(crate) pending: Option<u32>,
    /// Records that the provider accepted.
    #[schema(example = 12)]
    pub(crate) accepted: Option<u32>,
    /// Records that were billed.
    #[schema(example = 3)]
    pub(crate) closed: Option<u32>,
    /// Records with a billing id.
    #[schema(example = 3)]
    pub(crate) billed: Option<u32>,
}

/// Counts of records in Connect's second form.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Records {
    /// Without an error.
    #[schema(example = 12)]
    pub(crate) valid: u32,
    /// With errors.
    #[schema(example = 0)]
    pub(crate) invalid: u32,
    /// Billed.
    #[schema(example = 3)]
    pub(crate) closed: u32,
}

/// How work on a usage file stands, as its progress is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageFileState)]
pub(crate) struct State {
    /// Its id.
    #[schema(example = "UF-2026-11-0000-0000")]
    pub(crate) id: String,
    /// Where it stands.
    #[schema(value_type = FileStatus)]
    pub(crate) status: &'static str,
    /// What still runs behind an accepted file.
    #[schema(value_type = Option<SubStatus>)]
    pub(crate) sub_status: Option<&'static str>,
    /// Why it can't be read or checked.
    #[schema(example = "The workbook has no tab \"records\".")]
    pub(crate) error_detail: Option<String>,
    /// How far reading and checking have come, which a provider doesn't see.
    pub(crate) progress: Option<Progress>,
    /// How many records stand where.
    pub(crate) stats: Option<Stats>,
}

/// How far reading and checking have come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Progress {
    /// Rows read.
    #[schema(example = 2048)]
    pub(crate) read: u32,
    /// Rows checked.
    #[schema(example = 1024)]
    pub(crate) checked: u32,
    /// Rows found valid.
    #[schema(example = 1023)]
    pub(crate) valid: u32,
    /// Rows found invalid.
    #[schema(example = 1)]
    pub(crate) invalid: u32,
}

/// What happened to a usage file.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = UsageFileEvents)]
pub(crate) struct Events {
    /// It was made.
    pub(crate) created: Option<Event>,
    /// The newest workbook came.
    pub(crate) uploaded: Option<Event>,
    /// It takes no more reported records.
    pub(crate) sealed: Option<Event>,
    /// The vendor gave it to the provider.
    pub(crate) submitted: Option<Event>,
    /// The provider, or a usage rule, accepted it.
    pub(crate) accepted: Option<Event>,
    /// The provider, or a usage rule, rejected it.
    pub(crate) rejected: Option<Event>,
    /// The last record was billed.
    pub(crate) closed: Option<Event>,
    /// The vendor withdrew it.
    pub(crate) deleted: Option<Event>,
}

/// A category of a file.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Category {
    /// Its id within the file.
    #[schema(example = "compute")]
    pub(crate) id: Option<String>,
    /// Its name.
    #[schema(example = "Compute")]
    pub(crate) name: Option<String>,
    /// What is in it.
    #[schema(example = "Everything that computes")]
    pub(crate) description: Option<String>,
}
