//! The objects of the catalog.

use ledger::catalog::{
    Account, Capabilities, CatalogObject, Contract, ContractKind, Environment, Hub, Item, ItemKind, Key, Listing,
    Marketplace, MarketplaceHub, OverlapPolicy, Parameter, Product, Role, Schema, Subscription, SubscriptionItem,
    SubscriptionStatus,
};
use ledger::{Moment, ObjectId};

use super::session;
use super::value::{decimal, each, hash, micros, named, narrow, object_id, optional_named, required, unknown};
use crate::error::WireError;
use crate::wire;
use crate::wire::catalog_object::Object;

impl From<&CatalogObject> for wire::CatalogObject {
    fn from(object: &CatalogObject) -> Self {
        let object = match object {
            CatalogObject::Account(it) => Object::Account(it.into()),
            CatalogObject::Hub(it) => Object::Hub(it.into()),
            CatalogObject::Marketplace(it) => Object::Marketplace(it.into()),
            CatalogObject::Product(it) => Object::Product(it.into()),
            CatalogObject::Item(it) => Object::Item(it.into()),
            CatalogObject::Contract(it) => Object::Contract(it.into()),
            CatalogObject::Listing(it) => Object::Listing(it.into()),
            CatalogObject::Subscription(it) => Object::Subscription(it.into()),
            CatalogObject::Key(it) => Object::Key(it.into()),
        };
        Self { object: Some(object) }
    }
}

impl TryFrom<wire::CatalogObject> for CatalogObject {
    type Error = WireError;

    fn try_from(object: wire::CatalogObject) -> Result<Self, WireError> {
        Ok(match required(object.object, "object")? {
            Object::Account(it) => Self::Account(it.try_into()?),
            Object::Hub(it) => Self::Hub(it.try_into()?),
            Object::Marketplace(it) => Self::Marketplace(it.try_into()?),
            Object::Product(it) => Self::Product(it.try_into()?),
            Object::Item(it) => Self::Item(it.try_into()?),
            Object::Contract(it) => Self::Contract(it.try_into()?),
            Object::Listing(it) => Self::Listing(it.try_into()?),
            Object::Subscription(it) => Self::Subscription(it.try_into()?),
            Object::Key(it) => Self::Key(it.try_into()?),
        })
    }
}

impl From<&Account> for wire::Account {
    fn from(it: &Account) -> Self {
        Self { named: Some((&it.named).into()), role: role_number(it.role), source: it.source.clone() }
    }
}

impl TryFrom<wire::Account> for Account {
    type Error = WireError;

    fn try_from(it: wire::Account) -> Result<Self, WireError> {
        Ok(Self { named: named(it.named, "named")?, role: role(it.role)?, source: it.source })
    }
}

pub(super) fn role_number(role: Role) -> i32 {
    let role = match role {
        Role::Vendor => wire::Role::Vendor,
        Role::Distributor => wire::Role::Distributor,
        Role::Reseller => wire::Role::Reseller,
        Role::Operator => wire::Role::Operator,
    };
    role.into()
}

pub(super) fn role(number: i32) -> Result<Role, WireError> {
    match wire::Role::try_from(number) {
        Ok(wire::Role::Vendor) => Ok(Role::Vendor),
        Ok(wire::Role::Distributor) => Ok(Role::Distributor),
        Ok(wire::Role::Reseller) => Ok(Role::Reseller),
        Ok(wire::Role::Operator) => Ok(Role::Operator),
        Ok(wire::Role::Unspecified) | Err(_) => Err(unknown("role", number)),
    }
}

impl From<&Hub> for wire::Hub {
    fn from(it: &Hub) -> Self {
        Self { named: Some((&it.named).into()), source: it.source.clone() }
    }
}

impl TryFrom<wire::Hub> for Hub {
    type Error = WireError;

    fn try_from(it: wire::Hub) -> Result<Self, WireError> {
        Ok(Self { named: named(it.named, "named")?, source: it.source })
    }
}

impl From<&Marketplace> for wire::Marketplace {
    fn from(it: &Marketplace) -> Self {
        Self {
            named: Some((&it.named).into()),
            currency: it.currency.clone(),
            hubs: it.hubs.iter().map(wire::MarketplaceHub::from).collect(),
            source: it.source.clone(),
        }
    }
}

impl TryFrom<wire::Marketplace> for Marketplace {
    type Error = WireError;

    fn try_from(it: wire::Marketplace) -> Result<Self, WireError> {
        Ok(Self { named: named(it.named, "named")?, currency: it.currency, hubs: each(it.hubs)?, source: it.source })
    }
}

impl From<&MarketplaceHub> for wire::MarketplaceHub {
    fn from(it: &MarketplaceHub) -> Self {
        Self { hub_id: it.hub.to_string(), external_id: it.external_id.clone() }
    }
}

impl TryFrom<wire::MarketplaceHub> for MarketplaceHub {
    type Error = WireError;

    fn try_from(it: wire::MarketplaceHub) -> Result<Self, WireError> {
        Ok(Self { hub: object_id(&it.hub_id, "hub_id")?, external_id: it.external_id })
    }
}

pub(super) fn schema_number(schema: Schema) -> i32 {
    let schema = match schema {
        Schema::Qt => wire::Schema::Qt,
        Schema::Pr => wire::Schema::Pr,
        Schema::Cr => wire::Schema::Cr,
        Schema::Tr => wire::Schema::Tr,
    };
    schema.into()
}

pub(super) fn schema(number: i32) -> Result<Schema, WireError> {
    match wire::Schema::try_from(number) {
        Ok(wire::Schema::Qt) => Ok(Schema::Qt),
        Ok(wire::Schema::Pr) => Ok(Schema::Pr),
        Ok(wire::Schema::Cr) => Ok(Schema::Cr),
        Ok(wire::Schema::Tr) => Ok(Schema::Tr),
        Ok(wire::Schema::Unspecified) | Err(_) => Err(unknown("schema", number)),
    }
}

/// The default has number 0, so that what was recorded before there was a choice has it.
fn overlap_number(policy: OverlapPolicy) -> i32 {
    let policy = match policy {
        OverlapPolicy::Warn => wire::OverlapPolicy::Unspecified,
        OverlapPolicy::Off => wire::OverlapPolicy::Off,
        OverlapPolicy::Enforce => wire::OverlapPolicy::Enforce,
    };
    policy.into()
}

fn overlap(number: i32) -> Result<OverlapPolicy, WireError> {
    match wire::OverlapPolicy::try_from(number) {
        Ok(wire::OverlapPolicy::Unspecified) => Ok(OverlapPolicy::Warn),
        Ok(wire::OverlapPolicy::Off) => Ok(OverlapPolicy::Off),
        Ok(wire::OverlapPolicy::Enforce) => Ok(OverlapPolicy::Enforce),
        Err(_) => Err(unknown("overlap", number)),
    }
}

impl From<&Capabilities> for wire::Capabilities {
    fn from(it: &Capabilities) -> Self {
        Self {
            pay_as_you_go: it.pay_as_you_go.map(schema_number),
            dynamic: it.dynamic,
            future: it.future,
            late: it.late,
            predictive: it.predictive,
            required_custom_fields: it.required_custom_fields.clone(),
            reservation_consumption: it.reservation_consumption,
            overlap: overlap_number(it.overlap),
        }
    }
}

impl TryFrom<wire::Capabilities> for Capabilities {
    type Error = WireError;

    fn try_from(it: wire::Capabilities) -> Result<Self, WireError> {
        Ok(Self {
            pay_as_you_go: it.pay_as_you_go.map(schema).transpose()?,
            dynamic: it.dynamic,
            future: it.future,
            late: it.late,
            predictive: it.predictive,
            required_custom_fields: it.required_custom_fields,
            reservation_consumption: it.reservation_consumption,
            overlap: overlap(it.overlap)?,
        })
    }
}

impl From<&Product> for wire::Product {
    fn from(it: &Product) -> Self {
        Self {
            named: Some((&it.named).into()),
            owner_id: it.owner.to_string(),
            capabilities: Some((&it.capabilities).into()),
            source: it.source.clone(),
        }
    }
}

impl TryFrom<wire::Product> for Product {
    type Error = WireError;

    fn try_from(it: wire::Product) -> Result<Self, WireError> {
        Ok(Self {
            named: named(it.named, "named")?,
            owner: object_id(&it.owner_id, "owner_id")?,
            capabilities: required(it.capabilities, "capabilities")?.try_into()?,
            source: it.source,
        })
    }
}

pub(super) fn item_kind_number(kind: ItemKind) -> i32 {
    let kind = match kind {
        ItemKind::Reservation => wire::ItemKind::Reservation,
        ItemKind::PayAsYouGo => wire::ItemKind::PayAsYouGo,
    };
    kind.into()
}

pub(super) fn item_kind(number: i32) -> Result<ItemKind, WireError> {
    match wire::ItemKind::try_from(number) {
        Ok(wire::ItemKind::Reservation) => Ok(ItemKind::Reservation),
        Ok(wire::ItemKind::PayAsYouGo) => Ok(ItemKind::PayAsYouGo),
        Ok(wire::ItemKind::Unspecified) | Err(_) => Err(unknown("kind", number)),
    }
}

impl From<&Item> for wire::Item {
    fn from(it: &Item) -> Self {
        Self {
            named: Some((&it.named).into()),
            product_id: it.product.to_string(),
            mpn: it.mpn.clone(),
            unit: it.unit.clone(),
            period: it.period.clone(),
            kind: item_kind_number(it.kind),
            places: it.places.into(),
            dynamic: it.dynamic,
            source: it.source.clone(),
        }
    }
}

impl TryFrom<wire::Item> for Item {
    type Error = WireError;

    fn try_from(it: wire::Item) -> Result<Self, WireError> {
        Ok(Self {
            named: named(it.named, "named")?,
            product: object_id(&it.product_id, "product_id")?,
            mpn: it.mpn,
            unit: it.unit,
            period: it.period,
            kind: item_kind(it.kind)?,
            places: narrow(it.places, "places")?,
            dynamic: it.dynamic,
            source: it.source,
        })
    }
}

fn contract_kind_number(kind: ContractKind) -> i32 {
    let kind = match kind {
        ContractKind::Program => wire::ContractKind::Program,
        ContractKind::Distribution => wire::ContractKind::Distribution,
    };
    kind.into()
}

fn contract_kind(number: i32) -> Result<ContractKind, WireError> {
    match wire::ContractKind::try_from(number) {
        Ok(wire::ContractKind::Program) => Ok(ContractKind::Program),
        Ok(wire::ContractKind::Distribution) => Ok(ContractKind::Distribution),
        Ok(wire::ContractKind::Unspecified) | Err(_) => Err(unknown("kind", number)),
    }
}

pub(super) fn environment_number(environment: Environment) -> i32 {
    let environment = match environment {
        Environment::Test => wire::Environment::Test,
        Environment::Preview => wire::Environment::Preview,
        Environment::Production => wire::Environment::Production,
    };
    environment.into()
}

pub(super) fn environment(number: i32) -> Result<Environment, WireError> {
    match wire::Environment::try_from(number) {
        Ok(wire::Environment::Test) => Ok(Environment::Test),
        Ok(wire::Environment::Preview) => Ok(Environment::Preview),
        Ok(wire::Environment::Production) => Ok(Environment::Production),
        Ok(wire::Environment::Unspecified) | Err(_) => Err(unknown("environment", number)),
    }
}

impl From<&Contract> for wire::Contract {
    fn from(it: &Contract) -> Self {
        Self {
            named: Some((&it.named).into()),
            kind: contract_kind_number(it.kind),
            active: it.active,
            environment: environment_number(it.environment),
            vendor_id: it.vendor.to_string(),
            provider_id: it.provider.as_ref().map(ObjectId::to_string),
            marketplace_id: it.marketplace.as_ref().map(ObjectId::to_string),
            source: it.source.clone(),
        }
    }
}

impl TryFrom<wire::Contract> for Contract {
    type Error = WireError;

    fn try_from(it: wire::Contract) -> Result<Self, WireError> {
        Ok(Self {
            named: named(it.named, "named")?,
            kind: contract_kind(it.kind)?,
            active: it.active,
            environment: environment(it.environment)?,
            vendor: object_id(&it.vendor_id, "vendor_id")?,
            provider: it.provider_id.map(|id| object_id(&id, "provider_id")).transpose()?,
            marketplace: it.marketplace_id.map(|id| object_id(&id, "marketplace_id")).transpose()?,
            source: it.source,
        })
    }
}

impl From<&Listing> for wire::Listing {
    fn from(it: &Listing) -> Self {
        Self {
            id: it.id.to_string(),
            listed: it.listed,
            product_id: it.product.to_string(),
            contract_id: it.contract.to_string(),
            source: it.source.clone(),
        }
    }
}

impl TryFrom<wire::Listing> for Listing {
    type Error = WireError;

    fn try_from(it: wire::Listing) -> Result<Self, WireError> {
        Ok(Self {
            id: object_id(&it.id, "id")?,
            listed: it.listed,
            product: object_id(&it.product_id, "product_id")?,
            contract: object_id(&it.contract_id, "contract_id")?,
            source: it.source,
        })
    }
}

fn subscription_status_number(status: SubscriptionStatus) -> i32 {
    let status = match status {
        SubscriptionStatus::Draft => wire::SubscriptionStatus::Draft,
        SubscriptionStatus::Processing => wire::SubscriptionStatus::Processing,
        SubscriptionStatus::Active => wire::SubscriptionStatus::Active,
        SubscriptionStatus::Terminating => wire::SubscriptionStatus::Terminating,
        SubscriptionStatus::Suspended => wire::SubscriptionStatus::Suspended,
        SubscriptionStatus::Terminated => wire::SubscriptionStatus::Terminated,
    };
    status.into()
}

fn subscription_status(number: i32) -> Result<SubscriptionStatus, WireError> {
    match wire::SubscriptionStatus::try_from(number) {
        Ok(wire::SubscriptionStatus::Draft) => Ok(SubscriptionStatus::Draft),
        Ok(wire::SubscriptionStatus::Processing) => Ok(SubscriptionStatus::Processing),
        Ok(wire::SubscriptionStatus::Active) => Ok(SubscriptionStatus::Active),
        Ok(wire::SubscriptionStatus::Terminating) => Ok(SubscriptionStatus::Terminating),
        Ok(wire::SubscriptionStatus::Suspended) => Ok(SubscriptionStatus::Suspended),
        Ok(wire::SubscriptionStatus::Terminated) => Ok(SubscriptionStatus::Terminated),
        Ok(wire::SubscriptionStatus::Unspecified) | Err(_) => Err(unknown("status", number)),
    }
}

impl From<&Subscription> for wire::Subscription {
    fn from(it: &Subscription) -> Self {
        Self {
            id: it.id.to_string(),
            status: subscription_status_number(it.status),
            ended_at_micros: micros(it.ended_at),
            product_id: it.product.to_string(),
            contract_id: it.contract.to_string(),
            hub: it.hub.as_ref().map(wire::Named::from),
            external_id: it.external_id.clone(),
            external_uid: it.external_uid.clone(),
            customer_external_id: it.customer_external_id.clone(),
            customer_name: it.customer_name.clone(),
            parameters: it.parameters.iter().map(wire::Parameter::from).collect(),
            items: it.items.iter().map(wire::SubscriptionItem::from).collect(),
            source: it.source.clone(),
        }
    }
}

impl TryFrom<wire::Subscription> for Subscription {
    type Error = WireError;

    fn try_from(it: wire::Subscription) -> Result<Self, WireError> {
        Ok(Self {
            id: object_id(&it.id, "id")?,
            status: subscription_status(it.status)?,
            ended_at: it.ended_at_micros.map(Moment),
            product: object_id(&it.product_id, "product_id")?,
            contract: object_id(&it.contract_id, "contract_id")?,
            hub: optional_named(it.hub)?,
            external_id: it.external_id,
            external_uid: it.external_uid,
            customer_external_id: it.customer_external_id,
            customer_name: it.customer_name,
            parameters: it.parameters.into_iter().map(Parameter::from).collect(),
            items: each(it.items)?,
            source: it.source,
        })
    }
}

impl From<&Parameter> for wire::Parameter {
    fn from(it: &Parameter) -> Self {
        Self { id: it.id.clone(), value: it.value.clone(), reconciliation: it.reconciliation }
    }
}

impl From<wire::Parameter> for Parameter {
    fn from(it: wire::Parameter) -> Self {
        Self { id: it.id, value: it.value, reconciliation: it.reconciliation }
    }
}

impl From<&SubscriptionItem> for wire::SubscriptionItem {
    fn from(it: &SubscriptionItem) -> Self {
        Self { item_id: it.item.to_string(), quantity: it.quantity.map(|quantity| quantity.to_string()) }
    }
}

impl TryFrom<wire::SubscriptionItem> for SubscriptionItem {
    type Error = WireError;

    fn try_from(it: wire::SubscriptionItem) -> Result<Self, WireError> {
        let quantity = it.quantity.map(|quantity| decimal(&quantity, "quantity")).transpose()?;
        Ok(Self { item: object_id(&it.item_id, "item_id")?, quantity })
    }
}

impl From<&Key> for wire::Key {
    fn from(it: &Key) -> Self {
        Self {
            named: Some((&it.named).into()),
            account_id: it.account.to_string(),
            secret_hash: it.secret_hash.0.to_vec(),
            revoked: it.revoked,
            scopes: session::scopes_to_wire(&it.scopes),
        }
    }
}

impl TryFrom<wire::Key> for Key {
    type Error = WireError;

    fn try_from(it: wire::Key) -> Result<Self, WireError> {
        Ok(Self {
            named: named(it.named, "named")?,
            account: object_id(&it.account_id, "account_id")?,
            secret_hash: hash(&it.secret_hash, "secret_hash")?,
            revoked: it.revoked,
            scopes: session::scopes(it.scopes)?,
        })
    }
}
