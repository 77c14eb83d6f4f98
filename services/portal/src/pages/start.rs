//! The start page: what waits for whoever is signed in, and how many files stand where.

use askama::Template;
use axum::response::Response;

use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::fault::Fault;
use crate::shape::File;
use crate::signed::{Role, Signed};

/// Files of a group that are shown; the rest is a link away.
const SHOWN: u64 = 5;

/// Files that wait for the same.
struct Waiting {
    /// What is to be done.
    title: &'static str,
    /// Why, in a sentence.
    about: &'static str,
    status: &'static str,
    files: Vec<File>,
    total: Count,
}

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    chrome: Chrome,
    role: Role,
    waiting: Vec<Waiting>,
    counts: Vec<(&'static str, Count)>,
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

const STATUSES: [&str; 8] = ["draft", "processing", "invalid", "ready", "pending", "rejected", "accepted", "closed"];

/// The page.
pub(crate) async fn show(signed: Signed) -> Result<Response, Fault> {
    let api = &signed.api;
    let mut waiting = Vec::new();
    for &(status, title, about) in duties(signed.who.role) {
        let path = format!("/public/v1/usage/files?status={status}&ordering=-created.at&limit={SHOWN}");
        let found = api.list::<File>(&path).await?;
        if !found.total.is_none() {
            waiting.push(Waiting { title, about, status, files: found.items, total: found.total });
        }
    }
    let mut counts = Vec::new();
    for status in STATUSES {
        let found = api.list::<File>(&format!("/public/v1/usage/files?status={status}&limit=1")).await?;
        counts.push((status, found.total));
    }
    Ok(page(&Start { chrome: signed.chrome("start"), role: signed.who.role, waiting, counts }))
}
