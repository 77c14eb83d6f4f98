//! What proofs lead through: roots, checkpoints and the keys that they are signed with.

use ledger::fact::{CheckpointSigned, RecordsRooted, SigningKeyRecorded};
use ledger::note::VerifierKey;

use super::event::{service, service_number};
use super::value::hash;
use crate::error::WireError;
use crate::wire;

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
