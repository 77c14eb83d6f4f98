//! A chunk, which Connect calls a part usage file (connect-api §3.3).

use ledger::file::{Chunk, UsageFile};
use ledger::{ChunkId, Ledger};
use serde_json::{Value, json};

use super::{Object, file_reference, named, named_with_icon, stamp};
use crate::sources::Sources;

/// A chunk of a file; nothing where it has no such chunk.
pub(crate) fn shown(ledger: &Ledger, id: ChunkId, file: &UsageFile, sources: &Sources) -> Option<Value> {
    let created = file.approval.created.as_ref()?;
    let chunk = file.current_extraction()?.chunks.get(&id.index)?;
    let with_icon = |of: &ledger::Named| named_with_icon(of, &sources.words(&ledger.catalog, &of.id));
    let mut object = Object::default();
    object
        .put("id", id.to_string())
        .put("status", chunk.status().name())
        .put("outdated", false)
        .put("usagefile", file_reference(id.file, created))
        .put("binding", binding(chunk))
        .put("marketplace", with_icon(&created.marketplace))
        .put("provider", with_icon(&created.provider))
        .put("external_id", chunk.external_id.as_str())
        .put("external_billing_id", chunk.billing_id.as_str())
        .put("external_billing_note", chunk.billing_note.as_str())
        .put_some("error", chunk.failed.as_ref().map(|detail| json!({ "detail": detail })))
        .put("stats", stats(chunk))
        .put("events", events(chunk));
    Some(object.done())
}

/// The hub and what it calls the marketplace.
pub(crate) fn binding(chunk: &Chunk) -> Value {
    let mut object = Object::default();
    object.put_some("hub", chunk.hub.as_ref().map(named));
    object.put("external_id", chunk.hub_external_id.as_str()).done()
}

fn stats(chunk: &Chunk) -> Value {
    let mut object = Object::default();
    object.count("uploaded", chunk.records).count("validated", chunk.records).count("accepted", chunk.records);
    object.count("closed", chunk.closed).done()
}

fn events(chunk: &Chunk) -> Value {
    let mut object = Object::default();
    object.put_some("created", chunk.opened_at.as_ref().map(stamp));
    object.put_some("uploaded", chunk.written_at.as_ref().map(stamp));
    object.put_some("closed", chunk.closed_at.as_ref().map(stamp)).done()
}
