//! The window over a part's text: bytes in, valid text out, never more than one row and a chunk held.

use std::io::{self, BufRead, Read};

use super::error::Stop;
use super::text::BROKEN;

/// Bytes fetched at once: small enough for the text to stay in the second-level cache until it is scanned.
const CHUNK_BYTES: usize = 64 << 10;
/// Bytes of a part that are looked at for its encoding.
const DECLARATION_BYTES: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Unknown,
    Utf8,
    Utf16 { big_endian: bool },
}

/// A part's text, decoded as it is needed. Bytes that are no text become [`BROKEN`], so that the fault is that of the
/// cell which holds them.
pub(super) struct Window<R> {
    source: R,
    encoding: Encoding,
    text: String,
    start: usize,
    /// Bytes fetched; the first `carried` of them belong to a character whose end is still to come.
    chunk: Vec<u8>,
    carried: usize,
    ended: bool,
    allowance: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            encoding: Encoding::Unknown,
            text: String::with_capacity(2 * CHUNK_BYTES),
            start: 0,
            chunk: vec![0; CHUNK_BYTES],
            carried: 0,
            ended: false,
            allowance: u64::MAX,
        }
    }

    /// How many bytes the XML reader may take before it must have come to an end of something.
    pub(super) fn allow(&mut self, bytes: u64) {
        self.allowance = bytes;
    }

    /// The text that is held and not yet used.
    #[inline]
    pub(super) fn unread(&self) -> &str {
        self.text.get(self.start..).unwrap_or_default()
    }

    /// Marks bytes at the front as used.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.text.len());
    }

    /// Fetches until twice as much is held as before, so that looking again from the start costs no more than the
    /// first look. Says whether anything came.
    pub(super) fn grow(&mut self) -> io::Result<bool> {
        let held = self.unread().len();
        let target = (2 * held).max(1);
        while self.unread().len() < target && self.fetch()? {}
        Ok(self.unread().len() > held)
    }

    /// Fetches and decodes one chunk; says whether there was one.
    fn fetch(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.text.drain(..self.start);
        self.start = 0;
        let mut filled = self.carried + self.read_some()?;
        if self.encoding == Encoding::Unknown {
            while filled < DECLARATION_BYTES && !self.ended {
                self.carried = filled;
                filled += self.read_some()?;
            }
            self.carried = 0;
            let skipped = self.detect(filled)?;
            self.chunk.copy_within(skipped..filled, 0);
            filled -= skipped;
        }
        match self.encoding {
            Encoding::Utf16 { big_endian } => self.decode_utf16(filled, big_endian),
            Encoding::Unknown | Encoding::Utf8 => self.decode_utf8(filled),
        }
        Ok(true)
    }

    fn read_some(&mut self) -> io::Result<usize> {
        loop {
            let room = self.chunk.get_mut(self.carried..).unwrap_or_default();
            match self.source.read(room) {
                Ok(read) => {
                    self.ended = read == 0;
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Finds the encoding from the first bytes and returns the length of the byte order mark.
    fn detect(&mut self, filled: usize) -> io::Result<usize> {
        let head = self.chunk.get(..filled.min(DECLARATION_BYTES)).unwrap_or_default();
        let (encoding, mark) = match head {
            [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8, 3),
            [0xFF, 0xFE, ..] => (Encoding::Utf16 { big_endian: false }, 2),
            [0xFE, 0xFF, ..] => (Encoding::Utf16 { big_endian: true }, 2),
            [b'<', 0, ..] => (Encoding::Utf16 { big_endian: false }, 0),
            [0, b'<', ..] => (Encoding::Utf16 { big_endian: true }, 0),
            _ => (Encoding::Utf8, 0),
        };
        self.encoding = encoding;
        if encoding == Encoding::Utf8
            && let Some(declared) = declared_encoding(head)
            // Some .NET writers declare UTF-16 and write UTF-8; the bytes have decided above.
            && !["utf-8", "utf8", "us-ascii", "ascii", "utf-16"].contains(&declared.to_ascii_lowercase().as_str())
        {
            return Err(io::Error::other(Stop::Encoding { encoding: declared }));
        }
        Ok(mark)
    }

    fn decode_utf8(&mut self, filled: usize) {
        let mut rest = self.chunk.get(..filled).unwrap_or_default();
        let mut kept = 0;
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    self.text.push_str(valid);
                    break;
                }
                Err(error) => {
                    let (valid, broken) = rest.split_at(error.valid_up_to());
                    self.text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                    match error.error_len() {
                        None if !self.ended => {
                            kept = broken.len();
                            break;
                        }
                        length => {
                            self.text.push(BROKEN);
                            rest = broken.get(length.unwrap_or(broken.len())..).unwrap_or_default();
                        }
                    }
                }
            }
        }
        self.chunk.copy_within(filled - kept..filled, 0);
        self.carried = kept;
    }

    fn decode_utf16(&mut self, filled: usize, big_endian: bool) {
        let bytes = self.chunk.get(..filled).unwrap_or_default();
        let unit = |pair: [u8; 2]| if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
        let (pairs, odd) = bytes.as_chunks::<2>();
        let is_lead = |pair: &[u8; 2]| (0xD800..0xDC00).contains(&unit(*pair));
        let waits = !self.ended && pairs.last().is_some_and(is_lead);
        let whole = pairs.get(..pairs.len() - usize::from(waits)).unwrap_or_default();
        let chars = char::decode_utf16(whole.iter().map(|pair| unit(*pair)));
        self.text.extend(chars.map(|c| c.unwrap_or(BROKEN)));
        let kept = odd.len() + 2 * usize::from(waits);
        if self.ended && kept > 0 {
            self.text.push(BROKEN);
        }
        self.chunk.copy_within(filled - kept..filled, 0);
        self.carried = kept;
    }
}

/// The encoding that an XML declaration names.
fn declared_encoding(head: &[u8]) -> Option<String> {
    let head: String = head.iter().map(|byte| char::from(*byte)).collect();
    let declaration = head.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| ['"', '\''].contains(c))?;
    Some(value.get(1..)?.split_once(quote)?.0.to_owned())
}

impl<R: Read> Read for Window<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut held = self.fill_buf()?;
        let read = held.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Window<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.allowance == 0 {
            return Err(io::Error::other(Stop::Allowance));
        }
        while self.start == self.text.len() && self.fetch()? {}
        Ok(self.text.as_bytes().get(self.start..).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        self.allowance = self.allowance.saturating_sub(bytes as u64);
        self.advance(bytes);
    }
}
