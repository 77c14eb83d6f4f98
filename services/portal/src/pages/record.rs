//! One usage record: what it says, what is wrong with it, where it came from, where it went, and all that was done.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;

use super::file::{clean, plays_vendor};
use crate::chrome::{Chrome, page};
use crate::fault::Fault;
use crate::record::Record;
use crate::shape::{File, Position, Step, Wrong};
use crate::signed::Signed;

/// Steps of the timeline that are shown.
const STEPS_SHOWN: u64 = 100;

/// Where a record came from and where it went.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Provenance {
    workbook: Option<Workbook>,
    row: u64,
    cells: Vec<SourceCell>,
    read: Position,
    checked: Option<Position>,
    processed_row: u64,
    chunk: Option<ChunkLine>,
    closed: Option<ClosedLine>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Workbook {
    sha256: String,
    filename: String,
    upload: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct SourceCell {
    header: String,
    cell: String,
    raw: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ChunkLine {
    id: String,
    row: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ClosedLine {
    position: Position,
    reconciliation: String,
}

#[derive(Template)]
#[template(path = "record.html")]
struct Details {
    chrome: Chrome,
    record: Record,
    file: File,
    row: String,
    wrong: Vec<Wrong>,
    source: Option<Provenance>,
    steps: Vec<Step>,
}

impl Details {
    /// What is wrong in a cell of the workbook.
    fn faults(&self, cell: &str) -> Vec<&Wrong> {
        self.wrong.iter().filter(|one| !cell.is_empty() && one.cell == cell).collect()
    }
}

/// The page.
pub(crate) async fn show(signed: Signed, Path(id): Path<String>) -> Result<Response, Fault> {
    let api = &signed.api;
    let record: Record = api.get(&format!("/public/v1/usage/records/{}", clean(&id)?)).await?;
    let id = record.id.clone();
    let file: File = api.get(&format!("/public/v1/usage/files/{}", record.usagefile.id)).await?;
    let row = record.row();
    let mut wrong = Vec::new();
    if plays_vendor(signed.who.role) && record.is_faulty() {
        let path = format!("/public/v1/usage/files/{}/validation-errors?row={row}&limit=100", file.id);
        wrong = api.list::<Wrong>(&path).await?.items;
    }
    let found: Vec<Provenance> = api.get(&format!("/ledger/v1/usage/provenance/{id}")).await?;
    let steps = api.list(&format!("/ledger/v1/usage/records/{id}/history?limit={STEPS_SHOWN}")).await?.items;
    let (chrome, source) = (signed.chrome("files"), found.into_iter().next());
    Ok(page(&Details { chrome, record, file, row, wrong, source, steps }))
}
