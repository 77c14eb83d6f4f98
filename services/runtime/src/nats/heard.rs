//! What a writer had heard before a fact, as the fact's message says it: whoever stands by takes it in at the same place,
//! so that both logs say the same in the same order.

use std::collections::BTreeMap;
use std::fmt::Write;

use async_nats::HeaderMap;
use ledger::{HostId, ServiceName};

use super::address::HEARD;

/// The header's value; none where nothing was heard.
pub(crate) fn write(heard: &BTreeMap<HostId, u64>) -> Option<String> {
    let mut text = String::new();
    for (host, sequence) in heard {
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a text can't fail.
        let _ = write!(text, "{comma}{host} {sequence}");
    }
    (!text.is_empty()).then_some(text)
}

/// What a message says; what isn't understood counts for nothing.
pub(crate) fn read(headers: Option<&HeaderMap>) -> Vec<(HostId, u64)> {
    let text = headers.and_then(|headers| headers.get(HEARD)).map_or("", |value| value.as_str());
    let one = |part: &str| {
        let (host, sequence) = part.split_once(' ')?;
        let (service, partition) = host.rsplit_once('-')?;
        let service = ServiceName::WRITERS.into_iter().find(|it| it.name() == service)?;
        Some((HostId::new(service, partition.parse().ok()?), sequence.parse().ok()?))
    };
    text.split(", ").filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_read_as_it_was_written() {
        let heard = BTreeMap::from([
            (HostId::new(ServiceName::Catalog, 0), 17),
            (HostId::new(ServiceName::Ingestion, 12), u64::MAX),
        ]);
        let mut headers = HeaderMap::new();
        headers.insert(HEARD, write(&heard).unwrap());
        assert_eq!(read(Some(&headers)), heard.into_iter().collect::<Vec<_>>());
        assert_eq!(write(&BTreeMap::new()), None);
        headers.insert(HEARD, "catalog-0, gateway-0 3, ingestion-0 4, nobody 5");
        assert_eq!(read(Some(&headers)), [(HostId::new(ServiceName::Ingestion, 0), 4)]);
        assert_eq!(read(None), []);
    }
}
