//! What a call of `POST /ledger/v1/records` says: read within limits, from JSON or from lines of it, every value kept as
//! it was written.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Query, Request};
use axum::http::header::CONTENT_TYPE;
use ledger::batch::BatchBuilder;
use ledger::command::OpenReport;
use ledger::record::{CellKind, ReadBatch};
use ledger::report::{Print, REPORT_RECORDS_MAX, prints};
use ledger::{Hash, ObjectId, Rejection};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use workbook::columns::{CUSTOM_PREFIX, RECORDS};

use super::{month, wire};
use crate::error::ApiError;
use crate::files::creation;
use crate::payload::{Fields, not_json};

/// Bytes that a call may have.
pub(crate) const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of the name of a vendor's own column: those of a whole file fit the fact that names them.
const NAME_BYTES_MAX: usize = 128;

/// How records come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One object with all of them.
    Whole,
    /// A line for each; what they are about stands in the query.
    Lines,
    /// `UsageReport` of `usage.v1`.
    Wire,
}

impl Form {
    /// What a kind of body is, without its parameters; none for what isn't read.
    pub(crate) fn of(kind: &str) -> Option<Self> {
        match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Whole),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Self::Lines),
            "application/protobuf" | "application/x-protobuf" => Some(Self::Wire),
            _ => None,
        }
    }
}

/// What a report is about, where that doesn't stand in it.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// The contract.
    pub(crate) contract: ObjectId,
    /// The product.
    pub(crate) product: ObjectId,
}

/// A body as it came.
#[derive(Debug)]
pub(crate) struct Report {
    form: Form,
    query: Vec<(String, String)>,
    bytes: Bytes,
    about: Option<About>,
}

impl<S: Send + Sync> FromRequest<S> for Report {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
        let query = query.map_err(|error| ApiError::field("query", error.body_text()))?.0;
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.map(|kind| String::from_utf8_lossy(kind.as_bytes()).to_ascii_lowercase()).unwrap_or_default();
        let form = match Form::of(&kind) {
            None if kind.trim().is_empty() => Form::Whole,
            Some(form @ (Form::Whole | Form::Lines)) => form,
            _ => return Err(ApiError::MediaType { found: kind, expected: "application/json or application/x-ndjson" }),
        };
        let limit = BYTES_MAX as u64;
        let bytes = to_bytes(request.into_body(), BYTES_MAX).await;
        let bytes = bytes.map_err(|_| ApiError::TooLarge { what: "A report".to_owned(), limit })?;
        Ok(Self { form, query, bytes, about: None })
    }
}

/// What a call says.
#[derive(Debug)]
pub(crate) struct Call {
    /// What makes a repetition recognisable, where that stands in the body.
    pub(crate) key: Option<String>,
    /// The file that the records are for.
    pub(crate) report: OpenReport,
    /// The names of the batch's columns.
    pub(crate) columns: Vec<String>,
    /// The records, in their order.
    pub(crate) batch: Arc<ReadBatch>,
    /// What each is recognised by.
    pub(crate) prints: Vec<Print>,
    /// The digest of all.
    pub(crate) content: Hash,
}

impl Report {
    /// A report whose sender has said elsewhere what it is about.
    pub(crate) fn about(about: About, form: Form, bytes: Bytes) -> Self {
        Self { form, query: Vec::new(), bytes, about: Some(about) }
    }

    pub(crate) fn parse(&self) -> Result<Call, ApiError> {
        let Whole { terms, records, key } = match self.form {
            Form::Whole => serde_json::from_slice(&self.bytes).map_err(|error| not_json(&error, 0))?,
            Form::Lines => Whole { terms: self.terms(), records: lines(&self.bytes)?, key: None },
            Form::Wire => wire::whole(&self.bytes)?,
        };
        if records.is_empty() {
            return Err(ApiError::field("records", "Give at least one record."));
        }
        if records.len() > REPORT_RECORDS_MAX {
            let count = records.len();
            let message =
                format!("A report may have at most {REPORT_RECORDS_MAX} records; this one has {count}. Send several.");
            return Err(Rejection::TooLarge { message }.into());
        }
        let (columns, batch) = batch(&records)?;
        let report = self::report(self.bound(terms)?, &columns, &batch)?;
        let prints = prints(&report.contract, &report.product, &columns, &batch);
        let contents: Vec<&[u8]> = prints.iter().map(|print| print.content.as_slice()).collect();
        let content = Hash::of_parts(&contents);
        Ok(Call { key, report, columns, batch: Arc::new(batch), prints, content })
    }

    /// Terms that say what the report is about, and nothing else than what its sender said elsewhere.
    fn bound(&self, mut terms: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
        let Some(About { contract, product }) = &self.about else { return Ok(terms) };
        let given = Value::Object(terms.clone());
        let given = Fields::of(&given);
        for (name, id) in [("contract", contract), ("product", product)] {
            if given.value(name).is_some() && given.reference(name)? != *id {
                let message = format!("The subject is about {id}. Name that here, or nothing.");
                return Err(ApiError::field(&format!("{name}.id"), message));
            }
            terms.insert(name.to_owned(), Value::String(id.to_string()));
        }
        Ok(terms)
    }

    /// Parameters of the query, as if they stood in an object.
    fn terms(&self) -> Map<String, Value> {
        let given = self.query.iter().filter(|(_, text)| !text.is_empty());
        given.map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect()
    }
}

/// The file that records are for: without a period it is the month in which their usage began.
fn report(mut terms: Map<String, Value>, columns: &[String], batch: &ReadBatch) -> Result<OpenReport, ApiError> {
    // Texts of a file have no place here: it is made on the way, and described afterwards.
    ["name", "description", "note", "predictive"].iter().for_each(|name| drop(terms.remove(*name)));
    let terms = Value::Object(terms);
    let create = creation(Fields::of(&terms))?;
    let period = create.period.map_or_else(|| month::common(columns, batch), Ok)?;
    let (product, contract) = (create.product, create.contract);
    Ok(OpenReport { product, contract, period, currency: create.currency, environment: create.environment })
}

fn lines(bytes: &Bytes) -> Result<Vec<Sent<'_>>, ApiError> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace));
    lines.map(|(at, line)| serde_json::from_slice(line).map_err(|error| not_json(&error, at))).collect()
}

/// Records as a batch, with the names of its columns in the order in which they came.
fn batch(records: &[Sent<'_>]) -> Result<(Vec<String>, ReadBatch), ApiError> {
    let mut columns: Vec<String> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (number, Sent(cells)) in records.iter().enumerate() {
        for (name, _) in cells {
            if !places.contains_key(name.as_ref()) {
                check_name(number, name)?;
                places.insert(name, columns.len());
                columns.push(name.clone().into_owned());
            }
        }
    }
    let mut builder = BatchBuilder::new(columns.len());
    for Sent(cells) in records {
        builder.begin(0);
        for (name, text) in cells {
            if let Some(&place) = places.get(name.as_ref()) {
                builder.cell(place, CellKind::Text, text);
            }
        }
    }
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|_| ApiError::Task { what: "a report without random numbers" })?;
    Ok((columns, builder.take(salt)))
}

fn check_name(number: usize, name: &str) -> Result<(), ApiError> {
    let own = name.len() > CUSTOM_PREFIX.len() && name.starts_with(CUSTOM_PREFIX) && name.len() <= NAME_BYTES_MAX;
    if own || RECORDS.iter().any(|column| column.name == name) {
        return Ok(());
    }
    let known: Vec<&str> = RECORDS.iter().map(|column| column.name).collect();
    let message = format!(
        "There is no such column. Use {}, or {CUSTOM_PREFIX} and a name of your own (at most {NAME_BYTES_MAX} bytes).",
        known.join(", ")
    );
    Err(ApiError::field(&format!("records[{number}].{name}"), message))
}

/// A body with everything in it.
pub(super) struct Whole<'a> {
    /// What the records are about.
    pub(super) terms: Map<String, Value>,
    /// The records.
    pub(super) records: Vec<Sent<'a>>,
    /// What makes a repetition recognisable.
    pub(super) key: Option<String>,
}

impl<'de> Deserialize<'de> for Whole<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WholeVisitor)
    }
}

struct WholeVisitor;

impl<'de> Visitor<'de> for WholeVisitor {
    type Value = Whole<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with contract, product and records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Whole<'de>, A::Error> {
        let mut whole = Whole { terms: Map::new(), records: Vec::new(), key: None };
        while let Some(name) = map.next_key::<String>()? {
            if name == "records" {
                whole.records = map.next_value()?;
            } else {
                whole.terms.insert(name, map.next_value()?);
            }
        }
        Ok(whole)
    }
}

/// A record as it was sent: what is null or empty is left out.
pub(super) struct Sent<'a>(pub(super) Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de> Deserialize<'de> for Sent<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SentVisitor)
    }
}

struct SentVisitor;

impl<'de> Visitor<'de> for SentVisitor {
    type Value = Sent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record: an object of texts and numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sent<'de>, A::Error> {
        let mut cells: Vec<(Cow<'de, str>, Cow<'de, str>)> = Vec::with_capacity(RECORDS.len());
        while let Some(Text(name)) = map.next_key()? {
            let Text(text) = map.next_value()?;
            if cells.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!("\"{name}\" stands twice in a record")));
            }
            if !text.is_empty() {
                cells.push((name, text));
            }
        }
        Ok(Sent(cells))
    }
}

/// A text, or a number as it was written; null is empty.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed("")))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    /// Any other number comes as a map of one: that is how serde_json hands its text on.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text<'de>, A::Error> {
        let number = Number::deserialize(MapAccessDeserializer::new(map));
        let number = number.map_err(|_| A::Error::custom("expected a text or a number"))?;
        Ok(Text(Cow::Owned(number.to_string())))
    }
}
