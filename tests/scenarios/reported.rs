//! Usage reported record by record: what each record is told, and the life of the file that collects them.

use std::collections::BTreeMap;

use ledger::file::UsageFile;
use ledger::{Decimal, FileId};
use serde_json::{Value, json};

use super::http::{Answer, Body, Request};
use super::sheets;
use super::world::{CONTRACT, Distributor, OtherVendor, PRODUCT, Party, Vendor, World, demo_catalog};

const SUBSCRIPTION: &str = "AS-8919-8653-9735";
const RECORDS: u32 = 300;
/// Columns that the generator fills and that a report may have.
const COLUMNS: [&str; 8] = [
    "record_id",
    "item_search_criteria",
    "item_search_value",
    "quantity",
    "start_time_utc",
    "end_time_utc",
    "asset_search_criteria",
    "asset_search_value",
];

/// A sound record of a day of October.
fn record(id: &str, quantity: &str) -> Value {
    json!({
        "record_id": id, "item_search_criteria": "item.mpn", "item_search_value": "AP-CPU", "quantity": quantity,
        "start_time_utc": "2026-10-01 00:00:00", "end_time_utc": "2026-10-02 00:00:00",
        "asset_search_criteria": "asset.id", "asset_search_value": SUBSCRIPTION,
    })
}

fn body(records: &[Value]) -> Value {
    json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "records": records })
}

fn report(world: &World, party: Party, body: &Value) -> Answer {
    world.ours(party, "POST", "records", Body::Json(body))
}

/// The records of a call, reported by the vendor.
fn told(world: &World, records: &[Value]) -> Value {
    report(world, Vendor, &body(records)).expect(200)
}

/// How many records came to what.
fn counts(told: &Value) -> [u64; 4] {
    let counts = ["added", "identical", "conflicting", "refused"].map(|name| told[name].as_u64().expect("a count"));
    assert_eq!(counts.iter().sum::<u64>(), told["records"].as_array().expect("receipts").len() as u64);
    counts
}

fn file_of(told: &Value) -> String {
    told["file"]["id"].as_str().expect("an id").to_owned()
}

fn seal(world: &World, party: Party, file: &str) -> Answer {
    world.ours(party, "POST", &format!("usage/files/{file}/seal"), Body::Nothing)
}

/// The records that a generated workbook holds.
fn generated(world: &World) -> (Vec<Value>, Decimal) {
    let (path, made) = world.generate(CONTRACT, "api", RECORDS);
    let bytes = std::fs::read(path).expect("the workbook");
    let columns = COLUMNS.map(|name| sheets::column(&bytes, name));
    let record = |row: usize| {
        let cells = COLUMNS.iter().zip(&columns).map(|(name, cells)| ((*name).to_owned(), json!(cells[row])));
        Value::Object(cells.collect())
    };
    ((0..columns[0].len()).map(record).collect(), made.total)
}

fn total(world: &World, file: &str) -> Decimal {
    let ledger = world.product().projection.read();
    let file = FileId::parse(file).and_then(|id| ledger.file(id)).expect("the file");
    UsageFile::totals(file).iter().fold(Decimal::ZERO, |sum, total| sum.saturating_add(total.quantity))
}

#[test]
fn a_file_of_reported_records_lives_its_whole_life() {
    let mut world = World::new();
    let (records, sum) = generated(&world);
    let count = u64::from(RECORDS);
    let first = told(&world, &records[..150]);
    assert_eq!(counts(&first), [150, 0, 0, 0]);
    let file = file_of(&first);
    assert_eq!(first["records"][0]["id"], json!(format!("UR{}-0000-0002", &file[2..])));

    // The rest comes as lines, with what is there already.
    let lines = records.iter().map(|record| format!("{record}\n")).collect::<String>();
    let path =
        format!("/ledger/v1/records?contract={CONTRACT}&product={PRODUCT}&period_from=2026-10-01&period_to=2026-10-31");
    let lines = Body::Text("application/x-ndjson", &lines);
    let request = Request { method: "POST", path: &path, key: Some(Vendor.key()), headers: &[], body: lines };
    let second = world.request(&request).expect(200);
    assert_eq!((counts(&second), file_of(&second)), ([150, 150, 0, 0], file.clone()));

    let shown = world.get(Vendor, &format!("usage/files/{file}")).expect(200);
    let seen = (&shown["status"], &shown["reported"], &shown["stats"], &shown["usage_file_uri"]);
    assert_eq!(seen, (&json!("draft"), &json!(true), &json!({ "uploaded": RECORDS }), &Value::Null));
    let listed = world.records(Vendor, &file);
    assert_eq!((listed.len() as u64, &listed[7]["status"]), (count, &Value::Null));
    assert_eq!(listed[7]["record_id"], records[7]["record_id"]);

    // Whatever was lost on the way is sent again, also after a restart, and nothing is added.
    for _ in 0..2 {
        assert_eq!(counts(&told(&world, &records)), [0, count, 0, 0]);
        world.restart();
    }
    assert_eq!(seal(&world, Distributor, &file).refusal(), (404, "NFND_000".to_owned()));
    let sealed = seal(&world, Vendor, &file).expect(201);
    assert!(sealed["events"]["sealed"]["by"]["id"].is_string(), "{sealed:#}");
    world.reach(&file, "ready");
    assert_eq!(total(&world, &file), sum);
    assert_eq!(seal(&world, Vendor, &file).refusal(), (400, "USG_003".to_owned()));

    // It can be checked again like any other file.
    world.act(Vendor, &file, "reprocess").expect(201);
    world.reach(&file, "ready");
    assert_eq!(total(&world, &file), sum);
    world.submit(&file);
    world.act(Distributor, &file, "accept").expect(201);
    world.close(Distributor, &file);
    let closed = world.reach(&file, "closed");
    assert_eq!((&closed["stats"]["closed"], &closed["stats"]["billed"]), (&json!(count), &json!(count)));
    assert_eq!(total(&world, &file), sum);

    // Its ids are taken for ever; the next records of the month are collected by another file.
    let late = told(&world, &[records[0].clone(), record("late", "1")]);
    assert_ne!(file_of(&late), file);
    let codes: Vec<&Value> =
        late["records"][0]["errors"].as_array().expect("errors").iter().map(|it| &it["code"]).collect();
    // The period is closed besides, and the product takes no late charges.
    assert_eq!(codes, ["USG_FILE_114", "USG_FILE_009"], "{late:#}");
}

#[test]
fn each_record_is_told_what_became_of_it() {
    let world = World::new();
    let file = file_of(&told(&world, &[record("r-1", "4"), record("r-2", "2.0")]));
    let mut custom = record("r-3", "3");
    custom["v.zone"] = json!("north");
    let sent = [record("r-1", "5"), record("r-2", "2.0"), record("r-x", "many"), custom, record("r-3", "3")];
    let told = told(&world, &sent);
    assert_eq!(counts(&told), [1, 1, 2, 1], "{told:#}");
    let records = told["records"].as_array().expect("receipts");
    let results: Vec<&str> = records.iter().map(|record| record["result"].as_str().expect("a result")).collect();
    assert_eq!(results, ["conflicting", "identical", "refused", "added", "conflicting"]);
    let known = (&records[0]["known"]["quantity"], &records[4]["known"]["v.zone"]);
    assert_eq!(known, (&json!("4"), &json!("north")), "{told:#}");
    assert_eq!(records[0]["id"], json!(format!("UR{}-0000-0002", &file[2..])));
    let wrong = &records[2]["errors"][0];
    assert_eq!((&wrong["code"], &wrong["column"]), (&json!("USG_FILE_006"), &json!("quantity")), "{told:#}");
    assert!(wrong["message"].is_string() && wrong["fix"].is_string(), "{wrong:#}");
    // Another file of this contract and product that collects has the id.
    let mut other = body(&[record("r-1", "4")]);
    other["period"] = json!({ "from": "2026-10-01", "to": "2026-10-07" });
    let other = report(&world, Vendor, &other).expect(200);
    assert_eq!(other["records"][0]["errors"][0]["code"], "USG_FILE_009", "{other:#}");
    assert!(other["records"][0]["errors"][0]["message"].as_str().expect("a sentence").contains(&file), "{other:#}");
}

#[test]
fn what_is_no_report_is_refused_as_a_whole() {
    let world = World::new();
    let one = || record("r-1", "1");
    let with = |name: &str, value: Value| {
        let mut record = one();
        record[name] = value;
        body(&[record])
    };
    let without = |name: &str| {
        let mut body = body(&[one()]);
        body.as_object_mut().expect("an object").remove(name);
        body
    };
    let many: Vec<Value> = (0..10_001).map(|number| json!({ "record_id": number })).collect();
    let mut november = one();
    november["start_time_utc"] = json!("2026-11-01");
    let rows = [
        (Distributor, body(&[one()]), 403, "You do not have permission"),
        (OtherVendor, body(&[one()]), 400, "product.id: Product PRD-404-832-779 was not found."),
        (Vendor, without("contract"), 400, "contract.id: This field is required."),
        (Vendor, without("records"), 400, "records: Give at least one record."),
        (Vendor, body(&many), 413, "A report may have at most 10000 records; this one has 10001."),
        (Vendor, with("quantiti", json!(1)), 400, "records[0].quantiti: There is no such column. Use record_id,"),
        (Vendor, with("quantity", json!(true)), 400, "expected a text or a number"),
        (Vendor, with("quantity", json!({ "a": 1 })), 400, "expected a text or a number"),
        (Vendor, body(&[one(), november]), 400, "records[1].start_time_utc: 2026-11-01 is not in 2026-10"),
        (Vendor, with("start_time_utc", json!("soon")), 400, "period: Give the period"),
    ];
    for (party, body, status, sentence) in rows {
        let answer = report(&world, party, &body);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == status && text.contains(sentence), "{sentence}: {answer:?}");
    }
    let path = format!("/ledger/v1/records?contract={CONTRACT}&product={PRODUCT}");
    for (kind, text, status, sentence) in [
        ("application/x-ndjson", "{\"record_id\": \"r\"}\n\n{\"record_id\": }\n", 400, "at line 3 column 15"),
        ("text/csv", "record_id\nr\n", 415, "application/x-ndjson"),
    ] {
        let body = Body::Text(kind, text);
        let answer =
            world.request(&Request { method: "POST", path: &path, key: Some(Vendor.key()), headers: &[], body });
        let shown = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == status && shown.contains(sentence), "{sentence}: {answer:?}");
    }
    assert_eq!(world.get(Vendor, "usage/files").total(), 0, "nothing was made for what is no report");
}

#[test]
fn a_file_that_collects_takes_no_workbook_and_is_not_sealed_empty() {
    let world = World::new();
    let file = file_of(&told(&world, &[record("r-1", "many")]));
    assert_eq!(seal(&world, Vendor, &file).refusal(), (400, "USG_035".to_owned()));
    assert_eq!(world.act(Vendor, &file, "submit").refusal(), (400, "USG_035".to_owned()));
    let (workbook, _) = world.generate(CONTRACT, "book", 3);
    assert_eq!(world.upload(&file, &workbook).refusal(), (400, "USG_034".to_owned()));
    // Submitting seals it too, and the submit counts once it is ready.
    assert_eq!(counts(&told(&world, &[record("r-1", "1")])), [1, 0, 0, 0]);
    world.act(Vendor, &file, "submit").expect(201);
    world.reach(&file, "pending");
    world.act(Distributor, &file, "reject").expect(201);
    world.upload(&file, &workbook).expect(201);
    let mended = world.reach(&file, "ready");
    assert!(mended["usage_file_uri"].is_string(), "it is an ordinary file now: {mended:#}");
}

#[test]
fn calls_at_once_add_each_record_once() {
    let world = World::new();
    let records: Vec<Value> = (0..200).map(|number| record(&format!("r-{number}"), "1")).collect();
    let sums = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| counts(&told(&world, &records)))).collect();
        let all = calls.into_iter().map(|call| call.join().expect("an answer"));
        all.fold([0; 4], |sum, counts| [0, 1, 2, 3].map(|at| sum[at] + counts[at]))
    });
    assert_eq!(sums, [200, 1_400, 0, 0]);
    let files: BTreeMap<String, u64> = world
        .get(Vendor, "usage/files")
        .expect(200)
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| (file_of(&json!({ "file": file })), file["stats"]["uploaded"].as_u64().unwrap_or_default()))
        .collect();
    assert_eq!(files.into_values().collect::<Vec<_>>(), [200], "one file has them all");
}

#[test]
fn a_key_has_one_effect_also_after_the_file_was_sealed() {
    let world = World::new();
    let send = |records: &[Value]| {
        let body = body(records);
        let headers = [("Idempotency-Key", "k-1")];
        let path = "/ledger/v1/records";
        let body = Body::Json(&body);
        world.request(&Request { method: "POST", path, key: Some(Vendor.key()), headers: &headers, body })
    };
    let sent = [record("r-1", "1"), record("r-2", "x"), record("r-1", "1")];
    let first = send(&sent);
    assert_eq!(counts(&first.expect(200)), [1, 1, 0, 1]);
    let again = send(&sent);
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(send(&sent[..1]).refusal(), (422, "REQ_009".to_owned()));
    seal(&world, Vendor, &file_of(&first.json())).expect(201);
    // The answer is forgotten after ten minutes; what the key recorded never is.
    for _ in 0..601 {
        world.ours(Vendor, "GET", "events", Body::Nothing);
    }
    assert_eq!(send(&sent).json(), first.json());
}

#[test]
fn reservations_are_reported_alike() {
    let world = World::new();
    let mut catalog = demo_catalog();
    *catalog["products"][0]["capabilities"].pointer_mut("/reservation/consumption").expect("a capability") =
        json!(true);
    world.import(&catalog).expect("a sound catalog");
    let mut seat = record("seat", "1");
    seat["item_search_value"] = json!("AP-SEAT");
    let file = file_of(&told(&world, &[seat]));
    world.act(Vendor, &file, "submit").expect(201);
    world.reach(&file, "pending");
    world.act(Distributor, &file, "accept").expect(201);
    assert_eq!(world.reach(&file, "closed")["stats"]["closed"], json!(1));
}

#[test]
fn a_file_that_its_vendor_forgot_is_submitted_some_time_after_its_period() {
    let mut world = World::tuned(|settings| settings.seal_after = Some(24));
    let due = file_of(&told(&world, &[record("r-1", "1")]));
    let mut young = body(&[record("r-2", "1")]);
    young["period"] = json!({ "from": "2026-10-01", "to": "2026-11-21" });
    let young = file_of(&report(&world, Vendor, &young).expect(200));
    world.restart();
    let submitted = world.reach(&due, "pending");
    assert_eq!(submitted["events"]["sealed"]["by"], json!({ "name": "approval" }), "{submitted:#}");
    assert_eq!(world.get(Vendor, &format!("usage/files/{young}")).expect(200)["status"], "draft");
}
