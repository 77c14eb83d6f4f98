//! Examining reported records as they come: every rule that needs no other record of their file. What does is decided
//! when the file is sealed and checked as a whole, as are rules that only warn.

use std::collections::BTreeSet;
use std::ops::Deref;

use ledger::catalog::OverlapPolicy;
use ledger::fact::{Category, FileColumn, FileCreated};
use ledger::record::{CheckedBatch, ReadBatch};
use ledger::{FileId, Ledger, Moment};
use runtime::records::Records;

use crate::examine::{Draft, ExamineError, Examiner, RECORD_ERRORS_MAX};
use crate::rules::{NO_KEY, taken};

/// Records that came by one call, and what they came to.
#[derive(Clone, Copy, Debug)]
pub struct Reported<'a> {
    /// The file that collects them.
    pub file: FileId,
    /// What it was created as.
    pub created: &'a FileCreated,
    /// The batch's columns.
    pub columns: &'a [FileColumn],
    /// The records.
    pub batch: &'a ReadBatch,
}

impl Examiner {
    /// Examines reported records against a ledger as it is now; `ledger` is held for as short as possible. Whether their
    /// ids are new to the file itself is not asked here. Other files are gone through only where the product says that
    /// they can make a record invalid.
    ///
    /// # Errors
    /// See [`ExamineError`].
    pub fn examine_reported<L: Deref<Target = Ledger>>(
        &self,
        ledger: impl Fn() -> L,
        reported: Reported<'_>,
        records: &Records,
        now: Moment,
    ) -> Result<CheckedBatch, ExamineError> {
        let Reported { file, created, columns, batch } = reported;
        let draft = Draft::of(created, columns, &categories(columns, batch), now);
        let examination = self.examine_part(&ledger(), Some(file), draft, |capabilities| {
            capabilities.overlap == OverlapPolicy::Enforce || !capabilities.late
        });
        let mut checker = examination.checker();
        let mut checked = checker.check_batch(batch);
        if !examination.others.is_empty() {
            let mut near = examination.others.near(checker.span_of(batch), records, &self.temp)?;
            near.check(&mut checked, checker.start_column())?;
        }
        for (index, owner) in self.owners(&ledger, file, &checked, records)? {
            if let Some(record) = checked.records.get_mut(index) {
                record.errors.push(taken(owner, checker.record_id_column()));
            }
        }
        for record in &mut checked.records {
            record.errors.truncate(RECORD_ERRORS_MAX);
        }
        Ok(checked)
    }

    /// The records whose ids other files have, each with the earliest of them.
    fn owners<L: Deref<Target = Ledger>>(
        &self,
        ledger: impl Fn() -> L,
        file: FileId,
        checked: &CheckedBatch,
        records: &Records,
    ) -> Result<Vec<(usize, FileId)>, ExamineError> {
        let Some(ids) = &self.ids else { return Ok(Vec::new()) };
        let all = checked.records.iter().enumerate().filter(|(_, record)| record.key != NO_KEY);
        let mut keys: Vec<([u8; 12], usize)> = all.map(|(index, record)| (record.key, index)).collect();
        keys.sort_unstable();
        let sorted: Vec<[u8; 12]> = keys.iter().map(|(key, _)| *key).collect();
        let mut found: BTreeSet<(usize, u32)> = BTreeSet::new();
        ids.reader(records)?.lookup_sorted(&sorted, |key, ordinal| {
            found.extend(keys.get(key).map(|(_, index)| (*index, ordinal)));
        })?;
        let mut owners: Vec<(usize, FileId)> = Vec::new();
        if found.is_empty() {
            return Ok(owners);
        }
        let ledger = ledger();
        for (index, ordinal) in found {
            let Some(owner) = ids.owner(&ledger, ordinal).filter(|owner| *owner != file) else { continue };
            match owners.last_mut().filter(|(last, _)| *last == index) {
                Some((_, known)) => *known = owner.min(*known),
                None => owners.push((index, owner)),
            }
        }
        Ok(owners)
    }
}

/// Each category that a record names stands for itself, as in a CSV.
fn categories(columns: &[FileColumn], batch: &ReadBatch) -> Vec<Category> {
    let Some(column) = columns.iter().position(|column| column.name == "category_id") else { return Vec::new() };
    let named: BTreeSet<&str> = (0..batch.rows.len()).map(|index| batch.cell(index, column).text).collect();
    let category = |id: &str| Category { id: id.to_owned(), name: String::new(), description: String::new() };
    named.into_iter().map(category).collect()
}
