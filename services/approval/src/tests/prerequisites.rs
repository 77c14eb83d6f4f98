//! Goal: each prerequisite of the seed is checked, in the order of the refusals, on creation and again on submit.
//! Method: everything is wrong at first; each step cures what was told, and the next refusal must come later in order.

use ledger::catalog::{CatalogObject, ContractKind, Environment, ItemKind, Schema};
use ledger::{Command, Rejection, Status};

use super::world::{World, contract, create, file, id, item, listing, outcome, product, provider, vendor};

/// What is wrong, and the object that cures it.
fn cures() -> Vec<(Rejection, CatalogObject)> {
    let (product_id, contract_id) = (id("PRD-1"), id("CRD-1"));
    vec![
        (
            Rejection::ProgramContractInactive { vendor: id("VA-1") },
            CatalogObject::Contract(contract("CRP-1", ContractKind::Program, true)),
        ),
        (
            Rejection::ContractInactive { contract: contract_id.clone() },
            CatalogObject::Contract(contract("CRD-1", ContractKind::Distribution, true)),
        ),
        (
            Rejection::ListingInactive { product: product_id.clone(), contract: contract_id },
            CatalogObject::Listing(listing(true)),
        ),
        (Rejection::CapabilityOff { product: product_id.clone() }, CatalogObject::Product(product(Some(Schema::Qt)))),
        (Rejection::ItemsMissing { product: product_id }, CatalogObject::Item(item(ItemKind::PayAsYouGo))),
    ]
}

fn broken(mut world: World) -> World {
    world.knows(CatalogObject::Contract(contract("CRP-1", ContractKind::Program, false)));
    world.knows(CatalogObject::Contract(contract("CRD-1", ContractKind::Distribution, false)));
    world.knows(CatalogObject::Listing(listing(false)));
    world.knows(CatalogObject::Product(product(None)));
    world.knows(CatalogObject::Item(item(ItemKind::Reservation)));
    world
}

fn check(mut world: World, command: &Command, cured: &str) {
    let mut last = None;
    for (expected, cure) in cures() {
        let refused = world.asks(&vendor(), command).unwrap_err();
        assert_eq!(refused, expected, "{command:?}");
        assert!(last.is_none_or(|last| last < refused), "{refused:?} comes too early");
        last = Some(refused);
        world.knows(cure);
    }
    assert_eq!(outcome(&world.asks(&vendor(), command)), cured, "{command:?}");
}

#[test]
fn a_file_is_made_only_where_usage_may_be_reported() {
    check(broken(World::new()), &Command::CreateFile(Box::new(create())), "FileCreated");
}

#[test]
fn a_file_is_submitted_only_where_usage_may_be_reported() {
    let command = Command::SubmitFile { file: file() };
    check(broken(World::at(Status::Ready, Environment::Production)), &command, "FileSubmitted");
    // Who submits early is told at once, not when the file is ready.
    check(broken(World::at(Status::Processing, Environment::Production)), &command, "SubmitRemembered");
}

#[test]
fn a_product_whose_records_bring_their_items_needs_none() {
    let mut world = broken(World::new());
    cures().into_iter().take(3).for_each(|(_, cure)| world.knows(cure));
    for (dynamic, expected) in [(false, "refused: ItemsMissing"), (true, "FileCreated")] {
        let mut product = product(Some(Schema::Qt));
        product.capabilities.dynamic = dynamic;
        world.knows(CatalogObject::Product(product));
        let command = Command::CreateFile(Box::new(create()));
        assert_eq!(outcome(&world.asks(&vendor(), &command)), expected);
    }
}

#[test]
fn what_is_decided_is_decided_whatever_the_catalog_says_now() {
    let world = broken(World::at(Status::Pending, Environment::Production));
    for (command, fact) in [
        (Command::AcceptFile { file: file(), note: String::new() }, "FileAccepted"),
        (Command::RejectFile { file: file(), note: String::new() }, "FileRejected"),
    ] {
        assert_eq!(outcome(&world.asks(&provider(), &command)), fact);
    }
}
