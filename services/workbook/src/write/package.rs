//! The container of a workbook: a zip file whose parts come one after the other, the largest as a stream.
//!
//! Sizes are known only when a part has ended, and are then written into its header: no reader needs data descriptors.
//! Where a part needs the 64-bit form, its header has room for that; else the room is the hint for growing that Office
//! itself leaves there (ECMA-376 part 2, appendix C).

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use super::deflate::{Part, Sizes};

const OUTPUT_BUFFER_BYTES: usize = 1 << 18;
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
const DEFLATED: u16 = 8;
/// The first day that the format knows: the same workbook has the same bytes.
const DATE: u16 = 0x0021;
const EXTRA_64: u16 = 1;
const EXTRA_GROWTH: u16 = 0xA220;
const GROWTH_SIGNATURE: u16 = 0xA028;
/// The extra field of a local header: two numbers of 64 bits, or padding.
const ROOM_BYTES: u16 = 16;
/// Says that the number stands in the extra field.
const SEE_EXTRA: u32 = u32::MAX;
/// Sizes and offsets from here on need 64 bits.
const LARGE: u64 = u32::MAX as u64;
const SEE_EXTRA_COUNT: u16 = u16::MAX;

/// A package in the making.
pub(super) struct Package {
    output: BufWriter<File>,
    at: u64,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    offset: u64,
    sizes: Sizes,
}

impl Package {
    pub(super) fn new(output: File) -> Self {
        Self { output: BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, output), at: 0, entries: Vec::new() }
    }

    /// Where the part goes that began last.
    pub(super) fn sink(&mut self) -> &mut impl Write {
        &mut self.output
    }

    /// Begins a part.
    pub(super) fn begin(&mut self, name: &str) -> io::Result<()> {
        let entry = Entry { name: name.to_owned(), offset: self.at, sizes: Sizes::default() };
        self.write(&entry.local())?;
        self.entries.push(entry);
        Ok(())
    }

    /// Ends the part that began last.
    pub(super) fn end(&mut self, sizes: Sizes) -> io::Result<()> {
        self.at += sizes.packed;
        let Some(entry) = self.entries.last_mut() else { return Ok(()) };
        entry.sizes = sizes;
        let (offset, header) = (entry.offset, entry.local());
        self.output.seek(SeekFrom::Start(offset))?;
        self.output.write_all(&header)?;
        self.output.seek(SeekFrom::Start(self.at))?;
        Ok(())
    }

    /// Adds a part that is at hand.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.begin(name)?;
        let mut part = Part::new();
        part.buffer().extend_from_slice(content);
        let sizes = part.finish(&mut self.output)?;
        self.end(sizes)
    }

    /// Adds a part that was deflated into a file of its own.
    pub(super) fn add_deflated(&mut self, name: &str, sizes: Sizes, mut content: File) -> io::Result<()> {
        self.begin(name)?;
        content.rewind()?;
        io::copy(&mut content, &mut self.output)?;
        self.end(sizes)
    }

    /// Writes the directory.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let start = self.at;
        let mut directory = Vec::new();
        for entry in &self.entries {
            entry.central(&mut directory);
        }
        self.write(&directory)?;
        let (count, size) = (self.entries.len(), directory.len() as u64);
        let mut end = Vec::new();
        let large = start >= LARGE || size >= LARGE || count >= usize::from(SEE_EXTRA_COUNT);
        if large {
            let place = self.at;
            put32(&mut end, END_64);
            put64(&mut end, 44);
            put16(&mut end, VERSION_64);
            put16(&mut end, VERSION_64);
            put32(&mut end, 0);
            put32(&mut end, 0);
            put64(&mut end, count as u64);
            put64(&mut end, count as u64);
            put64(&mut end, size);
            put64(&mut end, start);
            put32(&mut end, LOCATOR_64);
            put32(&mut end, 0);
            put64(&mut end, place);
            put32(&mut end, 1);
        }
        let count = if large { SEE_EXTRA_COUNT } else { u16::try_from(count).unwrap_or(SEE_EXTRA_COUNT) };
        put32(&mut end, END);
        put32(&mut end, 0);
        put16(&mut end, count);
        put16(&mut end, count);
        put32(&mut end, if large { SEE_EXTRA } else { short(size) });
        put32(&mut end, if large { SEE_EXTRA } else { short(start) });
        put16(&mut end, 0);
        self.write(&end)?;
        self.output.flush()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl Entry {
    fn is_large(&self) -> bool {
        self.sizes.raw >= LARGE || self.sizes.packed >= LARGE
    }

    /// The header before the part: always of the same length.
    fn local(&self) -> Vec<u8> {
        let (mut out, large) = (Vec::new(), self.is_large());
        put32(&mut out, LOCAL);
        self.common(&mut out, large, large);
        put16(&mut out, ROOM_BYTES + 4);
        out.extend_from_slice(self.name.as_bytes());
        if large {
            put16(&mut out, EXTRA_64);
            put16(&mut out, ROOM_BYTES);
            put64(&mut out, self.sizes.raw);
            put64(&mut out, self.sizes.packed);
        } else {
            put16(&mut out, EXTRA_GROWTH);
            put16(&mut out, ROOM_BYTES);
            put16(&mut out, GROWTH_SIGNATURE);
            out.extend_from_slice(&[0; ROOM_BYTES as usize - 2]);
        }
        out
    }

    fn central(&self, out: &mut Vec<u8>) {
        let far = self.offset >= LARGE;
        let large = self.is_large() || far;
        let mut extra = Vec::new();
        if large {
            put16(&mut extra, EXTRA_64);
            put16(&mut extra, if far { 24 } else { 16 });
            put64(&mut extra, self.sizes.raw);
            put64(&mut extra, self.sizes.packed);
            if far {
                put64(&mut extra, self.offset);
            }
        }
        put32(out, CENTRAL);
        put16(out, if large { VERSION_64 } else { VERSION });
        self.common(out, large, large);
        put16(out, u16::try_from(extra.len()).unwrap_or_default());
        // No comment, first disk, no attributes.
        out.extend_from_slice(&[0; 10]);
        put32(out, if far { SEE_EXTRA } else { short(self.offset) });
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(&extra);
    }

    /// What both headers say, up to the length of the name.
    fn common(&self, out: &mut Vec<u8>, new: bool, see_extra: bool) {
        put16(out, if new { VERSION_64 } else { VERSION });
        put16(out, 0);
        put16(out, DEFLATED);
        put16(out, 0);
        put16(out, DATE);
        put32(out, self.sizes.crc);
        put32(out, if see_extra { SEE_EXTRA } else { short(self.sizes.packed) });
        put32(out, if see_extra { SEE_EXTRA } else { short(self.sizes.raw) });
        put16(out, u16::try_from(self.name.len()).unwrap_or_default());
    }
}

fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(SEE_EXTRA)
}

fn put16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn packed(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut file = tempfile::tempfile().unwrap();
        let mut package = Package::new(file.try_clone().unwrap());
        for (name, content) in parts {
            package.add(name, content).unwrap();
        }
        package.finish().unwrap();
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn parts_come_out_as_they_went_in() {
        let long = b"long ".repeat(100_000);
        let parts: [(&str, &[u8]); 3] = [("a/b.xml", b"<a/>"), ("empty", b""), ("long", &long)];
        let bytes = packed(&parts);
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len(), 3);
        for (name, content) in parts {
            let mut out = Vec::new();
            archive.by_name(name).unwrap().read_to_end(&mut out).unwrap();
            assert!(out == content, "{name}");
        }
    }

    #[test]
    fn a_part_and_an_offset_beyond_four_gigabytes_are_told_in_64_bits() {
        let sizes = Sizes { crc: 7, raw: 6 << 30, packed: 5 << 30 };
        let entry = Entry { name: "big".to_owned(), offset: 9 << 30, sizes };
        let (local, mut central) = (entry.local(), Vec::new());
        entry.central(&mut central);
        let small = Entry { name: "big".to_owned(), offset: 0, sizes: Sizes::default() };
        assert_eq!(local.len(), small.local().len(), "the header that is written later fits");
        assert_eq!(local[18..26], [0xFF; 8]);
        let numbers = |bytes: &[u8]| -> Vec<u64> {
            bytes.chunks(8).map(|number| u64::from_le_bytes(number.try_into().unwrap())).collect()
        };
        assert_eq!(numbers(&local[local.len() - 16..]), [6 << 30, 5 << 30]);
        assert_eq!(numbers(&central[central.len() - 24..]), [6 << 30, 5 << 30, 9 << 30]);
    }
}
