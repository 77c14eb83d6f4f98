//! What stands in the cells of a record: the vendor's values, in their normal form where they were accepted, and ours.

use std::borrow::Cow;

use ledger::Moment;
use ledger::fact::FileColumn;
use ledger::record::{
    Billing, CellKind, CellView, CheckedBatch, CheckedRecord, ItemFacts, RecordError, SubscriptionFacts,
};

/// Where the columns stand whose accepted value is written in its normal form.
pub(super) struct Known {
    quantity: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
    amount: Option<usize>,
    tier: Option<usize>,
}

impl Known {
    pub(super) fn of(columns: &[FileColumn]) -> Self {
        let place = |name: &str| columns.iter().position(|column| column.name == name);
        Self {
            quantity: place("quantity"),
            start: place("start_time_utc"),
            end: place("end_time_utc"),
            amount: place("amount"),
            tier: place("tier"),
        }
    }

    /// The vendor's own cell. A valid quantity is padded to its precision and a valid time written in full
    /// (connect-api §4.4), a valid amount is a plain number; everything else stays byte for byte.
    pub(super) fn text<'a>(
        &self,
        cell: CellView<'a>,
        record: &CheckedRecord,
        item: Option<&ItemFacts>,
        column: usize,
    ) -> Cow<'a, str> {
        let at = Some(column);
        let normal = if !record.is_valid() {
            None
        } else if at == self.quantity {
            record.quantity.map(|value| value.padded(item.map_or(0, |item| u32::from(item.places))))
        } else if at == self.start {
            record.start.map(Moment::sheet)
        } else if at == self.end {
            record.end.map(Moment::sheet)
        } else if at == self.amount {
            // Money is often written with its cents: `30.00` stays.
            record.amount.filter(|_| cell.kind != CellKind::Text || !is_plain(cell.text)).map(|value| value.to_string())
        } else if at == self.tier {
            record.tier.map(|tier| tier.to_string())
        } else {
            None
        };
        match (normal, cell.kind) {
            (Some(normal), _) => normal.into(),
            (None, CellKind::Formula) if cell.text.is_empty() => "(formula without a value)".into(),
            (None, _) => cell.text.into(),
        }
    }
}

/// Whether a text is digits with at most one point among them and a minus before them: what everything reads alike.
fn is_plain(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    text.split_once('.').map_or_else(|| digits(text), |(whole, decimals)| digits(whole) && digits(decimals))
}

/// What is wrong with a record (true) or worth a look.
pub(super) fn findings(record: &CheckedRecord) -> impl Iterator<Item = (bool, &RecordError)> {
    record.errors.iter().map(|error| (true, error)).chain(record.warnings.iter().map(|warning| (false, warning)))
}

/// What stands in a column of ours.
pub(super) fn added<'a>(
    name: &str,
    product: &'a str,
    checked: &'a CheckedBatch,
    record: &'a CheckedRecord,
) -> Cow<'a, str> {
    let subscription = record.subscription.and_then(|at| checked.subscriptions.get(at as usize));
    let item = record.item.and_then(|at| checked.items.get(at as usize));
    let of_subscription = |pick: fn(&SubscriptionFacts) -> &str| Cow::from(subscription.map_or("", pick));
    let of_item = |pick: fn(&ItemFacts) -> &str| Cow::from(item.map_or("", pick));
    match name {
        "status" => if record.is_valid() { "valid" } else { "invalid" }.into(),
        "error_codes" => record.error_codes().into(),
        "error_details" => details(record).into(),
        "item_id" => of_item(|item| item.named.id.as_str()),
        "asset_recon_id" => of_subscription(|it| &it.recon_id),
        "product_id" => product.into(),
        "item_name" => of_item(|item| &item.named.name),
        "item_type" => of_item(|item| item.kind.sheet()),
        "item_unit" => of_item(|item| &item.unit),
        "item_period" => of_item(|item| &item.period),
        "asset_id" => of_subscription(|it| it.id.as_str()),
        "asset_external_id" => of_subscription(|it| &it.external_id),
        "customer_account_id" => of_subscription(|it| &it.customer_external_id),
        "customer_company_name" => of_subscription(|it| &it.customer_name),
        _ => "".into(),
    }
}

/// What stands there instead for a record that is closed.
pub(super) fn billed<'a>(name: &str, billing: &'a Billing) -> Option<&'a str> {
    match name {
        "status" => Some("closed"),
        "external_billing_id" => Some(&billing.id),
        "external_billing_note" => Some(&billing.note),
        _ => None,
    }
}

/// A line for each thing; what doesn't make the record invalid says so.
fn details(record: &CheckedRecord) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (is_error, error) in findings(record) {
        lines.push(if is_error { error.sentences() } else { format!("Warning: {}", error.sentences()) });
    }
    lines.extend(record.notes.iter().map(|note| format!("Note: {note}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_number_is_one_that_everything_reads_alike() {
        for (text, plain) in [
            ("30.00", true),
            ("-1", true),
            ("007.5", true),
            ("+5", false),
            ("1e3", false),
            (" 5", false),
            ("5.", false),
            (".5", false),
            ("--5", false),
            ("", false),
            ("1.2.3", false),
        ] {
            assert_eq!(is_plain(text), plain, "{text}");
        }
    }
}
