//! `usage-ledger audit …`: questions about the past, answered from the logs.

mod export;
mod past;
mod prove;
mod repair;
mod replay;
mod restore;
mod revalidate;
mod trace;
mod verify;
mod when;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Subcommand;

use super::{CliError, Progress, block_on};
use crate::audit::AuditError;

/// What was found is not what was recorded.
const BROKEN: u8 = 7;
/// Between two looks at how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const EXAMPLES: &str = "\
The figures of a ledger follow from its logs. These commands ask the logs, and need nobody's word. docs/audit.md walks
through them. Exit code 7 says that something isn't as it was recorded.

Examples:
  usage-ledger audit verify --data ./data                            is everything as it was recorded?
  usage-ledger audit repair --data ./data                            what of it can be put right?
  usage-ledger audit replay --data ./data                            does the state follow from the logs?
  usage-ledger audit replay --data ./data --until 2026-11-05         and what was it then?
  usage-ledger audit replay --data ./data --workbooks                are the workbooks those that were recorded?
  usage-ledger audit export --data ./data --file UF-…                every fact about a file, as JSON
  usage-ledger audit revalidate UF-… --data ./data                   what would be found in it today?
  usage-ledger audit prove UR-2026-11-0000-0000-0000-0002 -o p.json  what was read of this record?
  usage-ledger audit check-proof p.json --key ledger.keys            and can that be relied on?
  usage-ledger audit history UF-…                                    what happened to this file, and who did it?
  usage-ledger audit state UF-… --as-of 2026-11-05T12:00:00Z         what did we know of it then?
  usage-ledger audit trace UFC-…:17                                  which cell does this line of a chunk come from?";

/// What an auditor asks.
#[derive(Clone, Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum AuditCommand {
    /// Go through everything that a data directory or a backup holds, and say whether it is as it was recorded.
    Verify(verify::VerifyArgs),
    /// Say what is missing or damaged in a data directory, and put right what loses nothing.
    Repair(repair::RepairArgs),
    /// Make a working ledger from a backup, or from the segments of one whose database is lost.
    Restore(restore::RestoreArgs),
    /// Fold the logs from the first fact on, print digests of what everybody must know, and make workbooks again.
    Replay(replay::ReplayArgs),
    /// Write facts out, as JSON or with every byte that was hashed.
    Export(export::ExportArgs),
    /// Check an old file again, by today's rules and catalog or another one, and show what would be found otherwise.
    Revalidate(revalidate::RevalidateArgs),
    /// Print the keys that the logs of a ledger are signed with.
    Keys(prove::KeysArgs),
    /// Sign with a new key from the next start on; the former one says once more who comes next.
    RotateKey(prove::RotateArgs),
    /// Have a record proven, without its neighbours.
    Prove(prove::ProveArgs),
    /// Check a proof: offline, with nothing but the key of the log.
    CheckProof(prove::CheckArgs),
    /// Print the signed statement about a closed file.
    Statement(prove::StatementArgs),
    /// Ask whether a log still begins with a checkpoint that you kept.
    Consistency(prove::ConsistencyArgs),
    /// What happened to a usage file or a record: who did what when, and why.
    History(past::HistoryArgs),
    /// Where a record came from and where it went: from the cell of a workbook to the line of a chunk, and back.
    Trace(trace::TraceArgs),
    /// How a usage file, a chunk, a reconciliation or a record stood at an instant.
    State(past::StateArgs),
}

/// Does it.
pub(super) fn run(command: AuditCommand) -> Result<u8, CliError> {
    match command {
        AuditCommand::Verify(args) => block_on(async move { verify::run(&args).await }),
        AuditCommand::Repair(args) => repair::run(&args),
        AuditCommand::Restore(args) => restore::run(&args),
        AuditCommand::Replay(args) => replay::run(&args),
        AuditCommand::Export(args) => export::run(&args),
        AuditCommand::Revalidate(args) => revalidate::run(&args),
        AuditCommand::Keys(args) => prove::keys(&args),
        AuditCommand::RotateKey(args) => prove::rotate(&args),
        AuditCommand::Prove(args) => prove::prove(&args),
        AuditCommand::CheckProof(args) => prove::check(&args),
        AuditCommand::Statement(args) => prove::state(&args),
        AuditCommand::Consistency(args) => prove::consistency(&args),
        AuditCommand::History(args) => past::history(&args).map(|()| 0),
        AuditCommand::Trace(args) => trace::trace(&args).map(|()| 0),
        AuditCommand::State(args) => past::state(&args).map(|()| 0),
    }
}

fn failed(error: &AuditError) -> CliError {
    CliError::Plain(runtime::nats::reasons(error))
}

/// Does something while a bar shows how far it is.
fn watched<T: Send>(bar: Progress, work: impl FnOnce(&AtomicU64) -> T + Send) -> T {
    let done = AtomicU64::default();
    let (bar, done) = (&bar, &done);
    let outcome = std::thread::scope(|scope| {
        let (ended, end) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            while end.recv_timeout(LOOK_EVERY) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                bar.at(done.load(Ordering::Relaxed), "");
            }
        });
        let outcome = work(done);
        drop(ended);
        outcome
    });
    bar.end();
    outcome
}
