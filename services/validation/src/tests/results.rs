//! Whose results count, and what a verdict is recorded as.

use ledger::fact::{DynamicItem, SummaryLine};
use ledger::file::Processed;
use ledger::{Decimal, Fact, Hash, Named, ObjectId, Subject};
use runtime::decider::Stale;

use super::world::{World, batch, checked, failed, file, opened, read, ready_to_check, started, verdict, written};
use crate::Own;

fn lines(count: u32) -> Vec<SummaryLine> {
    let line = |number: u32| SummaryLine {
        subscription: ObjectId::new("AS-1").unwrap(),
        item: ObjectId::new(&format!("PRD-1-{number:04}")).unwrap(),
        tier: None,
        records: number,
        quantity: Decimal::from_units(number.into()),
        amount: Decimal::ZERO,
    };
    (0..count).map(line).collect()
}

#[track_caller]
fn check_parts(count: u32, expected: &[usize]) {
    let world = World::given(&[ready_to_check(1), vec![started(1, 1)]].concat());
    let own = Own::Done { file: file(0), checked: verdict(1, 1, 0, &[8, 9]), lines: lines(count), items: vec![] };
    let facts = world.concludes(own).unwrap();
    assert!(facts.iter().all(|(subject, _)| *subject == Subject::File(file(0))));
    let mut said = Vec::new();
    let (last, summaries) = facts.split_last().unwrap();
    for (at, (_, fact)) in (0..).zip(summaries) {
        let Fact::UsageSummarized { upload: 1, attempt: 1, part, lines } = fact else { panic!("{fact:?}") };
        assert_eq!(*part, at);
        said.push(lines.clone());
    }
    assert_eq!(said.iter().map(Vec::len).collect::<Vec<_>>(), expected);
    assert_eq!(said.concat(), lines(count), "in their order");
    // The verdict comes last: whoever has heard it has heard every sum.
    let mut whole = verdict(1, 1, 0, &[8, 9]);
    whole.summary_parts = u32::try_from(expected.len()).unwrap();
    assert_eq!(last.1, Fact::FileChecked(whole));
}

#[test]
fn a_verdict_is_preceded_by_its_sums_in_parts() {
    check_parts(0, &[]);
    check_parts(1, &[1]);
    check_parts(500, &[500]);
    check_parts(501, &[500, 1]);
    check_parts(1_203, &[500, 500, 203]);
}

#[track_caller]
fn check_items(count: u32, name_bytes: usize, expected: &[usize]) {
    let item = |number: u32| DynamicItem {
        named: Named { id: ObjectId::new(&format!("PRD-1-D{number:012}")).unwrap(), name: "n".repeat(name_bytes) },
        mpn: number.to_string(),
        unit: "u".to_owned(),
        places: 0,
        row: number + 2,
    };
    let all: Vec<DynamicItem> = (0..count).map(item).collect();
    let world = World::given(&[ready_to_check(1), vec![started(1, 1)]].concat());
    let own = Own::Done { file: file(0), checked: verdict(1, 1, 0, &[]), lines: lines(1), items: all.clone() };
    let facts = world.concludes(own).unwrap();
    let mut said = Vec::new();
    // The sums come before, the verdict after them.
    for (at, (_, fact)) in (0..).zip(&facts[1..facts.len() - 1]) {
        let Fact::DynamicItemsFound { upload: 1, attempt: 1, part, items } = fact else { panic!("{fact:?}") };
        assert_eq!(*part, at);
        said.push(items.clone());
    }
    assert_eq!(said.iter().map(Vec::len).collect::<Vec<_>>(), expected);
    assert_eq!(said.concat(), all);
}

#[test]
fn items_that_records_brought_are_recorded_in_parts_that_fit() {
    check_items(0, 8, &[]);
    check_items(200, 8, &[200]);
    check_items(401, 8, &[200, 200, 1]);
    // Names as long as any alphabet makes them.
    check_items(200, 512, &[92, 91, 17]);
}

/// One result of each kind that checking tells.
fn results(upload: u32, attempt: u32) -> [Own; 3] {
    let (file, detail) = (file(0), "the disk is full".to_owned());
    [
        Own::Batch { file, checked: batch(upload, attempt) },
        Own::Done { file, checked: verdict(upload, attempt, 0, &[]), lines: vec![], items: vec![] },
        Own::Failed { file, upload, attempt, detail },
    ]
}

#[track_caller]
fn check_results(facts: &[Fact], (upload, attempt): (u32, u32), counts: bool) {
    let world = World::given(facts);
    let recorded = [Fact::RecordsChecked(batch(upload, attempt)), checked(upload, attempt), failed(upload, attempt)];
    for (own, fact) in results(upload, attempt).into_iter().zip(recorded) {
        let expected = if counts { Ok(vec![(Subject::File(file(0)), fact)]) } else { Err(Stale) };
        let shown = format!("{own:?} after {facts:?}");
        assert_eq!(world.concludes(own), expected, "{shown}");
    }
}

#[test]
fn only_the_current_attempt_at_the_current_upload_counts() {
    let running = [ready_to_check(1), vec![started(1, 1), opened(2), read(2), started(2, 1), started(2, 2)]].concat();
    for at in [(1, 1), (2, 1), (2, 2), (2, 3), (3, 1), (0, 0)] {
        check_results(&running, at, at == (2, 2));
    }
    let after = |facts: &[Fact]| [&running, facts].concat();
    check_results(&after(&[Fact::RecordsChecked(batch(2, 2))]), (2, 2), true);
    check_results(&after(&[checked(2, 2), written(2)]), (2, 2), false);
    check_results(&after(&[opened(3)]), (2, 2), false);
    check_results(&after(&[opened(3), read(3), started(3, 1)]), (2, 2), false);
    check_results(&ready_to_check(1), (1, 1), false);
    check_results(&[], (1, 1), false);
}

#[test]
fn a_deleted_file_and_an_ended_check_take_no_more_records() {
    let running = [ready_to_check(1), vec![started(1, 1)]].concat();
    for end in [Fact::FileDeleted, checked(1, 1), failed(1, 1)] {
        let world = World::given(&[running.clone(), vec![end]].concat());
        let [batch, done, _] = results(1, 1);
        assert_eq!((world.concludes(batch), world.concludes(done)), (Err(Stale), Err(Stale)));
    }
}

#[test]
fn what_fails_after_the_verdict_is_told_too_until_the_workbooks_are_there() {
    let running = [ready_to_check(1), vec![started(1, 1), checked(1, 1)]].concat();
    let [.., own] = results(1, 1);
    let expected = vec![(Subject::File(file(0)), failed(1, 1))];
    assert_eq!(World::given(&running).concludes(own.clone()), Ok(expected));
    let world = World::given(&[running, vec![written(1)]].concat());
    assert_eq!(world.concludes(own), Err(Stale));
}

#[test]
fn workbooks_count_once_and_for_their_upload() {
    let (vendor, provider) = (Hash::of(b"vendor"), Some(Hash::of(b"provider")));
    let written_now = Processed { vendor, provider, rejects: None };
    let own = |upload| Own::Processed { file: file(0), upload, written: written_now };
    let checked = [ready_to_check(1), vec![started(1, 1), checked(1, 1)]].concat();
    let world = World::given(&checked);
    assert_eq!(world.concludes(own(1)), Ok(vec![(Subject::File(file(0)), written(1))]));
    assert_eq!(world.concludes(own(2)), Err(Stale));
    assert_eq!(World::given(&[checked.clone(), vec![written(1)]].concat()).concludes(own(1)), Err(Stale));
    for upload in [1, 2] {
        assert_eq!(World::given(&[checked.clone(), vec![opened(2)]].concat()).concludes(own(upload)), Err(Stale));
    }
    assert_eq!(World::new().concludes(own(1)), Err(Stale));
}
