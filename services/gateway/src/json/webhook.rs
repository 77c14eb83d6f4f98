//! A webhook (docs/webhooks.md).

use ledger::{ObjectId, Webhook as Known};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::words::{ContentType, Instant, Method, ObjectClass};
use super::{Event, given};
use crate::webhooks::{CONTENT_TYPE, Delivery, METHOD, OBJECT_CLASS};

/// An address that is called when a usage file changes its status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Webhook {
    /// Its id.
    #[schema(example = "WH-000-000-001")]
    id: String,
    /// What it is called.
    #[schema(example = "Billing")]
    label: String,
    /// What it is for.
    #[schema(example = "Wakes the connector")]
    description: Option<String>,
    /// The account whose it is.
    #[schema(example = "PA-000-001")]
    account_id: String,
    /// The product whose files it is told of; none for all.
    #[schema(example = "PRD-404-832-779")]
    product_id: Option<String>,
    /// What it is told of.
    #[schema(value_type = ObjectClass)]
    object_class: &'static str,
    /// Whether it is called.
    #[schema(example = true)]
    active: bool,
    /// How it is called.
    #[schema(value_type = Method)]
    http_method: &'static str,
    /// In which form it is told.
    #[schema(value_type = ContentType)]
    http_content_type: &'static str,
    /// Where it is called.
    #[schema(example = "https://billing.example/usage")]
    external_url: String,
    /// Headers of its own that each call has.
    #[schema(example = json!({ "X-Hub": "1" }))]
    headers: Option<Map<String, Value>>,
    /// What the token of each call is signed with; shown to its own account only.
    #[schema(example = "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92")]
    jwt_secret: Option<String>,
    /// When a call was last taken, since the server's start.
    #[schema(value_type = Option<Instant>)]
    last_success_at: Option<String>,
    /// When a call last failed, since the server's start.
    #[schema(value_type = Option<Instant>)]
    last_failure_at: Option<String>,
    /// Why.
    #[schema(example = "answered 503")]
    last_failure: Option<String>,
    /// How many changes could not be told for a day and never are, since the server's start.
    #[schema(example = 1)]
    given_up: Option<u64>,
    /// What happened to it.
    events: WebhookEvents,
}

/// What happened to a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookEvents {
    /// It was made.
    created: Event,
    /// It was last changed.
    updated: Option<Event>,
}

/// A webhook as the API shows it.
pub(crate) fn shown(id: &ObjectId, known: &Known, jwt_secret: Option<String>, delivery: Delivery) -> Value {
    let recorded = &known.recorded;
    let header = |(name, value): &(String, String)| (name.clone(), Value::from(value.as_str()));
    let (failure_at, failure) = delivery.failure.unzip();
    super::value(&Webhook {
        id: id.to_string(),
        label: recorded.label.clone(),
        description: given(recorded.description.clone()),
        account_id: recorded.account.to_string(),
        product_id: recorded.product.as_ref().map(ToString::to_string),
        object_class: OBJECT_CLASS,
        active: recorded.active,
        http_method: METHOD,
        http_content_type: CONTENT_TYPE,
        external_url: recorded.url.clone(),
        headers: given(recorded.headers.iter().map(header).collect()),
        jwt_secret,
        last_success_at: delivery.success_at.map(|at| at.iso()),
        last_failure_at: failure_at.map(|at| at.iso()),
        last_failure: failure,
        given_up: given(delivery.given_up),
        events: WebhookEvents { created: Event::new(&known.created), updated: known.updated.as_ref().map(Event::new) },
    })
}
