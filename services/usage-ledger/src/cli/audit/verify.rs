//! `usage-ledger audit verify`.

use std::path::PathBuf;

use clap::Args;
use ledger::Moment;
use serde_json::Value;

use super::super::{CliError, Progress};
use super::{BROKEN, watched};
use crate::admin::{self, Request};
use crate::audit::verify::{Finding, Target, Verified};

const EXAMPLES: &str = "\
Reads every byte of every log and of every workbook that facts name, checks every hash, and changes nothing. A process may
work on the directory: then its segments are read, and what it knows is compared with what follows from them. Exit code 0
says that everything holds, 7 that something doesn't; each finding says what to do.

Examples:
  usage-ledger audit verify --data ./data
  usage-ledger audit verify --data ./data --json
  usage-ledger audit verify --archive /backup/ledger         a copy of log/segments and blobs, by itself";

/// Arguments of `audit verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct VerifyArgs {
    /// The data directory.
    #[arg(long, env = "USAGE_LEDGER_DATA", default_value = "./data")]
    data: PathBuf,
    /// A backup instead: a folder with `log/segments`, and `blobs` if it has them.
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `audit verify`.
pub(super) async fn run(args: &VerifyArgs) -> Result<u8, CliError> {
    let path = args.archive.clone().unwrap_or_else(|| args.data.clone());
    let is_backup = args.archive.is_some();
    // Asked before, so that the segments have all that it knows; where nobody runs there is nothing to compare with.
    let before = if is_backup { None } else { known(&path).await };
    let target = Target { path: &path, is_backup, folds: before.is_some() };
    let mut verified = tokio::task::block_in_place(|| {
        watched(Progress::bytes("verifying", target.bytes()), |done| target.verify(done))
    })
    .map_err(|error| CliError::Plain(format!("could not {}", runtime::nats::reasons(&error))))?;
    if let Some(before) = before
        && known(&path).await.as_ref() == Some(&before)
    {
        compare(&mut verified, &before, &path);
    }
    if args.json {
        println!("{:#}", verified.json());
    } else {
        print(&verified);
    }
    Ok(if verified.holds() { 0 } else { BROKEN })
}

/// What a running process knows.
async fn known(data: &std::path::Path) -> Option<Value> {
    let socket = data.join("admin.sock");
    std::os::unix::net::UnixStream::connect(socket).ok()?;
    admin::ask(data, 1, Request::State { logs: false }).await.ok()
}

/// A process that knew the same before and after must know what follows from its segments.
fn compare(verified: &mut Verified, known: &Value, path: &std::path::Path) {
    for (host, one) in &verified.hosts {
        let live = known.get(host.to_string());
        if live.is_some() && live != one.state.as_ref() {
            verified.findings.push(Finding {
                is_fault: true,
                host: Some(*host),
                path: path.to_owned(),
                position: one.log.position,
                what: "the process knows something else than follows from its log".to_owned(),
                advice: "a defect of ours: keep a copy of the directory, and start the process again",
            });
        }
    }
}

/// For people.
pub(super) fn print(verified: &Verified) {
    println!("{:16} {:>10} {:>10} {:>9}  {:20} head", "log", "entries", "own facts", "segments", "last fact");
    for (host, one) in &verified.hosts {
        let last = one.recorded_at.map(Moment::iso).unwrap_or_default();
        let (host, log) = (host.to_string(), &one.log);
        let head: String = log.head.to_string().chars().take(16).collect();
        println!("{host:16} {:>10} {:>10} {:>9}  {last:20} {head}", log.position, log.sequence, log.segments);
    }
    println!("{} entries and {} workbooks read", verified.entries, verified.workbooks);
    if verified.running {
        println!("a process works on it: its segments were read, which are at most a second behind");
    }
    for finding in &verified.findings {
        let kind = if finding.is_fault { "FAULT" } else { "note" };
        let host = finding.host.map(|host| format!(" {host}")).unwrap_or_default();
        let position = if finding.position > 0 { format!(" at position {}", finding.position) } else { String::new() };
        println!("{kind}{host}{position}: {}", finding.what);
        println!("      {}", finding.path.display());
        println!("      what to do: {}", finding.advice);
    }
    println!("{}", if verified.holds() { "everything holds" } else { "NOT EVERYTHING HOLDS" });
}
