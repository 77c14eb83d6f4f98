//! The template that a vendor downloads, fills in and uploads: seven tabs, made for one product.

mod examples;

use ledger::Moment;
use ledger::catalog::{Capabilities, Schema, precision_name};
use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, Format, Formula, IgnoreError, Workbook, Worksheet, XlsxError,
};

use super::error::guarded;
use super::sheet::{self, Looks};
use super::{RECORDS_MAX, TEMPLATE_ITEMS_MAX, WriteError};
use crate::columns::{
    self, CATEGORIES_TAB, Column, INSTRUCTIONS_TAB, ITEM_BY_GLOBAL_ID, ITEM_BY_MPN, PRECISIONS, RECORDS_TAB,
    Requirement, SUBSCRIPTION_BY_ID, SUBSCRIPTION_BY_PARAMETER, TIERS, ValueKind,
};

const DEFINITIONS_TAB: &str = "data_definitions";
const VALUES_TAB: &str = "valid_values";
const CATEGORIES_EXAMPLE_TAB: &str = "categories_tab_example";
const RECORDS_EXAMPLE_TAB: &str = "records_tab_example";
const INSTRUCTIONS_WIDTH: f64 = 111.0;
/// Where the items begin in the tab of valid values; the lists for dropdowns stand before them.
const ITEMS_COLUMN: u16 = 5;

/// What a template is made for.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// The product's id.
    pub product_id: &'a str,
    /// Its name.
    pub product_name: &'a str,
    /// How its usage is rated.
    pub schema: Schema,
    /// What it may report.
    pub capabilities: &'a Capabilities,
    /// Its items, in the order to show them.
    pub items: &'a [ItemRow<'a>],
    /// Ids of the fulfilment parameters that subscriptions can be searched by.
    pub parameters: &'a [&'a str],
    /// The creation time that the file carries.
    pub created: Moment,
}

/// An item as the template lists it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemRow<'a> {
    /// The vendor's part number.
    pub mpn: &'a str,
    /// The global id.
    pub global_id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its unit.
    pub unit: &'a str,
    /// Decimals that a quantity may have.
    pub places: u8,
}

impl<'a> Template<'a> {
    /// The headers of the `records` tab: the fixed ones, then the custom fields that every record must fill.
    #[must_use]
    pub fn headers(&self) -> Vec<&'a str> {
        let fields = self.custom_fields();
        columns::RECORDS.iter().map(|column| column.name).chain(fields).collect()
    }

    fn custom_fields(&self) -> impl Iterator<Item = &'a str> {
        self.capabilities.required_custom_fields.iter().map(String::as_str)
    }

    fn sentence(&self, column: &Column) -> &'static str {
        column.requirement(self.schema).sentence(self.capabilities.dynamic)
    }

    /// Whether a record of this product ever fills the column.
    fn is_used(&self, column: &Column) -> bool {
        match column.requirement(self.schema) {
            Requirement::Ignored => false,
            Requirement::DynamicOnly => self.capabilities.dynamic,
            _ => true,
        }
    }

    fn listed(&self) -> &'a [ItemRow<'a>] {
        self.items.get(..TEMPLATE_ITEMS_MAX).unwrap_or(self.items)
    }

    fn subscription_criteria(&self) -> Vec<String> {
        let parameters = self.parameters.iter().map(|id| format!("{SUBSCRIPTION_BY_PARAMETER}{id}"));
        std::iter::once(SUBSCRIPTION_BY_ID.to_owned()).chain(parameters).collect()
    }
}

/// Makes the template. Filled in, it can be uploaded as it is: only `records` and `categories` are read.
///
/// # Errors
/// [`WriteError::Library`] where a text doesn't fit the format, which no catalog that was imported contains.
pub fn template(of: &Template<'_>) -> Result<Vec<u8>, WriteError> {
    let looks = Looks::new();
    guarded("make the template", || {
        let mut workbook = Workbook::new();
        let title = format!("Usage template {} ({})", of.product_name, of.schema.upper());
        sheet::describe(&mut workbook, &title, of.created)?;
        write_instructions(workbook.add_worksheet(), of, &looks)?;
        write_definitions(workbook.add_worksheet(), of, &looks)?;
        write_values(workbook.add_worksheet(), of, &looks)?;
        examples::write_categories(workbook.add_worksheet(), &looks)?;
        examples::write_records(workbook.add_worksheet(), of, &looks)?;
        write_categories(workbook.add_worksheet(), &looks)?;
        write_records(workbook.add_worksheet(), of, &looks)?;
        workbook.save_to_buffer()
    })
}

fn schema_sentence(schema: Schema) -> &'static str {
    match schema {
        Schema::Qt => "QT: you report quantities and the distributor rates them; leave amount and tier blank.",
        Schema::Pr => "PR: amount is what the end customer pays; leave tier blank.",
        Schema::Cr => "CR: amount is what the distributor pays; leave tier blank.",
        Schema::Tr => "TR: each usage comes once for every tier, with that tier's amount and the same quantity.",
    }
}

fn write_instructions(sheet: &mut Worksheet, of: &Template<'_>, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(INSTRUCTIONS_TAB)?.set_column_width(0, INSTRUCTIONS_WIDTH)?;
    let dynamic = if of.capabilities.dynamic {
        "A record may bring an item that was not declared: leave its two item_search columns blank and fill item_name, \
         item_unit, item_mpn and item_precision."
    } else {
        "Only the items listed in 'valid_values' can be reported; leave the columns item_name to item_precision blank."
    };
    let lines = [
        (true, format!("Usage of {} ({})", of.product_name, of.product_id)),
        (false, "Fill the tab 'records', one record in each row, and upload this workbook.".to_owned()),
        (false, schema_sentence(of.schema).to_owned()),
        (false, dynamic.to_owned()),
        (true, "What the tabs are for".to_owned()),
        (false, "data_definitions: every column, what it means and whether you need it.".to_owned()),
        (false, "valid_values: the values that the dropdowns offer, and the items of this product.".to_owned()),
        (false, "categories_tab_example, records_tab_example: filled examples.".to_owned()),
        (false, "categories: groups that you want your records shown in; may stay empty.".to_owned()),
        (false, "records: your usage. Point at a header to see what belongs under it.".to_owned()),
        (true, "Good to know".to_owned()),
        (
            false,
            "Only 'records' and 'categories' are read, by their names. Columns may be moved or left out, as long as the \
             headers stay as they are."
                .to_owned(),
        ),
        (
            false,
            "Add columns of your own by starting the header with v. (v.region); their values reach the distributor \
             unchanged."
                .to_owned(),
        ),
        (
            false,
            "Times are UTC. The columns with ids and times hold text, so that nothing changes them as you type; a \
             quantity may be typed as a number or as text."
                .to_owned(),
        ),
        (false, "A file holds up to 1,048,575 records and 64 MB.".to_owned()),
    ];
    for (row, (heading, line)) in (0..).zip(&lines) {
        sheet::put(sheet, row, 0, line, Some(if *heading { &looks.heading } else { &looks.wrapped }))?;
    }
    Ok(())
}

fn write_definitions(sheet: &mut Worksheet, of: &Template<'_>, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(DEFINITIONS_TAB)?.set_freeze_panes(1, 2)?;
    for (column, width) in (0..).zip([12, 24, 60, 50, 30, 36]) {
        sheet.set_column_width(column, width)?;
    }
    let headers = ["tab", "column", "meaning", "accepted", "example", "needed"];
    sheet::put_row(sheet, 0, 0, headers, Some(&looks.header))?;
    let mut rows: Vec<[&str; 6]> = Vec::new();
    let table = |tab, column: &'static Column| {
        [tab, column.name, column.definition, column.accepted, column.example, of.sentence(column)]
    };
    rows.extend(columns::RECORDS.iter().map(|column| table(RECORDS_TAB, column)));
    let custom = "A column that this product requires; it reaches the distributor unchanged.";
    rows.extend(of.custom_fields().map(|name| [RECORDS_TAB, name, custom, "Any text", "north", "Required"]));
    rows.extend(columns::CATEGORIES.iter().map(|column| table(CATEGORIES_TAB, column)));
    for (row, values) in (1..).zip(rows) {
        sheet::put_row(sheet, row, 0, values, Some(&looks.wrapped))?;
    }
    Ok(())
}

fn write_values(sheet: &mut Worksheet, of: &Template<'_>, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(VALUES_TAB)?.set_freeze_panes(1, 0)?;
    for (column, width) in (0..).zip([22, 28, 30, 16, 4, 26, 26, 36, 16, 14]) {
        sheet.set_column_width(column, width)?;
    }
    let criteria = of.subscription_criteria();
    let tiers = TIERS.map(|(tier, meaning)| format!("{tier} ({meaning})"));
    let lists = ["item_search_criteria", "asset_search_criteria", "tier", "item_precision"];
    sheet::put_row(sheet, 0, 0, lists, Some(&looks.header))?;
    for (row, value) in (1..).zip([ITEM_BY_MPN, ITEM_BY_GLOBAL_ID]) {
        sheet::put(sheet, row, 0, value, Some(&looks.text))?;
    }
    for (row, value) in (1..).zip(&criteria) {
        sheet::put(sheet, row, 1, value, Some(&looks.text))?;
    }
    for (row, value) in (1..).zip(&tiers) {
        sheet::put(sheet, row, 2, value, Some(&looks.text))?;
    }
    for (row, value) in (1..).zip(PRECISIONS) {
        sheet::put(sheet, row, 3, value, Some(&looks.text))?;
    }
    let headers = [ITEM_BY_MPN, ITEM_BY_GLOBAL_ID, "name", "unit", "precision"];
    sheet::put_row(sheet, 0, ITEMS_COLUMN, headers, Some(&looks.header))?;
    for (row, item) in (1..).zip(of.listed()) {
        let precision = precision_name(item.places);
        let values = [item.mpn, item.global_id, item.name, item.unit, &precision];
        sheet::put_row(sheet, row, ITEMS_COLUMN, values, Some(&looks.text))?;
    }
    Ok(())
}

fn write_categories(sheet: &mut Worksheet, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(CATEGORIES_TAB)?.set_freeze_panes(1, 0)?;
    for (at, column) in (0..).zip(&columns::CATEGORIES) {
        sheet.set_column_width(at, column.width)?.set_column_format(at, &looks.text)?;
        sheet::put(sheet, 0, at, column.name, Some(&looks.header))?;
        sheet.insert_note(0, at, &sheet::note(&help(column, "Optional")))?;
    }
    Ok(())
}

fn write_records(sheet: &mut Worksheet, of: &Template<'_>, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(RECORDS_TAB)?.set_freeze_panes(1, 1)?;
    for (at, column) in (0..).zip(&columns::RECORDS) {
        sheet.set_column_width(at, column.width)?;
        // Numbers stay numbers: a person wants to add them up, and reading is exact to 15 digits either way.
        if !matches!(column.kind, ValueKind::Decimal | ValueKind::Tier) {
            sheet.set_column_format(at, &looks.text)?;
        }
        sheet::put(sheet, 0, at, column.name, Some(header_look(of, column, looks)))?;
        sheet.insert_note(0, at, &sheet::note(&help(column, of.sentence(column))))?;
        if of.is_used(column)
            && let Some(list) = dropdown(of, column)?
        {
            sheet.add_data_validation(1, at, RECORDS_MAX, at, &list)?;
        }
    }
    let first = u16::try_from(columns::RECORDS.len()).unwrap_or_default();
    for (at, name) in (first..).zip(of.custom_fields()) {
        sheet.set_column_width(at, 20)?.set_column_format(at, &looks.text)?;
        sheet::put(sheet, 0, at, name, Some(&looks.strong_header))?;
        sheet.insert_note(0, at, &sheet::note("Required by this product; reaches the distributor unchanged."))?;
    }
    let last = u16::try_from(of.headers().len()).unwrap_or(u16::MAX);
    sheet.ignore_error_range(0, 0, RECORDS_MAX, last, IgnoreError::NumberStoredAsText)?;
    Ok(())
}

fn header_look<'a>(of: &Template<'_>, column: &Column, looks: &'a Looks) -> &'a Format {
    match column.requirement(of.schema) {
        _ if !of.is_used(column) => &looks.faint_header,
        Requirement::Required | Requirement::RequiredUnlessDynamic => &looks.strong_header,
        _ => &looks.header,
    }
}

fn help(column: &Column, needed: &str) -> String {
    format!("{needed}.\n{}\nAccepted: {}.\nExample: {}", column.definition, column.accepted, column.example)
}

/// The dropdown of a column. It never stands in the way of a value that may be right: only a value outside a closed
/// set is refused, and the upload checks everything again anyway.
fn dropdown(of: &Template<'_>, column: &Column) -> Result<Option<DataValidation>, XlsxError> {
    let items = of.listed().len();
    let list = |letter: char, count: usize| format!("={}", range(letter, count));
    let tiers = TIERS.map(|(tier, _)| tier);
    let validation = match column.kind {
        ValueKind::ItemCriteria => closed(list('A', 2), "Choose item.mpn or item.global_id.")?,
        ValueKind::Tier => DataValidation::new().allow_list_strings(&tiers)?.set_error_message("Choose 0, 1 or 2.")?,
        ValueKind::Precision => open(list('D', PRECISIONS.len())),
        ValueKind::SubscriptionCriteria => open(list('B', of.subscription_criteria().len())),
        ValueKind::Text if column.name == "item_search_value" && items > 0 => {
            // The list of the kind of id that the cell to the left names.
            open(format!("=IF($C2=\"{ITEM_BY_GLOBAL_ID}\",{},{})", range('G', items), range('F', items)))
        }
        ValueKind::Text if column.name == "category_id" => open(format!("={CATEGORIES_TAB}!$A$2:$A$200")),
        _ => return Ok(None),
    };
    Ok(Some(validation))
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
