//! Catalog: who trades with whom in what. It reads catalog files, records what changed, gives each contract its
//! partition, and takes in the items that accepted files brought.

mod decide;
mod dynamic;
mod edit;
pub mod json;
mod session;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::BTreeSet;

use ledger::{Command, Context, FileId, Ledger, Rejection, ServiceName};
use runtime::decider::{Decider, Facts, Next, Stale, Tools};

/// The catalog's decider.
#[derive(Clone, Copy, Debug)]
pub struct CatalogService {
    /// Partitions that new contracts are spread over.
    pub partitions: u16,
    /// Whether webhooks may lead to private addresses and to this machine.
    pub webhooks_to_private: bool,
}

/// What the catalog tells itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// An accepted file brought items that the catalog lacks.
    RecordItems {
        /// Which file.
        file: FileId,
    },
}

/// The catalog has no long work.
#[derive(Clone, Copy, Debug)]
pub enum NoJob {}

impl Decider for CatalogService {
    const SERVICE: ServiceName = ServiceName::Catalog;
    const HEARS: &'static [ServiceName] = &[ServiceName::Approval, ServiceName::Validation, ServiceName::Extraction];
    type Own = Own;
    type Job = NoJob;

    fn decide(&self, ledger: &Ledger, command: &Command, context: &Context) -> Result<Facts, Rejection> {
        decide::decide(ledger, command, context, self)
    }

    fn conclude(&self, ledger: &Ledger, own: Own, _context: &Context) -> Result<Facts, Stale> {
        match own {
            Own::RecordItems { file } => Ok(dynamic::record(dynamic::missing(ledger, file))),
        }
    }

    fn next(&self, ledger: &Ledger, file: FileId, _running: &BTreeSet<FileId>) -> Next<Own> {
        let lacking = !dynamic::missing(ledger, file).is_empty();
        if lacking { Next::Conclude(Own::RecordItems { file }) } else { Next::Nothing }
    }

    fn job(&self, _ledger: &Ledger, _file: FileId) -> Option<NoJob> {
        None
    }

    fn perform(&self, job: NoJob, _tools: &Tools<Own>) {
        match job {}
    }
}
