//! The template.

use std::io::Cursor;

use ledger::Moment;
use ledger::catalog::{Capabilities, Schema};

use super::opened::Opened;
use crate::columns;
use crate::read;
use crate::write::{ItemRow, TEMPLATE_ITEMS_MAX, Template, template};

const TABS: &str =
    "instructions data_definitions valid_values categories_tab_example records_tab_example categories records";

fn capabilities(dynamic: bool, fields: &[&str]) -> Capabilities {
    let required_custom_fields = fields.iter().map(|field| (*field).to_owned()).collect();
    Capabilities { dynamic, required_custom_fields, ..Capabilities::default() }
}

fn made(schema: Schema, capabilities: &Capabilities, items: &[ItemRow<'_>]) -> Vec<u8> {
    let of = Template {
        product_id: "PRD-1",
        product_name: "Apollo & Søn",
        schema,
        capabilities,
        items,
        parameters: &["tenant_id", "account"],
        created: Moment(1_795_000_000_000_000),
    };
    template(&of).unwrap()
}

const ITEMS: [ItemRow<'_>; 2] = [
    ItemRow { mpn: "007", global_id: "PRD-1-0001", name: "=Item", unit: "unit*h", places: 2 },
    ItemRow { mpn: "B", global_id: "PRD-1-0002", name: "Other", unit: "GB", places: 0 },
];

#[test]
fn the_template_has_its_seven_tabs_and_a_header_to_fill() {
    for schema in Schema::ALL {
        for dynamic in [false, true] {
            let opened = Opened::new(&made(schema, &capabilities(dynamic, &["v.Region"]), &ITEMS));
            assert_eq!(opened.tabs().join(" "), TABS);
            let fixed = columns::RECORDS.iter().map(|column| column.name).chain(["v.Region"]);
            assert_eq!(opened.rows("records"), [fixed.collect::<Vec<_>>()]);
            assert_eq!(opened.rows("categories"), [columns::CATEGORIES.map(|column| column.name)]);
            let definitions = opened.rows("data_definitions");
            assert_eq!(definitions.len(), 1 + 16 + 1 + 3);
            assert!(definitions.iter().all(|row| row.len() == 6 && !row.contains(&String::new())));
        }
    }
}

#[test]
fn examples_have_two_remarks_then_a_header_from_column_b() {
    for schema in Schema::ALL {
        for items in [&ITEMS[..], &[]] {
            let opened = Opened::new(&made(schema, &capabilities(true, &["v.Region"]), items));
            let rows = opened.rows("records_tab_example");
            assert_eq!((rows[0].len(), rows[1].len()), (1, 1));
            assert_eq!(rows[2][1..3], ["record_id", "record_note"]);
            assert!(rows.len() >= 6, "{schema:?}");
            for column in columns::RECORDS.iter() {
                let at = rows[2].iter().position(|header| header == column.name).unwrap();
                let filled = |row: &Vec<String>| row.get(at).is_some_and(|cell| !cell.is_empty());
                let used = column.requirement(schema);
                let ok = match used {
                    columns::Requirement::Required => rows[3..].iter().all(filled),
                    columns::Requirement::Ignored => !rows[3..].iter().any(filled),
                    _ => true,
                };
                assert!(ok, "{schema:?} {} {used:?} {rows:?}", column.name);
            }
        }
    }
}

#[test]
fn dropdowns_and_text_columns_help_to_fill_the_records() {
    let opened = Opened::new(&made(Schema::Tr, &capabilities(true, &[]), &ITEMS));
    let xml = opened.sheet_xml("records");
    let list = |column: &str| {
        let range = format!("sqref=\"{column}2:{column}1048576\">");
        let (_, after) = xml.split_once(&range).unwrap_or_else(|| panic!("no dropdown in {column}"));
        after.split_once("<formula1>").unwrap().1.split_once("</formula1>").unwrap().0.to_owned()
    };
    assert_eq!(list("C"), "valid_values!$A$2:$A$3");
    assert_eq!(list("D"), "IF($C2=\"item.global_id\",valid_values!$G$2:$G$3,valid_values!$F$2:$F$3)");
    assert_eq!(list("H"), "valid_values!$B$2:$B$4");
    assert_eq!(list("L"), "\"0,1,2\"");
    assert_eq!(list("P"), "valid_values!$D$2:$D$6");
    let values = opened.rows("valid_values");
    assert_eq!(values[1][..2], ["item.mpn", "asset.id"]);
    assert_eq!(values[3][1], "parameter.account");
    assert_eq!(values[1][5..], ["007", "PRD-1-0001", "=Item", "unit*h", "decimal(2)"]);
    assert_eq!(values[0][5..7], ["item.mpn", "item.global_id"]);
    // Text (@, number format 49) everywhere but in quantity, amount and tier.
    let styles = opened.part("xl/styles.xml");
    assert!(styles.contains("numFmtId=\"49\""));
    let columns = xml.split_once("<cols>").unwrap().1.split_once("</cols>").unwrap().0;
    let plain: Vec<_> = columns.split("<col ").skip(1).filter(|column| !column.contains("style=")).collect();
    assert_eq!(plain.len(), 3, "{plain:?}");
    let notes = opened.notes("xl/comments2.xml");
    assert_eq!(notes.len(), 16);
    assert!(notes[0].1.starts_with("Required.\n"), "{notes:?}");
}

#[test]
fn a_schema_without_tiers_offers_none() {
    let opened = Opened::new(&made(Schema::Qt, &capabilities(false, &[]), &[]));
    let xml = opened.sheet_xml("records");
    for column in ["D", "L", "P"] {
        assert!(!xml.contains(&format!("sqref=\"{column}2:")), "{column}");
    }
    assert!(xml.contains("sqref=\"C2:C1048576\""));
}

#[test]
fn the_template_is_the_same_every_time_and_has_a_limit() {
    let items = vec![ITEMS[0]; TEMPLATE_ITEMS_MAX + 5];
    let first = made(Schema::Pr, &capabilities(true, &["v.a"]), &items);
    for _ in 0..5 {
        assert!(first == made(Schema::Pr, &capabilities(true, &["v.a"]), &items));
    }
    assert_eq!(Opened::new(&first).rows("valid_values").len(), TEMPLATE_ITEMS_MAX + 1);
}

#[test]
fn the_records_tab_is_read_as_uploaded() {
    let bytes = made(Schema::Qt, &capabilities(false, &["v.Region"]), &ITEMS);
    let mut workbook = read::Workbook::open(Cursor::new(bytes), read::Limits::default()).unwrap();
    let names = [columns::RECORDS_TAB, columns::RECORDS_TAB_ALIAS];
    let sheet = workbook.sheet_named(&names).unwrap().unwrap();
    let (mut rows, mut row) = (workbook.rows(sheet).unwrap(), read::Row::new());
    assert!(rows.next_row(&mut row).unwrap());
    let headers: Vec<_> = row.cells().map(|cell| columns::uploaded(cell.text).map(|column| column.name)).collect();
    let mut expected: Vec<_> = columns::RECORDS.iter().map(|column| Some(column.name)).collect();
    expected.push(None);
    assert_eq!(headers, expected);
    assert!(!rows.next_row(&mut row).unwrap(), "nothing stands under the headers");
}
