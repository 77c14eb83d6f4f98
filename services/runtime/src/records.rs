//! Records, read from where they rest: ingestion's log for what was read, validation's for what was found in it,
//! extraction's for how they were closed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ledger::fact::Part;
use ledger::file::Closing;
use ledger::record::{Billing, CheckedBatch, ClosedRows, ReadBatch};
use ledger::{Event, Fact, FileId, HostId, Partition, ServiceName, UsageFile};
use thiserror::Error;
use tokio::sync::watch;

use crate::nats::FarError;
use crate::source::{Published, Source, SourceError};

/// The pause before asking again who could not be reached.
const PAUSE: Duration = Duration::from_millis(200);

/// A batch of records can't be given.
#[derive(Debug, Error)]
pub enum RecordsError {
    /// The log refused.
    #[error("could not read {host} at sequence {sequence}")]
    Log {
        /// Whose log.
        host: HostId,
        /// Where.
        sequence: u64,
        /// Why not.
        #[source]
        source: SourceError,
    },
    /// There is nothing, or something else.
    #[error("{host} holds no {what} at sequence {sequence}")]
    Missing {
        /// Whose log.
        host: HostId,
        /// What should be there.
        what: &'static str,
        /// Where.
        sequence: u64,
    },
    /// It can't be decoded.
    #[error("could not decode what {host} holds at sequence {sequence}")]
    Wire {
        /// Whose log.
        host: HostId,
        /// Where.
        sequence: u64,
        /// Why not.
        #[source]
        source: proto::WireError,
    },
}

impl RecordsError {
    /// Whether nothing is wrong but the way to whoever has them: the same can be asked again.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Log { source, .. } if source.is_unreachable())
    }
}

/// A batch as read and, where it was checked, as checked: index by index.
#[derive(Clone, Debug)]
pub struct Joined {
    /// As read.
    pub read: ReadBatch,
    /// As checked.
    pub checked: Option<CheckedBatch>,
}

/// The sources of what holds records.
#[derive(Clone, Debug, Default)]
pub struct Records {
    sources: BTreeMap<HostId, Source>,
    /// Until when somebody who can't be reached is waited for; without it nobody is.
    patience: Option<watch::Receiver<bool>>,
}

impl Records {
    /// Records read from these sources.
    #[must_use]
    pub fn new(sources: impl IntoIterator<Item = Source>) -> Self {
        Self { sources: sources.into_iter().map(|source| (source.host(), source)).collect(), patience: None }
    }

    /// The same for jobs: who can't be reached is waited for until the process stops, since a job that fails says that
    /// there is something wrong with its file.
    #[must_use]
    pub fn patient(&self, stop: watch::Receiver<bool>) -> Self {
        Self { patience: Some(stop), ..self.clone() }
    }

    /// Whether somebody who can't be had is waited for.
    pub(crate) fn is_patient(&self) -> bool {
        self.patience.is_some()
    }

    /// Whether nobody is waited for any more.
    pub(crate) fn is_stopping(&self) -> bool {
        self.patience.as_ref().is_some_and(|stop| *stop.borrow())
    }

    fn own_at(&self, source: &Source, sequence: u64) -> Result<Option<Published>, SourceError> {
        loop {
            let found = source.own_at(sequence);
            let Err(SourceError::Far(FarError::Unreachable { reason, .. })) = &found else { return found };
            if self.patience.is_none() || self.is_stopping() {
                return found;
            }
            tracing::warn!(host = %source.host(), sequence, reason, "a job waits for records");
            std::thread::sleep(PAUSE);
        }
    }

    /// The event at a sequence of a service's chain, with its header's hash.
    ///
    /// # Errors
    /// When it isn't there or can't be decoded.
    pub fn event(
        &self,
        service: ServiceName,
        partition: Partition,
        sequence: u64,
    ) -> Result<(Event, ledger::Hash), RecordsError> {
        let host = HostId { service, partition };
        let missing = || RecordsError::Missing { host, what: "event", sequence };
        let source = self.sources.get(&host).ok_or_else(missing)?;
        let fact = self.own_at(source, sequence).map_err(|source| RecordsError::Log { host, sequence, source })?;
        let fact = fact.ok_or_else(missing)?;
        let event = proto::decode_event(&fact.payload);
        let event = event.map_err(|source| RecordsError::Wire { host, sequence, source })?;
        Ok((event, fact.header.hash()))
    }

    /// The last sequence of a service's chain that can be read; 0 for a service that isn't here.
    #[must_use]
    pub fn synced(&self, service: ServiceName, partition: Partition) -> u64 {
        let source = self.sources.get(&HostId { service, partition });
        source.and_then(|source| source.last().ok()).unwrap_or(0)
    }

    /// A batch as read, with the hash that names it.
    ///
    /// # Errors
    /// When it isn't there or can't be decoded.
    pub fn read(&self, file: FileId, sequence: u64) -> Result<(ReadBatch, ledger::Hash), RecordsError> {
        let host = HostId { service: ServiceName::Ingestion, partition: file.partition() };
        let (event, hash) = self.event(host.service, host.partition, sequence)?;
        let Fact::RecordsRead(read) = event.fact else {
            return Err(RecordsError::Missing { host, what: "batch of records", sequence });
        };
        let batch =
            proto::decode_read_batch(&read.payload).map_err(|source| RecordsError::Wire { host, sequence, source })?;
        Ok((batch, hash))
    }

    /// A batch as checked.
    ///
    /// # Errors
    /// When it isn't there or can't be decoded.
    pub fn checked(&self, file: FileId, sequence: u64) -> Result<CheckedBatch, RecordsError> {
        let host = HostId { service: ServiceName::Validation, partition: file.partition() };
        let (event, _) = self.event(host.service, host.partition, sequence)?;
        let Fact::RecordsChecked(checked) = event.fact else {
            return Err(RecordsError::Missing { host, what: "batch of checked records", sequence });
        };
        proto::decode_checked_batch(&checked.payload).map_err(|source| RecordsError::Wire { host, sequence, source })
    }

    /// How records were closed by one fact.
    ///
    /// # Errors
    /// When it isn't there or can't be decoded.
    pub fn closed(&self, file: FileId, sequence: u64) -> Result<ClosedRows, RecordsError> {
        let host = HostId { service: ServiceName::Extraction, partition: file.partition() };
        let (event, _) = self.event(host.service, host.partition, sequence)?;
        match event.fact {
            Fact::RecordsClosed { rows, .. } => Ok(*rows),
            _ => Err(RecordsError::Missing { host, what: "closing of records", sequence }),
        }
    }

    /// How some rows of a file were billed, each with the closing that did it: the first one of a row counts.
    ///
    /// # Errors
    /// When a closing isn't there or can't be decoded.
    pub fn billings<'a>(
        &self,
        file: FileId,
        closings: &'a [Closing],
        rows: impl IntoIterator<Item = u32>,
    ) -> Result<BTreeMap<u32, (Billing, &'a Closing)>, RecordsError> {
        let mut open: BTreeSet<u32> = rows.into_iter().collect();
        let mut found = BTreeMap::new();
        for closing in closings {
            if open.range(closing.first_row..=closing.last_row).next().is_none() {
                continue;
            }
            for (row, billing) in self.closed(file, closing.sequence)?.each() {
                if open.remove(&row) {
                    found.insert(row, (billing.clone(), closing));
                }
            }
        }
        Ok(found)
    }

    /// How many batches the current upload of a file has.
    #[must_use]
    pub fn parts(file: &UsageFile) -> &[Part] {
        file.current_reading().map_or(&[], |reading| &reading.parts)
    }

    /// Gives every batch of the current upload of a file as it was checked, in the order of rows, with its text where
    /// that is needed, until no further one is wanted.
    ///
    /// # Errors
    /// When one isn't there or can't be decoded.
    pub fn walk(
        &self,
        id: FileId,
        file: &UsageFile,
        with_text: bool,
        mut take: impl FnMut(Option<&ReadBatch>, &CheckedBatch) -> bool,
    ) -> Result<(), RecordsError> {
        let checked = file.current_checking().map_or(&[][..], |checking| &checking.parts);
        for (read, checked) in Self::parts(file).iter().zip(checked) {
            let read = with_text.then(|| self.read(id, read.sequence)).transpose()?.map(|(batch, _)| batch);
            if !take(read.as_ref(), &self.checked(id, checked.sequence)?) {
                break;
            }
        }
        Ok(())
    }

    /// A batch of the current upload of a file, joined with what was found in it.
    ///
    /// # Errors
    /// When it isn't there or can't be decoded.
    pub fn joined(&self, id: FileId, file: &UsageFile, index: usize) -> Result<Joined, RecordsError> {
        let host = HostId { service: ServiceName::Ingestion, partition: id.partition() };
        let missing = RecordsError::Missing { host, what: "such part of the file", sequence: index as u64 };
        let part = Self::parts(file).get(index).ok_or(missing)?;
        let (read, _) = self.read(id, part.sequence)?;
        let checked = file.current_checking().and_then(|checking| checking.parts.get(index));
        let checked = checked.map(|part| self.checked(id, part.sequence)).transpose()?;
        Ok(Joined { read, checked })
    }
}

impl std::fmt::Debug for crate::log::LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogReader({})", self.host())
    }
}

impl std::fmt::Debug for crate::log::LogWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogWriter({})", self.host())
    }
}
