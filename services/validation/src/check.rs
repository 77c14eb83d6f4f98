//! Checking a file: batch by batch, each recorded as soon as it is checked, the verdict at the end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ledger::catalog::{Capabilities, Catalog, Schema};
use ledger::fact::{Category, FileChecked, FileColumn, Part, RecordsChecked};
use ledger::record::{CheckedBatch, ReadBatch};
use ledger::{FileId, Hash, Ledger, ObjectId, UsageFile};
use proto::WireError;
use runtime::decider::{Stale, Tools};
use runtime::records::RecordsError;
use thiserror::Error;

use crate::Own;
use crate::ids::{Ids, IdsError};
use crate::record_ids::RecordIdsReader;
use crate::rules::{Against, Checker, NO_KEY, Summary, repeated, taken};

/// Errors of one record that are kept: more of them would not help anybody, and a batch must fit a frame.
const RECORD_ERRORS_MAX: usize = 16;

/// What the job needs to know.
#[derive(Debug)]
pub struct CheckJob {
    file: FileId,
    upload: u32,
    attempt: u32,
    catalog: Arc<Catalog>,
    contract: ObjectId,
    product: ObjectId,
    schema: Schema,
    currency: String,
    columns: Vec<FileColumn>,
    categories: Vec<Category>,
    parts: Vec<Part>,
    /// Ordinals of other files whose ids count.
    alive: BTreeMap<u32, FileId>,
}

/// Why checking ended early.
#[derive(Debug, Error)]
enum CheckError {
    #[error("could not read the records")]
    Records(#[from] RecordsError),
    #[error("could not use the index of record ids")]
    Ids(#[from] IdsError),
    #[error("could not look record ids up")]
    LookUp(#[from] crate::record_ids::RecordIdsError),
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
    pub(crate) fn new(ledger: &Ledger, file: FileId, known: &UsageFile, ids: &Ids) -> Option<Self> {
        let created = known.approval.created.as_deref()?;
        let checking = known.current_checking()?;
        Some(Self {
            file,
            upload: checking.upload,
            attempt: checking.attempt,
            catalog: ledger.catalog.clone(),
            contract: created.contract.id.clone(),
            product: created.product.id.clone(),
            schema: created.schema,
            currency: created.currency.clone().unwrap_or_default(),
            columns: known.columns().to_vec(),
            categories: known.categories().to_vec(),
            parts: known.current_reading()?.parts.clone(),
            alive: ids.alive(ledger, file),
        })
    }

    pub(crate) fn run(self, tools: &Tools<Own>, ids: &Ids) {
        runtime::crash::point("check.begin");
        let (file, upload, attempt) = (self.file, self.upload, self.attempt);
        match self.check(tools, ids) {
            Ok(()) | Err(CheckError::Stale) => {}
            Err(error) => {
                tracing::error!(%file, error = &error as &dyn std::error::Error, "a file could not be checked");
                let detail = format!("The file could not be checked: {error}. Upload it again or ask the operator.");
                // Stale means that nobody waits for this verdict.
                drop(tools.tell(Own::Failed { file, upload, attempt, detail }));
            }
        }
    }

    fn check(&self, tools: &Tools<Own>, ids: &Ids) -> Result<(), CheckError> {
        let index = ids.reader(&tools.records)?;
        let unknown = Capabilities::default();
        let capabilities = self.catalog.products.get(&self.product).map_or(&unknown, |known| &known.capabilities);
        let mut checker = Checker::new(Against {
            catalog: &self.catalog,
            contract: &self.contract,
            product: &self.product,
            schema: self.schema,
            capabilities,
            columns: &self.columns,
            categories: &self.categories,
            now: tools.clock.now(),
        });
        let mut summary = Summary::new(self.schema, &self.currency);
        let mut seen: HashMap<[u8; 12], u32> = HashMap::new();
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let (read, read_hash) = tools.records.read(self.file, part.sequence)?;
            let mut batch = checker.check_batch(&read);
            self.check_ids(&mut batch, &mut seen, &index, checker.record_id_column())?;
            summary.add(&batch);
            runtime::crash::point("check.batch");
            parts.push(self.lay_down(tools, &read, &batch, (parts.len(), part.sequence, read_hash))?);
        }
        let found = summary.finish();
        let valid = found.invalid == 0;
        let checked = FileChecked {
            exempt_totals: Vec::new(),
            span: None,
            warnings: Vec::new(),
            upload: self.upload,
            attempt: self.attempt,
            parts,
            valid: found.valid,
            invalid: found.invalid,
            totals: found.totals,
            codes: found.codes,
            summary_parts: 0,
        };
        runtime::crash::point("check.before_end");
        let own = Own::Done { file: self.file, checked: Box::new(checked), lines: found.lines };
        let sequences = tools.tell(own)?;
        if valid && let Some(sequence) = sequences.last() {
            // The index is a cache: if this fails, the next check makes it whole from the log.
            let added = ids.add_verdict(*sequence, seen.into_keys().collect(), &tools.records, self.file);
            if let Err(error) = added {
                tracing::warn!(file = %self.file, %error, "the ids of a file are added to the index later");
            }
        }
        Ok(())
    }

    /// Uniqueness of record ids, in the file and across files (design §4).
    fn check_ids(
        &self,
        batch: &mut CheckedBatch,
        seen: &mut HashMap<[u8; 12], u32>,
        index: &RecordIdsReader,
        column: Option<u16>,
    ) -> Result<(), CheckError> {
        let mut keys: Vec<([u8; 12], usize)> = Vec::with_capacity(batch.records.len());
        for (at, record) in batch.records.iter_mut().enumerate() {
            if record.key == NO_KEY {
                continue;
            }
            match seen.get(&record.key) {
                Some(&first) => record.errors.push(repeated(first, column)),
                None => {
                    seen.insert(record.key, record.row);
                    keys.push((record.key, at));
                }
            }
        }
        keys.sort_unstable();
        let sorted: Vec<[u8; 12]> = keys.iter().map(|(key, _)| *key).collect();
        let mut owners: BTreeMap<usize, FileId> = BTreeMap::new();
        index.lookup_sorted(&sorted, |key, ordinal| {
            if let (Some(file), Some((_, at))) = (self.alive.get(&ordinal), keys.get(key)) {
                owners.entry(*at).or_insert(*file);
            }
        })?;
        for (at, file) in owners {
            if let Some(record) = batch.records.get_mut(at) {
                record.errors.push(taken(file, column));
            }
        }
        for record in &mut batch.records {
            record.errors.truncate(RECORD_ERRORS_MAX);
        }
        Ok(())
    }

    fn lay_down(
        &self,
        tools: &Tools<Own>,
        read: &ReadBatch,
        batch: &CheckedBatch,
        (part, read_sequence, read_hash): (usize, u64, Hash),
    ) -> Result<Part, CheckError> {
        let first_row = read.rows.first().copied().unwrap_or(0);
        let last_row = read.rows.last().copied().unwrap_or(0);
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
            read_sequence,
            read_hash,
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
        for error in &mut record.errors {
            error.message = error.message.chars().take(CHARS_MAX).collect();
            error.fix.clear();
        }
        record.notes.clear();
    }
    batch
}
