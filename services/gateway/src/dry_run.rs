//! `POST /usage/products/{id}/validate`: what would be wrong with a workbook, told by the rules themselves, and nothing
//! of it recorded. Who knows the rules is given to the gateway, which knows none.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path as PathOf, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures_util::stream;
use ledger::command::CreateFile;
use ledger::fact::{FileColumn, FileCreated, Total, UploadOpened};
use ledger::file::{Reading, ReadingEnd, UsageFile};
use ledger::record::{CheckedRecord, ReadBatch, RecordError};
use ledger::{Code, FileId, Hash, Rejection, Scope};
use serde::Serialize;
use serde_json::{Map, Value, json};
use thiserror::Error;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::catalog;
use crate::error::{Answered, ApiError};
use crate::fault::{Fault, FaultShape};
use crate::files::{UPLOAD_FIELD, aside, creation};
use crate::format::Format;
use crate::json::totals::{self, ControlTotal};
use crate::json::words::{SchemaName, VerdictStatus};
use crate::json::{self, given};
use crate::multipart::{Aside, Form};
use crate::openapi::{Changing, bodies, params, tag};
use crate::payload::Fields;

/// Workbooks that are checked, and sets of usage rules that are tried, at once: one for each of the cores that the smallest machine has.
pub(crate) const DRY_RUNS_AT_ONCE: usize = 2;
/// Faults in an answer of JSON; the other formats have all.
const FAULTS_MAX: usize = 1_000;
/// Text of a stream that is gathered before it goes out.
const PIECE_BYTES: usize = 32 * 1024;
/// Pieces that wait for a slow reader; then the check waits too.
const PIECES_WAITING: usize = 4;
/// The fields of a form that are those of a new file.
const FIELDS: [&str; 10] = [
    "period_from",
    "period_to",
    "start_datetime_utc",
    "end_datetime_utc",
    "time_zone",
    "timezone",
    "currency",
    "predictive",
    "environment",
    "name",
];

/// A workbook could not be checked, for a reason that is not in it.
#[derive(Debug, Error)]
#[error("could not check a workbook")]
pub struct DryRunError(#[source] pub Box<dyn Error + Send + Sync>);

/// What became of a workbook.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Why it can't be read, where it can't.
    pub unreadable: Option<String>,
    /// Records without an error.
    pub valid: u32,
    /// Records with errors.
    pub invalid: u32,
    /// Control totals over the valid records that are billed.
    pub totals: Vec<Total>,
    /// Control totals over the valid records that are not.
    pub exempt_totals: Vec<Total>,
    /// How often each code was raised as an error.
    pub codes: Vec<(Code, u32)>,
    /// How often each code was raised as a warning.
    pub warnings: Vec<(Code, u32)>,
    /// Headers that were left out.
    pub ignored: Vec<String>,
}

/// Records as they are reported to a file.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The file that collects them.
    pub file: FileId,
    /// What it was created as.
    pub created: &'a FileCreated,
    /// The batch's columns.
    pub columns: &'a [FileColumn],
    /// The records.
    pub batch: &'a ReadBatch,
}

/// Checks workbooks and reported records without recording anything.
pub trait DryRun: Send + Sync + fmt::Debug {
    /// What a file would be created as.
    ///
    /// # Errors
    /// Whatever creating it would be refused with.
    fn admit(&self, create: &CreateFile, scope: &Scope) -> Result<FileCreated, Rejection>;

    /// Checks a workbook as if it were uploaded to such a file. `found` is given every fault in the order of rows and
    /// says whether more of them are wanted. May take long.
    ///
    /// # Errors
    /// [`DryRunError`]; a workbook that can't be read is an [`Outcome`].
    fn run(
        &self,
        created: &FileCreated,
        workbook: &Path,
        found: &mut dyn FnMut(Fault) -> bool,
    ) -> Result<Outcome, DryRunError>;

    /// Checks reported records, as far as that needs no other record of their file: one for each, in their order.
    ///
    /// # Errors
    /// [`DryRunError`]; what is wrong with a record is in it.
    fn examine(&self, incoming: Incoming<'_>) -> Result<Vec<CheckedRecord>, DryRunError>;

    /// What is wrong with a record whose id another file has; `column` is that of the ids.
    fn taken(&self, file: FileId, column: Option<u16>) -> RecordError;
}

/// Check a workbook without recording anything
///
/// By the rules themselves, as if it were uploaded to a new file of the product. JSON tells of the first 1,000 faults,
/// NDJSON and CSV of all.
#[utoipa::path(
    post,
    path = "/public/v1/usage/products/{id}/validate",
    operation_id = "validate_workbook",
    tag = tag::PRODUCTS,
    params(params::ProductId, params::Form),
    request_body(content = bodies::ValidationForm, content_type = "multipart/form-data"),
    responses(
        (
            status = 200,
            description = "What would become of it, or all faults as NDJSON or CSV",
            content((Verdict = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"))
        ),
        Changing,
    ),
)]
pub(crate) async fn validate(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    PathOf(product): PathOf<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    form: Form,
) -> Answered {
    let format = Format::of(&headers, query.as_deref())?;
    catalog::known_product(&app, &scope, &product).await?;
    if !scope.plays_vendor() {
        return Err(Rejection::RoleNotAllowed.into());
    }
    let received = form.receive_aside(&[UPLOAD_FIELD], app.uploads.blobs().temp()).await?;
    let create = wanted(&received, &product)?;
    catalog::known_contract(&app, &scope, create.contract.as_str()).await?;
    // What the client was told before counts, whoever told it.
    app.catch_up().await;
    let created = app.dry_run.admit(&create, &scope)?;
    let trial = Trial { app, created, received };
    match format {
        Format::Json => trial.answer().await,
        streamed => Ok(trial.stream(streamed)),
    }
}

/// The file that the form's fields would make.
fn wanted(received: &Aside, product: &str) -> Result<CreateFile, Rejection> {
    let given = FIELDS.iter().filter_map(|&name| Some((name, received.text(name).filter(|text| !text.is_empty())?)));
    let mut fields: Map<String, Value> = given.map(|(name, text)| (name.to_owned(), json!(text))).collect();
    let contract = received.text("contract").or_else(|| received.text("contract.id")).unwrap_or_default();
    if contract.is_empty() {
        return Err(Rejection::field("contract", "This field is required: the id of a contract (CRD-…)."));
    }
    fields.insert("product".to_owned(), json!(product));
    fields.insert("contract".to_owned(), json!(contract));
    creation(Fields::of(&Value::Object(fields)))
}

/// A check that was admitted.
struct Trial {
    app: Arc<App>,
    created: FileCreated,
    received: Aside,
}

impl Trial {
    async fn answer(self) -> Answered {
        let (outcome, faults, trial) = self
            .turn(|trial| {
                let (mut faults, mut count) = (Vec::new(), 0_usize);
                let outcome = trial.run(&mut |fault| {
                    count += 1;
                    if faults.len() < FAULTS_MAX {
                        faults.push(fault);
                    }
                    true
                })?;
                Ok::<_, ApiError>((outcome, (faults, count), trial))
            })
            .await?;
        Ok(json::answer(StatusCode::OK, &verdict(&trial.created, &outcome, &faults.0, faults.1)))
    }

    /// Does something where it holds nobody up, once it is its turn.
    async fn turn<T: Send + 'static>(
        self,
        work: impl FnOnce(Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let app = self.app.clone();
        // The semaphore is never closed; if it were, nobody would have to wait.
        let turn = app.dry_runs.clone().acquire_owned().await.ok();
        aside("a dry run", move || {
            let done = work(self);
            drop(turn);
            done
        })
        .await?
    }

    /// The check; an unreadable workbook is a fault as well.
    fn run(&self, found: &mut dyn FnMut(Fault) -> bool) -> Result<Outcome, ApiError> {
        let outcome = self.app.dry_run.run(&self.created, self.received.file.path(), found)?;
        if let Some(detail) = &outcome.unreadable {
            found(Fault::unreadable(&self.created, detail));
        }
        Ok(outcome)
    }

    /// All faults as they are found.
    fn stream(self, format: Format) -> Response {
        let (out, pieces) = mpsc::channel::<Result<Bytes, ApiError>>(PIECES_WAITING);
        tokio::spawn(async move {
            let end = out.clone();
            let done = self.turn(move |trial| {
                let mut piece = format.head().to_owned();
                let mut is_wanted = true;
                trial.run(&mut |fault| {
                    piece.push_str(&format.line(&fault));
                    if piece.len() >= PIECE_BYTES {
                        is_wanted = out.blocking_send(Ok(Bytes::from(std::mem::take(&mut piece)))).is_ok();
                    }
                    is_wanted
                })?;
                // Who is gone needs no rest.
                drop(out.blocking_send(Ok(Bytes::from(piece))));
                Ok(())
            });
            if let Err(error) = done.await {
                tracing::error!(error = &error as &dyn Error, "a dry run ends early");
                drop(end.send(Err(error)).await);
            }
        });
        let body = stream::unfold(pieces, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
        format.response(Body::from_stream(body))
    }
}

/// The sentence that a file would have as its `error_detail`.
#[must_use]
pub fn unreadable(created: &FileCreated, detail: &str) -> String {
    let mut file = UsageFile::default();
    file.approval.created = Some(Box::new(created.clone()));
    let (filename, blob) = (String::new(), Hash::ZERO);
    file.approval.upload = Some(UploadOpened { upload: 1, blob, bytes: 0, filename, catalog_position: 0 });
    let end = Some(ReadingEnd::Unreadable { detail: detail.to_owned() });
    file.reading = Reading { upload: file.upload(), end, ..Reading::default() };
    file.error_detail().unwrap_or_default()
}

/// What would become of a workbook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verdict {
    /// What the file would be.
    #[schema(value_type = VerdictStatus)]
    status: &'static str,
    /// Why it can't be read.
    #[schema(example = "The workbook has no tab \"records\".")]
    error_detail: Option<String>,
    /// The reporting schema that it was checked by.
    #[schema(value_type = SchemaName)]
    schema: &'static str,
    /// The currency of its amounts.
    #[schema(example = "USD")]
    currency: Option<String>,
    /// Whether it was checked as an estimate.
    #[schema(example = true)]
    predictive: Option<bool>,
    stats: VerdictStats,
    /// Control totals over the valid records that are billed.
    totals: Vec<ControlTotal>,
    /// Control totals over the valid records that are not.
    exempt: Vec<ControlTotal>,
    /// How often each code was raised as an error.
    #[schema(example = json!({ "USG_FILE_101": 1 }))]
    codes: BTreeMap<String, u32>,
    /// How often rules warned.
    #[schema(example = 0)]
    warnings: u32,
    /// Headers that were left out.
    #[schema(example = json!(["comment"]))]
    ignored_columns: Vec<String>,
    /// The first faults, in the order of rows.
    errors: Vec<FaultShape>,
    /// Whether there are more.
    #[schema(example = false)]
    truncated: bool,
}

/// How many rows a workbook has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictStats {
    /// All.
    #[schema(example = 12)]
    uploaded: u32,
    /// Without an error.
    #[schema(example = 11)]
    validated: u32,
    /// With errors.
    #[schema(example = 1)]
    invalid: u32,
}

/// What the API and the command line answer: the counts, the sums and the first of `count` faults.
#[must_use]
pub fn verdict(created: &FileCreated, outcome: &Outcome, faults: &[Fault], count: usize) -> Value {
    let is_ready = outcome.unreadable.is_none() && outcome.invalid == 0;
    let (valid, invalid) = (outcome.valid, outcome.invalid);
    json::value(&Verdict {
        status: if is_ready { "ready" } else { "invalid" },
        error_detail: outcome.unreadable.as_ref().and_then(|detail| given(unreadable(created, detail))),
        schema: created.schema.lower(),
        currency: created.currency.clone().and_then(given),
        predictive: given(created.predictive),
        stats: VerdictStats { uploaded: valid.saturating_add(invalid), validated: valid, invalid },
        // Who reads these by a program finds them always, empty or not.
        totals: totals::list(&outcome.totals),
        exempt: totals::list(&outcome.exempt_totals),
        codes: outcome.codes.iter().map(|(code, count)| (code.to_string(), *count)).collect(),
        warnings: outcome.warnings.iter().fold(0_u32, |sum, (_, count)| sum.saturating_add(*count)),
        ignored_columns: outcome.ignored.clone(),
        errors: faults.iter().map(Fault::shape).collect(),
        truncated: count > faults.len(),
    })
}
