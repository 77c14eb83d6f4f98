//! What every page has around it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::signed::Who;

/// The head and foot of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chrome {
    /// Who is signed in.
    pub(crate) who: Option<Who>,
    /// Which entry of the navigation the page belongs to.
    pub(crate) here: &'static str,
    /// What was just done, announced once.
    pub(crate) done: Option<&'static str>,
    /// The product's version.
    pub(crate) version: String,
}

impl Chrome {
    /// The name of whoever is signed in.
    pub(crate) fn name(&self) -> &str {
        self.who.as_ref().map_or("", |who| who.name.as_str())
    }

    /// Around a page for whoever looks at it, signed in or not.
    pub(crate) fn bare() -> Self {
        Self::default()
    }
}

/// A template as an answer.
pub(crate) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page can't be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page can't be written. This is a defect; please report it.")
                .into_response()
        }
    }
}
