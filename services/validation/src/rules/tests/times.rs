//! Start and end of usage.

use super::*;

const START: &str = "start_time_utc";
const END: &str = "end_time_utc";

#[test]
fn times_come_in_the_accepted_formats() {
    for (kind, text) in [
        (TEXT, "2026-05-01 07:21:39"),
        (TEXT, "5/1/2026 2:59:00"),
        (TEXT, "2026-05-01"),
        (CellKind::Date, "2026-05-01 00:00:00"),
    ] {
        check(&[(START, kind, text)], &[]);
    }
    let formats = "YYYY-MM-DD hh:mm:ss or MM/DD/YYYY hh:mm:ss, in UTC.";
    let start = format!("007 start_time_utc: Usage start time is not valid | Use {formats}");
    let end = format!("008 end_time_utc: Usage end time is not valid | Use {formats}");
    check(&[(START, TEXT, "yesterday"), (END, TEXT, "31/12/2026 00:00:00")], &[&start, &end]);
    let number = format!(
        "008 end_time_utc: Usage end time is not valid | The cell holds a number: give it a date format or use {formats}"
    );
    check(&[(END, NUMBER, "46143.5")], &[&number]);
    World::new().check_codes(&[(START, CellKind::Bool, "TRUE"), (END, TEXT, "")], &[7, 102]);
    check(
        &[(START, CellKind::Error, "#NAME?")],
        &["110 start_time_utc: Cell in column start_time_utc holds an error: #NAME? | Correct the cell or write its \
           value as text."],
    );
}

#[test]
fn a_window_has_its_start_first() {
    check(
        &[(START, TEXT, "2026-05-02 00:00:01")],
        &["012 start_time_utc: Usage start time value greater than end time value | Let start_time_utc be no later \
           than end_time_utc."],
    );
    check(&[(START, TEXT, "2026-05-02 00:00:00")], &[]);
}

#[test]
fn usage_lies_in_the_past_unless_the_product_charges_ahead() {
    let mut world = World::new();
    let future = [(START, TEXT, "2026-06-01 12:00:01"), (END, TEXT, "2026-07-01")];
    let fix = "Use a time no later than 2026-06-01 12:00:00, or switch on the capability Future Charges of the \
               product.";
    world.check(
        &future,
        &[
            &format!("011 start_time_utc: Usage start time is in the future | {fix}"),
            &format!("011 end_time_utc: Usage end time is in the future | {fix}"),
        ],
    );
    world.check(&[(END, TEXT, "2026-06-01 12:00:00")], &[]);
    world.capabilities.future = true;
    world.check(&future, &[]);
}

#[test]
fn no_usage_comes_after_the_end_of_its_subscription() {
    let ended = ("asset_search_value", TEXT, "AS-4");
    let want = "Usage lies after the end of subscription AS-4 | Use times no later than 2026-05-10 00:00:00, when the \
                subscription ended.";
    check(&[ended, (END, TEXT, "2026-05-10")], &[]);
    check(&[ended, (END, TEXT, "2026-05-10 00:00:01")], &[&format!("113 end_time_utc: {want}")]);
    let world = World::new();
    world.check_codes(&[ended, (START, TEXT, "2026-05-11"), (END, TEXT, "x")], &[8, 113]);
}
