//! The proof of one record: from its cells to a signed checkpoint, past its neighbours' hashes and nothing else of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ledger::fact::RecordsRooted;
use ledger::merkle::{inclusion, leaf, root};
use ledger::record::ReadBatch;
use ledger::{Fact, FileId, Hash, HostId, RecordId, ServiceName};
use runtime::source::Published;

use super::tree::{path_of_event, read_own};
use super::{covering, hexes};
use crate::app::App;
use crate::auth::Caller;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json::proof::{Place, ProvenCell, ProvenEvent, ProvenRecord, RecordProof};
use crate::json::{answer, value};
use crate::openapi::{Reading, params, tag};
use crate::records::{FileView, record_id};

/// What readers of the proof go by: a proof of another form has another name.
const FORMAT: &str = "usage-ledger/record/1";
/// Files whose batches' roots are kept: at most 80 KiB each.
const FILES_KEPT: usize = 32;

/// The roots of the batches of files that were asked about lately.
#[derive(Debug, Default)]
pub(crate) struct BatchRoots(Mutex<VecDeque<Kept>>);

/// Those of one file.
#[derive(Debug)]
struct Kept {
    file: FileId,
    /// Where the root over them stands.
    sequence: u64,
    roots: Arc<Vec<Hash>>,
}

impl BatchRoots {
    fn get(&self, file: FileId, sequence: u64) -> Option<Arc<Vec<Hash>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|kept| (kept.file, kept.sequence) == (file, sequence));
        found.map(|kept| kept.roots.clone())
    }

    fn keep(&self, file: FileId, sequence: u64, roots: &Arc<Vec<Hash>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Kept { file, sequence, roots: roots.clone() });
        if kept.len() > FILES_KEPT {
            kept.pop_front();
        }
    }
}

/// Prove a record
///
/// That it is in the file as it was read, without its neighbours: docs/audit.md says how it is checked, offline, with
/// the log's key. Both sides of a file get the same proof, of what the sheet says and no more.
#[utoipa::path(
    get,
    path = "/ledger/v1/proof/records/{id}",
    operation_id = "prove_record",
    tag = tag::PROOFS,
    params(params::RecordId),
    responses((status = 200, description = "The proof", body = RecordProof), Reading),
)]
pub(crate) async fn prove(Caller(scope): Caller, State(app): State<Arc<App>>, Path(id): Path<String>) -> Answered {
    let id = record_id(&id)?;
    let (view, upload) =
        app.find(id.file, &scope, |_, file| Some((FileView::of(id.file, file)?, file.upload()))).await?;
    let proof = aside("a proof", move || proof(&app, &view, upload, id)).await??;
    Ok(answer(StatusCode::OK, &value(&proof)))
}

fn proof(app: &App, view: &FileView, upload: u32, id: RecordId) -> Result<RecordProof, ApiError> {
    let host = HostId { service: ServiceName::Ingestion, partition: id.file.partition() };
    let part = view.read.iter().position(|part| (part.first_row..=part.last_row).contains(&id.row));
    let part = part.ok_or(ApiError::NOT_FOUND)?;
    let (batch, _) = app.records.read(id.file, view.read.get(part).ok_or(ApiError::NOT_FOUND)?.sequence)?;
    let index = batch.rows.binary_search(&id.row).map_err(|_| ApiError::NOT_FOUND)?;
    let found = app.projection.evidence().get(&host).and_then(|log| log.rooted.get(&id.file).copied());
    let (_, sequence) = found.filter(|(of, _)| *of == upload).ok_or_else(unrooted)?;
    let event = read_own(app, host, sequence)?;
    let Fact::RecordsRooted(rooted) = event.event().map_err(|error| wire(host, error))?.fact else {
        return Err(unrooted());
    };
    let roots = roots(app, view, sequence)?;
    let leaves = roots.iter().map(|root| leaf(&root.0)).collect::<Vec<_>>();
    // Records that an older version has read are under roots that it made otherwise.
    if roots.get(part) != Some(&batch.root()) || root(leaves.clone()) != rooted.root {
        return Err(unrooted());
    }
    let signed = covering(app, host, sequence)?;
    let records = (0..batch.rows.len()).map(|index| batch.leaf(index)).collect::<Vec<_>>();
    Ok(RecordProof {
        format: FORMAT,
        record: shown(id, &batch, index, &rooted),
        batch: place(index, &records),
        file: place(part, &leaves),
        event: proven(host, &event),
        log: Place { index: sequence - 1, size: signed.size, path: path_of_event(app, host, sequence, signed.size)? },
        checkpoint: signed.note,
    })
}

fn unrooted() -> ApiError {
    let message = "This record was read by a version that proved none. Upload the workbook again to have it proven.";
    ApiError::field("id", message)
}

fn wire(host: HostId, error: runtime::source::SourceError) -> ApiError {
    runtime::bus::FollowError { emitter: host, error }.into()
}

/// The roots of the batches of a file, in their order.
fn roots(app: &App, view: &FileView, sequence: u64) -> Result<Arc<Vec<Hash>>, ApiError> {
    if let Some(roots) = app.batch_roots.get(view.id, sequence) {
        return Ok(roots);
    }
    let mut roots = Vec::with_capacity(view.read.len());
    for part in &view.read {
        let (event, _) = app.records.event(ServiceName::Ingestion, view.id.partition(), part.sequence)?;
        let Fact::RecordsRead(read) = event.fact else { return Err(unrooted()) };
        roots.push(read.root);
    }
    let roots = Arc::new(roots);
    app.batch_roots.keep(view.id, sequence, &roots);
    Ok(roots)
}

/// Where a leaf stands among others, and the way to their root.
fn place(index: usize, leaves: &[Hash]) -> Place {
    let within = |first: u64, count: u64| {
        let range = usize::try_from(first).ok().zip(usize::try_from(count).ok());
        let some = range.and_then(|(first, count)| leaves.get(first..first + count));
        some.map(|leaves| root(leaves.to_vec())).ok_or(())
    };
    let (index, size) = (index as u64, leaves.len() as u64);
    let path = inclusion(index, size, within).unwrap_or_default();
    Place { index, size, path: hexes(&path) }
}

fn shown(id: RecordId, batch: &ReadBatch, index: usize, rooted: &RecordsRooted) -> ProvenRecord {
    let cells = (0..batch.columns.len()).map(|column| (column, batch.cell(index, column)));
    let cells = cells.filter(|(_, cell)| !cell.is_blank()).map(|(column, cell)| ProvenCell {
        column,
        name: rooted.columns.get(column).cloned().unwrap_or_default(),
        kind: cell.kind as u8,
        text: cell.text.to_owned(),
    });
    ProvenRecord { id: id.to_string(), row: id.row, salt: batch.salt(index).to_string(), cells: cells.collect() }
}

fn proven(host: HostId, event: &Published) -> ProvenEvent {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    ProvenEvent { host: host.to_string(), header: hex(&event.header.encode()), payload: hex(&event.payload) }
}
