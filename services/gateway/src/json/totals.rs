//! Control totals of a file, per currency and tier, at every stage that it has reached: what one stage says another
//! must say too, so that nothing is lost between them (design §11).

use std::collections::BTreeMap;

use ledger::Status;
use ledger::fact::Total;
use ledger::file::{Chunk, Extraction, UsageFile};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Exact, given};

/// Control totals of the stages that a file has reached.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Totals {
    /// Valid records that are billed.
    validated: Option<Vec<ControlTotal>>,
    /// Valid records that are never billed.
    exempt: Option<Vec<ControlTotal>>,
    /// Records that wait for the provider.
    pending: Option<Vec<ControlTotal>>,
    /// Records that the provider accepted.
    accepted: Option<Vec<ControlTotal>>,
    /// Records in chunks.
    extracted: Option<Vec<ControlTotal>>,
    /// Records of closed chunks.
    closed: Option<Vec<ControlTotal>>,
}

/// What records of one currency and tier come to.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ControlTotal {
    /// The currency, where records have amounts.
    #[schema(example = "USD")]
    currency: Option<String>,
    /// The tier, where records have one.
    #[schema(example = 0)]
    tier: Option<u8>,
    /// How many records.
    #[schema(example = 12)]
    records: u32,
    /// The sum of their quantities.
    quantity: Exact,
    /// The sum of their amounts.
    amount: Option<Exact>,
}

/// The totals of each stage; none before the check has ended.
pub(crate) fn shown(file: &UsageFile) -> Option<Totals> {
    let verdict = file.verdict()?;
    let billed = |wanted: bool| given(list(if wanted { &verdict.totals } else { &[] }));
    let extraction = file.current_extraction().filter(|_| file.is_accepted());
    let extracted = extraction.filter(|extraction| extraction.extracted).map(|it| chunks(it, |_| true));
    let closed = extraction.map(|it| chunks(it, |chunk| chunk.closed_at.is_some()));
    given(Totals {
        validated: billed(true),
        exempt: given(list(&verdict.exempt_totals)),
        pending: billed(file.status() == Status::Pending),
        accepted: billed(file.is_accepted()),
        extracted: extracted.and_then(|totals| given(list(&totals))),
        closed: closed.and_then(|totals| given(list(&totals))),
    })
}

/// The sums over some of a file's chunks.
fn chunks(extraction: &Extraction, which: impl Fn(&Chunk) -> bool) -> Vec<Total> {
    sums(extraction.chunks.values().filter(|chunk| which(chunk)).flat_map(|chunk| &chunk.totals))
}

/// Sums per currency and tier.
pub(crate) fn sums<'a>(totals: impl IntoIterator<Item = &'a Total>) -> Vec<Total> {
    let mut sums: BTreeMap<(&str, Option<u8>), Total> = BTreeMap::new();
    for total in totals {
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
pub(crate) fn list(totals: &[Total]) -> Vec<ControlTotal> {
    totals.iter().filter(|total| total.records > 0).map(one).collect()
}

fn one(total: &Total) -> ControlTotal {
    ControlTotal {
        currency: given(total.currency.clone()),
        tier: total.tier,
        records: total.records,
        quantity: Exact(total.quantity),
        amount: (!total.currency.is_empty()).then_some(Exact(total.amount)),
    }
}
