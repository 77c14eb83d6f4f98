//! Sums over valid records.

use ledger::Code;

use super::super::Summary;
use super::*;

#[test]
fn valid_records_are_summed_by_subscription_item_and_tier() {
    let mut world = World::new();
    world.schema = Schema::Tr;
    let row = |sub: &'static str, tier: &'static str, amount: &'static str| {
        vec![("asset_search_value", TEXT, sub), ("tier", TEXT, tier), ("amount", TEXT, amount)]
    };
    let rows = [
        row("AS-2", "0", "60"),
        row("AS-1", "1", "50"),
        row("AS-1", "0", "0.1"),
        row("AS-1", "0", "0.2"),
        row("AS-0", "0", "9"),
    ];
    let rows: Vec<&[Cell<'_>]> = rows.iter().map(Vec::as_slice).collect();
    let mut summary = Summary::new(Schema::Tr, "USD", false);
    let mut checker = world.checker();
    // Two batches number the same subscriptions differently.
    summary.add(&checker.check_batch(&world.batch(&rows[..2])));
    summary.add(&checker.check_batch(&world.batch(&rows[2..])));
    let sums = summary.finish();
    let line = |line: &ledger::fact::SummaryLine| {
        format!("{} {:?} {} {} {}", line.subscription, line.tier, line.records, line.quantity, line.amount)
    };
    let lines: Vec<String> = sums.lines.iter().map(line).collect();
    assert_eq!(lines, ["AS-1 Some(0) 2 3 0.3", "AS-1 Some(1) 1 1.5 50", "AS-2 Some(0) 1 1.5 60"]);
    let totals: Vec<String> =
        sums.totals.iter().map(|it| format!("{} {:?} {} {}", it.currency, it.tier, it.records, it.amount)).collect();
    assert_eq!(totals, ["USD Some(0) 3 60.3", "USD Some(1) 1 50"]);
    assert_eq!((sums.valid, sums.invalid), (4, 1));
    assert_eq!(sums.codes, [(Code::SubscriptionNotFoundById, 1)]);
}

#[test]
fn qt_has_one_total_without_a_currency() {
    let world = World::new();
    let mut summary = Summary::new(Schema::Qt, "USD", false);
    let none = Summary::new(Schema::Qt, "", false).finish();
    assert_eq!((none.totals.len(), none.totals[0].records), (1, 0));
    summary.add(&world.run(&[&[("amount", TEXT, "9")], &[("quantity", TEXT, "-1.5")]]));
    let sums = summary.finish();
    let total = &sums.totals[0];
    assert_eq!((sums.totals.len(), total.currency.as_str(), total.records), (1, "", 2));
    assert_eq!((total.quantity, total.amount), (Decimal::ZERO, Decimal::ZERO));
}
