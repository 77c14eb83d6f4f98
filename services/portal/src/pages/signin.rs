//! Signing in with an API key, and out.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::ObjectId;
use serde::Deserialize;
use tower::ServiceExt;

use crate::Portal;
use crate::chrome::{Chrome, page};
use crate::query::is_here;
use crate::session::{Session, forgotten};

/// The word before a key, which people copy along.
const SCHEME: &str = "ApiKey ";

#[derive(Template)]
#[template(path = "signin.html")]
struct SignIn {
    chrome: Chrome,
    back: String,
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
    SignIn { chrome: Chrome { version: portal.version.clone(), ..Chrome::bare() }, back, problem }
}

#[derive(Deserialize)]
pub(crate) struct Given {
    key: String,
    #[serde(default)]
    back: String,
}

/// Opens a session, if the API takes the key.
pub(crate) async fn sign_in(State(portal): State<Arc<Portal>>, Form(given): Form<Given>) -> Response {
    let refused =
        |problem| (StatusCode::UNAUTHORIZED, page(&form(&portal, given.back.clone(), Some(problem)))).into_response();
    let typed = given.key.trim();
    let start = typed.get(..SCHEME.len()).filter(|start| start.eq_ignore_ascii_case(SCHEME));
    let typed = start.map_or(typed, |start| typed[start.len()..].trim_start());
    let Some(key) = typed.split_once(':').and_then(|(id, _)| ObjectId::new(id)) else {
        return refused("A key looks like SU-000-000-000:secret. Copy all of it.");
    };
    match asked(&portal, typed).await {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => return refused("This key isn't known, or was revoked. Ask your operator for one."),
        _ => return refused("Signing in isn't possible at the moment. Try again in a moment."),
    }
    let Some(cookie) = Session::open(key, (portal.now)()).cookie(&portal.secret) else {
        return refused("Signing in isn't possible at the moment. Try again in a moment.");
    };
    let to = if is_here(&given.back) { given.back.as_str() } else { "/" };
    ([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response()
}

/// What the API says to a key.
async fn asked(portal: &Portal, key: &str) -> StatusCode {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = axum::http::Uri::from_static("/public/v1");
    let Ok(header) = HeaderValue::from_str(&format!("{SCHEME}{key}")) else { return StatusCode::UNAUTHORIZED };
    request.headers_mut().insert(header::AUTHORIZATION, header);
    // The router's own error can't happen.
    portal.api.clone().oneshot(request).await.map_or(StatusCode::INTERNAL_SERVER_ERROR, |answer| answer.status())
}

/// Ends the session in this browser.
pub(crate) async fn sign_out() -> Response {
    ([(header::SET_COOKIE, forgotten())], Redirect::to("/sign-in")).into_response()
}
