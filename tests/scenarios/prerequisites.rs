//! What must hold before usage is reported (seed 001): each prerequisite broken by itself, told with its own code and
//! sentence on creation and again on submit, and everything as before once it is mended.

use serde_json::{Value, json};

use super::http::Body;
use super::sheets;
use super::world::{Distributor, OtherVendor, World, demo_catalog};

/// The second vendor's product has no item besides its two metered ones, so that every prerequisite can be broken.
const PRODUCT: &str = "PRD-578-226-824";
const CONTRACT: &str = "CRD-84021-23180-87860";
const ITEM: &str = "CSC-CPU";

/// Which object of the catalog changes how, and what is refused then.
const BROKEN: [(&str, &str, &str, &str, &str); 5] = [
    (
        "contracts",
        "CRP-84021-23180-00002",
        r#"{"status": "terminated"}"#,
        "USG_020",
        "The program contract of VA-000-002 is not active. Activate it before usage is reported.",
    ),
    (
        "contracts",
        CONTRACT,
        r#"{"status": "suspended"}"#,
        "USG_021",
        "The distribution contract CRD-84021-23180-87860 is not active. Activate it before usage is reported.",
    ),
    (
        "listings",
        "LST-000-000-007",
        r#"{"status": "unlisted"}"#,
        "USG_022",
        "Product PRD-578-226-824 is not listed under contract CRD-84021-23180-87860. Activate its listing first.",
    ),
    (
        "products",
        PRODUCT,
        r#"{"capabilities": {"ppu": null, "reservation": {"consumption": false}}}"#,
        "USG_023",
        "Product PRD-578-226-824 has neither Pay-as-you-go nor consumption reporting. Enable it in its capabilities.",
    ),
    (
        "products",
        PRODUCT,
        r#"{"capabilities": {"ppu": null, "reservation": {"consumption": true}}}"#,
        "USG_025",
        "Product PRD-578-226-824 has no item that can be reported. Define one first.",
    ),
];

fn creation() -> Value {
    json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT } })
}

/// The demo catalog with some members of one object changed.
fn changed(list: &str, id: &str, members: &str) -> Value {
    let mut catalog = demo_catalog();
    let objects = catalog[list].as_array_mut().expect("a list");
    let object = objects.iter_mut().find(|object| object["id"] == id).expect("the object");
    let members: Value = serde_json::from_str(members).expect("JSON");
    for (name, value) in members.as_object().expect("members") {
        object[name] = value.clone();
    }
    catalog
}

/// A file of one record that could be submitted.
fn ready(world: &World, subscription: &str, number: usize) -> String {
    let file = world.post(OtherVendor, "usage/files", &creation()).expect(201)["id"].as_str().unwrap().to_owned();
    let path = world.path(&format!("{number}.xlsx"));
    sheets::usage(&path, &[format!("record-{number}")], subscription, ITEM);
    let to = format!("usage/files/{file}/upload");
    world.send(OtherVendor, "POST", &to, Body::Workbook("usage_file", &path)).expect(201);
    world.wait(OtherVendor, &format!("usage/files/{file}"), |shown| shown["status"] == "ready");
    file
}

#[test]
fn each_is_told_by_itself_on_creation_and_on_submit() {
    let world = World::new();
    let assets = world.get(OtherVendor, "assets?status=active").expect(200);
    let subscription = assets[0]["id"].as_str().expect("an id");
    for (number, (list, id, members, code, sentence)) in BROKEN.into_iter().enumerate() {
        let file = ready(&world, subscription, number);
        world.import(&changed(list, id, members)).expect("a sound catalog");
        let before = world.digests();
        let refused = json!({ "error_code": code, "errors": [sentence] });
        assert_eq!(world.post(OtherVendor, "usage/files", &creation()).expect(400), refused, "{id} on creation");
        assert_eq!(world.act(OtherVendor, &file, "submit").expect(400), refused, "{id} on submit");
        assert_eq!(world.digests(), before, "{id}: what was refused leaves no trace");
        world.import(&demo_catalog()).expect("a sound catalog");
        world.act(OtherVendor, &file, "submit").expect(201);
        let shown = world.wait(OtherVendor, &format!("usage/files/{file}"), |shown| shown["status"] == "pending");
        assert_eq!(shown["stats"], json!({ "uploaded": 1, "validated": 1, "pending": 1 }), "{id}");
    }
    // None of the refused creations made a file, and every file has arrived.
    let all = world.get(OtherVendor, "usage/files");
    assert_eq!(all.total(), BROKEN.len() as u64);
    assert_eq!(world.get(Distributor, "usage/files?status=pending").total(), BROKEN.len() as u64);
}
