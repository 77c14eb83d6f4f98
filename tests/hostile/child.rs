//! The child: reads one workbook as ingestion does, checks its records as validation does, and says what came of it and
//! what it cost. Then it reads the rows again with either of the two row readers turned off.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use ingestion::{Reading, Stopped, pieces, read_workbook};
use ledger::catalog::{Capabilities, Schema};
use ledger::{Catalog, Decimal, Moment, ObjectId};
use validation::rules::{Against, Checker};
use workbook::read::{Limits, ReadError, Row, Workbook, address};

use super::make::{name_of, show};
use crate::tree::text;

/// The variable that names the file.
pub(super) const FILE: &str = "HOSTILE_FILE";
/// What the lines of the answer begin with.
pub(super) const SAID: &str = "said: ";
pub(super) const PEAK: &str = "peak: ";
pub(super) const PATHS: &str = "paths: ";

pub(super) const CONTRACT: &str = "CRD-21674-67435-75488";
pub(super) const PRODUCT: &str = "PRD-404-832-779";

#[test]
#[ignore = "run for each case by every_hostile_workbook_ends_as_the_table_says"]
fn a_child_reads_one_workbook() {
    let path = PathBuf::from(std::env::var(FILE).unwrap());
    println!("\n{SAID}{}", outcome(&path));
    println!("{PEAK}{}", peak_kb());
    println!("{PATHS}{}", paths(&path));
}

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn open(path: &Path) -> BufReader<File> {
    BufReader::new(File::open(path).unwrap())
}

/// What the vendor is told: the sentence that comes with USG_FILE_005, or each bad cell with its code.
fn outcome(path: &Path) -> String {
    // Columns and categories are known at the end only, and keeping the batches until then would be the measurement.
    let reading = match read_workbook(open(path), None, &mut |batch| pieces(batch).map(drop)) {
        Ok(reading) => reading,
        Err(Stopped::Unreadable(detail)) => {
            assert!(detail.chars().count() <= 200 && !detail.chars().any(char::is_control), "{detail:?}");
            return format!("USG_FILE_005 {detail}");
        }
        Err(Stopped::Stale) => return "stale".to_owned(),
    };
    check(path, &reading)
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let objects = catalog::json::read(text("schemas/demo-catalog.json").as_bytes(), &catalog, b"").unwrap();
    objects.into_iter().for_each(|object| catalog.record(object));
    catalog
}

fn check(path: &Path, reading: &Reading) -> String {
    let catalog = catalog();
    let [contract, product] = [CONTRACT, PRODUCT].map(|id| ObjectId::new(id).unwrap());
    let capabilities = Capabilities { pay_as_you_go: Some(Schema::Qt), ..Capabilities::default() };
    let mut checker = Checker::new(Against {
        catalog: &catalog,
        contract: &contract,
        product: &product,
        schema: Schema::Qt,
        capabilities: &capabilities,
        columns: &reading.columns,
        categories: &reading.categories,
        now: Moment::parse_sheet("2026-11-22").unwrap(),
    });
    let (mut records, mut invalid, mut total) = (0_u32, 0_u32, Decimal::ZERO);
    let mut first: Vec<String> = Vec::new();
    let mut codes: BTreeMap<String, u32> = BTreeMap::new();
    let again = read_workbook(open(path), None, &mut |batch| {
        for record in checker.check_batch(&batch).records {
            records += 1;
            invalid += u32::from(!record.is_valid());
            if record.is_valid() {
                total = total.checked_add(record.quantity.unwrap()).unwrap();
            }
            for error in &record.errors {
                *codes.entry(error.code.to_string()).or_default() += 1;
                let column = error.column.and_then(|column| reading.columns.get(usize::from(column)));
                let cell = column.map_or_else(|| record.row.to_string(), |it| address(it.sheet_column, record.row));
                if first.len() < 9 {
                    first.push(format!("{cell} {}", &error.code.to_string()["USG_FILE_".len()..]));
                }
            }
        }
        Ok(())
    });
    assert_eq!(again.unwrap(), *reading, "the second reading differs");
    match (records, invalid) {
        (_, 0) => format!("{records} valid, total {total}"),
        (..=9, _) => format!("{invalid} of {records} invalid: {}", first.join(", ")),
        _ => {
            let codes: Vec<String> = codes.iter().map(|(code, count)| format!("{count} x {code}")).collect();
            format!("{invalid} of {records} invalid: {}", codes.join(", "))
        }
    }
}

/// Whether every sheet gives the same with the scanner turned off, and with the XML reader turned off as far as
/// it goes.
fn paths(path: &Path) -> String {
    let whole = digest(path, |_| {});
    let xml = digest(path, Workbook::read_by_xml_only);
    let scanner = digest(path, Workbook::read_by_scanner_only);
    match (&whole, &xml) {
        (Ok(left), Ok(right)) if left != right => return format!("XML only: {right:?} instead of {left:?}"),
        (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
        _ => return format!("XML only: {xml:?} instead of {whole:?}"),
    }
    match (&whole, &scanner) {
        (Ok(left), Ok(right)) if left != right => format!("scanner only: {right:?} instead of {left:?}"),
        (Ok(_) | Err(_), Err(ReadError::Uncommon { .. })) | (Ok(_), Ok(_)) => "agree".to_owned(),
        (Err(left), Err(right)) if name_of(left) == name_of(right) => "agree".to_owned(),
        _ => format!("scanner only: {scanner:?} instead of {whole:?}"),
    }
}

/// Rows and a hash of all that they hold, for each sheet that can be read.
fn digest(path: &Path, turn: impl Fn(&mut Workbook<BufReader<File>>)) -> Result<Vec<(u64, u64)>, ReadError> {
    let mut workbook = Workbook::open(open(path), Limits::default())?;
    turn(&mut workbook);
    let mut found = Vec::new();
    for sheet in 0..workbook.sheets().len().min(4) {
        let mut rows = workbook.rows(sheet)?;
        let (mut count, mut hasher, mut row) = (0, DefaultHasher::new(), Row::new());
        while rows.next_row(&mut row)? {
            count += 1;
            show(&row).hash(&mut hasher);
        }
        found.push((count, hasher.finish()));
    }
    Ok(found)
}
