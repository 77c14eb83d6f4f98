//! How fast a workbook is read, against merely inflating the same parts and against calamine's cell reader in the same
//! run.
//!
//! `read_bench FILE [RUNS] [--xml] [--calamine]` reads every sheet; `--xml` turns the fast scanner off.
//! `read_bench --make FILE ROWS` makes a file of 17 columns: shared strings, dates and numbers.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::time::Instant;

use calamine::Reader as _;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook as Writer};
use workbook::read::{Limits, Row, Workbook};
use zip::ZipArchive;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--make", file, rows] => make(file, rows.parse()?),
        [file, rest @ ..] => {
            let runs = rest.iter().find_map(|word| word.parse().ok()).unwrap_or(3);
            (0..runs).try_for_each(|_| {
                run(file, rest.contains(&"--xml"))?;
                if rest.contains(&"--calamine") { calamine_cells(file) } else { Ok(()) }
            })
        }
        [] => Err("read_bench FILE [RUNS] [--xml] [--calamine] | --make FILE ROWS".into()),
    }
}

fn run(file: &str, xml_only: bool) -> Result<(), Box<dyn Error>> {
    let started = (Instant::now(), cpu_us());
    let bytes = inflate(file)?;
    let inflated_us = (cpu_us() - started.1).max(1);
    let started = (Instant::now(), cpu_us());
    let (rows, cells, text) = read(file, xml_only)?;
    let (wall_us, read_us) = (started.0.elapsed().as_micros(), (cpu_us() - started.1).max(1));
    let hundredths = read_us * 100 / inflated_us;
    println!(
        "{rows} rows, {cells} cells, {text} bytes of text | read {} ms CPU, {} ms wall, {} rows/s | inflate {} MB in {} ms CPU \
         | {}.{:02} x inflate | peak {} kB",
        read_us / 1_000,
        wall_us / 1_000,
        rows * 1_000_000 / read_us,
        bytes >> 20,
        inflated_us / 1_000,
        hundredths / 100,
        hundredths % 100,
        peak_kb(),
    );
    Ok(())
}

/// Only the cells, as calamine streams them: no row is put together and no number keeps its text.
fn calamine_cells(file: &str) -> Result<(), Box<dyn Error>> {
    let started = cpu_us();
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(file)?;
    let mut count: u64 = 0;
    for sheet in book.sheet_names() {
        let mut cells = book.worksheet_cells_reader(&sheet)?;
        while cells.next_cell()?.is_some() {
            count += 1;
        }
    }
    println!(
        "calamine's cell reader: {count} cells in {} ms CPU | peak {} kB",
        (cpu_us() - started) / 1_000,
        peak_kb()
    );
    Ok(())
}

fn read(file: &str, xml_only: bool) -> Result<(u64, u64, u64), Box<dyn Error>> {
    let mut workbook = Workbook::open(BufReader::new(File::open(file)?), Limits::default())?;
    if xml_only {
        workbook.read_by_xml_only();
    }
    let (mut count, mut cells, mut text) = (0, 0, 0);
    let mut row = Row::new();
    for sheet in 0..workbook.sheets().len() {
        let mut rows = workbook.rows(sheet)?;
        while rows.next_row(&mut row)? {
            count += 1;
            cells += row.len() as u64;
            text += row.cells().map(|cell| cell.text.len() as u64).sum::<u64>();
        }
    }
    Ok((count, cells, text))
}

fn inflate(file: &str) -> Result<u64, Box<dyn Error>> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(file)?))?;
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0;
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at)?;
        let name = entry.name()?.to_lowercase();
        if !name.starts_with("xl/worksheets/sheet") && name != "xl/sharedstrings.xml" {
            continue;
        }
        loop {
            match entry.read(&mut buffer)? {
                0 => break,
                read => bytes += read as u64,
            }
        }
    }
    Ok(bytes)
}

/// CPU time of this thread, so that a busy machine doesn't blur the figures.
fn cpu_us() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: u64 = text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default();
    nanoseconds / 1_000
}

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

fn make(file: &str, rows: u32) -> Result<(), Box<dyn Error>> {
    const HEADER: [&str; 17] = [
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
        "v.cost_center",
    ];
    let mut book = Writer::new();
    let date = Format::new().set_num_format("yyyy\\-mm\\-dd hh:mm:ss");
    let sheet = book.add_worksheet_with_low_memory()?;
    sheet.set_name("records")?;
    sheet.write_row(0, 0, HEADER)?;
    for row in 1..=rows {
        let sixty = u8::try_from(row % 60)?;
        let start =
            ExcelDateTime::from_ymd(2026, 1 + sixty / 6, 1 + sixty / 3)?.and_hms(sixty.into(), sixty, sixty % 60);
        let start = start.or_else(|_| ExcelDateTime::from_ymd(2026, 5, 5)?.and_hms(3, sixty, sixty))?;
        sheet.write(row, 0, format!("rec-{row:08}-{:08x}", row.wrapping_mul(2_654_435_761)))?;
        if row % 3 != 0 {
            sheet.write(row, 1, format!("usage of day {}", row % 31))?;
        }
        sheet.write(row, 2, "item.mpn")?;
        sheet.write(row, 3, format!("MPN-{:04}", row % 200))?;
        sheet.write(row, 4, f64::from(row % 99_991))?;
        sheet.write_with_format(row, 5, &start, &date)?;
        sheet.write_with_format(row, 6, &start, &date)?;
        sheet.write(row, 7, "parameter.tenant_id")?;
        sheet.write(row, 8, format!("tenant-{:05}", row % 20_000))?;
        sheet.write(row, 9, "generic_category")?;
        sheet.write(row, 10, format!("{}.{:02}", row % 1_000, row % 100).parse::<f64>()?)?;
        sheet.write(row, 11, 0)?;
        sheet.write(row, 12, format!("Item & unit {}", row % 200))?;
        sheet.write(row, 13, "unit*h")?;
        sheet.write(row, 14, format!("MPN-{:04}", row % 200))?;
        sheet.write(row, 15, "decimal(4)")?;
        sheet.write(row, 16, format!("cc-{}", row % 1_000))?;
    }
    book.save(file)?;
    Ok(())
}
