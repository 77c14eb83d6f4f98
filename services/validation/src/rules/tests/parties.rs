//! Subscriptions and items.

use super::*;

fn by_parameter<'a>(parameter: &'a str, value: &'a str) -> [Cell<'a>; 2] {
    [("asset_search_criteria", TEXT, parameter), ("asset_search_value", TEXT, value)]
}

#[test]
fn a_subscription_is_found_by_id_or_parameter_in_its_contract() {
    check(&by_parameter("parameter.tenant_id", "t-1"), &[]);
    check(&by_parameter(" parameter.tenant_id ", " t-1\u{a0}"), &[]);
    check(
        &[("asset_search_value", TEXT, "AS-9")],
        &["003 asset_search_value: Asset id not found for filter asset.id with value AS-9 | Use the id of a \
           subscription of this file's contract and product."],
    );
    check(
        &by_parameter("parameter.tenant_id", "test B"),
        &[
            "002 asset_search_value: Asset id not found for filter parameter.tenant_id with value test B | Use the value \
           that this parameter has in a subscription of this file's contract and product.",
        ],
    );
    check(
        &by_parameter("parameter.nothing", "x"),
        &[
            "002 asset_search_value: Asset id not found for filter parameter.nothing with value x | No subscription has \
           this parameter. Known parameters: pool, tenant_id.",
        ],
    );
    check(
        &by_parameter("parameter.pool", "shared"),
        &[
            "004 asset_search_value: Multiple assets found for parameter pool with value shared | Use asset.id with one \
           of them: AS-1, AS-2.",
        ],
    );
}

#[test]
fn a_numeric_cell_finds_what_a_person_reads_in_it() {
    let world = World::new();
    for spelling in ["2002", "2002.0", "2.002E3"] {
        world.check(
            &[("asset_search_criteria", TEXT, "parameter.tenant_id"), ("asset_search_value", NUMBER, spelling)],
            &[],
        );
    }
    world.check_codes(&[("item_search_value", NUMBER, "1001.0"), ("quantity", NUMBER, "3")], &[]);
    // A text counts as it was typed.
    world.check_codes(&[("item_search_value", TEXT, "1001.0"), ("quantity", NUMBER, "3")], &[1]);
}

#[test]
fn other_subscription_criteria_are_refused() {
    let want = "103 asset_search_criteria: This subscription filter type is not allowed | Use asset.id or \
                parameter.{parameter id}. Known parameters: pool, tenant_id.";
    for criteria in ["asset.uid", "parameter.", "parameter", "tenant_id", "Asset.Id"] {
        check(&[("asset_search_criteria", TEXT, criteria)], &[want]);
    }
    check(
        &[("asset_search_criteria", TEXT, " "), ("asset_search_value", TEXT, "")],
        &[
            "102 asset_search_criteria: Column asset_search_criteria is blank | Fill in asset.id or \
             parameter.{parameter id}.",
            "102 asset_search_value: Column asset_search_value is blank | Fill in the subscription's id or the value \
             of its parameter.",
        ],
    );
}

#[test]
fn usage_is_reported_of_subscriptions_in_use() {
    check(
        &[("asset_search_value", TEXT, "AS-3")],
        &["112 asset_search_value: Subscription AS-3 is draft: its usage can not be reported | Report usage of a \
           subscription that is active, terminating, suspended or terminated."],
    );
    check(&[("asset_search_value", TEXT, "AS-2")], &[]);
    check(&[("asset_search_value", TEXT, "AS-4")], &[]);
}

#[test]
fn an_item_is_found_by_mpn_or_global_id_in_the_subscription() {
    check(&[("item_search_criteria", TEXT, "item.global_id"), ("item_search_value", TEXT, "PRD-1-0001")], &[]);
    check(
        &[("item_search_value", TEXT, "MPN-D")],
        &[
            "001 item_search_value: Resource ID not found for filter item.mpn with value MPN-D | Subscription AS-1 has: \
           CPU, SEATS, 1001, TWIN.",
        ],
    );
    // In the product, but the subscription doesn't include it.
    check(
        &[("item_search_criteria", TEXT, "item.global_id"), ("item_search_value", TEXT, "PRD-1-0003")],
        &["001 item_search_value: Resource ID not found for filter item.global_id with value PRD-1-0003 | \
           Subscription AS-1 has: PRD-1-0001, PRD-1-0002, PRD-1-0004, PRD-1-0006."],
    );
    check(
        &[("item_search_criteria", TEXT, "item.id")],
        &["010 item_search_criteria: This item filter type not allowed | Use item.mpn or item.global_id."],
    );
    // Two items have the MPN: the one of the subscription is meant.
    let batch = World::new().run(&[&[("item_search_value", TEXT, "TWIN"), ("quantity", TEXT, "1")]]);
    assert_eq!((batch.records[0].is_valid(), batch.items[0].named.id.as_str()), (true, "PRD-1-0006"));
}

#[test]
fn an_item_is_looked_for_in_the_product_where_the_subscription_is_unknown() {
    let unknown = ("asset_search_value", TEXT, "AS-0");
    let world = World::new();
    world.check_codes(&[unknown], &[3]);
    world.check_codes(&[unknown, ("item_search_value", TEXT, "DISK")], &[3]);
    world.check_codes(&[unknown, ("item_search_value", TEXT, "OTHER")], &[3, 1]);
    let errors = world.errors(&[unknown, ("item_search_value", TEXT, "OTHER")]);
    assert!(errors[1].ends_with("| Product PRD-1 has: CPU, SEATS, DISK, 1001, TWIN, …."), "{errors:?}");
    world.check_codes(&[unknown, ("quantity", TEXT, "1.555"), ("end_time_utc", TEXT, "x")], &[3, 14, 8]);
}

#[test]
fn an_item_needs_its_capability() {
    let mut world = World::new();
    world.capabilities = Capabilities::default();
    world.check(
        &[],
        &["114 item_search_value: The product may not report pay-as-you-go items | Switch on the capability \
           Pay-as-you-go of the product, or leave the record out."],
    );
    world.check(
        &[("item_search_value", TEXT, "SEATS"), ("quantity", TEXT, "1")],
        &["114 item_search_value: The product may not report reservation items | Switch on the capability Consumption \
           reporting for Reservation Items of the product, or leave the record out."],
    );
}

#[test]
fn a_dynamic_row_needs_the_capability() {
    let dynamic = [("item_search_criteria", TEXT, " "), ("item_search_value", TEXT, ""), ("item_name", TEXT, "New")];
    let mut world = World::new();
    world.check(
        &dynamic,
        &["114 item_search_criteria: The product may not report dynamic items | Fill in item_search_criteria and \
           item_search_value, or switch on the capability Dynamic Items of the product."],
    );
    world.check(
        &[("item_search_value", TEXT, "")],
        &["102 item_search_value: Column item_search_value is blank | Fill in the item's MPN or its global id."],
    );
    world.capabilities.dynamic = true;
    let fix = "Fill in item_name, item_mpn, item_unit and item_precision, or item_search_criteria and \
               item_search_value.";
    world.check(&dynamic, &[&format!("120 item_mpn: Dynamic item lacks item_mpn, item_unit, item_precision | {fix}")]);
    let world = world.without_columns(&["item_search_criteria"]);
    world.check_codes(&[], &[101]);
    let world = world.without_columns(&["item_search_value"]);
    world.check_codes(&[], &[120]);
    world.check_codes(&BROUGHT, &[]);
}

#[test]
fn a_subscription_with_many_items_has_them_all() {
    let mut world = World::new();
    let mut large = subscription("AS-1", "CRD-1", SubscriptionStatus::Active, &[("pool", "own"), ("pool", "own")]);
    for number in 1000..1100 {
        let own = format!("PRD-1-{number}");
        world.catalog.record(item(&own, &format!("M-{number}"), ItemKind::Reservation, 0));
        large.items.push(SubscriptionItem { item: id(&own), quantity: Some(decimal("5")) });
    }
    world.catalog.record(CatalogObject::Subscription(large));
    world.check_codes(&[("item_search_value", TEXT, "M-1099"), ("quantity", TEXT, "5")], &[]);
    world.check_codes(&[("item_search_value", TEXT, "M-1099"), ("quantity", TEXT, "6")], &[13]);
    world.check_codes(&[("item_search_value", TEXT, "DISK")], &[1]);
    // Its own value twice doesn't make two of it.
    world.check_codes(&by_parameter("parameter.pool", "own"), &[]);
}
