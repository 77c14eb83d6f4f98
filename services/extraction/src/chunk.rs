//! Writing a chunk's workbook.

use ledger::file::Closing;
use ledger::record::CheckedRecord;
use ledger::rows::RowSet;
use ledger::{ChunkId, FileId, Ledger, UsageFile};
use runtime::blobs::BlobError;
use runtime::decider::Tools;
use runtime::records::RecordsError;
use thiserror::Error;
use workbook::usage::UsageSheet;
use workbook::write::{Kind, WriteError};

use crate::Own;

/// What the job needs to know.
#[derive(Clone, Debug)]
pub struct WriteChunk {
    id: ChunkId,
    sheet: UsageSheet,
    rows: RowSet,
    /// Sequences of each batch as read and as checked, of those that hold rows of the chunk.
    parts: Vec<(u64, u64)>,
    /// What closed rows of it so far.
    closings: Vec<Closing>,
    closed: RowSet,
}

#[derive(Debug, Error)]
enum ChunkError {
    #[error("could not read the records")]
    Records(#[from] RecordsError),
    #[error("could not write the workbook")]
    Write(#[from] WriteError),
    #[error("could not keep the workbook")]
    Blob(#[from] BlobError),
    #[error("wrote {written} of {expected} records")]
    Incomplete { written: u32, expected: u32 },
}

impl WriteChunk {
    pub(crate) fn new(_ledger: &Ledger, file: FileId, known: &UsageFile, index: u16) -> Option<Self> {
        let chunk = known.current_extraction()?.chunks.get(&index)?;
        let created = chunk.opened_at.as_ref()?.at;
        let sheet = UsageSheet::of(Kind::Chunk, file, known, chunk.hub.clone(), created, chunk.checkpoint)?;
        let extraction = known.current_extraction()?;
        let in_chunk = |closing: &Closing| (closing.first_row..=closing.last_row).any(|row| chunk.rows.contains(row));
        let closings: Vec<Closing> = extraction.closings.iter().filter(|it| in_chunk(it)).cloned().collect();
        let sheet = if chunk.closed > 0 { sheet.billed() } else { sheet };
        let checked = &known.current_checking()?.parts;
        let parts = known
            .current_reading()?
            .parts
            .iter()
            .zip(checked)
            .filter(|(read, _)| (read.first_row..=read.last_row).any(|row| chunk.rows.contains(row)))
            .map(|(read, checked)| (read.sequence, checked.sequence))
            .collect();
        let closed = extraction.closed.clone();
        Some(Self { id: file.chunk(index), sheet, rows: chunk.rows.clone(), parts, closings, closed })
    }

    pub(crate) fn run(self, tools: &Tools<Own>) {
        let id = self.id;
        let Some(outcome) = tools.patiently(|| self.write(tools)) else { return };
        let own = match outcome {
            Ok((blob, bytes)) => Own::ChunkWritten { chunk: id, blob, bytes },
            Err(error) => {
                tracing::error!(chunk = %id, error = &error as &dyn std::error::Error, "a chunk was not written");
                let detail = format!("The chunk's workbook was not written: {error}. Ask the operator.");
                Own::ChunkFailed { chunk: id, detail }
            }
        };
        // Stale means that it was written by an earlier attempt.
        drop(tools.tell(own));
    }

    fn write(&self, tools: &Tools<Own>) -> Result<(ledger::Hash, u64), ChunkError> {
        let path = tools.temp_path("chunk");
        runtime::crash::point("chunk.begin");
        let mut writer = self.sheet.clone().create(&path, tools.temp())?;
        for (read, checked) in &self.parts {
            let (read, _) = tools.records.read(self.id.file, *read)?;
            let checked = tools.records.checked(self.id.file, *checked)?;
            runtime::crash::point("chunk.half");
            let wanted = |row| self.rows.contains(row);
            let closed = read.rows.iter().copied().filter(|&row| wanted(row) && self.closed.contains(row));
            let billings = tools.records.billings(self.id.file, &self.closings, closed)?;
            let billing = |record: &CheckedRecord| billings.get(&record.row).map(|(billing, _)| billing);
            writer.billed_batch(&read, &checked, |record| wanted(record.row), billing)?;
        }
        let written = writer.finish()?.records;
        if written != self.rows.len() {
            return Err(ChunkError::Incomplete { written, expected: self.rows.len() });
        }
        runtime::crash::point("chunk.written");
        Ok(tools.blobs.adopt(&path)?)
    }
}
