//! Who uses what: subscriptions, which Connect calls assets.

use std::collections::BTreeSet;

use ledger::catalog::{CatalogObject, Parameter, Subscription, SubscriptionItem, SubscriptionStatus};
use ledger::id::ObjectId;
use ledger::{Moment, Named};

use super::node::Node;
use super::reader::{Kind, Reader};
use super::source::{Source, fill};

impl Reader<'_> {
    pub(super) fn subscription(&mut self, node: &Node<'_>, id: ObjectId) {
        let statuses = SubscriptionStatus::ALL.map(|status| (status.name(), status));
        let status = self.faults.choice(&node.at("status"), &statuses, SubscriptionStatus::Active);
        let mut source = Source::of(node.value);
        let (product, contract) = self.scope(node, &mut source);
        let hub = self.connection(&node.at("connection"), &contract, &mut source);
        self.trade(&node.at("marketplace"), &contract, &mut source);
        let ended_at = self.events(&node.at("events"));
        let tiers = node.at("tiers");
        let customer = tiers.at("customer");
        for tier in [&tiers, &customer].into_iter().filter(|tier| tier.present()) {
            self.faults.object(tier);
        }
        let items = self.subscribed_items(node, &product, &mut source);
        let subscription = Subscription {
            id,
            status,
            ended_at,
            product,
            contract,
            hub,
            external_id: self.faults.text_or_blank(&node.at("external_id")),
            external_uid: self.faults.text_or_blank(&node.at("external_uid")),
            customer_external_id: self.faults.text_or_blank(&customer.at("external_id")),
            customer_name: self.faults.text_or_blank(&customer.at("name")),
            parameters: self.parameters(&node.at("params")),
            items,
            source: self.source(node, &source),
        };
        self.take(CatalogObject::Subscription(subscription));
    }

    /// The hub that a subscription came through. Vendor and provider of the connection are those of the contract where
    /// the file doesn't name them.
    fn connection(&mut self, node: &Node<'_>, contract: &ObjectId, source: &mut Source) -> Option<Named> {
        if node.present() {
            self.faults.object(node);
        }
        let agreed = self.contract_of(contract);
        let (vendor, provider) = (agreed.map(|it| it.vendor.clone()), agreed.and_then(|it| it.provider.clone()));
        for (side, by_contract) in [("vendor", vendor), ("provider", provider)] {
            let given = self.reference_if_given(&node.at(side), Kind::Account);
            if let Some(account) = given.or(by_contract) {
                self.fill(source, &["connection", side], Kind::Account, &account);
            }
        }
        let hub = self.reference_if_given(&node.at("hub"), Kind::Hub)?;
        self.fill(source, &["connection", "hub"], Kind::Hub, &hub);
        Some(Named { name: self.name_of(Kind::Hub, &hub), id: hub })
    }

    /// The marketplace: the contract's where the file doesn't name one.
    fn trade(&mut self, node: &Node<'_>, contract: &ObjectId, source: &mut Source) {
        let by_contract = self.contract_of(contract).and_then(|it| it.marketplace.clone());
        let given = self.reference_if_given(node, Kind::Marketplace);
        if let Some(marketplace) = given.or(by_contract) {
            self.fill(source, &["marketplace"], Kind::Marketplace, &marketplace);
        }
    }

    /// When the subscription ended. The other times are only shown, but what is shown must be times.
    fn events(&mut self, node: &Node<'_>) -> Option<Moment> {
        if node.present() {
            self.faults.object(node);
        }
        for name in ["created", "updated"] {
            self.faults.moment(&node.at(name).at("at"));
        }
        self.faults.moment(&node.at("terminated").at("at"))
    }

    fn parameters(&mut self, list: &Node<'_>) -> Vec<Parameter> {
        self.faults.objects(list);
        let mut parameters: Vec<Parameter> = Vec::new();
        for node in list.elements().filter(|node| node.value.is_object()) {
            let id = self.faults.text(&node.at("id"));
            if parameters.iter().any(|other| other.id == id) && !id.is_empty() {
                self.faults.push(&node.at("id"), "stands in this list already");
            }
            let value = self.faults.text_or_blank(&node.at("value"));
            let reconciliation = self.faults.flag(&node.at("constraints").at("reconciliation"));
            parameters.push(Parameter { id, value, reconciliation });
        }
        parameters
    }

    fn subscribed_items(&mut self, node: &Node<'_>, product: &ObjectId, source: &mut Source) -> Vec<SubscriptionItem> {
        let list = node.at("items");
        self.faults.objects(&list);
        let mut seen = BTreeSet::new();
        let mut items = Vec::new();
        for node in list.elements().filter(|node| node.value.is_object()) {
            // Where both are given, `id` may be the short one (connect-api §3.10).
            let name = if node.at("global_id").present() { "global_id" } else { "id" };
            let at = node.at(name);
            let item = self.reference_id(&at, Kind::Item);
            if let Some(known) = self.item_of(&item).filter(|known| known.product != *product) {
                let reason = format!("{item} is an item of {}, not of {product}", known.product);
                self.faults.push(&at, reason);
            }
            if !item.as_str().is_empty() && !seen.insert(item.clone()) {
                self.faults.push(&at, "stands in this list already");
            }
            let quantity = self.faults.quantity(&node.at("quantity"));
            items.push(SubscriptionItem { item, quantity });
        }
        for (entry, item) in source.elements("items").zip(&items) {
            fill(entry, &["id"], item.item.as_str().into());
            fill(entry, &["global_id"], item.item.as_str().into());
            if let Some(known) = self.item_of(&item.item) {
                fill(entry, &["mpn"], known.mpn.as_str().into());
            }
        }
        items
    }
}
