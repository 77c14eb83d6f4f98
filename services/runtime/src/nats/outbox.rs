//! Publishing a host's own facts, so that the stream's sequence is the chain's.

use async_nats::jetstream::message::PublishMessage;
use ledger::HostId;
use thiserror::Error;
use tokio::sync::watch;

use super::address;
use super::far::decode;
use super::link::Link;
use super::pump::{self, Due, Halt, Queue, Writer};
use super::stream::set_up;
use crate::log::{Entry, Header, LogError, LogReader, OwnEntries, Synced};
use crate::source::Source;

/// A host may not publish: it is no longer the writer, or never was.
#[derive(Debug, Error)]
pub enum OutboxError {
    /// Somebody else wrote on from the same history.
    #[error(
        "{host} was overtaken: another process published sequence {last} of it. What this one holds from sequence \
         {last} to {own} reached nobody; keep this data directory, since these facts are nowhere else, and start the \
         product with the other one"
    )]
    Overtaken {
        /// Who.
        host: HostId,
        /// The last sequence of the stream.
        last: u64,
        /// The last sequence here.
        own: u64,
    },
    /// The log here is shorter than what was published from it.
    #[error(
        "{host} published up to sequence {last}, but its log here ends at {own}: this is an old copy of the data \
         directory, or another process writes. Start the product with the directory that was used last"
    )]
    Behind {
        /// Who.
        host: HostId,
        /// The last sequence of the stream.
        last: u64,
        /// The last sequence here.
        own: u64,
    },
    /// Something stands in the stream that no writer of the product would publish there.
    #[error(
        "the stream {stream} holds something at sequence {last} that isn't a fact of {host}: somebody else may publish \
         on {subject}. Nobody takes it. Find out who, delete the stream and start again: it is filled anew from the log"
    )]
    Foreign {
        /// Who.
        host: HostId,
        /// Which stream.
        stream: String,
        /// Where it was published.
        subject: String,
        /// The last sequence of the stream.
        last: u64,
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

/// How far a host has published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// The last sequence that the stream has acknowledged, with everything before it.
    pub acknowledged: u64,
    /// The highest that it ever was since the start: what lies beyond may turn out to have reached nobody.
    pub reached: u64,
    /// Attempts that had to be made again since the start.
    pub retries: u64,
}

/// The publisher of one host.
#[derive(Clone, Debug)]
pub struct Outbox {
    link: Link,
    reader: LogReader,
    progress: watch::Sender<Outgoing>,
}

impl Outbox {
    /// A publisher of a host of this process.
    #[must_use]
    pub fn new(link: Link, reader: LogReader) -> Self {
        Self { link, reader, progress: watch::Sender::new(Outgoing::default()) }
    }

    /// What is published.
    #[must_use]
    pub fn source(&self) -> Source {
        self.reader.clone().into()
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Outgoing> {
        self.progress.subscribe()
    }

    /// Makes the stream, and makes sure that this log is the one that was published from. Waits for NATS.
    ///
    /// # Errors
    /// When this process may not write for the host.
    pub async fn open(&self) -> Result<(), OutboxError> {
        pump::open(self).await
    }

    /// Publishes what is durable, until told to stop.
    ///
    /// # Errors
    /// When this process may not write for the host any more.
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<(), OutboxError> {
        pump::run(&self, stop).await
    }

    /// What the stream ends with must be what stands at that sequence here.
    fn compare(&self, last: u64, published: Option<&Header>) -> Result<(), OutboxError> {
        let host = self.reader.host();
        let Some(published) = published.filter(|header| header.sequence == last) else {
            let (stream, subject) = (address::stream(host), address::facts(host));
            return Err(OutboxError::Foreign { host, stream, subject, last });
        };
        let failed = |source| OutboxError::Log { host, source };
        let (own, _) = self.reader.head().map_err(failed)?;
        let Some(entry) = self.reader.own_at(last).map_err(failed)? else {
            return Err(OutboxError::Behind { host, last, own });
        };
        let same = published.hash() == entry.header.hash();
        if same { Ok(()) } else { Err(OutboxError::Overtaken { host, last, own }) }
    }
}

impl Writer for Outbox {
    type Queue = OwnFacts;

    fn link(&self) -> &Link {
        &self.link
    }

    fn stream(&self) -> String {
        address::stream(self.reader.host())
    }

    /// After the last fact of the stream, which must be this log's.
    async fn resume(&self) -> Result<OwnFacts, Halt<OutboxError>> {
        let host = self.reader.host();
        set_up(&self.link, host).await.map_err(|error| Halt::Trouble(error.to_string()))?;
        let stream = self.link.jetstream.get_stream(self.stream()).await.map_err(|error| Halt::trouble(&error))?;
        let last = pump::end(&stream);
        if last > 0 {
            let message = stream.get_raw_message(last).await.map_err(|error| Halt::trouble(&error))?;
            let published = decode(host, &message.payload).map(|published| published.header);
            self.compare(last, published.as_ref())?;
        }
        self.acknowledge(last);
        let synced = self.reader.synced().map_err(|source| OutboxError::Log { host, source })?;
        Ok(OwnFacts { host, entries: self.reader.own(last + 1), synced })
    }

    fn acknowledged(&self) -> u64 {
        self.progress.borrow().acknowledged
    }

    fn acknowledge(&self, sequence: u64) {
        self.progress.send_modify(|progress| {
            progress.acknowledged = sequence;
            progress.reached = progress.reached.max(sequence);
        });
    }

    fn failed(&self, reason: &str) {
        tracing::warn!(host = %self.reader.host(), reason, "could not publish; trying again");
        self.progress.send_modify(|progress| progress.retries += 1);
    }
}

/// The own facts of a host that its stream doesn't have yet.
pub(crate) struct OwnFacts {
    host: HostId,
    entries: OwnEntries,
    synced: watch::Receiver<Synced>,
}

impl Queue for OwnFacts {
    type Error = OutboxError;

    async fn next(&mut self) -> Result<Option<Due>, Halt<OutboxError>> {
        loop {
            self.synced.mark_unchanged();
            let failed = |source| OutboxError::Log { host: self.host, source };
            if let Some(Entry { header, payload, .. }) = self.entries.next().transpose().map_err(failed)? {
                let bytes = [&header.encode()[..], payload.as_deref().unwrap_or_default()].concat();
                let (subject, length) = (address::facts(self.host), bytes.len());
                let message = PublishMessage::build().payload(bytes.into());
                return Ok(Some(Due { sequence: header.sequence, subject, message, bytes: length }));
            }
            if self.synced.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}
