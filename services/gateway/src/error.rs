//! Everything that can be answered instead of what was asked for, in the one shape that clients read:
//! `{"error_code": "…", "errors": ["…"]}` (connect-api §2.1).

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::Rejection;
use runtime::blobs::BlobError;
use runtime::bus::FollowError;
use runtime::disk;
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

/// What is said where the disk refuses: what it said is for our own log.
const DISK: &str = "The disk of the ledger is full or fails, so that this can't be done now. Try again once the operator \
                    has mended it.";

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
    /// The fold isn't as far as the logs yet: what is there can't be told from what isn't.
    #[error("The ledger is reading its logs and can't answer yet. Try again in a moment.")]
    Starting,
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

    /// Whether somebody is away whose part this is: nothing is wrong, and the same request may be sent again.
    fn is_away(&self) -> bool {
        match self {
            Self::Records(error) => error.is_unreachable(),
            Self::Follow(FollowError { error, .. }) => error.is_unreachable(),
            Self::Carry(error) => matches!(error, CarryError::Unreachable { .. }),
            _ => false,
        }
    }

    /// Whether the disk refused: nothing is wrong with what was asked, and nothing of it was recorded.
    fn is_refused_by_disk(&self) -> bool {
        disk::refusal(self).is_some()
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            _ if self.is_refused_by_disk() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Starting => StatusCode::SERVICE_UNAVAILABLE,
            _ if self.is_away() => StatusCode::SERVICE_UNAVAILABLE,
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
            _ if self.is_refused_by_disk() => Rejection::ReadOnly.code(),
            Self::NoRoute { .. } => NOT_FOUND,
            Self::Link => "AUTH_003",
            Self::Starting => Rejection::Unavailable.code(),
            _ if self.is_away() => Rejection::Unavailable.code(),
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
        if !self.status().is_server_error() || matches!(self, Self::Starting) {
            return self.to_string();
        }
        if self.is_away() {
            tracing::warn!(reason = chain(self), "could not answer a request now");
            return Rejection::Unavailable.to_string();
        }
        tracing::error!(error = chain(self), "could not answer a request");
        match self {
            Self::Rejected(rejection) => rejection.to_string(),
            _ if self.is_refused_by_disk() => DISK.to_owned(),
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
            // Who was away is back as soon.
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "1")),
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

#[cfg(test)]
mod tests {
    use ledger::{Hash, HostId, ServiceName};
    use runtime::nats::FarError;
    use runtime::source::SourceError;

    use super::*;

    #[test]
    fn who_is_away_is_waited_for_and_what_is_broken_is_not() {
        let host = HostId::new(ServiceName::Ingestion, 0);
        let far = || {
            let reason = "nobody answers".to_owned();
            SourceError::Far(FarError::Unreachable { action: "read a fact", host, reason })
        };
        let fork = || SourceError::Far(FarError::Fork { host, sequence: 1 });
        let records = |source| ApiError::Records(RecordsError::Log { host, sequence: 1, source });
        let reason = "NATS is away".to_owned();
        let carry = CarryError::Unreachable { blob: Hash::ZERO, what: "with its owner", reason };
        let away = "The service is not available. Try again; with an Idempotency-Key nothing is recorded twice.";
        let fault = "The request could not be answered because of a fault on our side. Try again.";
        let read_only = Rejection::ReadOnly.to_string();
        let blob = |number| {
            let (path, source) = ("a".into(), std::io::Error::from_raw_os_error(number));
            ApiError::Blob(BlobError::Io { action: "write", path, source })
        };
        let code = |sentence: &str| if sentence.starts_with("The disk of the ledger") { "SYS_002" } else { INTERNAL };
        for (error, status, sentence) in [
            (records(far()), 503, away),
            (records(fork()), 500, fault),
            (ApiError::Follow(FollowError { emitter: host, error: far() }), 503, away),
            (ApiError::Follow(FollowError { emitter: host, error: fork() }), 500, fault),
            (ApiError::Carry(carry), 503, away),
            (ApiError::Carry(CarryError::Missing { blob: Hash::ZERO }), 500, fault),
            (ApiError::Rejected(Rejection::Unavailable), 503, away),
            (blob(28), 503, DISK),
            (blob(5), 503, DISK),
            (blob(2), 500, fault),
            (ApiError::Rejected(Rejection::ReadOnly), 503, read_only.as_str()),
            (ApiError::Starting, 503, "The ledger is reading its logs and can't answer yet. Try again in a moment."),
        ] {
            assert_eq!(
                (error.status().as_u16(), error.code(), error.sentence().as_str()),
                (status, code(sentence), sentence)
            );
            let retry = error.into_response().headers().get(header::RETRY_AFTER).is_some();
            assert_eq!(retry, status == 503, "{sentence}");
        }
    }
}
