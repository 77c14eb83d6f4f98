//! A segment: a sealed part of one host's log, never changed again, readable without sled. The layout is frozen.
//!
//! ```text
//! header   "ULSEG\0" version u16 (= 1) | service u8, partition u16 | five zeros            16 bytes
//! frames   length u32 | frame (see `frame`), in order of position
//! footer   offset u64 of every frame's length, in order of position
//!          position u64 of every own event, in order of sequence
//!          id 16 bytes, position u64 of every id, sorted by id
//!          summary: counts of frames, own events and ids u64 × 3 | first and last position u64 × 2 |
//!            first and last own sequence u64 × 2 (last + 1 and last when there is none) |
//!            hash of the own header before | of the first own header (zeros when there is none) |
//!            of the last own header up to the end | last epoch u32                        156 bytes
//!          SHA-256 of the file up to the footer                                            32
//!          SHA-256 of the footer up to here                                                32
//!          length of the footer u64 | "ULSEGEND"                                           16
//! ```
//!
//! Numbers are little-endian. The file is `segments/<host>/<first position, 20 digits>.seg`; while it is written and
//! until it has been read again and verified it ends in `.tmp`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use ledger::{EventId, Hash, HostId};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::bloom::Bloom;
use super::chain::Chain;
use super::durable;
use super::error::{LogError, io_error};
use super::frame::{Cursor, Entry, FRAME_BYTES_MAX, Frame, encode_host};
use super::store::Generation;
use crate::crash;

const MAGIC: [u8; 8] = *b"ULSEG\0\x01\0";
const END: [u8; 8] = *b"ULSEGEND";
pub(crate) const HEADER_BYTES: usize = 16;
const SUMMARY_BYTES: usize = 7 * 8 + 3 * 32 + 4;
pub(crate) const TAIL_BYTES: usize = SUMMARY_BYTES + 32 + 32 + 16;
const ID_BYTES: usize = 24;
/// What one read of the database takes while sealing; bounds what the sealer holds.
const CHUNK_BYTES: usize = 1 << 20;
/// Frames that have more bytes in the middle are read one by one.
const LARGE_BYTES: usize = 16 << 10;

/// The folder of a host's segments.
pub(crate) fn folder(dir: &Path, host: HostId) -> PathBuf {
    dir.join("segments").join(host.to_string())
}

/// What the end of a segment says about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    frames: u64,
    owns: u64,
    ids: u64,
    pub(crate) first_position: u64,
    pub(crate) last_position: u64,
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
    pub(crate) previous: Hash,
    first_hash: Hash,
    pub(crate) head: Hash,
    epoch: u32,
}

impl Summary {
    fn encode(&self, bytes: &mut Vec<u8>) {
        for number in [
            self.frames,
            self.owns,
            self.ids,
            self.first_position,
            self.last_position,
            self.first_sequence,
            self.last_sequence,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        [self.previous, self.first_hash, self.head].iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
    }

    fn decode(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            frames: cursor.u64()?,
            owns: cursor.u64()?,
            ids: cursor.u64()?,
            first_position: cursor.u64()?,
            last_position: cursor.u64()?,
            first_sequence: cursor.u64()?,
            last_sequence: cursor.u64()?,
            previous: cursor.hash()?,
            first_hash: cursor.hash()?,
            head: cursor.hash()?,
            epoch: cursor.u32()?,
        })
    }

    fn is_consistent(&self) -> bool {
        let count = |first: u64, last: u64| last.checked_add(1).and_then(|end| end.checked_sub(first));
        self.frames > 0
            && count(self.first_position, self.last_position) == Some(self.frames)
            && count(self.first_sequence, self.last_sequence) == Some(self.owns)
    }
}

/// Collects the footer while frames go by; writing and verifying use the same, so that they can't disagree.
struct FooterBuilder {
    hasher: Sha256,
    length: u64,
    summary: Summary,
    offsets: Vec<u64>,
    owns: Vec<u64>,
    ids: Vec<(EventId, u64)>,
}

impl FooterBuilder {
    fn new(header: &[u8; HEADER_BYTES], base: &Chain) -> Self {
        let summary = Summary {
            first_position: base.position + 1,
            first_sequence: base.sequence + 1,
            previous: base.head,
            ..Summary::default()
        };
        Self {
            hasher: Sha256::new_with_prefix(header),
            length: HEADER_BYTES as u64,
            summary,
            offsets: Vec::new(),
            owns: Vec::new(),
            ids: Vec::new(),
        }
    }

    fn add(&mut self, frame: &Frame, prefix: [u8; 4], bytes: &[u8]) {
        self.hasher.update(prefix);
        self.hasher.update(bytes);
        self.offsets.push(self.length);
        self.length += 4 + bytes.len() as u64;
        let position = frame.entry.position;
        if frame.entry.own {
            if self.owns.is_empty() {
                self.summary.first_hash = frame.entry.header.hash();
            }
            self.owns.push(position);
        }
        self.ids.extend(frame.id.map(|id| (id, position)));
    }

    fn finish(mut self, end: &Chain) -> Vec<u8> {
        self.ids.sort_unstable();
        let mut summary = self.summary;
        (summary.frames, summary.owns) = (self.offsets.len() as u64, self.owns.len() as u64);
        (summary.ids, summary.last_position) = (self.ids.len() as u64, end.position);
        (summary.last_sequence, summary.head, summary.epoch) = (end.sequence, end.head, end.epoch);
        let mut bytes = Vec::with_capacity((self.offsets.len() + self.owns.len()) * 8 + TAIL_BYTES);
        self.offsets.iter().chain(&self.owns).for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        for (id, position) in &self.ids {
            bytes.extend_from_slice(&id.0);
            bytes.extend_from_slice(&position.to_le_bytes());
        }
        summary.encode(&mut bytes);
        bytes.extend_from_slice(&self.hasher.finalize());
        let hash = Hash::of(&bytes);
        bytes.extend_from_slice(&hash.0);
        bytes.extend_from_slice(&(bytes.len() as u64 + 16).to_le_bytes());
        bytes.extend_from_slice(&END);
        bytes
    }
}

/// A sealed part of a log. Holds no open file: there may be thousands.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) host: HostId,
    pub(crate) summary: Summary,
    pub(crate) footer_at: u64,
    footer_bytes: u64,
    bloom: Bloom,
}

impl Segment {
    /// Writes what a generation holds of a host after `base` and up to `last`; durable, read again and verified.
    pub(crate) fn write(
        from: &Generation,
        dir: &Path,
        host: HostId,
        base: &Chain,
        last: u64,
    ) -> Result<Self, LogError> {
        let frames = |first, last| from.frames(host, first, last, CHUNK_BYTES);
        Self::write_from(frames, &from.path, dir, host, base, last).map(|(segment, _)| segment)
    }

    /// The same of what `frames` gives in order; with the chain after it.
    pub(crate) fn write_from(
        frames: impl FnMut(u64, u64) -> Result<Vec<Vec<u8>>, LogError>,
        source: &Path,
        dir: &Path,
        host: HostId,
        base: &Chain,
        last: u64,
    ) -> Result<(Self, Chain), LogError> {
        let folder = folder(dir, host);
        durable::create_dir(&dir.join("segments"))?;
        durable::create_dir(&folder)?;
        let name = format!("{:020}", base.position + 1);
        let (draft, path) = (folder.join(format!("{name}.tmp")), folder.join(format!("{name}.seg")));
        let end = write_draft(frames, source, &draft, host, base, last)?;
        crash::point("rotate.segment_synced");
        let mut segment = Self::open(&draft, host)?;
        let mut chain = base.clone();
        segment.verify(&mut chain, &|_| ())?;
        if (chain.position, chain.sequence, chain.head) != (end.position, end.sequence, end.head) {
            return Err(segment.damaged(0, "the segment isn't what was written"));
        }
        std::fs::rename(&draft, &path).map_err(io_error("name", &path))?;
        durable::sync_dir(&folder)?;
        segment.path = path;
        Ok((segment, chain))
    }

    /// Opens a segment by its footer, whose hash is checked.
    pub(crate) fn open(path: &Path, host: HostId) -> Result<Self, LogError> {
        let damaged = |what| LogError::Damaged { path: path.to_owned(), position: 0, what };
        let file = File::open(path).map_err(io_error("open", path))?;
        let length = file.metadata().map_err(io_error("look at", path))?.len();
        if length < (HEADER_BYTES + TAIL_BYTES) as u64 {
            return Err(damaged("the segment is cut off"));
        }
        let header = read_at(&file, path, 0, HEADER_BYTES)?;
        if header != file_header(host) {
            return Err(damaged("the segment isn't this host's or has an unknown version"));
        }
        let end = read_at(&file, path, length - 16, 16)?;
        let mut cursor = Cursor::new(&end);
        let footer_bytes = cursor.u64().unwrap_or(0);
        if cursor.rest() != END || footer_bytes < TAIL_BYTES as u64 || footer_bytes > length - HEADER_BYTES as u64 {
            return Err(damaged("the segment's end isn't one"));
        }
        let footer_at = length - footer_bytes;
        let footer = read_at(&file, path, footer_at, usize::try_from(footer_bytes).unwrap_or(usize::MAX))?;
        let (summary, bloom) = parse_footer(&footer, footer_at).map_err(damaged)?;
        Ok(Self { path: path.to_owned(), host, summary, footer_at, footer_bytes, bloom })
    }

    /// Reads everything: every frame continues the chain, and every byte of the file is what its frames say.
    pub(crate) fn verify(&self, chain: &mut Chain, see: &dyn Fn(&Entry)) -> Result<(), LogError> {
        let file = File::open(&self.path).map_err(io_error("open", &self.path))?;
        let mut reader = BufReader::with_capacity(CHUNK_BYTES, &file);
        let mut header = [0; HEADER_BYTES];
        reader.read_exact(&mut header).map_err(io_error("read", &self.path))?;
        let mut builder = FooterBuilder::new(&header, chain);
        let mut bytes = Vec::new();
        for position in self.summary.first_position..=self.summary.last_position {
            let mut prefix = [0; 4];
            reader.read_exact(&mut prefix).map_err(io_error("read", &self.path))?;
            let length = usize::try_from(u32::from_le_bytes(prefix)).unwrap_or(usize::MAX);
            if length > FRAME_BYTES_MAX {
                return Err(self.damaged(position, "the frame's length is wrong"));
            }
            bytes.resize(length, 0);
            reader.read_exact(&mut bytes).map_err(io_error("read", &self.path))?;
            let frame = chain.read(self.host, &bytes, &self.path)?;
            builder.add(&frame, prefix, &bytes);
            see(&frame.entry);
        }
        let mut footer = Vec::new();
        reader.read_to_end(&mut footer).map_err(io_error("read", &self.path))?;
        if footer != builder.finish(chain) {
            return Err(self.damaged(0, "the segment's footer isn't that of its frames"));
        }
        Ok(())
    }

    /// The frames from one position to another, up to about `bytes_max`.
    pub(crate) fn frames(&self, from: u64, to: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        /// Offsets that one read takes; a reader comes back for more.
        const FRAMES_MAX: u64 = 256;
        let (from, to) = (from.max(self.summary.first_position), to.min(self.summary.last_position));
        if from > to {
            return Ok(Vec::new());
        }
        let count = (to - from + 1).min(FRAMES_MAX);
        let file = File::open(&self.path).map_err(io_error("open", &self.path))?;
        let first = from - self.summary.first_position;
        let mut offsets = self.numbers(&file, first, count)?;
        let after = if first + count == self.summary.frames {
            self.footer_at
        } else {
            self.numbers(&file, first + count, 1)?.first().copied().unwrap_or(0)
        };
        offsets.push(after);
        self.split(&file, from, &offsets, bytes_max)
    }

    /// Reads the bytes between offsets, up to about `bytes_max`, and cuts them into frames.
    fn split(&self, file: &File, from: u64, offsets: &[u64], bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let [start, ends @ ..] = offsets else { return Ok(Vec::new()) };
        let fits = |end: &&u64| end.saturating_sub(*start) <= (bytes_max.max(FRAME_BYTES_MAX + 4)) as u64;
        let fitting = ends.iter().take_while(fits).count();
        let end = ends.get(..fitting).and_then(<[u64]>::last).unwrap_or(start);
        let length = |start: u64, end: u64| usize::try_from(end.saturating_sub(start)).unwrap_or(0);
        if length(*start, *end) > fitting * LARGE_BYTES {
            // Each into the memory in which it is given out; what it says of itself is checked there.
            let mut start = *start;
            let mut read = |end: &u64| {
                let frame = read_at(file, &self.path, start + 4, length(start + 4, *end));
                start = *end;
                frame
            };
            return ends.iter().take(fitting).map(&mut read).collect();
        }
        let mut frames = Vec::new();
        let block = read_at(file, &self.path, *start, length(*start, *end))?;
        let mut cursor = Cursor::new(&block);
        while !cursor.is_empty() {
            let length = cursor.u32().and_then(|length| usize::try_from(length).ok());
            let frame = length.and_then(|length| cursor.slice(length));
            let what = "the frame isn't where the index says";
            frames.push(frame.ok_or_else(|| self.damaged(from + frames.len() as u64, what))?.to_vec());
        }
        Ok(frames)
    }

    /// Numbers of the offset and own indexes, which stand one after the other.
    fn numbers(&self, file: &File, index: u64, count: u64) -> Result<Vec<u64>, LogError> {
        let length = usize::try_from(count * 8).unwrap_or(0);
        let bytes = read_at(file, &self.path, self.footer_at + index * 8, length)?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
    }

    /// Where an own event is.
    pub(crate) fn position_of(&self, sequence: u64) -> Result<Option<u64>, LogError> {
        if !(self.summary.first_sequence..=self.summary.last_sequence).contains(&sequence) {
            return Ok(None);
        }
        let file = File::open(&self.path).map_err(io_error("open", &self.path))?;
        let index = self.summary.frames + sequence - self.summary.first_sequence;
        Ok(self.numbers(&file, index, 1)?.first().copied())
    }

    /// Where an id is, if it is here.
    pub(crate) fn find(&self, id: EventId) -> Result<Option<u64>, LogError> {
        if !self.bloom.may_contain(id) {
            return Ok(None);
        }
        let file = File::open(&self.path).map_err(io_error("open", &self.path))?;
        let start = self.footer_at + (self.summary.frames + self.summary.owns) * 8;
        let (mut low, mut high) = (0, self.summary.ids);
        while low < high {
            let middle = low + (high - low) / 2;
            let bytes = read_at(&file, &self.path, start + middle * ID_BYTES as u64, ID_BYTES)?;
            let mut cursor = Cursor::new(&bytes);
            let (Some(found), Some(position)) = (cursor.take().map(EventId), cursor.u64()) else { break };
            match found.cmp(&id) {
                std::cmp::Ordering::Equal => return Ok(Some(position)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// Bytes of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.footer_at + self.footer_bytes
    }

    fn damaged(&self, position: u64, what: &'static str) -> LogError {
        LogError::Damaged { path: self.path.clone(), position, what }
    }
}

/// What a segment begins with.
pub(crate) fn file_header(host: HostId) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..11].copy_from_slice(&encode_host(host));
    header
}

pub(crate) fn read_at(file: &File, path: &Path, offset: u64, length: usize) -> Result<Vec<u8>, LogError> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = offset + bytes.len() as u64;
        let read = match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Err(Errno::INTR) => continue,
            read => read.map_err(io::Error::from),
        };
        read.map_err(io_error("read", path))?;
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn write_draft(
    mut frames: impl FnMut(u64, u64) -> Result<Vec<Vec<u8>>, LogError>,
    source: &Path,
    draft: &Path,
    host: HostId,
    base: &Chain,
    last: u64,
) -> Result<Chain, LogError> {
    let file = File::create(draft).map_err(io_error("create", draft))?;
    let mut writer = BufWriter::with_capacity(CHUNK_BYTES, &file);
    let header = file_header(host);
    writer.write_all(&header).map_err(io_error("write", draft))?;
    let mut builder = FooterBuilder::new(&header, base);
    let mut chain = base.clone();
    let half = base.position + (last - base.position).div_ceil(2);
    while chain.position < last {
        let read = frames(chain.position + 1, last)?;
        if read.is_empty() {
            let (path, position) = (source.to_owned(), chain.position + 1);
            return Err(LogError::Damaged { path, position, what: "an entry is missing" });
        }
        for bytes in read {
            let frame = chain.read(host, &bytes, source)?;
            let prefix = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
            writer.write_all(&prefix).and_then(|()| writer.write_all(&bytes)).map_err(io_error("write", draft))?;
            builder.add(&frame, prefix, &bytes);
            if chain.position == half {
                crash::point("rotate.segment_half");
            }
        }
    }
    writer.write_all(&builder.finish(&chain)).map_err(io_error("write", draft))?;
    writer.flush().map_err(io_error("write", draft))?;
    durable::sync_all(&file, draft)?;
    Ok(chain)
}

fn parse_footer(footer: &[u8], footer_at: u64) -> Result<(Summary, Bloom), &'static str> {
    const SHORT: &str = "the segment's footer is cut off";
    let tail = footer.len().checked_sub(TAIL_BYTES).ok_or(SHORT)?;
    let hash_at = footer.len() - 48;
    let mut cursor = Cursor::new(footer.get(hash_at..).ok_or(SHORT)?);
    if cursor.hash() != Some(Hash::of(&footer[..hash_at])) {
        return Err("the segment's footer isn't what was written");
    }
    let summary = Summary::decode(&mut Cursor::new(&footer[tail..])).ok_or(SHORT)?;
    if !summary.is_consistent() {
        return Err("the segment's summary contradicts itself");
    }
    let numbers = summary.frames.checked_add(summary.owns).and_then(|count| count.checked_mul(8)).ok_or(SHORT)?;
    let ids = summary.ids.checked_mul(ID_BYTES as u64).ok_or(SHORT)?;
    if numbers.checked_add(ids) != Some(tail as u64) {
        return Err("the segment's indexes don't have the length that its summary says");
    }
    let (offsets, rest) = footer.split_at(usize::try_from(summary.frames * 8).unwrap_or(0));
    let offsets = offsets.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
    if !offsets.clone().is_sorted() || offsets.clone().next_back().is_none_or(|last| last >= footer_at) {
        return Err("the segment's offsets don't lie in it");
    }
    let mut bloom = Bloom::new(summary.ids);
    let ids_at = usize::try_from(summary.owns * 8).unwrap_or(0);
    for entry in rest[ids_at..tail - (footer.len() - rest.len())].as_chunks::<ID_BYTES>().0 {
        Cursor::new(entry).take().map(EventId).into_iter().for_each(|id| bloom.insert(id));
    }
    Ok((summary, bloom))
}
