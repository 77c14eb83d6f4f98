//! Services that run apart: which of them this process is, how it reaches the others, and what they meet on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use ledger::{FileId, HostId, ObjectId, ServiceName};
use runtime::clock::Clock;
use runtime::nats::{Grants, Link, LinkSettings, inbox_of};

use super::CliError;
use crate::credentials::{self, Folder};
use crate::partitions::Partitions;
use crate::product::Settings;
use crate::secrets::Secrets;

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
    fn settings(&self, user: String) -> Option<LinkSettings> {
        Some(LinkSettings {
            servers: self.nats.clone()?,
            user,
            credentials: self.nats_credentials.clone(),
            root_certificate: self.nats_ca.clone(),
            replicas: usize::from(self.nats_replicas),
        })
    }
}

impl NatsArgs {
    /// Connects as a user.
    pub(super) async fn connect(&self, user: &str) -> Result<Link, CliError> {
        let settings = self.settings(user.to_owned());
        let settings = settings.ok_or_else(|| CliError::Usage("give the address of NATS with --nats".to_owned()))?;
        let link = Link::connect(&settings, Clock::Machine).await;
        let link = link.map_err(|error| CliError::Plain(runtime::nats::reasons(&error)))?;
        let reached = tokio::time::timeout(CONNECT_WAIT, link.reached()).await;
        reached.map_err(|_| {
            CliError::Plain(format!("NATS at {} can't be reached, or doesn't take the credentials", settings.servers))
        })?;
        Ok(link)
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

/// How contracts are spread.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct PartitionsArgs {
    /// Among how many partitions contracts are spread, each with a writer of its own for every service but the catalog.
    /// The same for every process of a ledger; it may grow and never shrinks.
    #[arg(long, env = "USAGE_LEDGER_PARTITIONS", value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=i64::from(FileId::PARTITIONS_MAX)))]
    pub(super) partitions: u16,
}

/// What runs in this process.
#[derive(Args, Clone, Debug)]
pub(super) struct ApartArgs {
    /// Run these services only, separated by commas; the others are met over NATS.
    #[arg(long, env = "USAGE_LEDGER_ONLY", value_name = "SERVICE", value_delimiter = ',', requires = "nats")]
    only: Vec<Service>,
    /// Of these services run the hosts of these partitions only, counted from 0 and separated by commas.
    #[arg(long, env = "USAGE_LEDGER_PARTITION", value_name = "P", value_delimiter = ',', requires = "nats")]
    partition: Vec<u16>,
    /// The file of secrets that all processes of one ledger share; the first start makes it [default: DATA/secrets].
    #[arg(long, env = "USAGE_LEDGER_SECRETS", value_name = "FILE")]
    secrets: Option<PathBuf>,
    /// Run beside other processes of the same service: the first to take its lease writes, the others stand by.
    #[arg(long, env = "USAGE_LEDGER_STANDBY")]
    standby: bool,
    #[command(flatten)]
    nats: NatsArgs,
}

impl ApartArgs {
    /// Puts it into the product's settings.
    pub(super) fn apply(&self, partitions: PartitionsArgs, settings: &mut Settings) {
        let here = (!self.partition.is_empty()).then(|| self.partition.iter().copied().collect());
        settings.partitions = Partitions { of: partitions.partitions, here };
        if !self.only.is_empty() {
            settings.services = self.only.iter().map(|service| ServiceName::from(*service)).collect();
        }
        settings.secrets.clone_from(&self.secrets);
        settings.standby = self.standby;
        settings.nats = self.nats.settings(credentials::process_user(&settings.services, &settings.partitions));
    }
}

/// What is done about NATS.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum NatsCommand {
    /// Make the streams and the bucket that the services meet on; what is there already stays as it is.
    Setup {
        #[command(flatten)]
        partitions: PartitionsArgs,
        #[command(flatten)]
        nats: NatsArgs,
    },
    /// Make what NATS servers and processes need to trust each other: an account, certificates, and a user for each
    /// process with the least that it needs; and the secrets that catalog and gateways share. What is there already
    /// stays as it is.
    ///
    /// Include DIR/nats.conf in the configuration of each server, give each process its own file with
    /// --nats-credentials, and all of them DIR/tls/ca.pem with --nats-ca. Keep the seeds: who has them may make users.
    Credentials {
        /// The folder; it is made when it isn't there, readable by its owner only.
        dir: PathBuf,
        /// The names and addresses that servers are connected to by, separated by commas.
        #[arg(long, value_name = "HOST", value_delimiter = ',', default_value = "localhost,127.0.0.1")]
        hosts: Vec<String>,
        #[command(flatten)]
        partitions: PartitionsArgs,
        /// A process of several services, separated by commas, and where it runs some partitions only, a colon and those:
        /// approval,ingestion:1. One user for each. Without any, each service of each partition has its own.
        #[arg(long, value_name = "SERVICES[:PARTITIONS]")]
        process: Vec<Together>,
        /// A program that reports usage, and of which contracts and products it may: meters=CRD-…/PRD-…,CRD-…/PRD-….
        #[arg(long, value_name = "NAME=CONTRACT/PRODUCT")]
        producer: Vec<Producer>,
        /// Make a user one no longer, by its name or public key, instead of making any; `users` in DIR lists them. The
        /// servers refuse it once each has been told to read its configuration again (nats-server --signal reload).
        /// Without this the next call makes it anew.
        #[arg(long, value_name = "USER", conflicts_with_all = ["process", "producer"])]
        revoke: Vec<String>,
    },
}

/// Services of one process, as they are written after `--only`, and partitions as after `--partition`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Together {
    services: BTreeSet<ServiceName>,
    here: Option<BTreeSet<u16>>,
}

impl FromStr for Together {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (services, here) = text.split_once(':').map_or((text, None), |(services, here)| (services, Some(here)));
        let service = |word: &str| Service::from_str(word.trim(), false).map(ServiceName::from);
        let partition = |word: &str| word.trim().parse().map_err(|_| format!("{word} is no number of a partition"));
        Ok(Self {
            services: services.split(',').map(service).collect::<Result<_, _>>()?,
            here: here.map(|here| here.split(',').map(partition).collect::<Result<_, _>>()).transpose()?,
        })
    }
}

impl Together {
    /// Each service of each partition by itself; where there is one partition nobody needs to name it.
    fn each(partitions: u16) -> Vec<Self> {
        let alone = |service, here| Self { services: [service].into(), here };
        let of = |host: HostId| {
            let many = partitions > 1 && host.service != ServiceName::Catalog;
            alone(host.service, many.then(|| [host.partition.0].into()))
        };
        HostId::all(partitions).into_iter().map(of).chain([alone(ServiceName::Gateway, None)]).collect()
    }
}

/// A program that reports usage, and what it may report of.
#[derive(Clone, Debug)]
pub(super) struct Producer {
    name: ObjectId,
    about: Vec<(ObjectId, ObjectId)>,
}

impl FromStr for Producer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is none: write its name, =, and contract/product pairs separated by commas");
        let (name, about) = text.split_once('=').ok_or_else(wrong)?;
        let pair = |pair: &str| {
            let (contract, product) = pair.split_once('/')?;
            Some((ObjectId::new(contract)?, ObjectId::new(product)?))
        };
        let about = about.split(',').map(pair).collect::<Option<_>>().ok_or_else(wrong)?;
        Ok(Self { name: ObjectId::new(name).ok_or_else(wrong)?, about })
    }
}

/// What NATS said.
pub(super) fn failed(error: &dyn std::error::Error) -> CliError {
    CliError::Plain(runtime::nats::reasons(error))
}

/// Does it.
pub(super) async fn run(command: NatsCommand) -> Result<u8, CliError> {
    match command {
        NatsCommand::Setup { partitions, nats } => set_up(partitions.partitions, nats).await,
        NatsCommand::Credentials { dir, revoke, .. } if !revoke.is_empty() => {
            revoke.iter().try_for_each(|user| revoke_user(&dir, user)).map(|()| 0)
        }
        NatsCommand::Credentials { dir, hosts, partitions, process, producer, .. } => {
            make_credentials(&dir, &hosts, (partitions.partitions, process), producer)
        }
    }
}

/// How long NATS may take to be there: a cluster that has just started elects a leader first.
const CONNECT_WAIT: Duration = Duration::from_secs(30);
/// The user that makes the streams and subscribers, and nothing else.
pub(super) const SETUP: &str = "setup";
/// The user that looks at dead letters, and sends them again.
pub(super) const DEAD: &str = "dead";
/// What catalog and gateways share, beside the credentials.
const SECRETS: &str = "secrets";

fn make_credentials(
    dir: &Path,
    hosts: &[String],
    (of, process): (u16, Vec<Together>),
    producers: Vec<Producer>,
) -> Result<u8, CliError> {
    let failed = |error: credentials::CredentialsError| CliError::Plain(runtime::nats::reasons(&error));
    let folder = Folder::open(dir).map_err(failed)?;
    let now = Clock::Machine.now();
    let config = credentials::make(&folder, hosts, now).map_err(failed)?;
    println!("servers:    include {} in their configuration", config.display());
    for Together { services, here } in if process.is_empty() { Together::each(of) } else { process } {
        let partitions = Partitions { of, here };
        partitions.check().map_err(|error| CliError::Usage(error.to_string()))?;
        let (user, grants) =
            (credentials::process_user(&services, &partitions), credentials::process_grants(&services, &partitions));
        let path = credentials::user(&folder, &user, &grants, now).map_err(failed)?;
        println!("{user}: --nats-credentials {}", path.display());
    }
    let path = credentials::user(&folder, SETUP, &Grants::setup(SETUP, of), now).map_err(failed)?;
    println!("{SETUP}: --nats-credentials {}", path.display());
    let path = credentials::user(&folder, DEAD, &Grants::dead_letters(DEAD), now).map_err(failed)?;
    println!("{DEAD}: --nats-credentials {}", path.display());
    for Producer { name, about } in producers {
        // No process of the ledger is called so: a name given twice must not hand out another's file.
        let user = format!("producer-{name}");
        let grants = Grants::producer(&user, about.iter().map(|(contract, product)| (contract, product)));
        let path = credentials::user(&folder, &user, &grants, now).map_err(failed)?;
        println!("{user}: connects with {}; its inboxes begin with {}", path.display(), inbox_of(&user));
    }
    println!("everybody:  --nats-ca {}", credentials::authority(&folder).display());
    let path = dir.join(SECRETS);
    Secrets::open(&path).map_err(|error| CliError::Plain(runtime::nats::reasons(&error)))?;
    println!("catalog and gateways: --secrets {}", path.display());
    Ok(0)
}

/// Makes a user one no longer, and says what the servers have to do about it.
pub(super) fn revoke_user(dir: &Path, user: &str) -> Result<(), CliError> {
    let revoked = Folder::open(dir).and_then(|folder| credentials::revoke(&folder, user, Clock::Machine.now()));
    let config = revoked.map_err(|error| CliError::Plain(runtime::nats::reasons(&error)))?;
    println!("{user} is revoked");
    println!("servers:    have each read {} again: nats-server --signal reload=PID", config.display());
    Ok(())
}

async fn set_up(partitions: u16, args: NatsArgs) -> Result<u8, CliError> {
    let link = args.connect(SETUP).await?;
    for host in HostId::all(partitions) {
        runtime::nats::set_up(&link, host).await.map_err(|error| failed(&error))?;
        println!("stream for {host}: ready");
    }
    runtime::nats::set_up_accepted(&link, partitions).await.map_err(|error| failed(&error))?;
    println!("stream for accepted records: ready");
    runtime::nats::set_up_bucket(&link).await.map_err(CliError::Plain)?;
    for service in runtime::nats::KEEPERS {
        runtime::nats::set_up_vault(&link, service).await.map_err(CliError::Plain)?;
    }
    println!("buckets for workbooks: ready");
    runtime::nats::set_up_leases(&link).await.map_err(|error| failed(&error))?;
    println!("bucket for leases: ready");
    runtime::nats::set_up_reports(&link).await.map_err(|error| failed(&error))?;
    println!("streams for reports and dead letters: ready");
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_its_services_and_perhaps_some_partitions() {
        let approval = BTreeSet::from([ServiceName::Approval]);
        let both = BTreeSet::from([ServiceName::Approval, ServiceName::Ingestion]);
        for (text, expected) in [
            ("approval", Some((approval.clone(), None))),
            ("ingestion,approval", Some((both.clone(), None))),
            ("approval:1", Some((approval, Some([1].into())))),
            ("approval,ingestion:0,2", Some((both, Some([0, 2].into())))),
            ("approval:", None),
            ("approval:x", None),
            ("somebody", None),
        ] {
            let expected = expected.map(|(services, here)| Together { services, here });
            assert_eq!(Together::from_str(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn where_there_are_several_partitions_each_has_a_user_of_its_own() {
        let users = |of| {
            let each = Together::each(of).into_iter();
            let users = each.map(|it| credentials::process_user(&it.services, &Partitions { of, here: it.here }));
            users.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(users(1), "catalog approval ingestion validation extraction gateway");
        assert_eq!(
            users(2),
            "catalog approval-0 approval-1 ingestion-0 ingestion-1 validation-0 validation-1 extraction-0 extraction-1 \
             gateway"
        );
    }
}
