//! The rows of a sheet, one at a time: before them the XML reader, then the fast scanner or the XML reader per row,
//! and behind them the XML reader again up to the checksum.

use std::io::{Read, Seek};

use quick_xml::events::Event;

use super::cell::Row;
use super::emit::{Context, Place};
use super::error::{ReadError, quote};
use super::fast::{self, RowNumber, Scanned, Scratch};
use super::limits::Limits;
use super::package::Part;
use super::slow::{self, Piece, Tag};
use super::table::RowSource;
use super::text::{push_reference, trim};
use super::xml::Xml;

/// The rows of one sheet, in order. Rows arrive before the part's checksum is known: nothing of them counts until
/// [`Rows::next_row`] has returned `Ok(false)`.
pub struct Rows<'w, R: Read + Seek> {
    xml: Xml<Part<'w, R>>,
    context: Context<'w>,
    limits: Limits,
    sheet: String,
    previous: u32,
    state: State,
    by: By,
    taken: Taken,
    text_bytes: u64,
    place: Place,
    scratch: Scratch,
    piece: Piece,
}

/// Which of the two readers may take a row or a string. Only tests turn one off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Either,
    Scanner,
    Xml,
}

/// How many rows each of the two readers has taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// By the fast scanner.
    pub scanner: u64,
    /// By the XML reader.
    pub xml: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Rows,
    Ended,
    Failed,
}

/// What one step of the XML reader came to.
enum Step {
    Row,
    Nothing,
    End,
}

impl<R: Read + Seek> RowSource for Rows<'_, R> {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, ReadError> {
        Rows::next_row(self, row)
    }

    fn sheet(&self) -> &str {
        Rows::sheet(self)
    }

    fn columns_max(&self) -> usize {
        self.limits.columns_max
    }
}

impl<'w, R: Read + Seek> Rows<'w, R> {
    pub(super) fn open(
        part_name: &str,
        part: Part<'w, R>,
        context: Context<'w>,
        limits: Limits,
        sheet: String,
        by: By,
    ) -> Result<Self, ReadError> {
        let mut rows = Self {
            xml: Xml::new(part_name, part, limits.row_bytes_max),
            context,
            limits,
            sheet,
            previous: 0,
            state: State::Rows,
            by,
            taken: Taken::default(),
            text_bytes: 0,
            place: Place::default(),
            scratch: Scratch::default(),
            piece: Piece::default(),
        };
        if !rows.find_data()? {
            rows.finish()?;
        }
        Ok(rows)
    }

    /// Name of the sheet.
    #[must_use]
    pub fn sheet(&self) -> &str {
        &self.sheet
    }

    /// Reads the next row. `Ok(false)` says that there is none, that the sheet's data were complete, and that the
    /// checksum held.
    ///
    /// # Errors
    ///
    /// A fault of the package, never of a cell. After an error the sheet can't be read further.
    pub fn next_row(&mut self, row: &mut Row) -> Result<bool, ReadError> {
        match self.state {
            State::Rows => {}
            State::Ended => return Ok(false),
            State::Failed => return Err(self.xml.unfinished()),
        }
        let result = self.advance(row).and_then(|more| self.weigh(more, row)).map_err(|error| match error {
            ReadError::Endless { .. } => self.too_large(),
            error => error,
        });
        match &result {
            Ok(true) => self.previous = row.number(),
            Ok(false) => {}
            Err(_) => self.state = State::Failed,
        }
        result
    }

    /// How many rows each of the two readers has taken so far.
    #[must_use]
    pub fn taken(&self) -> Taken {
        self.taken
    }

    /// Counts the row's text.
    fn weigh(&mut self, more: bool, row: &Row) -> Result<bool, ReadError> {
        let limit = self.limits.sheet_text_bytes_max;
        if more {
            self.text_bytes += row.text_bytes();
        }
        if self.text_bytes > limit { Err(ReadError::TextTooLarge { row: row.number(), limit }) } else { Ok(more) }
    }

    fn advance(&mut self, row: &mut Row) -> Result<bool, ReadError> {
        loop {
            if self.by != By::Xml && self.scan(row)? {
                self.taken.scanner += 1;
                return Ok(true);
            }
            // A text event leaves the XML reader in front of a tag; until that is read, nothing else may take it.
            loop {
                match self.step(row)? {
                    Step::Row if self.by == By::Scanner => return Err(self.xml.uncommon()),
                    Step::Row => {
                        self.taken.xml += 1;
                        return Ok(true);
                    }
                    Step::Nothing if self.by == By::Xml => {}
                    Step::Nothing => break,
                    Step::End => {
                        self.finish()?;
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Tries the fast scanner on the next row; says whether it took one.
    fn scan(&mut self, row: &mut Row) -> Result<bool, ReadError> {
        let mut blanks = 0;
        loop {
            let window = self.xml.window();
            let skipped = fast::blanks(window.unread());
            window.advance(skipped);
            blanks += skipped;
            let (previous, rows_max) = (self.previous, self.limits.rows_max);
            let judge = |number: RowNumber<'_>| match number {
                RowNumber::Counted => judge(None, previous, rows_max).ok(),
                RowNumber::Given(text) => judge(Some(text), previous, rows_max).ok(),
            };
            let text = window.unread();
            match fast::row(text, row, &mut self.place, &self.context, &mut self.scratch, judge) {
                Scanned::Done { used, .. } if used as u64 <= self.limits.row_bytes_max => {
                    window.advance(used);
                    return Ok(true);
                }
                Scanned::Unusual => return Ok(false),
                Scanned::More if ((text.len() + blanks) as u64) <= self.limits.row_bytes_max => {
                    if !self.xml.grow()? {
                        return Ok(false);
                    }
                }
                Scanned::Done { .. } | Scanned::More => return Err(self.too_large()),
            }
        }
    }

    /// Lets the XML reader take the next thing between rows.
    fn step(&mut self, row: &mut Row) -> Result<Step, ReadError> {
        let (element, empty) = loop {
            match self.xml.next()? {
                Event::Start(element) => break (element, false),
                Event::Empty(element) => break (element, true),
                Event::End(_) => return Ok(Step::End),
                Event::Eof => return Err(self.xml.unfinished()),
                Event::Text(text) if trim(&text).is_empty() => {}
                Event::Text(_) | Event::CData(_) => return Err(self.xml.unexpected("text between rows")),
                Event::GeneralRef(name) => {
                    let known = push_reference(&name, &mut String::new()).is_ok();
                    let found = if known { "text between rows" } else { "an unknown entity" };
                    return Err(self.xml.unexpected(found));
                }
                _ => return Ok(Step::Nothing),
            }
        };
        if element.local_name().as_ref() != "row" {
            let name = element.local_name().as_ref().to_owned();
            return Err(self.xml.unexpected(&name));
        }
        let tag = match Tag::read(&element) {
            Ok(tag) => tag,
            Err(detail) => return Err(self.xml.ill_formed(detail)),
        };
        let number = judge(tag.reference.as_deref(), self.previous, self.limits.rows_max)?;
        self.place.begin(row, number);
        if !empty {
            slow::cells(&mut self.xml, row, &mut self.place, &self.context, &mut self.piece)?;
        }
        Ok(Step::Row)
    }

    /// Reads up to the rows; says whether there can be any.
    fn find_data(&mut self) -> Result<bool, ReadError> {
        loop {
            let depth = self.xml.depth();
            let (name, empty) = match self.xml.next()? {
                Event::Start(element) => (element.local_name().as_ref().to_owned(), false),
                Event::Empty(element) => (element.local_name().as_ref().to_owned(), true),
                Event::Eof => return Err(self.xml.unfinished()),
                _ => continue,
            };
            match (depth, name.as_str()) {
                (0, "worksheet") if !empty => {}
                (1, "sheetData") => return Ok(!empty),
                (0, other) | (_, other @ ("sheetData" | "row")) => return Err(self.xml.unexpected(other)),
                _ => {}
            }
        }
    }

    /// Reads what follows the rows, up to the end of the part, where its checksum is compared.
    fn finish(&mut self) -> Result<(), ReadError> {
        loop {
            match self.xml.next()? {
                Event::Start(element) | Event::Empty(element) => {
                    let name = element.local_name().as_ref().to_owned();
                    // Rows here would be rows that nobody reads.
                    if ["sheetData", "row", "worksheet"].contains(&name.as_str()) {
                        return Err(self.xml.unexpected(&name));
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        if self.xml.depth() > 0 {
            return Err(self.xml.unfinished());
        }
        self.state = State::Ended;
        Ok(())
    }

    fn too_large(&self) -> ReadError {
        ReadError::RowTooLarge { after: self.previous, limit: self.limits.row_bytes_max }
    }
}

/// The number of a row, given or counted.
fn judge(given: Option<&str>, previous: u32, rows_max: u32) -> Result<u32, ReadError> {
    let number = match given {
        None => previous.saturating_add(1),
        Some(text) => {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            // More digits than a `u32` holds are a row beyond the last one.
            let number = text.parse().unwrap_or(u32::MAX);
            if !digits || text.is_empty() || number == 0 {
                return Err(ReadError::RowNumber { after: previous, text: quote(text) });
            }
            number
        }
    };
    if number > rows_max {
        return Err(ReadError::TooManyRows { limit: rows_max });
    }
    if number <= previous {
        return Err(ReadError::RowOrder { row: number, previous });
    }
    Ok(number)
}
