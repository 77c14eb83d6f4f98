//! A NATS server with TLS and users, and everybody outside the ledger who works over it: a producer, the operator with
//! dead letters, a billing system. Each has what the product's own commands make for it, and nothing else.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::{Client, ConnectOptions, HeaderMap, jetstream};
use futures_util::StreamExt;
use runtime::nats::{KIND, inbox_of};
use serde_json::{Value, json};

use super::world::{CONTRACT, Distributor, PRODUCT, Vendor, World, demo_catalog};
use crate::kills::binary;

/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// The producer's user.
const METERS: &str = "producer-meters";
const SUBSCRIPTION: &str = "AS-8919-8653-9735";
/// One that the catalog gets to know later.
const LATE: &str = "AS-0000-0000-0001";

/// Where NATS is, and the folder of `nats credentials`.
struct Place {
    nats: String,
    trust: PathBuf,
    /// The stream that billing systems read, as `subscriber add` says.
    accepted: String,
}

impl Place {
    fn file(&self, name: &str) -> PathBuf {
        self.trust.join(name)
    }

    /// A command of the operator's, as a user.
    fn operator(&self, user: &str, words: &[&str]) -> String {
        let mut command = Command::new(binary());
        command.args(words).args(["--nats", &self.nats]);
        command.arg("--nats-credentials").arg(self.file(&format!("{user}.creds")));
        said(command.arg("--nats-ca").arg(self.file("tls/ca.pem")))
    }

    /// What `nats credentials` does.
    fn credentials(&self, words: &[&str]) -> String {
        said(Command::new(binary()).args(["nats", "credentials"]).arg(&self.trust).args(words))
    }

    /// Connects with a user's file and nothing else.
    async fn connect(&self, user: &str) -> Client {
        let options = ConnectOptions::with_credentials_file(self.file(&format!("{user}.creds"))).await;
        let options = options.expect("they can be read").add_root_certificates(self.file("tls/ca.pem"));
        options.custom_inbox_prefix(inbox_of(user)).connect(&self.nats).await.expect("it is let in")
    }

    /// What the producer is told of records that it reports.
    async fn ask(&self, records: &[Value]) -> Value {
        let client = self.connect(METERS).await;
        let asked = client.request_with_headers(subject("report"), headers(), body(records).into()).await;
        serde_json::from_slice(&asked.expect("a receipt").payload).expect("JSON")
    }

    /// Puts records into the stream without waiting for a receipt.
    async fn send(&self, records: &[Value]) {
        let jetstream = jetstream::new(self.connect(METERS).await);
        let sent = jetstream
            .publish_with_headers(subject("reports"), headers(), body(records).into())
            .await
            .expect("it is sent");
        sent.await.expect("the stream has it");
    }

    /// What a billing system reads of one chunk: the ids of its records, up to its closing.
    async fn read(&self, name: &str) -> Vec<String> {
        let context = jetstream::new(self.connect(&format!("subscriber-{name}")).await);
        let stream = context.get_stream_no_info(&self.accepted).await.expect("the stream");
        let consumer: PullConsumer = stream.get_consumer(name).await.expect("its consumer");
        let mut messages = consumer.messages().await.expect("messages");
        let mut ids = Vec::new();
        loop {
            let next = tokio::time::timeout(PATIENCE, messages.next()).await.expect("another message");
            let message = next.expect("the feed goes on").expect("a message");
            let kind = message.headers.as_ref().and_then(|headers| headers.get(KIND)).expect("a kind").to_string();
            let says: Value = serde_json::from_slice(&message.payload).expect("JSON");
            let records = says[&kind]["records"].as_array().into_iter().flatten();
            ids.extend(records.map(|record| record["record_id"].as_str().expect("an id").to_owned()));
            message.double_ack().await.expect("it is done");
            if kind == "closed" {
                ids.sort_unstable();
                return ids;
            }
        }
    }

    fn letters(&self) -> usize {
        self.operator("dead", &["dead", "list"]).lines().count()
    }
}

/// What a command printed that has to succeed.
fn said(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn subject(first: &str) -> String {
    format!("{first}.{CONTRACT}.{PRODUCT}")
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "application/json");
    headers
}

fn body(records: &[Value]) -> Vec<u8> {
    json!({ "records": records }).to_string().into_bytes()
}

fn record(id: &str, subscription: &str) -> Value {
    json!({
        "record_id": id, "item_search_criteria": "item.mpn", "item_search_value": "AP-CPU", "quantity": "4",
        "start_time_utc": "2026-10-01 00:00:00", "end_time_utc": "2026-10-02 00:00:00",
        "asset_search_criteria": "asset.id", "asset_search_value": subscription,
    })
}

/// The demo catalog with one more subscription.
fn mended() -> Value {
    let mut catalog = demo_catalog();
    let list = catalog["assets"].as_array_mut().expect("subscriptions");
    let mut added = list.iter().find(|it| it["id"] == SUBSCRIPTION).expect("the known one").clone();
    added["id"] = LATE.into();
    added["external_id"] = "late".into();
    added["external_uid"] = "late".into();
    list.push(added);
    catalog
}

/// Goal: what the product's own commands make is enough for a whole life outside of it. Method: a file of records that a
/// producer reports with receipts and into the stream, one of them by way of the dead letters, comes to a billing
/// system; then the producer is revoked, and made anew.
#[test]
fn reports_become_records_of_a_billing_system_over_a_secured_server() {
    let mut world = World::secured();
    let (nats, trust) = (world.nats().url(), world.nats().trust().path(""));
    let mut place = Place { nats, trust, accepted: String::new() };
    let partitions = world.partitions().to_string();
    place.credentials(&["--partitions", &partitions, "--producer", &format!("meters={CONTRACT}/{PRODUCT}")]);
    let trust = place.trust.to_str().expect("text");
    let account = ["--account", "PA-000-003", "--json", "--partitions", &partitions, "--trust", trust];
    let added = place.operator("setup", &[&["subscriber", "add", "acme"], &account[..]].concat());
    assert!(added.contains("subscriber-acme.creds"), "{added}");
    let stream = added.lines().find_map(|line| line.strip_prefix("stream ")).expect("which stream it reads");
    stream.trim().clone_into(&mut place.accepted);

    let told = world.block_on(place.ask(&[record("asked-1", SUBSCRIPTION), record("asked-2", SUBSCRIPTION)]));
    assert_eq!(told["added"], json!(2), "{told}");
    let file = told["file"]["id"].as_str().expect("an id").to_owned();
    world.block_on(place.send(&[record("sent", SUBSCRIPTION), record("late", LATE)]));
    world.until("a dead letter", || place.letters() == 1);
    world.import(&mended()).expect("a sound catalog");
    assert_eq!(place.operator("dead", &["dead", "redrive", "--all"]), "1 sent again\n");
    world.until("every record", || world.records(Vendor, &file).len() == 4);
    assert_eq!(place.letters(), 0);

    world.act(Vendor, &file, "submit").expect(201);
    world.reach(&file, "pending");
    world.act(Distributor, &file, "accept").expect(201);
    world.close(Distributor, &file);
    world.reach(&file, "closed");
    assert_eq!(world.block_on(place.read("acme")), ["asked-1", "asked-2", "late", "sent"]);

    place.credentials(&["--revoke", "producer-meters"]);
    world.nats().reload();
    assert!(!place.file("producer-meters.creds").exists(), "it has no credentials any more");
    place.credentials(&["--partitions", &partitions, "--producer", &format!("meters={CONTRACT}/{PRODUCT}")]);
    let again = world.block_on(place.ask(&[record("again", SUBSCRIPTION)]));
    // Its month is billed by now, and who is let in is told so.
    assert_eq!(again["records"][0]["errors"][0]["code"], json!("USG_FILE_114"), "{again}");
}
