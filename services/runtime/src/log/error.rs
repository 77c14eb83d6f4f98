//! Why the log refuses. Messages read after "could not"; the source is printed by the edge, not here.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use ledger::{Hash, HostId};

/// What the log could not do, with the object of the attempt.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another process works on the directory, or another `Logs` of this one.
    #[error("lock the data directory {path}, which {holder} holds")]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who works on it, as far as the machine says.
        holder: String,
    },
    /// An operation of the file system failed.
    #[error("{action} {path}")]
    Io {
        /// The attempt, as a verb.
        action: &'static str,
        /// Its object.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// The database answered with an error, or panicked, as it does on most damage.
    #[error("{action} the log database {path}")]
    Store {
        /// The attempt, as a verb.
        action: &'static str,
        /// The database's folder.
        path: PathBuf,
        /// What the database said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database moved a value into a file of its own, which it never syncs.
    #[error("trust the log database {path}, which holds values in unsynced blob files")]
    Blobs {
        /// The folder that should be empty.
        path: PathBuf,
    },
    /// There is a log, but no anchor that says how far it must reach.
    #[error("find the head anchor {path} of an existing log; `usage-ledger audit verify` says more")]
    AnchorMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Neither slot of the anchor is whole.
    #[error("read either slot of the head anchor {path}; `usage-ledger audit verify` says more")]
    AnchorDamaged {
        /// The anchor file.
        path: PathBuf,
    },
    /// The anchor names a database that isn't there.
    #[error("find the log database {path} that the anchor names; `usage-ledger audit verify` says more")]
    GenerationMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The log is shorter than what was acknowledged.
    #[error(
        "find the end of the log of {host}: position {anchored} was acknowledged, the log ends at {found}; \
         `usage-ledger audit verify` says more"
    )]
    HeadMissing {
        /// Whose log.
        host: HostId,
        /// The last position that the anchor vouches for.
        anchored: u64,
        /// The last position found.
        found: u64,
    },
    /// The log holds another event than the one acknowledged.
    #[error(
        "accept the log of {host}: event {sequence} isn't the one that was acknowledged; `usage-ledger audit verify` says more"
    )]
    HeadDifferent {
        /// Whose log.
        host: HostId,
        /// The own sequence that the anchor vouches for.
        sequence: u64,
        /// The header hash that the anchor holds.
        anchored: Hash,
        /// The header hash found.
        found: Hash,
    },
    /// A running process has acknowledged what its open segment doesn't hold yet.
    #[error("find position {anchored} of {host} in its open segment, which ends at {found}")]
    ArchiveBehind {
        /// Whose log.
        host: HostId,
        /// The last position that the anchor vouches for.
        anchored: u64,
        /// The last position found.
        found: u64,
    },
    /// A log is made only where nothing is.
    #[error("make a log in {path}, which isn't empty")]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// A backup has no database.
    #[error("open {path}, which is a backup; `usage-ledger audit restore` makes a ledger of it")]
    IsBackup {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that is no backup isn't made one.
    #[error("use {path} as a backup: something else is in it; name a folder that is empty")]
    NotBackup {
        /// The folder.
        path: PathBuf,
    },
    /// A backup holds what the log doesn't.
    #[error(
        "go on with the backup {path}: of {host} it holds what this ledger doesn't, because it is another ledger's, or \
         because this one was set back; name a folder that is empty"
    )]
    OtherBackup {
        /// The folder.
        path: PathBuf,
        /// Whose log.
        host: HostId,
    },
    /// A backup isn't where it was when it was begun or gone on with.
    #[error("find what was copied into {path}: it was taken away, or something else is there now")]
    BackupGone {
        /// The file or folder.
        path: PathBuf,
    },
    /// There is nothing to make a log from.
    #[error("find the segments of any log in {path}")]
    NoSegments {
        /// Where they should be.
        path: PathBuf,
    },
    /// Another host has heard of a log what isn't there.
    #[error("find event {heard} of {emitter}, which {by} has heard; its log ends at {found}")]
    HeardMore {
        /// Whose log is too short.
        emitter: HostId,
        /// Who has heard more of it.
        by: HostId,
        /// The sequence heard.
        heard: u64,
        /// The last sequence found.
        found: u64,
    },
    /// Something in the log isn't what was written.
    #[error("accept {path} at position {position}: {what}; `usage-ledger audit verify` says more")]
    Damaged {
        /// The database or segment.
        path: PathBuf,
        /// The position in the host's log, or 0 when no single entry is meant.
        position: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A frame above the limit would leave the part of the database that is synced.
    #[error("append a frame of {bytes} bytes, above the limit of {limit}")]
    FrameTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// An append above the limit would make one commit hold memory without bound.
    #[error("append {bytes} bytes at once, above the limit of {limit}")]
    AppendTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A fact from another host leaves out facts before it; they are to be fetched again.
    #[error("continue the facts heard from {emitter}: expected sequence {expected}, got {got}")]
    HeardGap {
        /// Who wrote the fact.
        emitter: HostId,
        /// The sequence that comes next.
        expected: u64,
        /// The sequence that came.
        got: u64,
    },
    /// A fact from another host contradicts what it said before: an alarm.
    #[error("continue the facts heard from {emitter}: its chain forks at sequence {sequence}")]
    HeardFork {
        /// Who wrote the fact.
        emitter: HostId,
        /// Where the chains part.
        sequence: u64,
        /// The hash that this log holds.
        expected: Hash,
        /// The hash that came.
        got: Hash,
    },
    /// The fact was heard before; the caller skips it.
    #[error("hear event {sequence} of {emitter} a second time")]
    AlreadyHeard {
        /// Who wrote the fact.
        emitter: HostId,
        /// Its own sequence.
        sequence: u64,
    },
    /// The bytes of a heard fact aren't those that its header names.
    #[error("accept event {sequence} of {emitter}, whose payload isn't the one its header names")]
    HeardPayload {
        /// Who wrote the fact.
        emitter: HostId,
        /// Its own sequence.
        sequence: u64,
    },
    /// A host doesn't hear itself: its own facts are the chain.
    #[error("hear {host} in its own log")]
    HeardOwn {
        /// The host.
        host: HostId,
    },
    /// A fact that another process wrote for this host doesn't continue the log here.
    #[error("continue {host} with the event at sequence {sequence} that was published for it")]
    NotNext {
        /// Whose log it is.
        host: HostId,
        /// The sequence that came.
        sequence: u64,
    },
    /// An own fact with this id is in the log: the host should have given the first answer.
    #[error("append an event a second time; it is at position {position}")]
    DuplicateId {
        /// Where it is.
        position: u64,
    },
    /// A cursor counts what is done, and that doesn't become less.
    #[error("move a cursor back from {held} to {got}")]
    CursorBack {
        /// What the log holds.
        held: u64,
        /// What was asked.
        got: u64,
    },
    /// Too much of this host waits for the disk; nothing was taken. `LogWriter::ready` says when there is room.
    #[error("take more of {host} before {queued} bytes are synced")]
    Busy {
        /// Whose queue is full.
        host: HostId,
        /// Bytes that wait.
        queued: u64,
    },
    /// No such host was opened.
    #[error("find the log of {host}")]
    UnknownHost {
        /// The host.
        host: HostId,
    },
    /// A log has one writer.
    #[error("give {host} a second writer")]
    WriterTaken {
        /// The host.
        host: HostId,
    },
    /// More hosts than the anchor's slots hold.
    #[error("anchor {count} hosts, above the limit of {limit}")]
    TooManyHosts {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Something went wrong with the disk: nothing is written until the next start, and reads go on.
    #[error("write to the log, which takes nothing more since this failed: {reason}")]
    ReadOnly {
        /// What went wrong.
        reason: String,
    },
    /// The log was closed.
    #[error("use the log after it was closed")]
    Closed,
}

impl LogError {
    /// The file or folder that it is about, and the position in the host's log or 0, as far as one is named.
    #[must_use]
    pub fn place(&self) -> (Option<&Path>, u64) {
        match self {
            Self::Locked { path, .. }
            | Self::Io { path, .. }
            | Self::Store { path, .. }
            | Self::Blobs { path }
            | Self::AnchorMissing { path }
            | Self::AnchorDamaged { path }
            | Self::Occupied { path }
            | Self::IsBackup { path }
            | Self::NotBackup { path }
            | Self::OtherBackup { path, .. }
            | Self::BackupGone { path }
            | Self::NoSegments { path }
            | Self::GenerationMissing { path } => (Some(path), 0),
            Self::Damaged { path, position, .. } => (Some(path), *position),
            Self::HeadMissing { found, .. } | Self::ArchiveBehind { found, .. } => (None, found + 1),
            _ => (None, 0),
        }
    }
}

/// For `map_err`: the attempt and its object around the system's answer.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let path = path.to_owned();
    move |source| LogError::Io { action, path, source }
}
