//! Reading workbooks: a stream of rows out of a package that nobody vouches for.
//!
//! [`Workbook::open`] checks the container and reads its small parts, [`Workbook::rows`] streams a sheet, and
//! [`table::Table`] puts a header over the rows. Memory is bounded by [`limits`], whatever the file declares. A fault
//! of the package is a [`ReadError`]; a fault of a cell is data of its row, see [`CellFault`].
//!
//! The modules from the outside in: `package` (zip), `window` (bytes to text), `xml` (events), `parts`, `styles` and
//! `strings` (what cells refer to), `sheet` (which of the two row readers takes a row), `fast` and `slow` (those two),
//! `emit`, `text` and `date` (what a cell's XML means).

mod cell;
mod date;
mod emit;
mod error;
mod fast;
pub mod limits;
pub(crate) mod package;
mod parts;
pub(crate) mod put;
mod sheet;
mod slow;
mod strings;
mod styles;
pub mod table;
mod text;
mod window;
pub(crate) mod xml;

use std::io::{Read, Seek};

pub use cell::{Cell, CellFault, CellKind, Row, address};
pub use date::DateFault;
pub use error::ReadError;
pub use limits::Limits;
pub use sheet::{Rows, Taken};

use emit::Context;
pub(crate) use error::quote;
use package::Package;
use parts::Relation;
use sheet::By;
use strings::Strings;
use styles::Styles;

/// A sheet of a workbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    name: String,
    hidden: bool,
    /// The part's name; none if the workbook doesn't link to one.
    part: Option<String>,
    is_worksheet: bool,
}

impl Sheet {
    /// The name as the workbook has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether Excel doesn't show it.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.hidden
    }
}

/// An opened workbook.
pub struct Workbook<R> {
    package: Package<R>,
    limits: Limits,
    sheets: Vec<Sheet>,
    styles: Styles,
    date1904: bool,
    recalculates: bool,
    strings_part: String,
    /// Read with the first sheet: a file without the sheet that is needed costs nothing.
    strings: Option<Strings>,
    by: By,
}

impl<R: Read + Seek> Workbook<R> {
    /// Checks the package and reads the list of sheets and the styles.
    ///
    /// # Errors
    ///
    /// Whatever makes the package no workbook that can be trusted.
    pub fn open(reader: R, limits: Limits) -> Result<Self, ReadError> {
        let mut package = Package::open(reader, limits.clone())?;
        let name = workbook_part(&mut package, &limits)?;
        let part = parts::workbook(&mut package, &name, &limits)?;
        let relations = parts::relations(&mut package, &name, &limits)?;
        let by_kind = |kind: &str, fallback: &str| {
            let relation = relations.iter().find(|relation| relation.kind == kind);
            relation.and_then(|relation| relation.target.clone()).unwrap_or_else(|| fallback.to_owned())
        };
        let styles = Styles::read(&mut package, &by_kind("styles", "xl/styles.xml"), &limits)?;
        let sheets = part.sheets.into_iter().map(|entry| {
            let relation = relations.iter().find(|relation| relation.id == entry.relation);
            Sheet {
                name: entry.name,
                hidden: entry.hidden,
                part: relation.and_then(|relation: &Relation| relation.target.clone()),
                is_worksheet: relation.is_none_or(|relation| relation.kind == "worksheet"),
            }
        });
        Ok(Self {
            sheets: sheets.collect(),
            styles,
            date1904: part.date1904,
            recalculates: part.recalculates,
            strings_part: by_kind("sharedStrings", "xl/sharedStrings.xml"),
            strings: None,
            package,
            limits,
            by: By::Either,
        })
    }

    /// The sheets, in the order of the tabs.
    #[must_use]
    pub fn sheets(&self) -> &[Sheet] {
        &self.sheets
    }

    /// The position of the one sheet that has one of these names, whatever its case and the blanks around it.
    ///
    /// # Errors
    ///
    /// [`ReadError::AmbiguousSheet`] if two sheets have such a name: taking either could drop records.
    pub fn sheet_named(&self, names: &[&str]) -> Result<Option<usize>, ReadError> {
        named(self.sheets.iter().map(Sheet::name), names)
    }

    /// Streams the rows of a sheet, by its position in [`Workbook::sheets`].
    ///
    /// # Errors
    ///
    /// A sheet that has no cells or no part, and faults of that part or of the shared strings.
    pub fn rows(&mut self, sheet: usize) -> Result<Rows<'_, R>, ReadError> {
        let missing = |part: &str| ReadError::MissingPart { part: quote(part) };
        let sheet = self.sheets.get(sheet).ok_or_else(|| missing("of the sheet"))?;
        if !sheet.is_worksheet {
            return Err(ReadError::NotAWorksheet { name: quote(&sheet.name) });
        }
        let name = sheet.part.as_deref().ok_or_else(|| missing(&sheet.name))?;
        let strings = match self.strings.take() {
            Some(strings) => strings,
            None => Strings::read(&mut self.package, &self.strings_part, &self.limits, self.by)?,
        };
        let context = Context {
            strings: self.strings.insert(strings),
            styles: &self.styles,
            date1904: self.date1904,
            recalculates: self.recalculates,
        };
        let part = self.package.part(name, self.limits.part_inflated_bytes_max)?.ok_or_else(|| missing(name))?;
        Rows::open(name, part, context, self.limits.clone(), sheet.name.clone(), self.by)
    }

    /// Turns the fast scanner off, so that every row and string goes through the XML reader. Both must give the same;
    /// tests compare them.
    pub fn read_by_xml_only(&mut self) {
        self.by = By::Xml;
        self.strings = None;
    }

    /// Turns the XML reader off for rows and strings: one that the fast scanner doesn't take is refused as
    /// [`ReadError::Uncommon`]. Tests see so what the scanner takes.
    pub fn read_by_scanner_only(&mut self) {
        self.by = By::Scanner;
        self.strings = None;
    }
}

/// The position of the one name that is among the wanted ones, whatever its case and the blanks around it.
pub(crate) fn named<'a>(sheets: impl Iterator<Item = &'a str>, wanted: &[&str]) -> Result<Option<usize>, ReadError> {
    let mut found = sheets.enumerate().filter(|(_, sheet)| is_named(sheet, wanted));
    match (found.next(), found.next()) {
        (Some((_, first)), Some((_, second))) => {
            Err(ReadError::AmbiguousSheet { first: quote(first), second: quote(second) })
        }
        (first, _) => Ok(first.map(|(position, _)| position)),
    }
}

/// Whether a sheet has one of the wanted names.
pub(crate) fn is_named(sheet: &str, wanted: &[&str]) -> bool {
    let name = sheet.trim().to_lowercase();
    wanted.iter().any(|wanted| wanted.to_lowercase() == name)
}

/// Finds the workbook part.
fn workbook_part<R: Read + Seek>(package: &mut Package<R>, limits: &Limits) -> Result<String, ReadError> {
    const USUAL: &str = "xl/workbook.xml";
    if package.has("content.xml") && !package.has(USUAL) {
        return Err(ReadError::OpenDocument);
    }
    let relations = parts::relations(package, "", limits)?;
    let named = relations.into_iter().find(|relation| relation.kind == "officeDocument");
    let name = named.and_then(|relation| relation.target).unwrap_or_else(|| USUAL.to_owned());
    if name.ends_with(".bin") || package.has("xl/workbook.bin") {
        return Err(ReadError::Xlsb);
    }
    match package.has(&name) {
        true if !name.contains("word/") && !name.contains("ppt/") => Ok(name),
        _ if package.has(USUAL) => Ok(USUAL.to_owned()),
        _ => Err(ReadError::NoWorkbook),
    }
}
