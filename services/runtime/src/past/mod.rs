//! The past: how far every log had come, and what its facts up to there fold to. The logs are the memory; kept here is
//! only where the facts of each file stand.

mod replay;
mod told;
mod trails;

use std::collections::BTreeMap;
use std::fmt;

use ledger::{HostId, ServiceName};

pub use replay::{Stopped, catalog_at, file_at, ledger_at};
pub use told::{about, told};
pub use trails::{Step, Trail, Trails};

/// How many own facts of each host count; of a host that isn't named, none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Positions(BTreeMap<HostId, u64>);

impl Positions {
    /// The last sequence of a host that counts.
    #[must_use]
    pub fn of(&self, host: HostId) -> u64 {
        self.0.get(&host).copied().unwrap_or(0)
    }

    /// The hosts with facts that count, and their last sequences.
    pub fn each(&self) -> impl Iterator<Item = (HostId, u64)> + '_ {
        self.0.iter().map(|(host, sequence)| (*host, *sequence))
    }

    /// Reads what [`Positions`] writes, in any order.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut positions = BTreeMap::new();
        for one in text.split(',') {
            let (host, sequence) = one.trim().split_once(':')?;
            let known = positions.insert(HostId::parse(host)?, sequence.parse().ok()?);
            known.is_none().then_some(())?;
        }
        Some(positions.into_iter().collect())
    }
}

impl FromIterator<(HostId, u64)> for Positions {
    fn from_iter<T: IntoIterator<Item = (HostId, u64)>>(positions: T) -> Self {
        Self(positions.into_iter().filter(|(_, sequence)| *sequence > 0).collect())
    }
}

impl fmt::Display for Positions {
    /// `catalog-0:12,approval-0:123`: one text for equal positions. Before the first fact it is that of the log that every
    /// ledger has, `catalog-0:0`, since nothing at all could not be given back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, "{}:0", HostId::new(ServiceName::Catalog, 0));
        }
        for (place, (host, sequence)) in self.each().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}{host}:{sequence}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written_and_nothing_else_is() {
        for (text, written) in [
            ("approval-0:123,catalog-0:7", Some("catalog-0:7,approval-0:123")),
            (" catalog-0:7 , ingestion-12:1", Some("catalog-0:7,ingestion-12:1")),
            ("catalog-0:0", Some("catalog-0:0")),
            ("approval-0:0,ingestion-0:0", Some("catalog-0:0")),
            ("catalog-0:1,catalog-0:2", None),
            ("gateway-0:1", None),
            ("approval-00:1", None),
            ("approval:1", None),
            ("approval-0:-1", None),
            ("approval-0", None),
            ("", None),
        ] {
            let read = Positions::parse(text).map(|positions| positions.to_string());
            assert_eq!(read.as_deref(), written, "{text:?}");
            let again = written.map(|written| Positions::parse(written).map(|positions| positions.to_string()));
            assert_eq!(again.flatten().as_deref(), written, "what is written is read");
        }
    }
}
