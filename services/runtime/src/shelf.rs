//! The catalog fold of this process: it exists once and is shared by all its hosts, immutable per position.

use std::sync::Arc;

use ledger::Catalog;
use tokio::sync::watch;

/// Where whoever folds the catalog first lays each new fold, and the others take it from.
#[derive(Clone, Debug)]
pub struct CatalogShelf(watch::Sender<Arc<Catalog>>);

impl Default for CatalogShelf {
    fn default() -> Self {
        Self(watch::Sender::new(Arc::default()))
    }
}

impl CatalogShelf {
    /// Lays a fold; one that is older than what lies there changes nothing.
    pub fn lay(&self, catalog: Arc<Catalog>) {
        self.0.send_if_modified(|laid| {
            let newer = catalog.position >= laid.position;
            if newer {
                *laid = catalog;
            }
            newer
        });
    }

    /// The newest fold.
    #[must_use]
    pub fn take(&self) -> Arc<Catalog> {
        self.0.borrow().clone()
    }
}
