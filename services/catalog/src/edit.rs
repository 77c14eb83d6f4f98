//! What vendors change of their own products and items: member by member, so that nothing else of an object is lost.
//!
//! An edit is read by the same reader as a catalog file: what could not be imported can't be edited into being.

use ledger::catalog::{CatalogObject, Item, Product, Role, Schema};
use ledger::{Catalog, Context, Fact, Ledger, ObjectId, Rejection, Scope, Subject};
use runtime::decider::Facts;
use serde_json::{Map, Value, json};

use crate::decide::check_schema;
use crate::json;

/// Items of a product: four digits of their ids.
const ITEMS_MAX: u32 = 9_999;
/// Where an item stands (connect-api §3.9).
const ITEM_STATUSES: [&str; 3] = ["draft", "published", "endofsale"];
/// What the ledger writes itself: a client that sends back what it read changes nothing by that.
const WRITTEN: [&str; 2] = ["version", "events"];

/// Changes members of a product.
pub(crate) fn change_product(
    ledger: &Ledger,
    id: &ObjectId,
    change: &str,
    context: &Context,
) -> Result<Facts, Rejection> {
    let product = own(&ledger.catalog, id, &context.scope)?;
    let before = json::product(product);
    let mut after = before.clone();
    let elsewhere = [("items", "Items are changed one by one, at /products/{id}/items.")];
    apply(&mut after, members(change)?, &["id", "owner"], &elsewhere)?;
    if after == before {
        return Ok(Facts::new());
    }
    stamp(&mut after, "updated", context);
    let product = read_product(&ledger.catalog, after)?;
    check_schema(ledger, &product)?;
    Ok(recorded(CatalogObject::Product(product)))
}

/// Makes an item.
pub(crate) fn create_item(ledger: &Ledger, id: &ObjectId, item: &str, context: &Context) -> Result<Facts, Rejection> {
    let catalog = &ledger.catalog;
    let product = own(catalog, id, &context.scope)?;
    let mut given = members(item)?;
    for name in WRITTEN {
        given.shift_remove(name);
    }
    if given.get("id").is_some_and(|id| !id.is_null()) {
        return Err(Rejection::field("id", "Leave it out: an item's id is that of its product with a number."));
    }
    let mut whole = Map::from_iter([("id".to_owned(), Value::from(next_id(catalog, id)?))]);
    whole.extend(given.into_iter().filter(|(name, _)| name != "id"));
    whole.entry("status").or_insert_with(|| "published".into());
    let metered = whole.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("ppu"));
    // Where quantities are rated by others, whole units are what they expect (connect-api §4).
    if metered && product.capabilities.pay_as_you_go == Some(Schema::Qt) {
        whole.entry("precision").or_insert_with(|| "integer".into());
    }
    let mut whole = Value::Object(whole);
    stamp(&mut whole, "created", context);
    stamp(&mut whole, "updated", context);
    check_status(&whole)?;
    let item = read_item(catalog, product, whole)?;
    if item.dynamic {
        return Err(Rejection::field("dynamic", "Only records bring dynamic items."));
    }
    check_unique(catalog, &item, None)?;
    Ok(recorded(CatalogObject::Item(item)))
}

/// Changes members of an item.
pub(crate) fn change_item(
    ledger: &Ledger,
    (product, id): (&ObjectId, &ObjectId),
    change: &str,
    context: &Context,
) -> Result<Facts, Rejection> {
    let catalog = &ledger.catalog;
    let product = own(catalog, product, &context.scope)?;
    let known = catalog.items.get(id).filter(|item| item.product == product.named.id).ok_or(Rejection::NotFound)?;
    let before = json::item(known);
    let mut after = before.clone();
    apply(&mut after, members(change)?, &["id", "dynamic"], &[])?;
    if after == before {
        return Ok(Facts::new());
    }
    stamp(&mut after, "updated", context);
    check_status(&after)?;
    let draft = |item: &Value| item.get("status").is_some_and(|status| status == "draft");
    let published = !draft(&before);
    if published && draft(&after) {
        return Err(Rejection::field("status", "A published item does not become a draft again. Use endofsale."));
    }
    let item = read_item(catalog, product, after)?;
    if published {
        check_fixed(known, &item)?;
    }
    check_unique(catalog, &item, Some(known))?;
    Ok(recorded(CatalogObject::Item(item)))
}

fn recorded(object: CatalogObject) -> Facts {
    vec![(Subject::Object(object.id().clone()), Fact::ObjectRecorded(Box::new(object)))]
}

/// A product that the caller may edit: a vendor its own, an operator any.
fn own<'a>(catalog: &'a Catalog, id: &ObjectId, scope: &Scope) -> Result<&'a Product, Rejection> {
    let product = catalog.products.get(id).ok_or(Rejection::NotFound)?;
    match scope.role {
        Role::Operator => Ok(product),
        Role::Vendor if scope.account.as_ref() == Some(&product.owner) => Ok(product),
        Role::Vendor => Err(Rejection::NotFound),
        Role::Distributor | Role::Reseller => Err(Rejection::RoleNotAllowed),
    }
}

fn members(text: &str) -> Result<Map<String, Value>, Rejection> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Rejection::field("non_field_errors", "Invalid data. Expected an object.")),
    }
}

/// Sets members of an object; of an object in it those that are given, too. What stays as it is may be repeated.
fn apply(
    object: &mut Value,
    change: Map<String, Value>,
    fixed: &[&str],
    elsewhere: &[(&str, &str)],
) -> Result<(), Rejection> {
    for (name, value) in change {
        if WRITTEN.contains(&name.as_str()) || object.get(&name) == Some(&value) {
            continue;
        }
        if let Some((_, message)) = elsewhere.iter().find(|(other, _)| *other == name) {
            return Err(Rejection::field(&name, *message));
        }
        if fixed.contains(&name.as_str()) {
            return Err(Rejection::field(&name, "This can not be changed."));
        }
        merge(object, name, value);
    }
    Ok(())
}

fn merge(object: &mut Value, name: String, value: Value) {
    let Value::Object(members) = object else { return };
    match (members.get_mut(&name), value) {
        (Some(known @ Value::Object(_)), Value::Object(change)) => {
            change.into_iter().for_each(|(name, value)| merge(known, name, value));
        }
        (_, value) => drop(members.insert(name, value)),
    }
}

/// Notes who did it and when, and counts the version where there is one.
fn stamp(object: &mut Value, event: &str, context: &Context) {
    let Value::Object(members) = object else { return };
    if let Some(version) = members.get_mut("version")
        && let Some(number) = version.as_u64()
    {
        *version = number.saturating_add(1).into();
    }
    let actor = &context.scope.actor;
    let by = match actor.id() {
        Some(id) => json!({ "id": id.as_str(), "name": actor.name() }),
        None => json!({ "name": actor.name() }),
    };
    let events = members.entry("events").or_insert_with(|| json!({}));
    if let Value::Object(events) = events {
        events.insert(event.to_owned(), json!({ "at": context.now.iso(), "by": by }));
    }
}

fn read_product(catalog: &Catalog, product: Value) -> Result<Product, Rejection> {
    let objects = read(catalog, product, "/products/0")?;
    let product = objects.into_iter().find_map(|object| match object {
        CatalogObject::Product(product) => Some(product),
        _ => None,
    });
    product.ok_or(Rejection::NotFound)
}

fn read_item(catalog: &Catalog, product: &Product, item: Value) -> Result<Item, Rejection> {
    let mut whole = json::product(product);
    if let Value::Object(members) = &mut whole {
        members.insert("items".to_owned(), Value::Array(vec![item]));
    }
    let objects = read(catalog, whole, "/products/0/items/0")?;
    let item = objects.into_iter().find_map(|object| match object {
        CatalogObject::Item(item) => Some(item),
        _ => None,
    });
    item.ok_or(Rejection::NotFound)
}

/// Reads an object as if it were imported; the first fault is the answer.
fn read(catalog: &Catalog, product: Value, place: &str) -> Result<Vec<CatalogObject>, Rejection> {
    let file = json!({ "products": [product] });
    json::read_value(&file, catalog, &[]).map_err(|faults| {
        let Some(fault) = faults.into_iter().next() else { return Rejection::NotFound };
        let field = fault.pointer.strip_prefix(place).unwrap_or(&fault.pointer).trim_matches('/').replace('/', ".");
        let field = if field.is_empty() { "non_field_errors".to_owned() } else { field };
        let message = match fault.reason.as_str() {
            json::MISSING => "This field is required.".to_owned(),
            reason => format!("{}.", ledger::file::capitalised(reason)),
        };
        Rejection::field(&field, message)
    })
}

fn next_id(catalog: &Catalog, product: &ObjectId) -> Result<String, Rejection> {
    let prefix = format!("{product}-");
    let numbers =
        catalog.items_of(product).filter_map(|item| item.named.id.as_str().strip_prefix(&prefix)?.parse().ok());
    let number = numbers.max().unwrap_or(0_u32).saturating_add(1);
    if number > ITEMS_MAX {
        let message = format!("A product has at most {ITEMS_MAX} items.");
        return Err(Rejection::field("non_field_errors", message));
    }
    Ok(format!("{prefix}{number:04}"))
}

fn check_status(item: &Value) -> Result<(), Rejection> {
    let status = item.get("status").unwrap_or(&Value::Null);
    if status.is_null() || status.as_str().is_some_and(|status| ITEM_STATUSES.contains(&status)) {
        return Ok(());
    }
    Err(Rejection::field("status", format!("{status} is not one of draft, published and endofsale.")))
}

/// Part number and name say which item is meant: each is new, unless it is the item's own.
fn check_unique(catalog: &Catalog, item: &Item, before: Option<&Item>) -> Result<(), Rejection> {
    let taken = |of: fn(&Item) -> &str| {
        let unchanged = before.is_some_and(|before| of(before) == of(item));
        let mut others = catalog.items_of(&item.product).filter(|other| other.named.id != item.named.id);
        !unchanged && others.any(|other| of(other).trim() == of(item).trim())
    };
    if taken(|item| &item.mpn) {
        return Err(Rejection::field("mpn", "Item with same MPN already exists for the product."));
    }
    if taken(|item| &item.named.name) {
        return Err(Rejection::field("name", "Item with same name already exists for the product."));
    }
    Ok(())
}

/// What usage was reported in stays what it was.
fn check_fixed(before: &Item, after: &Item) -> Result<(), Rejection> {
    let changed = [
        ("type", before.kind != after.kind),
        ("precision", before.places != after.places),
        ("unit", before.unit != after.unit),
    ];
    let Some((field, _)) = changed.into_iter().find(|(_, changed)| *changed) else { return Ok(()) };
    let message = "The item is published: its type, precision and unit stay as they are. Make another item.";
    Err(Rejection::field(field, message))
}
