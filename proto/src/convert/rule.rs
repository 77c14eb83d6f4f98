//! Usage rules.

use ledger::fact::Fact;
use ledger::rule::{AskedRule, RuleAction, RuleItem, RulePlace, RuleRecorded, RuleScope, RuleTerms, Ruling};

use super::value::{object_id, required, unknown};
use crate::error::WireError;
use crate::wire;
use crate::wire::event::Fact as Wire;

/// A rule without a condition is the fact that old readers know; one with a condition is another, at which they stop.
pub(super) fn recorded_to_wire(it: &RuleRecorded) -> Wire {
    if it.is_plain() {
        return Wire::RuleRecorded(it.into());
    }
    let scope = scope_number(it.scope);
    let (expression, item_id) = (it.expression.clone(), it.item.as_ref().map(ToString::to_string));
    let rule = Some(it.into());
    Wire::ConditionalRuleRecorded(wire::ConditionalRuleRecorded { rule, scope, expression, item_id })
}

pub(super) fn conditional(it: wire::ConditionalRuleRecorded) -> Result<Fact, WireError> {
    let scope = scope(it.scope)?;
    let rule = RuleRecorded::try_from(required(it.rule, "rule")?)?;
    let item = it.item_id.map(|id| object_id(&id, "item_id")).transpose()?;
    Ok(Fact::RuleRecorded(Box::new(RuleRecorded { scope, expression: it.expression, item, ..rule })))
}

pub(super) fn applied_to_wire(upload: u32, it: &Ruling) -> wire::RulesApplied {
    let (rule_id, reason) = (it.rule.as_ref().map(ToString::to_string), it.reason.clone());
    wire::RulesApplied { upload, rule_id, action: action_number(it.action), reason }
}

pub(super) fn applied(it: wire::RulesApplied) -> Result<Fact, WireError> {
    let rule = it.rule_id.map(|id| object_id(&id, "rule_id")).transpose()?;
    Ok(Fact::RulesApplied { upload: it.upload, ruling: Ruling { rule, action: action(it.action)?, reason: it.reason } })
}

pub(super) fn asked_to_wire(upload: u32, rules: &[AskedRule]) -> wire::RulesAsked {
    let rule = |it: &AskedRule| wire::AskedRule {
        rule_id: it.id.to_string(),
        action: action_number(it.action),
        scope: scope_number(it.scope),
        expression: it.expression.clone(),
        item_id: it.item.as_ref().map(ToString::to_string),
    };
    wire::RulesAsked { upload, rules: rules.iter().map(rule).collect() }
}

pub(super) fn asked(it: wire::RulesAsked) -> Result<Fact, WireError> {
    let rule = |it: wire::AskedRule| {
        Ok(AskedRule {
            id: object_id(&it.rule_id, "rule_id")?,
            action: action(it.action)?,
            scope: scope(it.scope)?,
            expression: it.expression,
            item: it.item_id.map(|id| object_id(&id, "item_id")).transpose()?,
        })
    };
    let rules = it.rules.into_iter().map(rule).collect::<Result<_, WireError>>()?;
    Ok(Fact::RulesAsked { upload: it.upload, rules })
}

impl From<&RuleRecorded> for wire::RuleRecorded {
    fn from(it: &RuleRecorded) -> Self {
        Self {
            product_id: it.product.to_string(),
            provider_id: it.provider.to_string(),
            action: action_number(it.action),
            after: place_to_wire(&it.place),
        }
    }
}

impl TryFrom<wire::RuleRecorded> for RuleRecorded {
    type Error = WireError;

    fn try_from(it: wire::RuleRecorded) -> Result<Self, WireError> {
        let product = object_id(&it.product_id, "product_id")?;
        let provider = object_id(&it.provider_id, "provider_id")?;
        Ok(Self::plain(product, provider, action(it.action)?, place(it.after.as_deref())?))
    }
}

impl From<&RuleTerms> for wire::RuleTerms {
    fn from(it: &RuleTerms) -> Self {
        Self {
            action: it.action.map(action_number),
            scope: it.scope.map(scope_number),
            expression: it.expression.clone(),
            item_id: match &it.item {
                RuleItem::Kept => None,
                RuleItem::Any => Some(String::new()),
                RuleItem::One(item) => Some(item.to_string()),
            },
            after: place_to_wire(&it.place),
        }
    }
}

impl TryFrom<wire::RuleTerms> for RuleTerms {
    type Error = WireError;

    fn try_from(it: wire::RuleTerms) -> Result<Self, WireError> {
        Ok(Self {
            action: it.action.map(action).transpose()?,
            scope: it.scope.map(scope).transpose()?,
            expression: it.expression,
            item: match it.item_id.as_deref() {
                None => RuleItem::Kept,
                Some("") => RuleItem::Any,
                Some(item) => RuleItem::One(object_id(item, "item_id")?),
            },
            place: place(it.after.as_deref())?,
        })
    }
}

fn place_to_wire(place: &RulePlace) -> Option<String> {
    match place {
        RulePlace::Kept => None,
        RulePlace::First => Some(String::new()),
        RulePlace::After(rule) => Some(rule.to_string()),
    }
}

fn place(after: Option<&str>) -> Result<RulePlace, WireError> {
    Ok(match after {
        None => RulePlace::Kept,
        Some("") => RulePlace::First,
        Some(rule) => RulePlace::After(object_id(rule, "after")?),
    })
}

fn scope_number(scope: RuleScope) -> i32 {
    let scope = match scope {
        RuleScope::File => wire::RuleScope::File,
        RuleScope::Record => wire::RuleScope::Record,
    };
    scope.into()
}

fn scope(number: i32) -> Result<RuleScope, WireError> {
    match wire::RuleScope::try_from(number) {
        Ok(wire::RuleScope::File) => Ok(RuleScope::File),
        Ok(wire::RuleScope::Record) => Ok(RuleScope::Record),
        Ok(wire::RuleScope::Unspecified) | Err(_) => Err(unknown("scope", number)),
    }
}

fn action_number(action: RuleAction) -> i32 {
    let action = match action {
        RuleAction::Accept => wire::RuleAction::Accept,
        RuleAction::Reject => wire::RuleAction::Reject,
        RuleAction::Manual => wire::RuleAction::Manual,
    };
    action.into()
}

fn action(number: i32) -> Result<RuleAction, WireError> {
    match wire::RuleAction::try_from(number) {
        Ok(wire::RuleAction::Accept) => Ok(RuleAction::Accept),
        Ok(wire::RuleAction::Reject) => Ok(RuleAction::Reject),
        Ok(wire::RuleAction::Manual) => Ok(RuleAction::Manual),
        Ok(wire::RuleAction::Unspecified) | Err(_) => Err(unknown("action", number)),
    }
}
