//! The result of a reconciliation as a workbook: the rows that were uploaded, each with what became of it.

use std::collections::BTreeMap;
use std::path::Path;

use ledger::{Moment, ReconciliationId, ServiceName, UsageFile};

use crate::columns::{self, RECONCILED_ADDED};
use crate::read::table::{Column, Record};
use crate::usage::general;
use crate::write::{CellOut, Kind, Layout, Mark, RecordsWorkbook, WriteError, Written};

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowResult {
    /// The record is closed now.
    Closed,
    /// It has no billing data.
    LeftOpen,
    /// It had been closed before, with the same billing data.
    WasClosed,
    /// No accepted record of the file has that id.
    NotFound,
    /// It is closed, or named twice, with other billing data.
    BilledOtherwise,
    /// The billing data can't be read.
    Unreadable,
}

impl RowResult {
    /// Every result, in order.
    pub const ALL: [Self; 6] =
        [Self::Closed, Self::LeftOpen, Self::WasClosed, Self::NotFound, Self::BilledOtherwise, Self::Unreadable];

    /// What stands in the column `result`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::LeftOpen => "left open",
            Self::WasClosed => "was closed",
            Self::NotFound => "not found",
            Self::BilledOtherwise => "billed otherwise",
            Self::Unreadable => "unreadable",
        }
    }

    fn mark(self, note: &str) -> Mark<'_> {
        match self {
            Self::Closed | Self::WasClosed => Mark::Plain,
            Self::LeftOpen => Mark::Warning { note },
            Self::NotFound | Self::BilledOtherwise | Self::Unreadable => Mark::Error { note },
        }
    }
}

/// The result of a reconciliation in the making.
pub struct ReconciledWriter {
    book: RecordsWorkbook,
    uploaded: usize,
    /// Where `result` and `result_details` stand.
    added: Vec<(usize, &'static columns::Column)>,
    counts: BTreeMap<RowResult, u32>,
}

impl ReconciledWriter {
    /// Begins the workbook at a path, for an uploaded `records` tab with these columns. `created` is the time of the
    /// fact that orders the workbook. None for a file that was not checked, which has no reconciliations.
    ///
    /// # Errors
    /// See [`RecordsWorkbook::create`].
    pub fn create(
        id: ReconciliationId,
        file: &UsageFile,
        uploaded: &[Column],
        created: Moment,
        path: &Path,
        temp: &Path,
    ) -> Result<Option<Self>, WriteError> {
        let Some(mut general) = general::rows(Kind::Reconciled, id.file, file, None) else { return Ok(None) };
        general.push(("reconciliation_id".to_owned(), id.to_string()));
        let known = file.current_extraction().and_then(|extraction| extraction.reconciliations.get(&id.index));
        let shown = known.map(|known| known.checkpoint).unwrap_or_default();
        general.extend(general::checkpoint(ServiceName::Extraction, id.file, shown));
        let mut headers: Vec<String> = uploaded.iter().map(|column| column.header_text.clone()).collect();
        let added = columns::placed(&headers, &RECONCILED_ADDED);
        for (at, column) in &added {
            if *at >= headers.len() {
                headers.push(column.name.to_owned());
            }
        }
        let categories = file.categories().to_vec();
        let layout = Layout { kind: Kind::Reconciled, title: id.to_string(), general, categories, headers, created };
        let book = RecordsWorkbook::create(path, temp, &layout)?;
        Ok(Some(Self { book, uploaded: uploaded.len(), added, counts: BTreeMap::new() }))
    }

    /// Writes the next uploaded row with what became of it. `details` says why and what to do; it may be empty.
    ///
    /// # Errors
    /// See [`RecordsWorkbook::row`].
    pub fn row(&mut self, row: &Record<'_>, result: RowResult, details: &str) -> Result<(), WriteError> {
        let text = |column| row.cell(column).map_or("", |cell| cell.text);
        let mut cells: Vec<CellOut<'_>> = (0..self.uploaded).map(|column| CellOut::plain(text(column))).collect();
        for (at, column) in &self.added {
            let is_result = column.name == "result";
            let cell = CellOut {
                text: if is_result { result.name() } else { details },
                mark: if is_result { result.mark(details) } else { Mark::Plain },
            };
            match cells.get_mut(*at) {
                Some(slot) => *slot = cell,
                None => cells.push(cell),
            }
        }
        self.book.row(&cells)?;
        *self.counts.entry(result).or_default() += 1;
        Ok(())
    }

    /// Packs the workbook; the `general` tab says how many rows had each result.
    ///
    /// # Errors
    /// See [`RecordsWorkbook::finish`].
    pub fn finish(mut self) -> Result<Written, WriteError> {
        for result in RowResult::ALL {
            let count = self.counts.get(&result).copied().unwrap_or(0);
            self.book.general(&format!("rows_{}", result.name().replace(' ', "_")), &count.to_string());
        }
        self.book.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Reader, Xlsx};

    use super::*;
    use crate::read::table::Table;
    use crate::read::{Limits, Workbook};
    use crate::usage::tests::made::World;

    /// An uploaded reconciliation with a column of the other side's own, and one that is called like ours.
    fn uploaded(folder: &Path) -> Vec<u8> {
        let headers = ["record_id", "external_billing_id", "result", "paid"].map(str::to_owned).to_vec();
        let layout = Layout {
            kind: Kind::Reconciliation,
            title: String::new(),
            general: Vec::new(),
            categories: Vec::new(),
            headers,
            created: Moment(0),
        };
        let path = folder.join("uploaded.xlsx");
        let mut book = RecordsWorkbook::create(&path, folder, &layout).unwrap();
        for (at, invoice) in ["INV-7", "", "INV-7", "INV-7", "INV-8", "=INV"].iter().enumerate() {
            let id = format!("r-{at}");
            book.row(&[id.as_str(), invoice, "old", "+1"].map(CellOut::plain)).unwrap();
        }
        book.finish().unwrap();
        std::fs::read(&path).unwrap()
    }

    #[test]
    fn every_row_comes_back_with_what_became_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut book = Workbook::open(Cursor::new(uploaded(folder.path())), Limits::default()).unwrap();
        let sheet = book.sheet_named(&[columns::RECORDS_TAB]).unwrap().unwrap();
        let mut table = Table::open(book.rows(sheet).unwrap(), &[]).unwrap();
        let path = folder.path().join("result.xlsx");
        let id = ReconciliationId { file: ledger::FileId::parse("UF-2026-10-0000-0001").unwrap(), index: 1 };
        let world = World::new(ledger::catalog::Schema::Qt, &["record_id"]);
        let columns = table.columns().to_vec();
        let made = ReconciledWriter::create(id, world.file(), &columns, Moment(0), &path, folder.path());
        let mut writer = made.unwrap().unwrap();
        let mut results = RowResult::ALL.into_iter();
        while let Some(record) = table.next_record().unwrap() {
            let result = results.next().unwrap();
            let details = match result {
                RowResult::Closed | RowResult::WasClosed => "",
                RowResult::LeftOpen => "It has no billing data. Fill external_billing_id and send the row again.",
                RowResult::NotFound => "No accepted record of this file has that id.",
                RowResult::BilledOtherwise => "It was closed with INV-7, which stays.",
                RowResult::Unreadable => "=The cell holds an error.",
            };
            writer.row(&record, result, details).unwrap();
        }
        assert_eq!((writer.finish().unwrap().records, results.next()), (6, None));

        let mut result = Xlsx::new(Cursor::new(std::fs::read(&path).unwrap())).unwrap();
        let texts = |book: &mut Xlsx<_>, tab: &str| -> Vec<String> {
            let range = book.worksheet_range(tab).unwrap();
            range.rows().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")).collect()
        };
        let rows = texts(&mut result, "records");
        assert_eq!(rows[0], "record_id|external_billing_id|result|paid|result_details");
        assert_eq!(rows[1], "r-0|INV-7|closed|+1|");
        let open = "r-1||left open|+1|It has no billing data. Fill external_billing_id and send the row again.";
        assert_eq!(rows[2], open);
        assert_eq!(rows[6], "r-5|=INV|unreadable|+1|=The cell holds an error.");
        let general = texts(&mut result, "general");
        let first = general.iter().position(|row| *row == format!("reconciliation_id|{id}")).unwrap();
        assert_eq!(general[first + 1], "rows_closed|1");
        assert_eq!(general[first + 5..], ["rows_billed_otherwise|1", "rows_unreadable|1"]);
        assert!(general.contains(&"report_id|UF-2026-10-0000-0001".to_owned()));
        if let Ok(samples) = std::env::var("SAMPLES") {
            std::fs::copy(&path, Path::new(&samples).join("reconciled.xlsx")).unwrap();
        }
    }
}
