//! A chunk, which Connect calls a part usage file (connect-api §3.3).

use ledger::file::{Chunk as Part, UsageFile};
use ledger::{ChunkId, Ledger};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::words::ChunkStatus;
use super::{Event, Failure, FileReference, Reference, given};
use crate::sources::Sources;

/// The part of an accepted usage file that one hub bills.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Chunk {
    /// Its id: that of the file with a number.
    #[schema(example = "UFC-2026-11-0000-0000-001")]
    id: String,
    /// Where it stands.
    #[schema(value_type = ChunkStatus)]
    status: &'static str,
    /// Whether records were closed after its workbook was written.
    #[schema(example = false)]
    outdated: bool,
    /// The file that it is of.
    usagefile: FileReference,
    /// Where it is billed.
    binding: Option<Binding>,
    /// The marketplace of the file.
    marketplace: Reference,
    /// Who bills it.
    provider: Reference,
    /// What the provider noted on it.
    #[schema(example = "hub_batch_17")]
    external_id: Option<String>,
    /// The id that its records were billed under.
    #[schema(example = "17")]
    external_billing_id: Option<String>,
    /// The note that its records were billed with.
    #[schema(example = "Processed by batch 17")]
    external_billing_note: Option<String>,
    /// Why its workbook could not be written.
    error: Option<Failure>,
    /// How many records it has.
    stats: Option<ChunkStats>,
    /// What happened to it.
    events: Option<ChunkEvents>,
}

/// The hub and what it calls the marketplace.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Binding {
    hub: Option<Reference>,
    /// The marketplace's id at the hub.
    #[schema(example = "30")]
    external_id: Option<String>,
}

/// Records of a chunk; what is zero is left out.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct ChunkStats {
    /// All of them.
    #[schema(example = 12)]
    uploaded: Option<u32>,
    /// The same: a chunk holds valid records only.
    #[schema(example = 12)]
    validated: Option<u32>,
    /// The same: a chunk holds accepted records only.
    #[schema(example = 12)]
    accepted: Option<u32>,
    /// Those that were billed.
    #[schema(example = 3)]
    closed: Option<u32>,
}

/// What happened to a chunk.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct ChunkEvents {
    /// The file was accepted.
    created: Option<Event>,
    /// Its workbook was written.
    uploaded: Option<Event>,
    /// It was billed.
    closed: Option<Event>,
}

/// A chunk of a file; nothing where it has no such chunk.
pub(crate) fn shown(ledger: &Ledger, id: ChunkId, file: &UsageFile, sources: &Sources) -> Option<Value> {
    let created = file.approval.created.as_ref()?;
    let chunk = file.current_extraction()?.chunks.get(&id.index)?;
    let with_icon = |of: &ledger::Named| Reference::with_icon(of, &sources.words(&ledger.catalog, &of.id));
    Some(super::value(&Chunk {
        id: id.to_string(),
        status: chunk.status().name(),
        outdated: chunk.is_outdated(),
        usagefile: FileReference::new(id.file, created),
        binding: given(binding(chunk)),
        marketplace: with_icon(&created.marketplace),
        provider: with_icon(&created.provider),
        external_id: given(chunk.external_id.clone()),
        external_billing_id: given(chunk.billing_id.clone()),
        external_billing_note: given(chunk.billing_note.clone()),
        error: chunk.failed.clone().map(|detail| Failure { detail }),
        stats: given(stats(chunk)),
        events: given(events(chunk)),
    }))
}

/// The hub and what it calls the marketplace.
pub(crate) fn binding(chunk: &Part) -> Binding {
    Binding { hub: chunk.hub.as_ref().map(Reference::new), external_id: given(chunk.hub_external_id.clone()) }
}

fn stats(chunk: &Part) -> ChunkStats {
    let records = given(chunk.records);
    ChunkStats { uploaded: records, validated: records, accepted: records, closed: given(chunk.closed) }
}

fn events(chunk: &Part) -> ChunkEvents {
    ChunkEvents {
        created: chunk.opened_at.as_ref().map(Event::new),
        uploaded: chunk.written_at.as_ref().map(Event::new),
        closed: chunk.closed_at.as_ref().map(Event::new),
    }
}
