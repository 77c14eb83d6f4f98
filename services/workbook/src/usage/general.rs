//! What the `general` tab says of a usage file, in the order of connect-api §4.4; our own rows come after it.

use ledger::catalog::Schema;
use ledger::file::Shown;
use ledger::{FileId, HostId, Moment, Named, ServiceName, UsageFile};

use super::REPORT_ID;
use crate::write::Kind;

/// The rows of the tab; none before the file was checked.
pub(crate) fn rows(kind: Kind, id: FileId, file: &UsageFile, hub: Option<&Named>) -> Option<Vec<(String, String)>> {
    let facts = file.approval.created.as_deref()?;
    let checking = file.current_checking()?;
    let mut rows = Vec::new();
    let mut row = |name: &str, value: &str| rows.push((name.to_owned(), value.to_owned()));
    let time = |moment: Option<Moment>| moment.map_or_else(String::new, Moment::sheet);
    row("report_name", &facts.name);
    row("report_note", &facts.note);
    row(REPORT_ID, &id.to_string());
    row("status", if checking.invalid == 0 { "valid" } else { "invalid" });
    row("report_start_time_utc", &time(facts.period.map(|period| period.from)));
    row("report_end_time_utc", &time(facts.period.map(|period| period.to)));
    row("valid_records", &checking.valid.to_string());
    row("invalid_records", &checking.invalid.to_string());
    row("usage_schema", facts.schema.upper());
    if facts.schema != Schema::Qt {
        row("currency", facts.currency.as_deref().unwrap_or(""));
    }
    let provider = if kind.is_vendors() { "provider_account" } else { "distributor_account" };
    for (prefix, named) in [("product", &facts.product), ("marketplace", &facts.marketplace)] {
        row(&format!("{prefix}_id"), named.id.as_str());
        row(&format!("{prefix}_name"), &named.name);
    }
    if let Some(hub) = hub {
        row("hub_id", hub.id.as_str());
        row("hub_name", &hub.name);
    }
    for (prefix, named) in
        [("vendor_account", &facts.vendor), (provider, &facts.provider), ("distribution_contract", &facts.contract)]
    {
        row(&format!("{prefix}_id"), named.id.as_str());
        row(&format!("{prefix}_name"), &named.name);
    }
    if facts.predictive {
        row("predictive", "yes");
    }
    Some(rows)
}

/// The row with the newest checkpoint of the log of the service that made the workbook, as the header
/// `Ledger-Checkpoint` has it; none where the log had none yet.
pub(crate) fn checkpoint(service: ServiceName, id: FileId, shown: Shown) -> Option<(String, String)> {
    let log = HostId { service, partition: id.partition() };
    shown.0.map(|root| ("checkpoint".to_owned(), root.member(log)))
}
