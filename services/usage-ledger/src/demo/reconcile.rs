//! What a billing system sends back: the chunk's records, each with where it was billed.

use std::io::BufReader;
use std::path::Path;

use ledger::Moment;
use workbook::columns;
use workbook::read::table::Table;
use workbook::read::{Limits, Workbook};
use workbook::write::{CellOut, Kind, Layout, RecordsWorkbook};

use super::DemoError;

/// Writes a reconciliation workbook for a chunk's: every record on an invoice of its subscription. Gives the number of
/// records.
///
/// # Errors
/// When a workbook can't be read or written.
pub fn reconcile(chunk: &Path, to: &Path, temp: &Path, now: Moment) -> Result<u32, DemoError> {
    let mut book = Workbook::open(BufReader::new(std::fs::File::open(chunk)?), Limits::default())?;
    let general = general(&mut book)?;
    let missing = || DemoError::Different {
        what: "the chunk's workbook".to_owned(),
        expected: "a records tab with record_id and asset_id".to_owned(),
        got: "none".to_owned(),
    };
    let sheet = book.sheet_named(&[columns::RECORDS_TAB])?.ok_or_else(missing)?;
    let mut table = Table::open(book.rows(sheet)?, &[])?;
    let mut headers: Vec<String> = table.columns().iter().map(|column| column.header_text.clone()).collect();
    let width = headers.len();
    headers.extend(columns::RECONCILIATION_ADDED.iter().map(|column| column.name.to_owned()));
    let subscription = table.position("asset_id").ok_or_else(missing)?;
    let title = "Reconciliation".to_owned();
    let layout = Layout { kind: Kind::Reconciliation, title, general, categories: Vec::new(), headers, created: now };
    let mut out = RecordsWorkbook::create(to, temp, &layout)?;
    let mut records = 0;
    while let Some(record) = table.next_record()? {
        let texts: Vec<String> = (0..width)
            .map(|column| record.cell(column).map_or_else(String::new, |cell| cell.text.to_owned()))
            .collect();
        let invoice = format!("INV-{}", texts.get(subscription).map_or("", String::as_str));
        let mut cells: Vec<CellOut<'_>> = texts.iter().map(|text| CellOut::plain(text)).collect();
        cells.push(CellOut::plain(&invoice));
        cells.push(CellOut::plain("billed by the demo"));
        out.row(&cells)?;
        records += 1;
    }
    out.finish()?;
    Ok(records)
}

fn general(book: &mut Workbook<BufReader<std::fs::File>>) -> Result<Vec<(String, String)>, DemoError> {
    let Some(sheet) = book.sheet_named(&[columns::GENERAL_TAB])? else { return Ok(Vec::new()) };
    let mut table = Table::open(book.rows(sheet)?, &[])?;
    let mut rows = Vec::new();
    while let Some(record) = table.next_record()? {
        let text = |column| record.cell(column).map_or_else(String::new, |cell| cell.text.to_owned());
        rows.push((text(0), text(1)));
    }
    Ok(rows)
}
