//! What was just done, said once on the page that follows. It travels in a cookie, so that no link can claim it.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::session::cookies;

const COOKIE: &str = "__Host-done";

/// What a page says of an action once it is done.
fn told(action: &str) -> Option<&'static str> {
    Some(match action {
        "upload" => "The workbook was uploaded. It is read and checked now.",
        "submit" => "Submitted: the distributor decides on it now.",
        "accept" => "Accepted: its records are extracted for each hub.",
        "reject" => "Rejected: the vendor sees your note and can upload a corrected workbook.",
        "reprocess" => "The workbook is read and checked again, against today's catalog.",
        "delete" => "Deleted. Its record ids are free again.",
        "chunk" => "The chunk is closed: each of its records counts as billed.",
        "chunk-named" => "The chunk has its external id now.",
        "seal" => "No more records are reported to it; they are checked now.",
        "reconcile" => "The reconciliation was uploaded. Its records are closed now.",
        "capabilities" => "The capabilities were saved. Checks that begin from now on go by them.",
        "item" => "The item was created.",
        "item-changed" => "The item was changed.",
        "rule" => "The rule was saved. It is asked from the next submission on.",
        "rule-moved" => "The order was saved. It holds from the next submission on.",
        "rule-deleted" => "The rule was deleted. It is asked no more.",
        "key-revoked" => "The key was revoked. It opens nothing any more.",
        "session-ended" => "The session was ended. Whoever was signed in by it has to sign in again.",
        "verify" => "The log is read now; this page says how far it is.",
        "view" => "The view was saved in this browser.",
        "view-dropped" => "The view was forgotten.",
        _ => return None,
    })
}

/// What was just done, as the head of a page says it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done(pub(crate) &'static str);

impl Done {
    /// What the page before this one did.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        cookies(headers, COOKIE).find_map(told).map(Self)
    }
}

/// Leads to a page that says what was done.
pub(crate) fn leading(to: &str, action: &'static str) -> Response {
    let cookie = format!("{COOKIE}={action}; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response()
}

/// The header that forgets it, once it was said.
pub(crate) fn said() -> HeaderValue {
    HeaderValue::from_static("__Host-done=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_said() {
        let headers = |cookie: &'static str| HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(cookie))]);
        assert!(Done::of(&headers("a=1; __Host-done=accept")).is_some_and(|done| done.0.starts_with("Accepted")));
        for unknown in ["__Host-done=<b>", "done=accept", "__Host-done="] {
            assert!(Done::of(&headers(unknown)).is_none(), "{unknown}");
        }
    }
}
