//! What can be asked for: imperative, addressed to one service, always with the scope of who asks.

use std::sync::Arc;

use crate::catalog::{CatalogObject, Environment, Role};
use crate::fact::{Actor, FileDescribed, Period, RecordMark, Surface};
use crate::file::{Status, UsageFile};
use crate::id::{ChunkId, FileId, Hash, ObjectId, ServiceName};
use crate::moment::Moment;
use crate::record::Billing;
use crate::report::ReportedRecords;
use crate::rows::RowSet;
use crate::rule::RuleTerms;
use crate::webhook::WebhookTerms;

/// Who asks, and what for: built once at the edge; no read or command can be made without it (design §8).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The person or system.
    pub actor: Actor,
    /// The account that it acts for; none for the product itself and for the operator at the machine.
    pub account: Option<ObjectId>,
    /// What the account does.
    pub role: Role,
    /// By which way they came.
    pub surface: Surface,
}

/// What of a file decides who sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sight<'a> {
    /// Who reports.
    pub vendor: &'a ObjectId,
    /// Who receives.
    pub provider: &'a ObjectId,
    /// Where it counts.
    pub environment: Environment,
    /// Where it stands.
    pub status: Status,
}

impl<'a> Sight<'a> {
    /// Of a file; none before it was created.
    #[must_use]
    pub fn of(file: &'a UsageFile) -> Option<Self> {
        let created = file.approval.created.as_ref()?;
        let (vendor, provider) = (&created.vendor.id, &created.provider.id);
        Some(Self { vendor, provider, environment: created.environment, status: file.status() })
    }
}

impl Scope {
    /// The scope of the product itself.
    #[must_use]
    pub fn service(service: ServiceName) -> Self {
        Self { actor: Actor::Service(service), account: None, role: Role::Operator, surface: Surface::Api }
    }

    /// The scope of somebody at the machine.
    #[must_use]
    pub fn operator() -> Self {
        Self { actor: Actor::Operator, account: None, role: Role::Operator, surface: Surface::Api }
    }

    /// Whether the file exists for this caller.
    #[must_use]
    pub fn sees(&self, file: &UsageFile) -> bool {
        Sight::of(file).is_some_and(|sight| self.sees_like(&sight))
    }

    /// Whether files like this exist for this caller: the vendor's own, the provider's once submitted and only in
    /// production, everything for an operator (design §8, connect-api U19).
    #[must_use]
    pub fn sees_like(&self, sight: &Sight<'_>) -> bool {
        match self.role {
            Role::Operator => true,
            Role::Vendor => self.account.as_ref() == Some(sight.vendor),
            Role::Distributor | Role::Reseller => {
                let reached =
                    matches!(sight.status, Status::Pending | Status::Rejected | Status::Accepted | Status::Closed);
                reached && sight.environment == Environment::Production && self.account.as_ref() == Some(sight.provider)
            }
        }
    }

    /// Whether this caller may do what the vendor of a file does.
    #[must_use]
    pub fn plays_vendor(&self) -> bool {
        matches!(self.role, Role::Vendor | Role::Operator)
    }

    /// Whether this caller may do what the provider of a file does: outside production the vendor plays both sides.
    #[must_use]
    pub fn plays_provider(&self, file: &UsageFile) -> bool {
        let production =
            file.approval.created.as_ref().is_none_or(|created| created.environment == Environment::Production);
        match self.role {
            Role::Operator | Role::Distributor | Role::Reseller => true,
            Role::Vendor => !production,
        }
    }
}

/// What a decision is made with, besides the ledger: all of it is recorded or derived from what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The time of the decision.
    pub now: Moment,
    /// Who asks.
    pub scope: Scope,
}

/// The fields of a new file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateFile {
    /// The product that was used.
    pub product: ObjectId,
    /// The distribution contract.
    pub contract: ObjectId,
    /// Optional: the period names it.
    pub name: String,
    /// Seen by the vendor only.
    pub external_id: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub note: String,
    /// Optional.
    pub period: Option<Period>,
    /// The IANA name of the zone whose days the period was given in; empty for UTC.
    pub time_zone: String,
    /// Whether it is an estimate.
    pub predictive: bool,
    /// ISO 4217; optional.
    pub currency: Option<String>,
    /// Optional: derived from the contract.
    pub environment: Option<Environment>,
}

/// What a file is to be that collects reported records: one is open at a time for each of these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpenReport {
    /// The product that is used.
    pub product: ObjectId,
    /// The distribution contract.
    pub contract: ObjectId,
    /// What the records are about.
    pub period: Period,
    /// ISO 4217; optional.
    pub currency: Option<String>,
    /// Optional: derived from the contract.
    pub environment: Option<Environment>,
}

/// Everything that can be asked of a service from outside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Record these objects as they now are.
    ImportCatalog {
        /// Only those that differ from what is known are recorded.
        objects: Vec<CatalogObject>,
    },
    /// Change members of a product.
    ChangeProduct {
        /// Which product.
        product: ObjectId,
        /// A JSON object of the members that change, as the API takes it.
        change: String,
    },
    /// Make an item.
    CreateItem {
        /// Of which product.
        product: ObjectId,
        /// A JSON object, as the API takes it.
        item: String,
    },
    /// Change members of an item.
    ChangeItem {
        /// Of which product.
        product: ObjectId,
        /// Which item.
        item: ObjectId,
        /// A JSON object of the members that change, as the API takes it.
        change: String,
    },
    /// Make a key unusable.
    RevokeKey {
        /// Which.
        key: ObjectId,
    },
    /// Make a webhook for the account that asks.
    CreateWebhook {
        /// What it is to be.
        terms: Box<WebhookTerms>,
    },
    /// Change a webhook.
    ChangeWebhook {
        /// Which.
        webhook: ObjectId,
        /// What it is to be.
        terms: Box<WebhookTerms>,
    },
    /// Delete a webhook.
    DeleteWebhook {
        /// Which.
        webhook: ObjectId,
    },
    /// Sign the holder of a key in at the portal.
    OpenSession {
        /// Its id: one that is known already was opened, and isn't again.
        session: ObjectId,
        /// Whether a link opens it.
        by_link: bool,
        /// What the browser calls itself.
        agent: String,
    },
    /// End a session.
    EndSession {
        /// Which.
        session: ObjectId,
    },
    /// Make a draft.
    CreateFile(Box<CreateFile>),
    /// Change a file's texts.
    DescribeFile {
        /// Which file.
        file: FileId,
        /// What changes.
        described: Box<FileDescribed>,
    },
    /// Take a workbook that rests in ingestion's blobs.
    OpenUpload {
        /// Which file.
        file: FileId,
        /// The workbook.
        blob: Hash,
        /// Its size.
        bytes: u64,
        /// What the vendor called it.
        filename: String,
    },
    /// Withdraw a file.
    DeleteFile {
        /// Which file.
        file: FileId,
    },
    /// Send a file to its provider, now or as soon as it is ready.
    SubmitFile {
        /// Which file.
        file: FileId,
    },
    /// Take a file.
    AcceptFile {
        /// Which file.
        file: FileId,
        /// The provider's note.
        note: String,
    },
    /// Send a file back.
    RejectFile {
        /// Which file.
        file: FileId,
        /// The provider's note.
        note: String,
    },
    /// Approve every valid record of a file that waits for its provider.
    ApproveRecords {
        /// Which file.
        file: FileId,
    },
    /// Mark single records of a file that waits for its provider.
    MarkRecords {
        /// Which file.
        file: FileId,
        /// Which rows.
        rows: RowSet,
        /// As what.
        mark: RecordMark,
    },
    /// Have the file at hand for records that are reported one by one, and make it if there is none.
    OpenReport(Box<OpenReport>),
    /// Put records into such a file.
    ReportRecords(Arc<ReportedRecords>),
    /// Take no more records into such a file, and check it.
    SealReport {
        /// Which file.
        file: FileId,
    },
    /// Read and check the workbook of a file again.
    ReprocessFile {
        /// Which file.
        file: FileId,
    },
    /// Make a usage rule.
    CreateRule {
        /// For the files of which product.
        product: ObjectId,
        /// For which provider; none is the one who asks, or the only one.
        provider: Option<ObjectId>,
        /// What it is to be.
        terms: Box<RuleTerms>,
    },
    /// Change a usage rule.
    ChangeRule {
        /// Of which product.
        product: ObjectId,
        /// Which rule.
        rule: ObjectId,
        /// What it is to be.
        terms: Box<RuleTerms>,
    },
    /// Delete a usage rule.
    DeleteRule {
        /// Of which product.
        product: ObjectId,
        /// Which rule.
        rule: ObjectId,
    },
    /// Give a chunk an id of the provider's.
    NameChunk {
        /// Which chunk.
        chunk: ChunkId,
        /// The id.
        external_id: String,
    },
    /// Write a chunk's workbook again if records were closed since.
    RegenerateChunk {
        /// Which chunk.
        chunk: ChunkId,
    },
    /// Close a chunk with everything in it.
    CloseChunk {
        /// Which chunk.
        chunk: ChunkId,
        /// Where it was billed.
        billing: Billing,
    },
    /// Close single records of one file.
    CloseRecords {
        /// Which file.
        file: FileId,
        /// Rows and how each was billed; rows that can't be closed are left out.
        rows: Vec<(u32, Billing)>,
    },
    /// Close a file whose records are all closed.
    CloseFile {
        /// Which file.
        file: FileId,
    },
    /// Take a reconciliation workbook that rests in extraction's blobs.
    ReceiveReconciliation {
        /// Which file.
        file: FileId,
        /// The workbook.
        blob: Hash,
        /// Its size.
        bytes: u64,
        /// The provider's note.
        note: String,
    },
}

impl Command {
    /// The one service that decides it.
    #[must_use]
    pub fn service(&self) -> ServiceName {
        match self {
            Self::ImportCatalog { .. }
            | Self::ChangeProduct { .. }
            | Self::CreateItem { .. }
            | Self::ChangeItem { .. }
            | Self::RevokeKey { .. }
            | Self::CreateWebhook { .. }
            | Self::ChangeWebhook { .. }
            | Self::DeleteWebhook { .. }
            | Self::OpenSession { .. }
            | Self::EndSession { .. } => ServiceName::Catalog,
            Self::CreateFile(_)
            | Self::DescribeFile { .. }
            | Self::OpenUpload { .. }
            | Self::DeleteFile { .. }
            | Self::SubmitFile { .. }
            | Self::AcceptFile { .. }
            | Self::RejectFile { .. }
            | Self::ApproveRecords { .. }
            | Self::MarkRecords { .. }
            | Self::OpenReport(_)
            | Self::SealReport { .. }
            | Self::ReprocessFile { .. }
            | Self::CreateRule { .. }
            | Self::ChangeRule { .. }
            | Self::DeleteRule { .. } => ServiceName::Approval,
            Self::ReportRecords(_) => ServiceName::Ingestion,
            Self::NameChunk { .. }
            | Self::RegenerateChunk { .. }
            | Self::CloseChunk { .. }
            | Self::CloseRecords { .. }
            | Self::CloseFile { .. }
            | Self::ReceiveReconciliation { .. } => ServiceName::Extraction,
        }
    }

    /// The file that it is about, where there is one.
    #[must_use]
    pub fn file(&self) -> Option<FileId> {
        match self {
            Self::ImportCatalog { .. }
            | Self::ChangeProduct { .. }
            | Self::CreateItem { .. }
            | Self::ChangeItem { .. }
            | Self::RevokeKey { .. }
            | Self::CreateWebhook { .. }
            | Self::ChangeWebhook { .. }
            | Self::DeleteWebhook { .. }
            | Self::OpenSession { .. }
            | Self::EndSession { .. }
            | Self::CreateFile(_)
            | Self::OpenReport(_)
            | Self::CreateRule { .. }
            | Self::ChangeRule { .. }
            | Self::DeleteRule { .. } => None,
            Self::DescribeFile { file, .. }
            | Self::OpenUpload { file, .. }
            | Self::DeleteFile { file }
            | Self::SubmitFile { file }
            | Self::AcceptFile { file, .. }
            | Self::RejectFile { file, .. }
            | Self::ApproveRecords { file }
            | Self::MarkRecords { file, .. }
            | Self::SealReport { file }
            | Self::ReprocessFile { file }
            | Self::CloseRecords { file, .. }
            | Self::CloseFile { file }
            | Self::ReceiveReconciliation { file, .. } => Some(*file),
            Self::ReportRecords(reported) => Some(reported.file),
            Self::NameChunk { chunk, .. } | Self::RegenerateChunk { chunk } | Self::CloseChunk { chunk, .. } => {
                Some(chunk.file)
            }
        }
    }

    /// The word for it in refusals and histories.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::ImportCatalog { .. } => "import",
            Self::ChangeProduct { .. } => "change-product",
            Self::CreateItem { .. } => "create-item",
            Self::ChangeItem { .. } => "change-item",
            Self::RevokeKey { .. } => "revoke",
            Self::CreateWebhook { .. } => "create-webhook",
            Self::ChangeWebhook { .. } => "change-webhook",
            Self::DeleteWebhook { .. } => "delete-webhook",
            Self::OpenSession { .. } => "open-session",
            Self::EndSession { .. } => "end-session",
            Self::CreateFile(_) => "create",
            Self::DescribeFile { .. } => "update",
            Self::OpenUpload { .. } => "upload",
            Self::DeleteFile { .. } => "delete",
            Self::SubmitFile { .. } => "submit",
            Self::AcceptFile { .. } => "accept",
            Self::RejectFile { .. } => "reject",
            Self::ApproveRecords { .. } => "approve-all",
            Self::MarkRecords { .. } => "mark-records",
            Self::OpenReport(_) => "open-report",
            Self::ReportRecords(_) => "report",
            Self::SealReport { .. } => "seal",
            Self::ReprocessFile { .. } => "reprocess",
            Self::CreateRule { .. } => "create-rule",
            Self::ChangeRule { .. } => "change-rule",
            Self::DeleteRule { .. } => "delete-rule",
            Self::NameChunk { .. } => "name-chunk",
            Self::RegenerateChunk { .. } => "regenerate-chunk",
            Self::CloseChunk { .. } => "close-chunk",
            Self::CloseRecords { .. } => "close-records",
            Self::CloseFile { .. } => "close",
            Self::ReceiveReconciliation { .. } => "reconcile",
        }
    }
}
