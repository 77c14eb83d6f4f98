//! Whoever is signed in, and the API in their name.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, header};
use serde::Deserialize;

use crate::Portal;
use crate::api::Api;
use crate::chrome::Chrome;
use crate::fault::Fault;
use crate::session::Session;

/// The side that somebody is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Reports usage.
    #[default]
    Vendor,
    /// Reviews and bills it.
    Distributor,
    /// The same, for its own contracts.
    Reseller,
    /// Looks after the ledger.
    Operator,
}

impl Role {
    /// As the head of a page calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Vendor => "Vendor",
            Self::Distributor => "Distributor",
            Self::Reseller => "Reseller",
            Self::Operator => "Operator",
        }
    }

    /// Whether they report usage.
    pub(crate) fn is_vendor(self) -> bool {
        self == Self::Vendor
    }

    /// Whether usage is reported to them.
    pub(crate) fn is_provider(self) -> bool {
        matches!(self, Self::Distributor | Self::Reseller)
    }
}

/// The account of whoever is signed in.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Who {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its side.
    pub(crate) role: Role,
}

#[derive(Deserialize)]
struct Root {
    account: Option<String>,
}

/// Somebody signed in, who asks for a page.
#[derive(Debug)]
pub(crate) struct Signed {
    /// Their account.
    pub(crate) who: Who,
    /// The API in their name.
    pub(crate) api: Api,
    version: String,
}

impl Signed {
    /// The head and foot of their page.
    pub(crate) fn chrome(&self, here: &'static str) -> Chrome {
        Chrome { who: Some(self.who.clone()), here, done: None, version: self.version.clone() }
    }
}

impl FromRequestParts<Arc<Portal>> for Signed {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, Fault> {
        // After signing in a form can't be sent again: its page is the place to come back to.
        let path = if parts.method == Method::GET { parts.uri.to_string() } else { "/".to_owned() };
        let signed_out = || Fault::SignIn { back: path.clone() };
        let session = parts.extensions.get::<Session>().ok_or_else(signed_out)?;
        let host = parts.headers.get(header::HOST).cloned();
        let api = Api::new(portal, session.key.clone(), host, path.clone());
        let root: Root = api.get("/public/v1").await?;
        let account = root.account.ok_or_else(signed_out)?;
        let who: Who = api.get(&format!("/public/v1/accounts/{account}")).await?;
        Ok(Self { who, api, version: portal.version.clone() })
    }
}
