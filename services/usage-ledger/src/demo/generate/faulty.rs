//! Workbooks with every fault that a report of quantities can have and that Connect publishes a code for.

use std::path::Path;

use ledger::catalog::{Item, ItemKind};
use ledger::id::ObjectId;
use ledger::{Catalog, Code, Decimal};

use super::quantity::number;
use super::random::Random;
use super::sheet::{self, Cell, Row};
use super::target::{Target, holders};
use super::{GenerateError, Plan, Source};

/// What validation should say of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The row as spreadsheets count; the header is row 1.
    pub row: u32,
    /// The record's id.
    pub record_id: String,
    /// The one code that it raises; none where it is sound.
    pub code: Option<Code>,
}

/// Writes the plan's sound records and then one record for each fault, or one for each id in `taken`, which are record
/// ids that another file of the contract and product has brought in already. A fault that the catalog has no occasion
/// for is left out: 004 needs two subscriptions that share a parameter's value, 011 a product that may not report the
/// future, 013 one that may report the consumption of what was bought, and a subscription that bought some.
///
/// # Errors
/// See [`GenerateError`].
pub fn faulty_workbook(
    catalog: &Catalog,
    plan: &Plan,
    taken: &[String],
    path: &Path,
    temp: &Path,
) -> Result<Vec<Expected>, GenerateError> {
    let source = Source::new(catalog, plan)?;
    let mut random = Random::new(plan.seed);
    let spoiled = spoiled(&source, catalog, taken, &mut random);
    let mut expected: Vec<Expected> = Vec::new();
    let write = |source| GenerateError::Write { path: path.to_owned(), source };
    sheet::write(path, temp, plan.until, &source.columns, |sheet| {
        for number in 1..=plan.records {
            let row = source.sound_row(&mut random, number);
            sheet.row(&row)?;
            expected.push(Expected { row: sheet.row_number(), record_id: row.record_id, code: None });
        }
        for (row, code) in spoiled {
            sheet.row(&row)?;
            expected.push(Expected { row: sheet.row_number(), record_id: row.record_id, code: Some(code) });
        }
        Ok(())
    })
    .map_err(write)?;
    Ok(expected)
}

/// What no reader takes for a workbook: it begins like one and goes on as something else.
pub fn unreadable_file() -> &'static [u8] {
    b"PK\x03\x04 this file begins like a workbook and is none"
}

impl<'a> Source<'a> {
    fn sound_row(&self, random: &mut Random, number: u32) -> Row<'a> {
        let target = random.pick(&self.targets);
        let item = *random.pick(&target.items);
        let (_, cell) = super::quantity(random, item.places);
        self.row(random, number, target, item, cell)
    }
}

/// A sound record and what makes it faulty.
fn spoiled<'a>(
    source: &Source<'a>,
    catalog: &'a Catalog,
    taken: &[String],
    random: &mut Random,
) -> Vec<(Row<'a>, Code)> {
    let mut rows = Vec::new();
    let mut number = source.plan.records;
    let mut spoil = |code: Code, change: &dyn Fn(&mut Row<'a>)| {
        number += 1;
        let mut row = source.sound_row(random, number);
        change(&mut row);
        rows.push((row, code));
    };
    spoil(Code::ItemNotFound, &|row| row.item = ("item.mpn", "NO-SUCH-PART"));
    spoil(Code::ItemNotFound, &|row| row.item = ("item.global_id", "PRD-000-000-000-0000"));
    spoil(Code::SubscriptionNotFoundById, &|row| row.asset = ("asset.id".to_owned(), "AS-0000-0000-0000"));
    if let Some(parameter) = source.targets.iter().find_map(|target| target.subscription.parameters.first()) {
        let criteria = format!("parameter.{}", parameter.id);
        spoil(Code::SubscriptionNotFoundByParameter, &|row| row.asset = (criteria.clone(), "no such value"));
    }
    if let Some(((parameter, value), _)) = holders(catalog, source.plan).into_iter().find(|(_, count)| *count > 1) {
        spoil(Code::SubscriptionAmbiguous, &|row| row.asset = (format!("parameter.{parameter}"), value));
    }
    spoil(Code::QuantityNotANumber, &|row| row.quantity = text("many"));
    spoil(Code::StartInvalid, &|row| row.start = text("yesterday"));
    spoil(Code::EndInvalid, &|row| row.end = text("2026-02-30 00:00:00"));
    for id in taken {
        spoil(Code::RecordIdTaken, &|row| row.record_id.clone_from(id));
    }
    spoil(Code::ItemCriteriaInvalid, &|row| row.item.0 = "item.name");
    let future = catalog.products.get(&source.plan.product).is_some_and(|product| product.capabilities.future);
    if !future {
        spoil(Code::InTheFuture, &|row| {
            row.start = text("2999-01-01 00:00:00");
            row.end = text("2999-01-02 00:00:00");
        });
    }
    spoil(Code::StartAfterEnd, &|row| std::mem::swap(&mut row.start, &mut row.end));
    if let Some((subscription, item, cell)) = above_purchased(source, catalog) {
        spoil(Code::AbovePurchased, &|row| {
            row.asset = ("asset.id".to_owned(), subscription.as_str());
            row.item = ("item.mpn", &item.mpn);
            row.quantity = cell.clone();
        });
    }
    if let Some((target, item)) = coarse(source) {
        let finer = format!("1.{}1", "0".repeat(usize::from(item.places)));
        spoil(Code::PrecisionMismatch, &|row| {
            row.asset = ("asset.id".to_owned(), target.subscription.id.as_str());
            row.item = ("item.global_id", item.named.id.as_str());
            row.quantity = text(&finer);
        });
    }
    rows
}

/// One more of something than a subscription bought, where the product may report that.
fn above_purchased<'a>(source: &Source<'a>, catalog: &'a Catalog) -> Option<(&'a ObjectId, &'a Item, Cell)> {
    let product = catalog.products.get(&source.plan.product)?;
    product.capabilities.reservation_consumption.then_some(())?;
    let one = Decimal::from_units(ledger::amount::ONE);
    source.targets.iter().find_map(|target| {
        let items = target.subscription.items.iter();
        items.filter_map(|bought| Some((catalog.items.get(&bought.item)?, bought.quantity?))).find_map(
            |(item, bought)| {
                let reserved = item.kind == ItemKind::Reservation;
                reserved.then(|| (&target.subscription.id, item, number(bought.saturating_add(one))))
            },
        )
    })
}

/// An item that a quantity can be too fine for without being too fine for the ledger.
fn coarse<'s, 'a>(source: &'s Source<'a>) -> Option<(&'s Target<'a>, &'a Item)> {
    source.targets.iter().find_map(|target| {
        let item = target.items.iter().find(|item| item.places < 8)?;
        Some((target, *item))
    })
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}
