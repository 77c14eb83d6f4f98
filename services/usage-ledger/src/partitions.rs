//! Which partitions there are, and which of them a process runs.

use std::collections::BTreeSet;
use std::fmt;

use ledger::{HostId, Partition, ServiceName};
use thiserror::Error;

/// Partitions that don't fit together.
#[derive(Debug, Error)]
#[error("partition {wanted} isn't one of {of}: they are counted from 0. Give --partitions the same number everywhere")]
pub struct PartitionsError {
    wanted: u16,
    of: u16,
}

/// Among how many partitions contracts are spread, and which of them run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partitions {
    /// How many there are: the same for every process of a ledger, and never fewer than before.
    pub of: u16,
    /// Those whose hosts run in this process, counted from 0; all of them without it.
    pub here: Option<BTreeSet<u16>>,
}

impl Default for Partitions {
    fn default() -> Self {
        Self { of: 1, here: None }
    }
}

impl fmt::Display for Partitions {
    /// As it is written behind the services of a process; nothing where all partitions run.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(here) = &self.here else { return Ok(()) };
        let numbers: Vec<String> = here.iter().map(u16::to_string).collect();
        write!(f, " --partition {}", numbers.join(","))
    }
}

impl Partitions {
    /// Whether those that run here are among those that there are.
    ///
    /// # Errors
    /// When one isn't.
    pub(crate) fn check(&self) -> Result<(), PartitionsError> {
        let unknown = self.here.iter().flatten().copied().find(|wanted| *wanted >= self.of);
        unknown.map_or(Ok(()), |wanted| Err(PartitionsError { wanted, of: self.of }))
    }

    /// Those that run here.
    pub(crate) fn each(&self) -> impl Iterator<Item = Partition> {
        let here = (0..self.of).filter(|partition| self.here.as_ref().is_none_or(|here| here.contains(partition)));
        here.map(Partition)
    }

    /// The hosts of some services that run here. The catalog is one for all partitions.
    #[must_use]
    pub fn hosts(&self, services: &BTreeSet<ServiceName>) -> Vec<HostId> {
        let here: BTreeSet<Partition> = self.each().collect();
        let runs = |host: &HostId| {
            services.contains(&host.service) && (host.service == ServiceName::Catalog || here.contains(&host.partition))
        };
        HostId::all(self.of).into_iter().filter(runs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_runs_once_and_the_others_for_each_partition_that_is_here() {
        let all: BTreeSet<_> = ServiceName::WRITERS.into();
        for (of, here, services, expected) in [
            (1, None, all.clone(), "catalog-0 approval-0 ingestion-0 validation-0 extraction-0"),
            (2, None, [ServiceName::Approval].into(), "approval-0 approval-1"),
            (3, Some([0, 2].into()), [ServiceName::Ingestion].into(), "ingestion-0 ingestion-2"),
            (3, Some([1].into()), [ServiceName::Catalog, ServiceName::Approval].into(), "catalog-0 approval-1"),
            (2, Some([1].into()), [ServiceName::Gateway].into(), ""),
        ] {
            let hosts = Partitions { of, here }.hosts(&services);
            let names: Vec<String> = hosts.iter().map(HostId::to_string).collect();
            assert_eq!(names.join(" "), expected);
        }
    }

    #[test]
    fn a_partition_that_is_not_there_is_named() {
        let partitions = |of, here: &[u16]| Partitions { of, here: Some(here.iter().copied().collect()) };
        assert!(partitions(2, &[0, 1]).check().is_ok());
        let error = partitions(2, &[1, 2]).check().unwrap_err().to_string();
        assert!(error.contains("partition 2 isn't one of 2"), "{error}");
    }
}
