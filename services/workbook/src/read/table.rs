//! A sheet as a table: the first row that isn't blank names the columns, and what follows are its records.

use super::cell::{Cell, CellFault, Row, address};
use super::error::{ReadError, quote};
use super::limits::{HEADER_BYTES_MAX, SHEET_COLUMNS_MAX};

/// The prefix of a vendor's own columns.
const CUSTOM_PREFIX: &str = "v.";
/// No column of the table.
const DROPPED: u8 = u8::MAX;

/// A named column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Column in the sheet, 0 for A.
    pub index: u16,
    /// The name by which it is looked up: trimmed, in lower case, `_` for blanks and hyphens; that of a vendor's own
    /// column (`v.…`) is kept byte for byte.
    pub name: String,
    /// The header as the file has it.
    pub header_text: String,
}

/// What gives rows, whatever the file's format: numbers rise, and an end that is reported is a checked one.
pub trait RowSource {
    /// Reads the next row. `Ok(false)` says that there is none and that what was read is complete.
    ///
    /// # Errors
    ///
    /// A fault of the file, never of a cell.
    fn next_row(&mut self, row: &mut Row) -> Result<bool, ReadError>;

    /// Name of the sheet, for messages.
    fn sheet(&self) -> &str;

    /// Columns that a table over it keeps.
    fn columns_max(&self) -> usize;
}

/// A table over the rows of a sheet.
pub struct Table<S> {
    rows: S,
    row: Row,
    columns: Vec<Column>,
    header_row: u32,
    /// The position among `columns` of each column of the sheet.
    positions: Vec<u8>,
    /// For each of `columns`, the position of its cell in `row`.
    cells: Vec<Option<usize>>,
}

/// A row under the header. It is lent until the next one is read.
#[derive(Clone, Copy)]
pub struct Record<'t> {
    row: &'t Row,
    cells: &'t [Option<usize>],
}

impl<'t> Record<'t> {
    /// Its row number in the sheet, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.row.number()
    }

    /// The cell under a column, by the column's position in [`Table::columns`]; none if it is blank.
    #[must_use]
    pub fn cell(&self, column: usize) -> Option<Cell<'t>> {
        self.cells.get(column).copied().flatten().and_then(|position| self.row.get(position))
    }

    /// The first fault in the row's structure and its column in the sheet, under a header or not. Such a row can't be
    /// trusted: values may have moved.
    #[must_use]
    pub fn fault(&self) -> Option<(u16, CellFault)> {
        self.row.fault()
    }
}

impl<S: RowSource> Table<S> {
    /// Reads the header. A column that is `known`, or a vendor's own, may stand in it only once.
    ///
    /// # Errors
    ///
    /// A header that is missing, can't be read, has too many columns or one twice, and whatever the rows meet.
    pub fn open(mut rows: S, known: &[&str]) -> Result<Self, ReadError> {
        let mut row = Row::new();
        while rows.next_row(&mut row)? {
            if row.fault().is_none() && row.cells().all(|cell| cell.is_blank()) {
                continue;
            }
            let columns = header(&rows, &row, known)?;
            let mut positions = vec![DROPPED; SHEET_COLUMNS_MAX as usize];
            for (position, column) in columns.iter().enumerate() {
                if let Some(slot) = positions.get_mut(usize::from(column.index)) {
                    *slot = u8::try_from(position).unwrap_or(DROPPED);
                }
            }
            let cells = vec![None; columns.len()];
            return Ok(Self { rows, header_row: row.number(), row, columns, positions, cells });
        }
        Err(ReadError::NoHeader { sheet: quote(rows.sheet()) })
    }

    /// The named columns, from left to right.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The position of a column in [`Table::columns`].
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Row number of the header.
    #[must_use]
    pub fn header_row(&self) -> u32 {
        self.header_row
    }

    /// Reads the next row that isn't blank under the named columns. `None` says that the sheet was complete and its
    /// checksum held; before that, nothing of its rows counts.
    ///
    /// # Errors
    ///
    /// Faults of the package, see [`RowSource::next_row`].
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        loop {
            if !self.rows.next_row(&mut self.row)? {
                return Ok(None);
            }
            self.cells.fill(None);
            let mut blank = self.row.fault().is_none();
            for (position, cell) in self.row.cells().enumerate() {
                let kept = self.positions.get(usize::from(cell.column)).copied().unwrap_or(DROPPED);
                // The first cell of a column stays; a second one is a fault of the row.
                if let Some(slot @ None) = self.cells.get_mut(usize::from(kept))
                    && !cell.is_blank()
                {
                    *slot = Some(position);
                    blank = false;
                }
            }
            if !blank {
                return Ok(Some(Record { row: &self.row, cells: &self.cells }));
            }
        }
    }
}

fn header(rows: &impl RowSource, row: &Row, known: &[&str]) -> Result<Vec<Column>, ReadError> {
    let bad = |column: u16| ReadError::BadHeader { address: address(column, row.number()) };
    if let Some((column, _)) = row.fault() {
        return Err(bad(column));
    }
    let limit = rows.columns_max().min(usize::from(DROPPED));
    let mut columns: Vec<Column> = Vec::new();
    let mut bytes = 0;
    for cell in row.cells().filter(|cell| !cell.is_blank()) {
        if cell.fault.is_some() {
            return Err(bad(cell.column));
        }
        if columns.len() == limit {
            return Err(ReadError::TooManyColumns { sheet: quote(rows.sheet()), limit });
        }
        bytes += cell.text.len();
        if bytes > HEADER_BYTES_MAX {
            return Err(ReadError::HeaderTooLarge { limit: HEADER_BYTES_MAX });
        }
        let name = normalise(cell.text);
        let twin = |column: &&Column| identity(&column.name) == identity(&name);
        let matters = is_custom(&name) || known.contains(&name.as_str());
        if let Some(first) = columns.iter().find(twin).filter(|_| matters) {
            let (first, second) = (address(first.index, row.number()), address(cell.column, row.number()));
            return Err(ReadError::DuplicateColumn { name: quote(&name), first, second });
        }
        columns.push(Column { index: cell.column, name, header_text: cell.text.to_owned() });
    }
    Ok(columns)
}

/// The name by which a column is looked up.
#[must_use]
pub fn normalise(header: &str) -> String {
    let trimmed = header.trim_matches(|c: char| c.is_whitespace() || ['\u{feff}', '\u{200b}'].contains(&c));
    if is_custom(trimmed) {
        return trimmed.to_owned();
    }
    let words: Vec<&str> = trimmed.split_whitespace().collect();
    words.join("_").replace('-', "_").to_lowercase()
}

/// Whether a column is a vendor's own.
#[must_use]
pub fn is_custom(name: &str) -> bool {
    name.get(..CUSTOM_PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(CUSTOM_PREFIX))
}

/// What makes two columns the same: `V.Colour` is `v.Colour`, but not `v.colour`.
fn identity(name: &str) -> (bool, &str) {
    if is_custom(name) { (true, name.get(CUSTOM_PREFIX.len()..).unwrap_or_default()) } else { (false, name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_normalised() {
        for (header, name) in [
            (" Item search value ", "item_search_value"),
            ("item-search\n value", "item_search_value"),
            ("\u{feff}Record_ID", "record_id"),
            ("quantity\u{a0}", "quantity"),
            (" V.Cost Center ", "V.Cost Center"),
            ("v.", "v."),
            ("vendor", "vendor"),
        ] {
            assert_eq!(normalise(header), name, "{header:?}");
        }
    }

    #[test]
    fn addresses_are_as_people_write_them() {
        for (column, row, expected) in
            [(0, 1, "A1"), (5, 12, "F12"), (25, 3, "Z3"), (26, 3, "AA3"), (16_383, 1_048_576, "XFD1048576")]
        {
            assert_eq!(address(column, row), expected);
        }
    }
}
