//! What a person or a script asks of a file, decided.

use ledger::catalog::{Contract, ContractKind, Environment, Named, Role};
use ledger::command::CreateFile;
use ledger::fact::{FileCreated, FileDescribed, Period, UploadOpened};
use ledger::file::{Decision, default_name};
use ledger::{Command, Context, Fact, FileId, Hash, Ledger, Rejection, Status, Subject, UsageFile};
use runtime::decider::Facts;

use crate::{prerequisites, rules};

/// Characters of a name (connect-api §3.1).
const NAME_CHARS_MAX: usize = 100;
/// Characters of a note, a description or an external id (connect-api §3.1).
const TEXT_CHARS_MAX: usize = 200;

pub(crate) fn decide(ledger: &Ledger, command: &Command, context: &Context) -> Result<Facts, Rejection> {
    match command {
        Command::CreateFile(create) => return create_file(ledger, create, context),
        Command::CreateRule { .. } | Command::ChangeRule { .. } | Command::DeleteRule { .. } => {
            return rules::decide(ledger, command, context);
        }
        _ => {}
    }
    let id = command.file().ok_or(Rejection::NotFound)?;
    let file = ledger.file(id).filter(|file| context.scope.sees(file)).ok_or(Rejection::NotFound)?;
    // None: there is nothing left to do, and the answer is the same as the first time (design §7).
    let fact = match command {
        Command::DescribeFile { described, .. } => Some(describe(file, described, context)?),
        Command::OpenUpload { blob, bytes, filename, .. } => {
            Some(open_upload(ledger, file, (*blob, *bytes, filename), context)?)
        }
        Command::DeleteFile { .. } => Some(delete(file, context)?),
        Command::ReprocessFile { .. } => reprocess(ledger, file, context)?,
        Command::SubmitFile { .. } => submit(ledger, file, context)?,
        Command::AcceptFile { note, .. } => Some(answer(file, note, true, context)?),
        Command::RejectFile { note, .. } => Some(answer(file, note, false, context)?),
        Command::ApproveRecords { .. } => approve_records(file, context)?,
        _ => return Err(Rejection::NotFound),
    };
    Ok(fact.into_iter().map(|fact| (Subject::File(id), fact)).collect())
}

fn create_file(ledger: &Ledger, create: &CreateFile, context: &Context) -> Result<Facts, Rejection> {
    if !context.scope.plays_vendor() {
        return Err(Rejection::RoleNotAllowed);
    }
    check_texts(&[
        ("name", &create.name, NAME_CHARS_MAX),
        ("external_id", &create.external_id, TEXT_CHARS_MAX),
        ("description", &create.description, TEXT_CHARS_MAX),
        ("note", &create.note, TEXT_CHARS_MAX),
    ])?;
    check_period(create.period)?;
    check_currency(create.currency.as_deref())?;
    let catalog = &ledger.catalog;
    // A foreign product or contract is answered like an unknown one.
    let own = |vendor| context.scope.role == Role::Operator || context.scope.account.as_ref() == Some(vendor);
    let product = catalog.products.get(&create.product).filter(|product| own(&product.owner));
    let product =
        product.ok_or_else(|| Rejection::field("product.id", format!("Product {} was not found.", create.product)))?;
    let unknown = || Rejection::field("contract.id", format!("Contract {} was not found.", create.contract));
    let contract = catalog.contracts.get(&create.contract).filter(|contract| contract.vendor == product.owner);
    let contract = contract.ok_or_else(unknown)?;
    if contract.kind != ContractKind::Distribution {
        return Err(Rejection::field("contract.id", "Usage is reported under a distribution contract (CRD-…)."));
    }
    let terms = prerequisites::check(catalog, &create.product, &create.contract)?;
    let environment = environment(terms.contract, create.environment)?;
    let (provider, marketplace) = counterparts(ledger, terms.contract).ok_or_else(unknown)?;
    let (year, month) = context.now.month();
    let partition = catalog.placements.get(&create.contract).copied().unwrap_or_default();
    let count = ledger.created.get(&(year, month, partition)).copied().unwrap_or(0);
    let id = FileId::new(year, month, partition, count).ok_or(Rejection::IdsUsedUp)?;
    let name = if create.name.is_empty() { default_name(id, create.period) } else { create.name.clone() };
    let created = FileCreated {
        predictive: false,
        time_zone: String::new(),
        name,
        external_id: create.external_id.clone(),
        description: create.description.clone(),
        note: create.note.clone(),
        period: create.period,
        // QT has no currency (connect-api U17).
        currency: None,
        environment,
        schema: terms.schema,
        product: terms.product.named.clone(),
        contract: terms.contract.named.clone(),
        marketplace,
        vendor: catalog.account_named(&terms.product.owner),
        provider,
    };
    Ok(vec![(Subject::File(id), Fact::FileCreated(Box::new(created)))])
}

fn counterparts(ledger: &Ledger, contract: &Contract) -> Option<(Named, Named)> {
    let provider = ledger.catalog.account_named(contract.provider.as_ref()?);
    let marketplace = ledger.catalog.marketplaces.get(contract.marketplace.as_ref()?)?.named.clone();
    Some((provider, marketplace))
}

/// The environment asked for, or the contract's (design §12); a trial contract never counts as production.
fn environment(contract: &Contract, asked: Option<Environment>) -> Result<Environment, Rejection> {
    match asked {
        Some(Environment::Production) if contract.environment != Environment::Production => {
            let message = format!("Contract {} is a {} contract.", contract.named.id, contract.environment.name());
            Err(Rejection::field("environment", message))
        }
        Some(asked) => Ok(asked),
        None => Ok(contract.environment),
    }
}

fn check_texts(texts: &[(&str, &String, usize)]) -> Result<(), Rejection> {
    for (field, text, most) in texts {
        let length = text.chars().count();
        if length > *most {
            let message = format!("Ensure this field has no more than {most} characters (it has {length}).");
            return Err(Rejection::field(field, message));
        }
    }
    Ok(())
}

fn check_period(period: Option<Period>) -> Result<(), Rejection> {
    match period {
        Some(period) if period.from > period.to => Err(Rejection::field("period", "The period ends before it begins.")),
        _ => Ok(()),
    }
}

fn check_currency(currency: Option<&str>) -> Result<(), Rejection> {
    match currency {
        Some(code) if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) => {
            Err(Rejection::field("currency", "Give the three letters of ISO 4217, such as USD."))
        }
        _ => Ok(()),
    }
}

fn describe(file: &UsageFile, described: &FileDescribed, context: &Context) -> Result<Fact, Rejection> {
    if !context.scope.plays_vendor() {
        return Err(Rejection::RoleNotAllowed);
    }
    for (field, text) in
        [("description", &described.description), ("note", &described.note), ("external_id", &described.external_id)]
    {
        check_texts(&text.as_ref().map(|text| (field, text, TEXT_CHARS_MAX)).into_iter().collect::<Vec<_>>())?;
    }
    check_period(described.period)?;
    check_currency(described.currency.as_deref())?;
    allow(file, "updated", |status| status != Status::Deleted)?;
    // What a provider decides on must not change under its eyes; the vendor's own id may.
    let fixed = matches!(file.status(), Status::Pending | Status::Accepted | Status::Closed);
    if fixed && (described.period.is_some() || described.note.is_some() || described.description.is_some()) {
        return Err(Rejection::WrongStatus { action: "updated", status: file.status() });
    }
    Ok(Fact::FileDescribed(Box::new(FileDescribed { currency: None, ..described.clone() })))
}

fn open_upload(
    ledger: &Ledger,
    file: &UsageFile,
    (blob, bytes, filename): (Hash, u64, &str),
    context: &Context,
) -> Result<Fact, Rejection> {
    if !context.scope.plays_vendor() {
        return Err(Rejection::RoleNotAllowed);
    }
    allow(file, "uploaded", |status| {
        matches!(
            status,
            Status::Draft | Status::Uploaded | Status::Processing | Status::Invalid | Status::Ready | Status::Rejected
        )
    })?;
    Ok(Fact::UploadOpened(UploadOpened {
        upload: file.upload() + 1,
        blob,
        bytes,
        filename: filename.chars().take(TEXT_CHARS_MAX).collect(),
        catalog_position: ledger.catalog.position,
    }))
}

/// Reads and checks the workbook again, as another upload of it: what a verdict rests on may have changed since. A file
/// that was refused since another one had its record ids (009) stays invalid, whatever becomes of the other file, until
/// it is reprocessed: a verdict that changed by itself could be neither repeated nor explained (design §4).
fn reprocess(ledger: &Ledger, file: &UsageFile, context: &Context) -> Result<Option<Fact>, Rejection> {
    let status = file.status();
    let again = matches!(status, Status::Invalid | Status::Ready | Status::Rejected);
    if let Some(upload) = file.approval.upload.as_ref().filter(|_| again && context.scope.plays_vendor()) {
        let (number, catalog_position) = (upload.upload + 1, ledger.catalog.position);
        let again = UploadOpened { upload: number, catalog_position, ..upload.clone() };
        return Ok(Some(Fact::UploadOpened(again)));
    }
    // SDKs ask for it once records were closed one by one (connect-api §2.4): here nothing has to be made anew then.
    let decided = matches!(status, Status::Accepted | Status::Closed);
    if decided && context.scope.plays_provider(file) {
        return Ok(None);
    }
    Err(Rejection::WrongStatus { action: "reprocessed", status })
}

fn delete(file: &UsageFile, context: &Context) -> Result<Fact, Rejection> {
    if !context.scope.plays_vendor() {
        return Err(Rejection::RoleNotAllowed);
    }
    allow(file, "deleted", |status| matches!(status, Status::Draft | Status::Invalid | Status::Ready))?;
    Ok(Fact::FileDeleted)
}

fn submit(ledger: &Ledger, file: &UsageFile, context: &Context) -> Result<Option<Fact>, Rejection> {
    if !context.scope.plays_vendor() {
        return Err(Rejection::RoleNotAllowed);
    }
    let created = file.approval.created.as_ref().ok_or(Rejection::NotFound)?;
    let upload = file.upload();
    match file.status() {
        Status::Draft => Err(Rejection::NothingUploaded),
        Status::Uploaded | Status::Processing => {
            prerequisites::check(&ledger.catalog, &created.product.id, &created.contract.id)?;
            Ok(file.approval.submit_remembered.is_none().then_some(Fact::SubmitRemembered { upload }))
        }
        Status::Ready => {
            prerequisites::check(&ledger.catalog, &created.product.id, &created.contract.id)?;
            Ok(Some(Fact::FileSubmitted { upload }))
        }
        Status::Pending => Ok(None),
        status => Err(Rejection::WrongStatus { action: "submitted", status }),
    }
}

fn answer(file: &UsageFile, note: &str, accept: bool, context: &Context) -> Result<Fact, Rejection> {
    if !context.scope.plays_provider(file) {
        return Err(Rejection::RoleNotAllowed);
    }
    let (field, action) = if accept { ("acceptance_note", "accepted") } else { ("rejection_note", "rejected") };
    check_texts(&[(field, &note.to_owned(), TEXT_CHARS_MAX)])?;
    if !matches!(file.approval.decision, Some(Decision::Open)) || file.approval.deleted_at.is_some() {
        return Err(Rejection::WrongStatus { action, status: file.status() });
    }
    let (upload, note) = (file.upload(), note.to_owned());
    Ok(if accept { Fact::FileAccepted { upload, note } } else { Fact::FileRejected { upload, note } })
}

fn approve_records(file: &UsageFile, context: &Context) -> Result<Option<Fact>, Rejection> {
    if !context.scope.plays_provider(file) {
        return Err(Rejection::RoleNotAllowed);
    }
    allow(file, "approved", |status| status == Status::Pending)?;
    let fact = Fact::RecordsApproved { upload: file.upload() };
    Ok(file.approval.records_approved_at.is_none().then_some(fact))
}

fn allow(file: &UsageFile, action: &'static str, allowed: impl Fn(Status) -> bool) -> Result<(), Rejection> {
    let status = file.status();
    if allowed(status) { Ok(()) } else { Err(Rejection::WrongStatus { action, status }) }
}
