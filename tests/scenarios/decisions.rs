//! Three things that are asked for beside accepting and rejecting: approving all records, reading a workbook again, and
//! sums of what was accepted.

use std::collections::BTreeMap;

use ledger::{Decimal, ObjectId};
use serde_json::{Value, json};

use super::http::Body;
use super::world::{CONTRACT, Distributor, PREVIEW_CONTRACT, Party, Vendor, World, demo_catalog};

const RECORDS: u32 = 30;

fn statuses(world: &World, file: &str) -> Vec<String> {
    let mut found: Vec<String> =
        world.records(Vendor, file).iter().map(|it| it["status"].as_str().expect("a status").to_owned()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn approve(world: &World, file: &str) -> Value {
    world.send(Distributor, "PUT", &format!("usage/files/{file}/approve-all"), Body::Nothing).expect(200)
}

#[test]
fn approving_all_records_leaves_the_file_pending_until_it_is_decided() {
    let world = World::new();
    for (prefix, action, status, records) in
        [("accepted", "accept", "accepted", "approved"), ("rejected", "reject", "rejected", "rejected")]
    {
        let file = world.pending(CONTRACT, prefix, RECORDS);
        assert_eq!(statuses(&world, &file), ["valid"]);
        let shown = approve(&world, &file);
        let pending = json!({ "uploaded": RECORDS, "validated": RECORDS, "pending": RECORDS });
        assert_eq!((&shown["status"], &shown["stats"]), (&json!("pending"), &pending));
        assert_eq!(statuses(&world, &file), ["approved"]);
        let digests = world.digests();
        approve(&world, &file);
        assert_eq!(world.digests(), digests, "a second time there is nothing to do");
        world.act(Distributor, &file, action).expect(201);
        world.reach(&file, status);
        assert_eq!(statuses(&world, &file), [records]);
    }
    let all = RECORDS;
    let accepted = &world.get(Distributor, "usage/files?status=accepted").expect(200)[0]["stats"];
    assert_eq!(accepted, &json!({ "uploaded": all, "validated": all, "accepted": all }));
}

#[test]
fn a_workbook_is_read_again_against_todays_catalog() {
    let world = World::new();
    let (workbook, made) = world.generate(CONTRACT, "again", RECORDS);
    let mut broken = demo_catalog();
    let asleep = made.sums.keys().next().expect("a subscription").0.clone();
    let assets = broken["assets"].as_array_mut().expect("a list").iter_mut();
    assets.filter(|asset| asset["id"] == asleep.as_str()).for_each(|asset| asset["status"] = json!("processing"));
    world.import(&broken).expect("a sound catalog");
    let file = world.create(CONTRACT);
    world.upload(&file, &workbook).expect(201);
    let invalid = world.reach(&file, "invalid");
    let faulty: u32 = made.sums.iter().filter(|((asset, _), _)| *asset == asleep).map(|(_, (count, _))| count).sum();
    assert_eq!(invalid["stats"]["invalid"], json!(faulty));

    world.import(&demo_catalog()).expect("a sound catalog");
    assert_eq!(world.get(Vendor, &format!("usage/files/{file}")).expect(200)["status"], "invalid", "not by itself");
    world.act(Vendor, &file, "reprocess").expect(201);
    let ready = world.reach(&file, "ready");
    assert_eq!(ready["stats"], json!({ "uploaded": RECORDS, "validated": RECORDS }));
    world.submit(&file);
    world.act(Distributor, &file, "accept").expect(201);
    world.chunks(Distributor, &file);
    // What was decided stays decided: nothing is read again then.
    let before = world.digests();
    assert_eq!(world.act(Distributor, &file, "reprocess").expect(201)["status"], "accepted");
    assert_eq!(world.digests(), before);
    assert_eq!(aggregates(&world, Distributor, ""), sums([&made.sums]));
}

type Sums = BTreeMap<(ObjectId, ObjectId), Decimal>;

fn sums<'a>(files: impl IntoIterator<Item = &'a BTreeMap<(ObjectId, ObjectId), (u32, Decimal)>>) -> Sums {
    let mut all = Sums::new();
    for ((asset, item), (_, quantity)) in files.into_iter().flatten() {
        let sum = all.entry((asset.clone(), item.clone())).or_insert(Decimal::ZERO);
        *sum = sum.saturating_add(*quantity);
    }
    all
}

/// What a list of aggregates says of each subscription and item.
fn aggregates(world: &World, party: Party, of_asset: &str) -> Sums {
    let path =
        if of_asset.is_empty() { "usage/aggregates".to_owned() } else { format!("assets/{of_asset}/usage/aggregates") };
    let list = world.get(party, &format!("{path}?limit=1000")).expect(200);
    let id = |value: &Value| ObjectId::new(value["id"].as_str().expect("an id")).expect("an id");
    let line = |one: &Value| {
        let accepted = Decimal::parse(&one["accepted"].to_string()).expect("a number");
        assert_eq!(one["consumed"], one["accepted"], "of metered items");
        assert!(one["events"]["last_reported"]["at"].is_string(), "{one:#}");
        ((id(&one["asset"]), id(&one["item"])), accepted)
    };
    list.as_array().expect("a list").iter().map(line).collect()
}

#[test]
fn aggregates_are_the_sums_of_what_was_accepted() {
    let world = World::new();
    let mut accepted = Vec::new();
    for prefix in ["first", "second"] {
        let (_, made) = world.generate(CONTRACT, prefix, RECORDS);
        let file = world.accepted(CONTRACT, prefix, RECORDS);
        accepted.push((file, made));
    }
    // None of these was accepted for billing.
    world.pending(CONTRACT, "pending", RECORDS);
    let rejected = world.pending(CONTRACT, "rejected", RECORDS);
    world.act(Distributor, &rejected, "reject").expect(201);
    world.accepted(PREVIEW_CONTRACT, "preview", RECORDS);

    let expected = sums(accepted.iter().map(|(_, made)| &made.sums));
    for party in [Vendor, Distributor] {
        assert_eq!(aggregates(&world, party, ""), expected, "{party:?}");
    }
    let assets: Vec<ObjectId> = expected.keys().map(|(asset, _)| asset.clone()).collect();
    for asset in &assets {
        let own: Sums =
            expected.iter().filter(|((of, _), _)| of == asset).map(|(key, sum)| (key.clone(), *sum)).collect();
        assert_eq!(aggregates(&world, Distributor, asset.as_str()), own, "{asset}");
    }
    // Billing changes nothing of what was used.
    world.close(Distributor, &accepted[0].0);
    world.reach(&accepted[0].0, "closed");
    assert_eq!(aggregates(&world, Vendor, ""), expected);
}
