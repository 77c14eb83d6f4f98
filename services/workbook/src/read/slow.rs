//! Rows and strings of any legal shape, from XML events: joined text, CDATA, references, rich text, prefixes.

use std::io::Read;

use quick_xml::events::{BytesStart, Event};

use super::cell::{CellFault, Row};
use super::emit::{Context, Place, RawCell, ValueType, push};
use super::error::ReadError;
use super::text::{finish, push_lines, push_reference, trim};
use super::xml::{Xml, attributes};

/// A value collected from the pieces that XML may cut it into.
#[derive(Default)]
pub(super) struct Piece {
    raw: String,
    pub(super) value: String,
    pub(super) illegal: bool,
    /// An element stood inside the text.
    nested: bool,
}

impl Piece {
    pub(super) fn begin(&mut self) {
        self.value.clear();
        self.illegal = false;
        self.nested = false;
    }

    /// Appends the text of the element whose start tag was just read.
    pub(super) fn read<R: Read>(&mut self, xml: &mut Xml<R>, preserve: bool, unescape: bool) -> Result<(), ReadError> {
        self.raw.clear();
        let inside = xml.depth();
        while xml.depth() >= inside {
            match xml.next_within()? {
                Event::Text(text) => push_lines(&text, &mut self.raw),
                Event::CData(text) => push_lines(&text, &mut self.raw),
                Event::GeneralRef(name) => {
                    push_reference(&name, &mut self.raw).map_err(|_| xml.ill_formed("an unknown entity"))?;
                }
                Event::Start(_) => {
                    self.nested = true;
                    xml.skip()?;
                }
                Event::Empty(_) => self.nested = true,
                Event::Eof => return Err(xml.unfinished()),
                _ => {}
            }
        }
        self.illegal |= finish(&self.raw, preserve, unescape, &mut self.value);
        Ok(())
    }
}

/// A row's or cell's start tag.
#[derive(Default)]
pub(super) struct Tag {
    pub(super) reference: Option<String>,
    style: Option<String>,
    kind: Option<String>,
}

impl Tag {
    /// Reads the attributes; `Err` says what is wrong with them.
    pub(super) fn read(element: &BytesStart<'_>) -> Result<Self, &'static str> {
        let mut tag = Self::default();
        let mut twice = false;
        let well_formed = attributes(element, |key, value| {
            let place = match key {
                "r" => &mut tag.reference,
                "s" => &mut tag.style,
                "t" => &mut tag.kind,
                _ => return,
            };
            twice |= place.replace(value.to_owned()).is_some();
        });
        match (well_formed, twice) {
            (false, _) => Err("an attribute is malformed"),
            (_, true) => Err("an attribute is given twice"),
            _ => Ok(tag),
        }
    }
}

/// What an event inside a row or a cell is to its reader.
enum Child {
    Element {
        name: String,
        tag: Tag,
        preserve: bool,
        empty: bool,
    },
    /// Something that is no value.
    Stray,
    /// Comments and blanks.
    Nothing,
    End,
}

fn child<R: Read>(xml: &mut Xml<R>) -> Result<Child, ReadError> {
    let (element, empty) = match xml.next_within()? {
        Event::Start(element) => (element, false),
        Event::Empty(element) => (element, true),
        Event::Text(text) if trim(&text).is_empty() => return Ok(Child::Nothing),
        Event::Text(_) | Event::CData(_) => return Ok(Child::Stray),
        Event::GeneralRef(name) => {
            return match push_reference(&name, &mut String::new()) {
                Ok(()) => Ok(Child::Stray),
                Err(_) => Err(xml.ill_formed("an unknown entity")),
            };
        }
        Event::End(_) => return Ok(Child::End),
        Event::Eof => return Err(xml.unfinished()),
        _ => return Ok(Child::Nothing),
    };
    let name = element.local_name().as_ref().to_owned();
    let mut preserve = false;
    attributes(&element, |key, value| preserve |= key == "xml:space" && value == "preserve");
    match Tag::read(&element) {
        Ok(tag) => Ok(Child::Element { name, tag, preserve, empty }),
        Err(detail) => Err(xml.ill_formed(detail)),
    }
}

/// Reads the cells of the row whose start tag was just read.
pub(super) fn cells<R: Read>(
    xml: &mut Xml<R>,
    row: &mut Row,
    place: &mut Place,
    context: &Context<'_>,
    piece: &mut Piece,
) -> Result<(), ReadError> {
    loop {
        match child(xml)? {
            Child::Element { name, tag, empty, .. } if name == "c" => {
                let mut cell = RawCell {
                    reference: tag.reference.as_deref(),
                    style: tag.style.as_deref(),
                    kind: tag.kind.as_deref().map_or(ValueType::Number, ValueType::of),
                    ..RawCell::default()
                };
                piece.begin();
                let valued = !empty && values(xml, &mut cell, piece)?;
                if piece.nested {
                    cell.fault.get_or_insert(CellFault::Unexpected);
                }
                cell.value = valued.then_some(piece.value.as_str());
                cell.illegal = piece.illegal;
                push(row, place, context, &cell);
            }
            Child::Element { name, empty, .. } => {
                if name != "extLst" {
                    row.note(place.guess(), CellFault::Unexpected);
                }
                if !empty {
                    xml.skip()?;
                }
            }
            Child::Stray => row.note(place.guess(), CellFault::Unexpected),
            Child::Nothing => {}
            Child::End => return Ok(()),
        }
    }
}

/// Reads what is inside a cell; says whether there was a value.
fn values<R: Read>(xml: &mut Xml<R>, cell: &mut RawCell<'_>, piece: &mut Piece) -> Result<bool, ReadError> {
    let mut valued = false;
    loop {
        let (name, preserve, empty) = match child(xml)? {
            Child::Element { name, preserve, empty, .. } => (name, preserve, empty),
            Child::Stray => {
                cell.fault.get_or_insert(CellFault::Unexpected);
                continue;
            }
            Child::Nothing => continue,
            Child::End => return Ok(valued),
        };
        let is_value = name == "v" || (name == "is" && cell.kind == ValueType::Inline);
        if is_value && valued {
            cell.fault.get_or_insert(CellFault::ValueTwice);
        } else if is_value {
            valued = true;
            match (name.as_str(), empty) {
                (_, true) => {}
                ("v", _) => {
                    let is_text = cell.kind.is_text();
                    piece.read(xml, preserve && is_text, is_text)?;
                }
                _ => rich_text(xml, cell, piece)?,
            }
            continue;
        } else if name == "f" && !cell.formula {
            cell.formula = true;
            if !empty {
                // Read for its references only, as the fast scanner does.
                Piece::default().read(xml, true, false)?;
            }
            continue;
        } else if name != "extLst" {
            cell.fault.get_or_insert(CellFault::Unexpected);
        }
        if !empty {
            xml.skip()?;
        }
    }
}

/// Reads the runs of an inline text, without the phonetic ones.
fn rich_text<R: Read>(xml: &mut Xml<R>, cell: &mut RawCell<'_>, piece: &mut Piece) -> Result<(), ReadError> {
    let inside = xml.depth();
    while xml.depth() >= inside {
        match child(xml)? {
            Child::Element { name, preserve, empty, .. } => match (name.as_str(), empty) {
                ("t", false) => piece.read(xml, preserve, true)?,
                ("r", false) | ("t" | "r" | "phoneticPr" | "rPr" | "rPh", true) => {}
                ("phoneticPr" | "rPr" | "rPh", false) => xml.skip()?,
                _ => {
                    cell.fault.get_or_insert(CellFault::Unexpected);
                    if !empty {
                        xml.skip()?;
                    }
                }
            },
            Child::Stray => {
                cell.fault.get_or_insert(CellFault::Unexpected);
            }
            Child::Nothing | Child::End => {}
        }
    }
    Ok(())
}
