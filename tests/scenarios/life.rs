//! The life of one file, stage by stage: its counters (connect-api U12) and who did what.

use ledger::file::UsageFile;
use ledger::{Decimal, FileId};
use serde_json::{Value, json};

use super::sheets::column;
use super::world::{CONTRACT, Distributor, PRODUCT, Party, Vendor, World};

const RECORDS: u32 = 300;
const VENDOR_KEY: &str = "SU-000-000-001";
const DISTRIBUTOR_KEY: &str = "SU-000-000-002";

/// What a stage looks like: its status, exactly its counters, and whose key stamped which events.
fn check(world: &World, party: Party, file: &str, status: &str, stats: &Value, events: &[(&str, &str)]) {
    let shown = world.get(party, &format!("usage/files/{file}")).expect(200);
    assert_eq!(shown["status"], status, "{shown:#}");
    // Zeros are omitted, and so is what has no counter at all.
    let found = shown.get("stats").cloned().unwrap_or_else(|| json!({}));
    assert_eq!(&found, stats, "{status}");
    let found = shown["events"].as_object().expect("events");
    let stamps: Vec<(&str, &str)> =
        found.iter().map(|(name, stamp)| (name.as_str(), stamp["by"]["id"].as_str().unwrap_or_default())).collect();
    assert_eq!(stamps, events, "{status}");
    let mut times: Vec<&str> = found.values().map(|stamp| stamp["at"].as_str().expect("a time")).collect();
    assert!(times.is_sorted(), "{times:?}");
    times.dedup();
    assert_eq!(times.len(), events.len(), "each event has a time of its own: {times:?}");
    // A list shows the same, without what takes work to know.
    let listed = world.get(party, &format!("usage/files?id={file}")).expect(200);
    assert_eq!((&listed[0]["status"], &listed[0]["events"]), (&shown["status"], &shown["events"]));
}

fn total(world: &World, file: &str) -> Decimal {
    let ledger = world.product().projection.read();
    let file = FileId::parse(file).and_then(|id| ledger.file(id)).expect("the file");
    let sum = |sum: Decimal, total: &ledger::fact::Total| sum.saturating_add(total.quantity);
    let chunks = file.current_extraction().into_iter().flat_map(|it| it.chunks.values());
    let extracted = chunks.flat_map(|chunk| &chunk.totals).fold(Decimal::ZERO, sum);
    let checked = UsageFile::totals(file).iter().fold(Decimal::ZERO, sum);
    assert_eq!(extracted, checked, "what is in chunks is what was checked");
    checked
}

#[test]
fn a_file_lives_its_whole_life() {
    let world = World::new();
    let created = json!({
        "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "name": "October",
        "period": { "from": "2026-10-01", "to": "2026-10-31" }, "note": "the first",
    });
    let file = world.create_with(&created);
    let (by_vendor, by_distributor) = (VENDOR_KEY, DISTRIBUTOR_KEY);
    check(&world, Vendor, &file, "draft", &json!({}), &[("created", by_vendor)]);

    let (workbook, made) = world.generate(CONTRACT, "life", RECORDS);
    let uploaded = world.upload(&file, &workbook).expect(201);
    assert_eq!(uploaded["status"], "uploading", "connect-api U5");
    world.reach(&file, "ready");
    let mut events = vec![("created", by_vendor), ("uploaded", by_vendor)];
    check(&world, Vendor, &file, "ready", &json!({ "uploaded": RECORDS, "validated": RECORDS }), &events);

    world.submit(&file);
    events.push(("submitted", by_vendor));
    let stats = json!({ "uploaded": RECORDS, "validated": RECORDS, "pending": RECORDS });
    check(&world, Distributor, &file, "pending", &stats, &events);

    let note = json!({ "acceptance_note": "as agreed" });
    let accepted = world.post(Distributor, &format!("usage/files/{file}/accept"), &note).expect(201);
    assert_eq!((&accepted["status"], &accepted["acceptance_note"]), (&json!("accepted"), &json!("as agreed")));
    let chunks = world.chunks(Distributor, &file);
    events.push(("accepted", by_distributor));
    let stats = json!({ "uploaded": RECORDS, "validated": RECORDS, "accepted": RECORDS });
    check(&world, Vendor, &file, "accepted", &stats, &events);
    assert_eq!(total(&world, &file), made.total);
    assert_eq!(chunks.len(), made.hubs.len(), "one chunk per hub");

    let mut closed = 0;
    for chunk in &chunks {
        let path = format!("usage/chunks/{}", chunk["id"].as_str().expect("an id"));
        let records = chunk["stats"]["accepted"].as_u64().expect("a count");
        let workbook = world.get(Distributor, &format!("{path}/download")).body;
        assert_eq!(column(&workbook, "record_id").len() as u64, records);
        let billing = json!({ "external_billing_id": "INV-1", "external_billing_note": "October" });
        assert_eq!(world.post(Distributor, &format!("{path}/close"), &billing).expect(201)["status"], "closed");
        closed += records;
        let shown = world.get(Distributor, &format!("usage/files/{file}")).expect(200);
        assert_eq!(shown["stats"]["closed"], json!(closed), "{shown:#}");
        assert_eq!(shown["stats"]["billed"], json!(closed), "{shown:#}");
    }
    events.push(("closed", by_distributor));
    let all = RECORDS;
    let stats = json!({ "uploaded": all, "validated": all, "accepted": all, "closed": all, "billed": all });
    check(&world, Vendor, &file, "closed", &stats, &events);
    assert_eq!(total(&world, &file), made.total);
    let records = world.records(Vendor, &file);
    assert!(records.iter().all(|it| it["status"] == "closed" && it["external_billing_id"] == "INV-1"));
    assert_eq!(records.len() as u32, RECORDS);
}

#[test]
fn a_file_with_faults_counts_them_and_is_deleted() {
    let world = World::new();
    let file = world.create(CONTRACT);
    world.upload(&file, &world.generate_faulty("faults", 40)).expect(201);
    let shown = world.checked(&file);
    let invalid = shown["stats"]["invalid"].as_u64().expect("a count");
    assert!(invalid > 8, "{shown:#}");
    let stats = json!({ "uploaded": 40 + invalid, "validated": 40, "invalid": invalid });
    let events = [("created", VENDOR_KEY), ("uploaded", VENDOR_KEY)];
    check(&world, Vendor, &file, "invalid", &stats, &events);
    let faulty = world.get(Vendor, &format!("usage/records?usagefile.id={file}&status=invalid"));
    assert_eq!(faulty.total(), invalid);
    assert_eq!(world.act(Vendor, &file, "delete").expect(201)["status"], "deleted");
    let events = [("created", VENDOR_KEY), ("uploaded", VENDOR_KEY), ("deleted", VENDOR_KEY)];
    check(&world, Vendor, &file, "deleted", &stats, &events);
}
