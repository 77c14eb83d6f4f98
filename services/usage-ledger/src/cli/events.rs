//! `usage-ledger events`: what happened, from a shell, once and in order.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::CliError;
use super::server::ServerArgs;

/// Events of a page: the most that there are.
const LIMIT: usize = 1_000;
/// Seconds that one request waits for the next event: the longest that the ledger allows.
const WAIT_SECONDS: u64 = 60;

const EXAMPLES: &str = "\
With --state, the place where reading ended is kept in a file, and the next run goes on from there: each event is printed
once, however often the command is started.

Examples:
  usage-ledger events                                     everything that you may see, from the beginning
  usage-ledger events --follow --after now                what happens from now on
  usage-ledger events --follow --json --state feed.cursor | while read -r event; do …; done";

/// Arguments of `events`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct EventsArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Wait for the next event instead of ending after the last one.
    #[arg(long)]
    follow: bool,
    /// Begin after this cursor; `now` is after the last event.
    #[arg(long, default_value = "", conflicts_with = "state")]
    after: String,
    /// Keep the cursor in this file; it is made when it isn't there.
    #[arg(long)]
    state: Option<PathBuf>,
}

/// Runs `events`.
pub(super) fn run(args: &EventsArgs) -> Result<u8, CliError> {
    let client = args.server.client()?;
    let mut cursor = match &args.state {
        Some(path) if path.exists() => super::read_text(path)?.trim().to_owned(),
        _ => args.after.clone(),
    };
    let wait = if args.follow { WAIT_SECONDS } else { 0 };
    loop {
        let page = client.get_ours(&format!("events?after={cursor}&limit={LIMIT}&wait={wait}"))?;
        let events = page.get("events").and_then(Value::as_array).into_iter().flatten();
        if !print(events, args.server.json) {
            return Ok(0);
        }
        cursor = page.get("cursor").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(path) = &args.state {
            keep(path, &cursor)?;
        }
        let more = page.get("more").and_then(Value::as_bool).unwrap_or(false);
        if !args.follow && !more {
            return Ok(0);
        }
    }
}

/// Prints a line for each event; false when nobody reads any more.
fn print<'a>(events: impl Iterator<Item = &'a Value>, as_json: bool) -> bool {
    let mut out = std::io::stdout().lock();
    for event in events {
        let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or("-");
        let line = if as_json {
            event.to_string()
        } else {
            format!("{}  {}  {}  {}", text("/at"), text("/type"), text("/object/id"), text("/by/name"))
        };
        if writeln!(out, "{line}").is_err() {
            return false;
        }
    }
    out.flush().is_ok()
}

/// Puts a new cursor in the place of the old one, whole.
fn keep(path: &Path, cursor: &str) -> Result<(), CliError> {
    let failed = |source| CliError::Read { path: path.to_owned(), source };
    let next = path.with_extension("next");
    std::fs::write(&next, cursor).map_err(failed)?;
    std::fs::rename(&next, path).map_err(failed)
}
