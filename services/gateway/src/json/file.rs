//! A usage file (connect-api §3.1).

use ledger::fact::Category;
use ledger::file::{Decision, ReconciliationEnd, Stamp, UsageFile};
use ledger::rule::Ruling;
use ledger::{Actor, Catalog, FileId, Ledger, Scope, Status};
use serde_json::{Value, json};
use workbook::format::Format;

use super::{Object, named, named_with_icon, stamp, totals};
use crate::links::{Store, Workbooks};
use crate::sources::Sources;

/// A file as lists show it; nothing for what was never created.
pub(crate) fn listed(ledger: &Ledger, id: FileId, file: &UsageFile, sources: &Sources) -> Option<Value> {
    Some(whole(&ledger.catalog, id, file, sources)?.done())
}

/// A file by itself: with links to its workbooks and how far work on it has come.
pub(crate) fn detail(
    ledger: &Ledger,
    id: FileId,
    file: &UsageFile,
    scope: &Scope,
    sources: &Sources,
    workbooks: &Workbooks<'_>,
) -> Option<Value> {
    let mut object = whole(&ledger.catalog, id, file, sources)?;
    object.put_some("sub_status", sub_status(file));
    object.put("records", records(file)).put("totals", totals::shown(file));
    object.put_some("submit_remembered", file.approval.submit_remembered.as_ref().map(stamp));
    object.put_some("progress", progress(file));
    if let Some(upload) = &file.approval.upload {
        object
            .put("usage_file_uri", workbooks.link(Store::Uploaded, upload.blob, &uploaded_name(id, &upload.filename)));
    }
    let written = file.current_checking().and_then(|checking| checking.processed);
    let processed = written.and_then(|it| if scope.plays_vendor() { Some(it.vendor) } else { it.provider });
    if let Some(blob) = processed {
        object.put("processed_file_uri", workbooks.link(Store::Processed, blob, &format!("{id}-PROCESSED.xlsx")));
    }
    if let Some(blob) = written.and_then(|it| it.rejects) {
        object.put("rejects_file_uri", workbooks.link(Store::Processed, blob, &format!("{id}-REJECTS.xlsx")));
    }
    let reconciled = file.current_extraction().and_then(|extraction| extraction.reconciliations.last_key_value());
    if let Some((number, reconciliation)) = reconciled.filter(|_| scope.plays_provider(file)) {
        let (blob, suffix) = match &reconciliation.end {
            Some(ReconciliationEnd::Processed { processed: Some(blob), .. }) => (*blob, "-PROCESSED"),
            _ => (reconciliation.blob, ""),
        };
        let name = format!("{}{suffix}.xlsx", id.reconciliation(*number));
        object.put("reconciliation_file_uri", workbooks.link(Store::Reconciliation, blob, &name));
    }
    Some(object.done())
}

/// What a download of the upload is called: by the file's id, with the ending of a format that is read.
fn uploaded_name(id: FileId, filename: &str) -> String {
    let ending = filename.rsplit_once('.').and_then(|(_, ending)| Format::of_ending(ending));
    format!("{id}.{}", ending.unwrap_or(Format::Xlsx).ending())
}

fn whole(catalog: &Catalog, id: FileId, file: &UsageFile, sources: &Sources) -> Option<Object> {
    let created = file.approval.created.as_ref()?;
    let with_icon = |of: &ledger::Named| named_with_icon(of, &sources.words(catalog, &of.id));
    let mut object = Object::default();
    object
        .put("id", id.to_string())
        .put("name", created.name.as_str())
        .put("external_id", created.external_id.as_str())
        .put("status", file.status().name())
        .put("vendor", with_icon(&created.vendor))
        .put("provider", with_icon(&created.provider))
        .put("environment", created.environment.name())
        .put("marketplace", with_icon(&created.marketplace))
        .put("contract", named(&created.contract))
        .put("product", with_icon(&created.product))
        .put_some("error_detail", file.error_detail())
        .put("description", created.description.as_str())
        .put("note", created.note.as_str());
    match &file.approval.decision {
        Some(Decision::Accepted { note }) => object.put("acceptance_note", note.as_str()),
        Some(Decision::Rejected { note }) => object.put("rejection_note", note.as_str()),
        Some(Decision::Open) | None => &mut object,
    };
    object.put("schema", created.schema.lower()).put_some("currency", created.currency.as_deref());
    object.put_some("predictive", created.predictive.then_some(true));
    if let Some((by, stamp)) = &file.approval.superseded {
        object.put("superseded_by", json!({ "id": by.to_string(), "at": stamp.at.iso() }));
    }
    if let Some(period) = created.period {
        object.put("period", json!({ "from": period.from.iso(), "to": period.to.iso() }));
    }
    object.put("time_zone", created.time_zone.as_str());
    object.put("stats", stats(file)).count("warnings", warnings(file)).put("events", events(file));
    Some(object)
}

fn stats(file: &UsageFile) -> Value {
    let stats = file.stats();
    let mut object = Object::default();
    object
        .count("uploaded", stats.uploaded)
        .count("validated", stats.validated)
        .count("invalid", stats.invalid)
        .count("pending", stats.pending)
        .count("accepted", stats.accepted)
        .count("closed", stats.closed)
        .count("billed", stats.billed)
        .done()
}

/// How often a rule warned.
fn warnings(file: &UsageFile) -> u32 {
    let counts = file.verdict().into_iter().flat_map(|verdict| &verdict.warnings);
    counts.fold(0, |sum, (_, count)| sum.saturating_add(*count))
}

fn records(file: &UsageFile) -> Value {
    let stats = file.stats();
    if stats.uploaded == 0 {
        return Value::Null;
    }
    json!({ "valid": stats.validated, "invalid": stats.invalid, "closed": stats.closed })
}

fn events(file: &UsageFile) -> Value {
    let approval = &file.approval;
    let decided = approval.decided_at.as_ref().map(|stamp| decided(stamp, approval.ruling.as_ref()));
    let (accepted, rejected) = match approval.decision {
        Some(Decision::Accepted { .. }) => (decided, None),
        Some(Decision::Rejected { .. }) => (None, decided),
        Some(Decision::Open) | None => (None, None),
    };
    let closed = file.current_extraction().and_then(|extraction| extraction.closed_at.as_ref());
    let mut object = Object::default();
    object
        .put_some("created", approval.created_at.as_ref().map(stamp))
        .put_some("uploaded", approval.uploaded_at.as_ref().map(stamp))
        .put_some("submitted", approval.submitted_at.as_ref().map(stamp))
        .put_some("accepted", accepted)
        .put_some("rejected", rejected)
        .put_some("closed", closed.map(stamp))
        .put_some("deleted", approval.deleted_at.as_ref().map(stamp))
        .done()
}

/// Who decided and when: where the product did it, the usage rule that it followed, which has a name and no account.
fn decided(stamp: &Stamp, ruling: Option<&Ruling>) -> Value {
    match (&stamp.by, ruling) {
        (Actor::Service(_), Some(ruling)) => json!({ "at": stamp.at.iso(), "by": { "name": ruling.name() } }),
        _ => super::stamp(stamp),
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
fn progress(file: &UsageFile) -> Option<Value> {
    if !matches!(file.status(), Status::Uploaded | Status::Processing) {
        return None;
    }
    let read = file.current_reading().map_or(0, |reading| reading.records);
    let (valid, invalid) = file.current_checking().map_or((0, 0), |checking| (checking.valid, checking.invalid));
    let checked = valid.saturating_add(invalid);
    Some(json!({ "read": read, "checked": checked, "valid": valid, "invalid": invalid }))
}

/// A category of a file (connect-api §3.7).
pub(crate) fn category(category: &Category) -> Value {
    let mut object = Object::default();
    object.put("id", category.id.as_str()).put("name", category.name.as_str());
    object.put("description", category.description.as_str()).done()
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
