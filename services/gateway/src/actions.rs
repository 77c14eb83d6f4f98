//! What is done with a usage file once it has a workbook: each action is a path of its own.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ledger::{Command, FileId, Scope};

use crate::app::App;
use crate::auth::Caller;
use crate::commands::Settled;
use crate::error::Answered;
use crate::files::{answer, file_id};
use crate::json;
use crate::links::Origin;
use crate::once::RequestKey;
use crate::openapi::{Changing, bodies, params, tag};
use crate::payload::Payload;

/// Who asks for an action and how it is answered.
struct Request {
    app: Arc<App>,
    scope: Scope,
    origin: Origin,
    key: RequestKey,
}

impl Request {
    async fn decide(&self, file: FileId, command: Command, status: StatusCode) -> Answered {
        let show = |settled: &Settled| Ok(answer(&self.app, settled, file, &self.scope, &self.origin, status));
        self.app.decided(command, &self.scope, &self.key, show).await
    }
}

/// The note of a decision. Old SDKs sent it under another key, so that none is taken for an empty one.
fn note(payload: &Payload, name: &str) -> Result<String, ledger::Rejection> {
    payload.fields()?.text(name).map(Option::unwrap_or_default)
}

/// Submit a usage file
///
/// Gives a ready file to its provider, or to the rules that decide for it. While the workbook is still checked the
/// wish is remembered and counts once the file is ready.
#[utoipa::path(
    post,
    path = "/public/v1/usage/files/{id}/submit",
    operation_id = "submit_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::Once),
    request_body(content = bodies::Empty),
    responses((status = 201, description = "The file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn submit(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let file = file_id(&id)?;
    payload.fields()?;
    let command = Command::SubmitFile { file };
    Request { app, scope, origin, key }.decide(file, command, StatusCode::CREATED).await
}

/// Seal a usage file
///
/// By its vendor: a file of reported records takes no more of them, and is checked as a whole.
#[utoipa::path(
    post,
    path = "/ledger/v1/usage/files/{id}/seal",
    operation_id = "seal_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::Once),
    request_body(content = bodies::Empty),
    responses((status = 201, description = "The file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn seal(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let file = file_id(&id)?;
    payload.fields()?;
    let command = Command::SealReport { file };
    Request { app, scope, origin, key }.decide(file, command, StatusCode::CREATED).await
}

/// Accept a usage file
///
/// By its provider: all of it, as it was submitted. Each hub gets a chunk to bill.
#[utoipa::path(
    post,
    path = "/public/v1/usage/files/{id}/accept",
    operation_id = "accept_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::Once),
    request_body(content = bodies::Acceptance),
    responses((status = 201, description = "The file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn accept(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let file = file_id(&id)?;
    let command = Command::AcceptFile { file, note: note(&payload, "acceptance_note")? };
    Request { app, scope, origin, key }.decide(file, command, StatusCode::CREATED).await
}

/// Reject a usage file
///
/// By its provider: all of it goes back to its vendor, who may upload another workbook.
#[utoipa::path(
    post,
    path = "/public/v1/usage/files/{id}/reject",
    operation_id = "reject_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::Once),
    request_body(content = bodies::RejectionNote),
    responses((status = 201, description = "The file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn reject(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let file = file_id(&id)?;
    let command = Command::RejectFile { file, note: note(&payload, "rejection_note")? };
    Request { app, scope, origin, key }.decide(file, command, StatusCode::CREATED).await
}

/// Close a usage file
///
/// By its provider, once every record is closed. That closes the file by itself: there is nothing to do then.
#[utoipa::path(
    post,
    path = "/public/v1/usage/files/{id}/close",
    operation_id = "close_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::Once),
    request_body(content = bodies::Empty),
    responses((status = 201, description = "The file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn close(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let file = file_id(&id)?;
    payload.fields()?;
    let command = Command::CloseFile { file };
    Request { app, scope, origin, key }.decide(file, command, StatusCode::CREATED).await
}

/// Delete a usage file
///
/// By its vendor, before it is submitted. It is kept and shown as deleted.
#[utoipa::path(
    post,
    path = "/public/v1/usage/files/{id}/delete",
    operation_id = "delete_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::Once),
    request_body(content = bodies::Empty),
    responses((status = 201, description = "The file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn delete(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let file = file_id(&id)?;
    payload.fields()?;
    let command = Command::DeleteFile { file };
    Request { app, scope, origin, key }.decide(file, command, StatusCode::CREATED).await
}

/// Check a usage file again
///
/// By the rules as they are now: by its vendor a file that was not submitted, by its provider an accepted one, whose
/// processed workbook is then written again.
#[utoipa::path(
    post,
    path = "/public/v1/usage/files/{id}/reprocess",
    operation_id = "reprocess_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::Once),
    request_body(content = bodies::Empty),
    responses((status = 201, description = "The file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn reprocess(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let file = file_id(&id)?;
    payload.fields()?;
    let command = Command::ReprocessFile { file };
    Request { app, scope, origin, key }.decide(file, command, StatusCode::CREATED).await
}

/// Mark all records of a usage file as approved
///
/// By its provider, while the file is pending. The file stays pending.
#[utoipa::path(
    put,
    path = "/public/v1/usage/files/{id}/approve-all",
    operation_id = "approve_all_records",
    tag = tag::FILES,
    params(params::FileId, params::Once),
    responses((status = 200, description = "The file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn approve_all(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
) -> Answered {
    let file = file_id(&id)?;
    Request { app, scope, origin, key }.decide(file, Command::ApproveRecords { file }, StatusCode::OK).await
}
