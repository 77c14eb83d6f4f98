//! Checking a file: batch by batch, each recorded as soon as it is checked, the verdict at the end.

use std::borrow::Borrow;

use ledger::fact::{FileChecked, Part, RecordsChecked};
use ledger::file::ATTEMPTS_MAX;
use ledger::record::{CheckedBatch, ReadBatch};
use ledger::{FileId, Hash, Ledger, UsageFile};
use proto::WireError;
use runtime::decider::{Stale, Tools};
use runtime::records::RecordsError;
use thiserror::Error;

use crate::Own;
use crate::examine::{Draft, Examination, ExamineError, Examiner};
use crate::ids::Ids;

/// What the job needs to know: all of it was taken from the ledger when the check was begun, so that what happens
/// meanwhile changes no answer.
#[derive(Debug)]
pub struct CheckJob {
    file: FileId,
    upload: u32,
    attempt: u32,
    examination: Examination,
    parts: Vec<Part>,
}

/// A batch as read, and where it rests.
struct Rested {
    batch: ReadBatch,
    sequence: u64,
    hash: Hash,
}

impl Borrow<ReadBatch> for Rested {
    fn borrow(&self) -> &ReadBatch {
        &self.batch
    }
}

/// Why checking ended early.
#[derive(Debug, Error)]
enum CheckError {
    #[error("could not read the records")]
    Records(#[from] RecordsError),
    #[error("could not examine the records")]
    Examine(#[from] ExamineError),
    #[error("could not encode what was found from row {row} on")]
    Encode {
        row: u32,
        #[source]
        source: WireError,
    },
    #[error("nobody wants the result any more")]
    Stale,
}

impl From<Stale> for CheckError {
    fn from(_: Stale) -> Self {
        Self::Stale
    }
}

impl CheckJob {
    pub(crate) fn new(ledger: &Ledger, file: FileId, known: &UsageFile, examiner: &Examiner) -> Option<Self> {
        let created = known.approval.created.as_deref()?;
        let checking = known.current_checking()?;
        let draft = Draft::of(created, known.columns(), known.categories(), checking.started_at?);
        Some(Self {
            file,
            upload: checking.upload,
            attempt: checking.attempt,
            examination: examiner.examine(ledger, Some(file), draft),
            parts: known.current_reading()?.parts.clone(),
        })
    }

    pub(crate) fn run(self, tools: &Tools<Own>, ids: &Ids) {
        runtime::crash::point("check.begin");
        let (file, upload, attempt) = (self.file, self.upload, self.attempt);
        match self.check(tools, ids) {
            Ok(()) | Err(CheckError::Stale) => {}
            // What it has laid down is of this attempt: the next one begins anew.
            Err(error) if attempt < ATTEMPTS_MAX && tools.waits_for_disk(&error) => {}
            Err(error) => {
                tracing::error!(%file, error = &error as &dyn std::error::Error, "a file could not be checked");
                let detail = format!("The file could not be checked: {error}. Upload it again or ask the operator.");
                // Stale means that nobody waits for this verdict.
                drop(tools.tell(Own::Failed { file, upload, attempt, detail }));
            }
        }
    }

    fn check(&self, tools: &Tools<Own>, ids: &Ids) -> Result<(), CheckError> {
        let mut parts = Vec::with_capacity(self.parts.len());
        let read = |index: usize| -> Result<Rested, CheckError> {
            let sequence = self.parts.get(index).map_or(0, |part| part.sequence);
            let (batch, hash) = tools.records.read(self.file, sequence)?;
            Ok(Rested { batch, sequence, hash })
        };
        let found = self.examination.run(&tools.records, self.parts.len(), read, |index, read, checked| {
            runtime::crash::point("check.batch");
            parts.push(self.lay_down(tools, index, &read, &checked)?);
            Ok::<(), CheckError>(())
        })?;
        let valid = found.invalid == 0;
        let checked = FileChecked {
            upload: self.upload,
            attempt: self.attempt,
            parts,
            valid: found.valid,
            invalid: found.invalid,
            totals: found.totals,
            exempt_totals: found.exempt_totals,
            codes: found.codes,
            warnings: found.warnings,
            span: found.span,
            summary_parts: 0,
        };
        runtime::crash::point("check.before_end");
        let items = found.dynamic_items;
        let own = Own::Done { file: self.file, checked: Box::new(checked), lines: found.lines, items };
        let sequences = tools.tell(own)?;
        if valid && let Some(sequence) = sequences.last() {
            // The index is a cache: if this fails, the next check makes it whole from the log.
            let added = ids.add_verdict(*sequence, found.keys, &tools.records, self.file);
            if let Err(error) = added {
                tracing::warn!(file = %self.file, %error, "the ids of a file are added to the index later");
            }
        }
        Ok(())
    }

    fn lay_down(
        &self,
        tools: &Tools<Own>,
        part: usize,
        read: &Rested,
        batch: &CheckedBatch,
    ) -> Result<Part, CheckError> {
        let first_row = read.batch.rows.first().copied().unwrap_or(0);
        let last_row = read.batch.rows.last().copied().unwrap_or(0);
        let encode = |source| CheckError::Encode { row: first_row, source };
        let payload = match proto::encode_checked_batch(batch) {
            Ok(payload) => payload,
            // Sentences quote what the vendor sent: where all of them together are too much, they are shortened.
            Err(WireError::BatchTooLarge { .. }) => proto::encode_checked_batch(&shortened(batch)).map_err(encode)?,
            Err(error) => return Err(encode(error)),
        };
        let valid = batch.records.iter().filter(|record| record.is_valid()).count();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let checked = RecordsChecked {
            upload: self.upload,
            attempt: self.attempt,
            part: count(part),
            first_row,
            last_row,
            valid: count(valid),
            invalid: count(batch.records.len() - valid),
            read_sequence: read.sequence,
            read_hash: read.hash,
            payload,
        };
        let sequences = tools.tell(Own::Batch { file: self.file, checked: Box::new(checked) })?;
        let sequence = sequences.first().copied().ok_or(CheckError::Stale)?;
        Ok(Part { sequence, first_row, last_row, records: count(batch.records.len()) })
    }
}

/// The same batch with short sentences.
fn shortened(batch: &CheckedBatch) -> CheckedBatch {
    const CHARS_MAX: usize = 60;
    const ERRORS_MAX: usize = 3;
    let mut batch = batch.clone();
    for record in &mut batch.records {
        record.errors.truncate(ERRORS_MAX);
        record.warnings.truncate(ERRORS_MAX);
        for error in record.errors.iter_mut().chain(&mut record.warnings) {
            error.message = error.message.chars().take(CHARS_MAX).collect();
            error.fix.clear();
        }
        record.notes.clear();
    }
    batch
}
