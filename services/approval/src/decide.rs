//! What a person or a script asks of a file, decided.

use ledger::catalog::{Contract, ContractKind, Environment, Marketplace, Named, Role};
use ledger::command::CreateFile;
use ledger::fact::{FileCreated, FileDescribed, Period, RecordMark, UploadOpened};
use ledger::file::default_name;
use ledger::rows::RowSet;
use ledger::transitions::{self, Action};
use ledger::{Command, Context, Fact, FileId, Hash, Ledger, Rejection, Status, Subject, UsageFile};
use runtime::decider::Facts;

use crate::{currency, estimates, overtaken, prerequisites, reports, rules};

/// Characters of a name (connect-api §3.1).
const NAME_CHARS_MAX: usize = 100;
/// Characters of a note, a description or an external id (connect-api §3.1).
const TEXT_CHARS_MAX: usize = 200;

pub(crate) fn decide(ledger: &Ledger, command: &Command, context: &Context) -> Result<Facts, Rejection> {
    match command {
        Command::CreateFile(create) => {
            let (id, created) = create_file(ledger, create, context)?;
            return Ok(vec![(Subject::File(id), Fact::FileCreated(Box::new(created)))]);
        }
        Command::OpenReport(report) => return reports::open(ledger, report, context),
        Command::CreateRule { .. } | Command::ChangeRule { .. } | Command::DeleteRule { .. } => {
            return rules::decide(ledger, command, context);
        }
        _ => {}
    }
    let id = command.file().ok_or(Rejection::NotFound)?;
    let file = ledger.file(id).filter(|file| context.scope.sees(file)).ok_or(Rejection::NotFound)?;
    let of_file = |facts: Vec<Fact>| facts.into_iter().map(|fact| (Subject::File(id), fact)).collect();
    // None: there is nothing left to do, and the answer is the same as the first time (design §7).
    let fact = match command {
        Command::DescribeFile { described, .. } => return describe(ledger, (id, file), described, context),
        Command::OpenUpload { blob, bytes, filename, .. } => {
            Some(open_upload(ledger, file, (*blob, *bytes, filename), context)?)
        }
        Command::SealReport { .. } => Some(reports::seal(ledger, file, context)?),
        Command::SubmitFile { .. } => return Ok(of_file(submit(ledger, id, file, context)?)),
        Command::ReprocessFile { .. } => return Ok(of_file(reprocess(ledger, file, context)?)),
        Command::DeleteFile { .. } => Some(delete(file, context)?),
        Command::AcceptFile { note, .. } => {
            check_answer(file, ("acceptance_note", note), Action::Accept, context)?;
            check_marks(file)?;
            return Ok(estimates::accepted(ledger, id, file, note.clone()));
        }
        Command::RejectFile { note, .. } => {
            check_answer(file, ("rejection_note", note), Action::Reject, context)?;
            Some(Fact::FileRejected { upload: file.upload(), note: note.clone() })
        }
        Command::ApproveRecords { .. } => approve_records(file, context)?,
        Command::MarkRecords { rows, mark, .. } => mark_records(file, rows, *mark, context)?,
        _ => return Err(Rejection::NotFound),
    };
    Ok(of_file(fact.into_iter().collect()))
}

/// What a file is created as, and the id that it gets.
pub(crate) fn create_file(
    ledger: &Ledger,
    create: &CreateFile,
    context: &Context,
) -> Result<(FileId, FileCreated), Rejection> {
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
    if create.predictive {
        prerequisites::check_estimates(terms.product)?;
        // An estimate ends with the actual file of its period.
        create.period.ok_or_else(|| Rejection::field("period", "An estimate needs the period that it is about."))?;
    }
    let environment = environment(terms.contract, create.environment)?;
    let (provider, marketplace) = counterparts(ledger, terms.contract).ok_or_else(unknown)?;
    let currency = currency::of(terms.schema, create.currency.as_deref(), marketplace)?;
    let (year, month) = context.now.month();
    let partition = catalog.placements.get(&create.contract).copied().unwrap_or_default();
    let count = ledger.created.get(&(year, month, partition)).copied().unwrap_or(0);
    let id = FileId::new(year, month, partition, count).ok_or(Rejection::IdsUsedUp)?;
    let name = if create.name.is_empty() { default_name(id, create.period) } else { create.name.clone() };
    let created = FileCreated {
        predictive: create.predictive,
        reported: false,
        // A zone says nothing without the period whose days are counted in it.
        time_zone: create.period.map(|_| create.time_zone.clone()).unwrap_or_default(),
        name,
        external_id: create.external_id.clone(),
        description: create.description.clone(),
        note: create.note.clone(),
        period: create.period,
        currency,
        environment,
        schema: terms.schema,
        product: terms.product.named.clone(),
        contract: terms.contract.named.clone(),
        marketplace: marketplace.named.clone(),
        vendor: catalog.account_named(&terms.product.owner),
        provider,
    };
    Ok((id, created))
}

fn counterparts<'a>(ledger: &'a Ledger, contract: &Contract) -> Option<(Named, &'a Marketplace)> {
    let provider = ledger.catalog.account_named(contract.provider.as_ref()?);
    Some((provider, ledger.catalog.marketplaces.get(contract.marketplace.as_ref()?)?))
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

fn describe(
    ledger: &Ledger,
    (id, file): (FileId, &UsageFile),
    described: &FileDescribed,
    context: &Context,
) -> Result<Facts, Rejection> {
    transitions::check(Action::Update, file, &context.scope)?;
    for (field, text) in
        [("description", &described.description), ("note", &described.note), ("external_id", &described.external_id)]
    {
        check_texts(&text.as_ref().map(|text| (field, text, TEXT_CHARS_MAX)).into_iter().collect::<Vec<_>>())?;
    }
    check_period(described.period)?;
    let created = file.approval.created.as_ref().ok_or(Rejection::NotFound)?;
    let currency = match (&described.currency, ledger.catalog.marketplaces.get(&created.marketplace.id)) {
        (Some(code), Some(marketplace)) => currency::of(created.schema, Some(code), marketplace)?,
        _ => None,
    };
    let currency = currency.filter(|code| created.currency.as_ref() != Some(code));
    // What a provider decides on must not change under its eyes; the vendor's own id may.
    let fixed = matches!(file.status(), Status::Pending | Status::Accepted | Status::Closed);
    let told = described.period.is_some() || described.note.is_some() || described.description.is_some();
    if fixed && (told || currency.is_some()) {
        return Err(Rejection::WrongStatus { action: Action::Update.participle(), status: file.status() });
    }
    let moved = described.period.is_some_and(|period| created.period != Some(period));
    let anew = moved || currency.is_some();
    let time_zone = described.period.map(|_| described.time_zone.clone().unwrap_or_default());
    let described = FileDescribed { currency, time_zone, ..described.clone() };
    let mut facts = vec![Fact::FileDescribed(Box::new(described))];
    if anew {
        facts.extend(check_anew(ledger, file));
    }
    Ok(facts.into_iter().map(|fact| (Subject::File(id), fact)).collect())
}

/// A verdict rests on the file's period and currency: where they change, the records are read and checked again, and a
/// submit that waits for the verdict waits for the new one.
fn check_anew(ledger: &Ledger, file: &UsageFile) -> Vec<Fact> {
    match file.status() {
        Status::Uploaded | Status::Processing | Status::Invalid | Status::Ready => {
            again(ledger, file, file.approval.submit_remembered.is_some())
        }
        _ => Vec::new(),
    }
}

/// Another upload of the records that are there, against today's catalog, and perhaps a submit that waits for it.
fn again(ledger: &Ledger, file: &UsageFile, submit: bool) -> Vec<Fact> {
    let Some(last) = &file.approval.upload else { return Vec::new() };
    let (upload, catalog_position) = (last.upload + 1, ledger.catalog.position);
    let mut facts = if file.approval.reported {
        vec![Fact::ReportOpened { upload, catalog_position }, Fact::ReportSealed { upload, catalog_position }]
    } else {
        vec![Fact::UploadOpened(UploadOpened { upload, catalog_position, ..last.clone() })]
    };
    facts.extend(submit.then_some(Fact::SubmitRemembered { upload }));
    facts
}

fn open_upload(
    ledger: &Ledger,
    file: &UsageFile,
    (blob, bytes, filename): (Hash, u64, &str),
    context: &Context,
) -> Result<Fact, Rejection> {
    transitions::check(Action::Upload, file, &context.scope)?;
    if file.collects() {
        return Err(Rejection::ReportUnsealed);
    }
    Ok(Fact::UploadOpened(UploadOpened {
        upload: file.upload() + 1,
        blob,
        bytes,
        filename: filename.chars().take(TEXT_CHARS_MAX).collect(),
        catalog_position: ledger.catalog.position,
    }))
}

/// Reads and checks the records again, as another upload of them: what a verdict rests on may have changed since. A file
/// that was refused since another one had its record ids (009) stays invalid, whatever becomes of the other file, until
/// it is reprocessed: a verdict that changed by itself could be neither repeated nor explained (design §4).
fn reprocess(ledger: &Ledger, file: &UsageFile, context: &Context) -> Result<Vec<Fact>, Rejection> {
    transitions::check(Action::Reprocess, file, &context.scope)?;
    // SDKs ask for it once records were closed one by one (connect-api §2.4): here nothing has to be made anew then.
    let undecided = matches!(file.status(), Status::Invalid | Status::Ready | Status::Rejected);
    Ok(if undecided { again(ledger, file, false) } else { Vec::new() })
}

fn delete(file: &UsageFile, context: &Context) -> Result<Fact, Rejection> {
    transitions::check(Action::Delete, file, &context.scope)?;
    Ok(Fact::FileDeleted)
}

fn submit(ledger: &Ledger, id: FileId, file: &UsageFile, context: &Context) -> Result<Vec<Fact>, Rejection> {
    transitions::check(Action::Submit, file, &context.scope)?;
    let upload = file.upload();
    match file.status() {
        Status::Draft if file.collects() => {
            let sealed = reports::sealed(ledger, file)?;
            check_submit(ledger, file)?;
            Ok(vec![sealed, Fact::SubmitRemembered { upload }])
        }
        Status::Draft => Err(Rejection::NothingUploaded),
        Status::Uploaded | Status::Processing => {
            check_submit(ledger, file)?;
            let new = file.approval.submit_remembered.is_none();
            Ok(new.then_some(Fact::SubmitRemembered { upload }).into_iter().collect())
        }
        Status::Ready => {
            check_submit(ledger, file)?;
            Ok(submitted(ledger, id, file))
        }
        _ => Ok(Vec::new()),
    }
}

/// The facts of submitting a file that is ready: where its verdict was overtaken it is checked again first, and the
/// submit waits for that.
pub(crate) fn submitted(ledger: &Ledger, id: FileId, file: &UsageFile) -> Vec<Fact> {
    if overtaken::is_overtaken(ledger, file) {
        return again(ledger, file, true);
    }
    let mut facts = vec![Fact::FileSubmitted { upload: file.upload() }];
    facts.extend(rules::asked(ledger, id, file));
    facts
}

/// What must hold when a file is submitted, whoever carries it out.
pub(crate) fn check_submit(ledger: &Ledger, file: &UsageFile) -> Result<(), Rejection> {
    let created = file.approval.created.as_ref().ok_or(Rejection::NotFound)?;
    let terms = prerequisites::check(&ledger.catalog, &created.product.id, &created.contract.id)?;
    if !created.predictive {
        return Ok(());
    }
    prerequisites::check_estimates(terms.product)?;
    estimates::actual_of(ledger, file).map_or(Ok(()), |file| Err(Rejection::ActualFileExists { file }))
}

fn check_answer(
    file: &UsageFile,
    (field, note): (&str, &String),
    action: Action,
    context: &Context,
) -> Result<(), Rejection> {
    if !context.scope.plays_provider(file) {
        return Err(Rejection::RoleNotAllowed);
    }
    check_texts(&[(field, note, TEXT_CHARS_MAX)])?;
    transitions::check(action, file, &context.scope)
}

/// A file is accepted as a whole: not with records in it that its provider called wrong.
fn check_marks(file: &UsageFile) -> Result<(), Rejection> {
    match file.approval.marks.rejected.len() {
        0 => Ok(()),
        rejected => Err(Rejection::RecordsRejected { rejected }),
    }
}

fn approve_records(file: &UsageFile, context: &Context) -> Result<Option<Fact>, Rejection> {
    transitions::check(Action::Approve, file, &context.scope)?;
    let fact = Fact::RecordsApproved { upload: file.upload() };
    let approved = file.approval.records_approved_at.is_some() && file.approval.marks.is_empty();
    Ok((!approved).then_some(fact))
}

fn mark_records(
    file: &UsageFile,
    rows: &RowSet,
    mark: RecordMark,
    context: &Context,
) -> Result<Option<Fact>, Rejection> {
    transitions::check(Action::Mark, file, &context.scope)?;
    let parts = file.current_reading().map_or(&[][..], |reading| &reading.parts);
    let known = |row| parts.iter().any(|part| (part.first_row..=part.last_row).contains(&row));
    if !rows.iter().all(known) {
        return Err(Rejection::NotFound);
    }
    let marked = rows.iter().all(|row| file.approval.mark_of(row) == mark);
    let fact = Fact::RecordsMarked { upload: file.upload(), rows: rows.clone(), mark };
    Ok((!marked).then_some(fact))
}
