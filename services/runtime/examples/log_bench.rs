//! What the log costs beside a plain file with `fdatasync`, in the same run: absolute rates on a shared machine say
//! nothing, ratios do. `log_bench [SECONDS [DIR]]`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ledger::{EventId, Hash, HostId, ServiceName};
use runtime::log::{LogError, LogSettings, Logs, NewEntry};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// One measurement: threads that each wait for their own append.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    writers: u16,
    bytes: usize,
    ids: bool,
}

const CASES: [Case; 4] = [
    Case { name: "64 writers, 220 B, ids", writers: 64, bytes: 220, ids: true },
    Case { name: "64 writers, 220 B, no ids", writers: 64, bytes: 220, ids: false },
    Case { name: "1 writer, 220 B, ids", writers: 1, bytes: 220, ids: true },
    Case { name: "1 writer, 64 KiB", writers: 1, bytes: 64 * 1024, ids: false },
];

fn main() -> Outcome<()> {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3);
    let dir = std::env::args().nth(2).map_or_else(std::env::temp_dir, PathBuf::from);
    for case in CASES {
        let dir = dir.join(format!("log-bench-{}", std::process::id()));
        std::fs::create_dir(&dir)?;
        let time = Duration::from_secs(seconds);
        // The probe before and after, since the neighbours change by the second.
        let before = probe(&dir, case, time / 2)?;
        let log = log(&dir, case, time)?;
        let probe = (before + probe(&dir, case, time / 2)?) / 2;
        std::fs::remove_dir_all(&dir)?;
        let percent = log * 100 / probe.max(1);
        println!("{:28} log {log:>7}/s   plain file {probe:>7}/s   log/file {percent:>3} %", case.name);
    }
    Ok(())
}

fn per_second(count: u64, elapsed: Duration) -> u64 {
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    count * 1_000_000 / micros.max(1)
}

fn log(dir: &Path, case: Case, time: Duration) -> Outcome<u64> {
    let hosts = (0..case.writers).map(|index| HostId::new(ServiceName::Approval, index)).collect::<Vec<_>>();
    let logs = Logs::open(&dir.join("log"), &hosts, LogSettings::default())?;
    let started = Instant::now();
    let count = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for host in &hosts {
            let mut writer = logs.writer(*host)?;
            threads.push(scope.spawn(move || -> Result<u64, LogError> {
                let mut count = 0;
                while started.elapsed() < time {
                    let seed = Hash::of(&u64::to_le_bytes(count));
                    let id = case.ids.then(|| EventId::derive(&seed, ServiceName::Approval, 0));
                    let payload = seed.0.into_iter().cycle().take(case.bytes).collect();
                    writer.append(vec![NewEntry::Own { id, payload }])?.ticket.wait()?;
                    count += 1;
                }
                Ok(count)
            }));
        }
        let counts = threads.into_iter().map(|thread| thread.join().unwrap_or(Err(LogError::Closed)));
        counts.sum::<Result<u64, LogError>>()
    })?;
    let health = logs.health();
    let rate = per_second(count, started.elapsed());
    eprintln!("  {} commits, {} rotations, {} events", health.commits, health.rotations, count);
    logs.close();
    Ok(rate)
}

#[derive(Default)]
struct Pile {
    bytes: Vec<u8>,
    waiting: u64,
    taken: u64,
    written: u64,
    stop: bool,
}

/// The same number of threads, grouped the same way, into one file.
fn probe(dir: &Path, case: Case, time: Duration) -> Outcome<u64> {
    let mut file = File::create(dir.join("probe"))?;
    let (pile, changed) = (Mutex::new(Pile::default()), Condvar::new());
    let lock = || pile.lock().unwrap_or_else(PoisonError::into_inner);
    let started = Instant::now();
    let count = std::thread::scope(|scope| -> std::io::Result<u64> {
        for _ in 0..case.writers {
            scope.spawn(|| {
                let payload = vec![7; case.bytes];
                while started.elapsed() < time {
                    let mut pile = lock();
                    pile.bytes.extend_from_slice(&payload);
                    pile.waiting += 1;
                    let mine = pile.taken + pile.waiting;
                    changed.notify_all();
                    while pile.written < mine && !pile.stop {
                        pile = changed.wait(pile).unwrap_or_else(PoisonError::into_inner);
                    }
                }
            });
        }
        let mut count = 0;
        while started.elapsed() < time {
            let mut pile = lock();
            while pile.waiting == 0 && started.elapsed() < time {
                pile = changed.wait_timeout(pile, time / 10).unwrap_or_else(PoisonError::into_inner).0;
            }
            let (bytes, waiting) = (std::mem::take(&mut pile.bytes), std::mem::take(&mut pile.waiting));
            // What comes while this is written counts from here.
            pile.taken += waiting;
            drop(pile);
            file.write_all(&bytes)?;
            file.sync_data()?;
            lock().written += waiting;
            count += waiting;
            changed.notify_all();
        }
        lock().stop = true;
        changed.notify_all();
        Ok(count)
    })?;
    Ok(per_second(count, started.elapsed()))
}
