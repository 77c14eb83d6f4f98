//! `usage-ledger validate`: the rules without a ledger. Every bad cell is named with its address.

use std::io::{BufReader, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use ingestion::{Reading, Stopped, read_workbook};
use ledger::catalog::{Product, Schema};
use ledger::record::ReadBatch;
use ledger::{Catalog, Ledger, ObjectId};
use runtime::clock::Clock;
use runtime::records::Records;
use validation::{Draft, ExamineError, Examiner};
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
    let product = ObjectId::new(&args.product).and_then(|id| catalog.products.get(&id)).cloned();
    let product = product.ok_or_else(|| unknown("product", &args.product))?;
    let file =
        std::fs::File::open(&args.workbook).map_err(|source| CliError::Read { path: args.workbook.clone(), source })?;
    // An upload has at most 64 MiB, so its batches fit in memory many times over.
    let mut batches: Vec<ReadBatch> = Vec::new();
    let reading = match read_workbook(BufReader::new(file), super::guard().as_ref(), &mut |batch| {
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
    report(catalog, (&contract, &product), &reading, &batches)
}

/// Checks the batches and prints a line for each bad cell, then the verdict.
fn report(
    catalog: Catalog,
    (contract, product): (&ObjectId, &Product),
    reading: &Reading,
    batches: &[ReadBatch],
) -> Result<u8, CliError> {
    let draft = Draft {
        contract: contract.clone(),
        product: product.named.id.clone(),
        schema: product.capabilities.pay_as_you_go.unwrap_or(Schema::Qt),
        currency: None,
        period: None,
        predictive: false,
        columns: reading.columns.clone(),
        categories: reading.categories.clone(),
        now: Clock::Machine.now(),
    };
    let ledger = Ledger { catalog: Arc::new(catalog), ..Ledger::default() };
    let examination = Examiner::offline(&std::env::temp_dir()).examine(&ledger, None, draft);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let read = |index: usize| batches.get(index).ok_or(Ended::Pipe);
    let found = examination.run(&Records::default(), batches.len(), read, |_, _, checked| {
        for record in &checked.records {
            for error in record.errors.iter().chain(&record.warnings) {
                let column = error.column.and_then(|column| reading.columns.get(usize::from(column)));
                let cell = column
                    .map_or_else(|| format!("row {}", record.row), |column| address(column.sheet_column, record.row));
                let line =
                    format!("records!{cell}  {}  {}. {}", error.code, error.message.trim_end_matches('.'), error.fix);
                // Who closed the pipe has seen enough.
                writeln!(out, "{}", line.trim_end()).map_err(|_| Ended::Pipe)?;
            }
        }
        Ok(())
    });
    let found = match found {
        Ok(found) => found,
        Err(Ended::Pipe) => return Ok(INVALID),
        Err(Ended::Examine(error)) => return Err(CliError::Plain(format!("the records were not checked: {error}"))),
    };
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

/// Why there is no verdict.
enum Ended {
    Pipe,
    Examine(ExamineError),
}

impl From<ExamineError> for Ended {
    fn from(error: ExamineError) -> Self {
        Self::Examine(error)
    }
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
