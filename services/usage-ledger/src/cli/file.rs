//! `usage-ledger file …`: what vendors and distributors do with usage files, from a shell.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::about::{AboutArgs, OutputFormat};
use super::server::ServerArgs;
use super::validate::{INVALID, UNREADABLE};
use super::{CliError, Client, ClientError, Progress, verdict as text};

/// How often a watched file is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(300);

/// Errors on the largest page.
const ERRORS_MAX: usize = 1_000;

const CREATE_EXAMPLES: &str = "\
Examples:
  usage-ledger file create --contract CRD-… --product PRD-… --period 2026-10-01..2026-10-31
  usage-ledger file create --contract CRD-… --product PRD-… --period 2026-10-01..2026-10-31 \\
      --time-zone America/Los_Angeles --currency USD
  usage-ledger file create --contract CRD-… --product PRD-… --period 2026-12-01..2026-12-31 --predictive";

const VALIDATE_EXAMPLES: &str = "\
The verdict is the one that an upload would get, with what other files of the ledger hold. To check without a ledger, use
`usage-ledger validate`.

Examples:
  usage-ledger file validate october.xlsx --contract CRD-… --product PRD-…
  usage-ledger file validate october.csv --contract CRD-… --product PRD-… --format csv > errors.csv

Exit codes: 0 every record is valid, 3 records are invalid, 2 the file can't be read. With ndjson and csv, 3 means that
something was printed: an error or a warning.";

const ERRORS_EXAMPLES: &str = "\
Examples:
  usage-ledger file errors UF-…                                 the first 20, as a table
  usage-ledger file errors UF-… 'severity=error&row=le=100'     of the first rows only
  usage-ledger file errors UF-… --format csv > errors.csv       all of them, for a spreadsheet
  usage-ledger file errors UF-… --format ndjson | jq -r .code | sort | uniq -c";

/// Arguments of `file`.
#[derive(Args, Debug)]
pub(super) struct FileArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: FileCommand,
}

#[derive(Debug, Subcommand)]
enum FileCommand {
    /// Create a draft for a contract, product and period (vendor).
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        #[command(flatten)]
        about: AboutArgs,
        /// First day, YYYY-MM-DD; the same as the beginning of --period.
        #[arg(long, requires = "to", conflicts_with = "period")]
        from: Option<String>,
        /// Last day, YYYY-MM-DD; the same as the end of --period.
        #[arg(long, requires = "from", conflicts_with = "period")]
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
    /// Check a workbook against the running ledger without uploading it: nothing is recorded (vendor).
    #[command(after_help = VALIDATE_EXAMPLES)]
    Validate {
        /// The workbook: XLSX, CSV, ODS, XLSB or XLS.
        workbook: PathBuf,
        #[command(flatten)]
        about: AboutArgs,
        /// How to print what is wrong.
        #[arg(long, value_enum, default_value_t)]
        format: OutputFormat,
        /// Errors in the table.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// List what is wrong with its records, and what would be right (vendor).
    #[command(after_help = ERRORS_EXAMPLES)]
    Errors {
        /// The usage file (UF-…).
        file: String,
        /// An RQL filter on row, record_id, column, code and severity, such as severity=error.
        #[arg(default_value = "")]
        query: String,
        /// How to print them.
        #[arg(long, value_enum, default_value_t)]
        format: OutputFormat,
        /// Errors in the table, at most 1,000.
        #[arg(long, default_value_t = 20)]
        limit: usize,
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
        /// As they were known then: an instant (2026-11-05T12:00:00Z) or positions.
        #[arg(long, value_name = "WHEN")]
        as_of: Option<String>,
    },
}

/// Runs a `file` command.
pub(super) fn run(args: FileArgs) -> Result<u8, CliError> {
    let client = args.server.client()?;
    let shown = match args.command {
        FileCommand::Create { about, from, to, name, external_id, note } => {
            let mut body = about.members()?;
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
        FileCommand::Download { file, which, to } => return download(&client, &file, &which, to).map(|()| 0),
        FileCommand::Validate { workbook, about, format, limit } => {
            return validate(
                &client,
                &workbook,
                &about,
                if args.server.json { OutputFormat::Json } else { format },
                limit,
            );
        }
        FileCommand::Errors { file, query, format, limit } => {
            let format = if args.server.json { OutputFormat::Json } else { format };
            return errors(&client, &file, &query, format, limit).map(|()| 0);
        }
        FileCommand::List { query, as_of } => {
            let as_of: Vec<_> = as_of.as_deref().map(|as_of| ("as_of", as_of)).into_iter().collect();
            client.get_as_of(&format!("usage/files?{query}"), &as_of)?.0
        }
    };
    show(&shown, args.server.json);
    Ok(0)
}

/// A dry run: the exit code says what came of it.
fn validate(
    client: &Client,
    workbook: &Path,
    about: &AboutArgs,
    format: OutputFormat,
    limit: usize,
) -> Result<u8, CliError> {
    let path = format!("usage/products/{}/validate", about.product);
    let (fields, form) = (about.form()?, ("usage_file", workbook));
    let mut out = std::io::stdout();
    if let Some(name) = format.streamed() {
        let mut seen = Faults { out, lines: 0 };
        client.upload_with(&format!("{path}?format={name}"), form, &fields, &mut seen)?;
        // The first line of a CSV is its header.
        let faults = seen.lines.saturating_sub(u64::from(format == OutputFormat::Csv));
        return Ok(if faults > 0 { INVALID } else { 0 });
    }
    let mut answer = Vec::new();
    client.upload_with(&path, form, &fields, &mut answer)?;
    let verdict: Value = serde_json::from_slice(&answer).map_err(|_| ClientError::Answer { url: path })?;
    if format == OutputFormat::Json {
        println!("{verdict:#}");
    } else {
        // Who closed the pipe has seen enough.
        drop(text::whole(&mut out, &verdict, limit, "more: --limit N, or --format csv or ndjson for all"));
    }
    let is_ready = verdict.get("status").and_then(Value::as_str) == Some("ready");
    Ok(match (verdict.get("error_detail"), is_ready) {
        (Some(_), _) => UNREADABLE,
        (None, true) => 0,
        (None, false) => INVALID,
    })
}

/// Counts the lines that go by.
struct Faults {
    out: std::io::Stdout,
    lines: u64,
}

impl Write for Faults {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        let ends = bytes.iter().take(written).filter(|&&byte| byte == b'\n');
        self.lines = self.lines.saturating_add(ends.count() as u64);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn errors(client: &Client, file: &str, query: &str, format: OutputFormat, limit: usize) -> Result<(), CliError> {
    let joined = if query.is_empty() { String::new() } else { format!("&{query}") };
    let path = |what: &str| format!("usage/files/{file}/validation-errors?{what}{joined}");
    if let Some(name) = format.streamed() {
        client.copy(&path(&format!("format={name}")), &mut std::io::stdout())?;
        return Ok(());
    }
    let most = if format == OutputFormat::Json { ERRORS_MAX } else { limit.clamp(1, ERRORS_MAX) };
    let found = client.get(&path(&format!("limit={most}")))?;
    if format == OutputFormat::Json {
        println!("{found:#}");
        return Ok(());
    }
    let faults = found.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut out = std::io::stdout();
    // Who closed the pipe has seen enough.
    drop(text::table(&mut out, faults));
    let more = "these are the first; --limit N shows more, --format csv or ndjson writes all of them";
    let end = match faults.len() {
        0 => "nothing is wrong with it, as far as it was checked",
        count if count == most => more,
        _ => return Ok(()),
    };
    drop(writeln!(out, "{end}"));
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
