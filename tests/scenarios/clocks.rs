//! A clock that jumps: what was begun before goes on after, nothing is recorded as earlier than what was there, and what was
//! known then is answered with the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Event, Fact, FileId, Moment, ServiceName, Subject};
use runtime::source::Source;
use serde_json::json;

use super::http::{Body, Request};
use super::world::{CONTRACT, Distributor, PRODUCT, Vendor, World};

const RECORDS: u32 = 12;
const DAY: i64 = 86_400;

/// Where the clock goes, one after the other: a time, or so many seconds from where it is.
const JUMPS: [(&str, Result<&str, i64>); 6] = [
    ("back a day", Err(-DAY)),
    ("ahead 35 days", Err(35 * DAY)),
    ("back 35 days", Err(-35 * DAY)),
    ("to 29 February", Ok("2028-02-29T12:00:00")),
    ("to when clocks go forward in New York", Ok("2028-03-12T06:59:50")),
    ("to when they go back", Ok("2028-11-05T05:59:50")),
];

fn events(world: &World) -> Vec<(ServiceName, Event)> {
    let sources = world.products().iter().flat_map(|product| product.bus.sources(&ServiceName::WRITERS));
    let of = |source: Source| {
        let facts = source.own(1).collect::<Vec<_>>().into_iter().map(|fact| fact.expect("it can be read"));
        facts.map(move |fact| (source.host().service, fact.event().expect("it can be decoded"))).collect::<Vec<_>>()
    };
    sources.flat_map(of).collect()
}

/// How long a day is in New York, by a file that is about it.
fn hours_of(world: &World, day: &str) -> i64 {
    let body = json!({
        "contract": { "id": CONTRACT }, "product": { "id": PRODUCT },
        "period": { "from": day, "to": day }, "time_zone": "America/New_York",
    });
    let file = world.create_with(&body);
    let period = world.get(Vendor, &format!("usage/files/{file}")).expect(200)["period"].clone();
    let at = |end: &str| Moment::parse_iso(&period[end].as_str().expect("an instant")[..19]).expect("an instant");
    (at("to").0 - at("from").0 + Moment::SECOND) / (3_600 * Moment::SECOND)
}

/// Goal: a machine's clock may be wrong, and set right. Method: before each jump a file is checked, another is made with a
/// key, and a read is kept; after it the file goes on to its end, the key names the same file, and the read as of then is
/// the same, also after a restart.
#[test]
fn a_clock_that_jumps_takes_nothing_back() {
    let mut world = World::alone(|_| {});
    let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT } });
    for (number, (name, to)) in JUMPS.into_iter().enumerate() {
        let file = world.ready(CONTRACT, &format!("jump-{number}"), RECORDS);
        let key = format!("key-{number}");
        let create = |world: &World| {
            let headers = [("Idempotency-Key", key.as_str())];
            world.send_with(Vendor, "POST", "usage/files", &headers, Body::Json(&body)).expect(201)["id"].clone()
        };
        let made = create(&world);
        let positions = events(&world).iter().fold(BTreeMap::new(), |mut counts, (service, _)| {
            *counts.entry(*service).or_insert(0_u64) += 1;
            counts
        });
        let positions: Vec<String> = positions.iter().map(|(it, last)| format!("{}-0:{last}", it.name())).collect();
        let path = format!("/public/v1/usage/files?limit=100&as_of={}", positions.join(","));
        let read = |world: &World| {
            let key = Some(Vendor.key());
            let request = Request { method: "GET", path: &path, key, headers: &[], body: Body::Nothing };
            world.request(&request).body
        };
        let before = read(&world);

        let seconds = |time: &str| {
            let there = Moment::parse_iso(time).expect("a time").0 - Moment::parse_iso(&world.now()).expect("a time").0;
            there / Moment::SECOND
        };
        let jump = to.map_or_else(|back| back, seconds);
        world.let_pass(jump);
        assert_eq!(create(&world), made, "{name}");
        world.act(Vendor, &file, "submit").expect(201);
        world.reach(&file, "pending");
        world.act(Distributor, &file, "accept").expect(201);
        world.restart();
        world.close(Distributor, &file);
        world.reach(&file, "closed");
        assert_eq!((create(&world), read(&world)), (made, before), "{name}");
    }
    check_times(&world);
    for (day, hours) in [("2028-02-29", 24), ("2028-03-12", 23), ("2028-11-05", 25)] {
        assert_eq!(hours_of(&world, day), hours, "{day}");
    }
}

/// The times of each log go on, and a file's id has the month in which it was made.
fn check_times(world: &World) {
    let mut last = BTreeMap::new();
    let mut months = BTreeSet::new();
    for (service, event) in events(world) {
        let before = last.insert(service, event.recorded_at).unwrap_or_default();
        assert!(before <= event.recorded_at, "{} {:?}", service.name(), event.fact);
        if let (Subject::File(file), Fact::FileCreated(_)) = (&event.subject, &event.fact) {
            assert_eq!(FileId::month(*file), event.recorded_at.month(), "{file}");
            months.insert(event.recorded_at.month());
        }
    }
    let months: Vec<_> = months.into_iter().collect();
    assert_eq!(months, [(2026, 11), (2026, 12), (2028, 2), (2028, 3)], "set back, the ledger keeps the later time");
}
