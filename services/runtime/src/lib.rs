//! The shell around the pure services: the log, the bus, blobs, the clock, and the loop that joins them.

mod again;
pub mod backup;
pub mod blobs;
pub mod bus;
pub mod clock;
pub mod crash;
pub mod decider;
pub mod disk;
pub mod evidence;
pub mod feed;
pub mod hearing;
pub mod host;
pub mod log;
pub mod meters;
pub mod nats;
pub mod past;
pub mod projection;
pub mod records;
mod refusals;
pub mod replay;
pub mod shelf;
pub mod snapshot;
pub mod source;
pub mod store;
pub mod trace;
pub mod watched;
