//! What jobs tell, without workbooks: the proposals that a service's job makes about a file, one after the other, worked out
//! of what was sent. The deciders take each as they take it of a real job, and refuse it when it comes too late.

use std::collections::BTreeMap;

use approval::Approval;
use catalog::CatalogService;
use extraction::{Division, Exemption, ExtractionService, Reconciled};
use ingestion::IngestionService;
use ledger::catalog::dynamic_item_id;
use ledger::fact::{DynamicItem, ExemptReason, FileChecked, FileRead, Part, RecordsChecked, RecordsRead, Total};
use ledger::file::{CheckingEnd, Processed};
use ledger::record::{Billing, ClosedRows};
use ledger::{Code, Decimal, FileId, Hash, Ledger, Named, UsageFile};
use runtime::decider::Decider;
use validation::ValidationService;

use super::catalog::named;
use super::library::{HUBS, Library, Row, Usage};

/// A service whose jobs can be played.
pub(super) trait Play: Decider {
    /// What the job tells that the ledger asks for after a beginning was recorded; nothing when it was an end.
    fn play(&self, ledger: &Ledger, file: FileId, library: &Library) -> Vec<Self::Own>;
}

impl Play for CatalogService {
    fn play(&self, _ledger: &Ledger, _file: FileId, _library: &Library) -> Vec<Self::Own> {
        Vec::new()
    }
}

impl Play for Approval {
    fn play(&self, _ledger: &Ledger, _file: FileId, _library: &Library) -> Vec<Self::Own> {
        Vec::new()
    }
}

impl Play for IngestionService {
    fn play(&self, ledger: &Ledger, file: FileId, library: &Library) -> Vec<Self::Own> {
        let Some(known) = ledger.file(file) else { return Vec::new() };
        let Some(reading) = known.current_reading().filter(|reading| reading.end.is_none()) else { return Vec::new() };
        let (upload, attempt) = (reading.upload, reading.attempt);
        let usage = &library.usage_of(file, known);
        if !usage.readable {
            let detail = "it is torn".to_owned();
            return vec![ingestion::Own::Unreadable { file, upload, attempt, detail }];
        }
        let mut told = Vec::new();
        for (part, rows) in (0..).zip(batches(usage)) {
            let Part { first_row, last_row, records, .. } = part_of(rows);
            let (root, payload) = (Hash::of(b"records"), Vec::new());
            let read = RecordsRead { upload, attempt, part, first_row, last_row, records, root, payload };
            told.push(ingestion::Own::Batch { file, read: Box::new(read) });
        }
        let parts = batches(usage).map(part_of).collect();
        let (columns, ignored, categories) = (Vec::new(), Vec::new(), Vec::new());
        let records = count(usage.rows.len());
        let read = Box::new(FileRead { upload, attempt, columns, ignored, categories, parts, records });
        told.push(ingestion::Own::Done { file, root: Hash::of(b"root"), read });
        told
    }
}

impl Play for ValidationService {
    fn play(&self, ledger: &Ledger, file: FileId, library: &Library) -> Vec<Self::Own> {
        let Some(known) = ledger.file(file) else { return Vec::new() };
        let Some(checking) = known.current_checking() else { return Vec::new() };
        let usage = &library.usage_of(file, known);
        match &checking.end {
            None => checked(known, file, (checking.upload, checking.attempt), usage),
            Some(CheckingEnd::Checked(_)) if checking.processed.is_none() => {
                let sound = checking.invalid == 0;
                let book = |name: &str| Hash::of(name.as_bytes());
                let written = Processed {
                    vendor: book("vendor's"),
                    provider: sound.then(|| book("provider's")),
                    rejects: (!sound).then(|| book("rejects")),
                };
                vec![validation::Own::Processed { file, upload: checking.upload, written }]
            }
            Some(_) => Vec::new(),
        }
    }
}

fn checked(known: &UsageFile, file: FileId, (upload, attempt): (u32, u32), usage: &Usage) -> Vec<validation::Own> {
    let mut told = Vec::new();
    for (part, rows) in (0..).zip(batches(usage)) {
        let Part { first_row, last_row, .. } = part_of(rows);
        let valid = count(rows.iter().filter(|row| row.valid).count());
        let checked = RecordsChecked {
            upload,
            attempt,
            part,
            first_row,
            last_row,
            valid,
            invalid: count(rows.len()) - valid,
            read_sequence: 1,
            read_hash: Hash::of(b"read"),
            payload: Vec::new(),
        };
        told.push(validation::Own::Batch { file, checked: Box::new(checked) });
    }
    let invalid = count(usage.rows.iter().filter(|row| !row.valid).count());
    let of = |reserved| usage.rows.iter().filter(move |row| row.valid && row.reserved == reserved);
    let checked = Box::new(FileChecked {
        upload,
        attempt,
        parts: batches(usage).map(part_of).collect(),
        valid: count(usage.rows.len()) - invalid,
        invalid,
        totals: totals(known, of(false)),
        exempt_totals: totals(known, of(true)),
        codes: if invalid > 0 { vec![(Code::CellBlank, invalid)] } else { Vec::new() },
        warnings: Vec::new(),
        span: None,
        summary_parts: 0,
    });
    let items = usage.brings.iter().filter_map(|mpn| brought(known, mpn)).collect();
    told.push(validation::Own::Done { file, checked, lines: Vec::new(), items });
    told
}

fn brought(known: &UsageFile, mpn: &str) -> Option<DynamicItem> {
    let product = &known.approval.created.as_ref().expect("it was created").product.id;
    let named = Named { id: dynamic_item_id(product, mpn)?, name: mpn.to_owned() };
    Some(DynamicItem { named, mpn: mpn.to_owned(), unit: "GB".to_owned(), places: 4, row: 2 })
}

impl Play for ExtractionService {
    fn play(&self, ledger: &Ledger, file: FileId, library: &Library) -> Vec<Self::Own> {
        let Some(known) = ledger.file(file) else { return Vec::new() };
        let Some(extraction) = known.current_extraction().filter(|it| it.failed.is_none()) else { return Vec::new() };
        if !extraction.extracted {
            return vec![divided(known, file, &library.usage_of(file, known))];
        }
        let unwritten = extraction.chunks.iter().find(|(_, chunk)| chunk.workbook.is_none() && chunk.failed.is_none());
        if let Some((chunk, _)) = unwritten {
            return vec![extraction::Own::ChunkWritten {
                chunk: file.chunk(*chunk),
                blob: Hash::of(b"chunk"),
                bytes: 9,
            }];
        }
        let unread = extraction.reconciliations.iter().find(|(_, it)| it.end.is_none());
        let Some((index, reconciliation)) = unread else { return Vec::new() };
        let mut rows = ClosedRows::default();
        let sent = library.reconciliations.get(&reconciliation.blob).expect("it was sent");
        let known = |row: u32| extraction.chunks.values().any(|chunk| chunk.rows.contains(row));
        for (row, billing) in sent.iter().filter(|(row, it)| known(*row) && *it != Billing::default()) {
            rows.rows.insert(*row);
            rows.refs.push(count(rows.billings.len()));
            rows.billings.push(billing.clone());
        }
        let (problems, processed) = (Vec::new(), Some(Hash::of(b"result")));
        let (id, closings) = (file.reconciliation(*index), extraction.closings.len());
        vec![extraction::Own::Reconciled(Box::new(Reconciled {
            id,
            rows,
            closings,
            problems,
            problem_count: 0,
            processed,
        }))]
    }
}

fn divided(known: &UsageFile, file: FileId, usage: &Usage) -> extraction::Own {
    let valid = |row: &&Row| row.valid;
    let divisions = (0..HUBS).filter_map(|hub| {
        let rows: Vec<&Row> = usage.rows.iter().filter(valid).filter(|row| !row.reserved && row.hub == hub).collect();
        (!rows.is_empty()).then(|| Division {
            hub: (hub + 1 < HUBS).then(|| named(&format!("HB-{hub}"))),
            hub_external_id: String::new(),
            rows: rows.iter().map(|row| row.row).collect(),
            totals: totals(known, rows.into_iter()),
        })
    });
    let reserved: Vec<&Row> = usage.rows.iter().filter(valid).filter(|row| row.reserved).collect();
    let exempt = (!reserved.is_empty()).then(|| Exemption {
        reason: ExemptReason::Reservation,
        rows: reserved.iter().map(|row| row.row).collect(),
        totals: totals(known, reserved.into_iter()),
    });
    let upload = known.upload();
    extraction::Own::Divided { file, upload, divisions: divisions.collect(), exempt: exempt.into_iter().collect() }
}

/// Two batches at most, so that a job can be interrupted between them.
fn batches(usage: &Usage) -> impl Iterator<Item = &[Row]> {
    usage.rows.chunks(usage.rows.len().div_ceil(2).max(1))
}

fn part_of(rows: &[Row]) -> Part {
    let row = |row: Option<&Row>| row.map_or(0, |row| row.row);
    Part { sequence: 1, first_row: row(rows.first()), last_row: row(rows.last()), records: count(rows.len()) }
}

/// Control totals as a job makes them: by tier where the file's schema has tiers, in its currency.
fn totals<'a>(known: &UsageFile, rows: impl Iterator<Item = &'a Row>) -> Vec<Total> {
    let currency = known.approval.created.as_ref().and_then(|created| created.currency.clone());
    let mut totals = BTreeMap::<Option<u8>, Total>::new();
    for row in rows {
        let tier = currency.as_ref().map(|_| row.tier);
        let empty = || Total { currency: currency.clone().unwrap_or_default(), tier, ..Total::default() };
        let total = totals.entry(tier).or_insert_with(empty);
        total.records += 1;
        total.quantity = total.quantity.saturating_add(row.quantity);
        let amount = currency.as_ref().map_or(Decimal::ZERO, |_| row.amount);
        total.amount = total.amount.saturating_add(amount);
    }
    totals.into_values().collect()
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("it is small")
}
