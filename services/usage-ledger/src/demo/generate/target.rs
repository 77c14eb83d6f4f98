//! Whose usage a workbook can report, and by what it can be found.

use std::collections::BTreeMap;

use ledger::Catalog;
use ledger::catalog::{Item, ItemKind, Subscription};

use super::Plan;

/// A subscription that usage can be reported of.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    pub(super) subscription: &'a Subscription,
    /// Its metered items; there is at least one.
    pub(super) items: Vec<&'a Item>,
    /// Every criteria and value that finds this subscription and no other.
    pub(super) searches: Vec<(String, &'a str)>,
}

/// The subscriptions of a plan's contract and product that are in use for the whole plan, in order of id.
pub(super) fn targets<'a>(catalog: &'a Catalog, plan: &Plan) -> Vec<Target<'a>> {
    let holders = holders(catalog, plan);
    let reportable = catalog.subscriptions_of(&plan.contract, &plan.product).filter(|subscription| {
        subscription.status.reportable() && subscription.ended_at.is_none_or(|ended| ended >= plan.until)
    });
    let targets = reportable.map(|subscription| {
        let items = subscription.items.iter().filter_map(|item| catalog.items.get(&item.item));
        let unique = subscription.parameters.iter().filter(|parameter| {
            let key = (parameter.id.as_str(), parameter.value.as_str());
            !parameter.value.is_empty() && holders.get(&key) == Some(&1)
        });
        let by_parameter = unique.map(|parameter| (format!("parameter.{}", parameter.id), parameter.value.as_str()));
        let by_id = ("asset.id".to_owned(), subscription.id.as_str());
        Target {
            subscription,
            items: items.filter(|item| item.kind == ItemKind::PayAsYouGo).collect(),
            searches: std::iter::once(by_id).chain(by_parameter).collect(),
        }
    });
    targets.filter(|target| !target.items.is_empty()).collect()
}

/// How many subscriptions of the plan have a value of a parameter.
pub(super) fn holders<'a>(catalog: &'a Catalog, plan: &Plan) -> BTreeMap<(&'a str, &'a str), u32> {
    let mut holders = BTreeMap::new();
    for subscription in catalog.subscriptions_of(&plan.contract, &plan.product) {
        for parameter in &subscription.parameters {
            *holders.entry((parameter.id.as_str(), parameter.value.as_str())).or_default() += 1;
        }
    }
    holders
}
