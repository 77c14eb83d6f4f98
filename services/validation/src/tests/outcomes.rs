//! What becomes of usage that another file has: every policy, `late`, status of the other file and way in which two
//! windows can lie, as the text `outcomes.txt`, which docs/validation.md shows. `BLESS=1 cargo test -p validation`
//! writes it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs};

use ledger::catalog::OverlapPolicy;
use ledger::fact::{FileCreated, Period};
use ledger::record::CheckedRecord;
use ledger::{Fact, FileId, Moment};
use runtime::records::Records;

use super::examine::{catalog, draft, examine};
use super::world::{self, Log, file};
use crate::rules::tests::{Cell, TEXT};
use crate::{Draft, rules};

/// The days of May that the other file is about.
const OTHER: (u8, u8) = (5, 10);

/// How the days of the new file, and of its record, lie to those.
const WAYS: [(&str, (u8, u8)); 5] =
    [("equal", (5, 10)), ("longer", (4, 12)), ("shorter", (6, 8)), ("shifted", (7, 12)), ("adjacent", (10, 12))];

const STATUSES: [&str; 8] = ["draft", "ready", "pending", "accepted", "closed", "rejected", "deleted", "estimate"];

fn day(day: u8) -> String {
    format!("2026-05-{day:02} 00:00:00")
}

fn period((from, to): (u8, u8)) -> Option<Period> {
    Some(Period { from: Moment::parse_sheet(&day(from))?, to: Moment::parse_sheet(&day(to))? })
}

/// A world with one other file, whose records rest in a log.
struct Case {
    rules: rules::tests::World,
    world: world::World,
    records: Records,
}

impl Case {
    /// The other file, with one checked record, in a status.
    fn new(status: &str, log: &mut Log) -> Self {
        let rules = rules::tests::World::new();
        let (start, end) = (day(OTHER.0), day(OTHER.1));
        let cells = [("start_time_utc", TEXT, start.as_str()), ("end_time_utc", TEXT, end.as_str())];
        let checked = rules.run(&[&cells]);
        let mut batch = world::batch(1, 1);
        batch.payload = proto::encode_checked_batch(&checked).unwrap();
        let sequence = log.say(file(0), Fact::RecordsChecked(batch));
        let mut verdict = world::verdict(1, 1, 0, &[sequence]);
        verdict.span = period(OTHER);
        let mut world = world::World::new();
        let estimate = status == "estimate";
        let Fact::FileCreated(created) = world::created("CRD-1", "PRD-1") else { panic!() };
        let created = FileCreated { period: period(OTHER), predictive: estimate, ..*created };
        let ready = [world::opened(1), world::read(1), world::started(1, 1), Fact::FileChecked(verdict)];
        let note = String::new();
        let submitted = || Fact::FileSubmitted { upload: 1 };
        let accepted = Fact::FileAccepted { upload: 1, note: note.clone() };
        let closed = [
            Fact::ExtractionStarted { upload: 1, attempt: 1 },
            Fact::FileClosed { upload: 1, records: 1, totals: vec![] },
        ];
        world.take(file(0), Fact::FileCreated(Box::new(created)));
        if status != "draft" {
            world.takes(file(0), &ready);
            world.take(file(0), world::written(1));
        }
        match status {
            "pending" => world.take(file(0), submitted()),
            "accepted" | "estimate" => world.takes(file(0), &[submitted(), accepted]),
            "closed" => world.takes(file(0), &[&[submitted(), accepted], &closed[..]].concat()),
            "rejected" => world.takes(file(0), &[submitted(), Fact::FileRejected { upload: 1, note }]),
            "deleted" => world.take(file(0), Fact::FileDeleted),
            _ => {}
        }
        let known = world.ledger.file(file(0)).unwrap().status().name();
        assert!(known == status || (estimate && known == "accepted"), "{known}");
        Self { rules, world, records: log.records.clone() }
    }

    fn product(&mut self, policy: OverlapPolicy, late: bool) {
        let mut capabilities = self.rules.capabilities.clone();
        (capabilities.overlap, capabilities.late) = (policy, late);
        self.world.ledger.catalog = Arc::new(catalog(&self.rules, capabilities));
    }

    /// The records of a file of a period, one for each stretch of days, as examined.
    fn records(&self, own: Option<Period>, stretches: &[(String, String)]) -> Vec<CheckedRecord> {
        let row = |((start, end), id)| {
            [("record_id", TEXT, id), ("start_time_utc", TEXT, start), ("end_time_utc", TEXT, end)]
        };
        let texts = stretches.iter().map(|(start, end)| (start.as_str(), end.as_str()));
        let rows: Vec<[Cell<'_>; 3]> = texts.zip(["a", "b"]).map(row).collect();
        let slices: Vec<&[Cell<'_>]> = rows.iter().map(<[Cell<'_>; 3]>::as_slice).collect();
        let batch = self.rules.batch(&slices);
        let draft = Draft { period: own, ..draft(&self.rules) };
        let (checked, _) = examine(&self.world.ledger, &self.records, draft, &[batch]);
        checked.into_iter().flat_map(|batch| batch.records).collect()
    }
}

/// `late`, `overlap` and `(overlap)` where it is only a warning.
fn outcome(records: &[CheckedRecord]) -> String {
    let mut said = Vec::new();
    for record in records {
        said.extend(record.errors.iter().map(|error| match error.code.number() {
            114 => "late",
            116 => "overlap",
            _ => panic!("{error:?}"),
        }));
        said.extend(record.warnings.iter().map(|_| "(overlap)"));
    }
    said.dedup();
    if said.is_empty() { "-".to_owned() } else { said.join(" ") }
}

fn table() -> String {
    let mut text = String::new();
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path());
    let mut cases: Vec<Case> = STATUSES.into_iter().map(|status| Case::new(status, &mut log)).collect();
    for policy in OverlapPolicy::ALL {
        for late in [false, true] {
            let late_name = if late { "on" } else { "off" };
            writeln!(text, "overlap {}, late {late_name}", policy.name()).unwrap();
            write!(text, "{:10}", "").unwrap();
            WAYS.iter().for_each(|(way, _)| write!(text, "{way:16}").unwrap());
            writeln!(text, "same file").unwrap();
            for (status, case) in STATUSES.iter().zip(&mut cases) {
                case.product(policy, late);
                write!(text, "{status:10}").unwrap();
                for (_, days) in WAYS {
                    let found = outcome(&case.records(period(days), &[(day(days.0), day(days.1))]));
                    write!(text, "{found:16}").unwrap();
                }
                let (from, to) = (20, 22);
                let same = [(day(from), day(to)), (day(from), day(to))];
                writeln!(text, "{}", outcome(&case.records(period((from, to)), &same))).unwrap();
            }
            writeln!(text).unwrap();
        }
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n"
}

/// Goal: what becomes of a record is decided for every case, and is where vendors read it. Method: the table that the
/// code gives is the one that was reviewed, and the one of the documentation.
#[test]
fn every_way_to_meet_another_file_has_its_outcome() {
    let text = table();
    let crate_dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let path = crate_dir.join("src/outcomes.txt");
    if env::var("BLESS").is_ok_and(|bless| !bless.is_empty()) {
        fs::write(&path, &text).unwrap();
    }
    println!("{text}");
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(known == text, "src/outcomes.txt differs; BLESS=1 writes it anew for review:\n{text}");
    let document = fs::read_to_string(crate_dir.join("../../docs/validation.md")).unwrap();
    assert!(document.contains(&format!("```text\n{text}```")), "docs/validation.md shows another table");
}

#[track_caller]
fn check(case: &Case, own: Option<Period>, (start, end): (&str, &str), expected: &[&str]) {
    let records = case.records(own, &[(start.to_owned(), end.to_owned())]);
    let said = |it: &ledger::record::RecordError| format!("{} {}. {}", it.code.number(), it.message, it.fix);
    let said: Vec<String> = records[0].errors.iter().chain(&records[0].warnings).map(said).collect();
    assert_eq!(said, expected);
}

#[test]
fn a_record_is_told_which_file_and_rows_it_meets() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path());
    let mut case = Case::new("accepted", &mut log);
    let other: FileId = file(0);
    case.product(OverlapPolicy::Warn, false);
    let warn = format!(
        "116 Usage overlaps row 2 of usage file {other}. Leave the record out if it is the same usage; if it is other \
         usage, nothing has to be done."
    );
    check(&case, None, ("2026-05-06", "2026-05-07"), &[&warn]);
    check(&case, None, ("2026-05-06", "2026-05-06"), &[&warn]);
    check(&case, None, ("2026-05-10", "2026-05-10"), &[]);
    check(&case, None, ("2026-05-10", "2026-05-20"), &[]);
    case.product(OverlapPolicy::Enforce, false);
    let error = format!(
        "116 Usage overlaps row 2 of usage file {other}. Report a window that is not reported yet; or, to correct that \
         file, use a file whose period covers that file's period and is longer."
    );
    // A file without a period corrects nothing, and one of the same period neither.
    check(&case, None, ("2026-05-01", "2026-05-20"), &[&error]);
    check(&case, period(OTHER), ("2026-05-01", "2026-05-20"), &[&error]);
    check(&case, period((5, 11)), ("2026-05-01", "2026-05-20"), &[]);
    let mut case = Case::new("closed", &mut log);
    case.product(OverlapPolicy::Off, false);
    let late = format!(
        "114 The product may not report late charges. Usage file {other} closed the period from 2026-05-05 00:00:00 to \
         2026-05-10 00:00:00: report a window outside of it, or switch on the capability Late Charges of the product."
    );
    check(&case, None, ("2026-05-09 23:59:59", "2026-05-11"), &[&late]);
    check(&case, None, ("2026-05-10", "2026-05-11"), &[]);
}
