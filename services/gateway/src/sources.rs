//! Words of catalog objects that stand in their imported JSON only and are shown with every file and record: icons of
//! accounts, marketplaces and products, and the local ids of items. They are read once per catalog.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::{Catalog, ObjectId};
use serde_json::Value;

/// Objects that are remembered; with more, all are forgotten and read again.
const KNOWN_MAX: usize = 50_000;

/// What is shown of an object beside its id and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// Where its icon is.
    pub(crate) icon: Option<String>,
    /// The id that an item has within its vendor's systems.
    pub(crate) local_id: Option<String>,
}

/// The words read so far, and the catalog's position that they were read at.
#[derive(Debug, Default)]
pub(crate) struct Sources(Mutex<(u64, HashMap<ObjectId, Arc<Words>>)>);

impl Sources {
    /// The words of an account, a marketplace, a product or an item; empty ones for anything else.
    pub(crate) fn words(&self, catalog: &Catalog, id: &ObjectId) -> Arc<Words> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != catalog.position || known.1.len() > KNOWN_MAX {
            *known = (catalog.position, HashMap::new());
        }
        known.1.entry(id.clone()).or_insert_with(|| Arc::new(read(catalog, id))).clone()
    }
}

fn read(catalog: &Catalog, id: &ObjectId) -> Words {
    let source = catalog.items.get(id).map(|item| &item.source);
    let source = source.or_else(|| catalog.products.get(id).map(|product| &product.source));
    let source = source.or_else(|| catalog.accounts.get(id).map(|account| &account.source));
    let source = source.or_else(|| catalog.marketplaces.get(id).map(|marketplace| &marketplace.source));
    let source: Value = source.and_then(|source| serde_json::from_str(source).ok()).unwrap_or_default();
    let text = |name: &str| source.get(name).and_then(Value::as_str).map(str::to_owned);
    Words { icon: text("icon"), local_id: text("local_id") }
}
