//! A ledger that is given facts about files, and a service over an index of record ids in a temporary folder.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ledger::catalog::{Environment, Schema};
use ledger::fact::{FileChecked, FileCreated, FileRead, Part, RecordsChecked, UploadOpened};
use ledger::{
    Actor, Context, Event, EventId, Fact, FileId, Hash, HostId, Ledger, Moment, Named, ObjectId, Partition, Scope,
    ServiceName, Subject,
};
use runtime::decider::{Decider, Facts, Next, Stale};
use runtime::log::{LogSettings, LogWriter, Logs, NewEntry};
use runtime::records::Records;

use crate::{Own, ValidationService};

const HOST: HostId = HostId { service: ServiceName::Validation, partition: Partition(0) };

/// The catalog position at which every workbook of these tests was opened.
pub(super) const POSITION: u64 = 7;

pub(super) fn file(count: u32) -> FileId {
    FileId::new(2026, 11, Partition(0), count).unwrap()
}

pub(super) struct World {
    pub(super) ledger: Ledger,
    pub(super) service: ValidationService,
    _dir: tempfile::TempDir,
}

impl World {
    /// Nothing but a catalog of that position.
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let service = ValidationService::open(&dir.path().join("ids"), 0).unwrap();
        let mut world = Self { ledger: Ledger::default(), service, _dir: dir };
        world.catalog(POSITION);
        world
    }

    /// The first file, after some facts about it.
    pub(super) fn given(facts: &[Fact]) -> Self {
        let mut world = Self::new();
        facts.iter().for_each(|fact| world.take(file(0), fact.clone()));
        world
    }

    pub(super) fn catalog(&mut self, position: u64) {
        Arc::make_mut(&mut self.ledger.catalog).position = position;
    }

    pub(super) fn take(&mut self, file: FileId, fact: Fact) {
        self.ledger.evolve(1, &event(file, fact));
    }

    pub(super) fn takes(&mut self, file: FileId, facts: &[Fact]) {
        facts.iter().for_each(|fact| self.take(file, fact.clone()));
    }

    /// What is to be done about a file: `later`, `nothing`, or what is begun.
    pub(super) fn next(&self, about: FileId, running: &[FileId]) -> &'static str {
        let running: BTreeSet<FileId> = running.iter().copied().collect();
        match self.service.next(&self.ledger, about, &running) {
            Next::Nothing => "nothing",
            Next::Later => "later",
            Next::Begin(Own::StartCheck { file }) if file == about => "check",
            Next::Begin(Own::StartProcessed { file }) if file == about => "write",
            next => panic!("{next:?}"),
        }
    }

    pub(super) fn concludes(&self, own: Own) -> Result<Facts, Stale> {
        let context = Context { now: Moment(0), scope: Scope::service(ServiceName::Validation) };
        self.service.conclude(&self.ledger, own, &context)
    }

    /// What validation begins about the first file, recorded too.
    pub(super) fn begins(&mut self) -> Fact {
        let Next::Begin(own) = self.service.next(&self.ledger, file(0), &BTreeSet::new()) else { panic!() };
        let facts = self.concludes(own).unwrap();
        let [(Subject::File(about), fact)] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!(*about, file(0));
        self.take(file(0), fact.clone());
        fact.clone()
    }
}

pub(super) fn event(file: FileId, fact: Fact) -> Event {
    let (id, cause, actor) = (EventId::default(), Hash::ZERO, Actor::Operator);
    Event {
        id,
        subject: Subject::File(file),
        cause,
        actor,
        surface: ledger::Surface::Api,
        recorded_at: Moment(0),
        fact,
    }
}

pub(super) fn created(contract: &str, product: &str) -> Fact {
    let named = |text: &str| Named { id: ObjectId::new(text).unwrap(), name: text.to_owned() };
    Fact::FileCreated(Box::new(FileCreated {
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
        product: named(product),
        contract: named(contract),
        marketplace: named("MP-1"),
        vendor: named("VA-1"),
        provider: named("PA-1"),
    }))
}

pub(super) fn opened(upload: u32) -> Fact {
    let (blob, filename) = (Hash::ZERO, "October.xlsx".to_owned());
    Fact::UploadOpened(UploadOpened { upload, blob, bytes: 8, filename, catalog_position: POSITION })
}

pub(super) fn read(upload: u32) -> Fact {
    let part = Part { sequence: 5, first_row: 2, last_row: 3, records: 2 };
    let (columns, ignored, categories, parts) = (vec![], vec![], vec![], vec![part]);
    Fact::FileRead(Box::new(FileRead { upload, attempt: 1, columns, ignored, categories, parts, records: 2 }))
}

/// A file of the usual contract and product whose upload was read.
pub(super) fn ready_to_check(upload: u32) -> Vec<Fact> {
    vec![created("CRD-1", "PRD-1"), opened(upload), read(upload)]
}

pub(super) fn started(upload: u32, attempt: u32) -> Fact {
    Fact::CheckStarted { upload, attempt, catalog_position: POSITION }
}

pub(super) fn batch(upload: u32, attempt: u32) -> Box<RecordsChecked> {
    Box::new(RecordsChecked {
        upload,
        attempt,
        part: 0,
        first_row: 2,
        last_row: 3,
        valid: 1,
        invalid: 1,
        read_sequence: 5,
        read_hash: Hash::ZERO,
        payload: Vec::new(),
    })
}

/// A verdict whose checked batches stand at these sequences.
pub(super) fn verdict(upload: u32, attempt: u32, invalid: u32, sequences: &[u64]) -> Box<FileChecked> {
    let part = |&sequence: &u64| Part { sequence, first_row: 2, last_row: 3, records: 2 };
    let parts = sequences.iter().map(part).collect();
    let (totals, codes) = (vec![], vec![]);
    Box::new(FileChecked {
        exempt_totals: Vec::new(),
        span: None,
        warnings: Vec::new(),
        upload,
        attempt,
        parts,
        valid: 2,
        invalid,
        totals,
        codes,
        summary_parts: 0,
    })
}

pub(super) fn checked(upload: u32, attempt: u32) -> Fact {
    Fact::FileChecked(verdict(upload, attempt, 0, &[]))
}

pub(super) fn failed(upload: u32, attempt: u32) -> Fact {
    Fact::CheckFailed { upload, attempt, detail: "the disk is full".to_owned() }
}

pub(super) fn written(upload: u32) -> Fact {
    let (vendor, provider) = (Hash::of(b"vendor"), Some(Hash::of(b"provider")));
    Fact::ProcessedWritten { upload, vendor, provider, rejects: None, writer: workbook::usage::WRITER_VERSION }
}

/// A log of validation's, and what reads it.
pub(super) struct Log {
    writer: LogWriter,
    pub(super) records: Records,
    _logs: Logs,
}

impl Log {
    pub(super) fn open(dir: &Path) -> Self {
        let logs = Logs::open(&dir.join("log"), &[HOST], LogSettings::default()).unwrap();
        let records = Records::new([logs.reader(HOST).unwrap().into()]);
        Self { writer: logs.writer(HOST).unwrap(), records, _logs: logs }
    }

    pub(super) fn say(&mut self, file: FileId, fact: Fact) -> u64 {
        let payload = proto::encode_event(&event(file, fact));
        let appended = self.writer.append(vec![NewEntry::Own { id: None, payload }]).unwrap();
        let sequence = appended.headers[0].sequence;
        appended.ticket.wait().unwrap();
        sequence
    }
}
