//! Usage rules.

use ledger::rule::{RuleAction, RulePlace, RuleRecorded};

use super::value::object_id;
use crate::error::WireError;
use crate::wire;

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
        Ok(Self {
            product: object_id(&it.product_id, "product_id")?,
            provider: object_id(&it.provider_id, "provider_id")?,
            action: action(it.action)?,
            place: match it.after.as_deref() {
                None => RulePlace::Kept,
                Some("") => RulePlace::First,
                Some(rule) => RulePlace::After(object_id(rule, "after")?),
            },
        })
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
