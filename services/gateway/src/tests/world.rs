//! A gateway over real logs that tests write into, and a catalog with two sides and a stranger.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use ledger::catalog::{
    Account, Capabilities, CatalogObject, Contract, ContractKind, Environment, Hub, Item, ItemKind, Key, Listing,
    Marketplace, MarketplaceHub, Product, Schema, Subscription, SubscriptionStatus,
};
use ledger::fact::FileCreated;
use ledger::{
    Actor, Catalog, Event, EventId, Fact, FileId, Hash, HostId, Moment, Named, ObjectId, Partition, Role, ServiceName,
    Subject,
};
use runtime::blobs::Blobs;
use runtime::bus::{Bus, Neighbour};
use runtime::clock::Clock;
use runtime::log::{LogSettings, LogWriter, Logs, NewEntry};
use runtime::projection::Projection;
use runtime::records::Records;
use runtime::shelf::CatalogShelf;
use runtime::store::BlobStore;
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::{Gateway, Probes};

pub(super) const VENDOR: &str = "ApiKey SU-1:vendor-secret";
pub(super) const PROVIDER: &str = "ApiKey SU-2:provider-secret";
pub(super) const STRANGER: &str = "ApiKey SU-3:stranger-secret";
pub(super) const OPERATOR: &str = "SU-4:operator-secret";
const PEPPER: &[u8] = b"pepper";
/// 2026-11-22 00:00:00.
const NOW: i64 = 1_795_305_600 * Moment::SECOND;

pub(super) struct World {
    pub(super) router: Router,
    pub(super) gateway: Arc<Gateway>,
    now: Arc<AtomicI64>,
    writers: BTreeMap<ServiceName, LogWriter>,
    events: u8,
    _logs: Logs,
    _stop: watch::Sender<bool>,
    /// Whether the fold is said to have caught up.
    pub(super) caught_up: watch::Sender<bool>,
    pub(super) dir: tempfile::TempDir,
}

pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Vec<u8>,
}

impl Got {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.bytes)))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn error(&self) -> (u16, String, String) {
        let json = self.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (self.status.as_u16(), text(&json["error_code"]), text(&json["errors"][0]))
    }
}

impl World {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hosts: Vec<HostId> = ServiceName::WRITERS.iter().map(|&service| HostId::new(service, 0)).collect();
        let logs = Logs::open(&dir.path().join("log"), &hosts, LogSettings::default()).unwrap();
        let shelf = CatalogShelf::default();
        shelf.lay(Arc::new(catalog()));
        let readers: BTreeMap<_, _> = hosts.iter().map(|&host| (host, logs.reader(host).unwrap())).collect();
        // Nobody takes commands here: an ask is refused as unavailable.
        let neighbours = readers.iter().map(|(&host, reader)| (host, Neighbour::open(reader.clone()).0)).collect();
        let bus = Bus::new(neighbours, shelf);
        let records = Records::new(bus.sources(&ServiceName::WRITERS));
        let projection = Projection::new(bus.clone());
        let (stop, stopped) = watch::channel(false);
        let caught_up = watch::Sender::new(true);
        tokio::spawn(projection.clone().run(stopped.clone()));
        let blobs = |name: &str| Arc::new(Blobs::open(&dir.path().join(name)).unwrap());
        let now = Arc::new(AtomicI64::new(NOW));
        let gateway = Arc::new(Gateway {
            bus,
            projection,
            records,
            uploads: BlobStore::near(ServiceName::Ingestion, blobs("uploads")),
            reconciliations: BlobStore::near(ServiceName::Extraction, blobs("reconciliations")),
            processed: BlobStore::near(ServiceName::Validation, blobs("processed")),
            clock: Clock::Fixed(now.clone()),
            pepper: PEPPER.to_vec(),
            link_secret: b"link".to_vec(),
            public_url: None,
            dry_run: Arc::new(super::dry_run::Counted),
            verifies: Arc::new(crate::verification::NoDisk),
            deliveries: crate::Deliveries::default(),
            requests_per_second: 0,
            probes: Probes::alone("1.2.3".to_owned(), caught_up.subscribe()),
            stopping: stopped.clone(),
        });
        let writers = hosts.iter().map(|&host| (host.service, logs.writer(host).unwrap()));
        let mut writers: BTreeMap<ServiceName, LogWriter> = writers.collect();
        // The fold takes the catalog from the shelf as soon as it hears of one.
        let placed = Event {
            id: EventId::default(),
            subject: Subject::Object(id("CRD-1")),
            cause: Hash::ZERO,
            actor: Actor::Operator,
            surface: ledger::Surface::Api,
            recorded_at: Moment(NOW),
            fact: Fact::ContractPlaced { partition: Partition(0) },
        };
        let entry = NewEntry::Own { id: None, payload: proto::encode_event(&placed) };
        writers.get_mut(&ServiceName::Catalog).unwrap().append(vec![entry]).unwrap();
        let router = crate::router(gateway.clone());
        Self { router, gateway, now, writers, events: 0, _logs: logs, _stop: stop, caught_up, dir }
    }

    pub(super) fn wait_seconds(&self, seconds: i64) {
        self.now.fetch_add(seconds * Moment::SECOND, Ordering::Relaxed);
    }

    /// Records a fact about a file as its emitter would, and gives its sequence.
    pub(super) async fn say(&mut self, file: FileId, actor: &str, fact: Fact) -> u64 {
        self.say_of(Subject::File(file), actor, fact).await
    }

    /// The same, about whatever it is.
    pub(super) async fn say_of(&mut self, subject: Subject, actor: &str, fact: Fact) -> u64 {
        let key = Named { id: id(actor), name: format!("{actor} name") };
        self.record(subject, Actor::Key { key, account: id("VA-1") }, fact).await
    }

    /// What a service did by itself.
    pub(super) async fn say_by_service(&mut self, file: FileId, fact: Fact) -> u64 {
        self.record(Subject::File(file), Actor::Service(fact.emitter()), fact).await
    }

    async fn record(&mut self, subject: Subject, actor: Actor, fact: Fact) -> u64 {
        self.events += 1;
        let event = Event {
            id: EventId([self.events; 16]),
            subject,
            cause: Hash::ZERO,
            actor,
            surface: ledger::Surface::Api,
            recorded_at: Moment(NOW + i64::from(self.events) * Moment::SECOND),
            fact,
        };
        let writer = self.writers.get_mut(&event.fact.emitter()).unwrap();
        let entry = NewEntry::Own { id: None, payload: proto::encode_event(&event) };
        let appended = writer.append(vec![entry]).unwrap();
        let sequence = appended.headers[0].sequence;
        appended.ticket.await.unwrap();
        self.gateway.projection.catch_up().await;
        sequence
    }

    pub(super) async fn call(&self, request: Request<Body>) -> Got {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Got { status: parts.status, headers: parts.headers, bytes }
    }

    pub(super) async fn get(&self, key: &str, path: &str) -> Got {
        self.send("GET", key, path, Body::empty()).await
    }

    pub(super) async fn post(&self, key: &str, path: &str, body: &str) -> Got {
        self.send("POST", key, path, Body::from(body.to_owned())).await
    }

    pub(super) async fn send(&self, method: &str, key: &str, path: &str, body: Body) -> Got {
        let uri = if path.starts_with('/') { path.to_owned() } else { format!("/public/v1/{path}") };
        let request = Request::builder().method(method).uri(uri).header("host", "ledger.test:8080");
        let request = if key.is_empty() { request } else { request.header("authorization", key) };
        self.call(request.body(body).unwrap()).await
    }

    pub(super) async fn form(&self, key: &str, path: &str, form: &str) -> Got {
        let request = Request::builder().method("POST").uri(format!("/public/v1/{path}"));
        let request = request.header("authorization", key).header("content-type", "multipart/form-data; boundary=cut");
        self.call(request.body(Body::from(form.replace('\n', "\r\n"))).unwrap()).await
    }
}

pub(super) fn id(text: &str) -> ObjectId {
    ObjectId::new(text).unwrap()
}

pub(super) fn named(text: &str) -> Named {
    Named { id: id(text), name: format!("{text} name") }
}

pub(super) fn file(count: u32) -> FileId {
    FileId::new(2026, 11, Partition(0), count).unwrap()
}

/// What a file of the one contract is created as.
pub(super) fn created(environment: Environment) -> FileCreated {
    FileCreated {
        predictive: false,
        reported: false,
        time_zone: String::new(),
        name: "October".to_owned(),
        external_id: "vendor-1".to_owned(),
        description: " kept\tas it is ".to_owned(),
        note: String::new(),
        period: None,
        currency: None,
        environment,
        schema: Schema::Qt,
        product: named("PRD-1"),
        contract: named("CRD-1"),
        marketplace: named("MP-1"),
        vendor: named("VA-1"),
        provider: named("PA-1"),
    }
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.position = 1;
    record_accounts(&mut catalog);
    record_trade(&mut catalog);
    for number in 1..=3 {
        catalog.record(CatalogObject::Subscription(subscription(number)));
    }
    catalog
}

fn source(id: &str, rest: &str) -> String {
    format!("{{\"id\":\"{id}\",\"name\":\"{id} name\"{rest}}}")
}

fn record_accounts(catalog: &mut Catalog) {
    for (account, key, secret, role) in [
        ("VA-1", "SU-1", "vendor-secret", Role::Vendor),
        ("PA-1", "SU-2", "provider-secret", Role::Distributor),
        ("VA-2", "SU-3", "stranger-secret", Role::Vendor),
        ("OP-1", "SU-4", "operator-secret", Role::Operator),
    ] {
        let icon = format!(",\"icon\":\"/media/{account}.png\"");
        catalog.record(CatalogObject::Account(Account { named: named(account), role, source: source(account, &icon) }));
        let hash = Hash::of_parts(&[b"usage-ledger key", PEPPER, key.as_bytes(), secret.as_bytes()]);
        let key = Key {
            named: named(key),
            account: id(account),
            secret_hash: hash,
            revoked: false,
            scopes: ledger::Scopes::default(),
        };
        catalog.record(CatalogObject::Key(key));
    }
    let hash = Hash::of_parts(&[b"usage-ledger key", PEPPER, b"SU-5", b"old"]);
    let key = Key {
        named: named("SU-5"),
        account: id("VA-1"),
        secret_hash: hash,
        revoked: true,
        scopes: ledger::Scopes::default(),
    };
    catalog.record(CatalogObject::Key(key));
}

/// What is sold, where, and under which contract.
fn record_trade(catalog: &mut Catalog) {
    catalog.record(CatalogObject::Hub(Hub { named: named("HB-1"), source: source("HB-1", "") }));
    let hubs = vec![MarketplaceHub { hub: id("HB-1"), external_id: None }];
    let currency = source("MP-1", ",\"currency\":\"USD\"");
    catalog.record(CatalogObject::Marketplace(Marketplace {
        named: named("MP-1"),
        currency: Some("USD".to_owned()),
        hubs,
        source: currency,
    }));
    let capabilities = Capabilities { pay_as_you_go: Some(Schema::Qt), ..Capabilities::default() };
    catalog.record(CatalogObject::Product(Product {
        named: named("PRD-1"),
        owner: id("VA-1"),
        capabilities,
        source: source("PRD-1", ",\"parameters\":[{\"id\":\"tenant\"}]"),
    }));
    let local = ",\"local_id\":\"vm_hours\"";
    catalog.record(CatalogObject::Item(item("PRD-1-0001", ("VM", "unit*h", 2), ItemKind::PayAsYouGo, local)));
    catalog.record(CatalogObject::Item(item("PRD-1-0002", ("SEAT", "seat", 0), ItemKind::Reservation, "")));
    catalog.record(CatalogObject::Contract(Contract {
        named: named("CRD-1"),
        kind: ContractKind::Distribution,
        active: true,
        environment: Environment::Production,
        vendor: id("VA-1"),
        provider: Some(id("PA-1")),
        marketplace: Some(id("MP-1")),
        source: source("CRD-1", ",\"type\":\"distribution\",\"status\":\"active\""),
    }));
    let (product, contract) = (id("PRD-1"), id("CRD-1"));
    let listing = Listing { id: id("LST-1"), listed: true, product, contract, source: source("LST-1", "") };
    catalog.record(CatalogObject::Listing(listing));
}

fn item(name: &str, (mpn, unit, places): (&str, &str, u8), kind: ItemKind, rest: &str) -> Item {
    Item {
        dynamic: false,
        named: named(name),
        product: id("PRD-1"),
        mpn: mpn.to_owned(),
        unit: unit.to_owned(),
        period: "monthly".to_owned(),
        kind,
        places,
        source: format!("{{\"id\":\"{name}\",\"name\":\"{name} name\"{rest}}}"),
    }
}

fn subscription(number: u32) -> Subscription {
    let name = format!("AS-{number}");
    Subscription {
        id: id(&name),
        status: SubscriptionStatus::Active,
        ended_at: None,
        product: id("PRD-1"),
        contract: id("CRD-1"),
        hub: Some(named("HB-1")),
        external_id: format!("ext-{number}"),
        external_uid: format!("uid-{number}"),
        customer_external_id: String::new(),
        customer_name: String::new(),
        parameters: Vec::new(),
        items: Vec::new(),
        source: format!(
            "{{\"id\":\"{name}\",\"status\":\"active\",\"product\":{{\"id\":\"PRD-1\"}},\"contract\":{{\"id\":\"CRD-1\"}}}}"
        ),
    }
}
