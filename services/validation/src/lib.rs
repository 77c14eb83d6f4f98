//! Checks every record of a usage file and says what is wrong with it and what would be right.

pub mod record_ids;
pub mod rules;
