//! Honest workbooks take the fast scanner: the share of each producer's rows, and the same rows with either reader
//! turned off.

use std::io::Cursor;
use std::path::Path;

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook as Writer};
use workbook::read::{Limits, ReadError, Row, Taken, Workbook};

use crate::make::{Book, By, MAIN, both, rows, sheet_xml};

/// Of a hundred honest workbooks, so many must be read by the scanner alone, but for their texts with markup.
const SHARE_MIN: usize = 90;

/// Rows of every sheet by the reader that took them.
fn taken(zip: &[u8]) -> Taken {
    let mut workbook = Workbook::open(Cursor::new(zip), Limits::default()).unwrap();
    let mut sum = Taken::default();
    for sheet in 0..workbook.sheets().len() {
        let (mut rows, mut row) = (workbook.rows(sheet).unwrap(), Row::new());
        while rows.next_row(&mut row).unwrap() {}
        sum.scanner += rows.taken().scanner;
        sum.xml += rows.taken().xml;
    }
    sum
}

/// What each producer's XML looks like, with the row that it repeats.
fn honest() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "xlsx")) {
        all.push((file.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read(&file).unwrap()));
    }
    for (mode, name) in ["standard", "constant memory", "low memory"].into_iter().enumerate() {
        all.push((format!("rust_xlsxwriter, {name}"), written(mode)));
    }
    for (name, row, sheet) in shapes() {
        let rows: String = (1..=200).map(|at: u32| row.replace('#', &at.to_string())).collect();
        let strings = "<si><t>a</t></si><si><r><t>b</t></r><r><rPr><b/></rPr><t xml:space=\"preserve\"> c</t></r></si>";
        let book = Book::of_sheet(sheet.replace('@', &rows)).strings(strings).formats(&["0", "14"]);
        all.push((name.to_owned(), book.zip()));
    }
    all
}

fn written(mode: usize) -> Vec<u8> {
    let mut book = Writer::new();
    let sheet = match mode {
        0 => book.add_worksheet(),
        1 => book.add_worksheet_with_constant_memory().unwrap(),
        _ => book.add_worksheet_with_low_memory().unwrap(),
    };
    let date = Format::new().set_num_format("yyyy\\-mm\\-dd hh:mm:ss");
    for row in 0..500 {
        sheet.write(row, 0, format!("record {row} <&> _x0041_\n ü")).unwrap();
        sheet.write(row, 1, 92.65).unwrap();
        sheet.write_with_format(row, 2, ExcelDateTime::from_ymd(2021, 7, 1).unwrap(), &date).unwrap();
        sheet.write_formula(row, 3, "=B1*2").unwrap();
    }
    book.save_to_buffer().unwrap()
}

/// A row and the sheet around it, as programs write them that can't be run here.
fn shapes() -> [(&'static str, &'static str, String); 6] {
    let plain = sheet_xml("@");
    let excel = plain.replacen(
        &format!("xmlns=\"{MAIN}\""),
        &format!("xmlns=\"{MAIN}\" xmlns:mc=\"urn:mc\" mc:Ignorable=\"x14ac\" xmlns:x14ac=\"urn:x14ac\""),
        1,
    );
    let prefixed = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><x:worksheet xmlns:x=\"{MAIN}\"><x:sheetData>@</x:sheetData>\
         </x:worksheet>"
    );
    [
        (
            "Excel",
            "<row r=\"#\" spans=\"1:5\" ht=\"15.75\" thickBot=\"1\" x14ac:dyDescent=\"0.25\">\
             <c r=\"A#\" s=\"1\" t=\"s\"><v>1</v></c>\
             <c r=\"B#\"><v>92.65</v></c><c r=\"C#\" s=\"1\"><v>44378.5</v></c><c r=\"D#\" t=\"str\">\
              <f t=\"shared\" si=\"0\"/><v>x</v></c>\
             <c r=\"E#\" t=\"b\"><v>1</v></c></row>",
            excel,
        ),
        (
            "PhpSpreadsheet",
            "<row r=\"#\" spans=\"1:3\"><c r=\"A#\" s=\"0\" t=\"s\"><v>0</v></c><c r=\"B#\" s=\"0\" t=\"n\">\
             <v>7</v></c><c r=\"C#\" s=\"0\"/></row>",
            plain.clone(),
        ),
        (
            "Apache POI, streaming",
            "\n<row r=\"#\">\n<c r=\"A#\" t=\"inlineStr\"><is><t xml:space=\"preserve\"> a &amp; b </t></is>\
             </c><c r=\"B#\" t=\"n\"><v>1.5</v></c></row>",
            plain.clone(),
        ),
        (
            "Google Sheets",
            "<row r=\"#\" ht=\"15.75\" customHeight=\"1\"><c r=\"A#\" s=\"1\" t=\"s\"><v>0</v></c>\
             <c r=\"B#\" s=\"0\"><f>1+1</f><v>2.0</v></c></row>",
            plain.clone(),
        ),
        (
            "excelize",
            "<row r=\"#\"><c r=\"A#\" t=\"inlineStr\"><is><t>a</t></is></c><c r=\"B#\"><v>2</v></c></row>",
            plain,
        ),
        (
            "Open XML SDK, prefixed",
            "<x:row r=\"#\"><x:c r=\"A#\" t=\"s\"><x:v>0</x:v></x:c><x:c r=\"B#\"><x:v>2</x:v></x:c></x:row>",
            prefixed,
        ),
    ]
}

#[test]
fn honest_workbooks_take_the_scanner() {
    let all = honest();
    let mut fast = 0;
    for (name, zip) in &all {
        let Taken { scanner, xml } = taken(zip);
        let share = scanner * 100 / (scanner + xml);
        println!("{name}: {scanner} of {} rows, {share} %", scanner + xml);
        fast += usize::from(share >= 90);
    }
    println!("{fast} of {} workbooks", all.len());
    assert!(fast * 100 >= all.len() * SHARE_MIN, "{fast} of {}", all.len());
}

#[test]
fn honest_workbooks_give_the_same_with_either_reader_turned_off() {
    for (name, zip) in honest() {
        let lines = both(&zip).unwrap();
        match rows(&zip, By::ScannerOnly) {
            Ok(scanned) => assert_eq!(scanned, lines, "{name}"),
            Err(error) => assert!(matches!(error, ReadError::Uncommon { .. }), "{name}: {error:?}"),
        }
    }
}
