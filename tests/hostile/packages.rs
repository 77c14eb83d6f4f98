//! Packages that are broken, ambiguous, locked or no workbooks.

use super::Case;
use super::book::{SHEET, and_then, quantity};
use super::make::{Book, Parts, pack, relations_xml, sheet_xml, workbook_xml};

const SOUND: &str = "1 valid, total 1";
const OLE: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

fn sound() -> Book {
    and_then("")
}

/// The sound package with its parts changed.
fn parts(change: impl Fn(&mut Parts) + Send + Sync + 'static) -> impl Fn() -> Vec<u8> + Send + Sync {
    move || {
        let mut parts = sound().parts();
        change(&mut parts);
        pack(&parts)
    }
}

fn without(name: &'static str) -> impl Fn() -> Vec<u8> + Send + Sync {
    parts(move |parts| parts.retain(|(other, _)| other != name))
}

/// The sound package with its bytes changed.
fn bytes(change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> impl Fn() -> Vec<u8> + Send + Sync {
    move || {
        let mut zip = sound().zip();
        change(&mut zip);
        zip
    }
}

/// Where the central directory's entry of the sheet begins.
fn entry_of_sheet(zip: &[u8]) -> usize {
    zip.windows(SHEET.len()).rposition(|window| window == SHEET.as_bytes()).unwrap() - 46
}

fn replaced(zip: &mut [u8], from: &str, to: &str) {
    for at in 0..=zip.len() - from.len() {
        if zip[at..].starts_with(from.as_bytes()) {
            zip[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
}

fn named(names: &'static [&'static str]) -> impl Fn() -> Vec<u8> + Send + Sync {
    move || {
        let mut book = sound();
        book.workbook = workbook_xml("", names);
        book.relations = relations_xml(names.len());
        book.zip()
    }
}

fn ole(encrypted: bool) -> Vec<u8> {
    let mut ole = vec![0_u8; 5_000];
    ole[..8].copy_from_slice(&OLE);
    ole[30] = 9;
    ole[48] = 1;
    if encrypted {
        let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        ole[1_024..1_024 + name.len()].copy_from_slice(&name);
    }
    ole
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = no_workbooks();
    cases.extend(containers());
    cases.extend(entries());
    cases.extend(links());
    cases.extend(xml());
    cases
}

fn no_workbooks() -> Vec<Case> {
    vec![
        Case::new("no bytes", "005 the file is empty", Vec::new),
        Case::new("a PDF", "005 not an Excel workbook", || b"%PDF-1.7\x01\x02\x00".to_vec()),
        Case::new("two letters of a zip", "005 cut off or damaged", || b"PK\x03\x04".to_vec()),
        Case::new("an old .xls", "005 .xls", || ole(false)),
        Case::new("a workbook with a password", "005 protected by a password", || ole(true)),
        Case::new("an OLE header alone", "005 .xls", || OLE.to_vec()),
        Case::new("a web page", "005 web page", || b"<!DOCTYPE html><html>Sign in</html>".to_vec()),
        Case::new("a zip of something else", "005 zip archive without a workbook", || {
            pack(&[("a.txt".to_owned(), b"x".to_vec())])
        }),
        Case::new("a zip in a zip", "005 zip archive without a workbook", || {
            pack(&[("usage.xlsx".to_owned(), sound().zip())])
        }),
        Case::new("an empty zip", "005 zip archive without a workbook", || pack(&[])),
        Case::new("a Word document", "005 zip archive without a workbook", || {
            let link = "<Relationships>\
             <Relationship Id=\"r\" Type=\"x/officeDocument\" Target=\"word/document.xml\"/></Relationships>";
            pack(&[("_rels/.rels".to_owned(), link.into()), ("word/document.xml".to_owned(), b"<w/>".to_vec())])
        }),
    ]
}

fn containers() -> Vec<Case> {
    vec![
        Case::new("a zip cut in its middle", "005 cut off or damaged", bytes(|zip| zip.truncate(zip.len() / 2))),
        Case::new("a zip without its last byte", "005 cut off or damaged", bytes(|zip| zip.truncate(zip.len() - 1))),
        Case::new("a zip with junk before it", SOUND, bytes(|zip| drop(zip.splice(0..0, *b"junk before the zip")))),
        Case::new("a zip with junk behind it", SOUND, bytes(|zip| zip.extend([0; 40]))),
        Case::new(
            "a flipped bit",
            "005 xl/worksheets/sheet1.xml",
            bytes(|zip| {
                let at = zip.windows(SHEET.len()).position(|window| window == SHEET.as_bytes()).unwrap();
                zip[at + SHEET.len() + 150] ^= 0x10;
            }),
        ),
        Case::new(
            "a wrong checksum",
            "005 is damaged",
            bytes(|zip| {
                let at = entry_of_sheet(zip);
                zip[at + 16] ^= 1;
            }),
        ),
        Case::new(
            "a declared size of 4 GiB",
            SOUND,
            bytes(|zip| {
                let at = entry_of_sheet(zip);
                zip[at + 24..at + 28].copy_from_slice(&0xFFFF_FFFE_u32.to_le_bytes());
            }),
        ),
        Case::new(
            "a declared size of nothing",
            "005 is damaged",
            bytes(|zip| {
                let at = entry_of_sheet(zip);
                zip[at + 24..at + 28].fill(0);
            }),
        ),
        Case::new(
            "a part that begins outside the file",
            "005 damaged",
            bytes(|zip| {
                let at = entry_of_sheet(zip);
                zip[at + 42..at + 46].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
            }),
        ),
        Case::new(
            "a part that is the bytes of another",
            "005 is damaged",
            bytes(|zip| {
                let at = entry_of_sheet(zip);
                zip[at + 42..at + 46].fill(0);
            }),
        ),
    ]
}

/// Entries of the directory that say what no workbook says.
fn entries() -> Vec<Case> {
    vec![
        Case::new(
            "an encrypted part",
            "005 is encrypted",
            bytes(|zip| {
                let at = entry_of_sheet(zip);
                zip[at + 8] |= 1;
            }),
        ),
        Case::new(
            "a part packed by LZMA",
            "005 compressed in a way that Excel can't read",
            bytes(|zip| {
                let at = entry_of_sheet(zip);
                zip[at + 10] = 14;
            }),
        ),
        Case::new(
            "a directory that claims 65,535 entries",
            "005 cut off or damaged",
            bytes(|zip| {
                let end = zip.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
                zip[end + 8..end + 12].fill(0xFF);
            }),
        ),
        Case::new("a part twice, byte for byte", "005 holds xl/worksheets/sheet1.xml twice", || {
            let mut book = sound();
            book.more = vec![("xl/worksheets/sheet2.xml".to_owned(), sheet_xml("<row/>").into_bytes())];
            let mut zip = book.zip();
            replaced(&mut zip, "xl/worksheets/sheet2.xml", SHEET);
            zip
        }),
        Case::new(
            "a part twice, in two cases",
            "005 twice",
            parts(|parts| {
                parts.push(("XL/Worksheets/Sheet1.xml".to_owned(), sheet_xml("").into_bytes()));
            }),
        ),
        Case::new(
            "a part twice, with two kinds of slashes",
            "005 twice",
            parts(|parts| {
                parts.push(("xl\\workbook.xml".to_owned(), Vec::new()));
            }),
        ),
        Case::new("200,000 entries", "005 has 200004 entries, more than 2000", || {
            let mut book = sound();
            book.more = (0..200_000).map(|at| (format!("a/{at}"), Vec::new())).collect();
            book.zip()
        }),
    ]
}

fn links() -> Vec<Case> {
    let target = |target: &'static str| {
        move || {
            let mut book = sound();
            book.relations = book.relations.replace("worksheets/sheet1.xml", target);
            book.zip()
        }
    };
    let kind = |kind: &'static str| {
        move || {
            let mut book = sound();
            book.relations = book.relations.replace("/worksheet\"", kind);
            book.zip()
        }
    };
    vec![
        Case::new("no sheet part", "005 xl/worksheets/sheet1.xml is missing", without(SHEET)),
        Case::new("no workbook part", "005 zip archive without a workbook", without("xl/workbook.xml")),
        Case::new("no links of the workbook", "005 is missing", without("xl/_rels/workbook.xml.rels")),
        Case::new("no links of the package", SOUND, without("_rels/.rels")),
        Case::new(
            "part names in capitals",
            SOUND,
            parts(|parts| {
                parts.iter_mut().for_each(|(name, _)| *name = name.to_uppercase());
            }),
        ),
        Case::new("a link out of the package", "005 is missing", target("../../../etc/passwd")),
        Case::new(
            "a link to a web address",
            "005 is missing",
            target("http://127.0.0.1/a.xml\" TargetMode=\"External"),
        ),
        Case::new("a link to the workbook itself", "005 has workbook where it must not be", target("workbook.xml")),
        Case::new("a chart called records", "005 is not a worksheet", kind("/chartsheet\"")),
        Case::new("two tabs called records", "005 two sheets for the same data", named(&["records", " RECORDS "])),
        Case::new("both names of the tab", "005 two sheets for the same data", named(&["records", "usage_records"])),
        Case::new("no tab called records", "005 no tab called records", named(&["Sheet1"])),
        Case::new("a tab of a strange name beside it", SOUND, named(&["records", "\u{202e}&lt;script&gt;&#0;"])),
        Case::new("1,001 tabs", "005 more than 1000 sheets", || {
            let mut book = sound();
            let names: Vec<String> = (0..1_001).map(|at| format!("s{at}")).collect();
            book.workbook = workbook_xml("", &names.iter().map(String::as_str).collect::<Vec<_>>());
            book.zip()
        }),
        Case::new("a tab's name of a million characters", "005 no tab called records", || {
            let mut book = sound();
            book.workbook = workbook_xml("", &[&"n".repeat(1_000_000)]);
            book.zip()
        }),
    ]
}

fn xml() -> Vec<Case> {
    let sheet = |xml: String| move || Book::of_sheet(xml.clone()).zip();
    let laughs = "<!DOCTYPE lolz [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\
     <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    let outside = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";
    let whole = String::from_utf8(quantity("<c r='D2'><v>&c;</v></c>").sheet).unwrap();
    let with = |declaration: &str, entity: &str| {
        whole.replacen("<worksheet", &format!("{declaration}<worksheet"), 1).replace("&c;", entity)
    };
    let strings = |xml: &'static str| {
        move || {
            let mut book = quantity("<c r='D2' t='s'><v>0</v></c>");
            book.strings = Some(xml.to_owned());
            book.zip()
        }
    };
    vec![
        Case::new("a billion laughs", "005 document type declaration", sheet(with(laughs, "&c;"))),
        Case::new("an entity from a file", "005 document type declaration", sheet(with(outside, "&e;"))),
        Case::new("an entity without its declaration", "005 unknown entity", sheet(with("", "&c;"))),
        Case::new(
            "a declaration in the strings",
            "005 document type declaration",
            strings("<!DOCTYPE sst [<!ENTITY a \"1\">]><sst><si><t>&a;</t></si></sst>"),
        ),
        Case::new(
            "strings that are something else",
            "005 has html where it must not be",
            strings("<html><si><t>1</t></si></html>"),
        ),
        Case::new("strings that end early", "005 ends too early", strings("<sst><si><t>1</t></si>")),
        Case::new("strings that are damaged XML", "005 not well-formed", strings("<sst><si><t>1</si></t></sst>")),
        Case::new("no bytes of strings", "1 of 1 invalid: D2 006", strings("")),
        Case::new("styles with a declaration", "005 document type declaration", || {
            let mut book = sound();
            book.styles = Some("<!DOCTYPE x><styleSheet/>".to_owned());
            book.zip()
        }),
        Case::new("a workbook with a declaration", "005 document type declaration", || {
            let mut book = sound();
            book.workbook = format!("<!DOCTYPE x>{}", book.workbook);
            book.zip()
        }),
        Case::new("no bytes of the sheet", "005 ends too early", sheet(String::new())),
        Case::new(
            "a sheet that is a web page",
            "005 has html where it must not be",
            sheet("<html><sheetData/></html>".to_owned()),
        ),
        Case::new("a sheet without rows", "005 ends too early", sheet("<worksheet></worksheet>".to_owned())),
        Case::new(
            "a sheet that ends in a row",
            "005 ends too early",
            sheet(whole[..whole.find("</row>").unwrap()].to_owned()),
        ),
        Case::new(
            "tags that cross",
            "005 not well-formed",
            sheet(whole.replace("</v></c>", "</c></v>").replace("&c;", "1")),
        ),
        Case::new(
            "a second root",
            "005 has worksheet where it must not be",
            sheet(format!("{}<worksheet/>", whole.replace("&c;", "1"))),
        ),
    ]
}
