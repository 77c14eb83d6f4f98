//! What can be asked next: of which answer, with what of it. A program that reads the document finds its way from a new
//! file to a closed one by these.

use serde_json::{Map, Value};

/// Where a parameter's value comes from: an expression of OpenAPI, or the value itself.
type Given = &'static [(&'static str, &'static str)];

/// Links from the answers of some operations to others.
pub(crate) struct Links {
    /// Whose answers.
    pub(crate) of: &'static [&'static str],
    /// The parameters, and where their values come from.
    pub(crate) with: Given,
    /// Which operations take them.
    pub(crate) to: &'static [&'static str],
}

const fn links(of: &'static [&'static str], with: Given, to: &'static [&'static str]) -> Links {
    Links { of, with, to }
}

/// The object that the answer is.
const ITSELF: Given = &[("id", "$response.body#/id")];
/// The first one of a list.
const FIRST: Given = &[("id", "$response.body#/0/id")];
/// What belongs to the file that the answer is.
const OF_ITSELF: Given = &[("usagefile.id", "$response.body#/id")];
/// What of the file that the answer is was not billed yet.
const TO_BILL: Given = &[("usagefile.id", "$response.body#/id"), ("status", "ready")];
/// The file that the answer belongs to.
const ITS_FILE: Given = &[("id", "$response.body#/usagefile/id")];
/// The file that records went into.
const REPORTED: Given = &[("id", "$response.body#/file/id")];
/// The object that the request was about.
const SAME: Given = &[("id", "$request.path.id")];
/// The rules of a product that decide.
const RULES_OF_ITSELF: Given = &[("id", "$response.body#/id"), ("status", "active")];
const RULES_OF_SAME: Given = &[("id", "$request.path.id"), ("status", "active")];
const RULE: Given = &[("id", "$request.path.id"), ("rule", "$response.body#/id")];
const FIRST_RULE: Given = &[("id", "$request.path.id"), ("rule", "$response.body#/0/id")];
const ITEM: Given = &[("id", "$request.path.id"), ("item", "$response.body#/id")];
const FIRST_ITEM: Given = &[("id", "$request.path.id"), ("item", "$response.body#/0/id")];
const AS_UPLOADED: Given = &[("id", "$response.body#/id"), ("which", "uploadedfile")];
const FIRST_AS_UPLOADED: Given = &[("id", "$response.body#/0/id"), ("which", "uploadedfile")];
const AS_PROCESSED: Given = &[("id", "$response.body#/id"), ("which", "processedfile")];

/// All links, in the order of a file's life.
pub(crate) const TABLE: &[Links] = &[
    links(&["list_usage_files"], FIRST, &["show_usage_file"]),
    links(
        &["create_usage_file"],
        ITSELF,
        &["show_usage_file", "change_usage_file", "upload_usage_file", "delete_usage_file", "follow_usage_file"],
    ),
    links(&["change_usage_file"], ITSELF, &["show_usage_file", "upload_usage_file"]),
    links(
        &["upload_usage_file"],
        ITSELF,
        &[
            "show_usage_file",
            "follow_usage_file",
            "list_validation_errors",
            "list_categories",
            "change_usage_file",
            "upload_usage_file",
            "reprocess_usage_file",
            "submit_usage_file",
            "delete_usage_file",
        ],
    ),
    links(&["upload_usage_file", "submit_usage_file", "accept_usage_file"], OF_ITSELF, &["list_records"]),
    links(&["reprocess_usage_file"], ITSELF, &["show_usage_file", "submit_usage_file"]),
    links(
        &["report_records"],
        REPORTED,
        &["show_usage_file", "follow_usage_file", "seal_usage_file", "submit_usage_file"],
    ),
    links(&["report_records"], &[("usagefile.id", "$response.body#/file/id")], &["list_records"]),
    links(&["seal_usage_file"], ITSELF, &["show_usage_file", "submit_usage_file"]),
    links(
        &["submit_usage_file"],
        ITSELF,
        &["show_usage_file", "approve_all_records", "accept_usage_file", "reject_usage_file"],
    ),
    links(&["approve_all_records"], ITSELF, &["accept_usage_file"]),
    links(&["reject_usage_file"], ITSELF, &["show_usage_file", "upload_usage_file"]),
    links(&["accept_usage_file"], ITSELF, &["show_usage_file", "reconcile_usage_file"]),
    links(&["accept_usage_file"], TO_BILL, &["list_chunks"]),
    links(&["reconcile_usage_file"], ITSELF, &["show_usage_file"]),
    links(&["reconcile_usage_file"], OF_ITSELF, &["list_reconciliations"]),
    links(&["close_usage_file", "delete_usage_file"], ITSELF, &["show_usage_file"]),
    links(&["close_usage_file"], OF_ITSELF, &["list_chunks", "list_records"]),
    links(&["show_usage_file"], ITSELF, &["list_categories", "list_history_of_file"]),
    links(&["show_usage_file"], OF_ITSELF, &["list_records"]),
    links(&["show_usage_file"], &[("id", "$response.body#/contract/id")], &["show_contract"]),
    links(&["show_usage_file"], &[("id", "$response.body#/product/id")], &["show_product"]),
    links(&["show_usage_file"], &[("id", "$response.body#/marketplace/id")], &["show_marketplace"]),
    links(&["list_records"], FIRST, &["show_record", "change_record", "close_record"]),
    links(&["show_record"], ITSELF, &["change_record", "close_record", "list_history_of_record"]),
    links(&["show_record"], &[("of", "$response.body#/id")], &["show_provenance"]),
    links(&["show_record"], ITS_FILE, &["show_usage_file"]),
    links(&["show_record"], &[("id", "$response.body#/asset/id")], &["show_asset", "list_aggregates_of_asset"]),
    links(&["change_record", "close_record"], ITSELF, &["show_record"]),
    links(&["close_record"], ITS_FILE, &["show_usage_file"]),
    links(
        &["list_chunks"],
        FIRST,
        &["show_chunk", "change_chunk", "download_chunk", "regenerate_chunk", "close_chunk"],
    ),
    links(&["show_chunk"], ITSELF, &["change_chunk", "download_chunk", "regenerate_chunk", "close_chunk"]),
    links(&["change_chunk"], ITSELF, &["show_chunk", "close_chunk"]),
    links(&["regenerate_chunk"], ITSELF, &["show_chunk", "download_chunk", "close_chunk"]),
    links(&["close_chunk"], ITSELF, &["show_chunk", "change_chunk", "download_chunk"]),
    links(&["show_chunk", "close_chunk"], ITS_FILE, &["show_usage_file"]),
    links(&["close_chunk"], ITS_FILE, &["close_usage_file"]),
    links(&["list_reconciliations"], FIRST, &["show_reconciliation"]),
    links(&["list_reconciliations"], FIRST_AS_UPLOADED, &["download_reconciliation"]),
    links(&["create_reconciliation"], ITSELF, &["show_reconciliation"]),
    links(&["create_reconciliation"], AS_UPLOADED, &["download_reconciliation"]),
    links(&["show_reconciliation"], AS_PROCESSED, &["download_reconciliation"]),
    links(&["show_reconciliation"], ITS_FILE, &["show_usage_file"]),
    links(&["submit_usage_file"], ITSELF, &["compare_usage_file"]),
    links(&["list_aggregates"], &[("id", "$response.body#/0/asset/id")], &["show_asset", "list_aggregates_of_asset"]),
    links(&["list_rules"], FIRST_RULE, &["show_rule", "change_rule", "delete_rule"]),
    links(&["create_rule"], RULE, &["show_rule", "change_rule", "delete_rule"]),
    links(&["change_rule"], RULE, &["show_rule", "delete_rule"]),
    links(&["create_rule", "change_rule"], SAME, &["simulate_rules"]),
    links(&["create_rule", "change_rule"], RULES_OF_SAME, &["list_rules"]),
    links(&["list_products"], FIRST, &["show_product"]),
    links(
        &["show_product"],
        ITSELF,
        &["change_product", "list_items", "create_item", "create_rule", "show_template", "validate_workbook"],
    ),
    links(&["show_product"], RULES_OF_ITSELF, &["list_rules"]),
    links(&["change_product"], ITSELF, &["show_product"]),
    links(&["list_items"], FIRST_ITEM, &["show_item", "change_item"]),
    links(&["create_item"], ITEM, &["show_item", "change_item"]),
    links(&["change_item"], ITEM, &["show_item"]),
    links(&["create_item", "change_item"], SAME, &["list_items"]),
    links(&["open_session"], ITSELF, &["end_session"]),
    links(&["list_contracts"], FIRST, &["show_contract"]),
    links(&["list_listings"], FIRST, &["show_listing"]),
    links(&["list_assets"], FIRST, &["show_asset", "list_aggregates_of_asset"]),
    links(&["list_subscription_assets"], FIRST, &["show_subscription_asset"]),
    links(&["list_marketplaces"], FIRST, &["show_marketplace"]),
    links(&["list_hubs"], FIRST, &["show_hub"]),
    links(&["list_accounts"], FIRST, &["show_account"]),
    links(&["list_events"], &[("after", "$response.body#/cursor")], &["list_events"]),
];

/// The links of an operation's answer: each has the name of the operation that it leads to.
pub(super) fn of(operation: &str) -> Map<String, Value> {
    let from = TABLE.iter().filter(|links| links.of.contains(&operation));
    let each = from.flat_map(|links| links.to.iter().map(|target| (*target, links.with)));
    each.map(|(target, with)| {
        let parameters: Map<String, Value> =
            with.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        (target.to_owned(), serde_json::json!({ "operationId": target, "parameters": parameters }))
    })
    .collect()
}

/// Whether a link gives an operation this parameter.
pub(super) fn give(operation: &str, parameter: &str) -> bool {
    let to = TABLE.iter().filter(|links| links.to.contains(&operation));
    to.flat_map(|links| links.with).any(|(name, _)| *name == parameter)
}
