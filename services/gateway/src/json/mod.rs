//! The objects of the API, written from the fold (connect-api §3). What is empty is left out, as Connect does; numbers
//! are exact text, never floats.

pub(crate) mod aggregate;
pub(crate) mod chunk;
pub(crate) mod file;
pub(crate) mod reconciliation;
pub(crate) mod record;
pub(crate) mod rule;
pub(crate) mod totals;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ledger::catalog::Named;
use ledger::fact::FileCreated;
use ledger::file::Stamp;
use ledger::{Actor, Decimal, FileId};
use serde_json::{Map, Number, Value, json};

use crate::sources::Words;

/// A JSON object in the making.
#[derive(Debug, Default)]
pub(crate) struct Object(Map<String, Value>);

impl Object {
    /// Adds a member; an empty text, list or object and null are left out.
    pub(crate) fn put(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        let value = value.into();
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        if !empty {
            self.0.insert(name.to_owned(), value);
        }
        self
    }

    /// Adds a member where there is one.
    pub(crate) fn put_some(&mut self, name: &str, value: Option<impl Into<Value>>) -> &mut Self {
        if let Some(value) = value {
            self.put(name, value);
        }
        self
    }

    /// Adds a count unless it is zero (connect-api §3.1).
    pub(crate) fn count(&mut self, name: &str, count: u32) -> &mut Self {
        if count > 0 {
            self.put(name, count);
        }
        self
    }

    /// The finished object.
    pub(crate) fn done(&mut self) -> Value {
        Value::Object(std::mem::take(&mut self.0))
    }
}

/// A JSON number with the exact text of a decimal.
pub(crate) fn exact(value: Decimal) -> Value {
    value.to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

/// An id and a name.
pub(crate) fn named(named: &Named) -> Value {
    json!({ "id": named.id.as_str(), "name": named.name })
}

/// An id, a name and, where the catalog knows one, an icon.
pub(crate) fn named_with_icon(named: &Named, words: &Words) -> Value {
    let mut object = Object::default();
    object.put("id", named.id.as_str()).put("name", named.name.as_str());
    object.put_some("icon", words.icon.clone()).done()
}

/// Who did something and when.
pub(crate) fn stamp(stamp: &Stamp) -> Value {
    json!({ "at": stamp.at.iso(), "by": actor(&stamp.by) })
}

fn actor(actor: &Actor) -> Value {
    let mut object = Object::default();
    object.put_some("id", actor.id().map(|id| id.as_str())).put("name", actor.name()).done()
}

/// A usage file where another object names it.
pub(crate) fn file_reference(id: FileId, created: &FileCreated) -> Value {
    let mut object = Object::default();
    object.put("id", id.to_string()).put("name", created.name.as_str()).put("schema", created.schema.lower());
    object.put_some("currency", created.currency.as_deref()).done()
}

/// An answer in JSON.
pub(crate) fn answer(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
