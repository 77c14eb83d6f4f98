//! The `records` tab of the template: the columns that the product uses, with dropdowns, prompts and formats.

use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, DataValidationRule, ExcelDateTime, Format, Formula, IgnoreError,
    Worksheet, XlsxError,
};

use super::{Template, VALUES_TAB};
use crate::columns::{
    CATEGORIES_TAB, Column, ITEM_BY_GLOBAL_ID, PRECISIONS, RECORDS_TAB, Requirement, TIERS, ValueKind,
};
use crate::read::address;
use crate::write::sheet::{self, Looks};
use crate::write::{RECORDS_MAX, text};

const CUSTOM_WIDTH: u8 = 20;
/// What Excel shows of a prompt.
const PROMPT_UNITS_MAX: usize = 255;
const PROMPT_TITLE_UNITS_MAX: usize = 32;
/// The largest quantity or amount, as a formula: numbers of this library are floats.
const NUMBER_MAX: &str = "10000000000000000";
/// No usage is older: a typed time before it is a slip.
const YEAR_MIN: u16 = 2000;

/// Writes the tab. Under its header nothing stands, so that the filled workbook has the vendor's rows only.
pub(super) fn write(sheet: &mut Worksheet, of: &Template<'_>, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(RECORDS_TAB)?.set_freeze_panes(1, 1)?;
    sheet::printed(sheet);
    for (at, column) in (0..).zip(of.columns()) {
        sheet.set_column_width(at, column.width)?;
        if let Some(format) = format(of, column, looks) {
            sheet.set_column_format(at, format)?;
        }
        sheet::put(sheet, 0, at, column.name, Some(header_look(of, column, looks)))?;
        sheet.insert_note(0, at, &sheet::note(&help(of, column, of.sentence(column))))?;
        let prompt = format!("{}.\n{}.\nExample: {}", of.sentence(column), of.accepted(column), column.example);
        let rule = prompted(rule(of, column)?, column.name, &prompt)?;
        sheet.add_data_validation(1, at, RECORDS_MAX, at, &rule)?;
    }
    let first = u16::try_from(of.columns().count()).unwrap_or_default();
    for (at, name) in (first..).zip(of.custom_fields()) {
        sheet.set_column_width(at, CUSTOM_WIDTH)?.set_column_format(at, &looks.text)?;
        sheet::put(sheet, 0, at, name, Some(&looks.strong_header))?;
        let about = "Required by this product; reaches the distributor unchanged.";
        sheet.insert_note(0, at, &sheet::note(about))?;
        let rule = prompted(DataValidation::new().allow_any_value(), name, about)?;
        sheet.add_data_validation(1, at, RECORDS_MAX, at, &rule)?;
    }
    let last = u16::try_from(of.headers().len()).unwrap_or(u16::MAX);
    sheet.ignore_error_range(0, 0, RECORDS_MAX, last, IgnoreError::NumberStoredAsText)?;
    Ok(())
}

/// Ids are text. Numbers and times are formatted so that what is typed is shown as it will be read.
fn format<'a>(of: &Template<'_>, column: &Column, looks: &'a Looks) -> Option<&'a Format> {
    match column.kind {
        ValueKind::Decimal if column.name == "amount" => Some(&looks.money),
        // Whole numbers need no format, and one that ends in a point looks wrong.
        ValueKind::Decimal => of.listed().iter().any(|item| item.places > 0).then_some(&looks.quantity),
        ValueKind::Tier => None,
        ValueKind::Instant => Some(&looks.instant),
        _ => Some(&looks.text),
    }
}

fn header_look<'a>(of: &Template<'_>, column: &Column, looks: &'a Looks) -> &'a Format {
    match column.requirement(of.schema) {
        Requirement::Required | Requirement::RequiredUnlessDynamic => &looks.strong_header,
        _ => &looks.header,
    }
}

/// What the note at a header says.
pub(super) fn help(of: &Template<'_>, column: &Column, needed: &str) -> String {
    format!("{needed}.\n{}\nAccepted: {}.\nExample: {}", column.definition, of.accepted(column), column.example)
}

fn prompted(rule: DataValidation, title: &str, prompt: &str) -> Result<DataValidation, XlsxError> {
    rule.set_input_title(text::fitting(title, PROMPT_TITLE_UNITS_MAX))?
        .set_input_message(text::fitting(prompt, PROMPT_UNITS_MAX))
}

/// The rule of a column. It never stands in the way of a value that may be right: only a value outside a closed set is
/// refused, a slip asks back, and the upload checks everything again anyway.
fn rule(of: &Template<'_>, column: &Column) -> Result<DataValidation, XlsxError> {
    let items = of.listed().len();
    let list = |letter: char, count: usize| format!("={}", range(letter, count));
    let tiers = TIERS.map(|(tier, _)| tier);
    Ok(match column.kind {
        ValueKind::ItemCriteria => closed(list('A', 2), "Choose item.mpn or item.global_id.")?,
        ValueKind::Tier => DataValidation::new().allow_list_strings(&tiers)?.set_error_message("Choose 0, 1 or 2.")?,
        ValueKind::Precision => open(list('D', PRECISIONS.len())),
        ValueKind::SubscriptionCriteria => open(list('B', of.subscription_criteria().len())),
        ValueKind::Decimal => {
            let bounds = DataValidationRule::Between(Formula::new(format!("-{NUMBER_MAX}")), Formula::new(NUMBER_MAX));
            slip(DataValidation::new().allow_decimal_number_formula(bounds), "This is no number. Use it anyway?")?
        }
        ValueKind::Instant => {
            let since = DataValidationRule::GreaterThanOrEqualTo(ExcelDateTime::from_ymd(YEAR_MIN, 1, 1)?);
            let question = "This is no time such as 2026-10-01 00:00:00. Use it anyway?";
            slip(DataValidation::new().allow_date(since), question)?
        }
        ValueKind::Text if column.name == "item_search_value" && items > 0 => {
            // The list of the kind of id that the cell of item_search_criteria names.
            let at = of.columns().position(|column| column.kind == ValueKind::ItemCriteria).unwrap_or_default();
            let criteria = address(u16::try_from(at).unwrap_or_default(), 2);
            open(format!("=IF(${criteria}=\"{ITEM_BY_GLOBAL_ID}\",{},{})", range('G', items), range('F', items)))
        }
        ValueKind::Text if column.name == "category_id" => open(format!("={CATEGORIES_TAB}!$A$2:$A$200")),
        ValueKind::Text => DataValidation::new().allow_any_value(),
    })
}

fn range(letter: char, count: usize) -> String {
    format!("{VALUES_TAB}!${letter}$2:${letter}${}", count + 1)
}

fn closed(list: String, message: &str) -> Result<DataValidation, XlsxError> {
    let list = DataValidation::new().allow_list_formula(Formula::new(list));
    list.set_error_style(DataValidationErrorStyle::Stop).set_error_message(message)
}

fn open(list: String) -> DataValidation {
    DataValidation::new().allow_list_formula(Formula::new(list)).show_error_message(false)
}

fn slip(rule: DataValidation, question: &str) -> Result<DataValidation, XlsxError> {
    rule.set_error_style(DataValidationErrorStyle::Warning).set_error_message(question)
}
