//! Quantities, amounts and tiers.

use super::*;

const QUANTITY: &str = "quantity";

#[test]
fn a_quantity_is_read_as_it_was_written() {
    let world = World::new();
    for (kind, text, want) in [
        (TEXT, "7.0", "7"),
        (TEXT, "4.0000", "4"),
        (TEXT, " 2.5 ", "2.5"),
        (TEXT, "-3", "-3"),
        (NUMBER, "92.65", "92.65"),
        (NUMBER, "92.65000000000001", "92.65"),
        (NUMBER, "1E+2", "100"),
    ] {
        let record = world.one(&[(QUANTITY, kind, text)]);
        assert_eq!((record.is_valid(), record.quantity), (true, Some(decimal(want))), "{text} {record:?}");
    }
    let noted = world.one(&[(QUANTITY, NUMBER, "0.30000000000000004")]);
    assert_eq!(noted.notes, ["Quantity 0.30000000000000004 was read as 0.3"]);
}

#[test]
fn a_quantity_must_be_a_number() {
    let want = "006 quantity: Usage value is not a float value | Write a plain number such as 12.5: no unit, no \
                thousands separator, a point before the decimals.";
    for (kind, text) in [
        (TEXT, "1,234.5"),
        (TEXT, "12 GB"),
        (TEXT, "NaN"),
        (TEXT, "inf"),
        (CellKind::Bool, "TRUE"),
        (CellKind::Error, "#DIV/0!"),
        (CellKind::Date, "2026-05-01 00:00:00"),
    ] {
        check(&[(QUANTITY, kind, text)], &[want]);
    }
    check(&[(QUANTITY, TEXT, "")], &["102 quantity: Column quantity is blank | Fill in a number such as 12.5."]);
    check(
        &[(QUANTITY, CellKind::Formula, "")],
        &["110 quantity: Formula in column quantity has no computed value | Open the workbook in a spreadsheet \
           program, let it calculate and save it, or write the value itself."],
    );
}

#[test]
fn a_quantity_keeps_the_items_precision() {
    let message = "Usage quantity reported doesn't match with the data type of the item";
    let fits = |text: &str, nearest: &str| {
        let want = format!(
            "014 quantity: {message} | The item's precision is decimal(2): the nearest accepted value is {nearest}."
        );
        check(&[(QUANTITY, TEXT, text)], &[&want]);
    };
    fits("1.555", "1.56");
    fits("-1.555", "-1.56");
    fits("0.001", "0");
    let integer = [("item_search_value", TEXT, "1001"), (QUANTITY, TEXT, "7.5")];
    let want = format!("014 quantity: {message} | The item's precision is integer: the nearest accepted value is 8.");
    check(&integer, &[&want]);
    check(&[integer[0], (QUANTITY, TEXT, "7.0")], &[]);
    check(
        &[(QUANTITY, TEXT, "0.1234567890125")],
        &["108 quantity: Quantity has more than 12 decimals | The nearest accepted value is 0.12."],
    );
}

#[test]
fn a_quantity_has_a_range() {
    let want = "109 quantity: Quantity is out of range | Use a number from -10000000000000000 to 10000000000000000.";
    check(&[(QUANTITY, TEXT, "10000000000000001")], &[want]);
    check(&[(QUANTITY, NUMBER, "1E300")], &[want]);
    check(&[(QUANTITY, TEXT, "-10000000000000000")], &[]);
    let seats = ("item_search_value", TEXT, "SEATS");
    check(&[seats, (QUANTITY, TEXT, "10")], &[]);
    check(
        &[seats, (QUANTITY, TEXT, "11")],
        &["013 quantity: Usage quantity reported in usage file is greater than allowed usage | 10 were purchased: \
           report at most that."],
    );
    check(
        &[seats, (QUANTITY, TEXT, "-1")],
        &["109 quantity: Quantity of a reservation item is negative | Report how many were used: 0 or more."],
    );
}

#[test]
fn qt_leaves_amount_and_tier_unread() {
    let record = World::new().one(&[("amount", TEXT, "abc"), ("tier", CellKind::Error, "#REF!")]);
    assert_eq!((record.is_valid(), record.amount, record.tier, record.notes.len()), (true, None, None, 0));
}

#[test]
fn rated_schemas_need_an_amount() {
    let mut world = World::new();
    world.schema = Schema::Pr;
    world.check(&[], &["104 amount: Amount is missing | Fill in the amount without tax, such as 12.5."]);
    world.check(
        &[("amount", TEXT, "$5")],
        &["104 amount: Amount is not a number | Write a plain number such as 12.5: no currency, no thousands \
           separator, a point before the decimals."],
    );
    world.check_codes(&[("amount", CellKind::Error, "#N/A")], &[104]);
    world.check_codes(&[("amount", CellKind::Formula, "")], &[110]);
    world.check_codes(&[("amount", TEXT, "1e17")], &[109]);
    world.check(
        &[("amount", TEXT, "0.1234567890125")],
        &["108 amount: Amount has more than 12 decimals | The nearest accepted value is 0.123456789013."],
    );
    let record = world.one(&[("amount", NUMBER, "-19.989999999999998"), ("tier", TEXT, "1")]);
    assert_eq!((record.amount, record.tier), (Some(decimal("-19.99")), None));
    assert_eq!(record.warnings, [crate::rules::sentences::tier_ignored(Schema::Pr, Some(7))]);
}

#[test]
fn tr_needs_a_tier() {
    let mut world = World::new();
    world.schema = Schema::Tr;
    let amount = ("amount", TEXT, "5");
    let want = "105 tier: Tier is not 0, 1 or 2 | Use 0 for the customer's price, 1 for the reseller's or 2 for the \
                distributor's.";
    for tier in ["", "3", "-1", "1.5", "customer"] {
        world.check(&[amount, ("tier", TEXT, tier)], &[want]);
    }
    for (kind, tier, want) in [(TEXT, "0", 0), (NUMBER, "1.0", 1), (TEXT, "2", 2)] {
        let record = world.one(&[amount, ("tier", kind, tier)]);
        assert_eq!((record.is_valid(), record.tier), (true, Some(want)));
    }
}
