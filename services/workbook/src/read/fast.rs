//! The hot path: rows and strings of the shape that every producer writes, scanned in place.
//!
//! It is strict on purpose. Whatever is not exactly of the common shape (comments, prefixes, rich text, unknown
//! elements, odd quoting) is [`Scanned::Unusual`], nothing is consumed, and the XML reader takes that row or string.
//! So this module needs to be right only about what it accepts.

use super::cell::Row;
use super::emit::{Context, Place, RawCell, ValueType, push};
use super::text::{self, CLASSES, Class};

/// What a scan came to.
pub(super) enum Scanned<'a> {
    /// An element was read.
    Done {
        /// Bytes that it takes.
        used: usize,
        /// A string's text; none if it had to be decoded.
        value: Option<&'a str>,
        /// Whether a string's text had characters that no text can hold.
        illegal: bool,
    },
    /// The text ends before the element does.
    More,
    /// Not of the common shape.
    Unusual,
}

enum Stop {
    More,
    Unusual,
}

impl From<Stop> for Scanned<'_> {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::More => Self::More,
            Stop::Unusual => Self::Unusual,
        }
    }
}

/// The number of a row, as its tag gives it.
pub(super) enum RowNumber<'a> {
    Counted,
    Given(&'a str),
}

/// Buffers for values that can't be taken as they stand.
#[derive(Default)]
pub(super) struct Scratch {
    raw: String,
    value: String,
}

impl Scratch {
    /// The value decoded last.
    pub(super) fn value(&self) -> &str {
        &self.value
    }
}

/// How many blanks a text starts with.
pub(super) fn blanks(text: &str) -> usize {
    text.bytes().take_while(|byte| is_blank(*byte)).count()
}

/// Scans one row. `number` judges the row's number; a row that it refuses is unusual.
pub(super) fn row<'a>(
    text: &'a str,
    row: &mut Row,
    place: &mut Place,
    context: &Context<'_>,
    scratch: &mut Scratch,
    number: impl FnOnce(RowNumber<'_>) -> Option<u32>,
) -> Scanned<'a> {
    let mut scan = Scan { text, bytes: text.as_bytes(), at: 0 };
    match scan.row(row, place, context, scratch, number) {
        Ok(()) => Scanned::Done { used: scan.at, value: None, illegal: false },
        Err(stop) => stop.into(),
    }
}

/// Scans one shared string. Its text is in the scratch buffer if none is returned.
pub(super) fn string<'a>(text: &'a str, scratch: &mut Scratch) -> Scanned<'a> {
    let mut scan = Scan { text, bytes: text.as_bytes(), at: 0 };
    match scan.string(scratch) {
        Ok((value, illegal)) => Scanned::Done { used: scan.at, value, illegal },
        Err(stop) => stop.into(),
    }
}

#[inline]
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// How a tag ends.
#[derive(PartialEq, Eq)]
enum Tag {
    Open,
    Empty,
}

/// The value found last in a cell.
#[derive(Clone, Copy)]
enum Value<'a> {
    None,
    Slice(&'a str),
    Buffered { illegal: bool },
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    #[inline]
    fn peek(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::More)
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Takes a literal if it comes next; a text that ends within it asks for more.
    #[inline]
    fn take(&mut self, literal: &[u8]) -> Result<bool, Stop> {
        let rest = self.rest();
        if rest.starts_with(literal) {
            self.at += literal.len();
            return Ok(true);
        }
        if rest.len() < literal.len() && literal.starts_with(rest) { Err(Stop::More) } else { Ok(false) }
    }

    #[inline]
    fn expect(&mut self, literal: &[u8]) -> Result<(), Stop> {
        if self.take(literal)? { Ok(()) } else { Err(Stop::Unusual) }
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while self.bytes.get(self.at).is_some_and(|byte| is_blank(*byte)) {
            self.at += 1;
        }
    }

    /// The next attribute of a tag, or the tag's end.
    #[inline]
    fn attribute(&mut self) -> Result<Result<(&'a [u8], &'a str), Tag>, Stop> {
        let spaced = is_blank(self.peek()?);
        self.skip_blanks();
        match self.peek()? {
            b'>' => {
                self.at += 1;
                return Ok(Err(Tag::Open));
            }
            b'/' => {
                self.expect(b"/>")?;
                return Ok(Err(Tag::Empty));
            }
            _ if !spaced => return Err(Stop::Unusual),
            _ => {}
        }
        let start = self.at;
        while matches!(self.peek()?, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'-' | b'.') {
            self.at += 1;
        }
        let name = self.bytes.get(start..self.at).unwrap_or_default();
        if name.is_empty() {
            return Err(Stop::Unusual);
        }
        self.expect(b"=\"")?;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                // References, and what the XML reader might see differently.
                b'<' | b'>' | b'&' | b'\'' | 0..0x20 | 0x7F.. => return Err(Stop::Unusual),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(Ok((name, self.slice(start, self.at - 1))))
    }

    /// A run of text up to the next markup, and whether it needs a closer look.
    #[inline]
    fn text_run(&mut self) -> Result<(&'a str, bool), Stop> {
        let start = self.at;
        loop {
            let byte = self.peek()?;
            match CLASSES[byte as usize] {
                Class::Plain => self.at += 1,
                Class::Markup => return Ok((self.slice(start, self.at), false)),
                // Only `_x` can open an escape.
                Class::Special if byte == b'_' && self.bytes.get(self.at + 1).is_some_and(|next| *next != b'x') => {
                    self.at += 1;
                }
                Class::Special => break,
            }
        }
        self.at += memchr::memchr(b'<', self.rest()).ok_or(Stop::More)?;
        Ok((self.slice(start, self.at), true))
    }

    /// The value of a text run, decoded into `scratch` if it can't stand as it is.
    #[inline]
    fn value(&mut self, preserve: bool, unescape: bool, scratch: &mut Scratch) -> Result<Value<'a>, Stop> {
        let (run, special) = self.text_run()?;
        if !special {
            return Ok(Value::Slice(if preserve { run } else { text::trim(run) }));
        }
        scratch.raw.clear();
        scratch.value.clear();
        text::decode(run, &mut scratch.raw).map_err(|_| Stop::Unusual)?;
        let illegal = text::finish(&scratch.raw, preserve, unescape, &mut scratch.value);
        Ok(Value::Buffered { illegal })
    }

    fn row(
        &mut self,
        row: &mut Row,
        place: &mut Place,
        context: &Context<'_>,
        scratch: &mut Scratch,
        number: impl FnOnce(RowNumber<'_>) -> Option<u32>,
    ) -> Result<(), Stop> {
        self.expect(b"<row")?;
        let mut given = None;
        let tag = loop {
            match self.attribute()? {
                Ok((b"r", value)) if given.is_none() => given = Some(value),
                Ok((b"r", _)) => return Err(Stop::Unusual),
                Ok(_) => {}
                Err(tag) => break tag,
            }
        };
        let number = number(given.map_or(RowNumber::Counted, RowNumber::Given)).ok_or(Stop::Unusual)?;
        place.begin(row, number);
        if tag == Tag::Empty {
            return Ok(());
        }
        loop {
            if self.take(b"<c")? {
                self.cell(row, place, context, scratch)?;
            } else if self.take(b"</row>")? {
                return Ok(());
            } else if is_blank(self.peek()?) {
                self.skip_blanks();
            } else {
                return Err(Stop::Unusual);
            }
        }
    }

    #[inline]
    fn cell(
        &mut self,
        row: &mut Row,
        place: &mut Place,
        context: &Context<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), Stop> {
        let mut cell = RawCell::default();
        let mut typed = false;
        let tag = loop {
            match self.attribute()? {
                Ok((b"r", value)) if cell.reference.is_none() => cell.reference = Some(value),
                Ok((b"s", value)) if cell.style.is_none() => cell.style = Some(value),
                Ok((b"t", value)) if !typed => {
                    typed = true;
                    cell.kind = ValueType::of(value);
                }
                Ok((b"r" | b"s" | b"t", _)) => return Err(Stop::Unusual),
                Ok(_) => {}
                Err(tag) => break tag,
            }
        };
        if tag == Tag::Empty {
            push(row, place, context, &cell);
            return Ok(());
        }
        let mut value = Value::None;
        loop {
            if self.take(b"</c>")? {
                break;
            }
            let first = matches!(value, Value::None);
            if self.take(b"<v>")? && first {
                value = self.value(false, cell.kind.is_text(), scratch)?;
                self.expect(b"</v>")?;
            } else if first && self.take(b"<v/>")? {
                value = Value::Slice("");
            } else if first && cell.kind == ValueType::Inline && self.take(b"<is><t")? {
                value = self.text_element(scratch)?;
                self.expect(b"</is>")?;
            } else if !cell.formula && self.take(b"<f")? {
                cell.formula = true;
                self.formula(scratch, &mut value)?;
            } else if is_blank(self.peek()?) {
                self.skip_blanks();
            } else {
                return Err(Stop::Unusual);
            }
        }
        match value {
            Value::None => {}
            Value::Slice(text) => cell.value = Some(text),
            Value::Buffered { illegal } => {
                cell.value = Some(&scratch.value);
                cell.illegal = illegal;
            }
        }
        push(row, place, context, &cell);
        Ok(())
    }

    /// The rest of a `<t` element and its text.
    #[inline]
    fn text_element(&mut self, scratch: &mut Scratch) -> Result<Value<'a>, Stop> {
        let mut preserve = false;
        let tag = loop {
            match self.attribute()? {
                Ok((b"xml:space", value)) => preserve |= value == "preserve",
                Ok(_) => return Err(Stop::Unusual),
                Err(tag) => break tag,
            }
        };
        if tag == Tag::Empty {
            return Ok(Value::Slice(""));
        }
        let value = self.value(preserve, true, scratch)?;
        self.expect(b"</t>")?;
        Ok(value)
    }

    /// The rest of a formula, which is only looked at for its end.
    fn formula(&mut self, scratch: &mut Scratch, value: &mut Value<'a>) -> Result<(), Stop> {
        // A value before its formula would lose its buffer below.
        if matches!(value, Value::Buffered { .. }) {
            return Err(Stop::Unusual);
        }
        let tag = loop {
            match self.attribute()? {
                Ok(_) => {}
                Err(tag) => break tag,
            }
        };
        if tag == Tag::Open {
            // Decoded for its references only: a malformed one is a fault of the part.
            self.value(true, false, scratch)?;
            self.expect(b"</f>")?;
        }
        Ok(())
    }

    fn string(&mut self, scratch: &mut Scratch) -> Result<(Option<&'a str>, bool), Stop> {
        self.expect(b"<si><t")?;
        let value = self.text_element(scratch)?;
        self.expect(b"</si>")?;
        Ok(match value {
            Value::None => (Some(""), false),
            Value::Slice(text) => (Some(text), false),
            Value::Buffered { illegal } => (None, illegal),
        })
    }
}
