//! The `errors` tab: everything that is wrong with the records, one in each row, with a link to its cell. It comes
//! after the records in the file but is written beside them, so it waits in an unlinked file, deflated.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use super::RECORDS_MAX;
use super::deflate::{Part, Sizes};
use super::markup::{Look, cell, letters, sheet_head, sheet_tail};
use crate::columns::{ERRORS, RECORDS_TAB};

/// Links that a sheet can hold; what comes after them has its address as text.
const LINKS_MAX: usize = 65_530;
const MESSAGE_COLUMN: usize = 4;
const LINK_COLUMN: usize = 6;

/// Something that is wrong with a record, or worth a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Problem<'a> {
    /// The row in the vendor's own sheet.
    pub row: u32,
    /// The vendor's header; blank where the column is missing.
    pub header: &'a str,
    /// The column in the `records` tab, if it has one.
    pub column: Option<u16>,
    /// Which rule.
    pub code: &'a str,
    /// Whether the record is valid all the same.
    pub is_warning: bool,
    /// What is wrong.
    pub message: &'a str,
    /// What would be right.
    pub fix: &'a str,
}

/// The tab, when nothing is added any more.
pub(super) struct Listed {
    /// The range to filter by, if there is anything.
    pub(super) filter: Option<String>,
    /// What its part holds, and the file in which that waits.
    pub(super) sizes: Sizes,
    pub(super) content: File,
}

/// The tab in the making.
pub(super) struct Problems {
    part: Part,
    waiting: BufWriter<File>,
    /// Row and column in the `records` tab of each problem that gets a link.
    targets: Vec<(u32, u16)>,
    written: u32,
}

impl Problems {
    /// Begins the tab with its header.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        let waiting = BufWriter::new(tempfile::tempfile_in(folder)?);
        let mut part = Part::new();
        let widths = ERRORS.map(|column| column.width);
        part.buffer().extend(sheet_head(&widths, true));
        let mut this = Self { part, waiting, targets: Vec::new(), written: 0 };
        this.row(&ERRORS.map(|column| (column.name, Look::Header)))?;
        Ok(this)
    }

    /// Adds a problem of the record in a row of the `records` tab, counted from 1 with its header.
    pub(super) fn add(&mut self, record: u32, problem: &Problem<'_>) -> io::Result<()> {
        // The last row says that there is more: a list that just ends looks complete.
        if self.written + 1 >= RECORDS_MAX {
            if self.written < RECORDS_MAX {
                self.written += 1;
                let mut cells = [("", Look::Text); ERRORS.len()];
                if let Some(message) = cells.get_mut(MESSAGE_COLUMN) {
                    message.0 = "There is more than a sheet can hold; error_details has it for every record.";
                }
                self.row(&cells)?;
            }
            return Ok(());
        }
        self.written += 1;
        let column = problem.column.unwrap_or(0);
        let place = target(record, column);
        let is_linked = self.targets.len() < LINKS_MAX;
        if is_linked {
            self.targets.push((record, column));
        }
        self.row(&[
            (&problem.row.to_string(), Look::Text),
            (problem.header, Look::Text),
            (problem.code, if problem.is_warning { Look::Warning } else { Look::Error }),
            (if problem.is_warning { "warning" } else { "error" }, Look::Text),
            (problem.message, Look::Text),
            (problem.fix, Look::Text),
            (&place, if is_linked { Look::Link } else { Look::Text }),
        ])
    }

    fn row(&mut self, cells: &[(&str, Look); ERRORS.len()]) -> io::Result<()> {
        let number = (self.written + 1).to_string();
        let out = self.part.buffer();
        out.extend_from_slice(format!("<row r=\"{number}\">").as_bytes());
        for (column, (text, look)) in ["A", "B", "C", "D", "E", "F", "G"].iter().zip(cells) {
            if !text.is_empty() {
                cell(out, column, &number, *look, text);
            }
        }
        out.extend_from_slice(b"</row>");
        self.part.flow(&mut self.waiting)
    }

    /// Ends the tab.
    pub(super) fn finish(mut self) -> io::Result<Listed> {
        let links: Vec<(String, String)> = (2_u32..)
            .zip(&self.targets)
            .map(|(row, (record, column))| (format!("{}{row}", letters(LINK_COLUMN)), target(*record, *column)))
            .collect();
        let filter = (self.written > 0).then(|| format!("A1:{}{}", letters(LINK_COLUMN), self.written + 1));
        self.part.buffer().extend(sheet_tail(filter.as_deref(), &links, false));
        let sizes = self.part.finish(&mut self.waiting)?;
        let content = self.waiting.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Listed { filter, sizes, content })
    }
}

fn target(record: u32, column: u16) -> String {
    format!("{RECORDS_TAB}!{}{record}", letters(usize::from(column)))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};

    use super::*;

    #[test]
    fn a_list_that_is_too_long_says_so_and_links_end_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut problems = Problems::begin(folder.path()).unwrap();
        for record in 0..RECORDS_MAX + 2 {
            problems.add(record.min(RECORDS_MAX) + 1, &Problem::default()).unwrap();
        }
        let Listed { filter, mut content, .. } = problems.finish().unwrap();
        assert_eq!(filter.as_deref(), Some("A1:G1048576"));
        content.rewind().unwrap();
        let mut xml = String::new();
        flate2::read::DeflateDecoder::new(content).read_to_string(&mut xml).unwrap();
        assert_eq!(xml.matches("<hyperlink ").count(), LINKS_MAX);
        assert_eq!(xml.matches("<row ").count(), 1_048_576);
        assert_eq!(xml.matches("There is more than a sheet can hold").count(), 1);
        assert!(xml.contains("<c r=\"G65531\" s=\"8\"") && xml.contains("<c r=\"G65532\" s=\"1\""));
    }
}
