//! Usage rules: what a provider decides in advance about the files of a product (connect-api §6).
//!
//! In this version a rule has no condition: it is about every file of its product that reaches its provider. Rules
//! with an expression, of an item or of single records will be facts of their own, so that a reader that doesn't know
//! their condition stops instead of accepting everything.

use std::collections::BTreeMap;

use crate::catalog::Environment;
use crate::fact::FileCreated;
use crate::file::Stamp;
use crate::id::ObjectId;

/// What a rule does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleScope {
    /// Whole files.
    #[default]
    File,
    /// Single records; not served yet.
    Record,
}

/// Where a rule stands among those of its product and provider: the first that is active decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleRecorded {
    /// The files of which product.
    pub product: ObjectId,
    /// For which provider.
    pub provider: ObjectId,
    /// What it does.
    pub action: RuleAction,
    /// Where it stands.
    pub place: RulePlace,
}

/// What somebody wants a rule to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RuleTerms {
    /// Required for a new rule.
    pub action: Option<RuleAction>,
    /// What it is about.
    pub scope: RuleScope,
    /// A condition; not served yet.
    pub expression: String,
    /// An item; not served yet.
    pub item: Option<ObjectId>,
    /// Where it stands.
    pub place: RulePlace,
}

/// A rule as it now is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UsageRule {
    /// The files of which product.
    pub product: ObjectId,
    /// For which provider.
    pub provider: ObjectId,
    /// What it does.
    pub action: RuleAction,
    /// Its number among the rules of its product and provider, from 0.
    pub place: u32,
    /// When and by whom it was made.
    pub created: Stamp,
    /// When and by whom it was last changed.
    pub updated: Option<Stamp>,
    /// When and by whom it was deleted.
    pub deleted: Option<Stamp>,
}

/// The rule that decides about a file: the first that was active when the file was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ruling {
    /// Which rule.
    pub rule: ObjectId,
    /// What it did then.
    pub action: RuleAction,
}

impl Ruling {
    /// How the rule is named in notes and histories.
    #[must_use]
    pub fn name(&self) -> String {
        format!("Usage rule {}", self.rule)
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

/// The rule that decides about a file that is submitted now: only the provider's files, which it sees, have one.
pub(crate) fn ruling(rules: &Rules, created: &FileCreated) -> Option<Ruling> {
    if created.environment != Environment::Production {
        return None;
    }
    let found = rules_of(rules, &created.product.id, &created.provider.id);
    let (id, rule) = found.into_iter().find(|(_, rule)| rule.deleted.is_none())?;
    Some(Ruling { rule: id.clone(), action: rule.action })
}

/// Folds a rule that was made or changed.
pub(crate) fn record(rules: &mut Rules, id: &ObjectId, recorded: &RuleRecorded, stamp: Stamp) {
    let (product, provider, action) = (recorded.product.clone(), recorded.provider.clone(), recorded.action);
    let known = rules.get(id).cloned();
    let place = known.as_ref().map_or(u32::MAX, |rule| rule.place);
    let (created, updated) = match known {
        Some(rule) => (rule.created, Some(stamp)),
        None => (stamp, None),
    };
    let rule = UsageRule { product, provider, action, place, created, updated, deleted: None };
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
            let recorded = RuleRecorded {
                product: id("PRD-1"),
                provider: id("PA-1"),
                action: RuleAction::Accept,
                place: place.clone(),
            };
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
