//! What usage rules would have decided about what was submitted before.

use ledger::Moment;
use ledger::fact::Total;
use serde::Serialize;
use utoipa::ToSchema;

use super::FileReference;
use super::totals::{ControlTotal, list};
use super::words::{FileStatus, Instant, RuleAction};

/// What a set of usage rules comes to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Simulation {
    /// How many files were tried.
    #[schema(example = 12)]
    pub(crate) submissions: usize,
    /// Those that the rules would accept.
    pub(crate) accepted: Share,
    /// Those that they would reject.
    pub(crate) rejected: Share,
    /// Those that they would leave to a person.
    pub(crate) left: Share,
    /// Each file, in the order of submission.
    pub(crate) files: Vec<Tried>,
    /// Where it ended, if not with the last file.
    pub(crate) stopped: Option<Stopped>,
}

/// Files of one outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Share {
    /// How many.
    #[schema(example = 3)]
    files: usize,
    /// Their valid records.
    #[schema(example = 1200)]
    records: u64,
    /// What of them is billed, per currency and tier.
    totals: Vec<ControlTotal>,
}

/// What rules come to about one file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tried {
    /// The file.
    pub(crate) file: FileReference,
    /// When it was submitted.
    #[schema(value_type = Instant)]
    pub(crate) submitted: String,
    /// Where it stands now.
    #[schema(value_type = FileStatus)]
    pub(crate) status: &'static str,
    /// What the rules would do with it.
    #[schema(value_type = RuleAction)]
    pub(crate) outcome: &'static str,
    /// The rule that decides: its id, or its number in the set that was given, from 1. None where several do, or none.
    #[schema(example = "UGR-000-000-001")]
    pub(crate) rule: Option<String>,
    /// Why.
    #[schema(example = "Usage rule UGR-000-000-001 accepts files that match lt(totals.amount,10000).")]
    pub(crate) reason: String,
}

/// Where a simulation ended before the last file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stopped {
    /// When the first file was submitted that was not tried: the next simulation may begin there.
    #[schema(value_type = Instant)]
    at: String,
    /// Why.
    #[schema(example = "A simulation tries at most 1000 files. Begin the next one here.")]
    reason: String,
}

impl Share {
    /// Files of one outcome, with all their totals in one list.
    pub(crate) fn new(files: usize, records: u64, totals: &[Total]) -> Self {
        Self { files, records, totals: list(totals) }
    }
}

impl Stopped {
    /// A limit was reached.
    pub(crate) fn new(at: Moment, reason: String) -> Self {
        Self { at: at.iso(), reason }
    }
}
