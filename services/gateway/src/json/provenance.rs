//! Where a record came from, and where it went.

use serde::Serialize;
use utoipa::ToSchema;

use super::history::LogPosition;
use super::words::RecordStatus;

/// A record between the cell that it was read from and the line that it was billed by.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Provenance {
    /// The record.
    #[schema(example = "UR-2026-11-0000-0000-0000-0002")]
    pub(crate) record: String,
    /// Its file.
    #[schema(example = "UF-2026-11-0000-0000")]
    pub(crate) usagefile: String,
    /// Where it stands.
    #[schema(value_type = Option<RecordStatus>)]
    pub(crate) status: Option<&'static str>,
    /// The workbook that it was read from; left out where it was reported without one.
    pub(crate) workbook: Option<SourceWorkbook>,
    /// The row of the sheet, or the number that a reported record was given.
    #[schema(example = 2)]
    pub(crate) row: u32,
    /// What each cell of the row held.
    pub(crate) cells: Vec<SourceCell>,
    /// The fact of ingestion that has it.
    pub(crate) read: LogPosition,
    /// The fact of validation that says what was found in it.
    pub(crate) checked: Option<LogPosition>,
    /// Its row in the processed workbook.
    #[schema(example = 2)]
    pub(crate) processed_row: u32,
    /// Its chunk; for providers.
    pub(crate) chunk: Option<ChunkLine>,
    /// How it was closed.
    pub(crate) closed: Option<ClosedLine>,
}

/// A workbook as it was uploaded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceWorkbook {
    /// The SHA-256 of its bytes.
    #[schema(example = "0b59b1fa0bd2fcf1a1d3adcbbbd1e0e5cbd7cd8d1bb8d2a7a0a41d3a4f1b2c3d")]
    pub(crate) sha256: String,
    /// What it was called; for its vendor.
    #[schema(example = "october.xlsx")]
    pub(crate) filename: Option<String>,
    /// Which upload of the file it was.
    #[schema(example = 1)]
    pub(crate) upload: u32,
}

/// A cell as it was read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceCell {
    /// The column as the ledger calls it.
    #[schema(example = "quantity")]
    pub(crate) column: String,
    /// Its header as it stands in the workbook.
    #[schema(example = "quantity")]
    pub(crate) header: String,
    /// The cell's address; left out where there is no workbook.
    #[schema(example = "E2")]
    pub(crate) cell: Option<String>,
    /// What it held, to the character.
    #[schema(example = "12.50")]
    pub(crate) raw: String,
}

/// A line of a chunk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChunkLine {
    /// The chunk.
    #[schema(example = "UFC-2026-11-0000-0000-001")]
    pub(crate) id: String,
    /// The row of its workbook.
    #[schema(example = 2)]
    pub(crate) row: u32,
}

/// How a record was closed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosedLine {
    /// The fact of extraction that says it.
    pub(crate) position: LogPosition,
    /// The reconciliation that did it, if one did; for providers.
    #[schema(example = "RCF-2026-11-0000-0000-001")]
    pub(crate) reconciliation: Option<String>,
    /// The provider's billing id.
    #[schema(example = "INV-7")]
    pub(crate) external_billing_id: Option<String>,
    /// The provider's billing note.
    #[schema(example = "October")]
    pub(crate) external_billing_note: Option<String>,
}
