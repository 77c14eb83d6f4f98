//! One trace goes from an upload to its chunks, through every service, over NATS and over a restart; a collector is
//! told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use ledger::{FileId, ServiceName, Subject};
use runtime::trace::Trace;
use serde_json::{Value, json};
use usage_ledger::telemetry::{Format, Telemetry};

use super::http::{Answer, Body};
use super::world::{CONTRACT, Distributor, Party, Vendor, World};

/// The requests of a file's life as a client's own tracing names them: trace and span.
const UPLOAD: &str = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a1a1a1a1a1a1a1a1-01";
const SUBMIT: &str = "00-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-b1b1b1b1b1b1b1b1-01";
const ACCEPT: &str = "00-cccccccccccccccccccccccccccccccc-c1c1c1c1c1c1c1c1-01";

/// Takes spans as OTLP brings them.
struct Collector {
    url: String,
    spans: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let (url, spans) = (format!("http://{}", listener.local_addr().unwrap()), Arc::<Mutex<Vec<Value>>>::default());
        let taken = spans.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let taken = taken.clone();
                std::thread::spawn(move || serve(&stream.expect("a connection"), &taken));
            }
        });
        Self { url, spans }
    }

    fn spans(&self) -> Vec<Value> {
        self.spans.lock().unwrap().clone()
    }

    /// The spans of the trace of a header.
    fn of(&self, header: &str) -> Vec<Value> {
        let id = Trace::parse(header).expect("a header").id();
        self.spans().into_iter().filter(|span| span["traceId"] == json!(id)).collect()
    }
}

/// Answers on one connection until it is closed.
fn serve(stream: &TcpStream, taken: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length, mut head) = (String::new(), 0, String::new());
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            head.push_str(&line);
            line.clear();
        }
        if head.is_empty() {
            return;
        }
        assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans").clone();
        taken.lock().unwrap().extend(spans);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        (&mut &*stream).write_all(answer).expect("it is answered");
    }
}

fn names(spans: &[Value]) -> BTreeSet<&str> {
    spans.iter().filter_map(|span| span["name"].as_str()).collect()
}

/// A span's attribute.
fn told<'a>(span: &'a Value, name: &str) -> Option<&'a str> {
    let key = format!("usage_ledger.{name}");
    let found = span["attributes"].as_array()?.iter().find(|attribute| attribute["key"] == json!(key))?;
    found["value"]["stringValue"].as_str()
}

fn asked(world: &World, party: Party, file: &str, action: &str, trace: &str) -> Answer {
    let (path, body) = (format!("usage/files/{file}/{action}"), json!({}));
    world.send_with(party, "POST", &path, &[("traceparent", trace)], Body::Json(&body))
}

/// Goal: who looks for what became of an upload finds all of it in one trace. Method: six processes that share nothing
/// but NATS, started again in the middle; a collector is told of every span, and every fact of the file says its trace.
#[test]
fn one_trace_goes_from_the_upload_to_the_chunks() {
    let collector = Collector::start();
    let telemetry = Telemetry { otlp: Some(collector.url.clone()), format: Format::Json, ..Telemetry::default() };
    let telemetry = telemetry.start().expect("it starts");
    let mut world = World::apart();
    let file = world.create(CONTRACT);
    let (workbook, _) = world.generate(CONTRACT, "traced", 50);
    let path = format!("usage/files/{file}/upload");
    let body = Body::Workbook("usage_file", &workbook);
    let answer = world.send_with(Vendor, "POST", &path, &[("traceparent", UPLOAD)], body);
    answer.expect(201);
    let named = answer.head.lines().find_map(|line| Trace::parse(line.strip_prefix("traceparent: ")?));
    assert!(named.expect("the answer names its trace").is_same(Trace::parse(UPLOAD).unwrap()), "{}", answer.head);
    assert_eq!(world.checked(&file)["status"], "ready");
    world.restart();
    asked(&world, Vendor, &file, "submit", SUBMIT).expect(201);
    world.reach(&file, "pending");
    asked(&world, Distributor, &file, "accept", ACCEPT).expect(201);
    world.chunks(Distributor, &file);
    let written = |span: &Value| span["name"] == "job write-chunk";
    world.until("the spans have come", || collector.of(UPLOAD).iter().any(written) && !collector.of(ACCEPT).is_empty());
    every_fact_says_its_trace(&world, &file);
    let services = [ServiceName::Approval, ServiceName::Extraction, ServiceName::Ingestion, ServiceName::Validation];
    let expected = services.map(|service| world.host_of(service, CONTRACT).to_string());
    world.stop();
    telemetry.stop();

    let of_upload = collector.of(UPLOAD);
    for name in [
        "request POST /public/v1/usage/files/{id}/upload",
        "decide upload",
        "job read",
        "job check",
        "job write-processed",
        "decide submit",
        "decide accept",
        "job divide",
        "job write-chunk",
    ] {
        assert!(names(&of_upload).contains(name), "{name}: {:?}", names(&of_upload));
    }
    let hosts: BTreeSet<String> = of_upload.iter().filter_map(|span| told(span, "host")).map(str::to_owned).collect();
    assert_eq!(hosts, expected.into());
    let ids: BTreeSet<&str> = of_upload.iter().filter_map(|span| span["spanId"].as_str()).collect();
    assert_eq!(ids.len(), of_upload.len(), "no id is used twice");
    for span in &of_upload {
        let parent = span["parentSpanId"].as_str().expect("a parent");
        assert!(ids.contains(parent) || parent == "a1a1a1a1a1a1a1a1", "{span:#} has a parent that nobody told of");
    }
    // Later requests have traces of their own, which what they had decided leads to.
    for (header, decided) in [(SUBMIT, "decide submit"), (ACCEPT, "decide accept")] {
        let request = collector.of(header);
        assert_eq!(names(&request).len(), 1, "{request:#?}");
        let decided = of_upload.iter().find(|span| span["name"] == decided).expect("it was decided");
        let link = (&decided["links"][0]["traceId"], &decided["links"][0]["spanId"]);
        assert_eq!(link, (&request[0]["traceId"], &request[0]["spanId"]));
    }
}

/// In the logs of all services what was recorded of a file since its upload is of one trace.
fn every_fact_says_its_trace(world: &World, file: &str) {
    let file = FileId::parse(file).expect("an id");
    let mut known: BTreeMap<ServiceName, usize> = BTreeMap::new();
    for host in world.hosts().into_iter().filter(|host| host.partition == file.partition()) {
        let log = world.product_of(host).logs().reader(host).expect("a log");
        for entry in log.own(1) {
            let payload = entry.expect("an entry").payload.expect("its bytes");
            let (event, trace) = proto::decode_traced(&payload).expect("an event");
            if event.subject != Subject::File(file) || matches!(event.fact, ledger::Fact::FileCreated(_)) {
                continue;
            }
            let trace = trace.unwrap_or_else(|| panic!("{event:?} is of no trace"));
            assert!(trace.is_same(Trace::parse(UPLOAD).unwrap()), "{event:?} is of {trace}");
            *known.entry(host.service).or_default() += 1;
        }
    }
    assert_eq!(known.len(), 4, "{known:?}");
}
