//! The product as one process: every service, the bus between them, the gateway, and the command line.

pub mod admin;
pub mod audit;
mod claim;
pub mod cli;
pub mod credentials;
pub mod demo;
mod disk;
pub mod doctor;
mod pages;
pub mod partitions;
pub mod product;
mod sealing;
pub mod secrets;
pub mod snapshots;
mod standby;
mod state;
pub mod telemetry;
pub mod trial;
mod webhooks;
mod wiring;
