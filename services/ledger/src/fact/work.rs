//! Which facts begin a service's long work, which end it, and which workbooks it made: for whoever does it again.

use super::{Fact, SignedRoot};
use crate::id::Hash;

/// Long work of a service about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// Reading a workbook.
    Read,
    /// Checking what was read.
    Check,
    /// Writing the processed workbooks.
    WriteProcessed,
    /// Asking usage rules about records.
    Rule,
    /// Dividing an accepted file into chunks.
    Divide,
    /// Writing the workbook of a chunk.
    WriteChunk,
    /// Reading a reconciliation workbook.
    Reconcile,
}

impl Work {
    /// What makes workbooks.
    pub const WRITING: [Self; 3] = [Self::WriteProcessed, Self::WriteChunk, Self::Reconcile];
}

impl Fact {
    /// The work that begins with this.
    #[must_use]
    pub fn begins(&self) -> Option<Work> {
        match self {
            Self::ReadStarted { .. } => Some(Work::Read),
            Self::CheckStarted { .. } => Some(Work::Check),
            Self::ProcessedStarted { .. } => Some(Work::WriteProcessed),
            Self::RulingStarted { .. } => Some(Work::Rule),
            Self::ExtractionStarted { .. } => Some(Work::Divide),
            Self::ChunkStarted { .. } => Some(Work::WriteChunk),
            Self::ReconciliationStarted { .. } => Some(Work::Reconcile),
            _ => None,
        }
    }

    /// Where a fact that orders a workbook names the checkpoint which that shows (design §9).
    pub fn checkpoint_mut(&mut self) -> Option<&mut Option<SignedRoot>> {
        match self {
            Self::ProcessedStarted { checkpoint, .. }
            | Self::ChunkStarted { checkpoint, .. }
            | Self::ReconciliationStarted { checkpoint, .. } => Some(checkpoint),
            _ => None,
        }
    }

    /// Whether work that began before ends with this, for good or ill.
    #[must_use]
    pub fn ends(&self, work: Work) -> bool {
        match work {
            Work::Read => matches!(self, Self::FileRead(_) | Self::FileUnreadable { .. }),
            Work::Check => matches!(self, Self::FileChecked(_) | Self::CheckFailed { .. }),
            Work::WriteProcessed => matches!(self, Self::ProcessedWritten { .. } | Self::CheckFailed { .. }),
            Work::Rule => matches!(self, Self::RulesApplied { .. }),
            Work::Divide => matches!(self, Self::FileExtracted { .. } | Self::ChunkFailed { chunk: 0, .. }),
            Work::WriteChunk => matches!(self, Self::ChunkWritten { .. } | Self::ChunkFailed { chunk: 1.., .. }),
            Work::Reconcile => {
                matches!(self, Self::ReconciliationProcessed { .. } | Self::ReconciliationFailed { .. })
            }
        }
    }

    /// Workbooks that were made, by their SHA-256. What was sent to the ledger is none of them.
    #[must_use]
    pub fn workbooks(&self) -> Vec<Hash> {
        match self {
            Self::ProcessedWritten { vendor, provider, rejects, .. } => {
                [Some(*vendor), *provider, *rejects].into_iter().flatten().collect()
            }
            Self::ChunkWritten { blob, .. } => vec![*blob],
            Self::ReconciliationProcessed { processed, .. } => processed.iter().copied().collect(),
            _ => Vec::new(),
        }
    }
}
