//! Workbooks that are checked and not recorded: who may ask, what is asked of the rules, and what is answered.

use std::path::Path;

use ledger::catalog::Environment;
use ledger::command::CreateFile;
use ledger::fact::{FileCreated, Total};
use ledger::record::{CheckedRecord, RecordError};
use ledger::{Code, Decimal, FileId, Rejection, Scope};
use serde_json::{Value, json};

use super::world::{Got, PROVIDER, STRANGER, VENDOR, World, created};
use crate::fault::{Fault, Severity};
use crate::{DryRun, DryRunError, Incoming, Outcome};

/// Rules that find as many faults as the workbook's text says.
#[derive(Debug)]
pub(super) struct Counted;

impl DryRun for Counted {
    /// A record is refused for its quantity if that is `x`.
    fn examine(&self, incoming: Incoming<'_>) -> Result<Vec<CheckedRecord>, DryRunError> {
        let column = incoming.columns.iter().position(|column| column.name == "quantity").unwrap_or(99);
        let one = |index: usize| {
            let wrong = incoming.batch.cell(index, column).text == "x";
            let column = u16::try_from(column).ok();
            let (message, fix) = ("Quantity is no number".to_owned(), "Write 1.".to_owned());
            let error = RecordError { code: Code::QuantityNotANumber, column, message, fix };
            CheckedRecord { errors: wrong.then_some(error).into_iter().collect(), ..CheckedRecord::default() }
        };
        Ok((0..incoming.batch.rows.len()).map(one).collect())
    }

    fn taken(&self, file: FileId, column: Option<u16>) -> RecordError {
        RecordError { code: Code::RecordIdTaken, column, message: format!("In {file}"), fix: String::new() }
    }

    fn admit(&self, create: &CreateFile, _: &Scope) -> Result<FileCreated, Rejection> {
        if create.name == "refuse" {
            return Err(Rejection::field("name", "Refused."));
        }
        let CreateFile { period, time_zone, currency, predictive, .. } = create.clone();
        Ok(FileCreated { period, time_zone, currency, predictive, ..created(Environment::Production) })
    }

    fn run(
        &self,
        created: &FileCreated,
        workbook: &Path,
        found: &mut dyn FnMut(Fault) -> bool,
    ) -> Result<Outcome, DryRunError> {
        assert!(workbook.file_name().unwrap().to_str().unwrap().starts_with("dry-run-"));
        let text = std::fs::read_to_string(workbook).unwrap();
        let Ok(count) = text.trim().parse::<u32>() else {
            if text.starts_with("broken") {
                return Err(DryRunError("the disk is full".into()));
            }
            return Ok(Outcome {
                unreadable: Some("the workbook has no records tab.".to_owned()),
                ..Outcome::default()
            });
        };
        for row in 2..count + 2 {
            let fault = Fault {
                row: Some(row),
                record_id: format!("r-{row}"),
                column: "quantity".to_owned(),
                cell: format!("C{row}"),
                code: Code::QuantityNotANumber,
                severity: Severity::Error,
                message: "Quantity is no number".to_owned(),
                fix: created.period.map(|period| period.from.sheet()).unwrap_or_default(),
                raw_value: "x".to_owned(),
            };
            if !found(fault) {
                break;
            }
        }
        let quantity = Decimal::parse("2.5").unwrap();
        Ok(Outcome {
            valid: 1,
            invalid: count,
            totals: vec![Total { records: 1, quantity, ..Total::default() }],
            codes: vec![(Code::QuantityNotANumber, count)],
            warnings: vec![(Code::Overlap, 2), (Code::TierIgnored, 1)],
            ignored: vec!["Remark".to_owned()],
            ..Outcome::default()
        })
    }
}

fn form(workbook: &str, fields: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        form.push_str(&format!("--cut\nContent-Disposition: form-data; name=\"{name}\"\n\n{value}\n"));
    }
    let head = "--cut\nContent-Disposition: form-data; name=\"usage_file\"; filename=\"a.xlsx\"\n\n";
    format!("{form}{head}{workbook}\n--cut--\n")
}

async fn validate(world: &World, key: &str, query: &str, workbook: &str, fields: &[(&str, &str)]) -> Got {
    let fields: Vec<(&str, &str)> = [("contract", "CRD-1")].into_iter().chain(fields.iter().copied()).collect();
    world.form(key, &format!("usage/products/PRD-1/validate{query}"), &form(workbook, &fields)).await
}

/// What lies in the folder of uploads, unfinished or not.
fn left(world: &World) -> Vec<String> {
    let uploads = world.dir.path().join("uploads");
    let names = |dir: &Path| {
        let found = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        found.collect::<Vec<_>>()
    };
    [names(&uploads), names(&uploads.join("unfinished"))].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_is_that_of_a_file_and_nothing_is_left() {
    let world = World::new();
    let zone = [("period_from", "2021-05-01"), ("period_to", "2021-05-31"), ("time_zone", "America/Los_Angeles")];
    let got = validate(&world, VENDOR, "", "2", &zone).await;
    let fault = |row: u32| {
        json!({"row": row, "record_id": format!("r-{row}"), "column": "quantity", "cell": format!("C{row}"),
            "code": "USG_FILE_006", "severity": "error", "message": "Quantity is no number",
            "fix": "2021-05-01 07:00:00", "raw_value": "x"})
    };
    let want = json!({
        "status": "invalid",
        "schema": "qt",
        "stats": {"uploaded": 3, "validated": 1, "invalid": 2},
        "totals": [{"records": 1, "quantity": 2.5}],
        "exempt": [],
        "codes": {"USG_FILE_006": 2},
        "warnings": 3,
        "ignored_columns": ["Remark"],
        "errors": [fault(2), fault(3)],
        "truncated": false,
    });
    assert_eq!((got.status.as_u16(), got.json()), (200, want));
    let got = validate(&world, VENDOR, "", "0", &[("predictive", "true"), ("currency", "USD")]).await.json();
    let found = ["status", "predictive", "currency", "errors"].map(|name| got[name].clone());
    assert_eq!(json!(found), json!(["ready", true, "USD", []]));
    assert_eq!(left(&world), ["unfinished"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_cut_and_a_stream_has_all_of_it() {
    let world = World::new();
    let got = validate(&world, VENDOR, "", "2500", &[]).await.json();
    assert_eq!((got["errors"].as_array().unwrap().len(), &got["truncated"]), (1000, &json!(true)));
    assert_eq!(got["stats"]["invalid"], 2500);
    let got = validate(&world, VENDOR, "?format=ndjson", "2500", &[]).await;
    let text = String::from_utf8(got.bytes).unwrap();
    let rows: Vec<u64> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["row"].as_u64().unwrap()).collect();
    assert!(rows.iter().copied().eq(2..2502), "{} rows", rows.len());
    let got = validate(&world, VENDOR, "?format=csv", "2500", &[]).await;
    let text = String::from_utf8(got.bytes).unwrap();
    assert_eq!(
        (text.lines().count(), text.lines().nth(1)),
        (2501, Some("2,r-2,quantity,C2,USG_FILE_006,error,Quantity is no number,,x"))
    );
    assert_eq!(left(&world), ["unfinished"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_that_cannot_be_read_says_so_in_every_format() {
    let world = World::new();
    let sentence = "USG_FILE_005: Contract ID: CRD-1 and Product ID: PRD-1 can not be validated. The workbook has no \
                    records tab.";
    let got = validate(&world, VENDOR, "", "no workbook", &[]).await.json();
    assert_eq!((&got["status"], &got["error_detail"]), (&json!("invalid"), &json!(sentence)));
    let (message, fix) =
        ("Contract ID: CRD-1 and Product ID: PRD-1 can not be validated", "The workbook has no records tab.");
    assert_eq!(got["errors"], json!([{"code": "USG_FILE_005", "severity": "error", "message": message, "fix": fix}]));
    let got = validate(&world, VENDOR, "?format=csv", "no workbook", &[]).await;
    let text = String::from_utf8(got.bytes).unwrap();
    assert_eq!(text.lines().nth(1).unwrap(), format!(",,,,USG_FILE_005,error,{message},{fix},"));
    assert_eq!(validate(&world, VENDOR, "", "broken", &[]).await.error().0, 500);
    assert_eq!(left(&world), ["unfinished"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_create_such_a_file_may_not_try_one() {
    let world = World::new();
    let contract = |name: &'static str| [("contract", name)];
    for (key, path, fields, want) in [
        (STRANGER, "PRD-1", contract("CRD-1"), (404, "NFND_000", "Object not found.")),
        (VENDOR, "PRD-9", contract("CRD-1"), (404, "NFND_000", "Object not found.")),
        (VENDOR, "PRD-1", contract("CRD-9"), (404, "NFND_000", "Object not found.")),
        (PROVIDER, "PRD-1", contract("CRD-1"), (403, "AUTH_003", "You do not have permission to perform this action.")),
        (
            VENDOR,
            "PRD-1",
            [("x", "y")],
            (400, "VAL_001", "contract: This field is required: the id of a contract (CRD-…)."),
        ),
    ] {
        let got = world.form(key, &format!("usage/products/{path}/validate"), &form("0", &fields)).await.error();
        assert_eq!((got.0, got.1.as_str(), got.2.as_str()), want, "{path} {fields:?}");
    }
    for (field, want) in [
        (("name", "refuse"), "name: Refused."),
        (("time_zone", "Mars"), "time_zone: \"Mars\" is no time zone"),
        (("period_from", "2026-05-01"), "period_to: This field is required."),
        (("predictive", "maybe"), "predictive: Must be a valid boolean"),
    ] {
        let got = validate(&world, VENDOR, "", "0", &[field]).await.error();
        assert!(got.0 == 400 && got.2.starts_with(want), "{got:?}");
    }
    let got = world.form(VENDOR, "usage/products/PRD-1/validate", "--cut--\n").await.error();
    assert!(got.2.starts_with("usage_file: This field is required"), "{}", got.2);
    assert_eq!(left(&world), ["unfinished"]);
}
