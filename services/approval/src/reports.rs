//! Files whose records are reported one by one: opened on demand, one at a time for what they are about, and sealed.

use ledger::command::{CreateFile, OpenReport};
use ledger::transitions::{self, Action};
use ledger::{Context, Fact, Ledger, Rejection, Subject, UsageFile};
use runtime::decider::Facts;

use crate::decide::create_file;

/// Nothing to record where such a file is open already: who asked finds it in the fold.
pub(crate) fn open(ledger: &Ledger, report: &OpenReport, context: &Context) -> Result<Facts, Rejection> {
    let create = CreateFile {
        product: report.product.clone(),
        contract: report.contract.clone(),
        name: String::new(),
        external_id: String::new(),
        description: String::new(),
        note: String::new(),
        period: Some(report.period),
        time_zone: String::new(),
        predictive: false,
        currency: report.currency.clone(),
        environment: report.environment,
    };
    let (id, mut created) = create_file(ledger, &create, context)?;
    let known = ledger.files.iter().find(|(_, file)| {
        file.collects()
            && file.approval.created.as_ref().is_some_and(|known| {
                (&known.product.id, &known.contract.id, known.environment, known.period)
                    == (&created.product.id, &created.contract.id, created.environment, created.period)
            })
    });
    if let Some((open, known)) = known {
        let currency = known.approval.created.as_ref().and_then(|known| known.currency.clone());
        if report.currency.is_some() && currency != created.currency {
            let code = currency.unwrap_or_default();
            let message = format!("Usage file {open} collects records of this period in {code}. Seal it first.");
            return Err(Rejection::field("currency", message));
        }
        return Ok(Facts::new());
    }
    created.reported = true;
    let catalog_position = ledger.catalog.position;
    let facts = [Fact::FileCreated(Box::new(created)), Fact::ReportOpened { upload: 1, catalog_position }];
    Ok(facts.map(|fact| (Subject::File(id), fact)).into())
}

/// The fact of sealing a file at somebody's wish.
pub(crate) fn seal(ledger: &Ledger, file: &UsageFile, context: &Context) -> Result<Fact, Rejection> {
    transitions::check(Action::Seal, file, &context.scope)?;
    sealed(ledger, file)
}

/// The fact of sealing a file that has records. Ingestion says so with the first of them.
pub(crate) fn sealed(ledger: &Ledger, file: &UsageFile) -> Result<Fact, Rejection> {
    if !file.collects() || file.current_reading().is_none() {
        return Err(Rejection::NothingReported);
    }
    Ok(Fact::ReportSealed { upload: file.upload(), catalog_position: ledger.catalog.position })
}
