//! The language of the ledger: ids, exact decimals, times, facts, the fold and the reasons to refuse.
//!
//! Pure: no runtime, disk, wire or clock. Whatever is here can be replayed anywhere with the same result.

pub mod amount;
pub mod batch;
pub mod catalog;
pub mod code;
pub mod command;
pub mod currency;
pub mod digest;
pub mod fact;
pub mod file;
pub mod fold;
pub mod id;
pub mod merkle;
pub mod moment;
pub mod note;
pub mod record;
pub mod rejection;
pub mod report;
pub mod rows;
pub mod rule;
pub mod scopes;
pub mod session;
pub mod statement;
pub mod transitions;
pub mod webhook;

pub use amount::{Decimal, DecimalError};
pub use catalog::{Catalog, Named, Role};
pub use code::Code;
pub use command::{Command, Context, Scope, Sight};
pub use fact::{Actor, Event, Fact, Subject, Surface};
pub use file::{Status, UsageFile};
pub use fold::Ledger;
pub use id::{ChunkId, EventId, FileId, Hash, HostId, ObjectId, Partition, ReconciliationId, RecordId, ServiceName};
pub use moment::Moment;
pub use rejection::Rejection;
pub use rule::{RuleAction, UsageRule};
pub use scopes::{KeyScope, Scopes};
pub use session::{Session, SessionOpened};
pub use webhook::Webhook;
