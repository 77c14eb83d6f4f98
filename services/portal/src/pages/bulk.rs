//! Many files accepted at once: each is a request of its own, and each answer is told.

use askama::Template;
use axum::Form;
use axum::response::Response;
use serde_json::json;

use super::file::clean;
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::fault::Fault;
use crate::signed::Signed;

/// Files of one form: a page of the list.
const FILES_MAX: usize = 100;

/// What became of a file.
struct Outcome {
    file: String,
    refusal: Option<String>,
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct Bulk {
    chrome: Chrome,
    outcomes: Vec<Outcome>,
    accepted: Count,
    refused: Count,
}

/// Accepts the files that are ticked.
pub(crate) async fn accept(signed: Signed, Form(sent): Form<Vec<(String, String)>>) -> Result<Response, Fault> {
    let first = |wanted| sent.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
    let (note, once) = (first("acceptance_note"), first("once"));
    let content = if note.is_empty() { json!({}) } else { json!({ "acceptance_note": note }) };
    let mut outcomes = Vec::new();
    for (_, file) in sent.iter().filter(|(name, _)| name == "file").take(FILES_MAX) {
        let file = clean(file)?;
        let once = (!once.is_empty()).then(|| format!("{once}-{file}"));
        let path = format!("/public/v1/usage/files/{file}/accept");
        let refusal = match signed.api.post(&path, once.as_deref(), &content).await {
            Ok(_) => None,
            Err(Fault::Refused { errors, .. }) => Some(errors.join(" ")),
            Err(other) => return Err(other),
        };
        outcomes.push(Outcome { file: file.to_owned(), refusal });
    }
    let refused = outcomes.iter().filter(|outcome| outcome.refusal.is_some()).count();
    let count = |number: usize| Count(number as u64);
    Ok(page(&Bulk {
        chrome: signed.chrome("files"),
        accepted: count(outcomes.len() - refused),
        refused: count(refused),
        outcomes,
    }))
}
