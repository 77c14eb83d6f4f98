//! Links that work without a key for ten minutes: SDKs fetch templates and workbooks with a plain GET (connect-api
//! §2.6). What a link gives is in its path, and the path is signed; who may have it was decided when it was made.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use hmac::{Hmac, KeyInit, Mac};
use ledger::{Hash, Moment, ObjectId};
use sha2::Sha256;

use crate::app::App;
use crate::error::ApiError;

/// How long a link works: the longest of the lifetimes that Connect's SDKs name.
pub(crate) const LIFETIME_SECONDS: i64 = 600;
/// Below this path everything is signed.
pub(crate) const ROOT: &str = "/ledger/v1/links";

/// Which blobs a link opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// Workbooks as uploaded.
    Uploaded,
    /// Processed workbooks.
    Processed,
    /// Reconciliation workbooks.
    Reconciliation,
}

impl Store {
    /// Every store.
    pub(crate) const ALL: [Self; 3] = [Self::Uploaded, Self::Processed, Self::Reconciliation];

    /// The name in a path.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Processed => "processed",
            Self::Reconciliation => "reconciliation",
        }
    }

    /// The store of a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|store| store.name() == name)
    }
}

/// Makes links for one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workbooks<'a> {
    pub(crate) origin: &'a str,
    pub(crate) secret: &'a [u8],
    pub(crate) now: Moment,
}

impl Workbooks<'_> {
    /// A link to a workbook, which is saved under a name.
    pub(crate) fn link(&self, store: Store, blob: Hash, filename: &str) -> String {
        self.signed(&format!("{ROOT}/{}/{blob}/{filename}", store.name()))
    }

    /// A link to the template of a product.
    pub(crate) fn template(&self, product: &ObjectId) -> String {
        self.signed(&format!("{ROOT}/template/{product}/{product}-template.xlsx"))
    }

    fn signed(&self, path: &str) -> String {
        let expires = self.now.0 / Moment::SECOND + LIFETIME_SECONDS;
        let signature = hex(&signature(self.secret, path, expires));
        format!("{}{path}?expires={expires}&signature={signature}", self.origin)
    }
}

/// Whether a link is ours and still good.
pub(crate) fn holds(secret: &[u8], path: &str, query: &str, now: Moment) -> bool {
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let expires = value("expires").and_then(|text| text.parse::<i64>().ok());
    let given = value("signature").and_then(Hash::from_hex);
    let (Some(expires), Some(given)) = (expires, given) else { return false };
    // The comparison of the library takes the same time wherever the first difference is.
    let same = mac(secret, path, expires).is_some_and(|mac| mac.verify_slice(&given.0).is_ok());
    let left = expires.saturating_sub(now.0 / Moment::SECOND);
    // One that had longer to go than any is given was made before the clock was set back; clocks of gateways differ a bit.
    same && left > 0 && left <= 2 * LIFETIME_SECONDS
}

fn signature(secret: &[u8], path: &str, expires: i64) -> Vec<u8> {
    mac(secret, path, expires).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
}

fn mac(secret: &[u8], path: &str, expires: i64) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(format!("GET {path}?expires={expires}").as_bytes());
    Some(mac)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A request for a signed path whose signature held.
#[derive(Debug)]
pub(crate) struct SignedLink;

impl FromRequestParts<Arc<App>> for SignedLink {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let good = holds(&app.link_secret, parts.uri.path(), query, app.clock.now());
        if good { app.started().map(|()| Self) } else { Err(ApiError::Link) }
    }
}

/// Where this server is as the client sees it: scheme and authority for absolute URLs.
#[derive(Clone, Debug)]
pub(crate) struct Origin(pub(crate) String);

impl FromRequestParts<Arc<App>> for Origin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        if let Some(url) = &app.public_url {
            return Ok(Self(url.trim_end_matches('/').to_owned()));
        }
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let plain = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
        Ok(Self(format!("http://{}", host.filter(plain).unwrap_or("localhost"))))
    }
}
