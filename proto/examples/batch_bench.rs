//! What a full batch costs: `cargo run --release -p proto --example batch_bench`.
//!
//! 1,024 records of 16 columns, as a vendor of metered usage reports them: an id, a subscription of some hundred, an
//! item of twenty, quantities and amounts that mostly differ, times of a day, and a few columns that repeat.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ledger::catalog::{ItemKind, Named};
use ledger::record::{
    CheckedBatch, CheckedRecord, ItemFacts, ReadBatch, ReadColumn, RecordError, SubscriptionFacts, Texts,
};
use ledger::{Code, Decimal, Hash, Moment, ObjectId};
use proto::{WireError, decode_checked_batch, decode_read_batch, encode_checked_batch, encode_read_batch};

const RECORDS: u32 = 1_024;
const COLUMNS: usize = 16;
const ROUNDS: usize = 500;

fn main() -> Result<(), WireError> {
    let read = read_batch();
    let stored = encode_read_batch(&read)?;
    println!("read batch: {} texts, {} bytes stored", read.texts.all().len(), stored.len());
    measure("encode_read_batch", || encode_read_batch(black_box(&read)).map(drop))?;
    measure("decode_read_batch", || decode_read_batch(black_box(&stored)).map(drop))?;

    let checked = checked_batch();
    let stored = encode_checked_batch(&checked)?;
    println!("checked batch: {} bytes stored", stored.len());
    measure("encode_checked_batch", || encode_checked_batch(black_box(&checked)).map(drop))?;
    measure("decode_checked_batch", || decode_checked_batch(black_box(&stored)).map(drop))
}

fn measure(name: &str, mut run: impl FnMut() -> Result<(), WireError>) -> Result<(), WireError> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let at = |index: usize| times.get(index).copied().unwrap_or(Duration::ZERO);
    println!("{name}: median {:?}, p95 {:?}", at(ROUNDS / 2), at(ROUNDS * 95 / 100));
    Ok(())
}

/// Digits that don't compress well, the same in each run.
fn noise(row: u32, column: usize) -> u64 {
    let hash = Hash::of(&[row.to_le_bytes().as_slice(), &column.to_le_bytes()].concat());
    hash.0.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn cell(row: u32, column: usize) -> String {
    let noise = noise(row, column);
    match column {
        0 => format!("{noise:016x}-{row}"),
        1 => format!("AS-1234-5678-{:04}", noise % 300),
        2 => format!("PRD-123-456-789-{:04}", noise % 20),
        3 => format!("{}.{:02}", noise % 1_000, noise % 97),
        4 => format!("{}.{:06}", noise % 100, noise % 999_983),
        5 | 6 => format!("2026-11-{:02} {:02}:00:00", noise % 30 + 1, noise % 24),
        7..=9 => ["item.mpn", "parameter.tenant_id", "asset.id"].get(column - 7).map_or("", |it| it).to_owned(),
        10 => format!("vm-{:05}", noise % 2_000),
        _ => format!("region-{}", noise % 12),
    }
}

fn read_batch() -> ReadBatch {
    let mut texts = Texts::default();
    let mut column = |column: usize| ReadColumn {
        texts: (0..RECORDS).map(|row| texts.number_of(&cell(row, column))).collect(),
        kinds: if (3..5).contains(&column) { vec![1; RECORDS as usize] } else { Vec::new() },
    };
    let columns = (0..COLUMNS).map(&mut column).collect();
    ReadBatch { salt_key: [3; 32], rows: (2..RECORDS + 2).collect(), columns, texts }
}

fn checked_batch() -> CheckedBatch {
    let subscription = |number: u32| SubscriptionFacts {
        id: ObjectId::new(&format!("AS-1234-5678-{number:04}")).unwrap_or_default(),
        external_id: format!("10{number:06}"),
        external_uid: Hash::of(&number.to_le_bytes()).to_string(),
        recon_id: format!("tenant-{number}.example"),
        hub: None,
        customer_external_id: format!("C-{number}"),
        customer_name: format!("Customer {number} Ltd"),
    };
    let item = |number: u32| ItemFacts {
        named: Named {
            id: ObjectId::new(&format!("PRD-123-456-789-{number:04}")).unwrap_or_default(),
            name: format!("Item {number}"),
        },
        mpn: format!("MPN-{number}"),
        unit: "GB".to_owned(),
        period: "monthly".to_owned(),
        kind: ItemKind::PayAsYouGo,
        places: 4,
    };
    CheckedBatch {
        records: (0..RECORDS).map(checked_record).collect(),
        subscriptions: (0..300).map(subscription).collect(),
        items: (0..20).map(item).collect(),
    }
}

fn checked_record(row: u32) -> CheckedRecord {
    let number = |column| i128::from(noise(row, column) % 100_000_000) * 1_000_000;
    let error = RecordError {
        code: Code::PrecisionMismatch,
        column: Some(3),
        message: format!("the quantity of row {row} has more decimals than its item"),
        fix: format!("{row}.25"),
    };
    let mut key = [0; 12];
    key.iter_mut().zip(Hash::of(&row.to_le_bytes()).0).for_each(|(byte, random)| *byte = random);
    CheckedRecord {
        warnings: Vec::new(),
        row: row + 2,
        subscription: Some(row * 7 % 300),
        item: Some(row % 20),
        quantity: Some(Decimal::from_units(number(3))),
        amount: Some(Decimal::from_units(number(4))),
        tier: None,
        start: Some(Moment(1_793_491_200_000_000 + i64::from(row % 720) * 3_600_000_000)),
        end: Some(Moment(1_793_494_799_000_000 + i64::from(row % 720) * 3_600_000_000)),
        key,
        errors: if row.is_multiple_of(10) { vec![error] } else { Vec::new() },
        notes: Vec::new(),
    }
}
