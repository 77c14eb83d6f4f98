//! What buttons do: each is a request to the API, and leads back to the file's page.

use axum::Form;
use axum::extract::{Path, Request};
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::file::clean;
use crate::done::leading;
use crate::fault::Fault;
use crate::signed::Signed;

/// The actions that are a path of the API, with the fields that they take.
const ACTIONS: [(&str, &[&str]); 6] = [
    ("submit", &[]),
    ("accept", &["acceptance_note"]),
    ("reject", &["rejection_note"]),
    ("reprocess", &[]),
    ("delete", &[]),
    ("seal", &[]),
];

/// What a button sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    once: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// Does what a button says.
pub(crate) async fn act(
    signed: Signed,
    Path((id, action)): Path<(String, String)>,
    Form(mut sent): Form<Sent>,
) -> Result<Response, Fault> {
    let id = clean(&id)?;
    let (action, fields) = ACTIONS.iter().find(|(known, _)| *known == action).ok_or_else(Fault::missing)?;
    sent.fields.retain(|name, value| fields.contains(&name.as_str()) && value != "");
    let path = match *action {
        "seal" => format!("/ledger/v1/usage/files/{id}/seal"),
        action => format!("/public/v1/usage/files/{id}/{action}"),
    };
    // A form is sent again with its key only where it is the same form: another note is another request.
    let once = (!sent.once.is_empty()).then(|| format!("{}-{action}", sent.once));
    signed.api.post(&path, once.as_deref(), &Value::Object(sent.fields)).await?;
    let to = if *action == "delete" { "/files".to_owned() } else { format!("/files/{id}") };
    Ok(leading(&to, action))
}

/// Gives a chunk the id that a billing system has for it.
pub(crate) async fn name_chunk(
    signed: Signed,
    Path((id, chunk)): Path<(String, String)>,
    Form(sent): Form<Sent>,
) -> Result<Response, Fault> {
    let (id, chunk) = (clean(&id)?, clean(&chunk)?);
    let name = sent.fields.get("external_id").filter(|name| *name != "").cloned().unwrap_or(Value::Null);
    let once = (!sent.once.is_empty()).then(|| format!("{}-{chunk}-named", sent.once));
    let path = format!("/public/v1/usage/chunks/{chunk}");
    signed.api.send(Method::PUT, &path, once.as_deref(), &json!({ "external_id": name })).await?;
    Ok(leading(&format!("/files/{id}"), "chunk-named"))
}

/// The fields that closing a chunk takes.
const BILLING: [&str; 2] = ["external_billing_id", "external_billing_note"];

/// Closes a chunk: each of its records is billed with what is given.
pub(crate) async fn close_chunk(
    signed: Signed,
    Path((id, chunk)): Path<(String, String)>,
    Form(mut sent): Form<Sent>,
) -> Result<Response, Fault> {
    let (id, chunk) = (clean(&id)?, clean(&chunk)?);
    sent.fields.retain(|name, value| BILLING.contains(&name.as_str()) && value != "");
    let once = (!sent.once.is_empty()).then(|| format!("{}-{chunk}", sent.once));
    let path = format!("/public/v1/usage/chunks/{chunk}/close");
    signed.api.post(&path, once.as_deref(), &Value::Object(sent.fields)).await?;
    Ok(leading(&format!("/files/{id}"), "chunk"))
}

/// Uploads a usage file's workbook.
pub(crate) async fn upload(signed: Signed, Path(id): Path<String>, form: Request) -> Result<Response, Fault> {
    let id = clean(&id)?;
    signed.api.pass(&format!("/public/v1/usage/files/{id}/upload"), form).await?;
    Ok(leading(&format!("/files/{id}"), "upload"))
}

/// Uploads billing data.
pub(crate) async fn reconcile(signed: Signed, Path(id): Path<String>, form: Request) -> Result<Response, Fault> {
    let id = clean(&id)?;
    signed.api.pass(&format!("/public/v1/usage/files/{id}/reconciliation"), form).await?;
    Ok(leading(&format!("/files/{id}"), "reconcile"))
}
