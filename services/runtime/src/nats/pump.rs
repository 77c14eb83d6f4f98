//! Publishing into a stream of which this process is the one writer, in order, so that the stream has what the log says
//! and a second writer is stopped by the first message that it tries.
//!
//! Messages are sent one behind the other. The sequence that each expects isn't enough then: where a writer was relieved
//! its first message is refused, since its successor wrote there, and to its second it looks as if the first had come. So
//! messages that are in flight together are a batch of JetStream's fast ingest (ADR-50 of NATS), without gaps: once one is
//! refused or lost, nothing of its batch is taken any more. Such a batch isn't kept back until it is whole, has no limit,
//! and is acknowledged every so many messages instead of every one. It ends when there is nothing more to publish, and what
//! comes after it waits until all of it is acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::message::{OutboundMessage, PublishMessage};
use async_nats::jetstream::stream::Stream;
use async_nats::{Message, Subscriber};
use futures_util::{FutureExt, StreamExt};
use serde::Deserialize;
use tokio::sync::watch;

use super::link::{Link, Reachable, chain};

/// Messages that wait for their acknowledgement, and bytes of them: what is sent again after an error.
const FLIGHT_MAX: usize = 256;
const FLIGHT_BYTES_MAX: usize = 16 << 20;
/// Messages of a batch that are acknowledged together; the server may do it more often.
const ACKNOWLEDGED_EACH: usize = 32;
/// How long an acknowledgement may take: a leader election takes about five seconds.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);
/// How often a stream is looked at to which nothing was published: one that was deleted is made and filled again.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The pauses between two attempts.
const RETRY_WAIT_MIN: Duration = Duration::from_millis(50);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(2);

/// What keeps an attempt from going on, or the writer from publishing at all.
#[derive(Debug)]
pub(crate) enum Halt<E> {
    /// Worth another attempt.
    Trouble(String),
    /// This process may not go on.
    For(E),
}

impl<E> From<E> for Halt<E> {
    fn from(error: E) -> Self {
        Self::For(error)
    }
}

impl<E> Halt<E> {
    /// Trouble with its reasons.
    pub(crate) fn trouble(error: &dyn std::error::Error) -> Self {
        Self::Trouble(chain(error))
    }
}

/// A message and the sequence that it must get.
pub(crate) struct Due {
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    pub(crate) message: PublishMessage,
    pub(crate) bytes: usize,
}

/// What is to be published, one after the other.
pub(crate) trait Queue: Send {
    /// Why this process may not go on.
    type Error: Send;

    /// The next message as soon as there is one; none when there will be no more. Nothing is lost when this is dropped
    /// before it ends.
    fn next(&mut self) -> impl Future<Output = Result<Option<Due>, Halt<Self::Error>>> + Send;

    /// Whether more is on its way already where the next message isn't there yet.
    fn has_more(&self) -> bool {
        false
    }
}

/// A writer of a stream.
pub(crate) trait Writer: Sync {
    /// What it publishes after the end of its stream.
    type Queue: Queue;

    /// The connection.
    fn link(&self) -> &Link;
    /// The name of its stream.
    fn stream(&self) -> String;
    /// Makes the stream and finds out what comes after its end.
    fn resume(&self) -> impl Future<Output = Result<Self::Queue, Halt<<Self::Queue as Queue>::Error>>> + Send;
    /// How far the stream has acknowledged.
    fn acknowledged(&self) -> u64;
    /// Notes that it has acknowledged up to a sequence.
    fn acknowledge(&self, sequence: u64);
    /// Notes that an attempt has to be made again.
    fn failed(&self, reason: &str);
}

type ErrorOf<W> = <<W as Writer>::Queue as Queue>::Error;

/// Makes sure that this process is the one that writes the stream. Waits for NATS.
pub(crate) async fn open<W: Writer>(writer: &W) -> Result<(), ErrorOf<W>> {
    let mut wait = RETRY_WAIT_MIN;
    loop {
        writer.link().reached().await;
        match writer.resume().await {
            Ok(_) => return Ok(()),
            Err(Halt::For(error)) => return Err(error),
            Err(Halt::Trouble(reason)) => pause(writer, &mut wait, &reason).await,
        }
    }
}

/// Publishes until told to stop, or until there is no more.
pub(crate) async fn run<W: Writer>(writer: &W, mut stop: watch::Receiver<bool>) -> Result<(), ErrorOf<W>> {
    let mut wait = RETRY_WAIT_MIN;
    loop {
        let attempt = async {
            let mut queue = writer.resume().await?;
            pump(writer, &mut queue, &mut wait).await
        };
        let halt = tokio::select! {
            ended = attempt => ended,
            _ = stop.changed() => return Ok(()),
        };
        match halt {
            Ok(()) => return Ok(()),
            Err(Halt::For(error)) => return Err(error),
            Err(Halt::Trouble(reason)) => tokio::select! {
                () = pause(writer, &mut wait, &reason) => {}
                _ = stop.changed() => return Ok(()),
            },
        }
    }
}

async fn pause<W: Writer>(writer: &W, wait: &mut Duration, reason: &str) {
    writer.failed(reason);
    tokio::time::sleep(*wait).await;
    *wait = RETRY_WAIT_MAX.min(*wait * 2);
    writer.link().reached().await;
}

/// What was taken and isn't acknowledged yet: at most one batch.
struct Flight<'a> {
    link: &'a Link,
    answers: Subscriber,
    /// Where the stream answers what is sent in a batch, without the batch's number. No other writer's batches are called
    /// so, of this process or another one.
    name: String,
    /// Of the batch, from 1.
    number: u64,
    /// The sequence that the batch comes behind.
    follows: u64,
    /// How many messages of the batch were sent.
    messages: u64,
    /// Whether the last message of the batch was sent.
    is_ended: bool,
    /// What was sent, in order: sequences and bytes.
    sent: VecDeque<(u64, usize)>,
    /// What was taken last. Whether it is its batch's last, what comes next tells.
    held: Option<Due>,
    /// Of all of it.
    bytes: usize,
}

/// What a stream answers: an acknowledgement in a batch (`ack`), at its end or of a single message (no type), or why
/// nothing more is taken.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Counted in the batch where it has a type, in the stream otherwise.
    #[serde(default)]
    seq: u64,
    error: Option<jetstream::Error>,
}

impl<'a> Flight<'a> {
    async fn new<E>(link: &'a Link) -> Result<Self, Halt<E>> {
        let inbox = link.client.new_inbox();
        let answers = link.client.subscribe(format!("{inbox}.>")).await.map_err(|error| Halt::trouble(&error))?;
        let unique = inbox.rsplit('.').next().unwrap_or_default();
        let name = format!("{inbox}.{unique}-");
        let (sent, held) = (VecDeque::new(), None);
        Ok(Self { link, answers, name, number: 0, follows: 0, messages: 0, is_ended: false, sent, held, bytes: 0 })
    }

    fn has_room(&self) -> bool {
        !self.is_ended && self.sent.len() < FLIGHT_MAX && self.bytes < FLIGHT_BYTES_MAX
    }

    /// Whether nothing is to be acknowledged.
    fn is_over(&self) -> bool {
        self.sent.is_empty() && self.held.is_none()
    }

    /// Takes one more, and sends the one before it.
    async fn take<E>(&mut self, due: Due) -> Result<(), Halt<E>> {
        self.bytes += due.bytes;
        match self.held.replace(due) {
            Some(before) => self.send(before, false).await,
            None => Ok(()),
        }
    }

    /// Ends the batch where nothing more is to be had now, or where the server would acknowledge nothing before there is.
    async fn settle<E>(&mut self, is_dry: bool) -> Result<(), Halt<E>> {
        let is_last = is_dry || (!self.has_room() && self.sent.len() < ACKNOWLEDGED_EACH);
        match self.held.take_if(|_| is_last) {
            Some(last) => self.send(last, true).await,
            None => Ok(()),
        }
    }

    async fn send<E>(&mut self, due: Due, is_last: bool) -> Result<(), Halt<E>> {
        let Due { sequence, subject, message, bytes } = due;
        if self.messages == 0 {
            self.number += 1;
            self.follows = sequence - 1;
        }
        self.messages += 1;
        self.is_ended = is_last;
        self.sent.push_back((sequence, bytes));
        let (name, number, messages) = (&self.name, self.number, self.messages);
        let reply = match (messages, is_last) {
            // What is alone needs no batch.
            (1, true) => format!("{name}{number}"),
            (1, false) => format!("{name}{number}.{ACKNOWLEDGED_EACH}.fail.1.0.$FI"),
            (_, false) => format!("{name}{number}.{ACKNOWLEDGED_EACH}.fail.{messages}.1.$FI"),
            (_, true) => format!("{name}{number}.{ACKNOWLEDGED_EACH}.fail.{messages}.2.$FI"),
        };
        let message = message.expected_last_sequence(sequence - 1);
        let OutboundMessage { subject, payload, headers } = message.outbound_message(subject);
        let headers = headers.unwrap_or_default();
        let sent = self.link.client.publish_with_reply_and_headers(subject, reply, headers, payload).await;
        sent.map_err(|error| Halt::trouble(&error))
    }

    /// The sequence up to which everything is acknowledged, once it is more than it was. Nothing is lost when this is
    /// dropped before it ends.
    async fn acknowledged<E>(&mut self) -> Result<u64, Halt<E>> {
        loop {
            let answer = tokio::time::timeout(ACKNOWLEDGED_WITHIN, self.answers.next()).await;
            let Ok(Some(answer)) = answer else {
                return Err(Halt::Trouble(format!("nobody acknowledges what follows sequence {}", self.follows)));
            };
            let Some(sequence) = self.understand(&answer).map_err(Halt::Trouble)? else { continue };
            let before = self.sent.len();
            while let Some((_, bytes)) = self.sent.pop_front_if(|(sent, _)| *sent <= sequence) {
                self.bytes -= bytes;
            }
            if self.sent.len() < before {
                return Ok(sequence);
            }
        }
    }

    /// The last sequence that an answer acknowledges, or why nothing more will be.
    fn understand(&mut self, answer: &Message) -> Result<Option<u64>, String> {
        let ours = answer.subject.strip_prefix(&*self.name).and_then(|rest| rest.split('.').next()?.parse().ok());
        if ours != Some(self.number) || self.messages == 0 {
            // Of a batch that has ended.
            return Ok(None);
        }
        if let Some(status) = answer.status {
            return Err(format!("nobody takes what is published ({status})"));
        }
        let said: Answer = serde_json::from_slice(&answer.payload).map_err(|error| chain(&error))?;
        let last = self.follows + self.messages;
        let (sequence, is_end) = match (said.kind.as_deref(), said.error) {
            (_, Some(error)) => return Err(format!("what follows sequence {} is refused: {error}", self.follows)),
            (Some("ack"), None) => (self.follows.saturating_add(said.seq), false),
            (None, None) => (said.seq, true),
            (Some(other), None) => return Err(format!("what follows sequence {} has a {other}", self.follows)),
        };
        if sequence > last || (is_end && !(self.is_ended && sequence == last)) {
            return Err(format!("sequence {last} was taken as {sequence}"));
        }
        if is_end {
            (self.messages, self.is_ended) = (0, false);
        }
        Ok(Some(sequence))
    }
}

/// Publishes until something goes wrong, or all that there will be is acknowledged.
async fn pump<W: Writer>(writer: &W, queue: &mut W::Queue, wait: &mut Duration) -> Result<(), Halt<ErrorOf<W>>> {
    let mut reachable = writer.link().reachable();
    let (mut flight, mut is_more) = (Flight::new(writer.link()).await?, true);
    loop {
        while is_more
            && flight.has_room()
            && let Some(due) = queue.next().now_or_never()
        {
            match due? {
                Some(due) => flight.take(due).await?,
                None => is_more = false,
            }
        }
        let is_dry = flight.has_room() && !(is_more && queue.has_more());
        flight.settle(is_dry).await?;
        if !is_more && flight.is_over() {
            return Ok(());
        }
        tokio::select! {
            due = queue.next(), if is_more && flight.has_room() => match due? {
                Some(due) => flight.take(due).await?,
                None => is_more = false,
            },
            sequence = flight.acknowledged(), if !flight.sent.is_empty() => {
                let mut sequence = sequence?;
                // Who waits for acknowledgements is woken once for all that have come.
                while let Some(next) = flight.acknowledged().now_or_never() {
                    sequence = next?;
                }
                *wait = RETRY_WAIT_MIN;
                writer.acknowledge(sequence);
            }
            () = doubt(&mut reachable), if flight.is_over() => look(writer).await?,
        }
    }
}

/// Waits until the stream is to be looked at: NATS was away, or a while has gone by.
async fn doubt(reachable: &mut watch::Receiver<Reachable>) {
    let back = async { while reachable.changed().await.is_ok() && *reachable.borrow() != Reachable::Yes {} };
    tokio::select! {
        () = tokio::time::sleep(LOOK_EVERY) => {}
        () = back => {}
    }
}

/// Whether the stream still ends with what it acknowledged.
async fn look<W: Writer>(writer: &W) -> Result<(), Halt<ErrorOf<W>>> {
    let stream = writer.link().jetstream.get_stream(writer.stream()).await;
    let last = end(&stream.map_err(|error| Halt::trouble(&error))?);
    let acknowledged = writer.acknowledged();
    let same = last == acknowledged;
    if same { Ok(()) } else { Err(Halt::Trouble(format!("the stream ends at {last}, not at {acknowledged}"))) }
}

/// The last sequence of a stream as it was when it was looked at.
pub(crate) fn end(stream: &Stream) -> u64 {
    stream.cached_info().state.last_sequence
}
