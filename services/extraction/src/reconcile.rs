//! Reading a reconciliation workbook: a chunk's records with where each was billed (seed 002; connect-api §4.6).
//!
//! Rows are matched by the vendor's record id, or by the record's own id in a column `id`. A row without billing data
//! leaves its record open.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;

use ledger::record::{Billing, ClosedRows, record_key};
use ledger::rows::RowSet;
use ledger::{FileId, Hash, Moment, ObjectId, ReconciliationId, RecordId, UsageFile};
use runtime::decider::Tools;
use runtime::records::RecordsError;
use workbook::columns;
use workbook::read::table::{Record, Table};
use workbook::read::{CellKind, Limits, ReadError, Workbook};
use workbook::usage::report_id;

use crate::result::{Before, ResultError, ResultSheet, RowRead, Seen};
use crate::{Own, Reconciled};

/// Problems that are told one by one; the rest are counted.
const PROBLEMS_MAX: usize = 5;
/// Characters of a billing id or note.
pub(crate) const TEXT_CHARS_MAX: usize = 254;
/// The tab that is read.
const RECORDS_TABS: [&str; 2] = [columns::RECORDS_TAB, columns::RECORDS_TAB_ALIAS];
/// Columns that are read.
const KNOWN: [&str; 4] = ["record_id", "id", "external_billing_id", "external_billing_note"];

/// What the job needs to know.
#[derive(Clone, Debug)]
pub struct Reconcile {
    id: ReconciliationId,
    blob: Hash,
    contract: ObjectId,
    product: ObjectId,
    checked: Vec<u64>,
    /// Where the records that are closed already were closed.
    closings: Vec<u64>,
    /// Rows that are billed.
    billed: RowSet,
    exempt: RowSet,
    closed: RowSet,
    /// The file, for the general tab of the result.
    file: Box<UsageFile>,
    received_at: Moment,
}

enum Failure {
    Workbook(String),
    Records(RecordsError),
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Workbook(error.to_string())
    }
}

impl From<RecordsError> for Failure {
    fn from(error: RecordsError) -> Self {
        Self::Records(error)
    }
}

/// Each billing once: a million rows are billed on some thousand invoices, and all of them are held until the end.
#[derive(Default)]
struct Billings {
    list: Vec<Billing>,
    known: HashMap<Billing, u32>,
}

impl Billings {
    fn at(&mut self, billing: Billing) -> u32 {
        if let Some(&at) = self.known.get(&billing) {
            return at;
        }
        let at = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(billing.clone());
        self.known.insert(billing, at);
        at
    }
}

#[derive(Default)]
struct Found {
    /// One for each row of the workbook.
    rows: Vec<RowRead>,
    seen: Seen,
    billings: Billings,
    before: Before,
    problems: Vec<String>,
    problem_count: u32,
}

/// The columns of the workbook that are read, by position.
struct Places {
    record_id: Option<usize>,
    own_id: Option<usize>,
    billing_id: Option<usize>,
    note: Option<usize>,
}

impl Found {
    fn problem(&mut self, text: String) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(text);
        }
    }
}

impl Reconcile {
    pub(crate) fn new(file: FileId, known: &UsageFile, index: u16) -> Option<Self> {
        let extraction = known.current_extraction()?;
        let reconciliation = extraction.reconciliations.get(&index)?;
        let created = known.approval.created.as_ref()?;
        Some(Self {
            id: file.reconciliation(index),
            blob: reconciliation.blob,
            contract: created.contract.id.clone(),
            product: created.product.id.clone(),
            checked: known.current_checking()?.parts.iter().map(|part| part.sequence).collect(),
            closings: extraction.closings.iter().map(|closing| closing.sequence).collect(),
            billed: union(extraction.chunks.values().map(|chunk| &chunk.rows)),
            exempt: union(extraction.exempt.values().map(|exempt| &exempt.rows)),
            closed: extraction.closed.clone(),
            received_at: reconciliation.received_at.as_ref()?.at,
            file: Box::new(known.clone()),
        })
    }

    pub(crate) fn run(self, tools: &Tools<Own>) {
        let id = self.id;
        runtime::crash::point("reconcile.begin");
        let own = match self.read(tools) {
            Ok(found) => {
                let Some(processed) = self.write_result(&found, tools) else { return };
                let Found { seen, billings, before, problems, problem_count, .. } = found;
                let rows = closed_rows(seen, billings.list, &before);
                let closings = self.closings.len();
                Own::Reconciled(Box::new(Reconciled { id, rows, closings, problems, problem_count, processed }))
            }
            Err(Failure::Workbook(detail)) => Own::NotReconciled { id, detail },
            Err(Failure::Records(error)) => {
                tracing::error!(reconciliation = %id, %error, "the records of a file can't be read back");
                Own::NotReconciled { id, detail: format!("The file's records can't be read: {error}.") }
            }
        };
        runtime::crash::point("reconcile.before_end");
        // Stale means that an earlier attempt has ended it.
        drop(tools.tell(own));
    }

    fn open(&self, tools: &Tools<Own>) -> Result<File, Failure> {
        let missing = |_| Failure::Workbook("The workbook is missing on the server; upload it again.".to_owned());
        tools.blobs.read(self.blob).map_err(missing)
    }

    fn read(&self, tools: &Tools<Own>) -> Result<Found, Failure> {
        self.check_report_id(self.open(tools)?)?;
        let mut book = Workbook::open(BufReader::new(self.open(tools)?), Limits::default())?;
        let sheet = book.sheet_named(&RECORDS_TABS)?.ok_or_else(|| {
            Failure::Workbook(
                "The workbook has no tab called records. Send the chunk's workbook with its records tab.".to_owned(),
            )
        })?;
        let mut table = Table::open(book.rows(sheet)?, &KNOWN)?;
        let [record_id, own_id, billing_id, note] = KNOWN.map(|name| table.position(name));
        if billing_id.is_none() && note.is_none() {
            let detail =
                "The records tab has neither external_billing_id nor external_billing_note. Add and fill them.";
            return Err(Failure::Workbook(detail.to_owned()));
        }
        if record_id.is_none() && own_id.is_none() {
            let detail =
                "The records tab has no record_id column, so that its rows can't be matched. Keep the chunk's.";
            return Err(Failure::Workbook(detail.to_owned()));
        }
        let places = Places { record_id, own_id, billing_id, note };
        let rows = self.rows_by_key(tools)?;
        let mut found = Found::default();
        while let Some(record) = table.next_record()? {
            let read = self.row(&record, &places, &rows, &mut found);
            found.rows.push(read);
        }
        drop(rows);
        self.compare_with_closed(tools, &mut found)?;
        Ok(found)
    }

    /// Takes a row in, and names what is wrong with it.
    fn row(&self, record: &Record<'_>, places: &Places, rows: &HashMap<[u8; 12], u32>, found: &mut Found) -> RowRead {
        let number = record.number();
        let billing = Billing { id: text(record, places.billing_id), note: text(record, places.note) };
        let blank = billing.id.is_empty() && billing.note.is_empty();
        let long = [&billing.id, &billing.note].iter().any(|text| text.chars().count() > TEXT_CHARS_MAX);
        let unusable = [places.billing_id, places.note].into_iter().any(|column| is_unusable(record, column));
        if record.fault().is_some() || long || unusable {
            if !blank || unusable {
                found
                    .problem(format!("row {number}: the billing data can't be read or is longer than 254 characters;"));
            }
            return RowRead::Unreadable;
        }
        let row = match RecordId::parse(&text(record, places.own_id)) {
            Some(id) => (id.file == self.id.file).then_some(id.row),
            None => {
                let id = places.record_id.and_then(|column| record.cell(column)).map_or("", |cell| cell.text);
                rows.get(&record_key(&self.contract, &self.product, id)).copied()
            }
        };
        let known = row.filter(|row| self.billed.contains(*row) || self.exempt.contains(*row));
        let Some(row) = known else {
            if !blank {
                found.problem(format!("row {number}: no accepted record of this file has that id;"));
            }
            return RowRead::NotFound;
        };
        if blank {
            return RowRead::Blank(row);
        }
        if self.exempt.contains(row) {
            found.problem(format!("row {number}: the record tells how a reservation is used, which is never billed;"));
            return RowRead::Bills(row);
        }
        let at = found.billings.at(billing);
        match found.seen.get(&row).copied() {
            Some((_, first)) if first == at => {}
            Some((first, _)) => {
                found.problem(format!("row {number}: the record was billed otherwise in row {first};"));
                return RowRead::Contradicts(first);
            }
            None => drop(found.seen.insert(row, (number, at))),
        }
        RowRead::Bills(row)
    }

    /// The workbook that says what became of each row. Records are closed without it rather than not at all. None when the
    /// process stops before the disk takes it.
    fn write_result(&self, found: &Found, tools: &Tools<Own>) -> Option<Option<Hash>> {
        let outcome = tools.patiently(|| self.result(found, tools))?;
        Some(outcome.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(reconciliation = %self.id, error, "the result of a reconciliation was not written");
            None
        }))
    }

    fn result(&self, found: &Found, tools: &Tools<Own>) -> Result<Option<Hash>, ResultError> {
        let Ok(source) = self.open(tools) else { return Ok(None) };
        let mut book = Workbook::open(BufReader::new(source), Limits::default())?;
        let Some(sheet) = book.sheet_named(&RECORDS_TABS)? else { return Ok(None) };
        let table = Table::open(book.rows(sheet)?, &KNOWN)?;
        let sheet = ResultSheet { id: self.id, file: &self.file, created: self.received_at, temp: tools.temp() };
        let path = tools.temp_path("reconciled");
        let is_written = sheet.write(table, &found.rows, &found.seen, &found.before, &path)?;
        Ok(if is_written { Some(tools.blobs.adopt(&path)?.0) } else { None })
    }

    /// A workbook that says it is of another file must not close records of this one.
    fn check_report_id(&self, source: File) -> Result<(), Failure> {
        match report_id(BufReader::new(source))? {
            Some(named) if named != self.id.file.to_string() => Err(Failure::Workbook(format!(
                "The workbook is of {named}, not of {}. Upload it to its own file.",
                self.id.file
            ))),
            _ => Ok(()),
        }
    }

    /// What is closed stays as it was; a row that says otherwise is named.
    fn compare_with_closed(&self, tools: &Tools<Own>, found: &mut Found) -> Result<(), RecordsError> {
        let mut differing = Vec::new();
        for &sequence in &self.closings {
            let closed = tools.records.closed(self.id.file, sequence)?;
            for (row, billing) in closed.each() {
                let Some((number, at)) = found.seen.get(&row) else { continue };
                if found.billings.list.get(*at as usize) != Some(billing) {
                    differing.push((*number, row));
                }
            }
        }
        found.before.exempt.clone_from(&self.exempt);
        found.before.closed.clone_from(&self.closed);
        for (number, row) in differing {
            found.before.otherwise.insert(row);
            found.problem(format!("row {number}: the record is closed and was billed otherwise;"));
        }
        Ok(())
    }

    fn rows_by_key(&self, tools: &Tools<Own>) -> Result<HashMap<[u8; 12], u32>, RecordsError> {
        let mut rows = HashMap::new();
        for &sequence in &self.checked {
            let batch = tools.records.checked(self.id.file, sequence)?;
            rows.extend(batch.records.iter().map(|record| (record.key, record.row)));
        }
        Ok(rows)
    }
}

/// Whether a cell holds what was meant as a value and can't be read as one: it must not pass for a blank.
fn is_unusable(record: &Record<'_>, column: Option<usize>) -> bool {
    let cell = column.and_then(|column| record.cell(column));
    cell.is_some_and(|cell| {
        cell.fault.is_some() || matches!(cell.kind, CellKind::Error | CellKind::FormulaWithoutValue)
    })
}

fn text(record: &Record<'_>, column: Option<usize>) -> String {
    let cell = column.and_then(|column| record.cell(column));
    cell.map_or_else(String::new, |cell| cell.text.trim().to_owned())
}

fn union<'a>(sets: impl Iterator<Item = &'a RowSet>) -> RowSet {
    let mut all = RowSet::default();
    sets.for_each(|set| all.absorb(set));
    all
}

/// The rows that are to be closed, with how each is billed.
fn closed_rows(seen: Seen, billings: Vec<Billing>, before: &Before) -> ClosedRows {
    let open = seen.into_iter().filter(|(row, _)| !before.closed.contains(*row));
    let mut billed: Vec<(u32, u32)> = open.map(|(row, (_, at))| (row, at)).collect();
    billed.sort_unstable();
    let mut closed = ClosedRows { billings, ..ClosedRows::default() };
    for (row, at) in billed {
        closed.rows.insert(row);
        closed.refs.push(at);
    }
    closed
}
