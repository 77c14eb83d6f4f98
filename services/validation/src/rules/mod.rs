//! Every rule on every record: subscription, item, quantity with amount and tier, times, in the order of seed 003
//! (Processing Stages), and then what holds for cells of any column.
//!
//! A rule never fails for a row: it adds a [`ledger::record::RecordError`] with the published sentence and what would
//! be right. A later stage is still checked for whatever doesn't hang on the one that failed, so that a vendor sees
//! everything that is wrong with a row at once. Whether a record id is unique is decided elsewhere, because it depends
//! on other rows and files ([`crate::record_ids`]); only its sentences are made here.

mod cells;
mod checker;
mod columns;
mod dynamic;
mod lookup;
mod measures;
mod parties;
mod sentences;
mod summary;
mod tiers;
mod times;

pub(crate) use checker::widened;
pub use checker::{Against, Checker, NO_KEY};
pub use sentences::{Rows, late, overlap, repeated, taken};
pub use summary::{Summarized, Summary};
pub use tiers::{MissingTiers, Tiers};

#[cfg(test)]
pub(crate) mod tests;
