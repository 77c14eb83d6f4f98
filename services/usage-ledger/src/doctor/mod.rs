//! `usage-ledger doctor`: whether what a process of the ledger stands on is sound. It looks first (`look`), then each
//! check judges what was seen, so that nothing but looking touches the machine; and looking changes nothing.

mod disk;
mod keys;
mod look;
mod nats;
mod reach;

use std::path::PathBuf;

use serde::Serialize;

use crate::product::Settings;

pub use look::{DemoKeys, Disk, FileSeen, LogSeen, Secret, Seen, look};
pub use reach::{insecure, takes_demo_keys};

/// What is to be looked at: a process as `run` would start it, and what `run` doesn't need to know.
#[derive(Clone, Debug)]
pub struct Patient {
    /// As whom and where it runs.
    pub settings: Settings,
    /// The catalog that it imports at its start.
    pub catalog: Option<PathBuf>,
    /// Where NATS servers tell of themselves (`http://127.0.0.1:8222`).
    pub monitors: Vec<String>,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// It is as it should be, or doesn't concern this process.
    Ok,
    /// It may be meant so.
    Warning,
    /// It should not run like this.
    Refused,
}

impl Grade {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Refused => "refused",
        }
    }
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How bad it is.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// What mends it; nothing where nothing is wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mend: String,
}

impl Verdict {
    fn ok(found: impl Into<String>) -> Self {
        Self { grade: Grade::Ok, found: found.into(), mend: String::new() }
    }

    fn warning(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { grade: Grade::Warning, found: found.into(), mend: mend.into() }
    }

    fn refused(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { grade: Grade::Refused, found: found.into(), mend: mend.into() }
    }

    /// Several faults as one; sound where there is none.
    fn of(faults: impl IntoIterator<Item = Self>, sound: impl Into<String>) -> Self {
        let joined = faults.into_iter().reduce(|all, one| Self {
            grade: all.grade.max(one.grade),
            found: format!("{}; {}", all.found, one.found),
            mend: if all.mend == one.mend { all.mend } else { format!("{}; {}", all.mend, one.mend) },
        });
        joined.unwrap_or_else(|| Self::ok(sound))
    }
}

/// One thing that is judged.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name, which never changes its meaning.
    pub name: &'static str,
    /// What is wrong when it speaks.
    pub speaks: &'static str,
    /// Why that matters.
    pub why: &'static str,
    judge: fn(&Seen) -> Verdict,
}

impl Check {
    /// Judges what was seen.
    #[must_use]
    pub fn judge(&self, seen: &Seen) -> Verdict {
        (self.judge)(seen)
    }
}

/// Every check, in the order in which they are told. docs/doctor.md is this table.
pub const CHECKS: [Check; 24] = [
    Check {
        name: "data-private",
        speaks: "Others than its owner may enter the data directory.",
        why: "Usage, prices and customers of every account are in it.",
        judge: keys::data_private,
    },
    Check {
        name: "keys-private",
        speaks: "Others than their owner may read the file of secrets or the NATS credentials.",
        why: "Who has the secrets can try API keys and sign links; who has the credentials is this process to NATS.",
        judge: keys::keys_private,
    },
    Check {
        name: "owner",
        speaks: "A file belongs to another user than the one who asks.",
        why: "The process may not be able to write it, or somebody else may change it.",
        judge: keys::owner,
    },
    Check {
        name: "secrets",
        speaks: "The file of secrets is not 64 random bytes.",
        why: "Who guesses them can sign links to workbooks, and try API keys against their hashes.",
        judge: keys::secrets,
    },
    Check {
        name: "seeds-apart",
        speaks: "The seeds of NATS users lie beside the credentials of this process.",
        why: "Who has a seed can make users who may do anything.",
        judge: keys::seeds_apart,
    },
    Check {
        name: "disk-kind",
        speaks: "The data directory is in memory, in a container's own layer, or on a network.",
        why: "A log that goes with the machine or the container is none, and not every network keeps a sync's promise.",
        judge: disk::kind,
    },
    Check {
        name: "disk-space",
        speaks: "Little space is left below the data directory.",
        why: "Nothing is recorded any more once the disk is full: what isn't on the disk is not acknowledged.",
        judge: disk::space,
    },
    Check {
        name: "open-files",
        speaks: "The process may open few files.",
        why: "Every client, segment of the log and workbook takes one.",
        judge: disk::open_files,
    },
    Check {
        name: "services",
        speaks: "The data directory belongs to other services than are asked for.",
        why: "Two processes that write for one service end up with two histories.",
        judge: disk::services,
    },
    Check {
        name: "log",
        speaks: "The log is damaged.",
        why: "What was acknowledged can't be shown any more, and the process doesn't start.",
        judge: disk::log,
    },
    Check {
        name: "http-encrypted",
        speaks: "HTTP is served to other machines, and no address with https is said to be in front of it.",
        why: "API keys and usage can be read on the way.",
        judge: reach::http_encrypted,
    },
    Check {
        name: "demo-keys",
        speaks: "The keys of the demo catalog are taken from other machines.",
        why: "They are public: whoever reads this project may act for the accounts that have them.",
        judge: reach::demo_keys,
    },
    Check {
        name: "webhooks",
        speaks: "Webhooks may lead to private addresses, and other machines are served.",
        why: "Whoever has a key may reach what this machine reaches.",
        judge: reach::webhooks,
    },
    Check {
        name: "nats-reachable",
        speaks: "A server of NATS can't be reached, or doesn't take the credentials.",
        why: "Nothing is decided while NATS is away, and a server that is never reached can't stand in for another.",
        judge: nats::reachable,
    },
    Check {
        name: "nats-version",
        speaks: "A server of NATS is older than what the tests run.",
        why: "Before 2.14 it lacks what is needed; what came since mends losses and holes.",
        judge: nats::version,
    },
    Check {
        name: "nats-authentication",
        speaks: "A server of NATS on another machine lets in whoever comes.",
        why: "Whoever reaches it may read every fact, give commands and publish for a service.",
        judge: nats::authentication,
    },
    Check {
        name: "nats-encrypted",
        speaks: "The connection to NATS on another machine is not encrypted.",
        why: "Usage, prices and customers can be read on the way.",
        judge: nats::encrypted,
    },
    Check {
        name: "nats-grants",
        speaks: "The NATS user may do less than the process needs or more, or its time is running out.",
        why: "With less the process stands still; what it may do beyond its part is done by whoever breaks into it.",
        judge: nats::grants,
    },
    Check {
        name: "nats-jetstream",
        speaks: "JetStream is not switched on.",
        why: "The services meet on its streams.",
        judge: nats::jetstream,
    },
    Check {
        name: "nats-payload",
        speaks: "A server of NATS takes shorter messages than are sent.",
        why: "Requests and reports that are longer never arrive.",
        judge: nats::payload,
    },
    Check {
        name: "nats-streams",
        speaks: "A stream forgets, lets delete, or is kept in memory.",
        why: "What a stream loses, others must fetch from its writer, and can't while that is away.",
        judge: nats::streams,
    },
    Check {
        name: "nats-replicas",
        speaks: "A stream is kept by one server of several, or by more than there are.",
        why: "With the one server that has it, everybody stands still.",
        judge: nats::replicas,
    },
    Check {
        name: "nats-sync",
        speaks: "A server of NATS acknowledges before it syncs, or that can't be known.",
        why: "Reports that wait in a stream have no other copy, and a power cut takes what was not synced.",
        judge: nats::sync,
    },
    Check {
        name: "clock",
        speaks: "The clock of this machine and that of NATS differ.",
        why: "When something happened, what is late and how long a link works is said by the clocks of several machines.",
        judge: nats::clock,
    },
];

/// Everything that was judged, and the worst of it.
#[must_use]
pub fn judge(seen: &Seen) -> (Grade, Vec<(Check, Verdict)>) {
    let told: Vec<_> = CHECKS.iter().map(|check| (*check, check.judge(seen))).collect();
    let worst = told.iter().map(|(_, verdict)| verdict.grade).max().unwrap_or(Grade::Ok);
    (worst, told)
}
