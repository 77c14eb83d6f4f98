//! The XML reader behind the small parts and the unusual rows: quick-xml with a bound on everything.

use std::io::Read;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::error::{ReadError, from_part_io, quote};
use super::limits::DEPTH_MAX;
use super::window::Window;

/// A part's XML as events. Between two events the window can be read directly, as long as whole elements are taken.
pub(crate) struct Xml<R: Read> {
    reader: Reader<Window<R>>,
    buffer: Vec<u8>,
    depth: u32,
    part: String,
    allowance: u64,
}

impl<R: Read> Xml<R> {
    /// Reads a part; no single event may have more than `allowance` bytes.
    pub(crate) fn new(part: &str, source: R, allowance: u64) -> Self {
        let reader = Reader::from_reader(Window::new(source));
        Self { reader, buffer: Vec::new(), depth: 0, part: part.to_owned(), allowance }
    }

    /// Opens a new allowance for what follows.
    pub(super) fn renew(&mut self) {
        let allowance = self.allowance;
        self.window().allow(allowance);
    }

    /// The next event, with an allowance of its own.
    pub(crate) fn next(&mut self) -> Result<Event<'_>, ReadError> {
        self.renew();
        self.next_within()
    }

    /// The next event, within the allowance that is open.
    pub(super) fn next_within(&mut self) -> Result<Event<'_>, ReadError> {
        self.buffer.clear();
        let event = self.reader.read_event_into(&mut self.buffer).map_err(|error| fault(&self.part, &error))?;
        match &event {
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            Event::DocType(_) => return Err(ReadError::Dtd { part: quote(&self.part) }),
            _ => {}
        }
        if self.depth > DEPTH_MAX {
            return Err(ReadError::TooDeep { part: quote(&self.part) });
        }
        Ok(event)
    }

    /// Elements that are open.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    pub(super) fn window(&mut self) -> &mut Window<R> {
        self.reader.get_mut()
    }

    /// Fetches more text; says whether there was any.
    pub(super) fn grow(&mut self) -> Result<bool, ReadError> {
        let grown = self.reader.get_mut().grow();
        grown.map_err(|error| from_part_io(&self.part, &error))
    }

    /// Passes over the rest of the element that was opened last.
    pub(super) fn skip(&mut self) -> Result<(), ReadError> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            if matches!(self.next_within()?, Event::Eof) {
                return Err(self.unfinished());
            }
        }
        Ok(())
    }

    pub(crate) fn unfinished(&self) -> ReadError {
        ReadError::Unfinished { part: quote(&self.part) }
    }

    pub(super) fn unexpected(&self, found: &str) -> ReadError {
        ReadError::Unexpected { part: quote(&self.part), found: quote(found) }
    }

    pub(super) fn uncommon(&self) -> ReadError {
        ReadError::Uncommon { part: quote(&self.part) }
    }

    pub(super) fn ill_formed(&self, detail: &str) -> ReadError {
        ReadError::Xml { part: quote(&self.part), detail: quote(detail) }
    }

    pub(super) fn part(&self) -> &str {
        &self.part
    }
}

fn fault(part: &str, error: &quick_xml::Error) -> ReadError {
    match error {
        quick_xml::Error::Io(error) => from_part_io(part, error),
        error => ReadError::Xml { part: quote(part), detail: quote(&error.to_string()) },
    }
}

/// Calls back with the name (prefix included) and value of each attribute; says whether all of them are well-formed.
pub(crate) fn attributes(element: &BytesStart<'_>, mut each: impl FnMut(&str, &str)) -> bool {
    for attribute in element.attributes().with_checks(false) {
        let Ok(attribute) = attribute else { return false };
        let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else { return false };
        each(attribute.key.as_ref(), &value);
    }
    true
}

/// Whether an `xsd:boolean` is true.
pub(super) fn is_true(value: &str) -> bool {
    ["1", "true", "on"].contains(&value.trim())
}
