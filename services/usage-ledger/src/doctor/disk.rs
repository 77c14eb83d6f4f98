//! What the log lies on.

use super::Verdict;
use super::look::{LogSeen, Seen};

/// With less the next hour may be the last one.
const SPACE_REFUSED: u64 = 512 << 20;
/// With less somebody should look.
const SPACE_WARNED: u64 = 5 << 30;
/// Files that a process with a few hundred clients opens.
const FILES_WARNED: u64 = 4_096;

/// File systems that a log should not be on: the number that the kernel gives them, what they are, and whether what is
/// written there is gone with the machine or the container.
const KINDS: [(i64, &str, bool); 8] = [
    (0x0102_1994, "tmpfs, which is memory", true),
    (0x8584_58f6, "ramfs, which is memory", true),
    (0x794c_7630, "overlayfs, the layer of a container, which goes with it", true),
    (0x6969, "NFS", false),
    (0xff53_4d42, "CIFS", false),
    (0xfe53_4d42, "SMB", false),
    (0x0102_1997, "9P", false),
    (0x6573_5546, "FUSE", false),
];

pub(super) fn kind(seen: &Seen) -> Verdict {
    let path = seen.settings.data.display();
    let Some(disk) = &seen.disk else {
        return Verdict::warning(format!("{path} can't be looked at"), "ask as the user who runs the ledger");
    };
    let Some((_, what, is_lost)) = KINDS.iter().find(|(kind, ..)| *kind == disk.kind) else {
        return Verdict::ok("it is on a disk of this machine");
    };
    let found = format!("{path} is on {what}");
    if *is_lost {
        return Verdict::refused(found, "give a directory of a disk, or a volume, with --data");
    }
    Verdict::warning(found, "make sure that it keeps what was synced, or give a directory of a disk with --data")
}

pub(super) fn space(seen: &Seen) -> Verdict {
    let Some(disk) = &seen.disk else { return Verdict::ok("not known") };
    let found = format!("{} MiB are free", disk.free >> 20);
    let mend = format!("free some space, or move {} to a larger disk", seen.settings.data.display());
    match disk.free {
        free if free < SPACE_REFUSED => Verdict::refused(found, mend),
        free if free < SPACE_WARNED => Verdict::warning(found, mend),
        _ => Verdict::ok(found),
    }
}

pub(super) fn open_files(seen: &Seen) -> Verdict {
    match seen.open_files {
        Some(limit) if limit < FILES_WARNED => Verdict::warning(
            format!("{limit} files may be open"),
            format!("ulimit -n {FILES_WARNED} before `usage-ledger run`, or LimitNOFILE= of its service"),
        ),
        Some(limit) => Verdict::ok(format!("{limit} files may be open")),
        None => Verdict::ok("any number of files may be open"),
    }
}

pub(super) fn services(seen: &Seen) -> Verdict {
    let (path, asked) = (seen.settings.data.display(), seen.settings.claim());
    let Some(known) = &seen.belongs_to else { return Verdict::ok("the directory is nobody else's") };
    if asked.as_ref() == Some(known) {
        return Verdict::ok(format!("the directory belongs to {known}"));
    }
    let asked = asked.unwrap_or_else(|| "the whole ledger".to_owned());
    let mend = format!("give each process a directory of its own with --data, or start this one with --only {known}");
    Verdict::refused(format!("{path} belongs to {known}, and {asked} is asked for"), mend)
}

pub(super) fn log(seen: &Seen) -> Verdict {
    match &seen.log {
        LogSeen::Absent => Verdict::ok("there is none yet; the first start makes it"),
        LogSeen::Held => Verdict::ok("a process has it open, and checked it when it started"),
        LogSeen::Sound => Verdict::ok("it opens, and its chains hold"),
        LogSeen::Faulty(reason) => {
            Verdict::refused(reason, format!("keep {}, and restore a copy", seen.settings.data.display()))
        }
    }
}
