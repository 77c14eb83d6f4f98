//! What `audit repair` says of each kind of damage and does about it: a ledger of several segments with a backup is copied
//! and damaged in one way, looked at, put right, and gone through by `audit verify`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kills::{Server, binary};
use crate::life::{Life, Step};

/// Several segments of one host, which rotate at 256 KiB.
const RECORDS: u32 = 6_000;
const BROKEN: i32 = 7;

/// A damage, and what is to be read of it.
struct Row {
    name: &'static str,
    damage: fn(&Path),
    /// Whether the backup is named.
    from: bool,
    /// What it is, in the report.
    found: &'static str,
    /// What was done, or is left to be done.
    remedy: &'static str,
    /// Whether `audit verify` is content afterwards.
    is_mended: bool,
}

const ROWS: [Row; 16] = [
    Row {
        name: "nothing",
        damage: |_| (),
        from: false,
        found: "",
        remedy: "nothing to do: everything holds",
        is_mended: true,
    },
    Row {
        name: "an open segment with a changed bit",
        damage: |data| flip(&log(data, "extraction-0", "open")),
        from: false,
        found: "the open segment isn't what the database holds",
        remedy: "written again from the database",
        is_mended: true,
    },
    Row {
        name: "no open segment",
        damage: |data| remove(&log(data, "extraction-0", "open")),
        from: false,
        found: "are in the database only",
        remedy: "written as the next start would",
        is_mended: true,
    },
    Row {
        name: "a torn slot of the anchor",
        damage: |data| change(&data.join("log/anchor"), |bytes| bytes[20] ^= 1),
        from: false,
        found: "slot 0 of two isn't whole",
        remedy: "written as the next start would",
        is_mended: true,
    },
    Row {
        name: "a sealed segment is gone, and there is no backup",
        damage: |data| remove(&log(data, "validation-0", "seg")),
        from: false,
        found: "are missing: the sealed segment isn't there",
        remedy: "name a backup with --from",
        is_mended: false,
    },
    Row {
        name: "a sealed segment is gone",
        damage: |data| remove(&log(data, "validation-0", "seg")),
        from: true,
        found: "are missing: the sealed segment isn't there",
        remedy: "which leads to what the database begins with",
        is_mended: true,
    },
    Row {
        name: "a sealed segment with a changed bit",
        damage: |data| flip(&log(data, "validation-0", "seg")),
        from: true,
        found: "are damaged:",
        remedy: "put back from",
        is_mended: true,
    },
    Row {
        name: "an upload is gone, and there is no backup",
        damage: |data| remove(&book(data, "ingestion")),
        from: false,
        found: "a workbook that was sent isn't there",
        remedy: "name a backup that has it with --from",
        is_mended: false,
    },
    Row {
        name: "an upload is gone",
        damage: |data| remove(&book(data, "ingestion")),
        from: true,
        found: "a workbook that was sent isn't there",
        remedy: "put back from",
        is_mended: true,
    },
    Row {
        name: "an upload with a changed bit",
        damage: |data| flip(&book(data, "ingestion")),
        from: true,
        found: "the workbook isn't what was kept under its name",
        remedy: "put back from",
        is_mended: true,
    },
    Row {
        name: "a processed workbook is gone",
        damage: |data| remove(&book(data, "validation")),
        from: false,
        found: "a workbook that the ledger made isn't there",
        remedy: "made again",
        is_mended: true,
    },
    Row {
        name: "a processed workbook with a changed bit",
        damage: |data| flip(&book(data, "validation")),
        from: false,
        found: "the workbook isn't what was kept under its name",
        remedy: "made again",
        is_mended: true,
    },
    Row {
        name: "a file that no fact names",
        damage: |data| std::fs::write(data.join("blobs/extraction").join("0".repeat(64)), "?").expect("written"),
        from: false,
        found: "the workbook isn't what was kept under its name",
        remedy: "left out",
        is_mended: true,
    },
    Row {
        name: "a damaged file, and a sealed segment is gone that may name it",
        damage: |data| {
            remove(&log(data, "validation-0", "seg"));
            std::fs::write(data.join("blobs/validation").join("0".repeat(64)), "?").expect("written");
        },
        from: false,
        found: "it isn't known whether a fact names it",
        remedy: "put the log right first",
        is_mended: false,
    },
    Row {
        name: "no anchor",
        damage: |data| remove(&data.join("log/anchor")),
        from: true,
        found: "find the head anchor",
        remedy: "usage-ledger audit restore",
        is_mended: false,
    },
    Row {
        name: "no database",
        damage: |data| {
            let database = only(&data.join("log"), |path| path.to_string_lossy().contains("/live-"));
            std::fs::remove_dir_all(database).expect("removed");
        },
        from: true,
        found: "find the log database",
        remedy: "usage-ledger audit restore",
        is_mended: false,
    },
];

fn only(folder: &Path, is_meant: impl Fn(&PathBuf) -> bool) -> PathBuf {
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().find(is_meant).expect("a file")
}

/// The first file of a host.
pub(crate) fn log(data: &Path, host: &str, extension: &str) -> PathBuf {
    only(&data.join("log/segments").join(host), |path| path.extension().is_some_and(|found| found == extension))
}

pub(crate) fn book(data: &Path, service: &str) -> PathBuf {
    only(&data.join("blobs").join(service), |path| path.is_file())
}

pub(crate) fn remove(path: &Path) {
    std::fs::remove_file(path).expect("removed");
}

fn change(path: &Path, how: impl Fn(&mut [u8])) {
    let mut bytes = std::fs::read(path).expect("a file");
    how(&mut bytes);
    std::fs::write(path, bytes).expect("written");
}

pub(crate) fn flip(path: &Path) {
    change(path, |bytes| bytes[bytes.len() / 2] ^= 1);
}

fn audit(words: &[&str]) -> (String, i32) {
    let output = Command::new(binary()).arg("audit").args(words).output().expect("it runs");
    let code = output.status.code().expect("an exit code");
    assert!([0, BROKEN].contains(&code), "{words:?}: {output:?}");
    (String::from_utf8(output.stdout).expect("text"), code)
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("it runs");
    assert!(status.success());
}

/// A ledger that was stopped, and its backup.
fn ledger(folder: &Path) -> (PathBuf, PathBuf) {
    let [data, backup] = ["data", "backup"].map(|name| folder.join(name));
    std::fs::create_dir(&backup).expect("a folder");
    let more = ["--backup", backup.to_str().expect("text")];
    let mut server = Server::start_with(&data, None, &more).expect("the product starts");
    let mut life = Life::begin(&server.url, folder, "repaired", 5, RECORDS).expect("a draft");
    let url = server.url.clone();
    while let Some(step) = life.next_step(&url, || server.died()).filter(|step| *step != Step::Closed) {
        life.must(&url, step);
    }
    Command::new("kill").arg(server.child.id().to_string()).status().expect("it runs");
    assert!(server.child.wait().expect("it ends").success());
    drop(std::fs::remove_file(data.join("admin.sock")));
    (data, backup)
}

fn check(row: &Row, data: &Path, backup: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let damaged = folder.path().join("damaged-data");
    copy(data, &damaged);
    (row.damage)(&damaged);
    let before = folder.path().join("before");
    copy(&damaged, &before);
    let name = row.name;
    let [path, from] = [&damaged, backup].map(|path| path.to_str().expect("text"));
    let mut words = vec!["repair", "--data", path];
    words.extend(["--from", from].iter().filter(|_| row.from));
    let (told, code) = audit(&words);
    let is_whole = row.found.is_empty();
    assert_eq!(code, if is_whole { 0 } else { BROKEN }, "{name}: {told}");
    assert!(told.contains(row.found) && told.contains(row.remedy), "{name}: {told}");
    let same = Command::new("diff").arg("-r").args([&damaged, &before]).output().expect("it runs");
    assert!(same.status.success(), "{name}: looking changes something: {same:?}");
    words.push("--yes");
    let (told, code) = audit(&words);
    assert_eq!(code, if row.is_mended { 0 } else { BROKEN }, "{name}: {told}");
    assert!(told.contains(row.found) && told.contains(row.remedy), "{name}: {told}");
    let (verified, code) = audit(&["verify", "--data", path]);
    assert_eq!(code, if row.is_mended { 0 } else { BROKEN }, "{name}: {verified}");
    assert!(!row.is_mended || !verified.contains("note"), "{name}: {verified}");
    if row.is_mended {
        let (told, code) = audit(&["repair", "--data", path]);
        assert!(code == 0 && told.contains("nothing to do"), "{name}: {told}");
    }
    if name.contains("changed bit") && row.is_mended {
        assert!(told.contains("kept in"), "{name}: {told}");
        let kept =
            Command::new("find").arg(damaged.join("damaged")).args(["-name", "*.damaged"]).output().expect("it runs");
        assert!(!kept.stdout.is_empty(), "{name}: the original is gone");
    }
}

#[test]
fn what_is_damaged_is_explained_and_put_right_where_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, backup) = ledger(folder.path());
    for row in &ROWS {
        check(row, &data, &backup);
    }
}
