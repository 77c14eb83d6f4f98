//! Workbooks that must outlive their writer's disk: each is in the object store, under the name of its digest, before
//! anybody hears of it, so that whoever writes on has it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::object_store::{GetErrorKind, InfoErrorKind, ObjectStore};
use ledger::{Hash, HostId, ServiceName};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::address;
use super::carry::{self, CarryError};
use super::link::{Link, chain};
use crate::blobs::Blobs;

/// The pause before NATS is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// A workbook can't be kept, or had.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The process stops; until then NATS is waited for.
    #[error("the process stopped before workbook {blob} was in the object store")]
    Stopped {
        /// Which.
        blob: Hash,
    },
    /// The object store doesn't have it.
    #[error("the object store doesn't have workbook {blob}")]
    Missing {
        /// Which.
        blob: Hash,
    },
    /// It can't be read or written here, or came damaged.
    #[error(transparent)]
    Carry(Box<CarryError>),
}

/// Where the workbooks of one service are kept besides its folder.
pub struct Vault {
    link: Link,
    bucket: String,
    stop: watch::Receiver<bool>,
    runtime: Handle,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", self.bucket)
    }
}

/// The services that have workbooks of their own.
pub const KEEPERS: [ServiceName; 3] = [ServiceName::Ingestion, ServiceName::Validation, ServiceName::Extraction];

pub(crate) fn keeps_workbooks(host: &HostId) -> bool {
    KEEPERS.contains(&host.service)
}

/// Makes the bucket of a service's workbooks, unless it is there.
///
/// # Errors
/// What NATS answers.
pub async fn set_up(link: &Link, service: ServiceName) -> Result<ObjectStore, String> {
    let description = format!("Workbooks of {service}, for whoever writes for it next.");
    carry::bucket(link, address::kept(service), description, Duration::ZERO).await
}

/// Why an attempt failed.
enum Failed {
    /// It may do next time.
    Trouble(String),
    For(VaultError),
}

impl From<String> for Failed {
    fn from(reason: String) -> Self {
        Self::Trouble(reason)
    }
}

impl Vault {
    /// The vault of a service. Needs a running asynchronous runtime of several threads.
    #[must_use]
    pub fn new(link: Link, service: ServiceName, stop: watch::Receiver<bool>) -> Self {
        Self { link, bucket: address::kept(service), stop, runtime: Handle::current() }
    }

    /// Lays a finished workbook into the object store, however long NATS is away. Blocks.
    ///
    /// # Errors
    /// When the process stops first.
    pub fn put(&self, blob: Hash, path: &Path) -> Result<(), VaultError> {
        self.wait(self.patiently(blob, async || self.lay(blob, path).await))
    }

    /// Takes a workbook that isn't here out of the object store, however long NATS is away. Blocks.
    ///
    /// # Errors
    /// When the object store doesn't have it, or the process stops first.
    pub fn fetch(&self, blobs: &Blobs, blob: Hash) -> Result<(), VaultError> {
        self.wait(self.patiently(blob, async || self.take(blobs, blob).await))
    }

    /// Waits in a thread that may block.
    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::task::block_in_place(|| self.runtime.block_on(work))
    }

    async fn patiently(&self, blob: Hash, work: impl AsyncFn() -> Result<(), Failed>) -> Result<(), VaultError> {
        let mut stop = self.stop.clone();
        loop {
            let reason = tokio::select! {
                outcome = work() => match outcome {
                    Ok(()) => return Ok(()),
                    Err(Failed::For(error)) => return Err(error),
                    Err(Failed::Trouble(reason)) => reason,
                },
                _ = stop.wait_for(|stop| *stop) => return Err(VaultError::Stopped { blob }),
            };
            tracing::warn!(%blob, bucket = self.bucket, reason, "a workbook waits for the object store");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn store(&self) -> Result<ObjectStore, Failed> {
        match self.link.jetstream.get_object_store(&self.bucket).await {
            Ok(store) => Ok(store),
            Err(_) => Ok(carry::bucket(&self.link, self.bucket.clone(), String::new(), Duration::ZERO).await?),
        }
    }

    async fn lay(&self, blob: Hash, path: &Path) -> Result<(), Failed> {
        let (store, name) = (self.store().await?, blob.to_string());
        match store.info(&name).await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == InfoErrorKind::NotFound => {}
            Err(error) => return Err(chain(&error).into()),
        }
        let mut file = tokio::fs::File::open(path).await.map_err(|error| chain(&error))?;
        store.put(name.as_str(), &mut file).await.map_err(|error| chain(&error))?;
        Ok(())
    }

    async fn take(&self, blobs: &Blobs, blob: Hash) -> Result<(), Failed> {
        let object = match self.store().await?.get(blob.to_string()).await {
            Ok(object) => object,
            Err(error) if error.kind() == GetErrorKind::NotFound => {
                return Err(Failed::For(VaultError::Missing { blob }));
            }
            Err(error) => return Err(chain(&error).into()),
        };
        match carry::taken(blobs, blob, object).await {
            Ok(()) => Ok(()),
            Err(error @ CarryError::Unreachable { .. }) => Err(chain(&error).into()),
            Err(error) => Err(Failed::For(VaultError::Carry(Box::new(error)))),
        }
    }
}
