//! What extraction says of an accepted file: chunks, reconciliations and closings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Shown, Stamp};
use crate::catalog::Named;
use crate::fact::{ClosedBy, ExemptReason, Total};
use crate::id::Hash;
use crate::rows::RowSet;

/// The part of an accepted file that one hub extracts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Chunk {
    /// The hub; none for subscriptions without one.
    pub hub: Option<Named>,
    /// What the hub calls the marketplace.
    pub hub_external_id: String,
    /// Its rows.
    pub rows: RowSet,
    /// How many records it was opened with.
    pub records: u32,
    /// Control totals.
    pub totals: Vec<Total>,
    /// Attempts at writing its workbook.
    pub attempt: u32,
    /// The checkpoint that its workbook shows.
    pub checkpoint: Shown,
    /// Its workbook.
    pub workbook: Option<(Hash, u64)>,
    /// Why there is none.
    pub failed: Option<String>,
    /// The provider's id for it.
    pub external_id: String,
    /// How many of its records are closed.
    pub closed: u32,
    /// How many of them its workbook was begun with, or were closed with the chunk as a whole: others are not in it.
    pub shown_closed: u32,
    /// When it was closed.
    pub closed_at: Option<Stamp>,
    /// The provider's billing id.
    pub billing_id: String,
    /// The provider's billing note.
    pub billing_note: String,
    /// When it was opened.
    pub opened_at: Option<Stamp>,
    /// When its workbook was written.
    pub written_at: Option<Stamp>,
}

/// Where a chunk stands (connect-api §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChunkStatus {
    /// Its workbook is being written.
    Draft,
    /// It can be downloaded.
    Ready,
    /// It is billed.
    Closed,
    /// Its workbook can't be written.
    Failed,
}

impl ChunkStatus {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Ready => "ready",
            Self::Closed => "closed",
            Self::Failed => "failed",
        }
    }
}

impl Chunk {
    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> ChunkStatus {
        if self.closed_at.is_some() {
            ChunkStatus::Closed
        } else if self.workbook.is_some() {
            ChunkStatus::Ready
        } else if self.failed.is_some() {
            ChunkStatus::Failed
        } else {
            ChunkStatus::Draft
        }
    }

    /// Whether records were closed one by one since its workbook was begun (connect-api §1.3).
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.workbook.is_some() && self.closed > self.shown_closed
    }
}

/// A reconciliation workbook of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reconciliation {
    /// The workbook as uploaded.
    pub blob: Hash,
    /// Its size.
    pub bytes: u64,
    /// The provider's note.
    pub note: String,
    /// Attempts at reading it.
    pub attempt: u32,
    /// The checkpoint that its processed workbook shows.
    pub checkpoint: Shown,
    /// When it was received.
    pub received_at: Option<Stamp>,
    /// How it ended.
    pub end: Option<ReconciliationEnd>,
}

/// How a reconciliation ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReconciliationEnd {
    /// It was applied.
    Processed {
        /// Records that it closed.
        closed: u32,
        /// Records that were still open after it.
        open: u32,
        /// What it did.
        summary: String,
        /// The processed workbook.
        processed: Option<Hash>,
    },
    /// It can't be used.
    Failed {
        /// What is wrong and what to do.
        detail: String,
    },
}

impl Reconciliation {
    /// The name of where it stands (connect-api §1.4).
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (&self.end, self.attempt) {
            (Some(ReconciliationEnd::Processed { .. }), _) => "processed",
            (Some(ReconciliationEnd::Failed { .. }), _) => "failed",
            (None, 0) => "uploaded",
            (None, _) => "processing",
        }
    }
}

/// A closing of records: where its rows and billings rest in extraction's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Closing {
    /// Sequence in extraction's chain.
    pub sequence: u64,
    /// First row.
    pub first_row: u32,
    /// Last row.
    pub last_row: u32,
    /// What closed them.
    pub by: ClosedBy,
    /// When and by whom.
    pub stamp: Stamp,
}

/// Valid records that are never billed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Exempt {
    /// Their rows.
    pub rows: RowSet,
    /// How many.
    pub records: u32,
    /// Control totals.
    pub totals: Vec<Total>,
    /// When they were exempted.
    pub at: Option<Stamp>,
}

/// What extraction says of an accepted file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Extraction {
    /// The accepted upload; 0 for none.
    pub upload: u32,
    /// Attempts at dividing it.
    pub attempt: u32,
    /// Chunks by number.
    pub chunks: BTreeMap<u16, Chunk>,
    /// Records that are in no chunk, by reason. They are closed.
    pub exempt: BTreeMap<ExemptReason, Exempt>,
    /// Whether every record is in a chunk.
    pub extracted: bool,
    /// Why the file could not be divided.
    pub failed: Option<String>,
    /// Closed rows.
    pub closed: RowSet,
    /// Closed rows that have a billing id: the API's `billed`.
    pub billed: u32,
    /// Where their billings rest.
    pub closings: Vec<Closing>,
    /// Reconciliations by number.
    pub reconciliations: BTreeMap<u16, Reconciliation>,
    /// When the file was closed.
    pub closed_at: Option<Stamp>,
}

impl Extraction {
    /// Records that are billed, closed or not.
    #[must_use]
    pub fn billable(&self) -> u32 {
        self.chunks.values().fold(0, |sum, chunk| sum.saturating_add(chunk.records))
    }

    /// Records that wait to be closed. What is exempt never waits.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.chunks.values().fold(0, |sum, chunk| sum.saturating_add(chunk.records.saturating_sub(chunk.closed)))
    }
}
