//! The event log from outside: what it gives back, what it refuses, what a crash leaves, and in which order it makes
//! things durable.

mod content;
mod crashes;
mod damage;
mod order;
mod support;
