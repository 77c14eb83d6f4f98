//! What the bus is between processes: facts through JetStream, commands by request and reply, workbooks by the object
//! store.
//!
//! NATS carries and never keeps: every fact is in its writer's own log first, and whoever misses one gets it there
//! again. See docs/nats.md.

mod accepted;
mod address;
mod ask;
mod carry;
mod dead;
mod desk;
mod examine;
mod far;
mod grants;
mod heard;
mod intake;
mod lease;
mod link;
mod outbox;
mod parts;
mod pump;
mod question;
mod reports;
mod stream;
mod subscriber;
mod traced;
mod vault;

use ledger::HostId;
use thiserror::Error;

pub use accepted::{CONTENT_TYPE, FACT, Feed, FeedError, KIND, PARTITION, POSITION, TIME, set_up as set_up_accepted};
pub(crate) use ask::ask;
pub use carry::set_up as set_up_bucket;
pub use carry::{Carrier, CarryError};
pub use dead::{DeadError, DeadLetter, DeadLetters};
pub use desk::{Desk, DeskError};
pub use examine::{Examination, MESSAGE_BYTES_MAX, Server, ServerSeen, StreamSeen, StreamState, examine};
pub use far::FarLog;
pub(crate) use far::{FarFacts, FarFollower};
pub use grants::{Grants, inbox_of};
pub(crate) use intake::waiting_reports;
pub use intake::{set_up_reports, take_reports};
pub use lease::{Holding, Lease, LeaseLost, set_up as set_up_leases};
pub use link::chain as reasons;
pub use link::{Link, LinkError, LinkSettings, Reachable};
pub use outbox::{Claim, Outbox, OutboxError, Outgoing};
pub(crate) use question::pass;
pub use reports::{Reason, ReportsError, Sent, Taken, Takes, Told, answer_reports};
pub use stream::{StreamError, set_up};
pub use subscriber::{
    Begin, Subscriber, SubscriberError, SubscriberState, remove as remove_subscriber, user_of as subscriber_user,
};
pub use vault::{KEEPERS, Vault, VaultError, set_up as set_up_vault};

/// What another process holds can't be had.
#[derive(Debug, Error)]
pub enum FarError {
    /// Neither the stream nor the writer answers.
    #[error("could not {action} of {host} over NATS: {reason}")]
    Unreachable {
        /// What was tried.
        action: &'static str,
        /// Whose.
        host: HostId,
        /// What NATS said.
        reason: String,
    },
    /// Two different facts stand at one sequence: somebody wrote a second history.
    #[error(
        "what {host} published at sequence {sequence} doesn't continue what it published before: two processes write \
         for it, or its log was replaced; stop both, keep both data directories, and start the one that others heard"
    )]
    Fork {
        /// Whose.
        host: HostId,
        /// Where.
        sequence: u64,
    },
}
