//! One batch as read and one as checked.

use ledger::catalog::ItemKind;
use ledger::record::{
    CheckedBatch, CheckedRecord, ItemFacts, ReadBatch, ReadColumn, RecordError, SubscriptionFacts, Texts,
};
use ledger::{Code, Decimal};

use super::{moment, named, object_id};

/// A batch with every kind of cell, a blank and a text that stands twice.
#[must_use]
pub fn read_batch() -> ReadBatch {
    let texts = ["r-1", "r-2", "r-3", "92.65000000000001", "2026-11-01 00:00:00", "TRUE", "#DIV/0!", "a long te", "é"];
    ReadBatch {
        salt_key: [7; 32],
        rows: vec![2, 3, 1_048_576],
        columns: vec![
            ReadColumn { texts: vec![1, 2, 3], kinds: Vec::new() },
            ReadColumn { texts: vec![4, 5, 6], kinds: vec![1, 2, 3] },
            ReadColumn { texts: vec![7, 0, 8], kinds: vec![4, 5, 6] },
            ReadColumn { texts: vec![9, 0, 9], kinds: vec![0, 0, 0] },
        ],
        texts: Texts::from(texts.map(str::to_owned).to_vec()),
    }
}

/// A batch with a record that has everything, one that is wrong in several ways, and one that has nothing.
#[must_use]
pub fn checked_batch() -> CheckedBatch {
    CheckedBatch {
        records: vec![full_record(), wrong_record(), CheckedRecord { row: 1_048_576, ..CheckedRecord::default() }],
        subscriptions: vec![subscription(), SubscriptionFacts { hub: None, ..subscription() }],
        items: vec![item()],
    }
}

/// The same with what rules found that only warn.
#[must_use]
pub fn checked_batch_warnings() -> CheckedBatch {
    let warning = |code, column, message: &str| RecordError {
        code,
        column,
        message: message.to_owned(),
        fix: "Leave it out.".to_owned(),
    };
    let warnings = vec![
        warning(Code::TierIgnored, Some(3), "Tier is ignored for schema PR"),
        warning(Code::TiersMissing, None, "Tiers 1 and 2 of this usage are missing"),
    ];
    let mut batch = checked_batch();
    if let Some(record) = batch.records.first_mut() {
        record.warnings = warnings;
    }
    batch
}

fn full_record() -> CheckedRecord {
    CheckedRecord {
        row: 2,
        subscription: Some(1),
        item: Some(0),
        quantity: Some(Decimal::from_units(92_650_000_000_000)),
        amount: Some(Decimal::from_units(-1)),
        tier: Some(0),
        start: Some(moment(-2_592_000)),
        end: Some(moment(-1)),
        key: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        errors: Vec::new(),
        warnings: Vec::new(),
        notes: vec!["the noise of 92.65000000000001 was dropped".to_owned(), "the tier is ignored".to_owned()],
    }
}

fn wrong_record() -> CheckedRecord {
    let error = |code, column, message: &str, fix: &str| RecordError {
        code,
        column,
        message: message.to_owned(),
        fix: fix.to_owned(),
    };
    CheckedRecord {
        row: 3,
        tier: Some(2),
        quantity: Some(Decimal::ZERO),
        start: Some(moment(-1)),
        key: [255; 12],
        errors: vec![
            error(Code::SubscriptionNotFoundById, Some(0), "no subscription AS-1", "AS-1234-5678-9012"),
            error(Code::ColumnMissing, None, "the column `end_time_utc` is missing", ""),
            error(Code::Overlap, Some(127), "no subscription AS-1", ""),
        ],
        ..CheckedRecord::default()
    }
}

fn subscription() -> SubscriptionFacts {
    SubscriptionFacts {
        id: object_id("AS-1234-5678-9012"),
        external_id: "1000042".to_owned(),
        external_uid: "0b7c0f0e-5a3e-4d0f-9b39-0d5a8a0a2f11".to_owned(),
        recon_id: "müller.example".to_owned(),
        hub: Some(named("HB-1234-5678", "Odin Automation")),
        customer_external_id: "C-77".to_owned(),
        customer_name: "Bäckerei Müller & Söhne".to_owned(),
    }
}

fn item() -> ItemFacts {
    ItemFacts {
        named: named("PRD-123-456-789-0001", "Gigabyte hour"),
        mpn: "GB-H".to_owned(),
        unit: "GB·h".to_owned(),
        period: "monthly".to_owned(),
        kind: ItemKind::PayAsYouGo,
        places: 8,
    }
}
