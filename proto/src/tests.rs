//! What the contract promises: frozen bytes, every value back as it was, an error for everything else.

mod asks;
mod damage;
mod feed;
mod golden;
mod limits;
mod messages;
mod reports;
mod round_trip;
mod traces;
