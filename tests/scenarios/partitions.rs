//! Contracts spread over several partitions, each with writers of its own: what they share, and what grows. The other
//! scenarios run so too, with `PARTITIONS=3`.

use std::collections::BTreeSet;
use std::error::Error;

use ledger::{FileId, ObjectId};
use runtime::clock::Clock;
use runtime::feed::Form;
use runtime::nats::{Begin, Link, Subscriber, SubscriberError};
use serde_json::{Value, json};
use usage_ledger::admin::{Request, perform};

use super::feed::{Billing, check};
use super::http::Body;
use super::sheets::usage;
use super::world::{
    CONTRACT, Distributor, OTHER_CONTRACT, Operator, PRODUCT, Party, RESOLD_CONTRACT, Vendor, World, demo_catalog,
    provider_of,
};

/// How many there are here,
const PARTITIONS: u16 = 3;
/// and a contract of each, by the hash of its id.
const CONTRACTS: [&str; 3] = [OTHER_CONTRACT, CONTRACT, RESOLD_CONTRACT];
const RULES: &str = "products/PRD-404-832-779/usage/rules";
const RECORDS: u32 = 40;

fn id(file: &str) -> FileId {
    FileId::parse(file).expect("an id")
}

/// The ids that a list has for somebody.
fn listed(world: &World, party: Party, path: &str) -> BTreeSet<String> {
    let list = world.get(party, path).expect(200);
    let ids = list.as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an id").to_owned());
    ids.collect()
}

/// A file of each contract, closed.
fn closed(world: &World, prefix: &str) -> Vec<String> {
    let of = |contract: &&str| {
        let file = world.accepted(contract, &format!("{prefix}-{contract}"), RECORDS);
        world.close(provider_of(contract), &file);
        world.reach(&file, "closed");
        file
    };
    CONTRACTS.iter().map(of).collect()
}

/// What each process knows is what it must know by every log.
fn check_digests(world: &World) {
    for product in world.products() {
        // Only a gateway may read every log.
        let told = |product, logs| world.block_on(perform(product, Request::State { logs })).expect("digests");
        let equal = || {
            let (known, expected) = (told(product, false), told(world.product(), true));
            known.as_object().expect("an object").iter().all(|(host, digests)| expected[host] == *digests)
        };
        world.until("equal digests", equal);
    }
}

/// What holds wherever the partitions run.
fn check_life(world: &World) {
    let files = closed(world, "life");
    let partitions: Vec<u16> = files.iter().map(|file| id(file).partition().0).collect();
    assert_eq!(partitions, [0, 1, 2], "each in the partition of its contract");
    let listed = [Vendor, Distributor].map(|party| listed(world, party, "usage/files?limit=100"));
    let seen = listed.map(|listed| [0, 1, 2].map(|at: usize| listed.contains(&files[at])));
    assert_eq!(seen, [[true; 3], [false, true, false]]);
    // Pages of events bring each once, whatever log it is in.
    let (mut told, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.ours(Operator, "GET", &format!("events?limit=7&after={cursor}"), Body::Nothing).expect(200);
        told.extend(page["events"].as_array().expect("a list").clone());
        cursor = page["cursor"].as_str().expect("a cursor").to_owned();
        if page["more"] == json!(false) {
            break;
        }
    }
    for file in &files {
        let closings =
            told.iter().filter(|event| event["type"] == "usage_file.closed" && event["object"]["id"] == **file);
        assert_eq!(closings.count(), 1, "{file}");
    }
    check_rules(world);
    // A key is a key in every partition.
    let create = |contract: &str| {
        let body = json!({ "contract": { "id": contract }, "product": { "id": PRODUCT } });
        world.send_with(Vendor, "POST", "usage/files", &[("Idempotency-Key", "one")], Body::Json(&body))
    };
    let first = create(CONTRACT).expect(201);
    assert_eq!(create(CONTRACT).expect(201)["id"], first["id"]);
    assert_eq!(create(RESOLD_CONTRACT).refusal().0, 422);
    check_digests(world);
}

/// Goal: a rule counts from its answer on, and no longer, in partitions where it isn't kept. Method: a file of partition 1
/// is submitted at once after the rule was made, another one at once after it was deleted.
fn check_rules(world: &World) {
    let (ruled, left) = (world.ready(CONTRACT, "ruled", RECORDS), world.ready(CONTRACT, "left", RECORDS));
    let made = world.post(Distributor, RULES, &json!({ "action": "accept" })).expect(201);
    world.act(Vendor, &ruled, "submit").expect(201);
    world.reach(&ruled, "accepted");
    let rule = format!("{RULES}/{}", made["id"].as_str().expect("an id"));
    assert_eq!(world.send(Distributor, "DELETE", &rule, Body::Nothing).status, 204);
    world.submit(&left);
    let projection = world.product().projection.read();
    let approval = &projection.file(id(&left)).expect("a file").approval;
    assert!(approval.asked.is_empty() && approval.ruling.is_none(), "{approval:?}");
    drop(projection);
    // Nothing is under way when this is over.
    world.chunks(Distributor, &ruled);
}

#[test]
fn files_of_several_partitions_live_in_one_process_and_after_a_restart() {
    let mut world = World::spread(PARTITIONS);
    check_life(&world);
    let before = world.digests();
    world.restart();
    assert_eq!(world.digests(), before);
}

/// Goal: the same apart, where each process has the least rights that it needs, and one subscriber has what was accepted
/// in every partition. Method: the second partition's services are processes of their own; after everything was told
/// a subscriber that begins anew gets it all.
#[test]
fn files_of_several_partitions_live_apart_and_a_subscriber_has_them_all() {
    let mut world = World::spread_apart(PARTITIONS);
    let billings = CONTRACTS.map(|contract| {
        let party = provider_of(contract);
        (Billing::new(&mut world, contract, party, Form::Json), party)
    });
    // One is there from the start, the others come when everything was told.
    billings[1].0.add(&world, Begin::First);
    let files = CONTRACTS.map(|contract| world.accepted(contract, contract, RECORDS));
    for ((billing, party), file) in billings.iter().zip(&files) {
        billing.add(&world, Begin::First);
        let chunks = world.chunks(*party, file);
        check(&world, *party, &chunks, &billing.read_chunks(&world, "trailer", &chunks));
    }
    // From a time on there is nothing that was recorded before it, in whichever partition.
    world.let_pass(60);
    let since = world.product().clock.now();
    let next = world.accepted(CONTRACT, "next", RECORDS);
    let late = Billing::new(&mut world, "late", Distributor, Form::Json);
    late.add(&world, Begin::Time(since));
    let chunks = world.chunks(Distributor, &next);
    let told = late.read_chunks(&world, "trailer", &chunks);
    check(&world, Distributor, &chunks, &told);
    assert!(told.iter().all(|got| got.is_about(&next)), "{told:?}");
    check_life(&world);
    check_whoever_names_fewer(&world);
}

/// Goal: no subscriber silently misses what is accepted in a partition that nobody named.
fn check_whoever_names_fewer(world: &World) {
    let link = world.block_on(Link::connect(&world.link_of_setup(), Clock::Machine)).expect("a connection");
    let [name, account] = ["fewer", "PA-000-003"].map(|id| ObjectId::new(id).expect("an id"));
    for partitions in 1..PARTITIONS {
        let (name, account) = (name.clone(), account.clone());
        let subscriber = Subscriber { name, account, hub: None, product: None, form: Form::Json, partitions };
        let added = world.block_on(subscriber.add(&link, Begin::First));
        assert!(matches!(added, Err(SubscriberError::MorePartitions { .. })), "{added:?}");
    }
}

/// The demo catalog with one contract more, and the subscription of it.
fn grown(contract: &str) -> (Value, String) {
    let mut catalog = demo_catalog();
    let more = |catalog: &mut Value, list: &str, new: &str| {
        let list = catalog[list].as_array_mut().expect("a list");
        let like = |one: &&Value| one["contract"]["id"] == CONTRACT || one["id"] == CONTRACT;
        let mut one = list.iter().find(like).expect("one to copy").clone();
        one["id"] = json!(new);
        if one["contract"].is_object() {
            one["contract"]["id"] = json!(contract);
        }
        list.push(one);
    };
    let subscription = "AS-5555-5555-0001";
    for (list, new) in [("contracts", contract), ("listings", "LST-000-000-055"), ("assets", subscription)] {
        more(&mut catalog, list, new);
    }
    (catalog, subscription.to_owned())
}

/// Goal: a ledger grows. Method: a file of a ledger of one partition is read in a ledger of two, where its contract stays
/// and another one is placed in the new partition; with one partition again it refuses to start, and says what to do.
#[test]
fn a_ledger_grows_by_a_partition_and_does_not_start_without_it_again() {
    let mut world = World::spread(1);
    let old = world.accepted(CONTRACT, "old", RECORDS);
    world.stop();
    world.grow(2);
    world.start();
    let contract = "CRD-55555-00000-00002";
    let (catalog, subscription) = grown(contract);
    world.import(&catalog).expect("a sound catalog");
    assert_eq!([CONTRACT, contract].map(|contract| world.partition_of(contract)), [0, 1]);
    assert_eq!(world.records(Vendor, &old).len(), usize::try_from(RECORDS).expect("it fits"));
    let next = world.accepted(CONTRACT, "next", RECORDS);
    let new = world.create(contract);
    assert_eq!([&next, &new].map(|file| id(file).partition().0), [0, 1]);
    let path = world.path("new.xlsx");
    usage(&path, &["new-1".to_owned()], &subscription, "AP-CPU");
    world.upload(&new, &path).expect(201);
    world.reach(&new, "ready");
    world.submit(&new);
    world.stop();
    world.grow(1);
    let error = world.try_to_start().expect_err("contracts would have no writer");
    let mut reason: &dyn Error = &error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    let expected = "contract CRD-55555-00000-00002 is in partition 1, counted from 0, and this process was started for 1: \
                    start every process of the ledger with the same --partitions, as many as there ever were";
    assert_eq!(reason.to_string(), expected);
}
