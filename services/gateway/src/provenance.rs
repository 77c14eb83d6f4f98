//! Down from the line of a chunk to the cell that it was read from, and up again.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ledger::fact::{ClosedBy, FileCreated};
use ledger::file::UsageFile;
use ledger::{ChunkId, FileId, Hash, HostId, ObjectId, RecordId, Scope, ServiceName};
use serde_json::Value;

use crate::app::App;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json::history::LogPosition;
use crate::json::provenance::{ChunkLine, ClosedLine, Provenance, SourceCell, SourceWorkbook};
use crate::json::{self, given};
use crate::openapi::{Reading, params, tag};
use crate::past::{Known, Reader};
use crate::records::FileView;

/// The row of a workbook of ours that has its first record: above it is the header.
const FIRST_ROW: u32 = 2;
/// Records that one answer is about: an id of the vendor's own is accepted once, but may be in files that were rejected,
/// deleted or faulty, and in one of these in each row.
const RECORDS_MAX: usize = 100;
/// The parameter with the vendor's own id of a record.
const RECORD_ID: &str = "record_id";
/// The parameter with the product that the id is one of.
const PRODUCT: &str = "product";

/// Show where a record came from and where it went
///
/// Of a record (`UR-…`), of a row of a chunk's workbook (`UFC-…:ROW`), or of a row of a workbook that was uploaded, by the
/// SHA-256 of its bytes (`SHA256:ROW`). A workbook that several files were made of has as many answers. With `record_id` it
/// is of the records that the vendor gave this id, in a usage file (`UF-…`) or in all files of a contract.
#[utoipa::path(
    get,
    path = "/ledger/v1/usage/provenance/{of}",
    operation_id = "show_provenance",
    tag = tag::RECORDS,
    params(params::ProvenanceOf, params::ProvenanceFor, params::AsOf),
    responses((status = 200, description = "From cell to line, of each record", body = Vec<Provenance>), Reading),
)]
pub(crate) async fn show(reader: Reader, State(app): State<Arc<App>>, Path(of): Path<String>) -> Answered {
    let line = Line::parse(&of, reader.query.as_deref())?;
    if let Some(file) = line.file() {
        // Whoever would be told that it isn't there is told so once that is known.
        reader.find(file, |_, _, _| Some(())).await?;
    }
    let known = reader.known(line.file().map(|file| vec![file])).await?;
    let scope = reader.scope.clone();
    let found = aside("a provenance", move || {
        let records = line.records(&known, &scope)?;
        records.into_iter().map(|id| provenance(&app, &known, &scope, id)).collect::<Result<Vec<_>, _>>()
    });
    let found: Vec<Value> = found.await??.into_iter().flatten().collect();
    if found.is_empty() {
        return Err(ApiError::NOT_FOUND);
    }
    Ok(reader.answer(json::answer(StatusCode::OK, &Value::Array(found))))
}

/// What is asked about.
#[derive(Clone, Debug)]
enum Line {
    Record(RecordId),
    OfChunk(ChunkId, u32),
    OfWorkbook(Hash, u32),
    Named(Named),
}

/// Records by the id that their vendor gave them.
#[derive(Clone, Debug)]
struct Named {
    record_id: String,
    within: Within,
    /// Of which product; of any where it isn't said.
    product: Option<String>,
}

/// Where a vendor's own id is looked for.
#[derive(Clone, Debug)]
enum Within {
    File(FileId),
    Contract(ObjectId),
}

impl Line {
    fn parse(of: &str, query: Option<&str>) -> Result<Self, ApiError> {
        let taken = |query: &str, name| {
            rql::take_parameter(query, name).map_err(|rql::Twice| ApiError::field(name, "Give it once."))
        };
        let (record_id, rest) = taken(query.unwrap_or_default(), RECORD_ID)?;
        let (product, _) = taken(&rest, PRODUCT)?;
        let Some(record_id) = record_id else {
            if FileId::parse(of).is_some() {
                let message = "A file has many records: say which one, by the id that its vendor gave it.";
                return Err(ApiError::field(RECORD_ID, message));
            }
            return Self::of_row(of).ok_or(ApiError::NOT_FOUND);
        };
        let within = match FileId::parse(of) {
            Some(file) => Within::File(file),
            None if Self::of_row(of).is_some() => {
                let message = "Give it with a usage file (UF-…) or a contract, not with a record or a row.";
                return Err(ApiError::field(RECORD_ID, message));
            }
            None => Within::Contract(ObjectId::new(of).ok_or(ApiError::NOT_FOUND)?),
        };
        Ok(Self::Named(Named { record_id, within, product }))
    }

    fn of_row(text: &str) -> Option<Self> {
        let Some((of, row)) = text.split_once(':') else { return RecordId::parse(text).map(Self::Record) };
        let row = row.parse().ok()?;
        let chunk = ChunkId::parse(of).map(|chunk| Self::OfChunk(chunk, row));
        chunk.or_else(|| Hash::from_hex(of).map(|hash| Self::OfWorkbook(hash, row)))
    }

    fn file(&self) -> Option<FileId> {
        match self {
            Self::Record(id) => Some(id.file),
            Self::OfChunk(chunk, _) => Some(chunk.file),
            Self::Named(Named { within: Within::File(file), .. }) => Some(*file),
            Self::Named(_) | Self::OfWorkbook(..) => None,
        }
    }

    /// The records that the line is of, among the files that a caller sees.
    fn records(&self, known: &Known, scope: &Scope) -> Result<Vec<RecordId>, ApiError> {
        if let Self::Named(named) = self {
            return named.records(known, scope);
        }
        Ok(self.rows(known, scope))
    }

    fn rows(&self, known: &Known, scope: &Scope) -> Vec<RecordId> {
        let ledger = known.ledger();
        let seen = |id: FileId| ledger.file(id).filter(|file| known.sees(scope, id, file));
        match *self {
            Self::Named(_) => Vec::new(),
            Self::Record(id) => vec![id],
            Self::OfChunk(chunk, row) => {
                let file = seen(chunk.file).filter(|file| scope.plays_provider(file));
                let rows = file.and_then(|file| Some(&file.current_extraction()?.chunks.get(&chunk.index)?.rows));
                let place = row.checked_sub(FIRST_ROW).and_then(|place| usize::try_from(place).ok());
                let row = rows.zip(place).and_then(|(rows, place)| rows.iter().nth(place));
                row.map(|row| RecordId { file: chunk.file, row }).into_iter().collect()
            }
            Self::OfWorkbook(blob, row) => {
                let is_of = |file: &UsageFile| file.approval.upload.as_ref().is_some_and(|upload| upload.blob == blob);
                let files = ledger.files.keys().filter(|id| seen(**id).is_some_and(is_of));
                files.map(|&file| RecordId { file, row }).collect()
            }
        }
    }
}

impl Named {
    /// Every record of that id, in the order of the files. All records of the files are read: nothing that a gateway keeps
    /// has the ids.
    fn records(&self, known: &Known, scope: &Scope) -> Result<Vec<RecordId>, ApiError> {
        let mut views = self.views(known, scope);
        views.sort_by_key(|view| view.id);
        let mut found = Vec::new();
        for view in &views {
            let Some(&place) = view.places.get(RECORD_ID) else { continue };
            for part in &view.read {
                let (batch, _) = known.app().records.read(view.id, part.sequence)?;
                let rows = batch.rows.iter().enumerate();
                let rows = rows.filter(|(index, _)| batch.cell(*index, place).text == self.record_id);
                found.extend(rows.map(|(_, &row)| RecordId { file: view.id, row }));
                if found.len() >= RECORDS_MAX {
                    found.truncate(RECORDS_MAX);
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// The files that the caller sees and that are looked into, taken out of the fold so that it isn't held meanwhile.
    fn views(&self, known: &Known, scope: &Scope) -> Vec<FileView> {
        let ledger = known.ledger();
        let files = ledger.files.iter().filter(|(id, file)| {
            let created = file.approval.created.as_deref();
            created.is_some_and(|created| self.is_within(**id, created)) && known.sees(scope, **id, file)
        });
        files.filter_map(|(id, file)| FileView::of(*id, file)).collect()
    }

    fn is_within(&self, id: FileId, created: &FileCreated) -> bool {
        let within = match &self.within {
            Within::File(file) => *file == id,
            Within::Contract(contract) => created.contract.id == *contract,
        };
        within && self.product.as_ref().is_none_or(|product| created.product.id.as_str() == product)
    }
}

fn provenance(app: &App, known: &Known, scope: &Scope, id: RecordId) -> Result<Option<Value>, ApiError> {
    let ledger = known.ledger();
    let Some(file) = ledger.file(id.file).filter(|file| known.sees(scope, id.file, file)) else { return Ok(None) };
    let Some(view) = FileView::of(id.file, file) else { return Ok(None) };
    let Some(part) = view.read.iter().position(|part| (part.first_row..=part.last_row).contains(&id.row)) else {
        return Ok(None);
    };
    let before: u32 = view.read.iter().take(part).map(|part| part.records).sum();
    let facts = (view.read.get(part).copied(), view.checked.get(part).copied());
    let (upload, reported) = (file.approval.upload.clone(), file.approval.reported);
    let (chunk, plays_provider) = (chunk_line(file, id), scope.plays_provider(file));
    // Whoever keeps the fold fresh doesn't wait while records are read.
    drop(ledger);
    let (Some(at), checked) = facts else { return Ok(None) };
    let (batch, read_hash) = app.records.read(id.file, at.sequence)?;
    let Ok(index) = batch.rows.binary_search(&id.row) else { return Ok(None) };
    let checked = checked.map(|part| position(app, ServiceName::Validation, id.file, part.sequence)).transpose()?;
    let cells = view.columns.iter().enumerate().map(|(place, column)| SourceCell {
        column: column.name.clone(),
        header: column.header.clone(),
        cell: (!reported).then(|| workbook::read::address(column.sheet_column, id.row)),
        raw: batch.cell(index, place).text.to_owned(),
    });
    let workbook = upload.filter(|_| !reported).map(|upload| SourceWorkbook {
        sha256: upload.blob.to_string(),
        filename: given(upload.filename).filter(|_| scope.plays_vendor()),
        upload: upload.upload,
    });
    let read = HostId { service: ServiceName::Ingestion, partition: id.file.partition() };
    Ok(Some(json::value(&Provenance {
        record: id.to_string(),
        usagefile: id.file.to_string(),
        status: view.status(id.row, None),
        workbook,
        row: id.row,
        cells: cells.filter(|cell| !cell.raw.is_empty()).collect(),
        read: LogPosition { host: read.to_string(), sequence: at.sequence, hash: read_hash.to_string() },
        checked,
        processed_row: before + u32::try_from(index).unwrap_or(u32::MAX) + FIRST_ROW,
        chunk: chunk.filter(|_| plays_provider),
        closed: closed_line(app, &view, id, plays_provider)?,
    })))
}

fn chunk_line(file: &UsageFile, id: RecordId) -> Option<ChunkLine> {
    let chunks = &file.current_extraction()?.chunks;
    let (index, chunk) = chunks.iter().find(|(_, chunk)| chunk.rows.contains(id.row))?;
    let before = chunk.rows.iter().take_while(|row| *row < id.row).count();
    Some(ChunkLine { id: id.file.chunk(*index).to_string(), row: u32::try_from(before).ok()? + FIRST_ROW })
}

fn closed_line(app: &App, view: &FileView, id: RecordId, plays_provider: bool) -> Result<Option<ClosedLine>, ApiError> {
    let billed = app.records.billings(id.file, &view.closings, [id.row])?.remove(&id.row);
    let Some((billing, closing)) = billed else { return Ok(None) };
    let reconciliation = match closing.by {
        ClosedBy::Reconciliation(number) if plays_provider => Some(id.file.reconciliation(number).to_string()),
        _ => None,
    };
    Ok(Some(ClosedLine {
        position: position(app, ServiceName::Extraction, id.file, closing.sequence)?,
        reconciliation,
        external_billing_id: given(billing.id),
        external_billing_note: given(billing.note),
    }))
}

/// Where a fact of a service about a file stands.
fn position(app: &App, service: ServiceName, file: FileId, sequence: u64) -> Result<LogPosition, ApiError> {
    let host = HostId { service, partition: file.partition() };
    let (_, hash) = app.records.event(service, file.partition(), sequence)?;
    Ok(LogPosition { host: host.to_string(), sequence, hash: hash.to_string() })
}
