//! Usage rules.

use ledger::fact::Fact;
use ledger::rule::{RuleAction, RulePlace, RuleRecorded, RuleScope, Ruling};

use super::value::{object_id, required};
use crate::error::WireError;
use crate::wire;
use crate::wire::event::Fact as Wire;

/// A rule without a condition is the fact that old readers know; one with a condition is another, at which they stop.
pub(super) fn recorded_to_wire(it: &RuleRecorded) -> Wire {
    if it.is_plain() {
        return Wire::RuleRecorded(it.into());
    }
    let scope = match it.scope {
        RuleScope::File => wire::RuleScope::File,
        RuleScope::Record => wire::RuleScope::Record,
    };
    let (expression, item_id) = (it.expression.clone(), it.item.as_ref().map(ToString::to_string));
    let rule = Some(it.into());
    Wire::ConditionalRuleRecorded(wire::ConditionalRuleRecorded { rule, scope: scope.into(), expression, item_id })
}

pub(super) fn conditional(it: wire::ConditionalRuleRecorded) -> Result<Fact, WireError> {
    let scope = match wire::RuleScope::try_from(it.scope) {
        Ok(wire::RuleScope::File) => RuleScope::File,
        Ok(wire::RuleScope::Record) => RuleScope::Record,
        Ok(wire::RuleScope::Unspecified) | Err(_) => {
            return Err(WireError::UnknownValue { field: "scope", number: it.scope.into() });
        }
    };
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

impl From<&RuleRecorded> for wire::RuleRecorded {
    fn from(it: &RuleRecorded) -> Self {
        Self {
            product_id: it.product.to_string(),
            provider_id: it.provider.to_string(),
            action: action_number(it.action),
            after: match &it.place {
                RulePlace::Kept => None,
                RulePlace::First => Some(String::new()),
                RulePlace::After(rule) => Some(rule.to_string()),
            },
        }
    }
}

impl TryFrom<wire::RuleRecorded> for RuleRecorded {
    type Error = WireError;

    fn try_from(it: wire::RuleRecorded) -> Result<Self, WireError> {
        let product = object_id(&it.product_id, "product_id")?;
        let provider = object_id(&it.provider_id, "provider_id")?;
        let place = match it.after.as_deref() {
            None => RulePlace::Kept,
            Some("") => RulePlace::First,
            Some(rule) => RulePlace::After(object_id(rule, "after")?),
        };
        Ok(Self::plain(product, provider, action(it.action)?, place))
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
        Ok(wire::RuleAction::Unspecified) | Err(_) => {
            Err(WireError::UnknownValue { field: "action", number: number.into() })
        }
    }
}
