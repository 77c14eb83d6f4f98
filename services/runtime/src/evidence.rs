//! What a gateway can prove of each log: its keys, where its checkpoints stand, and the tree over its events.
//!
//! It is derived from the logs as the fold is, and no part of it: two gateways that know the same may have heard of a
//! checkpoint sooner or later. Of each event it keeps half a byte.

use std::collections::BTreeMap;

use ledger::fact::CheckpointSigned;
use ledger::merkle::{Blocks, leaf};
use ledger::note::VerifierKey;
use ledger::{Event, Fact, FileId, HostId, Subject};
use serde::{Deserialize, Serialize};

use crate::log::Header;

/// What can be proven of every log.
pub type Evidence = BTreeMap<HostId, LogEvidence>;

/// What can be proven of one log.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct LogEvidence {
    /// The keys that its checkpoints were signed with, the newest last.
    pub keys: Vec<VerifierKey>,
    /// The size of each checkpoint, and the sequence at which it stands.
    pub checkpoints: BTreeMap<u64, u64>,
    /// The newest checkpoint.
    pub latest: Option<CheckpointSigned>,
    /// The tree over all events but the last one.
    pub tree: Blocks,
    /// Where the root of each file's records stands, and of which upload it is.
    pub rooted: BTreeMap<FileId, (u32, u64)>,
    /// Where the statement about each closed file stands.
    pub statements: BTreeMap<FileId, u64>,
}

impl LogEvidence {
    /// Takes in an event of the log.
    pub(crate) fn hear(&mut self, header: &Header, event: &Event) {
        if header.sequence > 1 {
            // The header of an event names the one before it, so that nothing is hashed twice.
            self.tree.push(leaf(&header.previous.0));
        }
        match (&event.subject, &event.fact) {
            (Subject::File(file), Fact::RecordsRooted(rooted)) => {
                self.rooted.insert(*file, (rooted.upload, header.sequence));
            }
            (Subject::File(file), Fact::StatementSigned { .. }) => {
                self.statements.insert(*file, header.sequence);
            }
            (_, Fact::SigningKeyRecorded(recorded)) => self.keys.push(recorded.key.clone()),
            (_, Fact::CheckpointSigned(signed)) => {
                self.checkpoints.insert(signed.size, header.sequence);
                self.latest = Some(signed.as_ref().clone());
            }
            _ => {}
        }
    }

    /// The oldest checkpoint of at least so many events: its size, and the sequence at which it stands.
    #[must_use]
    pub fn covering(&self, size: u64) -> Option<(u64, u64)> {
        self.checkpoints.range(size..).next().map(|(size, sequence)| (*size, *sequence))
    }
}
