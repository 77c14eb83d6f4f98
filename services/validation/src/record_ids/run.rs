//! A run: sorted entries in a file that never changes.
//!
//! Header of 64 bytes, entries of 16 (key, ordinal little-endian), then for each block of 256 entries its first key and
//! 8 bytes of its SHA-256, the filter, and last the SHA-256 of header, index and filter. Opening reads and checks
//! everything but the entries; a block is checked when it is read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::Hash;

use super::filter::{self, Filter};
use super::{Key, RecordIdsError, folder};

const MAGIC: &[u8; 8] = b"ULRECIDS";
const VERSION: u64 = 1;
const HEADER_BYTES: usize = 64;
const FOOTER_BYTES: usize = 32;
pub(super) const ENTRY_BYTES: usize = 16;
/// What is read to answer for one key: a page.
pub(super) const BLOCK_BYTES: usize = 4096;
const BLOCK_ENTRIES: u64 = (BLOCK_BYTES / ENTRY_BYTES) as u64;
/// Blocks that reading in order takes at once (256 KiB).
pub(super) const READ_BLOCKS_MAX: usize = 64;
/// The first key and the check sum of a block.
const INDEX_BYTES: u64 = 20;

/// A key and the upload that used it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) ordinal: u32,
}

impl Entry {
    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        let parts = self.key.into_iter().chain(self.ordinal.to_le_bytes());
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; ENTRY_BYTES]) -> Self {
        let [key @ .., a, b, c, d] = bytes;
        Self { key, ordinal: u32::from_le_bytes([a, b, c, d]) }
    }
}

/// Which additions a run stands for, by their numbers from 1; its file is named after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
}

/// The first key of a block, and what its bytes must hash to.
#[derive(Clone, Copy, Debug)]
struct Fence {
    key: Key,
    sum: [u8; 8],
}

/// An open run: its index in memory, its entries on disk.
#[derive(Debug)]
pub(super) struct Run {
    path: PathBuf,
    file: File,
    count: u64,
    covered: u64,
    span: Span,
    fences: Vec<Fence>,
    filter: Filter,
}

impl Run {
    pub(super) fn open(path: PathBuf, span: Span) -> Result<Self, RecordIdsError> {
        let file = File::open(&path).map_err(RecordIdsError::io("open", &path))?;
        let length = file.metadata().map_err(RecordIdsError::io("read the length of", &path))?.len();
        if length < (HEADER_BYTES + FOOTER_BYTES) as u64 {
            return Err(RecordIdsError::damaged(&path, "a run is too short"));
        }
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).map_err(RecordIdsError::io("read", &path))?;
        let (magic, numbers) = split_header(&header);
        let [version, count, covered, first, last, filter_blocks, _] = numbers;
        if magic != *MAGIC || version != VERSION {
            return Err(RecordIdsError::damaged(&path, "a run is of another kind or version"));
        }
        // The length of the file bounds what is read, whatever the header says.
        let blocks = count.div_ceil(BLOCK_ENTRIES);
        let index_bytes = blocks.checked_mul(INDEX_BYTES);
        let filter_bytes = filter_blocks.checked_mul(filter::BLOCK_BYTES);
        let rest = index_bytes.zip(filter_bytes).and_then(|(index, filter)| index.checked_add(filter));
        let entries = count.checked_mul(ENTRY_BYTES as u64);
        let whole = entries.zip(rest).and_then(|(entries, rest)| entries.checked_add(rest));
        let fixed = (HEADER_BYTES + FOOTER_BYTES) as u64;
        let (Some(entries), Some(index_bytes), Some(rest)) = (entries, index_bytes, rest) else {
            return Err(RecordIdsError::damaged(&path, "a run has an impossible length"));
        };
        if whole.and_then(|whole| whole.checked_add(fixed)) != Some(length) || (Span { first, last }) != span {
            return Err(RecordIdsError::damaged(&path, "a run is not as long as it says or not the one of its name"));
        }
        let mut tail = vec![0; usize::try_from(rest).unwrap_or(0) + FOOTER_BYTES];
        let at = HEADER_BYTES as u64 + entries;
        file.read_exact_at(&mut tail, at).map_err(RecordIdsError::io("read", &path))?;
        let (rest, footer) = tail.split_at(tail.len() - FOOTER_BYTES);
        let (index, filter) = rest.split_at(usize::try_from(index_bytes).unwrap_or(0).min(rest.len()));
        if Hash::of_parts(&[&header, index, filter]).0 != *footer {
            return Err(RecordIdsError::damaged(&path, "a run's index has another check sum"));
        }
        let fences = index.as_chunks::<{ INDEX_BYTES as usize }>().0.iter().map(fence_of).collect();
        Ok(Self { fences, filter: Filter::from_bytes(filter), path, file, count, covered, span })
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn covered(&self) -> u64 {
        self.covered
    }

    pub(super) fn span(&self) -> Span {
        self.span
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let filter = usize::try_from(self.filter.blocks() * filter::BLOCK_BYTES).unwrap_or(usize::MAX);
        filter.saturating_add(self.fences.capacity() * size_of::<Fence>())
    }

    pub(super) fn may_contain(&self, key: &Key) -> bool {
        self.filter.may_contain(key)
    }

    /// The first key of a block.
    pub(super) fn fence(&self, block: usize) -> Option<&Key> {
        self.fences.get(block).map(|fence| &fence.key)
    }

    /// Reads up to `count` blocks; none of them is checked yet.
    pub(super) fn read(&self, block: usize, count: usize, into: &mut Vec<u8>) -> Result<(), RecordIdsError> {
        let from = (block * BLOCK_BYTES) as u64;
        let left = (self.count * ENTRY_BYTES as u64).saturating_sub(from);
        into.resize(usize::try_from(left.min((count * BLOCK_BYTES) as u64)).unwrap_or(0), 0);
        self.file.read_exact_at(into, HEADER_BYTES as u64 + from).map_err(|source| match source.kind() {
            ErrorKind::UnexpectedEof => RecordIdsError::damaged(&self.path, "a run was cut short"),
            _ => RecordIdsError::io("read", &self.path)(source),
        })
    }

    /// Whether a block holds what was written.
    pub(super) fn check(&self, block: usize, bytes: &[u8]) -> Result<(), RecordIdsError> {
        if self.fences.get(block).is_some_and(|fence| fence.sum == sum_of(bytes)) {
            return Ok(());
        }
        Err(RecordIdsError::damaged(&self.path, "a block of a run has another check sum"))
    }
}

fn split_header(header: &[u8; HEADER_BYTES]) -> ([u8; 8], [u64; 7]) {
    let [magic, rest @ ..] = header.as_chunks::<8>().0 else { return Default::default() };
    let mut numbers = [0; 7];
    for (number, bytes) in numbers.iter_mut().zip(rest) {
        *number = u64::from_le_bytes(*bytes);
    }
    (*magic, numbers)
}

fn fence_of(bytes: &[u8; INDEX_BYTES as usize]) -> Fence {
    let [key @ .., a, b, c, d, e, f, g, h] = *bytes;
    Fence { key, sum: [a, b, c, d, e, f, g, h] }
}

fn sum_of(block: &[u8]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = Hash::of(block).0;
    [a, b, c, d, e, f, g, h]
}

/// Writes a run beside the others; it is one of them when it is finished.
pub(super) struct RunWriter {
    dir: PathBuf,
    tmp: PathBuf,
    file: BufWriter<File>,
    span: Span,
    block: Vec<u8>,
    count: u64,
    index: Vec<u8>,
    filter: Filter,
}

impl RunWriter {
    /// A run of at most `count` entries.
    pub(super) fn create(dir: &Path, span: Span, count: u64) -> Result<Self, RecordIdsError> {
        let tmp = folder::tmp_path(dir, span);
        let file = File::create(&tmp).map_err(RecordIdsError::io("create", &tmp))?;
        let mut file = BufWriter::with_capacity(READ_BLOCKS_MAX * BLOCK_BYTES, file);
        // The header is written when the number of entries is known.
        file.write_all(&[0; HEADER_BYTES]).map_err(RecordIdsError::io("write", &tmp))?;
        Ok(Self {
            dir: dir.to_owned(),
            tmp,
            file,
            span,
            block: Vec::with_capacity(BLOCK_BYTES),
            count: 0,
            index: Vec::new(),
            filter: Filter::for_keys(count),
        })
    }

    /// Entries come in ascending order, each once.
    pub(super) fn push(&mut self, entry: Entry) -> Result<(), RecordIdsError> {
        if self.block.is_empty() {
            self.index.extend_from_slice(&entry.key);
        }
        self.block.extend_from_slice(&entry.to_bytes());
        self.filter.insert(&entry.key);
        self.count += 1;
        if self.block.len() == BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), RecordIdsError> {
        self.index.extend_from_slice(&sum_of(&self.block));
        self.file.write_all(&self.block).map_err(RecordIdsError::io("write", &self.tmp))?;
        self.block.clear();
        Ok(())
    }

    /// Puts the run on stable storage under its name.
    pub(super) fn finish(mut self, covered: u64) -> Result<Run, RecordIdsError> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let numbers = [VERSION, self.count, covered, self.span.first, self.span.last, self.filter.blocks(), 0];
        let header: Vec<u8> = MAGIC.iter().copied().chain(numbers.into_iter().flat_map(u64::to_le_bytes)).collect();
        let filter = self.filter.to_bytes();
        let footer = Hash::of_parts(&[&header, &self.index, &filter]).0;
        let written = (|| {
            self.file.write_all(&self.index)?;
            self.file.write_all(&filter)?;
            self.file.write_all(&footer)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&header)?;
            self.file.flush()?;
            self.file.get_ref().sync_all()
        })();
        written.map_err(RecordIdsError::io("write", &self.tmp))?;
        let path = folder::publish(&self.dir, self.span)?;
        Run::open(path, self.span)
    }
}

/// Gives the entries of all runs in ascending order, each once.
pub(super) fn merge(
    runs: &[Arc<Run>],
    mut give: impl FnMut(Entry) -> Result<(), RecordIdsError>,
) -> Result<(), RecordIdsError> {
    let mut scans: Vec<Scan<'_>> = runs.iter().map(|run| Scan::new(run)).collect();
    let mut heads = BinaryHeap::new();
    for (number, scan) in scans.iter_mut().enumerate() {
        heads.extend(scan.next()?.map(|entry| Reverse((entry, number))));
    }
    let mut last = None;
    while let Some(Reverse((entry, number))) = heads.pop() {
        if last != Some(entry) {
            give(entry)?;
            last = Some(entry);
        }
        if let Some(scan) = scans.get_mut(number) {
            heads.extend(scan.next()?.map(|entry| Reverse((entry, number))));
        }
    }
    Ok(())
}

/// A run read from its first entry to its last.
struct Scan<'a> {
    run: &'a Run,
    bytes: Vec<u8>,
    at: usize,
    /// The block that is read next.
    block: usize,
}

impl<'a> Scan<'a> {
    fn new(run: &'a Run) -> Self {
        Self { run, bytes: Vec::new(), at: 0, block: 0 }
    }

    fn next(&mut self) -> Result<Option<Entry>, RecordIdsError> {
        if self.at == self.bytes.len() {
            self.run.read(self.block, READ_BLOCKS_MAX, &mut self.bytes)?;
            for bytes in self.bytes.chunks(BLOCK_BYTES) {
                self.run.check(self.block, bytes)?;
                self.block += 1;
            }
            self.at = 0;
        }
        let bytes = self.bytes.get(self.at..).and_then(|bytes| bytes.first_chunk());
        self.at += if bytes.is_some() { ENTRY_BYTES } else { 0 };
        Ok(bytes.map(|bytes| Entry::from_bytes(*bytes)))
    }
}
