//! What closes records: a chunk, single records; and what the last one closes with it.

use ledger::record::Billing;
use ledger::rows::BLOCK_ROWS;
use ledger::{Command, Fact, Rejection, Status};

use super::world::{World, billing, file, shown};

fn close_chunk(chunk: u16, billing: Billing) -> Command {
    Command::CloseChunk { chunk: file().chunk(chunk), billing }
}

fn close_records(rows: &[(u32, Billing)]) -> Command {
    Command::CloseRecords { file: file(), rows: rows.to_vec() }
}

#[track_caller]
fn check(world: &mut World, command: &Command, expected: &[&str]) {
    assert_eq!(shown(&world.does(command).unwrap()), expected, "{command:?}");
}

#[test]
fn the_last_chunk_closes_the_file() {
    let mut world = World::extracted();
    let first = close_chunk(1, billing("INV-1", "paid"));
    check(&mut world, &first, &["closed by chunk 1: 4 INV-1/paid:2,3,4,5", "chunk 1 closed: INV-1/paid"]);
    assert_eq!(world.status(), Status::Accepted);
    let second = close_chunk(2, billing("INV-2", ""));
    let expected = ["closed by chunk 2: 2 INV-2/:6,7", "chunk 2 closed: INV-2/", "file closed: 1 6 6"];
    check(&mut world, &second, &expected);
    assert_eq!(world.status(), Status::Closed);
    let stats = world.ledger.file(file()).unwrap().stats();
    assert_eq!((stats.accepted, stats.closed, stats.billed), (6, 6, 6));
}

#[test]
fn a_chunk_is_closed_once_and_billed_one_way() {
    let mut world = World::extracted();
    check(
        &mut world,
        &close_chunk(1, billing("INV-1", "paid")),
        &["closed by chunk 1: 4 INV-1/paid:2,3,4,5", "chunk 1 closed: INV-1/paid"],
    );
    // In a file that is open, and in one that is closed.
    for _ in 0..2 {
        check(&mut world, &close_chunk(1, billing("INV-1", "paid")), &[]);
        for other in [billing("INV-2", "paid"), billing("INV-1", ""), billing("INV-1", "PAID")] {
            let refused = world.does(&close_chunk(1, other)).unwrap_err();
            assert_eq!(refused.to_string(), "Chunk in status \"closed\" can not be closed.");
        }
        world.does(&close_chunk(2, billing("INV-2", ""))).unwrap();
    }
}

#[test]
fn a_chunk_closes_what_is_open_of_it() {
    let mut world = World::extracted();
    let some = close_records(&[(5, billing("INV-9", "")), (3, billing("", "by hand"))]);
    check(&mut world, &some, &["closed by records: 2 /by hand:3 INV-9/:5"]);
    let chunk = close_chunk(1, billing("INV-1", ""));
    check(&mut world, &chunk, &["closed by chunk 1: 2 INV-1/:2,4", "chunk 1 closed: INV-1/"]);
    let extraction = &world.ledger.file(file()).unwrap().extraction;
    assert_eq!((extraction.closed.len(), extraction.billed, extraction.chunks[&1].closed), (4, 3, 4));
}

#[test]
fn records_are_closed_once_each_if_they_are_in_a_chunk_and_billed() {
    let mut world = World::extracted();
    let one = billing("INV-1", "");
    for (rows, expected) in [
        // Neither a header nor what is beyond the last record.
        (vec![(1, one.clone()), (8, one.clone()), (u32::MAX, one.clone())], vec![]),
        // Of a row that comes twice the first word counts, and order is the sheet's.
        (
            vec![(6, one.clone()), (2, billing("INV-2", "")), (2, one.clone()), (3, billing("", ""))],
            vec!["closed by records: 2 INV-2/:2 INV-1/:6"],
        ),
        // What is closed stays as it was billed.
        (vec![(2, one.clone()), (6, billing("INV-3", ""))], vec![]),
        (vec![(2, one.clone()), (4, billing("", "x"))], vec!["closed by records: 1 /x:4"]),
    ] {
        check(&mut world, &close_records(&rows), &expected);
    }
    for rows in [vec![], vec![(3, billing("", ""))]] {
        assert_eq!(world.asks(&super::world::provider(), &close_records(&rows)), Err(Rejection::BillingMissing));
    }
}

#[test]
fn the_last_record_completes_its_chunk_and_the_file() {
    let mut world = World::extracted();
    let rows = |rows: &[u32]| close_records(&rows.iter().map(|row| (*row, billing("INV-1", ""))).collect::<Vec<_>>());
    check(&mut world, &rows(&[2, 3, 4, 7]), &["closed by records: 4 INV-1/:2,3,4,7"]);
    let refused = world.does(&Command::CloseFile { file: file() });
    assert_eq!(refused, Err(Rejection::RecordsOpen { open: 2 }));
    check(&mut world, &rows(&[5]), &["closed by records: 1 INV-1/:5", "chunk 1 closed: /"]);
    check(&mut world, &rows(&[6]), &["closed by records: 1 INV-1/:6", "chunk 2 closed: /", "file closed: 1 6 6"]);
    assert_eq!(world.status(), Status::Closed);
    check(&mut world, &Command::CloseFile { file: file() }, &[]);
    check(&mut world, &rows(&[2, 6]), &[]);
    let refused = world.does(&close_chunk(2, billing("INV-1", ""))).unwrap_err();
    assert_eq!(refused.code(), "USG_030", "it was billed record by record");
}

#[test]
fn a_failed_chunk_is_closed_record_by_record() {
    let mut world = World::divided();
    world.given(Fact::ChunkFailed { chunk: 1, detail: "no space".to_owned() });
    world.written(2);
    let refused = world.does(&close_chunk(1, billing("INV-1", ""))).unwrap_err();
    assert_eq!(refused.to_string(), "Chunk in status \"failed\" can not be closed.");
    let rows: Vec<(u32, Billing)> = (2..=5).map(|row| (row, billing("INV-1", ""))).collect();
    let expected = ["closed by records: 4 INV-1/:2,3,4,5", "chunk 1 closed: /"];
    check(&mut world, &close_records(&rows), &expected);
}

/// The sizes of the facts that a closing comes in, after a look at what they say together.
#[track_caller]
fn pieces(world: &mut World, command: &Command, expected: &[(u32, Billing)]) -> Vec<u32> {
    let told = world.does(command).unwrap();
    let mut sizes = Vec::new();
    let mut said = Vec::new();
    for fact in &told {
        let Fact::RecordsClosed { rows, records, .. } = fact else { continue };
        assert_eq!(rows.rows.len(), *records);
        said.extend(rows.each().map(|(row, billing)| (row, billing.clone())));
        sizes.push(*records);
    }
    assert_eq!(said, expected);
    assert!(matches!(told.last(), Some(Fact::FileClosed { .. })));
    sizes
}

#[test]
fn a_closing_comes_in_pieces_that_fit_a_fact() {
    // One billing for all: four blocks of the sheet make a piece.
    let sheet: Vec<u32> = (0..10).flat_map(|block| [block * BLOCK_ROWS + 2, block * BLOCK_ROWS + 9]).collect();
    let one = billing("INV-1", "");
    let all: Vec<(u32, Billing)> = sheet.iter().map(|row| (*row, one.clone())).collect();
    let mut world = World::of_rows(sheet.clone());
    assert_eq!(pieces(&mut world, &close_chunk(1, one), &all), [8, 8, 4]);
    // A billing for each: 4,096 rows make a piece.
    let each = |rows: std::ops::Range<u32>, length: usize| -> Vec<(u32, Billing)> {
        rows.map(|row| (row, billing(&format!("{row:0length$}"), ""))).collect()
    };
    let rows = each(2..9_002, 5);
    let mut world = World::of_rows(2..9_002);
    assert_eq!(pieces(&mut world, &close_records(&rows), &rows), [4_096, 4_096, 808]);
    // Long ones: 48 KiB of them make a piece.
    let rows = each(2..602, 200);
    let mut world = World::of_rows(2..602);
    assert_eq!(pieces(&mut world, &close_records(&rows), &rows), [246, 246, 108]);
    // A text that repeats is counted once in each piece.
    let rows: Vec<(u32, Billing)> = (2..602).map(|row| (row, billing(&"x".repeat(200), ""))).collect();
    let mut world = World::of_rows(2..602);
    assert_eq!(pieces(&mut world, &close_records(&rows), &rows), [600]);
}
