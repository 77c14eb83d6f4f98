//! Why a host can't go on.

use ledger::HostId;
use thiserror::Error;

use crate::bus::{FollowError, Misplaced};
use crate::log::LogError;
use crate::nats::OutboxError;

/// A host can't go on; the process stops, since going on could skip a fact.
#[derive(Debug, Error)]
pub enum HostError {
    /// Its log refused.
    #[error("could not use the log of {host}")]
    Log {
        /// Whose.
        host: HostId,
        /// Why not.
        #[source]
        source: LogError,
    },
    /// Something recorded can't be decoded.
    #[error("could not decode position {position} of the log of {host}")]
    Wire {
        /// Whose.
        host: HostId,
        /// Where.
        position: u64,
        /// Why not.
        #[source]
        source: proto::WireError,
    },
    /// Its log has a contract of a partition that isn't there.
    #[error("could not start {host}")]
    Misplaced {
        /// Whose.
        host: HostId,
        /// What is wrong.
        #[source]
        source: Misplaced,
    },
    /// Another process writes something else for it.
    #[error("{host} may not write")]
    Outbox {
        /// Who.
        host: HostId,
        /// Why not.
        #[source]
        source: Box<OutboxError>,
    },
    /// A neighbour's log can't be followed.
    #[error("{host} could not hear its neighbour")]
    Follow {
        /// Who.
        host: HostId,
        /// Why not.
        #[source]
        source: FollowError,
    },
}
