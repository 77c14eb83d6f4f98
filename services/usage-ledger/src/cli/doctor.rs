//! `usage-ledger doctor`: looks at what a process stands on, and says what should be otherwise.

use clap::Args;
use serde_json::json;

use super::{CliError, RunArgs};
use crate::doctor::{self, Check, Grade, Patient, Verdict};

/// Arguments of `doctor`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DoctorArgs {
    /// Where NATS servers tell of themselves, separated by commas (http://10.0.0.1:8222): a client isn't told when they
    /// sync.
    #[arg(long, env = "USAGE_LEDGER_NATS_MONITOR", value_name = "URL", value_delimiter = ',')]
    nats_monitor: Vec<String>,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    run: RunArgs,
}

const EXAMPLES: &str = "\
Give it the options that `run` is given, as the user who runs it. It changes nothing, and the ledger may run meanwhile.
docs/doctor.md lists what it looks at.

Examples:
  usage-ledger doctor --data ./data --listen 0.0.0.0:8080 --public-url https://usage.example.com
  usage-ledger doctor --only gateway --data ./gateway --nats nats://nats-1:4222 --nats-credentials gateway.creds \\
      --nats-ca ca.pem --secrets ./secrets --nats-monitor http://nats-1:8222

Exit codes: 0 nothing is refused, 1 something is.";

/// Looks and tells.
pub(super) async fn run(args: DoctorArgs) -> Result<u8, CliError> {
    let patient =
        Patient { settings: args.run.settings(), catalog: args.run.catalog.clone(), monitors: args.nats_monitor };
    let (worst, told) = doctor::judge(&doctor::look(&patient).await);
    if args.json {
        let checks = told.iter().map(|(check, verdict)| {
            let Verdict { grade, found, mend } = verdict;
            json!({ "name": check.name, "grade": grade, "found": found, "why": check.why, "mend": mend })
        });
        println!("{:#}", json!({ "grade": worst, "checks": checks.collect::<Vec<_>>() }));
    } else {
        told.iter().for_each(|(check, verdict)| tell(check, verdict));
    }
    Ok(u8::from(worst == Grade::Refused))
}

fn tell(check: &Check, Verdict { grade, found, mend }: &Verdict) {
    println!("{:8} {:20} {found}", grade.name(), check.name);
    if *grade > Grade::Ok {
        println!("{:29} why:  {}", "", check.why);
        println!("{:29} mend: {mend}", "");
    }
}
