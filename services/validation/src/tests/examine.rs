//! An examination as a whole: the same answer every time, rules that need the whole file, and what is never billed.

use std::sync::Arc;

use ledger::catalog::{Capabilities, Catalog, CatalogObject, Product, Schema};
use ledger::record::{CheckedBatch, ReadBatch};
use ledger::{Ledger, Moment, Named};
use runtime::records::Records;

use crate::rules::tests::{BROUGHT, Cell, TEXT, World};
use crate::{Draft, ExamineError, Examiner, Found};

pub(super) fn draft(world: &World) -> Draft {
    Draft {
        contract: world.contract.clone(),
        product: world.product.clone(),
        environment: ledger::catalog::Environment::Production,
        schema: world.schema,
        currency: None,
        period: None,
        predictive: false,
        columns: world.columns.clone(),
        categories: world.categories.clone(),
        now: Moment::parse_sheet("2026-06-01 12:00:00").unwrap(),
    }
}

/// The catalog of a world, with its product.
pub(super) fn catalog(world: &World, capabilities: Capabilities) -> Catalog {
    let (id, mut catalog) = (&world.product, world.catalog.clone());
    let named = Named { id: id.clone(), name: "Product".to_owned() };
    let product = Product { named, owner: id.clone(), capabilities, source: String::new() };
    catalog.record(CatalogObject::Product(product));
    catalog
}

/// What is found in batches against a ledger.
pub(super) fn examine(
    ledger: &Ledger,
    records: &Records,
    draft: Draft,
    batches: &[ReadBatch],
) -> (Vec<CheckedBatch>, Found) {
    let dir = tempfile::tempdir().unwrap();
    let examination = Examiner::offline(dir.path()).examine(ledger, None, draft);
    let mut checked = Vec::new();
    let read = |index: usize| Ok::<_, ExamineError>(&batches[index]);
    let found = examination.run(records, batches.len(), read, |_, _, batch| {
        checked.push(batch);
        Ok(())
    });
    (checked, found.unwrap())
}

fn alone(world: &World, draft: Draft, batches: &[ReadBatch]) -> (Vec<CheckedBatch>, Found) {
    let ledger = Ledger { catalog: Arc::new(catalog(world, world.capabilities.clone())), ..Ledger::default() };
    examine(&ledger, &Records::default(), draft, batches)
}

/// A batch of rows that begin at a row of the sheet.
fn batch(world: &World, first_row: u32, rows: &[Vec<Cell<'_>>]) -> ReadBatch {
    let rows: Vec<&[Cell<'_>]> = rows.iter().map(Vec::as_slice).collect();
    let mut batch = world.batch(&rows);
    batch.rows = (first_row..).take(rows.len()).collect();
    batch
}

fn totals(totals: &[ledger::fact::Total]) -> Vec<String> {
    totals.iter().map(|it| format!("{:?} {} {}", it.tier, it.records, it.quantity)).collect()
}

#[test]
fn the_same_batches_give_the_same_answers() {
    let mut world = World::new();
    world.schema = Schema::Tr;
    world.capabilities.dynamic = true;
    let rows = |at: u32| {
        let row = |n: u32| {
            let id: &'static str = Box::leak(format!("r-{}", (at + n) % 90).into_boxed_str());
            let tier = ["0", "1", "0", "x"][usize::try_from(n % 4).unwrap()];
            let mut cells = vec![("record_id", TEXT, id), ("tier", TEXT, tier), ("amount", TEXT, "1.5")];
            if n.is_multiple_of(3) {
                cells.extend(BROUGHT);
            }
            cells
        };
        (0..50).map(row).collect::<Vec<_>>()
    };
    let batches = [batch(&world, 2, &rows(0)), batch(&world, 52, &rows(50))];
    let once = alone(&world, draft(&world), &batches);
    let sorted = |(checked, mut found): (Vec<CheckedBatch>, Found)| {
        found.keys.sort_unstable();
        (checked, found)
    };
    let once = sorted(once);
    assert!(once.1.valid > 0 && once.1.invalid > 0 && !once.1.warnings.is_empty() && !once.1.dynamic_items.is_empty());
    for _ in 0..3 {
        assert_eq!(sorted(alone(&world, draft(&world), &batches)), once);
    }
}

#[test]
fn a_usage_without_all_tiers_is_told_which_are_missing_wherever_its_rows_stand() {
    let mut world = World::new();
    world.schema = Schema::Tr;
    let row = |id: &'static str, tier: &'static str, quantity: &'static str| {
        vec![("record_id", TEXT, id), ("tier", TEXT, tier), ("amount", TEXT, "5"), ("quantity", TEXT, quantity)]
    };
    let batches = [
        batch(&world, 2, &[row("a", "0", "1"), row("b", "2", "2"), row("c", "1", "3")]),
        batch(&world, 5, &[row("d", "1", "1.00"), row("e", "0", "2")]),
        batch(&world, 7, &[row("f", "2", "1.0")]),
    ];
    let (checked, found) = alone(&world, draft(&world), &batches);
    let warned = |record: &ledger::record::CheckedRecord| {
        let of = |it: &ledger::record::RecordError| (record.row, it.message.clone());
        record.warnings.iter().map(of).collect::<Vec<_>>()
    };
    let warnings: Vec<_> = checked.iter().flat_map(|it| &it.records).flat_map(warned).collect();
    let expected = [(3, "Usage has no record for tier 1"), (4, "Usage has no record for tier 0 and tier 2")];
    assert_eq!(warnings, expected.map(|(row, message)| (row, message.to_owned())));
    assert_eq!((found.valid, found.warnings), (6, vec![(ledger::Code::TiersMissing, 2)]));
}

#[test]
fn what_is_never_billed_has_totals_of_its_own() {
    let world = World::new();
    let seats = vec![("record_id", TEXT, "b"), ("item_search_value", TEXT, "SEATS"), ("quantity", TEXT, "4")];
    let batches = [batch(&world, 2, &[vec![("record_id", TEXT, "a")], seats])];
    let (_, found) = alone(&world, draft(&world), &batches);
    assert_eq!((found.valid, found.lines.len()), (2, 2));
    assert_eq!(
        (totals(&found.totals), totals(&found.exempt_totals)),
        (vec!["None 1 1.5".into()], vec!["None 1 4".into()])
    );
    let (_, found) = alone(&world, Draft { predictive: true, ..draft(&world) }, &batches);
    assert_eq!(
        (totals(&found.totals), totals(&found.exempt_totals)),
        (vec!["None 0 0".into()], vec!["None 2 5.5".into()])
    );
    let span = found.span.map(|span| (span.from.sheet(), span.to.sheet()));
    assert_eq!(span, Some(("2026-05-01 00:00:00".to_owned(), "2026-05-02 00:00:00".to_owned())));
}

#[test]
fn an_estimate_may_reach_into_the_future() {
    let world = World::new();
    let batches = [batch(&world, 2, &[vec![("end_time_utc", TEXT, "2027-01-01")]])];
    assert_eq!(alone(&world, draft(&world), &batches).1.codes, [(ledger::Code::InTheFuture, 1)]);
    assert_eq!(alone(&world, Draft { predictive: true, ..draft(&world) }, &batches).1.codes, []);
}

#[test]
fn the_first_record_of_an_id_has_it() {
    let world = World::new();
    let row = |id: &'static str| vec![("record_id", TEXT, id)];
    let batches = [batch(&world, 2, &[row("a"), row("b")]), batch(&world, 4, &[row(" a ")])];
    let (checked, found) = alone(&world, draft(&world), &batches);
    assert_eq!((found.valid, found.codes), (2, vec![(ledger::Code::RecordIdRepeated, 1)]));
    assert_eq!(checked[1].records[0].errors, [crate::rules::repeated(2, Some(0))]);
}
