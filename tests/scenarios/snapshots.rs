//! Starting from a snapshot: what is known then is what the whole log says, whatever the snapshots are like.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use ledger::digest::digest_of;
use ledger::{Hash, HostId, ServiceName};
use runtime::blobs::Blobs;
use runtime::bus::{Bus, Neighbour};
use runtime::clock::Clock;
use runtime::decider::Decider;
use runtime::host::{Host, HostParts};
use runtime::log::{LogReader, LogSettings, Logs};
use runtime::meters::{Meters, START_POSITION};
use runtime::projection::Projection;
use runtime::records::Records;
use runtime::shelf::CatalogShelf;
use runtime::snapshot::Snapshots;
use serde_json::json;
use tokio::sync::watch;
use usage_ledger::audit::verify::Target;
use usage_ledger::product::Settings;
use usage_ledger::snapshots;

use super::http::{Body, Request, call};
use super::world::{CONTRACT, Distributor, OTHER_CONTRACT, PRODUCT, Vendor, World};
use super::{once, past};

const RECORDS: u32 = 40;

/// What a service knows by its log, and the position from which it read it.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    start: u64,
    digest: Hash,
}

/// What a service knows when it starts on a data directory.
fn known(data: &Path, id: HostId, kept: Option<Snapshots>) -> Known {
    match id.service {
        ServiceName::Catalog => {
            opened(data, id, kept, |_| catalog::CatalogService { partitions: 1, webhooks_to_private: false })
        }
        ServiceName::Approval => opened(data, id, kept, |_| approval::Approval),
        ServiceName::Ingestion => opened(data, id, kept, |_| ingestion::IngestionService::default()),
        ServiceName::Validation => opened(data, id, kept, |log| {
            let (last, _) = log.head().expect("a head");
            validation::ValidationService::open(&data.join("cache/record-ids/0"), last).expect("an index")
        }),
        ServiceName::Extraction => opened(data, id, kept, |_| extraction::ExtractionService::default()),
        ServiceName::Gateway => panic!("it has no log"),
    }
}

fn opened<D: Decider>(
    data: &Path,
    id: HostId,
    kept: Option<Snapshots>,
    decider: impl FnOnce(&LogReader) -> D,
) -> Known {
    let ids = BTreeSet::from([HostId::new(ServiceName::Catalog, 0), id]);
    let logs = Logs::open(&data.join("log"), &Vec::from_iter(ids.clone()), LogSettings::default());
    let logs = logs.expect("the log opens");
    let meters = Meters::default();
    let (mut neighbours, mut asks) = (BTreeMap::new(), BTreeMap::new());
    for id in &ids {
        let (neighbour, queue) = Neighbour::open(logs.reader(*id).expect("a reader"));
        neighbours.insert(*id, neighbour);
        asks.insert(*id, queue);
    }
    let bus = Bus::new(neighbours, CatalogShelf::default());
    let mut parts = |id: HostId, kept: Option<Snapshots>| HostParts {
        id,
        writer: logs.writer(id).expect("a writer"),
        reader: logs.reader(id).expect("a reader"),
        asks: asks.remove(&id).expect("it opens once"),
        bus: bus.clone(),
        published: None,
        blobs: Arc::new(Blobs::open(&data.join("blobs").join(id.service.name())).expect("a folder")),
        records: Records::default(),
        clock: Clock::Machine,
        cache: data.join("cache"),
        snapshots: kept.map(|kept| kept.of(&id.to_string())),
        meters: meters.clone(),
        checkpoints: None,
    };
    let beside = HostId::new(ServiceName::Catalog, 0);
    if id != beside {
        // It lays its fold for the others.
        let service = catalog::CatalogService { partitions: 1, webhooks_to_private: false };
        drop(Host::open(service, parts(beside, None)).expect("its log folds"));
    }
    let reader = logs.reader(id).expect("a reader");
    let digest = Host::open(decider(&reader), parts(id, kept)).expect("its log folds").digest();
    logs.close();
    Known { start: meters.read(&START_POSITION, &[&id.to_string()]), digest }
}

/// The snapshots of a data directory.
fn kept(data: &Path) -> Snapshots {
    snapshots::of(&Settings::new(data, ([127, 0, 0, 1], 0).into())).expect("they are kept")
}

/// The snapshots of a host, the oldest first: how far each goes, and where it is.
fn found(data: &Path, id: HostId) -> Vec<(u64, PathBuf)> {
    snapshots_in(&kept(data).of(&id.to_string()).folder)
}

/// A product that keeps what it knows as often as it can.
fn often(settings: &mut Settings) {
    settings.snapshot_after = 1;
}

/// Files in every state: closed, accepted, invalid, and some that collect records.
fn live(world: &World, round: u32) {
    let name = |what: &str| format!("{what}-{round}");
    let report = |contract: &str, record: &str| {
        let record = json!({
            "record_id": record, "item_search_criteria": "item.mpn", "item_search_value": "AP-CPU", "quantity": "4",
            "start_time_utc": "2026-10-01 00:00:00", "end_time_utc": "2026-10-02 00:00:00",
            "asset_search_criteria": "asset.id", "asset_search_value": "AS-8919-8653-9735",
        });
        let body = json!({ "contract": { "id": contract }, "product": { "id": PRODUCT }, "records": [record] });
        let told = world.ours(Vendor, "POST", "records", Body::Json(&body)).expect(200);
        assert_eq!(told["refused"], 0, "{told:#}");
        told["file"]["id"].clone()
    };
    let closed = world.accepted(CONTRACT, &name("closed"), RECORDS);
    let sealed = report(CONTRACT, &name("sealed"));
    world.close(Distributor, &closed);
    world.accepted(OTHER_CONTRACT, &name("accepted"), RECORDS);
    let sealed = sealed.as_str().expect("an id");
    world.ours(Vendor, "POST", &format!("usage/files/{sealed}/seal"), Body::Nothing).expect(201);
    world.reach(sealed, "ready");
    let invalid = world.create(CONTRACT);
    world.upload(&invalid, &world.generate_faulty(&name("invalid"), RECORDS)).expect(201);
    world.reach(&invalid, "invalid");
    for record in ["one", "two", "one"] {
        report(CONTRACT, &name(record));
    }
}

/// Goal: a snapshot changes nothing but the time of a start. Method: a product keeps what it knows as often as it can,
/// in the middle of whatever happens; each service starts from the newer one, from the older one and from none, and
/// knows the same. Then the product goes on from there. `ROUNDS=n` does it n times.
#[test]
fn a_start_from_any_snapshot_knows_what_the_whole_log_says() {
    let rounds = std::env::var("ROUNDS").map_or(2, |rounds| rounds.parse().expect("ROUNDS is a number"));
    let mut world = World::alone(often);
    let mut tried = 0;
    for round in 0..rounds {
        live(&world, round);
        let digests = world.digests();
        world.stop();
        for id in world.hosts() {
            let data = world.data_of(id);
            let whole = known(&data, id, None);
            assert_eq!(whole.start, 0);
            let found = found(&data, id);
            assert!((1..=2).contains(&found.len()), "{found:?}");
            for (position, path) in found.iter().rev() {
                let known = known(&data, id, Some(kept(&data)));
                assert_eq!(known, Known { start: *position, digest: whole.digest }, "round {round}: {id}");
                tried += 1;
                std::fs::rename(path, path.with_extension("aside")).expect("renamed");
            }
            assert_eq!(known(&data, id, Some(kept(&data))), whole, "round {round}: {id}");
            for (_, path) in &found {
                std::fs::rename(path.with_extension("aside"), path).expect("renamed");
            }
        }
        world.start();
        assert_eq!(world.digests(), digests, "round {round}");
    }
    println!("{tried} starts from snapshots");
}

/// Goal: a snapshot that is wrong costs time and nothing else. Method: every kind of wrong one in the place of the
/// newer; the service starts from the older, and knows the same.
#[test]
fn a_wrong_snapshot_is_passed_over() {
    let mut world = World::alone(often);
    live(&world, 0);
    world.stop();
    let id = HostId::new(ServiceName::Validation, 0);
    let data = world.data_of(id);
    let early = tempfile::tempdir().expect("a folder");
    let copied = |from: &Path, to: &Path| {
        let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
        assert!(done.success());
    };
    copied(&data.join("log"), early.path());
    copied(&data.join("cache"), early.path());
    world.start();
    live(&world, 1);
    world.stop();
    let whole = known(&data, id, None);
    let found = found(&data, id);
    let [(older, _), (newer, path)] = &found[..] else { panic!("two are kept: {found:?}") };
    let right = std::fs::read(path).expect("bytes");
    let neighbour = {
        let approval = HostId::new(ServiceName::Approval, 0);
        std::fs::read(&self::found(&data, approval).last().expect("one").1).expect("bytes")
    };
    let middle = right.len() / 2;
    let changed = |at: usize| [&right[..at], &[right[at] ^ 1], &right[at + 1..]].concat();
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("torn", right[..middle].to_vec()),
        ("a flipped bit", changed(middle)),
        ("another version", changed(7)),
        ("another build", changed(8)),
        ("another log", neighbour),
    ] {
        std::fs::write(path, bytes).expect("a file");
        assert_eq!(known(&data, id, Some(kept(&data))), Known { start: *older, digest: whole.digest }, "{what}");
    }
    std::fs::write(path, &right).expect("a file");
    assert_eq!(known(&data, id, Some(kept(&data))).start, *newer);

    // The log of before with the snapshots of after.
    let before = early.path();
    let whole = known(before, id, None);
    let last = self::found(before, id).last().expect("one").0;
    assert!(last < *newer);
    let folder = kept(before).of(&id.to_string()).folder;
    for (_, path) in &found {
        std::fs::copy(path, folder.join(path.file_name().expect("a name"))).expect("copied");
    }
    assert_eq!(known(before, id, Some(kept(before))), Known { start: last, digest: whole.digest });
}

/// The position from which a fold of the product went on when it started.
fn start_of(world: &World, of: &str) -> u64 {
    let metrics = Request { method: "GET", path: "/metrics", key: None, headers: &[], body: Body::Nothing };
    let page = String::from_utf8(call(world.product().address, &metrics).body).expect("text");
    let series = format!("usage_ledger_start_position{{of=\"{of}\"}} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&series)).unwrap_or_else(|| panic!("{of} in {page}"));
    line.parse().expect("a number")
}

/// Goal: a gateway that starts from a snapshot knows what one knows that reads every log. Method: beside the product's
/// own fold another one is made from the first facts on; what is known of files, where their facts stand and what can be
/// proven is the same, also after more has happened.
#[test]
fn a_gateway_that_starts_from_a_snapshot_knows_what_the_logs_say() {
    let mut world = World::tuned(often);
    live(&world, 0);
    let evidence = |fold: &Projection| format!("{:?}", *fold.evidence());
    for round in 1..3 {
        world.restart();
        assert!(start_of(&world, "gateway") > 0);
        live(&world, round);
        let fold = &world.product().projection;
        let whole = Projection::new(world.product().bus.clone());
        let (stop, stopped) = watch::channel(false);
        world.block_on(async {
            let running = tokio::spawn(whole.clone().run(stopped));
            assert!(whole.catch_up().await && fold.catch_up().await);
            stop.send(true).expect("it runs");
            running.await.expect("it ends").expect("it followed");
        });
        assert_eq!(
            (whole.read().digest(), digest_of(&*whole.read())),
            (fold.read().digest(), digest_of(&*fold.read()))
        );
        assert_eq!(evidence(&whole), evidence(fold));
        // Each host's facts stand in their order; how those of two hosts are mixed is chance.
        let steps = |fold: &Projection, file| {
            let mut steps: Vec<(HostId, u64, bool)> =
                fold.trail(file).steps.iter().map(|it| (it.host, it.sequence, it.carries_records)).collect();
            steps.sort();
            steps
        };
        for file in whole.read().files.keys() {
            assert_eq!(steps(&whole, *file), steps(fold, *file));
        }
    }
}

/// Goal: what a catalog's log has beside the catalog, its checkpoints, keeps nobody from a snapshot that goes without the
/// catalog. Method: the catalog's log is signed before the other services go on; each starts from a snapshot.
#[test]
fn a_start_takes_the_catalog_from_the_process_also_when_its_log_was_signed() {
    let mut world = World::alone(|settings| {
        settings.snapshot_after = 1;
        settings.checkpoint_after = Duration::from_millis(1);
    });
    let catalog = HostId::new(ServiceName::Catalog, 0);
    world.until("a checkpoint of the catalog's log", || {
        world.head(catalog).0 > world.product().bus.shelf().take().position
    });
    live(&world, 0);
    world.restart();
    for of in ["approval-0", "validation-0", "extraction-0", "gateway"] {
        assert!(start_of(&world, of) > 0, "{of} has read its whole log");
    }
}

/// Goal: a wrong snapshot of a gateway costs time and nothing else. Method: every kind of wrong one in the place of the
/// newer, and then of both; the gateway starts from the older one or from the logs, and shows the same.
#[test]
fn a_wrong_snapshot_of_a_gateway_is_passed_over() {
    let folder = |world: &World| kept(&world.data_of(HostId::new(ServiceName::Catalog, 0))).of("gateway").folder;
    let mut stranger = World::alone(often);
    live(&stranger, 0);
    stranger.stop();
    let strange = std::fs::read(snapshots_in(&folder(&stranger)).pop().expect("one").1).expect("bytes");
    let mut world = World::alone(often);
    live(&world, 0);
    world.stop();
    let host = HostId::new(ServiceName::Approval, 0);
    let of_a_host = std::fs::read(&found(&world.data_of(host), host).last().expect("one").1).expect("bytes");
    let kept = snapshots_in(&folder(&world));
    let [(older, first), (newer, second)] = &kept[..] else { panic!("two are kept: {kept:?}") };
    let (early, right) = (std::fs::read(first).expect("bytes"), std::fs::read(second).expect("bytes"));
    let middle = right.len() / 2;
    let changed = |at: usize| [&right[..at], &[right[at] ^ 1], &right[at + 1..]].concat();
    let mut shown = None;
    for (what, one, other, start) in [
        ("both are right", &early, right.clone(), *newer),
        ("nothing", &early, Vec::new(), *older),
        ("torn", &early, right[..middle].to_vec(), *older),
        ("a flipped bit", &early, changed(middle), *older),
        ("another build", &early, changed(8), *older),
        ("of a host", &early, of_a_host.clone(), *older),
        ("of another ledger", &early, strange, *older),
        ("both are wrong", &of_a_host, changed(middle), 0),
    ] {
        // What the start before wrote is gone again.
        std::fs::remove_dir_all(folder(&world)).expect("removed");
        std::fs::create_dir(folder(&world)).expect("a folder");
        std::fs::write(first, one).expect("a file");
        std::fs::write(second, other).expect("a file");
        world.start();
        assert_eq!(start_of(&world, "gateway"), start, "{what}");
        let files = world.get(Distributor, "usage/files?limit=100").expect(200);
        let all = (world.digests(), files);
        assert_eq!(*shown.get_or_insert_with(|| all.clone()), all, "{what}");
        world.stop();
    }
}

/// Goal: a snapshot of a gateway that says more than the logs have is passed over. Method: the data directory of before,
/// with the gateway's snapshots of after; what is shown is what was shown before, and it goes on from there.
#[test]
fn a_snapshot_of_a_gateway_that_is_ahead_of_the_logs_is_passed_over() {
    let mut world = World::alone(often);
    live(&world, 0);
    let shown = |world: &World| (world.digests(), world.get(Distributor, "usage/files?limit=100").expect(200));
    let before = shown(&world);
    world.stop();
    let data = world.data_of(HostId::new(ServiceName::Catalog, 0));
    let folder = kept(&data).of("gateway").folder;
    let last = snapshots_in(&folder).pop().expect("one").0;
    let [early, later] = ["early", "later"].map(|name| world.path(name));
    let copied = std::process::Command::new("cp").arg("-a").args([&data, &early]).status().expect("cp");
    assert!(copied.success());
    world.start();
    live(&world, 1);
    world.stop();
    std::fs::rename(&folder, &later).expect("put aside");
    std::fs::remove_dir_all(&data).expect("removed");
    std::fs::rename(&early, &data).expect("put back");
    std::fs::remove_dir_all(&folder).expect("removed");
    std::fs::rename(&later, &folder).expect("put beside it");
    let (behind, ahead): (Vec<_>, Vec<_>) = snapshots_in(&folder).into_iter().partition(|(facts, _)| *facts <= last);
    behind.iter().for_each(|(_, path)| std::fs::remove_file(path).expect("removed"));
    assert!(!ahead.is_empty(), "{behind:?}");
    world.start();
    assert_eq!(start_of(&world, "gateway"), 0);
    assert_eq!(shown(&world), before);
    live(&world, 1);
}

/// Goal: after a start from a snapshot the past is answered as before it, and so is a request that comes again. Method:
/// reads as of an instant and as of positions, and a request with a key; a start, and more that happens; the same again.
#[test]
fn after_a_start_from_a_snapshot_the_past_and_repeated_requests_are_answered_as_before() {
    let mut world = World::tuned(often);
    let create = |world: &World, name: &str| {
        let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "name": name });
        world.send_with(Vendor, "POST", "usage/files", &[("Idempotency-Key", "once")], Body::Json(&body))
    };
    let created = create(&world, "once").expect(201);
    let file = world.accepted(CONTRACT, "past", RECORDS);
    let chunk = world.chunks(Distributor, &file)[0]["id"].as_str().expect("an id").to_owned();
    let reads = past::reads(&file, &chunk);
    let at = world.now();
    world.let_pass(3600);
    world.close(Distributor, &file);
    world.reach(&file, "closed");
    let read = |world: &World, as_of: &str| {
        let answers = reads.iter().map(|(party, path)| world.get(*party, &past::with(path, as_of)));
        answers.map(|answer| (answer.status, answer.body)).collect::<Vec<_>>()
    };
    let first = world.get(Vendor, &past::with("usage/files", &at));
    let positions = past::header(&first, past::HEADER).to_owned();
    let known = read(&world, &at);
    assert!(known.iter().all(|(status, _)| *status == 200));
    for round in 0..2 {
        world.restart();
        assert!(start_of(&world, "gateway") > 0);
        assert_eq!(read(&world, &at), known, "as of {at}");
        assert_eq!(read(&world, &positions), known, "as of {positions}");
        assert_eq!(create(&world, "once").expect(201), created);
        assert_eq!(create(&world, "another").refusal(), once::reused());
        live(&world, round);
    }
}

/// Goal: `audit verify` names a snapshot that no start uses, and takes it for no fault of the ledger. Method: each kind of
/// wrong one is put in the place of a right one, of a host and of the gateway.
#[test]
fn verify_notes_wrong_snapshots() {
    let mut world = World::alone(often);
    live(&world, 0);
    world.stop();
    let id = HostId::new(ServiceName::Approval, 0);
    let data = world.data_of(id);
    let noted = || {
        let target = Target { path: &data, is_backup: false, folds: false };
        let verified = target.verify(&AtomicU64::default()).expect("it is read");
        assert!(verified.holds(), "{:?}", verified.findings);
        let noted = verified.findings.into_iter().map(|finding| (finding.host, finding.path, finding.what));
        noted.collect::<Vec<_>>()
    };
    assert_eq!(noted(), []);
    for (of, host) in [(id.to_string(), Some(id)), ("gateway".to_owned(), None)] {
        let path = snapshots_in(&kept(&data).of(&of).folder).pop().expect("one").1;
        let right = std::fs::read(&path).expect("bytes");
        let middle = right.len() / 2;
        let changed = |at: usize| [&right[..at], &[right[at] ^ 1], &right[at + 1..]].concat();
        for (bytes, why) in [
            (Vec::new(), "it isn't a snapshot of this version"),
            (right[..middle].to_vec(), "it isn't whole, or it was changed"),
            (changed(middle), "it isn't whole, or it was changed"),
            (changed(8), "it isn't whole, or it was changed"),
        ] {
            std::fs::write(&path, bytes).expect("a file");
            assert_eq!(noted(), [(host, path.clone(), format!("the snapshot can't be used: {why}"))]);
        }
        std::fs::write(&path, &right).expect("a file");
    }
    let (last, path) = found(&data, id).pop().expect("one");
    let ahead = path.with_file_name(format!("{:020}.snapshot", last + 1_000_000));
    std::fs::copy(&path, &ahead).expect("copied");
    assert_eq!(noted(), [(Some(id), ahead, "the snapshot can't be used: it is ahead of the log".to_owned())]);
}

/// The snapshots in a folder, the oldest first: how far each goes, and where it is.
fn snapshots_in(folder: &Path) -> Vec<(u64, PathBuf)> {
    let names: BTreeSet<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("a name").path()).collect();
    let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse().ok();
    names.into_iter().filter_map(|path| Some((number(&path)?, path))).collect()
}
