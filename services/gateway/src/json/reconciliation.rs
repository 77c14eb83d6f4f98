//! A reconciliation (connect-api §3.4).

use ledger::file::{Reconciliation, ReconciliationEnd, UsageFile};
use ledger::{Ledger, ReconciliationId};
use serde_json::{Value, json};

use super::{Object, file_reference, named_with_icon, stamp};
use crate::sources::Sources;

/// A reconciliation of a file; nothing where it has no such one.
pub(crate) fn shown(ledger: &Ledger, id: ReconciliationId, file: &UsageFile, sources: &Sources) -> Option<Value> {
    let created = file.approval.created.as_ref()?;
    let extraction = file.current_extraction()?;
    let reconciliation = extraction.reconciliations.get(&id.index)?;
    let mut part = Object::default();
    let mut object = Object::default();
    // Ours are about a whole file; where that has one chunk only, it is about that one as well.
    if let (1, Some((index, chunk))) = (extraction.chunks.len(), extraction.chunks.first_key_value()) {
        part.put("id", id.file.chunk(*index).to_string());
        object.put("binding", super::chunk::binding(chunk));
    }
    part.put("provider", named_with_icon(&created.provider, &sources.words(&ledger.catalog, &created.provider.id)));
    object
        .put("id", id.to_string())
        .put("status", reconciliation.status())
        .put("usagefile", file_reference(id.file, created))
        .put("partusagefile", part.done())
        .put("notes", notes(reconciliation));
    if let Some(ReconciliationEnd::Failed { detail }) = &reconciliation.end {
        object.put("error", json!({ "detail": detail }));
    }
    let received = reconciliation.received_at.as_ref().map(stamp);
    let mut events = Object::default();
    object.put("events", events.put_some("created", received.clone()).put_some("uploaded", received).done());
    Some(object.done())
}

fn notes(reconciliation: &Reconciliation) -> Value {
    let mut object = Object::default();
    object.put("uploaded", reconciliation.note.as_str());
    if let Some(ReconciliationEnd::Processed { summary, .. }) = &reconciliation.end {
        object.put("processing", summary.as_str());
    }
    object.done()
}
