//! What every handler works with: the gateway's parts, and what was looked up before.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Gateway;
use crate::aggregates::Sums;
use crate::aggregates::kept::KeptSums;
use crate::aggregates::series::Days;
use crate::allowance::Allowance;
use crate::dry_run::DRY_RUNS_AT_ONCE;
use crate::error::ApiError;
use crate::index::FileIndex;
use crate::once::Answers;
use crate::past::Pasts;
use crate::proofs::BatchRoots;
use crate::records::Counts;
use crate::reported::OpenFiles;
use crate::sources::Sources;
use crate::verification::Verifications;

/// Clients that wait for news at a time: each holds a connection and a look at the fold.
const WAITING_MAX: usize = 1_000;

/// The state of the router.
#[derive(Debug)]
pub(crate) struct App {
    gateway: Arc<Gateway>,
    /// Words of catalog objects that are shown often.
    pub(crate) sources: Sources,
    /// What lists of files are filtered by.
    pub(crate) index: FileIndex,
    /// How many records of each batch fulfilled a filter.
    pub(crate) counts: Counts,
    /// Turns of dry runs and simulations, which take a core each.
    pub(crate) dry_runs: Arc<Semaphore>,
    /// Which file collects the records of what.
    pub(crate) open_files: OpenFiles,
    /// What was folded of the past lately.
    pub(crate) pasts: Pasts,
    /// What requests with an idempotency key were answered lately.
    pub(crate) answers: Answers,
    /// What proofs of records lead through.
    pub(crate) batch_roots: BatchRoots,
    /// What each key may still send.
    pub(crate) allowance: Allowance,
    /// What accepted files say of single days.
    pub(crate) days: Days,
    /// Sums of usage that were made before.
    pub(crate) sums: KeptSums<Sums>,
    pub(crate) series: KeptSums<serde_json::Value>,
    /// How far the last verification is.
    pub(crate) verifications: Verifications,
    /// Turns of clients that wait for news.
    waiting: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        let dry_runs = Arc::new(Semaphore::new(DRY_RUNS_AT_ONCE));
        let waiting = Arc::new(Semaphore::new(WAITING_MAX));
        let (sources, index) = (Sources::default(), FileIndex::default());
        let (counts, answers) = (Counts::default(), Answers::default());
        let allowance = Allowance::new(gateway.requests_per_second);
        Self {
            gateway,
            sources,
            index,
            counts,
            dry_runs,
            open_files: OpenFiles::default(),
            pasts: Pasts::default(),
            answers,
            batch_roots: BatchRoots::default(),
            allowance,
            days: Days::default(),
            sums: KeptSums::default(),
            series: KeptSums::default(),
            verifications: Verifications::default(),
            waiting,
        }
    }

    /// The right to wait for news, held while that is done.
    pub(crate) fn turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.waiting.clone().try_acquire_owned().map_err(|_| ApiError::Crowded { limit: WAITING_MAX })
    }

    /// How many clients wait for news.
    pub(crate) fn waiting(&self) -> u64 {
        WAITING_MAX.saturating_sub(self.waiting.available_permits()) as u64
    }
}

impl Deref for App {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.gateway
    }
}
