//! Files that a verdict was overtaken by. Two files of one time can both be ready, since neither is with the provider
//! yet; once one is submitted, or closed, the verdict on the other must be made again before it goes the same way.

use ledger::catalog::OverlapPolicy;
use ledger::fact::Period;
use ledger::{Ledger, Moment, UsageFile};

/// Whether another file was submitted or closed since this one's check began, in a way that can make records invalid:
/// where the product enforces that nothing is reported twice, or takes no late charges.
pub(crate) fn is_overtaken(ledger: &Ledger, file: &UsageFile) -> bool {
    let (Some(created), Some(checking)) = (&file.approval.created, file.current_checking()) else { return false };
    let Some(since) = checking.started_at.filter(|_| !created.predictive) else { return false };
    let Some(product) = ledger.catalog.products.get(&created.product.id) else { return false };
    let enforced = product.capabilities.overlap == OverlapPolicy::Enforce;
    let timely = !product.capabilities.late;
    if !enforced && !timely {
        return false;
    }
    let later = |at: Option<Moment>| at.is_some_and(|at| at >= since);
    ledger.files.values().any(|other| {
        let submitted = other.approval.submitted_at.as_ref().map(|stamp| stamp.at);
        let closed = other.current_extraction().and_then(|it| it.closed_at.as_ref()).map(|stamp| stamp.at);
        let news = (enforced && later(submitted)) || (timely && later(closed));
        news && is_of_one_trade(file, other) && touch(file, other)
    })
}

/// Whether they are about the same product, contract and environment, and both actual.
fn is_of_one_trade(one: &UsageFile, other: &UsageFile) -> bool {
    let (Some(created), Some(theirs)) = (&one.approval.created, &other.approval.created) else { return false };
    !theirs.predictive
        && (&created.product.id, &created.contract.id, created.environment)
            == (&theirs.product.id, &theirs.contract.id, theirs.environment)
}

/// Whether the records of one reach into the records or the period of the other.
fn touch(one: &UsageFile, other: &UsageFile) -> bool {
    let span = |file: &UsageFile| file.verdict().and_then(|verdict| verdict.span);
    let Some(own) = span(one) else { return false };
    let period = other.approval.created.as_ref().and_then(|created| created.period);
    let meets = |time: Period| own.from <= time.to && time.from <= own.to;
    [span(other), period].into_iter().flatten().any(meets)
}
