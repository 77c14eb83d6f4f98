//! Approval as a table: given these facts, this command gives these facts or this refusal.

mod currency;
mod estimates;
mod files;
mod matrix;
mod prerequisites;
mod reports;
mod rules;
mod scope;
mod submits;
mod world;
