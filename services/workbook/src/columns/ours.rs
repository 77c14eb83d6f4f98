//! The columns that we write: what each side gets beside the vendor's own.

use super::{Column, IGNORED, ValueKind};

const fn ours(
    name: &'static str,
    width: u8,
    definition: &'static str,
    accepted: &'static str,
    example: &'static str,
) -> Column {
    Column { name, requirements: IGNORED, kind: ValueKind::Text, definition, accepted, example, width }
}

const STATUS: Column =
    ours("status", 12, "Whether the record passed every check.", "valid, invalid or, once billed, closed", "valid");

const ERROR_CODES: Column = ours(
    "error_codes",
    26,
    "The code of everything that is wrong with the record.",
    "Codes with a comma between them; blank when nothing is wrong",
    "USG_FILE_006, USG_FILE_107",
);

const ERROR_DETAILS: Column = ours(
    "error_details",
    80,
    "What is wrong in each column and what would be right.",
    "One line for each thing; a line that begins with Warning or Note does not make the record invalid",
    "Usage value is not a float value. Write a plain number such as 12.5.",
);

/// What the vendor's processed file has beside the vendor's own columns.
pub const VENDOR_ADDED: [Column; 3] = [STATUS, ERROR_CODES, ERROR_DETAILS];

/// What the workbook of rejected records has beside the vendor's own columns.
pub const REJECTS_ADDED: [Column; 2] = [ERROR_CODES, ERROR_DETAILS];

/// What the provider's processed file and its chunks have beside the vendor's columns.
pub const PROVIDER_ADDED: [Column; 12] = [
    ours("item_id", 24, "The item's global id.", "An item id", "PRD-123-456-789-0001"),
    ours("asset_recon_id", 20, "What identifies the subscription in reconciliations.", "Any text", "recon-0001"),
    ours("product_id", 18, "The product that the item belongs to.", "A product id", "PRD-123-456-789"),
    STATUS,
    ours("item_name", 28, "The item's name.", "Any text", "Virtual machine hour"),
    ours(
        "item_type",
        15,
        "Whether the item is metered or bought ahead.",
        "pay-as-you-go or reservation",
        "pay-as-you-go",
    ),
    ours("item_unit", 14, "What the item is counted in.", "A unit", "unit*h"),
    ours(
        "item_period",
        14,
        "How often the item is billed, which is not how long it is committed.",
        "A period",
        "monthly",
    ),
    ours("asset_id", 22, "The subscription's id.", "A subscription id", "AS-1234-5678-9012"),
    ours("asset_external_id", 22, "The subscription's id in your commerce system.", "Any text", "1000345"),
    ours("customer_account_id", 22, "The customer's id in your commerce system.", "Any text", "C-20881"),
    ours(
        "customer_company_name",
        30,
        "The customer's name as your commerce system gave it last.",
        "Any text",
        "Harbour Bakery Ltd",
    ),
];

/// What the result of a reconciliation has beside the columns that were uploaded.
pub const RECONCILED_ADDED: [Column; 2] = [
    ours(
        "result",
        18,
        "What became of the record.",
        "closed, left open, was closed, not found, billed otherwise or unreadable",
        "closed",
    ),
    ours(
        "result_details",
        80,
        "Why, and what to do.",
        "Any text; blank for a record that was closed",
        "It has no billing data.",
    ),
];

/// The columns of the `errors` tab.
pub const ERRORS: [Column; 7] = [
    ours("row", 10, "The row of the file as you uploaded it.", "A row number", "17"),
    ours("column", 26, "The column, by your header.", "A header; blank where a column is missing", "quantity"),
    ours("code", 16, "What is wrong.", "A code of the documentation", "USG_FILE_006"),
    ours("severity", 12, "Whether it makes the record invalid.", "error or warning", "error"),
    ours("message", 60, "What is wrong, in words.", "A sentence", "Usage value is not a float value"),
    ours("suggested_fix", 60, "What would be right.", "A sentence", "Write a plain number such as 12.5."),
    ours(
        "link",
        16,
        "Where it stands in the records tab of this workbook.",
        "A cell's address, to click on",
        "records!E17",
    ),
];

/// What a reconciliation file has beside the columns of a chunk; rows are matched by record_id.
pub const RECONCILIATION_ADDED: [Column; 2] = [
    ours(
        "external_billing_id",
        24,
        "The invoice or order that billed the record.",
        "Any text; blank leaves the record open",
        "INV-2026-11-0042",
    ),
    ours("external_billing_note", 30, "A remark on how it was billed.", "Any text", "Billed with November"),
];
