//! CSV in: lines of text as the rows of a sheet, as a stream and exactly as typed.
//!
//! UTF-8 with or without a byte order mark; the separator is found from the header; quotation marks as RFC 4180 has
//! them. Every cell is text. A row has the number of the line that it begins on.

mod records;
#[cfg(test)]
mod tests;

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::read::limits::{COLUMNS_MAX, ROW_BYTES_MAX, SHEET_COLUMNS_MAX};
use crate::read::put::{Value, put};
use crate::read::table::{RowSource, is_custom, normalise};
use crate::read::{CellFault, CellKind, ReadError, Row};

use records::{Found, Records};

/// What separates cells, the usual first.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];
/// What is looked at to find the separator: a header of 128 columns is far shorter.
const HEAD_BYTES: u64 = 64 << 10;
/// What is said in place of a sheet's name.
const SHEET: &str = "records";

/// Why a CSV file can't be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// A byte order mark of UTF-16.
    #[error("the CSV file is UTF-16 text; save it as \"CSV UTF-8\" and upload it again")]
    Utf16,
    /// Bytes that are no UTF-8.
    #[error("line {line} of the CSV file is not UTF-8 text; save it as \"CSV UTF-8\" and upload it again")]
    NotUtf8 {
        /// The line, from 1.
        line: u32,
    },
    /// A quoted cell without an end.
    #[error("the quotation mark opened in line {line} of the CSV file is never closed; close it, or write \"\" for it")]
    Unterminated {
        /// The line, from 1.
        line: u32,
    },
    /// More text than a row may have.
    #[error("the row that begins in line {line} of the CSV file has more than {limit} bytes; look for an open quote")]
    RowTooLarge {
        /// The line, from 1.
        line: u32,
        /// Bytes allowed.
        limit: u64,
    },
    /// More lines than can be numbered.
    #[error("the CSV file has too many lines; split the file")]
    TooManyLines,
}

/// The rows of a CSV file.
pub struct Rows<R> {
    records: Records<BufReader<R>>,
    /// Cells of the header, blank ones too: no row may have more.
    header: Option<usize>,
    columns_max: usize,
}

impl<R: Read + Seek> Rows<R> {
    /// Finds the separator that makes the most of the `known` columns out of the header.
    ///
    /// # Errors
    ///
    /// Bytes that can't be fetched, and text that is UTF-16.
    pub fn open(mut source: R, known: &[&str]) -> Result<Self, ReadError> {
        let mut head = Vec::new();
        source.seek(SeekFrom::Start(0)).map_err(ReadError::Io)?;
        source.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(ReadError::Io)?;
        if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
            return Err(CsvError::Utf16.into());
        }
        let bom = if head.starts_with("\u{feff}".as_bytes()) { "\u{feff}".len() } else { 0 };
        let text = head.get(bom..).unwrap_or_default();
        let told = told_separator(text);
        let skip = bom + told.map_or(0, |(_, length)| length);
        let separator = told.map_or_else(|| likeliest(text, known), |(separator, _)| separator);
        source.seek(SeekFrom::Start(skip as u64)).map_err(ReadError::Io)?;
        let line = 1 + u32::from(told.is_some());
        let records = Records::new(BufReader::new(source), separator, line);
        Ok(Self { records, header: None, columns_max: COLUMNS_MAX })
    }
}

/// The separator that a first line `sep=;` names, as Excel writes and reads it, and the length of that line.
fn told_separator(text: &[u8]) -> Option<(u8, usize)> {
    let (&separator, rest) = text.strip_prefix(b"sep=")?.split_first()?;
    let end = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
    (SEPARATORS.contains(&separator) && end > 0).then_some((separator, "sep=;".len() + end))
}

fn likeliest(head: &[u8], known: &[&str]) -> u8 {
    let score = |separator: &u8| {
        let mut records = Records::new(head, *separator, 1);
        while let Ok(Some(_)) = records.next() {
            let names: Vec<String> = records.fields().map(|field| normalise(&String::from_utf8_lossy(field))).collect();
            if names.iter().any(|name| !name.is_empty()) {
                let matching = names.iter().filter(|name| is_custom(name) || known.contains(&name.as_str())).count();
                return (matching, names.len());
            }
        }
        (0, 0)
    };
    // The last of equal ones would win: the usual one comes last.
    SEPARATORS.into_iter().rev().max_by_key(score).unwrap_or(b',')
}

impl<R: Read + Seek> RowSource for Rows<R> {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, ReadError> {
        let Some(Found { line, after_quote }) = self.records.next()? else { return Ok(false) };
        row.begin(line);
        let text = self.records.text(line)?;
        let limit = self.header.unwrap_or(SHEET_COLUMNS_MAX as usize);
        let mut count = 0;
        let mut start = 0;
        for &end in self.records.ends() {
            let field = text.get(start..end).ok_or(CsvError::NotUtf8 { line })?;
            if count < limit && !field.is_empty() {
                let column = u16::try_from(count).unwrap_or(u16::MAX);
                put(row, column, Value::Plain(CellKind::Text, field));
            }
            count += 1;
            start = end;
        }
        if let Some(field) = after_quote {
            row.note(u16::try_from(field).unwrap_or(u16::MAX), CellFault::TextAfterQuote);
        }
        if count > limit {
            row.note(u16::try_from(limit).unwrap_or(u16::MAX), CellFault::MoreThanHeader);
        }
        if self.header.is_none() && row.cells().any(|cell| !cell.is_blank()) {
            self.header = Some(count);
        }
        Ok(true)
    }

    fn sheet(&self) -> &str {
        SHEET
    }

    fn columns_max(&self) -> usize {
        self.columns_max
    }
}

/// A fault of the stream under the lines.
fn io_error(error: io::Error) -> ReadError {
    ReadError::Io(error)
}

fn too_large(line: u32) -> ReadError {
    CsvError::RowTooLarge { line, limit: ROW_BYTES_MAX }.into()
}
