//! How the process does, for probes and metrics: the same in a process with the gateway and in one without.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::HostId;
use runtime::nats::{Holding, Outgoing, Reachable};
use runtime::source::Source;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::health;
use crate::json::{self, words};
use crate::openapi::{Open, tag};

/// What a process tells of itself.
#[derive(Clone, Debug)]
pub struct Probes {
    /// The product's version, shown in `Connect-Version`.
    pub version: String,
    /// Whether the fold has caught up with every log.
    pub caught_up: watch::Receiver<bool>,
    /// Whether NATS is there, where the process needs it.
    pub nats: Option<watch::Receiver<Reachable>>,
    /// The hosts of the process that publish, and how far they are.
    pub outgoing: Vec<(Source, watch::Receiver<Outgoing>)>,
    /// The hosts of the process that publish accepted records, and how far they are.
    pub feeds: Vec<(HostId, watch::Receiver<Outgoing>)>,
    /// The hosts of the process that write only while they have a lease.
    pub standing: Vec<Standing>,
}

/// How a host stands among the processes that run it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which host.
    pub host: HostId,
    /// What this process is called.
    pub name: String,
    /// Who has the lease.
    pub holding: watch::Receiver<Holding>,
    /// Whether this process writes.
    pub writes: watch::Receiver<bool>,
}

impl Standing {
    /// What the process stands by for; none when it writes.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        if *self.writes.borrow() {
            return None;
        }
        let (host, name) = (self.host, &self.name);
        Some(match &*self.holding.borrow() {
            Holding::Mine => format!("{name} takes {host} over."),
            Holding::Of(writer) => format!("{name} stands by for {host}; {writer} writes."),
            Holding::Nobody | Holding::Unknown => format!("{name} stands by for {host}; nobody is known to write."),
        })
    }
}

/// Whether reads are answered from everything that was recorded.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether they are.
    #[schema(value_type = words::ReadyState)]
    status: &'static str,
    /// The product's version.
    #[schema(example = "0.1.0-g0123abc")]
    version: Option<String>,
    /// Why not yet, or what the process stands by for.
    #[schema(example = json!(["The fold has not caught up with the logs yet."]))]
    reasons: Option<Vec<String>>,
}

impl Probes {
    /// Probes of a process on its own, whose fold is caught up as this says.
    #[must_use]
    pub fn alone(version: String, caught_up: watch::Receiver<bool>) -> Self {
        Self { version, caught_up, nats: None, outgoing: Vec::new(), feeds: Vec::new(), standing: Vec::new() }
    }

    /// What keeps the process from serving.
    fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Some(Reachable::NotSince(since)) = self.nats.as_ref().map(|nats| *nats.borrow()) {
            reasons.push(format!("NATS is unreachable since {}.", since.iso()));
        }
        if !*self.caught_up.borrow() {
            reasons.push("The fold has not caught up with the logs yet.".to_owned());
        }
        reasons
    }

    /// The answer of `/readyz`.
    pub(crate) fn readiness(&self) -> Response {
        let (reasons, version) = (self.reasons(), Some(self.version.clone()));
        if reasons.is_empty() {
            // Whoever stands by does all that is expected of it: what waits for it to be well needn't wait.
            let standing: Vec<String> = self.standing.iter().filter_map(Standing::told).collect();
            let ready = if standing.is_empty() {
                Readiness { status: "ready", version, reasons: None }
            } else {
                Readiness { status: "standby", version, reasons: Some(standing) }
            };
            return json::answer(StatusCode::OK, &json::value(&ready));
        }
        let starting = Readiness { status: "starting", version: None, reasons: Some(reasons) };
        json::answer(StatusCode::SERVICE_UNAVAILABLE, &json::value(&starting))
    }

    /// The gauges of every process.
    pub(crate) fn gauges(&self) -> Gauges {
        let mut gauges = Gauges::default();
        let ready = self.reasons().is_empty();
        gauges.one("ready", "Whether reads are answered from everything recorded.", u64::from(ready));
        let Some(nats) = &self.nats else { return gauges };
        let reachable = *nats.borrow() == Reachable::Yes;
        gauges.one("nats_reachable", "Whether NATS is there.", u64::from(reachable));
        let progress = |of: fn(u64, Outgoing) -> u64| {
            let each = self.outgoing.iter().map(move |(source, outgoing)| {
                let labels = format!("{{host=\"{}\"}}", source.host());
                (labels, of(source.last().unwrap_or(0), *outgoing.borrow()))
            });
            each.collect::<Vec<_>>()
        };
        let depth = progress(|last, outgoing| last.saturating_sub(outgoing.acknowledged));
        gauges.each("outbox_depth", "Durable facts that the stream hasn't acknowledged.", &depth);
        let published = progress(|_, outgoing| outgoing.acknowledged);
        gauges.each("published_sequence", "The last sequence that the stream has acknowledged.", &published);
        let retries = progress(|_, outgoing| outgoing.retries);
        gauges.each("publish_retries", "Attempts to publish that were made again.", &retries);
        let writes =
            self.standing.iter().map(|it| (format!("{{host=\"{}\"}}", it.host), u64::from(*it.writes.borrow())));
        if !self.standing.is_empty() {
            gauges.each(
                "writes",
                "Whether this process writes for the host, where several may.",
                &writes.collect::<Vec<_>>(),
            );
        }
        if !self.feeds.is_empty() {
            let told = |of: fn(Outgoing) -> u64| {
                let each = self.feeds.iter().map(|(host, feed)| (format!("{{host=\"{host}\"}}"), of(*feed.borrow())));
                each.collect::<Vec<_>>()
            };
            let (last, retries) = (told(|feed| feed.acknowledged), told(|feed| feed.retries));
            gauges.each("feed_sequence", "The last message of accepted records that the stream has.", &last);
            gauges.each("feed_retries", "Attempts to publish accepted records that were made again.", &retries);
        }
        gauges
    }
}

/// Gauges in the text form of Prometheus.
#[derive(Debug, Default)]
pub(crate) struct Gauges(String);

impl Gauges {
    pub(crate) fn one(&mut self, name: &str, help: &str, value: u64) {
        self.each(name, help, &[(String::new(), value)]);
    }

    pub(crate) fn each(&mut self, name: &str, help: &str, values: &[(String, u64)]) {
        // Writing to a text can't fail.
        let _ = writeln!(self.0, "# HELP usage_ledger_{name} {help}\n# TYPE usage_ledger_{name} gauge");
        for (labels, value) in values {
            let _ = writeln!(self.0, "usage_ledger_{name}{labels} {value}");
        }
    }
}

impl IntoResponse for Gauges {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        ([(header::CONTENT_TYPE, kind)], self.0).into_response()
    }
}

impl FromRef<Arc<App>> for Probes {
    fn from_ref(app: &Arc<App>) -> Self {
        app.probes.clone()
    }
}

/// Read the gauges of a process without the gateway
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "process_metrics",
    tag = tag::PROBES,
    responses((status = 200, description = "The gauges", body = String, content_type = "text/plain"), Open),
    security(()),
)]
async fn metrics(State(probes): State<Probes>) -> Gauges {
    probes.gauges()
}

/// What a process without the gateway serves.
pub(crate) fn routes(probes: Probes) -> Router {
    let routes =
        OpenApiRouter::new().routes(routes!(health::live)).routes(routes!(health::ready)).routes(routes!(metrics));
    routes.with_state(probes).into()
}
