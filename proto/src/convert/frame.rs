//! What batches share: their compressed frame, its limits, and the columns that both kinds have. Asks have limits of
//! the same kind.

use ledger::record::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, BATCH_STORED_BYTES_MAX};
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
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
    let stored = deflate(plain)?;
    if stored.len() > BATCH_STORED_BYTES_MAX || records > BATCH_RECORDS_MAX {
        return Err(WireError::BatchTooLarge { stored: stored.len(), plain: plain.len() });
    }
    Ok(stored)
}

/// One frame with a checksum, whatever its size.
pub(super) fn deflate(plain: &[u8]) -> Result<Vec<u8>, WireError> {
    let compressed = || {
        let mut compressor = Compressor::new(COMPRESSION_LEVEL)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        compressor.compress(plain)
    };
    compressed().map_err(WireError::Compress)
}

/// Decompresses a batch into at most [`BATCH_BYTES_MAX`].
pub(crate) fn decompress(stored: &[u8]) -> Result<Vec<u8>, WireError> {
    if stored.len() > BATCH_STORED_BYTES_MAX {
        return Err(WireError::BatchTooLarge { stored: stored.len(), plain: 0 });
    }
    inflate(stored, BATCH_BYTES_MAX)
}

/// Decompresses into at most so many bytes: the size that a frame declares is anyone's word, so it is never what bounds
/// the memory.
pub(super) fn inflate(stored: &[u8], bytes_max: usize) -> Result<Vec<u8>, WireError> {
    if stored.is_empty() {
        // zstd takes nothing for zero frames, which would be a batch without records.
        return Err(WireError::Inconsistent { what: "a batch has no bytes" });
    }
    let mut decompressor = Decompressor::new().map_err(WireError::Decompress)?;
    decompressor.decompress(stored, bytes_max).map_err(WireError::Decompress)
}

/// Refuses what is longer than it may be.
pub(super) fn limit_bytes(what: &'static str, bytes: usize, max: usize) -> Result<(), WireError> {
    if bytes > max { Err(WireError::TooLarge { what, bytes, max }) } else { Ok(()) }
}

/// How many elements a list of a message may have.
pub(super) struct Limit {
    /// The tags that lead to it, from the outermost message inwards.
    path: &'static [u32],
    /// What its elements are called.
    what: &'static str,
    max: usize,
    /// Whether it is of numbers, which stand together in one field.
    packed: bool,
}

impl Limit {
    /// Of a list of messages or texts.
    pub(super) const fn list(path: &'static [u32], what: &'static str, max: usize) -> Self {
        Self { path, what, max, packed: false }
    }

    /// Of a list of numbers.
    pub(super) const fn numbers(path: &'static [u32], what: &'static str, max: usize) -> Self {
        Self { path, what, max, packed: true }
    }
}

/// Refuses a message that has more of a repeated field than any may, before anything is built from it: two bytes of an
/// empty element would become fifty in memory.
pub(super) fn limit_lists(plain: &[u8], limits: &[Limit]) -> Result<(), WireError> {
    for limit in limits {
        let count = elements(plain, limit.path, limit.packed)?;
        if count > limit.max {
            return Err(WireError::TooMany { what: limit.what, count, max: limit.max });
        }
    }
    Ok(())
}

/// How many elements a list has, in all the messages that the path leads through.
fn elements(mut rest: &[u8], path: &[u32], packed: bool) -> Result<usize, WireError> {
    let Some((&wanted, inner)) = path.split_first() else { return Ok(0) };
    let mut count = 0;
    while rest.has_remaining() {
        let (tag, wire_type) = decode_key(&mut rest)?;
        if tag != wanted || wire_type != WireType::LengthDelimited {
            skip_field(wire_type, tag, &mut rest, DecodeContext::default())?;
            count += usize::from(tag == wanted && inner.is_empty());
            continue;
        }
        let length = usize::try_from(decode_varint(&mut rest)?).ok();
        let Some((field, after)) = length.and_then(|length| rest.split_at_checked(length)) else {
            return Err(WireError::Inconsistent { what: "a list is longer than its message" });
        };
        rest = after;
        count += match (inner, packed) {
            // The last byte of each number has its highest bit clear.
            ([], true) => field.iter().filter(|byte| byte.is_ascii()).count(),
            ([], false) => 1,
            (inner, packed) => elements(field, inner, packed)?,
        };
    }
    Ok(count)
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
