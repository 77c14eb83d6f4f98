//! The workbooks of one service as the gateway uses them: the service's own folder, or copies of what another process
//! has.

use std::fs::File;
use std::sync::Arc;

use ledger::{Hash, HostId, Partition, ServiceName};

use crate::blobs::{BlobError, Blobs};
use crate::nats::{Carrier, CarryError};

/// Workbooks of one service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BlobStore {
    service: ServiceName,
    blobs: Arc<Blobs>,
    carrier: Option<Carrier>,
}

impl BlobStore {
    /// The folder of a service that runs in this process.
    #[must_use]
    pub fn near(service: ServiceName, blobs: Arc<Blobs>) -> Self {
        Self { service, blobs, carrier: None }
    }

    /// The workbooks of a service that runs elsewhere, for some partitions or for all: copies of those are here.
    #[must_use]
    pub fn far(service: ServiceName, blobs: Arc<Blobs>, carrier: Carrier) -> Self {
        Self { service, blobs, carrier: Some(carrier) }
    }

    /// The folder in this process, to write a workbook into; [`BlobStore::hand_over`] comes after.
    #[must_use]
    pub fn blobs(&self) -> &Arc<Blobs> {
        &self.blobs
    }

    /// Makes sure that the service has a workbook that was written here: it is durable there when this returns.
    ///
    /// # Errors
    /// See [`CarryError`].
    pub async fn hand_over(&self, blob: Hash, bytes: u64, partition: Partition) -> Result<(), CarryError> {
        let owner = HostId { service: self.service, partition };
        match &self.carrier {
            Some(carrier) if carrier.owners.contains(&owner) => carrier.give(&self.blobs, blob, bytes, owner).await,
            _ => Ok(()),
        }
    }

    /// Opens a workbook for reading, wherever it is.
    ///
    /// # Errors
    /// See [`CarryError`].
    pub async fn read(&self, blob: Hash) -> Result<File, CarryError> {
        if let Some(carrier) = &self.carrier {
            carrier.fetch(&self.blobs, blob).await?;
        }
        let opened: Result<File, BlobError> = self.blobs.read(blob);
        Ok(opened?)
    }
}
