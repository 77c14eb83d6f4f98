//! Usage rules: what a provider decides in advance about the files of a product (connect-api §6).
//!
//! A rule is about whole files or about single records, of all items or of one, under a condition in RQL or under none.
//! Which rules are asked about a file is settled when it is submitted: rules and submissions stand in one log, so that
//! its order says which rules were active. What they decide, and why, is a fact of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Environment, Role};
use crate::command::Scope;
use crate::fact::FileCreated;
use crate::file::Stamp;
use crate::id::ObjectId;
use crate::rejection::Rejection;

/// Rules that a provider has for one product: each file is compared with them, and a person can't oversee more.
pub const RULES_MAX: usize = 100;
/// Characters of a condition (connect-api §3.5).
pub const EXPRESSION_CHARS_MAX: usize = 2_000;

/// What a rule does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RuleAction {
    /// Takes it.
    Accept,
    /// Sends it back.
    Reject,
    /// Leaves it to a person, and no rule after it is asked.
    Manual,
}

impl RuleAction {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Manual => "manual",
        }
    }

    /// The action of a name in the API, if it is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Accept, Self::Reject, Self::Manual].into_iter().find(|action| action.name() == name)
    }
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RuleScope {
    /// Whole files.
    #[default]
    File,
    /// Single records.
    Record,
}

impl RuleScope {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Record => "record",
        }
    }

    /// The scope of a name in the API, if it is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::File, Self::Record].into_iter().find(|scope| scope.name() == name)
    }
}

/// Where a rule stands among those of its product and provider: the first that is active decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RulePlace {
    /// Where it is; a new one is the last.
    #[default]
    Kept,
    /// Before all others.
    First,
    /// Right after another one.
    After(ObjectId),
}

/// A rule was made, or made otherwise; its id is the event's subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuleRecorded {
    /// The files of which product.
    pub product: ObjectId,
    /// For which provider.
    pub provider: ObjectId,
    /// What it does.
    pub action: RuleAction,
    /// What it is about.
    pub scope: RuleScope,
    /// The condition, in RQL; empty where it always holds.
    pub expression: String,
    /// Of which item; none for any.
    pub item: Option<ObjectId>,
    /// Where it stands.
    pub place: RulePlace,
}

impl RuleRecorded {
    /// Whether it has no condition: it is about every file.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.scope == RuleScope::File && self.expression.is_empty() && self.item.is_none()
    }

    /// A rule without a condition: about every file.
    #[must_use]
    pub fn plain(product: ObjectId, provider: ObjectId, action: RuleAction, place: RulePlace) -> Self {
        Self { product, provider, action, scope: RuleScope::File, expression: String::new(), item: None, place }
    }
}

/// Which items a rule is to be about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RuleItem {
    /// Those that it was about; a new one is about all.
    #[default]
    Kept,
    /// All.
    Any,
    /// One.
    One(ObjectId),
}

/// What somebody wants a rule to be: what isn't given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuleTerms {
    /// Required for a new rule.
    pub action: Option<RuleAction>,
    /// What it is about; a new one is about files.
    pub scope: Option<RuleScope>,
    /// The condition, in RQL; empty where it always holds.
    pub expression: Option<String>,
    /// Of which item.
    pub item: RuleItem,
    /// Where it stands.
    pub place: RulePlace,
}

/// A rule as it now is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UsageRule {
    /// The files of which product.
    pub product: ObjectId,
    /// For which provider.
    pub provider: ObjectId,
    /// What it does.
    pub action: RuleAction,
    /// What it is about.
    pub scope: RuleScope,
    /// The condition, in RQL; empty where it always holds.
    pub expression: String,
    /// Of which item; none for any.
    pub item: Option<ObjectId>,
    /// Its number among the rules of its product and provider, from 0.
    pub place: u32,
    /// When and by whom it was made.
    pub created: Stamp,
    /// When and by whom it was last changed.
    pub updated: Option<Stamp>,
    /// When and by whom it was deleted.
    pub deleted: Option<Stamp>,
}

/// A rule as it was when a file was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AskedRule {
    /// Which rule.
    pub id: ObjectId,
    /// What it does.
    pub action: RuleAction,
    /// What it is about.
    pub scope: RuleScope,
    /// The condition, in RQL; empty where it always holds.
    pub expression: String,
    /// Of which item; none for any.
    pub item: Option<ObjectId>,
}

/// What usage rules came to about a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ruling {
    /// The rule that decided; none where all records were accepted by several, or where nothing decided.
    pub rule: Option<ObjectId>,
    /// What becomes of the file.
    pub action: RuleAction,
    /// Why, for people to read.
    pub reason: String,
}

impl Ruling {
    /// Who decided, as notes and histories name it.
    #[must_use]
    pub fn name(&self) -> String {
        self.rule.as_ref().map_or_else(|| "Usage rules".to_owned(), |rule| format!("Usage rule {rule}"))
    }
}

impl UsageRule {
    /// The rule as a file is asked about it now.
    #[must_use]
    pub fn asked(&self, id: &ObjectId) -> AskedRule {
        let (expression, item) = (self.expression.clone(), self.item.clone());
        AskedRule { id: id.clone(), action: self.action, scope: self.scope, expression, item }
    }
}

/// All rules by id, deleted ones too.
pub type Rules = BTreeMap<ObjectId, UsageRule>;

/// The id of the `count`th rule, from 1: `UGR-000-000-001`. None once the digits are used up.
#[must_use]
pub fn rule_id(count: usize) -> Option<ObjectId> {
    (1..1_000_000_000).contains(&count).then_some(())?;
    ObjectId::new(&format!("UGR-{:03}-{:03}-{:03}", count / 1_000_000, count / 1_000 % 1_000, count % 1_000))
}

/// The rules of a product and provider, deleted ones too, in the order in which they are asked.
#[must_use]
pub fn rules_of<'a>(rules: &'a Rules, product: &ObjectId, provider: &ObjectId) -> Vec<(&'a ObjectId, &'a UsageRule)> {
    let mut found: Vec<_> =
        rules.iter().filter(|(_, rule)| rule.product == *product && rule.provider == *provider).collect();
    found.sort_by_key(|(_, rule)| rule.place);
    found
}

/// The rules that are asked about a file that is submitted now, in their order: only files that their provider sees have
/// any.
#[must_use]
pub fn asked(rules: &Rules, created: &FileCreated) -> Vec<AskedRule> {
    if created.environment != Environment::Production {
        return Vec::new();
    }
    let found = rules_of(rules, &created.product.id, &created.provider.id);
    let active = found.into_iter().filter(|(_, rule)| rule.deleted.is_none());
    active.map(|(id, rule)| rule.asked(id)).collect()
}

/// Whose rules for a product somebody means: the caller's, or for an operator those of the provider named, or of the
/// only one.
///
/// # Errors
/// A product that isn't sold under a contract of the caller's, and an operator who names no such provider.
pub fn provider_of(
    catalog: &Catalog,
    product: &ObjectId,
    named: Option<&ObjectId>,
    scope: &Scope,
) -> Result<ObjectId, Rejection> {
    let providers = catalog.providers_of(product);
    if scope.role != Role::Operator {
        let account = scope.account.as_ref().filter(|account| providers.contains(account));
        return account.cloned().ok_or(Rejection::NotFound);
    }
    if !catalog.products.contains_key(product) {
        return Err(Rejection::NotFound);
    }
    let wanted = named.or_else(|| providers.first().copied().filter(|_| providers.len() == 1));
    let wanted = wanted.filter(|wanted| providers.contains(wanted)).cloned();
    wanted.ok_or_else(|| {
        let message = format!("Name a provider under whose contract product {product} is listed.");
        Rejection::field("account_id", message)
    })
}

/// Folds a rule that was made or changed.
pub(crate) fn record(rules: &mut Rules, id: &ObjectId, recorded: &RuleRecorded, stamp: Stamp) {
    let known = rules.get(id).cloned();
    let place = known.as_ref().map_or(u32::MAX, |rule| rule.place);
    let (created, updated) = match known {
        Some(rule) => (rule.created, Some(stamp)),
        None => (stamp, None),
    };
    let rule = UsageRule {
        product: recorded.product.clone(),
        provider: recorded.provider.clone(),
        action: recorded.action,
        scope: recorded.scope,
        expression: recorded.expression.clone(),
        item: recorded.item.clone(),
        place,
        created,
        updated,
        deleted: None,
    };
    rules.insert(id.clone(), rule);
    arrange(rules, id, recorded);
}

/// Puts a rule in its place and numbers those of its product and provider anew.
fn arrange(rules: &mut Rules, id: &ObjectId, recorded: &RuleRecorded) {
    let order = rules_of(rules, &recorded.product, &recorded.provider);
    let mut order: Vec<ObjectId> = order.into_iter().map(|(id, _)| id.clone()).collect();
    if recorded.place != RulePlace::Kept {
        order.retain(|other| other != id);
        let at = match &recorded.place {
            RulePlace::After(other) => order.iter().position(|one| one == other).map_or(order.len(), |at| at + 1),
            RulePlace::First | RulePlace::Kept => 0,
        };
        order.insert(at, id.clone());
    }
    for (place, id) in (0..).zip(order) {
        if let Some(rule) = rules.get_mut(&id) {
            rule.place = place;
        }
    }
}

/// Folds a rule that was deleted.
pub(crate) fn delete(rules: &mut Rules, id: &ObjectId, stamp: Stamp) {
    if let Some(rule) = rules.get_mut(id) {
        rule.deleted.get_or_insert(stamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Actor;
    use crate::moment::Moment;

    fn id(text: &str) -> ObjectId {
        ObjectId::new(text).unwrap()
    }

    fn check(steps: &[(&str, RulePlace)], expected: &[&str]) {
        let mut rules = Rules::new();
        for (rule, place) in steps {
            let recorded = RuleRecorded::plain(id("PRD-1"), id("PA-1"), RuleAction::Accept, place.clone());
            record(&mut rules, &id(rule), &recorded, Stamp { at: Moment(0), by: Actor::Operator });
        }
        let order: Vec<&str> =
            rules_of(&rules, &id("PRD-1"), &id("PA-1")).into_iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(order, expected, "{steps:?}");
        assert!(rules_of(&rules, &id("PRD-1"), &id("PA-2")).is_empty());
    }

    #[test]
    fn rules_stand_where_they_were_put() {
        let (kept, after) = (RulePlace::Kept, |other: &str| RulePlace::After(id(other)));
        let made = [("a", kept.clone()), ("b", kept.clone()), ("c", kept.clone())];
        check(&made, &["a", "b", "c"]);
        for (step, expected) in [
            (("c", RulePlace::First), ["c", "a", "b"]),
            (("a", after("b")), ["b", "a", "c"]),
            (("a", after("c")), ["b", "c", "a"]),
            (("b", kept), ["a", "b", "c"]),
            (("a", after("nothing")), ["b", "c", "a"]),
        ] {
            check(&[&made[..], &[step]].concat(), &expected);
        }
    }

    #[test]
    fn ids_are_counted_from_one() {
        let ids = [0, 1, 12_345_678, 999_999_999, 1_000_000_000].map(rule_id);
        let ids = ids.map(|id| id.map_or_else(String::new, |id| id.to_string()));
        assert_eq!(ids, ["", "UGR-000-000-001", "UGR-012-345-678", "UGR-999-999-999", ""]);
    }
}
