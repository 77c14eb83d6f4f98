//! Bytes to records: where a cell ends, where a line does, and what stands in quotation marks.

use std::io::BufRead;

use crate::read::ReadError;
use crate::read::limits::ROW_BYTES_MAX;

use super::{CsvError, io_error, too_large};

/// A record that was read; its cells are in [`Records`] until the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The line that it begins on, from 1.
    pub(super) line: u32,
    /// The first cell with text after its closing quotation mark.
    pub(super) after_quote: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the beginning of a cell.
    Start,
    /// In a cell without quotation marks.
    Plain,
    /// Between quotation marks.
    Quoted,
    /// Behind a quotation mark that closes the cell, unless another one follows.
    Closed,
}

/// The records of a text.
pub(super) struct Records<B> {
    input: B,
    separator: u8,
    /// The line that is being read.
    line: u32,
    /// The last byte was a carriage return, whose line feed belongs to it.
    after_return: bool,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<B: BufRead> Records<B> {
    pub(super) fn new(input: B, separator: u8, line: u32) -> Self {
        Self { input, separator, line, after_return: false, text: Vec::new(), ends: Vec::new() }
    }

    /// The cells of the record, as bytes.
    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.text.get(start..end).unwrap_or_default())
    }

    /// Where each cell ends in the text.
    pub(super) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The text of all cells of the record that begins on a line.
    pub(super) fn text(&self, line: u32) -> Result<&str, CsvError> {
        std::str::from_utf8(&self.text).map_err(|error| {
            let before = self.text.get(..error.valid_up_to()).unwrap_or_default();
            let lines = before.iter().filter(|byte| **byte == b'\n').count();
            CsvError::NotUtf8 { line: line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX)) }
        })
    }

    /// Reads the next record that isn't an empty line.
    pub(super) fn next(&mut self) -> Result<Option<Found>, ReadError> {
        self.text.clear();
        self.ends.clear();
        let mut begun: Option<u32> = None;
        let mut opened = self.line;
        let mut after_quote = None;
        let mut state = State::Start;
        while let Some(byte) = self.peek(state)? {
            if (self.text.len() + self.ends.len()) as u64 > ROW_BYTES_MAX {
                return Err(too_large(begun.unwrap_or(self.line)));
            }
            let is_end = matches!(byte, b'\n' | b'\r');
            begun = begun.or((!is_end).then_some(self.line));
            match (state, byte) {
                (State::Quoted, _) => {
                    if self.quoted()? {
                        state = State::Closed;
                    }
                }
                (_, b'\n' | b'\r') => {
                    self.end_line(byte)?;
                    let Some(line) = begun else { continue };
                    self.ends.push(self.text.len());
                    return Ok(Some(Found { line, after_quote }));
                }
                (_, byte) if byte == self.separator => {
                    self.ends.push(self.text.len());
                    self.input.consume(1);
                    state = State::Start;
                }
                (State::Start, b'"') => {
                    opened = self.line;
                    self.input.consume(1);
                    state = State::Quoted;
                }
                (State::Closed, b'"') => {
                    self.text.push(byte);
                    self.input.consume(1);
                    state = State::Quoted;
                }
                (State::Start | State::Plain | State::Closed, _) => {
                    if state == State::Closed {
                        after_quote = after_quote.or(Some(self.ends.len()));
                    }
                    self.plain()?;
                    state = State::Plain;
                }
            }
        }
        if state == State::Quoted {
            return Err(CsvError::Unterminated { line: opened }.into());
        }
        let Some(line) = begun else { return Ok(None) };
        self.ends.push(self.text.len());
        Ok(Some(Found { line, after_quote }))
    }

    /// The next byte; none at the end of the text.
    fn peek(&mut self, state: State) -> Result<Option<u8>, ReadError> {
        let byte = self.input.fill_buf().map_err(io_error)?.first().copied();
        if !std::mem::take(&mut self.after_return) || byte != Some(b'\n') {
            return Ok(byte);
        }
        // The line feed of a line end that was counted with its carriage return.
        if state == State::Quoted {
            self.text.push(b'\n');
        }
        self.input.consume(1);
        Ok(self.input.fill_buf().map_err(io_error)?.first().copied())
    }

    fn end_line(&mut self, byte: u8) -> Result<(), CsvError> {
        self.input.consume(1);
        self.after_return = byte == b'\r';
        self.line = self.line.checked_add(1).ok_or(CsvError::TooManyLines)?;
        Ok(())
    }

    /// Takes what is there of a cell without quotation marks.
    fn plain(&mut self) -> Result<(), ReadError> {
        let chunk = self.input.fill_buf().map_err(io_error)?;
        let end = memchr::memchr3(self.separator, b'\n', b'\r', chunk).unwrap_or(chunk.len());
        self.text.extend_from_slice(chunk.get(..end).unwrap_or_default());
        self.input.consume(end);
        Ok(())
    }

    /// Takes what is there up to the next quotation mark; says whether one came.
    fn quoted(&mut self) -> Result<bool, ReadError> {
        let chunk = self.input.fill_buf().map_err(io_error)?;
        let end = memchr::memchr(b'"', chunk);
        let run = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        self.text.extend_from_slice(run);
        let is_end = |&at: &usize| run.get(at) == Some(&b'\r') || at == 0 || run.get(at - 1) != Some(&b'\r');
        let lines = memchr::memchr2_iter(b'\n', b'\r', run).filter(is_end).count();
        self.line =
            u32::try_from(lines).ok().and_then(|lines| self.line.checked_add(lines)).ok_or(CsvError::TooManyLines)?;
        self.after_return = end.is_none() && run.last() == Some(&b'\r');
        let used = run.len() + usize::from(end.is_some());
        self.input.consume(used);
        Ok(end.is_some())
    }
}
