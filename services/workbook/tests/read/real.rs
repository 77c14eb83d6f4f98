//! Files of real producers.

use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook as Writer};

use crate::make::{By, both, rows};

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(path).unwrap()
}

/// BLESS=1 rewrites what is expected; read the difference before it is committed.
fn check(name: &str) {
    let lines = both(&fixture(&format!("{name}.xlsx"))).unwrap().join("\n") + "\n";
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.txt"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(expected, lines).unwrap();
    } else {
        assert_eq!(lines, std::fs::read_to_string(expected).unwrap());
    }
}

#[test]
fn openpyxl_is_read() {
    check("openpyxl");
}

#[test]
fn the_old_sdk_is_read() {
    check("connect_sdk");
}

#[test]
fn xlsxwriter_is_read() {
    check("xlsxwriter");
}

#[test]
fn libreoffice_is_read() {
    check("libreoffice");
}

#[test]
fn rust_xlsxwriter_is_read_in_both_of_its_modes() {
    for constant in [false, true] {
        let mut book = Writer::new();
        let sheet = if constant { book.add_worksheet_with_constant_memory().unwrap() } else { book.add_worksheet() };
        let date = Format::new().set_num_format("yyyy\\-mm\\-dd hh:mm:ss");
        for row in 0..5_000_u32 {
            sheet.write(row, 0, format!("record {row} <&> _x0041_")).unwrap();
            sheet.write(row, 1, 92.65).unwrap();
            let moment = ExcelDateTime::from_ymd(2021, 7, 1).unwrap().and_hms(23, 59, 59).unwrap();
            sheet.write_with_format(row, 2, &moment, &date).unwrap();
            sheet.write(row, 3, row % 2 == 0).unwrap();
            sheet.write(row, 4, Formula::new("=B1*2")).unwrap();
        }
        let zip = book.save_to_buffer().unwrap();
        let lines = both(&zip).unwrap();
        assert_eq!(lines.len(), 5_000);
        assert_eq!(
            lines[6],
            "7 | A7 Text \"record 6 <&> _x0041_\" | B7 Number \"92.65\" | C7 Date \"2021-07-01 23:59:59\" \
             | D7 Bool \"TRUE\" | E7 FormulaWithoutValue \"0\""
        );
    }
}

#[test]
fn a_file_is_read_like_its_bytes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/openpyxl.xlsx");
    let limits = workbook::read::Limits::default();
    let mut workbook = workbook::read::Workbook::open(File::open(path).unwrap(), limits.clone()).unwrap();
    let mut row = workbook::read::Row::new();
    let mut stream = workbook.rows(0).unwrap();
    let mut count = 0;
    while stream.next_row(&mut row).unwrap() {
        count += 1;
    }
    let bytes = fixture("openpyxl.xlsx");
    assert_eq!(count, rows(&bytes, By::Scanner).unwrap().len());
    assert!(workbook::read::Workbook::open(Cursor::new(&bytes), limits).is_ok());
}
