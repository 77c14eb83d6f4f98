//! `schemas/asyncapi.yaml` against the code: what is said over NATS is what is described.

use ledger::ObjectId;
use proto::feed::Kind;
use runtime::feed::Form;
use runtime::nats::{CONTENT_TYPE, FACT, KIND, PARTITION, POSITION, Subscriber, TIME};

use crate::tree::text;

/// Messages of the feed, and what they consist of.
const FEED: [&str; 13] = [
    "AcceptedHeader",
    "AcceptedRecords",
    "AcceptedTrailer",
    "AcceptedBillings",
    "AcceptedClosed",
    "AcceptedRecord",
    "AcceptedSubscription",
    "AcceptedItem",
    "AcceptedBilling",
    "AcceptedRows",
    "CustomValue",
    "Named",
    "Total",
];

/// The lines below a key, without their indentation; `path` goes from the top.
fn below(yaml: &str, path: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = yaml.lines().map(str::to_owned).collect();
    for key in path {
        let at = lines.iter().position(|line| line.starts_with(&format!("{key}:")));
        let at = at.unwrap_or_else(|| panic!("{path:?}: no {key}"));
        let inside = lines[at + 1..].iter().take_while(|line| line.is_empty() || line.starts_with("  "));
        lines = inside.map(|line| line.get(2..).unwrap_or_default().to_owned()).collect();
    }
    lines
}

/// The keys below a key, in their order.
fn keys(yaml: &str, path: &[&str]) -> Vec<String> {
    let lines = below(yaml, path).into_iter().filter(|line| !line.starts_with([' ', '#']));
    lines.filter_map(|line| line.split_once(':').map(|(key, _)| key.to_owned())).collect()
}

/// The value of a key on its own line.
fn value(yaml: &str, path: &[&str], key: &str) -> String {
    let lines = below(yaml, path);
    let found = lines.iter().find_map(|line| line.strip_prefix(&format!("{key}: ")));
    found.unwrap_or_else(|| panic!("{path:?}: no {key}")).to_owned()
}

/// The fields of a message, in their order.
fn fields(proto: &str, message: &str) -> Vec<String> {
    let (_, rest) = proto.split_once(&format!("\nmessage {message} {{\n")).unwrap_or_else(|| panic!("no {message}"));
    let (body, _) = rest.split_once("\n}").expect("its end");
    let fields = body.lines().filter(|line| !line.trim_start().starts_with("//"));
    let names = fields.filter_map(|line| line.split_once(" = ")?.0.split(' ').next_back().map(str::to_owned));
    names.collect()
}

/// Goal: who writes a subscriber relies on the description. Method: every message has the fields of the protobuf, and
/// subjects, kinds and headers are those that the code publishes.
#[test]
fn the_feed_is_described_as_it_is() {
    let yaml = text("schemas/asyncapi.yaml");
    let proto: String = ["feed", "catalog", "file"].map(|name| text(&format!("proto/usage/v1/{name}.proto"))).concat();
    for message in FEED {
        let described = keys(&yaml, &["components", "schemas", message, "properties"]);
        assert_eq!(described, fields(&proto, message), "{message}");
    }
    let kinds = Kind::ALL.map(Kind::name);
    for channel in ["accepted", "accepted_json"] {
        assert_eq!(keys(&yaml, &["channels", channel, "messages"]), kinds, "{channel}");
    }
    for kind in kinds {
        assert_eq!(keys(&yaml, &["components", "messages", kind, "payload", "properties"]), [kind]);
    }
    let headers = ["components", "schemas", "FeedHeaders", "properties"];
    assert_eq!(keys(&yaml, &headers), [KIND, PARTITION, POSITION, TIME, FACT, CONTENT_TYPE]);
    let listed = |name| value(&yaml, &[&headers[..], &[name]].concat(), "enum");
    assert_eq!(listed(KIND), format!("[{}]", kinds.join(", ")));
    assert_eq!(listed(CONTENT_TYPE), format!("[{}]", Form::ALL.map(Form::content_type).join(", ")));
    for (channel, form) in [("accepted", Form::Protobuf), ("accepted_json", Form::Json)] {
        let id = |text| ObjectId::new(text).expect("an id");
        let (name, account) = (id("any"), id("account"));
        let (hub, product) = (Some(id("hub")), Some(id("product")));
        let subject = Subscriber { name, account, hub, product, form, partitions: 1 }.filter();
        let address = value(&yaml, &["channels", channel], "address").replace(['{', '}'], "");
        assert_eq!(address, subject, "{channel}");
    }
}
