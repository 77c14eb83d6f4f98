//! Usage rules and what they do, as each side sees it.

use axum::body::Body;
use ledger::catalog::Environment;
use ledger::rule::{RulePlace, RuleRecorded, RuleScope, Ruling};
use ledger::{Fact, RuleAction, Subject};
use serde_json::{Value, json};

use super::objects::{checked, made};
use super::world::{OPERATOR, PROVIDER, STRANGER, VENDOR, World, id};

const RULES: &str = "products/PRD-1/usage/rules";

async fn record(world: &mut World, rule: &str, action: RuleAction, place: RulePlace) {
    let recorded = RuleRecorded::plain(id("PRD-1"), id("PA-1"), action, place);
    world.say_of(Subject::Object(id(rule)), "SU-2", Fact::RuleRecorded(Box::new(recorded))).await;
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn rules_are_listed_in_the_order_in_which_they_are_asked() {
    let mut world = World::new();
    let (first, second) = ("UGR-000-000-001", "UGR-000-000-002");
    record(&mut world, first, RuleAction::Reject, RulePlace::Kept).await;
    record(&mut world, second, RuleAction::Accept, RulePlace::First).await;
    let got = world.get(PROVIDER, RULES).await;
    assert_eq!((ids(&got.json()), got.header("content-range")), (vec![second, first], "items 0-1/2"));
    world.say_of(Subject::Object(id(second)), "SU-2", Fact::RuleDeleted).await;
    let active = world.get(PROVIDER, &format!("{RULES}/?status=active")).await.json();
    let stamp = json!({"at": "2026-11-22T00:00:01.000000+00:00", "by": {"id": "SU-2", "name": "SU-2 name"}});
    let want =
        json!([{"id": first, "action": "reject", "scope": "file", "status": "active", "events": {"created": stamp}}]);
    assert_eq!(active, want);
    // It is kept, and shown as deleted.
    let deleted = world.get(OPERATOR, &format!("{RULES}/{second}")).await.json();
    assert_eq!((&deleted["action"], &deleted["status"]), (&json!("accept"), &json!("deleted")));
}

#[tokio::test]
async fn a_rule_shows_its_condition_and_its_item() {
    let mut world = World::new();
    let rule = |item: &str| RuleRecorded {
        scope: RuleScope::Record,
        expression: "gt(usage,5)".to_owned(),
        item: Some(id(item)),
        ..RuleRecorded::plain(id("PRD-1"), id("PA-1"), RuleAction::Manual, RulePlace::Kept)
    };
    for (number, item) in [(1, "PRD-1-0001"), (2, "PRD-1-0009")] {
        let subject = Subject::Object(id(&format!("UGR-000-000-00{number}")));
        world.say_of(subject, "SU-2", Fact::RuleRecorded(Box::new(rule(item)))).await;
    }
    let list = world.get(PROVIDER, RULES).await.json();
    let shown = |rule: &Value| json!([rule["scope"], rule["rule"], rule["item"]]);
    let item = json!({"id": "PRD-1-0001", "name": "PRD-1-0001 name"});
    assert_eq!(shown(&list[0]), json!(["record", "gt(usage,5)", item]));
    assert_eq!(shown(&list[1]), json!(["record", "gt(usage,5)", {"id": "PRD-1-0009"}]));
    for (query, found) in [
        ("item.id=PRD-1-0001", "UGR-000-000-001"),
        ("like(item.name,PRD-1*)&scope=record", "UGR-000-000-001"),
        ("ordering(-item.id)&limit=1", "UGR-000-000-002"),
        ("like(rule,*usage*)&item.id=PRD-1-0009", "UGR-000-000-002"),
        ("search=0009", "UGR-000-000-002"),
    ] {
        assert_eq!(ids(&world.get(PROVIDER, &format!("{RULES}?{query}")).await.json()), [found], "{query}");
    }
}

#[tokio::test]
async fn rules_are_for_providers_of_the_product() {
    let mut world = World::new();
    record(&mut world, "UGR-000-000-001", RuleAction::Accept, RulePlace::Kept).await;
    let one = format!("{RULES}/UGR-000-000-001");
    for (key, path, status) in [
        (PROVIDER, RULES, 200),
        (PROVIDER, &one, 200),
        (OPERATOR, RULES, 200),
        (VENDOR, RULES, 403),
        (VENDOR, &one, 403),
        (STRANGER, RULES, 403),
        (PROVIDER, "products/PRD-9/usage/rules", 404),
        (PROVIDER, "products/PRD-1/usage/rules/UGR-000-000-009", 404),
    ] {
        assert_eq!(world.get(key, path).await.status, status, "{key} {path}");
    }
    for (method, path) in [("POST", RULES), ("PUT", &one), ("DELETE", &one)] {
        let got = world.send(method, VENDOR, path, Body::from("{\"action\":\"accept\"}")).await;
        assert_eq!(got.error().1, "AUTH_003", "{method}");
        // Nobody decides in these tests; the request itself is right.
        let got = world.send(method, PROVIDER, path, Body::from("{\"action\":\"accept\"}")).await;
        assert_eq!(got.error().1, "SYS_001", "{method}");
    }
    for (body, text) in [
        ("{\"action\":\"dance\"}", "action: \"dance\" is not one of accept, reject and manual."),
        ("{\"action\":\"accept\",\"scope\":\"all\"}", "scope: \"all\" is not one of record and file."),
        ("{\"status\":\"deleted\"}", "status: \"deleted\" can not be set: a rule is active until it is deleted"),
        ("{\"gravity\":{}}", "gravity.after: This field is required: the id of a rule, or null."),
        ("{\"gravity\":{\"after\":7}}", "gravity.after: This is no id of a rule."),
        ("{\"item\":{\"id\":\"a b\"}}", "item.id: \"a b\" is no valid id."),
        ("{\"item_id\":7}", "item_id.id: This field is required."),
        ("{\"rule\":[]}", "rule: Not a valid string."),
    ] {
        let error = world.post(PROVIDER, RULES, body).await.error();
        assert_eq!((error.0, error.1.as_str(), error.2.starts_with(text)), (400, "VAL_001", true), "{}", error.2);
    }
}

#[tokio::test]
async fn a_file_that_a_rule_decided_names_it_without_an_account() {
    let mut world = World::new();
    record(&mut world, "UGR-000-000-001", RuleAction::Accept, RulePlace::Kept).await;
    let uf = made(&mut world, Environment::Production).await;
    checked(&mut world, uf).await;
    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    let note = "Usage rule UGR-000-000-001".to_owned();
    let reason = "Because.".to_owned();
    let ruling = Ruling { rule: Some(id("UGR-000-000-001")), action: RuleAction::Accept, reason };
    world.say_by_service(uf, Fact::RulesApplied { upload: 1, ruling }).await;
    world.say_by_service(uf, Fact::FileAccepted { upload: 1, note: note.clone() }).await;
    let got = world.get(PROVIDER, &format!("usage/files/{uf}")).await.json();
    assert_eq!((&got["status"], &got["acceptance_note"]), (&json!("accepted"), &json!(note)));
    assert_eq!(got["events"]["accepted"]["by"], json!({"name": note}));
    assert_eq!(got["events"]["submitted"]["by"]["id"], "SU-1");
    for key in [PROVIDER, VENDOR, OPERATOR] {
        let ruling = &world.get(key, &format!("usage/files/{uf}")).await.json()["ruling"];
        assert_eq!(ruling, &json!({"rule": {"id": "UGR-000-000-001"}, "action": "accept", "reason": "Because."}));
    }
}

#[tokio::test]
async fn what_a_person_decided_is_theirs_whatever_rules_there_are() {
    let mut world = World::new();
    record(&mut world, "UGR-000-000-001", RuleAction::Manual, RulePlace::Kept).await;
    let uf = made(&mut world, Environment::Production).await;
    checked(&mut world, uf).await;
    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    world.say(uf, "SU-2", Fact::FileRejected { upload: 1, note: "no".to_owned() }).await;
    let got = world.get(PROVIDER, &format!("usage/files/{uf}")).await.json();
    assert_eq!(got["events"]["rejected"]["by"], json!({"id": "SU-2", "name": "SU-2 name"}));
}
