//! Starting from a snapshot of what the log folds to, and taking the next one. The loop only copies what it knows; a
//! thread beside it writes that down, once the log has made all of it durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::digest::digest_of;
use ledger::{Hash, HostId, Ledger, Moment, ServiceName};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::Host;
use super::checkpoint::Signed;
use super::statement::Roots;
use crate::decider::Decider;
use crate::log::LogReader;
use crate::meters::{SNAPSHOTS, START_POSITION};
use crate::snapshot::{SnapshotError, Snapshots};
use crate::source::Source;
use crate::trace::FileTraces;

/// What a host knows at a position of its log.
#[derive(Deserialize, Serialize)]
pub(super) struct Known {
    place: Place,
    /// Of the ledger.
    digest: Hash,
    /// Without the catalog where the process has that once; then this is how far it goes at least.
    ledger: Ledger,
    catalog: Option<u64>,
    recorded_at: Moment,
    traces: FileTraces,
    signed: Signed,
    roots: Roots,
    /// What the service keeps beside the ledger.
    own: Vec<u8>,
}

/// Which entries something was made of: each chain's hash vouches for all that came before in it.
#[derive(Deserialize, Serialize)]
struct Place {
    host: HostId,
    position: u64,
    sequence: u64,
    /// The last entry of each host in this log: where it stands, and the hash of its header.
    ends: BTreeMap<HostId, (u64, Hash)>,
}

impl Place {
    /// Whether the log has these entries.
    fn check(&self, log: &LogReader) -> Result<(), SnapshotError> {
        let end = log.synced()?.borrow().position;
        if self.host != log.host() {
            return Err(SnapshotError::Elsewhere);
        }
        if self.position > end {
            return Err(SnapshotError::Ahead);
        }
        let positions = self.ends.iter().map(|(host, (position, _))| (*host, *position)).collect();
        let whole = self.ends.values().any(|(position, _)| *position == self.position);
        if whole && found(log, &positions)? == self.ends { Ok(()) } else { Err(SnapshotError::Elsewhere) }
    }
}

/// The entries of some hosts at some positions, as a place names them; without those that aren't there.
fn found(log: &LogReader, ends: &BTreeMap<HostId, u64>) -> Result<BTreeMap<HostId, (u64, Hash)>, SnapshotError> {
    let mut found = BTreeMap::new();
    for position in ends.values() {
        if let Some(entry) = log.entries(*position).next().transpose()? {
            found.insert(entry.header.host, (*position, entry.header.hash()));
        }
    }
    Ok(found)
}

/// The last snapshot that was begun.
#[derive(Debug, Default)]
pub(super) struct Taken {
    position: u64,
    writing: Option<JoinHandle<()>>,
}

impl<D: Decider> Host<D> {
    /// Takes up the newest snapshot that is right, if there is one.
    pub(super) fn resume(&mut self) {
        if let Some(snapshots) = self.parts.snapshots.clone() {
            snapshots.first(|known| self.take_up(known));
            let labels = [&*self.parts.id.to_string()];
            self.parts.meters.set(&START_POSITION, &labels, self.position);
        }
    }

    fn take_up(&mut self, mut known: Known) -> Result<(), SnapshotError> {
        let log = self.parts.reader.clone();
        known.place.check(&log)?;
        if digest_of(&known.ledger) != known.digest {
            return Err(SnapshotError::Digest);
        }
        if let Some(position) = known.catalog {
            known.ledger.catalog = self.parts.bus.shelf().take();
            if known.ledger.catalog.position < position {
                return Err(SnapshotError::Catalog);
            }
        }
        if !self.decider.resume(&known.own, &known.ledger, &Source::Near(log)) {
            return Err(SnapshotError::Own);
        }
        let Known { place, ledger, recorded_at, traces, signed, roots, .. } = known;
        self.ends = place.ends.iter().map(|(host, (position, _))| (*host, *position)).collect();
        (self.position, self.sequence) = (place.position, place.sequence);
        self.recorded_at = recorded_at;
        (self.ledger, self.traces, self.signed, self.roots) = (ledger, traces, signed.again(), roots);
        self.taken = Taken { position: place.position, writing: None };
        tracing::info!(host = %self.parts.id, position = self.position, "started from a snapshot");
        Ok(())
    }

    /// How far this log has the catalog's.
    fn catalog_heard(&self) -> u64 {
        match self.parts.id.service {
            ServiceName::Catalog => self.sequence,
            _ => self.parts.writer.heard(HostId::new(ServiceName::Catalog, 0)).0,
        }
    }

    /// Whether the catalog that the process shares has what this log doesn't: it may not be durable yet.
    fn catalog_is_ahead(&self) -> bool {
        self.ledger.catalog.position > self.catalog_heard()
    }

    /// Whether the catalog's own service is in this process: then its fold is kept once, with that.
    fn shares_catalog(&self) -> bool {
        let catalog = self.parts.bus.source(HostId::new(ServiceName::Catalog, 0));
        self.parts.id.service != ServiceName::Catalog && matches!(catalog, Some(Source::Near(_)))
    }

    /// What it knows by its log. Whoever writes it down looks the rest up.
    pub(super) fn known(&self) -> Known {
        let place =
            Place { host: self.parts.id, position: self.position, sequence: self.sequence, ends: BTreeMap::new() };
        let mut ledger = self.ledger.clone();
        let catalog = self.shares_catalog().then_some(self.ledger.catalog.position);
        if catalog.is_some() || self.catalog_is_ahead() {
            ledger.catalog = Arc::default();
        }
        Known {
            place,
            digest: Hash::ZERO,
            ledger,
            catalog,
            recorded_at: self.recorded_at,
            traces: self.traces.clone(),
            signed: self.signed.clone(),
            roots: self.roots.clone(),
            own: self.decider.keep(),
        }
    }

    /// Takes a snapshot, if enough entries came and the last one is written.
    pub(super) fn snapshot_if_due(&mut self) {
        let Some(snapshots) = self.parts.snapshots.clone() else { return };
        let busy = self.taken.writing.as_ref().is_some_and(|writing| !writing.is_finished());
        // A host that hears the catalog soon has what it lacks of it; one that doesn't takes it from the process.
        let early = self.catalog_is_ahead() && self.catalog_heard() > 0;
        if busy || early || !snapshots.is_due(self.taken.position, self.position) {
            return;
        }
        let (id, position, log) = (self.parts.id, self.position, self.parts.reader.clone());
        let known = self.known();
        let (ends, meters) = (self.ends.clone(), self.parts.meters.clone());
        let writing = tokio::spawn(async move {
            let Ok(mut synced) = log.synced() else { return };
            // What a crash may take from the log must not be in a snapshot of it.
            if synced.wait_for(|synced| synced.position >= position).await.is_err() {
                return;
            }
            let written = tokio::task::spawn_blocking(move || write(&snapshots, known, &ends, &log)).await;
            let outcome = match written {
                Ok(Ok(())) => "written",
                Ok(Err(reason)) => {
                    tracing::warn!(host = %id, position, %reason, "could not write a snapshot");
                    "failed"
                }
                Err(_) => "failed",
            };
            meters.add(&SNAPSHOTS, &[&id.to_string(), outcome], 1);
        });
        self.taken = Taken { position, writing: Some(writing) };
    }
}

fn write(
    snapshots: &Snapshots,
    mut known: Known,
    ends: &BTreeMap<HostId, u64>,
    log: &LogReader,
) -> Result<(), SnapshotError> {
    known.place.ends = found(log, ends)?;
    known.digest = digest_of(&known.ledger);
    snapshots.write(known.place.position, &known)
}
