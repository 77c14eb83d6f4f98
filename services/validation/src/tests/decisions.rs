//! What is checked or written next, and how often it is tried.

use ledger::{Command, Context, Fact, Ledger, Moment, Rejection, Scope, ServiceName};
use runtime::decider::Decider;

use super::world::{POSITION, World, checked, created, failed, file, opened, read, ready_to_check, started, written};
use crate::{Job, Own};

#[track_caller]
fn check_next(facts: &[Fact], expected: &str) {
    assert_eq!(World::given(facts).next(file(0), &[]), expected, "after {facts:?}");
}

#[test]
fn an_upload_is_checked_once_it_was_read_and_written_once_it_was_checked() {
    let after = |facts: &[Fact]| [&ready_to_check(1), facts].concat();
    let unreadable = Fact::FileUnreadable { upload: 1, attempt: 1, detail: String::new() };
    check_next(&[], "nothing");
    check_next(&[created("CRD-1", "PRD-1")], "nothing");
    check_next(&[created("CRD-1", "PRD-1"), opened(1)], "nothing");
    check_next(&[created("CRD-1", "PRD-1"), opened(1), Fact::ReadStarted { upload: 1, attempt: 1 }], "nothing");
    check_next(&[created("CRD-1", "PRD-1"), opened(1), unreadable], "nothing");
    check_next(&ready_to_check(1), "check");
    // A beginning without an end is a job that crashed: it begins again.
    check_next(&after(&[started(1, 1)]), "check");
    check_next(&after(&[started(1, 1), checked(1, 1)]), "write");
    check_next(
        &after(&[started(1, 1), checked(1, 1), Fact::ProcessedStarted { upload: 1, attempt: 1, checkpoint: None }]),
        "write",
    );
    check_next(&after(&[started(1, 1), checked(1, 1), written(1)]), "nothing");
    check_next(&after(&[started(1, 1), failed(1, 1)]), "nothing");
    // The end of another attempt is none.
    check_next(&after(&[started(1, 1), started(1, 2), checked(1, 1)]), "check");
    // Another upload counts only once it was read itself.
    for before in [vec![], vec![started(1, 1)], vec![started(1, 1), checked(1, 1), written(1)]] {
        check_next(&[after(&before), vec![opened(2)]].concat(), "nothing");
        check_next(&[after(&before), vec![opened(2), read(2)]].concat(), "check");
    }
}

#[test]
fn a_deleted_file_is_left_alone() {
    let life = [ready_to_check(1), vec![started(1, 1), checked(1, 1)]].concat();
    for length in 1..=life.len() {
        check_next(&[&life[..length], &[Fact::FileDeleted]].concat(), "nothing");
    }
}

#[test]
fn a_file_waits_for_the_catalog_that_it_was_uploaded_against() {
    let mut world = World::given(&ready_to_check(1));
    for (position, expected) in [(0, "later"), (POSITION - 1, "later"), (POSITION, "check"), (POSITION + 2, "check")] {
        world.catalog(position);
        assert_eq!(world.next(file(0), &[]), expected, "{position}");
    }
    // What it is checked against is recorded: the catalog that there is, not the one that it waited for.
    let begun = Fact::CheckStarted { upload: 1, attempt: 1, catalog_position: POSITION + 2 };
    assert_eq!(world.begins(), begun);
    // What was checked doesn't wait any more.
    world.take(file(0), checked(1, 1));
    world.catalog(0);
    assert_eq!(world.next(file(0), &[]), "write");
}

#[test]
fn files_of_one_contract_and_product_are_checked_one_after_the_other() {
    let mut world = World::given(&ready_to_check(1));
    for (other, contract, product) in [(1, "CRD-1", "PRD-1"), (2, "CRD-1", "PRD-2"), (3, "CRD-2", "PRD-1")] {
        world.takes(file(other), &[created(contract, product), opened(1), read(1)]);
    }
    let unknown = file(9);
    for (running, expected) in [
        (vec![], "check"),
        (vec![file(1)], "later"),
        (vec![file(2)], "check"),
        (vec![file(3)], "check"),
        (vec![file(3), file(1), file(2)], "later"),
        (vec![unknown], "check"),
    ] {
        assert_eq!(world.next(file(0), &running), expected, "{running:?}");
    }
    // Workbooks need no order: no id is decided on there.
    world.takes(file(0), &[started(1, 1), checked(1, 1)]);
    assert_eq!(world.next(file(0), &[file(1)]), "write");
}

#[test]
fn the_third_crash_of_checking_ends_in_a_reason() {
    let mut world = World::given(&ready_to_check(1));
    assert!(world.service.job(&world.ledger, file(0)).is_none(), "nothing has begun");
    for attempt in 1..=3 {
        assert_eq!(world.begins(), started(1, attempt));
        assert!(matches!(world.service.job(&world.ledger, file(0)), Some(Job::Check(_))));
    }
    let Fact::CheckFailed { upload: 1, attempt: 3, detail } = world.begins() else { panic!() };
    assert!(detail.contains("stopped three times while checking"), "{detail}");
    assert!(world.service.job(&world.ledger, file(0)).is_none());
    assert_eq!(world.next(file(0), &[]), "nothing");
    // Another upload has attempts of its own.
    world.takes(file(0), &[opened(2), read(2)]);
    assert_eq!(world.begins(), started(2, 1));
}

#[test]
fn the_third_crash_of_writing_ends_in_a_reason() {
    let mut world = World::given(&[ready_to_check(1), vec![started(1, 2), checked(1, 2)]].concat());
    for attempt in 1..=3 {
        assert_eq!(world.begins(), Fact::ProcessedStarted { upload: 1, attempt, checkpoint: None });
        assert!(matches!(world.service.job(&world.ledger, file(0)), Some(Job::Write(_))));
    }
    let Fact::CheckFailed { upload: 1, attempt: 2, detail } = world.begins() else { panic!() };
    assert!(detail.contains("stopped three times while writing"), "{detail}");
    assert!(world.service.job(&world.ledger, file(0)).is_none());
    assert_eq!(world.next(file(0), &[]), "nothing");
}

#[test]
fn a_written_file_needs_no_job() {
    let world = World::given(&[ready_to_check(1), vec![started(1, 1), checked(1, 1), written(1)]].concat());
    assert!(world.service.job(&world.ledger, file(0)).is_none());
    assert!(world.service.job(&world.ledger, file(1)).is_none(), "an unknown file");
}

#[test]
fn nothing_is_asked_of_validation() {
    let world = World::new();
    let context = Context { now: Moment(0), scope: Scope::service(ServiceName::Validation) };
    let command = Command::SubmitFile { file: file(0) };
    assert_eq!(world.service.decide(&Ledger::default(), &command, &context), Err(Rejection::NotFound));
    for own in [Own::StartCheck { file: file(0) }, Own::StartProcessed { file: file(0) }] {
        assert!(world.concludes(own).is_err(), "an unknown file");
    }
}
