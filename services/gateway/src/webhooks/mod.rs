//! `/public/v1/notifications/webhooks`: an account's own addresses, called when a file that it sees changes its status
//! (docs/webhooks.md). Here they are kept, and what a call says is made here; who sends it is outside.

mod calls;
mod deliveries;
mod signature;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ledger::webhook::{WebhookProduct, WebhookTerms};
use ledger::{Command, Fact, Ledger, ObjectId, Rejection, Role, Scope, Subject, Webhook};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::commands::Settled;
use crate::error::{Answered, ApiError};
use crate::json;
use crate::listing::Wanted;
use crate::once::RequestKey;
use crate::openapi::{Changing, Reading, bodies, params, tag};
use crate::payload::{Fields, Payload};
use crate::visibility::Kind;

pub use calls::{Call, Calls, Change, Changes};
pub use deliveries::{Deliveries, Delivery};

/// The one class of objects that webhooks are about.
pub(crate) const OBJECT_CLASS: &str = "usage_file";
/// The one way in which they are told.
pub(crate) const METHOD: &str = "POST";
/// The one form in which they are told.
pub(crate) const CONTENT_TYPE: &str = "application/json";

/// List webhooks
///
/// Of the caller's account; an operator's list has those of all.
#[utoipa::path(
    get,
    path = "/public/v1/notifications/webhooks",
    operation_id = "list_webhooks",
    tag = tag::WEBHOOKS,
    params(params::Paging),
    responses((status = 200, description = "A page of webhooks", body = Vec<json::webhook::Webhook>), Reading),
)]
pub(crate) async fn list(Caller(scope): Caller, State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answered {
    let wanted = Wanted::new(query.as_deref(), rql::WEBHOOKS, Kind::Catalog, &scope)?;
    let ledger = app.projection.read();
    let own = ledger.catalog.webhooks.iter().filter(|(_, webhook)| sees(webhook, &scope));
    let shown = own.map(|(id, webhook)| shown(&app, id, webhook, &scope));
    Ok(wanted.page_of(shown).into_response())
}

/// Show a webhook
///
/// With the secret that its calls are signed with, which only its own account is told.
#[utoipa::path(
    get,
    path = "/public/v1/notifications/webhooks/{id}",
    operation_id = "show_webhook",
    tag = tag::WEBHOOKS,
    params(params::WebhookId),
    responses((status = 200, description = "The webhook", body = json::webhook::Webhook), Reading),
)]
pub(crate) async fn get(Caller(scope): Caller, State(app): State<Arc<App>>, Path(id): Path<String>) -> Answered {
    let id = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let look = |ledger: &Ledger| {
        let webhook = ledger.catalog.webhooks.get(&id).filter(|webhook| sees(webhook, &scope))?;
        Some(shown(&app, &id, webhook, &scope))
    };
    let found = look(&app.projection.read());
    let found = match found {
        Some(found) => found,
        None => {
            app.catch_up().await;
            look(&app.projection.read()).ok_or(ApiError::NOT_FOUND)?
        }
    };
    Ok(json::answer(StatusCode::OK, &found))
}

/// Create a webhook
///
/// Of the caller's account. From then on its address is called whenever a usage file that the account sees changes its
/// status.
#[utoipa::path(
    post,
    path = "/public/v1/notifications/webhooks",
    operation_id = "create_webhook",
    tag = tag::WEBHOOKS,
    params(params::Once),
    request_body(content = bodies::NewWebhook),
    responses((status = 201, description = "The webhook", body = json::webhook::Webhook), Changing),
)]
pub(crate) async fn create(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    payload: Payload,
) -> Answered {
    let fields = payload.fields()?;
    if fields.value("object_class").is_none() {
        let message = format!("This field is required: {OBJECT_CLASS}, the one class of objects that is told of here.");
        return Err(Rejection::field("object_class", message).into());
    }
    let command = Command::CreateWebhook { terms: Box::new(terms(fields)?) };
    let show = |settled: &Settled| {
        let made = settled.events().iter().find_map(|event| match (&event.subject, &event.fact) {
            (Subject::Object(id), Fact::WebhookRecorded(_)) => Some(id.clone()),
            _ => None,
        });
        let made = made.ok_or(ApiError::NOT_FOUND)?;
        Ok(answer(&app, settled, &made, &scope, StatusCode::CREATED))
    };
    app.decided(command, &scope, &key, show).await
}

/// Change a webhook
///
/// What isn't given stays as it is. While it isn't active, nothing is told to it, then or later.
#[utoipa::path(
    put,
    path = "/public/v1/notifications/webhooks/{id}",
    operation_id = "change_webhook",
    tag = tag::WEBHOOKS,
    params(params::WebhookId, params::Once),
    request_body(content = bodies::WebhookChanges),
    responses((status = 200, description = "The webhook", body = json::webhook::Webhook), Changing),
)]
pub(crate) async fn put(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let webhook = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let terms = Box::new(terms(payload.fields()?)?);
    let command = Command::ChangeWebhook { webhook: webhook.clone(), terms };
    app.decided(command, &scope, &key, |settled| Ok(answer(&app, settled, &webhook, &scope, StatusCode::OK))).await
}

/// Delete a webhook
///
/// It is not called any more; what was still to be told to it is not.
#[utoipa::path(
    delete,
    path = "/public/v1/notifications/webhooks/{id}",
    operation_id = "delete_webhook",
    tag = tag::WEBHOOKS,
    params(params::WebhookId, params::Once),
    responses((status = 204, description = "It is deleted"), Changing),
)]
pub(crate) async fn delete(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path(id): Path<String>,
) -> Answered {
    let webhook = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let show = |_: &Settled| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    };
    app.decided(Command::DeleteWebhook { webhook }, &scope, &key, show).await
}

fn is_own(webhook: &Webhook, scope: &Scope) -> bool {
    scope.account.as_ref() == Some(&webhook.recorded.account)
}

/// Whether a webhook is there for a caller: what is deleted is gone.
fn sees(webhook: &Webhook, scope: &Scope) -> bool {
    webhook.deleted.is_none() && (scope.role == Role::Operator || is_own(webhook, scope))
}

fn shown(app: &App, id: &ObjectId, webhook: &Webhook, scope: &Scope) -> Value {
    let secret = is_own(webhook, scope).then(|| signature::secret(&app.link_secret, id, webhook));
    json::webhook::shown(id, webhook, secret, app.deliveries.of(id))
}

/// What somebody wants a webhook to be. A `jwt_secret` that clients send along is passed over: the ledger's own is used,
/// which the answer tells.
fn terms(fields: Fields<'_>) -> Result<WebhookTerms, Rejection> {
    for (field, only) in [("object_class", OBJECT_CLASS), ("http_method", METHOD), ("http_content_type", CONTENT_TYPE)]
    {
        if let Some(other) = fields.text(field)?.filter(|given| !given.eq_ignore_ascii_case(only)) {
            return Err(Rejection::field(field, format!("\"{other}\" is not served. Give {only}.")));
        }
    }
    Ok(WebhookTerms {
        label: fields.text("label")?,
        description: fields.text_to_set("description")?,
        product: product(fields)?,
        active: fields.value("active").map(|_| fields.flag("active")).transpose()?,
        url: fields.text("external_url")?.map(|url| url.trim().to_owned()),
        headers: headers(fields)?,
    })
}

/// `product_id`; null is all products.
fn product(fields: Fields<'_>) -> Result<WebhookProduct, Rejection> {
    if fields.is_emptied("product_id") {
        return Ok(WebhookProduct::Any);
    }
    let Some(id) = fields.text("product_id")? else { return Ok(WebhookProduct::Kept) };
    let known = ObjectId::new(&id).map(WebhookProduct::One);
    known.ok_or_else(|| Rejection::field("product_id", format!("\"{id}\" is no valid id.")))
}

/// `headers: {"X-Name": "value"}`; null is none.
fn headers(fields: Fields<'_>) -> Result<Option<Vec<(String, String)>>, Rejection> {
    if fields.is_emptied("headers") {
        return Ok(Some(Vec::new()));
    }
    let Some(headers) = fields.value("headers") else { return Ok(None) };
    let pairs = headers.as_object().map(|members| {
        let pair = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        members.iter().map(pair).collect::<Option<Vec<_>>>()
    });
    let pairs = pairs.flatten();
    pairs.map(Some).ok_or_else(|| Rejection::field("headers", "Give an object of texts by the names of headers."))
}

fn answer(app: &App, settled: &Settled, id: &ObjectId, scope: &Scope, status: StatusCode) -> Response {
    let show = |ledger: &Ledger| Some(shown(app, id, ledger.catalog.webhooks.get(id)?, scope));
    let shown = app.after_all(settled, show);
    // What was decided is decided: should the object be out of reach, its id is the answer.
    json::answer(status, &shown.unwrap_or_else(|| json!({ "id": id.as_str() })))
}
