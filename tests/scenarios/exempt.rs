//! What is never billed, and items that records bring: from the vendor's workbook to the end of the file.

use serde_json::{Value, json};

use super::sheets;
use super::world::{CONTRACT, Distributor, PRODUCT, Vendor, World, demo_catalog};

const SUBSCRIPTION: &str = "AS-8919-8653-9735";
const ITEM: &str = "AP-CPU";

/// A world whose product may do one thing more.
fn capable(pointer: &str) -> World {
    let world = World::new();
    let mut catalog = demo_catalog();
    *catalog["products"][0]["capabilities"].pointer_mut(pointer).expect("a capability") = json!(true);
    world.import(&catalog).expect("a sound catalog");
    world
}

fn october(predictive: bool) -> Value {
    json!({
        "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "predictive": predictive,
        "period": { "from": "2026-10-01T00:00:00+00:00", "to": "2026-10-31T23:59:59+00:00" },
    })
}

fn ids(prefix: &str) -> Vec<String> {
    (0..10).map(|number| format!("{prefix}-{number}")).collect()
}

/// A file of ten records of an item, ready.
fn ready(world: &World, body: &Value, prefix: &str) -> String {
    let file = world.create_with(body);
    let path = world.path(&format!("{prefix}.xlsx"));
    sheets::usage(&path, &ids(prefix), SUBSCRIPTION, ITEM);
    world.upload(&file, &path).expect(201);
    world.reach(&file, "ready");
    file
}

fn accept(world: &World, file: &str) {
    world.submit(file);
    assert_eq!(world.act(Distributor, file, "accept").expect(201)["status"], "accepted");
}

#[test]
fn an_estimate_is_closed_by_the_actual_file_and_never_billed() {
    let world = capable("/ppu/predictive");
    let estimate = ready(&world, &october(true), "estimate");
    let late = ready(&world, &october(true), "late");
    accept(&world, &estimate);
    let shown = world.wait(Vendor, &format!("usage/files/{estimate}"), |shown| shown["stats"]["closed"] == 10);
    assert_eq!(shown["status"], "accepted", "{shown:#}");
    let chunks = world.get(Distributor, &format!("usage/chunks?usagefile.id={estimate}")).expect(200);
    assert_eq!(chunks, json!([]));
    assert_eq!(world.act(Distributor, &estimate, "close").refusal(), (400, "USG_033".to_owned()));
    let actual = ready(&world, &october(false), "actual");
    accept(&world, &actual);
    world.reach(&estimate, "closed");
    assert_eq!(world.act(Vendor, &late, "submit").refusal(), (400, "USG_029".to_owned()));
    assert_eq!(world.act(Distributor, &estimate, "accept").refusal(), (400, "USG_003".to_owned()));
    world.close(Distributor, &actual);
    world.reach(&actual, "closed");
}

#[test]
fn items_that_records_bring_are_in_the_catalog_once_the_file_is_accepted() {
    let mut world = capable("/ppu/dynamic");
    let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT } });
    let file = world.create_with(&body);
    let path = world.path("brought.xlsx");
    sheets::dynamic(&path, &ids("brought"), SUBSCRIPTION, "AP-EGRESS");
    world.upload(&file, &path).expect(201);
    world.reach(&file, "ready");
    let known = |world: &World| {
        let catalog = world.product().bus.shelf().take();
        catalog.items.values().filter(|item| item.mpn == "AP-EGRESS").map(|item| item.dynamic).collect::<Vec<_>>()
    };
    assert_eq!(known(&world), [false; 0]);
    accept(&world, &file);
    world.close(Distributor, &file);
    world.reach(&file, "closed");
    // The catalog has it for the next file, which searches it like any other item.
    let shown = world.wait(Vendor, &format!("products/{PRODUCT}/items?limit=100"), |items| {
        items.as_array().is_some_and(|items| items.iter().any(|item| item["mpn"] == "AP-EGRESS"))
    });
    let shown = shown.as_array().and_then(|items| items.iter().find(|item| item["mpn"] == "AP-EGRESS"));
    let shown = shown.expect("the item");
    assert_eq!(
        (&shown["dynamic"], &shown["status"], &shown["type"]),
        (&json!(true), &json!("published"), &json!("ppu"))
    );
    world.restart();
    assert_eq!(known(&world), [true], "recorded once");
    let file = world.create_with(&body);
    let path = world.path("searched.xlsx");
    sheets::usage(&path, &ids("searched"), SUBSCRIPTION, "AP-EGRESS");
    world.upload(&file, &path).expect(201);
    world.reach(&file, "ready");
}

#[test]
fn the_consumption_of_reservations_is_closed_with_nothing_to_bill() {
    let world = capable("/reservation/consumption");
    let file = world.create(CONTRACT);
    let path = world.path("reserved.xlsx");
    sheets::usage(&path, &ids("reserved"), SUBSCRIPTION, "AP-SEAT");
    world.upload(&file, &path).expect(201);
    world.reach(&file, "ready");
    world.submit(&file);
    world.act(Distributor, &file, "accept").expect(201);
    let shown = world.reach(&file, "closed");
    let stats = &shown["stats"];
    assert_eq!((&stats["accepted"], &stats["closed"]), (&json!(10), &json!(10)));
    assert_eq!(world.get(Distributor, &format!("usage/chunks?usagefile.id={file}")).expect(200), json!([]));
}
