//! Folding the facts up to some positions. Facts of different hosts commute, so the logs are read one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::{Catalog, Event, Fact, FileId, HostId, Ledger, ServiceName, UsageFile};

use super::{Positions, Step, Trail};
use crate::bus::{Bus, FollowError};
use crate::source::SourceError;

/// Whether nobody waits for a replay any more.
#[derive(Clone, Debug, Default)]
pub struct Stopped(Arc<AtomicBool>);

impl Stopped {
    /// Nobody waits any more.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The catalog as of a position of its log; none when nobody waits for it any more. Blocks.
///
/// # Errors
/// When its log can't be read.
pub fn catalog_at(bus: &Bus, position: u64, stopped: &Stopped) -> Result<Option<Arc<Catalog>>, FollowError> {
    let known = bus.shelf().take();
    if known.position == position {
        return Ok(Some(known));
    }
    let mut ledger = Ledger::default();
    let host = HostId::new(ServiceName::Catalog, 0);
    let whole = fold(bus, host, position, stopped, |sequence, event| ledger.evolve(sequence, event))?;
    Ok(whole.then_some(ledger.catalog))
}

/// The ledger as of some positions, with a catalog that is as of them; none when nobody waits for it any more. Blocks.
///
/// # Errors
/// When a log can't be read.
pub fn ledger_at(
    bus: &Bus,
    positions: &Positions,
    catalog: Arc<Catalog>,
    stopped: &Stopped,
) -> Result<Option<Ledger>, FollowError> {
    let mut ledger = Ledger { catalog, ..Ledger::default() };
    for (host, last) in positions.each().filter(|(host, _)| host.service != ServiceName::Catalog) {
        if !fold(bus, host, last, stopped, |sequence, event| ledger.evolve(sequence, event))? {
            return Ok(None);
        }
    }
    Ok(Some(ledger))
}

/// Gives the first facts of a host; false when nobody waits for them any more.
fn fold(
    bus: &Bus,
    host: HostId,
    last: u64,
    stopped: &Stopped,
    mut take: impl FnMut(u64, &Event),
) -> Result<bool, FollowError> {
    let Some(source) = bus.source(host) else { return Ok(true) };
    let failed = |error| FollowError { emitter: host, error };
    for (sequence, fact) in (1..=last).zip(source.own(1)) {
        if stopped.is_stopped() {
            return Ok(false);
        }
        take(sequence, &fact.and_then(|fact| fact.event()).map_err(failed)?);
    }
    Ok(true)
}

/// A ledger with one file as of some positions, and a catalog that is as of them. Of the file's facts those that carry
/// records are read only where what they belong to hadn't ended by then. Blocks.
///
/// # Errors
/// When a fact can't be read.
pub fn file_at(
    bus: &Bus,
    id: FileId,
    trail: &Trail,
    positions: &Positions,
    catalog: &Arc<Catalog>,
) -> Result<Ledger, FollowError> {
    let steps = trail.steps.iter().filter(|step| step.sequence <= positions.of(step.host));
    let (batches, plain): (Vec<&Step>, Vec<&Step>) = steps.partition(|step| step.carries_records);
    let mut facts = BTreeMap::new();
    read(bus, plain.into_iter().map(|step| (step.host, step.sequence)), &mut facts)?;
    let ledger = folded(&facts, catalog);
    let Some(file) = ledger.files.get(&id) else { return Ok(ledger) };
    let open = batches.into_iter().filter(|step| is_open(file, &facts, step)).map(|step| (step.host, step.sequence));
    let arbiter = HostId::new(ServiceName::Approval, 0);
    let asks = file.approval.submitted_at.is_some() && file.approval.ruling.is_none();
    let rules = trail.rules.iter().filter(|sequence| asks && **sequence <= positions.of(arbiter));
    let missing: Vec<_> = open.chain(rules.map(|sequence| (arbiter, *sequence))).collect();
    if missing.is_empty() {
        return Ok(ledger);
    }
    read(bus, missing, &mut facts)?;
    Ok(folded(&facts, catalog))
}

type Facts = BTreeMap<(HostId, u64), Event>;

fn read(bus: &Bus, steps: impl IntoIterator<Item = (HostId, u64)>, facts: &mut Facts) -> Result<(), FollowError> {
    for (host, sequence) in steps {
        let failed = |error| FollowError { emitter: host, error };
        let fact = bus.source(host).map(|source| source.own_at(sequence)).transpose().map_err(failed)?.flatten();
        let event = fact.ok_or(SourceError::Empty { host, sequence }).and_then(|fact| fact.event());
        facts.insert((host, sequence), event.map_err(failed)?);
    }
    Ok(())
}

fn folded(facts: &Facts, catalog: &Arc<Catalog>) -> Ledger {
    let mut ledger = Ledger { catalog: catalog.clone(), ..Ledger::default() };
    for ((_, sequence), event) in facts {
        ledger.evolve(*sequence, event);
    }
    ledger
}

/// Whether a batch may belong to work that hadn't ended: where it had, the work's last fact lists what counts.
fn is_open(file: &UsageFile, facts: &Facts, step: &Step) -> bool {
    let ended = match step.host.service {
        ServiceName::Ingestion => file.reading.end.is_some(),
        _ => file.checking.end.is_some(),
    };
    let mut later = facts.range((step.host, step.sequence)..=(step.host, u64::MAX)).map(|(_, event)| &event.fact);
    let of_old_attempt = later.any(|fact| matches!(fact, Fact::ReadStarted { .. } | Fact::CheckStarted { .. }));
    !ended && !of_old_attempt
}
