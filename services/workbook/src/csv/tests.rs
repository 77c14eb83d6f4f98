//! CSV as tables: how lines become rows, and which files are refused.

use std::io::Cursor;

use crate::read::ReadError;
use crate::read::table::Table;

use super::Rows;

const KNOWN: [&str; 4] = ["record_id", "record_note", "quantity", "category_id"];

/// The rows of a text: number, then its cells under the header, then the damage if there is one.
fn read(bytes: &[u8]) -> Result<Vec<String>, ReadError> {
    let mut table = Table::open(Rows::open(Cursor::new(bytes), &KNOWN)?, &KNOWN)?;
    let names: Vec<String> = table.columns().iter().map(|column| column.header_text.clone()).collect();
    let mut lines = vec![format!("{}: {}", table.header_row(), names.join("|"))];
    while let Some(record) = table.next_record()? {
        let cells: Vec<&str> = (0..names.len()).map(|at| record.cell(at).map_or("", |cell| cell.text)).collect();
        let damage = record.fault().map_or_else(String::new, |(column, fault)| format!(" !{column} {fault:?}"));
        lines.push(format!("{}: {}{damage}", record.number(), cells.join("|")));
    }
    Ok(lines)
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(read(text.as_bytes()).unwrap(), expected, "{text:?}");
}

#[track_caller]
fn refuse(bytes: &[u8], sentence: &str) {
    assert_eq!(read(bytes).unwrap_err().to_string(), sentence);
}

#[test]
fn the_separator_is_found_from_the_header() {
    let rows = ["1: record_id|quantity", "2: r-1|1.5"];
    check("record_id,quantity\nr-1,1.5\n", &rows);
    check("record_id;quantity\nr-1;1.5\n", &rows);
    check("record_id\tquantity\nr-1\t1.5\n", &rows);
    check("\u{feff}record_id;quantity\r\nr-1;1.5", &rows);
    // The one that makes known columns, not the most frequent one.
    check("record_id;v.a,b,c,d;quantity\nr-1;x,y;1,5\n", &["1: record_id|v.a,b,c,d|quantity", "2: r-1|x,y|1,5"]);
    check("\"record_id\";\"quantity\"\n\"r;1\";\"1,5\"\n", &["1: record_id|quantity", "2: r;1|1,5"]);
    check("sep=;\r\nrecord_id;quantity\r\nr-1;2\r\n", &["2: record_id|quantity", "3: r-1|2"]);
    check("\n\n;;\nrecord_id;quantity\nr-1;2", &["4: record_id|quantity", "5: r-1|2"]);
    check("record_id\nr-1\n", &["1: record_id", "2: r-1"]);
}

#[test]
fn cells_are_kept_as_typed() {
    let head = "record_id,v.x\n";
    for (line, cell) in [
        ("r, a b ", " a b "),
        ("r,\"a,b\"", "a,b"),
        ("r,\"say \"\"hi\"\"\"", "say \"hi\""),
        ("r,\"\"\"\"", "\""),
        ("r,5\" pipe", "5\" pipe"),
        ("r, \"x\"", " \"x\""),
        ("r,\"two\nlines\"", "two\nlines"),
        ("r,\"two\r\nlines\"", "two\r\nlines"),
        ("r,=1+1", "=1+1"),
        ("r,0012.500", "0012.500"),
        ("r,é€😀", "é€😀"),
        ("r,\"\"", ""),
        ("r", ""),
    ] {
        check(&format!("{head}{line}"), &["1: record_id|v.x", &format!("2: r|{cell}")]);
        check(&format!("{head}{line}\r\n"), &["1: record_id|v.x", &format!("2: r|{cell}")]);
    }
}

#[test]
fn a_row_has_the_number_of_its_first_line() {
    check(
        "record_id,record_note\r\nr-1,\"a\r\nb\"\r\n\r\nr-2,\"c\nd\re\"\nr-3,f\rr-4,g",
        &["1: record_id|record_note", "2: r-1|a\r\nb", "5: r-2|c\nd\re", "8: r-3|f", "9: r-4|g"],
    );
}

#[test]
fn a_damaged_row_is_one_row() {
    let head = "1: record_id|quantity|category_id";
    let text = "record_id,quantity,category_id\n";
    check(&format!("{text}a,1,2,3\nb,4"), &[head, "2: a|1|2 !3 MoreThanHeader", "3: b|4|"]);
    check(&format!("{text}a,1,2,\nb,4"), &[head, "2: a|1|2 !3 MoreThanHeader", "3: b|4|"]);
    check(&format!("{text}a,\"1\"2,3\nb,4"), &[head, "2: a|12|3 !1 TextAfterQuote", "3: b|4|"]);
    // A blank header cell is a column too.
    check("record_id,quantity,\na,1,\nb,1,x\n", &["1: record_id|quantity", "2: a|1", "3: b|1"]);
}

#[test]
fn what_a_cell_may_not_hold_is_a_fault_of_the_cell() {
    use crate::read::{CellFault, Row, table::RowSource as _};
    let fault = |cell: &str| {
        let text = format!("record_id\n{cell}\n");
        let mut rows = Rows::open(Cursor::new(text.as_bytes()), &KNOWN).unwrap();
        let mut row = Row::new();
        assert!(rows.next_row(&mut row).unwrap() && rows.next_row(&mut row).unwrap());
        row.get(0).map(|cell| (cell.text.to_owned(), cell.fault))
    };
    assert_eq!(fault("a\0b"), Some(("a\u{fffd}b".to_owned(), Some(CellFault::IllegalCharacter))));
    let (text, cut) = fault(&"x".repeat(32_768)).unwrap();
    assert_eq!((text.len(), cut), (32_767, Some(CellFault::TooLong { units: 32_768 })));
    assert_eq!(fault(&"x".repeat(32_767)).unwrap().1, None);
}

#[test]
fn what_is_no_csv_says_where() {
    refuse(b"\xFF\xFEr\0e\0", "the CSV file is UTF-16 text; save it as \"CSV UTF-8\" and upload it again");
    let latin = "is not UTF-8 text; save it as \"CSV UTF-8\" and upload it again";
    refuse(b"record_id,quantity\nr-1,1\nr-\xE9,2\n", &format!("line 3 of the CSV file {latin}"));
    refuse(b"record_id,v.x\nr-1,\"a\nb\n\xE9\"\n", &format!("line 4 of the CSV file {latin}"));
    // Two halves of a character in two cells are two broken ones.
    refuse(b"record_id,v.x\nr-1,\xC3,\xA9\n", &format!("line 2 of the CSV file {latin}"));
    refuse(
        b"record_id,v.x\nr-1,a\nr-2,\"b\nr-3,c\n",
        "the quotation mark opened in line 3 of the CSV file is never closed; close it, or write \"\" for it",
    );
    refuse(b"\n \n\r\n", "the sheet 'records' is empty; put the column names into its first row");
    let endless = [b"record_id,v.x\nr-1,\"".as_slice(), &vec![b'x'; 4 << 20], b"\"\n"].concat();
    refuse(
        &endless,
        "the row that begins in line 2 of the CSV file has more than 4194304 bytes; look for an open quote",
    );
    let cells = [b"record_id,v.x\nr-1".as_slice(), &vec![b','; (4 << 20) + 1]].concat();
    assert!(read(&cells).unwrap_err().to_string().starts_with("the row that begins in line 2 of"));
}

/// However the bytes arrive, the rows are the same.
#[test]
fn buffers_may_end_anywhere() {
    let text = "record_id,v.x\r\nr-1,\"a\r\nb\"\r\n\"r\"\"2\",c\r\n\rr-3,\"\r\nx\"";
    let whole = read(text.as_bytes()).unwrap();
    assert_eq!(whole.len(), 4);
    for size in 1..text.len() {
        let input = std::io::BufReader::with_capacity(size, text.as_bytes());
        let mut records = super::Records::new(input, b',', 1);
        let mut found = Vec::new();
        while let Some(record) = records.next().unwrap() {
            let fields: Vec<&str> = records.fields().map(|field| std::str::from_utf8(field).unwrap()).collect();
            found.push(format!("{}: {}", record.line, fields.join("|")));
        }
        assert_eq!(found, whole, "buffers of {size}");
    }
}
