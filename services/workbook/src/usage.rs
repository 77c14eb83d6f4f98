//! A usage file as a workbook: the vendor's columns in the vendor's order with what each side gets beside them. The
//! processed files of both views and the chunks are written here, so that they can't differ in what they share.

use std::io::{Read, Seek};
use std::path::Path;

use ledger::catalog::Schema;
use ledger::fact::{Category, FileColumn};
use ledger::record::{CellKind, CheckedBatch, CheckedRecord, ReadBatch};
use ledger::{FileId, Moment, Named, UsageFile};

use crate::columns;
use crate::read::table::Table;
use crate::read::{Limits, ReadError, Workbook};
use crate::write::{CellOut, Kind, Layout, Mark, RecordsWorkbook, WriteError, Written};

/// The version of this writer: the same version writes the same bytes from the same facts.
pub const WRITER_VERSION: u32 = 2;

/// The row of the general tab that names the usage file.
const REPORT_ID: &str = "report_id";

/// The usage file that a workbook says it is of, in its general tab.
///
/// # Errors
/// Faults of the package.
pub fn report_id<R: Read + Seek>(source: R) -> Result<Option<String>, ReadError> {
    let mut book = Workbook::open(source, Limits::default())?;
    let Some(sheet) = book.sheet_named(&[columns::GENERAL_TAB])? else { return Ok(None) };
    let mut table = match Table::open(book.rows(sheet)?, &[]) {
        Ok(table) => table,
        Err(ReadError::NoHeader { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut found = None;
    while let Some(record) = table.next_record()? {
        let text = |column| record.cell(column).map_or("", |cell| cell.text.trim());
        if found.is_none() && text(0) == REPORT_ID && !text(1).is_empty() {
            found = Some(text(1).to_owned());
        }
    }
    Ok(found)
}

/// Everything but the records that a usage workbook says.
#[derive(Clone, Debug)]
pub struct UsageSheet {
    /// For whom.
    pub kind: Kind,
    /// The file.
    pub file: FileId,
    /// The hub that it is for, when it is for one.
    pub hub: Option<Named>,
    /// The rows of the general tab.
    general: Vec<(String, String)>,
    categories: Vec<Category>,
    columns: Vec<FileColumn>,
    product: String,
    created: Moment,
}

impl UsageSheet {
    /// Takes what the workbook says from a file; none before it was checked. `created` is the time of the fact that
    /// orders the workbook.
    #[must_use]
    pub fn of(kind: Kind, id: FileId, file: &UsageFile, hub: Option<Named>, created: Moment) -> Option<Self> {
        let facts = file.approval.created.as_deref()?;
        let checking = file.current_checking()?;
        let mut general = Vec::new();
        let mut row = |name: &str, value: &str| general.push((name.to_owned(), value.to_owned()));
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
        let provider = if kind == Kind::ProcessedVendor { "provider_account" } else { "distributor_account" };
        for (prefix, named) in [("product", &facts.product), ("marketplace", &facts.marketplace)] {
            row(&format!("{prefix}_id"), named.id.as_str());
            row(&format!("{prefix}_name"), &named.name);
        }
        if let Some(hub) = &hub {
            row("hub_id", hub.id.as_str());
            row("hub_name", &hub.name);
        }
        for (prefix, named) in
            [("vendor_account", &facts.vendor), (provider, &facts.provider), ("distribution_contract", &facts.contract)]
        {
            row(&format!("{prefix}_id"), named.id.as_str());
            row(&format!("{prefix}_name"), &named.name);
        }
        Some(Self {
            kind,
            file: id,
            hub,
            general,
            categories: file.categories().to_vec(),
            columns: file.columns().to_vec(),
            product: facts.product.id.to_string(),
            created,
        })
    }

    /// Begins the workbook at a path.
    ///
    /// # Errors
    /// See [`RecordsWorkbook::create`].
    pub fn create(self, path: &Path, temp: &Path) -> Result<UsageWriter, WriteError> {
        let added: &'static [columns::Column] = match self.kind {
            Kind::ProcessedVendor => &columns::VENDOR_ADDED,
            Kind::ProcessedProvider | Kind::Chunk | Kind::Reconciliation => &columns::PROVIDER_ADDED,
        };
        let mut headers: Vec<String> = self.columns.iter().map(|column| column.header.clone()).collect();
        let vendors = headers.len();
        let added = columns::placed(&headers, added);
        for (at, column) in &added {
            if *at >= headers.len() {
                headers.push(column.name.to_owned());
            }
        }
        let layout = Layout {
            kind: self.kind,
            title: self.file.to_string(),
            general: self.general.clone(),
            categories: self.categories.clone(),
            headers,
            created: self.created,
        };
        let book = RecordsWorkbook::create(path, temp, &layout)?;
        let quantity = self.columns.iter().position(|column| column.name == "quantity");
        let starts = self.columns.iter().position(|column| column.name == "start_time_utc");
        let ends = self.columns.iter().position(|column| column.name == "end_time_utc");
        Ok(UsageWriter { book, sheet: self, vendors, added, known: [quantity, starts, ends] })
    }
}

/// A usage workbook in the making.
pub struct UsageWriter {
    book: RecordsWorkbook,
    sheet: UsageSheet,
    vendors: usize,
    added: Vec<(usize, &'static columns::Column)>,
    /// Where quantity, start and end stand: the columns whose accepted value is written in its normal form.
    known: [Option<usize>; 3],
}

impl UsageWriter {
    /// Writes the records of a batch that `wanted` picks by their row.
    ///
    /// # Errors
    /// See [`RecordsWorkbook::row`].
    pub fn batch(
        &mut self,
        read: &ReadBatch,
        checked: &CheckedBatch,
        wanted: impl Fn(&CheckedRecord) -> bool,
    ) -> Result<(), WriteError> {
        for (index, record) in checked.records.iter().enumerate() {
            if wanted(record) {
                self.record(read, checked, index, record)?;
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        read: &ReadBatch,
        checked: &CheckedBatch,
        index: usize,
        record: &CheckedRecord,
    ) -> Result<(), WriteError> {
        let width = self.vendors.max(self.added.iter().map(|(at, _)| at + 1).max().unwrap_or(0));
        let mut texts: Vec<String> = vec![String::new(); width];
        let mut notes: Vec<Option<String>> = vec![None; width];
        for (column, slot) in texts.iter_mut().enumerate().take(self.vendors) {
            *slot = self.vendor_text(read, checked, index, record, column);
        }
        for error in &record.errors {
            let Some(slot) = error.column.and_then(|column| notes.get_mut(usize::from(column))) else { continue };
            let line = format!("{}: {}", error.code, error.sentences());
            *slot = Some(slot.take().map_or_else(|| line.clone(), |before| format!("{before}\n{line}")));
        }
        for (at, column) in &self.added {
            if let Some(slot) = texts.get_mut(*at) {
                *slot = self.added_text(column.name, checked, record);
            }
        }
        let cells: Vec<CellOut<'_>> = texts
            .iter()
            .zip(&notes)
            .map(|(text, note)| CellOut {
                text,
                mark: note.as_deref().map_or(Mark::Plain, |note| Mark::Error { note }),
            })
            .collect();
        self.book.row(&cells)
    }

    /// The vendor's own cell. A valid quantity is padded to its precision and a valid time written in full
    /// (connect-api §4.4); everything else stays byte for byte.
    fn vendor_text(
        &self,
        read: &ReadBatch,
        checked: &CheckedBatch,
        index: usize,
        record: &CheckedRecord,
        column: usize,
    ) -> String {
        let cell = read.cell(index, column);
        let [quantity, start, end] = self.known;
        let at = Some(column);
        let normal = if !record.is_valid() {
            None
        } else if at == quantity {
            let item = record.item.and_then(|item| checked.items.get(item as usize));
            record.quantity.map(|value| value.padded(item.map_or(0, |item| u32::from(item.places))))
        } else if at == start {
            record.start.map(Moment::sheet)
        } else if at == end {
            record.end.map(Moment::sheet)
        } else {
            None
        };
        match (normal, cell.kind) {
            (Some(normal), _) => normal,
            (None, CellKind::Formula) if cell.text.is_empty() => "(formula without a value)".to_owned(),
            (None, _) => cell.text.to_owned(),
        }
    }

    fn added_text(&self, name: &str, checked: &CheckedBatch, record: &CheckedRecord) -> String {
        let subscription = record.subscription.and_then(|at| checked.subscriptions.get(at as usize));
        let item = record.item.and_then(|at| checked.items.get(at as usize));
        let of_subscription = |pick: fn(&ledger::record::SubscriptionFacts) -> &str| {
            subscription.map_or_else(String::new, |it| pick(it).to_owned())
        };
        let of_item =
            |pick: fn(&ledger::record::ItemFacts) -> &str| item.map_or_else(String::new, |it| pick(it).to_owned());
        match name {
            "status" => if record.is_valid() { "valid" } else { "invalid" }.to_owned(),
            "error_codes" => record.error_codes(),
            "error_details" => {
                let details = Some(record.error_details()).filter(|details| !details.is_empty());
                details.into_iter().chain(record.notes.iter().cloned()).collect::<Vec<_>>().join("\n")
            }
            "item_id" => of_item(|item| item.named.id.as_str()),
            "asset_recon_id" => of_subscription(|it| &it.recon_id),
            "product_id" => self.sheet.product.clone(),
            "item_name" => of_item(|item| &item.named.name),
            "item_type" => of_item(|item| item.kind.sheet()),
            "item_unit" => of_item(|item| &item.unit),
            "item_period" => of_item(|item| &item.period),
            "asset_id" => of_subscription(|it| it.id.as_str()),
            "asset_external_id" => of_subscription(|it| &it.external_id),
            "customer_account_id" => of_subscription(|it| &it.customer_external_id),
            "customer_company_name" => of_subscription(|it| &it.customer_name),
            _ => String::new(),
        }
    }

    /// Packs the workbook.
    ///
    /// # Errors
    /// See [`RecordsWorkbook::finish`].
    pub fn finish(self) -> Result<Written, WriteError> {
        self.book.finish()
    }
}
