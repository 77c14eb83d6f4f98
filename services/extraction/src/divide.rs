//! Dividing an accepted file: every valid record goes to the chunk of the hub that its subscription was sold through,
//! as validation recorded it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::catalog::{Catalog, Schema};
use ledger::fact::Total;
use ledger::rows::RowSet;
use ledger::{FileId, Ledger, Named, ObjectId, UsageFile};
use runtime::decider::Tools;
use runtime::records::RecordsError;

use crate::{Division, Own};

/// Sums by tier.
type Totals = BTreeMap<Option<u8>, Total>;

/// What the job needs to know.
#[derive(Clone, Debug)]
pub struct Divide {
    file: FileId,
    upload: u32,
    parts: Vec<u64>,
    marketplace: ObjectId,
    schema: Schema,
    currency: String,
    catalog: Arc<Catalog>,
}

impl Divide {
    pub(crate) fn new(ledger: &Ledger, file: FileId, known: &UsageFile) -> Option<Self> {
        let parts = known.current_checking()?.parts.iter().map(|part| part.sequence).collect();
        let created = known.approval.created.as_ref()?;
        Some(Self {
            file,
            upload: known.upload(),
            parts,
            marketplace: created.marketplace.id.clone(),
            schema: created.schema,
            currency: created.currency.clone().unwrap_or_default(),
            catalog: ledger.catalog.clone(),
        })
    }

    pub(crate) fn run(self, tools: &Tools<Own>) {
        let own = match self.divide(tools) {
            Ok(divisions) => Own::Divided { file: self.file, upload: self.upload, divisions },
            Err(error) => {
                tracing::error!(file = %self.file, %error, "an accepted file could not be divided");
                Own::NotDivided { file: self.file, detail: format!("The records can't be read back: {error}.") }
            }
        };
        // Stale means that another attempt has done it.
        drop(tools.tell(own));
    }

    fn divide(&self, tools: &Tools<Own>) -> Result<Vec<Division>, RecordsError> {
        let mut divisions: BTreeMap<Option<Named>, (RowSet, Totals)> = BTreeMap::new();
        for &sequence in &self.parts {
            let batch = tools.records.checked(self.file, sequence)?;
            for record in batch.records.iter().filter(|record| record.is_valid()) {
                let subscription = record.subscription.and_then(|at| batch.subscriptions.get(at as usize));
                let hub = subscription.and_then(|subscription| subscription.hub.clone());
                let (rows, totals) = divisions.entry(hub).or_default();
                rows.insert(record.row);
                let tier = record.tier.filter(|_| self.schema == Schema::Tr);
                let total = totals.entry(tier).or_insert_with(|| Total {
                    currency: self.currency.clone(),
                    tier,
                    ..Total::default()
                });
                total.records += 1;
                total.quantity = total.quantity.saturating_add(record.quantity.unwrap_or_default());
                total.amount = total.amount.saturating_add(record.amount.unwrap_or_default());
            }
        }
        Ok(divisions
            .into_iter()
            .map(|(hub, (rows, totals))| Division {
                hub_external_id: self.hub_external_id(hub.as_ref()),
                hub,
                rows,
                totals: totals.into_values().collect(),
            })
            .collect())
    }

    fn hub_external_id(&self, hub: Option<&Named>) -> String {
        let marketplace = self.catalog.marketplaces.get(&self.marketplace);
        let found =
            marketplace.and_then(|known| known.hubs.iter().find(|entry| Some(&entry.hub) == hub.map(|hub| &hub.id)));
        found.and_then(|entry| entry.external_id.clone()).unwrap_or_default()
    }
}
