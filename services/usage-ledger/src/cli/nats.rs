//! Services that run apart: which of them this process is, how it reaches the others, and what they meet on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ledger::{HostId, ServiceName};
use runtime::clock::Clock;
use runtime::nats::{Link, LinkSettings};

use super::CliError;
use crate::product::Settings;

/// How this process reaches NATS.
#[derive(Args, Clone, Debug)]
pub(super) struct NatsArgs {
    /// Where NATS is; several servers of a cluster are separated by commas (nats://10.0.0.1:4222,nats://10.0.0.2:4222).
    #[arg(long, env = "USAGE_LEDGER_NATS", value_name = "URL")]
    nats: Option<String>,
    /// A file of NATS credentials (.creds) to connect with.
    #[arg(long, env = "USAGE_LEDGER_NATS_CREDENTIALS", value_name = "FILE", requires = "nats")]
    nats_credentials: Option<PathBuf>,
    /// The certificate (PEM) of the authority that signed the servers' certificates; TLS is required with it.
    #[arg(long, env = "USAGE_LEDGER_NATS_CA", value_name = "FILE", requires = "nats")]
    nats_ca: Option<PathBuf>,
    /// How many servers keep each stream: 1, or 3 or 5 in a cluster.
    #[arg(long, env = "USAGE_LEDGER_NATS_REPLICAS", value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(1..=5))]
    nats_replicas: u8,
}

impl NatsArgs {
    /// The settings of the connection, if there is to be one.
    fn settings(&self, name: String) -> Option<LinkSettings> {
        Some(LinkSettings {
            servers: self.nats.clone()?,
            name,
            credentials: self.nats_credentials.clone(),
            root_certificate: self.nats_ca.clone(),
            replicas: usize::from(self.nats_replicas),
        })
    }
}

/// A part of the product that can run as a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Service {
    /// Accounts, products, contracts, subscriptions and keys.
    Catalog,
    /// Takes workbooks and reported records in.
    Ingestion,
    /// Checks every record.
    Validation,
    /// Decides what becomes of a file.
    Approval,
    /// Divides accepted files by hub and closes records.
    Extraction,
    /// The API; any number of them may run.
    Gateway,
}

impl From<Service> for ServiceName {
    fn from(service: Service) -> Self {
        match service {
            Service::Catalog => Self::Catalog,
            Service::Ingestion => Self::Ingestion,
            Service::Validation => Self::Validation,
            Service::Approval => Self::Approval,
            Service::Extraction => Self::Extraction,
            Service::Gateway => Self::Gateway,
        }
    }
}

/// What runs in this process.
#[derive(Args, Clone, Debug)]
pub(super) struct ApartArgs {
    /// Run these services only, separated by commas; the others are met over NATS.
    #[arg(long, env = "USAGE_LEDGER_ONLY", value_name = "SERVICE", value_delimiter = ',', requires = "nats")]
    only: Vec<Service>,
    /// The file of secrets that all processes of one ledger share; the first start makes it [default: DATA/secrets].
    #[arg(long, env = "USAGE_LEDGER_SECRETS", value_name = "FILE")]
    secrets: Option<PathBuf>,
    #[command(flatten)]
    nats: NatsArgs,
}

impl ApartArgs {
    /// Puts it into the product's settings.
    pub(super) fn apply(&self, settings: &mut Settings) {
        if !self.only.is_empty() {
            settings.services = self.only.iter().map(|service| ServiceName::from(*service)).collect();
        }
        settings.secrets.clone_from(&self.secrets);
        let names: Vec<&str> = settings.services.iter().map(|service| service.name()).collect();
        settings.nats = self.nats.settings(format!("usage-ledger {}", names.join(",")));
    }
}

/// What is done about NATS.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum NatsCommand {
    /// Make the streams and the bucket that the services meet on; what is there already stays as it is.
    Setup(NatsArgs),
}

/// Does it.
pub(super) async fn run(command: NatsCommand) -> Result<u8, CliError> {
    let NatsCommand::Setup(args) = command;
    let settings = args.settings("usage-ledger nats setup".to_owned());
    let settings = settings.ok_or_else(|| CliError::Usage("give the address of NATS with --nats".to_owned()))?;
    let failed = |error: &dyn std::error::Error| CliError::Plain(runtime::nats::reasons(error));
    let link = Link::connect(&settings, Clock::Machine).await.map_err(|error| failed(&error))?;
    link.reached().await;
    let hosts: BTreeSet<HostId> = ServiceName::WRITERS.map(|service| HostId::new(service, 0)).into();
    for host in hosts {
        runtime::nats::set_up(&link, host).await.map_err(|error| failed(&error))?;
        println!("stream for {host}: ready");
    }
    runtime::nats::set_up_bucket(&link).await.map_err(CliError::Plain)?;
    println!("bucket for workbooks: ready");
    Ok(0)
}
