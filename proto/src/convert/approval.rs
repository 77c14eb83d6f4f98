//! The facts of approval.

use ledger::Moment;
use ledger::fact::{Fact, FileCreated, FileDescribed, Period, RecordMark, UploadOpened};
use ledger::rows::RowSet;

use super::catalog::{environment, environment_number, schema, schema_number};
use super::rows::row_set;
use super::value::{hash, named, unknown};
use crate::error::WireError;
use crate::wire;
use crate::wire::event::Fact as Wire;

impl From<Period> for wire::Period {
    fn from(it: Period) -> Self {
        Self { from_micros: it.from.0, to_micros: it.to.0 }
    }
}

impl From<wire::Period> for Period {
    fn from(it: wire::Period) -> Self {
        Self { from: Moment(it.from_micros), to: Moment(it.to_micros) }
    }
}

impl From<&FileCreated> for wire::FileCreated {
    fn from(it: &FileCreated) -> Self {
        Self {
            name: it.name.clone(),
            external_id: it.external_id.clone(),
            description: it.description.clone(),
            note: it.note.clone(),
            period: it.period.map(wire::Period::from),
            currency: it.currency.clone(),
            environment: environment_number(it.environment),
            schema: schema_number(it.schema),
            product: Some((&it.product).into()),
            contract: Some((&it.contract).into()),
            marketplace: Some((&it.marketplace).into()),
            vendor: Some((&it.vendor).into()),
            provider: Some((&it.provider).into()),
            time_zone: it.time_zone.clone(),
            predictive: it.predictive,
            reported: it.reported,
        }
    }
}

impl TryFrom<wire::FileCreated> for FileCreated {
    type Error = WireError;

    fn try_from(it: wire::FileCreated) -> Result<Self, WireError> {
        Ok(Self {
            name: it.name,
            external_id: it.external_id,
            description: it.description,
            note: it.note,
            period: it.period.map(Period::from),
            currency: it.currency,
            environment: environment(it.environment)?,
            schema: schema(it.schema)?,
            product: named(it.product, "product")?,
            contract: named(it.contract, "contract")?,
            marketplace: named(it.marketplace, "marketplace")?,
            vendor: named(it.vendor, "vendor")?,
            provider: named(it.provider, "provider")?,
            time_zone: it.time_zone,
            predictive: it.predictive,
            reported: it.reported,
        })
    }
}

impl From<&FileDescribed> for wire::FileDescribed {
    fn from(it: &FileDescribed) -> Self {
        Self {
            description: it.description.clone(),
            note: it.note.clone(),
            external_id: it.external_id.clone(),
            period: it.period.map(wire::Period::from),
            currency: it.currency.clone(),
            time_zone: it.time_zone.clone(),
        }
    }
}

impl From<wire::FileDescribed> for FileDescribed {
    fn from(it: wire::FileDescribed) -> Self {
        Self {
            description: it.description,
            note: it.note,
            external_id: it.external_id,
            period: it.period.map(Period::from),
            currency: it.currency,
            time_zone: it.time_zone,
        }
    }
}

impl From<&UploadOpened> for wire::UploadOpened {
    fn from(it: &UploadOpened) -> Self {
        Self {
            upload: it.upload,
            blob: it.blob.0.to_vec(),
            size_bytes: it.bytes,
            filename: it.filename.clone(),
            catalog_position: it.catalog_position,
        }
    }
}

impl TryFrom<wire::UploadOpened> for UploadOpened {
    type Error = WireError;

    fn try_from(it: wire::UploadOpened) -> Result<Self, WireError> {
        Ok(Self {
            upload: it.upload,
            blob: hash(&it.blob, "blob")?,
            bytes: it.size_bytes,
            filename: it.filename,
            catalog_position: it.catalog_position,
        })
    }
}

pub(super) fn accepted(upload: u32, note: &str) -> Wire {
    Wire::FileAccepted(wire::FileAccepted { upload, note: note.to_owned() })
}

pub(super) fn rejected(upload: u32, note: &str) -> Wire {
    Wire::FileRejected(wire::FileRejected { upload, note: note.to_owned() })
}

pub(super) fn refused(action: &str, reason: &str, count: u32) -> Wire {
    Wire::CommandRefused(wire::CommandRefused { action: action.to_owned(), reason: reason.to_owned(), count })
}

pub(super) fn report_opened(upload: u32, catalog_position: u64) -> Wire {
    Wire::ReportOpened(wire::ReportOpened { upload, catalog_position })
}

pub(super) fn report_sealed(upload: u32, catalog_position: u64) -> Wire {
    Wire::ReportSealed(wire::ReportSealed { upload, catalog_position })
}

pub(super) fn records_marked_to_wire(upload: u32, rows: &RowSet, mark: RecordMark) -> wire::RecordsMarked {
    wire::RecordsMarked { upload, rows: Some(rows.into()), mark: mark_number(mark) }
}

pub(super) fn records_marked(it: wire::RecordsMarked) -> Result<Fact, WireError> {
    Ok(Fact::RecordsMarked { upload: it.upload, rows: row_set(it.rows)?, mark: mark(it.mark)? })
}

pub(super) fn mark_number(mark: RecordMark) -> i32 {
    let mark = match mark {
        RecordMark::Open => wire::RecordMark::Open,
        RecordMark::Approved => wire::RecordMark::Approved,
        RecordMark::Rejected => wire::RecordMark::Rejected,
    };
    mark.into()
}

pub(super) fn mark(number: i32) -> Result<RecordMark, WireError> {
    match wire::RecordMark::try_from(number) {
        Ok(wire::RecordMark::Open) => Ok(RecordMark::Open),
        Ok(wire::RecordMark::Approved) => Ok(RecordMark::Approved),
        Ok(wire::RecordMark::Rejected) => Ok(RecordMark::Rejected),
        Ok(wire::RecordMark::Unspecified) | Err(_) => Err(unknown("mark", number)),
    }
}
