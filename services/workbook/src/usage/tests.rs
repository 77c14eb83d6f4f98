//! Usage workbooks of every kind, opened by calamine, which shares no code with what wrote them.

pub(crate) mod made;

use calamine::{Data, Reader};
use ledger::Hash;
use ledger::catalog::{ItemKind, Schema};
use ledger::code::Code;
use ledger::fact::SignedRoot;
use ledger::record::CellKind;

use super::*;
use made::{AWKWARD, Book, World, error};

/// The texts of a tab's row.
fn row(book: &mut Book, tab: &str, row: usize) -> Vec<String> {
    texts(book, tab).remove(row)
}

fn texts(book: &mut Book, tab: &str) -> Vec<Vec<String>> {
    let range = book.worksheet_range(tab).unwrap();
    let text = |cell: &Data| match cell {
        Data::String(text) => text.clone(),
        Data::Empty => String::new(),
        other => panic!("{tab}: {other:?} is no text"),
    };
    range.rows().map(|row| row.iter().map(text).collect()).collect()
}

fn general(book: &mut Book, attribute: &str) -> Option<String> {
    texts(book, "general").into_iter().find(|row| row[0] == attribute).map(|row| row[1].clone())
}

#[test]
fn the_vendor_sees_what_is_wrong_in_the_cell_in_the_details_and_in_a_list() {
    let mut world = World::new(Schema::Qt, &["record_id", "Quantity", "item_name", "v.region"]);
    world.valid(&["r-1", "7", "mine", "=1+1"]);
    let problems =
        vec![error(Code::QuantityNotANumber, Some(1), "Usage value"), error(Code::ColumnMissing, None, "No column")];
    world.row(9, &["r-2", "seven", "", ""], problems);
    let (mut book, written) = world.written(Kind::ProcessedVendor);
    assert_eq!((written.records, written.problems, written.notes), (2, 2, 2));
    let headers = "record_id Quantity item_name v.region status error_codes error_details";
    assert_eq!(row(&mut book, "records", 0).join(" "), headers);
    assert_eq!(row(&mut book, "records", 1), ["r-1", "7.00", "mine", "=1+1", "valid", "", ""]);
    let details = "Usage value. Mend it.\nNo column. Mend it.";
    let codes = "USG_FILE_006, USG_FILE_101";
    assert_eq!(row(&mut book, "records", 2), ["r-2", "seven", "", "", "invalid", codes, details]);
    let errors = texts(&mut book, "errors");
    assert_eq!(errors[0], columns::ERRORS.map(|column| column.name));
    let listed = ["9", "Quantity", "USG_FILE_006", "error", "Usage value", "Mend it.", "records!B3"];
    assert_eq!(errors[1], listed);
    assert_eq!(errors[2], ["9", "", "USG_FILE_101", "error", "No column", "Mend it.", "records!A3"]);
    let xml = world.part(Kind::ProcessedVendor, "xl/worksheets/sheet5.xml");
    assert!(xml.contains(r#"<hyperlink ref="G2" location="records!B3""#), "{xml}");
}

#[test]
fn a_warning_is_yellow_for_both_sides_and_says_that_it_is_one() {
    for kind in [Kind::ProcessedVendor, Kind::ProcessedProvider, Kind::Chunk, Kind::Rejects] {
        let mut world = World::new(Schema::Qt, &["record_id", "tier"]);
        let errors = if kind == Kind::Rejects { vec![error(Code::CellBlank, Some(0), "Blank")] } else { Vec::new() };
        world.row(2, &["r-1", "5"], errors);
        world.warn(error(Code::TierInvalid, Some(1), "Tier is ignored"));
        let (mut book, _) = world.written(kind);
        let sheet = world.part(kind, "xl/worksheets/sheet4.xml");
        let is_yellow = sheet.contains("<c r=\"B2\" s=\"7\"");
        assert_eq!(is_yellow, kind != Kind::Chunk, "{kind:?}");
        let row = row(&mut book, "records", 1);
        let warned = "Warning: Tier is ignored. Mend it.";
        match kind {
            Kind::ProcessedVendor => assert_eq!(row[2..], ["valid", "", warned]),
            Kind::Rejects => assert_eq!(row[2..], ["USG_FILE_102", &format!("Blank. Mend it.\n{warned}")]),
            _ => assert_eq!(row.len(), 2 + columns::PROVIDER_ADDED.len()),
        }
        if kind.lists_errors() {
            let last = texts(&mut book, "errors").pop().unwrap();
            assert_eq!(last, ["2", "tier", "USG_FILE_105", "warning", "Tier is ignored", "Mend it.", "records!B2"]);
        }
    }
}

#[test]
fn rejects_are_the_invalid_rows_as_they_were_sent() {
    let mut world = World::new(Schema::Pr, &["record_id", "quantity", "amount", "status"]);
    world.valid(&["r-1", "7", "1e3", "theirs"]);
    world.row(5, &["r-2", "7.123", "1e3", "theirs"], vec![error(Code::PrecisionMismatch, Some(1), "Too fine")]);
    world.valid(&["r-3", "7", "3", ""]);
    world.row(7, &["", "7", "x", ""], vec![error(Code::AmountInvalid, Some(2), "No amount")]);
    let (mut book, written) = world.written(Kind::Rejects);
    assert_eq!((written.records, written.problems), (2, 2));
    assert_eq!(book.sheet_names(), ["instructions", "general", "categories", "records", "errors"]);
    assert_eq!(row(&mut book, "records", 0).join(" "), "record_id quantity amount status error_codes error_details");
    let first = ["r-2", "7.123", "1e3", "theirs", "USG_FILE_014", "Too fine. Mend it."];
    assert_eq!(row(&mut book, "records", 1), first);
    assert_eq!(row(&mut book, "records", 2)[..3], ["", "7", "x"]);
    let links: Vec<_> = texts(&mut book, "errors").into_iter().map(|mut row| (row.remove(0), row.remove(5))).collect();
    assert_eq!(links[1..], [("5", "records!B2"), ("7", "records!C3")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(general(&mut book, "total_records"), None);
}

#[test]
fn accepted_values_are_shown_in_their_normal_form_and_nothing_else_is() {
    let headers = ["record_id", "quantity", "start_time_utc", "amount", "tier", "v.amount"];
    let mut world = World::new(Schema::Tr, &headers);
    for (quantity, amount, expected) in [
        ("7", "30.00", ["7.00", "30.00"]),
        ("1e2", "1e3", ["100.00", "1000"]),
        ("-0.5", "-0.10", ["-0.50", "-0.10"]),
        ("+7.10", " 4.50", ["7.10", "4.5"]),
    ] {
        world.valid(&["r", quantity, "10/01/2026 1:02:03", amount, "2", amount]);
        let (mut book, _) = world.written(Kind::ProcessedProvider);
        let rows = texts(&mut book, "records");
        let last = rows.last().unwrap();
        assert_eq!([last[1].as_str(), last[3].as_str()], expected);
        assert_eq!((last[2].as_str(), last[5].as_str()), ("2026-10-01 01:02:03", amount));
    }
    world.kinds(&["r", "7", "10/01/2026 1:02:03", "92.65", "2", ""], CellKind::Number);
    let (mut book, _) = world.written(Kind::ProcessedProvider);
    assert_eq!(texts(&mut book, "records").last().unwrap()[3], "92.65");
}

#[test]
fn the_general_tab_ends_with_what_the_records_of_the_workbook_add_up_to() {
    let mut world = World::new(Schema::Tr, &["record_id", "quantity", "amount", "tier"]);
    for (amount, tier) in [("60.005", "0"), ("50", "1"), ("0.1", "0")] {
        world.valid(&["r", "7.5", amount, tier]);
    }
    world.row(8, &["r", "1", "x", "0"], vec![error(Code::AmountInvalid, Some(2), "No amount")]);
    world.kind = ItemKind::Reservation;
    world.valid(&["r", "2", "9", "1"]);
    let (mut book, _) = world.written(Kind::ProcessedVendor);
    let rows = texts(&mut book, "general");
    let at = rows.iter().position(|row| row[0] == "total_records_tier_0").unwrap();
    let rows: Vec<_> = rows[at - 1..].iter().map(|row| row.join(" ")).collect();
    assert_eq!(
        rows,
        [
            "distribution_contract_name Agreement",
            "total_records_tier_0 2",
            "total_quantity_tier_0 15",
            "total_amount_tier_0 60.105",
            "total_records_tier_1 1",
            "total_quantity_tier_1 7.5",
            "total_amount_tier_1 50",
            "reservation_records_tier_1 1",
            "reservation_quantity_tier_1 2",
            "reservation_amount_tier_1 9",
        ]
    );
    assert_eq!(general(&mut book, "currency").as_deref(), Some("EUR"));
    let mut estimate = World::new(Schema::Qt, &["record_id", "quantity"]);
    estimate.estimate();
    estimate.signed(SignedRoot { size: 12, root: Hash([0; 32]) });
    estimate.valid(&["r", "2.5"]);
    let (mut book, _) = estimate.written(Kind::ProcessedProvider);
    let rows: Vec<_> = texts(&mut book, "general").iter().map(|row| row.join(" ")).collect();
    let checkpoint = format!("checkpoint validation-0=:{}=:;size=12", "A".repeat(43));
    let totals = ["total_records 0", "total_quantity 0", "estimate_records 1", "estimate_quantity 2.5"];
    assert_eq!(rows[rows.len() - 6..], [&["predictive yes", &checkpoint], &totals[..]].concat());
    let mut empty = World::new(Schema::Qt, &["record_id"]);
    let (mut book, _) = empty.written(Kind::Chunk);
    assert_eq!(general(&mut book, "total_records").as_deref(), Some("0"));
    assert_eq!(general(&mut book, "total_amount"), None);
    assert_eq!(general(&mut book, "currency"), None);
}

#[test]
fn each_side_reads_its_own_names_and_columns() {
    for (kind, provider, added) in [
        (Kind::ProcessedVendor, "provider_account_id", columns::VENDOR_ADDED.len()),
        (Kind::ProcessedProvider, "distributor_account_id", columns::PROVIDER_ADDED.len()),
        (Kind::Chunk, "distributor_account_id", columns::PROVIDER_ADDED.len()),
        (Kind::Rejects, "provider_account_id", columns::REJECTS_ADDED.len()),
    ] {
        let mut world = World::new(Schema::Qt, &["record_id", "quantity"]);
        world.valid(&["r-1", "7"]);
        let (mut book, _) = world.written(kind);
        assert_eq!(general(&mut book, provider).as_deref(), Some("PA-1"), "{kind:?}");
        assert_eq!(row(&mut book, "records", 0).len(), 2 + added, "{kind:?}");
        let hub = general(&mut book, "hub_id");
        assert_eq!(hub.is_some(), kind == Kind::Chunk, "{kind:?}");
        if added == columns::PROVIDER_ADDED.len() {
            let facts =
                "r-1 7.00 PRD-1-0001 recon-1 PRD-1 valid Machine pay-as-you-go unit*h monthly AS-1 1000 C-1 Bakery";
            assert_eq!(row(&mut book, "records", 1).join(" "), facts, "{kind:?}");
        }
        assert_eq!(book.sheet_names().contains(&"errors".to_owned()), kind.lists_errors(), "{kind:?}");
    }
}

/// Goal: nothing that a vendor sends is more than text in what others open. Method: texts that programs take for
/// formulas, links or markup stand everywhere that a vendor can write, and another reader finds them as they were.
#[test]
fn text_stays_text_wherever_a_vendor_can_write() {
    for kind in [Kind::ProcessedVendor, Kind::ProcessedProvider, Kind::Chunk, Kind::Rejects] {
        for text in AWKWARD {
            let custom = format!("v.{text}");
            let mut world = World::new(Schema::Qt, &["record_id", text, &custom]);
            world.hostile(text);
            if kind == Kind::Rejects {
                world.row(3, &[text, text, text], vec![error(Code::RecordIdTaken, Some(1), text)]);
            } else {
                world.valid(&[text, text, text]);
            }
            let (mut book, _) = world.written(kind);
            assert_eq!(row(&mut book, "records", 0)[..3], ["record_id", text, &custom], "{kind:?}");
            assert_eq!(row(&mut book, "records", 1)[..3], [text, text, text], "{kind:?}");
            assert_eq!(row(&mut book, "categories", 1), [text, text, text], "{kind:?}");
            assert_eq!(general(&mut book, "report_name").as_deref(), Some(text), "{kind:?}");
            assert_eq!(general(&mut book, "product_name").as_deref(), Some(text), "{kind:?}");
            for tab in book.sheet_names() {
                assert!(book.worksheet_formula(&tab).unwrap().is_empty(), "{kind:?} {tab} {text:?}");
            }
            for part in world.parts(kind) {
                let (name, xml) = &part;
                assert!(!xml.contains("<f>") && !xml.contains("<f "), "a formula in {name}");
                assert!(!xml.contains("TargetMode=\"External\""), "a way out in {name}");
                assert!(!name.contains("externalLink") && !name.contains("vbaProject"), "{name}");
            }
        }
    }
}

#[test]
fn a_workbook_says_which_file_it_is_of() {
    let mut world = World::new(Schema::Qt, &["record_id"]);
    let bytes = world.bytes(Kind::Chunk);
    assert_eq!(report_id(std::io::Cursor::new(bytes)).unwrap().as_deref(), Some("UF-2026-10-0000-0001"));
}

/// Not a test: `SAMPLES=folder cargo nextest run -p workbook --run-ignored only -E 'test(samples)'` writes the workbooks
/// that docs/workbooks.md shows.
#[test]
#[ignore = "writes the workbooks of the pictures"]
fn samples() {
    let folder = std::path::PathBuf::from(std::env::var("SAMPLES").unwrap());
    let headers =
        ["record_id", "item_search_value", "quantity", "start_time_utc", "end_time_utc", "asset_search_value"];
    let mut world = World::new(Schema::Qt, &headers);
    let day = |day: u32| format!("2026-10-{day:02} 00:00:00");
    for at in 1..=12 {
        let cells = [&format!("2026-10-{at:04}"), "VM-HOUR", "36.5", &day(at), &day(at + 1), "AS-1234-5678-9012"];
        match at {
            3 => {
                let mut wrong = error(Code::QuantityNotANumber, Some(2), "Usage value is not a float value");
                wrong.fix = "Write a plain number such as 12.5.".to_owned();
                world.row(4, &[cells[0], cells[1], "36,5", cells[3], cells[4], cells[5]], vec![wrong]);
            }
            7 => {
                let mut item =
                    error(Code::ItemNotFound, Some(1), "Resource ID not found for filter item.mpn with value VM-H");
                item.fix = "AS-1234-5678-9012 has: VM-HOUR, DISK-GB.".to_owned();
                let mut end = error(Code::EndInvalid, Some(4), "Usage end time is not valid");
                end.fix = "Write it as 2026-10-31 23:59:59.".to_owned();
                world.row(8, &[cells[0], "VM-H", cells[2], cells[3], "08.10.26", cells[5]], vec![item, end]);
            }
            _ => world.valid(&cells),
        }
    }
    std::fs::write(folder.join("processed-vendor.xlsx"), world.bytes(Kind::ProcessedVendor)).unwrap();
    std::fs::write(folder.join("rejects.xlsx"), world.bytes(Kind::Rejects)).unwrap();
    let mut world = World::new(Schema::Pr, &["record_id", "quantity", "amount", "v.region"]);
    for at in 1..=8 {
        world.valid(&[&format!("2026-10-{at:04}"), "36.5", "18.25", "north"]);
    }
    std::fs::write(folder.join("processed-provider.xlsx"), world.bytes(Kind::ProcessedProvider)).unwrap();
    std::fs::write(folder.join("chunk.xlsx"), world.bytes(Kind::Chunk)).unwrap();
}
