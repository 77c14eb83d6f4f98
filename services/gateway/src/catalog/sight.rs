//! Which objects of the catalog somebody sees: a vendor its own products and what is traded of them, a provider what
//! stands under its own contracts, an operator everything.

use std::collections::BTreeSet;

use ledger::catalog::{Contract, Hub, Listing, Product, Subscription};
use ledger::{Catalog, ObjectId, Role, Scope};
use serde_json::Value;

use rql::Compiled;

/// The lists of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collection {
    Accounts,
    Hubs,
    Marketplaces,
    Products,
    Contracts,
    Listings,
    Assets,
}

/// The JSON of every object of a list that the caller sees and the query can be about.
pub(super) fn sources<'a>(
    catalog: &'a Catalog,
    scope: &'a Scope,
    collection: Collection,
    query: &Compiled,
) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    if let Some(ids) = query.required_values("id") {
        let ids: Vec<ObjectId> = ids.into_iter().filter_map(ObjectId::new).collect();
        return Box::new(ids.into_iter().filter_map(move |id| source(catalog, scope, collection, &id)));
    }
    match collection {
        Collection::Accounts => Box::new(accounts(catalog, scope)),
        Collection::Hubs => {
            let own = own_hubs(catalog, scope);
            let hubs = catalog.hubs.values().filter(move |hub| sees_hub(hub, &own, scope));
            Box::new(hubs.map(|hub| hub.source.as_str()))
        }
        Collection::Marketplaces => {
            let own = own_marketplaces(catalog, scope);
            let all = scope.role == Role::Operator;
            let shown = catalog.marketplaces.iter().filter(move |(id, _)| all || own.contains(*id));
            Box::new(shown.map(|(_, marketplace)| marketplace.source.as_str()))
        }
        Collection::Products => {
            let shown = catalog.products.values().filter(move |product| sees_product(catalog, product, scope));
            Box::new(shown.map(|product| product.source.as_str()))
        }
        Collection::Contracts => {
            let shown = catalog.contracts.values().filter(move |contract| sees_contract(contract, scope));
            Box::new(shown.map(|contract| contract.source.as_str()))
        }
        Collection::Listings => {
            let shown = catalog.listings.values().filter(move |listing| sees_listing(catalog, listing, scope));
            Box::new(shown.map(|listing| listing.source.as_str()))
        }
        Collection::Assets => Box::new(assets(catalog, scope, query)),
    }
}

/// The JSON of one object, if the caller sees it.
pub(super) fn source<'a>(
    catalog: &'a Catalog,
    scope: &Scope,
    collection: Collection,
    id: &ObjectId,
) -> Option<&'a str> {
    let all = scope.role == Role::Operator;
    match collection {
        Collection::Accounts => {
            let own = sees_account(id, scope);
            catalog.accounts.get(id).filter(|_| own).map(|account| account.source.as_str())
        }
        Collection::Hubs => {
            let own = own_hubs(catalog, scope);
            catalog.hubs.get(id).filter(|hub| sees_hub(hub, &own, scope)).map(|hub| hub.source.as_str())
        }
        Collection::Marketplaces => {
            let own = all || own_marketplaces(catalog, scope).contains(id);
            catalog.marketplaces.get(id).filter(|_| own).map(|marketplace| marketplace.source.as_str())
        }
        Collection::Products => {
            let product = catalog.products.get(id).filter(|product| sees_product(catalog, product, scope));
            product.map(|product| product.source.as_str())
        }
        Collection::Contracts => {
            catalog.contracts.get(id).filter(|contract| sees_contract(contract, scope)).map(|it| it.source.as_str())
        }
        Collection::Listings => catalog
            .listings
            .get(id)
            .filter(|listing| sees_listing(catalog, listing, scope))
            .map(|it| it.source.as_str()),
        Collection::Assets => {
            catalog.subscriptions.get(id).filter(|asset| sees_asset(catalog, asset, scope)).map(|it| it.source.as_str())
        }
    }
}

/// The caller's own account first, as clients take the first one for it; others are there for an operator only.
fn accounts<'a>(catalog: &'a Catalog, scope: &'a Scope) -> impl Iterator<Item = &'a str> {
    let own = scope.account.as_ref().and_then(|id| catalog.accounts.get(id));
    let all = scope.role == Role::Operator;
    let others = catalog.accounts.values().filter(move |it| all && scope.account.as_ref() != Some(&it.named.id));
    own.into_iter().chain(others).map(|account| account.source.as_str())
}

/// Assets, by way of the contracts and products that the query names, as a catalog has very many of them.
fn assets<'a>(catalog: &'a Catalog, scope: &'a Scope, query: &Compiled) -> impl Iterator<Item = &'a str> + use<'a> {
    let named = |field: &str| {
        let ids = query.required_values(field)?;
        Some(ids.into_iter().filter_map(ObjectId::new).collect::<BTreeSet<_>>())
    };
    let (contracts, products) = (named("contract.id"), named("product.id"));
    let statuses = query.required_values("status");
    let statuses: Option<Vec<String>> = statuses.map(|names| names.into_iter().map(str::to_owned).collect());
    let shown = catalog.subscriptions.values().filter(move |asset| {
        let near = contracts.as_ref().is_none_or(|ids| ids.contains(&asset.contract));
        let near = near && products.as_ref().is_none_or(|ids| ids.contains(&asset.product));
        let near = near && statuses.as_ref().is_none_or(|names| names.iter().any(|name| name == asset.status.name()));
        near && sees_asset(catalog, asset, scope)
    });
    shown.map(|asset| asset.source.as_str())
}

fn sees_contract(contract: &Contract, scope: &Scope) -> bool {
    match scope.role {
        Role::Operator => true,
        Role::Vendor => scope.account.as_ref() == Some(&contract.vendor),
        Role::Distributor | Role::Reseller => scope.account.is_some() && scope.account == contract.provider,
    }
}

/// Whether somebody sees an account: their own, and an operator all.
pub(super) fn sees_account(id: &ObjectId, scope: &Scope) -> bool {
    scope.role == Role::Operator || scope.account.as_ref() == Some(id)
}

pub(super) fn sees_under(catalog: &Catalog, contract: &ObjectId, scope: &Scope) -> bool {
    catalog.contracts.get(contract).is_some_and(|contract| sees_contract(contract, scope))
}

fn sees_listing(catalog: &Catalog, listing: &Listing, scope: &Scope) -> bool {
    sees_under(catalog, &listing.contract, scope)
}

fn sees_asset(catalog: &Catalog, asset: &Subscription, scope: &Scope) -> bool {
    sees_under(catalog, &asset.contract, scope)
}

/// Whether somebody sees a product: its owner, and the providers that it is listed for.
pub(crate) fn sees_product(catalog: &Catalog, product: &Product, scope: &Scope) -> bool {
    match scope.role {
        Role::Operator => true,
        Role::Vendor => scope.account.as_ref() == Some(&product.owner),
        Role::Distributor | Role::Reseller => {
            let mut listings = catalog.listings.values().filter(|listing| listing.product == product.named.id);
            listings.any(|listing| sees_listing(catalog, listing, scope))
        }
    }
}

/// The marketplaces of the caller's contracts; a vendor reads there which currency it sells in.
pub(super) fn own_marketplaces(catalog: &Catalog, scope: &Scope) -> BTreeSet<ObjectId> {
    let own = catalog.contracts.values().filter(|contract| sees_contract(contract, scope));
    own.filter_map(|contract| contract.marketplace.clone()).collect()
}

/// The hubs of a provider's marketplaces and subscriptions. A vendor has none.
fn own_hubs(catalog: &Catalog, scope: &Scope) -> BTreeSet<ObjectId> {
    if !scope.role.is_provider() {
        return BTreeSet::new();
    }
    let marketplaces = own_marketplaces(catalog, scope);
    let bound = marketplaces.iter().filter_map(|id| catalog.marketplaces.get(id));
    let bound = bound.flat_map(|marketplace| marketplace.hubs.iter().map(|hub| hub.hub.clone()));
    let used = catalog.subscriptions.values().filter(|asset| sees_asset(catalog, asset, scope));
    bound.chain(used.filter_map(|asset| asset.hub.as_ref().map(|hub| hub.id.clone()))).collect()
}

fn sees_hub(hub: &Hub, own: &BTreeSet<ObjectId>, scope: &Scope) -> bool {
    if scope.role == Role::Operator {
        return true;
    }
    if !scope.role.is_provider() {
        return false;
    }
    let company = || {
        let source: Value = serde_json::from_str(&hub.source).ok()?;
        ObjectId::new(source.get("company")?.get("id")?.as_str()?)
    };
    // A hub of another company is not the caller's, whoever sells there.
    company().map_or_else(|| own.contains(&hub.named.id), |company| scope.account.as_ref() == Some(&company))
}
