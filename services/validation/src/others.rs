//! Other files of the same contract and product: which of them count, and what a record may not or should not share
//! with them (design §12; docs/validation.md has the table).
//!
//! Which files count is read off the ledger once, when the examination is made; their records are read when they are
//! compared, and only those that lie within the span of the file at hand.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use ledger::catalog::{Capabilities, ItemKind, OverlapPolicy};
use ledger::fact::Period;
use ledger::record::{CheckedBatch, CheckedRecord};
use ledger::{FileId, Ledger, Status, UsageFile};
use runtime::records::{Records, RecordsError};
use thiserror::Error;

use crate::examine::Draft;
use crate::rules::{Rows, late, overlap};
use crate::windows::{Question, Stretch, UsageKey, Window, Windows, usage_key};

/// Files that one record is told of: a sentence for each of a hundred would not help anybody.
const NAMED_FILES_MAX: usize = 3;

/// Other files' records can't be compared.
#[derive(Debug, Error)]
pub enum CompareError {
    /// They can't be read.
    #[error("could not read the records of other files")]
    Records(#[from] RecordsError),
    /// Their windows can't be kept.
    #[error("could not keep the windows of other files in a file")]
    Io(#[from] io::Error),
}

/// A file whose records are compared.
#[derive(Clone, Debug)]
struct Other {
    file: FileId,
    parts: Vec<u64>,
    /// What its records span; none for a file that was checked before spans were recorded.
    span: Option<Stretch>,
}

/// The files that count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Others {
    policy: OverlapPolicy,
    /// Periods that nothing may be added to any more.
    closed: Vec<(Stretch, FileId)>,
    compared: Vec<Other>,
}

impl Others {
    /// Those of a ledger that count for a file, which is not compared with itself.
    pub(crate) fn of(ledger: &Ledger, file: Option<FileId>, draft: &Draft, capabilities: &Capabilities) -> Self {
        let mut others = Self { policy: capabilities.overlap, ..Self::default() };
        // An estimate announces what others report: it is expected to lie where they do.
        if draft.predictive {
            return others;
        }
        let same_scope = |known: &UsageFile| {
            let created = known.approval.created.as_ref();
            // What is tried in a test environment says nothing about production.
            created.is_some_and(|it| {
                it.contract.id == draft.contract
                    && it.product.id == draft.product
                    && it.environment == draft.environment
            })
        };
        for (&id, known) in &ledger.files {
            let counts = Some(id) != file && same_scope(known) && !known.is_estimate();
            let status = known.status();
            if !counts || !matches!(status, Status::Pending | Status::Accepted | Status::Closed) {
                continue;
            }
            let period = known.approval.created.as_ref().and_then(|created| created.period).map(stretch);
            let closed = status == Status::Closed;
            if let Some(period) = period.filter(|_| closed && !capabilities.late) {
                others.closed.push((period, id));
            }
            let span = known.verdict().and_then(|verdict| verdict.span).map(stretch);
            let compared = match others.policy {
                OverlapPolicy::Off => false,
                OverlapPolicy::Warn => true,
                OverlapPolicy::Enforce => !corrects(draft.period.map(stretch), period.or(span)),
            };
            if compared && (!closed || !capabilities.late) {
                let parts = known.current_checking().map_or(&[][..], |checking| &checking.parts);
                others.compared.push(Other { file: id, parts: parts.iter().map(|part| part.sequence).collect(), span });
            }
        }
        others
    }

    /// Whether there is anything to compare with.
    pub(crate) fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.compared.is_empty()
    }

    /// Reads the windows of the files that the span touches.
    pub(crate) fn near(&self, span: Option<Period>, records: &Records, temp: &Path) -> Result<Near<'_>, CompareError> {
        let mut near = Near { policy: self.policy, closed: Vec::new(), files: Vec::new(), windows: Windows::new(temp) };
        let Some(span) = span.map(stretch) else { return Ok(near) };
        near.closed = self.closed.iter().filter(|(period, _)| period.touches(span)).copied().collect();
        for other in &self.compared {
            if other.span.is_none_or(|own| own.touches(span)) {
                near.read(other, span, records)?;
            }
        }
        near.windows.finish();
        Ok(near)
    }
}

/// The files that a file may overlap, with their windows.
#[derive(Debug)]
pub(crate) struct Near<'a> {
    policy: OverlapPolicy,
    closed: Vec<(Stretch, FileId)>,
    files: Vec<&'a Other>,
    windows: Windows,
}

impl<'a> Near<'a> {
    fn read(&mut self, other: &'a Other, span: Stretch, records: &Records) -> Result<(), CompareError> {
        let file = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(other);
        for &sequence in &other.parts {
            let batch = records.checked(other.file, sequence)?;
            let mut keys = Keys::default();
            for record in batch.records.iter().filter(|record| record.is_valid()) {
                let Some((key, stretch)) = keys.usage(&batch, record) else { continue };
                if stretch.touches(span) {
                    let (first_row, last_row) = (record.row, record.row);
                    self.windows.add(Window { key, stretch, file, first_row, last_row })?;
                }
            }
        }
        Ok(())
    }

    /// Notes on each record of a batch what it shares with other files. `column` is where usage starts.
    pub(crate) fn check(&mut self, batch: &mut CheckedBatch, column: Option<u16>) -> Result<(), CompareError> {
        for record in &mut batch.records {
            let Some(own) = window_of(record) else { continue };
            let closed = self.closed.iter().find(|(period, _)| period.intersects(own));
            if let Some((period, file)) = closed {
                record.errors.push(late(*file, period.start, period.end, column));
            }
        }
        if self.files.is_empty() {
            return Ok(());
        }
        let mut keys = Keys::default();
        let ask = |(at, record)| {
            let (key, stretch) = keys.usage(batch, record)?;
            Some(Question { key, stretch, at })
        };
        let mut questions: Vec<Question> = batch.records.iter().enumerate().filter_map(ask).collect();
        questions.sort_unstable();
        let mut found: BTreeMap<usize, Hits> = BTreeMap::new();
        self.windows.overlaps(&questions, |at, window| found.entry(at).or_default().add(window))?;
        for (at, hits) in found {
            let Some(record) = batch.records.get_mut(at) else { continue };
            let named = hits.rows.into_iter().take(NAMED_FILES_MAX);
            let findings = named.filter_map(|(number, rows)| {
                let other = self.files.get(number as usize)?;
                Some(overlap(other.file, Rows { more: hits.more, ..rows }, self.policy, column))
            });
            match self.policy {
                OverlapPolicy::Enforce => record.errors.extend(findings),
                OverlapPolicy::Off | OverlapPolicy::Warn => record.warnings.extend(findings),
            }
        }
        Ok(())
    }
}

/// What one record overlaps, by the number of the file.
#[derive(Default)]
struct Hits {
    rows: BTreeMap<u32, Rows>,
    more: bool,
}

impl Hits {
    fn add(&mut self, window: Option<&Window>) {
        let Some(window) = window else {
            self.more = true;
            return;
        };
        let new = Rows { first: window.first_row, last: window.last_row, more: false };
        let rows = self.rows.entry(window.file).or_insert(new);
        rows.first = rows.first.min(window.first_row);
        rows.last = rows.last.max(window.last_row);
    }
}

/// The keys of a batch, each made once: a record costs a look-up.
#[derive(Default)]
struct Keys(HashMap<(u32, u32, Option<u8>), UsageKey>);

impl Keys {
    /// What a billable record is of and when; none for one that is not known to be billed.
    fn usage(&mut self, batch: &CheckedBatch, record: &CheckedRecord) -> Option<(UsageKey, Stretch)> {
        let stretch = window_of(record)?;
        let (subscription, item) = record.subscription.zip(record.item)?;
        let facts = batch.items.get(item as usize)?;
        if facts.kind != ItemKind::PayAsYouGo {
            return None;
        }
        let owner = &batch.subscriptions.get(subscription as usize)?.id;
        let key = self.0.entry((subscription, item, record.tier));
        Some((*key.or_insert_with(|| usage_key(owner, &facts.named.id, record.tier)), stretch))
    }
}

fn window_of(record: &CheckedRecord) -> Option<Stretch> {
    let (start, end) = record.start.zip(record.end)?;
    (start <= end).then_some(Stretch { start, end })
}

fn stretch(period: Period) -> Stretch {
    Stretch { start: period.from, end: period.to }
}

/// Whether a file of a period is a correction of another: it starts no later, ends no earlier, and is longer.
fn corrects(own: Option<Stretch>, other: Option<Stretch>) -> bool {
    own.zip(other).is_some_and(|(own, other)| own.start <= other.start && own.end >= other.end && own != other)
}
