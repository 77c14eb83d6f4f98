//! What was agreed: contracts, and which products are listed under them.

use ledger::catalog::{CatalogObject, Contract, ContractKind, Environment, Listing};
use ledger::id::ObjectId;

use super::node::Node;
use super::reader::{Kind, Reader};
use super::source::Source;

/// A contract's `type`.
const CONTRACT_TYPES: [(&str, ContractKind); 2] =
    [("distribution", ContractKind::Distribution), ("program", ContractKind::Program)];

/// A contract's `status`; usage is reported under an active one.
const CONTRACT_STATUSES: [(&str, bool); 7] = [
    ("draft", false),
    ("enrolling", false),
    ("pending", false),
    ("active", true),
    ("suspended", false),
    ("rejected", false),
    ("terminated", false),
];

/// A contract's `kind`, which may be left out.
const CONTRACT_KINDS: [(&str, Environment); 3] =
    [("production", Environment::Production), ("test", Environment::Test), ("preview", Environment::Preview)];

/// A listing's `status`.
const LISTING_STATUSES: [(&str, bool); 4] =
    [("draft", false), ("deploying", false), ("listed", true), ("unlisted", false)];

impl Reader<'_> {
    pub(super) fn contract(&mut self, node: &Node<'_>, id: ObjectId) {
        let kind = self.faults.choice(&node.at("type"), &CONTRACT_TYPES, ContractKind::Distribution);
        let active = self.faults.choice(&node.at("status"), &CONTRACT_STATUSES, true);
        let environment = self.environment(&node.at("kind"), &id);
        let vendor = self.vendor(&node.at("owner"));
        let mut source = Source::of(node.value);
        self.fill(&mut source, &["owner"], Kind::Account, &vendor);
        let (provider, marketplace) = match kind {
            ContractKind::Distribution => (
                Some(self.provider(&node.at("issuer"))),
                Some(self.reference(&node.at("marketplace"), Kind::Marketplace)),
            ),
            ContractKind::Program => (
                self.reference_if_given(&node.at("issuer"), Kind::Account),
                self.reference_if_given(&node.at("marketplace"), Kind::Marketplace),
            ),
        };
        if let Some(provider) = &provider {
            self.fill(&mut source, &["issuer"], Kind::Account, provider);
        }
        if let Some(marketplace) = &marketplace {
            self.fill(&mut source, &["marketplace"], Kind::Marketplace, marketplace);
        }
        let named = self.faults.named(node, id);
        let source = self.source(node, &source);
        let distribution = kind == ContractKind::Distribution;
        let (provider, marketplace) = (provider.filter(|_| distribution), marketplace.filter(|_| distribution));
        let contract = Contract { named, kind, active, environment, vendor, provider, marketplace, source };
        self.take(CatalogObject::Contract(contract));
    }

    fn environment(&mut self, node: &Node<'_>, id: &ObjectId) -> Environment {
        let kind = match node.present() {
            true => self.faults.choice(node, &CONTRACT_KINDS, Environment::Production),
            false => Environment::Production,
        };
        if kind == Environment::Production && is_preview(id) { Environment::Preview } else { kind }
    }

    /// A required reference to the account of a provider.
    fn provider(&mut self, node: &Node<'_>) -> ObjectId {
        let id = self.reference(node, Kind::Account);
        if self.account_of(&id).is_some_and(|account| !account.role.is_provider()) {
            self.faults.push(&node.at("id"), format!("{id} is not the account of a provider"));
        }
        id
    }

    pub(super) fn listing(&mut self, node: &Node<'_>, id: ObjectId) {
        let listed = self.faults.choice(&node.at("status"), &LISTING_STATUSES, true);
        let mut source = Source::of(node.value);
        let (product, contract) = self.scope(node, &mut source);
        if let Some(agreed) = self.contract_of(&contract).cloned() {
            self.fill(&mut source, &["vendor"], Kind::Account, &agreed.vendor);
            if let Some(provider) = &agreed.provider {
                self.fill(&mut source, &["provider"], Kind::Account, provider);
            }
            if let Some(marketplace) = &agreed.marketplace {
                self.fill(&mut source, &["contract", "marketplace"], Kind::Marketplace, marketplace);
            }
        }
        let source = self.source(node, &source);
        self.take(CatalogObject::Listing(Listing { id, listed, product, contract, source }));
    }

    /// The product and the distribution contract of a listing or an asset. Both must be of one vendor: else one
    /// vendor's usage would be reported under the contract of another.
    pub(super) fn scope(&mut self, node: &Node<'_>, source: &mut Source) -> (ObjectId, ObjectId) {
        let product = self.reference(&node.at("product"), Kind::Product);
        let contract = self.reference(&node.at("contract"), Kind::Contract);
        self.fill(source, &["product"], Kind::Product, &product);
        self.fill(source, &["contract"], Kind::Contract, &contract);
        let Some(agreed) = self.contract_of(&contract) else { return (product, contract) };
        let (kind, vendor) = (agreed.kind, agreed.vendor.clone());
        if kind == ContractKind::Program {
            self.faults.push(&node.at("contract").at("id"), format!("{contract} is not a distribution contract"));
        }
        let owner = self.product_of(&product).map(|known| known.owner.clone());
        if let Some(owner) = owner.filter(|owner| *owner != vendor) {
            let reason = format!("{product} belongs to {owner}, the contract to {vendor}");
            self.faults.push(&node.at("product").at("id"), reason);
        }
        (product, contract)
    }
}

/// Whether every digit of a contract's id is zero, in any grouping: how Connect marks a preview (design §12).
fn is_preview(id: &ObjectId) -> bool {
    let mut digits = id.as_str().bytes().filter(u8::is_ascii_digit).peekable();
    digits.peek().is_some() && digits.all(|digit| digit == b'0')
}
