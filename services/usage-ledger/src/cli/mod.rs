//! The command line: running the product, an operator's commands at the machine, and a client of the HTTP API.

mod about;
mod audit;
mod client;
mod dead;
mod doctor;
mod duty;
mod events;
mod file;
mod foreign;
mod key;
mod nats;
mod probe;
mod product;
mod progress;
mod server;
mod subscriber;
mod telemetry;
mod validate;
mod verdict;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ledger::ServiceName;
use runtime::meters::Meters;
use runtime::snapshot::SNAPSHOT_AFTER;
use serde_json::Value;
use thiserror::Error;

use crate::admin::{self, AdminError, Request};
use crate::demo;
use crate::doctor::{insecure, takes_demo_keys};
use crate::product::{CHECKPOINT_AFTER, Product, ProductError, Settings};
use crate::telemetry::TelemetryError;

pub use client::{Client, ClientError};
pub(crate) use file::watch;
pub(crate) use foreign::guard;
pub use progress::Progress;

/// Where the product listens unless told otherwise.
const LISTEN: &str = "127.0.0.1:8080";

/// An open, self-hosted, event-sourced ledger for metered usage.
///
/// Vendors report usage, distributors accept and bill it, auditors replay it. It serves the API of CloudBlue Connect's
/// Usage module. Start with `usage-ledger demo`, or with `usage-ledger run --catalog FILE` and your own catalog.
#[derive(Debug, Parser)]
#[command(name = "usage-ledger", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  usage-ledger demo                                    everything at once, with sample companies and a sample file
  usage-ledger run --data ./data --catalog mine.json   your own ledger
  usage-ledger validate usage.xlsx --catalog mine.json --contract CRD-… --product PRD-…
                                                       what would be wrong with a file, without sending it
  usage-ledger file create --contract CRD-… --product PRD-… --period 2026-10-01..2026-10-31
  usage-ledger file upload UF-… usage.xlsx --key 'ApiKey SU-…:secret'
  usage-ledger file errors UF-…                        what is wrong with it, and what would be right

Exit codes: 0 done, 1 failed, 2 wrong usage or unreadable file, 3 invalid records, 4 key refused, 5 refused in this
state, 6 not reachable, 7 not as it was recorded.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the ledger until it is stopped (Ctrl-C).
    Run(RunArgs),
    /// Start with sample companies and take a sample usage file through its whole life.
    Demo(DemoArgs),
    /// Import or export the catalog: accounts, products, contracts, subscriptions, keys.
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Issue, revoke and list API keys, and print links that sign people in at the portal.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Work with usage files of a running ledger.
    File(file::FileArgs),
    /// Show and change a product of yours.
    Product(product::ProductArgs),
    /// List, make and change the items of a product.
    Item(product::ItemArgs),
    /// Read what happened, and wait for what happens.
    Events(events::EventsArgs),
    /// Ask an address once, for health checks: exit code 0 when it answers with success.
    Probe(probe::ProbeArgs),
    /// Print digests of what the process of a data directory knows: equal ones mean equal knowledge.
    State(StateArgs),
    /// Ask the logs of a ledger: does everything follow from them, and what was it at some time?
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Look at what a process stands on, and say what should be otherwise: files, disk, keys, NATS.
    Doctor(doctor::DoctorArgs),
    /// Prepare NATS for services that run apart.
    #[command(subcommand)]
    Nats(nats::NatsCommand),
    /// Look at reports from NATS that could not be taken, send them again or drop them.
    #[command(subcommand)]
    Dead(dead::DeadCommand),
    /// Let a billing system have accepted records over NATS, and see how far it is.
    #[command(subcommand)]
    Subscriber(subscriber::SubscriberCommand),
    /// Check a workbook without sending it: the same rules, every bad cell with its address.
    Validate(validate::ValidateArgs),
    /// Read an ODS, XLSB or XLS workbook for another process of this program.
    #[command(hide = true, name = foreign::COMMAND)]
    ReadForeign(foreign::ReadForeignArgs),
}

#[derive(Args, Clone, Debug)]
struct DataArgs {
    /// The data directory; it is made when it isn't there.
    #[arg(long, env = "USAGE_LEDGER_DATA", default_value = "./data")]
    data: PathBuf,
    #[command(flatten)]
    partitions: nats::PartitionsArgs,
}

#[derive(Args, Clone, Debug)]
struct StateArgs {
    /// Read every service's log from its beginning, and print what each service and gateway must know by them.
    #[arg(long)]
    logs: bool,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args, Clone, Debug)]
struct RunArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The address to serve HTTP on; port 0 takes a free one.
    #[arg(long, env = "USAGE_LEDGER_LISTEN", default_value = LISTEN)]
    listen: SocketAddr,
    /// A catalog file to import at the start; importing it again changes nothing.
    #[arg(long)]
    catalog: Option<PathBuf>,
    /// Where the ledger is reached from outside, for download links (https://usage.example.com).
    #[arg(long, env = "USAGE_LEDGER_PUBLIC_URL")]
    public_url: Option<String>,
    /// Seal the live part of the log at this size in bytes: memory grows with it.
    #[arg(long, env = "USAGE_LEDGER_ROTATE_BYTES", default_value_t = 32 << 20)]
    rotate_bytes: u64,
    /// Answer 429 to a key that sends more requests a second than this; 0 is no limit.
    #[arg(long, env = "USAGE_LEDGER_REQUESTS_PER_SECOND", default_value_t = gateway::REQUESTS_PER_SECOND)]
    requests_per_second: u32,
    /// Submit files of reported records so many hours after the end of their period; without it their vendors do.
    #[arg(long, env = "USAGE_LEDGER_SEAL_AFTER", value_name = "HOURS")]
    seal_after: Option<u32>,
    /// Sign a checkpoint of a log so many seconds after something was recorded in it; after 1,024 events it comes sooner.
    #[arg(long, env = "USAGE_LEDGER_CHECKPOINT_AFTER", value_name = "SECONDS", default_value_t = CHECKPOINT_AFTER.as_secs())]
    checkpoint_after: u64,
    /// Keep a copy of the logs and workbooks in this folder while the ledger works; `audit restore` makes a ledger of it.
    #[arg(long, env = "USAGE_LEDGER_BACKUP", value_name = "DIR")]
    backup: Option<PathBuf>,
    /// Keep what a log folds to after so many new entries, so that the next start is short; 0 never does, and uses none.
    #[arg(long, env = "USAGE_LEDGER_SNAPSHOT_AFTER", value_name = "ENTRIES", default_value_t = SNAPSHOT_AFTER)]
    snapshot_after: u64,
    /// Let webhooks lead to private addresses, and without encryption to this machine: for a network of your own, where
    /// whoever has a key may reach what this server reaches.
    #[arg(long, env = "USAGE_LEDGER_WEBHOOKS_TO_PRIVATE")]
    webhooks_to_private: bool,
    /// Start although NATS on another machine is used without credentials, or the demo's keys are taken from other
    /// machines.
    #[arg(long, env = "USAGE_LEDGER_INSECURE")]
    insecure: bool,
    #[command(flatten)]
    told: telemetry::TelemetryArgs,
    #[command(flatten)]
    apart: nats::ApartArgs,
}

impl RunArgs {
    /// How the product is run by them.
    fn settings(&self) -> Settings {
        let mut settings = Settings::new(&self.data.data, self.listen);
        settings.public_url.clone_from(&self.public_url);
        settings.rotate_bytes = self.rotate_bytes;
        settings.requests_per_second = self.requests_per_second;
        settings.seal_after = self.seal_after;
        settings.backup.clone_from(&self.backup);
        settings.checkpoint_after = Duration::from_secs(self.checkpoint_after);
        settings.snapshot_after = self.snapshot_after;
        settings.webhooks_to_private = self.webhooks_to_private;
        settings.guard = guard();
        self.apart.apply(self.data.partitions, &mut settings);
        settings
    }
}

#[derive(Args, Clone, Debug)]
struct DemoArgs {
    /// The data directory; it must be empty or absent. Without it a new one is made under the system's temporary files.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The address to serve HTTP on.
    #[arg(long, default_value = LISTEN)]
    listen: SocketAddr,
    /// End when the sample file is closed instead of staying up.
    #[arg(long)]
    exit: bool,
    /// Records of the sample file.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    records: u32,
    /// The seed of the sample data: the same seed gives the same file.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Months of history that are made first: what six trades of three vendors reported month by month, and what became
    /// of it. 0 is none.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(0..=24))]
    months: u32,
    #[command(flatten)]
    told: telemetry::TelemetryArgs,
}

#[derive(Debug, Subcommand)]
enum CatalogCommand {
    /// Import a catalog file. An invalid one is refused whole, with the place and reason of every fault.
    Import {
        /// The catalog file (JSON, see schemas/catalog.schema.json).
        file: PathBuf,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Write the catalog as it is now to standard output.
    Export {
        #[command(flatten)]
        data: DataArgs,
    },
}

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CliError {
    /// The product can't start or go on.
    #[error(transparent)]
    Product(#[from] ProductError),
    /// An operator's request was not done.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// What is to be logged or told can't be.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// A request to a running ledger failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file can't be read.
    #[error("could not read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The demo failed.
    #[error(transparent)]
    Demo(#[from] demo::DemoError),
    /// A workbook could not be checked.
    #[error("the workbook was not checked")]
    Trial(#[source] Box<crate::trial::TrialError>),
    /// An argument means nothing.
    #[error("{0}")]
    Usage(String),
    /// What was wanted would be refused.
    #[error("{0}")]
    Refused(String),
    /// Something that is said as it is.
    #[error("{0}")]
    Plain(String),
}

impl CliError {
    fn code(&self) -> u8 {
        match self {
            Self::Client(error) => error.code(),
            Self::Read { .. } | Self::Usage(_) | Self::Telemetry(_) => 2,
            Self::Refused(_) => 5,
            _ => 1,
        }
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // The chain of causes stands below the sentence, innermost last.
            eprintln!("usage-ledger: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                eprintln!("  because: {inner}");
                cause = inner.source();
            }
            ExitCode::from(error.code())
        }
    }
}

fn dispatch(command: Command) -> Result<u8, CliError> {
    match command {
        Command::Run(args) => block_on(run(args)),
        Command::Demo(args) => block_on(run_demo(args)),
        Command::Catalog(command) => block_on(catalog(command)),
        Command::Key(command) => block_on(key::run(command)),
        Command::File(args) => file::run(args),
        Command::Product(args) => product::run_product(&args),
        Command::Item(args) => product::run_item(&args),
        Command::Events(args) => events::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::State(args) => block_on(state(args)),
        Command::Audit(command) => audit::run(command),
        Command::Doctor(args) => block_on(doctor::run(args)),
        Command::Nats(command) => block_on(nats::run(command)),
        Command::Dead(command) => block_on(dead::run(command)),
        Command::Subscriber(command) => block_on(subscriber::run(command)),
        Command::Validate(args) => validate::run(&args),
        Command::ReadForeign(args) => foreign::run(&args),
    }
}

fn block_on(work: impl Future<Output = Result<u8, CliError>>) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::Plain(format!("could not start threads: {error}")))?;
    runtime.block_on(work)
}

async fn run(args: RunArgs) -> Result<u8, CliError> {
    let settings = args.settings();
    let told = args.told.telemetry(&settings.meters).start()?;
    if let Some(reason) = insecure(&settings).filter(|_| !args.insecure) {
        return Err(refused_to_run(&reason));
    }
    let standby = settings.standby;
    let duty = duty::Duty {
        keeps_catalog: settings.services.contains(&ServiceName::Catalog),
        serves_others: settings.serves_others(),
        args,
    };
    let product = Product::start(settings).await?;
    let ended = if standby { duty::stand_by(&product, &duty.args.data.data).await } else { None };
    let outcome = match ended {
        Some(ended) => ended,
        None => duty.perform(&product).await,
    };
    product.stop().await;
    told.stop();
    outcome.map(|()| 0)
}

fn refused_to_run(reason: &str) -> CliError {
    CliError::Refused(format!("{reason}; --insecure runs it nevertheless, and `usage-ledger doctor` says more"))
}

/// Serves the operator's socket until a signal comes or a part of the product ends.
async fn until_stopped(product: &Product, data: &Path) -> Result<(), CliError> {
    let signal = async {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        match terminate {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => drop(tokio::signal::ctrl_c().await),
        }
    };
    tokio::select! {
        () = signal => Ok(()),
        outcome = admin::serve(product, data) => outcome.map_err(CliError::from),
        outcome = outlive(product) => outcome,
    }
}

/// Ends when a service does: then the process must stop, since the rest would wait for it for ever.
async fn outlive(product: &Product) -> Result<(), CliError> {
    product.ended().await;
    Err(CliError::Plain("a service has ended; its reason stands in the log above".to_owned()))
}

async fn run_demo(args: DemoArgs) -> Result<u8, CliError> {
    let _told = args.told.telemetry(&Meters::default()).start()?;
    let (data, listen) = (args.data.clone(), args.listen);
    let options = demo::Options { data, listen, records: args.records, seed: args.seed, months: args.months };
    let mut demo = demo::start(options).await?;
    demo.live().await?;
    if args.exit {
        demo.product.stop().await;
        return Ok(0);
    }
    demo.invite();
    let data = demo.data.clone();
    until_stopped(&demo.product, &data).await?;
    demo.product.stop().await;
    Ok(0)
}

/// Asks the process of a data directory, or opens it where there is none.
async fn ask(args: &DataArgs, request: Request) -> Result<Value, AdminError> {
    admin::ask(&args.data, args.partitions.partitions, request).await
}

async fn catalog(command: CatalogCommand) -> Result<u8, CliError> {
    match command {
        CatalogCommand::Import { file, data } => {
            let done = ask(&data, Request::Import { catalog: read_text(&file)? }).await?;
            let count = |name: &str| done.get(name).and_then(Value::as_u64).unwrap_or(0);
            println!("{} objects read, {} recorded as new or changed", count("objects"), count("recorded"));
        }
        CatalogCommand::Export { data } => {
            let catalog = ask(&data, Request::Export).await?;
            println!("{catalog:#}");
        }
    }
    Ok(0)
}

async fn state(args: StateArgs) -> Result<u8, CliError> {
    let known = ask(&args.data, Request::State { logs: args.logs }).await?;
    println!("{known:#}");
    Ok(0)
}

/// A text file; what is no UTF-8 is replaced, and then refused where it stands.
fn read_text(path: &Path) -> Result<String, CliError> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|source| CliError::Read { path: path.to_owned(), source })
}
