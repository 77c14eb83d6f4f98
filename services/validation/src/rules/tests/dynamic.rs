//! Items that records bring.

use ledger::catalog::dynamic_item_id;

use super::*;

fn world() -> World {
    let mut world = World::new();
    world.capabilities.dynamic = true;
    world
}

/// A row that brings the usual item, otherwise in some cells.
fn brought(changed: &[Cell<'static>]) -> Vec<Cell<'static>> {
    // The first cell of a name counts.
    changed.iter().chain(&BROUGHT).copied().collect()
}

/// Rows of a file, each with its errors, and the items that they bring.
#[track_caller]
fn check(world: &World, rows: &[Vec<Cell<'static>>], errors: &[&[&str]], items: &[&str]) {
    let rows: Vec<&[Cell<'_>]> = rows.iter().map(Vec::as_slice).collect();
    let mut checker = world.checker();
    let checked = checker.check_batch(&world.batch(&rows));
    let said = |record: &CheckedRecord| {
        let of = |error: &ledger::record::RecordError| format!("{} {}", error.code.number(), error.message);
        record.errors.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(checked.records.iter().map(said).collect::<Vec<_>>(), errors);
    let found = checker.into_dynamic_items();
    let shown = |it: &ledger::fact::DynamicItem| {
        assert_eq!(Some(&it.named.id), dynamic_item_id(&world.product, &it.mpn).as_ref());
        format!("{} {} {} {} row {}", it.mpn, it.named.name, it.unit, it.places, it.row)
    };
    assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), items);
}

#[test]
fn the_first_row_of_a_part_number_says_what_it_is() {
    let rows = [
        brought(&[]),
        brought(&[("item_name", TEXT, "Another name"), ("item_unit", TEXT, "mb*H")]),
        brought(&[("item_unit", TEXT, "gb*h")]),
        brought(&[("item_precision", TEXT, "integer"), ("quantity", TEXT, "2")]),
        brought(&[("item_mpn", TEXT, "ST002"), ("quantity", TEXT, "1.00001")]),
    ];
    let errors: [&[&str]; 5] = [
        &[],
        &[],
        &["119 Item ST001 is described otherwise in row 2"],
        &["119 Item ST001 is described otherwise in row 2"],
        &["14 Usage quantity reported doesn't match with the data type of the item"],
    ];
    check(&world(), &rows, &errors, &["ST001 Storage Mb*h 4 row 2", "ST002 Storage Mb*h 4 row 6"]);
}

#[test]
fn what_the_product_has_under_the_part_number_is_meant() {
    let cpu = |changed: &[Cell<'static>]| {
        let own = [("item_mpn", TEXT, "CPU"), ("item_unit", TEXT, "unit"), ("item_precision", TEXT, "decimal(2)")];
        brought(&changed.iter().chain(&own).copied().collect::<Vec<_>>())
    };
    let rows = [
        cpu(&[]),
        cpu(&[("item_unit", TEXT, "hours")]),
        cpu(&[("item_precision", TEXT, "decimal(8)")]),
        brought(&[("item_mpn", TEXT, "SEATS")]),
    ];
    let differs = "119 Item CPU is described otherwise in the product";
    let seats = "119 Item SEATS is a reservation item of the product";
    check(&world(), &rows, &[&[], &[differs], &[differs], &[seats]], &[]);
    let record = world().one(&rows[0]);
    assert_eq!((record.item, record.is_valid()), (Some(0), true));
}

#[test]
fn a_published_one_is_found_in_any_subscription_of_the_product() {
    let mut world = World::new();
    let CatalogObject::Item(mut published) = item("PRD-1-D01", "ST001", ItemKind::PayAsYouGo, 4) else { panic!() };
    world.catalog.record(CatalogObject::Item(published.clone()));
    let by_mpn = [("item_search_value", TEXT, "ST001")];
    world.check_codes(&by_mpn, &[1]);
    published.dynamic = true;
    world.catalog.record(CatalogObject::Item(published));
    world.check_codes(&by_mpn, &[]);
    let by_id = [("item_search_criteria", TEXT, "item.global_id"), ("item_search_value", TEXT, "PRD-1-D01")];
    world.check_codes(&by_id, &[]);
}

#[test]
fn each_part_of_the_description_is_needed() {
    for (name, text, message) in [
        ("item_name", " ", "120 Dynamic item lacks item_name"),
        ("item_mpn", "", "120 Dynamic item lacks item_mpn"),
        ("item_unit", "", "120 Dynamic item lacks item_unit"),
        ("item_precision", "", "120 Dynamic item lacks item_precision"),
        ("item_precision", "decimal(3)", "120 Precision decimal(3) of a dynamic item is not known"),
    ] {
        check(&world(), &[brought(&[(name, TEXT, text)])], &[&[message]], &[]);
    }
    let long: &'static str = Box::leak("u".repeat(129).into_boxed_str());
    let message = "120 Text in column item_unit is too long for a dynamic item";
    check(&world(), &[brought(&[("item_unit", TEXT, long)])], &[&[message]], &[]);
    let mut world = world();
    world.capabilities.pay_as_you_go = None;
    let (off, known) = ("114 The product may not report pay-as-you-go items", "ST001 Storage Mb*h 4 row 2");
    check(&world, &[brought(&[])], &[&[off]], &[known]);
}
