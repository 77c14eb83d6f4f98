//! A usage file: what it is, where its records stand, what can be done with it, and everything that was.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

use super::changes::{self, Changes};
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::fault::Fault;
use crate::shape::{Chunk, File, Lifecycle, Reconciliation, Step, Wrong};
use crate::signed::{Role, Signed};
use crate::time::At;

/// Things wrong in records that are shown; the rest is in the workbook of rejects.
const WRONG_SHOWN: u64 = 50;
/// Changes against the period before that are shown; the rest is a link away.
const CHANGES_SHOWN: usize = 10;
/// Steps of the timeline that are shown at once.
const STEPS_SHOWN: u64 = 200;
/// Chunks and reconciliations that are shown.
const PARTS_SHOWN: u64 = 100;

/// What the address says beside the file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// After which of its steps the file is shown, from 1; as it is now without one.
    step: usize,
}

/// A button.
struct Button {
    action: String,
    label: &'static str,
    /// Whether it is what most people come for.
    main: bool,
    /// The field for a note: what it is called and says.
    note: Option<(&'static str, &'static str)>,
    /// What is asked before it is done.
    sure: Option<&'static str>,
}

fn button(action: &str) -> Option<Button> {
    let (label, main, note, sure) = match action {
        "submit" => ("Submit", true, None, None),
        "accept" => ("Accept", true, Some(("acceptance_note", "A note to the vendor, if you like")), None),
        "reject" => ("Reject", false, Some(("rejection_note", "What the vendor has to change")), None),
        "reprocess" => ("Check again", false, None, None),
        "seal" => ("Complete reporting", true, None, Some("Records can't be reported to it any more.")),
        "delete" => ("Delete", false, None, Some("It can't be brought back; its history stays.")),
        _ => return None,
    };
    Some(Button { action: action.to_owned(), label, main, note, sure })
}

#[derive(Template)]
#[template(path = "file.html")]
struct Details {
    chrome: Chrome,
    file: File,
    meaning: String,
    /// When the step was that it is shown after; none for now.
    past: Option<At>,
    /// The number of that step, or of the last one.
    step: usize,
    buttons: Vec<Button>,
    uploads: bool,
    reconciles: bool,
    closes: bool,
    /// Whether there is a statement about it.
    states: bool,
    wrong: Vec<Wrong>,
    wrong_total: Count,
    /// What changed against the period before, for whoever decides.
    changes: Option<Changes>,
    chunks: Vec<Chunk>,
    reconciliations: Vec<Reconciliation>,
    steps: Vec<Step>,
    once: String,
}

impl Details {
    /// Whether the file is shown as it was after a step.
    fn is_at(&self, step: &usize) -> bool {
        self.past.is_some() && self.step == *step
    }
}

/// The page.
pub(crate) async fn show(
    signed: Signed,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    let api = &signed.api;
    let id = clean(&id)?.to_owned();
    let path = format!("/ledger/v1/usage/files/{id}/history?limit={STEPS_SHOWN}");
    let steps = api.list::<Step>(&path).await?.items;
    let past = asked.step.checked_sub(1).and_then(|index| steps.get(index)).map(|step| step.recorded_at);
    let then = |path: String, joint| past.map_or(path.clone(), |at| format!("{path}{joint}as_of={}", at.exact()));
    let file: File = api.get(&then(format!("/public/v1/usage/files/{id}"), '?')).await?;
    let lifecycle: Lifecycle = api.get("/ledger/v1/lifecycle").await?;
    let sides = if past.is_some() { &[] } else { sides(signed.who.role, &file) };
    let may: Vec<&str> = lifecycle
        .transitions
        .iter()
        .filter(|line| sides.contains(&line.side.as_str()) && line.from.contains(&file.status))
        .map(|line| line.action.as_str())
        .collect();
    let buttons = may.iter().filter(|action| makes_sense(action, &file, sides)).filter_map(|action| button(action));
    let meaning = lifecycle.statuses.iter().find(|line| line.status == file.status);
    let meaning = meaning.map(|line| line.meaning.clone()).unwrap_or_default();
    let (mut wrong, mut wrong_total) = (Vec::new(), Count::default());
    if !file.stats.invalid.is_none() && sides.contains(&"vendor") {
        let path = format!("/public/v1/usage/files/{id}/validation-errors?limit={WRONG_SHOWN}");
        let found = api.list::<Wrong>(&path).await?;
        (wrong, wrong_total) = (found.items, found.total);
    }
    let (mut chunks, mut reconciliations) = (Vec::new(), Vec::new());
    if matches!(file.status.as_str(), "accepted" | "closed") && signed.who.role != Role::Vendor {
        let of_file = then(format!("usagefile.id={id}&limit={PARTS_SHOWN}"), '&');
        chunks = api.list(&format!("/public/v1/usage/chunks?{of_file}")).await?.items;
        reconciliations = api.list(&format!("/public/v1/usage/reconciliations?{of_file}")).await?.items;
    }
    let mut compared = None;
    if may.contains(&"accept") && signed.who.role.is_provider() {
        compared = Some(changes::of(&signed, &id, CHANGES_SHOWN).await?);
    }
    Ok(page(&Details {
        chrome: signed.chrome("files"),
        meaning,
        past,
        step: if past.is_some() { asked.step } else { steps.len() },
        buttons: buttons.collect(),
        uploads: may.contains(&"upload") && !file.reported,
        reconciles: may.contains(&"reconciliation"),
        closes: may.contains(&"close"),
        states: past.is_none() && file.status == "closed" && !file.predictive,
        wrong,
        wrong_total,
        changes: compared,
        chunks,
        reconciliations,
        steps,
        once: once(),
        file,
    }))
}

/// The sides that an account plays of a file. Outside production the vendor plays both.
fn sides(role: Role, file: &File) -> &'static [&'static str] {
    match role {
        Role::Vendor if file.environment == "production" => &["vendor"],
        Role::Vendor => &["vendor", "provider"],
        Role::Distributor | Role::Reseller => &["provider"],
        Role::Operator => &[],
    }
}

/// Whether somebody sees what is wrong with records, which is the vendor's own business.
pub(crate) fn plays_vendor(role: Role) -> bool {
    role.is_vendor()
}

/// Whether an action that is allowed would do anything: what would change nothing is no button.
fn makes_sense(action: &str, file: &File, sides: &[&str]) -> bool {
    match action {
        "seal" => file.reported,
        "submit" => file.status != "pending" && (file.status != "draft" || file.reported),
        "reprocess" => sides.contains(&"vendor") && !matches!(file.status.as_str(), "accepted" | "closed"),
        _ => true,
    }
}

/// An id of a path, if it looks like one.
pub(crate) fn clean(id: &str) -> Result<&str, Fault> {
    let fine = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fine { Ok(id) } else { Err(Fault::missing()) }
}

/// What makes sending a form twice have one effect.
pub(crate) fn once() -> String {
    let mut bytes = [0; 16];
    // Without it a form that is sent twice may be refused the second time, which is all that it's for.
    if getrandom::fill(&mut bytes).is_err() {
        return String::new();
    }
    data_encoding::HEXLOWER.encode(&bytes)
}
