//! Accounts and their API keys, for operators: issued once, replaced and revoked.

use askama::Template;
use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::file::{clean, once};
use super::products::given;
use crate::chrome::{Chrome, page};
use crate::done::leading;
use crate::fault::Fault;
use crate::shape::Reference;
use crate::signed::{Role, Signed};

/// Accounts and keys that are listed.
const SHOWN: u64 = 1_000;

/// What a key may be given of what its account may, with words for people.
const SCOPES: [(&str, &str); 4] = [
    ("report", "report: upload and submit usage files, report records"),
    ("review", "review: accept and reject, usage rules"),
    ("bill", "bill: chunks, reconciliations, closing"),
    ("configure", "configure: products, items, webhooks, keys"),
];

/// An account with its keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Account {
    id: String,
    name: String,
    role: Role,
    #[serde(skip)]
    keys: Vec<Key>,
}

/// A key; its secret is there in the answer that issues it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Key {
    id: String,
    name: String,
    account: Reference,
    status: String,
    scopes: Option<Vec<String>>,
    key: String,
}

impl Key {
    /// What it may, in words.
    fn may(&self) -> String {
        match &self.scopes {
            None => "everything".to_owned(),
            Some(scopes) if scopes.is_empty() => "read only".to_owned(),
            Some(scopes) => scopes.join(", "),
        }
    }

    fn is_active(&self) -> bool {
        self.status == "active"
    }
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct Accounts {
    chrome: Chrome,
    accounts: Vec<Account>,
    scopes: [(&'static str, &'static str); 4],
    once: String,
}

/// The page.
pub(crate) async fn list(signed: Signed) -> Result<Response, Fault> {
    if !signed.who.role.is_operator() {
        return Err(Fault::missing());
    }
    let keys: Vec<Key> = signed.api.list(&format!("/ledger/v1/api-keys?limit={SHOWN}")).await?.items;
    let mut accounts: Vec<Account> = signed.api.list(&format!("/public/v1/accounts?limit={SHOWN}")).await?.items;
    for account in &mut accounts {
        account.keys = keys.iter().filter(|key| key.account.id == account.id).cloned().collect();
        account.keys.sort_by_key(|key| (!key.is_active(), key.id.clone()));
    }
    Ok(page(&Accounts { chrome: signed.chrome("accounts"), accounts, scopes: SCOPES, once: once() }))
}

/// A new key, shown this once.
#[derive(Template)]
#[template(path = "key.html")]
struct Issued {
    chrome: Chrome,
    key: Key,
    replaced: Option<String>,
}

/// What the forms send.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sent {
    once: String,
}

/// Issues a key.
pub(crate) async fn issue(
    signed: Signed,
    Path(account): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let account = clean(&account)?;
    let sent =
        |wanted: &'static str| pairs.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let (once, name) = (sent("once").next().unwrap_or_default(), sent("name").next().unwrap_or_default());
    let scopes: Vec<&str> = sent("scopes").collect();
    let once = given(once).map(|once| format!("{once}-{account}"));
    let mut content = json!({ "account": { "id": account }, "name": name });
    // All of them are no limit, also for what a later release lets accounts do.
    if scopes.len() < SCOPES.len() {
        content["scopes"] = json!(scopes);
    }
    issued(&signed, "/ledger/v1/api-keys", once.as_deref(), &content, None).await
}

/// Issues another key in the place of one.
pub(crate) async fn replace(
    signed: Signed,
    Path(key): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Fault> {
    let key = clean(&key)?;
    let once = given(&sent.once).map(|once| format!("{once}-{key}-replaced"));
    let path = format!("/ledger/v1/api-keys/{key}/replace");
    issued(&signed, &path, once.as_deref(), &json!({}), Some(key.to_owned())).await
}

async fn issued(
    signed: &Signed,
    path: &str,
    once: Option<&str>,
    content: &serde_json::Value,
    replaced: Option<String>,
) -> Result<Response, Fault> {
    let answer = signed.api.post(path, once, content).await?;
    let unreadable = |error: serde_json::Error| Fault::Unreadable { path: path.to_owned(), detail: error.to_string() };
    let key = serde_json::from_value(answer).map_err(unreadable)?;
    Ok(page(&Issued { chrome: signed.chrome("accounts"), key, replaced }))
}

/// Revokes a key.
pub(crate) async fn revoke(signed: Signed, Path(key): Path<String>, Form(sent): Form<Sent>) -> Result<Response, Fault> {
    let key = clean(&key)?;
    let once = given(&sent.once).map(|once| format!("{once}-{key}-revoked"));
    signed.api.post(&format!("/ledger/v1/api-keys/{key}/revoke"), once.as_deref(), &json!({})).await?;
    Ok(leading("/accounts", "key-revoked"))
}
