//! Test, preview and production: chosen on creation or taken from the contract, and which of them reach a distributor
//! (design §8, §12). Outside production the vendor plays both sides.

use serde_json::{Value, json};

use super::http::Body;
use super::sheets;
use super::world::{CONTRACT, Distributor, PREVIEW_CONTRACT, PRODUCT, Vendor, World, demo_catalog};

/// A contract of kind test, made of the production one.
const TEST_CONTRACT: &str = "CRD-90000-00000-00009";
const TEST_ASSET: &str = "AS-9000-0000-0009";
const RECORDS: usize = 5;

fn creation(contract: &str, environment: Option<&str>) -> Value {
    let mut body = json!({ "contract": { "id": contract }, "product": { "id": PRODUCT } });
    if let Some(environment) = environment {
        body["environment"] = json!(environment);
    }
    body
}

/// The demo catalog with a contract of kind test, where one subscription is.
fn with_test_contract() -> Value {
    let mut catalog = demo_catalog();
    let copy = |list: &str, id: &str| {
        let objects = catalog[list].as_array().expect("a list").clone();
        objects.into_iter().find(|object| object["id"] == id).expect("the object")
    };
    let (mut contract, mut listing) = (copy("contracts", CONTRACT), copy("listings", "LST-000-000-001"));
    let mut asset = copy("assets", "AS-8919-8653-9735");
    let reference = json!({ "id": TEST_CONTRACT, "name": "Trial" });
    (contract["id"], contract["name"], contract["kind"]) = (json!(TEST_CONTRACT), json!("Trial"), json!("test"));
    (listing["id"], listing["contract"]) = (json!("LST-900-000-009"), reference.clone());
    (asset["id"], asset["contract"], asset["external_uid"]) = (json!(TEST_ASSET), reference, json!("trial"));
    for (list, object) in [("contracts", contract), ("listings", listing), ("assets", asset)] {
        catalog[list].as_array_mut().expect("a list").push(object);
    }
    catalog
}

#[test]
fn it_is_chosen_on_creation_or_the_contracts_own() {
    let world = World::new();
    world.import(&with_test_contract()).expect("a sound catalog");
    for (contract, asked, expected) in [
        (CONTRACT, None, Ok("production")),
        (CONTRACT, Some("production"), Ok("production")),
        (CONTRACT, Some("test"), Ok("test")),
        (CONTRACT, Some("preview"), Ok("preview")),
        (PREVIEW_CONTRACT, None, Ok("preview")),
        (PREVIEW_CONTRACT, Some("test"), Ok("test")),
        (PREVIEW_CONTRACT, Some("production"), Err("Contract CRD-00000-00000-00000 is a preview contract.")),
        (TEST_CONTRACT, None, Ok("test")),
        (TEST_CONTRACT, Some("preview"), Ok("preview")),
        (TEST_CONTRACT, Some("production"), Err("Contract CRD-90000-00000-00009 is a test contract.")),
        (CONTRACT, Some("sandbox"), Err("\"sandbox\" is not one of test, preview and production.")),
    ] {
        let answer = world.post(Vendor, "usage/files", &creation(contract, asked));
        match expected {
            Ok(environment) => assert_eq!(answer.expect(201)["environment"], environment, "{contract} {asked:?}"),
            Err(sentence) => {
                let refused = json!({ "error_code": "VAL_001", "errors": [format!("environment: {sentence}")] });
                assert_eq!(answer.expect(400), refused, "{contract} {asked:?}");
            }
        }
    }
}

/// Everything that a distributor can list, as it comes.
fn lists_of_the_distributor(world: &World) -> Vec<Value> {
    let lists = ["files", "records", "chunks", "reconciliations", "aggregates"];
    lists.map(|list| world.get(Distributor, &format!("usage/{list}?limit=1000")).expect(200)).to_vec()
}

/// Goal: a trial can be gone through to its end, and nobody but the vendor hears of it. Method: the distributor's lists
/// are the same after each step, and sums over production stay what they were.
fn check_trial(contract: &str, environment: Option<&str>, subscription: &str) {
    let world = World::new();
    world.import(&with_test_contract()).expect("a sound catalog");
    world.accepted(CONTRACT, "production", 30);
    let sums = world.get(Vendor, "usage/aggregates?limit=1000").expect(200);
    let before = lists_of_the_distributor(&world);
    let unseen = |file: &str, step: &str| {
        assert_eq!(lists_of_the_distributor(&world), before, "{contract} after {step}");
        assert_eq!(world.get(Distributor, &format!("usage/files/{file}")).status, 404, "{contract} after {step}");
        let refused = world.act(Distributor, file, "accept").refusal();
        assert_eq!(refused, (404, "NFND_000".to_owned()), "{contract} after {step}");
    };

    let file = world.create_with(&creation(contract, environment));
    let ids: Vec<String> = (0..RECORDS).map(|number| format!("trial-{number}")).collect();
    let path = world.path("trial.xlsx");
    sheets::usage(&path, &ids, subscription, "AP-CPU");
    world.upload(&file, &path).expect(201);
    world.reach(&file, "ready");
    unseen(&file, "the check");
    world.submit(&file);
    unseen(&file, "submit");
    world.act(Vendor, &file, "reject").expect(201);
    unseen(&file, "reject");
    world.send(Vendor, "POST", &format!("usage/files/{file}/upload"), Body::Workbook("usage_file", &path)).expect(201);
    world.reach(&file, "ready");
    world.submit(&file);
    world.act(Vendor, &file, "accept").expect(201);
    let chunks = world.chunks(Vendor, &file);
    unseen(&file, "accept");
    world.close(Vendor, &file);
    let shown = world.reach(&file, "closed");
    unseen(&file, "its end");

    let all = RECORDS as u64;
    let stats = json!({ "uploaded": all, "validated": all, "accepted": all, "closed": all, "billed": all });
    assert_eq!(shown["stats"], stats);
    assert_eq!(chunks.len(), 1, "one subscription has one hub");
    let quantity: u64 =
        world.records(Vendor, &file).iter().map(|record| record["usage"].as_u64().expect("units")).sum();
    assert_eq!(quantity, all, "a unit each");
    assert_eq!(world.get(Vendor, "usage/aggregates?limit=1000").expect(200), sums, "a trial counts nowhere");
}

#[test]
fn a_preview_contracts_file_is_the_vendors_alone() {
    let world = World::new();
    let assets = world.get(Vendor, &format!("assets?contract.id={PREVIEW_CONTRACT}&product.id={PRODUCT}")).expect(200);
    let subscription = assets[0]["id"].as_str().expect("an id").to_owned();
    drop(world);
    check_trial(PREVIEW_CONTRACT, None, &subscription);
}

#[test]
fn a_test_contracts_file_is_the_vendors_alone() {
    check_trial(TEST_CONTRACT, None, TEST_ASSET);
}

#[test]
fn a_file_that_was_chosen_to_be_a_test_is_the_vendors_alone() {
    check_trial(CONTRACT, Some("test"), "AS-8919-8653-9735");
}
