//! The feed of accepted records as a stream: every message that a service's facts tell, once, in the order of its chain.
//!
//! Nothing is noted here of how far the feed is: its last message says so, and what comes after it is made again from
//! the log.

use std::marker::PhantomData;

use async_nats::HeaderMap;
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{Compression, Config, Source, SubjectTransform};
use ledger::{Event, HostId, Partition, ServiceName};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::address;
use super::link::Link;
use super::outbox::Outgoing;
use super::pump::{self, Due, Halt, Queue, Writer};
use super::stream::{self, StreamError};
use crate::feed::{Form, Position, Teller, Told};
use crate::log::{Entry, LogError, LogReader};
use crate::records::Records;

/// What a message is: a name of [`proto::feed::Kind`].
pub const KIND: &str = "Ledger-Kind";
/// The partition of its file, which has a chain of its own.
pub const PARTITION: &str = "Ledger-Partition";
/// Where it stands in that chain: the sequence of its fact, and its number among the fact's messages.
pub const POSITION: &str = "Ledger-Position";
/// When its fact was recorded.
pub const TIME: &str = "Ledger-Time";
/// The hash of its fact's header: the same position of another history has another.
pub const FACT: &str = "Ledger-Fact";
/// How it is written: [`Form::content_type`].
pub const CONTENT_TYPE: &str = "Content-Type";

/// Messages that wait for the publisher.
const QUEUE_MAX: usize = 16;

/// A feed may not go on.
#[derive(Debug, Error)]
pub enum FeedError {
    /// The stream ends with what another log told.
    #[error(
        "the stream {stream} ends at position {position}, which {host} didn't tell: it was published from another log. \
         If this data directory is the right one, delete the stream: it is filled again from the beginning"
    )]
    Foreign {
        /// The stream.
        stream: String,
        /// What its last message says.
        position: String,
        /// Whose log is read here.
        host: HostId,
    },
    /// The log can't be read.
    #[error("could not read the log of {host}")]
    Log {
        /// Whose.
        host: HostId,
        /// Why not.
        #[source]
        source: LogError,
    },
}

fn config(partition: Partition, replicas: usize) -> Config {
    Config {
        // What is sent again and again, names and ids, takes little room.
        compression: Some(Compression::S2),
        ..stream::config(
            address::accepted_stream(partition),
            "Accepted records for billing systems, made from the log of extraction.".to_owned(),
            address::told(partition, address::ALL_ACCEPTED),
            replicas,
        )
    }
}

/// The stream that billing systems read where there are several partitions: NATS copies into it what each of them
/// publishes, in its order, to the subjects that billing systems know.
fn gathering(partitions: u16, replicas: usize) -> Config {
    let source = |partition| {
        let subject = address::told(partition, address::ALL_ACCEPTED);
        let destination = address::ALL_ACCEPTED.to_owned();
        let moved = (subject != destination).then_some(SubjectTransform { source: subject, destination });
        let name = address::accepted_stream(partition);
        Source { name, subject_transforms: moved.into_iter().collect(), ..Source::default() }
    };
    let own = config(Partition::default(), replicas);
    Config {
        name: address::accepted_of_all(partitions),
        description: Some("Accepted records for billing systems, of all partitions.".to_owned()),
        subjects: Vec::new(),
        sources: Some((0..partitions).map(Partition).map(source).collect()),
        ..own
    }
}

/// Makes the streams of accepted records, or brings those that are there to the number of replicas, and of partitions,
/// that is wanted.
///
/// # Errors
/// See [`stream::set_up`].
pub async fn set_up(link: &Link, partitions: u16) -> Result<(), StreamError> {
    for partition in (0..partitions).map(Partition) {
        stream::make(link, config(partition, link.replicas)).await?;
    }
    if partitions > 1 {
        stream::make(link, gathering(partitions, link.replicas)).await?;
    }
    Ok(())
}

/// The publisher of a feed.
#[derive(Debug)]
pub struct Feed<T> {
    link: Link,
    partitions: u16,
    reader: LogReader,
    records: Records,
    /// How far the facts themselves are published: only those are told, since whoever overtakes this process goes on
    /// from them.
    published: watch::Receiver<Outgoing>,
    progress: watch::Sender<Outgoing>,
    /// The last own fact that was gone through.
    gone_through: watch::Sender<u64>,
    teller: PhantomData<fn() -> T>,
}

impl<T: Teller> Feed<T> {
    /// A publisher of what a host's facts tell, in a ledger of so many partitions.
    #[must_use]
    pub fn new(
        link: Link,
        partitions: u16,
        reader: LogReader,
        records: Records,
        published: watch::Receiver<Outgoing>,
    ) -> Self {
        let progress = watch::Sender::new(Outgoing::default());
        let gone_through = watch::Sender::new(0);
        Self { link, partitions, reader, records, published, progress, gone_through, teller: PhantomData }
    }

    /// How far it has come, in sequences of its stream.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Outgoing> {
        self.progress.subscribe()
    }

    /// How far it has gone through the facts, in sequences of their host.
    #[must_use]
    pub fn gone_through(&self) -> watch::Receiver<u64> {
        self.gone_through.subscribe()
    }

    /// Publishes until told to stop.
    ///
    /// # Errors
    /// See [`FeedError`].
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<(), FeedError> {
        pump::run(&self, stop).await
    }

    /// Where the stream ends; none before its first message.
    fn position(&self, last: &StreamMessage) -> Result<(Position, Form), FeedError> {
        let host = self.reader.host();
        let text = |name: &str| last.headers.get(name).map_or("", |value| value.as_str());
        let foreign = || FeedError::Foreign { stream: self.stream(), position: text(POSITION).to_owned(), host };
        let position = Position::parse(text(POSITION)).ok_or_else(foreign)?;
        let form = Form::of(text(CONTENT_TYPE)).ok_or_else(foreign)?;
        let told = self.reader.own_at(position.sequence).map_err(|source| FeedError::Log { host, source })?;
        let same = told.is_some_and(|entry| entry.header.hash().to_string() == text(FACT));
        if same { Ok((position, form)) } else { Err(foreign()) }
    }
}

impl<T: Teller> Writer for Feed<T> {
    type Queue = Making;

    fn link(&self) -> &Link {
        &self.link
    }

    fn stream(&self) -> String {
        address::accepted_stream(self.reader.host().partition)
    }

    async fn resume(&self) -> Result<Making, Halt<FeedError>> {
        set_up(&self.link, self.partitions).await.map_err(|error| Halt::Trouble(error.to_string()))?;
        let stream = self.link.jetstream.get_stream(self.stream()).await.map_err(|error| Halt::trouble(&error))?;
        let last = pump::end(&stream);
        let after = if last > 0 {
            let message = stream.get_raw_message(last).await.map_err(|error| Halt::trouble(&error))?;
            Some(self.position(&message)?)
        } else {
            None
        };
        self.acknowledge(last);
        let (made, messages) = mpsc::channel(QUEUE_MAX);
        let maker = Maker {
            reader: self.reader.clone(),
            records: self.records.clone(),
            published: self.published.clone(),
            gone_through: self.gone_through.clone(),
            after,
            next: last + 1,
            made,
            runtime: Handle::current(),
        };
        tokio::task::spawn_blocking(move || maker.run::<T>());
        Ok(Making(messages))
    }

    fn acknowledged(&self) -> u64 {
        self.progress.borrow().acknowledged
    }

    fn acknowledge(&self, sequence: u64) {
        self.progress.send_modify(|progress| progress.acknowledged = sequence);
    }

    fn failed(&self, reason: &str) {
        tracing::warn!(stream = self.stream(), reason, "could not publish; trying again");
        self.progress.send_modify(|progress| progress.retries += 1);
    }
}

/// Messages as they are made, in a thread of their own: records may have to be fetched for them.
pub(crate) struct Making(mpsc::Receiver<Result<Due, Halt<FeedError>>>);

impl Queue for Making {
    type Error = FeedError;

    async fn next(&mut self) -> Result<Option<Due>, Halt<FeedError>> {
        // None: the log is closed.
        self.0.recv().await.transpose()
    }
}

/// Makes the messages that come after the end of the stream.
struct Maker {
    reader: LogReader,
    records: Records,
    published: watch::Receiver<Outgoing>,
    gone_through: watch::Sender<u64>,
    /// What the stream ends with.
    after: Option<(Position, Form)>,
    /// The sequence of the next message in the stream.
    next: u64,
    made: mpsc::Sender<Result<Due, Halt<FeedError>>>,
    runtime: Handle,
}

impl Maker {
    fn run<T: Teller>(mut self) {
        if let Err(halt) = self.make::<T>() {
            // Nobody waits for it any more when the attempt has ended.
            drop(self.made.blocking_send(Err(halt)));
        }
    }

    /// Ends when the log is closed, or nobody wants the messages any more.
    fn make<T: Teller>(&mut self) -> Result<(), Halt<FeedError>> {
        let host = self.reader.host();
        let failed = |source| FeedError::Log { host, source };
        let mut synced = self.reader.synced().map_err(failed)?;
        let mut entries = self.reader.entries(1);
        let mut teller = T::default();
        loop {
            synced.mark_unchanged();
            while let Some(entry) = entries.next().transpose().map_err(failed)? {
                if !self.take(&mut teller, &entry)? {
                    return Ok(());
                }
            }
            let more = async {
                tokio::select! {
                    changed = synced.changed() => changed.is_ok(),
                    () = self.made.closed() => false,
                }
            };
            if !self.runtime.block_on(more) {
                return Ok(());
            }
        }
    }

    /// Takes an entry of the log in; false when nobody wants messages any more.
    fn take<T: Teller>(&mut self, teller: &mut T, entry: &Entry) -> Result<bool, Halt<FeedError>> {
        let header = &entry.header;
        let Some(payload) = entry.payload.as_deref().filter(|_| header.host.service != ServiceName::Catalog) else {
            return Ok(true);
        };
        let event = proto::decode_event(payload).map_err(|error| Halt::trouble(&error))?;
        teller.hear(header.sequence, &event);
        let told = self.after.map_or(0, |(position, _)| position.sequence);
        if !entry.own {
            return Ok(true);
        }
        let goes_on =
            header.sequence < told || (self.is_published(header.sequence) && self.tell(teller, entry, &event)?);
        if goes_on {
            self.gone_through.send_replace(header.sequence);
        }
        Ok(goes_on)
    }

    /// Waits until a fact is published; false when nobody wants messages any more.
    fn is_published(&self, sequence: u64) -> bool {
        let mut published = self.published.clone();
        self.runtime.block_on(async {
            tokio::select! {
                reached = published.wait_for(|outgoing| outgoing.acknowledged >= sequence) => reached.is_ok(),
                () = self.made.closed() => false,
            }
        })
    }

    fn tell<T: Teller>(&mut self, teller: &T, entry: &Entry, event: &Event) -> Result<bool, Halt<FeedError>> {
        let (sequence, fact) = (entry.header.sequence, entry.header.hash().to_string());
        let (mut index, mut trouble, mut wanted) = (0, None, true);
        let records = self.records.clone();
        let told = teller.tell(event, &records, &mut |told| {
            let position = Position { sequence, index };
            index += 1;
            let sent = self.send(position, &fact, event, told);
            wanted = sent.unwrap_or_else(|halt| {
                trouble = Some(halt);
                false
            });
            wanted
        });
        told.map_err(|error| Halt::trouble(&error))?;
        match trouble {
            Some(halt) => Err(halt),
            None => Ok(wanted),
        }
    }

    /// Sends what the stream doesn't have of a message.
    fn send(&mut self, position: Position, fact: &str, event: &Event, told: Told) -> Result<bool, Halt<FeedError>> {
        for form in Form::ALL {
            if self.after.is_some_and(|after| (position, form) <= after) {
                continue;
            }
            let hub = told.hub.as_ref().map_or(address::NO_HUB, |hub| hub.as_str());
            let subject = address::accepted(&told.account, Some(hub), Some(&told.product), form);
            let subject = address::told(self.reader.host().partition, &subject);
            let payload = match form {
                Form::Protobuf => told.message.protobuf(),
                Form::Json => told.message.json().map_err(|error| Halt::trouble(&error))?,
            };
            let mut headers = HeaderMap::new();
            headers.insert(KIND, told.message.kind().name());
            headers.insert(PARTITION, self.reader.host().partition.0.to_string());
            headers.insert(POSITION, position.to_string());
            headers.insert(TIME, event.recorded_at.iso());
            headers.insert(FACT, fact);
            headers.insert(CONTENT_TYPE, form.content_type());
            let bytes = payload.len();
            let message = PublishMessage::build().payload(payload.into()).headers(headers);
            let due = Due { sequence: self.next, subject, message, bytes };
            self.next += 1;
            if self.made.blocking_send(Ok(due)).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
