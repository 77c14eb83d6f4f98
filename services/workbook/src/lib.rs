//! Workbooks in and out: vendors' usage files are read as a stream, our own are written as one.

pub mod columns;
pub mod read;
pub mod reconciled;
pub mod usage;
pub mod write;
