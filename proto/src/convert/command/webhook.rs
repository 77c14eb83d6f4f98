//! The commands about webhooks.

use ledger::webhook::{WebhookProduct, WebhookTerms};
use ledger::{Command, ObjectId};

use crate::convert::value::{object_id, required};
use crate::convert::webhook::{headers, headers_to_wire};
use crate::error::WireError;
use crate::wire;

pub(super) fn create(terms: &WebhookTerms) -> wire::CreateWebhook {
    wire::CreateWebhook { terms: Some(terms.into()) }
}

pub(super) fn created(it: wire::CreateWebhook) -> Result<Command, WireError> {
    Ok(Command::CreateWebhook { terms: Box::new(required(it.terms, "terms")?.try_into()?) })
}

pub(super) fn change(webhook: &ObjectId, terms: &WebhookTerms) -> wire::ChangeWebhook {
    wire::ChangeWebhook { webhook_id: webhook.to_string(), terms: Some(terms.into()) }
}

pub(super) fn changed(it: wire::ChangeWebhook) -> Result<Command, WireError> {
    let terms = Box::new(required(it.terms, "terms")?.try_into()?);
    Ok(Command::ChangeWebhook { webhook: object_id(&it.webhook_id, "webhook_id")?, terms })
}

impl From<&WebhookTerms> for wire::WebhookTerms {
    fn from(it: &WebhookTerms) -> Self {
        Self {
            label: it.label.clone(),
            description: it.description.clone(),
            product_id: match &it.product {
                WebhookProduct::Kept => None,
                WebhookProduct::Any => Some(String::new()),
                WebhookProduct::One(product) => Some(product.to_string()),
            },
            active: it.active,
            url: it.url.clone(),
            headers: it.headers.as_ref().map(|it| wire::WebhookHeaders { headers: headers_to_wire(it) }),
        }
    }
}

impl TryFrom<wire::WebhookTerms> for WebhookTerms {
    type Error = WireError;

    fn try_from(it: wire::WebhookTerms) -> Result<Self, WireError> {
        Ok(Self {
            label: it.label,
            description: it.description,
            product: match it.product_id.as_deref() {
                None => WebhookProduct::Kept,
                Some("") => WebhookProduct::Any,
                Some(product) => WebhookProduct::One(object_id(product, "product_id")?),
            },
            active: it.active,
            url: it.url,
            headers: it.headers.map(|it| headers(it.headers)),
        })
    }
}
