//! Validation as tables: what is checked next, which results count, whose record ids are taken, and what becomes of
//! usage that other files have.

mod decisions;
mod examine;
mod ids;
mod neighbours;
mod outcomes;
mod results;
mod world;
