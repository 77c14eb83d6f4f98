//! What was written is opened again: by a small reader of the tests' own, and by the `read` half of this crate.

mod opened;
mod records;
mod template;
