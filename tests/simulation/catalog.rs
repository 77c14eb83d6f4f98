//! A small market: a vendor with a product for each schema of interest, two providers with a contract each, and a stranger.

use ledger::catalog::{
    Account, Capabilities, CatalogObject, Contract, ContractKind, Environment, Item, ItemKind, Listing, Marketplace,
    Product, Schema,
};
use ledger::{Actor, Named, ObjectId, Role, Scope};

/// Products, each with its schema.
pub(super) const PRODUCTS: [(&str, Schema); 2] = [("PRD-1", Schema::Qt), ("PRD-2", Schema::Tr)];
/// Distribution contracts, each with its provider.
pub(super) const CONTRACTS: [(&str, &str); 2] = [("CRD-1", "PA-1"), ("CRD-2", "PA-2")];
/// Everybody who asks for something.
pub(super) const ACCOUNTS: [(&str, Role); 5] = [
    ("VA-1", Role::Vendor),
    ("PA-1", Role::Distributor),
    ("PA-2", Role::Distributor),
    ("VA-2", Role::Vendor),
    ("OP-1", Role::Operator),
];

pub(super) fn id(text: &str) -> ObjectId {
    ObjectId::new(text).expect("an id")
}

pub(super) fn named(text: &str) -> Named {
    Named { id: id(text), name: format!("{text} name") }
}

/// Who asks with a key of an account.
pub(super) fn holder(account: &str) -> Scope {
    let role = ACCOUNTS.iter().find(|(known, _)| *known == account).expect("an account").1;
    let actor = Actor::Key { key: named(&format!("SU-{account}")), account: id(account) };
    Scope { actor, account: Some(id(account)), role, surface: ledger::Surface::Api }
}

/// A contract as it is while it is active, and while it isn't.
pub(super) fn contract(name: &str, provider: &str, active: bool) -> CatalogObject {
    CatalogObject::Contract(Contract {
        named: named(name),
        kind: ContractKind::Distribution,
        active,
        environment: Environment::Production,
        vendor: id("VA-1"),
        provider: Some(id(provider)),
        marketplace: Some(id("MP-1")),
        source: String::new(),
    })
}

/// Everything that is imported before anything is asked.
pub(super) fn objects() -> Vec<CatalogObject> {
    let source = String::new;
    let accounts =
        ACCOUNTS.map(|(name, role)| CatalogObject::Account(Account { named: named(name), role, source: source() }));
    let mut objects = accounts.to_vec();
    let hubs = Vec::new();
    objects.push(CatalogObject::Marketplace(Marketplace {
        named: named("MP-1"),
        currency: None,
        hubs,
        source: source(),
    }));
    objects.push(CatalogObject::Contract(Contract {
        named: named("CRP-1"),
        kind: ContractKind::Program,
        active: true,
        environment: Environment::Production,
        vendor: id("VA-1"),
        provider: None,
        marketplace: None,
        source: source(),
    }));
    objects.extend(CONTRACTS.map(|(name, provider)| contract(name, provider, true)));
    for (product, schema) in PRODUCTS {
        let capabilities = Capabilities {
            pay_as_you_go: Some(schema),
            reservation_consumption: true,
            dynamic: true,
            ..Capabilities::default()
        };
        let (named_product, owner) = (named(product), id("VA-1"));
        objects.push(CatalogObject::Product(Product { named: named_product, owner, capabilities, source: source() }));
        objects.push(CatalogObject::Item(Item {
            dynamic: false,
            named: named(&format!("{product}-0001")),
            product: id(product),
            mpn: "VM".to_owned(),
            unit: "unit".to_owned(),
            period: "monthly".to_owned(),
            kind: ItemKind::PayAsYouGo,
            places: 8,
            source: source(),
        }));
        for (number, (contract, _)) in CONTRACTS.iter().enumerate() {
            let (product, contract) = (id(product), id(contract));
            let id = id(&format!("LST-{product}-{number}"));
            objects.push(CatalogObject::Listing(Listing { id, listed: true, product, contract, source: source() }));
        }
    }
    objects
}
