//! `/usage/records`: records read from where they rest, and closed.

pub(crate) mod close;
pub(crate) mod faults;
mod scan;
mod view;

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use ledger::record::ReadBatch;
use ledger::{RecordId, Role, Scope};
use serde_json::Value;

use crate::app::App;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json::{self, record::Row};
use crate::listing::Wanted;
use crate::openapi::{Reading, params, tag};
use crate::past::{Known, Reader};
use crate::visibility::{self, Kind};

pub(crate) use scan::Counts;
pub(crate) use view::FileView;

/// List records
///
/// Of every file that the caller sees and that was checked. A condition on `usagefile.id` is quickest.
#[utoipa::path(
    get,
    path = "/public/v1/usage/records",
    operation_id = "list_records",
    tag = tag::RECORDS,
    params(params::AsOf, params::Paging),
    responses((status = 200, description = "A page of records", body = Vec<json::record::Record>), Reading),
)]
pub(crate) async fn list(reader: Reader) -> Answered {
    let wanted = Wanted::new(reader.query.as_deref(), rql::RECORDS, Kind::Record, &reader.scope)?;
    let known = reader.known(wanted.files("usagefile.id")).await?;
    let scope = reader.scope.clone();
    let found = aside("a list of records", move || scan::page(&known, &scope, &wanted));
    Ok(reader.answer(found.await??))
}

/// Show a record
#[utoipa::path(
    get,
    path = "/public/v1/usage/records/{id}",
    operation_id = "show_record",
    tag = tag::RECORDS,
    params(params::RecordId, params::AsOf),
    responses((status = 200, description = "The record", body = json::record::Record), Reading),
)]
pub(crate) async fn get(reader: Reader, Path(id): Path<String>) -> Answered {
    let id = record_id(&id)?;
    let view = reader.find(id.file, |_, _, file| FileView::of(id.file, file)).await?;
    let known = reader.known(Some(vec![id.file])).await?;
    let answer = json::answer(StatusCode::OK, &shown(known, view, id, reader.scope.role).await?);
    Ok(reader.answer_of(id.file.partition(), answer))
}

/// The id in a path; another one names nothing.
pub(crate) fn record_id(text: &str) -> Result<RecordId, ApiError> {
    RecordId::parse(text).ok_or(ApiError::NOT_FOUND)
}

/// A record by its id.
async fn one(app: &Arc<App>, scope: &Scope, id: RecordId) -> Result<Value, ApiError> {
    let view = app.find(id.file, scope, |_, file| FileView::of(id.file, file)).await?;
    shown(Known::now(app), view, id, scope.role).await
}

async fn shown(known: Known, view: FileView, id: RecordId, role: Role) -> Result<Value, ApiError> {
    let shown = aside("a record", move || {
        let part = view.read.iter().position(|part| (part.first_row..=part.last_row).contains(&id.row));
        let part = part.ok_or(ApiError::NOT_FOUND)?;
        let (read, _) = read(known.app(), &view, part)?;
        let index = read.rows.binary_search(&id.row).map_err(|_| ApiError::NOT_FOUND)?;
        let mut shown = show_read(&known, &view, part, &read, &[index])?.pop().ok_or(ApiError::NOT_FOUND)?;
        visibility::trim(Kind::Record, &mut shown, role);
        Ok(shown)
    });
    shown.await?
}

fn read(app: &App, view: &FileView, part: usize) -> Result<(ReadBatch, ledger::Hash), ApiError> {
    let part = view.read.get(part).ok_or(ApiError::NOT_FOUND)?;
    Ok(app.records.read(view.id, part.sequence)?)
}

/// Some records of a batch as the API shows them.
fn show(known: &Known, view: &FileView, part: usize, indices: &[usize]) -> Result<Vec<Value>, ApiError> {
    let (batch, _) = read(known.app(), view, part)?;
    show_read(known, view, part, &batch, indices)
}

fn show_read(
    known: &Known,
    view: &FileView,
    part: usize,
    read: &ReadBatch,
    indices: &[usize],
) -> Result<Vec<Value>, ApiError> {
    let checked = scan::checked(known.app(), view, part)?;
    let rows = indices.iter().filter_map(|&index| read.rows.get(index).copied());
    let rows = rows.filter(|&row| view.closed.contains(row));
    let billings = known.app().records.billings(view.id, &view.closings, rows)?;
    let catalog = known.catalog();
    let shown = indices.iter().map(|&index| {
        let closed = read.rows.get(index).and_then(|row| billings.get(row));
        let closed = closed.map(|(billing, closing)| (billing, &closing.stamp));
        Row { view, read, checked: checked.as_ref(), index, closed }
            .json(|item| json::record::local_id(&known.sources().words(&catalog, &item.named.id)))
    });
    Ok(shown.collect())
}
