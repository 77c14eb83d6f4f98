//! The small parts: relationships and the workbook itself.

use std::io::{Read, Seek};

use quick_xml::events::{BytesStart, Event};

use super::error::ReadError;
use super::limits::{Limits, SHEETS_MAX};
use super::package::Package;
use super::xml::{Xml, attributes, is_true};

/// A link from one part to another.
pub(super) struct Relation {
    pub(super) id: String,
    /// The last word of its type, such as `worksheet`.
    pub(super) kind: String,
    /// Name of the part; none if it lies outside the package.
    pub(super) target: Option<String>,
}

/// A sheet as the workbook lists it.
pub(super) struct SheetEntry {
    pub(super) name: String,
    pub(super) relation: String,
    pub(super) hidden: bool,
}

/// What the workbook part says.
#[derive(Default)]
pub(super) struct WorkbookPart {
    pub(super) sheets: Vec<SheetEntry>,
    pub(super) date1904: bool,
    /// Whether its writer asks for all formulas to be calculated on opening, because it calculated none.
    pub(super) recalculates: bool,
}

/// Calls back for each element of a small part; none if there is no such part.
pub(super) fn read_small<R: Read + Seek>(
    package: &mut Package<R>,
    name: &str,
    limits: &Limits,
    mut each: impl FnMut(u32, &BytesStart<'_>) -> Result<(), ReadError>,
) -> Result<Option<()>, ReadError> {
    let Some(part) = package.part(name, limits.small_part_bytes_max)? else { return Ok(None) };
    let mut xml = Xml::new(name, part, limits.small_part_bytes_max);
    loop {
        let outside = xml.depth();
        match xml.next()? {
            Event::Start(element) | Event::Empty(element) => each(outside, &element)?,
            Event::Eof => break,
            _ => {}
        }
    }
    if xml.depth() > 0 { Err(xml.unfinished()) } else { Ok(Some(())) }
}

/// The links of a part, found beside it in `_rels`.
pub(super) fn relations<R: Read + Seek>(
    package: &mut Package<R>,
    part: &str,
    limits: &Limits,
) -> Result<Vec<Relation>, ReadError> {
    let (folder, file) = part.rsplit_once('/').map_or(("", part), |(folder, file)| (folder, file));
    let slash = if folder.is_empty() { "" } else { "/" };
    let name = format!("{folder}{slash}_rels/{file}.rels");
    let mut found = Vec::new();
    read_small(package, &name, limits, |_, element| {
        if element.local_name().as_ref() != "Relationship" {
            return Ok(());
        }
        let (mut id, mut kind, mut target, mut external) = (String::new(), String::new(), String::new(), false);
        attributes(element, |key, value| match key {
            "Id" => value.clone_into(&mut id),
            "Type" => kind = value.rsplit('/').next().unwrap_or_default().to_owned(),
            "Target" => value.clone_into(&mut target),
            "TargetMode" => external = value == "External",
            _ => {}
        });
        let target = if external { None } else { Some(resolve(folder, &target)) };
        found.push(Relation { id, kind, target });
        Ok(())
    })?;
    Ok(found)
}

/// The part that a target names, seen from a folder.
fn resolve(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let path = match target.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{folder}/{target}"),
    };
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    steps.join("/")
}

/// Reads the workbook part.
pub(super) fn workbook<R: Read + Seek>(
    package: &mut Package<R>,
    name: &str,
    limits: &Limits,
) -> Result<WorkbookPart, ReadError> {
    let mut workbook = WorkbookPart::default();
    let found = read_small(package, name, limits, |_, element| {
        match element.local_name().as_ref() {
            "workbookPr" => {
                attributes(element, |key, value| {
                    if key == "date1904" {
                        workbook.date1904 = is_true(value);
                    }
                });
            }
            "calcPr" => {
                attributes(element, |key, value| {
                    if key == "fullCalcOnLoad" {
                        workbook.recalculates = is_true(value);
                    }
                });
            }
            "sheet" => {
                let mut sheet = SheetEntry { name: String::new(), relation: String::new(), hidden: false };
                attributes(element, |key, value| match key {
                    "name" => value.clone_into(&mut sheet.name),
                    // `r:id` with whatever prefix.
                    key if key.ends_with(":id") => value.clone_into(&mut sheet.relation),
                    "state" => sheet.hidden = value != "visible",
                    _ => {}
                });
                workbook.sheets.push(sheet);
                if workbook.sheets.len() > SHEETS_MAX {
                    return Err(ReadError::TooManySheets { limit: SHEETS_MAX });
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    found.map(|()| workbook).ok_or(ReadError::NoWorkbook)
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn targets_are_seen_from_their_folder() {
        assert_eq!(resolve("xl", "worksheets/sheet1.xml"), "xl/worksheets/sheet1.xml");
        assert_eq!(resolve("xl", "/xl/worksheets/sheet1.xml"), "xl/worksheets/sheet1.xml");
        assert_eq!(resolve("xl/a", "..\\styles.xml"), "xl/styles.xml");
        assert_eq!(resolve("", "./xl/../../xl/workbook.xml"), "xl/workbook.xml");
    }
}
