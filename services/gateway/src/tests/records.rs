//! Records: found by what validation knows of them, shown as they were read, billed as they were closed.

use ledger::catalog::{Environment, ItemKind};
use ledger::fact::{
    Category, ClosedBy, FileChecked, FileColumn, FileRead, Part, RecordsChecked, RecordsRead, UploadOpened,
};
use ledger::record::{
    Billing, CheckedBatch, CheckedRecord, ClosedRows, ItemFacts, ReadBatch, ReadColumn, RecordError, SubscriptionFacts,
    Texts,
};
use ledger::{Code, Decimal, Fact, FileId, Hash, Moment};
use serde_json::{Value, json};

use super::world::{PROVIDER, STRANGER, VENDOR, World, created, file, id, named};

/// Records in a batch, and batches in a file, of these tests.
pub(super) const BATCH: u32 = 3;
const BATCHES: u32 = 3;
const COLUMNS: [&str; 5] = ["record_id", "record_note", "quantity", "category_id", "v.Region"];
/// 2026-10-01 00:00:00.
const OCTOBER: i64 = 1_790_812_800 * Moment::SECOND;

fn read_batch(part: u32) -> ReadBatch {
    let mut texts = Texts::default();
    let rows: Vec<u32> = (0..BATCH).map(|index| 2 + part * BATCH + index).collect();
    let mut columns = vec![ReadColumn::default(); COLUMNS.len()];
    for row in &rows {
        let cells = [format!("r-{row}"), String::new(), "92.65".to_owned(), "compute".to_owned(), format!(" eu {row}")];
        for (column, cell) in columns.iter_mut().zip(&cells) {
            column.texts.push(texts.number_of(cell));
        }
    }
    ReadBatch { salt_key: [7; 32], rows, columns, texts }
}

/// The second subscription has the last record of each batch; a wrong one has no item.
pub(super) fn checked_batch(part: u32, wrong: Option<u32>) -> CheckedBatch {
    let subscription = |number: u32| SubscriptionFacts {
        id: id(&format!("AS-{number}")),
        external_id: format!("ext-{number}"),
        external_uid: format!("uid-{number}"),
        recon_id: String::new(),
        hub: Some(named("HB-1")),
        customer_external_id: String::new(),
        customer_name: String::new(),
    };
    let item = ItemFacts {
        named: named("PRD-1-0001"),
        mpn: "VM".to_owned(),
        unit: "unit*h".to_owned(),
        period: "monthly".to_owned(),
        kind: ItemKind::PayAsYouGo,
        places: 2,
    };
    let record = |index: u32| {
        let row = 2 + part * BATCH + index;
        let is_wrong = wrong == Some(row);
        let error = RecordError {
            code: Code::ItemNotFound,
            column: Some(2),
            message: "No item has the part number \"X\".".to_owned(),
            fix: "Use VM.".to_owned(),
        };
        let day = i64::from(row) * Moment::DAY;
        CheckedRecord {
            row,
            subscription: Some(u32::from(index + 1 == BATCH)),
            item: (!is_wrong).then_some(0),
            quantity: Decimal::parse("92.65").ok(),
            start: Some(Moment(OCTOBER + day)),
            end: Some(Moment(OCTOBER + day + Moment::DAY - Moment::SECOND)),
            errors: if is_wrong { vec![error] } else { vec![] },
            ..CheckedRecord::default()
        }
    };
    let records = (0..BATCH).map(record).collect();
    CheckedBatch { records, subscriptions: vec![subscription(1), subscription(2)], items: vec![item] }
}

pub(super) async fn read(world: &mut World, uf: FileId) -> Vec<Part> {
    world.say(uf, "SU-1", Fact::FileCreated(Box::new(created(Environment::Production)))).await;
    let filename = "a.xlsx".to_owned();
    let opened = UploadOpened { upload: 1, blob: Hash::ZERO, bytes: 2, filename, catalog_position: 1 };
    world.say(uf, "SU-1", Fact::UploadOpened(opened)).await;
    world.say(uf, "SU-1", Fact::ReadStarted { upload: 1, attempt: 1 }).await;
    let mut parts = Vec::new();
    for part in 0..BATCHES {
        let batch = read_batch(part);
        let (first_row, last_row) = (batch.rows[0], batch.rows[batch.rows.len() - 1]);
        let payload = proto::encode_read_batch(&batch).unwrap();
        let read = RecordsRead {
            upload: 1,
            attempt: 1,
            part,
            first_row,
            last_row,
            records: BATCH,
            root: batch.root(),
            payload,
        };
        let sequence = world.say(uf, "SU-1", Fact::RecordsRead(Box::new(read))).await;
        parts.push(Part { sequence, first_row, last_row, records: BATCH });
    }
    let column = |(at, name): (usize, &&str)| FileColumn {
        name: (*name).to_owned(),
        header: (*name).to_owned(),
        sheet_column: u16::try_from(at).unwrap(),
    };
    let category = Category { id: "compute".to_owned(), name: "Computing".to_owned(), description: String::new() };
    let read = FileRead {
        upload: 1,
        attempt: 1,
        columns: COLUMNS.iter().enumerate().map(column).collect(),
        ignored: vec![],
        categories: vec![category],
        parts: parts.clone(),
        records: BATCH * BATCHES,
    };
    world.say(uf, "SU-1", Fact::FileRead(Box::new(read))).await;
    parts
}

pub(super) async fn check(world: &mut World, uf: FileId, read: &[Part], wrong: Option<u32>) {
    check_as(world, uf, read, |part| checked_batch(part, wrong)).await;
}

/// Records what a check found, batch by batch, and its verdict.
pub(super) async fn check_as(world: &mut World, uf: FileId, read: &[Part], of: impl Fn(u32) -> CheckedBatch) {
    world.say(uf, "SU-1", Fact::CheckStarted { upload: 1, attempt: 1, catalog_position: 1 }).await;
    let (mut parts, mut wrong, mut warned) = (Vec::new(), 0, 0);
    for (part, known) in (0..).zip(read) {
        let batch = of(part);
        warned += batch.records.iter().map(|record| record.warnings.len()).sum::<usize>();
        let invalid = u32::try_from(batch.records.iter().filter(|record| !record.is_valid()).count()).unwrap();
        let checked = RecordsChecked {
            upload: 1,
            attempt: 1,
            part,
            first_row: known.first_row,
            last_row: known.last_row,
            valid: BATCH - invalid,
            invalid,
            read_sequence: known.sequence,
            read_hash: Hash::ZERO,
            payload: proto::encode_checked_batch(&batch).unwrap(),
        };
        wrong += invalid;
        let sequence = world.say(uf, "SU-1", Fact::RecordsChecked(Box::new(checked))).await;
        parts.push(Part { sequence, ..*known });
    }
    let invalid = wrong;
    let (totals, codes) = (vec![], vec![]);
    let valid = BATCH * BATCHES - invalid;
    let checked = FileChecked {
        exempt_totals: Vec::new(),
        span: None,
        warnings: vec![(Code::Overlap, u32::try_from(warned).unwrap())],
        upload: 1,
        attempt: 1,
        parts,
        valid,
        invalid,
        totals,
        codes,
        summary_parts: 0,
    };
    world.say(uf, "SU-1", Fact::FileChecked(Box::new(checked))).await;
    let written = Fact::ProcessedWritten { upload: 1, vendor: Hash::ZERO, provider: None, rejects: None, writer: 1 };
    world.say(uf, "SU-1", written).await;
}

pub(super) async fn accepted(world: &mut World, uf: FileId) {
    let parts = read(world, uf).await;
    check(world, uf, &parts, None).await;
    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    world.say(uf, "SU-2", Fact::FileAccepted { upload: 1, note: String::new() }).await;
    world.say(uf, "SU-2", Fact::ExtractionStarted { upload: 1, attempt: 1 }).await;
}

/// The sheet rows of a list, and its `Content-Range`.
async fn rows(world: &World, key: &str, query: &str) -> (Vec<u32>, String) {
    let got = world.get(key, &format!("usage/records?{query}")).await;
    assert_eq!(got.status, 200, "{query} {}", String::from_utf8_lossy(&got.bytes));
    let row = |record: &Value| ledger::RecordId::parse(record["id"].as_str().unwrap()).unwrap().row;
    let shown = got.json().as_array().unwrap().iter().map(row).collect();
    (shown, got.header("content-range").to_owned())
}

async fn expect(world: &World, query: &str, want: &[u32], range: &str) {
    for _ in 0..2 {
        // The second time counts are remembered; the answer is the same.
        let (found, at) = rows(world, VENDOR, query).await;
        assert_eq!((found.as_slice(), at.as_str()), (want, range), "{query}");
    }
}

#[tokio::test]
async fn a_record_is_shown_with_everything_that_is_known_of_it() {
    let mut world = World::new();
    let uf = file(0);
    accepted(&mut world, uf).await;
    let billing = Billing { id: "INV-1".to_owned(), note: "November".to_owned() };
    let rows = Box::new(ClosedRows::alike([3].into_iter().collect(), billing));
    world.say(uf, "SU-2", Fact::RecordsClosed { by: ClosedBy::Records, rows, records: 1 }).await;
    let got = world.get(PROVIDER, "usage/records/UR-2026-11-0000-0000-0000-0003").await;
    assert!(String::from_utf8_lossy(&got.bytes).contains("\"usage\":92.65,"));
    let local = "vm_hours";
    let item = json!({"id": "PRD-1-0001", "local_id": local, "mpn": "VM", "name": "PRD-1-0001 name",
        "unit": "unit*h", "precision": "decimal(2)", "type": "PPU"});
    let mut record = got.json();
    // How long the tests took decides the second.
    assert!(record["closed_at"].as_str().unwrap().starts_with("2026-11-22T00:00:"));
    record.as_object_mut().unwrap().shift_remove("closed_at");
    record.as_object_mut().unwrap().shift_remove("usage");
    assert_eq!(
        record,
        json!({
            "id": "UR-2026-11-0000-0000-0000-0003",
            "status": "closed",
            "usagefile": {"id": uf.to_string(), "name": "October", "schema": "qt"},
            "product_id": "PRD-1",
            "created_time": "2026-11-22T00:00:02.000000+00:00",
            "record_id": "r-3",
            "start_date": "2026-10-04T00:00:00.000000+00:00",
            "end_date": "2026-10-04T23:59:59.000000+00:00",
            "multiplier": 1,
            "item": item,
            "item_id": "PRD-1-0001",
            "resource_local_id": local,
            "asset": {"id": "AS-1", "external_id": "ext-1", "external_uid": "uid-1"},
            "asset_id": "AS-1",
            "asset_external_id": "ext-1",
            "asset_external_uid": "uid-1",
            "hub": {"id": "HB-1", "name": "HB-1 name"},
            "category": {"id": "compute", "name": "Computing"},
            "params": [{"parameter_name": "Region", "parameter_value": " eu 3"}],
            "closed_by": "SU-2 name",
            "external_billing_id": "INV-1",
            "external_billing_note": "November",
        })
    );
    for (key, id) in [
        (STRANGER, "UR-2026-11-0000-0000-0000-0003"),
        (VENDOR, "UR-2026-11-0000-0000-0000-0001"),
        (VENDOR, "UR-2026-11-0000-0000-0000-0099"),
        (VENDOR, "UR-1"),
    ] {
        assert_eq!(world.get(key, &format!("usage/records/{id}")).await.status, 404, "{id}");
    }
    expect(&world, "status=closed", &[3], "items 0-0/1").await;
    expect(&world, "in(status,(approved))&limit=2", &[2, 4], "items 0-1/8").await;
}

#[tokio::test]
async fn a_page_is_the_same_however_it_is_found() {
    let mut world = World::new();
    let (first, second) = (file(0), file(1));
    accepted(&mut world, first).await;
    let parts = read(&mut world, second).await;
    check(&mut world, second, &parts, Some(6)).await;
    expect(&world, "limit=0&offset=0", &[], "items 0-0/18").await;
    expect(&world, "limit=4&offset=2", &[4, 5, 6, 7], "items 2-5/18").await;
    expect(&world, "limit=4&offset=7", &[9, 10, 2, 3], "items 7-10/18").await;
    expect(&world, "offset=100", &[], "items 100-100/18").await;
    expect(&world, "usagefile.id=UF-2026-11-0000-0001&limit=2&offset=4", &[6, 7], "items 4-5/9").await;
    expect(&world, "eq(usage_file,UF-2026-11-0000-0007)", &[], "items 0-0/0").await;
    expect(&world, "status=approved&asset.external_uid=uid-2&usagefile.schema=qt", &[4, 7, 10], "items 0-2/3").await;
    expect(&world, "status=approved&limit=2&offset=1", &[3, 4], "items 1-2/9").await;
    expect(&world, "asset.id=AS-2&limit=2&offset=2", &[10, 4], "items 2-3/6").await;
    expect(&world, "status=invalid", &[6], "items 0-0/1").await;
    expect(&world, "not(in(status,(approved,valid)))", &[6], "items 0-0/1").await;
    expect(&world, "item.id=null()", &[6], "items 0-0/1").await;
    expect(&world, "error_codes=USG_FILE_001", &[6], "items 0-0/1").await;
    expect(&world, "error_codes=USG_FILE_006", &[], "items 0-0/0").await;
    expect(&world, "eq(usagefile.schema,tr)", &[], "items 0-0/0").await;
    let window = "eq(asset.id,AS-1),in(status,(approved,closed)),(and(ge(start_date,2026-10-04),lt(start_date,2026-10-07))%7C\
                  and(ge(end_date,2026-11-01),lt(end_date,2026-11-02)))&limit=100&offset=0";
    expect(&world, window, &[3, 5], "items 0-1/2").await;
    expect(&world, "ordering(-start_date)&status=approved&limit=3&offset=1", &[9, 8, 7], "items 1-3/9").await;
    expect(&world, "ordering(start_date)&limit=3", &[2, 2, 3], "items 0-2/18").await;
    let (found, _) = rows(&world, PROVIDER, "limit=1000").await;
    assert_eq!(found.len(), 9, "a provider sees the accepted file only");
    let deep = world.get(VENDOR, "usage/records?ordering(start_date)&offset=100000").await;
    assert_eq!(deep.error().1, "VAL_001");
}

#[tokio::test]
async fn a_wrong_record_says_what_is_wrong_and_one_in_the_works_has_no_status() {
    let mut world = World::new();
    let uf = file(0);
    let parts = read(&mut world, uf).await;
    expect(&world, "status=null()&limit=1", &[2], "items 0-0/9").await;
    let got = world.get(VENDOR, "usage/records?limit=1").await.json();
    assert_eq!((got[0].get("status"), &got[0]["record_id"]), (None, &json!("r-2")));
    let progress = world.get(VENDOR, &format!("usage/files/{uf}")).await.json()["progress"].clone();
    assert_eq!(progress, json!({"read": 9, "checked": 0, "valid": 0, "invalid": 0}));
    check(&mut world, uf, &parts, Some(6)).await;
    let got = world.get(VENDOR, "usage/records?status=invalid").await.json();
    assert_eq!((&got[0]["status"], &got[0]["error_codes"]), (&json!("invalid"), &json!("USG_FILE_001")));
    assert_eq!(got[0]["error_details"], "No item has the part number \"X\". Use VM.");
    let got = world.get(VENDOR, &format!("usage/files/{uf}/categories")).await;
    assert_eq!(
        (got.json(), got.header("content-range")),
        (json!([{"id": "compute", "name": "Computing"}]), "items 0-0/1")
    );
}

#[tokio::test]
async fn records_are_closed_one_by_one_with_a_result_for_each() {
    let mut world = World::new();
    let uf = file(0);
    accepted(&mut world, uf).await;
    let rows = Box::new(ClosedRows::alike([3].into_iter().collect(), Billing::default()));
    world.say(uf, "SU-2", Fact::RecordsClosed { by: ClosedBy::Records, rows, records: 1 }).await;
    let body = r#"[{"id":"UR-2026-11-0000-0000-0000-0003","external_billing_note":"n"},
        {"id":"UR-2026-11-0000-0000-0000-0004","external_billing_note":"n"},
        {"id":"UR-2026-11-0000-0000-0000-0005"},{"id":"x"},{}]"#;
    let got = world.post(PROVIDER, "usage/records/close-records/", body).await;
    assert_eq!(got.status, 206);
    let codes: Vec<Value> = got.json().as_array().unwrap().iter().map(|result| result["error_codes"].clone()).collect();
    // Nobody decides in these tests; what was closed before is found closed all the same.
    assert_eq!(json!(codes), json!([null, "SYS_001", "USG_031", "NFND_000", "VAL_001"]));
    let got =
        world.send("PUT", PROVIDER, "usage/records/UR-2026-11-0000-0000-0000-0004", "{\"status\":\"invalid\"}".into());
    assert!(got.await.error().2.starts_with("status: Which records are valid is decided when they are checked."));
}

#[tokio::test]
async fn approved_records_of_a_pending_file_show_it_and_the_file_stays_pending() {
    let mut world = World::new();
    let uf = file(0);
    let parts = read(&mut world, uf).await;
    check(&mut world, uf, &parts, None).await;
    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    // Counts are remembered for the second look, and must not outlive the approval.
    for (approved, valid) in [(0, 9), (9, 0)] {
        for _ in 0..2 {
            assert_eq!(rows(&world, PROVIDER, "status=approved&limit=0").await.1, format!("items 0-0/{approved}"));
            assert_eq!(rows(&world, PROVIDER, "status=valid&asset.id=AS-9&limit=0").await.1, "items 0-0/0");
            assert_eq!(rows(&world, PROVIDER, "status=valid&limit=0").await.1, format!("items 0-0/{valid}"));
        }
        world.say(uf, "SU-2", Fact::RecordsApproved { upload: 1 }).await;
    }
    let got = world.get(PROVIDER, &format!("usage/files/{uf}")).await.json();
    assert_eq!((&got["status"], &got["stats"]["pending"]), (&json!("pending"), &json!(9)));
    world.say(uf, "SU-2", Fact::FileRejected { upload: 1, note: String::new() }).await;
    assert_eq!(rows(&world, PROVIDER, "status=rejected&limit=0").await.1, "items 0-0/9");
    let put = world.send("PUT", PROVIDER, &format!("usage/files/{uf}/approve-all"), axum::body::Body::empty()).await;
    assert_eq!(put.error().1, "SYS_001", "nobody decides in these tests");
}
