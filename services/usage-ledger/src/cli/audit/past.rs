//! `usage-ledger audit history` and `audit state`: what happened to something, and how it stood, asked of a ledger that
//! runs.

use std::io::Write;

use clap::Args;
use serde_json::Value;

use crate::cli::server::ServerArgs;
use crate::cli::{CliError, ClientError};

/// Lines on a page.
const PAGE: usize = 1_000;

const HISTORY_EXAMPLES: &str = "\
Each line is a fact of a log, or a refusal: when, its place in which log, where the file stood before and after, who with
which key, by which way (api, portal, cli, nats, machine, rule, service), what, and why. You see what your key may see.

Examples:
  usage-ledger audit history UF-…                          what happened to a usage file
  usage-ledger audit history UR-…                          what happened to a record
  usage-ledger audit history UF-… --as-of 2026-11-05       as it was known at the beginning of that day, UTC
  usage-ledger audit history UF-… 'fact=FileRejected'      of one kind only
  usage-ledger audit history UF-… 'surface=portal'         what was done in the portal
  usage-ledger audit history UF-… --json | jq -r .reproduce";

const STATE_EXAMPLES: &str = "\
The answer is what the ledger would have answered then, and the positions that it is from: given as --as-of they bring it
again, at any time and from any gateway.

Examples:
  usage-ledger audit state UF-… --as-of 2026-11-05T12:00:00Z          a usage file, with its totals
  usage-ledger audit state UFC-… --as-of 2026-11-05T12:00:00Z         a chunk
  usage-ledger audit state UR-… --as-of catalog-0:303,approval-0:8,…  a record, as of positions
  usage-ledger audit state UF-… --as-of 2026-11-05 --json             for scripts";

/// Arguments of `audit history`.
#[derive(Args, Clone, Debug)]
#[command(after_help = HISTORY_EXAMPLES)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// A usage file (UF-…) or a record (UR-…).
    id: String,
    /// An RQL filter on fact, surface, error_code, account and recorded_at.
    #[arg(default_value = "")]
    query: String,
    /// As it was known then: an instant or positions.
    #[arg(long, value_name = "WHEN")]
    as_of: Option<String>,
}

/// Arguments of `audit state`.
#[derive(Args, Clone, Debug)]
#[command(after_help = STATE_EXAMPLES)]
pub(crate) struct StateArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// A usage file (UF-…), a chunk (UFC-…), a reconciliation (RCF-…) or a record (UR-…).
    id: String,
    /// When: an instant (2026-11-05T12:00:00Z), a date, or positions as an answer had them.
    #[arg(long, value_name = "WHEN")]
    as_of: Option<String>,
}

/// The collection that an id is of.
fn collection(id: &str) -> Result<&'static str, CliError> {
    // A chunk's prefix begins like a file's.
    let known = [("UFC-", "chunks"), ("UF-", "files"), ("UR-", "records"), ("RCF-", "reconciliations")];
    let found = known.into_iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, collection)| collection);
    let found = found.filter(|_| id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
    let ids = "a usage file (UF-…), a chunk (UFC-…), a reconciliation (RCF-…) or a record (UR-…)";
    found.ok_or_else(|| CliError::Usage(format!("{id} is no id of {ids}")))
}

/// An answer about something; where it isn't there, what may be the reason.
pub(super) fn asked<T>(what: &str, answer: Result<T, ClientError>) -> Result<T, CliError> {
    answer.map_err(|error| match error {
        ClientError::Refused { status: 404, .. } => CliError::Refused(format!(
            "there is no {what} for this key; check the id and the key (each side sees its own files), and with --as-of \
             whether it was there by then"
        )),
        other => other.into(),
    })
}

/// Prints something; who closed the pipe has seen enough.
pub(super) fn put(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Shows what happened.
pub(crate) fn history(args: &HistoryArgs) -> Result<(), CliError> {
    let collection = match collection(&args.id)? {
        one @ ("files" | "records") => one,
        _ => {
            let said = "files (UF-…) and records (UR-…) have a history; that of a chunk is in its file's";
            return Err(CliError::Usage(format!("{}: {said}", args.id)));
        }
    };
    let client = args.server.client()?;
    let joined = if args.query.is_empty() { String::new() } else { format!("&{}", args.query) };
    let as_of: Vec<_> = args.as_of.as_deref().map(|as_of| ("as_of", as_of)).into_iter().collect();
    let mut out = std::io::stdout();
    let mut offset = 0;
    loop {
        let path = format!("usage/{collection}/{}/history?limit={PAGE}&offset={offset}{joined}", args.id);
        let (page, _) = asked(&args.id, client.get_ours_as_of(&path, &as_of))?;
        let lines = page.as_array().map(Vec::as_slice).unwrap_or_default();
        for line in lines {
            let shown = if args.server.json { line.to_string() } else { sentence(line) };
            // Who closed the pipe has seen enough.
            if writeln!(out, "{shown}").is_err() {
                return Ok(());
            }
        }
        offset += lines.len();
        if lines.len() < PAGE {
            return Ok(());
        }
    }
}

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn sentence(line: &Value) -> String {
    let at = text(line, "/recorded_at").get(..19).unwrap_or_default().replace('T', " ");
    let place = line.pointer("/position/sequence").map(Value::to_string).unwrap_or_default();
    let place = format!("{}:{place}", text(line, "/position/host"));
    // A key often has no name of its own.
    let (name, key) = (text(line, "/by/name"), text(line, "/by/id"));
    let who = if name == key { key.to_owned() } else { [name, key].join(" ").trim_end().to_owned() };
    let who = format!("{who} ({})", text(line, "/surface"));
    let status = match (text(line, "/status/before"), text(line, "/status/after")) {
        (before, after) if before == after || before.is_empty() => after.to_owned(),
        (before, after) => format!("{before} → {after}"),
    };
    let why = [text(line, "/error_code"), text(line, "/why")].into_iter().filter(|text| !text.is_empty());
    let why: String = why.map(|text| format!("; {text}")).collect();
    format!("{at}  {place:<18}  {status:<22}  {who}: {}{why}", text(line, "/action"))
}

/// Shows how something stood.
pub(crate) fn state(args: &StateArgs) -> Result<(), CliError> {
    let path = format!("usage/{}/{}", collection(&args.id)?, args.id);
    let as_of: Vec<_> = args.as_of.as_deref().map(|as_of| ("as_of", as_of)).into_iter().collect();
    let (object, positions) = asked(&args.id, args.server.client()?.get_as_of(&path, &as_of))?;
    if args.server.json {
        put(&format!("{object:#}"));
        return Ok(());
    }
    members("", &object);
    if let Some(positions) = positions {
        put(&format!("\nas of {positions}"));
    }
    Ok(())
}

/// Each member of an object on a line of its own.
fn members(path: &str, value: &Value) {
    let named = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| members(&named(name), value)),
        Value::Array(array) => array.iter().enumerate().for_each(|(at, value)| members(&named(&at.to_string()), value)),
        Value::String(text) => put(&format!("{path:<32}  {text}")),
        other => put(&format!("{path:<32}  {other}")),
    }
}
