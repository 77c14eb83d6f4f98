//! Refusals. Both directions are exhaustive: a reason can't be added to one side alone.

use ledger::file::ChunkStatus;
use ledger::{ObjectId, Rejection, Status, transitions};

use super::session;
use super::value::{file_id, object_id, unknown};
use crate::error::WireError;
use crate::wire as w;
use crate::wire::PlainRejection as Plain;
use crate::wire::rejection::Rejection as Wire;

pub(super) fn rejection_to_wire(rejection: &Rejection) -> Wire {
    match rejection {
        Rejection::KeyUnknown => Wire::Plain(Plain::KeyUnknown.into()),
        Rejection::NotFound => Wire::Plain(Plain::NotFound.into()),
        Rejection::RoleNotAllowed => Wire::Plain(Plain::RoleNotAllowed.into()),
        Rejection::ScopeLacking { scope } => Wire::ScopeLacking(session::scope_number(*scope)),
        Rejection::FieldInvalid { field, message } => {
            Wire::FieldInvalid(w::FieldInvalid { field: field.clone(), message: message.clone() })
        }
        Rejection::TooLarge { message } => Wire::TooLarge(message.clone()),
        Rejection::ProgramContractInactive { vendor } => Wire::ProgramContractInactive(vendor.to_string()),
        Rejection::ContractInactive { contract } => Wire::ContractInactive(contract.to_string()),
        Rejection::ListingInactive { product, contract } => Wire::ListingInactive(w::ListingInactive {
            product_id: product.to_string(),
            contract_id: contract.to_string(),
        }),
        Rejection::CapabilityOff { product } => Wire::CapabilityOff(product.to_string()),
        Rejection::ItemsMissing { product } => Wire::ItemsMissing(product.to_string()),
        Rejection::EstimatesOff { product } => Wire::EstimatesOff(product.to_string()),
        Rejection::SchemaInUse { product, file } => {
            Wire::SchemaInUse(w::SchemaInUse { product_id: product.to_string(), file_id: file.to_string() })
        }
        Rejection::IdsUsedUp => Wire::Plain(Plain::IdsUsedUp.into()),
        Rejection::WrongStatus { action, status } => {
            Wire::WrongStatus(w::WrongStatus { action: (*action).to_owned(), status: status_number(*status) })
        }
        Rejection::NothingUploaded => Wire::Plain(Plain::NothingUploaded.into()),
        Rejection::ReportUnsealed => Wire::Plain(Plain::ReportUnsealed.into()),
        Rejection::NothingReported => Wire::Plain(Plain::NothingReported.into()),
        Rejection::ReportSealed { file } => Wire::ReportSealed(file.to_string()),
        Rejection::RecordsRejected { rejected } => Wire::RecordsRejected(*rejected),
        Rejection::ActualFileExists { file } => Wire::ActualFileExists(file.to_string()),
        Rejection::ChunkStatusWrong { action, status } => Wire::ChunkStatusWrong(w::ChunkStatusWrong {
            action: (*action).to_owned(),
            status: chunk_status_number(*status),
        }),
        Rejection::BillingMissing => Wire::Plain(Plain::BillingMissing.into()),
        Rejection::EstimateNotBilled => Wire::Plain(Plain::EstimateNotBilled.into()),
        Rejection::RecordsOpen { open } => Wire::RecordsOpen(*open),
        Rejection::KeyReused => Wire::Plain(Plain::KeyReused.into()),
        Rejection::Unavailable => Wire::Plain(Plain::Unavailable.into()),
        Rejection::ReadOnly => Wire::Plain(Plain::ReadOnly.into()),
    }
}

pub(super) fn rejection(rejection: Wire) -> Result<Rejection, WireError> {
    let product = |id: &str| -> Result<ObjectId, WireError> { object_id(id, "product_id") };
    Ok(match rejection {
        Wire::Plain(number) => plain(number)?,
        Wire::FieldInvalid(it) => Rejection::FieldInvalid { field: it.field, message: it.message },
        Wire::TooLarge(message) => Rejection::TooLarge { message },
        Wire::ProgramContractInactive(id) => {
            Rejection::ProgramContractInactive { vendor: object_id(&id, "program_contract_inactive")? }
        }
        Wire::ContractInactive(id) => Rejection::ContractInactive { contract: object_id(&id, "contract_inactive")? },
        Wire::ListingInactive(it) => Rejection::ListingInactive {
            product: product(&it.product_id)?,
            contract: object_id(&it.contract_id, "contract_id")?,
        },
        Wire::CapabilityOff(id) => Rejection::CapabilityOff { product: object_id(&id, "capability_off")? },
        Wire::ItemsMissing(id) => Rejection::ItemsMissing { product: object_id(&id, "items_missing")? },
        Wire::EstimatesOff(id) => Rejection::EstimatesOff { product: object_id(&id, "estimates_off")? },
        Wire::SchemaInUse(it) => {
            Rejection::SchemaInUse { product: product(&it.product_id)?, file: file_id(&it.file_id, "file_id")? }
        }
        Wire::WrongStatus(it) => Rejection::WrongStatus { action: participle(&it.action)?, status: status(it.status)? },
        Wire::ReportSealed(id) => Rejection::ReportSealed { file: file_id(&id, "report_sealed")? },
        Wire::RecordsRejected(rejected) => Rejection::RecordsRejected { rejected },
        Wire::ActualFileExists(id) => Rejection::ActualFileExists { file: file_id(&id, "actual_file_exists")? },
        Wire::ChunkStatusWrong(it) => {
            Rejection::ChunkStatusWrong { action: participle(&it.action)?, status: chunk_status(it.status)? }
        }
        Wire::RecordsOpen(open) => Rejection::RecordsOpen { open },
        Wire::ScopeLacking(number) => Rejection::ScopeLacking { scope: session::scope(number)? },
    })
}

fn plain(number: i32) -> Result<Rejection, WireError> {
    Ok(match Plain::try_from(number) {
        Ok(Plain::KeyUnknown) => Rejection::KeyUnknown,
        Ok(Plain::NotFound) => Rejection::NotFound,
        Ok(Plain::RoleNotAllowed) => Rejection::RoleNotAllowed,
        Ok(Plain::IdsUsedUp) => Rejection::IdsUsedUp,
        Ok(Plain::NothingUploaded) => Rejection::NothingUploaded,
        Ok(Plain::ReportUnsealed) => Rejection::ReportUnsealed,
        Ok(Plain::NothingReported) => Rejection::NothingReported,
        Ok(Plain::BillingMissing) => Rejection::BillingMissing,
        Ok(Plain::EstimateNotBilled) => Rejection::EstimateNotBilled,
        Ok(Plain::KeyReused) => Rejection::KeyReused,
        Ok(Plain::Unavailable) => Rejection::Unavailable,
        Ok(Plain::ReadOnly) => Rejection::ReadOnly,
        Ok(Plain::Unspecified) | Err(_) => return Err(unknown("plain", number)),
    })
}

fn participle(word: &str) -> Result<&'static str, WireError> {
    transitions::participle(word).ok_or(WireError::Invalid { field: "action" })
}

fn status_number(status: Status) -> i32 {
    let status = match status {
        Status::Draft => w::FileStatus::Draft,
        Status::Uploaded => w::FileStatus::Uploaded,
        Status::Processing => w::FileStatus::Processing,
        Status::Invalid => w::FileStatus::Invalid,
        Status::Ready => w::FileStatus::Ready,
        Status::Pending => w::FileStatus::Pending,
        Status::Rejected => w::FileStatus::Rejected,
        Status::Accepted => w::FileStatus::Accepted,
        Status::Closed => w::FileStatus::Closed,
        Status::Deleted => w::FileStatus::Deleted,
    };
    status.into()
}

fn status(number: i32) -> Result<Status, WireError> {
    match w::FileStatus::try_from(number) {
        Ok(w::FileStatus::Draft) => Ok(Status::Draft),
        Ok(w::FileStatus::Uploaded) => Ok(Status::Uploaded),
        Ok(w::FileStatus::Processing) => Ok(Status::Processing),
        Ok(w::FileStatus::Invalid) => Ok(Status::Invalid),
        Ok(w::FileStatus::Ready) => Ok(Status::Ready),
        Ok(w::FileStatus::Pending) => Ok(Status::Pending),
        Ok(w::FileStatus::Rejected) => Ok(Status::Rejected),
        Ok(w::FileStatus::Accepted) => Ok(Status::Accepted),
        Ok(w::FileStatus::Closed) => Ok(Status::Closed),
        Ok(w::FileStatus::Deleted) => Ok(Status::Deleted),
        Ok(w::FileStatus::Unspecified) | Err(_) => Err(unknown("status", number)),
    }
}

fn chunk_status_number(status: ChunkStatus) -> i32 {
    let status = match status {
        ChunkStatus::Draft => w::ChunkStatus::Draft,
        ChunkStatus::Ready => w::ChunkStatus::Ready,
        ChunkStatus::Closed => w::ChunkStatus::Closed,
        ChunkStatus::Failed => w::ChunkStatus::Failed,
    };
    status.into()
}

fn chunk_status(number: i32) -> Result<ChunkStatus, WireError> {
    match w::ChunkStatus::try_from(number) {
        Ok(w::ChunkStatus::Draft) => Ok(ChunkStatus::Draft),
        Ok(w::ChunkStatus::Ready) => Ok(ChunkStatus::Ready),
        Ok(w::ChunkStatus::Closed) => Ok(ChunkStatus::Closed),
        Ok(w::ChunkStatus::Failed) => Ok(ChunkStatus::Failed),
        Ok(w::ChunkStatus::Unspecified) | Err(_) => Err(unknown("status", number)),
    }
}
