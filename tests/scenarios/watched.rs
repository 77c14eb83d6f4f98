//! The numbers that a process shows of itself: each is what has happened, each is explained, and the dashboard and the
//! alerts ask for no other.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{HostId, ObjectId, ServiceName};
use runtime::clock::Clock;
use runtime::feed::Form;
use runtime::meters::{ALL, Kind, Metric};
use runtime::nats::{Begin, Link, Subscriber, SubscriberState};
use serde_json::json;
use usage_ledger::product::Product;

use super::http::{Body, Request, call};
use super::world::{CONTRACT, PRODUCT, Vendor, World};
use crate::tree::{text, verdict};

const DOCUMENT: &str = "docs/observability.md";
const DASHBOARD: &str = "docs/grafana/usage-ledger.json";
const ALERTS: &str = "docs/grafana/alerts.yaml";
const RECORDS: u32 = 50;
const UPLOAD: &str = "/public/v1/usage/files/{id}/upload";

/// What a page says: kinds by name, and values by name with labels.
#[derive(Default)]
struct Page {
    kinds: BTreeMap<String, String>,
    values: BTreeMap<String, String>,
}

impl Page {
    /// Reads the page of a process; every line of it must be one that Prometheus reads.
    fn take(&mut self, product: &Product) {
        let request = Request { method: "GET", path: "/metrics", key: None, headers: &[], body: Body::Nothing };
        let answer = call(product.address, &request);
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = String::from_utf8(answer.body).expect("UTF-8");
        let mut current = String::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                assert!(help.split_once(' ').is_some_and(|(_, help)| help.ends_with('.')), "{line}");
            } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|kind| kind.split_once(' ')) {
                name.clone_into(&mut current);
                self.kinds.insert(name.to_owned(), kind.to_owned());
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                assert!(series.starts_with(&current) && value.starts_with(|c: char| c.is_ascii_digit()), "{line}");
                self.values.insert(series.to_owned(), value.to_owned());
            }
        }
    }

    /// A number that must be there.
    fn number(&self, series: &str) -> u64 {
        let value = self.values.get(&format!("usage_ledger_{series}"));
        let value = value.unwrap_or_else(|| panic!("{series} is not among {:#?}", self.values.keys()));
        value.parse().expect("a whole number")
    }
}

fn kind(metric: &Metric) -> &'static str {
    match metric.kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Seconds | Kind::Sizes => "histogram",
    }
}

/// Goal: whoever watches the processes sees what happens in them. Method: six of them, with no more rights than each
/// needs; a file lives, a subscriber falls behind, and their pages together have every number, with the right ones.
#[test]
fn the_numbers_are_what_has_happened() {
    let world = World::secured();
    let id = |text: &str| ObjectId::new(text).expect("an id");
    let (name, account) = (id("billing"), id("PA-000-003"));
    let partitions = world.partitions();
    let subscriber = Subscriber { name, account, hub: None, product: None, form: Form::Json, partitions };
    let setup = world.link_of_setup();
    let link = world.block_on(Link::connect(&setup, Clock::Machine)).expect("a connection");
    world.block_on(link.reached());
    world.block_on(subscriber.add(&link, Begin::First)).expect("a subscriber");
    let file = world.accepted(CONTRACT, "watched", RECORDS);
    world.act(Vendor, &file, "accept").refusal();
    let report = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "records": [] });
    world.ours(Vendor, "POST", "records", Body::Json(&report)).refusal();
    let waits = || world.block_on(SubscriberState::all(&link, partitions)).expect("the subscribers")[0].waiting > 0;
    world.until("something waits for the subscriber", waits);
    world.block_on(world.product().caught_up());

    // Those that the file went through.
    let host_of = |service| match service {
        ServiceName::Catalog => HostId::new(service, 0),
        _ => world.host_of(service, CONTRACT),
    };
    let (checks, extracts) = (host_of(ServiceName::Validation), host_of(ServiceName::Extraction));
    let mut page = Page::default();
    for service in ServiceName::WRITERS {
        page.take(world.product_of(host_of(service)));
    }
    page.take(world.product());
    // Nobody stands by here, and no copy is kept.
    let shown = ALL.iter().filter(|metric| metric.name != "writes" && !metric.name.starts_with("backup_"));
    let known = shown.map(|metric| (format!("usage_ledger_{}", metric.name), kind(metric).to_owned()));
    assert_eq!(page.kinds, known.collect::<BTreeMap<_, _>>());
    for (series, expected) in [
        (format!("requests_total{{method=\"POST\",route=\"{UPLOAD}\",status=\"201\"}}"), 1),
        (format!("request_seconds_count{{method=\"POST\",route=\"{UPLOAD}\"}}"), 1),
        ("asks_total{service=\"approval\",command=\"upload\",outcome=\"done\"}".to_owned(), 1),
        ("jobs_total{service=\"validation\",job=\"check\",outcome=\"done\"}".to_owned(), 1),
        ("job_seconds_count{service=\"ingestion\",job=\"read\"}".to_owned(), 1),
        ("jobs_running{service=\"validation\"}".to_owned(), 0),
        ("records_checked_total{service=\"validation\"}".to_owned(), u64::from(RECORDS)),
        ("reports_total{surface=\"http\",outcome=\"refused\"}".to_owned(), 1),
        ("files{status=\"accepted\"}".to_owned(), 1),
        (format!("lag_facts{{host=\"gateway\",of=\"{checks}\"}}"), 0),
        (format!("outbox_depth{{host=\"{extracts}\"}}"), 0),
        ("dead_letters".to_owned(), 0),
        ("subscriber_there{subscriber=\"billing\"}".to_owned(), 0),
        ("subscriber_sequence{subscriber=\"billing\"}".to_owned(), 0),
    ] {
        assert_eq!(page.number(&series), expected, "{series}");
    }
    let published = page.number(&format!("published_sequence{{host=\"{checks}\"}}"));
    assert_eq!(page.number(&format!("heard_sequence{{host=\"gateway\",of=\"{checks}\"}}")), published);
    assert_eq!(page.number(&format!("log_sequence{{host=\"{checks}\"}}")), published);
    for some in [
        "subscriber_waiting{subscriber=\"billing\"}",
        "commit_entries_sum",
        "commit_seconds_count",
        "memory_bytes",
        "open_files",
    ] {
        assert!(page.number(some) > 0, "{some}");
    }
    let request = Request { method: "GET", path: "/readyz", key: None, headers: &[], body: Body::Nothing };
    let ready = call(world.product_of(checks).address, &request).expect(200);
    assert!(ready["lag"][checks.to_string()].is_u64(), "{ready}");
}

/// Goal: who reads a number finds what it is. Method: the table of the document has each of them, in the order of the
/// code, with its kind, its labels and its words.
#[test]
fn the_table_of_numbers_is_the_code() {
    let expected = ALL.iter().map(|metric| {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let Metric { name, help, .. } = metric;
        format!("| `usage_ledger_{name}` | {} | {} | {help} |", kind(metric), labels.join(", "))
    });
    let document = text(DOCUMENT);
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `usage_ledger_")).collect();
    let shown = rows.iter().map(|row| row.rsplit_once(" | ").map_or(String::new(), |(row, _)| format!("{row} |")));
    assert_eq!(shown.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "correct {DOCUMENT}");
}

/// Goal: a dashboard and alerts that show nothing are worse than none. Method: each name in them is one of the code's,
/// and the dashboard leaves none out.
#[test]
fn the_dashboard_and_the_alerts_ask_for_what_there_is() {
    let known = |name: &str| {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let histogram = |metric: &&Metric| base == Some(metric.name) && kind(metric) == "histogram";
        ALL.iter().find(|metric| metric.name == name && kind(metric) != "histogram").or(ALL.iter().find(histogram))
    };
    let (mut findings, mut shown) = (Vec::new(), BTreeSet::new());
    for path in [DASHBOARD, ALERTS] {
        let document = text(path);
        for rest in document.split("usage_ledger_").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            match known(&name) {
                Some(metric) if path == DASHBOARD => drop(shown.insert(metric.name)),
                Some(_) => {}
                None => findings.push(format!("{path}: there is no number usage_ledger_{name}")),
            }
        }
    }
    let missing = ALL.iter().filter(|metric| !shown.contains(metric.name));
    findings.extend(missing.map(|metric| format!("{DASHBOARD}: it doesn't show usage_ledger_{}", metric.name)));
    verdict("the dashboard and the alerts ask for what there is", &findings);
    assert!(serde_json::from_str::<serde_json::Value>(&text(DASHBOARD)).is_ok_and(|read| read["panels"].is_array()));
    assert!(text(ALERTS).matches("- alert: ").count() >= 5);
}
