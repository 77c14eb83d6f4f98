//! Writes the generator's workbook to a path, for benchmarks and for trying the ledger by hand.
//!
//! `cargo run --release -p usage-ledger --example workbook -- FILE RECORDS [SEED]`

use std::path::Path;

use ledger::{Catalog, Moment, ObjectId};
use usage_ledger::demo::generate::{Plan, workbook};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("give a path and a number of records")?;
    let records = args.next().ok_or("give a number of records")?.parse()?;
    let seed = args.next().map_or(Ok(1), |seed| seed.parse())?;
    let mut catalog = Catalog::default();
    let text = std::fs::read("schemas/demo-catalog.json")?;
    let objects = catalog::json::read(&text, &catalog, b"").map_err(|faults| format!("{} faults", faults.len()))?;
    objects.into_iter().for_each(|object| catalog.record(object));
    let id = |text: &str| ObjectId::new(text).unwrap_or_default();
    let day = |text: &str| Moment::parse_iso(text).unwrap_or_default();
    let plan = Plan {
        seed,
        records,
        contract: id("CRD-21674-67435-75488"),
        product: id("PRD-404-832-779"),
        from: day("2026-10-01"),
        until: day("2026-11-01"),
        record_prefix: "bench".to_owned(),
    };
    let made = workbook(&catalog, &plan, Path::new(&path), &std::env::temp_dir())?;
    println!("{} records, total quantity {}", made.records, made.total);
    Ok(())
}
