//! Goal: what the generator claims about a workbook is true of it, and a seed stands for one workbook. Method: the demo
//! catalog, and workbooks in a temporary folder. That readers see the same sums is tested with the reader.

use std::fs;

use ledger::{Catalog, Code, Decimal, Moment, ObjectId};

use super::quantity::quantity;
use super::random::Random;
use super::sheet::Cell;
use super::target::targets;
use super::{Expected, GenerateError, Generated, Plan, RECORDS_MAX, faulty_workbook, unreadable_file, workbook};

const DEMO: &str = include_str!("../../../../../schemas/demo-catalog.json");

fn demo() -> Catalog {
    let mut catalog = Catalog::default();
    let objects = catalog::json::read(DEMO.as_bytes(), &catalog, b"pepper").expect("a sound catalog");
    objects.into_iter().for_each(|object| catalog.record(object));
    catalog
}

fn plan(product: &str) -> Plan {
    Plan {
        seed: 7,
        records: 500,
        contract: ObjectId::new("CRD-21674-67435-75488").expect("an id"),
        product: ObjectId::new(product).expect("an id"),
        from: Moment::parse_iso("2026-10-01").expect("a date"),
        until: Moment::parse_iso("2026-11-01").expect("a date"),
        record_prefix: "demo".to_owned(),
    }
}

const PULSE: &str = "PRD-404-832-779";
const EXTRA: &str = "PRD-802-355-388";

fn written(catalog: &Catalog, plan: &Plan) -> Result<(Generated, Vec<u8>), GenerateError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("usage.xlsx");
    let generated = workbook(catalog, plan, &path, folder.path())?;
    Ok((generated, fs::read(&path).expect("a workbook")))
}

fn faults(plan: &Plan, taken: &[String]) -> Vec<Expected> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("faulty.xlsx");
    faulty_workbook(&demo(), plan, taken, &path, folder.path()).expect("a workbook")
}

#[test]
fn every_sum_is_the_same_sum() {
    let (generated, _) = written(&demo(), &plan(PULSE)).expect("a workbook");
    let sum = |parts: &mut dyn Iterator<Item = &(u32, Decimal)>| {
        parts.fold((0, Decimal::ZERO), |(records, total), part| {
            (records + part.0, total.checked_add(part.1).expect("a sum"))
        })
    };
    let whole = (500, generated.total);
    assert_eq!((sum(&mut generated.sums.values()), sum(&mut generated.hubs.values())), (whole, whole));
    assert_eq!((generated.records, generated.hubs.len()), (500, 3), "two hubs, and what came without one");
}

#[test]
fn a_seed_stands_for_one_workbook() {
    let catalog = demo();
    let (first, bytes) = written(&catalog, &plan(PULSE)).expect("a workbook");
    let (again, same) = written(&catalog, &plan(PULSE)).expect("a workbook");
    assert!(first == again && bytes == same);
    let (_, other) = written(&catalog, &Plan { seed: 8, ..plan(PULSE) }).expect("a workbook");
    assert!(bytes != other);
}

#[test]
fn a_cell_says_exactly_the_quantity_that_is_summed() {
    let mut random = Random::new(1);
    let mut kinds = [0, 0];
    for round in 0..20_000_u32 {
        let places = [0, 1, 2, 4, 8][round as usize % 5];
        let (value, cell) = quantity(&mut random, places);
        let (kind, text) = match cell {
            Cell::Text(text) => (0, text),
            Cell::Number(number) => (1, number.to_string()),
            Cell::Time(_) => panic!("a quantity is no time"),
        };
        kinds[kind] += 1;
        assert_eq!(Decimal::parse(&text), Ok(value), "{text}");
        assert!(value.places() <= u32::from(places) && value != Decimal::ZERO, "{value}");
    }
    assert!(kinds.iter().all(|&count| count > 5_000), "{kinds:?}");
}

#[test]
fn every_search_finds_its_subscription_alone() {
    let catalog = demo();
    let plan = plan(PULSE);
    let found = targets(&catalog, &plan);
    assert!(found.len() > 40 && found.iter().any(|target| target.searches.len() == 2), "some share an account");
    for target in &found {
        for (criteria, value) in &target.searches {
            let hits = catalog.subscriptions_of(&plan.contract, &plan.product).filter(|subscription| {
                criteria == "asset.id" && subscription.id.as_str() == *value
                    || subscription.parameters.iter().any(|parameter| {
                        *criteria == format!("parameter.{}", parameter.id) && parameter.value == *value
                    })
            });
            assert_eq!(hits.count(), 1, "{criteria} {value}");
        }
    }
}

#[test]
fn a_faulty_workbook_has_each_fault_in_a_row_of_its_own() {
    let taken = ["other-1".to_owned(), "other-2".to_owned()];
    let small = Plan { records: 2, ..plan(EXTRA) };
    let expected = faults(&small, &taken);
    let codes: Vec<u16> = expected.iter().map(|row| row.code.map_or(0, Code::number)).collect();
    assert_eq!(codes, [0, 0, 1, 1, 3, 2, 4, 6, 7, 8, 9, 9, 10, 11, 12, 13, 14]);
    let rows: Vec<u32> = expected.iter().map(|row| row.row).collect();
    assert_eq!(rows, (2..=18).collect::<Vec<u32>>());
    let named: Vec<_> = expected.iter().filter(|row| row.code == Some(Code::RecordIdTaken)).collect();
    assert_eq!(named.iter().map(|row| row.record_id.as_str()).collect::<Vec<_>>(), taken);
    let without = faults(&Plan { product: plan(PULSE).product, ..small }, &[]);
    assert!(without.iter().all(|row| row.code != Some(Code::AbovePurchased)), "the product may not report it");
}

#[test]
fn what_cannot_be_generated_is_refused() {
    let catalog = demo();
    let message = |plan: Plan| written(&catalog, &plan).expect_err("a refusal").to_string();
    let mut changed = catalog.clone();
    if let Some(product) = changed.products.get_mut(&plan(PULSE).product) {
        product.capabilities.pay_as_you_go = None;
    }
    let refused = written(&changed, &plan(PULSE)).expect_err("a refusal").to_string();
    assert_eq!(refused, "generate usage of PRD-404-832-779: it doesn't report quantities");
    let nobody = Plan { contract: ObjectId::new("CRD-1").expect("an id"), ..plan(PULSE) };
    let want = "generate usage of PRD-404-832-779 under CRD-1: no subscription there can be reported on";
    assert_eq!(message(nobody), want);
    let long = Plan { records: RECORDS_MAX + 1, ..plan(PULSE) };
    assert_eq!(message(long), "generate 1048576 records: a sheet holds 1048575");
    let short = Plan { until: plan(PULSE).from, ..plan(PULSE) };
    assert!(message(short).ends_with("that is less than two seconds"));
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("missing").join("usage.xlsx");
    let error = workbook(&catalog, &plan(PULSE), &nowhere, folder.path()).expect_err("a refusal");
    assert!(matches!(error, GenerateError::Write { .. }), "{error}");
}

#[test]
fn the_unreadable_file_begins_like_a_workbook() {
    assert!(unreadable_file().starts_with(b"PK\x03\x04"));
}
