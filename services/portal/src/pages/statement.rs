//! The statement about a closed file, made to be printed: its figures, and the signed note that proves them.

use askama::Template;
use axum::extract::Path;
use axum::http::header;
use axum::response::Response;

use super::file::clean;
use crate::chrome::{Chrome, page};
use crate::fault::Fault;
use crate::shape::{Chunk, File};
use crate::signed::Signed;

/// Chunks that are shown.
const CHUNKS_SHOWN: u64 = 1_000;
/// The longest note.
const NOTE_BYTES_MAX: usize = 1024 * 1024;

#[derive(Template)]
#[template(path = "statement.html")]
struct Printed {
    chrome: Chrome,
    file: File,
    chunks: Vec<Chunk>,
    note: String,
}

/// The page.
pub(crate) async fn show(signed: Signed, Path(id): Path<String>) -> Result<Response, Fault> {
    let api = &signed.api;
    let file: File = api.get(&format!("/public/v1/usage/files/{}", clean(&id)?)).await?;
    let path = format!("/ledger/v1/usage/files/{}/statement", file.id);
    let answer = api.give(&path).await?;
    let body = axum::body::to_bytes(answer.into_body(), NOTE_BYTES_MAX).await;
    let note = body.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let note = note.map_err(|error| Fault::Unreadable { path, detail: error.to_string() })?;
    let mut chunks = Vec::new();
    if !signed.who.role.is_vendor() {
        let path = format!("/public/v1/usage/chunks?usagefile.id={}&limit={CHUNKS_SHOWN}", file.id);
        chunks = api.list(&path).await?.items;
    }
    let mut response = page(&Printed { chrome: signed.chrome("files"), file, chunks, note });
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}
