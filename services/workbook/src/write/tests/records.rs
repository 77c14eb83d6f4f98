//! Workbooks of records.

use std::fs;
use std::io::Cursor;
use std::time::{Duration, Instant};

use ledger::Moment;
use ledger::fact::Category;

use super::opened::Opened;
use crate::columns;
use crate::read;
use crate::write::{CellOut, Kind, Layout, Mark, NOTES_MAX, RecordsWorkbook, WriteError, Written};

const CREATED: Moment = Moment(1_795_000_000_123_456);

fn layout(kind: Kind, headers: &[&str]) -> Layout {
    let own = |rows: &[(&str, &str)]| rows.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    Layout {
        kind,
        title: "UF-2026-10-0001-0002 & <friends>".to_owned(),
        general: own(&[
            ("report_name", "10/01/2026 - 10/31/2026"),
            ("report_note", ""),
            ("report_id", "UF-1"),
            ("a", "=1+1"),
        ]),
        categories: vec![Category { id: "db".to_owned(), name: "Databases".to_owned(), description: String::new() }],
        headers: headers.iter().map(|header| (*header).to_owned()).collect(),
        created: CREATED,
    }
}

fn plain<'a>(texts: &[&'a str]) -> Vec<CellOut<'a>> {
    texts.iter().map(|text| CellOut::plain(text)).collect()
}

/// Writes a workbook and gives its bytes.
fn write(layout: &Layout, rows: &[Vec<CellOut<'_>>]) -> (Vec<u8>, Written) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.xlsx");
    let mut workbook = RecordsWorkbook::create(&path, dir.path(), layout).unwrap();
    for row in rows {
        workbook.row(row).unwrap();
    }
    let written = workbook.finish().unwrap();
    // Nothing else is left behind.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    (fs::read(&path).unwrap(), written)
}

/// Texts that programs are known to stumble over.
const AWKWARD: [&str; 24] = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\tlead",
    "_x0041_",
    "_x005F_x0041_",
    "_x0041_x0042_",
    "_x00",
    "__x0041__",
    "two\nlines",
    "cr\rlf\r\nend\n",
    "  leading and trailing  ",
    " ",
    "😀 👩‍👩‍👧 ẞ é e\u{301}",
    "\u{202e}right to left\u{202c}",
    "<b>&amp;\"'</b>",
    "]]>",
    "<![CDATA[x]]>",
    "007",
    "1e5",
    "0.30000000000000004",
    "http://example.com/x",
    "TRUE",
];

#[test]
fn every_text_comes_back_as_it_was() {
    let rows: Vec<_> = AWKWARD.iter().map(|text| plain(&["r", text, "z"])).collect();
    let (bytes, written) = write(&layout(Kind::ProcessedVendor, &["record_id", "v.text", "status"]), &rows);
    assert_eq!(written, Written { records: 24, ..Written::default() });
    let opened = Opened::new(&bytes);
    let rows = opened.rows("records");
    assert_eq!(rows.len(), AWKWARD.len() + 1);
    for (row, text) in rows.iter().skip(1).zip(AWKWARD) {
        assert_eq!(row, &["r", text, "z"]);
    }
    let cells = opened.cells("records");
    assert!(cells.values().all(|cell| cell.kind == "inlineStr"), "every cell is text");
    assert!(!opened.sheet_xml("records").contains("<hyperlink"));

    let mut workbook = read::Workbook::open(Cursor::new(&bytes), read::Limits::default()).unwrap();
    let sheet = workbook.sheet_named(&["records"]).unwrap().unwrap();
    let (mut rows, mut row) = (workbook.rows(sheet).unwrap(), read::Row::new());
    assert!(rows.next_row(&mut row).unwrap());
    for text in AWKWARD {
        assert!(rows.next_row(&mut row).unwrap());
        let texts: Vec<_> = row.cells().map(|cell| (cell.text.to_owned(), cell.fault)).collect();
        assert_eq!(texts, ["r", text, "z"].map(|text| (text.to_owned(), None)));
    }
    assert!(!rows.next_row(&mut row).unwrap());
}

#[test]
fn characters_that_xml_cannot_hold_leave_a_file_that_opens() {
    let all: String = (0..0x20).chain([0x7f, 0x80, 0x9f, 0xfffd, 0xfffe, 0xffff]).filter_map(char::from_u32).collect();
    let (bytes, _) = write(&layout(Kind::Chunk, &["a"]), &[plain(&[&all]), plain(&["after"])]);
    assert_eq!(Opened::new(&bytes).rows("records")[1..], [vec![all], vec!["after".to_owned()]]);
}

#[test]
fn the_tabs_stand_in_order_and_say_what_they_are_given() {
    for kind in Kind::ALL {
        let (bytes, _) = write(&layout(kind, &["record_id"]), &[]);
        let opened = Opened::new(&bytes);
        let tabs = ["instructions", "general", "categories", "records", "errors"];
        assert_eq!(opened.tabs(), tabs[..if kind.lists_errors() { 5 } else { 4 }]);
        assert_eq!(opened.rows("instructions")[0][0], kind.heading());
        let general = opened.rows("general");
        assert_eq!(general[0], columns::GENERAL);
        assert_eq!(general[1], ["report_name", "10/01/2026 - 10/31/2026"]);
        assert_eq!(
            (general[2].join("|"), general[3].join("|")),
            ("report_note".to_owned(), "report_id|UF-1".to_owned())
        );
        assert_eq!(general[4], ["a", "=1+1"]);
        let categories = opened.rows("categories");
        assert_eq!(categories[0], columns::CATEGORIES.map(|column| column.name));
        assert_eq!(categories[1], ["db", "Databases"]);
        assert_eq!(opened.rows("records"), [["record_id"]]);
        for column in kind.added() {
            let line = format!("• {}: ", column.name);
            assert!(opened.rows("instructions").iter().any(|row| row[0].starts_with(&line)), "{line}");
        }
        for tab in ["general", "categories", "records"] {
            assert!(opened.sheet_xml(tab).contains(r#"<pane ySplit="1" topLeftCell="A2""#), "{tab} is frozen");
        }
    }
}

#[test]
fn marked_cells_have_colour_and_note() {
    let marked = [
        CellOut::plain("r-1"),
        CellOut { text: "3,5", mark: Mark::Error { note: "USG_FILE_006: not a number; write 3.5\n_x0041_ <&>" } },
        CellOut { text: "", mark: Mark::Error { note: "USG_FILE_102: blank" } },
        CellOut { text: "2", mark: Mark::Warning { note: "ignored" } },
        CellOut { text: "x", mark: Mark::Error { note: "" } },
    ];
    let headers = ["record_id", "quantity", "start_time_utc", "tier", "status"];
    let (bytes, written) = write(&layout(Kind::ProcessedVendor, &headers), &[marked.to_vec()]);
    assert_eq!(written.notes, 3);
    let opened = Opened::new(&bytes);
    let cells = opened.cells("records");
    let fills: Vec<_> = (0..5).map(|column| opened.fill(cells[&(1, column)].style).unwrap_or_default()).collect();
    assert_eq!(fills, ["", "FFFFC7CE", "FFFFC7CE", "FFFFEB9C", "FFFFC7CE"]);
    let notes = opened.notes("xl/comments1.xml");
    assert_eq!(notes[0], ("B2".to_owned(), "USG_FILE_006: not a number; write 3.5\n_x0041_ <&>".to_owned()));
    assert_eq!(
        notes[1..],
        [("C2", "USG_FILE_102: blank"), ("D2", "ignored")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let (ours, theirs) = (cells[&(0, 4)].style, cells[&(0, 0)].style);
    assert_ne!(opened.fill(ours), opened.fill(theirs), "our columns look different");
}

#[test]
fn notes_end_and_colours_go_on() {
    let note = "why ".repeat(2_000);
    let row = [CellOut { text: "x", mark: Mark::Error { note: &note } }; 3];
    let rows = vec![row.to_vec(); 400];
    let (bytes, written) = write(&layout(Kind::ProcessedVendor, &["a", "b", "c"]), &rows);
    assert_eq!(written, Written { records: 400, notes: NOTES_MAX, ..Written::default() });
    let opened = Opened::new(&bytes);
    assert_eq!(opened.notes("xl/comments1.xml").len(), 1_000);
    let last = &opened.cells("records")[&(400, 2)];
    assert_eq!(opened.fill(last.style).as_deref(), Some("FFFFC7CE"));
}

#[test]
fn a_text_that_no_cell_can_hold_is_cut_and_shown() {
    let (long, exact) = (format!("{}😀{}", "x".repeat(32_766), "y".repeat(8_000)), "ä".repeat(32_767));
    let (bytes, written) = write(&layout(Kind::Chunk, &["a", "b"]), &[plain(&[&long, &exact])]);
    assert_eq!((written.cut, written.notes), (1, 1));
    let opened = Opened::new(&bytes);
    let cells = opened.cells("records");
    assert_eq!((&cells[&(1, 0)].text, &cells[&(1, 1)].text), (&"x".repeat(32_766), &exact));
    assert_eq!(opened.fill(cells[&(1, 0)].style).as_deref(), Some("FFFFEB9C"));
    assert_eq!(opened.notes("xl/comments1.xml")[0].0, "A2");
}

#[test]
fn the_same_workbook_has_the_same_bytes_a_second_later() {
    let note = Mark::Warning { note: "look" };
    let rows = vec![vec![CellOut::plain("a"), CellOut { text: "b", mark: note }]; 50];
    let layout = layout(Kind::ProcessedProvider, &["record_id", "quantity"]);
    let (first, _) = write(&layout, &rows);
    std::thread::sleep(Duration::from_millis(1_100));
    let (second, _) = write(&layout, &rows);
    assert!(first == second);
    let core = Opened::new(&first);
    assert!(
        core.part("docProps/core.xml").contains(">2026-11-18T11:06:40Z</dcterms:created>"),
        "{}",
        core.part("docProps/core.xml")
    );
    let (later, _) = write(&Layout { created: Moment(CREATED.0 + Moment::SECOND), ..layout }, &rows);
    assert!(first != later);
}

#[test]
fn what_does_not_fit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.xlsx");
    let mut workbook = RecordsWorkbook::create(&path, dir.path(), &layout(Kind::Chunk, &["a"])).unwrap();
    assert!(matches!(workbook.row(&plain(&["1", "2"])), Err(WriteError::TooManyCells { cells: 2, headers: 1 })));
    workbook.row(&plain(&["1"])).unwrap();
    assert_eq!(workbook.finish().unwrap().records, 1);

    let wide = Layout { headers: vec!["a".to_owned(); 16_385], ..layout(Kind::Chunk, &[]) };
    assert!(matches!(RecordsWorkbook::create(&path, dir.path(), &wide), Err(WriteError::TooManyColumns { .. })));
    let nowhere = dir.path().join("none");
    let narrow = layout(Kind::Chunk, &["a"]);
    let listing = layout(Kind::Rejects, &["a"]);
    assert!(matches!(RecordsWorkbook::create(&path, &nowhere, &listing), Err(WriteError::TemporaryFile { .. })));
    let missing = nowhere.join("out.xlsx");
    assert!(matches!(RecordsWorkbook::create(&missing, dir.path(), &narrow), Err(WriteError::Output { .. })));
    let full = RecordsWorkbook::create(std::path::Path::new("/dev/full"), dir.path(), &narrow);
    let error = full.and_then(RecordsWorkbook::finish).unwrap_err();
    assert!(matches!(error, WriteError::Output { .. }), "{error:?}");
}

#[test]
fn a_sheet_is_full_at_its_last_row() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.xlsx");
    let mut workbook = RecordsWorkbook::create(&path, dir.path(), &layout(Kind::Chunk, &["a"])).unwrap();
    let row = plain(&["x"]);
    for _ in 0..1_048_575 {
        workbook.row(&row).unwrap();
    }
    assert!(matches!(workbook.row(&row), Err(WriteError::TooManyRecords)));
    assert_eq!(workbook.finish().unwrap().records, 1_048_575);
    let file = fs::File::open(&path).unwrap();
    let mut package = zip::ZipArchive::new(file).unwrap();
    let mut xml = String::new();
    std::io::Read::read_to_string(&mut package.by_name("xl/worksheets/sheet4.xml").unwrap(), &mut xml).unwrap();
    assert!(xml.contains(r#"<c r="A1048576""#));
}

/// Not a test: `cargo test --release -p workbook measure -- --ignored --nocapture`, with `ROWS` and `COLUMNS`.
#[test]
#[ignore = "a measurement"]
fn measure() {
    let number = |name: &str, default: u32| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let (rows, width) = (number("ROWS", 100_000), number("COLUMNS", 20) as usize);
    let dir = tempfile::tempdir_in(std::env::var("MEASURE_DIR").unwrap_or("/tmp".to_owned())).unwrap();
    let path = dir.path().join("out.xlsx");
    let fixed = columns::RECORDS.iter().chain(&columns::PROVIDER_ADDED).map(|column| column.name);
    let headers: Vec<_> = fixed.take(width).collect();
    let started = Instant::now();
    let mut workbook = RecordsWorkbook::create(&path, dir.path(), &layout(Kind::ProcessedProvider, &headers)).unwrap();
    for row in 0..rows {
        let texts = realistic(row);
        let cells: Vec<_> = texts.iter().cycle().take(width).map(|text| CellOut::plain(text)).collect();
        workbook.row(&cells).unwrap();
    }
    let filled = started.elapsed();
    workbook.finish().unwrap();
    let size = fs::metadata(&path).unwrap().len();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    println!("{rows} x {width}: rows {filled:?}, all {:?}, {size} bytes, {peak}", started.elapsed());
    if let Ok(keep) = std::env::var("KEEP") {
        fs::copy(&path, keep).unwrap();
    }
}

fn realistic(row: u32) -> [String; 20] {
    let mixed = row.wrapping_mul(2_654_435_761);
    let places = mixed % 10_000;
    [
        format!("rec-2026-10-{row:08}"),
        if row.is_multiple_of(3) { String::new() } else { format!("usage of day {}", row % 31) },
        "item.mpn".to_owned(),
        format!("MPN-{:04}", mixed % 200),
        format!("{}.{places:04}", mixed % 997),
        format!("2026-10-{:02} {:02}:00:00", row % 31 + 1, row % 24),
        format!("2026-10-{:02} {:02}:59:59", row % 31 + 1, row % 24),
        "asset.id".to_owned(),
        format!("AS-{:04}-{:04}-0001", mixed % 20_000 / 100, mixed % 100),
        "compute".to_owned(),
        format!("{}.{:02}", mixed % 9_973, mixed % 100),
        "0".to_owned(),
        format!("Item number {}", mixed % 200),
        "unit*h".to_owned(),
        format!("MPN-{:04}", mixed % 200),
        "decimal(4)".to_owned(),
        format!("PRD-123-456-789-{:04}", mixed % 200),
        String::new(),
        "PRD-123-456-789".to_owned(),
        "valid".to_owned(),
    ]
}
