//! Usage in other formats than XLSX: the same records come out of each, read by the product's own child process, and
//! whatever becomes of that process is one sentence.

use std::fs::File;
use std::io::{Cursor, Read, Seek, Write};
use std::path::PathBuf;
use std::time::Duration;

use ingestion::{Reading, Stopped, read_workbook};
use ledger::record::{CellKind, ReadBatch};
use workbook::foreign::Guard;

use crate::kills::binary;
use crate::tree::root;

fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures").join(name)
}

/// The product reading for itself.
fn guard() -> Guard {
    Guard::new(binary(), &["read-foreign"])
}

/// A line for each record: its row and its filled cells, those that aren't text with their kind.
fn read(source: impl Read + Seek, guard: Option<&Guard>) -> Result<(Reading, Vec<String>), String> {
    let mut batches: Vec<ReadBatch> = Vec::new();
    let taken = read_workbook(source, guard, &mut |batch| {
        batches.push(batch);
        Ok(())
    });
    let reading = match taken {
        Ok(reading) => reading,
        Err(Stopped::Unreadable(detail)) => return Err(detail),
        Err(Stopped::Stale) => return Err("stale".to_owned()),
    };
    let mut lines = Vec::new();
    for batch in &batches {
        for (index, row) in batch.rows.iter().enumerate() {
            let mut line = row.to_string();
            for (column, named) in reading.columns.iter().enumerate() {
                let cell = batch.cell(index, column);
                let kind = if cell.kind == CellKind::Text { String::new() } else { format!("{:?}:", cell.kind) };
                if !kind.is_empty() || !cell.text.is_empty() {
                    line.push_str(&format!(" {}={kind}{}", named.name, cell.text));
                }
            }
            lines.push(line);
        }
    }
    Ok((reading, lines))
}

fn open(name: &str) -> File {
    File::open(fixture(name)).unwrap()
}

#[track_caller]
fn refused(source: impl Read + Seek, guard: &Guard, sentence: &str) {
    assert_eq!(read(source, Some(guard)).map(|(_, lines)| lines).unwrap_err(), sentence);
}

/// Goal: a vendor may send what the spreadsheet program saves. Method: one file in each format, by five programs, gives
/// the records and categories of its twin in XLSX.
#[test]
fn every_format_gives_the_records_of_its_twin() {
    let twin = read(open("usage.xlsx"), None).unwrap();
    assert_eq!(twin.1.len(), 7);
    // LibreOffice keeps a truth value of an .xlsx as the number that it is to a formula.
    let cases = [
        ("usage.ods", "Bool:TRUE"),
        ("usage.xls", "Bool:TRUE"),
        ("usage.xlsb", "Bool:TRUE"),
        ("libreoffice.ods", "Number:1"),
        ("libreoffice.xls", "Bool:TRUE"),
    ];
    for (name, truth) in cases {
        let (reading, lines) = read(open(name), Some(&guard())).unwrap_or_else(|detail| panic!("{name}: {detail}"));
        let expected: Vec<String> = twin.1.iter().map(|line| line.replace("Bool:TRUE", truth)).collect();
        assert_eq!(lines, expected, "{name}");
        assert_eq!(reading, twin.0, "{name}");
    }
}

/// Goal: a library, or a product without its program, says so. Method: no guard, or one whose program isn't there.
#[test]
fn without_a_child_the_format_is_refused() {
    for (name, ending) in [("usage.ods", "ods"), ("usage.xls", "xls"), ("usage.xlsb", "xlsb")] {
        let sentence =
            format!("a .{ending} workbook can't be read here; save it as .xlsx (Excel Workbook) and upload it again");
        assert_eq!(read(open(name), None).unwrap_err(), sentence);
        let sentence =
            format!("the reader for .{ending} workbooks could not be started; try again, or save it as .xlsx");
        refused(open(name), &Guard::new(fixture("nothing"), &[]), &sentence);
    }
}

/// A child that is a shell script: it has swallowed the workbook before its own lines run.
fn script(lines: &str) -> Guard {
    Guard::new(PathBuf::from("/bin/sh"), &["-c", &format!("/bin/cat >/dev/null; {lines}")])
}

/// Goal: whatever becomes of the child is one clear sentence, soon. Method: children that end in every way there is.
#[test]
fn whatever_becomes_of_the_child_is_one_sentence() {
    let damaged = "the .ods workbook is damaged or holds what can't be read; save it as .xlsx and upload it again";
    let memory = "reading the .ods workbook took more than 256 MB; save it as .xlsx and upload it again";
    let seconds = |limit: u32| {
        format!("reading the .ods workbook took more than {limit} seconds; save it as .xlsx and upload it again")
    };
    let cases = [
        ("exit 0", damaged.to_owned()),
        ("exit 101", damaged.to_owned()),
        ("kill -ABRT $$", memory.to_owned()),
        ("kill -KILL $$", memory.to_owned()),
        ("kill -SEGV $$", damaged.to_owned()),
        ("kill -XCPU $$", seconds(60)),
        ("echo hello", damaged.to_owned()),
        ("printf UFR1; exit 0", damaged.to_owned()),
        ("printf UFR1X", damaged.to_owned()),
        // The length of a text that no frame has.
        ("printf 'UFR1T\\377\\377\\377\\377'; exec /bin/sleep 1000", damaged.to_owned()),
        ("printf 'UFR1F\\003\\000\\000\\000why'; exec /bin/sleep 1000", "why".to_owned()),
        ("exec /bin/cat /dev/zero", damaged.to_owned()),
    ];
    for (lines, sentence) in cases {
        refused(open("usage.ods"), &script(lines), &sentence);
    }
    // Silence, with and without a grandchild that keeps the pipe open, and before the workbook is taken.
    for lines in ["exec /bin/sleep 1000", "/bin/sleep 1000 & wait", "printf UFR1; /bin/sleep 1000; exit 0"] {
        refused(open("usage.ods"), &script(lines).within(Duration::from_secs(1)), &seconds(1));
    }
    let deaf = Guard::new(PathBuf::from("/bin/sleep"), &["1000"]);
    assert!(read(open("usage.ods"), Some(&deaf)).is_err());
}

/// Goal: nothing that a child said counts unless it ended well. Method: a full set of frames, and then a bad end.
#[test]
fn a_child_that_fails_after_its_last_row_has_said_nothing() {
    // One tab, its header, one record, and the end of two rows.
    let text = |text: &str| [&u32::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes()].concat();
    let row = |number: u32, cell: &str| {
        [&b"R"[..], &number.to_le_bytes(), &1_u32.to_le_bytes(), &0_u16.to_le_bytes(), &[0], &text(cell)].concat()
    };
    let sheet = [&b"S"[..], &0_u32.to_le_bytes()].concat();
    let end = [&b"EZ"[..], &2_u32.to_le_bytes()].concat();
    let frames = [b"UFR1T".to_vec(), text("records"), sheet, row(1, "record_id"), row(2, "r-1"), end].concat();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&frames).unwrap();
    let say = format!("/bin/cat {}", file.path().display());
    assert_eq!(read(open("usage.ods"), Some(&script(&say))).unwrap().1, ["2 record_id=r-1"]);
    let damaged = "the .ods workbook is damaged or holds what can't be read; save it as .xlsx and upload it again";
    for tail in ["; exit 1", "; echo more"] {
        refused(open("usage.ods"), &script(&format!("{say}{tail}")), damaged);
    }
    for length in 0..frames.len() {
        refused(open("usage.ods"), &script(&format!("/usr/bin/head -c {length} {}", file.path().display())), damaged);
    }
}

/// Goal: a file that was cut gives no fewer records. Method: every beginning of each fixture, at steps, is refused.
#[test]
fn a_cut_file_is_refused() {
    for name in ["usage.xlsx", "usage.ods", "usage.xls", "usage.xlsb", "libreoffice.ods", "libreoffice.xls"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let steps = (8..whole.len()).step_by(whole.len() / 24).chain([whole.len() - 1]);
        for length in steps {
            let cut = read(Cursor::new(&whole[..length]), Some(&guard()));
            assert!(cut.is_err(), "{name} cut to {length} of {} bytes", whole.len());
        }
    }
}

/// Goal: a flipped bit is no other value. Method: a bit is flipped at steps; where checksums stand over the cells the
/// outcome is a refusal or the same records, and in every format it is an outcome.
#[test]
fn a_flipped_bit_changes_no_value() {
    for name in ["usage.ods", "usage.xlsb", "libreoffice.ods", "usage.xls"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let twin = read(Cursor::new(&whole), Some(&guard())).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 32) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            let outcome = read(Cursor::new(&flipped), Some(&guard()));
            let fine = name.ends_with(".xls") || outcome.as_ref().map_or(true, |read| *read == twin);
            assert!(fine, "{name} with byte {at} flipped");
        }
    }
}

/// A workbook of OpenDocument whose tab `records` has these rows as XML, under a header `record_id`, `v.x`.
fn ods(rows: &str) -> Cursor<Vec<u8>> {
    let mut package = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut part = |name: &str, content: &str| {
        let options = zip::write::SimpleFileOptions::default();
        package.start_file(name, options).unwrap();
        package.write_all(content.as_bytes()).unwrap();
    };
    part("mimetype", "application/vnd.oasis.opendocument.spreadsheet");
    part("META-INF/manifest.xml", "<manifest:manifest/>");
    let head = row(&format!("{}{}", text("record_id"), text("v.x")));
    part(
        "content.xml",
        &format!(
            "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"records\">{head}{rows}\
             </table:table></office:spreadsheet></office:body></office:document-content>"
        ),
    );
    package.finish().unwrap()
}

fn row(cells: &str) -> String {
    format!("<table:table-row>{cells}</table:table-row>")
}

fn text(text: &str) -> String {
    format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
}

/// Goal: what an OpenDocument cell shows is what is read. Method: one cell of each kind, as LibreOffice writes them.
#[test]
fn cells_of_an_open_document_keep_their_meaning() {
    let cases = [
        ("office:value-type=\"float\" office:value=\"12.50\"", "", "Number:12.5"),
        ("office:value-type=\"percentage\" office:value=\"0.5\"", "<text:p>50%</text:p>", "Number:0.5"),
        ("office:value-type=\"currency\" office:currency=\"EUR\" office:value=\"-3\"", "", "Number:-3"),
        ("office:value-type=\"float\" office:value=\"1E+300\"", "", "Number:1e300"),
        ("office:value-type=\"float\" office:value=\"NaN\"", "", "Number:NaN"),
        ("office:value-type=\"date\" office:date-value=\"2026-10-01\"", "", "Date:2026-10-01 00:00:00"),
        (
            "office:value-type=\"date\" office:date-value=\"2026-10-01T23:59:59.600000000\"",
            "",
            "Date:2026-10-02 00:00:00",
        ),
        ("office:value-type=\"time\" office:time-value=\"PT36H00M00S\"", "", "Error:PT36H00M00S"),
        ("office:value-type=\"boolean\" office:boolean-value=\"true\"", "", "Bool:TRUE"),
        ("table:formula=\"of:=1/0\" office:value-type=\"string\" office:string-value=\"#DIV/0!\"", "", "Error:#DIV/0!"),
        ("table:formula=\"of:=x\" office:value-type=\"string\"", "<text:p>Err:508</text:p>", "Error:Err:508"),
        ("table:formula=\"of:=1+1\" office:value-type=\"float\" office:value=\"2\"", "", "Number:2"),
        ("table:formula=\"of:=1+1\"", "", "Formula:"),
        ("office:value-type=\"string\"", "<text:p>#DIV/0!</text:p>", "#DIV/0!"),
        ("office:value-type=\"string\"", "<text:p>a<text:s text:c=\"2\"/>b</text:p><text:p>c</text:p>", "a  b\nc"),
        (
            "office:value-type=\"string\"",
            "<office:annotation><text:p>no</text:p></office:annotation><text:p>x</text:p>",
            "x",
        ),
    ];
    for (attributes, content, expected) in cases {
        let cell = format!("<table:table-cell {attributes}>{content}</table:table-cell>");
        let lines = read(ods(&row(&format!("{}{cell}", text("r")))), Some(&guard())).map(|(_, lines)| lines);
        assert_eq!(lines.unwrap(), [format!("2 record_id=r v.x={expected}")], "{attributes}");
    }
    let blank = "<table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell/></table:table-row>";
    let twice = "<table:table-row table:number-rows-repeated=\"2\">".to_owned() + &text("r") + "</table:table-row>";
    let rows = format!(
        "{twice}{}{blank}",
        row("<table:table-cell><office:annotation><text:p>n</text:p></office:annotation></table:table-cell>")
    );
    assert_eq!(read(ods(&rows), Some(&guard())).unwrap().1, ["2 record_id=r", "3 record_id=r"]);
}

/// Goal: nothing is lost in silence and nothing explodes. Method: what calamine would drop, cap or expand is refused
/// with its reason.
#[test]
fn an_open_document_that_would_lose_or_explode_is_refused() {
    let repeated = |attribute: &str, count: u64| format!(" table:number-{attribute}-repeated=\"{count}\"");
    let cell =
        |attributes: &str| format!("<table:table-cell{attributes} office:value-type=\"float\" office:value=\"1\"/>");
    let rows = |attributes: &str, cells: &str| format!("<table:table-row{attributes}>{cells}</table:table-row>");
    let part = |found: &str| {
        format!("the part content.xml has {found} where it must not be; save the workbook again in Excel")
    };
    let cases = [
        (
            rows(&repeated("rows", 1_000_000_000), &cell("")),
            "the sheet has rows beyond row 1048576; split the file".to_owned(),
        ),
        (
            rows(&repeated("rows", 1_048_000), "<table:table-cell/>") + &rows(&repeated("rows", 1_000), &cell("")),
            "the sheet has rows beyond row 1048576; split the file".to_owned(),
        ),
        (
            rows("", &cell(&repeated("columns", 1_000_000_000))),
            "the sheet 'records' has more than 16384 columns; remove those that are not needed".to_owned(),
        ),
        (
            rows(&repeated("rows", 1_000_000), &cell(&repeated("columns", 16_000))),
            "the sheet 'records' spans 16000016000 cells, more than 20000000; split it, or save it as .xlsx".to_owned(),
        ),
        (
            row("<table:table-cell office:value-type=\"float\" office:value=\"123456789012345678.5\"/>"),
            "row 2 of the sheet 'records' has a number of 19 digits, more than 17; write it as text".to_owned(),
        ),
        (row("<table:table-cell><text:p>r</text:p></table:table-cell>"), part("a cell without a value type in row 2")),
        (row("<table:table-cell office:value-type=\"float\"/>"), part("a cell without its value in row 2")),
        (row(&text("<![CDATA[r]]>")), part("a CDATA section")),
        (row(&text("<table:table/>")), part("a table within a table")),
    ];
    for (rows, sentence) in cases {
        refused(ods(&rows), &guard(), &sentence);
    }
    let short =
        "the .xlsb workbook has cells of a kind that only some programs write; save it as .xlsx and upload it again";
    refused(open("short-cells.xlsb"), &guard(), short);
}

/// Goal: nothing holds a CSV, and no format gives more records than a sheet holds. Method: a file at the limit is read,
/// one record more is refused, and the process has not grown by the file's size.
#[test]
fn a_csv_of_a_million_records_stays_small() {
    const RECORDS: u32 = 1_048_575;
    const GROWTH_KIB_MAX: u64 = 24 << 10;
    let mut file = tempfile::tempfile().unwrap();
    let mut written = std::io::BufWriter::new(&mut file);
    writeln!(written, "record_id,quantity,category_id,v.note").unwrap();
    for number in 1..=RECORDS {
        writeln!(written, "r-{number},{number}.5,c-{},\"a note, quoted\"", number % 7).unwrap();
    }
    written.flush().unwrap();
    drop(written);
    let count = |file: &mut File| {
        let mut records = 0;
        let outcome = read_workbook(file, None, &mut |batch| {
            records += batch.rows.len();
            Ok(())
        });
        (outcome, records)
    };
    let before = peak_kib();
    let (outcome, records) = count(&mut file);
    let Ok(reading) = outcome else { panic!("the file is at the limit") };
    assert_eq!((reading.records, records), (RECORDS, RECORDS as usize));
    let mut categories: Vec<&str> = reading.categories.iter().map(|category| category.id.as_str()).collect();
    categories.sort_unstable();
    assert_eq!(categories, ["c-0", "c-1", "c-2", "c-3", "c-4", "c-5", "c-6"]);
    let growth = peak_kib() - before;
    assert!(growth < GROWTH_KIB_MAX, "the process grew by {growth} KiB");
    writeln!(file, "one,1,,too many").unwrap();
    let Err(Stopped::Unreadable(detail)) = count(&mut file).0 else { panic!("one record more than a sheet holds") };
    assert_eq!(detail, "The file has more than 1048575 records. Split it into several usage files.");
}

/// The most memory that this process has had; 0 where the system doesn't say.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")).map_or(0, |kib| kib.trim().parse().unwrap())
}
