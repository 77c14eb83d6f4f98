//! Whoever is signed in, and the API in their name.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use ledger::ObjectId;
use serde::Deserialize;

use crate::Portal;
use crate::api::Api;
use crate::chrome::Chrome;
use crate::done::Done;
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

    /// Whether they look after the ledger.
    pub(crate) fn is_operator(self) -> bool {
        self == Self::Operator
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
    /// What the API calls their session.
    pub(crate) session: ObjectId,
    /// What the page before this one did.
    done: Option<Done>,
    version: String,
}

/// Where somebody is, and who they say they are.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    session: Option<Session>,
    done: Option<Done>,
    host: Option<HeaderValue>,
    /// Where to go on after signing in again.
    back: String,
}

impl Place {
    /// Of a request.
    pub(crate) fn of(request: &Request, session: Option<Session>) -> Self {
        // After signing in a form can't be sent again: its page is the place to come back to.
        let back = if request.method() == Method::GET { request.uri().to_string() } else { "/".to_owned() };
        let headers = request.headers();
        Self { session, done: Done::of(headers), host: headers.get(header::HOST).cloned(), back }
    }

    /// What was done before, which the next page says.
    pub(crate) fn done(&self) -> Option<Done> {
        self.done
    }
}

impl Signed {
    /// Whoever has the session of a place.
    pub(crate) async fn at(portal: &Portal, place: &Place) -> Result<Self, Fault> {
        let signed_out = || Fault::SignIn { back: place.back.clone() };
        let session = place.session.as_ref().ok_or_else(signed_out)?;
        let api = Api::new(portal, session.clone(), place.host.clone(), place.back.clone());
        let root: Root = api.get("/public/v1").await?;
        let account = root.account.ok_or_else(signed_out)?;
        let who: Who = api.get(&format!("/public/v1/accounts/{account}")).await?;
        Ok(Self { who, api, session: session.id.clone(), done: place.done, version: portal.version.clone() })
    }

    /// The head and foot of their page.
    pub(crate) fn chrome(&self, here: &'static str) -> Chrome {
        let done = self.done.map(|Done(done)| done);
        Chrome { who: Some(self.who.clone()), here, done, version: self.version.clone() }
    }
}

impl FromRequestParts<Arc<Portal>> for Signed {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, Fault> {
        let place = parts.extensions.get::<Place>().ok_or_else(|| Fault::SignIn { back: "/".to_owned() })?;
        Self::at(portal, place).await
    }
}
