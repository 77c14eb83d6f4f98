//! How the parts of one process are put together: which hosts are here, which are elsewhere, and what is between them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;

use gateway::{Gateway, Probes, Producers, Standing};
use ledger::{HostId, Partition, ServiceName};
use runtime::backup::Backup;
use runtime::blobs::Blobs;
use runtime::bus::{Bus, Errand, Neighbour};
use runtime::decider::Decider;
use runtime::hearing::Hearing;
use runtime::host::{Checkpoints, Host, HostParts};
use runtime::log::Logs;
use runtime::nats::{self, Carrier, Desk, Feed, Link, Outbox, Outgoing, Vault};
use runtime::projection::{Listener, Projection};
use runtime::records::Records;
use runtime::shelf::CatalogShelf;
use runtime::snapshot;
use runtime::store::BlobStore;
use runtime::watched::Watched;
use tokio::sync::{mpsc, watch};
use validation::{Examiner, ValidationService};

use crate::disk::Disk;
use crate::product::{Parts, ProductError, Settings};
use crate::secrets::{self, Secrets, SecretsError};
use crate::snapshots;
use crate::standby::{self, Turn};
use crate::trial::{Bench, Trials};

/// Whose facts a service hears.
pub(crate) fn hearing(service: ServiceName) -> Hearing {
    match service {
        ServiceName::Catalog => Hearing::of::<catalog::CatalogService>(),
        ServiceName::Approval => Hearing::of::<approval::Approval>(),
        ServiceName::Ingestion => Hearing::of::<ingestion::IngestionService>(),
        ServiceName::Validation => Hearing::of::<validation::ValidationService>(),
        ServiceName::Extraction => Hearing::of::<extraction::ExtractionService>(),
        ServiceName::Gateway => Hearing::of_gateway(),
    }
}

/// What is known while a process is put together.
pub(crate) struct Wiring {
    pub(crate) bus: Bus,
    records: Records,
    neighbours: BTreeMap<HostId, Neighbour>,
    asks: BTreeMap<HostId, mpsc::Receiver<Errand>>,
    settings: Settings,
    link: Option<Link>,
    outgoing: Vec<Outbox>,
    feeds: Vec<(HostId, watch::Receiver<Outgoing>)>,
    /// The hosts that stand by, or write while they have the lease.
    pub(crate) standing: Vec<Standing>,
    watched: Watched,
    checkpoints: Option<Checkpoints>,
    stop: watch::Receiver<bool>,
}

/// What services of this process lend to its gateway.
#[derive(Default)]
pub(crate) struct Lent {
    blobs: BTreeMap<ServiceName, Arc<Blobs>>,
    /// By partition.
    examiners: BTreeMap<Partition, Examiner>,
}

impl Wiring {
    /// Every host that this process deals with: its own, and over NATS everybody else's.
    pub(crate) fn new(
        logs: &Logs,
        settings: &Settings,
        link: Option<Link>,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, ProductError> {
        let mut neighbours = BTreeMap::new();
        let mut asks = BTreeMap::new();
        for id in settings.hosts() {
            let (neighbour, queue) = Neighbour::open(logs.reader(id)?);
            neighbours.insert(id, neighbour);
            asks.insert(id, queue);
        }
        if let Some(link) = &link {
            for id in HostId::all(settings.partitions.of) {
                neighbours.entry(id).or_insert_with(|| Neighbour::far(link.clone(), id));
            }
        }
        let bus = Bus::new(neighbours.clone(), CatalogShelf::default());
        let records = Records::new(bus.sources(&ServiceName::WRITERS));
        let watched = Watched::new(settings.meters.clone());
        let checkpoints = (!asks.is_empty()).then(|| checkpoints(settings)).transpose()?;
        let (settings, outgoing, feeds, standing) = (settings.clone(), Vec::new(), Vec::new(), Vec::new());
        Ok(Self {
            bus,
            records,
            neighbours,
            asks,
            settings,
            link,
            outgoing,
            feeds,
            standing,
            watched,
            checkpoints,
            stop,
        })
    }

    /// Shows how far the backup is.
    pub(crate) fn backup(&mut self, backup: Option<&Backup>) {
        if let Some(backup) = backup {
            self.watched.backup(backup.progress());
        }
    }

    /// Opens and starts the services of this process. The catalog comes first: its fold is shared with the others.
    pub(crate) fn services(&mut self, logs: &Logs, parts: &mut Parts) -> Result<Lent, ProductError> {
        let mut lent = Lent::default();
        for id in self.settings.hosts() {
            self.service(id, logs, parts, &mut lent)?;
        }
        Ok(lent)
    }

    fn service(&mut self, id: HostId, logs: &Logs, parts: &mut Parts, lent: &mut Lent) -> Result<(), ProductError> {
        match id.service {
            ServiceName::Catalog => {
                let (partitions, webhooks_to_private) =
                    (self.settings.partitions.of, self.settings.webhooks_to_private);
                self.host(id, logs, catalog::CatalogService { partitions, webhooks_to_private }, parts, lent)
            }
            ServiceName::Approval => self.host(id, logs, approval::Approval, parts, lent),
            ServiceName::Ingestion => {
                let service = ingestion::IngestionService::new(self.settings.guard.clone());
                self.host(id, logs, service, parts, lent)
            }
            ServiceName::Validation => {
                let (last, _) = logs.reader(id)?.head()?;
                let service = ValidationService::open(&self.record_ids(id.partition), last)?;
                lent.examiners.insert(id.partition, service.examiner());
                self.host(id, logs, service, parts, lent)
            }
            ServiceName::Extraction => {
                self.host(id, logs, extraction::ExtractionService::default(), parts, lent)?;
                self.feed(id, logs, parts)
            }
            ServiceName::Gateway => Ok(()),
        }
    }

    fn cache(&self) -> PathBuf {
        self.settings.data.join("cache")
    }

    fn record_ids(&self, partition: Partition) -> PathBuf {
        self.cache().join("record-ids").join(partition.0.to_string())
    }

    /// The workbooks of a service: one folder for all its partitions, since each is named by what it holds. Where another
    /// process may have to write on, a copy of each is elsewhere.
    fn blobs(&self, service: ServiceName, lent: &mut Lent) -> Result<Arc<Blobs>, ProductError> {
        if let Some(blobs) = lent.blobs.get(&service) {
            return Ok(blobs.clone());
        }
        let blobs = Blobs::open(&self.settings.data.join("blobs").join(service.name()))?;
        let blobs = Arc::new(match self.link.clone().filter(|_| self.settings.standby) {
            Some(link) => blobs.kept_in(Vault::new(link, service, self.stop.clone())),
            None => blobs,
        });
        lent.blobs.insert(service, blobs.clone());
        Ok(blobs)
    }

    /// Opens a service and starts it, unless it is to stand still.
    fn host<D: Decider>(
        &mut self,
        id: HostId,
        logs: &Logs,
        decider: D,
        parts: &mut Parts,
        lent: &mut Lent,
    ) -> Result<(), ProductError> {
        let turn = self.turn(id)?;
        let blobs = self.blobs(id.service, lent)?;
        let asks = self.asks.remove(&id).ok_or_else(|| ProductError::Ended(format!("{id} has no queue")))?;
        let reader = logs.reader(id)?;
        let outbox = self.link.clone().map(|link| Outbox::new(link, reader.clone()));
        let made = HostParts {
            id,
            writer: logs.writer(id)?,
            reader: reader.clone(),
            asks,
            bus: self.bus.clone(),
            published: outbox.as_ref().filter(|_| turn.is_some()).map(Outbox::progress),
            blobs: blobs.clone(),
            records: self.records.patient(self.stop.clone()),
            clock: self.settings.clock.clone(),
            cache: self.cache(),
            snapshots: snapshots::of(&self.settings).map(|snapshots| snapshots.of(&id.to_string())),
            meters: self.settings.meters.clone(),
            checkpoints: self.checkpoints.clone(),
        };
        self.watched.host(made.reader.clone(), self.bus.heard(Hearing::of::<D>(), id.partition));
        let host = Host::open(decider, made)?;
        let (stop, idle) = (self.stop.clone(), self.settings.idle.contains(&D::SERVICE));
        let host = (!idle).then_some(host);
        let (Some(link), Some(outbox)) = (self.link.clone(), outbox) else {
            if host.is_some() {
                parts.spawn(run(host, stop));
            }
            return Ok(());
        };
        self.outgoing.push(outbox.clone());
        let asks = self.neighbours.get(&id).and_then(Neighbour::asks);
        let asks = asks.ok_or_else(|| ProductError::Ended(format!("{id} has no queue")))?;
        let desk = Desk { link, log: reader, asks, blobs, published: outbox.progress() };
        parts.spawn(async move {
            let Some(mut turn) = turn else { return write(host, outbox, desk, stop).await };
            if let Some(mut host) = host
                && turn.wait(&mut host, &outbox, stop.clone()).await?
            {
                turn.hold(outbox.clone(), write(Some(host), outbox, desk, stop)).await?;
            }
            Ok(())
        });
        Ok(())
    }

    /// The turn of a host to write, where others may have theirs.
    fn turn(&mut self, id: HostId) -> Result<Option<Turn>, ProductError> {
        let Some(link) = self.link.clone().filter(|_| self.settings.standby) else { return Ok(None) };
        let turn = Turn::new(link, id, &standby::name(&self.settings.data)?);
        self.standing.push(turn.standing());
        Ok(Some(turn))
    }

    /// Tells billing systems what was accepted, where they can be reached.
    fn feed(&mut self, id: HostId, logs: &Logs, parts: &mut Parts) -> Result<(), ProductError> {
        let outbox = self.outgoing.iter().find(|outbox| outbox.source().host() == id);
        let (Some(link), Some(outbox)) = (&self.link, outbox) else { return Ok(()) };
        let (records, stop) = (self.records.clone(), self.stop.clone());
        let feed = Feed::<extraction::Feed>::new(
            link.clone(),
            self.settings.partitions.of,
            logs.reader(id)?,
            records,
            outbox.progress(),
        );
        self.feeds.push((id, feed.progress()));
        self.watched.feed(link.clone(), self.settings.partitions.of, id, feed.gone_through());
        let writes = self.standing.iter().find(|standing| standing.host == id).map(|standing| standing.writes.clone());
        parts.spawn(async move {
            if let Some(mut writes) = writes
                && writes.wait_for(|writes| *writes).await.is_err()
            {
                return Ok(());
            }
            feed.run(stop).await.map_err(ProductError::from)
        });
        Ok(())
    }

    /// The fold that the gateway answers from; without a gateway that of the catalog alone, for the operator's socket.
    pub(crate) fn projection(&self, lent: &mut Lent) -> Result<Projection, ProductError> {
        if !self.settings.services.contains(&ServiceName::Gateway) {
            let is_catalog = |id: HostId, host: &Neighbour| id.service == ServiceName::Catalog && host.asks().is_some();
            return Ok(Projection::new(self.bus.only(is_catalog)));
        }
        let projection = Projection::new(self.bus.clone());
        let projection = match snapshots::of(&self.settings) {
            Some(kept) => projection.kept_in(kept.of(ServiceName::Gateway.name()), self.settings.meters.clone()),
            None => projection,
        };
        // Where validation runs elsewhere, what it would say is said here too, from the same rules and the same facts.
        let mut elsewhere = BTreeMap::new();
        for partition in (0..self.settings.partitions.of).map(Partition) {
            if let Entry::Vacant(examiner) = lent.examiners.entry(partition) {
                let service = ValidationService::open(&self.record_ids(partition), 0)?;
                examiner.insert(service.examiner());
                elsewhere.insert(HostId { service: ServiceName::Validation, partition }, service);
            }
        }
        if elsewhere.is_empty() {
            return Ok(projection);
        }
        Ok(projection.heard_by(listener(elsewhere, self.bus.clone())))
    }

    /// How the process does.
    pub(crate) fn probes(
        &self,
        logs: &Logs,
        caught_up: watch::Receiver<bool>,
        version: String,
        projection: &Projection,
    ) -> Probes {
        let mut watched = self.watched.clone();
        if self.settings.services.contains(&ServiceName::Gateway) {
            watched.fold(projection.changes(), self.bus.sources(&ServiceName::WRITERS));
            if let Some(link) = &self.link {
                watched.reports(link.clone());
            }
        }
        let nats = self.link.as_ref().map(Link::reachable);
        let outgoing = self.outgoing.iter().map(|outbox| (outbox.source(), outbox.progress())).collect();
        let (feeds, standing) = (self.feeds.clone(), self.standing.clone());
        let failure = Some(logs.failure());
        Probes { version, caught_up, failure, nats, outgoing, feeds, standing, watched }
    }

    /// The gateway.
    pub(crate) fn gateway(
        &self,
        mut lent: Lent,
        projection: Projection,
        secrets: &Secrets,
        probes: Probes,
    ) -> Result<Gateway, ProductError> {
        let uploads = self.store(&mut lent, ServiceName::Ingestion)?;
        let reconciliations = self.store(&mut lent, ServiceName::Extraction)?;
        let processed = self.store(&mut lent, ServiceName::Validation)?;
        let (guard, temp) = (self.settings.guard.clone(), uploads.blobs().temp().to_owned());
        let bench = Bench { records: self.records.clone(), guard, temp };
        let (projected, clock) = (projection.clone(), self.settings.clock.clone());
        let trials = Trials { bench, examiners: lent.examiners, projection: projected, clock };
        Ok(Gateway {
            bus: self.bus.clone(),
            projection,
            records: self.records.clone(),
            uploads,
            reconciliations,
            processed,
            clock: self.settings.clock.clone(),
            pepper: secrets.pepper.clone(),
            link_secret: secrets.link.clone(),
            public_url: self.settings.public_url.clone(),
            dry_run: Arc::new(trials),
            verifies: Arc::new(Disk { data: self.settings.data.clone() }),
            deliveries: gateway::Deliveries::default(),
            requests_per_second: self.settings.requests_per_second,
            probes,
            stopping: self.stop.clone(),
        })
    }

    /// Hears producers, where there is NATS.
    pub(crate) fn producers(&self, producers: Producers, parts: &mut Parts) {
        let Some(link) = &self.link else { return };
        let (producers, meters) = (Arc::new(producers), self.settings.meters.clone());
        let answered = nats::answer_reports(link.clone(), producers.clone(), meters.clone(), self.stop.clone());
        parts.spawn(async move { answered.await.map_err(ProductError::from) });
        let taken = nats::take_reports(link.clone(), producers, meters, self.stop.clone());
        parts.spawn(async move {
            taken.await;
            Ok(())
        });
    }

    /// A service's workbooks: its own folder, with copies of what other processes have.
    fn store(&self, lent: &mut Lent, service: ServiceName) -> Result<BlobStore, ProductError> {
        let blobs = self.blobs(service, lent)?;
        let is_far = |(id, host): &(&HostId, &Neighbour)| id.service == service && host.asks().is_none();
        let owners: Vec<HostId> = self.neighbours.iter().filter(is_far).map(|(id, _)| *id).collect();
        Ok(match &self.link {
            Some(link) if !owners.is_empty() => {
                BlobStore::far(service, blobs, Carrier { link: link.clone(), owners: Arc::new(owners) })
            }
            _ => BlobStore::near(service, blobs),
        })
    }
}

/// What services that run elsewhere would make of the facts that they hear.
fn listener(elsewhere: BTreeMap<HostId, ValidationService>, bus: Bus) -> Listener {
    let keep = |services: &BTreeMap<HostId, ValidationService>| -> BTreeMap<HostId, Vec<u8>> {
        services.iter().map(|(host, service)| (*host, service.keep())).collect()
    };
    let elsewhere = Arc::new(elsewhere);
    let (heard, kept) = (elsewhere.clone(), elsewhere.clone());
    Listener {
        hear: Box::new(move |ledger, host, sequence, event| {
            if let Some(service) = heard.get(&host) {
                service.heard(ledger, host, sequence, event);
            }
        }),
        keep: Box::new(move || snapshot::encoded(&keep(&kept))),
        resume: Box::new(move |kept, ledger| {
            let Some(kept) = snapshot::decoded::<BTreeMap<HostId, Vec<u8>>>(kept) else { return false };
            let take_up = |all: &BTreeMap<HostId, Vec<u8>>| {
                all.iter().all(|(host, kept)| {
                    let (service, log) = (elsewhere.get(host), bus.source(*host));
                    service.zip(log).is_some_and(|(service, log)| service.resume(kept, ledger, log))
                })
            };
            let before = keep(&elsewhere);
            let taken = kept.keys().eq(elsewhere.keys()) && take_up(&kept);
            if !taken {
                // All of them or none: what some have taken up they let go of.
                take_up(&before);
            }
            taken
        }),
    }
}

/// How the hosts of this process sign.
fn checkpoints(settings: &Settings) -> Result<Checkpoints, SecretsError> {
    let signer = Arc::new(secrets::signer(&settings.data)?);
    let former = secrets::former_signer(&settings.data)?.map(Arc::new);
    Ok(Checkpoints { signer, former, after: settings.checkpoint_after })
}

/// Decides for a host, unless it is to stand still.
async fn run<D: Decider>(host: Option<Host<D>>, stop: watch::Receiver<bool>) -> Result<(), ProductError> {
    match host {
        Some(host) => Ok(host.run(stop).await?),
        None => Ok(()),
    }
}

/// Decides, publishes and answers for a host.
async fn write<D: Decider>(
    host: Option<Host<D>>,
    outbox: Outbox,
    desk: Desk,
    stop: watch::Receiver<bool>,
) -> Result<(), ProductError> {
    // Nothing is decided before it is certain that this process is the one that writes.
    outbox.open().await?;
    tokio::try_join!(run(host, stop.clone()), async { Ok(outbox.run(stop.clone()).await?) }, async {
        Ok(desk.run(stop.clone()).await?)
    },)?;
    Ok(())
}
