//! What a provider says of single records before it answers for their file.

use serde::{Deserialize, Serialize};

use super::Approval;
use crate::fact::RecordMark;
use crate::rows::RowSet;

/// What a provider said of single records of a file that waits for its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Marks {
    /// They are right.
    pub approved: RowSet,
    /// They are wrong: the file isn't accepted with them.
    pub rejected: RowSet,
    /// Nothing any more, after all records had been approved at once.
    pub reopened: RowSet,
}

impl Marks {
    /// Whether nothing was said of any record by itself.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.approved.is_empty() && self.rejected.is_empty() && self.reopened.is_empty()
    }

    /// What was said of a record, where all were approved before or not.
    #[must_use]
    pub fn of(&self, row: u32, all_approved: bool) -> RecordMark {
        if self.rejected.contains(row) {
            return RecordMark::Rejected;
        }
        let approved = self.approved.contains(row) || (all_approved && !self.reopened.contains(row));
        if approved { RecordMark::Approved } else { RecordMark::Open }
    }
}

impl Approval {
    /// What the provider said of a record, by itself or of all at once.
    #[must_use]
    pub fn mark_of(&self, row: u32) -> RecordMark {
        self.marks.of(row, self.records_approved_at.is_some())
    }
}
