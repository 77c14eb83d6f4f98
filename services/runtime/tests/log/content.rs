//! Goal: what was appended is what is read, in order, whatever rotates meanwhile, and nothing else is accepted.

use ledger::{Hash, HostId};
use runtime::log::{Header, LogError, LogReader, LogSettings, Logs, Mark, NewEntry, PAYLOAD_BYTES_MAX};

use crate::support::*;

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Appends until there were this many rotations; gives every fact its number.
fn fill(logs: &Logs, host: HostId, rotations: u64, length: usize) -> u64 {
    let mut writer = logs.writer(host).unwrap();
    let mut count = writer.head().0;
    let rotations = logs.health().rotations + rotations;
    while logs.health().rotations < rotations {
        let mut batch = Vec::new();
        for _ in 0..8 {
            count += 1;
            batch.push(own(&format!("{host} fact {count} "), length));
        }
        let header = next_heard(&writer, CATALOG, "heard");
        batch.push(NewEntry::Heard { header, payload: count.is_multiple_of(16).then(|| b"heard".to_vec()) });
        writer.append(batch).unwrap().ticket.wait().unwrap();
    }
    count
}

fn check(reader: &LogReader, count: u64) {
    let entries = entries(reader);
    assert_eq!(entries.len() as u64, count + count / 8);
    assert!(entries.iter().zip(1..).all(|(entry, position)| entry.position == position));
    let owns = entries.iter().filter(|entry| entry.own).collect::<Vec<_>>();
    let mut previous = Hash::ZERO;
    for (entry, sequence) in owns.iter().zip(1..) {
        assert_eq!((entry.header.sequence, entry.header.previous), (sequence, previous));
        previous = entry.header.hash();
        let text = format!("{} fact {sequence} ", reader.host());
        assert!(entry.payload.as_ref().unwrap().starts_with(text.as_bytes()), "{text}");
    }
    assert_eq!(reader.head().unwrap(), (count, previous));
    let from = count / 2;
    let second_half = reader.own(from).collect::<Result<Vec<_>, _>>().unwrap();
    assert!(second_half.iter().eq(owns[usize::try_from(from).unwrap() - 1..].iter().copied()));
    for sequence in (1..=count).step_by(97) {
        let entry = reader.own_at(sequence).unwrap().unwrap();
        assert_eq!(entry.header.sequence, sequence);
        let found = reader.find(id(&format!("{} fact {sequence} ", reader.host()))).unwrap();
        assert_eq!(found, Some(entry.position));
        assert_eq!(reader.entries(entry.position).next().unwrap().unwrap(), entry);
    }
    assert_eq!(reader.own_at(count + 1).unwrap(), None);
    assert_eq!(reader.find(id("never")).unwrap(), None);
}

#[test]
fn the_log_is_one_sequence_over_many_rotations() {
    let folder = Folder::new("rotations");
    let mut counts = [0; 2];
    for round in 0..2 {
        let logs = Logs::open(&folder.log(), &[APPROVAL, VALIDATION], settings(64 << 10)).unwrap();
        for (host, count) in [APPROVAL, VALIDATION].into_iter().zip(&mut counts) {
            *count = fill(&logs, host, 6, 500);
            check(&logs.reader(host).unwrap(), *count);
        }
        println!("round {round}: {:?}", logs.health());
        logs.close();
        let report = Logs::verify(&folder.log()).unwrap();
        assert_eq!([APPROVAL, VALIDATION].map(|host| report.hosts[&host].sequence), counts);
        assert!(report.hosts[&APPROVAL].segments >= 5);
    }
}

/// Goal: a removed generation leaves no memory behind. Method: this test alone in a process, so that the neighbours'
/// memory isn't measured.
#[test]
fn memory_stays_flat_over_rotations() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "content::memory_of_this_process_stays_flat"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("VmRSS"));
}

/// Twenty rotations of 1 MiB after a warm-up of six: a leak would show as twenty databases of some 10 MiB.
#[test]
#[ignore = "memory_stays_flat_over_rotations runs it in a process of its own"]
fn memory_of_this_process_stays_flat() {
    let folder = Folder::new("memory");
    let logs = Logs::open(&folder.log(), &[APPROVAL], settings(1 << 20)).unwrap();
    fill(&logs, APPROVAL, 6, 16_000);
    let before = rss_kib();
    let rotations = std::env::var("LOG_TEST_ROTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let count = fill(&logs, APPROVAL, rotations, 16_000);
    let after = rss_kib();
    println!("VmRSS {before} KiB after 6 rotations, {after} KiB after {rotations} more: {:?}", logs.health());
    assert!(after < before + 64 * 1024, "{before} KiB grew to {after} KiB");
    check(&logs.reader(APPROVAL).unwrap(), count);
    logs.close();
    let logs = Logs::open(&folder.log(), &[APPROVAL], settings(1 << 20)).unwrap();
    check(&logs.reader(APPROVAL).unwrap(), count);
}

#[test]
fn a_heard_fact_continues_its_emitters_chain() {
    let folder = Folder::new("heard");
    let logs = Logs::open(&folder.log(), &[APPROVAL], settings(1 << 20)).unwrap();
    let mut writer = logs.writer(APPROVAL).unwrap();
    let hear = |header: Header| vec![NewEntry::Heard { header, payload: None }];
    let first = next_heard(&writer, CATALOG, "one");
    writer.append(hear(first)).unwrap();
    let second = next_heard(&writer, CATALOG, "two");
    writer.append(hear(second)).unwrap().ticket.wait().unwrap();
    let refused = |writer: &mut runtime::log::LogWriter, header| writer.append(hear(header)).unwrap_err();
    assert!(matches!(refused(&mut writer, first), LogError::AlreadyHeard { sequence: 1, .. }));
    assert!(matches!(refused(&mut writer, second), LogError::AlreadyHeard { sequence: 2, .. }));
    let gap = Header { sequence: 4, ..second };
    assert!(matches!(refused(&mut writer, gap), LogError::HeardGap { expected: 3, got: 4, .. }));
    let other = Header { payload_hash: Hash::of(b"other"), ..first };
    assert!(matches!(refused(&mut writer, other), LogError::HeardFork { sequence: 1, .. }));
    let other = Header { payload_hash: Hash::of(b"other"), ..second };
    assert!(matches!(refused(&mut writer, other), LogError::HeardFork { sequence: 2, .. }));
    let fork = Header { sequence: 3, previous: Hash::of(b"fork"), ..second };
    assert!(matches!(refused(&mut writer, fork), LogError::HeardFork { sequence: 2, .. }));
    let own = next_heard(&writer, APPROVAL, "own");
    assert!(matches!(refused(&mut writer, own), LogError::HeardOwn { .. }));
    let third = next_heard(&writer, CATALOG, "three");
    let wrong = NewEntry::Heard { header: third, payload: Some(b"four".to_vec()) };
    assert!(matches!(writer.append(vec![wrong]).unwrap_err(), LogError::HeardPayload { sequence: 3, .. }));
    let twice = [hear(third), hear(third)].concat();
    assert!(matches!(writer.append(twice).unwrap_err(), LogError::AlreadyHeard { sequence: 3, .. }));
    assert_eq!((writer.position(), writer.heard(CATALOG)), (2, (2, second.hash())));
    assert_eq!(logs.reader(APPROVAL).unwrap().heard(CATALOG).unwrap(), (2, second.hash()));
    drop(writer);
    logs.close();
    let logs = Logs::open(&folder.log(), &[APPROVAL], settings(1 << 20)).unwrap();
    let mut writer = logs.writer(APPROVAL).unwrap();
    assert!(matches!(refused(&mut writer, second), LogError::AlreadyHeard { sequence: 2, .. }));
    writer.append(hear(third)).unwrap().ticket.wait().unwrap();
}

#[test]
fn an_append_is_taken_whole_or_not_at_all() {
    let folder = Folder::new("append");
    let logs = Logs::open(&folder.log(), &[APPROVAL], settings(1 << 20)).unwrap();
    let mut writer = logs.writer(APPROVAL).unwrap();
    let reader = logs.reader(APPROVAL).unwrap();
    assert!(matches!(logs.writer(APPROVAL), Err(LogError::WriterTaken { .. })));
    assert!(matches!(logs.writer(CATALOG), Err(LogError::UnknownHost { .. })));
    let appended = writer.append(vec![own("a", 10), own("b", PAYLOAD_BYTES_MAX)]).unwrap();
    assert_eq!((appended.first_position, appended.headers.len()), (1, 2));
    assert_eq!(writer.find(id("b")).unwrap(), Some(2), "an id is found before it is durable");
    appended.ticket.wait().unwrap();
    assert_eq!(reader.synced().unwrap().borrow().sequence, 2);
    let too_large = vec![own("c", 10), own("d", PAYLOAD_BYTES_MAX + 1)];
    assert!(matches!(writer.append(too_large).unwrap_err(), LogError::FrameTooLarge { .. }));
    let twice = vec![own("c", 10), own("c", 10)];
    assert!(matches!(writer.append(twice).unwrap_err(), LogError::DuplicateId { position: 3 }));
    assert!(matches!(writer.append(vec![own("a", 10)]).unwrap_err(), LogError::DuplicateId { position: 1 }));
    let long = (0..100).map(|index| own(&format!("long {index}"), PAYLOAD_BYTES_MAX)).collect();
    assert!(matches!(writer.append(long).unwrap_err(), LogError::AppendTooLarge { .. }));
    let marks = [(Mark::Reacted, 2), (Mark::Published, 1)];
    writer.append_and_mark(vec![own("c", 10)], &marks).unwrap().ticket.wait().unwrap();
    assert!(matches!(
        writer.append_and_mark(Vec::new(), &[(Mark::Reacted, 1)]).unwrap_err(),
        LogError::CursorBack { held: 2, got: 1 }
    ));
    drop(writer);
    let mut writer = logs.writer(APPROVAL).unwrap();
    writer.append_and_mark(Vec::new(), &[(Mark::Reacted, 3)]).unwrap().ticket.wait().unwrap();
    assert_eq!((reader.mark(Mark::Reacted).unwrap(), reader.mark(Mark::Published).unwrap()), (3, 1));
    drop(writer);
    logs.close();
    assert!(matches!(reader.find(id("a")), Err(LogError::Closed)));
    let logs = Logs::open(&folder.log(), &[APPROVAL], settings(1 << 20)).unwrap();
    let reader = logs.reader(APPROVAL).unwrap();
    assert_eq!((reader.mark(Mark::Reacted).unwrap(), reader.mark(Mark::Published).unwrap()), (3, 1));
    assert_eq!(entries(&reader).len(), 3);
}

/// Goal: facts that are read from a segment one by one, since they are large, are given out like others.
#[test]
fn large_facts_are_one_sequence_too() {
    let folder = Folder::new("large");
    let logs = Logs::open(&folder.log(), &[APPROVAL], settings(2 << 20)).unwrap();
    let count = fill(&logs, APPROVAL, 2, 40_000);
    check(&logs.reader(APPROVAL).unwrap(), count);
}

/// Goal: a host that outruns the disk is told so, loses nothing, and is told when there is room.
#[test]
fn a_full_queue_refuses_and_drains() {
    let folder = Folder::new("queue");
    let settings = LogSettings { queue_bytes_max: 200_000, ..settings(4 << 20) };
    let logs = Logs::open(&folder.log(), &[APPROVAL], settings).unwrap();
    let mut writer = logs.writer(APPROVAL).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut taken, mut refused) = (0, 0);
    while taken < 200 {
        match writer.append(vec![own(&format!("{taken}"), 50_000)]) {
            Ok(_) => taken += 1,
            Err(LogError::Busy { .. }) => {
                refused += 1;
                runtime.block_on(writer.ready()).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
    println!("taken {taken}, refused {refused}");
    assert!(refused > 0);
    drop(writer);
    logs.close();
    let logs = Logs::open(&folder.log(), &[APPROVAL], LogSettings::default()).unwrap();
    assert_eq!(entries(&logs.reader(APPROVAL).unwrap()).len(), 200);
}

/// Goal: a host can be added later, and one that isn't asked for is kept.
#[test]
fn hosts_come_and_stay() {
    let folder = Folder::new("hosts");
    let logs = Logs::open(&folder.log(), &[APPROVAL], settings(64 << 10)).unwrap();
    let count = fill(&logs, APPROVAL, 2, 500);
    logs.close();
    let logs = Logs::open(&folder.log(), &[VALIDATION], settings(64 << 10)).unwrap();
    assert_eq!(logs.hosts().count(), 2);
    fill(&logs, VALIDATION, 3, 500);
    check(&logs.reader(APPROVAL).unwrap(), count);
    logs.close();
    assert_eq!(Logs::verify(&folder.log()).unwrap().hosts[&APPROVAL].sequence, count);
}
