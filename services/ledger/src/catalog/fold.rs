//! The catalog as the fold of its facts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Account, CatalogObject, Contract, Hub, Item, Key, Listing, Marketplace, Named, Product, Subscription};
use crate::digest::digest_of;
use crate::id::{Hash, ObjectId, Partition};
use crate::moment::Moment;
use crate::session::Sessions;
use crate::webhook::Webhooks;

/// A sequence that tells one catalog from another quickly. Digests go without it: it follows from what else they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded(pub u64);

impl std::hash::Hash for Recorded {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

/// The catalog as of one position: the fold of the catalog's facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Catalog {
    /// The sequence in the catalog's own chain up to which this is the fold.
    pub position: u64,
    /// The sequence of the last object that was recorded.
    pub objects: Recorded,
    /// Accounts by id.
    pub accounts: BTreeMap<ObjectId, Account>,
    /// Hubs by id.
    pub hubs: BTreeMap<ObjectId, Hub>,
    /// Marketplaces by id.
    pub marketplaces: BTreeMap<ObjectId, Marketplace>,
    /// Products by id.
    pub products: BTreeMap<ObjectId, Product>,
    /// Items by global id.
    pub items: BTreeMap<ObjectId, Item>,
    /// Contracts by id.
    pub contracts: BTreeMap<ObjectId, Contract>,
    /// Listings by id.
    pub listings: BTreeMap<ObjectId, Listing>,
    /// Subscriptions by id.
    pub subscriptions: BTreeMap<ObjectId, Subscription>,
    /// Keys by id.
    pub keys: BTreeMap<ObjectId, Key>,
    /// Webhooks by id, deleted ones too.
    pub webhooks: Webhooks,
    /// Sessions of the last day by id, ended ones too.
    pub sessions: Sessions,
    /// The partition of each contract: chosen once, never changed (design §6).
    pub placements: BTreeMap<ObjectId, Partition>,
    /// Of objects that somebody edited since they were imported: what was imported.
    edited: BTreeMap<ObjectId, Hash>,
    /// When each object was recorded first and last.
    pub recorded: BTreeMap<ObjectId, (Moment, Moment)>,
    /// Subscriptions of a contract and product, in order of id.
    by_scope: BTreeMap<(ObjectId, ObjectId), Vec<ObjectId>>,
}

impl Catalog {
    /// Notes when an object was recorded.
    pub fn note(&mut self, id: &ObjectId, at: Moment) {
        self.recorded.entry(id.clone()).or_insert((at, at)).1 = at;
    }

    /// Takes an object in as somebody edited it.
    pub fn edit(&mut self, object: CatalogObject) {
        let id = object.id().clone();
        let imported = self.edited.get(&id).copied().or_else(|| self.object(&object).map(|before| digest_of(&before)));
        self.record(object);
        self.edited.extend(imported.map(|imported| (id, imported)));
    }

    /// Whether an import says of an object what the last one said, and it was edited since: then the edit counts.
    #[must_use]
    pub fn was_edited_since(&self, imported: &CatalogObject) -> bool {
        self.edited.get(imported.id()).is_some_and(|before| *before == digest_of(imported))
    }

    /// Takes an object in as it now is.
    pub fn record(&mut self, object: CatalogObject) {
        self.edited.remove(object.id());
        match object {
            CatalogObject::Account(it) => drop(self.accounts.insert(it.named.id.clone(), it)),
            CatalogObject::Hub(it) => drop(self.hubs.insert(it.named.id.clone(), it)),
            CatalogObject::Marketplace(it) => drop(self.marketplaces.insert(it.named.id.clone(), it)),
            CatalogObject::Product(it) => drop(self.products.insert(it.named.id.clone(), it)),
            CatalogObject::Item(it) => drop(self.items.insert(it.named.id.clone(), it)),
            CatalogObject::Contract(it) => drop(self.contracts.insert(it.named.id.clone(), it)),
            CatalogObject::Listing(it) => drop(self.listings.insert(it.id.clone(), it)),
            CatalogObject::Subscription(it) => self.record_subscription(it),
            CatalogObject::Key(it) => drop(self.keys.insert(it.named.id.clone(), it)),
        }
    }

    fn record_subscription(&mut self, subscription: Subscription) {
        if let Some(old) = self.subscriptions.get(&subscription.id) {
            let scope = (old.contract.clone(), old.product.clone());
            if let Some(ids) = self.by_scope.get_mut(&scope) {
                ids.retain(|id| *id != subscription.id);
            }
        }
        let scope = (subscription.contract.clone(), subscription.product.clone());
        let ids = self.by_scope.entry(scope).or_default();
        if let Err(at) = ids.binary_search(&subscription.id) {
            ids.insert(at, subscription.id.clone());
        }
        self.subscriptions.insert(subscription.id.clone(), subscription);
    }

    /// The object of an id as it stands, for comparing an import with what is known.
    #[must_use]
    pub fn object(&self, like: &CatalogObject) -> Option<CatalogObject> {
        let id = like.id();
        match like {
            CatalogObject::Account(_) => self.accounts.get(id).cloned().map(CatalogObject::Account),
            CatalogObject::Hub(_) => self.hubs.get(id).cloned().map(CatalogObject::Hub),
            CatalogObject::Marketplace(_) => self.marketplaces.get(id).cloned().map(CatalogObject::Marketplace),
            CatalogObject::Product(_) => self.products.get(id).cloned().map(CatalogObject::Product),
            CatalogObject::Item(_) => self.items.get(id).cloned().map(CatalogObject::Item),
            CatalogObject::Contract(_) => self.contracts.get(id).cloned().map(CatalogObject::Contract),
            CatalogObject::Listing(_) => self.listings.get(id).cloned().map(CatalogObject::Listing),
            CatalogObject::Subscription(_) => self.subscriptions.get(id).cloned().map(CatalogObject::Subscription),
            CatalogObject::Key(_) => self.keys.get(id).cloned().map(CatalogObject::Key),
        }
    }

    /// The subscriptions of a contract and product, in order of id.
    pub fn subscriptions_of<'a>(
        &'a self,
        contract: &ObjectId,
        product: &ObjectId,
    ) -> impl Iterator<Item = &'a Subscription> {
        let ids = self.by_scope.get(&(contract.clone(), product.clone()));
        ids.into_iter().flatten().filter_map(|id| self.subscriptions.get(id))
    }

    /// The items of a product, in order of id.
    pub fn items_of<'a>(&'a self, product: &'a ObjectId) -> impl Iterator<Item = &'a Item> {
        self.items.values().filter(move |item| item.product == *product)
    }

    /// The providers under whose contracts a product is listed.
    #[must_use]
    pub fn providers_of(&self, product: &ObjectId) -> BTreeSet<&ObjectId> {
        let listings = self.listings.values().filter(|listing| listing.product == *product);
        let contracts = listings.filter_map(|listing| self.contracts.get(&listing.contract));
        contracts.filter_map(|contract| contract.provider.as_ref()).collect()
    }

    /// Id and name of an account, the id alone where it is unknown.
    #[must_use]
    pub fn account_named(&self, id: &ObjectId) -> Named {
        let known = self.accounts.get(id).map(|account| account.named.clone());
        known.unwrap_or_else(|| Named { id: id.clone(), name: id.to_string() })
    }
}
