//! `as_of`: when the answer is to be from. An instant becomes positions once every log has passed it, and the positions
//! go back with the answer, so that it can be asked for again exactly.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use ledger::{FileId, Ledger, Moment, Partition, Rejection, Scope, UsageFile};
use runtime::past::Positions;
use tokio::time::{Instant, sleep, timeout};

use super::Known;
use crate::app::App;
use crate::auth;
use crate::error::ApiError;
use crate::proofs::with_checkpoints;
use crate::sources::Sources;

/// The parameter.
const AS_OF: &str = "as_of";
/// The header that says which facts an answer is from.
const HEADER: HeaderName = HeaderName::from_static("ledger-as-of");
/// Clocks of the machines of a ledger may differ by this much: so long an instant that has come here is waited for.
const CLOCKS_DIFFER_MAX: Duration = Duration::from_secs(2);
/// Between two asks whether it has come there, too.
const PAUSE: Duration = Duration::from_millis(20);
/// The fold is waited for this long.
const FOLD_TIME_MAX: Duration = Duration::from_secs(5);

/// Whoever reads, and when the answer is to be from.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) scope: Scope,
    /// The query without `as_of`.
    pub(crate) query: Option<String>,
    app: Arc<App>,
    as_of: Option<Positions>,
}

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let scope = auth::scope(parts, app).await?;
        let (given, query) = parts.uri.query().map(taken).transpose()?.unwrap_or_default();
        let as_of = match given {
            Some(text) => Some(resolved(app, &text).await?),
            None => None,
        };
        Ok(Self { scope, query: Some(query), app: app.clone(), as_of })
    }
}

/// Refuses `as_of` where a request is answered from the present only.
pub(crate) fn refuse(parts: &Parts) -> Result<(), ApiError> {
    let (given, _) = parts.uri.query().map(taken).transpose()?.unwrap_or_default();
    let message = "Only reads of files, records, chunks, reconciliations and aggregates are answered as of the past. \
                   Leave as_of out.";
    given.map_or(Ok(()), |_| Err(ApiError::field(AS_OF, message)))
}

fn taken(query: &str) -> Result<(Option<String>, String), ApiError> {
    rql::take_parameter(query, AS_OF).map_err(|rql::Twice| ApiError::field(AS_OF, "Give it once."))
}

impl Reader {
    /// The ledger that is asked about; where files are named, perhaps no more than those.
    pub(crate) async fn known(&self, files: Option<Vec<FileId>>) -> Result<Known, ApiError> {
        match &self.as_of {
            None => Ok(Known::now(&self.app)),
            Some(positions) => Known::then(&self.app, positions, files).await,
        }
    }

    /// Looks a file up.
    pub(crate) async fn find<T>(
        &self,
        id: FileId,
        show: impl Fn(&Ledger, &Sources, &UsageFile) -> Option<T>,
    ) -> Result<T, ApiError> {
        let known = self.known(Some(vec![id])).await?;
        if !known.is_past() {
            return self.app.find(id, &self.scope, |ledger, file| show(ledger, known.sources(), file)).await;
        }
        let ledger = known.ledger();
        let file = ledger.file(id).filter(|file| known.sees(&self.scope, id, file));
        file.and_then(|file| show(&ledger, known.sources(), file)).ok_or(ApiError::NOT_FOUND)
    }

    /// The positions that are asked about; none for the present.
    pub(crate) fn positions(&self) -> Option<&Positions> {
        self.as_of.as_ref()
    }

    /// Whether the present is asked about.
    pub(crate) fn is_now(&self) -> bool {
        self.as_of.is_none()
    }

    /// An answer about files of any partition.
    pub(crate) fn answer(&self, answer: impl IntoResponse) -> Response {
        self.answer_of(None, answer)
    }

    /// An answer about a file, or files of any partition. One about the past says what it is from, and is the same
    /// whenever it is asked for; one about the present hands out the newest checkpoints.
    pub(crate) fn answer_of(&self, partition: impl Into<Option<Partition>>, answer: impl IntoResponse) -> Response {
        let Some(positions) = &self.as_of else { return with_checkpoints(&self.app, partition.into(), answer) };
        let mut response = answer.into_response();
        response.headers_mut().extend(HeaderValue::from_str(&positions.to_string()).map(|value| (HEADER, value)));
        response
    }
}

/// The positions that a text means, all of which are folded here.
async fn resolved(app: &App, text: &str) -> Result<Positions, ApiError> {
    let positions = match (Positions::parse(text), Moment::parse_iso(text)) {
        (Some(positions), _) => reached(app, positions).await?,
        (None, Some(at)) => passed(app, at).await?,
        (None, None) => {
            let message = format!(
                "\"{text}\" is no instant like 2026-11-05T12:00:00Z and no list of positions like \
                 catalog-0:12,approval-0:123. Copy one from the header Ledger-As-Of, or give an instant."
            );
            return Err(ApiError::field(AS_OF, message));
        }
    };
    let folded = async {
        for (host, sequence) in positions.each() {
            app.projection.reach(host, sequence).await;
        }
    };
    timeout(FOLD_TIME_MAX, folded).await.map_err(|_| Rejection::Unavailable)?;
    Ok(positions)
}

/// An instant that every log has passed.
async fn passed(app: &App, at: Moment) -> Result<Positions, ApiError> {
    let now = app.clock.now();
    if at > now {
        let message =
            format!("{} is in the future: it is {} here. Give an instant that has passed.", at.iso(), now.iso());
        return Err(ApiError::field(AS_OF, message));
    }
    let patience = Instant::now() + CLOCKS_DIFFER_MAX;
    loop {
        match app.bus.passed(at).await? {
            Some(positions) => return Ok(positions),
            None if Instant::now() >= patience => return Err(Rejection::Unavailable.into()),
            None => sleep(PAUSE).await,
        }
    }
}

/// Positions that every log has reached.
async fn reached(app: &App, positions: Positions) -> Result<Positions, ApiError> {
    for (host, sequence) in positions.each() {
        let Some(source) = app.bus.source(host) else {
            return Err(ApiError::field(AS_OF, format!("This ledger has no log {host}.")));
        };
        let last = source.position().await.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "can't tell how far a log goes");
            Rejection::Unavailable
        })?;
        if sequence > last {
            let message = format!("The log {host} ends at {last} by now, before {sequence}. Give no later position.");
            return Err(ApiError::field(AS_OF, message));
        }
    }
    Ok(positions)
}
