//! An accepted file in two chunks: rows 2 to 5 of hub HB-1, rows 6 to 7 without a hub.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ledger::catalog::{Environment, Schema};
use ledger::fact::{ClosedBy, FileChecked, FileCreated, FileRead, Total, UploadOpened};
use ledger::record::{Billing, ClosedRows};
use ledger::rows::RowSet;
use ledger::{
    Actor, Command, Context, Decimal, Event, EventId, Fact, FileId, Hash, Ledger, Moment, Named, ObjectId, Partition,
    Rejection, Role, Scope, ServiceName, Status, Subject,
};
use runtime::decider::{Decider, Facts, Next, Stale};

use crate::{Division, ExtractionService, Own};

pub(super) fn id(text: &str) -> ObjectId {
    ObjectId::new(text).unwrap()
}

pub(super) fn named(text: &str) -> Named {
    Named { id: id(text), name: format!("{text} name") }
}

/// The one file of these tests.
pub(super) fn file() -> FileId {
    FileId::new(2026, 11, Partition(0), 0).unwrap()
}

pub(super) fn holder(account: &str, role: Role) -> Scope {
    let actor = Actor::Key { key: named(&format!("SU-{account}")), account: id(account) };
    Scope { actor, account: Some(id(account)), role, surface: ledger::Surface::Api }
}

pub(super) fn provider() -> Scope {
    holder("PA-1", Role::Distributor)
}

pub(super) fn billing(id: &str, note: &str) -> Billing {
    Billing { id: id.to_owned(), note: note.to_owned() }
}

/// A total of so many records of one unit each.
pub(super) fn total(records: u32) -> Total {
    let quantity = Decimal::parse(&records.to_string()).unwrap();
    Total { currency: String::new(), tier: None, records, quantity, amount: Decimal::ZERO }
}

pub(super) fn division(hub: Option<&str>, rows: impl IntoIterator<Item = u32>) -> Division {
    let rows: RowSet = rows.into_iter().collect();
    let totals = vec![total(rows.len())];
    let hub_external_id = hub.map_or_else(String::new, |hub| format!("{hub} market"));
    Division { hub: hub.map(named), hub_external_id, rows, totals }
}

/// Extraction's view of everything that it was given.
#[derive(Clone)]
pub(super) struct World {
    pub(super) ledger: Ledger,
    sequence: u64,
}

impl World {
    /// A draft.
    pub(super) fn of(created: FileCreated) -> Self {
        let mut world = Self { ledger: Ledger::default(), sequence: 0 };
        world.given(Fact::FileCreated(Box::new(created)));
        world
    }

    /// An accepted file that has these totals of what is billed and of what isn't, while it is divided.
    pub(super) fn accepted_with(created: FileCreated, totals: Vec<Total>, exempt: Vec<Total>) -> Self {
        let mut world = Self::of(created);
        world.opened(1);
        let valid = totals.iter().chain(&exempt).map(|total| total.records).sum();
        world.checked_as(1, valid, totals, exempt);
        world.given(Fact::FileSubmitted { upload: 1 });
        world.given(Fact::FileAccepted { upload: 1, note: String::new() });
        assert_eq!(world.goes_on(), Some(Fact::ExtractionStarted { upload: 1, attempt: 1 }));
        world
    }

    /// A file of a status up to accepted whose six records are valid.
    pub(super) fn at(status: Status, environment: Environment) -> Self {
        let mut world = Self::of(FileCreated { environment, ..created() });
        if status != Status::Draft {
            world.opened(1);
            world.checked(1, 6);
        }
        let note = String::new();
        if matches!(status, Status::Pending | Status::Rejected | Status::Accepted) {
            world.given(Fact::FileSubmitted { upload: 1 });
        }
        match status {
            Status::Rejected => world.given(Fact::FileRejected { upload: 1, note }),
            Status::Accepted => world.given(Fact::FileAccepted { upload: 1, note }),
            Status::Deleted => world.given(Fact::FileDeleted),
            _ => {}
        }
        assert_eq!(world.status(), status);
        world
    }

    pub(super) fn accepted() -> Self {
        Self::at(Status::Accepted, Environment::Production)
    }

    /// Accepted, and being divided.
    pub(super) fn dividing() -> Self {
        let mut world = Self::accepted();
        world.given(Fact::ExtractionStarted { upload: 1, attempt: 1 });
        world
    }

    /// In two chunks whose workbooks aren't written yet.
    pub(super) fn divided() -> Self {
        let mut world = Self::dividing();
        let divisions = vec![division(Some("HB-1"), 2..=5), division(None, 6..=7)];
        world.tells(Own::Divided { file: file(), upload: 1, divisions, exempt: vec![] }).unwrap();
        world
    }

    /// In two chunks that can be downloaded.
    pub(super) fn extracted() -> Self {
        let mut world = Self::divided();
        (1..=2).for_each(|chunk| world.written(chunk));
        world
    }

    /// A file of so many rows, all in one chunk that can be downloaded.
    pub(super) fn of_rows(rows: impl IntoIterator<Item = u32>) -> Self {
        let mut world = Self::at(Status::Pending, Environment::Production);
        let division = division(Some("HB-1"), rows);
        world.checked(1, division.rows.len());
        world.given(Fact::FileAccepted { upload: 1, note: String::new() });
        world.given(Fact::ExtractionStarted { upload: 1, attempt: 1 });
        world.tells(Own::Divided { file: file(), upload: 1, divisions: vec![division], exempt: vec![] }).unwrap();
        world.written(1);
        world
    }

    pub(super) fn opened(&mut self, upload: u32) {
        let (blob, filename) = (Hash::ZERO, "October.xlsx".to_owned());
        self.given(Fact::UploadOpened(UploadOpened { upload, blob, bytes: 8, filename, catalog_position: 1 }));
    }

    /// Read, checked and written, with so many valid records.
    pub(super) fn checked(&mut self, upload: u32, valid: u32) {
        self.checked_as(upload, valid, vec![total(valid)], vec![]);
    }

    fn checked_as(&mut self, upload: u32, valid: u32, totals: Vec<Total>, exempt_totals: Vec<Total>) {
        self.read(upload, valid);
        self.verdict(upload, valid, totals, exempt_totals);
    }

    /// What ingestion says of a workbook.
    pub(super) fn read(&mut self, upload: u32, valid: u32) {
        let (columns, ignored, categories, parts) = (vec![], vec![], vec![], vec![]);
        let read = FileRead { upload, attempt: 1, columns, ignored, categories, parts, records: valid };
        self.given(Fact::FileRead(Box::new(read)));
    }

    /// What validation says of it.
    pub(super) fn verdict(&mut self, upload: u32, valid: u32, totals: Vec<Total>, exempt_totals: Vec<Total>) {
        self.given(Fact::CheckStarted { upload, attempt: 1, catalog_position: 1 });
        let (parts, codes) = (vec![], vec![]);
        let checked = FileChecked {
            exempt_totals,
            span: None,
            warnings: Vec::new(),
            upload,
            attempt: 1,
            parts,
            valid,
            invalid: 0,
            totals,
            codes,
            summary_parts: 0,
        };
        self.given(Fact::FileChecked(Box::new(checked)));
        self.given(Fact::ProcessedWritten { upload, vendor: Hash::ZERO, provider: None, rejects: None, writer: 1 });
    }

    pub(super) fn written(&mut self, chunk: u16) {
        self.given(Fact::ChunkWritten { chunk, blob: Hash::of(&chunk.to_le_bytes()), bytes: 9 });
    }

    /// A reconciliation workbook was taken.
    pub(super) fn received(&mut self, reconciliation: u16) {
        let (blob, note) = (Hash::of(b"reconciliation"), String::new());
        self.given(Fact::ReconciliationReceived { reconciliation, blob, bytes: 7, note });
    }

    pub(super) fn given(&mut self, fact: Fact) {
        self.sequence += 1;
        let (subject, actor, cause) = (Subject::File(file()), provider().actor, Hash::ZERO);
        let (id, recorded_at) = (EventId::default(), Moment(0));
        self.ledger.evolve(
            self.sequence,
            &Event { id, subject, cause, actor, surface: ledger::Surface::Api, recorded_at, fact },
        );
    }

    pub(super) fn status(&self) -> Status {
        self.ledger.file(file()).unwrap().status()
    }

    /// What extraction begins by itself, recorded too; none when it finds nothing.
    pub(super) fn goes_on(&mut self) -> Option<Fact> {
        let next = ExtractionService::default().next(&self.ledger, file(), &BTreeSet::new());
        let Next::Begin(own) = next else {
            assert!(matches!(next, Next::Nothing), "{next:?}");
            return None;
        };
        let mut facts = self.tells(own).unwrap();
        assert_eq!(facts.len(), 1, "{facts:?}");
        facts.pop()
    }

    pub(super) fn concludes(&self, own: Own) -> Result<Facts, Stale> {
        let context = Context { now: Moment(0), scope: Scope::service(ServiceName::Extraction) };
        ExtractionService::default().conclude(&self.ledger, own, &context)
    }

    /// A job's result, recorded too.
    pub(super) fn tells(&mut self, own: Own) -> Result<Vec<Fact>, Stale> {
        let facts = self.concludes(own)?;
        Ok(self.record(facts))
    }

    /// Asks without recording what comes of it.
    pub(super) fn asks(&self, scope: &Scope, command: &Command) -> Result<Facts, Rejection> {
        let context = Context { now: Moment(0), scope: scope.clone() };
        ExtractionService::default().decide(&self.ledger, command, &context)
    }

    /// Asks as the provider, and records what comes of it.
    pub(super) fn does(&mut self, command: &Command) -> Result<Vec<Fact>, Rejection> {
        let facts = self.asks(&provider(), command)?;
        Ok(self.record(facts))
    }

    fn record(&mut self, facts: Facts) -> Vec<Fact> {
        let mut said = Vec::new();
        for (subject, fact) in facts {
            assert_eq!(subject, Subject::File(file()));
            self.given(fact.clone());
            said.push(fact);
        }
        said
    }
}

/// What the file was created as.
pub(super) fn created() -> FileCreated {
    FileCreated {
        predictive: false,
        reported: false,
        time_zone: String::new(),
        name: "October".to_owned(),
        external_id: String::new(),
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

/// Rows as text: `2-5,9`.
pub(super) fn rows(rows: &RowSet) -> String {
    let run = |(first, length): (u32, u32)| match length {
        1 => first.to_string(),
        _ => format!("{first}-{}", first + length - 1),
    };
    rows.runs().into_iter().map(run).collect::<Vec<_>>().join(",")
}

fn billed(rows: &ClosedRows) -> String {
    let mut text = String::new();
    let mut last = None;
    for (row, billing) in rows.each() {
        let billing = format!("{}/{}", billing.id, billing.note);
        if last.as_ref() == Some(&billing) {
            write!(text, ",{row}").unwrap();
        } else {
            write!(text, " {billing}:{row}").unwrap();
        }
        last = Some(billing);
    }
    text
}

/// Facts as lines: what a reader of a table has to see of each.
pub(super) fn shown(facts: &[Fact]) -> Vec<String> {
    let line = |fact: &Fact| match fact {
        Fact::ChunkOpened { upload, chunk, hub, hub_external_id, totals, records } => {
            let hub = hub.as_ref().map_or("-", |hub| hub.id.as_str());
            let quantity = totals.iter().fold(Decimal::ZERO, |sum, total| sum.saturating_add(total.quantity));
            format!("opened {chunk} of {upload}: {hub} '{hub_external_id}' {records} records, {quantity}")
        }
        Fact::ChunkFilled { upload, chunk, rows: filled } => format!("filled {chunk} of {upload}: {}", rows(filled)),
        Fact::RecordsExempted { upload, reason, rows: exempt, records, totals } => {
            let quantity = totals.iter().fold(Decimal::ZERO, |sum, total| sum.saturating_add(total.quantity));
            format!("exempt of {upload} as {}: {} are {records}, {quantity}", reason.name(), rows(exempt))
        }
        Fact::FileExtracted { upload, chunks, records } => format!("extracted {upload}: {chunks} chunks, {records}"),
        Fact::RecordsClosed { by, rows, records } => {
            let by = match by {
                ClosedBy::Chunk(chunk) => format!("chunk {chunk}"),
                ClosedBy::Reconciliation(index) => format!("reconciliation {index}"),
                ClosedBy::Records => "records".to_owned(),
                ClosedBy::File => "file".to_owned(),
            };
            format!("closed by {by}: {records}{}", billed(rows))
        }
        Fact::ChunkClosed { chunk, billing_id, billing_note } => {
            format!("chunk {chunk} closed: {billing_id}/{billing_note}")
        }
        Fact::FileClosed { upload, records, totals } => {
            format!("file closed: {upload} {records} {}", totals.first().map_or(Decimal::ZERO, |it| it.quantity))
        }
        Fact::ReconciliationProcessed { reconciliation, closed, open, summary, .. } => {
            format!("reconciliation {reconciliation}: {closed} closed, {open} open; {summary}")
        }
        Fact::ChunkFailed { chunk, detail } => format!("failed {chunk}: {detail}"),
        fact => format!("{fact:?}"),
    };
    facts.iter().map(line).collect()
}
