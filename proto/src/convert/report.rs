//! Reports of producers and what they are told, and the limits of both.

use std::borrow::Cow;

use ledger::record::RECORD_COLUMNS_MAX;
use ledger::report::REPORT_RECORDS_MAX;
use prost::Message;

use super::frame::{Limit, limit_bytes, limit_lists};
use super::value::{narrow, required};
use crate::ask::REPLY_BYTES_MAX;
use crate::error::WireError;
use crate::report::{Cells, RecordFault, RecordReceipt, RecordResult, ReportReceipt, ReportRefusal};
use crate::report::{ReportReply, UsageReport};
use crate::wire;
use crate::wire::report_reply::Reply;

/// Bytes that a report may have: those of a call over HTTP.
const REPORT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Values of all records together: as many as there can be cells.
const CELLS_MAX: usize = REPORT_RECORDS_MAX * RECORD_COLUMNS_MAX;
/// Sentences of a refusal.
const SENTENCES_MAX: usize = 1_000;

const REPORT_LISTS: [Limit; 2] =
    [Limit::list(&[8], "records", REPORT_RECORDS_MAX), Limit::list(&[8, 17], "values", CELLS_MAX)];

const REPLY_LISTS: [Limit; 4] = [
    Limit::list(&[1, 6], "records", REPORT_RECORDS_MAX),
    Limit::list(&[1, 6, 4], "values", CELLS_MAX),
    Limit::list(&[1, 6, 5], "errors", CELLS_MAX),
    Limit::list(&[2, 3], "sentences", SENTENCES_MAX),
];

/// A column that a record has a field for: its name and the field.
type Column = (&'static str, fn(&mut wire::UsageRecord) -> &mut String);

const COLUMNS: [Column; 16] = [
    ("record_id", |it| &mut it.record_id),
    ("record_note", |it| &mut it.record_note),
    ("item_search_criteria", |it| &mut it.item_search_criteria),
    ("item_search_value", |it| &mut it.item_search_value),
    ("quantity", |it| &mut it.quantity),
    ("start_time_utc", |it| &mut it.start_time_utc),
    ("end_time_utc", |it| &mut it.end_time_utc),
    ("asset_search_criteria", |it| &mut it.asset_search_criteria),
    ("asset_search_value", |it| &mut it.asset_search_value),
    ("category_id", |it| &mut it.category_id),
    ("amount", |it| &mut it.amount),
    ("tier", |it| &mut it.tier),
    ("item_name", |it| &mut it.item_name),
    ("item_unit", |it| &mut it.item_unit),
    ("item_mpn", |it| &mut it.item_mpn),
    ("item_precision", |it| &mut it.item_precision),
];

/// The bytes of a report.
///
/// # Errors
/// [`WireError::TooLarge`] and [`WireError::TooMany`] when it is over the limits.
pub fn encode_report(report: &UsageReport) -> Result<Vec<u8>, WireError> {
    let message = wire::UsageReport {
        contract_id: report.contract.clone(),
        product_id: report.product.clone(),
        period_from: report.period_from.clone(),
        period_to: report.period_to.clone(),
        currency: report.currency.clone(),
        environment: report.environment.clone(),
        idempotency_key: report.idempotency_key.clone(),
        records: report.records.iter().map(record_to_wire).collect(),
    };
    let bytes = message.encode_to_vec();
    check_report(&bytes)?;
    Ok(bytes)
}

/// Reads a report, within its limits whatever the bytes say.
///
/// # Errors
/// Any [`WireError`]: the bytes are damaged or too large.
pub fn decode_report(bytes: &[u8]) -> Result<UsageReport, WireError> {
    check_report(bytes)?;
    let it = wire::UsageReport::decode(bytes)?;
    Ok(UsageReport {
        contract: it.contract_id,
        product: it.product_id,
        period_from: it.period_from,
        period_to: it.period_to,
        currency: it.currency,
        environment: it.environment,
        idempotency_key: it.idempotency_key,
        records: it.records.into_iter().map(record).collect::<Result<_, _>>()?,
    })
}

fn check_report(bytes: &[u8]) -> Result<(), WireError> {
    limit_bytes("a report", bytes.len(), REPORT_BYTES_MAX)?;
    limit_lists(bytes, &REPORT_LISTS)
}

fn record_to_wire(cells: &Cells) -> wire::UsageRecord {
    let mut record = wire::UsageRecord::default();
    for (name, text) in cells {
        match COLUMNS.iter().find(|(known, _)| known == name) {
            Some((_, field)) => field(&mut record).clone_from(text),
            None => record.own.push(wire::NamedValue { column: name.to_string(), value: text.clone() }),
        }
    }
    record
}

fn record(mut it: wire::UsageRecord) -> Result<Cells, WireError> {
    let mut cells = Cells::new();
    for (name, field) in COLUMNS {
        let text = std::mem::take(field(&mut it));
        if !text.is_empty() {
            cells.push((Cow::Borrowed(name), text));
        }
    }
    for wire::NamedValue { column, value } in it.own {
        if cells.iter().any(|(known, _)| *known == column) {
            return Err(WireError::Inconsistent { what: "a record has two values of one column" });
        }
        if !value.is_empty() {
            cells.push((Cow::Owned(column), value));
        }
    }
    Ok(cells)
}

/// The bytes of what a producer is told.
///
/// # Errors
/// [`WireError::TooLarge`] and [`WireError::TooMany`] when it is over the limits.
pub fn encode_report_reply(reply: &ReportReply) -> Result<Vec<u8>, WireError> {
    let reply = match reply {
        Ok(receipt) => Reply::Receipt(receipt.into()),
        Err(refusal) => Reply::Refusal(refusal.into()),
    };
    let bytes = wire::ReportReply { reply: Some(reply) }.encode_to_vec();
    check_reply(&bytes)?;
    Ok(bytes)
}

/// Reads what a producer is told, within its limits whatever the bytes say.
///
/// # Errors
/// Any [`WireError`]: the bytes are damaged, too large, or of a newer version; what was sent may have been taken.
pub fn decode_report_reply(bytes: &[u8]) -> Result<ReportReply, WireError> {
    check_reply(bytes)?;
    match wire::ReportReply::decode(bytes)?.reply.ok_or(WireError::UnknownKind { what: "a reply to a report" })? {
        Reply::Receipt(receipt) => Ok(Ok(receipt.try_into()?)),
        Reply::Refusal(refusal) => Ok(Err(refusal.try_into()?)),
    }
}

fn check_reply(bytes: &[u8]) -> Result<(), WireError> {
    limit_bytes("a reply to a report", bytes.len(), REPLY_BYTES_MAX)?;
    limit_lists(bytes, &REPLY_LISTS)
}

impl From<&ReportReceipt> for wire::ReportReceipt {
    fn from(it: &ReportReceipt) -> Self {
        let (id, name) = (it.file.clone(), it.name.clone());
        let file = wire::ReportFile { id, name, schema: it.schema.clone(), currency: it.currency.clone() };
        Self {
            file: Some(file),
            added: it.added,
            identical: it.identical,
            conflicting: it.conflicting,
            refused: it.refused,
            records: it.records.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::ReportReceipt> for ReportReceipt {
    type Error = WireError;

    fn try_from(it: wire::ReportReceipt) -> Result<Self, WireError> {
        let file = required(it.file, "file")?;
        Ok(Self {
            file: file.id,
            name: file.name,
            schema: file.schema,
            currency: file.currency,
            added: it.added,
            identical: it.identical,
            conflicting: it.conflicting,
            refused: it.refused,
            records: super::value::each(it.records)?,
        })
    }
}

impl From<&RecordReceipt> for wire::RecordReceipt {
    fn from(it: &RecordReceipt) -> Self {
        let value =
            |(column, value): &(String, String)| wire::NamedValue { column: column.clone(), value: value.clone() };
        Self {
            record_id: it.record_id.clone(),
            result: wire::RecordResult::from(it.result).into(),
            id: it.id.clone(),
            known: it.known.iter().map(value).collect(),
            errors: it.errors.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::RecordReceipt> for RecordReceipt {
    type Error = WireError;

    fn try_from(it: wire::RecordReceipt) -> Result<Self, WireError> {
        Ok(Self {
            record_id: it.record_id,
            result: result(it.result)?,
            id: it.id,
            known: it.known.into_iter().map(|it| (it.column, it.value)).collect(),
            errors: it.errors.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<RecordResult> for wire::RecordResult {
    fn from(it: RecordResult) -> Self {
        match it {
            RecordResult::Added => Self::Added,
            RecordResult::Identical => Self::Identical,
            RecordResult::Conflicting => Self::Conflicting,
            RecordResult::Refused => Self::Refused,
        }
    }
}

fn result(number: i32) -> Result<RecordResult, WireError> {
    match wire::RecordResult::try_from(number) {
        Ok(wire::RecordResult::Added) => Ok(RecordResult::Added),
        Ok(wire::RecordResult::Identical) => Ok(RecordResult::Identical),
        Ok(wire::RecordResult::Conflicting) => Ok(RecordResult::Conflicting),
        Ok(wire::RecordResult::Refused) => Ok(RecordResult::Refused),
        Ok(wire::RecordResult::Unspecified) | Err(_) => {
            Err(WireError::UnknownValue { field: "result", number: number.into() })
        }
    }
}

impl From<&RecordFault> for wire::RecordFault {
    fn from(it: &RecordFault) -> Self {
        let (code, message) = (it.code.clone(), it.message.clone());
        Self { code, column: it.column.clone(), message, fix: it.fix.clone() }
    }
}

impl From<wire::RecordFault> for RecordFault {
    fn from(it: wire::RecordFault) -> Self {
        Self { code: it.code, column: it.column, message: it.message, fix: it.fix }
    }
}

impl From<&ReportRefusal> for wire::ReportRefusal {
    fn from(it: &ReportRefusal) -> Self {
        Self { status: it.status.into(), code: it.code.clone(), errors: it.errors.clone() }
    }
}

impl TryFrom<wire::ReportRefusal> for ReportRefusal {
    type Error = WireError;

    fn try_from(it: wire::ReportRefusal) -> Result<Self, WireError> {
        Ok(Self { status: narrow(it.status, "status")?, code: it.code, errors: it.errors })
    }
}
