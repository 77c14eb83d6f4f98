//! The one table of the columns of every workbook: reading, validation, the template and the documentation use it.
//!
//! Facts are those of connect-api §4.2 to §4.6 and seed 002; the sentences are ours.

use ledger::catalog::Schema;

use crate::read::table::normalise;

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
    /// What a vendor is told to fill in, to follow "Fill in"; empty for a column that we fill.
    pub fill_in: &'static str,
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

include!(concat!(env!("OUT_DIR"), "/columns.rs"));

/// A header as columns are matched by: people write `Item search value` for `item_search_value`.
///
/// The name of a custom column is not touched beyond its surrounding blanks.
#[must_use]
pub fn normalised(header: &str) -> String {
    normalise(header)
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
