//! Traces: what a header says is what an event keeps, and nothing of it is of the business.

use crate::{Trace, decode_event, decode_traced, encode_event, encode_traced, samples};

const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Goal: only what W3C Trace Context calls a header is one, and later versions are read as far as they are known.
#[test]
fn a_header_is_read_or_none() {
    let read = |header: &str| Trace::parse(header).map(|trace| trace.to_string());
    for (header, expected) in [
        (HEADER, Some(HEADER)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", Some(&*HEADER.replace("b7-01", "b7-00"))),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", Some(HEADER)),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", None),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", None),
        ("00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        ("0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        ("", None),
    ] {
        assert_eq!(read(header).as_deref(), expected, "{header}");
    }
}

/// Goal: an event with a trace is the same event, and one without is the bytes that it always was. Method: every fact,
/// written with and without one.
#[test]
fn an_event_keeps_its_trace_beside_what_it_says() {
    let trace = Trace::parse(HEADER);
    for (name, event) in samples::events() {
        let bytes = encode_traced(&event, trace);
        assert_eq!(decode_traced(&bytes).unwrap(), (event.clone(), trace), "{name}");
        assert_eq!(decode_event(&bytes).unwrap(), event, "{name}");
        assert_eq!(bytes.len(), encode_event(&event).len() + 27, "{name}");
        assert_eq!(encode_traced(&event, None), encode_event(&event), "{name}");
        assert_eq!(decode_traced(&encode_event(&event)).unwrap(), (event, None), "{name}");
    }
}
