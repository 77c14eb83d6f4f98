//! The log of a process: one object a line, and nothing in it that is nobody else's business.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::kills::binary;
use crate::life::{Life, Step};
use crate::tree::root;

const CATALOG: &str = "schemas/demo-catalog.json";

/// Every value of a member, however deep it stands.
fn collect(value: &Value, name: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get(name).and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|inner| collect(inner, name, into));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, name, into)),
        _ => {}
    }
}

/// Goal: a log can be handed to anybody. Method: everything that is ever logged, of a file's whole life; no line holds a
/// secret, or the name of a company, a person or a key of the catalog. Each tells where it belongs.
#[test]
fn a_log_is_json_and_holds_no_secret_and_no_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let log = dir.path().join("log");
    let mut command = Command::new(binary());
    command.args(["run", "--listen", "127.0.0.1:0", "--log", "trace", "--log-format", "json"]);
    command.arg("--catalog").arg(root().join(CATALOG)).arg("--data").arg(dir.path().join("data"));
    let stderr = File::create(&log).expect("a file");
    let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("the binary starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("its output is read");
    let url = line.trim().strip_prefix("usage-ledger is ready at ").expect("it is ready").to_owned();
    let mut life = Life::begin(&url, dir.path(), "logged", 1, 60).expect("a draft");
    let mut died = || child.try_wait().expect("its state is known").is_some();
    loop {
        match life.next_step(&url, &mut died).expect("the product stays up") {
            Step::Closed => break,
            step => drop(life.perform(&url, step)),
        }
    }
    child.kill().expect("it is ours");
    child.wait().expect("it ends");

    let catalog: Value = serde_json::from_slice(&std::fs::read(root().join(CATALOG)).unwrap()).unwrap();
    let mut hidden = BTreeSet::new();
    collect(&catalog["api_keys"], "secret", &mut hidden);
    for part in ["api_keys", "accounts"] {
        collect(&catalog[part], "name", &mut hidden);
    }
    assert!(hidden.len() > 10, "{hidden:?}");
    let secrets = std::fs::read(dir.path().join("data/secrets")).expect("the secrets");
    hidden.extend(secrets.chunks(16).map(|part| part.iter().map(|byte| format!("{byte:02x}")).collect()));
    let (mut placed, text) = (BTreeSet::new(), std::fs::read_to_string(&log).expect("UTF-8"));
    for line in text.lines().filter(|line| !line.starts_with("catalog: ")) {
        let told: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(told["message"].is_string() && told["level"].is_string(), "{line}");
        let found = hidden.iter().find(|word| line.contains(word.as_str()));
        assert_eq!(found, None, "{line}");
        if told["span"]["trace_id"].is_string() && told["span"]["file"] == life.id.to_string() {
            placed.extend(told["span"]["what"].as_str().map(str::to_owned));
        }
    }
    assert!(placed.contains("read") && placed.contains("check"), "jobs say where they belong: {placed:?}");
}
