//! `usage-ledger audit revalidate`.

use std::path::PathBuf;

use clap::Args;
use ledger::FileId;
use serde_json::json;

use super::super::CliError;
use super::super::validate::read_catalog;
use super::failed;
use super::when::{file, when};
use crate::audit::AuditError;
use crate::audit::fold::Until;
use crate::audit::place::Place;
use crate::audit::revalidate::{Against, Difference, Revalidated, revalidate};

const EXAMPLES: &str = "\
Records are checked as they were then, by what validation knew of other files and of the time when it began; what differs is
the catalog, or a rule of this version. Nothing is recorded.

Examples:
  usage-ledger audit revalidate UF-2026-11-0000-0001 --data ./data                       against today's catalog
  usage-ledger audit revalidate UF-2026-11-0000-0001 --catalog-as-of 2026-10-01 --data ./data
  usage-ledger audit revalidate UF-2026-11-0000-0001 --catalog planned.json --json --data ./data";

/// Arguments of `audit revalidate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct RevalidateArgs {
    /// The usage file.
    #[arg(value_name = "UF-…", value_parser = file)]
    file: FileId,
    /// A data directory that no process works on; where services run apart, that of each.
    #[arg(long, env = "USAGE_LEDGER_DATA", default_value = "./data")]
    data: Vec<PathBuf>,
    /// The catalog as it was at an instant, or at a sequence of its log (catalog-0:120) [default: as it is].
    #[arg(long, value_name = "WHEN", value_parser = when, conflicts_with = "catalog")]
    catalog_as_of: Option<Until>,
    /// A catalog file instead.
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Records that are shown; the others are counted.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    show: u64,
    /// A line of JSON for each record of which something else is found, and one for the whole.
    #[arg(long)]
    json: bool,
}

/// Runs `audit revalidate`.
pub(super) fn run(args: &RevalidateArgs) -> Result<u8, CliError> {
    let place = Place::open(&args.data).map_err(|error| failed(&error))?;
    let against = match &args.catalog {
        Some(path) => Against::Given(Box::new(read_catalog(path)?)),
        None => Against::Recorded(args.catalog_as_of.clone().unwrap_or_default()),
    };
    let temp = tempfile::tempdir().map_err(|error| failed(&AuditError::Temp(error)))?;
    let mut shown = 0;
    let report = revalidate(&place, args.file, against, temp.path(), |difference| {
        shown += 1;
        if args.json {
            println!("{}", json!({ "record": difference }));
        } else if shown <= args.show {
            print(&difference);
        }
    });
    let report = report.map_err(|error| failed(&error))?;
    if args.json {
        println!("{}", json!({ "file": args.file.to_string(), "revalidated": report }));
    } else {
        sum_up(&report, args.show);
    }
    Ok(0)
}

fn print(difference: &Difference) {
    println!("row {}  {}", difference.row, difference.record_id);
    for (what, [then, now]) in &difference.changes {
        let text = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.replace('\n', "\n         ") };
        println!("  {what}");
        println!("    then {}", text(then));
        println!("    now  {}", text(now));
    }
}

fn sum_up(report: &Revalidated, show: u64) {
    let Revalidated { then, now, differing, catalog_then, catalog_now } = report;
    if *differing > show {
        println!("… and {} more: --show {differing}, or --json", differing - show);
    }
    println!("then  {} valid, {} invalid, by the catalog at {catalog_then}", then.valid, then.invalid);
    let catalog = catalog_now.map_or("a catalog of yours".to_owned(), |position| format!("the catalog at {position}"));
    println!("now   {} valid, {} invalid, by {catalog}", now.valid, now.invalid);
    println!("{differing} records of which something else is found");
}
