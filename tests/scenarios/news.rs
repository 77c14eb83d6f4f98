//! Being told what happens: the feed of events, read page by page and waited for, and the progress of one file.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::http::{Answer, Body, Request, call};
use super::sheets;
use super::world::{
    CONTRACT, Distributor, Operator, OtherDistributor, OtherVendor, PREVIEW_CONTRACT, PRODUCT, Party, Reseller, Vendor,
    World,
};

/// Who reads: first those whom the files concern.
const PARTIES: [Party; 6] = [Vendor, Distributor, Operator, OtherVendor, OtherDistributor, Reseller];

/// A page of the feed.
fn page(world: &World, party: Party, query: &str) -> Answer {
    world.ours(party, "GET", &format!("events?{query}"), Body::Nothing)
}

/// The whole feed in pages of one size, from the beginning; the reader keeps nothing but its cursor, and now and then
/// the product is started anew.
fn feed(world: &mut World, party: Party, limit: usize, restart_every: usize) -> Vec<Value> {
    let (mut events, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let shown = page(world, party, &format!("after={cursor}&limit={limit}")).expect(200);
        let found = shown["events"].as_array().expect("a list");
        assert!(found.len() <= limit);
        events.extend(found.iter().cloned());
        cursor = shown["cursor"].as_str().expect("a cursor").to_owned();
        if shown["more"] == false {
            return events;
        }
        pages += 1;
        if pages % restart_every == 0 {
            world.restart();
        }
    }
}

/// Type and object of each event about one file and its parts.
fn about(events: &[Value], file: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of_file = |event: &&Value| event["object"]["id"] == file || event["object"]["usagefile"]["id"] == file;
    events.iter().filter(of_file).map(|event| (text(&event["type"]), text(&event["object"]["id"]))).collect()
}

fn types(events: &[Value], file: &str) -> Vec<String> {
    about(events, file).into_iter().map(|(name, _)| name).collect()
}

/// A file that is rejected once, mended, accepted and billed by chunk and by a reconciliation.
fn a_life(world: &World) -> String {
    let file = world.pending(CONTRACT, "life", 30);
    world.act(Distributor, &file, "reject").expect(201);
    let mended = world.generate(CONTRACT, "life-again", 30).0;
    world.upload(&file, &mended).expect(201);
    world.checked(&file);
    world.submit(&file);
    world.act(Distributor, &file, "accept").expect(201);
    let chunks = world.chunks(Distributor, &file);
    let name = format!("usage/chunks/{}", chunks[0]["id"].as_str().expect("an id"));
    world.send(Distributor, "PUT", &name, Body::Json(&json!({ "external_id": "batch" }))).expect(200);
    let path = world.path("reconciliation.xlsx");
    let record = world.records(Distributor, &file)[0]["record_id"].as_str().expect("an id").to_owned();
    sheets::reconciliation(&path, &file, "record_id", &[[&record, "INV", ""]]);
    let to = format!("usage/files/{file}/reconciliation");
    world.send(Distributor, "POST", &to, Body::Workbook("recon_file", &path)).expect(201);
    let ended = |all: &Value| all.as_array().expect("a list").iter().all(|one| one["status"] == "processed");
    world.wait(Distributor, &format!("usage/reconciliations?usagefile.id={file}"), ended);
    world.close(Distributor, &file);
    world.reach(&file, "closed");
    file
}

/// What a vendor reads of such a life, besides how its records were billed.
const OF_VENDOR: [&str; 10] = [
    "usage_file.created",
    "usage_file.uploaded",
    "usage_file.checked",
    "usage_file.submitted",
    "usage_file.rejected",
    "usage_file.uploaded",
    "usage_file.checked",
    "usage_file.submitted",
    "usage_file.accepted",
    "usage_file.closed",
];

#[test]
fn every_event_of_a_life_comes_once_to_whom_it_concerns_whatever_the_pages() {
    let mut world = World::new();
    let file = a_life(&world);
    let preview = world.accepted(PREVIEW_CONTRACT, "preview", 10);
    let secret = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "external_id": "secret-id" });
    let draft = world.create_with(&secret);
    let whole: Vec<Vec<Value>> = PARTIES.iter().map(|party| feed(&mut world, *party, 1_000, usize::MAX)).collect();
    for (party, whole) in PARTIES.iter().zip(&whole) {
        for (limit, restart_every) in [(1, 60), (3, 30), (7, usize::MAX)] {
            assert_eq!(&feed(&mut world, *party, limit, restart_every), whole, "{party:?} in pages of {limit}");
        }
        let ids: BTreeSet<String> = whole.iter().map(|event| event["id"].to_string()).collect();
        assert_eq!(ids.len(), whole.len(), "{party:?}: each event once");
    }
    let [vendor, distributor, operator, strangers @ ..] = &whole[..] else { panic!("three parties and strangers") };
    let (closings, told): (Vec<String>, Vec<String>) =
        types(vendor, &file).into_iter().partition(|name| name == "usage_file.records_closed");
    assert_eq!(told, OF_VENDOR);
    assert!(closings.len() >= 3, "by the reconciliation and by each chunk");
    // The provider reads from the submission on, and of its own chunks.
    let told = types(distributor, &file);
    let first: Vec<&str> = told.iter().take(4).map(String::as_str).collect();
    let passed = ["submitted", "rejected", "submitted", "accepted"].map(|name| format!("usage_file.{name}"));
    assert_eq!(first, passed);
    for name in ["extracted", "records_closed", "closed"].map(|name| format!("usage_file.{name}")) {
        assert!(told.contains(&name), "{name} is missing: {told:?}");
    }
    for name in ["usage_chunk.ready", "usage_chunk.updated", "usage_chunk.closed", "reconciliation.processed"] {
        assert!(told.iter().any(|told| told == name), "{name} is missing: {told:?}");
        assert!(!types(vendor, &file).iter().any(|told| told == name), "{name} is the provider's");
    }
    for name in ["created", "uploaded", "checked", "updated"].map(|name| format!("usage_file.{name}")) {
        assert!(!told.contains(&name), "{name} is the vendor's");
    }
    // In preview the vendor plays both sides, and the provider hears of nothing.
    assert!(types(vendor, &preview).contains(&"usage_chunk.ready".to_owned()));
    assert_eq!(about(distributor, &preview), []);
    for stranger in strangers {
        for file in [&file, &preview, &draft] {
            assert_eq!(about(stranger, file), []);
        }
    }
    assert!(about(operator, &file).len() > about(vendor, &file).len());
    for (party, events) in PARTIES.iter().zip(&whole) {
        assert!(!json!(events).to_string().contains("secret-id"), "{party:?}");
    }
}

#[test]
fn a_reader_that_waits_is_told_of_the_next_event_and_of_none_that_is_not_its_own() {
    let world = World::new();
    world.create(CONTRACT);
    let now = |party| {
        let shown = page(&world, party, "after=now").expect(200);
        assert_eq!(shown["events"], json!([]), "what was is over");
        shown["cursor"].as_str().expect("a cursor").to_owned()
    };
    let (vendor, stranger) = (now(Vendor), now(OtherVendor));
    let (file, shown) = std::thread::scope(|scope| {
        let waits = scope.spawn(|| page(&world, Vendor, &format!("after={vendor}&wait=60")));
        let file = world.create(CONTRACT);
        (file, waits.join().expect("an answer").expect(200))
    });
    assert_eq!(about(shown["events"].as_array().expect("a list"), &file), [("usage_file.created".to_owned(), file)]);
    let shown = page(&world, OtherVendor, &format!("after={stranger}&wait=1")).expect(200);
    assert_eq!((&shown["events"], &shown["more"]), (&json!([]), &json!(false)));
    assert_ne!(shown["cursor"], stranger, "it needn't look at the same facts again");
}

#[test]
fn a_cursor_that_was_not_given_here_and_a_number_out_of_bounds_are_refused() {
    let world = World::new();
    let given = page(&world, Vendor, "").expect(200)["cursor"].as_str().expect("a cursor").to_owned();
    let other = World::new();
    other.create(CONTRACT);
    let foreign = page(&other, Vendor, "").expect(200)["cursor"].as_str().expect("a cursor").to_owned();
    let cut = &given[..given.len() - 2];
    let (low, high) = (given.replacen('0', "1", 1), format!("{given}00"));
    for after in [cut, &low, &high, "nonsense", &foreign] {
        let answer = page(&world, Vendor, &format!("after={after}"));
        assert_eq!(answer.refusal(), (400, "VAL_001".to_owned()), "{after}");
        assert!(answer.json()["errors"][0].as_str().expect("a sentence").starts_with("after: "));
    }
    for query in ["limit=0", "limit=1001", "limit=many", "wait=61", "wait=-1"] {
        assert_eq!(page(&world, Vendor, query).refusal(), (400, "VAL_001".to_owned()), "{query}");
    }
    let unknown = Request { method: "GET", path: "/ledger/v1/events", key: None, headers: &[], body: Body::Nothing };
    assert_eq!(call(world.product().address, &unknown).status, 401);
}

/// The events of a stream that has ended: their names and what they say.
fn stream(world: &World, party: Party, file: &str) -> Vec<(String, Value)> {
    let answer = world.ours(party, "GET", &format!("usage/files/{file}/progress"), Body::Nothing);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.head.to_ascii_lowercase().contains("content-type: text/event-stream"), "{}", answer.head);
    let text = String::from_utf8(answer.body).expect("text");
    let blocks = text.split("\n\n").filter(|block| block.contains("data: "));
    let event = |block: &str| {
        let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        (line("event: ").to_owned(), serde_json::from_str(line("data: ")).expect("JSON"))
    };
    blocks.map(event).collect()
}

#[test]
fn progress_is_told_until_nothing_more_happens_by_itself() {
    let world = World::new();
    let file = world.create(CONTRACT);
    let statuses = |events: &[(String, Value)]| -> Vec<String> {
        events.iter().map(|(_, state)| state["status"].as_str().expect("a status").to_owned()).collect()
    };
    assert_eq!(statuses(&stream(&world, Vendor, &file)), ["draft", "draft"], "a state and an end");
    let (workbook, _): (PathBuf, _) = world.generate(CONTRACT, "progress", 20_000);
    world.upload(&file, &workbook).expect(201);
    let events = stream(&world, Vendor, &file);
    let (end, before) = events.split_last().expect("events");
    assert_eq!(end.0, "end");
    assert!(!before.is_empty() && before.iter().all(|(name, _)| name == "progress"), "{events:?}");
    assert_eq!(before.last().map(|(_, state)| state), Some(&end.1), "the end repeats the last state");
    assert_eq!((&end.1["status"], &end.1["stats"]["validated"]), (&json!("ready"), &json!(20_000)));
    let order = ["uploaded", "processing", "ready"];
    let places: Vec<_> = statuses(&events).iter().map(|name| order.iter().position(|known| known == name)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{events:?}");
    let read: Vec<u64> = before.iter().filter_map(|(_, state)| state["progress"]["read"].as_u64()).collect();
    assert!(read.is_sorted(), "{read:?}");
    // A submit that waits for the verdict is carried out before the stream ends.
    world.act(Vendor, &file, "reprocess").expect(201);
    world.act(Vendor, &file, "submit").expect(201);
    assert_eq!(statuses(&stream(&world, Vendor, &file)).last().map(String::as_str), Some("pending"));
    world.act(Distributor, &file, "accept").expect(201);
    let events = stream(&world, Distributor, &file);
    let (_, end) = events.last().expect("an end");
    assert_eq!((&end["status"], &end["sub_status"]), (&json!("accepted"), &json!("processed")));
    assert!(events.iter().all(|(_, state)| state.get("progress").is_none()), "the vendor's alone");
    for stranger in [OtherVendor, OtherDistributor] {
        let path = format!("usage/files/{file}/progress");
        assert_eq!(world.ours(stranger, "GET", &path, Body::Nothing).status, 404);
    }
    assert_eq!(stream(&world, Operator, &file).len(), 2);
}

#[test]
fn who_waits_for_news_is_answered_when_the_product_stops() {
    let mut world = World::new();
    let address = world.product().address;
    let waits = |key: &'static str, path: &'static str| {
        let request = move || Request { method: "GET", path, key: Some(key), headers: &[], body: Body::Nothing };
        std::thread::spawn(move || call(address, &request()))
    };
    let reader =
        waits("ApiKey SU-000-000-004:demo-only-second-distributor-secret", "/ledger/v1/events?after=now&wait=60");
    let metrics = Request { method: "GET", path: "/metrics", key: None, headers: &[], body: Body::Nothing };
    let waiting =
        || String::from_utf8(call(address, &metrics).body).expect("text").contains("usage_ledger_waiting 1\n");
    world.until("a client waits", waiting);
    world.stop();
    assert_eq!(reader.join().expect("an answer").expect(200)["events"], json!([]));
}
