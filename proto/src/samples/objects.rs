//! Every kind of catalog object.

use ledger::catalog::{
    Account, Capabilities, CatalogObject, Contract, ContractKind, Environment, Hub, Item, ItemKind, Key, Listing,
    Marketplace, MarketplaceHub, OverlapPolicy, Parameter, Product, Role, Schema, Subscription, SubscriptionItem,
    SubscriptionStatus,
};
use ledger::fact::Fact;
use ledger::{Decimal, Partition, Scopes};

use super::{hash, moment, named, object_id};

/// The kind of an object as golden files name it; exhaustive for the reason that `fact_name` is.
pub(super) fn kind_name(object: &CatalogObject) -> &'static str {
    match object {
        CatalogObject::Account(_) => "account",
        CatalogObject::Hub(_) => "hub",
        CatalogObject::Marketplace(_) => "marketplace",
        CatalogObject::Product(_) => "product",
        CatalogObject::Item(_) => "item",
        CatalogObject::Contract(_) => "contract",
        CatalogObject::Listing(_) => "listing",
        CatalogObject::Subscription(_) => "subscription",
        CatalogObject::Key(_) => "key",
    }
}

/// The facts of catalog.
pub(super) fn all() -> Vec<Fact> {
    let objects = [
        CatalogObject::Account(account()),
        CatalogObject::Hub(hub()),
        CatalogObject::Marketplace(marketplace()),
        CatalogObject::Product(product()),
        CatalogObject::Item(item()),
        CatalogObject::Contract(contract()),
        CatalogObject::Listing(listing()),
        CatalogObject::Subscription(subscription()),
        CatalogObject::Key(key()),
    ];
    let recorded = objects.into_iter().map(|object| Fact::ObjectRecorded(Box::new(object)));
    recorded.chain([Fact::ContractPlaced { partition: Partition(99) }]).collect()
}

fn source(id: &str) -> String {
    format!("{{\"id\":\"{id}\",\"note\":\"größer als 1 €\"}}")
}

fn account() -> Account {
    Account { named: named("VA-123-456", "Vendor Inc."), role: Role::Vendor, source: source("VA-123-456") }
}

fn hub() -> Hub {
    Hub { named: named("HB-1234-5678", "Odin Automation"), source: source("HB-1234-5678") }
}

fn marketplace() -> Marketplace {
    Marketplace {
        named: named("MP-12345", "Deutschland"),
        currency: Some("EUR".to_owned()),
        hubs: vec![
            MarketplaceHub { hub: object_id("HB-1234-5678"), external_id: Some("1000001".to_owned()) },
            MarketplaceHub { hub: object_id("HB-1234-5679"), external_id: None },
        ],
        source: source("MP-12345"),
    }
}

fn product() -> Product {
    Product {
        named: named("PRD-123-456-789", "Cloud Storage"),
        owner: object_id("VA-123-456"),
        capabilities: Capabilities {
            pay_as_you_go: Some(Schema::Tr),
            dynamic: true,
            future: true,
            late: true,
            predictive: true,
            required_custom_fields: vec!["v.Region".to_owned(), "v.project".to_owned()],
            reservation_consumption: true,
            overlap: OverlapPolicy::Warn,
        },
        source: source("PRD-123-456-789"),
    }
}

fn item() -> Item {
    Item {
        named: named("PRD-123-456-789-0001", "Gigabyte hour"),
        product: object_id("PRD-123-456-789"),
        mpn: "GB-H".to_owned(),
        unit: "GB·h".to_owned(),
        period: "monthly".to_owned(),
        kind: ItemKind::PayAsYouGo,
        places: 8,
        dynamic: false,
        source: source("PRD-123-456-789-0001"),
    }
}

fn contract() -> Contract {
    Contract {
        named: named("CRD-12345-67890-00001", "Distribution, Germany"),
        kind: ContractKind::Distribution,
        active: true,
        environment: Environment::Production,
        vendor: object_id("VA-123-456"),
        provider: Some(object_id("PA-654-321")),
        marketplace: Some(object_id("MP-12345")),
        source: source("CRD-12345-67890-00001"),
    }
}

fn listing() -> Listing {
    Listing {
        id: object_id("LST-123-456-789"),
        listed: true,
        product: object_id("PRD-123-456-789"),
        contract: object_id("CRD-12345-67890-00001"),
        source: source("LST-123-456-789"),
    }
}

fn subscription() -> Subscription {
    let parameter = |id: &str, value: &str, reconciliation| Parameter {
        id: id.to_owned(),
        value: value.to_owned(),
        reconciliation,
    };
    Subscription {
        id: object_id("AS-1234-5678-9012"),
        status: SubscriptionStatus::Terminated,
        ended_at: Some(moment(-86_400)),
        product: object_id("PRD-123-456-789"),
        contract: object_id("CRD-12345-67890-00001"),
        hub: Some(named("HB-1234-5678", "Odin Automation")),
        external_id: "1000042".to_owned(),
        external_uid: "0b7c0f0e-5a3e-4d0f-9b39-0d5a8a0a2f11".to_owned(),
        customer_external_id: "C-77".to_owned(),
        customer_name: "Bäckerei Müller & Söhne".to_owned(),
        parameters: vec![parameter("tenant", "müller.example", true), parameter("plan", "", false)],
        items: vec![
            SubscriptionItem {
                item: object_id("PRD-123-456-789-0002"),
                quantity: Some(Decimal::from_units(10_500_000_000_000)),
            },
            SubscriptionItem { item: object_id("PRD-123-456-789-0001"), quantity: None },
        ],
        source: source("AS-1234-5678-9012"),
    }
}

fn key() -> Key {
    Key {
        named: named("SU-123-456", "Nightly report"),
        account: object_id("VA-123-456"),
        secret_hash: hash(200),
        revoked: true,
        scopes: Scopes::default(),
    }
}
