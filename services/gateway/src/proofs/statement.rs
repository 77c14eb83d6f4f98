//! The signed statement about a closed file, for both of its sides.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use ledger::{Fact, FileId, HostId, ServiceName};

use crate::app::App;
use crate::auth::Caller;
use crate::error::{Answered, ApiError};
use crate::files::{aside, file_id};
use crate::json::proof::Statement;
use crate::json::{answer, value};
use crate::openapi::{Reading, params, tag};

/// Show the statement about a closed file
///
/// What was billed of it, who submitted, accepted and closed it and when, signed with the key of extraction's log. As
/// text, it is the signed note itself; with `Accept: application/json` a member of an object.
#[utoipa::path(
    get,
    path = "/ledger/v1/usage/files/{id}/statement",
    operation_id = "show_statement",
    tag = tag::PROOFS,
    params(params::FileId),
    responses(
        (
            status = 200,
            description = "The statement",
            content((String = "text/plain"), (Statement = "application/json"))
        ),
        Reading,
    ),
)]
pub(crate) async fn show(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answered {
    let id = file_id(&id)?;
    app.find(id, &scope, |_, _| Some(())).await?;
    let statement = aside("a statement", move || statement(&app, id)).await??;
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepts.contains("application/json") {
        return Ok(answer(StatusCode::OK, &value(&Statement { statement })));
    }
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok((StatusCode::OK, [kind], statement).into_response())
}

fn statement(app: &App, id: FileId) -> Result<String, ApiError> {
    let host = HostId { service: ServiceName::Extraction, partition: id.partition() };
    let found = app.projection.evidence().get(&host).and_then(|log| log.statements.get(&id).copied());
    let sequence = found.ok_or_else(|| {
        ApiError::field("id", "This file has no statement: one is signed when the last of its records is closed.")
    })?;
    match app.records.event(host.service, host.partition, sequence)?.0.fact {
        Fact::StatementSigned { note } => Ok(note),
        _ => Err(ApiError::Task { what: "a statement" }),
    }
}
