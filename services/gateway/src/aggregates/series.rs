//! `/ledger/v1/usage/series`: usage and amounts by day, month, product or customer, as charts show them. The same usage
//! counts as in aggregates; reservations have no place in a sum over time and are left out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, NaiveDate};
use ledger::catalog::{Catalog, ItemKind};
use ledger::fact::SummaryLine;
use ledger::file::{Checking, UsageFile};
use ledger::record::CheckedBatch;
use ledger::{Decimal, FileId, Moment, ObjectId, Scope};
use runtime::records::{Records, RecordsError};

use super::window::{Edge, Lies, USAGE, Window};
use super::{Report, lowest_tiers};
use crate::app::App;
use crate::error::{Answered, ApiError};
use crate::files::{FILES_AT_ONCE, aside};
use crate::json::series::{self, Amount, Point, Series};
use crate::openapi::{Reading, params, tag};
use crate::past::{Known, Reader};

/// Points of an answer: those with the most usage.
const POINTS_MAX: usize = 1_000;
/// Records that are read for one answer about days; what was read once is remembered.
const RECORDS_MAX: u64 = 2_000_000;
/// Files whose days are remembered: a few kilobytes each.
const FILES_KEPT: usize = 20_000;
/// The parameter.
const BY: &str = "by";

/// What points stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Day,
    Month,
    Product,
    Customer,
}

impl By {
    fn parse(text: &str) -> Result<Self, ApiError> {
        match text {
            "day" => Ok(Self::Day),
            "month" => Ok(Self::Month),
            "product" => Ok(Self::Product),
            "customer" => Ok(Self::Customer),
            _ => Err(ApiError::field(BY, format!("\"{text}\" is not one of day, month, product and customer."))),
        }
    }
}

/// Show usage by day, month, product or customer
///
/// What was accepted in production, by the time of usage, as charts show it. Reservations and estimates are left out. By
/// day and month it is in their order; by product and customer the greatest quantities come first.
#[utoipa::path(
    get,
    path = "/ledger/v1/usage/series",
    operation_id = "show_series",
    tag = tag::AGGREGATES,
    params(params::By, params::Usage, params::AsOf),
    responses((status = 200, description = "The points", body = Series), Reading),
)]
pub(crate) async fn show(reader: Reader) -> Answered {
    let query = reader.query.as_deref().unwrap_or_default();
    let once = |name| move |rql::Twice| ApiError::field(name, "Give it once.");
    let (usage, rest) = rql::take_parameter(query, USAGE).map_err(once(USAGE))?;
    let (by, _) = rql::take_parameter(&rest, BY).map_err(once(BY))?;
    let by = By::parse(by.as_deref().unwrap_or("day"))?;
    let window = usage.map(|text| Window::parse(&text)).transpose()?;
    let known = reader.known(None).await?;
    let scope = reader.scope.clone();
    let question = format!("{by:?} {}", window.map_or_else(String::new, |window| window.to_string()));
    let make = move || {
        let app = known.app().clone();
        app.series.get(&known, &scope, question, || points(&known, &scope, by, window))
    };
    let found = aside("a series of usage", make).await??;
    Ok(reader.answer(crate::json::answer(axum::http::StatusCode::OK, &found)))
}

/// What came together at a point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heap {
    records: u64,
    quantity: Decimal,
    /// By currency.
    amounts: BTreeMap<String, Decimal>,
}

impl Heap {
    fn add(&mut self, records: u64, quantity: Decimal, amount: Option<(&str, Decimal)>) {
        self.records = self.records.saturating_add(records);
        self.quantity = self.quantity.saturating_add(quantity);
        if let Some((currency, amount)) = amount {
            let sum = self.amounts.entry(currency.to_owned()).or_default();
            *sum = sum.saturating_add(amount);
        }
    }
}

/// What of a file a series is about.
struct Part {
    product: ObjectId,
    currency: Option<String>,
    edge: Edge,
    /// Records of the file, where they have to be read.
    records: u64,
}

/// By the id or date of a point, with its name.
type Heaps = BTreeMap<String, (String, Heap)>;

fn points(known: &Known, scope: &Scope, by: By, window: Option<Window>) -> Result<serde_json::Value, ApiError> {
    let catalog = known.catalog();
    let (mut heaps, mut parts) = (Heaps::new(), Vec::new());
    let ids: Vec<_> = known.ledger().files.keys().copied().collect();
    for ids in ids.chunks(FILES_AT_ONCE) {
        let ledger = known.ledger();
        let files = ids.iter().filter_map(|&id| Some((id, ledger.file(id)?)));
        for (id, file) in files.filter(|(id, file)| known.sees(scope, *id, file)) {
            let Some((report, checking)) = Report::of(file) else { continue };
            let lies = window.map_or(Lies::Within, |window| window.lies(file));
            let whole = lies == Lies::Within && matches!(by, By::Product | By::Customer);
            if whole && let Some(product) = product(file) {
                gather(&mut heaps, by, &catalog, &product, report.currency.as_deref(), &checking.summary);
            } else if lies != Lies::Outside {
                parts.extend(part(id, file, report, checking));
            }
        }
    }
    let records: u64 =
        parts.iter().filter(|part| known.app().days.get(&part.edge.key()).is_none()).map(|it| it.records).sum();
    if records > RECORDS_MAX {
        let message = format!("That is about {records} records, more than {RECORDS_MAX}. Ask for fewer days.");
        return Err(ApiError::field(USAGE, message));
    }
    for part in &parts {
        let (app, currency) = (known.app(), part.currency.as_deref());
        match (by, window) {
            (By::Product | By::Customer, Some(window)) => {
                let lines = window.summary(&app.records, &part.edge)?;
                gather(&mut heaps, by, &catalog, &part.product, currency, &lines);
            }
            _ => {
                for line in days(app, part, &catalog)?.iter() {
                    if window.is_none_or(|window| window.has(Moment::of_date(line.day))) {
                        let key = if by == By::Day { "%Y-%m-%d" } else { "%Y-%m" };
                        let (_, heap) = heaps.entry(line.day.format(key).to_string()).or_default();
                        heap.add(line.records, line.quantity, currency.map(|currency| (currency, line.amount)));
                    }
                }
            }
        }
    }
    Ok(shown(by, heaps))
}

fn product(file: &UsageFile) -> Option<ObjectId> {
    file.approval.created.as_deref().map(|created| created.product.id.clone())
}

fn part(id: FileId, file: &UsageFile, report: Report, checking: &Checking) -> Option<Part> {
    let edge = Edge::new(id, checking);
    Some(Part { product: product(file)?, currency: report.currency, edge, records: u64::from(checking.valid) })
}

/// Adds a file's sums to those of its product or its customers.
fn gather(
    heaps: &mut Heaps,
    by: By,
    catalog: &Catalog,
    product: &ObjectId,
    money: Option<&str>,
    lines: &[SummaryLine],
) {
    for line in lowest_tiers(lines).filter(|line| is_metered(catalog, &line.item)) {
        let (key, name) = match by {
            By::Customer => customer(catalog, &line.subscription),
            _ => {
                let known = catalog.products.get(product);
                (product.to_string(), known.map(|product| product.named.name.clone()).unwrap_or_default())
            }
        };
        let (known, heap) = heaps.entry(key).or_default();
        *known = name;
        heap.add(u64::from(line.records), line.quantity, money.map(|currency| (currency, line.amount)));
    }
}

fn is_metered(catalog: &Catalog, item: &ObjectId) -> bool {
    catalog.items.get(item).is_none_or(|item| item.kind == ItemKind::PayAsYouGo)
}

/// Whose a subscription is; where the catalog doesn't know, it stands for itself.
fn customer(catalog: &Catalog, id: &ObjectId) -> (String, String) {
    let known = catalog.subscriptions.get(id);
    match known.filter(|subscription| !subscription.customer_external_id.is_empty()) {
        Some(subscription) => (subscription.customer_external_id.clone(), subscription.customer_name.clone()),
        None => (id.to_string(), known.map(|subscription| subscription.external_id.clone()).unwrap_or_default()),
    }
}

/// What a file says of a day.
#[derive(Clone, Debug)]
pub(crate) struct DayLine {
    day: NaiveDate,
    records: u64,
    quantity: Decimal,
    amount: Decimal,
}

/// The days of files, by the place of their first checked batch: what was checked doesn't change.
#[derive(Debug, Default)]
pub(crate) struct Days(Mutex<BTreeMap<(FileId, u64), FileDays>>);

/// The days of a file, in their order.
type FileDays = Arc<Vec<DayLine>>;

impl Days {
    fn get(&self, key: &(FileId, u64)) -> Option<FileDays> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// The oldest file makes room.
    fn put(&self, key: (FileId, u64), days: FileDays) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, days);
        while known.len() > FILES_KEPT {
            known.pop_first();
        }
    }
}

fn days(app: &App, part: &Part, catalog: &Catalog) -> Result<FileDays, ApiError> {
    let key = part.edge.key();
    if let Some(known) = app.days.get(&key) {
        return Ok(known);
    }
    let read = Arc::new(read_days(&app.records, &part.edge, catalog)?);
    app.days.put(key, read.clone());
    Ok(read)
}

/// A day, and the subscription, item and tier of a sum.
type DayKey = (NaiveDate, ObjectId, ObjectId, Option<u8>);

/// Reads the records of a file. Blocks.
fn read_days(records: &Records, edge: &Edge, catalog: &Catalog) -> Result<Vec<DayLine>, RecordsError> {
    let mut sums: BTreeMap<DayKey, SummaryLine> = BTreeMap::new();
    for &sequence in &edge.batches {
        add_days(&records.checked(edge.file, sequence)?, &mut sums);
    }
    let mut lines: Vec<DayLine> = Vec::new();
    let each: Vec<(NaiveDate, SummaryLine)> = sums.into_iter().map(|((day, ..), line)| (day, line)).collect();
    for alike in each.chunk_by(|(left, _), (right, _)| left == right) {
        let Some(&(day, _)) = alike.first() else { continue };
        let of_day: Vec<SummaryLine> = alike.iter().map(|(_, line)| line.clone()).collect();
        let mut sum = DayLine { day, records: 0, quantity: Decimal::ZERO, amount: Decimal::ZERO };
        for line in lowest_tiers(&of_day).filter(|line| is_metered(catalog, &line.item)) {
            sum.records = sum.records.saturating_add(u64::from(line.records));
            sum.quantity = sum.quantity.saturating_add(line.quantity);
            sum.amount = sum.amount.saturating_add(line.amount);
        }
        lines.push(sum);
    }
    Ok(lines)
}

fn add_days(batch: &CheckedBatch, sums: &mut BTreeMap<DayKey, SummaryLine>) {
    for record in batch.records.iter().filter(|record| record.is_valid()) {
        let place = |place: Option<u32>| place.and_then(|place| usize::try_from(place).ok());
        let subscription = place(record.subscription).and_then(|place| batch.subscriptions.get(place));
        let item = place(record.item).and_then(|place| batch.items.get(place));
        let day = record.start.and_then(|at| DateTime::from_timestamp_micros(at.0));
        let Some(((subscription, item), day)) = subscription.zip(item).zip(day) else { continue };
        let (subscription, item, tier) = (subscription.id.clone(), item.named.id.clone(), record.tier);
        let key = (day.date_naive(), subscription.clone(), item.clone(), tier);
        let (quantity, amount) = (Decimal::ZERO, Decimal::ZERO);
        let line = SummaryLine { subscription, item, tier, records: 0, quantity, amount };
        let line = sums.entry(key).or_insert(line);
        line.records = line.records.saturating_add(1);
        line.quantity = line.quantity.saturating_add(record.quantity.unwrap_or(Decimal::ZERO));
        line.amount = line.amount.saturating_add(record.amount.unwrap_or(Decimal::ZERO));
    }
}

fn shown(by: By, heaps: Heaps) -> serde_json::Value {
    let total = heaps.len();
    let mut heaps: Vec<(String, (String, Heap))> = heaps.into_iter().collect();
    if matches!(by, By::Product | By::Customer) {
        heaps.sort_by(|(left_key, (_, left)), (right_key, (_, right))| {
            right.quantity.cmp(&left.quantity).then_with(|| left_key.cmp(right_key))
        });
    }
    heaps.truncate(POINTS_MAX);
    let points = heaps.into_iter().map(|(key, (name, heap))| {
        let amounts = heap.amounts.into_iter().map(|(currency, amount)| Amount::new(currency, amount)).collect();
        Point::new(key, name, heap.records, heap.quantity, amounts)
    });
    series::shown(points.collect(), total as u64)
}
