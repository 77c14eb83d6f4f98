//! The examples of docs/examples/producer, as whoever copies them runs them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::producer::Producer;
use super::{record, reported};
use crate::scenarios::world::{CONTRACT, PRODUCT, World};
use crate::tree::root;

const RECORDS: usize = 900;

/// Runs a program with records as its input.
fn run(mut command: Command, records: &[Value]) -> Output {
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    child.stdin.take().expect("its input").write_all(lines.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn python(nats: &str, options: &[&str]) -> Command {
    let mut command = Command::new(root().join(".cache/venv-nats/bin/python"));
    command.arg(root().join("docs/examples/producer/producer.py"));
    command.args(["--nats", nats, "--contract", CONTRACT, "--product", PRODUCT]).args(options);
    command
}

fn rust(nats: &str) -> Command {
    let test = std::env::current_exe().expect("the test's own path");
    let built: PathBuf =
        test.parent().and_then(|deps| deps.parent()).expect("target/profile").join("examples/producer");
    assert!(built.exists(), "{} is missing: run `cargo build -p tests --examples` first", built.display());
    let mut command = Command::new(built);
    command.args([nats, CONTRACT, PRODUCT]);
    command
}

#[test]
fn the_examples_report_every_record_once_whatever_they_are_told() {
    let mut world = World::apart();
    let nats = world.nats().url();
    let producer = Producer::new(&nats);
    let records: Vec<Value> = (0..RECORDS).map(|number| record(&format!("r-{number:04}"), "4")).collect();
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();

    let first = run(python(&nats, &[]), &records);
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    assert!(text(&first).lines().last().is_some_and(|line| line.contains("\"added\": 400")), "{first:?}");
    // Again, in batches that are cut otherwise, so under other keys.
    let again = run(rust(&nats), &records[1..]);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    assert!(text(&again).lines().all(|line| line.contains(" 0 added, ")), "{again:?}");
    let new: Vec<Value> = (0..3).map(|number| record(&format!("s-{number}"), "1")).collect();
    assert!(text(&run(rust(&nats), &new)).contains(" 3 added, "));

    let bad = run(python(&nats, &[]), &[record("bad", "much"), record("good", "1")]);
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    assert!(String::from_utf8_lossy(&bad.stderr).contains("bad: refused: "), "{bad:?}");

    let sent = run(python(&nats, &["--stream"]), &[record("later", "1")]);
    assert_eq!(sent.status.code(), Some(0), "{sent:?}");
    producer.settled();
    assert_eq!(producer.letters(), []);
    assert_eq!(reported(&world).len(), RECORDS + 3 + 1 + 1);
}
