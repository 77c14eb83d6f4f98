//! Files that cost more than they weigh: memory, time, and what follows from either.

use super::Case;
use super::book::{and_then, behind, cells, flood, header, quantity, record, strings_flood, text};
use super::make::{Book, pack, pack_repeated};

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;
const ROW: &str = "bytes of XML in or before the row after row 2";
const SOUND: &str = "1 valid, total 1";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = killers();
    cases.extend(rows());
    cases.extend(strings());
    cases.extend(texts());
    cases.extend(columns());
    cases.extend(small_parts());
    cases
}

/// What ends other readers' processes.
fn killers() -> Vec<Case> {
    let declared = |count: &'static str| {
        move || {
            let mut book = cells(&[('A', "<c r='A2' t='s'><v>0</v></c>")]);
            book.strings = Some(format!("<sst count=\"{count}\" uniqueCount=\"{count}\"><si><t>a</t></si></sst>"));
            book.zip()
        }
    };
    vec![
        Case::new("4,000,000,000 declared strings", SOUND, declared("4000000000")),
        Case::new("2^64 - 1 declared strings", SOUND, declared("18446744073709551615")),
        Case::new("-1 declared strings", SOUND, declared("-1")),
        Case::new("2^60 columns of width", SOUND, || {
            let xml = String::from_utf8(and_then("").sheet).unwrap();
            let columns = "<cols><col min=\"1\" max=\"1152921504606846976\" width=\"9\"/></cols><sheetData>";
            Book::of_sheet(xml.replace("<sheetData>", columns)).zip()
        }),
    ]
}

fn rows() -> Vec<Case> {
    let open = "<row r='3'><c r='A3' t='str'><v>";
    let bomb = |name: &'static str,
                expected: &str,
                before: &'static str,
                block: &'static str,
                times: usize,
                after: &'static str| {
        let expected = if expected == ROW { format!("005 {ROW}") } else { expected.to_owned() };
        Case::new(name, expected, move || flood(before, block, times, after))
    };
    vec![
        bomb("1 GiB of blanks between rows", ROW, "", " ", GIB, "<row/>"),
        bomb("1 GiB of NULs between rows", ROW, "", "\0", GIB, "<row/>"),
        bomb("a text of 1 GiB", ROW, open, "a", GIB, "</v></c></row>"),
        bomb("an attribute of 256 MiB", ROW, "<row r='3", " ", 256 * MIB, "'/>"),
        bomb("an element's name of 64 MiB", ROW, "<", "a", 64 * MIB, "/>"),
        bomb("64 MiB of attributes", ROW, "<row ", "a='' ", 13 * MIB, "/>"),
        bomb("a comment of 1 GiB", ROW, "<!--", "a", GIB, "-->"),
        bomb("a CDATA of 256 MiB", ROW, "<row><c><v><![CDATA[", "1", 256 * MIB, "]]></v></c></row>"),
        bomb("a processing instruction of 256 MiB", ROW, "<?a ", "1", 256 * MIB, "?>"),
        bomb("a formula of 64 MiB", ROW, "<row><c><f>", "1+", 32 * MIB, "</f></c></row>"),
        bomb("64 MiB of character references", ROW, open, "&#65;", 13 * MIB, "</v></c></row>"),
        bomb("64 MiB of comments in a row", ROW, "<row>", "<!---->", 9 * MIB, "</row>"),
        bomb("64 MiB of empty cells in a row", ROW, "<row>", "<c/>", 16 * MIB, "</row>"),
        bomb("64 MiB of values in a cell", ROW, "<row><c>", "<v>1</v>", 8 * MIB, "</c></row>"),
        bomb("256 MiB of comments between rows", SOUND, "", "<!-- -->", 32 * MIB, ""),
        Case::new("1 GiB of long comments between rows", "005 inflates more than 100 times", || {
            flood("", &format!("<!--{}-->", " ".repeat(20_000)), 50_000, "")
        }),
        Case::new("256 MiB of merged cells", SOUND, || {
            behind("<mergeCells>", "<mergeCell ref='A1:B2'/>", 11 * MIB, "</mergeCells>")
        }),
        bomb("20,000,000 rows of a cell", "005 beyond row 1048576", "", "<row><c><v>1</v></c></row>", 20_000_000, ""),
        bomb("20,000,000 empty rows", "005 beyond row 1048576", "", "<row/>", 20_000_000, ""),
        bomb("500,000 levels in a row", "005 nests elements too deeply", "<row>", "<a>", 500_000, ""),
        Case::new("500,000 levels behind the rows", "005 nests elements too deeply", || behind("", "<a>", 500_000, "")),
        Case::new("1,048,575 blank records", "1048575 of 1048575 invalid: 7340025 x USG_FILE_102", || {
            let whole = String::from_utf8(Book::of_rows(&format!("{}@", header(""))).sheet).unwrap();
            let (head, tail) = whole.split_once('@').unwrap();
            // Each row says enough for its cells to be a record, and differs enough for honest compression.
            pack_repeated(
                &Book::of_rows(""),
                super::book::SHEET,
                head,
                "<row><c/><c t='str'><v>item.mpn</v></c></row>",
                1_048_575,
                tail,
            )
        }),
    ]
}

fn strings() -> Vec<Case> {
    let bomb =
        |name: &'static str,
         expected: &'static str,
         before: &'static str,
         block: &'static str,
         times: usize,
         after: &'static str| { Case::new(name, expected, move || strings_flood(before, block, times, after)) };
    let all = "<sst>";
    let long = format!("<si><t>{}</t></si>", noise(30_000));
    vec![
        bomb("a shared string of 512 MiB", "005 several megabytes", "<sst><si><t>", "a", 512 * MIB, "</t></si></sst>"),
        bomb("512 MiB of blanks among the strings", "005 several megabytes", all, " ", 512 * MIB, "</sst>"),
        bomb(
            "512 MiB of runs in a string",
            "005 several megabytes",
            "<sst><si>",
            "<r><t>a</t></r>",
            34 * MIB,
            "</si></sst>",
        ),
        bomb("50,000,000 empty strings", "005 more than 4000000 different texts", all, "<si/>", 50_000_000, "</sst>"),
        bomb(
            "5,000,000 strings",
            "005 more than 4000000 different texts",
            all,
            "<si><t>a</t></si>",
            5_000_000,
            "</sst>",
        ),
        bomb("500,000 levels in a string", "005 nests elements too deeply", "<sst><si>", "<a>", 500_000, "</si></sst>"),
        Case::new("120 MB of different texts", "005 more than 100663296 bytes of different texts", move || {
            strings_flood("<sst>", &long, 4_000, "</sst>")
        }),
    ]
}

/// Text that deflate can't shorten much.
fn noise(length: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + u8::try_from(state % 26).unwrap())
    };
    (0..length).map(|_| next()).collect()
}

/// A row that names one long string again and again.
fn references(unit: &str, units: usize, columns: usize, rows: usize) -> Vec<u8> {
    let row = format!("<row><c t=\"str\"><v>r</v></c>{}</row>", "<c t=\"s\"><v>0</v></c>".repeat(columns));
    let book = Book::of_rows("").strings(&format!("<si><t>{}</t></si>", unit.repeat(units)));
    let headers: String = (0..110).map(|at| format!("<c t=\"str\"><v>v.{at}</v></c>")).collect();
    let whole = String::from_utf8(Book::of_rows(&format!("{}@", header(&headers))).sheet).unwrap();
    let (head, tail) = whole.split_once('@').unwrap();
    pack_repeated(&book, super::book::SHEET, head, &row, rows, tail)
}

fn texts() -> Vec<Case> {
    vec![
        Case::new(
            "a row of 16,384 references to a long string",
            "1 of 1 invalid: B2 010, D2 111, E2 111, F2 111, G2 111, H2 111, I2 111, J2 111, K2 111",
            || references("x", 32_767, 16_383, 1),
        ),
        Case::new("300 rows of 16,384 references to a long string", "300 of 300 invalid: 35100 x USG_FILE_111", || {
            references("語", 32_767, 16_383, 300)
        }),
        Case::new("60,000 rows of references to a long string", "005 bytes of text up to row", || {
            references("x", 32_767, 12, 60_000)
        }),
        Case::new("a cell that names a text of 3 MiB", "1 of 1 invalid: A2 111", || {
            cells(&[('A', &text("A2", &"x".repeat(3 * MIB)))]).zip()
        }),
    ]
}

/// Thousands of columns, and columns of the vendor's own.
fn columns() -> Vec<Case> {
    let own = |count: usize, name: usize, value: usize| {
        move || {
            let headers: String =
                (0..count).map(|at| format!("<c t=\"str\"><v>v.{at}{}</v></c>", "n".repeat(name))).collect();
            let value = noise(value);
            let values: String = (0..count).map(|_| format!("<c t=\"str\"><v>{value}</v></c>")).collect();
            let records: String = (2..12).map(|row| record(row, &[], &values)).collect();
            Book::of_rows(&format!("{}{records}", header(&headers))).zip()
        }
    };
    vec![
        Case::new("3,000 columns of the vendor's own", "005 more than 128 columns", own(3_000, 10, 100)),
        Case::new(
            "120 columns with names of 1,000 characters",
            "005 the column names hold more than 16384 bytes",
            own(120, 1_000, 10),
        ),
        Case::new("120 columns with long texts", "10 of 10 invalid: 990 x USG_FILE_111", own(120, 20, 3_000)),
        Case::new("120 columns with short texts", "10 valid, total 10", own(120, 20, 400)),
        Case::new("16,384 columns under no header", SOUND, || {
            let values = "<c><v>1</v></c>".repeat(16_384 - 8);
            Book::of_rows(&format!("{}{}", header(""), record(2, &[], &values))).zip()
        }),
        Case::new("16,385 columns", "1 of 1 invalid: A2 110", || {
            let values = "<c><v>1</v></c>".repeat(16_385 - 8);
            Book::of_rows(&format!("{}{}", header(""), record(2, &[], &values))).zip()
        }),
        Case::new("a category for each of 5,000 ids", "005 too many categories", || {
            let rows: String = (0..5_000).map(|at| format!("<row><c t=\"str\"><v>c{at}</v></c></row>")).collect();
            let mut book = and_then("");
            book.workbook = super::make::workbook_xml("", &["records", "categories"]);
            book.relations = super::make::relations_xml(2);
            let sheet = super::make::sheet_xml(&format!("<row><c t=\"str\"><v>category_id</v></c></row>{rows}"));
            book.more.push(("xl/worksheets/sheet2.xml".to_owned(), sheet.into_bytes()));
            book.zip()
        }),
    ]
}

fn small_parts() -> Vec<Case> {
    let part = |name: &'static str, before: &'static str, block: &'static str, times: usize, after: &'static str| {
        move || {
            let mut book = and_then("");
            book.styles = Some(String::new());
            pack_repeated(&book, name, before, block, times, after)
        }
    };
    let large = "005 holds more than 8388608 bytes of XML";
    vec![
        Case::new(
            "8 MiB of styles",
            large,
            part("xl/styles.xml", "<styleSheet><cellXfs>", "<xf/>", 3 << 20, "</cellXfs></styleSheet>"),
        ),
        Case::new(
            "7 MiB of styles",
            SOUND,
            part("xl/styles.xml", "<styleSheet><cellXfs>", "<xf/>", 1_468_000, "</cellXfs></styleSheet>"),
        ),
        Case::new(
            "7 MiB of number formats",
            SOUND,
            part(
                "xl/styles.xml",
                "<styleSheet><numFmts>",
                "<numFmt numFmtId=\"1\" formatCode=\"yyyy\"/>",
                190_000,
                "</numFmts></styleSheet>",
            ),
        ),
        Case::new(
            "7 MiB of links",
            SOUND,
            part(
                "_rels/.rels",
                "<Relationships>",
                "<Relationship/>",
                480_000,
                "<Relationship Id=\"r\" Type=\"x/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>",
            ),
        ),
        Case::new(
            "8 MiB of links",
            large,
            part("xl/_rels/workbook.xml.rels", "<Relationships>", "<Relationship/>", 3 << 20, "</Relationships>"),
        ),
        Case::new("a workbook part of 1 GiB", large, part("xl/workbook.xml", "<workbook>", " ", GIB, "</workbook>")),
        Case::new("a part of 1 GiB that nobody reads", SOUND, || {
            let mut book = and_then("");
            book.more.push(("xl/media/image1.png".to_owned(), Vec::new()));
            pack_repeated(&book, "xl/media/image1.png", "", "\0", GIB, "")
        }),
        Case::new("a date's format of 1 MiB", SOUND, || {
            quantity("<c r='D2' s='0'><v>1</v></c>").formats(&[&"0".repeat(MIB)]).zip()
        }),
        Case::new("2,000 entries", SOUND, || {
            let mut book = and_then("");
            book.more = (0..1_996).map(|at| (format!("xl/media/{at}"), b"x".to_vec())).collect();
            let parts = book.parts();
            assert_eq!(parts.len(), 2_000);
            pack(&parts)
        }),
    ]
}
