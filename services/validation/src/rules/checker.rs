//! Checking a file, batch by batch.

use std::collections::{HashMap, HashSet};

use ledger::catalog::{Capabilities, Catalog, Item, Schema, Subscription};
use ledger::fact::{Category, DynamicItem, FileColumn, Period};
use ledger::record::{CheckedBatch, CheckedRecord, ItemFacts, ReadBatch, SubscriptionFacts, record_key};
use ledger::{Moment, ObjectId};

use super::cells::Row;
use super::columns::{Columns, Field};
use super::dynamic::DynamicItems;
use super::lookup::Lookup;

/// The key of a record whose id can't be used (its column is missing, it is blank, cut or holds an error).
pub const NO_KEY: [u8; 12] = [0; 12];

/// What a file is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Against<'a> {
    /// The catalog, as of the position that the check was started with.
    pub catalog: &'a Catalog,
    /// The file's contract.
    pub contract: &'a ObjectId,
    /// The file's product.
    pub product: &'a ObjectId,
    /// The file's schema.
    pub schema: Schema,
    /// What the product may report. An estimate may reach into the future (design §12): the caller turns `future` on
    /// for it.
    pub capabilities: &'a Capabilities,
    /// The columns as they were read.
    pub columns: &'a [FileColumn],
    /// The `categories` tab.
    pub categories: &'a [Category],
    /// The time of the check: usage after it lies in the future.
    pub now: Moment,
}

/// Checks the records of one file: built once, then given every batch.
#[derive(Debug)]
pub struct Checker<'a> {
    pub(super) against: Against<'a>,
    pub(super) columns: Columns<'a>,
    pub(super) lookup: Lookup<'a>,
    pub(super) categories: HashSet<&'a str>,
    pub(super) dynamic: DynamicItems,
}

impl<'a> Checker<'a> {
    /// Goes once through the subscriptions of the contract and product and the items of the product.
    #[must_use]
    pub fn new(against: Against<'a>) -> Self {
        Self {
            columns: Columns::new(against.columns, against.schema, against.capabilities),
            lookup: Lookup::new(against.catalog, against.contract, against.product),
            dynamic: DynamicItems::default(),
            categories: against.categories.iter().map(|category| category.id.trim()).collect(),
            against,
        }
    }

    /// The columns that every record lacks: each record has the error too, and the service may say it once.
    #[must_use]
    pub fn missing_columns(&self) -> Vec<&str> {
        let known = self.columns.missing.iter().map(|field| field.name());
        let custom = self.columns.custom.iter().filter(|field| field.column.is_none());
        known.chain(custom.map(|field| field.name.as_str())).collect()
    }

    /// The column that errors of uniqueness are about.
    #[must_use]
    pub fn record_id_column(&self) -> Option<u16> {
        self.columns.place(Field::RecordId)
    }

    /// The column where usage starts: what errors about other files' usage are about.
    #[must_use]
    pub fn start_column(&self) -> Option<u16> {
        self.columns.place(Field::Start)
    }

    /// The column of tiers.
    #[must_use]
    pub fn tier_column(&self) -> Option<u16> {
        self.columns.place(Field::Tier)
    }

    /// From the earliest to the latest time of a batch, whatever else its records are.
    #[must_use]
    pub fn span_of(&self, batch: &ReadBatch) -> Option<Period> {
        let mut parsed: HashSet<u32> = HashSet::new();
        let mut span: Option<Period> = None;
        for column in [Field::Start, Field::End].into_iter().filter_map(|field| self.columns.place(field)) {
            for &text in batch.columns.get(usize::from(column)).map_or(&[][..], |column| &column.texts) {
                // A batch keeps each text once, and most times stand in it many times.
                if parsed.insert(text)
                    && let Some(time) = Moment::parse_sheet(batch.texts.text(text))
                {
                    span = Some(widened(span, Period { from: time, to: time }));
                }
            }
        }
        span
    }

    /// What uniqueness of a record id is decided on; spaces around it don't count.
    #[must_use]
    pub fn key_of(&self, record_id: &str) -> [u8; 12] {
        record_key(self.against.contract, self.against.product, record_id)
    }

    /// The items that records brought and that the catalog hasn't, in the order of their rows.
    #[must_use]
    pub fn into_dynamic_items(self) -> Vec<DynamicItem> {
        self.dynamic.into_found()
    }

    /// Every rule on every record of a batch, except uniqueness of record ids.
    pub fn check_batch(&mut self, batch: &ReadBatch) -> CheckedBatch {
        let mut tables = Tables::default();
        for (index, &row) in batch.rows.iter().enumerate() {
            let record = CheckedRecord { row, ..CheckedRecord::default() };
            let mut row = Row { checker: self, batch, index, record };
            let subscription = row.check();
            let Row { record, .. } = row;
            tables.take(record, subscription, &self.lookup);
        }
        tables.batch
    }
}

/// The shortest period that holds both.
pub(crate) fn widened(one: Option<Period>, other: Period) -> Period {
    one.map_or(other, |one| Period { from: one.from.min(other.from), to: one.to.max(other.to) })
}

/// What a row's rules found in the catalog, by [`Lookup`]'s numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parties {
    pub(super) subscription: Option<u32>,
    pub(super) item: Option<u32>,
}

/// A checked batch as it grows: each subscription and item that it names stands in it once.
#[derive(Default)]
struct Tables {
    batch: CheckedBatch,
    subscriptions: HashMap<u32, u32>,
    items: HashMap<u32, u32>,
}

impl Tables {
    fn take(&mut self, mut record: CheckedRecord, parties: Parties, lookup: &Lookup<'_>) {
        let batch = &mut self.batch;
        record.subscription = parties.subscription.and_then(|number| {
            let subscription = lookup.subscription(number)?;
            Some(*self.subscriptions.entry(number).or_insert_with(|| {
                batch.subscriptions.push(subscription_facts(subscription));
                last_index(batch.subscriptions.len())
            }))
        });
        record.item = parties.item.and_then(|number| {
            let item = lookup.item(number)?;
            Some(*self.items.entry(number).or_insert_with(|| {
                batch.items.push(item_facts(item));
                last_index(batch.items.len())
            }))
        });
        batch.records.push(record);
    }
}

fn last_index(length: usize) -> u32 {
    u32::try_from(length.saturating_sub(1)).unwrap_or(u32::MAX)
}

fn subscription_facts(subscription: &Subscription) -> SubscriptionFacts {
    let recon = subscription.parameters.iter().find(|parameter| parameter.reconciliation);
    SubscriptionFacts {
        id: subscription.id.clone(),
        external_id: subscription.external_id.clone(),
        external_uid: subscription.external_uid.clone(),
        recon_id: recon.map(|parameter| parameter.value.clone()).unwrap_or_default(),
        hub: subscription.hub.clone(),
        customer_external_id: subscription.customer_external_id.clone(),
        customer_name: subscription.customer_name.clone(),
    }
}

fn item_facts(item: &Item) -> ItemFacts {
    ItemFacts {
        named: item.named.clone(),
        mpn: item.mpn.clone(),
        unit: item.unit.clone(),
        period: item.period.clone(),
        kind: item.kind,
        places: item.places,
    }
}
