//! The one file of the demo that knows how a workbook is written.

use std::path::Path;

use ledger::Moment;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::CATEGORIES;

/// The columns of the `records` tab in their canonical order (connect-api §4.2); custom ones come after them.
const HEADERS: [&str; 16] = [
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
];

/// What a cell holds.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Text(String),
    Number(f64),
    /// A date cell, as spreadsheet programs make them.
    Time(Moment),
}

/// One record; amount, tier and the columns of dynamic items stay blank where quantities are reported.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) record_id: String,
    pub(super) note: &'a str,
    /// Criteria and value.
    pub(super) item: (&'a str, &'a str),
    pub(super) quantity: Cell,
    pub(super) start: Cell,
    pub(super) end: Cell,
    /// Criteria and value.
    pub(super) asset: (String, &'a str),
    pub(super) category: &'a str,
    /// The values of the custom columns.
    pub(super) custom: Vec<String>,
}

/// The `records` tab while it is written.
pub(super) struct Sheet<'a> {
    worksheet: &'a mut Worksheet,
    time: Format,
    /// The index of the last row written; the header is row 0.
    last: u32,
}

impl Sheet<'_> {
    /// The number of the last row as spreadsheets count.
    pub(super) fn row_number(&self) -> u32 {
        self.last + 1
    }

    /// Writes the next record.
    pub(super) fn row(&mut self, row: &Row<'_>) -> Result<(), XlsxError> {
        self.last += 1;
        self.text(0, &row.record_id)?;
        self.text(1, row.note)?;
        self.text(2, row.item.0)?;
        self.text(3, row.item.1)?;
        self.cell(4, &row.quantity)?;
        self.cell(5, &row.start)?;
        self.cell(6, &row.end)?;
        self.text(7, &row.asset.0)?;
        self.text(8, row.asset.1)?;
        self.text(9, row.category)?;
        (16..).zip(&row.custom).try_for_each(|(column, value)| self.text(column, value))
    }

    fn text(&mut self, column: u16, text: &str) -> Result<(), XlsxError> {
        if !text.is_empty() {
            self.worksheet.write_string(self.last, column, text)?;
        }
        Ok(())
    }

    fn cell(&mut self, column: u16, cell: &Cell) -> Result<(), XlsxError> {
        match cell {
            Cell::Text(text) => self.text(column, text)?,
            Cell::Number(number) => drop(self.worksheet.write_number(self.last, column, *number)?),
            Cell::Time(moment) => {
                let time = ExcelDateTime::from_timestamp(moment.0.div_euclid(Moment::SECOND))?;
                self.worksheet.write_datetime_with_format(self.last, column, time, &self.time)?;
            }
        }
        Ok(())
    }
}

/// Writes a workbook with the two tabs of an upload, a row at a time, so that its size doesn't matter to memory.
pub(super) fn write(
    path: &Path,
    temp: &Path,
    created_at: Moment,
    custom: &[&str],
    rows: impl FnOnce(&mut Sheet<'_>) -> Result<(), XlsxError>,
) -> Result<(), XlsxError> {
    let mut workbook = Workbook::new();
    workbook.set_tempdir(temp)?;
    // The library would take the time of the machine, and no two runs would give the same bytes.
    let created_at = ExcelDateTime::from_timestamp(created_at.0.div_euclid(Moment::SECOND))?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created_at));
    let worksheet = workbook.add_worksheet_with_constant_memory()?.set_name("records")?;
    for (column, name) in (0..).zip(HEADERS.iter().chain(custom)) {
        worksheet.write_string(0, column, *name)?;
    }
    let time = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
    rows(&mut Sheet { worksheet, time, last: 0 })?;
    let worksheet = workbook.add_worksheet_with_constant_memory()?.set_name("categories")?;
    let header = ["category_id", "category_name", "category_description"];
    for (row, cells) in (0..).zip(std::iter::once(&header).chain(&CATEGORIES)) {
        for (column, cell) in (0..).zip(cells) {
            worksheet.write_string(row, column, *cell)?;
        }
    }
    workbook.save(path)
}
