//! The parent's view of a foreign workbook: its tabs, and the rows of the wanted ones, as they come from the child.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::process::ChildStdout;

use crate::format::Format;
use crate::read::limits::{COLUMNS_MAX, ROWS_MAX, SHEETS_MAX};
use crate::read::put::{Value, put};
use crate::read::table::RowSource;
use crate::read::{CellFault, CellKind, ReadError, Row, named};

use super::frame::{Broken, Frame, Kind, Receiver};
use super::process::Process;
use super::{ForeignError, Guard, OUTPUT_BYTES_MAX};

/// A workbook that a child process reads.
pub struct Book {
    process: Process,
    receiver: Receiver<BufReader<ChildStdout>>,
    format: Format,
    tabs: Vec<String>,
    /// The frame that ended the list of tabs or a tab's rows.
    next: Option<Frame>,
    rows: u32,
}

impl Book {
    /// Starts the child and learns the names of the tabs. It will send those called like the wanted ones, in the order
    /// of these.
    ///
    /// # Errors
    ///
    /// What the child says of the workbook, or what became of the child.
    pub fn open<R: Read + Seek>(
        guard: &Guard,
        format: Format,
        mut source: R,
        wanted: &[&str],
    ) -> Result<Self, ReadError> {
        source.seek(SeekFrom::Start(0)).map_err(ReadError::Io)?;
        let (process, output) = Process::start(guard, format, wanted, &mut source)?;
        let receiver = Receiver::new(output, OUTPUT_BYTES_MAX);
        let mut book = Self { process, receiver, format, tabs: Vec::new(), next: None, rows: 0 };
        let mark = book.receiver.mark();
        book.checked(mark)?;
        loop {
            match book.frame()? {
                Frame::Tab(name) if book.tabs.len() < SHEETS_MAX => book.tabs.push(name),
                Frame::Tab(_) => return Err(ReadError::TooManySheets { limit: SHEETS_MAX }),
                frame => {
                    book.next = Some(frame);
                    return Ok(book);
                }
            }
        }
    }

    /// The position of the one tab that has one of these names, as [`crate::read::Workbook::sheet_named`].
    ///
    /// # Errors
    ///
    /// Two tabs of such a name.
    pub fn sheet_named(&self, names: &[&str]) -> Result<Option<usize>, ReadError> {
        named(self.tabs.iter().map(String::as_str), names)
    }

    /// The rows of a tab. Tabs come in the order in which they were wanted, each once.
    ///
    /// # Errors
    ///
    /// As [`Book::open`].
    pub fn rows(&mut self, sheet: usize) -> Result<Rows<'_>, ReadError> {
        let frame = self.take()?;
        if frame != Frame::Sheet(u32::try_from(sheet).unwrap_or(u32::MAX)) {
            return Err(self.crashed().into());
        }
        let name = self.tabs.get(sheet).cloned().unwrap_or_default();
        Ok(Rows { book: self, name, previous: 0, ended: false })
    }

    /// Waits for the child's end. Before this nothing that it sent counts.
    ///
    /// # Errors
    ///
    /// As [`Book::open`].
    pub fn finish(mut self) -> Result<(), ReadError> {
        let frame = self.take()?;
        if frame != Frame::End(self.rows) || !self.receiver.is_over() {
            return Err(self.crashed().into());
        }
        Ok(self.process.wait()?)
    }

    fn take(&mut self) -> Result<Frame, ReadError> {
        match self.next.take() {
            Some(frame) => Ok(frame),
            None => self.frame(),
        }
    }

    fn frame(&mut self) -> Result<Frame, ReadError> {
        let frame = self.receiver.frame();
        match self.checked(frame)? {
            Frame::Fault(sentence) => Err(ForeignError::Told(sentence).into()),
            frame => Ok(frame),
        }
    }

    fn checked<T>(&self, received: Result<T, Broken>) -> Result<T, ReadError> {
        received.map_err(|broken| self.explain(&broken).into())
    }

    /// What became of a child whose frames end too early or are none.
    fn explain(&self, broken: &Broken) -> ForeignError {
        match broken {
            Broken::Ended => self.process.wait().err().unwrap_or_else(|| self.crashed()),
            Broken::Flood => ForeignError::Flood { format: self.format.ending(), limit: OUTPUT_BYTES_MAX >> 20 },
            Broken::Garbage => self.crashed(),
        }
    }

    fn crashed(&self) -> ForeignError {
        ForeignError::Crashed { format: self.format.ending() }
    }
}

/// The rows of one tab.
pub struct Rows<'b> {
    book: &'b mut Book,
    name: String,
    previous: u32,
    ended: bool,
}

impl RowSource for Rows<'_> {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, ReadError> {
        if self.ended {
            return Ok(false);
        }
        let (number, cells) = match self.book.take()? {
            Frame::Row(number, cells) => (number, cells),
            Frame::SheetEnd => {
                self.ended = true;
                return Ok(false);
            }
            _ => return Err(self.book.crashed().into()),
        };
        if number > ROWS_MAX {
            return Err(ReadError::TooManyRows { limit: ROWS_MAX });
        }
        if number <= self.previous {
            return Err(ReadError::RowOrder { row: number, previous: self.previous });
        }
        self.previous = number;
        self.book.rows = self.book.rows.saturating_add(1);
        row.begin(number);
        let mut next = 0;
        for _ in 0..cells {
            let received = self.book.receiver.cell();
            let (column, kind, text) = match received {
                Ok(cell) => cell,
                Err(broken) => return Err(self.book.explain(&broken).into()),
            };
            if column < next {
                row.note(column, CellFault::Duplicate);
            }
            next = next.max(column.saturating_add(1));
            put(row, column, value(kind, text));
        }
        Ok(true)
    }

    fn sheet(&self) -> &str {
        &self.name
    }

    fn columns_max(&self) -> usize {
        COLUMNS_MAX
    }
}

fn value(kind: Kind, text: &str) -> Value<'_> {
    let plain = |kind| Value::Plain(kind, text);
    match kind {
        Kind::Text => plain(CellKind::Text),
        Kind::Number => plain(CellKind::Number),
        Kind::Bool => plain(CellKind::Bool),
        Kind::Error => plain(CellKind::Error),
        Kind::NoValue => plain(CellKind::FormulaWithoutValue),
        Kind::Serial1900 => Value::Serial { raw: text, date1904: false },
        Kind::Serial1904 => Value::Serial { raw: text, date1904: true },
        Kind::Iso => Value::Iso(text),
        Kind::Time => Value::Time(text),
    }
}
