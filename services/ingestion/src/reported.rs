//! Files that collect reported records: which records are in them and where they rest. All of it is derived from
//! ingestion's own log as it is heard, so a restart makes it again.
//!
//! A record of an open file takes 32 bytes here, with the table around it some 40 to 75; nothing of a sealed one is kept.

use std::collections::{BTreeMap, HashMap, HashSet};

use ledger::fact::{FileColumn, FileRead, Part, RecordsRead};
use ledger::merkle::{Growing, leaf};
use ledger::record::ReadBatch;
use ledger::report::{Print, Receipt, ReportedRecords, prints};
use ledger::{Event, Fact, FileId, Hash, Ledger, ObjectId, Subject};
use runtime::snapshot;
use runtime::source::Source;
use workbook::columns;

use crate::categories::{self, Categories};
use crate::read::Laid;

/// Records of all open files together: with more, about half a GiB, some have to be sealed first.
pub(crate) const OPEN_RECORDS_MAX: usize = 8 * 1024 * 1024;
/// The first row that a record gets: as if a header stood above it.
pub(crate) const FIRST_ROW: u32 = 2;

/// The files.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    files: BTreeMap<FileId, Collected>,
    /// The root of each that was read to its end: another upload of the same records has it too.
    roots: BTreeMap<FileId, Hash>,
}

/// What was reported into a file, until it is handed over as read.
#[derive(Clone, Debug)]
pub(crate) struct Collected {
    contract: ObjectId,
    product: ObjectId,
    upload: u32,
    is_open: bool,
    pub(crate) columns: Vec<FileColumn>,
    pub(crate) categories: Categories,
    pub(crate) parts: Vec<Part>,
    /// Over the roots of the batches.
    pub(crate) tree: Growing,
    pub(crate) records: u32,
    /// The facts that brought its columns and records.
    facts: Vec<u64>,
    /// By key. Empty once it is sealed.
    known: HashMap<[u8; 12], Known>,
}

/// A record that is in the file: where, and its print's other half.
#[derive(Clone, Copy, Debug)]
struct Known {
    row: u32,
    content: [u8; 16],
}

impl Known {
    /// What another record of the same id is told.
    fn compared(self, print: &Print, admitted: bool) -> Receipt {
        let row = self.row;
        match (self.content == print.content, admitted) {
            (true, _) => Receipt::Identical { row },
            (false, true) => Receipt::Conflicting { row },
            (false, false) => Receipt::Refused,
        }
    }
}

impl Reported {
    /// Takes in what was recorded about a file.
    pub(crate) fn heard(&mut self, ledger: &Ledger, sequence: u64, event: &Event) {
        let Subject::File(id) = event.subject else { return };
        match &event.fact {
            Fact::ReportOpened { upload, .. } => self.open(ledger, id, *upload),
            Fact::ReportSealed { .. } => {
                if let Some(file) = self.files.get_mut(&id) {
                    file.seal();
                }
            }
            Fact::ColumnsReported { .. } => {
                if let Some(file) = self.files.get_mut(&id) {
                    file.take(sequence, &event.fact);
                }
            }
            Fact::RecordsRead(_) => {
                if let Some(file) = self.files.get_mut(&id).filter(|file| file.is_open) {
                    file.take(sequence, &event.fact);
                }
            }
            Fact::RecordsRooted(rooted) if self.files.contains_key(&id) => drop(self.roots.insert(id, rooted.root)),
            Fact::FileRead(_) | Fact::UploadOpened(_) | Fact::FileDeleted => drop(self.files.remove(&id)),
            _ => {}
        }
    }

    fn open(&mut self, ledger: &Ledger, id: FileId, upload: u32) {
        if let Some(file) = self.files.get_mut(&id) {
            file.upload = upload;
            return;
        }
        let Some(created) = ledger.file(id).and_then(|file| file.approval.created.as_ref()) else { return };
        let (contract, product) = (created.contract.id.clone(), created.product.id.clone());
        self.files.insert(id, Collected::new(contract, product, upload));
    }

    /// All of it as bytes for a snapshot: of each file which facts made it, since these rest in the log.
    pub(crate) fn keep(&self) -> Vec<u8> {
        let kept = |file: &Collected| -> Kept {
            (file.contract.clone(), file.product.clone(), file.upload, file.is_open, file.facts.clone())
        };
        let files: Vec<(FileId, Kept)> = self.files.iter().map(|(id, file)| (*id, kept(file))).collect();
        snapshot::encoded(&(files, &self.roots))
    }

    /// The same again from what was kept, and from ingestion's log; none where that isn't its own.
    pub(crate) fn again(kept: &[u8], log: &Source) -> Option<Self> {
        let (kept, roots): (Vec<(FileId, Kept)>, _) = snapshot::decoded(kept)?;
        let mut files = BTreeMap::new();
        for (id, (contract, product, upload, is_open, facts)) in kept {
            let mut file = Collected::new(contract, product, upload);
            for sequence in facts {
                file.take(sequence, &log.own_at(sequence).ok()??.event().ok()?.fact);
            }
            if !is_open {
                file.seal();
            }
            files.insert(id, file);
        }
        Some(Self { files, roots })
    }

    /// The root of a file's records, if it was read to its end before.
    pub(crate) fn root(&self, id: FileId) -> Option<Hash> {
        self.roots.get(&id).copied()
    }

    pub(crate) fn get(&self, id: FileId) -> Option<&Collected> {
        self.files.get(&id)
    }

    /// How many records all open files hold.
    pub(crate) fn open_records(&self) -> usize {
        self.files.values().map(|file| file.known.len()).sum()
    }

    /// What becomes of each record of a call, if it is decided now.
    pub(crate) fn receipts(&self, call: &ReportedRecords) -> Vec<Receipt> {
        let Some(own) = self.files.get(&call.file) else { return vec![Receipt::Refused; call.prints.len()] };
        let others = self.others(call.file, own);
        let mut added: HashMap<[u8; 12], Known> = HashMap::new();
        let mut row = own.next_row();
        let mut receipt = |(print, &admitted): (&Print, &bool)| {
            if let Some(known) = own.known.get(&print.key).or_else(|| added.get(&print.key)) {
                return known.compared(print, admitted);
            }
            if !admitted {
                return Receipt::Refused;
            }
            if let Some(file) = holder(&others, print) {
                return Receipt::Taken { file };
            }
            added.insert(print.key, Known { row, content: print.content });
            row = row.saturating_add(1);
            Receipt::Added { row: row - 1 }
        };
        call.prints.iter().zip(&call.admitted).map(&mut receipt).collect()
    }

    /// The other open files of the contract and product of one.
    fn others(&self, id: FileId, own: &Collected) -> Vec<(FileId, &Collected)> {
        let scope = (&own.contract, &own.product);
        let counts = |other: &Collected| other.is_open && (&other.contract, &other.product) == scope;
        let others = self.files.iter().filter(|(other, it)| **other != id && counts(it));
        others.map(|(id, other)| (*id, other)).collect()
    }

    /// The receipts of a call that was decided before, maybe for a file that is sealed by now: what was recorded for it
    /// then is what it added.
    pub(crate) fn receipts_again(&self, call: &ReportedRecords, recorded: &[Event]) -> Vec<Receipt> {
        let Some(&Subject::File(file)) = recorded.first().map(|event| &event.subject) else {
            return self.receipts(call);
        };
        // The file that collects such records by now may be one that wasn't heard of yet, or none.
        let others = self.files.get(&call.file).map_or_else(Vec::new, |own| self.others(file, own));
        let known = self.files.get(&file).map(|file| &file.known);
        let rows = rows_of(call, recorded);
        let mut later: HashSet<[u8; 12]> = rows.keys().map(|&index| call.prints[index].key).collect();
        let mut added: HashMap<[u8; 12], Known> = HashMap::new();
        let receipt = |(index, (print, &admitted)): (usize, (&Print, &bool))| {
            if let Some(&row) = rows.get(&index) {
                later.remove(&print.key);
                added.insert(print.key, Known { row, content: print.content });
                return Receipt::Added { row };
            }
            if later.contains(&print.key) {
                // Another one of its id was added after it.
                return Receipt::Refused;
            }
            let there = added.get(&print.key).or_else(|| known.and_then(|known| known.get(&print.key)));
            match there {
                Some(known) => known.compared(print, admitted),
                // What no open file holds rests in the file itself, which is sealed by now.
                None if admitted => Receipt::Taken { file: holder(&others, print).unwrap_or(file) },
                None => Receipt::Refused,
            }
        };
        call.prints.iter().zip(&call.admitted).enumerate().map(receipt).collect()
    }
}

/// Which records of a call were added by what was recorded for it, each with its row. They were laid down in its order.
fn rows_of(call: &ReportedRecords, recorded: &[Event]) -> HashMap<usize, u32> {
    let batches = recorded.iter().filter_map(|event| match &event.fact {
        Fact::RecordsRead(read) => decoded(read),
        _ => None,
    });
    // The known columns come first and in their order, in every file.
    let place = |name: &String| columns::RECORDS.iter().position(|column| column.name == name);
    let places: Vec<Option<usize>> = call.columns.iter().map(place).collect();
    let mut rows = HashMap::new();
    let mut next = 0;
    for batch in batches {
        for (at, &row) in batch.rows.iter().enumerate() {
            let is_it = |index: &usize| is_laid_down(call, (*index, &places), &batch, at);
            if let Some(index) = (next..call.prints.len()).find(is_it) {
                rows.insert(index, row);
                next = index + 1;
            }
        }
    }
    rows
}

/// Whether a record of a call is one that was laid down. Under which name a column of the vendor's own stands in a batch
/// isn't asked, since the file may be gone that knew: its values are.
fn is_laid_down(
    call: &ReportedRecords,
    (index, places): (usize, &[Option<usize>]),
    batch: &ReadBatch,
    at: usize,
) -> bool {
    let own = || (columns::RECORDS.len()..batch.columns.len()).map(|column| batch.cell(at, column).text);
    let mut cells = 0;
    let same = places.iter().enumerate().all(|(column, place)| {
        let text = call.batch.cell(index, column).text;
        cells += usize::from(!text.is_empty());
        match place {
            Some(place) => batch.cell(at, *place).text == text,
            None => text.is_empty() || own().any(|own| own == text),
        }
    });
    same && cells == (0..batch.columns.len()).filter(|column| !batch.cell(at, *column).text.is_empty()).count()
}

/// Which of some files holds a record of that id.
fn holder(files: &[(FileId, &Collected)], print: &Print) -> Option<FileId> {
    files.iter().find(|(_, file)| file.known.contains_key(&print.key)).map(|(id, _)| *id)
}

/// What a snapshot has of a file: contract, product, upload, whether it is open, and the facts that made it.
type Kept = (ObjectId, ObjectId, u32, bool, Vec<u64>);

impl Collected {
    fn new(contract: ObjectId, product: ObjectId, upload: u32) -> Self {
        Self {
            contract,
            product,
            upload,
            is_open: true,
            columns: Vec::new(),
            categories: Categories::default(),
            parts: Vec::new(),
            tree: Growing::default(),
            records: 0,
            facts: Vec::new(),
            known: HashMap::new(),
        }
    }

    /// Takes in a fact that brings columns or records.
    fn take(&mut self, sequence: u64, fact: &Fact) {
        self.facts.push(sequence);
        match fact {
            Fact::ColumnsReported { columns, .. } => self.columns.extend(columns.iter().cloned()),
            Fact::RecordsRead(read) => self.add(sequence, read),
            _ => {}
        }
    }

    /// It takes no more, so nothing is compared with its records.
    fn seal(&mut self) {
        self.is_open = false;
        self.known = HashMap::new();
    }

    pub(crate) fn next_row(&self) -> u32 {
        FIRST_ROW.saturating_add(self.records)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// Where its records rest.
    pub(crate) fn laid(&self) -> Laid {
        let (columns, categories) = (self.columns.clone(), self.categories.list.clone());
        Laid { columns, categories, parts: self.parts.clone() }
    }

    /// What ends its reading, if the batches can stay as they are.
    pub(crate) fn read(&self, upload: u32, attempt: u32) -> FileRead {
        FileRead {
            upload,
            attempt,
            columns: self.columns.clone(),
            ignored: Vec::new(),
            categories: self.categories.list.clone(),
            parts: self.parts.clone(),
            records: self.records,
        }
    }

    fn add(&mut self, sequence: u64, read: &RecordsRead) {
        let (first_row, last_row, records) = (read.first_row, read.last_row, read.records);
        self.parts.push(Part { sequence, first_row, last_row, records });
        self.tree.push(leaf(&read.root.0));
        self.records = self.records.saturating_add(records);
        let Some(batch) = decoded(read) else { return };
        let names = self.names();
        let prints = prints(&self.contract, &self.product, &names, &batch);
        let category = names.iter().position(|name| name == categories::COLUMN).unwrap_or(usize::MAX);
        self.known.reserve(prints.len());
        for (index, (print, &row)) in prints.iter().zip(&batch.rows).enumerate() {
            self.known.insert(print.key, Known { row, content: print.content });
            // Who laid the batch down saw that they fit.
            drop(self.categories.name(batch.cell(index, category).text));
        }
    }
}

fn decoded(read: &RecordsRead) -> Option<ReadBatch> {
    let batch = proto::decode_read_batch(&read.payload);
    batch.inspect_err(|error| tracing::error!(%error, "a batch of reported records can't be read back")).ok()
}
