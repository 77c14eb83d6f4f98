//! Several hosts' logs read as one: nothing before what caused it, and of the rest the oldest first.
//!
//! What may have caused a fact is known exactly: between its own facts a log notes those of others that its host had
//! heard by then. Of a host in another process only its own facts are known here: there the time decides alone.

use std::collections::BTreeMap;

use ledger::{Event, HostId, ServiceName};
use runtime::bus::{Bus, FollowError};
use runtime::source::{self, Facts, Published, SourceError};

use super::Cursor;

/// Facts that one page looks at: most are steps of the work or other people's, and a page ends there with the cursor
/// moved on.
const FACTS_MAX: usize = 8_192;
/// Bytes of such facts: batches of records are among them.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The logs of a page, from a cursor to where the fold has come: whoever reads of an event can read its object.
pub(crate) struct Merged {
    sources: Vec<Source>,
    services: &'static [ServiceName],
    cursor: Cursor,
    facts: usize,
    bytes: usize,
}

/// One host's log.
struct Source {
    host: HostId,
    facts: Facts,
    folded: u64,
    /// What the host had heard of others when it recorded the next fact.
    heard: BTreeMap<HostId, u64>,
    next: Option<Next>,
}

struct Next {
    sequence: u64,
    bytes: usize,
    event: Event,
}

impl Merged {
    /// The logs of some services behind a cursor.
    pub(crate) fn open(
        bus: &Bus,
        services: &'static [ServiceName],
        cursor: Cursor,
        folded: &BTreeMap<HostId, u64>,
    ) -> Result<Self, FollowError> {
        let mut sources = Vec::new();
        for source in bus.sources(services) {
            let host = source.host();
            let (passed, folded) = (cursor.passed(host), folded.get(&host).copied().unwrap_or(0));
            if passed < folded {
                sources.push(Source::open(&source, passed, folded)?);
            }
        }
        Ok(Self { sources, services, cursor, facts: 0, bytes: 0 })
    }

    /// The next fact and where it stands; none where there is none, or where its cause isn't folded yet.
    pub(crate) fn peek(&mut self) -> Option<(HostId, u64, &Event)> {
        let (source, _) = self.next()?;
        let host = source.host;
        source.next.as_ref().map(|next| (host, next.sequence, &next.event))
    }

    /// Whether a page has looked at enough.
    pub(crate) fn is_enough(&self) -> bool {
        self.facts == FACTS_MAX || self.bytes >= BYTES_MAX
    }

    /// Goes on behind the next fact.
    pub(crate) fn pass(&mut self) -> Result<(), FollowError> {
        let Some((source, cursor)) = self.next() else { return Ok(()) };
        let Some(next) = source.next.take() else { return Ok(()) };
        cursor.0.insert(source.host, next.sequence);
        source.advance()?;
        self.facts += 1;
        self.bytes += next.bytes;
        Ok(())
    }

    /// Leaves the next fact for the next page, with everything after it in its log.
    pub(crate) fn leave(&mut self) {
        if let Some((source, _)) = self.next() {
            source.next = None;
        }
    }

    /// How far it was read.
    pub(crate) fn into_cursor(self) -> Cursor {
        self.cursor
    }

    fn next(&mut self) -> Option<(&mut Source, &mut Cursor)> {
        let (cursor, services) = (&mut self.cursor, self.services);
        let passed =
            |(host, sequence): (&HostId, &u64)| !services.contains(&host.service) || cursor.passed(*host) >= *sequence;
        let ready = self.sources.iter_mut().filter(|it| it.next.is_some() && it.heard.iter().all(passed));
        let source = ready.min_by_key(|it| it.next.as_ref().map(|next| next.event.recorded_at))?;
        Some((source, cursor))
    }
}

impl Source {
    fn open(source: &source::Source, passed: u64, folded: u64) -> Result<Self, FollowError> {
        let host = source.host();
        let facts = source.behind(passed).map_err(|error| FollowError { emitter: host, error })?;
        let mut source = Self { host, facts, folded, heard: BTreeMap::new(), next: None };
        source.advance()?;
        Ok(source)
    }

    fn advance(&mut self) -> Result<(), FollowError> {
        self.next = None;
        let (emitter, heard) = (self.host, &mut self.heard);
        let failed = |error| FollowError { emitter, error };
        let fact = self.facts.next_after(|header| {
            heard.insert(header.host, header.sequence);
        });
        let Some(Published { header, payload }) = fact.transpose().map_err(failed)? else { return Ok(()) };
        let sequence = header.sequence;
        if sequence <= self.folded {
            let event = proto::decode_event(&payload);
            let event = event.map_err(|error| failed(SourceError::Wire { host: emitter, sequence, error }))?;
            self.next = Some(Next { sequence, bytes: payload.len(), event });
        }
        Ok(())
    }
}
