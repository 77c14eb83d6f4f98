//! Asking for the past: what was known when something happened is answered later with the same bytes, by any gateway,
//! and every state that a live fold ever had is found again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ledger::digest::digest_of;
use ledger::{FileId, Hash, HostId};
use runtime::past::{Positions, Stopped, catalog_at, file_at, ledger_at};
use runtime::projection::{Listener, Projection};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::http::{Answer, Body, Request, call};
use super::world::{CONTRACT, Distributor, OTHER_CONTRACT, OtherDistributor, Party, Vendor, World};
use crate::random::Random;

pub(super) const HEADER: &str = "ledger-as-of";

pub(super) fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let line = answer.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
    line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
}

pub(super) fn with(path: &str, as_of: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}as_of={}", as_of.replace('+', "%2B"))
}

/// What both parties can read about a file: lists, objects, records and sums. The file itself has links, which are of
/// the present, so that it is asked for as of now.
pub(super) fn reads(file: &str, chunk: &str) -> Vec<(Party, String)> {
    let paths = [
        "usage/files?limit=10".to_owned(),
        format!("usage/files?id={file}"),
        "usage/files?ordering(-created.at)&status=accepted".to_owned(),
        format!("usage/files/{file}/categories"),
        format!("usage/records?usagefile.id={file}&limit=1000"),
        format!("usage/records?usagefile.id={file}&status=approved&limit=0"),
        "usage/records?ordering(-end_date)&limit=20".to_owned(),
        format!("usage/records/{}", file.replace("UF-", "UR-") + "-0000-0002"),
        "usage/aggregates".to_owned(),
    ];
    let of_provider =
        ["usage/chunks?limit=100".to_owned(), format!("usage/chunks/{chunk}"), "usage/reconciliations".into()];
    let both = [Vendor, Distributor].into_iter().flat_map(|party| paths.clone().map(|path| (party, path)));
    both.chain(of_provider.map(|path| (Distributor, path))).collect()
}

/// Goal: "what did we know when this chunk was extracted" has the answer that was given then. Method: every read of then
/// is kept; records are closed, the file is reconciled and the catalog renamed; the same reads as of then, by instant and
/// by positions, from the gateway and from a second one.
#[test]
fn what_was_known_when_a_chunk_was_extracted_is_answered_later_with_the_same_bytes() {
    let world = World::apart();
    let file = world.accepted(CONTRACT, "extracted", 30);
    let chunk = world.chunks(Distributor, &file)[0]["id"].as_str().expect("an id").to_owned();
    let reads = reads(&file, &chunk);
    let then: Vec<Answer> = reads.iter().map(|(party, path)| world.get(*party, path)).collect();
    for ((_, path), answer) in reads.iter().zip(&then) {
        assert_eq!(answer.status, 200, "{path} {answer:?}");
    }
    let detail = world.get(Vendor, &with(&format!("usage/files/{file}"), "2026-11-22T00:00:00Z"));
    assert_eq!(detail.refusal(), (404, "NFND_000".to_owned()), "it wasn't there when the ledger began");
    before_the_first_fact(&world);
    let at = world.now();
    world.let_pass(3600);

    let pending = world.pending(CONTRACT, "later", 5);
    let record = world.records(Distributor, &file)[0]["id"].as_str().expect("an id").to_owned();
    let billing = json!({ "external_billing_id": "INV-7" });
    world.post(Distributor, &format!("usage/records/{record}/close"), &billing).expect(201);
    world.close(Distributor, &file);
    world.reach(&file, "closed");
    let mut catalog = super::world::demo_catalog();
    catalog["products"][0]["name"] = json!("Renamed");
    world.import(&catalog).expect("the catalog is sound");

    let mut positions = String::new();
    for ((party, path), before) in reads.iter().zip(&then) {
        let now = world.get(*party, path);
        let by_instant = world.get(*party, &with(path, &at));
        assert_eq!(by_instant.body, before.body, "{path}\n{by_instant:?}\n{before:?}");
        assert_eq!(header(&by_instant, "content-range"), header(before, "content-range"), "{path}");
        positions = header(&by_instant, HEADER).to_owned();
        assert!(positions.contains("approval-0:"), "{:?}", by_instant.head);
        assert_eq!(header(&now, HEADER), "", "the present has no such header");
    }
    let changed = reads.iter().zip(&then).filter(|((party, path), before)| world.get(*party, path).body != before.body);
    assert!(changed.count() >= 10, "what happened since shows in the present");

    let detail = with(&format!("usage/files/{file}"), &positions);
    let known = world.get(Vendor, &detail).expect(200);
    assert_eq!((&known["status"], &known["processed_file_uri"]), (&json!("accepted"), &Value::Null));
    let second = world.second_gateway(world.path("second-gateway"));
    for (party, path) in reads.iter().chain([&(Vendor, format!("usage/files/{file}"))]) {
        let path = format!("/public/v1/{}", with(path, &positions));
        let request = Request { method: "GET", path: &path, key: Some(party.key()), headers: &[], body: Body::Nothing };
        let (here, there) = (world.request(&request), call(second.address, &request));
        assert_eq!((here.status, &here.body), (200, &there.body), "{path}");
        assert_eq!([&here, &there].map(|answer| header(answer, HEADER)), [&positions; 2]);
    }
    world.end(second);
    refusals(&world, &file, &pending);
}

/// Where nothing was known yet, the answer has positions, too, and they bring it again.
fn before_the_first_fact(world: &World) {
    for path in ["usage/files?limit=10", "usage/aggregates", "usage/records"] {
        let first = world.get(Vendor, &with(path, "2020-01-01"));
        assert_eq!((first.status, first.json()), (200, json!([])), "{path}");
        let positions = header(&first, HEADER);
        assert_eq!(positions, "catalog-0:0", "{path}");
        let again = world.get(Vendor, &with(path, positions));
        assert_eq!((again.status, &again.body, header(&again, HEADER)), (200, &first.body, positions), "{path}");
    }
}

/// What isn't answered as of the past, and who doesn't see it.
fn refusals(world: &World, file: &str, pending: &str) {
    let list = |as_of: &str| world.get(Vendor, &with("usage/files", as_of));
    let sentence = |answer: Answer| answer.expect(400)["errors"][0].as_str().expect("a sentence").to_owned();
    assert!(sentence(list("2027-01-01T00:00:00Z")).contains("in the future"));
    assert!(sentence(list("yesterday")).contains("no instant like"));
    assert!(sentence(list("approval-0:999999")).contains("ends at"));
    assert!(sentence(list("approval-77:1")).contains("no log approval-77"));
    assert!(sentence(world.get(Vendor, "usage/files?as_of=2026-11-22&as_of=2026-11-22")).contains("once"));
    assert!(
        sentence(world.get(Vendor, &with("usage/products", &world.now()).replace("usage/", "")))
            .contains("Leave as_of out")
    );
    let submit = format!("usage/files/{file}/submit");
    assert!(sentence(world.post(Vendor, &with(&submit, &world.now()), &json!({}))).contains("Leave as_of out"));
    // Rejected and uploaded again it is the vendor's business only, also as it was when the provider had it.
    let at = world.now();
    world.post(Distributor, &format!("usage/files/{pending}/reject"), &json!({ "rejection_note": "no" })).expect(201);
    let shown = |party| world.get(party, &with(&format!("usage/files/{pending}"), &at)).status;
    assert_eq!([Vendor, Distributor, OtherDistributor].map(shown), [200, 200, 404]);
    world.upload(pending, &world.generate(CONTRACT, "again", 5).0).expect(201);
    assert_eq!([Vendor, Distributor].map(shown), [200, 404]);
    let listed = |party| world.get(party, &with("usage/files", &at)).json().to_string().contains(pending);
    assert_eq!([Vendor, Distributor].map(listed), [true, false]);
}

/// A state that a live fold had: how far it had heard every log, and the digests of all it knew, of each file and of the
/// catalog.
struct Lived {
    positions: BTreeMap<HostId, u64>,
    ledger: Hash,
    files: BTreeMap<FileId, Hash>,
    catalog: (u64, Hash),
}

/// Goal: the past is what it was. Method: a fold hears a random life from its beginning and is digested after every fact;
/// then each of these states is read from the logs, whole and file by file.
#[test]
fn at_every_position_the_past_is_the_state_that_a_live_fold_had() {
    let world = World::new();
    let seed = std::env::var("PAST_SEED").map_or(7, |seed| seed.parse().expect("PAST_SEED is a number"));
    live(&world, seed);
    let lived = Arc::new(Mutex::new(Vec::new()));
    let (heard, bus) = (lived.clone(), &world.product().bus);
    let positions = Mutex::new(BTreeMap::new());
    let live = Projection::new(bus.clone()).heard_by(Listener::new(move |ledger, host, sequence, _| {
        let mut positions = positions.lock().unwrap();
        positions.insert(host, sequence);
        heard.lock().unwrap().push(Lived {
            positions: positions.clone(),
            ledger: ledger.digest(),
            files: ledger.files.iter().map(|(id, file)| (*id, digest_of(file))).collect(),
            catalog: (ledger.catalog.position, digest_of(&*ledger.catalog)),
        });
    }));
    world.block_on(async {
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(live.clone().run(stopped));
        assert!(live.catch_up().await);
        stop.send(true).expect("it runs");
        running.await.expect("it ends").expect("it followed");
    });
    let lived = std::mem::take(&mut *lived.lock().unwrap());
    assert!(lived.len() > 150, "a life of {} facts; PAST_SEED={seed}", lived.len());
    for state in &lived {
        world.block_on(async { tokio::task::block_in_place(|| check(&world, &live, state, seed)) });
    }
}

fn check(world: &World, live: &Projection, state: &Lived, seed: u64) {
    let bus = &world.product().bus;
    let positions: Positions = state.positions.clone().into_iter().collect();
    assert_eq!(Positions::parse(&positions.to_string()).as_ref(), Some(&positions));
    let stopped = Stopped::default();
    let catalog = catalog_at(bus, state.catalog.0, &stopped).expect("it is read").expect("nobody stops it");
    assert_eq!(digest_of(&*catalog), state.catalog.1, "the catalog at {}; PAST_SEED={seed}", state.catalog.0);
    let ledger = ledger_at(bus, &positions, catalog.clone(), &stopped).expect("it is read").expect("nobody stops it");
    assert_eq!(ledger.digest(), state.ledger, "at {positions}; PAST_SEED={seed}");
    for (id, digest) in &state.files {
        let one = file_at(bus, *id, &live.trail(*id), &positions, &catalog).expect("it is read");
        let file = one.files.get(id).expect("it has facts");
        assert_eq!(
            digest_of(file),
            *digest,
            "{id} at {positions}; PAST_SEED={seed}\n{file:#?}\n{:#?}",
            ledger.files[id]
        );
    }
}

/// Steps of several files in an order that a seed gives; what isn't possible then is refused, which is a fact as well.
fn live(world: &World, seed: u64) {
    let mut random = Random::new(seed);
    let contracts = [(CONTRACT, Distributor), (OTHER_CONTRACT, OtherDistributor)];
    let mut files: Vec<(String, usize)> = Vec::new();
    for step in 0..36 {
        let known = if files.is_empty() { 0 } else { random.below(files.len()) };
        let choice = if files.len() < 3 && step < 6 { 0 } else { random.below(10) };
        if choice == 0 {
            let whose = random.below(contracts.len());
            files.push((world.create(contracts[whose].0), whose));
            continue;
        }
        let Some((file, whose)) = files.get(known).cloned() else { continue };
        let (contract, provider) = contracts[whose];
        let path = format!("usage/files/{file}");
        match choice {
            1 | 2 => {
                world.upload(&file, &world.generate(contract, &format!("past-{step}"), 12).0);
                world.checked(&file);
            }
            3 => drop(world.upload(&file, &world.generate_faulty(&format!("past-{step}"), 4))),
            4 | 5 => drop(world.act(Vendor, &file, "submit")),
            6 => drop(world.act(provider, &file, "accept")),
            7 => drop(world.act(provider, &file, "reject")),
            8 => drop(world.send(Vendor, "PUT", &path, Body::Json(&json!({ "note": format!("step {step}") })))),
            _ => {
                for chunk in world
                    .get(provider, &format!("usage/chunks?usagefile.id={file}"))
                    .json()
                    .as_array()
                    .into_iter()
                    .flatten()
                {
                    let path = format!("usage/chunks/{}/close", chunk["id"].as_str().expect("an id"));
                    world.post(provider, &path, &json!({ "external_billing_id": format!("INV-{step}") }));
                }
            }
        }
    }
    let accepted = world.accepted(CONTRACT, "past-last", 9);
    world.close(Distributor, &accepted);
}
