//! The facts of ingestion.

use ledger::fact::{Category, FileColumn, FileRead, Part, RecordsRead};

use super::value::{each, hash, narrow};
use crate::error::WireError;
use crate::wire;

impl From<&RecordsRead> for wire::RecordsRead {
    fn from(it: &RecordsRead) -> Self {
        Self {
            upload: it.upload,
            attempt: it.attempt,
            part: it.part,
            first_row: it.first_row,
            last_row: it.last_row,
            records: it.records,
            root: it.root.0.to_vec(),
            payload: it.payload.clone(),
        }
    }
}

impl TryFrom<wire::RecordsRead> for RecordsRead {
    type Error = WireError;

    fn try_from(it: wire::RecordsRead) -> Result<Self, WireError> {
        Ok(Self {
            upload: it.upload,
            attempt: it.attempt,
            part: it.part,
            first_row: it.first_row,
            last_row: it.last_row,
            records: it.records,
            root: hash(&it.root, "root")?,
            payload: it.payload,
        })
    }
}

impl From<&Part> for wire::Part {
    fn from(it: &Part) -> Self {
        Self { sequence: it.sequence, first_row: it.first_row, last_row: it.last_row, records: it.records }
    }
}

impl From<wire::Part> for Part {
    fn from(it: wire::Part) -> Self {
        Self { sequence: it.sequence, first_row: it.first_row, last_row: it.last_row, records: it.records }
    }
}

impl From<&FileColumn> for wire::FileColumn {
    fn from(it: &FileColumn) -> Self {
        Self { name: it.name.clone(), header: it.header.clone(), sheet_column: it.sheet_column.into() }
    }
}

impl TryFrom<wire::FileColumn> for FileColumn {
    type Error = WireError;

    fn try_from(it: wire::FileColumn) -> Result<Self, WireError> {
        Ok(Self { name: it.name, header: it.header, sheet_column: narrow(it.sheet_column, "sheet_column")? })
    }
}

impl From<&Category> for wire::Category {
    fn from(it: &Category) -> Self {
        Self { id: it.id.clone(), name: it.name.clone(), description: it.description.clone() }
    }
}

impl From<wire::Category> for Category {
    fn from(it: wire::Category) -> Self {
        Self { id: it.id, name: it.name, description: it.description }
    }
}

impl From<&FileRead> for wire::FileRead {
    fn from(it: &FileRead) -> Self {
        Self {
            upload: it.upload,
            attempt: it.attempt,
            columns: it.columns.iter().map(wire::FileColumn::from).collect(),
            ignored: it.ignored.clone(),
            categories: it.categories.iter().map(wire::Category::from).collect(),
            parts: it.parts.iter().map(wire::Part::from).collect(),
            records: it.records,
        }
    }
}

impl TryFrom<wire::FileRead> for FileRead {
    type Error = WireError;

    fn try_from(it: wire::FileRead) -> Result<Self, WireError> {
        Ok(Self {
            upload: it.upload,
            attempt: it.attempt,
            columns: each(it.columns)?,
            ignored: it.ignored,
            categories: it.categories.into_iter().map(Category::from).collect(),
            parts: it.parts.into_iter().map(Part::from).collect(),
            records: it.records,
        })
    }
}
