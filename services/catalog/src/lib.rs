//! Catalog: who trades with whom in what. It reads catalog files, records what changed, and gives each contract its
//! partition.

mod decide;
pub mod json;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ledger::{Command, Context, FileId, Ledger, Rejection, ServiceName};
use runtime::decider::{Decider, Facts, Next, Stale, Tools};

/// The catalog's decider.
#[derive(Clone, Copy, Debug)]
pub struct CatalogService {
    /// Partitions that new contracts are spread over.
    pub partitions: u16,
}

/// The catalog tells itself nothing.
#[derive(Clone, Copy, Debug)]
pub enum Nothing {}

impl Decider for CatalogService {
    const SERVICE: ServiceName = ServiceName::Catalog;
    const HEARS: &'static [ServiceName] = &[];
    type Own = Nothing;
    type Job = Nothing;

    fn decide(&self, ledger: &Ledger, command: &Command, context: &Context) -> Result<Facts, Rejection> {
        decide::decide(ledger, command, context, self.partitions)
    }

    fn conclude(&self, _ledger: &Ledger, own: Nothing, _context: &Context) -> Result<Facts, Stale> {
        match own {}
    }

    fn next(&self, _ledger: &Ledger, _file: FileId, _running: &BTreeSet<FileId>) -> Next<Nothing> {
        Next::Nothing
    }

    fn job(&self, _ledger: &Ledger, _file: FileId) -> Option<Nothing> {
        None
    }

    fn perform(&self, job: Nothing, _tools: &Tools<Nothing>) {
        match job {}
    }
}
