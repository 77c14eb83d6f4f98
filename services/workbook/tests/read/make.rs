//! Workbooks made by hand, and rows shown as text.

use std::fmt::Write as _;
use std::io::{Cursor, Read, Seek, Write};

use workbook::read::{Limits, ReadError, Row, Workbook, address};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A workbook of one sheet, `records`, whose parts can be set one by one.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) sheet: Vec<u8>,
    pub(crate) strings: Option<String>,
    pub(crate) styles: Option<String>,
    pub(crate) workbook: String,
    pub(crate) relations: String,
    pub(crate) more: Vec<(String, Vec<u8>)>,
}

/// Names and contents of a package.
pub(crate) type Parts = Vec<(String, Vec<u8>)>;

pub(crate) const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

impl Book {
    /// A workbook whose sheet part is this.
    pub(crate) fn of_sheet(sheet: impl Into<Vec<u8>>) -> Self {
        Self {
            sheet: sheet.into(),
            strings: None,
            styles: None,
            workbook: workbook_xml("", &["records"]),
            relations: relations_xml(1),
            more: Vec::new(),
        }
    }

    /// A workbook whose sheet has these rows.
    pub(crate) fn of_rows(rows: &str) -> Self {
        Self::of_sheet(sheet_xml(rows))
    }

    /// A workbook with one row, 1, of these cells.
    pub(crate) fn of_cells(cells: &str) -> Self {
        Self::of_rows(&format!("<row r=\"1\">{cells}</row>"))
    }

    pub(crate) fn strings(mut self, items: &str) -> Self {
        self.strings = Some(format!("<?xml version=\"1.0\"?><sst xmlns=\"{MAIN}\">{items}</sst>"));
        self
    }

    /// Styles with one cell style per format: a number is a built-in format, the rest is a format code.
    pub(crate) fn formats(mut self, formats: &[&str]) -> Self {
        let (mut codes, mut styles) = (String::new(), String::new());
        for (at, format) in formats.iter().enumerate() {
            let id = format.parse::<usize>().unwrap_or_else(|_| {
                let code = format.replace('&', "&amp;").replace('"', "&quot;");
                write!(codes, "<numFmt numFmtId=\"{}\" formatCode=\"{code}\"/>", 164 + at).unwrap();
                164 + at
            });
            write!(styles, "<xf numFmtId=\"{id}\"/>").unwrap();
        }
        self.styles = Some(format!(
            "<styleSheet xmlns=\"{MAIN}\"><numFmts>{codes}</numFmts><cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs>\
             <cellXfs>{styles}</cellXfs><dxfs><dxf><numFmt numFmtId=\"164\" formatCode=\"0\"/></dxf></dxfs></styleSheet>"
        ));
        self
    }

    pub(crate) fn parts(&self) -> Parts {
        let mut parts = vec![
            (
                "_rels/.rels".to_owned(),
                format!("<Relationships><Relationship Id=\"r\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>")
                    .into_bytes(),
            ),
            ("xl/workbook.xml".to_owned(), self.workbook.clone().into_bytes()),
            ("xl/_rels/workbook.xml.rels".to_owned(), self.relations.clone().into_bytes()),
            ("xl/worksheets/sheet1.xml".to_owned(), self.sheet.clone()),
        ];
        if let Some(strings) = &self.strings {
            parts.push(("xl/sharedStrings.xml".to_owned(), strings.clone().into_bytes()));
        }
        if let Some(styles) = &self.styles {
            parts.push(("xl/styles.xml".to_owned(), styles.clone().into_bytes()));
        }
        parts.extend(self.more.iter().cloned());
        parts
    }

    pub(crate) fn zip(&self) -> Vec<u8> {
        pack(&self.parts())
    }
}

pub(crate) fn workbook_xml(extra: &str, sheets: &[&str]) -> String {
    let mut list = String::new();
    for (at, name) in sheets.iter().enumerate() {
        write!(list, "<sheet name=\"{name}\" sheetId=\"{0}\" r:id=\"rId{0}\"/>", at + 1).unwrap();
    }
    format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\">{extra}<sheets>{list}</sheets></workbook>")
}

pub(crate) fn relations_xml(sheets: usize) -> String {
    let mut list = String::new();
    for at in 1..=sheets {
        write!(list, "<Relationship Id=\"rId{at}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{at}.xml\"/>")
            .unwrap();
    }
    format!("<Relationships>{list}</Relationships>")
}

pub(crate) fn sheet_xml(rows: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<worksheet xmlns=\"{MAIN}\">\
         <dimension ref=\"A1:C3\"/><sheetData>{rows}</sheetData><pageMargins left=\"0.7\"/></worksheet>"
    )
}

pub(crate) fn pack(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A package without compression, which is made in no time.
pub(crate) fn pack_stored(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in parts {
        zip.start_file(name.as_str(), options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A part that is too large to hold: a block, repeated.
pub(crate) fn pack_repeated(book: &Book, name: &str, before: &str, block: &str, times: usize, after: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_level(Some(1));
    for (other, content) in book.parts().iter().filter(|(other, _)| other != name) {
        zip.start_file(other.as_str(), options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.start_file(name, options).unwrap();
    zip.write_all(before.as_bytes()).unwrap();
    let per_write = (1 << 16) / block.len() + 1;
    let many = block.repeat(per_write);
    for _ in 0..times / per_write {
        zip.write_all(many.as_bytes()).unwrap();
    }
    zip.write_all(block.repeat(times % per_write).as_bytes()).unwrap();
    zip.write_all(after.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Which of the two row readers is tested: the scanner with the XML reader behind it, or either alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Scanner,
    ScannerOnly,
    Xml,
}

impl By {
    pub(crate) fn apply<R: Read + Seek>(self, workbook: &mut Workbook<R>) {
        match self {
            Self::Scanner => {}
            Self::ScannerOnly => workbook.read_by_scanner_only(),
            Self::Xml => workbook.read_by_xml_only(),
        }
    }
}

/// All rows of the first sheet, a line each.
pub(crate) fn rows(zip: &[u8], by: By) -> Result<Vec<String>, ReadError> {
    let mut workbook = Workbook::open(Cursor::new(zip), Limits::default())?;
    by.apply(&mut workbook);
    let mut rows = workbook.rows(0)?;
    let mut row = Row::new();
    let mut lines = Vec::new();
    while rows.next_row(&mut row)? {
        lines.push(show(&row));
    }
    Ok(lines)
}

/// `1| A1 Text "a" | B1 Number "2" !BadReference`.
pub(crate) fn show(row: &Row) -> String {
    let mut line = format!("{}", row.number());
    for cell in row.cells() {
        let place = address(cell.column, row.number());
        write!(line, " | {place} {:?} {:?}", cell.kind, cell.text).unwrap();
        if let Some(fault) = cell.fault {
            write!(line, " !{fault:?}").unwrap();
        }
    }
    if let Some((column, fault)) = row.fault() {
        write!(line, " !! {} {fault:?}", address(column, row.number())).unwrap();
    }
    line
}

/// Reads both ways, demands that they agree, and returns the lines or the error's name.
pub(crate) fn both(zip: &[u8]) -> Result<Vec<String>, String> {
    let [scanner, xml] = [By::Scanner, By::Xml].map(|by| rows(zip, by));
    match (scanner, xml) {
        (Ok(scanner), Ok(xml)) => {
            assert_eq!(scanner, xml, "the scanner and the XML reader differ");
            Ok(scanner)
        }
        (Err(scanner), Err(xml)) => {
            assert_eq!(name_of(&scanner), name_of(&xml), "the scanner and the XML reader fail differently");
            check_sentence(&scanner);
            Err(name_of(&scanner))
        }
        (scanner, xml) => panic!("one reader refuses: scanner {scanner:?}, XML {xml:?}"),
    }
}

/// The variant's name.
pub(crate) fn name_of(error: &ReadError) -> String {
    format!("{error:?}").split([' ', '(', '{']).next().unwrap().to_owned()
}

/// Every message is one that can be shown to a vendor.
pub(crate) fn check_sentence(error: &ReadError) {
    let sentence = error.to_string();
    assert!(sentence.chars().count() <= 200, "{} chars: {sentence}", sentence.chars().count());
    assert!(!sentence.ends_with('.') && !sentence.contains('\n'), "{sentence}");
}
