//! `usage-ledger audit …`: questions about the past, answered from the logs.

mod export;
mod replay;
mod revalidate;
mod when;

use clap::Subcommand;

use super::CliError;
use crate::audit::AuditError;

/// What was found is not what was recorded.
const BROKEN: u8 = 7;

const EXAMPLES: &str = "\
The figures of a ledger follow from its logs. These commands ask the logs, and need nobody's word. docs/audit.md walks
through them. Exit code 7 says that something isn't as it was recorded.

Examples:
  usage-ledger audit replay --data ./data                            does the state follow from the logs?
  usage-ledger audit replay --data ./data --until 2026-11-05         and what was it then?
  usage-ledger audit replay --data ./data --workbooks                are the workbooks those that were recorded?
  usage-ledger audit export --data ./data --file UF-…                every fact about a file, as JSON
  usage-ledger audit revalidate UF-… --data ./data                   what would be found in it today?";

/// What an auditor asks.
#[derive(Clone, Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum AuditCommand {
    /// Fold the logs from the first fact on, print digests of what everybody must know, and make workbooks again.
    Replay(replay::ReplayArgs),
    /// Write facts out, as JSON or with every byte that was hashed.
    Export(export::ExportArgs),
    /// Check an old file again, by today's rules and catalog or another one, and show what would be found otherwise.
    Revalidate(revalidate::RevalidateArgs),
}

/// Does it.
pub(super) fn run(command: AuditCommand) -> Result<u8, CliError> {
    match command {
        AuditCommand::Replay(args) => replay::run(&args),
        AuditCommand::Export(args) => export::run(&args),
        AuditCommand::Revalidate(args) => revalidate::run(&args),
    }
}

fn failed(error: &AuditError) -> CliError {
    CliError::Plain(runtime::nats::reasons(error))
}
