//! The event log from outside: what it gives back, what it refuses, what a crash leaves, and in which order it makes
//! things durable.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod archive;
mod backup;
mod content;
mod crashes;
mod damage;
mod disk;
mod images;
mod order;
mod power;
mod rest;
mod support;
