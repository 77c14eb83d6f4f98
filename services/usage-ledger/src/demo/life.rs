//! The life of the demo's files, step by step.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::fact::Total;
use ledger::{Decimal, FileId, Moment, UsageFile};
use serde_json::{Value, json};

use super::generate::{self, Plan};
use super::reconcile::reconcile;
use super::table::Table;
use super::{DemoError, Stage, expect};
use crate::cli::Progress;
use crate::cli::watch;

/// How often the demo looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long it waits for any one step: far more than a slow machine needs.
const WAIT_MAX: Duration = Duration::from_secs(600);
/// Records of the file with errors.
const FAULTY_RECORDS: u32 = 200;

pub(super) fn live(stage: &Stage) -> Result<(), DemoError> {
    let period = last_month(stage.now);
    let file = sound_file(stage, period)?;
    // The month before: the file of this one is closed, and the product reports no late charges.
    faulty_file(stage, last_month(period.0))?;
    unreadable_file(stage, period)?;
    println!("\n{file} is closed: every record accepted was extracted, billed and closed, once.");
    Ok(())
}

/// The month before the present one.
pub(super) fn last_month(now: Moment) -> (Moment, Moment) {
    let (year, month) = now.month();
    let (before_year, before_month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
    let first = |year: u16, month: u8| Moment::parse_iso(&format!("{year:04}-{month:02}-01")).unwrap_or_default();
    (first(before_year, before_month), first(year, month))
}

fn create(stage: &Stage, (from, until): (Moment, Moment), note: &str) -> Result<FileId, DemoError> {
    let day = |moment: Moment| moment.iso().get(..10).unwrap_or_default().to_owned();
    let body = json!({
        "product": { "id": stage.product.as_str() },
        "contract": { "id": stage.contract.as_str() },
        "period": { "from": day(from), "to": day(Moment(until.0 - Moment::SECOND)) },
        "note": note,
        "external_id": format!("demo-{}", day(from)),
    });
    let created = stage.vendor.post("usage/files", &body)?;
    let id = text(&created, "/id");
    FileId::parse(&id).ok_or_else(|| DemoError::Different {
        what: "the id of the new file".to_owned(),
        expected: "UF-yyyy-mm-####-####".to_owned(),
        got: id,
    })
}

fn plan(stage: &Stage, (from, until): (Moment, Moment), prefix: &str, records: u32) -> Plan {
    Plan {
        seed: stage.seed,
        records,
        contract: stage.contract.clone(),
        product: stage.product.clone(),
        from,
        until,
        record_prefix: prefix.to_owned(),
    }
}

fn sound_file(stage: &Stage, period: (Moment, Moment)) -> Result<FileId, DemoError> {
    println!("A usage file of {} records, from the vendor's workbook to the last invoice:\n", stage.records);
    let mut table = Table::begin();
    let source = stage.folder.join("source.xlsx");
    let made = generate::workbook(&stage.catalog, &plan(stage, period, "demo", stage.records), &source, &stage.folder)?;
    table.row("generated (vendor)", made.records, made.total);

    let id = create(stage, period, "Demo report")?;
    stage.vendor.upload(&format!("usage/files/{id}/upload"), "usage_file", &source, true)?;
    table.row("uploaded (vendor)", made.records, made.total);
    let ready = watch(&stage.vendor, &id.to_string())?;
    expect("status after checking", &"ready".to_owned(), &text(&ready, "/status"))?;
    totals_row(stage, &mut table, id, "read and checked: ready", made.total)?;
    save(&stage.vendor, &ready, "processed_file_uri", stage, "processed-vendor.xlsx")?;

    stage.vendor.post(&format!("usage/files/{id}/submit"), &json!({}))?;
    totals_row(stage, &mut table, id, "submitted: pending", made.total)?;
    let pending = stage.distributor.get(&format!("usage/files/{id}"))?;
    expect("status after submitting", &"pending".to_owned(), &text(&pending, "/status"))?;
    save(&stage.distributor, &pending, "processed_file_uri", stage, "processed-distributor.xlsx")?;
    let note = json!({ "acceptance_note": "Accepted by the demo" });
    stage.distributor.post(&format!("usage/files/{id}/accept"), &note)?;
    totals_row(stage, &mut table, id, "accepted (distributor)", made.total)?;

    let chunks = wait_for_chunks(stage, id)?;
    let (records, total) = sum_of_chunks(stage, id);
    expect("total of the chunks", &made.total, &total)?;
    table.row(&format!("extracted: {} chunks, one per hub", chunks.len()), records, total);
    close(stage, id, &chunks, &mut table)?;
    let closed = wait_for_status(stage, id, "closed")?;
    totals_row(stage, &mut table, id, "every record billed: closed", made.total)?;
    expect("closed records", &u64::from(made.records), &count(&closed, "/stats/closed"))?;
    Ok(id)
}

/// The totals that the ledger holds for a file must be those of the generator, to the last digit.
fn totals_row(stage: &Stage, table: &mut Table, id: FileId, name: &str, expected: Decimal) -> Result<(), DemoError> {
    let (records, total) = {
        let ledger = stage.projection.read();
        ledger.file(id).map_or((0, Decimal::ZERO), |file| sum(file.totals()))
    };
    expect(&format!("total quantity ({name})"), &expected, &total)?;
    table.row(name, records, total);
    Ok(())
}

fn sum(totals: &[Total]) -> (u32, Decimal) {
    totals.iter().fold((0, Decimal::ZERO), |(records, quantity), total| {
        (records + total.records, quantity.saturating_add(total.quantity))
    })
}

fn sum_of_chunks(stage: &Stage, id: FileId) -> (u32, Decimal) {
    let ledger = stage.projection.read();
    let extraction = ledger.file(id).and_then(UsageFile::current_extraction);
    let chunks = extraction.into_iter().flat_map(|extraction| extraction.chunks.values());
    chunks.map(|chunk| sum(&chunk.totals)).fold((0, Decimal::ZERO), |(records, quantity), (more, amount)| {
        (records + more, quantity.saturating_add(amount))
    })
}

fn save(client: &crate::cli::Client, file: &Value, field: &str, stage: &Stage, name: &str) -> Result<(), DemoError> {
    let link = text(file, &format!("/{field}"));
    client.download(&link, &stage.folder.join(name))?;
    Ok(())
}

fn wait_for_chunks(stage: &Stage, id: FileId) -> Result<Vec<String>, DemoError> {
    let bar = Progress::records("extract", 0);
    let mut waited = Duration::ZERO;
    loop {
        let chunks = stage.distributor.get(&format!("usage/chunks?usagefile.id={id}"))?;
        let chunks = chunks.as_array().cloned().unwrap_or_default();
        let ready = chunks.iter().filter(|chunk| text(chunk, "/status") == "ready").count();
        bar.of(chunks.len() as u64);
        bar.at(ready as u64, "chunks written");
        let done = !chunks.is_empty() && ready == chunks.len();
        if done || waited > WAIT_MAX {
            bar.end();
            expect("chunks that are ready", &chunks.len(), &ready)?;
            return Ok(chunks.iter().map(|chunk| text(chunk, "/id")).collect());
        }
        std::thread::sleep(LOOK_EVERY);
        waited += LOOK_EVERY;
    }
}

/// The first chunk is closed as such, the others by reconciliation: both ways are shown.
fn close(stage: &Stage, id: FileId, chunks: &[String], table: &mut Table) -> Result<(), DemoError> {
    for (index, chunk) in chunks.iter().enumerate() {
        let path = stage.folder.join(format!("{chunk}.xlsx"));
        stage.distributor.download(&format!("usage/chunks/{chunk}/download"), &path)?;
        if index == 0 && chunks.len() > 1 {
            let billing = json!({ "external_billing_id": "BATCH-1", "external_billing_note": "billed in one batch" });
            stage.distributor.post(&format!("usage/chunks/{chunk}/close"), &billing)?;
            let (records, total) = closed_so_far(stage, id);
            table.row("first chunk closed", records, total);
            continue;
        }
        let back = stage.folder.join(format!("reconciliation-{chunk}.xlsx"));
        reconcile(&path, &back, &stage.folder, stage.now)?;
        stage.distributor.upload(&format!("usage/files/{id}/reconciliation"), "recon_file", &back, false)?;
    }
    Ok(())
}

fn closed_so_far(stage: &Stage, id: FileId) -> (u32, Decimal) {
    let ledger = stage.projection.read();
    let extraction = ledger.file(id).and_then(UsageFile::current_extraction);
    let chunks = extraction.into_iter().flat_map(|extraction| extraction.chunks.values());
    let closed = chunks.filter(|chunk| chunk.closed_at.is_some()).map(|chunk| sum(&chunk.totals));
    closed.fold((0, Decimal::ZERO), |(records, quantity), (more, amount)| {
        (records + more, quantity.saturating_add(amount))
    })
}

fn wait_for_status(stage: &Stage, id: FileId, status: &str) -> Result<Value, DemoError> {
    let mut waited = Duration::ZERO;
    loop {
        let file = stage.distributor.get(&format!("usage/files/{id}"))?;
        let now = text(&file, "/status");
        if now == status || waited > WAIT_MAX {
            expect("status of the file", &status.to_owned(), &now)?;
            return Ok(file);
        }
        std::thread::sleep(LOOK_EVERY);
        waited += LOOK_EVERY;
    }
}

fn faulty_file(stage: &Stage, period: (Moment, Moment)) -> Result<(), DemoError> {
    let path = stage.folder.join("faulty.xlsx");
    let taken: Vec<String> = (1..=3).map(|number| format!("demo-{number:07}")).collect();
    let plan = plan(stage, period, "faulty", FAULTY_RECORDS);
    let expected = generate::faulty_workbook(&stage.catalog, &plan, &taken, &path, &stage.folder)?;
    let id = create(stage, period, "Demo report with errors")?;
    stage.vendor.upload(&format!("usage/files/{id}/upload"), "usage_file", &path, false)?;
    let checked = watch(&stage.vendor, &id.to_string())?;
    expect("status of the file with errors", &"invalid".to_owned(), &text(&checked, "/status"))?;
    let faults = expected.iter().filter(|row| row.code.is_some()).count() as u64;
    expect("invalid records of the file with errors", &faults, &count(&checked, "/stats/invalid"))?;
    println!("\nA file with one row for each error that the documentation names ({id}, invalid):\n");
    let records = stage.vendor.get(&format!("usage/records?usagefile.id={id}&status=invalid&limit=1000"))?;
    let mut shown: BTreeMap<String, (u32, String)> = BTreeMap::new();
    for record in records.as_array().into_iter().flatten() {
        let code = text(record, "/error_codes");
        let details = text(record, "/error_details");
        let first = details.lines().next().unwrap_or_default().to_owned();
        shown.entry(code).or_insert((0, first)).0 += 1;
    }
    for (code, (count, sentence)) in &shown {
        println!("  {code:<14} {count:>3}  {sentence}");
    }
    for row in expected.iter().filter_map(|row| row.code) {
        let raised = shown.keys().any(|codes| codes.contains(&row.to_string()));
        expect(&format!("{row} raised"), &true, &raised)?;
    }
    Ok(())
}

fn unreadable_file(stage: &Stage, period: (Moment, Moment)) -> Result<(), DemoError> {
    let path = stage.folder.join("unreadable.xlsx");
    std::fs::write(&path, generate::unreadable_file())?;
    let id = create(stage, period, "Demo report that can't be read")?;
    stage.vendor.upload(&format!("usage/files/{id}/upload"), "usage_file", &path, false)?;
    let checked = watch(&stage.vendor, &id.to_string())?;
    expect("status of the unreadable file", &"invalid".to_owned(), &text(&checked, "/status"))?;
    println!("\nA file that can't be read ({id}, invalid):\n\n  {}", text(&checked, "/error_detail"));
    Ok(())
}

pub(super) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn count(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}
