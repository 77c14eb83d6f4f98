//! Reports and receipts as protobuf (`proto/usage/v1/report.proto`): the same as the JSON of the API, field by field.

use std::borrow::Cow;

use proto::report::{RecordFault, RecordResult, ReportReceipt};
use serde_json::{Map, Value};

use super::body::{Sent, Whole};
use super::receipt::{self, RecordReceipt, Refusal, Reported};
use crate::error::ApiError;

/// What a report says.
pub(super) fn whole(bytes: &[u8]) -> Result<Whole<'static>, ApiError> {
    let report = proto::decode_report(bytes);
    let not_wire = |error| ApiError::Body { field: "UsageReport".to_owned(), reason: format!("could not {error}.") };
    let report = report.map_err(not_wire)?;
    let mut terms = Map::new();
    let named = [("contract", report.contract), ("product", report.product)];
    let plain = [
        ("period_from", report.period_from),
        ("period_to", report.period_to),
        ("currency", report.currency),
        ("environment", report.environment),
    ];
    for (name, text) in named.into_iter().chain(plain) {
        terms.extend(text.map(|text| (name.to_owned(), Value::String(text))));
    }
    let cells =
        |cells: proto::report::Cells| Sent(cells.into_iter().map(|(name, text)| (name, Cow::Owned(text))).collect());
    let records = report.records.into_iter().map(cells).collect();
    Ok(Whole { terms, records, key: report.idempotency_key })
}

/// What a producer is told.
pub(crate) fn receipt(told: &Reported) -> ReportReceipt {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let (file, name, schema, currency) = told.file.parts();
    ReportReceipt {
        file,
        name,
        schema,
        currency,
        added: count(told.added),
        identical: count(told.identical),
        conflicting: count(told.conflicting),
        refused: count(told.refused),
        records: told.records.iter().map(record).collect(),
    }
}

fn record(told: &RecordReceipt) -> proto::report::RecordReceipt {
    let known = told.known.iter().flatten().map(|(column, value)| (column.clone(), value.clone()));
    proto::report::RecordReceipt {
        record_id: told.record_id.clone(),
        result: match told.result {
            receipt::ADDED => RecordResult::Added,
            receipt::IDENTICAL => RecordResult::Identical,
            receipt::CONFLICTING => RecordResult::Conflicting,
            _ => RecordResult::Refused,
        },
        id: told.id.clone(),
        known: known.collect(),
        errors: told.errors.iter().flatten().map(fault).collect(),
    }
}

fn fault(told: &Refusal) -> RecordFault {
    let (code, message) = (told.code.clone(), told.message.clone());
    RecordFault { code, column: told.column.clone(), message, fix: told.fix.clone() }
}

#[cfg(test)]
mod tests {
    use workbook::columns::RECORDS;

    /// A report over NATS has the columns of one over HTTP.
    #[test]
    fn a_record_has_a_field_for_each_column_of_a_workbook() {
        let (_, whole) = proto::samples::reports().remove(0);
        let names: Vec<&str> = whole.records[0].iter().map(|(name, _)| name.as_ref()).collect();
        let known: Vec<&str> = RECORDS.iter().map(|column| column.name).collect();
        assert_eq!(names[..known.len()], known);
        assert!(names[known.len()..].iter().all(|name| name.starts_with("v.")));
    }
}
