//! Appends to a log and prints every acknowledged sequence, for tests that kill it or trace its system calls.
//!
//! `log_writer DIR HOSTS APPENDS ROTATE_BYTES SEED PLANTED IN_FLIGHT [BACKUP]`: appends until that many appends per host are
//! acknowledged (0: for ever), with a backup of the folder above DIR in BACKUP. A line `ack HOST SEQUENCE` is one `write`
//! after the ticket resolved. Where the log takes nothing more, it says `refused WHY` and reads everything. What an event
//! holds follows from its host and sequence alone (`payload`), so that a test can say what must be there.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use ledger::{EventId, Hash, HostId, ServiceName};
use runtime::backup::Backup;
use runtime::clock::Clock;
use runtime::log::{Header, LogError, LogSettings, LogWriter, Logs, NewEntry, Planted, Ticket};

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [dir, hosts, appends, rotate, seed, planted, in_flight, backup @ ..] = arguments.as_slice() else {
        eprintln!("usage: log_writer DIR HOSTS APPENDS ROTATE_BYTES SEED PLANTED IN_FLIGHT [BACKUP]");
        return ExitCode::from(2);
    };
    let number = |text: &String| text.parse::<u64>().unwrap_or(1);
    let planted = match planted.as_str() {
        "no-sync" => Planted::NoSync,
        "no-anchor" => Planted::NoAnchor,
        "anchor-before-sync" => Planted::AnchorBeforeSync,
        "answer-before-sync" => Planted::AnswerBeforeSync,
        "answer-before-commit" => Planted::AnswerBeforeCommit,
        "forgotten-cursors" => Planted::ForgottenCursors,
        _ => Planted::Nothing,
    };
    // Often, so that a process that dies soon has written open segments.
    let archive_every = Duration::from_millis(5);
    let settings = LogSettings { rotate_bytes: number(rotate), planted, archive_every, ..LogSettings::default() };
    let plan = Plan { appends: number(appends), seed: number(seed), in_flight: number(in_flight) };
    match run(Path::new(dir), number(hosts), plan, settings, backup.first().map(Path::new)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("could not {error}");
            ExitCode::FAILURE
        }
    }
}

/// What every writer does.
#[derive(Clone, Copy)]
struct Plan {
    appends: u64,
    seed: u64,
    in_flight: u64,
}

fn run(
    dir: &Path,
    hosts: u64,
    plan: Plan,
    settings: LogSettings,
    backup: Option<&Path>,
) -> Result<(), Box<dyn std::error::Error>> {
    let partitions = u16::try_from(hosts).unwrap_or(1);
    let hosts = (0..partitions).map(|partition| HostId::new(ServiceName::Approval, partition)).collect::<Vec<_>>();
    let logs = Logs::open(dir, &hosts, settings)?;
    let data = dir.parent().unwrap_or(dir);
    let backup = backup.map(|backup| Backup::start(&logs, data, backup, &Clock::Machine)).transpose()?;
    let mut writers = Vec::new();
    for host in &hosts {
        writers.push(logs.writer(*host)?);
    }
    say("open");
    let outcomes = std::thread::scope(|scope| {
        let threads = writers.into_iter().map(|writer| scope.spawn(move || write(writer, plan)));
        let outcomes = threads.collect::<Vec<_>>().into_iter().map(|thread| thread.join());
        outcomes.map(|outcome| outcome.unwrap_or(Err(LogError::Closed))).collect::<Vec<_>>()
    });
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        say(&format!("refused {error}"));
    }
    if outcomes.iter().any(Result::is_err) {
        read_back(&logs, &hosts)?;
    }
    backup.into_iter().for_each(Backup::finish);
    logs.close();
    Ok(outcomes.into_iter().collect::<Result<(), _>>()?)
}

/// What was acknowledged can be read when nothing more is taken, and prints `read HOST SEQUENCE`.
fn read_back(logs: &Logs, hosts: &[HostId]) -> Result<(), LogError> {
    for host in hosts {
        let reader = logs.reader(*host)?;
        let mut last = 0;
        for entry in reader.entries(1) {
            let entry = entry?;
            last = if entry.own { entry.header.sequence } else { last };
        }
        say(&format!("read {host} {last}"));
    }
    Ok(())
}

/// Appends batches of one to nine entries, a few in flight, sometimes a heard one, sometimes a long one.
fn write(mut writer: LogWriter, plan: Plan) -> Result<(), LogError> {
    let mut random = plan.seed | 1;
    let mut in_flight = std::collections::VecDeque::<(u64, Ticket)>::new();
    let mut done = 0;
    while plan.appends == 0 || done < plan.appends {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (sequence, _) = writer.head();
        let owns = 1 + random % 8;
        let mut entries = Vec::new();
        if random.is_multiple_of(3) {
            entries.push(heard(&writer));
        }
        entries.extend((1..=owns).map(|index| own(writer.host(), sequence + index)));
        let appended = writer.append(entries)?;
        in_flight.push_back((sequence + owns, appended.ticket));
        if in_flight.len() as u64 >= plan.in_flight {
            answer(&writer, in_flight.pop_front())?;
        }
        done += 1;
    }
    while !in_flight.is_empty() {
        answer(&writer, in_flight.pop_front())?;
    }
    Ok(())
}

fn answer(writer: &LogWriter, oldest: Option<(u64, Ticket)>) -> Result<(), LogError> {
    let Some((sequence, ticket)) = oldest else { return Ok(()) };
    ticket.wait()?;
    say(&format!("ack {} {sequence}", writer.host()));
    Ok(())
}

/// One line, one write: a kill leaves whole lines.
fn say(line: &str) {
    // A reader that has gone is the test's business.
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

fn own(host: HostId, sequence: u64) -> NewEntry {
    let seed = Hash::of(format!("{host} {sequence}").as_bytes());
    NewEntry::Own { id: Some(EventId::derive(&seed, host.service, 0)), payload: payload(host, sequence) }
}

/// What the event of a sequence holds: its name repeated; every fiftieth is long.
fn payload(host: HostId, sequence: u64) -> Vec<u8> {
    let repeats = if sequence.is_multiple_of(50) { 4_000 } else { 1 + sequence % 20 };
    (0..repeats).flat_map(|index| format!("{host} {sequence} {index};").into_bytes()).collect()
}

/// The next fact of a made-up catalog.
fn heard(writer: &LogWriter) -> NewEntry {
    let host = HostId::new(ServiceName::Catalog, 0);
    let (sequence, previous) = writer.heard(host);
    let payload = format!("fact {}", sequence + 1).into_bytes();
    let header = Header { host, epoch: 1, sequence: sequence + 1, previous, payload_hash: Hash::of(&payload) };
    let payload = (!sequence.is_multiple_of(2)).then_some(payload);
    NewEntry::Heard { header, payload }
}
