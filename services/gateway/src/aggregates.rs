//! `/usage/aggregates`: what was used of each item in each subscription, over the life of the ledger. Made from the
//! summaries of the files that were accepted, never from their records.
//!
//! `accepted` is the sum over pay-as-you-go usage. Of a file whose records have tiers the lowest tier counts, since the
//! tiers tell the same usage at several prices. `consumed` of a reservation is what the latest file says of it, as a
//! report tells how much of it is in use. With `usage` only what was used in those days counts. Estimates count nowhere, nor do files outside production.

pub(crate) mod comparison;
pub(crate) mod kept;
pub(crate) mod series;
mod window;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use ledger::catalog::{Catalog, Environment, ItemKind};
use ledger::fact::SummaryLine;
use ledger::file::{Checking, Stamp, UsageFile};
use ledger::{Decimal, FileId, ObjectId, Scope};
use serde_json::Value;

use crate::app::App;
use crate::catalog::known_asset;
use crate::error::{Answered, ApiError};
use crate::files::{FILES_AT_ONCE, aside};
use crate::json::aggregate;
use crate::listing::{Found, Wanted};
use crate::openapi::{Reading, params, tag};
use crate::past::{Known, Reader};
use crate::sources::Sources;
use crate::visibility::Kind;

use window::{Edge, Lies, USAGE, Window};

/// List what was used
///
/// Of each item in each subscription, over the life of the ledger.
#[utoipa::path(
    get,
    path = "/public/v1/usage/aggregates",
    operation_id = "list_aggregates",
    tag = tag::AGGREGATES,
    params(params::Usage, params::AsOf, params::Paging),
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
    params(params::Usage, params::AsOf, params::Paging),
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
    params(params::AssetId, params::Usage, params::AsOf, params::Paging),
    responses((status = 200, description = "A page of aggregates", body = Vec<aggregate::Aggregate>), Reading),
)]
pub(crate) async fn of_asset(reader: Reader, State(app): State<Arc<App>>, Path(id): Path<String>) -> Answered {
    let asset = known_asset(&app, &reader.scope, &id).await?;
    found(reader, Some(asset)).await
}

async fn found(reader: Reader, asset: Option<ObjectId>) -> Answered {
    let once = |rql::Twice| ApiError::field(USAGE, "Give it once.");
    let (usage, query) = rql::take_parameter(reader.query.as_deref().unwrap_or_default(), USAGE).map_err(once)?;
    let window = usage.map(|text| Window::parse(&text)).transpose()?;
    let wanted = Wanted::new(Some(&query), rql::AGGREGATES, Kind::Catalog, &reader.scope)?;
    let known = reader.known(None).await?;
    let scope = reader.scope.clone();
    let found = aside("aggregates", move || page(&known, &scope, &wanted, asset.as_ref(), window));
    Ok(reader.answer(found.await??))
}

fn page(
    known: &Known,
    scope: &Scope,
    wanted: &Wanted,
    asset: Option<&ObjectId>,
    window: Option<Window>,
) -> Result<Found, ApiError> {
    let catalog = known.catalog();
    let shown =
        |sums: &Sums| wanted.page_of(sums.0.iter().map(|(key, sum)| shown(known.sources(), &catalog, key, sum)));
    let named = wanted.query.required_values("asset.id");
    let uids = wanted.query.required_values("asset.external_uid");
    let is_wanted = |id: &ObjectId| {
        let uid = || catalog.subscriptions.get(id).map(|subscription| subscription.external_uid.as_str());
        asset.is_none_or(|asset| asset == id)
            && named.as_ref().is_none_or(|ids| ids.contains(&id.as_str()))
            && uids.as_ref().is_none_or(|uids| uid().is_some_and(|uid| uids.contains(&uid)))
    };
    let some = asset.is_some() || named.is_some() || uids.is_some();
    let make = || sums(known, scope, window, is_wanted);
    if some {
        return make().map(|sums| shown(&sums));
    }
    let question = window.map_or_else(String::new, |window| window.to_string());
    known.app().sums.get(known, scope, question, make).map(|sums| shown(&sums))
}

/// Adds up what a caller sees of the subscriptions that are wanted.
fn sums(
    known: &Known,
    scope: &Scope,
    window: Option<Window>,
    is_wanted: impl Fn(&ObjectId) -> bool,
) -> Result<Sums, ApiError> {
    let catalog = known.catalog();
    let (mut sums, mut edges) = (Sums::default(), Vec::new());
    let ids: Vec<_> = known.ledger().files.keys().copied().collect();
    for ids in ids.chunks(FILES_AT_ONCE) {
        let ledger = known.ledger();
        let files = ids.iter().filter_map(|&id| Some((id, ledger.file(id)?)));
        for (id, file) in files.filter(|(id, file)| known.sees(scope, *id, file)) {
            let Some((report, checking)) = Report::of(file) else { continue };
            match window.map_or(Lies::Within, |window| window.lies(file)) {
                Lies::Within => sums.add(&report, &checking.summary, &catalog, &is_wanted),
                Lies::Across => edges.push((report, Edge::new(id, checking))),
                Lies::Outside => {}
            }
        }
    }
    // The ledger isn't held while records are read.
    for (window, (report, edge)) in window.iter().flat_map(|window| edges.iter().map(move |edge| (window, edge))) {
        sums.add(report, &window.summary(&known.app().records, edge)?, &catalog, &is_wanted);
    }
    Ok(sums)
}

/// Subscription, item and currency.
type Key = (ObjectId, ObjectId, String);

#[derive(Debug, Default)]
pub(crate) struct Sums(BTreeMap<Key, Sum>);

/// What was used of one item in one subscription.
#[derive(Clone, Debug, Default)]
struct Sum {
    accepted: Decimal,
    consumed: Decimal,
    amount: Decimal,
    last_reported: Option<Stamp>,
}

/// What counts of a file beside its lines.
#[derive(Clone, Debug)]
struct Report {
    currency: Option<String>,
    reported: Option<Stamp>,
}

/// What of a file counts, as far as sums can tell: the verdict, if it does.
pub(crate) fn verdict(id: FileId, file: &UsageFile) -> Option<(FileId, u64)> {
    Report::of(file).map(|(_, checking)| Edge::new(id, checking).key())
}

impl Report {
    /// Of a file that counts, with its summary.
    fn of(file: &UsageFile) -> Option<(Self, &Checking)> {
        let created = file.approval.created.as_deref()?;
        let counts = file.is_accepted() && !created.predictive && created.environment == Environment::Production;
        let checking = file.current_checking().filter(|_| counts)?;
        Some((Self { currency: created.currency.clone(), reported: file.approval.submitted_at.clone() }, checking))
    }
}

impl Sums {
    fn add(
        &mut self,
        report: &Report,
        lines: &[SummaryLine],
        catalog: &Catalog,
        is_wanted: impl Fn(&ObjectId) -> bool,
    ) {
        for line in lowest_tiers(lines).filter(|line| is_wanted(&line.subscription)) {
            let kind = catalog.items.get(&line.item).map_or(ItemKind::PayAsYouGo, |item| item.kind);
            // What is in use of a reservation has no price.
            let currency = report.currency.as_ref().filter(|_| kind == ItemKind::PayAsYouGo);
            let key = (line.subscription.clone(), line.item.clone(), currency.cloned().unwrap_or_default());
            self.0.entry(key).or_default().add(line, kind, report.reported.as_ref());
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
