//! What an auditor finds who has nothing but the data directories: the state that the ledger had, at any time, and every
//! workbook that it made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ledger::{Hash, ServiceName};
use runtime::log::Header;
use serde_json::{Value, json};

use super::closing::{billed, ids, reconcile};
use super::http::Body;
use super::sheets;
use super::world::{CONTRACT, Distributor, OTHER_CONTRACT, OtherDistributor, Vendor, World, demo_catalog};
use crate::kills::binary;

const RECORDS: u32 = 60;
/// `audit replay` found something else than was recorded.
pub(super) const BROKEN: i32 = 7;

/// Files of every kind of end: closed by chunks, and again after they were regenerated; reconciled in parts; invalid. Gives
/// what a gateway knew when the first was accepted, and when that was.
fn live(world: &World) -> ((Hash, Hash), String) {
    let (reconciled, chunked) =
        (world.accepted(CONTRACT, "reconciled", RECORDS), world.accepted(OTHER_CONTRACT, "chunked", RECORDS));
    world.chunks(Distributor, &reconciled);
    world.chunks(OtherDistributor, &chunked);
    let (then, time) = (world.digests(), world.product().clock.now().iso());
    world.let_pass(60);
    let ids = ids(world, &reconciled);
    reconcile(world, &reconciled, &reconciled, "record_id", &billed(&ids[..20], "INV-1")).expect("processed");
    for chunk in world.chunks(Distributor, &reconciled) {
        let id = chunk["id"].as_str().expect("an id");
        let path = format!("usage/chunks/{id}/regenerate");
        world.send(Distributor, "POST", &path, Body::Nothing);
    }
    world.chunks(Distributor, &reconciled);
    reconcile(world, &reconciled, &reconciled, "record_id", &billed(&ids, "INV-1")).expect("processed");
    world.reach(&reconciled, "closed");
    world.close(OtherDistributor, &chunked);
    world.reach(&chunked, "closed");
    let invalid = world.create(CONTRACT);
    world.upload(&invalid, &world.generate_faulty("invalid", RECORDS)).expect(201);
    world.reach(&invalid, "invalid");
    (then, time)
}

/// Goal: who asks what would be found today is told of the rows that are concerned, and of no other. Method: of a file's
/// subscriptions one changes its external id and one can't be reported any more; the file is checked again against the
/// catalog of then, that of now, and one that nobody recorded.
#[test]
fn a_file_is_checked_again_against_another_catalog() {
    let mut world = World::new();
    let file = world.ready(CONTRACT, "revalidated", RECORDS);
    let records = world.records(Vendor, &file);
    let asset = |record: &Value| record["asset"]["id"].as_str().expect("an id").to_owned();
    let assets: BTreeSet<String> = records.iter().map(asset).collect();
    let (renamed, ended) = (assets.first().expect("one"), assets.last().expect("another"));
    assert_ne!(renamed, ended);
    let time = world.product().clock.now().iso();
    world.let_pass(60);
    let catalog = changed(renamed, ended);
    world.import(&catalog).expect("a sound catalog");
    world.block_on(world.product().caught_up());
    world.stop();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let dirs = copied(&world, elsewhere.path());
    let planned = elsewhere.path().join("planned.json");
    std::fs::write(&planned, catalog.to_string()).expect("a file");

    let expected: BTreeMap<String, &str> = records
        .iter()
        .filter_map(|record| {
            let asset = asset(record);
            let what = if asset == *ended { "errors" } else { "subscription external id" };
            let id = record["record_id"].as_str().expect("an id").to_owned();
            (asset == *ended || asset == *renamed).then_some((id, what))
        })
        .collect();
    let planned = planned.to_str().expect("text");
    for (words, expected) in
        [(&[][..], &expected), (&["--catalog", planned], &expected), (&["--catalog-as-of", &time], &BTreeMap::new())]
    {
        let output = audit(&dirs, &[&["revalidate", &file, "--json"], words].concat());
        let lines = String::from_utf8(output.stdout).expect("text");
        let mut lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let whole = lines.pop().expect("the whole")["revalidated"].clone();
        let told = lines.iter().map(|line| {
            let what = line["record"]["changes"].as_object().expect("an object").keys().next().expect("one").as_str();
            (line["record"]["record_id"].as_str().expect("an id").to_owned(), what)
        });
        assert_eq!(told.collect::<BTreeMap<_, _>>(), *expected, "{words:?}");
        let invalid = expected.values().filter(|what| **what == "errors").count();
        assert_eq!((&whole["differing"], &whole["now"]["invalid"]), (&json!(expected.len()), &json!(invalid)));
        assert_eq!(whole["then"], json!({ "valid": RECORDS, "invalid": 0 }));
    }
}

/// The demo catalog with a subscription of another external id and one that is terminated.
fn changed(renamed: &str, ended: &str) -> Value {
    let mut catalog = demo_catalog();
    for asset in catalog["assets"].as_array_mut().expect("a list") {
        if asset["id"] == renamed {
            asset["external_id"] = json!("renamed");
        } else if asset["id"] == ended {
            asset["status"] = json!("draft");
        }
    }
    catalog
}

/// The data directories of a world that is stopped, copied to another place.
pub(super) fn copied(world: &World, to: &Path) -> Vec<PathBuf> {
    let dirs: BTreeSet<PathBuf> = world.hosts().into_iter().map(|host| world.data_of(host)).collect();
    let copy = |dir: PathBuf| {
        let copy = to.join(dir.file_name().expect("a name"));
        let done = Command::new("cp").arg("-a").arg(&dir).arg(&copy).status().expect("cp");
        assert!(done.success(), "{dir:?}");
        copy
    };
    dirs.into_iter().map(copy).collect()
}

/// The workbooks in some data directories, by their folders and names.
fn workbooks(dirs: &[PathBuf]) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for dir in dirs {
        for service in ServiceName::WRITERS {
            let folder = dir.join("blobs").join(service.name());
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten().filter(|it| it.path().is_file()) {
                all.insert(entry.path(), std::fs::read(entry.path()).expect("a workbook"));
            }
        }
    }
    all
}

/// Removes every workbook that was made again by a replay; gives how many there were.
pub(super) fn remove_made(dirs: &[PathBuf], report: &Value) -> usize {
    let made: BTreeSet<&str> = report["workbooks"].as_array().expect("a list").iter().flat_map(of_job).collect();
    let is_made = |path: &&PathBuf| made.contains(path.file_name().and_then(|name| name.to_str()).expect("a name"));
    let all = workbooks(dirs);
    all.keys().filter(is_made).map(|path| std::fs::remove_file(path).expect("it was there")).count()
}

/// Runs a command of `audit` on some directories.
pub(super) fn audit(dirs: &[PathBuf], words: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("audit").args(words).env("TZ", "Asia/Kathmandu");
    for dir in dirs {
        command.arg("--data").arg(dir);
    }
    command.output().expect("it runs")
}

/// Runs `audit replay` on a machine of another zone; gives its report and whether all is as it was recorded.
pub(super) fn replay(dirs: &[PathBuf], words: &[&str]) -> (Value, i32) {
    let output = audit(dirs, &[&["replay", "--json"], words].concat());
    let code = output.status.code().expect("an exit code");
    assert!([0, BROKEN].contains(&code), "{output:?}");
    (serde_json::from_slice(&output.stdout).expect("JSON"), code)
}

/// Goal: state and workbooks follow from the logs and from what was sent, and from nothing else. Method: without its caches
/// and without any workbook that it made, on another path, by another clock, in another zone and on one and eight threads,
/// the logs give the digests that the gateway had, at the end and at a time before; every workbook is there again, to the
/// last byte. Where what was sent is changed, it says so.
#[test]
fn state_and_workbooks_follow_from_the_logs() {
    let mut world = World::new();
    let (then, time) = live(&world);
    let now = world.digests();
    world.stop();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let dirs = copied(&world, elsewhere.path());
    let before = workbooks(&dirs);
    let (report, code) = replay(&dirs, &["--workbooks", "--threads", "1"]);
    assert_eq!((code, &report["holds"]), (0, &json!(true)), "{report:#}");
    let lost = remove_made(&dirs, &report);
    assert!(lost >= 12 && before.len() > lost, "{lost}");
    dirs.iter().for_each(|dir| drop(std::fs::remove_dir_all(dir.join("cache"))));

    let (again, code) = replay(&dirs, &["--workbooks", "--put-back", "--threads", "8"]);
    assert_eq!((code, &again), (0, &report));
    assert_eq!(workbooks(&dirs), before);
    let known = |report: &Value| report["digests"]["gateway"].clone();
    let shown = |(files, catalog): (Hash, Hash)| json!({ "files": files.to_string(), "catalog": catalog.to_string() });
    assert_eq!(known(&report), shown(now));
    let (past, code) = replay(&dirs, &["--until", &time]);
    assert_eq!((known(&past), code), (shown(then), 0));
    let positions = past["positions"].as_object().expect("an object").iter();
    let positions: Vec<String> = positions.map(|(host, last)| format!("{host}:{last}")).collect();
    assert_eq!(replay(&dirs, &["--until", &positions.join(","), "--threads", "3"]), (past, 0));
    check_export(&dirs, &report);
    spoil(&dirs);
}

/// Goal: what is exported is what was hashed. Method: every fact of every log is there once, in lines and in messages; each
/// message's payload is the one that its header names, and each header names the one before.
fn check_export(dirs: &[PathBuf], report: &Value) {
    let positions = report["positions"].as_object().expect("an object");
    let facts: u64 = positions.values().map(|last| last.as_u64().expect("a number")).sum();
    let lines = String::from_utf8(audit(dirs, &["export", "--records"]).stdout).expect("text");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len() as u64, facts);
    let records = |fact: &str| lines.iter().filter(|line| line["fact"] == fact).all(|line| line["records"].is_object());
    assert!(records("records_read") && records("records_checked"));
    let messages = audit(dirs, &["export", "--format", "protobuf"]).stdout;
    let (mut rest, mut heads) = (messages.as_slice(), BTreeMap::new());
    for line in &lines {
        let mut message = counted(&mut rest);
        let [header, payload] = [0x0a, 0x12].map(|tag| {
            assert_eq!(message.split_off_first(), Some(&tag));
            counted(&mut message)
        });
        let header = Header::decode(header).expect("a header");
        assert_eq!(Hash::of(payload), header.payload_hash, "{line:#}");
        assert_eq!(line["hash"], json!(header.hash().to_string()));
        let before = heads.insert(header.host, header.hash()).unwrap_or(Hash::ZERO);
        assert_eq!(header.previous, before, "{line:#}");
    }
    assert!(rest.is_empty());
}

/// What stands behind its length, as protobuf writes it.
fn counted<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (mut length, mut shift) = (0, 0);
    while let Some(byte) = rest.split_off_first() {
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    rest.split_off(..length).expect("as much as it says")
}

/// Workbooks of one job, as the report has them.
fn of_job(job: &Value) -> Vec<&str> {
    job["then"].as_array().expect("a list").iter().map(|name| name.as_str().expect("a name")).collect()
}

/// Another reconciliation in the place of one that was sent.
fn spoil(dirs: &[PathBuf]) {
    let (report, _) = replay(dirs, &["--workbooks"]);
    let made: BTreeSet<&str> = report["workbooks"].as_array().expect("a list").iter().flat_map(of_job).collect();
    let all = workbooks(dirs);
    let is_sent = |path: &&PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        path.parent().is_some_and(|folder| folder.ends_with("extraction")) && !made.contains(name)
    };
    let sent = all.keys().find(is_sent).expect("a reconciliation that was sent");
    sheets::reconciliation(sent, "", "record_id", &[["nobody's", "INV-1", ""]]);
    let (report, code) = replay(dirs, &["--workbooks"]);
    let differs = |job: &&Value| job["outcome"] == "differs";
    let differing = report["workbooks"].as_array().expect("a list").iter().filter(differs).count();
    assert_eq!((code, differing, &report["holds"]), (BROKEN, 1, &json!(false)), "{report:#}");
}
