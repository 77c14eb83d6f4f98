//! Changing single records: one by its path, or many closed in one request, each with its own result.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ledger::fact::RecordMark;
use ledger::record::Billing;
use ledger::rows::RowSet;
use ledger::{Command, FileId, RecordId, Rejection, Scope, UsageFile};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{one, record_id};
use crate::app::App;
use crate::auth::Caller;
use crate::commands::Settled;
use crate::error::{Answered, ApiError};
use crate::json;
use crate::once::{Once, RequestKey};
use crate::openapi::{Changing, bodies, params, tag};
use crate::payload::{Fields, Payload};

/// What connect-api §2.4 calls the answer of the bulk call: it speaks for each record by itself.
const PARTIAL: StatusCode = StatusCode::PARTIAL_CONTENT;

/// Close a record
///
/// It was billed: by the provider of an accepted file, with a billing id, a note, or both. The last record closes the
/// file.
#[utoipa::path(
    post,
    path = "/public/v1/usage/records/{id}/close",
    operation_id = "close_record",
    tag = tag::RECORDS,
    params(params::RecordId, params::Once),
    request_body(content = bodies::Billing),
    responses((status = 201, description = "The record", body = json::record::Record), Changing),
)]
pub(crate) async fn close(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let billing = payload.fields()?.billing()?;
    let id = record_id(&id)?;
    let before = one(&app, &scope, id).await?;
    changed(&app, &scope, &key, closing(id, billing), (id, before), StatusCode::CREATED).await
}

/// Set the status of a record
///
/// While its file waits for the provider, a record is `approved`, `rejected` or, as before, `valid`: a file isn't accepted
/// with rejected records. After that it can be `closed`, with what it was billed under.
#[utoipa::path(
    put,
    path = "/public/v1/usage/records/{id}",
    operation_id = "change_record",
    tag = tag::RECORDS,
    params(params::RecordId, params::Once),
    request_body(content = bodies::RecordChange),
    responses((status = 200, description = "The record", body = json::record::Record), Changing),
)]
pub(crate) async fn put(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let fields = payload.fields()?;
    let id = record_id(&id)?;
    // Who sees no such record is told no more.
    let before = one(&app, &scope, id).await?;
    let status = fields.text("status")?.ok_or_else(|| ApiError::field("status", "This field is required."))?;
    let mark = |mark| {
        let mut rows = RowSet::default();
        rows.insert(id.row);
        Command::MarkRecords { file: id.file, rows, mark }
    };
    let command = match status.as_str() {
        "closed" => closing(id, fields.billing()?),
        "approved" => mark(RecordMark::Approved),
        "rejected" => mark(RecordMark::Rejected),
        "valid" => mark(RecordMark::Open),
        "invalid" => {
            let message = "Which records are valid is decided when they are checked. Set \"rejected\", or reject the \
                           usage file.";
            return Err(ApiError::field("status", message));
        }
        other => {
            let message = format!("\"{other}\" is not one of approved, rejected, valid and closed.");
            return Err(ApiError::field("status", message));
        }
    };
    changed(&app, &scope, &key, command, (id, before), StatusCode::OK).await
}

fn closing(id: RecordId, billing: Billing) -> Command {
    Command::CloseRecords { file: id.file, rows: vec![(id.row, billing)] }
}

async fn changed(
    app: &Arc<App>,
    scope: &Scope,
    key: &RequestKey,
    command: Command,
    (id, before): (RecordId, Value),
    status: StatusCode,
) -> Answered {
    let once = key.about(scope, &command);
    let work = async {
        app.command(command, scope, &once).await?;
        // It is done; should the record's batch be out of reach, what was known of it is the answer.
        let shown = one(app, scope, id).await.unwrap_or(before);
        Ok(json::answer(status, &shown))
    };
    app.once(&once, work).await
}

/// Close many records
///
/// Each by itself: the answer says of every one, in the order of the request, whether it is closed.
#[utoipa::path(
    post,
    path = "/public/v1/usage/records/close-records",
    operation_id = "close_records",
    tag = tag::RECORDS,
    params(params::Once),
    request_body(content = Vec<bodies::RecordToClose>),
    responses((status = 206, description = "What became of each record", body = Vec<CloseResult>), Changing),
)]
pub(crate) async fn close_many(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    payload: Payload,
) -> Answered {
    let Value::Array(entries) = &payload.0 else {
        return Err(ApiError::field(
            "non_field_errors",
            "Expected a list of {id, external_billing_id, external_billing_note}.",
        ));
    };
    let once = key.about(&scope, &payload.0);
    let work = async {
        let results = close_each(&app, &scope, &once, entries).await?;
        // Each result has all its members, null where there is nothing to say.
        Ok(json::answer(PARTIAL, &json!(results)))
    };
    app.once(&once, work).await
}

async fn close_each(
    app: &Arc<App>,
    scope: &Scope,
    once: &Once,
    entries: &[Value],
) -> Result<Vec<CloseResult>, Rejection> {
    let mut results = vec![CloseResult::default(); entries.len()];
    let mut files: BTreeMap<FileId, Vec<Asked>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        match requested(Fields::of(entry)) {
            Ok((id, billing)) => files.entry(id.file).or_default().push((at, id.row, billing)),
            Err(rejection) => {
                let id = entry.get("id").cloned().unwrap_or_default();
                set(&mut results, at, CloseResult::refused(id, &rejection));
            }
        }
    }
    let mut keyed = Keyed { whole: once, bound: false };
    for (file, rows) in files {
        let outcome = keyed.close(app, scope, file, &rows).await;
        let closed: Vec<bool> = match &outcome {
            Ok(settled) => app.after(settled, file, |_, known| closed_rows(known, &rows)),
            // Who may not close records is told nothing of them.
            Err(Rejection::RoleNotAllowed | Rejection::NotFound) => Vec::new(),
            Err(Rejection::KeyReused) => return Err(Rejection::KeyReused),
            // A request that comes again finds its work done: the file may be closed by now.
            Err(_) => app.find(file, scope, |_, known| Some(closed_rows(known, &rows))).await.unwrap_or_default(),
        };
        let rejection = outcome.err().unwrap_or(Rejection::NotFound);
        let closed = closed.into_iter().chain(std::iter::repeat(false));
        for ((at, row, _), closed) in rows.iter().zip(closed) {
            let id = file.record(*row).to_string();
            let result = if closed {
                CloseResult { id: json!(id), status: Some("closed"), ..CloseResult::default() }
            } else {
                CloseResult::refused(json!(id), &rejection)
            };
            set(&mut results, *at, result);
        }
    }
    Ok(results)
}

/// A request that is about several files. The first of them of which something is recorded has the request's own key,
/// so that the key is known to be used up; the others have keys that follow from it.
struct Keyed<'a> {
    whole: &'a Once,
    bound: bool,
}

impl Keyed<'_> {
    async fn close(
        &mut self,
        app: &Arc<App>,
        scope: &Scope,
        file: FileId,
        rows: &[Asked],
    ) -> Result<Settled, Rejection> {
        let asked = rows.iter().map(|(_, row, billing)| (*row, billing.clone())).collect();
        let command = Command::CloseRecords { file, rows: asked };
        if !self.bound {
            let settled = app.command(command.clone(), scope, self.whole).await?;
            self.bound = !settled.events().is_empty();
            // Else the key was used up by another of the files when the request came first.
            if !self.bound || settled.is_about(file) {
                return Ok(settled);
            }
        }
        app.command(command, scope, &self.whole.part(file)).await
    }
}

/// What became of one record of many.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct CloseResult {
    /// The record as it was named.
    #[schema(value_type = String, example = "UR-2026-11-0000-0000-0000-0002", required = true)]
    id: Value,
    /// `closed`, or null where it could not be closed.
    #[schema(example = "closed", required = true)]
    status: Option<&'static str>,
    /// Why it could not be closed.
    #[schema(example = json!(null), required = true)]
    error_details: Option<String>,
    /// The code of that.
    #[schema(example = json!(null), required = true)]
    error_codes: Option<&'static str>,
}

impl CloseResult {
    fn refused(id: Value, rejection: &Rejection) -> Self {
        Self { id, status: None, error_details: Some(rejection.to_string()), error_codes: Some(rejection.code()) }
    }
}

type Asked = (usize, u32, Billing);

/// Which of some rows are closed. Before the file was accepted none is.
fn closed_rows(file: &UsageFile, rows: &[Asked]) -> Vec<bool> {
    let closed = file.current_extraction().filter(|_| file.is_accepted()).map(|extraction| &extraction.closed);
    rows.iter().map(|(_, row, _)| closed.is_some_and(|closed| closed.contains(*row))).collect()
}

fn requested(fields: Fields<'_>) -> Result<(RecordId, Billing), Rejection> {
    let id = fields.text("id")?.ok_or_else(|| Rejection::field("id", "This field is required."))?;
    let id = RecordId::parse(&id).ok_or(Rejection::NotFound)?;
    let billing = fields.billing()?;
    if billing.id.is_empty() && billing.note.is_empty() {
        return Err(Rejection::BillingMissing);
    }
    Ok((id, billing))
}

fn set(results: &mut [CloseResult], at: usize, result: CloseResult) {
    if let Some(slot) = results.get_mut(at) {
        *slot = result;
    }
}
