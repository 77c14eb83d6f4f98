//! Cells from outside the XML: what a CSV line or a foreign workbook holds, under the same limits and with the same
//! faults as the cells of our own reader.

use super::cell::{CellFault, CellKind, Row};
use super::date::{DateFault, write_iso, write_serial};
use super::emit::{hold_date, hold_text};
use super::text::is_legal;

/// A cell's value as a foreign reader tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Its text is what the cell shows.
    Plain(CellKind, &'a str),
    /// A date as a count of days, in one of the two calendars.
    Serial {
        /// The count.
        raw: &'a str,
        /// Whether it starts in 1904.
        date1904: bool,
    },
    /// A date as ISO 8601 writes it.
    Iso(&'a str),
    /// A time of day or a span of time: no date.
    Time(&'a str),
}

/// Adds a cell to a row; a blank one takes no place.
pub(crate) fn put(row: &mut Row, column: u16, value: Value<'_>) {
    let start = row.text_mut().len();
    let (kind, fault) = match value {
        Value::Plain(kind, text) => (kind, put_text(row, text)),
        Value::Serial { raw, date1904 } => {
            let result = write_serial(raw, date1904, row.text_mut());
            hold_date(row, raw, result)
        }
        Value::Iso(raw) => {
            let result = write_iso(raw, row.text_mut());
            hold_date(row, raw, result)
        }
        Value::Time(raw) => hold_date(row, raw, Err(DateFault::TimeOnly)),
    };
    let blank = kind == CellKind::Text && row.text_mut().len() == start;
    if !blank || fault.is_some() {
        row.push(column, kind, start, fault);
    }
}

fn put_text(row: &mut Row, text: &str) -> Option<CellFault> {
    if text.chars().all(is_legal) {
        return hold_text(row, text);
    }
    let mended: String = text.chars().map(|c| if is_legal(c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
    hold_text(row, &mended).or(Some(CellFault::IllegalCharacter))
}
