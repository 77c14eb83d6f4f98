//! What the records of a workbook add up to: counted as they are written, so that the sums are those of the rows.

use std::collections::BTreeMap;

use ledger::catalog::{ItemKind, Schema};
use ledger::record::CheckedRecord;
use ledger::{Decimal, UsageFile};

/// The sums, billable ones first.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    schema: Schema,
    is_estimate: bool,
    sums: BTreeMap<Group, Sum>,
}

/// What is added up together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    billed: Billed,
    tier: Option<u8>,
}

/// Whether records are for billing, and why not; in the order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Billed {
    Yes,
    Reservation,
    Estimate,
}

impl Billed {
    /// What the attributes begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Yes => "total",
            Self::Reservation => "reservation",
            Self::Estimate => "estimate",
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    records: u32,
    quantity: Decimal,
    amount: Decimal,
}

impl Totals {
    pub(super) fn new(file: &UsageFile) -> Self {
        let facts = file.approval.created.as_deref();
        Self {
            schema: facts.map_or(Schema::Qt, |facts| facts.schema),
            is_estimate: facts.is_some_and(|facts| facts.predictive),
            sums: BTreeMap::new(),
        }
    }

    /// Adds a record, if it is valid. Estimates, and what was bought ahead, are for information and billed by nobody.
    pub(super) fn add(&mut self, record: &CheckedRecord, kind: Option<ItemKind>) {
        if !record.is_valid() {
            return;
        }
        let tier = record.tier.filter(|_| self.schema == Schema::Tr);
        let billed = match kind {
            _ if self.is_estimate => Billed::Estimate,
            Some(ItemKind::Reservation) => Billed::Reservation,
            _ => Billed::Yes,
        };
        let sum = self.sums.entry(Group { billed, tier }).or_default();
        sum.records += 1;
        sum.quantity = sum.quantity.saturating_add(record.quantity.unwrap_or_default());
        sum.amount = sum.amount.saturating_add(record.amount.unwrap_or_default());
    }

    /// The rows of the `general` tab.
    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        let nothing = (Group { billed: Billed::Yes, tier: None }, Sum::default());
        let mut groups: Vec<_> = self.sums.iter().map(|(group, sum)| (*group, *sum)).collect();
        if groups.iter().all(|(group, _)| group.billed != Billed::Yes) {
            groups.insert(0, nothing);
        }
        for (group, sum) in groups {
            let prefix = group.billed.prefix();
            let tier = group.tier.map_or_else(String::new, |tier| format!("_tier_{tier}"));
            rows.push((format!("{prefix}_records{tier}"), sum.records.to_string()));
            rows.push((format!("{prefix}_quantity{tier}"), sum.quantity.to_string()));
            if self.schema != Schema::Qt {
                rows.push((format!("{prefix}_amount{tier}"), sum.amount.to_string()));
            }
        }
        rows
    }
}
