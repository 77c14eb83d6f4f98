//! Files that are nobody else's business.

use super::look::{FileSeen, Secret, Seen};
use super::{Grade, Verdict};

/// What everybody but the owner and its group may do with a file.
const OTHERS: u32 = 0o007;
/// The same for the group.
const GROUP: u32 = 0o070;

fn exposed(file: &FileSeen, mode: &str) -> Option<Verdict> {
    let path = file.path.display();
    let (grade, who) = match file.mode {
        open if open & OTHERS != 0 => (Grade::Refused, "everybody on this machine"),
        open if open & GROUP != 0 => (Grade::Warning, "its group"),
        _ => return None,
    };
    let found = format!("{path} is open to {who} (mode {:03o})", file.mode & 0o777);
    Some(Verdict { grade, found, mend: format!("chmod {mode} {path}") })
}

pub(super) fn data_private(seen: &Seen) -> Verdict {
    let Some(data) = &seen.data else { return Verdict::ok("it isn't there yet; its first start makes it") };
    Verdict::of(exposed(data, "700"), format!("{} is its owner's only", data.path.display()))
}

pub(super) fn keys_private(seen: &Seen) -> Verdict {
    if seen.keys.is_empty() {
        return Verdict::ok("there are none yet");
    }
    let faults = seen.keys.iter().filter_map(|file| exposed(file, "600"));
    Verdict::of(faults, "they are their owner's only")
}

pub(super) fn owner(seen: &Seen) -> Verdict {
    let foreign = seen.data.iter().chain(&seen.keys).filter(|file| file.owner != seen.user);
    let faults = foreign.map(|file| {
        let (path, owner, user) = (file.path.display(), file.owner, seen.user);
        let found = format!("{path} belongs to user {owner}, and user {user} asks");
        Verdict::warning(found, format!("ask as the user who runs the ledger, or: chown {user} {path}"))
    });
    Verdict::of(faults, format!("everything belongs to user {}", seen.user))
}

pub(super) fn secrets(seen: &Seen) -> Verdict {
    let path = seen.secrets_path.display();
    let restore = || format!("restore {path}; for a new ledger remove it, and its first start makes one");
    match &seen.secrets {
        Secret::Absent => Verdict::ok("they aren't there yet; the first start makes them"),
        Secret::Random => Verdict::ok("64 random bytes"),
        Secret::Unreadable(reason) => Verdict::refused(format!("{path} can't be read: {reason}"), restore()),
        Secret::Length(bytes) => Verdict::refused(format!("{path} has {bytes} bytes instead of 64"), restore()),
        Secret::Guessable => Verdict::refused(format!("{path} was not made at random"), restore()),
    }
}

pub(super) fn seeds_apart(seen: &Seen) -> Verdict {
    let faults = seen.seeds.iter().map(|path| {
        let path = path.display();
        Verdict::warning(format!("{path} is on this machine"), "keep seeds where no process of the ledger runs")
    });
    Verdict::of(faults, "no seed lies beside the credentials")
}
