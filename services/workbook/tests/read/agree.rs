//! The scanner and the XML reader on damaged sheets: both give the same rows, or both refuse.

use std::io::Cursor;
use std::path::Path;

use zip::ZipArchive;

use crate::make::{Book, By, Parts, pack, rows};

/// A small generator of numbers, so that a failing seed can be run again.
struct Seed(u64);

impl Seed {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

const SHEET: &str = concat!(
    "<row r=\"1\" spans=\"1:9\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" s=\"1\"><v>44378.5</v></c>",
    "<c r=\"C1\" t=\"inlineStr\"><is><t xml:space=\"preserve\"> a &amp; b </t></is></c><c r=\"D1\" t=\"b\"><v>1</v></c></row>\n",
    "<row r=\"2\"><c r=\"A2\" t=\"str\"><f>A1&amp;\"x\"</f><v>x_x0041_</v></c><c r=\"B2\" t=\"e\"><v>#N/A</v></c>",
    "<c r=\"C2\"><f>1+1</f></c><c r=\"D2\" s=\"0\"/><c r=\"E2\" t=\"d\"><v>2021-07-01</v></c></row>\n",
    "<row r=\"4\"><c r=\"A4\"><v>92.65000000000001</v></c><c r=\"B4\" t=\"inlineStr\"><is><r><t>é</t></r><r><t>ü</t></r></is></c>",
    "<c r=\"C4\"><v>12<!-- c -->34</v></c></row><row><c><v>1</v></c></row>",
);
const STRINGS: &str =
    "<si><t>zero</t></si><si><r><t>o</t></r><r><t>ne</t></r></si><si><t xml:space=\"preserve\"> two </t></si>";

/// Parts of a workbook and the one that is damaged.
fn fixtures() -> Vec<(Parts, usize)> {
    let book = Book::of_rows(SHEET).strings(STRINGS).formats(&["0", "14"]);
    let parts = book.parts();
    let mut all = Vec::new();
    for name in ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"] {
        let at = parts.iter().position(|(other, _)| other == name).unwrap();
        all.push((parts.clone(), at));
    }
    for file in ["openpyxl.xlsx", "xlsxwriter.xlsx"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(file);
        let mut archive = ZipArchive::new(Cursor::new(std::fs::read(path).unwrap())).unwrap();
        let mut parts = Vec::new();
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at).unwrap();
            let mut content = Vec::new();
            std::io::copy(&mut entry, &mut content).unwrap();
            parts.push((entry.name().unwrap().into_owned(), content));
        }
        let at = parts.iter().position(|(name, _)| name == "xl/worksheets/sheet1.xml").unwrap();
        all.push((parts, at));
    }
    all
}

fn damage(content: &mut Vec<u8>, seed: &mut Seed) {
    const PIECES: [&str; 16] = [
        "<",
        ">",
        "\"",
        "&",
        "/",
        "'",
        " ",
        "<!-- x -->",
        "<![CDATA[1]]>",
        "&#65;",
        "\u{ffff}",
        "\r\n",
        "_x0041_",
        "<v>",
        "</c>",
        "\0",
    ];
    for _ in 0..=seed.below(3) {
        let at = seed.below(content.len());
        match seed.below(6) {
            0 => content[at] ^= 1 << seed.below(8),
            1 => content[at] = u8::try_from(seed.below(256)).unwrap(),
            2 => drop(content.remove(at)),
            3 => {
                let length = seed.below(40).min(content.len() - at);
                let piece: Vec<u8> = content[at..at + length].to_vec();
                content.splice(at..at, piece);
            }
            4 => {
                let length = seed.below(20).min(content.len() - at);
                content.drain(at..at + length);
            }
            _ => drop(content.splice(at..at, PIECES[seed.below(PIECES.len())].bytes())),
        }
    }
}

#[test]
fn both_readers_agree_on_every_damaged_sheet() {
    // READ_SEEDS=100000 makes a long run of it.
    let seeds = std::env::var("READ_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(150_u64);
    let (mut read, mut refused) = (0, 0);
    for (at, (parts, damaged)) in fixtures().into_iter().enumerate() {
        for seed in 1..=seeds {
            let mut parts = parts.clone();
            damage(&mut parts[damaged].1, &mut Seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            let zip = pack(&parts);
            match (rows(&zip, By::Scanner), rows(&zip, By::Xml)) {
                (Ok(scanner), Ok(xml)) => {
                    assert_eq!(scanner, xml, "fixture {at}, seed {seed}");
                    read += 1;
                }
                (Err(_), Err(_)) => refused += 1,
                (scanner, xml) => panic!("fixture {at}, seed {seed}: scanner {scanner:?}\nXML {xml:?}"),
            }
        }
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused: the damage is too weak or too strong");
}
