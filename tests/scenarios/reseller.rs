//! A reseller is the provider of its own contracts: a whole life under one, of which the distributor of another contract
//! of the same vendor and product hears nothing.

use ledger::Decimal;
use serde_json::{Value, json};

use super::sheets::column;
use super::world::{CONTRACT, Distributor, Party, RESOLD_CONTRACT, Reseller, Vendor, World};

const RECORDS: u32 = 40;

/// Everything that a provider can list.
fn lists(world: &World, party: Party) -> Vec<Value> {
    let lists = ["usage/files", "usage/records", "usage/chunks", "usage/reconciliations", "usage/aggregates"];
    let catalog = ["contracts", "marketplaces", "hubs", "listings", "assets"];
    let all = lists.into_iter().chain(catalog);
    all.map(|list| world.get(party, &format!("{list}?limit=1000")).expect(200)).collect()
}

fn sum(values: impl IntoIterator<Item = String>) -> Decimal {
    let parsed = values.into_iter().map(|text| Decimal::parse(&text).expect("a number"));
    parsed.fold(Decimal::ZERO, |sum, value| sum.saturating_add(value))
}

#[test]
fn a_resellers_own_contract_from_creation_to_closing() {
    let world = World::new();
    world.accepted(CONTRACT, "distributors", 20);
    let others = lists(&world, Distributor);
    assert_eq!(world.get(Reseller, "usage/files").total(), 0, "the distributor's file is not its own");

    let (workbook, made) = world.generate(RESOLD_CONTRACT, "resold", RECORDS);
    let file = world.create(RESOLD_CONTRACT);
    world.upload(&file, &workbook).expect(201);
    world.reach(&file, "ready");
    assert_eq!(world.get(Reseller, &format!("usage/files/{file}")).status, 404, "not before it is submitted");
    world.submit(&file);
    assert_eq!(lists(&world, Distributor), others, "after submit");
    let shown = world.post(Reseller, &format!("usage/files/{file}/accept"), &json!({ "acceptance_note": "ok" }));
    let shown = shown.expect(201);
    assert_eq!((&shown["status"], &shown["provider"]["id"]), (&json!("accepted"), &json!("PA-000-005")));

    let chunks = world.chunks(Reseller, &file);
    let hubs: Vec<_> = chunks.iter().map(|chunk| chunk["binding"]["hub"]["id"].as_str()).collect();
    assert_eq!(hubs, [None, Some("HB-3456-3456")], "what was sold without a hub, and its own hub");
    assert_eq!(lists(&world, Distributor), others, "after accept");
    let download = |chunk: &Value| {
        let path = format!("usage/chunks/{}/download", chunk["id"].as_str().expect("an id"));
        assert_eq!(world.get(Distributor, &path).status, 404);
        column(&world.get(Reseller, &path).body, "quantity")
    };
    assert_eq!(sum(chunks.iter().flat_map(download)), made.total, "what it bills is what was reported");

    world.close(Reseller, &file);
    let closed = world.reach(&file, "closed");
    let all = json!({
        "uploaded": RECORDS, "validated": RECORDS, "accepted": RECORDS, "closed": RECORDS, "billed": RECORDS,
    });
    assert_eq!((&closed["stats"], &closed["events"]["closed"]["by"]["id"]), (&all, &json!("SU-000-000-006")));
    assert_eq!(lists(&world, Distributor), others, "after its end");
    let aggregates = world.get(Reseller, "usage/aggregates?limit=1000").expect(200);
    let accepted = aggregates.as_array().expect("a list").iter().map(|one| one["accepted"].to_string());
    assert_eq!(sum(accepted), made.total);
    let by_vendor = world.get(Vendor, &format!("usage/records?usagefile.id={file}&status=closed"));
    assert_eq!(by_vendor.total(), u64::from(RECORDS));
}
