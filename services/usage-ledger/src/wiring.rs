//! How the parts of one process are put together: which hosts are here, which are elsewhere, and what is between them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use gateway::{Gateway, Probes, Producers};
use ledger::{HostId, ServiceName};
use runtime::blobs::Blobs;
use runtime::bus::{Ask, Bus, Neighbour};
use runtime::decider::Decider;
use runtime::host::{Host, HostParts};
use runtime::log::Logs;
use runtime::nats::{self, Carrier, Desk, Feed, Link, Outbox, Outgoing};
use runtime::projection::Projection;
use runtime::records::Records;
use runtime::shelf::CatalogShelf;
use runtime::store::BlobStore;
use tokio::sync::{mpsc, watch};
use validation::{Examiner, ValidationService};

use crate::product::{Parts, ProductError, Settings};
use crate::secrets::Secrets;
use crate::trial::{Bench, Trials};

/// Whose facts a service hears.
pub(crate) fn hears(service: ServiceName) -> &'static [ServiceName] {
    match service {
        ServiceName::Catalog => catalog::CatalogService::HEARS,
        ServiceName::Approval => approval::Approval::HEARS,
        ServiceName::Ingestion => ingestion::IngestionService::HEARS,
        ServiceName::Validation => validation::ValidationService::HEARS,
        ServiceName::Extraction => extraction::ExtractionService::HEARS,
        ServiceName::Gateway => &ServiceName::WRITERS,
    }
}

/// What is known while a process is put together.
pub(crate) struct Wiring {
    pub(crate) bus: Bus,
    records: Records,
    neighbours: BTreeMap<HostId, Neighbour>,
    asks: BTreeMap<HostId, mpsc::Receiver<Ask>>,
    settings: Settings,
    link: Option<Link>,
    outgoing: Vec<Outbox>,
    feed: Option<watch::Receiver<Outgoing>>,
    stop: watch::Receiver<bool>,
}

/// What services of this process lend to its gateway.
#[derive(Default)]
pub(crate) struct Lent {
    blobs: BTreeMap<ServiceName, Arc<Blobs>>,
    examiner: Option<Examiner>,
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
            for id in ServiceName::WRITERS.map(|service| HostId::new(service, 0)) {
                neighbours.entry(id).or_insert_with(|| Neighbour::far(link.clone(), id));
            }
        }
        let bus = Bus::new(neighbours.clone(), CatalogShelf::default());
        let records = Records::new(bus.sources(&ServiceName::WRITERS, None));
        let (settings, outgoing, feed) = (settings.clone(), Vec::new(), None);
        Ok(Self { bus, records, neighbours, asks, settings, link, outgoing, feed, stop })
    }

    /// Opens and starts the services of this process. The catalog comes first: its fold is shared with the others.
    pub(crate) fn services(&mut self, logs: &Logs, parts: &mut Parts) -> Result<Lent, ProductError> {
        let mut lent = Lent::default();
        let here = self.settings.services.clone();
        if here.contains(&ServiceName::Catalog) {
            let webhooks_to_private = self.settings.webhooks_to_private;
            self.host(logs, catalog::CatalogService { partitions: 1, webhooks_to_private }, parts, &mut lent)?;
        }
        if here.contains(&ServiceName::Approval) {
            self.host(logs, approval::Approval, parts, &mut lent)?;
        }
        if here.contains(&ServiceName::Ingestion) {
            self.host(logs, ingestion::IngestionService::new(self.settings.guard.clone()), parts, &mut lent)?;
        }
        if here.contains(&ServiceName::Validation) {
            let (last, _) = logs.reader(HostId::new(ServiceName::Validation, 0))?.head()?;
            let service = ValidationService::open(&self.cache().join("record-ids"), last)?;
            lent.examiner = Some(service.examiner());
            self.host(logs, service, parts, &mut lent)?;
        }
        if here.contains(&ServiceName::Extraction) {
            self.host(logs, extraction::ExtractionService::default(), parts, &mut lent)?;
            self.feed(logs, parts)?;
        }
        Ok(lent)
    }

    fn cache(&self) -> PathBuf {
        self.settings.data.join("cache")
    }

    fn blobs(&self, service: ServiceName) -> Result<Arc<Blobs>, ProductError> {
        Ok(Arc::new(Blobs::open(&self.settings.data.join("blobs").join(service.name()))?))
    }

    /// Opens a service and starts it, unless it is to stand still.
    fn host<D: Decider>(
        &mut self,
        logs: &Logs,
        decider: D,
        parts: &mut Parts,
        lent: &mut Lent,
    ) -> Result<(), ProductError> {
        let id = HostId::new(D::SERVICE, 0);
        let blobs = self.blobs(D::SERVICE)?;
        lent.blobs.insert(D::SERVICE, blobs.clone());
        let asks = self.asks.remove(&id).ok_or_else(|| ProductError::Ended(format!("{id} has no queue")))?;
        let made = HostParts {
            id,
            writer: logs.writer(id)?,
            reader: logs.reader(id)?,
            asks,
            bus: self.bus.clone(),
            blobs: blobs.clone(),
            records: self.records.patient(self.stop.clone()),
            clock: self.settings.clock.clone(),
            cache: self.cache(),
        };
        let host = Host::open(decider, made)?;
        let (stop, idle) = (self.stop.clone(), self.settings.idle.contains(&D::SERVICE));
        let host = (!idle).then_some(host);
        let run = async move |stop| match host {
            Some(host) => host.run(stop).await.map_err(ProductError::from),
            None => Ok(()),
        };
        let Some(link) = self.link.clone() else {
            if !idle {
                parts.spawn(run(stop));
            }
            return Ok(());
        };
        let outbox = Outbox::new(link.clone(), logs.reader(id)?);
        self.outgoing.push(outbox.clone());
        let asks = self.neighbours.get(&id).and_then(Neighbour::asks);
        let asks = asks.ok_or_else(|| ProductError::Ended(format!("{id} has no queue")))?;
        let desk = Desk { link, log: logs.reader(id)?, asks, blobs, published: outbox.progress() };
        parts.spawn(async move {
            // Nothing is decided before it is certain that this process is the one that writes.
            outbox.open().await?;
            tokio::try_join!(
                run(stop.clone()),
                async { outbox.run(stop.clone()).await.map_err(ProductError::from) },
                async { desk.run(stop.clone()).await.map_err(ProductError::from) },
            )?;
            Ok(())
        });
        Ok(())
    }

    /// Tells billing systems what was accepted, where they can be reached.
    fn feed(&mut self, logs: &Logs, parts: &mut Parts) -> Result<(), ProductError> {
        let id = HostId::new(ServiceName::Extraction, 0);
        let outbox = self.outgoing.iter().find(|outbox| outbox.source().host() == id);
        let (Some(link), Some(outbox)) = (&self.link, outbox) else { return Ok(()) };
        let (records, stop) = (self.records.clone(), self.stop.clone());
        let feed = Feed::<extraction::Feed>::new(link.clone(), logs.reader(id)?, records, outbox.progress());
        self.feed = Some(feed.progress());
        parts.spawn(async move { feed.run(stop).await.map_err(ProductError::from) });
        Ok(())
    }

    /// The fold that the gateway answers from; without a gateway that of the catalog alone, for the operator's socket.
    pub(crate) fn projection(&self, lent: &mut Lent) -> Result<Projection, ProductError> {
        if !self.settings.services.contains(&ServiceName::Gateway) {
            let catalog =
                self.neighbours.iter().filter(|(id, host)| id.service == ServiceName::Catalog && host.asks().is_some());
            let catalog = catalog.map(|(id, host)| (*id, host.clone())).collect();
            return Ok(Projection::new(Bus::new(catalog, self.bus.shelf().clone())));
        }
        let projection = Projection::new(self.bus.clone());
        if lent.examiner.is_some() {
            return Ok(projection);
        }
        // Where validation runs elsewhere, what it would say is said here too, from the same rules and the same facts.
        let service = ValidationService::open(&self.cache().join("record-ids"), 0)?;
        lent.examiner = Some(service.examiner());
        Ok(projection.heard_by(move |ledger, host, sequence, event| service.heard(ledger, host, sequence, event)))
    }

    /// How the process does.
    pub(crate) fn probes(&self, caught_up: watch::Receiver<bool>, version: String) -> Probes {
        let nats = self.link.as_ref().map(Link::reachable);
        let outgoing = self.outgoing.iter().map(|outbox| (outbox.source(), outbox.progress())).collect();
        Probes { version, caught_up, nats, outgoing, feed: self.feed.clone() }
    }

    /// The gateway.
    pub(crate) fn gateway(
        &self,
        lent: &Lent,
        projection: Projection,
        secrets: &Secrets,
        probes: Probes,
    ) -> Result<Gateway, ProductError> {
        let uploads = self.store(lent, ServiceName::Ingestion)?;
        let examiner = lent.examiner.clone();
        let examiner = examiner.ok_or_else(|| ProductError::Ended("nobody examines records".to_owned()))?;
        let (guard, temp) = (self.settings.guard.clone(), uploads.blobs().temp().to_owned());
        let bench = Bench { examiner, records: self.records.clone(), guard, temp };
        let trials = Trials { bench, projection: projection.clone(), clock: self.settings.clock.clone() };
        Ok(Gateway {
            bus: self.bus.clone(),
            projection,
            records: self.records.clone(),
            uploads,
            reconciliations: self.store(lent, ServiceName::Extraction)?,
            processed: self.store(lent, ServiceName::Validation)?,
            clock: self.settings.clock.clone(),
            pepper: secrets.pepper.clone(),
            link_secret: secrets.link.clone(),
            public_url: self.settings.public_url.clone(),
            dry_run: Arc::new(trials),
            deliveries: gateway::Deliveries::default(),
            requests_per_second: self.settings.requests_per_second,
            probes,
            stopping: self.stop.clone(),
        })
    }

    /// Hears producers, where there is NATS.
    pub(crate) fn producers(&self, producers: Producers, parts: &mut Parts) {
        let Some(link) = &self.link else { return };
        let producers = Arc::new(producers);
        let answered = nats::answer_reports(link.clone(), producers.clone(), self.stop.clone());
        parts.spawn(async move { answered.await.map_err(ProductError::from) });
        let taken = nats::take_reports(link.clone(), producers, self.stop.clone());
        parts.spawn(async move {
            taken.await;
            Ok(())
        });
    }

    /// A service's workbooks: its own folder, or copies of what another process has.
    fn store(&self, lent: &Lent, service: ServiceName) -> Result<BlobStore, ProductError> {
        match (lent.blobs.get(&service), &self.link) {
            (Some(blobs), _) => Ok(BlobStore::near(service, blobs.clone())),
            (None, Some(link)) => {
                let owners = Arc::new(vec![HostId::new(service, 0)]);
                let carrier = Carrier { link: link.clone(), owners };
                Ok(BlobStore::far(service, self.blobs(service)?, carrier))
            }
            (None, None) => Err(ProductError::Apart),
        }
    }
}
