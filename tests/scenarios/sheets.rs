//! Workbooks as a vendor's and a distributor's programs write and read them.

use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use ledger::Moment;
use workbook::columns::{RECORDS, RECORDS_TAB};
use workbook::read::table::Table;
use workbook::read::{Limits, Workbook};
use workbook::write::{CellOut, Kind, Layout, RecordsWorkbook};

/// Rows under headers.
pub(super) type Rows = Vec<Vec<String>>;

/// A usage workbook of one record for each id, all of one subscription and item, a unit each.
pub(super) fn usage(path: &Path, ids: &[String], subscription: &str, item: &str) {
    records(path, ids, subscription, &[("item_search_criteria", "item.mpn"), ("item_search_value", item)]);
}

/// A usage workbook of one record with these cells, in columns of their own where there is none of the name.
pub(super) fn marked(path: &Path, cells: &[(&str, String)], subscription: &str, item: &str) {
    let own = cells.iter().map(|(name, _)| *name).filter(|name| RECORDS.iter().all(|column| column.name != *name));
    let headers: Vec<String> = RECORDS.iter().map(|column| column.name).chain(own).map(str::to_owned).collect();
    let sound = [
        ("quantity", "1"),
        ("start_time_utc", "2026-10-01 00:00:00"),
        ("end_time_utc", "2026-10-02 00:00:00"),
        ("asset_search_criteria", "asset.id"),
        ("asset_search_value", subscription),
        ("item_search_criteria", "item.mpn"),
        ("item_search_value", item),
    ];
    let cell = |name: &String| {
        let given = cells.iter().find(|(of, _)| of == name).map(|(_, text)| text.clone());
        let usual = sound.iter().find(|(of, _)| of == name).map(|(_, text)| (*text).to_owned());
        given.or(usual).unwrap_or_default()
    };
    let row = headers.iter().map(cell).collect();
    write(path, Kind::ProcessedVendor, &[], &headers, &vec![row]);
}

/// The same of an item that the records bring.
pub(super) fn dynamic(path: &Path, ids: &[String], subscription: &str, mpn: &str) {
    let brought =
        [("item_name", "Traffic out"), ("item_mpn", mpn), ("item_unit", "GB"), ("item_precision", "decimal(4)")];
    records(path, ids, subscription, &brought);
}

fn records(path: &Path, ids: &[String], subscription: &str, of_item: &[(&str, &str)]) {
    let headers = RECORDS.iter().map(|column| column.name.to_owned()).collect::<Vec<_>>();
    let row = |id: &String| {
        let cell = |name: &str| match name {
            "record_id" => id.as_str(),
            "quantity" => "1",
            "start_time_utc" => "2026-10-01 00:00:00",
            "end_time_utc" => "2026-10-02 00:00:00",
            "asset_search_criteria" => "asset.id",
            "asset_search_value" => subscription,
            _ => of_item.iter().find(|(of, _)| *of == name).map_or("", |(_, value)| value),
        };
        headers.iter().map(|name| cell(name).to_owned()).collect()
    };
    write(path, Kind::ProcessedVendor, &[], &headers, &ids.iter().map(row).collect());
}

/// A reconciliation workbook: record id, billing id, billing note; `report_id` is what it says it is of.
pub(super) fn reconciliation(path: &Path, report_id: &str, key: &str, rows: &[[&str; 3]]) {
    let headers = [key, "external_billing_id", "external_billing_note"].map(str::to_owned);
    let rows = rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
    write(path, Kind::Reconciliation, &[("report_id".to_owned(), report_id.to_owned())], &headers, &rows);
}

fn write(path: &Path, kind: Kind, general: &[(String, String)], headers: &[String], rows: &Rows) {
    let (title, created) = ("Scenario".to_owned(), Moment(0));
    let (general, headers) = (general.to_vec(), headers.to_vec());
    let layout = Layout { kind, title, general, categories: Vec::new(), headers, created };
    let mut book = RecordsWorkbook::create(path, path.parent().unwrap(), &layout).unwrap();
    for row in rows {
        let cells: Vec<CellOut<'_>> = row.iter().map(|text| CellOut::plain(text)).collect();
        book.row(&cells).unwrap();
    }
    book.finish().unwrap();
}

/// A column of the `records` tab of a workbook.
pub(super) fn column(bytes: &[u8], name: &str) -> Vec<String> {
    let mut book = Workbook::open(BufReader::new(Cursor::new(bytes)), Limits::default()).unwrap();
    let sheet = book.sheet_named(&[RECORDS_TAB]).unwrap().expect("a records tab");
    let mut table = Table::open(book.rows(sheet).unwrap(), &[]).unwrap();
    let place = table.position(name).unwrap_or_else(|| panic!("no column {name}"));
    let mut cells = Vec::new();
    while let Some(record) = table.next_record().unwrap() {
        cells.push(record.cell(place).map_or_else(String::new, |cell| cell.text.to_owned()));
    }
    cells
}

/// What the `general` tab of a workbook says under a name.
pub(super) fn general(bytes: &[u8], attribute: &str) -> Option<String> {
    let mut book = Workbook::open(BufReader::new(Cursor::new(bytes)), Limits::default()).unwrap();
    let sheet = book.sheet_named(&["general"]).unwrap().expect("a general tab");
    let mut table = Table::open(book.rows(sheet).unwrap(), &[]).unwrap();
    let mut found = None;
    while let Some(record) = table.next_record().unwrap() {
        let text = |column| record.cell(column).map_or("", |cell| cell.text).to_owned();
        if text(0) == attribute {
            found = Some(text(1));
        }
    }
    found
}

/// Every part of a workbook, inflated, one after the other.
pub(super) fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut package = zip::ZipArchive::new(Cursor::new(bytes)).expect("a workbook");
    let mut all = Vec::new();
    for index in 0..package.len() {
        package.by_index(index).unwrap().read_to_end(&mut all).unwrap();
    }
    all
}
