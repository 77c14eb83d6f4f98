//! Sends spans to a collector: OTLP over HTTP in its JSON form (opentelemetry-proto 1.x), which is stable.
//!
//! Nobody waits for a collector: what doesn't fit in the queue, or can't be sent, is dropped and counted. The crates
//! of OpenTelemetry are some twenty more, and they give ids to spans themselves: ours stand in facts and logs already,
//! whether anybody collects or not.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ledger::Moment;
use runtime::meters::{Meters, SPANS};
use serde_json::{Value as Json, json};
use ureq::Agent;

use super::STOP_WAIT;
use super::spans::{Span, Value};

/// Spans that wait: some seconds of a busy process, a few MiB.
const WAITING_MAX: usize = 8_192;
/// Spans in one call.
const SPANS_AT_ONCE: usize = 512;
/// Spans wait no longer than this for others.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// A collector that takes longer is not well.
const TIMEOUT: Duration = Duration::from_secs(5);

enum Message {
    Span(Box<Span>),
    Stop,
}

/// Where ended spans go. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    to: SyncSender<Message>,
    meters: Meters,
}

impl Queue {
    /// Hands a span over, if there is room.
    pub(crate) fn put(&self, span: Span) {
        if let Err(TrySendError::Full(_)) = self.to.try_send(Message::Span(Box::new(span))) {
            self.meters.add(&SPANS, &["dropped"], 1);
        }
    }
}

/// The thread that sends.
#[derive(Debug)]
pub(crate) struct Exporter {
    queue: Queue,
    thread: JoinHandle<()>,
}

impl Exporter {
    /// Starts sending to a collector.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn start(collector: &str, meters: Meters) -> std::io::Result<Self> {
        let (to, from) = sync_channel(WAITING_MAX);
        let config = Agent::config_builder().timeout_global(Some(TIMEOUT)).build();
        let url = format!("{}/v1/traces", collector.trim_end_matches('/'));
        let sender = Sender { agent: Agent::new_with_config(config), url, meters: meters.clone(), failing: false };
        let thread = std::thread::Builder::new().name("otlp".to_owned()).spawn(move || sender.run(&from))?;
        Ok(Self { queue: Queue { to, meters }, thread })
    }

    pub(crate) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Sends what waits, unless that takes too long.
    pub(crate) fn stop(self) {
        let until = Instant::now() + STOP_WAIT;
        let mut stop = Message::Stop;
        while let Err(TrySendError::Full(again)) = self.queue.to.try_send(stop) {
            if Instant::now() >= until {
                return;
            }
            stop = again;
            std::thread::sleep(Duration::from_millis(10));
        }
        while !self.thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

struct Sender {
    agent: Agent,
    url: String,
    meters: Meters,
    /// Whether the last call failed: the first of several is told.
    failing: bool,
}

impl Sender {
    fn run(mut self, from: &Receiver<Message>) {
        let mut spans = Vec::with_capacity(SPANS_AT_ONCE);
        let mut goes_on = true;
        while goes_on {
            goes_on = collect(from, &mut spans);
            if !spans.is_empty() {
                self.send(&spans);
                spans.clear();
            }
        }
    }

    fn send(&mut self, spans: &[Span]) {
        let body = body(spans).to_string();
        let answer = self.agent.post(&self.url).header("Content-Type", "application/json").send(body);
        let count = spans.len() as u64;
        match answer {
            Ok(_) => {
                self.meters.add(&SPANS, &["sent"], count);
                if std::mem::take(&mut self.failing) {
                    tracing::info!(collector = self.url, "the collector of spans is there again");
                }
            }
            Err(error) => {
                self.meters.add(&SPANS, &["dropped"], count);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(collector = self.url, reason = %error, "spans can't be sent and are dropped");
                }
            }
        }
    }
}

/// Waits for spans; false when there will be no more.
fn collect(from: &Receiver<Message>, spans: &mut Vec<Span>) -> bool {
    let Ok(Message::Span(first)) = from.recv() else { return false };
    let until = Instant::now() + WAIT_MAX;
    spans.push(*first);
    while spans.len() < SPANS_AT_ONCE {
        match from.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Message::Span(span)) => spans.push(*span),
            Err(RecvTimeoutError::Timeout) => return true,
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}

/// `ExportTraceServiceRequest`.
fn body(spans: &[Span]) -> Json {
    let spans: Vec<Json> = spans.iter().map(shown).collect();
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let resource = [("service.name", name), ("service.version", version)];
    let resource = resource.map(|(key, value)| attribute(key, &Value::Text(value.to_owned())));
    json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{ "scope": { "name": name }, "spans": spans }],
        }],
    })
}

fn shown(span: &Span) -> Json {
    let text = |wanted: &str| {
        span.fields.iter().find_map(|(name, value)| match value {
            Value::Text(text) if *name == wanted => Some(text.as_str()),
            _ => None,
        })
    };
    let name = text("what").map_or_else(|| span.name.to_owned(), |what| format!("{} {what}", span.name));
    let failed = text("outcome") == Some("crashed")
        || span.fields.iter().any(|(name, value)| *name == "status" && matches!(value, Value::Number(500..)));
    // SERVER is what somebody outside waits for, INTERNAL everything else.
    let kind = if matches!(span.name, "request" | "report") { 2 } else { 1 };
    let fields = span.fields.iter().filter(|(name, _)| *name != "what");
    let attributes: Vec<Json> = fields.map(|(name, value)| attribute(&format!("usage_ledger.{name}"), value)).collect();
    let mut shown = json!({
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": nanos(span.begun),
        "endTimeUnixNano": nanos(span.ended),
        "attributes": attributes,
        // 2 is ERROR, 0 says nothing.
        "status": { "code": if failed { 2 } else { 0 } },
    });
    if let Some(object) = shown.as_object_mut() {
        if let Some(parent) = &span.parent_id {
            object.insert("parentSpanId".to_owned(), parent.as_str().into());
        }
        if let Some(link) = span.link.as_deref().and_then(runtime::trace::Trace::parse) {
            object.insert("links".to_owned(), json!([{ "traceId": link.id(), "spanId": link.span() }]));
        }
    }
    shown
}

fn attribute(key: &str, value: &Value) -> Json {
    // 64-bit numbers are texts in protobuf's JSON.
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

fn nanos(at: Moment) -> String {
    i128::from(at.0).saturating_mul(1_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_a_collector_reads_it() {
        let span = Span {
            name: "decide",
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            span_id: "00f067aa0ba902b7".to_owned(),
            parent_id: Some("1111111111111111".to_owned()),
            link: Some("00-22222222222222222222222222222222-3333333333333333-01".to_owned()),
            sampled: true,
            begun: Moment(1_700_000_000_000_001),
            ended: Moment(1_700_000_000_000_002),
            fields: vec![("what", Value::Text("submit".to_owned())), ("facts", Value::Number(3))],
        };
        let expected = json!({
            "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "spanId": "00f067aa0ba902b7",
            "name": "decide submit",
            "kind": 1,
            "startTimeUnixNano": "1700000000000001000",
            "endTimeUnixNano": "1700000000000002000",
            "attributes": [{ "key": "usage_ledger.facts", "value": { "intValue": "3" } }],
            "status": { "code": 0 },
            "parentSpanId": "1111111111111111",
            "links": [{ "traceId": "22222222222222222222222222222222", "spanId": "3333333333333333" }],
        });
        assert_eq!(body(&[span])["resourceSpans"][0]["scopeSpans"][0]["spans"][0], expected);
    }

    /// Goal: a process with no collector does its work. Method: nobody listens; spans beyond the queue and those that
    /// can't be sent are counted, and putting one never waits.
    #[test]
    fn without_a_collector_spans_are_dropped_and_counted() {
        let meters = Meters::default();
        let exporter = Exporter::start("http://127.0.0.1:1", meters.clone()).unwrap();
        let count = 2 * WAITING_MAX as u64;
        for _ in 0..count {
            exporter.queue().put(Span::default());
        }
        exporter.stop();
        assert_eq!(meters.read(&SPANS, &["dropped"]), count);
        assert_eq!(meters.read(&SPANS, &["sent"]), 0);
    }
}
