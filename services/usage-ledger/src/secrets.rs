//! What must not be in the catalog or the log: the pepper of key hashes and the secret that links are signed with.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

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
    /// The file can't be read or made.
    #[error("could not read or make the file secrets in the data directory")]
    Io(#[from] io::Error),
    /// The file is not what was written.
    #[error("the file secrets in the data directory is damaged; restore it: without it no API key is valid")]
    Damaged,
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
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(path)?,
            Err(error) => return Err(error.into()),
        };
        if bytes.len() != SECRET_BYTES * 2 {
            return Err(SecretsError::Damaged);
        }
        let (pepper, link) = bytes.split_at(SECRET_BYTES);
        Ok(Self { pepper: pepper.to_vec(), link: link.to_vec() })
    }
}

fn make(path: &Path) -> Result<Vec<u8>, SecretsError> {
    let bytes = random(SECRET_BYTES * 2)?;
    let temp = path.with_extension("new");
    // What an interrupted first start left is worth nothing.
    drop(fs::remove_file(&temp));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temp)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&temp, path)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(bytes)
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
