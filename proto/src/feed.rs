//! The feed of accepted records (`feed.proto`), which other people's programs read: as protobuf, and as JSON with the same
//! names.
//!
//! It goes one way. What a message says is given as the ledger knows it; the bytes of a message are read back only to
//! compare both forms.

use ledger::fact::{FileColumn, FileCreated, Total};
use ledger::file::Chunk;
use ledger::record::{Billing, CheckedBatch, ReadBatch};
use ledger::{ChunkId, Moment, Named, ReconciliationId};
use prost::Message as _;

use crate::error::WireError;
use crate::wire;
use crate::wire::feed_message::Message as Wire;

/// Records in one message at most: more make a feed no faster.
const BATCH_RECORDS_MAX: usize = 500;
/// Text of the records of one message: JSON may write a byte as six, and a NATS message has at most 1 MiB.
const BATCH_BYTES_MAX: usize = 96 * 1024;
/// Rows of billings in one message, counted as runs.
const BILLING_RUNS_MAX: usize = 8_192;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A chunk begins.
    Header,
    /// Some of its records.
    Records,
    /// It is complete.
    Trailer,
    /// Records of it were billed.
    Billings,
    /// All of it is billed.
    Closed,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Header, Self::Records, Self::Trailer, Self::Billings, Self::Closed];

    /// Its name in headers and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Records => "records",
            Self::Trailer => "trailer",
            Self::Billings => "billings",
            Self::Closed => "closed",
        }
    }
}

/// One message of the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Message(Wire);

impl Message {
    /// A chunk of an accepted file begins.
    #[must_use]
    pub fn header(id: ChunkId, chunk: &Chunk, created: &FileCreated, accepted: Moment) -> Self {
        Self(Wire::Header(wire::AcceptedHeader::new(id, chunk, created, accepted)))
    }

    /// Every record of it was sent: what they sum up to, by tier.
    #[must_use]
    pub fn trailer(id: ChunkId, totals: &[Total]) -> Self {
        let records = totals.iter().map(|total| total.records).sum();
        let totals = totals.iter().map(wire::Total::from).collect();
        Self(Wire::Trailer(wire::AcceptedTrailer { chunk_id: id.to_string(), records, totals }))
    }

    /// How some records of a chunk were billed, as runs of rows `(first, last, billing)`. As many messages as it takes.
    #[must_use]
    pub fn billings<'a>(
        id: ChunkId,
        by: ClosedBy,
        at: Moment,
        rows: impl IntoIterator<Item = (u32, u32, &'a Billing)>,
    ) -> Vec<Self> {
        let mut messages = Vec::new();
        let empty = || wire::AcceptedBillings {
            chunk_id: id.to_string(),
            closed_by: by.to_string(),
            closed_micros: at.0,
            ..wire::AcceptedBillings::default()
        };
        let (mut message, mut runs) = (empty(), 0);
        for (first, last, billing) in rows {
            if runs >= BILLING_RUNS_MAX {
                messages.push(Self(Wire::Billings(std::mem::replace(&mut message, empty()))));
                runs = 0;
            }
            runs += 1;
            message.add(first, last, billing);
        }
        if runs > 0 {
            messages.push(Self(Wire::Billings(message)));
        }
        messages
    }

    /// A chunk is closed.
    #[must_use]
    pub fn closed(id: ChunkId, billing: &Billing, at: Moment) -> Self {
        Self(Wire::Closed(wire::AcceptedClosed {
            chunk_id: id.to_string(),
            billing_id: billing.id.clone(),
            billing_note: billing.note.clone(),
            closed_micros: at.0,
        }))
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Wire::Header(_) => Kind::Header,
            Wire::Records(_) => Kind::Records,
            Wire::Trailer(_) => Kind::Trailer,
            Wire::Billings(_) => Kind::Billings,
            Wire::Closed(_) => Kind::Closed,
        }
    }

    /// Its bytes as a `FeedMessage`.
    #[must_use]
    pub fn protobuf(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.encoded_len());
        // What `FeedMessage` holds besides its one message is nothing.
        self.0.encode(&mut bytes);
        bytes
    }

    /// The same as JSON: one member, called like its kind.
    ///
    /// # Errors
    /// Never, as far as is known; serde asks for it.
    pub fn json(&self) -> Result<Vec<u8>, WireError> {
        serde_json::to_vec(&self.0).map_err(WireError::Json)
    }

    /// Reads a `FeedMessage`.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let message = wire::FeedMessage::decode(bytes)?;
        message.message.map(Self).ok_or(WireError::UnknownKind { what: "a message of the feed" })
    }
}

/// What closed records, as the feed names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// The chunk was closed.
    Chunk(ChunkId),
    /// A reconciliation workbook.
    Reconciliation(ReconciliationId),
    /// Single records, through the API.
    Records,
}

impl std::fmt::Display for ClosedBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chunk(id) => id.fmt(f),
            Self::Reconciliation(id) => id.fmt(f),
            Self::Records => Ok(()),
        }
    }
}

/// What all records of a chunk have in common.
#[derive(Debug)]
pub struct Records {
    id: ChunkId,
    shared: wire::AcceptedRecord,
    places: Places,
    records: Vec<wire::AcceptedRecord>,
    bytes: usize,
}

/// Where a file's columns stand that the feed shows.
#[derive(Debug)]
struct Places {
    record_id: Option<usize>,
    note: Option<usize>,
    category: Option<usize>,
    custom: Vec<(usize, String)>,
}

impl Records {
    /// Records of a chunk, to be put in one by one.
    #[must_use]
    pub fn new(id: ChunkId, hub: Option<&Named>, created: &FileCreated, columns: &[FileColumn]) -> Self {
        let place = |name: &str| columns.iter().position(|column| column.name == name);
        let custom = columns.iter().enumerate().filter(|(_, column)| column.name.starts_with(CUSTOM_PREFIX));
        let places = Places {
            record_id: place("record_id"),
            note: place("record_note"),
            category: place("category_id"),
            custom: custom.map(|(at, column)| (at, column.name.clone())).collect(),
        };
        let shared = wire::AcceptedRecord::shared(id, hub, created);
        Self { id, shared, places, records: Vec::new(), bytes: 0 }
    }

    /// Puts a record in; gives the message that was full before it.
    pub fn put(&mut self, read: &ReadBatch, checked: &CheckedBatch, index: usize) -> Option<Message> {
        let known = checked.records.get(index)?;
        let text = |place: Option<usize>| place.map_or("", |place| read.cell(index, place).text).to_owned();
        let custom = self.places.custom.iter().map(|(at, name)| (name, read.cell(index, *at).text));
        let custom = custom.filter(|(_, value)| !value.is_empty());
        let record = wire::AcceptedRecord {
            id: self.id.file.record(known.row).to_string(),
            row: known.row,
            record_id: text(self.places.record_id),
            note: text(self.places.note),
            category_id: text(self.places.category),
            custom_values: custom.map(|(name, value)| wire::CustomValue::new(name, value)).collect(),
            ..self.shared.clone()
        };
        let record = record.checked(known, checked);
        let bytes = record.encoded_len();
        let full = self.records.len() >= BATCH_RECORDS_MAX || self.bytes + bytes > BATCH_BYTES_MAX;
        let message = if full { self.take() } else { None };
        self.bytes += bytes;
        self.records.push(record);
        message
    }

    /// The records that were put in since the last message.
    pub fn take(&mut self) -> Option<Message> {
        self.bytes = 0;
        let records = std::mem::take(&mut self.records);
        let chunk_id = self.id.to_string();
        (!records.is_empty()).then_some(Message(Wire::Records(wire::AcceptedRecords { chunk_id, records })))
    }
}

/// What the names of a vendor's own columns begin with.
const CUSTOM_PREFIX: &str = "v.";
