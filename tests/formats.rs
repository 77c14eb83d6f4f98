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
    let memory = "reading the .ods workbook took more than 1024 MB; save it as .xlsx and upload it again";
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
