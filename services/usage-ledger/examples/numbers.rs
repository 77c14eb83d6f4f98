//! Prints what the ledger reads in the number cells of a workbook, for an oracle that knows better.
//!
//! `cargo run -p usage-ledger --example numbers -- FILE.xlsx`
//!
//! The file is read as an upload is: the reader, the batches, the number rule. Each custom column `v.NAME.pN` is read
//! with N decimals allowed. A line for each record, a tab between cells: the value, with `~` behind it where the
//! record would carry a note; `!large`, `!none`, or `!fine` and the nearest value.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};

use ingestion::{Reading, Stopped, read_workbook};
use ledger::DecimalError;
use ledger::record::{CellView, ReadBatch};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give a workbook")?;
    let mut batches = Vec::new();
    let reading = read_workbook(BufReader::new(File::open(path)?), None, &mut |batch| {
        batches.push(batch);
        Ok(())
    });
    let reading = reading.map_err(|stopped| match stopped {
        Stopped::Unreadable(detail) => detail,
        Stopped::Stale => "stopped".to_owned(),
    })?;
    let places = places(&reading)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    batches.iter().try_for_each(|batch| print(&mut out, batch, &places))?;
    out.flush()?;
    Ok(())
}

/// The decimals that each column allows.
fn places(reading: &Reading) -> Result<Vec<u32>, Box<dyn std::error::Error>> {
    let of = |name: &str| name.rsplit_once(".p").and_then(|(_, places)| places.parse().ok());
    let all = reading.columns.iter().map(|column| of(&column.name).ok_or("a column isn't named v.NAME.pN"));
    Ok(all.collect::<Result<_, _>>()?)
}

fn print(out: &mut impl Write, batch: &ReadBatch, places: &[u32]) -> std::io::Result<()> {
    for index in 0..batch.rows.len() {
        for (column, &places) in places.iter().enumerate() {
            let tab = if column == 0 { "" } else { "\t" };
            write!(out, "{tab}{}", shown(batch.cell(index, column), places))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn shown(cell: CellView<'_>, places: u32) -> String {
    match cell.number(places) {
        Ok((value, noted)) => format!("{value}{}", if noted { "~" } else { "" }),
        Err(DecimalError::TooLarge) => "!large".to_owned(),
        Err(DecimalError::NotANumber) => "!none".to_owned(),
        Err(DecimalError::TooFine(nearest)) => format!("!fine {nearest}"),
    }
}
