//! The facts of extraction that are more than a few numbers.

use ledger::Hash;
use ledger::catalog::Named;
use ledger::fact::{ClosedBy, ExemptReason, Fact, Total};
use ledger::record::ClosedRows;
use ledger::rows::RowSet;

use super::rows::row_set;
use super::value::{each, hash, narrow, optional_named, required};
use crate::error::WireError;
use crate::wire;
use crate::wire::event::Fact as Wire;
use crate::wire::records_closed::By;

pub(super) fn refused(action: &str, reason: &str, count: u32) -> Wire {
    Wire::BillingRefused(wire::BillingRefused { action: action.to_owned(), reason: reason.to_owned(), count })
}

pub(super) fn extraction_started(upload: u32, attempt: u32) -> Wire {
    Wire::ExtractionStarted(wire::ExtractionStarted { upload, attempt })
}

pub(super) fn chunk_opened_to_wire(
    (upload, chunk, records): (u32, u16, u32),
    hub: Option<&Named>,
    hub_external_id: &str,
    totals: &[Total],
) -> wire::ChunkOpened {
    wire::ChunkOpened {
        upload,
        chunk: chunk.into(),
        hub: hub.map(wire::Named::from),
        hub_external_id: hub_external_id.to_owned(),
        totals: super::validation::totals(totals),
        records,
    }
}

pub(super) fn chunk_opened(it: wire::ChunkOpened) -> Result<Fact, WireError> {
    Ok(Fact::ChunkOpened {
        upload: it.upload,
        chunk: narrow(it.chunk, "chunk")?,
        hub: optional_named(it.hub)?,
        hub_external_id: it.hub_external_id,
        totals: each(it.totals)?,
        records: it.records,
    })
}

pub(super) fn chunk_filled(it: wire::ChunkFilled) -> Result<Fact, WireError> {
    Ok(Fact::ChunkFilled { upload: it.upload, chunk: narrow(it.chunk, "chunk")?, rows: row_set(it.rows)? })
}

pub(super) fn records_exempted_to_wire(
    (upload, records): (u32, u32),
    reason: ExemptReason,
    rows: &RowSet,
    totals: &[Total],
) -> wire::RecordsExempted {
    let reason = match reason {
        ExemptReason::Reservation => wire::ExemptReason::Reservation,
        ExemptReason::Estimate => wire::ExemptReason::Estimate,
    };
    let totals = super::validation::totals(totals);
    wire::RecordsExempted { upload, reason: reason.into(), rows: Some(rows.into()), records, totals }
}

pub(super) fn records_exempted(it: wire::RecordsExempted) -> Result<Fact, WireError> {
    let reason = match wire::ExemptReason::try_from(it.reason) {
        Ok(wire::ExemptReason::Reservation) => ExemptReason::Reservation,
        Ok(wire::ExemptReason::Estimate) => ExemptReason::Estimate,
        Ok(wire::ExemptReason::Unspecified) | Err(_) => {
            return Err(WireError::UnknownValue { field: "reason", number: it.reason.into() });
        }
    };
    let (rows, totals) = (row_set(it.rows)?, each(it.totals)?);
    Ok(Fact::RecordsExempted { upload: it.upload, reason, rows, records: it.records, totals })
}

pub(super) fn records_closed_to_wire(by: ClosedBy, rows: &ClosedRows, records: u32) -> wire::RecordsClosed {
    let by = match by {
        ClosedBy::Chunk(chunk) => By::Chunk(chunk.into()),
        ClosedBy::Reconciliation(reconciliation) => By::Reconciliation(reconciliation.into()),
        ClosedBy::Records => By::Single(wire::ClosedByRecords {}),
        ClosedBy::File => By::File(wire::ClosedByFile {}),
    };
    wire::RecordsClosed { by: Some(by), rows: Some(rows.into()), records }
}

pub(super) fn records_closed(it: wire::RecordsClosed) -> Result<Fact, WireError> {
    let by = match required(it.by, "by")? {
        By::Chunk(chunk) => ClosedBy::Chunk(narrow(chunk, "chunk")?),
        By::Reconciliation(reconciliation) => ClosedBy::Reconciliation(narrow(reconciliation, "reconciliation")?),
        By::Single(wire::ClosedByRecords {}) => ClosedBy::Records,
        By::File(wire::ClosedByFile {}) => ClosedBy::File,
    };
    Ok(Fact::RecordsClosed { by, rows: Box::new(required(it.rows, "rows")?.try_into()?), records: it.records })
}

pub(super) fn chunk_written(chunk: u16, blob: Hash, size_bytes: u64) -> Wire {
    Wire::ChunkWritten(wire::ChunkWritten { chunk: chunk.into(), blob: blob.0.to_vec(), size_bytes })
}

pub(super) fn chunk_named(chunk: u16, external_id: &str) -> Wire {
    Wire::ChunkNamed(wire::ChunkNamed { chunk: chunk.into(), external_id: external_id.to_owned() })
}

pub(super) fn chunk_failed(chunk: u16, detail: &str) -> Wire {
    Wire::ChunkFailed(wire::ChunkFailed { chunk: chunk.into(), detail: detail.to_owned() })
}

pub(super) fn chunk_closed_to_wire(chunk: u16, billing_id: &str, billing_note: &str) -> Wire {
    let (billing_id, billing_note) = (billing_id.to_owned(), billing_note.to_owned());
    Wire::ChunkClosed(wire::ChunkClosed { chunk: chunk.into(), billing_id, billing_note })
}

pub(super) fn chunk_closed(it: wire::ChunkClosed) -> Result<Fact, WireError> {
    let wire::ChunkClosed { chunk, billing_id, billing_note } = it;
    Ok(Fact::ChunkClosed { chunk: narrow(chunk, "chunk")?, billing_id, billing_note })
}

pub(super) fn reconciliation_received_to_wire(
    reconciliation: u16,
    blob: Hash,
    size_bytes: u64,
    note: &str,
) -> wire::ReconciliationReceived {
    let (blob, note) = (blob.0.to_vec(), note.to_owned());
    wire::ReconciliationReceived { reconciliation: reconciliation.into(), blob, size_bytes, note }
}

pub(super) fn reconciliation_received(it: wire::ReconciliationReceived) -> Result<Fact, WireError> {
    Ok(Fact::ReconciliationReceived {
        reconciliation: narrow(it.reconciliation, "reconciliation")?,
        blob: hash(&it.blob, "blob")?,
        bytes: it.size_bytes,
        note: it.note,
    })
}

pub(super) fn reconciliation_processed(it: wire::ReconciliationProcessed) -> Result<Fact, WireError> {
    Ok(Fact::ReconciliationProcessed {
        reconciliation: narrow(it.reconciliation, "reconciliation")?,
        closed: it.closed,
        open: it.open,
        summary: it.summary,
        processed: it.processed.map(|processed| hash(&processed, "processed")).transpose()?,
    })
}
