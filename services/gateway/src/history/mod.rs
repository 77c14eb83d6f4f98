//! What happened to a file or a record: every fact about it and every refusal, in the order in which they were recorded,
//! each for those whose business it is.

mod words;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use ledger::{Actor, Event, Fact, FileId, Ledger, RecordId, Scope};
use runtime::log::Header;
use runtime::past::{Positions, told};
use serde_json::Value;

use crate::app::App;
use crate::error::{Answered, ApiError};
use crate::files::{aside, file_id};
use crate::format::Format;
use crate::json::history::{HistoryLine, LogPosition, StatusChange};
use crate::json::{self, By};
use crate::listing::Wanted;
use crate::openapi::{Reading, params, tag};
use crate::past::Reader;
use crate::records::{FileView, record_id};
use crate::visibility::Kind;

use words::{Side, Told};

/// List what happened to a usage file
///
/// Every fact about it and every refusal, the oldest first: who did what by which way, why, and what that changed. Each
/// side sees its own part: a provider nothing from before it had the file, a vendor nothing of chunks.
#[utoipa::path(
    get,
    path = "/ledger/v1/usage/files/{id}/history",
    operation_id = "list_history_of_file",
    tag = tag::FILES,
    params(params::FileId, params::AsOf, params::Paging, params::Lines),
    responses(
        (
            status = 200,
            description = "A page of what happened, or all of it as NDJSON",
            content((Vec<HistoryLine> = "application/json"), (String = "application/x-ndjson"))
        ),
        Reading,
    ),
)]
pub(crate) async fn of_file(
    reader: Reader,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answered {
    history(reader, app, About { file: file_id(&id)?, row: None }, headers).await
}

/// List what happened to a record
///
/// What was done with it and with its file as a whole, since the workbook that it stands in was uploaded.
#[utoipa::path(
    get,
    path = "/ledger/v1/usage/records/{id}/history",
    operation_id = "list_history_of_record",
    tag = tag::RECORDS,
    params(params::RecordId, params::AsOf, params::Paging, params::Lines),
    responses(
        (
            status = 200,
            description = "A page of what happened, or all of it as NDJSON",
            content((Vec<HistoryLine> = "application/json"), (String = "application/x-ndjson"))
        ),
        Reading,
    ),
)]
pub(crate) async fn of_record(
    reader: Reader,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answered {
    let RecordId { file, row } = record_id(&id)?;
    let parts = reader.find(file, |_, _, known| Some(FileView::of(file, known)?.read)).await?;
    parts.iter().find(|part| (part.first_row..=part.last_row).contains(&row)).ok_or(ApiError::NOT_FOUND)?;
    history(reader, app, About { file, row: Some(row) }, headers).await
}

/// What a history is of.
#[derive(Clone, Copy, Debug)]
struct About {
    file: FileId,
    row: Option<u32>,
}

async fn history(reader: Reader, app: Arc<App>, about: About, headers: HeaderMap) -> Answered {
    let format = Format::of(&headers, reader.query.as_deref())?;
    let wanted = Wanted::new(reader.query.as_deref(), rql::HISTORY, Kind::Catalog, &reader.scope)?;
    reader.find(about.file, |_, _, _| Some(())).await?;
    let (scope, until) = (reader.scope.clone(), reader.positions().cloned());
    let found = aside("a history", move || {
        let lines = lines(&app, &scope, about, until.as_ref())?;
        Ok::<_, ApiError>(match format {
            Format::Json => Ok(wanted.page_of(lines)),
            Format::Ndjson => Err(wanted.all_of(lines)),
            Format::Csv => return Err(ApiError::field("format", "Give json or ndjson.")),
        })
    });
    Ok(match found.await?? {
        Ok(page) => reader.answer_of(about.file.partition(), page),
        Err(all) => {
            let text: String = all.iter().map(|line| format!("{line}\n")).collect();
            reader.answer_of(about.file.partition(), format.response(Body::from(text)))
        }
    })
}

fn lines(app: &App, scope: &Scope, about: About, until: Option<&Positions>) -> Result<Vec<Value>, ApiError> {
    let said = told(&app.bus, &app.projection.trail(about.file), until)?;
    let begin = about.row.map_or(0, |_| said.iter().rposition(|(_, event)| opens(&event.fact)).unwrap_or(0));
    let mut ledger = Ledger::default();
    let mut lines = Vec::new();
    let mut before = None;
    for (place, (header, event)) in said.iter().enumerate() {
        ledger.evolve(header.sequence, event);
        let after = status(&ledger, about);
        let line = words::of(&event.fact).filter(|told| is_shown(scope, &ledger, about.file, event, told));
        let concerns = about.row.is_none_or(|row| place >= begin && concerns(&event.fact, row));
        if let Some(told) = line.filter(|_| concerns) {
            lines.push(json::value(&line_of(about, header, event, told, StatusChange { before, after })));
        }
        before = after;
    }
    Ok(lines)
}

fn line_of(about: About, header: &Header, event: &Event, told: Told, status: StatusChange) -> HistoryLine {
    let at = event.recorded_at.iso();
    let id = about.row.map_or_else(|| about.file.to_string(), |row| RecordId { file: about.file, row }.to_string());
    HistoryLine {
        reproduce: format!("usage-ledger audit state {id} --as-of {at}"),
        recorded_at: at,
        position: LogPosition {
            host: header.host.to_string(),
            sequence: header.sequence,
            hash: header.hash().to_string(),
        },
        by: By::new(&event.actor),
        account: account(&event.actor),
        surface: surface(event),
        fact: told.fact,
        action: told.action,
        why: told.why,
        error_code: told.error_code,
        status,
    }
}

fn account(actor: &Actor) -> Option<String> {
    match actor {
        Actor::Key { account, .. } | Actor::Producer { account } => Some(account.to_string()),
        Actor::Service(_) | Actor::Operator => None,
    }
}

/// By which way something came. Of what was recorded before the ways of key holders were told apart, all are `api`.
fn surface(event: &Event) -> &'static str {
    match (&event.actor, &event.fact) {
        (Actor::Key { .. }, _) => event.surface.name(),
        (Actor::Producer { .. }, _) => "nats",
        (Actor::Operator, _) => "machine",
        (Actor::Service(_), Fact::FileAccepted { .. } | Fact::FileRejected { .. } | Fact::RulesApplied { .. }) => {
            "rule"
        }
        (Actor::Service(_), _) => "service",
    }
}

/// Whether a caller is shown a fact: those who see the file as the fact left it, each their side.
fn is_shown(scope: &Scope, ledger: &Ledger, id: FileId, event: &Event, told: &Told) -> bool {
    let Some(file) = ledger.file(id).filter(|file| scope.sees(file)) else { return false };
    match told.side {
        Side::Both => true,
        Side::Vendor => scope.plays_vendor(),
        Side::Provider => scope.plays_provider(file),
        Side::Asker => {
            let asker = account(&event.actor);
            scope.role == ledger::Role::Operator || asker.as_deref() == scope.account.as_ref().map(|own| own.as_str())
        }
    }
}

fn status(ledger: &Ledger, about: About) -> Option<&'static str> {
    let file = ledger.file(about.file)?;
    match about.row {
        None => Some(file.status().name()),
        Some(row) => FileView::of(about.file, file)?.status(row, None),
    }
}

fn opens(fact: &Fact) -> bool {
    matches!(fact, Fact::UploadOpened(_) | Fact::ReportOpened { .. })
}

/// Whether a fact is about a record of the upload that it is a fact of.
fn concerns(fact: &Fact, row: u32) -> bool {
    match fact {
        Fact::RecordsMarked { rows, .. } | Fact::ChunkFilled { rows, .. } | Fact::RecordsExempted { rows, .. } => {
            rows.contains(row)
        }
        Fact::RecordsClosed { rows, .. } => rows.each().any(|(closed, _)| closed == row),
        Fact::UploadOpened(_)
        | Fact::ReportOpened { .. }
        | Fact::ReportSealed { .. }
        | Fact::FileRead(_)
        | Fact::FileChecked(_)
        | Fact::FileSubmitted { .. }
        | Fact::RecordsApproved { .. }
        | Fact::RulesApplied { .. }
        | Fact::FileAccepted { .. }
        | Fact::FileRejected { .. }
        | Fact::FileDeleted
        | Fact::FileSuperseded { .. } => true,
        _ => false,
    }
}
