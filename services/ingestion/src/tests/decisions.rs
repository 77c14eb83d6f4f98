//! Which upload is read next, by which attempt, and whose results count.

use std::collections::BTreeSet;

use ledger::catalog::{Environment, Schema};
use ledger::fact::{FileCreated, FileRead, RecordsRead, RecordsRooted, UploadOpened};
use ledger::{
    Actor, Command, Context, Event, EventId, Fact, FileId, Hash, Ledger, Moment, Named, ObjectId, Partition, Rejection,
    Scope, ServiceName, Subject,
};
use runtime::decider::{Decider, Next, Stale};

use crate::{IngestionService, Own, Source};

fn file() -> FileId {
    FileId::new(2026, 11, Partition(0), 0).unwrap()
}

pub(super) fn context() -> Context {
    Context { now: Moment(0), scope: Scope::service(ServiceName::Ingestion) }
}

/// What ingestion knows after some facts about the one file.
fn given(facts: &[Fact]) -> Ledger {
    let mut ledger = Ledger::default();
    facts.iter().for_each(|fact| take(&mut ledger, fact));
    ledger
}

fn take(ledger: &mut Ledger, fact: &Fact) {
    let (subject, actor, fact) = (Subject::File(file()), Actor::Operator, fact.clone());
    let (id, cause, recorded_at) = (EventId::default(), Hash::ZERO, Moment(0));
    ledger.evolve(1, &Event { id, subject, cause, actor, surface: ledger::Surface::Api, recorded_at, fact });
}

pub(super) fn created() -> Fact {
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
        product: named("PRD-1"),
        contract: named("CRD-1"),
        marketplace: named("MP-1"),
        vendor: named("VA-1"),
        provider: named("PA-1"),
    }))
}

fn blob(upload: u32) -> Hash {
    Hash::of(&upload.to_le_bytes())
}

fn opened(upload: u32) -> Fact {
    let filename = format!("{upload}.xlsx");
    Fact::UploadOpened(UploadOpened { upload, blob: blob(upload), bytes: 8, filename, catalog_position: 1 })
}

fn started(upload: u32, attempt: u32) -> Fact {
    Fact::ReadStarted { upload, attempt }
}

fn batch(upload: u32, attempt: u32) -> Box<RecordsRead> {
    let (root, payload) = (Hash::ZERO, Vec::new());
    Box::new(RecordsRead { upload, attempt, part: 0, first_row: 2, last_row: 3, records: 2, root, payload })
}

fn read(upload: u32, attempt: u32) -> Box<FileRead> {
    let (columns, ignored, categories, parts) = (vec![], vec![], vec![], vec![]);
    Box::new(FileRead { upload, attempt, columns, ignored, categories, parts, records: 2 })
}

fn unreadable(upload: u32, attempt: u32) -> Fact {
    Fact::FileUnreadable { upload, attempt, detail: "it is a picture".to_owned() }
}

/// What ingestion finds to do, recorded too; none when it finds nothing.
fn goes_on(ledger: &mut Ledger) -> Option<Fact> {
    let Next::Begin(own) = IngestionService::default().next(ledger, file(), &BTreeSet::new()) else { return None };
    let facts = IngestionService::default().conclude(ledger, own, &context()).unwrap();
    let [(Subject::File(about), fact)] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!(*about, file());
    take(ledger, fact);
    Some(fact.clone())
}

#[track_caller]
fn check_next(facts: &[Fact], expected: Option<Fact>) {
    let mut ledger = given(facts);
    let next = IngestionService::default().next(&ledger, file(), &BTreeSet::new());
    assert_eq!(matches!(next, Next::Nothing), expected.is_none(), "{next:?} after {facts:?}");
    assert_eq!(goes_on(&mut ledger), expected, "after {facts:?}");
}

#[test]
fn an_upload_is_read_until_it_has_an_end() {
    let to_read = [created(), opened(1)];
    let after = |facts: &[Fact]| [&to_read, facts].concat();
    check_next(&[], None);
    check_next(&[opened(1)], None);
    check_next(&[created()], None);
    check_next(&to_read, Some(started(1, 1)));
    check_next(&after(&[started(1, 1)]), Some(started(1, 2)));
    check_next(&after(&[started(1, 1), Fact::RecordsRead(batch(1, 1))]), Some(started(1, 2)));
    check_next(&after(&[started(1, 1), Fact::FileRead(read(1, 1))]), None);
    check_next(&after(&[started(1, 1), unreadable(1, 1)]), None);
    // A newer upload is read from its first attempt on, whatever became of the one before.
    for end in [vec![], vec![started(1, 3)], vec![started(1, 1), unreadable(1, 1)]] {
        check_next(&[after(&end), vec![opened(2)]].concat(), Some(started(2, 1)));
    }
}

#[test]
fn a_deleted_file_is_left_alone() {
    let mut life = vec![created(), opened(1), started(1, 1)];
    for length in 1..=life.len() {
        let facts = [&life[..length], &[Fact::FileDeleted]].concat();
        check_next(&facts, None);
    }
    life.push(Fact::FileDeleted);
    for own in results(1, 1) {
        assert_eq!(IngestionService::default().conclude(&given(&life), own, &context()), Err(Stale));
    }
}

#[test]
fn the_third_attempt_is_the_last() {
    let mut ledger = given(&[created(), opened(1)]);
    for attempt in 1..=3 {
        assert_eq!(goes_on(&mut ledger), Some(started(1, attempt)));
        let job = IngestionService::default().job(&ledger, file()).unwrap();
        assert_eq!((job.file, job.upload, job.attempt, job.source), (file(), 1, attempt, Source::Workbook(blob(1))));
    }
    let Some(Fact::FileUnreadable { upload: 1, attempt: 3, detail }) = goes_on(&mut ledger) else { panic!() };
    assert!(detail.contains("stopped three times") && detail.contains("upload it again"), "{detail}");
    assert!(IngestionService::default().job(&ledger, file()).is_none(), "the end is no beginning");
    assert_eq!(goes_on(&mut ledger), None);
    take(&mut ledger, &opened(2));
    assert!(IngestionService::default().job(&ledger, file()).is_none(), "nothing has begun");
    assert_eq!(goes_on(&mut ledger), Some(started(2, 1)));
    let job = IngestionService::default().job(&ledger, file()).map(|job| (job.upload, job.source));
    assert_eq!(job, Some((2, Source::Workbook(blob(2)))));
}

/// One result of each kind, as a job of this upload and attempt tells them.
fn results(upload: u32, attempt: u32) -> [Own; 3] {
    let (file, detail) = (file(), "it is a picture".to_owned());
    [
        Own::Batch { file, read: batch(upload, attempt) },
        Own::Done { file, root: Hash::of(b"root"), read: read(upload, attempt) },
        Own::Unreadable { file, upload, attempt, detail },
    ]
}

/// The facts that each kind of result becomes.
fn recorded(upload: u32, attempt: u32) -> [Vec<Fact>; 3] {
    let (root, columns) = (Hash::of(b"root"), Vec::new());
    let rooted = RecordsRooted { upload, attempt, records: 2, batches: 0, root, columns };
    let done = vec![Fact::RecordsRooted(Box::new(rooted)), Fact::FileRead(read(upload, attempt))];
    [vec![Fact::RecordsRead(batch(upload, attempt))], done, vec![unreadable(upload, attempt)]]
}

#[track_caller]
fn check_results(facts: &[Fact], (upload, attempt): (u32, u32), counts: bool) {
    let ledger = given(facts);
    for (own, told) in results(upload, attempt).into_iter().zip(recorded(upload, attempt)) {
        let recorded = told.into_iter().map(|fact| (Subject::File(file()), fact)).collect();
        let expected = if counts { Ok(recorded) } else { Err(Stale) };
        let shown = format!("{own:?} after {facts:?}");
        assert_eq!(IngestionService::default().conclude(&ledger, own, &context()), expected, "{shown}");
    }
}

#[test]
fn only_the_current_attempt_at_the_current_upload_counts() {
    let running = [created(), opened(1), started(1, 1), opened(2), started(2, 1), started(2, 2)];
    for at in [(1, 1), (2, 1), (2, 2), (2, 3), (3, 1), (0, 0)] {
        check_results(&running, at, at == (2, 2));
    }
    let after = |facts: &[Fact]| [&running, facts].concat();
    check_results(&after(&[Fact::RecordsRead(batch(2, 2))]), (2, 2), true);
    // After its end nothing more is said of it.
    check_results(&after(&[Fact::FileRead(read(2, 2))]), (2, 2), false);
    check_results(&after(&[unreadable(2, 2)]), (2, 2), false);
    // Another workbook has taken its place, whether reading that one has begun or not.
    check_results(&after(&[opened(3)]), (2, 2), false);
    check_results(&after(&[opened(3), started(3, 1)]), (2, 2), false);
    // Nothing has begun, or nothing is there.
    check_results(&[created(), opened(1)], (1, 1), false);
    check_results(&[created()], (0, 0), false);
    check_results(&[], (1, 1), false);
}

#[test]
fn a_beginning_needs_a_file() {
    let concluded = IngestionService::default().conclude(&Ledger::default(), Own::Start { file: file() }, &context());
    assert_eq!(concluded, Err(Stale));
    assert!(IngestionService::default().job(&Ledger::default(), file()).is_none());
}

#[test]
fn nothing_is_asked_of_ingestion() {
    let ledger = given(&[created(), opened(1)]);
    let command = Command::SubmitFile { file: file() };
    assert_eq!(IngestionService::default().decide(&ledger, &command, &context()), Err(Rejection::NotFound));
}
