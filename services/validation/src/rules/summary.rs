//! Sums over the valid records of a file, and how often each code was raised.

use std::collections::{BTreeMap, HashMap};

use ledger::catalog::{ItemKind, Schema};
use ledger::fact::{Period, SummaryLine, Total};
use ledger::record::{CheckedBatch, CheckedRecord, RecordError};
use ledger::{Code, Decimal, ObjectId};

use super::checker::widened;

/// Sums that grow batch by batch. Give it a batch when its errors of uniqueness are in it.
#[derive(Debug)]
pub struct Summary {
    schema: Schema,
    currency: String,
    lines: BTreeMap<(ObjectId, ObjectId, Option<u8>), Sums>,
    totals: BTreeMap<Option<u8>, Sums>,
    exempt_totals: BTreeMap<Option<u8>, Sums>,
    codes: BTreeMap<Code, u32>,
    warnings: BTreeMap<Code, u32>,
    span: Option<Period>,
    valid: u32,
    invalid: u32,
    /// Whether nothing of the file is billed.
    estimate: bool,
}

/// What a file comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summarized {
    /// By subscription, item and tier, in that order.
    pub lines: Vec<SummaryLine>,
    /// Control totals by tier. TR has one for each tier that occurs, every other schema exactly one.
    pub totals: Vec<Total>,
    /// The same over records that are never billed; none where there are no such records.
    pub exempt_totals: Vec<Total>,
    /// How often each code was raised, in the order of codes.
    pub codes: Vec<(Code, u32)>,
    /// How often each code was raised as a warning.
    pub warnings: Vec<(Code, u32)>,
    /// From the earliest start to the latest end of the valid records.
    pub span: Option<Period>,
    /// Records without an error.
    pub valid: u32,
    /// Records with errors.
    pub invalid: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    records: u32,
    quantity: Decimal,
    amount: Decimal,
}

impl Sums {
    // A million million of the largest values fit, so that the sums are exact for any file that can exist.
    fn add(&mut self, other: Self) {
        self.records = self.records.saturating_add(other.records);
        self.quantity = self.quantity.saturating_add(other.quantity);
        self.amount = self.amount.saturating_add(other.amount);
    }

    fn of(record: &CheckedRecord) -> Self {
        Self { records: 1, quantity: record.quantity.unwrap_or_default(), amount: record.amount.unwrap_or_default() }
    }
}

impl Summary {
    /// Nothing yet; QT has no currency, whatever is given. Nothing of an estimate is billed.
    #[must_use]
    pub fn new(schema: Schema, currency: &str, estimate: bool) -> Self {
        let currency = if schema == Schema::Qt { String::new() } else { currency.to_owned() };
        let mut totals = BTreeMap::new();
        if schema != Schema::Tr {
            totals.insert(None, Sums::default());
        }
        Self {
            schema,
            currency,
            lines: BTreeMap::new(),
            totals,
            exempt_totals: BTreeMap::new(),
            codes: BTreeMap::new(),
            warnings: BTreeMap::new(),
            span: None,
            valid: 0,
            invalid: 0,
            estimate,
        }
    }

    /// Adds the records of a batch.
    pub fn add(&mut self, batch: &CheckedBatch) {
        // Summed by the batch's own numbers first: a name is compared once per batch and not once per record.
        let mut sums: HashMap<(u32, u32, Option<u8>), Sums> = HashMap::new();
        for record in &batch.records {
            count(&mut self.codes, &record.errors);
            count(&mut self.warnings, &record.warnings);
            if !record.is_valid() {
                self.invalid = self.invalid.saturating_add(1);
                continue;
            }
            self.valid = self.valid.saturating_add(1);
            if let Some((from, to)) = record.start.zip(record.end) {
                self.span = Some(widened(self.span, Period { from, to }));
            }
            let tier = record.tier.filter(|_| self.schema == Schema::Tr);
            let item = record.item.and_then(|item| batch.items.get(item as usize));
            let exempt = self.estimate || item.is_some_and(|item| item.kind == ItemKind::Reservation);
            let totals = if exempt { &mut self.exempt_totals } else { &mut self.totals };
            totals.entry(tier).or_default().add(Sums::of(record));
            if let Some((subscription, item)) = record.subscription.zip(record.item) {
                sums.entry((subscription, item, tier)).or_default().add(Sums::of(record));
            }
        }
        for ((subscription, item, tier), sum) in sums {
            let subscription = batch.subscriptions.get(subscription as usize);
            if let Some((subscription, item)) = subscription.zip(batch.items.get(item as usize)) {
                let key = (subscription.id.clone(), item.named.id.clone(), tier);
                self.lines.entry(key).or_default().add(sum);
            }
        }
    }

    /// What it came to.
    #[must_use]
    pub fn finish(self) -> Summarized {
        let line = |((subscription, item, tier), sums): ((ObjectId, ObjectId, Option<u8>), Sums)| SummaryLine {
            subscription,
            item,
            tier,
            records: sums.records,
            quantity: sums.quantity,
            amount: sums.amount,
        };
        let total = |(tier, sums): (Option<u8>, Sums)| Total {
            currency: self.currency.clone(),
            tier,
            records: sums.records,
            quantity: sums.quantity,
            amount: sums.amount,
        };
        Summarized {
            lines: self.lines.into_iter().map(line).collect(),
            totals: self.totals.into_iter().map(&total).collect(),
            exempt_totals: self.exempt_totals.into_iter().map(&total).collect(),
            codes: self.codes.into_iter().collect(),
            warnings: self.warnings.into_iter().collect(),
            span: self.span,
            valid: self.valid,
            invalid: self.invalid,
        }
    }
}

fn count(codes: &mut BTreeMap<Code, u32>, findings: &[RecordError]) {
    for finding in findings {
        let count = codes.entry(finding.code).or_default();
        *count = count.saturating_add(1);
    }
}
