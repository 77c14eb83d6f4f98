//! Packages that are broken, ambiguous or no workbooks: each ends in its own sentence.

use std::io::Cursor;

use workbook::read::{Limits, ReadError, Workbook};

use crate::make::{Book, both, check_sentence, name_of, pack, relations_xml, sheet_xml, workbook_xml};

fn open(bytes: &[u8]) -> Result<Workbook<Cursor<&[u8]>>, ReadError> {
    Workbook::open(Cursor::new(bytes), Limits::default())
}

fn refuse(bytes: &[u8], expected: &str) {
    let error = open(bytes).err().unwrap_or_else(|| panic!("opened, expected {expected}"));
    assert_eq!(name_of(&error), expected, "{error:?}");
    check_sentence(&error);
}

fn ordinary() -> Book {
    Book::of_cells("<c r=\"A1\"><v>1</v></c>")
}

#[test]
fn what_is_no_workbook_is_named() {
    refuse(b"", "Empty");
    refuse(b"record_id,quantity\nr1,2\n", "Text");
    refuse(b"\xEF\xBB\xBFrecord_id;quantity\r\n", "Text");
    refuse(b"\xFF\xFEr\0e\0c\0", "Text");
    refuse(b"<!DOCTYPE html><html><body>Sign in</body></html>", "Html");
    refuse(b"\n <?xml version=\"1.0\"?><Workbook/>", "Html");
    refuse(b"%PDF-1.7\x01\x02\x00", "NotAWorkbook");
    refuse(b"PK\x03\x04 and nothing else", "Truncated");
    refuse(&pack(&[("a.txt".to_owned(), b"x".to_vec())]), "NoWorkbook");
    refuse(&pack(&[("content.xml".to_owned(), b"<x/>".to_vec())]), "OpenDocument");
    refuse(&pack(&[("xl/workbook.bin".to_owned(), b"x".to_vec())]), "Xlsb");
    let zip = ordinary().zip();
    for length in [zip.len() / 2, zip.len() - 1, 100, 30] {
        refuse(&zip[..length], "Truncated");
    }
}

#[test]
fn ole_containers_are_told_apart() {
    let mut ole = vec![0_u8; 2_048];
    ole[..8].copy_from_slice(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
    ole[30] = 9;
    ole[48] = 1;
    refuse(&ole, "LegacyXls");
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    ole[1_024..1_024 + name.len()].copy_from_slice(&name);
    refuse(&ole, "Encrypted");
    ole[48..52].fill(0xFF);
    refuse(&ole, "LegacyXls");
    refuse(&ole[..20], "LegacyXls");
}

#[test]
fn entries_of_one_name_are_refused() {
    let mut book = ordinary();
    book.more.push(("XL/Worksheets/Sheet1.xml".to_owned(), sheet_xml("").into_bytes()));
    refuse(&book.zip(), "DuplicateEntry");
    book.more = vec![("xl\\workbook.xml".to_owned(), Vec::new())];
    refuse(&book.zip(), "DuplicateEntry");
    // The same name twice, byte for byte, which the zip writer refuses to make.
    book.more = vec![("xl/worksheets/sheet2.xml".to_owned(), sheet_xml("<row/>").into_bytes())];
    let zip = book.zip();
    let twice = replace(&zip, b"xl/worksheets/sheet2.xml", b"xl/worksheets/sheet1.xml");
    refuse(&twice, "DuplicateEntry");
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let places: Vec<usize> = (0..=bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for at in places {
        out[at..at + to.len()].copy_from_slice(to);
    }
    out
}

#[test]
fn encryption_and_odd_compression_are_refused() {
    let zip = ordinary().zip();
    let directory = zip.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let mut encrypted = zip.clone();
    encrypted[directory + 8] |= 1;
    refuse(&encrypted, "EncryptedEntry");
    let mut odd = zip;
    odd[directory + 10] = 14;
    refuse(&odd, "Compression");
}

#[test]
fn damage_is_found_before_the_end_is_reported() {
    let rows: String = (1..2_000).map(|row| format!("<row r=\"{row}\"><c><v>{}</v></c></row>", row * 7_919)).collect();
    let book = Book::of_rows(&rows);
    let zip = book.zip();
    assert_eq!(both(&zip).unwrap().len(), 1_999);
    let name = b"xl/worksheets/sheet1.xml";
    let start = zip.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    for offset in [10, 500, 2_000, 4_000] {
        let mut flipped = zip.clone();
        flipped[start + offset] ^= 0x10;
        assert!(both(&flipped).is_err(), "bit flip at {offset}");
    }
    // A wrong checksum in the directory and nothing else.
    let entry = zip.windows(name.len()).rposition(|window| window == name).unwrap() - 46;
    let mut checksum = zip.clone();
    checksum[entry + 16] ^= 1;
    assert_eq!(both(&checksum), Err("Damaged".to_owned()));
    let mut size = zip;
    size[entry + 24] ^= 1;
    let result = both(&size);
    assert!(result == Err("Damaged".to_owned()) || result.map(|lines| lines.len()) == Ok(1_999));
}

#[test]
fn parts_that_end_early_are_refused() {
    let whole = sheet_xml("<row><c><v>1</v></c></row>");
    for end in ["</worksheet>", "</sheetData>", "</row>", "</c>", "</v>", "1</v>", "<row>", "<sheetData>", "<dimension"]
    {
        let cut = &whole[..whole.find(end).unwrap()];
        let error = both(&Book::of_sheet(cut).zip()).unwrap_err();
        assert!(["Unfinished", "Xml"].contains(&error.as_str()), "{end}: {error}");
    }
    for (sheet, expected) in [
        ("", "Unfinished"),
        ("<html><sheetData/></html>", "Unexpected"),
        ("<worksheet><a><sheetData/></a></worksheet>", "Unexpected"),
        ("<worksheet></worksheet>", "Unfinished"),
        ("<!DOCTYPE worksheet [<!ENTITY a \"b\">]><worksheet><sheetData/></worksheet>", "Dtd"),
        ("<worksheet><sheetData><row><!DOCTYPE a><c/></row></sheetData></worksheet>", "Dtd"),
    ] {
        assert_eq!(both(&Book::of_sheet(sheet).zip()), Err(expected.to_owned()), "{sheet}");
    }
    assert_eq!(both(&Book::of_sheet("<worksheet><sheetData/></worksheet>").zip()), Ok(Vec::new()));
}

#[test]
fn parts_may_be_missing_or_elsewhere() {
    let mut parts = ordinary().parts();
    parts.retain(|(name, _)| name != "_rels/.rels");
    assert!(both(&pack(&parts)).is_ok(), "the root relationships are a convenience");
    let upper: Vec<_> = parts.iter().map(|(name, content)| (name.to_uppercase(), content.clone())).collect();
    assert!(both(&pack(&upper)).is_ok(), "names differ in case");
    let without = |part: &str| {
        let kept: Vec<_> = parts.iter().filter(|(name, _)| name != part).cloned().collect();
        pack(&kept)
    };
    refuse(&without("xl/workbook.xml"), "NoWorkbook");
    assert_eq!(both(&without("xl/worksheets/sheet1.xml")), Err("MissingPart".to_owned()));
    assert_eq!(both(&without("xl/_rels/workbook.xml.rels")), Err("MissingPart".to_owned()));
    let junk = [b"junk before the zip ".to_vec(), ordinary().zip()].concat();
    assert!(both(&junk).is_ok(), "junk before the package");
    let mut chart = ordinary();
    chart.relations = chart.relations.replace("/worksheet\"", "/chartsheet\"");
    assert_eq!(both(&chart.zip()), Err("NotAWorksheet".to_owned()));
}

#[test]
fn sheets_are_found_by_name_or_refused_as_ambiguous() {
    let named = |names: &[&str]| {
        let mut book = ordinary();
        book.workbook = workbook_xml("", names);
        book.relations = relations_xml(names.len());
        let zip = book.zip();
        let workbook = open(&zip).unwrap();
        workbook.sheet_named(&["records", "usage_records"]).map_err(|error| name_of(&error))
    };
    assert_eq!(named(&["categories", " Records "]), Ok(Some(1)));
    assert_eq!(named(&["USAGE_RECORDS"]), Ok(Some(0)));
    assert_eq!(named(&["Worksheet"]), Ok(None));
    assert_eq!(named(&["records", "Records"]), Err("AmbiguousSheet".to_owned()));
    assert_eq!(named(&["records", "usage_records"]), Err("AmbiguousSheet".to_owned()));
}

#[test]
fn a_workbook_can_be_read_again_and_dropped_midway() {
    let zip = Book::of_rows("<row><c t=\"s\"><v>0</v></c></row><row/>").strings("<si><t>x</t></si>").zip();
    let mut workbook = open(&zip).unwrap();
    let mut row = workbook::read::Row::new();
    assert!(workbook.rows(0).unwrap().next_row(&mut row).unwrap());
    let mut rows = workbook.rows(0).unwrap();
    assert!(rows.next_row(&mut row).unwrap());
    assert_eq!(row.get(0).map(|cell| cell.text), Some("x"));
    assert!(rows.next_row(&mut row).unwrap());
    assert!(!rows.next_row(&mut row).unwrap());
    assert!(!rows.next_row(&mut row).unwrap(), "the end stays the end");
}
