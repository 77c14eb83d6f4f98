//! The facts of approval, ingestion, validation and extraction.

use ledger::catalog::{CatalogObject, Environment, Key, Schema};
use ledger::fact::{
    Category, CheckpointSigned, ClosedBy, DynamicItem, ExemptReason, Fact, FileChecked, FileColumn, FileCreated,
    FileDescribed, FileRead, Part, Period, RecordMark, RecordsChecked, RecordsRead, RecordsRooted, SignedRoot,
    SigningKeyRecorded, SummaryLine, Total, UploadOpened,
};
use ledger::note::VerifierKey;
use ledger::record::{Billing, ClosedRows};
use ledger::rule::{AskedRule, RuleAction, RulePlace, RuleRecorded, RuleScope, Ruling};
use ledger::webhook::WebhookRecorded;
use ledger::{Code, Decimal, KeyScope, Scopes, ServiceName, SessionOpened};

use super::{hash, moment, named, object_id};

pub(super) fn all() -> Vec<Fact> {
    // New ones come at the end: a sample's number is in its bytes.
    let first = [approval(), ingestion(), validation(), chunks(), closing(), rules(), unbilled(), answers()];
    let second = [webhooks(), asked(), writers(), signed(), rooted(), stated(), unclosed(), ordered()];
    [first.concat(), second.concat(), sessions(), scoped()].concat()
}

fn approval() -> Vec<Fact> {
    let opened = UploadOpened {
        upload: 2,
        blob: hash(201),
        bytes: 1_234_567_890_123,
        filename: "Verbrauch November.xlsx".to_owned(),
        catalog_position: 17,
    };
    vec![
        Fact::FileCreated(Box::new(created())),
        Fact::FileDescribed(Box::new(described())),
        Fact::UploadOpened(opened),
        Fact::FileDeleted,
        Fact::SubmitRemembered { upload: 2 },
        Fact::SubmitDropped { upload: 2, reason: "3 records have errors".to_owned() },
        Fact::FileSubmitted { upload: 2 },
        Fact::FileAccepted { upload: 2, note: "Thank you".to_owned() },
        Fact::FileRejected { upload: 2, note: "Prices of October".to_owned() },
        Fact::CommandRefused { action: "accept".to_owned(), reason: "USG_012".to_owned(), count: 41 },
    ]
}

fn rules() -> Vec<Fact> {
    let recorded = RuleRecorded {
        product: object_id("PRD-123-456-789"),
        provider: object_id("PA-654-321"),
        action: RuleAction::Reject,
        scope: RuleScope::File,
        expression: String::new(),
        item: None,
        place: RulePlace::After(object_id("UGR-000-000-001")),
    };
    vec![
        Fact::RecordsApproved { upload: 2 },
        Fact::RuleRecorded(Box::new(recorded)),
        Fact::RuleDeleted,
        Fact::ProcessedStarted { upload: 2, attempt: 1, checkpoint: None },
        Fact::ChunkStarted { chunk: 1, attempt: 2, checkpoint: None },
    ]
}

fn period() -> Period {
    Period { from: moment(-2_592_000), to: moment(-1) }
}

fn created() -> FileCreated {
    FileCreated {
        name: "11/01/2026 - 11/30/2026".to_owned(),
        external_id: "batch-77".to_owned(),
        description: " kept  byte for byte ".to_owned(),
        note: "November".to_owned(),
        period: Some(period()),
        time_zone: String::new(),
        predictive: false,
        reported: false,
        currency: Some("EUR".to_owned()),
        environment: Environment::Production,
        schema: Schema::Tr,
        product: named("PRD-123-456-789", "Cloud Storage"),
        contract: named("CRD-12345-67890-00001", "Distribution, Germany"),
        marketplace: named("MP-12345", "Deutschland"),
        vendor: named("VA-123-456", "Vendor Inc."),
        provider: named("PA-654-321", "Distributor GmbH"),
    }
}

fn described() -> FileDescribed {
    FileDescribed {
        description: Some(String::new()),
        note: Some("December".to_owned()),
        external_id: Some("batch-78".to_owned()),
        period: Some(period()),
        time_zone: None,
        currency: Some("USD".to_owned()),
    }
}

fn parts() -> Vec<Part> {
    vec![
        Part { sequence: 40, first_row: 2, last_row: 1_025, records: 1_024 },
        Part { sequence: 41, first_row: 1_026, last_row: 1_030, records: 4 },
    ]
}

fn ingestion() -> Vec<Fact> {
    let records = RecordsRead {
        upload: 2,
        attempt: 1,
        part: 1,
        first_row: 1_026,
        last_row: 1_030,
        records: 4,
        root: hash(202),
        payload: vec![0, 255, 1, 254],
    };
    let column = |name: &str, header: &str, sheet_column| FileColumn {
        name: name.to_owned(),
        header: header.to_owned(),
        sheet_column,
    };
    let read = FileRead {
        upload: 2,
        attempt: 1,
        columns: vec![column("record_id", "Record ID", 0), column("v.Region", "v.Region", u16::MAX)],
        ignored: vec!["Bemerkung".to_owned()],
        categories: vec![Category {
            id: "storage".to_owned(),
            name: "Storage".to_owned(),
            description: "Bytes at rest".to_owned(),
        }],
        parts: parts(),
        records: 1_028,
    };
    let detail = "the package has no sheet `records`: take the template".to_owned();
    vec![
        Fact::ReadStarted { upload: 2, attempt: 1 },
        Fact::RecordsRead(Box::new(records)),
        Fact::FileRead(Box::new(read)),
        Fact::FileUnreadable { upload: 2, attempt: 3, detail },
    ]
}

fn totals() -> Vec<Total> {
    let (quantity, amount) = (Decimal::from_units(92_650_000_000_001), Decimal::from_units(-500_000_000_000));
    // Sums go beyond what one value may be.
    let large = Decimal::from_units(10_i128.pow(34) + 1);
    vec![
        Total { currency: "EUR".to_owned(), tier: Some(2), records: 1_000, quantity, amount },
        Total { currency: String::new(), tier: None, records: 28, quantity: large, amount: Decimal::ZERO },
    ]
}

fn validation() -> Vec<Fact> {
    let checked = RecordsChecked {
        upload: 2,
        attempt: 1,
        part: 1,
        first_row: 1_026,
        last_row: 1_030,
        valid: 3,
        invalid: 1,
        read_sequence: 41,
        read_hash: hash(203),
        payload: vec![7, 0, 7],
    };
    let line = |tier| SummaryLine {
        subscription: object_id("AS-1234-5678-9012"),
        item: object_id("PRD-123-456-789-0001"),
        tier,
        records: 514,
        quantity: Decimal::from_units(1),
        amount: Decimal::from_units(-1),
    };
    let verdict = FileChecked {
        upload: 2,
        attempt: 1,
        parts: parts(),
        valid: 1_027,
        invalid: 1,
        totals: totals(),
        exempt_totals: Vec::new(),
        codes: vec![(Code::SubscriptionNotFoundById, 1), (Code::Overlap, 2)],
        warnings: Vec::new(),
        span: None,
        summary_parts: 1,
    };
    let detail = "the catalog was not reachable: submit again".to_owned();
    vec![
        Fact::CheckStarted { upload: 2, attempt: 1, catalog_position: u64::MAX },
        Fact::RecordsChecked(Box::new(checked)),
        Fact::UsageSummarized { upload: 2, attempt: 1, part: 1, lines: vec![line(None), line(Some(0))] },
        Fact::FileChecked(Box::new(verdict)),
        Fact::CheckFailed { upload: 2, attempt: 3, detail },
        Fact::ProcessedWritten { upload: 2, vendor: hash(204), provider: Some(hash(205)), rejects: None, writer: 1 },
    ]
}

fn chunks() -> Vec<Fact> {
    vec![
        Fact::ExtractionStarted { upload: 2, attempt: 1 },
        Fact::ChunkOpened {
            upload: 2,
            chunk: 1,
            hub: Some(named("HB-1234-5678", "Odin Automation")),
            hub_external_id: "1000001".to_owned(),
            totals: totals(),
            records: 1_000,
        },
        // Few runs: written as runs.
        Fact::ChunkFilled { upload: 2, chunk: 1, rows: (2..=1_000).chain(70_000..=70_100).collect() },
        Fact::FileExtracted { upload: 2, chunks: 2, records: 1_027 },
        Fact::ChunkWritten { chunk: 1, blob: hash(206), bytes: 4_096 },
        Fact::ChunkFailed { chunk: 2, detail: "the disk is full: make room".to_owned() },
        Fact::ChunkNamed { chunk: 1, external_id: "EXT-1".to_owned() },
        Fact::ChunkClosed { chunk: 1, billing_id: "BILL-1".to_owned(), billing_note: "paid".to_owned() },
    ]
}

fn closing() -> Vec<Fact> {
    let billing = |id: &str, note: &str| Billing { id: id.to_owned(), note: note.to_owned() };
    // Every other row: written as bits.
    let rows = ClosedRows {
        rows: (2..=400).step_by(2).collect(),
        billings: vec![billing("BILL-1", "paid"), billing("", "")],
        refs: (0..200).map(|row| row % 2).collect(),
    };
    vec![
        Fact::RecordsClosed { by: ClosedBy::Reconciliation(3), rows: Box::new(rows), records: 200 },
        Fact::ReconciliationReceived { reconciliation: 3, blob: hash(207), bytes: 9_999, note: "by hand".to_owned() },
        Fact::ReconciliationStarted { reconciliation: 3, attempt: 1, checkpoint: None },
        Fact::ReconciliationProcessed {
            reconciliation: 3,
            closed: 200,
            open: 827,
            summary: "200 closed, 827 open".to_owned(),
            processed: Some(hash(208)),
        },
        Fact::ReconciliationFailed { reconciliation: 4, detail: "no column `record_id`".to_owned() },
        Fact::FileClosed { upload: 2, records: 1_027, totals: totals() },
    ]
}

/// Estimates, reservations and items that records brought.
fn unbilled() -> Vec<Fact> {
    let estimate = FileCreated { predictive: true, time_zone: "America/Los_Angeles".to_owned(), ..created() };
    let moved = FileDescribed { time_zone: Some("Europe/Berlin".to_owned()), ..described() };
    let item = DynamicItem {
        named: named("PRD-123-456-789-D0123456789ab", "Backup"),
        mpn: "BACKUP-9".to_owned(),
        unit: "unit*h".to_owned(),
        places: 4,
        row: 7,
    };
    let verdict = FileChecked {
        upload: 2,
        attempt: 1,
        parts: parts(),
        valid: 1_027,
        invalid: 1,
        totals: totals(),
        exempt_totals: totals(),
        codes: vec![(Code::DynamicItemInvalid, 1)],
        warnings: vec![(Code::Overlap, 2), (Code::TiersMissing, 3)],
        span: Some(period()),
        summary_parts: 1,
    };
    let rejects = Some(hash(210));
    vec![
        Fact::FileCreated(Box::new(estimate)),
        Fact::FileDescribed(Box::new(moved)),
        Fact::FileSuperseded { by: super::file_id() },
        Fact::DynamicItemsFound { upload: 2, attempt: 1, part: 1, items: vec![item] },
        Fact::FileChecked(Box::new(verdict)),
        Fact::ProcessedWritten { upload: 2, vendor: hash(209), provider: None, rejects, writer: 3 },
        Fact::RecordsExempted {
            upload: 2,
            reason: ExemptReason::Estimate,
            rows: (2..=400).collect(),
            records: 399,
            totals: totals(),
        },
    ]
}

/// Rules with conditions and what they came to, marks, reported records, and a chunk that is written again.
fn answers() -> Vec<Fact> {
    let conditional = RuleRecorded {
        product: object_id("PRD-123-456-789"),
        provider: object_id("PA-654-321"),
        action: RuleAction::Manual,
        scope: RuleScope::Record,
        expression: "gt(amount,1000)".to_owned(),
        item: Some(object_id("PRD-123-456-789-0001")),
        place: RulePlace::First,
    };
    let ruling = Ruling {
        rule: Some(object_id("UGR-000-000-001")),
        action: RuleAction::Reject,
        reason: "The record in row 7 matches it".to_owned(),
    };
    let reported = FileCreated { reported: true, ..created() };
    vec![
        Fact::RuleRecorded(Box::new(conditional)),
        Fact::RulingStarted { upload: 2, attempt: 1 },
        Fact::RulesApplied { upload: 2, ruling },
        Fact::RecordsMarked { upload: 2, rows: (2..=9).collect(), mark: RecordMark::Rejected },
        Fact::FileCreated(Box::new(reported)),
        Fact::ReportOpened { upload: 1, catalog_position: 18 },
        Fact::ReportSealed { upload: 1, catalog_position: 19 },
        Fact::ChunkRegenerated { chunk: 1 },
        Fact::ColumnsReported {
            upload: 1,
            columns: vec![FileColumn { name: "v.Zone".to_owned(), header: "v.Zone".to_owned(), sheet_column: 15 }],
        },
    ]
}

/// A webhook for the files of one product, and its end.
fn webhooks() -> Vec<Fact> {
    let recorded = WebhookRecorded {
        account: object_id("PA-654-321"),
        label: "Billing".to_owned(),
        description: "Wakes the connector".to_owned(),
        product: Some(object_id("PRD-123-456-789")),
        active: true,
        url: "https://billing.example.com/usage?hub=1".to_owned(),
        headers: vec![("X-Hub".to_owned(), "1".to_owned())],
    };
    vec![Fact::WebhookRecorded(Box::new(recorded)), Fact::WebhookDeleted]
}

/// A key that only reports.
fn scoped() -> Vec<Fact> {
    let key = Key {
        named: named("SU-123-457", "Nightly upload"),
        account: object_id("VA-123-456"),
        secret_hash: hash(202),
        revoked: false,
        scopes: Scopes(Some([KeyScope::Report, KeyScope::Configure].into())),
    };
    vec![Fact::ObjectRecorded(Box::new(CatalogObject::Key(key)))]
}

/// Somebody who came by a link, and their leave.
fn sessions() -> Vec<Fact> {
    let opened = SessionOpened {
        key: object_id("SU-123-456"),
        account: object_id("VA-123-456"),
        by_link: true,
        agent: "Mozilla/5.0 (X11; Linux x86_64) Größe/1".to_owned(),
    };
    vec![Fact::SessionOpened(Box::new(opened)), Fact::SessionEnded]
}

/// Rules that a file of another partition than theirs is asked about.
fn asked() -> Vec<Fact> {
    let rule = AskedRule {
        id: object_id("UGR-000-000-001"),
        action: RuleAction::Reject,
        scope: RuleScope::Record,
        expression: "gt(amount,1000)".to_owned(),
        item: Some(object_id("PRD-123-456-789-0001")),
    };
    vec![Fact::RulesAsked { upload: 2, rules: vec![rule] }]
}

/// A process that took a service over.
fn writers() -> Vec<Fact> {
    vec![Fact::WriterChanged { service: ServiceName::Approval, writer: "host-b-91c4".to_owned() }]
}

/// How a log is signed.
fn signed() -> Vec<Fact> {
    let key = VerifierKey { name: "usage-ledger/0123456789abcdef/approval-0/epoch-1".to_owned(), key: [7; 32] };
    let note = "usage-ledger/0123456789abcdef/approval-0/epoch-1\n1024\n…\n\n— … …\n".to_owned();
    let service = ServiceName::Approval;
    vec![
        Fact::SigningKeyRecorded(Box::new(SigningKeyRecorded { service, key })),
        Fact::CheckpointSigned(Box::new(CheckpointSigned { service, size: 1_024, root: hash(9), note })),
    ]
}

/// The root of an upload's records.
fn rooted() -> Vec<Fact> {
    let columns = vec!["record_id".to_owned(), "v.Region".to_owned()];
    let rooted = RecordsRooted { upload: 2, attempt: 1, records: 2_048, batches: 2, root: hash(10), columns };
    vec![Fact::RecordsRooted(Box::new(rooted))]
}

/// What was billed of a file.
fn stated() -> Vec<Fact> {
    vec![Fact::StatementSigned {
        note: "usage-ledger statement/1\nfile UF-2026-11-0112-0001\n\n— … …\n".to_owned()
    }]
}

/// What was asked about billing, and refused.
fn unclosed() -> Vec<Fact> {
    vec![Fact::BillingRefused { action: "close-chunk".to_owned(), reason: "USG_030".to_owned(), count: 2 }]
}

/// Workbooks that show a checkpoint.
fn ordered() -> Vec<Fact> {
    let checkpoint = Some(SignedRoot { size: 1_024, root: hash(11) });
    vec![
        Fact::ProcessedStarted { upload: 2, attempt: 1, checkpoint },
        Fact::ChunkStarted { chunk: 1, attempt: 2, checkpoint },
        Fact::ReconciliationStarted { reconciliation: 3, attempt: 1, checkpoint },
    ]
}
