//! Webhooks.

use ledger::webhook::WebhookRecorded;

use super::value::object_id;
use crate::error::WireError;
use crate::wire;

impl From<&WebhookRecorded> for wire::WebhookRecorded {
    fn from(it: &WebhookRecorded) -> Self {
        Self {
            account_id: it.account.to_string(),
            label: it.label.clone(),
            description: it.description.clone(),
            product_id: it.product.as_ref().map(ToString::to_string),
            active: it.active,
            url: it.url.clone(),
            headers: headers_to_wire(&it.headers),
        }
    }
}

impl TryFrom<wire::WebhookRecorded> for WebhookRecorded {
    type Error = WireError;

    fn try_from(it: wire::WebhookRecorded) -> Result<Self, WireError> {
        Ok(Self {
            account: object_id(&it.account_id, "account_id")?,
            label: it.label,
            description: it.description,
            product: it.product_id.map(|id| object_id(&id, "product_id")).transpose()?,
            active: it.active,
            url: it.url,
            headers: headers(it.headers),
        })
    }
}

pub(super) fn headers_to_wire(headers: &[(String, String)]) -> Vec<wire::WebhookHeader> {
    let header = |(name, value): &(String, String)| wire::WebhookHeader { name: name.clone(), value: value.clone() };
    headers.iter().map(header).collect()
}

pub(super) fn headers(headers: Vec<wire::WebhookHeader>) -> Vec<(String, String)> {
    headers.into_iter().map(|header| (header.name, header.value)).collect()
}
