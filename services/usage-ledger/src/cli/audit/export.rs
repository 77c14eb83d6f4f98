//! `usage-ledger audit export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ledger::{FileId, HostId};

use super::super::CliError;
use super::failed;
use super::when::{file, host, when};
use crate::audit::AuditError;
use crate::audit::export::{Form, Range, export};
use crate::audit::fold::Until;
use crate::audit::place::Place;

const EXAMPLES: &str = "\
One log after the other, each in the order of its chain. As NDJSON a line has the header's fields, its hash and the event with
the names of proto/usage/v1; the hashes are of the bytes, which only the protobuf form has: a usage.v1.ExportedFact each, after
its length.

Examples:
  usage-ledger audit export --data ./data | jq -r '.recorded_at + \" \" + .fact'
  usage-ledger audit export --data ./data --file UF-2026-11-0000-0001 --records
  usage-ledger audit export --data ./data --host approval-0 --from approval-0:100 --until 2026-11-05
  usage-ledger audit export --data ./data --format protobuf -o facts.bin";

/// How facts are written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// A line of JSON each.
    #[default]
    Ndjson,
    /// A message each, with every byte that was hashed.
    Protobuf,
}

/// Arguments of `audit export`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct ExportArgs {
    /// A data directory that no process works on; where services run apart, that of each.
    #[arg(long, env = "USAGE_LEDGER_DATA", default_value = "./data")]
    data: Vec<PathBuf>,
    /// Of these logs only.
    #[arg(long, value_name = "LOG", value_parser = host)]
    host: Vec<HostId>,
    /// What was recorded at an instant or later, or a sequence of each log and what follows it.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    from: Option<Until>,
    /// Nothing that was recorded after an instant, or after a sequence of each log.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    until: Option<Until>,
    /// What is about one usage file.
    #[arg(long, value_name = "UF-…", value_parser = file)]
    file: Option<FileId>,
    /// As lines of JSON, or as messages.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// With the records that were read and what was found in them, as lines have them; they are most of a ledger.
    #[arg(long)]
    records: bool,
    /// Into this file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs `audit export`.
pub(super) fn run(args: &ExportArgs) -> Result<u8, CliError> {
    let place = Place::open(&args.data).map_err(|error| failed(&error))?;
    let form = match args.format {
        Format::Ndjson => Form::Ndjson { records: args.records },
        Format::Protobuf => Form::Protobuf,
    };
    let (from, until) = (args.from.clone(), args.until.clone().unwrap_or_default());
    let range = Range { hosts: args.host.iter().copied().collect(), from, until, file: args.file };
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => {
            let made = File::create_new(path);
            Box::new(made.map_err(|error| CliError::Plain(format!("could not make {}: {error}", path.display())))?)
        }
        None => Box::new(io::stdout().lock()),
    };
    match export(&place, &range, form, &mut BufWriter::new(&mut out)) {
        Ok(()) => Ok(0),
        // Who closed the pipe has seen enough.
        Err(AuditError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(failed(&error)),
    }
}
