//! Probes, a few gauges, and a page that says what this is.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use ledger::Status;
use serde_json::json;

use crate::app::App;
use crate::auth::Caller;
use crate::json;

/// `GET /livez`: the process answers.
pub(crate) async fn live() -> Response {
    json::answer(StatusCode::OK, &json!({ "status": "alive" }))
}

/// `GET /readyz`: reads are answered from everything that was recorded.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    if *app.ready.borrow() {
        return json::answer(StatusCode::OK, &json!({ "status": "ready", "version": app.version }));
    }
    let reasons = ["The fold has not caught up with the logs yet."];
    json::answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "starting", "reasons": reasons }))
}

/// `GET /public/v1`: what integrations test their connection with.
pub(crate) async fn root(Caller(scope): Caller, State(app): State<Arc<App>>) -> Response {
    let account = scope.account.as_ref().map(ToString::to_string);
    json::answer(StatusCode::OK, &json!({ "product": "usage-ledger", "version": app.version, "account": account }))
}

/// `GET /metrics`, in the text form of Prometheus.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, values: &[(String, u64)]| {
        // Writing to a text can't fail.
        let _ = writeln!(text, "# HELP usage_ledger_{name} {help}\n# TYPE usage_ledger_{name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "usage_ledger_{name}{labels} {value}");
        }
    };
    gauge(
        "ready",
        "Whether reads are answered from everything recorded.",
        &[(String::new(), u64::from(*app.ready.borrow()))],
    );
    let positions = app.projection.changes();
    let positions: Vec<_> =
        positions.borrow().iter().map(|(host, sequence)| (format!("{{host=\"{host}\"}}"), *sequence)).collect();
    gauge("projection_sequence", "Sequence of each host up to which the fold has come.", &positions);
    gauge("waiting", "Clients that wait for news.", &[(String::new(), app.waiting())]);
    let mut files: BTreeMap<&str, u64> = Status::ALL.iter().map(|status| (status.name(), 0)).collect();
    for file in app.projection.read().files.values() {
        *files.entry(file.status().name()).or_default() += 1;
    }
    let files: Vec<_> = files.into_iter().map(|(name, count)| (format!("{{status=\"{name}\"}}"), count)).collect();
    gauge("files", "Usage files by status.", &files);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// `GET /`
pub(crate) async fn page(State(app): State<Arc<App>>) -> Html<String> {
    Html(include_str!("page.html").replace("{version}", &app.version))
}
