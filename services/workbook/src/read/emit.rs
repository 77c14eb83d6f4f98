//! From what a cell's XML says to what the cell holds. Both row readers end here.

use super::cell::{CellFault, CellKind, Row, split_reference};
use super::date::{DateFault, write_iso, write_serial};
use super::limits::{ROW_TEXT_BYTES_MAX, SHEET_COLUMNS_MAX};
use super::strings::Strings;
use super::styles::{Format, Styles};
use super::text;

/// What the cells of a sheet refer to.
pub(super) struct Context<'w> {
    pub(super) strings: &'w Strings,
    pub(super) styles: &'w Styles,
    pub(super) date1904: bool,
    pub(super) recalculates: bool,
}

/// How a cell's value is to be understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ValueType {
    #[default]
    Number,
    Shared,
    Inline,
    FormulaText,
    Bool,
    Error,
    Iso,
    Unknown,
}

impl ValueType {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "n" => Self::Number,
            "s" => Self::Shared,
            "inlineStr" => Self::Inline,
            "str" => Self::FormulaText,
            "b" => Self::Bool,
            "e" => Self::Error,
            "d" => Self::Iso,
            _ => Self::Unknown,
        }
    }

    /// Whether `_xHHHH_` stands for a character.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Inline | Self::FormulaText)
    }
}

/// A cell as its XML gives it, the value decoded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RawCell<'a> {
    pub(super) reference: Option<&'a str>,
    pub(super) style: Option<&'a str>,
    pub(super) kind: ValueType,
    pub(super) formula: bool,
    pub(super) value: Option<&'a str>,
    pub(super) illegal: bool,
    pub(super) fault: Option<CellFault>,
}

/// Where the next cell belongs.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    next: u32,
    digits: String,
}

impl Place {
    /// Starts a row.
    pub(super) fn begin(&mut self, row: &mut Row, number: u32) {
        use std::fmt::Write as _;
        row.begin(number);
        self.next = 0;
        self.digits.clear();
        // Writing to a string doesn't fail.
        let _ = write!(self.digits, "{number}");
    }

    /// The column that a cell without an address takes.
    pub(super) fn guess(&self) -> u16 {
        u16::try_from(self.next.min(SHEET_COLUMNS_MAX - 1)).unwrap_or_default()
    }

    /// The column of a cell, and what is wrong with it.
    #[inline]
    fn take(&mut self, reference: Option<&str>) -> (u16, Option<CellFault>) {
        let guess = self.guess();
        let (column, mut fault) = match reference {
            None if self.next >= SHEET_COLUMNS_MAX => (guess, Some(CellFault::BadReference)),
            None => (guess, None),
            Some(reference) => match split_reference(reference) {
                Some((column, digits)) if digits == self.digits => (column, None),
                _ => (guess, Some(CellFault::BadReference)),
            },
        };
        let after = u32::from(column) + 1;
        if fault.is_none() && after <= self.next {
            fault = Some(if after == self.next { CellFault::Duplicate } else { CellFault::OutOfOrder });
        }
        self.next = self.next.max(after);
        (column, fault)
    }
}

/// Adds a cell to the row; a blank one only takes its place.
pub(super) fn push(row: &mut Row, place: &mut Place, context: &Context<'_>, cell: &RawCell<'_>) {
    let (column, misplaced) = place.take(cell.reference);
    if let Some(fault) = misplaced {
        row.note(column, fault);
    }
    if row.len() >= SHEET_COLUMNS_MAX as usize {
        // More cells than columns: the fault is noted above, more of them would only cost memory.
        return;
    }
    let start = row.text_mut().len();
    let (kind, fault) = match (cell.value, cell.formula) {
        (None, true) => (CellKind::FormulaWithoutValue, None),
        (None, false) if cell.fault.is_none() && misplaced.is_none() => return,
        (None, false) => (CellKind::Text, None),
        (Some(value), _) => hold(row, context, cell, value),
    };
    let illegal = cell.illegal.then_some(CellFault::IllegalCharacter);
    let fault = misplaced.or(cell.fault).or(fault).or(illegal);
    let blank = kind == CellKind::Text && row.text_mut().len() == start;
    if !blank || fault.is_some() {
        row.push(column, kind, start, fault);
    }
}

/// Appends the cell's text to the row's and says what it is.
#[inline]
fn hold(row: &mut Row, context: &Context<'_>, cell: &RawCell<'_>, value: &str) -> (CellKind, Option<CellFault>) {
    match cell.kind {
        ValueType::Number => hold_number(row, context, cell, value),
        ValueType::Shared => match value.parse().ok().and_then(|index: usize| context.strings.get(index)) {
            // `parse` takes a sign, which no index has.
            Some((text, fault)) if !value.starts_with('+') => {
                // Cut already when the strings were read: measuring it again for each cell would take seconds a row.
                let dropped = hold_kept(row, text);
                (CellKind::Text, fault.or(dropped))
            }
            _ => {
                hold_text(row, value);
                (CellKind::Text, Some(CellFault::BadSharedString))
            }
        },
        ValueType::Inline | ValueType::FormulaText => (CellKind::Text, hold_text(row, value)),
        ValueType::Error => (CellKind::Error, hold_text(row, value)),
        ValueType::Unknown => {
            hold_text(row, value);
            (CellKind::Text, Some(CellFault::UnknownType))
        }
        ValueType::Bool => {
            let known = match value {
                "1" | "true" => Some("TRUE"),
                "0" | "false" => Some("FALSE"),
                _ => None,
            };
            hold_text(row, known.unwrap_or(value));
            (CellKind::Bool, known.is_none().then_some(CellFault::BadBool))
        }
        ValueType::Iso => {
            let result = write_iso(value, row.text_mut());
            hold_date(row, value, result)
        }
    }
}

fn hold_number(row: &mut Row, context: &Context<'_>, cell: &RawCell<'_>, value: &str) -> (CellKind, Option<CellFault>) {
    if value.is_empty() {
        // An empty value is no value: openpyxl writes one behind each formula.
        let kind = if cell.formula { CellKind::FormulaWithoutValue } else { CellKind::Text };
        return (kind, None);
    }
    if cell.formula && context.recalculates && value == "0" {
        // Libraries that can't calculate write 0 and ask for a calculation on opening: the 0 is nobody's value.
        hold_text(row, value);
        return (CellKind::FormulaWithoutValue, None);
    }
    let style = cell.style.map_or(0, |style| style.parse().unwrap_or(u32::MAX));
    let result = match context.styles.format(style) {
        Format::Number => return (CellKind::Number, hold_text(row, value)),
        Format::Date => write_serial(value, context.date1904, row.text_mut()),
        Format::Time => Err(DateFault::TimeOnly),
    };
    hold_date(row, value, result)
}

/// A date that is none keeps its raw text.
pub(super) fn hold_date(row: &mut Row, value: &str, result: Result<(), DateFault>) -> (CellKind, Option<CellFault>) {
    let fault = result.err().map(|fault| {
        hold_text(row, value);
        CellFault::BadDate(fault)
    });
    (CellKind::Date, fault)
}

#[inline]
pub(super) fn hold_text(row: &mut Row, value: &str) -> Option<CellFault> {
    let (kept, units) = text::cut(value);
    hold_kept(row, kept).or(units.map(|units| CellFault::TooLong { units }))
}

/// Takes a text that is no longer than a cell's.
#[inline]
fn hold_kept(row: &mut Row, kept: &str) -> Option<CellFault> {
    let held = row.text_mut();
    if held.len() + kept.len() > ROW_TEXT_BYTES_MAX {
        return Some(CellFault::RowTooLong);
    }
    held.push_str(kept);
    None
}
