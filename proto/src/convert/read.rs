//! Batches of records as read.

use ledger::record::{BATCH_RECORDS_MAX, CellKind, RECORD_COLUMNS_MAX, ReadBatch, ReadColumn, Texts};
use prost::Message;

use super::frame::{Limit, compress, decompress, limit_lists, row_steps, rows_of};
use crate::error::WireError;
use crate::wire;

/// A batch as protobuf, compressed.
///
/// # Errors
/// [`WireError::BatchTooLarge`] when it is over the limits, so that the caller splits it; others when its columns
/// contradict each other.
pub fn encode_read_batch(batch: &ReadBatch) -> Result<Vec<u8>, WireError> {
    compress(&plain(batch)?, batch.rows.len())
}

/// Reads a batch, within its limits whatever the bytes say.
///
/// # Errors
/// Any [`WireError`]: the bytes are damaged, too large inside, or contradict themselves.
pub fn decode_read_batch(stored: &[u8]) -> Result<ReadBatch, WireError> {
    from_plain(&decompress(stored)?)
}

/// A batch as protobuf: what is frozen, since zstd's bytes may change with its version.
pub(crate) fn plain(batch: &ReadBatch) -> Result<Vec<u8>, WireError> {
    Ok(to_wire(batch, row_steps(batch.rows.iter().copied())?)?.encode_to_vec())
}

pub(super) fn to_wire(batch: &ReadBatch, row_steps: Vec<u32>) -> Result<wire::ReadBatch, WireError> {
    check(batch)?;
    let column = |it: &ReadColumn| wire::ReadColumn { texts: it.texts.clone(), kinds: it.kinds.clone() };
    Ok(wire::ReadBatch {
        salt_key: batch.salt_key.to_vec(),
        row_steps,
        columns: batch.columns.iter().map(column).collect(),
        texts: batch.texts.all().to_vec(),
    })
}

pub(crate) fn from_plain(plain: &[u8]) -> Result<ReadBatch, WireError> {
    const TEXTS_MAX: usize = BATCH_RECORDS_MAX * RECORD_COLUMNS_MAX;
    limit_lists(plain, &[Limit::list(&[3], "columns", RECORD_COLUMNS_MAX), Limit::list(&[4], "texts", TEXTS_MAX)])?;
    let message = wire::ReadBatch::decode(plain)?;
    let rows = rows_of(&message.row_steps)?;
    from_wire(message, rows)
}

pub(super) fn from_wire(message: wire::ReadBatch, rows: Vec<u32>) -> Result<ReadBatch, WireError> {
    let column = |it: wire::ReadColumn| ReadColumn { texts: it.texts, kinds: it.kinds };
    let batch = ReadBatch {
        salt_key: message.salt_key.as_slice().try_into().map_err(|_| WireError::Invalid { field: "salt_key" })?,
        rows,
        columns: message.columns.into_iter().map(column).collect(),
        texts: Texts::from(message.texts),
    };
    check(&batch)?;
    Ok(batch)
}

fn check(batch: &ReadBatch) -> Result<(), WireError> {
    if batch.columns.len() > RECORD_COLUMNS_MAX {
        let count = batch.columns.len();
        return Err(WireError::TooMany { what: "columns", count, max: RECORD_COLUMNS_MAX });
    }
    let (records, texts) = (batch.rows.len(), batch.texts.all().len());
    for column in &batch.columns {
        if column.texts.len() != records || !(column.kinds.is_empty() || column.kinds.len() == records) {
            return Err(WireError::Inconsistent { what: "a column is shorter or longer than the batch" });
        }
        if column.texts.iter().any(|&number| number as usize > texts) {
            return Err(WireError::Inconsistent { what: "a cell refers to a text that isn't there" });
        }
        if let Some(&kind) = column.kinds.iter().find(|&&kind| CellKind::from_number(kind).is_none()) {
            return Err(WireError::UnknownValue { field: "kinds", number: kind.into() });
        }
    }
    Ok(())
}
