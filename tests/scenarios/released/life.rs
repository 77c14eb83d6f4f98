//! What a ledger lives through before it is kept: everything that leaves a fact of its own.

use std::time::Duration;

use serde_json::{Value, json};
use usage_ledger::product::Settings;

use super::super::closing::{billed, ids, reconcile};
use super::super::http::{Answer, Body};
use super::super::sheets;
use super::super::world::{
    CONTRACT, Distributor, OTHER_CONTRACT, OtherDistributor, PRODUCT, Party, RESOLD_CONTRACT, Vendor, World,
    demo_catalog, provider_of,
};

/// A contract of each is in the demo catalog.
pub(super) const PARTITIONS: u16 = 3;
const RULES: &str = "products/PRD-404-832-779/usage/rules";
const SUBSCRIPTION: &str = "AS-8919-8653-9735";
const RECORDS: u32 = 12;
/// Enough that a submit meets the file in work, on any machine but a very loaded one.
const MANY: u32 = 40;

/// Signed at once, and small enough that logs have sealed segments and open ones.
pub(super) fn tune(settings: &mut Settings) {
    settings.checkpoint_after = Duration::from_millis(200);
    settings.rotate_bytes = 512 * 1024;
    settings.webhooks_to_private = true;
}

/// Files through every state and to every end, in three partitions, with a restart in between.
pub(super) fn live(world: &mut World) {
    let mut catalog = demo_catalog();
    for capability in ["/ppu/predictive", "/ppu/dynamic", "/reservation/consumption"] {
        *catalog["products"][0]["capabilities"].pointer_mut(capability).expect("a capability") = json!(true);
    }
    world.import(&catalog).expect("a sound catalog");
    hooked(world);
    signed_in(world);
    never_billed(world);
    billed_in_pieces(world);
    ruled(world);
    world.restart();
    sent_again(world);
    submitted_early(world);
    reported(world);
    for contract in [OTHER_CONTRACT, RESOLD_CONTRACT] {
        let file = world.accepted(contract, &format!("closed-{contract}"), RECORDS);
        world.close(provider_of(contract), &file);
        world.reach(&file, "closed");
    }
    world.accepted(OTHER_CONTRACT, "extracted", RECORDS);
    world.pending(CONTRACT, "waiting", RECORDS);
    world.create(RESOLD_CONTRACT);
}

fn put(world: &World, party: Party, path: &str, body: &Value) -> Answer {
    world.send(party, "PUT", path, Body::Json(body))
}

/// Somebody who signs in at the portal, and out.
fn signed_in(world: &World) {
    let opened = world.ours(Vendor, "POST", "sessions", Body::Json(&json!({}))).expect(201);
    let path = format!("sessions/{}/end", opened["id"].as_str().expect("an id"));
    world.ours(Vendor, "POST", &path, Body::Json(&json!({}))).expect(201);
}

/// A webhook that nobody answers, and that is gone.
fn hooked(world: &World) {
    let body = json!({ "label": "Hook", "object_class": "usage_file", "external_url": "http://127.0.0.1:9/hook" });
    let made = world.post(Vendor, "notifications/webhooks", &body).expect(201);
    let path = format!("notifications/webhooks/{}", made["id"].as_str().expect("an id"));
    put(world, Vendor, &path, &json!({ "active": false })).expect(200);
    assert_eq!(world.send(Vendor, "DELETE", &path, Body::Nothing).status, 204);
}

/// Marked, accepted, closed by one record, by a reconciliation that is of another file, by one in parts.
fn billed_in_pieces(world: &World) {
    let file = world.pending(CONTRACT, "pieces", RECORDS);
    let ids = ids(world, &file);
    let record = format!("usage/records/{}", ids[0].0);
    put(world, Distributor, &record, &json!({ "status": "rejected" })).expect(200);
    assert_eq!(world.act(Distributor, &file, "accept").status, 400);
    put(world, Distributor, &format!("usage/files/{file}/approve-all"), &json!({})).expect(200);
    world.act(Distributor, &file, "accept").expect(201);
    let chunks = world.chunks(Distributor, &file);
    world.post(Distributor, &format!("{record}/close"), &json!({ "external_billing_id": "INV-0" })).expect(201);
    for chunk in &chunks {
        let path = format!("usage/chunks/{}", chunk["id"].as_str().expect("an id"));
        assert_eq!(world.post(Distributor, &format!("{path}/close"), &json!({})).status, 400);
        put(world, Distributor, &path, &json!({ "external_id": "batch-1" })).expect(200);
        world.post(Distributor, &format!("{path}/regenerate"), &json!({})).expect(201);
    }
    world.chunks(Distributor, &file);
    let rows = billed(&ids[1..], "INV-1");
    reconcile(world, &file, "UF-2026-01-0000-0000", "record_id", &rows).expect_err("of another file");
    reconcile(world, &file, &file, "record_id", &rows[..10]).expect("processed");
    reconcile(world, &file, &file, "record_id", &rows).expect("processed");
    world.reach(&file, "closed");
}

/// Accepted by rules, about files and about records, which are gone afterwards.
fn ruled(world: &World) {
    for scope in ["file", "record"] {
        let made = world.post(Distributor, RULES, &json!({ "action": "accept", "scope": scope })).expect(201);
        let file = world.ready(CONTRACT, scope, RECORDS);
        world.act(Vendor, &file, "submit").expect(201);
        world.reach(&file, "accepted");
        world.chunks(Distributor, &file);
        let rule = format!("{RULES}/{}", made["id"].as_str().expect("an id"));
        assert_eq!(world.send(Distributor, "DELETE", &rule, Body::Nothing).status, 204);
    }
}

/// Unreadable, invalid, ready, rejected, sent again and accepted; and one that is deleted.
fn sent_again(world: &World) {
    let file = world.create(CONTRACT);
    put(world, Vendor, &format!("usage/files/{file}"), &json!({ "note": "the fourth try" })).expect(200);
    let nonsense = world.path("nonsense.xlsx");
    std::fs::write(&nonsense, b"PK\x03\x04 and no more").expect("a file");
    world.upload(&file, &nonsense).expect(201);
    world.reach(&file, "invalid");
    world.upload(&file, &world.generate_faulty("faulty", RECORDS)).expect(201);
    world.checked(&file);
    world.upload(&file, &world.generate(CONTRACT, "rejected", RECORDS).0).expect(201);
    world.checked(&file);
    world.submit(&file);
    world.act(Distributor, &file, "reject").expect(201);
    world.upload(&file, &world.generate(CONTRACT, "mended", RECORDS).0).expect(201);
    world.checked(&file);
    world.act(Vendor, &file, "reprocess").expect(201);
    world.checked(&file);
    world.submit(&file);
    world.act(Distributor, &file, "accept").expect(201);
    world.chunks(Distributor, &file);
    let deleted = world.ready(CONTRACT, "deleted", RECORDS);
    world.act(Vendor, &deleted, "delete").expect(201);
}

/// Submitted while they were worked on: one is carried out, one dropped.
fn submitted_early(world: &World) {
    for (workbook, ends) in
        [(world.generate(CONTRACT, "early", MANY).0, "pending"), (world.generate_faulty("dropped", MANY), "invalid")]
    {
        let file = world.create(CONTRACT);
        world.upload(&file, &workbook).expect(201);
        world.act(Vendor, &file, "submit").expect(201);
        world.reach(&file, ends);
    }
}

fn with_item(world: &World, body: &Value, prefix: &str, write: impl Fn(&std::path::Path, &[String])) -> String {
    let file = world.create_with(body);
    let path = world.path(&format!("{prefix}.xlsx"));
    write(&path, &(0..10).map(|number| format!("{prefix}-{number}")).collect::<Vec<_>>());
    world.upload(&file, &path).expect(201);
    let shown = world.checked(&file);
    assert_eq!(shown["status"], "ready", "{prefix}: {shown:#}");
    world.submit(&file);
    world.act(Distributor, &file, "accept").expect(201);
    file
}

/// An estimate and the actual file that follows it, the consumption of a reservation, and an item that records bring.
fn never_billed(world: &World) {
    let october = |predictive: bool| {
        json!({
            "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "predictive": predictive,
            "period": { "from": "2026-10-01T00:00:00+00:00", "to": "2026-10-31T23:59:59+00:00" },
        })
    };
    let of =
        |item: &'static str| move |path: &std::path::Path, ids: &[String]| sheets::usage(path, ids, SUBSCRIPTION, item);
    let estimate = with_item(world, &october(true), "estimate", of("AP-CPU"));
    let actual = with_item(world, &october(false), "actual", of("AP-CPU"));
    world.reach(&estimate, "closed");
    world.chunks(Distributor, &actual);
    let plain = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT } });
    let reserved = with_item(world, &plain, "reserved", of("AP-SEAT"));
    world.reach(&reserved, "closed");
    let brought = |path: &std::path::Path, ids: &[String]| sheets::dynamic(path, ids, SUBSCRIPTION, "AP-EGRESS");
    let brought = with_item(world, &plain, "brought", brought);
    world.chunks(Distributor, &brought);
}

/// Reported one by one, in two calls.
fn reported(world: &World) {
    let record = |id: &str| {
        json!({
            "record_id": id, "item_search_criteria": "item.mpn", "item_search_value": "AP-CPU", "quantity": "2",
            "start_time_utc": "2026-10-01 00:00:00", "end_time_utc": "2026-10-02 00:00:00",
            "asset_search_criteria": "asset.id", "asset_search_value": SUBSCRIPTION, "v.zone": "north",
        })
    };
    let report = |ids: [&str; 2]| {
        let records = ids.map(record);
        let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "records": records });
        world.ours(Vendor, "POST", "records", Body::Json(&body)).expect(200)
    };
    let told = report(["api-1", "api-2"]);
    report(["api-2", "api-3"]);
    let file = told["file"]["id"].as_str().expect("an id");
    world.ours(Vendor, "POST", &format!("usage/files/{file}/seal"), Body::Nothing).expect(201);
    world.reach(file, "ready");
    world.submit(file);
    world.act(OtherDistributor, file, "accept");
    world.act(Distributor, file, "accept").expect(201);
    world.chunks(Distributor, file);
}
