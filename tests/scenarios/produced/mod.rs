//! Producers over NATS: the same receipts as over HTTP, and a stream that loses nothing, doubles nothing, and lays aside
//! what can't be taken.

mod document;
mod examples;
mod kills;
mod poison;
mod producer;

use std::collections::BTreeSet;

use proto::report::{RecordResult, UsageReport};
use serde_json::{Value, json};

use super::http::Body;
use super::world::{CONTRACT, PRODUCT, Vendor, World, demo_catalog};
use producer::{Producer, Report};

const JSON: &str = "application/json";

/// A sound record of a day of October.
fn record(id: &str, quantity: &str) -> Value {
    json!({
        "record_id": id, "item_search_criteria": "item.mpn", "item_search_value": "AP-CPU", "quantity": quantity,
        "start_time_utc": "2026-10-01 00:00:00", "end_time_utc": "2026-10-02 00:00:00",
        "asset_search_criteria": "asset.id", "asset_search_value": "AS-8919-8653-9735",
    })
}

fn body(records: &[Value]) -> Value {
    json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "records": records })
}

fn about() -> String {
    format!("{CONTRACT}.{PRODUCT}")
}

fn in_json(body: &Value) -> Report {
    Report { about: about(), kind: JSON, key: String::new(), bytes: body.to_string().into_bytes() }
}

/// A body as protobuf.
fn in_protobuf(body: &Value) -> Report {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let cells = |record: &Value| {
        let cells = record.as_object().expect("a record").iter();
        cells.map(|(name, value)| (name.clone().into(), text(value).expect("a text"))).collect()
    };
    let report = UsageReport {
        contract: text(&body["contract"]["id"]),
        period_from: text(&body["period"]["from"]),
        period_to: text(&body["period"]["to"]),
        records: body["records"].as_array().expect("records").iter().map(cells).collect(),
        ..UsageReport::default()
    };
    let bytes = proto::encode_report(&report).expect("within the limits");
    Report { about: about(), bytes, ..Report::default() }
}

/// What protobuf says, as the API says it.
fn as_json(bytes: &[u8]) -> Value {
    let receipt = match proto::decode_report_reply(bytes).expect("a reply") {
        Ok(receipt) => receipt,
        Err(refusal) => return json!({ "error_code": refusal.code, "errors": refusal.errors }),
    };
    let given = |members: Vec<(&str, Value)>| {
        let members = members.into_iter().filter(|(_, value)| !value.is_null() && *value != json!([]));
        Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect())
    };
    let result = |result| match result {
        RecordResult::Added => "added",
        RecordResult::Identical => "identical",
        RecordResult::Conflicting => "conflicting",
        RecordResult::Refused => "refused",
    };
    let records = receipt.records.into_iter().map(|it| {
        let known: serde_json::Map<String, Value> =
            it.known.into_iter().map(|(column, value)| (column, json!(value))).collect();
        let errors = it.errors.into_iter().map(|it| {
            given(vec![
                ("code", json!(it.code)),
                ("column", json!(it.column)),
                ("message", json!(it.message)),
                ("fix", json!(it.fix)),
            ])
        });
        given(vec![
            ("record_id", json!(it.record_id)),
            ("result", json!(result(it.result))),
            ("id", json!(it.id)),
            ("known", if known.is_empty() { Value::Null } else { Value::Object(known) }),
            ("errors", json!(errors.collect::<Vec<_>>())),
        ])
    });
    let file = given(vec![
        ("id", json!(receipt.file)),
        ("name", json!(receipt.name)),
        ("schema", json!(receipt.schema)),
        ("currency", json!(receipt.currency)),
    ]);
    json!({
        "file": file, "added": receipt.added, "identical": receipt.identical, "conflicting": receipt.conflicting,
        "refused": receipt.refused, "records": records.collect::<Vec<_>>(),
    })
}

/// The ids of all reported records, each as often as it is there.
fn reported(world: &World) -> Vec<String> {
    let files = world.get(Vendor, "usage/files?limit=100").expect(200);
    let files = files.as_array().expect("a list").iter();
    let records = files.flat_map(|file| world.records(Vendor, file["id"].as_str().expect("an id")));
    let mut ids: Vec<String> = records.map(|record| record["record_id"].as_str().expect("an id").to_owned()).collect();
    ids.sort_unstable();
    ids
}

/// Goal: a producer is told what the API would tell. Method: the same calls one after the other to a ledger over HTTP and
/// to two others over NATS, in JSON and in protobuf.
#[test]
fn a_receipt_over_nats_says_what_one_over_http_does() {
    let (mut first, mut second) = (World::apart(), World::apart());
    let whole = World::new();
    let (json, wire) = (Producer::new(&first.nats().url()), Producer::new(&second.nats().url()));
    let many: Vec<Value> = (0..3_000).map(|number| record(&format!("bad-{number}"), "many")).collect();
    let later = json!({ "from": "2026-10-01", "to": "2026-10-15" });
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let mut november = record("n", "1");
    november["start_time_utc"] = "2026-11-01 00:00:00".into();
    for (number, body) in [
        body(&[record("a", "4"), record("b", "2")]),
        body(&[record("a", "4"), record("b", "3"), record("c", "much"), record("d", "4.50"), record("e", "4.0")]),
        with(body(&[record("g", "1")]), "period", later),
        with(body(&[record("g", "1")]), "period", json!({ "from": "2026-10-31", "to": "2026-10-01" })),
        body(&[]),
        body(&[record("f", "1"), november]),
        body(&[json!({ "colour": "red" })]),
        // Longer than a message: it comes in parts.
        body(&many),
    ]
    .iter()
    .enumerate()
    {
        let told = whole.ours(Vendor, "POST", "records", Body::Json(body));
        let (status, bytes) = json.ask(&in_json(body));
        assert_eq!(status, told.status, "call {number}");
        assert_eq!(serde_json::from_slice::<Value>(&bytes).expect("JSON"), told.json(), "call {number} in JSON");
        let (status, bytes) = wire.ask(&in_protobuf(body));
        assert_eq!(status, told.status, "call {number}");
        assert_eq!(as_json(&bytes), told.json(), "call {number} in protobuf");
    }
    let history = first.get(Vendor, "usage/files?limit=1").expect(200);
    let by = &history[0]["events"]["created"]["by"];
    assert_eq!(by["name"], "producer over NATS", "{history:#}");
}

/// Goal: a key does what `Idempotency-Key` does over HTTP.
#[test]
fn a_key_makes_a_report_count_once_and_is_refused_for_another() {
    let mut world = World::apart();
    let producer = Producer::new(&world.nats().url());
    let keyed = |body: &Value| Report { key: "run-1".to_owned(), ..in_json(body) };
    let first = producer.ask(&keyed(&body(&[record("a", "1")])));
    assert_eq!(first.0, 200);
    assert_eq!(producer.ask(&keyed(&body(&[record("a", "1")]))), first, "to the byte");
    world.restart();
    let (status, told) = producer.ask(&keyed(&body(&[record("a", "1")])));
    assert_eq!((status, serde_json::from_slice::<Value>(&told).unwrap()["added"].clone()), (200, json!(1)));
    let (status, told) = producer.ask(&keyed(&body(&[record("b", "1")])));
    assert_eq!(
        (status, serde_json::from_slice::<Value>(&told).unwrap()["error_code"].clone()),
        (422, json!("REQ_009"))
    );
    assert_eq!(reported(&world), ["a"]);
}

/// Goal: poison harms nobody but itself. Method: every kind of it between sound reports; each poison is laid aside with
/// a reason of its own, each neighbour is in the ledger once.
#[test]
fn what_cannot_be_taken_is_laid_aside_and_its_neighbours_are_taken() {
    let mut world = World::apart();
    let producer = Producer::new(&world.nats().url());
    let known = Report { key: "used".to_owned(), ..in_json(&body(&[record("known", "1")])) };
    assert_eq!(producer.ask(&known).0, 200);
    let poison = poison::all();
    assert!(poison.len() >= 40, "{}", poison.len());
    let mut neighbours = BTreeSet::from(["known".to_owned()]);
    for (number, (poison, _)) in poison.iter().enumerate() {
        let id = format!("neighbour-{number:03}");
        producer.publish(&in_json(&body(&[record(&id, "1")])));
        assert!(!producer.publish(poison), "{poison:?}");
        neighbours.insert(id);
    }
    producer.settled();
    let letters = producer.letters();
    for (report, reason) in &poison {
        let letter = letters.iter().find(|letter| {
            letter.bytes == report.bytes
                && letter.subject == format!("reports.{}", report.about)
                && letter.content_type.as_deref().unwrap_or_default() == report.kind
                && letter.key.as_deref().unwrap_or_default() == report.key
        });
        let letter = letter.unwrap_or_else(|| panic!("none for {report:?}"));
        assert!(letter.reason.contains(reason), "{report:?}: {letter:?}");
        assert!(!letter.codes.is_empty() || reason.contains("other values"), "{letter:?}");
        assert_eq!(letter.tries, 1, "{letter:?}");
    }
    assert_eq!(letters.len(), poison.len(), "{letters:#?}");
    assert_eq!(reported(&world), neighbours.into_iter().collect::<Vec<_>>());
    producer.drop_letter(&letters[0]);
    assert_eq!(producer.letters().len(), poison.len() - 1);
}

/// Goal: whoever mends what was wrong gets the usage in, once. Method: a report about a subscription that the catalog
/// doesn't have yet.
#[test]
fn a_dead_letter_is_taken_once_the_catalog_is_mended() {
    let mut world = World::apart();
    let producer = Producer::new(&world.nats().url());
    let mut late = record("late", "1");
    late["asset_search_value"] = "AS-0000-0000-0001".into();
    let report = Report { key: "k".to_owned(), ..in_json(&body(&[record("early", "1"), late])) };
    producer.publish(&report);
    producer.settled();
    let letters = producer.letters();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(reported(&world), ["early"]);
    // Sent again before anything was mended it comes back.
    producer.redrive(&letters[0]);
    producer.settled();
    let letters = producer.letters();
    assert_eq!(letters.len(), 1, "{letters:?}");
    let mut catalog = demo_catalog();
    let list = catalog["assets"].as_array_mut().expect("subscriptions");
    let mut added = list.iter().find(|it| it["id"] == "AS-8919-8653-9735").expect("the known one").clone();
    added["id"] = "AS-0000-0000-0001".into();
    added["external_id"] = "late".into();
    added["external_uid"] = "late".into();
    list.push(added);
    world.import(&catalog).expect("it is sound");
    producer.redrive(&letters[0]);
    producer.settled();
    assert_eq!(producer.letters(), []);
    assert_eq!(reported(&world), ["early", "late"]);
}

/// Goal: a report that ends whoever takes it doesn't do so for ever. Method: somebody takes it five times and gives it
/// back, as JetStream does with one whose gateway is gone; the sixth doesn't try.
#[test]
fn a_report_that_comes_to_no_end_is_laid_aside() {
    let mut world = World::apart();
    let producer = Producer::new(&world.nats().url());
    producer.publish(&in_json(&body(&[record("first", "1")])));
    producer.settled();
    world.stop();
    producer.publish(&in_json(&body(&[record("deadly", "1")])));
    producer.take_and_fail(5);
    producer.publish(&in_json(&body(&[record("next", "1")])));
    world.start();
    producer.settled();
    let letters = producer.letters();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!((letters[0].tries, letters[0].reason.as_str()), (6, "5 tries came to no end."));
    assert_eq!(reported(&world), ["first", "next"]);
}
