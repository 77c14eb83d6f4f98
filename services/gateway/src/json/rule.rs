//! A usage rule (connect-api §3.5).

use ledger::{ObjectId, UsageRule};
use serde_json::Value;

use super::{Object, stamp};

/// A rule as the API shows it. Every rule of this version is about whole files and has no expression.
pub(crate) fn shown(id: &ObjectId, rule: &UsageRule) -> Value {
    let mut events = Object::default();
    events.put("created", stamp(&rule.created)).put_some("updated", rule.updated.as_ref().map(stamp));
    events.put_some("deleted", rule.deleted.as_ref().map(stamp));
    let mut object = Object::default();
    object
        .put("id", id.as_str())
        .put("action", rule.action.name())
        .put("scope", "file")
        .put("status", if rule.deleted.is_some() { "deleted" } else { "active" })
        .put("events", events.done())
        .done()
}
