//! A reconciliation (connect-api §3.4).

use ledger::file::{Reconciliation as Received, ReconciliationEnd, UsageFile};
use ledger::{Ledger, ReconciliationId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::chunk::{self, Binding};
use super::words::ReconciliationStatus;
use super::{Event, Failure, FileReference, Reference, given};
use crate::sources::Sources;

/// A workbook that says how records were billed, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reconciliation {
    /// Where it is billed, where the file has one chunk only.
    binding: Option<Binding>,
    /// Its id: that of the file with a number.
    #[schema(example = "RCF-2026-11-0000-0000-001")]
    id: String,
    /// How far it has come.
    #[schema(value_type = ReconciliationStatus)]
    status: &'static str,
    /// The file that it is about.
    usagefile: FileReference,
    /// The chunk that it is about.
    partusagefile: ReconciledChunk,
    /// What was noted.
    notes: Option<Notes>,
    /// Why it failed.
    error: Option<Failure>,
    /// What happened to it.
    events: Option<ReconciliationEvents>,
}

/// The chunk that a reconciliation is about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReconciledChunk {
    /// Its id, where the file has one chunk only.
    #[schema(example = "UFC-2026-11-0000-0000-001")]
    id: Option<String>,
    /// Who bills it.
    provider: Reference,
}

/// What was noted of a reconciliation.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Notes {
    /// By who sent it.
    #[schema(example = "Invoices of November")]
    uploaded: Option<String>,
    /// By the ledger, once it was read.
    #[schema(example = "12 records were closed.")]
    processing: Option<String>,
}

/// What happened to a reconciliation.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct ReconciliationEvents {
    /// It came.
    created: Option<Event>,
    /// The same: it comes with its workbook.
    uploaded: Option<Event>,
}

/// A reconciliation of a file; nothing where it has no such one.
pub(crate) fn shown(ledger: &Ledger, id: ReconciliationId, file: &UsageFile, sources: &Sources) -> Option<Value> {
    let created = file.approval.created.as_ref()?;
    let extraction = file.current_extraction()?;
    let reconciliation = extraction.reconciliations.get(&id.index)?;
    // Ours are about a whole file; where that has one chunk only, it is about that one as well.
    let only = extraction.chunks.first_key_value().filter(|_| extraction.chunks.len() == 1);
    let received = reconciliation.received_at.as_ref().map(Event::new);
    Some(super::value(&Reconciliation {
        binding: only.and_then(|(_, chunk)| given(chunk::binding(chunk))),
        id: id.to_string(),
        status: reconciliation.status(),
        usagefile: FileReference::new(id.file, created),
        partusagefile: ReconciledChunk {
            id: only.map(|(index, _)| id.file.chunk(*index).to_string()),
            provider: Reference::with_icon(&created.provider, &sources.words(&ledger.catalog, &created.provider.id)),
        },
        notes: given(notes(reconciliation)),
        error: match &reconciliation.end {
            Some(ReconciliationEnd::Failed { detail }) => Some(Failure { detail: detail.clone() }),
            Some(ReconciliationEnd::Processed { .. }) | None => None,
        },
        events: given(ReconciliationEvents { created: received.clone(), uploaded: received }),
    }))
}

fn notes(reconciliation: &Received) -> Notes {
    let processing = match &reconciliation.end {
        Some(ReconciliationEnd::Processed { summary, .. }) => given(summary.clone()),
        Some(ReconciliationEnd::Failed { .. }) | None => None,
    };
    Notes { uploaded: given(reconciliation.note.clone()), processing }
}
