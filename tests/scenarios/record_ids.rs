//! Record ids are accepted once per contract and product, for ever; until then they come free again (design §4).

use serde_json::{Value, json};

use super::sheets;
use ledger::ServiceName;

use super::world::{CONTRACT, Distributor, PRODUCT, Vendor, World};

const SUBSCRIPTION: &str = "AS-8919-8653-9735";
const ITEM: &str = "AP-CPU";

fn ids(numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| format!("id-{number:05}")).collect()
}

/// A file with one record for each of these ids, uploaded and checked.
fn upload(world: &World, file: &str, numbers: std::ops::RangeInclusive<u32>) -> Value {
    let path = world.path(&format!("{file}-{}-{}.xlsx", numbers.start(), numbers.end()));
    sheets::usage(&path, &ids(numbers), SUBSCRIPTION, ITEM);
    world.upload(file, &path).expect(201);
    world.checked(file)
}

fn file_of(world: &World, numbers: std::ops::RangeInclusive<u32>, status: &str) -> String {
    let file = world.create(CONTRACT);
    let shown = upload(world, &file, numbers);
    assert_eq!(shown["status"], status, "{shown:#}");
    file
}

/// The rows of a file that say 009, each naming the other file.
fn taken_from(world: &World, file: &str, other: &str) -> Vec<String> {
    let faulty = world.get(Vendor, &format!("usage/records?usagefile.id={file}&status=invalid&limit=1000")).expect(200);
    let name = |record: &Value| {
        assert_eq!(record["error_codes"], "USG_FILE_009", "{record:#}");
        let details = record["error_details"].as_str().unwrap_or_default();
        assert!(details.contains(&format!("Record belongs to existing usage file {other}")), "{details}");
        record["record_id"].as_str().expect("an id").to_owned()
    };
    faulty.as_array().expect("a list").iter().map(name).collect()
}

#[test]
fn a_rejected_file_is_uploaded_again_and_its_first_ids_are_free() {
    let world = World::new();
    let file = file_of(&world, 1..=60, "ready");
    world.submit(&file);
    let note = json!({ "rejection_note": "too much" });
    let rejected = world.post(Distributor, &format!("usage/files/{file}/reject"), &note).expect(201);
    assert_eq!((&rejected["status"], &rejected["rejection_note"]), (&json!("rejected"), &json!("too much")));
    assert!(world.records(Vendor, &file).iter().all(|record| record["status"] == "rejected"));
    // Another file may have what the rejected one had.
    let other = file_of(&world, 1..=20, "ready");
    // The file itself may have the rest of it, but not what the other took meanwhile.
    let shown = upload(&world, &file, 1..=60);
    assert_eq!(shown["status"], "invalid", "{shown:#}");
    assert_eq!(taken_from(&world, &file, &other), ids(1..=20));
    let shown = upload(&world, &file, 21..=60);
    assert_eq!(shown["status"], "ready", "{shown:#}");
    assert_eq!((&shown["events"]["rejected"], &shown["rejection_note"]), (&Value::Null, &Value::Null));
    world.submit(&file);
    // A ready file that is uploaded again gives its ids up as well.
    assert_eq!(upload(&world, &other, 1..=10)["status"], "ready");
    file_of(&world, 11..=20, "ready");
}

#[test]
fn a_deleted_file_frees_its_ids() {
    let world = World::new();
    let first = file_of(&world, 1..=30, "ready");
    let second = file_of(&world, 30..=50, "invalid");
    assert_eq!(taken_from(&world, &second, &first), ids(30..=30));
    world.act(Vendor, &first, "delete").expect(201);
    file_of(&world, 1..=30, "ready");
}

#[test]
fn an_invalid_file_keeps_no_ids() {
    let world = World::new();
    let first = file_of(&world, 1..=10, "ready");
    let second = file_of(&world, 10..=20, "invalid");
    assert_eq!(taken_from(&world, &second, &first), ids(10..=10));
    file_of(&world, 11..=20, "ready");
}

/// Goal: what was accepted is never accepted again, whatever happens to the process and its caches. Method: the same
/// question before a restart, after one, and after one without the index that is derived from the log.
#[test]
fn an_accepted_id_stays_taken_after_restarts_and_without_the_cache() {
    let mut world = World::new();
    let first = file_of(&world, 1..=1_500, "ready");
    world.submit(&first);
    world.act(Distributor, &first, "accept").expect(201);
    let refused = |world: &World| {
        let second = file_of(world, 1_490..=1_510, "invalid");
        assert_eq!(taken_from(world, &second, &first), ids(1_490..=1_500));
    };
    refused(&world);
    world.restart();
    refused(&world);
    let cache = world.data_of(world.host_of(ServiceName::Validation, CONTRACT)).join("cache");
    world.stop();
    std::fs::remove_dir_all(&cache).expect("there is a cache");
    world.start();
    refused(&world);
    world.close(Distributor, &first);
    refused(&world);
    assert!(cache.exists(), "the cache is made again");
    // Under another contract the same ids are others.
    let file = world.create("CRD-26225-58926-18085");
    let path = world.path("elsewhere.xlsx");
    let other = world.product().bus.shelf().take();
    let contract = ledger::ObjectId::new("CRD-26225-58926-18085").expect("an id");
    let product = ledger::ObjectId::new(PRODUCT).expect("an id");
    let subscription = other.subscriptions_of(&contract, &product).find(|it| it.status.reportable()).expect("one");
    sheets::usage(&path, &ids(1..=20), subscription.id.as_str(), ITEM);
    world.upload(&file, &path).expect(201);
    assert_eq!(world.checked(&file)["status"], "ready");
}
