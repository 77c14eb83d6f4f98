//! What was used of each item in each subscription: the API's aggregates.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::Months;
use serde::Deserialize;
use serde_json::Number;

use std::sync::Arc;

use crate::Portal;
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::fault::Fault;
use crate::figure::{Figure, column};
use crate::query::{encoded, pattern};
use crate::shape::Event;
use crate::signed::Signed;
use crate::time::day;

/// Lines of a page.
const SHOWN: u64 = 50;
/// Months that are offered.
const MONTHS: u32 = 13;

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    usage: String,
    q: String,
    page: u64,
}

impl Wanted {
    fn path(&self) -> String {
        let first = self.page.saturating_mul(SHOWN);
        let mut path = format!("/public/v1/usage/aggregates?limit={SHOWN}&offset={first}");
        if !self.usage.is_empty() {
            path.push_str(&format!("&usage={}", encoded(&self.usage)));
        }
        if !self.q.trim().is_empty() {
            let pattern = pattern(&self.q);
            let any = ["asset.id", "asset.external_uid", "item.id", "item.local_id"];
            let any = any.map(|field| format!("ilike({field},{pattern})"));
            path.push_str(&format!("&({})", any.join("|")));
        }
        path
    }

    fn at(&self, page: u64) -> String {
        format!("/usage?usage={}&q={}&page={page}", encoded(&self.usage), encoded(&self.q))
    }
}

/// What was used of an item in a subscription.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Aggregate {
    item: Item,
    asset: Asset,
    amount: Option<Number>,
    currency: String,
    consumed: Option<Number>,
    events: Events,
    /// What was consumed, as it is shown.
    #[serde(skip)]
    used: Figure,
    /// The amount, as it is shown.
    #[serde(skip)]
    price: Figure,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    id: String,
    name: String,
    mpn: String,
    unit: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asset {
    id: String,
    external_id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Events {
    last_reported: Option<Event>,
}

#[derive(Template)]
#[template(path = "usage.html")]
struct Usage {
    chrome: Chrome,
    wanted: Wanted,
    months: Vec<String>,
    lines: Vec<Aggregate>,
    total: Count,
    first: Count,
    last: Count,
    earlier: Option<String>,
    later: Option<String>,
}

/// The last months, the newest first, as `2026-10`.
pub(crate) fn months(portal: &Portal, count: u32) -> Vec<String> {
    let now = (portal.now)();
    (0..count).map(|before| day(now, Months::new(before)).chars().take("2026-10".len()).collect()).collect()
}

/// The page.
pub(crate) async fn list(
    signed: Signed,
    State(portal): State<Arc<Portal>>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let mut found = signed.api.list::<Aggregate>(&wanted.path()).await?;
    let used = column(found.items.iter().map(|line| line.consumed.as_ref()));
    let prices = column(found.items.iter().map(|line| line.amount.as_ref()));
    for (line, (used, price)) in found.items.iter_mut().zip(used.into_iter().zip(prices)) {
        (line.used, line.price) = (used, price);
    }
    let before = wanted.page.saturating_mul(SHOWN);
    let last = before.saturating_add(found.items.len() as u64);
    Ok(page(&Usage {
        chrome: signed.chrome("usage"),
        months: months(&portal, MONTHS),
        first: Count(if found.items.is_empty() { 0 } else { before.saturating_add(1) }),
        last: Count(last),
        earlier: wanted.page.checked_sub(1).map(|page| wanted.at(page)),
        later: (last < found.total.0).then(|| wanted.at(wanted.page.saturating_add(1))),
        total: found.total,
        lines: found.items,
        wanted,
    }))
}
