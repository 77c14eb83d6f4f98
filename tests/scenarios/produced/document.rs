//! `schemas/asyncapi.yaml` against a ledger that runs: its subjects, streams and headers are those that are there.

use std::collections::BTreeSet;

use super::producer::Producer;
use super::{body, in_json, record};
use crate::scenarios::world::World;
use crate::tree::root;

/// The names of the properties of a schema.
fn properties(document: &str, schema: &str) -> BTreeSet<String> {
    let (_, rest) = document.split_once(&format!("\n    {schema}:\n")).expect("the schema");
    let lines = rest.lines().take_while(|line| line.starts_with("      "));
    let names = lines.filter_map(|line| line.strip_prefix("        ")?.strip_suffix(':'));
    names.filter(|name| !name.starts_with(' ')).map(str::to_owned).collect()
}

#[test]
fn what_producers_meet_is_what_is_described() {
    let document = std::fs::read_to_string(root().join("schemas/asyncapi.yaml")).expect("the document");
    let mut world = World::apart();
    let producer = Producer::new(&world.nats().url());
    let bad = in_json(&body(&[record("a", "much")]));
    producer.publish(&super::Report { key: "k".to_owned(), ..bad.clone() });
    producer.settled();
    let letter = producer.letters().remove(0);
    assert_eq!(producer.headers_of_letter(letter.sequence), properties(&document, "DeadHeaders"));
    assert_eq!(producer.headers_of_reply(&bad), properties(&document, "ReplyHeaders"));
    for (stream, subject) in producer.streams() {
        let described = subject.replacen('*', "{contract}", 1).replacen('*', "{product}", 1);
        assert!(document.contains(&format!("    address: {described}\n")), "{described}");
        assert!(document.contains(&format!("stream {stream} ")), "{stream}");
    }
    assert!(document.contains("    address: report.{contract}.{product}\n"));
    let openapi = std::fs::read_to_string(root().join("schemas/openapi.json")).expect("the document");
    for reference in document.lines().filter_map(|line| line.split_once("openapi.json#/components/schemas/")) {
        assert!(openapi.contains(&format!("\"{}\": {{", reference.1)), "{}", reference.1);
    }
}
