//! Who trades: accounts, hubs, marketplaces and API keys.

use ledger::catalog::{Account, CatalogObject, Hub, Key, Marketplace, MarketplaceHub, Role};
use ledger::id::{Hash, ObjectId};
use ledger::{KeyScope, Scopes};

use super::node::Node;
use super::reader::{Kind, Reader};
use super::secret_hash;
use super::source::{Source, fill_reference};

/// An account's `type`; `operator` is ours, Connect's platform itself has no account.
const ACCOUNT_TYPES: [(&str, Role); 3] =
    [("vendor", Role::Vendor), ("provider", Role::Distributor), ("operator", Role::Operator)];

impl Reader<'_> {
    pub(super) fn account(&mut self, node: &Node<'_>, id: ObjectId) {
        let named = self.faults.named(node, id);
        let kind = self.faults.choice(&node.at("type"), &ACCOUNT_TYPES, Role::Vendor);
        let role = self.role(&node.at("role"), kind);
        let mut source = Source::of(node.value);
        source.fill(&["role"], role_name(role));
        let source = self.source(node, &source);
        self.take(CatalogObject::Account(Account { named, role, source }));
    }

    /// The role, which may be left out: a provider is a distributor then. `kind` is the role that the type stands for.
    fn role(&mut self, node: &Node<'_>, kind: Role) -> Role {
        if !node.present() {
            return kind;
        }
        let allowed: &[(&str, Role)] = match kind {
            Role::Vendor => &[("vendor", Role::Vendor)],
            Role::Operator => &[("operator", Role::Operator)],
            Role::Distributor | Role::Reseller => &[("distributor", Role::Distributor), ("reseller", Role::Reseller)],
        };
        self.faults.choice(node, allowed, kind)
    }

    pub(super) fn hub(&mut self, node: &Node<'_>, id: ObjectId) {
        let named = self.faults.named(node, id);
        let source = self.source(node, &Source::of(node.value));
        self.take(CatalogObject::Hub(Hub { named, source }));
    }

    pub(super) fn marketplace(&mut self, node: &Node<'_>, id: ObjectId) {
        let named = self.faults.named(node, id);
        let currency = self.currency(&node.at("currency"));
        let mut source = Source::of(node.value);
        if let Some(owner) = self.reference_if_given(&node.at("owner"), Kind::Account) {
            self.fill(&mut source, &["owner"], Kind::Account, &owner);
        }
        let list = node.at("hubs");
        self.faults.objects(&list);
        let mut hubs: Vec<MarketplaceHub> = Vec::new();
        for entry in list.elements().filter(|entry| entry.value.is_object()) {
            let hub = self.reference(&entry.at("hub"), Kind::Hub);
            let external_id = self.faults.text_or_blank(&entry.at("external_id"));
            if hubs.iter().any(|other| other.hub == hub) && !hub.as_str().is_empty() {
                self.faults.push(&entry.at("hub"), format!("{hub} stands in this list already"));
            }
            hubs.push(MarketplaceHub { hub, external_id: Some(external_id).filter(|text| !text.is_empty()) });
        }
        for (entry, hub) in source.elements("hubs").zip(&hubs) {
            fill_reference(entry, &["hub"], hub.hub.as_str(), &self.name_of(Kind::Hub, &hub.hub));
        }
        let source = self.source(node, &source);
        self.take(CatalogObject::Marketplace(Marketplace { named, currency, hubs, source }));
    }

    fn currency(&mut self, node: &Node<'_>) -> Option<String> {
        let text = self.faults.text_or_blank(node);
        if !node.value.is_string() {
            return None;
        }
        if text.len() != 3 || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            self.faults.push(node, "expected three capital letters of ISO 4217");
        }
        Some(text)
    }

    pub(super) fn key(&mut self, node: &Node<'_>, id: ObjectId) {
        let account = self.reference(&node.at("account"), Kind::Account);
        let secret_hash = self.secret(node, &id);
        // A key that was revoked stays so: importing the file that once brought it mustn't bring it back.
        let was_revoked = self.known.keys.get(&id).is_some_and(|key| key.revoked);
        let revoked = self.faults.flag(&node.at("revoked")) || was_revoked;
        let named = self.faults.named(node, id);
        let scopes = self.scopes(&node.at("scopes"));
        self.take(CatalogObject::Key(Key { named, account, secret_hash, revoked, scopes }));
    }

    /// What a key may do; left out, everything that its account may.
    fn scopes(&mut self, node: &Node<'_>) -> Scopes {
        if !node.present() {
            return Scopes::default();
        }
        if !node.value.is_array() {
            self.faults.push(node, "expected a list of scopes; an empty one for a key that only reads");
            return Scopes::default();
        }
        let known = KeyScope::ALL.map(|scope| (scope.name(), scope));
        let scopes = node.elements().map(|entry| self.faults.choice(&entry, &known, KeyScope::Report));
        Scopes(Some(scopes.collect()))
    }

    fn secret(&mut self, node: &Node<'_>, id: &ObjectId) -> Hash {
        let (secret, hash) = (node.at("secret"), node.at("secret_hash"));
        match (secret.present(), hash.present()) {
            (true, false) => {
                let secret = self.faults.text(&secret);
                secret_hash(id, &secret, self.pepper)
            }
            (false, true) => self.faults.hash(&hash),
            (true, true) => {
                self.faults.push(&hash, "either secret or secret_hash, not both");
                Hash::ZERO
            }
            (false, false) => {
                self.faults.push(&secret, "missing: a key needs a secret or a secret_hash");
                Hash::ZERO
            }
        }
    }
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Vendor => "vendor",
        Role::Distributor => "distributor",
        Role::Reseller => "reseller",
        Role::Operator => "operator",
    }
}

/// The `type` of an account of a role.
pub(super) fn account_type(role: Role) -> &'static str {
    ACCOUNT_TYPES
        .iter()
        .find(|(_, known)| *known == role || (known.is_provider() && role.is_provider()))
        .map_or("vendor", |(name, _)| name)
}
