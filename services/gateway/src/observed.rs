//! What is told of every request and report: the trace that it belongs to, and how it went.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use runtime::meters::{REQUEST_TIME, REQUESTS};
use runtime::trace::{self, Trace};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::app::App;

/// See [`Trace::HEADER`].
const TRACE: HeaderName = HeaderName::from_static(Trace::HEADER);
/// Whoever asks these asks all the time, and nothing comes of it.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// The route of a request, as the router knows it: filled in once that has looked at the path.
#[derive(Clone, Default)]
struct Route(Arc<OnceLock<MatchedPath>>);

/// Stands around everything: what a request asks of services belongs to its trace, and the answer names it.
pub(crate) async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    if PROBES.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let given = request.headers().get(TRACE).and_then(|value| Trace::parse(value.to_str().ok()?));
    let (trace, span) = opened(given, || {
        tracing::info_span!(
            "request",
            trace_id = Empty,
            span_id = Empty,
            parent_id = Empty,
            sampled = Empty,
            what = Empty,
            status = Empty
        )
    });
    let (method, route, begun) = (request.method().clone(), Route::default(), Instant::now());
    request.extensions_mut().insert(route.clone());
    let mut response = trace::within(trace, next.run(request)).instrument(span.clone()).await;
    let path = route.0.get().map_or("none", MatchedPath::as_str);
    // A method that nobody knows is anything that a client makes up.
    let (method, status) = (if path == "none" { "any" } else { method.as_str() }, response.status());
    let meters = &app.probes.watched.meters;
    meters.add(&REQUESTS, &[method, path, status.as_str()], 1);
    meters.took(&REQUEST_TIME, &[method, path], begun.elapsed());
    span.record("what", format!("{method} {path}"));
    span.record("status", status.as_u16());
    span.in_scope(|| tracing::debug!("a request was answered"));
    if let Some(value) = trace.and_then(|trace| HeaderValue::from_str(&trace.to_string()).ok()) {
        response.headers_mut().insert(TRACE, value);
    }
    response
}

/// Stands inside the router, where the route is known.
pub(crate) async fn name_route(request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    if let (Some(Route(route)), Some(path)) = (extensions.get(), extensions.get::<MatchedPath>()) {
        // It is empty: a request is routed once.
        let _ = route.set(path.clone());
    }
    next.run(request).await
}

/// Takes a report that came over NATS.
pub(crate) async fn report<T>(given: Option<Trace>, work: impl Future<Output = T>) -> T {
    let (trace, span) = opened(given, || {
        tracing::info_span!("report", trace_id = Empty, span_id = Empty, parent_id = Empty, sampled = Empty)
    });
    trace::within(trace, work).instrument(span).await
}

/// A span of the trace that was given, or of a new one.
fn opened(given: Option<Trace>, open: impl FnOnce() -> Span) -> (Option<Trace>, Span) {
    let trace = given.map(trace::after).or_else(trace::begin);
    let span = open();
    if let Some(trace) = trace {
        span.record("trace_id", trace.id()).record("span_id", trace.span()).record("sampled", trace.is_sampled());
    }
    if let Some(parent) = given {
        span.record("parent_id", parent.span());
    }
    (trace, span)
}
