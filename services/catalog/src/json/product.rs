//! What is sold: products with their items.

use ledger::catalog::{Capabilities, CatalogObject, Item, ItemKind, OverlapPolicy, Product, Schema, precision_places};
use ledger::id::ObjectId;

use super::field::quoted;
use super::node::Node;
use super::reader::{Kind, Reader};
use super::source::Source;

/// Reporting schemas as capabilities write them.
const SCHEMAS: [(&str, Schema); 4] = [("QT", Schema::Qt), ("TR", Schema::Tr), ("PR", Schema::Pr), ("CR", Schema::Cr)];

/// What becomes of overlapping usage: our own word beside Connect's capabilities.
const OVERLAPS: [(&str, OverlapPolicy); 3] =
    [("off", OverlapPolicy::Off), ("warn", OverlapPolicy::Warn), ("enforce", OverlapPolicy::Enforce)];

/// An item's `type`.
const ITEM_KINDS: [(&str, ItemKind); 2] = [("ppu", ItemKind::PayAsYouGo), ("reservation", ItemKind::Reservation)];

/// The only period that metered items can have (connect-api §3.9).
pub(crate) const PERIOD_OF_METERED: &str = "monthly";

/// The only precision of what is bought ahead (connect-api §3.9).
const PRECISION_OF_RESERVATIONS: &str = "integer";

/// What a custom column's name begins with (connect-api §4.2).
const CUSTOM_PREFIX: &str = "v.";

impl Reader<'_> {
    pub(super) fn product(&mut self, node: &Node<'_>, id: ObjectId) {
        let named = self.faults.named(node, id.clone());
        let owner = self.vendor(&node.at("owner"));
        let capabilities = self.capabilities(&node.at("capabilities"));
        self.faults.objects(&node.at("parameters"));
        let mut source = Source::of(node.value).without("items");
        self.fill(&mut source, &["owner"], Kind::Account, &owner);
        let source = self.source(node, &source);
        self.take(CatalogObject::Product(Product { named, owner, capabilities, source }));
        self.list(&node.at("items"), Kind::Item, |reader, item, item_id| reader.item(item, item_id, &id));
    }

    fn capabilities(&mut self, node: &Node<'_>) -> Capabilities {
        let mut capabilities = Capabilities::default();
        if !node.present() || !self.faults.object(node) {
            return capabilities;
        }
        let reservation = node.at("reservation");
        if reservation.present() && self.faults.object(&reservation) {
            capabilities.reservation_consumption = self.faults.flag(&reservation.at("consumption"));
        }
        let metered = node.at("ppu");
        if metered.present() && self.faults.object(&metered) {
            capabilities.pay_as_you_go = Some(self.faults.choice(&metered.at("schema"), &SCHEMAS, Schema::Qt));
            capabilities.dynamic = self.faults.flag(&metered.at("dynamic"));
            capabilities.future = self.faults.flag(&metered.at("future"));
            capabilities.late = self.faults.flag(&metered.at("late"));
            capabilities.predictive = self.faults.flag(&metered.at("predictive"));
            if metered.at("overlap").present() {
                capabilities.overlap = self.faults.choice(&metered.at("overlap"), &OVERLAPS, OverlapPolicy::Warn);
            }
            let fields = self.faults.texts(&metered.at("required_custom_fields"));
            capabilities.required_custom_fields = fields.into_iter().map(custom_column).collect();
        }
        capabilities
    }

    fn item(&mut self, node: &Node<'_>, id: ObjectId, product: &ObjectId) {
        let named = self.faults.named(node, id);
        let mpn = self.faults.text(&node.at("mpn"));
        let kind = self.faults.choice(&node.at("type"), &ITEM_KINDS, ItemKind::PayAsYouGo);
        let unit = self.unit(&node.at("unit"));
        let period = self.period(&node.at("period"), kind);
        let places = self.places(&node.at("precision"), kind);
        let mut source = Source::of(node.value);
        source.fill(&["period"], period.as_str());
        source.fill(&["precision"], ledger::catalog::precision_name(places));
        source.fill(&["display_name"], named.name.as_str());
        // Connect's own ids of this kind are the global id with underscores (connect-api §3.2).
        source.fill(&["local_id"], named.id.as_str().replace('-', "_"));
        let dynamic = node.at("dynamic").present() && self.faults.flag(&node.at("dynamic"));
        source.fill(&["dynamic"], dynamic);
        let source = self.source(node, &source);
        let product = product.clone();
        let item = Item { named, product, mpn, unit, period, kind, places, dynamic, source };
        self.take(CatalogObject::Item(item));
    }

    fn unit(&mut self, node: &Node<'_>) -> String {
        if node.value.is_string() {
            return self.faults.text(node);
        }
        if !self.faults.object(node) {
            return String::new();
        }
        let named = ["name", "unit", "title", "id"].into_iter().find(|name| node.at(name).present());
        self.faults.text(&node.at(named.unwrap_or("name")))
    }

    fn period(&mut self, node: &Node<'_>, kind: ItemKind) -> String {
        if kind == ItemKind::PayAsYouGo && !node.present() {
            return PERIOD_OF_METERED.to_owned();
        }
        let period = self.faults.text(node);
        if kind == ItemKind::PayAsYouGo && node.value.is_string() && period != PERIOD_OF_METERED {
            let reason = format!("{} for a ppu item, whose period can only be {PERIOD_OF_METERED}", quoted(&period));
            self.faults.push(node, reason);
        }
        period
    }

    fn places(&mut self, node: &Node<'_>, kind: ItemKind) -> u8 {
        if kind == ItemKind::Reservation && !node.present() {
            return 0;
        }
        let name = self.faults.text(node);
        let Some(places) = precision_places(&name) else {
            if !name.trim().is_empty() {
                let allowed = "integer, decimal(1), decimal(2), decimal(4), decimal(8)";
                self.faults.push(node, format!("unknown value {}; allowed are {allowed}", quoted(&name)));
            }
            return 0;
        };
        if kind == ItemKind::Reservation && places != 0 {
            let only = PRECISION_OF_RESERVATIONS;
            let reason = format!("{} for a reservation item, whose precision can only be {only}", quoted(&name));
            self.faults.push(node, reason);
        }
        places
    }

    /// A required reference to the account of a vendor.
    pub(super) fn vendor(&mut self, node: &Node<'_>) -> ObjectId {
        let id = self.reference(node, Kind::Account);
        if self.account_of(&id).is_some_and(|account| account.role != ledger::Role::Vendor) {
            self.faults.push(&node.at("id"), format!("{id} is not the account of a vendor"));
        }
        id
    }
}

fn custom_column(name: String) -> String {
    if name.starts_with(CUSTOM_PREFIX) { name } else { format!("{CUSTOM_PREFIX}{name}") }
}
