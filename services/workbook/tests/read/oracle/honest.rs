//! Every honest workbook, cell by cell: the same cells, texts, doubles and moments as calamine reads.
//!
//! Where calamine is known to read something else, the rule stands in [`known`] with its reason, and a test counts
//! that each rule was needed: a difference that has gone is no longer expected.

use std::collections::BTreeSet;
use std::path::Path;

use ledger::Moment;
use ledger::catalog::{Capabilities, Schema};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook as Writer};
use workbook::columns::RECORDS;
use workbook::write::{CellOut, ItemRow, Kind, Layout, RecordsWorkbook, Template, template};

use super::theirs::{ours, tabs, theirs};
use crate::make::By;

/// A name and the file.
type Made = (String, Vec<u8>);

/// Why calamine may give something else for a cell, and what is known of both sides then.
fn known(ours: Option<&str>, theirs: Option<&str>) -> Option<&'static str> {
    match (ours, theirs) {
        // A formula that no program has calculated: openpyxl writes none, rust_xlsxwriter a 0.
        (Some(ours), None | Some("n0")) if ours.starts_with('f') => Some("formulas without a value are no number"),
        // 0.52 and 1.5 are in the first days of Excel's calendar, which it counts wrong: no moment that can be billed.
        (Some(ours), Some(theirs)) if ours.starts_with("!BadDate(TimeOnly)") && theirs.starts_with('d') => {
            Some("times without a day are no moment")
        }
        _ => None,
    }
}

/// Compares a workbook by both of our row readers; gives the cells and the rules that were needed.
fn check((name, bytes): &Made) -> (usize, BTreeSet<&'static str>) {
    let (mut count, mut used) = (0, BTreeSet::new());
    for tab in tabs(bytes) {
        let theirs = theirs(bytes, &tab).unwrap();
        for by in [By::Scanner, By::Xml] {
            let ours = ours(bytes, &tab, by);
            count += ours.len();
            for place in ours.keys().chain(theirs.keys()) {
                let (our, their) = (ours.get(place).map(String::as_str), theirs.get(place).map(String::as_str));
                // A text without characters is a blank cell to one of the two.
                if our == their || our.or(their) == Some("t") {
                    continue;
                }
                let reason = known(our, their);
                assert!(reason.is_some(), "{name}, {tab} {place:?}: {our:?} here, {their:?} in calamine ({by:?})");
                used.extend(reason);
            }
        }
    }
    (count, used)
}

#[test]
fn every_honest_workbook_is_read_as_calamine_reads_it() {
    let all: Vec<Made> = fixtures().into_iter().chain(produced()).chain(templates()).chain(written()).collect();
    let mut used = BTreeSet::new();
    for made in &all {
        let (count, needed) = check(made);
        assert!(count > 20, "{}: {count} cells are no test", made.0);
        used.extend(needed);
    }
    let expected = BTreeSet::from(["formulas without a value are no number", "times without a day are no moment"]);
    assert_eq!(used, expected, "the known differences");
}

/// The committed files of real producers.
fn fixtures() -> Vec<Made> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut made: Vec<Made> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xlsx"))
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    made.sort();
    assert!(made.len() >= 2, "{} fixtures", made.len());
    made
}

/// Ordinary cells of every kind by rust_xlsxwriter, in both of its modes.
fn produced() -> Vec<Made> {
    [false, true].map(|low_memory| (format!("rust_xlsxwriter, low memory {low_memory}"), ordinary(low_memory))).into()
}

fn double(text: &str) -> f64 {
    text.parse().unwrap()
}

fn ordinary(low_memory: bool) -> Vec<u8> {
    const TEXTS: [&str; 12] = [
        "record",
        " blanks around ",
        "a\nb",
        "tab\there",
        "<&>\"'",
        "_x0041_",
        "übergroß \u{1f600}",
        "שלום",
        "=1+1",
        "007",
        "1e5",
        "2026-10-01",
    ];
    let mut book = Writer::new();
    let sheet = if low_memory { book.add_worksheet_with_low_memory().unwrap() } else { book.add_worksheet() };
    sheet.set_name("records").unwrap();
    let formats = ["yyyy-mm-dd hh:mm:ss", "dd/mm/yy", "[$-409]mmmm d, yyyy h:mm AM/PM", "yyyy\\-mm\\-dd"];
    let formats = formats.map(|code| Format::new().set_num_format(code));
    let money = Format::new().set_num_format("#,##0.00 [$EUR]");
    let (bold, red) = (Format::new().set_bold(), Format::new().set_font_color("#FF0000"));
    for row in 0..2_000_u32 {
        let at = row as usize;
        sheet.write(row, 0, TEXTS[at % TEXTS.len()]).unwrap();
        sheet.write(row, 1, double(&format!("-{row}.{}", u64::from(row) * 142_857_142_857))).unwrap();
        sheet.write_with_format(row, 2, double(&format!("{}e-2", row * row)), &money).unwrap();
        let (day, hour) = (u8::try_from(row % 28 + 1).unwrap(), u16::try_from(row % 24).unwrap());
        let second = u16::try_from(row % 60).unwrap();
        let moment = ExcelDateTime::from_ymd(1901 + hour * 9, day % 12 + 1, day).unwrap();
        let moment = moment.and_hms(hour, u8::try_from(second).unwrap(), 59 - second).unwrap();
        sheet.write_with_format(row, 3, &moment, &formats[at % formats.len()]).unwrap();
        sheet.write(row, 4, row % 3 == 0).unwrap();
        sheet.write(row, 5, Formula::new(format!("=B{0}*2", row + 1)).set_result(format!("{}.5", row))).unwrap();
        sheet.write(row, 6, Formula::new("=\"a\"&\"b\"").set_result("a&b")).unwrap();
        sheet.write(row, 7, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
        sheet.write_blank(row, 8, &bold).unwrap();
        sheet.write_rich_string(row, 9, &[(&bold, "bold "), (&red, "& red"), (&bold, " end ")]).unwrap();
        sheet.write(row, 10 + u16::try_from(row % 40).unwrap(), double(&format!("{row}e12"))).unwrap();
    }
    sheet.merge_range(2_001, 0, 2_001, 3, "merged", &bold).unwrap();
    book.save_to_buffer().unwrap()
}

/// Our own templates, for each schema.
fn templates() -> Vec<Made> {
    let items = [
        ItemRow { mpn: "CPU", global_id: "PRD-1-0001", name: "CPU & more", unit: "unit*h", ..ItemRow::default() },
        ItemRow { mpn: "DISK", global_id: "PRD-1-0002", name: "Größe", unit: "GB", places: 4, ..ItemRow::default() },
    ];
    let made = Schema::ALL.into_iter().map(|schema| {
        let capabilities = Capabilities {
            pay_as_you_go: Some(schema),
            dynamic: true,
            required_custom_fields: vec!["v.cost_center".to_owned()],
            ..Capabilities::default()
        };
        let of = Template {
            product_id: "PRD-1",
            product_name: "A product <&>",
            schema,
            capabilities: &capabilities,
            items: &items,
            parameters: &["tenant_id"],
            created: Moment::parse_iso("2026-10-01").unwrap(),
        };
        (format!("template for {schema:?}"), template(&of).unwrap())
    });
    made.collect()
}

/// Our own processed files, chunks and reconciliations.
fn written() -> Vec<Made> {
    let folder = tempfile::tempdir().unwrap();
    let kinds = [Kind::ProcessedVendor, Kind::ProcessedProvider, Kind::Chunk, Kind::Reconciliation];
    kinds
        .into_iter()
        .map(|kind| {
            let headers: Vec<String> = RECORDS.iter().map(|column| column.name.to_owned()).collect();
            let layout = Layout {
                kind,
                title: "UF-1".to_owned(),
                general: vec![("report_id".to_owned(), "UF-1".to_owned())],
                categories: Vec::new(),
                headers,
                created: Moment::parse_iso("2026-10-01").unwrap(),
            };
            let path = folder.path().join(format!("{kind:?}.xlsx"));
            let mut book = RecordsWorkbook::create(&path, folder.path(), &layout).unwrap();
            for row in 0..300 {
                let texts: Vec<String> = (0..RECORDS.len()).map(|column| own_text(row, column)).collect();
                let cells: Vec<CellOut<'_>> = texts.iter().map(|text| CellOut::plain(text)).collect();
                book.row(&cells).unwrap();
            }
            book.finish().unwrap();
            (format!("{kind:?}"), std::fs::read(&path).unwrap())
        })
        .collect()
}

fn own_text(row: usize, column: usize) -> String {
    match column % 6 {
        0 => format!("record {row}"),
        1 => " <&> \u{1f600}\n _x0041_ ".to_owned(),
        2 => format!("-{row}.{column:02}"),
        3 => "12345678901234567890.12345678".to_owned(),
        4 => "2026-10-01 00:00:00".to_owned(),
        _ => String::new(),
    }
}
