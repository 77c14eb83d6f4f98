//! The statement about a closed file: what was billed of it, who answered for it and when, as text that is signed.
//!
//! Ids and numbers only: whatever somebody may have typed stays out, and so does what one side alone sees.

use std::fmt::Write;

use crate::fact::{Actor, Total};
use crate::file::{Stamp, UsageFile};
use crate::id::{FileId, Hash};
use crate::merkle::{leaf, root};

/// What the first line says: another form of the text has another number.
pub const HEAD: &str = "usage-ledger statement/1";

/// The text about a file that is being closed, over so many records. `records_root` is the root that its records can be
/// proven under, where it is known.
#[must_use]
pub fn text(id: FileId, file: &UsageFile, closed: &Stamp, records: u32, records_root: Option<Hash>) -> String {
    let mut lines = vec![HEAD.to_owned(), format!("file {id}")];
    if let Some(created) = &file.approval.created {
        lines.push(format!("environment {}", created.environment.name()));
        lines.push(format!("product {}", created.product.id));
        lines.push(format!("contract {}", created.contract.id));
        lines.push(format!("vendor {}", created.vendor.id));
        lines.push(format!("provider {}", created.provider.id));
        lines.push(format!("schema {}", created.schema.lower()));
        lines.extend(created.period.map(|period| format!("period {} {}", period.from, period.to)));
    }
    lines.push(format!("upload {}", file.upload()));
    lines.push(format!("records {records}"));
    lines.extend(file.totals().iter().map(|total| sum("total", total)));
    lines.extend(file.exempt_totals().iter().map(|total| sum("exempt", total)));
    lines.extend(records_root.map(|root| format!("records-root {root}")));
    let approval = &file.approval;
    let acts = [("submitted", approval.submitted_at.as_ref()), ("accepted", approval.decided_at.as_ref())];
    for (act, stamp) in acts.into_iter().chain([("closed", Some(closed))]) {
        lines.extend(stamp.map(|stamp| format!("{act} {} {}", stamp.at, who(&stamp.by))));
    }
    let chunks = file.current_extraction().map(|extraction| extraction.chunks.values()).into_iter().flatten();
    let workbooks = chunks.filter_map(|chunk| Some(leaf(&chunk.workbook?.0.0))).collect::<Vec<_>>();
    if !workbooks.is_empty() {
        lines.push(format!("chunks-root {}", root(workbooks)));
    }
    lines.join("\n") + "\n"
}

fn sum(what: &str, total: &Total) -> String {
    let mut line = format!("{what} records {} quantity {}", total.records, total.quantity);
    if !total.currency.is_empty() {
        // Writing to a text can't fail.
        let _ = write!(line, " amount {} {}", total.amount, total.currency);
    }
    if let Some(tier) = total.tier {
        let _ = write!(line, " tier {tier}");
    }
    line
}

fn who(actor: &Actor) -> String {
    actor.id().map_or_else(|| actor.name().to_owned(), ToString::to_string)
}
