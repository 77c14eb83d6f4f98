//! Who asks: an API key becomes a [`Scope`] here and nowhere else.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::request::Parts;
use ledger::catalog::Key;
use ledger::{Actor, Catalog, Hash, ObjectId, Rejection, Scope, Surface};

use crate::app::App;
use crate::error::ApiError;
use crate::past;
use crate::sessions::has_ended;

/// The word before a key. Some SDKs send the key alone (connect-api §2.1).
const SCHEME: &str = "apikey ";

/// What the command line of this product calls itself in `User-Agent`, before its version. Any client may: a history says
/// `cli` of whoever does.
pub const CLI_AGENT: &str = "usage-ledger/";

/// The key in whose name a request comes that was made in this process: the portal puts it among the extensions of the
/// requests of whoever is signed in. Nothing from outside can.
#[derive(Clone, Debug)]
pub struct InNameOf {
    /// The key.
    pub key: ObjectId,
    /// The session: one that was ended opens nothing.
    pub session: ObjectId,
}

/// Whoever sent a request, with what they may see and do.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Scope);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let scope = scope(parts, app).await?;
        // Who reads as of the past is a `Reader`; nothing else takes the parameter, and no write passes by here.
        past::refuse(parts)?;
        Ok(Self(scope))
    }
}

/// The scope of whoever sent a request.
pub(crate) async fn scope(parts: &Parts, app: &App) -> Result<Scope, ApiError> {
    app.started()?;
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    // Whoever was answered by another gateway relies on it here, be it a file or a key.
    app.projection.refresh().await;
    // The shelf is the newest catalog of this process: a key that was revoked is refused at once.
    let catalog = app.bus.shelf().take();
    let (scope, surface) = match parts.extensions.get::<InNameOf>() {
        Some(InNameOf { session, .. }) if has_ended(&catalog, session) => (None, Surface::Portal),
        Some(InNameOf { key, .. }) => (of_key(key, &catalog), Surface::Portal),
        None => (header.and_then(|header| scope_of(header, &catalog, &app.pepper)), surface_of(&parts.headers)),
    };
    let scope = Scope { surface, ..scope.ok_or(ApiError::Rejected(Rejection::KeyUnknown))? };
    match &scope.actor {
        Actor::Key { key, .. } if !app.allowance.take(&key.id, app.clock.now()) => {
            Err(ApiError::TooMany { limit: app.allowance.per_second() })
        }
        _ => Ok(scope),
    }
}

/// The scope of a key whose holder has shown something else than its secret.
pub(crate) async fn scope_of_key(key: &ObjectId, app: &App) -> Result<Scope, ApiError> {
    app.started()?;
    app.projection.refresh().await;
    let catalog = app.bus.shelf().take();
    of_key(key, &catalog).ok_or(ApiError::Rejected(Rejection::KeyUnknown))
}

fn of_key(key: &ObjectId, catalog: &Catalog) -> Option<Scope> {
    catalog.keys.get(key).and_then(|key| scope_with(key, catalog))
}

/// By which way a request from outside came, as far as the client says so. `portal` is nothing that a client can say.
fn surface_of(headers: &HeaderMap) -> Surface {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    if agent.is_some_and(|agent| agent.starts_with(CLI_AGENT)) { Surface::Cli } else { Surface::Api }
}

/// The scope of a header, if its key is known, its secret right and it was not revoked.
pub(crate) fn scope_of(header: &str, catalog: &Catalog, pepper: &[u8]) -> Option<Scope> {
    let (id, secret) = credentials(header)?;
    let id = ObjectId::new(id)?;
    let given = secret_hash(&id, secret, pepper);
    let key = catalog.keys.get(&id);
    // An unknown key is compared as well, so that the time of the answer doesn't tell which keys there are.
    let same = equal(&given, &key.map_or(Hash::ZERO, |key| key.secret_hash));
    scope_with(key.filter(|_| same)?, catalog)
}

/// What is recorded of a secret. The catalog's importer makes the same of those in a file.
pub(crate) fn secret_hash(key: &ObjectId, secret: &str, pepper: &[u8]) -> Hash {
    Hash::of_parts(&[b"usage-ledger key", pepper, key.as_str().as_bytes(), secret.as_bytes()])
}

/// The scope of a key, unless it was revoked.
fn scope_with(key: &Key, catalog: &Catalog) -> Option<Scope> {
    let account = catalog.accounts.get(&key.account).filter(|_| !key.revoked)?;
    let actor = Actor::Key { key: key.named.clone(), account: key.account.clone() };
    Some(Scope { actor, account: Some(key.account.clone()), role: account.role, surface: Surface::Api })
}

/// Key id and secret of `ApiKey SU-…:secret` or of `SU-…:secret`.
fn credentials(header: &str) -> Option<(&str, &str)> {
    let header = header.trim();
    let prefixed = header.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME));
    let key = if prefixed { header.get(SCHEME.len()..)?.trim_start() } else { header };
    key.split_once(':').filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
}

/// Whether two digests are equal, in a time that doesn't depend on where they differ.
fn equal(left: &Hash, right: &Hash) -> bool {
    left.0.iter().zip(right.0).fold(0, |difference, (left, right)| difference | (left ^ right)) == 0
}
