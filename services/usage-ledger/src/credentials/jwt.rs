//! The tokens that NATS believes: claims signed by the one above, in the form of nats-io/jwt version 2.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use ledger::{Hash, Moment};
use nkeys::KeyPair;
use runtime::nats::Grants;
use serde_json::{Map, Value, json};

use super::CredentialsError;
use super::users::Revoked;

/// The header of every token.
const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;
/// Every subject.
const EVERYTHING: &str = ">";
/// No limit, in the words of the claims.
const UNLIMITED: i64 = -1;

/// Who a token is about.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    /// Its public key.
    pub(super) key: String,
}

/// A token of claims about somebody, signed.
fn signed(signer: &KeyPair, about: &Subject<'_>, at: Moment, nats: &Value) -> Result<String, CredentialsError> {
    let mut claims = json!({
        "iat": at.0 / Moment::SECOND,
        "iss": signer.public_key(),
        "name": about.name,
        "sub": about.key,
        "nats": nats,
    });
    let id = BASE32_NOPAD.encode(&Hash::of(claims.to_string().as_bytes()).0);
    claims["jti"] = json!(id);
    let body = BASE64URL_NOPAD.encode(claims.to_string().as_bytes());
    let text = format!("{}.{body}", BASE64URL_NOPAD.encode(HEADER.as_bytes()));
    let signature = signer.sign(text.as_bytes()).map_err(|error| CredentialsError::Key(error.to_string()))?;
    Ok(format!("{text}.{}", BASE64URL_NOPAD.encode(&signature)))
}

/// The operator's own token: the root that the servers are told of.
pub(super) fn operator(operator: &KeyPair, at: Moment) -> Result<String, CredentialsError> {
    let about = Subject { name: "usage-ledger", key: operator.public_key() };
    signed(operator, &about, at, &json!({ "type": "operator", "version": 2 }))
}

/// What an account is for.
#[derive(Clone, Copy)]
pub(super) enum Use<'a> {
    /// Everybody who works with the ledger. These users of it are none any more.
    Ledger { revoked: &'a [Revoked] },
    /// What the servers tell of themselves.
    Servers,
}

/// An account's token. Only the ledger's own may use JetStream.
pub(super) fn account(
    operator: &KeyPair,
    about: &Subject<'_>,
    of: Use<'_>,
    at: Moment,
) -> Result<String, CredentialsError> {
    let mut limits = json!({
        "subs": UNLIMITED, "data": UNLIMITED, "payload": UNLIMITED, "imports": UNLIMITED, "exports": UNLIMITED,
        "wildcards": true, "conn": UNLIMITED, "leaf": UNLIMITED,
    });
    let mut nats = json!({ "type": "account", "version": 2 });
    if let Use::Ledger { revoked } = of {
        for name in ["mem_storage", "disk_storage", "streams", "consumer"] {
            limits[name] = json!(UNLIMITED);
        }
        if !revoked.is_empty() {
            let since = revoked.iter().map(|one| (one.key.clone(), json!(one.since_seconds)));
            nats["revocations"] = since.collect::<Map<_, _>>().into();
        }
    }
    nats["limits"] = limits;
    signed(operator, about, at, &nats)
}

/// A user's token: what it may do and nothing else.
pub(super) fn user(
    account: &KeyPair,
    about: &Subject<'_>,
    grants: &Grants,
    at: Moment,
) -> Result<String, CredentialsError> {
    let mut nats = json!({
        "pub": allowed(grants.publish.iter()),
        "sub": allowed(grants.subscribe.iter()),
        "subs": UNLIMITED, "data": UNLIMITED, "payload": UNLIMITED, "type": "user", "version": 2,
    });
    if grants.answers {
        nats["resp"] = json!({ "max": UNLIMITED, "ttl": ANSWER_NANOSECONDS });
    }
    signed(account, about, at, &nats)
}

/// How long who was asked may answer: longer than anybody waits.
const ANSWER_NANOSECONDS: i64 = 120_000_000_000;

/// A list of subjects; an empty one would allow everything, so it denies that.
fn allowed<'a>(subjects: impl ExactSizeIterator<Item = &'a String>) -> Value {
    if subjects.len() == 0 {
        return json!({ "deny": [EVERYTHING] });
    }
    json!({ "allow": subjects.collect::<Vec<_>>() })
}

/// What a user's file says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Its name.
    pub name: String,
    /// Its public key.
    pub key: String,
    /// Subjects that it may publish on.
    pub publish: BTreeSet<String>,
    /// Subjects that it may subscribe to.
    pub subscribe: BTreeSet<String>,
    /// When it ends.
    pub expires: Option<Moment>,
}

/// Reads a user's file. Whether the servers believe it is for them to say.
///
/// # Errors
/// When it can't be read, or holds no token.
pub fn claims(path: &Path) -> Result<Claims, CredentialsError> {
    let file = |source| CredentialsError::File { path: path.to_owned(), source };
    let damaged = || CredentialsError::Damaged { path: path.to_owned() };
    let text = fs::read_to_string(path).map_err(file)?;
    let token = text.lines().skip_while(|line| !line.contains("BEGIN NATS USER JWT")).nth(1);
    let body = token.and_then(|token| token.split('.').nth(1)).ok_or_else(damaged)?;
    let body = BASE64URL_NOPAD.decode(body.as_bytes()).map_err(|_| damaged())?;
    let claims: Value = serde_json::from_slice(&body).map_err(|_| damaged())?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(damaged);
    let ends = claims.get("exp").and_then(Value::as_i64).filter(|seconds| *seconds > 0);
    Ok(Claims {
        name: text("name")?,
        key: text("sub")?,
        publish: may(&claims, "pub"),
        subscribe: may(&claims, "sub"),
        expires: ends.map(|seconds| Moment(seconds.saturating_mul(Moment::SECOND))),
    })
}

/// The subjects of a list of claims; one that names none means all.
fn may(claims: &Value, list: &str) -> BTreeSet<String> {
    let subjects = |kind: &str| {
        let listed = claims.pointer(&format!("/nats/{list}/{kind}")).and_then(Value::as_array);
        listed.map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect::<BTreeSet<_>>())
    };
    let all = || BTreeSet::from([EVERYTHING.to_owned()]);
    match (subjects("allow"), subjects("deny")) {
        (Some(allowed), _) if !allowed.is_empty() => allowed,
        (_, Some(denied)) if denied.contains(EVERYTHING) => BTreeSet::new(),
        _ => all(),
    }
}
