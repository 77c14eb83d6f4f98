//! The few files that pages load: all of them are in the binary.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::fault::Fault;

const FILES: [(&str, &str, &str); 4] = [
    ("portal.css", "text/css; charset=utf-8", include_str!("../assets/portal.css")),
    ("portal.js", "text/javascript; charset=utf-8", include_str!("../assets/portal.js")),
    // htmx 2.0.10 (0BSD), as its authors ship it: https://github.com/bigskysoftware/htmx.
    ("htmx.min.js", "text/javascript; charset=utf-8", include_str!("../assets/htmx.min.js")),
    ("mark.svg", "image/svg+xml", include_str!("../assets/mark.svg")),
];
/// Addresses name the version, so that a new one is never taken for an old one.
const KEPT: &str = "public, max-age=31536000, immutable";

/// Answers with one of them.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let found = FILES.iter().find(|(known, ..)| *known == name);
    found.map_or_else(
        || Fault::missing().into_response(),
        |(_, kind, text)| ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, KEPT)], *text).into_response(),
    )
}
