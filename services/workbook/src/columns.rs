//! The one table of the columns of every workbook: reading, validation, the template and the documentation use it.
//!
//! Facts are those of connect-api §4.2 to §4.6 and seed 002; the sentences are ours.

mod ours;

use ledger::catalog::Schema;

pub use ours::{ERRORS, PROVIDER_ADDED, RECONCILED_ADDED, RECONCILIATION_ADDED, REJECTS_ADDED, VENDOR_ADDED};

/// The tab with the records.
pub const RECORDS_TAB: &str = "records";
/// What the SDKs of several languages call that tab; live vendors run this code (connect-api §4.2).
pub const RECORDS_TAB_ALIAS: &str = "usage_records";
/// The tab with the categories that records refer to.
pub const CATEGORIES_TAB: &str = "categories";
/// The tab that lists everything that is wrong.
pub const ERRORS_TAB: &str = "errors";
/// The tab that says which report a workbook is about.
pub const GENERAL_TAB: &str = "general";
/// The tab for the person who opens the workbook.
pub const INSTRUCTIONS_TAB: &str = "instructions";
/// What the name of a custom column starts with; such columns pass through byte for byte.
pub const CUSTOM_PREFIX: &str = "v.";
/// The two columns of the `general` tab.
pub const GENERAL: [&str; 2] = ["attribute_id", "attribute_value"];

/// Whether a record must fill a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// Every record fills it.
    Required,
    /// Every record fills it, except one that brings its own item, where the product allows that.
    RequiredUnlessDynamic,
    /// A record may fill it.
    Optional,
    /// Only a record that brings its own item fills it.
    DynamicOnly,
    /// Nothing reads it.
    Ignored,
}

impl Requirement {
    /// The requirement for a person, given whether records may bring their own items.
    #[must_use]
    pub fn sentence(self, dynamic: bool) -> &'static str {
        match (self, dynamic) {
            (Self::RequiredUnlessDynamic, true) => "Required, but blank in a record that brings its own item",
            (Self::Required | Self::RequiredUnlessDynamic, _) => "Required",
            (Self::Optional, _) => "Optional",
            (Self::DynamicOnly, true) => "Only in a record that brings its own item",
            (Self::DynamicOnly, false) => "Leave out: this product has declared items only",
            (Self::Ignored, _) => "Leave out: not used with this schema",
        }
    }
}

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// Any text.
    Text,
    /// An exact decimal.
    Decimal,
    /// A time in UTC.
    Instant,
    /// How the item is searched.
    ItemCriteria,
    /// How the subscription is searched.
    SubscriptionCriteria,
    /// A tier's number.
    Tier,
    /// How many decimals a quantity may have.
    Precision,
}

/// A column of a workbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    /// Its header.
    pub name: &'static str,
    /// Whether a record fills it, in the order of [`Schema::ALL`].
    pub requirements: [Requirement; 4],
    /// What its cells hold.
    pub kind: ValueKind,
    /// What it means, in one sentence.
    pub definition: &'static str,
    /// What is accepted, or for a column that we fill, what can stand there.
    pub accepted: &'static str,
    /// An example.
    pub example: &'static str,
    /// Its width on the screen, in characters.
    pub width: u8,
}

impl Column {
    /// Whether a record of a schema fills it.
    #[must_use]
    pub fn requirement(&self, schema: Schema) -> Requirement {
        let [qt, pr, cr, tr] = self.requirements;
        match schema {
            Schema::Qt => qt,
            Schema::Pr => pr,
            Schema::Cr => cr,
            Schema::Tr => tr,
        }
    }
}

/// The value that searches an item by the vendor's part number.
pub const ITEM_BY_MPN: &str = "item.mpn";
/// The value that searches an item by its global id.
pub const ITEM_BY_GLOBAL_ID: &str = "item.global_id";
/// The value that searches a subscription by its id.
pub const SUBSCRIPTION_BY_ID: &str = "asset.id";
/// What comes before the parameter's id where a subscription is searched by a parameter.
pub const SUBSCRIPTION_BY_PARAMETER: &str = "parameter.";
/// The precisions that an item can have, as the API writes them.
pub const PRECISIONS: [&str; 5] = ["integer", "decimal(1)", "decimal(2)", "decimal(4)", "decimal(8)"];
/// The tiers and whose price each is.
pub const TIERS: [(&str, &str); 3] =
    [("0", "the end customer's price"), ("1", "the reseller's price"), ("2", "the distributor's price")];

const REQUIRED: [Requirement; 4] = [Requirement::Required; 4];
const SEARCHED: [Requirement; 4] = [Requirement::RequiredUnlessDynamic; 4];
const OPTIONAL: [Requirement; 4] = [Requirement::Optional; 4];
const DYNAMIC: [Requirement; 4] = [Requirement::DynamicOnly; 4];
const IGNORED: [Requirement; 4] = [Requirement::Ignored; 4];
const RATED: [Requirement; 4] =
    [Requirement::Ignored, Requirement::Required, Requirement::Required, Requirement::Required];
const TIERED: [Requirement; 4] =
    [Requirement::Ignored, Requirement::Ignored, Requirement::Ignored, Requirement::Required];

/// The columns of the `records` tab that a vendor uploads, in the platform's fixed order.
pub const RECORDS: [Column; 16] = [
    Column {
        name: "record_id",
        requirements: REQUIRED,
        kind: ValueKind::Text,
        definition: "Your own id of this record; it is accepted once and never again for the same product and contract.",
        accepted: "Any text that no other record has, in this file or in another one",
        example: "2026-10-vm-0001",
        width: 20,
    },
    Column {
        name: "record_note",
        requirements: OPTIONAL,
        kind: ValueKind::Text,
        definition: "A remark that travels with the record.",
        accepted: "Any text",
        example: "Burst capacity, second week",
        width: 28,
    },
    Column {
        name: "item_search_criteria",
        requirements: SEARCHED,
        kind: ValueKind::ItemCriteria,
        definition: "By which of its ids the used item is looked up.",
        accepted: "item.mpn for your own part number, item.global_id for the id that the platform gave it",
        example: ITEM_BY_MPN,
        width: 22,
    },
    Column {
        name: "item_search_value",
        requirements: SEARCHED,
        kind: ValueKind::Text,
        definition: "The id of the item, of the kind named in item_search_criteria.",
        accepted: "A part number, or a global id such as PRD-123-456-789-0001",
        example: "VM-HOUR",
        width: 26,
    },
    Column {
        name: "quantity",
        requirements: REQUIRED,
        kind: ValueKind::Decimal,
        definition: "How much of the item was used, in its unit.",
        accepted: "A number with a point and no more decimals than the item's precision allows",
        example: "36.5",
        width: 14,
    },
    Column {
        name: "start_time_utc",
        requirements: REQUIRED,
        kind: ValueKind::Instant,
        definition: "When the usage began, in UTC.",
        accepted: "YYYY-MM-DD hh:mm:ss or MM/DD/YYYY hh:mm:ss; not after end_time_utc",
        example: "2026-10-01 00:00:00",
        width: 21,
    },
    Column {
        name: "end_time_utc",
        requirements: REQUIRED,
        kind: ValueKind::Instant,
        definition: "When the usage ended, in UTC.",
        accepted: "YYYY-MM-DD hh:mm:ss or MM/DD/YYYY hh:mm:ss; not in the future",
        example: "2026-10-31 23:59:59",
        width: 21,
    },
    Column {
        name: "asset_search_criteria",
        requirements: REQUIRED,
        kind: ValueKind::SubscriptionCriteria,
        definition: "By what the customer's subscription is looked up.",
        accepted: "asset.id for its id, or parameter. followed by the id of a fulfilment parameter",
        example: "parameter.tenant_id",
        width: 24,
    },
    Column {
        name: "asset_search_value",
        requirements: REQUIRED,
        kind: ValueKind::Text,
        definition: "The subscription's id, or the value that the named parameter has in exactly one subscription.",
        accepted: "A subscription id such as AS-1234-5678-9012, or the value of the parameter",
        example: "tenant-7f3a",
        width: 26,
    },
    Column {
        name: "category_id",
        requirements: OPTIONAL,
        kind: ValueKind::Text,
        definition: "The category that this record is shown under.",
        accepted: "A category_id of the categories tab",
        example: "compute",
        width: 16,
    },
    Column {
        name: "amount",
        requirements: RATED,
        kind: ValueKind::Decimal,
        definition: "What the whole quantity costs before taxes, in the currency of the file; PR: to the end customer, CR: to the \
                     distributor, TR: to the tier of this record.",
        accepted: "A number with a point and at most 12 decimals",
        example: "18.25",
        width: 14,
    },
    Column {
        name: "tier",
        requirements: TIERED,
        kind: ValueKind::Tier,
        definition: "Whose price the amount is; each usage comes once for every tier, with the same quantity.",
        accepted: "0 for the end customer, 1 for the reseller, 2 for the distributor",
        example: "0",
        width: 8,
    },
    Column {
        name: "item_name",
        requirements: DYNAMIC,
        kind: ValueKind::Text,
        definition: "The name of an item that was not declared beforehand.",
        accepted: "Any text",
        example: "Virtual machine, 4 cores",
        width: 28,
    },
    Column {
        name: "item_unit",
        requirements: DYNAMIC,
        kind: ValueKind::Text,
        definition: "The unit that an undeclared item is counted in.",
        accepted: "A unit, for instance unit*h, mbh or mhzh",
        example: "unit*h",
        width: 14,
    },
    Column {
        name: "item_mpn",
        requirements: DYNAMIC,
        kind: ValueKind::Text,
        definition: "Your part number of an undeclared item.",
        accepted: "Any text",
        example: "VM-HOUR-4C",
        width: 20,
    },
    Column {
        name: "item_precision",
        requirements: DYNAMIC,
        kind: ValueKind::Precision,
        definition: "How many decimals a quantity of an undeclared item may have.",
        accepted: "integer, decimal(1), decimal(2), decimal(4) or decimal(8)",
        example: "decimal(2)",
        width: 16,
    },
];

/// A column that old clients write and nothing reads (connect-api §4.2).
pub const RECORDS_IGNORED: [Column; 1] = [Column {
    name: "asset_recon_id",
    requirements: IGNORED,
    kind: ValueKind::Text,
    definition: "The id of the subscription in your reconciliations; known from the subscription.",
    accepted: "Anything; it is not read",
    example: "recon-0001",
    width: 20,
}];

/// The columns of the `categories` tab.
pub const CATEGORIES: [Column; 3] = [
    Column {
        name: "category_id",
        requirements: OPTIONAL,
        kind: ValueKind::Text,
        definition: "What records name this category by.",
        accepted: "Any text, once",
        example: "compute",
        width: 28,
    },
    Column {
        name: "category_name",
        requirements: OPTIONAL,
        kind: ValueKind::Text,
        definition: "What people see.",
        accepted: "Any text",
        example: "Computing",
        width: 28,
    },
    Column {
        name: "category_description",
        requirements: OPTIONAL,
        kind: ValueKind::Text,
        definition: "What belongs to it.",
        accepted: "Any text",
        example: "Virtual machines and containers",
        width: 30,
    },
];

/// A header as columns are matched by: people write `Item search value` for `item_search_value`.
///
/// The name of a custom column is not touched beyond its surrounding blanks.
#[must_use]
pub fn normalised(header: &str) -> String {
    let header = header.trim();
    if header.starts_with(CUSTOM_PREFIX) {
        return header.to_owned();
    }
    header.to_lowercase().split([' ', '_', '\u{a0}']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// The column of the uploaded `records` tab that a header names.
#[must_use]
pub fn uploaded(header: &str) -> Option<&'static Column> {
    find(&RECORDS, header)
}

/// Any column of a `records` tab that a header names, ours included.
#[must_use]
pub fn known(header: &str) -> Option<&'static Column> {
    [&RECORDS[..], &RECORDS_IGNORED, &VENDOR_ADDED, &PROVIDER_ADDED, &RECONCILIATION_ADDED, &RECONCILED_ADDED]
        .into_iter()
        .find_map(|table| find(table, header))
}

fn find(table: &'static [Column], header: &str) -> Option<&'static Column> {
    let name = normalised(header);
    table.iter().find(|column| column.name == name)
}

/// Where each of our columns stands in a file whose vendor's headers are given: in the vendor's own column of that
/// name, which then shows our value, or after the last one. Two columns of one name would make every reader guess.
#[must_use]
pub fn placed(headers: &[impl AsRef<str>], added: &'static [Column]) -> Vec<(usize, &'static Column)> {
    let names: Vec<String> = headers.iter().map(|header| normalised(header.as_ref())).collect();
    let mut end = headers.len();
    let place = |column: &'static Column| {
        let at = names.iter().position(|name| name == column.name).unwrap_or_else(|| {
            end += 1;
            end - 1
        });
        (at, column)
    };
    added.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_an_upload_are_the_fixed_headers_in_their_order() {
        let names: Vec<_> = RECORDS.iter().map(|column| column.name).collect();
        let fixed = "record_id record_note item_search_criteria item_search_value quantity start_time_utc end_time_utc \
                     asset_search_criteria asset_search_value category_id amount tier item_name item_unit item_mpn \
                     item_precision";
        assert_eq!(names.join(" "), fixed);
    }

    #[test]
    fn a_schema_decides_what_a_record_must_fill() {
        let required = |schema| {
            let column = RECORDS.iter().filter(|column| column.requirement(schema) == Requirement::Required);
            column.map(|column| column.name).collect::<Vec<_>>().join(" ")
        };
        let qt = "record_id quantity start_time_utc end_time_utc asset_search_criteria asset_search_value";
        assert_eq!(
            Schema::ALL.map(required),
            [qt.to_owned(), format!("{qt} amount"), format!("{qt} amount"), format!("{qt} amount tier")]
        );
    }

    #[test]
    fn headers_are_found_as_people_write_them() {
        for header in ["item_search_value", " Item search value ", "ITEM_SEARCH_VALUE", "item  search_value"] {
            assert_eq!(uploaded(header).map(|column| column.name), Some("item_search_value"), "{header}");
        }
        assert_eq!(uploaded("error_codes"), None);
        assert_eq!(known("Error codes").map(|column| column.name), Some("error_codes"));
        assert_eq!(normalised(" v.My Region "), "v.My Region");
    }

    #[test]
    fn our_columns_take_the_place_of_the_vendors_own() {
        let placed = placed(&["record_id", "Item name", "v.x"], &PROVIDER_ADDED);
        let places: Vec<_> = placed.iter().map(|(at, _)| *at).collect();
        assert_eq!(places, [3, 4, 5, 6, 1, 7, 8, 9, 10, 11, 12, 13]);
    }

    #[test]
    fn no_table_names_a_column_twice_and_every_text_is_there() {
        let added: [&[Column]; 5] = [&VENDOR_ADDED, &PROVIDER_ADDED, &RECONCILIATION_ADDED, &RECONCILED_ADDED, &ERRORS];
        for table in [&RECORDS[..], &CATEGORIES].into_iter().chain(added) {
            for (at, column) in table.iter().enumerate() {
                assert!(table[at + 1..].iter().all(|other| other.name != column.name), "{}", column.name);
                assert!(![column.definition, column.accepted, column.example].contains(&""), "{}", column.name);
                assert_eq!(normalised(column.name), column.name);
            }
        }
    }
}
