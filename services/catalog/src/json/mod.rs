//! The catalog file (design §10): JSON in Connect's own object shapes in, typed objects out, and back.
//!
//! A file with a fault anywhere is refused whole, with every fault named: half a catalog would let the next file of
//! usage fail for a reason that nobody sees. Parsing therefore never stops at a fault; it goes on with a stand-in and
//! the collected faults decide at the end.

mod contract;
mod export;
mod fault;
mod field;
mod node;
mod party;
mod product;
mod reader;
mod source;
mod subscription;

#[cfg(test)]
mod tests;

use ledger::Catalog;
use ledger::catalog::CatalogObject;
use ledger::id::{Hash, ObjectId};
use serde_json::Value;

pub use export::export;
pub(crate) use export::{item, product};
pub use fault::{FAULTS_MAX, Fault};
pub(crate) use field::MISSING;
pub(crate) use product::PERIOD_OF_METERED;

use node::Node;
use reader::Reader;

/// Editors on Windows write this in front of a text; it carries nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads a catalog file. References may point into the file or to what is `known` already; a name that a reference
/// leaves out is filled in. The objects come in an order in which nothing is named before it is there.
///
/// `pepper` is the secret of this installation that key secrets are hashed with; see [`secret_hash`].
///
/// # Errors
/// Every fault of the file, at most [`FAULTS_MAX`], in the order of reading.
pub fn read(text: &[u8], known: &Catalog, pepper: &[u8]) -> Result<Vec<CatalogObject>, Vec<Fault>> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let file: Value = match serde_json::from_slice(text) {
        Ok(file) => file,
        Err(error) => return Err(vec![Fault { pointer: String::new(), reason: format!("not JSON: {error}") }]),
    };
    read_value(&file, known, pepper)
}

/// Reads a catalog file that is parsed already.
///
/// # Errors
/// See [`read`].
pub(crate) fn read_value(file: &Value, known: &Catalog, pepper: &[u8]) -> Result<Vec<CatalogObject>, Vec<Fault>> {
    let mut reader = Reader::new(file, known, pepper);
    reader.file(&Node::root(file));
    reader.finish()
}

/// The hash of a key's secret that the ledger keeps instead of it.
///
/// The pepper keeps a stolen ledger from being searched for weak secrets without the settings as well; the key's id
/// keeps two keys of one secret from being recognised as such.
#[must_use]
pub fn secret_hash(key: &ObjectId, secret: &str, pepper: &[u8]) -> Hash {
    Hash::of_parts(&[b"usage-ledger key", pepper, key.as_str().as_bytes(), secret.as_bytes()])
}
