//! The start page: what waits for whoever is signed in, and how many files stand where.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use ledger::Moment;

use super::new::World;
use super::usage::months;
use crate::Portal;
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::fault::Fault;
use crate::shape::File;
use crate::signed::{Role, Signed};

/// Files of a group that are shown; the rest is a link away.
const SHOWN: u64 = 5;
/// After so many days a file that waits is late.
const LATE_DAYS: i64 = 5;
/// Offers that are looked at for what wasn't reported: each is a question to the API.
const OFFERS_LOOKED_AT: usize = 20;
/// Its newest files.
const REPORTS_LOOKED_AT: u64 = 100;

/// Files that wait for the same.
struct Waiting {
    /// What is to be done.
    title: &'static str,
    /// Why, in a sentence.
    about: &'static str,
    status: &'static str,
    files: Vec<File>,
    total: Count,
    now: Moment,
}

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    chrome: Chrome,
    role: Role,
    waiting: Vec<Waiting>,
    counts: Vec<(&'static str, Count)>,
    /// What isn't reported yet of the month before this one.
    missing: Vec<Missing>,
    month: String,
}

/// Something that can be reported, and wasn't.
struct Missing {
    product: String,
    marketplace: String,
    provider: String,
    /// The wizard's last step, filled in as far as it goes.
    to: String,
}

/// What a vendor didn't report of a month: products that are offered where no production file's period has begun in it.
async fn missing(signed: &Signed, month: &str) -> Result<Vec<Missing>, Fault> {
    let world = World::of(signed).await?;
    let mut missing = Vec::new();
    for (product, listing) in world.reportable().into_iter().take(OFFERS_LOOKED_AT) {
        let (contract, market) = (&listing.contract.id, &listing.contract.marketplace);
        let path = format!(
            "/public/v1/usage/files?product.id={}&contract.id={contract}&environment=production\
             &out(status,(draft,deleted,invalid,rejected))&ordering=-created.at&limit={REPORTS_LOOKED_AT}",
            product.id
        );
        let reports = signed.api.list::<File>(&path).await?.items;
        let begins = |file: &File| file.period.as_ref().is_some_and(|period| period.from.iso().starts_with(month));
        if !reports.iter().any(begins) {
            missing.push(Missing {
                product: product.name.clone(),
                marketplace: market.name.clone(),
                provider: listing.provider.name.clone(),
                to: format!(
                    "/files/new?step=6&product={}&environment=production&provider={}&marketplace={}",
                    product.id, listing.provider.id, market.id
                ),
            });
        }
    }
    Ok(missing)
}

impl Waiting {
    /// Whether a file has waited longer than is usual.
    fn is_late(&self, file: &File) -> bool {
        let at = match self.status {
            "pending" => file.events.submitted.as_ref(),
            "accepted" => file.events.submitted.as_ref().or(file.events.uploaded.as_ref()),
            _ => file.events.uploaded.as_ref().or(file.events.created.as_ref()),
        };
        at.is_some_and(|event| event.at.before(self.now).num_days() >= LATE_DAYS)
    }
}

/// What each side has to do: status, title, sentence.
fn duties(role: Role) -> &'static [(&'static str, &'static str, &'static str)] {
    match role {
        Role::Vendor => &[
            ("invalid", "Correct and upload again", "Some records have errors. Each one is named with its fix."),
            ("rejected", "Rejected by the distributor", "Read the note, correct the workbook and upload it again."),
            ("ready", "Ready to submit", "Checked and without an error; the distributor doesn't see them yet."),
            ("draft", "Waiting for a workbook", "Nothing was uploaded yet."),
        ],
        Role::Distributor | Role::Reseller => &[
            ("pending", "Waiting for your decision", "Accept them, or reject them with a note to the vendor."),
            ("accepted", "Waiting to be billed and closed", "Bill the chunks and upload the reconciliation."),
        ],
        Role::Operator => &[
            ("invalid", "With errors", "Their vendors have to correct them."),
            ("pending", "Waiting for a decision", "Their distributors have to accept or reject them."),
        ],
    }
}

/// The statuses in which a side can see a file.
fn statuses(role: Role) -> &'static [&'static str] {
    match role {
        Role::Distributor | Role::Reseller => &["pending", "rejected", "accepted", "closed"],
        Role::Vendor | Role::Operator => {
            &["draft", "processing", "invalid", "ready", "pending", "rejected", "accepted", "closed"]
        }
    }
}

/// The page.
pub(crate) async fn show(signed: Signed, State(portal): State<Arc<Portal>>) -> Result<Response, Fault> {
    let api = &signed.api;
    let now = (portal.now)();
    let mut waiting = Vec::new();
    for &(status, title, about) in duties(signed.who.role) {
        let path = format!("/public/v1/usage/files?status={status}&ordering=created.at&limit={SHOWN}");
        let found = api.list::<File>(&path).await?;
        if !found.total.is_none() {
            waiting.push(Waiting { title, about, status, files: found.items, total: found.total, now });
        }
    }
    let mut counts = Vec::new();
    for &status in statuses(signed.who.role) {
        let found = api.list::<File>(&format!("/public/v1/usage/files?status={status}&limit=1")).await?;
        counts.push((status, found.total));
    }
    let months = months(&portal, 2);
    let month = months.into_iter().next_back().unwrap_or_default();
    let missing = if signed.who.role.is_vendor() { missing(&signed, &month).await? } else { Vec::new() };
    Ok(page(&Start { chrome: signed.chrome("start"), role: signed.who.role, waiting, counts, missing, month }))
}
