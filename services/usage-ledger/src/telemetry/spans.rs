//! Spans that belong to a trace, taken down while they run and handed over when they end.

use std::fmt;

use ledger::Moment;
use runtime::clock::Clock;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::otlp::Queue;

/// The spans of the product.
const NAMES: [&str; 4] = ["request", "report", "decide", "job"];

/// A value that a span was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
}

/// A piece of work that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// One of [`NAMES`].
    pub(crate) name: &'static str,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_id: Option<String>,
    /// Another trace that it has to do with, as a header says it.
    pub(crate) link: Option<String>,
    pub(crate) sampled: bool,
    pub(crate) begun: Moment,
    pub(crate) ended: Moment,
    pub(crate) fields: Vec<(&'static str, Value)>,
}

/// Spans that are told: those of the product itself, at any level of the log.
pub(crate) fn told() -> FilterFn {
    filter_fn(|metadata: &Metadata<'_>| metadata.is_span() && NAMES.contains(&metadata.name()))
}

/// Takes spans down.
pub(crate) struct Spans {
    queue: Queue,
    clock: Clock,
}

impl Spans {
    pub(crate) fn new(queue: Queue) -> Self {
        Self { queue, clock: Clock::Machine }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(known) = context.span(id) else { return };
        let mut span = Span { name: known.name(), begun: self.clock.now(), ..Span::default() };
        attributes.record(&mut span);
        known.extensions_mut().insert(span);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(known) = context.span(id) else { return };
        if let Some(span) = known.extensions_mut().get_mut::<Span>() {
            values.record(span);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(mut span) = context.span(&id).and_then(|known| known.extensions_mut().remove::<Span>()) else {
            return;
        };
        if span.sampled && !span.trace_id.is_empty() {
            // A clock that was set back meanwhile has nothing end before it began.
            span.ended = self.clock.now().max(span.begun);
            self.queue.put(span);
        }
    }
}

impl Visit for Span {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "trace_id" => value.clone_into(&mut self.trace_id),
            "span_id" => value.clone_into(&mut self.span_id),
            "parent_id" => self.parent_id = Some(value.to_owned()),
            "link" => self.link = Some(value.to_owned()),
            name => self.fields.push((name, Value::Text(value.to_owned()))),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "sampled" {
            self.sampled = value;
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.push((field.name(), Value::Number(i64::try_from(value).unwrap_or(i64::MAX))));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
