//! The two example tabs: two remarks on top, then a header from column B on, with a description of each row in column
//! A (connect-api §4.1).

use ledger::catalog::Schema;
use rust_xlsxwriter::{Worksheet, XlsxError};

use super::{CATEGORIES_EXAMPLE_TAB, ItemRow, RECORDS_EXAMPLE_TAB, Template};
use crate::columns::{self, CATEGORIES_TAB, ITEM_BY_GLOBAL_ID, ITEM_BY_MPN, RECORDS_TAB, SUBSCRIPTION_BY_ID};
use crate::write::sheet::{self, Looks};

const DESCRIPTION_WIDTH: f64 = 64.0;
/// The rows of the remarks come first.
const HEADER_ROW: u32 = 2;
const PLACEHOLDER: ItemRow<'_> = ItemRow {
    mpn: "VM-HOUR",
    global_id: "PRD-123-456-789-0001",
    name: "Virtual machine hour",
    unit: "unit*h",
    places: 1,
    reserved: false,
};

/// A row: what it shows, and its cells by column. Columns that are not named stay blank.
struct Example {
    about: &'static str,
    cells: Vec<(&'static str, String)>,
}

/// Writes the example of the `categories` tab.
pub(super) fn write_categories(sheet: &mut Worksheet, looks: &Looks) -> Result<(), XlsxError> {
    let headers: Vec<_> = columns::CATEGORIES.iter().map(|column| (column.name, column.width)).collect();
    begin(sheet, CATEGORIES_EXAMPLE_TAB, CATEGORIES_TAB, &headers, looks)?;
    let rows = [
        ("A group for everything that computes", ["compute", "Computing", "Virtual machines and containers"]),
        ("A group for everything that is kept", ["storage", "Storage", "Disks, files and backups"]),
        ("Name and description may be left blank", ["support", "", ""]),
    ];
    for (row, (about, values)) in (HEADER_ROW + 1..).zip(rows) {
        sheet::put(sheet, row, 0, about, Some(&looks.wrapped))?;
        sheet::put_row(sheet, row, 1, values, Some(&looks.text))?;
    }
    Ok(())
}

/// Writes the example of the `records` tab, with the product's own items where it has some.
pub(super) fn write_records(sheet: &mut Worksheet, of: &Template<'_>, looks: &Looks) -> Result<(), XlsxError> {
    let width = |name: &str| columns::uploaded(name).map_or(20, |column| column.width);
    let headers: Vec<_> = of.headers().into_iter().map(|name| (name, width(name))).collect();
    begin(sheet, RECORDS_EXAMPLE_TAB, RECORDS_TAB, &headers, looks)?;
    let examples = (1..).zip(examples(of)).map(|(number, mut example)| {
        example.cells.push(("record_id", format!("2026-10-{number:04}")));
        example
    });
    for (row, example) in (HEADER_ROW + 1..).zip(examples) {
        sheet::put(sheet, row, 0, example.about, Some(&looks.wrapped))?;
        for (column, (header, _)) in (1..).zip(&headers) {
            let cell = example.cells.iter().find(|(name, _)| name == header).map(|(_, value)| value.as_str());
            let custom = header.starts_with(columns::CUSTOM_PREFIX).then_some("north");
            sheet::put(sheet, row, column, cell.or(custom).unwrap_or_default(), Some(&looks.text))?;
        }
    }
    Ok(())
}

fn begin(
    sheet: &mut Worksheet,
    name: &str,
    real: &str,
    headers: &[(&str, u8)],
    looks: &Looks,
) -> Result<(), XlsxError> {
    sheet.set_name(name)?.set_freeze_panes(HEADER_ROW + 1, 1)?.set_column_width(0, DESCRIPTION_WIDTH)?;
    sheet::printed(sheet);
    let first = "Nothing on this tab is read. What each column means is in 'data_definitions'.";
    sheet::put(sheet, 0, 0, first, Some(&looks.text))?;
    sheet::put(sheet, 1, 0, &format!("Write your own data into the tab '{real}'."), Some(&looks.text))?;
    sheet::put(sheet, HEADER_ROW, 0, "What the row shows", Some(&looks.faint_header))?;
    for (column, (header, width)) in (1..).zip(headers) {
        sheet.set_column_width(column, *width)?;
        sheet::put(sheet, HEADER_ROW, column, header, Some(&looks.header))?;
    }
    Ok(())
}

fn examples(of: &Template<'_>) -> Vec<Example> {
    let item = |at: usize| *of.items.get(at).or(of.items.first()).unwrap_or(&PLACEHOLDER);
    let (first, second) = (item(0), item(1));
    let by_mpn = [("item_search_criteria", ITEM_BY_MPN.to_owned()), ("item_search_value", first.mpn.to_owned())];
    let by_id =
        [("item_search_criteria", ITEM_BY_GLOBAL_ID.to_owned()), ("item_search_value", second.global_id.to_owned())];
    let by_subscription = [
        ("asset_search_criteria", SUBSCRIPTION_BY_ID.to_owned()),
        ("asset_search_value", "AS-1234-5678-9012".to_owned()),
    ];
    let by_parameter = [
        ("asset_search_criteria", format!("parameter.{}", of.parameters.first().unwrap_or(&"tenant_id"))),
        ("asset_search_value", "tenant-7f3a".to_owned()),
    ];
    let amount = |amount: &str| (of.schema != Schema::Qt).then(|| ("amount", amount.to_owned()));
    let mut examples = Vec::new();
    let mut add = |about, parts: [&[(&'static str, String)]; 2], places, more: Vec<(&'static str, String)>| {
        let mut cells = parts.concat();
        cells.push(("quantity", quantity(places).to_owned()));
        cells.push(("start_time_utc", "2026-10-01 00:00:00".to_owned()));
        cells.push(("end_time_utc", "2026-10-31 23:59:59".to_owned()));
        cells.extend(more);
        examples.push(Example { about, cells });
    };
    if of.schema == Schema::Tr {
        let tiers = [
            ("What the end customer pays for a usage", "30.00"),
            ("What the reseller pays for the same usage", "24.00"),
            ("What the distributor pays for the same usage", "19.50"),
        ];
        for (tier, (about, price)) in tiers.into_iter().enumerate() {
            let more = amount(price).into_iter().chain([("tier", tier.to_string())]).collect();
            add(about, [&by_mpn, &by_subscription], first.places, more);
        }
    } else {
        let noted = [("record_note", "First invoice of the project".to_owned()), ("category_id", "compute".to_owned())];
        let more = amount("30.00").into_iter().collect();
        add("Item by part number, subscription by its id", [&by_mpn, &by_subscription], first.places, more);
        let more = amount("7.25").into_iter().collect();
        add("Item by global id, subscription by a parameter", [&by_id, &by_parameter], second.places, more);
        let more = amount("0.40").into_iter().chain(noted).collect();
        add("With a note and a category", [&by_mpn, &by_parameter], first.places, more);
    }
    if of.capabilities.dynamic {
        let own = ["item_name", "item_unit", "item_mpn", "item_precision"];
        let own = own.map(|name| (name, columns::uploaded(name).map_or("", |column| column.example).to_owned()));
        let tier = (of.schema == Schema::Tr).then(|| ("tier", "0".to_owned()));
        let more = amount("12.00").into_iter().chain(tier).collect();
        add("A record that brings its own item", [&own, &by_subscription], 2, more);
    }
    examples
}

/// A quantity that an item of a precision accepts.
fn quantity(places: u8) -> &'static str {
    match places {
        0 => "36",
        1 => "36.5",
        2 => "36.25",
        4 => "36.1250",
        _ => "36.00000125",
    }
}
