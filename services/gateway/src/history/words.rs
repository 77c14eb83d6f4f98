//! What happened, in plain words, and whose business it is.

use ledger::Fact;
use ledger::fact::{ClosedBy, RecordMark};

/// Whose business a fact is, among those who see the file as it stood then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Everybody's.
    Both,
    /// The vendor's: how its report was read and checked.
    Vendor,
    /// The provider's: how it bills.
    Provider,
    /// That of whoever asked for it.
    Asker,
}

/// A fact as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The fact's name.
    pub(super) fact: &'static str,
    pub(super) side: Side,
    pub(super) action: String,
    /// The note, rule or error behind it.
    pub(super) why: Option<String>,
    pub(super) error_code: Option<String>,
}

impl Told {
    fn because(self, why: &str) -> Self {
        Self { why: Some(why.to_owned()).filter(|why| !why.is_empty()), ..self }
    }
}

fn told(fact: &'static str, side: Side, action: impl Into<String>) -> Told {
    Told { fact, side, action: action.into(), why: None, error_code: None }
}

fn refused(fact: &'static str, action: &str, reason: &str, count: u32) -> Told {
    let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let refused = told(fact, Side::Asker, format!("was refused: {action}, {times}"));
    Told { error_code: Some(reason.to_owned()), ..refused }
}

/// A fact about a file; none for what is about nothing that anybody looks for in a history.
pub(super) fn of(fact: &Fact) -> Option<Told> {
    of_approval(fact).or_else(|| of_jobs(fact)).or_else(|| of_extraction(fact))
}

fn of_approval(fact: &Fact) -> Option<Told> {
    use Side::{Both, Vendor};
    Some(match fact {
        Fact::FileCreated(_) => told("FileCreated", Both, "created the file"),
        Fact::FileDescribed(_) => told("FileDescribed", Vendor, "changed what is said of the file"),
        Fact::UploadOpened(upload) => {
            let (number, blob) = (upload.upload, upload.blob);
            told("UploadOpened", Vendor, format!("uploaded workbook {number}, {blob}")).because(&upload.filename)
        }
        Fact::FileDeleted => told("FileDeleted", Both, "deleted the file"),
        Fact::SubmitRemembered { .. } => {
            told("SubmitRemembered", Vendor, "asked for the file to be submitted once it is checked")
        }
        Fact::SubmitDropped { reason, .. } => {
            told("SubmitDropped", Vendor, "dropped the submit that waited").because(reason)
        }
        Fact::FileSubmitted { .. } => told("FileSubmitted", Both, "submitted the file"),
        Fact::FileAccepted { note, .. } => told("FileAccepted", Both, "accepted the file").because(note),
        Fact::FileRejected { note, .. } => told("FileRejected", Both, "rejected the file").because(note),
        Fact::CommandRefused { action, reason, count } => refused("CommandRefused", action, reason, *count),
        Fact::RecordsApproved { .. } => told("RecordsApproved", Both, "approved all records"),
        Fact::RecordsMarked { rows, mark, .. } => {
            let word = match mark {
                RecordMark::Open => "open",
                RecordMark::Approved => "approved",
                RecordMark::Rejected => "rejected",
            };
            told("RecordsMarked", Both, format!("marked {} records as {word}", rows.len()))
        }
        Fact::ReportOpened { .. } => told("ReportOpened", Vendor, "opened the file for reported records"),
        Fact::ReportSealed { .. } => told("ReportSealed", Vendor, "sealed the file: no more records come"),
        Fact::RulingStarted { .. } => told("RulingStarted", Side::Provider, "asked the usage rules about the records"),
        Fact::RulesApplied { ruling, .. } => {
            told("RulesApplied", Both, format!("{} decided: {}", ruling.name(), ruling.action.name()))
                .because(&ruling.reason)
        }
        Fact::RulesAsked { rules, .. } => {
            told("RulesAsked", Side::Provider, format!("{} usage rules are asked", rules.len()))
        }
        Fact::FileSuperseded { by } => {
            told("FileSuperseded", Both, format!("closed the estimate, which {by} followed"))
        }
        _ => return None,
    })
}

fn of_jobs(fact: &Fact) -> Option<Told> {
    use Side::Vendor;
    Some(match fact {
        Fact::ReadStarted { attempt, .. } => {
            told("ReadStarted", Vendor, format!("began to read it, attempt {attempt}"))
        }
        Fact::ColumnsReported { columns, .. } => {
            told("ColumnsReported", Vendor, format!("took in {} more columns", columns.len()))
        }
        Fact::FileRead(read) => {
            told("FileRead", Vendor, format!("read {} records in {} batches", read.records, read.parts.len()))
        }
        Fact::FileUnreadable { detail, .. } => {
            let failed = told("FileUnreadable", Vendor, "could not read the workbook").because(detail);
            Told { error_code: Some(ledger::Code::Unreadable.to_string()), ..failed }
        }
        Fact::CheckStarted { attempt, catalog_position, .. } => {
            let action = format!("began to check it against catalog-0:{catalog_position}, attempt {attempt}");
            told("CheckStarted", Vendor, action)
        }
        Fact::UsageSummarized { lines, .. } => {
            told("UsageSummarized", Vendor, format!("summed usage up in {} lines", lines.len()))
        }
        Fact::DynamicItemsFound { items, .. } => {
            told("DynamicItemsFound", Vendor, format!("found {} items that are new", items.len()))
        }
        Fact::FileChecked(checked) => {
            let codes: Vec<_> = checked.codes.iter().map(|(code, count)| format!("{code} x{count}")).collect();
            let action = format!("checked it: {} records valid, {} invalid", checked.valid, checked.invalid);
            told("FileChecked", Vendor, action).because(&codes.join(", "))
        }
        Fact::CheckFailed { detail, .. } => told("CheckFailed", Vendor, "could not check it").because(detail),
        Fact::ProcessedStarted { .. } => told("ProcessedStarted", Vendor, "began to write the processed workbooks"),
        Fact::ProcessedWritten { vendor, .. } => {
            told("ProcessedWritten", Vendor, format!("wrote the processed workbooks, {vendor}"))
        }
        _ => return None,
    })
}

fn of_extraction(fact: &Fact) -> Option<Told> {
    use Side::{Both, Provider};
    Some(match fact {
        Fact::BillingRefused { action, reason, count } => refused("BillingRefused", action, reason, *count),
        Fact::ExtractionStarted { .. } => told("ExtractionStarted", Provider, "began to divide it into chunks"),
        Fact::ChunkOpened { chunk, hub, records, .. } => {
            let hub = hub.as_ref().map_or("no hub".to_owned(), |hub| format!("{} ({})", hub.id, hub.name));
            told("ChunkOpened", Provider, format!("opened chunk {chunk} of {records} records for {hub}"))
        }
        Fact::ChunkFilled { chunk, rows, .. } => {
            told("ChunkFilled", Provider, format!("put {} records into chunk {chunk}", rows.len()))
        }
        Fact::FileExtracted { chunks, records, .. } => {
            told("FileExtracted", Both, format!("divided {records} records into {chunks} chunks"))
        }
        Fact::RecordsExempted { reason, records, .. } => {
            told("RecordsExempted", Both, format!("exempted {records} records: {}", reason.name()))
        }
        Fact::ChunkStarted { chunk, .. } => told("ChunkStarted", Provider, format!("began to write chunk {chunk}")),
        Fact::ChunkWritten { chunk, blob, .. } => {
            told("ChunkWritten", Provider, format!("wrote the workbook of chunk {chunk}, {blob}"))
        }
        Fact::ChunkFailed { chunk, detail } => {
            told("ChunkFailed", Provider, format!("could not write chunk {chunk}")).because(detail)
        }
        Fact::ChunkRegenerated { chunk } => {
            told("ChunkRegenerated", Provider, format!("asked for the workbook of chunk {chunk} again"))
        }
        Fact::ChunkNamed { chunk, external_id } => {
            told("ChunkNamed", Provider, format!("noted on chunk {chunk}: {external_id}"))
        }
        Fact::RecordsClosed { by, records, .. } => {
            let by = match by {
                ClosedBy::Chunk(_) => "with their chunk",
                ClosedBy::Reconciliation(_) => "by a reconciliation",
                ClosedBy::Records => "one by one",
                ClosedBy::File => "with the file",
            };
            told("RecordsClosed", Both, format!("closed {records} records {by}"))
        }
        Fact::ChunkClosed { chunk, billing_id, billing_note } => {
            let why = [billing_id.as_str(), billing_note.as_str()].join(" ");
            told("ChunkClosed", Provider, format!("closed chunk {chunk}")).because(why.trim())
        }
        Fact::ReconciliationReceived { blob, note, .. } => {
            told("ReconciliationReceived", Provider, format!("uploaded a reconciliation, {blob}")).because(note)
        }
        Fact::ReconciliationStarted { .. } => {
            told("ReconciliationStarted", Provider, "began to read the reconciliation")
        }
        Fact::ReconciliationProcessed { closed, open, summary, .. } => {
            let action = format!("read the reconciliation: it closed {closed} records, {open} are open");
            told("ReconciliationProcessed", Provider, action).because(summary)
        }
        Fact::ReconciliationFailed { detail, .. } => {
            told("ReconciliationFailed", Provider, "could not use the reconciliation").because(detail)
        }
        Fact::FileClosed { records, .. } => told("FileClosed", Both, format!("closed the file of {records} records")),
        _ => return None,
    })
}
