//! Goal: what a relieved writer has in hand never gets in behind what its successor wrote, however much it is. Method: two
//! copies of a log; one writes on while the other one, which has looked at the stream before, records more and publishes.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use ledger::{Actor, Event, EventId, Fact, FileId, Hash, HostId, Moment, Partition, ServiceName, Subject, Surface};
use runtime::clock::Clock;
use runtime::log::{LogSettings, LogWriter, Logs, NewEntry};
use runtime::nats::{Link, LinkSettings, Outbox, OutboxError};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::nats::{Cluster, Server};
use crate::repairs::copy;

/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What both have published.
const COMMON: u64 = 3;
/// What the successor writes, and what the relieved one has in hand: less, as much and more, of several batches too.
const ROUNDS: [(u64, u64); 8] = [(1, 1), (1, 2), (1, 5), (2, 5), (5, 5), (5, 2), (3, 700), (700, 1_300)];

/// One copy of a log, and what publishes it.
struct Copy {
    logs: Logs,
    writer: LogWriter,
    host: HostId,
    link: Link,
}

impl Copy {
    fn open(dir: &Path, host: HostId, link: Link) -> Self {
        let logs = Logs::open(dir, &[host], LogSettings::default()).expect("the log opens");
        let writer = logs.writer(host).expect("its writer");
        Self { logs, writer, host, link }
    }

    fn outbox(&self) -> Outbox {
        Outbox::new(self.link.clone(), self.logs.reader(self.host).expect("its reader"))
    }

    /// Records facts in one append: all of them are there to be published at once.
    fn record(&mut self, count: u64, reason: &str) {
        let file = FileId::new(2026, 11, Partition(0), 1).expect("an id");
        let fact = |number: u64| {
            let seed = Hash::of(&number.to_le_bytes());
            let event = Event {
                id: EventId::derive(&seed, self.host.service, 0),
                subject: Subject::File(file),
                cause: seed,
                actor: Actor::Service(self.host.service),
                surface: Surface::Api,
                recorded_at: Moment(0),
                fact: Fact::SubmitDropped { upload: 1, reason: reason.to_owned() },
            };
            NewEntry::Own { id: None, payload: proto::encode_event(&event) }
        };
        let ticket = self.writer.append((0..count).map(fact).collect()).expect("it is recorded").ticket;
        tokio::task::block_in_place(|| ticket.wait()).expect("it is durable");
    }

    async fn published(&self) {
        timeout(PATIENCE, self.outbox().catch_up()).await.expect("in time").expect("it is published");
    }
}

async fn check(dir: &Path, host: HostId, link: &Link, (after, in_hand): (u64, u64)) {
    let what = format!("{after} after the take-over, {in_hand} in hand");
    let [original, successor] = ["original", "successor"].map(|name| dir.join(format!("{name}-{host}")));
    let mut first = Copy::open(&original, host, link.clone());
    first.record(COMMON, "common");
    first.published().await;
    first.logs.close();
    copy(&original, &successor);
    let mut first = Copy::open(&original, host, link.clone());
    let mut second = Copy::open(&successor, host, link.clone());
    let outbox = first.outbox();
    let mut progress = outbox.progress();
    let (_stop, stopped) = watch::channel(false);
    let relieved = tokio::spawn(outbox.run(stopped));
    progress.wait_for(|progress| progress.acknowledged == COMMON).await.expect("it runs");
    second.record(after, "successor");
    second.published().await;
    first.record(in_hand, "relieved");
    let ended = timeout(PATIENCE, relieved).await.expect("in time").expect("it ends");
    let Err(OutboxError::Overtaken { from, own, lost, .. }) = ended else { panic!("{what}: {ended:?}") };
    assert_eq!((from, own), (COMMON + 1, COMMON + in_hand), "{what}");
    assert_eq!(lost.lines().count() as u64, in_hand.min(21), "{what}: {lost}");
    assert_eq!(progress.borrow().reached, COMMON, "{what}: nothing counts as published that isn't");
    // The successor goes on, so that the stream ends with what it wrote.
    second.record(after, "goes on");
    second.published().await;
    first.logs.close();
    second.logs.close();
}

fn check_all(link: &LinkSettings, dir: &Path) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    runtime.block_on(async {
        let link = Link::connect(link, Clock::Machine).await.expect("a connection");
        for (number, round) in (0..).zip(ROUNDS) {
            check(dir, HostId::new(ServiceName::Approval, number), &link, round).await;
        }
    });
}

/// Goal: a stream that an earlier release has made, and that takes no batches yet, is published into as it is.
#[test]
fn a_stream_of_an_earlier_release_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(&dir.path().join("nats"));
    let settings = server.link(ServiceName::Approval);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    runtime.block_on(async {
        let link = Link::connect(&settings, Clock::Machine).await.expect("a connection");
        let mut log = Copy::open(&dir.path().join("log"), HostId::new(ServiceName::Approval, 0), link);
        log.record(COMMON, "now");
        log.published().await;
        let jetstream = async_nats::jetstream::new(async_nats::connect(&settings.servers).await.expect("a connection"));
        let name = jetstream.stream_names().next().await.expect("a stream").expect("its name");
        let mut config = jetstream.get_stream(&name).await.expect("the stream").cached_info().config.clone();
        assert!(config.allow_batch_publish);
        jetstream.delete_stream(&name).await.expect("it is deleted");
        config.allow_batch_publish = false;
        jetstream.create_stream(config).await.expect("it is made as before");
        log.record(COMMON, "later");
        log.published().await;
        let info = jetstream.get_stream(&name).await.expect("the stream").cached_info().clone();
        assert!(info.config.allow_batch_publish);
        assert_eq!(info.state.last_sequence, 2 * COMMON);
        log.logs.close();
    });
}

#[test]
fn nothing_of_a_relieved_writer_gets_in() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(&dir.path().join("nats"));
    check_all(&server.link(ServiceName::Approval), dir.path());
}

#[test]
fn nothing_of_a_relieved_writer_gets_into_a_cluster() {
    let dir = tempfile::tempdir().expect("a folder");
    let cluster = Cluster::start(&dir.path().join("nats"));
    let replicas = cluster.members.len();
    let link = cluster.members[0].link(ServiceName::Approval);
    check_all(&LinkSettings { servers: cluster.url(), replicas, ..link }, dir.path());
}
