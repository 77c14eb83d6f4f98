//! How calls went since the start: shown with each webhook, and gone with the process, since it decides nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::{Moment, ObjectId};

/// What became of the calls of one webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// When a call was last taken.
    pub success_at: Option<Moment>,
    /// When a call last failed, and why.
    pub failure: Option<(Moment, String)>,
    /// Changes that were tried long enough and are never told.
    pub given_up: u64,
}

/// What became of all calls.
#[derive(Debug, Default)]
pub struct Deliveries(Mutex<BTreeMap<ObjectId, Delivery>>);

impl Deliveries {
    fn known(&self) -> MutexGuard<'_, BTreeMap<ObjectId, Delivery>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of one webhook.
    pub(crate) fn of(&self, id: &ObjectId) -> Delivery {
        self.known().get(id).cloned().unwrap_or_default()
    }

    /// Notes what became of a call.
    pub(crate) fn note(&self, id: &ObjectId, change: impl FnOnce(&mut Delivery)) {
        change(self.known().entry(id.clone()).or_default());
    }

    /// Forgets a webhook.
    pub(crate) fn forget(&self, id: &ObjectId) {
        self.known().remove(id);
    }

    /// Changes that were never told, of all webhooks.
    pub(crate) fn given_up(&self) -> u64 {
        self.known().values().map(|delivery| delivery.given_up).sum()
    }
}
