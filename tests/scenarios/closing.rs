//! Closing what was accepted: by reconciliation, record by record, chunk by chunk.

use serde_json::{Value, json};

use super::http::{Answer, Body};
use super::sheets;
use super::world::{CONTRACT, Distributor, Vendor, World};

const RECORDS: usize = 60;

/// The records' own ids and the vendor's ids, in the file's order.
pub(super) fn ids(world: &World, file: &str) -> Vec<(String, String)> {
    let text = |record: &Value, name: &str| record[name].as_str().expect("an id").to_owned();
    world.records(Distributor, file).iter().map(|record| (text(record, "id"), text(record, "record_id"))).collect()
}

/// Rows of the same billing.
pub(super) fn billed<'a>(ids: &'a [(String, String)], billing: &'a str) -> Vec<[&'a str; 3]> {
    ids.iter().map(|(_, vendors)| [vendors.as_str(), billing, ""]).collect()
}

fn send(world: &World, file: &str, report_id: &str, key: &str, rows: &[[&str; 3]]) -> Answer {
    let path = world.path("reconciliation.xlsx");
    sheets::reconciliation(&path, report_id, key, rows);
    let to = format!("usage/files/{file}/reconciliation");
    world.send(Distributor, "POST", &to, Body::Workbook("recon_file", &path))
}

/// Uploads a reconciliation and waits for its end: the note of one that was processed, the error of one that failed.
pub(super) fn reconcile(
    world: &World,
    file: &str,
    report_id: &str,
    key: &str,
    rows: &[[&str; 3]],
) -> Result<String, String> {
    send(world, file, report_id, key, rows).expect(201);
    let all = format!("usage/reconciliations?usagefile.id={file}");
    let ended = |shown: &Value| {
        let all = shown.as_array().expect("a list");
        all.iter().all(|one| one["status"] == "processed" || one["status"] == "failed")
    };
    let all = world.wait(Distributor, &all, ended);
    let last = all.as_array().and_then(|all| all.iter().max_by_key(|one| one["id"].to_string())).expect("one");
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{last:#}")).to_owned();
    match last["status"].as_str() {
        Some("processed") => Ok(text(&last["notes"]["processing"])),
        _ => Err(text(&last["error"]["detail"])),
    }
}

/// What the newest reconciliation says became of each of its rows.
fn results(world: &World, file: &str) -> Vec<String> {
    let all = world.get(Distributor, &format!("usage/reconciliations?usagefile.id={file}")).expect(200);
    let ids = all.as_array().into_iter().flatten().map(|one| one["id"].as_str().expect("an id"));
    let last = ids.max().expect("one");
    let path = format!("usage/reconciliations/{last}/processedfile");
    assert_eq!(world.get(Vendor, &path).status, 404, "it is the distributor's");
    sheets::column(&world.get(Distributor, &path).body, "result")
}

fn status(world: &World, file: &str) -> (String, u64) {
    let shown = world.get(Distributor, &format!("usage/files/{file}")).expect(200);
    (shown["status"].as_str().unwrap_or_default().to_owned(), shown["stats"]["closed"].as_u64().unwrap_or(0))
}

#[test]
fn a_partial_reconciliation_says_what_is_open_and_a_second_one_completes() {
    let world = World::new();
    let file = world.accepted(CONTRACT, "partial", RECORDS as u32);
    let ids = ids(&world, &file);
    let note = reconcile(&world, &file, &file, "record_id", &billed(&ids[..40], "INV-1")).expect("processed");
    assert_eq!(note, "40 records closed, 20 open (rows 42, 43, 44, 45, 46, …).");
    assert_eq!(status(&world, &file), ("accepted".to_owned(), 40));
    let statuses: Vec<Value> =
        world.records(Distributor, &file).iter().map(|record| record["status"].clone()).collect();
    assert!(statuses[..40].iter().all(|it| it == "closed") && statuses[40..].iter().all(|it| it == "approved"));
    // The whole workbook again: what is closed stays as it was, the rest follows.
    let note = reconcile(&world, &file, &file, "record_id", &billed(&ids, "INV-1")).expect("processed");
    assert_eq!(note, "20 records closed, 0 open.");
    assert_eq!(status(&world, &file), ("closed".to_owned(), RECORDS as u64));
    assert!(world.chunks(Distributor, &file).iter().all(|chunk| chunk["status"] == "closed"));
    assert_eq!(send(&world, &file, &file, "record_id", &billed(&ids, "INV-1")).status, 400, "nothing is left");
}

#[test]
fn rows_that_can_not_be_used_are_named_and_the_others_count() {
    let world = World::new();
    let file = world.accepted(CONTRACT, "named", RECORDS as u32);
    let other = world.accepted(CONTRACT, "other", 10);
    let (own, others) = (ids(&world, &file), ids(&world, &other));
    let mut rows = billed(&own[..10], "INV-1");
    rows.push([&own[3].1, "INV-2", ""]); // billed otherwise
    rows.push([&own[4].1, "INV-1", ""]); // the same again
    rows.push(["no-such-record", "INV-1", ""]);
    rows.push([&others[0].1, "INV-1", ""]); // of another file of the same contract and product
    rows.push([&own[20].1, "", ""]); // not billed yet
    let note = reconcile(&world, &file, &file, "record_id", &rows).expect("processed");
    let expected = "10 records closed, 50 open (rows 12, 13, 14, 15, 16, …). 3 rows were not used: \
                    row 12: the record was billed otherwise in row 5; \
                    row 14: no accepted record of this file has that id; \
                    row 15: no accepted record of this file has that id;";
    assert_eq!(note, expected);
    let first = world.get(Distributor, &format!("usage/records/{}", own[3].0)).expect(200);
    assert_eq!(first["external_billing_id"], "INV-1", "the first row counts");
    let expected = ["billed otherwise", "closed", "not found", "not found", "left open"];
    let told = results(&world, &file);
    assert!(told[..10].iter().all(|result| result == "closed"), "{told:?}");
    assert_eq!(told[10..], expected);
    // By the record's own id, in a column of that name.
    let rows: Vec<[&str; 3]> = [&own[10], &others[0]].iter().map(|(id, _)| [id.as_str(), "", "by note"]).collect();
    let note = reconcile(&world, &file, &file, "id", &rows).expect("processed");
    assert!(note.starts_with("1 records closed, 49 open"), "{note}");
    assert!(note.ends_with("1 rows were not used: row 3: no accepted record of this file has that id;"), "{note}");
    assert_eq!(status(&world, &file), ("accepted".to_owned(), 11));
    assert_eq!(status(&world, &other), ("accepted".to_owned(), 0), "the other file is as it was");
}

#[test]
fn a_record_that_is_billed_otherwise_than_before_is_named() {
    let world = World::new();
    let file = world.accepted(CONTRACT, "again", RECORDS as u32);
    let ids = ids(&world, &file);
    reconcile(&world, &file, &file, "record_id", &billed(&ids[..10], "INV-1")).expect("processed");
    let mut rows = billed(&ids[..10], "INV-1");
    rows[7][1] = "INV-9";
    rows.push([&ids[10].1, "INV-1", ""]);
    let note = reconcile(&world, &file, &file, "record_id", &rows).expect("processed");
    assert!(note.starts_with("1 records closed, 49 open"), "{note}");
    assert!(note.contains("1 rows were not used: row 9: the record is closed and was billed otherwise"), "{note}");
    let told = results(&world, &file);
    assert!(told.iter().take(7).all(|result| result == "was closed"), "{told:?}");
    assert_eq!(told[7..], ["billed otherwise", "was closed", "was closed", "closed"]);
    let record = world.get(Distributor, &format!("usage/records/{}", ids[7].0)).expect(200);
    assert_eq!(record["external_billing_id"], "INV-1", "what is closed stays as it was");
}

#[test]
fn a_workbook_of_another_report_closes_nothing() {
    let world = World::new();
    let file = world.accepted(CONTRACT, "right", 20);
    let other = world.accepted(CONTRACT, "wrong", 20);
    let error = reconcile(&world, &file, &other, "record_id", &billed(&ids(&world, &file), "INV-1"));
    let expected = format!("The workbook is of {other}, not of {file}. Upload it to its own file.");
    assert_eq!(error, Err(expected));
    assert_eq!((status(&world, &file).1, status(&world, &other).1), (0, 0));
    // A failed one is no obstacle to the next.
    reconcile(&world, &file, &file, "record_id", &billed(&ids(&world, &file), "INV-1")).expect("processed");
    assert_eq!(status(&world, &file).0, "closed");
}

#[test]
fn closing_records_completes_their_chunks_and_the_file_once() {
    let world = World::new();
    let file = world.accepted(CONTRACT, "records", RECORDS as u32);
    let ids = ids(&world, &file);
    let body = |ids: &[(String, String)]| {
        let entry = |(id, _): &(String, String)| json!({ "id": id, "external_billing_note": "in the monthly invoice" });
        Value::Array(ids.iter().map(entry).collect())
    };
    let close = |ids: &[(String, String)]| world.post(Distributor, "usage/records/close-records", &body(ids));
    let path = format!("usage/records/{}/close", ids[0].0);
    let billing = json!({ "external_billing_id": "INV-7" });
    let first = world.post(Distributor, &path, &billing).expect(201);
    assert_eq!((&first["status"], &first["external_billing_id"]), (&json!("closed"), &json!("INV-7")));
    assert_eq!(world.post(Distributor, &path, &billing).expect(201), first, "the same answer again");
    assert_eq!(world.post(Distributor, &path, &json!({})).refusal(), (400, "USG_031".to_owned()));
    let refused = world.post(Vendor, "usage/records/close-records", &body(&ids[1..2])).expect(206);
    assert_eq!(refused[0]["error_codes"], "AUTH_003", "the vendor has no say in it: {refused:#}");
    close(&ids[1..50]).expect(206);
    assert_eq!(status(&world, &file), ("accepted".to_owned(), 50));
    let second = close(&ids[1..]);
    let results = second.expect(206);
    assert!(results.as_array().expect("a list").iter().all(|it| it["status"] == "closed"), "{results:#}");
    assert_eq!(status(&world, &file), ("closed".to_owned(), RECORDS as u64));
    assert!(world.chunks(Distributor, &file).iter().all(|chunk| chunk["status"] == "closed"));
    let events = world.get(Vendor, &format!("usage/files/{file}")).json()["events"].clone();
    assert_eq!(close(&ids[1..]).expect(206), results, "the same answer again");
    assert_eq!(world.get(Vendor, &format!("usage/files/{file}")).json()["events"], events, "and nothing happened");
    assert_eq!(world.post(Distributor, &path, &billing).expect(201), first, "nor to the one closed first");
}

#[test]
fn closing_a_chunk_again_gives_the_same_answer_and_no_other_billing() {
    let world = World::new();
    let file = world.accepted(CONTRACT, "chunks", RECORDS as u32);
    assert_eq!(world.act(Distributor, &file, "close").refusal(), (400, "USG_032".to_owned()), "records are open");
    let chunks = world.chunks(Distributor, &file);
    assert!(chunks.len() > 1);
    for chunk in &chunks {
        let path = format!("usage/chunks/{}", chunk["id"].as_str().expect("an id"));
        let close = |id: &str| world.post(Distributor, &format!("{path}/close"), &json!({ "external_billing_id": id }));
        assert_eq!(close("").status, 400, "a chunk is closed with a billing id");
        let first = close("BATCH-1").expect(201);
        assert_eq!(first["status"], "closed");
        assert_eq!(close("BATCH-1").expect(201), first, "the same answer again");
        assert_eq!(close("BATCH-2").refusal(), (400, "USG_030".to_owned()));
        // Its own id may still be changed (connect-api §1.3), and it can still be downloaded.
        let named = json!({ "external_id": "batch-1" });
        let named = world.send(Distributor, "PUT", &path, Body::Json(&named)).expect(200);
        assert_eq!((&named["external_id"], &named["status"]), (&json!("batch-1"), &json!("closed")));
        assert_eq!(world.get(Distributor, &format!("{path}/download")).status, 200);
    }
    let closed = world.reach(&file, "closed");
    let again = world.act(Distributor, &file, "close").expect(201);
    assert_eq!((&again["status"], &again["events"]), (&closed["status"], &closed["events"]), "the same answer again");
}

/// A chunk of a file that is billed piece by piece.
struct Pieces {
    world: World,
    file: String,
    chunk: String,
    others: Vec<String>,
}

impl Pieces {
    fn new() -> Self {
        let world = World::new();
        let file = world.accepted(CONTRACT, "pieces", RECORDS as u32);
        let mut chunks = world.chunks(Distributor, &file);
        chunks.sort_by_key(|chunk| chunk["stats"]["accepted"].as_u64());
        let mut ids: Vec<String> = chunks.iter().map(|chunk| chunk["id"].as_str().expect("an id").to_owned()).collect();
        let chunk = ids.pop().expect("a chunk");
        assert!(!ids.is_empty(), "a chunk to compare with");
        Self { world, file, chunk, others: ids }
    }

    fn shown(&self, chunk: &str) -> Value {
        self.world.get(Distributor, &format!("usage/chunks/{chunk}")).expect(200)
    }

    fn outdated(&self, chunk: &str) -> Value {
        self.shown(chunk)["outdated"].clone()
    }

    /// Has it written again, and waits until it is.
    fn regenerate(&self) -> Value {
        let path = format!("usage/chunks/{}/regenerate", self.chunk);
        let shown = self.world.post(Distributor, &path, &json!({})).expect(201);
        let there = || self.download().status == 200;
        self.world.until("the workbook is there", there);
        shown
    }

    fn download(&self) -> Answer {
        self.world.get(Distributor, &format!("usage/chunks/{}/download", self.chunk))
    }

    /// Record id, status and billing of each row of its workbook.
    fn rows(&self) -> Vec<[String; 4]> {
        let names = ["record_id", "status", "external_billing_id", "external_billing_note"];
        let workbook = self.download().body;
        let columns = names.map(|name| sheets::column(&workbook, name));
        (0..columns[0].len()).map(|at| columns.each_ref().map(|column| column[at].clone())).collect()
    }

    /// Bills some of its records one by one: what the rows are to be then.
    fn bill(&self, count: usize) -> Vec<[String; 4]> {
        let of_chunk = sheets::column(&self.download().body, "record_id");
        let all = ids(&self.world, &self.file);
        let own = |vendors: &String| all.iter().find(|(_, id)| id == vendors).map(|(own, _)| own).expect("a record");
        let closings: Vec<Value> = (of_chunk.iter().take(count).enumerate())
            .map(|(at, id)| {
                json!({ "id": own(id), "external_billing_id": format!("INV-{at}"), "external_billing_note": "by hand" })
            })
            .collect();
        let closed = self.world.post(Distributor, "usage/records/close-records", &json!(closings)).expect(206);
        assert!(closed.as_array().expect("a list").iter().all(|it| it["status"] == "closed"), "{closed:#}");
        let row = |(at, id): (usize, String)| match at < count {
            true => [id, "closed".to_owned(), format!("INV-{at}"), "by hand".to_owned()],
            false => [id, "valid".to_owned(), String::new(), String::new()],
        };
        of_chunk.into_iter().enumerate().map(row).collect()
    }
}

#[test]
fn a_chunk_is_written_again_with_what_was_closed_since() {
    let mut pieces = Pieces::new();
    let chunk = pieces.chunk.clone();
    let before = pieces.world.digests();
    assert_eq!(pieces.regenerate(), pieces.shown(&chunk), "nothing has changed: nothing is done");
    assert_eq!(pieces.world.digests(), before);
    let mut expected = pieces.bill(3);
    assert_eq!(pieces.outdated(&chunk), true);
    assert!(pieces.others.iter().all(|other| pieces.outdated(other) == false), "the others are as they were");
    assert_eq!(pieces.regenerate()["outdated"], false);
    let shown = pieces.shown(&chunk);
    assert_eq!((&shown["status"], &shown["stats"]["closed"]), (&json!("ready"), &json!(3)));
    assert_eq!(pieces.rows(), expected);
    pieces.world.restart();
    assert_eq!((pieces.outdated(&chunk), pieces.rows()), (json!(false), expected.clone()));
    // The workbook as it is bills nothing again.
    let path = pieces.world.path("regenerated.xlsx");
    std::fs::write(&path, pieces.download().body).expect("written");
    let to = format!("usage/files/{}/reconciliation", pieces.file);
    pieces.world.send(Distributor, "POST", &to, Body::Workbook("recon_file", &path)).expect(201);
    let ended = |all: &Value| all.as_array().expect("a list").iter().all(|one| one["status"] == "processed");
    pieces.world.wait(Distributor, &format!("usage/reconciliations?usagefile.id={}", pieces.file), ended);
    assert_eq!(status(&pieces.world, &pieces.file), ("accepted".to_owned(), 3));
    // Filled in, it bills the rest of the chunk, which is closed then and stays closed.
    let filled: Vec<[&str; 3]> = (expected.iter())
        .map(|[id, _, billing, note]| match billing.is_empty() {
            true => [id.as_str(), "INV-REST", ""],
            false => [id.as_str(), billing, note],
        })
        .collect();
    let note = reconcile(&pieces.world, &pieces.file, &pieces.file, "record_id", &filled).expect("processed");
    let (rest, open) = (expected.len() - 3, RECORDS - expected.len());
    assert!(note.starts_with(&format!("{rest} records closed, {open} open")), "{note}");
    let shown = pieces.shown(&chunk);
    assert_eq!((&shown["status"], &shown["outdated"]), (&json!("closed"), &json!(true)));
    assert_eq!(pieces.regenerate()["status"], "closed");
    for row in expected.iter_mut().filter(|row| row[2].is_empty()) {
        (row[1], row[2]) = ("closed".to_owned(), "INV-REST".to_owned());
    }
    assert_eq!((pieces.outdated(&chunk), pieces.rows()), (json!(false), expected));
}

#[test]
fn closing_a_chunk_as_a_whole_is_no_news_for_it() {
    let pieces = Pieces::new();
    let totals = |pieces: &Pieces| {
        pieces.world.get(Distributor, &format!("usage/files/{}", pieces.file)).expect(200)["totals"].clone()
    };
    let before = totals(&pieces);
    pieces.bill(3);
    pieces.regenerate();
    for chunk in pieces.others.iter().chain([&pieces.chunk]) {
        let close = format!("usage/chunks/{chunk}/close");
        pieces.world.post(Distributor, &close, &json!({ "external_billing_id": "BATCH" })).expect(201);
        assert_eq!(pieces.outdated(chunk), false);
    }
    assert_eq!(status(&pieces.world, &pieces.file), ("closed".to_owned(), RECORDS as u64));
    let after = totals(&pieces);
    assert_eq!((&after["closed"], &after["extracted"]), (&before["accepted"], &before["extracted"]));
    // A vendor has nothing to do with it.
    let refused = pieces.world.post(Vendor, &format!("usage/chunks/{}/regenerate", pieces.chunk), &json!({}));
    assert_eq!(refused.refusal(), (403, "AUTH_003".to_owned()));
}
