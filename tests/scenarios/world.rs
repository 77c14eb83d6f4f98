//! The product with the demo catalog, its five parties, and the steps of a file's life. The clock moves by a second
//! with each request, so that nothing depends on when a test runs.
//!
//! It runs whole, or with `SHAPE=apart` as products that share nothing but a nats-server: one for each service, and with
//! `PARTITIONS=N` another one for what each has of partition 1 (`processes`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use ledger::digest::digest_of;
use ledger::{Catalog, Hash, HostId, Moment, ObjectId, ServiceName};
use runtime::nats::LinkSettings;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use usage_ledger::admin::{self, AdminError};
use usage_ledger::demo::generate;
use usage_ledger::product::{Product, Settings};

use super::http::{Answer, Body, Request, begin, call};
use crate::nats::Server;

mod processes;

/// The contract and product that files are about unless a test says otherwise: two hubs, and a subscription without.
pub(super) const CONTRACT: &str = "CRD-21674-67435-75488";
pub(super) const PREVIEW_CONTRACT: &str = "CRD-00000-00000-00000";
/// The second distributor's.
pub(super) const OTHER_CONTRACT: &str = "CRD-26225-58926-18085";
/// The reseller's own.
pub(super) const RESOLD_CONTRACT: &str = "CRD-30471-55210-90866";
pub(super) const PRODUCT: &str = "PRD-404-832-779";
/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(4);

/// Among how many partitions contracts are spread: `PARTITIONS`, or one.
fn partitions() -> u16 {
    std::env::var("PARTITIONS").map_or(1, |number| number.parse().expect("PARTITIONS is a number"))
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Vendor,
    OtherVendor,
    Distributor,
    OtherDistributor,
    Reseller,
    Operator,
}

pub(super) use Party::{Distributor, Operator, OtherDistributor, OtherVendor, Reseller, Vendor};

impl Party {
    pub(super) fn key(self) -> &'static str {
        match self {
            Vendor => usage_ledger::demo::VENDOR_KEY,
            Distributor => usage_ledger::demo::DISTRIBUTOR_KEY,
            OtherVendor => "ApiKey SU-000-000-003:demo-only-second-vendor-secret",
            OtherDistributor => "ApiKey SU-000-000-004:demo-only-second-distributor-secret",
            Reseller => "ApiKey SU-000-000-006:demo-only-reseller-secret",
            Operator => "ApiKey SU-000-000-005:demo-only-operator-secret",
        }
    }
}

/// The product and everything around it.
pub(super) struct World {
    runtime: Runtime,
    /// The one with the gateway last.
    products: Vec<Product>,
    nats: Option<Server>,
    partitions: u16,
    now: Arc<AtomicI64>,
    tune: fn(&mut Settings),
    catalog: Catalog,
    dir: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.products.is_empty() {
            self.stop();
        }
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self::tuned(|_| {})
    }

    /// A product that is run otherwise than by default.
    pub(super) fn tuned(tune: fn(&mut Settings)) -> Self {
        let apart = std::env::var_os("SHAPE").is_some_and(|shape| shape == "apart");
        Self::shaped(apart.then_some(Server::start), partitions(), tune)
    }

    /// The same in one process with one partition, whatever the variables say.
    pub(super) fn alone(tune: fn(&mut Settings)) -> Self {
        Self::shaped(None, 1, tune)
    }

    /// A product whose services run apart, whatever `SHAPE` says.
    pub(super) fn apart() -> Self {
        Self::shaped(Some(Server::start), partitions(), |_| {})
    }

    /// The same with TLS and credentials for each.
    pub(super) fn secured() -> Self {
        Self::shaped(Some(Server::start_secured), partitions(), |_| {})
    }

    /// The same of so many partitions, run otherwise than by default.
    pub(super) fn spread_tuned(partitions: u16, tune: fn(&mut Settings)) -> Self {
        Self::shaped(None, partitions, tune)
    }

    /// A product of so many partitions in one process, whatever the variables say.
    pub(super) fn spread(partitions: u16) -> Self {
        Self::shaped(None, partitions, |_| {})
    }

    /// The same apart, with credentials for each process.
    pub(super) fn spread_apart(partitions: u16) -> Self {
        Self::shaped(Some(Server::start_secured), partitions, |_| {})
    }

    fn shaped(nats: Option<fn(&Path) -> Server>, partitions: u16, tune: fn(&mut Settings)) -> Self {
        let mut world = Self::prepared(nats, partitions, tune);
        world.start();
        world.import(&demo_catalog()).expect("the demo catalog is sound");
        world.catalog = (*world.product().bus.shelf().take()).clone();
        world
    }

    /// A product in one process on a data directory that somebody else made.
    pub(super) fn found(data: &Path, partitions: u16) -> Self {
        let mut world = Self::prepared(None, partitions, |_| {});
        std::fs::rename(data, world.path("data")).expect("a directory beside it");
        world.start();
        world.catalog = (*world.product().bus.shelf().take()).clone();
        world
    }

    fn prepared(nats: Option<fn(&Path) -> Server>, partitions: u16, tune: fn(&mut Settings)) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let now = Moment::parse_iso("2026-11-22T00:00:00").unwrap().0;
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(now));
        let nats = nats.map(|start| start(&dir.path().join("nats")));
        Self { runtime, products: Vec::new(), nats, partitions, now, tune, catalog: Catalog::default(), dir }
    }

    pub(super) fn product(&self) -> &Product {
        self.products.last().expect("the product runs")
    }

    /// What the services meet on.
    pub(super) fn nats(&mut self) -> &mut Server {
        self.nats.as_mut().expect("they run apart")
    }

    /// How who makes streams and subscribers reaches it.
    pub(super) fn link_of_setup(&self) -> LinkSettings {
        self.nats.as_ref().expect("they run apart").link_of_setup(self.partitions)
    }

    /// The partition that a contract was placed in.
    pub(super) fn partition_of(&self, contract: &str) -> u16 {
        let contract = ObjectId::new(contract).expect("an id");
        self.product().bus.shelf().take().placements.get(&contract).expect("it is placed").0
    }

    /// Waits until one of two processes has ended for a fault; says whether it is the first.
    pub(super) fn first_to_end(&self, first: &Product, second: &Product) -> bool {
        self.runtime.block_on(async {
            tokio::select! {
                () = first.ended() => true,
                () = second.ended() => false,
            }
        })
    }

    /// The host of a service for a contract's files.
    pub(super) fn host_of(&self, service: ServiceName, contract: &str) -> HostId {
        HostId::new(service, self.partition_of(contract))
    }

    /// The process of a host.
    pub(super) fn product_of(&self, host: HostId) -> &Product {
        let runs = |product: &&Product| product.logs().hosts().any(|runs| runs == host);
        self.products.iter().find(runs).expect("it runs")
    }

    /// Runs something that takes its time.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Stops a product that isn't the world's own.
    pub(super) fn end(&self, product: Product) {
        self.runtime.block_on(product.stop());
    }

    /// How far the log of a host is.
    pub(super) fn head(&self, host: HostId) -> (u64, Hash) {
        let mut logs = self.products.iter().filter_map(|product| product.logs().reader(host).ok());
        let heads = logs.find_map(|log| log.head().ok());
        heads.expect("somebody has this log")
    }

    /// A place for a workbook.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn import(&self, catalog: &Value) -> Result<Value, AdminError> {
        let request = admin::Request::Import { catalog: catalog.to_string() };
        self.runtime.block_on(admin::perform(self.product(), request))
    }

    pub(super) fn wait_for<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The digests of files and catalog, once everything that was recorded is folded.
    pub(super) fn digests(&self) -> (Hash, Hash) {
        let product = self.product();
        self.runtime.block_on(product.projection.catch_up());
        let ledger = product.projection.read();
        (ledger.digest(), digest_of(&*ledger.catalog))
    }

    // Requests

    pub(super) fn send(&self, party: Party, method: &str, path: &str, body: Body<'_>) -> Answer {
        self.send_with(party, method, path, &[], body)
    }

    pub(super) fn send_with(
        &self,
        party: Party,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Answer {
        let path = format!("/public/v1/{path}");
        self.request(&Request { method, path: &path, key: Some(party.key()), headers, body })
    }

    /// The present instant, as the API writes it.
    pub(super) fn now(&self) -> String {
        Moment(self.now.load(Ordering::Relaxed)).iso()
    }

    /// Time goes by.
    pub(super) fn let_pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * Moment::SECOND, Ordering::Relaxed);
    }

    /// Any request at all.
    pub(super) fn request(&self, request: &Request<'_>) -> Answer {
        self.now.fetch_add(Moment::SECOND, Ordering::Relaxed);
        call(self.product().address, request)
    }

    /// The same, of which a stream of events is only begun.
    pub(super) fn begin(&self, request: &Request<'_>) -> Answer {
        self.now.fetch_add(Moment::SECOND, Ordering::Relaxed);
        begin(self.product().address, request)
    }

    /// The same again, and no time goes by.
    pub(super) fn at_once(&self, request: &Request<'_>) -> Answer {
        call(self.product().address, request)
    }

    /// A request below `/ledger/v1`, for what Connect doesn't have.
    pub(super) fn ours(&self, party: Party, method: &str, path: &str, body: Body<'_>) -> Answer {
        self.now.fetch_add(Moment::SECOND, Ordering::Relaxed);
        let path = format!("/ledger/v1/{path}");
        call(self.product().address, &Request { method, path: &path, key: Some(party.key()), headers: &[], body })
    }

    pub(super) fn get(&self, party: Party, path: &str) -> Answer {
        self.send(party, "GET", path, Body::Nothing)
    }

    pub(super) fn post(&self, party: Party, path: &str, body: &Value) -> Answer {
        self.send(party, "POST", path, Body::Json(body))
    }

    pub(super) fn act(&self, party: Party, file: &str, action: &str) -> Answer {
        self.post(party, &format!("usage/files/{file}/{action}"), &json!({}))
    }

    pub(super) fn upload(&self, file: &str, workbook: &Path) -> Answer {
        self.send(Vendor, "POST", &format!("usage/files/{file}/upload"), Body::Workbook("usage_file", workbook))
    }

    /// What is behind a signed link, fetched without a key.
    pub(super) fn follow(&self, link: &Value) -> Answer {
        let link = link.as_str().expect("a link");
        let path = link.strip_prefix(&self.product().url()).expect("a link to this product");
        call(self.product().address, &Request { method: "GET", path, key: None, headers: &[], body: Body::Nothing })
    }

    // Steps

    pub(super) fn create_with(&self, body: &Value) -> String {
        self.post(Vendor, "usage/files", body).expect(201)["id"].as_str().expect("an id").to_owned()
    }

    pub(super) fn create(&self, contract: &str) -> String {
        self.create_with(&json!({ "contract": { "id": contract }, "product": { "id": PRODUCT } }))
    }

    /// A sound workbook; record ids begin with the prefix, so each file needs its own.
    pub(super) fn generate(&self, contract: &str, prefix: &str, records: u32) -> (PathBuf, generate::Generated) {
        self.generate_of(contract, prefix, records, ["2026-10-01", "2026-11-01"])
    }

    /// The same of other days: from the first one on, until before the second.
    pub(super) fn generate_of(
        &self,
        contract: &str,
        prefix: &str,
        records: u32,
        [from, until]: [&str; 2],
    ) -> (PathBuf, generate::Generated) {
        let plan = generate::Plan {
            seed: 7,
            records,
            contract: ObjectId::new(contract).unwrap(),
            product: ObjectId::new(PRODUCT).unwrap(),
            from: Moment::parse_iso(from).unwrap(),
            until: Moment::parse_iso(until).unwrap(),
            record_prefix: prefix.to_owned(),
        };
        let path = self.path(&format!("{prefix}.xlsx"));
        let made = generate::workbook(&self.catalog, &plan, &path, self.dir.path()).expect("the workbook is made");
        (path, made)
    }

    /// A workbook of some sound records and one of each published fault.
    pub(super) fn generate_faulty(&self, prefix: &str, records: u32) -> PathBuf {
        let plan = generate::Plan {
            seed: 8,
            records,
            contract: ObjectId::new(CONTRACT).unwrap(),
            product: ObjectId::new(PRODUCT).unwrap(),
            from: Moment::parse_iso("2026-10-01").unwrap(),
            until: Moment::parse_iso("2026-11-01").unwrap(),
            record_prefix: prefix.to_owned(),
        };
        let path = self.path(&format!("{prefix}.xlsx"));
        generate::faulty_workbook(&self.catalog, &plan, &[], &path, self.dir.path()).expect("the workbook is made");
        path
    }

    /// Looks until a look has what was hoped for.
    pub(super) fn wait(&self, party: Party, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let shown = self.get(party, path).expect(200);
            if done(&shown) {
                return shown;
            }
            assert!(since.elapsed() < PATIENCE, "{path} stays {shown:#}");
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits for what no object shows.
    pub(super) fn until(&self, what: &str, done: impl Fn() -> bool) {
        let since = Instant::now();
        while !done() {
            assert!(since.elapsed() < PATIENCE, "not yet: {what}");
            std::thread::sleep(PAUSE);
        }
    }

    /// The file once its status is this one.
    pub(super) fn reach(&self, file: &str, status: &str) -> Value {
        self.wait(Vendor, &format!("usage/files/{file}"), |shown| shown["status"] == status)
    }

    /// The file once its upload has a verdict.
    pub(super) fn checked(&self, file: &str) -> Value {
        let busy = ["uploading", "uploaded", "processing"];
        self.wait(Vendor, &format!("usage/files/{file}"), |shown| !busy.iter().any(|status| shown["status"] == *status))
    }

    /// A file with a sound workbook, checked.
    pub(super) fn ready(&self, contract: &str, prefix: &str, records: u32) -> String {
        let file = self.create(contract);
        let (path, _) = self.generate(contract, prefix, records);
        self.upload(&file, &path).expect(201);
        let shown = self.checked(&file);
        assert_eq!(shown["status"], "ready", "{shown:#}");
        file
    }

    /// Submits a file that is ready. The arbiter may hear of the verdict a moment after it is shown: then the submit is
    /// remembered for that moment.
    pub(super) fn submit(&self, file: &str) -> Value {
        let shown = self.act(Vendor, file, "submit").expect(201);
        let remembered = shown["status"] == "ready" && shown["submit_remembered"].is_object();
        assert!(shown["status"] == "pending" || remembered, "{shown:#}");
        self.reach(file, "pending")
    }

    /// A submitted file.
    pub(super) fn pending(&self, contract: &str, prefix: &str, records: u32) -> String {
        let file = self.ready(contract, prefix, records);
        self.submit(&file);
        file
    }

    /// An accepted file whose chunks can be had.
    pub(super) fn accepted(&self, contract: &str, prefix: &str, records: u32) -> String {
        let file = self.pending(contract, prefix, records);
        let party = provider_of(contract);
        assert_eq!(self.act(party, &file, "accept").expect(201)["status"], "accepted");
        self.chunks(party, &file);
        file
    }

    /// The chunks of an accepted file, all written.
    pub(super) fn chunks(&self, party: Party, file: &str) -> Vec<Value> {
        let written = |chunks: &Value| {
            let chunks = chunks.as_array().expect("a list");
            !chunks.is_empty() && chunks.iter().all(|chunk| chunk["status"] != "draft")
        };
        let chunks = self.wait(party, &format!("usage/chunks?usagefile.id={file}"), written);
        chunks.as_array().expect("a list").clone()
    }

    /// Closes a file chunk by chunk.
    pub(super) fn close(&self, party: Party, file: &str) {
        for chunk in self.chunks(party, file) {
            let path = format!("usage/chunks/{}/close", chunk["id"].as_str().expect("an id"));
            self.post(party, &path, &json!({ "external_billing_id": "BATCH-1" })).expect(201);
        }
    }

    /// Every record of a file.
    pub(super) fn records(&self, party: Party, file: &str) -> Vec<Value> {
        let records = self.get(party, &format!("usage/records?usagefile.id={file}&limit=1000")).expect(200);
        records.as_array().expect("a list").clone()
    }
}

/// Who plays the provider of a contract's files.
pub(super) fn provider_of(contract: &str) -> Party {
    match contract {
        PREVIEW_CONTRACT => Vendor,
        RESOLD_CONTRACT => Reseller,
        OTHER_CONTRACT => OtherDistributor,
        _ => Distributor,
    }
}

/// The demo catalog's file.
pub(super) fn demo_catalog() -> Value {
    let text = std::fs::read(crate::tree::root().join("schemas/demo-catalog.json")).expect("the demo catalog");
    serde_json::from_slice(&text).expect("JSON")
}
