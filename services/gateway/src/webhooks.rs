//! `/public/v1/notifications/webhooks`: nobody is called here. Clients that look for their webhooks find none; who wants
//! to be told reads `/ledger/v1/events`, which loses nothing when the reader is away (docs/events.md).

use crate::auth::Caller;
use crate::catalog::lists::Imported;
use crate::listing::Found;
use crate::openapi::{Reading, tag};

/// List webhooks
///
/// There are none: events are read at `/ledger/v1/events`.
#[utoipa::path(
    get,
    path = "/public/v1/notifications/webhooks",
    operation_id = "list_webhooks",
    tag = tag::EVENTS,
    responses((status = 200, description = "None", body = Vec<Imported>), Reading),
)]
pub(crate) async fn list(_: Caller) -> Found {
    Found { offset: 0, objects: Vec::new(), total: 0 }
}
