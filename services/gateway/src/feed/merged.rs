//! Several hosts' logs read as one, the oldest fact first as far as they know of each other.

use std::collections::BTreeMap;

use ledger::{Event, HostId, ServiceName};
use runtime::bus::{Bus, FollowError};
use runtime::log::OwnEntries;

use super::Cursor;

/// Facts that one page looks at: most are steps of the work or other people's, and a page ends there with the cursor
/// moved on.
const FACTS_MAX: usize = 8_192;
/// Bytes of such facts: batches of records are among them.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The logs of a page, from a cursor to where the fold has come: whoever reads of an event can read its object.
pub(crate) struct Merged {
    sources: Vec<Source>,
    facts: usize,
    bytes: usize,
}

/// One host's log.
struct Source {
    host: HostId,
    entries: OwnEntries,
    folded: u64,
    next: Option<Next>,
}

struct Next {
    sequence: u64,
    bytes: usize,
    event: Event,
}

impl Merged {
    /// The logs of some services.
    pub(crate) fn open(
        bus: &Bus,
        services: &[ServiceName],
        cursor: &Cursor,
        folded: &BTreeMap<HostId, u64>,
    ) -> Result<Self, FollowError> {
        let mut sources = Vec::new();
        for (host, log) in bus.sources(services, None) {
            let (passed, folded) = (cursor.passed(host), folded.get(&host).copied().unwrap_or(0));
            if passed < folded {
                let mut source = Source { host, entries: log.own(passed + 1), folded, next: None };
                source.advance()?;
                sources.push(source);
            }
        }
        Ok(Self { sources, facts: 0, bytes: 0 })
    }

    /// The next fact and where it stands.
    pub(crate) fn peek(&mut self) -> Option<(HostId, u64, &Event)> {
        let source = self.oldest()?;
        let host = source.host;
        source.next.as_ref().map(|next| (host, next.sequence, &next.event))
    }

    /// Whether a page has looked at enough.
    pub(crate) fn is_enough(&self) -> bool {
        self.facts == FACTS_MAX || self.bytes >= BYTES_MAX
    }

    /// Goes on behind the next fact.
    pub(crate) fn pass(&mut self, cursor: &mut Cursor) -> Result<(), FollowError> {
        let Some(source) = self.oldest() else { return Ok(()) };
        let Some(next) = &source.next else { return Ok(()) };
        let bytes = next.bytes;
        cursor.0.insert(source.host, next.sequence);
        source.advance()?;
        self.facts += 1;
        self.bytes += bytes;
        Ok(())
    }

    /// Leaves the next fact for the next page, with everything after it in its log.
    pub(crate) fn leave(&mut self) {
        if let Some(source) = self.oldest() {
            source.next = None;
        }
    }

    fn oldest(&mut self) -> Option<&mut Source> {
        let with_next = self.sources.iter_mut().filter(|source| source.next.is_some());
        with_next.min_by_key(|source| source.next.as_ref().map(|next| next.event.recorded_at))
    }
}

impl Source {
    fn advance(&mut self) -> Result<(), FollowError> {
        self.next = None;
        let emitter = self.host;
        let entry = self.entries.next().transpose().map_err(|error| FollowError::Log { emitter, error })?;
        let Some(entry) = entry else { return Ok(()) };
        let sequence = entry.header.sequence;
        let bytes = entry.payload.ok_or(FollowError::Empty { emitter, sequence })?;
        if sequence <= self.folded {
            let event = proto::decode_event(&bytes);
            let event = event.map_err(|error| FollowError::Wire { emitter, sequence, error })?;
            self.next = Some(Next { sequence, bytes: bytes.len(), event });
        }
        Ok(())
    }
}
