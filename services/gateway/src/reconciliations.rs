//! `/usage/reconciliations`: workbooks that say how records were billed.

use std::io::BufReader;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ledger::file::{Reconciliation, ReconciliationEnd, UsageFile};
use ledger::{Command, FileId, Ledger, ReconciliationId, Rejection, Scope};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::commands::Settled;
use crate::download;
use crate::error::{Answered, ApiError};
use crate::files::{RECONCILIATION_FIELDS, aside};
use crate::json;
use crate::json::words::Workbook;
use crate::listing::Wanted;
use crate::multipart::Form;
use crate::once::RequestKey;
use crate::openapi::{Changing, Reading, bodies, params, tag};
use crate::past::Reader;
use crate::proofs::with_checkpoints;
use crate::sources::Sources;
use crate::visibility::{self, Kind};

/// The fields of a form that may name the usage file.
const FILE_FIELDS: [&str; 4] = ["usagefile", "usage_file_id", "usagefile.id", "usagefile_id"];

/// What helps where the workbook leads to no file.
const NAME_THE_FILE: &str = "Keep the general tab of the chunk's workbook as it is, give the id of the usage file in \
                             the field usagefile, or post the workbook to /usage/files/{id}/reconciliation.";

/// List reconciliations
///
/// For providers.
#[utoipa::path(
    get,
    path = "/public/v1/usage/reconciliations",
    operation_id = "list_reconciliations",
    tag = tag::RECONCILIATIONS,
    params(params::AsOf, params::Paging),
    responses(
        (
            status = 200,
            description = "A page of reconciliations",
            body = Vec<json::reconciliation::Reconciliation>
        ),
        Reading,
    ),
)]
pub(crate) async fn list(reader: Reader) -> Answered {
    let wanted = Wanted::new(reader.query.as_deref(), rql::RECONCILIATIONS, Kind::Reconciliation, &reader.scope)?;
    let known = reader.known(wanted.files("usagefile.id")).await?;
    let scope = reader.scope.clone();
    let found = aside("a list of reconciliations", move || {
        let objects = known.candidates(&wanted, "usagefile.id").into_iter().flat_map(|id| {
            let ledger = known.ledger();
            let file = ledger.file(id).filter(|file| known.sees(&scope, id, file) && scope.plays_provider(file));
            let found = file.into_iter().flat_map(|file| {
                let of_file = file.current_extraction().into_iter().flat_map(|it| it.reconciliations.keys());
                of_file.filter_map(|&index| shown(known.sources(), &ledger, id.reconciliation(index), file, &scope))
            });
            found.collect::<Vec<_>>()
        });
        wanted.page_of(objects)
    });
    Ok(reader.answer(found.await?))
}

/// Show a reconciliation
#[utoipa::path(
    get,
    path = "/public/v1/usage/reconciliations/{id}",
    operation_id = "show_reconciliation",
    tag = tag::RECONCILIATIONS,
    params(params::ReconciliationId, params::AsOf),
    responses(
        (
            status = 200,
            description = "The reconciliation",
            body = json::reconciliation::Reconciliation
        ),
        Reading,
    ),
)]
pub(crate) async fn get(reader: Reader, Path(id): Path<String>) -> Answered {
    let (id, scope) = (reconciliation_id(&id)?, &reader.scope);
    let found = reader.find(id.file, |ledger, sources, file| {
        scope.plays_provider(file).then(|| shown(sources, ledger, id, file, scope)).flatten()
    });
    Ok(reader.answer_of(id.file.partition(), json::answer(StatusCode::OK, &found.await?)))
}

/// Upload a reconciliation
///
/// The file that it is about stands in the workbook, or in the form.
#[utoipa::path(
    post,
    path = "/public/v1/usage/reconciliations",
    operation_id = "create_reconciliation",
    tag = tag::RECONCILIATIONS,
    params(params::Once),
    request_body(content = bodies::AnyReconciliationForm, content_type = "multipart/form-data"),
    responses(
        (
            status = 201,
            description = "The reconciliation",
            body = json::reconciliation::Reconciliation
        ),
        Changing,
    ),
)]
pub(crate) async fn create(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    form: Form,
) -> Answered {
    let received = form.receive(&RECONCILIATION_FIELDS, app.reconciliations.blobs()).await?;
    let named = FILE_FIELDS.iter().find_map(|name| received.text(name)).map(|named| ("usagefile", named.to_owned()));
    let (field, named) = match named {
        Some(named) => named,
        None => (RECONCILIATION_FIELDS[0], report_id(&app, received.blob).await?),
    };
    let missing = || ApiError::field(field, format!("Usage file {named} was not found. {NAME_THE_FILE}"));
    let file = FileId::parse(named.trim()).ok_or_else(missing)?;
    app.reconciliations.hand_over(received.blob, received.bytes, file.partition()).await?;
    let note = received.text("upload_note").unwrap_or_default().to_owned();
    let command = Command::ReceiveReconciliation { file, blob: received.blob, bytes: received.bytes, note };
    let show = |settled: &Settled| {
        let id = settled.reconciliation().map(|index| file.reconciliation(index));
        let shown =
            id.and_then(|id| app.after(settled, file, |ledger, known| shown(&app.sources, ledger, id, known, &scope)));
        let id = id.map(|id| id.to_string());
        Ok(json::answer(StatusCode::CREATED, &shown.unwrap_or_else(|| json!({ "id": id, "status": "uploaded" }))))
    };
    app.decided(command, &scope, &key, show).await.map_err(|error| match error {
        ApiError::Rejected(Rejection::NotFound) => missing(),
        other => other,
    })
}

/// The usage file that a workbook names by itself, as chunks do.
async fn report_id(app: &App, blob: ledger::Hash) -> Result<String, ApiError> {
    let source = app.reconciliations.blobs().read(blob).map_err(ApiError::Blob)?;
    let found = aside("a reconciliation", move || workbook::usage::report_id(BufReader::new(source))).await?;
    let wrong = |message: String| ApiError::field(RECONCILIATION_FIELDS[0], message);
    let found = found.map_err(|error| wrong(format!("The workbook can't be read: {error}.")))?;
    found.ok_or_else(|| wrong(format!("The workbook has no report_id in a general tab. {NAME_THE_FILE}")))
}

/// Download the workbook of a reconciliation
///
/// As it came, or with what became of each row. The name's case doesn't matter.
#[utoipa::path(
    get,
    path = "/public/v1/usage/reconciliations/{id}/{which}",
    operation_id = "download_reconciliation",
    tag = tag::RECONCILIATIONS,
    params(params::ReconciliationWorkbook),
    responses(
        (
            status = 200,
            description = "The workbook",
            body = Workbook,
            content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        ),
        Reading,
    ),
)]
pub(crate) async fn download(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    Path((id, which)): Path<(String, String)>,
) -> Answered {
    let no_route = || ApiError::NoRoute { path: format!("/public/v1/usage/reconciliations/{id}/{which}") };
    let (blob_of, suffix): (fn(&Reconciliation) -> Option<ledger::Hash>, &str) =
        match which.to_ascii_lowercase().as_str() {
            "uploadedfile" => (|known| Some(known.blob), ""),
            "processedfile" => (processed, "-PROCESSED"),
            _ => return Err(no_route()),
        };
    let id = reconciliation_id(&id)?;
    let found = app.find(id.file, &scope, |_, file| {
        let known = file.current_extraction()?.reconciliations.get(&id.index)?;
        scope.plays_provider(file).then(|| blob_of(known)).flatten()
    });
    let workbook = download::workbook(&app.reconciliations, found.await?, &format!("{id}{suffix}.xlsx")).await?;
    Ok(with_checkpoints(&app, Some(id.file.partition()), workbook))
}

fn processed(known: &Reconciliation) -> Option<ledger::Hash> {
    match &known.end {
        Some(ReconciliationEnd::Processed { processed, .. }) => *processed,
        Some(ReconciliationEnd::Failed { .. }) | None => None,
    }
}

fn reconciliation_id(text: &str) -> Result<ReconciliationId, ApiError> {
    ReconciliationId::parse(text).ok_or(ApiError::NOT_FOUND)
}

fn shown(sources: &Sources, ledger: &Ledger, id: ReconciliationId, file: &UsageFile, scope: &Scope) -> Option<Value> {
    let mut shown = json::reconciliation::shown(ledger, id, file, sources)?;
    visibility::trim(Kind::Reconciliation, &mut shown, scope.role);
    Some(shown)
}
