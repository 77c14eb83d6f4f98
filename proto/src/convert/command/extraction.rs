//! The command of extraction that is more than a few members.

use std::collections::HashMap;

use ledger::record::Billing;
use ledger::{Command, FileId};

use crate::ask::ASK_BYTES_MAX;
use crate::convert::frame::limit_bytes;
use crate::convert::value::file_id;
use crate::error::WireError;
use crate::wire;

pub(super) fn close_records_to_wire(file: FileId, rows: &[(u32, Billing)]) -> Result<wire::CloseRecords, WireError> {
    check_billed(rows.iter().map(|(_, billing)| billing))?;
    let mut billings: Vec<wire::Billing> = Vec::new();
    let mut known: HashMap<&Billing, u32> = HashMap::new();
    let mut billing_indexes = Vec::with_capacity(rows.len());
    for (_, billing) in rows {
        let next = u32::try_from(billings.len()).unwrap_or(u32::MAX);
        billing_indexes.push(*known.entry(billing).or_insert_with(|| {
            billings.push(billing.into());
            next
        }));
    }
    let rows = rows.iter().map(|(row, _)| *row).collect();
    Ok(wire::CloseRecords { file_id: file.to_string(), rows, billings, billing_indexes })
}

pub(super) fn close_records(it: wire::CloseRecords) -> Result<Command, WireError> {
    if it.rows.len() != it.billing_indexes.len() {
        return Err(WireError::Inconsistent { what: "rows and their billings are not equally many" });
    }
    let billings: Vec<Billing> = it.billings.into_iter().map(Billing::from).collect();
    let billing = |&index: &u32| billings.get(index as usize).ok_or(WireError::Invalid { field: "billing_indexes" });
    let billed: Vec<&Billing> = it.billing_indexes.iter().map(billing).collect::<Result<_, _>>()?;
    check_billed(billed.iter().copied())?;
    let rows = it.rows.into_iter().zip(billed.into_iter().cloned()).collect();
    Ok(Command::CloseRecords { file: file_id(&it.file_id, "file_id")?, rows })
}

/// Every row has its billing to itself, so that one long text would become a million.
fn check_billed<'a>(billed: impl Iterator<Item = &'a Billing>) -> Result<(), WireError> {
    let bytes = billed.map(|billing| billing.id.len() + billing.note.len()).sum();
    limit_bytes("the billings of rows", bytes, ASK_BYTES_MAX)
}
