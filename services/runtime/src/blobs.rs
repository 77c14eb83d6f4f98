//! Workbooks by their content: a file named by its SHA-256, synced with its directory before anybody hears of it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::Hash;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::nats::{Vault, VaultError};

/// Bytes moved at once when a file is taken over: a page-cache-friendly step.
const COPY_BYTES: usize = 256 * 1024;

/// A blob could not be kept or found.
#[derive(Debug, Error)]
pub enum BlobError {
    /// The disk refused.
    #[error("could not {action} blob file {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is kept elsewhere too, and that failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// More bytes than may be.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// How many may be.
        limit: u64,
    },
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BlobError {
    let path = path.to_owned();
    move |source| BlobError::Io { action, path, source }
}

/// The blobs of one service.
#[derive(Clone, Debug)]
pub struct Blobs {
    dir: PathBuf,
    temp: PathBuf,
    /// A folder of blobs that are read where they aren't here, and never written.
    below: Option<PathBuf>,
    vault: Option<Arc<Vault>>,
}

impl Blobs {
    /// Opens the folder of a service's blobs; what an earlier process left unfinished is removed.
    ///
    /// # Errors
    /// When the folders can't be made.
    pub fn open(dir: &Path) -> Result<Self, BlobError> {
        let temp = dir.join("unfinished");
        fs::create_dir_all(&temp).map_err(io_error("make", &temp))?;
        for left in fs::read_dir(&temp).map_err(io_error("list", &temp))?.flatten() {
            let path = left.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(io_error("remove", &path))?;
        }
        sync_dir(dir)?;
        Ok(Self { dir: dir.to_owned(), temp, below: None, vault: None })
    }

    /// The same, with blobs of another folder where they are missing here: for work on somebody else's.
    #[must_use]
    pub fn above(self, dir: PathBuf) -> Self {
        Self { below: Some(dir), ..self }
    }

    /// The same, with each blob in a vault too before anybody hears of it, and those that aren't here fetched from it.
    #[must_use]
    pub fn kept_in(self, vault: Vault) -> Self {
        Self { vault: Some(Arc::new(vault)), ..self }
    }

    /// A folder for work in progress, on the same file system.
    #[must_use]
    pub fn temp(&self) -> &Path {
        &self.temp
    }

    /// Starts a blob of at most `limit` bytes.
    ///
    /// # Errors
    /// When no file can be made.
    pub fn writer(&self, limit: u64) -> Result<BlobWriter, BlobError> {
        let path = self.temp.join(format!("blob-{}", unique()));
        let file = File::create_new(&path).map_err(io_error("make", &path))?;
        Ok(BlobWriter { blobs: self.clone(), file, path, hasher: Sha256::new(), bytes: 0, limit, kept: false })
    }

    /// Takes a finished file of [`Blobs::temp`] over as a blob.
    ///
    /// # Errors
    /// When it can't be read, synced or moved.
    pub fn adopt(&self, path: &Path) -> Result<(Hash, u64), BlobError> {
        let (hash, bytes) = digest(path)?;
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(io_error("sync", path))?;
        self.keep(path, hash)?;
        Ok((hash, bytes))
    }

    fn keep(&self, path: &Path, hash: Hash) -> Result<(), BlobError> {
        let target = self.dir.join(hash.to_string());
        crate::crash::point("blob.synced");
        fs::rename(path, &target).map_err(io_error("move", path))?;
        sync_dir(&self.dir)?;
        crate::crash::point("blob.kept");
        match &self.vault {
            Some(vault) => Ok(vault.put(hash, &target)?),
            None => Ok(()),
        }
    }

    /// Fetches a blob that isn't here from where it is kept too, if it is. May block, in an asynchronous runtime of
    /// several threads too.
    ///
    /// # Errors
    /// When it can't be had there.
    pub fn recover(&self, hash: Hash) -> Result<(), BlobError> {
        match &self.vault {
            Some(vault) if !self.has(hash) => Ok(vault.fetch(self, hash)?),
            _ => Ok(()),
        }
    }

    /// Where a blob rests.
    #[must_use]
    pub fn path(&self, hash: Hash) -> PathBuf {
        let (name, here) = (hash.to_string(), self.dir.join(hash.to_string()));
        let below = self.below.as_ref().filter(|_| !here.exists()).map(|below| below.join(name));
        below.filter(|below| below.exists()).unwrap_or(here)
    }

    /// Whether a blob is here.
    #[must_use]
    pub fn has(&self, hash: Hash) -> bool {
        self.bytes(hash).is_some()
    }

    /// The size of a blob, if it is here.
    #[must_use]
    pub fn bytes(&self, hash: Hash) -> Option<u64> {
        fs::metadata(self.path(hash)).ok().map(|found| found.len())
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// When it isn't there.
    pub fn read(&self, hash: Hash) -> Result<File, BlobError> {
        self.recover(hash)?;
        let path = self.path(hash);
        File::open(&path).map_err(io_error("open", &path))
    }
}

/// A blob in the making; dropped before its end, it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    file: File,
    path: PathBuf,
    hasher: Sha256,
    bytes: u64,
    limit: u64,
    kept: bool,
}

impl BlobWriter {
    /// Adds bytes.
    ///
    /// # Errors
    /// When they are too many or the disk refuses.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.limit {
            return Err(BlobError::TooLarge { limit: self.limit });
        }
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(io_error("write", &self.path))
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes it durable and names it by its content.
    ///
    /// # Errors
    /// When it can't be synced or moved.
    pub fn finish(mut self) -> Result<(Hash, u64), BlobError> {
        crate::crash::point("blob.written");
        self.file.sync_all().map_err(io_error("sync", &self.path))?;
        let hash = Hash(self.hasher.clone().finalize().into());
        self.blobs.keep(&self.path, hash)?;
        self.kept = true;
        Ok((hash, self.bytes))
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing depends on it: what stays is removed at the next start.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// A file in progress, which is gone with the value: a disk that was full must have its room back. Of one that was taken
/// over as a blob nothing is left to remove.
#[derive(Debug)]
pub struct Unfinished(pub(crate) PathBuf);

impl std::ops::Deref for Unfinished {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Nothing depends on it: what stays is removed at the next start.
        drop(fs::remove_file(&self.0));
    }
}

/// The digest of a file's content, and how long it is.
///
/// # Errors
/// When it can't be read.
pub fn digest(path: &Path) -> Result<(Hash, u64), BlobError> {
    let mut file = File::open(path).map_err(io_error("open", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; COPY_BYTES];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(io_error("read", path))?;
        if read == 0 {
            return Ok((Hash(hasher.finalize().into()), bytes));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}

fn sync_dir(dir: &Path) -> Result<(), BlobError> {
    File::open(dir).and_then(|file| file.sync_all()).map_err(io_error("sync", dir))
}

/// A name that no other file of this process has.
#[must_use]
pub fn unique() -> String {
    static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("{}-{count}", std::process::id())
}
