//! What passes from the child to its parent: a mark, the names of the tabs, the wanted tabs with their rows, an end.
//! Numbers are little-endian; a text is its length in four bytes and its UTF-8.

use std::io::{self, Read, Write};

use crate::read::limits::SHEET_COLUMNS_MAX;

/// What a stream begins with: the version of its form.
const MARK: [u8; 4] = *b"UFR1";
/// The longest text of a frame: a cell of 32,767 characters of four bytes.
const TEXT_BYTES_MAX: usize = 128 << 10;

/// What a cell of a foreign workbook holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Bool,
    Error,
    /// Days since 1900.
    Serial1900,
    /// Days since 1904.
    Serial1904,
    /// An ISO 8601 date.
    Iso,
    /// A time of day or a span.
    Time,
    /// A formula without a value.
    NoValue,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Text,
        Self::Number,
        Self::Bool,
        Self::Error,
        Self::Serial1900,
        Self::Serial1904,
        Self::Iso,
        Self::Time,
        Self::NoValue,
    ];
}

/// One frame. The cells of a row follow it, each read by [`Receiver::cell`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A tab of this name.
    Tab(String),
    /// The rows of the tab at this position follow.
    Sheet(u32),
    /// A row of this number, from 1, and how many cells it has.
    Row(u32, u32),
    /// The tab is complete.
    SheetEnd,
    /// The workbook can't be read, for this reason.
    Fault(String),
    /// Everything was sent; this many rows.
    End(u32),
}

/// The child's end.
pub(super) struct Sender<W> {
    output: W,
    rows: u32,
}

impl<W: Write> Sender<W> {
    pub(super) fn new(mut output: W) -> io::Result<Self> {
        output.write_all(&MARK)?;
        Ok(Self { output, rows: 0 })
    }

    fn number(&mut self, tag: u8, number: u32) -> io::Result<()> {
        self.output.write_all(&[tag])?;
        self.output.write_all(&number.to_le_bytes())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let mut end = text.len().min(TEXT_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let length = u32::try_from(end).unwrap_or(u32::MAX);
        self.output.write_all(&length.to_le_bytes())?;
        self.output.write_all(text.get(..end).unwrap_or_default().as_bytes())
    }

    pub(super) fn tab(&mut self, name: &str) -> io::Result<()> {
        self.output.write_all(b"T")?;
        self.text(name)
    }

    pub(super) fn sheet(&mut self, position: usize) -> io::Result<()> {
        self.number(b'S', u32::try_from(position).unwrap_or(u32::MAX))
    }

    pub(super) fn row<'c>(
        &mut self,
        number: u32,
        cells: impl ExactSizeIterator<Item = (u16, Kind, &'c str)>,
    ) -> io::Result<()> {
        self.rows = self.rows.saturating_add(1);
        self.number(b'R', number)?;
        let count = u32::try_from(cells.len()).unwrap_or(u32::MAX);
        self.output.write_all(&count.to_le_bytes())?;
        for (column, kind, text) in cells {
            self.output.write_all(&column.to_le_bytes())?;
            self.output.write_all(&[kind as u8])?;
            self.text(text)?;
        }
        Ok(())
    }

    pub(super) fn sheet_end(&mut self) -> io::Result<()> {
        self.output.write_all(b"E")
    }

    pub(super) fn fault(mut self, sentence: &str) -> io::Result<()> {
        self.output.write_all(b"F")?;
        self.text(sentence)?;
        self.output.flush()
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.number(b'Z', self.rows)?;
        self.output.flush()
    }
}

/// Why no frame came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The stream ended.
    Ended,
    /// More bytes than allowed.
    Flood,
    /// Bytes that are no frame.
    Garbage,
}

/// The parent's end.
pub(super) struct Receiver<R> {
    input: R,
    left: u64,
    buffer: Vec<u8>,
}

impl<R: Read> Receiver<R> {
    /// Reads a stream of at most so many bytes.
    pub(super) fn new(input: R, bytes_max: u64) -> Self {
        Self { input, left: bytes_max, buffer: Vec::new() }
    }

    pub(super) fn mark(&mut self) -> Result<(), Broken> {
        if self.bytes::<4>()? == MARK { Ok(()) } else { Err(Broken::Garbage) }
    }

    fn fill(&mut self, length: usize) -> Result<&[u8], Broken> {
        self.left = self.left.checked_sub(length as u64).ok_or(Broken::Flood)?;
        self.buffer.resize(length, 0);
        self.input.read_exact(&mut self.buffer).map_err(|_| Broken::Ended)?;
        Ok(&self.buffer)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        self.fill(N)?.try_into().map_err(|_| Broken::Garbage)
    }

    fn number(&mut self) -> Result<u32, Broken> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn text(&mut self) -> Result<&str, Broken> {
        let length = self.number()? as usize;
        if length > TEXT_BYTES_MAX {
            return Err(Broken::Garbage);
        }
        std::str::from_utf8(self.fill(length)?).map_err(|_| Broken::Garbage)
    }

    pub(super) fn frame(&mut self) -> Result<Frame, Broken> {
        let [tag] = self.bytes()?;
        match tag {
            b'T' => self.text().map(|name| Frame::Tab(name.to_owned())),
            b'S' => self.number().map(Frame::Sheet),
            b'R' => {
                let (number, cells) = (self.number()?, self.number()?);
                if cells > SHEET_COLUMNS_MAX { Err(Broken::Garbage) } else { Ok(Frame::Row(number, cells)) }
            }
            b'E' => Ok(Frame::SheetEnd),
            b'F' => self.text().map(|sentence| Frame::Fault(sentence.to_owned())),
            b'Z' => self.number().map(Frame::End),
            _ => Err(Broken::Garbage),
        }
    }

    /// The next cell of the row that was announced: column, kind, text.
    pub(super) fn cell(&mut self) -> Result<(u16, Kind, &str), Broken> {
        let column = u16::from_le_bytes(self.bytes()?);
        let [kind] = self.bytes()?;
        let kind = *Kind::ALL.get(usize::from(kind)).ok_or(Broken::Garbage)?;
        if u32::from(column) >= SHEET_COLUMNS_MAX {
            return Err(Broken::Garbage);
        }
        Ok((column, kind, self.text()?))
    }

    /// Whether nothing follows.
    pub(super) fn is_over(&mut self) -> bool {
        matches!(self.input.read(&mut [0]), Ok(0))
    }
}
