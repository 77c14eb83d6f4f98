//! The full life of a file: three uploads, crashes, a rejection, and everything that closes records.

use ledger::catalog::{Environment, Schema};
use ledger::fact::{
    ClosedBy, FileChecked, FileCreated, FileDescribed, FileRead, Part, RecordsChecked, RecordsRead, SummaryLine, Total,
    UploadOpened,
};
use ledger::record::{Billing, ClosedRows};
use ledger::rule::{RulePlace, RuleRecorded};
use ledger::{
    Actor, Code, Decimal, Event, EventId, Fact, FileId, Hash, Ledger, Moment, Named, ObjectId, Partition, RuleAction,
    ServiceName, Subject,
};

pub(crate) fn id(text: &str) -> ObjectId {
    ObjectId::new(text).unwrap()
}

pub(crate) fn named(text: &str) -> Named {
    Named { id: id(text), name: format!("{text} name") }
}

pub(crate) fn file() -> FileId {
    FileId::new(2026, 11, Partition(0), 0).unwrap()
}

/// An event at its sequence in its emitter's chain.
pub(crate) type Said = (u64, Event);

/// The folds of some events, one after the other.
pub(crate) fn fold<'a>(events: impl IntoIterator<Item = &'a Said>) -> Ledger {
    let mut ledger = Ledger::default();
    events.into_iter().for_each(|(sequence, event)| ledger.evolve(*sequence, event));
    ledger
}

/// What happened, in the order in which it was decided. Sequences count by emitter.
#[derive(Default)]
pub(crate) struct Story(pub(crate) Vec<Said>);

impl Story {
    pub(crate) fn say(&mut self, fact: Fact) -> u64 {
        self.say_of(Subject::File(file()), fact)
    }

    fn say_of(&mut self, subject: Subject, fact: Fact) -> u64 {
        let emitter = fact.emitter();
        let before = self.0.iter().filter(|(_, event)| event.fact.emitter() == emitter).count();
        let sequence = u64::try_from(before).unwrap() + 1;
        let number = self.0.len();
        let actor = match emitter {
            ServiceName::Approval => Actor::Key { key: named("SU-1"), account: id("VA-1") },
            service => Actor::Service(service),
        };
        let recorded_at = Moment(i64::try_from(number).unwrap() * Moment::SECOND);
        let id = EventId::derive(&Hash::of(&number.to_le_bytes()), emitter, 0);
        self.0.push((
            sequence,
            Event { id, subject, cause: Hash::ZERO, actor, surface: ledger::Surface::Api, recorded_at, fact },
        ));
        sequence
    }

    /// A workbook is read in two batches, of which the first attempt loses one.
    fn reads(&mut self, upload: u32) {
        self.say(Fact::ReadStarted { upload, attempt: 1 });
        self.say(Fact::RecordsRead(Box::new(batch_read(upload, 1, 0))));
        self.say(Fact::ReadStarted { upload, attempt: 2 });
        let parts = [0, 1].map(|part| {
            let read = batch_read(upload, 2, part);
            let (first_row, last_row, records) = (read.first_row, read.last_row, read.records);
            Part { sequence: self.say(Fact::RecordsRead(Box::new(read))), first_row, last_row, records }
        });
        self.say(Fact::FileRead(Box::new(file_read(upload, 2, parts.to_vec()))));
    }

    /// The same of checking.
    fn checks(&mut self, upload: u32, invalid: u32) {
        self.say(Fact::CheckStarted { upload, attempt: 1, catalog_position: 3 });
        self.say(Fact::RecordsChecked(Box::new(batch_checked(upload, 1, 0, 0))));
        self.say(Fact::CheckStarted { upload, attempt: 2, catalog_position: 4 });
        let parts = [0, 1].map(|part| {
            let checked = batch_checked(upload, 2, part, if part == 0 { invalid } else { 0 });
            let (first_row, last_row) = (checked.first_row, checked.last_row);
            Part { sequence: self.say(Fact::RecordsChecked(Box::new(checked))), first_row, last_row, records: 3 }
        });
        for part in 0..2 {
            self.say(summarized(upload, 2, part));
        }
        self.say(Fact::FileChecked(Box::new(file_checked(upload, 2, invalid, parts.to_vec()))));
        self.say(Fact::ProcessedStarted { upload, attempt: 1, checkpoint: None });
        let provider = (invalid == 0).then_some(Hash::of(b"provider"));
        self.say(Fact::ProcessedWritten { upload, vendor: Hash::of(b"vendor"), provider, rejects: None, writer: 1 });
    }

    fn extracts(&mut self, upload: u32) {
        for attempt in 1..=2 {
            self.say(Fact::ExtractionStarted { upload, attempt });
            for (chunk, rows) in [(1, 2..=4), (2, 5..=7)] {
                let (hub, hub_external_id) = (Some(named("HB-1")).filter(|_| chunk == 1), String::new());
                self.say(Fact::ChunkOpened { upload, chunk, hub, hub_external_id, totals: vec![total(3)], records: 3 });
                self.say(Fact::ChunkFilled { upload, chunk, rows: rows.collect() });
            }
        }
        self.say(Fact::FileExtracted { upload, chunks: 2, records: 6 });
        self.say(Fact::ChunkStarted { chunk: 1, attempt: 1, checkpoint: None });
        self.say(Fact::ChunkWritten { chunk: 1, blob: Hash::of(b"chunk"), bytes: 9 });
        self.say(Fact::ChunkStarted { chunk: 2, attempt: 1, checkpoint: None });
        self.say(Fact::ChunkFailed { chunk: 2, detail: "no space".to_owned() });
    }

    fn closes(&mut self, upload: u32) {
        self.say(Fact::ChunkNamed { chunk: 1, external_id: "C-1".to_owned() });
        self.say(closed(ClosedBy::Records, &[(3, "INV-1")]));
        self.say(closed(ClosedBy::Chunk(1), &[(2, "INV-2"), (4, "INV-2")]));
        self.say(Fact::ChunkClosed { chunk: 1, billing_id: "INV-2".to_owned(), billing_note: String::new() });
        for reconciliation in 1..=2 {
            let (blob, note) = (Hash::of(b"reconciliation"), "note".to_owned());
            self.say(Fact::ReconciliationReceived { reconciliation, blob, bytes: 7, note });
            self.say(Fact::ReconciliationStarted { reconciliation, attempt: 1, checkpoint: None });
        }
        self.say(Fact::ReconciliationFailed { reconciliation: 1, detail: "it is a picture".to_owned() });
        self.say(closed(ClosedBy::Reconciliation(2), &[(5, ""), (6, ""), (7, "INV-3")]));
        let (billing_id, billing_note) = (String::new(), "RCF-2026-11-0000-0000-002".to_owned());
        self.say(Fact::ChunkClosed { chunk: 2, billing_id, billing_note });
        self.say(Fact::FileClosed { upload, records: 6, totals: vec![total(6)] });
        let summary = "3 records closed".to_owned();
        self.say(Fact::ReconciliationProcessed { reconciliation: 2, closed: 3, open: 0, summary, processed: None });
    }
}

/// Everything that can happen to a file which ends closed.
pub(crate) fn full_life() -> Vec<Said> {
    let mut story = Story::default();
    let rule = RuleRecorded::plain(id("PRD-1"), id("PA-1"), RuleAction::Manual, RulePlace::Kept);
    story.say_of(Subject::Object(id("UGR-000-000-001")), Fact::RuleRecorded(Box::new(rule)));
    story.say(Fact::FileCreated(Box::new(created())));
    let described = FileDescribed { note: Some("late".to_owned()), ..FileDescribed::default() };
    story.say(Fact::FileDescribed(Box::new(described)));
    story.say(Fact::UploadOpened(opened(1)));
    story.reads(1);
    story.say(Fact::SubmitRemembered { upload: 1 });
    story.checks(1, 2);
    story.say(Fact::SubmitDropped { upload: 1, reason: "2 records are invalid".to_owned() });
    story.say(Fact::UploadOpened(opened(2)));
    story.say(Fact::ReadStarted { upload: 2, attempt: 1 });
    story.say(Fact::FileUnreadable { upload: 2, attempt: 1, detail: "it is a picture".to_owned() });
    story.say(Fact::UploadOpened(opened(3)));
    story.reads(3);
    story.checks(3, 0);
    story.say(Fact::FileSubmitted { upload: 3 });
    story.say(Fact::CommandRefused { action: "close".to_owned(), reason: "USG_003".to_owned(), count: 2 });
    story.say(Fact::FileRejected { upload: 3, note: "too much".to_owned() });
    story.say_of(Subject::Object(id("UGR-000-000-001")), Fact::RuleDeleted);
    story.say(Fact::UploadOpened(opened(4)));
    story.say(Fact::SubmitRemembered { upload: 4 });
    story.reads(4);
    story.checks(4, 0);
    story.say(Fact::FileSubmitted { upload: 4 });
    story.say(Fact::RecordsApproved { upload: 4 });
    story.say(Fact::FileAccepted { upload: 4, note: "thanks".to_owned() });
    story.extracts(4);
    story.closes(4);
    story.0
}

pub(crate) fn created() -> FileCreated {
    FileCreated {
        predictive: false,
        reported: false,
        time_zone: String::new(),
        name: "October".to_owned(),
        external_id: "vendor-1".to_owned(),
        description: String::new(),
        note: String::new(),
        period: None,
        currency: None,
        environment: Environment::Production,
        schema: Schema::Qt,
        product: named("PRD-1"),
        contract: named("CRD-1"),
        marketplace: named("MP-1"),
        vendor: named("VA-1"),
        provider: named("PA-1"),
    }
}

pub(crate) fn opened(upload: u32) -> UploadOpened {
    let (blob, filename) = (Hash::of(&upload.to_le_bytes()), format!("{upload}.xlsx"));
    UploadOpened { upload, blob, bytes: 8, filename, catalog_position: 3 }
}

/// Three records of six.
pub(crate) fn batch_read(upload: u32, attempt: u32, part: u32) -> RecordsRead {
    let (first_row, last_row) = (2 + part * 3, 4 + part * 3);
    let (root, payload) = (Hash::ZERO, Vec::new());
    RecordsRead { upload, attempt, part, first_row, last_row, records: 3, root, payload }
}

pub(crate) fn file_read(upload: u32, attempt: u32, parts: Vec<Part>) -> FileRead {
    let (columns, ignored, categories) = (vec![], vec!["colour".to_owned()], vec![]);
    FileRead { upload, attempt, columns, ignored, categories, parts, records: 6 }
}

pub(crate) fn batch_checked(upload: u32, attempt: u32, part: u32, invalid: u32) -> RecordsChecked {
    let (first_row, last_row) = (2 + part * 3, 4 + part * 3);
    let (valid, read_sequence, read_hash, payload) = (3 - invalid, 1, Hash::ZERO, Vec::new());
    RecordsChecked { upload, attempt, part, first_row, last_row, valid, invalid, read_sequence, read_hash, payload }
}

pub(crate) fn summarized(upload: u32, attempt: u32, part: u32) -> Fact {
    let line = SummaryLine {
        subscription: id("AS-1"),
        item: id(&format!("PRD-1-{part:04}")),
        tier: None,
        records: 3,
        quantity: Decimal::from_units(3),
        amount: Decimal::ZERO,
    };
    Fact::UsageSummarized { upload, attempt, part, lines: vec![line] }
}

pub(crate) fn file_checked(upload: u32, attempt: u32, invalid: u32, parts: Vec<Part>) -> FileChecked {
    let (totals, codes) = (vec![total(6 - invalid)], vec![(Code::CellBlank, invalid)]);
    FileChecked {
        exempt_totals: Vec::new(),
        span: None,
        warnings: Vec::new(),
        upload,
        attempt,
        parts,
        valid: 6 - invalid,
        invalid,
        totals,
        codes,
        summary_parts: 2,
    }
}

pub(crate) fn total(records: u32) -> Total {
    Total { records, quantity: Decimal::from_units(records.into()), ..Total::default() }
}

pub(crate) fn closed(by: ClosedBy, rows: &[(u32, &str)]) -> Fact {
    let mut closed = ClosedRows::default();
    for (at, (row, billing)) in (0..).zip(rows) {
        closed.rows.insert(*row);
        closed.billings.push(Billing { id: (*billing).to_owned(), note: "note".to_owned() });
        closed.refs.push(at);
    }
    Fact::RecordsClosed { by, records: closed.rows.len(), rows: Box::new(closed) }
}
