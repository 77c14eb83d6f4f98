//! Workbooks of records, written row by row: processed files, chunks and reconciliations.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use ledger::Moment;
use ledger::fact::Category;

use super::deflate::Part;
use super::markup::{Look, cell, letters, sheet_head, sheet_tail};
use super::notes::Notes;
use super::package::Package;
use super::problems::{Listed, Problem, Problems};
use super::{COLUMNS_MAX, Kind, RECORDS_MAX, WriteError, looks, tabs};
use crate::columns::{self, CATEGORIES_TAB, ERRORS_TAB, GENERAL_TAB, INSTRUCTIONS_TAB, RECORDS_TAB};

/// The columns whose text is one line for each thing.
const WRAPPED: [&str; 2] = ["error_details", "result_details"];
/// What a row grows to for them: beyond that the rest of the sheet is out of sight.
const LINES_MAX: usize = 8;
const LINE_HEIGHT: usize = 15;
const WIDTH_UNKNOWN: u8 = 20;
/// The first column of the records is at least that wide.
const WIDTH_FIRST: u8 = 20;
/// Where the tab of the records stands among the others, and that of the errors.
const RECORDS_AT: usize = 3;
const ERRORS_AT: usize = 4;

/// What a workbook is and what stands in it beside the records.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What it is for.
    pub kind: Kind,
    /// The title in the file's properties.
    pub title: String,
    /// The rows of the `general` tab: attribute and value, in this order.
    pub general: Vec<(String, String)>,
    /// The rows of the `categories` tab.
    pub categories: Vec<Category>,
    /// The headers of the `records` tab (see [`columns::placed`]).
    pub headers: Vec<String>,
    /// The creation time that the file carries: of the fact that ordered it, so that the bytes can be made again.
    pub created: Moment,
}

/// What is to be seen at a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark<'a> {
    /// Nothing.
    #[default]
    Plain,
    /// It is wrong: red.
    Error {
        /// Code, text and fix.
        note: &'a str,
    },
    /// It is worth a look: yellow.
    Warning {
        /// What to know.
        note: &'a str,
    },
}

/// A cell to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellOut<'a> {
    /// Its text; a blank cell has none.
    pub text: &'a str,
    /// What is to be seen at it.
    pub mark: Mark<'a>,
}

impl<'a> CellOut<'a> {
    /// A cell without a mark.
    #[must_use]
    pub fn plain(text: &'a str) -> Self {
        Self { text, mark: Mark::Plain }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Records.
    pub records: u32,
    /// Notes at marked cells.
    pub notes: u32,
    /// Cells whose text was longer than a cell can be. Each is yellow and says so.
    pub cut: u32,
    /// Rows of the `errors` tab.
    pub problems: u32,
}

/// A workbook that is being written: the records go to its file as they come. Dropping it leaves a file that is of no
/// use.
pub struct RecordsWorkbook {
    path: PathBuf,
    temp_dir: PathBuf,
    package: Package,
    part: Part,
    problems: Option<Problems>,
    notes: Notes,
    general: Vec<(String, String)>,
    /// The letters of each column, and whether it is wrapped.
    columns: Vec<(String, bool)>,
    widths: Vec<u8>,
    broken: bool,
    written: Written,
}

impl RecordsWorkbook {
    /// Begins a workbook: creates or empties the file, and writes what stands before the records. Where the workbook
    /// has a tab of errors, its rows wait, deflated, in an unlinked file in `temp_dir`.
    ///
    /// # Errors
    /// [`WriteError::Output`] and [`WriteError::TemporaryFile`] from the system, [`WriteError::TooManyColumns`].
    pub fn create(path: &Path, temp_dir: &Path, layout: &Layout) -> Result<Self, WriteError> {
        if layout.headers.len() > COLUMNS_MAX {
            return Err(WriteError::TooManyColumns { columns: layout.headers.len() });
        }
        let failed = |source| WriteError::Output { path: path.to_owned(), source };
        let temporary = |source| WriteError::TemporaryFile { dir: temp_dir.to_owned(), source };
        let package = Package::new(File::create(path).map_err(failed)?);
        let is_wrapped = |header: &String| WRAPPED.contains(&columns::normalised(header).as_str());
        let named = layout.headers.iter().enumerate().map(|(at, header)| (letters(at), is_wrapped(header)));
        let problems = layout.kind.lists_errors().then(|| Problems::begin(temp_dir)).transpose().map_err(temporary)?;
        let mut this = Self {
            path: path.to_owned(),
            temp_dir: temp_dir.to_owned(),
            package,
            part: Part::new(),
            problems,
            notes: Notes::default(),
            general: layout.general.clone(),
            columns: named.collect(),
            widths: widths(&layout.headers),
            broken: false,
            written: Written::default(),
        };
        this.begin(layout).map_err(failed)?;
        Ok(this)
    }

    fn begin(&mut self, layout: &Layout) -> io::Result<()> {
        self.package.add("_rels/.rels", looks::package_links().as_bytes())?;
        self.package.add("docProps/app.xml", looks::application().as_bytes())?;
        self.package.add("docProps/core.xml", &looks::properties(&layout.title, layout.created))?;
        self.package.add("xl/styles.xml", looks::styles().as_bytes())?;
        self.package.add("xl/worksheets/sheet1.xml", &tabs::instructions(layout.kind))?;
        self.package.add("xl/worksheets/sheet3.xml", &tabs::categories(&layout.categories))?;
        self.package.begin("xl/worksheets/sheet4.xml")?;
        let out = self.part.buffer();
        out.extend(sheet_head(&self.widths, true));
        out.extend_from_slice(b"<row r=\"1\">");
        for ((column, _), header) in self.columns.iter().zip(&layout.headers) {
            let ours = layout.kind.added().iter().any(|added| added.name == columns::normalised(header));
            cell(out, column, "1", if ours { Look::StrongHeader } else { Look::Header }, header);
        }
        out.extend_from_slice(b"</row>");
        Ok(())
    }

    /// Adds a row to the `general` tab.
    pub fn general(&mut self, attribute: &str, value: &str) {
        self.general.push((attribute.to_owned(), value.to_owned()));
    }

    /// Adds what is wrong with the record that was written last to the `errors` tab, where the workbook has one.
    ///
    /// # Errors
    /// As [`RecordsWorkbook::row`].
    pub fn problem(&mut self, problem: &Problem<'_>) -> Result<(), WriteError> {
        if self.broken {
            return Err(WriteError::Unfinished);
        }
        let Some(problems) = &mut self.problems else { return Ok(()) };
        self.broken = true;
        let record = self.written.records + 1;
        let failed = |source| WriteError::TemporaryFile { dir: self.temp_dir.clone(), source };
        problems.add(record, problem).map_err(failed)?;
        self.broken = false;
        self.written.problems += 1;
        Ok(())
    }

    /// Writes the next record; a shorter row leaves the columns after it blank.
    ///
    /// # Errors
    /// [`WriteError::TooManyRecords`] and [`WriteError::TooManyCells`] leave the workbook as it was; after any other
    /// error it can only be dropped.
    pub fn row(&mut self, cells: &[CellOut<'_>]) -> Result<(), WriteError> {
        if self.broken {
            return Err(WriteError::Unfinished);
        }
        if self.written.records == RECORDS_MAX {
            return Err(WriteError::TooManyRecords);
        }
        if cells.len() > self.columns.len() {
            return Err(WriteError::TooManyCells { cells: cells.len(), headers: self.columns.len() });
        }
        self.broken = true;
        self.written.records += 1;
        self.cells(cells);
        let failed = |source| WriteError::Output { path: self.path.clone(), source };
        self.part.flow(self.package.sink()).map_err(failed)?;
        self.broken = false;
        Ok(())
    }

    fn cells(&mut self, cells: &[CellOut<'_>]) {
        let row = self.written.records;
        let number = (row + 1).to_string();
        let out = self.part.buffer();
        out.extend_from_slice(b"<row r=\"");
        out.extend_from_slice(number.as_bytes());
        let wrapped = cells.iter().zip(&self.columns).zip(&self.widths).filter(|((_, (_, wrapped)), _)| *wrapped);
        let lines = wrapped.map(|((cell, _), width)| lines_of(cell.text, *width)).max().unwrap_or(1);
        if lines > 1 {
            let height = lines.min(LINES_MAX) * LINE_HEIGHT;
            out.extend_from_slice(format!("\" ht=\"{height}\" customHeight=\"1").as_bytes());
        }
        out.extend_from_slice(b"\">");
        for (at, (one, (column, wrapped))) in (0..).zip(cells.iter().zip(&self.columns)) {
            let (look, note) = match one.mark {
                Mark::Plain if one.text.is_empty() => continue,
                Mark::Plain if *wrapped && lines > 1 => (Look::Wrapped, ""),
                Mark::Plain => (Look::Text, ""),
                Mark::Error { note } => (Look::Error, note),
                Mark::Warning { note } => (Look::Warning, note),
            };
            let start = out.len();
            let is_cut = cell(out, column, &number, look, one.text);
            if !note.is_empty() {
                self.notes.add(row, at, note);
            } else if is_cut {
                self.notes.add(row, at, "This text is longer than a cell can hold; its end is missing here.");
            }
            if is_cut {
                self.written.cut += 1;
                if look != Look::Error {
                    out.truncate(start);
                    cell(out, column, &number, Look::Warning, one.text);
                }
            }
        }
        out.extend_from_slice(b"</row>");
    }

    /// Packs the workbook into its file. Whoever moves the file into place sees to it that it is on the disk.
    ///
    /// # Errors
    /// [`WriteError::Output`] where the file can't be written; what it holds then is of no use.
    pub fn finish(mut self) -> Result<Written, WriteError> {
        if self.broken {
            return Err(WriteError::Unfinished);
        }
        let temporary = |source| WriteError::TemporaryFile { dir: self.temp_dir.clone(), source };
        let problems = self.problems.take().map(Problems::finish).transpose().map_err(temporary)?;
        self.written.notes = self.notes.count();
        let (written, path) = (self.written, self.path.clone());
        self.end(problems).map_err(|source| WriteError::Output { path, source })?;
        Ok(written)
    }

    fn end(self, problems: Option<Listed>) -> io::Result<()> {
        let Self { mut package, mut part, notes, general, columns, widths, written, .. } = self;
        let mut filters = Vec::new();
        let last = columns.last().filter(|_| written.records > 0);
        let range = last.map(|(column, _)| format!("A1:{column}{}", written.records + 1));
        part.buffer().extend(sheet_tail(range.as_deref(), &[], notes.count() > 0));
        let sizes = part.finish(package.sink())?;
        package.end(sizes)?;
        filters.extend(range.map(|range| (RECORDS_AT, RECORDS_TAB, range)));
        package.add("xl/worksheets/sheet2.xml", &tabs::general(&general))?;
        let mut names = vec![INSTRUCTIONS_TAB, GENERAL_TAB, CATEGORIES_TAB, RECORDS_TAB];
        if let Some(Listed { filter, sizes, content }) = problems {
            names.push(ERRORS_TAB);
            package.add_deflated("xl/worksheets/sheet5.xml", sizes, content)?;
            filters.extend(filter.map(|range| (ERRORS_AT, ERRORS_TAB, range)));
        }
        if notes.count() > 0 {
            package.add("xl/worksheets/_rels/sheet4.xml.rels", looks::note_links().as_bytes())?;
            package.add("xl/comments1.xml", &notes.texts())?;
            package.add("xl/drawings/vmlDrawing1.vml", notes.boxes(&widths).as_bytes())?;
        }
        package.add("xl/workbook.xml", looks::workbook(&names, &filters).as_bytes())?;
        package.add("xl/_rels/workbook.xml.rels", looks::workbook_links(names.len()).as_bytes())?;
        package.add("[Content_Types].xml", looks::content_types(names.len(), notes.count() > 0).as_bytes())?;
        package.finish()
    }
}

/// The lines of a text that has several, broken to the width of its column; 1 for any other, which may run on.
fn lines_of(text: &str, width: u8) -> usize {
    if !text.contains('\n') {
        return 1;
    }
    text.lines().map(|line| 1 + line.chars().count() / usize::from(width.max(1))).sum()
}

fn widths(headers: &[String]) -> Vec<u8> {
    let width = |header: &String| columns::known(header).map_or(WIDTH_UNKNOWN, |column| column.width);
    let mut widths: Vec<u8> = headers.iter().map(width).collect();
    if let Some(first) = widths.first_mut() {
        *first = (*first).max(WIDTH_FIRST);
    }
    widths
}
