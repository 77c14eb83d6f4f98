//! `/ledger/v1/usage/files/{id}/progress`: how work on a file comes along, told as it happens, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use ledger::{FileId, Scope};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout_at};

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::files::file_id;
use crate::json;
use crate::openapi::{Waiting, bodies, params, tag};
use crate::visibility::{self, Kind};

/// Between two events: nobody reads faster, and every batch of records is a change.
const PAUSE: Duration = Duration::from_millis(100);
/// After so long without an event a comment shows that the connection lives: proxies close what is silent for longer.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A stream ends after this; a client that still wants to know connects again by itself.
const TIME_MAX: Duration = Duration::from_secs(3_600);
/// What nginx needs to be told before it passes an event on when it comes.
const UNBUFFERED: (&str, &str) = ("x-accel-buffering", "no");

/// Follow the work on a usage file
///
/// Server-sent events: `progress` at once and with every change, `end` when nothing more happens by itself. The data of
/// both is JSON.
#[utoipa::path(
    get,
    path = "/ledger/v1/usage/files/{id}/progress",
    operation_id = "follow_usage_file",
    tag = tag::EVENTS,
    params(params::FileId),
    responses(
        (
            status = 200,
            description = "Events until the end of the work",
            body = bodies::ProgressEvent,
            content_type = "text/event-stream"
        ),
        Waiting,
    ),
)]
pub(crate) async fn stream(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = file_id(&id)?;
    // Who sees no such file is told before a stream begins.
    app.find(id, &scope, |_, _| Some(())).await?;
    let watch =
        Watch { id, scope, last: None, ended: false, until: Instant::now() + TIME_MAX, _turn: app.turn()?, app };
    let events = stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok::<_, Infallible>(event), watch))
    });
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok(([UNBUFFERED], stream).into_response())
}

/// One client's look at one file.
struct Watch {
    app: Arc<App>,
    id: FileId,
    scope: Scope,
    /// What was told last.
    last: Option<Value>,
    /// Whether the end was told.
    ended: bool,
    until: Instant,
    _turn: OwnedSemaphorePermit,
}

impl Watch {
    /// The next change, then the end: nothing more happens by itself. None where there is nothing to tell any more.
    async fn next(&mut self) -> Option<Event> {
        let (mut changes, mut stopping) = (self.app.projection.changes(), self.app.stopping.clone());
        if self.ended {
            return None;
        }
        if self.last.is_some() {
            sleep(PAUSE).await;
        }
        loop {
            changes.mark_unchanged();
            // The file may be taken from the caller's sight, as a rejected one that is mended is from its provider's.
            let (state, busy) = self.look()?;
            if self.last.as_ref() != Some(&state) {
                let event = Event::default().event("progress").data(state.to_string());
                self.last = Some(state);
                return Some(event);
            }
            if !busy {
                self.ended = true;
                return Some(Event::default().event("end").data(state.to_string()));
            }
            let woken = async {
                tokio::select! {
                    changed = changes.changed() => changed.is_ok(),
                    _ = stopping.changed() => false,
                }
            };
            if !timeout_at(self.until, woken).await.unwrap_or(false) {
                return None;
            }
        }
    }

    /// How the file stands, and whether anything is being done about it.
    fn look(&self) -> Option<(Value, bool)> {
        let ledger = self.app.projection.read();
        let file = ledger.file(self.id).filter(|file| self.scope.sees(file))?;
        let mut state = json::file::state(self.id, file);
        visibility::trim(Kind::File, &mut state, self.scope.role);
        Some((state, json::file::busy(file)))
    }
}
