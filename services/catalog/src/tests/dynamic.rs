//! Goal: items that records brought are in the catalog once their file is accepted, each part number once; and what a
//! file was made for doesn't change under it. Method: the facts of a file, in the order in which they may be heard.

use std::collections::BTreeSet;

use ledger::catalog::{
    Capabilities, Catalog, CatalogObject, Environment, Item, ItemKind, Product, Schema, dynamic_item_id,
};
use ledger::fact::{DynamicItem, FileChecked, FileCreated, UploadOpened};
use ledger::{Command, Fact, FileId, Hash, Rejection, Scope, ServiceName, Status, Subject};
use runtime::decider::{Decider, Next};

use super::{World, account, contract, id, named};
use crate::CatalogService;
use crate::json;
use ledger::catalog::ContractKind;

fn file() -> FileId {
    FileId::parse("UF-2026-11-0000-0000").unwrap()
}

fn product(schema: Option<Schema>, late: bool) -> CatalogObject {
    let capabilities = Capabilities { pay_as_you_go: schema, dynamic: true, late, ..Capabilities::default() };
    let source = String::new();
    CatalogObject::Product(Product { named: named("PRD-1"), owner: id("VA-1"), capabilities, source })
}

fn item(name: &str, mpn: &str) -> CatalogObject {
    CatalogObject::Item(Item {
        named: named(name),
        product: id("PRD-1"),
        mpn: mpn.to_owned(),
        unit: "GB".to_owned(),
        period: "monthly".to_owned(),
        kind: ItemKind::PayAsYouGo,
        places: 2,
        dynamic: false,
        source: String::new(),
    })
}

fn brought(mpn: &str, row: u32) -> DynamicItem {
    let named = ledger::Named { id: dynamic_item_id(&id("PRD-1"), mpn).unwrap(), name: format!("{mpn} \"traffic\"") };
    DynamicItem { named, mpn: mpn.to_owned(), unit: "GB".to_owned(), places: 4, row }
}

fn created(schema: Schema) -> Fact {
    Fact::FileCreated(Box::new(FileCreated {
        name: "October".to_owned(),
        external_id: String::new(),
        description: String::new(),
        note: String::new(),
        period: None,
        time_zone: String::new(),
        predictive: false,
        reported: false,
        currency: None,
        environment: Environment::Production,
        schema,
        product: named("PRD-1"),
        contract: named("CRD-1"),
        marketplace: named("MP-1"),
        vendor: named("VA-1"),
        provider: named("PA-1"),
    }))
}

fn opened(upload: u32) -> Fact {
    let (blob, filename) = (Hash::ZERO, String::new());
    Fact::UploadOpened(UploadOpened { upload, blob, bytes: 8, filename, catalog_position: 1 })
}

fn checks(upload: u32, items: &[DynamicItem]) -> Vec<Fact> {
    let found = |(part, item): (u32, &DynamicItem)| {
        let items = vec![item.clone()];
        Fact::DynamicItemsFound { upload, attempt: 1, part, items }
    };
    let checked = FileChecked {
        upload,
        attempt: 1,
        parts: vec![],
        valid: 2,
        invalid: 0,
        totals: vec![],
        exempt_totals: vec![],
        codes: vec![],
        warnings: vec![],
        span: None,
        summary_parts: 0,
    };
    let mut facts = vec![Fact::CheckStarted { upload, attempt: 1, catalog_position: 1 }];
    facts.extend((0..).zip(items).map(found));
    facts.push(Fact::FileChecked(Box::new(checked)));
    facts
}

fn accepted(upload: u32) -> Fact {
    Fact::FileAccepted { upload, note: String::new() }
}

fn world() -> World {
    let mut world = World::new(1);
    world.imports(vec![
        account("Vendor"),
        contract("CRP-1", ContractKind::Program, true),
        product(Some(Schema::Qt), false),
        item("PRD-1-0001", "VM"),
    ]);
    world
}

impl World {
    fn hears(&mut self, facts: impl IntoIterator<Item = Fact>) {
        facts.into_iter().for_each(|fact| self.take(Subject::File(file()), fact));
    }

    /// What the catalog records by itself, by id.
    fn goes_on(&mut self) -> Vec<String> {
        let service = CatalogService { partitions: 1, webhooks_to_private: false };
        let mut told = Vec::new();
        while let Next::Conclude(own) = service.next(&self.ledger, file(), &BTreeSet::new()) {
            let context = ledger::Context { now: ledger::Moment(0), scope: Scope::service(ServiceName::Catalog) };
            for (subject, fact) in service.conclude(&self.ledger, own, &context).unwrap() {
                let Subject::Object(about) = &subject else { panic!("{subject:?}") };
                told.push(about.to_string());
                self.take(subject, fact);
            }
        }
        told
    }
}

#[test]
fn items_are_published_once_their_file_is_accepted() {
    let items = [brought("EGRESS", 2), brought("INGRESS", 5)];
    let ids: Vec<String> = items.iter().map(|item| item.named.id.to_string()).collect();
    let mut world = world();
    for fact in [created(Schema::Qt), opened(1)].into_iter().chain(checks(1, &items)) {
        world.hears([fact]);
        assert_eq!(world.goes_on(), [""; 0], "nobody has accepted them");
    }
    world.hears([Fact::FileSubmitted { upload: 1 }]);
    assert_eq!(world.goes_on(), [""; 0]);
    world.hears([accepted(1)]);
    assert_eq!(world.goes_on(), ids);
    assert_eq!(world.goes_on(), [""; 0], "once");
    let known = &world.ledger.catalog.items[&id(&ids[0])];
    let (named, mpn) = (&known.named, known.mpn.as_str());
    assert_eq!(
        (named.name.as_str(), mpn, known.unit.as_str(), known.places),
        ("EGRESS \"traffic\"", "EGRESS", "GB", 4)
    );
    assert_eq!((known.kind, known.period.as_str(), known.dynamic), (ItemKind::PayAsYouGo, "monthly", true));
}

#[test]
fn the_verdict_may_be_heard_after_the_acceptance() {
    let mut world = world();
    world.hears([created(Schema::Qt), opened(1), accepted(1)]);
    let facts = checks(1, &[brought("EGRESS", 2)]);
    let (last, before) = facts.split_last().unwrap();
    world.hears(before.to_vec());
    assert_eq!(world.goes_on(), [""; 0], "more of them may come");
    world.hears([last.clone()]);
    assert_eq!(world.goes_on().len(), 1);
}

#[test]
fn a_part_number_that_is_known_is_left_as_it_is() {
    for (before, expected) in [("EGRESS", 0), (" EGRESS ", 0), ("egress", 1), ("VM", 1)] {
        let mut world = world();
        world.imports(vec![item("PRD-1-0002", before)]);
        world.hears([created(Schema::Qt), opened(1)]);
        world.hears(checks(1, &[brought("EGRESS", 2)]));
        world.hears([accepted(1)]);
        assert_eq!(world.goes_on().len(), expected, "{before}");
    }
    // Two files of other services' making bring the same.
    let mut world = world();
    world.hears([created(Schema::Qt), opened(1)]);
    world.hears(checks(1, &[brought("EGRESS", 2), brought("EGRESS", 9), brought("EGRESS ", 11)]));
    world.hears([accepted(1)]);
    assert_eq!(world.goes_on().len(), 1);
}

#[test]
fn only_what_the_accepted_upload_brought_counts() {
    let mut world = world();
    world.hears([created(Schema::Qt), opened(1)]);
    world.hears(checks(1, &[brought("OLD", 2)]));
    world.hears([Fact::FileRejected { upload: 1, note: String::new() }, opened(2)]);
    world.hears(checks(2, &[brought("NEW", 2)]));
    world.hears([accepted(2)]);
    let new = dynamic_item_id(&id("PRD-1"), "NEW").unwrap();
    assert_eq!(world.goes_on(), [new.to_string()]);
}

#[test]
fn an_exported_catalog_with_such_items_is_imported_without_a_change() {
    let mut world = world();
    world.hears([created(Schema::Qt), opened(1)]);
    world.hears(checks(1, &[brought("EGRESS", 2)]));
    world.hears([accepted(1)]);
    assert_eq!(world.goes_on().len(), 1);
    for (known, changes) in [(&*world.ledger.catalog, false), (&Catalog::default(), true)] {
        let file = json::export(&world.ledger.catalog).to_string();
        let objects = json::read(file.as_bytes(), known, b"pepper").unwrap();
        let dynamic: Vec<&CatalogObject> =
            objects.iter().filter(|object| matches!(object, CatalogObject::Item(item) if item.dynamic)).collect();
        assert_eq!(dynamic.len(), 1);
        assert_eq!(known.object(dynamic[0]).as_ref() != Some(dynamic[0]), changes);
    }
    // An item without its JSON is written from what is known of it, and says what it is.
    let mut catalog = (*world.ledger.catalog).clone();
    let known = catalog.items.values().find(|item| item.dynamic).unwrap().clone();
    catalog.record(CatalogObject::Item(Item { source: String::new(), ..known.clone() }));
    let objects = json::read(json::export(&catalog).to_string().as_bytes(), &Catalog::default(), b"pepper").unwrap();
    let again = objects.iter().find(|object| object.id() == &known.named.id);
    assert!(matches!(again, Some(CatalogObject::Item(item)) if item.dynamic && item.mpn == known.mpn), "{again:?}");
}

#[test]
fn a_schema_changes_while_no_file_of_the_old_one_is_open() {
    let refused = Err(Rejection::SchemaInUse { product: id("PRD-1"), file: file() });
    let import = |schema, late| Command::ImportCatalog { objects: vec![product(schema, late)] };
    let recorded = Ok(vec!["ObjectRecorded PRD-1".to_owned()]);
    for (status, facts, open) in [
        (Status::Draft, vec![], true),
        (Status::Uploaded, vec![opened(1)], true),
        (Status::Pending, vec![opened(1), Fact::FileSubmitted { upload: 1 }], true),
        (Status::Accepted, vec![opened(1), accepted(1)], true),
        (Status::Rejected, vec![opened(1), Fact::FileRejected { upload: 1, note: String::new() }], false),
        (Status::Deleted, vec![Fact::FileDeleted], false),
        (
            Status::Closed,
            vec![
                opened(1),
                accepted(1),
                Fact::ExtractionStarted { upload: 1, attempt: 1 },
                Fact::FileClosed { upload: 1, records: 2, totals: vec![] },
            ],
            false,
        ),
    ] {
        let mut world = world();
        world.hears([created(Schema::Qt)]);
        world.hears(facts);
        assert_eq!(world.ledger.file(file()).unwrap().status(), status);
        assert_eq!(world.does(&import(Some(Schema::Qt), true)), recorded, "{status:?}: the schema stays");
        let other = world.does(&import(Some(Schema::Tr), true));
        assert_eq!(other, if open { refused.clone() } else { recorded.clone() }, "{status:?}");
        if open {
            // Not by a detour either.
            assert_eq!(world.does(&import(None, true)), recorded);
            assert_eq!(world.does(&import(Some(Schema::Tr), true)), refused);
            assert_eq!(world.does(&import(Some(Schema::Qt), true)), recorded);
        }
    }
    // A file of another product is not asked.
    let mut world = world();
    let mut of_another = created(Schema::Qt);
    if let Fact::FileCreated(created) = &mut of_another {
        created.product = named("PRD-2");
    }
    world.hears([of_another]);
    assert_eq!(world.does(&import(Some(Schema::Tr), false)), recorded);
}
