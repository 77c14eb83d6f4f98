//! `usage-ledger audit repair`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::super::{CliError, Progress};
use super::{BROKEN, failed, watched};
use crate::audit::repair::{Damage, Remedy, Repair};
use crate::audit::verify::Target;

const EXAMPLES: &str = "\
Says what is missing or damaged, what each means, and what becomes of it; with --yes it does that. Only what loses nothing is
done: open segments are written again from the database, sealed segments and workbooks are put back from a backup once
their hashes lead to what is there, and workbooks that the ledger made are made again. Damaged originals are kept in the
folder `damaged` of the data directory. Exit code 0 says that there is nothing to do or all was done, 7 that something
remains.

Examples:
  usage-ledger audit repair --data ./data                                    what would be done?
  usage-ledger audit repair --data ./data --from /backup/ledger --yes";

/// Arguments of `audit repair`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct RepairArgs {
    /// The data directory, which no process works on.
    #[arg(long, env = "USAGE_LEDGER_DATA", default_value = "./data")]
    data: PathBuf,
    /// A backup of it, to put back from what it lacks.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Do it, instead of saying what would be done.
    #[arg(long)]
    yes: bool,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `audit repair`.
pub(super) fn run(args: &RepairArgs) -> Result<u8, CliError> {
    let bytes = Target { path: &args.data, is_backup: false, folds: false }.bytes();
    let repair = Repair { data: &args.data, from: args.from.as_deref(), does: args.yes };
    let found = watched(Progress::bytes("reading", bytes), |done| repair.run(done)).map_err(|error| failed(&error))?;
    let remains = found.iter().any(|damage| damage.remains() || !args.yes);
    if args.json {
        let all: Vec<Value> = found.iter().map(Damage::json).collect();
        println!("{:#}", json!({ "done": args.yes, "remains": remains, "found": all }));
    } else {
        found.iter().for_each(|damage| print(damage, args.yes));
        println!("{}", summary(&found, args.yes));
    }
    Ok(if remains { BROKEN } else { 0 })
}

fn print(damage: &Damage, is_done: bool) {
    let host = damage.host.map(|host| format!("{host}: ")).unwrap_or_default();
    println!("{host}{}", damage.what);
    println!("      {}", damage.path.display());
    println!("      what it means: {}", damage.means);
    match &damage.remedy {
        Remedy::Mended(how) if is_done => println!("      done: {how}"),
        Remedy::Mended(how) => println!("      with --yes: {how}"),
        Remedy::Refused(advice) => println!("      NOT DONE: {advice}"),
    }
}

fn summary(found: &[Damage], is_done: bool) -> String {
    let remaining = found.iter().filter(|damage| damage.remains()).count();
    let mended = found.len() - remaining;
    match (mended, remaining, is_done) {
        (0, 0, _) => "nothing to do: everything holds".to_owned(),
        (_, 0, true) => format!("{mended} put right: everything holds"),
        (_, _, true) => format!("{mended} put right, {remaining} REMAIN"),
        (_, _, false) => format!("{mended} can be put right with --yes, {remaining} can't; nothing was changed"),
    }
}
