//! Submitting: at once where the file is ready, remembered where it is still being worked on (design §7).

use serde_json::{Value, json};

use super::world::{CONTRACT, Distributor, Vendor, World, demo_catalog};

/// Enough work that a request sent right after the upload meets the file in it.
const MANY: u32 = 12_000;

/// Uploads much and submits at once; the answer must be that of a file still being worked on.
fn submit_at_once(world: &World, prefix: &str, workbook: &std::path::Path) -> String {
    let file = world.create(CONTRACT);
    world.upload(&file, workbook).expect(201);
    let first = world.act(Vendor, &file, "submit").expect(201);
    assert!(["uploaded", "processing"].iter().any(|status| first["status"] == *status), "{prefix}: {first:#}");
    let by = &first["submit_remembered"]["by"]["id"];
    assert_eq!(by, "SU-000-000-001", "{prefix}: {first:#}");
    let second = world.act(Vendor, &file, "submit").expect(201);
    assert_eq!(second["submit_remembered"], first["submit_remembered"], "the same answer again");
    assert_eq!(world.get(Distributor, &format!("usage/files/{file}")).status, 404, "nothing is submitted yet");
    file
}

#[test]
fn a_draft_can_not_be_submitted() {
    let world = World::new();
    let file = world.create(CONTRACT);
    assert_eq!(world.act(Vendor, &file, "submit").refusal(), (400, "USG_004".to_owned()));
    assert_eq!(world.get(Vendor, &format!("usage/files/{file}")).json()["status"], "draft");
}

#[test]
fn a_submit_during_the_work_is_remembered_and_carried_out() {
    let world = World::new();
    let (workbook, _) = world.generate(CONTRACT, "early", MANY);
    let file = submit_at_once(&world, "early", &workbook);
    let pending = world.reach(&file, "pending");
    assert_eq!(pending["stats"]["pending"], json!(MANY));
    assert_eq!(pending["submit_remembered"], Value::Null, "it was carried out");
    let again = world.act(Vendor, &file, "submit").expect(201);
    assert_eq!((&again["status"], &again["events"]), (&pending["status"], &pending["events"]), "the same answer again");
    assert_eq!(world.get(Distributor, &format!("usage/files/{file}")).status, 200);
}

#[test]
fn an_invalid_file_drops_a_remembered_submit_with_a_reason() {
    let world = World::new();
    let file = submit_at_once(&world, "faulty", &world.generate_faulty("faulty", MANY));
    let shown = world.wait(Vendor, &format!("usage/files/{file}"), |shown| {
        shown["status"] == "invalid" && shown["submit_remembered"].is_null()
    });
    let reason = shown["error_detail"].as_str().expect("a reason");
    assert!(reason.starts_with("The submit was dropped"), "{reason}");
    // A sound upload afterwards stays where it is until somebody submits it.
    let (workbook, _) = world.generate(CONTRACT, "sound", 20);
    world.upload(&file, &workbook).expect(201);
    let shown = world.checked(&file);
    assert_eq!((&shown["status"], &shown["error_detail"]), (&json!("ready"), &Value::Null));
    world.submit(&file);
}

#[test]
fn a_new_upload_cancels_a_remembered_submit() {
    let world = World::new();
    let (workbook, _) = world.generate(CONTRACT, "first", MANY);
    let file = submit_at_once(&world, "first", &workbook);
    let (other, _) = world.generate(CONTRACT, "second", 20);
    let shown = world.upload(&file, &other).expect(201);
    assert_eq!(shown["submit_remembered"], Value::Null, "{shown:#}");
    let shown = world.checked(&file);
    assert_eq!((&shown["status"], &shown["stats"]["uploaded"]), (&json!("ready"), &json!(20)));
    assert_eq!(shown["submit_remembered"], Value::Null);
}

/// The demo catalog with the reporting of a product switched off.
fn switched_off() -> Value {
    let mut catalog = demo_catalog();
    catalog["products"][0]["capabilities"]["ppu"] = Value::Null;
    catalog
}

#[test]
fn a_capability_that_was_switched_off_drops_a_remembered_submit() {
    let world = World::new();
    let (workbook, _) = world.generate(CONTRACT, "off-late", MANY);
    let file = submit_at_once(&world, "off-late", &workbook);
    // Once checking has begun, the records are judged by the catalog of that moment, the submit by that of its own.
    let path = format!("usage/files/{file}");
    world.wait(Vendor, &path, |shown| shown["progress"]["checked"].as_u64().is_some_and(|checked| checked > 0));
    world.import(&switched_off()).expect("a sound catalog");
    let shown = world.wait(Vendor, &path, |shown| shown["status"] == "ready" && shown["submit_remembered"].is_null());
    let reason = shown["error_detail"].as_str().expect("a reason");
    assert!(reason.contains("has neither Pay-as-you-go nor consumption reporting"), "{reason}");
    assert_eq!(world.get(Distributor, &path).status, 404);
}
