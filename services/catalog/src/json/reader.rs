//! One pass over a catalog file: what is in it, what it refers to, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use ledger::Catalog;
use ledger::catalog::{Account, CatalogObject, Contract, Item, Marketplace, Product, SOURCE_BYTES_MAX};
use ledger::id::ObjectId;
use serde_json::Value;

use super::fault::{Fault, Faults};
use super::field::quoted;
use super::node::{Node, kind_of};
use super::source::Source;

/// What can be referred to, or can have an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Account,
    Hub,
    Marketplace,
    Product,
    Item,
    Contract,
    Listing,
    Subscription,
    Key,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Account,
        Self::Hub,
        Self::Marketplace,
        Self::Product,
        Self::Item,
        Self::Contract,
        Self::Listing,
        Self::Subscription,
        Self::Key,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Hub => "hub",
            Self::Marketplace => "marketplace",
            Self::Product => "product",
            Self::Item => "item",
            Self::Contract => "contract",
            Self::Listing => "listing",
            Self::Subscription => "asset",
            Self::Key => "API key",
        }
    }

    fn is_in(self, catalog: &Catalog, id: &ObjectId) -> bool {
        match self {
            Self::Account => catalog.accounts.contains_key(id),
            Self::Hub => catalog.hubs.contains_key(id),
            Self::Marketplace => catalog.marketplaces.contains_key(id),
            Self::Product => catalog.products.contains_key(id),
            Self::Item => catalog.items.contains_key(id),
            Self::Contract => catalog.contracts.contains_key(id),
            Self::Listing => catalog.listings.contains_key(id),
            Self::Subscription => catalog.subscriptions.contains_key(id),
            Self::Key => catalog.keys.contains_key(id),
        }
    }
}

/// The lists of a file in an order in which references only point backwards.
const LISTS: [(&str, Kind); 8] = [
    ("accounts", Kind::Account),
    ("hubs", Kind::Hub),
    ("marketplaces", Kind::Marketplace),
    ("products", Kind::Product),
    ("contracts", Kind::Contract),
    ("listings", Kind::Listing),
    ("assets", Kind::Subscription),
    ("api_keys", Kind::Key),
];

/// The member that tells an editor which schema a file follows; not ours to read.
const SCHEMA_MEMBER: &str = "$schema";

/// What was read so far.
pub(super) struct Reader<'a> {
    pub(super) faults: Faults,
    pub(super) known: &'a Catalog,
    pub(super) pepper: &'a [u8],
    objects: Vec<CatalogObject>,
    /// How many faults there were when the current object began.
    began: usize,
    /// The objects of this file that later ones refer to, as far as they are sound.
    seen: Catalog,
    /// Every id that the file gives to a kind. A reference to an object that is itself faulty is not a second fault.
    declared: BTreeSet<(Kind, &'a str)>,
    /// Where each id was given. Ids are the subjects of facts, so two kinds can't share one either.
    places: BTreeMap<ObjectId, String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Value, known: &'a Catalog, pepper: &'a [u8]) -> Self {
        Self {
            faults: Faults::default(),
            known,
            pepper,
            objects: Vec::new(),
            began: 0,
            seen: Catalog::default(),
            declared: declared(file),
            places: BTreeMap::new(),
        }
    }

    /// The objects, or what is wrong.
    pub(super) fn finish(self) -> Result<Vec<CatalogObject>, Vec<Fault>> {
        if self.faults.count() == 0 { Ok(self.objects) } else { Err(self.faults.into_list()) }
    }

    /// Reads the whole file.
    pub(super) fn file(&mut self, root: &Node<'_>) {
        let Value::Object(members) = root.value else {
            self.faults.push(root, format!("expected an object, found {}", kind_of(root.value)));
            return;
        };
        let known: Vec<&str> = LISTS.iter().map(|(name, _)| *name).collect();
        for name in members.keys().filter(|name| *name != SCHEMA_MEMBER && !known.contains(&name.as_str())) {
            self.faults.push(&root.at(name), format!("unknown key; known are {}", known.join(", ")));
        }
        for (name, kind) in LISTS {
            self.list(&root.at(name), kind, |reader, node, id| match kind {
                Kind::Account => reader.account(node, id),
                Kind::Hub => reader.hub(node, id),
                Kind::Marketplace => reader.marketplace(node, id),
                Kind::Product => reader.product(node, id),
                Kind::Contract => reader.contract(node, id),
                Kind::Listing => reader.listing(node, id),
                Kind::Subscription => reader.subscription(node, id),
                Kind::Key => reader.key(node, id),
                // Items stand in their products, which read them.
                Kind::Item => {}
            });
        }
    }

    /// Reads the objects of a list.
    pub(super) fn list(&mut self, list: &Node<'_>, kind: Kind, mut read: impl FnMut(&mut Self, &Node<'_>, ObjectId)) {
        self.faults.objects(list);
        for node in list.elements().filter(|node| node.value.is_object()) {
            self.began = self.faults.count();
            let id = self.own_id(&node, kind);
            read(self, &node, id);
        }
    }

    fn own_id(&mut self, object: &Node<'_>, kind: Kind) -> ObjectId {
        let node = object.at("id");
        let id = self.faults.id(&node);
        if id.as_str().is_empty() {
            return id;
        }
        if let Some(place) = self.places.get(&id) {
            self.faults.push(&node, format!("{id} is the id of {place} already"));
            return id;
        }
        self.places.insert(id.clone(), object.pointer());
        if let Some(other) = Kind::ALL.into_iter().find(|&other| other != kind && other.is_in(self.known, &id)) {
            self.faults.push(&node, format!("{id} is the id of a known {} already", other.word()));
        }
        id
    }

    /// The id of a required reference `{id, …}`; it must name something that exists.
    pub(super) fn reference(&mut self, node: &Node<'_>, kind: Kind) -> ObjectId {
        if !self.faults.object(node) {
            return ObjectId::default();
        }
        self.reference_id(&node.at("id"), kind)
    }

    /// The id of a reference that may be absent.
    pub(super) fn reference_if_given(&mut self, node: &Node<'_>, kind: Kind) -> Option<ObjectId> {
        node.present().then(|| self.reference(node, kind))
    }

    /// An id that must name something that exists.
    pub(super) fn reference_id(&mut self, node: &Node<'_>, kind: Kind) -> ObjectId {
        let id = self.faults.id(node);
        let exists = self.declared.contains(&(kind, id.as_str())) || kind.is_in(self.known, &id);
        if !id.as_str().is_empty() && !exists {
            self.faults.push(node, format!("unknown {} {}", kind.word(), quoted(id.as_str())));
        }
        id
    }

    /// The JSON that an object will carry, if it isn't too much.
    pub(super) fn source(&mut self, node: &Node<'_>, source: &Source) -> String {
        let text = source.text();
        if text.len() > SOURCE_BYTES_MAX {
            let reason = format!("{} bytes of JSON, {SOURCE_BYTES_MAX} is the most an object may carry", text.len());
            self.faults.push(node, reason);
            return String::new();
        }
        text
    }

    /// Takes an object, unless it is faulty: what refers to it mustn't be judged by a stand-in.
    pub(super) fn take(&mut self, object: CatalogObject) {
        if self.faults.count() != self.began {
            return;
        }
        let referred =
            !matches!(object, CatalogObject::Listing(_) | CatalogObject::Subscription(_) | CatalogObject::Key(_));
        if referred {
            self.seen.record(object.clone());
        }
        // Once a file is refused nothing of it is needed but what references are judged by.
        if self.faults.count() == 0 {
            self.objects.push(object);
        }
    }

    pub(super) fn account_of(&self, id: &ObjectId) -> Option<&Account> {
        self.seen.accounts.get(id).or_else(|| self.known.accounts.get(id))
    }

    pub(super) fn marketplace_of(&self, id: &ObjectId) -> Option<&Marketplace> {
        self.seen.marketplaces.get(id).or_else(|| self.known.marketplaces.get(id))
    }

    pub(super) fn product_of(&self, id: &ObjectId) -> Option<&Product> {
        self.seen.products.get(id).or_else(|| self.known.products.get(id))
    }

    pub(super) fn item_of(&self, id: &ObjectId) -> Option<&Item> {
        self.seen.items.get(id).or_else(|| self.known.items.get(id))
    }

    pub(super) fn contract_of(&self, id: &ObjectId) -> Option<&Contract> {
        self.seen.contracts.get(id).or_else(|| self.known.contracts.get(id))
    }

    /// The name that an object goes by: its id where it has no sound one.
    pub(super) fn name_of(&self, kind: Kind, id: &ObjectId) -> String {
        let name = match kind {
            Kind::Account => self.account_of(id).map(|it| &it.named.name),
            Kind::Hub => self.seen.hubs.get(id).or_else(|| self.known.hubs.get(id)).map(|it| &it.named.name),
            Kind::Marketplace => self.marketplace_of(id).map(|it| &it.named.name),
            Kind::Product => self.product_of(id).map(|it| &it.named.name),
            Kind::Item => self.item_of(id).map(|it| &it.named.name),
            Kind::Contract => self.contract_of(id).map(|it| &it.named.name),
            Kind::Listing | Kind::Subscription | Kind::Key => None,
        };
        name.cloned().unwrap_or_else(|| id.to_string())
    }

    /// Writes id and name of a reference into an object's JSON where they are left out.
    pub(super) fn fill(&self, source: &mut Source, way: &[&str], kind: Kind, id: &ObjectId) {
        source.fill_reference(way, id.as_str(), &self.name_of(kind, id));
    }
}

fn declared(file: &Value) -> BTreeSet<(Kind, &str)> {
    let mut declared = BTreeSet::new();
    for (name, kind) in LISTS {
        for object in file.get(name).and_then(Value::as_array).into_iter().flatten() {
            declared.extend(object.get("id").and_then(Value::as_str).map(|id| (kind, id)));
            let items = object.get("items").filter(|_| kind == Kind::Product).and_then(Value::as_array);
            let ids = items.into_iter().flatten().filter_map(|item| item.get("id")?.as_str());
            declared.extend(ids.map(|id| (Kind::Item, id)));
        }
    }
    declared
}
