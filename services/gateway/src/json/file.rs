//! A usage file (connect-api §3.1).

use ledger::fact::Category as ToldCategory;
use ledger::file::{Decision, ReconciliationEnd, Stamp, UsageFile};
use ledger::rule::Ruling;
use ledger::{Actor, Catalog, FileId, Ledger, Scope, Status};
use serde_json::Value;
use workbook::format::Format;

use super::file_shape::{Category, Events, File, Period, Progress, Records, State, Stats, Superseded};
use super::{Event, Reference, given, rule, totals};
use crate::links::{Store, Workbooks};
use crate::sources::Sources;

/// A file as lists show it; nothing for what was never created.
pub(crate) fn listed(ledger: &Ledger, id: FileId, file: &UsageFile, sources: &Sources) -> Option<Value> {
    Some(super::value(&whole(&ledger.catalog, id, file, sources)?))
}

/// A file by itself: with links to its workbooks, where they are to open, and how far work on it has come.
pub(crate) fn detail(
    ledger: &Ledger,
    id: FileId,
    file: &UsageFile,
    scope: &Scope,
    sources: &Sources,
    workbooks: Option<&Workbooks<'_>>,
) -> Option<Value> {
    let mut shown = whole(&ledger.catalog, id, file, sources)?;
    shown.sub_status = sub_status(file);
    shown.records = records(file);
    shown.totals = totals::shown(file);
    shown.submit_remembered = file.approval.submit_remembered.as_ref().map(Event::new);
    shown.progress = progress(file);
    if let Some(workbooks) = workbooks {
        link(&mut shown, id, file, scope, workbooks);
    }
    Some(super::value(&shown))
}

/// Links to the file's workbooks.
fn link(shown: &mut File, id: FileId, file: &UsageFile, scope: &Scope, workbooks: &Workbooks<'_>) {
    let upload = file.approval.upload.as_ref();
    shown.usage_file_uri = upload
        .filter(|_| !file.approval.reported)
        .map(|upload| workbooks.link(Store::Uploaded, upload.blob, &uploaded_name(id, &upload.filename)));
    let written = file.current_checking().and_then(|checking| checking.processed);
    let processed = written.and_then(|it| if scope.plays_vendor() { Some(it.vendor) } else { it.provider });
    shown.processed_file_uri =
        processed.map(|blob| workbooks.link(Store::Processed, blob, &format!("{id}-PROCESSED.xlsx")));
    let rejects = written.and_then(|it| it.rejects);
    shown.rejects_file_uri = rejects.map(|blob| workbooks.link(Store::Processed, blob, &format!("{id}-REJECTS.xlsx")));
    shown.reconciliation_file_uri = reconciled(id, file, workbooks).filter(|_| scope.plays_provider(file));
}

/// A link to the newest reconciliation, processed or as it came.
fn reconciled(id: FileId, file: &UsageFile, workbooks: &Workbooks<'_>) -> Option<String> {
    let (number, reconciliation) = file.current_extraction()?.reconciliations.last_key_value()?;
    let (blob, suffix) = match &reconciliation.end {
        Some(ReconciliationEnd::Processed { processed: Some(blob), .. }) => (*blob, "-PROCESSED"),
        _ => (reconciliation.blob, ""),
    };
    let name = format!("{}{suffix}.xlsx", id.reconciliation(*number));
    Some(workbooks.link(Store::Reconciliation, blob, &name))
}

/// What a download of the upload is called: by the file's id, with the ending of a format that is read.
fn uploaded_name(id: FileId, filename: &str) -> String {
    let ending = filename.rsplit_once('.').and_then(|(_, ending)| Format::of_ending(ending));
    format!("{id}.{}", ending.unwrap_or(Format::Xlsx).ending())
}

fn whole(catalog: &Catalog, id: FileId, file: &UsageFile, sources: &Sources) -> Option<File> {
    let created = file.approval.created.as_ref()?;
    let with_icon = |of: &ledger::Named| Reference::with_icon(of, &sources.words(catalog, &of.id));
    let (acceptance_note, rejection_note) = match &file.approval.decision {
        Some(Decision::Accepted { note }) => (given(note.clone()), None),
        Some(Decision::Rejected { note }) => (None, given(note.clone())),
        Some(Decision::Open) | None => (None, None),
    };
    let superseded = file.approval.superseded.as_ref();
    Some(File {
        id: id.to_string(),
        name: given(created.name.clone()),
        external_id: given(created.external_id.clone()),
        status: file.status().name(),
        vendor: with_icon(&created.vendor),
        provider: with_icon(&created.provider),
        environment: created.environment.name(),
        marketplace: with_icon(&created.marketplace),
        contract: Reference::new(&created.contract),
        product: with_icon(&created.product),
        error_detail: file.error_detail().and_then(given),
        description: given(created.description.clone()),
        note: given(created.note.clone()),
        acceptance_note,
        rejection_note,
        schema: created.schema.lower(),
        currency: created.currency.clone().and_then(given),
        predictive: given(created.predictive),
        reported: given(created.reported),
        superseded_by: superseded.map(|(by, stamp)| Superseded { id: by.to_string(), at: stamp.at.iso() }),
        period: created.period.map(|period| Period { from: period.from.iso(), to: period.to.iso() }),
        time_zone: given(created.time_zone.clone()),
        stats: given(stats(file)),
        warnings: given(warnings(file)),
        ruling: file.approval.ruling.as_ref().map(rule::Ruling::new),
        events: given(events(file)),
        ..File::default()
    })
}

fn stats(file: &UsageFile) -> Stats {
    let stats = file.stats();
    Stats {
        uploaded: given(stats.uploaded),
        validated: given(stats.validated),
        invalid: given(stats.invalid),
        pending: given(stats.pending),
        accepted: given(stats.accepted),
        closed: given(stats.closed),
        billed: given(stats.billed),
    }
}

/// How often a rule warned.
fn warnings(file: &UsageFile) -> u32 {
    let counts = file.verdict().into_iter().flat_map(|verdict| &verdict.warnings);
    counts.fold(0, |sum, (_, count)| sum.saturating_add(*count))
}

fn records(file: &UsageFile) -> Option<Records> {
    let stats = file.stats();
    let known = Records { valid: stats.validated, invalid: stats.invalid, closed: stats.closed };
    (stats.uploaded > 0).then_some(known)
}

fn events(file: &UsageFile) -> Events {
    let approval = &file.approval;
    let decided = approval.decided_at.as_ref().map(|stamp| decided(stamp, approval.ruling.as_ref()));
    let (accepted, rejected) = match approval.decision {
        Some(Decision::Accepted { .. }) => (decided, None),
        Some(Decision::Rejected { .. }) => (None, decided),
        Some(Decision::Open) | None => (None, None),
    };
    let closed = file.current_extraction().and_then(|extraction| extraction.closed_at.as_ref());
    Events {
        created: approval.created_at.as_ref().map(Event::new),
        uploaded: approval.uploaded_at.as_ref().map(Event::new),
        sealed: approval.sealed_at.as_ref().map(Event::new),
        submitted: approval.submitted_at.as_ref().map(Event::new),
        accepted,
        rejected,
        closed: closed.map(Event::new),
        deleted: approval.deleted_at.as_ref().map(Event::new),
    }
}

/// Who decided and when: where the product did it, the usage rule that it followed, which has a name and no account.
fn decided(stamp: &Stamp, ruling: Option<&Ruling>) -> Event {
    match (&stamp.by, ruling) {
        (Actor::Service(_), Some(ruling)) => Event::in_name_of(stamp, ruling.name()),
        _ => Event::new(stamp),
    }
}

/// What still runs behind an accepted file (connect-api U34).
fn sub_status(file: &UsageFile) -> Option<&'static str> {
    match file.status() {
        Status::Accepted => {
            let extraction = file.current_extraction();
            let busy = extraction.is_none_or(|extraction| {
                !extraction.extracted || extraction.reconciliations.values().any(|one| one.end.is_none())
            });
            Some(if busy { "processing" } else { "processed" })
        }
        Status::Closed => Some("processed"),
        _ => None,
    }
}

/// How far reading and checking have come, while they run. Ours; Connect has nothing of the kind.
fn progress(file: &UsageFile) -> Option<Progress> {
    if !matches!(file.status(), Status::Uploaded | Status::Processing) {
        return None;
    }
    let read = file.current_reading().map_or(0, |reading| reading.records);
    let (valid, invalid) = file.current_checking().map_or((0, 0), |checking| (checking.valid, checking.invalid));
    Some(Progress { read, checked: valid.saturating_add(invalid), valid, invalid })
}

/// How work on a file stands: what changes of it while nobody does anything.
pub(crate) fn state(id: FileId, file: &UsageFile) -> Value {
    super::value(&State {
        id: id.to_string(),
        status: file.status().name(),
        sub_status: sub_status(file),
        error_detail: file.error_detail().and_then(given),
        progress: progress(file),
        stats: given(stats(file)),
    })
}

/// Whether something is being done about a file that nobody has to ask for.
pub(crate) fn busy(file: &UsageFile) -> bool {
    match file.status() {
        Status::Uploaded | Status::Processing => true,
        Status::Ready => file.approval.submit_remembered.is_some(),
        // Usage rules may answer for it.
        Status::Pending => !file.approval.asked.is_empty(),
        Status::Accepted => sub_status(file) == Some("processing"),
        _ => false,
    }
}

/// A category of a file (connect-api §3.7).
pub(crate) fn category(category: &ToldCategory) -> Category {
    Category {
        id: given(category.id.clone()),
        name: given(category.name.clone()),
        description: given(category.description.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_of_an_upload_keeps_the_ending_of_its_format() {
        let id = FileId::parse("UF-2026-11-0000-0000").unwrap();
        for (filename, name) in [
            ("usage.csv", "UF-2026-11-0000-0000.csv"),
            ("USAGE.V2.ODS", "UF-2026-11-0000-0000.ods"),
            ("usage.xlsx", "UF-2026-11-0000-0000.xlsx"),
            ("usage", "UF-2026-11-0000-0000.xlsx"),
            ("usage.exe", "UF-2026-11-0000-0000.xlsx"),
        ] {
            assert_eq!(uploaded_name(id, filename), name, "{filename}");
        }
    }
}
