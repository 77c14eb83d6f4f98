//! Where a reader of the feed has come: how many of each host's own events it has passed. Opaque to clients; what was
//! cut, mistyped or made up is told from what we gave by a checksum.

use std::collections::BTreeMap;
use std::fmt::Write;

use ledger::{Hash, HostId, Partition, ServiceName};

/// The form of a cursor: a later one gets another number.
const VERSION: u8 = 1;
/// Service, partition and sequence of one host.
const HOST_BYTES: usize = 1 + 2 + 8;
/// Bytes of the checksum: enough for accidents, and nobody gains anything by making one up.
const CHECK_BYTES: usize = 6;

/// The last sequence of each host that a reader has passed; none of a host is its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub BTreeMap<HostId, u64>);

impl Cursor {
    /// As far as both have come.
    #[must_use]
    pub fn least(&self, other: &Self) -> Self {
        Self(self.0.keys().map(|host| (*host, self.passed(*host).min(other.passed(*host)))).collect())
    }

    /// As far as either has come.
    #[must_use]
    pub fn most(&self, other: &Self) -> Self {
        let hosts = self.0.keys().chain(other.0.keys());
        Self(hosts.map(|host| (*host, self.passed(*host).max(other.passed(*host)))).collect())
    }

    /// Whether it has come as far as another.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(host, sequence)| self.passed(*host) >= *sequence)
    }

    /// How many events were passed.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// How many of a host's events were passed.
    #[must_use]
    pub fn passed(&self, host: HostId) -> u64 {
        self.0.get(&host).copied().unwrap_or(0)
    }

    /// The text that a client keeps.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = vec![VERSION];
        for (host, sequence) in &self.0 {
            bytes.push(host.service.number());
            bytes.extend(host.partition.0.to_le_bytes());
            bytes.extend(sequence.to_le_bytes());
        }
        bytes.extend(check(&bytes));
        bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a text can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Reads what [`Cursor::text`] wrote, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = unhex(text)?;
        let (content, found) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_BYTES)?)?;
        let (version, hosts) = content.split_first()?;
        if found != check(content) || *version != VERSION || hosts.len() % HOST_BYTES != 0 {
            return None;
        }
        let host = |bytes: &[u8]| {
            let (service, rest) = bytes.split_first()?;
            let (partition, sequence) = rest.split_first_chunk()?;
            let host = HostId {
                service: ServiceName::from_number(*service)?,
                partition: Partition(u16::from_le_bytes(*partition)),
            };
            Some((host, u64::from_le_bytes(sequence.try_into().ok()?)))
        };
        hosts.chunks(HOST_BYTES).map(host).collect::<Option<_>>().map(Self)
    }
}

fn check(content: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = Hash::of_parts(&[b"cursor of the feed", content]);
    hash.0.first_chunk().copied().unwrap_or_default()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_no_other_text_is_one() {
        let host = |service, partition| HostId { service, partition: Partition(partition) };
        let some = [(host(ServiceName::Approval, 3), 7), (host(ServiceName::Catalog, 0), u64::MAX)];
        for cursor in [Cursor::default(), Cursor(some.into())] {
            let text = cursor.text();
            assert_eq!(Cursor::parse(&text), Some(cursor), "{text}");
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
                assert_eq!(Cursor::parse(std::str::from_utf8(&changed).unwrap()), None, "{at} of {text}");
                assert_eq!(Cursor::parse(&text[..at]), None, "the first {at} of {text}");
            }
        }
        for text in ["", "0", "nonsense", "äöüäöüäöü", "01"] {
            assert_eq!(Cursor::parse(text), None, "{text:?}");
        }
    }
}
