//! Asking usage rules about a submitted file. Which rules those are was settled when it was submitted: rules that were
//! made or changed since don't count, not even after a restart. Where rules about files decide, they do at once; where
//! they don't, a job reads the records.

use ledger::file::ATTEMPTS_MAX;
use ledger::rule::Ruling;
use ledger::{Fact, FileId, Ledger, RuleAction, Status, Subject, UsageFile};
use rql::judge::{CompiledRules, RuleFault};
use rql::objects::{FileObject, RecordsOf};
use runtime::decider::{Facts, Next, Stale, Tools};
use runtime::records::{Records, RecordsError};
use thiserror::Error;

use crate::{Own, estimates};

/// Why rules could not be asked.
#[derive(Debug, Error)]
enum RulingError {
    #[error("could not read the usage rules")]
    Rule(#[from] RuleFault),
    #[error("could not read the records")]
    Records(#[from] RecordsError),
    #[error("the file was never created")]
    Uncreated,
}

/// Whether usage rules have still to be asked about a file.
pub(crate) fn is_due(file: &UsageFile) -> bool {
    file.status() == Status::Pending && !file.approval.asked.is_empty()
}

/// What is to be done about a file of which rules have still to be asked.
pub(crate) fn next(id: FileId, file: &UsageFile) -> Next<Own> {
    match without_records(id, file).transpose() {
        Some(outcome) => Next::Conclude(ruled(id, file, outcome)),
        None => Next::Begin(Own::StartRuling { file: id }),
    }
}

fn without_records(id: FileId, file: &UsageFile) -> Result<Option<Ruling>, RulingError> {
    let asked = &file.approval.asked;
    let object = FileObject::new(id, file).ok_or(RulingError::Uncreated)?;
    let judgement = CompiledRules::new(asked)?.of_file(&object);
    Ok(judgement.map(|judgement| judgement.ruling(asked)))
}

/// What service and job tell of a ruling; where none came about, a person has to decide.
fn ruled(id: FileId, file: &UsageFile, outcome: Result<Ruling, RulingError>) -> Own {
    let ruling = outcome.unwrap_or_else(|error| {
        tracing::error!(file = %id, error = &error as &dyn std::error::Error, "usage rules could not be asked");
        to_a_person(format!("The usage rules could not be asked: {error}. Ask the operator to look at the log."))
    });
    Own::ApplyRuling { file: id, upload: file.upload(), ruling }
}

fn to_a_person(reason: String) -> Ruling {
    Ruling { rule: None, action: RuleAction::Manual, reason }
}

/// Begins the next attempt at reading the records, or ends the last.
pub(crate) fn start(ledger: &Ledger, id: FileId) -> Result<Facts, Stale> {
    let file = ledger.file(id).filter(|file| is_due(file)).ok_or(Stale)?;
    let (upload, last) = (file.upload(), file.approval.ruling_attempt);
    if last < ATTEMPTS_MAX {
        return Ok(vec![(Subject::File(id), Fact::RulingStarted { upload, attempt: last + 1 })]);
    }
    let reason = "The service stopped three times while usage rules were asked about this file. Accept or reject it, \
                  and ask the operator to look at the log.";
    Ok(applied(ledger, (id, file), to_a_person(reason.to_owned())))
}

/// Records what rules came to, unless a person was faster.
pub(crate) fn apply(ledger: &Ledger, id: FileId, upload: u32, ruling: Ruling) -> Result<Facts, Stale> {
    let file = ledger.file(id).filter(|file| is_due(file) && file.upload() == upload).ok_or(Stale)?;
    let marked = file.approval.marks.rejected.len();
    if ruling.action == RuleAction::Accept && marked > 0 {
        let reason =
            format!("{} But {marked} records are marked as rejected, so that a person decides.", ruling.reason);
        return Ok(applied(ledger, (id, file), Ruling { action: RuleAction::Manual, reason, ..ruling }));
    }
    Ok(applied(ledger, (id, file), ruling))
}

/// What rules came to about a file, and what becomes of it.
fn applied(ledger: &Ledger, (id, file): (FileId, &UsageFile), ruling: Ruling) -> Facts {
    let (upload, note, action) = (file.upload(), ruling.name(), ruling.action);
    let mut facts = vec![(Subject::File(id), Fact::RulesApplied { upload, ruling })];
    match action {
        RuleAction::Accept => facts.extend(estimates::accepted(ledger, id, file, note)),
        RuleAction::Reject => facts.push((Subject::File(id), Fact::FileRejected { upload, note })),
        RuleAction::Manual => {}
    }
    facts
}

/// Asks rules about the records of a file.
#[derive(Debug)]
pub struct RulingJob {
    file: FileId,
    /// The file as it was when the attempt began: what counts for its ruling doesn't change while it is pending.
    known: UsageFile,
}

impl RulingJob {
    pub(crate) fn new(file: FileId, known: &UsageFile) -> Self {
        Self { file, known: known.clone() }
    }

    pub(crate) fn run(&self, tools: &Tools<Own>) {
        runtime::crash::point("ruling.begin");
        let outcome = self.judge(&tools.records);
        runtime::crash::point("ruling.judged");
        // Stale means that a person was faster.
        drop(tools.tell(ruled(self.file, &self.known, outcome)));
    }

    fn judge(&self, records: &Records) -> Result<Ruling, RulingError> {
        let asked = &self.known.approval.asked;
        let rules = CompiledRules::new(asked)?;
        let file = FileObject::new(self.file, &self.known).ok_or(RulingError::Uncreated)?;
        let of = RecordsOf::new(self.file, &self.known).ok_or(RulingError::Uncreated)?;
        let judgement = rules.judge(&file, |judge| {
            records.walk(self.file, &self.known, rules.needs_text(), |read, checked| judge.take_all(of, read, checked))
        });
        Ok(judgement?.ruling(asked))
    }
}
