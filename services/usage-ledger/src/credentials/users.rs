//! Who was made a user, and who is one no longer. The account's token, which the servers are told of, names those.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ledger::Moment;
use nkeys::KeyPair;

use super::jwt::{self, Subject};
use super::{ACCOUNT_SEED, CONFIG, CredentialsError, Folder, OPERATOR_SEED};

/// Every user that was made: name and public key.
const USERS: &str = "users";
/// Users that are none any more: public key, since when in seconds, name.
const REVOKED: &str = "revoked";

/// A user that is one no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Revoked {
    pub(super) key: String,
    pub(super) since_seconds: i64,
    name: String,
}

/// Notes that a user was made, so that it can be revoked wherever its file went.
pub(super) fn made(folder: &Folder, name: &str, key: &str) -> Result<(), CredentialsError> {
    let known = folder.read(USERS)?.unwrap_or_default();
    folder.write(USERS, &format!("{known}{name} {key}\n"))
}

/// Every user that is one no longer.
pub(super) fn revoked(folder: &Folder) -> Result<Vec<Revoked>, CredentialsError> {
    let text = folder.read(REVOKED)?.unwrap_or_default();
    let parse = |line: &str| {
        let mut words = line.split(' ');
        let (key, since, name) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        Some(Revoked { key: key.to_owned(), since_seconds: since, name: name.to_owned() })
    };
    let damaged = || CredentialsError::Damaged { path: folder.path(REVOKED) };
    text.lines().map(|line| parse(line).ok_or_else(damaged)).collect()
}

/// Revokes a user, by its name or its public key, however many files of it were made: the servers refuse it once they
/// have read their configuration again, whose path is given. Its file is removed, so that it can be made anew.
///
/// # Errors
/// When there is no such user, or a file can't be read or written.
pub fn revoke(folder: &Folder, user: &str, at: Moment) -> Result<PathBuf, CredentialsError> {
    let unknown = || CredentialsError::NoUser { path: folder.0.clone(), user: user.to_owned() };
    let mut all = revoked(folder)?;
    let users = folder.read(USERS)?.unwrap_or_default();
    let of_name = users.lines().filter_map(|line| line.split_once(' '));
    let mut meant: Vec<(String, String)> = of_name
        .filter(|(name, key)| *name == user || *key == user)
        .map(|(name, key)| (name.to_owned(), key.to_owned()))
        .collect();
    // A file that is older than the list of users.
    if let Ok(claims) = jwt::claims(&folder.path(&file_of(user))) {
        meant.push((user.to_owned(), claims.key));
    }
    meant.sort_unstable();
    meant.dedup();
    if meant.is_empty() {
        return Err(unknown());
    }
    for (name, key) in meant {
        if !all.iter().any(|known| known.key == key) {
            all.push(Revoked { key, since_seconds: at.0 / Moment::SECOND, name });
        }
    }
    let text: String = all.iter().map(|one| format!("{} {} {}\n", one.key, one.since_seconds, one.name)).collect();
    folder.write(REVOKED, &text)?;
    tell_servers(folder, at)?;
    forget(&folder.path(&file_of(user)))?;
    Ok(folder.path(CONFIG))
}

/// The file of a user.
pub(super) fn file_of(user: &str) -> String {
    format!("{user}.creds")
}

/// Puts the account's token, with everybody who is revoked, in the place of the one in the servers' configuration.
fn tell_servers(folder: &Folder, at: Moment) -> Result<(), CredentialsError> {
    let none = || CredentialsError::NoAccount { path: folder.0.clone() };
    let (operator, account) = (folder.known_key(OPERATOR_SEED)?, folder.known_key(ACCOUNT_SEED)?);
    let config = folder.read(CONFIG)?.ok_or_else(none)?;
    let start = format!("  {}: ", account.public_key());
    let (before, rest) = config.split_once(&start).ok_or_else(none)?;
    let (_, after) = rest.split_once('\n').ok_or_else(none)?;
    let token = token(folder, &operator, &account, at)?;
    folder.write(CONFIG, &format!("{before}{start}{token}\n{after}"))
}

/// The account's token as it is now.
pub(super) fn token(
    folder: &Folder,
    operator: &KeyPair,
    account: &KeyPair,
    at: Moment,
) -> Result<String, CredentialsError> {
    let about = Subject { name: "LEDGER", key: account.public_key() };
    jwt::account(operator, &about, jwt::Use::Ledger { revoked: &revoked(folder)? }, at)
}

fn forget(path: &Path) -> Result<(), CredentialsError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(CredentialsError::File { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}
