//! What is wrong with records, as a list, as a page of it and as a stream.

use ledger::catalog::Environment;
use ledger::fact::UploadOpened;
use ledger::record::{CheckedBatch, RecordError};
use ledger::{Code, Fact, FileId, Hash};
use serde_json::{Value, json};

use super::records::{check_as, checked_batch, read};
use super::world::{OPERATOR, PROVIDER, STRANGER, VENDOR, World, created, file};

fn error(code: Code, column: Option<u16>, message: &str, fix: &str) -> RecordError {
    RecordError { code, column, message: message.to_owned(), fix: fix.to_owned() }
}

/// Row 3 has a column too few and a bad quantity, told in another order; row 6 is doubtful, row 8 both.
fn batch(part: u32) -> CheckedBatch {
    let mut batch = checked_batch(part, None);
    for record in &mut batch.records {
        let wrong = error(Code::QuantityNotANumber, Some(2), "Quantity is no number", "Write 92.65.");
        let doubt = error(Code::Overlap, Some(0), "Usage overlaps rows 2-5 of usage file UF-1", "Correct \"it\".");
        match record.row {
            3 => record.errors = vec![wrong, error(Code::ColumnMissing, None, "=Column amount is missing.", "")],
            6 => record.warnings = vec![doubt],
            8 => (record.errors, record.warnings) = (vec![wrong], vec![doubt]),
            _ => {}
        }
    }
    batch
}

async fn invalid(world: &mut World) -> FileId {
    let uf = file(0);
    let parts = read(world, uf).await;
    check_as(world, uf, &parts, batch).await;
    uf
}

/// Rows and codes of a list, and its `Content-Range`.
async fn found(world: &World, uf: FileId, query: &str) -> (String, String) {
    let got = world.get(VENDOR, &format!("usage/files/{uf}/validation-errors?{query}")).await;
    assert_eq!(got.status, 200, "{query} {}", String::from_utf8_lossy(&got.bytes));
    let line =
        |one: &Value| format!("{} {}", one["row"], one["code"].as_str().unwrap().trim_start_matches("USG_FILE_"));
    let lines: Vec<String> = got.json().as_array().unwrap().iter().map(line).collect();
    (lines.join(", "), got.header("content-range").to_owned())
}

#[tokio::test]
async fn errors_are_listed_by_row_and_column_with_what_was_sent() {
    let mut world = World::new();
    let uf = invalid(&mut world).await;
    let got = world.get(VENDOR, &format!("usage/files/{uf}/validation-errors?limit=3")).await;
    assert_eq!(got.header("content-range"), "items 0-2/5");
    assert_eq!(
        got.json(),
        json!([
            {"row": 3, "record_id": "r-3", "code": "USG_FILE_101", "severity": "error",
             "message": "=Column amount is missing."},
            {"row": 3, "record_id": "r-3", "column": "quantity", "cell": "C3", "code": "USG_FILE_006",
             "severity": "error", "message": "Quantity is no number", "fix": "Write 92.65.", "raw_value": "92.65"},
            {"row": 6, "record_id": "r-6", "column": "record_id", "cell": "A6", "code": "USG_FILE_116",
             "severity": "warning", "message": "Usage overlaps rows 2-5 of usage file UF-1", "fix": "Correct \"it\".",
             "raw_value": "r-6"},
        ])
    );
}

#[tokio::test]
async fn a_query_finds_the_same_errors_however_often_it_is_asked() {
    let mut world = World::new();
    let uf = invalid(&mut world).await;
    for (query, want, range) in [
        ("", "3 101, 3 006, 6 116, 8 116, 8 006", "items 0-4/5"),
        ("limit=2&offset=1", "3 006, 6 116", "items 1-2/5"),
        ("limit=1&offset=4", "8 006", "items 4-4/5"),
        ("limit=0", "", "items 0-0/5"),
        ("offset=9", "", "items 9-9/5"),
        ("severity=error", "3 101, 3 006, 8 006", "items 0-2/3"),
        ("severity=warning&limit=1&offset=1", "8 116", "items 1-1/2"),
        ("code=USG_FILE_006&row=gt=3", "8 006", "items 0-0/1"),
        ("in(row,(3,6))&column=quantity", "3 006", "items 0-0/1"),
        ("column=null()", "3 101", "items 0-0/1"),
        ("record_id=r-8", "8 116, 8 006", "items 0-1/2"),
        ("ilike(record_id,R-*)&limit=1&offset=2", "6 116", "items 2-2/5"),
        ("or(record_id=r-8,code=USG_FILE_101)", "3 101, 8 116, 8 006", "items 0-2/3"),
        ("search=r-9", "", "items 0-0/0"),
        ("search=USG_FILE_116", "6 116, 8 116", "items 0-1/2"),
    ] {
        for _ in 0..2 {
            // The second time the batches' counts are remembered.
            assert_eq!(found(&world, uf, query).await, (want.to_owned(), range.to_owned()), "{query}");
        }
    }
    let ordered = world.get(VENDOR, &format!("usage/files/{uf}/validation-errors?ordering(code)")).await;
    assert_eq!(ordered.error().1, "VAL_001");
}

#[tokio::test]
async fn a_stream_has_every_error_and_a_csv_no_formula() {
    let mut world = World::new();
    let uf = invalid(&mut world).await;
    let path = format!("usage/files/{uf}/validation-errors");
    let got = world.get(VENDOR, &format!("{path}?format=csv&limit=1")).await;
    let want = "row,record_id,column,cell,code,severity,message,fix,raw_value\r\n\
                3,r-3,,,USG_FILE_101,error,'=Column amount is missing.,,\r\n\
                3,r-3,quantity,C3,USG_FILE_006,error,Quantity is no number,Write 92.65.,92.65\r\n\
                6,r-6,record_id,A6,USG_FILE_116,warning,Usage overlaps rows 2-5 of usage file UF-1,\
                \"Correct \"\"it\"\".\",r-6\r\n\
                8,r-8,record_id,A8,USG_FILE_116,warning,Usage overlaps rows 2-5 of usage file UF-1,\
                \"Correct \"\"it\"\".\",r-8\r\n\
                8,r-8,quantity,C8,USG_FILE_006,error,Quantity is no number,Write 92.65.,92.65\r\n";
    assert_eq!(String::from_utf8(got.bytes.clone()).unwrap(), want);
    assert_eq!(got.header("content-type"), "text/csv; charset=utf-8; header=present");
    let request = axum::http::Request::builder().uri(format!("/public/v1/{path}?severity=warning"));
    let request = request.header("authorization", VENDOR).header("accept", "application/x-ndjson, */*;q=0.1");
    let got = world.call(request.body(axum::body::Body::empty()).unwrap()).await;
    let lines = String::from_utf8(got.bytes.clone()).unwrap();
    let rows: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["row"].clone()).collect();
    assert_eq!((json!(rows), got.header("content-type")), (json!([6, 8]), "application/x-ndjson"));
    assert_eq!(world.get(VENDOR, &format!("{path}?format=pdf")).await.error().1, "VAL_001");
}

#[tokio::test]
async fn errors_are_the_vendors_and_an_unreadable_workbook_is_one() {
    let mut world = World::new();
    let uf = file(0);
    let path = format!("usage/files/{uf}/validation-errors");
    assert_eq!(world.get(VENDOR, &path).await.status, 404);
    world.say(uf, "SU-1", Fact::FileCreated(Box::new(created(Environment::Production)))).await;
    assert_eq!(world.get(VENDOR, &path).await.json(), json!([]));
    assert_eq!(world.get(OPERATOR, &path).await.json(), json!([]));
    for key in [PROVIDER, STRANGER] {
        assert_eq!(world.get(key, &path).await.status, 404);
    }
    let opened =
        UploadOpened { upload: 1, blob: Hash::ZERO, bytes: 2, filename: "a.xlsx".to_owned(), catalog_position: 1 };
    world.say(uf, "SU-1", Fact::UploadOpened(opened)).await;
    world.say(uf, "SU-1", Fact::ReadStarted { upload: 1, attempt: 1 }).await;
    let detail = "the workbook has no records tab.".to_owned();
    world.say(uf, "SU-1", Fact::FileUnreadable { upload: 1, attempt: 1, detail }).await;
    let message = "Contract ID: CRD-1 and Product ID: PRD-1 can not be validated";
    let fix = "The workbook has no records tab.";
    let want = json!([{"code": "USG_FILE_005", "severity": "error", "message": message, "fix": fix}]);
    assert_eq!(world.get(VENDOR, &path).await.json(), want);

    // A submitted file is the provider's to see, what was doubtful in it is not.
    let second = file(1);
    let parts = read(&mut world, second).await;
    check_as(&mut world, second, &parts, |part| {
        let mut batch = batch(part);
        batch.records.iter_mut().for_each(|record| record.errors.clear());
        batch
    })
    .await;
    world.say(second, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    let path = format!("usage/files/{second}");
    assert_eq!(found(&world, second, "").await.0, "6 116, 8 116");
    assert_eq!(world.get(PROVIDER, &format!("{path}/validation-errors")).await.error().0, 403);
    assert_eq!(world.get(VENDOR, &path).await.json()["warnings"], json!(2));
    assert_eq!(world.get(PROVIDER, &path).await.json().get("warnings"), None);
    let record = "usage/records/UR-2026-11-0000-0001-0000-0006";
    let warning = json!([{"code": "USG_FILE_116", "message": "Usage overlaps rows 2-5 of usage file UF-1",
        "fix": "Correct \"it\"."}]);
    assert_eq!(world.get(VENDOR, record).await.json()["warnings"], warning);
    assert_eq!(world.get(PROVIDER, record).await.json().get("warnings"), None);
}
