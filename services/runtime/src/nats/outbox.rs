//! Publishing a host's own facts, so that the stream's sequence is the chain's.

use std::collections::{BTreeMap, VecDeque};

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Stream;
use ledger::{Event, Hash, HostId, Subject};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::address;
use super::far::{FarFollower, FarLog, decode};
use super::heard;
use super::link::{Link, chain};
use super::pump::{self, Due, Halt, Queue, Writer};
use super::stream::set_up;
use crate::log::{Header, LogError, LogReader, Message, OwnEntries, Synced};
use crate::source::Source;

/// What is read in between; where that isn't all, what is read next at once, while that is published.
const READ_BYTES: usize = 64 << 10;
const AHEAD_BYTES: usize = 1 << 20;
/// Facts that reached nobody and are listed one by one; the rest are counted.
const LOST_SHOWN: usize = 20;

/// A host may not publish: it is no longer the writer, or never was.
#[derive(Debug, Error)]
pub enum OutboxError {
    /// Somebody else wrote on from the same history.
    #[error(
        "{host} was overtaken: another process published sequence {from} of it. What this one holds from sequence \
         {from} to {own} reached nobody and was answered to nobody:\n{lost}\nKeep this data directory, since these facts \
         are nowhere else, and ask again for what is still wanted. Start the product with the other one; started with an \
         empty data directory and --standby, this process stands by"
    )]
    Overtaken {
        /// Who.
        host: HostId,
        /// The first sequence at which the stream says something else.
        from: u64,
        /// The last sequence here.
        own: u64,
        /// What stands here from there on, a line each.
        lost: String,
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

    /// How far the stream goes, which must say what this log says as far as both go. Waits for NATS.
    ///
    /// # Errors
    /// When another process wrote something else.
    pub(crate) async fn end(&self) -> Result<u64, OutboxError> {
        match self.open().await {
            Ok(()) => Ok(self.acknowledged()),
            // Whoever stands by is behind its writer.
            Err(OutboxError::Behind { last, .. }) => Ok(last),
            Err(error) => Err(error),
        }
    }

    /// The facts of the stream after one of this log.
    pub(crate) fn follow(&self, after: (u64, Hash)) -> FarFollower {
        FarLog::new(self.link.clone(), self.reader.host()).follow(after).of_stream()
    }

    /// Publishes all that was recorded and isn't in the stream.
    ///
    /// # Errors
    /// When this process may not write for the host any more.
    pub async fn catch_up(&self) -> Result<(), OutboxError> {
        let failed = |source| OutboxError::Log { host: self.reader.host(), source };
        self.reader.drained().await.map_err(failed)?;
        let (last, _) = self.reader.head().map_err(failed)?;
        let (_running, never) = watch::channel(false);
        let mut progress = self.progress();
        tokio::select! {
            ended = pump::run(self, never) => ended,
            // The sender lives in this very publisher.
            _ = progress.wait_for(|progress| progress.acknowledged >= last) => Ok(()),
        }
    }

    /// Publishes a fact that isn't in the log yet; false when the stream ends otherwise than the fact says.
    pub(crate) async fn claim(&self, claim: &Claim) -> Result<bool, String> {
        let Claim { header, payload } = claim;
        let bytes = [&header.encode()[..], payload].concat();
        let message = PublishMessage::build().payload(bytes.into()).expected_last_sequence(header.sequence - 1);
        let sent = self.link.jetstream.send_publish(address::facts(header.host), message).await;
        match sent.map_err(|error| chain(&error))?.await {
            Ok(acknowledged) => Ok(acknowledged.sequence == header.sequence),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(false),
            Err(error) => Err(chain(&error)),
        }
    }

    /// Where the stream and this log part: the first sequence at which they differ. They do at `differ`.
    async fn fork(&self, stream: &Stream, mut differ: u64) -> Result<u64, Halt<OutboxError>> {
        let host = self.reader.host();
        let mut same = 0;
        // Hashes are chained: whatever is equal at a sequence is equal before it.
        while differ - same > 1 {
            let middle = same + (differ - same) / 2;
            let message = stream.get_raw_message(middle).await.map_err(|error| Halt::trouble(&error))?;
            let published = decode(host, &message.payload).map(|fact| fact.header.hash());
            let own = self.reader.own_at(middle).map_err(|source| OutboxError::Log { host, source })?;
            let equal = own.map(|entry| entry.header.hash()) == published;
            if equal { same = middle } else { differ = middle }
        }
        Ok(differ)
    }

    /// What stands here from a sequence on, a line each.
    fn lost(&self, from: u64) -> Result<String, OutboxError> {
        let failed = |source| OutboxError::Log { host: self.reader.host(), source };
        let mut lines = Vec::new();
        for entry in self.reader.own(from).take(LOST_SHOWN) {
            let entry = entry.map_err(failed)?;
            let event = proto::decode_event(entry.payload.as_deref().unwrap_or_default());
            let line = event.map_or_else(
                |error| format!("  {}: {error}", entry.header.sequence),
                |event| format!("  {}: {}", entry.header.sequence, told(&event)),
            );
            lines.push(line);
        }
        let (own, _) = self.reader.head().map_err(failed)?;
        let more = (own + 1 - from).saturating_sub(LOST_SHOWN as u64);
        if more > 0 {
            lines.push(format!("  and {more} more"));
        }
        Ok(lines.join("\n"))
    }

    /// What the stream ends with must be what stands at that sequence here.
    async fn compare(&self, stream: &Stream, last: u64, published: Option<&Header>) -> Result<(), Halt<OutboxError>> {
        let host = self.reader.host();
        let Some(published) = published.filter(|header| header.sequence == last) else {
            let (stream, subject) = (address::stream(host), address::facts(host));
            return Err(OutboxError::Foreign { host, stream, subject, last }.into());
        };
        let failed = |source| OutboxError::Log { host, source };
        let (own, _) = self.reader.head().map_err(failed)?;
        let Some(entry) = self.reader.own_at(last).map_err(failed)? else {
            return self.behind(stream, last, own).await;
        };
        if published.hash() == entry.header.hash() {
            return Ok(());
        }
        let from = self.fork(stream, last).await?;
        Err(OutboxError::Overtaken { host, from, own, lost: self.lost(from)? }.into())
    }

    /// The stream goes further than this log: it goes on from it, or says something else.
    async fn behind(&self, stream: &Stream, last: u64, own: u64) -> Result<(), Halt<OutboxError>> {
        let host = self.reader.host();
        // Below the end of both, so that what differs there is found; one further stands in the stream only.
        let from = self.fork(stream, own + 1).await?;
        let lost = if from <= own { Some(self.lost(from)?) } else { None };
        Err(Halt::For(match lost {
            Some(lost) => OutboxError::Overtaken { host, from, own, lost },
            None => OutboxError::Behind { host, last, own },
        }))
    }
}

/// A fact in a line.
fn told(event: &Event) -> String {
    let fact = format!("{:?}", event.fact);
    let name = fact.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    match &event.subject {
        Subject::File(file) => format!("{name} of {file}"),
        Subject::Object(object) => format!("{name} of {object}"),
    }
}

/// A fact that says who writes from here on, before it is in the log.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its place in the chain.
    pub header: Header,
    /// Its bytes.
    pub payload: Vec<u8>,
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
            self.compare(&stream, last, published.as_ref()).await?;
        }
        self.acknowledge(last);
        let failed = |source| OutboxError::Log { host, source };
        let synced = self.reader.synced().map_err(failed)?;
        // What was heard since the last one belongs to the next.
        let mut entries = self.reader.own(last);
        if last > 0 {
            entries.next().transpose().map_err(failed)?;
        }
        let reading = Reading { host, entries, heard: BTreeMap::new() };
        Ok(OwnFacts { host, synced, reading: Some(reading), read: VecDeque::new(), ahead: None })
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

/// The own facts of a host that its stream doesn't have yet. Where there are many the next ones are read and checked while
/// those before them are published.
pub(crate) struct OwnFacts {
    host: HostId,
    synced: watch::Receiver<Synced>,
    /// Away while it reads ahead.
    reading: Option<Reading>,
    read: Read,
    ahead: Option<JoinHandle<(Reading, Read)>>,
}

/// Facts to publish, in order; an error comes last.
type Read = VecDeque<Result<Due, LogError>>;

struct Reading {
    host: HostId,
    entries: OwnEntries,
    /// What was heard since the fact before, with the last sequence of each.
    heard: BTreeMap<HostId, u64>,
}

impl Reading {
    /// The next facts, as many as there are until they have so many bytes.
    fn read(&mut self, bytes_max: usize) -> Read {
        let (mut read, mut bytes) = (VecDeque::new(), 0);
        while bytes < bytes_max
            && let Some(next) = self.next()
        {
            bytes += next.as_ref().map_or(bytes_max, |due| due.bytes);
            read.push_back(next);
        }
        read
    }

    fn next(&mut self) -> Option<Result<Due, LogError>> {
        let heard = &mut self.heard;
        let next = self.entries.next_message(|header| {
            heard.insert(header.host, header.sequence);
        });
        let Message { header, bytes } = match next? {
            Ok(message) => message,
            Err(error) => return Some(Err(error)),
        };
        let (subject, length) = (address::facts(self.host), bytes.len());
        let mut message = PublishMessage::build().payload(bytes);
        if let Some(heard) = heard::write(&std::mem::take(&mut self.heard)) {
            message = message.header(address::HEARD, heard);
        }
        Some(Ok(Due { sequence: header.sequence, subject, message, bytes: length }))
    }
}

impl OwnFacts {
    /// Reads what there is, if that isn't being done.
    fn read_on(&mut self) {
        let Some(mut reading) = self.reading.take() else { return };
        self.read = reading.read(READ_BYTES);
        if self.bytes() < READ_BYTES {
            self.reading = Some(reading);
        } else {
            self.read_ahead(reading);
        }
    }

    fn read_ahead(&mut self, mut reading: Reading) {
        self.ahead = Some(tokio::task::spawn_blocking(move || {
            let read = reading.read(AHEAD_BYTES);
            (reading, read)
        }));
    }

    fn bytes(&self) -> usize {
        self.read.iter().flatten().map(|due| due.bytes).sum()
    }
}

impl Queue for OwnFacts {
    type Error = OutboxError;

    async fn next(&mut self) -> Result<Option<Due>, Halt<OutboxError>> {
        loop {
            if let Some(due) = self.read.pop_front() {
                return due.map(Some).map_err(|source| OutboxError::Log { host: self.host, source }.into());
            }
            if let Some(ahead) = &mut self.ahead {
                let (reading, read) = ahead.await.map_err(|error| Halt::trouble(&error))?;
                (self.ahead, self.read) = (None, read);
                // As long as there is more than can be published at once.
                if self.bytes() < AHEAD_BYTES {
                    self.reading = Some(reading)
                } else {
                    self.read_ahead(reading)
                }
                continue;
            }
            self.synced.mark_unchanged();
            self.read_on();
            if self.read.is_empty() && self.synced.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    fn has_more(&self) -> bool {
        self.ahead.is_some()
    }
}
