//! `Idempotency-Key` on everything that changes something: equal requests have one effect, one by one and all at once;
//! a key that comes with anything else is refused and changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ledger::{Fact, ServiceName};
use serde_json::{Value, json};

use super::http::{Answer, Body};
use super::sheets;
use super::world::{CONTRACT, Distributor, PRODUCT, Party, Vendor, World};

/// Equal requests that come at once.
const AT_ONCE: usize = 50;

/// What goes with a request, kept for its repetitions.
#[derive(Clone)]
enum Sent {
    Json(Value),
    Form(&'static str, PathBuf),
}

/// A request that was done once, and one with the same key and other content.
struct Step {
    party: Party,
    method: &'static str,
    path: String,
    sent: Sent,
    other: Sent,
    status: u16,
}

fn send(world: &World, step: &Step, key: &str, sent: &Sent) -> Answer {
    let body = match sent {
        Sent::Json(value) => Body::Json(value),
        Sent::Form(field, path) => Body::Workbook(field, path),
    };
    world.send_with(step.party, step.method, &step.path, &[("Idempotency-Key", key)], body)
}

/// Every fact of every log.
fn facts(world: &World) -> Vec<Fact> {
    let sources = world.product().bus.sources(&ServiceName::WRITERS).into_iter();
    let facts = sources.flat_map(|source| source.own(1).collect::<Vec<_>>());
    facts.map(|fact| proto::decode_event(&fact.expect("a fact").payload).expect("an event").fact).collect()
}

/// The requests of two files' lives, each done once under a key of its own: its place in the list.
struct Told<'a> {
    world: &'a World,
    steps: Vec<Step>,
}

impl Told<'_> {
    fn step(&mut self, party: Party, request: (&'static str, String), sent: Sent, other: Sent) -> Value {
        let (method, path) = request;
        let mut step = Step { party, method, path, sent, other, status: 0 };
        let key = self.steps.len().to_string();
        let first = send(self.world, &step, &key, &step.sent);
        assert!((200..300).contains(&first.status), "{method} {}: {first:?}", step.path);
        assert_eq!(send(self.world, &step, &key, &step.sent).body, first.body, "{method} {}", step.path);
        step.status = first.status;
        self.steps.push(step);
        if first.body.is_empty() { Value::Null } else { first.json() }
    }

    fn json(&mut self, party: Party, request: (&'static str, String), sent: Value, other: Value) -> Value {
        self.step(party, request, Sent::Json(sent), Sent::Json(other))
    }

    /// A request whose path says it all: the same key can only come with another path.
    fn bare(&mut self, party: Party, method: &'static str, path: String) -> Value {
        self.json(party, (method, path), json!({}), json!({}))
    }

    /// Sends everything again, with the same content, with other content, and to another path.
    fn check(&self) {
        let before = self.world.digests();
        for (key, step) in self.steps.iter().enumerate() {
            let (key, name) = (key.to_string(), format!("{} {}", step.method, step.path));
            assert_eq!(send(self.world, step, &key, &step.sent).status, step.status, "{name}");
            let same = matches!((&step.sent, &step.other), (Sent::Json(sent), Sent::Json(other)) if sent == other);
            if !same {
                assert_eq!(send(self.world, step, &key, &step.other).refusal(), reused(), "{name}");
            }
            let elsewhere = match step.party {
                Vendor => ("usage/files".to_owned(), json!({ "contract": CONTRACT, "product": PRODUCT, "name": "x" })),
                _ => (format!("products/{PRODUCT}/usage/rules"), json!({ "action": "reject" })),
            };
            let headers = [("Idempotency-Key", key.as_str())];
            let answer = self.world.send_with(step.party, "POST", &elsewhere.0, &headers, Body::Json(&elsewhere.1));
            assert_eq!(answer.refusal(), reused(), "{name}");
        }
        assert_eq!(self.world.digests(), before, "nothing changed");
    }
}

pub(super) fn reused() -> (u16, String) {
    (422, "REQ_009".to_owned())
}

fn post(path: String) -> (&'static str, String) {
    ("POST", path)
}

fn put(path: String) -> (&'static str, String) {
    ("PUT", path)
}

fn id(shown: &Value) -> String {
    shown["id"].as_str().unwrap_or_else(|| panic!("{shown:#}")).to_owned()
}

fn new_file(name: &str) -> Value {
    json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "name": name })
}

/// From a draft to a closed file, with every request on the way.
fn a_life(told: &mut Told<'_>, workbooks: &[PathBuf; 2]) {
    let file = id(&told.json(Vendor, post("usage/files".to_owned()), new_file("October"), new_file("November")));
    let path = |action: &str| format!("usage/files/{file}/{action}");
    let upload = |path: &Path| Sent::Form("usage_file", path.to_owned());
    told.step(Vendor, post(path("upload")), upload(&workbooks[0]), upload(&workbooks[1]));
    told.world.checked(&file);
    told.json(Vendor, put(format!("usage/files/{file}")), json!({ "note": "one" }), json!({ "note": "two" }));
    told.bare(Vendor, "POST", path("reprocess"));
    told.world.checked(&file);
    told.bare(Vendor, "POST", path("submit"));
    told.world.reach(&file, "pending");
    told.bare(Distributor, "PUT", path("approve-all"));
    let note = |text: &str| json!({ "acceptance_note": text });
    told.json(Distributor, post(path("accept")), note("yes"), note("well"));
    let chunks = told.world.chunks(Distributor, &file);
    let chunk = id(&chunks[0]);
    let name = |text: &str| json!({ "external_id": text });
    told.json(Distributor, put(format!("usage/chunks/{chunk}")), name("batch-1"), name("batch-2"));
    let records: Vec<String> = told.world.records(Distributor, &file).iter().map(id).collect();
    let billing = |text: &str| json!({ "external_billing_id": text });
    told.json(Distributor, post(format!("usage/records/{}/close", records[0])), billing("1"), billing("2"));
    let closed = |text: &str| json!({ "status": "closed", "external_billing_note": text });
    told.json(Distributor, put(format!("usage/records/{}", records[1])), closed("1"), closed("2"));
    let several = |range: std::ops::Range<usize>| -> Value {
        records[range].iter().map(|id| json!({ "id": id, "external_billing_id": "3" })).collect()
    };
    told.json(Distributor, post("usage/records/close-records".to_owned()), several(2..4), several(2..5));
    for (at, action) in [path("reconciliation"), "usage/reconciliations".to_owned()].into_iter().enumerate() {
        let book = |name: &str, record: &str| {
            let file_name = told.world.path(&format!("{name}-{at}.xlsx"));
            sheets::reconciliation(&file_name, &file, "record_id", &[[record, "INV", ""]]);
            Sent::Form("recon_file", file_name)
        };
        let (sent, other) = (book("sent", "nobody's"), book("other", "nobody's either"));
        told.step(Distributor, post(action), sent, other);
        let ended = |all: &Value| all.as_array().expect("a list").iter().all(|one| one["status"] != "processing");
        told.world.wait(Distributor, &format!("usage/reconciliations?usagefile.id={file}"), ended);
    }
    told.json(Distributor, post(format!("usage/chunks/{chunk}/close")), billing("4"), billing("5"));
}

#[test]
fn whatever_comes_again_with_its_key_is_done_once_and_anything_else_under_it_is_refused() {
    let mut world = World::new();
    let workbooks = ["once", "other"].map(|prefix| world.generate(CONTRACT, prefix, 20).0);
    let mut told = Told { world: &world, steps: Vec::new() };
    a_life(&mut told, &workbooks);
    let deleted = id(&told.json(Vendor, post("usage/files".to_owned()), new_file("unwanted"), new_file("wanted")));
    told.bare(Vendor, "POST", format!("usage/files/{deleted}/delete"));
    let rejected = told.world.pending(CONTRACT, "rejected", 5);
    let note = |text: &str| json!({ "rejection_note": text });
    let reject = post(format!("usage/files/{rejected}/reject"));
    told.json(Distributor, reject, note("no"), note("never"));
    let rules = format!("products/{PRODUCT}/usage/rules");
    let action = |name: &str| json!({ "action": name });
    let rule = id(&told.json(Distributor, post(rules.clone()), action("manual"), action("accept")));
    told.json(Distributor, put(format!("{rules}/{rule}")), action("reject"), action("accept"));
    told.bare(Distributor, "DELETE", format!("{rules}/{rule}"));
    told.check();
    let steps = told.steps;
    // What the process remembered is gone: the logs know the keys.
    world.restart();
    Told { world: &world, steps }.check();
}

#[test]
fn what_was_done_already_uses_its_key_as_well() {
    let world = World::new();
    let file = world.pending(CONTRACT, "already", 5);
    let key = [("Idempotency-Key", "submit")];
    let send = |action: &str| {
        let path = format!("usage/files/{file}/{action}");
        world.send_with(Vendor, "POST", &path, &key, Body::Json(&json!({})))
    };
    let first = send("submit").expect(201);
    assert_eq!(first["status"], "pending");
    assert_eq!(send("delete").refusal(), reused());
    world.act(Distributor, &file, "reject").expect(201);
    assert_eq!(send("submit").expect(201), first, "the first outcome, whatever happened since");
}

/// Sends equal requests at once, under a key of their path, and gives the one body of their answers.
fn at_once(world: &World, party: Party, path: &str, sent: Sent, status: u16) -> Value {
    let step = Step { party, method: "POST", path: path.to_owned(), other: sent.clone(), sent, status };
    let send = || send(world, &step, path, &step.sent);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let asks: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(send)).collect();
        asks.into_iter().map(|ask| ask.join().expect("an answer")).collect()
    });
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (status, &answers[0].body), "{path}");
    }
    answers[0].json()
}

#[test]
fn of_fifty_equal_requests_at_once_one_is_done_and_all_get_its_answer() {
    let world = World::new();
    let count = |wanted: fn(&Fact) -> bool| facts(&world).iter().filter(|fact| wanted(fact)).count();
    let file = id(&at_once(&world, Vendor, "usage/files", Sent::Json(new_file("October")), 201));
    assert_eq!(count(|fact| matches!(fact, Fact::FileCreated(_))), 1);
    assert_eq!(world.get(Vendor, "usage/files").total(), 1);
    let (workbook, _) = world.generate(CONTRACT, "at-once", 30);
    let path = |action: &str| format!("usage/files/{file}/{action}");
    at_once(&world, Vendor, &path("upload"), Sent::Form("usage_file", workbook), 201);
    world.checked(&file);
    assert_eq!(count(|fact| matches!(fact, Fact::UploadOpened(_))), 1);
    world.submit(&file);
    let note = json!({ "acceptance_note": "yes" });
    at_once(&world, Distributor, &path("accept"), Sent::Json(note), 201);
    world.chunks(Distributor, &file);
    assert_eq!(count(|fact| matches!(fact, Fact::FileAccepted { .. })), 1);

    // Records of two files, one record that can't be closed yet, and one that is none.
    let second = world.accepted(CONTRACT, "second", 30);
    let pending = world.pending(CONTRACT, "pending", 5);
    let ids = |file: &str| world.records(Distributor, file).iter().take(5).map(id).collect::<Vec<_>>();
    let wanted: Vec<String> = [ids(&file), ids(&second)].concat();
    let others = [ids(&pending)[0].clone(), "UR-nothing".to_owned()];
    let entry = |id: &String| json!({ "id": id, "external_billing_id": "INV-1" });
    let body: Value = wanted.iter().chain(&others).map(entry).collect();
    let shown = at_once(&world, Distributor, "usage/records/close-records", Sent::Json(body), 206);
    let statuses: Vec<bool> =
        shown.as_array().expect("a list").iter().map(|result| result["status"] == "closed").collect();
    assert_eq!(statuses, [vec![true; 10], vec![false; 2]].concat(), "{shown:#}");
    let mut closed: BTreeMap<&str, u32> = BTreeMap::new();
    let facts = facts(&world);
    for fact in &facts {
        if let Fact::RecordsClosed { records, rows, .. } = fact {
            *closed.entry(rows.billings[0].id.as_str()).or_default() += records;
        }
    }
    assert_eq!(closed, BTreeMap::from([("INV-1", 10)]));
}
