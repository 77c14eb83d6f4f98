//! The lists of the catalog under their own paths, one module each with `list` and `get`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::sight::Collection;
use crate::app::App;
use crate::auth::Caller;
use crate::error::Answered;
use crate::openapi::{Reading, params, tag};

/// An object as it was imported, with everything that its source says of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Imported {
    /// Its id.
    #[schema(example = "PRD-404-832-779")]
    id: String,
    /// Its name.
    #[schema(example = "Apollo Pulse")]
    name: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// A list and the objects of it.
macro_rules! collection {
    (
        $module:ident, $of:ident, $path:literal, $of_id:literal, $list:literal, $get:literal, $many:literal, $one:literal
    ) => {
        pub(crate) mod $module {
            use super::*;

            #[utoipa::path(
                get,
                path = $path,
                operation_id = $list,
                summary = $many,
                tag = tag::CATALOG,
                params(params::Paging),
                responses((status = 200, description = "A page, as it was imported", body = Vec<Imported>), Reading),
            )]
            pub(crate) async fn list(
                caller: Caller,
                State(app): State<Arc<App>>,
                RawQuery(query): RawQuery,
            ) -> Answered {
                super::super::list(caller, app, query, Collection::$of).await
            }

            #[utoipa::path(
                get,
                path = $of_id,
                operation_id = $get,
                summary = $one,
                tag = tag::CATALOG,
                params(params::ObjectId),
                responses((status = 200, description = "The object, as it was imported", body = Imported), Reading),
            )]
            pub(crate) async fn get(caller: Caller, State(app): State<Arc<App>>, Path(id): Path<String>) -> Answered {
                super::super::get(caller, &app, &id, Collection::$of).await
            }
        }
    };
}

collection!(
    accounts,
    Accounts,
    "/public/v1/accounts",
    "/public/v1/accounts/{id}",
    "list_accounts",
    "show_account",
    "List accounts",
    "Show an account"
);
collection!(hubs, Hubs, "/public/v1/hubs", "/public/v1/hubs/{id}", "list_hubs", "show_hub", "List hubs", "Show a hub");
collection!(
    marketplaces,
    Marketplaces,
    "/public/v1/marketplaces",
    "/public/v1/marketplaces/{id}",
    "list_marketplaces",
    "show_marketplace",
    "List marketplaces",
    "Show a marketplace"
);
collection!(
    products,
    Products,
    "/public/v1/products",
    "/public/v1/products/{id}",
    "list_products",
    "show_product",
    "List products",
    "Show a product"
);
collection!(
    contracts,
    Contracts,
    "/public/v1/contracts",
    "/public/v1/contracts/{id}",
    "list_contracts",
    "show_contract",
    "List contracts",
    "Show a contract"
);
collection!(
    listings,
    Listings,
    "/public/v1/listings",
    "/public/v1/listings/{id}",
    "list_listings",
    "show_listing",
    "List listings",
    "Show a listing"
);
collection!(
    assets,
    Assets,
    "/public/v1/assets",
    "/public/v1/assets/{id}",
    "list_assets",
    "show_asset",
    "List subscriptions",
    "Show a subscription"
);
collection!(
    subscriptions,
    Assets,
    "/public/v1/subscriptions/assets",
    "/public/v1/subscriptions/assets/{id}",
    "list_subscription_assets",
    "show_subscription_asset",
    "List subscriptions under Connect's second path",
    "Show a subscription under Connect's second path"
);
