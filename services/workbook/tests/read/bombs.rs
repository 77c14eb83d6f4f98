//! Files that cost more than they weigh: each ends in an error or a result, within bounded memory.

use std::io::Cursor;
use std::time::Instant;

use workbook::read::{Limits, ReadError, Row, Workbook};

use crate::make::{Book, By, check_sentence, name_of, pack_repeated, sheet_xml};

const SHEET: &str = "xl/worksheets/sheet1.xml";
const STRINGS: &str = "xl/sharedStrings.xml";
/// Peak memory of the whole test process, which also makes the bombs: the reader's own share is below 100 MB.
const PEAK_KB_MAX: u64 = 200_000;

fn check(what: &str, zip: &[u8], expected: &[&str]) {
    let started = Instant::now();
    for by in [By::Scanner, By::Xml] {
        let result = count(zip, by);
        let name = result.as_ref().map_or_else(name_of, |rows| format!("{rows} rows"));
        if let Err(error) = &result {
            check_sentence(error);
        }
        assert!(expected.contains(&name.as_str()), "{what}, {by:?}: {name}, {:?}", result.err());
    }
    println!("{what}: {} KB of zip, {:.2?}, peak so far {:?} kB", zip.len() >> 10, started.elapsed(), peak_kb());
}

/// The most memory that this process has had; none where the system doesn't tell.
fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}

/// How many times larger than usual the bombs are: READ_BOMBS=32 makes gigabytes for the product's own limits.
fn scale() -> usize {
    std::env::var("READ_BOMBS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The product's limits, or a part of them that small bombs reach too.
fn limits() -> Limits {
    let part = if scale() >= 32 { 1 } else { 16 };
    let whole = Limits::default();
    Limits {
        rows_max: whole.rows_max / part,
        strings_max: whole.strings_max / usize::try_from(part).unwrap(),
        strings_bytes_max: whole.strings_bytes_max / usize::try_from(part).unwrap(),
        ratio_free_bytes: whole.ratio_free_bytes / u64::from(part),
        ..whole
    }
}

fn count(zip: &[u8], by: By) -> Result<usize, ReadError> {
    let mut workbook = Workbook::open(Cursor::new(zip), limits())?;
    if by == By::Xml {
        workbook.read_by_xml_only();
    }
    let mut rows = workbook.rows(0)?;
    let (mut row, mut count) = (Row::new(), 0);
    while rows.next_row(&mut row)? {
        count += 1;
    }
    Ok(count)
}

fn sheet_of(what: &str, before: &str, block: &str, times: usize, after: &str, expected: &[&str]) {
    let whole = sheet_xml("@");
    let (head, tail) = whole.split_once('@').unwrap();
    let zip =
        pack_repeated(&Book::of_rows(""), SHEET, &format!("{head}{before}"), block, times, &format!("{after}{tail}"));
    check(what, &zip, expected);
}

fn strings_of(what: &str, before: &str, block: &str, times: usize, after: &str, expected: &[&str]) {
    let book = Book::of_rows("<row><c t=\"s\"><v>0</v></c></row>");
    check(what, &pack_repeated(&book, STRINGS, before, block, times, after), expected);
}

#[test]
fn bombs_end_in_bounded_memory() {
    // Another process, so that the peak is not that of other tests.
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args(["--exact", "bombs::all_bombs", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "run by bombs_end_in_bounded_memory in a process of its own"]
fn all_bombs() {
    let scale = scale();
    let mib = scale << 20;
    let tag = "<row><c t=\"inlineStr\"><is><t>";
    sheet_of("spaces between rows", "<row/>", " ", 32 * mib, "<row/>", &["RowTooLarge"]);
    sheet_of("NULs between rows", "<row/>", "\0", 32 * mib, "<row/>", &["RowTooLarge", "Unexpected"]);
    sheet_of("one text", tag, "a", 32 * mib, "</t></is></c></row>", &["RowTooLarge"]);
    sheet_of("one attribute", "<row r=\"1", " ", 32 * mib, "\"/>", &["RowTooLarge"]);
    sheet_of("one comment", "<!--", "a", 32 * mib, "-->", &["RowTooLarge"]);
    sheet_of("one CDATA", "<row><c><v><![CDATA[", "1", 16 * mib, "]]></v></c></row>", &["RowTooLarge"]);
    sheet_of("one row of cells", "<row>", "<c/>", 8 * mib, "</row>", &["RowTooLarge"]);
    sheet_of("comments in a row", "<row>", "<!---->", 2 * mib, "</row>", &["RowTooLarge"]);
    sheet_of("comments between rows", "", "<!---->", 2 * mib, "", &["0 rows", "Ratio"]);
    sheet_of("rows", "", "<row><c><v>1</v></c></row>", 700_000 * scale, "", &["Ratio", "TooManyRows"]);
    sheet_of("empty rows", "", "<row/>", 700_000 * scale, "", &["Ratio", "TooManyRows"]);
    sheet_of("nesting in a row", "<row>", "<a>", 500_000, "", &["TooDeep"]);
    sheet_of("entities", "<row><c><v>", "&amp;", mib, "</v></c></row>", &["RowTooLarge"]);
    sheet_of(
        "far cell",
        "<row><c r=\"A1\"><v>1</v></c></row>",
        "<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>",
        1,
        "",
        &["2 rows", "TooManyRows"],
    );
    let closing = "</worksheet>";
    let before = "<worksheet><sheetData/>";
    let small = Book::of_rows("");
    check("nesting behind", &pack_repeated(&small, SHEET, before, "<a>", 500_000, closing), &["TooDeep"]);
    check("text before", &pack_repeated(&small, SHEET, "<worksheet>", "x", 16 * mib, closing), &["Endless"]);
    check("tags behind", &pack_repeated(&small, SHEET, before, "<a></a>", mib, closing), &["0 rows", "Ratio"]);
    let sst = "<sst count=\"4000000000\" uniqueCount=\"18446744073709551615\">";
    strings_of("declared strings", sst, "<si><t>a</t></si>", 10, "</sst>", &["1 rows"]);
    strings_of("empty strings", sst, "<si/>", 300_000 * scale, "</sst>", &["TooManyStrings", "Ratio"]);
    strings_of("strings", sst, "<si><t/></si>", 100_000 * scale, "</sst>", &["1 rows", "TooManyStrings", "Ratio"]);
    strings_of("one string", sst, "a", 32 * mib, "</sst>", &["Endless", "Ratio"]);
    strings_of("one string's text", "<sst><si><t>", "a", 32 * mib, "</t></si></sst>", &["Endless"]);
    strings_of("runs of a string", "<sst><si>", "<r><t>a</t></r>", mib, "</si></sst>", &["Endless"]);
    let long = format!("<si><t>{}</t></si>", noise(30_000));
    strings_of("text of strings", "<sst>", &long, 125 * scale.max(2), "</sst>", &["StringsTooLarge", "Ratio"]);
    expansion();
    small_parts();
    entries();
    let peak = peak_kb();
    assert!(peak.is_none_or(|peak| peak < PEAK_KB_MAX), "{peak:?} kB");
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

/// A row of references to one long string.
fn expansion() {
    let long = "x".repeat(32_767);
    let row = format!("<row>{}</row>", "<c t=\"s\"><v>0</v></c>".repeat(16_384));
    let book = Book::of_rows(&row).strings(&format!("<si><t>{long}</t></si>"));
    check("references to a long string", &book.zip(), &["1 rows"]);
}

fn small_parts() {
    let mut book = Book::of_rows("");
    book.styles = Some(String::new());
    let zip = pack_repeated(&book, "xl/styles.xml", "<styleSheet>", "<xf/>", 3 << 20, "</styleSheet>");
    check("styles", &zip, &["PartTooLarge"]);
    let zip = pack_repeated(&book, "xl/workbook.xml", "<workbook>", "<sheet name=\"a\"/>", 1 << 20, "</workbook>");
    check("sheets", &zip, &["TooManySheets", "PartTooLarge"]);
    book.more.push(("xl/theme.xml".to_owned(), Vec::new()));
    let zip = pack_repeated(&book, "xl/theme.xml", "", "x", 64 << 20, "");
    check("a part that nobody reads", &zip, &["0 rows"]);
}

fn entries() {
    let mut book = Book::of_rows("");
    book.more = (0..200_000).map(|at| (format!("a/{at}"), Vec::new())).collect();
    check("entries", &book.zip(), &["TooManyEntries"]);
}
