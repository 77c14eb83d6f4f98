//! The categories of a file, within what the fact that carries them holds.

use std::collections::HashSet;

use ledger::fact::Category;

/// Categories that a file keeps.
const CATEGORIES_MAX: usize = 4_096;
/// Text that the categories of a file keep, so that they fit the fact that carries them.
const CATEGORIES_BYTES_MAX: usize = 48 * 1024;

/// The column by which records name their category.
pub(crate) const COLUMN: &str = "category_id";

/// A file has more categories than are kept.
#[derive(Debug)]
pub(crate) struct TooMany;

impl TooMany {
    /// The sentence for whoever sent them.
    pub(crate) const SENTENCE: &str =
        "The file has too many categories: 4,096 with 48 KiB of text fit. Use fewer or shorter ones.";
}

/// Categories in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Categories {
    pub(crate) list: Vec<Category>,
    ids: HashSet<String>,
    bytes: usize,
}

impl Categories {
    pub(crate) fn add(&mut self, category: Category) -> Result<(), TooMany> {
        self.bytes += category.id.len() + category.name.len() + category.description.len();
        if self.list.len() >= CATEGORIES_MAX || self.bytes > CATEGORIES_BYTES_MAX {
            return Err(TooMany);
        }
        self.list.push(category);
        Ok(())
    }

    /// Whether a record may name this one without adding anything.
    pub(crate) fn knows(&self, id: &str) -> bool {
        let id = id.trim();
        id.is_empty() || self.ids.contains(id)
    }

    /// Adds the category that a record names, once.
    pub(crate) fn name(&mut self, id: &str) -> Result<(), TooMany> {
        let id = id.trim();
        if id.is_empty() || !self.ids.insert(id.to_owned()) {
            return Ok(());
        }
        self.add(Category { id: id.to_owned(), name: String::new(), description: String::new() })
    }
}
