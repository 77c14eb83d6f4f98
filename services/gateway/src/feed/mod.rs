//! `/ledger/v1/events`: what happened to everything that the caller may see, in order and once, read page by page or
//! waited for.
//!
//! The logs are the feed: a page is read from them, so nothing is kept for readers and none can miss anything. A
//! cursor says how far in each host's log a reader has come.

mod cursor;
mod kinds;
mod merged;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use ledger::{Event, HostId, Scope, ServiceName};
use runtime::bus::FollowError;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::auth::Caller;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json::{self, event::EventPage, event::FeedEvent};
use crate::openapi::{Waiting, params, tag};

use kinds::About;

pub use cursor::Cursor;
pub(crate) use kinds::{Side, kind};
pub(crate) use merged::Merged;

/// Events of a page unless the client wants more or fewer.
const LIMIT: usize = 100;
/// Events of a page at most, as of other lists.
const LIMIT_MAX: usize = 1_000;
/// Seconds that a client may wait for the next event: proxies close what is silent for a minute.
const WAIT_SECONDS_MAX: u64 = 60;

/// Read what happened
///
/// To everything that the caller may see, in order and once: send the cursor of a page as `after` to get the next one.
#[utoipa::path(
    get,
    path = "/ledger/v1/events",
    operation_id = "list_events",
    tag = tag::EVENTS,
    params(params::Feed),
    responses((status = 200, description = "A page of events", body = EventPage), Waiting),
)]
pub(crate) async fn list(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    Query(given): Query<HashMap<String, String>>,
) -> Answered {
    let limit = number(&given, "limit", (1, LIMIT_MAX as u64), LIMIT as u64)?;
    let limit = usize::try_from(limit).unwrap_or(LIMIT_MAX);
    let deadline = Instant::now() + Duration::from_secs(number(&given, "wait", (0, WAIT_SECONDS_MAX), 0)?);
    let mut cursor = match given.get("after").map(String::as_str) {
        None | Some("") => Cursor::default(),
        Some("now") => Cursor(app.projection.changes().borrow().clone()),
        Some(text) => known(&app, text)?,
    };
    let _turn = app.turn()?;
    let (mut changes, mut stopping) = (app.projection.changes(), app.stopping.clone());
    loop {
        let folded = changes.borrow_and_update().clone();
        let (aside_app, aside_scope) = (app.clone(), scope.clone());
        let page = aside("a page of events", move || page(&aside_app, &aside_scope, cursor, &folded, limit)).await??;
        if !page.events.is_empty() || page.more {
            return Ok(page.answer());
        }
        let woken = async {
            tokio::select! {
                changed = changes.changed() => changed.is_ok(),
                _ = stopping.changed() => false,
            }
        };
        if !timeout_at(deadline, woken).await.unwrap_or(false) {
            return Ok(page.answer());
        }
        cursor = page.cursor;
    }
}

/// A number of the query, within its bounds.
fn number(given: &HashMap<String, String>, name: &str, (least, most): (u64, u64), usual: u64) -> Result<u64, ApiError> {
    let Some(text) = given.get(name) else { return Ok(usual) };
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| ApiError::field(name, format!("Give a number from {least} to {most}.")))
}

/// A cursor that this ledger gave.
fn known(app: &App, text: &str) -> Result<Cursor, ApiError> {
    let refused = || {
        let message = "This is no cursor of this ledger. Take the one of the last page whole, or leave it out to begin \
                       with the first event.";
        ApiError::field("after", message)
    };
    let cursor = Cursor::parse(text).ok_or_else(refused)?;
    let sources = app.bus.sources(&ServiceName::WRITERS);
    for (host, sequence) in &cursor.0 {
        let source = sources.iter().find(|source| source.host() == *host).ok_or_else(refused)?;
        let head = source.last().map_err(|error| FollowError { emitter: *host, error })?;
        // What this ledger never recorded was recorded by another one, or lost with a backup.
        if *sequence > head {
            return Err(refused());
        }
    }
    Ok(cursor)
}

/// Some events, and where the next page begins.
struct Page {
    events: Vec<FeedEvent>,
    cursor: Cursor,
    /// Whether there may be more at once.
    more: bool,
}

impl Page {
    fn answer(self) -> Response {
        let shown = EventPage { events: self.events, cursor: self.cursor.text(), more: self.more };
        json::answer(StatusCode::OK, &json::value(&shown))
    }
}

fn page(
    app: &App,
    scope: &Scope,
    cursor: Cursor,
    folded: &BTreeMap<HostId, u64>,
    limit: usize,
) -> Result<Page, FollowError> {
    let mut logs = Merged::open(&app.bus, &ServiceName::WRITERS, cursor, folded)?;
    let mut events = Vec::new();
    while let Some((_, _, event)) = logs.peek() {
        let seen = shown(app, event, scope);
        if events.len() == limit || logs.is_enough() {
            return Ok(Page { events, cursor: logs.into_cursor(), more: true });
        }
        match seen {
            Seen::NotYet => {
                logs.leave();
                continue;
            }
            Seen::Nothing => {}
            Seen::Event(event) => events.push(*event),
        }
        logs.pass()?;
    }
    Ok(Page { events, cursor: logs.into_cursor(), more: false })
}

/// What a fact is in the feed of one caller.
enum Seen {
    NotYet,
    Nothing,
    Event(Box<FeedEvent>),
}

fn shown(app: &App, event: &Event, scope: &Scope) -> Seen {
    let Some(kind) = kind(&event.fact) else { return Seen::Nothing };
    match kinds::about(&app.projection.read(), event, kind.side, scope) {
        About::Unknown => Seen::NotYet,
        About::Hidden => Seen::Nothing,
        About::Shown(object) => Seen::Event(Box::new(FeedEvent::new(event, kind.name, object))),
    }
}
