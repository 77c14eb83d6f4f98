//! What proofs lead through: roots, checkpoints and the keys that they are signed with.

use ledger::fact::{CheckpointSigned, Fact, RecordsRooted, SignedRoot, SigningKeyRecorded};
use ledger::note::VerifierKey;

use super::event::{service, service_number};
use super::value::{hash, narrow};
use crate::error::WireError;
use crate::wire;
use crate::wire::event::Fact as Wire;

impl From<&RecordsRooted> for wire::RecordsRooted {
    fn from(it: &RecordsRooted) -> Self {
        let RecordsRooted { upload, attempt, records, batches, .. } = *it;
        Self { upload, attempt, records, batches, root: it.root.0.to_vec(), columns: it.columns.clone() }
    }
}

impl TryFrom<wire::RecordsRooted> for RecordsRooted {
    type Error = WireError;

    fn try_from(it: wire::RecordsRooted) -> Result<Self, WireError> {
        let wire::RecordsRooted { upload, attempt, records, batches, root, columns } = it;
        Ok(Self { upload, attempt, records, batches, root: hash(&root, "root")?, columns })
    }
}

impl From<&SigningKeyRecorded> for wire::SigningKeyRecorded {
    fn from(it: &SigningKeyRecorded) -> Self {
        Self { service: service_number(it.service), name: it.key.name.clone(), key: it.key.key.to_vec() }
    }
}

impl TryFrom<wire::SigningKeyRecorded> for SigningKeyRecorded {
    type Error = WireError;

    fn try_from(it: wire::SigningKeyRecorded) -> Result<Self, WireError> {
        let key = it.key.as_slice().try_into().map_err(|_| WireError::Invalid { field: "key" })?;
        Ok(Self { service: service(it.service)?, key: VerifierKey { name: it.name, key } })
    }
}

impl From<&CheckpointSigned> for wire::CheckpointSigned {
    fn from(it: &CheckpointSigned) -> Self {
        let (service, root) = (service_number(it.service), it.root.0.to_vec());
        Self { service, size: it.size, root, note: it.note.clone() }
    }
}

impl TryFrom<wire::CheckpointSigned> for CheckpointSigned {
    type Error = WireError;

    fn try_from(it: wire::CheckpointSigned) -> Result<Self, WireError> {
        Ok(Self { service: service(it.service)?, size: it.size, root: hash(&it.root, "root")?, note: it.note })
    }
}

/// The checkpoint that a workbook is to show.
fn shown(root: Option<SignedRoot>) -> Option<wire::SignedRoot> {
    root.map(|it| wire::SignedRoot { size: it.size, root: it.root.0.to_vec() })
}

fn to_show(root: Option<wire::SignedRoot>) -> Result<Option<SignedRoot>, WireError> {
    root.map(|it| Ok(SignedRoot { size: it.size, root: hash(&it.root, "checkpoint")? })).transpose()
}

pub(super) fn processed(upload: u32, attempt: u32, root: Option<SignedRoot>) -> Wire {
    Wire::ProcessedStarted(wire::ProcessedStarted { upload, attempt, checkpoint: shown(root) })
}

pub(super) fn chunk(chunk: u16, attempt: u32, root: Option<SignedRoot>) -> Wire {
    Wire::ChunkStarted(wire::ChunkStarted { chunk: chunk.into(), attempt, checkpoint: shown(root) })
}

pub(super) fn reconciled(number: u16, attempt: u32, root: Option<SignedRoot>) -> Wire {
    let reconciliation = number.into();
    Wire::ReconciliationStarted(wire::ReconciliationStarted { reconciliation, attempt, checkpoint: shown(root) })
}

pub(super) fn processed_started(it: wire::ProcessedStarted) -> Result<Fact, WireError> {
    let wire::ProcessedStarted { upload, attempt, checkpoint } = it;
    Ok(Fact::ProcessedStarted { upload, attempt, checkpoint: to_show(checkpoint)? })
}

pub(super) fn chunk_started(it: wire::ChunkStarted) -> Result<Fact, WireError> {
    let chunk = narrow(it.chunk, "chunk")?;
    Ok(Fact::ChunkStarted { chunk, attempt: it.attempt, checkpoint: to_show(it.checkpoint)? })
}

pub(super) fn reconciliation_started(it: wire::ReconciliationStarted) -> Result<Fact, WireError> {
    let reconciliation = narrow(it.reconciliation, "reconciliation")?;
    let checkpoint = to_show(it.checkpoint)?;
    Ok(Fact::ReconciliationStarted { reconciliation, attempt: it.attempt, checkpoint })
}
