//! What a row holds: cells with their text, and the faults that came with them.

use super::date::DateFault;

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CellKind {
    /// Text as typed.
    Text,
    /// A number; the text is exactly what the file holds, with blanks around it removed.
    Number,
    /// A date: `YYYY-MM-DD hh:mm:ss`, or the file's raw text if the cell has a fault.
    Date,
    /// `TRUE` or `FALSE`.
    Bool,
    /// An error value such as `#DIV/0!`.
    Error,
    /// A formula that no program has calculated.
    FormulaWithoutValue,
}

/// What is wrong with a cell. The row stays readable; whoever uses the cell decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CellFault {
    /// The cell's own address is none, names another row, or lies beyond column XFD. Its column is a guess.
    BadReference,
    /// The row already has a cell in this column.
    Duplicate,
    /// The cell stands left of the one before it.
    OutOfOrder,
    /// A cell type that the format doesn't know.
    UnknownType,
    /// A shared string index that is no number, or has no string.
    BadSharedString,
    /// A truth value other than 0 and 1.
    BadBool,
    /// A date that is none.
    BadDate(DateFault),
    /// The value is given twice.
    ValueTwice,
    /// Something in the cell that is no value, so the value may lie elsewhere.
    Unexpected,
    /// Characters that text can't hold (NUL, broken UTF-8); each is U+FFFD in the text.
    IllegalCharacter,
    /// Longer than a cell can be; the text is cut.
    TooLong {
        /// Length before the cut, in UTF-16 units.
        units: u32,
    },
    /// The cells before it have filled what a row may hold; its text is dropped.
    RowTooLong,
    /// A CSV line with more cells than the header, so a separator inside a cell may have moved the others.
    MoreThanHeader,
    /// Text between a closing quotation mark and the separator.
    TextAfterQuote,
}

impl CellFault {
    /// What is wrong with a row that has such a fault in its structure, for its row error.
    #[must_use]
    pub fn damage(self) -> &'static str {
        match self {
            Self::BadReference => "a cell's address is wrong",
            Self::Duplicate => "a cell stands twice",
            Self::OutOfOrder => "cells are out of order",
            Self::MoreThanHeader => "more cells than columns; quote cells that hold the separator",
            Self::TextAfterQuote => "text after a closing quotation mark; write \"\" for a quotation mark",
            _ => "its cells can't be told apart",
        }
    }
}

/// A cell of a row. Blank cells are not in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Column in the sheet, 0 for A.
    pub column: u16,
    /// What it holds.
    pub kind: CellKind,
    /// Its text; for a number the raw text of the file.
    pub text: &'a str,
    /// What is wrong with it.
    pub fault: Option<CellFault>,
}

impl Cell<'_> {
    /// Whether a person sees nothing in it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.fault.is_none() && self.kind == CellKind::Text && self.text.trim().is_empty()
    }
}

#[derive(Clone, Copy, Debug)]
struct Stored {
    column: u16,
    kind: CellKind,
    start: u32,
    end: u32,
    fault: Option<CellFault>,
}

/// A row and the buffers behind it: make one and hand it to every call.
#[derive(Clone, Debug, Default)]
pub struct Row {
    number: u32,
    text: String,
    cells: Vec<Stored>,
    fault: Option<(u16, CellFault)>,
}

impl Row {
    /// An empty row.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its number in the sheet, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The first fault in the row's structure and its column. Such a row can't be trusted: values may have moved.
    #[must_use]
    pub fn fault(&self) -> Option<(u16, CellFault)> {
        self.fault
    }

    /// Its cells, in the order of the file. Without a [`Row::fault`] that is also the order of the columns.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = Cell<'_>> {
        self.cells.iter().map(|stored| self.show(stored))
    }

    /// The number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether it has no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cell at a position of [`Row::cells`].
    #[must_use]
    pub fn get(&self, position: usize) -> Option<Cell<'_>> {
        self.cells.get(position).map(|stored| self.show(stored))
    }

    fn show(&self, stored: &Stored) -> Cell<'_> {
        let text = self.text.get(stored.start as usize..stored.end as usize).unwrap_or_default();
        Cell { column: stored.column, kind: stored.kind, text, fault: stored.fault }
    }

    pub(crate) fn begin(&mut self, number: u32) {
        self.number = number;
        self.text.clear();
        self.cells.clear();
        self.fault = None;
    }

    /// Bytes of text of all its cells.
    pub(super) fn text_bytes(&self) -> u64 {
        self.text.len() as u64
    }

    /// Where the next cell's text is written; [`Row::push`] takes what was added.
    pub(super) fn text_mut(&mut self) -> &mut String {
        &mut self.text
    }

    pub(super) fn push(&mut self, column: u16, kind: CellKind, start: usize, fault: Option<CellFault>) {
        // A row's raw XML is bounded by a few MiB, so positions fit.
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.cells.push(Stored { column, kind, start: position(start), end: position(self.text.len()), fault });
    }

    pub(crate) fn note(&mut self, column: u16, fault: CellFault) {
        self.fault.get_or_insert((column, fault));
    }
}

/// The address of a cell as people write it: column 5 in row 12 is `F12`.
#[must_use]
pub fn address(column: u16, row: u32) -> String {
    let mut letters = Vec::with_capacity(3);
    let mut rest = u32::from(column) + 1;
    while rest > 0 {
        let letter = u8::try_from((rest - 1) % 26).unwrap_or_default();
        letters.push(char::from(b'A' + letter));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().chain(row.to_string().chars().collect::<Vec<_>>().iter()).collect()
}

/// The zero-based column and the digits of a reference such as `F12`; none if it is no reference inside a sheet.
#[inline]
pub(super) fn split_reference(reference: &str) -> Option<(u16, &str)> {
    let mut column = 0_u32;
    let mut letters = 0;
    for byte in reference.bytes().take(3) {
        if !byte.is_ascii_uppercase() {
            break;
        }
        column = column * 26 + u32::from(byte - b'A') + 1;
        letters += 1;
    }
    if letters == 0 || column > super::limits::SHEET_COLUMNS_MAX {
        return None;
    }
    Some((u16::try_from(column - 1).ok()?, reference.get(letters..)?))
}
