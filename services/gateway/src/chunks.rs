//! `/usage/chunks`: the parts of accepted files, one for each hub.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use ledger::file::UsageFile;
use ledger::transitions::DOWNLOADED;
use ledger::{ChunkId, Command, Ledger, Rejection, Scope};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::commands::Settled;
use crate::download;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json;
use crate::json::words::Workbook;
use crate::listing::Wanted;
use crate::once::RequestKey;
use crate::openapi::{Changing, Reading, bodies, params, tag};
use crate::past::Reader;
use crate::payload::Payload;
use crate::proofs::with_checkpoints;
use crate::sources::Sources;
use crate::visibility::{self, Kind};

/// List chunks
///
/// The parts of accepted files, one for each hub; for providers.
#[utoipa::path(
    get,
    path = "/public/v1/usage/chunks",
    operation_id = "list_chunks",
    tag = tag::CHUNKS,
    params(params::AsOf, params::Paging),
    responses((status = 200, description = "A page of chunks", body = Vec<json::chunk::Chunk>), Reading),
)]
pub(crate) async fn list(reader: Reader) -> Answered {
    let wanted = Wanted::new(reader.query.as_deref(), rql::CHUNKS, Kind::Chunk, &reader.scope)?;
    let known = reader.known(wanted.files("usagefile.id")).await?;
    let scope = reader.scope.clone();
    let found = aside("a list of chunks", move || {
        let objects = known.candidates(&wanted, "usagefile.id").into_iter().flat_map(|id| {
            let ledger = known.ledger();
            let file = ledger.file(id).filter(|file| known.sees(&scope, id, file) && scope.plays_provider(file));
            let chunks = file.into_iter().flat_map(|file| {
                let chunks = file.current_extraction().into_iter().flat_map(|it| it.chunks.keys());
                chunks.filter_map(|&index| json::chunk::shown(&ledger, id.chunk(index), file, known.sources()))
            });
            chunks.collect::<Vec<_>>()
        });
        wanted.page_of(objects)
    });
    Ok(reader.answer(found.await?))
}

/// Show a chunk
#[utoipa::path(
    get,
    path = "/public/v1/usage/chunks/{id}",
    operation_id = "show_chunk",
    tag = tag::CHUNKS,
    params(params::ChunkId, params::AsOf),
    responses((status = 200, description = "The chunk", body = json::chunk::Chunk), Reading),
)]
pub(crate) async fn get(reader: Reader, Path(id): Path<String>) -> Answered {
    let (id, scope) = (chunk_id(&id)?, &reader.scope);
    let shown = reader.find(id.file, |ledger, sources, file| {
        scope.plays_provider(file).then(|| trimmed(sources, ledger, id, file, scope)).flatten()
    });
    Ok(reader.answer_of(id.file.partition(), json::answer(StatusCode::OK, &shown.await?)))
}

/// Note something on a chunk
///
/// Its `external_id`, whatever its status.
#[utoipa::path(
    put,
    path = "/public/v1/usage/chunks/{id}",
    operation_id = "change_chunk",
    tag = tag::CHUNKS,
    params(params::ChunkId, params::Once),
    request_body(content = bodies::ChunkName),
    responses((status = 200, description = "The chunk", body = json::chunk::Chunk), Changing),
)]
pub(crate) async fn put(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let chunk = chunk_id(&id)?;
    let external_id = payload.fields()?.text_to_set("external_id")?;
    let external_id = external_id.ok_or_else(|| Rejection::field("external_id", "This field is required."))?;
    let show = |settled: &Settled| Ok(answer(&app, settled, chunk, &scope, StatusCode::OK));
    app.decided(Command::NameChunk { chunk, external_id }, &scope, &key, show).await
}

/// Close a chunk
///
/// All its records were billed. The last chunk closes the file.
#[utoipa::path(
    post,
    path = "/public/v1/usage/chunks/{id}/close",
    operation_id = "close_chunk",
    tag = tag::CHUNKS,
    params(params::ChunkId, params::Once),
    request_body(content = bodies::Billing),
    responses((status = 201, description = "The chunk", body = json::chunk::Chunk), Changing),
)]
pub(crate) async fn close(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path(id): Path<String>,
    payload: Payload,
) -> Answered {
    let chunk = chunk_id(&id)?;
    let billing = payload.fields()?.billing()?;
    let show = |settled: &Settled| Ok(answer(&app, settled, chunk, &scope, StatusCode::CREATED));
    app.decided(Command::CloseChunk { chunk, billing }, &scope, &key, show).await
}

/// Write the workbook of a chunk again
///
/// With what was closed of it since; a chunk that is up to date is left as it is.
#[utoipa::path(
    post,
    path = "/public/v1/usage/chunks/{id}/regenerate",
    operation_id = "regenerate_chunk",
    tag = tag::CHUNKS,
    params(params::ChunkId, params::Once),
    request_body(content = bodies::Empty),
    responses((status = 201, description = "The chunk", body = json::chunk::Chunk), Changing),
)]
pub(crate) async fn regenerate(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    Path(id): Path<String>,
    _: Payload,
) -> Answered {
    let chunk = chunk_id(&id)?;
    let show = |settled: &Settled| Ok(answer(&app, settled, chunk, &scope, StatusCode::CREATED));
    app.decided(Command::RegenerateChunk { chunk }, &scope, &key, show).await
}

/// Download the workbook of a chunk
#[utoipa::path(
    get,
    path = "/public/v1/usage/chunks/{id}/download",
    operation_id = "download_chunk",
    tag = tag::CHUNKS,
    params(params::ChunkId),
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
pub(crate) async fn download(Caller(scope): Caller, State(app): State<Arc<App>>, Path(id): Path<String>) -> Answered {
    let id = chunk_id(&id)?;
    let found = app.find(id.file, &scope, |_, file| {
        let chunk = file.current_extraction()?.chunks.get(&id.index)?;
        scope.plays_provider(file).then(|| chunk.workbook.ok_or(chunk.status()))
    });
    let workbook = found.await?;
    let (blob, _) = workbook.map_err(|status| Rejection::ChunkStatusWrong { action: DOWNLOADED, status })?;
    let workbook = download::workbook(&app.reconciliations, blob, &format!("{id}.xlsx")).await?;
    Ok(with_checkpoints(&app, Some(id.file.partition()), workbook))
}

fn chunk_id(text: &str) -> Result<ChunkId, ApiError> {
    ChunkId::parse(text).ok_or(ApiError::NOT_FOUND)
}

fn trimmed(sources: &Sources, ledger: &Ledger, id: ChunkId, file: &UsageFile, scope: &Scope) -> Option<Value> {
    let mut shown = json::chunk::shown(ledger, id, file, sources)?;
    visibility::trim(Kind::Chunk, &mut shown, scope.role);
    Some(shown)
}

fn answer(app: &App, settled: &Settled, id: ChunkId, scope: &Scope, status: StatusCode) -> Response {
    let shown = app.after(settled, id.file, |ledger, file| trimmed(&app.sources, ledger, id, file, scope));
    json::answer(status, &shown.unwrap_or_else(|| json!({ "id": id.to_string() })))
}
