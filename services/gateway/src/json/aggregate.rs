//! What was used of an item in a subscription (connect-api §3.6).

use ledger::catalog::{Catalog, precision_name};
use ledger::file::Stamp;
use ledger::{Decimal, ObjectId};
use serde_json::{Value, json};

use super::{Object, exact, stamp};
use crate::sources::Words;

/// How much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantities<'a> {
    pub(crate) accepted: Decimal,
    pub(crate) consumed: Decimal,
    /// In which currency.
    pub(crate) amount: Option<(Decimal, &'a str)>,
}

/// An aggregate, with what the catalog knows of its item and subscription now.
pub(crate) fn shown(
    catalog: &Catalog,
    subscription: &ObjectId,
    item: &ObjectId,
    words: &Words,
    quantities: &Quantities<'_>,
    last_reported: Option<&Stamp>,
) -> Value {
    let mut object = Object::default();
    object.put("item", of_item(catalog, item, words)).put("asset", of_asset(catalog, subscription));
    if let Some((amount, currency)) = quantities.amount {
        object.put("amount", exact(amount)).put("currency", currency);
    }
    object.put("consumed", exact(quantities.consumed)).put("accepted", exact(quantities.accepted));
    object.put_some("events", last_reported.map(|at| json!({ "last_reported": stamp(at) })));
    object.done()
}

fn of_item(catalog: &Catalog, id: &ObjectId, words: &Words) -> Value {
    let local_id = words.local_id.clone().unwrap_or_else(|| id.as_str().replace('-', "_"));
    let mut object = Object::default();
    object.put("id", id.as_str()).put("local_id", local_id);
    if let Some(item) = catalog.items.get(id) {
        object.put("name", item.named.name.as_str()).put("unit", item.unit.as_str()).put("mpn", item.mpn.as_str());
        object.put("precision", precision_name(item.places)).put("type", item.kind.api());
    }
    object.done()
}

fn of_asset(catalog: &Catalog, id: &ObjectId) -> Value {
    let mut object = Object::default();
    object.put("id", id.as_str());
    if let Some(subscription) = catalog.subscriptions.get(id) {
        object.put("external_id", subscription.external_id.as_str());
        object.put("external_uid", subscription.external_uid.as_str());
    }
    object.done()
}
