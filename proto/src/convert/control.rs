//! Small questions about a log or a workbook.

use ledger::{EventId, Hash, Moment};
use prost::Message;

use super::frame::{Limit, limit_bytes, limit_lists};
use super::value::{hash, required};
use crate::ask::{Carry, CarryReply, Lookup, LookupReply, Pass, PassReply, REPLY_BYTES_MAX, Read, ReadReply};
use crate::error::WireError;
use crate::wire;
use crate::wire::carry::Way;
use crate::wire::carry_reply::Reply as Carried;
use crate::wire::lookup_reply::Reply as Found;
use crate::wire::pass_reply::Reply as Passed;

/// Entries that one reply may have: of the shortest, about what its bytes hold.
const ENTRIES_MAX: usize = 200_000;

impl Lookup {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::Lookup { event_id: self.event.0.to_vec() }.encode_to_vec()
    }

    /// Reads one.
    ///
    /// # Errors
    /// Any [`WireError`]: the bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let id = wire::Lookup::decode(bytes)?.event_id;
        Ok(Self { event: id.as_slice().try_into().map(EventId).map_err(|_| WireError::Invalid { field: "event_id" })? })
    }
}

impl LookupReply {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let content = |content: Hash| Found::Content(content.0.to_vec());
        let reply = self.content.map_or(Found::Absent(wire::Nothing {}), content);
        wire::LookupReply { reply: Some(reply) }.encode_to_vec()
    }

    /// Reads one.
    ///
    /// # Errors
    /// Any [`WireError`]: the bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let content = match required(wire::LookupReply::decode(bytes)?.reply, "reply")? {
            Found::Content(content) => Some(hash(&content, "content")?),
            Found::Absent(wire::Nothing {}) => None,
        };
        Ok(Self { content })
    }
}

impl Read {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::Read { from_sequence: self.from, bytes_max: self.bytes_max }.encode_to_vec()
    }

    /// Reads one.
    ///
    /// # Errors
    /// Any [`WireError`]: the bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let wire::Read { from_sequence: from, bytes_max } = wire::Read::decode(bytes)?;
        if bytes_max == 0 {
            return Err(WireError::Invalid { field: "bytes_max" });
        }
        Ok(Self { from, bytes_max })
    }
}

impl ReadReply {
    /// Its bytes.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] and [`WireError::TooMany`] when it is over the limits.
    pub fn encode(&self) -> Result<Vec<u8>, WireError> {
        let message = wire::ReadReply { entries: self.entries.clone(), last_sequence: Some(self.last) };
        let bytes = message.encode_to_vec();
        Self::check(&bytes)?;
        Ok(bytes)
    }

    /// Reads one.
    ///
    /// # Errors
    /// Any [`WireError`]: the bytes are damaged, too large, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        Self::check(bytes)?;
        let it = wire::ReadReply::decode(bytes)?;
        Ok(Self { entries: it.entries, last: required(it.last_sequence, "last_sequence")? })
    }

    fn check(bytes: &[u8]) -> Result<(), WireError> {
        limit_bytes("entries", bytes.len(), REPLY_BYTES_MAX)?;
        limit_lists(bytes, &[Limit::list(&[1], "entries", ENTRIES_MAX)])
    }
}

impl Pass {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::Pass { at_micros: Some(self.at.0) }.encode_to_vec()
    }

    /// Reads one.
    ///
    /// # Errors
    /// Any [`WireError`]: the bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(Self { at: Moment(required(wire::Pass::decode(bytes)?.at_micros, "at_micros")?) })
    }
}

impl PassReply {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let reply = self.sequence.map_or(Passed::Ahead(wire::Nothing {}), Passed::Sequence);
        wire::PassReply { reply: Some(reply) }.encode_to_vec()
    }

    /// Reads one.
    ///
    /// # Errors
    /// Any [`WireError`]: the bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let sequence = match required(wire::PassReply::decode(bytes)?.reply, "reply")? {
            Passed::Sequence(sequence) => Some(sequence),
            Passed::Ahead(wire::Nothing {}) => None,
        };
        Ok(Self { sequence })
    }
}

impl Carry {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let way = match self {
            Self::In { blob, bytes, object } => {
                Way::In(wire::CarryIn { blob: blob.0.to_vec(), size_bytes: *bytes, object: object.clone() })
            }
            Self::Out { blob, object } => Way::Out(wire::CarryOut { blob: blob.0.to_vec(), object: object.clone() }),
        };
        wire::Carry { way: Some(way) }.encode_to_vec()
    }

    /// Reads one.
    ///
    /// # Errors
    /// Any [`WireError`]: the bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(match required(wire::Carry::decode(bytes)?.way, "way")? {
            Way::In(it) => Self::In { blob: hash(&it.blob, "blob")?, bytes: it.size_bytes, object: it.object },
            Way::Out(it) => Self::Out { blob: hash(&it.blob, "blob")?, object: it.object },
        })
    }
}

impl CarryReply {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let reply = self.bytes.map_or(Carried::Absent(wire::Nothing {}), Carried::SizeBytes);
        wire::CarryReply { reply: Some(reply) }.encode_to_vec()
    }

    /// Reads one.
    ///
    /// # Errors
    /// Any [`WireError`]: the bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = match required(wire::CarryReply::decode(bytes)?.reply, "reply")? {
            Carried::SizeBytes(bytes) => Some(bytes),
            Carried::Absent(wire::Nothing {}) => None,
        };
        Ok(Self { bytes })
    }
}
