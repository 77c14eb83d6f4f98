//! The objects that usage is about, as they were imported: accounts, hubs, marketplaces, products, contracts, listings
//! and assets. Each is there for those whom it concerns and for nobody else.

mod completion;
pub(crate) mod edit;
pub(crate) mod history;
pub(crate) mod lists;
mod sight;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use ledger::{Catalog, ObjectId, Scope};
use serde_json::Value;

use crate::app::App;
use crate::auth::Caller;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json;
use crate::listing::Wanted;
use crate::openapi::{Reading, params, tag};
use crate::visibility::{self, Kind};
use rql::{self, Field};

use completion::Completion;
use lists::Imported;
use sight::Collection;
pub(crate) use sight::sees_product;

/// A page of one of the lists.
async fn list(Caller(scope): Caller, app: Arc<App>, query: Option<String>, collection: Collection) -> Answered {
    let wanted = Wanted::new(query.as_deref(), fields(collection), Kind::Catalog, &scope)?;
    let catalog = app.bus.shelf().take();
    let ruled = ruled(&app, collection);
    let found = aside("a list of the catalog", move || {
        let sources = sight::sources(&catalog, &scope, collection, &wanted.query);
        let completion = Completion::new(&catalog, &scope, &ruled);
        wanted.page_of(sources.filter_map(parsed).map(|object| completion.complete(collection, object)))
    });
    Ok(found.await?.into_response())
}

/// One object of one of the lists.
async fn get(Caller(scope): Caller, app: &App, id: &str, collection: Collection) -> Answered {
    Ok(json::answer(StatusCode::OK, &one(app, &scope, collection, id).await?))
}

/// List the items of a product
#[utoipa::path(
    get,
    path = "/public/v1/products/{id}/items",
    operation_id = "list_items",
    tag = tag::CATALOG,
    params(params::ProductId, params::Paging),
    responses((status = 200, description = "A page of items, as they were imported", body = Vec<Imported>), Reading),
)]
pub(crate) async fn items(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answered {
    let wanted = Wanted::new(query.as_deref(), rql::ITEMS, Kind::Catalog, &scope)?;
    one(&app, &scope, Collection::Products, &id).await?;
    let id = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let catalog = app.bus.shelf().take();
    let objects = catalog.items_of(&id).filter_map(|item| parsed(&item.source));
    Ok(wanted.page_of(objects).into_response())
}

/// Show an item of a product
#[utoipa::path(
    get,
    path = "/public/v1/products/{id}/items/{item}",
    operation_id = "show_item",
    tag = tag::CATALOG,
    params(params::ItemId),
    responses((status = 200, description = "The item, as it was imported", body = Imported), Reading),
)]
pub(crate) async fn item(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    Path((id, item)): Path<(String, String)>,
) -> Answered {
    one(&app, &scope, Collection::Products, &id).await?;
    let catalog = app.bus.shelf().take();
    let item = ObjectId::new(&item).and_then(|item| catalog.items.get(&item));
    let item = item.filter(|item| item.product.as_str() == id).and_then(|item| parsed(&item.source));
    Ok(json::answer(StatusCode::OK, &item.ok_or(ApiError::NOT_FOUND)?))
}

/// The id of an asset that the caller sees.
pub(crate) async fn known_asset(app: &App, scope: &Scope, id: &str) -> Result<ObjectId, ApiError> {
    one(app, scope, Collection::Assets, id).await?;
    ObjectId::new(id).ok_or(ApiError::NOT_FOUND)
}

/// Nothing, for a product that the caller sees.
pub(crate) async fn known_product(app: &App, scope: &Scope, id: &str) -> Result<(), ApiError> {
    one(app, scope, Collection::Products, id).await.map(drop)
}

/// Nothing, for a contract that the caller sees.
pub(crate) async fn known_contract(app: &App, scope: &Scope, id: &str) -> Result<(), ApiError> {
    one(app, scope, Collection::Contracts, id).await.map(drop)
}

async fn one(app: &App, scope: &Scope, collection: Collection, id: &str) -> Result<Value, ApiError> {
    let id = ObjectId::new(id).ok_or(ApiError::NOT_FOUND)?;
    let ruled = ruled(app, collection);
    let look = |catalog: &Catalog| {
        let object = sight::source(catalog, scope, collection, &id).and_then(parsed)?;
        Some(Completion::new(catalog, scope, &ruled).complete(collection, object))
    };
    let found = look(&app.bus.shelf().take());
    let mut found = match found {
        Some(found) => found,
        None => {
            app.certain().await?;
            look(&app.bus.shelf().take()).ok_or(ApiError::NOT_FOUND)?
        }
    };
    visibility::trim(Kind::Catalog, &mut found, scope.role);
    Ok(found)
}

/// Product and provider of each active usage rule, where products are shown.
fn ruled(app: &App, collection: Collection) -> BTreeSet<(ObjectId, ObjectId)> {
    if collection != Collection::Products {
        return BTreeSet::new();
    }
    let ledger = app.projection.read();
    let active = ledger.rules.values().filter(|rule| rule.deleted.is_none());
    active.map(|rule| (rule.product.clone(), rule.provider.clone())).collect()
}

/// Sources were JSON when they were imported; what isn't any more is left out and reported.
fn parsed(source: &str) -> Option<Value> {
    let parsed = serde_json::from_str(source);
    parsed.inspect_err(|error| tracing::error!(%error, "an object of the catalog holds no JSON")).ok()
}

fn fields(collection: Collection) -> &'static [Field] {
    match collection {
        Collection::Accounts => rql::ACCOUNTS,
        Collection::Hubs => rql::HUBS,
        Collection::Marketplaces => rql::MARKETPLACES,
        Collection::Products => rql::PRODUCTS,
        Collection::Contracts => rql::CONTRACTS,
        Collection::Listings => rql::LISTINGS,
        Collection::Assets => rql::ASSETS,
    }
}
