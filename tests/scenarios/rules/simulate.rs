//! What rules would have done: simulated on submissions, then enabled, and the same workbooks submitted again.

use serde_json::{Value, json};

use super::super::http::{Answer, Body};
use super::super::world::{Distributor, Operator, OtherDistributor, Party, Vendor, World};
use super::{REPORTS, disable, enable, ready, rule, ruled, status_of, sums, world};

const SIMULATE: &str = "products/PRD-404-832-779/usage/rules/simulate";
const OUTCOMES: [(&str, &str); 3] = [("accept", "accepted"), ("reject", "rejected"), ("manual", "left")];

fn simulated(world: &World, party: Party, body: &Value) -> Answer {
    world.ours(party, "POST", SIMULATE, Body::Json(body))
}

/// A simulation while nothing else is under way.
fn without_trace(world: &World, party: Party, body: &Value) -> Answer {
    let before = world.digests();
    let answer = simulated(world, party, body);
    assert_eq!(world.digests(), before, "a simulation leaves no trace");
    answer
}

/// The reports, submitted while no rule is there: one is accepted by a person, one sent back, one waits.
fn submissions(world: &World) -> Vec<Value> {
    let submit = |(name, records): &(&str, &[&str])| {
        let file = ready(world, name, records);
        world.submit(&file);
        match *name {
            "small" => drop(world.act(Distributor, &file, "reject").expect(201)),
            "mixed" => {
                world.act(Distributor, &file, "accept").expect(201);
                world.chunks(Distributor, &file);
            }
            _ => {}
        }
        world.get(Vendor, &format!("usage/files/{file}")).expect(200)
    };
    REPORTS.iter().map(submit).collect()
}

/// The period from one submission to another.
fn period(first: &Value, last: &Value) -> Value {
    let at = |file: &Value| file["events"]["submitted"]["at"].clone();
    json!({ "from": at(first), "to": at(last) })
}

/// What a simulation says of a file, or what became of one, with rules named by their places.
fn outcome(shown: &Value, names: &[String]) -> (Value, Option<usize>, String) {
    let place = |id: &str| names.iter().position(|name| name == id);
    let rule = shown["rule"]["id"].as_str().or(shown["rule"].as_str());
    let mut reason = shown["reason"].as_str().expect("a reason").to_owned();
    for (place, name) in names.iter().enumerate() {
        reason = reason.replace(&format!("rule {name} "), &format!("rule #{place} "));
    }
    let action = if shown["outcome"].is_string() { &shown["outcome"] } else { &shown["action"] };
    (action.clone(), rule.and_then(place), reason)
}

#[test]
fn what_is_simulated_is_what_happens_once_the_rules_are_enabled() {
    let world = world();
    let before = submissions(&world);
    let past = period(&before[0], &before[2]);
    for (number, texts) in [
        &["accept file lt(totals.amount,100)", "reject file gt(totals.amount,1000)"][..],
        &["reject record lt(amount,0)", "manual record tier=1&gt(amount,1000)", "accept record "],
        &["accept record item.mpn=AP-CPU", "accept record params.Region=US"],
        &["accept file status=pending&note=empty()"],
        &["accept file status=accepted", "reject file ge(submitted.at,2100-01-01)"],
        &[],
    ]
    .iter()
    .enumerate()
    {
        let set: Vec<Value> = texts.iter().map(|text| rule(text)).collect();
        let told = simulated(&world, Distributor, &json!({ "rules": set, "period": past })).expect(200);
        let numbers: Vec<String> = (1..=set.len()).map(|place| place.to_string()).collect();
        let ids = enable(&world, &set);
        // The set that is active by now is the one that is tried when none is given.
        let active = simulated(&world, Distributor, &json!({ "period": past })).expect(200);
        let again = REPORTS.iter().map(|(name, records)| {
            let file = ready(&world, &format!("{name}-{number}"), records);
            if set.is_empty() { world.submit(&file) } else { ruled(&world, &file) }
        });
        let again: Vec<Value> = again.collect();
        for (place, shown) in again.iter().enumerate() {
            let (tried, active) = (&told["files"][place], &active["files"][place]);
            let expected = outcome(tried, &numbers);
            assert_eq!(outcome(active, &ids), expected, "{texts:?}");
            assert_eq!((&tried["file"]["id"], &tried["status"]), (&before[place]["id"], &before[place]["status"]));
            let action = expected.0.as_str().expect("an outcome");
            assert_eq!(shown["status"], status_of(action), "{texts:?}: {tried:#}");
            if !set.is_empty() {
                assert_eq!(outcome(&shown["ruling"], &ids), expected, "{texts:?}");
            }
        }
        compare(&told, &again);
        disable(&world, &ids);
    }
}

/// The counts and totals of a simulation, and those of what happened.
fn compare(told: &Value, happened: &[Value]) {
    assert_eq!((&told["submissions"], &told["stopped"]), (&json!(happened.len()), &Value::Null));
    for (action, share) in OUTCOMES {
        let files: Vec<&Value> = happened.iter().filter(|file| file["status"] == status_of(action)).collect();
        let records: u64 = files.iter().filter_map(|file| file["stats"]["validated"].as_u64()).sum();
        let share = &told[share];
        assert_eq!((&share["files"], &share["records"]), (&json!(files.len()), &json!(records)), "{told:#}");
        let totals = sums(files.iter().map(|file| &file["totals"]["validated"]));
        assert_eq!(sums([&share["totals"]]), totals, "{told:#}");
    }
}

#[test]
fn a_period_chooses_submissions_by_when_they_were_submitted() {
    let world = world();
    let files = submissions(&world);
    let everything = json!({ "from": "2026-01-01", "to": "2026-12-31" });
    for (period, expected) in [
        (Value::Null, &files[..]),
        (everything, &files[..]),
        (period(&files[0], &files[0]), &files[..1]),
        (period(&files[1], &files[2]), &files[1..]),
        (json!({ "from": "2025-01-01", "to": "2025-12-31" }), &files[..0]),
    ] {
        let told = without_trace(&world, Distributor, &json!({ "period": period })).expect(200);
        let tried: Vec<&Value> = told["files"].as_array().expect("a list").iter().map(|it| &it["file"]["id"]).collect();
        assert_eq!(tried, expected.iter().map(|file| &file["id"]).collect::<Vec<_>>(), "{period}");
    }
    // A file that comes again counts by its latest submission.
    let again = files[0]["id"].as_str().expect("an id");
    world.upload(again, &world.path("small.csv")).expect(201);
    world.checked(again);
    let ids = |told: Value| told["files"].as_array().map(|files| files.len());
    assert_eq!(simulated(&world, Distributor, &json!({})).expect(200)["submissions"], 2);
    world.submit(again);
    let told = simulated(&world, Distributor, &json!({})).expect(200);
    assert_eq!((&told["files"][2]["file"]["id"], ids(told.clone())), (&files[0]["id"], Some(3)));
}

#[test]
fn a_simulation_is_the_providers_own_and_refuses_what_a_rule_can_not_be() {
    let world = world();
    submissions(&world);
    for (party, body, expected) in [
        (Vendor, json!({}), "AUTH_003 You do not have permission"),
        (Operator, json!({}), "VAL_001 account_id: Name a provider"),
        (Distributor, json!({ "rules": {} }), "VAL_001 rules: Expected a list"),
        (Distributor, json!({ "rules": [{ "scope": "file" }] }), "VAL_001 rules.0.action: This field is required."),
        (
            Distributor,
            json!({ "rules": [rule("accept file "), rule("accept file eq(tier,1)")] }),
            "VAL_001 rules.1.rule: RQL Parsing error. Unknown name: tier. Position: 3.",
        ),
        (
            Distributor,
            json!({ "rules": [rule("accept file:PRD-1 ")] }),
            "VAL_001 rules.0.item.id: Item PRD-1 is none of",
        ),
        (
            Distributor,
            json!({ "rules": vec![rule("accept file "); 101] }),
            "VAL_001 rules: A product may have at most 100",
        ),
        (Distributor, json!({ "period": { "from": "soon", "to": "2026-10-31" } }), "VAL_001 period.from: "),
    ] {
        let answer = without_trace(&world, party, &body);
        let error = answer.json();
        let text = format!("{} {}", error["error_code"].as_str().unwrap(), error["errors"][0].as_str().unwrap());
        assert!(text.starts_with(expected), "{party:?} {body}: {text}");
    }
    let account = json!({ "account_id": "PA-000-003" });
    for (party, body, files) in [(OtherDistributor, json!({}), 0), (Operator, account, 3), (Distributor, json!({}), 3)]
    {
        assert_eq!(simulated(&world, party, &body).expect(200)["submissions"], files, "{party:?}");
    }
}
