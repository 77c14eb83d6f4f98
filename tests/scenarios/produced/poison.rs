//! Reports that can't be taken, of every kind there is, each with what its dead letter says.

use proto::report::UsageReport;
use serde_json::{Value, json};

use super::producer::Report;
use super::{about, body, record};
use crate::scenarios::world::{CONTRACT, PRODUCT};

const JSON: &str = "application/json";

fn plain(text: impl Into<Vec<u8>>) -> Report {
    Report { about: about(), kind: JSON, key: String::new(), bytes: text.into() }
}

fn one(change: impl FnOnce(&mut Value)) -> Report {
    let mut record = record("poison", "1");
    change(&mut record);
    whole(&[record], |_| {})
}

fn whole(records: &[Value], change: impl FnOnce(&mut Value)) -> Report {
    let mut body = body(records);
    change(&mut body);
    plain(body.to_string())
}

fn to(about: &str) -> Report {
    let report = json!({ "records": [record("poison", "1")] });
    Report { about: about.to_owned(), ..plain(report.to_string()) }
}

fn wire(report: &UsageReport) -> Report {
    Report { kind: "", ..plain(proto::encode_report(report).expect("within the limits")) }
}

fn cells(cells: &[(&'static str, &str)]) -> UsageReport {
    let record = cells.iter().map(|(name, text)| ((*name).into(), (*text).to_owned())).collect();
    UsageReport { records: vec![record], ..UsageReport::default() }
}

/// Each with a part of the reason that its dead letter gives. The record `known` is in the ledger with quantity 1, and
/// the key `used` was used for it.
pub(super) fn all() -> Vec<(Report, &'static str)> {
    [undecodable(), in_protobuf(), about_others(), terms(), records()].concat()
}

fn undecodable() -> Vec<(Report, &'static str)> {
    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    vec![
        (plain(""), "EOF"),
        (plain("{"), "EOF"),
        (plain("null"), "expected an object"),
        (plain("[]"), "expected an object"),
        (plain("42"), "expected an object"),
        (plain("\"x\""), "expected an object"),
        (plain("{\"records\": 1}"), "expected a sequence"),
        (plain("{\"records\": [1]}"), "a record"),
        (plain("{\"records\": [{\"record_id\": true}]}"), "a text or a number"),
        (plain("{\"records\": [{\"record_id\": [\"a\"]}]}"), "a text or a number"),
        (plain("{\"records\": [{\"record_id\": {\"a\": 1}}]}"), "a text or a number"),
        (plain("{\"records\": [{\"record_id\": \"a\", \"record_id\": \"b\"}]}"), "stands twice"),
        (plain("{\"records\": [{\"quantity\": NaN}]}"), "expected"),
        (plain(&b"{\"records\": [{\"record_id\": \"\xff\xfe\"}]}"[..]), "unicode"),
        (plain(&b"\xef\xbb\xbf{}"[..]), "expected value"),
        (plain(&b"\x00\x01\x02"[..]), "expected value"),
        (plain([b"{\"x\": ", &deep[..], b"}"].concat()), "recursion"),
        (plain("{} {}"), "trailing"),
        (Report { kind: "application/x-ndjson", ..plain("{\"record_id\": \"a\"}\n{") }, "line 2"),
        (Report { kind: "text/csv", ..plain("record_id\n1") }, "Unsupported media type"),
        (Report { kind: "application/octet-stream", ..plain("") }, "Unsupported media type"),
    ]
}

fn in_protobuf() -> Vec<(Report, &'static str)> {
    let binary = |bytes: &[u8]| Report { kind: "application/protobuf", ..plain(bytes) };
    let twice = [("quantity", "1"), ("v.a", "1"), ("v.a", "2")];
    vec![
        (binary(b""), "at least one record"),
        (binary(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "could not decode"),
        (binary(b"\x42\x05abc"), "could not make sense"),
        (binary(b"{\"records\": []}"), "could not"),
        (binary(&b"\x42\x00".repeat(10_001)), "at most 10000"),
        (wire(&cells(&twice)), "two values of one column"),
        (wire(&cells(&[("colour", "red")])), "no such column"),
    ]
}

fn about_others() -> Vec<(Report, &'static str)> {
    let other =
        |name: &'static str, id: &'static str| whole(&[record("poison", "1")], move |it| it[name]["id"] = id.into());
    vec![
        (to(&format!("CRD-99999-99999-99999.{PRODUCT}")), "no contract"),
        (to(&format!("{CONTRACT}.PRD-999-999-999")), "no contract"),
        (to(&format!("{PRODUCT}.{CONTRACT}")), "no contract"),
        (to(&format!("{}.{PRODUCT}", CONTRACT.to_lowercase())), "no contract"),
        (to(&format!("Verträge.{PRODUCT}")), "no contract"),
        (other("contract", "CRD-30471-55210-90866"), "subject is about"),
        (other("product", "PRD-000-000-000"), "subject is about"),
        (other("contract", "a b"), "no valid id"),
    ]
}

fn terms() -> Vec<(Report, &'static str)> {
    let with = |change: fn(&mut Value)| whole(&[record("poison", "1")], change);
    let key = |key: &str| Report { key: key.to_owned(), ..whole(&[record("poison", "1")], |_| {}) };
    vec![
        (whole(&[], |_| {}), "at least one record"),
        (whole(&vec![json!({}); 10_001], |_| {}), "at most 10000 records"),
        (with(|it| it["period"] = json!({ "from": "2026-10-31", "to": "2026-10-01" })), "period"),
        (with(|it| it["period"] = json!({ "from": "2026-10-31" })), "required"),
        (with(|it| it["period"] = json!({ "from": "gestern", "to": "heute" })), "period.from"),
        (with(|it| it["currency"] = "Dollar".into()), "currency"),
        (with(|it| it["environment"] = "moon".into()), "environment"),
        (whole(&[record("a", "1"), one_of_november()], |_| {}), "is not in 2026-10"),
        (one(|it| it["start_time_utc"] = "never".into()), "Give the period"),
        (key(&"k".repeat(201)), "1 to 200 characters"),
        (key("used"), "used for another request"),
    ]
}

fn one_of_november() -> Value {
    let mut record = record("b", "1");
    record["start_time_utc"] = "2026-11-01 00:00:00".into();
    record
}

fn records() -> Vec<(Report, &'static str)> {
    let bad = |name: &'static str, value: &'static str| one(move |it| it[name] = value.into());
    vec![
        (bad("quantity", "many"), "1 of 1 records were not taken"),
        (bad("quantity", "1e999999"), "1 of 1 records were not taken"),
        (bad("quantity", ""), "1 of 1 records were not taken"),
        (bad("record_id", ""), "1 of 1 records were not taken"),
        (bad("item_search_value", "NO-SUCH-ITEM"), "1 of 1 records were not taken"),
        (bad("asset_search_value", "AS-0000-0000-0000"), "1 of 1 records were not taken"),
        (bad("end_time_utc", "2026-09-30 00:00:00"), "1 of 1 records were not taken"),
        (bad("colour", "red"), "no such column"),
        (whole(&[record("known", "2")], |_| {}), "with other values"),
        (whole(&[record("known", "1"), record("half", "many")], |_| {}), "1 of 2 records were not taken"),
    ]
}
