//! The groups of operations, in the order in which they are read.

use utoipa::openapi::tag::{Tag, TagBuilder};

pub(crate) const FILES: &str = "Usage files";
pub(crate) const RECORDS: &str = "Records";
pub(crate) const CHUNKS: &str = "Chunks";
pub(crate) const RECONCILIATIONS: &str = "Reconciliations";
pub(crate) const EVENTS: &str = "Events";
pub(crate) const WEBHOOKS: &str = "Webhooks";
pub(crate) const PROOFS: &str = "Proofs";
pub(crate) const AGGREGATES: &str = "Aggregates";
pub(crate) const PRODUCTS: &str = "Workbooks of a product";
pub(crate) const RULES: &str = "Usage rules";
pub(crate) const CATALOG: &str = "Catalog";
pub(crate) const KEYS: &str = "API keys";
pub(crate) const LINKS: &str = "Signed links";
pub(crate) const PROBES: &str = "The server";

const WORDS: [(&str, &str); 14] = [
    (FILES, "What a vendor reports: created, filled with a workbook, checked, submitted, accepted and billed."),
    (RECORDS, "The rows of usage files."),
    (CHUNKS, "The parts of accepted files, one for each hub that bills."),
    (RECONCILIATIONS, "Workbooks that say how records were billed."),
    (EVENTS, "What happens, told as it does."),
    (WEBHOOKS, "Addresses that are called when a usage file changes its status."),
    (PROOFS, "What the ledger has signed, for whoever doesn't want to trust it."),
    (AGGREGATES, "What was used of each item in each subscription."),
    (PRODUCTS, "Templates to fill in, and checks of workbooks before they are uploaded."),
    (RULES, "What a provider decides in advance about the files of a product."),
    (CATALOG, "What usage is about, as it was imported; each object for those whom it concerns."),
    (KEYS, "Who may ask: for operators."),
    (LINKS, "Workbooks without a key, for ten minutes."),
    (PROBES, "How it is, and what it serves."),
];

/// All of them, with what they are about.
pub(super) fn all() -> Vec<Tag> {
    WORDS.map(|(name, words)| TagBuilder::new().name(name).description(Some(words)).build()).into()
}
