//! calamine, from its cells to frames. Only the child runs this.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};

use calamine::{Data, ExcelDateTime, ExcelDateTimeType, Ods, OdsError, Range, Reader, Xls, XlsError, Xlsb, XlsbError};

use crate::format::Format;
use crate::read::{ReadError, is_named};

use super::audit::Findings;
use super::frame::{Kind, Sender};
use super::{ForeignError, unreadable};

/// Why nothing more is sent.
pub(super) enum Failure {
    /// The workbook can't be read, for this reason.
    Found(String),
    /// The parent takes nothing more.
    Output(io::Error),
}

impl From<ForeignError> for Failure {
    fn from(error: ForeignError) -> Self {
        Self::Found(error.to_string())
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Found(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

type Bytes = Cursor<Vec<u8>>;
/// The cells of a row that was read: column, kind and text.
type Cells = Vec<(u16, Kind, String)>;

/// Sends the names of all tabs and the rows of the wanted ones.
pub(super) fn send<W: Write>(
    format: Format,
    bytes: Vec<u8>,
    findings: Findings,
    wanted: &[&str],
    sender: &mut Sender<W>,
) -> Result<(), Failure> {
    let source = Cursor::new(bytes);
    match format {
        Format::Ods => send_ranges(&mut Ods::new(source).map_err(of_ods)?, format, wanted, sender),
        Format::Xls => send_ranges(&mut Xls::new(source).map_err(of_xls)?, format, wanted, sender),
        Format::Xlsb => send_streamed(&mut Xlsb::new(source).map_err(of_xlsb)?, findings, wanted, sender),
        Format::Xlsx | Format::Csv => Err(unreadable(format, "it has a reader of its own").into()),
    }
}

fn of_ods(error: OdsError) -> Failure {
    match error {
        OdsError::Password => ReadError::Encrypted.into(),
        error => unreadable(Format::Ods, &error.to_string()).into(),
    }
}

fn of_xls(error: XlsError) -> Failure {
    match error {
        XlsError::Password => ReadError::Encrypted.into(),
        error => unreadable(Format::Xls, &error.to_string()).into(),
    }
}

fn of_xlsb(error: XlsbError) -> Failure {
    match error {
        XlsbError::Password => ReadError::Encrypted.into(),
        error => unreadable(Format::Xlsb, &error.to_string()).into(),
    }
}

/// The tabs' names go first; then the positions and names of those that are wanted, in the order of the wishes.
fn tabs<W: Write>(names: &[String], wanted: &[&str], sender: &mut Sender<W>) -> io::Result<Vec<(usize, String)>> {
    for name in names {
        sender.tab(name)?;
    }
    let mut found = Vec::new();
    for wish in wanted {
        let called = names.iter().enumerate().filter(|(_, name)| is_named(name, &[wish]));
        found.extend(called.map(|(position, name)| (position, name.clone())));
    }
    Ok(found)
}

/// Formats that are in memory as a whole.
fn send_ranges<R: Reader<Bytes>, W: Write>(
    book: &mut R,
    format: Format,
    wanted: &[&str],
    sender: &mut Sender<W>,
) -> Result<(), Failure>
where
    R::Error: std::fmt::Display,
{
    for (position, name) in tabs(&book.sheet_names(), wanted, sender)? {
        let failed = |error: R::Error| Failure::from(unreadable(format, &error.to_string()));
        let formulas = book.worksheet_formula(&name).map_err(failed)?;
        let values = book.worksheet_range(&name).map_err(failed)?;
        sender.sheet(position)?;
        let mut cells = Cells::new();
        for row in rows_of(&values, &formulas) {
            cells.clear();
            for column in columns_of(&values, &formulas) {
                let value = values.get_value((row, column)).unwrap_or(&Data::Empty);
                let has_formula = formulas.get_value((row, column)).is_some_and(|formula| !formula.is_empty());
                if let (Ok(column), Some((kind, text))) = (u16::try_from(column), cell(value, has_formula)) {
                    cells.push((column, kind, text));
                }
            }
            if !cells.is_empty() {
                sender.row(row + 1, cells.iter().map(|(column, kind, text)| (*column, *kind, text.as_str())))?;
            }
        }
        sender.sheet_end()?;
    }
    Ok(())
}

fn rows_of(values: &Range<Data>, formulas: &Range<String>) -> std::ops::Range<u32> {
    span([values.start(), formulas.start()], [values.end(), formulas.end()], |(row, _)| row)
}

fn columns_of(values: &Range<Data>, formulas: &Range<String>) -> std::ops::Range<u32> {
    span([values.start(), formulas.start()], [values.end(), formulas.end()], |(_, column)| column)
}

/// From the first to behind the last, of two ranges that may be empty.
fn span(
    starts: [Option<(u32, u32)>; 2],
    ends: [Option<(u32, u32)>; 2],
    of: fn((u32, u32)) -> u32,
) -> std::ops::Range<u32> {
    let first = starts.into_iter().flatten().map(of).min();
    let last = ends.into_iter().flatten().map(of).max();
    first.zip(last).map_or(0..0, |(first, last)| first..last.saturating_add(1))
}

/// XLSB, cell by cell: a sheet whose two cells lie far apart costs two cells.
fn send_streamed<W: Write>(
    book: &mut Xlsb<Bytes>,
    findings: Findings,
    wanted: &[&str],
    sender: &mut Sender<W>,
) -> Result<(), Failure> {
    for (position, name) in tabs(&book.sheet_names(), wanted, sender)? {
        let mut formulas = if findings.formula_errors { formulas(book, &name)? } else { BTreeMap::new() };
        sender.sheet(position)?;
        let mut reader = book.worksheet_cells_reader(&name).map_err(of_xlsb)?;
        let mut cells = Cells::new();
        let mut current = 0;
        while let Some(found) = reader.next_cell().map_err(of_xlsb)? {
            let (row, column) = found.get_position();
            if row != current {
                flush(current, &mut cells, &mut formulas, sender)?;
                current = row;
            }
            let column = u16::try_from(column).map_err(|_| unreadable(Format::Xlsb, "a cell beyond column XFD"))?;
            if let Some((kind, text)) = cell(&Data::from(found.get_value().clone()), false) {
                cells.push((column, kind, text));
            }
        }
        // The reader ends at the end of the data, and at a row that no sheet has: then cells follow.
        if matches!(reader.next_cell(), Ok(Some(_))) {
            return Err(unreadable(Format::Xlsb, "rows beyond the last row of a sheet").into());
        }
        flush(current, &mut cells, &mut formulas, sender)?;
        flush(u32::MAX, &mut cells, &mut formulas, sender)?;
        sender.sheet_end()?;
    }
    Ok(())
}

/// Formulas whose value is an error are no cells to calamine, so the places of all formulas are noted first.
fn formulas(book: &mut Xlsb<Bytes>, name: &str) -> Result<BTreeMap<u32, Vec<u16>>, Failure> {
    let mut found: BTreeMap<u32, Vec<u16>> = BTreeMap::new();
    let mut reader = book.worksheet_cells_reader(name).map_err(of_xlsb)?;
    let failed = |_| unreadable(Format::Xlsb, "a formula that can't be told from an error");
    while let Some(formula) = reader.next_formula().map_err(failed)? {
        let (row, column) = formula.get_position();
        found.entry(row).or_default().push(u16::try_from(column).unwrap_or(u16::MAX));
    }
    Ok(found)
}

/// Sends a row, and before it the rows that hold nothing but formulas without a value.
fn flush<W: Write>(
    row: u32,
    cells: &mut Cells,
    formulas: &mut BTreeMap<u32, Vec<u16>>,
    sender: &mut Sender<W>,
) -> io::Result<()> {
    const ERROR: &str = "#ERROR";
    let later = formulas.split_off(&row);
    for (before, columns) in std::mem::replace(formulas, later) {
        sender.row(before.saturating_add(1), columns.iter().map(|column| (*column, Kind::Error, ERROR)))?;
    }
    for column in formulas.remove(&row).unwrap_or_default() {
        if !cells.iter().any(|(known, _, _)| *known == column) {
            let at = cells.iter().position(|(known, _, _)| *known > column).unwrap_or(cells.len());
            cells.insert(at, (column, Kind::Error, ERROR.to_owned()));
        }
    }
    if !cells.is_empty() {
        sender.row(row.saturating_add(1), cells.iter().map(|(column, kind, text)| (*column, *kind, text.as_str())))?;
    }
    cells.clear();
    Ok(())
}

/// What a cell holds; nothing for a blank one.
fn cell(value: &Data, has_formula: bool) -> Option<(Kind, String)> {
    Some(match value {
        Data::Empty if has_formula => (Kind::NoValue, String::new()),
        Data::Empty => return None,
        Data::String(text) if has_formula && is_error(text) => (Kind::Error, text.clone()),
        Data::String(text) if text.is_empty() => return None,
        Data::String(text) => (Kind::Text, text.clone()),
        Data::Int(number) => (Kind::Number, number.to_string()),
        Data::Float(number) => (Kind::Number, shortest(*number)),
        Data::Bool(truth) => (Kind::Bool, if *truth { "TRUE" } else { "FALSE" }.to_owned()),
        Data::DateTime(date) => of_date(*date),
        Data::DateTimeIso(text) => (Kind::Iso, text.clone()),
        Data::DurationIso(text) => (Kind::Time, text.clone()),
        Data::Error(error) => (Kind::Error, error.to_string()),
    })
}

/// What LibreOffice shows in place of a value.
fn is_error(text: &str) -> bool {
    const NAMES: [&str; 7] = ["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"];
    NAMES.contains(&text) || text.strip_prefix("Err:").is_some_and(|code| code.parse::<u16>().is_ok())
}

fn of_date(date: ExcelDateTime) -> (Kind, String) {
    let raw = shortest(date.as_f64());
    if date.is_duration() {
        return (Kind::Time, raw);
    }
    // The calendar can't be asked for, so the same date of the later one is compared.
    let later = ExcelDateTime::new(date.as_f64(), ExcelDateTimeType::DateTime, true);
    (if date == later { Kind::Serial1904 } else { Kind::Serial1900 }, raw)
}

/// The shortest decimal that names the double, which is what the program that stored it shows.
fn shortest(number: f64) -> String {
    let text = format!("{number:?}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}
