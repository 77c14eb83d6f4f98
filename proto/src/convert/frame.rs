//! What batches share: their compressed frame, its limits, and the columns that both kinds have.

use ledger::record::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, BATCH_STORED_BYTES_MAX};
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use crate::error::WireError;

/// Level 3 takes 0.2 ms for the batches of `batch_bench`; levels 6 and 9 save five more in a hundred for four and six
/// times the time.
const COMPRESSION_LEVEL: i32 = 3;

/// Compresses a batch of so many records, if it is within the limits.
pub(crate) fn compress(plain: &[u8], records: usize) -> Result<Vec<u8>, WireError> {
    if plain.len() > BATCH_BYTES_MAX {
        return Err(WireError::BatchTooLarge { stored: 0, plain: plain.len() });
    }
    let stored = compressed(plain).map_err(WireError::Compress)?;
    if stored.len() > BATCH_STORED_BYTES_MAX || records > BATCH_RECORDS_MAX {
        return Err(WireError::BatchTooLarge { stored: stored.len(), plain: plain.len() });
    }
    Ok(stored)
}

fn compressed(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(COMPRESSION_LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    compressor.compress(plain)
}

/// Decompresses a batch into at most [`BATCH_BYTES_MAX`]: the size that a frame declares is anyone's word, so it is
/// never what bounds the memory.
pub(crate) fn decompress(stored: &[u8]) -> Result<Vec<u8>, WireError> {
    if stored.len() > BATCH_STORED_BYTES_MAX {
        return Err(WireError::BatchTooLarge { stored: stored.len(), plain: 0 });
    }
    if stored.is_empty() {
        // zstd takes nothing for zero frames, which would be a batch without records.
        return Err(WireError::Inconsistent { what: "a batch has no bytes" });
    }
    let mut decompressor = Decompressor::new().map_err(WireError::Decompress)?;
    decompressor.decompress(stored, BATCH_BYTES_MAX).map_err(WireError::Decompress)
}

/// Refuses a message that has more of a repeated field than any batch may, before anything is built from it: two
/// bytes of an empty element would become fifty in memory.
pub(super) fn limit_fields(plain: &[u8], limits: &[(u32, &'static str, usize)]) -> Result<(), WireError> {
    let mut counts = vec![0_usize; limits.len()];
    let mut rest = plain;
    while rest.has_remaining() {
        let (tag, wire_type) = decode_key(&mut rest)?;
        skip(wire_type, tag, &mut rest)?;
        for (count, &(limited, what, max)) in counts.iter_mut().zip(limits) {
            *count += usize::from(tag == limited);
            if *count > max {
                return Err(WireError::TooMany { what, count: *count, max });
            }
        }
    }
    Ok(())
}

fn skip(wire_type: WireType, tag: u32, rest: &mut &[u8]) -> Result<(), WireError> {
    Ok(skip_field(wire_type, tag, rest, DecodeContext::default())?)
}

/// The steps from row to row; none unless the rows ascend.
pub(super) fn row_steps(rows: impl IntoIterator<Item = u32>) -> Result<Vec<u32>, WireError> {
    let mut before = None;
    let step = |row: u32| {
        let step = row.checked_sub(before.unwrap_or(0)).filter(|&step| step > 0 || before.is_none());
        before = Some(row);
        step.ok_or(ROWS_DESCEND)
    };
    rows.into_iter().map(step).collect()
}

/// The rows of steps.
pub(super) fn rows_of(steps: &[u32]) -> Result<Vec<u32>, WireError> {
    if steps.len() > BATCH_RECORDS_MAX {
        return Err(WireError::TooMany { what: "records", count: steps.len(), max: BATCH_RECORDS_MAX });
    }
    let mut before = None;
    let row = |&step: &u32| {
        let row = before.unwrap_or(0_u32).checked_add(step).filter(|_| step > 0 || before.is_none());
        before = row;
        row.ok_or(ROWS_DESCEND)
    };
    steps.iter().map(row).collect()
}

const ROWS_DESCEND: WireError = WireError::Inconsistent { what: "its rows don't ascend" };
