//! What vendors change of their own products and items: `PUT /products/{id}`, and items under it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use ledger::{Command, ObjectId, Rejection, Scope, Subject};
use serde_json::{Value, json};

use super::completion::Completion;
use super::lists::Imported;
use super::{Collection, one, parsed, ruled};
use crate::app::App;
use crate::auth::Caller;
use crate::commands::Settled;
use crate::error::{Answered, ApiError};
use crate::json;
use crate::once::RequestKey;
use crate::openapi::{Changing, bodies, params, tag};
use crate::payload::Payload;

/// Change a product
///
/// Its vendor does, member by member: what isn't given stays as it is.
#[utoipa::path(
    put,
    path = "/public/v1/products/{id}",
    operation_id = "change_product",
    tag = tag::CATALOG,
    params(params::ProductId, params::Once),
    request_body(content = bodies::ProductChanges),
    responses((status = 200, description = "The product", body = Imported), Changing),
)]
pub(crate) async fn change_product(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path(product): Path<String>,
    payload: Payload,
) -> Answered {
    let read = one(&app, &scope, Collection::Products, &product).await?;
    let product = ObjectId::new(&product).ok_or(ApiError::NOT_FOUND)?;
    let command = Command::ChangeProduct { product: product.clone(), change: text(&changed(&payload, &read))? };
    let show = |_: &Settled| {
        let (catalog, ruled) = (app.bus.shelf().take(), ruled(&app, Collection::Products));
        let object = catalog.products.get(&product).and_then(|product| parsed(&product.source));
        let completion = Completion::new(&catalog, &scope, &ruled);
        let object = object.map(|object| completion.complete(Collection::Products, object));
        Ok(shown(&product, object, StatusCode::OK))
    };
    decided(&app, &scope, &key, &payload, command, show).await
}

/// Create an item of a product
#[utoipa::path(
    post,
    path = "/public/v1/products/{id}/items",
    operation_id = "create_item",
    tag = tag::CATALOG,
    params(params::ProductId, params::Once),
    request_body(content = bodies::NewItem),
    responses((status = 201, description = "The item", body = Imported), Changing),
)]
pub(crate) async fn create_item(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path(product): Path<String>,
    payload: Payload,
) -> Answered {
    let product = seen(&app, &scope, &product).await?;
    let command = Command::CreateItem { product, item: text(&payload)? };
    let show = |settled: &Settled| {
        let made = settled.events().iter().find_map(|event| match &event.subject {
            Subject::Object(id) => Some(id.clone()),
            Subject::File(_) => None,
        });
        Ok(item(&app, &made.ok_or(ApiError::NOT_FOUND)?, StatusCode::CREATED))
    };
    decided(&app, &scope, &key, &payload, command, show).await
}

/// Change an item of a product
///
/// Member by member. The type, precision and unit of a published item stay: usage was reported in them.
#[utoipa::path(
    put,
    path = "/public/v1/products/{id}/items/{item}",
    operation_id = "change_item",
    tag = tag::CATALOG,
    params(params::ItemId, params::Once),
    request_body(content = bodies::ItemChanges),
    responses((status = 200, description = "The item", body = Imported), Changing),
)]
pub(crate) async fn change_item(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path((product, id)): Path<(String, String)>,
    payload: Payload,
) -> Answered {
    let product = seen(&app, &scope, &product).await?;
    let id = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let command = Command::ChangeItem { product, item: id.clone(), change: text(&payload)? };
    decided(&app, &scope, &key, &payload, command, |_| Ok(item(&app, &id, StatusCode::OK))).await
}

/// A product of a path that the caller sees; whether it may be edited is decided where that is done.
async fn seen(app: &App, scope: &Scope, product: &str) -> Result<ObjectId, ApiError> {
    one(app, scope, Collection::Products, product).await?;
    ObjectId::new(product).ok_or(ApiError::NOT_FOUND)
}

/// What of a body is to change: who sends back what was read, with members that only the gateway knows, changes nothing.
fn changed(payload: &Payload, read: &Value) -> Payload {
    let mut changed = payload.clone();
    if let Some(members) = changed.0.as_object_mut() {
        members.retain(|name, value| read.get(name.as_str()) != Some(&*value));
    }
    changed
}

fn text(payload: &Payload) -> Result<String, Rejection> {
    payload.fields()?;
    Ok(if payload.0.is_null() { "{}".to_owned() } else { payload.0.to_string() })
}

/// Has an edit decided once. A repetition is known by what the body says, not by how it is written.
async fn decided(
    app: &Arc<App>,
    scope: &Scope,
    key: &RequestKey,
    payload: &Payload,
    command: Command,
    show: impl FnOnce(&Settled) -> Answered,
) -> Answered {
    let once = key.about(scope, &payload.0);
    app.once(&once, async { show(&app.command(command, scope, &once).await?) }).await
}

fn item(app: &App, id: &ObjectId, status: StatusCode) -> Response {
    let catalog = app.bus.shelf().take();
    shown(id, catalog.items.get(id).and_then(|item| parsed(&item.source)), status)
}

fn shown(id: &ObjectId, object: Option<Value>, status: StatusCode) -> Response {
    // What was decided is decided: should the object be out of reach, its id is the answer.
    json::answer(status, &object.unwrap_or_else(|| json!({ "id": id.as_str() })))
}
