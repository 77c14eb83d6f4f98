//! What clients read of an object although its catalog file doesn't say it (connect-api §2.9, §3.8 to §3.10): made from
//! what is known here. What the file says stays as it is.

use std::collections::BTreeSet;

use ledger::{Catalog, Moment, ObjectId, Scope};
use serde_json::{Map, Value, json};

use super::sight::{self, Collection};

/// What objects are completed from.
#[derive(Debug)]
pub(super) struct Completion<'a> {
    catalog: &'a Catalog,
    scope: &'a Scope,
    /// Product and provider of each active usage rule.
    ruled: &'a BTreeSet<(ObjectId, ObjectId)>,
}

impl<'a> Completion<'a> {
    pub(super) fn new(catalog: &'a Catalog, scope: &'a Scope, ruled: &'a BTreeSet<(ObjectId, ObjectId)>) -> Self {
        Self { catalog, scope, ruled }
    }

    /// An object with what its file left out.
    pub(super) fn complete(&self, collection: Collection, mut object: Value) -> Value {
        let id = object.get("id").and_then(Value::as_str).and_then(ObjectId::new);
        let (Some(id), Value::Object(members)) = (id, &mut object) else { return object };
        self.date(collection, &id, members);
        match collection {
            Collection::Hubs => fill(members, "stats", || self.stats_of(&id)),
            Collection::Marketplaces => fill(members, "hubs", || json!([])),
            Collection::Products => self.show_rules(&id, members),
            Collection::Contracts => {
                let known = self.catalog.contracts.get(&id);
                fill(members, "kind", || known.map_or(Value::Null, |known| known.environment.name().into()));
            }
            Collection::Assets => {
                for (name, empty) in [("tiers", json!({})), ("params", json!([])), ("items", json!([]))] {
                    fill(members, name, || empty);
                }
            }
            Collection::Accounts | Collection::Listings => {}
        }
        object
    }

    /// When it was made and changed: here, where the file names no time.
    fn date(&self, collection: Collection, id: &ObjectId, members: &mut Map<String, Value>) {
        let Some(&(first, last)) = self.catalog.recorded.get(id) else { return };
        let (first, last) = (to_the_second(first), to_the_second(last));
        if collection == Collection::Listings {
            fill(members, "created", || first.into());
            fill(members, "updated", || last.into());
            return;
        }
        fill(members, "events", || json!({}));
        if let Some(Value::Object(events)) = members.get_mut("events") {
            fill(events, "created", || json!({ "at": first }));
            fill(events, "updated", || json!({ "at": last }));
        }
    }

    /// How often the hub is used among what the caller sees: a connection joins it with a product under a contract.
    fn stats_of(&self, hub: &ObjectId) -> Value {
        let catalog = self.catalog;
        let sold = catalog.subscriptions.values().filter(|asset| asset.hub.as_ref().is_some_and(|it| it.id == *hub));
        let sold = sold.filter(|asset| sight::sees_under(catalog, &asset.contract, self.scope));
        let connections: BTreeSet<_> = sold.map(|asset| (&asset.contract, &asset.product)).collect();
        let own = sight::own_marketplaces(catalog, self.scope);
        let bound = catalog.marketplaces.iter().filter(|(id, _)| own.contains(*id));
        let marketplaces = bound.filter(|(_, market)| market.hubs.iter().any(|it| it.hub == *hub)).count();
        json!({ "connections": connections.len(), "marketplaces": marketplaces })
    }

    /// Whether providers may have rules, and which of them do, as far as that is the caller's business.
    fn show_rules(&self, product: &ObjectId, members: &mut Map<String, Value>) {
        fill(members, "usage_rule", || json!({ "enabled": true }));
        let Some(Value::Object(rule)) = members.get_mut("usage_rule") else { return };
        let (catalog, scope) = (self.catalog, self.scope);
        let providers = self.ruled.iter().filter(|(of, _)| of == product).map(|(_, provider)| provider);
        let shown = providers.filter(|id| sight::sees_account(id, scope));
        fill(rule, "providers", || {
            shown
                .map(|id| {
                    let named = catalog.account_named(id);
                    json!({ "id": named.id.as_str(), "name": named.name.as_str() })
                })
                .collect()
        });
    }
}

/// A time as Connect's own reports read it: they know no fraction of a second.
fn to_the_second(at: Moment) -> String {
    at.utc().format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// Sets a member that isn't there.
fn fill(members: &mut Map<String, Value>, name: &str, make: impl FnOnce() -> Value) {
    if members.get(name).is_none_or(Value::is_null) {
        members.insert(name.to_owned(), make());
    }
}
