//! Dividing an accepted file: every valid record goes to the chunk of the hub that its subscription was sold through,
//! as validation recorded it. What is never billed, reservations' consumption and estimates, goes to none (design §12).

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::catalog::{Catalog, ItemKind, Schema};
use ledger::fact::{ExemptReason, Total};
use ledger::record::{CheckedBatch, CheckedRecord};
use ledger::rows::RowSet;
use ledger::{FileId, Ledger, Named, ObjectId, UsageFile};
use runtime::decider::Tools;
use runtime::records::RecordsError;

use crate::{Division, Exemption, Own};

/// Sums by tier.
pub(crate) type Totals = BTreeMap<Option<u8>, Total>;

/// Adds a record to the totals of what it is a part of.
pub(crate) fn count(totals: &mut Totals, schema: Schema, currency: &str, record: &CheckedRecord) {
    let tier = record.tier.filter(|_| schema == Schema::Tr);
    let total = totals.entry(tier);
    let total = total.or_insert_with(|| Total { currency: currency.to_owned(), tier, ..Total::default() });
    total.records += 1;
    total.quantity = total.quantity.saturating_add(record.quantity.unwrap_or_default());
    total.amount = total.amount.saturating_add(record.amount.unwrap_or_default());
}

/// Some of the records.
#[derive(Default)]
struct Share {
    rows: RowSet,
    totals: Totals,
}

/// The records of a file as they are divided.
#[derive(Default)]
pub(crate) struct Shares {
    /// By hub, each with as many chunks as it needs.
    chunks: BTreeMap<Option<Named>, Vec<Share>>,
    exempt: BTreeMap<ExemptReason, Share>,
}

/// What the job needs to know.
#[derive(Clone, Debug)]
pub struct Divide {
    file: FileId,
    upload: u32,
    parts: Vec<u64>,
    marketplace: ObjectId,
    schema: Schema,
    currency: String,
    estimate: bool,
    chunk_records_max: u32,
    catalog: Arc<Catalog>,
}

impl Divide {
    pub(crate) fn new(ledger: &Ledger, file: FileId, known: &UsageFile, chunk_records_max: u32) -> Option<Self> {
        let parts = known.current_checking()?.parts.iter().map(|part| part.sequence).collect();
        let created = known.approval.created.as_ref()?;
        Some(Self {
            file,
            upload: known.upload(),
            parts,
            marketplace: created.marketplace.id.clone(),
            schema: created.schema,
            currency: created.currency.clone().unwrap_or_default(),
            estimate: created.predictive,
            chunk_records_max,
            catalog: ledger.catalog.clone(),
        })
    }

    pub(crate) fn run(self, tools: &Tools<Own>) {
        let own = match self.divide(tools) {
            Ok((divisions, exempt)) => Own::Divided { file: self.file, upload: self.upload, divisions, exempt },
            Err(error) => {
                tracing::error!(file = %self.file, %error, "an accepted file could not be divided");
                Own::NotDivided { file: self.file, detail: format!("The records can't be read back: {error}.") }
            }
        };
        // Stale means that another attempt has done it.
        drop(tools.tell(own));
    }

    fn divide(&self, tools: &Tools<Own>) -> Result<(Vec<Division>, Vec<Exemption>), RecordsError> {
        let mut shares = Shares::default();
        for &sequence in &self.parts {
            let batch = tools.records.checked(self.file, sequence)?;
            self.take(&batch, &mut shares);
        }
        Ok(self.shared(shares))
    }

    pub(crate) fn take(&self, batch: &CheckedBatch, shares: &mut Shares) {
        for record in batch.records.iter().filter(|record| record.is_valid()) {
            self.add(batch, record, shares);
        }
    }

    /// Puts a record where it belongs.
    fn add(&self, batch: &CheckedBatch, record: &CheckedRecord, shares: &mut Shares) {
        let item = record.item.and_then(|at| batch.items.get(at as usize));
        let reservation = item.is_some_and(|item| item.kind == ItemKind::Reservation);
        let reason =
            if self.estimate { Some(ExemptReason::Estimate) } else { reservation.then_some(ExemptReason::Reservation) };
        let share = if let Some(reason) = reason {
            shares.exempt.entry(reason).or_default()
        } else {
            let subscription = record.subscription.and_then(|at| batch.subscriptions.get(at as usize));
            let of_hub = shares.chunks.entry(subscription.and_then(|known| known.hub.clone())).or_default();
            let full = of_hub.last().is_none_or(|share| share.rows.len() >= self.chunk_records_max.max(1));
            if full {
                of_hub.push(Share::default());
            }
            let Some(share) = of_hub.last_mut() else { return };
            share
        };
        share.rows.insert(record.row);
        count(&mut share.totals, self.schema, &self.currency, record);
    }

    pub(crate) fn shared(&self, shares: Shares) -> (Vec<Division>, Vec<Exemption>) {
        let of_hub = |(hub, shares): (Option<Named>, Vec<Share>)| {
            let hub_external_id = self.hub_external_id(hub.as_ref());
            shares.into_iter().map(move |Share { rows, totals }| Division {
                hub: hub.clone(),
                hub_external_id: hub_external_id.clone(),
                rows,
                totals: totals.into_values().collect(),
            })
        };
        let exempt = shares.exempt.into_iter().map(|(reason, Share { rows, totals })| Exemption {
            reason,
            rows,
            totals: totals.into_values().collect(),
        });
        (shares.chunks.into_iter().flat_map(of_hub).collect(), exempt.collect())
    }

    fn hub_external_id(&self, hub: Option<&Named>) -> String {
        let marketplace = self.catalog.marketplaces.get(&self.marketplace);
        let found =
            marketplace.and_then(|known| known.hubs.iter().find(|entry| Some(&entry.hub) == hub.map(|hub| &hub.id)));
        found.and_then(|entry| entry.external_id.clone()).unwrap_or_default()
    }
}
