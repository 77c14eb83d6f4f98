//! `usage-ledger file …`: what vendors and distributors do with usage files, from a shell.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{CliError, Client, Progress};

/// How often a watched file is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(300);

/// Arguments of `file`.
#[derive(Args, Debug)]
pub(super) struct FileArgs {
    /// The ledger to talk to.
    #[arg(long, global = true, env = "USAGE_LEDGER_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The API key: `ApiKey SU-…:secret`, or without the first word.
    #[arg(long, global = true, env = "USAGE_LEDGER_KEY", default_value = "", hide_env_values = true)]
    key: String,
    /// Print the answer as JSON instead of a line for people.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: FileCommand,
}

#[derive(Debug, Subcommand)]
enum FileCommand {
    /// Create a draft for a contract, product and period (vendor).
    Create {
        /// The distribution contract (CRD-…).
        #[arg(long)]
        contract: String,
        /// The product (PRD-…).
        #[arg(long)]
        product: String,
        /// First day, YYYY-MM-DD.
        #[arg(long)]
        from: Option<String>,
        /// Last day, YYYY-MM-DD.
        #[arg(long)]
        to: Option<String>,
        /// Its name; by default the period.
        #[arg(long, default_value = "")]
        name: String,
        /// An id of your own, seen by you only.
        #[arg(long, default_value = "")]
        external_id: String,
        /// What the distributor reads.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Upload a workbook, with progress, and wait for the verdict (vendor).
    Upload {
        /// The usage file (UF-…).
        file: String,
        /// The workbook.
        workbook: PathBuf,
        /// Don't wait until it is checked.
        #[arg(long)]
        no_wait: bool,
    },
    /// Submit it to the distributor, as soon as it is ready (vendor).
    Submit {
        /// The usage file (UF-…).
        file: String,
    },
    /// Accept it (distributor).
    Accept {
        /// The usage file (UF-…).
        file: String,
        /// A note for the vendor.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Send it back (distributor).
    Reject {
        /// The usage file (UF-…).
        file: String,
        /// Why, for the vendor.
        #[arg(long)]
        note: String,
    },
    /// Show it until it stands still, with progress.
    Watch {
        /// The usage file (UF-…).
        file: String,
    },
    /// Download its workbook, as uploaded or as processed.
    Download {
        /// The usage file (UF-…).
        file: String,
        /// Which one.
        #[arg(long, value_parser = ["uploaded", "processed"], default_value = "processed")]
        which: String,
        /// Where to; by default its own name in this folder.
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// List the files that you may see.
    List {
        /// An RQL filter, such as eq(status,ready).
        #[arg(default_value = "")]
        query: String,
    },
}

/// Runs a `file` command.
pub(super) fn run(args: FileArgs) -> Result<(), CliError> {
    if args.key.is_empty() {
        let hint =
            "no API key: give --key or set USAGE_LEDGER_KEY; an operator issues one with `usage-ledger key issue`";
        return Err(CliError::Plain(hint.to_owned()));
    }
    let client = Client::new(&args.url, &args.key);
    let shown = match args.command {
        FileCommand::Create { contract, product, from, to, name, external_id, note } => {
            let mut body = Map::new();
            body.insert("contract".to_owned(), json!({ "id": contract }));
            body.insert("product".to_owned(), json!({ "id": product }));
            for (field, value) in [("name", name), ("external_id", external_id), ("note", note)] {
                if !value.is_empty() {
                    body.insert(field.to_owned(), Value::String(value));
                }
            }
            if let (Some(from), Some(to)) = (from, to) {
                body.insert("period".to_owned(), json!({ "from": from, "to": to }));
            }
            client.post("usage/files", &Value::Object(body))?
        }
        FileCommand::Upload { file, workbook, no_wait } => {
            let answer = client.upload(&format!("usage/files/{file}/upload"), "usage_file", &workbook, true)?;
            if no_wait { answer } else { watch(&client, &file)? }
        }
        FileCommand::Submit { file } => client.post(&format!("usage/files/{file}/submit"), &json!({}))?,
        FileCommand::Accept { file, note } => {
            client.post(&format!("usage/files/{file}/accept"), &json!({ "acceptance_note": note }))?
        }
        FileCommand::Reject { file, note } => {
            client.post(&format!("usage/files/{file}/reject"), &json!({ "rejection_note": note }))?
        }
        FileCommand::Watch { file } => watch(&client, &file)?,
        FileCommand::Download { file, which, to } => return download(&client, &file, &which, to),
        FileCommand::List { query } => client.get(&format!("usage/files?{query}"))?,
    };
    show(&shown, args.json);
    Ok(())
}

fn show(value: &Value, as_json: bool) {
    if as_json {
        println!("{value:#}");
        return;
    }
    match value.as_array() {
        Some(files) => files.iter().for_each(|file| println!("{}", line(file))),
        None => println!("{}", line(value)),
    }
}

fn line(file: &Value) -> String {
    let text = |pointer: &str| file.pointer(pointer).and_then(Value::as_str).unwrap_or("—").to_owned();
    let stats = file.get("stats").and_then(Value::as_object).into_iter().flatten();
    let stats: Vec<String> = stats.map(|(name, count)| format!("{name} {count}")).collect();
    let detail = file.get("error_detail").and_then(Value::as_str).map_or(String::new(), |text| format!("  {text}"));
    format!(
        "{}  {:<10}  {}  {}  {}{detail}",
        text("/id"),
        text("/status"),
        text("/product/name"),
        text("/name"),
        stats.join(", ")
    )
}

/// Shows how far a file is until nothing moves any more.
pub(crate) fn watch(client: &Client, file: &str) -> Result<Value, CliError> {
    let bar = Progress::records("check", 0);
    loop {
        let shown = client.get(&format!("usage/files/{file}"))?;
        let status = shown.get("status").and_then(Value::as_str).unwrap_or_default();
        if !matches!(status, "uploading" | "uploaded" | "processing") {
            bar.end();
            return Ok(shown);
        }
        let count = |name: &str| shown.pointer(&format!("/progress/{name}")).and_then(Value::as_u64).unwrap_or(0);
        bar.of(count("read"));
        bar.at(count("checked"), &format!("{status}, {} invalid", count("invalid")));
        std::thread::sleep(WATCH_EVERY);
    }
}

fn download(client: &Client, file: &str, which: &str, to: Option<PathBuf>) -> Result<(), CliError> {
    let shown = client.get(&format!("usage/files/{file}"))?;
    let field = if which == "uploaded" { "usage_file_uri" } else { "processed_file_uri" };
    let link = shown.get(field).and_then(Value::as_str);
    let link = link.ok_or_else(|| CliError::Plain(format!("{file} has no {which} workbook yet")))?;
    // The link's path ends in the file's own name.
    let path = link.split('?').next().unwrap_or_default();
    let to = to.unwrap_or_else(|| PathBuf::from(path.rsplit('/').next().unwrap_or(file)));
    let bytes = client.download(link, &to)?;
    println!("{} ({bytes} bytes)", to.display());
    Ok(())
}
