//! Finding subscriptions and items: built once per file, so that a row costs a few hash look-ups.

use std::collections::{HashMap, HashSet};

use ledger::catalog::{Catalog, Item, Subscription};
use ledger::{Decimal, ObjectId};

use super::sentences::EXAMPLES_MAX;

/// Items of a product that may share an MPN and still be told apart by the subscription: a catalog has one as a rule,
/// and a row must not go through thousands.
const MPN_ITEMS_MAX: usize = 16;

/// Items of a subscription that are looked through one by one: for so few an index costs more than it saves.
const SCANNED_ITEMS_MAX: usize = 32;

/// Values of one parameter: which subscriptions have each.
type ByValue<'a> = HashMap<&'a str, Vec<u32>>;

/// What a search for one thing gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    One(u32),
    Several(Vec<u32>),
    None,
}

/// The subscriptions of a contract and product and the items of the product.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    subscriptions: Vec<&'a Subscription>,
    by_id: HashMap<&'a str, u32>,
    parameters: HashSet<&'a str>,
    parameter_examples: Vec<&'a str>,
    /// Made for a parameter when a record first searches by it: most files use one of many. Only for parameters that
    /// exist, so that a hostile file can't make us go through the subscriptions once per row.
    by_parameter: HashMap<&'a str, ByValue<'a>>,
    items: Vec<&'a Item>,
    /// Items that records brought: their numbers follow those of the catalog.
    brought: Vec<Item>,
    by_mpn: HashMap<&'a str, Vec<u32>>,
    by_global_id: HashMap<&'a str, u32>,
    /// The items of a subscription with many, made when a record first names it.
    members: HashMap<u32, HashMap<&'a str, Option<Decimal>>>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(catalog: &'a Catalog, contract: &ObjectId, product: &'a ObjectId) -> Self {
        let subscriptions: Vec<&Subscription> = catalog.subscriptions_of(contract, product).collect();
        let items: Vec<&Item> = catalog.items_of(product).collect();
        let mut by_mpn: HashMap<&str, Vec<u32>> = HashMap::new();
        for (number, item) in (0..).zip(&items) {
            let numbers = by_mpn.entry(item.mpn.as_str()).or_default();
            if !item.mpn.is_empty() && numbers.len() < MPN_ITEMS_MAX {
                numbers.push(number);
            }
        }
        let parameters = subscriptions.iter().flat_map(|it| &it.parameters).map(|it| it.id.as_str());
        let parameters: HashSet<&str> = parameters.collect();
        let mut parameter_examples: Vec<&str> = parameters.iter().copied().collect();
        parameter_examples.sort_unstable();
        parameter_examples.truncate(EXAMPLES_MAX + 1);
        Self {
            by_id: (0..).zip(&subscriptions).map(|(number, it)| (it.id.as_str(), number)).collect(),
            parameters,
            parameter_examples,
            by_parameter: HashMap::new(),
            by_mpn,
            by_global_id: (0..).zip(&items).map(|(number, it)| (it.named.id.as_str(), number)).collect(),
            members: HashMap::new(),
            subscriptions,
            items,
            brought: Vec::new(),
        }
    }

    pub(super) fn subscription(&self, number: u32) -> Option<&'a Subscription> {
        self.subscriptions.get(number as usize).copied()
    }

    pub(super) fn item(&self, number: u32) -> Option<&Item> {
        let number = number as usize;
        let brought = || self.brought.get(number.checked_sub(self.items.len())?);
        self.items.get(number).copied().or_else(brought)
    }

    /// Takes in an item that the catalog hasn't; gives its number.
    pub(super) fn bring(&mut self, item: Item) -> u32 {
        self.brought.push(item);
        u32::try_from(self.items.len() + self.brought.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn by_id(&self, id: &str) -> Found {
        self.by_id.get(id).map_or(Found::None, |&number| Found::One(number))
    }

    /// Whether any of the subscriptions has the parameter.
    pub(super) fn knows_parameter(&self, parameter: &str) -> bool {
        self.parameters.contains(parameter)
    }

    /// The first ids of parameters that can be searched by, one more than a fix shows.
    pub(super) fn parameter_examples(&self) -> &[&'a str] {
        &self.parameter_examples
    }

    pub(super) fn by_parameter(&mut self, parameter: &str, value: &str) -> Found {
        let Some(&parameter) = self.parameters.get(parameter) else { return Found::None };
        let subscriptions = &self.subscriptions;
        let values = self.by_parameter.entry(parameter).or_insert_with(|| values_of(subscriptions, parameter));
        match values.get(value).map(Vec::as_slice) {
            None | Some([]) => Found::None,
            Some([number]) => Found::One(*number),
            Some(several) => Found::Several(several.to_vec()),
        }
    }

    /// The items with an MPN; the catalog doesn't promise that there is one at most.
    pub(super) fn by_mpn(&self, mpn: &str) -> &[u32] {
        self.by_mpn.get(mpn).map_or(&[], Vec::as_slice)
    }

    pub(super) fn by_global_id(&self, id: &str) -> &[u32] {
        self.by_global_id.get(id).map_or(&[], std::slice::from_ref)
    }

    /// Whether a subscription has an item, and how many were bought of it.
    pub(super) fn purchased(&mut self, subscription: u32, item: u32) -> Option<Option<Decimal>> {
        let all = &self.subscriptions.get(subscription as usize)?.items;
        let wanted = &self.items.get(item as usize)?.named.id;
        if all.len() <= SCANNED_ITEMS_MAX {
            return all.iter().find(|own| own.item == *wanted).map(|own| own.quantity);
        }
        let members = self
            .members
            .entry(subscription)
            .or_insert_with(|| all.iter().map(|own| (own.item.as_str(), own.quantity)).collect());
        members.get(wanted.as_str()).copied()
    }

    /// Some items that a record could mean: those of the subscription, or of the product where it isn't known.
    pub(super) fn items_near(&self, subscription: Option<u32>, most: usize) -> Vec<&'a Item> {
        match subscription.and_then(|number| self.subscription(number)) {
            Some(subscription) => {
                let numbers = subscription.items.iter().filter_map(|it| self.by_global_id.get(it.item.as_str()));
                numbers.filter_map(|&number| self.items.get(number as usize).copied()).take(most).collect()
            }
            None => self.items.iter().copied().take(most).collect(),
        }
    }
}

fn values_of<'a>(subscriptions: &[&'a Subscription], parameter: &str) -> ByValue<'a> {
    let mut values: ByValue<'a> = HashMap::new();
    for (number, subscription) in (0..).zip(subscriptions) {
        for own in subscription.parameters.iter().filter(|own| own.id == parameter && !own.value.is_empty()) {
            let numbers = values.entry(own.value.as_str()).or_default();
            // A subscription that has the value twice is still one subscription, and more than a fix names are no use.
            if numbers.last() != Some(&number) && numbers.len() <= EXAMPLES_MAX {
                numbers.push(number);
            }
        }
    }
    values
}
