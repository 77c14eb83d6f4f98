//! Cells that other readers get wrong without a word, and cells for which they refuse the whole file.

use super::Case;
use super::book::{and_then, cells, header, quantity, record, text};
use super::make::{Book, workbook_xml};

const SOUND: &str = "1 valid, total 1";
const TWELVE: &str = "1 valid, total 12";

/// Name, the quantity's cell, what is said.
const QUANTITIES: [(&str, &str, &str); 60] = [
    // Pieces of XML that make one value.
    ("a comment inside a number", "<c r='D2'><v>12<!-- x -->34</v></c>", "1 valid, total 1234"),
    ("a number in CDATA", "<c r='D2'><v><![CDATA[77]]></v></c>", "1 valid, total 77"),
    ("a number of character references", "<c r='D2'><v>&#49;&#50;</v></c>", "1 valid, total 12"),
    ("a processing instruction inside a number", "<c r='D2'><v>1<?x y?>2</v></c>", "1 valid, total 12"),
    (
        "a number in two runs of rich text",
        "<c r='D2' t='inlineStr'><is><r><t>1</t></r><r><t>2</t></r></is></c>",
        "1 valid, total 12",
    ),
    (
        "a number beside its phonetic guide",
        "<c r='D2' t='inlineStr'><is><t>7</t><rPh sb='0' eb='1'><t>9</t></rPh></is></c>",
        "1 valid, total 7",
    ),
    // What is no value, or two.
    ("two values in a cell", "<c r='D2'><v>1</v><v>2</v></c>", "1 of 1 invalid: D2 006"),
    ("a value and an inline text", "<c r='D2' t='inlineStr'><v>1</v><is><t>2</t></is></c>", "1 of 1 invalid: D2 006"),
    ("an unknown element in a cell", "<c r='D2'><foo/><v>1</v></c>", "1 of 1 invalid: D2 006"),
    ("a value inside an unknown element", "<c r='D2'><foo><v>1</v></foo></c>", "1 of 1 invalid: D2 006"),
    ("an element inside a value", "<c r='D2'><v>1<b>2</b></v></c>", "1 of 1 invalid: D2 006"),
    ("text beside a value", "<c r='D2'>7<v>1</v></c>", "1 of 1 invalid: D2 006"),
    ("an extension beside a value", "<c r='D2'><v>1</v><extLst><ext><v>2</v></ext></extLst></c>", SOUND),
    // Shared strings that are none.
    ("a shared string named abc", "<c r='D2' t='s'><v>abc</v></c>", "1 of 1 invalid: D2 006"),
    ("a shared string of index -1", "<c r='D2' t='s'><v>-1</v></c>", "1 of 1 invalid: D2 006"),
    ("a shared string out of range", "<c r='D2' t='s'><v>5</v></c>", "1 of 1 invalid: D2 006"),
    ("a shared string of index 2^64", "<c r='D2' t='s'><v>18446744073709551616</v></c>", "1 of 1 invalid: D2 006"),
    ("a shared string of index 1.0", "<c r='D2' t='s'><v>1.0</v></c>", "1 of 1 invalid: D2 006"),
    // Numbers that are none.
    ("NaN", "<c r='D2'><v>NaN</v></c>", "1 of 1 invalid: D2 006"),
    ("infinity", "<c r='D2'><v>Infinity</v></c>", "1 of 1 invalid: D2 006"),
    ("minus infinity", "<c r='D2'><v>-INF</v></c>", "1 of 1 invalid: D2 006"),
    ("a numeric cell with letters", "<c r='D2' t='n'><v>garbage</v></c>", "1 of 1 invalid: D2 006"),
    ("1e400", "<c r='D2'><v>1e400</v></c>", "1 of 1 invalid: D2 109"),
    ("1e-400", "<c r='D2'><v>1e-400</v></c>", "1 of 1 invalid: D2 108"),
    ("an exponent of four digits", "<c r='D2'><v>1e1000</v></c>", "1 of 1 invalid: D2 006"),
    ("a thousands separator", "<c r='D2'><v>1,234.5</v></c>", "1 of 1 invalid: D2 006"),
    ("a decimal comma", "<c r='D2' t='str'><v>3,5</v></c>", "1 of 1 invalid: D2 006"),
    ("a hexadecimal number", "<c r='D2'><v>0x10</v></c>", "1 of 1 invalid: D2 006"),
    ("a digit separator of a programmer", "<c r='D2'><v>1_000</v></c>", "1 of 1 invalid: D2 006"),
    ("a number without its zero", "<c r='D2'><v>.5</v></c>", "1 of 1 invalid: D2 006"),
    ("Arabic digits", "<c r='D2' t='str'><v>٣</v></c>", "1 of 1 invalid: D2 006"),
    ("digits of full width", "<c r='D2' t='str'><v>１２</v></c>", "1 of 1 invalid: D2 006"),
    ("a zero-width space behind a number", "<c r='D2' t='str'><v>5\u{200b}</v></c>", "1 of 1 invalid: D2 006"),
    ("a number written from right to left", "<c r='D2' t='str'><v>\u{202e}21</v></c>", "1 of 1 invalid: D2 006"),
    ("a NUL behind a number", "<c r='D2' t='str'><v>5_x0000_</v></c>", "1 of 1 invalid: D2 006"),
    (
        "a number of 65 digits",
        "<c r='D2'><v>00000000000000000000000000000000000000000000000000000000000000001</v></c>",
        "1 of 1 invalid: D2 006",
    ),
    // Numbers that are exact, or nothing.
    ("28 digits in a numeric cell", "<c r='D2'><v>12345678901234567890.12345678</v></c>", "1 of 1 invalid: D2 109"),
    ("18 digits in a numeric cell", "<c r='D2'><v>1234567890.12345678</v></c>", "1 valid, total 1234567890.12345678"),
    ("a whole number beyond a double", "<c r='D2'><v>123456789012345678</v></c>", "1 of 1 invalid: D2 109"),
    (
        "a text of 24 digits",
        "<c r='D2' t='str'><v>9007199254740993.12345678</v></c>",
        "1 valid, total 9007199254740993.12345678",
    ),
    ("the noise of a double", "<c r='D2'><v>92.65000000000001</v></c>", "1 valid, total 92.65"),
    ("a sum of doubles", "<c r='D2'><v>0.30000000000000004</v></c>", "1 valid, total 0.3"),
    ("a number finer than its item", "<c r='D2'><v>0.123456789</v></c>", "1 of 1 invalid: D2 014"),
    ("a number finer than the ledger", "<c r='D2'><v>0.1234567890123</v></c>", "1 of 1 invalid: D2 108"),
    ("a scientific number", "<c r='D2'><v>1.5E+3</v></c>", "1 valid, total 1500"),
    ("minus zero", "<c r='D2'><v>-0</v></c>", "1 valid, total 0"),
    ("a sign and zeros before a number", "<c r='D2'><v>+007</v></c>", "1 valid, total 7"),
    ("blanks around a number", "<c r='D2'><v>\n 7\t</v></c>", "1 valid, total 7"),
    ("a no-break space around a number", "<c r='D2' t='str'><v>\u{a0}7\u{a0}</v></c>", "1 valid, total 7"),
    // Kinds of cells.
    ("a formula without a value", "<c r='D2'><f>1+1</f></c>", "1 of 1 invalid: D2 110"),
    ("a formula with an empty value", "<c r='D2'><f>1+1</f><v></v></c>", "1 of 1 invalid: D2 110"),
    ("a formula that calls a program", "<c r='D2'><f>cmd|' /C calc'!A0</f><v>5</v></c>", "1 valid, total 5"),
    ("#SPILL!", "<c r='D2' t='e'><v>#SPILL!</v></c>", "1 of 1 invalid: D2 006"),
    ("an error that nobody knows", "<c r='D2' t='e'><v>#NEW!</v></c>", "1 of 1 invalid: D2 006"),
    ("a cell of an unknown type", "<c r='D2' t='x'><v>1</v></c>", "1 of 1 invalid: D2 006"),
    ("a truth value as quantity", "<c r='D2' t='b'><v>1</v></c>", "1 of 1 invalid: D2 006"),
    ("a truth value of 2", "<c r='D2' t='b'><v>2</v></c>", "1 of 1 invalid: D2 006"),
    ("a date as quantity", "<c r='D2' t='d'><v>2026-10-01</v></c>", "1 of 1 invalid: D2 006"),
    ("a blank quantity", "<c r='D2' t='str'><v> </v></c>", "1 of 1 invalid: D2 102"),
    ("a style that isn't there", "<c r='D2' s='4294967296'><v>1</v></c>", SOUND),
];

/// Name, the start's cell (a style of 1 is a date, 2 a time), what is said. The end is 2026-10-02.
const STARTS: [(&str, &str, &str); 14] = [
    ("a serial with a date's format", "<c r='E2' s='1'><v>46296.5</v></c>", SOUND),
    ("a number without a date's format", "<c r='E2' s='0'><v>46296</v></c>", "1 of 1 invalid: E2 007"),
    ("a time without a date", "<c r='E2' s='2'><v>0.5</v></c>", "1 of 1 invalid: E2 110"),
    ("29 February 1900", "<c r='E2' s='1'><v>60</v></c>", "1 of 1 invalid: E2 110"),
    ("a serial below zero", "<c r='E2' s='1'><v>-1</v></c>", "1 of 1 invalid: E2 110"),
    ("a serial after 9999", "<c r='E2' s='1'><v>2958466</v></c>", "1 of 1 invalid: E2 110"),
    ("a serial of 1e300", "<c r='E2' s='1'><v>1e300</v></c>", "1 of 1 invalid: E2 110"),
    ("NaN with a date's format", "<c r='E2' s='1'><v>NaN</v></c>", "1 of 1 invalid: E2 110"),
    ("an ISO date", "<c r='E2' t='d'><v>2026-10-01T10:00:00Z</v></c>", SOUND),
    ("an ISO date with an offset", "<c r='E2' t='d'><v>2026-10-01T10:00:00+02:00</v></c>", "1 of 1 invalid: E2 110"),
    ("an ISO date with a sign", "<c r='E2' t='d'><v>+2026-1-01</v></c>", "1 of 1 invalid: E2 110"),
    ("a day that isn't one", "<c r='E2' t='str'><v>2026-02-30</v></c>", "1 of 1 invalid: E2 007"),
    ("a fraction of a minute", "<c r='E2' t='str'><v>2026-10-01 10:20.5</v></c>", "1 of 1 invalid: E2 007"),
    ("a day and month that could be either", "<c r='E2' t='str'><v>31.10.2026</v></c>", "1 of 1 invalid: E2 007"),
];

/// Name, and what stands behind the cells of a sound record in row 3: its cells can't be trusted.
const DAMAGED: [(&str, &str); 7] = [
    ("a cell in XFE", "<c r='XFE3'><v>1</v></c>"),
    ("a cell of another row", "<c r='I9'><v>1</v></c>"),
    ("an address that overflows", "<c r='ZZZZZZZZZ99999999999'><v>1</v></c>"),
    ("a cell twice", "<c r='H3'><v>1</v></c>"),
    ("cells out of order", "<c r='D3'><v>2</v></c>"),
    ("a cell inside an unknown element", "<x><c r='I3'><v>2</v></c></x>"),
    ("text between cells", "x<c r='I3'><v>2</v></c>"),
];

/// Name, rows behind the header and one sound record, what is said.
const PLACES: [(&str, &str, &str); 10] = [
    ("a cell far away", "<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>", SOUND),
    ("styled blanks far below", "<row r='900000'><c r='A900000' s='1'/></row>", SOUND),
    ("a row twice", "<row r='2'/>", "005 row 2 comes after row 2"),
    ("rows out of order", "<row r='9'/><row r='8'/>", "005 row 8 comes after row 9"),
    ("a row beyond the last", "<row r='1048577'/>", "005 beyond row 1048576"),
    ("a row of 2^64", "<row r='18446744073709551616'/>", "005 beyond row 1048576"),
    ("row 0", "<row r='0'/>", "005 has the number '0', which is none"),
    ("a row without a number at the end", "<row r='1048576'/><row><c><v>1</v></c></row>", "005 beyond row 1048576"),
    ("a row inside an unknown element", "<x><row r='3'/></x>", "005 has x where it must not be"),
    ("a second table of rows", "</sheetData><sheetData><row r='3'/>", "005 has sheetData where it must not be"),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, cell, expected) in QUANTITIES {
        cases.push(Case::new(name, expected, move || quantity(cell).strings("<si><t>1</t></si>").zip()));
    }
    for (name, cell, expected) in STARTS {
        cases.push(Case::new(name, expected, move || cells(&[('E', cell)]).formats(&["0", "14", "[h]:mm"]).zip()));
    }
    for (name, more) in DAMAGED {
        cases.push(Case::new(name, "1 of 2 invalid: A3 110", move || and_then(&record(3, &[], more)).zip()));
    }
    for (name, rows, expected) in PLACES {
        cases.push(Case::new(name, expected, move || and_then(rows).zip()));
    }
    cases.extend(texts());
    cases.extend(layouts());
    cases.extend(settings());
    cases
}

/// Characters that text can't hold, and texts that are too long.
fn texts() -> Vec<Case> {
    let id = |xml: &'static str| move || cells(&[('A', xml)]).zip();
    let broken = |byte: u8| {
        move || {
            let mut book = cells(&[('A', "<c r='A2' t='inlineStr'><is><t>a?b</t></is></c>")]);
            let at = book.sheet.iter().rposition(|byte| *byte == b'?').unwrap();
            book.sheet[at] = byte;
            book.zip()
        }
    };
    let unusable = "1 of 1 invalid: A2 110";
    vec![
        Case::new("a NUL by its escape", unusable, id("<c r='A2' t='inlineStr'><is><t>a_x0000_b</t></is></c>")),
        Case::new("a NUL by its number", unusable, id("<c r='A2' t='inlineStr'><is><t>a&#0;b</t></is></c>")),
        Case::new("a NUL as it is", unusable, id("<c r='A2' t='inlineStr'><is><t>a\0b</t></is></c>")),
        Case::new("half of a surrogate pair", unusable, id("<c r='A2' t='inlineStr'><is><t>_xD800_</t></is></c>")),
        Case::new("a character beyond Unicode", unusable, id("<c r='A2' t='inlineStr'><is><t>&#x110000;</t></is></c>")),
        Case::new("a byte that is no UTF-8", unusable, broken(0xFF)),
        Case::new("a character cut short", unusable, broken(0xC3)),
        Case::new(
            "an id of emoji and right-to-left text",
            SOUND,
            id("<c r='A2' t='inlineStr'><is><t>😀 שלום é</t></is></c>"),
        ),
        Case::new("an id that looks like a formula", SOUND, id("<c r='A2' t='inlineStr'><is><t>=1+1</t></is></c>")),
        Case::new(
            "an id of blanks",
            "1 of 1 invalid: A2 102",
            id("<c r='A2' t='inlineStr'><is><t xml:space='preserve'>  </t></is></c>"),
        ),
        Case::new("an entity that nobody declared", "005 unknown entity", id("<c r='A2' t='str'><v>&nbsp;</v></c>")),
        Case::new("an ampersand that opens nothing", "005 not well-formed", id("<c r='A2' t='str'><v>a & b</v></c>")),
        Case::new("a text of 40,000 characters", "1 of 1 invalid: A2 111", || {
            cells(&[('A', &text("A2", &"x".repeat(40_000)))]).zip()
        }),
        Case::new("a shared string of 40,000 characters", "1 of 1 invalid: A2 111", || {
            let book = cells(&[('A', "<c r='A2' t='s'><v>0</v></c>")]);
            book.strings(&format!("<si><t>{}</t></si>", "x".repeat(40_000))).zip()
        }),
        Case::new("a record of 70,000 bytes in three texts", "1 of 1 invalid: K2 111", || {
            let columns: String = ["I1", "J1", "K1"].iter().map(|at| text(at, &format!("v.{at}"))).collect();
            let long = "x".repeat(25_000);
            let cells: String = ["I2", "J2", "K2"].iter().map(|at| text(at, &long)).collect();
            Book::of_rows(&format!("{}{}", header(&columns), record(2, &[], &cells))).zip()
        }),
    ]
}

/// The sheet of a record of TWELVE, changed.
fn sheet(change: fn(String) -> String) -> impl Fn() -> Vec<u8> + Send + Sync {
    move || {
        let book = quantity("<c r=\"D2\"><v>12</v></c>");
        Book::of_sheet(change(String::from_utf8(book.sheet).unwrap())).zip()
    }
}

/// Sheets that are laid out in a way of their own.
fn layouts() -> Vec<Case> {
    let utf16 = |big: bool, mark: bool| {
        move || {
            let mut book = quantity("<c r='D2'><v>12</v></c>");
            let sheet = String::from_utf8(book.sheet).unwrap().replace("UTF-8", "UTF-16");
            let marked = if mark { format!("\u{feff}{sheet}") } else { sheet };
            let units = marked.encode_utf16();
            book.sheet = units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
            book.zip()
        }
    };
    vec![
        Case::new("UTF-16 with a mark, little end first", TWELVE, utf16(false, true)),
        Case::new("UTF-16 with a mark, big end first", TWELVE, utf16(true, true)),
        Case::new("UTF-16 without a mark", TWELVE, utf16(false, false)),
        Case::new("UTF-8 that calls itself UTF-16", TWELVE, sheet(|xml| xml.replace("UTF-8", "UTF-16"))),
        Case::new("Latin-1", "005 only UTF-8 and UTF-16 are allowed", sheet(|xml| xml.replace("UTF-8", "ISO-8859-1"))),
        Case::new("UTF-7", "005 only UTF-8 and UTF-16 are allowed", sheet(|xml| xml.replace("UTF-8", "UTF-7"))),
        Case::new(
            "prefixed elements",
            TWELVE,
            sheet(|xml| {
                let marked =
                    xml.replace("</", "</x:").replace('<', "<x:").replace("<x:/x:", "</x:").replace("<x:?", "<?");
                marked.replace("xmlns=", "xmlns:x=")
            }),
        ),
        Case::new(
            "the strict namespace",
            TWELVE,
            sheet(|xml| {
                xml.replace(
                    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
                    "http://purl.oclc.org/ooxml/spreadsheetml/main",
                )
            }),
        ),
        Case::new(
            "attributes in single quotes",
            TWELVE,
            sheet(|xml| {
                let (head, rows) = xml.split_once("<sheetData>").unwrap();
                format!("{head}<sheetData>{}", rows.replace('"', "'"))
            }),
        ),
        Case::new("hidden rows", TWELVE, sheet(|xml| xml.replace("<row r=\"2\"", "<row r=\"2\" hidden=\"1\""))),
        Case::new("a dimension of the whole sheet", TWELVE, sheet(|xml| xml.replace("A1:C3", "A1:XFD1048576"))),
        Case::new("a dimension in reverse", TWELVE, sheet(|xml| xml.replace("A1:C3", "C3:A1"))),
        Case::new("a dimension of garbage", TWELVE, sheet(|xml| xml.replace("A1:C3", "99999999999999999999"))),
    ]
}

/// Sheets whose cells, header or calendar are set up in a way of their own.
fn settings() -> Vec<Case> {
    let workbook = |xml: &'static str| {
        move || {
            let mut book = cells(&[('E', "<c r='E2' s='1'><v>44834</v></c>")]).formats(&["0", "14"]);
            book.workbook = workbook_xml(xml, &["records"]);
            book.zip()
        }
    };
    vec![
        Case::new("merged cells", "1 of 1 invalid: D2 102", || {
            let book = quantity("<c r='D2' s='1'/>");
            let xml = String::from_utf8(book.sheet).unwrap();
            Book::of_sheet(
                xml.replace("</sheetData>", "</sheetData><mergeCells><mergeCell ref=\"C2:D2\"/></mergeCells>"),
            )
            .zip()
        }),
        Case::new("the calendar of 1904", SOUND, workbook("<workbookPr date1904=\"1\"/>")),
        Case::new("a zero that no program calculated", "1 of 1 invalid: D2 110", || {
            let mut book = quantity("<c r='D2'><f>1+1</f><v>0</v></c>");
            book.workbook = workbook_xml("<calcPr fullCalcOnLoad=\"1\"/>", &["records"]);
            book.zip()
        }),
        Case::new(
            "blank rows before the header",
            TWELVE,
            sheet(|xml| {
                xml.replace("r=\"2\"", "r=\"8\"")
                    .replace("r=\"1\"", "r=\"7\"")
                    .replace("1\" t=", "7\" t=")
                    .replace("2\" t=", "8\" t=")
                    .replace("D2\"", "D8\"")
            }),
        ),
        Case::new("a header twice", "005 the column 'quantity' stands twice", || {
            Book::of_rows(&format!("{}{}", header(&text("I1", " Quantity ")), record(2, &[], ""))).zip()
        }),
        Case::new("a header that is an error", "005 the header cell I1 can't be read", || {
            Book::of_rows(&format!("{}{}", header("<c r='I1' t='s'><v>9</v></c>"), record(2, &[], ""))).zip()
        }),
        Case::new("a header and no records", "005 holds no records under its header", || {
            Book::of_rows(&header("")).zip()
        }),
        Case::new("an empty sheet", "005 the sheet 'records' is empty", || Book::of_rows("").zip()),
        Case::new("a sheet without known columns", "005 names no known column", || {
            Book::of_rows("<row><c t='str'><v>a</v></c></row><row><c><v>1</v></c></row>").zip()
        }),
    ]
}
