//! The fold of a file: what each fact changes of it. Total: what is late, or of another upload, changes nothing.

use super::{
    Approval, Checking, CheckingEnd, Chunk, Closing, Decision, Extraction, Marks, Processed, Reading, ReadingEnd,
    Reconciliation, ReconciliationEnd, Shown, Stamp, UsageFile, Verdict,
};
use crate::fact::{ClosedBy, Fact, Part, RecordMark, UploadOpened};
use crate::id::{Hash, ServiceName};
use crate::rows::RowSet;

impl UsageFile {
    /// Takes in what happened. Total: whatever was recorded folds.
    pub fn evolve(&mut self, stamp: Stamp, sequence: u64, fact: &Fact) {
        match fact.emitter() {
            ServiceName::Approval => evolve_approval(&mut self.approval, stamp, fact),
            ServiceName::Ingestion => evolve_reading(&mut self.reading, sequence, fact),
            ServiceName::Validation => evolve_checking(&mut self.checking, stamp, sequence, fact),
            ServiceName::Extraction => evolve_extraction(&mut self.extraction, stamp, sequence, fact),
            ServiceName::Catalog | ServiceName::Gateway => {}
        }
    }
}

fn evolve_approval(part: &mut Approval, stamp: Stamp, fact: &Fact) {
    match fact {
        Fact::FileCreated(created) => {
            part.created = Some(created.clone());
            part.created_at = Some(stamp);
        }
        Fact::FileDescribed(described) => {
            let Some(created) = part.created.as_mut() else { return };
            described.description.clone_into_some(&mut created.description);
            described.note.clone_into_some(&mut created.note);
            described.external_id.clone_into_some(&mut created.external_id);
            created.period = described.period.or(created.period);
            described.time_zone.clone_into_some(&mut created.time_zone);
            created.currency = described.currency.clone().or(created.currency.take());
        }
        Fact::UploadOpened(upload) => {
            open_upload(part, stamp, upload.clone());
        }
        &Fact::ReportOpened { upload, catalog_position } => {
            let (blob, filename) = (Hash::ZERO, String::new());
            open_upload(part, stamp, UploadOpened { upload, blob, bytes: 0, filename, catalog_position });
            part.reported = true;
        }
        &Fact::ReportSealed { upload, catalog_position } => {
            if let Some(open) = part.upload.as_mut().filter(|open| part.reported && open.upload == upload) {
                open.catalog_position = catalog_position;
                part.sealed_at = Some(stamp);
            }
        }
        Fact::FileDeleted => part.deleted_at = Some(stamp),
        Fact::FileSuperseded { by } => part.superseded = Some((*by, stamp)),
        Fact::SubmitRemembered { .. } => part.submit_remembered = Some(stamp),
        Fact::SubmitDropped { reason, .. } => {
            part.submit_remembered = None;
            part.submit_dropped = Some(reason.clone());
        }
        Fact::FileSubmitted { .. } => {
            // A remembered submit is the act of who asked for it, not of the service that carried it out.
            let by = part.submit_remembered.take().map_or(stamp.by, |remembered| remembered.by);
            part.submitted_at = Some(Stamp { at: stamp.at, by });
            part.decision = Some(Decision::Open);
        }
        Fact::RecordsApproved { .. } => {
            part.records_approved_at = Some(stamp);
            part.marks = Marks::default();
        }
        Fact::RecordsMarked { rows, mark, .. } => mark_records(part, rows, *mark),
        Fact::RulingStarted { attempt, .. } => part.ruling_attempt = *attempt,
        Fact::RulesApplied { ruling, .. } => {
            part.ruling = Some(ruling.clone());
            part.asked = Vec::new();
        }
        Fact::RulesAsked { rules, .. } => part.asked.extend(rules.iter().cloned()),
        Fact::FileAccepted { note, .. } => {
            part.decision = Some(Decision::Accepted { note: note.clone() });
            part.decided_at = Some(stamp);
        }
        Fact::FileRejected { note, .. } => {
            part.decision = Some(Decision::Rejected { note: note.clone() });
            part.decided_at = Some(stamp);
        }
        _ => {}
    }
}

/// Another upload takes the place of everything that was said of the one before.
fn open_upload(part: &mut Approval, stamp: Stamp, upload: UploadOpened) {
    *part = Approval {
        upload: Some(upload),
        uploaded_at: Some(stamp),
        created: part.created.take(),
        created_at: part.created_at.take(),
        deleted_at: part.deleted_at.take(),
        superseded: part.superseded.take(),
        ..Approval::default()
    };
}

fn mark_records(part: &mut Approval, rows: &RowSet, mark: RecordMark) {
    let all_approved = part.records_approved_at.is_some();
    let marks = &mut part.marks;
    for known in [&mut marks.approved, &mut marks.rejected, &mut marks.reopened] {
        *known = known.minus(rows);
    }
    match mark {
        RecordMark::Open if all_approved => marks.reopened.absorb(rows),
        RecordMark::Open => {}
        RecordMark::Approved => marks.approved.absorb(rows),
        RecordMark::Rejected => marks.rejected.absorb(rows),
    }
}

trait CloneIntoSome {
    fn clone_into_some(&self, target: &mut String);
}

impl CloneIntoSome for Option<String> {
    fn clone_into_some(&self, target: &mut String) {
        if let Some(text) = self {
            target.clone_from(text);
        }
    }
}

fn evolve_reading(part: &mut Reading, sequence: u64, fact: &Fact) {
    match fact {
        Fact::ReadStarted { upload, attempt } => {
            *part = Reading { upload: *upload, attempt: *attempt, ..Reading::default() };
        }
        Fact::RecordsRead(read) if (read.upload, read.attempt) == (part.upload, part.attempt) => {
            part.records = part.records.saturating_add(read.records);
            let (first_row, last_row) = (read.first_row, read.last_row);
            part.parts.push(Part { sequence, first_row, last_row, records: read.records });
        }
        Fact::ColumnsReported { upload, columns } if *upload == part.upload => {
            part.columns.extend(columns.iter().cloned());
        }
        Fact::FileRead(read) => {
            // Who heard no batches learns here where they rest.
            part.upload = read.upload;
            part.attempt = read.attempt;
            part.records = read.records;
            part.parts.clone_from(&read.parts);
            part.columns = Vec::new();
            part.end = Some(ReadingEnd::Read {
                columns: read.columns.clone(),
                ignored: read.ignored.clone(),
                categories: read.categories.clone(),
            });
        }
        Fact::FileUnreadable { upload, attempt, detail } => {
            let end = Some(ReadingEnd::Unreadable { detail: detail.clone() });
            *part = Reading { upload: *upload, attempt: *attempt, end, ..Reading::default() };
        }
        _ => {}
    }
}

fn evolve_checking(part: &mut Checking, stamp: Stamp, sequence: u64, fact: &Fact) {
    match fact {
        Fact::CheckStarted { upload, attempt, catalog_position } => {
            *part = Checking {
                upload: *upload,
                attempt: *attempt,
                catalog_position: *catalog_position,
                started_at: Some(stamp.at),
                ..Checking::default()
            };
        }
        Fact::RecordsChecked(checked) if (checked.upload, checked.attempt) == (part.upload, part.attempt) => {
            part.valid = part.valid.saturating_add(checked.valid);
            part.invalid = part.invalid.saturating_add(checked.invalid);
            let (first_row, last_row) = (checked.first_row, checked.last_row);
            part.parts.push(Part {
                sequence,
                first_row,
                last_row,
                records: checked.valid.saturating_add(checked.invalid),
            });
        }
        Fact::UsageSummarized { upload, attempt, lines, .. } if (*upload, *attempt) == (part.upload, part.attempt) => {
            part.summary.extend(lines.iter().cloned());
        }
        Fact::DynamicItemsFound { upload, attempt, items, .. }
            if (*upload, *attempt) == (part.upload, part.attempt) =>
        {
            part.dynamic_items.extend(items.iter().cloned());
        }
        Fact::FileChecked(checked) if (checked.upload, checked.attempt) == (part.upload, part.attempt) => {
            part.valid = checked.valid;
            part.invalid = checked.invalid;
            part.parts.clone_from(&checked.parts);
            part.end = Some(CheckingEnd::Checked(Box::new(Verdict {
                totals: checked.totals.clone(),
                exempt_totals: checked.exempt_totals.clone(),
                codes: checked.codes.clone(),
                warnings: checked.warnings.clone(),
                span: checked.span,
            })));
        }
        Fact::CheckFailed { upload, attempt, detail } => {
            let end = Some(CheckingEnd::Failed { detail: detail.clone() });
            *part = Checking { upload: *upload, attempt: *attempt, end, ..Checking::default() };
        }
        Fact::ProcessedStarted { upload, attempt, checkpoint } if *upload == part.upload => {
            part.writing = *attempt;
            part.checkpoint = Shown(*checkpoint);
        }
        Fact::ProcessedWritten { upload, vendor, provider, rejects, .. } if *upload == part.upload => {
            part.processed = Some(Processed { vendor: *vendor, provider: *provider, rejects: *rejects });
        }
        _ => {}
    }
}

fn evolve_extraction(part: &mut Extraction, stamp: Stamp, sequence: u64, fact: &Fact) {
    match fact {
        Fact::ExtractionStarted { upload, attempt } => {
            // A new attempt divides the file anew; nothing was extracted yet, so nothing is lost.
            *part = Extraction { upload: *upload, attempt: *attempt, ..Extraction::default() };
        }
        Fact::FileExtracted { .. } => part.extracted = true,
        Fact::RecordsExempted { upload, reason, rows, records, totals } if *upload == part.upload => {
            let exempt = part.exempt.entry(*reason).or_default();
            exempt.rows.absorb(rows);
            exempt.records = exempt.records.saturating_add(*records);
            exempt.totals.extend(totals.iter().cloned());
            exempt.at = Some(stamp);
            part.closed.absorb(rows);
        }
        Fact::ChunkFailed { chunk: 0, detail } => part.failed = Some(detail.clone()),
        Fact::ChunkOpened { chunk, .. }
        | Fact::ChunkFilled { chunk, .. }
        | Fact::ChunkStarted { chunk, .. }
        | Fact::ChunkWritten { chunk, .. }
        | Fact::ChunkFailed { chunk, .. }
        | Fact::ChunkNamed { chunk, .. }
        | Fact::ChunkRegenerated { chunk }
        | Fact::ChunkClosed { chunk, .. } => evolve_chunk(part.chunks.entry(*chunk).or_default(), stamp, fact),
        Fact::RecordsClosed { by, rows, .. } => {
            let first_row = rows.rows.iter().next().unwrap_or(0);
            let last_row = rows.rows.iter().last().unwrap_or(first_row);
            for (row, billing) in rows.each() {
                if part.closed.insert(row) {
                    part.billed += u32::from(!billing.id.is_empty());
                    let chunk = part.chunks.iter_mut().find(|(_, chunk)| chunk.rows.contains(row));
                    if let Some((&number, chunk)) = chunk {
                        chunk.closed += 1;
                        chunk.shown_closed += u32::from(*by == ClosedBy::Chunk(number));
                    }
                }
            }
            part.closings.push(Closing { sequence, first_row, last_row, by: *by, stamp });
        }
        Fact::ReconciliationReceived { reconciliation, .. }
        | Fact::ReconciliationStarted { reconciliation, .. }
        | Fact::ReconciliationProcessed { reconciliation, .. }
        | Fact::ReconciliationFailed { reconciliation, .. } => {
            evolve_reconciliation(part.reconciliations.entry(*reconciliation).or_default(), stamp, fact);
        }
        Fact::FileClosed { .. } => part.closed_at = Some(stamp),
        _ => {}
    }
}

fn evolve_chunk(chunk: &mut Chunk, stamp: Stamp, fact: &Fact) {
    match fact {
        Fact::ChunkOpened { hub, hub_external_id, totals, records, .. } => {
            chunk.hub.clone_from(hub);
            chunk.hub_external_id.clone_from(hub_external_id);
            chunk.totals.clone_from(totals);
            chunk.records = *records;
            chunk.opened_at = Some(stamp);
        }
        Fact::ChunkFilled { rows, .. } => chunk.rows.absorb(rows),
        Fact::ChunkStarted { attempt, checkpoint, .. } => {
            chunk.attempt = *attempt;
            chunk.checkpoint = Shown(*checkpoint);
            chunk.shown_closed = chunk.closed;
        }
        Fact::ChunkWritten { blob, bytes, .. } => {
            chunk.workbook = Some((*blob, *bytes));
            chunk.failed = None;
            chunk.written_at = Some(stamp);
        }
        Fact::ChunkFailed { detail, .. } => chunk.failed = Some(detail.clone()),
        Fact::ChunkRegenerated { .. } => {
            chunk.workbook = None;
            chunk.failed = None;
            chunk.attempt = 0;
        }
        Fact::ChunkNamed { external_id, .. } => chunk.external_id.clone_from(external_id),
        Fact::ChunkClosed { billing_id, billing_note, .. } => {
            chunk.billing_id.clone_from(billing_id);
            chunk.billing_note.clone_from(billing_note);
            chunk.closed_at = Some(stamp);
        }
        _ => {}
    }
}

fn evolve_reconciliation(part: &mut Reconciliation, stamp: Stamp, fact: &Fact) {
    match fact {
        Fact::ReconciliationReceived { blob, bytes, note, .. } => {
            part.blob = *blob;
            part.bytes = *bytes;
            part.note.clone_from(note);
            part.received_at = Some(stamp);
        }
        Fact::ReconciliationStarted { attempt, checkpoint, .. } => {
            part.attempt = *attempt;
            part.checkpoint = Shown(*checkpoint);
        }
        Fact::ReconciliationProcessed { closed, open, summary, processed, .. } => {
            part.end = Some(ReconciliationEnd::Processed {
                closed: *closed,
                open: *open,
                summary: summary.clone(),
                processed: *processed,
            });
        }
        Fact::ReconciliationFailed { detail, .. } => {
            part.end = Some(ReconciliationEnd::Failed { detail: detail.clone() });
        }
        _ => {}
    }
}
