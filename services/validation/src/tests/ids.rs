//! Whose record ids are taken, and what the index still has to be told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ledger::record::{CheckedBatch, CheckedRecord};
use ledger::{Fact, FileId, HostId, ServiceName};
use runtime::decider::Decider;
use runtime::records::Records;

use super::world::{
    Log, World, batch, checked, event, failed, file, opened, read, ready_to_check, started, verdict, written,
};
use crate::ids::Ids;

fn ids(dir: &Path) -> Ids {
    Ids::open(&dir.join("ids"), u64::MAX).unwrap()
}

fn key(byte: u8) -> [u8; 12] {
    [byte; 12]
}

/// The ordinals under which some ids were seen.
fn found(ids: &Ids, records: &Records, keys: &[u8]) -> BTreeSet<(u8, u32)> {
    let sorted: Vec<[u8; 12]> = keys.iter().copied().map(key).collect();
    let mut found = BTreeSet::new();
    let reader = ids.reader(records).unwrap();
    reader.lookup_sorted(&sorted, |at, ordinal| found.extend([(keys[at], ordinal)])).unwrap();
    found
}

fn ordinals(alive: &BTreeMap<u32, FileId>) -> Vec<u32> {
    alive.keys().copied().collect()
}

fn submitted(upload: u32) -> Fact {
    Fact::FileSubmitted { upload }
}

#[track_caller]
fn check_alive(since: &[Fact], expected: bool) {
    let dir = tempfile::tempdir().unwrap();
    let ids = ids(dir.path());
    let mut world = World::given(&[ready_to_check(1), vec![started(1, 1), checked(1, 1), written(1)]].concat());
    ids.note(9, file(0), &verdict(1, 1, 0, &[]));
    world.takes(file(0), since);
    let other = BTreeMap::from_iter(expected.then_some((0, file(0))));
    assert_eq!(ids.alive(&world.ledger, Some(file(1))), other, "after {since:?}");
    assert!(ids.alive(&world.ledger, Some(file(0))).is_empty(), "its own ids are free for itself");
}

#[test]
fn ids_are_taken_from_the_verdict_on_and_free_when_the_upload_comes_to_nothing() {
    let note = String::new;
    check_alive(&[], true);
    check_alive(&[submitted(1)], true);
    check_alive(&[submitted(1), Fact::FileAccepted { upload: 1, note: note() }], true);
    check_alive(&[submitted(1), Fact::FileRejected { upload: 1, note: note() }], false);
    check_alive(&[Fact::FileDeleted], false);
    // Another upload: the ids of the first are free before it is checked, and it has a verdict of its own.
    check_alive(&[opened(2)], false);
    check_alive(&[opened(2), read(2), started(2, 1), checked(2, 1), written(2)], false);
    check_alive(&[submitted(1), Fact::FileRejected { upload: 1, note: note() }, opened(2)], false);
}

#[test]
fn an_accepted_and_closed_file_keeps_its_ids_for_ever() {
    let note = String::new();
    let closed = Fact::FileClosed { upload: 1, records: 2, totals: vec![] };
    let begun = Fact::ExtractionStarted { upload: 1, attempt: 1 };
    check_alive(&[submitted(1), Fact::FileAccepted { upload: 1, note }, begun, closed], true);
}

#[test]
fn only_valid_uploads_have_an_ordinal_in_the_order_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let ids = ids(dir.path());
    let mut world = World::new();
    for count in 0..4 {
        world.takes(file(count), &[ready_to_check(1), vec![started(1, 1), checked(1, 1), written(1)]].concat());
    }
    ids.note(3, file(2), &verdict(1, 1, 0, &[]));
    ids.note(5, file(3), &verdict(1, 1, 1, &[]));
    ids.note(8, file(0), &verdict(1, 1, 0, &[]));
    let alive = ids.alive(&world.ledger, Some(file(1)));
    assert_eq!(alive, BTreeMap::from([(0, file(2)), (1, file(0))]), "an invalid upload has none");
    assert_eq!(ordinals(&ids.alive(&world.ledger, Some(file(2)))), [1]);
    // A file that nobody knows takes no id.
    ids.note(11, file(9), &verdict(1, 1, 0, &[]));
    assert_eq!(ordinals(&ids.alive(&world.ledger, Some(file(1)))), [0, 1]);
}

#[test]
fn the_service_notes_its_own_verdicts_only() {
    let mut world = World::new();
    world.takes(file(0), &[ready_to_check(1), vec![started(1, 1), checked(1, 1), written(1)]].concat());
    let heard = |service, sequence, fact| {
        world.service.heard(&world.ledger, HostId::new(service, 0), sequence, &event(file(0), fact));
        ordinals(&world.service.ids.alive(&world.ledger, Some(file(1))))
    };
    assert!(heard(ServiceName::Approval, 1, submitted(1)).is_empty());
    assert!(heard(ServiceName::Ingestion, 1, checked(1, 1)).is_empty(), "another's word");
    assert!(heard(ServiceName::Validation, 2, Fact::RecordsChecked(batch(1, 1))).is_empty());
    assert!(heard(ServiceName::Validation, 3, failed(1, 1)).is_empty());
    assert_eq!(heard(ServiceName::Validation, 4, checked(1, 1)), [0]);
}

impl Log {
    /// A file with one record for each of these ids, checked; the verdict's sequence.
    fn check(&mut self, file: FileId, keys: &[u8], invalid: u32) -> (u64, Fact) {
        let parts: Vec<u64> = keys.chunks(2).map(|keys| self.batch(file, keys)).collect();
        let fact = Fact::FileChecked(verdict(1, 1, invalid, &parts));
        (self.say(file, fact.clone()), fact)
    }

    fn batch(&mut self, file: FileId, keys: &[u8]) -> u64 {
        let record = |(row, byte): (u32, &u8)| CheckedRecord { row, key: key(*byte), ..CheckedRecord::default() };
        let records = (2..).zip(keys).map(record).collect();
        let payload = proto::encode_checked_batch(&CheckedBatch { records, ..CheckedBatch::default() }).unwrap();
        let mut checked = batch(1, 1);
        checked.payload = payload;
        self.say(file, Fact::RecordsChecked(checked))
    }
}

fn note(ids: &Ids, verdicts: &[(FileId, (u64, Fact))]) {
    for (file, (sequence, fact)) in verdicts {
        let Fact::FileChecked(checked) = fact else { panic!("{fact:?}") };
        ids.note(*sequence, *file, checked);
    }
}

#[test]
fn an_index_that_was_deleted_is_made_again_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path());
    let verdicts = [
        (file(0), log.check(file(0), &[1, 2, 3], 0)),
        (file(1), log.check(file(1), &[4], 1)),
        (file(2), log.check(file(2), &[3, 5], 0)),
    ];
    let expected = BTreeSet::from([(1, 0), (2, 0), (3, 0), (3, 1), (5, 1)]);
    let keys = [1, 2, 3, 4, 5, 6];
    let first = ids(dir.path());
    note(&first, &verdicts);
    assert_eq!(found(&first, &log.records, &keys), expected);
    drop(first);
    // A restart hears every verdict again; what the index holds is not read again from the log.
    let second = ids(dir.path());
    note(&second, &verdicts);
    assert_eq!(found(&second, &Records::default(), &keys), expected);
    drop(second);
    std::fs::remove_dir_all(dir.path().join("ids")).unwrap();
    let third = ids(dir.path());
    note(&third, &verdicts);
    assert_eq!(found(&third, &log.records, &keys), expected);
    drop(third);
    // A damaged one is thrown away.
    for entry in std::fs::read_dir(dir.path().join("ids")).unwrap() {
        std::fs::write(entry.unwrap().path(), b"half").unwrap();
    }
    let fourth = ids(dir.path());
    note(&fourth, &verdicts);
    assert_eq!(found(&fourth, &log.records, &keys), expected);
}

#[test]
fn what_a_job_adds_out_of_turn_is_not_lost_in_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path());
    let verdicts = [(file(0), log.check(file(0), &[1], 0)), (file(1), log.check(file(1), &[2], 0))];
    let (late, early) = (verdicts[0].1.0, verdicts[1].1.0);
    let first = ids(dir.path());
    note(&first, &verdicts);
    // The second file's job was faster; then the process stopped.
    first.add_verdict(early, vec![key(2)], &log.records, file(1)).unwrap();
    drop(first);
    let second = ids(dir.path());
    note(&second, &verdicts);
    assert_eq!(found(&second, &log.records, &[1, 2]), BTreeSet::from([(1, 0), (2, 1)]));
    // A job that ends after the index was made whole adds nothing twice.
    second.add_verdict(late, vec![key(1), key(7)], &log.records, file(0)).unwrap();
    assert_eq!(found(&second, &log.records, &[1, 2, 7, 8]), BTreeSet::from([(1, 0), (2, 1)]));
}

#[test]
fn an_index_ahead_of_its_log_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path());
    let verdicts = [(file(0), log.check(file(0), &[1], 0))];
    let first = ids(dir.path());
    note(&first, &verdicts);
    assert_eq!(found(&first, &log.records, &[1]), BTreeSet::from([(1, 0)]));
    drop(first);
    // The log lost its end in a power cut that the index survived: what the index knows never happened.
    let second = Ids::open(&dir.path().join("ids"), 0).unwrap();
    assert_eq!(found(&second, &Records::default(), &[1]), BTreeSet::new());
}
