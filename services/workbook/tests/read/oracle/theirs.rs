//! A workbook as calamine reads it and as we do, in one notation.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, Reader, Xlsx};
use chrono::{Duration, NaiveDate};
use workbook::read::{CellKind, Limits, Row, Workbook};

use crate::make::By;

/// Cells of a sheet by row and column, from 0: `n` and the double, `t` and the text, `d` and the moment, …
pub(crate) type Cells = BTreeMap<(u32, u32), String>;

/// The names of the tabs as calamine lists them.
pub(crate) fn tabs(bytes: &[u8]) -> Vec<String> {
    open(bytes).sheet_names()
}

fn open(bytes: &[u8]) -> Xlsx<Cursor<&[u8]>> {
    Xlsx::new(Cursor::new(bytes)).unwrap()
}

/// What calamine reads; blank cells are left out.
pub(crate) fn theirs(bytes: &[u8], tab: &str) -> Result<Cells, String> {
    let mut book = open(bytes);
    let mut reader = book.worksheet_cells_reader(tab).map_err(|error| error.to_string())?;
    let mut cells = Cells::new();
    while let Some(cell) = reader.next_cell().map_err(|error| error.to_string())? {
        if let Some(text) = their_text(cell.get_value()) {
            cells.insert(cell.get_position(), text);
        }
    }
    Ok(cells)
}

fn their_text(value: &DataRef<'_>) -> Option<String> {
    Some(match value {
        DataRef::Empty => return None,
        DataRef::Int(number) => format!("n{number}"),
        DataRef::Float(double) => format!("n{double}"),
        DataRef::String(text) => format!("t{text}"),
        DataRef::SharedString(text) => format!("t{text}"),
        DataRef::Bool(is_true) => format!("b{}", if *is_true { "TRUE" } else { "FALSE" }),
        DataRef::DateTime(moment) => {
            let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
            let Some(date) = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into()) else {
                return Some(format!("d{year}-{month:02}-{day:02}"));
            };
            let moment = date.and_hms_milli_opt(hour.into(), minute.into(), second.into(), milli.into()).unwrap();
            // We keep whole seconds, so half a second and more belongs to the next.
            format!("d{}", (moment + Duration::milliseconds(500)).format("%Y-%m-%d %H:%M:%S"))
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => format!("d{text}"),
        DataRef::Error(error) => format!("e{error}"),
    })
}

/// What our reader reads, a number as the double that its text names.
pub(crate) fn ours(bytes: &[u8], tab: &str, by: By) -> Cells {
    let mut book = Workbook::open(Cursor::new(bytes), Limits::default()).unwrap();
    if by == By::Xml {
        book.read_by_xml_only();
    }
    let sheet = book.sheets().iter().position(|sheet| sheet.name() == tab).unwrap();
    let mut rows = book.rows(sheet).unwrap();
    let mut row = Row::new();
    let mut cells = Cells::new();
    while rows.next_row(&mut row).unwrap() {
        for cell in row.cells() {
            let text = cell.text;
            let shown = match (cell.fault, cell.kind) {
                (Some(fault), _) => format!("!{fault:?} {text}"),
                (None, CellKind::Text) => format!("t{text}"),
                (None, CellKind::Number) => {
                    text.parse::<f64>().map_or_else(|_| format!("t{text}"), |double| format!("n{double}"))
                }
                (None, CellKind::Date) => format!("d{text}"),
                (None, CellKind::Bool) => format!("b{text}"),
                (None, CellKind::Error) => format!("e{text}"),
                (None, CellKind::FormulaWithoutValue) => format!("f{text}"),
            };
            let place = (row.number() - 1, u32::from(cell.column));
            assert_eq!(cells.insert(place, shown), None, "{place:?} stands twice");
        }
    }
    cells
}
