//! One fully populated value of every fact, every kind of catalog object, every batch, every command and every refusal:
//! what the golden files freeze, and what other crates' tests send about.
//!
//! A sample never changes: `proto/golden/v1` holds its bytes. What a new field means is shown by a new sample.

mod asks;
mod batches;
mod facts;
mod objects;
mod replies;
mod reports;

pub use asks::{asks, command_name};
pub use batches::{checked_batch, checked_batch_warnings, read_batch};
pub use replies::{rejection_name, replies};
pub use reports::{report_replies, reports};

use ledger::catalog::{CatalogObject, Named};
use ledger::fact::Fact;
use ledger::{Actor, Event, EventId, FileId, Hash, Moment, ObjectId, ServiceName, Subject};

/// Every sample event under the name of its golden file: the name of its fact, with the kind of object where the fact
/// carries one.
#[must_use]
pub fn events() -> Vec<(String, Event)> {
    let samples = objects::all().into_iter().chain(facts::all());
    samples.zip(0_u8..).map(|(fact, number)| (golden_name(&fact), event(fact, number))).collect()
}

/// The name of a fact in `event.proto`.
///
/// Exhaustive, so that a fact can't be added without coming here; a test then asks for its sample.
#[must_use]
pub fn fact_name(fact: &Fact) -> &'static str {
    match fact {
        Fact::ObjectRecorded(_) => "object_recorded",
        Fact::ContractPlaced { .. } => "contract_placed",
        Fact::WebhookRecorded(_) => "webhook_recorded",
        Fact::WebhookDeleted => "webhook_deleted",
        Fact::SessionOpened(_) => "session_opened",
        Fact::SessionEnded => "session_ended",
        Fact::FileCreated(_) => "file_created",
        Fact::FileDescribed(_) => "file_described",
        Fact::UploadOpened(_) => "upload_opened",
        Fact::FileDeleted => "file_deleted",
        Fact::SubmitRemembered { .. } => "submit_remembered",
        Fact::SubmitDropped { .. } => "submit_dropped",
        Fact::FileSubmitted { .. } => "file_submitted",
        Fact::FileAccepted { .. } => "file_accepted",
        Fact::FileRejected { .. } => "file_rejected",
        Fact::CommandRefused { .. } => "command_refused",
        Fact::RecordsApproved { .. } => "records_approved",
        Fact::RuleRecorded(it) if it.is_plain() => "rule_recorded",
        Fact::RuleRecorded(_) => "conditional_rule_recorded",
        Fact::RuleDeleted => "rule_deleted",
        Fact::FileSuperseded { .. } => "file_superseded",
        Fact::ReadStarted { .. } => "read_started",
        Fact::RecordsRead(_) => "records_read",
        Fact::ColumnsReported { .. } => "columns_reported",
        Fact::FileRead(_) => "file_read",
        Fact::FileUnreadable { .. } => "file_unreadable",
        Fact::CheckStarted { .. } => "check_started",
        Fact::RecordsChecked(_) => "records_checked",
        Fact::UsageSummarized { .. } => "usage_summarized",
        Fact::DynamicItemsFound { .. } => "dynamic_items_found",
        Fact::FileChecked(_) => "file_checked",
        Fact::CheckFailed { .. } => "check_failed",
        Fact::ProcessedStarted { .. } => "processed_started",
        Fact::ProcessedWritten { .. } => "processed_written",
        Fact::BillingRefused { .. } => "billing_refused",
        Fact::ExtractionStarted { .. } => "extraction_started",
        Fact::ChunkOpened { .. } => "chunk_opened",
        Fact::ChunkFilled { .. } => "chunk_filled",
        Fact::FileExtracted { .. } => "file_extracted",
        Fact::RecordsExempted { .. } => "records_exempted",
        Fact::ChunkStarted { .. } => "chunk_started",
        Fact::ChunkWritten { .. } => "chunk_written",
        Fact::ChunkFailed { .. } => "chunk_failed",
        Fact::ChunkNamed { .. } => "chunk_named",
        Fact::RecordsClosed { .. } => "records_closed",
        Fact::ChunkClosed { .. } => "chunk_closed",
        Fact::ReconciliationReceived { .. } => "reconciliation_received",
        Fact::ReconciliationStarted { .. } => "reconciliation_started",
        Fact::ReconciliationProcessed { .. } => "reconciliation_processed",
        Fact::ReconciliationFailed { .. } => "reconciliation_failed",
        Fact::FileClosed { .. } => "file_closed",
        Fact::RecordsMarked { .. } => "records_marked",
        Fact::ReportOpened { .. } => "report_opened",
        Fact::ReportSealed { .. } => "report_sealed",
        Fact::RulingStarted { .. } => "ruling_started",
        Fact::RulesApplied { .. } => "rules_applied",
        Fact::RulesAsked { .. } => "rules_asked",
        Fact::ChunkRegenerated { .. } => "chunk_regenerated",
        Fact::WriterChanged { .. } => "writer_changed",
        Fact::SigningKeyRecorded(_) => "signing_key_recorded",
        Fact::CheckpointSigned(_) => "checkpoint_signed",
        Fact::RecordsRooted(_) => "records_rooted",
        Fact::StatementSigned { .. } => "statement_signed",
    }
}

fn golden_name(fact: &Fact) -> String {
    match fact {
        // A second sample of what has grown since the first was frozen.
        Fact::ObjectRecorded(object) if matches!(object.as_ref(), CatalogObject::Key(it) if it.scopes.0.is_some()) => {
            "object_recorded_key_scoped".to_owned()
        }
        Fact::ObjectRecorded(object) => format!("{}_{}", fact_name(fact), objects::kind_name(object)),
        Fact::FileCreated(it) if it.predictive => "file_created_estimate".to_owned(),
        Fact::FileCreated(it) if it.reported => "file_created_reported".to_owned(),
        Fact::FileDescribed(it) if it.time_zone.is_some() => "file_described_zone".to_owned(),
        Fact::FileChecked(it) if it.span.is_some() => "file_checked_exempt".to_owned(),
        Fact::ProcessedStarted { checkpoint: Some(_), .. }
        | Fact::ChunkStarted { checkpoint: Some(_), .. }
        | Fact::ReconciliationStarted { checkpoint: Some(_), .. } => format!("{}_checkpoint", fact_name(fact)),
        Fact::ProcessedWritten { rejects: Some(_), .. } => "processed_written_rejects".to_owned(),
        _ => fact_name(fact).to_owned(),
    }
}

fn event(fact: Fact, number: u8) -> Event {
    let subject = match &fact {
        Fact::ObjectRecorded(object) => Subject::Object(object.id().clone()),
        Fact::ContractPlaced { .. } => Subject::Object(object_id("CRD-12345-67890-00001")),
        Fact::RuleRecorded(_) | Fact::RuleDeleted => Subject::Object(object_id("UGR-000-000-002")),
        Fact::WebhookRecorded(_) | Fact::WebhookDeleted => Subject::Object(object_id("WH-000-000-001")),
        Fact::SessionOpened(_) | Fact::SessionEnded => {
            Subject::Object(object_id("SE-00112233445566778899aabbccddeeff"))
        }
        Fact::WriterChanged { .. } | Fact::SigningKeyRecorded(_) | Fact::CheckpointSigned(_) => {
            Subject::Object(object_id("approval-0"))
        }
        _ => Subject::File(file_id()),
    };
    let actor = match fact.emitter() {
        ServiceName::Catalog => Actor::Operator,
        ServiceName::Approval => {
            Actor::Key { key: named("SU-123-456", "Nightly report"), account: object_id("VA-123-456") }
        }
        service => Actor::Service(service),
    };
    let cause = hash(number);
    let id = EventId::derive(&cause, fact.emitter(), number.into());
    Event { id, subject, cause, actor, surface: ledger::Surface::Api, recorded_at: moment(i64::from(number)), fact }
}

fn file_id() -> FileId {
    #[expect(clippy::expect_used, reason = "a constant; a wrong one must stop the tests that use it")]
    FileId::parse("UF-2026-11-0112-0001").expect("a file id")
}

fn object_id(text: &str) -> ObjectId {
    #[expect(clippy::expect_used, reason = "a constant; a wrong one must stop the tests that use it")]
    ObjectId::new(text).expect("an object id")
}

fn named(id: &str, name: &str) -> Named {
    Named { id: object_id(id), name: name.to_owned() }
}

fn hash(number: u8) -> Hash {
    Hash::of(&[number])
}

/// 2026-11-22 00:26:46 UTC and so many seconds and microseconds.
fn moment(seconds: i64) -> Moment {
    Moment(1_795_307_206_000_000 + seconds * (Moment::SECOND + 1))
}
