//! Control totals of a file, per currency and tier, at every stage that it has reached: what one stage says another
//! must say too, so that nothing is lost between them (design §11).

use std::collections::BTreeMap;

use ledger::Status;
use ledger::fact::Total;
use ledger::file::{Chunk, Extraction, UsageFile};
use serde_json::Value;

use super::{Object, exact};

/// The totals of each stage; null before the check has ended.
pub(crate) fn shown(file: &UsageFile) -> Value {
    let Some(verdict) = file.verdict() else { return Value::Null };
    let mut object = Object::default();
    object.put("validated", list(&verdict.totals)).put("exempt", list(&verdict.exempt_totals));
    if file.status() == Status::Pending {
        object.put("pending", list(&verdict.totals));
    }
    if file.is_accepted() {
        object.put("accepted", list(&verdict.totals));
        let extraction = file.current_extraction();
        let extracted = extraction.filter(|extraction| extraction.extracted).map(|it| chunks(it, |_| true));
        let closed = extraction.map(|it| chunks(it, |chunk| chunk.closed_at.is_some()));
        object.put("extracted", list(&extracted.unwrap_or_default())).put("closed", list(&closed.unwrap_or_default()));
    }
    object.done()
}

/// The sums over some of a file's chunks.
fn chunks(extraction: &Extraction, which: impl Fn(&Chunk) -> bool) -> Vec<Total> {
    let mut sums: BTreeMap<(&str, Option<u8>), Total> = BTreeMap::new();
    for total in extraction.chunks.values().filter(|chunk| which(chunk)).flat_map(|chunk| &chunk.totals) {
        let sum = sums.entry((&total.currency, total.tier)).or_insert_with(|| Total {
            currency: total.currency.clone(),
            tier: total.tier,
            ..Total::default()
        });
        sum.records = sum.records.saturating_add(total.records);
        sum.quantity = sum.quantity.saturating_add(total.quantity);
        sum.amount = sum.amount.saturating_add(total.amount);
    }
    sums.into_values().collect()
}

/// Totals as lists of the API; those over no record are left out.
pub(crate) fn list(totals: &[Total]) -> Value {
    totals.iter().filter(|total| total.records > 0).map(one).collect()
}

fn one(total: &Total) -> Value {
    let mut object = Object::default();
    object.put("currency", total.currency.as_str()).put_some("tier", total.tier);
    object.put("records", total.records).put("quantity", exact(total.quantity));
    if !total.currency.is_empty() {
        object.put("amount", exact(total.amount));
    }
    object.done()
}
