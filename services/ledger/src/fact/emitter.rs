//! Who may say which fact, and which of them carry records.

use super::Fact;
use crate::id::ServiceName;

impl Fact {
    /// The one service that may say this.
    #[must_use]
    pub fn emitter(&self) -> ServiceName {
        match self {
            Self::ObjectRecorded(_)
            | Self::ContractPlaced { .. }
            | Self::WebhookRecorded(_)
            | Self::WebhookDeleted
            | Self::SessionOpened(_)
            | Self::SessionEnded => ServiceName::Catalog,
            Self::FileCreated(_)
            | Self::FileDescribed(_)
            | Self::UploadOpened(_)
            | Self::FileDeleted
            | Self::SubmitRemembered { .. }
            | Self::SubmitDropped { .. }
            | Self::FileSubmitted { .. }
            | Self::FileAccepted { .. }
            | Self::FileRejected { .. }
            | Self::CommandRefused { .. }
            | Self::RecordsApproved { .. }
            | Self::RecordsMarked { .. }
            | Self::ReportOpened { .. }
            | Self::ReportSealed { .. }
            | Self::RulingStarted { .. }
            | Self::RulesApplied { .. }
            | Self::RulesAsked { .. }
            | Self::RuleRecorded(_)
            | Self::RuleDeleted
            | Self::FileSuperseded { .. } => ServiceName::Approval,
            Self::ReadStarted { .. }
            | Self::RecordsRead(_)
            | Self::RecordsRooted(_)
            | Self::ColumnsReported { .. }
            | Self::FileRead(_)
            | Self::FileUnreadable { .. } => ServiceName::Ingestion,
            Self::CheckStarted { .. }
            | Self::RecordsChecked(_)
            | Self::UsageSummarized { .. }
            | Self::DynamicItemsFound { .. }
            | Self::FileChecked(_)
            | Self::CheckFailed { .. }
            | Self::ProcessedStarted { .. }
            | Self::ProcessedWritten { .. } => ServiceName::Validation,
            Self::BillingRefused { .. }
            | Self::ExtractionStarted { .. }
            | Self::ChunkOpened { .. }
            | Self::ChunkFilled { .. }
            | Self::FileExtracted { .. }
            | Self::RecordsExempted { .. }
            | Self::ChunkStarted { .. }
            | Self::ChunkWritten { .. }
            | Self::ChunkFailed { .. }
            | Self::ChunkNamed { .. }
            | Self::RecordsClosed { .. }
            | Self::ChunkRegenerated { .. }
            | Self::ChunkClosed { .. }
            | Self::ReconciliationReceived { .. }
            | Self::ReconciliationStarted { .. }
            | Self::ReconciliationProcessed { .. }
            | Self::ReconciliationFailed { .. }
            | Self::FileClosed { .. }
            | Self::StatementSigned { .. } => ServiceName::Extraction,
            Self::WriterChanged { service, .. } => *service,
            Self::SigningKeyRecorded(it) => it.service,
            Self::CheckpointSigned(it) => it.service,
        }
    }

    /// Whether it carries records: such a fact rests once, in its emitter's log, and others note only its hash.
    #[must_use]
    pub fn carries_records(&self) -> bool {
        matches!(self, Self::RecordsRead(_) | Self::RecordsChecked(_))
    }

    /// Whether it only vouches for what is recorded: nobody else needs it in a log of his own.
    #[must_use]
    pub fn is_bookkeeping(&self) -> bool {
        matches!(self, Self::SigningKeyRecorded(_) | Self::CheckpointSigned(_) | Self::StatementSigned { .. })
    }
}
