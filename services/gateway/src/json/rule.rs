//! A usage rule (connect-api §3.5).

use ledger::{ObjectId, RuleAction, UsageRule};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::{Event, one_of};

/// What a provider decides in advance about the files of a product.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rule {
    /// Its id.
    #[schema(example = "UGR-000-000-001")]
    id: String,
    /// What it does with a file.
    #[schema(schema_with = actions)]
    action: &'static str,
    /// What it is about.
    #[schema(schema_with = scopes)]
    scope: &'static str,
    /// Whether it still decides.
    #[schema(schema_with = statuses)]
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

/// A rule as the API shows it. Every rule of this version is about whole files and has no expression.
pub(crate) fn shown(id: &ObjectId, rule: &UsageRule) -> Value {
    super::value(&Rule {
        id: id.to_string(),
        action: rule.action.name(),
        scope: "file",
        status: if rule.deleted.is_some() { "deleted" } else { "active" },
        events: RuleEvents {
            created: Event::new(&rule.created),
            updated: rule.updated.as_ref().map(Event::new),
            deleted: rule.deleted.as_ref().map(Event::new),
        },
    })
}

/// The schema of an action.
pub(crate) fn actions() -> Object {
    one_of([RuleAction::Accept, RuleAction::Reject, RuleAction::Manual].map(RuleAction::name))
}

/// The schema of a scope.
pub(crate) fn scopes() -> Object {
    one_of(["file", "record"])
}

fn statuses() -> Object {
    one_of(["active", "deleted"])
}
