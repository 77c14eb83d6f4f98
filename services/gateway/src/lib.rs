//! Placeholder.

pub mod rql;
