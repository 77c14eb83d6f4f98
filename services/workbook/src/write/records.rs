//! Workbooks of records, written row by row: processed files, chunks and reconciliations.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use ledger::Moment;
use ledger::fact::Category;
use rust_xlsxwriter::{IgnoreError, Workbook, Worksheet, XlsxError};

use super::error::guarded;
use super::problems::{Problem, Problems};
use super::sheet::{self, Looks};
use super::{CELL_UNITS_MAX, COLUMNS_MAX, Kind, NOTES_MAX, RECORDS_MAX, WriteError, text};
use crate::columns::{self, CATEGORIES_TAB, GENERAL_TAB, INSTRUCTIONS_TAB, RECORDS_TAB};

/// Between speed and size: measured on 100,000 × 20 (`measure` in the tests), 3 takes 0.86 s of processor time, 6 takes
/// 1.19 s for a tenth fewer bytes, 1 takes 0.75 s for two fifths more.
const DEFLATE_LEVEL: u8 = 3;
/// From here on a part of the package needs the 64-bit form of zip, which some old readers don't know. Less than
/// 4 GiB by what a sheet has around its rows.
const LARGE_PART_BYTES: u64 = (4 << 30) - (64 << 20);
/// `<c r="XFD1048576" s="9999" t="inlineStr"><is><t xml:space="preserve"></t></is></c>`, and a share of its row's.
const CELL_XML_BYTES: u64 = 96;
/// One write to the output file.
const OUTPUT_BUFFER_BYTES: usize = 1 << 18;
const GENERAL_WIDTH: f64 = 28.0;
const INSTRUCTIONS_WIDTH: f64 = 111.0;
const WIDTH_UNKNOWN: u8 = 20;
/// The first column of the records is at least that wide.
const WIDTH_FIRST: u8 = 20;

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

/// A workbook that is being written. Until [`RecordsWorkbook::finish`] its file is empty; dropping it leaves it so.
pub struct RecordsWorkbook {
    path: PathBuf,
    output: File,
    workbook: Workbook,
    /// What is written last although it stands first: it says what was counted on the way.
    general: Worksheet,
    general_rows: u32,
    categories: Worksheet,
    records: Worksheet,
    problems: Option<Problems>,
    looks: Looks,
    headers: usize,
    xml_bytes: u64,
    broken: bool,
    written: Written,
}

impl RecordsWorkbook {
    /// Begins a workbook: creates or empties the file, and writes all but the records. Rows wait in an unlinked file
    /// in `temp_dir`, about 60 to 100 bytes for each cell.
    ///
    /// # Errors
    /// [`WriteError::Output`] and [`WriteError::TemporaryFile`] from the system, [`WriteError::TooManyColumns`].
    pub fn create(path: &Path, temp_dir: &Path, layout: &Layout) -> Result<Self, WriteError> {
        if layout.headers.len() > COLUMNS_MAX {
            return Err(WriteError::TooManyColumns { columns: layout.headers.len() });
        }
        let output = File::create(path).map_err(|source| WriteError::Output { path: path.to_owned(), source })?;
        let looks = Looks::new();
        let (workbook, [general, categories, records], problems) = guarded("begin the workbook", || {
            let mut workbook = Workbook::new();
            workbook.set_tempdir(temp_dir)?;
            workbook.set_zip_compression_level(DEFLATE_LEVEL);
            sheet::describe(&mut workbook, &layout.title, layout.created)?;
            write_instructions(workbook.add_worksheet_with_constant_memory()?, layout.kind, &looks)?;
            let mut general = workbook.new_worksheet_with_constant_memory()?;
            write_general(&mut general, &layout.general, &looks)?;
            let mut categories = workbook.new_worksheet_with_constant_memory()?;
            write_categories(&mut categories, &layout.categories, &looks)?;
            let mut records = workbook.new_worksheet_with_constant_memory()?;
            write_headers(&mut records, layout, &looks)?;
            let problems = if layout.kind.lists_errors() {
                Some(Problems::begin(workbook.new_worksheet_with_constant_memory()?, &looks)?)
            } else {
                None
            };
            Ok((workbook, [general, categories, records], problems))
        })?;
        Ok(Self {
            path: path.to_owned(),
            output,
            workbook,
            general,
            general_rows: u32::try_from(layout.general.len()).unwrap_or(u32::MAX),
            categories,
            records,
            problems,
            looks,
            headers: layout.headers.len(),
            xml_bytes: 0,
            broken: false,
            written: Written::default(),
        })
    }

    /// Adds a row to the `general` tab.
    ///
    /// # Errors
    /// As [`RecordsWorkbook::row`].
    pub fn general(&mut self, attribute: &str, value: &str) -> Result<(), WriteError> {
        self.guarded("write the general tab", |this| {
            this.general_rows += 1;
            sheet::put_row(&mut this.general, this.general_rows, 0, [attribute, value], None)
        })
    }

    /// Adds what is wrong with the record that was written last to the `errors` tab, where the workbook has one.
    ///
    /// # Errors
    /// As [`RecordsWorkbook::row`].
    pub fn problem(&mut self, problem: &Problem<'_>) -> Result<(), WriteError> {
        self.guarded("write into the errors tab", |this| {
            let Some(problems) = &mut this.problems else { return Ok(()) };
            this.written.problems += 1;
            problems.add(this.written.records, problem, &this.looks)
        })
    }

    /// After an error the workbook has a hole, and nobody can go on with it.
    fn guarded(
        &mut self,
        attempted: &'static str,
        work: impl FnOnce(&mut Self) -> Result<(), XlsxError>,
    ) -> Result<(), WriteError> {
        if self.broken {
            return Err(WriteError::Unfinished);
        }
        self.broken = true;
        guarded(attempted, || work(self))?;
        self.broken = false;
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
        if cells.len() > self.headers {
            return Err(WriteError::TooManyCells { cells: cells.len(), headers: self.headers });
        }
        self.guarded("write a record into the workbook", |this| {
            (0..).zip(cells).try_for_each(|(column, cell)| this.cell(column, *cell))
        })?;
        self.written.records += 1;
        Ok(())
    }

    fn cell(&mut self, column: u16, cell: CellOut<'_>) -> Result<(), XlsxError> {
        let row = self.written.records + 1;
        if cell.text.is_empty() && cell.mark == Mark::Plain {
            return Ok(());
        }
        self.xml_bytes += CELL_XML_BYTES + text::xml_bytes_max(cell.text);
        let cut = text::fitting(cell.text, CELL_UNITS_MAX).len() < cell.text.len();
        self.written.cut += u32::from(cut);
        let (looks, note) = match cell.mark {
            Mark::Plain if cut => {
                (Some(&self.looks.warning), "The text is longer than a cell can be; this is its beginning.")
            }
            Mark::Plain => (None, ""),
            Mark::Error { note } => (Some(&self.looks.error), note),
            Mark::Warning { note } => (Some(&self.looks.warning), note),
        };
        sheet::put(&mut self.records, row, column, cell.text, looks)?;
        if !note.is_empty() && self.written.notes < NOTES_MAX {
            self.records.insert_note(row, column, &sheet::note(note))?;
            self.written.notes += 1;
        }
        Ok(())
    }

    /// Packs the workbook into its file. Whoever moves the file into place sees to it that it is on the disk.
    ///
    /// # Errors
    /// [`WriteError::Output`] where the file can't be written; what it holds then is of no use.
    pub fn finish(mut self) -> Result<Written, WriteError> {
        if self.broken {
            return Err(WriteError::Unfinished);
        }
        let Self { mut workbook, general, categories, mut records, problems, written, headers, .. } = self;
        let mut output = BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, &mut self.output);
        let packed = guarded("pack the workbook", || {
            if let Some(last) = headers.checked_sub(1).filter(|_| written.records > 0) {
                records.autofilter(0, 0, written.records, u16::try_from(last).unwrap_or(u16::MAX))?;
            }
            for sheet in [general, categories, records] {
                workbook.push_worksheet(sheet);
            }
            if let Some(problems) = problems {
                workbook.push_worksheet(problems.finish()?);
            }
            workbook.use_zip_large_file(self.xml_bytes > LARGE_PART_BYTES);
            workbook.save_to_writer(&mut output)
        });
        let failed = |source: io::Error| WriteError::Output { path: self.path, source };
        match packed {
            Ok(()) => output.flush().map_err(failed)?,
            Err(WriteError::Library { source: XlsxError::IoError(source), .. }) => return Err(failed(source)),
            Err(error) => return Err(error),
        }
        Ok(written)
    }
}

fn write_instructions(sheet: &mut Worksheet, kind: Kind, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(INSTRUCTIONS_TAB)?.set_column_width(0, INSTRUCTIONS_WIDTH)?;
    for (row, (heading, line)) in (0..).zip(kind.lines()) {
        sheet::put(sheet, row, 0, &line, Some(if heading { &looks.heading } else { &looks.wrapped }))?;
    }
    Ok(())
}

fn write_general(sheet: &mut Worksheet, rows: &[(String, String)], looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(GENERAL_TAB)?.set_freeze_panes(1, 0)?;
    sheet.set_column_range_width(0, 1, GENERAL_WIDTH)?.set_column_range_format(0, 1, &looks.text)?;
    sheet::put_row(sheet, 0, 0, columns::GENERAL, Some(&looks.header))?;
    for (row, (attribute, value)) in (1..).zip(rows) {
        sheet::put_row(sheet, row, 0, [attribute.as_str(), value], None)?;
    }
    ignore_numbers(sheet)
}

fn write_categories(sheet: &mut Worksheet, rows: &[Category], looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(CATEGORIES_TAB)?.set_freeze_panes(1, 0)?;
    for (at, column) in (0..).zip(&columns::CATEGORIES) {
        sheet.set_column_width(at, column.width)?.set_column_format(at, &looks.text)?;
    }
    sheet::put_row(sheet, 0, 0, columns::CATEGORIES.iter().map(|column| column.name), Some(&looks.header))?;
    for (row, category) in (1..).zip(rows) {
        sheet::put_row(sheet, row, 0, [category.id.as_str(), &category.name, &category.description], None)?;
    }
    ignore_numbers(sheet)
}

fn write_headers(sheet: &mut Worksheet, layout: &Layout, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(RECORDS_TAB)?.set_freeze_panes(1, 0)?;
    let added = layout.kind.added();
    for (at, header) in (0..).zip(&layout.headers) {
        let width = columns::known(header).map_or(WIDTH_UNKNOWN, |column| column.width);
        let width = if at == 0 { width.max(WIDTH_FIRST) } else { width };
        sheet.set_column_width(at, width)?.set_column_format(at, &looks.text)?;
        let ours = added.iter().any(|column| column.name == columns::normalised(header));
        sheet::put(sheet, 0, at, header, Some(if ours { &looks.strong_header } else { &looks.header }))?;
    }
    ignore_numbers(sheet)
}

/// No green corners at numbers: that they are text is meant.
fn ignore_numbers(sheet: &mut Worksheet) -> Result<(), XlsxError> {
    let last = u16::try_from(COLUMNS_MAX - 1).unwrap_or(u16::MAX);
    sheet.ignore_error_range(0, 0, RECORDS_MAX, last, IgnoreError::NumberStoredAsText)?;
    Ok(())
}
