//! Goal: sums that are kept say what was accepted until now, to each who asks what is theirs. Method: the same questions
//! before and after an acceptance and a change of the catalog.

use serde_json::{Value, json};

use super::http::Body;
use super::world::{CONTRACT, Distributor, OtherDistributor, Party, Vendor, World};

const RECORDS: u64 = 12;

/// How many records a series counts, and how many lines there are of aggregates, as somebody sees them.
fn sums(world: &World, party: Party, by: &str) -> (u64, u64) {
    let series = world.ours(party, "GET", &format!("usage/series?by={by}&usage=2026-10"), Body::Nothing).expect(200);
    let points = series["points"].as_array().expect("points").iter();
    let records = points.map(|point| point["records"].as_u64().expect("a count")).sum();
    (records, world.get(party, "usage/aggregates?limit=0").total())
}

fn names(world: &World) -> Vec<Value> {
    let lines = world.get(Vendor, "usage/aggregates?limit=1000").expect(200);
    lines.as_array().expect("lines").iter().map(|line| line["item"]["name"].clone()).collect()
}

#[test]
fn kept_sums_are_made_again_for_what_was_accepted_or_renamed() {
    let world = World::new();
    for by in ["day", "month", "product", "customer"] {
        assert_eq!(sums(&world, Vendor, by), (0, 0), "{by}");
    }
    for accepted in 1..=2_u64 {
        world.accepted(CONTRACT, &format!("sums-{accepted}"), RECORDS as u32);
        for by in ["day", "month", "product", "customer"] {
            for party in [Vendor, Distributor] {
                let (records, lines) = sums(&world, party, by);
                assert_eq!((records, lines > 0), (accepted * RECORDS, true), "{party:?} by {by}");
                assert_eq!(sums(&world, party, by), (records, lines), "the same again");
            }
            assert_eq!(sums(&world, OtherDistributor, by), (0, 0), "nothing of it is another's");
        }
        world.pending(CONTRACT, &format!("sums-pending-{accepted}"), RECORDS as u32);
    }
    let renamed = json!({ "name": "Renamed for the sums" });
    let items = world.get(Vendor, "usage/aggregates?limit=1").expect(200);
    let item = items[0]["item"]["id"].as_str().expect("an id").to_owned();
    let product = item.rsplit_once('-').expect("of a product").0.to_owned();
    assert!(!names(&world).contains(&renamed["name"]));
    world.send(Vendor, "PUT", &format!("products/{product}/items/{item}"), Body::Json(&renamed)).expect(200);
    assert!(names(&world).contains(&renamed["name"]));
}
