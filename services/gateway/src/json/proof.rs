//! Keys, checkpoints and proofs (docs/audit.md).

use serde::Serialize;
use utoipa::ToSchema;

/// The keys of the logs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    /// Each log's, in the order in which they were recorded.
    pub(crate) keys: Vec<LogKey>,
}

/// A key of a log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogKey {
    /// The log.
    #[schema(example = "ingestion-0")]
    pub(crate) host: String,
    /// The key as programs for signed notes read it (c2sp.org/signed-note).
    #[schema(
        example = "usage-ledger/4c1f0e9d2b7a6358/ingestion-0/epoch-1+8f3f9a52+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"
    )]
    pub(crate) key: String,
}

/// Checkpoints.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckpointList {
    /// One of each log that has any.
    pub(crate) checkpoints: Vec<SignedCheckpoint>,
}

/// How far a log went when it was signed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignedCheckpoint {
    /// The log.
    #[schema(example = "ingestion-0")]
    pub(crate) host: String,
    /// How many events it had.
    #[schema(example = 1024)]
    pub(crate) size: u64,
    /// The root of the tree over them.
    #[schema(example = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
    pub(crate) root: String,
    /// Both, signed (c2sp.org/tlog-checkpoint).
    #[schema(
        example = "usage-ledger/4c1f0e9d2b7a6358/ingestion-0/epoch-1\n1024\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n— …\n"
    )]
    pub(crate) note: String,
}

/// That a record is in the file as it was read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordProof {
    /// Always the same; a proof of another form has another name.
    #[schema(example = "usage-ledger/record/1")]
    pub(crate) format: &'static str,
    /// What is proven.
    pub(crate) record: ProvenRecord,
    /// Its place in its batch.
    pub(crate) batch: Place,
    /// The batch's place in the file.
    pub(crate) file: Place,
    /// The event that names the root of all records of the file.
    pub(crate) event: ProvenEvent,
    /// The event's place in its log.
    pub(crate) log: Place,
    /// How far the log went when it was signed.
    #[schema(
        example = "usage-ledger/4c1f0e9d2b7a6358/ingestion-0/epoch-1\n1024\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n— …\n"
    )]
    pub(crate) checkpoint: String,
}

/// A record as its sheet has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvenRecord {
    /// Its id: that of the file with the row.
    #[schema(example = "UR-2026-11-0000-0000-0000-0002")]
    pub(crate) id: String,
    /// The row.
    #[schema(example = 2)]
    pub(crate) row: u32,
    /// What keeps others from guessing it by its hash; no other record has the same.
    #[schema(example = "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef")]
    pub(crate) salt: String,
    /// Its cells, without the blank ones.
    pub(crate) cells: Vec<ProvenCell>,
}

/// A cell as it was read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvenCell {
    /// The number of its column among those of the file, from 0.
    #[schema(example = 4)]
    pub(crate) column: usize,
    /// The name of its column.
    #[schema(example = "quantity")]
    pub(crate) name: String,
    /// What it held: 0 text, 1 a number, 2 a date, 3 a truth value, 4 an error, 5 a formula without a value, 6 text that
    /// was cut.
    #[schema(example = 1)]
    pub(crate) kind: u8,
    /// Its text.
    #[schema(example = "12.5")]
    pub(crate) text: String,
}

/// A place in a tree, and the hashes from there to its root.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Place {
    /// From 0.
    #[schema(example = 17)]
    pub(crate) index: u64,
    /// How many leaves the tree has.
    #[schema(example = 1024)]
    pub(crate) size: u64,
    /// The hashes beside the way up (RFC 9162, 2.1.3).
    #[schema(example = json!(["5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"]))]
    pub(crate) path: Vec<String>,
}

/// An event as it rests in its log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvenEvent {
    /// The log.
    #[schema(example = "ingestion-0")]
    pub(crate) host: String,
    /// The bytes of its header (docs/log.md).
    #[schema(example = "02000001000000070000000000000014ab7fe2c0d1")]
    pub(crate) header: String,
    /// Its bytes (proto/usage/v1/event.proto).
    #[schema(example = "0a1041a257e92a4f6b3fdda63b6dea81f087")]
    pub(crate) payload: String,
}

/// That a log begins with what was signed before.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsistencyProof {
    /// Always the same; a proof of another form has another name.
    #[schema(example = "usage-ledger/consistency/1")]
    pub(crate) format: &'static str,
    /// The log.
    #[schema(example = "ingestion-0")]
    pub(crate) host: String,
    /// How many events it had before.
    #[schema(example = 1024)]
    pub(crate) from: u64,
    /// How many it had at the checkpoint.
    #[schema(example = 2048)]
    pub(crate) to: u64,
    /// The hashes that lead from the one root to the other (RFC 9162, 2.1.4).
    #[schema(example = json!(["5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"]))]
    pub(crate) path: Vec<String>,
    /// The checkpoint.
    #[schema(
        example = "usage-ledger/4c1f0e9d2b7a6358/ingestion-0/epoch-1\n2048\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n— …\n"
    )]
    pub(crate) checkpoint: String,
}

/// What was billed of a closed file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statement {
    /// The text, signed (c2sp.org/signed-note).
    #[schema(example = "usage-ledger statement/1\nfile UF-2026-11-0000-0000\n…\n\n— …\n")]
    pub(crate) statement: String,
}
