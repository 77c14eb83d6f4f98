//! The objects of the API, written from the fold (connect-api §3). What is empty is left out, as Connect does: such a
//! member is an `Option` here, so that the published schemas say which are always there. Numbers are exact text, never
//! floats.

pub(crate) mod aggregate;
pub(crate) mod chunk;
pub(crate) mod comparison;
pub(crate) mod event;
pub(crate) mod file;
pub(crate) mod file_shape;
pub(crate) mod history;
pub(crate) mod key;
pub(crate) mod proof;
pub(crate) mod provenance;
pub(crate) mod reconciliation;
pub(crate) mod record;
pub(crate) mod rule;
pub(crate) mod series;
pub(crate) mod session;
pub(crate) mod simulation;
pub(crate) mod totals;
pub(crate) mod webhook;
pub(crate) mod words;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ledger::catalog::Named;
use ledger::fact::FileCreated;
use ledger::file::Stamp;
use ledger::{Actor, Decimal, FileId, ObjectId};
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::sources::Words;
use words::{Instant, SchemaName};

/// Something, unless it is empty: a text, a count, a list or an object without members.
pub(crate) fn given<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

/// An object as JSON, without what isn't given.
pub(crate) fn value(object: &impl Serialize) -> Value {
    let written = serde_json::to_value(object);
    let mut written = written.inspect_err(|error| tracing::error!(%error, "could not write JSON")).unwrap_or_default();
    leave_out_nulls(&mut written);
    written
}

fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => members.retain(|_, member| {
            leave_out_nulls(member);
            !member.is_null()
        }),
        Value::Array(items) => items.iter_mut().for_each(leave_out_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A decimal, as a JSON number of exactly its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exact(pub(crate) Decimal);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: Number = self.0.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl PartialSchema for Exact {
    fn schema() -> RefOr<Schema> {
        let words = "An exact decimal with up to 12 decimals: read it as a decimal, not as a binary float.";
        RefOr::T(ObjectBuilder::new().schema_type(Type::Number).description(Some(words)).into())
    }
}

impl ToSchema for Exact {}

/// Another object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Reference {
    /// Its id.
    #[schema(example = "PRD-404-832-779")]
    id: String,
    /// Its name.
    #[schema(example = "Apollo Pulse")]
    name: Option<String>,
    /// Where its icon is.
    #[schema(example = "/media/PRD-404-832-779.png")]
    icon: Option<String>,
}

impl Reference {
    /// Something without an icon.
    pub(crate) fn new(named: &Named) -> Self {
        Self { id: named.id.to_string(), name: Some(named.name.clone()), icon: None }
    }

    /// Something whose name isn't known, or that has none.
    pub(crate) fn nameless(id: &ObjectId) -> Self {
        Self { id: id.to_string(), name: None, icon: None }
    }

    /// Something with the icon that the catalog knows of it.
    pub(crate) fn with_icon(named: &Named, words: &Words) -> Self {
        Self { id: named.id.to_string(), name: given(named.name.clone()), icon: given(words.icon.clone()).flatten() }
    }
}

/// Who did something and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Event {
    /// When.
    #[schema(value_type = Instant)]
    at: String,
    /// Who: a key, or a service of the ledger or a usage rule, which have a name only.
    by: By,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct By {
    /// The id of a key.
    #[schema(example = "SU-000-000-001")]
    id: Option<String>,
    /// What it is called.
    #[schema(example = "SU-000-000-001")]
    name: Option<String>,
}

impl Event {
    /// What a stamp says.
    pub(crate) fn new(stamp: &Stamp) -> Self {
        Self { at: stamp.at.iso(), by: By::new(&stamp.by) }
    }

    /// The same instant, in the name of something that has no key.
    pub(crate) fn in_name_of(stamp: &Stamp, name: String) -> Self {
        Self { at: stamp.at.iso(), by: By { id: None, name: Some(name) } }
    }
}

impl By {
    /// What is told of somebody.
    pub(crate) fn new(actor: &Actor) -> Self {
        Self { id: actor.id().map(ToString::to_string), name: given(actor.name().to_owned()) }
    }
}

/// A usage file where another object names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FileReference {
    /// Its id.
    #[schema(example = "UF-2026-11-0000-0000")]
    id: String,
    /// Its name.
    #[schema(example = "October 2026")]
    name: Option<String>,
    /// Its reporting schema.
    #[schema(value_type = Option<SchemaName>)]
    schema: Option<&'static str>,
    /// Its currency.
    #[schema(example = "USD")]
    currency: Option<String>,
}

impl FileReference {
    /// Id, name, schema and currency.
    pub(crate) fn parts(&self) -> (String, Option<String>, Option<String>, Option<String>) {
        (self.id.clone(), self.name.clone(), self.schema.map(str::to_owned), self.currency.clone())
    }

    /// What other objects say of a file.
    pub(crate) fn new(id: FileId, created: &FileCreated) -> Self {
        Self {
            id: id.to_string(),
            name: given(created.name.clone()),
            schema: Some(created.schema.lower()),
            currency: created.currency.clone().and_then(given),
        }
    }
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Failure {
    /// What went wrong.
    #[schema(example = "The workbook has no tab \"records\".")]
    pub(crate) detail: String,
}

/// An answer in JSON.
pub(crate) fn answer(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
