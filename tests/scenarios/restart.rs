//! Stopping and starting at any moment: what was known is known again, and it doesn't matter in which order the
//! services' facts are folded (design §11, 3 and 7).

use ledger::{Event, Hash, HostId, Ledger, ServiceName};
use runtime::log::{LogSettings, Logs};
use serde_json::json;

use super::world::{CONTRACT, Distributor, Vendor, World};

/// Enough work that the product can be stopped in it.
const MANY: u32 = 9_000;

/// Every service's facts with their sequences, in the order of its own chain.
fn histories(world: &World) -> Vec<Vec<(u64, Event)>> {
    let history = |host: HostId| {
        let dir = world.data_of(host).join("log");
        Logs::verify(&dir).expect("chains and anchor verify");
        let logs = Logs::open(&dir, &[host], LogSettings::default()).expect("the log opens");
        let own = logs.reader(host).expect("a reader").own(1).map(|entry| {
            let entry = entry.expect("an entry");
            let event = proto::decode_event(entry.payload.as_deref().unwrap_or_default()).expect("an event");
            (entry.header.sequence, event)
        });
        let own = own.collect();
        logs.close();
        own
    };
    world.hosts().into_iter().map(history).collect()
}

/// Facts of one service stay in order; `pick` says whose turn it is among those that have some left.
fn fold(histories: &[Vec<(u64, Event)>], mut pick: impl FnMut(usize) -> usize) -> Hash {
    let mut ledger = Ledger::default();
    let mut rest: Vec<_> = histories.iter().map(|history| history.iter()).collect();
    while !rest.is_empty() {
        let turn = pick(rest.len());
        match rest[turn].next() {
            Some((sequence, event)) => ledger.evolve(*sequence, event),
            None => drop(rest.remove(turn)),
        }
    }
    ledger.digest()
}

/// The digest of what is on the disk, which has to be the same in every order.
fn folded(world: &World) -> Hash {
    let histories = histories(world);
    let expected = fold(&histories, |_| 0);
    assert_eq!(fold(&histories, |left| left - 1), expected, "the services in reverse");
    let mut turn = 0;
    let in_turns = |left: usize| {
        turn += 1;
        turn % left
    };
    assert_eq!(fold(&histories, in_turns), expected, "each service in its turn");
    for seed in 1..=3_u64 {
        let mut state = seed;
        let at_random = |left: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % left
        };
        assert_eq!(fold(&histories, at_random), expected, "at random, seed {seed}");
    }
    expected
}

/// Stops and starts while nothing is under way: before, on the disk and after, the same is known.
fn restart_at_rest(world: &mut World, moment: &str) {
    let (before, catalog) = world.digests();
    world.stop();
    assert_eq!(folded(world), before, "{moment}: the log holds what was shown");
    world.start();
    assert_eq!(world.digests(), (before, catalog), "{moment}: the same is shown again");
}

/// Stops in the middle of work: what was answered stays, and the work goes on after the start.
fn restart_at_work(world: &mut World) {
    world.stop();
    folded(world);
    world.start();
}

#[test]
fn a_restart_at_any_moment_changes_nothing() {
    let mut world = World::new();
    restart_at_rest(&mut world, "with a catalog only");
    let file = world.create(CONTRACT);
    restart_at_rest(&mut world, "draft");
    let (workbook, _) = world.generate(CONTRACT, "restart", 200);
    world.upload(&file, &workbook).expect(201);
    world.checked(&file);
    restart_at_rest(&mut world, "ready");
    world.submit(&file);
    restart_at_rest(&mut world, "pending");
    world.act(Distributor, &file, "reject").expect(201);
    restart_at_rest(&mut world, "rejected");
    world.upload(&file, &workbook).expect(201);
    world.checked(&file);
    world.submit(&file);
    world.act(Distributor, &file, "accept").expect(201);
    let chunks = world.chunks(Distributor, &file);
    restart_at_rest(&mut world, "accepted");
    let records = world.records(Distributor, &file);
    let billing = json!([{ "id": records[0]["id"], "external_billing_id": "INV-1" }]);
    world.post(Distributor, "usage/records/close-records", &billing).expect(206);
    restart_at_rest(&mut world, "a record closed");
    let path = format!("usage/chunks/{}/close", chunks[0]["id"].as_str().expect("an id"));
    world.post(Distributor, &path, &json!({ "external_billing_id": "BATCH-1" })).expect(201);
    restart_at_rest(&mut world, "a chunk closed");
    for chunk in &chunks[1..] {
        let path = format!("usage/chunks/{}/close", chunk["id"].as_str().expect("an id"));
        world.post(Distributor, &path, &json!({ "external_billing_id": "BATCH-1" })).expect(201);
    }
    world.reach(&file, "closed");
    restart_at_rest(&mut world, "closed");
    let (before, _) = world.digests();
    world.stop();
    std::fs::remove_dir_all(world.data_of(HostId::new(ServiceName::Validation, 0)).join("cache"))
        .expect("there is a cache");
    world.start();
    assert_eq!(world.digests().0, before, "caches are no part of what is known");
}

#[test]
fn a_restart_in_the_middle_of_work_only_delays_it() {
    let mut world = World::new();
    let (workbook, made) = world.generate(CONTRACT, "busy", MANY);
    let file = world.create(CONTRACT);
    world.upload(&file, &workbook).expect(201);
    // Remembered over every restart that follows.
    world.act(Vendor, &file, "submit").expect(201);
    restart_at_work(&mut world);
    let path = format!("usage/files/{file}");
    let checked = |shown: &serde_json::Value| shown["progress"]["checked"].as_u64().is_some_and(|checked| checked > 0);
    world.wait(Vendor, &path, |shown| shown["status"] == "pending" || checked(shown));
    restart_at_work(&mut world);
    let pending = world.reach(&file, "pending");
    assert_eq!(pending["stats"]["validated"], json!(MANY));
    world.act(Distributor, &file, "accept").expect(201);
    restart_at_work(&mut world);
    let chunks = world.chunks(Distributor, &file);
    let records: u64 = chunks.iter().filter_map(|chunk| chunk["stats"]["accepted"].as_u64()).sum();
    assert_eq!((records, chunks.len()), (u64::from(made.records), made.hubs.len()), "{chunks:#?}");
    world.close(Distributor, &file);
    world.reach(&file, "closed");
    restart_at_rest(&mut world, "closed");
}

/// Goal: a process that opens its data again at once is let in. Method: stops right after a write, many times; the
/// database's own threads may hold its file a moment longer than we do.
#[test]
fn a_stop_is_followed_by_a_start_at_once() {
    let mut world = World::new();
    for number in 1..=20 {
        world.create(CONTRACT);
        world.restart();
        assert_eq!(world.get(Vendor, "usage/files?limit=0").total(), number);
    }
}
