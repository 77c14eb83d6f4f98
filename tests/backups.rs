//! A ledger that keeps a backup is killed under load, and lost: what the backup says that it has comes back, and gives the
//! state that the ledger had.
//!
//! `BACKUP_KILLS=n` kills n times (3 by default). `BACKUP_SEED=n` kills at other moments; a run prints the line that
//! repeats it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::kills::{Server, binary};
use crate::life::{Life, Step};

/// Several batches, and rotations within a file's life.
const RECORDS: u32 = 3_500;
/// Kills come within this time of a file's draft: while it is read, checked, submitted or divided.
const MOMENTS_MILLIS: u64 = 1_800;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

pub(crate) fn audit(words: &[&str]) -> Output {
    let output = Command::new(binary()).arg("audit").args(words).output().expect("it runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
    output
}

/// The digests of everybody, and the positions that they are from.
pub(crate) fn replayed(data: &Path, until: Option<&str>) -> (Value, String) {
    let mut words = vec!["replay", "--json", "--data", text(data)];
    words.extend(until.into_iter().flat_map(|until| ["--until", until]));
    let report: Value = serde_json::from_slice(&audit(&words).stdout).expect("JSON");
    let positions = report["positions"].as_object().expect("positions");
    let positions: Vec<String> = positions.iter().map(|(host, last)| format!("{host}:{last}")).collect();
    (report["digests"].clone(), positions.join(","))
}

/// Restores the backup and compares it with the ledger that it is of, as far as it reaches; gives the positions.
fn check(data: &Path, backup: &Path) -> String {
    if std::fs::read_dir(backup.join("log/segments")).map_or(0, Iterator::count) == 0 {
        return "nothing: it was killed before anything was copied".to_owned();
    }
    audit(&["verify", "--archive", text(backup)]);
    let folder = tempfile::tempdir().expect("a folder");
    let restored = folder.path().join("restored");
    audit(&["restore", "--from", text(backup), "--data", text(&restored)]);
    let (found, positions) = replayed(&restored, None);
    let (recorded, _) = replayed(data, Some(&positions));
    assert_eq!(found, recorded, "at {positions}");
    positions
}

/// Lets a file live until the process is killed a while after its start.
fn killed(data: &Path, backup: &Path, folder: &Path, number: u64, pause: Duration) {
    let server = Server::start_with(data, None, &["--backup", text(backup)]).expect("the product starts");
    let (url, pid) = (server.url.clone(), server.child.id().to_string());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let Some(mut life) = Life::begin(&url, folder, &format!("killed-{number}"), number, RECORDS) else {
                return;
            };
            let gone = || !Path::new("/proc").join(&pid).join("exe").exists();
            while let Some(step) = life.next_step(&url, gone) {
                if step == Step::Closed || !life.perform(&url, step) {
                    return;
                }
            }
        });
        std::thread::sleep(pause);
        server.kill();
    });
}

#[test]
fn a_killed_ledger_comes_back_from_its_backup() {
    let (kills, seed) = (setting("BACKUP_KILLS", 3), setting("BACKUP_SEED", u64::from(std::process::id())));
    eprintln!("BACKUP_KILLS={kills} BACKUP_SEED={seed} cargo nextest run -p tests -E 'test(a_killed_ledger)'");
    let [data, backup, folder] = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let [data, backup, folder] = [&data, &backup, &folder].map(|folder| folder.path());
    let mut random = seed | 1;
    for number in 0..kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        killed(data, backup, folder, number, Duration::from_millis(200 + random % MOMENTS_MILLIS));
        eprintln!("kill {number}: restored to {}", check(data, backup));
    }
    // Who ends in peace leaves a backup of everything.
    let mut server = Server::start_with(data, None, &["--backup", text(backup)]).expect("the product starts");
    let mut life = Life::begin(&server.url, folder, "whole", 9, RECORDS).expect("a draft");
    let url = server.url.clone();
    while let Some(step) = life.next_step(&url, || server.died()).filter(|step| *step != Step::Closed) {
        life.must(&url, step);
    }
    let status = Command::new("kill").arg(server.child.id().to_string()).status().expect("it runs");
    assert!(status.success() && server.child.wait().expect("it ends").success());
    let (now, _) = replayed(data, None);
    check(data, backup);
    let restored = folder.join("restored");
    audit(&["restore", "--from", text(backup), "--data", text(&restored)]);
    assert_eq!(replayed(&restored, None).0, now);
    let workbooks = audit(&["replay", "--workbooks", "--data", text(&restored)]);
    assert!(String::from_utf8_lossy(&workbooks.stdout).contains("each is what was recorded"), "{workbooks:?}");
}
