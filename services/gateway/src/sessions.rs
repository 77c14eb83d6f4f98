//! `/ledger/v1/sessions`: who is signed in at the portal. Somebody signs in with a key, or by a link that an operator had
//! the command line print; their account sees the session and can end it.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use ledger::session::session_id;
use ledger::{Catalog, Command, Fact, Ledger, Moment, ObjectId, Role, Scope, Session, SessionOpened, Surface};
use serde_json::Value;
use sha2::Sha256;

use crate::app::App;
use crate::auth::{self, Caller};
use crate::commands::Settled;
use crate::error::{Answered, ApiError};
use crate::json::{self, session};
use crate::keys::random;
use crate::listing::Wanted;
use crate::once::{Once, RequestKey};
use crate::openapi::{Changing, Reading, bodies, params, tag};
use crate::payload::Payload;
use crate::visibility::Kind;

/// A link that nobody followed for so long opens nothing.
const LINK_SECONDS: i64 = 15 * 60;
/// The page of the portal that a link leads to.
const LINK_PAGE: &str = "/sign-in/link";

/// List sessions
///
/// Those of the last day at the portal: of the caller's own account, for operators all.
#[utoipa::path(
    get,
    path = "/ledger/v1/sessions",
    operation_id = "list_sessions",
    tag = tag::KEYS,
    params(params::Paging),
    responses((status = 200, description = "A page of sessions", body = Vec<session::Session>), Reading),
)]
pub(crate) async fn list(Caller(scope): Caller, State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answered {
    let wanted = Wanted::new(query.as_deref(), rql::SESSIONS, Kind::Catalog, &scope)?;
    let catalog = app.bus.shelf().take();
    let now = app.clock.now();
    let seen = catalog.sessions.iter().filter(|(_, session)| sees(session, &scope));
    let mut seen: Vec<(&ObjectId, &Session)> = seen.collect();
    seen.sort_by_key(|(id, session)| (std::cmp::Reverse(session.at), *id));
    let shown = seen.into_iter().map(|(id, session)| session::shown(&catalog, id, session, now));
    Ok(wanted.page_of(shown).into_response())
}

fn sees(session: &Session, scope: &Scope) -> bool {
    scope.role == Role::Operator || scope.account.as_ref() == Some(&session.opened.account)
}

/// Open a session
///
/// For the holder of the key that comes with the request; or without one, by the token of a link that
/// `usage-ledger key link` printed, which opens one session and no more. It is what the portal does for whoever signs in: by
/// itself it opens nothing.
#[utoipa::path(
    post,
    path = "/ledger/v1/sessions",
    operation_id = "open_session",
    tag = tag::KEYS,
    request_body(content = bodies::NewSession),
    responses((status = 201, description = "The session", body = session::Session), Changing),
)]
pub(crate) async fn open(parts: Parts, State(app): State<Arc<App>>, payload: Payload) -> Answered {
    let token = payload.fields()?.text("token")?;
    let (session, scope) = match &token {
        None => {
            let id = session_id(&random()?).ok_or(ApiError::NOT_FOUND)?;
            (id, auth::scope(&parts, &app).await?)
        }
        Some(token) => {
            let Token { session, key } = Token::read(token, &app.link_secret, app.clock.now()).ok_or(ApiError::Link)?;
            (session, Scope { surface: Surface::Portal, ..auth::scope_of_key(&key, &app).await? })
        }
    };
    let agent = parts.headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let command =
        Command::OpenSession { session: session.clone(), by_link: token.is_some(), agent: agent.unwrap_or_default() };
    let settled = app.command(command, &scope, &Once::default()).await?;
    let opened = settled.events().iter().find_map(|event| match &event.fact {
        Fact::SessionOpened(opened) => Some((opened.as_ref(), event.recorded_at)),
        _ => None,
    });
    let (opened, at) = opened.ok_or(ApiError::NOT_FOUND)?;
    let known = Session { opened: SessionOpened::clone(opened), at, ended: None };
    let shown = session::shown(&app.bus.shelf().take(), &session, &known, app.clock.now());
    Ok(json::answer(StatusCode::CREATED, &shown))
}

/// End a session
///
/// Of the caller's own account, for operators any: whoever is signed in by it has to sign in again.
#[utoipa::path(
    post,
    path = "/ledger/v1/sessions/{id}/end",
    operation_id = "end_session",
    tag = tag::KEYS,
    params(params::SessionId, params::Once),
    request_body(content = bodies::Empty),
    responses((status = 201, description = "The session", body = session::Session), Changing),
)]
pub(crate) async fn end(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    request: RequestKey,
    Path(id): Path<String>,
) -> Answered {
    let id = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let show = |settled: &Settled| {
        let look = |ledger: &Ledger| {
            let known = ledger.catalog.sessions.get(&id)?;
            Some(session::shown(&ledger.catalog, &id, known, app.clock.now()))
        };
        let shown: Value = app.after_all(settled, look).ok_or(ApiError::NOT_FOUND)?;
        Ok(json::answer(StatusCode::CREATED, &shown))
    };
    app.decided(Command::EndSession { session: id.clone() }, &scope, &request, show).await
}

/// Whether a session was ended. One that isn't known was opened a moment ago, or while nothing could be recorded.
pub(crate) fn has_ended(catalog: &Catalog, id: &ObjectId) -> bool {
    catalog.sessions.get(id).is_some_and(|session| session.ended.is_some())
}

/// What a link says: which session it opens, and for the holder of which key.
#[derive(Debug, PartialEq, Eq)]
struct Token {
    session: ObjectId,
    key: ObjectId,
}

impl Token {
    /// What a token says, if it is ours and still good.
    fn read(token: &str, secret: &[u8], now: Moment) -> Option<Self> {
        let (signed, mac) = token.rsplit_once('.')?;
        // The comparison of the library takes the same time wherever the first difference is.
        sealed(secret, signed)?.verify_slice(&HEXLOWER.decode(mac.as_bytes()).ok()?).ok()?;
        let mut parts = signed.split('.');
        let (session, key, expires) = (parts.next()?, parts.next()?, parts.next()?.parse::<i64>().ok()?);
        let left = expires.saturating_sub(now.0.div_euclid(Moment::SECOND));
        // One that had longer to go than any is given was made before the clock was set back.
        let good = left > 0 && left <= 2 * LINK_SECONDS;
        good.then_some(Self { session: ObjectId::new(session)?, key: ObjectId::new(key)? })
    }
}

/// The path of a link that signs the holder of a key in, once and within fifteen minutes; the bytes are random. None where
/// the secret is no secret.
#[must_use]
pub fn sign_in_path(key: &ObjectId, secret: &[u8], random: &[u8; 16], now: Moment) -> Option<String> {
    let expires = now.0.div_euclid(Moment::SECOND).saturating_add(LINK_SECONDS);
    let signed = format!("{}.{key}.{expires}", session_id(random)?);
    let mac = HEXLOWER.encode(&sealed(secret, &signed)?.finalize().into_bytes());
    Some(format!("{LINK_PAGE}?token={signed}.{mac}"))
}

fn sealed(secret: &[u8], signed: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(b"usage-ledger sign-in link\0");
    mac.update(signed.as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a secret of the gateways";

    #[test]
    fn a_link_is_good_as_it_was_made_for_fifteen_minutes() {
        let at = |seconds: i64| Moment(seconds * Moment::SECOND);
        let key = ObjectId::new("SU-000-000-001").unwrap();
        let path = sign_in_path(&key, SECRET, &[7; 16], at(1_000)).unwrap();
        let token = path.strip_prefix("/sign-in/link?token=").unwrap();
        let expected = Token { session: session_id(&[7; 16]).unwrap(), key };
        assert_eq!(Token::read(token, SECRET, at(1_000)), Some(expected));
        for (now, good) in [(1_000 + LINK_SECONDS - 1, true), (1_000 + LINK_SECONDS, false), (-2_000, false)] {
            assert_eq!(Token::read(token, SECRET, at(now)).is_some(), good, "at {now}");
        }
        assert_eq!(Token::read(token, b"another", at(1_000)), None);
        for changed in [
            token.replace("SU-000-000-001", "SU-000-000-002"),
            token.replace("SE-07", "SE-08"),
            token.replace(&format!(".{}.", 1_000 + LINK_SECONDS), &format!(".{}.", 9_000)),
            token[..token.len() - 1].to_owned(),
            String::new(),
            "....".to_owned(),
        ] {
            assert_ne!(changed, token);
            assert_eq!(Token::read(&changed, SECRET, at(1_000)), None, "{changed}");
        }
    }
}
