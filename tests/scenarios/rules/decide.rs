//! Sets of rules by reports, as a table; and what may happen between a submission and its ruling.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::http::Body;
use super::super::world::{CONTRACT, Distributor, Vendor, World};
use super::{REPORTS, RULES, disable, enable, is_ruled, ready, rule, ruled, status_of, sums, words, world};

/// Enough records that their rules take a moment.
const MANY: u32 = 9_000;

/// A set of rules, and what it comes to about each report: action, number of the rule that decides, and words of the
/// reason.
type Case = (&'static [&'static str], [&'static str; 3]);

const CASES: [Case; 17] = [
    (&["accept file "], ["accept 1 accepts files."; 3]),
    (&["reject file ", "accept file "], ["reject 1 rejects files."; 3]),
    (&["manual file ", "accept file "], ["manual 1 leaves files to a person."; 3]),
    (
        &["accept file lt(totals.amount,100)", "reject file gt(totals.amount,1000)"],
        ["accept 1 lt(totals.amount,100)", "manual - No usage rule is about this file.", "reject 2 gt(totals.amount,"],
    ),
    (&["accept file totals.records=2&currency=USD"], ["accept 1 ", "accept 1 ", "manual - No usage rule"]),
    (&["reject file not(schema=tr)", "accept file schema=tr&predictive=false"], ["accept 2 schema=tr"; 3]),
    (&["accept file:PRD-404-832-779-0001 "], ["accept 1 of item PRD-4", "manual - No usage rule", "manual - No usage"]),
    (&["accept file product.id=PRD-404-832-779"], ["accept 1 product.id"; 3]),
    (&["accept record "], ["accept 1 2 records", "accept 1 3 records", "accept 1 2 records"]),
    (
        &["reject record lt(amount,0)", "accept record "],
        ["accept 2 2 records, the first in row 2", "reject 1 the first is in row 4", "accept 2 2 records"],
    ),
    (
        &["manual record gt(usage,10)", "accept record "],
        ["accept 2 accepts records", "accept 2 accepts records", "manual 1 leaves records that match gt(usage,10)"],
    ),
    (
        &["accept record:PRD-404-832-779-0001 "],
        [
            "accept 1 of item PRD",
            "manual - No usage rule fits 1 record, row 3",
            "manual - fits 2 records, the first in",
        ],
    ),
    (
        &["accept record item.mpn=AP-CPU", "accept record params.Region=US&tier=1"],
        ["accept 1 2 records", "accept - params.Region=US", "manual - No usage rule fits 1 record, row 2"],
    ),
    // The first rule that fits a record decides about it.
    (
        &["accept record params.Region=US", "reject record tier=1", "accept record "],
        ["accept 3 ", "accept - ", "accept 1 "],
    ),
    // Rules about files come first, wherever they stand.
    (
        &["reject record ", "accept file gt(stats.validated,2)"],
        ["reject 1 row 2", "accept 2 gt(stats", "reject 1 row 2"],
    ),
    (
        &["reject record in(item.mpn,(AP-DISK))&ge(start_date,2026-10-01)"],
        ["manual - No usage rule fits 2 records", "reject 1 the first is in row 3", "reject 1 the first is in row 2"],
    ),
    (
        &["reject record start_date=null()", "accept record asset.id=AS-8919-8653-9735"],
        ["accept 2 2 rec", "accept 2 3 rec", "accept 2 "],
    ),
];

/// What each report comes to.
const SUMS: [&[&str]; 3] = [
    &["\"USD\" 0: 2 7 14.5"],
    &["\"USD\" 0: 2 6 8.5", "\"USD\" 1: 1 3.25 100"],
    &["\"USD\" 0: 1 50 900", "\"USD\" 1: 1 70 1200.25"],
];

#[test]
fn the_first_rule_that_fits_decides_and_the_file_says_why() {
    let world = world();
    for (number, (texts, expected)) in CASES.iter().enumerate() {
        let rules = enable(&world, &texts.iter().map(|text| rule(text)).collect::<Vec<_>>());
        for (place, ((name, records), expected)) in REPORTS.iter().zip(expected).enumerate() {
            let file = ready(&world, &format!("{name}-{number}"), records);
            let shown = ruled(&world, &file);
            let about = format!("{texts:?} {name}: {shown:#}");
            let [action, decides, reason] = words(expected);
            assert_eq!(
                (&shown["status"], &shown["ruling"]["action"]),
                (&json!(status_of(action)), &json!(action)),
                "{about}"
            );
            let rule = decides.parse::<usize>().ok().map(|decides| rules[decides - 1].as_str());
            assert_eq!(shown["ruling"]["rule"]["id"].as_str(), rule, "{about}");
            assert!(shown["ruling"]["reason"].as_str().is_some_and(|text| text.contains(reason)), "{about}");
            decided_by(&shown, action, rule);
            let stage = if action == "reject" { "validated" } else { status_of(action) };
            assert_eq!(sums([&shown["totals"][stage]]), SUMS[place], "{about}");
        }
        disable(&world, &rules);
    }
}

/// Who decided, where something was.
fn decided_by(shown: &Value, action: &str, rule: Option<&str>) {
    let name = rule.map_or_else(|| "Usage rules".to_owned(), |rule| format!("Usage rule {rule}"));
    let (stamp, note) = match action {
        "accept" => ("accepted", "acceptance_note"),
        "reject" => ("rejected", "rejection_note"),
        _ => return,
    };
    assert_eq!((&shown["events"][stamp]["by"], &shown[note]), (&json!({ "name": name }), &json!(name)), "{shown:#}");
}

#[test]
fn gravity_and_deletion_decide_which_rule_is_asked_first() {
    let world = world();
    let (_, records) = REPORTS[0];
    let rules = enable(&world, &["reject file ", "accept file ", "manual file "].map(rule));
    let put = |rule: &str, body: Value| world.send(Distributor, "PUT", &format!("{RULES}/{rule}"), Body::Json(&body));
    let asked = |prefix: &str| ruled(&world, &ready(&world, prefix, records))["ruling"]["rule"]["id"].clone();
    assert_eq!(asked("first"), json!(rules[0]));
    put(&rules[1], json!({ "gravity": { "after": null } })).expect(200);
    assert_eq!(asked("moved"), json!(rules[1]));
    disable(&world, &rules[1..2]);
    assert_eq!(asked("deleted"), json!(rules[0]));
    put(&rules[0], json!({ "gravity": { "after": rules[2] } })).expect(200);
    assert_eq!(asked("after"), json!(rules[2]));
    put(&rules[2], json!({ "rule": "eq(currency,EUR)" })).expect(200);
    assert_eq!(asked("changed"), json!(rules[0]));
    let shown = put(&rules[2], json!({ "rule": null })).expect(200);
    assert_eq!((&shown["rule"], &shown["action"]), (&Value::Null, &json!("manual")));
    assert_eq!(asked("emptied"), json!(rules[2]));
}

#[test]
fn a_rule_that_is_changed_after_the_submission_decides_as_it_was() {
    let world = world();
    let (_, records) = REPORTS[0];
    let rules = enable(&world, &[rule("accept record lt(usage,10)")]);
    let file = ready(&world, "before", records);
    world.act(Vendor, &file, "submit").expect(201);
    let path = format!("{RULES}/{}", rules[0]);
    world.send(Distributor, "PUT", &path, Body::Json(&json!({ "action": "reject", "rule": "" }))).expect(200);
    world.reach(&file, "accepted");
    let after = ready(&world, "after", records);
    assert_eq!(ruled(&world, &after)["status"], "rejected");
}

#[test]
fn a_ruling_that_a_restart_interrupts_comes_all_the_same() {
    let mut world = World::new();
    let rules = enable(&world, &[rule("reject record gt(usage,1000)"), rule("accept record ")]);
    let file = world.ready(CONTRACT, "interrupted", MANY);
    world.act(Vendor, &file, "submit").expect(201);
    world.restart();
    let shown = world.wait(Vendor, &format!("usage/files/{file}"), is_ruled);
    assert_eq!((&shown["status"], &shown["ruling"]["rule"]["id"]), (&json!("accepted"), &json!(rules[1])));
    let reason = format!("Usage rule {} accepts records: {MANY} records, the first in row 2.", rules[1]);
    assert_eq!(shown["ruling"]["reason"], json!(reason));
}

#[test]
fn a_hundred_rules_are_asked_in_their_order() {
    let world = world();
    let mut set: Vec<Value> = (0..99).map(|number| rule(&format!("reject record usage={}", number + 1_000))).collect();
    set.push(rule("accept record "));
    let rules = enable(&world, &set);
    let refused = world.post(Distributor, RULES, &set[0]);
    assert_eq!(refused.refusal(), (400, "VAL_001".to_owned()));
    let (name, records) = REPORTS[1];
    let shown = ruled(&world, &ready(&world, name, records));
    assert_eq!((&shown["status"], &shown["ruling"]["rule"]["id"]), (&json!("accepted"), &json!(rules[99])));
}

#[test]
#[ignore = "a figure: docs/performance.md has its command"]
fn measure_a_ruling_over_many_records() {
    let world = World::new();
    enable(&world, &[rule("reject record gt(usage,1000)"), rule("accept record like(item.mpn,AP-*)")]);
    let file = world.ready(CONTRACT, "measured", 100_000);
    let since = Instant::now();
    let shown = ruled(&world, &file);
    println!("{:?}: {}", since.elapsed(), shown["ruling"]["reason"]);
    assert_eq!(shown["status"], "accepted");
}
