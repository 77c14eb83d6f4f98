//! Publishing into a stream of which this process is the one writer: pipelined, in order, each message only after the
//! one before it, so that the stream has what the log says and a second writer is stopped by the first message that it
//! tries.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::Stream;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::link::{Link, Reachable, chain};

/// Messages that wait for their acknowledgement: more don't make an R3 stream faster (log-and-nats §7).
const FLIGHT_MAX: usize = 256;
/// Bytes of them: what is sent again after an error.
const FLIGHT_BYTES_MAX: usize = 8 << 20;
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

/// A message that was sent and isn't acknowledged yet.
struct Sent {
    sequence: u64,
    bytes: usize,
    acknowledged: BoxFuture<'static, Result<PublishAck, PublishError>>,
}

/// What was sent and isn't acknowledged yet, in order. Only the first is waited for: the stream answers in order.
#[derive(Default)]
struct Flight {
    sent: VecDeque<Sent>,
    bytes: usize,
}

impl Flight {
    fn has_room(&self) -> bool {
        self.sent.len() < FLIGHT_MAX && self.bytes < FLIGHT_BYTES_MAX
    }

    fn push(&mut self, sequence: u64, bytes: usize, acknowledged: PublishAckFuture) {
        self.bytes += bytes;
        self.sent.push_back(Sent { sequence, bytes, acknowledged: acknowledged.into_future() });
    }

    /// The sequence of the first, once it is acknowledged; for ever pending when there is none. Nothing is lost when
    /// this is dropped before it ends.
    async fn first<E>(&mut self) -> Result<u64, Halt<E>> {
        let Some(Sent { sequence, bytes, acknowledged }) = self.sent.front_mut() else {
            return std::future::pending().await;
        };
        let (sequence, bytes, acknowledged) = (*sequence, *bytes, acknowledged.await);
        self.sent.pop_front();
        self.bytes -= bytes;
        match acknowledged {
            Ok(acknowledged) if acknowledged.sequence == sequence => Ok(sequence),
            Ok(other) => Err(Halt::Trouble(format!("sequence {sequence} was taken as {}", other.sequence))),
            // Whether somebody else wrote, or this very message came twice, the stream's end tells.
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                Err(Halt::Trouble(format!("sequence {sequence} is not the next one")))
            }
            Err(error) => Err(Halt::trouble(&error)),
        }
    }
}

/// Publishes until something goes wrong or there is no more.
async fn pump<W: Writer>(writer: &W, queue: &mut W::Queue, wait: &mut Duration) -> Result<(), Halt<ErrorOf<W>>> {
    let mut reachable = writer.link().reachable();
    let mut flight = Flight::default();
    loop {
        tokio::select! {
            due = queue.next(), if flight.has_room() => {
                let Some(Due { sequence, subject, message, bytes }) = due? else { return Ok(()) };
                let message = message.expected_last_sequence(sequence - 1);
                let sent = writer.link().jetstream.send_publish(subject, message).await;
                flight.push(sequence, bytes, sent.map_err(|error| Halt::trouble(&error))?);
            }
            sequence = flight.first(), if !flight.sent.is_empty() => {
                let mut sequence = sequence?;
                // Who waits for acknowledgements is woken once for all that have come.
                while let Some(next) = flight.first().now_or_never() {
                    sequence = next?;
                }
                *wait = RETRY_WAIT_MIN;
                writer.acknowledge(sequence);
            }
            () = doubt(&mut reachable), if flight.sent.is_empty() => look(writer).await?,
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
