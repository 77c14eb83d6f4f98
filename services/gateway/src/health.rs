//! Probes and numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ledger::Status;
use runtime::meters;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::json;
use crate::openapi::{Open, Reading, tag};
use crate::probes::{self, Probes, Readiness};

/// The process answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alive {
    /// Always the same.
    #[schema(example = "alive")]
    status: &'static str,
}

/// What answers, and to whom.
#[derive(Serialize, ToSchema)]
pub(crate) struct Root {
    /// Always the same.
    #[schema(example = "usage-ledger")]
    product: &'static str,
    /// Its version.
    #[schema(example = "0.1.0-g0123abc")]
    version: String,
    /// The account of the key.
    #[schema(example = "VA-000-001")]
    account: Option<String>,
}

/// Ask whether the process answers
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "live",
    tag = tag::PROBES,
    responses((status = 200, description = "It does", body = Alive), Open),
    security(()),
)]
pub(crate) async fn live() -> Response {
    json::answer(StatusCode::OK, &json::value(&Alive { status: "alive" }))
}

/// Ask whether reads are answered from everything
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "ready",
    tag = tag::PROBES,
    responses((status = 200, description = "They are", body = Readiness), (status = 503, description = "Not yet", body = Readiness), Open),
    security(()),
)]
pub(crate) async fn ready(State(probes): State<Probes>) -> Response {
    probes.readiness().await
}

/// Try a key
///
/// Integrations test their connection with it.
#[utoipa::path(
    get,
    path = "/public/v1",
    operation_id = "root",
    tag = tag::PROBES,
    responses((status = 200, description = "The key works", body = Root), Reading),
)]
pub(crate) async fn root(Caller(scope): Caller, State(app): State<Arc<App>>) -> Response {
    let account = scope.account.as_ref().map(ToString::to_string);
    let root = Root { product: "usage-ledger", version: app.probes.version.clone(), account };
    json::answer(StatusCode::OK, &json::value(&root))
}

/// Read numbers
///
/// In the text form of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = tag::PROBES,
    responses((status = 200, description = "The numbers", body = String, content_type = "text/plain"), Open),
    security(()),
)]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut page = app.probes.numbers().await;
    page.one(&meters::WAITING, app.waiting());
    page.one(&meters::GIVEN_UP, app.deliveries.given_up());
    let mut files: BTreeMap<&str, u64> = Status::ALL.iter().map(|status| (status.name(), 0)).collect();
    for file in app.projection.read().files.values() {
        *files.entry(file.status().name()).or_default() += 1;
    }
    page.each(&meters::FILES, files.into_iter().map(|(name, count)| (vec![name.to_owned()], count)));
    probes::shown(page)
}
