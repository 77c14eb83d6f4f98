//! Credentials for NATS, all made by the product: an operator and an account that the servers are told of, a user for
//! each process with the least that it needs, and certificates.
//!
//! A user is a file that the account's key signs, so a new one needs no change of the servers. What is there already
//! is never made again: running it twice changes nothing.

mod jwt;
mod tls;
mod users;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ledger::{HostId, Moment, ServiceName};
use nkeys::KeyPair;
use runtime::nats::Grants;
use thiserror::Error;

use crate::partitions::Partitions;
use crate::wiring::hearing;
use jwt::{Subject, Use};
use users::file_of;

pub use jwt::{Claims, claims};
pub use users::revoke;

/// What the servers are told.
const CONFIG: &str = "nats.conf";
const OPERATOR_SEED: &str = "operator.seed";
const ACCOUNT_SEED: &str = "account.seed";
const SYSTEM_SEED: &str = "system.seed";

/// Credentials can't be made.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// A file can't be read or written.
    #[error("could not use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A key can't be made or used.
    #[error("could not use a key: {0}")]
    Key(String),
    /// A certificate can't be made.
    #[error("could not make a certificate: {0}")]
    Certificate(String),
    /// A file is not what was written.
    #[error("{path} is damaged; restore it")]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// There is no such user.
    #[error("no user {user} was made in {path}; its file `users` names them all")]
    NoUser {
        /// The folder.
        path: PathBuf,
        /// The name.
        user: String,
    },
    /// Nobody has made the account yet.
    #[error("{path} has no account: run `usage-ledger nats credentials {path}` first")]
    NoAccount {
        /// The folder.
        path: PathBuf,
    },
}

/// The folder of credentials: readable by its owner only, as every file in it.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A folder that is there, or is made now.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn open(path: &Path) -> Result<Self, CredentialsError> {
        let folder = Self(path.to_owned());
        folder.make_dir(path)?;
        folder.make_dir(&path.join("tls"))?;
        Ok(folder)
    }

    fn make_dir(&self, path: &Path) -> Result<(), CredentialsError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| CredentialsError::File { path: path.to_owned(), source })
    }

    /// The path of a file in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    fn read(&self, name: &str) -> Result<Option<String>, CredentialsError> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(CredentialsError::File { path, source }),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), CredentialsError> {
        let path = self.path(name);
        let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let written = opened.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
        written.map_err(|source| CredentialsError::File { path, source })
    }

    /// The key of a seed that is there.
    fn known_key(&self, name: &str) -> Result<KeyPair, CredentialsError> {
        if !self.has(name) {
            return Err(CredentialsError::NoAccount { path: self.0.clone() });
        }
        self.key(name, KeyPair::new_account)
    }

    /// The key of a seed; a new one if there is none.
    fn key(&self, name: &str, new: fn() -> KeyPair) -> Result<KeyPair, CredentialsError> {
        let failed = |error: nkeys::error::Error| CredentialsError::Key(error.to_string());
        if let Some(seed) = self.read(name)? {
            return KeyPair::from_seed(seed.trim()).map_err(failed);
        }
        let key = new();
        self.write(name, &format!("{}\n", key.seed().map_err(failed)?))?;
        Ok(key)
    }
}

/// A process of the product: its services, and its partitions where those aren't all, joined by `-`, are the user's name.
#[must_use]
pub fn process_user(services: &BTreeSet<ServiceName>, partitions: &Partitions) -> String {
    let names = services.iter().map(|service| service.name().to_owned());
    names.chain(partitions.here.iter().flatten().map(u16::to_string)).collect::<Vec<_>>().join("-")
}

/// What a process may do.
#[must_use]
pub fn process_grants(services: &BTreeSet<ServiceName>, partitions: &Partitions) -> Grants {
    let runs: BTreeSet<HostId> = partitions.hosts(services).into_iter().collect();
    let is_gateway = services.contains(&ServiceName::Gateway);
    let gateway = is_gateway.then(|| HostId::new(ServiceName::Gateway, 0));
    let hears = runs.iter().copied().chain(gateway).flat_map(|host| {
        let hearing = hearing(host.service);
        HostId::all(partitions.of).into_iter().filter(move |writer| hearing.hears(host.partition, *writer))
    });
    Grants::process(&process_user(services, partitions), partitions.of, &runs, &hears.collect(), is_gateway)
}

/// Makes what the servers need: keys, the account, certificates for these host names, and the lines of their
/// configuration. Gives the path of the configuration.
///
/// # Errors
/// See [`CredentialsError`].
pub fn make(folder: &Folder, hosts: &[String], at: Moment) -> Result<PathBuf, CredentialsError> {
    let operator = folder.key(OPERATOR_SEED, KeyPair::new_operator)?;
    let account = folder.key(ACCOUNT_SEED, KeyPair::new_account)?;
    let system = folder.key(SYSTEM_SEED, KeyPair::new_account)?;
    tls::make(folder, hosts)?;
    if !folder.has(CONFIG) {
        let of_system = Subject { name: "SYS", key: system.public_key() };
        let config = format!(
            "# Who may connect, and as whom: included by the configuration of each server. A user's token is in the first\n\
             # line that it sends, which is longer than the server takes by default.\n\
             max_control_line: 64KB\noperator: {}\n\
             system_account: {}\nresolver: MEMORY\nresolver_preload {{\n  {}: {}\n  {}: {}\n}}\n{}",
            jwt::operator(&operator, at)?,
            system.public_key(),
            account.public_key(),
            users::token(folder, &operator, &account, at)?,
            system.public_key(),
            jwt::account(&operator, &of_system, Use::Servers, at)?,
            tls::config(&folder.0),
        );
        folder.write(CONFIG, &config)?;
    }
    Ok(folder.path(CONFIG))
}

/// Makes a user, unless it is there, and gives the path of its file.
///
/// # Errors
/// See [`CredentialsError`].
pub fn user(folder: &Folder, name: &str, grants: &Grants, at: Moment) -> Result<PathBuf, CredentialsError> {
    let file = file_of(name);
    if folder.has(&file) {
        return Ok(folder.path(&file));
    }
    let account = folder.known_key(ACCOUNT_SEED)?;
    let key = KeyPair::new_user();
    let about = Subject { name, key: key.public_key() };
    // Noted first: a user that nobody knows of could not be revoked.
    users::made(folder, name, &about.key)?;
    let token = jwt::user(&account, &about, grants, at)?;
    let seed = key.seed().map_err(|error| CredentialsError::Key(error.to_string()))?;
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{seed}\n\
         ------END USER NKEY SEED------\n"
    );
    folder.write(&file, &text)?;
    Ok(folder.path(&file))
}

/// The seeds that lie in a folder: who has one can make users.
#[must_use]
pub fn seeds(folder: &Path) -> Vec<PathBuf> {
    let all = [OPERATOR_SEED, ACCOUNT_SEED, SYSTEM_SEED].map(|name| folder.join(name));
    all.into_iter().filter(|path| path.exists()).collect()
}

/// The certificate of the authority that signed the servers'.
#[must_use]
pub fn authority(folder: &Folder) -> PathBuf {
    folder.path(tls::CA)
}
