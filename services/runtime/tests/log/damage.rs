//! Goal: a damaged log is refused with a reason or gives exactly what was written; it never gives something else.
//! Method: damage a copy, open and read it, and compare with what the whole one gives.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use runtime::log::{Entry, LogError, LogSettings, Logs, NewEntry};

use crate::support::*;

const SLOT_BYTES: u64 = 64 * 1024;

fn open(dir: &Path) -> Result<Logs, LogError> {
    Logs::open(dir, &[APPROVAL], settings(48 << 10))
}

/// A closed log with segments and a live part; returns what is in it.
fn written(dir: &Path) -> Vec<Entry> {
    let logs = open(dir).unwrap();
    append(&logs, 0, 300);
    let entries = entries(&logs.reader(APPROVAL).unwrap());
    logs.close();
    entries
}

fn append(logs: &Logs, from: u64, to: u64) {
    let mut writer = logs.writer(APPROVAL).unwrap();
    for index in from..to {
        let header = next_heard(&writer, CATALOG, "heard");
        let heard = NewEntry::Heard { header, payload: Some(b"heard".to_vec()) };
        writer.append(vec![own(&format!("fact {index} "), 300), heard]).unwrap().ticket.wait().unwrap();
    }
}

fn flip(path: &Path, bit: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, bit / 8).unwrap();
    byte[0] ^= 1 << (bit % 8);
    file.write_all_at(&byte, bit / 8).unwrap();
}

/// Reads the log, its ids and, fully verified, its hashes: all of it as expected, or an error.
fn outcome(dir: &Path, expected: &[Entry]) -> Result<bool, LogError> {
    Logs::verify(dir)?;
    read_all(dir, expected)
}

/// The same without the full walk, so that what opening leaves to reading is seen too.
fn read_all(dir: &Path, expected: &[Entry]) -> Result<bool, LogError> {
    let logs = open(dir)?;
    let reader = logs.reader(APPROVAL)?;
    let found = reader.entries(1).collect::<Result<Vec<_>, _>>()?;
    assert!(found == expected, "other content: {} entries instead of {}", found.len(), expected.len());
    for (index, entry) in expected.iter().filter(|entry| entry.own).enumerate() {
        assert_eq!(reader.find(id(&format!("fact {index} ")))?, Some(entry.position));
        assert_eq!(reader.own_at(entry.header.sequence)?.as_ref(), Some(entry));
    }
    Ok(logs.open_report().torn_slot.is_some())
}

#[test]
fn a_flipped_bit_is_seen_or_harmless() {
    let folder = Folder::new("flips");
    let whole = folder.0.join("whole");
    let expected = written(&whole);
    let files = snapshot(&whole);
    let mut random = Random::new("flips");
    let (mut refused, mut reported, mut harmless) = (0, 0, 0);
    for round in 0..120 {
        let copied = folder.0.join(format!("flip-{round}"));
        copy(&whole, &copied);
        let kinds = ["anchor", "db", ".seg"];
        let kind = kinds[usize::try_from(random.below(3)).unwrap()];
        let of_kind =
            files.iter().filter(|(path, content)| path.to_string_lossy().ends_with(kind) && !content.is_empty());
        let of_kind = of_kind.collect::<Vec<_>>();
        let (path, content) = of_kind[usize::try_from(random.below(of_kind.len() as u64)).unwrap()];
        // The anchor is mostly reserve and the database mostly its unused end: aim at what is used.
        let used =
            content.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(index, _)| index).collect::<Vec<_>>();
        let byte = used[usize::try_from(random.below(used.len() as u64)).unwrap()] as u64;
        let bit = byte * 8 + random.below(8);
        let target = copied.join(path.strip_prefix(&whole).unwrap());
        flip(&target, bit);
        let result = std::panic::catch_unwind(|| {
            if round % 2 == 0 { outcome(&copied, &expected) } else { read_all(&copied, &expected) }
        });
        match result {
            Ok(Ok(false)) => harmless += 1,
            Ok(Ok(true)) => reported += 1,
            Ok(Err(_)) => refused += 1,
            Err(_) => {
                panic!("round {round}: bit {bit} of {}", target.display());
            }
        }
        std::fs::remove_dir_all(&copied).unwrap();
    }
    println!("120 flips: {refused} refused, {reported} reported and whole, {harmless} harmless");
    assert!(refused > 20 && reported > 5);
}

#[test]
fn a_torn_anchor_slot_falls_back_to_the_other() {
    let folder = Folder::new("torn");
    let expected = written(&folder.log());
    for slot in 0..2 {
        flip(&folder.log().join("anchor"), (slot * SLOT_BYTES + 40) * 8);
        let logs = open(&folder.log()).unwrap();
        assert_eq!(logs.open_report().torn_slot, usize::try_from(slot).ok());
        assert_eq!(entries(&logs.reader(APPROVAL).unwrap()), expected);
        logs.close();
        let logs = open(&folder.log()).unwrap();
        assert_eq!(logs.open_report().torn_slot, None, "opening makes both slots whole");
    }
    flip(&folder.log().join("anchor"), 40 * 8);
    flip(&folder.log().join("anchor"), (SLOT_BYTES + 40) * 8);
    assert!(matches!(open(&folder.log()), Err(LogError::AnchorDamaged { .. })));
    std::fs::remove_file(folder.log().join("anchor")).unwrap();
    let error = open(&folder.log()).err().unwrap();
    assert!(matches!(error, LogError::AnchorMissing { .. }) && error.to_string().contains("audit verify"));
}

fn live(dir: &Path) -> PathBuf {
    let mut found = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    found.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("live-"));
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Goal: an older copy of the database, a cut one, none, and one of another log are all refused.
#[test]
fn a_missing_tail_is_refused() {
    let folder = Folder::new("tail");
    let (dir, older) = (folder.log(), folder.0.join("older"));
    let open = |dir: &Path| Logs::open(dir, &[APPROVAL], LogSettings::default());
    let logs = open(&dir).unwrap();
    append(&logs, 0, 50);
    logs.close();
    copy(&live(&dir), &older);
    let logs = open(&dir).unwrap();
    append(&logs, 50, 60);
    logs.close();
    let newer = folder.0.join("newer");
    copy(&live(&dir), &newer);
    let put = |from: &Path| {
        let live = live(&dir);
        std::fs::remove_dir_all(&live).unwrap();
        copy(from, &live);
    };
    put(&older);
    let error = open(&dir).err().unwrap();
    assert!(matches!(error, LogError::HeadMissing { anchored: 120, found: 100, .. }), "{error}");
    assert!(error.to_string().contains("audit verify"));
    assert!(matches!(Logs::verify(&dir), Err(LogError::HeadMissing { .. })));
    let length = std::fs::metadata(newer.join("db")).unwrap().len();
    for cut in [1, 2, 3, 5, 8] {
        put(&newer);
        OpenOptions::new().write(true).open(live(&dir).join("db")).unwrap().set_len(length * (10 - cut) / 10).unwrap();
        match open(&dir) {
            Err(_) => {}
            Ok(logs) => assert_eq!(entries(&logs.reader(APPROVAL).unwrap()).len(), 120, "cut {cut}"),
        }
    }
    let other = folder.0.join("other");
    let logs = open(&other).unwrap();
    let mut writer = logs.writer(APPROVAL).unwrap();
    let batch = (0..120).map(|index| own(&format!("other {index}"), 10)).collect();
    writer.append(batch).unwrap().ticket.wait().unwrap();
    drop(writer);
    logs.close();
    put(&live(&other));
    assert!(matches!(open(&dir), Err(LogError::HeadDifferent { sequence: 60, .. })));
    std::fs::remove_dir_all(live(&dir)).unwrap();
    assert!(matches!(open(&dir), Err(LogError::GenerationMissing { .. })));
}

#[test]
fn a_missing_segment_is_refused() {
    let folder = Folder::new("segment");
    let expected = written(&folder.log());
    let segments = folder.log().join("segments").join("approval-0");
    let mut names = std::fs::read_dir(&segments).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    names.retain(|name| name.extension().is_some_and(|extension| extension == "seg"));
    names.sort();
    assert!(names.len() >= 3);
    for name in [&names[0], &names[1], names.last().unwrap()] {
        let content = std::fs::read(name).unwrap();
        std::fs::remove_file(name).unwrap();
        assert!(matches!(open(&folder.log()), Err(LogError::Damaged { .. })), "{}", name.display());
        std::fs::write(name, &content[..content.len() - 1]).unwrap();
        assert!(matches!(open(&folder.log()), Err(LogError::Damaged { .. })), "{}", name.display());
        std::fs::write(name, content).unwrap();
    }
    assert!(!outcome(&folder.log(), &expected).unwrap());
}

#[test]
fn a_directory_is_held_by_one() {
    let folder = Folder::new("lock");
    let logs = open(&folder.log()).unwrap();
    assert!(matches!(open(&folder.log()), Err(LogError::Locked { .. })));
    assert!(matches!(Logs::verify(&folder.log()), Err(LogError::Locked { .. })));
    let dir = folder.log();
    let output = std::process::Command::new(example("log_writer"))
        .args([dir.to_str().unwrap(), "1", "1", "1000000", "1", "stated", "1"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("which process {} (", std::process::id())));
    logs.close();
    open(&folder.log()).unwrap();
}

/// Goal: verifying reads and doesn't touch.
#[test]
fn verifying_changes_nothing() {
    let folder = Folder::new("verify");
    let expected = written(&folder.log());
    let before = snapshot(&folder.log());
    let report = Logs::verify(&folder.log()).unwrap();
    assert_eq!(report.hosts[&APPROVAL].position, expected.len() as u64);
    assert!(before == snapshot(&folder.log()));
}
