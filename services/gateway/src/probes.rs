//! How the process does, for probes and metrics: the same in a process with the gateway and in one without.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::HostId;
use runtime::meters::{self, Page};
use runtime::nats::{Holding, Outgoing, Reachable};
use runtime::source::Source;
use runtime::watched::Watched;
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
    /// Why the log of the process takes nothing more, once that is so.
    pub failure: Option<watch::Receiver<Option<Arc<str>>>>,
    /// Whether NATS is there, where the process needs it.
    pub nats: Option<watch::Receiver<Reachable>>,
    /// The hosts of the process that publish, and how far they are.
    pub outgoing: Vec<(Source, watch::Receiver<Outgoing>)>,
    /// The hosts of the process that publish accepted records, and how far they are.
    pub feeds: Vec<(HostId, watch::Receiver<Outgoing>)>,
    /// The hosts of the process that write only while they have a lease.
    pub standing: Vec<Standing>,
    /// What is counted, and what is looked up.
    pub watched: Watched,
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
    /// Why not, or what the process stands by for.
    #[schema(example = json!(["The fold has not caught up with the logs yet."]))]
    reasons: Option<Vec<String>>,
    /// What somebody should look at, although everything is served.
    #[schema(example = json!(["The backup is behind since 2026-11-05T12:00:00+00:00: /backup isn't there."]))]
    notes: Option<Vec<String>>,
    /// How many facts each service of the process, and its gateway, has not heard yet.
    #[schema(example = json!({ "gateway": 0, "validation-0": 12 }))]
    lag: BTreeMap<String, u64>,
}

impl Probes {
    /// Probes of a process on its own, whose fold is caught up as this says.
    #[must_use]
    pub fn alone(version: String, caught_up: watch::Receiver<bool>) -> Self {
        let (outgoing, feeds, standing) = (Vec::new(), Vec::new(), Vec::new());
        Self { version, caught_up, failure: None, nats: None, outgoing, feeds, standing, watched: Watched::default() }
    }

    /// Why nothing is recorded any more, if that is so.
    fn failure(&self) -> Option<String> {
        let failure = self.failure.as_ref()?.borrow().clone()?;
        Some(format!(
            "Nothing is recorded since this failed: {failure}. Reads go on. Mend it and start the process again."
        ))
    }

    /// What keeps the process from serving.
    fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::from_iter(self.failure());
        if let Some(Reachable::NotSince(since)) = self.nats.as_ref().map(|nats| *nats.borrow()) {
            reasons.push(format!("NATS is unreachable since {}.", since.iso()));
        }
        if !*self.caught_up.borrow() {
            reasons.push("The fold has not caught up with the logs yet.".to_owned());
        }
        reasons
    }

    /// The answer of `/readyz`.
    pub(crate) async fn readiness(&self) -> Response {
        let mut lag = BTreeMap::new();
        for one in self.watched.lags().await {
            *lag.entry(one.who).or_default() += one.facts;
        }
        let (reasons, version) = (self.reasons(), Some(self.version.clone()));
        let notes = Some(self.watched.notes()).filter(|notes| !notes.is_empty());
        if reasons.is_empty() {
            // Whoever stands by does all that is expected of it: what waits for it to be well needn't wait.
            let standing: Vec<String> = self.standing.iter().filter_map(Standing::told).collect();
            let ready = if standing.is_empty() {
                Readiness { status: "ready", version, reasons: None, notes, lag }
            } else {
                Readiness { status: "standby", version, reasons: Some(standing), notes, lag }
            };
            return json::answer(StatusCode::OK, &json::value(&ready));
        }
        let status = if self.failure().is_some() { "read-only" } else { "starting" };
        let not_ready = Readiness { status, version: None, reasons: Some(reasons), notes, lag };
        json::answer(StatusCode::SERVICE_UNAVAILABLE, &json::value(&not_ready))
    }

    /// The numbers of every process.
    pub(crate) async fn numbers(&self) -> Page {
        let mut page = Page::default();
        page.each(&meters::BUILD, [(vec![self.version.clone()], 1)]);
        page.one(&meters::READY, u64::from(self.reasons().is_empty()));
        self.watched.write(&mut page).await;
        let Some(nats) = &self.nats else { return page };
        page.one(&meters::NATS, u64::from(*nats.borrow() == Reachable::Yes));
        let progress = |of: fn(u64, Outgoing) -> u64| {
            self.outgoing.iter().map(move |(source, outgoing)| {
                (vec![source.host().to_string()], of(source.last().unwrap_or(0), *outgoing.borrow()))
            })
        };
        page.each(&meters::OUTBOX, progress(|last, outgoing| last.saturating_sub(outgoing.acknowledged)));
        page.each(&meters::PUBLISHED, progress(|_, outgoing| outgoing.acknowledged));
        page.each(&meters::PUBLISH_RETRIES, progress(|_, outgoing| outgoing.retries));
        if !self.standing.is_empty() {
            let writes = self.standing.iter().map(|it| (vec![it.host.to_string()], u64::from(*it.writes.borrow())));
            page.each(&meters::WRITES, writes);
        }
        if !self.feeds.is_empty() {
            let told = |of: fn(Outgoing) -> u64| {
                self.feeds.iter().map(move |(host, feed)| (vec![host.to_string()], of(*feed.borrow())))
            };
            page.each(&meters::FEED, told(|feed| feed.acknowledged));
            page.each(&meters::FEED_RETRIES, told(|feed| feed.retries));
        }
        page
    }
}

/// A page of numbers as an answer.
pub(crate) fn shown(page: Page) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], page.text()).into_response()
}

impl FromRef<Arc<App>> for Probes {
    fn from_ref(app: &Arc<App>) -> Self {
        app.probes.clone()
    }
}

/// Read the numbers of a process without the gateway
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "process_metrics",
    tag = tag::PROBES,
    responses((status = 200, description = "The numbers", body = String, content_type = "text/plain"), Open),
    security(()),
)]
async fn metrics(State(probes): State<Probes>) -> Response {
    shown(probes.numbers().await)
}

/// What a process without the gateway serves.
pub(crate) fn routes(probes: Probes) -> Router {
    let routes =
        OpenApiRouter::new().routes(routes!(health::live)).routes(routes!(health::ready)).routes(routes!(metrics));
    routes.with_state(probes).into()
}
