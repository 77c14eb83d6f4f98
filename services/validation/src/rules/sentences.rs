//! What a vendor reads about a wrong record. The messages of the published codes are those of connect-api §5.1 to the
//! letter; everything else is ours and says what is wrong, and its fix what would be right.

use ledger::amount::{Decimal, PLACES_MAX};
use ledger::catalog::{Item, ItemKind, OverlapPolicy, Schema, Subscription, SubscriptionStatus, precision_name};
use ledger::record::{RECORD_TEXT_BYTES_MAX, RecordError};
use ledger::{Code, FileId, Moment};

use super::columns::Field;
use super::dynamic::{DYNAMIC_CHARS_MAX, DYNAMIC_ITEMS_MAX};

/// Characters of a vendor's text that a sentence shows: sentences stand in every batch, and no criteria that means
/// something is longer.
const SHOWN_CHARS_MAX: usize = 200;
/// Ids that a fix lists as examples: more are no help in a cell's comment.
pub(super) const EXAMPLES_MAX: usize = 5;

/// `009`: the record's id was accepted with another file.
#[must_use]
pub fn taken(file: FileId, column: Option<u16>) -> RecordError {
    let message = format!("Record belongs to existing usage file {file}");
    let fix = "Give the record an id that no file of this contract and product has used.";
    error(Code::RecordIdTaken, column, message, fix)
}

/// `107`: the record's id stands further up in the same file.
#[must_use]
pub fn repeated(first_row: u32, column: Option<u16>) -> RecordError {
    let message = format!("Record id is the same as in row {first_row}");
    error(Code::RecordIdRepeated, column, message, "Give every record of the file an id of its own.")
}

/// Rows of another file; `more` where only some were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
    /// Whether there are others.
    pub more: bool,
}

/// `116`: the record's window overlaps usage of the same subscription, item and tier in another file.
#[must_use]
pub fn overlap(file: FileId, rows: Rows, policy: OverlapPolicy, column: Option<u16>) -> RecordError {
    let Rows { first, last, more } = rows;
    let rows = if first == last { format!("row {first}") } else { format!("rows {first}-{last}") };
    let more = if more { " and more" } else { "" };
    let fix = match policy {
        OverlapPolicy::Enforce => {
            "Report a window that is not reported yet; or, to correct that file, use a file whose period covers that \
             file's period and is longer."
        }
        OverlapPolicy::Off | OverlapPolicy::Warn => {
            "Leave the record out if it is the same usage; if it is other usage, nothing has to be done."
        }
    };
    error(Code::Overlap, column, format!("Usage overlaps {rows}{more} of usage file {file}"), fix)
}

/// `114`: the record's window lies in the period of a file that is closed.
#[must_use]
pub fn late(file: FileId, from: Moment, to: Moment, column: Option<u16>) -> RecordError {
    let fix = format!(
        "Usage file {file} closed the period from {} to {}: report a window outside of it, or switch on the capability \
         Late Charges of the product.",
        from.sheet(),
        to.sheet()
    );
    error(Code::CapabilityOff, column, "The product may not report late charges", fix)
}

pub(super) fn error(
    code: Code,
    column: Option<u16>,
    message: impl Into<String>,
    fix: impl Into<String>,
) -> RecordError {
    RecordError { code, column, message: message.into(), fix: fix.into() }
}

/// A vendor's text as a sentence shows it: cut where it is very long.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

pub(super) fn column_missing(field: Field) -> RecordError {
    let fix = format!("Add the column {} to the records tab: {}.", field.name(), field.accepts());
    error(Code::ColumnMissing, None, format!("Column {} is missing", field.name()), fix)
}

pub(super) fn blank(field: Field, column: Option<u16>) -> RecordError {
    let fix = format!("Fill in {}.", field.accepts());
    error(Code::CellBlank, column, format!("Column {} is blank", field.name()), fix)
}

pub(super) fn holds_error(name: &str, text: &str, column: Option<u16>) -> RecordError {
    let message = format!("Cell in column {} holds an error: {}", shown(name), shown(text));
    error(Code::CellUnusable, column, message, "Correct the cell or write its value as text.")
}

pub(super) fn formula_without_value(name: &str, column: Option<u16>) -> RecordError {
    let message = format!("Formula in column {} has no computed value", shown(name));
    let fix = "Open the workbook in a spreadsheet program, let it calculate and save it, or write the value itself.";
    error(Code::CellUnusable, column, message, fix)
}

pub(super) fn text_too_long(name: &str, column: Option<u16>) -> RecordError {
    let message = format!("Text in column {} is too long", shown(name));
    let fix = format!("Shorten it: a record keeps {RECORD_TEXT_BYTES_MAX} bytes of text.");
    error(Code::TextTooLong, column, message, fix)
}

pub(super) fn subscription_criteria(column: Option<u16>, parameters: &[&str]) -> RecordError {
    let known = match parameters {
        [] => String::new(),
        ids => format!(" Known parameters: {}.", listed(ids.iter().copied())),
    };
    let fix = format!("Use asset.id or parameter.{{parameter id}}.{known}");
    error(Code::SubscriptionCriteriaInvalid, column, "This subscription filter type is not allowed", fix)
}

pub(super) fn no_subscription_with_id(id: &str, column: Option<u16>) -> RecordError {
    let message = format!("Asset id not found for filter asset.id with value {}", shown(id));
    let fix = "Use the id of a subscription of this file's contract and product.";
    error(Code::SubscriptionNotFoundById, column, message, fix)
}

pub(super) fn no_subscription_with_value(
    parameter: &str,
    value: &str,
    column: Option<u16>,
    other_parameters: Option<&[&str]>,
) -> RecordError {
    let message = format!("Asset id not found for filter parameter.{} with value {}", shown(parameter), shown(value));
    let fix = match other_parameters {
        None => "Use the value that this parameter has in a subscription of this file's contract and product.".into(),
        Some([]) => "No subscription of this file's contract and product has parameters: use asset.id.".into(),
        Some(ids) => format!("No subscription has this parameter. Known parameters: {}.", listed(ids.iter().copied())),
    };
    error(Code::SubscriptionNotFoundByParameter, column, message, fix)
}

pub(super) fn several_subscriptions<'a>(
    parameter: &str,
    value: &str,
    column: Option<u16>,
    ids: impl Iterator<Item = &'a str>,
) -> RecordError {
    let message = format!("Multiple assets found for parameter {} with value {}", shown(parameter), shown(value));
    let fix = format!("Use asset.id with one of them: {}.", listed(ids));
    error(Code::SubscriptionAmbiguous, column, message, fix)
}

pub(super) fn not_reportable(subscription: &Subscription, column: Option<u16>) -> RecordError {
    let message =
        format!("Subscription {} is {}: its usage can not be reported", subscription.id, subscription.status.name());
    let reportable = SubscriptionStatus::ALL.into_iter().filter(|status| status.reportable());
    let fix = format!("Report usage of a subscription that is {}.", any_of(reportable.map(SubscriptionStatus::name)));
    error(Code::SubscriptionNotReportable, column, message, fix)
}

pub(super) fn item_criteria(column: Option<u16>) -> RecordError {
    error(Code::ItemCriteriaInvalid, column, "This item filter type not allowed", "Use item.mpn or item.global_id.")
}

pub(super) fn no_item(criteria: &str, value: &str, column: Option<u16>, fix: String) -> RecordError {
    let message = format!("Resource ID not found for filter {} with value {}", shown(criteria), shown(value));
    error(Code::ItemNotFound, column, message, fix)
}

pub(super) fn kind_off(kind: ItemKind, column: Option<u16>) -> RecordError {
    let (what, capability) = match kind {
        ItemKind::PayAsYouGo => ("pay-as-you-go items", "Pay-as-you-go"),
        ItemKind::Reservation => ("reservation items", "Consumption reporting for Reservation Items"),
    };
    let fix = format!("Switch on the capability {capability} of the product, or leave the record out.");
    error(Code::CapabilityOff, column, format!("The product may not report {what}"), fix)
}

pub(super) fn dynamic_off(column: Option<u16>) -> RecordError {
    let fix = "Fill in item_search_criteria and item_search_value, or switch on the capability Dynamic Items of the \
               product.";
    error(Code::CapabilityOff, column, "The product may not report dynamic items", fix)
}

pub(super) fn dynamic_incomplete(missing: &[&str], column: Option<u16>) -> RecordError {
    let message = format!("Dynamic item lacks {}", missing.join(", "));
    let fix = "Fill in item_name, item_mpn, item_unit and item_precision, or item_search_criteria and \
               item_search_value.";
    error(Code::DynamicItemInvalid, column, message, fix)
}

pub(super) fn dynamic_precision(text: &str, column: Option<u16>) -> RecordError {
    let message = format!("Precision {} of a dynamic item is not known", shown(text));
    let fix = "Use integer, decimal(1), decimal(2), decimal(4) or decimal(8).";
    error(Code::DynamicItemInvalid, column, message, fix)
}

pub(super) fn dynamic_too_long(field: Field, column: Option<u16>) -> RecordError {
    let message = format!("Text in column {} is too long for a dynamic item", field.name());
    error(Code::DynamicItemInvalid, column, message, format!("Use at most {DYNAMIC_CHARS_MAX} characters."))
}

pub(super) fn dynamic_too_many(column: Option<u16>) -> RecordError {
    let message = format!("The file brings more than {DYNAMIC_ITEMS_MAX} new items");
    let fix = "Declare the items in the product, or divide the file.";
    error(Code::DynamicItemInvalid, column, message, fix)
}

pub(super) fn dynamic_reservation(mpn: &str, column: Option<u16>) -> RecordError {
    let message = format!("Item {} is a reservation item of the product", shown(mpn));
    let fix = "Give the dynamic item a part number of its own, or search for the item.";
    error(Code::DynamicItemConflict, column, message, fix)
}

pub(super) fn dynamic_differs(known: &Item, first_row: Option<u32>, column: Option<u16>) -> RecordError {
    let place = first_row.map_or_else(|| "in the product".to_owned(), |row| format!("in row {row}"));
    let message = format!("Item {} is described otherwise {place}", shown(&known.mpn));
    let fix = format!(
        "Use item_unit {} and item_precision {} as there, or give the item a part number of its own.",
        shown(&known.unit),
        precision_name(known.places)
    );
    error(Code::DynamicItemConflict, column, message, fix)
}

pub(super) fn quantity_not_a_number(column: Option<u16>) -> RecordError {
    let fix = "Write a plain number such as 12.5: no unit, no thousands separator, a point before the decimals.";
    error(Code::QuantityNotANumber, column, "Usage value is not a float value", fix)
}

pub(super) fn precision(places: u8, nearest: Decimal, column: Option<u16>) -> RecordError {
    let fix = format!("The item's precision is {}: the nearest accepted value is {nearest}.", precision_name(places));
    let message = "Usage quantity reported doesn't match with the data type of the item";
    error(Code::PrecisionMismatch, column, message, fix)
}

pub(super) fn too_fine(what: &str, nearest: Decimal, column: Option<u16>) -> RecordError {
    let message = format!("{what} has more than {PLACES_MAX} decimals");
    error(Code::TooManyDecimals, column, message, format!("The nearest accepted value is {nearest}."))
}

pub(super) fn out_of_range(what: &str, column: Option<u16>) -> RecordError {
    let fix = "Use a number from -10000000000000000 to 10000000000000000.";
    error(Code::OutOfRange, column, format!("{what} is out of range"), fix)
}

pub(super) fn negative_reservation(column: Option<u16>) -> RecordError {
    let message = "Quantity of a reservation item is negative";
    error(Code::OutOfRange, column, message, "Report how many were used: 0 or more.")
}

pub(super) fn above_purchased(purchased: Decimal, column: Option<u16>) -> RecordError {
    let message = "Usage quantity reported in usage file is greater than allowed usage";
    error(Code::AbovePurchased, column, message, format!("{purchased} were purchased: report at most that."))
}

pub(super) fn amount_missing(column: Option<u16>) -> RecordError {
    error(Code::AmountInvalid, column, "Amount is missing", "Fill in the amount without tax, such as 12.5.")
}

pub(super) fn amount_not_a_number(column: Option<u16>) -> RecordError {
    let fix = "Write a plain number such as 12.5: no currency, no thousands separator, a point before the decimals.";
    error(Code::AmountInvalid, column, "Amount is not a number", fix)
}

pub(super) fn tier(column: Option<u16>) -> RecordError {
    let fix = "Use 0 for the customer's price, 1 for the reseller's or 2 for the distributor's.";
    error(Code::TierInvalid, column, "Tier is not 0, 1 or 2", fix)
}

pub(super) fn tier_ignored(schema: Schema, column: Option<u16>) -> RecordError {
    let message = format!("Tier is ignored for schema {}", schema.upper());
    error(Code::TierIgnored, column, message, "Leave tier blank: one amount is reported for each usage.")
}

pub(super) fn tiers_missing(missing: &[u8], column: Option<u16>) -> RecordError {
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let message = format!("Usage has no record for tier {}", names.join(" and tier "));
    let fix = "Report each usage with tier 0, 1 and 2: same subscription, item, quantity and times.";
    error(Code::TiersMissing, column, message, fix)
}

pub(super) fn start_invalid(column: Option<u16>, number: bool) -> RecordError {
    error(Code::StartInvalid, column, "Usage start time is not valid", time_fix(number))
}

pub(super) fn end_invalid(column: Option<u16>, number: bool) -> RecordError {
    error(Code::EndInvalid, column, "Usage end time is not valid", time_fix(number))
}

fn time_fix(number: bool) -> String {
    let prefix = if number { "The cell holds a number: give it a date format or use" } else { "Use" };
    format!("{prefix} YYYY-MM-DD hh:mm:ss or MM/DD/YYYY hh:mm:ss, in UTC.")
}

pub(super) fn start_after_end(column: Option<u16>) -> RecordError {
    let message = "Usage start time value greater than end time value";
    error(Code::StartAfterEnd, column, message, "Let start_time_utc be no later than end_time_utc.")
}

pub(super) fn in_the_future(which: &str, now: Moment, column: Option<u16>) -> RecordError {
    let fix =
        format!("Use a time no later than {}, or switch on the capability Future Charges of the product.", now.sheet());
    error(Code::InTheFuture, column, format!("Usage {which} time is in the future"), fix)
}

pub(super) fn after_termination(subscription: &Subscription, ended: Moment, column: Option<u16>) -> RecordError {
    let message = format!("Usage lies after the end of subscription {}", subscription.id);
    let fix = format!("Use times no later than {}, when the subscription ended.", ended.sheet());
    error(Code::AfterTermination, column, message, fix)
}

pub(super) fn category_unknown(id: &str, column: Option<u16>) -> RecordError {
    let message = format!("Category {} is not in the categories tab", shown(id));
    error(Code::CategoryUnknown, column, message, "Add it to the categories tab, or leave category_id blank.")
}

pub(super) fn custom_field_missing(name: &str, column: Option<u16>) -> RecordError {
    let name = shown(name);
    let (message, fix) = match column {
        Some(_) => (format!("Custom field {name} is blank"), "Fill it in: the product requires it.".to_owned()),
        None => (
            format!("Custom field {name} is missing"),
            format!("Add the column {name} to the records tab: the product requires it."),
        ),
    };
    error(Code::CustomFieldMissing, column, message, fix)
}

/// `a, b, c`, and an ellipsis where there are more than a fix shows.
pub(super) fn listed<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for (index, id) in ids.enumerate() {
        if index == EXAMPLES_MAX {
            text.push_str(", …");
            break;
        }
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(&shown(id));
    }
    text
}

/// `a, b or c`.
fn any_of(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => (*last).to_owned(),
        None => String::new(),
    }
}
