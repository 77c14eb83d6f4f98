//! Workbooks between processes: the object store carries them, and each rests where it belongs before anybody relies
//! on it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::object_store::{Config, ObjectStore};
use async_nats::jetstream::stream::StorageType;
use ledger::{Hash, HostId};
use proto::ask::{Carry, CarryReply};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::address::{self, Question};
use super::link::{Link, chain};
use super::parts::{NoReply, request, request_again};
use crate::blobs::{BlobError, Blobs};

/// The bucket; its stream is `OBJ_LEDGER_BLOBS`.
pub(crate) const BUCKET: &str = "LEDGER_BLOBS";
/// How long a workbook stays there: it only passes through.
const KEEP: Duration = Duration::from_secs(3_600);
/// How long NATS is waited for before anything is asked: as long as for a command.
const REACH_WAIT: Duration = Duration::from_secs(5);
/// How long the other side may take: 64 MB through an R3 object store, written and synced.
const WAIT: Duration = Duration::from_secs(60);
/// How long it may take the first time: most workbooks have a few MB.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// How long the object store may be silent in the middle of a workbook.
const STEP_WAIT: Duration = Duration::from_secs(15);
/// Bytes moved at once.
const STEP: usize = 128 << 10;
/// The largest workbook that is carried: an uploaded one has 64 MB at most, a processed one may be larger.
const BYTES_MAX: u64 = 1 << 30;

/// A workbook can't be moved between processes.
#[derive(Debug, Error)]
pub enum CarryError {
    /// NATS or the other side can't be reached.
    #[error("could not move workbook {blob} {what}: {reason}")]
    Unreachable {
        /// Which.
        blob: Hash,
        /// From where to where.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// It came otherwise than it went.
    #[error("workbook {blob} arrived damaged")]
    Damaged {
        /// Which.
        blob: Hash,
    },
    /// It isn't where it should be.
    #[error("nobody has workbook {blob}")]
    Missing {
        /// Which.
        blob: Hash,
    },
    /// The disk refused.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// Makes the bucket that workbooks pass through, unless it is there.
///
/// # Errors
/// What NATS answers.
pub async fn set_up(link: &Link) -> Result<ObjectStore, String> {
    let description = "Workbooks on their way between services; each rests in its owner's folder.";
    bucket(link, BUCKET.to_owned(), description.to_owned(), KEEP).await
}

/// Makes a bucket whose objects stay for so long, or for ever, unless it is there.
pub(crate) async fn bucket(
    link: &Link,
    name: String,
    description: String,
    max_age: Duration,
) -> Result<ObjectStore, String> {
    if let Ok(store) = link.jetstream.get_object_store(&name).await {
        return Ok(store);
    }
    let config = Config {
        bucket: name,
        description: Some(description),
        max_age,
        storage: StorageType::File,
        num_replicas: link.replicas,
        ..Config::default()
    };
    link.jetstream.create_object_store(config).await.map_err(|error| chain(&error))
}

/// The workbooks of one service, as a process sees that doesn't run it: a folder of copies, and who has the originals.
#[derive(Clone, Debug)]
pub struct Carrier {
    /// The connection.
    pub link: Link,
    /// The hosts of other processes that may have the originals, by partition.
    pub owners: Arc<Vec<HostId>>,
}

impl Carrier {
    /// Brings a workbook of this process to the one that owns it; when this returns it is durable there.
    ///
    /// # Errors
    /// See [`CarryError`].
    pub async fn give(&self, blobs: &Blobs, blob: Hash, bytes: u64, owner: HostId) -> Result<(), CarryError> {
        let object = self.object(blob);
        lay(&self.link, blobs, blob, &object).await?;
        let reply = self.ask(owner, blob, || Carry::In { blob, bytes, object: object.clone() }).await;
        clear(&self.link, &object).await;
        if reply?.bytes == Some(bytes) { Ok(()) } else { Err(CarryError::Missing { blob }) }
    }

    /// Has a workbook in this process, wherever it was.
    ///
    /// # Errors
    /// See [`CarryError`].
    pub async fn fetch(&self, blobs: &Blobs, blob: Hash) -> Result<(), CarryError> {
        if blobs.has(blob) {
            return Ok(());
        }
        let mut failed = CarryError::Missing { blob };
        for owner in self.owners.iter() {
            // One that was killed with the question may have begun to lay it: each try has an object of its own.
            let mut object = String::new();
            let asked = || {
                object = self.object(blob);
                Carry::Out { blob, object: object.clone() }
            };
            match self.ask(*owner, blob, asked).await {
                Ok(CarryReply { bytes: Some(_) }) => {
                    let taken = take(&self.link, blobs, blob, &object).await;
                    clear(&self.link, &object).await;
                    return taken;
                }
                Ok(CarryReply { bytes: None }) => {}
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// A name in the object store that no other transport has.
    fn object(&self, blob: Hash) -> String {
        let unique = self.link.client.new_inbox();
        format!("{blob}-{}", unique.rsplit('.').next().unwrap_or_default())
    }

    async fn ask(&self, owner: HostId, blob: Hash, mut carry: impl FnMut() -> Carry) -> Result<CarryReply, CarryError> {
        let unreachable = |reason: String| CarryError::Unreachable { blob, what: "with its owner", reason };
        let away = tokio::time::timeout(REACH_WAIT, self.link.reached()).await.is_err();
        if away {
            return Err(unreachable("NATS is away".to_owned()));
        }
        let subject = address::question(owner, Question::Carry);
        let ask = |wait| request(&self.link.client, subject.clone(), carry().encode(), wait);
        let reply = request_again(FIRST_WAIT, WAIT, ask).await;
        let reply = reply.map_err(|no_reply| match no_reply {
            NoReply::Nobody => unreachable(format!("the process of {owner} isn't there")),
            NoReply::Gone => unreachable(format!("the process of {owner} stops")),
            NoReply::Unknown(reason) => unreachable(reason),
        })?;
        CarryReply::decode(&reply).map_err(|error| unreachable(chain(&error)))
    }
}

/// What the owner answers.
pub(crate) async fn answer(link: &Link, blobs: &Arc<Blobs>, asked: &[u8]) -> Option<Vec<u8>> {
    let asked = Carry::decode(asked);
    if let Ok(Carry::Out { blob, .. }) = &asked
        && let Err(error) = blobs.recover(*blob)
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "a workbook that is asked for isn't here");
    }
    let carried = match asked {
        Ok(Carry::In { blob, .. }) if blobs.has(blob) => Ok(blob),
        Ok(Carry::In { blob, object, .. }) => take(link, blobs, blob, &object).await.map(|()| blob),
        Ok(Carry::Out { blob, object }) if blobs.has(blob) => lay(link, blobs, blob, &object).await.map(|()| blob),
        Ok(Carry::Out { .. }) => return Some(CarryReply { bytes: None }.encode()),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "could not read a question about a workbook");
            return None;
        }
    };
    match carried {
        Ok(blob) => Some(CarryReply { bytes: blobs.bytes(blob) }.encode()),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "could not carry a workbook");
            None
        }
    }
}

/// Lays a workbook into the object store.
async fn lay(link: &Link, blobs: &Blobs, blob: Hash, object: &str) -> Result<(), CarryError> {
    let unreachable = |reason| CarryError::Unreachable { blob, what: "into the object store", reason };
    let store = set_up(link).await.map_err(unreachable)?;
    let mut file = tokio::fs::File::from_std(blobs.read(blob)?);
    store.put(object, &mut file).await.map_err(|error| unreachable(chain(&error)))?;
    Ok(())
}

/// Takes an object away that has been carried; what stays for a fault is forgotten by the bucket itself.
async fn clear(link: &Link, object: &str) {
    let Ok(store) = set_up(link).await else { return };
    if let Err(error) = store.delete(object).await {
        tracing::debug!(object, reason = chain(&error), "a carried workbook stays in the object store for a while");
    }
}

/// Takes a workbook out of the object store; it is durable here when this returns.
async fn take(link: &Link, blobs: &Blobs, blob: Hash, object: &str) -> Result<(), CarryError> {
    let unreachable = |reason| CarryError::Unreachable { blob, what: "out of the object store", reason };
    let store = set_up(link).await.map_err(unreachable)?;
    taken(blobs, blob, store.get(object).await.map_err(|error| unreachable(chain(&error)))?).await
}

/// Reads a workbook from the object store; it is durable here when this returns.
pub(crate) async fn taken(blobs: &Blobs, blob: Hash, object: impl AsyncRead + Unpin) -> Result<(), CarryError> {
    let what = "out of the object store";
    let (hash, _) = keep(blobs, object).await.map_err(|error| match error {
        Kept::Read(error) => CarryError::Unreachable { blob, what, reason: error.to_string() },
        Kept::Blob(error) => CarryError::Blob(error),
    })?;
    if hash == blob { Ok(()) } else { Err(CarryError::Damaged { blob }) }
}

/// Why a stream of bytes didn't become a blob.
enum Kept {
    Read(io::Error),
    Blob(BlobError),
}

async fn keep(blobs: &Blobs, mut from: impl AsyncRead + Unpin) -> Result<(Hash, u64), Kept> {
    let mut writer = blobs.writer(BYTES_MAX).map_err(Kept::Blob)?;
    let mut buffer = vec![0; STEP];
    loop {
        let step = tokio::time::timeout(STEP_WAIT, from.read(&mut buffer)).await;
        let silent = || Kept::Read(io::Error::new(io::ErrorKind::TimedOut, "the object store fell silent"));
        let read = step.map_err(|_| silent())?.map_err(Kept::Read)?;
        if read == 0 {
            break;
        }
        writer.add(buffer.get(..read).unwrap_or_default()).map_err(Kept::Blob)?;
    }
    let finished = tokio::task::spawn_blocking(move || writer.finish()).await;
    finished.map_err(|error| Kept::Read(io::Error::other(error)))?.map_err(Kept::Blob)
}
