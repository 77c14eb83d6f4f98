//! Writes a workbook of given cells with rust_xlsxwriter, so that a test in another language can use that producer.
//!
//! `cargo run -p workbook --example write_cells -- FILE.xlsx < LINES`
//!
//! A line for each row of the tab `records`, a tab between cells: `n` and a number, or `t` and a text.

use std::io::BufRead;

use rust_xlsxwriter::Workbook;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give a path")?;
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_low_memory()?;
    sheet.set_name("records")?;
    for (row, line) in std::io::stdin().lock().lines().enumerate() {
        let row = u32::try_from(row)?;
        for (column, cell) in line?.split('\t').enumerate() {
            let column = u16::try_from(column)?;
            match cell.split_at_checked(1) {
                Some(("n", number)) => sheet.write_number(row, column, number.parse::<f64>()?)?,
                Some(("t", text)) => sheet.write_string(row, column, text)?,
                _ => return Err(format!("row {row}: `{cell}` begins with neither n nor t").into()),
            };
        }
    }
    book.save(path)?;
    Ok(())
}
