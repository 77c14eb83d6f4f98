//! Goal: a backup that is written while the log is can be restored at any moment, and has what it says that it has. Method:
//! kill the process, take the folder away, cut it off; restore what is there and compare it with the log.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ledger::{Hash, HostId, ServiceName};
use runtime::backup::{Backup, Progress};
use runtime::clock::Clock;
use runtime::crash::VARIABLE;
use runtime::log::{LogError, Logs, NewEntry};

use crate::archive::{audit, fill, open};
use crate::crashes::{HOSTS, acknowledged, writer};
use crate::support::*;

/// How long a thread may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn start(logs: &Logs, folder: &Folder, dir: &Path) -> Result<Backup, String> {
    Backup::start(logs, &folder.0, dir, &Clock::Machine).map_err(|error| runtime::nats::reasons(&error))
}

fn made(folder: &Folder) -> PathBuf {
    let dir = folder.0.join("disk");
    fs::create_dir(&dir).unwrap();
    dir
}

fn until(progress: &Progress, done: impl Fn(&Progress) -> bool) {
    let since = Instant::now();
    while !done(progress) {
        assert!(since.elapsed() < PATIENCE, "{progress:?}, {:?}", progress.note());
        std::thread::yield_now();
    }
}

fn is_whole(progress: &Progress) -> bool {
    progress.behind() == Duration::ZERO
}

/// What a backup holds is the beginning of each log, holds by itself, and reaches at least as far as it says.
fn check(data: &Path, backup: &Path, hosts: &[HostId], what: &str) -> BTreeMap<HostId, u64> {
    let (_, faults, _) = audit(&backup.join("log"), true);
    assert!(faults.is_empty(), "{what}: {faults:?}");
    let restored = Folder::new("restored");
    let made = match Logs::restore(&backup.join("log"), &restored.log()) {
        // It was killed before it had copied anything.
        Err(LogError::NoSegments { .. }) => return BTreeMap::new(),
        made => made.unwrap_or_else(|error| panic!("{what}: could not {error}")),
    };
    assert!(made.missing.is_empty(), "{what}: {:?}", made.missing);
    let logs = [&data.join("log"), &restored.log()].map(|dir| Logs::open(dir, hosts, settings(48 << 10)).unwrap());
    for host in hosts {
        let [whole, found] = [&logs[0], &logs[1]].map(|logs| entries(&logs.reader(*host).unwrap()));
        assert!(whole.starts_with(&found), "{what}: {host}: other entries");
    }
    made.hosts.iter().map(|(host, report)| (*host, report.position)).collect()
}

/// Method: a process that rotates often is killed at random moments and at each crash point on the way of a file into the
/// backup; each time the backup is restored, and the next process goes on with it.
#[test]
fn a_killed_process_leaves_a_backup_that_is_restored() {
    let (folder, disk) = (Folder::new("killed"), Folder::new("disk"));
    let hosts: Vec<_> = (0..HOSTS).map(|partition| HostId::new(ServiceName::Approval, partition)).collect();
    let mut random = Random::new("killed");
    let points =
        ["backup.copied:1", "backup.mid_heads:1", "backup.copied:9", "backup.mid_heads:9", "rotate.removed_old:2"];
    let (mut acks, mut last) = (BTreeMap::new(), 0);
    for round in 0..points.len() + 4 {
        let mut command = writer(&folder.log(), 0, random.below(u64::MAX));
        command.arg(&disk.0);
        if let Some(point) = points.get(round) {
            command.env(VARIABLE, point);
        }
        let mut child = command.spawn().unwrap();
        let (pid, pause) = (child.id().to_string(), Duration::from_millis(100 + random.below(400)));
        let killer = points.get(round).is_none().then(|| {
            std::thread::spawn(move || {
                std::thread::sleep(pause);
                Command::new("kill").args(["-9", &pid]).status().unwrap();
            })
        });
        assert!(!acknowledged(&mut child, &mut acks).success());
        killer.into_iter().for_each(|killer| killer.join().unwrap());
        let held: u64 = check(&folder.0, &disk.0, &hosts, &format!("round {round}")).values().sum();
        assert!(held >= last, "the backup has become less");
        last = held;
    }
    assert!(last > 1_000, "{last} entries are in the backup");
}

/// Method: two hosts that hear each other write while the backup follows; then each file of it is cut off, removed or set
/// back by itself. An auditor sees each, and whoever restores is told how much is missing.
/// Goal: a process that ends in the middle of a copy leaves a backup of which nothing is missing and nothing is wrong, also
/// where a neighbour's copy is behind what was sealed meanwhile. Method: of a whole backup, the files of a host that others
/// hear and the anchor are as they were before.
#[test]
fn what_was_copied_ahead_of_a_neighbour_is_left_out() {
    for (vouched, entries_more) in [(true, 40), (true, 2_000), (false, 40)] {
        let folder = Folder::new("ahead");
        let disk = Folder::new("ahead-disk");
        let disk = &disk.0;
        let logs = open(&folder.log());
        let hear = || {
            let mut writer = logs.writer(VALIDATION).unwrap();
            for entry in logs.reader(APPROVAL).unwrap().own(writer.heard(APPROVAL).0 + 1) {
                let header = entry.unwrap().header;
                writer.append(vec![NewEntry::Heard { header, payload: None }]).unwrap().ticket.wait().unwrap();
            }
        };
        let step = |entries| {
            fill(&logs, APPROVAL, entries);
            hear();
            let backup = start(&logs, &folder, disk).unwrap();
            until(&backup.progress(), is_whole);
            backup.finish();
        };
        step(30);
        let (log, kept) = (disk.join("log"), folder.0.join("kept"));
        let behind = log.join("segments").join(APPROVAL.to_string());
        copy(&behind, &kept);
        let anchor = fs::read(log.join("anchor")).unwrap();
        let head = logs.reader(APPROVAL).unwrap().head().unwrap().0;
        step(entries_more);
        logs.close();
        fs::remove_dir_all(&behind).unwrap();
        copy(&kept, &behind);
        fs::write(log.join("anchor"), anchor).unwrap();
        let what = format!("vouched {vouched}, {entries_more} more");
        let (_, faults, report) = audit(&log, true);
        assert_eq!(faults, Vec::<String>::new(), "{what}");
        assert!(report.notes.iter().any(|note| note.what.contains("copied ahead of approval-0")), "{:?}", report.notes);
        if !vouched {
            fs::remove_file(log.join("anchor")).unwrap();
        }
        let restored = Folder::new("ahead-restored");
        let made = Logs::restore(&log, &restored.log()).unwrap_or_else(|error| panic!("{what}: could not {error}"));
        assert!(made.missing.is_empty() && made.left_out[&VALIDATION] > 0, "{what}: {made:?}");
        assert_eq!(
            (made.hosts[&APPROVAL].sequence, made.hosts[&VALIDATION].heard[&APPROVAL].0),
            (head, head),
            "{what}"
        );
        if vouched {
            check(&folder.0, disk, &[APPROVAL, VALIDATION], &what);
        }
    }
}

#[test]
fn a_backup_that_is_cut_off_is_noticed() {
    let folder = Folder::new("cut");
    let (dir, disk) = (folder.log(), Folder::new("disk"));
    let logs = open(&dir);
    let backup = start(&logs, &folder, &disk.0).unwrap();
    for _ in 0..20 {
        fill(&logs, APPROVAL, 20);
        fill(&logs, VALIDATION, 5);
    }
    until(&backup.progress(), is_whole);
    let older = snapshot(&disk.0.join("log/segments"));
    fill(&logs, APPROVAL, 30);
    fill(&logs, VALIDATION, 30);
    backup.finish();
    logs.close();
    check(&folder.0, &disk.0, &[APPROVAL, VALIDATION], "the whole backup");
    let files = snapshot(&disk.0.join("log/segments"));
    assert!(files.iter().any(|(path, _)| path.extension().is_some_and(|extension| extension == "seg")));
    for (path, content) in &files {
        let before = older.iter().find(|(older, _)| older == path).map_or(Vec::new(), |(_, content)| content.clone());
        for less in [content[..content.len() / 2].to_vec(), content[..content.len() - 1].to_vec(), before] {
            if less == *content {
                continue;
            }
            fs::write(path, &less).unwrap();
            let (_, faults, _) = audit(&disk.0.join("log"), true);
            assert!(!faults.is_empty(), "{} of {} bytes", path.display(), less.len());
            fs::write(path, content).unwrap();
        }
        fs::remove_file(path).unwrap();
        assert!(!audit(&disk.0.join("log"), true).1.is_empty(), "{} is gone", path.display());
        let restored = Folder::new("less");
        if path.extension().is_some_and(|extension| extension == "open") {
            match Logs::restore(&disk.0.join("log"), &restored.log()) {
                // It isn't the last one.
                Err(LogError::Damaged { .. }) => {}
                made => assert!(made.unwrap().missing.values().sum::<u64>() > 0, "{} is gone", path.display()),
            }
        }
        fs::write(path, content).unwrap();
    }
}

/// Method: the folder is moved away under load, comes back as it was, is emptied, and is another file system's stone; each
/// time the log goes on, somebody is told, and in the end everything is there.
#[test]
fn a_folder_that_goes_and_comes_back_is_gone_on_with() {
    let (folder, disks) = (Folder::new("away"), Folder::new("disks"));
    let (dir, disk) = (folder.log(), made(&disks));
    let elsewhere = disks.0.join("elsewhere");
    let logs = open(&dir);
    let backup = start(&logs, &folder, &disk).unwrap();
    let progress = backup.progress();
    let misses = || {
        fill(&logs, APPROVAL, 20);
        until(&progress, |progress| progress.note().is_some());
        fill(&logs, APPROVAL, 20);
        assert!(progress.missing() >= 20 && progress.behind() > Duration::ZERO);
    };
    fill(&logs, APPROVAL, 40);
    until(&progress, is_whole);
    fs::rename(&disk, &elsewhere).unwrap();
    misses();
    assert!(!disk.exists(), "nothing is written where no disk is");
    fs::rename(&elsewhere, &disk).unwrap();
    until(&progress, is_whole);
    fs::remove_dir_all(disk.join("log")).unwrap();
    misses();
    until(&progress, is_whole);
    let segments = disk.join("log/segments");
    fs::remove_dir_all(&segments).unwrap();
    fs::write(&segments, "a stone").unwrap();
    misses();
    fs::remove_file(&segments).unwrap();
    until(&progress, is_whole);
    backup.finish();
    logs.close();
    let held = check(&folder.0, &disk, &[APPROVAL, VALIDATION], "after all");
    assert_eq!(held[&APPROVAL], 160);
}

/// Method: what must not be overwritten is named, one row for each reason.
#[test]
fn a_folder_that_is_not_for_this_ledger_is_refused() {
    let (folder, disks) = (Folder::new("mine"), Folder::new("disks"));
    let logs = open(&folder.log());
    fill(&logs, APPROVAL, 20);
    let refused = |dir: &Path| start(&logs, &folder, dir).map(drop).unwrap_err();
    let within = folder.0.join("backup");
    fs::create_dir(&within).unwrap();
    assert!(refused(&within).contains("one is within the other"));
    assert!(refused(&folder.0).contains("one is within the other"));
    let home = disks.0.join("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("letter"), "dear").unwrap();
    assert!(refused(&home).contains("something else is in it"));
    let disk = made(&disks);
    let backup = start(&logs, &folder, &disk).unwrap();
    until(&backup.progress(), is_whole);
    assert!(refused(&disk).contains(&format!("which process {} (", std::process::id())));
    backup.finish();
    // The same hosts with other facts, and the same ledger as it was before.
    let other = Folder::new("other");
    let theirs = open(&other.log());
    let writer_of_none = start(&theirs, &other, &disk).map(drop).unwrap_err();
    assert!(writer_of_none.contains("it holds what this ledger doesn't"), "{writer_of_none}");
    fill(&theirs, VALIDATION, 1);
    let mut writer = theirs.writer(APPROVAL).unwrap();
    for index in 0..40 {
        writer.append(vec![own(&format!("other {index}"), 9)]).unwrap().ticket.wait().unwrap();
    }
    let forked = start(&theirs, &other, &disk).map(drop).unwrap_err();
    assert!(forked.contains("it holds what this ledger doesn't"), "{forked}");
    let opened = Logs::open(&disk.join("log"), &[APPROVAL], settings(1 << 20)).map(drop).unwrap_err();
    assert!(matches!(opened, LogError::IsBackup { .. }), "{opened}");
    assert!(audit(&disk.join("log"), true).1.is_empty(), "a refused folder is as it was");
}

/// Method: workbooks are kept before, while and after the backup is there; one of them is changed under its name.
#[test]
fn workbooks_are_copied_once_and_only_whole() {
    let (folder, disk) = (Folder::new("books"), Folder::new("disk"));
    let logs = open(&folder.log());
    let kept = folder.0.join("blobs/ingestion");
    fs::create_dir_all(&kept).unwrap();
    let keep = |text: &str| {
        let name = Hash::of(text.as_bytes()).to_string();
        fs::write(kept.join(&name), text).unwrap();
        disk.0.join("blobs/ingestion").join(name)
    };
    let (first, changed) = (keep("first"), keep("changed"));
    fs::write(kept.join(changed.file_name().unwrap()), "anything").unwrap();
    fs::write(kept.join("notes.txt"), "no workbook").unwrap();
    let backup = start(&logs, &folder, &disk.0).unwrap();
    fill(&logs, APPROVAL, 1);
    until(&backup.progress(), is_whole);
    assert_eq!(fs::read(&first).unwrap(), b"first");
    let second = keep("second");
    fill(&logs, APPROVAL, 1);
    until(&backup.progress(), is_whole);
    assert_eq!(fs::read(&second).unwrap(), b"second");
    backup.finish();
    // A copy that was cut off is made again, and one that is whole outlives its original.
    fs::write(&first, "fir").unwrap();
    fs::write(kept.join(second.file_name().unwrap()), "cut").unwrap();
    let backup = start(&logs, &folder, &disk.0).unwrap();
    until(&backup.progress(), |progress| is_whole(progress) && fs::read(&first).unwrap() == b"first");
    assert_eq!(fs::read(&second).unwrap(), b"second");
    backup.finish();
    let copied = snapshot(&disk.0.join("blobs/ingestion")).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    let mut expected = vec![first, second];
    expected.sort();
    assert_eq!(copied, expected);
}
