//! `usage-ledger validate`: the rules without a ledger. Every bad cell is named with its address.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use gateway::fault::{CSV_HEADER, Fault};
use gateway::period::{Zone, period};
use gateway::{Outcome, verdict};
use ledger::catalog::Environment;
use ledger::command::CreateFile;
use ledger::fact::FileCreated;
use ledger::{Catalog, Ledger, ObjectId, Rejection, Scope};
use runtime::clock::Clock;
use runtime::records::Records;
use validation::Examiner;

use super::about::{AboutArgs, OutputFormat};
use super::{CliError, verdict as text};
use crate::trial::{Bench, admit};

/// Exit code for a file with invalid records.
pub(super) const INVALID: u8 = 3;
/// Exit code for a file that can't be read.
pub(super) const UNREADABLE: u8 = 2;
/// Errors in one JSON document: as many as the API answers with.
const JSON_FAULTS_MAX: usize = 1_000;

/// What `validate --help` ends with.
pub(super) const EXAMPLES: &str = "\
The rules are those of the ledger, for what the catalog file says. Not checked without a ledger: whether record ids are
taken by other files, and whether usage overlaps theirs; `usage-ledger file validate` asks a running ledger for that.

Examples:
  usage-ledger validate october.xlsx --catalog mine.json --contract CRD-… --product PRD-…
  usage-ledger validate october.csv --catalog mine.json --contract CRD-… --product PRD-… \\
      --period 2026-10-01..2026-10-31 --time-zone America/Los_Angeles --currency USD
  usage-ledger validate october.ods … --format csv > errors.csv      every error, for a spreadsheet
  usage-ledger validate october.xlsx … --format ndjson | jq .code    every error, for a program

Exit codes: 0 every record is valid, 3 records are invalid, 2 the file can't be read.";

/// Arguments of `validate`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ValidateArgs {
    /// The workbook to check: XLSX, CSV, ODS, XLSB or XLS.
    #[arg(value_name = "FILE")]
    workbook: PathBuf,
    /// The catalog file that it is checked against.
    #[arg(long, value_name = "FILE")]
    catalog: PathBuf,
    #[command(flatten)]
    about: AboutArgs,
    /// How to print what is wrong.
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
    /// Errors in the table; 0 for all of them.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

pub(super) fn run(args: &ValidateArgs) -> Result<u8, CliError> {
    let catalog = read_catalog(&args.catalog)?;
    let create = wanted(&args.about)?;
    let ledger = Ledger { catalog: Arc::new(catalog), ..Ledger::default() };
    let now = Clock::Machine.now();
    let created = admit(&ledger, &create, &Scope::operator(), now).map_err(|rejection| refused(&rejection))?;
    let workbook =
        File::open(&args.workbook).map_err(|source| CliError::Read { path: args.workbook.clone(), source })?;
    let temp = std::env::temp_dir();
    let guard = super::guard();
    let examiner = Examiner::offline(&temp);
    let bench = Bench { records: Records::default(), guard, temp };
    let examine = |draft| examiner.examine(&ledger, None, draft);
    let mut report = Report::new(args);
    let outcome = bench.check(&created, workbook, now, examine, &mut |fault| report.take(fault));
    let outcome = outcome.map_err(|error| CliError::Trial(Box::new(error)))?;
    // Who closed the pipe has seen enough.
    drop(report.finish(&created, &outcome, args));
    Ok(match (&outcome.unreadable, outcome.invalid) {
        (Some(_), _) => UNREADABLE,
        (None, 0) => 0,
        (None, _) => INVALID,
    })
}

/// The refusal that creating such a file would meet.
fn refused(rejection: &Rejection) -> CliError {
    CliError::Refused(format!("{}: {rejection}", rejection.code()))
}

fn wanted(about: &AboutArgs) -> Result<CreateFile, CliError> {
    let id = |what: &str, text: &str| {
        let wrong = || CliError::Usage(format!("--{what} {text} is no valid id"));
        ObjectId::new(text).ok_or_else(wrong)
    };
    let zone = Zone::parse(about.time_zone.as_deref().unwrap_or_default());
    let zone = zone.map_err(|error| CliError::Usage(format!("--time-zone: {error}")))?;
    let given = about.ends()?.map(|(from, to)| period(from, to, zone)).transpose();
    Ok(CreateFile {
        product: id("product", &about.product)?,
        contract: id("contract", &about.contract)?,
        name: String::new(),
        external_id: String::new(),
        description: String::new(),
        note: String::new(),
        period: given.map_err(|error| CliError::Usage(format!("--period: {error}")))?,
        time_zone: zone.kept(),
        predictive: about.predictive,
        currency: about.currency.clone(),
        environment: about.environment.as_deref().and_then(Environment::parse),
    })
}

/// What is printed, as it is found.
struct Report {
    format: OutputFormat,
    out: BufWriter<std::io::Stdout>,
    /// The first ones, for a document.
    kept: Vec<Fault>,
    most: usize,
    count: usize,
}

impl Report {
    fn new(args: &ValidateArgs) -> Self {
        let most = match (args.format, args.limit) {
            (OutputFormat::Text, 0) => usize::MAX,
            (OutputFormat::Text, limit) => limit,
            (OutputFormat::Json, _) => JSON_FAULTS_MAX,
            (OutputFormat::Ndjson | OutputFormat::Csv, _) => 0,
        };
        let mut out = BufWriter::new(std::io::stdout());
        if args.format == OutputFormat::Csv {
            // What can't be written shows with the first error.
            drop(out.write_all(CSV_HEADER.as_bytes()));
        }
        Self { format: args.format, out, kept: Vec::new(), most, count: 0 }
    }

    /// Takes a fault; false once nobody reads any more.
    fn take(&mut self, fault: Fault) -> bool {
        self.count += 1;
        match self.format {
            OutputFormat::Ndjson => writeln!(self.out, "{}", fault.json()).is_ok(),
            OutputFormat::Csv => self.out.write_all(fault.csv().as_bytes()).is_ok(),
            OutputFormat::Text | OutputFormat::Json => {
                if self.kept.len() < self.most {
                    self.kept.push(fault);
                }
                true
            }
        }
    }

    fn finish(&mut self, created: &FileCreated, outcome: &Outcome, args: &ValidateArgs) -> std::io::Result<()> {
        if let Some(detail) = &outcome.unreadable {
            self.take(Fault::unreadable(created, detail));
        }
        let verdict = verdict(created, outcome, &self.kept, self.count);
        match self.format {
            OutputFormat::Text => {
                let hint = format!(
                    "{} of {} are shown; --limit 0 shows all, --format csv or ndjson writes them for programs",
                    self.kept.len(),
                    self.count
                );
                write!(self.out, "{}: ", args.workbook.display())?;
                writeln!(self.out, "{} {}", created.contract.id, created.product.id)?;
                text::whole(&mut self.out, &verdict, self.kept.len(), &hint)?;
            }
            OutputFormat::Json => writeln!(self.out, "{verdict:#}")?,
            OutputFormat::Ndjson | OutputFormat::Csv => {}
        }
        self.out.flush()
    }
}

pub(super) fn read_catalog(path: &Path) -> Result<Catalog, CliError> {
    let text = super::read(path)?;
    let mut catalog = Catalog::default();
    // The hashes of keys mean nothing here, so any pepper does.
    let objects = catalog::json::read(&text, &catalog, b"offline").map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("  {}: {}", fault.pointer, fault.reason)).collect();
        CliError::Plain(format!("the catalog has {} faults:\n{}", faults.len(), lines.join("\n")))
    })?;
    objects.into_iter().for_each(|object| catalog.record(object));
    Ok(catalog)
}
