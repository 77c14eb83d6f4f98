//! Who trades with whom in what: the catalog that files are checked against, and its fold.
//!
//! Each object keeps the JSON that it was imported as (connect-api §3), for the API to give back, beside the fields
//! that rules read.

use serde::{Deserialize, Serialize};

use crate::amount::Decimal;
use crate::id::{Hash, ObjectId};
use crate::moment::Moment;
use crate::scopes::Scopes;

mod capabilities;
mod fold;

pub use capabilities::{Capabilities, OverlapPolicy, Schema};
pub use fold::{Catalog, Recorded};

/// The most JSON that one object may carry, in bytes: it must fit a frame of the log with room to spare.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;

/// An object's id and name as others show it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Named {
    /// The object's id.
    pub id: ObjectId,
    /// Its name when it was last recorded.
    pub name: String,
}

/// What an account does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Reports usage.
    Vendor,
    /// Reviews and bills it: a distributor.
    Distributor,
    /// Reviews and bills the usage of its own contracts.
    Reseller,
    /// Runs this ledger; sees everything.
    Operator,
}

impl Role {
    /// Whether the account receives usage: the API's type `provider`.
    #[must_use]
    pub fn is_provider(self) -> bool {
        matches!(self, Self::Distributor | Self::Reseller)
    }
}

/// A company with a login (VA-…, PA-…).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    /// Id and name.
    pub named: Named,
    /// What it does.
    pub role: Role,
    /// The object as imported, JSON.
    pub source: String,
}

/// A commerce system of a provider (HB-…); chunks are made per hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hub {
    /// Id and name.
    pub named: Named,
    /// The object as imported, JSON.
    pub source: String,
}

/// Where a provider sells (MP-…).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Marketplace {
    /// Id and name.
    pub named: Named,
    /// ISO 4217; when given it is the currency of every file of the marketplace (design §12).
    pub currency: Option<String>,
    /// Its hubs and what each calls the marketplace.
    pub hubs: Vec<MarketplaceHub>,
    /// The object as imported, JSON.
    pub source: String,
}

/// A hub of a marketplace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MarketplaceHub {
    /// The hub.
    pub hub: ObjectId,
    /// The marketplace's id in the hub's own system.
    pub external_id: Option<String>,
}

/// What is sold (PRD-…).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Product {
    /// Id and name.
    pub named: Named,
    /// The vendor's account.
    pub owner: ObjectId,
    /// What may be reported.
    pub capabilities: Capabilities,
    /// The object as imported, without its items, JSON.
    pub source: String,
}

/// Whether an item is bought ahead or metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ItemKind {
    /// Bought ahead.
    Reservation,
    /// Metered.
    PayAsYouGo,
}

impl ItemKind {
    /// As workbooks write it (seed 002).
    #[must_use]
    pub fn sheet(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::PayAsYouGo => "pay-as-you-go",
        }
    }

    /// As usage objects of the API write it (connect-api U14).
    #[must_use]
    pub fn api(self) -> &'static str {
        match self {
            Self::Reservation => "Reservation",
            Self::PayAsYouGo => "PPU",
        }
    }
}

/// One thing of a product that can be counted (PRD-…-0001).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Item {
    /// Global id and name.
    pub named: Named,
    /// The product.
    pub product: ObjectId,
    /// The vendor's part number.
    pub mpn: String,
    /// The unit's name.
    pub unit: String,
    /// Billing period: `monthly`, `yearly`, `onetime`, …
    pub period: String,
    /// Bought ahead or metered.
    pub kind: ItemKind,
    /// Decimals that a quantity may have: 0, 1, 2, 4 or 8.
    pub places: u8,
    /// Whether a record brought it: no subscription has to include it.
    pub dynamic: bool,
    /// The object as imported, JSON.
    pub source: String,
}

/// The global id of an item that a record brings: the same for the same product and part number in every file, so that
/// nobody has to ask which number it got.
#[must_use]
pub fn dynamic_item_id(product: &ObjectId, mpn: &str) -> Option<ObjectId> {
    const DIGITS: usize = 12;
    let digest = Hash::of_parts(&[product.as_str().as_bytes(), mpn.trim().as_bytes()]).to_string();
    ObjectId::new(&format!("{product}-D{}", digest.get(..DIGITS)?))
}

/// The name of a precision as the API and workbooks write it.
#[must_use]
pub fn precision_name(places: u8) -> String {
    if places == 0 { "integer".to_owned() } else { format!("decimal({places})") }
}

/// The decimals of a precision in any of its spellings (`integer`, `Decimal(4)`, `decimal_4`).
#[must_use]
pub fn precision_places(name: &str) -> Option<u8> {
    let name = name.trim().to_ascii_lowercase();
    if name == "integer" {
        return Some(0);
    }
    let places = name.strip_prefix("decimal")?.trim_matches(['(', ')', '_', ' ']);
    [1, 2, 4, 8].into_iter().find(|known: &u8| known.to_string() == places)
}

/// What a contract is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContractKind {
    /// Between the platform and the vendor.
    Program,
    /// Between vendor and provider: usage is reported under it.
    Distribution,
}

/// Where usage counts: only production reaches a distributor (seed 003, step 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Environment {
    /// A test contract.
    Test,
    /// A vendor's own trial.
    Preview,
    /// For billing.
    Production,
}

impl Environment {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Preview => "preview",
            Self::Production => "production",
        }
    }

    /// The environment of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Test, Self::Preview, Self::Production].into_iter().find(|known| known.name() == text)
    }
}

/// An agreement between two accounts (CRD-…, CRP-…).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Contract {
    /// Id and name.
    pub named: Named,
    /// Program or distribution.
    pub kind: ContractKind,
    /// Whether usage can be reported under it now.
    pub active: bool,
    /// Derived from its kind and digits (design §12).
    pub environment: Environment,
    /// The vendor.
    pub vendor: ObjectId,
    /// The distributor or reseller; absent on a program contract.
    pub provider: Option<ObjectId>,
    /// Where it sells; absent on a program contract.
    pub marketplace: Option<ObjectId>,
    /// The object as imported, JSON.
    pub source: String,
}

/// A product offered under a contract (LST-…).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listing {
    /// Its id.
    pub id: ObjectId,
    /// Whether it is listed now.
    pub listed: bool,
    /// The product.
    pub product: ObjectId,
    /// The distribution contract.
    pub contract: ObjectId,
    /// The object as imported, JSON.
    pub source: String,
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SubscriptionStatus {
    /// Not ordered yet.
    Draft,
    /// Being provided.
    Processing,
    /// In use.
    Active,
    /// Ending.
    Terminating,
    /// Paused.
    Suspended,
    /// Ended.
    Terminated,
}

impl SubscriptionStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Draft, Self::Processing, Self::Active, Self::Terminating, Self::Suspended, Self::Terminated];

    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Processing => "processing",
            Self::Active => "active",
            Self::Terminating => "terminating",
            Self::Suspended => "suspended",
            Self::Terminated => "terminated",
        }
    }

    /// The status of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == text)
    }

    /// Whether usage of it may be reported (connect-api U23).
    #[must_use]
    pub fn reportable(self) -> bool {
        !matches!(self, Self::Draft | Self::Processing)
    }
}

/// A customer's subscription, which the API calls an asset (AS-…).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id.
    pub id: ObjectId,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// When it ended, if it did: no usage after that.
    pub ended_at: Option<Moment>,
    /// The product.
    pub product: ObjectId,
    /// The distribution contract.
    pub contract: ObjectId,
    /// The commerce system that it was sold through.
    pub hub: Option<Named>,
    /// Its id in the commerce system.
    pub external_id: String,
    /// Its unique id in the commerce system.
    pub external_uid: String,
    /// The customer's id in the commerce system.
    pub customer_external_id: String,
    /// The customer's name.
    pub customer_name: String,
    /// Fulfilment parameters, in the order of the import.
    pub parameters: Vec<Parameter>,
    /// Its items and, for reservations, how many were bought.
    pub items: Vec<SubscriptionItem>,
    /// The object as imported, JSON.
    pub source: String,
}

/// A parameter of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parameter {
    /// The parameter's id.
    pub id: String,
    /// Its value in this subscription.
    pub value: String,
    /// Whether its value identifies the subscription in reconciliations (`constraints.reconciliation`).
    pub reconciliation: bool,
}

/// An item of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SubscriptionItem {
    /// The item's global id.
    pub item: ObjectId,
    /// How many were bought; none where it is unlimited.
    pub quantity: Option<Decimal>,
}

/// An API key (SU-…): a person or a system that acts for an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Id and name.
    pub named: Named,
    /// The account it acts for.
    pub account: ObjectId,
    /// Keyed hash of its secret; the secret itself is never stored.
    pub secret_hash: Hash,
    /// Whether it was revoked.
    pub revoked: bool,
    /// What it may do of what its account may.
    pub scopes: Scopes,
}

/// One object of the catalog as a fact carries it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CatalogObject {
    /// An account.
    Account(Account),
    /// A hub.
    Hub(Hub),
    /// A marketplace.
    Marketplace(Marketplace),
    /// A product.
    Product(Product),
    /// An item of a product.
    Item(Item),
    /// A contract.
    Contract(Contract),
    /// A listing.
    Listing(Listing),
    /// A subscription.
    Subscription(Subscription),
    /// An API key.
    Key(Key),
}

impl CatalogObject {
    /// The object's id: the subject of its facts.
    #[must_use]
    pub fn id(&self) -> &ObjectId {
        match self {
            Self::Account(it) => &it.named.id,
            Self::Hub(it) => &it.named.id,
            Self::Marketplace(it) => &it.named.id,
            Self::Product(it) => &it.named.id,
            Self::Item(it) => &it.named.id,
            Self::Contract(it) => &it.named.id,
            Self::Listing(it) => &it.id,
            Self::Subscription(it) => &it.id,
            Self::Key(it) => &it.named.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_precision_is_known() {
        for (name, places) in [
            ("integer", Some(0)),
            ("Integer", Some(0)),
            ("Decimal(1)", Some(1)),
            ("decimal(4)", Some(4)),
            ("decimal_8", Some(8)),
            ("decimal(3)", None),
            ("", None),
        ] {
            assert_eq!(precision_places(name), places, "{name}");
        }
        assert_eq!(precision_name(4), "decimal(4)");
    }
}
