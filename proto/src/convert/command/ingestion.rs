//! The command of ingestion: reported records, in whole columns as batches have them.

use std::sync::Arc;

use ledger::record::{RECORD_COLUMNS_MAX, ReadBatch};
use ledger::report::{Print, REPORT_RECORDS_MAX, ReportedRecords};
use prost::Message;

use crate::ask::ASK_BYTES_MAX;
use crate::convert::frame::{Limit, deflate, inflate, limit_bytes, limit_lists};
use crate::convert::read::{from_wire, to_wire};
use crate::convert::value::{file_id, hash};
use crate::error::WireError;
use crate::wire;

/// Bytes of a batch that isn't compressed: that would take longer than to send what it saves, and a report of one record
/// waits for it.
const PLAIN_BYTES_MAX: usize = 16 * 1024;
/// Cells of all records together.
const CELLS_MAX: usize = REPORT_RECORDS_MAX * RECORD_COLUMNS_MAX;

/// The lists of a batch of reported records.
const LISTS: [Limit; 4] = [
    Limit::numbers(&[2], "rows", 0),
    Limit::list(&[3], "columns", RECORD_COLUMNS_MAX),
    Limit::numbers(&[3, 1], "cells", CELLS_MAX),
    Limit::list(&[4], "texts", CELLS_MAX),
];

impl TryFrom<&ReportedRecords> for wire::ReportRecords {
    type Error = WireError;

    fn try_from(it: &ReportedRecords) -> Result<Self, WireError> {
        check(it)?;
        let batch = to_wire(&it.batch, Vec::new())?.encode_to_vec();
        limit_bytes("reported records", batch.len(), ASK_BYTES_MAX)?;
        let plain = batch.len() <= PLAIN_BYTES_MAX;
        Ok(Self {
            file_id: it.file.to_string(),
            columns: it.columns.clone(),
            keys: it.prints.iter().flat_map(|print| print.key).collect(),
            digests: it.prints.iter().flat_map(|print| print.content).collect(),
            admitted: it.admitted.clone(),
            batch: if plain { batch } else { deflate(&batch)? },
            content: it.content.0.to_vec(),
            plain,
        })
    }
}

impl TryFrom<wire::ReportRecords> for ReportedRecords {
    type Error = WireError;

    fn try_from(it: wire::ReportRecords) -> Result<Self, WireError> {
        let prints = prints(&it.keys, &it.digests)?;
        let plain = if it.plain { it.batch } else { inflate(&it.batch, ASK_BYTES_MAX)? };
        let reported = Self {
            file: file_id(&it.file_id, "file_id")?,
            columns: it.columns,
            batch: Arc::new(batch(&plain, prints.len())?),
            prints,
            admitted: it.admitted,
            content: hash(&it.content, "content")?,
        };
        check(&reported)?;
        Ok(reported)
    }
}

fn prints(keys: &[u8], digests: &[u8]) -> Result<Vec<Print>, WireError> {
    let ((keys, more_keys), (digests, more_digests)) = (keys.as_chunks(), digests.as_chunks());
    if keys.len() != digests.len() || !(more_keys.is_empty() && more_digests.is_empty()) {
        return Err(UNEQUAL);
    }
    if keys.len() > REPORT_RECORDS_MAX {
        return Err(WireError::TooMany { what: "records", count: keys.len(), max: REPORT_RECORDS_MAX });
    }
    Ok(keys.iter().zip(digests).map(|(&key, &content)| Print { key, content }).collect())
}

fn batch(plain: &[u8], records: usize) -> Result<ReadBatch, WireError> {
    limit_lists(plain, &LISTS)?;
    from_wire(wire::ReadBatch::decode(plain)?, vec![0; records])
}

fn check(it: &ReportedRecords) -> Result<(), WireError> {
    let records = it.batch.rows.len();
    if records > REPORT_RECORDS_MAX {
        return Err(WireError::TooMany { what: "records", count: records, max: REPORT_RECORDS_MAX });
    }
    let equal = it.prints.len() == records && it.admitted.len() == records;
    if equal && it.columns.len() == it.batch.columns.len() { Ok(()) } else { Err(UNEQUAL) }
}

const UNEQUAL: WireError =
    WireError::Inconsistent { what: "reported records have columns or marks of different lengths" };
