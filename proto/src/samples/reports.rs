//! What producers send and are told.

use std::borrow::Cow;

use crate::report::{Cells, RecordFault, RecordReceipt, RecordResult, ReportReceipt, ReportRefusal};
use crate::report::{ReportReply, UsageReport};

/// Columns in the order in which they are read: those of a workbook, then the vendor's own.
const COLUMNS: [&str; 18] = [
    "record_id",
    "record_note",
    "item_search_criteria",
    "item_search_value",
    "quantity",
    "start_time_utc",
    "end_time_utc",
    "asset_search_criteria",
    "asset_search_value",
    "category_id",
    "amount",
    "tier",
    "item_name",
    "item_unit",
    "item_mpn",
    "item_precision",
    "v.region",
    "v.Zone",
];

/// Every sample report under the name of its golden file.
#[must_use]
pub fn reports() -> Vec<(String, UsageReport)> {
    let full: Cells = COLUMNS.map(|name| (Cow::Borrowed(name), format!("value of {name}"))).into();
    let short: Cells = vec![(Cow::Borrowed("record_id"), "2026-10-17/vm-1".to_owned())];
    let whole = UsageReport {
        contract: Some("CRD-12345-67890-00001".to_owned()),
        product: Some("PRD-123-456-789".to_owned()),
        period_from: Some("2026-10-01".to_owned()),
        period_to: Some("2026-10-31".to_owned()),
        currency: Some("USD".to_owned()),
        environment: Some("production".to_owned()),
        idempotency_key: Some("run 41".to_owned()),
        records: vec![full, short.clone(), Cells::new()],
    };
    let least = UsageReport { records: vec![short], ..UsageReport::default() };
    vec![("report_whole".to_owned(), whole), ("report_least".to_owned(), least)]
}

/// Every sample of what a producer is told under the name of its golden file.
#[must_use]
pub fn report_replies() -> Vec<(String, ReportReply)> {
    let text = |text: &str| Some(text.to_owned());
    let record = |result, id| RecordReceipt {
        record_id: text("2026-10-17/vm-1"),
        result,
        id,
        known: Vec::new(),
        errors: Vec::new(),
    };
    let id = text("UR-2026-11-0112-0001-0000-0002");
    let fault = RecordFault {
        code: "USG_FILE_006".to_owned(),
        column: text("quantity"),
        message: "\"4,5\" is no number".to_owned(),
        fix: text("Write 4.5"),
    };
    let nameless = RecordFault { column: None, fix: None, ..fault.clone() };
    let known = vec![("quantity".to_owned(), "4.50".to_owned())];
    let refused = RecordReceipt { errors: vec![fault, nameless], ..record(RecordResult::Refused, None) };
    let receipt = ReportReceipt {
        file: "UF-2026-11-0112-0001".to_owned(),
        name: text("October"),
        schema: text("qt"),
        currency: text("USD"),
        added: 1,
        identical: 2,
        conflicting: 3,
        refused: 4,
        records: vec![
            record(RecordResult::Added, id.clone()),
            record(RecordResult::Identical, id.clone()),
            RecordReceipt { known, ..record(RecordResult::Conflicting, id) },
            RecordReceipt { record_id: None, ..refused },
        ],
    };
    let errors = vec!["period: Give the period.".to_owned(), String::new()];
    let refusal = ReportRefusal { status: 400, code: "VAL_001".to_owned(), errors };
    vec![("told_receipt".to_owned(), Ok(receipt)), ("told_refusal".to_owned(), Err(refusal))]
}
