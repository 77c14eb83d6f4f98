//! The fields of every list: connect-api §2.5 word for word where it is published, and what clients of §2.3 and §2.9
//! use where it isn't. A block is a part of the object that can be selected only.

use super::field::Field;

const FILE_STATUSES: &[&str] = &[
    "draft",
    "uploading",
    "uploaded",
    "invalid",
    "processing",
    "ready",
    "rejected",
    "pending",
    "accepted",
    "closed",
    "deleted",
];
const RECORD_STATUSES: &[&str] = &["valid", "invalid", "approved", "rejected", "closed"];
const CHUNK_STATUSES: &[&str] = &["draft", "ready", "closed", "failed"];
const ENVIRONMENTS: &[&str] = &["test", "preview", "production"];
const SCHEMAS: &[&str] = &["qt", "tr", "pr", "cr"];
const ASSET_STATUSES: &[&str] = &["draft", "processing", "active", "terminating", "suspended", "terminated"];

/// Usage files.
pub const FILES: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("name", "name").searched(),
    Field::text("external_id", "external_id").searched(),
    Field::one_of("status", "status", FILE_STATUSES).ordered(),
    Field::one_of("environment", "environment", ENVIRONMENTS).searched().ordered(),
    Field::one_of("schema", "schema", SCHEMAS).searched().ordered(),
    Field::time("created.at", "events.created.at").ordered(),
    Field::text("contract.id", "contract.id").searched(),
    Field::text("contract.name", "contract.name").searched().ordered(),
    Field::text("distribution_contract_id", "contract.id").searched(),
    Field::text("marketplace.id", "marketplace.id").searched(),
    Field::text("marketplace.name", "marketplace.name").searched().ordered(),
    Field::text("marketplace_id", "marketplace.id").searched(),
    Field::text("product.id", "product.id").searched(),
    Field::text("product.name", "product.name").searched().ordered(),
    Field::text("product_id", "product.id").searched(),
    Field::text("provider.id", "provider.id").searched(),
    Field::text("provider.name", "provider.name").searched().ordered(),
    Field::text("provider_id", "provider.id").searched(),
    Field::text("vendor.id", "vendor.id").searched(),
    Field::text("vendor.name", "vendor.name").searched().ordered(),
    Field::text("vendor_id", "vendor.id").searched(),
    Field::block("sub_status"),
    Field::block("description"),
    Field::block("note"),
    Field::block("acceptance_note"),
    Field::block("rejection_note"),
    Field::block("error_detail"),
    Field::block("currency"),
    Field::block("period"),
    Field::block("time_zone"),
    Field::block("predictive"),
    Field::block("superseded_by"),
    Field::block("stats"),
    Field::block("records"),
    Field::block("totals"),
    Field::block("warnings"),
    Field::block("events.uploaded"),
    Field::block("events.submitted"),
    Field::block("events.accepted"),
    Field::block("events.closed"),
    Field::block("events.rejected"),
    Field::block("events.deleted"),
    Field::block("usage_file_uri"),
    Field::block("processed_file_uri"),
    Field::block("rejects_file_uri"),
    Field::block("reconciliation_file_uri"),
];

/// Usage records. `hub` and `created_time` are not in the published object: who filters must put them there.
pub const RECORDS: &[Field] = &[
    Field::block("id"),
    Field::one_of("status", "status", RECORD_STATUSES).nullable().ordered(),
    Field::text("error_codes", "error_codes"),
    Field::text("usagefile.id", "usagefile.id").searched(),
    Field::text("usage_file", "usagefile.id").searched(),
    Field::one_of("usagefile.schema", "usagefile.schema", SCHEMAS).searched(),
    Field::text("asset.id", "asset.id"),
    Field::text("asset_id", "asset.id").searched(),
    Field::text("asset.external_id", "asset.external_id"),
    Field::text("asset_external_id", "asset.external_id"),
    Field::text("asset.external_uid", "asset.external_uid"),
    Field::text("asset_external_uid", "asset.external_uid"),
    Field::text("item.id", "item.id"),
    Field::text("item_id", "item.id"),
    Field::text("product.id", "product_id"),
    Field::text("product_id", "product_id").searched(),
    Field::text("hub.id", "hub.id"),
    Field::text("part_usage_file__hub__id", "hub.id"),
    Field::time("created_time", "created_time").ordered(),
    Field::time("start_date", "start_date").ordered(),
    Field::time("end_date", "end_date").ordered(),
    Field::time("usage_start_time", "start_date").ordered(),
    Field::block("category"),
    Field::block("tier"),
    Field::block("amount"),
    Field::block("multiplier"),
    Field::block("usage"),
    Field::block("closed_at"),
    Field::block("closed_by"),
    Field::block("external_billing_id"),
    Field::block("external_billing_note"),
    Field::block("params"),
    Field::block("exempt"),
    Field::block("warnings"),
    Field::block("resource_local_id"),
];

/// Chunks ("part usage files").
pub const CHUNKS: &[Field] = &[
    Field::text("id", "id").searched(),
    Field::one_of("status", "status", CHUNK_STATUSES),
    Field::text("usagefile.id", "usagefile.id").searched().ordered(),
    Field::text("binding.hub.id", "binding.hub.id").searched(),
    Field::text("provider.id", "provider.id").searched(),
    Field::block("external_id"),
    Field::block("outdated"),
    Field::block("marketplace"),
    Field::block("error"),
    Field::block("events"),
    Field::block("stats"),
];

/// Reconciliations.
pub const RECONCILIATIONS: &[Field] = &[
    Field::text("usagefile.id", "usagefile.id").searched().ordered(),
    Field::text("partusagefile.id", "partusagefile.id").searched().ordered(),
    Field::text("partusagefile.provider.id", "partusagefile.provider.id").searched(),
    Field::text("binding.hub.id", "binding.hub.id").searched(),
    Field::block("id"),
    Field::block("status"),
    Field::block("error"),
    Field::block("notes"),
    Field::block("events"),
];

/// Aggregates of usage per subscription and item.
pub const AGGREGATES: &[Field] = &[
    Field::text("asset.id", "asset.id").searched(),
    Field::text("asset.external_uid", "asset.external_uid").searched(),
    Field::text("item.id", "item.id").searched(),
    Field::text("item.local_id", "item.local_id").searched(),
    Field::one_of("item.type", "item.type", &["Reservation", "PPU"]).searched(),
    Field::block("amount"),
    Field::block("currency"),
    Field::block("consumed"),
    Field::block("accepted"),
    Field::block("events"),
];

/// Usage rules of a product.
pub const RULES: &[Field] = &[
    Field::text("id", "id").searched(),
    Field::one_of("action", "action", &["accept", "reject", "manual"]).searched(),
    Field::text("item.id", "item.id").searched().ordered(),
    Field::text("item.name", "item.name").searched(),
    Field::text("rule", "rule").searched(),
    Field::one_of("scope", "scope", &["record", "file"]).searched(),
    Field::one_of("status", "status", &["active", "deleted"]).searched(),
    Field::block("events"),
];

/// API keys.
pub const API_KEYS: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("name", "name").searched().ordered(),
    Field::text("account.id", "account.id").searched().ordered(),
    Field::one_of("status", "status", &["active", "revoked"]).searched(),
    Field::block("role"),
    Field::block("scopes"),
];

/// Sessions at the portal.
pub const SESSIONS: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("key.id", "key.id").searched().ordered(),
    Field::text("account.id", "account.id").searched().ordered(),
    Field::one_of("status", "status", &["open", "ended", "expired", "revoked"]).searched(),
    Field::time("opened_at", "opened_at").ordered(),
    Field::block("agent"),
];

/// Webhooks of an account.
pub const WEBHOOKS: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("label", "label").searched().ordered(),
    Field::text("account_id", "account_id").searched(),
    Field::text("product_id", "product_id").searched(),
    Field::one_of("object_class", "object_class", &["usage_file"]),
    Field::one_of("active", "active", &["true", "false"]),
    Field::text("external_url", "external_url").searched(),
    Field::time("created.at", "events.created.at").ordered(),
    Field::block("description"),
    Field::block("http_method"),
    Field::block("http_content_type"),
    Field::block("headers"),
    Field::block("jwt_secret"),
    Field::block("last_success_at"),
    Field::block("last_failure_at"),
    Field::block("last_failure"),
    Field::block("given_up"),
    Field::block("events"),
];

/// Categories of a usage file.
pub const CATEGORIES: &[Field] = &[
    Field::text("id", "id").searched(),
    Field::text("name", "name").searched().ordered(),
    Field::block("description"),
];

/// What is wrong with the records of a usage file. Their order is fixed: by row, then by column.
pub const VALIDATION_ERRORS: &[Field] = &[
    Field::number("row", "row"),
    Field::text("record_id", "record_id").searched(),
    Field::text("column", "column").searched(),
    Field::text("code", "code").searched(),
    Field::one_of("severity", "severity", &["error", "warning"]),
    Field::block("cell"),
    Field::block("message"),
    Field::block("fix"),
    Field::block("raw_value"),
];

/// What happened to a file or a record. Its order is that of time.
pub const HISTORY: &[Field] = &[
    Field::text("fact", "fact"),
    Field::text("surface", "surface"),
    Field::text("account", "account").nullable(),
    Field::text("by.id", "by.id"),
    Field::text("error_code", "error_code").nullable(),
    Field::time("recorded_at", "recorded_at"),
    Field::text("action", "action").searched(),
    Field::text("why", "why").searched(),
    Field::block("position"),
    Field::block("status"),
    Field::block("reproduce"),
];

/// Contracts.
pub const CONTRACTS: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("name", "name").searched().ordered(),
    Field::text("type", "type"),
    Field::text("status", "status").ordered(),
    Field::text("kind", "kind"),
    Field::number("version", "version").ordered(),
    Field::text("agreement.id", "agreement.id"),
    Field::text("marketplace.id", "marketplace.id").searched(),
    Field::text("marketplace.name", "marketplace.name").searched(),
    Field::text("owner.id", "owner.id"),
    Field::text("issuer.id", "issuer.id"),
    Field::time("created.at", "events.created.at").ordered(),
    Field::time("events.created.at", "events.created.at").ordered(),
    Field::block("activation"),
];

/// Marketplaces.
pub const MARKETPLACES: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("name", "name").searched().ordered(),
    Field::text("description", "description").searched(),
    Field::text("currency", "currency"),
    Field::text("owner.id", "owner.id"),
    Field::text("hubs.hub.id", "hubs.hub.id"),
    Field::text("hubs.external_id", "hubs.external_id"),
    Field::block("countries"),
];

/// Products.
pub const PRODUCTS: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("name", "name").searched().ordered(),
    Field::text("status", "status").ordered(),
    Field::number("version", "version").ordered(),
    Field::text("owner.id", "owner.id"),
    Field::text("owner.name", "owner.name").searched(),
    Field::time("created.at", "events.created.at").ordered(),
    Field::time("events.created.at", "events.created.at").ordered(),
    Field::block("capabilities"),
    Field::block("usage_rule"),
    Field::block("items"),
    Field::block("parameters"),
];

/// Items of a product.
pub const ITEMS: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("name", "name").searched().ordered(),
    Field::text("mpn", "mpn").searched(),
    Field::text("local_id", "local_id").searched(),
    Field::text("display_name", "display_name").searched(),
    Field::text("status", "status"),
    Field::text("type", "type"),
    Field::text("period", "period"),
    Field::text("precision", "precision"),
    Field::text("unit.id", "unit.id"),
    Field::number("position", "position").ordered(),
    Field::block("commitment"),
    Field::block("dynamic"),
    Field::block("events"),
];

/// Subscriptions.
pub const ASSETS: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::one_of("status", "status", ASSET_STATUSES).ordered(),
    Field::text("external_id", "external_id").searched().ordered(),
    Field::text("external_uid", "external_uid").searched(),
    Field::text("product.id", "product.id").searched().ordered(),
    Field::text("product.name", "product.name").searched().ordered(),
    Field::text("product_id", "product.id"),
    Field::text("contract.id", "contract.id").ordered(),
    Field::text("contract.name", "contract.name").searched(),
    Field::text("contract.type", "contract.type"),
    Field::text("contract_id", "contract.id"),
    Field::text("marketplace.id", "marketplace.id").ordered(),
    Field::text("marketplace.name", "marketplace.name").searched(),
    Field::text("connection.id", "connection.id"),
    Field::text("connection.type", "connection.type"),
    Field::text("connection.provider.id", "connection.provider.id"),
    Field::text("connection.vendor.id", "connection.vendor.id"),
    Field::text("connection.hub.id", "connection.hub.id"),
    Field::time("created.at", "events.created.at").ordered(),
    Field::time("events.created.at", "events.created.at").ordered(),
    Field::time("updated.at", "events.updated.at").ordered(),
    Field::time("events.updated.at", "events.updated.at").ordered(),
    Field::text("tiers.customer.id", "tiers.customer.id"),
    Field::text("tiers.customer.name", "tiers.customer.name").searched(),
    Field::text("tiers.customer.external_id", "tiers.customer.external_id"),
    Field::text("tiers.customer.external_uid", "tiers.customer.external_uid"),
    Field::text("tiers.tier1.id", "tiers.tier1.id"),
    Field::text("tiers.tier2.id", "tiers.tier2.id"),
    Field::text("items.id", "items.id"),
    Field::text("params.id", "params.id"),
    Field::text("params.value", "params.value"),
];

/// Hubs.
pub const HUBS: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("name", "name").searched().ordered(),
    Field::text("company.id", "company.id"),
    Field::text("company.name", "company.name").searched(),
    Field::text("instance.id", "instance.id"),
    Field::text("instance.type", "instance.type"),
    Field::block("description"),
    Field::block("stats"),
    Field::block("events"),
];

/// Accounts.
pub const ACCOUNTS: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("name", "name").searched().ordered(),
    Field::text("type", "type"),
    Field::text("role", "role"),
    Field::text("external_id", "external_id").searched(),
    Field::block("brand"),
    Field::block("events"),
];

/// Listings of a product on a marketplace.
pub const LISTINGS: &[Field] = &[
    Field::text("id", "id").searched().ordered(),
    Field::text("status", "status").ordered(),
    Field::text("product.id", "product.id").searched().ordered(),
    Field::text("product.name", "product.name").searched(),
    Field::text("contract.id", "contract.id").searched(),
    Field::text("contract.marketplace.id", "contract.marketplace.id"),
    Field::text("vendor.id", "vendor.id"),
    Field::text("provider.id", "provider.id"),
    Field::time("created", "created").ordered(),
];
