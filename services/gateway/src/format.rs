//! How a list of faults is answered: as a page of JSON, or whole as NDJSON or CSV.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::error::ApiError;
use crate::fault::{CSV_HEADER, Fault};

/// A format of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON document.
    Json,
    /// A JSON object on each line.
    Ndjson,
    /// Comma-separated values.
    Csv,
}

impl Format {
    const ALL: [Self; 3] = [Self::Json, Self::Ndjson, Self::Csv];

    /// What `?format=` asks for, which is for browsers and shells, else what the `Accept` header does.
    pub(crate) fn of(headers: &HeaderMap, query: Option<&str>) -> Result<Self, ApiError> {
        let pairs = query.unwrap_or_default().split('&');
        if let Some(name) = pairs.filter_map(|pair| pair.strip_prefix("format=")).next_back() {
            let name = name.strip_prefix("eq=").unwrap_or(name);
            let found = Self::ALL.into_iter().find(|format| format.name() == name.to_ascii_lowercase());
            return found.ok_or_else(|| ApiError::field("format", "Give one of json, ndjson and csv."));
        }
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut kinds = accepted.flat_map(|value| value.split(','));
        let named = kinds.find_map(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            Self::ALL.into_iter().find(|format| format.media_types().contains(&kind.as_str()))
        });
        Ok(named.unwrap_or(Self::Json))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    /// The first is what we answer with.
    fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json"],
            Self::Ndjson => &["application/x-ndjson", "application/ndjson", "application/jsonl"],
            Self::Csv => &["text/csv"],
        }
    }

    /// What stands before the first fault.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Self::Json | Self::Ndjson => "",
            Self::Csv => CSV_HEADER,
        }
    }

    /// A fault with the end of its line.
    pub(crate) fn line(self, fault: &Fault) -> String {
        match self {
            Self::Json | Self::Ndjson => format!("{}\n", fault.json()),
            Self::Csv => fault.csv(),
        }
    }

    /// A body of this format.
    pub(crate) fn response(self, body: Body) -> Response {
        let mut response = Response::new(body);
        let kind = match self {
            Self::Json => HeaderValue::from_static("application/json"),
            Self::Ndjson => HeaderValue::from_static("application/x-ndjson"),
            Self::Csv => HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
        };
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}
