//! Where a host's log stands after an entry, and whether an entry may follow there. Opening, verifying, sealing and
//! appending all ask this one type, so that they can't disagree.

use std::collections::BTreeMap;
use std::path::Path;

use ledger::{Hash, HostId};

use super::error::LogError;
use super::frame::{Cursor, Frame, HOST_BYTES, Header, encode_host};

/// A count that a host keeps with its log, moved in the same atomic write as an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The position up to which the host has reacted.
    Reacted = 0,
    /// The own sequence up to which the bus has confirmed.
    Published = 1,
}

impl Mark {
    /// Every mark, in the order of their numbers in the log's bytes.
    pub const ALL: [Self; 2] = [Self::Reacted, Self::Published];

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// The state of a host's log after some position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) position: u64,
    pub(crate) sequence: u64,
    pub(crate) head: Hash,
    pub(crate) epoch: u32,
    pub(crate) heard: BTreeMap<HostId, (u64, Hash)>,
    pub(crate) marks: [u64; 2],
}

impl Chain {
    /// The latest sequence and hash heard from a host; zeros before the first.
    pub(crate) fn heard(&self, emitter: HostId) -> (u64, Hash) {
        self.heard.get(&emitter).copied().unwrap_or_default()
    }

    /// Whether a header may follow what was heard from its emitter.
    pub(crate) fn continues(&self, header: &Header) -> Result<(), LogError> {
        let (emitter, got) = (header.host, header.sequence);
        let (sequence, hash) = self.heard(emitter);
        if got > sequence + 1 || got == 0 {
            return Err(LogError::HeardGap { emitter, expected: sequence + 1, got });
        }
        if got == sequence && header.hash() != hash {
            return Err(LogError::HeardFork { emitter, sequence, expected: hash, got: header.hash() });
        }
        if got <= sequence {
            return Err(LogError::AlreadyHeard { emitter, sequence: got });
        }
        if header.previous != hash {
            return Err(LogError::HeardFork { emitter, sequence, expected: hash, got: header.previous });
        }
        Ok(())
    }

    /// Goes on to a frame that was read, or says what is wrong with it.
    pub(crate) fn step(&mut self, host: HostId, frame: &Frame) -> Result<(), &'static str> {
        let header = &frame.entry.header;
        if frame.entry.position != self.position + 1 {
            return Err("an entry is missing or out of order");
        }
        if frame.entry.own {
            if header.host != host || header.sequence != self.sequence + 1 {
                return Err("an own event is missing or out of order");
            }
            if header.previous != self.head || header.epoch < self.epoch {
                return Err("an own event doesn't continue the chain");
            }
            (self.sequence, self.head, self.epoch) = (header.sequence, header.hash(), header.epoch);
        } else {
            if header.host == host || self.continues(header).is_err() {
                return Err("a heard event doesn't continue its emitter's chain");
            }
            self.heard.insert(header.host, (header.sequence, header.hash()));
        }
        self.position = frame.entry.position;
        Ok(())
    }

    /// Decodes and goes on, naming the place of what is wrong.
    pub(crate) fn read(&mut self, host: HostId, bytes: &[u8], path: &Path) -> Result<Frame, LogError> {
        let damaged = |what| LogError::Damaged { path: path.to_owned(), position: self.position + 1, what };
        let frame = Frame::decode(bytes).map_err(damaged)?;
        self.step(host, &frame).map_err(|what| LogError::Damaged {
            path: path.to_owned(),
            position: frame.entry.position,
            what,
        })?;
        Ok(frame)
    }

    /// The bytes that a new generation of the database starts with; the last 32 are the hash of the others.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend_from_slice(&self.position.to_le_bytes());
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.head.0);
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        self.marks.iter().for_each(|mark| bytes.extend_from_slice(&mark.to_le_bytes()));
        for (emitter, (sequence, hash)) in &self.heard {
            bytes.extend_from_slice(&encode_host(*emitter));
            bytes.extend_from_slice(&sequence.to_le_bytes());
            bytes.extend_from_slice(&hash.0);
        }
        bytes.extend_from_slice(&Hash::of(&bytes).0);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, hash) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        if Hash::of(body).0 != hash || body.first() != Some(&1) {
            return None;
        }
        let mut cursor = Cursor::new(body.get(1..)?);
        let mut chain = Self {
            position: cursor.u64()?,
            sequence: cursor.u64()?,
            head: cursor.hash()?,
            epoch: cursor.u32()?,
            heard: BTreeMap::new(),
            marks: [cursor.u64()?, cursor.u64()?],
        };
        let rest = cursor.rest();
        let (entries, tail) = rest.as_chunks::<{ HOST_BYTES + 40 }>();
        for entry in entries {
            let mut cursor = Cursor::new(entry);
            chain.heard.insert(cursor.host()?, (cursor.u64()?, cursor.hash()?));
        }
        tail.is_empty().then_some(chain)
    }
}
