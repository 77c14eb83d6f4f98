//! An accepted file becomes chunks, whose workbooks are written one after the other.

use ledger::rows::BLOCK_ROWS;
use ledger::{Decimal, Fact, Hash, Status};
use runtime::decider::{Decider, Stale};

use super::world::{World, division, file, rows, shown, total};
use crate::{Division, ExtractionService, Job, Own};

fn divided(divisions: Vec<Division>) -> Own {
    Own::Divided { file: file(), upload: 1, divisions, exempt: vec![] }
}

#[test]
fn an_accepted_file_is_divided_written_and_left_alone() {
    let mut world = World::accepted();
    assert_eq!(world.goes_on(), Some(Fact::ExtractionStarted { upload: 1, attempt: 1 }));
    assert!(matches!(ExtractionService::default().job(&world.ledger, file()), Some(Job::Divide(_))));
    let told = world.tells(divided(vec![division(Some("HB-1"), 2..=5), division(None, 6..=7)])).unwrap();
    assert_eq!(
        shown(&told),
        [
            "opened 1 of 1: HB-1 'HB-1 market' 4 records, 4",
            "filled 1 of 1: 2-5",
            "opened 2 of 1: - '' 2 records, 2",
            "filled 2 of 1: 6-7",
            "extracted 1: 2 chunks, 6",
        ]
    );
    for chunk in 1..=2 {
        assert_eq!(world.goes_on(), Some(Fact::ChunkStarted { chunk, attempt: 1, checkpoint: None }));
        assert!(matches!(ExtractionService::default().job(&world.ledger, file()), Some(Job::WriteChunk(_))));
        let own = Own::ChunkWritten { chunk: file().chunk(chunk), blob: Hash::ZERO, bytes: 9 };
        let written = Fact::ChunkWritten { chunk, blob: Hash::ZERO, bytes: 9 };
        assert_eq!(world.tells(own.clone()), Ok(vec![written]));
        assert_eq!(world.tells(own), Err(Stale), "a workbook is written once");
    }
    assert_eq!(world.goes_on(), None);
    assert!(ExtractionService::default().job(&world.ledger, file()).is_none());
}

#[test]
fn only_an_accepted_file_whose_verdict_was_heard_is_divided() {
    for status in [Status::Draft, Status::Ready, Status::Pending, Status::Rejected, Status::Deleted] {
        let mut world = World::at(status, ledger::catalog::Environment::Production);
        assert_eq!(world.goes_on(), None, "{status:?}");
        assert_eq!(world.concludes(Own::StartDividing { file: file() }), Err(Stale), "{status:?}");
    }
    // The acceptance of an upload may be heard before what validation said of it.
    let mut world = World::accepted();
    world.opened(2);
    world.given(Fact::FileAccepted { upload: 2, note: String::new() });
    assert_eq!(world.goes_on(), None);
    world.given(Fact::CheckStarted { upload: 2, attempt: 1, catalog_position: 1 });
    assert_eq!(world.goes_on(), None);
    world.checked(2, 6);
    assert_eq!(world.goes_on(), Some(Fact::ExtractionStarted { upload: 2, attempt: 1 }));
    // So may both, before what ingestion read.
    let mut world = World::accepted();
    world.opened(2);
    world.given(Fact::FileAccepted { upload: 2, note: String::new() });
    world.verdict(2, 6, vec![], vec![]);
    assert_eq!(world.goes_on(), None);
    world.read(2, 6);
    assert_eq!(world.goes_on(), Some(Fact::ExtractionStarted { upload: 2, attempt: 1 }));
}

#[test]
fn the_third_crash_of_dividing_ends_in_a_reason() {
    let mut world = World::accepted();
    for attempt in 1..=3 {
        assert_eq!(world.goes_on(), Some(Fact::ExtractionStarted { upload: 1, attempt }));
    }
    let Some(Fact::ChunkFailed { chunk: 0, detail }) = world.goes_on() else { panic!() };
    assert!(detail.contains("stopped three times while dividing the file"), "{detail}");
    assert!(ExtractionService::default().job(&world.ledger, file()).is_none());
    assert_eq!(world.goes_on(), None);
}

#[test]
fn the_third_crash_of_writing_ends_in_a_reason_and_the_next_chunk_is_written() {
    let mut world = World::divided();
    for attempt in 1..=3 {
        assert_eq!(world.goes_on(), Some(Fact::ChunkStarted { chunk: 1, attempt, checkpoint: None }));
    }
    let Some(Fact::ChunkFailed { chunk: 1, detail }) = world.goes_on() else { panic!() };
    assert!(detail.contains("stopped three times while writing the chunk's workbook"), "{detail}");
    assert_eq!(world.goes_on(), Some(Fact::ChunkStarted { chunk: 2, attempt: 1, checkpoint: None }));
}

#[track_caller]
fn check_differs(divisions: Vec<Division>, expected: &str) {
    let mut world = World::dividing();
    let told = world.tells(divided(divisions)).unwrap();
    let whole =
        "the file has 6 records, 6 to bill and 0 exempt: nothing was extracted. The operator should run an audit.";
    let expected = format!("failed 0: {expected}, exempt are 0 and 0; {whole}");
    assert_eq!(shown(&told), [expected]);
    assert_eq!(world.goes_on(), None, "a person has to look at it");
    assert_eq!(world.status(), Status::Accepted);
}

#[test]
fn what_doesnt_add_up_to_the_file_is_not_extracted() {
    let missing = vec![division(Some("HB-1"), 2..=5), division(None, 6..=6)];
    check_differs(missing, "The chunks hold 5 records and 5");
    check_differs(vec![], "The chunks hold 0 records and 0");
    let twice = vec![division(Some("HB-1"), 2..=5), division(None, 5..=7)];
    check_differs(twice, "The chunks hold 7 records and 7");
    let mut finer = division(None, 2..=7);
    finer.totals[0].quantity = finer.totals[0].quantity.saturating_add(Decimal::from_units(1));
    check_differs(vec![finer], "The chunks hold 6 records and 6.000000000001");
    let mut parted = division(None, 2..=7);
    parted.totals = vec![total(2), total(3)];
    check_differs(vec![parted], "The chunks hold 6 records and 5");
}

#[test]
fn a_division_comes_once_and_for_the_upload_that_counts() {
    let whole = || vec![division(None, 2..=7)];
    assert_eq!(World::accepted().concludes(divided(whole())), Err(Stale), "nothing has begun");
    assert_eq!(World::divided().concludes(divided(whole())), Err(Stale), "it is divided");
    let other = Own::Divided { file: file(), upload: 2, divisions: whole(), exempt: vec![] };
    assert_eq!(World::dividing().concludes(other), Err(Stale));
    // A second attempt takes what the first one has told.
    let mut world = World::dividing();
    world.given(Fact::ExtractionStarted { upload: 1, attempt: 2 });
    assert!(world.concludes(divided(whole())).is_ok());
}

#[test]
fn rows_of_a_chunk_come_in_pieces_that_fit_a_fact() {
    // Twelve rows in each of nine blocks of the sheet.
    let all: Vec<u32> = (0..9).flat_map(|block| (0..12).map(move |at| block * BLOCK_ROWS + 2 + at * 64)).collect();
    let world = World::of_rows(all.clone());
    let chunk = &world.ledger.file(file()).unwrap().extraction.chunks[&1];
    assert_eq!(chunk.rows.iter().collect::<Vec<_>>(), all);
    let mut again = World::dividing();
    again.checked(1, 108);
    let told = again.tells(divided(vec![division(None, all.clone())])).unwrap();
    let pieces: Vec<_> = told
        .iter()
        .filter_map(|fact| match fact {
            Fact::ChunkFilled { rows, .. } => Some(rows.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), [48, 48, 12]);
    assert_eq!(pieces.iter().flat_map(|piece| piece.iter()).collect::<Vec<_>>(), all, "{}", rows(&pieces[0]));
}

#[test]
fn what_cant_be_divided_or_written_says_why() {
    let mut world = World::dividing();
    let detail = "The records can't be read back.".to_owned();
    let told = world.tells(Own::NotDivided { file: file(), detail: detail.clone() }).unwrap();
    assert_eq!(told, [Fact::ChunkFailed { chunk: 0, detail: detail.clone() }]);
    assert_eq!(world.goes_on(), None);
    let mut world = World::divided();
    let told = world.tells(Own::ChunkFailed { chunk: file().chunk(1), detail: detail.clone() }).unwrap();
    assert_eq!(told, [Fact::ChunkFailed { chunk: 1, detail }]);
    assert_eq!(world.goes_on(), Some(Fact::ChunkStarted { chunk: 2, attempt: 1, checkpoint: None }));
    let unknown = Own::ChunkWritten { chunk: file().chunk(3), blob: Hash::ZERO, bytes: 9 };
    assert_eq!(world.concludes(unknown), Err(Stale));
}
