//! Checking a workbook without recording anything, for the API's dry run and for `usage-ledger validate`: created,
//! read and examined by the very code that does it for files of the ledger.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use gateway::fault::{Fault, findings};
use gateway::{DryRun, DryRunError, Incoming, Outcome};
use ingestion::{Reading, Stopped, pieces, read_workbook};
use ledger::command::CreateFile;
use ledger::fact::FileCreated;
use ledger::record::{CheckedRecord, ReadBatch, RecordError};
use ledger::{Command, Context, Fact, FileId, Ledger, Moment, Partition, Rejection, Scope};
use proto::WireError;
use runtime::clock::Clock;
use runtime::decider::Decider;
use runtime::projection::Projection;
use runtime::records::Records;
use thiserror::Error;
use validation::{Draft, ExamineError, Examiner, Found, Reported};
use workbook::foreign::Guard;

/// A workbook could not be checked, for a reason that is not in it.
#[derive(Debug, Error)]
pub enum TrialError {
    /// The disk refused.
    #[error("could not keep records aside")]
    Spool(#[from] std::io::Error),
    /// What was kept aside came back otherwise.
    #[error("could not read records that were kept aside")]
    Wire(#[from] WireError),
    /// Nobody here knows what the files of a partition hold.
    #[error("partition {} isn't one that this process was started for", .0.0)]
    Partition(Partition),
    /// The records could not be examined.
    #[error("could not examine the records")]
    Examine(#[from] ExamineError),
}

/// What a file would be created as, or why not: approval's own answer, which nobody records.
///
/// # Errors
/// What creating the file would be refused with.
pub fn admit(ledger: &Ledger, create: &CreateFile, scope: &Scope, now: Moment) -> Result<FileCreated, Rejection> {
    let context = Context { now, scope: scope.clone() };
    let facts = approval::Approval.decide(ledger, &Command::CreateFile(Box::new(create.clone())), &context)?;
    let created = facts.into_iter().find_map(|(_, fact)| match fact {
        Fact::FileCreated(created) => Some(*created),
        _ => None,
    });
    created.ok_or(Rejection::NotFound)
}

/// How workbooks are read and where what doesn't fit in memory goes.
#[derive(Clone, Debug)]
pub struct Bench {
    /// Where records of other files rest.
    pub records: Records,
    /// How the child process is started that reads formats other than XLSX and CSV.
    pub guard: Option<Guard>,
    /// For files that are gone with the check.
    pub temp: PathBuf,
}

impl Bench {
    /// Checks a workbook as if it were uploaded to a file. `found` is given every fault in the order of rows, and says
    /// whether more of them are wanted. `examine` makes the examination, by the ledger as it is now.
    ///
    /// # Errors
    /// See [`TrialError`]; a workbook that can't be read is an [`Outcome`].
    pub fn check(
        &self,
        created: &FileCreated,
        workbook: File,
        now: Moment,
        examine: impl FnOnce(Draft) -> validation::Examination,
        found: &mut dyn FnMut(Fault) -> bool,
    ) -> Result<Outcome, TrialError> {
        let mut spool = Spool::new(&self.temp)?;
        let reading = match spool.fill(BufReader::new(workbook), self.guard.as_ref())? {
            Ok(reading) => reading,
            Err(detail) => return Ok(Outcome { unreadable: Some(detail), ..Outcome::default() }),
        };
        let draft = Draft::of(created, &reading.columns, &reading.categories, now);
        let examined = examine(draft).run(
            &self.records,
            spool.len(),
            |index| spool.read(index).map_err(Ended::from),
            |_, batch: ReadBatch, checked| {
                let faults = checked.records.iter().enumerate().flat_map(|(index, record)| {
                    let of_record = findings(record);
                    of_record.iter().map(|one| one.fault(&reading.columns, &batch, index)).collect::<Vec<_>>()
                });
                for fault in faults {
                    if !found(fault) {
                        return Err(Ended::Unwanted);
                    }
                }
                Ok(())
            },
        );
        match examined {
            Ok(found) => Ok(outcome(found, reading)),
            Err(Ended::Unwanted) => Ok(Outcome::default()),
            Err(Ended::Failed(error)) => Err(error),
        }
    }
}

/// Why there is no verdict.
enum Ended {
    Unwanted,
    Failed(TrialError),
}

impl From<TrialError> for Ended {
    fn from(error: TrialError) -> Self {
        Self::Failed(error)
    }
}

impl From<ExamineError> for Ended {
    fn from(error: ExamineError) -> Self {
        Self::Failed(error.into())
    }
}

fn outcome(found: Found, reading: Reading) -> Outcome {
    Outcome {
        unreadable: None,
        valid: found.valid,
        invalid: found.invalid,
        totals: found.totals,
        exempt_totals: found.exempt_totals,
        codes: found.codes,
        warnings: found.warnings,
        ignored: reading.ignored,
    }
}

/// Batches kept aside in a file without a name, as they would rest in the log: a workbook of a million records takes
/// some 40 MiB there and nothing in memory.
struct Spool {
    file: File,
    /// Where each batch ends.
    ends: Vec<u64>,
}

impl Spool {
    fn new(temp: &Path) -> std::io::Result<Self> {
        Ok(Self { file: tempfile::tempfile_in(temp)?, ends: Vec::new() })
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    /// Reads a workbook into it; else why it can't be read.
    fn fill(&mut self, workbook: impl Read + Seek, guard: Option<&Guard>) -> std::io::Result<Result<Reading, String>> {
        let mut failed = None;
        let read = read_workbook(workbook, guard, &mut |batch| {
            for (_, payload) in pieces(batch)? {
                if let Err(error) = self.file.write_all(&payload) {
                    failed = Some(error);
                    return Err(Stopped::Stale);
                }
                let start = self.ends.last().copied().unwrap_or(0);
                self.ends.push(start.saturating_add(payload.len() as u64));
            }
            Ok(())
        });
        if let Some(error) = failed {
            return Err(error);
        }
        match read {
            Ok(reading) => Ok(Ok(reading)),
            Err(Stopped::Unreadable(detail)) => Ok(Err(detail)),
            Err(Stopped::Stale) => Err(std::io::Error::other("reading ended for no reason")),
        }
    }

    fn read(&self, index: usize) -> Result<ReadBatch, TrialError> {
        let before = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(index).copied().unwrap_or(before);
        let mut payload = vec![0; usize::try_from(end.saturating_sub(before)).unwrap_or(0)];
        self.file.read_exact_at(&mut payload, before)?;
        Ok(proto::decode_read_batch(&payload)?)
    }
}

/// Dry runs against the running ledger.
#[derive(Debug)]
pub struct Trials {
    /// How workbooks are checked.
    pub bench: Bench,
    /// The rules, and what is known of the files of each partition.
    pub examiners: BTreeMap<Partition, Examiner>,
    /// The ledger as it is now.
    pub projection: Projection,
    /// The time.
    pub clock: Clock,
}

impl Trials {
    fn examiner(&self, partition: Partition) -> Result<&Examiner, DryRunError> {
        let unknown = || DryRunError(Box::new(TrialError::Partition(partition)));
        self.examiners.get(&partition).ok_or_else(unknown)
    }
}

impl DryRun for Trials {
    fn admit(&self, create: &CreateFile, scope: &Scope) -> Result<FileCreated, Rejection> {
        admit(&self.projection.read(), create, scope, self.clock.now())
    }

    fn run(
        &self,
        created: &FileCreated,
        workbook: &Path,
        found: &mut dyn FnMut(Fault) -> bool,
    ) -> Result<Outcome, DryRunError> {
        let failed = |error: TrialError| DryRunError(Box::new(error));
        let workbook = File::open(workbook).map_err(|error| failed(error.into()))?;
        let partition = self.projection.read().catalog.placements.get(&created.contract.id).copied();
        let examiner = self.examiner(partition.unwrap_or_default())?;
        let examine = |draft| examiner.examine(&self.projection.read(), None, draft);
        self.bench.check(created, workbook, self.clock.now(), examine, found).map_err(failed)
    }

    fn examine(&self, incoming: Incoming<'_>) -> Result<Vec<CheckedRecord>, DryRunError> {
        let Incoming { file, created, columns, batch } = incoming;
        let reported = Reported { file, created, columns, batch };
        let (examiner, records) = (self.examiner(file.partition())?, &self.bench.records);
        let checked = examiner.examine_reported(|| self.projection.read(), reported, records, self.clock.now());
        checked.map(|checked| checked.records).map_err(|error| DryRunError(Box::new(error)))
    }

    fn taken(&self, file: FileId, column: Option<u16>) -> RecordError {
        validation::rules::taken(file, column)
    }
}
