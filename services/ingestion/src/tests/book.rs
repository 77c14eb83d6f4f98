//! Workbooks made by hand: a package of stored parts with inline texts, so that no writer of ours stands between a
//! test and the reader.

use std::fmt::Write as _;

use workbook::read::address;

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A workbook in the making: names of tabs and the XML of their rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Book(Vec<(String, String)>);

impl Book {
    /// A workbook of one tab.
    pub(super) fn of(name: &str, rows: &[&[&str]]) -> Self {
        Self::default().tab(name, rows)
    }

    /// One more tab. A cell is text, `#12.50` is a number, `=` a formula without a value, `!` an error, the blank no
    /// cell at all.
    pub(super) fn tab(self, name: &str, rows: &[&[&str]]) -> Self {
        let mut xml = String::new();
        for (number, row) in (1..).zip(rows) {
            let cells: String = (0..).zip(*row).map(|(column, text)| cell(&address(column, number), text)).collect();
            if !cells.is_empty() {
                write!(xml, "<row r=\"{number}\">{cells}</row>").unwrap();
            }
        }
        self.tab_xml(name, xml)
    }

    /// One more tab, whose rows are this XML.
    pub(super) fn tab_xml(mut self, name: &str, rows: String) -> Self {
        self.0.push((name.to_owned(), rows));
        self
    }

    /// The package.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (mut sheets, mut relations) = (String::new(), String::new());
        let mut package = Package::default();
        for (at, (name, rows)) in (1..).zip(&self.0) {
            write!(sheets, "<sheet name=\"{}\" sheetId=\"{at}\" r:id=\"rId{at}\"/>", escaped(name)).unwrap();
            write!(
                relations,
                "<Relationship Id=\"rId{at}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{at}.xml\"/>"
            )
            .unwrap();
            let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>");
            package.add(&format!("xl/worksheets/sheet{at}.xml"), &sheet);
        }
        let root = format!("<Relationship Id=\"r\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/>");
        package.add("_rels/.rels", &format!("<Relationships>{root}</Relationships>"));
        package.add("xl/_rels/workbook.xml.rels", &format!("<Relationships>{relations}</Relationships>"));
        let workbook = format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>{sheets}</sheets></workbook>");
        package.add("xl/workbook.xml", &workbook);
        package.finish()
    }
}

fn cell(address: &str, text: &str) -> String {
    match (text.strip_prefix('#'), text) {
        (_, "") => String::new(),
        (_, "=") => format!("<c r=\"{address}\"><f>1+1</f></c>"),
        (_, "!") => format!("<c r=\"{address}\" t=\"e\"><v>#REF!</v></c>"),
        (Some(number), _) => format!("<c r=\"{address}\"><v>{number}</v></c>"),
        (None, text) => {
            format!("<c r=\"{address}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>", escaped(text))
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// A zip whose entries are stored as they are.
#[derive(Default)]
struct Package {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

impl Package {
    fn add(&mut self, name: &str, content: &str) {
        let size = u32::try_from(content.len()).unwrap();
        let offset = u32::try_from(self.bytes.len()).unwrap();
        let length = u16::try_from(name.len()).unwrap();
        // Version, flags, method, time and date (1980-01-01), then what the content is.
        let mut common: Vec<u8> = [20_u16, 0, 0, 0, 0x21].into_iter().flat_map(u16::to_le_bytes).collect();
        common.extend([crc32(content.as_bytes()), size, size].into_iter().flat_map(u32::to_le_bytes));
        common.extend([length, 0].into_iter().flat_map(u16::to_le_bytes));
        self.bytes.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), content.as_bytes()].concat());
        self.directory.extend([b"PK\x01\x02", 20_u16.to_le_bytes().as_slice(), &common].concat());
        // Comment, disk and internal attributes, external attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.entries += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        let (start, size) = (self.bytes.len(), self.directory.len());
        self.bytes.extend(self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend([self.entries, self.entries].into_iter().flat_map(u16::to_le_bytes));
        self.bytes.extend([size, start].into_iter().flat_map(|it| u32::try_from(it).unwrap().to_le_bytes()));
        self.bytes.extend([0; 2]);
        self.bytes
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}
