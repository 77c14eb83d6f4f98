//! Crash points: named places where a test lets the process die as a power cut would, without unwinding or cleaning
//! up. `USAGE_LEDGER_CRASH=name:N` kills the process (SIGKILL) at the Nth passage of `name`; unset, a point costs one atomic load.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The environment variable that arms one point.
pub const VARIABLE: &str = "USAGE_LEDGER_CRASH";

/// Every point of the log, so that a test can die at each of them.
pub const LOG_POINTS: [&str; 18] = [
    "commit.before_apply",
    "commit.after_apply",
    "commit.after_flush",
    "commit.after_sync",
    "commit.mid_anchor",
    "commit.after_anchor",
    "rotate.opened_new",
    "rotate.anchored",
    "rotate.segment_half",
    "rotate.segment_synced",
    "rotate.removed_old",
    "open.recovering",
    "open.anchored",
    "archive.created",
    "archive.half_written",
    "archive.written",
    "archive.synced",
    "archive.sealed",
];

struct Armed {
    name: String,
    passages_left: AtomicU64,
}

/// True until the environment was read and nothing was found, so that the usual passage is one relaxed load.
static MAYBE: AtomicBool = AtomicBool::new(true);
static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

/// Dies here if this is the passage that the environment names.
pub fn point(name: &str) {
    if !MAYBE.load(Ordering::Relaxed) {
        return;
    }
    let Some(armed) = armed() else { return };
    if armed.name == name && armed.passages_left.fetch_sub(1, Ordering::Relaxed) == 1 {
        die();
    }
}

/// SIGKILL: nothing of the process runs any more, and nothing is told.
fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal can't be refused, but it may come a moment later.
    std::thread::sleep(std::time::Duration::from_secs(1));
    std::process::abort()
}

/// Whether the environment names this point at all: a half-done write is only staged for one that does.
#[must_use]
pub fn is_armed(name: &str) -> bool {
    MAYBE.load(Ordering::Relaxed) && armed().is_some_and(|armed| armed.name == name)
}

fn armed() -> Option<&'static Armed> {
    let armed = ARMED.get_or_init(|| parse(&std::env::var(VARIABLE).ok()?)).as_ref();
    if armed.is_none() {
        MAYBE.store(false, Ordering::Relaxed);
    }
    armed
}

fn parse(text: &str) -> Option<Armed> {
    let (name, count) = text.split_once(':').unwrap_or((text, "1"));
    let count = count.parse::<u64>().ok().filter(|count| *count > 0)?;
    Some(Armed { name: name.to_owned(), passages_left: AtomicU64::new(count) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_with_its_passage() {
        let armed = parse("commit.after_sync:7").unwrap();
        assert_eq!((armed.name.as_str(), armed.passages_left.into_inner()), ("commit.after_sync", 7));
        assert!(parse("x:0").is_none() && parse("x:y").is_none());
        assert_eq!(parse("open.recovering").unwrap().passages_left.into_inner(), 1);
    }
}
