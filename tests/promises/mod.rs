//! What the bus promises, asked of every bus: within one process, over one NATS server, and over a cluster of three.
//!
//! An emitter that records what it is told, and a receiver that hears it, are all that runs; what they say of each other
//! is compared with the emitter's own log.

mod pair;

use std::path::Path;
use std::time::{Duration, Instant};

use ledger::{EventId, Fact, Hash, Rejection, Scope};
use runtime::bus::AskKey;
use runtime::log::PAYLOAD_BYTES_MAX;
use runtime::nats::OutboxError;
use runtime::source::Published;
use tokio::task::JoinSet;

use crate::nats::{Cluster, Server};
use pair::{EMITTER, Meeting, PATIENCE, Pair, command, refusal, text};

/// What an event has besides its text.
const ENVELOPE_BYTES: usize = 256;
/// Bytes that a receiver may be sent that takes nothing: the deliveries that wait for it, and two pulls.
const AHEAD_BYTES_MAX: u64 = 20 << 20;

fn key(seed: &str, content: &str) -> AskKey {
    AskKey { seed: Hash::of(seed.as_bytes()), content: Hash::of(content.as_bytes()) }
}

/// Every fact is heard in order, without a gap and once, whoever restarts in whatever way.
fn heard_once_in_order(pair: &mut Pair) {
    pair.tell(40, 10);
    pair.check_heard();
    pair.without_receiver(|pair| pair.tell(300, 10));
    // What was just recorded isn't published yet when the process ends.
    pair.tell(30, 10);
    pair.restart_emitter(true);
    pair.without_receiver(|pair| {
        pair.tell(7, 10);
        pair.restart_emitter(true);
        pair.tell(1, 10);
    });
    pair.tell(5, 10);
    pair.check_heard();
}

/// A source says what the emitter's own log says, wherever one begins.
fn read_from_anywhere(pair: &mut Pair) {
    let kept = key("kept", "content");
    pair.ask(&text(pair.told, 10), Some(kept)).expect("it is recorded");
    pair.told += 1;
    pair.check_heard();
    let (source, recorded, last) = (pair.source(), pair.recorded(), pair.told);
    let from = pair.seen_from();
    assert_eq!(from.runtime.block_on(source.position()).expect("it answers"), last);
    assert_eq!(source.last().expect("it is open"), last);
    for sequence in [1, 2, 3, last / 2, last - 1, last, last + 1, last + 1_000] {
        let rest = recorded.get(usize::try_from(sequence - 1).expect("few")..).unwrap_or_default();
        let read: Vec<Published> = source.own(sequence).map(|fact| fact.expect("a fact")).collect();
        assert_eq!(read, rest, "from {sequence} on");
        assert_eq!(source.own_at(sequence).expect("it answers").as_ref(), rest.first(), "at {sequence}");
    }
    let known = |seed: &Hash| {
        let id = EventId::derive(seed, EMITTER.service, 0);
        from.runtime.block_on(source.content_of(id)).expect("it answers")
    };
    assert_eq!((known(&kept.seed), known(&Hash::ZERO)), (Some(kept.content), None));
}

/// A batch of facts of the largest size comes through, and so do a request and a reply that are larger than a message.
fn large_ones_come_whole(pair: &mut Pair) {
    let bytes = PAYLOAD_BYTES_MAX - ENVELOPE_BYTES;
    let lines: Vec<String> = (0..40).map(|line| text(pair.told + line, bytes)).collect();
    let answer = pair.ask(&lines.join("\n"), None).expect("it is recorded");
    let answered = answer.events.iter().map(|event| match &event.fact {
        Fact::FileRejected { note, .. } => note,
        other => panic!("{other:?}"),
    });
    assert!(answered.eq(&lines), "the reply has what was asked for");
    pair.told += 40;
    assert_eq!(answer.sequence, pair.told);
    pair.check_heard();
}

/// What is asked fifty times with one key is done once; another content under that key is refused.
fn asked_often_done_once(pair: &mut Pair) {
    let (from, once) = (pair.seen_from(), key("once", "content"));
    let mut asks = JoinSet::new();
    for _ in 0..50 {
        let bus = from.bus.clone();
        let ask = async move { bus.ask(command("0\n1\n2"), Scope::operator(), Some(once)).await };
        asks.spawn_on(ask, from.runtime.handle());
    }
    let answers = from.runtime.block_on(asks.join_all());
    pair.told += 3;
    let mut first = 0;
    for answer in answers {
        let answer = answer.expect("it is recorded");
        assert_eq!((answer.events.len(), answer.sequence), (3, pair.told));
        first += usize::from(!answer.repeated);
    }
    assert_eq!(first, 1, "the others are repetitions");
    assert_eq!(pair.ask("3", Some(key("once", "other"))).unwrap_err(), Rejection::KeyReused);
    pair.check_heard();
}

/// A refusal comes as it was given, be it longer than a message, and leaves nothing behind.
fn refused_whole(pair: &mut Pair) {
    for length in [0, 10, 700 << 10] {
        let note = format!("refuse{}", "!".repeat(length));
        assert_eq!(pair.ask(&note, None).unwrap_err(), refusal(&note), "{length}");
    }
    pair.tell(1, 10);
    pair.check_heard();
}

/// A receiver that stands still is sent a bounded number of bytes, and holds nobody up.
fn slow_receivers_are_sent_little(pair: &mut Pair) {
    let sent = |pair: &Pair| match &pair.meeting {
        Meeting::Log => 0,
        Meeting::Server(server) => server.sent_to("usage-ledger receiver"),
        Meeting::Cluster(cluster) => cluster.members.iter().map(|member| member.sent_to("usage-ledger receiver")).sum(),
    };
    let gate = pair.gate.clone();
    let before = sent(pair);
    let shut = gate.write().expect("nobody panics at the gate");
    for _ in 0..10 {
        pair.tell(40, 100_000);
    }
    if let Meeting::Server(server) = &pair.meeting {
        wait_for("the publisher, which nobody holds up", || server.last(EMITTER.service) == pair.told);
    }
    let ahead = sent(pair) - before;
    drop(shut);
    assert!(ahead <= AHEAD_BYTES_MAX, "{ahead} bytes were sent to who took none");
    pair.check_heard();
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < PATIENCE, "waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Every promise in turn, on one bus.
fn check(meeting: impl FnOnce(&Path) -> Meeting) {
    let pair = &mut Pair::new(meeting);
    for promise in [
        heard_once_in_order,
        read_from_anywhere,
        asked_often_done_once,
        refused_whole,
        large_ones_come_whole,
        slow_receivers_are_sent_little,
    ] {
        promise(pair);
    }
}

#[test]
fn promises_within_one_process() {
    check(|_| Meeting::Log);
}

#[test]
fn promises_over_one_server() {
    check(|dir| Meeting::Server(Server::start(dir)));
}

#[test]
fn promises_over_a_cluster_of_three() {
    check(|dir| Meeting::Cluster(Cluster::start(dir)));
}

/// Goal: nobody takes what the emitter didn't publish, and the emitter tells of it. Method: messages are laid into its
/// stream by hand while it is stopped; then the stream is deleted, as it says, and filled anew.
#[test]
fn promises_despite_foreign_messages() {
    let pair = &mut Pair::new(|dir| Meeting::Server(Server::start(dir)));
    let bytes = |fact: &Published| [&fact.header.encode()[..], &fact.payload].concat();
    pair.tell(3, 10);
    pair.check_heard();
    let last = pair.recorded().pop().expect("a fact");
    // What the emitter publishes twice is refused, however late the second time is.
    let again = pair.meeting.server().publish(EMITTER.service, Some(last.header.sequence - 1), &bytes(&last));
    assert_eq!(again["error"]["err_code"], 10_071, "{again}");
    let half = bytes(&last)[..60].to_vec();
    for kind in ["garbage", "half of a fact", "a fact again", "a fact that continues nothing"] {
        let last = pair.recorded().pop().expect("a fact");
        let mut forged = last.clone();
        forged.header.sequence += 1;
        let message = match kind {
            "garbage" => b"damaged".to_vec(),
            "half of a fact" => half.clone(),
            "a fact again" => bytes(&last),
            _ => bytes(&forged),
        };
        pair.stop_emitter();
        let server = pair.meeting.server();
        let sent = server.sent_to("usage-ledger receiver");
        server.publish(EMITTER.service, None, &message);
        wait_for("the receiver to be sent it", || server.sent_to("usage-ledger receiver") > sent);
        match pair.emitter_is_refused() {
            OutboxError::Foreign { last: at, .. } => assert_eq!(at, last.header.sequence + 1, "{kind}"),
            OutboxError::Behind { own, .. } => assert_eq!((own, &message), (pair.told, &bytes(&forged)), "{kind}"),
            other => panic!("{kind}: {other}"),
        }
        pair.meeting.server().delete(EMITTER.service);
        pair.start_emitter();
        pair.tell(2, 10);
        pair.check_heard();
    }
}

/// Goal: what may yet turn out to have reached nobody is given to nobody. Method: the stream takes nothing, because two
/// of its three servers are gone, while the emitter records and can still be asked.
#[test]
fn promises_without_a_majority() {
    let pair = &mut Pair::new(|dir| Meeting::Cluster(Cluster::start(dir)));
    pair.tell(3, 10);
    pair.check_heard();
    pair.meeting.cluster().members[..2].iter_mut().for_each(Server::stop);
    pair.tell(1, 10);
    let source = pair.source();
    wait_for("the emitter's word", || match source.own_at(pair.told) {
        Ok(fact) => panic!("{fact:?} was given"),
        Err(error) => error.to_string().contains("isn't published yet"),
    });
    pair.meeting.cluster().members[..2].iter_mut().for_each(Server::go_on);
    pair.check_heard();
}
