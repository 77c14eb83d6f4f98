//! Starting a fold from a snapshot of it, and taking the next one. Only a copy is made where readers wait; a thread
//! beside the fold writes it down.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ledger::digest::digest_of;
use ledger::{Hash, HostId, Ledger, ServiceName};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Projection;
use crate::bus::Bus;
use crate::evidence::Evidence;
use crate::meters::{Meters, SNAPSHOTS, START_POSITION};
use crate::past::Trails;
use crate::snapshot::{SnapshotError, Snapshots};
use crate::source::Source;

/// The pause before asking again for a log that can't be reached.
const PAUSE: Duration = Duration::from_millis(200);

/// The last fact of each host that was folded, and the hash of its header.
pub(super) type Heads = BTreeMap<HostId, (u64, Hash)>;

/// Where the snapshots of a fold are, and where they are counted.
#[derive(Clone, Debug)]
pub(super) struct Keeping {
    pub(super) snapshots: Snapshots,
    pub(super) meters: Meters,
}

/// The last snapshot that was begun.
#[derive(Default)]
pub(super) struct Taken {
    facts: u64,
    writing: Option<JoinHandle<()>>,
}

impl Taken {
    /// The one that a fold went on from.
    pub(super) fn at(heads: &Heads) -> Self {
        Self { facts: facts(heads), writing: None }
    }
}

/// What is folded.
#[derive(Deserialize, Serialize)]
struct Folded {
    heads: Heads,
    /// Of the ledger.
    digest: Hash,
    /// Without the catalog where the process has its service, which keeps it; then this is how far it goes at least.
    ledger: Ledger,
    catalog: Option<u64>,
    evidence: Evidence,
    trails: Trails,
    /// What the listener keeps.
    own: Vec<u8>,
}

/// How many facts were folded.
fn facts(heads: &Heads) -> u64 {
    heads.values().map(|(sequence, _)| sequence).sum()
}

/// How far the catalog is folded.
fn catalog_heard(heads: &Heads) -> u64 {
    heads.get(&HostId::new(ServiceName::Catalog, 0)).map_or(0, |(sequence, _)| *sequence)
}

/// Whether the logs have these facts. Waits for one that can't be reached, as whoever follows it does. Blocks.
fn check(bus: &Bus, heads: &Heads, stop: &watch::Receiver<bool>) -> Result<(), SnapshotError> {
    for (host, (sequence, hash)) in heads {
        let source = bus.source(*host).ok_or(SnapshotError::Elsewhere)?;
        let fact = loop {
            match source.own_at(*sequence) {
                Err(error) if error.is_unreachable() && !*stop.borrow() => {
                    tracing::warn!(%host, %error, "a snapshot waits for the log that it is of");
                    std::thread::sleep(PAUSE);
                }
                found => break found?,
            }
        };
        if fact.ok_or(SnapshotError::Ahead)?.header.hash() != *hash {
            return Err(SnapshotError::Elsewhere);
        }
    }
    Ok(())
}

impl Projection {
    /// Takes up the newest snapshot that is right; gives how far it goes, nothing where there is none. Blocks.
    pub(super) fn resume(&self, stop: &watch::Receiver<bool>) -> Heads {
        let mut heads = Heads::default();
        let Some(Keeping { snapshots, meters }) = &self.keeping else { return heads };
        snapshots.first(|mut folded: Folded| {
            check(&self.bus, &folded.heads, stop)?;
            if digest_of(&folded.ledger) != folded.digest {
                return Err(SnapshotError::Digest);
            }
            if let Some(position) = folded.catalog {
                folded.ledger.catalog = self.bus.shelf().take();
                if folded.ledger.catalog.position < position {
                    return Err(SnapshotError::Catalog);
                }
            }
            let Folded { own, ledger, .. } = &folded;
            if !self.listener.as_ref().map_or(own.is_empty(), |listener| (listener.resume)(own, ledger)) {
                return Err(SnapshotError::Own);
            }
            heads.clone_from(&folded.heads);
            self.take_up(folded);
            Ok(())
        });
        meters.set(&START_POSITION, &[ServiceName::Gateway.name()], facts(&heads));
        heads
    }

    /// Whether the catalog's own service is in this process.
    fn shares_catalog(&self) -> bool {
        matches!(self.bus.source(HostId::new(ServiceName::Catalog, 0)), Some(Source::Near(_)))
    }

    fn take_up(&self, folded: Folded) {
        let Folded { heads, ledger, evidence, trails, .. } = folded;
        tracing::info!(facts = facts(&heads), "the gateway started from a snapshot");
        self.changes_of_files().extend(ledger.files.keys().copied());
        self.bus.shelf().lay(ledger.catalog.clone());
        let mut known = self.folded();
        (*known.ledger, *known.evidence, *known.trails) = (ledger, evidence, trails);
        drop(known);
        let reached = heads.iter().map(|(host, (sequence, _))| (*host, *sequence));
        self.positions.send_modify(|positions| positions.extend(reached));
    }

    /// Takes a snapshot, if enough facts came and the last one is written.
    pub(super) fn snapshot_if_due(&self, heads: &Heads, taken: &mut Taken) {
        let Some(Keeping { snapshots, meters }) = &self.keeping else { return };
        let busy = taken.writing.as_ref().is_some_and(|writing| !writing.is_finished());
        let now = facts(heads);
        // The catalog that the process shares may have what isn't durable yet; what was heard of it is.
        let early = self.read().catalog.position > catalog_heard(heads);
        if busy || early || !snapshots.is_due(taken.facts, now) {
            return;
        }
        let mut ledger = self.read().clone();
        let catalog = self.shares_catalog().then_some(ledger.catalog.position);
        if catalog.is_some() {
            ledger.catalog = Arc::default();
        }
        let mut folded = Folded {
            heads: heads.clone(),
            digest: Hash::ZERO,
            ledger,
            catalog,
            evidence: self.evidence().clone(),
            trails: self.trails.read().unwrap_or_else(PoisonError::into_inner).clone(),
            own: self.listener.as_ref().map_or_else(Vec::new, |listener| (listener.keep)()),
        };
        let (snapshots, meters) = (snapshots.clone(), meters.clone());
        let write = move || {
            folded.digest = digest_of(&folded.ledger);
            let written = snapshots.write(now, &folded);
            let outcome = if written.is_ok() { "written" } else { "failed" };
            if let Err(reason) = written {
                tracing::warn!(facts = now, %reason, "could not write a snapshot of the gateway's fold");
            }
            meters.add(&SNAPSHOTS, &[ServiceName::Gateway.name(), outcome], 1);
        };
        *taken = Taken { facts: now, writing: Some(tokio::task::spawn_blocking(write)) };
    }
}
