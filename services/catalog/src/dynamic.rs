//! Items that records brought: recorded once the provider has accepted the file that brought them (design §12).

use std::collections::BTreeSet;

use ledger::catalog::{CatalogObject, Item, ItemKind, SOURCE_BYTES_MAX, precision_name};
use ledger::fact::DynamicItem;
use ledger::{Catalog, Fact, FileId, Ledger, ObjectId, Subject};
use runtime::decider::Facts;
use serde_json::json;

use crate::json::PERIOD_OF_METERED;

/// The items that an accepted file brought and that the catalog still lacks.
pub(crate) fn missing(ledger: &Ledger, file: FileId) -> Vec<CatalogObject> {
    let Some(known) = ledger.file(file).filter(|known| known.is_accepted()) else { return Vec::new() };
    let (Some(created), Some(checking)) = (known.approval.created.as_ref(), known.current_checking()) else {
        return Vec::new();
    };
    if known.verdict().is_none() {
        // The acceptance was heard before the verdict that it rests on.
        return Vec::new();
    }
    let product = &created.product.id;
    let mut lacking = checking.dynamic_items.iter().filter(|item| !ledger.catalog.items.contains_key(&item.named.id));
    let Some(first) = lacking.next() else { return Vec::new() };
    // Part numbers name items: who has the same was there first, whatever its id.
    let mut numbers: BTreeSet<&str> = numbers(&ledger.catalog, product);
    let new = std::iter::once(first).chain(lacking).filter(|item| numbers.insert(item.mpn.trim()));
    new.map(|item| CatalogObject::Item(published(product, item))).collect()
}

fn numbers<'a>(catalog: &'a Catalog, product: &'a ObjectId) -> BTreeSet<&'a str> {
    catalog.items_of(product).map(|item| item.mpn.trim()).collect()
}

/// The facts of recording items.
pub(crate) fn record(items: Vec<CatalogObject>) -> Facts {
    let fact = |item: CatalogObject| (Subject::Object(item.id().clone()), Fact::ObjectRecorded(Box::new(item)));
    items.into_iter().map(fact).collect()
}

fn published(product: &ObjectId, brought: &DynamicItem) -> Item {
    let DynamicItem { named, mpn, unit, places, .. } = brought;
    let (id, name) = (named.id.as_str(), named.name.as_str());
    // In the shape and order in which a catalog file has it, so that an export is imported without a change.
    let source = json!({
        "id": id,
        "name": name,
        "mpn": mpn,
        "status": "published",
        "type": "ppu",
        "unit": {"name": unit},
        "period": PERIOD_OF_METERED,
        "precision": precision_name(*places),
        "dynamic": true,
        "display_name": name,
        "local_id": id.replace('-', "_"),
    });
    let source = source.to_string();
    Item {
        named: named.clone(),
        product: product.clone(),
        mpn: mpn.clone(),
        unit: unit.clone(),
        period: PERIOD_OF_METERED.to_owned(),
        kind: ItemKind::PayAsYouGo,
        places: *places,
        dynamic: true,
        // What is too long for it is written from the rest when it is asked for.
        source: if source.len() > SOURCE_BYTES_MAX { String::new() } else { source },
    }
}
