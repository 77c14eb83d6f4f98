//! Every refusal, and answers.

use std::sync::Arc;

use ledger::file::ChunkStatus;
use ledger::report::Receipt;
use ledger::{HostId, KeyScope, Rejection, ServiceName, Status};

use super::{events, file_id, object_id};
use crate::ask::{WireAnswer, WireReply};

/// Every sample reply under the name of its golden file.
#[must_use]
pub fn replies() -> Vec<(String, WireReply)> {
    let refused = rejections().into_iter().map(|it| (rejection_name(&it).to_owned(), Err(it)));
    let answered = answers().into_iter().map(|(name, it)| (name.to_owned(), Ok(it)));
    refused.chain(answered).collect()
}

/// The name of a refusal in `command.proto`: of the reason, or of its number among those that say all there is.
///
/// Exhaustive, so that a refusal can't be added without coming here; a test then asks for its sample.
#[must_use]
pub fn rejection_name(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::KeyUnknown => "key_unknown",
        Rejection::NotFound => "not_found",
        Rejection::RoleNotAllowed => "role_not_allowed",
        Rejection::ScopeLacking { .. } => "scope_lacking",
        Rejection::FieldInvalid { .. } => "field_invalid",
        Rejection::TooLarge { .. } => "too_large",
        Rejection::ProgramContractInactive { .. } => "program_contract_inactive",
        Rejection::ContractInactive { .. } => "contract_inactive",
        Rejection::ListingInactive { .. } => "listing_inactive",
        Rejection::CapabilityOff { .. } => "capability_off",
        Rejection::ItemsMissing { .. } => "items_missing",
        Rejection::EstimatesOff { .. } => "estimates_off",
        Rejection::SchemaInUse { .. } => "schema_in_use",
        Rejection::IdsUsedUp => "ids_used_up",
        Rejection::WrongStatus { .. } => "wrong_status",
        Rejection::NothingUploaded => "nothing_uploaded",
        Rejection::ReportUnsealed => "report_unsealed",
        Rejection::NothingReported => "nothing_reported",
        Rejection::ReportSealed { .. } => "report_sealed",
        Rejection::RecordsRejected { .. } => "records_rejected",
        Rejection::ActualFileExists { .. } => "actual_file_exists",
        Rejection::ChunkStatusWrong { .. } => "chunk_status_wrong",
        Rejection::BillingMissing => "billing_missing",
        Rejection::EstimateNotBilled => "estimate_not_billed",
        Rejection::RecordsOpen { .. } => "records_open",
        Rejection::KeyReused => "key_reused",
        Rejection::Unavailable => "unavailable",
        Rejection::ReadOnly => "read_only",
    }
}

fn rejections() -> Vec<Rejection> {
    let (product, contract) = (object_id("PRD-123-456-789"), object_id("CRD-12345-67890-00001"));
    let file = file_id();
    vec![
        Rejection::KeyUnknown,
        Rejection::NotFound,
        Rejection::RoleNotAllowed,
        Rejection::ScopeLacking { scope: KeyScope::Configure },
        Rejection::field("period.from", "\"gestern\" is no time."),
        Rejection::TooLarge { message: "A file takes 999 reconciliations.".to_owned() },
        Rejection::ProgramContractInactive { vendor: object_id("VA-123-456") },
        Rejection::ContractInactive { contract: contract.clone() },
        Rejection::ListingInactive { product: product.clone(), contract },
        Rejection::CapabilityOff { product: product.clone() },
        Rejection::ItemsMissing { product: product.clone() },
        Rejection::EstimatesOff { product: product.clone() },
        Rejection::SchemaInUse { product, file },
        Rejection::IdsUsedUp,
        Rejection::WrongStatus { action: "submitted", status: Status::Invalid },
        Rejection::NothingUploaded,
        Rejection::ReportUnsealed,
        Rejection::NothingReported,
        Rejection::ReportSealed { file },
        Rejection::RecordsRejected { rejected: 41 },
        Rejection::ActualFileExists { file },
        Rejection::ChunkStatusWrong { action: "regenerated", status: ChunkStatus::Draft },
        Rejection::BillingMissing,
        Rejection::EstimateNotBilled,
        Rejection::RecordsOpen { open: u32::MAX },
        Rejection::KeyReused,
        Rejection::Unavailable,
        Rejection::ReadOnly,
    ]
}

fn answers() -> Vec<(&'static str, WireAnswer)> {
    let recorded = events().into_iter().take(2).map(|(_, event)| event).collect();
    let full = WireAnswer {
        host: HostId::new(ServiceName::Ingestion, 99),
        sequence: u64::MAX,
        events: Arc::new(recorded),
        repeated: true,
        receipts: vec![
            Receipt::Added { row: 2 },
            Receipt::Identical { row: 99_999_999 },
            Receipt::Conflicting { row: 3 },
            Receipt::Taken { file: file_id() },
            Receipt::Refused,
            Receipt::Taken { file: file_id() },
        ],
    };
    let unchanged = WireAnswer {
        host: HostId::new(ServiceName::Catalog, 0),
        sequence: 0,
        events: Arc::default(),
        repeated: false,
        receipts: Vec::new(),
    };
    vec![("answer", full), ("answer_unchanged", unchanged)]
}
