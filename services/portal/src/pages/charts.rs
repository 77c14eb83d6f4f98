//! Usage and amounts by day, by product and by customer: a page of its own, which the start page shows too.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::usage::months;
use crate::Portal;
use crate::chart::{Chart, Series, charts};
use crate::chrome::{Chrome, page};
use crate::fault::Fault;
use crate::query::encoded;
use crate::signed::Signed;

/// Months that are offered.
const MONTHS: u32 = 13;

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// A month, or `year` for the last twelve.
    usage: String,
}

#[derive(Template)]
#[template(path = "charts.html")]
struct Charts {
    chrome: Chrome,
    wanted: Wanted,
    months: Vec<String>,
    charts: Vec<Chart>,
    /// Why days can't be shown, in the API's words.
    unable: Option<String>,
}

/// The page.
pub(crate) async fn show(
    signed: Signed,
    State(portal): State<Arc<Portal>>,
    Query(mut wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let months = months(&portal, MONTHS);
    // The month before this one is the newest that is over.
    if wanted.usage.is_empty() {
        months.get(1).cloned().unwrap_or_default().clone_into(&mut wanted.usage);
    }
    let year = wanted.usage == "year";
    let span = match (year, months.last(), months.first()) {
        (true, Some(first), Some(last)) => format!("{first}..{last}"),
        _ => wanted.usage.clone(),
    };
    let (by, title, of) = if year { ("month", "By month", "Month") } else { ("day", "By day of usage", "Day") };
    let mut shown = Vec::new();
    let mut unable = None;
    match series(&signed, by, &span).await {
        Ok(series) => shown.extend(charts(&series, title, of, true)),
        Err(Fault::Refused { errors, .. }) => unable = Some(errors.join(" ")),
        Err(other) => return Err(other),
    }
    if unable.is_none() {
        shown.extend(charts(&series(&signed, "product", &span).await?, "By product", "Product", false));
        shown.extend(charts(&series(&signed, "customer", &span).await?, "By customer", "Customer", false));
    }
    Ok(page(&Charts { chrome: signed.chrome("usage"), wanted, months, charts: shown, unable }))
}

async fn series(signed: &Signed, by: &str, span: &str) -> Result<Series, Fault> {
    signed.api.get(&format!("/ledger/v1/usage/series?by={by}&usage={}", encoded(span))).await
}
