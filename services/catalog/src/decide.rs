//! What changes the catalog.

use ledger::catalog::{CatalogObject, ContractKind, Key, Product, Role};
use ledger::{Command, Context, Fact, Hash, Ledger, ObjectId, Partition, Rejection, Status, Subject, UsageFile};
use runtime::decider::Facts;

use crate::{CatalogService, edit, session, webhook};

pub(crate) fn decide(
    ledger: &Ledger,
    command: &Command,
    context: &Context,
    service: &CatalogService,
) -> Result<Facts, Rejection> {
    let (catalog, to_private) = (&ledger.catalog, service.webhooks_to_private);
    match command {
        Command::ChangeProduct { product, change } => edit::change_product(ledger, product, change, context),
        Command::CreateItem { product, item } => edit::create_item(ledger, product, item, context),
        Command::ChangeItem { product, item, change } => edit::change_item(ledger, (product, item), change, context),
        Command::CreateWebhook { terms } => webhook::create(catalog, terms, context, to_private),
        Command::ChangeWebhook { webhook, terms } => webhook::change(catalog, webhook, terms, context, to_private),
        Command::DeleteWebhook { webhook } => webhook::delete(catalog, webhook, context),
        Command::OpenSession { session, by_link, agent } => session::open(catalog, session, *by_link, agent, context),
        Command::EndSession { session } => session::end(catalog, session, &context.scope),
        _ if context.scope.role != Role::Operator => Err(Rejection::RoleNotAllowed),
        Command::ImportCatalog { objects } => import(ledger, objects, service.partitions),
        Command::RevokeKey { key } => revoke(ledger, key),
        _ => Err(Rejection::NotFound),
    }
}

/// Records what differs from what is known: importing the same file again changes nothing.
fn import(ledger: &Ledger, objects: &[CatalogObject], partitions: u16) -> Result<Facts, Rejection> {
    let mut facts = Facts::new();
    for object in objects {
        if ledger.catalog.object(object).as_ref() == Some(object) || ledger.catalog.was_edited_since(object) {
            continue;
        }
        let id = object.id().clone();
        // An import never brings a revoked key back: that would undo a security decision by accident.
        if ledger.catalog.keys.get(&id).is_some_and(|key| key.revoked) {
            continue;
        }
        if let CatalogObject::Product(product) = object {
            check_schema(ledger, product)?;
        }
        facts.push((Subject::Object(id.clone()), Fact::ObjectRecorded(Box::new(object.clone()))));
        let CatalogObject::Contract(contract) = object else { continue };
        if contract.kind == ContractKind::Distribution && !ledger.catalog.placements.contains_key(&id) {
            let partition = place(&id, partitions);
            facts.push((Subject::Object(id), Fact::ContractPlaced { partition }));
        }
    }
    Ok(facts)
}

/// A product's schema can't be changed while a file of another one is open (design §12): the two would be added up and
/// compared as if they were alike.
pub(crate) fn check_schema(ledger: &Ledger, product: &Product) -> Result<(), Rejection> {
    let id = &product.named.id;
    let before = ledger.catalog.products.get(id).and_then(|known| known.capabilities.pay_as_you_go);
    let Some(schema) = product.capabilities.pay_as_you_go.filter(|schema| before != Some(*schema)) else {
        return Ok(());
    };
    let open = |file: &UsageFile| {
        let created = file.approval.created.as_ref();
        let ended = matches!(file.status(), Status::Closed | Status::Rejected | Status::Deleted);
        !ended && created.is_some_and(|created| created.product.id == *id && created.schema != schema)
    };
    let found = ledger.files.iter().find(|(_, file)| open(file));
    found.map_or(Ok(()), |(file, _)| Err(Rejection::SchemaInUse { product: id.clone(), file: *file }))
}

/// The partition of a contract: by hash when it is first seen, and never changed (design §6).
fn place(contract: &ObjectId, partitions: u16) -> Partition {
    let digest = Hash::of_parts(&[b"partition", contract.as_str().as_bytes()]);
    let [high, low, ..] = digest.0;
    Partition(u16::from_be_bytes([high, low]) % partitions.max(1))
}

fn revoke(ledger: &Ledger, key: &ObjectId) -> Result<Facts, Rejection> {
    let known = ledger.catalog.keys.get(key).ok_or(Rejection::NotFound)?;
    if known.revoked {
        return Ok(Facts::new());
    }
    let revoked = CatalogObject::Key(Key { revoked: true, ..known.clone() });
    Ok(vec![(Subject::Object(key.clone()), Fact::ObjectRecorded(Box::new(revoked)))])
}
