//! `usage-ledger audit restore`.

use std::path::PathBuf;

use clap::Args;

use super::super::{CliError, Progress};
use super::{BROKEN, watched};
use crate::audit::restore::{Made, restore};
use crate::audit::verify::Target;

const EXAMPLES: &str = "\
Needs `log/segments` of what it reads and no database, so a data directory whose database is lost will do as well. Every
frame is checked as it is copied. Secrets are in no backup: put your copy of the file `secrets` into the new directory
before the first start, or API keys and links that were given out stop working. One that was interrupted is done again with
the same words; until then its directory doesn't start. Exit code 7 says that something is
missing at the end of a log or a workbook wasn't what it should be; the rest was restored.

Examples:
  usage-ledger audit restore --from /backup/ledger --data ./data
  usage-ledger audit restore --from ./damaged --data ./data";

/// Arguments of `audit restore`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct RestoreArgs {
    /// A backup or a data directory that no process works on.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The data directory to make; it must be empty or absent.
    #[arg(long)]
    data: PathBuf,
    /// This is the backup of some services only, which run apart from the others: their logs are elsewhere.
    #[arg(long)]
    part: bool,
}

/// Runs `audit restore`.
pub(super) fn run(args: &RestoreArgs) -> Result<u8, CliError> {
    let source = Target { path: &args.from, is_backup: true, folds: false };
    let bar = Progress::bytes("restoring", source.bytes());
    let made = watched(bar, |done| restore(&args.from, &args.data, done));
    let made = made.map_err(|error| CliError::Plain(runtime::nats::reasons(&error)))?;
    let target = Target { path: &args.data, is_backup: false, folds: false };
    let verified = watched(Progress::bytes("verifying", target.bytes()), |done| target.verify(done));
    let verified = verified.map_err(|error| CliError::Plain(runtime::nats::reasons(&error)))?;
    super::verify::print(&verified);
    print(&made, args);
    let is_cut = !made.log.is_vouched && made.log.left_out.values().any(|left| *left > 0);
    let is_whole =
        made.changed.is_empty() && made.log.missing.is_empty() && !is_cut && (args.part || made.log.absent.is_empty());
    Ok(if verified.holds() && is_whole { 0 } else { BROKEN })
}

fn print(made: &Made, args: &RestoreArgs) {
    for (host, left) in made.log.left_out.iter().filter(|(_, left)| **left > 0) {
        println!(
            "{host}: its last {left} entries were left out: they rest on facts of others that aren't in the backup yet"
        );
    }
    for (host, missing) in &made.log.missing {
        println!("{host}: {missing} entries at its end were acknowledged and aren't in {}", args.from.display());
    }
    for host in made.log.absent.iter().filter(|_| !args.part) {
        println!("{host} was heard and has no log here: it is lost, unless other processes write it (--part)");
    }
    for path in &made.changed {
        println!("{} was left out: its content isn't what its name says", path.display());
    }
    println!("{} workbooks copied; what is recorded from here on is of epoch {}", made.workbooks, made.log.epoch);
    println!("put your copy of the file `secrets` into {} and start it", args.data.display());
}
