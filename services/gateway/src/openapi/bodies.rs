//! Bodies of requests, and of a stream, as the document says them. `payload` and `multipart` read them, and more forgivingly: a missing
//! body is an empty object, a number where a text is expected is taken as it is written.

#![expect(dead_code, reason = "the fields are there for the document; handlers read bodies field by field")]

use utoipa::ToSchema;

use crate::json::words::{
    ContentType, Environment, KeyScope, Method, ObjectClass, RecordStatus, RuleAction, RuleScope, Workbook,
};

/// Another object by its id.
#[derive(ToSchema)]
pub(crate) struct Named {
    /// Its id.
    #[schema(example = "PRD-404-832-779")]
    id: String,
}

/// A period in days, or in instants with an offset.
#[derive(ToSchema)]
pub(crate) struct Days {
    /// Its first day.
    #[schema(example = "2026-10-01")]
    from: String,
    /// Its last day, which is included.
    #[schema(example = "2026-10-31")]
    to: String,
}

/// A new usage file.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "October 2026",
    "product": { "id": "PRD-404-832-779" },
    "contract": { "id": "CRD-21674-67435-75488" },
    "period": { "from": "2026-10-01", "to": "2026-10-31" },
    "external_id": "invoice-2026-10",
}))]
pub(crate) struct NewUsageFile {
    /// The product that is reported.
    product: Named,
    /// The contract that it is reported under.
    contract: Named,
    /// At most 100 characters; made of the period where it isn't given.
    name: Option<String>,
    /// Your own id of it.
    external_id: Option<String>,
    /// At most 200 characters, kept byte for byte.
    description: Option<String>,
    /// At most 200 characters.
    note: Option<String>,
    /// What it is about.
    period: Option<Days>,
    /// The zone that the days are those of, such as `America/Los_Angeles`; UTC where it isn't given.
    time_zone: Option<String>,
    /// ISO 4217; the marketplace's own where it isn't given and amounts are reported.
    currency: Option<String>,
    /// Whether it is an estimate.
    predictive: Option<bool>,
    /// The contract's own where it isn't given.
    #[schema(value_type = Option<Environment>)]
    environment: Option<String>,
}

/// What to change of a usage file: what isn't given stays, null empties.
#[derive(ToSchema)]
#[schema(example = json!({ "note": "With the corrections of September" }))]
pub(crate) struct UsageFileChanges {
    /// At most 200 characters, kept byte for byte.
    description: Option<String>,
    /// At most 200 characters.
    note: Option<String>,
    /// Your own id of it.
    external_id: Option<String>,
    /// What it is about.
    period: Option<Days>,
    /// The zone that the days are those of.
    time_zone: Option<String>,
    /// ISO 4217.
    currency: Option<String>,
}

/// Nothing, or an empty object, or null.
#[derive(ToSchema)]
#[schema(example = json!({}))]
pub(crate) struct Empty {}

/// Why a file is accepted.
#[derive(ToSchema)]
#[schema(example = json!({ "acceptance_note": "Thank you" }))]
pub(crate) struct Acceptance {
    /// At most 200 characters; may be left out.
    acceptance_note: Option<String>,
}

/// Why a file is rejected.
#[derive(ToSchema)]
#[schema(example = json!({ "rejection_note": "The period is not over yet" }))]
pub(crate) struct RejectionNote {
    /// At most 200 characters; may be left out.
    rejection_note: Option<String>,
}

/// A workbook of usage.
#[derive(ToSchema)]
pub(crate) struct UploadForm {
    /// XLSX, XLSB, XLS, ODS or CSV of at most 64 MiB.
    usage_file: Workbook,
}

/// A workbook that says how records were billed.
#[derive(ToSchema)]
pub(crate) struct ReconciliationForm {
    /// The workbook of a chunk with `external_billing_id` or `external_billing_note` filled in.
    recon_file: Workbook,
    /// A note on it.
    #[schema(example = "Invoices of November")]
    upload_note: Option<String>,
}

/// A workbook that says how records of some file were billed.
#[derive(ToSchema)]
pub(crate) struct AnyReconciliationForm {
    /// The workbook of a chunk with `external_billing_id` or `external_billing_note` filled in.
    recon_file: Workbook,
    /// A note on it.
    #[schema(example = "Invoices of November")]
    upload_note: Option<String>,
    /// The usage file; read from the workbook's tab `general` where it isn't given.
    #[schema(example = "UF-2026-11-0000-0000")]
    usagefile: Option<String>,
}

/// A workbook to check, and the file that it would be uploaded to.
#[derive(ToSchema)]
pub(crate) struct ValidationForm {
    /// XLSX, XLSB, XLS, ODS or CSV of at most 64 MiB.
    usage_file: Workbook,
    /// The contract that it would be reported under.
    #[schema(example = "CRD-21674-67435-75488")]
    contract: String,
    /// The first day of the period.
    #[schema(example = "2026-10-01")]
    period_from: Option<String>,
    /// The last day of the period.
    #[schema(example = "2026-10-31")]
    period_to: Option<String>,
    /// The zone that the days are those of.
    #[schema(example = "UTC")]
    time_zone: Option<String>,
    /// ISO 4217.
    #[schema(example = "USD")]
    currency: Option<String>,
    /// Whether it would be an estimate.
    #[schema(example = "false")]
    predictive: Option<String>,
    /// The contract's own where it isn't given.
    #[schema(value_type = Option<Environment>)]
    environment: Option<String>,
}

/// How something was billed: an id, a note, or both.
#[derive(ToSchema)]
#[schema(example = json!({ "external_billing_id": "17", "external_billing_note": "Invoice 2026-11-17" }))]
pub(crate) struct Billing {
    /// The id that it was billed under.
    external_billing_id: Option<String>,
    /// The note that it was billed with.
    external_billing_note: Option<String>,
}

/// One record of many to close.
#[derive(ToSchema)]
#[schema(example = json!({ "id": "UR-2026-11-0000-0000-0000-0002", "external_billing_note": "Invoice 2026-11-17" }))]
pub(crate) struct RecordToClose {
    /// The record.
    id: String,
    /// The id that it was billed under.
    external_billing_id: Option<String>,
    /// The note that it was billed with.
    external_billing_note: Option<String>,
}

/// The status that a record is to have.
#[derive(ToSchema)]
#[schema(example = json!({ "status": "closed", "external_billing_note": "Invoice 2026-11-17" }))]
pub(crate) struct RecordChange {
    /// Its new status.
    #[schema(value_type = RecordStatus)]
    status: String,
    /// The id that it was billed under.
    external_billing_id: Option<String>,
    /// The note that it was billed with.
    external_billing_note: Option<String>,
}

/// Members of a product that change; in `capabilities` those that are given. Any other member may be given, too.
#[derive(ToSchema)]
#[schema(example = json!({ "capabilities": { "ppu": { "late": true } } }))]
pub(crate) struct ProductChanges {
    /// Its name.
    name: Option<String>,
    /// What may be reported of it.
    capabilities: Option<serde_json::Value>,
}

/// A new item. Any other member may be given, too, and is kept.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "Disk", "mpn": "AP-DISK-NEW", "type": "ppu", "unit": { "name": "GB" } }))]
pub(crate) struct NewItem {
    /// Its name, which no other item of the product has.
    name: String,
    /// The vendor's part number, which no other item of the product has.
    mpn: String,
    /// `ppu` or `reservation`.
    #[schema(rename = "type")]
    kind: String,
    /// What it is counted in: a name, or an object with one.
    unit: serde_json::Value,
    /// `monthly` for metered items, which need not say so.
    period: Option<String>,
    /// `integer`, `decimal(1)`, `decimal(2)`, `decimal(4)` or `decimal(8)`.
    precision: Option<String>,
    /// `draft`, `published` or `endofsale`; published where it isn't given.
    status: Option<String>,
}

/// Members of an item that change. Any other member may be given, too.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "Cores" }))]
pub(crate) struct ItemChanges {
    /// Its name, which no other item of the product has.
    name: Option<String>,
    /// The vendor's part number, which no other item of the product has.
    mpn: Option<String>,
    /// `published` or `endofsale`, or `draft` as long as it is one.
    status: Option<String>,
}

/// What a provider notes on a chunk.
#[derive(ToSchema)]
#[schema(example = json!({ "external_id": "hub_batch_17" }))]
pub(crate) struct ChunkName {
    /// At most 200 characters; null empties it.
    external_id: Option<String>,
}

/// What a usage rule is to be.
#[derive(ToSchema)]
#[schema(example = json!({ "action": "manual" }))]
pub(crate) struct RuleTerms {
    /// What it does with a file; required for a new rule.
    #[schema(value_type = Option<RuleAction>)]
    action: Option<String>,
    /// What it is about.
    #[schema(value_type = Option<RuleScope>)]
    scope: Option<String>,
    /// A condition.
    rule: Option<String>,
    /// The item that it is about.
    item: Option<Named>,
    /// Where it stands among the others.
    gravity: Option<Gravity>,
    /// The provider that it is for; an operator says it.
    account_id: Option<String>,
}

/// An API key that is to be issued.
#[derive(ToSchema)]
#[schema(example = json!({ "account": { "id": "PA-000-003" }, "name": "Billing connector" }))]
pub(crate) struct NewApiKey {
    /// The account that it acts for.
    account: Named,
    /// What it is for; at most 100 characters.
    name: String,
    /// What it may do of what its account may: left out, all of it; empty, it only reads.
    scopes: Option<Vec<KeyScope>>,
}

/// A session that is to be opened.
#[derive(ToSchema)]
#[schema(example = json!({}))]
pub(crate) struct NewSession {
    /// The token of a link, for whoever sends no key.
    token: Option<String>,
}

/// A webhook that is to be made.
#[derive(ToSchema)]
#[schema(example = json!({
    "label": "Billing",
    "object_class": "usage_file",
    "external_url": "https://billing.example/usage",
}))]
pub(crate) struct NewWebhook {
    /// At most 100 characters.
    label: String,
    /// What it is told of.
    #[schema(value_type = ObjectClass)]
    object_class: String,
    /// An address in the open network that begins with `https://`; at most 2,000 characters.
    external_url: String,
    /// At most 200 characters.
    description: Option<String>,
    /// The product whose files it is told of; all where it isn't given.
    product_id: Option<String>,
    /// Whether it is called; it is where that isn't given.
    active: Option<bool>,
    /// Headers of its own that each call has, 10 at most.
    headers: Option<serde_json::Map<String, serde_json::Value>>,
    /// The one way to call it.
    #[schema(value_type = Option<Method>)]
    http_method: Option<String>,
    /// The one form to tell it in.
    #[schema(value_type = Option<ContentType>)]
    http_content_type: Option<String>,
}

/// What changes of a webhook.
#[derive(ToSchema)]
#[schema(example = json!({ "active": false }))]
pub(crate) struct WebhookChanges {
    /// At most 100 characters.
    label: Option<String>,
    /// An address in the open network that begins with `https://`; at most 2,000 characters.
    external_url: Option<String>,
    /// At most 200 characters; null empties it.
    description: Option<String>,
    /// The product whose files it is told of; null is all.
    product_id: Option<String>,
    /// Whether it is called.
    active: Option<bool>,
    /// Headers of its own that each call has, 10 at most; null is none.
    headers: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What usage rules are tried on.
#[derive(ToSchema)]
#[schema(example = json!({ "rules": [{ "action": "accept", "rule": "lt(totals.quantity,10000)" }] }))]
pub(crate) struct SimulationTerms {
    /// The whole set, in the order in which they are asked; the active ones where it is left out.
    rules: Option<Vec<TriedRule>>,
    /// When the files were submitted; any time where it is left out.
    period: Option<Days>,
    /// The provider whose submissions they are; an operator says it.
    account_id: Option<String>,
}

/// A usage rule that is tried.
#[derive(ToSchema)]
pub(crate) struct TriedRule {
    /// What it is named by in the answer; its number, from 1, where it has none.
    id: Option<String>,
    /// What it would do with a file.
    #[schema(value_type = RuleAction)]
    action: String,
    /// What it is about.
    #[schema(value_type = Option<RuleScope>)]
    scope: Option<String>,
    /// A condition.
    rule: Option<String>,
    /// The item that it is about.
    item: Option<Named>,
}

/// A place among rules: the first that is active decides.
#[derive(ToSchema)]
pub(crate) struct Gravity {
    /// The rule before it; null is the first place.
    after: Option<String>,
}

/// Records of a contract and product.
#[derive(ToSchema)]
#[schema(as = NewReport, example = json!({
    "contract": { "id": "CRD-21674-67435-75488" },
    "product": { "id": "PRD-404-832-779" },
    "records": [{
        "record_id": "2026-10-17/vm-1",
        "quantity": "4",
        "item_search_criteria": "item.mpn",
        "item_search_value": "AP-CPU",
        "start_time_utc": "2026-10-17 00:00:00",
        "end_time_utc": "2026-10-18 00:00:00",
        "asset_search_criteria": "asset.id",
        "asset_search_value": "AS-8919-8653-9735",
        "v.region": "eu-west-1",
    }],
}))]
pub(crate) struct Report {
    /// The contract that they are reported under.
    contract: Named,
    /// The product that they are about.
    product: Named,
    /// What they are about; without it the month in which all usage began.
    period: Option<Days>,
    /// ISO 4217; the marketplace's own where it isn't given and amounts are reported.
    currency: Option<String>,
    /// The contract's own where it isn't given.
    #[schema(value_type = Option<Environment>)]
    environment: Option<String>,
    /// Each with the columns of a workbook by their names: texts, or numbers, which count as they are written.
    #[schema(min_items = 1, max_items = 10000)]
    records: Vec<serde_json::Map<String, serde_json::Value>>,
}

/// An event of the stream about a file.
#[derive(ToSchema)]
pub(crate) struct ProgressEvent {
    /// `progress`, or `end`, after which nothing happens by itself.
    #[schema(example = "end")]
    event: String,
    /// How the work stands: a `UsageFileState` as JSON.
    #[schema(example = "{\"id\":\"UF-2026-11-0000-0000\",\"status\":\"ready\"}")]
    data: String,
}
