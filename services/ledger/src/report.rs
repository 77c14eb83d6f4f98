//! Records that are reported one by one, as many at a call: what a call brings, and what becomes of each record.

use std::hash::{Hash as StdHash, Hasher};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::id::{FileId, Hash, ObjectId};
use crate::record::{ReadBatch, record_key};

/// Records that one call may bring.
pub const REPORT_RECORDS_MAX: usize = 10_000;

/// The records of one call.
#[derive(Clone, Debug)]
pub struct ReportedRecords {
    /// The file that collects them.
    pub file: FileId,
    /// The names of the batch's columns.
    pub columns: Vec<String>,
    /// The records in the order of the call; which rows they get is not known yet, so that theirs are 0.
    pub batch: Arc<ReadBatch>,
    /// What each is recognised by.
    pub prints: Vec<Print>,
    /// Whether each passed the rules.
    pub admitted: Vec<bool>,
    /// The digest of what was sent: equal calls have equal ones.
    pub content: Hash,
}

impl PartialEq for ReportedRecords {
    fn eq(&self, other: &Self) -> bool {
        (self.file, self.content) == (other.file, other.content)
    }
}

impl Eq for ReportedRecords {}

impl StdHash for ReportedRecords {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.file, self.content).hash(state);
    }
}

/// What a reported record is recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Print {
    /// Its record id within contract and product ([`record_key`]).
    pub key: [u8; 12],
    /// The first 128 bits of a digest over its values: two records of one id are the same if these are.
    pub content: [u8; 16],
}

/// What became of a reported record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Receipt {
    /// It is in the file now.
    Added {
        /// Its row.
        row: u32,
    },
    /// The file had it already, value by value.
    Identical {
        /// The row of the one that is there.
        row: u32,
    },
    /// The file has another record of this id.
    Conflicting {
        /// The row of the one that is there.
        row: u32,
    },
    /// Another file that collects records has its id.
    Taken {
        /// That file.
        file: FileId,
    },
    /// The rules refused it.
    Refused,
}

/// The prints of a batch's records. They depend on names and values, not on the order of columns; blank cells and absent
/// columns are the same.
#[must_use]
pub fn prints(contract: &ObjectId, product: &ObjectId, columns: &[String], batch: &ReadBatch) -> Vec<Print> {
    let mut named: Vec<(usize, &str)> = columns.iter().map(String::as_str).enumerate().collect();
    named.sort_unstable_by_key(|(_, name)| *name);
    let record_id = columns.iter().position(|name| name == "record_id").unwrap_or(usize::MAX);
    let print = |index: usize| {
        let mut hasher = Sha256::new();
        for &(column, name) in &named {
            let text = batch.cell(index, column).text;
            if !text.is_empty() {
                for part in [name, text] {
                    hasher.update((part.len() as u64).to_le_bytes());
                    hasher.update(part.as_bytes());
                }
            }
        }
        let mut content = [0; 16];
        content.copy_from_slice(&hasher.finalize()[..16]);
        Print { key: record_key(contract, product, batch.cell(index, record_id).text), content }
    };
    (0..batch.rows.len()).map(print).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchBuilder;
    use crate::record::CellKind;

    fn print_of(cells: &[(&str, &str)]) -> Print {
        let columns: Vec<String> = cells.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut builder = BatchBuilder::new(columns.len());
        builder.begin(2);
        for (column, (_, text)) in cells.iter().enumerate() {
            builder.cell(column, CellKind::Text, text);
        }
        let id = |text| ObjectId::new(text).unwrap();
        prints(&id("CRD-1"), &id("PRD-1"), &columns, &builder.take([0; 32]))[0]
    }

    #[test]
    fn a_record_is_recognised_by_its_id_and_its_values_whatever_the_order_of_columns() {
        let known = print_of(&[("record_id", "r-1"), ("quantity", "1.0"), ("v.Region", "")]);
        assert_eq!(known, print_of(&[("quantity", "1.0"), ("record_id", "r-1")]));
        for (cells, same_id) in [
            ([("record_id", "r-1"), ("quantity", "1")], true),
            ([("record_id", "r-1"), ("amount", "1.0")], true),
            ([("record_id", " r-1"), ("quantity", "1.0")], true),
            ([("record_id", "r-2"), ("quantity", "1.0")], false),
            ([("record_id", "r-11"), ("quantity", ".0")], false),
        ] {
            let other = print_of(&cells);
            assert_ne!(other.content, known.content, "{cells:?}");
            assert_eq!(other.key == known.key, same_id, "{cells:?}");
        }
    }
}
