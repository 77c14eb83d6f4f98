//! SIGKILL to the gateway while it works reports off: nothing is lost, nothing is there twice.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use usage_ledger::demo::VENDOR_KEY;

use super::producer::Producer;
use super::{body, in_json, record};
use crate::kills::binary;
use crate::nats::Server;
use crate::scenarios::http::{Body, Request, call};

const REPORTS: u64 = 1_200;
/// How many reports are still to come when the gateway is killed.
const KILLS: [u64; 4] = [1_150, 900, 500, 100];

/// A process of the product, killed when it goes.
struct Process {
    child: Child,
    url: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
    }
}

impl Process {
    fn start(dir: &Path, only: &str, nats: &str) -> Self {
        let mut command = Command::new(binary());
        command.args(["run", "--listen", "127.0.0.1:0", "--nats", nats, "--only", only]);
        command.arg("--secrets").arg(dir.join("secrets")).arg("--data").arg(dir.join(only.replace(',', "-")));
        if only.contains("catalog") {
            command.arg("--catalog").arg(crate::tree::root().join("schemas/demo-catalog.json"));
        }
        command.env("USAGE_LEDGER_LOG", "error").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut lines = output.lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.strip_prefix("usage-ledger is ready at http://").map(str::to_owned));
        Self { child, url: url.expect("it gets ready") }
    }

    fn get(&self, path: &str) -> Value {
        let path = format!("/public/v1/{path}");
        let request = Request { method: "GET", path: &path, key: Some(VENDOR_KEY), headers: &[], body: Body::Nothing };
        call(self.url.parse().expect("an address"), &request).expect(200)
    }
}

#[test]
fn a_gateway_that_is_killed_in_the_middle_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let nats = Server::start(&dir.path().join("nats"));
    let services = Process::start(dir.path(), "catalog,ingestion,validation,approval,extraction", &nats.url());
    let producer = Producer::new(&nats.url());
    let mut gateway = Process::start(dir.path(), "gateway", &nats.url());
    producer.publish(&in_json(&body(&[record("first", "1")])));
    producer.settled();
    drop(gateway);
    for number in 0..REPORTS {
        producer.publish(&in_json(&body(&[record(&format!("r-{number:04}"), "1")])));
    }
    for left in KILLS {
        gateway = Process::start(dir.path(), "gateway", &nats.url());
        producer.settled_but(left);
        drop(gateway);
    }
    gateway = Process::start(dir.path(), "gateway", &nats.url());
    producer.settled();
    assert_eq!(producer.letters(), []);
    let files = gateway.get("usage/files");
    let file = files[0]["id"].as_str().expect("a file").to_owned();
    assert_eq!(files[0]["stats"], json!({ "uploaded": REPORTS + 1 }), "{files:#}");
    let mut ids: Vec<String> = Vec::new();
    while ids.len() as u64 <= REPORTS {
        let page = gateway.get(&format!("usage/records?usagefile.id={file}&limit=1000&offset={}", ids.len()));
        let page = page.as_array().expect("a list").clone();
        assert!(!page.is_empty(), "{} records only", ids.len());
        ids.extend(page.iter().map(|record| record["record_id"].as_str().expect("an id").to_owned()));
    }
    ids.sort_unstable();
    let known = (0..REPORTS).map(|number| format!("r-{number:04}"));
    assert_eq!(ids, std::iter::once("first".to_owned()).chain(known).collect::<Vec<_>>());
    drop((gateway, services));
}
