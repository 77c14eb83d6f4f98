//! What every handler works with: the gateway's parts, and what was looked up before.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::Gateway;
use crate::dry_run::DRY_RUNS_AT_ONCE;
use crate::once::Answers;
use crate::records::Counts;
use crate::sources::Sources;

/// The state of the router.
#[derive(Debug)]
pub(crate) struct App {
    gateway: Arc<Gateway>,
    /// Words of catalog objects that are shown often.
    pub(crate) sources: Sources,
    /// How many records of each batch fulfilled a filter.
    pub(crate) counts: Counts,
    /// Turns of dry runs, which take a core each.
    pub(crate) dry_runs: Arc<Semaphore>,
    /// What requests with an idempotency key were answered lately.
    pub(crate) answers: Answers,
}

impl App {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        let dry_runs = Arc::new(Semaphore::new(DRY_RUNS_AT_ONCE));
        Self { gateway, sources: Sources::default(), counts: Counts::default(), dry_runs, answers: Answers::default() }
    }
}

impl Deref for App {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.gateway
    }
}
