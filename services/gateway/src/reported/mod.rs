//! Usage reported record by record, each told at once what became of it: over HTTP (`POST /ledger/v1/records`), and what
//! is the same for producers over NATS.

mod body;
mod month;
mod receipt;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ledger::command::OpenReport;
use ledger::fact::{FileColumn, FileCreated};
use ledger::record::CheckedRecord;
use ledger::report::{Receipt, ReportedRecords};
use ledger::{Command, FileId, Ledger, Rejection, Scope, UsageFile};
use runtime::meters::{REPORTS, outcome_of};

use crate::app::App;
use crate::auth::Caller;
use crate::commands::Settled;
use crate::dry_run::Incoming;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json::{self, FileReference};
use crate::once::{Once, RequestKey};
use crate::openapi::{Changing, bodies, params, tag};

pub(crate) use body::{About, Call, Form, Report};
use receipt::RecordReceipt;
pub(crate) use receipt::Reported;
pub(crate) use wire::receipt as wired;

/// Open files that are remembered by what they are about; with more, all are looked up anew.
const OPEN_MAX: usize = 4_096;
/// A file that was sealed between two steps of a call is followed by another one; twice in one call it is not.
const FILES_OF_A_CALL_MAX: usize = 2;

/// Which file collects what: a hint, which the fold confirms.
#[derive(Debug, Default)]
pub(crate) struct OpenFiles(Mutex<HashMap<OpenReport, FileId>>);

impl OpenFiles {
    fn get(&self, report: &OpenReport) -> Option<FileId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(report).copied()
    }

    fn put(&self, report: &OpenReport, file: FileId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= OPEN_MAX {
            known.clear();
        }
        known.insert(report.clone(), file);
    }
}

/// Report records
///
/// Usage record by record, without a workbook: into the open file of contract, product and period, which is made on
/// demand. Each record is told at once what became of it, and what was added is durable before the answer. Lines of
/// JSON have a record each, and what they are about in the query.
#[utoipa::path(
    post,
    path = "/ledger/v1/records",
    operation_id = "report_records",
    tag = tag::RECORDS,
    params(params::Report, params::Once),
    request_body(content((bodies::Report = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "What became of each record", body = Reported), Changing),
)]
pub(crate) async fn report(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    key: RequestKey,
    report: Report,
) -> Answered {
    let answered = answer(&app, &scope, &key, report).await;
    let status = answered.as_ref().map_or_else(ApiError::status, Response::status);
    app.probes.watched.meters.add(&REPORTS, &["http", outcome_of(status.as_u16())], 1);
    answered
}

async fn answer(app: &Arc<App>, scope: &Scope, key: &RequestKey, report: Report) -> Answered {
    if !scope.plays_vendor() {
        return Err(Rejection::RoleNotAllowed.into());
    }
    let call = Arc::new(aside("a report", move || report.parse()).await??);
    let once = key.about(scope, &(&call.report, call.content));
    let told = async { Ok(json::answer(StatusCode::OK, &json::value(&app.reported(scope, &call, &once).await?))) };
    app.once(&once, told).await
}

impl App {
    /// Takes the records of a call; when this says what became of them it is durable.
    pub(crate) async fn reported(
        self: &Arc<Self>,
        scope: &Scope,
        call: &Arc<Call>,
        once: &Once,
    ) -> Result<Reported, ApiError> {
        let mut sealed = Rejection::Unavailable;
        for _ in 0..FILES_OF_A_CALL_MAX {
            let (file, created) = self.collecting(scope, &call.report).await?;
            let judged = self.judged(file, created, call.clone()).await?;
            let command = Command::ReportRecords(judged.command.clone());
            match self.command(command, scope, once).await {
                Ok(settled) => return self.told(settled, judged).await,
                Err(rejection @ Rejection::ReportSealed { .. }) => sealed = rejection,
                Err(rejection) => return Err(rejection.into()),
            }
        }
        Err(sealed.into())
    }

    /// The file that collects what a call is about; it is made if there is none.
    async fn collecting(
        self: &Arc<Self>,
        scope: &Scope,
        report: &OpenReport,
    ) -> Result<(FileId, FileCreated), ApiError> {
        let known = |id: FileId| {
            let ledger = self.projection.read();
            let file = ledger.file(id).filter(|file| scope.sees(file) && is_for(&ledger, file, report))?;
            Some((id, (**file.approval.created.as_ref()?).clone()))
        };
        if let Some(found) = self.open_files.get(report).and_then(known) {
            return Ok(found);
        }
        let command = Command::OpenReport(Box::new(report.clone()));
        let settled = self.command(command, scope, &Once::default()).await?;
        let id = settled.created().or_else(|| {
            let ledger = self.projection.read();
            let mut files = ledger.files.iter().filter(|(_, file)| scope.sees(file) && is_for(&ledger, file, report));
            files.next().map(|(id, _)| *id)
        });
        let found = id.and_then(known).ok_or(Rejection::Unavailable)?;
        self.open_files.put(report, found.0);
        Ok(found)
    }

    /// What the rules say of each record, as far as it can be said now.
    async fn judged(self: &Arc<Self>, file: FileId, created: FileCreated, call: Arc<Call>) -> Result<Judged, ApiError> {
        // What the client was told before counts, whoever told it.
        self.catch_up().await;
        let app = self.clone();
        let judged = aside("a report", move || {
            let columns = (0..).zip(&call.columns).map(|(sheet_column, name)| FileColumn {
                name: name.clone(),
                header: name.clone(),
                sheet_column,
            });
            let columns: Vec<FileColumn> = columns.collect();
            let incoming = Incoming { file, created: &created, columns: &columns, batch: &call.batch };
            let checked = app.dry_run.examine(incoming)?;
            let command = ReportedRecords {
                file,
                columns: call.columns.clone(),
                batch: call.batch.clone(),
                prints: call.prints.clone(),
                admitted: checked.iter().map(CheckedRecord::is_valid).collect(),
                content: call.content,
            };
            Ok(Judged { created, command: Arc::new(command), checked })
        });
        judged.await?
    }

    async fn told(self: &Arc<Self>, settled: Settled, judged: Judged) -> Result<Reported, ApiError> {
        let app = self.clone();
        aside("a report", move || app.receipts(&settled, &judged)).await?
    }

    fn receipts(&self, settled: &Settled, judged: &Judged) -> Result<Reported, ApiError> {
        let call = &judged.command;
        // A repeated call is told of the file that it was about the first time.
        let file = settled.file().unwrap_or(call.file);
        let record_id = call.columns.iter().position(|name| name == "record_id").unwrap_or(usize::MAX);
        let place = u16::try_from(record_id).ok();
        let mut records: Vec<RecordReceipt> = Vec::with_capacity(call.prints.len());
        let mut conflicts: Vec<(usize, u32)> = Vec::new();
        for (index, &one) in settled.receipts().iter().enumerate() {
            if let Receipt::Conflicting { row } = one {
                conflicts.push((index, row));
            }
            let told = (call.batch.cell(index, record_id).text, one);
            let found = (judged.checked.get(index), call.columns.as_slice());
            records.push(receipt::receipt(file, told, found, |file| self.dry_run.taken(file, place)));
        }
        if !conflicts.is_empty() {
            let rows: Vec<u32> = conflicts.iter().map(|(_, row)| *row).collect();
            let mut known = receipt::known(self, file, &rows)?;
            for (index, row) in conflicts {
                if let Some(record) = records.get_mut(index) {
                    record.known = known.get_mut(&row).cloned();
                }
            }
        }
        Ok(Reported::new(FileReference::new(file, &judged.created), records))
    }
}

/// A call with what the rules say of its records.
struct Judged {
    created: FileCreated,
    command: Arc<ReportedRecords>,
    checked: Vec<CheckedRecord>,
}

/// Whether a file collects what a call is about. Its currency was compared when it was opened for such calls.
fn is_for(ledger: &Ledger, file: &UsageFile, report: &OpenReport) -> bool {
    let Some(created) = file.approval.created.as_ref().filter(|_| file.collects()) else { return false };
    let contract = ledger.catalog.contracts.get(&report.contract);
    let environment = report.environment.or(contract.map(|contract| contract.environment));
    (&created.product.id, &created.contract.id, created.period, Some(created.environment))
        == (&report.product, &report.contract, Some(report.period), environment)
}
