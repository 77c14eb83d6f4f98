//! A look at a workbook before calamine reads it: what calamine would pass over in silence ends the reading here.

use std::io::{Cursor, Read, Seek};

use quick_xml::events::{BytesStart, Event};

use crate::format::Format;
use crate::read::limits::{Limits, ROW_BYTES_MAX, ROWS_MAX, SHEET_COLUMNS_MAX};
use crate::read::package::Package;
use crate::read::xml::{Xml, attributes};
use crate::read::{ReadError, quote};

use super::{CELLS_MAX, DIGITS_MAX, ForeignError, brt};

const CONTENT: &str = "content.xml";
const MANIFEST: &str = "META-INF/manifest.xml";

/// What is worth knowing before the reading.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Findings {
    /// An XLSB sheet has a formula whose value is an error: such cells have to be looked for.
    pub(super) formula_errors: bool,
}

/// Looks a workbook over: its container is whole, its checksums hold, and every filled cell will be read.
pub(super) fn look(format: Format, bytes: &[u8]) -> Result<Findings, ReadError> {
    let mut findings = Findings::default();
    if format == Format::Xls {
        look_at_sectors(bytes)?;
        return Ok(findings);
    }
    let mut package = Package::open(Cursor::new(bytes), Limits::default())?;
    if format == Format::Ods {
        refuse_encrypted(&mut package)?;
    }
    package.verify()?;
    match format {
        Format::Ods => look_at_content(&mut package)?,
        Format::Xlsb => {
            findings.formula_errors = brt::look(&mut package, Limits::default().part_inflated_bytes_max)?;
        }
        Format::Xls | Format::Xlsx | Format::Csv => {}
    }
    Ok(findings)
}

/// The sectors that a compound file's own table lists as used are there. The format has no checksum.
fn look_at_sectors(bytes: &[u8]) -> Result<(), ReadError> {
    const FIRST: usize = 76;
    const HEADER: usize = 512;
    const SPECIAL: u32 = 0xFFFF_FFFA;
    const FREE: u32 = 0xFFFF_FFFF;
    let cut = || ReadError::Truncated { detail: "a sector is missing".to_owned() };
    let number =
        |at: usize| -> Option<u32> { Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)) };
    let shift = bytes.get(30).copied().filter(|shift| [9, 12].contains(shift)).ok_or_else(cut)?;
    let size = 1_usize << shift;
    let there = (bytes.len() / size).saturating_sub(1);
    let place = |sector: u32| (sector as usize).checked_add(1).and_then(|sector| sector.checked_mul(size));
    let mut tables: Vec<u32> = (FIRST..HEADER).step_by(4).filter_map(number).collect();
    let mut next = number(68).ok_or_else(cut)?;
    for _ in 0..=there {
        if next >= SPECIAL {
            break;
        }
        let start = place(next).ok_or_else(cut)?;
        let end = start + size - 4;
        tables.extend((start..end).step_by(4).map_while(number));
        next = number(end).ok_or_else(cut)?;
    }
    let mut sector = 0_usize;
    for table in tables.into_iter().filter(|table| *table < SPECIAL) {
        let start = place(table).ok_or_else(cut)?;
        for at in (start..start + size).step_by(4) {
            if number(at).ok_or_else(cut)? != FREE && sector >= there {
                return Err(cut());
            }
            sector += 1;
        }
    }
    Ok(())
}

fn refuse_encrypted<R: Read + Seek>(package: &mut Package<R>) -> Result<(), ReadError> {
    let Some(part) = package.part(MANIFEST, ROW_BYTES_MAX)? else { return Ok(()) };
    let mut xml = Xml::new(MANIFEST, part, ROW_BYTES_MAX);
    loop {
        match xml.next()? {
            Event::Start(element) | Event::Empty(element) if element.name().as_ref() == "manifest:encryption-data" => {
                return Err(ReadError::Encrypted);
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// The filled cells of a table so far.
#[derive(Default)]
struct Table {
    name: String,
    /// Rows before the one that is open.
    rows: u64,
    /// How often the open row is repeated.
    repeats: u64,
    /// Cells before the one that comes.
    columns: u64,
    /// The first and the last filled column, and the same of rows.
    filled_columns: Option<(u64, u64)>,
    filled_rows: Option<(u64, u64)>,
    row_is_filled: bool,
    /// The open cell has no value of its own, so text in it would be lost.
    is_hollow: bool,
    /// The open elements that hold a remark.
    remarks: u32,
}

fn wider(span: Option<(u64, u64)>, first: u64, last: u64) -> (u64, u64) {
    span.map_or((first, last), |(from, to)| (from.min(first), to.max(last)))
}

fn unexpected(found: &str) -> ReadError {
    ReadError::Unexpected { part: CONTENT.to_owned(), found: quote(found) }
}

impl Table {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), ReadError> {
        match element.name().as_ref() {
            "table:table-row" => {
                self.repeats = repeats(element, "table:number-rows-repeated");
                self.columns = 0;
                self.row_is_filled = false;
            }
            "table:table-cell" | "table:covered-table-cell" => self.cell(element)?,
            "table:table" | "table:sub-table" => return Err(unexpected("a table within a table")),
            "office:annotation" => self.remarks += 1,
            _ => {}
        }
        Ok(())
    }

    fn cell(&mut self, element: &BytesStart<'_>) -> Result<(), ReadError> {
        let (mut kind, mut valued, mut formula, mut digits) = (String::new(), false, false, 0);
        attributes(element, |key, value| match key {
            "office:value-type" => value.clone_into(&mut kind),
            "office:value" => {
                valued = true;
                digits = significant(value);
            }
            "office:date-value" | "office:time-value" | "office:boolean-value" | "office:string-value" => valued = true,
            "table:formula" => formula = true,
            _ => {}
        });
        let row = self.rows + 1;
        if digits > DIGITS_MAX {
            let sentence = format!(
                "row {row} of the sheet '{}' has a number of {digits} digits, more than {DIGITS_MAX}; write it as text",
                quote(&self.name)
            );
            return Err(ForeignError::Told(sentence).into());
        }
        let is_text = kind == "string";
        if !kind.is_empty() && !is_text && !valued && !formula {
            return Err(unexpected(&format!("a cell without its value in row {row}")));
        }
        self.is_hollow = !is_text && !valued;
        let repeats = repeats(element, "table:number-columns-repeated");
        let last = self.columns.saturating_add(repeats).saturating_sub(1);
        if is_text || valued || formula {
            if last >= u64::from(SHEET_COLUMNS_MAX) {
                let limit = SHEET_COLUMNS_MAX as usize;
                return Err(ReadError::TooManyColumns { sheet: quote(&self.name), limit });
            }
            self.row_is_filled = true;
            self.filled_columns = Some(wider(self.filled_columns, self.columns, last));
        }
        self.columns = last.saturating_add(1);
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), ReadError> {
        match name {
            "table:table-row" => {
                let last = self.rows.saturating_add(self.repeats);
                if self.row_is_filled {
                    if last > u64::from(ROWS_MAX) {
                        return Err(ReadError::TooManyRows { limit: ROWS_MAX });
                    }
                    self.filled_rows = Some(wider(self.filled_rows, self.rows, last.saturating_sub(1)));
                }
                self.rows = last;
            }
            "table:table-cell" | "table:covered-table-cell" => self.is_hollow = false,
            "office:annotation" => self.remarks = self.remarks.saturating_sub(1),
            _ => {}
        }
        Ok(())
    }

    fn text(&self, text: &str) -> Result<(), ReadError> {
        if self.is_hollow && self.remarks == 0 && !text.trim().is_empty() {
            let row = self.rows + 1;
            return Err(unexpected(&format!("a cell without a value type in row {row}")));
        }
        Ok(())
    }

    fn area(&self) -> Result<(), ReadError> {
        let length = |span: Option<(u64, u64)>| span.map_or(0, |(first, last)| last - first + 1);
        let cells = length(self.filled_columns).saturating_mul(length(self.filled_rows));
        if cells <= CELLS_MAX {
            return Ok(());
        }
        let sentence = format!(
            "the sheet '{}' spans {cells} cells, more than {CELLS_MAX}; split it, or save it as .xlsx",
            quote(&self.name)
        );
        Err(ForeignError::Told(sentence).into())
    }
}

fn repeats(element: &BytesStart<'_>, attribute: &str) -> u64 {
    let mut repeats = 1;
    attributes(element, |key, value| {
        if key == attribute {
            repeats = value.trim().parse().unwrap_or(u64::MAX);
        }
    });
    repeats
}

/// Digits of a number between its first and its last that isn't zero.
fn significant(number: &str) -> usize {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').trim_end_matches('0').len()
}

fn look_at_content<R: Read + Seek>(package: &mut Package<R>) -> Result<(), ReadError> {
    let missing = || ReadError::MissingPart { part: CONTENT.to_owned() };
    let part = package.part(CONTENT, Limits::default().part_inflated_bytes_max)?.ok_or_else(missing)?;
    let mut xml = Xml::new(CONTENT, part, ROW_BYTES_MAX);
    let mut table: Option<Table> = None;
    loop {
        match (xml.next()?, &mut table) {
            (Event::Start(element), Some(table)) => table.open(&element)?,
            (Event::Empty(element), Some(table)) => {
                table.open(&element)?;
                table.close(element.name().as_ref())?;
            }
            (Event::Start(element), None) if element.name().as_ref() == "table:table" => {
                let mut begun = Table::default();
                attributes(&element, |key, value| {
                    if key == "table:name" {
                        value.clone_into(&mut begun.name);
                    }
                });
                table = Some(begun);
            }
            (Event::End(element), Some(open)) => {
                if element.name().as_ref() == "table:table" {
                    open.area()?;
                    table = None;
                } else {
                    open.close(element.name().as_ref())?;
                }
            }
            (Event::Text(text), Some(table)) => table.text(&text.xml10_content())?,
            (Event::CData(_), Some(_)) => return Err(unexpected("a CDATA section")),
            (Event::Eof, _) => break,
            _ => {}
        }
    }
    if xml.depth() > 0 { Err(xml.unfinished()) } else { Ok(()) }
}
