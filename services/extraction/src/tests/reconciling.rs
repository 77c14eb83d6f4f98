//! Reconciliation workbooks: taken, read, applied; what they leave open is named.

use ledger::record::{Billing, ClosedRows};
use ledger::{Command, Fact, Hash, Rejection, Status};
use runtime::decider::{Decider, Stale};
use workbook::reconciled::RowResult;

use super::world::{World, billing, file, provider, shown};
use crate::result::{Before, RowRead, Seen, outcome};
use crate::{ExtractionService, Job, Own, Reconciled};

fn receive(note: &str) -> Command {
    Command::ReceiveReconciliation { file: file(), blob: Hash::of(b"workbook"), bytes: 7, note: note.to_owned() }
}

/// What a job read: rows that each have a billing of their own.
fn found(index: u16, rows: &[(u32, Billing)], problems: &[&str]) -> Own {
    let mut closed = ClosedRows::default();
    assert!(rows.is_sorted_by_key(|(row, _)| row), "as the job gives them");
    for (at, (row, billing)) in (0..).zip(rows) {
        closed.rows.insert(*row);
        closed.billings.push(billing.clone());
        closed.refs.push(at);
    }
    let problem_count = u32::try_from(problems.len()).unwrap();
    let problems = problems.iter().map(|problem| (*problem).to_owned()).collect();
    let (id, processed) = (file().reconciliation(index), Some(Hash::of(b"result")));
    Own::Reconciled(Box::new(Reconciled { id, rows: closed, closings: 0, problems, problem_count, processed }))
}

/// The same, read after everything that is known now.
fn in_time(world: &World, own: Own) -> Own {
    let Own::Reconciled(mut read) = own else { panic!("{own:?}") };
    read.closings = world.ledger.file(file()).unwrap().extraction.closings.len();
    Own::Reconciled(read)
}

fn received(count: u16) -> World {
    let mut world = World::extracted();
    (1..=count).for_each(|index| world.received(index));
    world
}

#[track_caller]
fn check(world: &mut World, own: Own, expected: &[&str]) {
    let own = in_time(world, own);
    assert_eq!(shown(&world.tells(own).unwrap()), expected);
}

#[test]
fn workbooks_are_numbered_and_read_one_after_the_other() {
    let mut world = World::extracted();
    for reconciliation in 1..=2 {
        let told = world.does(&receive("first half")).unwrap();
        let (blob, note) = (Hash::of(b"workbook"), "first half".to_owned());
        assert_eq!(told, [Fact::ReconciliationReceived { reconciliation, blob, bytes: 7, note }]);
    }
    for reconciliation in 1..=2 {
        assert_eq!(world.goes_on(), Some(Fact::ReconciliationStarted { reconciliation, attempt: 1, checkpoint: None }));
        assert!(matches!(ExtractionService::default().job(&world.ledger, file()), Some(Job::Reconcile(_))));
        world.tells(found(reconciliation, &[], &[])).unwrap();
    }
    assert_eq!(world.goes_on(), None);
}

#[test]
fn chunks_are_written_before_workbooks_are_read() {
    let mut world = World::divided();
    world.does(&receive("")).unwrap();
    for chunk in 1..=2 {
        assert_eq!(world.goes_on(), Some(Fact::ChunkStarted { chunk, attempt: 1, checkpoint: None }));
        world.written(chunk);
    }
    assert_eq!(world.goes_on(), Some(Fact::ReconciliationStarted { reconciliation: 1, attempt: 1, checkpoint: None }));
}

#[test]
fn the_third_crash_of_reading_ends_in_a_reason() {
    let mut world = received(1);
    for attempt in 1..=3 {
        assert_eq!(world.goes_on(), Some(Fact::ReconciliationStarted { reconciliation: 1, attempt, checkpoint: None }));
    }
    let Some(Fact::ReconciliationFailed { reconciliation: 1, detail }) = world.goes_on() else { panic!() };
    assert!(detail.contains("stopped three times while reading it"), "{detail}");
    assert_eq!(world.goes_on(), None);
}

#[test]
fn a_whole_reconciliation_closes_chunks_and_file() {
    let rows: Vec<(u32, Billing)> = (2..=7).map(|row| (row, billing("INV-1", ""))).collect();
    let expected = [
        "closed by reconciliation 1: 6 INV-1/:2,3,4,5,6,7",
        "chunk 1 closed: /RCF-2026-11-0000-0000-001",
        "chunk 2 closed: /RCF-2026-11-0000-0000-001",
        "file closed: 1 6 6",
        "reconciliation 1: 6 closed, 0 open; 6 records closed, 0 open.",
    ];
    let mut world = received(2);
    check(&mut world, found(1, &rows, &[]), &expected);
    assert_eq!(world.status(), Status::Closed);
    // The second one was taken before that: it finds nothing to do, and says so.
    let expected = ["reconciliation 2: 0 closed, 0 open; 0 records closed, 0 open."];
    check(&mut world, found(2, &rows, &[]), &expected);
}

#[test]
fn a_partial_reconciliation_names_what_is_open() {
    let mut world = received(3);
    let one = billing("INV-1", "");
    check(
        &mut world,
        found(1, &[(2, one.clone()), (4, billing("", "")), (7, billing("", "later")), (99, one.clone())], &[]),
        &[
            "closed by reconciliation 1: 2 INV-1/:2 /later:7",
            "reconciliation 1: 2 closed, 4 open; 2 records closed, 4 open (rows 3, 4, 5, 6).",
        ],
    );
    assert_eq!(world.status(), Status::Accepted);
    check(
        &mut world,
        found(2, &[(2, billing("INV-2", "")), (6, one.clone())], &["row 3: what?;", "row 9: who?;"]),
        &[
            "closed by reconciliation 2: 1 INV-1/:6",
            "chunk 2 closed: /RCF-2026-11-0000-0000-002",
            "reconciliation 2: 1 closed, 3 open; 1 records closed, 3 open (rows 3, 4, 5). 2 rows were not used: \
             row 3: what?; row 9: who?;",
        ],
    );
    check(
        &mut world,
        found(3, &[], &[]),
        &["reconciliation 3: 0 closed, 3 open; 0 records closed, 3 open (rows 3, 4, 5)."],
    );
}

#[test]
fn five_open_rows_are_named_and_the_rest_is_hinted_at() {
    let mut world = World::of_rows(2..=9);
    world.received(1);
    let expected = "reconciliation 1: 0 closed, 8 open; 0 records closed, 8 open (rows 2, 3, 4, 5, 6, …).";
    check(&mut world, found(1, &[], &[]), &[expected]);
}

#[test]
fn a_workbook_is_applied_once() {
    let rows = [(2, billing("INV-1", ""))];
    let mut world = received(1);
    assert_eq!(world.concludes(found(2, &rows, &[])), Err(Stale), "nobody sent it");
    world.tells(found(1, &rows, &[])).unwrap();
    assert_eq!(world.concludes(found(1, &[(3, billing("INV-1", ""))], &[])), Err(Stale));
    assert_eq!(World::accepted().concludes(found(1, &rows, &[])), Err(Stale));
    assert_eq!(World::accepted().concludes(Own::StartReconciliation { id: file().reconciliation(1) }), Err(Stale));
    let mut world = received(1);
    let detail = "It is a picture.".to_owned();
    let told = world.tells(Own::NotReconciled { id: file().reconciliation(1), detail: detail.clone() }).unwrap();
    assert_eq!(told, [Fact::ReconciliationFailed { reconciliation: 1, detail }]);
    assert_eq!(world.concludes(found(1, &rows, &[])), Err(Stale));
    assert_eq!(world.goes_on(), None);
}

#[test]
fn a_file_takes_999_reconciliations() {
    let world = received(998);
    assert!(world.asks(&provider(), &receive("")).is_ok());
    let world = received(999);
    let message = "A file takes 999 reconciliations.".to_owned();
    assert_eq!(world.asks(&provider(), &receive("")), Err(Rejection::TooLarge { message }));
}

#[test]
fn a_workbook_that_was_overtaken_is_read_again() {
    let rows = [(2, billing("INV-1", "")), (3, billing("INV-1", ""))];
    let mut world = received(1);
    for attempt in 1..=2 {
        assert_eq!(world.goes_on(), Some(Fact::ReconciliationStarted { reconciliation: 1, attempt, checkpoint: None }));
        let row = attempt + 1;
        let closed = Command::CloseRecords { file: file(), rows: vec![(row, billing("INV-9", ""))] };
        let read = in_time(&world, found(1, &rows, &[]));
        world.does(&closed).unwrap();
        assert_eq!(world.concludes(read), Err(Stale), "the result would say that row {row} was closed by it");
    }
    // The third attempt is the last: what is open is closed, and the result is left out.
    assert_eq!(world.goes_on(), Some(Fact::ReconciliationStarted { reconciliation: 1, attempt: 3, checkpoint: None }));
    let told = world.tells(found(1, &[(2, billing("INV-1", "")), (4, billing("INV-1", ""))], &[])).unwrap();
    let expected = [
        "closed by reconciliation 1: 1 INV-1/:4",
        "reconciliation 1: 1 closed, 3 open; 1 records closed, 3 open (rows 5, 6, 7). It has no result to download: \
         records were closed while it was read.",
    ];
    assert_eq!(shown(&told), expected);
    assert!(matches!(told.last(), Some(Fact::ReconciliationProcessed { processed: None, .. })));
    // In time it has one.
    let mut world = received(1);
    let told = world.tells(found(1, &rows, &[])).unwrap();
    let result = Some(Hash::of(b"result"));
    assert!(matches!(told.last(), Some(Fact::ReconciliationProcessed { processed, .. }) if *processed == result));
}

#[test]
fn each_row_of_a_workbook_has_its_result() {
    let rows = |rows: &[u32]| rows.iter().copied().collect();
    // Row 2 of the workbook bills row 10 of the file, row 3 row 11, and so on.
    let seen: Seen = (2..=4).map(|row| (row + 8, (row, 0))).collect();
    let before = Before { exempt: rows(&[20]), closed: rows(&[11, 12, 13, 20]), otherwise: rows(&[12]) };
    let reservation = "The record tells how a reservation is used, which is never billed.";
    for (read, result, why) in [
        (RowRead::Bills(10), RowResult::Closed, ""),
        (RowRead::Blank(10), RowResult::Closed, "Row 2 bills the record."),
        (RowRead::Blank(14), RowResult::LeftOpen, "The row has no billing data."),
        (RowRead::Bills(11), RowResult::WasClosed, ""),
        (RowRead::Blank(13), RowResult::WasClosed, ""),
        (RowRead::Blank(12), RowResult::WasClosed, ""),
        (
            RowRead::Bills(12),
            RowResult::BilledOtherwise,
            "The record was closed before with other billing data, which stay.",
        ),
        (RowRead::Contradicts(2), RowResult::BilledOtherwise, "The record is billed otherwise in row 2, which counts."),
        (RowRead::Bills(20), RowResult::WasClosed, reservation),
        (RowRead::Blank(20), RowResult::WasClosed, reservation),
        (RowRead::NotFound, RowResult::NotFound, "No accepted record of this file has that id."),
        (
            RowRead::Unreadable,
            RowResult::Unreadable,
            "The billing data can't be read or is longer than 254 characters.",
        ),
    ] {
        assert_eq!(outcome(read, &seen, &before), (result, why.to_owned()), "{read:?}");
    }
}
