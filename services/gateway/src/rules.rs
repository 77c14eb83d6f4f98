//! `/products/{id}/usage/rules`: what a provider decides in advance about the files of a product (connect-api §6).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ledger::rule::{RuleItem, RulePlace, RuleScope, RuleTerms, rules_of};
use ledger::{Command, Fact, Ledger, ObjectId, Rejection, Role, RuleAction, Scope, Subject, UsageRule};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::catalog::sees_product;
use crate::commands::Settled;
use crate::error::{Answered, ApiError};
use crate::json;
use crate::listing::Wanted;
use crate::once::RequestKey;
use crate::openapi::{Changing, Reading, bodies, params, tag};
use crate::payload::{Fields, Payload};
use crate::visibility::Kind;

/// List usage rules
///
/// Of a product, in the order in which they are asked; for providers, each its own.
#[utoipa::path(
    get,
    path = "/public/v1/products/{id}/usage/rules",
    operation_id = "list_rules",
    tag = tag::RULES,
    params(params::ProductId, params::Paging),
    responses((status = 200, description = "A page of rules", body = Vec<json::rule::Rule>), Reading),
)]
pub(crate) async fn list(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    Path(product): Path<String>,
    RawQuery(query): RawQuery,
) -> Answered {
    let product = product_id(&app, &product, &scope)?;
    let wanted = Wanted::new(query.as_deref(), rql::RULES, Kind::Catalog, &scope)?;
    let ledger = app.projection.read();
    let mut owners: Vec<&ObjectId> =
        ledger.rules.values().filter(|rule| rule.product == product).map(|rule| &rule.provider).collect();
    owners.sort_unstable();
    owners.dedup();
    let rules = owners.into_iter().flat_map(|provider| rules_of(&ledger.rules, &product, provider));
    let rules = rules.filter(|(_, rule)| sees(rule, &scope));
    let shown = rules.map(|(id, rule)| json::rule::shown(&ledger.catalog, id, rule));
    Ok(wanted.page_of(shown).into_response())
}

/// Show a usage rule
#[utoipa::path(
    get,
    path = "/public/v1/products/{id}/usage/rules/{rule}",
    operation_id = "show_rule",
    tag = tag::RULES,
    params(params::RuleId),
    responses((status = 200, description = "The rule", body = json::rule::Rule), Reading),
)]
pub(crate) async fn get(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    Path((product, rule)): Path<(String, String)>,
) -> Answered {
    let product = product_id(&app, &product, &scope)?;
    let rule = ObjectId::new(&rule).ok_or(ApiError::NOT_FOUND)?;
    let look = |ledger: &Ledger| {
        let known = ledger.rules.get(&rule).filter(|known| known.product == product && sees(known, &scope))?;
        Some(json::rule::shown(&ledger.catalog, &rule, known))
    };
    let found = look(&app.projection.read());
    let found = match found {
        Some(found) => found,
        None => {
            app.certain().await?;
            look(&app.projection.read()).ok_or(ApiError::NOT_FOUND)?
        }
    };
    Ok(json::answer(StatusCode::OK, &found))
}

/// Create a usage rule
///
/// By a provider, for itself; an operator says for whom in `account_id`. It is the last to be asked, unless `gravity`
/// says otherwise.
#[utoipa::path(
    post,
    path = "/public/v1/products/{id}/usage/rules",
    operation_id = "create_rule",
    tag = tag::RULES,
    params(params::ProductId, params::Once),
    request_body(content = bodies::RuleTerms),
    responses((status = 201, description = "The rule", body = json::rule::Rule), Changing),
)]
pub(crate) async fn create(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path(product): Path<String>,
    payload: Payload,
) -> Answered {
    let product = product_id(&app, &product, &scope)?;
    let fields = payload.fields()?;
    let terms = Box::new(terms(fields)?);
    let provider = fields.value("account_id").map(|_| fields.reference("account_id")).transpose()?;
    let command = Command::CreateRule { product, provider, terms };
    let show = |settled: &Settled| {
        let made = settled.events().iter().find_map(|event| match (&event.subject, &event.fact) {
            (Subject::Object(id), Fact::RuleRecorded(_)) => Some(id.clone()),
            _ => None,
        });
        let made = made.ok_or(ApiError::NOT_FOUND)?;
        Ok(answer(&app, settled, &made, StatusCode::CREATED))
    };
    app.decided(command, &scope, &key, show).await
}

/// Change a usage rule
#[utoipa::path(
    put,
    path = "/public/v1/products/{id}/usage/rules/{rule}",
    operation_id = "change_rule",
    tag = tag::RULES,
    params(params::RuleId, params::Once),
    request_body(content = bodies::RuleTerms),
    responses((status = 200, description = "The rule", body = json::rule::Rule), Changing),
)]
pub(crate) async fn put(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path((product, rule)): Path<(String, String)>,
    payload: Payload,
) -> Answered {
    let product = product_id(&app, &product, &scope)?;
    let rule = ObjectId::new(&rule).ok_or(ApiError::NOT_FOUND)?;
    let terms = Box::new(terms(payload.fields()?)?);
    let command = Command::ChangeRule { product, rule: rule.clone(), terms };
    app.decided(command, &scope, &key, |settled| Ok(answer(&app, settled, &rule, StatusCode::OK))).await
}

/// Delete a usage rule
///
/// It decides nothing any more, and is kept and shown as deleted.
#[utoipa::path(
    delete,
    path = "/public/v1/products/{id}/usage/rules/{rule}",
    operation_id = "delete_rule",
    tag = tag::RULES,
    params(params::RuleId, params::Once),
    responses((status = 204, description = "It is deleted"), Changing),
)]
pub(crate) async fn delete(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path((product, rule)): Path<(String, String)>,
) -> Answered {
    let product = product_id(&app, &product, &scope)?;
    let rule = ObjectId::new(&rule).ok_or(ApiError::NOT_FOUND)?;
    let show = |_: &Settled| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    };
    app.decided(Command::DeleteRule { product, rule }, &scope, &key, show).await
}

/// The product of a path. Rules are the providers' own: a vendor learns nothing of them.
pub(crate) fn product_id(app: &App, text: &str, scope: &Scope) -> Result<ObjectId, ApiError> {
    if scope.role == Role::Vendor {
        return Err(Rejection::RoleNotAllowed.into());
    }
    let id = ObjectId::new(text).ok_or(ApiError::NOT_FOUND)?;
    let catalog = app.bus.shelf().take();
    let product = catalog.products.get(&id).filter(|product| sees_product(&catalog, product, scope));
    product.map(|_| id).ok_or(ApiError::NOT_FOUND)
}

fn sees(rule: &UsageRule, scope: &Scope) -> bool {
    scope.role == Role::Operator || scope.account.as_ref() == Some(&rule.provider)
}

/// What somebody wants a rule to be.
pub(crate) fn terms(fields: Fields<'_>) -> Result<RuleTerms, Rejection> {
    if let Some(name) = fields.text("status")?.filter(|name| name != "active") {
        let message = format!("\"{name}\" can not be set: a rule is active until it is deleted with DELETE.");
        return Err(Rejection::field("status", message));
    }
    let (action, scope) = (action(fields)?, scope(fields)?);
    let expression = fields.text_to_set("rule")?.map(|text| text.trim().to_owned());
    Ok(RuleTerms { action, scope, expression, item: item(fields)?, place: place(fields)? })
}

fn action(fields: Fields<'_>) -> Result<Option<RuleAction>, Rejection> {
    let unknown = |name| Rejection::field("action", format!("\"{name}\" is not one of accept, reject and manual."));
    fields.text("action")?.map(|name| RuleAction::parse(&name).ok_or_else(|| unknown(name))).transpose()
}

fn scope(fields: Fields<'_>) -> Result<Option<RuleScope>, Rejection> {
    let unknown = |name| Rejection::field("scope", format!("\"{name}\" is not one of record and file."));
    fields.text("scope")?.map(|name| RuleScope::parse(&name).ok_or_else(|| unknown(name))).transpose()
}

/// `item: {"id": "…"}`, or its id alone as `item_id`; null is all items.
fn item(fields: Fields<'_>) -> Result<RuleItem, Rejection> {
    let field = if fields.value("item_id").is_some() || fields.is_emptied("item_id") { "item_id" } else { "item" };
    if fields.is_emptied(field) {
        return Ok(RuleItem::Any);
    }
    Ok(fields.value(field).map(|_| fields.reference(field)).transpose()?.map_or(RuleItem::Kept, RuleItem::One))
}

/// `gravity: {"after": "UGR-…"}`; null is the first place.
fn place(fields: Fields<'_>) -> Result<RulePlace, Rejection> {
    let Some(gravity) = fields.value("gravity") else { return Ok(RulePlace::Kept) };
    match gravity.get("after") {
        None => Err(Rejection::field("gravity.after", "This field is required: the id of a rule, or null.")),
        Some(Value::Null) => Ok(RulePlace::First),
        Some(after) => {
            let id = after.as_str().and_then(ObjectId::new);
            id.map(RulePlace::After).ok_or_else(|| Rejection::field("gravity.after", "This is no id of a rule."))
        }
    }
}

fn answer(app: &App, settled: &Settled, id: &ObjectId, status: StatusCode) -> Response {
    let show = |ledger: &Ledger| Some(json::rule::shown(&ledger.catalog, id, ledger.rules.get(id)?));
    let shown = app.after_all(settled, show);
    // What was decided is decided: should the object be out of reach, its id is the answer.
    json::answer(status, &shown.unwrap_or_else(|| json!({ "id": id.as_str() })))
}
