//! What is never billed: named by a fact with its reason, closed by that, and waited for by nobody.

use ledger::fact::{ExemptReason, FileCreated, Total};
use ledger::rows::BLOCK_ROWS;
use ledger::{Command, Decimal, Fact, Rejection, Status};

use super::world::{World, billing, created, division, file, provider, rows, shown, total};
use crate::{Division, Exemption, Own};

fn exemption(reason: ExemptReason, rows: impl IntoIterator<Item = u32>) -> Exemption {
    let division = division(None, rows);
    Exemption { reason, rows: division.rows, totals: division.totals }
}

fn divided(divisions: Vec<Division>, exempt: Vec<Exemption>) -> Own {
    Own::Divided { file: file(), upload: 1, divisions, exempt }
}

/// So many records to bill and so many of reservations.
fn mixed(billed: u32, reserved: u32) -> World {
    let exempt = Some(total(reserved)).filter(|total| total.records > 0).into_iter().collect();
    // As validation says it: what is billed has a total, even of nothing.
    World::accepted_with(created(), vec![total(billed)], exempt)
}

fn estimate() -> World {
    World::accepted_with(FileCreated { predictive: true, ..created() }, vec![total(0)], vec![total(6)])
}

#[test]
fn reservations_are_named_and_the_rest_is_billed() {
    let mut world = mixed(4, 2);
    let reserved = vec![exemption(ExemptReason::Reservation, [3, 6])];
    let told = world.tells(divided(vec![division(None, [2, 4, 5, 7])], reserved)).unwrap();
    let expected = [
        "opened 1 of 1: - '' 4 records, 4",
        "filled 1 of 1: 2,4-5,7",
        "exempt of 1 as reservation: 3,6 are 2, 2",
        "extracted 1: 1 chunks, 4",
    ];
    assert_eq!(shown(&told), expected);
    world.written(1);
    let refused = world.does(&Command::CloseFile { file: file() });
    assert_eq!(refused, Err(Rejection::RecordsOpen { open: 4 }), "what is exempt is not open");
    // They can't be billed one by one either.
    let records = |rows: &[u32]| {
        let rows = rows.iter().map(|row| (*row, billing("INV-1", ""))).collect();
        Command::CloseRecords { file: file(), rows }
    };
    assert_eq!(world.does(&records(&[3, 6])), Ok(vec![]));
    assert_eq!(shown(&world.does(&records(&[2, 3])).unwrap()), ["closed by records: 1 INV-1/:2"]);
    let rest = Command::CloseChunk { chunk: file().chunk(1), billing: billing("INV-2", "") };
    let expected = ["closed by chunk 1: 3 INV-2/:4,5,7", "chunk 1 closed: INV-2/", "file closed: 1 4 4"];
    assert_eq!(shown(&world.does(&rest).unwrap()), expected);
    let stats = world.ledger.file(file()).unwrap().stats();
    assert_eq!((stats.accepted, stats.closed, stats.billed), (6, 6, 4));
}

#[test]
fn a_file_of_reservations_alone_closes_at_once() {
    let mut world = mixed(0, 6);
    let told = world.tells(divided(vec![], vec![exemption(ExemptReason::Reservation, 2..=7)])).unwrap();
    let expected = ["exempt of 1 as reservation: 2-7 are 6, 6", "extracted 1: 0 chunks, 0", "file closed: 1 0 0"];
    assert_eq!(shown(&told), expected);
    assert_eq!((world.status(), world.goes_on()), (Status::Closed, None));
}

#[test]
fn an_accepted_estimate_stays_accepted_until_the_actual_file_comes() {
    let mut world = estimate();
    let told = world.tells(divided(vec![], vec![exemption(ExemptReason::Estimate, 2..=7)])).unwrap();
    assert_eq!(shown(&told), ["exempt of 1 as estimate: 2-7 are 6, 6", "extracted 1: 0 chunks, 0"]);
    assert_eq!((world.status(), world.goes_on()), (Status::Accepted, None));
    let receive =
        Command::ReceiveReconciliation { file: file(), blob: ledger::Hash::ZERO, bytes: 1, note: String::new() };
    let records = Command::CloseRecords { file: file(), rows: vec![(2, billing("INV-1", ""))] };
    let close = Command::CloseFile { file: file() };
    for command in [&receive, &records, &close] {
        assert_eq!(world.asks(&provider(), command), Err(Rejection::EstimateNotBilled), "{command:?}");
    }
    world.given(Fact::FileSuperseded { by: file() });
    assert_eq!((world.status(), world.goes_on()), (Status::Closed, None));
    assert_eq!(world.does(&close), Ok(vec![]), "it is closed");
}

#[test]
fn an_estimate_that_is_followed_before_it_is_divided_still_names_its_records() {
    let mut world = estimate();
    world.given(Fact::FileSuperseded { by: file() });
    let told = world.tells(divided(vec![], vec![exemption(ExemptReason::Estimate, 2..=7)])).unwrap();
    assert_eq!(shown(&told), ["exempt of 1 as estimate: 2-7 are 6, 6", "extracted 1: 0 chunks, 0"]);
}

#[test]
fn what_is_exempt_comes_in_pieces_and_its_totals_once() {
    let all: Vec<u32> = (0..9).map(|block| block * BLOCK_ROWS + 2).collect();
    let mut world = mixed(0, 9);
    let told = world.tells(divided(vec![], vec![exemption(ExemptReason::Reservation, all.clone())])).unwrap();
    let mut pieces = Vec::new();
    for fact in &told {
        if let Fact::RecordsExempted { rows: piece, records, totals, .. } = fact {
            assert_eq!(piece.len(), *records, "{}", rows(piece));
            pieces.push((*records, totals.len()));
        }
    }
    assert_eq!(pieces, [(4, 1), (4, 0), (1, 0)]);
    let exempt = &world.ledger.file(file()).unwrap().extraction.exempt[&ExemptReason::Reservation];
    assert_eq!((exempt.rows.iter().collect::<Vec<_>>(), exempt.records), (all, 9));
    assert_eq!(exempt.totals, [total(9)]);
}

#[test]
fn what_doesnt_add_up_to_the_exempt_totals_is_not_extracted() {
    let finer = |mut exempt: Exemption| {
        exempt.totals[0].quantity = exempt.totals[0].quantity.saturating_add(Decimal::from_units(1));
        exempt
    };
    let in_euro = |mut exempt: Exemption| {
        exempt.totals = vec![Total { currency: "EUR".to_owned(), ..exempt.totals[0].clone() }];
        exempt
    };
    let unfounded = |mut exempt: Exemption| {
        exempt.totals.push(Total { tier: Some(1), records: 0, amount: Decimal::from_units(1), ..Total::default() });
        exempt
    };
    let reserved = |rows: std::ops::RangeInclusive<u32>| exemption(ExemptReason::Reservation, rows);
    for (chunk, exempt) in [
        (2..=5, vec![]),
        (2..=7, vec![]),
        (2..=5, vec![reserved(6..=6)]),
        (2..=5, vec![reserved(5..=6)]),
        (2..=6, vec![reserved(7..=7)]),
        (2..=5, vec![finer(reserved(6..=7))]),
        (2..=5, vec![in_euro(reserved(6..=7))]),
        (2..=5, vec![unfounded(reserved(6..=7))]),
    ] {
        let mut world = mixed(4, 2);
        let told = world.tells(divided(vec![division(None, chunk.clone())], exempt.clone())).unwrap();
        assert!(matches!(&told[..], [Fact::ChunkFailed { chunk: 0, .. }]), "{chunk:?} {exempt:?}: {told:?}");
    }
    let exempt = vec![reserved(6..=7)];
    assert!(mixed(4, 2).tells(divided(vec![division(None, 2..=5)], exempt)).unwrap().len() > 1);
}
