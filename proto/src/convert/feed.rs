//! What the feed says of chunks and records, from what the ledger knows of them.

use ledger::catalog::Schema;
use ledger::fact::FileCreated;
use ledger::file::Chunk;
use ledger::record::{Billing, CheckedBatch, CheckedRecord, ItemFacts, SubscriptionFacts};
use ledger::{ChunkId, Moment, Named};
use serde::Serializer;

use super::catalog::{schema, schema_number};
use crate::wire;

/// The schema's name, as the API writes it.
pub(crate) fn schema_name<S: Serializer>(number: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(schema(*number).map_or("", Schema::upper))
}

impl wire::AcceptedHeader {
    pub(crate) fn new(id: ChunkId, chunk: &Chunk, created: &FileCreated, accepted: Moment) -> Self {
        Self {
            file_id: id.file.to_string(),
            chunk_id: id.to_string(),
            schema: schema_number(created.schema),
            currency: created.currency.clone().unwrap_or_default(),
            records: chunk.records,
            totals: super::validation::totals(&chunk.totals),
            hub: chunk.hub.as_ref().map(wire::Named::from),
            hub_external_id: chunk.hub_external_id.clone(),
            product: Some(wire::Named::from(&created.product)),
            contract: Some(wire::Named::from(&created.contract)),
            marketplace: Some(wire::Named::from(&created.marketplace)),
            vendor: Some(wire::Named::from(&created.vendor)),
            provider: Some(wire::Named::from(&created.provider)),
            name: created.name.clone(),
            note: created.note.clone(),
            period_from_micros: created.period.map(|period| period.from.0),
            period_to_micros: created.period.map(|period| period.to.0),
            accepted_micros: accepted.0,
        }
    }
}

impl wire::AcceptedRecord {
    /// What all records of a chunk have in common.
    pub(crate) fn shared(id: ChunkId, hub: Option<&Named>, created: &FileCreated) -> Self {
        Self {
            file_id: id.file.to_string(),
            contract_id: created.contract.id.to_string(),
            product_id: created.product.id.to_string(),
            schema: schema_number(created.schema),
            hub: hub.map(wire::Named::from),
            currency: created.currency.clone().unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The same with what was found in the record.
    pub(crate) fn checked(self, record: &CheckedRecord, batch: &CheckedBatch) -> Self {
        let subscription = record.subscription.and_then(|at| batch.subscriptions.get(at as usize));
        let item = record.item.and_then(|at| batch.items.get(at as usize));
        // As chunks write it: every decimal that the item may have.
        let places = item.map_or(0, |item| u32::from(item.places));
        Self {
            subscription: subscription.map(wire::AcceptedSubscription::from),
            item: item.map(wire::AcceptedItem::from),
            quantity: record.quantity.map_or_else(String::new, |quantity| quantity.padded(places)),
            amount: record.amount.map(|amount| amount.to_string()),
            tier: record.tier.map(u32::from),
            start_micros: micros(record.start),
            end_micros: micros(record.end),
            ..self
        }
    }
}

/// A valid record has both of its times.
fn micros(moment: Option<Moment>) -> i64 {
    moment.unwrap_or_default().0
}

impl From<&SubscriptionFacts> for wire::AcceptedSubscription {
    fn from(it: &SubscriptionFacts) -> Self {
        Self {
            id: it.id.to_string(),
            external_id: it.external_id.clone(),
            external_uid: it.external_uid.clone(),
            recon_id: it.recon_id.clone(),
            customer_external_id: it.customer_external_id.clone(),
            customer_name: it.customer_name.clone(),
        }
    }
}

impl From<&ItemFacts> for wire::AcceptedItem {
    fn from(it: &ItemFacts) -> Self {
        Self {
            named: Some(wire::Named::from(&it.named)),
            mpn: it.mpn.clone(),
            unit: it.unit.clone(),
            period: it.period.clone(),
            places: it.places.into(),
        }
    }
}

impl wire::CustomValue {
    pub(crate) fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}

impl wire::AcceptedBillings {
    /// Adds rows that follow those of the same billing.
    pub(crate) fn add(&mut self, first: u32, last: u32, billing: &Billing) {
        self.records += last - first + 1;
        let rows = wire::AcceptedRows { first, last };
        match self.billings.iter_mut().find(|known| known.id == billing.id && known.note == billing.note) {
            Some(known) => known.rows.push(rows),
            None => {
                let (id, note) = (billing.id.clone(), billing.note.clone());
                self.billings.push(wire::AcceptedBilling { id, note, rows: vec![rows] });
            }
        }
    }
}
