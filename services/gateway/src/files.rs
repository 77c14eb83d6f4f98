//! `/usage/files`: from a draft to a closed file.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ledger::catalog::Environment;
use ledger::command::CreateFile;
use ledger::fact::{FileDescribed, Period};
use ledger::{Command, FileId, Rejection, Scope};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::commands::Settled;
use crate::error::{Answered, ApiError};
use crate::json;
use crate::links::{Origin, Workbooks};
use crate::listing::{Found, Wanted};
use crate::multipart::Form;
use crate::once::RequestKey;
use crate::openapi::{Changing, Reading, bodies, params, tag};
use crate::past::{Known, Reader};
use crate::payload::{Fields, Payload};
use crate::period::Zone;
use crate::visibility::{self, Kind};

/// Files written while the fold is held: whoever keeps it fresh has to wait for that long.
pub(crate) const FILES_AT_ONCE: usize = 256;

/// What a file's workbook is called in a form.
pub(crate) const UPLOAD_FIELD: &str = "usage_file";
/// What a reconciliation workbook is called; the second name is an SDK's (connect-api §2.4).
pub(crate) const RECONCILIATION_FIELDS: [&str; 2] = ["recon_file", "reconciliation_file"];

/// List usage files
///
/// A vendor sees its own files, a provider those that were submitted to it, an operator all. The header `Content-Range`
/// says where the page stands: `items 0-9/42`.
#[utoipa::path(
    get,
    path = "/public/v1/usage/files",
    operation_id = "list_usage_files",
    tag = tag::FILES,
    params(params::AsOf, params::Paging),
    responses((status = 200, description = "A page of files", body = Vec<json::file_shape::File>), Reading),
)]
pub(crate) async fn list(reader: Reader) -> Answered {
    let wanted = Wanted::new(reader.query.as_deref(), rql::FILES, Kind::File, &reader.scope)?;
    let known = reader.known(wanted.files("id")).await?;
    let scope = reader.scope.clone();
    let found = aside("a list of files", move || page(&known, &scope, &wanted));
    Ok(reader.answer(found.await?))
}

/// Work that may take long, where it holds nobody up.
pub(crate) async fn aside<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::Task { what })
}

fn page(known: &Known, scope: &Scope, wanted: &Wanted) -> Found {
    indexed(known, scope, wanted).unwrap_or_else(|| scanned(known, scope, wanted))
}

/// The page by way of the index; none where the query is about something that it hasn't.
pub(crate) fn indexed(known: &Known, scope: &Scope, wanted: &Wanted) -> Option<Found> {
    let ledger = known.ledger();
    let hits = known.page(&ledger, scope, wanted)?;
    let shown = hits.files.iter().filter_map(|&id| json::file::listed(&ledger, id, ledger.file(id)?, known.sources()));
    Some(wanted.found(shown.collect(), hits.total))
}

/// The page by way of every file's JSON: what the index is held to.
pub(crate) fn scanned(known: &Known, scope: &Scope, wanted: &Wanted) -> Found {
    let ids = known.candidates(wanted, "id");
    let objects = ids.chunks(FILES_AT_ONCE).flat_map(|ids| {
        let ledger = known.ledger();
        let shown = ids.iter().filter_map(|&id| {
            let file = ledger.file(id).filter(|file| known.sees(scope, id, file))?;
            json::file::listed(&ledger, id, file, known.sources())
        });
        shown.collect::<Vec<_>>()
    });
    wanted.page_of(objects)
}

/// Create a usage file
///
/// It is a draft until a workbook is uploaded. Program contract, contract, listing and capabilities must allow to
/// report.
#[utoipa::path(
    post,
    path = "/public/v1/usage/files",
    operation_id = "create_usage_file",
    tag = tag::FILES,
    params(params::Once),
    request_body(content = bodies::NewUsageFile),
    responses((status = 201, description = "The new file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn create(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    payload: Payload,
) -> Answered {
    let command = Command::CreateFile(Box::new(creation(payload.fields()?)?));
    let show = |settled: &Settled| {
        let id = settled.created().ok_or(ApiError::NOT_FOUND)?;
        Ok(answer(&app, settled, id, &scope, &origin, StatusCode::CREATED))
    };
    app.decided(command, &scope, &key, show).await
}

/// What a new file is to be, from the fields that clients give.
pub(crate) fn creation(fields: Fields<'_>) -> Result<CreateFile, Rejection> {
    let environment = match fields.text("environment")? {
        None => None,
        Some(name) => Some(Environment::parse(&name).ok_or_else(|| {
            Rejection::field("environment", format!("\"{name}\" is not one of test, preview and production."))
        })?),
    };
    let zone = fields.zone()?.unwrap_or(Zone::UTC);
    Ok(CreateFile {
        product: fields.reference("product")?,
        contract: fields.reference("contract")?,
        name: fields.text("name")?.unwrap_or_default(),
        external_id: fields.text("external_id")?.unwrap_or_default(),
        description: fields.text("description")?.unwrap_or_default(),
        note: fields.text("note")?.unwrap_or_default(),
        period: fields.period(zone)?,
        time_zone: zone.kept(),
        predictive: fields.flag("predictive")?,
        currency: fields.text("currency")?.filter(|code| !code.is_empty()),
        environment,
    })
}

/// Show a usage file
///
/// With links to its workbooks, which work for ten minutes without a key, and how far work on it has come.
#[utoipa::path(
    get,
    path = "/public/v1/usage/files/{id}",
    operation_id = "show_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::AsOf),
    responses((status = 200, description = "The file", body = json::file_shape::File), Reading),
)]
pub(crate) async fn get(
    reader: Reader,
    State(app): State<Arc<App>>,
    origin: Origin,
    Path(id): Path<String>,
) -> Answered {
    let id = file_id(&id)?;
    let scope = &reader.scope;
    // A link opens what is there now, for ten minutes from now: it is no part of the past.
    let workbooks = reader.is_now().then(|| workbooks(&app, &origin));
    let shown = reader
        .find(id, |ledger, sources, file| json::file::detail(ledger, id, file, scope, sources, workbooks.as_ref()));
    let answer = json::answer(StatusCode::OK, &trimmed(shown.await?, scope));
    Ok(reader.answer_of(id.partition(), answer))
}

/// Change what is said of a usage file
///
/// By its vendor. What isn't given stays as it is. The period and the currency can change until the file is submitted.
#[utoipa::path(
    put,
    path = "/public/v1/usage/files/{id}",
    operation_id = "change_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::Once),
    request_body(content = bodies::UsageFileChanges),
    responses((status = 200, description = "The file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn put(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let file = file_id(&id)?;
    let fields = payload.fields()?;
    let (period, time_zone) = redated(&app, &scope, file, fields).await?;
    let described = FileDescribed {
        description: fields.text_to_set("description")?,
        note: fields.text_to_set("note")?,
        external_id: fields.text_to_set("external_id")?,
        period,
        time_zone,
        currency: fields.text("currency")?.filter(|code| !code.is_empty()),
    };
    let command = Command::DescribeFile { file, described: Box::new(described) };
    let show = |settled: &Settled| Ok(answer(&app, settled, file, &scope, &origin, StatusCode::OK));
    app.decided(command, &scope, &key, show).await
}

/// The period and zone that a file gets: days without a zone are those of its own.
async fn redated(
    app: &App,
    scope: &Scope,
    file: FileId,
    fields: Fields<'_>,
) -> Result<(Option<Period>, Option<String>), ApiError> {
    let known = app.find(file, scope, |_, file| {
        let created = file.approval.created.as_ref()?;
        Some((created.time_zone.clone(), created.period.is_some()))
    });
    let (own, dated) = known.await?;
    let zone = fields.zone()?;
    let own_zone = Zone::parse(&own).unwrap_or(Zone::UTC);
    let period = fields.period(zone.unwrap_or(own_zone))?;
    if let Some(zone) = zone.filter(|&zone| dated && period.is_none() && zone != own_zone) {
        let message = format!("Give the period as well, in days of {}: its instants stay as they are.", zone.name());
        return Err(ApiError::field("time_zone", message));
    }
    Ok((period, zone.map(Zone::kept)))
}

/// Upload the workbook of a usage file
///
/// It is kept, then read and checked behind the answer: ask for the file until its status is `ready` or `invalid`. A
/// file that is a draft, invalid, ready or rejected takes another workbook.
#[utoipa::path(
    post,
    path = "/public/v1/usage/files/{id}/upload",
    operation_id = "upload_usage_file",
    tag = tag::FILES,
    params(params::FileId, params::Once),
    request_body(content = bodies::UploadForm, content_type = "multipart/form-data"),
    responses(
        (
            status = 201,
            description = "The file, with the status `uploading`",
            body = json::file_shape::File
        ),
        Changing,
    ),
)]
pub(crate) async fn upload(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
    form: Form,
) -> Answered {
    let file = file_id(&id)?;
    // Who may not upload here is told before the workbook is kept.
    let may = app.find(file, &scope, |_, _| Some(scope.plays_vendor())).await?;
    if !may {
        return Err(Rejection::RoleNotAllowed.into());
    }
    let received = form.receive(&[UPLOAD_FIELD], app.uploads.blobs()).await?;
    let (blob, bytes, filename) = (received.blob, received.bytes, received.filename);
    app.uploads.hand_over(blob, bytes, file.partition()).await?;
    let command = Command::OpenUpload { file, blob, bytes, filename };
    let show = |settled: &Settled| {
        let mut shown = shown(&app, settled, file, &scope, &origin);
        // The work goes on behind this answer; Connect's word for that moment is `uploading` (connect-api U5).
        if let Some(status) = shown.get_mut("status") {
            *status = json!("uploading");
        }
        Ok(json::answer(StatusCode::CREATED, &shown))
    };
    app.decided(command, &scope, &key, show).await
}

/// Upload a reconciliation of a usage file
///
/// A workbook that says how records were billed: what is filled in closes its record. By the file's provider.
#[utoipa::path(
    post,
    path = "/public/v1/usage/files/{id}/reconciliation",
    operation_id = "reconcile_usage_file",
    tag = tag::RECONCILIATIONS,
    params(params::FileId, params::Once),
    request_body(content = bodies::ReconciliationForm, content_type = "multipart/form-data"),
    responses((status = 201, description = "The file", body = json::file_shape::File), Changing),
)]
pub(crate) async fn reconcile(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    origin: Origin,
    key: RequestKey,
    Path(id): Path<String>,
    form: Form,
) -> Answered {
    let file = file_id(&id)?;
    let may = app.find(file, &scope, |_, file| Some(scope.plays_provider(file))).await?;
    if !may {
        return Err(Rejection::RoleNotAllowed.into());
    }
    let received = form.receive(&RECONCILIATION_FIELDS, app.reconciliations.blobs()).await?;
    app.reconciliations.hand_over(received.blob, received.bytes, file.partition()).await?;
    let note = received.text("upload_note").unwrap_or_default().to_owned();
    let command = Command::ReceiveReconciliation { file, blob: received.blob, bytes: received.bytes, note };
    let show = |settled: &Settled| Ok(answer(&app, settled, file, &scope, &origin, StatusCode::CREATED));
    app.decided(command, &scope, &key, show).await
}

/// List the categories of a usage file
///
/// As the workbook's tab `categories` has them.
#[utoipa::path(
    get,
    path = "/public/v1/usage/files/{id}/categories",
    operation_id = "list_categories",
    tag = tag::FILES,
    params(params::FileId, params::AsOf, params::Paging),
    responses((status = 200, description = "A page of categories", body = Vec<json::file_shape::Category>), Reading),
)]
pub(crate) async fn categories(reader: Reader, Path(id): Path<String>) -> Answered {
    let wanted = Wanted::new(reader.query.as_deref(), rql::CATEGORIES, Kind::Catalog, &reader.scope)?;
    let objects = reader.find(file_id(&id)?, |_, _, file| {
        let shown = file.categories().iter().map(|category| json::value(&json::file::category(category)));
        Some(shown.collect::<Vec<_>>())
    });
    Ok(reader.answer(wanted.page_of(objects.await?)))
}

/// The id in a path; another one names nothing.
pub(crate) fn file_id(text: &str) -> Result<FileId, ApiError> {
    FileId::parse(text).ok_or(ApiError::NOT_FOUND)
}

fn workbooks<'a>(app: &'a App, origin: &'a Origin) -> Workbooks<'a> {
    Workbooks { origin: &origin.0, secret: &app.link_secret, now: app.clock.now() }
}

fn trimmed(mut object: Value, scope: &Scope) -> Value {
    visibility::trim(Kind::File, &mut object, scope.role);
    object
}

fn shown(app: &App, settled: &Settled, id: FileId, scope: &Scope, origin: &Origin) -> Value {
    let workbooks = workbooks(app, origin);
    let shown = app
        .after(settled, id, |ledger, file| json::file::detail(ledger, id, file, scope, &app.sources, Some(&workbooks)));
    // What was decided is decided: should the object be out of reach, its id is the answer.
    trimmed(shown.unwrap_or_else(|| json!({ "id": id.to_string() })), scope)
}

/// The file after something was decided of it.
pub(crate) fn answer(
    app: &App,
    settled: &Settled,
    id: FileId,
    scope: &Scope,
    origin: &Origin,
    status: StatusCode,
) -> axum::response::Response {
    json::answer(status, &shown(app, settled, id, scope, origin))
}
