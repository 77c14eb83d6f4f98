//! Why something was refused: one closed enum in order of precedence, each with one HTTP status, one code and one
//! sentence (design §3; codes of connect-api §2.1 where they are known, `USG_0xx` of our own).

use std::fmt;

use crate::file::{ChunkStatus, Status};
use crate::id::{FileId, ObjectId};
use crate::scopes::KeyScope;
use crate::transitions;

/// Why a command was refused. Declaration order is precedence: the first that applies is the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rejection {
    /// No key, an unknown key, a wrong secret or a revoked key.
    KeyUnknown,
    /// Nothing of that id exists for the caller.
    NotFound,
    /// The caller's account may not do this.
    RoleNotAllowed,
    /// The account may, but this key of it may not.
    ScopeLacking {
        /// What the key lacks.
        scope: KeyScope,
    },
    /// A field of the request is wrong.
    FieldInvalid {
        /// Its name, dotted.
        field: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// More than fits.
    TooLarge {
        /// What, and how much may be.
        message: String,
    },
    /// The vendor's program contract is not active.
    ProgramContractInactive {
        /// The vendor.
        vendor: ObjectId,
    },
    /// The distribution contract is not active.
    ContractInactive {
        /// The contract.
        contract: ObjectId,
    },
    /// The product is not listed under the contract.
    ListingInactive {
        /// The product.
        product: ObjectId,
        /// The contract.
        contract: ObjectId,
    },
    /// The product may not report usage.
    CapabilityOff {
        /// The product.
        product: ObjectId,
    },
    /// The product has no item that can be reported.
    ItemsMissing {
        /// The product.
        product: ObjectId,
    },
    /// The product may not report estimates.
    EstimatesOff {
        /// The product.
        product: ObjectId,
    },
    /// The schema of a product is to change while files of the old one are open.
    SchemaInUse {
        /// The product.
        product: ObjectId,
        /// One of the open files.
        file: FileId,
    },
    /// All ids of this month are used.
    IdsUsedUp,
    /// The file's status does not allow it.
    WrongStatus {
        /// The past participle of what was wanted, one of [`transitions::participle`]: `submitted`.
        action: &'static str,
        /// Where the file stands.
        status: Status,
    },
    /// There is nothing to submit.
    NothingUploaded,
    /// The file collects reported records: it takes no workbook.
    ReportUnsealed,
    /// No record was reported into the file.
    NothingReported,
    /// The file takes no more reported records.
    ReportSealed {
        /// The file.
        file: FileId,
    },
    /// Records of the file are marked as rejected.
    RecordsRejected {
        /// How many.
        rejected: u32,
    },
    /// An estimate comes after the actual file of its time.
    ActualFileExists {
        /// The actual file.
        file: FileId,
    },
    /// The chunk's status does not allow it.
    ChunkStatusWrong {
        /// The past participle of what was wanted, one of [`transitions::participle`].
        action: &'static str,
        /// Where the chunk stands.
        status: ChunkStatus,
    },
    /// Neither billing id nor note was given.
    BillingMissing,
    /// Nothing of an estimate is billed.
    EstimateNotBilled,
    /// Records are still open.
    RecordsOpen {
        /// How many.
        open: u32,
    },
    /// The same key came with other content.
    KeyReused,
    /// The service is stopping or not reachable: nothing was recorded.
    Unavailable,
    /// The disk of the service was full or failed: nothing is recorded until the operator has mended it.
    ReadOnly,
}

impl Rejection {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::KeyUnknown => 401,
            Self::NotFound => 404,
            Self::RoleNotAllowed | Self::ScopeLacking { .. } => 403,
            Self::TooLarge { .. } => 413,
            Self::KeyReused => 422,
            Self::Unavailable | Self::ReadOnly => 503,
            _ => 400,
        }
    }

    /// The error code of the API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::KeyUnknown => "AUTH_001",
            Self::NotFound => "NFND_000",
            Self::RoleNotAllowed => "AUTH_003",
            Self::ScopeLacking { .. } => "AUTH_004",
            Self::FieldInvalid { .. } | Self::TooLarge { .. } => "VAL_001",
            Self::ProgramContractInactive { .. } => "USG_020",
            Self::ContractInactive { .. } => "USG_021",
            Self::ListingInactive { .. } => "USG_022",
            Self::CapabilityOff { .. } => "USG_023",
            Self::ItemsMissing { .. } => "USG_025",
            Self::IdsUsedUp => "USG_026",
            Self::EstimatesOff { .. } => "USG_027",
            Self::SchemaInUse { .. } => "USG_028",
            Self::ActualFileExists { .. } => "USG_029",
            Self::WrongStatus { .. } => "USG_003",
            Self::NothingUploaded => "USG_004",
            Self::ChunkStatusWrong { .. } => "USG_030",
            Self::BillingMissing => "USG_031",
            Self::EstimateNotBilled => "USG_033",
            Self::RecordsOpen { .. } => "USG_032",
            Self::ReportUnsealed => "USG_034",
            Self::NothingReported => "USG_035",
            Self::ReportSealed { .. } => "USG_036",
            Self::RecordsRejected { .. } => "USG_037",
            Self::KeyReused => "REQ_009",
            Self::Unavailable => "SYS_001",
            Self::ReadOnly => "SYS_002",
        }
    }

    /// Whether trying again later can have another answer: such a refusal binds no idempotency key.
    #[must_use]
    pub fn transient(&self) -> bool {
        match self {
            Self::WrongStatus { status, .. } => matches!(status, Status::Uploaded | Status::Processing),
            Self::ChunkStatusWrong { status, .. } => *status == ChunkStatus::Draft,
            Self::RecordsOpen { .. }
            | Self::NothingUploaded
            | Self::NothingReported
            | Self::RecordsRejected { .. }
            | Self::Unavailable
            | Self::ReadOnly => true,
            _ => false,
        }
    }

    /// Whether it is recorded with the object that it is about: a foreign or unknown one keeps no trace (design §3).
    #[must_use]
    pub fn is_noted(&self) -> bool {
        !matches!(self, Self::NotFound | Self::KeyUnknown | Self::Unavailable | Self::ReadOnly)
    }

    /// A wrong field.
    #[must_use]
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::FieldInvalid { field: field.to_owned(), message: message.into() }
    }
}

const UNAVAILABLE: &str = "The service is not available. Try again; with an Idempotency-Key nothing is recorded twice.";
const READ_ONLY: &str = "The disk of the ledger is full or fails: changes are refused, and reads go on. Try again once the \
                         operator has mended it; with an Idempotency-Key nothing is recorded twice.";

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyUnknown => f.write_str("API request is unauthorized."),
            Self::NotFound => f.write_str("Object not found."),
            Self::RoleNotAllowed => f.write_str("You do not have permission to perform this action."),
            Self::ScopeLacking { scope } => {
                write!(f, "This key lacks the scope \"{}\". Use another one, or ask your operator for one.", scope.name())
            }
            Self::FieldInvalid { field, message } => write!(f, "{field}: {message}"),
            Self::TooLarge { message } => f.write_str(message),
            Self::ProgramContractInactive { vendor } => {
                write!(f, "The program contract of {vendor} is not active. Activate it before usage is reported.")
            }
            Self::ContractInactive { contract } => {
                write!(f, "The distribution contract {contract} is not active. Activate it before usage is reported.")
            }
            Self::ListingInactive { product, contract } => {
                write!(f, "Product {product} is not listed under contract {contract}. Activate its listing first.")
            }
            Self::CapabilityOff { product } => write!(
                f,
                "Product {product} has neither Pay-as-you-go nor consumption reporting. Enable it in its capabilities."
            ),
            Self::ItemsMissing { product } => {
                write!(f, "Product {product} has no item that can be reported. Define one first.")
            }
            Self::EstimatesOff { product } => {
                write!(f, "Product {product} may not report estimates. Switch on predictive in its capabilities.")
            }
            Self::SchemaInUse { product, file } => write!(
                f,
                "The schema of product {product} can not change while {file} is open. Have it closed, rejected or \
                 deleted first."
            ),
            Self::IdsUsedUp => f.write_str("All file ids of this month are used in this partition."),
            Self::WrongStatus { action, status } => {
                let (name, standing) = (status.name(), transitions::standing(*status));
                write!(f, "Usage file in status \"{name}\" can not be {action}: {standing}.")
            }
            Self::NothingUploaded => f.write_str("The usage file has no workbook yet. Upload one, then submit it."),
            Self::ReportUnsealed => f.write_str(
                "The usage file collects reported records and takes no workbook. Seal it, or delete it and make another.",
            ),
            Self::NothingReported => f.write_str("No record was reported into the usage file yet. Report one first."),
            Self::ReportSealed { file } => {
                write!(f, "The usage file {file} takes no more records: it was sealed. Report them into another one.")
            }
            Self::RecordsRejected { rejected } => write!(
                f,
                "{rejected} records are marked as rejected. A usage file is accepted as a whole: reject it, or mark them \
                 otherwise."
            ),
            Self::ActualFileExists { file } => {
                write!(f, "The actual usage file {file} is about the same time and accepted: no estimate is needed.")
            }
            Self::ChunkStatusWrong { action, status } => {
                write!(f, "Chunk in status \"{}\" can not be {action}.", status.name())
            }
            Self::BillingMissing => f.write_str("external_billing_id: give a billing id, a billing note, or both."),
            Self::EstimateNotBilled => f.write_str(
                "Nothing of an estimate is billed. It is closed when the actual usage file of its period is accepted.",
            ),
            Self::RecordsOpen { open } => {
                write!(f, "{open} records are still open. Close them, their chunks, or upload a reconciliation file.")
            }
            Self::KeyReused => f.write_str("This idempotency key was used for another request."),
            Self::Unavailable => f.write_str(UNAVAILABLE),
            Self::ReadOnly => f.write_str(READ_ONLY),
        }
    }
}

impl std::error::Error for Rejection {}
