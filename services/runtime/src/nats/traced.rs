//! Traces in headers of NATS messages.

use async_nats::{HeaderMap, Message};

use crate::trace::Trace;

/// The headers of a message that belongs to a trace.
pub(crate) fn headers(trace: Option<Trace>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(trace) = trace {
        headers.insert(Trace::HEADER, trace.to_string());
    }
    headers
}

/// The trace that a message says it belongs to.
pub(crate) fn of(message: &Message) -> Option<Trace> {
    Trace::parse(message.headers.as_ref()?.get(Trace::HEADER)?.as_str())
}
