//! Scenarios: the whole product, in one process or apart, through HTTP, as its users and their programs meet it. Each test is a
//! sentence about what the product does; `world` has the steps that it is told with.

pub(crate) mod http;
mod sheets;
mod world;

mod life;

mod past;

mod history;

mod asked;

mod apart;
mod archived;

mod partitions;

mod submit;

mod dry_run;

mod record_ids;

mod roles;

mod prerequisites;

mod environments;

mod reseller;

mod decisions;

mod limits;

mod visibility;

mod secrecy;

mod closing;

mod exempt;

mod feed;

mod traced;

mod watched;

mod imports;

mod released;

mod replayed;

mod restart;

mod snapshots;

mod keys;

mod once;

mod news;

mod webhooks;

mod marks;

mod editing;

mod reported;

mod produced;

mod trusted;

mod rules;

mod proven;

mod walk;

mod damaged;

mod isolation;
mod pages;
mod portal;
mod sessions;
mod sums;

mod clocks;
