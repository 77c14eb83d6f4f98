//! What stands around every page: who is signed in, which site a form comes from, and what a browser may load.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Portal;
use crate::done::said;
use crate::fault::{Fault, Told};
use crate::session::{COOKIE, Session};
use crate::signed::{Place, Signed};

/// Styles, scripts and pictures of our own; no frame around a page, no form that goes elsewhere, nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// Where a request was made, as browsers tell it (https://www.w3.org/TR/fetch-metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// A script that sends a form by itself is told where to go, instead of being sent there.
const STAYS: HeaderName = HeaderName::from_static("portal-stays");

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Looks up the session for the page, and refuses what another site sends.
pub(crate) async fn guard(State(portal): State<Arc<Portal>>, mut request: Request, next: Next) -> Response {
    let now = (portal.now)();
    let session = Session::of(request.headers(), &portal.secret, now);
    let place = Place::of(&request, session.clone());
    let stays = request.headers().contains_key(STAYS);
    let mut response = if *request.method() == Method::POST && !is_ours(request.headers()) {
        Fault::Elsewhere.into_response()
    } else {
        request.extensions_mut().insert(place.clone());
        next.run(request).await
    };
    if let Some(told) = response.extensions_mut().remove::<Told>() {
        response = told.page(Signed::at(&portal, &place).await.ok().map(|signed| signed.chrome("")));
    }
    if stays && response.status().is_redirection() {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    let is_page = !response.status().is_redirection() && response.status() != StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if is_page && place.done().is_some() {
        headers.append(header::SET_COOKIE, said());
    }
    if let Some(cookie) = session.and_then(|session| session.renewed(now)?.cookie(&portal.secret)) {
        // Whoever signs in or out meanwhile gets that cookie alone.
        if !names_session(headers) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // What a page shows is for whoever is signed in, and may be other the next time.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether an answer already says what becomes of the session.
fn names_session(headers: &HeaderMap) -> bool {
    let given = headers.get_all(header::SET_COOKIE).iter();
    given.filter_map(|value| value.to_str().ok()).any(|value| value.starts_with(COOKIE))
}

/// Whether a page of ours sends this. Browsers that don't say where a request was made name its origin.
fn is_ours(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(FETCH_SITE) {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, host)| text(header::HOST) == Some(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_other_sites_are_told_from_ours() {
        type Sent = &'static [(&'static str, &'static str)];
        let cases: [(Sent, bool); 8] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://ledger:80"), ("host", "ledger:80")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://ledger:8443"), ("host", "ledger:8443")], true),
            (&[("origin", "https://elsewhere"), ("host", "ledger:8443")], false),
            (&[("origin", "null"), ("host", "ledger:8443")], false),
            (&[("host", "ledger:8443")], false),
        ];
        for (sent, ours) in cases {
            let headers =
                sent.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            assert_eq!(is_ours(&HeaderMap::from_iter(headers)), ours, "{sent:?}");
        }
    }
}
