//! How services reach each other: facts by following the emitter's log, commands by asking the one who decides.
//!
//! A neighbour in this process is read from its log, and whoever follows it is woken by what was synced; one in another
//! process is reached over NATS. Delivery is in order and at least once; the effect is exactly once, since the receiver's own log holds the
//! sequence and hash that it heard last.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use ledger::report::Receipt;
use ledger::{
    Command, Event, EventId, Fact, Hash, HostId, Moment, ObjectId, Partition, Rejection, Scope, ServiceName, Subject,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::disk;
use crate::hearing::Hearing;
use crate::log::{Header, LogReader};
use crate::nats::{self, FarLog, Link};
use crate::past::Positions;
use crate::shelf::CatalogShelf;
use crate::source::{Published, Source, SourceError};
use crate::trace::{self, Trace};

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
    /// The trace of whoever wants it.
    pub trace: Option<Trace>,
    /// How far the service's log of partition 0 is to be heard before it is decided: whoever was answered about a usage
    /// rule relies on it in every partition.
    pub after: u64,
    pub(crate) reply: oneshot::Sender<Result<Answer, Rejection>>,
}

/// How far a host had come at an instant. Whoever answers promises that it records nothing more with that time, and
/// none where its own clock isn't there yet.
#[derive(Debug)]
pub struct Pass {
    /// The instant.
    pub at: Moment,
    pub(crate) reply: oneshot::Sender<Option<u64>>,
}

/// What comes in at a host, answered in this order.
#[derive(Debug)]
pub enum Errand {
    /// Something is to be decided.
    Ask(Box<Ask>),
    /// An instant is to be passed.
    Pass(Pass),
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
    pub(crate) trace: Option<Trace>,
}

impl Delivery {
    /// What others hear of a fact.
    pub(crate) fn of(bus: &Bus, fact: Published) -> Result<Self, SourceError> {
        let ((event, trace), Published { header, payload }) = (fact.traced()?, fact);
        if let (Subject::Object(contract), Fact::ContractPlaced { partition }) = (&event.subject, &event.fact) {
            bus.check_placed(contract, *partition)?;
        }
        let payload = (!event.fact.carries_records()).then_some(payload);
        Ok(Self { header, payload, event, trace })
    }
}

/// A host as others see it.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// Its facts.
    pub source: Source,
    asks: Asks,
}

/// Where a host's commands go.
#[derive(Clone, Debug)]
enum Asks {
    Near(mpsc::Sender<Errand>),
    Far(Box<Link>),
}

impl Neighbour {
    /// A host of this process, and where its commands come in.
    #[must_use]
    pub fn open(log: LogReader) -> (Self, mpsc::Receiver<Errand>) {
        let (asks, receiver) = mpsc::channel(ASKS_MAX);
        (Self { source: log.into(), asks: Asks::Near(asks) }, receiver)
    }

    /// A host of another process.
    #[must_use]
    pub fn far(link: Link, host: HostId) -> Self {
        Self { source: Source::Far(FarLog::new(link.clone(), host)), asks: Asks::Far(Box::new(link)) }
    }

    /// Where commands of other processes for a host of this one go.
    #[must_use]
    pub fn asks(&self) -> Option<mpsc::Sender<Errand>> {
        match &self.asks {
            Asks::Near(asks) => Some(asks.clone()),
            Asks::Far(_) => None,
        }
    }
}

/// Every host that this process deals with, near or far, and the catalog that its own share.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    hosts: Arc<BTreeMap<HostId, Neighbour>>,
    shelf: CatalogShelf,
    partitions: u16,
}

impl Bus {
    /// A bus between these hosts, which are all that there are.
    #[must_use]
    pub fn new(hosts: BTreeMap<HostId, Neighbour>, shelf: CatalogShelf) -> Self {
        let partitions = hosts.keys().map(|id| id.partition.0.saturating_add(1)).max().unwrap_or(0);
        Self { hosts: Arc::new(hosts), shelf, partitions }
    }

    /// The same with some of the hosts only.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(HostId, &Neighbour) -> bool) -> Self {
        let hosts = self.hosts.iter().filter(|(id, host)| wanted(**id, host));
        let hosts = hosts.map(|(id, host)| (*id, host.clone())).collect();
        Self { hosts: Arc::new(hosts), ..self.clone() }
    }

    /// The catalog of this process.
    #[must_use]
    pub fn shelf(&self) -> &CatalogShelf {
        &self.shelf
    }

    /// The facts of some services, of every partition.
    #[must_use]
    pub fn sources(&self, services: &[ServiceName]) -> Vec<Source> {
        self.sources_where(|id| services.contains(&id.service))
    }

    /// The facts that a service hears for a partition.
    #[must_use]
    pub fn heard(&self, hearing: Hearing, partition: Partition) -> Vec<Source> {
        self.sources_where(|id| hearing.hears(partition, id))
    }

    /// The facts of one host.
    #[must_use]
    pub fn source(&self, host: HostId) -> Option<&Source> {
        self.hosts.get(&host).map(|host| &host.source)
    }

    fn sources_where(&self, wanted: impl Fn(HostId) -> bool) -> Vec<Source> {
        self.hosts.iter().filter(|(id, _)| wanted(**id)).map(|(_, host)| host.source.clone()).collect()
    }

    /// Asks the host that decides a command, and waits until its outcome is on stable storage.
    ///
    /// # Errors
    /// The host's rejection; [`Rejection::Unavailable`] when it is gone, [`Rejection::NotFound`] when the command
    /// names a partition that doesn't exist, [`Rejection::KeyReused`] when another host recorded something of its key.
    pub async fn ask(&self, command: Command, scope: Scope, key: Option<AskKey>) -> Result<Answer, Rejection> {
        let id = HostId { service: command.service(), partition: self.partition(&command) };
        let host = self.hosts.get(&id).ok_or(Rejection::NotFound)?;
        if let Some(key) = key
            && self.used_elsewhere(&key, id).await?
        {
            return Err(Rejection::KeyReused);
        }
        let after = self.relied_on(id, &command);
        let asks = match &host.asks {
            Asks::Near(asks) => asks,
            Asks::Far(link) => return nats::ask(link, id, command, scope, key, after).await,
        };
        let (reply, answer) = oneshot::channel();
        let ask = Ask { command, scope, key, trace: trace::current(), after, reply };
        asks.send(Errand::Ask(Box::new(ask))).await.map_err(|_| Rejection::Unavailable)?;
        answer.await.map_err(|_| Rejection::Unavailable)?
    }

    /// How far every host had come at an instant, once all of them have passed it; none where the clock of one isn't
    /// there yet.
    ///
    /// # Errors
    /// [`Rejection::Unavailable`] when one can't be asked.
    pub async fn passed(&self, at: Moment) -> Result<Option<Positions>, Rejection> {
        let passes = self.hosts.iter().map(|(id, host)| async move {
            let sequence = match &host.asks {
                Asks::Near(asks) => {
                    let (reply, passed) = oneshot::channel();
                    asks.send(Errand::Pass(Pass { at, reply })).await.map_err(|_| Rejection::Unavailable)?;
                    passed.await.map_err(|_| Rejection::Unavailable)?
                }
                Asks::Far(link) => nats::pass(link, *id, at).await?,
            };
            Ok(sequence.map(|sequence| (*id, sequence)))
        });
        let passed = join_all(passes).await.into_iter().collect::<Result<Option<Vec<_>>, _>>()?;
        Ok(passed.map(|all| all.into_iter().collect()))
    }

    /// Whether a key was used for something else that another host recorded.
    async fn used_elsewhere(&self, key: &AskKey, decides: HostId) -> Result<bool, Rejection> {
        let others = self.hosts.iter().filter(|(id, _)| **id != decides);
        let looks = others.map(|(id, host)| host.source.content_of(EventId::derive(&key.seed, id.service, 0)));
        for content in join_all(looks).await {
            let content = content.map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "could not look an idempotency key up");
                disk::rejection(&error)
            })?;
            if content.is_some_and(|content| content != key.content) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How far the rules are known here that a submission is to be decided by: they are kept in partition 0.
    fn relied_on(&self, decides: HostId, command: &Command) -> u64 {
        let first = HostId::new(ServiceName::Approval, 0);
        if decides == first || !matches!(command, Command::SubmitFile { .. }) {
            return 0;
        }
        self.hosts.get(&first).and_then(|host| host.source.last().ok()).unwrap_or(0)
    }

    /// Whether a contract is where this process looks for it.
    pub(crate) fn check_placed(&self, contract: &ObjectId, partition: Partition) -> Result<(), Misplaced> {
        if partition.0 < self.partitions {
            return Ok(());
        }
        Err(Misplaced { contract: contract.clone(), partition: partition.0, told: self.partitions })
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

/// Follows a host's facts after what was heard of it and delivers what is synced, until nobody listens or the process
/// stops.
pub(crate) async fn follow(
    bus: Bus,
    source: Source,
    heard: (u64, Hash),
    deliveries: mpsc::Sender<(HostId, Delivery)>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), FollowError> {
    let emitter = source.host();
    let failed = |error| FollowError { emitter, error };
    let mut follower = source.follow(heard).map_err(failed)?;
    loop {
        let fact = tokio::select! {
            fact = follower.next() => fact.map_err(failed)?,
            _ = stop.changed() => return Ok(()),
        };
        let Some(fact) = fact else { return Ok(()) };
        let delivery = Delivery::of(&bus, fact).map_err(failed)?;
        if deliveries.send((emitter, delivery)).await.is_err() {
            return Ok(());
        }
    }
}

/// A contract is in a partition that this process wasn't told of.
#[derive(Debug, thiserror::Error)]
#[error(
    "contract {contract} is in partition {partition}, counted from 0, and this process was started for {told}: start \
     every process of the ledger with the same --partitions, as many as there ever were"
)]
pub struct Misplaced {
    contract: ObjectId,
    partition: u16,
    told: u16,
}

/// A host's facts can't be followed: whoever needs them stops loudly rather than skip one.
#[derive(Debug, thiserror::Error)]
#[error("could not follow what {emitter} records")]
pub struct FollowError {
    /// Whose facts.
    pub emitter: HostId,
    /// Why not.
    #[source]
    pub error: SourceError,
}
