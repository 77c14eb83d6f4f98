//! Headers and records.

use std::io::Cursor;

use workbook::read::table::Table;
use workbook::read::{CellFault, Limits, ReadError, Workbook};

use crate::make::{Book, check_sentence};

const KNOWN: [&str; 3] = ["record_id", "quantity", "item_search_value"];

fn text(address: &str, text: &str) -> String {
    format!("<c r=\"{address}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// The columns, then a line per record.
fn read(rows: &str) -> Result<Vec<String>, ReadError> {
    let zip = Book::of_rows(rows).zip();
    let mut workbook = Workbook::open(Cursor::new(zip), Limits::default())?;
    let mut table = Table::open(workbook.rows(0)?, &KNOWN)?;
    let columns: Vec<String> =
        table.columns().iter().map(|column| format!("{}={}", column.index, column.name)).collect();
    let mut lines = vec![format!("{}: {}", table.header_row(), columns.join(" "))];
    let count = columns.len();
    while let Some(record) = table.next_record()? {
        let cells: Vec<&str> = (0..count).map(|column| record.cell(column).map_or("-", |cell| cell.text)).collect();
        let fault = record.fault().map_or(String::new(), |fault| format!(" !{fault:?}"));
        lines.push(format!("{}: {}{fault}", record.number(), cells.join(" ")));
    }
    Ok(lines)
}

fn refuse(rows: &str, sentence: &str) {
    let error = read(rows).unwrap_err();
    assert_eq!(error.to_string(), sentence);
    check_sentence(&error);
}

#[test]
fn the_first_row_that_is_not_blank_names_the_columns() {
    let rows = format!(
        "<row/><row r=\"2\">{}</row><row r=\"3\">{}{}{}{}</row><row r=\"4\">{}{}</row><row r=\"5\">{}</row><row r=\"6\">{}</row>\
         <row r=\"900000\"><c r=\"B900000\" s=\"1\"/></row>",
        text("A2", "  "),
        text("B3", " Record ID "),
        text("C3", "Item-search value"),
        text("D3", " v.Cost Center "),
        text("F3", "Quantity"),
        text("B4", "r1"),
        text("F4", "2"),
        text("E5", "under no header"),
        text("F6", "3"),
    );
    assert_eq!(
        read(&rows).unwrap(),
        ["3: 1=record_id 2=item_search_value 3=v.Cost Center 5=quantity", "4: r1 - - 2", "6: - - - 3"]
    );
}

#[test]
fn columns_twice_are_refused_when_they_matter() {
    let header = |names: [&str; 3]| {
        let [a, b, c] = names;
        format!("<row r=\"1\">{}{}{}</row>", text("A1", a), text("B1", b), text("AA1", c))
    };
    let sentence =
        |name: &str| format!("the column '{name}' stands twice in the header, in A1 and AA1; keep one of them");
    refuse(&header(["quantity", "x", " QUANTITY "]), &sentence("quantity"));
    refuse(&header(["v.a", "x", "V.a"]), &sentence("V.a"));
    assert_eq!(read(&header(["v.a", "note", "v.A"])).unwrap(), ["1: 0=v.a 1=note 26=v.A"]);
    assert_eq!(read(&header(["note", "x", "note"])).unwrap(), ["1: 0=note 1=x 26=note"]);
}

#[test]
fn headers_that_can_not_be_used_are_refused() {
    refuse("", "the sheet 'records' is empty; put the column names into its first row");
    refuse(
        "<row r=\"2\"><c r=\"B2\" t=\"s\"><v>7</v></c></row>",
        "the header cell B2 can't be read; type the column's name as plain text",
    );
    let many: String = (0..129).map(|at| format!("<c><v>{at}</v></c>")).collect();
    refuse(
        &format!("<row>{many}</row>"),
        "the sheet 'records' has more than 128 columns; remove those that are not needed",
    );
    let enough: String = (0..128).map(|at| format!("<c><v>{at}</v></c>")).collect();
    let row = format!("<row>{enough}</row><row>{enough}</row>");
    assert_eq!(read(&row).unwrap().len(), 2);
}

#[test]
fn a_fault_outside_the_columns_is_the_records_fault() {
    let rows = format!("<row>{}</row><row><c r=\"ZZZZ2\"><v>1</v></c></row>", text("A1", "quantity"));
    let fault = (0_u16, CellFault::BadReference);
    assert_eq!(read(&rows).unwrap(), ["1: 0=quantity".to_owned(), format!("2: 1 !{fault:?}")]);
}
