//! `Idempotency-Key`: a request that comes again gets the first answer, whatever happened since.

use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Answer, Body};
use super::world::{CONTRACT, Distributor, OtherVendor, PRODUCT, Party, Vendor, World};

fn create(world: &World, party: Party, key: &str, name: &str) -> Answer {
    let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "name": name });
    post(world, party, key, "usage/files", &body)
}

fn post(world: &World, party: Party, key: &str, path: &str, body: &Value) -> Answer {
    world.send_with(party, "POST", path, &[("Idempotency-Key", key)], Body::Json(body))
}

#[test]
fn a_create_that_comes_again_makes_no_second_file() {
    let mut world = World::new();
    let first = create(&world, Vendor, "key-1", "October").expect(201);
    let check = |world: &World, files: u64| {
        let again = create(world, Vendor, "key-1", "October").expect(201);
        assert_eq!(again["id"], first["id"]);
        assert_eq!(create(world, Vendor, "key-1", "November").refusal(), (422, "REQ_009".to_owned()));
        assert_eq!(world.get(Vendor, "usage/files").total(), files);
    };
    check(&world, 1);
    world.restart();
    check(&world, 1);
    // Neither another key nor the same body without one is a repetition.
    let second = create(&world, Vendor, "key-2", "October").expect(201);
    assert_ne!(second["id"], first["id"]);
    let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "name": "October" });
    world.create_with(&body);
    check(&world, 3);
    // The file may be anywhere in its life: the key still names it.
    let file = first["id"].as_str().expect("an id");
    let (workbook, _) = world.generate(CONTRACT, "keyed", 10);
    world.upload(file, &workbook).expect(201);
    world.checked(file);
    world.restart();
    check(&world, 3);
}

/// Goal: what others record is no part of an answer. Method: drafts until a neighbour signs its log, which their host hears
/// right after one of them, and without a payload.
#[test]
fn what_is_heard_after_a_request_changes_no_answer() {
    let mut world = World::tuned(|settings| settings.checkpoint_after = Duration::from_secs(1));
    let is_signed = |world: &World| {
        let told = world.ours(Distributor, "GET", "checkpoints", Body::Nothing).expect(200);
        told["checkpoints"].as_array().expect("a list").iter().any(|one| one["host"] == "catalog-0")
    };
    let draft = |world: &World, number: usize| {
        create(world, Vendor, &format!("key-{number}"), "October").expect(201)["id"].clone()
    };
    let mut drafts = Vec::new();
    while !is_signed(&world) {
        drafts.push(draft(&world, drafts.len()));
    }
    world.restart();
    let again: Vec<Value> = (0..drafts.len()).map(|number| draft(&world, number)).collect();
    assert_eq!(again, drafts);
}

#[test]
fn keys_of_two_accounts_never_meet() {
    let world = World::new();
    let own = create(&world, Vendor, "shared", "October").expect(201);
    let contract = json!({ "contract": { "id": "CRD-84021-23180-87860" }, "product": { "id": "PRD-578-226-824" } });
    let other = post(&world, OtherVendor, "shared", "usage/files", &contract).expect(201);
    assert_ne!(own["id"], other["id"]);
    assert_eq!(post(&world, OtherVendor, "shared", "usage/files", &contract).expect(201)["id"], other["id"]);
}

#[test]
fn an_accept_that_comes_again_is_the_same_and_a_refusal_that_may_pass_binds_nothing() {
    let mut world = World::new();
    let file = world.create(CONTRACT);
    let act = |world: &World, party, key: &str, action: &str, body: &Value| {
        post(world, party, key, &format!("usage/files/{file}/{action}"), body)
    };
    // Too early: nothing is bound, so that the same request may come again later.
    assert_eq!(act(&world, Vendor, "submit-1", "submit", &json!({})).refusal(), (400, "USG_004".to_owned()));
    let (workbook, _) = world.generate(CONTRACT, "again", 10);
    world.upload(&file, &workbook).expect(201);
    world.checked(&file);
    act(&world, Vendor, "submit-1", "submit", &json!({})).expect(201);
    world.reach(&file, "pending");
    let note = json!({ "acceptance_note": "yes" });
    let first = act(&world, Distributor, "accept-1", "accept", &note).expect(201);
    world.chunks(Distributor, &file);
    world.restart();
    let again = act(&world, Distributor, "accept-1", "accept", &note).expect(201);
    assert_eq!((&again["status"], &again["events"]), (&first["status"], &first["events"]));
    assert_eq!(act(&world, Distributor, "accept-2", "accept", &note).refusal(), (400, "USG_003".to_owned()));
    let other = json!({ "acceptance_note": "no" });
    assert_eq!(act(&world, Distributor, "accept-1", "accept", &other).refusal(), (422, "REQ_009".to_owned()));
    // The submit, too, was done once and for all.
    assert_eq!(act(&world, Vendor, "submit-1", "submit", &json!({})).expect(201)["status"], "accepted");
}
