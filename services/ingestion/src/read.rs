//! Reading a workbook: the job, and the reading itself, which the offline check uses too.

use std::io::{BufReader, Read, Seek};

use ledger::batch::{BatchBuilder, halves};
use ledger::fact::{Category, FileColumn, FileRead, Part, RecordsRead};
use ledger::merkle::{Growing, leaf};
use ledger::record::{CellKind, ReadBatch};
use ledger::{FileId, Hash};
use proto::WireError;
use runtime::decider::{Stale, Tools};
use workbook::foreign::{Book, ForeignError, Guard};
use workbook::format::{self, Format};
use workbook::read::table::{RowSource, Table};
use workbook::read::{self, Limits, ReadError, Workbook};
use workbook::{columns, csv};

use crate::Own;
use crate::categories::{self, Categories, TooMany};

/// Records of a file: what a sheet holds under its header, whatever the format.
pub(crate) const RECORDS_MAX: u32 = workbook::read::limits::ROWS_MAX - 1;
/// The tabs that may hold the records: the template's name and the SDKs'.
const RECORDS_TABS: [&str; 2] = [columns::RECORDS_TAB, columns::RECORDS_TAB_ALIAS];
/// Batches of one file: what names them must fit one fact, beside columns and categories. A million records of 17
/// columns are 1,024; only text that can't be compressed comes near.
pub(crate) const PARTS_MAX: usize = 2_500;
/// What columns, categories and parts may take together: a frame, less what stands around them.
pub(crate) const WEIGHT_MAX: usize = runtime::log::PAYLOAD_BYTES_MAX - 1_024;
/// Ignored headers that are named.
const IGNORED_MAX: usize = 32;
/// Characters of the sentence that says why a file can't be read (connect-api §3.1).
const DETAIL_CHARS_MAX: usize = 200;

/// Who takes the batches.
type Receive<'r> = dyn FnMut(ReadBatch) -> Result<(), Stopped> + 'r;

/// Read one upload.
#[derive(Clone, Debug)]
pub struct ReadJob {
    /// Which file.
    pub file: FileId,
    /// Which upload.
    pub upload: u32,
    /// Which attempt.
    pub attempt: u32,
    /// What is read.
    pub source: Source,
}

/// What the records of an upload are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A workbook.
    Workbook(Hash),
    /// Batches that were laid down as records were reported: so many that they are gathered into fewer.
    Reported(Box<Laid>),
}

/// Reported records where they rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laid {
    /// Their columns.
    pub columns: Vec<FileColumn>,
    /// The categories that they name.
    pub categories: Vec<Category>,
    /// The batches.
    pub parts: Vec<Part>,
}

/// What a workbook holds besides its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Known and custom columns, in the vendor's order.
    pub columns: Vec<FileColumn>,
    /// Headers that were left out.
    pub ignored: Vec<String>,
    /// The categories.
    pub categories: Vec<Category>,
    /// How many records.
    pub records: u32,
}

/// Why reading ended early.
#[derive(Debug)]
pub enum Stopped {
    /// The workbook can't be read; the sentence says what to do.
    Unreadable(String),
    /// Nobody wants the result any more.
    Stale,
}

impl From<ReadError> for Stopped {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<TooMany> for Stopped {
    fn from(TooMany: TooMany) -> Self {
        Self::Unreadable(TooMany::SENTENCE.to_owned())
    }
}

impl ReadJob {
    pub(crate) fn run(self, tools: &Tools<Own>, guard: Option<&Guard>) {
        let (file, upload, attempt) = (self.file, self.upload, self.attempt);
        let (mut parts, mut tree) = (Vec::new(), Growing::default());
        runtime::crash::point("read.begin");
        let mut lay_down = |batch: ReadBatch| self.lay_down(tools, batch, &mut parts, &mut tree);
        let outcome = match &self.source {
            Source::Workbook(blob) => match tools.blobs.read(*blob) {
                Ok(source) => read_workbook(BufReader::new(source), guard, &mut lay_down),
                Err(error) => {
                    tracing::error!(%file, %error, "an uploaded workbook is not where it was put");
                    let detail = "The uploaded workbook is missing on the server; upload it again.";
                    Err(Stopped::Unreadable(detail.to_owned()))
                }
            },
            Source::Reported(laid) => gather(laid, |sequence| tools.records.read(file, sequence), &mut lay_down),
        };
        runtime::crash::point("read.before_end");
        let own = match outcome {
            Ok(reading) => {
                let Reading { columns, ignored, categories, records } = reading;
                let read = FileRead { upload, attempt, columns, ignored, categories, parts, records };
                if weight(&read) > WEIGHT_MAX {
                    let detail = "The file has too many categories and too different texts at once. Split the file.";
                    Own::Unreadable { file, upload, attempt, detail: detail.to_owned() }
                } else {
                    Own::Done { file, root: tree.root(), read: Box::new(read) }
                }
            }
            Err(Stopped::Unreadable(detail)) => {
                let detail = detail.chars().take(DETAIL_CHARS_MAX).collect();
                Own::Unreadable { file, upload, attempt, detail }
            }
            Err(Stopped::Stale) => return,
        };
        // Stale means that another upload has taken this one's place.
        drop(tools.tell(own));
    }

    /// Records a batch in its pieces.
    fn lay_down(
        &self,
        tools: &Tools<Own>,
        batch: ReadBatch,
        parts: &mut Vec<Part>,
        tree: &mut Growing,
    ) -> Result<(), Stopped> {
        for (batch, payload) in pieces(batch)? {
            if parts.len() >= PARTS_MAX {
                let row = first(&batch.rows);
                let detail = format!("The texts are too long and too different from row {row} on. Split the file.");
                return Err(Stopped::Unreadable(detail));
            }
            let read = stored((self.upload, self.attempt), parts.len(), &batch, payload);
            let (first_row, last_row, records) = (read.first_row, read.last_row, read.records);
            tree.push(leaf(&read.root.0));
            runtime::crash::point("read.batch");
            let told = tools.tell(Own::Batch { file: self.file, read: Box::new(read) });
            let sequences = told.map_err(|Stale| Stopped::Stale)?;
            let sequence = sequences.first().copied().ok_or(Stopped::Stale)?;
            parts.push(Part { sequence, first_row, last_row, records });
        }
        Ok(())
    }
}

/// A batch as it rests, encoded: in several pieces where it takes more than a frame holds.
///
/// # Errors
/// [`Stopped::Unreadable`], for a row that takes more than a frame by itself.
pub fn pieces(batch: ReadBatch) -> Result<Vec<(ReadBatch, Vec<u8>)>, Stopped> {
    match proto::encode_read_batch(&batch) {
        Ok(payload) => Ok(vec![(batch, payload)]),
        Err(WireError::BatchTooLarge { .. }) if batch.rows.len() > 1 => {
            let mut all = Vec::new();
            for half in halves(&batch) {
                all.extend(pieces(half)?);
            }
            Ok(all)
        }
        Err(error) => {
            let row = first(&batch.rows);
            Err(Stopped::Unreadable(format!("Row {row} can't be kept: {error}. Shorten its texts.")))
        }
    }
}

/// The fact of a batch that is stored as one piece, the `part`th of an upload and attempt.
pub(crate) fn stored((upload, attempt): (u32, u32), part: usize, batch: &ReadBatch, payload: Vec<u8>) -> RecordsRead {
    RecordsRead {
        upload,
        attempt,
        part: u32::try_from(part).unwrap_or(u32::MAX),
        first_row: first(&batch.rows),
        last_row: batch.rows.last().copied().unwrap_or(0),
        records: u32::try_from(batch.rows.len()).unwrap_or(u32::MAX),
        root: batch.root(),
        payload,
    }
}

/// Lays many small batches of reported records down again as few full ones.
pub(crate) fn gather<E: std::error::Error + 'static>(
    laid: &Laid,
    read: impl Fn(u64) -> Result<(ReadBatch, Hash), E>,
    receive: &mut Receive<'_>,
) -> Result<Reading, Stopped> {
    let mut builder = BatchBuilder::new(laid.columns.len());
    let mut records = 0;
    for part in &laid.parts {
        let (batch, _) = read(part.sequence).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "reported records can't be read back");
            Stopped::Stale
        })?;
        for index in 0..batch.rows.len() {
            if builder.is_full() {
                receive(builder.take(salt()?))?;
            }
            builder.copy(&batch, index);
            records += 1;
        }
    }
    receive(builder.take(salt()?))?;
    let (columns, categories) = (laid.columns.clone(), laid.categories.clone());
    Ok(Reading { columns, ignored: Vec::new(), categories, records })
}

/// What a reading takes at most in the fact that carries it: its texts, and what encodes each of its numbers.
pub(crate) fn weight(read: &FileRead) -> usize {
    let columns: usize = read.columns.iter().map(|column| column.name.len() + column.header.len() + 16).sum();
    let ignored: usize = read.ignored.iter().map(|header| header.len() + 4).sum();
    let text = |category: &Category| category.id.len() + category.name.len() + category.description.len();
    let categories: usize = read.categories.iter().map(|category| text(category) + 16).sum();
    columns + ignored + categories + 24 * read.parts.len()
}

fn first(rows: &[u32]) -> u32 {
    rows.first().copied().unwrap_or(0)
}

/// Reads a workbook of any format and hands its records over in batches. Nothing counts before this returns: only then
/// did its checksums hold. ODS, XLSB and XLS are read in a child process that the guard starts.
///
/// # Errors
/// [`Stopped`]: a fault of the file, or the receiver's wish. A fault in a cell is data of its record.
pub fn read_workbook<R: Read + Seek>(
    mut source: R,
    guard: Option<&Guard>,
    receive: &mut dyn FnMut(ReadBatch) -> Result<(), Stopped>,
) -> Result<Reading, Stopped> {
    match format::detect(&mut source)? {
        Format::Xlsx => read_xlsx(source, receive),
        Format::Csv => read_csv(source, receive),
        format @ (Format::Ods | Format::Xlsb | Format::Xls) => {
            let unserved = ForeignError::NotServed { format: format.ending() };
            read_foreign(guard.ok_or(ReadError::from(unserved))?, format, source, receive)
        }
    }
}

fn read_xlsx<R: Read + Seek>(source: R, receive: &mut Receive<'_>) -> Result<Reading, Stopped> {
    let mut workbook = Workbook::open(source, Limits::default())?;
    let mut reading = Reading::default();
    if let Some(sheet) = workbook.sheet_named(&[columns::CATEGORIES_TAB])? {
        reading.categories = read_categories(workbook.rows(sheet)?)?;
    }
    let sheet = workbook.sheet_named(&RECORDS_TABS)?.ok_or_else(no_records_tab)?;
    read_table(workbook.rows(sheet)?, reading, receive, None)
}

/// A CSV has no tab for categories, so each that a record names stands for itself.
fn read_csv<R: Read + Seek>(source: R, receive: &mut Receive<'_>) -> Result<Reading, Stopped> {
    let rows = csv::Rows::open(source, &known(&columns::RECORDS))?;
    let mut named = Categories::default();
    let mut reading = read_table(rows, Reading::default(), receive, Some(&mut named))?;
    reading.categories = named.list;
    Ok(reading)
}

fn read_foreign<R: Read + Seek>(
    guard: &Guard,
    format: Format,
    source: R,
    receive: &mut Receive<'_>,
) -> Result<Reading, Stopped> {
    let [records, alias] = RECORDS_TABS;
    let mut book = Book::open(guard, format, source, &[columns::CATEGORIES_TAB, records, alias])?;
    let categories = book.sheet_named(&[columns::CATEGORIES_TAB])?;
    let sheet = book.sheet_named(&RECORDS_TABS)?.ok_or_else(no_records_tab)?;
    let mut reading = Reading::default();
    if let Some(categories) = categories {
        reading.categories = read_categories(book.rows(categories)?)?;
    }
    let reading = read_table(book.rows(sheet)?, reading, receive, None)?;
    book.finish()?;
    Ok(reading)
}

fn no_records_tab() -> Stopped {
    let detail = "The workbook has no tab called records. Name the tab with the usage records so and upload it again.";
    Stopped::Unreadable(detail.to_owned())
}

fn known(columns: &[columns::Column]) -> Vec<&'static str> {
    columns.iter().map(|column| column.name).collect()
}

fn read_table<S: RowSource>(
    rows: S,
    mut reading: Reading,
    receive: &mut Receive<'_>,
    categories: Option<&mut Categories>,
) -> Result<Reading, Stopped> {
    let known = known(&columns::RECORDS);
    let mut table = Table::open(rows, &known)?;
    let mut kept = Vec::new();
    for (position, column) in table.columns().iter().enumerate() {
        let custom = column.name.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case(columns::CUSTOM_PREFIX));
        if custom || known.contains(&column.name.as_str()) {
            let (name, header) = (column.name.clone(), column.header_text.clone());
            reading.columns.push(FileColumn { name, header, sheet_column: column.index });
            kept.push(position);
        } else if reading.ignored.len() < IGNORED_MAX && !column.header_text.trim().is_empty() {
            reading.ignored.push(column.header_text.chars().take(DETAIL_CHARS_MAX).collect());
        }
    }
    if reading.columns.is_empty() {
        return Err(Stopped::Unreadable(
            "The records tab names no known column. Its first row must hold headers such as record_id and quantity."
                .to_owned(),
        ));
    }
    reading.records = read_records(&mut table, &reading.columns, &kept, receive, categories)?;
    Ok(reading)
}

fn read_records<S: RowSource>(
    table: &mut Table<S>,
    file_columns: &[FileColumn],
    kept: &[usize],
    receive: &mut Receive<'_>,
    mut categories: Option<&mut Categories>,
) -> Result<u32, Stopped> {
    let place = |name: &str| file_columns.iter().position(|column| column.name == name);
    let identity = place("record_id").unwrap_or(0);
    let category = place(categories::COLUMN);
    let mut builder = BatchBuilder::new(kept.len());
    let mut records: u32 = 0;
    while let Some(record) = table.next_record()? {
        if records == RECORDS_MAX {
            let detail = format!("The file has more than {RECORDS_MAX} records. Split it into several usage files.");
            return Err(Stopped::Unreadable(detail));
        }
        if builder.is_full() {
            receive(builder.take(salt()?))?;
        }
        builder.begin(record.number());
        let mut any = false;
        for (column, &position) in kept.iter().enumerate() {
            let Some(cell) = record.cell(position) else { continue };
            any = true;
            builder.cell(column, kind_of(&cell), cell.text);
            if let Some(categories) = categories.as_deref_mut().filter(|_| category == Some(column)) {
                categories.name(cell.text)?;
            }
        }
        if let Some((column, fault)) = record.fault() {
            // A row whose cells may have moved can't be trusted in any of them: its identity says so.
            let address = read::address(column, record.number());
            builder.cell(identity, CellKind::Error, &format!("damaged row at {address}: {}", fault.damage()));
        } else if !any {
            // Only cells under headers that are left out: the row is still a row, and its identity is missing.
            builder.cell(identity, CellKind::Text, "");
        }
        records += 1;
    }
    if records == 0 {
        let detail = "The records tab holds no records under its header. Fill it and upload the workbook again.";
        return Err(Stopped::Unreadable(detail.to_owned()));
    }
    if !builder.is_empty() {
        receive(builder.take(salt()?))?;
    }
    Ok(records)
}

fn salt() -> Result<[u8; 32], Stopped> {
    let mut key = [0; 32];
    let filled = getrandom::fill(&mut key);
    filled.map_err(|_| Stopped::Unreadable("The server has no random numbers; try again.".to_owned()))?;
    Ok(key)
}

fn kind_of(cell: &read::Cell<'_>) -> CellKind {
    use workbook::read::{CellFault, CellKind as Seen};
    match (cell.fault, cell.kind) {
        (Some(CellFault::TooLong { .. } | CellFault::RowTooLong), _) => CellKind::Cut,
        (Some(_), _) | (None, Seen::Error) => CellKind::Error,
        (None, Seen::Text) => CellKind::Text,
        (None, Seen::Number) => CellKind::Number,
        (None, Seen::Date) => CellKind::Date,
        (None, Seen::Bool) => CellKind::Bool,
        (None, Seen::FormulaWithoutValue) => CellKind::Formula,
    }
}

/// The categories tab is optional, and so is each of its columns but the id.
fn read_categories<S: RowSource>(rows: S) -> Result<Vec<Category>, Stopped> {
    let known = known(&columns::CATEGORIES);
    let mut table = match Table::open(rows, &known) {
        Ok(table) => table,
        Err(ReadError::NoHeader { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let at: Vec<Option<usize>> = known.iter().map(|name| table.position(name)).collect();
    let mut categories = Categories::default();
    while let Some(record) = table.next_record()? {
        let text = |column: usize| {
            let cell = at.get(column).copied().flatten().and_then(|position| record.cell(position));
            cell.map_or_else(String::new, |cell| cell.text.trim().to_owned())
        };
        let category = Category { id: text(0), name: text(1), description: text(2) };
        if !category.id.is_empty() {
            categories.add(category)?;
        }
    }
    Ok(categories.list)
}
