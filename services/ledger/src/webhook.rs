//! Webhooks: addresses that an account wants to be called at when a usage file changes its status.
//!
//! They rest in the catalog, beside the account whose they are. Its secret isn't among what is recorded: whoever makes
//! calls derives it from the id and the time of creation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::file::Stamp;
use crate::id::ObjectId;

mod address;

pub use address::{UrlError, check_url, is_forbidden};

/// Webhooks that an account has: each is a call for every change, and a person can't oversee more.
pub const WEBHOOKS_MAX: usize = 20;
/// Characters of an address: what servers commonly take.
pub const URL_CHARS_MAX: usize = 2_000;
/// Characters of a label, as of other names.
pub const LABEL_CHARS_MAX: usize = 100;
/// Characters of a description, as of other texts.
pub const DESCRIPTION_CHARS_MAX: usize = 200;
/// Headers of its own that a call has: enough for a gateway's key and a few switches.
pub const HEADERS_MAX: usize = 10;
/// Characters of a header's name and of its value.
pub const HEADER_CHARS_MAX: usize = 500;

/// A webhook was made, or made otherwise; its id is the event's subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WebhookRecorded {
    /// Whose it is.
    pub account: ObjectId,
    /// What it is called.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// Of which product files are told of; none for all.
    pub product: Option<ObjectId>,
    /// Whether it is called.
    pub active: bool,
    /// Where.
    pub url: String,
    /// Headers of each call, in the order in which they were given.
    pub headers: Vec<(String, String)>,
}

/// What somebody wants a webhook to be: what isn't given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WebhookTerms {
    /// Required for a new webhook.
    pub label: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Of which product files are told of.
    pub product: WebhookProduct,
    /// Whether it is called; a new one is.
    pub active: Option<bool>,
    /// Required for a new webhook.
    pub url: Option<String>,
    /// Headers of each call.
    pub headers: Option<Vec<(String, String)>>,
}

/// Of which product a webhook is to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WebhookProduct {
    /// The one that it was; a new webhook tells of all.
    #[default]
    Kept,
    /// Of all.
    Any,
    /// Of one.
    One(ObjectId),
}

/// A webhook as it now is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Webhook {
    /// What was recorded last.
    pub recorded: WebhookRecorded,
    /// When and by whom it was made.
    pub created: Stamp,
    /// When and by whom it was last changed.
    pub updated: Option<Stamp>,
    /// When and by whom it was deleted.
    pub deleted: Option<Stamp>,
}

impl Webhook {
    /// Whether it is to be called.
    #[must_use]
    pub fn is_called(&self) -> bool {
        self.recorded.active && self.deleted.is_none()
    }

    /// What happened to it last before it was deleted.
    #[must_use]
    pub fn changed(&self) -> &Stamp {
        self.updated.as_ref().unwrap_or(&self.created)
    }
}

/// All webhooks by id, deleted ones too.
pub type Webhooks = BTreeMap<ObjectId, Webhook>;

/// The id of the `count`th webhook, from 1: `WH-000-000-001`. None once the digits are used up.
#[must_use]
pub fn webhook_id(count: usize) -> Option<ObjectId> {
    (1..1_000_000_000).contains(&count).then_some(())?;
    ObjectId::new(&format!("WH-{:03}-{:03}-{:03}", count / 1_000_000, count / 1_000 % 1_000, count % 1_000))
}

/// Folds a webhook that was made or changed.
pub(crate) fn record(webhooks: &mut Webhooks, id: &ObjectId, recorded: &WebhookRecorded, stamp: Stamp) {
    let recorded = recorded.clone();
    let webhook = match webhooks.remove(id) {
        Some(known) => Webhook { recorded, updated: Some(stamp), ..known },
        None => Webhook { recorded, created: stamp, updated: None, deleted: None },
    };
    webhooks.insert(id.clone(), webhook);
}

/// Folds a webhook that was deleted.
pub(crate) fn delete(webhooks: &mut Webhooks, id: &ObjectId, stamp: Stamp) {
    if let Some(webhook) = webhooks.get_mut(id) {
        webhook.deleted.get_or_insert(stamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_counted_from_one() {
        let ids = [0, 1, 12_345_678, 999_999_999, 1_000_000_000].map(webhook_id);
        let ids = ids.map(|id| id.map_or_else(String::new, |id| id.to_string()));
        assert_eq!(ids, ["", "WH-000-000-001", "WH-012-345-678", "WH-999-999-999", ""]);
    }
}
