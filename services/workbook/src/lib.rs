//! Workbooks in and out: vendors' usage files are read as a stream, our own are written as one.

pub mod columns;
pub mod csv;
pub mod foreign;
pub mod format;
pub mod read;
pub mod reconciled;
pub mod usage;
pub mod write;
