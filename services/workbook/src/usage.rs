//! A usage file as a workbook: the vendor's columns in the vendor's order with what each side gets beside them. The
//! processed files of both views and the chunks are written here, so that they can't differ in what they share.

mod cells;
pub(crate) mod general;
mod totals;

use std::io::{Read, Seek};
use std::path::Path;

use ledger::fact::{Category, FileColumn};
use ledger::file::Shown;
use ledger::record::{Billing, CheckedBatch, CheckedRecord, ReadBatch};
use ledger::{FileId, Moment, Named, UsageFile};

use crate::columns::{self, Column};
use crate::read::table::Table;
use crate::read::{Limits, ReadError, Workbook};
use crate::write::{CellOut, Kind, Layout, Mark, Problem, RecordsWorkbook, WriteError, Written};
use cells::Known;
use totals::Totals;

/// The version of this writer: the same version writes the same bytes from the same facts.
pub const WRITER_VERSION: u32 = 4;

/// The row of the general tab that names the usage file.
const REPORT_ID: &str = "report_id";

/// The usage file that a workbook says it is of, in its general tab.
///
/// # Errors
/// Faults of the package.
pub fn report_id<R: Read + Seek>(source: R) -> Result<Option<String>, ReadError> {
    let mut book = Workbook::open(source, Limits::default())?;
    let Some(sheet) = book.sheet_named(&[columns::GENERAL_TAB])? else { return Ok(None) };
    let mut table = match Table::open(book.rows(sheet)?, &[]) {
        Ok(table) => table,
        Err(ReadError::NoHeader { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut found = None;
    while let Some(record) = table.next_record()? {
        let text = |column| record.cell(column).map_or("", |cell| cell.text.trim());
        if found.is_none() && text(0) == REPORT_ID && !text(1).is_empty() {
            found = Some(text(1).to_owned());
        }
    }
    Ok(found)
}

/// Everything but the records that a usage workbook says.
#[derive(Clone, Debug)]
pub struct UsageSheet {
    /// For whom.
    pub kind: Kind,
    /// The file.
    pub file: FileId,
    /// The hub that it is for, when it is for one.
    pub hub: Option<Named>,
    /// The rows of the general tab.
    general: Vec<(String, String)>,
    categories: Vec<Category>,
    columns: Vec<FileColumn>,
    product: String,
    totals: Totals,
    created: Moment,
    /// Whether it says how records were billed.
    billed: bool,
}

impl UsageSheet {
    /// Takes what the workbook says from a file; none before it was checked. `created` is the time of the fact that
    /// orders the workbook, and `shown` the checkpoint that it names.
    #[must_use]
    pub fn of(
        kind: Kind,
        id: FileId,
        file: &UsageFile,
        hub: Option<Named>,
        created: Moment,
        shown: Shown,
    ) -> Option<Self> {
        let facts = file.approval.created.as_deref()?;
        let mut general = general::rows(kind, id, file, hub.as_ref())?;
        general.extend(general::checkpoint(kind.writer(), id, shown));
        Some(Self {
            kind,
            file: id,
            general,
            hub,
            categories: file.categories().to_vec(),
            columns: file.columns().to_vec(),
            product: facts.product.id.to_string(),
            totals: Totals::new(file),
            created,
            billed: false,
        })
    }

    /// The same with columns for how records were billed.
    #[must_use]
    pub fn billed(self) -> Self {
        Self { billed: true, ..self }
    }

    /// Begins the workbook at a path.
    ///
    /// # Errors
    /// See [`RecordsWorkbook::create`].
    pub fn create(self, path: &Path, temp: &Path) -> Result<UsageWriter, WriteError> {
        let mut headers: Vec<String> = self.columns.iter().map(|column| column.header.clone()).collect();
        let vendors = headers.len();
        let billing: &'static [Column] = if self.billed { &columns::RECONCILIATION_ADDED } else { &[] };
        let mut added = Vec::new();
        for ours in [self.kind.added(), billing] {
            let placed = columns::placed(&headers, ours);
            for (at, column) in placed {
                if at >= headers.len() {
                    headers.push(column.name.to_owned());
                }
                added.push((at, column));
            }
        }
        let width = headers.len();
        let layout = Layout {
            kind: self.kind,
            title: self.file.to_string(),
            general: self.general.clone(),
            categories: self.categories.clone(),
            headers,
            created: self.created,
        };
        let book = RecordsWorkbook::create(path, temp, &layout)?;
        let known = Known::of(&self.columns);
        Ok(UsageWriter { book, sheet: self, vendors, width, added, known })
    }
}

/// A usage workbook in the making.
pub struct UsageWriter {
    book: RecordsWorkbook,
    sheet: UsageSheet,
    /// How many columns are the vendor's; ours come after them or take their place.
    vendors: usize,
    width: usize,
    added: Vec<(usize, &'static columns::Column)>,
    known: Known,
}

impl UsageWriter {
    /// Writes the records of a batch that `wanted` picks, and what is wrong with them where the workbook has a tab for
    /// that.
    ///
    /// # Errors
    /// See [`RecordsWorkbook::row`].
    pub fn batch(
        &mut self,
        read: &ReadBatch,
        checked: &CheckedBatch,
        wanted: impl Fn(&CheckedRecord) -> bool,
    ) -> Result<(), WriteError> {
        self.billed_batch(read, checked, wanted, |_| None)
    }

    /// The same, with how each record was billed if it is closed.
    ///
    /// # Errors
    /// See [`RecordsWorkbook::row`].
    pub fn billed_batch<'a>(
        &mut self,
        read: &ReadBatch,
        checked: &CheckedBatch,
        wanted: impl Fn(&CheckedRecord) -> bool,
        billing: impl Fn(&CheckedRecord) -> Option<&'a Billing>,
    ) -> Result<(), WriteError> {
        for (index, record) in checked.records.iter().enumerate() {
            if wanted(record) {
                self.record(read, checked, index, (record, billing(record)))?;
                let item = record.item.and_then(|item| checked.items.get(item as usize));
                self.sheet.totals.add(record, item.map(|item| item.kind));
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        read: &ReadBatch,
        checked: &CheckedBatch,
        index: usize,
        (record, billing): (&CheckedRecord, Option<&Billing>),
    ) -> Result<(), WriteError> {
        let mut texts = Vec::with_capacity(self.width);
        let item = record.item.and_then(|item| checked.items.get(item as usize));
        for column in 0..self.vendors {
            texts.push(self.known.text(read.cell(index, column), record, item, column));
        }
        texts.resize(self.width, "".into());
        for (at, column) in &self.added {
            if let Some(slot) = texts.get_mut(*at) {
                *slot = match billing.and_then(|billing| cells::billed(column.name, billing)) {
                    Some(text) => text.into(),
                    None => cells::added(column.name, &self.sheet.product, checked, record),
                };
            }
        }
        let marks = if self.marks() { self.marked(record) } else { Vec::new() };
        let mut out: Vec<CellOut<'_>> = texts.iter().map(|text| CellOut::plain(text)).collect();
        for (at, is_error, note) in &marks {
            if let Some(cell) = out.get_mut(*at) {
                cell.mark = if *is_error { Mark::Error { note } } else { Mark::Warning { note } };
            }
        }
        self.book.row(&out)?;
        self.problems(record)
    }

    /// Whether cells are coloured: what was accepted is nobody's to mend any more.
    fn marks(&self) -> bool {
        matches!(self.sheet.kind, Kind::ProcessedVendor | Kind::ProcessedProvider | Kind::Rejects)
    }

    /// The coloured cells of a record: where, whether it is an error, and the note.
    fn marked(&self, record: &CheckedRecord) -> Vec<(usize, bool, String)> {
        let mut marks: Vec<(usize, bool, String)> = Vec::new();
        let place = |name: &str| self.added.iter().find(|(_, column)| column.name == name).map(|(at, _)| *at);
        for (is_error, error) in cells::findings(record) {
            let own = error.column.map(usize::from).filter(|column| *column < self.vendors);
            let Some(at) = own.or_else(|| place("error_details")) else { continue };
            let line = format!("{}: {}", error.code, error.sentences());
            match marks.iter_mut().find(|(marked, ..)| *marked == at) {
                Some((_, red, note)) => {
                    *red |= is_error;
                    *note = format!("{note}\n{line}");
                }
                None => marks.push((at, is_error, line)),
            }
        }
        if let Some(at) = place("status").filter(|_| !record.is_valid()) {
            marks.push((at, true, String::new()));
        }
        marks
    }

    fn problems(&mut self, record: &CheckedRecord) -> Result<(), WriteError> {
        if !self.sheet.kind.lists_errors() {
            return Ok(());
        }
        for (is_error, error) in cells::findings(record) {
            let column = error.column.filter(|column| usize::from(*column) < self.vendors);
            let header = column.and_then(|column| self.sheet.columns.get(usize::from(column)));
            self.book.problem(&Problem {
                row: record.row,
                header: header.map_or("", |column| &column.header),
                column,
                code: &error.code.to_string(),
                is_warning: !is_error,
                message: &error.message,
                fix: &error.fix,
            })?;
        }
        Ok(())
    }

    /// Packs the workbook.
    ///
    /// # Errors
    /// See [`RecordsWorkbook::finish`].
    pub fn finish(mut self) -> Result<Written, WriteError> {
        if self.sheet.kind != Kind::Rejects {
            for (attribute, value) in self.sheet.totals.rows() {
                self.book.general(&attribute, &value);
            }
        }
        self.book.finish()
    }
}

#[cfg(test)]
pub(crate) mod tests;
