//! Goal: the segments, sealed and open, are a second copy of the log at most a step behind it, whatever happens.
//! Method: read them without the log's code and compare with what the log gives.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ledger::{Hash, HostId};
use runtime::log::{Entry, Header, LogError, LogSettings, Logs, NewEntry};

use crate::support::*;

fn archived_often(rotate_bytes: u64) -> LogSettings {
    LogSettings { archive_every: Duration::from_millis(5), ..settings(rotate_bytes) }
}

pub(crate) fn open(dir: &Path) -> Logs {
    Logs::open(dir, &[APPROVAL, VALIDATION], archived_often(48 << 10)).unwrap()
}

pub(crate) fn fill(logs: &Logs, host: HostId, count: u64) {
    let mut writer = logs.writer(host).unwrap();
    for _ in 0..count {
        let text = format!("{host} {} ", writer.head().0 + 1);
        writer.append(vec![own(&text, 300)]).unwrap().ticket.wait().unwrap();
    }
}

/// Waits until everything durable is in segments.
fn caught_up(logs: &Logs) {
    while logs.health().archive_behind > Duration::ZERO {
        std::thread::yield_now();
    }
}

fn is_archived(logs: &Logs, dir: &Path, host: HostId) -> Vec<Entry> {
    let entries = entries(&logs.reader(host).unwrap());
    assert!(archived(dir, host) == bytes_of(&entries), "{host}: the segments aren't the log");
    entries
}

fn opens(dir: &Path, host: HostId) -> Vec<PathBuf> {
    let paths = snapshot(&dir.join("segments").join(host.to_string())).into_iter().map(|(path, _)| path);
    paths.filter(|path| path.to_string_lossy().ends_with(".open")).collect()
}

#[test]
fn the_segments_are_the_log() {
    let folder = Folder::new("archive");
    let dir = folder.log();
    for round in 0..6 {
        let logs = open(&dir);
        fill(&logs, APPROVAL, 50);
        fill(&logs, VALIDATION, 20 * round);
        let logged = [APPROVAL, VALIDATION].map(|host| (host, entries(&logs.reader(host).unwrap())));
        // Closing waits for no step: it does the last one itself.
        logs.close();
        for (host, entries) in logged {
            assert!(archived(&dir, host) == bytes_of(&entries), "{host}: the segments aren't the log");
        }
    }
    assert!(snapshot(&dir).iter().any(|(path, _)| path.to_string_lossy().ends_with(".seg")));
    let replaced = |path: &PathBuf| path.with_extension("seg").exists();
    assert!(!opens(&dir, APPROVAL).iter().any(replaced), "sealed segments have replaced the open ones");
}

/// Goal: what a crash or a hand did to an open segment is undone from the log, and nothing else is kept.
#[test]
fn an_open_segment_goes_on_where_it_is_as_the_log_says() {
    let folder = Folder::new("torn");
    let dir = folder.log();
    let logs = open(&dir);
    fill(&logs, APPROVAL, 60);
    logs.close();
    let path = opens(&dir, APPROVAL).remove(0);
    let whole = fs::read(&path).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cases = [
        whole[..whole.len() - 1].to_vec(),
        whole[..17].to_vec(),
        whole[..9].to_vec(),
        Vec::new(),
        [&whole[..], &[0; 5_000]].concat(),
        [&whole[..], &whole[16..]].concat(),
        flipped(3),
        flipped(18),
        flipped(whole.len() / 2),
    ];
    for (index, case) in cases.iter().enumerate() {
        fs::write(&path, case).unwrap();
        let logs = open(&dir);
        fill(&logs, APPROVAL, 1);
        logs.close();
        assert!(fs::read(&path).unwrap().starts_with(&whole), "case {index}");
        let logs = open(&dir);
        is_archived(&logs, &dir, APPROVAL);
        logs.close();
    }
    fs::remove_file(&path).unwrap();
    let logs = open(&dir);
    caught_up(&logs);
    is_archived(&logs, &dir, APPROVAL);
}

/// Goal: the log doesn't wait for its copy. Method: a folder stands where the file should, and is taken away.
#[test]
fn a_disk_that_takes_no_open_segment_stops_nothing() {
    let folder = Folder::new("stuck");
    let dir = folder.log();
    let stone = dir.join("segments").join(APPROVAL.to_string()).join(format!("{:020}.open", 1));
    let logs = open(&dir);
    fs::create_dir_all(&stone).unwrap();
    fill(&logs, APPROVAL, 20);
    fill(&logs, VALIDATION, 20);
    while logs.health().archive_failures < 2 {
        std::thread::yield_now();
    }
    assert!(logs.health().archive_behind > Duration::ZERO);
    fs::remove_dir(&stone).unwrap();
    caught_up(&logs);
    is_archived(&logs, &dir, APPROVAL);
    is_archived(&logs, &dir, VALIDATION);
}

/// What an audit says: entries seen, and what doesn't hold.
pub(crate) fn audit(dir: &Path, is_backup: bool) -> (u64, Vec<String>, runtime::log::VerifyReport) {
    let seen = AtomicU64::new(0);
    let see = |_: HostId, _: &Entry| {
        seen.fetch_add(1, Ordering::Relaxed);
    };
    let report = if is_backup { Logs::audit_backup(dir, &see) } else { Logs::audit(dir, &see) }.unwrap();
    let faults = report.faults.iter().map(|fault| fault.error.to_string()).collect();
    (seen.into_inner(), faults, report)
}

/// Goal: an auditor needs neither the lock nor the database. Method: the same log is gone through while it is written,
/// after it was closed, and as a folder of segments alone.
#[test]
fn a_log_is_audited_with_and_without_its_database() {
    let folder = Folder::new("audit");
    let (dir, backup) = (folder.log(), folder.0.join("backup"));
    let logs = open(&dir);
    fill(&logs, APPROVAL, 100);
    let hear = || {
        let mut writer = logs.writer(VALIDATION).unwrap();
        for entry in logs.reader(APPROVAL).unwrap().own(writer.heard(APPROVAL).0 + 1) {
            let header = entry.unwrap().header;
            writer.append(vec![NewEntry::Heard { header, payload: None }]).unwrap().ticket.wait().unwrap();
        }
    };
    hear();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| fill(&logs, APPROVAL, 300));
        while !writing.is_finished() {
            let (seen, faults, report) = audit(&dir, false);
            assert!(report.running && faults.is_empty() && seen >= 200, "{faults:?}");
        }
    });
    hear();
    let head = logs.reader(APPROVAL).unwrap().head().unwrap();
    logs.close();
    copy(&dir.join("segments"), &backup.join("segments"));
    for (dir, is_backup) in [(&dir, false), (&backup, true)] {
        let (seen, faults, report) = audit(dir, is_backup);
        assert_eq!((seen, &faults), (800, &Vec::new()));
        let host = &report.hosts[&APPROVAL];
        assert_eq!(((host.sequence, host.head), host.archived), (head, 400));
        assert_eq!(report.hosts[&VALIDATION].heard[&APPROVAL].0, 400);
        assert!(report.notes.is_empty() && !report.running, "{:?}", report.notes);
    }
    // A backup that is older than what another host has heard names the loss.
    let log = backup.join("segments").join(APPROVAL.to_string());
    for name in snapshot(&log)
        .iter()
        .map(|(path, _)| path)
        .filter(|path| path.as_path() > log.join("00000000000000000050").as_path())
    {
        fs::remove_file(name).unwrap();
    }
    let (_, faults, report) = audit(&backup, true);
    let found = report.hosts[&APPROVAL].sequence;
    assert_eq!(
        faults,
        [format!("find event 400 of approval-0, which validation-0 has heard; its log ends at {found}")]
    );
}

/// Goal: what a power cut leaves of a write is no fault, and what it can't have left is one. Method: sectors of an open
/// segment are as they were before the last write, or other than they ever were.
#[test]
fn a_torn_write_of_an_open_segment_is_a_note() {
    let folder = Folder::new("sectors");
    let dir = folder.log();
    let logs = open(&dir);
    fill(&logs, APPROVAL, 30);
    logs.close();
    let path = opens(&dir, APPROVAL).remove(0);
    let whole = fs::read(&path).unwrap();
    let sector = whole.len() / 2 / 512 * 512;
    let with = |range: std::ops::Range<usize>, byte: u8| {
        let mut bytes = whole.clone();
        bytes[range].fill(byte);
        bytes
    };
    let cases = [
        (with(sector..sector + 512, 0), true),
        (with(0..512, 0), true),
        (with(sector..whole.len(), 0), true),
        (with(sector..sector + 512, 1), false),
        (with(sector + 40..sector + 44, 0), false),
        ([&whole[..], &whole[16..]].concat(), false),
    ];
    for (index, (bytes, is_torn)) in cases.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        let (_, faults, report) = audit(&dir, false);
        assert_eq!(faults.is_empty(), *is_torn, "case {index}: {faults:?}");
        assert!(!is_torn || !report.notes.is_empty(), "case {index} isn't told");
    }
}

/// Goal: whatever is changed in a folder of segments is found. Method: change each file in each way that a disk or a hand
/// does; what is left must be refused, or be the beginning of the log and say where it ends.
#[test]
fn a_changed_segment_is_found() {
    let folder = Folder::new("changed");
    let dir = folder.log();
    let logs = open(&dir);
    fill(&logs, APPROVAL, 300);
    logs.close();
    let mut random = Random::new("changed");
    let (mut refused, mut noted) = (0, 0);
    for (path, content) in snapshot(&dir.join("segments")) {
        for round in 0..8 {
            let backup = folder.0.join("backup");
            copy(&dir.join("segments"), &backup.join("segments"));
            fs::copy(dir.join("anchor"), backup.join("anchor")).unwrap();
            let target = backup.join(path.strip_prefix(&dir).unwrap());
            let mut bytes = content.clone();
            let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            match round {
                0..4 => bytes[at] ^= 1 << random.below(8),
                4 => bytes.truncate(at),
                5 => bytes[at..].iter_mut().take(600).for_each(|byte| *byte = 0x55),
                6 => bytes = edited(&bytes),
                _ => bytes.clear(),
            }
            fs::write(&target, &bytes).unwrap();
            let (_, faults, report) = audit(&backup, true);
            refused += usize::from(!faults.is_empty());
            noted += usize::from(!report.notes.is_empty());
            assert!(!faults.is_empty(), "round {round} at {at} of {}", target.display());
            fs::remove_dir_all(&backup).unwrap();
        }
    }
    println!("{refused} changes found, {noted} of them at the end of an open segment");
    assert!(noted > 0);
}

/// The payload of the first frame changed by somebody who knows the layout, with its hash and checksum made to fit.
fn edited(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let length = usize::try_from(u32::from_le_bytes(bytes[16..20].try_into().unwrap())).unwrap();
    let frame = &mut bytes[20..20 + length];
    frame[130] ^= 1;
    let payload = Hash::of(&frame[121..]);
    frame[61..93].copy_from_slice(&payload.0);
    let check = Hash::of(&frame[..113]);
    frame[113..121].copy_from_slice(&check.0[..8]);
    bytes
}

/// Goal: a copy of segments that was taken while everybody wrote is a log again: the beginning of each host's, with
/// nothing in it that rests on what the copy lacks, and it goes on.
#[test]
fn a_copy_of_segments_is_restored_and_goes_on() {
    let folder = Folder::new("restore");
    let (dir, backup) = (folder.log(), folder.0.join("backup"));
    let logs = open(&dir);
    let writing = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| fill(&logs, APPROVAL, 400));
        scope.spawn(|| {
            let mut writer = logs.writer(VALIDATION).unwrap();
            while writer.heard(APPROVAL).0 < 400 {
                for entry in logs.reader(APPROVAL).unwrap().own(writer.heard(APPROVAL).0 + 1) {
                    let heard = NewEntry::Heard { header: entry.unwrap().header, payload: None };
                    let text = format!("{VALIDATION} {} ", writer.head().0 + 1);
                    writer.append(vec![heard, own(&text, 100)]).unwrap().ticket.wait().unwrap();
                }
            }
            writing.store(false, Ordering::Relaxed);
        });
        let mut copies = 0;
        while writing.load(Ordering::Relaxed) || copies < 3 {
            copies += 1;
            let (copied, restored) = (backup.join(copies.to_string()), folder.0.join(format!("restored-{copies}")));
            // The neighbour's copy is older than the hearer's, as in any copy of files.
            for host in [APPROVAL, VALIDATION] {
                copy_segments(&dir, &copied, host);
            }
            match Logs::restore(&copied, &restored) {
                Err(LogError::NoSegments { .. } | LogError::HeardMore { .. }) => continue,
                outcome if !outcome.as_ref().unwrap().absent.is_empty() => continue,
                _ => {}
            }
            goes_on(&logs, &restored);
        }
        println!("{copies} copies");
    });
    logs.close();
    let restored = folder.0.join("whole");
    let made = Logs::restore(&dir, &restored).unwrap();
    assert_eq!((made.hosts[&APPROVAL].position, made.hosts[&VALIDATION].position), (400, 800));
    assert!(made.left_out.values().all(|left| *left == 0) && made.epoch == 2);
    assert!(matches!(Logs::restore(&dir, &restored), Err(LogError::Occupied { .. })));
}

/// Copies what is there; a file that is sealed meanwhile is copied sealed.
fn copy_segments(dir: &Path, to: &Path, host: HostId) {
    let (from, to) = [dir, to].map(|dir| dir.join("segments").join(host.to_string())).into();
    for entry in fs::read_dir(&from).into_iter().flatten() {
        fs::create_dir_all(&to).unwrap();
        let name = entry.unwrap().file_name();
        let sealed = Path::new(&name).with_extension("seg");
        if fs::copy(from.join(&name), to.join(&name)).is_err() {
            drop(fs::copy(from.join(&sealed), to.join(&sealed)));
        }
    }
}

/// A restored log is the beginning of the original, holds by itself, and takes facts of the next epoch.
fn goes_on(original: &Logs, restored: &Path) {
    let logs = open(restored);
    for host in [APPROVAL, VALIDATION] {
        let (whole, found) = [original, &logs].map(|logs| entries(&logs.reader(host).unwrap())).into();
        assert!(whole.starts_with(&found), "{host}: other entries");
    }
    let (last, _) = logs.reader(APPROVAL).unwrap().head().unwrap();
    assert!(logs.reader(VALIDATION).unwrap().heard(APPROVAL).unwrap().0 <= last);
    fill(&logs, APPROVAL, 1);
    assert_eq!(logs.reader(APPROVAL).unwrap().own_at(last + 1).unwrap().unwrap().header.epoch, 2);
    logs.close();
    let (_, faults, _) = audit(restored, false);
    assert!(faults.is_empty(), "{faults:?}");
}

/// Goal: who has Python and nothing of ours can check a segment. Method: the program of the documents reads each segment of
/// a log and prints its entries; changed ones it refuses.
#[test]
fn a_segment_is_checked_by_the_program_of_the_documents() {
    let folder = Folder::new("python");
    let dir = folder.log();
    let logs = open(&dir);
    fill(&logs, APPROVAL, 130);
    let mut writer = logs.writer(APPROVAL).unwrap();
    let header = next_heard(&writer, CATALOG, "heard");
    writer.append(vec![NewEntry::Heard { header, payload: None }]).unwrap().ticket.wait().unwrap();
    drop(writer);
    let entries = entries(&logs.reader(APPROVAL).unwrap());
    logs.close();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/segment.py");
    let check = |path: &Path| Command::new("python3").arg(&program).arg(path).output().unwrap();
    let mut printed = String::new();
    let files = snapshot(&dir.join("segments"));
    for (path, content) in &files {
        let output = check(path);
        assert!(output.status.success(), "{output:?}");
        printed += &String::from_utf8(output.stdout).unwrap();
        for at in [3, 18, 60, 140, content.len() / 2, content.len() - 90, content.len() - 20] {
            let changed = folder.0.join(path.file_name().unwrap());
            let mut bytes = content.clone();
            bytes[at] ^= 4;
            fs::write(&changed, bytes).unwrap();
            let output = check(&changed);
            assert!(!output.status.success(), "byte {at} of {}", path.display());
        }
        let changed = folder.0.join(path.file_name().unwrap());
        fs::write(&changed, edited(content)).unwrap();
        assert!(!check(&changed).status.success(), "an edited fact in {}", path.display());
    }
    let extensions: Vec<_> = files.iter().filter_map(|(path, _)| path.extension()?.to_str()).collect();
    assert_eq!(extensions, ["seg", "open"]);
    let expected = entries.iter().map(|entry| {
        let Header { host, sequence, epoch, .. } = entry.header;
        let id = if entry.own { format!("{:?}", id(&format!("{host} {sequence} "))) } else { "-".to_owned() };
        let length = entry.payload.as_ref().map_or(0, Vec::len);
        format!("{} {host} {sequence} {epoch} {} {id} {length}\n", entry.position, entry.header.hash())
    });
    assert_eq!(printed, expected.collect::<String>());
}
