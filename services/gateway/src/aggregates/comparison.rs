//! `/ledger/v1/usage/files/{id}/comparison`: what changed against the period before, by subscription and item, from the
//! summaries. What a distributor looks at before a file is accepted.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use ledger::fact::{FileCreated, Period, SummaryLine};
use ledger::file::UsageFile;
use ledger::{Decimal, FileId, ObjectId, Scope};

use super::lowest_tiers;
use super::window::span;
use crate::error::{Answered, ApiError};
use crate::files::{FILES_AT_ONCE, aside, file_id};
use crate::json::aggregate::{of_asset, of_item};
use crate::json::comparison::{Before, Comparison, Counts, Line, Used};
use crate::json::{answer, value};
use crate::openapi::{Reading, params, tag};
use crate::past::{Known, Reader};

/// Lines of an answer.
const LINES_MAX: usize = 1_000;

/// Compare a usage file with the period before
///
/// By subscription and item, the outliers first. The period before is that of the newest accepted files of the same
/// contract, product and environment whose usage begins before this file's; estimates don't count.
#[utoipa::path(
    get,
    path = "/ledger/v1/usage/files/{id}/comparison",
    operation_id = "compare_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::AsOf),
    responses((status = 200, description = "What changed", body = Comparison), Reading),
)]
pub(crate) async fn show(reader: Reader, Path(id): Path<String>) -> Answered {
    let id = file_id(&id)?;
    reader.find(id, |_, _, _| Some(())).await?;
    let known = reader.known(None).await?;
    let scope = reader.scope.clone();
    let found = aside("a comparison", move || compared(&known, &scope, id)).await??;
    Ok(reader.answer_of(id.partition(), answer(StatusCode::OK, &value(&found))))
}

/// What was used of one item in one subscription.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    records: u64,
    quantity: Decimal,
    amount: Decimal,
}

type Sums = BTreeMap<(ObjectId, ObjectId), Sum>;

fn add(sums: &mut Sums, lines: &[SummaryLine]) {
    for line in lowest_tiers(lines) {
        let sum = sums.entry((line.subscription.clone(), line.item.clone())).or_default();
        sum.records = sum.records.saturating_add(u64::from(line.records));
        sum.quantity = sum.quantity.saturating_add(line.quantity);
        sum.amount = sum.amount.saturating_add(line.amount);
    }
}

fn compared(known: &Known, scope: &Scope, id: FileId) -> Result<Comparison, ApiError> {
    let (mut now, mut then) = (Sums::new(), Sums::new());
    let (created, begin) = {
        let ledger = known.ledger();
        let file = ledger.file(id).filter(|file| known.sees(scope, id, file)).ok_or(ApiError::NOT_FOUND)?;
        let created = file.approval.created.as_deref().cloned().ok_or(ApiError::NOT_FOUND)?;
        let Some(span) = span(file) else { return Ok(Comparison::default()) };
        add(&mut now, file.current_checking().map_or(&[], |checking| &checking.summary));
        (created, span)
    };
    let files = before(known, scope, id, &created, begin);
    let ids: Vec<FileId> = files.iter().map(|(id, _)| *id).collect();
    for &id in &ids {
        let ledger = known.ledger();
        add(&mut then, ledger.file(id).and_then(UsageFile::current_checking).map_or(&[], |it| &it.summary));
    }
    let span = files
        .iter()
        .map(|(_, span)| *span)
        .reduce(|all, one| Period { from: all.from.min(one.from), to: all.to.max(one.to) });
    let Some(span) = span else { return Ok(Comparison::default()) };
    let priced = created.currency.is_some();
    let (counts, mut changes) = changes(&now, &then);
    changes.truncate(LINES_MAX);
    let catalog = known.catalog();
    let line = |change: Change<'_>| {
        let (subscription, item) = change.key;
        let used = |sum: Sum| Used::new(sum.records, sum.quantity, priced.then_some(sum.amount));
        Line {
            asset: of_asset(&catalog, subscription),
            item: of_item(&catalog, item, &known.sources().words(&catalog, item)),
            change: change.name,
            before: used(change.before),
            now: used(change.now),
            permille: permille(change.before.quantity, change.now.quantity),
        }
    };
    Ok(Comparison { before: Some(Before::new(span, &ids)), counts, lines: changes.into_iter().map(line).collect() })
}

/// The accepted files of the period before, with what their usage spans: the newest one and those that share time with
/// it, as usage may be reported in several files.
fn before(known: &Known, scope: &Scope, id: FileId, created: &FileCreated, own: Period) -> Vec<(FileId, Period)> {
    let mut found: Vec<(FileId, Period)> = Vec::new();
    let ids: Vec<_> = known.ledger().files.keys().copied().collect();
    for ids in ids.chunks(FILES_AT_ONCE) {
        let ledger = known.ledger();
        let files = ids.iter().filter_map(|&id| Some((id, ledger.file(id)?)));
        let alike = files.filter(|(other, file)| *other != id && is_alike(file, created));
        let spans = alike.filter_map(|(id, file)| Some((id, file, span(file)?)));
        let earlier = spans.filter(|(id, file, span)| span.from < own.from && known.sees(scope, *id, file));
        found.extend(earlier.map(|(id, _, span)| (id, span)));
    }
    let newest = found.iter().map(|(_, span)| *span).max_by_key(|span| span.from);
    found.retain(|(_, span)| newest.is_some_and(|newest| span.from <= newest.to && newest.from <= span.to));
    found
}

fn is_alike(file: &UsageFile, created: &FileCreated) -> bool {
    file.approval.created.as_deref().is_some_and(|other| {
        other.contract.id == created.contract.id
            && other.product.id == created.product.id
            && other.environment == created.environment
            && !other.predictive
    }) && file.is_accepted()
}

/// What changed of an item in a subscription.
struct Change<'a> {
    key: &'a (ObjectId, ObjectId),
    name: &'static str,
    before: Sum,
    now: Sum,
    weight: i128,
}

/// What changed, the outliers first.
fn changes<'a>(now: &'a Sums, then: &'a Sums) -> (Counts, Vec<Change<'a>>) {
    let mut volumes: BTreeMap<&ObjectId, i128> = BTreeMap::new();
    for ((_, item), sum) in now.iter().chain(then) {
        let volume = volumes.entry(item).or_default();
        *volume = volume.saturating_add(sum.quantity.units().saturating_abs());
    }
    let mut counts = Counts::default();
    let mut changes = Vec::new();
    let keys = now.keys().chain(then.keys().filter(|key| !now.contains_key(*key)));
    for key in keys {
        let (before, now) = (then.get(key).copied(), now.get(key).copied());
        let (name, count) = match (before, now) {
            (None, _) => ("new", &mut counts.new),
            (_, None) => ("gone", &mut counts.gone),
            (Some(before), Some(now)) if now.quantity > before.quantity => ("more", &mut counts.more),
            (Some(before), Some(now)) if now.quantity < before.quantity => ("less", &mut counts.less),
            (Some(before), Some(now)) if now.amount != before.amount => ("same", &mut counts.same),
            _ => {
                counts.same = counts.same.saturating_add(1);
                continue;
            }
        };
        *count = count.saturating_add(1);
        let (before, now) = (before.unwrap_or_default(), now.unwrap_or_default());
        let volume = volumes.get(&key.1).copied().unwrap_or_default();
        let weight = weight(before.quantity, now.quantity, volume).max(weight_of_price(before, now));
        changes.push(Change { key, name, before, now, weight });
    }
    changes.sort_by_key(|change| (Reverse(change.weight), change.key));
    (counts, changes)
}

/// How much a change stands out: the square of how much the one quantity is of the other, by its share of all that was
/// used of the item. So neither a doubling of next to nothing nor an ordinary change of something large comes first.
fn weight(before: Decimal, now: Decimal, volume: i128) -> i128 {
    let (before, now) = (before.units(), now.units());
    let change = now.saturating_sub(before).saturating_abs();
    let both = now.saturating_abs().saturating_add(before.saturating_abs());
    let relative = change.saturating_mul(1_000).checked_div(both).unwrap_or(0);
    let share = both.saturating_mul(1_000_000).checked_div(volume).unwrap_or(0);
    relative.saturating_mul(relative).saturating_mul(share) / 1_000_000
}

/// The same quantity at another price: by how much of both amounts it changed.
fn weight_of_price(before: Sum, now: Sum) -> i128 {
    if before.quantity != now.quantity {
        return 0;
    }
    let both = now.amount.units().saturating_abs().saturating_add(before.amount.units().saturating_abs());
    weight(before.amount, now.amount, both)
}

/// How much of a thousand of before it is now, rounded down; none where there was nothing, or where it is beyond numbers.
fn permille(before: Decimal, now: Decimal) -> Option<i64> {
    let thousand = now.units().checked_mul(1_000)?;
    i64::try_from(thousand.checked_div(before.units())?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(lines: &[(&str, &str, &str)]) -> Sums {
        let line = |(subscription, item, quantity): &(&str, &str, &str)| {
            let key = (ObjectId::new(subscription).unwrap(), ObjectId::new(item).unwrap());
            let quantity = Decimal::parse(quantity).unwrap();
            (key, Sum { records: 1, quantity, amount: Decimal::ZERO })
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn outliers_come_first() {
        let then = sums(&[
            ("AS-1", "PRD-1-1", "100"),
            ("AS-2", "PRD-1-1", "1000"),
            ("AS-3", "PRD-1-1", "0.01"),
            ("AS-4", "PRD-1-1", "50"),
            ("AS-5", "PRD-1-2", "7"),
        ]);
        let now = sums(&[
            ("AS-1", "PRD-1-1", "1000"),
            ("AS-2", "PRD-1-1", "1100"),
            ("AS-3", "PRD-1-1", "0.09"),
            ("AS-5", "PRD-1-2", "7"),
            ("AS-6", "PRD-1-2", "0.5"),
        ]);
        let (counts, changes) = changes(&now, &then);
        let order: Vec<(&str, &str)> = changes.iter().map(|it| (it.key.0.as_str(), it.name)).collect();
        let expected = [("AS-1", "more"), ("AS-6", "new"), ("AS-4", "gone"), ("AS-2", "more"), ("AS-3", "more")];
        assert_eq!(order, expected);
        assert_eq!([counts.new, counts.gone, counts.more, counts.less, counts.same], [1, 1, 3, 0, 1]);
        let of = |text| Decimal::parse(text).unwrap();
        assert_eq!(permille(of("100"), of("1000")), Some(10_000));
        assert_eq!(permille(of("0"), of("1")), None);
    }
}
