//! HTTP for the people and programs around the ledger: `/public/v1` exactly as Connect's clients know it.
//!
//! The gateway decides nothing and keeps nothing: it turns requests into commands, asks the service that decides, and
//! answers from the fold of what every service recorded. No handler runs without a [`ledger::Scope`], which exactly
//! one extractor makes (see `auth`); the exceptions are the probes, the page at `/` and signed links.

mod actions;
mod aggregates;
mod allowance;
mod app;
mod auth;
mod catalog;
mod chunks;
mod commands;
mod download;
mod dry_run;
mod edge;
mod error;
pub mod fault;
mod feed;
mod files;
mod format;
mod health;
mod history;
mod index;
mod json;
mod keys;
mod lifecycle;
mod links;
mod listing;
mod multipart;
mod observed;
mod once;
mod openapi;
mod past;
mod payload;
pub mod period;
mod probes;
mod producers;
mod progress;
mod proofs;
mod provenance;
mod reconciliations;
mod records;
mod reported;
mod routes;
mod rules;
mod sessions;
mod simulate;
mod sources;
mod template;
mod verification;
mod visibility;
mod webhooks;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use runtime::bus::Bus;
use runtime::clock::Clock;
use runtime::projection::Projection;
use runtime::records::Records;
use runtime::store::BlobStore;
use tokio::sync::watch;

pub use auth::{CLI_AGENT, InNameOf};
pub use feed::Cursor;
pub use webhooks::{Call, Calls, Change, Changes, Deliveries, Delivery};

pub use dry_run::{DryRun, DryRunError, Incoming, Outcome, unreadable, verdict};
pub use probes::{Probes, Standing};
pub use producers::Producers;
pub use sessions::sign_in_path;
pub use verification::{Found, Gone, NoDisk, Verifies};

/// A workbook that is uploaded may have this many bytes: what Connect's own portal allows (connect-api §2.6).
pub const UPLOAD_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A JSON body may have this many bytes: a few thousand records to close, and far more than anything else needs.
pub const JSON_BYTES_MAX: usize = 1024 * 1024;

/// Requests that a key may send in a second unless it is set otherwise: more than a client gets through on one connection,
/// so that only a script gone wild meets it.
pub const REQUESTS_PER_SECOND: u32 = 2_000;

/// What the gateway is made of.
#[derive(Debug)]
pub struct Gateway {
    /// How commands reach who decides them.
    pub bus: Bus,
    /// The fold that reads are answered from.
    pub projection: Projection,
    /// Where records rest.
    pub records: Records,
    /// Ingestion's workbooks: files as uploaded.
    pub uploads: BlobStore,
    /// Extraction's workbooks: reconciliations, in and out, and the workbooks of chunks.
    pub reconciliations: BlobStore,
    /// Validation's workbooks: processed ones.
    pub processed: BlobStore,
    /// The time.
    pub clock: Clock,
    /// What key hashes are made with; the same as the catalog's.
    pub pepper: Vec<u8>,
    /// What links are signed with; common to all gateways, or links of one would fail at another.
    pub link_secret: Vec<u8>,
    /// `https://usage.example.com`, for links; the request's own `Host` where there is none.
    pub public_url: Option<String>,
    /// Checks workbooks that are not to be recorded.
    pub dry_run: Arc<dyn DryRun>,
    /// Goes through what this process has on its disk.
    pub verifies: Arc<dyn Verifies>,
    /// How calls of webhooks went.
    pub deliveries: Deliveries,
    /// How many requests a second each key may send; 0 is no limit.
    pub requests_per_second: u32,
    /// How the process does.
    pub probes: Probes,
    /// Whether the product is stopping: who waits for news is answered then.
    pub stopping: watch::Receiver<bool>,
}

/// Everything that is served.
pub fn router(gateway: Arc<Gateway>) -> axum::Router {
    served(gateway).0
}

/// Everything that is served, and who takes the reports of producers over NATS.
pub fn served(gateway: Arc<Gateway>) -> (axum::Router, Producers) {
    let (routes, _) = routes::all().split_for_parts();
    let app = Arc::new(app::App::new(gateway));
    (edge::wrap(routes, app.clone()), Producers(app))
}

/// What a process serves that runs without the gateway: probes and metrics.
pub fn probes(probes: Probes) -> axum::Router {
    probes::routes(probes)
}
