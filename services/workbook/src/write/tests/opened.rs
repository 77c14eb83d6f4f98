//! A small reader of packages that shares no code with the product, so that both halves can't be wrong alike.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesEnd, BytesStart, Event};

/// A package's parts.
pub(super) struct Opened {
    parts: BTreeMap<String, String>,
}

/// A cell's text and its style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) style: usize,
    pub(super) kind: String,
}

pub(super) type Cells = BTreeMap<(u32, u16), Cell>;

impl Opened {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut parts = BTreeMap::new();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let name = entry.name().unwrap().into_owned();
            assert!(parts.insert(name, text).is_none());
        }
        Self { parts }
    }

    pub(super) fn part(&self, name: &str) -> &str {
        self.parts.get(name).unwrap_or_else(|| panic!("no part {name}"))
    }

    /// The tabs in their order.
    pub(super) fn tabs(&self) -> Vec<String> {
        let mut names = Vec::new();
        each(self.part("xl/workbook.xml"), |event| {
            if let Event::Empty(tag) = event
                && name(tag) == "sheet"
            {
                names.push(attribute(tag, "name").unwrap());
            }
        });
        names
    }

    pub(super) fn sheet_xml(&self, tab: &str) -> &str {
        let at = self.tabs().iter().position(|name| name == tab).unwrap_or_else(|| panic!("no tab {tab}"));
        self.part(&format!("xl/worksheets/sheet{}.xml", at + 1))
    }

    /// The cells of a tab by row and column, from 0.
    pub(super) fn cells(&self, tab: &str) -> Cells {
        let strings = self.parts.get("xl/sharedStrings.xml").map_or_else(Vec::new, |xml| texts(xml, "si"));
        let mut cells = Cells::new();
        let (mut place, mut cell, mut inside) = ((0, 0), Cell::default(), false);
        each(self.sheet_xml(tab), |event| match event {
            Event::Start(tag) if name(tag) == "c" => {
                place = split(&attribute(tag, "r").unwrap());
                cell = Cell {
                    style: attribute(tag, "s").map_or(0, |style| style.parse().unwrap()),
                    kind: attribute(tag, "t").unwrap_or_default(),
                    text: String::new(),
                };
            }
            Event::Empty(tag) if name(tag) == "c" => {
                let style = attribute(tag, "s").map_or(0, |style| style.parse().unwrap());
                let at = split(&attribute(tag, "r").unwrap());
                cells.insert(at, Cell { style, ..Cell::default() });
            }
            Event::Start(tag) => {
                let element = name(tag);
                assert_ne!(element, "f", "a formula");
                inside = element == "t" || element == "v";
                if element == "t" {
                    cell.text.clear();
                }
            }
            Event::Text(text) if inside => cell.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) if inside => cell.text.push(character(&reference.xml10_content())),
            Event::End(tag) if ended(tag) == "c" => {
                let raw = std::mem::take(&mut cell.text);
                cell.text = match cell.kind.as_str() {
                    "s" => strings[raw.parse::<usize>().unwrap()].clone(),
                    _ => unescaped(&raw),
                };
                cells.insert(place, cell.clone());
            }
            Event::End(_) => inside = false,
            _ => {}
        });
        cells
    }

    /// The texts of a tab, row by row.
    pub(super) fn rows(&self, tab: &str) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for ((row, column), cell) in self.cells(tab) {
            rows.resize(rows.len().max(row as usize + 1), Vec::new());
            let cells = &mut rows[row as usize];
            cells.resize(cells.len().max(usize::from(column) + 1), String::new());
            cells[usize::from(column)] = cell.text;
        }
        rows
    }

    /// The colour that fills cells of a style, if any.
    pub(super) fn fill(&self, style: usize) -> Option<String> {
        let (mut fills, mut styles, mut inside) = (Vec::new(), Vec::new(), false);
        each(self.part("xl/styles.xml"), |event| match event {
            Event::Start(tag) | Event::Empty(tag) => match name(tag).as_str() {
                "fill" => fills.push(None),
                "fgColor" => *fills.last_mut().unwrap() = attribute(tag, "rgb"),
                "cellXfs" => inside = true,
                "xf" if inside => styles.push(attribute(tag, "fillId").unwrap().parse::<usize>().unwrap()),
                _ => {}
            },
            Event::End(tag) if ended(tag) == "cellXfs" => inside = false,
            _ => {}
        });
        fills[styles[style]].clone()
    }

    /// The number format that a column of a tab has for cells that are yet to be filled: a code, or the number of a
    /// built-in one.
    pub(super) fn number_format(&self, tab: &str, letter: &str) -> String {
        let (mut style, mut codes, mut formats, mut inside) = (0, BTreeMap::new(), Vec::new(), false);
        let column = (split(&format!("{letter}1")).1 + 1).to_string();
        each(self.sheet_xml(tab), |event| match event {
            Event::Empty(tag) if name(tag) == "col" => {
                let range = ["min", "max"].map(|end| attribute(tag, end).unwrap().parse::<u16>().unwrap());
                if (range[0]..=range[1]).contains(&column.parse().unwrap()) {
                    style = attribute(tag, "style").map_or(0, |style| style.parse().unwrap());
                }
            }
            _ => {}
        });
        each(self.part("xl/styles.xml"), |event| match event {
            Event::Start(tag) | Event::Empty(tag) => match name(tag).as_str() {
                "numFmt" => {
                    drop(codes.insert(attribute(tag, "numFmtId").unwrap(), attribute(tag, "formatCode").unwrap()))
                }
                "cellXfs" => inside = true,
                "xf" if inside => formats.push(attribute(tag, "numFmtId").unwrap()),
                _ => {}
            },
            Event::End(tag) if ended(tag) == "cellXfs" => inside = false,
            _ => {}
        });
        let format: &String = &formats[style];
        codes.get(format).unwrap_or(format).clone()
    }

    /// Notes by cell.
    pub(super) fn notes(&self, part: &str) -> Vec<(String, String)> {
        let xml = self.part(part);
        let mut places = Vec::new();
        each(xml, |event| {
            if let Event::Start(tag) = event
                && name(tag) == "comment"
            {
                places.push(attribute(tag, "ref").unwrap());
            }
        });
        places.into_iter().zip(texts(xml, "comment")).collect()
    }
}

fn each(xml: &str, mut see: impl FnMut(&Event<'_>)) {
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return,
            event => see(&event),
        }
    }
}

/// The texts inside each element of a name.
fn texts(xml: &str, element: &str) -> Vec<String> {
    let (mut found, mut inside) = (Vec::<String>::new(), false);
    each(xml, |event| match event {
        Event::Start(tag) if name(tag) == element => found.push(String::new()),
        Event::Start(tag) => inside = name(tag) == "t",
        Event::End(_) => inside = false,
        Event::Text(text) if inside => found.last_mut().unwrap().push_str(&text.xml10_content()),
        Event::GeneralRef(reference) if inside => {
            found.last_mut().unwrap().push(character(&reference.xml10_content()));
        }
        _ => {}
    });
    found.iter().map(|text| unescaped(text)).collect()
}

fn name(tag: &BytesStart<'_>) -> String {
    tag.name().as_ref().to_owned()
}

fn ended(tag: &BytesEnd<'_>) -> String {
    tag.name().as_ref().to_owned()
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    tag.try_get_attribute(name).unwrap().map(|attribute| attribute.value.to_string())
}

fn character(reference: &str) -> char {
    match reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        other => panic!("&{other};"),
    }
}

/// `_x000D_` is a character (ECMA-376 part 1, 22.9.2.19).
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let digits =
            rest.strip_prefix("_x").and_then(|hex| hex.get(..4)).filter(|_| rest.as_bytes().get(6) == Some(&b'_'));
        let escaped = digits.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        out.push(escaped.unwrap_or(c));
        rest = &rest[if escaped.is_some() { 7 } else { c.len_utf8() }..];
    }
    out
}

fn split(place: &str) -> (u32, u16) {
    let letters = place.find(|c: char| c.is_ascii_digit()).unwrap();
    let column = place[..letters].bytes().fold(0, |sum, letter| sum * 26 + u16::from(letter - b'A') + 1);
    (place[letters..].parse::<u32>().unwrap() - 1, column - 1)
}
