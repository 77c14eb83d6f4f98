//! What every handler works with: the gateway's parts, and what was looked up before.

use std::ops::Deref;
use std::sync::Arc;

use crate::Gateway;
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
}

impl App {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway, sources: Sources::default(), counts: Counts::default() }
    }
}

impl Deref for App {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.gateway
    }
}
