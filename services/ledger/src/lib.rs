//! The language of the ledger: ids, exact decimals, times, facts, the fold and the reasons to refuse.
//!
//! Pure: no runtime, disk, wire or clock. Whatever is here can be replayed anywhere with the same result.

pub mod amount;
pub mod id;

pub use amount::{Decimal, DecimalError};
pub use id::{ChunkId, EventId, FileId, Hash, HostId, ObjectId, Partition, ReconciliationId, RecordId, ServiceName};
