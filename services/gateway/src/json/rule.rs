//! A usage rule (connect-api §3.5).

use ledger::rule::Ruling as Told;
use ledger::{Catalog, ObjectId, UsageRule};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::words::{RuleAction, RuleScope, RuleStatus};
use super::{Event, Reference, given};

/// What a provider decides in advance about the files of a product.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rule {
    /// Its id.
    #[schema(example = "UGR-000-000-001")]
    id: String,
    /// What it does with a file.
    #[schema(value_type = RuleAction)]
    action: &'static str,
    /// What it is about.
    #[schema(value_type = RuleScope)]
    scope: &'static str,
    /// Its condition, in RQL; none for a rule that always holds.
    #[schema(example = "gt(totals.amount,10000)")]
    rule: Option<String>,
    /// The item that it is about; none for a rule about all.
    item: Option<Reference>,
    /// Whether it still decides.
    #[schema(value_type = RuleStatus)]
    status: &'static str,
    /// What happened to it.
    events: RuleEvents,
}

/// What happened to a rule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleEvents {
    /// It was made.
    created: Event,
    /// It was last changed.
    updated: Option<Event>,
    /// It was deleted.
    deleted: Option<Event>,
}

/// A rule as the API shows it.
pub(crate) fn shown(catalog: &Catalog, id: &ObjectId, rule: &UsageRule) -> Value {
    let named = |item: &ObjectId| match catalog.items.get(item) {
        Some(known) => Reference::new(&known.named),
        None => Reference::nameless(item),
    };
    super::value(&Rule {
        id: id.to_string(),
        action: rule.action.name(),
        scope: rule.scope.name(),
        rule: given(rule.expression.clone()),
        item: rule.item.as_ref().map(named),
        status: if rule.deleted.is_some() { "deleted" } else { "active" },
        events: RuleEvents {
            created: Event::new(&rule.created),
            updated: rule.updated.as_ref().map(Event::new),
            deleted: rule.deleted.as_ref().map(Event::new),
        },
    })
}

/// What usage rules came to about a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ruling {
    /// The rule that decided; none where several did, or where none fits.
    rule: Option<Reference>,
    /// What became of the file by them.
    #[schema(value_type = RuleAction)]
    action: &'static str,
    /// Why.
    #[schema(example = "Usage rule UGR-000-000-001 accepts files that match lt(totals.amount,10000).")]
    reason: String,
}

impl Ruling {
    /// What was recorded of it.
    pub(crate) fn new(ruling: &Told) -> Self {
        let rule = ruling.rule.as_ref().map(Reference::nameless);
        Self { rule, action: ruling.action.name(), reason: ruling.reason.clone() }
    }
}
