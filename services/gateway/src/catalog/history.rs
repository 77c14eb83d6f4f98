//! What happened to an object of the catalog: each time it was recorded, by whom, and what that changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ledger::catalog::CatalogObject;
use ledger::{Event, Fact, ObjectId};
use runtime::past;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::parsed;
use crate::app::App;
use crate::auth::Caller;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json::history::LogPosition;
use crate::json::words::Instant;
use crate::json::{By, answer, value};
use crate::keys::operator;
use crate::openapi::{Reading, params, tag};

/// Lines of an answer: the newest ones.
const LINES_MAX: usize = 1_000;
/// Members of an object that are compared; the text of a value is cut.
const MEMBERS_MAX: usize = 200;
const TEXT_CHARS_MAX: usize = 200;

/// Something that was recorded of an object.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogLine {
    /// When.
    #[schema(value_type = Instant)]
    recorded_at: String,
    /// Where it stands.
    position: LogPosition,
    /// Who did it.
    by: By,
    /// The name of the fact.
    #[schema(example = "ObjectRecorded")]
    fact: &'static str,
    /// What changed; nothing for an object that is new.
    changes: Vec<MemberChange>,
}

/// A member of an object that changed.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MemberChange {
    /// Where it stands in the object.
    #[schema(example = "capabilities.ppu.late")]
    member: String,
    /// What it was; left out where it wasn't there.
    #[schema(example = "false")]
    before: Option<String>,
    /// What it is; left out where it isn't there any more.
    #[schema(example = "true")]
    after: Option<String>,
}

/// List what happened to an object of the catalog
///
/// For operators: each time it was recorded, by whom, and which members changed, the newest first.
#[utoipa::path(
    get,
    path = "/ledger/v1/catalog/{id}/history",
    operation_id = "list_history_of_object",
    tag = tag::CATALOG,
    params(params::ObjectId),
    responses((status = 200, description = "What happened", body = Vec<CatalogLine>), Reading),
)]
pub(crate) async fn list(Caller(scope): Caller, State(app): State<Arc<App>>, Path(id): Path<String>) -> Answered {
    operator(&scope)?;
    let id = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let _turn = app.replay_turn().await?;
    let read = app.clone();
    let told = aside("a history", move || past::about(&read.bus, &id)).await??;
    if told.is_empty() {
        return Err(ApiError::NOT_FOUND);
    }
    let mut before = None;
    let mut lines: Vec<Value> = Vec::new();
    for (header, event) in &told {
        let Some((fact, members)) = members(event) else { continue };
        let changes = before.as_ref().map(|before| changes(before, &members)).unwrap_or_default();
        lines.push(value(&CatalogLine {
            recorded_at: event.recorded_at.iso(),
            position: LogPosition {
                host: header.host.to_string(),
                sequence: header.sequence,
                hash: header.hash().to_string(),
            },
            by: By::new(&event.actor),
            fact,
            changes,
        }));
        before = Some(members);
    }
    lines.reverse();
    lines.truncate(LINES_MAX);
    Ok(answer(StatusCode::OK, &Value::Array(lines)))
}

type Members = BTreeMap<String, String>;

/// What a fact says of an object, member by member. Of a key its hash is nobody's business.
fn members(event: &Event) -> Option<(&'static str, Members)> {
    let mut members = Members::new();
    match &event.fact {
        Fact::ObjectRecorded(object) => {
            let source = match object.as_ref() {
                CatalogObject::Account(it) => &it.source,
                CatalogObject::Hub(it) => &it.source,
                CatalogObject::Marketplace(it) => &it.source,
                CatalogObject::Product(it) => &it.source,
                CatalogObject::Item(it) => &it.source,
                CatalogObject::Contract(it) => &it.source,
                CatalogObject::Listing(it) => &it.source,
                CatalogObject::Subscription(it) => &it.source,
                CatalogObject::Key(it) => {
                    members.insert("name".to_owned(), it.named.name.clone());
                    members.insert("account".to_owned(), it.account.to_string());
                    members.insert("revoked".to_owned(), it.revoked.to_string());
                    if let Some(scopes) = &it.scopes.0 {
                        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
                        members.insert("scopes".to_owned(), scopes.join(", "));
                    }
                    return Some(("ObjectRecorded", members));
                }
            };
            flatten("", &parsed(source)?, &mut members);
            Some(("ObjectRecorded", members))
        }
        Fact::WebhookRecorded(_) => Some(("WebhookRecorded", members)),
        Fact::WebhookDeleted => Some(("WebhookDeleted", members)),
        Fact::SessionOpened(_) => Some(("SessionOpened", members)),
        Fact::SessionEnded => Some(("SessionEnded", members)),
        _ => None,
    }
}

fn flatten(path: &str, of: &Value, members: &mut Members) {
    let joined = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match of {
        Value::Object(object) => object.iter().for_each(|(name, value)| flatten(&joined(name), value, members)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(place, value)| flatten(&joined(&place.to_string()), value, members));
        }
        Value::String(text) => drop(members.insert(path.to_owned(), cut(text))),
        other => drop(members.insert(path.to_owned(), cut(&other.to_string()))),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

fn changes(before: &Members, after: &Members) -> Vec<MemberChange> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let change = |name: &String| MemberChange {
        member: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    differing.take(MEMBERS_MAX).map(change).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_that_differ_are_told() {
        let members = |value: Value| {
            let mut members = Members::new();
            flatten("", &value, &mut members);
            members
        };
        let before = members(json!({ "name": "A", "ppu": { "late": false, "kept": 1 }, "list": ["x", "y"] }));
        let after = members(json!({ "name": "A", "ppu": { "late": true, "kept": 1 }, "list": ["x"], "new": null }));
        let told: Vec<(String, Option<String>, Option<String>)> =
            changes(&before, &after).into_iter().map(|it| (it.member, it.before, it.after)).collect();
        let text = |text: &str| Some(text.to_owned());
        let expected = [
            ("list.1".to_owned(), text("y"), None),
            ("new".to_owned(), None, text("null")),
            ("ppu.late".to_owned(), text("false"), text("true")),
        ];
        assert_eq!(told, expected);
    }
}
