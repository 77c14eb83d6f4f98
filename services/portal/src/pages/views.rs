//! Saved views: filters of the list of files that somebody comes back to, kept in their browser.

use axum::Form;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::files::Wanted;
use crate::done::leading;
use crate::fault::Fault;
use crate::session::cookies;
use crate::signed::Signed;

const COOKIE: &str = "__Host-views";
/// A cookie has four kilobytes.
const VIEWS_MAX: usize = 8;
const NAME_MAX: usize = 40;
/// A year.
const KEPT_SECONDS: u32 = 365 * 24 * 60 * 60;

/// A view.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct View {
    /// Whose it is: browsers are shared.
    account: String,
    /// What it is called.
    pub(crate) name: String,
    /// Its filters.
    wanted: Wanted,
}

impl View {
    /// The address that it stands for.
    pub(crate) fn address(&self) -> String {
        self.wanted.at(0)
    }
}

/// Those of an account.
pub(crate) fn of(headers: &HeaderMap, account: &str) -> Vec<View> {
    all(headers).into_iter().filter(|view| view.account == account).collect()
}

fn all(headers: &HeaderMap) -> Vec<View> {
    let read = |value: &str| serde_json::from_slice(&BASE64URL_NOPAD.decode(value.as_bytes()).ok()?).ok();
    cookies(headers, COOKIE).find_map(read).unwrap_or_default()
}

/// What the forms send: a name, and the filters that are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sent {
    name: String,
    status: String,
    environment: String,
    q: String,
    order: String,
}

/// Saves one, in the place of another with its name.
pub(crate) async fn save(signed: Signed, headers: HeaderMap, Form(sent): Form<Sent>) -> Result<Response, Fault> {
    let name: String = sent.name.trim().chars().take(NAME_MAX).collect();
    let wanted = Wanted::new(sent.status, sent.environment, sent.q, sent.order);
    let to = wanted.at(0);
    let mut views = all(&headers);
    views.retain(|view| view.account != signed.who.id || view.name != name);
    views.push(View { account: signed.who.id, name, wanted });
    let excess = views.len().saturating_sub(VIEWS_MAX);
    views.drain(..excess);
    Ok(kept(leading(&to, "view"), &views))
}

/// Forgets one.
pub(crate) async fn drop_one(signed: Signed, headers: HeaderMap, Form(sent): Form<Sent>) -> Result<Response, Fault> {
    let mut views = all(&headers);
    views.retain(|view| view.account != signed.who.id || view.name != sent.name);
    Ok(kept(leading("/files", "view-dropped"), &views))
}

fn kept(mut response: Response, views: &[View]) -> Response {
    let text = BASE64URL_NOPAD.encode(&serde_json::to_vec(views).unwrap_or_default());
    let cookie = format!("{COOKIE}={text}; Path=/; Max-Age={KEPT_SECONDS}; Secure; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = header::HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
