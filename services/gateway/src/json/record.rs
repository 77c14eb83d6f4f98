//! A usage record (connect-api §3.2), with what only workbooks have in Connect: the vendor's own id and note, and what
//! is wrong with it.

use ledger::catalog::{ItemKind, precision_name};
use ledger::fact::ExemptReason;
use ledger::file::Stamp;
use ledger::record::{Billing, CheckedBatch, CheckedRecord, ItemFacts, ReadBatch, SubscriptionFacts};
use rql::objects::CUSTOM_PREFIX;
use serde_json::{Value, json};

use super::{Object, exact, named};
use crate::records::FileView;
use crate::sources::Words;

/// Characters of `closed_by` (connect-api §3.2).
const CLOSED_BY_CHARS_MAX: usize = 254;

/// A record on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) view: &'a FileView,
    pub(crate) read: &'a ReadBatch,
    pub(crate) checked: Option<&'a CheckedBatch>,
    pub(crate) index: usize,
    pub(crate) closed: Option<(&'a Billing, &'a Stamp)>,
}

impl<'a> Row<'a> {
    fn row(&self) -> u32 {
        self.read.rows.get(self.index).copied().unwrap_or(0)
    }

    fn record(&self) -> Option<&'a CheckedRecord> {
        self.checked.and_then(|checked| checked.records.get(self.index))
    }

    /// Why it is never billed, where it isn't.
    fn exempt(&self) -> Option<ExemptReason> {
        let is_reservation = self.item_facts().is_some_and(|item| item.kind == ItemKind::Reservation);
        self.record().filter(|record| record.is_valid())?;
        self.view.exempt(self.row(), is_reservation)
    }

    fn text(&self, column: &str) -> &'a str {
        self.view.places.get(column).map_or("", |&place| self.read.cell(self.index, place).text)
    }

    fn item_facts(&self) -> Option<&'a ItemFacts> {
        let at = self.record()?.item?;
        self.checked?.items.get(at as usize)
    }

    fn subscription(&self) -> Option<&'a SubscriptionFacts> {
        let at = self.record()?.subscription?;
        self.checked?.subscriptions.get(at as usize)
    }

    /// The record as the API shows it; `words` gives what else the catalog knows of its item.
    pub(crate) fn json(&self, words: impl Fn(&ItemFacts) -> Option<String>) -> Value {
        let (view, record) = (self.view, self.record());
        let mut object = Object::default();
        object.put("id", view.id.record(self.row()).to_string());
        object.put_some("status", view.status(self.row(), record.map(CheckedRecord::is_valid)));
        object.put_some("exempt", self.exempt().map(ExemptReason::name));
        object.put("usagefile", view.reference()).put("product_id", view.created.product.id.as_str());
        object.put_some("created_time", view.created_time.map(ledger::Moment::iso));
        object.put("record_id", self.text("record_id")).put("record_note", self.text("record_note"));
        if let Some(record) = record {
            object.put_some("start_date", record.start.map(ledger::Moment::iso));
            object.put_some("end_date", record.end.map(ledger::Moment::iso));
            object.put_some("usage", record.quantity.map(exact)).put_some("amount", record.amount.map(exact));
            object.put_some("tier", record.tier);
        }
        object.put("multiplier", 1);
        self.put_item(&mut object, words);
        self.put_subscription(&mut object);
        object.put("category", self.category()).put("params", self.params());
        self.put_errors(&mut object);
        if let Some((billing, stamp)) = self.closed {
            let by: String = stamp.by.name().chars().take(CLOSED_BY_CHARS_MAX).collect();
            object.put("closed_at", stamp.at.iso()).put("closed_by", by);
            object.put("external_billing_id", billing.id.as_str());
            object.put("external_billing_note", billing.note.as_str());
        }
        object.done()
    }

    fn put_item(&self, object: &mut Object, words: impl Fn(&ItemFacts) -> Option<String>) {
        let Some(item) = self.item_facts() else { return };
        let id = item.named.id.as_str();
        let local_id = words(item).unwrap_or_else(|| id.replace('-', "_"));
        let mut shown = Object::default();
        shown.put("id", id).put("local_id", local_id.as_str()).put("mpn", item.mpn.as_str());
        shown.put("name", item.named.name.as_str()).put("unit", item.unit.as_str());
        shown.put("precision", precision_name(item.places)).put("type", item.kind.api());
        object.put("item", shown.done()).put("item_id", id).put("resource_local_id", local_id);
    }

    fn put_subscription(&self, object: &mut Object) {
        let Some(subscription) = self.subscription() else { return };
        object.put("asset", asset(subscription)).put("asset_id", subscription.id.as_str());
        object.put("asset_external_id", subscription.external_id.as_str());
        object.put("asset_external_uid", subscription.external_uid.as_str());
        object.put_some("hub", subscription.hub.as_ref().map(named));
    }

    fn category(&self) -> Value {
        let id = self.text("category_id");
        if id.is_empty() {
            return Value::Null;
        }
        self.view.categories.get(id).map_or_else(|| json!({ "id": id }), super::file::category)
    }

    /// The custom columns, byte for byte, in the vendor's order.
    fn params(&self) -> Value {
        let params = self.view.columns.iter().enumerate().filter_map(|(place, column)| {
            let name = column.name.strip_prefix(CUSTOM_PREFIX)?;
            let value = self.read.cell(self.index, place).text;
            (!value.is_empty()).then(|| json!({ "parameter_name": name, "parameter_value": value }))
        });
        params.collect()
    }

    fn put_errors(&self, object: &mut Object) {
        let Some(record) = self.record() else { return };
        let warnings = record.warnings.iter().map(|warning| {
            let mut shown = Object::default();
            shown.put("code", warning.code.to_string()).put("message", warning.message.as_str());
            shown.put("fix", warning.fix.as_str()).done()
        });
        object.put("warnings", warnings.collect::<Vec<_>>());
        object.put("error_codes", record.error_codes()).put("error_details", record.error_details());
    }
}

/// A subscription where a record names it.
pub(crate) fn asset(subscription: &SubscriptionFacts) -> Value {
    let mut object = Object::default();
    object.put("id", subscription.id.as_str()).put("external_id", subscription.external_id.as_str());
    object.put("external_uid", subscription.external_uid.as_str());
    object.put("recon_id", subscription.recon_id.as_str()).done()
}

/// The local id of an item, from what the catalog says of it.
pub(crate) fn local_id(words: &Words) -> Option<String> {
    words.local_id.clone()
}
