//! The facts about one file, in the order in which they were recorded.

use ledger::{Event, HostId, ObjectId, ServiceName, Subject};

use super::{Positions, Trail};
use crate::bus::{Bus, FollowError};
use crate::log::Header;
use crate::source::SourceError;

/// The facts about a file up to some positions, or all that are known, but for those that carry records: what a job
/// read or found is in the fact that ends it. Blocks.
///
/// # Errors
/// When a fact can't be read.
pub fn told(bus: &Bus, trail: &Trail, until: Option<&Positions>) -> Result<Vec<(Header, Event)>, FollowError> {
    let wanted = trail.steps.iter().filter(|step| !step.carries_records);
    let wanted = wanted.filter(|step| until.is_none_or(|until| step.sequence <= until.of(step.host)));
    let mut told = Vec::new();
    for step in wanted {
        let failed = |error| FollowError { emitter: step.host, error };
        let fact = bus.source(step.host).map(|source| source.own_at(step.sequence)).transpose().map_err(failed)?;
        let missing = SourceError::Empty { host: step.host, sequence: step.sequence };
        let fact = fact.flatten().ok_or(missing).map_err(failed)?;
        told.push((fact.header, fact.event().map_err(failed)?));
    }
    // Of one instant, a file meets the services in their order; of one log, its own order counts.
    let place = |service: ServiceName| ServiceName::WRITERS.iter().position(|writer| *writer == service);
    told.sort_by_key(|(header, event)| (event.recorded_at, place(header.host.service), header.sequence));
    Ok(told)
}

/// The facts about an object of the catalog, the oldest first: its log is read from its beginning. Blocks.
///
/// # Errors
/// When a fact can't be read.
pub fn about(bus: &Bus, object: &ObjectId) -> Result<Vec<(Header, Event)>, FollowError> {
    let emitter = HostId::new(ServiceName::Catalog, 0);
    let Some(source) = bus.source(emitter) else { return Ok(Vec::new()) };
    let failed = |error| FollowError { emitter, error };
    let mut told = Vec::new();
    for fact in source.own(1) {
        let fact = fact.map_err(failed)?;
        let event = fact.event().map_err(failed)?;
        if matches!(&event.subject, Subject::Object(id) if id == object) {
            told.push((fact.header, event));
        }
    }
    Ok(told)
}
