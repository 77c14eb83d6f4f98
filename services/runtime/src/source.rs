//! A host's own facts as others read them: from its log in this process, or over NATS from another one.

use std::fmt;
use std::sync::Arc;

use ledger::{Event, EventId, Hash, HostId};
use thiserror::Error;
use tokio::sync::watch;

use crate::bus::Misplaced;
use crate::log::{Entry, Header, LogError, LogReader, OwnEntries, Synced};
use crate::nats::{FarError, FarFacts, FarFollower, FarLog};
use crate::trace::Trace;

/// One own fact: its place in the chain, and its bytes as first encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its header.
    pub header: Header,
    /// Its bytes.
    pub payload: Vec<u8>,
}

impl Published {
    /// What happened.
    ///
    /// # Errors
    /// When the bytes can't be decoded.
    pub fn event(&self) -> Result<Event, SourceError> {
        Ok(self.traced()?.0)
    }

    /// What happened, and the trace that it belongs to.
    pub(crate) fn traced(&self) -> Result<(Event, Option<Trace>), SourceError> {
        let Header { host, sequence, .. } = self.header;
        proto::decode_traced(&self.payload).map_err(|error| SourceError::Wire { host, sequence, error })
    }
}

impl TryFrom<Entry> for Published {
    type Error = SourceError;

    fn try_from(entry: Entry) -> Result<Self, SourceError> {
        let Header { host, sequence, .. } = entry.header;
        let payload = entry.payload.ok_or(SourceError::Empty { host, sequence })?;
        Ok(Self { header: entry.header, payload })
    }
}

/// A host's facts can't be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// Its log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It is in another process, which can't be reached.
    #[error(transparent)]
    Far(#[from] FarError),
    /// An own entry without its bytes.
    #[error("{host} holds no bytes at sequence {sequence}")]
    Empty {
        /// Whose log.
        host: HostId,
        /// Where.
        sequence: u64,
    },
    /// It is about a partition that isn't there.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    /// It can't be decoded: a newer version wrote it, or it is damaged.
    #[error("could not decode what {host} holds at sequence {sequence}")]
    Wire {
        /// Whose log.
        host: HostId,
        /// Where.
        sequence: u64,
        /// Why not.
        #[source]
        error: proto::WireError,
    },
}

impl SourceError {
    /// Whether nothing is wrong but the way to the host, or the host is away: the same can be asked again.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Far(FarError::Unreachable { .. }))
    }
}

/// Where a host's own facts are read. Cheap to clone.
#[derive(Clone)]
pub enum Source {
    /// In this process.
    Near(LogReader),
    /// In another one.
    Far(Arc<FarLog>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if matches!(self, Self::Near(_)) { "near" } else { "far" };
        write!(f, "Source({}, {place})", self.host())
    }
}

impl From<LogReader> for Source {
    fn from(log: LogReader) -> Self {
        Self::Near(log)
    }
}

impl Source {
    /// Whose facts.
    #[must_use]
    pub fn host(&self) -> HostId {
        match self {
            Self::Near(log) => log.host(),
            Self::Far(log) => log.host(),
        }
    }

    /// How far the facts are known here to be durable, and every later step.
    ///
    /// # Errors
    /// When the log is closed.
    pub fn synced(&self) -> Result<watch::Receiver<Synced>, SourceError> {
        match self {
            Self::Near(log) => Ok(log.synced()?),
            Self::Far(log) => Ok(log.synced()),
        }
    }

    /// The last sequence that is known here to be durable.
    ///
    /// # Errors
    /// When the log is closed.
    pub fn last(&self) -> Result<u64, SourceError> {
        Ok(self.synced()?.borrow().sequence)
    }

    /// The last durable sequence, asked of the owner.
    ///
    /// # Errors
    /// When the log is closed, or nobody can be asked.
    pub async fn position(&self) -> Result<u64, SourceError> {
        match self {
            Self::Near(_) => self.last(),
            Self::Far(log) => Ok(log.position().await?),
        }
    }

    /// Whether the host is in another process.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Far(_))
    }

    /// Whether its owner can be asked now.
    pub(crate) fn is_reachable(&self) -> bool {
        match self {
            Self::Near(_) => true,
            Self::Far(log) => log.is_reachable(),
        }
    }

    /// Whether the host is in another process, and the way to it is there.
    #[must_use]
    pub(crate) fn is_reached_elsewhere(&self) -> bool {
        match self {
            Self::Near(_) => false,
            Self::Far(log) => log.is_reachable(),
        }
    }

    /// One fact, if it is durable. Blocks: not for a thread that drives an asynchronous runtime.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn own_at(&self, sequence: u64) -> Result<Option<Published>, SourceError> {
        match self {
            Self::Near(log) => log.own_at(sequence)?.map(Published::try_from).transpose(),
            Self::Far(log) => Ok(log.own_at(sequence)?),
        }
    }

    /// The facts from a sequence to the end as it is known here. Blocks like [`Source::own_at`].
    #[must_use]
    pub fn own(&self, from_sequence: u64) -> Facts {
        Facts(match self {
            Self::Near(log) => FactsOf::Near(log.own(from_sequence)),
            Self::Far(log) => FactsOf::Far(log.facts(from_sequence)),
        })
    }

    /// The facts behind a sequence, for [`Facts::next_after`]. Blocks like [`Source::own_at`].
    ///
    /// # Errors
    /// When they can't be read.
    pub fn behind(&self, sequence: u64) -> Result<Facts, SourceError> {
        Ok(Facts(match self {
            Self::Near(log) => {
                // What was heard since that fact stands between it and the next one.
                let mut entries = log.own(sequence);
                if sequence > 0 {
                    entries.next().transpose()?;
                }
                FactsOf::Near(entries)
            }
            Self::Far(log) => FactsOf::Far(log.facts(sequence + 1)),
        }))
    }

    /// What was asked for when an event was recorded, if it was.
    ///
    /// # Errors
    /// When it can't be looked up.
    pub async fn content_of(&self, id: EventId) -> Result<Option<Hash>, SourceError> {
        match self {
            Self::Near(log) => content_of(log, id),
            Self::Far(log) => Ok(log.content_of(id).await?),
        }
    }

    /// Follows the facts for ever, after the one of this sequence and header hash; zeros for all of them.
    ///
    /// # Errors
    /// When the log is closed.
    pub(crate) fn follow(&self, heard: (u64, Hash)) -> Result<Follower, SourceError> {
        Ok(match self {
            Self::Near(log) => Follower::Near { entries: log.own(heard.0 + 1), synced: log.synced()? },
            Self::Far(log) => Follower::Far(Box::new(log.follow(heard))),
        })
    }
}

/// What was asked for when an event was recorded, if this log has it.
pub(crate) fn content_of(log: &LogReader, id: EventId) -> Result<Option<Hash>, SourceError> {
    let Some(position) = log.find(id)? else { return Ok(None) };
    let Some(entry) = log.entries(position).next().transpose()? else { return Ok(None) };
    Ok(Some(Published::try_from(entry)?.event()?.cause))
}

/// See [`Source::own`].
pub struct Facts(FactsOf);

enum FactsOf {
    Near(OwnEntries),
    Far(FarFacts),
}

impl Facts {
    /// The next fact. What its host had heard of others before is given out first, since it may have caused it; of a
    /// host in another process that isn't known here.
    pub fn next_after(&mut self, heard: impl FnMut(&Header)) -> Option<Result<Published, SourceError>> {
        match &mut self.0 {
            FactsOf::Near(entries) => {
                Some(entries.next_after(heard)?.map_err(SourceError::from).and_then(Published::try_from))
            }
            FactsOf::Far(facts) => Some(facts.next()?.map_err(SourceError::from)),
        }
    }
}

impl Iterator for Facts {
    type Item = Result<Published, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_after(|_| ())
    }
}

/// See [`Source::follow`].
pub(crate) enum Follower {
    Near { entries: OwnEntries, synced: watch::Receiver<Synced> },
    Far(Box<FarFollower>),
}

impl Follower {
    /// The next fact, as soon as there is one; none when the log is closed. Nothing is lost when this is dropped
    /// before it ends.
    pub(crate) async fn next(&mut self) -> Result<Option<Published>, SourceError> {
        match self {
            Self::Near { entries, synced } => loop {
                synced.mark_unchanged();
                if let Some(entry) = entries.next() {
                    return Published::try_from(entry?).map(Some);
                }
                if synced.changed().await.is_err() {
                    return Ok(None);
                }
            },
            Self::Far(follower) => Ok(Some(follower.next().await?)),
        }
    }
}
