//! The head anchor: what the log must contain. Neither a chain nor sled can see a lost tail; this file can.
//!
//! Two slots of 64 KiB, written in turn, each whole and with its own checksum: a torn write leaves the other slot.
//! Which database is live changes only by writing *both* slots before anything goes on, so that falling back from a
//! damaged slot never names a database that acknowledged events have left.
//!
//! A slot: `ULANCHR` and the version 1 (8 bytes), length of the content (4), content, SHA-256 of all before (32). The
//! content: write counter (8), epoch (4), live generation (8), sealing generation or 0 (8), then per host: service and
//! partition (3), last own sequence (8), its header hash (32), last position (8), marks (8 each).

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ledger::{Hash, HostId};

use super::chain::Chain;
use super::durable;
use super::error::{LogError, io_error};
use super::frame::{Cursor, HOST_BYTES, encode_host};
use crate::crash;

/// What a backup's anchor names as its live generation: it has none.
pub(crate) const BACKUP: u64 = 0;
pub(crate) const NAME: &str = "anchor";
/// Five services of a hundred partitions fit twice.
pub(crate) const HOSTS_MAX: usize = 900;

const SLOT_BYTES: usize = 64 * 1024;
const MAGIC: [u8; 8] = *b"ULANCHR\x01";
const HOST_ENTRY_BYTES: usize = HOST_BYTES + 8 + 32 + 8 + 16;

/// What a slot says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) counter: u64,
    pub(crate) epoch: u32,
    pub(crate) live: u64,
    pub(crate) sealing: Option<u64>,
    pub(crate) heads: BTreeMap<HostId, Head>,
}

/// How far a host's log must reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) sequence: u64,
    pub(crate) hash: Hash,
    pub(crate) position: u64,
    pub(crate) marks: [u64; 2],
}

impl From<&Chain> for Head {
    fn from(chain: &Chain) -> Self {
        Self { sequence: chain.sequence, hash: chain.head, position: chain.position, marks: chain.marks }
    }
}

impl Anchor {
    fn encode(&self) -> Vec<u8> {
        let length = 28 + self.heads.len() * HOST_ENTRY_BYTES;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&self.counter.to_le_bytes());
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.live.to_le_bytes());
        bytes.extend_from_slice(&self.sealing.unwrap_or(0).to_le_bytes());
        for (host, head) in &self.heads {
            bytes.extend_from_slice(&encode_host(*host));
            bytes.extend_from_slice(&head.sequence.to_le_bytes());
            bytes.extend_from_slice(&head.hash.0);
            bytes.extend_from_slice(&head.position.to_le_bytes());
            head.marks.iter().for_each(|mark| bytes.extend_from_slice(&mark.to_le_bytes()));
        }
        bytes.extend_from_slice(&Hash::of(&bytes).0);
        bytes
    }

    /// Refuses the anchor of a backup where a database is wanted.
    pub(crate) fn check_live(&self, dir: &Path) -> Result<(), LogError> {
        if self.live == BACKUP { Err(LogError::IsBackup { path: dir.to_owned() }) } else { Ok(()) }
    }

    /// Both slots.
    fn encode_twice(&self) -> Vec<u8> {
        let mut bytes = vec![0; SLOT_BYTES * 2];
        for slot in 0..2 {
            let content = self.encode();
            bytes[slot * SLOT_BYTES..][..content.len()].copy_from_slice(&content);
        }
        bytes
    }

    /// Where the next slot begins, and what it says.
    fn next_slot(&mut self) -> (u64, Vec<u8>) {
        self.counter += 1;
        ((self.counter % 2) * SLOT_BYTES as u64, self.encode())
    }

    fn decode(slot: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(slot);
        if cursor.take::<8>()? != MAGIC {
            return None;
        }
        let length = usize::try_from(cursor.u32()?).ok()?;
        let content = cursor.slice(length)?;
        if cursor.hash()? != Hash::of(slot.get(..12 + length)?) {
            return None;
        }
        let mut cursor = Cursor::new(content);
        let mut anchor = Self {
            counter: cursor.u64()?,
            epoch: cursor.u32()?,
            live: cursor.u64()?,
            sealing: cursor.u64().map(|number| (number != 0).then_some(number))?,
            heads: BTreeMap::new(),
        };
        while !cursor.is_empty() {
            let host = cursor.host()?;
            let head = Head {
                sequence: cursor.u64()?,
                hash: cursor.hash()?,
                position: cursor.u64()?,
                marks: [cursor.u64()?, cursor.u64()?],
            };
            anchor.heads.insert(host, head);
        }
        Some(anchor)
    }
}

/// The anchor as it was found.
pub(crate) struct Found {
    pub(crate) anchor: Anchor,
    /// The slot that isn't whole, if one isn't.
    pub(crate) torn: Option<usize>,
}

/// Reads the anchor of a data directory without changing it; `None` when there is no file.
pub(crate) fn read(dir: &Path) -> Result<Option<Found>, LogError> {
    let path = dir.join(NAME);
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(io_error("read", &path))?,
    };
    let mut slots = [0, 1].map(|slot| bytes.get(slot * SLOT_BYTES..).and_then(Anchor::decode));
    let torn = slots.iter().position(Option::is_none);
    slots.sort_by_key(|slot| slot.as_ref().map(|anchor| anchor.counter));
    let [_, newest] = slots;
    newest.map(|anchor| Some(Found { anchor, torn })).ok_or(LogError::AnchorDamaged { path })
}

/// Makes the anchor of a backup: how far the copy reaches.
pub(crate) fn begin_backup(dir: &Path, first: &Anchor) -> Result<(), LogError> {
    let (draft, path) = (dir.join("anchor.tmp"), dir.join(NAME));
    std::fs::write(&draft, first.encode_twice()).map_err(io_error("write", &draft))?;
    durable::try_sync(&File::open(&draft).map_err(io_error("open", &draft))?, &draft)?;
    std::fs::rename(&draft, &path).map_err(io_error("create", &path))?;
    durable::try_sync_dir(dir)
}

/// Writes the next slot of a backup's anchor, durably. After a failure the other slot counts.
pub(crate) fn write_backup(dir: &Path, heads: &mut Anchor) -> Result<(), LogError> {
    let path = dir.join(NAME);
    let file = OpenOptions::new().write(true).open(&path).map_err(io_error("open", &path))?;
    let (start, bytes) = heads.next_slot();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    file.write_all_at(first, start).map_err(io_error("write", &path))?;
    crash::point("backup.mid_heads");
    file.write_all_at(second, start + first.len() as u64).map_err(io_error("write", &path))?;
    durable::try_sync(&file, &path)
}

/// The open anchor file.
pub(crate) struct AnchorFile {
    file: File,
    path: PathBuf,
}

impl AnchorFile {
    /// Opens the file, creating it whole, and durably, with this content if there is none.
    pub(crate) fn open(dir: &Path, first: &Anchor) -> Result<Self, LogError> {
        let path = dir.join(NAME);
        if !path.exists() {
            let draft = dir.join("anchor.tmp");
            std::fs::write(&draft, first.encode_twice()).map_err(io_error("write", &draft))?;
            durable::sync_all(&File::open(&draft).map_err(io_error("open", &draft))?, &draft)?;
            std::fs::rename(&draft, &path).map_err(io_error("create", &path))?;
            durable::sync_dir(dir)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(io_error("open", &path))?;
        Ok(Self { file, path })
    }

    /// Writes the next slot; the caller syncs.
    pub(crate) fn write(&self, anchor: &mut Anchor) -> Result<(), LogError> {
        let (start, bytes) = anchor.next_slot();
        let mut written = 0;
        if crash::is_armed("commit.mid_anchor") {
            written = bytes.len() / 2;
            self.file.write_all_at(&bytes[..written], start).map_err(io_error("write", &self.path))?;
            crash::point("commit.mid_anchor");
        }
        self.file.write_all_at(&bytes[written..], start + written as u64).map_err(io_error("write", &self.path))
    }

    /// The last step before an answer.
    pub(crate) fn sync(&self) -> Result<(), LogError> {
        durable::sync_data(&self.file, &self.path)
    }

    /// Writes both slots, one after the other: neither says anything older afterwards.
    pub(crate) fn write_both(&self, anchor: &mut Anchor) -> Result<(), LogError> {
        for _ in 0..2 {
            self.write(anchor)?;
            self.sync()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ledger::ServiceName;

    use super::*;

    #[test]
    fn a_slot_is_read_as_it_was_written_and_no_bit_of_it_can_change() {
        let head = Head { sequence: 3, hash: Hash([4; 32]), position: 9, marks: [8, 2] };
        let heads = [(HostId::new(ServiceName::Catalog, 0), head), (HostId::new(ServiceName::Approval, 7), head)];
        let anchor = Anchor { counter: 5, epoch: 1, live: 12, sealing: Some(11), heads: heads.into() };
        let bytes = anchor.encode();
        assert_eq!(Anchor::decode(&bytes), Some(anchor));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Anchor::decode(&flipped), None, "bit {bit}");
        }
        const { assert!(12 + 28 + HOSTS_MAX * HOST_ENTRY_BYTES + 32 <= SLOT_BYTES) };
    }
}
