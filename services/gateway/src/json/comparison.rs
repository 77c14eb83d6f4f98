//! What changed in a usage file against the period before.

use ledger::fact::Period;
use ledger::{Decimal, FileId};
use serde::Serialize;
use utoipa::ToSchema;

use super::Exact;
use super::record::{Asset, Item};
use super::words::{Change, Instant};

/// A usage file beside those of the period before.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Comparison {
    /// What it is compared with; none where nothing was accepted before it.
    pub(crate) before: Option<Before>,
    /// How many subscriptions and items came, went, grew, shrank and stayed as they were.
    pub(crate) counts: Counts,
    /// What changed, the outliers first; 1,000 at most.
    pub(crate) lines: Vec<Line>,
}

/// The accepted files of the period before, of the same contract and product.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Before {
    /// Where their usage begins.
    #[schema(value_type = Instant)]
    from: String,
    /// Where it ends.
    #[schema(value_type = Instant)]
    to: String,
    /// Their ids.
    #[schema(example = json!(["UF-2026-10-0000-0000"]))]
    files: Vec<String>,
}

impl Before {
    pub(crate) fn new(span: Period, files: &[FileId]) -> Self {
        let files = files.iter().map(ToString::to_string).collect();
        Self { from: span.from.iso(), to: span.to.iso(), files }
    }
}

/// How many subscriptions and items did what.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// Weren't there before.
    #[schema(example = 3)]
    pub(crate) new: u64,
    /// Are not there any more.
    #[schema(example = 1)]
    pub(crate) gone: u64,
    /// Used more.
    #[schema(example = 12)]
    pub(crate) more: u64,
    /// Used less.
    #[schema(example = 7)]
    pub(crate) less: u64,
    /// Used the same.
    #[schema(example = 40)]
    pub(crate) same: u64,
}

/// What changed of an item in a subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Line {
    /// The subscription.
    pub(crate) asset: Asset,
    /// The item.
    pub(crate) item: Item,
    /// What became of it.
    #[schema(value_type = Change)]
    pub(crate) change: &'static str,
    /// What was used in the period before.
    pub(crate) before: Used,
    /// What the file says now.
    pub(crate) now: Used,
    /// How much of a thousand of before it is now; none where there was nothing before.
    #[schema(example = 1250)]
    pub(crate) permille: Option<i64>,
}

/// What was used.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Used {
    /// In how many records.
    #[schema(example = 31)]
    records: u64,
    /// How much.
    quantity: Exact,
    /// At which price, where records have amounts.
    amount: Option<Exact>,
}

impl Used {
    pub(crate) fn new(records: u64, quantity: Decimal, amount: Option<Decimal>) -> Self {
        Self { records, quantity: Exact(quantity), amount: amount.map(Exact) }
    }
}
