//! Sets of rows, and the rows that a closing covers.

use ledger::record::{Billing, ClosedRows};
use ledger::rows::{BLOCK_ROWS, RowSet};
use prost::encoding::encoded_len_varint;

use super::value::required;
use crate::error::WireError;
use crate::wire;

/// The last row that a set may name: a record's id writes its row in eight digits, and a short message must not make
/// a reader mark four thousand million rows.
const ROW_MAX: u32 = 99_999_999;
/// Blocks that these rows are in.
pub(super) const BLOCKS_MAX: usize = (ROW_MAX / BLOCK_ROWS + 1) as usize;
/// Bytes of a block's bits.
const BLOCK_BYTES: usize = (BLOCK_ROWS / 8) as usize;
/// About what protobuf adds to the bits of a block: two tags, two lengths and its number.
const BLOCK_BYTES_EXTRA: usize = 8;

impl From<&RowSet> for wire::RowSet {
    fn from(rows: &RowSet) -> Self {
        let (run_gaps, run_lengths) = runs(rows);
        let blocks: Vec<wire::RowBlock> = rows.to_blocks().map(|(number, bits)| block(number, bits)).collect();
        let run_bytes: usize = run_gaps.iter().chain(&run_lengths).map(|&it| encoded_len_varint(it.into())).sum();
        let block_bytes: usize = blocks.iter().map(|block| block.bits.len() + BLOCK_BYTES_EXTRA).sum();
        if run_bytes <= block_bytes {
            Self { run_gaps, run_lengths, blocks: Vec::new() }
        } else {
            Self { run_gaps: Vec::new(), run_lengths: Vec::new(), blocks }
        }
    }
}

fn runs(rows: &RowSet) -> (Vec<u32>, Vec<u32>) {
    let mut end = 0;
    let gap = |(first, length): (u32, u32)| {
        let gap = first - end;
        end = first.saturating_add(length);
        (gap, length)
    };
    rows.runs().into_iter().map(gap).unzip()
}

fn block(number: u32, mut bits: Vec<u8>) -> wire::RowBlock {
    let used = bits.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bits.truncate(used);
    wire::RowBlock { number, bits }
}

impl TryFrom<wire::RowSet> for RowSet {
    type Error = WireError;

    fn try_from(it: wire::RowSet) -> Result<Self, WireError> {
        if it.run_gaps.len() != it.run_lengths.len() || !(it.run_gaps.is_empty() || it.blocks.is_empty()) {
            return Err(WireError::Inconsistent { what: "a set of rows has unequal runs, or runs and blocks" });
        }
        let mut rows = Self::default();
        let mut end = 0_u32;
        for (&gap, &length) in it.run_gaps.iter().zip(&it.run_lengths) {
            let first = end.checked_add(gap);
            let last = first.and_then(|first| first.checked_add(length.checked_sub(1)?));
            let (Some(first), Some(last)) = (first, last.filter(|&last| last <= ROW_MAX)) else {
                return Err(WireError::Invalid { field: "run_lengths" });
            };
            for row in first..=last {
                rows.insert(row);
            }
            end = last + 1;
        }
        let mut next = 0;
        for block in it.blocks {
            if block.number < next || block.number > ROW_MAX / BLOCK_ROWS || block.bits.len() > BLOCK_BYTES {
                return Err(WireError::Invalid { field: "blocks" });
            }
            rows.add_block(block.number, &block.bits);
            next = block.number + 1;
        }
        Ok(rows)
    }
}

/// A set of rows that every writer fills.
pub(super) fn row_set(rows: Option<wire::RowSet>) -> Result<RowSet, WireError> {
    required(rows, "rows")?.try_into()
}

impl From<&Billing> for wire::Billing {
    fn from(it: &Billing) -> Self {
        Self { id: it.id.clone(), note: it.note.clone() }
    }
}

impl From<wire::Billing> for Billing {
    fn from(it: wire::Billing) -> Self {
        Self { id: it.id, note: it.note }
    }
}

impl From<&ClosedRows> for wire::ClosedRows {
    fn from(it: &ClosedRows) -> Self {
        Self {
            rows: Some((&it.rows).into()),
            billings: it.billings.iter().map(wire::Billing::from).collect(),
            billing_indexes: it.refs.clone(),
        }
    }
}

impl TryFrom<wire::ClosedRows> for ClosedRows {
    type Error = WireError;

    fn try_from(it: wire::ClosedRows) -> Result<Self, WireError> {
        // Refs that lead nowhere are left as they are: the fold passes over them, and what was recorded must decode.
        Ok(Self {
            rows: row_set(it.rows)?,
            billings: it.billings.into_iter().map(Billing::from).collect(),
            refs: it.billing_indexes,
        })
    }
}
