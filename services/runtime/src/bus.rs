//! How services reach each other: facts by following the emitter's log, commands by asking the one who decides.
//!
//! This is the embedded form: a subscriber reads the emitter's log in this process and is woken by what was synced.
//! Delivery is in order and at least once; the effect is exactly once, since the receiver's own log holds the
//! sequence and hash that it heard last.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::report::Receipt;
use ledger::{Command, Event, EventId, Hash, HostId, ObjectId, Partition, Rejection, Scope, ServiceName};
use tokio::sync::{mpsc, oneshot, watch};

use crate::log::{Header, LogReader};
use crate::shelf::CatalogShelf;

/// Asks that may wait at one host: a caller beyond that waits in its own task.
pub(crate) const ASKS_MAX: usize = 1_024;
/// Deliveries that may wait at one host: with a batch of records each, about 8 MiB.
pub(crate) const DELIVERIES_MAX: usize = 64;

/// What makes a repetition recognisable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskKey {
    /// What the ids of its events are made from: the caller's key and account.
    pub seed: Hash,
    /// The digest of everything that was asked with the key; the same key with another one is refused.
    pub content: Hash,
}

/// A command on its way to the host that decides it.
#[derive(Debug)]
pub struct Ask {
    /// What is wanted.
    pub command: Command,
    /// Who wants it.
    pub scope: Scope,
    /// What makes a repetition recognisable, if the caller gave anything.
    pub key: Option<AskKey>,
    pub(crate) reply: oneshot::Sender<Result<Answer, Rejection>>,
}

/// What came of a command, given when it is on stable storage.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Who decided.
    pub host: HostId,
    /// Sequence in its chain up to which a reader must have come to see the effect.
    pub sequence: u64,
    /// What was recorded: nothing where nothing had to change.
    pub events: Arc<Vec<Event>>,
    /// Whether this is the first answer, given again.
    pub repeated: bool,
    /// What became of each reported record; empty for other commands.
    pub receipts: Vec<Receipt>,
}

/// A fact on its way to a host that hears it.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) header: Header,
    /// The bytes as first encoded; none for facts that carry records, which rest in the emitter's log only.
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) event: Event,
}

/// A host as others see it.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// Its log.
    pub log: LogReader,
    pub(crate) asks: Option<mpsc::Sender<Ask>>,
}

impl Neighbour {
    /// A host of this process, and where its commands come in.
    #[must_use]
    pub fn open(log: LogReader) -> (Self, mpsc::Receiver<Ask>) {
        let (asks, receiver) = mpsc::channel(ASKS_MAX);
        (Self { log, asks: Some(asks) }, receiver)
    }
}

/// The hosts of this process and the catalog that they share.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    hosts: Arc<BTreeMap<HostId, Neighbour>>,
    shelf: CatalogShelf,
}

impl Bus {
    /// A bus between these hosts.
    #[must_use]
    pub fn embedded(hosts: BTreeMap<HostId, Neighbour>, shelf: CatalogShelf) -> Self {
        Self { hosts: Arc::new(hosts), shelf }
    }

    /// The catalog of this process.
    #[must_use]
    pub fn shelf(&self) -> &CatalogShelf {
        &self.shelf
    }

    /// The hosts whose facts a service hears for a partition: catalog's own is heard by all.
    #[must_use]
    pub fn sources(&self, services: &[ServiceName], partition: Option<Partition>) -> Vec<(HostId, LogReader)> {
        let wanted = |id: &HostId| {
            let near = partition.is_none_or(|partition| partition == id.partition);
            services.contains(&id.service) && (near || id.service == ServiceName::Catalog)
        };
        self.hosts.iter().filter(|(id, _)| wanted(id)).map(|(id, host)| (*id, host.log.clone())).collect()
    }

    /// Asks the host that decides a command, and waits until its outcome is on stable storage.
    ///
    /// # Errors
    /// The host's rejection; [`Rejection::Unavailable`] when it is gone, [`Rejection::NotFound`] when the command
    /// names a partition that doesn't exist, [`Rejection::KeyReused`] when another host recorded something of its key.
    pub async fn ask(&self, command: Command, scope: Scope, key: Option<AskKey>) -> Result<Answer, Rejection> {
        let id = HostId { service: command.service(), partition: self.partition(&command) };
        let host = self.hosts.get(&id).ok_or(Rejection::NotFound)?;
        let asks = host.asks.as_ref().ok_or(Rejection::Unavailable)?;
        if let Some(key) = key
            && self.used_elsewhere(&key, id)?
        {
            return Err(Rejection::KeyReused);
        }
        let (reply, answer) = oneshot::channel();
        let ask = Ask { command, scope, key, reply };
        asks.send(ask).await.map_err(|_| Rejection::Unavailable)?;
        answer.await.map_err(|_| Rejection::Unavailable)?
    }

    /// Whether a key was used for something else that another host recorded.
    fn used_elsewhere(&self, key: &AskKey, decides: HostId) -> Result<bool, Rejection> {
        for (id, host) in self.hosts.iter().filter(|(id, _)| **id != decides) {
            let content = content_of(&host.log, EventId::derive(&key.seed, id.service, 0));
            let content = content.map_err(|error| {
                tracing::error!(host = %id, %error, "could not look an idempotency key up");
                Rejection::Unavailable
            })?;
            if content.is_some_and(|content| content != key.content) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn place(&self, contract: &ObjectId) -> Partition {
        self.shelf.take().placements.get(contract).copied().unwrap_or_default()
    }

    fn partition(&self, command: &Command) -> Partition {
        match (command.file(), command) {
            (Some(file), _) => file.partition(),
            (None, Command::CreateFile(create)) => self.place(&create.contract),
            (None, Command::OpenReport(report)) => self.place(&report.contract),
            (None, _) => Partition::default(),
        }
    }
}

/// What was asked for when an event was recorded, if it was.
fn content_of(log: &LogReader, id: EventId) -> Result<Option<Hash>, FollowError> {
    let emitter = log.host();
    let unreadable = |error| FollowError::Log { emitter, error };
    let Some(position) = log.find(id).map_err(unreadable)? else { return Ok(None) };
    let Some(entry) = log.entries(position).next().transpose().map_err(unreadable)? else { return Ok(None) };
    let sequence = entry.header.sequence;
    let bytes = entry.payload.ok_or(FollowError::Empty { emitter, sequence })?;
    let event = proto::decode_event(&bytes).map_err(|error| FollowError::Wire { emitter, sequence, error })?;
    Ok(Some(event.cause))
}

/// Follows a log from a sequence on and delivers what is synced, until nobody listens or the process stops.
pub(crate) async fn follow(
    source: HostId,
    log: LogReader,
    from: u64,
    deliveries: mpsc::Sender<(HostId, Delivery)>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), FollowError> {
    let mut synced = log.synced().map_err(|error| FollowError::Log { emitter: source, error })?;
    let mut next = from;
    loop {
        synced.mark_unchanged();
        for entry in log.own(next) {
            let entry = entry.map_err(|error| FollowError::Log { emitter: source, error })?;
            let sequence = entry.header.sequence;
            let bytes = entry.payload.ok_or(FollowError::Empty { emitter: source, sequence })?;
            let event =
                proto::decode_event(&bytes).map_err(|error| FollowError::Wire { emitter: source, sequence, error })?;
            let payload = (!event.fact.carries_records()).then_some(bytes);
            next = sequence + 1;
            if deliveries.send((source, Delivery { header: entry.header, payload, event })).await.is_err() {
                return Ok(());
            }
        }
        tokio::select! {
            changed = synced.changed() => if changed.is_err() { return Ok(()) },
            _ = stop.changed() => return Ok(()),
        }
    }
}

/// A log can't be followed: the host that needs it stops loudly rather than skip a fact.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// It can't be read.
    #[error("could not follow the log of {emitter}")]
    Log {
        /// Whose log.
        emitter: HostId,
        /// Why not.
        #[source]
        error: crate::log::LogError,
    },
    /// An own entry without its bytes.
    #[error("{emitter} holds no bytes at sequence {sequence}")]
    Empty {
        /// Whose log.
        emitter: HostId,
        /// Where.
        sequence: u64,
    },
    /// It can't be decoded: a newer version wrote it, or it is damaged.
    #[error("could not decode what {emitter} holds at sequence {sequence}")]
    Wire {
        /// Whose log.
        emitter: HostId,
        /// Where.
        sequence: u64,
        /// Why not.
        #[source]
        error: proto::WireError,
    },
}
