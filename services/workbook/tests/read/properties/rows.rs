//! A sheet's rows, a whole sheet part or shared strings: the scanner and the XML reader give the same, however the
//! bytes arrive, and no row breaks what its users rely on.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use workbook::read::{Limits, ReadError, Row, Workbook};

use crate::make::{Book, By, check_sentence, pack_stored, show};

/// The texts and the styles that a fuzzed sheet may refer to.
const STRINGS: &str =
    "<si><t>zero</t></si><si><r><t>o</t></r><r><t>ne</t></r></si><si><t xml:space=\"preserve\"> 2 </t></si>";
const FORMATS: [&str; 3] = ["0", "14", "[h]:mm"];

/// The first byte says what the rest is.
pub(crate) fn rows(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let book = match kind % 4 {
        0 | 1 => {
            let whole = crate::make::sheet_xml("@");
            let (before, after) = whole.split_once('@').unwrap();
            Book::of_sheet([before.as_bytes(), rest, after.as_bytes()].concat()).strings(STRINGS).formats(&FORMATS)
        }
        2 => Book::of_sheet(rest).strings(STRINGS).formats(&FORMATS),
        _ => {
            let cells: String = (0..9).map(|at| format!("<c t=\"s\"><v>{at}</v></c>")).collect();
            let book = Book::of_cells(&cells).strings("@");
            let mut parts = book.parts();
            let (before, after) = book.strings.as_deref().unwrap().split_once('@').unwrap();
            for (name, content) in &mut parts {
                if name == "xl/sharedStrings.xml" {
                    *content = [before.as_bytes(), rest, after.as_bytes()].concat();
                }
            }
            return agree(&pack_stored(&parts), 1 + rest.len() % 13);
        }
    };
    agree(&pack_stored(&book.parts()), 1 + rest.len() % 13);
}

/// Reads a package in every way there is.
pub(super) fn agree(zip: &[u8], step: usize) {
    let scanner = read(Cursor::new(zip), By::Scanner);
    let others = [
        ("the XML reader", read(Cursor::new(zip), By::Xml)),
        ("bytes that trickle in", read(Trickle { source: Cursor::new(zip), step }, By::Scanner)),
        ("bytes that trickle into the XML reader", read(Trickle { source: Cursor::new(zip), step }, By::Xml)),
    ];
    for (other, result) in others {
        match (&scanner, &result) {
            (Ok(left), Ok(right)) => assert_eq!(left, right, "the scanner against {other}"),
            (Err(left), Err(right)) => [left, right].into_iter().for_each(check_sentence),
            (left, right) => panic!("the scanner gives {left:?}, {other} gives {right:?}"),
        }
    }
}

/// The rows of the first sheet, each of which is sound.
pub(super) fn read<R: Read + Seek>(source: R, by: By) -> Result<Vec<String>, ReadError> {
    let mut workbook = Workbook::open(source, Limits::default())?;
    by.apply(&mut workbook);
    let mut rows = workbook.rows(0)?;
    let mut row = Row::new();
    let (mut lines, mut before) = (Vec::new(), 0);
    while rows.next_row(&mut row)? {
        assert!(row.number() > before && row.number() <= 1_048_576, "row {} after {before}", row.number());
        before = row.number();
        sound(&row);
        lines.push(show(&row));
    }
    assert!(!rows.next_row(&mut row)?, "the end stays the end");
    Ok(lines)
}

fn sound(row: &Row) {
    let mut next = 0;
    for cell in row.cells() {
        assert!(cell.column < 16_384, "column {}", cell.column);
        assert!(cell.text.encode_utf16().count() <= 32_767, "{} bytes in a cell", cell.text.len());
        let illegal = |c: char| {
            (c.is_control() && u32::from(c) < 0x20 && !"\t\n\r".contains(c))
                || u32::from(c) >= 0xfffe && u32::from(c) < 0x10000
        };
        assert!(!cell.text.chars().any(illegal), "{:?}", cell.text);
        if row.fault().is_none() {
            assert!(cell.column >= next, "column {} before {next}, and no fault", cell.column);
            next = cell.column + 1;
        }
    }
}

/// A file that gives a few bytes at a time.
struct Trickle<R> {
    source: R,
    step: usize,
}

impl<R: Read> Read for Trickle<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.step);
        self.source.read(&mut buffer[..length])
    }
}

impl<R: Seek> Seek for Trickle<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}
