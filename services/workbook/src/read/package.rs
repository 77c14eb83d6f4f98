//! The zip container: what it may hold, and its parts as bounded streams.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

use zip::read::{Config, OwnedZipFileEntry, ZipFile};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;
use zip::{CompressionMethod, ZipReadOptions};

use super::error::{ReadError, Stop, from_part_io, quote};
use super::limits::Limits;

/// An opened container. Parts are found by name in lower case with `/` between folders, as Office finds them.
pub(crate) struct Package<R> {
    reader: R,
    parts: HashMap<String, OwnedZipFileEntry>,
    limits: Limits,
}

impl<R: Read + Seek> Package<R> {
    pub(crate) fn open(mut reader: R, limits: Limits) -> Result<Self, ReadError> {
        let head = look(&mut reader)?;
        let mut archive = match ZipIterable::try_new(&mut reader, Config::default()) {
            Ok(archive) => archive,
            Err(error) => return Err(explain(&mut reader, &head, error)),
        };
        let count = archive.len();
        if count > limits.entries_max {
            return Err(ReadError::TooManyEntries { count, limit: limits.entries_max });
        }
        let mut parts = HashMap::new();
        for entry in archive.files().map_err(damaged)? {
            let entry = entry.map_err(damaged)?;
            let name = String::from_utf8_lossy(entry.name_raw()).replace('\\', "/");
            if entry.encrypted() {
                return Err(ReadError::EncryptedEntry { name: quote(&name) });
            }
            if ![CompressionMethod::Stored, CompressionMethod::Deflated].contains(&entry.compression()) {
                return Err(ReadError::Compression { name: quote(&name) });
            }
            let key = name.trim_start_matches('/').to_lowercase();
            if parts.insert(key, OwnedZipFileEntry::from(entry)).is_some() {
                return Err(ReadError::DuplicateEntry { name: quote(&name) });
            }
        }
        Ok(Self { reader, parts, limits })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.parts.contains_key(&name.to_lowercase())
    }

    /// Reads every part to its end, so that whatever reads the package later reads what its checksums vouch for, and
    /// no more than the limits allow.
    pub(crate) fn verify(&mut self) -> Result<(), ReadError> {
        let bytes_max = self.limits.part_inflated_bytes_max;
        for name in self.names() {
            if let Some(mut part) = self.part(&name, bytes_max)? {
                io::copy(&mut part, &mut io::sink()).map_err(|error| from_part_io(&name, &error))?;
            }
        }
        Ok(())
    }

    /// The names of all parts, in lower case.
    pub(crate) fn names(&self) -> Vec<String> {
        self.parts.keys().cloned().collect()
    }

    /// A part as a stream; none if the package has no such part.
    pub(crate) fn part(&mut self, name: &str, bytes_max: u64) -> Result<Option<Part<'_, R>>, ReadError> {
        let Some(entry) = self.parts.get(&name.to_lowercase()) else { return Ok(None) };
        let entry = entry.as_ref();
        let compressed = entry.compressed_size();
        let file = entry.with_reader(&mut self.reader, ZipReadOptions::new()).map_err(|error| match error {
            ZipError::Io(error) => from_part_io(name, &error),
            error => ReadError::Damaged { part: quote(name), detail: quote(&error.to_string()) },
        })?;
        let free = self.limits.ratio_free_bytes;
        Ok(Some(Part { file, inflated: 0, compressed, bytes_max, ratio_free: free, ratio_max: self.limits.ratio_max }))
    }
}

/// A part's inflated bytes, counted as they come: declared sizes prove nothing. Its end is only reported once the
/// checksum held.
pub(crate) struct Part<'p, R: Read> {
    file: ZipFile<'p, R>,
    inflated: u64,
    compressed: u64,
    bytes_max: u64,
    ratio_free: u64,
    ratio_max: u64,
}

impl<R: Read> Read for Part<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.inflated += read as u64;
        if self.inflated > self.bytes_max {
            return Err(io::Error::other(Stop::PartTooLarge { limit: self.bytes_max }));
        }
        if self.inflated > self.ratio_free && self.inflated / self.ratio_max > self.compressed {
            return Err(io::Error::other(Stop::Ratio { limit: self.ratio_max }));
        }
        Ok(read)
    }
}

fn damaged(error: ZipError) -> ReadError {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => ReadError::Encrypted,
        error => ReadError::Truncated { detail: quote(&error.to_string()) },
    }
}

/// The first bytes of the file, which tell what it is if it is no workbook.
fn look<R: Read + Seek>(reader: &mut R) -> Result<Vec<u8>, ReadError> {
    const HEAD_BYTES: u64 = 512;
    let mut head = Vec::new();
    reader.seek(SeekFrom::Start(0)).map_err(ReadError::Io)?;
    reader.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(ReadError::Io)?;
    if head.is_empty() { Err(ReadError::Empty) } else { Ok(head) }
}

/// What a file is that is no zip.
fn explain<R: Read + Seek>(reader: &mut R, head: &[u8], error: ZipError) -> ReadError {
    const OLE_MAGIC: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
    // A CSV may begin with these two letters; what follows them in a zip is never text.
    if head.starts_with(b"PK") && head.get(2).is_none_or(u8::is_ascii_control) {
        return damaged(error);
    }
    if head.starts_with(&OLE_MAGIC) {
        return if is_encrypted_ole(reader, head) { ReadError::Encrypted } else { ReadError::LegacyXls };
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if text.starts_with('<') {
        return ReadError::Html;
    }
    let is_utf16 = head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]);
    let is_text = !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    if is_utf16 || is_text { ReadError::Text } else { ReadError::NotAWorkbook }
}

/// Whether an OLE container's directory names the stream that encrypted workbooks have.
fn is_encrypted_ole<R: Read + Seek>(reader: &mut R, head: &[u8]) -> bool {
    const DIRECTORY_BYTES: u64 = 4_096;
    let number = |at: usize, length: usize| -> Option<u64> {
        let bytes = head.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let (Some(shift), Some(sector)) = (number(30, 2), number(48, 4)) else { return false };
    // Sectors have 512 or 4,096 bytes.
    if ![9, 12].contains(&shift) {
        return false;
    }
    let mut directory = Vec::new();
    let sought = reader.seek(SeekFrom::Start((sector + 1) << shift));
    if sought.is_err() || reader.by_ref().take(DIRECTORY_BYTES).read_to_end(&mut directory).is_err() {
        return false;
    }
    let stream: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    memchr::memmem::find(&directory, &stream).is_some()
}
