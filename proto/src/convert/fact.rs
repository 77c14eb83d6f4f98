//! Which fact is which on the wire. Both directions are exhaustive: a fact can't be added to one side alone.

use ledger::fact::{DynamicItem, Fact, FileColumn, SummaryLine, Total};
use ledger::rows::RowSet;
use ledger::{Hash, Partition, ServiceName};

use super::approval as ap;
use super::event::{service, service_number};
use super::extraction as ex;
use super::rule;
use super::signed;
use super::validation::totals;
use super::value::{each, file_id, hash, narrow};
use crate::error::WireError;
use crate::wire as w;
use crate::wire::event::Fact as Wire;

#[rustfmt::skip] // One line a fact: a table, and within the length of a function only as one.
pub(super) fn fact_to_wire(fact: &Fact) -> Wire {
    match fact {
        Fact::ObjectRecorded(it) => Wire::ObjectRecorded(it.as_ref().into()),
        Fact::ContractPlaced { partition } => Wire::ContractPlaced(w::ContractPlaced { partition: partition.0.into() }),
        Fact::WebhookRecorded(it) => Wire::WebhookRecorded(it.as_ref().into()),
        Fact::WebhookDeleted => Wire::WebhookDeleted(w::WebhookDeleted {}),
        Fact::SessionOpened(it) => Wire::SessionOpened(it.as_ref().into()),
        Fact::SessionEnded => Wire::SessionEnded(w::SessionEnded {}),
        Fact::FileCreated(it) => Wire::FileCreated(it.as_ref().into()),
        Fact::FileDescribed(it) => Wire::FileDescribed(it.as_ref().into()),
        Fact::UploadOpened(it) => Wire::UploadOpened(it.into()),
        Fact::FileDeleted => Wire::FileDeleted(w::FileDeleted {}),
        &Fact::SubmitRemembered { upload } => Wire::SubmitRemembered(w::SubmitRemembered { upload }),
        &Fact::SubmitDropped { upload, ref reason } => Wire::SubmitDropped(dropped(upload, reason)),
        &Fact::FileSubmitted { upload } => Wire::FileSubmitted(w::FileSubmitted { upload }),
        Fact::FileAccepted { upload, note } => ap::accepted(*upload, note),
        Fact::FileRejected { upload, note } => ap::rejected(*upload, note),
        Fact::CommandRefused { action, reason, count } => ap::refused(action, reason, *count),
        &Fact::RecordsApproved { upload } => Wire::RecordsApproved(w::RecordsApproved { upload }),
        Fact::RecordsMarked { upload, rows, mark } => Wire::RecordsMarked(ap::records_marked_to_wire(*upload, rows, *mark)),
        &Fact::ReportOpened { upload, catalog_position } => ap::report_opened(upload, catalog_position),
        &Fact::ReportSealed { upload, catalog_position } => ap::report_sealed(upload, catalog_position),
        &Fact::RulingStarted { upload, attempt } => Wire::RulingStarted(w::RulingStarted { upload, attempt }),
        Fact::RulesApplied { upload, ruling } => Wire::RulesApplied(rule::applied_to_wire(*upload, ruling)),
        Fact::RulesAsked { upload, rules } => Wire::RulesAsked(rule::asked_to_wire(*upload, rules)),
        Fact::RuleRecorded(it) => rule::recorded_to_wire(it),
        Fact::RuleDeleted => Wire::RuleDeleted(w::RuleDeleted {}),
        Fact::FileSuperseded { by } => Wire::FileSuperseded(w::FileSuperseded { by: by.to_string() }),
        &Fact::ReadStarted { upload, attempt } => Wire::ReadStarted(w::ReadStarted { upload, attempt }),
        Fact::RecordsRead(it) => Wire::RecordsRead(it.as_ref().into()),
        Fact::RecordsRooted(it) => Wire::RecordsRooted(it.as_ref().into()),
        Fact::ColumnsReported { upload, columns } => columns_reported(*upload, columns),
        Fact::FileRead(it) => Wire::FileRead(it.as_ref().into()),
        &Fact::FileUnreadable { upload, attempt, ref detail } => unreadable(upload, attempt, detail),
        &Fact::CheckStarted { upload, attempt, catalog_position: at } => check_started(upload, attempt, at),
        Fact::RecordsChecked(it) => Wire::RecordsChecked(it.as_ref().into()),
        &Fact::UsageSummarized { upload, attempt, part, ref lines } => summarized(upload, attempt, part, lines),
        &Fact::DynamicItemsFound { upload, attempt, part, ref items } => items_found(upload, attempt, part, items),
        Fact::FileChecked(it) => Wire::FileChecked(it.as_ref().into()),
        &Fact::CheckFailed { upload, attempt, ref detail } => check_failed(upload, attempt, detail),
        &Fact::ProcessedStarted { upload, attempt, checkpoint } => signed::processed(upload, attempt, checkpoint),
        &Fact::ProcessedWritten { upload, vendor, provider, rejects, writer } =>
            Wire::ProcessedWritten(written(upload, [Some(vendor), provider, rejects], writer)),
        Fact::BillingRefused { action, reason, count } => ex::refused(action, reason, *count),
        &Fact::ExtractionStarted { upload, attempt } => ex::extraction_started(upload, attempt),
        Fact::ChunkOpened { upload, chunk, hub, hub_external_id, totals, records } => Wire::ChunkOpened(
            ex::chunk_opened_to_wire((*upload, *chunk, *records), hub.as_ref(), hub_external_id, totals)),
        Fact::ChunkFilled { upload, chunk, rows } => Wire::ChunkFilled(filled(*upload, *chunk, rows)),
        &Fact::FileExtracted { upload, chunks, records } => extracted(upload, chunks.into(), records),
        Fact::RecordsExempted { upload, reason, rows, records, totals } =>
            Wire::RecordsExempted(ex::records_exempted_to_wire((*upload, *records), *reason, rows, totals)),
        &Fact::ChunkStarted { chunk, attempt, checkpoint } => signed::chunk(chunk, attempt, checkpoint),
        &Fact::ChunkWritten { chunk, blob, bytes } => ex::chunk_written(chunk, blob, bytes),
        Fact::ChunkFailed { chunk, detail } => ex::chunk_failed(*chunk, detail),
        Fact::ChunkNamed { chunk, external_id } => ex::chunk_named(*chunk, external_id),
        Fact::RecordsClosed { by, rows, records } => Wire::RecordsClosed(ex::records_closed_to_wire(*by, rows, *records)),
        &Fact::ChunkRegenerated { chunk } => Wire::ChunkRegenerated(w::ChunkRegenerated { chunk: chunk.into() }),
        Fact::ChunkClosed { chunk, billing_id: id, billing_note: note } => ex::chunk_closed_to_wire(*chunk, id, note),
        Fact::ReconciliationReceived { reconciliation: at, blob, bytes, note } => received(*at, *blob, *bytes, note),
        &Fact::ReconciliationStarted { reconciliation: at, attempt, checkpoint } => signed::reconciled(at, attempt, checkpoint),
        &Fact::ReconciliationProcessed { reconciliation, closed, open, ref summary, processed } =>
            Wire::ReconciliationProcessed(reconciled((reconciliation, closed, open), summary, processed)),
        Fact::ReconciliationFailed { reconciliation, detail } => unreconciled((*reconciliation).into(), detail),
        &Fact::FileClosed { upload, records, totals: ref sums } => file_closed(upload, records, sums),
        Fact::StatementSigned { note } => Wire::StatementSigned(w::StatementSigned { note: note.clone() }),
        Fact::WriterChanged { service, writer } => writer_changed(*service, writer),
        Fact::SigningKeyRecorded(it) => Wire::SigningKeyRecorded(it.as_ref().into()),
        Fact::CheckpointSigned(it) => Wire::CheckpointSigned(it.as_ref().into()),
    }
}

fn summarized(upload: u32, attempt: u32, part: u32, lines: &[SummaryLine]) -> Wire {
    let lines = lines.iter().map(w::SummaryLine::from).collect();
    Wire::UsageSummarized(w::UsageSummarized { upload, attempt, part, lines })
}

fn items_found(upload: u32, attempt: u32, part: u32, items: &[DynamicItem]) -> Wire {
    Wire::DynamicItemsFound(w::DynamicItemsFound { upload, attempt, part, items: dynamic_items(items) })
}

fn received(reconciliation: u16, blob: Hash, bytes: u64, note: &str) -> Wire {
    Wire::ReconciliationReceived(ex::reconciliation_received_to_wire(reconciliation, blob, bytes, note))
}

fn chunk_written(it: &w::ChunkWritten) -> Result<Fact, WireError> {
    let (chunk, blob) = (narrow(it.chunk, "chunk")?, hash(&it.blob, "blob")?);
    Ok(Fact::ChunkWritten { chunk, blob, bytes: it.size_bytes })
}

fn unreadable(upload: u32, attempt: u32, detail: &str) -> Wire {
    Wire::FileUnreadable(w::FileUnreadable { upload, attempt, detail: detail.to_owned() })
}

fn columns_reported(upload: u32, columns: &[FileColumn]) -> Wire {
    Wire::ColumnsReported(w::ColumnsReported { upload, columns: columns.iter().map(w::FileColumn::from).collect() })
}

fn check_started(upload: u32, attempt: u32, catalog_position: u64) -> Wire {
    Wire::CheckStarted(w::CheckStarted { upload, attempt, catalog_position })
}

fn check_failed(upload: u32, attempt: u32, detail: &str) -> Wire {
    Wire::CheckFailed(w::CheckFailed { upload, attempt, detail: detail.to_owned() })
}

fn dropped(upload: u32, reason: &str) -> w::SubmitDropped {
    w::SubmitDropped { upload, reason: reason.to_owned() }
}

fn dynamic_items(items: &[DynamicItem]) -> Vec<w::DynamicItem> {
    items.iter().map(w::DynamicItem::from).collect()
}

fn written(upload: u32, [vendor, provider, rejects]: [Option<Hash>; 3], writer: u32) -> w::ProcessedWritten {
    let vendor = hash_bytes(vendor).unwrap_or_default();
    w::ProcessedWritten { upload, vendor, provider: hash_bytes(provider), rejects: hash_bytes(rejects), writer }
}

fn filled(upload: u32, chunk: u16, rows: &RowSet) -> w::ChunkFilled {
    w::ChunkFilled { upload, chunk: chunk.into(), rows: Some(rows.into()) }
}

fn reconciled(
    (reconciliation, closed, open): (u16, u32, u32),
    summary: &str,
    processed: Option<Hash>,
) -> w::ReconciliationProcessed {
    let (reconciliation, summary, processed) = (reconciliation.into(), summary.to_owned(), hash_bytes(processed));
    w::ReconciliationProcessed { reconciliation, closed, open, summary, processed }
}

fn extracted(upload: u32, chunks: u32, records: u32) -> Wire {
    Wire::FileExtracted(w::FileExtracted { upload, chunks, records })
}

fn unreconciled(reconciliation: u32, detail: &str) -> Wire {
    Wire::ReconciliationFailed(w::ReconciliationFailed { reconciliation, detail: detail.to_owned() })
}

fn writer_changed(service: ServiceName, writer: &str) -> Wire {
    Wire::WriterChanged(w::WriterChanged { service: service_number(service), writer: writer.to_owned() })
}

fn file_closed(upload: u32, records: u32, sums: &[Total]) -> Wire {
    Wire::FileClosed(w::FileClosed { upload, records, totals: totals(sums) })
}

fn processed(it: w::ProcessedWritten) -> Result<Fact, WireError> {
    let (upload, writer, vendor) = (it.upload, it.writer, hash(&it.vendor, "vendor")?);
    let provider = it.provider.map(|it| hash(&it, "provider")).transpose()?;
    let rejects = it.rejects.map(|it| hash(&it, "rejects")).transpose()?;
    Ok(Fact::ProcessedWritten { upload, vendor, provider, rejects, writer })
}

fn divided(it: &w::FileExtracted) -> Result<Fact, WireError> {
    let (upload, records) = (it.upload, it.records);
    Ok(Fact::FileExtracted { upload, chunks: narrow(it.chunks, "chunks")?, records })
}

fn checking(it: w::CheckStarted) -> Fact {
    Fact::CheckStarted { upload: it.upload, attempt: it.attempt, catalog_position: it.catalog_position }
}

fn hash_bytes(hash: Option<Hash>) -> Option<Vec<u8>> {
    hash.map(|hash| hash.0.to_vec())
}

#[rustfmt::skip] // One line a fact, as above.
pub(super) fn fact(fact: Wire) -> Result<Fact, WireError> {
    Ok(match fact {
        Wire::ObjectRecorded(it) => Fact::ObjectRecorded(Box::new(it.try_into()?)),
        Wire::ContractPlaced(it) => Fact::ContractPlaced { partition: Partition(narrow(it.partition, "partition")?) },
        Wire::WebhookRecorded(it) => Fact::WebhookRecorded(Box::new(it.try_into()?)),
        Wire::WebhookDeleted(w::WebhookDeleted {}) => Fact::WebhookDeleted,
        Wire::SessionOpened(it) => Fact::SessionOpened(Box::new(it.try_into()?)),
        Wire::SessionEnded(w::SessionEnded {}) => Fact::SessionEnded,
        Wire::FileCreated(it) => Fact::FileCreated(Box::new(it.try_into()?)),
        Wire::FileDescribed(it) => Fact::FileDescribed(Box::new(it.into())),
        Wire::UploadOpened(it) => Fact::UploadOpened(it.try_into()?),
        Wire::FileDeleted(w::FileDeleted {}) => Fact::FileDeleted,
        Wire::SubmitRemembered(it) => Fact::SubmitRemembered { upload: it.upload },
        Wire::SubmitDropped(it) => Fact::SubmitDropped { upload: it.upload, reason: it.reason },
        Wire::FileSubmitted(it) => Fact::FileSubmitted { upload: it.upload },
        Wire::FileAccepted(it) => Fact::FileAccepted { upload: it.upload, note: it.note },
        Wire::FileRejected(it) => Fact::FileRejected { upload: it.upload, note: it.note },
        Wire::CommandRefused(it) => Fact::CommandRefused { action: it.action, reason: it.reason, count: it.count },
        Wire::RecordsApproved(it) => Fact::RecordsApproved { upload: it.upload },
        Wire::RecordsMarked(it) => ap::records_marked(it)?,
        Wire::ReportOpened(it) => Fact::ReportOpened { upload: it.upload, catalog_position: it.catalog_position },
        Wire::ReportSealed(it) => Fact::ReportSealed { upload: it.upload, catalog_position: it.catalog_position },
        Wire::RulingStarted(it) => Fact::RulingStarted { upload: it.upload, attempt: it.attempt },
        Wire::RulesApplied(it) => rule::applied(it)?,
        Wire::RulesAsked(it) => rule::asked(it)?,
        Wire::RuleRecorded(it) => Fact::RuleRecorded(Box::new(it.try_into()?)),
        Wire::ConditionalRuleRecorded(it) => rule::conditional(it)?,
        Wire::RuleDeleted(w::RuleDeleted {}) => Fact::RuleDeleted,
        Wire::FileSuperseded(it) => Fact::FileSuperseded { by: file_id(&it.by, "by")? },
        Wire::ReadStarted(it) => Fact::ReadStarted { upload: it.upload, attempt: it.attempt },
        Wire::RecordsRead(it) => Fact::RecordsRead(Box::new(it.try_into()?)),
        Wire::RecordsRooted(it) => Fact::RecordsRooted(Box::new(it.try_into()?)),
        Wire::ColumnsReported(it) => Fact::ColumnsReported { upload: it.upload, columns: each(it.columns)? },
        Wire::FileRead(it) => Fact::FileRead(Box::new(it.try_into()?)),
        Wire::FileUnreadable(it) => Fact::FileUnreadable { upload: it.upload, attempt: it.attempt, detail: it.detail },
        Wire::CheckStarted(it) => checking(it),
        Wire::RecordsChecked(it) => Fact::RecordsChecked(Box::new(it.try_into()?)),
        Wire::UsageSummarized(it) =>
            Fact::UsageSummarized { upload: it.upload, attempt: it.attempt, part: it.part, lines: each(it.lines)? },
        Wire::DynamicItemsFound(it) =>
            Fact::DynamicItemsFound { upload: it.upload, attempt: it.attempt, part: it.part, items: each(it.items)? },
        Wire::FileChecked(it) => Fact::FileChecked(Box::new(it.try_into()?)),
        Wire::CheckFailed(it) => Fact::CheckFailed { upload: it.upload, attempt: it.attempt, detail: it.detail },
        Wire::ProcessedStarted(it) => signed::processed_started(it)?,
        Wire::ProcessedWritten(it) => processed(it)?,
        Wire::BillingRefused(it) => Fact::BillingRefused { action: it.action, reason: it.reason, count: it.count },
        Wire::ExtractionStarted(it) => Fact::ExtractionStarted { upload: it.upload, attempt: it.attempt },
        Wire::ChunkOpened(it) => ex::chunk_opened(it)?,
        Wire::ChunkFilled(it) => ex::chunk_filled(it)?,
        Wire::FileExtracted(it) => divided(&it)?,
        Wire::ChunkStarted(it) => signed::chunk_started(it)?,
        Wire::RecordsExempted(it) => ex::records_exempted(it)?,
        Wire::ChunkWritten(it) => chunk_written(&it)?,
        Wire::ChunkFailed(it) => Fact::ChunkFailed { chunk: narrow(it.chunk, "chunk")?, detail: it.detail },
        Wire::ChunkNamed(it) => Fact::ChunkNamed { chunk: narrow(it.chunk, "chunk")?, external_id: it.external_id },
        Wire::RecordsClosed(it) => ex::records_closed(it)?,
        Wire::ChunkRegenerated(it) => Fact::ChunkRegenerated { chunk: narrow(it.chunk, "chunk")? },
        Wire::ChunkClosed(it) => ex::chunk_closed(it)?,
        Wire::ReconciliationReceived(it) => ex::reconciliation_received(it)?,
        Wire::ReconciliationStarted(it) => signed::reconciliation_started(it)?,
        Wire::ReconciliationProcessed(it) => ex::reconciliation_processed(it)?,
        Wire::ReconciliationFailed(it) => Fact::ReconciliationFailed {
            reconciliation: narrow(it.reconciliation, "reconciliation")?, detail: it.detail },
        Wire::FileClosed(it) => Fact::FileClosed { upload: it.upload, records: it.records, totals: each(it.totals)? },
        Wire::StatementSigned(it) => Fact::StatementSigned { note: it.note },
        Wire::WriterChanged(it) => Fact::WriterChanged { service: service(it.service)?, writer: it.writer },
        Wire::SigningKeyRecorded(it) => Fact::SigningKeyRecorded(Box::new(it.try_into()?)),
        Wire::CheckpointSigned(it) => Fact::CheckpointSigned(Box::new(it.try_into()?)),
    })
}
