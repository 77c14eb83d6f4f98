//! What was used of an item in a subscription (connect-api §3.6).

use ledger::catalog::{Catalog, precision_name};
use ledger::file::Stamp;
use ledger::{Decimal, ObjectId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::record::{Asset, Item};
use super::{Event, Exact, given};
use crate::sources::Words;

/// How much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantities<'a> {
    pub(crate) accepted: Decimal,
    pub(crate) consumed: Decimal,
    /// In which currency.
    pub(crate) amount: Option<(Decimal, &'a str)>,
}

/// What was used of an item in a subscription, over the life of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Aggregate {
    /// The item, as the catalog knows it now.
    item: Item,
    /// The subscription.
    asset: Asset,
    /// The price of the usage, where it is reported with prices.
    amount: Option<Exact>,
    /// The currency of the amount.
    #[schema(example = "USD")]
    currency: Option<String>,
    /// What was used of a metered item, or is in use of a reservation.
    consumed: Exact,
    /// What was accepted of a metered item.
    accepted: Exact,
    events: Option<AggregateEvents>,
}

/// When an aggregate changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AggregateEvents {
    /// When the newest file with it was submitted.
    last_reported: Event,
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
    super::value(&Aggregate {
        item: of_item(catalog, item, words),
        asset: of_asset(catalog, subscription),
        amount: quantities.amount.map(|(amount, _)| Exact(amount)),
        currency: quantities.amount.map(|(_, currency)| currency.to_owned()),
        consumed: Exact(quantities.consumed),
        accepted: Exact(quantities.accepted),
        events: last_reported.map(|stamp| AggregateEvents { last_reported: Event::new(stamp) }),
    })
}

pub(crate) fn of_item(catalog: &Catalog, id: &ObjectId, words: &Words) -> Item {
    let local_id = words.local_id.clone().unwrap_or_else(|| id.as_str().replace('-', "_"));
    let known = catalog.items.get(id);
    Item {
        id: id.to_string(),
        local_id: given(local_id),
        name: known.and_then(|item| given(item.named.name.clone())),
        unit: known.and_then(|item| given(item.unit.clone())),
        mpn: known.and_then(|item| given(item.mpn.clone())),
        precision: known.map(|item| precision_name(item.places)),
        kind: known.map(|item| item.kind.api()),
    }
}

pub(crate) fn of_asset(catalog: &Catalog, id: &ObjectId) -> Asset {
    let known = catalog.subscriptions.get(id);
    Asset {
        id: id.to_string(),
        external_id: known.and_then(|subscription| given(subscription.external_id.clone())),
        external_uid: known.and_then(|subscription| given(subscription.external_uid.clone())),
        recon_id: None,
    }
}
