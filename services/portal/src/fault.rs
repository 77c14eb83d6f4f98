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

    fn told(self) -> (StatusCode, FaultPage) {
        let chrome = Chrome::bare();
        let page = |title: &'static str, errors, code, advice| FaultPage { chrome, title, errors, code, advice };
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
                (status, page(title, errors, code, advice))
            }
            Self::Elsewhere => {
                let errors = vec!["The form was not sent from a page of this portal.".to_owned()];
                let advice = "Open the portal in this browser and send the form from there.";
                (StatusCode::FORBIDDEN, page("This was refused", errors, String::new(), advice))
            }
            Self::Unreadable { path, detail } => {
                tracing::error!(path, detail, "the API's answer can't be shown");
                let errors = vec![format!("The answer of {path} can't be shown.")];
                let advice = "This is a defect of the portal, and the ledger is well. Please report it.";
                (StatusCode::INTERNAL_SERVER_ERROR, page("A defect", errors, String::new(), advice))
            }
            Self::SignIn { .. } => {
                let advice = "Sign in to go on.";
                (StatusCode::UNAUTHORIZED, page("Please sign in", Vec::new(), String::new(), advice))
            }
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        if let Self::SignIn { back } = &self {
            let forgotten = [(header::SET_COOKIE, crate::session::forgotten())];
            let to = format!("/sign-in?back={}", query::encoded(back));
            return (forgotten, Redirect::to(&to)).into_response();
        }
        let (status, told) = self.told();
        (status, page(&told)).into_response()
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
