//! The data directories of a ledger, held for an audit: one of a whole ledger, or those of services that run apart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ledger::{HostId, ServiceName};
use runtime::log::{LogError, LogReader, LogSettings, Logs};
use runtime::records::Records;
use runtime::source::Source;

use super::AuditError;

/// Logs that no process works on meanwhile.
pub struct Place {
    /// One for each directory.
    logs: Vec<Logs>,
    readers: BTreeMap<HostId, LogReader>,
    dirs: BTreeMap<HostId, PathBuf>,
}

impl Place {
    /// Opens directories, each as a process would that starts.
    ///
    /// # Errors
    /// When one is in use or isn't what was acknowledged, or two have the same log.
    pub fn open(data: &[PathBuf]) -> Result<Self, AuditError> {
        let mut place = Self { logs: Vec::new(), readers: BTreeMap::new(), dirs: BTreeMap::new() };
        for path in data {
            let failed = |source| match source {
                LogError::Locked { .. } => AuditError::Runs { path: path.clone() },
                source => AuditError::Open { path: path.clone(), source },
            };
            let dir = path.join("log");
            if !dir.is_dir() {
                return Err(AuditError::NoLedger { path: path.clone() });
            }
            let hosts = Logs::named(&dir).map_err(failed)?;
            let logs = Logs::open(&dir, &hosts, LogSettings::default()).map_err(failed)?;
            for host in hosts {
                let first = place.dirs.insert(host, path.clone());
                if let Some(first) = first {
                    return Err(AuditError::Twice { host, first, second: path.clone() });
                }
                place.readers.insert(host, logs.reader(host).map_err(failed)?);
            }
            place.logs.push(logs);
        }
        Ok(place)
    }

    /// The hosts whose logs are here.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> {
        self.readers.keys().copied()
    }

    /// The log of a host.
    ///
    /// # Errors
    /// When it is in none of the directories.
    pub fn log(&self, host: HostId) -> Result<&LogReader, AuditError> {
        self.readers.get(&host).ok_or(AuditError::Absent { host })
    }

    /// Whether every host of every partition is here that others speak of.
    ///
    /// # Errors
    /// Names one that isn't.
    pub fn check_whole(&self) -> Result<(), AuditError> {
        let last = self.hosts().map(|host| host.partition).max().unwrap_or_default();
        HostId::all(last.0 + 1).into_iter().try_for_each(|host| self.log(host).map(drop))
    }

    /// What each host recorded.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        self.readers.values().cloned().map(Source::from).collect()
    }

    /// The records of all files.
    #[must_use]
    pub fn records(&self) -> Records {
        Records::new(self.sources())
    }

    /// The folder of a host's workbooks.
    ///
    /// # Errors
    /// When its log is in none of the directories.
    pub fn blobs(&self, host: HostId) -> Result<PathBuf, AuditError> {
        let data: &Path = self.dirs.get(&host).ok_or(AuditError::Absent { host })?;
        Ok(data.join("blobs").join(host.service.name()))
    }

    /// The hosts of a service.
    #[must_use]
    pub fn of(&self, service: ServiceName) -> Vec<HostId> {
        self.hosts().filter(|host| host.service == service).collect()
    }
}
