//! Workbooks of usage for the demo and for tests: as varied as real producers' ones, the same for the same seed, and
//! with sums of their own that the ledger's answers can be compared with.

mod faulty;
mod quantity;
mod random;
mod sheet;
mod target;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ledger::catalog::{Item, Schema};
use ledger::id::ObjectId;
use ledger::{Catalog, Decimal, Moment};
use rust_xlsxwriter::XlsxError;

pub use faulty::{Expected, faulty_workbook, unreadable_file};

use quantity::quantity;
use random::Random;
use sheet::{Cell, Row, Sheet};
use target::{Target, targets};

/// The most records that a sheet of the format holds: its rows without the header.
pub const RECORDS_MAX: u32 = 1_048_575;

/// What the `categories` tab declares (seed 002).
const CATEGORIES: [[&str; 3]; 3] = [
    ["compute", "Computational Resources", "All of your virtual machines and containers fall into this category."],
    ["storage", "Persistence Services", "All of your blob storages are accounted to this category."],
    ["db", "Databases", "All of various databases fall into this category"],
];

/// The custom columns of every workbook, beside those that the product requires.
const CUSTOM_COLUMNS: [&str; 2] = ["v.region", "v.invoice"];

/// Where usage took place, for a custom column.
const REGIONS: [&str; 4] = ["eu-west", "eu-north", "us-east", "zürich & genève"];

/// The longest time that one record covers, in seconds: a day, as daily reports do.
const WINDOW_SECONDS_MAX: u64 = 86_400;

/// What a workbook is to be about.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Two plans that differ in nothing give the same bytes.
    pub seed: u64,
    /// How many records.
    pub records: u32,
    /// The distribution contract.
    pub contract: ObjectId,
    /// The product; its schema must be QT.
    pub product: ObjectId,
    /// No usage before; whole seconds count.
    pub from: Moment,
    /// No usage at or after; also the workbook's creation time.
    pub until: Moment,
    /// What record ids begin with. Ids are taken for ever, so each file needs its own.
    pub record_prefix: String,
}

/// What a workbook says, summed while it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// How many records.
    pub records: u32,
    /// The sum of all quantities.
    pub total: Decimal,
    /// Count and sum by subscription and item.
    pub sums: BTreeMap<(ObjectId, ObjectId), (u32, Decimal)>,
    /// Count and sum by hub; none is the hub of what came without one.
    pub hubs: BTreeMap<Option<ObjectId>, (u32, Decimal)>,
}

impl Generated {
    fn add(&mut self, target: &Target<'_>, item: &Item, quantity: Decimal) {
        self.records += 1;
        self.total = self.total.saturating_add(quantity);
        let key = (target.subscription.id.clone(), item.named.id.clone());
        let hub = target.subscription.hub.as_ref().map(|hub| hub.id.clone());
        for (count, sum) in [self.sums.entry(key).or_default(), self.hubs.entry(hub).or_default()] {
            *count += 1;
            *sum = sum.saturating_add(quantity);
        }
    }
}

/// Why a workbook was not generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// Only quantity rated products are generated.
    #[error("generate usage of {0}: it doesn't report quantities")]
    NotQuantityRated(ObjectId),
    /// There is nobody whose usage it could be.
    #[error("generate usage of {product} under {contract}: no subscription there can be reported on")]
    NothingToReport {
        /// The contract of the plan.
        contract: ObjectId,
        /// The product of the plan.
        product: ObjectId,
    },
    /// The sheet would be too long.
    #[error("generate {0} records: a sheet holds {RECORDS_MAX}")]
    TooManyRecords(u32),
    /// Usage takes at least a second.
    #[error("generate usage between {from} and {until}: that is less than two seconds")]
    NoTime {
        /// The plan's begin.
        from: Moment,
        /// The plan's end.
        until: Moment,
    },
    /// The disk or the format refused.
    #[error("write workbook {path}")]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why not.
        #[source]
        source: XlsxError,
    },
}

/// Writes a workbook of sound records; `temp` is a folder for what doesn't fit in memory.
///
/// # Errors
/// See [`GenerateError`].
pub fn workbook(catalog: &Catalog, plan: &Plan, path: &Path, temp: &Path) -> Result<Generated, GenerateError> {
    let source = Source::new(catalog, plan)?;
    let mut random = Random::new(plan.seed);
    let mut generated = Generated::default();
    let write = |source| GenerateError::Write { path: path.to_owned(), source };
    sheet::write(path, temp, plan.until, &source.columns, |sheet| {
        source.sound_rows(&mut random, sheet, |target, item, quantity| generated.add(target, item, quantity))
    })
    .map_err(write)?;
    Ok(generated)
}

/// Everything that rows are made from.
struct Source<'a> {
    plan: &'a Plan,
    targets: Vec<Target<'a>>,
    /// The names of the custom columns.
    columns: Vec<&'a str>,
    first_second: i64,
    seconds: u64,
}

impl<'a> Source<'a> {
    fn new(catalog: &'a Catalog, plan: &'a Plan) -> Result<Self, GenerateError> {
        let product = catalog.products.get(&plan.product);
        let capabilities = product.map(|product| &product.capabilities);
        let quantity_rated =
            |capabilities: &&ledger::catalog::Capabilities| capabilities.pay_as_you_go == Some(Schema::Qt);
        let Some(capabilities) = capabilities.filter(quantity_rated) else {
            return Err(GenerateError::NotQuantityRated(plan.product.clone()));
        };
        if plan.records > RECORDS_MAX {
            return Err(GenerateError::TooManyRecords(plan.records));
        }
        let first_second = plan.from.0.div_euclid(Moment::SECOND);
        let seconds = plan.until.0.div_euclid(Moment::SECOND).saturating_sub(first_second);
        let Some(seconds) = u64::try_from(seconds).ok().filter(|seconds| *seconds >= 2) else {
            return Err(GenerateError::NoTime { from: plan.from, until: plan.until });
        };
        let targets = targets(catalog, plan);
        if targets.is_empty() {
            let (contract, product) = (plan.contract.clone(), plan.product.clone());
            return Err(GenerateError::NothingToReport { contract, product });
        }
        let required = capabilities.required_custom_fields.iter().map(String::as_str);
        let mut columns = CUSTOM_COLUMNS.to_vec();
        columns.extend(required.filter(|name| !CUSTOM_COLUMNS.contains(name)));
        Ok(Self { plan, targets, columns, first_second, seconds })
    }

    /// Writes the plan's sound records and tells of each.
    fn sound_rows(
        &self,
        random: &mut Random,
        sheet: &mut Sheet<'_>,
        mut tell: impl FnMut(&Target<'_>, &Item, Decimal),
    ) -> Result<(), XlsxError> {
        for number in 1..=self.plan.records {
            let target = random.pick(&self.targets);
            let item = *random.pick(&target.items);
            let (value, cell) = quantity(random, item.places);
            sheet.row(&self.row(random, number, target, item, cell))?;
            tell(target, item, value);
        }
        Ok(())
    }

    /// A sound record of a subscription and item.
    fn row(&self, random: &mut Random, number: u32, target: &Target<'a>, item: &'a Item, quantity: Cell) -> Row<'a> {
        let (start, end) = self.window(random);
        let by_mpn = ("item.mpn", item.mpn.as_str());
        let by_id = ("item.global_id", item.named.id.as_str());
        let category = random.below(CATEGORIES.len() as u64 + 1);
        let category = usize::try_from(category).ok().and_then(|index| CATEGORIES.get(index));
        let custom = self.columns.iter().map(|name| match *name {
            "v.region" => (*random.pick(&REGIONS)).to_owned(),
            _ => format!("{:06}", random.below(1_000_000)),
        });
        let custom = custom.collect();
        Row {
            record_id: format!("{}-{number:07}", self.plan.record_prefix),
            note: if random.one_in(8) { "Reported by the demo" } else { "" },
            item: if random.one_in(3) { by_id } else { by_mpn },
            quantity,
            start: time(random, start),
            end: time(random, end),
            asset: random.pick(&target.searches).clone(),
            // Producers leave it blank for what fits nowhere.
            category: category.map_or("", |category| category[0]),
            custom,
        }
    }

    /// Begin and end of a record's usage; the end is later and both lie within the plan.
    fn window(&self, random: &mut Random) -> (Moment, Moment) {
        let start = random.below(self.seconds - 1);
        let length = 1 + random.below(WINDOW_SECONDS_MAX.min(self.seconds - 1 - start));
        (self.moment(start), self.moment(start + length))
    }

    fn moment(&self, second: u64) -> Moment {
        let second = self.first_second.saturating_add_unsigned(second);
        Moment(second.saturating_mul(Moment::SECOND))
    }
}

/// A time in one of the ways that real producers write it (connect-api §4.2).
fn time(random: &mut Random, moment: Moment) -> Cell {
    match random.below(4) {
        0 => Cell::Time(moment),
        1 => Cell::Text(moment.utc().format("%m/%d/%Y %H:%M:%S").to_string()),
        2 => Cell::Text(moment.utc().format("%-m/%-d/%Y %-H:%M:%S").to_string()),
        _ => Cell::Text(moment.sheet()),
    }
}
