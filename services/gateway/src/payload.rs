//! JSON bodies: read under a limit, forgiving where clients are careless, and their fields taken out by name.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use ledger::fact::Period;
use ledger::record::Billing;
use ledger::{ObjectId, Rejection};
use serde_json::Value;

use crate::JSON_BYTES_MAX;
use crate::error::ApiError;
use crate::period::{self, PeriodError, Zone};

/// A JSON body. Nothing, `{}` and `null` are the same: actions without a payload arrive as any of them (connect-api
/// §2.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Payload(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let kind =
            request.headers().get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
        let limit = JSON_BYTES_MAX as u64;
        let bytes = axum::body::to_bytes(request.into_body(), JSON_BYTES_MAX).await;
        let bytes = bytes.map_err(|_| ApiError::TooLarge { what: "A JSON body".to_owned(), limit })?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        match kind {
            Some(found) if !found.to_ascii_lowercase().contains("json") => {
                Err(ApiError::MediaType { found, expected: "application/json" })
            }
            _ => parse(&bytes),
        }
    }
}

fn parse(bytes: &Bytes) -> Result<Payload, ApiError> {
    serde_json::from_slice(bytes).map(Payload).map_err(|error| not_json(&error, 0))
}

/// What is wrong with JSON before which so many lines stand.
pub(crate) fn not_json(error: &serde_json::Error, before: usize) -> ApiError {
    // The place is a part of our sentence already.
    let reason = error.to_string();
    let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason).to_owned();
    ApiError::Json { line: error.line().saturating_add(before), column: error.column(), reason }
}

impl Payload {
    /// The body as an object: what isn't there has no fields.
    pub(crate) fn fields(&self) -> Result<Fields<'_>, Rejection> {
        if self.0.is_null() || self.0.is_object() {
            return Ok(Fields(&self.0));
        }
        Err(Rejection::field("non_field_errors", "Invalid data. Expected an object."))
    }
}

/// The fields of a JSON object; those that nobody asks for are ignored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(&'a Value);

impl<'a> Fields<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        Self(value)
    }

    /// A field that is there and not null.
    pub(crate) fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text; absent or null is none. Numbers are taken as they are written, as old SDKs send `external_id` as one.
    pub(crate) fn text(self, name: &str) -> Result<Option<String>, Rejection> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(Rejection::field(name, "Not a valid string.")),
        }
    }

    /// A truth value; absent or null is false. Forms and shells write it as a text.
    pub(crate) fn flag(self, name: &str) -> Result<bool, Rejection> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.is_empty() || text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(Rejection::field(name, "Must be a valid boolean: true or false.")),
        }
    }

    /// A text to set: null empties it, absent leaves it alone.
    pub(crate) fn text_to_set(self, name: &str) -> Result<Option<String>, Rejection> {
        match self.0.get(name) {
            Some(Value::Null) => Ok(Some(String::new())),
            _ => self.text(name),
        }
    }

    /// Whether a field is there to be emptied: null, or an empty text.
    pub(crate) fn is_emptied(self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.is_null() || value.as_str() == Some(""))
    }

    /// The object that `{"id": "…"}` or a bare id names.
    pub(crate) fn reference(self, name: &str) -> Result<ObjectId, Rejection> {
        let field = format!("{name}.id");
        let value = self.value(name).ok_or_else(|| Rejection::field(&field, "This field is required."))?;
        let text = value.get("id").unwrap_or(value).as_str();
        let text = text.ok_or_else(|| Rejection::field(&field, "This field is required."))?;
        ObjectId::new(text).ok_or_else(|| Rejection::field(&field, format!("\"{text}\" is no valid id.")))
    }

    /// The zone that days are given in, under either of two names.
    pub(crate) fn zone(self) -> Result<Option<Zone>, Rejection> {
        let field = if self.value("time_zone").is_some() { "time_zone" } else { "timezone" };
        let name = self.text(field)?;
        name.map(|name| Zone::parse(&name)).transpose().map_err(|error| Rejection::field(field, error.to_string()))
    }

    /// `period: {from, to}`, whose days are those of a zone, the same as two fields, or the two that Connect's own portal
    /// sends, which are in UTC whatever the zone.
    pub(crate) fn period(self, zone: Zone) -> Result<Option<Period>, Rejection> {
        if let Some(period) = self.value("period") {
            let given = Self(period);
            return between(given, ["from", "to"], "period.", zone);
        }
        if let Some(period) = between(self, ["period_from", "period_to"], "", zone)? {
            return Ok(Some(period));
        }
        between(self, ["start_datetime_utc", "end_datetime_utc"], "", Zone::UTC)
    }

    /// How something was billed.
    pub(crate) fn billing(self) -> Result<Billing, Rejection> {
        let id = self.text("external_billing_id")?.unwrap_or_default();
        let note = self.text("external_billing_note")?.unwrap_or_default();
        Ok(Billing { id, note })
    }
}

/// The period between two fields; none where neither is given.
fn between(given: Fields<'_>, names: [&str; 2], prefix: &str, zone: Zone) -> Result<Option<Period>, Rejection> {
    let [from, to] = names.map(|name| (format!("{prefix}{name}"), given.value(name)));
    if from.1.is_none() && to.1.is_none() {
        return Ok(None);
    }
    let (first, last) = (text_of(&from)?, text_of(&to)?);
    period::period(first, last, zone).map(Some).map_err(|error| {
        let field = match &error {
            PeriodError::From(_) => &from.0,
            PeriodError::To(_) => &to.0,
            PeriodError::Reversed | PeriodError::Zone { .. } => "period",
        };
        Rejection::field(field, error.to_string())
    })
}

fn text_of<'a>((field, value): &(String, Option<&'a Value>)) -> Result<&'a str, Rejection> {
    let value = value.ok_or_else(|| Rejection::field(field, "This field is required."))?;
    Ok(value.as_str().unwrap_or_default())
}
