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

/// The headers that a product's records need: what another schema or a capability that is off would read is left out.
fn headers(schema: Schema, dynamic: bool, fields: &[&str]) -> Vec<String> {
    let names = "record_id record_note item_search_criteria item_search_value quantity start_time_utc end_time_utc \
                 asset_search_criteria asset_search_value category_id";
    let names = names.split_whitespace().chain((schema != Schema::Qt).then_some("amount"));
    let names = names.chain((schema == Schema::Tr).then_some("tier"));
    let own = ["item_name", "item_unit", "item_mpn", "item_precision"].into_iter().filter(|_| dynamic);
    names.chain(own).chain(fields.iter().copied()).map(str::to_owned).collect()
}

const ITEMS: [ItemRow<'_>; 2] = [
    ItemRow { mpn: "007", global_id: "PRD-1-0001", name: "=Item", unit: "unit*h", places: 2, reserved: false },
    ItemRow { mpn: "B", global_id: "PRD-1-0002", name: "Other", unit: "GB", places: 0, reserved: true },
];

#[test]
fn the_template_has_its_seven_tabs_and_a_header_to_fill() {
    for schema in Schema::ALL {
        for dynamic in [false, true] {
            let opened = Opened::new(&made(schema, &capabilities(dynamic, &["v.Region"]), &ITEMS));
            assert_eq!(opened.tabs().join(" "), TABS);
            assert_eq!(opened.rows("records"), [headers(schema, dynamic, &["v.Region"])]);
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
            assert_eq!(rows[2][1..], headers(schema, true, &["v.Region"]));
            for column in columns::RECORDS.iter() {
                let Some(at) = rows[2].iter().position(|header| header == column.name) else { continue };
                let filled = |row: &Vec<String>| row.get(at).is_some_and(|cell| !cell.is_empty());
                let used = column.requirement(schema);
                let ok = match used {
                    columns::Requirement::Required => rows[3..].iter().all(filled),
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
    assert_eq!(values[1][5..], ["007", "PRD-1-0001", "=Item", "unit*h", "decimal(2)", "pay-as-you-go"]);
    assert_eq!(values[2][10], "reservation");
    assert_eq!(values[0][5..7], ["item.mpn", "item.global_id"]);
    let formats = |column: &str| opened.number_format("records", column);
    for (column, format) in [
        ("A", "49"),
        ("E", "0.0#######"),
        ("F", "yyyy-mm-dd hh:mm:ss"),
        ("G", "yyyy-mm-dd hh:mm:ss"),
        ("I", "49"),
        ("K", "0.00##########"),
        ("L", "0"),
        ("M", "49"),
    ] {
        assert_eq!(formats(column), format, "{column}");
    }
    let notes = opened.notes("xl/comments2.xml");
    assert_eq!(notes.len(), 16);
    assert!(notes[0].1.starts_with("Required.\n"), "{notes:?}");
}

#[test]
fn a_prompt_stands_at_every_cell_and_a_slip_asks_back() {
    for schema in Schema::ALL {
        let opened = Opened::new(&made(schema, &capabilities(true, &["v.Region"]), &[]));
        let xml = opened.sheet_xml("records");
        let rules: Vec<_> = xml.split("<dataValidation ").skip(1).collect();
        let expected = headers(schema, true, &["v.Region"]);
        assert_eq!(rules.len(), expected.len());
        for (rule, header) in rules.iter().zip(&expected) {
            assert!(rule.contains(&format!("promptTitle=\"{header}\"")), "{rule}");
            assert!(rule.contains("showInputMessage=\"1\"") && rule.contains(" prompt=\""), "{rule}");
            let kind = rule.split_once("type=\"").map(|(_, rest)| rest.split('"').next().unwrap());
            let expected = match header.as_str() {
                "quantity" | "amount" => Some("decimal"),
                "start_time_utc" | "end_time_utc" => Some("date"),
                name if name.ends_with("criteria") || ["category_id", "tier", "item_precision"].contains(&name) => {
                    Some("list")
                }
                _ => None,
            };
            assert_eq!(kind, expected, "{header}");
            // Nothing but a closed set is refused.
            let refuses = rule.contains("showErrorMessage=\"1\"") && !rule.contains("errorStyle=\"warning\"");
            let closed = ["item_search_criteria", "tier"].contains(&header.as_str());
            assert!(!refuses || closed || kind.is_none(), "{header}: {rule}");
        }
    }
}

#[test]
fn the_instructions_say_what_each_capability_means() {
    let said = |capabilities: &Capabilities| {
        let opened = Opened::new(&made(Schema::Pr, capabilities, &ITEMS));
        opened.rows("instructions").into_iter().map(|mut row| row.remove(0)).collect::<Vec<_>>()
    };
    let none = Capabilities::default();
    let off = said(&none);
    for (on, sentence) in [
        (Capabilities { dynamic: true, ..none.clone() }, "A record may bring an item"),
        (Capabilities { future: true, ..none.clone() }, "Usage may end in the future"),
        (Capabilities { late: true, ..none.clone() }, "Usage of a period that is billed already may"),
        (Capabilities { predictive: true, ..none.clone() }, "The file may be an estimate"),
        (Capabilities { reservation_consumption: true, ..none.clone() }, "Items of the type reservation"),
        (capabilities(false, &["v.a", "v.b"]), "Every record fills these columns of your own: v.a, v.b."),
    ] {
        let is_said = |lines: &[String]| lines.iter().any(|line| line.starts_with(sentence));
        assert!(is_said(&said(&on)) && !is_said(&off), "{sentence}");
    }
    let future = Opened::new(&made(Schema::Qt, &Capabilities { future: true, ..none }, &[]));
    let end = future.rows("data_definitions").into_iter().find(|row| row[1] == "end_time_utc").unwrap();
    assert!(end[3].ends_with("may lie in the future"), "{end:?}");
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
    for schema in Schema::ALL {
        let bytes = made(schema, &capabilities(true, &["v.Region"]), &ITEMS);
        let mut workbook = read::Workbook::open(Cursor::new(bytes), read::Limits::default()).unwrap();
        let names = [columns::RECORDS_TAB, columns::RECORDS_TAB_ALIAS];
        let sheet = workbook.sheet_named(&names).unwrap().unwrap();
        let (mut rows, mut row) = (workbook.rows(sheet).unwrap(), read::Row::new());
        assert!(rows.next_row(&mut row).unwrap());
        let found: Vec<_> = row.cells().map(|cell| columns::uploaded(cell.text).map(|column| column.name)).collect();
        let expected = headers(schema, true, &["v.Region"]);
        let names = expected.iter().map(|name| (name != "v.Region").then_some(name.as_str()));
        assert_eq!(found, names.collect::<Vec<_>>());
        assert!(!rows.next_row(&mut row).unwrap(), "nothing stands under the headers");
    }
}

#[test]
fn another_reader_finds_the_same_texts() {
    let bytes = made(Schema::Tr, &capabilities(true, &["v.Region"]), &ITEMS);
    let opened = Opened::new(&bytes);
    let mut book: calamine::Xlsx<_> = calamine::Reader::new(Cursor::new(bytes)).unwrap();
    assert_eq!(calamine::Reader::sheet_names(&book).join(" "), TABS);
    for tab in TABS.split_whitespace() {
        let range = calamine::Reader::worksheet_range(&mut book, tab).unwrap();
        let rows: Vec<Vec<String>> = range.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        for (theirs, ours) in rows.iter().zip(opened.rows(tab)) {
            assert_eq!(theirs[..ours.len()], ours, "{tab}");
        }
        assert_eq!(rows.len(), opened.rows(tab).len(), "{tab}");
        assert!(calamine::Reader::worksheet_formula(&mut book, tab).unwrap().is_empty(), "{tab}");
    }
}

/// Not a test: see `samples` of the usage workbooks.
#[test]
#[ignore = "writes the workbook of the picture"]
fn samples() {
    let items = [
        ItemRow {
            mpn: "VM-HOUR",
            global_id: "PRD-1-0001",
            name: "Machine hour",
            unit: "unit*h",
            places: 2,
            reserved: false,
        },
        ItemRow { mpn: "DISK-GB", global_id: "PRD-1-0002", name: "Disk", unit: "GB", places: 0, reserved: true },
    ];
    let capabilities = Capabilities { reservation_consumption: true, ..capabilities(true, &["v.region"]) };
    let folder = std::path::PathBuf::from(std::env::var("SAMPLES").unwrap());
    std::fs::write(folder.join("template.xlsx"), made(Schema::Tr, &capabilities, &items)).unwrap();
}
