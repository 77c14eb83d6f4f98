//! The portal in front of the API: in the process that has the gateway.

use std::sync::Arc;

use gateway::InNameOf;
use portal::Portal;

use crate::product::{Settings, version};
use crate::secrets::Secrets;

/// The pages, and the API behind them.
pub(crate) fn before(api: axum::Router, settings: &Settings, secrets: &Secrets) -> axum::Router {
    let clock = settings.clock.clone();
    portal::router(Portal {
        api,
        admit: |extensions, key, session| drop(extensions.insert(InNameOf { key, session })),
        secret: secrets.link.clone(),
        version: version(),
        now: Arc::new(move || clock.now()),
    })
}
