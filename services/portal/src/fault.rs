//! What a page says when there is no page: each with what to do next.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::chrome::{Chrome, page};
use crate::query;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Nobody is signed in, or not any more; they come back to this path afterwards.
    SignIn { back: String },
    /// The API refused, in its own words.
    Refused { status: StatusCode, code: String, errors: Vec<String> },
    /// A form of another site sent this.
    Elsewhere,
    /// The API answered what no page understands, which is our defect.
    Unreadable { path: String, detail: String },
}

impl Fault {
    /// There is no such page.
    pub(crate) fn missing() -> Self {
        let errors = vec!["There is no such page, or it isn't yours to see.".to_owned()];
        Self::Refused { status: StatusCode::NOT_FOUND, code: "NFND_000".to_owned(), errors }
    }

    fn told(self) -> Told {
        let told = |status, title, errors, code, advice| Told { status, title, errors, code, advice };
        match self {
            Self::Refused { status, code, errors } => {
                let (title, advice) = match status {
                    StatusCode::NOT_FOUND => ("Not found", "Check the address, or go on from the list of usage files."),
                    StatusCode::TOO_MANY_REQUESTS => ("Too many requests", "Wait a second and load the page again."),
                    status if status.is_server_error() => (
                        "This can't be done now",
                        "Nothing of it is lost. Try again in a moment; /readyz says what is the matter.",
                    ),
                    _ => ("This was refused", "Go back, change what is named here, and try again."),
                };
                told(status, title, errors, code, advice)
            }
            Self::Elsewhere => {
                let errors = vec!["The form was not sent from a page of this portal.".to_owned()];
                let advice = "Open the portal in this browser and send the form from there.";
                told(StatusCode::FORBIDDEN, "This was refused", errors, String::new(), advice)
            }
            Self::Unreadable { path, detail } => {
                tracing::error!(path, detail, "the API's answer can't be shown");
                let errors = vec![format!("The answer of {path} can't be shown.")];
                let advice = "This is a defect of the portal, and the ledger is well. Please report it.";
                told(StatusCode::INTERNAL_SERVER_ERROR, "A defect", errors, String::new(), advice)
            }
            Self::SignIn { .. } => {
                told(StatusCode::UNAUTHORIZED, "Please sign in", Vec::new(), String::new(), "Sign in to go on.")
            }
        }
    }
}

impl IntoResponse for Fault {
    /// The page is written by the guard, which knows who looks at it.
    fn into_response(self) -> Response {
        if let Self::SignIn { back } = &self {
            let forgotten = [(header::SET_COOKIE, crate::session::forgotten())];
            let to = format!("/sign-in?back={}", query::encoded(back));
            return (forgotten, Redirect::to(&to)).into_response();
        }
        let told = self.told();
        let mut response = told.status.into_response();
        response.extensions_mut().insert(told);
        response
    }
}

/// What a page without a page says.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    status: StatusCode,
    title: &'static str,
    errors: Vec<String>,
    code: String,
    advice: &'static str,
}

impl Told {
    /// The page, with the head of whoever is signed in.
    pub(crate) fn page(self, chrome: Option<Chrome>) -> Response {
        let Self { status, title, errors, code, advice } = self;
        let chrome = chrome.unwrap_or_else(Chrome::bare);
        (status, page(&FaultPage { chrome, title, errors, code, advice })).into_response()
    }
}

/// A page that says why there is no other.
#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    chrome: Chrome,
    title: &'static str,
    errors: Vec<String>,
    code: String,
    advice: &'static str,
}
