//! A ledger whose database is lost, and one that is damaged: what an operator sees, and gets back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::replayed::{BROKEN, copied, replay};
use super::world::{CONTRACT, Distributor, World};
use crate::kills::binary;

const RECORDS: u32 = 60;

fn audit(words: &[&str]) -> (Output, i32) {
    let output = Command::new(binary()).arg("audit").args(words).output().expect("it runs");
    let code = output.status.code().expect("an exit code");
    assert!([0, BROKEN].contains(&code), "{words:?}: {output:?}");
    (output, code)
}

pub(super) fn verify(flag: &str, dir: &Path) -> (Value, i32) {
    let (output, code) = audit(&["verify", "--json", flag, dir.to_str().expect("text")]);
    (serde_json::from_slice(&output.stdout).expect("JSON"), code)
}

/// What the first fault says.
fn fault(report: &Value) -> &str {
    report["findings"][0]["what"].as_str().expect("a finding")
}

/// Goal: from segments and workbooks alone comes the ledger that was. Method: a file is taken to its chunks; its directories
/// are gone through while the ledger runs and after it; then they are made again from what a backup has, and must give the
/// digests that the gateway had. What is changed in one of them is named.
#[test]
fn a_ledger_is_what_its_segments_and_workbooks_are() {
    let mut world = World::new();
    let file = world.accepted(CONTRACT, "archived", RECORDS);
    world.chunks(Distributor, &file);
    let dirs: BTreeSet<PathBuf> = world.hosts().into_iter().map(|host| world.data_of(host)).collect();
    for dir in &dirs {
        let (report, code) = verify("--data", dir);
        assert_eq!((code, &report["running"]), (0, &json!(true)), "{report:#}");
    }
    let now = world.digests();
    world.stop();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let mut restored = Vec::new();
    for dir in copied(&world, elsewhere.path()) {
        let (report, code) = verify("--data", &dir);
        assert_eq!((code, &report["findings"]), (0, &json!([])), "{report:#}");
        // What is left is what a backup holds.
        for lost in std::fs::read_dir(dir.join("log")).expect("a folder").flatten() {
            match lost.path() {
                path if path.ends_with("segments") => {}
                path if path.is_dir() => std::fs::remove_dir_all(path).expect("removed"),
                path => std::fs::remove_file(path).expect("removed"),
            }
        }
        let (report, code) = verify("--archive", &dir);
        assert_eq!(code, 0, "{report:#}");
        let made = dir.with_extension("restored");
        let [from, to] = [&dir, &made].map(|dir| dir.to_str().expect("text"));
        let (output, code) = audit(&["restore", "--from", from, "--data", to, "--part"]);
        assert_eq!(code, 0, "{output:?}");
        restored.push(made);
    }
    let (report, code) = replay(&restored, &[]);
    let shown = json!({ "files": now.0.to_string(), "catalog": now.1.to_string() });
    assert_eq!((code, &report["digests"]["gateway"]), (0, &shown), "{report:#}");
    damaged(&restored);
}

/// A workbook that was sent is gone, one is changed, a segment is.
fn damaged(dirs: &[PathBuf]) {
    let sent = dirs.iter().map(|dir| dir.join("blobs").join("ingestion")).find(|dir| dir.exists());
    let sent = sent.expect("a folder of uploads");
    let path = |folder: &Path| {
        let mut paths = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
        paths.find(|path| path.is_file()).expect("a file")
    };
    let (upload, dir) = (path(&sent), sent.ancestors().nth(2).expect("a data directory"));
    std::fs::write(&upload, b"another").expect("written");
    let (report, code) = verify("--data", dir);
    assert_eq!((code, fault(&report)), (BROKEN, "the workbook isn't what was kept under its name"));
    std::fs::remove_file(&upload).expect("removed");
    let (report, code) = verify("--data", dir);
    assert_eq!((code, fault(&report)), (BROKEN, "a workbook that was sent isn't there"));
    let log = dir.join("log").join("segments").join("ingestion-0");
    let segment = path(&log);
    let mut bytes = std::fs::read(&segment).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, &bytes).expect("written");
    let (report, code) = verify("--data", dir);
    let segment = segment.to_str().expect("text");
    let is_named = report["findings"].as_array().expect("a list").iter().any(|finding| finding["path"] == segment);
    assert!(code == BROKEN && is_named, "{report:#}");
}
