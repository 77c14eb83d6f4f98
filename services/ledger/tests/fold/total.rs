//! Whatever was recorded folds: any facts, in any order, with any numbers.

use ledger::catalog::Named;
use ledger::fact::{ClosedBy, DynamicItem, ExemptReason, FileColumn, FileDescribed, Part, RecordMark};
use ledger::record::{Billing, ClosedRows};
use ledger::rows::RowSet;
use ledger::rule::{AskedRule, RulePlace, RuleRecorded, RuleScope, Ruling};
use ledger::{
    Actor, Event, EventId, Fact, FileId, Hash, Ledger, Moment, ObjectId, Partition, RuleAction, ServiceName, Subject,
};

use crate::life::{
    batch_checked, batch_read, created, file, file_checked, file_read, full_life, id, named, opened, summarized, total,
};
use crate::random::{Random, for_seeds, repeat};

/// Numbers that facts carry: the usual ones, and the ends of their types.
struct Numbers<'a>(&'a mut Random);

impl Numbers<'_> {
    fn u32(&mut self) -> u32 {
        const ODD: [u32; 4] = [65_535, 65_536, 99_999_999, u32::MAX];
        let at = self.0.below(24);
        ODD.get(at).copied().unwrap_or_else(|| u32::try_from(at % 4).unwrap())
    }

    fn count(&mut self) -> u32 {
        self.u32()
    }

    fn u16(&mut self) -> u16 {
        u16::try_from(self.u32()).unwrap_or(u16::MAX)
    }

    fn text(&mut self) -> String {
        ["", "x", "ü\u{0}", "INV-1"][self.0.below(4)].to_owned()
    }

    fn hub(&mut self) -> Option<Named> {
        (self.0.below(2) == 0).then(|| named("HB-1"))
    }

    fn object(&mut self) -> ObjectId {
        id(["UGR-000-000-001", "UGR-000-000-002", "CRD-1"][self.0.below(3)])
    }

    fn rows(&mut self) -> RowSet {
        (0..self.0.below(5)).map(|_| self.u32()).collect()
    }

    /// Also such as no encoder gives: references to nothing, too many of them, or too few.
    fn closed(&mut self) -> ClosedRows {
        let rows = self.rows();
        let billings = (0..self.0.below(3)).map(|_| Billing { id: self.text(), note: self.text() }).collect();
        let refs = (0..self.0.below(6)).map(|_| self.u32()).collect();
        ClosedRows { rows, billings, refs }
    }

    fn parts(&mut self) -> Vec<Part> {
        let part =
            |it: &mut Self| Part { sequence: it.0.next(), first_row: it.u32(), last_row: it.u32(), records: it.u32() };
        (0..self.0.below(3)).map(|_| part(self)).collect()
    }
}

fn approval(it: &mut Numbers<'_>) -> Fact {
    let upload = it.u32();
    match it.0.below(20) {
        0 => Fact::FileCreated(Box::new(created())),
        1 => Fact::FileDescribed(Box::new(FileDescribed { note: Some(it.text()), ..FileDescribed::default() })),
        2 => Fact::UploadOpened(opened(upload)),
        3 => Fact::FileDeleted,
        4 => Fact::SubmitRemembered { upload },
        5 => Fact::SubmitDropped { upload, reason: it.text() },
        6 => Fact::FileSubmitted { upload },
        7 => Fact::FileAccepted { upload, note: it.text() },
        8 => Fact::FileRejected { upload, note: it.text() },
        9 => Fact::CommandRefused { action: it.text(), reason: it.text(), count: it.u32() },
        10 => Fact::RecordsApproved { upload },
        11 => {
            let place = [RulePlace::Kept, RulePlace::First, RulePlace::After(it.object())][it.0.below(3)].clone();
            let rule = RuleRecorded::plain(id("PRD-1"), id("PA-1"), RuleAction::Accept, place);
            Fact::RuleRecorded(Box::new(rule))
        }
        12 => Fact::FileSuperseded { by: file() },
        13 => Fact::RulingStarted { upload, attempt: it.u32() },
        14 => {
            Fact::RulesApplied { upload, ruling: Ruling { rule: None, action: RuleAction::Manual, reason: it.text() } }
        }
        15 => {
            let mark = [RecordMark::Open, RecordMark::Approved, RecordMark::Rejected][it.0.below(3)];
            Fact::RecordsMarked { upload, rows: it.rows(), mark }
        }
        16 => Fact::ReportOpened { upload, catalog_position: it.0.next() },
        17 => Fact::ReportSealed { upload, catalog_position: it.0.next() },
        18 => {
            let (id, action, scope, expression) = (it.object(), RuleAction::Manual, RuleScope::Record, it.text());
            Fact::RulesAsked { upload, rules: vec![AskedRule { id, action, scope, expression, item: None }] }
        }
        _ => Fact::RuleDeleted,
    }
}

fn ingestion(it: &mut Numbers<'_>) -> Fact {
    let (upload, attempt) = (it.u32(), it.u32());
    match it.0.below(5) {
        0 => Fact::ReadStarted { upload, attempt },
        1 => {
            let mut read = batch_read(upload, attempt, 0);
            (read.first_row, read.last_row, read.records) = (it.u32(), it.u32(), it.count());
            Fact::RecordsRead(Box::new(read))
        }
        2 => {
            let mut read = file_read(upload, attempt, it.parts());
            read.records = it.count();
            Fact::FileRead(Box::new(read))
        }
        3 => {
            let (name, header) = (it.text(), it.text());
            Fact::ColumnsReported { upload, columns: vec![FileColumn { name, header, sheet_column: 0 }] }
        }
        _ => Fact::FileUnreadable { upload, attempt, detail: it.text() },
    }
}

fn validation(it: &mut Numbers<'_>) -> Fact {
    let (upload, attempt) = (it.u32(), it.u32());
    match it.0.below(8) {
        0 => Fact::CheckStarted { upload, attempt, catalog_position: it.0.next() },
        1 => {
            let mut checked = batch_checked(upload, attempt, 0, 0);
            (checked.valid, checked.invalid, checked.first_row) = (it.count(), it.count(), it.u32());
            Fact::RecordsChecked(Box::new(checked))
        }
        2 => summarized(upload, attempt, 0),
        3 => {
            let mut checked = file_checked(upload, attempt, 0, it.parts());
            (checked.valid, checked.invalid) = (it.count(), it.count());
            Fact::FileChecked(Box::new(checked))
        }
        4 => Fact::CheckFailed { upload, attempt, detail: it.text() },
        5 => Fact::ProcessedStarted { upload, attempt, checkpoint: None },
        6 => {
            let (named, mpn, unit) = (named("PRD-1-D0"), it.text(), it.text());
            let item = DynamicItem { named, mpn, unit, places: u8::MAX, row: it.u32() };
            Fact::DynamicItemsFound { upload, attempt, part: it.u32(), items: vec![item] }
        }
        _ => Fact::ProcessedWritten { upload, vendor: Hash::ZERO, provider: None, rejects: None, writer: it.u32() },
    }
}

fn extraction(it: &mut Numbers<'_>) -> Fact {
    let (upload, chunk, attempt) = (it.u32(), it.u16(), it.u32());
    let (reconciliation, records, detail) = (chunk, it.u32(), it.text());
    match it.0.below(18) {
        0 => Fact::ExtractionStarted { upload, attempt },
        1 => {
            let (hub, hub_external_id, totals) = (it.hub(), it.text(), vec![total(records)]);
            Fact::ChunkOpened { upload, chunk, hub, hub_external_id, totals, records }
        }
        2 => Fact::ChunkFilled { upload, chunk, rows: it.rows() },
        3 => Fact::FileExtracted { upload, chunks: chunk, records },
        4 => Fact::ChunkStarted { chunk, attempt, checkpoint: None },
        5 => Fact::ChunkWritten { chunk, blob: Hash::ZERO, bytes: it.0.next() },
        6 => Fact::ChunkFailed { chunk, detail },
        7 => Fact::ChunkNamed { chunk, external_id: detail },
        8 => {
            let by = [ClosedBy::Chunk(chunk), ClosedBy::Reconciliation(chunk), ClosedBy::Records, ClosedBy::File];
            Fact::RecordsClosed { by: by[it.0.below(4)], rows: Box::new(it.closed()), records }
        }
        9 => Fact::ChunkClosed { chunk, billing_id: detail, billing_note: it.text() },
        10 => Fact::ReconciliationReceived { reconciliation, blob: Hash::ZERO, bytes: 7, note: detail },
        11 => Fact::ReconciliationStarted { reconciliation, attempt, checkpoint: None },
        16 => Fact::ChunkRegenerated { chunk },
        17 => Fact::BillingRefused { action: detail, reason: it.text(), count: records },
        12 => {
            let (closed, open) = (it.u32(), it.u32());
            Fact::ReconciliationProcessed { reconciliation, closed, open, summary: detail, processed: None }
        }
        13 => Fact::ReconciliationFailed { reconciliation, detail },
        14 => {
            let reason = [ExemptReason::Reservation, ExemptReason::Estimate][it.0.below(2)];
            Fact::RecordsExempted { upload, reason, rows: it.rows(), records, totals: vec![total(records)] }
        }
        _ => Fact::FileClosed { upload, records, totals: vec![] },
    }
}

/// A fact about one of two files, a rule or a contract: also where no emitter would say it of that.
fn event(random: &mut Random, life: &[(u64, Event)]) -> Event {
    let mut it = Numbers(random);
    let fact = match it.0.below(6) {
        0 => approval(&mut it),
        1 => ingestion(&mut it),
        2 => validation(&mut it),
        3 => extraction(&mut it),
        4 => Fact::ContractPlaced { partition: Partition(it.u16()) },
        // Facts of an ordinary life, so that the others meet a file which is well on.
        _ => life[it.0.below(life.len())].1.fact.clone(),
    };
    let subject = match it.0.below(8) {
        0 => Subject::Object(it.object()),
        at => Subject::File(FileId::new(2026, 11, Partition(0), u32::from(at == 1) * 999_999).unwrap()),
    };
    let (id, cause, actor) = (EventId::default(), Hash::ZERO, Actor::Service(ServiceName::Approval));
    Event {
        id,
        subject,
        cause,
        actor,
        surface: ledger::Surface::Api,
        recorded_at: Moment(it.0.next().cast_signed()),
        fact,
    }
}

fn check(seed: u64, life: &[(u64, Event)]) {
    let mut random = Random(seed);
    let mut ledger = Ledger::default();
    for _ in 0..300 {
        let event = event(&mut random, life);
        ledger.evolve(random.next(), &event);
        // Whoever shows a file asks for these; they must have an answer at every step.
        for file in ledger.files.values() {
            let _ = (file.status(), file.stats(), file.error_detail(), file.totals().len());
            assert!(file.extraction.open() <= file.extraction.billable());
            assert!(file.extraction.chunks.values().all(|chunk| !chunk.status().name().is_empty()));
        }
    }
    assert_eq!(ledger.digest(), ledger.clone().digest());
}

#[test]
fn any_facts_in_any_order_fold() {
    let life = full_life();
    for_seeds(300, |seed| {
        let outcome = std::panic::catch_unwind(|| check(seed, &life));
        assert!(outcome.is_ok(), "the fold panicked; {}", repeat(seed));
    });
}
