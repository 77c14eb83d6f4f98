//! What only the vendor may know stays with the vendor: "this ID will be visible only for you" (seed 003).

use serde_json::json;

use super::http::{Answer, Body};
use super::sheets;
use super::world::{CONTRACT, Distributor, Operator, OtherDistributor, PRODUCT, Party, Vendor, World};

/// Found in nothing else.
const SECRET: &str = "zx81-vendors-own-id";

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Every answer of a party, headers and workbooks included, searched as it comes.
struct Searched<'a> {
    world: &'a World,
    party: Party,
    answers: Vec<(String, bool)>,
}

impl Searched<'_> {
    fn note(&mut self, what: String, answer: Answer) -> Answer {
        assert!(answer.status < 300, "{what}: {answer:?}");
        let workbook = answer.body.starts_with(b"PK");
        let found = holds(answer.head.as_bytes(), SECRET)
            || holds(&answer.body, SECRET)
            || workbook && holds(&sheets::unpacked(&answer.body), SECRET);
        self.answers.push((what, found));
        answer
    }

    fn get(&mut self, path: &str) -> Answer {
        let answer = self.world.get(self.party, path);
        self.note(format!("GET {path}"), answer)
    }

    fn post(&mut self, path: &str, body: &serde_json::Value) -> Answer {
        let answer = self.world.post(self.party, path, body);
        self.note(format!("POST {path}"), answer)
    }

    fn look(&mut self, file: &str) {
        for path in ["usage/files", "usage/records", "usage/chunks", "usage/reconciliations"] {
            let field = if path == "usage/files" { "id" } else { "usagefile.id" };
            let list = self.get(&format!("{path}?{field}={file}&limit=1000"));
            if let Some(id) = list.json()[0]["id"].as_str() {
                self.get(&format!("{path}/{id}"));
            }
        }
        self.get(&format!("usage/files/{file}/categories"));
        let shown = self.get(&format!("usage/files/{file}")).json();
        for link in ["usage_file_uri", "processed_file_uri", "reconciliation_file_uri"] {
            if shown[link].is_string() {
                let answer = self.world.follow(&shown[link]);
                self.note(link.to_owned(), answer);
            }
        }
    }
}

/// A file with the secret in its external id, through its whole life as a party sees it.
fn seen(world: &World, party: Party) -> Vec<(String, bool)> {
    let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "external_id": SECRET });
    let file = world.create_with(&body);
    let (workbook, _) = world.generate(CONTRACT, &format!("secret-{party:?}"), 40);
    world.upload(&file, &workbook).expect(201);
    world.checked(&file);
    world.submit(&file);
    let mut searched = Searched { world, party, answers: Vec::new() };
    searched.look(&file);
    searched.post(&format!("usage/files/{file}/accept"), &json!({ "acceptance_note": "ok" }));
    let chunks = world.chunks(Distributor, &file);
    searched.look(&file);
    // The vendor may change its id for ever; the other side must not notice.
    let changed = json!({ "external_id": format!("{SECRET}-2") });
    world.send(Vendor, "PUT", &format!("usage/files/{file}"), Body::Json(&changed)).expect(200);
    for (number, chunk) in chunks.iter().enumerate() {
        let path = format!("usage/chunks/{}", chunk["id"].as_str().expect("an id"));
        let workbook = searched.get(&format!("{path}/download")).body;
        if number == 0 {
            let ids = sheets::column(&workbook, "record_id");
            let rows: Vec<[&str; 3]> = ids.iter().map(|id| [id.as_str(), "INV-1", "billed"]).collect();
            let back = world.path("back.xlsx");
            sheets::reconciliation(&back, &file, "record_id", &rows);
            let to = format!("usage/files/{file}/reconciliation");
            let answer = world.send(party, "POST", &to, Body::Workbook("recon_file", &back));
            searched.note("reconciliation".to_owned(), answer);
            let all = format!("usage/reconciliations?usagefile.id={file}");
            world.wait(party, &all, |shown| shown[0]["status"] == "processed");
        } else {
            searched.post(&format!("{path}/close"), &json!({ "external_billing_id": "INV-2" }));
        }
    }
    world.reach(&file, "closed");
    searched.look(&file);
    searched.answers
}

#[test]
fn the_vendors_own_id_is_in_no_byte_that_a_distributor_gets() {
    let world = World::new();
    let answers = seen(&world, Distributor);
    let leaks: Vec<_> = answers.iter().filter(|(_, found)| *found).collect();
    assert!(leaks.is_empty(), "{leaks:?}");
    let workbooks = answers.iter().filter(|(what, _)| what.contains("download") || what.contains("_uri")).count();
    assert!(workbooks >= 6 && answers.len() > 30, "{answers:?}");
    // The same search finds it where it belongs.
    assert!(seen(&world, Operator).iter().any(|(_, found)| *found));
}

#[test]
fn no_filter_asks_for_the_vendors_own_id() {
    let world = World::new();
    let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "external_id": SECRET });
    let file = world.create_with(&body);
    let (workbook, _) = world.generate(CONTRACT, "asked", 10);
    world.upload(&file, &workbook).expect(201);
    world.checked(&file);
    world.submit(&file);
    for party in [Distributor, OtherDistributor] {
        for (right, wrong) in [
            (format!("external_id={SECRET}"), "external_id=no".to_owned()),
            ("like(external_id,*zx81*)".to_owned(), "like(external_id,*zx82*)".to_owned()),
            ("search=zx81".to_owned(), "search=zx82".to_owned()),
            ("in(external_id,(zx81-vendors-own-id))".to_owned(), "in(external_id,(a))".to_owned()),
            ("eq(external_id,empty())".to_owned(), "ne(external_id,empty())".to_owned()),
        ] {
            let ask = |query: &str| world.get(party, &format!("usage/files?{query}"));
            let (right, wrong) = (ask(&right), ask(&wrong));
            assert_eq!((right.status, &right.body), (wrong.status, &wrong.body), "{party:?}");
        }
    }
    let own = world.get(Vendor, &format!("usage/files?external_id={SECRET}"));
    assert_eq!((own.total(), &own.json()[0]["external_id"]), (1, &json!(SECRET)), "the vendor finds it");
}
