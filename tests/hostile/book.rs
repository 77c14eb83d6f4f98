//! The workbook that a case changes: a header and one sound record, whose quantity stands in D2.

use super::make::{Book, pack_repeated};

/// Name, and what a sound record holds; columns A to H.
const COLUMNS: [(&str, &str); 8] = [
    ("record_id", "r1"),
    ("item_search_criteria", "item.mpn"),
    ("item_search_value", "AP-NET-OUT"),
    ("quantity", "1"),
    ("start_time_utc", "2026-10-01 00:00:00"),
    ("end_time_utc", "2026-10-02 00:00:00"),
    ("asset_search_criteria", "asset.id"),
    ("asset_search_value", "AS-8919-8653-9735"),
];
pub(super) const SHEET: &str = "xl/worksheets/sheet1.xml";
pub(super) const STRINGS: &str = "xl/sharedStrings.xml";

/// A cell with text in it.
pub(super) fn text(address: &str, text: &str) -> String {
    format!("<c r=\"{address}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>")
}

fn letter(column: usize) -> char {
    char::from(b'A' + u8::try_from(column).unwrap())
}

/// The header, with cells behind it.
pub(super) fn header(more: &str) -> String {
    let cells: String =
        COLUMNS.iter().enumerate().map(|(at, (name, _))| text(&format!("{}1", letter(at)), name)).collect();
    format!("<row r=\"1\">{cells}{more}</row>")
}

/// A sound record in a row, but for the cells that are given by their column.
pub(super) fn record(row: u32, changed: &[(char, &str)], more: &str) -> String {
    let cell = |(at, (name, value)): (usize, &(&str, &str))| {
        let letter = letter(at);
        match changed.iter().find(|(column, _)| *column == letter) {
            Some((_, xml)) => (*xml).to_owned(),
            None if *name == "quantity" => format!("<c r=\"{letter}{row}\"><v>{value}</v></c>"),
            None if *name == "record_id" => text(&format!("{letter}{row}"), &format!("r{row}")),
            None => text(&format!("{letter}{row}"), value),
        }
    };
    let cells: String = COLUMNS.iter().enumerate().map(cell).collect();
    format!("<row r=\"{row}\">{cells}{more}</row>")
}

/// Header and one record whose quantity is this cell.
pub(super) fn quantity(cell: &str) -> Book {
    cells(&[('D', cell)])
}

/// Header and one record with these cells, by their column.
pub(super) fn cells(changed: &[(char, &str)]) -> Book {
    Book::of_rows(&format!("{}{}", header(""), record(2, changed, "")))
}

/// Header, one sound record, and XML behind it.
pub(super) fn and_then(rows: &str) -> Book {
    Book::of_rows(&format!("{}{}{rows}", header(""), record(2, &[], "")))
}

/// Header, one sound record, and a block of XML many times between two others.
pub(super) fn flood(before: &str, block: &str, times: usize, after: &str) -> Vec<u8> {
    let whole = and_then("@").sheet;
    let whole = String::from_utf8(whole).unwrap();
    let (head, tail) = whole.split_once('@').unwrap();
    pack_repeated(&Book::of_rows(""), SHEET, &format!("{head}{before}"), block, times, &format!("{after}{tail}"))
}

/// The same behind the rows.
pub(super) fn behind(before: &str, block: &str, times: usize, after: &str) -> Vec<u8> {
    let whole = String::from_utf8(and_then("").sheet).unwrap();
    let at = whole.find("<pageMargins").unwrap();
    let (head, tail) = whole.split_at(at);
    pack_repeated(&Book::of_rows(""), SHEET, &format!("{head}{before}"), block, times, &format!("{after}{tail}"))
}

/// The same for the shared strings, one of which the record names.
pub(super) fn strings_flood(before: &str, block: &str, times: usize, after: &str) -> Vec<u8> {
    let book = cells(&[('A', "<c r=\"A2\" t=\"s\"><v>0</v></c>")]);
    pack_repeated(&book, STRINGS, before, block, times, after)
}
