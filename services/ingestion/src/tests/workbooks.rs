//! What is read of a workbook: which tab, which columns, which cells; and what a workbook is refused for.

use std::io::Cursor;

use ledger::fact::Category;
use ledger::record::{CellKind, ReadBatch};

use super::book::Book;
use crate::{Reading, Stopped, read_workbook};

/// What was read: the reading, and a line for each record with its row and its filled cells.
type Read = (Reading, Vec<String>);

fn read(book: &Book) -> Result<Read, String> {
    let mut batches: Vec<ReadBatch> = Vec::new();
    let taken = read_workbook(Cursor::new(book.bytes()), None, &mut |batch| {
        batches.push(batch);
        Ok(())
    });
    match taken {
        Ok(reading) => {
            let lines = batches.iter().flat_map(|batch| lines(&reading, batch)).collect();
            Ok((reading, lines))
        }
        Err(Stopped::Unreadable(detail)) => Err(detail),
        Err(Stopped::Stale) => Err("stale".to_owned()),
    }
}

fn lines(reading: &Reading, batch: &ReadBatch) -> Vec<String> {
    assert_eq!(batch.columns.len(), reading.columns.len());
    let line = |(index, row): (usize, &u32)| {
        let mut line = row.to_string();
        for (column, named) in reading.columns.iter().enumerate() {
            let cell = batch.cell(index, column);
            if cell.kind != CellKind::Text || !cell.text.is_empty() {
                let kind = if cell.kind == CellKind::Text { String::new() } else { format!("{:?}:", cell.kind) };
                line.push_str(&format!(" {}={kind}{}", named.name, cell.text));
            }
        }
        line
    };
    batch.rows.iter().enumerate().map(line).collect()
}

fn columns(reading: &Reading) -> Vec<String> {
    reading.columns.iter().map(|it| format!("{}<{}@{}", it.name, it.header, it.sheet_column)).collect()
}

#[track_caller]
fn check_records(book: &Book, expected: &[&str]) -> Reading {
    let (reading, lines) = read(book).unwrap();
    assert_eq!(lines, expected);
    assert_eq!(reading.records as usize, expected.len());
    reading
}

#[track_caller]
fn check_refused(book: &Book, expected: &str) {
    assert_eq!(read(book).map(|(reading, _)| reading).unwrap_err(), expected);
}

#[test]
fn columns_stand_in_any_order_and_unknown_ones_are_named_and_left_out() {
    let book = Book::of(
        "records",
        &[
            &["Quantity", "colour", " Record-ID ", "", "v.Cost Center", "Item Search Value"],
            &["#12.50", "red", "r-1", "lost", "a b", "VM"],
            &["", "", "r-2", "", "", ""],
        ],
    );
    let reading = check_records(
        &book,
        &["2 quantity=Number:12.50 record_id=r-1 v.Cost Center=a b item_search_value=VM", "3 record_id=r-2"],
    );
    assert_eq!(
        columns(&reading),
        [
            "quantity<Quantity@0",
            "record_id< Record-ID @2",
            "v.Cost Center<v.Cost Center@4",
            "item_search_value<Item Search Value@5"
        ]
    );
    assert_eq!(reading.ignored, ["colour"]);
}

#[test]
fn at_most_32_ignored_headers_are_named_and_each_in_200_characters() {
    let mut headers: Vec<String> = (0..40).map(|at| format!("{at:02}{}", "x".repeat(300))).collect();
    headers.push("record_id".to_owned());
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let mut row = vec![""; 41];
    row[40] = "r-1";
    let reading = check_records(&Book::of("records", &[&headers, &row]), &["2 record_id=r-1"]);
    assert_eq!(reading.ignored.len(), 32);
    assert!(reading.ignored.iter().zip(&headers).all(|(named, header)| *named == header[..200]));
    assert_eq!(columns(&reading), ["record_id<record_id@40"]);
}

#[test]
fn the_records_tab_may_be_called_as_the_sdks_call_it() {
    let rows: &[&[&str]] = &[&["record_id"], &["r-1"]];
    for name in ["records", "usage_records", "Records", " USAGE_RECORDS "] {
        check_records(&Book::of("other", &[&["x"]]).tab(name, rows), &["2 record_id=r-1"]);
    }
    let both = Book::of("records", rows).tab("usage_records", rows);
    check_refused(
        &both,
        "the workbook has two sheets for the same data, 'records' and 'usage_records'; keep one of them",
    );
}

#[test]
fn custom_columns_are_kept_byte_for_byte() {
    let odd = "  <a> & \"b\" \u{a0}ü\t\n ";
    let book = Book::of("records", &[&["record_id", "v.Note", "v.note", "V.X"], &[" r-1 ", odd, "#007", "="]]);
    let reading = check_records(&book, &[&format!("2 record_id= r-1  v.Note={odd} v.note=Number:007 V.X=Formula:")]);
    assert_eq!(columns(&reading)[1..], ["v.Note<v.Note@1", "v.note<v.note@2", "V.X<V.X@3"]);
    assert!(reading.ignored.is_empty());
}

#[test]
fn cells_keep_their_kind_and_raw_text() {
    let book = Book::of(
        "records",
        &[
            &["record_id", "quantity", "amount", "record_note"],
            &["r-1", "#92.65000000000001", "!", "="],
            // Neither a row of blanks nor one under ignored headers only is a record.
            &["", "", "", ""],
            &["  ", "", "", "", "under no header"],
            &["", "#1E+2", "", ""],
        ],
    );
    check_records(
        &book,
        &[
            "2 record_id=r-1 quantity=Number:92.65000000000001 amount=Error:#REF! record_note=Formula:",
            "5 quantity=Number:1E+2",
        ],
    );
}

#[test]
fn a_row_whose_cells_may_have_moved_says_so_in_its_identity() {
    let text = |at: &str, text: &str| format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let header = [text("A1", "quantity"), text("B1", "record_id")].concat();
    let rows = |second: &str| format!("<row r=\"1\">{header}</row><row r=\"2\">{second}</row>");
    let twice = [text("A2", "1"), text("B2", "r-1"), text("B2", "r-9")].concat();
    let (reading, lines) = read(&Book::default().tab_xml("records", rows(&twice))).unwrap();
    assert_eq!((reading.records, lines.len()), (1, 1));
    assert_eq!(lines, ["2 quantity=1 record_id=Error:damaged row at B2: a cell stands twice"]);
}

#[test]
fn categories_are_read_by_name() {
    let records: &[&[&str]] = &[&["record_id"], &["r-1"]];
    let category = |id: &str, name: &str, description: &str| Category {
        id: id.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
    };
    let check = |rows: &[&[&str]], expected: &[Category]| {
        let book = Book::of("records", records).tab("Categories", rows);
        assert_eq!(check_records(&book, &["2 record_id=r-1"]).categories, expected, "{rows:?}");
    };
    check(&[], &[]);
    check(&[&["category_id", "category_name", "category_description"]], &[]);
    check(
        &[
            &["Category Name", "extra", "category_id", "category_description"],
            &[" Web ", "x", " web ", "all of\nit"],
            &["no id", "", "", ""],
            &["", "", "#7", ""],
        ],
        &[category("web", "Web", "all of\nit"), category("7", "", "")],
    );
    check(&[&["category_id"], &["db"]], &[category("db", "", "")]);
    check(&[&["category_name"], &["Web"]], &[]);
}

#[test]
fn too_many_categories_are_refused() {
    let detail = "The file has too many categories: 4,096 with 48 KiB of text fit. Use fewer or shorter ones.";
    let book = |count: usize, length: usize| {
        let ids: Vec<String> = (0..count).map(|at| format!("{at:0length$}")).collect();
        let cells: Vec<[&str; 1]> = ids.iter().map(|id| [id.as_str()]).collect();
        let rows: Vec<&[&str]> =
            std::iter::once(&["category_id"] as &[&str]).chain(cells.iter().map(|row| row.as_slice())).collect();
        Book::of("records", &[&["record_id"], &["r-1"]]).tab("categories", &rows)
    };
    assert_eq!(read(&book(4_096, 4)).unwrap().0.categories.len(), 4_096);
    check_refused(&book(4_097, 4), detail);
    assert_eq!(read(&book(48, 1_024)).unwrap().0.categories.len(), 48);
    check_refused(&book(49, 1_024), detail);
}

#[test]
fn a_workbook_without_records_is_refused() {
    let empty = "The records tab holds no records under its header. Fill it and upload the workbook again.";
    for (book, detail) in [
        (
            Book::of("usage", &[&["record_id"], &["r-1"]]),
            "The workbook has no tab called records. Name the tab with the usage records so and upload it again.",
        ),
        (Book::of("records", &[]), "the sheet 'records' is empty; put the column names into its first row"),
        (Book::of("records", &[&["record_id", "quantity"]]), empty),
        (Book::of("records", &[&["record_id"], &["", "under no header"], &["   "]]), empty),
        (
            Book::of("records", &[&["colour", "shape"], &["red", "round"]]),
            "The records tab names no known column. Its first row must hold headers such as record_id and quantity.",
        ),
        (
            Book::of("records", &[&["quantity", "Record ID", "colour", "record_id"], &["#1", "r-1", "", "r-2"]]),
            "the column 'record_id' stands twice in the header, in B1 and D1; keep one of them",
        ),
        (
            Book::of("records", &[&["record_id", "v.A", "V.A"], &["r-1", "x", "y"]]),
            "the column 'V.A' stands twice in the header, in B1 and C1; keep one of them",
        ),
    ] {
        check_refused(&book, detail);
    }
    // A header that means nothing here may stand twice.
    check_records(
        &Book::of("records", &[&["record_id", "colour", "colour"], &["r-1", "a", "b"]]),
        &["2 record_id=r-1"],
    );
    let torn = Book::of("records", &[&["record_id"], &["r-1"]]).bytes();
    let outcome = read_workbook(Cursor::new(&torn[..torn.len() / 2]), None, &mut |_| panic!("nothing counts of it"));
    assert!(matches!(outcome, Err(Stopped::Unreadable(detail)) if detail.contains("cut off or damaged")));
}

#[test]
fn records_come_in_batches_of_1024_and_reading_ends_when_nobody_wants_them() {
    let ids: Vec<String> = (2..=2_050).map(|row| format!("r-{row}")).collect();
    let cells: Vec<[&str; 2]> = ids.iter().map(|id| [id.as_str(), "#1"]).collect();
    let rows: Vec<&[&str]> =
        std::iter::once(&["record_id", "quantity"] as &[&str]).chain(cells.iter().map(|row| row.as_slice())).collect();
    let bytes = Book::of("records", &rows).bytes();
    let mut found: Vec<(usize, u32)> = Vec::new();
    let mut salts = Vec::new();
    let reading = read_workbook(Cursor::new(&bytes), None, &mut |batch| {
        found.push((batch.rows.len(), batch.rows[0]));
        salts.push(batch.salt_key);
        let last = *batch.rows.last().unwrap();
        assert_eq!(batch.cell(batch.rows.len() - 1, 0).text, format!("r-{last}"));
        Ok(())
    });
    assert_eq!(reading.unwrap().records, 2_049);
    assert_eq!(found, [(1_024, 2), (1_024, 1_026), (1, 2_050)]);
    assert!(salts[0] != salts[1] && salts[1] != salts[2], "each batch is salted anew");
    let mut asked = 0;
    let outcome = read_workbook(Cursor::new(&bytes), None, &mut |_| {
        asked += 1;
        Err(Stopped::Stale)
    });
    assert!(matches!(outcome, Err(Stopped::Stale)) && asked == 1);
}
