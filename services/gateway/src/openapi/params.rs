//! Parameters of requests, as the document says them. Handlers take them apart by themselves.

#![expect(dead_code, reason = "the fields are there for the document; handlers read paths, queries and headers")]

use serde_json::json;
use utoipa::IntoParams;
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, Type};

use crate::json::words;

/// What every list takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// How many objects the page may have: 100 where it isn't said, 1,000 at most. 0 asks for the count alone.
    #[param(example = 10)]
    limit: Option<u64>,
    /// How many objects come before the page.
    #[param(example = 0)]
    offset: Option<u64>,
    /// Conditions, order and selection, in RQL.
    #[param(schema_with = conditions)]
    conditions: Option<String>,
}

fn conditions() -> Object {
    let rest = AdditionalProperties::FreeForm(true);
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(rest)).examples([json!({})]).build()
}

/// What aggregates are asked about.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Usage {
    /// Usage that begins in these days of UTC only: a month, a day, or two with `..` between them.
    #[param(example = "2026-10")]
    usage: Option<String>,
}

/// What the points of a series stand for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct By {
    /// `day` where it isn't given.
    #[param(example = "month", inline, value_type = Option<words::SeriesBy>)]
    by: Option<String>,
}

/// What reads take that are answered as of the past, too.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AsOf {
    /// Answer with what was known then: an instant that has passed, or positions as the header `Ledger-As-Of` has them.
    #[param(example = "2026-11-05T12:00:00Z")]
    as_of: Option<String>,
}

/// Where the feed of events is read.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Feed {
    /// The cursor of the last page. Without it the feed begins with the first event; `now` leaves out what was before.
    #[param(example = "now")]
    after: Option<String>,
    /// How many events the page may have: 100 where it isn't said.
    #[param(example = 10, minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// How many seconds to wait for the next event where there is none yet.
    #[param(example = 0, maximum = 60)]
    wait: Option<u64>,
}

/// Which checkpoints are wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Checkpoints {
    /// The log. Without one, every log's newest checkpoint.
    #[param(example = "ingestion-0")]
    host: Option<String>,
    /// How many events the checkpoint must have. Without it the newest one.
    #[param(example = 1)]
    size: Option<u64>,
}

/// Between which checkpoints of a log.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Consistency {
    /// The log.
    #[param(example = "ingestion-0")]
    host: String,
    /// How many events the earlier checkpoint has.
    #[param(example = 1)]
    from: u64,
    /// How many the later one has: the newest one's where it isn't given.
    #[param(nullable = false)]
    to: Option<u64>,
}

/// What records are about that come as lines; in the other form the body says it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Report {
    /// The contract that they are reported under.
    contract: Option<String>,
    /// The product that they are about.
    product: Option<String>,
    /// The first day of the period; without one it is the month in which all usage began.
    period_from: Option<String>,
    /// Its last day.
    period_to: Option<String>,
    /// ISO 4217; the marketplace's own where it isn't given and amounts are reported.
    currency: Option<String>,
    /// The contract's own where it isn't given.
    #[param(inline, value_type = Option<words::Environment>)]
    environment: Option<String>,
}

/// In which form faults are answered.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Form {
    /// `json` is a page; `ndjson` and `csv` are everything. Without it the header `Accept` decides.
    #[param(example = "json", inline, value_type = Option<words::AnswerFormat>)]
    format: Option<String>,
}

/// What a provenance is asked of.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ProvenanceOf {
    /// A record, a row of a chunk's workbook (`UFC-…:ROW`) or of an uploaded one (`SHA256:ROW`); with `record_id` a file or a
    /// contract.
    #[param(example = "UR-2026-11-0000-0000-0000-0002")]
    of: String,
}

/// Which record of a file or a contract it is.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProvenanceFor {
    /// The id that the vendor gave the record.
    #[param(example = "2026-10-17/vm-1")]
    record_id: Option<String>,
    /// The product that the id is one of; without it those of all products of the contract are found.
    #[param(example = "PRD-404-832-779")]
    product: Option<String>,
}

/// In which form lines are answered.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Lines {
    /// `json` is a page; `ndjson` is everything. Without it the header `Accept` decides.
    #[param(example = "json", inline, value_type = Option<words::LineFormat>)]
    format: Option<String>,
}

/// What every request that changes something takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Once {
    /// 1 to 200 characters of your own: the same request with the same key has one effect, however often it comes.
    #[param(rename = "Idempotency-Key", example = "5f0c9a0e-1", min_length = 1, max_length = 200, nullable = false)]
    key: Option<String>,
}

/// A usage file by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FileId {
    /// The id of a usage file.
    #[param(example = "UF-2026-11-0000-0000")]
    id: String,
}

/// A record by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct RecordId {
    /// The id of a record.
    #[param(example = "UR-2026-11-0000-0000-0000-0002")]
    id: String,
}

/// A chunk by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ChunkId {
    /// The id of a chunk.
    #[param(example = "UFC-2026-11-0000-0000-001")]
    id: String,
}

/// A reconciliation by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ReconciliationId {
    /// The id of a reconciliation.
    #[param(example = "RCF-2026-11-0000-0000-001")]
    id: String,
}

/// A product by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ProductId {
    /// The id of a product.
    #[param(example = "PRD-404-832-779")]
    id: String,
}

/// An item of a product.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ItemId {
    /// The id of the product.
    #[param(example = "PRD-404-832-779")]
    id: String,
    /// The id of the item.
    #[param(example = "PRD-404-832-779-0001")]
    item: String,
}

/// A webhook by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct WebhookId {
    /// The id of a webhook.
    #[param(example = "WH-000-000-001")]
    id: String,
}

/// An API key by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ApiKeyId {
    /// The id of an API key.
    #[param(example = "SU-000-000-001")]
    id: String,
}

/// A session by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SessionId {
    /// The id of a session.
    #[param(example = "SE-00112233445566778899aabbccddeeff")]
    id: String,
}

/// A usage rule of a product.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct RuleId {
    /// The id of the product.
    #[param(example = "PRD-404-832-779")]
    id: String,
    /// The id of the rule.
    #[param(example = "UGR-000-000-001")]
    rule: String,
}

/// A subscription by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AssetId {
    /// The id of a subscription.
    #[param(example = "AS-8919-8653-9735")]
    id: String,
}

/// A workbook of a reconciliation.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ReconciliationWorkbook {
    /// The id of a reconciliation.
    #[param(example = "RCF-2026-11-0000-0000-001")]
    id: String,
    /// As it came, or with what became of it.
    #[param(example = "uploadedfile", inline, value_type = words::ReconciliationWorkbook)]
    which: String,
}

/// A template behind a signed link.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TemplatePath {
    /// The id of the product.
    #[param(example = "PRD-404-832-779")]
    id: String,
    /// What it is saved as.
    #[param(example = "PRD-404-832-779-template.xlsx")]
    name: String,
}

/// A workbook behind a signed link.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct WorkbookPath {
    /// Where it rests.
    #[param(example = "uploaded", inline, value_type = words::Store)]
    store: String,
    /// The SHA-256 of its bytes.
    #[param(example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    blob: String,
    /// What it is saved as.
    #[param(example = "UF-2026-11-0000-0000.xlsx")]
    name: String,
}

/// An object of the catalog by its id.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ObjectId {
    /// The id of the object.
    #[param(example = "PRD-404-832-779")]
    id: String,
}

/// What a signed link has behind its path.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Signature {
    /// The second of the Unix epoch that it works until.
    #[param(example = 1795305600)]
    expires: u64,
    /// What nobody can make without our secret.
    #[param(example = "0000000000000000000000000000000000000000000000000000000000000000")]
    signature: String,
}
