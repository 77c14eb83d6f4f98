//! What must not be in the catalog or the log: the pepper of key hashes, the secret that links are signed with, and the
//! key that checkpoints are signed with.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ledger::note::NoteSigner;
use runtime::crash;
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
    /// The key was changed before, and the one before that is still kept.
    #[error(
        "{path} is kept from the change before: once `usage-ledger audit keys` names the newer key for every log of the \
         process, remove it and try again"
    )]
    FormerKey {
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

/// The file of a data directory that checkpoints and statements are signed with.
const SIGNING_KEY: &str = "signing-key";
/// The one before it, which says once more who comes next.
const FORMER_KEY: &str = "signing-key.old";

/// What checkpoints and statements are signed with; the first start makes the file, readable by its owner only.
///
/// # Errors
/// See [`SecretsError`].
pub fn signer(data: &Path) -> Result<NoteSigner, SecretsError> {
    let path = data.join(SIGNING_KEY);
    let secret = kept(&path, SECRET_BYTES)?;
    signer_of(&secret, &path)
}

/// What was signed with before the key was changed, while it is kept.
///
/// # Errors
/// See [`SecretsError`].
pub fn former_signer(data: &Path) -> Result<Option<NoteSigner>, SecretsError> {
    let path = data.join(FORMER_KEY);
    match fs::read(&path) {
        Ok(secret) => signer_of(&secret, &path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SecretsError::Io { path, source }),
    }
}

fn signer_of(secret: &[u8], path: &Path) -> Result<NoteSigner, SecretsError> {
    let secret = secret.try_into().map_err(|_| SecretsError::DamagedKey { path: path.to_owned() })?;
    Ok(NoteSigner::new(secret))
}

/// Lays a new key into a data directory and keeps the one that was used so far beside it; gives the path of that one.
///
/// # Errors
/// See [`SecretsError`]: nothing was changed.
pub fn rotate_signer(data: &Path) -> Result<PathBuf, SecretsError> {
    let (path, former) = (data.join(SIGNING_KEY), data.join(FORMER_KEY));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| SecretsError::Io { path, source }
    };
    let secret = fs::read(&path).map_err(failed(&path))?;
    // A change that ended before there was a new key is no change.
    if former.exists() && fs::read(&former).map_err(failed(&former))? != secret {
        return Err(SecretsError::FormerKey { path: former });
    }
    signer_of(&secret, &path)?;
    let fresh = random(SECRET_BYTES)?;
    make(&former, &secret).map_err(failed(&former))?;
    crash::point("key.kept");
    make(&path, &fresh).map_err(failed(&path))?;
    crash::point("key.made");
    Ok(former)
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
