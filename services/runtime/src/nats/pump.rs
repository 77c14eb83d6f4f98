//! Publishing into a stream of which this process is the one writer, in order, so that the stream has what the log says
//! and a second writer is stopped by the first message that it tries.
//!
//! Messages are sent one behind the other. The sequence that each expects isn't enough then: where a writer was relieved
//! its first message is refused, since its successor wrote there, and to its second it looks as if the first had come.
//! So a message names the one that it follows, too, which a single server checks. A cluster of servers can't, since not
//! each of them knows the name of its last message; there messages go in batches, of which all comes or nothing, and each
//! is finished once the one before it is acknowledged. Batches would cost a single server up to half of what it can take
//! (docs/performance.md).

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::{OutboundMessage, PublishMessage};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::Stream;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::link::{Link, Reachable, chain};

/// Messages that wait for their acknowledgement, and bytes of them: what is sent again after an error.
const FLIGHT_MAX: usize = 256;
const FLIGHT_BYTES_MAX: usize = 8 << 20;
/// Messages of a batch; a server takes 1,000, unless it is told otherwise.
const BATCH_MAX: usize = 500;
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
    /// What nobody else would publish at this sequence.
    pub(crate) name: String,
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

/// What was sent, wholly or in part, and isn't acknowledged yet.
struct Flight<'a> {
    link: &'a Link,
    /// In order: the stream answers so.
    sent: VecDeque<Sent>,
    bytes: usize,
    /// The name of the last message, where each names the one before it.
    last: Option<String>,
    /// What is gathered behind that, where messages go in batches.
    batch: Option<Batch>,
}

/// Something whole that is to be acknowledged.
struct Sent {
    /// Of its last message.
    sequence: u64,
    bytes: usize,
    acknowledged: BoxFuture<'static, Result<PublishAck, PublishError>>,
}

/// A batch of which a stream has all but the last message (ADR-50 of NATS).
#[derive(Default)]
struct Batch {
    /// None as long as it is one message only.
    name: Option<String>,
    /// Behind which sequence it belongs.
    follows: u64,
    messages: usize,
    bytes: usize,
    held: Option<Due>,
}

impl<'a> Flight<'a> {
    fn new(link: &'a Link) -> Self {
        let batch = (link.replicas > 1).then(Batch::default);
        Self { link, sent: VecDeque::new(), bytes: 0, last: None, batch }
    }

    fn has_room(&self) -> bool {
        let most = if self.batch.is_some() { BATCH_MAX } else { FLIGHT_MAX };
        let (messages, bytes) =
            self.batch.as_ref().map_or((self.sent.len(), self.bytes), |batch| (batch.messages, batch.bytes));
        messages < most && bytes < FLIGHT_BYTES_MAX
    }

    /// Whether nothing is to be acknowledged.
    fn is_over(&self) -> bool {
        self.sent.is_empty()
    }

    async fn take<E>(&mut self, due: Due) -> Result<(), Halt<E>> {
        match &mut self.batch {
            Some(batch) => batch.take(self.link, due).await,
            None => {
                let Due { sequence, name, subject, message, bytes } = due;
                let message = message.expected_last_sequence(sequence - 1).message_id(&name);
                let message = match self.last.replace(name) {
                    Some(before) => message.expected_last_message_id(before),
                    // The stream ended with what stands before it in the log: that was just looked at.
                    None => message,
                };
                self.send(sequence, bytes, subject, message).await
            }
        }
    }

    async fn send<E>(
        &mut self,
        sequence: u64,
        bytes: usize,
        subject: String,
        message: PublishMessage,
    ) -> Result<(), Halt<E>> {
        let sent = self.link.jetstream.send_publish(subject, message).await.map_err(|error| Halt::trouble(&error))?;
        self.bytes += bytes;
        self.sent.push_back(Sent { sequence, bytes, acknowledged: sent.into_future() });
        Ok(())
    }

    /// Sends the last message of the batch that was gathered, if there is one.
    async fn commit<E>(&mut self) -> Result<(), Halt<E>> {
        let mut batch = self.batch.as_mut().map(std::mem::take).unwrap_or_default();
        let Some(Due { sequence, subject, message, .. }) = batch.held.take() else { return Ok(()) };
        let is_alone = batch.name.is_none();
        let message = batch.marked(message);
        let message = if is_alone { message } else { message.header(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL) };
        self.send(sequence, batch.bytes, subject, message).await
    }

    /// The last sequence of what comes first, once that is acknowledged; for ever pending when there is nothing. Nothing
    /// is lost when this is dropped before it ends.
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
            Err(error)
                if matches!(
                    error.kind(),
                    PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId
                ) =>
            {
                Err(Halt::Trouble(format!("what ends with sequence {sequence} doesn't come next")))
            }
            Err(error) => Err(Halt::trouble(&error)),
        }
    }
}

impl Batch {
    /// Takes one more, and sends the one before it.
    async fn take<E>(&mut self, link: &Link, due: Due) -> Result<(), Halt<E>> {
        self.bytes += due.bytes;
        let follows = due.sequence - 1;
        let Some(Due { subject, message, .. }) = self.held.replace(due) else {
            self.follows = follows;
            return Ok(());
        };
        self.name.get_or_insert_with(|| link.client.new_inbox());
        let OutboundMessage { subject, payload, headers } = self.marked(message).outbound_message(subject);
        let sent = link.client.publish_with_headers(subject, headers.unwrap_or_default(), payload).await;
        sent.map_err(|error| Halt::trouble(&error))
    }

    /// The next message with its place in the batch.
    fn marked(&mut self, message: PublishMessage) -> PublishMessage {
        self.messages += 1;
        let is_first = self.messages == 1;
        let message = if is_first { message.expected_last_sequence(self.follows) } else { message };
        match &self.name {
            Some(name) => message.header(NATS_BATCH_ID, &**name).header(NATS_BATCH_SEQUENCE, self.messages.to_string()),
            None => message,
        }
    }
}

/// Publishes until something goes wrong, or all that there will be is acknowledged.
async fn pump<W: Writer>(writer: &W, queue: &mut W::Queue, wait: &mut Duration) -> Result<(), Halt<ErrorOf<W>>> {
    let mut reachable = writer.link().reachable();
    let (mut flight, mut is_more) = (Flight::new(writer.link()), true);
    while is_more || !flight.is_over() {
        tokio::select! {
            due = queue.next(), if is_more && flight.has_room() => match due? {
                Some(due) => flight.take(due).await?,
                None => is_more = false,
            },
            sequence = flight.first(), if !flight.is_over() => {
                let mut sequence = sequence?;
                // Who waits for acknowledgements is woken once for all that have come.
                while let Some(next) = flight.first().now_or_never() {
                    sequence = next?;
                }
                *wait = RETRY_WAIT_MIN;
                writer.acknowledge(sequence);
            }
            () = doubt(&mut reachable), if flight.is_over() => look(writer).await?,
        }
        if flight.is_over() {
            // With what else there is by now.
            while is_more
                && flight.has_room()
                && let Some(due) = queue.next().now_or_never()
            {
                match due? {
                    Some(due) => flight.take(due).await?,
                    None => is_more = false,
                }
            }
            flight.commit().await?;
        }
    }
    Ok(())
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
