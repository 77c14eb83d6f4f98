//! Catalogs are imported whole or not at all, and what is known already is not recorded again.

use serde_json::{Value, json};
use usage_ledger::admin::AdminError;

use super::world::{CONTRACT, PRODUCT, Vendor, World, demo_catalog};

/// Imports what has faults and compares them, as `pointer: reason`.
fn refused(world: &World, catalog: &Value, faults: &[&str]) {
    let before = world.digests();
    let Err(AdminError::Catalog { count, listed }) = world.import(catalog) else { panic!("it was not refused") };
    let found: Vec<&str> = listed.lines().map(str::trim).collect();
    assert_eq!((count, found.as_slice()), (faults.len(), faults));
    assert_eq!(world.digests(), before, "nothing of it was recorded");
}

#[test]
fn a_catalog_that_is_imported_again_records_nothing() {
    let mut world = World::new();
    let before = world.digests();
    let again = |world: &World| world.import(&demo_catalog()).expect("a sound catalog")["recorded"].clone();
    assert_eq!(again(&world), json!(0));
    world.restart();
    assert_eq!(again(&world), json!(0));
    assert_eq!(world.digests(), before);
    // One change is one fact, and changing it back another.
    let mut changed = demo_catalog();
    changed["assets"][0]["status"] = json!("suspended");
    assert_eq!(world.import(&changed).expect("a sound catalog")["recorded"], json!(1));
    assert_ne!(world.digests().1, before.1);
    assert_eq!(again(&world), json!(1));
}

#[test]
fn an_invalid_catalog_is_refused_whole_with_every_fault_named() {
    let world = World::new();
    world.ready(CONTRACT, "before", 10);
    let mut catalog = demo_catalog();
    // Sound changes before and after the faults must not come in with them.
    catalog["accounts"][0]["name"] = json!("Back Street");
    catalog["contracts"][2]["status"] = json!("asleep");
    catalog["assets"][3]["connection"]["hub"]["id"] = json!("HB-0000-0000");
    catalog["assets"][4]["status"] = json!("suspended");
    catalog["listings"][0]["id"] = json!("LST 1");
    refused(
        &world,
        &catalog,
        &[
            "/contracts/2/status: unknown value \"asleep\"; allowed are draft, enrolling, pending, active, suspended, \
             rejected, terminated",
            "/listings/0/id: \"LST 1\" is no id: 1 to 64 letters, digits, - and _ are",
            "/assets/3/connection/hub/id: unknown hub \"HB-0000-0000\"",
        ],
    );
    let shown = world.get(Vendor, "accounts").expect(200);
    assert_eq!(shown[0]["name"], "Front Street");
}

#[test]
fn what_is_no_catalog_is_refused() {
    let world = World::new();
    for (catalog, fault) in [
        (json!([]), "expected an object, found a list"),
        (json!("text"), "expected an object, found text"),
        (json!({ "accounts": {} }), "/accounts: expected a list, found an object"),
    ] {
        refused(&world, &catalog, &[fault]);
    }
}

/// Goal: what a catalog names can be reported at once. Method: a new listing makes a refused creation possible.
#[test]
fn an_import_counts_at_once() {
    let world = World::new();
    let mut catalog = demo_catalog();
    catalog["listings"][0]["status"] = json!("unlisted");
    world.import(&catalog).expect("a sound catalog");
    let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT } });
    assert_eq!(world.post(Vendor, "usage/files", &body).refusal(), (400, "USG_022".to_owned()));
    world.import(&demo_catalog()).expect("a sound catalog");
    world.post(Vendor, "usage/files", &body).expect(201);
}
