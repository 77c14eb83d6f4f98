//! Records: as they were read, as they were checked, as they were closed. Each rests in batches of whole columns.
//!
//! A bad record is data with flags: nothing here fails for a row.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::amount::{Decimal, DecimalError};
use crate::catalog::{ItemKind, Named};
use crate::code::Code;
use crate::id::{Hash, ObjectId};
use crate::merkle;
use crate::moment::Moment;
use crate::rows::RowSet;

/// Records in one batch: with the usual columns that is about 40 KiB stored.
pub const BATCH_RECORDS_MAX: usize = 1_024;
/// What a batch may take in the log, compressed: a frame stays under 120 KiB (design §4, §5).
pub const BATCH_STORED_BYTES_MAX: usize = 96 * 1024;
/// What a batch may take before compression; checked again when it is decoded.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Text that one record keeps: any record fits a batch of its own.
pub const RECORD_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Columns that a record keeps.
pub const RECORD_COLUMNS_MAX: usize = 128;

/// What a cell of the vendor's sheet held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CellKind {
    /// Text, exact as typed.
    #[default]
    Text = 0,
    /// A number: the raw text of the file.
    Number = 1,
    /// A date, written as `YYYY-MM-DD hh:mm:ss`.
    Date = 2,
    /// A truth value.
    Bool = 3,
    /// An error (`#DIV/0!`), or a cell that could not be read; the text says which.
    Error = 4,
    /// A formula without a computed value.
    Formula = 5,
    /// Text that was longer than is kept; the rest was cut.
    Cut = 6,
}

impl CellKind {
    /// The kind of a number read from a batch.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Text, Self::Number, Self::Date, Self::Bool, Self::Error, Self::Formula, Self::Cut]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

/// Texts of a batch, each once; 0 is the blank.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    texts: Vec<String>,
    known: HashMap<String, u32>,
}

impl Texts {
    /// The number of a text; the blank is 0.
    pub fn number_of(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(&number) = self.known.get(text) {
            return number;
        }
        self.texts.push(text.to_owned());
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.known.insert(text.to_owned(), number);
        number
    }

    /// The text of a number; the blank for a number that isn't known.
    #[must_use]
    pub fn text(&self, number: u32) -> &str {
        let index = (number as usize).checked_sub(1);
        index.and_then(|index| self.texts.get(index)).map_or("", String::as_str)
    }

    /// Every text but the blank, in the order of its number.
    #[must_use]
    pub fn all(&self) -> &[String] {
        &self.texts
    }
}

/// Two of them are equal when they number the same texts alike; whether they still know how to add is no difference.
impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl Eq for Texts {}

impl From<Vec<String>> for Texts {
    /// For reading only: the index for adding is not made, since a decoded batch never grows.
    fn from(texts: Vec<String>) -> Self {
        Self { texts, known: HashMap::new() }
    }
}

/// One column of a batch as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadColumn {
    /// A number of [`ReadBatch::texts`] for each record.
    pub texts: Vec<u32>,
    /// The kind of each cell; empty when all are text.
    pub kinds: Vec<u8>,
}

/// Up to 1,024 records as read, in whole columns. The columns' names stand in the file's `FileRead`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadBatch {
    /// Random per batch: salts the leaves of the records' tree, so that one record can be proven without its
    /// neighbours being guessed.
    pub salt_key: [u8; 32],
    /// The sheet row of each record, ascending.
    pub rows: Vec<u32>,
    /// As many as the file has columns.
    pub columns: Vec<ReadColumn>,
    /// What the columns refer to.
    pub texts: Texts,
}

/// A cell of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellView<'a> {
    /// What it held.
    pub kind: CellKind,
    /// Its text.
    pub text: &'a str,
}

impl CellView<'_> {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.text.is_empty() && self.kind == CellKind::Text
    }

    /// The number in it: a text counts as it was typed, a numeric cell without the noise of its double (design §4).
    /// The second value is true where the caller has to note what was read ([`Decimal::parse_cell`]).
    ///
    /// # Errors
    /// See [`DecimalError`]; a date or a truth value is no number.
    pub fn number(&self, places: u32) -> Result<(Decimal, bool), DecimalError> {
        match self.kind {
            CellKind::Text => Decimal::parse(self.text).map(|value| (value, false)),
            CellKind::Number => Decimal::parse_cell(self.text, places),
            _ => Err(DecimalError::NotANumber),
        }
    }
}

impl ReadBatch {
    /// A cell: the blank where there is none.
    #[must_use]
    pub fn cell(&self, index: usize, column: usize) -> CellView<'_> {
        let Some(column) = self.columns.get(column) else { return CellView { kind: CellKind::Text, text: "" } };
        let kind = column.kinds.get(index).and_then(|&kind| CellKind::from_number(kind)).unwrap_or_default();
        CellView { kind, text: self.texts.text(column.texts.get(index).copied().unwrap_or(0)) }
    }

    /// The root of the RFC 9162 tree over the records' salted canonical bytes.
    #[must_use]
    pub fn root(&self) -> Hash {
        let leaves = (0..self.rows.len()).map(|index| self.leaf(index)).collect();
        merkle::root(leaves)
    }

    /// What is hashed with one record, so that nobody can guess it by its hash.
    #[must_use]
    pub fn salt(&self, index: usize) -> Hash {
        let row = self.rows.get(index).copied().unwrap_or(0);
        Hash::of_parts(&[&self.salt_key, &row.to_le_bytes()])
    }

    /// The leaf of one record: SHA-256(0x00 ‖ salt ‖ row ‖ its cells), each cell with its column, kind and length.
    #[must_use]
    pub fn leaf(&self, index: usize) -> Hash {
        let row = self.rows.get(index).copied().unwrap_or(0);
        let mut hasher = Sha256::new();
        hasher.update([0]);
        hasher.update(self.salt(index).0);
        hasher.update(row.to_le_bytes());
        for column in 0..self.columns.len() {
            let cell = self.cell(index, column);
            if cell.is_blank() {
                continue;
            }
            hasher.update(u32::try_from(column).unwrap_or(u32::MAX).to_le_bytes());
            hasher.update([cell.kind as u8]);
            hasher.update((cell.text.len() as u64).to_le_bytes());
            hasher.update(cell.text.as_bytes());
        }
        Hash(hasher.finalize().into())
    }
}

/// What uniqueness of a record id is decided on, and what rows of a reconciliation are matched by: the first 96 bits of
/// SHA-256(contract, product, record id). ASCII blanks around the id don't count; every other byte does.
#[must_use]
pub fn record_key(contract: &ObjectId, product: &ObjectId, record_id: &str) -> [u8; 12] {
    let id = record_id.as_bytes().trim_ascii();
    let full = Hash::of_parts(&[contract.as_str().as_bytes(), product.as_str().as_bytes(), id]);
    let mut key = [0; 12];
    key.copy_from_slice(&full.0[..12]);
    key
}

/// One thing that is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordError {
    /// Which rule.
    pub code: Code,
    /// The column of the file that it is about; none when the column is missing.
    pub column: Option<u16>,
    /// The sentence that the API and the processed workbook show.
    pub message: String,
    /// What would be right; may be empty.
    pub fix: String,
}

impl RecordError {
    /// What is wrong, and what would be right, as sentences.
    #[must_use]
    pub fn sentences(&self) -> String {
        let message = self.message.trim_end_matches('.');
        if self.fix.is_empty() { format!("{message}.") } else { format!("{message}. {}", self.fix) }
    }
}

/// The values of a subscription that later steps use: they are recorded so that nobody looks them up again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionFacts {
    /// Its id.
    pub id: ObjectId,
    /// Its id in the commerce system.
    pub external_id: String,
    /// Its unique id in the commerce system.
    pub external_uid: String,
    /// The value that identifies it in reconciliations, if a parameter is marked for that.
    pub recon_id: String,
    /// Where it is billed.
    pub hub: Option<Named>,
    /// The customer's id in the commerce system.
    pub customer_external_id: String,
    /// The customer's name.
    pub customer_name: String,
}

/// The values of an item that later steps use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemFacts {
    /// Global id and name.
    pub named: Named,
    /// The vendor's part number.
    pub mpn: String,
    /// The unit.
    pub unit: String,
    /// Billing period.
    pub period: String,
    /// Bought ahead or metered.
    pub kind: ItemKind,
    /// Decimals that a quantity may have.
    pub places: u8,
}

/// A record as checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedRecord {
    /// Its row in the sheet.
    pub row: u32,
    /// Index into [`CheckedBatch::subscriptions`].
    pub subscription: Option<u32>,
    /// Index into [`CheckedBatch::items`].
    pub item: Option<u32>,
    /// The exact quantity, when it is one.
    pub quantity: Option<Decimal>,
    /// The exact amount, when the schema has one.
    pub amount: Option<Decimal>,
    /// The tier, when the schema has one.
    pub tier: Option<u8>,
    /// Start of the usage.
    pub start: Option<Moment>,
    /// End of the usage.
    pub end: Option<Moment>,
    /// First 96 bits of SHA-256(contract, product, record id): what uniqueness is decided on.
    pub key: [u8; 12],
    /// What is wrong; a record is valid when nothing is.
    pub errors: Vec<RecordError>,
    /// What was found by a rule that only warns: the record stays valid.
    pub warnings: Vec<RecordError>,
    /// What is worth knowing and not wrong: a number that was read otherwise than it stands in the cell.
    pub notes: Vec<String>,
}

impl CheckedRecord {
    /// Whether nothing is wrong with it.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// The codes of what is wrong, each once: `USG_FILE_001, USG_FILE_006`.
    #[must_use]
    pub fn error_codes(&self) -> String {
        let mut codes: Vec<Code> = Vec::with_capacity(self.errors.len());
        for error in &self.errors {
            if !codes.contains(&error.code) {
                codes.push(error.code);
            }
        }
        codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// What is wrong and what would be right, in a line for each.
    #[must_use]
    pub fn error_details(&self) -> String {
        self.errors.iter().map(RecordError::sentences).collect::<Vec<_>>().join("\n")
    }
}

/// What validation adds to one batch as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedBatch {
    /// One for each record of the batch as read, in its order.
    pub records: Vec<CheckedRecord>,
    /// The subscriptions that they name.
    pub subscriptions: Vec<SubscriptionFacts>,
    /// The items that they name.
    pub items: Vec<ItemFacts>,
}

/// What closes records: where they were billed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Billing {
    /// The external billing id.
    pub id: String,
    /// The external billing note.
    pub note: String,
}

/// The records of one fact of closing and how each was billed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedRows {
    /// Which rows.
    pub rows: RowSet,
    /// The distinct billings.
    pub billings: Vec<Billing>,
    /// For each row in ascending order its billing; empty when all have the first.
    pub refs: Vec<u32>,
}

impl ClosedRows {
    /// All of some rows billed alike.
    #[must_use]
    pub fn alike(rows: RowSet, billing: Billing) -> Self {
        Self { rows, billings: vec![billing], refs: Vec::new() }
    }

    /// Each row with its billing, ascending.
    pub fn each(&self) -> impl Iterator<Item = (u32, &Billing)> {
        self.rows.iter().enumerate().filter_map(|(index, row)| {
            let at = self.refs.get(index).map_or(0, |&at| at as usize);
            self.billings.get(at).map(|billing| (row, billing))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_changes_with_any_cell_and_with_the_salt() {
        let mut texts = Texts::default();
        let column = ReadColumn { texts: vec![texts.number_of("r-1"), texts.number_of("r-2"), 0], kinds: vec![] };
        let batch = ReadBatch { salt_key: [1; 32], rows: vec![2, 3, 5], columns: vec![column], texts };
        let mut salted = batch.clone();
        salted.salt_key[0] = 2;
        let mut moved = batch.clone();
        moved.rows[2] = 6;
        let mut numeric = batch.clone();
        numeric.columns[0].kinds = vec![0, 1, 0];
        let roots = [&batch, &salted, &moved, &numeric].map(ReadBatch::root);
        assert!((1..4).all(|other| roots[0] != roots[other]), "{roots:?}");
        assert_eq!(batch.root(), batch.clone().root());
    }

    #[test]
    fn what_is_wrong_reads_as_sentences_and_each_code_stands_once() {
        let error = |code, message: &str, fix: &str| RecordError {
            code,
            column: None,
            message: message.to_owned(),
            fix: fix.to_owned(),
        };
        let mut record = CheckedRecord::default();
        assert_eq!((record.error_codes(), record.error_details()), (String::new(), String::new()));
        record.errors = vec![
            error(Code::ItemNotFound, "Resource ID not found for filter item.mpn with value X", "AS-1 has: CPU."),
            error(Code::CellBlank, "Column quantity is blank.", ""),
            error(Code::ItemNotFound, "Another", "Fix it."),
        ];
        assert_eq!(record.error_codes(), "USG_FILE_001, USG_FILE_102");
        let details = "Resource ID not found for filter item.mpn with value X. AS-1 has: CPU.\n\
                       Column quantity is blank.\nAnother. Fix it.";
        assert_eq!(record.error_details(), details);
    }

    #[test]
    fn a_record_id_counts_byte_for_byte_but_for_ascii_blanks_around_it() {
        let scope = |text| ObjectId::new(text).unwrap();
        let key = |id: &str| record_key(&scope("CRD-1"), &scope("PRD-1"), id);
        assert_eq!(key("r-1"), key(" r-1\t"));
        assert!(["R-1", "r-1\u{a0}", "r 1", "r-1.0"].iter().all(|other| key(other) != key("r-1")));
        assert_ne!(key("r-1"), record_key(&scope("CRD-1"), &scope("PRD-2"), "r-1"));
    }
}
