//! The tokens that NATS believes: claims signed by the one above, in the form of nats-io/jwt version 2.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use ledger::{Hash, Moment};
use nkeys::KeyPair;
use runtime::nats::Grants;
use serde_json::{Value, json};

use super::CredentialsError;

/// The header of every token.
const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;
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

/// An account's token. Only the ledger's own may use JetStream; the servers' own account may not.
pub(super) fn account(
    operator: &KeyPair,
    about: &Subject<'_>,
    jetstream: bool,
    at: Moment,
) -> Result<String, CredentialsError> {
    let mut limits = json!({
        "subs": UNLIMITED, "data": UNLIMITED, "payload": UNLIMITED, "imports": UNLIMITED, "exports": UNLIMITED,
        "wildcards": true, "conn": UNLIMITED, "leaf": UNLIMITED,
    });
    if jetstream {
        for name in ["mem_storage", "disk_storage", "streams", "consumer"] {
            limits[name] = json!(UNLIMITED);
        }
    }
    let nats = json!({ "limits": limits, "type": "account", "version": 2 });
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
        return json!({ "deny": [">"] });
    }
    json!({ "allow": subjects.collect::<Vec<_>>() })
}
