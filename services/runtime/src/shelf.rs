//! The catalog fold of this process: it exists once and is shared by all its hosts, immutable per position.

use std::sync::Arc;

use ledger::Catalog;
use tokio::sync::watch;

/// Where the catalog's host lays each new fold and the others take it from.
#[derive(Clone, Debug)]
pub struct CatalogShelf(watch::Sender<Arc<Catalog>>);

impl Default for CatalogShelf {
    fn default() -> Self {
        Self(watch::Sender::new(Arc::default()))
    }
}

impl CatalogShelf {
    /// Lays a newer fold.
    pub fn lay(&self, catalog: Arc<Catalog>) {
        self.0.send_replace(catalog);
    }

    /// The newest fold.
    #[must_use]
    pub fn take(&self) -> Arc<Catalog> {
        self.0.borrow().clone()
    }
}
