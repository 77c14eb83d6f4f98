//! Validation as tables: what is checked next, which results count, and whose record ids are taken.

mod decisions;
mod ids;
mod results;
mod world;
