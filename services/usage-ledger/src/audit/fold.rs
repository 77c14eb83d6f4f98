//! What must be known of some logs, folded from the first fact on, on any number of threads: files are folded beside each
//! other, since no fact about one changes another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use ledger::digest::digest_of;
use ledger::{Event, HostId, Ledger, Moment, ServiceName, Subject};
use runtime::hearing::is_kept;
use runtime::source::{Source, SourceError};
use serde_json::{Map, Value, json};

use super::AuditError;
use crate::wiring::hearing;

/// Facts that wait for a folding thread, of each reading one.
const WAITING_MAX: usize = 64;

/// Up to where logs are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// To their ends.
    #[default]
    End,
    /// Up to what was recorded at an instant, with it.
    Time(Moment),
    /// Up to a sequence of each; of whom none is named, nothing.
    Positions(BTreeMap<HostId, u64>),
}

impl Until {
    /// Whether a fact is not after it.
    pub(super) fn has(&self, host: HostId, sequence: u64, event: &Event) -> bool {
        match self {
            Self::End => true,
            Self::Time(time) => event.recorded_at <= *time,
            Self::Positions(positions) => positions.get(&host).is_some_and(|last| sequence <= *last),
        }
    }
}

/// Somebody who knows something of the logs; none is a gateway, who knows all of it.
type Knower = Option<HostId>;

/// A part of the files, as everybody knows them.
type Shard = BTreeMap<Knower, Ledger>;

/// A fact on its way to be folded.
type Due = (HostId, u64, Arc<Event>);

/// Whether somebody takes in a fact.
fn knows(knower: Knower, writer: HostId, event: &Event) -> bool {
    knower.is_none_or(|host| {
        host == writer || (hearing(host.service).hears(host.partition, writer) && is_kept(host, event))
    })
}

fn empty(sources: &[Source]) -> Shard {
    let hosts = sources.iter().map(|source| Some(source.host()));
    hosts.chain([None]).map(|knower| (knower, Ledger::default())).collect()
}

fn take_in(shard: &mut Shard, (writer, sequence, event): &Due) {
    for (knower, ledger) in shard {
        if knows(*knower, *writer, event) {
            ledger.evolve(*sequence, event);
        }
    }
}

/// Reads a log to its end or to where it should be read, and hands its facts over; gives the last sequence.
fn read(
    source: &Source,
    until: &Until,
    done: &AtomicU64,
    mut take: impl FnMut(Due) -> Result<(), AuditError>,
) -> Result<u64, AuditError> {
    let (host, mut last) = (source.host(), 0);
    for fact in source.own(1) {
        let fact = fact?;
        let sequence = fact.header.sequence;
        let event = proto::decode_event(&fact.payload);
        let event = event.map_err(|error| SourceError::Wire { host, sequence, error })?;
        // Neither sequences nor times ever decrease within a log.
        if !until.has(host, sequence, &event) {
            break;
        }
        last = sequence;
        take((host, sequence, Arc::new(event)))?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(last)
}

/// What was folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The last sequence that was folded of each log.
    pub positions: BTreeMap<HostId, u64>,
    /// What each service must know.
    pub hosts: BTreeMap<HostId, Ledger>,
    /// What every gateway must know.
    pub gateway: Ledger,
}

impl Folded {
    /// Digests of it, as `usage-ledger state` shows them.
    #[must_use]
    pub fn digests(&self) -> Value {
        let hosts = self.hosts.iter().map(|(host, ledger)| (host.to_string(), shown(ledger)));
        hosts.chain([(ServiceName::Gateway.name().to_owned(), shown(&self.gateway))]).collect::<Map<_, _>>().into()
    }
}

/// Digests of what somebody knows.
pub(crate) fn shown(ledger: &Ledger) -> Value {
    json!({ "files": ledger.digest().to_string(), "catalog": digest_of(&*ledger.catalog).to_string() })
}

/// Folds logs on so many threads; `done` counts the facts meanwhile. Blocks.
///
/// # Errors
/// When a log can't be read.
pub fn fold(sources: &[Source], until: &Until, threads: usize, done: &AtomicU64) -> Result<Folded, AuditError> {
    let mut positions = BTreeMap::new();
    let mut shards = Vec::new();
    if threads <= 1 {
        let mut shard = empty(sources);
        for source in sources {
            let last = read(source, until, done, |due| {
                take_in(&mut shard, &due);
                Ok(())
            })?;
            positions.insert(source.host(), last);
        }
        shards.push(shard);
    } else {
        std::thread::scope(|scope| {
            let (senders, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| sync_channel(WAITING_MAX)).unzip();
            let folding = receivers.into_iter().map(|receiver: Receiver<Due>| {
                scope.spawn(move || {
                    let mut shard = empty(sources);
                    receiver.iter().for_each(|due| take_in(&mut shard, &due));
                    shard
                })
            });
            let folding: Vec<_> = folding.collect();
            let reading = sources.iter().map(|source| {
                let senders = senders.clone();
                let read = move || read(source, until, done, |due| hand_over(&senders, due));
                (source.host(), scope.spawn(read))
            });
            let reading: Vec<_> = reading.collect();
            drop(senders);
            for (host, reading) in reading {
                positions.insert(host, reading.join().map_err(|_| AuditError::Crashed)??);
            }
            for one in folding {
                shards.push(one.join().map_err(|_| AuditError::Crashed)?);
            }
            Ok::<(), AuditError>(())
        })?;
    }
    let mut all = joined(shards);
    let gateway = all.remove(&None).unwrap_or_default();
    let hosts = all.into_iter().filter_map(|(knower, ledger)| Some((knower?, ledger))).collect();
    Ok(Folded { positions, hosts, gateway })
}

/// A file's facts go to one thread, in their order in each log. Those about usage rules go to all, since a submission of
/// the same log is asked about those that were there before it.
fn hand_over(senders: &[SyncSender<Due>], due: Due) -> Result<(), AuditError> {
    let send = |sender: &SyncSender<Due>, due| sender.send(due).map_err(|_| AuditError::Crashed);
    match &due.2.subject {
        Subject::File(file) => {
            let at = usize::try_from(file.count()).unwrap_or_default() % senders.len();
            senders.get(at).map_or(Ok(()), |sender| send(sender, due))
        }
        Subject::Object(_) if due.0.service == ServiceName::Approval => {
            senders.iter().try_for_each(|sender| send(sender, due.clone()))
        }
        Subject::Object(_) => senders.first().map_or(Ok(()), |sender| send(sender, due)),
    }
}

/// The parts as one. The first has every object.
fn joined(shards: Vec<Shard>) -> Shard {
    let mut shards = shards.into_iter();
    let mut all = shards.next().unwrap_or_default();
    for shard in shards {
        for (knower, part) in shard {
            let whole = all.entry(knower).or_default();
            whole.files.extend(part.files);
            for (month, created) in part.created {
                let known = whole.created.entry(month).or_default();
                *known = created.max(*known);
            }
        }
    }
    all
}
