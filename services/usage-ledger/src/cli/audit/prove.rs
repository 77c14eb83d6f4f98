//! `usage-ledger audit keys`, `prove`, `check-proof` and `consistency`: proofs, had from a ledger and checked without it;
//! and `rotate-key`.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger::note::{VerifierKey, opened};
use ledger::statement;
use serde_json::Value;

use super::super::server::ServerArgs;
use super::super::{CliError, read_text};
use super::BROKEN;
use crate::audit::proof::{self, CONSISTENCY, ProofError, RECORD};
use crate::secrets::rotate_signer;

const KEYS: &str = "\
Have them once, keep them, and check with what you kept: who asks for the keys along with each proof trusts whoever
answers.

Examples:
  usage-ledger audit keys > ledger.keys";

/// Arguments of `audit keys`.
#[derive(Args, Clone, Debug)]
#[command(after_help = KEYS)]
pub(in crate::cli) struct KeysArgs {
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints the keys of the logs.
pub(super) fn keys(args: &KeysArgs) -> Result<u8, CliError> {
    let told = args.server.client()?.get_ours("keys")?;
    let keys = told.get("keys").and_then(Value::as_array).into_iter().flatten();
    for key in keys.filter_map(|one| one.get("key")?.as_str()) {
        println!("{key}");
    }
    Ok(0)
}

const PROVE: &str = "\
A proof shows the cells of one record and the hashes of everything else; it holds for whoever has the key of the log, and
for as long.

Examples:
  usage-ledger audit prove UR-2026-11-0000-0000-0000-0002 -o proof.json
  usage-ledger audit check-proof proof.json --key ledger.keys";

/// Arguments of `audit prove`.
#[derive(Args, Clone, Debug)]
#[command(after_help = PROVE)]
pub(in crate::cli) struct ProveArgs {
    /// The record (UR-…).
    record: String,
    /// Where the proof is written [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Asks for the proof of a record.
pub(super) fn prove(args: &ProveArgs) -> Result<u8, CliError> {
    let proof = args.server.client()?.get_ours(&format!("proof/records/{}", args.record))?;
    match &args.output {
        Some(path) => write(path, &format!("{proof:#}\n"))?,
        None => println!("{proof:#}"),
    }
    Ok(0)
}

const CHECK: &str = "\
Needs no ledger, no data and no net. docs/examples/check_proof.py does the same in Python, with nothing of ours. Exit code
7 says that the proof doesn't hold.

Examples:
  usage-ledger audit check-proof proof.json --key ledger.keys
  usage-ledger audit check-proof proof.json --key 'usage-ledger/…/ingestion-0/epoch-1+8f3f9a52+AQcH…'
  usage-ledger audit check-proof grown.json --key ledger.keys --checkpoint kept.txt
  usage-ledger audit check-proof statement.txt --key ledger.keys";

/// Arguments of `audit check-proof`.
#[derive(Args, Clone, Debug)]
#[command(after_help = CHECK)]
pub(in crate::cli) struct CheckArgs {
    /// The proof, as `prove` or the API gave it.
    proof: PathBuf,
    /// A key of the log, or a file with one in each line.
    #[arg(long)]
    key: String,
    /// For a proof that a log only grew: the checkpoint that you kept.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

/// Checks a proof.
pub(super) fn check(args: &CheckArgs) -> Result<u8, CliError> {
    let (text, keys) = (read_text(&args.proof)?, trusted(&args.key)?);
    if text.starts_with(statement::HEAD) {
        return Ok(told(opened(&text, &keys).map(str::to_owned).map_err(ProofError::from)));
    }
    let format = serde_json::from_str::<Value>(&text).ok();
    let format = format.as_ref().and_then(|proof| proof.get("format")?.as_str());
    let shown = match (format, &args.checkpoint) {
        (Some(RECORD), _) => proof::record(&text, &keys),
        (Some(CONSISTENCY), Some(kept)) => grown(&text, &read_text(kept)?, &keys),
        (Some(CONSISTENCY), None) => {
            let hint = "this proof is about two checkpoints: give the one that you kept with --checkpoint";
            return Err(CliError::Usage(hint.to_owned()));
        }
        _ => return Err(CliError::Usage(format!("{} is no proof", args.proof.display()))),
    };
    Ok(told(shown))
}

const STATE: &str = "\
Counts, totals, roots, and who submitted, accepted and closed the file and when, signed with the key of extraction's log.

Examples:
  usage-ledger audit statement UF-2026-11-0000-0000 > statement.txt
  usage-ledger audit check-proof statement.txt --key ledger.keys";

/// Arguments of `audit statement`.
#[derive(Args, Clone, Debug)]
#[command(after_help = STATE)]
pub(in crate::cli) struct StatementArgs {
    /// The file (UF-…).
    file: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints the statement about a closed file.
pub(super) fn state(args: &StatementArgs) -> Result<u8, CliError> {
    let told = args.server.client()?.get_ours(&format!("usage/files/{}/statement", args.file))?;
    print!("{}", told.get("statement").and_then(Value::as_str).unwrap_or_default());
    Ok(0)
}

const CONSISTENT: &str = "\
The checkpoint may be any that the ledger signed: from a response, from somebody else, or the output of the last run.

Examples:
  usage-ledger audit consistency kept.txt --trusted ledger.keys                is it still the same log?
  usage-ledger audit consistency kept.txt --trusted ledger.keys -o kept.txt    and keep the newest checkpoint";

/// Arguments of `audit consistency`.
#[derive(Args, Clone, Debug)]
#[command(after_help = CONSISTENT)]
pub(in crate::cli) struct ConsistencyArgs {
    /// A checkpoint that you kept.
    checkpoint: PathBuf,
    /// A key of the log, or a file with one in each line.
    #[arg(long)]
    trusted: String,
    /// Where the newest checkpoint is written once it has shown to continue the old one.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Asks whether a log still begins with what was signed, and checks the answer.
pub(super) fn consistency(args: &ConsistencyArgs) -> Result<u8, CliError> {
    let (kept, keys) = (read_text(&args.checkpoint)?, trusted(&args.trusted)?);
    let old = match proof::checkpoint(&kept, &keys) {
        Ok(old) => old,
        Err(error) => return Ok(told(Err(error))),
    };
    let host = old.origin.split('/').nth(2).unwrap_or_default();
    let path = format!("proof/consistency?host={host}&from={}", old.size);
    let proof = args.server.client()?.get_ours(&path)?;
    let shown = grown(&proof.to_string(), &kept, &keys);
    if let (Ok(_), Some(path)) = (&shown, &args.output) {
        write(path, proof.get("checkpoint").and_then(Value::as_str).unwrap_or_default())?;
    }
    Ok(told(shown))
}

fn grown(proof: &str, kept: &str, keys: &[VerifierKey]) -> Result<String, ProofError> {
    let new = proof::consistency(proof, kept, keys)?;
    Ok(format!("{} only grew, to {} events", new.origin, new.size))
}

fn told(shown: Result<String, ProofError>) -> u8 {
    match shown {
        Ok(words) => {
            println!("{words}");
            0
        }
        Err(error) => {
            eprintln!("usage-ledger: {}", runtime::nats::reasons(&error));
            BROKEN
        }
    }
}

/// The keys of an argument: one of them, or a file.
fn trusted(given: &str) -> Result<Vec<VerifierKey>, CliError> {
    let path = Path::new(given);
    let text = if path.is_file() { read_text(path)? } else { given.to_owned() };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| VerifierKey::parse(line).map_err(|error| CliError::Usage(error.to_string()))).collect()
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text).map_err(|error| CliError::Plain(format!("could not write {}: {error}", path.display())))
}

const ROTATE: &str = "\
Each process has a key of its own; where services run apart, do it in the directory of each. The next start records the new
key in every log of the process and has the former one, kept as `signing-key.old`, sign once more: that checkpoint covers the
fact that names the new key. Then remove `signing-key.old`, and have `audit keys` again.

Examples:
  usage-ledger audit rotate-key --data ./data";

/// Arguments of `audit rotate-key`.
#[derive(Args, Clone, Debug)]
#[command(after_help = ROTATE)]
pub(in crate::cli) struct RotateArgs {
    /// The data directory; a process that works on it goes on with the former key until it is started again.
    #[arg(long, env = "USAGE_LEDGER_DATA", default_value = "./data")]
    data: PathBuf,
}

/// Makes a new key.
pub(super) fn rotate(args: &RotateArgs) -> Result<u8, CliError> {
    let former = rotate_signer(&args.data).map_err(|error| CliError::Plain(runtime::nats::reasons(&error)))?;
    println!("a new key is used from the next start on; the former one is kept in {}", former.display());
    Ok(0)
}
