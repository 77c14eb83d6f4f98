//! Hostile workbooks: each is read and checked in a process of its own, by the code that the product uses, and ends in
//! what its row of the table says, within 256 MB. `docs/hostile-input.md` says which limits do that.
//!
//! `HOSTILE_ONLY=word` runs the cases whose name holds the word; `HOSTILE_KEEP=folder` keeps their files.

mod book;
mod child;
mod explosions;
mod packages;
mod values;

#[path = "../../services/workbook/tests/read/make.rs"]
#[expect(dead_code, reason = "the reader's own suites use more of it")]
pub(crate) mod make;

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::tree::{root, verdict};

/// What a child may hold at most.
const PEAK_KB_MAX: u64 = 256 << 10;
/// A child that takes more processor time, or as long as that in all, hangs; the slowest takes a few seconds.
const CPU_SECONDS_MAX: &str = "--cpu=60";
const SECONDS_MAX: &str = "600";
/// Processes at once.
const WORKERS: usize = 2;

/// A hostile workbook.
pub(crate) struct Case {
    name: &'static str,
    make: Box<dyn Fn() -> Vec<u8> + Send + Sync>,
    /// What the child says, whole; or, behind `005 `, a part of the sentence that comes with USG_FILE_005.
    expected: String,
}

impl Case {
    fn new(
        name: &'static str,
        expected: impl Into<String>,
        make: impl Fn() -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self { name, make: Box::new(make), expected: expected.into() }
    }
}

/// What a child said.
struct Outcome {
    bytes: usize,
    said: String,
    paths: String,
    peak_kb: u64,
    milliseconds: u128,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> =
        values::cases().into_iter().chain(packages::cases()).chain(explosions::cases()).collect();
    if let Ok(only) = std::env::var("HOSTILE_ONLY") {
        cases.retain(|case| case.name.contains(&only));
    }
    cases
}

#[test]
fn every_hostile_workbook_ends_as_the_table_says() {
    let cases = cases();
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(at) else { return };
                    let outcome = run(case, &folder.path().join(format!("{at}.xlsx")));
                    done.lock().unwrap().push((at, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    let mut findings = Vec::new();
    for (at, outcome) in &done {
        let case = &cases[*at];
        let Outcome { bytes, said, paths, peak_kb, milliseconds } = outcome;
        println!("{} | {bytes} B | {said} | {paths} | {} MB | {milliseconds} ms", case.name, peak_kb >> 10);
        let right = match case.expected.strip_prefix("005 ") {
            Some(part) => said.starts_with("USG_FILE_005 ") && said.contains(part),
            None => *said == case.expected,
        };
        if !right {
            findings.push(format!("{}: expected {:?}, got {said:?}", case.name, case.expected));
        }
        if paths != "agree" {
            findings.push(format!("{}: {paths}", case.name));
        }
        if *peak_kb == 0 || *peak_kb > PEAK_KB_MAX {
            findings.push(format!("{}: {peak_kb} kB", case.name));
        }
    }
    let peak = done.iter().map(|(_, outcome)| outcome.peak_kb >> 10).max();
    let longest = done.iter().map(|(_, outcome)| outcome.milliseconds).max();
    println!("{} cases, at most {peak:?} MB and {longest:?} ms", done.len());
    assert_eq!(done.len(), cases.len());
    verdict("every hostile workbook ends as the table says", &findings);
}

/// Makes a case's file and has a child read it.
fn run(case: &Case, path: &Path) -> Outcome {
    let bytes = (case.make)();
    std::fs::write(path, &bytes).unwrap();
    if let Ok(folder) = std::env::var("HOSTILE_KEEP") {
        std::fs::write(Path::new(&folder).join(format!("{}.xlsx", case.name.replace(['/', ' '], "-"))), &bytes)
            .unwrap();
    }
    let started = Instant::now();
    let output = Command::new("timeout")
        .args([SECONDS_MAX, "prlimit", CPU_SECONDS_MAX])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::child::a_child_reads_one_workbook", "--ignored", "--nocapture"])
        .env(child::FILE, path)
        .output()
        .unwrap();
    let milliseconds = started.elapsed().as_millis();
    drop(std::fs::remove_file(path));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |key: &str| {
        let found = text.lines().find_map(|line| line.split_once(key).map(|(_, rest)| rest.to_owned()));
        found.unwrap_or_default()
    };
    let mut said = line(child::SAID);
    if !output.status.success() {
        let noise = String::from_utf8_lossy(&output.stderr).chars().take(400).collect::<String>();
        said = format!("{} {noise} {said}", output.status);
    }
    Outcome {
        bytes: bytes.len(),
        said,
        paths: line(child::PATHS),
        peak_kb: line(child::PEAK).parse().unwrap_or(0),
        milliseconds,
    }
}

/// Goal: the document lists every case with its end. Method: its rows are the table's, in order. `BLESS=1`
/// rewrites them.
#[test]
fn the_document_lists_every_case() {
    const BEGIN: &str = "| case | ends in |\n|---|---|\n";
    let path = root().join("docs/hostile-input.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = document.split_once(BEGIN).unwrap();
    let rows: String = cases().iter().map(|case| format!("| {} | {} |\n", case.name, case.expected)).collect();
    let end = rest.find("\n\n").map_or(rest.len(), |at| at + 1);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, format!("{head}{BEGIN}{rows}{}", &rest[end..])).unwrap();
        return;
    }
    assert_eq!(&rest[..end], rows, "docs/hostile-input.md: run this test with BLESS=1 and read the difference");
}

#[test]
fn no_case_has_the_name_of_another() {
    let cases = cases();
    let names: std::collections::BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len());
}
