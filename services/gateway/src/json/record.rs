//! A usage record (connect-api §3.2), with what only workbooks have in Connect: the vendor's own id and note, and what
//! is wrong with it.

use ledger::catalog::{ItemKind, precision_name};
use ledger::fact::ExemptReason;
use ledger::file::Stamp;
use ledger::record::{Billing, CheckedBatch, CheckedRecord, ItemFacts, ReadBatch, RecordError, SubscriptionFacts};
use rql::objects::CUSTOM_PREFIX;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::file_shape::Category;
use super::words::{Exemption, Instant, ItemType, RecordStatus};
use super::{Exact, FileReference, Reference, given};
use crate::records::FileView;
use crate::sources::Words;

/// Characters of `closed_by` (connect-api §3.2).
const CLOSED_BY_CHARS_MAX: usize = 254;

/// A row of a usage file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Record {
    /// Its id: that of the file with the row.
    #[schema(example = "UR-2026-11-0000-0000-0000-0002")]
    id: String,
    /// Where it stands; left out until the file is checked.
    #[schema(value_type = Option<RecordStatus>)]
    status: Option<&'static str>,
    /// Why it is never billed.
    #[schema(value_type = Option<Exemption>)]
    exempt: Option<&'static str>,
    /// The file that it is in.
    usagefile: FileReference,
    /// The product of the file.
    #[schema(example = "PRD-404-832-779")]
    product_id: String,
    /// When the workbook came.
    #[schema(value_type = Option<Instant>)]
    created_time: Option<String>,
    /// The vendor's own id of it.
    #[schema(example = "2026-10-17/vm-1")]
    record_id: Option<String>,
    /// The vendor's note on it.
    #[schema(example = "Burst instances")]
    record_note: Option<String>,
    /// When the usage began.
    #[schema(value_type = Option<Instant>)]
    start_date: Option<String>,
    /// When it ended.
    #[schema(value_type = Option<Instant>)]
    end_date: Option<String>,
    /// How much was used.
    usage: Option<Exact>,
    /// What it costs.
    amount: Option<Exact>,
    /// Whose price the amount is: 0 is the customer's, 1 and 2 are those of the tiers above.
    #[schema(example = 0)]
    tier: Option<u8>,
    /// Always 1.
    #[schema(example = 1)]
    multiplier: u8,
    /// The item that it is about, once it is found.
    item: Option<Item>,
    /// The item's id.
    #[schema(example = "PRD-404-832-779-0001")]
    item_id: Option<String>,
    /// The item's local id.
    #[schema(example = "PRD_404_832_779_0001")]
    resource_local_id: Option<String>,
    /// The subscription that it is about, once it is found.
    asset: Option<Asset>,
    /// The subscription's id.
    #[schema(example = "AS-8919-8653-9735")]
    asset_id: Option<String>,
    /// The subscription's id in the commerce system.
    #[schema(example = "2009295")]
    asset_external_id: Option<String>,
    /// The subscription's unique id in the commerce system.
    #[schema(example = "65da4d1e-0000-4000-8000-000000000001")]
    asset_external_uid: Option<String>,
    /// Where it is billed.
    hub: Option<Reference>,
    /// The category that it is in.
    category: Option<Category>,
    /// The values of the vendor's own columns.
    params: Option<Vec<Parameter>>,
    /// What rules only warn of. A provider doesn't see it.
    warnings: Option<Vec<Warning>>,
    /// The codes of what is wrong with it.
    #[schema(example = "USG_FILE_101, USG_FILE_104")]
    error_codes: Option<String>,
    /// What is wrong with it and what would be right, in a line for each.
    #[schema(example = "Quantity is not a number.")]
    error_details: Option<String>,
    /// When it was billed.
    #[schema(value_type = Option<Instant>)]
    closed_at: Option<String>,
    /// By whom.
    #[schema(example = "SU-000-000-002")]
    closed_by: Option<String>,
    /// The id that it was billed under.
    #[schema(example = "17")]
    external_billing_id: Option<String>,
    /// The note that it was billed with.
    #[schema(example = "Invoice 2026-11-17")]
    external_billing_note: Option<String>,
}

/// An item of a product.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Item {
    /// Its global id.
    #[schema(example = "PRD-404-832-779-0001")]
    pub(super) id: String,
    /// Its id within the vendor's systems.
    #[schema(example = "PRD_404_832_779_0001")]
    pub(super) local_id: Option<String>,
    /// The vendor's part number.
    #[schema(example = "VM")]
    pub(super) mpn: Option<String>,
    /// Its name.
    #[schema(example = "Virtual machine")]
    pub(super) name: Option<String>,
    /// What is counted.
    #[schema(example = "Unit-h")]
    pub(super) unit: Option<String>,
    /// How many decimals a quantity may have.
    #[schema(example = "decimal(2)")]
    pub(super) precision: Option<String>,
    /// Whether it is metered or bought ahead.
    #[serde(rename = "type")]
    #[schema(value_type = Option<ItemType>)]
    pub(super) kind: Option<&'static str>,
}

/// A subscription.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Asset {
    /// Its id.
    #[schema(example = "AS-8919-8653-9735")]
    pub(super) id: String,
    /// Its id in the commerce system.
    #[schema(example = "2009295")]
    pub(super) external_id: Option<String>,
    /// Its unique id in the commerce system.
    #[schema(example = "65da4d1e-0000-4000-8000-000000000001")]
    pub(super) external_uid: Option<String>,
    /// The value that identifies it in reconciliations.
    #[schema(example = "98547985")]
    pub(super) recon_id: Option<String>,
}

/// A value of one of the vendor's own columns.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Parameter {
    /// The column's name without `v.`.
    #[schema(example = "region")]
    parameter_name: String,
    /// The value, byte for byte.
    #[schema(example = "eu-west-1")]
    parameter_value: String,
}

/// What a rule only warns of.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Warning {
    /// The rule's code.
    #[schema(example = "USG_FILE_112")]
    code: String,
    /// What is doubtful.
    #[schema(example = "The usage overlaps with row 17 of UF-2026-10-0000-0004.")]
    message: Option<String>,
    /// What would be right.
    #[schema(example = "Leave out what was reported before.")]
    fix: Option<String>,
}

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

    fn text(&self, column: &str) -> Option<String> {
        let place = *self.view.places.get(column)?;
        given(self.read.cell(self.index, place).text.to_owned())
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
        let (item, subscription) = (self.item_facts().map(|facts| item(facts, words)), self.subscription());
        let closed_by = |stamp: &Stamp| stamp.by.name().chars().take(CLOSED_BY_CHARS_MAX).collect();
        super::value(&Record {
            id: view.id.record(self.row()).to_string(),
            status: view.status(self.row(), record.map(CheckedRecord::is_valid)),
            exempt: self.exempt().map(ExemptReason::name),
            usagefile: FileReference::new(view.id, &view.created),
            product_id: view.created.product.id.to_string(),
            created_time: view.created_time.map(ledger::Moment::iso),
            record_id: self.text("record_id"),
            record_note: self.text("record_note"),
            start_date: record.and_then(|record| record.start).map(ledger::Moment::iso),
            end_date: record.and_then(|record| record.end).map(ledger::Moment::iso),
            usage: record.and_then(|record| record.quantity).map(Exact),
            amount: record.and_then(|record| record.amount).map(Exact),
            tier: record.and_then(|record| record.tier),
            multiplier: 1,
            item_id: item.as_ref().map(|item| item.id.clone()),
            resource_local_id: item.as_ref().and_then(|item| item.local_id.clone()),
            item,
            asset: subscription.map(asset),
            asset_id: subscription.map(|it| it.id.to_string()),
            asset_external_id: subscription.and_then(|it| given(it.external_id.clone())),
            asset_external_uid: subscription.and_then(|it| given(it.external_uid.clone())),
            hub: subscription.and_then(|it| it.hub.as_ref()).map(Reference::new),
            category: self.category(),
            params: given(self.params()),
            warnings: record.and_then(|record| given(record.warnings.iter().map(warning).collect())),
            error_codes: record.and_then(|record| given(record.error_codes())),
            error_details: record.and_then(|record| given(record.error_details())),
            closed_at: self.closed.map(|(_, stamp)| stamp.at.iso()),
            closed_by: self.closed.and_then(|(_, stamp)| given(closed_by(stamp))),
            external_billing_id: self.closed.and_then(|(billing, _)| given(billing.id.clone())),
            external_billing_note: self.closed.and_then(|(billing, _)| given(billing.note.clone())),
        })
    }

    fn category(&self) -> Option<Category> {
        let id = self.text("category_id")?;
        let known = self.view.categories.get(&id).map(super::file::category);
        Some(known.unwrap_or_else(|| Category { id: Some(id), ..Category::default() }))
    }

    /// The custom columns, byte for byte, in the vendor's order.
    fn params(&self) -> Vec<Parameter> {
        let params = self.view.columns.iter().enumerate().filter_map(|(place, column)| {
            let name = column.name.strip_prefix(CUSTOM_PREFIX)?;
            let value = given(self.read.cell(self.index, place).text)?;
            Some(Parameter { parameter_name: name.to_owned(), parameter_value: value.to_owned() })
        });
        params.collect()
    }
}

fn item(facts: &ItemFacts, words: impl Fn(&ItemFacts) -> Option<String>) -> Item {
    let id = facts.named.id.to_string();
    let local_id = words(facts).unwrap_or_else(|| id.replace('-', "_"));
    Item {
        id,
        local_id: given(local_id),
        mpn: given(facts.mpn.clone()),
        name: given(facts.named.name.clone()),
        unit: given(facts.unit.clone()),
        precision: Some(precision_name(facts.places)),
        kind: Some(facts.kind.api()),
    }
}

fn warning(warning: &RecordError) -> Warning {
    Warning { code: warning.code.to_string(), message: given(warning.message.clone()), fix: given(warning.fix.clone()) }
}

/// A subscription where a record names it.
pub(crate) fn asset(subscription: &SubscriptionFacts) -> Asset {
    Asset {
        id: subscription.id.to_string(),
        external_id: given(subscription.external_id.clone()),
        external_uid: given(subscription.external_uid.clone()),
        recon_id: given(subscription.recon_id.clone()),
    }
}

/// The local id of an item, from what the catalog says of it.
pub(crate) fn local_id(words: &Words) -> Option<String> {
    words.local_id.clone()
}
