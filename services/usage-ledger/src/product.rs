//! The product as a process: all of its services, or some that work with others over NATS.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gateway::{Calls, Gateway, Standing};
use ledger::{HostId, ServiceName};
use runtime::backup::{Backup, BackupError};
use runtime::blobs::BlobError;
use runtime::bus::Bus;
use runtime::clock::Clock;
use runtime::host::HostError;
use runtime::log::{LogError, LogSettings, Logs};
use runtime::meters::Meters;
use runtime::nats::{DeskError, FeedError, Link, LinkError, LinkSettings, OutboxError, ReportsError};
use runtime::projection::Projection;
use runtime::snapshot::SNAPSHOT_AFTER;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use workbook::foreign::Guard;

use crate::audit::restore::{self, RestoreError};
use crate::claim;
use crate::pages;
use crate::partitions::{Partitions, PartitionsError};
use crate::sealing::Sealing;
use crate::secrets::{Secrets, SecretsError};
use crate::webhooks::Webhooks;
use crate::wiring::Wiring;

/// How long requests may take to end when the process stops.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// The pause before asking again how far the logs are that can't be asked now.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(200);
/// How long the fold may take to come as far as the logs were, before they are asked again.
const CATCH_UP_WAIT: Duration = Duration::from_secs(30);

/// An event is signed within a minute, unless it is set otherwise.
pub const CHECKPOINT_AFTER: Duration = Duration::from_secs(60);

/// The commit that a release was built from, as who builds it names it.
const COMMIT: Option<&str> = option_env!("USAGE_LEDGER_COMMIT");

/// What `Connect-Version` says, in the form that clients know: `26.0.12-g0123abc` (connect-api §2.1).
pub(crate) fn version() -> String {
    format!("{}-g{}", env!("CARGO_PKG_VERSION"), COMMIT.unwrap_or("0000000"))
}

/// How the product is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory.
    pub data: PathBuf,
    /// Where HTTP is served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The size at which the live part of the log is sealed.
    pub rotate_bytes: u64,
    /// Where the product is reached from outside, for links.
    pub public_url: Option<String>,
    /// Hours after the end of its period at which a file of reported records is submitted; none waits for its vendor.
    pub seal_after: Option<u32>,
    /// The time.
    pub clock: Clock,
    /// How the child process is started that reads formats other than XLSX and CSV; without it they are refused.
    pub guard: Option<Guard>,
    /// How many requests a second each key may send; 0 is no limit.
    pub requests_per_second: u32,
    /// Whether webhooks may lead to private addresses and to this machine.
    pub webhooks_to_private: bool,
    /// What runs in this process: everything, or some services, which then need NATS.
    pub services: BTreeSet<ServiceName>,
    /// How many partitions there are, and which of them run in this process.
    pub partitions: Partitions,
    /// Where the other processes are met.
    pub nats: Option<LinkSettings>,
    /// The file of secrets; gateways that serve one ledger share a copy. Without it, `secrets` in the data directory.
    pub secrets: Option<PathBuf>,
    /// Where the process counts what it does.
    pub meters: Meters,
    /// Whether other processes may run the same services: the first writes, the others stand by.
    pub standby: bool,
    /// How long an event may stand in a log before a checkpoint over it is signed.
    pub checkpoint_after: Duration,
    /// Where a copy of the logs and workbooks is kept.
    pub backup: Option<PathBuf>,
    /// New entries of a log that give reason for a snapshot of what it folds to; 0 for none ever, and none is used.
    pub snapshot_after: u64,
    /// Services that do nothing: their work stands still, and what is asked of them is refused as not available.
    pub idle: Vec<ServiceName>,
}

impl Settings {
    /// The defaults for a data directory.
    #[must_use]
    pub fn new(data: &Path, listen: SocketAddr) -> Self {
        let rotate_bytes = LogSettings::default().rotate_bytes;
        let (data, idle) = (data.to_owned(), Vec::new());
        let requests_per_second = gateway::REQUESTS_PER_SECOND;
        let (public_url, clock, guard) = (None, Clock::Machine, None);
        let (seal_after, nats, secrets) = (None, None, None);
        let services = ServiceName::WRITERS.into_iter().chain([ServiceName::Gateway]).collect();
        Self {
            data,
            listen,
            rotate_bytes,
            public_url,
            seal_after,
            clock,
            guard,
            requests_per_second,
            webhooks_to_private: false,
            services,
            partitions: Partitions::default(),
            nats,
            secrets,
            meters: Meters::default(),
            standby: false,
            checkpoint_after: CHECKPOINT_AFTER,
            backup: None,
            snapshot_after: SNAPSHOT_AFTER,
            idle,
        }
    }

    /// The hosts of this process.
    #[must_use]
    pub fn hosts(&self) -> Vec<HostId> {
        self.partitions.hosts(&self.services)
    }

    /// Whom the data directory belongs to; nobody where it is the whole ledger's.
    #[must_use]
    pub fn claim(&self) -> Option<String> {
        let names = || self.services.iter().map(|service| service.name()).collect::<Vec<_>>().join(",");
        (!self.is_whole()).then(|| format!("{}{}", names(), self.partitions))
    }

    /// Whether other machines may send requests.
    #[must_use]
    pub fn serves_others(&self) -> bool {
        self.services.contains(&ServiceName::Gateway) && !self.listen.ip().is_loopback()
    }

    /// Whether this process may stand by for others: one service on its own, whose neighbours know only what is published.
    fn may_stand_by(&self) -> bool {
        self.nats.is_some() && self.services.len() == 1 && !self.services.contains(&ServiceName::Gateway)
    }

    /// Whether everything runs in this process.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.hosts() == HostId::all(self.partitions.of) && self.services.contains(&ServiceName::Gateway)
    }
}

/// The product can't start, or can't go on.
#[derive(Debug, Error)]
pub enum ProductError {
    /// A folder can't be made.
    #[error("could not make the data directory {path}")]
    Data {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The address can't be listened on.
    #[error("could not listen on {listen}; give another address with --listen")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The log can't be opened.
    #[error("could not open the log")]
    Log(#[from] LogError),
    /// It was never restored to the end.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The secrets can't be had.
    #[error("could not open the secrets")]
    Secrets(#[from] SecretsError),
    /// The blobs can't be opened.
    #[error("could not open the blobs")]
    Blobs(#[from] BlobError),
    /// A service can't start or go on.
    #[error("could not run a service")]
    Host(#[from] HostError),
    /// The index of record ids can't be used.
    #[error("could not use the index of record ids")]
    Ids(#[from] validation::IdsError),
    /// The gateway can't follow a log.
    #[error("could not follow the logs")]
    Follow(#[from] runtime::bus::FollowError),
    /// Some services only, and no way to the others.
    #[error("services that run apart meet over NATS: give its address with --nats")]
    Apart,
    /// It is to run partitions that aren't there.
    #[error(transparent)]
    Partitions(#[from] PartitionsError),
    /// A standby that could do harm, or has nothing to meet its writer on.
    #[error(
        "--standby is for a process of one service, which meets the others over NATS: start it with --nats and --only, \
         and after that one of catalog, approval, ingestion, validation and extraction. Of gateways any number may run \
         without it"
    )]
    Standby,
    /// Another process writes now, and has everything.
    #[error(
        "{host} is written by {by} now, and all that was recorded here is known there; nothing is lost. Start this \
         process again: it stands by"
    )]
    Relieved {
        /// Whose log it is.
        host: HostId,
        /// Who writes.
        by: String,
    },
    /// The lease is lost, and whether everything is published can't be known.
    #[error(
        "the lease of {host} was taken by {by}, and NATS doesn't say whether all that was recorded here is published. \
         Start this process again: it stands by, or says what reached nobody"
    )]
    LeaseLost {
        /// Whose log it is.
        host: HostId,
        /// Who has it.
        by: String,
    },
    /// The data directory is that of some services only.
    #[error(
        "{path} says that this data directory belongs to a process of these services only: {services}. Start it with \
         `usage-ledger run --only {services} --nats …`, or ask the process that runs"
    )]
    Part {
        /// Where it says so.
        path: PathBuf,
        /// The services.
        services: String,
    },
    /// NATS can't be used.
    #[error("could not use NATS")]
    Link(#[from] LinkError),
    /// A host may not write.
    #[error("could not publish")]
    Outbox(#[from] OutboxError),
    /// Billing systems can't be told.
    #[error("could not publish what was accepted")]
    Feed(#[from] FeedError),
    /// There can't be a backup there.
    #[error("could not use the folder of --backup")]
    Backup(#[from] BackupError),
    /// A host can't be asked.
    #[error("could not be asked over NATS")]
    Desk(#[from] DeskError),
    /// Producers can't be heard.
    #[error("could not hear producers")]
    Reports(#[from] ReportsError),
    /// A part ended without a reason: a defect of ours.
    #[error("a part of the product ended: {0}")]
    Ended(String),
}

/// The product while it runs.
pub struct Product {
    /// Where HTTP is served.
    pub address: SocketAddr,
    /// How commands reach the services.
    pub bus: Bus,
    /// The fold that reads are answered from.
    pub projection: Projection,
    /// The secrets of the data directory.
    pub secrets: Secrets,
    /// The time.
    pub clock: Clock,
    /// Where people find the portal, if the gateway runs in this process.
    pub(crate) portal: Option<String>,
    /// The hosts that stand by, or write while they have the lease.
    standing: Vec<Standing>,
    stop: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
    /// Whether the fold has caught up once.
    ready: watch::Receiver<bool>,
    parts: Parts,
    backup: Option<Backup>,
    logs: Logs,
}

/// The running parts. Each that ends before the product stops says so, with its reason in the log.
#[derive(Debug)]
pub(crate) struct Parts {
    tasks: JoinSet<()>,
    ended: watch::Sender<bool>,
    stop: watch::Receiver<bool>,
}

impl Parts {
    pub(crate) fn spawn(&mut self, part: impl Future<Output = Result<(), ProductError>> + Send + 'static) {
        let (ended, stop) = (self.ended.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let outcome = part.await;
            if *stop.borrow() {
                return;
            }
            if let Err(error) = &outcome {
                tracing::error!(error = error as &dyn std::error::Error, "a part of the product has ended");
            }
            ended.send_replace(true);
        });
    }
}

impl std::fmt::Debug for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Product({})", self.address)
    }
}

impl Product {
    /// Opens the data directory and starts the services of this process and, if it is one of them, the gateway.
    ///
    /// # Errors
    /// See [`ProductError`].
    pub async fn start(settings: Settings) -> Result<Self, ProductError> {
        let data = settings.data.clone();
        // What is in it is for its owner only.
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&data);
        made.map_err(|source| ProductError::Data { path: data.clone(), source })?;
        settings.partitions.check()?;
        restore::check(&data)?;
        let near = settings.hosts();
        claim::check(&settings)?;
        let log_settings = LogSettings { rotate_bytes: settings.rotate_bytes, ..LogSettings::default() };
        if !settings.is_whole() && settings.nats.is_none() {
            return Err(ProductError::Apart);
        }
        if settings.standby && !settings.may_stand_by() {
            return Err(ProductError::Standby);
        }
        let logs = Logs::open(&data.join("log"), &near, log_settings)?;
        claim::lay(&settings)?;
        let backup =
            settings.backup.as_ref().map(|dir| Backup::start(&logs, &data, dir, &settings.clock)).transpose()?;
        let secrets = Secrets::open(&settings.secrets.clone().unwrap_or_else(|| data.join("secrets")))?;
        let listener = TcpListener::bind(settings.listen).await;
        let listener = listener.map_err(|source| ProductError::Listen { listen: settings.listen, source })?;
        let address = listener.local_addr();
        let address = address.map_err(|source| ProductError::Listen { listen: settings.listen, source })?;
        let link = match &settings.nats {
            Some(nats) => Some(Link::connect(nats, settings.clock.clone()).await?),
            None => None,
        };
        let (stop, stopped) = watch::channel(false);
        let (ended_at, ended) = watch::channel(false);
        let mut parts = Parts { tasks: JoinSet::new(), ended: ended_at, stop: stopped.clone() };
        let mut wiring = Wiring::new(&logs, &settings, link, stopped.clone())?;
        wiring.backup(backup.as_ref());
        let mut lent = wiring.services(&logs, &mut parts)?;
        let projection = wiring.projection(&mut lent)?;
        let follow = projection.clone().run(stopped.clone());
        parts.spawn(async move { follow.await.map_err(ProductError::from) });
        let (ready_at, ready) = watch::channel(false);
        let caught_up = projection.clone();
        tokio::spawn(async move {
            catch_up(&caught_up).await;
            ready_at.send_replace(true);
        });
        let probes = wiring.probes(&logs, ready.clone(), version(), &projection);
        let bus = wiring.bus.clone();
        let serves = settings.services.contains(&ServiceName::Gateway);
        if serves {
            let gateway = Arc::new(wiring.gateway(lent, projection.clone(), &secrets, probes)?);
            by_itself(&mut parts, &settings, &gateway, address);
            let (routes, producers) = gateway::served(gateway);
            wiring.producers(producers, &mut parts);
            parts.spawn(serve(listener, pages::before(routes, &settings, &secrets), stopped));
        } else {
            parts.spawn(serve(listener, gateway::probes(probes), stopped));
        }
        let portal = serves.then(|| settings.public_url.unwrap_or_else(|| format!("http://{address}")));
        let (clock, standing) = (settings.clock, wiring.standing);
        Ok(Self { address, bus, projection, secrets, clock, portal, standing, stop, ended, ready, parts, backup, logs })
    }

    /// Waits until a part has ended that should not have: the rest would wait for it for ever.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // The sender lives as long as the product does.
        drop(ended.wait_for(|ended| *ended).await);
    }

    /// Waits until the fold has everything that was recorded by now, however long NATS or another process is away.
    pub async fn caught_up(&self) {
        let mut ready = self.ready.clone();
        // The gateway answers from then on. Its sender ends once it has said so.
        drop(ready.wait_for(|ready| *ready).await);
        while !self.projection.catch_up().await {
            tokio::time::sleep(CATCH_UP_PAUSE).await;
        }
        catch_up(&self.projection).await;
    }

    /// What this process stands by for, and nobody writes here yet; none where it writes.
    #[must_use]
    pub fn stands_by(&self) -> Option<String> {
        self.standing.iter().find_map(Standing::told)
    }

    /// Waits until this process writes for all of its hosts; one that never stands by does at once.
    pub async fn writes(&self) {
        for standing in &self.standing {
            let mut writes = standing.writes.clone();
            if writes.wait_for(|writes| *writes).await.is_err() {
                // Its part has ended, and with it the product ends.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Ends every part and closes the log.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.parts.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WAIT, ended).await.is_err() {
            tracing::warn!("requests were still open when the process stopped");
            self.parts.tasks.abort_all();
        }
        // Closing waits for the disk, which must not hold up the runtime's threads.
        let (backup, logs) = (self.backup, self.logs);
        let closing = move || {
            backup.into_iter().for_each(Backup::finish);
            logs.close();
        };
        drop(tokio::task::spawn_blocking(closing).await);
    }

    /// How the log does.
    #[must_use]
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// `http://127.0.0.1:8080`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Waits until a fold has everything that was recorded by now.
async fn catch_up(projection: &Projection) {
    // What a host has recorded and not published may be lost with it: the question is asked again.
    while !matches!(tokio::time::timeout(CATCH_UP_WAIT, projection.catch_up()).await, Ok(true)) {
        tokio::time::sleep(CATCH_UP_PAUSE).await;
    }
}

/// What the product does without being asked: it submits files that are overdue, and calls webhooks.
fn by_itself(parts: &mut Parts, settings: &Settings, gateway: &Arc<Gateway>, address: SocketAddr) {
    let stop = parts.stop.clone();
    let (projection, clock) = (gateway.projection.clone(), settings.clock.clone());
    if let Some(hours) = settings.seal_after {
        let (projection, clock) = (projection.clone(), clock.clone());
        let sealing = Sealing { bus: gateway.bus.clone(), projection, clock, hours }.run(stop.clone());
        parts.spawn(async move {
            sealing.await;
            Ok(())
        });
    }
    let calls = Arc::new(Calls::new(gateway.clone(), format!("http://{address}")));
    let (folder, to_private) = (settings.data.join("webhooks"), settings.webhooks_to_private);
    let meters = settings.meters.clone();
    parts.spawn(Webhooks { calls, projection, clock, folder, to_private, meters }.run(stop));
}

async fn serve(
    listener: TcpListener,
    routes: axum::Router,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ProductError> {
    let stopping = async move {
        // An error means that the product is gone, which is a reason to stop too.
        drop(stop.wait_for(|stop| *stop).await);
    };
    let served = axum::serve(listener, routes).with_graceful_shutdown(stopping).await;
    served.map_err(|error| ProductError::Ended(format!("the gateway: {error}")))
}
