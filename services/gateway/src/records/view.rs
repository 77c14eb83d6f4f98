//! A file as its records are read: what the fold knows of it, taken out once so that the fold is not held meanwhile.

use std::collections::BTreeMap;

use ledger::digest::digest_of;
use ledger::fact::{Category, ExemptReason, FileColumn, FileCreated, Part, RecordMark};
use ledger::file::{CheckingEnd, Closing, Extraction, Marks, Status, UsageFile};
use ledger::record::CheckedBatch;
use ledger::rows::RowSet;
use ledger::{FileId, Hash, Moment};
use rql::objects::{RecordObject, RecordsOf};

/// The statuses of a file's records (connect-api §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They are still read or checked: null.
    Open,
    /// Some are valid, some are not.
    Mixed,
    /// All the same.
    All(&'static str),
    /// They wait, and the provider said something of some of them.
    Marked,
    /// Approved, and some of them closed.
    Billed,
}

/// What the list of records needs to know of a file before it looks at any record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline {
    pub(crate) records: u32,
    pub(crate) standing: Standing,
}

impl Outline {
    /// The outline of a file that has records to show.
    pub(crate) fn of(file: &UsageFile) -> Option<Self> {
        let reading = file.current_reading().filter(|reading| reading.end.is_some() || file.collects())?;
        if reading.records == 0 || file.status() == Status::Deleted {
            return None;
        }
        Some(Self { records: reading.records, standing: standing(file, reading.records) })
    }

    /// Any record of the file, as far as all of them are alike.
    pub(crate) fn object<'a>(&self, id: FileId, file: &'a UsageFile) -> Option<RecordObject<'a>> {
        let status = match self.standing {
            Standing::All(status) => Some(status),
            Standing::Open | Standing::Mixed | Standing::Marked | Standing::Billed => None,
        };
        Some(RecordObject { of: RecordsOf::new(id, file)?, read: None, checked: None, index: 0, status })
    }

    /// Whether [`Outline::object`] decides conditions on a path.
    pub(crate) fn knows(&self, path: &str) -> bool {
        match path {
            "status" => matches!(self.standing, Standing::All(_) | Standing::Open),
            "product_id" | "created_time" => true,
            _ => path.starts_with("usagefile."),
        }
    }
}

fn standing(file: &UsageFile, records: u32) -> Standing {
    match file.status() {
        Status::Draft | Status::Uploaded | Status::Processing | Status::Deleted => Standing::Open,
        Status::Invalid => match file.current_checking().and_then(|checking| checking.end.as_ref()) {
            Some(CheckingEnd::Checked { .. }) => Standing::Mixed,
            Some(CheckingEnd::Failed { .. }) | None => Standing::Open,
        },
        Status::Pending if !file.approval.marks.is_empty() => Standing::Marked,
        Status::Pending if file.approval.records_approved_at.is_some() => Standing::All("approved"),
        Status::Ready | Status::Pending => Standing::All("valid"),
        Status::Rejected => Standing::All("rejected"),
        // An estimate that was superseded before it was answered.
        Status::Closed if !file.is_accepted() => Standing::All("closed"),
        Status::Accepted | Status::Closed => match file.current_extraction().map_or(0, |it| it.closed.len()) {
            0 => Standing::All("approved"),
            closed if closed >= records => Standing::All("closed"),
            _ => Standing::Billed,
        },
    }
}

fn exempt_rows(extraction: &Extraction) -> BTreeMap<ExemptReason, RowSet> {
    extraction.exempt.iter().map(|(reason, exempt)| (*reason, exempt.rows.clone())).collect()
}

/// Everything about a file that its records are shown with.
#[derive(Clone, Debug)]
pub(crate) struct FileView {
    pub(crate) id: FileId,
    pub(crate) outline: Outline,
    pub(crate) created: FileCreated,
    pub(crate) created_time: Option<Moment>,
    /// The place of each column in a batch, by its name.
    pub(crate) places: BTreeMap<String, usize>,
    pub(crate) columns: Vec<FileColumn>,
    pub(crate) categories: BTreeMap<String, Category>,
    pub(crate) read: Vec<Part>,
    pub(crate) checked: Vec<Part>,
    pub(crate) closed: RowSet,
    /// Which rows are in no chunk and why, once the file is divided.
    exempt: Option<BTreeMap<ExemptReason, RowSet>>,
    pub(crate) closings: Vec<Closing>,
    /// What the provider said of records, of all at once and of single ones.
    marks: (bool, Marks),
    /// What of the file decides which records fulfil a condition: equal marks, equal answers.
    pub(crate) mark: (u32, u32, u32, u32, Status, Hash, usize),
}

impl FileView {
    /// The view of a file that has records to show.
    pub(crate) fn of(id: FileId, file: &UsageFile) -> Option<Self> {
        let outline = Outline::of(file)?;
        let reading = file.current_reading()?;
        let checking = file.current_checking();
        let extraction = file.current_extraction();
        let columns = file.columns().to_vec();
        let closings = extraction.map(|it| it.closings.clone()).unwrap_or_default();
        let marks = (file.approval.records_approved_at.is_some(), file.approval.marks.clone());
        // Equal marks, equal answers: most files have none, which costs next to nothing.
        let marked = digest_of(&marks);
        let attempt = checking.map_or(0, |checking| checking.attempt);
        Some(Self {
            id,
            outline,
            created: (**file.approval.created.as_ref()?).clone(),
            created_time: file.approval.uploaded_at.as_ref().map(|stamp| stamp.at),
            places: columns.iter().enumerate().rev().map(|(place, column)| (column.name.clone(), place)).collect(),
            columns,
            categories: file.categories().iter().map(|one| (one.id.clone(), one.clone())).collect(),
            read: reading.parts.clone(),
            checked: checking.map(|checking| checking.parts.clone()).unwrap_or_default(),
            closed: extraction.map(|it| it.closed.clone()).unwrap_or_default(),
            exempt: extraction.filter(|it| it.extracted).map(exempt_rows),
            mark: (reading.upload, reading.attempt, reading.records, attempt, file.status(), marked, closings.len()),
            marks,
            closings,
        })
    }

    /// The status of a record; none is null.
    pub(crate) fn status(&self, row: u32, valid: Option<bool>) -> Option<&'static str> {
        match self.outline.standing {
            Standing::Open => None,
            Standing::All(status) => Some(status),
            Standing::Mixed => valid.map(|valid| if valid { "valid" } else { "invalid" }),
            Standing::Marked => Some(self.marked(row)),
            Standing::Billed => Some(if self.closed.contains(row) { "closed" } else { "approved" }),
        }
    }

    fn marked(&self, row: u32) -> &'static str {
        let (all, marks) = &self.marks;
        match marks.of(row, *all) {
            RecordMark::Open => "valid",
            RecordMark::Approved => "approved",
            RecordMark::Rejected => "rejected",
        }
    }

    /// A record as conditions see it, as far as validation knows it: no list has a condition about its text.
    pub(crate) fn object<'a>(&'a self, checked: Option<&'a CheckedBatch>, index: usize) -> RecordObject<'a> {
        let of =
            RecordsOf { id: self.id, created: &self.created, uploaded_at: self.created_time, columns: &self.columns };
        let known = checked.and_then(|batch| batch.records.get(index));
        let status = self.status(known.map_or(0, |record| record.row), known.map(|record| record.is_valid()));
        RecordObject { of, read: None, checked, index, status }
    }

    /// Why a valid record is never billed: what extraction said, and before that what it is going to say.
    pub(crate) fn exempt(&self, row: u32, is_reservation: bool) -> Option<ExemptReason> {
        match &self.exempt {
            Some(exempt) => exempt.iter().find(|(_, rows)| rows.contains(row)).map(|(reason, _)| *reason),
            None if self.created.predictive => Some(ExemptReason::Estimate),
            None => is_reservation.then_some(ExemptReason::Reservation),
        }
    }
}
