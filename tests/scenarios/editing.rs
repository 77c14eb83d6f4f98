//! Vendors edit their own products and items, and what is checked after that goes by it.

use serde_json::{Value, json};

use super::http::{Answer, Body};
use super::sheets;
use super::world::{CONTRACT, Distributor, Operator, OtherVendor, PRODUCT, Party, Vendor, World, demo_catalog};

const SUBSCRIPTION: &str = "AS-8919-8653-9735";

fn product() -> String {
    format!("products/{PRODUCT}")
}

fn items() -> String {
    format!("products/{PRODUCT}/items")
}

fn put(world: &World, party: Party, path: &str, body: &Value) -> Answer {
    world.send(party, "PUT", path, Body::Json(body))
}

/// A refusal of a field, with its sentence.
fn sentence(answer: &Answer) -> String {
    assert_eq!(answer.refusal(), (400, "VAL_001".to_owned()), "{answer:?}");
    answer.json()["errors"][0].as_str().expect("a sentence").to_owned()
}

/// An object without what each edit changes of it.
fn without(mut object: Value, names: &[&str]) -> Value {
    for name in names {
        object.as_object_mut().expect("an object").remove(*name);
    }
    object
}

#[test]
fn a_vendor_changes_members_of_its_product_and_nothing_else_of_it() {
    let mut world = World::new();
    let before = world.get(Vendor, &product()).expect(200);
    let change = json!({ "capabilities": { "ppu": { "dynamic": true, "ours": "kept" } }, "icon": "/new.png" });
    let changed = put(&world, Vendor, &product(), &change).expect(200);
    assert_eq!(world.get(Distributor, &product()).expect(200), changed, "at once, for everybody");
    assert_eq!(changed["capabilities"]["ppu"]["dynamic"], true);
    assert_eq!(changed["capabilities"]["ppu"]["schema"], "QT");
    assert_eq!(changed["capabilities"]["reservation"], before["capabilities"]["reservation"]);
    assert_eq!((&changed["icon"], &changed["version"]), (&json!("/new.png"), &json!(2)));
    assert_eq!(changed["events"]["updated"]["by"]["id"], "SU-000-000-001");
    let edited = ["capabilities", "icon", "version", "events"];
    assert_eq!(without(changed.clone(), &edited), without(before, &edited));
    // What was read is sent back: nothing changes, and nothing is recorded.
    let recorded = world.digests();
    assert_eq!(put(&world, Vendor, &product(), &changed).expect(200), changed);
    assert_eq!(put(&world, Vendor, &product(), &json!({})).expect(200), changed);
    assert_eq!(world.digests(), recorded);
    for (body, expected) in [
        (json!({ "id": "PRD-1" }), "id: This can not be changed."),
        (json!({ "owner": { "id": "VA-000-002" } }), "owner: This can not be changed."),
        (json!({ "items": [] }), "items: Items are changed one by one, at /products/{id}/items."),
        (json!({ "name": "" }), "name: Blank."),
        (json!({ "name": null }), "name: This field is required."),
        (
            json!({ "capabilities": { "ppu": { "schema": "XX" } } }),
            "capabilities.ppu.schema: Unknown value \"XX\"; allowed are QT, TR, PR, CR.",
        ),
        (
            json!({ "capabilities": { "ppu": { "late": "yes" } } }),
            "capabilities.ppu.late: Expected true or false, found text.",
        ),
    ] {
        assert_eq!(sentence(&put(&world, Vendor, &product(), &body)), expected);
    }
    // Flags of metered usage need it.
    let off = put(&world, Vendor, &product(), &json!({ "capabilities": { "ppu": null } })).expect(200);
    assert_eq!(off["capabilities"]["ppu"], json!(null));
    let flags = json!({ "capabilities": { "ppu": { "late": true } } });
    assert_eq!(sentence(&put(&world, Vendor, &product(), &flags)), "capabilities.ppu.schema: This field is required.");
    let shown = world.get(Vendor, &product()).expect(200);
    world.restart();
    assert_eq!(world.get(Vendor, &product()).expect(200), shown);
    let updated = world.ours(Vendor, "GET", "events?limit=1000", Body::Nothing).expect(200);
    let by_hand = |event: &&Value| event["type"] == "product.recorded" && event["by"]["id"] == "SU-000-000-001";
    assert_eq!(updated["events"].as_array().expect("a list").iter().filter(by_hand).count(), 2);
}

#[test]
fn a_schema_waits_for_the_files_of_the_one_before_and_what_was_opened_keeps_its_own() {
    let world = World::new();
    let file = world.pending(CONTRACT, "schema", 5);
    let change = json!({ "capabilities": { "ppu": { "schema": "PR" } } });
    let refused = put(&world, Vendor, &product(), &change);
    assert_eq!(refused.refusal(), (400, "USG_028".to_owned()));
    assert!(refused.json()["errors"][0].as_str().expect("a sentence").contains(&file));
    world.act(Distributor, &file, "reject").expect(201);
    assert_eq!(put(&world, Vendor, &product(), &change).expect(200)["capabilities"]["ppu"]["schema"], "PR");
    let new = world.create(CONTRACT);
    assert_eq!(world.get(Vendor, &format!("usage/files/{new}")).expect(200)["schema"], "pr");
    // The rejected file was opened as QT, and is mended as that.
    let (mended, _) = world.generate(CONTRACT, "mended", 5);
    world.upload(&file, &mended).expect(201);
    let shown = world.checked(&file);
    assert_eq!((&shown["schema"], &shown["status"]), (&json!("qt"), &json!("ready")), "{shown:#}");
}

#[test]
fn an_item_that_a_vendor_makes_is_known_to_the_next_check() {
    let mut world = World::new();
    let file = world.create(CONTRACT);
    let path = world.path("new-item.xlsx");
    sheets::usage(&path, &["new-1".to_owned(), "new-2".to_owned()], SUBSCRIPTION, "AP-NEW");
    world.upload(&file, &path).expect(201);
    world.reach(&file, "invalid");
    let item = json!({ "name": "New thing", "mpn": "AP-NEW", "type": "ppu", "unit": { "name": "GB" }, "ours": [1] });
    let key = [("Idempotency-Key", "item-1")];
    let create = |world: &World| world.send_with(Vendor, "POST", &items(), &key, Body::Json(&item)).expect(201);
    let made = create(&world);
    assert_eq!(made["id"], format!("{PRODUCT}-0024"));
    for (name, value) in [
        ("mpn", json!("AP-NEW")),
        ("status", json!("published")),
        ("period", json!("monthly")),
        ("precision", json!("integer")),
        ("dynamic", json!(false)),
        ("ours", json!([1])),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    assert_eq!(made["events"]["created"]["by"]["id"], "SU-000-000-001");
    assert_eq!(world.get(Distributor, &format!("{}/{PRODUCT}-0024", items())).expect(200), made);
    world.restart();
    assert_eq!(create(&world)["id"], made["id"], "the same request makes no second one");
    assert_eq!(world.get(Vendor, &format!("{}?mpn=AP-NEW", items())).total(), 1);
    // A subscription reports what it has: the catalog file says so.
    let mut catalog = demo_catalog();
    let assets = catalog["assets"].as_array_mut().expect("assets");
    let asset = assets.iter_mut().find(|asset| asset["id"] == SUBSCRIPTION).expect("the subscription");
    asset["items"].as_array_mut().expect("items").push(json!({ "id": made["id"], "quantity": "unlimited" }));
    world.import(&catalog).expect("a sound catalog");
    world.act(Vendor, &file, "reprocess").expect(201);
    assert_eq!(world.checked(&file)["status"], "ready");
}

#[test]
fn a_capability_counts_for_the_next_check() {
    let world = World::new();
    let file = world.create(CONTRACT);
    let path = world.path("brought.xlsx");
    sheets::dynamic(&path, &["brought-1".to_owned()], SUBSCRIPTION, "AP-EGRESS");
    world.upload(&file, &path).expect(201);
    world.reach(&file, "invalid");
    put(&world, Vendor, &product(), &json!({ "capabilities": { "ppu": { "dynamic": true } } })).expect(200);
    world.act(Vendor, &file, "reprocess").expect(201);
    assert_eq!(world.checked(&file)["status"], "ready");
}

#[test]
fn what_an_item_can_be_is_said_before_it_is_one() {
    let world = World::new();
    let before = world.digests();
    let item = |change: Value| {
        let mut item =
            json!({ "name": "New", "mpn": "AP-NEW", "type": "ppu", "unit": "GB", "precision": "decimal(2)" });
        for (name, value) in change.as_object().expect("members") {
            item[name] = value.clone();
        }
        item
    };
    for (change, expected) in [
        (json!({ "id": "PRD-1-1" }), "id: Leave it out: an item's id is that of its product with a number."),
        (json!({ "mpn": "AP-CPU" }), "mpn: Item with same MPN already exists for the product."),
        (json!({ "mpn": " AP-CPU " }), "mpn: Item with same MPN already exists for the product."),
        (json!({ "name": "CPU consumption" }), "name: Item with same name already exists for the product."),
        (json!({ "mpn": null }), "mpn: This field is required."),
        (json!({ "unit": null }), "unit: This field is required."),
        (json!({ "period": "yearly" }), "period: \"yearly\" for a ppu item, whose period can only be monthly."),
        (
            json!({ "type": "reservation", "period": "monthly" }),
            "precision: \"decimal(2)\" for a reservation item, whose precision can only be integer.",
        ),
        (
            json!({ "precision": "decimal(3)" }),
            "precision: Unknown value \"decimal(3)\"; allowed are integer, decimal(1), decimal(2), decimal(4), decimal(8).",
        ),
        (json!({ "status": "new" }), "status: \"new\" is not one of draft, published and endofsale."),
        (json!({ "dynamic": true }), "dynamic: Only records bring dynamic items."),
    ] {
        assert_eq!(sentence(&world.post(Vendor, &items(), &item(change))), expected);
    }
    assert_eq!(
        sentence(&world.post(Vendor, &items(), &json!([]))),
        "non_field_errors: Invalid data. Expected an object."
    );
    assert_eq!(world.digests(), before);
    // A draft is free; published, it stays what usage is reported in.
    let draft = world.post(Vendor, &items(), &item(json!({ "status": "draft" }))).expect(201);
    let path = format!("{}/{}", items(), draft["id"].as_str().expect("an id"));
    let change = |body: Value| put(&world, Vendor, &path, &body);
    assert_eq!(change(json!({ "precision": "decimal(4)", "unit": "TB" })).expect(200)["precision"], "decimal(4)");
    assert_eq!(change(json!({ "status": "published" })).expect(200)["status"], "published");
    let fixed = "The item is published: its type, precision and unit stay as they are. Make another item.";
    for (body, expected) in [
        (json!({ "precision": "integer" }), format!("precision: {fixed}")),
        (json!({ "unit": "GB" }), format!("unit: {fixed}")),
        (json!({ "type": "reservation", "precision": "integer" }), format!("type: {fixed}")),
        (
            json!({ "status": "draft" }),
            "status: A published item does not become a draft again. Use endofsale.".to_owned(),
        ),
        (json!({ "mpn": "AP-CPU" }), "mpn: Item with same MPN already exists for the product.".to_owned()),
        (json!({ "id": "PRD-1" }), "id: This can not be changed.".to_owned()),
        (json!({ "dynamic": true }), "dynamic: This can not be changed.".to_owned()),
    ] {
        assert_eq!(sentence(&change(body)), expected);
    }
    let shown = change(json!({ "name": "Newer", "mpn": "AP-NEWER" })).expect(200);
    assert_eq!((&shown["name"], &shown["mpn"], &shown["unit"]), (&json!("Newer"), &json!("AP-NEWER"), &json!("TB")));
}

#[test]
fn only_its_owner_and_an_operator_edit_a_product() {
    let world = World::new();
    let change = json!({ "name": "Taken over" });
    let item = format!("{}/{PRODUCT}-0001", items());
    for (party, refusal) in [(Distributor, (403, "AUTH_003")), (OtherVendor, (404, "NFND_000"))] {
        let (status, code) = refusal;
        for answer in [
            put(&world, party, &product(), &change),
            put(&world, party, &item, &change),
            world.post(party, &items(), &change),
        ] {
            assert_eq!(answer.refusal(), (status, code.to_owned()), "{party:?}");
        }
    }
    assert_eq!(put(&world, Operator, &product(), &change).expect(200)["name"], "Taken over");
    let foreign = format!("{}/PRD-000-000-000-0001", items());
    assert_eq!(put(&world, Vendor, &foreign, &change).refusal(), (404, "NFND_000".to_owned()));
}

#[test]
fn an_import_undoes_an_edit_only_where_the_file_says_something_new() {
    let mut world = World::new();
    let name = |world: &World| world.get(Vendor, &product()).expect(200)["name"].clone();
    for edit in ["Edited", "Edited again"] {
        put(&world, Vendor, &product(), &json!({ "name": edit })).expect(200);
        let before = world.digests();
        world.import(&demo_catalog()).expect("a sound catalog");
        assert_eq!((name(&world), world.digests()), (json!(edit), before));
    }
    world.restart();
    world.import(&demo_catalog()).expect("a sound catalog");
    assert_eq!(name(&world), "Edited again");
    let mut catalog = demo_catalog();
    catalog["products"][0]["name"] = json!("From the file");
    world.import(&catalog).expect("a sound catalog");
    assert_eq!(name(&world), "From the file");
    // The file before is news by now.
    world.import(&demo_catalog()).expect("a sound catalog");
    assert_ne!(name(&world), "From the file");
}
