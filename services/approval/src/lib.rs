//! Approval is the file's arbiter: the transitions that exclude one another (create, open an upload, delete, submit,
//! accept, reject) are decided here and nowhere else, so two of them can never both happen.

mod currency;
mod decide;
mod estimates;
mod overtaken;
mod prerequisites;
mod reports;
mod rules;
mod ruling;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ledger::rule::Ruling;
use ledger::{Command, Context, Fact, FileId, Ledger, Rejection, ServiceName, Status, Subject};
use runtime::decider::{Decider, Facts, Next, Stale, Tools};

pub use ruling::RulingJob;

/// The arbiter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Approval;

/// What approval tells itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// A submit was remembered and its upload is now ready.
    CarryOutSubmit {
        /// Which file.
        file: FileId,
    },
    /// A submit was remembered and its upload turned out to be invalid.
    DropSubmit {
        /// Which file.
        file: FileId,
    },
    /// Usage rules have to be asked about the records of a submitted file.
    StartRuling {
        /// Which file.
        file: FileId,
    },
    /// Usage rules were asked about a submitted file.
    ApplyRuling {
        /// Which file.
        file: FileId,
        /// Which upload.
        upload: u32,
        /// What they came to.
        ruling: Ruling,
    },
}

impl Decider for Approval {
    const SERVICE: ServiceName = ServiceName::Approval;
    const HEARS: &'static [ServiceName] =
        &[ServiceName::Catalog, ServiceName::Ingestion, ServiceName::Validation, ServiceName::Extraction];
    // Usage rules are kept in partition 0, and asked about files of any.
    const HEARS_FIRST: &'static [ServiceName] = &[ServiceName::Approval];
    type Own = Own;
    type Job = RulingJob;

    fn decide(&self, ledger: &Ledger, command: &Command, context: &Context) -> Result<Facts, Rejection> {
        decide::decide(ledger, command, context)
    }

    fn conclude(&self, ledger: &Ledger, own: Own, _context: &Context) -> Result<Facts, Stale> {
        match own {
            Own::CarryOutSubmit { file } => {
                let known = ledger.file(file).filter(|known| known.status() == Status::Ready).ok_or(Stale)?;
                let upload = known.upload();
                let facts = match decide::check_submit(ledger, known) {
                    Ok(()) => decide::submitted(ledger, file, known),
                    Err(unmet) => vec![Fact::SubmitDropped { upload, reason: unmet.to_string() }],
                };
                Ok(facts.into_iter().map(|fact| (Subject::File(file), fact)).collect())
            }
            Own::DropSubmit { file } => {
                let upload = ledger.file(file).ok_or(Stale)?.upload();
                let reason = "The submit was dropped: the usage file is invalid. Correct the workbook, upload it \
                              again and submit again."
                    .to_owned();
                Ok(vec![(Subject::File(file), Fact::SubmitDropped { upload, reason })])
            }
            Own::StartRuling { file } => ruling::start(ledger, file),
            Own::ApplyRuling { file, upload, ruling } => ruling::apply(ledger, file, upload, ruling),
        }
    }

    fn next(&self, ledger: &Ledger, file: FileId, _running: &BTreeSet<FileId>) -> Next<Own> {
        let Some(known) = ledger.file(file) else { return Next::Nothing };
        if ruling::is_due(known) {
            return ruling::next(file, known);
        }
        if known.approval.submit_remembered.is_none() {
            return Next::Nothing;
        }
        match known.status() {
            Status::Ready => Next::Conclude(Own::CarryOutSubmit { file }),
            Status::Invalid => Next::Conclude(Own::DropSubmit { file }),
            _ => Next::Nothing,
        }
    }

    fn work(_own: &Own) -> &'static str {
        "apply-rules"
    }

    fn job(&self, ledger: &Ledger, file: FileId) -> Option<RulingJob> {
        let known = ledger.file(file).filter(|known| ruling::is_due(known))?;
        Some(RulingJob::new(file, known))
    }

    fn perform(&self, job: RulingJob, tools: &Tools<Own>) {
        job.run(tools);
    }

    fn refused(&self, command: &Command, rejection: &Rejection, count: u32) -> Option<(Subject, Fact)> {
        if !rejection.is_noted() {
            return None;
        }
        let (action, reason) = (command.action().to_owned(), rejection.code().to_owned());
        let subject = match command {
            Command::CreateRule { product, .. } => Subject::Object(product.clone()),
            Command::ChangeRule { rule, .. } | Command::DeleteRule { rule, .. } => Subject::Object(rule.clone()),
            _ => Subject::File(command.file()?),
        };
        Some((subject, Fact::CommandRefused { action, reason, count }))
    }
}
