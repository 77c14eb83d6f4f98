//! The one place that wires the product: the same services in one process that may later run apart.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gateway::{Calls, Gateway};
use ledger::{HostId, ServiceName};
use runtime::blobs::{BlobError, Blobs};
use runtime::bus::{Ask, Bus, Neighbour};
use runtime::clock::Clock;
use runtime::decider::Decider;
use runtime::host::{Host, HostError, HostParts};
use runtime::log::{LogError, LogSettings, Logs};
use runtime::projection::Projection;
use runtime::records::Records;
use runtime::shelf::CatalogShelf;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use workbook::foreign::Guard;

use crate::sealing::Sealing;
use crate::secrets::{Secrets, SecretsError};
use crate::trial::{Bench, Trials};
use crate::webhooks::Webhooks;

/// How long requests may take to end when the process stops.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// The commit that a release was built from, as who builds it names it.
const COMMIT: Option<&str> = option_env!("USAGE_LEDGER_COMMIT");

/// What `Connect-Version` says, in the form that clients know: `26.0.12-g0123abc` (connect-api §2.1).
fn version() -> String {
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
        Self {
            data,
            listen,
            rotate_bytes,
            public_url,
            seal_after: None,
            clock,
            guard,
            requests_per_second,
            webhooks_to_private: false,
            idle,
        }
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
    stop: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
    parts: Parts,
    logs: Logs,
}

/// The running parts. Each that ends before the product stops says so, with its reason in the log.
#[derive(Debug)]
struct Parts {
    tasks: JoinSet<()>,
    ended: watch::Sender<bool>,
    stop: watch::Receiver<bool>,
}

impl Parts {
    fn spawn(&mut self, part: impl Future<Output = Result<(), ProductError>> + Send + 'static) {
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

/// Every writer of one partition.
fn hosts() -> Vec<HostId> {
    ServiceName::WRITERS.iter().map(|service| HostId::new(*service, 0)).collect()
}

struct Wiring {
    bus: Bus,
    records: Records,
    asks: BTreeMap<HostId, mpsc::Receiver<Ask>>,
    settings: Settings,
    stop: watch::Receiver<bool>,
}

impl Wiring {
    /// Opens a service and its blobs; it runs when the returned future does.
    fn host<D: Decider>(&mut self, logs: &Logs, decider: D) -> Result<(Arc<Blobs>, Host<D>), ProductError> {
        let id = HostId::new(D::SERVICE, 0);
        let folder = self.settings.data.join("blobs").join(D::SERVICE.name());
        let blobs = Arc::new(Blobs::open(&folder)?);
        let asks = self.asks.remove(&id).ok_or_else(|| ProductError::Ended(format!("{id} has no queue")))?;
        let parts = HostParts {
            id,
            writer: logs.writer(id)?,
            reader: logs.reader(id)?,
            asks,
            bus: self.bus.clone(),
            blobs: blobs.clone(),
            records: self.records.clone(),
            clock: self.settings.clock.clone(),
            cache: self.settings.data.join("cache"),
        };
        Ok((blobs, Host::open(decider, parts)?))
    }
}

impl Product {
    /// Opens the data directory and starts every service and the gateway.
    ///
    /// # Errors
    /// See [`ProductError`].
    pub async fn start(settings: Settings) -> Result<Self, ProductError> {
        let data = settings.data.clone();
        let made = std::fs::create_dir_all(&data);
        made.map_err(|source| ProductError::Data { path: data.clone(), source })?;
        let log_settings = LogSettings { rotate_bytes: settings.rotate_bytes, ..LogSettings::default() };
        let logs = Logs::open(&data.join("log"), &hosts(), log_settings)?;
        let secrets = Secrets::open(&data)?;
        let listener = TcpListener::bind(settings.listen).await;
        let listener = listener.map_err(|source| ProductError::Listen { listen: settings.listen, source })?;
        let address = listener.local_addr();
        let address = address.map_err(|source| ProductError::Listen { listen: settings.listen, source })?;

        let (stop, stopped) = watch::channel(false);
        let mut wiring = wire(&logs, &settings, stopped.clone())?;
        let (bus, records) = (wiring.bus.clone(), wiring.records.clone());
        let (ended_at, ended) = watch::channel(false);
        let mut parts = Parts { tasks: JoinSet::new(), ended: ended_at, stop: stopped.clone() };
        // The catalog first: its fold is shared with those that follow.
        let (_, host) = wiring.host(
            &logs,
            catalog::CatalogService { partitions: 1, webhooks_to_private: settings.webhooks_to_private },
        )?;
        run(&mut parts, host, &wiring);
        let (_, host) = wiring.host(&logs, approval::Approval)?;
        run(&mut parts, host, &wiring);
        let (uploads, host) = wiring.host(&logs, ingestion::IngestionService::new(settings.guard.clone()))?;
        run(&mut parts, host, &wiring);
        let ids = data.join("cache").join("record-ids");
        let (last, _) = logs.reader(HostId::new(ServiceName::Validation, 0))?.head()?;
        let service = validation::ValidationService::open(&ids, last)?;
        let examiner = service.examiner();
        let (processed, host) = wiring.host(&logs, service)?;
        run(&mut parts, host, &wiring);
        let (reconciliations, host) = wiring.host(&logs, extraction::ExtractionService::default())?;
        run(&mut parts, host, &wiring);

        let projection = Projection::new(bus.clone());
        let follow = projection.clone().run(stopped.clone());
        parts.spawn(async move { follow.await.map_err(ProductError::from) });
        let (ready_at, ready) = watch::channel(false);
        let caught_up = projection.clone();
        tokio::spawn(async move { ready_at.send_replace(caught_up.catch_up().await) });
        let (guard, temp) = (settings.guard.clone(), uploads.temp().to_owned());
        let bench = Bench { examiner, records: records.clone(), guard, temp };
        let trials = Trials { bench, projection: projection.clone(), clock: settings.clock.clone() };
        let gateway = Arc::new(Gateway {
            bus: bus.clone(),
            projection: projection.clone(),
            records,
            uploads,
            reconciliations,
            processed,
            clock: settings.clock.clone(),
            pepper: secrets.pepper.clone(),
            link_secret: secrets.link.clone(),
            public_url: settings.public_url.clone(),
            version: version(),
            dry_run: Arc::new(trials),
            deliveries: gateway::Deliveries::default(),
            requests_per_second: settings.requests_per_second,
            ready,
            stopping: stopped.clone(),
        });
        by_itself(&mut parts, &settings, &gateway, address);
        parts.spawn(serve(listener, gateway, stopped));
        Ok(Self { address, bus, projection, secrets, clock: settings.clock, stop, ended, parts, logs })
    }

    /// Waits until a part has ended that should not have: the rest would wait for it for ever.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // The sender lives as long as the product does.
        drop(ended.wait_for(|ended| *ended).await);
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
        drop(tokio::task::spawn_blocking(move || self.logs.close()).await);
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

fn wire(logs: &Logs, settings: &Settings, stop: watch::Receiver<bool>) -> Result<Wiring, ProductError> {
    let mut neighbours = BTreeMap::new();
    let mut readers = BTreeMap::new();
    let mut asks = BTreeMap::new();
    for id in hosts() {
        let reader = logs.reader(id)?;
        let (neighbour, queue) = Neighbour::open(reader.clone());
        readers.insert(id, reader);
        neighbours.insert(id, neighbour);
        asks.insert(id, queue);
    }
    let bus = Bus::embedded(neighbours, CatalogShelf::default());
    Ok(Wiring { bus, records: Records::new(readers), asks, settings: settings.clone(), stop })
}

fn run<D: Decider>(parts: &mut Parts, host: Host<D>, wiring: &Wiring) {
    if wiring.settings.idle.contains(&D::SERVICE) {
        return;
    }
    let stop = wiring.stop.clone();
    parts.spawn(async move { host.run(stop).await.map_err(ProductError::from) });
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
    parts.spawn(Webhooks { calls, projection, clock, folder, to_private }.run(stop));
}

async fn serve(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ProductError> {
    let stopping = async move {
        // An error means that the product is gone, which is a reason to stop too.
        drop(stop.wait_for(|stop| *stop).await);
    };
    let served = axum::serve(listener, gateway::router(gateway)).with_graceful_shutdown(stopping).await;
    served.map_err(|error| ProductError::Ended(format!("the gateway: {error}")))
}
