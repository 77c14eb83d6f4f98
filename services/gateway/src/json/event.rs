//! Events of the feed (docs/events.md).

use ledger::{Event, ObjectId};
use serde::Serialize;
use utoipa::ToSchema;

use super::By;
use super::words::Instant;

/// Some events, and where the next page begins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    /// What happened, the oldest first.
    pub(crate) events: Vec<FeedEvent>,
    /// What to send as `after` with the next request.
    #[schema(example = "01040000070000000000000014ab7fe2c0d1")]
    pub(crate) cursor: String,
    /// Whether the next page can be asked for at once.
    #[schema(example = false)]
    pub(crate) more: bool,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FeedEvent {
    /// Its id: the same whenever it is told.
    #[schema(example = "41a257e92a4f6b3fdda63b6dea81f087")]
    pub(crate) id: String,
    /// When.
    #[schema(value_type = Instant)]
    pub(crate) at: String,
    /// What happened to what.
    #[serde(rename = "type")]
    #[schema(example = "usage_file.submitted")]
    pub(crate) kind: &'static str,
    /// To which object.
    pub(crate) object: EventObject,
    /// Who did it.
    pub(crate) by: By,
}

/// The object of an event, with what it belongs to.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct EventObject {
    /// Its id.
    #[schema(example = "UF-2026-11-0000-0000")]
    pub(crate) id: String,
    /// The file that a chunk or a reconciliation is of.
    pub(crate) usagefile: Option<EventReference>,
    /// The contract of a file.
    pub(crate) contract: Option<EventReference>,
    /// The product of a file, an item or a usage rule.
    pub(crate) product: Option<EventReference>,
}

/// The id of another object.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventReference {
    #[schema(example = "PRD-404-832-779")]
    id: String,
}

impl EventReference {
    pub(crate) fn new(id: impl ToString) -> Self {
        Self { id: id.to_string() }
    }
}

impl EventObject {
    /// Something of a product.
    pub(crate) fn of_product(id: &impl ToString, product: &ObjectId) -> Self {
        Self { id: id.to_string(), product: Some(EventReference::new(product)), ..Self::default() }
    }
}

impl FeedEvent {
    /// An event of a kind about an object.
    pub(crate) fn new(event: &Event, kind: &'static str, object: EventObject) -> Self {
        let by = By::new(&event.actor);
        Self { id: format!("{:?}", event.id), at: event.recorded_at.iso(), kind, object, by }
    }
}
