//! Everything that can be answered instead of what was asked for, in the one shape that clients read:
//! `{"error_code": "…", "errors": ["…"]}` (connect-api §2.1).

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::Rejection;
use runtime::blobs::BlobError;
use runtime::bus::FollowError;
use runtime::nats::CarryError;
use runtime::records::RecordsError;
use serde_json::json;
use thiserror::Error;

use crate::dry_run::DryRunError;
use crate::openapi::Refusal;
use rql::RqlError;

/// The code of everything that is wrong with a request itself.
pub(crate) const INVALID: &str = "VAL_001";
/// The code of what is not there.
pub(crate) const NOT_FOUND: &str = "NFND_000";
/// The code of what is our fault.
pub(crate) const INTERNAL: &str = "SYS_001";

/// Why a request is not answered with what it asked for.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    /// Whoever decides refused.
    #[error("{0}")]
    Rejected(Rejection),
    /// The query is no RQL, or asks for what there isn't.
    #[error("{0}")]
    Query(RqlError),
    /// The body is no JSON.
    #[error("JSON parse error at line {line} column {column}: {reason}.")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// The body can't be read to its end, or is no form.
    #[error("{field}: {reason}")]
    Body {
        /// The field that was expected.
        field: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// More bytes than are taken.
    #[error("{what} may have at most {limit} bytes.")]
    TooLarge {
        /// What was sent.
        what: String,
        /// How many bytes it may have.
        limit: u64,
    },
    /// A body of another kind than is read here.
    #[error("Unsupported media type \"{found}\" in request: send {expected}.")]
    MediaType {
        /// What came.
        found: String,
        /// What is read.
        expected: &'static str,
    },
    /// Nothing is served at this path.
    #[error("Nothing is served at {path}.")]
    NoRoute {
        /// The path as requested.
        path: String,
    },
    /// Something is served at this path, but not by this method.
    #[error("Method \"{method}\" not allowed.")]
    Method {
        /// The method as requested.
        method: String,
    },
    /// A signed link is older than it may be, or was changed.
    #[error("This link has expired or is damaged. Ask for the object again to get a new one.")]
    Link,
    /// As many clients wait for news as are served.
    #[error("{limit} clients wait for news already. Try again in a moment.")]
    Crowded {
        /// How many may.
        limit: usize,
    },
    /// A key sends more than it may.
    #[error(
        "This key sends more than {limit} requests a second. Wait as long as Retry-After says, then send it again."
    )]
    TooMany {
        /// How many it may.
        limit: u32,
    },
    /// The feed of events can't be read.
    #[error("could not read what happened")]
    Follow(#[from] FollowError),
    /// Records can't be read.
    #[error("could not read records")]
    Records(#[source] RecordsError),
    /// A workbook can't be kept or given.
    #[error("could not use a workbook")]
    Blob(#[source] BlobError),
    /// A workbook can't be moved between processes.
    #[error("could not have a workbook where it belongs")]
    Carry(#[from] CarryError),
    /// A workbook can't be checked.
    #[error("could not make a dry run")]
    DryRun(#[from] DryRunError),
    /// A template can't be written.
    #[error("could not write a template")]
    Template(#[source] workbook::write::WriteError),
    /// A task of ours came to no end.
    #[error("could not finish {what}")]
    Task {
        /// What was being done.
        what: &'static str,
    },
}

/// What a handler gives.
pub(crate) type Answered = Result<Response, ApiError>;

impl ApiError {
    /// The answer where nothing of that id exists for the caller.
    pub(crate) const NOT_FOUND: Self = Self::Rejected(Rejection::NotFound);

    /// A wrong field of a request.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Rejected(Rejection::field(field, message))
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(rejection) => {
                StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Query(_) | Self::Json { .. } | Self::Body { .. } => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoRoute { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Link => StatusCode::FORBIDDEN,
            Self::Crowded { .. } | Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Carry(CarryError::Unreachable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Follow(_)
            | Self::Records(_)
            | Self::Blob(_)
            | Self::Carry(_)
            | Self::DryRun(_)
            | Self::Template(_)
            | Self::Task { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::NoRoute { .. } => NOT_FOUND,
            Self::Link => "AUTH_003",
            Self::Carry(CarryError::Unreachable { .. }) => Rejection::Unavailable.code(),
            Self::Follow(_)
            | Self::Records(_)
            | Self::Blob(_)
            | Self::Carry(_)
            | Self::DryRun(_)
            | Self::Template(_)
            | Self::Task { .. } => INTERNAL,
            _ => INVALID,
        }
    }
}

impl ApiError {
    /// What whoever asked is told; a fault of ours is told to our own log, too.
    pub(crate) fn sentence(&self) -> String {
        if !self.status().is_server_error() {
            return self.to_string();
        }
        tracing::error!(error = chain(self), "could not answer a request");
        match self {
            Self::Rejected(rejection) => rejection.to_string(),
            Self::Carry(CarryError::Unreachable { .. }) => Rejection::Unavailable.to_string(),
            // What went wrong inside is for our own log; it would help nobody else.
            _ => "The request could not be answered because of a fault on our side. Try again.".to_owned(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = shaped(status, self.code(), &[self.sentence()]);
        let hint = match status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "ApiKey")),
            // A second brings back what a key may send, and most who wait for news.
            StatusCode::TOO_MANY_REQUESTS => Some((header::RETRY_AFTER, "1")),
            _ => None,
        };
        response.headers_mut().extend(hint.map(|(name, value)| (name, HeaderValue::from_static(value))));
        response
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<RqlError> for ApiError {
    fn from(error: RqlError) -> Self {
        Self::Query(error)
    }
}

impl From<RecordsError> for ApiError {
    fn from(error: RecordsError) -> Self {
        Self::Records(error)
    }
}

/// An error in the shape that clients read.
pub(crate) fn shaped(status: StatusCode, code: &str, errors: &[String]) -> Response {
    let body = json!(Refusal { error_code: code, errors }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An error with all its sources, for our own log.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
