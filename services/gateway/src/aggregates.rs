//! `/usage/aggregates`: what was used of each item in each subscription, over the life of the ledger. Made from the
//! summaries of the files that were accepted, never from their records.
//!
//! `accepted` is the sum over pay-as-you-go usage. Of a file whose records have tiers the lowest tier counts, since the
//! tiers tell the same usage at several prices. `consumed` of a reservation is what the latest file says of it, as a
//! report tells how much of it is in use. Estimates count nowhere, nor do files outside production.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use ledger::catalog::{Catalog, Environment, ItemKind};
use ledger::fact::SummaryLine;
use ledger::file::{Stamp, UsageFile};
use ledger::{Decimal, ObjectId, Scope};
use serde_json::Value;

use crate::app::App;
use crate::catalog::known_asset;
use crate::error::Answered;
use crate::files::{FILES_AT_ONCE, aside};
use crate::json::aggregate;
use crate::listing::{Found, Wanted};
use crate::openapi::{Reading, params, tag};
use crate::past::{Known, Reader};
use crate::sources::Sources;
use crate::visibility::Kind;

/// List what was used
///
/// Of each item in each subscription, over the life of the ledger.
#[utoipa::path(
    get,
    path = "/public/v1/usage/aggregates",
    operation_id = "list_aggregates",
    tag = tag::AGGREGATES,
    params(params::AsOf, params::Paging),
    responses((status = 200, description = "A page of aggregates", body = Vec<aggregate::Aggregate>), Reading),
)]
pub(crate) async fn list(reader: Reader) -> Answered {
    found(reader, None).await
}

/// List what was used, as an SDK spells it
///
/// The same as without the slip (connect-api §2.4).
#[utoipa::path(
    get,
    path = "/public/v1/usage/agregates",
    operation_id = "list_agregates",
    tag = tag::AGGREGATES,
    params(params::AsOf, params::Paging),
    responses((status = 200, description = "A page of aggregates", body = Vec<aggregate::Aggregate>), Reading),
)]
pub(crate) async fn list_as_sdk(reader: Reader) -> Answered {
    list(reader).await
}

/// List what was used in a subscription
#[utoipa::path(
    get,
    path = "/public/v1/assets/{id}/usage/aggregates",
    operation_id = "list_aggregates_of_asset",
    tag = tag::AGGREGATES,
    params(params::AssetId, params::AsOf, params::Paging),
    responses((status = 200, description = "A page of aggregates", body = Vec<aggregate::Aggregate>), Reading),
)]
pub(crate) async fn of_asset(reader: Reader, State(app): State<Arc<App>>, Path(id): Path<String>) -> Answered {
    let asset = known_asset(&app, &reader.scope, &id).await?;
    found(reader, Some(asset)).await
}

async fn found(reader: Reader, asset: Option<ObjectId>) -> Answered {
    let wanted = Wanted::new(reader.query.as_deref(), rql::AGGREGATES, Kind::Catalog, &reader.scope)?;
    let known = reader.known(None).await?;
    let scope = reader.scope.clone();
    let found = aside("aggregates", move || page(&known, &scope, &wanted, asset.as_ref()));
    Ok(reader.answer(found.await?))
}

fn page(known: &Known, scope: &Scope, wanted: &Wanted, asset: Option<&ObjectId>) -> Found {
    let catalog = known.catalog();
    let named = wanted.query.required_values("asset.id");
    let uids = wanted.query.required_values("asset.external_uid");
    let is_wanted = |id: &ObjectId| {
        let uid = || catalog.subscriptions.get(id).map(|subscription| subscription.external_uid.as_str());
        asset.is_none_or(|asset| asset == id)
            && named.as_ref().is_none_or(|ids| ids.contains(&id.as_str()))
            && uids.as_ref().is_none_or(|uids| uid().is_some_and(|uid| uids.contains(&uid)))
    };
    let mut sums = Sums::default();
    let ids: Vec<_> = known.ledger().files.keys().copied().collect();
    for ids in ids.chunks(FILES_AT_ONCE) {
        let ledger = known.ledger();
        let files = ids.iter().filter_map(|&id| Some((id, ledger.file(id)?)));
        for (_, file) in files.filter(|(id, file)| known.sees(scope, *id, file)) {
            sums.add(file, &catalog, is_wanted);
        }
    }
    wanted.page_of(sums.0.iter().map(|(key, sum)| shown(known.sources(), &catalog, key, sum)))
}

/// Subscription, item and currency.
type Key = (ObjectId, ObjectId, String);

#[derive(Debug, Default)]
struct Sums(BTreeMap<Key, Sum>);

/// What was used of one item in one subscription.
#[derive(Clone, Debug, Default)]
struct Sum {
    accepted: Decimal,
    consumed: Decimal,
    amount: Decimal,
    last_reported: Option<Stamp>,
}

impl Sums {
    fn add(&mut self, file: &UsageFile, catalog: &Catalog, is_wanted: impl Fn(&ObjectId) -> bool) {
        let Some(created) = file.approval.created.as_deref() else { return };
        let counts = file.is_accepted() && !created.predictive && created.environment == Environment::Production;
        let Some(checking) = file.current_checking().filter(|_| counts) else { return };
        let reported = file.approval.submitted_at.as_ref();
        for line in lowest_tiers(&checking.summary).filter(|line| is_wanted(&line.subscription)) {
            let kind = catalog.items.get(&line.item).map_or(ItemKind::PayAsYouGo, |item| item.kind);
            // What is in use of a reservation has no price.
            let currency = created.currency.as_ref().filter(|_| kind == ItemKind::PayAsYouGo);
            let key = (line.subscription.clone(), line.item.clone(), currency.cloned().unwrap_or_default());
            self.0.entry(key).or_default().add(line, kind, reported);
        }
    }
}

impl Sum {
    fn add(&mut self, line: &SummaryLine, kind: ItemKind, reported: Option<&Stamp>) {
        let at = |stamp: Option<&Stamp>| stamp.map(|stamp| stamp.at);
        let is_latest = at(reported).cmp(&at(self.last_reported.as_ref())) != Ordering::Less;
        match kind {
            ItemKind::PayAsYouGo => {
                self.accepted = self.accepted.saturating_add(line.quantity);
                self.consumed = self.accepted;
                self.amount = self.amount.saturating_add(line.amount);
            }
            ItemKind::Reservation if is_latest => self.consumed = line.quantity,
            ItemKind::Reservation => {}
        }
        if is_latest {
            self.last_reported = reported.cloned();
        }
    }
}

/// The first line of each subscription and item, which has the lowest tier.
fn lowest_tiers(lines: &[SummaryLine]) -> impl Iterator<Item = &SummaryLine> {
    let same = |left: &SummaryLine, right: &SummaryLine| {
        (&left.subscription, &left.item) == (&right.subscription, &right.item)
    };
    lines.chunk_by(same).filter_map(|alike| alike.first())
}

fn shown(sources: &Sources, catalog: &Catalog, (subscription, item, currency): &Key, sum: &Sum) -> Value {
    let words = sources.words(catalog, item);
    let quantities = aggregate::Quantities {
        accepted: sum.accepted,
        consumed: sum.consumed,
        amount: (!currency.is_empty()).then_some((sum.amount, currency)),
    };
    aggregate::shown(catalog, subscription, item, &words, &quantities, sum.last_reported.as_ref())
}
