//! Rows become batches: whole columns, texts once, at most 1,024 records and 4 MiB before compression.

use crate::record::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, CellKind, RECORD_TEXT_BYTES_MAX, ReadBatch, ReadColumn};

/// What a batch may hold before it is cut: well below the limit, since the encoding adds to the texts.
const CUT_BYTES: usize = BATCH_BYTES_MAX / 2;

/// Fills one batch after the other.
#[derive(Debug)]
pub struct BatchBuilder {
    columns: usize,
    batch: ReadBatch,
    bytes: usize,
    row_bytes: usize,
}

impl BatchBuilder {
    /// Batches of so many columns.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self { columns, batch: empty(columns), bytes: 0, row_bytes: 0 }
    }

    /// Begins a record; true when the batch was full before it and has to be taken first.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.batch.rows.len() >= BATCH_RECORDS_MAX || self.bytes >= CUT_BYTES
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.rows.is_empty()
    }

    /// Begins a record.
    pub fn begin(&mut self, row: u32) {
        self.batch.rows.push(row);
        self.row_bytes = 0;
        for column in &mut self.batch.columns {
            column.texts.push(0);
            if !column.kinds.is_empty() {
                column.kinds.push(CellKind::Text as u8);
            }
        }
    }

    /// Sets a cell of the record that was begun last. Text beyond what a record keeps is cut and marked.
    pub fn cell(&mut self, column: usize, kind: CellKind, text: &str) {
        let room = RECORD_TEXT_BYTES_MAX.saturating_sub(self.row_bytes);
        let (kept, kind) = if text.len() > room { (cut(text, room), CellKind::Cut) } else { (text, kind) };
        self.row_bytes += kept.len();
        self.bytes += kept.len();
        let number = self.batch.texts.number_of(kept);
        let records = self.batch.rows.len();
        let Some(column) = self.batch.columns.get_mut(column) else { return };
        if let Some(slot) = column.texts.last_mut() {
            *slot = number;
        }
        if kind != CellKind::Text && column.kinds.is_empty() {
            column.kinds = vec![CellKind::Text as u8; records];
        }
        if let Some(slot) = column.kinds.last_mut() {
            *slot = kind as u8;
        }
    }

    /// Adds a record as it stands in another batch, which may have fewer columns.
    pub fn copy(&mut self, batch: &ReadBatch, index: usize) {
        self.begin(batch.rows.get(index).copied().unwrap_or(0));
        for column in 0..batch.columns.len() {
            let cell = batch.cell(index, column);
            if !cell.text.is_empty() || cell.kind != CellKind::Text {
                self.cell(column, cell.kind, cell.text);
            }
        }
    }

    /// Takes the batch and begins an empty one.
    #[must_use]
    pub fn take(&mut self, salt_key: [u8; 32]) -> ReadBatch {
        self.bytes = 0;
        let mut batch = std::mem::replace(&mut self.batch, empty(self.columns));
        batch.salt_key = salt_key;
        batch
    }
}

fn empty(columns: usize) -> ReadBatch {
    ReadBatch { columns: vec![ReadColumn::default(); columns], ..ReadBatch::default() }
}

/// The longest beginning of a text that fits and ends at a character.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

/// Two halves of a batch, for one that takes more than a frame holds.
#[must_use]
pub fn halves(batch: &ReadBatch) -> [ReadBatch; 2] {
    let middle = batch.rows.len() / 2;
    let part = |range: std::ops::Range<usize>| {
        let mut builder = BatchBuilder::new(batch.columns.len());
        for index in range {
            builder.copy(batch, index);
        }
        builder.take(batch.salt_key)
    };
    [part(0..middle), part(middle..batch.rows.len())]
}
