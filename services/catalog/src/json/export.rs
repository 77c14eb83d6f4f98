//! The catalog as a file again.

use ledger::Catalog;
use ledger::catalog::{
    Account, Capabilities, Contract, ContractKind, Environment, Hub, Item, Key, Listing, Marketplace, Product,
    Subscription, precision_name,
};
use ledger::id::ObjectId;
use serde_json::{Value, json};

use super::party::{account_type, role_name};
use super::source::fill;

/// The catalog as a file that [`read`](super::read) takes again, under the same pepper: secrets of keys were never
/// kept, their hashes are written instead.
///
#[must_use]
pub fn export(catalog: &Catalog) -> Value {
    json!({
        "accounts": catalog.accounts.values().map(account).collect::<Vec<_>>(),
        "hubs": catalog.hubs.values().map(hub).collect::<Vec<_>>(),
        "marketplaces": catalog.marketplaces.values().map(marketplace).collect::<Vec<_>>(),
        "products": catalog.products.values().map(|it| product_with_items(catalog, it)).collect::<Vec<_>>(),
        "contracts": catalog.contracts.values().map(contract).collect::<Vec<_>>(),
        "listings": catalog.listings.values().map(listing).collect::<Vec<_>>(),
        "assets": catalog.subscriptions.values().map(subscription).collect::<Vec<_>>(),
        "api_keys": catalog.keys.values().map(key).collect::<Vec<_>>(),
    })
}

/// The JSON that an object was imported as; one that came without it is written from what is known of it.
fn whole(source: &str, facts: Value) -> Value {
    let imported = serde_json::from_str::<Value>(source).ok().filter(|source| source.get("id").is_some());
    imported.unwrap_or_else(|| without_nulls(facts))
}

fn without_nulls(mut facts: Value) -> Value {
    if let Value::Object(members) = &mut facts {
        members.retain(|_, value| !value.is_null());
    }
    facts
}

fn reference(id: &ObjectId) -> Value {
    json!({ "id": id.as_str() })
}

fn account(it: &Account) -> Value {
    let (id, name) = (it.named.id.as_str(), it.named.name.as_str());
    whole(&it.source, json!({"id": id, "name": name, "type": account_type(it.role), "role": role_name(it.role)}))
}

fn hub(it: &Hub) -> Value {
    whole(&it.source, json!({"id": it.named.id.as_str(), "name": it.named.name}))
}

fn marketplace(it: &Marketplace) -> Value {
    let hubs = it.hubs.iter().map(|hub| json!({"hub": reference(&hub.hub), "external_id": hub.external_id}));
    let hubs: Vec<Value> = hubs.collect();
    let hubs = (!hubs.is_empty()).then_some(hubs);
    let (id, name) = (it.named.id.as_str(), it.named.name.as_str());
    whole(&it.source, json!({"id": id, "name": name, "currency": it.currency, "hubs": hubs}))
}

/// A product without its items.
pub(crate) fn product(it: &Product) -> Value {
    let facts = json!({
        "id": it.named.id.as_str(),
        "name": it.named.name,
        "owner": reference(&it.owner),
        "capabilities": (it.capabilities != Capabilities::default()).then(|| capabilities(&it.capabilities)),
    });
    whole(&it.source, facts)
}

fn product_with_items(catalog: &Catalog, it: &Product) -> Value {
    let mut object = product(it);
    let items: Vec<Value> = catalog.items_of(&it.named.id).map(item).collect();
    fill(&mut object, &["items"], items.into());
    object
}

fn capabilities(it: &Capabilities) -> Value {
    let metered = it.pay_as_you_go.map(|schema| {
        json!({
            "schema": schema.upper(),
            "dynamic": it.dynamic,
            "future": it.future,
            "late": it.late,
            "predictive": it.predictive,
            "overlap": it.overlap.name(),
            "required_custom_fields": it.required_custom_fields,
        })
    });
    json!({"ppu": metered, "reservation": {"consumption": it.reservation_consumption}})
}

/// An item.
pub(crate) fn item(it: &Item) -> Value {
    let facts = json!({
        "id": it.named.id.as_str(),
        "name": it.named.name,
        "mpn": it.mpn,
        "type": it.kind.api().to_ascii_lowercase(),
        "unit": {"name": it.unit},
        "period": it.period,
        "precision": precision_name(it.places),
        "dynamic": it.dynamic.then_some(true),
    });
    whole(&it.source, facts)
}

fn contract(it: &Contract) -> Value {
    let facts = json!({
        "id": it.named.id.as_str(),
        "name": it.named.name,
        "type": match it.kind {
            ContractKind::Program => "program",
            ContractKind::Distribution => "distribution",
        },
        "status": if it.active { "active" } else { "terminated" },
        "owner": reference(&it.vendor),
        "issuer": it.provider.as_ref().map(reference),
        "marketplace": it.marketplace.as_ref().map(reference),
        "kind": (it.environment != Environment::Production).then(|| it.environment.name()),
    });
    whole(&it.source, facts)
}

fn listing(it: &Listing) -> Value {
    let facts = json!({
        "id": it.id.as_str(),
        "status": if it.listed { "listed" } else { "unlisted" },
        "product": reference(&it.product),
        "contract": reference(&it.contract),
    });
    whole(&it.source, facts)
}

fn subscription(it: &Subscription) -> Value {
    let params = it.parameters.iter().map(|parameter| {
        let constraints = json!({"reconciliation": parameter.reconciliation});
        json!({"id": parameter.id, "value": parameter.value, "constraints": constraints})
    });
    let items = it.items.iter().map(|item| {
        let quantity = item.quantity.map_or_else(|| "unlimited".to_owned(), |quantity| quantity.to_string());
        json!({"id": item.item.as_str(), "quantity": quantity})
    });
    let facts = json!({
        "id": it.id.as_str(),
        "status": it.status.name(),
        "external_id": it.external_id,
        "external_uid": it.external_uid,
        "product": reference(&it.product),
        "contract": reference(&it.contract),
        "connection": it.hub.as_ref().map(|hub| json!({"hub": reference(&hub.id)})),
        "tiers": {"customer": {"external_id": it.customer_external_id, "name": it.customer_name}},
        "params": params.collect::<Vec<_>>(),
        "items": items.collect::<Vec<_>>(),
        "events": it.ended_at.map(|at| json!({"terminated": {"at": at.iso()}})),
    });
    whole(&it.source, facts)
}

fn key(it: &Key) -> Value {
    let mut key = json!({
        "id": it.named.id.as_str(),
        "name": it.named.name,
        "account": reference(&it.account),
        "secret_hash": it.secret_hash.to_string(),
    });
    if it.revoked {
        fill(&mut key, &["revoked"], true.into());
    }
    if let Some(scopes) = &it.scopes.0 {
        fill(&mut key, &["scopes"], scopes.iter().map(|scope| scope.name()).collect());
    }
    key
}
