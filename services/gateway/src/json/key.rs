//! An API key, without its secret.

use ledger::Catalog;
use ledger::catalog::Key;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Reference;
use super::words::{AccountRole, KeyScope, KeyStatus, role_name};

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKey {
    /// Its id.
    #[schema(example = "SU-000-000-001")]
    id: String,
    /// What it is for.
    #[schema(example = "Billing connector")]
    name: String,
    /// The account that it acts for.
    account: Reference,
    /// What the account does.
    #[schema(value_type = Option<AccountRole>)]
    role: Option<&'static str>,
    /// What it may do of what its account may: left out, all of it; empty, it only reads.
    #[schema(value_type = Option<Vec<KeyScope>>)]
    scopes: Option<Vec<&'static str>>,
    /// Whether it opens anything.
    #[schema(value_type = KeyStatus)]
    status: &'static str,
    /// The whole key, told once: when it is issued.
    #[schema(example = "ApiKey SU-000-000-001:secret")]
    key: Option<String>,
}

/// A key as the API shows it.
pub(crate) fn shown(catalog: &Catalog, key: &Key, told: Option<String>) -> Value {
    let account = catalog.accounts.get(&key.account);
    super::value(&ApiKey {
        id: key.named.id.to_string(),
        name: key.named.name.clone(),
        account: account.map_or_else(|| Reference::nameless(&key.account), |it| Reference::new(&it.named)),
        role: account.map(|account| role_name(account.role)),
        scopes: key.scopes.0.as_ref().map(|scopes| scopes.iter().map(|scope| scope.name()).collect()),
        status: if key.revoked { "revoked" } else { "active" },
        key: told,
    })
}
