//! Workbooks: each download is a fresh link of the API, which works for ten minutes.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::file::clean;
use crate::fault::Fault;
use crate::shape::File;
use crate::signed::Signed;

/// A workbook of a file.
pub(crate) async fn workbook(signed: Signed, Path((id, which)): Path<(String, String)>) -> Result<Response, Fault> {
    let file: File = signed.api.get(&format!("/public/v1/usage/files/{}", clean(&id)?)).await?;
    let link = match which.as_str() {
        "uploaded" => file.usage_file_uri,
        "processed" => file.processed_file_uri,
        "rejects" => file.rejects_file_uri,
        "reconciliation" => file.reconciliation_file_uri,
        _ => None,
    };
    link.map(|link| here(&link)).ok_or_else(Fault::missing)
}

/// The workbook of a chunk.
pub(crate) async fn chunk(signed: Signed, Path((_, chunk)): Path<(String, String)>) -> Result<Response, Fault> {
    signed.api.give(&format!("/public/v1/usage/chunks/{}/download", clean(&chunk)?)).await
}

/// What became of each row of a reconciliation.
pub(crate) async fn reconciliation(signed: Signed, Path((_, id)): Path<(String, String)>) -> Result<Response, Fault> {
    signed.api.give(&format!("/public/v1/usage/reconciliations/{}/processedfile", clean(&id)?)).await
}

#[derive(Deserialize)]
struct Template {
    template_link: String,
}

/// An empty workbook for a product.
pub(crate) async fn template(signed: Signed, Path(product): Path<String>) -> Result<Response, Fault> {
    let path = format!("/public/v1/usage/products/{}/template", clean(&product)?);
    let template: Template = signed.api.get(&path).await?;
    Ok(here(&template.template_link))
}

/// Leads to the path of a link on this host: the browser may call it otherwise than links do.
fn here(link: &str) -> Response {
    let path = link.split_once("://").and_then(|(_, rest)| Some(&rest[rest.find('/')?..]));
    Redirect::to(path.unwrap_or(link)).into_response()
}
