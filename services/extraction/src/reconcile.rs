//! Reading a reconciliation workbook: a chunk's records with where each was billed (seed 002; connect-api §4.6).
//!
//! Rows are matched by the vendor's record id, or by the record's own id in a column `id`. A row without billing data
//! leaves its record open.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;

use ledger::record::{Billing, ClosedRows, record_key};
use ledger::{FileId, Hash, ObjectId, ReconciliationId, RecordId, UsageFile};
use runtime::decider::Tools;
use runtime::records::RecordsError;
use workbook::columns;
use workbook::read::table::{Record, Table};
use workbook::read::{Limits, ReadError, Workbook};
use workbook::usage::report_id;

use crate::Own;

/// Problems that are told one by one; the rest are counted.
const PROBLEMS_MAX: usize = 5;
/// Characters of a billing id or note.
const TEXT_CHARS_MAX: usize = 254;

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

/// By row of the file: the row of the workbook, and the place of its billing.
type Seen = HashMap<u32, (u32, u32)>;

#[derive(Default)]
struct Found {
    billed: ClosedRows,
    problems: Vec<String>,
    problem_count: u32,
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
        })
    }

    pub(crate) fn run(self, tools: &Tools<Own>) {
        let id = self.id;
        runtime::crash::point("reconcile.begin");
        let own = match self.read(tools) {
            Ok(found) => {
                let Found { billed, problems, problem_count } = found;
                Own::Reconciled { id, rows: billed, problems, problem_count }
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

    fn read(&self, tools: &Tools<Own>) -> Result<Found, Failure> {
        let missing = |_| Failure::Workbook("The workbook is missing on the server; upload it again.".to_owned());
        let open = || tools.blobs.read(self.blob).map_err(missing);
        self.check_report_id(open()?)?;
        let mut book = Workbook::open(BufReader::new(open()?), Limits::default())?;
        let names = [columns::RECORDS_TAB, columns::RECORDS_TAB_ALIAS];
        let sheet = book.sheet_named(&names)?.ok_or_else(|| {
            Failure::Workbook(
                "The workbook has no tab called records. Send the chunk's workbook with its records tab.".to_owned(),
            )
        })?;
        let known = ["record_id", "id", "external_billing_id", "external_billing_note"];
        let mut table = Table::open(book.rows(sheet)?, &known)?;
        let [record_id, own_id, billing_id, note] = known.map(|name| table.position(name));
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
        let rows = self.rows_by_key(tools)?;
        let mut found = Found::default();
        let (mut seen, mut billings) = (Seen::new(), Billings::default());
        while let Some(record) = table.next_record()? {
            let number = record.number();
            let billing = Billing { id: text(&record, billing_id), note: text(&record, note) };
            if billing.id.is_empty() && billing.note.is_empty() {
                continue;
            }
            let long = [&billing.id, &billing.note].iter().any(|text| text.chars().count() > TEXT_CHARS_MAX);
            if record.fault().is_some() || long {
                found
                    .problem(format!("row {number}: the billing data can't be read or is longer than 254 characters;"));
                continue;
            }
            let row = match RecordId::parse(&text(&record, own_id)) {
                Some(id) => (id.file == self.id.file).then_some(id.row),
                None => {
                    let id = record_id.and_then(|column| record.cell(column)).map_or("", |cell| cell.text);
                    rows.get(&record_key(&self.contract, &self.product, id)).copied()
                }
            };
            let Some(row) = row else {
                found.problem(format!("row {number}: no accepted record of this file has that id;"));
                continue;
            };
            let at = billings.at(billing);
            match seen.get(&row) {
                Some((_, first)) if *first == at => {}
                Some((first, _)) => {
                    found.problem(format!("row {number}: the record was billed otherwise in row {first};"));
                }
                None => drop(seen.insert(row, (number, at))),
            }
        }
        drop(rows);
        self.compare_with_closed(tools, &seen, &billings.list, &mut found)?;
        found.billed = closed_rows(seen, billings.list);
        Ok(found)
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
    fn compare_with_closed(
        &self,
        tools: &Tools<Own>,
        seen: &Seen,
        billings: &[Billing],
        found: &mut Found,
    ) -> Result<(), RecordsError> {
        for &sequence in &self.closings {
            let closed = tools.records.closed(self.id.file, sequence)?;
            for (row, billing) in closed.each() {
                if let Some((number, _)) = seen.get(&row).filter(|(_, at)| billings.get(*at as usize) != Some(billing))
                {
                    found.problem(format!("row {number}: the record is closed and was billed otherwise;"));
                }
            }
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

fn text(record: &Record<'_>, column: Option<usize>) -> String {
    let cell = column.and_then(|column| record.cell(column));
    cell.map_or_else(String::new, |cell| cell.text.trim().to_owned())
}

fn closed_rows(seen: Seen, billings: Vec<Billing>) -> ClosedRows {
    let mut billed: Vec<(u32, u32)> = seen.into_iter().map(|(row, (_, at))| (row, at)).collect();
    billed.sort_unstable();
    let mut closed = ClosedRows { billings, ..ClosedRows::default() };
    for (row, at) in billed {
        closed.rows.insert(row);
        closed.refs.push(at);
    }
    closed
}
