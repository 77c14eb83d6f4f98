//! Signing in with an API key or by a link that an operator had the command line print, and out.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::body::{self, Body};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::ObjectId;
use serde::Deserialize;
use serde_json::json;
use tower::ServiceExt;

use crate::Portal;
use crate::chrome::{Chrome, page};
use crate::fault::Fault;
use crate::query::is_here;
use crate::session::{Session, forgotten};
use crate::shape::Reference;
use crate::signed::Signed;

/// The word before a key, which people copy along.
const SCHEME: &str = "ApiKey ";
/// What the API says of a session is short.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The session of somebody whose key is right while the ledger can record nothing: they may read what is the matter. It
/// isn't listed, and ends with its key or by itself.
const UNRECORDED: &str = "SE-unrecorded";

const AWAY: &str = "Signing in isn't possible at the moment. Try again in a moment.";

#[derive(Template)]
#[template(path = "signin.html")]
struct SignIn {
    chrome: Chrome,
    back: String,
    problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "link.html")]
struct Link {
    chrome: Chrome,
    token: String,
    key: String,
    problem: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    back: String,
}

/// The form.
pub(crate) async fn show(State(portal): State<Arc<Portal>>, Query(back): Query<Back>) -> Response {
    page(&form(&portal, back.back, None))
}

fn form(portal: &Portal, back: String, problem: Option<&'static str>) -> SignIn {
    SignIn { chrome: bare(portal), back, problem }
}

fn bare(portal: &Portal) -> Chrome {
    Chrome { version: portal.version.clone(), ..Chrome::bare() }
}

#[derive(Deserialize)]
pub(crate) struct Given {
    key: String,
    #[serde(default)]
    back: String,
}

/// Opens a session, if the API takes the key.
pub(crate) async fn sign_in(
    State(portal): State<Arc<Portal>>,
    headers: HeaderMap,
    Form(given): Form<Given>,
) -> Response {
    let refused =
        |problem| (StatusCode::UNAUTHORIZED, page(&form(&portal, given.back.clone(), Some(problem)))).into_response();
    let typed = given.key.trim();
    let start = typed.get(..SCHEME.len()).filter(|start| start.eq_ignore_ascii_case(SCHEME));
    let typed = start.map_or(typed, |start| typed[start.len()..].trim_start());
    let Some(key) = typed.split_once(':').and_then(|(id, _)| ObjectId::new(id)) else {
        return refused("A key looks like SU-000-000-000:secret. Copy all of it.");
    };
    let opened = match opened(&portal, &headers, Some(typed), None).await {
        Ok(opened) => opened.session,
        Err(StatusCode::SERVICE_UNAVAILABLE) if knows(&portal, typed).await => ObjectId::new(UNRECORDED),
        Err(StatusCode::UNAUTHORIZED) => {
            return refused("This key isn't known, or was revoked. Ask your operator for one.");
        }
        Err(_) => return refused(AWAY),
    };
    match opened.and_then(|id| signed_in(&portal, id, key, &given.back)) {
        Some(response) => response,
        None => refused(AWAY),
    }
}

/// What a link says.
#[derive(Debug, Deserialize)]
pub(crate) struct Followed {
    #[serde(default)]
    token: String,
}

/// Where a link leads: a button, since what only looks at a page must not use the link up.
pub(crate) async fn link(State(portal): State<Arc<Portal>>, Query(followed): Query<Followed>) -> Response {
    page(&link_page(&portal, followed.token, None))
}

fn link_page(portal: &Portal, token: String, problem: Option<&'static str>) -> Link {
    // Only shown: whether it is true the API says when the link is followed.
    let key = token.split('.').nth(1).and_then(ObjectId::new).map(|key| key.to_string()).unwrap_or_default();
    Link { chrome: bare(portal), token, key, problem }
}

/// Opens the session of a link, once.
pub(crate) async fn follow(
    State(portal): State<Arc<Portal>>,
    headers: HeaderMap,
    Form(followed): Form<Followed>,
) -> Response {
    let (status, problem) = match opened(&portal, &headers, None, Some(&followed.token)).await {
        Ok(Opened { session: Some(session), key: Some(key) }) => match signed_in(&portal, session, key, "/") {
            Some(response) => return response,
            None => (StatusCode::SERVICE_UNAVAILABLE, AWAY),
        },
        Err(status @ StatusCode::BAD_REQUEST) => (status, "This link was used already: each opens one session."),
        Err(status @ StatusCode::UNAUTHORIZED) => (status, "The key of this link was revoked."),
        Err(status @ StatusCode::FORBIDDEN) => (status, "This link is older than fifteen minutes, or isn't whole."),
        _ => (StatusCode::SERVICE_UNAVAILABLE, AWAY),
    };
    (status, page(&link_page(&portal, followed.token, Some(problem)))).into_response()
}

fn signed_in(portal: &Portal, id: ObjectId, key: ObjectId, back: &str) -> Option<Response> {
    let cookie = Session::open(id, key, (portal.now)()).cookie(&portal.secret)?;
    let to = if is_here(back) { back } else { "/" };
    Some(([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response())
}

/// A session that the API opened, and for which key.
struct Opened {
    session: Option<ObjectId>,
    key: Option<ObjectId>,
}

#[derive(Deserialize)]
struct Told {
    id: String,
    key: Reference,
}

/// Has the API open a session, by a key or by the token of a link; what it says where it doesn't.
async fn opened(
    portal: &Portal,
    headers: &HeaderMap,
    key: Option<&str>,
    token: Option<&str>,
) -> Result<Opened, StatusCode> {
    let content = token.map_or_else(|| json!({}), |token| json!({ "token": token }));
    let mut request = Request::new(Body::from(content.to_string()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = axum::http::Uri::from_static("/ledger/v1/sessions");
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(agent) = headers.get(header::USER_AGENT) {
        request.headers_mut().insert(header::USER_AGENT, agent.clone());
    }
    if let Some(key) = key {
        request.headers_mut().insert(header::AUTHORIZATION, authorization(key)?);
    }
    // The router's own error can't happen.
    let answer = portal.api.clone().oneshot(request).await.unwrap_or_default();
    if answer.status() != StatusCode::CREATED {
        return Err(answer.status());
    }
    let told = body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.ok();
    let told: Option<Told> = told.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let told = told.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Opened { session: ObjectId::new(&told.id), key: ObjectId::new(&told.key.id) })
}

fn authorization(key: &str) -> Result<HeaderValue, StatusCode> {
    HeaderValue::from_str(&format!("{SCHEME}{key}")).map_err(|_| StatusCode::UNAUTHORIZED)
}

/// Whether the API takes a key for reading.
async fn knows(portal: &Portal, key: &str) -> bool {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = axum::http::Uri::from_static("/public/v1");
    let Ok(header) = authorization(key) else { return false };
    request.headers_mut().insert(header::AUTHORIZATION, header);
    // The router's own error can't happen.
    portal.api.clone().oneshot(request).await.is_ok_and(|answer| answer.status() == StatusCode::OK)
}

/// Ends the session, here and wherever its cookie may be.
pub(crate) async fn sign_out(signed: Result<Signed, Fault>) -> Response {
    if let Ok(signed) = signed {
        let path = format!("/ledger/v1/sessions/{}/end", signed.session);
        // The browser forgets it in any case.
        if let Err(fault) = signed.api.post(&path, None, &json!({})).await {
            tracing::info!(?fault, "a session was forgotten by its browser and not ended");
        }
    }
    ([(header::SET_COOKIE, forgotten())], Redirect::to("/sign-in")).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::routing::{get, post};
    use ledger::Moment;

    use super::*;

    /// A portal before an API that answers with these statuses whoever opens a session and whoever reads.
    fn portal(opening: StatusCode, reading: StatusCode) -> Router {
        let api = Router::new()
            .route("/ledger/v1/sessions", post(move || async move { opening }))
            .route("/public/v1", get(move || async move { reading }));
        crate::router(Portal {
            api,
            admit: |_, _, _| {},
            secret: b"a secret".to_vec(),
            version: String::new(),
            now: Arc::new(|| Moment(0)),
        })
    }

    #[tokio::test]
    async fn whoever_has_a_key_gets_in_while_nothing_can_be_recorded() {
        for (opening, reading, expected) in [
            (StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK, StatusCode::SEE_OTHER),
            (StatusCode::SERVICE_UNAVAILABLE, StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED),
            (StatusCode::UNAUTHORIZED, StatusCode::OK, StatusCode::UNAUTHORIZED),
            (StatusCode::INTERNAL_SERVER_ERROR, StatusCode::OK, StatusCode::UNAUTHORIZED),
        ] {
            let form = Request::post("/sign-in").header("sec-fetch-site", "same-origin");
            let form = form.header("content-type", "application/x-www-form-urlencoded");
            let form = form.body(Body::from("key=SU-000-000-001%3Asecret")).unwrap();
            let answer = portal(opening, reading).oneshot(form).await.unwrap();
            assert_eq!(answer.status(), expected, "{opening} {reading}");
            assert_eq!(answer.headers().contains_key(header::SET_COOKIE), expected == StatusCode::SEE_OTHER);
        }
    }
}
