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
