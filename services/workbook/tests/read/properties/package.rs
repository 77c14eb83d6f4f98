//! The zip guard: whatever the bytes, both readers agree and nothing ambiguous is read; and however an ordinary package
//! is laid out, its rows are the same.

use std::collections::HashSet;
use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::rows::{agree, read};
use crate::make::{Book, By, Parts, name_of, pack_stored};

const ROWS: &str = concat!(
    "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" s=\"1\"><v>44378.5</v></c></row>",
    "<row r=\"3\"><c r=\"A3\" t=\"inlineStr\"><is><t>a</t></is></c><c r=\"B3\"><v>92.65</v></c></row>"
);

/// The first byte says whether the rest is a package, or how to lay one out.
pub(crate) fn package(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    if kind % 2 == 0 {
        any_bytes(rest);
    } else {
        other_layout(rest);
    }
}

fn any_bytes(zip: &[u8]) {
    agree(zip, 1 + zip.len() % 61);
    if read(Cursor::new(zip), By::Scanner).is_ok() {
        let entries = directory(zip).unwrap_or_default();
        let mut names = HashSet::new();
        for Entry { name, flags, method } in entries {
            assert!(flags & 1 == 0, "{name} is encrypted");
            assert!(method == 0 || method == 8, "{name} is compressed by method {method}");
            assert!(names.insert(name.clone()), "{name} stands twice");
        }
    }
}

struct Entry {
    name: String,
    flags: u16,
    method: u16,
}

/// The central directory as its simplest reader sees it: the last end record, and as many entries before it.
fn directory(zip: &[u8]) -> Option<Vec<Entry>> {
    let end = zip.windows(4).rposition(|window| window == b"PK\x05\x06")?;
    let half = |at: usize| Some(u16::from_le_bytes(zip.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_le_bytes(zip.get(at..at + 4)?.try_into().ok()?));
    if end + 22 + usize::from(half(end + 20)?) != zip.len() {
        return None;
    }
    let mut at = end.checked_sub(usize::try_from(word(end + 12)?).ok()?)?;
    let mut entries = Vec::new();
    for _ in 0..half(end + 10)? {
        if word(at)? != 0x0201_4b50 {
            return None;
        }
        let [name, extra, comment] = [28, 30, 32].map(|offset| half(at + offset).map(usize::from));
        let (name, rest) = (name?, extra? + comment?);
        let text = String::from_utf8_lossy(zip.get(at + 46..at + 46 + name)?).replace('\\', "/");
        let name_key = text.trim_start_matches('/').to_lowercase();
        entries.push(Entry { name: name_key, flags: half(at + 8)?, method: half(at + 10)? });
        at += 46 + name + rest;
    }
    Some(entries)
}

/// Every three bytes are one change of the layout. None of them changes the rows, but for a second part of one name.
fn other_layout(changes: &[u8]) {
    let mut parts: Parts = Book::of_rows(ROWS).strings("<si><t>zero</t></si>").formats(&["0", "14"]).parts();
    let plain = read(Cursor::new(pack_stored(&parts)), By::Scanner).unwrap();
    let mut compressed = HashSet::new();
    let (mut before, mut behind, mut twice) = (Vec::new(), Vec::new(), false);
    for change in changes.chunks_exact(3).take(40) {
        let (at, value) = (usize::from(change[1]) % parts.len(), change[2]);
        match change[0] % 8 {
            0 => parts.rotate_left(at),
            1 => drop(compressed.insert(parts[at].0.clone())),
            2 => parts[at].0 = parts[at].0.to_uppercase(),
            3 => parts[at].0 = parts[at].0.replace('/', "\\"),
            4 => before.extend([value; 7]),
            5 => behind.push(value),
            6 => parts.push((format!("more/{value}/{}", parts.len()), vec![value; usize::from(change[1]) * 9])),
            _ => {
                let name = parts[at].0.replace('\\', "/");
                let other = if value % 2 == 0 { name.to_uppercase() } else { format!("/{}", name.to_lowercase()) };
                parts.push((other, vec![value]));
                twice = true;
            }
        }
    }
    // The writer refuses names that have become the same, byte for byte.
    let Some(zip) = laid_out(&parts, &compressed, &before, &behind) else { return };
    agree(&zip, 1 + changes.len() % 61);
    match read(Cursor::new(&zip), By::Scanner) {
        Ok(rows) => {
            assert!(!twice, "a part that stands twice was read");
            assert_eq!(rows, plain);
        }
        Err(error) => {
            assert!(twice && name_of(&error) == "DuplicateEntry", "{error:?}");
        }
    }
}

fn laid_out(parts: &Parts, compressed: &HashSet<String>, before: &[u8], behind: &[u8]) -> Option<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let deflated = compressed.contains(name);
        let method = if deflated { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        zip.start_file(name.as_str(), SimpleFileOptions::default().compression_method(method)).ok()?;
        zip.write_all(content).unwrap();
    }
    zip.set_raw_comment(behind.into()).unwrap();
    Some([before, &zip.finish().unwrap().into_inner()].concat())
}
