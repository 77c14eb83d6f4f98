//! What happened to a file and its records, where a line of a chunk comes from, and usage by its own time.

use std::collections::BTreeMap;

use ledger::{Decimal, Hash};
use serde_json::{Value, json};

use super::http::{Body, Request};
use super::sheets::column;
use super::world::{CONTRACT, Distributor, Operator, OtherDistributor, OtherVendor, Party, Vendor, World};

fn list(world: &World, party: Party, path: &str) -> Vec<Value> {
    let found = world.ours(party, "GET", path, Body::Nothing).expect(200);
    found.as_array().expect("a list").clone()
}

fn facts(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["fact"].as_str().expect("a name")).collect()
}

/// A file that was rejected, uploaded again, accepted and closed, with three refusals on the way.
fn rejected_and_closed(world: &World) -> String {
    let file = world.pending(CONTRACT, "history", 12);
    let path = |action: &str| format!("usage/files/{file}/{action}");
    world.post(Distributor, &path("reject"), &json!({ "rejection_note": "too much" })).expect(201);
    assert_eq!(world.act(Distributor, &file, "accept").status, 400);
    assert_eq!(world.act(Vendor, &file, "submit").status, 400);
    world.upload(&file, &world.generate(CONTRACT, "corrected", 10).0).expect(201);
    assert_eq!(world.checked(&file)["status"], "ready");
    world.submit(&file);
    world.post(Distributor, &path("accept"), &json!({ "acceptance_note": "as agreed" })).expect(201);
    let chunk = format!("usage/chunks/{}/close", world.chunks(Distributor, &file)[0]["id"].as_str().expect("an id"));
    let unbilled = json!({ "external_billing_id": "" });
    (0..2).for_each(|_| assert_eq!(world.post(Distributor, &chunk, &unbilled).status, 400));
    world.close(Distributor, &file);
    world.reach(&file, "closed");
    file
}

#[test]
fn a_history_has_every_fact_and_refusal_for_those_whose_business_it_is() {
    let world = World::new();
    let file = rejected_and_closed(&world);
    let path = format!("usage/files/{file}/history?limit=1000");
    let [whole, vendors, providers] = [Operator, Vendor, Distributor].map(|party| list(&world, party, &path));
    let mut before = &Value::Null;
    for line in &whole {
        let status = &line["status"];
        assert_eq!(
            status.get("before").unwrap_or(&Value::Null),
            before,
            "each begins where the last one ended: {line:#}"
        );
        before = &status["after"];
    }
    assert_eq!((facts(&whole)[0], before), ("FileCreated", &json!("closed")));
    let only = |lines: &[Value], fact: &str| facts(lines).into_iter().filter(|own| *own == fact).count();
    assert_eq!(["FileRead", "FileRejected", "CommandRefused"].map(|fact| only(&whole, fact)), [2, 1, 2]);
    assert_eq!(["FileRead", "ChunkOpened", "CommandRefused"].map(|fact| only(&vendors, fact) > 0), [true, false, true]);
    assert_eq!(
        ["FileRead", "ChunkOpened", "CommandRefused"].map(|fact| only(&providers, fact) > 0),
        [false, true, true]
    );
    assert_eq!(only(&vendors, "CommandRefused") + only(&providers, "CommandRefused"), 2, "each sees its own");
    assert_eq!(facts(&providers)[0], "FileSubmitted", "before that it was the vendor's");
    let rejected = whole.iter().find(|line| line["fact"] == "FileRejected").expect("it was");
    assert_eq!(
        (&rejected["why"], &rejected["by"]["id"], &rejected["surface"], &rejected["status"]),
        (
            &json!("too much"),
            &json!("SU-000-000-002"),
            &json!("api"),
            &json!({ "before": "pending", "after": "rejected" })
        )
    );
    let refused = providers.iter().find(|line| line["fact"] == "CommandRefused").expect("it was");
    assert_eq!((&refused["error_code"], &refused["action"]), (&json!("USG_003"), &json!("was refused: accept, once")));
    let unclosed = providers.iter().filter(|line| line["fact"] == "BillingRefused").collect::<Vec<_>>();
    let [unclosed] = unclosed[..] else { panic!("one for a minute: {unclosed:#?}") };
    assert_eq!(
        (&unclosed["error_code"], &unclosed["action"], &unclosed["position"]["host"]),
        (&json!("VAL_001"), &json!("was refused: close-chunk, once"), &json!("extraction-0"))
    );
    assert_eq!(only(&vendors, "BillingRefused"), 0, "how its provider bills is no business of the vendor");
    for party in [OtherVendor, OtherDistributor] {
        assert_eq!(world.ours(party, "GET", &path, Body::Nothing).status, 404);
    }
    the_rest(&world, &file, &whole, rejected);
}

/// Goal: a history says by which way the holder of a key came. Method: the same key acts on one file with a program that
/// names itself as it likes, with the command line's name, and in the portal; nothing that is sent makes it the portal.
#[test]
fn a_history_says_by_which_way_somebody_came() {
    let world = World::new();
    let said = |file: &str, fact: &str, refused: bool| {
        let lines = list(&world, Operator, &format!("usage/files/{file}/history?limit=1000"));
        let line = lines.iter().rfind(|line| line["fact"] == fact).unwrap_or_else(|| panic!("{lines:#?}"));
        assert_eq!(line["error_code"].is_null(), !refused, "{line:#}");
        (line["by"]["id"].clone(), line["surface"].clone())
    };
    let path = |file: &str, action: &str| format!("/public/v1/usage/files/{file}/{action}");
    for (prefix, agent, surface) in [
        ("surface-1", None, "api"),
        ("surface-2", Some("curl/8.5.0 usage-ledger/1.0"), "api"),
        ("surface-3", Some("portal"), "api"),
        ("surface-4", Some("usage-ledger/0.1.0"), "cli"),
    ] {
        let file = world.pending(CONTRACT, prefix, 3);
        let headers: Vec<(&str, &str)> = agent.map(|agent| ("User-Agent", agent)).into_iter().collect();
        let send = |action: &str, body: &str| {
            let path = path(&file, action);
            let body = Body::Text("application/json", body);
            let key = Some(Distributor.key());
            world.request(&Request { method: "POST", path: &path, key, headers: &headers, body }).status
        };
        assert_eq!(send("accept", "{}"), 201, "{agent:?}");
        assert_eq!(said(&file, "FileAccepted", false), (json!("SU-000-000-002"), json!(surface)), "{agent:?}");
        assert_eq!(send("reject", r#"{"rejection_note":"no"}"#), 400, "{agent:?}");
        assert_eq!(said(&file, "CommandRefused", true), (json!("SU-000-000-002"), json!(surface)), "{agent:?}");
    }
}

/// Pages, NDJSON, filters, the past, and records.
fn the_rest(world: &World, file: &str, whole: &[Value], rejected: &Value) {
    let path = format!("/ledger/v1/usage/files/{file}/history");
    let headers = [("Accept", "application/x-ndjson")];
    let request =
        Request { method: "GET", path: &path, key: Some(Operator.key()), headers: &headers, body: Body::Nothing };
    let text = String::from_utf8(world.request(&request).body).expect("text");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines, whole);
    let path = format!("usage/files/{file}/history");
    assert_eq!(list(world, Operator, &format!("{path}?fact=FileRejected")), std::slice::from_ref(rejected));
    assert_eq!(list(world, Operator, &format!("{path}?limit=2&offset=3")), whole[3..5]);
    let at = rejected["recorded_at"].as_str().expect("a time").replace('+', "%2B");
    let then = list(world, Operator, &format!("{path}?limit=1000&as_of={at}"));
    assert_eq!((then.last(), then.len() < whole.len()), (Some(rejected), true));
    let reproduced = world.get(Vendor, &format!("usage/files/{file}?as_of={at}")).expect(200);
    assert_eq!(reproduced["status"], "rejected");

    let record = world.records(Vendor, file)[0]["id"].as_str().expect("an id").to_owned();
    let lines = list(world, Distributor, &format!("usage/records/{record}/history"));
    assert_eq!(facts(&lines)[0], "FileSubmitted");
    assert!(
        ["FileAccepted", "ChunkFilled", "RecordsClosed"].iter().all(|fact| facts(&lines).contains(fact)),
        "{lines:#?}"
    );
    let closed = lines.iter().find(|line| line["fact"] == "RecordsClosed").expect("it was closed");
    assert_eq!(closed["status"], json!({ "before": "approved", "after": "closed" }));
}

#[test]
fn a_line_of_a_chunk_leads_to_the_cell_that_it_was_read_from_and_back() {
    let world = World::new();
    let (workbook, _) = world.generate(CONTRACT, "trace", 40);
    let file = world.create(CONTRACT);
    world.upload(&file, &workbook).expect(201);
    assert_eq!(world.checked(&file)["status"], "ready");
    world.submit(&file);
    world.act(Distributor, &file, "accept").expect(201);
    let sent = std::fs::read(&workbook).expect("the workbook");
    let (digest, uploaded) = (Hash::of(&sent), column(&sent, "record_id"));
    for chunk in world.chunks(Distributor, &file) {
        let id = chunk["id"].as_str().expect("an id");
        let lines = column(&world.get(Distributor, &format!("usage/chunks/{id}/download")).body, "record_id");
        for (row, record_id) in (2..).zip(&lines) {
            let found = list(&world, Distributor, &format!("usage/provenance/{id}:{row}"));
            let [found] = &found[..] else { panic!("one record: {found:#?}") };
            let cell = found["cells"].as_array().expect("cells").iter().find(|cell| cell["column"] == "record_id");
            let cell = cell.expect("it has an id");
            assert_eq!((&cell["raw"], &found["workbook"]["sha256"]), (&json!(record_id), &json!(digest.to_string())));
            assert_eq!(found["chunk"], json!({ "id": id, "row": row }));
            let source = found["row"].as_u64().expect("a row");
            assert_eq!(uploaded[usize::try_from(source).expect("small") - 2], *record_id, "{cell:#}");
            assert!(cell["cell"].as_str().expect("an address").ends_with(&source.to_string()));
            if row == 2 {
                let up = list(&world, Vendor, &format!("usage/provenance/{digest}:{source}"));
                assert_eq!(
                    (&up[0]["record"], up[0].get("chunk")),
                    (&found["record"], None),
                    "chunks are the provider's"
                );
                let of_record = format!("usage/provenance/{}", found["record"].as_str().expect("an id"));
                assert_eq!(list(&world, Distributor, &of_record), std::slice::from_ref(found));
                assert_eq!(world.ours(OtherDistributor, "GET", &of_record, Body::Nothing).status, 404);
            }
        }
        let beyond = format!("usage/provenance/{id}:{}", lines.len() + 2);
        assert_eq!(world.ours(Distributor, "GET", &beyond, Body::Nothing).status, 404);
    }
    by_the_vendors_own_id(&world, &file, &uploaded);
    let foreign = format!("usage/provenance/{digest}:2");
    assert_eq!(world.ours(OtherVendor, "GET", &foreign, Body::Nothing).status, 404);
}

/// The vendor knows a record by the id that it gave it: it is found within its file and its contract, by whoever sees it.
fn by_the_vendors_own_id(world: &World, file: &str, uploaded: &[String]) {
    let id = &uploaded[7];
    let found = |party, of: &str, rest: &str| {
        let path = format!("usage/provenance/{of}?record_id={}{rest}", id.replace('/', "%2F"));
        let answer = world.ours(party, "GET", &path, Body::Nothing);
        if answer.status == 200 { Ok(answer.json()) } else { Err(answer.refusal()) }
    };
    let [one] = &found(Vendor, file, "").expect("it is there").as_array().expect("a list").clone()[..] else {
        panic!("one record has it")
    };
    assert_eq!((&one["row"], &one["usagefile"]), (&json!(9), &json!(file)));
    for party in [Vendor, Distributor, Operator] {
        for (of, rest) in [(CONTRACT, ""), (CONTRACT, "&product=PRD-404-832-779"), (file, "")] {
            assert_eq!(found(party, of, rest).expect("it is there")[0]["record"], one["record"], "{of}{rest}");
        }
    }
    let missing = Err((404, "NFND_000".to_owned()));
    for (party, of, rest) in [
        (OtherVendor, CONTRACT, ""),
        (OtherDistributor, CONTRACT, ""),
        (OtherVendor, file, ""),
        (Vendor, CONTRACT, "&product=PRD-000-000-000"),
        (Vendor, "CRD-00000-00000-00000", ""),
        (Vendor, CONTRACT, "&as_of=2020-01-01"),
    ] {
        assert_eq!(found(party, of, rest), missing, "{of}{rest}");
    }
    let wrong = Err((400, "VAL_001".to_owned()));
    let record = one["record"].as_str().expect("an id");
    assert_eq!(found(Vendor, record, ""), wrong, "a record and an id");
    assert_eq!(found(Vendor, file, "&record_id=another"), wrong, "two ids");
    let nameless = world.ours(Vendor, "GET", &format!("usage/provenance/{file}"), Body::Nothing).refusal();
    assert_eq!(nameless, (400, "VAL_001".to_owned()));
}

#[test]
fn aggregates_of_a_time_of_usage_add_up_to_those_of_all_time() {
    let world = World::new();
    world.accepted(CONTRACT, "october", 60);
    let sums = |usage: &str| -> BTreeMap<(String, String), Decimal> {
        let found = world.get(Vendor, &format!("usage/aggregates?limit=1000{usage}")).expect(200);
        let key = |one: &Value| (one["asset"]["id"].to_string(), one["item"]["id"].to_string());
        let accepted = |one: &Value| Decimal::parse(&one["accepted"].to_string()).expect("a number");
        found.as_array().expect("a list").iter().map(|one| (key(one), accepted(one))).collect()
    };
    let whole = sums("");
    assert!(whole.len() > 3, "{whole:?}");
    assert_eq!(sums("&usage=2026-10"), whole, "all of it is about October");
    assert_eq!(sums("&usage=2026-09..2026-11"), whole);
    assert_eq!(sums("&usage=2026-09"), BTreeMap::new());
    let mut joined = sums("&usage=2026-10-01..2026-10-15");
    let later = sums("&usage=2026-10-16..2026-10-31");
    assert!(!joined.is_empty() && !later.is_empty() && joined != whole, "the file reaches over the edge");
    for (key, quantity) in later {
        let sum = joined.entry(key).or_insert(Decimal::ZERO);
        *sum = sum.saturating_add(quantity);
    }
    assert_eq!(joined, whole);
    let before = world.get(Vendor, "usage/aggregates?usage=2026-10&as_of=2026-11-22T00:00:00Z").expect(200);
    assert_eq!(before, json!([]), "nothing was known of October when the ledger began");
    assert_eq!(world.get(Vendor, "usage/aggregates?usage=october").status, 400);
}
