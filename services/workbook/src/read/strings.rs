//! Shared strings: one text and one number per string, whatever the part claims about its own size.

use std::io::{Read, Seek};

use quick_xml::events::Event;

use super::cell::CellFault;
use super::error::{ReadError, quote};
use super::fast::{self, Scanned, Scratch};
use super::limits::Limits;
use super::package::Package;
use super::sheet::By;
use super::slow::Piece;
use super::text;
use super::xml::{Xml, attributes};

/// The string had characters that no text can hold.
const ILLEGAL: u32 = 1 << 31;
/// The string was cut; its length in UTF-16 units stands behind it, after a NUL.
const CUT: u32 = 1 << 30;
const FLAGS: u32 = ILLEGAL | CUT;

/// All shared strings in one text, with the end of each. The two highest bits of an end are flags.
#[derive(Default)]
pub(super) struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    /// Reads the part; a workbook without one has none.
    pub(super) fn read<R: Read + Seek>(
        package: &mut Package<R>,
        name: &str,
        limits: &Limits,
        by: By,
    ) -> Result<Self, ReadError> {
        let Some(part) = package.part(name, limits.part_inflated_bytes_max)? else { return Ok(Self::default()) };
        let mut xml = Xml::new(name, part, limits.row_bytes_max);
        let mut reading =
            Reading { strings: Self::default(), limits, piece: Piece::default(), scratch: Scratch::default() };
        loop {
            let element = match xml.next()? {
                Event::Start(element) => (element.local_name().as_ref().to_owned(), true),
                Event::Empty(element) => (element.local_name().as_ref().to_owned(), false),
                Event::Eof => break,
                _ => continue,
            };
            match (xml.depth(), element.0.as_str(), element.1) {
                (1, "sst", true) => {}
                (2, "si", true) if by == By::Scanner => return Err(xml.uncommon()),
                (2, "si", true) => reading.slow_item(&mut xml)?,
                (1, "si", false) => reading.push("", false)?,
                (0 | 1, "sst", false) | (_, "extLst", false) => {}
                (_, "extLst", true) => xml.skip()?,
                (_, other, _) => return Err(xml.unexpected(other)),
            }
            if by != By::Xml && xml.depth() == 1 {
                reading.fast_items(&mut xml)?;
            }
        }
        if xml.depth() > 0 { Err(xml.unfinished()) } else { Ok(reading.strings) }
    }

    /// A string and its fault.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<(&str, Option<CellFault>)> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| end & !FLAGS);
        let text = self.text.get(start as usize..(end & !FLAGS) as usize)?;
        if end & FLAGS == 0 {
            return Some((text, None));
        }
        if end & CUT != 0 {
            let (text, units) = text.split_once('\0')?;
            return Some((text, Some(CellFault::TooLong { units: units.parse().ok()? })));
        }
        Some((text, Some(CellFault::IllegalCharacter)))
    }
}

struct Reading<'l> {
    strings: Strings,
    limits: &'l Limits,
    piece: Piece,
    scratch: Scratch,
}

impl Reading<'_> {
    fn push(&mut self, string: &str, illegal: bool) -> Result<(), ReadError> {
        let strings = &mut self.strings;
        if strings.ends.len() == self.limits.strings_max {
            return Err(ReadError::TooManyStrings { limit: self.limits.strings_max });
        }
        let (kept, units) = text::cut(string);
        let too_large = ReadError::StringsTooLarge { limit: self.limits.strings_bytes_max };
        strings.text.push_str(kept);
        let mut flags = if illegal { ILLEGAL } else { 0 };
        if let Some(units) = units {
            flags |= CUT;
            strings.text.push('\0');
            strings.text.push_str(&units.to_string());
        }
        if strings.text.len() > self.limits.strings_bytes_max {
            return Err(too_large);
        }
        let end = u32::try_from(strings.text.len()).ok().filter(|end| end & FLAGS == 0).ok_or(too_large)?;
        strings.ends.push(end | flags);
        Ok(())
    }

    /// Takes all strings of the common shape that follow.
    fn fast_items<R: Read>(&mut self, xml: &mut Xml<R>) -> Result<(), ReadError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let result = self.fast_items_with(xml, &mut scratch);
        self.scratch = scratch;
        result
    }

    fn fast_items_with<R: Read>(&mut self, xml: &mut Xml<R>, scratch: &mut Scratch) -> Result<(), ReadError> {
        let mut blanks = 0;
        loop {
            let window = xml.window();
            let skipped = fast::blanks(window.unread());
            window.advance(skipped);
            blanks += skipped;
            let used = match fast::string(window.unread(), scratch) {
                Scanned::Done { used, value, illegal } => {
                    self.push(value.unwrap_or(scratch.value()), illegal)?;
                    blanks = 0;
                    used
                }
                Scanned::Unusual => return Ok(()),
                Scanned::More => {
                    if (window.unread().len() + blanks) as u64 > self.limits.row_bytes_max {
                        return Err(ReadError::Endless { part: quote(xml.part()) });
                    }
                    if !xml.grow()? {
                        return Ok(());
                    }
                    0
                }
            };
            xml.window().advance(used);
        }
    }

    /// Reads the string whose start tag was just read: its text runs, without the phonetic ones.
    fn slow_item<R: Read>(&mut self, xml: &mut Xml<R>) -> Result<(), ReadError> {
        self.piece.begin();
        let inside = xml.depth();
        while xml.depth() >= inside {
            match xml.next_within()? {
                Event::Start(element) => {
                    let mut preserve = false;
                    let well_formed = attributes(&element, |key, value| {
                        preserve |= key == "xml:space" && value == "preserve";
                    });
                    let name = element.local_name().as_ref().to_owned();
                    if !well_formed {
                        return Err(xml.ill_formed("an attribute is malformed"));
                    }
                    match name.as_str() {
                        "t" => self.piece.read(xml, preserve, true)?,
                        "r" => {}
                        _ => xml.skip()?,
                    }
                }
                Event::Eof => return Err(xml.unfinished()),
                _ => {}
            }
        }
        let value = std::mem::take(&mut self.piece.value);
        self.push(&value, self.piece.illegal)?;
        self.piece.value = value;
        Ok(())
    }
}
