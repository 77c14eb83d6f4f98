//! Words out of closed sets, as the document names them. In answers they are plain texts.

use ledger::catalog::{Environment as Env, ItemKind, Schema as Reporting};
use ledger::fact::ExemptReason;
use ledger::file::ChunkStatus as OfChunk;
use ledger::rule::RuleScope as Scope;
use ledger::{KeyScope as OfScope, Role, RuleAction as Action, Status, Surface as OfKey};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::fault::Severity as OfFault;
use crate::links::Store as OfLink;
use crate::webhooks::{CONTENT_TYPE, METHOD, OBJECT_CLASS};

fn text(about: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(about))
}

/// The schema of a word out of a closed set.
pub(crate) fn one_of<'a>(about: &str, words: impl IntoIterator<Item = &'a str>) -> Object {
    text(about).enum_values(Some(words)).build()
}

/// What an account does, as the catalog's files have it.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Vendor => "vendor",
        Role::Distributor => "distributor",
        Role::Reseller => "reseller",
        Role::Operator => "operator",
    }
}

/// An instant.
pub(crate) struct Instant;

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        let example = "2026-11-22T10:00:00.000000+00:00";
        RefOr::T(text("Date and time with microseconds and offset.").examples([example]).build().into())
    }
}

impl ToSchema for Instant {}

/// The bytes of a workbook.
pub(crate) struct Workbook;

impl PartialSchema for Workbook {
    fn schema() -> RefOr<Schema> {
        let bytes = SchemaFormat::Custom("binary".to_owned());
        RefOr::T(text("The bytes of a workbook.").format(Some(bytes)).build().into())
    }
}

impl ToSchema for Workbook {}

/// A type that is one of some words in the document.
macro_rules! words {
    ($name:ident, $about:literal, $words:expr) => {
        #[doc = $about]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(one_of($about, $words).into())
            }
        }

        impl ToSchema for $name {}
    };
}

words!(
    FileStatus,
    "Where a usage file stands. Only the answer to an upload says `uploading`.",
    Status::ALL.map(Status::name).into_iter().chain(["uploading"])
);
words!(SeriesBy, "What the points of a series stand for.", ["day", "month", "product", "customer"]);
words!(Change, "What became of usage.", ["new", "gone", "more", "less", "same"]);
words!(KeyStatus, "Whether an API key opens anything.", ["active", "revoked"]);
words!(SessionStatus, "Whether a session opens anything.", ["open", "ended", "expired", "revoked"]);
words!(KeyScope, "What a key may do of what its account may.", OfScope::ALL.map(OfScope::name));
words!(
    AccountRole,
    "What an account does.",
    [Role::Vendor, Role::Distributor, Role::Reseller, Role::Operator].map(role_name)
);
words!(VerificationStatus, "Where a verification stands.", ["none", "running", "holds", "broken"]);
words!(SubStatus, "Whether work still runs behind an accepted file.", ["processing", "processed"]);
words!(Environment, "What a file is for.", [Env::Production, Env::Test, Env::Preview].map(Env::name));
words!(SchemaName, "What is reported beside quantities.", Reporting::ALL.map(Reporting::lower));
words!(RecordStatus, "Where a record stands.", ["valid", "invalid", "approved", "rejected", "closed"]);
words!(
    Exemption,
    "Why a record is never billed.",
    [ExemptReason::Reservation, ExemptReason::Estimate].map(ExemptReason::name)
);
words!(
    ItemType,
    "Whether an item is metered or bought ahead.",
    [ItemKind::PayAsYouGo, ItemKind::Reservation].map(ItemKind::api)
);
words!(
    ChunkStatus,
    "Where a chunk stands.",
    [OfChunk::Draft, OfChunk::Ready, OfChunk::Closed, OfChunk::Failed].map(OfChunk::name)
);
words!(ReconciliationStatus, "How far a reconciliation has come.", ["uploaded", "processing", "processed", "failed"]);
words!(
    RuleAction,
    "What a usage rule does with a file.",
    [Action::Accept, Action::Reject, Action::Manual].map(Action::name)
);
words!(RuleScope, "What a usage rule is about.", [Scope::File, Scope::Record].map(Scope::name));
words!(RuleStatus, "Whether a usage rule still decides.", ["active", "deleted"]);
words!(Severity, "Whether a record is invalid for a fault.", [OfFault::Error, OfFault::Warning].map(OfFault::name));
words!(RecordResult, "What became of a reported record.", ["added", "identical", "conflicting", "refused"]);
words!(VerdictStatus, "What the file of a workbook would be.", ["ready", "invalid"]);
words!(ReadyState, "Whether reads are answered from everything.", ["ready", "standby", "starting", "read-only"]);
words!(AnswerFormat, "In which form faults are answered.", ["json", "ndjson", "csv"]);
words!(ReconciliationWorkbook, "As it came, or with what became of it.", ["uploadedfile", "processedfile"]);
words!(ObjectClass, "What a webhook is told of.", [OBJECT_CLASS]);
words!(LineFormat, "In which form a history is answered.", ["json", "ndjson"]);
words!(
    Surface,
    "By which way something came.",
    OfKey::ALL.map(OfKey::name).into_iter().chain(["nats", "machine", "rule", "service"])
);
words!(
    AnyStatus,
    "Where a file or a record stands.",
    Status::ALL.map(Status::name).into_iter().chain(["valid", "approved"])
);
words!(Method, "How a webhook is called.", [METHOD]);
words!(ContentType, "In which form a webhook is told.", [CONTENT_TYPE]);
words!(Store, "Where a workbook rests.", OfLink::ALL.map(OfLink::name));
