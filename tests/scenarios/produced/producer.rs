//! A producer for tests: what any program does that speaks NATS, and a look at the streams from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_nats::jetstream;
use async_nats::{Client, HeaderMap};
use futures_util::StreamExt;
use runtime::clock::Clock;
use runtime::nats::{DeadLetter, DeadLetters, Link, LinkSettings};
use tokio::runtime::{Builder, Runtime};

/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// A message: where, what kind of bytes, what key, and the bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub(super) about: String,
    pub(super) kind: &'static str,
    pub(super) key: String,
    pub(super) bytes: Vec<u8>,
}

impl Report {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [("Content-Type", self.kind), ("Nats-Msg-Id", self.key.as_str())] {
            if !value.is_empty() {
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// A program that reports.
pub(super) struct Producer {
    runtime: Runtime,
    client: Client,
    jetstream: jetstream::Context,
    letters: DeadLetters,
}

impl Producer {
    pub(super) fn new(url: &str) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let client = runtime.block_on(async_nats::connect(url)).expect("a connection");
        let settings = LinkSettings {
            servers: url.to_owned(),
            user: "dead".to_owned(),
            credentials: None,
            root_certificate: None,
            replicas: 1,
        };
        let (jetstream, letters) = runtime.block_on(async {
            let link = Link::connect(&settings, Clock::Machine).await.expect("a connection");
            link.reached().await;
            let letters = DeadLetters::open(link).await.expect("dead letters");
            (jetstream::new(client.clone()), letters)
        });
        Self { runtime, client, jetstream, letters }
    }

    /// Reports and waits for the receipt: the status and the bytes, from as many parts as there are.
    pub(super) fn ask(&self, report: &Report) -> (u16, Vec<u8>) {
        let asked = async {
            let inbox = self.client.new_inbox();
            let mut replies = self.client.subscribe(inbox.clone()).await.expect("an inbox");
            let (subject, headers) = (format!("report.{}", report.about), report.headers());
            let bytes = report.bytes.clone().into();
            self.client.publish_with_reply_and_headers(subject, inbox, headers, bytes).await.expect("it is sent");
            let (mut parts, mut count) = (BTreeMap::new(), 1);
            loop {
                let reply = replies.next().await.expect("a reply");
                let headers = reply.headers.expect("headers");
                let number = headers.get("Ledger-Part").map_or(1, |part| {
                    let mut words = part.as_str().splitn(3, '/').map_while(|word| word.parse::<usize>().ok());
                    let number = words.next().expect("a number");
                    count = words.next().expect("how many");
                    number
                });
                parts.insert(number, reply.payload);
                if parts.len() == count {
                    let status = headers.get("Ledger-Status").expect("a status").as_str().parse().expect("a number");
                    return (status, parts.into_values().collect::<Vec<_>>().concat());
                }
            }
        };
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await.expect("a receipt") })
    }

    /// Reports into the stream, which has it then; says whether the stream knew the key already.
    pub(super) fn publish(&self, report: &Report) -> bool {
        let subject = format!("reports.{}", report.about);
        let sent = async {
            let (headers, bytes) = (report.headers(), report.bytes.clone().into());
            let sent = self.jetstream.publish_with_headers(subject, headers, bytes).await.expect("it is sent");
            sent.await.expect("the stream has it").duplicate
        };
        self.runtime.block_on(sent)
    }

    /// Reports that wait in the stream.
    fn waiting(&self) -> u64 {
        self.runtime.block_on(async {
            let stream = self.jetstream.get_stream("REPORTS_0").await.expect("the stream");
            stream.cached_info().state.messages
        })
    }

    /// Waits until every report is in the ledger or laid aside.
    pub(super) fn settled(&self) {
        self.settled_but(0);
    }

    /// Waits until that is true of all but so many.
    pub(super) fn settled_but(&self, left: u64) {
        let since = std::time::Instant::now();
        while self.waiting() > left {
            assert!(since.elapsed() < PATIENCE, "{} reports still wait", self.waiting());
            std::thread::sleep(PAUSE);
        }
    }

    /// The dead letters.
    pub(super) fn letters(&self) -> Vec<DeadLetter> {
        let mut found: Vec<DeadLetter> = Vec::new();
        while let Some(letter) =
            self.runtime.block_on(self.letters.next(found.last().map_or(1, |last| last.sequence + 1))).expect("letters")
        {
            found.push(letter);
        }
        found
    }

    pub(super) fn redrive(&self, letter: &DeadLetter) {
        self.runtime.block_on(self.letters.redrive(letter)).expect("it is sent again");
    }

    pub(super) fn drop_letter(&self, letter: &DeadLetter) {
        self.runtime.block_on(self.letters.forget(letter.sequence)).expect("it is dropped");
    }

    /// The names of the headers of a dead letter, without JetStream's own.
    pub(super) fn headers_of_letter(&self, sequence: u64) -> BTreeSet<String> {
        let message = self.runtime.block_on(async {
            let stream = self.jetstream.get_stream("DEAD_0").await.expect("the stream");
            stream.get_raw_message(sequence).await.expect("the letter")
        });
        names(&message.headers)
    }

    /// The names of the headers of a short reply.
    pub(super) fn headers_of_reply(&self, report: &Report) -> BTreeSet<String> {
        let (subject, headers) = (format!("report.{}", report.about), report.headers());
        let asked = self.client.request_with_headers(subject, headers, report.bytes.clone().into());
        names(&self.runtime.block_on(asked).expect("a reply").headers.expect("headers"))
    }

    /// The streams that producers have to do with, and their subjects.
    pub(super) fn streams(&self) -> Vec<(String, String)> {
        let streams = ["REPORTS_0", "DEAD_0"].map(|name| {
            let stream = self.runtime.block_on(self.jetstream.get_stream(name)).expect("the stream");
            (name.to_owned(), stream.cached_info().config.subjects[0].clone())
        });
        streams.into()
    }

    /// Takes reports out of the stream as a gateway does that ends before it has done anything, so many times each.
    pub(super) fn take_and_fail(&self, times: usize) {
        self.runtime.block_on(async {
            let stream = self.jetstream.get_stream("REPORTS_0").await.expect("the stream");
            let consumer = stream.get_consumer::<jetstream::consumer::pull::Config>("gateways").await.expect("it");
            for _ in 0..times {
                let mut taken = consumer.batch().max_messages(1).messages().await.expect("a pull");
                let message = taken.next().await.expect("a report").expect("a report");
                message.ack_with(jetstream::AckKind::Nak(None)).await.expect("it is given back");
            }
            self.client.flush().await.expect("it is sent");
        });
    }
}

fn names(headers: &HeaderMap) -> BTreeSet<String> {
    let names = headers.iter().map(|(name, _)| name.to_string());
    names.filter(|name| !name.starts_with("Nats-")).collect()
}
