//! The event log: what was decided and what was heard, by every host of this process, for ever.
//!
//! Each host (a service for a partition) has one log. Its **own** events form a hash chain whose sequence and hashes
//! are published and proven; facts **heard** from other hosts stand between them in order of handling, outside the
//! chain. A position counts both.
//!
//! | on the disk | what |
//! |---|---|
//! | `lock` | held for the life of the process |
//! | `anchor` | how far every log must reach, and which database is live (see `anchor`) |
//! | `live-<number>/` | the newest part of every log, in sled (see `store`) |
//! | `segments/<host>/` | the older parts (see `segment`), and the newest once more (see `tail`) |
//!
//! A commit goes through one thread in one order (see `commit`); opening checks everything that it relies on (see
//! `open`). There is no repair here: a log that isn't what was acknowledged is refused with a reason.

mod anchor;
mod archive;
mod backup;
mod bloom;
mod chain;
mod commit;
mod durable;
mod error;
mod frame;
mod open;
mod queue;
mod reader;
mod recover;
mod repair;
mod restore;
mod seal;
mod segment;
mod shared;
mod store;
mod tail;
mod verify;
mod writer;

use std::time::Duration;

pub use archive::See;
pub use backup::{Aim, Copying, LogBackup};
pub use chain::Mark;
pub(crate) use durable::names;
pub use error::LogError;
pub use frame::{Entry, FRAME_BYTES_FIXED, FRAME_BYTES_MAX, Header, Message, PAYLOAD_BYTES_MAX};
pub use open::Logs;
pub use reader::{Entries, LogReader, OwnEntries};
pub use recover::OpenReport;
pub use repair::LostSegment;
pub use restore::Restored;
pub use shared::{Health, Synced};
pub use verify::{Fault, HostReport, Note, VerifyReport};
pub use writer::{APPEND_BYTES_MAX, Appended, LogWriter, NewEntry, Ticket};

/// How the log is kept. Nothing here changes what is in it.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// The live generation is sealed from this size on. sled keeps what is live in memory, several times over.
    pub rotate_bytes: u64,
    /// A group commit takes no more entries than this, unless one append has more.
    pub group_events_max: usize,
    /// Nor more bytes than this, unless one append has more.
    pub group_bytes_max: u64,
    /// Nor does it wait longer than this for as many appends as the last group had.
    pub group_wait_max: Duration,
    /// What one host may hand over before it is durable; beyond it an append is refused as busy.
    pub queue_bytes_max: u64,
    /// How often the open segments, and a backup, are brought up to what is durable.
    pub archive_every: Duration,
    /// sled's page cache.
    pub cache_bytes: u64,
    /// What is done wrong on purpose, so that tests prove that they see it. No option of any program sets it.
    #[doc(hidden)]
    pub planted: Planted,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            rotate_bytes: 32 << 20,
            group_events_max: 1024,
            group_bytes_max: 1 << 20,
            group_wait_max: Duration::from_millis(2),
            queue_bytes_max: 8 << 20,
            // With the time that writing takes, less than a second.
            archive_every: Duration::from_millis(500),
            cache_bytes: 8 << 20,
            planted: Planted::Nothing,
        }
    }
}

/// A fault that the log is given by a test.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Planted {
    /// None.
    #[default]
    Nothing,
    /// Commits don't sync the database.
    NoSync,
    /// Commits leave the anchor as it is: a lost end isn't seen.
    NoAnchor,
    /// A power cut leaves an anchor that names events which aren't there.
    AnchorBeforeSync,
    /// A power cut loses what was answered.
    AnswerBeforeSync,
    /// What is answered isn't even applied: a crash loses it.
    AnswerBeforeCommit,
    /// A new generation begins without what was heard: neighbours' facts come a second time.
    ForgottenCursors,
}
