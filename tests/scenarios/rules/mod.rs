//! Usage rules: what they decide about a submitted file, which of them did, and why.

mod decide;
mod simulate;

use ledger::Decimal;
use serde_json::{Value, json};

use super::http::Body;
use super::world::{CONTRACT, Distributor, PRODUCT, Vendor, World, demo_catalog};

const RULES: &str = "products/PRD-404-832-779/usage/rules";
const SUBSCRIPTION: &str = "AS-8919-8653-9735";
/// Three reports, each record as `item quantity amount tier region`.
const REPORTS: [(&str, &[&str]); 3] = [
    ("small", &["AP-CPU 5 10.50 0 EU", "AP-CPU 2 4 0 EU"]),
    ("mixed", &["AP-CPU 5 10.50 0 EU", "AP-DISK 3.25 100 1 US", "AP-CPU 1 -2 0 EU"]),
    ("large", &["AP-DISK 50 900 0 US", "AP-DISK 70 1200.25 1 US"]),
];

/// A world whose product is reported with prices per tier.
fn world() -> World {
    let world = World::new();
    let mut catalog = demo_catalog();
    catalog["products"][0]["capabilities"]["ppu"]["schema"] = json!("TR");
    world.import(&catalog).expect("a sound catalog");
    world
}

/// A file of a report, ready; its record ids begin with the prefix.
fn ready(world: &World, prefix: &str, records: &[&str]) -> String {
    let mut sheet =
        "record_id,item_search_criteria,item_search_value,quantity,amount,tier,start_time_utc,end_time_utc,\
                     asset_search_criteria,asset_search_value,v.Region\n"
            .to_owned();
    for (number, record) in records.iter().enumerate() {
        let [item, quantity, amount, tier, region] = words(record);
        let cells = [&format!("{prefix}-{number}"), "item.mpn", item, quantity, amount, tier];
        let times = ["2026-10-01 00:00:00", "2026-10-02 00:00:00", "asset.id", SUBSCRIPTION, region];
        sheet.push_str(&[&cells[..], &times[..]].concat().join(","));
        sheet.push('\n');
    }
    let path = world.path(&format!("{prefix}.csv"));
    std::fs::write(&path, sheet).expect("a sheet");
    let product = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "currency": "USD" });
    let file = world.create_with(&product);
    world.upload(&file, &path).expect(201);
    let shown = world.checked(&file);
    assert_eq!(shown["status"], "ready", "{shown:#}");
    file
}

fn words<const COUNT: usize>(line: &str) -> [&str; COUNT] {
    let words: Vec<&str> = line.splitn(COUNT, ' ').collect();
    words.try_into().unwrap_or_else(|words| panic!("{COUNT} words, not {words:?}"))
}

/// A rule as `action scope condition` or `action scope:item condition`.
fn rule(text: &str) -> Value {
    let [action, about, condition] = words(text);
    let (scope, item) = about.split_once(':').unwrap_or((about, ""));
    let mut rule = json!({ "action": action, "scope": scope, "rule": condition });
    if !item.is_empty() {
        rule["item"] = json!({ "id": item });
    }
    rule
}

/// Makes rules in their order.
fn enable(world: &World, rules: &[Value]) -> Vec<String> {
    let made = rules.iter().map(|rule| world.post(Distributor, RULES, rule).expect(201));
    made.map(|rule| rule["id"].as_str().expect("an id").to_owned()).collect()
}

fn disable(world: &World, ids: &[String]) {
    for id in ids {
        let gone = world.send(Distributor, "DELETE", &format!("{RULES}/{id}"), Body::Nothing);
        assert_eq!(gone.status, 204);
    }
}

/// Submits a file and waits for what the rules come to.
fn ruled(world: &World, file: &str) -> Value {
    world.act(Vendor, file, "submit").expect(201);
    world.wait(Vendor, &format!("usage/files/{file}"), is_ruled)
}

/// Whether a ruling has come, and what it brings: where services run apart, the two facts come one after the other.
fn is_ruled(shown: &Value) -> bool {
    shown["ruling"]["action"].as_str().is_some_and(|action| shown["status"] == status_of(action))
}

/// The status that a ruling leaves a file in.
fn status_of(action: &str) -> &'static str {
    match action {
        "accept" => "accepted",
        "reject" => "rejected",
        _ => "pending",
    }
}

/// `USD 0: 2 records, quantity, amount` for each currency and tier, summed over several lists.
fn sums<'a>(lists: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    let mut sums = std::collections::BTreeMap::new();
    for total in lists.into_iter().filter_map(Value::as_array).flatten() {
        let decimal = |name: &str| Decimal::parse(&total[name].to_string()).expect("a number");
        let sum =
            sums.entry(format!("{} {}", total["currency"], total["tier"])).or_insert((0, Decimal::ZERO, Decimal::ZERO));
        sum.0 += total["records"].as_u64().expect("a count");
        sum.1 = sum.1.saturating_add(decimal("quantity"));
        sum.2 = sum.2.saturating_add(decimal("amount"));
    }
    sums.into_iter().map(|(of, (records, quantity, amount))| format!("{of}: {records} {quantity} {amount}")).collect()
}
