//! Which facts are shown in the feed of events, under which name, and to whom; docs/events.md is the same for people.

use ledger::catalog::{CatalogObject, Environment};
use ledger::{Catalog, Event, Fact, FileId, Ledger, ObjectId, Role, Scope, Subject};

use crate::catalog::sees_product;
use crate::json::event::{EventObject, EventReference};

/// Which side of a file sees a kind of event. An operator sees all; outside production the vendor is both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// What the vendor does before the provider has the file, and what is the vendor's own.
    Vendor,
    /// What the provider does with it.
    Provider,
    /// What passes between the two.
    Both,
}

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// `usage_file.submitted`: what it is about, and what happened to it.
    pub(crate) name: &'static str,
    pub(crate) side: Side,
}

/// What a fact is called in the feed, if it is shown: not every step of the work is an event for others.
pub(crate) fn kind(fact: &Fact) -> Option<Kind> {
    let (name, side) = match fact {
        Fact::ObjectRecorded(object) => return of_object(object),
        Fact::FileCreated(_) => ("usage_file.created", Side::Vendor),
        Fact::FileDescribed(_) => ("usage_file.updated", Side::Vendor),
        Fact::UploadOpened(_) => ("usage_file.uploaded", Side::Vendor),
        Fact::FileDeleted => ("usage_file.deleted", Side::Vendor),
        Fact::SubmitRemembered { .. } => ("usage_file.submit_remembered", Side::Vendor),
        Fact::SubmitDropped { .. } => ("usage_file.submit_dropped", Side::Vendor),
        Fact::FileSubmitted { .. } => ("usage_file.submitted", Side::Both),
        Fact::FileAccepted { .. } => ("usage_file.accepted", Side::Both),
        Fact::FileRejected { .. } => ("usage_file.rejected", Side::Both),
        Fact::RecordsApproved { .. } => ("usage_file.records_approved", Side::Both),
        Fact::RecordsMarked { .. } => ("usage_file.records_marked", Side::Both),
        Fact::ReportOpened { .. } => ("usage_file.report_opened", Side::Vendor),
        Fact::ReportSealed { .. } => ("usage_file.report_sealed", Side::Vendor),
        Fact::RulesApplied { .. } => ("usage_file.ruled", Side::Both),
        Fact::RuleRecorded(_) => ("usage_rule.recorded", Side::Provider),
        Fact::RuleDeleted => ("usage_rule.deleted", Side::Provider),
        Fact::FileSuperseded { .. } => ("usage_file.superseded", Side::Both),
        Fact::FileUnreadable { .. } => ("usage_file.unreadable", Side::Vendor),
        Fact::CheckFailed { .. } => ("usage_file.check_failed", Side::Vendor),
        Fact::ProcessedWritten { .. } => ("usage_file.checked", Side::Vendor),
        Fact::FileExtracted { .. } => ("usage_file.extracted", Side::Provider),
        Fact::ChunkWritten { .. } => ("usage_chunk.ready", Side::Provider),
        Fact::ChunkFailed { .. } => ("usage_chunk.failed", Side::Provider),
        Fact::ChunkRegenerated { .. } => ("usage_chunk.regenerated", Side::Provider),
        Fact::ChunkNamed { .. } => ("usage_chunk.updated", Side::Provider),
        Fact::RecordsClosed { .. } => ("usage_file.records_closed", Side::Both),
        Fact::ChunkClosed { .. } => ("usage_chunk.closed", Side::Provider),
        Fact::ReconciliationReceived { .. } => ("reconciliation.received", Side::Provider),
        Fact::ReconciliationProcessed { .. } => ("reconciliation.processed", Side::Provider),
        Fact::ReconciliationFailed { .. } => ("reconciliation.failed", Side::Provider),
        Fact::FileClosed { .. } => ("usage_file.closed", Side::Both),
        Fact::ContractPlaced { .. }
        | Fact::WebhookRecorded(_)
        | Fact::WebhookDeleted
        | Fact::SessionOpened(_)
        | Fact::SessionEnded
        | Fact::CommandRefused { .. }
        | Fact::RulesAsked { .. }
        | Fact::RulingStarted { .. }
        | Fact::ReadStarted { .. }
        | Fact::RecordsRead(_)
        | Fact::RecordsRooted(_)
        | Fact::ColumnsReported { .. }
        | Fact::FileRead(_)
        | Fact::CheckStarted { .. }
        | Fact::RecordsChecked(_)
        | Fact::UsageSummarized { .. }
        | Fact::DynamicItemsFound { .. }
        | Fact::FileChecked(_)
        | Fact::ProcessedStarted { .. }
        | Fact::BillingRefused { .. }
        | Fact::ExtractionStarted { .. }
        | Fact::ChunkOpened { .. }
        | Fact::ChunkFilled { .. }
        | Fact::RecordsExempted { .. }
        | Fact::ChunkStarted { .. }
        | Fact::ReconciliationStarted { .. }
        | Fact::WriterChanged { .. }
        | Fact::SigningKeyRecorded(_)
        | Fact::CheckpointSigned(_)
        | Fact::StatementSigned { .. } => return None,
    };
    Some(Kind { name, side })
}

fn of_object(object: &CatalogObject) -> Option<Kind> {
    let name = match object {
        CatalogObject::Product(_) => "product.recorded",
        CatalogObject::Item(_) => "item.recorded",
        _ => return None,
    };
    Some(Kind { name, side: Side::Both })
}

/// What the fold knows of an event's object.
pub(super) enum About {
    /// Not yet what decides who sees it: it comes with another log.
    Unknown,
    /// Nothing for this caller.
    Hidden,
    /// Its id and what it belongs to, none of which ever changes.
    Shown(EventObject),
}

/// The object of an event, for whoever may see it. That never depends on where the file stands by now: the feed has
/// the same events whenever it is read.
pub(super) fn about(ledger: &Ledger, event: &Event, side: Side, scope: &Scope) -> About {
    match &event.subject {
        Subject::File(id) => about_file(ledger, *id, &event.fact, side, scope),
        Subject::Object(id) => about_object(ledger, id, &event.fact, scope),
    }
}

fn about_file(ledger: &Ledger, id: FileId, fact: &Fact, side: Side, scope: &Scope) -> About {
    let created = ledger.file(id).and_then(|file| file.approval.created.as_ref());
    let Some(created) = created else { return About::Unknown };
    let own = |account: &ObjectId| scope.account.as_ref() == Some(account);
    let production = created.environment == Environment::Production;
    let seen = match scope.role {
        Role::Operator => true,
        Role::Vendor => own(&created.vendor.id) && (side != Side::Provider || !production),
        Role::Distributor | Role::Reseller => own(&created.provider.id) && side != Side::Vendor && production,
    };
    if !seen {
        return About::Hidden;
    }
    let part = match fact {
        Fact::ChunkWritten { chunk, .. }
        | Fact::ChunkNamed { chunk, .. }
        | Fact::ChunkRegenerated { chunk }
        | Fact::ChunkClosed { chunk, .. } => Some(id.chunk(*chunk).to_string()),
        // Number 0 is the division of the file as a whole.
        Fact::ChunkFailed { chunk, .. } => (*chunk > 0).then(|| id.chunk(*chunk).to_string()),
        Fact::ReconciliationReceived { reconciliation, .. }
        | Fact::ReconciliationProcessed { reconciliation, .. }
        | Fact::ReconciliationFailed { reconciliation, .. } => Some(id.reconciliation(*reconciliation).to_string()),
        _ => None,
    };
    About::Shown(match part {
        Some(part) => EventObject { id: part, usagefile: Some(EventReference::new(id)), ..EventObject::default() },
        None => EventObject {
            contract: Some(EventReference::new(&created.contract.id)),
            ..EventObject::of_product(&id, &created.product.id)
        },
    })
}

fn about_object(ledger: &Ledger, id: &ObjectId, fact: &Fact, scope: &Scope) -> About {
    let of_product = |product: &ObjectId| match seen_product(&ledger.catalog, product, scope) {
        true => About::Shown(EventObject::of_product(id, product)),
        false => About::Hidden,
    };
    match fact {
        Fact::ObjectRecorded(object) => match object.as_ref() {
            CatalogObject::Product(product) => match seen_product(&ledger.catalog, &product.named.id, scope) {
                true => About::Shown(EventObject { id: id.to_string(), ..EventObject::default() }),
                false => About::Hidden,
            },
            CatalogObject::Item(item) => of_product(&item.product),
            _ => About::Hidden,
        },
        _ => match ledger.rules.get(id) {
            None => About::Unknown,
            Some(rule) if scope.role == Role::Operator || scope.account.as_ref() == Some(&rule.provider) => {
                of_product(&rule.product)
            }
            Some(_) => About::Hidden,
        },
    }
}

fn seen_product(catalog: &Catalog, product: &ObjectId, scope: &Scope) -> bool {
    catalog.products.get(product).is_some_and(|product| sees_product(catalog, product, scope))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../../docs/events.md");

    #[test]
    fn the_table_of_events_is_the_code() {
        let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
        let listed: Vec<Vec<&str>> =
            rows.map(|row| row.trim_matches('|').split('|').map(str::trim).take(4).collect()).collect();
        let listed: BTreeSet<String> = listed.iter().map(|cells| cells.join(" | ")).collect();
        let told = |side: Side| match side {
            Side::Vendor => "yes | no",
            Side::Provider => "no | yes",
            Side::Both => "yes | yes",
        };
        let row = |event: &Event| {
            let kind = kind(&event.fact)?;
            let variant = format!("{:?}", event.fact);
            let variant = variant.split([' ', '(']).next().unwrap_or_default();
            Some(format!("`{}` | `{variant}` | {}", kind.name, told(kind.side)))
        };
        let samples = proto::samples::events();
        let expected: BTreeSet<String> = samples.iter().filter_map(|(_, event)| row(event)).collect();
        assert_eq!(listed, expected, "correct docs/events.md");
    }
}
