//! The template that a vendor downloads, fills in and uploads: seven tabs, made for one product.

mod examples;
mod records;

use ledger::Moment;
use ledger::catalog::{Capabilities, ItemKind, Schema, precision_name};
use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};

use super::error::guarded;
use super::sheet::{self, Looks};
use super::{TEMPLATE_ITEMS_MAX, WriteError};
use crate::columns::{
    self, CATEGORIES_TAB, Column, INSTRUCTIONS_TAB, ITEM_BY_GLOBAL_ID, ITEM_BY_MPN, PRECISIONS, RECORDS_TAB,
    Requirement, SUBSCRIPTION_BY_ID, SUBSCRIPTION_BY_PARAMETER, TIERS,
};

const DEFINITIONS_TAB: &str = "data_definitions";
const VALUES_TAB: &str = "valid_values";
const CATEGORIES_EXAMPLE_TAB: &str = "categories_tab_example";
const RECORDS_EXAMPLE_TAB: &str = "records_tab_example";
const INSTRUCTIONS_WIDTH: f64 = 111.0;
/// Characters of a sentence that fit that width.
const INSTRUCTIONS_CHARS: usize = 116;
/// The widths of the definitions.
const DEFINITIONS_WIDTHS: [u8; 6] = [12, 24, 60, 50, 30, 36];
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
    /// Whether it is bought ahead rather than metered.
    pub reserved: bool,
}

impl<'a> Template<'a> {
    /// The headers of the `records` tab: the fixed ones that this product uses, then the custom fields that every
    /// record must fill.
    #[must_use]
    pub fn headers(&self) -> Vec<&'a str> {
        let fields = self.custom_fields();
        self.columns().map(|column| column.name).chain(fields).collect()
    }

    fn columns(&self) -> impl Iterator<Item = &'static Column> {
        columns::RECORDS.iter().filter(|column| self.is_used(column))
    }

    /// What a column accepts with this product's capabilities.
    fn accepted(&self, column: &Column) -> String {
        if self.capabilities.future {
            column.accepted.replace("not in the future", "may lie in the future")
        } else {
            column.accepted.to_owned()
        }
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
        write_categories(workbook.add_worksheet(), of, &looks)?;
        records::write(workbook.add_worksheet(), of, &looks)?;
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

/// What this product may report, a sentence for each capability: those that are off are worth knowing too.
fn capability_sentences(of: &Template<'_>) -> Vec<String> {
    let may = of.capabilities;
    let mut sentences = vec![schema_sentence(of.schema).to_owned()];
    let mut say = |sentence: &str| sentences.push(sentence.to_owned());
    if of.schema != Schema::Qt {
        say(
            "Amounts are before taxes, in the one currency of the usage file, which is given when the file is created.",
        );
    }
    say(if may.dynamic {
        "A record may bring an item that was not declared: leave its two item_search columns blank and fill item_name, \
         item_unit, item_mpn and item_precision."
    } else {
        "Only the items listed in 'valid_values' can be reported."
    });
    if may.reservation_consumption {
        say("Items of the type reservation were bought ahead: report what was used of them, for information; it is \
             compared with what was bought and billed to nobody.");
    }
    say(if may.future { "Usage may end in the future." } else { "Usage that ends in the future is not accepted." });
    say(if may.late {
        "Usage of a period that is billed already may still be reported."
    } else {
        "Usage of a period that is billed already is not accepted."
    });
    if may.predictive {
        say(
            "The file may be an estimate: say so when you create it. It is replaced by the actual file of its period and \
             never billed.",
        );
    }
    let fields: Vec<&str> = of.custom_fields().collect();
    if !fields.is_empty() {
        say(&format!("Every record fills these columns of your own: {}.", fields.join(", ")));
    }
    sentences
}

fn write_instructions(sheet: &mut Worksheet, of: &Template<'_>, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(INSTRUCTIONS_TAB)?.set_column_width(0, INSTRUCTIONS_WIDTH)?;
    let mut lines = vec![
        (true, format!("Usage of {} ({})", of.product_name, of.product_id)),
        (false, "Fill the tab 'records', one record in each row, and upload this workbook.".to_owned()),
        (true, "What this product reports".to_owned()),
    ];
    lines.extend(capability_sentences(of).into_iter().map(|sentence| (false, sentence)));
    let more = [
        (true, "What the tabs are for"),
        (false, "data_definitions: every column, what it means and whether you need it."),
        (false, "valid_values: the values that the dropdowns offer, and the items of this product."),
        (false, "categories_tab_example, records_tab_example: filled examples."),
        (false, "categories: groups that you want your records shown in; may stay empty."),
        (false, "records: your usage. Select a cell to see what belongs into it."),
        (true, "Good to know"),
        (
            false,
            "Only 'records' and 'categories' are read, by their names. Columns may be moved or left out, as long as the \
             headers stay as they are.",
        ),
        (
            false,
            "Add columns of your own by starting the header with v. (v.region); their values reach the distributor \
             unchanged.",
        ),
        (
            false,
            "Times are UTC. The columns with ids hold text, so that nothing changes them as you type. Times and numbers \
             may be typed, or written as text by a program: 2026-10-01 00:00:00 and 36.5 are read alike in both forms.",
        ),
        (false, "A file holds up to 1,048,575 records and 64 MB."),
    ];
    lines.extend(more.map(|(heading, line)| (heading, line.to_owned())));
    sheet::printed(sheet);
    for (row, (heading, line)) in (0..).zip(&lines) {
        sheet::grow(sheet, row, &[(line, INSTRUCTIONS_CHARS)])?;
        sheet::put(sheet, row, 0, line, Some(if *heading { &looks.heading } else { &looks.wrapped }))?;
    }
    Ok(())
}

fn write_definitions(sheet: &mut Worksheet, of: &Template<'_>, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(DEFINITIONS_TAB)?.set_freeze_panes(1, 2)?;
    for (column, width) in (0..).zip(DEFINITIONS_WIDTHS) {
        sheet.set_column_width(column, width)?;
    }
    sheet::printed(sheet);
    let headers = ["tab", "column", "meaning", "accepted", "example", "needed"];
    sheet::put_row(sheet, 0, 0, headers, Some(&looks.header))?;
    let mut rows: Vec<[String; 6]> = Vec::new();
    let table = |tab: &str, column: &'static Column| {
        let texts = [tab, column.name, column.definition, &of.accepted(column), column.example, of.sentence(column)];
        texts.map(str::to_owned)
    };
    rows.extend(columns::RECORDS.iter().map(|column| table(RECORDS_TAB, column)));
    let custom = "A column that this product requires; it reaches the distributor unchanged.";
    let fields = of.custom_fields().map(|name| [RECORDS_TAB, name, custom, "Any text", "north", "Required"]);
    rows.extend(fields.map(|texts| texts.map(str::to_owned)));
    rows.extend(columns::CATEGORIES.iter().map(|column| table(CATEGORIES_TAB, column)));
    for (row, values) in (1..).zip(&rows) {
        let texts: Vec<(&str, usize)> =
            values.iter().zip(DEFINITIONS_WIDTHS).map(|(text, width)| (text.as_str(), usize::from(width))).collect();
        sheet::grow(sheet, row, &texts)?;
        sheet::put_row(sheet, row, 0, values.iter().map(String::as_str), Some(&looks.wrapped))?;
    }
    Ok(())
}

fn write_values(sheet: &mut Worksheet, of: &Template<'_>, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(VALUES_TAB)?.set_freeze_panes(1, 0)?;
    sheet::printed(sheet);
    for (column, width) in (0..).zip([22, 28, 30, 16, 4, 26, 26, 36, 16, 14, 16]) {
        sheet.set_column_width(column, width)?;
    }
    let criteria = of.subscription_criteria();
    let tiers = TIERS.map(|(tier, meaning)| format!("{tier} ({meaning})"));
    let (tiered, dynamic) = (of.schema == Schema::Tr, of.capabilities.dynamic);
    let lists = [
        ("item_search_criteria", true),
        ("asset_search_criteria", true),
        ("tier", tiered),
        ("item_precision", dynamic),
    ];
    for (column, (name, _)) in (0..).zip(lists).filter(|(_, (_, used))| *used) {
        sheet::put(sheet, 0, column, name, Some(&looks.header))?;
    }
    for (row, value) in (1..).zip([ITEM_BY_MPN, ITEM_BY_GLOBAL_ID]) {
        sheet::put(sheet, row, 0, value, Some(&looks.text))?;
    }
    for (row, value) in (1..).zip(&criteria) {
        sheet::put(sheet, row, 1, value, Some(&looks.text))?;
    }
    for (row, value) in (1..).zip(&tiers).filter(|_| tiered) {
        sheet::put(sheet, row, 2, value, Some(&looks.text))?;
    }
    for (row, value) in (1..).zip(PRECISIONS).filter(|_| dynamic) {
        sheet::put(sheet, row, 3, value, Some(&looks.text))?;
    }
    let headers = [ITEM_BY_MPN, ITEM_BY_GLOBAL_ID, "name", "unit", "precision", "type"];
    sheet::put_row(sheet, 0, ITEMS_COLUMN, headers, Some(&looks.header))?;
    for (row, item) in (1..).zip(of.listed()) {
        let precision = precision_name(item.places);
        let kind = if item.reserved { ItemKind::Reservation } else { ItemKind::PayAsYouGo };
        let values = [item.mpn, item.global_id, item.name, item.unit, &precision, kind.sheet()];
        sheet::put_row(sheet, row, ITEMS_COLUMN, values, Some(&looks.text))?;
    }
    Ok(())
}

fn write_categories(sheet: &mut Worksheet, of: &Template<'_>, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(CATEGORIES_TAB)?.set_freeze_panes(1, 0)?;
    for (at, column) in (0..).zip(&columns::CATEGORIES) {
        sheet.set_column_width(at, column.width)?.set_column_format(at, &looks.text)?;
        sheet::put(sheet, 0, at, column.name, Some(&looks.header))?;
        sheet.insert_note(0, at, &sheet::note(&records::help(of, column, "Optional")))?;
    }
    Ok(())
}
