//! Estimates: what the actual files of the same time make of them (design §12).

use ledger::fact::Period;
use ledger::{Fact, FileId, Ledger, Status, Subject, UsageFile};
use runtime::decider::Facts;

/// The facts of accepting a file: an actual one takes the place of the estimates of its time, which are then closed.
pub(crate) fn accepted(ledger: &Ledger, id: FileId, file: &UsageFile, note: String) -> Facts {
    let mut facts = vec![(Subject::File(id), Fact::FileAccepted { upload: file.upload(), note })];
    if file.is_estimate() {
        return facts;
    }
    let open = |other: &UsageFile| other.is_estimate() && matches!(other.status(), Status::Pending | Status::Accepted);
    let estimates = ledger.files.iter().filter(|(_, other)| open(other) && meet(file, other));
    facts.extend(estimates.map(|(other, _)| (Subject::File(*other), Fact::FileSuperseded { by: id })));
    facts
}

/// The actual file that an estimate comes too late for.
pub(crate) fn actual_of(ledger: &Ledger, estimate: &UsageFile) -> Option<FileId> {
    let decided =
        |other: &UsageFile| !other.is_estimate() && matches!(other.status(), Status::Accepted | Status::Closed);
    ledger.files.iter().find(|(_, other)| decided(other) && meet(estimate, other)).map(|(id, _)| *id)
}

/// Whether two files are about the same product, contract and environment, and share an instant.
fn meet(one: &UsageFile, other: &UsageFile) -> bool {
    let (Some(created), Some(theirs)) = (&one.approval.created, &other.approval.created) else { return false };
    let (Some(time), Some(their_time)) = (covered(one), covered(other)) else { return false };
    // What is tried in a test environment says nothing about production.
    (&created.product.id, &created.contract.id, created.environment)
        == (&theirs.product.id, &theirs.contract.id, theirs.environment)
        && time.from <= their_time.to
        && their_time.from <= time.to
}

/// The time that a file is about: its period, or where it has none the time of its records.
fn covered(file: &UsageFile) -> Option<Period> {
    let period = file.approval.created.as_ref().and_then(|created| created.period);
    period.or_else(|| file.verdict().and_then(|verdict| verdict.span))
}
