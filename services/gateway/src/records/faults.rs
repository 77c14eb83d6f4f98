//! `/usage/files/{id}/validation-errors`: what is wrong with a file's records, read from where the checked batches
//! rest, a batch at a time. A list is a page; a stream is all of it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use ledger::file::{ReadingEnd, UsageFile};
use ledger::record::{CheckedBatch, ReadBatch};
use ledger::{Hash, Rejection};

use super::FileView;
use crate::app::App;
use crate::auth::Caller;
use crate::error::{Answered, ApiError};
use crate::fault::{Fault, FaultShape, findings};
use crate::files::{aside, file_id};
use crate::format::Format;
use crate::listing::{Found, Wanted};
use crate::openapi::{Reading, params, tag};
use crate::visibility::Kind;
use rql::{self, Page};

/// List what is wrong with a usage file
///
/// Faults of its records in the order of rows, or the one fault of a workbook that can't be read. For its vendor.
#[utoipa::path(
    get,
    path = "/public/v1/usage/files/{id}/validation-errors",
    operation_id = "list_validation_errors",
    tag = tag::FILES,
    params(params::FileId, params::Paging, params::Form),
    responses(
        (
            status = 200,
            description = "A page of faults, or all of them as NDJSON or CSV",
            content((Vec<FaultShape> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"))
        ),
        Reading,
    ),
)]
pub(crate) async fn list(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    let id = file_id(&id)?;
    let format = Format::of(&headers, query.as_deref())?;
    let wanted = Wanted::new(query.as_deref(), rql::VALIDATION_ERRORS, Kind::Record, &scope)?;
    let source = app.find(id, &scope, |_, file| Some(scope.plays_vendor().then(|| Source::of(id, file))));
    // A provider gets valid records only: what was wrong before is the vendor's own business.
    let source = source.await?.ok_or(Rejection::RoleNotAllowed)?;
    let faults = Faults { app, wanted, source };
    match format {
        Format::Json => Ok(aside("a list of errors", move || faults.page()).await??.into_response()),
        streamed => Ok(stream_of(Arc::new(faults), streamed)),
    }
}

/// Where the faults of a file are.
enum Source {
    /// Nowhere yet, or nothing is wrong.
    Nothing,
    /// The workbook can't be read: that is the one fault.
    Whole(Box<Fault>),
    /// In its checked batches.
    Records(Box<FileView>),
}

impl Source {
    fn of(id: ledger::FileId, file: &UsageFile) -> Self {
        let end = file.current_reading().and_then(|reading| reading.end.as_ref());
        if let (Some(ReadingEnd::Unreadable { detail }), Some(created)) = (end, &file.approval.created) {
            return Self::Whole(Box::new(Fault::unreadable(created, detail)));
        }
        FileView::of(id, file).map_or(Self::Nothing, |view| Self::Records(Box::new(view)))
    }

    /// How many pieces it is read in.
    fn parts(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Whole(_) => 1,
            Self::Records(view) => view.checked.len(),
        }
    }
}

struct Faults {
    app: Arc<App>,
    wanted: Wanted,
    source: Source,
}

impl Faults {
    fn page(&self) -> Result<Found, ApiError> {
        let Page { offset, limit } = self.wanted.page;
        let end = offset.saturating_add(limit);
        let key = self.key();
        let known = key.and_then(|key| self.app.counts.get(&key));
        let mut counts = Vec::with_capacity(self.source.parts());
        let (mut objects, mut total) = (Vec::new(), 0_u64);
        for part in 0..self.source.parts() {
            let count = known.as_ref().and_then(|known| known.get(part)).copied();
            let outside = |count: u32| total.saturating_add(u64::from(count)) <= offset || total >= end;
            if let Some(count) = count.filter(|&count| outside(count)) {
                counts.push(count);
                total += u64::from(count);
                continue;
            }
            let found = self.found(part)?;
            let here = total..total.saturating_add(found.len() as u64);
            counts.push(u32::try_from(found.len()).unwrap_or(u32::MAX));
            let shown = here.clone().zip(&found.picks).filter(|(at, _)| (offset..end).contains(at));
            let places: Vec<Pick> = shown.map(|(_, pick)| *pick).collect();
            objects.extend(self.shown(part, found, &places)?.iter().map(Fault::json));
            total = here.end;
        }
        if let Some(key) = key.filter(|_| known.is_none_or(|known| known.len() < counts.len())) {
            self.app.counts.put(key, counts);
        }
        objects.iter_mut().for_each(|object| self.wanted.query.select(object));
        Ok(Found { offset, objects, total })
    }

    /// What the counts of this query's batches are remembered under.
    fn key(&self) -> Option<Hash> {
        let Source::Records(view) = &self.source else { return None };
        let what = format!("errors {:?} {:?} {:?}", self.wanted.query, view.id, view.mark);
        Some(Hash::of(what.as_bytes()))
    }

    /// The faults of a piece that fulfil the condition, by their places.
    fn found(&self, part: usize) -> Result<Batch, ApiError> {
        let view = match &self.source {
            Source::Nothing => return Ok(Batch::default()),
            Source::Whole(fault) => {
                let pick = self.wanted.query.matches(&fault.json()).then(Pick::default);
                return Ok(Batch { picks: pick.into_iter().collect(), ..Batch::default() });
            }
            Source::Records(view) => view,
        };
        let checked = super::scan::checked(&self.app, view, part)?.unwrap_or_default();
        let mut batch = Batch { checked, ..Batch::default() };
        let mut picks = Vec::new();
        for (record, known) in batch.checked.records.iter().enumerate() {
            for (at, finding) in findings(known).iter().enumerate() {
                let outline = || finding.outline(&view.columns);
                let all = self.wanted.query.matches_all();
                let decided = if all {
                    Some(true)
                } else {
                    self.wanted.query.decided(&outline(), |path| OUTLINED.contains(&path))
                };
                let fits = match decided {
                    Some(fits) => fits,
                    None => {
                        let read = read_once(&mut batch.read, || self.read(part))?;
                        self.wanted.query.matches(&finding.fault(&view.columns, read, record).json())
                    }
                };
                if fits {
                    picks.push(Pick { record, at });
                }
            }
        }
        batch.picks = picks;
        Ok(batch)
    }

    /// Some faults of a piece, whole.
    fn shown(&self, part: usize, mut batch: Batch, picks: &[Pick]) -> Result<Vec<Fault>, ApiError> {
        let view = match &self.source {
            Source::Nothing => return Ok(Vec::new()),
            Source::Whole(fault) => return Ok(picks.iter().map(|_| (**fault).clone()).collect()),
            Source::Records(view) => view,
        };
        if picks.is_empty() {
            return Ok(Vec::new());
        }
        let read = read_once(&mut batch.read, || self.read(part))?;
        let shown = picks.iter().filter_map(|pick| {
            let record = batch.checked.records.get(pick.record)?;
            Some(findings(record).get(pick.at)?.fault(&view.columns, read, pick.record))
        });
        Ok(shown.collect())
    }

    fn read(&self, part: usize) -> Result<ReadBatch, ApiError> {
        match &self.source {
            Source::Records(view) => Ok(super::read(&self.app, view, part)?.0),
            Source::Nothing | Source::Whole(_) => Ok(ReadBatch::default()),
        }
    }

    /// A piece of a stream.
    fn text(&self, part: usize, format: Format) -> Result<String, ApiError> {
        let found = self.found(part)?;
        let picks = found.picks.clone();
        Ok(self.shown(part, found, &picks)?.iter().map(|fault| format.line(fault)).collect())
    }
}

/// The members that are known of a fault without reading its record.
const OUTLINED: [&str; 4] = ["row", "column", "code", "severity"];

/// A checked batch and which of its faults are wanted; the batch as read only once somebody needs it.
#[derive(Default)]
struct Batch {
    checked: CheckedBatch,
    read: Option<ReadBatch>,
    picks: Vec<Pick>,
}

impl Batch {
    fn len(&self) -> usize {
        self.picks.len()
    }
}

/// A fault by its record in the batch and its place in it.
#[derive(Clone, Copy, Debug, Default)]
struct Pick {
    record: usize,
    at: usize,
}

fn read_once(
    held: &mut Option<ReadBatch>,
    read: impl FnOnce() -> Result<ReadBatch, ApiError>,
) -> Result<&ReadBatch, ApiError> {
    match held {
        Some(held) => Ok(held),
        None => Ok(held.insert(read()?)),
    }
}

/// All faults, a batch at a time: the file is never held, and a reader that is slow makes us wait.
fn stream_of(faults: Arc<Faults>, format: Format) -> Response {
    let head = (!format.head().is_empty()).then(|| Bytes::from_static(format.head().as_bytes()));
    let body = stream::unfold((faults, 0, head), move |(faults, mut part, head)| async move {
        if let Some(head) = head {
            return Some((Ok(head), (faults, part, None)));
        }
        while part < faults.source.parts() {
            let reader = faults.clone();
            let text = aside("a list of errors", move || reader.text(part, format)).await;
            part += 1;
            match text.and_then(|text| text) {
                Ok(text) if text.is_empty() => {}
                Ok(text) => return Some((Ok(Bytes::from(text)), (faults, part, None))),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a list of errors ends early");
                    return Some((Err(error), (faults, usize::MAX, None)));
                }
            }
        }
        None
    });
    format.response(Body::from_stream(body))
}
