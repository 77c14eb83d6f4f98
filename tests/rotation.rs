//! One usage file during whose life the log is sealed again and again: nothing is lost and memory stays flat.
//!
//! `ROTATION_RECORDS` and `ROTATION_BYTES` set the size (for the full figure 250000 and 524288).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ledger::fact::Total;
use ledger::{Decimal, FileId, HostId, Ledger, Moment, ObjectId, ServiceName, UsageFile};
use runtime::log::{LogSettings, Logs};
use runtime::projection::Projection;
use serde_json::{Value, json};
use usage_ledger::admin::{self, Request};
use usage_ledger::cli::Client;
use usage_ledger::demo::{DISTRIBUTOR_KEY, VENDOR_KEY, generate, reconcile};
use usage_ledger::product::{Product, Settings};

const CONTRACT: &str = "CRD-21674-67435-75488";
const PRODUCT: &str = "PRD-404-832-779";
const RECORDS: u64 = 120_000;
const ROTATE_BYTES: u64 = 128 * 1024;
/// Fewer would prove little. A busy machine rotates less often, as a third generation waits for the first to be sealed.
const ROTATIONS_MIN: u64 = 12;
/// What memory may grow by between the first rotations and the last, whatever their number.
const GROWTH_KIB_MAX: u64 = 40 * 1024;
/// And for each record of the file: what checking and reconciling hold of it while they work, tables that grow among it.
const GROWTH_RECORD_BYTES_MAX: u64 = 256;
/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(600);

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

/// Looks at memory after each five rotations until told to stop; gives rotations and KiB of each look.
fn watch(product: &Product, stop: &AtomicBool) -> Vec<(u64, u64)> {
    let mut looks: Vec<(u64, u64)> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let rotations = product.logs().health().rotations;
        if rotations >= 5 * (looks.len() as u64 + 1) {
            looks.push((rotations, resident()));
            eprintln!("after {rotations} rotations VmRSS is {} KiB", looks[looks.len() - 1].1);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    looks.push((product.logs().health().rotations, resident()));
    looks
}

/// The file's life, by its two sides.
struct Life<'a> {
    vendor: Client,
    distributor: Client,
    folder: &'a Path,
}

impl Life<'_> {
    fn wait(&self, client: &Client, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let shown = client.get(path).expect("an answer");
            if done(&shown) {
                return shown;
            }
            assert!(since.elapsed() < PATIENCE, "{path} stays {shown:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// From the draft to the last reconciliation.
    fn live(&self, source: &Path) -> FileId {
        let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT } });
        let created = self.vendor.post("usage/files", &body).expect("a draft");
        let id = FileId::parse(created["id"].as_str().expect("an id")).expect("a file's id");
        let path = format!("usage/files/{id}");
        self.vendor.upload(&format!("{path}/upload"), "usage_file", source, false).expect("an upload");
        self.vendor.post(&format!("{path}/submit"), &json!({})).expect("a submit");
        let over = |shown: &Value| shown["status"] == "pending" || shown["status"] == "invalid";
        assert_eq!(self.wait(&self.vendor, &path, over)["status"], "pending");
        self.distributor.post(&format!("{path}/accept"), &json!({})).expect("an acceptance");
        let all = format!("usage/chunks?usagefile.id={id}");
        let written = |chunks: &Value| {
            let chunks = chunks.as_array().expect("a list");
            !chunks.is_empty() && chunks.iter().all(|chunk| chunk["status"] == "ready")
        };
        for chunk in self.wait(&self.distributor, &all, written).as_array().expect("a list") {
            let chunk = chunk["id"].as_str().expect("an id");
            let (to, back) = (self.folder.join("chunk.xlsx"), self.folder.join(format!("back-{chunk}.xlsx")));
            self.distributor.download(&format!("usage/chunks/{chunk}/download"), &to).expect("a chunk");
            reconcile(&to, &back, self.folder, Moment(0)).expect("the chunk's workbook is whole");
            self.distributor.upload(&format!("{path}/reconciliation"), "recon_file", &back, false).expect("an upload");
            // One after the other: what several of them hold at once says nothing of rotations.
            self.wait(&self.distributor, &format!("usage/reconciliations?usagefile.id={id}"), |all| {
                let all = all.as_array().expect("a list");
                !all.is_empty() && all.iter().all(|one| one["status"] == "processed")
            });
        }
        self.wait(&self.vendor, &path, |shown| shown["status"] == "closed");
        id
    }
}

fn quantity<'a>(totals: impl IntoIterator<Item = &'a Total>) -> (u64, Decimal) {
    totals.into_iter().fold((0, Decimal::ZERO), |(records, sum), total| {
        (records + u64::from(total.records), sum.saturating_add(total.quantity))
    })
}

/// What was checked, extracted and closed of the file must be what its maker wrote.
fn check_totals(ledger: &Ledger, id: FileId, made: &generate::Generated) {
    let file = ledger.file(id).expect("the file");
    let extraction = file.current_extraction().expect("extracted");
    let expected = (u64::from(made.records), made.total);
    let chunks = extraction.chunks.values().flat_map(|chunk| &chunk.totals);
    assert_eq!((quantity(UsageFile::totals(file)), quantity(chunks)), (expected, expected));
    assert_eq!((extraction.closed.len(), file.stats().billed), (made.records, made.records));
    let hubs = extraction.chunks.values().map(|chunk| {
        let (records, sum) = quantity(&chunk.totals);
        (chunk.hub.as_ref().map(|hub| hub.id.clone()), (u32::try_from(records).expect("a count"), sum))
    });
    assert_eq!(hubs.collect::<std::collections::BTreeMap<_, _>>(), made.hubs);
    let lines = file.checking.summary.iter().fold(Decimal::ZERO, |sum, line| sum.saturating_add(line.quantity));
    assert_eq!(lines, made.total, "the summary by subscription and item");
}

/// The fold of every log on the disk.
fn replayed(data: &Path, projection: &Projection) -> Ledger {
    let dir = data.join("log");
    Logs::verify(&dir).expect("chains and anchor verify");
    let hosts: Vec<HostId> = ServiceName::WRITERS.iter().map(|service| HostId::new(*service, 0)).collect();
    let logs = Logs::open(&dir, &hosts, LogSettings::default()).expect("the log opens");
    let mut ledger = Ledger::default();
    for host in hosts {
        for entry in logs.reader(host).expect("a reader").own(1) {
            let entry = entry.expect("an entry");
            let event = proto::decode_event(entry.payload.as_deref().unwrap_or_default()).expect("an event");
            ledger.evolve(entry.header.sequence, &event);
        }
    }
    logs.close();
    assert_eq!(ledger.digest(), projection.read().digest(), "the logs fold to what was shown");
    ledger
}

async fn start(data: &Path, rotate_bytes: u64) -> Product {
    let mut settings = Settings::new(data, std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
    settings.rotate_bytes = rotate_bytes;
    let product = Product::start(settings).await.expect("the product starts");
    let catalog =
        std::fs::read_to_string(crate::tree::root().join("schemas/demo-catalog.json")).expect("the demo catalog");
    admin::perform(&product, Request::Import { catalog }).await.expect("a sound catalog");
    product
}

fn workbook(product: &Product, records: u64, folder: &Path) -> (PathBuf, generate::Generated) {
    let day = |text| Moment::parse_iso(text).expect("a date");
    let plan = generate::Plan {
        seed: 20,
        records: u32::try_from(records).expect("a count"),
        contract: ObjectId::new(CONTRACT).expect("an id"),
        product: ObjectId::new(PRODUCT).expect("an id"),
        from: day("2026-10-01"),
        until: day("2026-11-01"),
        record_prefix: "rotation".to_owned(),
    };
    let path = folder.join("rotation.xlsx");
    let catalog = product.bus.shelf().take();
    let made = generate::workbook(&catalog, &plan, &path, folder).expect("the workbook is made");
    (path, made)
}

#[test]
fn a_files_life_goes_through_many_rotations_with_flat_memory() {
    let (records, bytes) = (setting("ROTATION_RECORDS", RECORDS), setting("ROTATION_BYTES", ROTATE_BYTES));
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let product = runtime.block_on(start(data.path(), bytes));
    let (source, made) = workbook(&product, records, folder.path());
    let before = product.logs().health();
    let life = Life {
        vendor: Client::new(&product.url(), VENDOR_KEY),
        distributor: Client::new(&product.url(), DISTRIBUTOR_KEY),
        folder: folder.path(),
    };
    let (since, stop) = (Instant::now(), AtomicBool::new(false));
    let (id, looks) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&product, &stop));
        let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| life.live(&source)));
        stop.store(true, Ordering::Relaxed);
        let looks = watching.join().expect("looks");
        (lived.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), looks)
    });
    let took = since.elapsed();
    runtime.block_on(product.projection.catch_up());
    let (health, projection) = (product.logs().health(), product.projection.clone());
    runtime.block_on(product.stop());
    let rotations = health.rotations - before.rotations;
    check_totals(&projection.read(), id, &made);
    check_totals(&replayed(data.path(), &projection), id, &made);
    let first = looks.first().map_or(0, |(_, resident)| *resident);
    let most = looks.iter().map(|(_, resident)| *resident).max().unwrap_or(0);
    eprintln!(
        "{records} records, a rotation each {bytes} bytes: {rotations} rotations, {} segments, {} seal failures, VmRSS \
         {first} KiB after the first and {most} KiB at most, {} ms",
        health.segments,
        health.seal_failures,
        took.as_millis()
    );
    assert!(rotations >= ROTATIONS_MIN, "{rotations} rotations in the file's life");
    assert!(
        most.saturating_sub(first) < GROWTH_KIB_MAX + records * GROWTH_RECORD_BYTES_MAX / 1024,
        "memory grows with rotations: {looks:?}"
    );
}
