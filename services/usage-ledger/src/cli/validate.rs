//! `usage-ledger validate`: the rules without a ledger. Every bad cell is named with its address.

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::path::PathBuf;

use clap::Args;
use ingestion::{Reading, Stopped, read_workbook};
use ledger::catalog::{Product, Schema};
use ledger::record::ReadBatch;
use ledger::{Catalog, ObjectId};
use runtime::clock::Clock;
use validation::rules::{Against, Checker, NO_KEY, Summary, repeated};
use workbook::read::address;

use super::CliError;

/// Exit code for a file with invalid records.
const INVALID: u8 = 3;
/// Exit code for a file that can't be read.
const UNREADABLE: u8 = 2;

/// Arguments of `validate`.
#[derive(Args, Debug)]
pub(super) struct ValidateArgs {
    /// The workbook to check.
    workbook: PathBuf,
    /// The catalog file that it is checked against.
    #[arg(long)]
    catalog: PathBuf,
    /// The distribution contract (CRD-…).
    #[arg(long)]
    contract: String,
    /// The product (PRD-…).
    #[arg(long)]
    product: String,
}

pub(super) fn run(args: &ValidateArgs) -> Result<u8, CliError> {
    let catalog = read_catalog(args)?;
    let unknown = |what: &str, id: &str| CliError::Plain(format!("{what} {id} is not in the catalog"));
    let contract = ObjectId::new(&args.contract).filter(|id| catalog.contracts.contains_key(id));
    let contract = contract.ok_or_else(|| unknown("contract", &args.contract))?;
    let product = ObjectId::new(&args.product).and_then(|id| catalog.products.get(&id));
    let product = product.ok_or_else(|| unknown("product", &args.product))?;
    let file =
        std::fs::File::open(&args.workbook).map_err(|source| CliError::Read { path: args.workbook.clone(), source })?;
    // An upload has at most 64 MiB, so its batches fit in memory many times over.
    let mut batches: Vec<ReadBatch> = Vec::new();
    let reading = match read_workbook(BufReader::new(file), super::foreign::guard().as_ref(), &mut |batch| {
        batches.push(batch);
        Ok(())
    }) {
        Ok(reading) => reading,
        Err(Stopped::Unreadable(detail)) => {
            println!("USG_FILE_005  {detail}");
            return Ok(UNREADABLE);
        }
        Err(Stopped::Stale) => return Ok(UNREADABLE),
    };
    report(&catalog, (&contract, product), &reading, &batches)
}

/// Checks the batches and prints a line for each bad cell, then the verdict.
fn report(
    catalog: &Catalog,
    (contract, product): (&ObjectId, &Product),
    reading: &Reading,
    batches: &[ReadBatch],
) -> Result<u8, CliError> {
    let schema = product.capabilities.pay_as_you_go.unwrap_or(Schema::Qt);
    let mut checker = Checker::new(Against {
        catalog,
        contract,
        product: &product.named.id,
        schema,
        capabilities: &product.capabilities,
        columns: &reading.columns,
        categories: &reading.categories,
        now: Clock::Machine.now(),
    });
    let mut summary = Summary::new(schema, "");
    let mut seen: HashMap<[u8; 12], u32> = HashMap::new();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for batch in batches {
        let mut checked = checker.check_batch(batch);
        for record in &mut checked.records {
            if record.key == NO_KEY {
                continue;
            }
            match seen.get(&record.key) {
                Some(&first) => record.errors.push(repeated(first, checker.record_id_column())),
                None => drop(seen.insert(record.key, record.row)),
            }
            let errors = record.errors.iter().map(|error| {
                let column = error.column.and_then(|column| reading.columns.get(usize::from(column)));
                let cell = column
                    .map_or_else(|| format!("row {}", record.row), |column| address(column.sheet_column, record.row));
                format!("records!{cell}  {}  {}. {}", error.code, error.message.trim_end_matches('.'), error.fix)
            });
            for line in errors {
                // Who closed the pipe has seen enough.
                if writeln!(out, "{}", line.trim_end()).is_err() {
                    return Ok(INVALID);
                }
            }
        }
        summary.add(&checked);
    }
    let found = summary.finish();
    let total = found.totals.first().map(|total| total.quantity.to_string()).unwrap_or_default();
    let verdict = format!(
        "{} records: {} valid with a total quantity of {total}, {} invalid",
        reading.records, found.valid, found.invalid
    );
    drop(writeln!(out, "{verdict}"));
    if !reading.ignored.is_empty() {
        drop(writeln!(out, "columns that were left out: {}", reading.ignored.join(", ")));
    }
    Ok(if found.invalid > 0 { INVALID } else { 0 })
}

fn read_catalog(args: &ValidateArgs) -> Result<Catalog, CliError> {
    let text = super::read(&args.catalog)?;
    let mut catalog = Catalog::default();
    // The hashes of keys mean nothing here, so any pepper does.
    let objects = catalog::json::read(&text, &catalog, b"offline").map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("  {}: {}", fault.pointer, fault.reason)).collect();
        CliError::Plain(format!("the catalog has {} faults:\n{}", faults.len(), lines.join("\n")))
    })?;
    objects.into_iter().for_each(|object| catalog.record(object));
    Ok(catalog)
}
