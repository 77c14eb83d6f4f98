//! The bytes of one entry. The same bytes stand in the database and in a segment, and their layout is frozen.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `ULF` and the version, 1 |
//! | 4 | 1 | 1: own fact, 2: heard with its payload, 3: heard without |
//! | 5 | 1 | 1: an id follows the header, 0: the id is sixteen zeros |
//! | 6 | 8 | position in the host's log |
//! | 14 | 79 | header (see [`Header`]) |
//! | 93 | 16 | id |
//! | 109 | 4 | length of the payload |
//! | 113 | 8 | start of the SHA-256 of the 113 bytes before |
//! | 121 | … | payload, which the header's hash covers |
//!
//! Numbers are little-endian.

use bytes::Bytes;
use ledger::{EventId, Hash, HostId, Partition, ServiceName};

use super::error::LogError;

/// The longest frame: with 8 MiB database segments a tree node of seventeen of them still isn't moved to a blob file.
pub const FRAME_BYTES_MAX: usize = 120 * 1024;
/// What a frame holds beside its payload.
pub const FRAME_BYTES_FIXED: usize = 121;
/// The longest payload that fits.
pub const PAYLOAD_BYTES_MAX: usize = FRAME_BYTES_MAX - FRAME_BYTES_FIXED;

const MAGIC: [u8; 4] = *b"ULF\x01";
const CHECKED: usize = 113;
/// Separates a header's hash from every other hash of the product.
const HEADER_TAG: &[u8] = b"usage-ledger/header/1\0";

/// The header of one event of a chain: service (1 byte), partition (2), epoch (4), sequence (8), hash of the previous
/// header (32), hash of the payload (32), little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who wrote the event.
    pub host: HostId,
    /// Raised when a log is restored or taken over.
    pub epoch: u32,
    /// Counts the host's own events from 1 without a gap.
    pub sequence: u64,
    /// The hash of the header before, [`Hash::ZERO`] for the first.
    pub previous: Hash,
    /// SHA-256 of the payload's bytes as they were first encoded.
    pub payload_hash: Hash,
}

impl Header {
    /// The length of the encoding.
    pub const BYTES: usize = 79;

    /// What stands in the next header as `previous`, and what is published, anchored and proven.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut bytes = [0_u8; HEADER_TAG.len() + Self::BYTES];
        bytes[..HEADER_TAG.len()].copy_from_slice(HEADER_TAG);
        bytes[HEADER_TAG.len()..].copy_from_slice(&self.encode());
        Hash::of(&bytes)
    }

    /// The fixed encoding.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0_u8; Self::BYTES];
        bytes[..3].copy_from_slice(&encode_host(self.host));
        bytes[3..7].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[7..15].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[15..47].copy_from_slice(&self.previous.0);
        bytes[47..].copy_from_slice(&self.payload_hash.0);
        bytes
    }

    /// The header of these bytes, if they are one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let header = Self {
            host: cursor.host()?,
            epoch: cursor.u32()?,
            sequence: cursor.u64()?,
            previous: cursor.hash()?,
            payload_hash: cursor.hash()?,
        };
        cursor.is_empty().then_some(header)
    }
}

/// One entry of a host's log, in order of handling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the host's log, from 1 without a gap over own and heard facts.
    pub position: u64,
    /// The header its emitter gave it.
    pub header: Header,
    /// Whether the host wrote it itself.
    pub own: bool,
    /// The bytes as first encoded; none for a heard record payload.
    pub payload: Option<Vec<u8>>,
}

/// An own fact as others get it: the bytes of its header and then its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the chain.
    pub header: Header,
    /// All of it.
    pub bytes: Bytes,
}

/// An entry with what the log alone needs of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) entry: Entry,
    pub(crate) id: Option<EventId>,
}

/// What a frame says before its payload, once every bit of both was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checked {
    pub(crate) position: u64,
    pub(crate) header: Header,
    pub(crate) own: bool,
    id: Option<EventId>,
    with_payload: bool,
}

impl Checked {
    /// What these bytes say, or what is wrong with them.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, &'static str> {
        const SHORT: &str = "the frame is cut off";
        let checked = bytes.get(..CHECKED).ok_or(SHORT)?;
        let mut cursor = Cursor::new(bytes);
        if cursor.take::<4>() != Some(MAGIC) {
            return Err("the frame has an unknown version");
        }
        let (kind, with_id) = (cursor.u8().ok_or(SHORT)?, cursor.u8().ok_or(SHORT)?);
        let position = cursor.u64().ok_or(SHORT)?;
        let header = cursor.slice(Header::BYTES).ok_or(SHORT)?;
        let id = EventId(cursor.take().ok_or(SHORT)?);
        let length = cursor.u32().ok_or(SHORT)?;
        if cursor.slice(8).ok_or(SHORT)? != &Hash::of(checked).0[..8] {
            return Err("the frame's checksum is wrong");
        }
        let header = Header::decode(header).ok_or("the frame names an unknown service")?;
        let payload = cursor.rest();
        if u32::try_from(payload.len()) != Ok(length) {
            return Err("the payload's length is wrong");
        }
        let (own, with_payload) = match (kind, payload) {
            (1, _) => (true, true),
            (2, _) => (false, true),
            (3, []) => (false, false),
            _ => return Err("the frame is of an unknown kind"),
        };
        if with_payload && Hash::of(payload) != header.payload_hash {
            return Err("the payload isn't the one that its header names");
        }
        Ok(Self { position, header, own, id: (with_id == 1).then_some(id), with_payload })
    }

    /// The entry, in the bytes of its frame.
    pub(crate) fn entry(self, mut frame: Vec<u8>) -> Entry {
        let Self { position, header, own, with_payload, .. } = self;
        frame.drain(..FRAME_BYTES_FIXED.min(frame.len()));
        Entry { position, header, own, payload: with_payload.then_some(frame) }
    }

    /// What others get of an own fact, in the bytes of its frame: the header moves up to the payload.
    pub(crate) fn message(self, mut frame: Vec<u8>) -> Message {
        let start = FRAME_BYTES_FIXED - Header::BYTES;
        if let Some(room) = frame.get_mut(start..FRAME_BYTES_FIXED) {
            room.copy_from_slice(&self.header.encode());
        }
        Message { header: self.header, bytes: Bytes::from(frame).split_off(start) }
    }
}

impl Frame {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, LogError> {
        let payload = self.entry.payload.as_deref().unwrap_or_default();
        let bytes = FRAME_BYTES_FIXED + payload.len();
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        if bytes > FRAME_BYTES_MAX {
            return Err(LogError::FrameTooLarge { bytes, limit: FRAME_BYTES_MAX });
        }
        let mut frame = Vec::with_capacity(bytes);
        frame.extend_from_slice(&MAGIC);
        frame.push(match (self.entry.own, &self.entry.payload) {
            (true, _) => 1,
            (false, Some(_)) => 2,
            (false, None) => 3,
        });
        frame.push(u8::from(self.id.is_some()));
        frame.extend_from_slice(&self.entry.position.to_le_bytes());
        frame.extend_from_slice(&self.entry.header.encode());
        frame.extend_from_slice(&self.id.unwrap_or_default().0);
        frame.extend_from_slice(&length.to_le_bytes());
        let check = Hash::of(&frame);
        frame.extend_from_slice(&check.0[..8]);
        frame.extend_from_slice(payload);
        Ok(frame)
    }

    /// Whether a frame begins somewhere in these bytes and is whole in them.
    pub(crate) fn stands_in(bytes: &[u8]) -> bool {
        let mut starts = bytes.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
        starts.any(|(start, _)| {
            let frame = bytes.get(start..).unwrap_or_default();
            let length = frame.get(109..CHECKED).and_then(|length| Cursor::new(length).u32());
            let length = length.and_then(|length| FRAME_BYTES_FIXED.checked_add(usize::try_from(length).ok()?));
            length.and_then(|length| frame.get(..length)).is_some_and(|frame| Self::decode(frame).is_ok())
        })
    }

    /// The frame of these bytes, or what is wrong with them. Every bit is covered by a hash.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let checked = Checked::new(bytes)?;
        Ok(Self { entry: checked.entry(bytes.to_vec()), id: checked.id })
    }
}

pub(crate) const HOST_BYTES: usize = 3;

pub(crate) fn encode_host(host: HostId) -> [u8; HOST_BYTES] {
    let [low, high] = host.partition.0.to_le_bytes();
    [host.service.number(), low, high]
}

/// Reads fixed-width fields one after the other; `None` at the end of the bytes.
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn hash(&mut self) -> Option<Hash> {
        self.take().map(Hash)
    }

    pub(crate) fn host(&mut self) -> Option<HostId> {
        let [service, low, high] = self.take::<HOST_BYTES>()?;
        let partition = Partition(u16::from_le_bytes([low, high]));
        Some(HostId { service: ServiceName::from_number(service)?, partition })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let payload = b"what was said".to_vec();
        let header = Header {
            host: HostId::new(ServiceName::Approval, 258),
            epoch: 3,
            sequence: 0x0102_0304_0506_0708,
            previous: Hash([7; 32]),
            payload_hash: Hash::of(&payload),
        };
        let entry = Entry { position: 9, header, own: true, payload: Some(payload) };
        Frame { entry, id: Some(EventId([5; 16])) }
    }

    /// Goal: the layout never changes. The expected digits were computed from the description by another program
    /// and are never blessed; a new layout is a new version.
    #[test]
    fn the_layout_is_frozen() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let frame = frame();
        let header = frame.entry.header.encode();
        assert_eq!(hex(&header[..15]), "040201030000000807060504030201");
        assert_eq!(hex(&header), GOLDEN_HEADER);
        assert_eq!(frame.entry.header.hash().to_string(), GOLDEN_HASH);
        assert_eq!(Hash::of(&frame.encode().unwrap()).to_string(), GOLDEN_FRAME);
    }

    const GOLDEN_HEADER: &str = concat!(
        "0402010300000008070605040302010707070707070707070707070707070707070707070707070707070707070707",
        "af80764144be61fb07d306066d961d02a7b3abcadbc62303722e99a2c2566006"
    );
    const GOLDEN_HASH: &str = "feb7e64bb474bf4e7b756b202766eb3b960896d4d99d156eedb69ef34586ada7";
    const GOLDEN_FRAME: &str = "c0fc1d7c8bfd414f3ce13da7f0edce9134f3b284c854cbf8faef79ddb777186c";

    #[test]
    fn a_frame_is_read_as_it_was_written_and_no_bit_of_it_can_change() {
        let frame = frame();
        let bytes = frame.encode().unwrap();
        assert_eq!(Frame::decode(&bytes), Ok(frame));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::decode(&flipped).is_err(), "bit {bit}");
        }
        assert!((0..bytes.len()).all(|length| Frame::decode(&bytes[..length]).is_err()));
    }

    #[test]
    fn others_get_the_header_and_the_payload() {
        let frame = frame();
        let Entry { header, ref payload, .. } = frame.entry;
        let bytes = [&header.encode()[..], payload.as_deref().unwrap()].concat();
        let encoded = frame.encode().unwrap();
        assert_eq!(Checked::new(&encoded).unwrap().message(encoded), Message { header, bytes: bytes.into() });
    }

    #[test]
    fn a_frame_has_a_longest_length() {
        let mut frame = frame();
        for (length, fits) in [(PAYLOAD_BYTES_MAX, true), (PAYLOAD_BYTES_MAX + 1, false)] {
            let payload = vec![1; length];
            frame.entry.header.payload_hash = Hash::of(&payload);
            frame.entry.payload = Some(payload);
            assert_eq!(frame.encode().is_ok(), fits);
        }
    }
}
