//! The facts of a host in another process: from its stream, and what the stream doesn't have from the host itself.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::pull::{Config, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::stream::DirectGetErrorKind;
use futures_util::StreamExt;
use ledger::{EventId, Hash, HostId};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::FarError;
use super::address;
use super::heard;
use super::link::{Link, Reachable, chain};
use super::question;
use crate::log::{Header, Synced};
use crate::source::Published;

/// Bytes of facts that are kept for the next reader: a page of records reads the same batch again and again.
const CACHE_BYTES_MAX: usize = 16 << 20;
/// Bytes that one pull may bring: JetStream counts them, so that a slow reader holds no more.
const PULL_BYTES_MAX: usize = 2 << 20;
/// How long a pull waits at the server for news.
const PULL_WAIT: Duration = Duration::from_secs(30);
/// How often the server says that it is still there; silence twice as long is taken for a lost connection.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a reader may be away before the server forgets it.
const FORGET_AFTER: Duration = Duration::from_secs(60);
/// Bytes of one answer to a reader that missed something.
const READ_BYTES_MAX: u32 = 256 << 10;
/// The pauses between two attempts.
const RETRY_WAIT_MIN: Duration = Duration::from_millis(50);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(2);

/// The fact in a message; none if it is damaged or another host's.
pub(crate) fn decode(host: HostId, bytes: &[u8]) -> Option<Published> {
    let (header, payload) = bytes.split_at_checked(Header::BYTES)?;
    let header = Header::decode(header).filter(|header| header.host == host)?;
    (Hash::of(payload) == header.payload_hash).then(|| Published { header, payload: payload.to_vec() })
}

/// Facts that were read lately, the oldest read forgotten first.
#[derive(Default)]
struct Cache {
    facts: BTreeMap<u64, Published>,
    order: VecDeque<u64>,
    bytes: usize,
}

impl Cache {
    fn put(&mut self, fact: &Published) {
        let sequence = fact.header.sequence;
        if self.facts.insert(sequence, fact.clone()).is_none() {
            self.order.push_back(sequence);
            self.bytes += fact.payload.len();
        }
        while self.bytes > CACHE_BYTES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.facts.remove(&oldest).map_or(0, |fact| fact.payload.len());
        }
    }
}

/// The facts of one far host.
pub struct FarLog {
    host: HostId,
    link: Link,
    synced: watch::Sender<Synced>,
    cache: Mutex<Cache>,
    runtime: Handle,
}

impl fmt::Debug for FarLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FarLog({})", self.host)
    }
}

impl FarLog {
    /// The facts of a host of another process. Needs a running asynchronous runtime of several threads.
    #[must_use]
    pub fn new(link: Link, host: HostId) -> Arc<Self> {
        let (synced, cache) = (watch::Sender::new(Synced::default()), Mutex::default());
        Arc::new(Self { host, link, synced, cache, runtime: Handle::current() })
    }

    /// Whose facts.
    #[must_use]
    pub fn host(&self) -> HostId {
        self.host
    }

    /// Whether the connection to it is there.
    pub(crate) fn is_reachable(&self) -> bool {
        self.link.is_reachable()
    }

    /// How far the facts are known here; positions are the emitter's own, so sequences stand in for them.
    pub(crate) fn synced(&self) -> watch::Receiver<Synced> {
        self.synced.subscribe()
    }

    fn know(&self, sequence: u64) {
        self.synced.send_if_modified(|synced| {
            let more = sequence > synced.sequence;
            if more {
                *synced = Synced { position: sequence, sequence };
            }
            more
        });
    }

    /// How far the owner's log is durable.
    pub(crate) async fn position(&self) -> Result<u64, FarError> {
        let sequence = question::position(&self.link, self.host).await?;
        self.know(sequence);
        Ok(sequence)
    }

    /// See [`crate::source::Source::content_of`].
    pub(crate) async fn content_of(&self, id: EventId) -> Result<Option<Hash>, FarError> {
        question::lookup(&self.link, self.host, id).await
    }

    /// See [`crate::source::Source::own_at`].
    pub(crate) fn own_at(&self, sequence: u64) -> Result<Option<Published>, FarError> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fact) = cache.facts.get(&sequence) {
            return Ok(Some(fact.clone()));
        }
        drop(cache);
        self.wait(self.fetch(sequence))
    }

    /// Waits in a thread that may block.
    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::task::block_in_place(|| self.runtime.block_on(work))
    }

    fn keep(&self, fact: &Published) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(fact);
        self.know(fact.header.sequence);
    }

    async fn fetch(&self, sequence: u64) -> Result<Option<Published>, FarError> {
        let streamed = self.fetch_streamed(sequence).await;
        let fact = match streamed {
            Some(fact) => Some(fact),
            // The stream lags, lost it or is gone: whoever wrote it has it.
            None => question::read(&self.link, self.host, sequence, 1).await?.into_iter().next(),
        };
        let fact = fact.filter(|fact| fact.header.sequence == sequence);
        if let Some(fact) = &fact {
            self.keep(fact);
        }
        Ok(fact)
    }

    async fn fetch_streamed(&self, sequence: u64) -> Option<Published> {
        let stream = self.link.jetstream.get_stream_no_info(address::stream(self.host)).await.ok()?;
        match stream.direct_get(sequence).await {
            Ok(message) => decode(self.host, &message.payload),
            Err(error) => {
                if error.kind() != DirectGetErrorKind::NotFound {
                    tracing::debug!(host = %self.host, sequence, reason = chain(&error), "the stream doesn't answer");
                }
                None
            }
        }
    }

    /// See [`crate::source::Source::own`].
    pub(crate) fn facts(self: &Arc<Self>, from_sequence: u64) -> FarFacts {
        FarFacts { log: Arc::clone(self), next: Some(from_sequence.max(1)) }
    }

    /// See [`crate::source::Source::follow`].
    pub(crate) fn follow(self: &Arc<Self>, (sequence, hash): (u64, Hash)) -> FarFollower {
        FarFollower {
            log: Arc::clone(self),
            next: sequence + 1,
            last: hash,
            fetched: VecDeque::new(),
            messages: None,
            wait: RETRY_WAIT_MIN,
            reachable: self.link.reachable(),
            streamed_only: false,
            heard: Vec::new(),
        }
    }
}

/// Facts one after the other, as far as they are known here.
pub(crate) struct FarFacts {
    log: Arc<FarLog>,
    /// None after an error.
    next: Option<u64>,
}

impl Iterator for FarFacts {
    type Item = Result<Published, FarError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next.take()?;
        if next > self.log.synced.borrow().sequence {
            self.next = Some(next);
            return None;
        }
        let found = self.log.own_at(next);
        match &found {
            Ok(Some(_)) => self.next = Some(next + 1),
            Ok(None) => self.next = Some(next),
            Err(_) => {}
        }
        found.transpose()
    }
}

/// Follows a far host: every fact once and in order, whatever happens to NATS.
pub(crate) struct FarFollower {
    log: Arc<FarLog>,
    next: u64,
    /// The hash of the header before the next one.
    last: Hash,
    /// What was fetched from the host itself.
    fetched: VecDeque<Published>,
    messages: Option<Messages>,
    wait: Duration,
    reachable: watch::Receiver<Reachable>,
    /// Whether facts count only as the stream has them.
    streamed_only: bool,
    /// See [`FarFollower::heard`].
    heard: Vec<(HostId, u64)>,
}

impl FarFollower {
    /// Asks nobody for what the stream lacks: its writer publishes it again.
    pub(crate) fn of_stream(self) -> Self {
        Self { streamed_only: true, ..self }
    }

    /// How far the writer had heard others when it recorded the last fact, as far as that changed since the one before.
    pub(crate) fn heard(&self) -> &[(HostId, u64)] {
        &self.heard
    }

    /// The next fact.
    pub(crate) async fn next(&mut self) -> Result<Published, FarError> {
        loop {
            if let Some(fact) = self.fetched.pop_front() {
                let Header { host, sequence, .. } = fact.header;
                return if self.is_next(&fact) { Ok(self.take(fact)) } else { Err(FarError::Fork { host, sequence }) };
            }
            let Some(messages) = &mut self.messages else {
                match self.open().await {
                    Ok(messages) => self.messages = Some(messages),
                    Err(reason) => {
                        self.pause(&reason).await;
                        // The stream may be gone for long: its writer may be there all the same.
                        self.catch_up().await;
                    }
                }
                continue;
            };
            let message = tokio::select! {
                message = messages.next() => message,
                // What a server was to send that is gone now would only be missed: begin anew.
                _ = self.reachable.changed() => {
                    self.messages = None;
                    continue;
                }
            };
            match message {
                Some(Ok(message)) => match decode(self.log.host, &message.payload) {
                    Some(fact) if fact.header.sequence < self.next => {}
                    Some(fact) if self.is_next(&fact) => {
                        self.wait = RETRY_WAIT_MIN;
                        self.heard = heard::read(message.headers.as_ref());
                        return Ok(self.take(fact));
                    }
                    // Something is missing, damaged or not the writer's: it has what comes next.
                    _ => self.catch_up().await,
                },
                Some(Err(error)) => {
                    self.messages = None;
                    self.pause(&chain(&error)).await;
                }
                None => self.messages = None,
            }
        }
    }

    /// Whether a fact continues what came before it.
    fn is_next(&self, fact: &Published) -> bool {
        fact.header.sequence == self.next && fact.header.previous == self.last
    }

    fn take(&mut self, fact: Published) -> Published {
        self.last = fact.header.hash();
        self.next += 1;
        self.log.keep(&fact);
        fact
    }

    /// Fetches what comes next from the host itself, then follows the stream behind it.
    async fn catch_up(&mut self) {
        self.messages = None;
        if self.streamed_only {
            return self.pause("the stream doesn't have what comes next").await;
        }
        match question::read(&self.log.link, self.log.host, self.next, READ_BYTES_MAX).await {
            Ok(facts) if facts.is_empty() => self.pause("its writer has no more").await,
            Ok(facts) => self.fetched.extend(facts),
            Err(error) => self.pause(&error.to_string()).await,
        }
    }

    async fn pause(&mut self, reason: &str) {
        tracing::warn!(host = %self.log.host, next = self.next, reason, "could not follow; trying again");
        tokio::time::sleep(self.wait).await;
        self.wait = RETRY_WAIT_MAX.min(self.wait * 2);
    }

    async fn open(&self) -> Result<Messages, String> {
        let log = &self.log;
        let stream = log.link.jetstream.get_stream_no_info(address::stream(log.host)).await;
        let stream = stream.map_err(|error| chain(&error))?;
        // Nothing is acknowledged: the receiver's own log says how far it has come.
        let config = Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.next },
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGET_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|error| chain(&error))?;
        let messages = consumer.stream().max_bytes_per_batch(PULL_BYTES_MAX).expires(PULL_WAIT).heartbeat(HEARTBEAT);
        messages.messages().await.map_err(|error| chain(&error))
    }
}
