//! `/ledger/v1/api-keys`: who may ask. An operator issues keys, replaces and revokes them; a secret is told once, and only
//! its hash is ever recorded.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use ledger::catalog::{CatalogObject, Key};
use ledger::{Catalog, Command, Fact, KeyScope, Named, ObjectId, Rejection, Role, Scope, Scopes};
use serde_json::Value;

use crate::app::App;
use crate::auth::{Caller, secret_hash};
use crate::commands::Settled;
use crate::error::{Answered, ApiError};
use crate::json::{self, key};
use crate::listing::Wanted;
use crate::once::{Once, RequestKey};
use crate::openapi::{Changing, Reading, bodies, params, tag};
use crate::payload::Payload;
use crate::visibility::Kind;

/// Bytes of a secret: as many as of those that the command line issues.
const SECRET_BYTES: usize = 24;
/// What a key may be called.
const NAME_CHARS_MAX: usize = 100;
/// Ids that are tried: there are a thousand million of them.
const IDS_TRIED: usize = 8;

/// List API keys
///
/// Of all accounts, for operators. Nobody is told a secret again.
#[utoipa::path(
    get,
    path = "/ledger/v1/api-keys",
    operation_id = "list_api_keys",
    tag = tag::KEYS,
    params(params::Paging),
    responses((status = 200, description = "A page of keys", body = Vec<key::ApiKey>), Reading),
)]
pub(crate) async fn list(Caller(scope): Caller, State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answered {
    operator(&scope)?;
    let wanted = Wanted::new(query.as_deref(), rql::API_KEYS, Kind::Catalog, &scope)?;
    let catalog = app.bus.shelf().take();
    let shown = catalog.keys.values().map(|known| key::shown(&catalog, known, None));
    Ok(wanted.page_of(shown).into_response())
}

/// Issue an API key
///
/// For an account. The answer has its secret, which is told this once.
#[utoipa::path(
    post,
    path = "/ledger/v1/api-keys",
    operation_id = "issue_api_key",
    tag = tag::KEYS,
    params(params::Once),
    request_body(content = bodies::NewApiKey),
    responses((status = 201, description = "The key with its secret", body = key::ApiKey), Changing),
)]
pub(crate) async fn issue(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    request: RequestKey,
    payload: Payload,
) -> Answered {
    operator(&scope)?;
    let fields = payload.fields()?;
    let account = fields.reference("account")?;
    let name = named(fields.text("name")?.unwrap_or_default())?;
    let scopes = scopes(fields.value("scopes"))?;
    if !app.bus.shelf().take().accounts.contains_key(&account) {
        let message = format!("There is no account {account}. Import it with the catalog first.");
        return Err(ApiError::field("account", message));
    }
    let once = request.about(&scope, &payload.0);
    app.once(&once, fresh(&app, &scope, &once, (account, name, scopes))).await
}

/// Replace an API key
///
/// Another one is issued with its name and account, and then it is revoked: whoever has it gets in no more.
#[utoipa::path(
    post,
    path = "/ledger/v1/api-keys/{id}/replace",
    operation_id = "replace_api_key",
    tag = tag::KEYS,
    params(params::ApiKeyId, params::Once),
    request_body(content = bodies::Empty),
    responses((status = 201, description = "The new key with its secret", body = key::ApiKey), Changing),
)]
pub(crate) async fn replace(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    request: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    operator(&scope)?;
    let old = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let catalog = app.bus.shelf().take();
    let known = catalog.keys.get(&old).ok_or(ApiError::NOT_FOUND)?;
    if known.revoked {
        return Err(ApiError::field("id", format!("{old} is revoked. Issue another key for its account.")));
    }
    let once = request.about(&scope, &payload.0);
    let like = (known.account.clone(), known.named.name.clone(), known.scopes.clone());
    let work = async {
        let answer = fresh(&app, &scope, &once, like).await?;
        // Of the two the new one comes first: should the process end between them, nobody is locked out.
        app.command(Command::RevokeKey { key: old }, &scope, &Once::default()).await?;
        Ok(answer)
    };
    app.once(&once, work).await
}

/// Revoke an API key
///
/// At once and for good, here and at every gateway that hears of it. Sessions at the portal that it opened end.
#[utoipa::path(
    post,
    path = "/ledger/v1/api-keys/{id}/revoke",
    operation_id = "revoke_api_key",
    tag = tag::KEYS,
    params(params::ApiKeyId, params::Once),
    request_body(content = bodies::Empty),
    responses((status = 201, description = "The key", body = key::ApiKey), Changing),
)]
pub(crate) async fn revoke(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    request: RequestKey,
    Path(id): Path<String>,
) -> Answered {
    operator(&scope)?;
    let id = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let show = |_: &Settled| {
        let catalog = app.bus.shelf().take();
        let known = catalog.keys.get(&id).ok_or(ApiError::NOT_FOUND)?;
        Ok(json::answer(StatusCode::CREATED, &key::shown(&catalog, known, None)))
    };
    app.decided(Command::RevokeKey { key: id.clone() }, &scope, &request, show).await
}

pub(crate) fn operator(scope: &Scope) -> Result<(), Rejection> {
    if scope.role == Role::Operator { Ok(()) } else { Err(Rejection::RoleNotAllowed) }
}

fn named(name: String) -> Result<String, Rejection> {
    let name = name.trim();
    match name.chars().count() {
        0 => Err(Rejection::field("name", "This field is required: say what the key is for.")),
        1..=NAME_CHARS_MAX => Ok(name.to_owned()),
        _ => Err(Rejection::field("name", format!("Give at most {NAME_CHARS_MAX} characters."))),
    }
}

/// What a key is to be allowed of what its account may.
fn scopes(given: Option<&Value>) -> Result<Scopes, Rejection> {
    let Some(given) = given else { return Ok(Scopes::default()) };
    let known = KeyScope::ALL.map(KeyScope::name).join(", ");
    let wrong =
        || Rejection::field("scopes", format!("Give a list of {known}; an empty one for a key that only reads."));
    let listed = given.as_array().ok_or_else(wrong)?.iter();
    let listed: Option<_> = listed.map(|name| KeyScope::parse(name.as_str()?)).collect();
    listed.map(|listed| Scopes(Some(listed))).ok_or_else(wrong)
}

/// Has a new key recorded, and answers with its secret.
async fn fresh(
    app: &Arc<App>,
    scope: &Scope,
    once: &Once,
    (account, name, scopes): (ObjectId, String, Scopes),
) -> Answered {
    let id = free_id(&app.bus.shelf().take())?;
    let secret = data_encoding::HEXLOWER.encode(&random::<SECRET_BYTES>()?);
    let hash = secret_hash(&id, &secret, &app.pepper);
    let made = Key { named: Named { id, name }, account, secret_hash: hash, revoked: false, scopes };
    let command = Command::ImportCatalog { objects: vec![CatalogObject::Key(made)] };
    let settled = app.command(command, scope, once).await?;
    let recorded = settled.events().iter().find_map(|event| match &event.fact {
        Fact::ObjectRecorded(object) => match object.as_ref() {
            CatalogObject::Key(recorded) => Some(recorded.clone()),
            _ => None,
        },
        _ => None,
    });
    let recorded = recorded.ok_or(ApiError::NOT_FOUND)?;
    // A request that comes again long after was answered with another secret, which nobody knows any more.
    let secret = (recorded.secret_hash == hash).then_some(secret);
    Ok(json::answer(StatusCode::CREATED, &shown(app, &recorded, secret)))
}

fn shown(app: &App, recorded: &Key, secret: Option<String>) -> Value {
    let told = secret.map(|secret| format!("ApiKey {}:{secret}", recorded.named.id));
    key::shown(&app.bus.shelf().take(), recorded, told)
}

fn free_id(catalog: &Catalog) -> Result<ObjectId, Rejection> {
    for _ in 0..IDS_TRIED {
        let number = random::<8>()?.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        let (high, middle, low) = (number / 1_000_000 % 1_000, number / 1_000 % 1_000, number % 1_000);
        let id = ObjectId::new(&format!("SU-{high:03}-{middle:03}-{low:03}"));
        if let Some(id) = id.filter(|id| !catalog.keys.contains_key(id)) {
            return Ok(id);
        }
    }
    Err(Rejection::Unavailable)
}

pub(crate) fn random<const BYTES: usize>() -> Result<[u8; BYTES], Rejection> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Rejection::Unavailable)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_has_a_name() {
        assert_eq!(named(" Billing ".to_owned()).unwrap(), "Billing");
        assert!(named("  ".to_owned()).is_err() && named("x".repeat(101)).is_err());
    }

    #[test]
    fn scopes_are_listed() {
        assert_eq!(scopes(None).unwrap(), Scopes(None));
        assert_eq!(scopes(Some(&json!([]))).unwrap(), Scopes(Some([].into())));
        assert_eq!(scopes(Some(&json!(["bill"]))).unwrap(), Scopes(Some([KeyScope::Bill].into())));
        for wrong in [json!("bill"), json!(["burn"]), json!([1])] {
            assert!(scopes(Some(&wrong)).is_err(), "{wrong}");
        }
    }
}
