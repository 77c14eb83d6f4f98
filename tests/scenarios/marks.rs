//! What a provider says of single records before it answers for their file.

use serde_json::{Value, json};

use super::http::{Answer, Body};
use super::world::{CONTRACT, Distributor, Operator, OtherDistributor, Party, Vendor, World};

const RECORDS: u32 = 12;

struct Review {
    world: World,
    file: String,
    records: Vec<String>,
}

impl Review {
    fn new() -> Self {
        let world = World::new();
        let file = world.pending(CONTRACT, "review", RECORDS);
        let ids = world.records(Distributor, &file);
        let records = ids.iter().map(|record| record["id"].as_str().expect("an id").to_owned()).collect();
        Self { world, file, records }
    }

    fn put(&self, party: Party, record: usize, body: &Value) -> Answer {
        self.world.send(party, "PUT", &format!("usage/records/{}", self.records[record]), Body::Json(body))
    }

    fn mark(&self, record: usize, status: &str) -> Value {
        self.put(Distributor, record, &json!({ "status": status })).expect(200)
    }

    fn act(&self, action: &str) -> Answer {
        self.world.act(Distributor, &self.file, action)
    }

    /// How many records a list has in a status, for either side.
    fn count(&self, status: &str) -> u64 {
        let path = format!("usage/records?usagefile.id={}&status={status}", self.file);
        let [vendor, provider] = [Vendor, Distributor].map(|party| self.world.get(party, &path).total());
        assert_eq!(vendor, provider);
        provider
    }

    fn counts(&self) -> [u64; 3] {
        ["valid", "approved", "rejected"].map(|status| self.count(status))
    }
}

#[test]
fn a_file_is_not_accepted_with_records_that_its_provider_called_wrong() {
    let mut review = Review::new();
    let all = u64::from(RECORDS);
    assert_eq!(review.counts(), [all, 0, 0]);
    assert_eq!(review.mark(0, "approved")["status"], "approved");
    assert_eq!(review.mark(1, "rejected")["status"], "rejected");
    assert_eq!(review.mark(2, "rejected")["status"], "rejected");
    assert_eq!(review.counts(), [all - 3, 1, 2]);
    review.world.restart();
    assert_eq!(review.counts(), [all - 3, 1, 2]);
    let before = review.world.digests();
    let refused = review.act("accept");
    assert_eq!(refused.refusal(), (400, "USG_037".to_owned()));
    assert_eq!(
        refused.json()["errors"],
        json!([
            "2 records are marked as rejected. A usage file is accepted as a whole: reject it, or mark them otherwise."
        ])
    );
    // The same again is nothing new; a mark can be taken back.
    assert_eq!(review.mark(1, "rejected")["status"], "rejected");
    assert_eq!(review.world.digests(), before);
    assert_eq!(review.mark(1, "valid")["status"], "valid");
    assert_eq!(review.mark(2, "approved")["status"], "approved");
    assert_eq!(review.counts(), [all - 2, 2, 0]);
    // All at once, and some of them otherwise since.
    review
        .world
        .send(Distributor, "PUT", &format!("usage/files/{}/approve-all", review.file), Body::Nothing)
        .expect(200);
    assert_eq!(review.counts(), [0, all, 0]);
    assert_eq!(review.mark(3, "rejected")["status"], "rejected");
    assert_eq!(review.act("accept").refusal(), (400, "USG_037".to_owned()));
    assert_eq!(review.mark(3, "valid")["status"], "valid");
    assert_eq!(review.counts(), [1, all - 1, 0]);
    assert_eq!(review.act("accept").expect(201)["status"], "accepted");
    assert_eq!(review.counts(), [0, all, 0]);
    // After that a record is only billed.
    let chunks = review.world.chunks(Distributor, &review.file);
    assert!(!chunks.is_empty());
    assert_eq!(review.put(Distributor, 0, &json!({ "status": "approved" })).refusal(), (400, "USG_003".to_owned()));
    assert_eq!(review.put(Distributor, 0, &json!({ "status": "closed" })).refusal(), (400, "USG_031".to_owned()));
    let billed = json!({ "status": "closed", "external_billing_note": "by hand" });
    assert_eq!(review.put(Distributor, 0, &billed).expect(200)["status"], "closed");
}

#[test]
fn only_the_provider_marks_records_and_what_is_valid_is_not_its_to_say() {
    let review = Review::new();
    let before = review.world.digests();
    for (party, body, refusal) in [
        (Vendor, json!({ "status": "approved" }), (403, "AUTH_003")),
        (OtherDistributor, json!({ "status": "approved" }), (404, "NFND_000")),
        (Distributor, json!({ "status": "invalid" }), (400, "VAL_001")),
        (Distributor, json!({ "status": "accepted" }), (400, "VAL_001")),
        (Distributor, json!({ "status": 7 }), (400, "VAL_001")),
        (Distributor, json!({}), (400, "VAL_001")),
    ] {
        let (status, code) = refusal;
        assert_eq!(review.put(party, 0, &body).refusal(), (status, code.to_owned()), "{party:?} {body}");
    }
    assert_eq!(review.world.digests(), before);
    assert_eq!(review.put(Operator, 0, &json!({ "status": "rejected" })).expect(200)["status"], "rejected");
}

#[test]
fn another_workbook_begins_without_marks() {
    let review = Review::new();
    review.mark(0, "rejected");
    review.act("reject").expect(201);
    assert_eq!(review.counts(), [0, 0, u64::from(RECORDS)], "with the file");
    let (mended, _) = review.world.generate(CONTRACT, "mended", RECORDS);
    review.world.upload(&review.file, &mended).expect(201);
    review.world.checked(&review.file);
    review.world.submit(&review.file);
    assert_eq!(review.counts(), [u64::from(RECORDS), 0, 0]);
    assert_eq!(review.act("accept").expect(201)["status"], "accepted");
}
