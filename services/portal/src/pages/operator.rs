//! How the ledger is, for operators: health, subscribers with their positions, and whether the log is untouched.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chrome::{Chrome, page};
use crate::count::{Count, bytes};
use crate::done::leading;
use crate::fault::Fault;
use crate::metrics::{Sample, quantile, samples};
use crate::signed::Signed;
use crate::time::At;

/// What every metric begins with.
const PREFIX: &str = "usage_ledger_";
/// The longest text of metrics.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Webhooks that are listed.
const SHOWN: u64 = 1_000;

fn operator(signed: &Signed) -> Result<(), Fault> {
    if signed.who.role.is_operator() { Ok(()) } else { Err(Fault::missing()) }
}

/// What the process counts now.
async fn counted(signed: &Signed) -> Result<Vec<Sample>, Fault> {
    let path = "/metrics".to_owned();
    let answer = signed.api.give(&path).await?;
    let body = axum::body::to_bytes(answer.into_body(), TEXT_BYTES_MAX).await;
    let body = body.map_err(|error| Fault::Unreadable { path, detail: error.to_string() })?;
    Ok(samples(&String::from_utf8_lossy(&body)))
}

/// A number of a metric, where it is a whole one.
fn number(samples: &[Sample], name: &str, label: Option<(&str, &str)>) -> Option<u64> {
    let name = format!("{PREFIX}{name}");
    let fits = |it: &&Sample| it.name == name && label.is_none_or(|(label, value)| it.label(label) == value);
    samples.iter().find(fits).and_then(|it| it.value.parse().ok())
}

/// The values of a label of a metric.
fn labels(samples: &[Sample], name: &str, label: &str) -> Vec<String> {
    let name = format!("{PREFIX}{name}");
    let mut found: Vec<String> =
        samples.iter().filter(|it| it.name == name).map(|it| it.label(label).to_owned()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A log.
struct Log {
    host: String,
    sequence: Count,
    position: Count,
    /// Facts of others that it hasn't heard.
    lag: Count,
    /// Facts of it that the fold hasn't taken in.
    unfolded: Count,
}

/// A line of figures: what it is, the figure, and whether it is as it should be.
struct Figure {
    name: &'static str,
    value: String,
    about: &'static str,
    fine: bool,
}

#[derive(Template)]
#[template(path = "health.html")]
struct Health {
    chrome: Chrome,
    status: String,
    version: String,
    logs: Vec<Log>,
    figures: Vec<Figure>,
    verification: Verification,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Ready {
    status: String,
    version: String,
}

/// Health.
pub(crate) async fn health(signed: Signed) -> Result<Response, Fault> {
    operator(&signed)?;
    let ready: Ready = match signed.api.get("/readyz").await {
        Ok(ready) => ready,
        // It tells why in its answer; the page is there to say so.
        Err(Fault::Refused { errors, .. }) => Ready { status: errors.join(" "), ..Ready::default() },
        Err(other) => return Err(other),
    };
    let samples = counted(&signed).await?;
    let whole = |name: &str, host: &str| number(&samples, name, Some(("host", host))).unwrap_or_default();
    let lag = |host: &str| {
        let name = format!("{PREFIX}lag_facts");
        let own = samples.iter().filter(|it| it.name == name && it.label("host") == host);
        own.filter_map(|it| it.value.parse::<u64>().ok()).sum::<u64>()
    };
    let logs = labels(&samples, "log_sequence", "host").into_iter().map(|host| Log {
        sequence: Count(whole("log_sequence", &host)),
        position: Count(whole("log_position", &host)),
        lag: Count(lag(&host)),
        unfolded: Count(whole("log_sequence", &host).saturating_sub(whole("projection_sequence", &host))),
        host,
    });
    let logs = logs.collect();
    let verification = signed.api.get("/ledger/v1/audit/verification").await?;
    Ok(page(&Health {
        chrome: signed.chrome("health"),
        status: ready.status,
        version: ready.version,
        logs,
        figures: figures(&samples),
        verification,
    }))
}

fn figures(samples: &[Sample]) -> Vec<Figure> {
    let commit = format!("{PREFIX}commit_seconds");
    let at = |percent| quantile(samples, &commit, ("", ""), percent).map(|bound| format!("{bound} ms"));
    let of = |name| number(samples, name, None);
    let line = |name, value: Option<String>, about, fine| value.map(|value| Figure { name, value, about, fine });
    let milliseconds = |name| of(name).map(|value| format!("{} ms", Count(value)));
    let counted = |name| of(name).map(|value| Count(value).to_string());
    let sized = |name| of(name).map(bytes);
    let behind = of("archive_behind_milliseconds").unwrap_or_default();
    let all = [
        line("Commit, half of them below", at(50), "from the first write until it is on the disk", true),
        line("Commit, 99 of 100 below", at(99), "the bound of a histogram, so rounded up", true),
        line(
            "Archive is behind",
            milliseconds("archive_behind_milliseconds"),
            "what is durable and not in an open segment yet",
            behind < 60_000,
        ),
        line("Waiting for the disk", sized("log_queued_bytes"), "handed over and not on the disk yet", true),
        line("Live log", sized("log_live_bytes"), "", true),
        line("Sealed log", sized("log_segment_bytes"), "", true),
        line(
            "Sealing failed",
            counted("log_seal_failures_total"),
            "tried again by itself",
            of("log_seal_failures_total").unwrap_or_default() == 0,
        ),
        line("Backup is behind", milliseconds("backup_behind_milliseconds"), "where a backup is kept", true),
        line(
            "Reports laid aside",
            counted("dead_letters"),
            "usage-ledger dead-letters list says which",
            of("dead_letters").unwrap_or_default() == 0,
        ),
        line(
            "Changes given up",
            counted("webhook_changes_given_up"),
            "webhooks that did not answer for a day",
            of("webhook_changes_given_up").unwrap_or_default() == 0,
        ),
        line(
            "Memory",
            sized("process_resident_memory_bytes").or_else(|| sized("memory_bytes")),
            "of this process",
            true,
        ),
    ];
    all.into_iter().flatten().collect()
}

/// A webhook.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Webhook {
    id: String,
    label: String,
    account_id: String,
    external_url: String,
    active: bool,
    last_success_at: Option<At>,
    last_failure_at: Option<At>,
    last_failure: String,
    given_up: Count,
}

/// Who reads accepted records from the stream.
struct Subscriber {
    name: String,
    done: Count,
    waiting: Count,
    unanswered: Count,
    again: Count,
    there: bool,
}

#[derive(Template)]
#[template(path = "subscribers.html")]
struct Subscribers {
    chrome: Chrome,
    webhooks: Vec<Webhook>,
    subscribers: Vec<Subscriber>,
    waiting: Count,
}

/// Subscribers.
pub(crate) async fn subscribers(signed: Signed) -> Result<Response, Fault> {
    operator(&signed)?;
    let samples = counted(&signed).await?;
    let webhooks = signed.api.list(&format!("/public/v1/notifications/webhooks?limit={SHOWN}")).await?.items;
    let names = labels(&samples, "subscriber_sequence", "subscriber").into_iter().map(|name| {
        let of = |metric: &str| Count(number(&samples, metric, Some(("subscriber", &name))).unwrap_or_default());
        Subscriber {
            done: of("subscriber_sequence"),
            waiting: of("subscriber_waiting"),
            unanswered: of("subscriber_unanswered"),
            again: of("subscriber_redelivered"),
            there: !of("subscriber_there").is_none(),
            name: name.clone(),
        }
    });
    let subscribers = names.collect();
    let waiting = Count(number(&samples, "waiting", None).unwrap_or_default());
    Ok(page(&Subscribers { chrome: signed.chrome("subscribers"), webhooks, subscribers, waiting }))
}

/// Whether the log is untouched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Verification {
    status: String,
    started_at: Option<At>,
    ended_at: Option<At>,
    done_bytes: u64,
    all_bytes: u64,
    done_facts: Count,
    all_facts: Count,
    entries: Count,
    workbooks: Count,
    error: String,
    findings: Vec<Found>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Found {
    fault: bool,
    what: String,
    advice: String,
}

impl Verification {
    fn is_running(&self) -> bool {
        self.status == "running"
    }

    fn done(&self) -> String {
        bytes(self.done_bytes)
    }

    fn all(&self) -> String {
        bytes(self.all_bytes)
    }
}

#[derive(Template)]
#[template(path = "verify.html")]
struct Verify {
    chrome: Chrome,
    verification: Verification,
}

/// The last verification.
pub(crate) async fn verification(signed: Signed) -> Result<Response, Fault> {
    operator(&signed)?;
    let verification = signed.api.get("/ledger/v1/audit/verification").await?;
    Ok(page(&Verify { chrome: signed.chrome("health"), verification }))
}

/// Begins one.
pub(crate) async fn verify(signed: Signed) -> Result<Response, Fault> {
    operator(&signed)?;
    let _: Value = signed.api.post("/ledger/v1/audit/verification", None, &json!({})).await?;
    Ok(leading("/verify", "verify"))
}
