//! What must not be in the catalog or the log: the pepper of key hashes, the secret that links are signed with, and the
//! key that checkpoints are signed with.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ledger::note::NoteSigner;
use thiserror::Error;

/// Bytes of each secret: as many as the hash that they go into.
const SECRET_BYTES: usize = 32;

/// The secrets of a data directory.
#[derive(Clone)]
pub struct Secrets {
    /// Goes into the hash of every API key.
    pub pepper: Vec<u8>,
    /// Signs links.
    pub link: Vec<u8>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// The secrets can't be had.
#[derive(Debug, Error)]
pub enum SecretsError {
    /// A file can't be read or made.
    #[error("could not read or make {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("the file secrets in the data directory is damaged; restore it: without it no API key is valid")]
    Damaged,
    /// The signing key is not what was written.
    #[error(
        "{path} is damaged; restore it, or remove it: another key is made then, and recorded with the next checkpoint"
    )]
    DamagedKey {
        /// The file.
        path: PathBuf,
    },
    /// The machine has no random numbers.
    #[error("could not get random numbers from the machine")]
    Random,
}

impl Secrets {
    /// Reads a file of secrets; the first start makes it, readable by its owner only.
    ///
    /// # Errors
    /// See [`SecretsError`].
    pub fn open(path: &Path) -> Result<Self, SecretsError> {
        let bytes = kept(path, SECRET_BYTES * 2)?;
        if bytes.len() != SECRET_BYTES * 2 {
            return Err(SecretsError::Damaged);
        }
        let (pepper, link) = bytes.split_at(SECRET_BYTES);
        Ok(Self { pepper: pepper.to_vec(), link: link.to_vec() })
    }
}

/// What checkpoints and statements are signed with; the first start makes the file, readable by its owner only.
///
/// # Errors
/// See [`SecretsError`].
pub fn signer(path: &Path) -> Result<NoteSigner, SecretsError> {
    let secret = kept(path, SECRET_BYTES)?;
    let secret = secret.as_slice().try_into().map_err(|_| SecretsError::DamagedKey { path: path.to_owned() })?;
    Ok(NoteSigner::new(secret))
}

/// The bytes of a file, which is made of so many random ones where it isn't there.
fn kept(path: &Path, bytes: usize) -> Result<Vec<u8>, SecretsError> {
    let failed = |source| SecretsError::Io { path: path.to_owned(), source };
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let bytes = random(bytes)?;
            make(path, &bytes).map_err(failed)?;
            Ok(bytes)
        }
        read => read.map_err(failed),
    }
}

fn make(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = path.with_extension("new");
    // What an interrupted first start left is worth nothing.
    drop(fs::remove_file(&temp));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temp)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temp, path)?;
    path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

/// Random bytes of the machine.
///
/// # Errors
/// When it has none.
pub fn random(bytes: usize) -> Result<Vec<u8>, SecretsError> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).map_err(|_| SecretsError::Random)?;
    Ok(buffer)
}

/// A new secret for an API key: 48 hexadecimal digits.
///
/// # Errors
/// When the machine has no random numbers.
pub fn key_secret() -> Result<String, SecretsError> {
    Ok(random(24)?.iter().map(|byte| format!("{byte:02x}")).collect())
}
