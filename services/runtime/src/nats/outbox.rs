//! Publishing a host's own facts: pipelined, in order, each only after the one before it, so that the stream's sequence
//! is the chain's and a second writer is stopped by the first message that it tries.

use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use ledger::HostId;
use thiserror::Error;
use tokio::sync::watch;

use super::address;
use super::far::decode;
use super::link::{Link, chain};
use super::stream::set_up;
use crate::log::{Header, LogError, LogReader};
use crate::source::Source;

/// Facts that wait for their acknowledgement: more don't make an R3 stream faster (log-and-nats §7).
const FLIGHT_MAX: usize = 256;
/// Bytes of them: what is sent again after an error.
const FLIGHT_BYTES_MAX: usize = 8 << 20;
/// How often a stream is looked at to which nothing was published: one that was deleted is made and filled again.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The pauses between two attempts.
const RETRY_WAIT_MIN: Duration = Duration::from_millis(50);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(2);

/// A host may not publish: it is no longer the writer, or never was.
#[derive(Debug, Error)]
pub enum OutboxError {
    /// Somebody else wrote on from the same history.
    #[error(
        "{host} was overtaken: another process published sequence {last} of it. What this one holds from sequence \
         {last} to {own} reached nobody; keep this data directory, start the product with the other one, and look \
         at the stranded facts with `usage-ledger audit verify`"
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

/// What keeps an attempt from going on, or the host from publishing at all.
enum Halt {
    /// Worth another attempt.
    Trouble(String),
    For(OutboxError),
}

impl From<OutboxError> for Halt {
    fn from(error: OutboxError) -> Self {
        Self::For(error)
    }
}

/// How far a host has published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// The last sequence that the stream has acknowledged, with everything before it.
    pub acknowledged: u64,
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
        let mut wait = RETRY_WAIT_MIN;
        loop {
            self.link.reached().await;
            match self.resume().await {
                Ok(_) => return Ok(()),
                Err(Halt::For(error)) => return Err(error),
                Err(Halt::Trouble(reason)) => self.pause(&mut wait, &reason).await,
            }
        }
    }

    /// Publishes what is durable, until told to stop.
    ///
    /// # Errors
    /// When this process may not write for the host any more.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), OutboxError> {
        let mut wait = RETRY_WAIT_MIN;
        loop {
            let attempt = async {
                let next = self.resume().await?;
                self.pump(next, &mut wait).await
            };
            let halt = tokio::select! {
                ended = attempt => ended,
                _ = stop.changed() => return Ok(()),
            };
            match halt {
                Ok(()) => return Ok(()),
                Err(Halt::For(error)) => return Err(error),
                Err(Halt::Trouble(reason)) => {
                    self.progress.send_modify(|progress| progress.retries += 1);
                    tokio::select! {
                        () = self.pause(&mut wait, &reason) => {}
                        _ = stop.changed() => return Ok(()),
                    }
                }
            }
        }
    }

    async fn pause(&self, wait: &mut Duration, reason: &str) {
        tracing::warn!(host = %self.reader.host(), reason, "could not publish; trying again");
        tokio::time::sleep(*wait).await;
        *wait = RETRY_WAIT_MAX.min(*wait * 2);
        self.link.reached().await;
    }

    /// The sequence to go on with: after the last one of the stream, which must be this log's.
    async fn resume(&self) -> Result<u64, Halt> {
        let host = self.reader.host();
        set_up(&self.link, host).await.map_err(|error| Halt::Trouble(error.to_string()))?;
        let trouble = |error: &dyn std::error::Error| Halt::Trouble(chain(error));
        let stream = self.link.jetstream.get_stream(address::stream(host)).await.map_err(|error| trouble(&error))?;
        let last = stream.cached_info().state.last_sequence;
        if last > 0 {
            let message = stream.get_raw_message(last).await.map_err(|error| trouble(&error))?;
            let published = decode(host, &message.payload).map(|published| published.header);
            self.compare(last, published.as_ref())?;
        }
        self.progress.send_modify(|progress| progress.acknowledged = last);
        Ok(last + 1)
    }

    /// Whether the stream still ends with what it acknowledged.
    async fn look(&self, host: HostId) -> Result<(), Halt> {
        let stream = self.link.jetstream.get_stream(address::stream(host)).await;
        let last = stream.map_err(|error| Halt::Trouble(chain(&error)))?.cached_info().state.last_sequence;
        let acknowledged = self.progress.borrow().acknowledged;
        let same = last == acknowledged;
        if same { Ok(()) } else { Err(Halt::Trouble(format!("the stream ends at {last}, not at {acknowledged}"))) }
    }

    /// What the stream ends with must be what stands at that sequence here.
    fn compare(&self, last: u64, published: Option<&Header>) -> Result<(), OutboxError> {
        let host = self.reader.host();
        let failed = |source| OutboxError::Log { host, source };
        let (own, _) = self.reader.head().map_err(failed)?;
        let Some(entry) = self.reader.own_at(last).map_err(failed)? else {
            return Err(OutboxError::Behind { host, last, own });
        };
        let same = published.map(Header::hash) == Some(entry.header.hash());
        if same { Ok(()) } else { Err(OutboxError::Overtaken { host, last, own }) }
    }

    /// Publishes from a sequence on, until something goes wrong or the log is closed.
    async fn pump(&self, next: u64, wait: &mut Duration) -> Result<(), Halt> {
        let host = self.reader.host();
        let failed = |source| OutboxError::Log { host, source };
        let mut synced = self.reader.synced().map_err(failed)?;
        let mut entries = self.reader.own(next);
        let mut flight = FuturesOrdered::new();
        let mut flight_bytes = 0;
        loop {
            synced.mark_unchanged();
            while flight.len() < FLIGHT_MAX && flight_bytes < FLIGHT_BYTES_MAX {
                let Some(entry) = entries.next().transpose().map_err(failed)? else { break };
                let sequence = entry.header.sequence;
                let mut bytes = Vec::with_capacity(Header::BYTES + entry.payload.as_ref().map_or(0, Vec::len));
                bytes.extend_from_slice(&entry.header.encode());
                bytes.extend_from_slice(entry.payload.as_deref().unwrap_or_default());
                let length = bytes.len();
                let message = PublishMessage::build().payload(bytes.into()).expected_last_sequence(sequence - 1);
                let sent = self.link.jetstream.send_publish(address::facts(host), message).await;
                let acknowledged = sent.map_err(|error| Halt::Trouble(chain(&error)))?;
                flight_bytes += length;
                flight.push_back(async move { (sequence, length, acknowledged.await) });
            }
            tokio::select! {
                Some((sequence, length, acknowledged)) = flight.next(), if !flight.is_empty() => {
                    match acknowledged {
                        Ok(acknowledged) if acknowledged.sequence == sequence => {}
                        Ok(other) => {
                            let reason = format!("sequence {sequence} was taken as {}", other.sequence);
                            return Err(Halt::Trouble(reason));
                        }
                        // Whether somebody else wrote, or this very message came twice, the stream's end tells.
                        Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                            return Err(Halt::Trouble(format!("sequence {sequence} is not the next one")));
                        }
                        Err(error) => return Err(Halt::Trouble(chain(&error))),
                    }
                    flight_bytes -= length;
                    *wait = RETRY_WAIT_MIN;
                    self.progress.send_modify(|progress| progress.acknowledged = sequence);
                }
                () = tokio::time::sleep(LOOK_EVERY), if flight.is_empty() => self.look(host).await?,
                changed = synced.changed(), if flight.len() < FLIGHT_MAX && flight_bytes < FLIGHT_BYTES_MAX => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
}
