//! What happens around every handler: the optional slash at the end of a path, the version in each answer, one shape
//! for every error, and a body that is read to its end.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use futures_util::{FutureExt, Stream, StreamExt};

use crate::UPLOAD_BYTES_MAX;
use crate::app::App;
use crate::error::{self, ApiError};
use crate::observed;

/// The header that connect-extension-runner can't do without (connect-api §2.1).
const VERSION: HeaderName = HeaderName::from_static("connect-version");
/// What a body may have on top of the workbook in it: the form's other fields and its boundaries.
const FORM_BYTES: usize = 1024 * 1024;
/// Of a body that nobody wants this much is read and dropped, so that a client which is still sending gets its answer;
/// one that sends more finds the connection closed.
const DRAIN_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Nor is it read for longer than this.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(30);

/// The routes with everything around them.
pub(crate) fn wrap(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
    let limit = usize::try_from(UPLOAD_BYTES_MAX).unwrap_or(usize::MAX).saturating_add(FORM_BYTES);
    let served = routes
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn(observed::name_route))
        .layer(DefaultBodyLimit::max(limit))
        .with_state(app.clone());
    // The outer router has no routes of its own: what stands around it comes before the inner one looks at the path.
    Router::new()
        .fallback_service(served)
        .layer(middleware::from_fn(read_to_end))
        .layer(middleware::map_response(shape))
        .layer(middleware::from_fn(catch))
        .layer(middleware::map_request(without_slash))
        .layer(middleware::map_response_with_state(app.clone(), add_version))
        .layer(middleware::from_fn_with_state(app, observed::observe))
}

async fn no_route(uri: Uri) -> ApiError {
    ApiError::NoRoute { path: uri.path().to_owned() }
}

async fn no_method(method: Method) -> ApiError {
    ApiError::Method { method: method.to_string() }
}

/// Old SDKs end every path with a slash, new ones none.
async fn without_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    let short = path.trim_end_matches('/');
    if short.is_empty() || short.len() == path.len() {
        return request;
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = format!("{short}{query}").parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

async fn add_version(State(app): State<Arc<App>>, mut response: Response) -> Response {
    if let Ok(version) = HeaderValue::from_str(&app.probes.version) {
        response.headers_mut().insert(VERSION, version);
    }
    response
}

/// A defect of ours becomes an answer: the client must not wait for a connection that nobody serves any more.
async fn catch(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
            tracing::error!(%method, path, panic = words, "a handler panicked");
            ApiError::Task { what: "a request" }.into_response()
        }
    }
}

/// Refusals of the framework (a path that is no UTF-8, for instance) come as plain text; clients read JSON only.
async fn shape(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let code = match status {
        StatusCode::NOT_FOUND => error::NOT_FOUND,
        _ if status.is_server_error() => error::INTERNAL,
        _ => error::INVALID,
    };
    let words = axum::body::to_bytes(response.into_body(), 4096).await.unwrap_or_default();
    let words = String::from_utf8_lossy(&words).into_owned();
    let reason = status.canonical_reason().unwrap_or("The request was refused").to_owned();
    error::shaped(status, code, &[if words.is_empty() { reason } else { words }])
}

/// Reads what a handler left of a body. A connection closed on a client that is still sending would take the answer
/// with it, and `requests` would report a broken pipe instead of the reason.
async fn read_to_end(request: Request, next: Next) -> Response {
    let waits = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let shared = Arc::new(SharedBody { body: Mutex::new(body.into_data_stream()), touched: AtomicBool::new(false) });
    let lent = Body::from_stream(Lent(shared.clone()));
    let mut response = next.run(Request::from_parts(parts, lent)).await;
    // Who waits for leave to send and wasn't given it has nothing on the way.
    let nothing_comes = waits && !shared.touched.load(Ordering::Relaxed);
    if nothing_comes || !drained(Lent(shared)).await {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn drained(mut body: Lent) -> bool {
    let drain = async {
        let mut bytes = 0_usize;
        while let Some(chunk) = body.next().await {
            bytes = bytes.saturating_add(chunk.map_or(DRAIN_BYTES_MAX, |chunk| chunk.len()));
            if bytes >= DRAIN_BYTES_MAX {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(DRAIN_TIME_MAX, drain).await.unwrap_or(false)
}

struct SharedBody {
    body: Mutex<BodyDataStream>,
    touched: AtomicBool,
}

/// A body that can be read on when its reader is gone.
struct Lent(Arc<SharedBody>);

impl Stream for Lent {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.touched.store(true, Ordering::Relaxed);
        let mut body = self.0.body.lock().unwrap_or_else(PoisonError::into_inner);
        body.poll_next_unpin(context).map(|next| next.map(|chunk| chunk.map_err(BoxError::from)))
    }
}
