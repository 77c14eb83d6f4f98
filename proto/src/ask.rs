//! What processes ask each other, as plain values: whoever carries them knows bytes only.

use std::sync::Arc;

use ledger::report::Receipt;
use ledger::{Command, Event, EventId, Hash, HostId, Moment, Rejection, Scope};

/// Bytes that an ask may have, and a batch of reported records in it once more: a call over HTTP brings 16 MiB at most,
/// and a catalog is read whole.
pub const ASK_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Bytes that a reply may have: what an import of the largest catalog records, each object with its envelope.
pub const REPLY_BYTES_MAX: usize = 40 * 1024 * 1024;

/// A command on its way to the host that decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireAsk {
    /// What is wanted.
    pub command: Command,
    /// Who wants it.
    pub scope: Scope,
    /// What makes a repetition recognisable, if the caller gave anything.
    pub key: Option<WireKey>,
    /// How far the service's log of partition 0 is to be heard before it is decided.
    pub after: u64,
}

/// What makes a repetition recognisable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireKey {
    /// What the ids of its events are made from.
    pub seed: Hash,
    /// The digest of everything that was asked with the key.
    pub content: Hash,
}

/// What came of a command.
pub type WireReply = Result<WireAnswer, Rejection>;

/// A command was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireAnswer {
    /// Who decided.
    pub host: HostId,
    /// Sequence in its chain up to which a reader must have come to see the effect.
    pub sequence: u64,
    /// What was recorded: nothing where nothing had to change.
    pub events: Arc<Vec<Event>>,
    /// Whether this is the first answer, given again.
    pub repeated: bool,
    /// What became of each reported record; empty for other commands.
    pub receipts: Vec<Receipt>,
}

/// What was asked for when an event was recorded?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The event.
    pub event: EventId,
}

/// What a log knows of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupReply {
    /// Its cause; none if there is no such event.
    pub content: Option<Hash>,
}

/// What did a service record from a sequence on?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The first sequence of interest.
    pub from: u64,
    /// How many bytes of entries may come, at least 1; one entry comes in any case.
    pub bytes_max: u32,
}

/// Entries of a log, in order and without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadReply {
    /// Each in the bytes that the log has for it.
    pub entries: Vec<Vec<u8>>,
    /// The last sequence that the service recorded.
    pub last: u64,
}

/// How far had a service come at an instant? Whoever answers records nothing more with that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The instant.
    pub at: Moment,
}

/// How far a service had come at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassReply {
    /// The last sequence that was recorded by then; none where the instant hasn't come yet.
    pub sequence: Option<u64>,
}

/// Carry a workbook between a service's own blobs and the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carry {
    /// From the object store into the blobs of who is asked.
    In {
        /// The workbook.
        blob: Hash,
        /// Its size.
        bytes: u64,
        /// The name it has in the object store: of this one transport, so that two at a time don't meet.
        object: String,
    },
    /// From the blobs of who is asked into the object store.
    Out {
        /// The workbook.
        blob: Hash,
        /// The name it is to have in the object store.
        object: String,
    },
}

/// What came of carrying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CarryReply {
    /// The workbook's size; none if it isn't where it should be.
    pub bytes: Option<u64>,
}
