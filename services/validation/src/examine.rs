//! Examining the records of one file: every rule, uniqueness, other files, sums. The one way to a verdict, whether it
//! is recorded (a check), only told (a dry run) or made without a ledger (`usage-ledger validate`).
//!
//! What an examination depends on is settled when it is made: a ledger, what the file is, and a time. Batches that are
//! examined twice give the same answers.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::catalog::{Capabilities, Catalog, Environment, Schema};
use ledger::fact::{Category, DynamicItem, FileColumn, FileCreated, Period, SummaryLine, Total};
use ledger::record::{CheckedBatch, ReadBatch};
use ledger::{Code, FileId, Ledger, Moment, ObjectId};
use runtime::records::Records;
use thiserror::Error;

use crate::ids::{Ids, IdsError};
use crate::others::{CompareError, Others};
use crate::record_ids::{RecordIdsError, RecordIdsReader};
use crate::rules::{Against, Checker, MissingTiers, NO_KEY, Summary, Tiers, repeated, taken, widened};

/// Errors of one record that are kept: more of them would not help anybody, and a batch must fit a frame.
pub(crate) const RECORD_ERRORS_MAX: usize = 16;

/// What a file is, as far as its records' rules depend on it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The distribution contract.
    pub contract: ObjectId,
    /// The product.
    pub product: ObjectId,
    /// Where its usage counts: it is compared with files of the same environment only.
    pub environment: Environment,
    /// How its usage is rated.
    pub schema: Schema,
    /// ISO 4217; none for QT.
    pub currency: Option<String>,
    /// The period that it is about.
    pub period: Option<Period>,
    /// Whether it is an estimate.
    pub predictive: bool,
    /// The columns as they were read.
    pub columns: Vec<FileColumn>,
    /// The `categories` tab.
    pub categories: Vec<Category>,
    /// Usage after it lies in the future.
    pub now: Moment,
}

impl Draft {
    /// What a file is, as it was created and read.
    #[must_use]
    pub fn of(created: &FileCreated, columns: &[FileColumn], categories: &[Category], now: Moment) -> Self {
        Self {
            contract: created.contract.id.clone(),
            product: created.product.id.clone(),
            environment: created.environment,
            schema: created.schema,
            currency: created.currency.clone(),
            period: created.period,
            predictive: created.predictive,
            columns: columns.to_vec(),
            categories: categories.to_vec(),
            now,
        }
    }
}

/// What records came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Records without an error.
    pub valid: u32,
    /// Records with errors.
    pub invalid: u32,
    /// Control totals over the valid records that are billed.
    pub totals: Vec<Total>,
    /// Control totals over the valid records that are not: consumption of reservations, and estimates.
    pub exempt_totals: Vec<Total>,
    /// How often each code was raised as an error, in the order of codes.
    pub codes: Vec<(Code, u32)>,
    /// How often each code was raised as a warning.
    pub warnings: Vec<(Code, u32)>,
    /// From the earliest start to the latest end of the valid records.
    pub span: Option<Period>,
    /// Sums over valid records by subscription, item and tier, in that order.
    pub lines: Vec<SummaryLine>,
    /// Items that records brought and that the catalog hasn't, in the order of their rows.
    pub dynamic_items: Vec<DynamicItem>,
    /// The keys of the record ids, each once, in no order.
    pub(crate) keys: Vec<[u8; 12]>,
}

/// Records can't be examined, for a reason that is not in them.
#[derive(Debug, Error)]
pub enum ExamineError {
    /// It is not known what other files hold.
    #[error("could not compare them with other files")]
    Compare(#[from] CompareError),
    /// It is not known which record ids are taken.
    #[error("could not use the index of record ids")]
    Ids(#[from] IdsError),
    /// It is not known which record ids are taken.
    #[error("could not look record ids up")]
    LookUp(#[from] RecordIdsError),
}

/// Makes examinations: cheap to clone, for any thread.
#[derive(Clone, Debug)]
pub struct Examiner {
    pub(crate) ids: Option<Arc<Ids>>,
    pub(crate) temp: PathBuf,
}

impl Examiner {
    pub(crate) fn new(ids: Arc<Ids>, temp: PathBuf) -> Self {
        Self { ids: Some(ids), temp }
    }

    /// An examiner that knows no other file. What doesn't fit in memory goes to files in the folder `temp`.
    #[must_use]
    pub fn offline(temp: &Path) -> Self {
        Self { ids: None, temp: temp.to_owned() }
    }

    /// An examination of records against a ledger as it is now. `file` is the file that they belong to, if it is in the
    /// ledger: it isn't compared with itself.
    #[must_use]
    pub fn examine(&self, ledger: &Ledger, file: Option<FileId>, draft: Draft) -> Examination {
        let ids = self.ids.as_ref().map(|ids| (Arc::clone(ids), ids.alive(ledger, file)));
        Examination { ids, ..self.examine_part(ledger, file, draft, |_| true) }
    }

    /// An examination that asks nobody whose record ids are taken, and of other files only where that is wanted.
    pub(crate) fn examine_part(
        &self,
        ledger: &Ledger,
        file: Option<FileId>,
        draft: Draft,
        compares: impl FnOnce(&Capabilities) -> bool,
    ) -> Examination {
        let known = ledger.catalog.products.get(&draft.product);
        let mut capabilities = known.map(|known| known.capabilities.clone()).unwrap_or_default();
        // An estimate may reach into the future (design §12).
        capabilities.future |= draft.predictive;
        let others = compares(&capabilities).then(|| Others::of(ledger, file, &draft, &capabilities));
        let (catalog, others) = (Arc::clone(&ledger.catalog), others.unwrap_or_default());
        Examination { catalog, draft, capabilities, ids: None, others, temp: self.temp.clone() }
    }
}

/// Everything that the verdict on some records depends on, but for the records.
#[derive(Debug)]
pub struct Examination {
    catalog: Arc<Catalog>,
    draft: Draft,
    capabilities: Capabilities,
    pub(crate) others: Others,
    temp: PathBuf,
    /// The index of record ids, and the ordinals of other files whose ids count.
    ids: Option<(Arc<Ids>, BTreeMap<u32, FileId>)>,
}

impl Examination {
    /// Examines `count` batches. `read` gives the batch of an index; it may be asked for all of them twice, since some
    /// rules need to have seen the whole file. `each` gets every batch once, in order, with what was found in it.
    ///
    /// # Errors
    /// What `read` or `each` says, or [`ExamineError`].
    pub fn run<B, E>(
        &self,
        records: &Records,
        count: usize,
        mut read: impl FnMut(usize) -> Result<B, E>,
        mut each: impl FnMut(usize, B, CheckedBatch) -> Result<(), E>,
    ) -> Result<Found, E>
    where
        B: Borrow<ReadBatch>,
        E: From<ExamineError>,
    {
        let survey = self.survey(count, &mut read)?;
        let mut near = self.others.near(survey.span, records, &self.temp).map_err(ExamineError::from)?;
        let mut checker = self.checker();
        let mut unique = Unique::new(self, records)?;
        let mut summary =
            Summary::new(self.draft.schema, self.draft.currency.as_deref().unwrap_or_default(), self.draft.predictive);
        for index in 0..count {
            let batch = read(index)?;
            let mut checked = checker.check_batch(batch.borrow());
            unique.check(&mut checked, checker.record_id_column())?;
            near.check(&mut checked, checker.start_column()).map_err(ExamineError::from)?;
            survey.tiers.warn(&mut checked, checker.tier_column());
            for record in &mut checked.records {
                record.errors.truncate(RECORD_ERRORS_MAX);
            }
            summary.add(&checked);
            each(index, batch, checked)?;
        }
        let sums = summary.finish();
        Ok(Found {
            valid: sums.valid,
            invalid: sums.invalid,
            totals: sums.totals,
            exempt_totals: sums.exempt_totals,
            codes: sums.codes,
            warnings: sums.warnings,
            span: sums.span,
            lines: sums.lines,
            dynamic_items: checker.into_dynamic_items(),
            keys: unique.seen.into_keys().collect(),
        })
    }

    /// What has to be known of the whole file before its first record is judged: nothing, for most files.
    fn survey<B, E>(&self, count: usize, read: &mut impl FnMut(usize) -> Result<B, E>) -> Result<Survey, E>
    where
        B: Borrow<ReadBatch>,
    {
        let mut survey = Survey::default();
        let tiers = self.draft.schema == Schema::Tr;
        if !tiers && self.others.is_empty() {
            return Ok(survey);
        }
        let mut checker = self.checker();
        let mut usages = Tiers::default();
        for index in 0..count {
            let batch = read(index)?;
            if let Some(span) = checker.span_of(batch.borrow()) {
                survey.span = Some(widened(survey.span, span));
            }
            if tiers {
                usages.add(&checker.check_batch(batch.borrow()));
            }
        }
        survey.tiers = usages.finish();
        Ok(survey)
    }

    pub(crate) fn checker(&self) -> Checker<'_> {
        Checker::new(Against {
            catalog: &self.catalog,
            contract: &self.draft.contract,
            product: &self.draft.product,
            schema: self.draft.schema,
            capabilities: &self.capabilities,
            columns: &self.draft.columns,
            categories: &self.draft.categories,
            now: self.draft.now,
        })
    }
}

/// What one pass over a file told.
#[derive(Default)]
struct Survey {
    span: Option<Period>,
    tiers: MissingTiers,
}

/// Uniqueness of record ids, in the file and across files (design §4).
struct Unique<'a> {
    seen: HashMap<[u8; 12], u32>,
    others: Option<(RecordIdsReader, &'a BTreeMap<u32, FileId>)>,
}

impl<'a> Unique<'a> {
    fn new(examination: &'a Examination, records: &Records) -> Result<Self, ExamineError> {
        let others = match &examination.ids {
            Some((ids, alive)) => Some((ids.reader(records)?, alive)),
            None => None,
        };
        Ok(Self { seen: HashMap::new(), others })
    }

    fn check(&mut self, batch: &mut CheckedBatch, column: Option<u16>) -> Result<(), ExamineError> {
        let mut keys: Vec<([u8; 12], usize)> = Vec::with_capacity(batch.records.len());
        for (at, record) in batch.records.iter_mut().enumerate() {
            if record.key == NO_KEY {
                continue;
            }
            match self.seen.get(&record.key) {
                Some(&first) => record.errors.push(repeated(first, column)),
                None => {
                    self.seen.insert(record.key, record.row);
                    keys.push((record.key, at));
                }
            }
        }
        let Some((index, alive)) = &self.others else { return Ok(()) };
        keys.sort_unstable();
        let sorted: Vec<[u8; 12]> = keys.iter().map(|(key, _)| *key).collect();
        let mut owners: BTreeMap<usize, FileId> = BTreeMap::new();
        index.lookup_sorted(&sorted, |key, ordinal| {
            if let (Some(file), Some((_, at))) = (alive.get(&ordinal), keys.get(key)) {
                // The earliest file where several hold the id, so that runs being merged changes no answer.
                let owner = owners.entry(*at).or_insert(*file);
                *owner = (*owner).min(*file);
            }
        })?;
        for (at, file) in owners {
            if let Some(record) = batch.records.get_mut(at) {
                record.errors.push(taken(file, column));
            }
        }
        Ok(())
    }
}
